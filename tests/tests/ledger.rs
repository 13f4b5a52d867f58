//! The precision ledger: what was judged, finding by finding, in `tests/ledger/<rule>.tsv`. The table in docs/precision.md
//! is made from it (`UPDATE_DOCS=1`), and it decides which rules may be stable.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use distsys_graph::{Maturity, rules};

const HEADER: &str = "repository\tcommit\tpath\tline\tverdict\treason";

const INTRODUCTION: &str = "# Precision

How many findings on real repositories were true, by reading each in its source. One row a finding stands in `tests/ledger/<rule>.tsv`; this table is made from it by
`UPDATE_DOCS=1 cargo test -p distsys-tests --test ledger`. *Arguable*: the mechanism is as told, whether it hurts is the authors' to say. A rule without a row has no finding in the repositories of [real-runs.md](real-runs.md).

A rule is to be stable only while at least nine of ten of its judged findings are true. Those marked † are below that and on by default all the same: what is told of them that is not true is told in the ledger, and the test fails
when a rule joins them or no longer belongs there.

| rule | judged | true | arguable | false | share | maturity |
|---|---:|---:|---:|---:|---:|---|
";

/// The share of true findings that a stable rule has.
const STABLE: f64 = 0.9;

/// Rules that are stable below that share: a debt, which may only shrink.
const BELOW: &[&str] = &[
    "cache-not-invalidated",
    "cache-stampede",
    "lock-held-across-await",
    "lock-without-fenced-write",
    "lost-update",
    "replica-read-modify-write",
    "retry-without-idempotency-key",
    "swallowed-consumer-error",
    "unbounded-fanout",
    "unbounded-queue",
    "write-then-replica-read",
];

#[test]
fn the_table_is_that_of_the_ledger() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("ledger");
    let mut table = String::from(INTRODUCTION);
    let mut counts: BTreeMap<String, [usize; 3]> = BTreeMap::new();
    for file in std::fs::read_dir(&folder).expect("the ledger is there").flatten() {
        let path = file.path();
        let rule = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        assert!(rules().iter().any(|known| known.info.slug == rule), "{} belongs to no rule", path.display());
        let text = std::fs::read_to_string(&path).expect("the ledger can be read");
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some(HEADER), "{}", path.display());
        let verdicts = counts.entry(rule).or_default();
        for line in lines {
            let fields: Vec<&str> = line.split('\t').collect();
            assert!(fields.len() == 6 && fields.iter().all(|field| !field.is_empty()), "{}: {line}", path.display());
            let verdict = ["true", "arguable", "false"].iter().position(|known| *known == fields[4]);
            verdicts[verdict.unwrap_or_else(|| panic!("{}: no verdict in {line}", path.display()))] += 1;
        }
    }
    let mut below: Vec<&str> = Vec::new();
    for (rule, &[right, arguable, wrong]) in &counts {
        let judged = right + arguable + wrong;
        let share = right as f64 / judged.max(1) as f64;
        let known = rules().iter().find(|known| known.info.slug == rule);
        let maturity = known.map_or(Maturity::Preview, |known| known.info.maturity);
        let is_below = maturity == Maturity::Stable && share < STABLE;
        if is_below {
            below.push(rule);
        }
        let mark = if is_below { " †" } else { "" };
        let _ = writeln!(
            table,
            "| {rule} | {judged} | {right} | {arguable} | {wrong} | {:.0} % | {}{mark} |",
            100.0 * share,
            maturity.name()
        );
    }
    assert_eq!(below, BELOW, "stable rules below nine true findings in ten");
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/precision.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&page, &table).expect("the page can be written");
    }
    let written = std::fs::read_to_string(&page).unwrap_or_default();
    assert_eq!(
        written, table,
        "docs/precision.md is stale; run UPDATE_DOCS=1 cargo test -p distsys-tests --test ledger"
    );
}
