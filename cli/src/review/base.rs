//! The earlier version of a change. Only what differs from the later one, and what a change is judged by, is written out;
//! all else is read where the later version has it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use distsys_extract::driver::Files;
use tempfile::TempDir;

use super::ReviewError;
use crate::accept::DOCUMENTS;
use crate::config::{Config, FILE_NAME};
use crate::git::{Change, Exported, Repository};
use crate::own_rules;

#[derive(Debug)]
pub(super) struct Base {
    /// All that the version has, from the root, with `/`.
    paths: BTreeSet<String>,
    /// What is not as in the later version.
    differing: BTreeSet<String>,
    written: Exported,
    _folder: TempDir,
}

impl Base {
    pub(super) fn new(repository: &Repository, tree: &str, changes: &[Change]) -> Result<Self, ReviewError> {
        let folder = super::folder()?;
        let paths: BTreeSet<String> = repository.paths(tree)?.into_iter().collect();
        let named = changes.iter().flat_map(|change| change.before.iter().chain([&change.path]));
        let differing: BTreeSet<String> = named.filter(|path| paths.contains(*path)).cloned().collect();
        let written = repository.exported(tree, folder.path())?;
        let base = Base { paths, differing, written, _folder: folder };
        let judges = base.paths.iter().filter(|path| is_policy(path));
        base.written.bring(repository, judges.chain(&base.differing))?;
        base.bring_models(repository)?;
        Ok(base)
    }

    /// The folder that it is written to, as far as it is.
    pub(super) fn tree(&self) -> &Path {
        self.written.tree()
    }

    /// Whether the version has this file, which is written out then.
    pub(super) fn brings(&self, path: &Path, repository: &Repository) -> bool {
        let path = path.to_string_lossy().into_owned();
        self.paths.contains(&path) && self.written.bring(repository, [&path]).is_ok()
    }

    /// Its files, as seen from the root of the later version.
    pub(super) fn files(&self) -> Files {
        let place = |path: &String| self.differing.contains(path).then(|| self.tree().join(path));
        self.paths.iter().map(|path| (path.clone(), place(path))).collect()
    }

    /// The models that its configurations name.
    fn bring_models(&self, repository: &Repository) -> Result<(), ReviewError> {
        let configurations = self.paths.iter().filter(|path| is_named(path, FILE_NAME));
        let mut models = Vec::new();
        for path in configurations {
            // What is wrong with it is said when it is heeded.
            let Ok(config) = Config::read(&self.tree().join(path)) else { continue };
            let folder = Path::new(path).parent().unwrap_or(Path::new(""));
            let files = config.model_files.iter().map(|file| folder.join(file).components().collect::<PathBuf>());
            models.extend(files.map(|file| file.to_string_lossy().into_owned()));
        }
        models.retain(|file| self.paths.contains(file));
        Ok(self.written.bring(repository, &models)?)
    }
}

/// Whether a project may say there what is made of its findings.
pub(super) fn is_policy(path: &str) -> bool {
    let is_rule = path.strip_prefix(own_rules::FOLDER).is_some_and(|rest| rest.starts_with('/'));
    is_named(path, FILE_NAME) || is_rule || DOCUMENTS.contains(&path)
}

pub(super) fn is_named(path: &str, name: &str) -> bool {
    path.rsplit('/').next() == Some(name)
}
