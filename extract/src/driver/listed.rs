//! The files of a listing, as a walk over a folder with just these files would find them: no folder is walked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use distsys_facts::DiagnosticKind;
use ignore::overrides::Override;
use rustc_hash::FxHashMap;

use super::walk::{MANIFESTS, Walk};
use super::{Options, Skipped, paths};

/// Files by their paths from the root, with `/`; each with where its content lies if not at that path.
pub type Files = BTreeMap<String, Option<PathBuf>>;

/// Adds what is wanted of `files` to `walk`.
pub(super) fn list(walk: &mut Walk, root: &Path, files: &Files, overrides: &Override, options: &Options) {
    let mut folders = Folders { root, files, overrides, known: FxHashMap::default() };
    for (path, elsewhere) in files {
        let at = root.join(path);
        if overrides.matched(&at, false).is_ignore() {
            continue;
        }
        let is_of_ci = is_of_ci(path);
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        if !is_of_ci && (name.starts_with('.') || !folders.is_entered(folder, &mut walk.skipped)) {
            continue;
        }
        let from = elsewhere.as_ref().unwrap_or(&at);
        // It may be listed and gone.
        let Ok(metadata) = std::fs::symlink_metadata(from) else { continue };
        let before = walk.files.len();
        match is_of_ci {
            true => walk.of_ci_file(path.clone(), from.clone(), &metadata),
            false => walk.file(path.clone(), from, metadata.file_type(), || Some(metadata.clone()), options),
        }
        // Times tell of the content at the path itself only.
        if elsewhere.is_some() {
            walk.files[before..].iter_mut().for_each(|file| file.3 = None);
        }
    }
}

/// What a CI is told to do stands in hidden folders and files, which are not walked else.
fn is_of_ci(path: &str) -> bool {
    path == ".gitlab-ci.yml" || path.strip_prefix(".github/workflows/").is_some_and(|name| !name.contains('/'))
}

struct Folders<'a> {
    root: &'a Path,
    files: &'a Files,
    overrides: &'a Override,
    /// Whether a walk enters it.
    known: FxHashMap<String, bool>,
}

impl Folders<'_> {
    /// Whether a walk comes to `folder`; of one that is left out for its name `skipped` tells.
    fn is_entered(&mut self, folder: &str, skipped: &mut Vec<Skipped>) -> bool {
        if folder.is_empty() {
            return true;
        }
        if let Some(&known) = self.known.get(folder) {
            return known;
        }
        let (above, name) = folder.rsplit_once('/').unwrap_or(("", folder));
        let is_entered = self.is_entered(above, skipped)
            && !name.starts_with('.')
            && !self.overrides.matched(self.root.join(folder), true).is_ignore()
            && match paths::folder_to_skip(above, name) {
                Some(DiagnosticKind::Generated) if !self.is_beside_manifest(above, folder) => true,
                Some(kind) => {
                    let message = "folder left out".to_owned();
                    skipped.push(Skipped { path: folder.to_owned(), kind, message });
                    false
                }
                None => true,
            };
        self.known.insert(folder.to_owned(), is_entered);
        is_entered
    }

    fn is_beside_manifest(&self, above: &str, folder: &str) -> bool {
        let has = |folder: &str, name: &str| {
            let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
            self.files.contains_key(&path)
        };
        MANIFESTS.iter().any(|name| has(above, name)) && !has(folder, "__init__.py")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use super::super::Listing;
    use super::super::walk::walk;
    use super::*;

    #[test]
    fn a_listing_is_what_a_walk_finds() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let root = folder.path();
        let files = [
            "app/a.py",
            "app/build/of_package.py",
            "dist/left_out.js",
            "node_modules/x/index.js",
            "package.json",
            "web/dist/__init__.py",
            "web/dist/kept.py",
            "web/package.json",
            ".github/workflows/ci.yml",
            ".github/workflows/deep/no.yml",
            ".gitlab-ci.yml",
            ".hidden/b.py",
            "app/.c.py",
            "excluded/d.py",
            "app/notes.txt",
            "app/x.min.js",
        ];
        for path in files {
            let at = root.join(path);
            fs::create_dir_all(at.parent().unwrap_or(root))?;
            fs::write(at, "x = 1\n")?;
        }
        let exclude = vec!["excluded/".to_owned()];
        let walked = Options { exclude: exclude.clone(), listing: Listing::All, ..Options::default() };
        let only = files.iter().map(|path| ((*path).to_owned(), None)).collect();
        let listed = Options { exclude, listing: Listing::Only(Arc::new(only)), ..Options::default() };
        let paths = |options: &Options| -> Result<_, Box<dyn std::error::Error>> {
            let walk = walk(root, &[], options)?;
            Ok((walk.files.into_iter().map(|file| file.0).collect::<Vec<_>>(), walk.skipped))
        };
        let (files, skipped) = paths(&walked)?;
        assert_eq!(paths(&listed)?, (files.clone(), skipped));
        assert!(files.iter().any(|path| path == "web/dist/kept.py") && files.len() == 8, "{files:?}");
        Ok(())
    }

    #[test]
    fn a_file_may_lie_elsewhere() -> Result<(), Box<dyn std::error::Error>> {
        let (folder, other) = (tempfile::tempdir()?, tempfile::tempdir()?);
        fs::write(folder.path().join("a.py"), "later = 1\n")?;
        fs::write(other.path().join("a.py"), "x\n")?;
        let place = other.path().join("a.py");
        let only = Files::from([("a.py".to_owned(), Some(place.clone())), ("gone.py".to_owned(), None)]);
        let options = Options { listing: Listing::Only(Arc::new(only)), ..Options::default() };
        let walk = walk(folder.path(), &[], &options)?;
        assert_eq!(walk.files, [("a.py".to_owned(), place, 2, None)]);
        Ok(())
    }
}
