//! Built-in rules, restated in the query language (`restated/*.dl`), find what the compiled ones find: in every case of every
//! page, and in the small services.

use std::collections::BTreeSet;
use std::path::Path;

use distsys_graph::datalog::Limits;
use distsys_graph::facts::bundle::Derived;
use distsys_graph::pages::cases;
use distsys_graph::query::{Cell, ask};
use distsys_graph::{Analysis, Confidence, Selection, Source, rules};

/// The rules that are restated.
const RESTATED: &[&str] = &[
    "connection-held-across-remote-call",
    "enqueue-before-commit",
    "lock-without-expiry",
    "remote-call-in-transaction",
    "replica-read-modify-write",
    "retry-of-side-effect",
    "unbounded-retry",
    "write-then-replica-read",
];

/// Cases in which a compiled rule asks what no relation tells yet, so that the restated one differs: a debt, which may only
/// shrink.
const BEYOND: &[(&str, &str)] = &[
    ("retry-of-side-effect / Silent / Python: a mark that can be set once", "what a guard within an attempt decides"),
    (
        "unbounded-retry / Fires / Java: fewer attempts than none are as many as it takes",
        "the number that attempts are",
    ),
    ("replica-read-modify-write / Silent / TypeScript: a thumbnail made twice is the same", "what is derived data"),
    (
        "replica-read-modify-write / Silent / TypeScript: the write asks for the state that was read",
        "which columns a condition compares",
    ),
    (
        "remote-call-in-transaction / Silent / Python: asked before the session's first statement",
        "that a session's transaction is open from its first statement",
    ),
    (
        "remote-call-in-transaction / Silent / Go: what is cleaned up at the end has a transaction of its own",
        "which transaction a commit ends",
    ),
    (
        "enqueue-before-commit / Fires / Java: an event whose listener runs in a task of its own, a method that does, and what an executor is given",
        "what a task works on that its starter has written",
    ),
    (
        "enqueue-before-commit / Silent / TypeScript: a relay sends the rows that it has locked, and then marks them",
        "that rows sent are those that were locked",
    ),
    ("enqueue-before-commit / Silent / Java: what tells that the write has failed", "what is done after a failure"),
    ("enqueue-before-commit / Silent / Go: what tells that the write has failed", "what is done after a failure"),
];

type Found = BTreeSet<(String, String, u32)>;

/// What the compiled rules find, and what the restated ones do.
fn both(analysis: Analysis) -> (Found, Found) {
    let selection = Selection { preview: true, min_confidence: Confidence::Low, ..Selection::default() };
    let report = analysis.selection(selection).run().expect("an analysis");
    let findings = report.findings.iter().map(|reported| &reported.finding);
    let compiled = findings
        .filter(|finding| RESTATED.contains(&finding.rule.slug))
        .map(|finding| (finding.rule.slug.to_owned(), finding.primary.path.clone(), finding.primary.line))
        .collect();
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("restated/all.dl");
    let text = std::fs::read_to_string(&program).expect("the program is there");
    let tables =
        ask(report.facts(), &Derived::default(), &[], &program.display().to_string(), &text, &Limits::default())
            .unwrap_or_else(|error| panic!("{error}"));
    let rows = tables.iter().flat_map(|table| &table.rows).map(|row| match &row[..] {
        [Cell::Text(rule), Cell::Text(path), Cell::Number(line)] => (rule.clone(), path.clone(), *line as u32),
        other => panic!("{other:?} is no finding"),
    });
    (compiled, rows.collect())
}

fn difference(name: &str, (compiled, restated): &(Found, Found)) -> String {
    let missing = compiled.difference(restated).map(|finding| format!("{name}: only compiled {finding:?}\n"));
    let more = restated.difference(compiled).map(|finding| format!("{name}: only restated {finding:?}\n"));
    missing.chain(more).collect()
}

/// How often each rule must have spoken for its silence to mean something.
const LEAST: usize = 6;

#[test]
fn restated_rules_find_what_the_compiled_ones_find() {
    let mut differences = String::new();
    let mut all: Vec<String> = Vec::new();
    let mut beyond: Vec<String> = Vec::new();
    for rule in rules() {
        for case in cases(rule.info.page) {
            let name = format!("{} / {} / {}", rule.info.slug, case.section, case.title);
            let sources = case.files.iter().map(|(_, path, text)| Source::new(path.as_str(), text.as_str())).collect();
            let found = both(Analysis::of_sources(sources).jobs(Some(1)));
            all.extend(found.0.iter().map(|(rule, ..)| rule.clone()));
            let difference = difference(&name, &found);
            match BEYOND.iter().any(|(case, _)| *case == name) {
                true => beyond.extend((!difference.is_empty()).then_some(name)),
                false => differences += &difference,
            }
        }
    }
    let stale: Vec<&str> =
        BEYOND.iter().map(|(case, _)| *case).filter(|case| !beyond.iter().any(|name| name == case)).collect();
    assert!(stale.is_empty(), "no longer beyond the restated rules: {stale:?}");
    let services = Path::new(env!("CARGO_MANIFEST_DIR")).join("services");
    for service in std::fs::read_dir(services).expect("the services are there") {
        let path = service.expect("a service").path();
        let found = both(Analysis::of_paths([path.clone()]));
        all.extend(found.0.iter().map(|(rule, ..)| rule.clone()));
        differences += &difference(&path.display().to_string(), &found);
    }
    assert!(differences.is_empty(), "{} differ:\n{differences}", differences.lines().count());
    for rule in RESTATED {
        let times = all.iter().filter(|known| known == rule).count();
        assert!(times >= LEAST, "{rule} is found {times} times only");
    }
}
