//! Questions line by line: what was said holds, commands, statements over several lines, errors that do not end it.

mod support;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use distsys_graph::Analysis;
use distsys_graph::datalog::Limits;
use distsys_graph::facts::bundle::Derived;
use distsys_graph::query::{Cell, Reply, Session};

fn shop(limits: Limits) -> Session {
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/shop");
    let facts = Analysis::of_paths([tree]).extract(&|_| {}).expect("the example can be read").facts;
    Session::of_tree(facts, Derived::default(), &[], limits).expect("the models are sound")
}

/// What a reply says, in short.
fn said(reply: Reply) -> String {
    let text = |cell: &Cell| match cell {
        Cell::Number(number) => number.to_string(),
        Cell::Text(text) => text.clone(),
    };
    match reply {
        Reply::Kept => "kept".to_owned(),
        Reply::More => "more".to_owned(),
        Reply::End => "end".to_owned(),
        Reply::Error(error) => format!("error: {error}"),
        Reply::Lines(lines) => lines.join("\n"),
        Reply::Tables(tables, time) => {
            let rows = tables.iter().flat_map(|table| &table.rows);
            let rows: Vec<String> = rows.map(|row| row.iter().map(text).collect::<Vec<_>>().join(" | ")).collect();
            format!("{}{}", rows.join("\n"), if time.is_some() { "\ntimed" } else { "" })
        }
    }
}

