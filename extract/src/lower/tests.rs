use distsys_facts::{CallKind, EdgeKind, FunctionFlags, FunctionKind, Language, RegionKind, Role};

use super::{Callee, FunctionSpec, Lowering, Span};

fn lowering(text: &str) -> Lowering<'_> {
    Lowering::new("a.py", text, Language::Python, Role::Source)
}

#[test]
fn an_arm_that_returns_does_not_reach_what_follows() {
    let mut lower = lowering("");
    let at = Span::default();
    let mut choice = lower.begin_choice();
    lower.begin_arm(&choice, RegionKind::Branch, None, at);
    let in_arm = lower.block();
    lower.return_(None, at);
    lower.end_arm(&mut choice);
    lower.end_choice(choice, false);
    let join = lower.block();
    let facts = lower.finish();
    assert!(!facts.relations.edge.iter().any(|edge| edge.from == in_arm));
    assert!(facts.relations.edge.iter().any(|edge| edge.to == join && edge.kind == EdgeKind::Normal));
}

#[test]
fn inner_functions_capture_outer_names_but_not_class_bodies() {
    let mut lower = lowering("");
    let outer = lower.declare("outer");
    lower.push_class_scope();
    lower.declare("member");
    let function = lower.begin_function(FunctionSpec {
        name: "f",
        kind: FunctionKind::Function,
        flags: FunctionFlags::default(),
        class: None,
        return_type: "",
        span: Span::default(),
    });
    assert_eq!(lower.lookup("outer"), Some(outer));
    assert_eq!(lower.lookup("member"), None);
    lower.end_function();
    lower.pop_scope();
    let facts = lower.finish();
    assert_eq!(facts.relations.capture.len(), 1);
    assert_eq!((facts.relations.capture[0].function, facts.relations.capture[0].var), (function, outer));
}

#[test]
fn directives_name_rules_and_reason() {
    let mut lower = lowering("x\n# distsys-graph: ignore[unbounded-queue, dual-write] bounded by the caller\n");
    lower.comment(2, "# distsys-graph: ignore[unbounded-queue, dual-write] bounded by the caller");
    let facts = lower.finish();
    let rows: Vec<_> = facts
        .relations
        .directive
        .iter()
        .map(|row| (row.line, facts.text(row.verb), facts.text(row.rule), facts.text(row.reason)))
        .collect();
    assert_eq!(
        rows,
        [
            (2, "ignore", "unbounded-queue", "bounded by the caller"),
            (2, "ignore", "dual-write", "bounded by the caller")
        ]
    );
}

#[test]
fn sql_in_a_template_is_read() {
    let mut lower = lowering("");
    let hole = lower.name("id");
    lower.template("UPDATE orders SET state = 'x' WHERE id = {}", &[hole]);
    let log = lower.name("log");
    lower.call(CallKind::Call, Callee::Value(log, "log"), &[], Span::default());
    let facts = lower.finish();
    assert_eq!(facts.text(facts.relations.sql[0].table), "orders");
    assert_eq!(facts.relations.call.len(), 1);
}

#[test]
fn a_statement_goes_on_from_one_with_a_name() {
    let mut lower = lowering("");
    let name = lower.declare("SELECT_ORDER");
    let text = lower.string("SELECT total FROM orders WHERE id = $1");
    lower.assign(name, text);
    let id = lower.name("id");
    lower.template("{} FOR UPDATE OF {}", &[name, id]);
    let facts = lower.finish();
    let whole = facts.relations.template[0];
    assert_eq!(facts.text(whole.text), "SELECT total FROM orders WHERE id = $1 FOR UPDATE OF {}");
    assert_eq!(facts.relations.hole.iter().map(|row| (row.index, row.value)).collect::<Vec<_>>(), [(0, id)]);
    assert!(
        facts.relations.sql.iter().any(|row| row.var == whole.var && facts.text(row.clauses).contains("for_update"))
    );
}
