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

/// What differs, and every rule that the compiled ones found, as often as they did.
type Compared = (String, Vec<String>);

fn compare(name: &str, analysis: Analysis) -> Compared {
    let found = both(analysis);
    (difference(name, &found), found.0.iter().map(|(rule, ..)| rule.clone()).collect())
}

fn on_every_page() -> Vec<Compared> {
    let pages = rules().iter().flat_map(|rule| cases(rule.info.page).into_iter().map(|case| (rule.info.slug, case)));
    let all: Vec<_> = pages.collect();
    let compare = |(slug, case): &(&str, distsys_graph::pages::Case)| {
        let name = format!("{slug} / {} / {}", case.section, case.title);
        let sources = case.files.iter().map(|(_, path, text)| Source::new(path.as_str(), text.as_str())).collect();
        compare(&name, Analysis::of_sources(sources).jobs(Some(1)))
    };
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        let parts = all.chunks(all.len().div_ceil(threads));
        let running: Vec<_> =
            parts.map(|part| scope.spawn(move || part.iter().map(compare).collect::<Vec<_>>())).collect();
        running.into_iter().flat_map(|part| part.join().expect("no case stops the run")).collect()
    })
}

fn on_every_service() -> Vec<Compared> {
    let services = Path::new(env!("CARGO_MANIFEST_DIR")).join("services");
    let paths =
        std::fs::read_dir(services).expect("the services are there").map(|entry| entry.expect("a service").path());
    paths.map(|path| compare(&path.display().to_string(), Analysis::of_paths([path.clone()]))).collect()
}

#[test]
fn restated_rules_find_what_the_compiled_ones_find() {
    let compared: Vec<Compared> = on_every_page().into_iter().chain(on_every_service()).collect();
    let differences: String = compared.iter().map(|(difference, _)| difference.as_str()).collect();
    assert!(differences.is_empty(), "{} differ:\n{differences}", differences.lines().count());
    for rule in RESTATED {
        let times = compared.iter().flat_map(|(_, found)| found).filter(|known| known == rule).count();
        assert!(times >= LEAST, "{rule} is found {times} times only");
    }
}
