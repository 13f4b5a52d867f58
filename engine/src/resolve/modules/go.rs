//! Packages of Go: the files of a folder, under the path of the module that they are in.

use distsys_facts::{ModuleId, Role};
use rustc_hash::FxHashMap;

use crate::model::{Family, ModelSet};
use crate::program::Program;

/// The packages of a tree, by what imports call them.
#[derive(Debug, Default)]
pub(super) struct Packages {
    /// By folder: the module that stands for all files of the package.
    by_folder: FxHashMap<String, ModuleId>,
    scope: FxHashMap<ModuleId, ModuleId>,
    /// Paths of modules with their folders, the longest first: `module` and `replace` of the go.mod files, `replace` of a go.work.
    roots: Vec<(String, String)>,
    /// Packages that the generator of a library wrote, by the module that stands for them, with what models call them.
    generated: FxHashMap<ModuleId, String>,
}

impl Packages {
    pub(super) fn new(program: &Program<'_>, models: &ModelSet, files: &[(ModuleId, &str)]) -> Self {
        let mut packages = Packages::default();
        // Tests see the package, the package does not see them.
        let is_test = |module: ModuleId| {
            program.facts.relations.file[distsys_facts::Id::index(program.file_of_module(module))].role == Role::Test
        };
        let mut files: Vec<(bool, &str, ModuleId)> =
            files.iter().map(|(module, path)| (is_test(*module), *path, *module)).collect();
        files.sort_unstable_by_key(|(test, path, _)| (*test, *path));
        for (_, path, module) in files {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let first = *packages.by_folder.entry(folder.to_owned()).or_insert(module);
            packages.scope.insert(module, first);
        }
        let is_generated = |module: ModuleId| {
            program.facts.relations.file[distsys_facts::Id::index(program.file_of_module(module))].role
                == Role::Generated
        };
        for row in &program.facts.relations.import {
            if let Some(&scope) = packages.scope.get(&row.module)
                && let Some(package) = models.generated_by(Family::Go, program.text(row.target))
                && is_generated(row.module)
            {
                packages.generated.insert(scope, package.to_owned());
            }
        }
        for row in &program.facts.relations.manifest {
            let path = program.path(row.file);
            let Some(folder) = path.strip_suffix("go.mod").or_else(|| path.strip_suffix("go.work")) else { continue };
            let folder = folder.trim_end_matches('/');
            let (key, value) = (program.text(row.key), program.text(row.value));
            if key == "module" {
                packages.roots.push((value.to_owned(), folder.to_owned()));
            } else if let Some(path) = key.strip_prefix("replace.")
                && value.starts_with('.')
                && let Some(target) = super::join(folder, value)
            {
                packages.roots.push((path.to_owned(), target));
            }
        }
        packages.roots.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.cmp(b)));
        packages
    }

    /// The module that holds the names of the package that `module` is a file of.
    pub(super) fn scope(&self, module: ModuleId) -> ModuleId {
        self.scope.get(&module).copied().unwrap_or(module)
    }

    /// What models call the package, if the generator of a library wrote it.
    pub(super) fn generated(&self, module: ModuleId) -> Option<&str> {
        self.generated.get(&module).map(String::as_str)
    }

    pub(super) fn is_known(&self, module: ModuleId) -> bool {
        self.scope.contains_key(&module)
    }

    pub(super) fn resolve(&self, target: &str) -> Option<ModuleId> {
        let below = |root: &str| match target.strip_prefix(root)? {
            "" => Some(""),
            rest => rest.strip_prefix('/'),
        };
        for (root, folder) in &self.roots {
            if let Some(rest) = below(root) {
                let path = match (folder.as_str(), rest) {
                    ("", rest) => rest.to_owned(),
                    (folder, "") => folder.to_owned(),
                    (folder, rest) => format!("{folder}/{rest}"),
                };
                return self.by_folder.get(&path).copied();
            }
        }
        // A tree without go.mod: the whole path, or what follows the host, is a folder.
        if !self.roots.is_empty() {
            return None;
        }
        self.by_folder.get(target).copied().or_else(|| {
            let (host, mut rest) = target.split_once('/')?;
            host.contains('.').then_some(())?;
            loop {
                if let Some(&module) = self.by_folder.get(rest) {
                    return Some(module);
                }
                rest = rest.split_once('/')?.1;
            }
        })
    }

    pub(super) fn len(&self) -> usize {
        self.scope.len()
    }
}

/// An import path as models spell it: without the major version, `github.com/redis/go-redis/v9` and `gopkg.in/yaml.v3`.
pub(super) fn without_version(path: &str) -> String {
    let is_major = |segment: &&str| {
        segment.strip_prefix('v').is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let mut segments: Vec<&str> = path.split('/').collect();
    if segments.len() > 1 {
        let host = segments.remove(0);
        segments.retain(|segment| !is_major(segment));
        segments.insert(0, host);
    }
    if let Some(last) = segments.last_mut()
        && let Some((name, version)) = last.rsplit_once('.')
        && is_major(&version)
    {
        *last = name;
    }
    segments.join("/")
}

#[cfg(test)]
mod tests {
    use super::without_version;

    #[test]
    fn one_spelling_for_all_majors() {
        assert_eq!(without_version("github.com/redis/go-redis/v9"), "github.com/redis/go-redis");
        assert_eq!(without_version("github.com/jackc/pgx/v5/pgxpool"), "github.com/jackc/pgx/pgxpool");
        assert_eq!(without_version("gopkg.in/yaml.v3"), "gopkg.in/yaml");
        assert_eq!(without_version("database/sql"), "database/sql");
        assert_eq!(without_version("v2"), "v2");
    }
}
