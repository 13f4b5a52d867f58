//! What a run costs, counted where time is too noisy: tuples of each relation, bytes of facts a line, steps of the resolution,
//! turns of each stratum of the restated rules. A change of cost shows as a change of `counters/*.txt`; read it, then
//! `UPDATE_COUNTERS=1 cargo test -p distsys-tests --test counters`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use distsys_graph::Analysis;
use distsys_graph::datalog::{Database, Limits, answer, declare, parse};
use distsys_graph::facts::bundle::{Derived, write};
use distsys_queries::{derive_relations, load_extracted};

/// The pinned sources: one service in each language, and the one that the documents speak of.
const SOURCES: &[&str] = &[
    "examples/shop",
    "tests/services/python",
    "tests/services/typescript",
    "tests/services/rust",
    "tests/services/go-orders",
    "tests/services/java",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn counters(source: &str) -> String {
    let report = Analysis::of_paths([root().join(source)]).run().expect("an analysis");
    let (facts, lines) = (report.facts(), report.summary.lines);
    let bytes = write(facts, &Derived::default()).len() as u64;
    let mut text = format!(
        "{source}\n\nfiles {}\nlines {lines}\nfacts: bytes {bytes}, {} a line\n",
        report.paths.len(),
        bytes / lines
    );
    let _ = writeln!(text, "\ntuples");
    for (name, count) in report.counts.iter().filter(|(_, count)| *count > 0) {
        let _ = writeln!(text, "{name} {count}");
    }
    let _ = writeln!(text, "\ncall sites: of the project, of libraries, unresolved");
    for (language, project, library, unresolved) in &report.resolution {
        let _ = writeln!(text, "{language} {project} {library} {unresolved}");
    }
    let folder = root().join("tests/restated");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).ok();
    let program = parse("all.dl", &read("all.dl").expect("the program is there"), &mut |name| read(name));
    let program = program.unwrap_or_else(|problem| panic!("{problem}"));
    let mut database = Database::default();
    let wanted = program.foreign();
    load_extracted(facts, &wanted, &mut database);
    derive_relations(facts, &[], &wanted, &mut database).expect("the models are right");
    declare(&program, &mut database).unwrap_or_else(|problem| panic!("{problem}"));
    let given: Vec<(String, usize)> =
        database.relations().iter().map(|relation| (relation.name.clone(), relation.len())).collect();
    answer(&program, &mut database, &Limits::default()).unwrap_or_else(|problem| panic!("{problem}"));
    let _ = writeln!(text, "\nrestated rules: tuples derived");
    for relation in database.relations() {
        let before = given.iter().find(|(name, _)| *name == relation.name).map_or(0, |(_, count)| *count);
        if relation.len() > before {
            let _ = writeln!(text, "{} {}", relation.name, relation.len() - before);
        }
    }
    let turns = database.turns();
    let _ = writeln!(text, "\nrestated rules: strata {}, their turns {}", turns.len(), turns.iter().sum::<usize>());
    text
}

#[test]
fn costs_are_those_that_were_read() {
    let mut stale = Vec::new();
    for source in SOURCES {
        let name = source.rsplit('/').next().unwrap_or(source);
        let file = root().join("tests/counters").join(format!("{name}.txt"));
        let (before, after) = (std::fs::read_to_string(&file).unwrap_or_default(), counters(source));
        if before == after {
            continue;
        }
        if std::env::var_os("UPDATE_COUNTERS").is_some() {
            std::fs::write(&file, after).expect("the file can be written");
            continue;
        }
        let changed: Vec<String> = after
            .lines()
            .filter(|line| !before.lines().any(|known| known == *line))
            .map(|line| format!("    {line}"))
            .collect();
        stale.push(format!("tests/counters/{name}.txt: now it is\n{}", changed.join("\n")));
    }
    assert!(
        stale.is_empty(),
        "the cost has changed; if it is meant to, UPDATE_COUNTERS=1 cargo test -p distsys-tests --test counters\n{}",
        stale.join("\n")
    );
}
