//! Code that is there for tests alone: by where it lies (beside and below many tests, in a folder named for them), or in a
//! package that others need for their tests only.

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
    let crates = needed_by_tests(facts);
    let is_within = |folder: &str| {
        let mut of_tests = counts.keys().chain(&crates);
        of_tests
            .any(|of_tests| folder.strip_prefix(of_tests).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    };
    sources.into_iter().filter(|(_, folder)| is_within(folder)).map(|(file, _)| file).collect()
}

/// Folders of the crates of a workspace that others name among their development dependencies alone.
fn needed_by_tests(facts: &FactBase) -> Vec<&str> {
    let mut folders: Vec<(&str, &str)> = Vec::new();
    let mut for_tests: FxHashSet<&str> = FxHashSet::default();
    let mut for_all: FxHashSet<&str> = FxHashSet::default();
    for row in &facts.relations.manifest {
        let Some(folder) = facts.text(facts.relations.file[row.file.index()].path).strip_suffix("Cargo.toml") else {
            continue;
        };
        let folder = folder.trim_end_matches('/');
        let key = facts.text(row.key);
        if key == "package.name" && !folder.is_empty() {
            folders.push((facts.text(row.value), folder));
        }
        let Some((kind, name)) = key.split_once("dependencies.") else { continue };
        let name = name.split('.').next().unwrap_or(name);
        match kind {
            "dev-" => drop(for_tests.insert(name)),
            // What the workspace offers to its members nobody needs yet.
            "workspace." => {}
            _ => drop(for_all.insert(name)),
        }
    }
    folders.retain(|(name, _)| for_tests.contains(name) && !for_all.contains(name));
    folders.into_iter().map(|(_, folder)| folder).collect()
}
