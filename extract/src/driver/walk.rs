//! The files of a tree, in the order of their paths.

use std::fs::{FileType, Metadata};
use std::path::{Path, PathBuf};

use distsys_facts::{DiagnosticKind, Role};
use ignore::WalkBuilder;
use ignore::overrides::{Override, OverrideBuilder};

use super::{ExtractError, Listing, Options, Skipped};
use super::{listed, paths};
use crate::cache::Stat;
use crate::front_end::front_end_for;
use crate::manifest;

/// What a walk found.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// Relative path, path, size, and by what a change shows.
    pub(super) files: Vec<(String, PathBuf, u64, Option<Stat>)>,
    pub(super) skipped: Vec<Skipped>,
}

/// All files below `paths` that a front end or the manifests want. No link is followed.
pub(super) fn walk(root: &Path, targets: &[PathBuf], options: &Options) -> Result<Walk, ExtractError> {
    let mut walk = Walk::default();
    let mut overrides = OverrideBuilder::new(root);
    for glob in &options.exclude {
        overrides
            .add(&format!("!{glob}"))
            .map_err(|error| ExtractError::Exclude { glob: glob.clone(), message: error.to_string() })?;
    }
    let overrides =
        overrides.build().map_err(|error| ExtractError::Exclude { glob: String::new(), message: error.to_string() })?;
    if let Listing::Only(files) = &options.listing {
        listed::list(&mut walk, root, files, &overrides, options);
        return Ok(walk.in_order());
    }
    let whole = [root.to_path_buf()];
    for target in if targets.is_empty() { &whole[..] } else { targets } {
        let unreadable = |source| ExtractError::Unreadable { path: target.display().to_string(), source };
        let metadata = std::fs::metadata(target).map_err(unreadable)?;
        if metadata.is_dir() {
            std::fs::read_dir(target).map_err(unreadable)?;
        }
        let mut builder = WalkBuilder::new(target);
        builder.follow_links(false).require_git(false).overrides(overrides.clone()).sort_by_file_path(Path::cmp);
        if !matches!(options.listing, Listing::Unignored) {
            builder.ignore(false).git_ignore(false).git_exclude(false).git_global(false).parents(false);
        }
        let named = target.clone();
        let (sender, receiver) = std::sync::mpsc::channel();
        let base = root.to_path_buf();
        builder.filter_entry(move |entry| {
            let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
            let name = entry.file_name().to_string_lossy();
            // A folder that the user names is entered, whatever it is called.
            let above = entry.path().parent().map(|above| relative(&base, above)).unwrap_or_default();
            match paths::folder_to_skip(&above, &name).filter(|_| is_folder && entry.path() != named) {
                // Build output is only that beside a manifest; a package may be called `build`.
                Some(DiagnosticKind::Generated) if !beside_manifest(entry.path()) => true,
                Some(kind) => {
                    let _ = sender.send(Skipped {
                        path: relative(&base, entry.path()),
                        kind,
                        message: "folder left out".to_owned(),
                    });
                    false
                }
                None => true,
            }
        });
        for entry in builder.build() {
            match entry {
                Ok(entry) => walk.entry(root, &entry, options),
                Err(error) => walk.skipped.push(Skipped {
                    path: error_path(root, &error),
                    kind: DiagnosticKind::Unreadable,
                    message: error.to_string(),
                }),
            }
        }
        walk.skipped.extend(receiver.try_iter());
        walk.of_ci(root, target, &overrides);
    }
    Ok(walk.in_order())
}

impl Walk {
    fn in_order(mut self) -> Self {
        self.files.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        self.files.dedup_by(|a, b| a.0 == b.0);
        self.skipped.sort();
        self.skipped.dedup();
        self
    }

    /// What a CI is told to do stands in hidden folders and files, which are not walked else.
    fn of_ci(&mut self, root: &Path, target: &Path, overrides: &Override) {
        let workflows = std::fs::read_dir(target.join(".github/workflows"));
        let workflows = workflows.into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
        for file in workflows.chain([target.join(".gitlab-ci.yml")]) {
            if let Ok(metadata) = std::fs::symlink_metadata(&file)
                && !overrides.matched(&file, false).is_ignore()
            {
                self.of_ci_file(relative(root, &file), file, &metadata);
            }
        }
    }

    pub(super) fn of_ci_file(&mut self, path: String, file: PathBuf, metadata: &Metadata) {
        let name = path.rsplit('/').next().unwrap_or(&path);
        if metadata.is_file() && manifest::is_yaml(name) && metadata.len() <= manifest::MAX_YAML_BYTES {
            self.files.push((path, file, metadata.len(), Stat::of(metadata)));
        }
    }

    fn entry(&mut self, root: &Path, entry: &ignore::DirEntry, options: &Options) {
        let Some(kind) = entry.file_type() else { return };
        self.file(relative(root, entry.path()), entry.path(), kind, || entry.metadata().ok(), options);
    }

    pub(super) fn file(
        &mut self,
        path: String,
        from: &Path,
        kind: FileType,
        metadata: impl FnOnce() -> Option<Metadata>,
        options: &Options,
    ) {
        let name = path.rsplit('/').next().unwrap_or(&path).to_owned();
        if kind.is_symlink() {
            let message = match std::fs::canonicalize(from) {
                Ok(_) => "a symbolic link, not followed",
                Err(_) => "a symbolic link that leads nowhere or in a circle, not followed",
            };
            if std::fs::metadata(from).is_ok_and(|target| target.is_dir())
                || wanted(&path, &name)
                || message.contains("circle")
            {
                self.skipped.push(Skipped { path, kind: DiagnosticKind::Link, message: message.to_owned() });
            }
            return;
        }
        if !kind.is_file() || !wanted(&path, &name) {
            return;
        }
        if let Some(kind) = paths::file_to_skip(&name) {
            self.skipped.push(Skipped { path, kind, message: "left out for its name".to_owned() });
            return;
        }
        let metadata = metadata();
        let size = metadata.as_ref().map_or(0, std::fs::Metadata::len);
        if manifest::max_bytes(&name).is_some_and(|most| size > most) {
            return;
        }
        if size > options.max_file_bytes {
            let message = format!("{size} bytes, more than the limit of {}", options.max_file_bytes);
            self.skipped.push(Skipped { path, kind: DiagnosticKind::TooLarge, message });
            return;
        }
        let stat = metadata.as_ref().and_then(Stat::of);
        self.files.push((path, from.to_path_buf(), size, stat));
    }
}

fn wanted(path: &str, name: &str) -> bool {
    front_end_for(path).is_some()
        || manifest::is_package(name)
        || manifest::is_manifest(name) && paths::role(path) == Role::Source
}

/// Beside one of these a folder of the name of build output is that.
pub(super) const MANIFESTS: &[&str] =
    &["package.json", "Cargo.toml", "pyproject.toml", "setup.py", "setup.cfg", "tox.ini"];

fn beside_manifest(folder: &Path) -> bool {
    folder.parent().is_some_and(|parent| MANIFESTS.iter().any(|name| parent.join(name).is_file()))
        && !folder.join("__init__.py").is_file()
}

/// Path from the root, with `/`; the file's name alone if it is the root itself.
fn relative(root: &Path, path: &Path) -> String {
    let inner = path.strip_prefix(root).unwrap_or(path);
    let inner = if inner.as_os_str().is_empty() { path.file_name().map(Path::new).unwrap_or(path) } else { inner };
    inner.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

fn error_path(root: &Path, error: &ignore::Error) -> String {
    match error {
        ignore::Error::WithPath { path, .. } => relative(root, path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => error_path(root, err),
        _ => String::new(),
    }
}
