//! Trust: whose configuration, conventions, models and rules a change is judged by.
//!
//! A change that may come from anybody must not say itself what of it counts. So what a project says of its own analysis is
//! read as the base has it, and what the change makes of that is only mentioned. Comments stay what they are: they
//! silence one finding where it stands, in sight of whoever reads the change.

use std::path::{Path, PathBuf};

use super::base::{Base, is_named, is_policy};
use crate::accept;
use crate::analysis::Analysis;
use crate::config::{Config, FILE_NAME};
use crate::git::{Change, Repository};

/// The base, as what a change is judged by.
#[derive(Debug)]
pub(super) struct Policy {
    /// Files of the base; all those that say what counts.
    tree: PathBuf,
    /// The root of the repository.
    root: PathBuf,
}

/// A file that is named to be heeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heeded {
    /// It is read here, and people know it as that.
    At { path: PathBuf, shown: String },
    /// The change brings it; the base has none.
    New(String),
}

impl Heeded {
    /// The file as it is.
    pub fn as_it_is(path: &Path) -> Self {
        Heeded::At { path: path.to_path_buf(), shown: path.display().to_string() }
    }
}

impl Policy {
    pub(super) fn new(tree: PathBuf, root: &Path) -> Self {
        Policy { tree, root: root.canonicalize().unwrap_or_else(|_| root.to_path_buf()) }
    }

    /// The configuration that the base has for `target`: in its folder or one above it, beyond the repository as it is.
    pub(super) fn config(&self, target: &Path) -> Option<Heeded> {
        let folder = self.within(target).unwrap_or_default();
        let mut folders = folder.ancestors().map(|folder| folder.join(FILE_NAME));
        if let Some(file) = folders.find(|file| self.tree.join(file).is_file()) {
            return Some(self.of_base(&file));
        }
        Config::find(self.root.parent()?).map(|file| Heeded::as_it_is(&file))
    }

    /// A file that whoever runs the review names: as the base has it if the repository keeps it, else as it is.
    pub(super) fn named(&self, path: &Path, base: &Base, repository: &Repository) -> Heeded {
        let Some(file) = self.within(path) else { return Heeded::as_it_is(path) };
        if base.brings(&file, repository) {
            return self.of_base(&file);
        }
        match repository.tracks(&file.to_string_lossy()) {
            true => Heeded::New(path.display().to_string()),
            false => Heeded::as_it_is(path),
        }
    }

    fn of_base(&self, file: &Path) -> Heeded {
        Heeded::At { path: self.tree.join(file), shown: format!("{} (of the base)", file.display()) }
    }

    /// The path from the root of the repository; none of what is outside.
    fn within(&self, path: &Path) -> Option<PathBuf> {
        let path = std::path::absolute(path).ok()?;
        // A file may be gone; the folder that it was in is not.
        let found = path.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)))?;
        let whole = found.1.join(path.strip_prefix(found.0).ok()?);
        whole.strip_prefix(&self.root).ok().map(Path::to_path_buf)
    }

    pub(super) fn judges(&self, analysis: Analysis) -> Analysis {
        analysis.policy_of(self.tree.clone(), self.root.clone())
    }

    /// What of that the change alters; `head` is where its files are.
    pub(super) fn altered(&self, changes: &[Change], head: &Path) -> Vec<String> {
        // What a document says of it is compared below.
        let is_altered = |path: &&String| {
            is_policy(path) && !accept::DOCUMENTS.contains(&path.as_str())
                || [".gitignore", ".ignore"].iter().any(|name| is_named(path, name))
        };
        let names = changes.iter().flat_map(|change| change.before.iter().chain([&change.path]));
        let mut altered: Vec<String> = names.filter(is_altered).cloned().collect();
        let (before, after) =
            (accept::of_documents(&self.tree, &mut Vec::new()), accept::of_documents(head, &mut Vec::new()));
        for origin in before.iter().chain(&after).map(|accepted| &accepted.origin) {
            let of = |all: &[accept::Acceptance]| -> Vec<accept::Acceptance> {
                all.iter().filter(|accepted| accepted.origin == *origin).cloned().collect()
            };
            if of(&before) != of(&after) {
                altered.push(origin.clone());
            }
        }
        altered.sort();
        altered.dedup();
        altered
    }
}
