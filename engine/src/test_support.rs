//! Code that is there for tests alone, by where it lies: beside and below many tests, in a folder named for them.

use std::collections::BTreeMap;

use distsys_facts::{FactBase, FileId, Id, Role};
use rustc_hash::FxHashSet;

/// So many tests lie in a folder that is one of tests.
const LEAST_TESTS: usize = 3;

/// Names of folders that may hold tests of whole programs, or something else altogether.
const OF_TESTS: &[&str] = &["acceptance", "conformance", "functional", "integration", "regression", "smoke", "system"];

/// The source files in folders of that kind.
pub(crate) fn files(facts: &FactBase) -> FxHashSet<FileId> {
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut sources: Vec<(FileId, &str)> = Vec::new();
    for (index, row) in facts.relations.file.iter().enumerate() {
        let folder = facts.text(row.path).rsplit_once('/').map_or("", |(folder, _)| folder);
        let (tests, others) = counts.entry(folder).or_default();
        match row.role {
            Role::Test => *tests += 1,
            _ => *others += 1,
        }
        if row.role == Role::Source {
            sources.push((FileId::new(index), folder));
        }
    }
    counts.retain(|folder, (tests, others)| {
        let name = folder.rsplit('/').next().unwrap_or_default();
        OF_TESTS.contains(&name) && *tests >= LEAST_TESTS && tests > others
    });
    let is_within = |folder: &str| {
        counts
            .keys()
            .any(|of_tests| folder.strip_prefix(of_tests).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    };
    sources.into_iter().filter(|(_, folder)| is_within(folder)).map(|(file, _)| file).collect()
}
