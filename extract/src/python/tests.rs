use distsys_facts::{FactBase, Role};

use super::Python;
use crate::front_end::FrontEnd;

fn lower(text: &str) -> FactBase {
    Python.lower("a.py", text, Role::Source)
}

/// `receiver?.name(argument kinds)` of every call, in order.
fn calls(text: &str) -> Vec<String> {
    let facts = lower(text);
    let r = &facts.relations;
    r.call
        .iter()
        .map(|call| {
            let arguments: Vec<String> = r
                .argument
                .iter()
                .filter(|argument| argument.site == call.site)
                .map(|argument| match facts.text(argument.keyword) {
                    "" => argument.position.to_string(),
                    keyword => keyword.to_owned(),
                })
                .collect();
            let dot = if call.receiver.is_some() { "." } else { "" };
            format!("{dot}{}({})", facts.text(call.name), arguments.join(","))
        })
        .collect()
}

#[test]
fn calls_in_evaluation_order() {
    assert_eq!(calls("f(g(1), k=h())"), ["g(0)", "h()", "f(0,k)"]);
    assert_eq!(calls("a.b.c(*x, **y)"), [".c(*,**)"]);
    assert_eq!(calls("[f(x) for x in g()]"), ["g()", "f(0)"]);
}

#[test]
fn an_attribute_of_a_literal_name_is_loaded() {
    assert_eq!(calls("getattr(a, 'b', f())()"), ["f()", "()"]);
    assert_eq!(calls("getattr(a, name)()"), ["getattr(0,1)", "()"]);
    let facts = lower("limit = getattr(settings, 'LIMIT', 10)");
    let loaded: Vec<&str> = facts.relations.load.iter().map(|row| facts.text(row.field)).collect();
    assert_eq!(loaded, ["LIMIT"]);
}

#[test]
fn decorators_are_calls_before_the_function() {
    assert_eq!(calls("@app.task(bind=True)\n@cached\ndef f():\n    g()\n"), [".task(bind)", "cached()", "g()"]);
}

#[test]
fn module_names_are_exported_and_seen_from_functions() {
    let facts = lower("def f():\n    return later()\ndef later(): pass\n");
    assert!(facts.relations.global.is_empty());
    assert_eq!(facts.relations.export.len(), 2);
    assert_eq!(facts.relations.capture.len(), 1);
}

#[test]
fn methods_have_a_receiver_and_static_ones_do_not() {
    let facts = lower("class A(Base):\n    def m(self, x): pass\n    @staticmethod\n    def s(x): pass\n");
    let kinds: Vec<_> = facts.relations.parameter.iter().map(|row| row.kind).collect();
    use distsys_facts::ParameterKind::{Positional, Receiver};
    assert_eq!(kinds, [Receiver, Positional, Positional]);
    assert_eq!(facts.text(facts.relations.extends[0].base), "Base");
}

#[test]
fn text_with_holes() {
    for text in ["f'a{x}b'", "'a%sb' % x", "'a{}b'.format(x)", "'a' + x"] {
        let facts = lower(text);
        let template = facts.text(facts.relations.template[0].text);
        assert!(template.starts_with("a{}"), "{text}: {template}");
    }
}

#[test]
fn sql_is_read_from_literals() {
    let facts = lower("cur.execute('UPDATE orders SET state = %s WHERE id = %s', (s, i))");
    assert_eq!(facts.text(facts.relations.sql[0].table), "orders");
}

#[test]
fn a_syntax_error_loses_only_its_place() {
    let facts = lower("def f():\n    g()\n\nx = = 1\n\ndef h():\n    k()\n");
    assert_eq!(facts.relations.diagnostic.len(), 1);
    assert!(facts.relations.call.len() >= 2);
}

#[test]
fn types_are_spelled_in_one_way() {
    let facts = lower("def f(a: Optional[Session], b: 'list[Order]', c: A | None) -> Union[X, Y]: pass");
    let types: Vec<&str> = facts.relations.parameter.iter().map(|row| facts.text(row.type_)).collect();
    assert_eq!(types, ["Optional<Session>", "list<Order>", "A|None"]);
    assert_eq!(facts.text(facts.relations.return_type[0].type_), "X|Y");
}