#[test]
fn what_is_said_holds_for_what_is_asked() {
    let mut session = shop(Limits::default());
    let mut line = |text: &str| said(session.line(text));
    let writers = "orders/service.py:14 take | stock\norders/service.py:7 place | order";
    assert_eq!(line(r#"effect(function: f, kind: "db_write", entity: e, direct: 1)"#), writers);
    assert_eq!(line(r#"writes(f, e) :- effect(function: f,"#), "more");
    assert_eq!(line(r#"    kind: "db_write", entity: e, direct: 1)."#), "kept");
    assert_eq!(line("writes(f, e)"), writers);
    assert_eq!(line(r#"watched("stock")."#), "kept");
    assert_eq!(line("writes(f, e), watched(e)"), "orders/service.py:14 take | stock");
    assert_eq!(line(":schema writes"), "writes(f: function, e: symbol)");
    assert_eq!(line(":time"), "times are shown");
    assert!(line("watched(e)").ends_with("stock\ntimed"));
    assert_eq!(line(":program").lines().count(), 3);
    assert_eq!(line(":forget"), "kept");
    assert!(line("writes(f, e)").contains("there is no relation `writes`"));
    assert_eq!(line(":quit"), "end");
}

#[test]
fn errors_are_told_and_forgotten() {
    let mut session = shop(Limits::default());
    let mut line = |text: &str| said(session.line(text));
    assert!(line("cals(s, f, c)").contains("did you mean `calls(site, function, confidence)`?"));
    assert!(line("p(x) :- calls(x, _, _), !p(x).").contains("no order of evaluation"));
    assert!(line("p(x, y) :- calls(x, _, _), y > x.").contains("bound by nothing"));
    assert!(line("calls(1, 2, \"high\").").contains("take another name"));
    assert!(line(":nothing").contains("`:help` lists them"));
    assert!(line("calls(s, f, )").starts_with("error"));
    assert_eq!(line("calls(s, f"), "more");
    assert!(line("").contains("found the end of the program"));
    // Nothing of all this is kept.
    assert_eq!(line(":program"), "");
    assert_eq!(line("p(f) :- calls(_, f, _)."), "kept");
    assert!(!line("p(f)").is_empty());
}

#[test]
fn why_it_holds() {
    let mut session = shop(Limits::default());
    session.line("reaches(f, g) :- call_graph(f, g, _).");
    session.line("reaches(f, h) :- reaches(f, g), call_graph(g, h, _).");
    let proof = said(session.line(r#":explain reaches(f, g), effect(function: g, kind: "http_request", direct: 1)"#));
    assert!(proof.contains("by input 2:1") || proof.contains("by input 1:1"), "{proof}");
    assert!(proof.contains("call_graph(") && proof.contains("effect("), "{proof}");
    assert_eq!(said(session.line(r#":explain entry_point(f, "nothing")"#)), "it does not hold");
}

#[test]
fn names_are_completed() {
    let mut session = shop(Limits::default());
    session.line("call_pairs(f, g) :- call_graph(f, g, _).");
    let ways = |line: &str| session.completions(line, line.len());
    assert_eq!(
        ways("cal"),
        (0, ["call(", "call_graph(", "call_pairs(", "callback(", "calls("].map(str::to_owned).to_vec())
    );
    assert_eq!(ways("calls(s, _, _), entry_"), (16, vec!["entry_point(".to_owned()]));
    assert_eq!(ways("effect(function: f, en"), (20, vec!["entity: ".to_owned()]));
    assert_eq!(ways("effect(function: f"), (17, Vec::new()));
    assert_eq!(ways(":sch"), (1, vec!["schema".to_owned()]));
    assert_eq!(ways(":schema entry_"), (8, vec!["entry_point".to_owned()]));
}

#[test]
fn a_query_is_stopped_and_the_session_goes_on() {
    static STOP: AtomicBool = AtomicBool::new(true);
    let mut session = shop(Limits { stop: Some(&STOP), ..Limits::default() });
    assert!(said(session.line("call_graph(f, g, _)")).contains("was stopped"));
    STOP.store(false, Ordering::Relaxed);
    assert!(!said(session.line("call_graph(f, g, _)")).starts_with("error"));
}

#[test]
fn plain_files_are_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("edge.facts"), "a\tb\nb\tc\n").expect("facts");
    let mut session = Session::of_files(folder.path().to_path_buf(), Limits::default());
    let mut line = |text: &str| said(session.line(text));
    assert_eq!(line(".decl edge(x: symbol, y: symbol)"), "kept");
    assert_eq!(line(".input edge"), "kept");
    assert_eq!(line("path(x, y) :- edge(x, y). path(x, z) :- path(x, y), edge(y, z)."), "kept");
    assert_eq!(line("path(\"a\", y)"), "b\nc");
    assert_eq!(line(".output path"), "a | b\na | c\nb | c");
}

#[test]
fn a_pipe_is_read_to_its_end() {
    let tree = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/shop");
    let mut child = Command::new(env!("CARGO_BIN_EXE_distsys-graph"))
        .args(["query", tree, "--format", "tsv"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command was built for this test");
    let lines =
        "writes(f) :- effect(function: f, kind: \"db_write\", direct: 1).\nwrites(f)\nwrote(f)\nwrites(f),\n writes(f)";
    child.stdin.take().expect("a pipe").write_all(lines.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let rows = "orders/service.py:14 take\norders/service.py:7 place\n";
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{rows}{rows}"));
    assert!(String::from_utf8_lossy(&output.stderr).contains("did you mean `writes(f)`?"));
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn models_and_exclusions_of_the_project_hold() {
    let model = "library = \"paylib\"\nlanguage = \"python\"\nmodules = [\"paylib\"]\n\n[[op]]\ncall = \"paylib.settle\"\nkind = \"payment\"\n\
        example = \"paylib.settle(1)\"\n";
    let project = support::project(&[
        ("distsys-graph.toml", "[paths]\nexclude = [\"old/**\"]\n\n[models]\nfiles = [\"models/pay.toml\"]\n"),
        ("models/pay.toml", model),
        ("a.py", "import paylib\n\ndef pay():\n    paylib.settle(1)\n"),
        ("old/b.py", "import paylib\n\ndef old():\n    paylib.settle(1)\n"),
    ]);
    let asked = |question: &str, more: &[&str]| {
        let path = project.path();
        let output = support::run(&[&["query", &path, "-e", question, "--format", "tsv"], more].concat());
        assert_eq!(output.status, 0, "{}", output.stderr);
        output.stdout
    };
    let (paying, functions) = ("op(kind: \"payment\", path: p)", "function(qualified: q, kind: \"function\")");
    assert_eq!(asked(paying, &[]), "paylib.settle\n");
    assert_eq!(asked(functions, &[]), "pay\n");
    assert_eq!(asked(paying, &["--no-config"]), "");
    assert_eq!(asked(functions, &["--no-config"]), "old\npay\n");
    let missing = support::run(&["query", &project.path(), "-e", paying, "--config", "none.toml"]);
    assert_eq!(missing.status, 2);
    assert!(missing.stderr.contains("none.toml"), "{}", missing.stderr);
}
