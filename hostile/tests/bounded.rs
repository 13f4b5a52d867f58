//! Damaged input by the hundred, the same at every run, and all that once broke a target. `DISTSYS_DAMAGE=20` tries twenty
//! times as much.

use std::path::Path;

use distsys_hostile::{Chance, TARGETS, Target, corpus, damage};

/// Runs of a target whose weight is 1.
const RUNS: usize = 240;

fn holds(target: &Target) {
    let more = std::env::var("DISTSYS_DAMAGE").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let examples = corpus::of(target, &[]);
    assert!(!examples.is_empty(), "{} has no examples", target.name);
    let mut chance = Chance::default();
    for _ in 0..(RUNS / target.weight).max(8) * more {
        let (one, other) = (&examples[chance.below(examples.len())], &examples[chance.below(examples.len())]);
        target.run(&damage::of_any_kind(one, other, target.is_text(), &mut chance));
    }
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions").join(target.name);
    for entry in std::fs::read_dir(kept).into_iter().flatten().flatten() {
        target.run(&std::fs::read(entry.path()).expect("a file that broke it"));
    }
}

#[test]
fn damaged_sources_cost_no_more_than_themselves() {
    TARGETS[..7].iter().for_each(holds);
}

#[test]
fn damaged_projects_are_linked_and_judged() {
    TARGETS[7..8].iter().for_each(holds);
}

#[test]
fn other_readers_refuse_what_is_damaged() {
    TARGETS[8..].iter().for_each(holds);
}
