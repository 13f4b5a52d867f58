//! Questions in Datalog: answers over a tree, programs over plain facts, errors that point at the place.

use std::path::Path;

use distsys_graph::Analysis;
use distsys_graph::datalog::Limits;
use distsys_graph::facts::bundle::{self, Derived};
use distsys_graph::query::{Cell, QueryError, Source, Table, ask, derive_tables, prove, run};

fn shop() -> distsys_graph::facts::FactBase {
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/shop");
    Analysis::of_paths([tree]).extract(&|_| {}).expect("the example can be read").facts
}

fn answers(text: &str) -> Result<Vec<Table>, QueryError> {
    ask(&shop(), &Derived::default(), &[], "question", text, &Limits::default())
}

fn rows(table: &Table) -> Vec<String> {
    let text = |cell: &Cell| match cell {
        Cell::Number(number) => number.to_string(),
        Cell::Text(text) => text.clone(),
    };
    table.rows.iter().map(|row| row.iter().map(text).collect::<Vec<_>>().join(" | ")).collect()
}

#[test]
fn a_body_is_a_question() {
    let tables = answers(r#"effect(function: f, kind: "db_write", entity: e, direct: 1)"#).expect("an answer");
    assert_eq!(tables[0].columns, ["f", "e"]);
    assert_eq!(rows(&tables[0]), ["orders/service.py:14 take | stock", "orders/service.py:7 place | order"]);
}

#[test]
fn recursion_negation_and_aggregates_over_what_is_derived() {
    let text = r#"
        reaches(a, b) :- call_graph(a, b, _).
        reaches(a, c) :- reaches(a, b), call_graph(b, c, _).
        started(f) :- entry_point(f, _).
        started(f) :- entry_point(e, _), reaches(e, f).
        unused(q) :- function(function: f, qualified: q, kind: "function"), !started(f).
        width(n) :- n = count : { reaches(_, _) }.
    "#;
    let tables = answers(text).expect("an answer");
    let names: Vec<&str> = tables.iter().map(|table| table.relation.as_str()).collect();
    assert_eq!(names, ["unused", "width"]);
    assert!(!tables[0].rows.is_empty());
    assert!(matches!(tables[1].rows[0][0], Cell::Number(number) if number > 2));
}

#[test]
fn errors_point_at_the_place_and_name_the_nearest() {
    let cases = [
        ("cals(s, f, c)", "did you mean `calls(site, function, confidence)`?\n --> question:1:1"),
        ("calls(s, f)", "has 3 columns, here are 2"),
        ("calls(site: s, fnction: f)", "did you mean `function`?\n --> question:1:25"),
        ("calls(s, f, 3)", "expected a symbol, found a number\n --> question:1:13"),
        ("calls(s, _, _), class(s, _, _, _, _, _, _)", "expected the id of a class, found the id of a site"),
        (
            "p(x) :- calls(x, _, _), !q(x).\nq(x) :- calls(x, _, _), !p(x).",
            "no order of evaluation gives a meaning to that",
        ),
        ("p(x, y) :- calls(x, _, _).", "the type of this column of `p` is not known"),
        ("calls(x, _, _), y < 3", "`y` is bound by nothing"),
        ("calls(x, _, _", "expected `,`, found the end of the program"),
        ("p(\"a) :- true.", "this text is not closed"),
        (".decl r(x: nubmer)", "did you mean `number`?"),
        ("calls(s, f, c), match(\"(\", c)", "is no regular expression"),
    ];
    for (text, wanted) in cases {
        let error = answers(text).expect_err(text).to_string();
        assert!(error.contains(wanted), "{text}\n{error}");
    }
}

#[test]
fn limits_end_what_would_not_end() {
    let limits = Limits { max_tuples: 1000, ..Limits::default() };
    let text = ".decl n(x: number)\nn(0).\nn(x + 1) :- n(x).\n.output n";
    let error = run(Path::new("."), "grow.dl", text, &limits).expect_err("no end");
    assert!(error.to_string().contains("more than 1000 tuples"), "{error}");
}

#[test]
fn programs_over_plain_facts() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("edge.facts"), "a\tb\nb\tc\nc\td\n").expect("facts");
    let text = r#"
        .decl edge(x: symbol, y: symbol)
        .input edge
        .decl path(x: symbol, y: symbol)
        path(x, y) :- edge(x, y).
        path(x, z) :- path(x, y), edge(y, z).
        .printsize path
        .decl ends(x: symbol, n: number, longest: number, name: symbol)
        ends(x, n, l, cat(x, "-", to_string(n))) :-
            edge(x, _), n = count : { path(x, _) }, l = max strlen(y) : { path(x, y) }, (x = "a" ; match("[bc]", x)), !edge("d", x).
        .output ends
    "#;
    let tables = run(folder.path(), "paths.dl", text, &Limits::default()).expect("an answer");
    assert_eq!((tables[0].only_size, tables[0].rows.len()), (Some(6), 0));
    assert_eq!(rows(&tables[1]), ["a | 3 | 1 | a-3", "b | 2 | 1 | b-2", "c | 1 | 1 | c-1"]);
}

#[test]
fn a_bundle_answers_as_its_tree_does() {
    let question = r#"call_graph(caller: f, callee: g), effect(function: g, kind: k, direct: 1)"#;
    let mut facts = shop();
    let derived = derive_tables(&mut facts, &[]).expect("the models are sound");
    let (facts, derived) = bundle::read(&bundle::write(&facts, &derived)).expect("it was just written");
    let kept = ask(&facts, &derived, &[], "question", question, &Limits::default()).expect("an answer");
    let anew = answers(question).expect("an answer");
    assert_eq!(rows(&kept[0]), rows(&anew[0]));
    assert!(!kept[0].rows.is_empty());
}

#[test]
fn a_proof_goes_down_to_what_is_given() {
    let text = r#"
        edge("a", "b"). edge("b", "c"). edge("a", "d").
        path(x, y) :- edge(x, y).
        path(x, z) :- path(x, y), edge(y, z).
        end(x) :- path("a", x), !edge(x, _).
        .output end
    "#;
    let proofs = prove(Source::Files(Path::new("")), "paths.dl", text, &Limits::default(), 1).expect("a proof");
    assert_eq!(
        proofs[0].join("\n"),
        r#"end("c")   by paths.dl:5
├─ path("a", "c")   by paths.dl:4
│  ├─ path("a", "b")   by paths.dl:3
│  │  └─ edge("a", "b")   by paths.dl:2
│  └─ edge("b", "c")   by paths.dl:2
└─ not edge("c", _): looked for among 3 rows"#
    );
}
