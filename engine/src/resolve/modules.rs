//! Which module an import means: paths of files against the text of imports.
//!
//! A project is not built here, so search paths are not known; a name is matched against the paths of files instead,
//! nearest to the importer first. What matches nothing is outside of the project.

mod go;
pub(crate) mod java;

use distsys_facts::{FileId, Id, Language, ModuleId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::ModelSet;
use crate::program::Program;
use crate::resolve::node_packages::NodePackages;

/// What an import's text means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Module(ModuleId),
    /// The qualified name of something outside, as models spell it.
    External(String),
    /// A file of the project that is not there.
    Missing,
}

/// All modules of a tree, by what imports call them.
#[derive(Debug, Default)]
pub struct Modules {
    /// Python: modules by the last segment of their dotted path.
    python: FxHashMap<String, Vec<PythonModule>>,
    /// Python: the folders that are packages, dotted.
    packages_of_python: FxHashSet<String>,
    /// TypeScript: modules by path without extension; `x/index` also as `x`.
    scripts: FxHashMap<String, ModuleId>,
    node: NodePackages,
    /// Folders that a generator fills, with the package whose names it gives them.
    generated: Vec<(String, String)>,
    /// `paths` of the tsconfig files: folder, pattern, targets.
    aliases: Vec<PathAlias>,
    /// Rust: crates by name (`-` as `_`), and modules by crate and path.
    crates: FxHashMap<String, ModuleId>,
    rust: FxHashMap<(ModuleId, String), ModuleId>,
    rust_place: FxHashMap<ModuleId, (ModuleId, String)>,
    go: go::Packages,
    java: java::Packages,
}

#[derive(Debug)]
struct PythonModule {
    module: ModuleId,
    /// Dotted path from the root of the tree.
    dotted: String,
}

#[derive(Debug)]
struct PathAlias {
    folder: String,
    pattern: String,
    targets: Vec<String>,
}

/// What a path of TypeScript or JavaScript leads to.
#[derive(Clone, Copy, Debug)]
enum Script<'a> {
    Module(ModuleId),
    /// What a generator writes, under the names of this package.
    Generated(&'a str),
}

impl Modules {
    pub fn new(program: &Program<'_>, models: &ModelSet) -> Self {
        let mut modules = Modules::default();
        modules.read_manifests(program);
        let (mut rust_files, mut go_files) = (Vec::new(), Vec::new());
        for row in &program.facts.relations.module {
            if row.parent.is_some() {
                continue;
            }
            let path = program.path(row.file);
            match program.language(row.file) {
                Language::Python => modules.add_python(row.module, path),
                Language::TypeScript | Language::JavaScript => modules.add_script(row.module, path),
                Language::Rust => rust_files.push((row.module, path)),
                Language::Go => go_files.push((row.module, path)),
                Language::Java => modules.java.add(row.module, program.text(row.name)),
                Language::Sql | Language::Manifest => {}
            }
        }
        modules.find_python_packages(program);
        modules.add_rust(program, &rust_files);
        modules.go = go::Packages::new(program, models, &go_files);
        modules
    }

    /// The module or outside name that `target` means in `importer`.
    pub fn resolve(&self, program: &Program<'_>, importer: ModuleId, target: &str) -> Target {
        let file = program.file_of_module(importer);
        let found = match program.language(file) {
            Language::Python => self.resolve_python(program.path(file), target),
            Language::TypeScript | Language::JavaScript => match self.resolve_script(program.path(file), target) {
                Some(Script::Module(module)) => Some(module),
                Some(Script::Generated(package)) => return Target::External(package.to_owned()),
                None => None,
            },
            Language::Rust => return self.resolve_rust(importer, target),
            Language::Go => {
                return match self.go.resolve(target) {
                    Some(module) => match self.go.generated(module) {
                        Some(package) => Target::External(package.to_owned()),
                        None => Target::Module(module),
                    },
                    None => Target::External(go::without_version(target)),
                };
            }
            // Its imports name types, not files: see `files_of_package`.
            Language::Java | Language::Sql | Language::Manifest => None,
        };
        match found {
            Some(module) => Target::Module(module),
            None if target.starts_with('.') => Target::Missing,
            None => Target::External(target.strip_prefix("node:").unwrap_or(target).to_owned()),
        }
    }

    /// The module that holds the names which `module` shares with others: the files of a Go package have one scope.
    pub fn scope(&self, module: ModuleId) -> ModuleId {
        self.go.scope(module)
    }

    /// Whether a module shares its names with others.
    pub fn scope_is_shared(&self, module: ModuleId) -> bool {
        self.go.is_known(module)
    }

    /// The files of a Java package, nearest to the importer first.
    pub fn files_of_package(&self, program: &Program<'_>, importer: ModuleId, package: &str) -> Vec<ModuleId> {
        self.java.files(program, importer, package)
    }

    /// A module named `name` below `module`.
    pub fn child(&self, program: &Program<'_>, module: ModuleId, name: &str) -> Option<ModuleId> {
        let file = program.file_of_module(module);
        match program.language(file) {
            Language::Python => {
                let path = program.path(file);
                let folder = path.strip_suffix("/__init__.py").or_else(|| (path == "__init__.py").then_some(""))?;
                let dotted =
                    if folder.is_empty() { name.to_owned() } else { format!("{}.{name}", folder.replace('/', ".")) };
                self.python.get(name)?.iter().find(|known| known.dotted == dotted).map(|known| known.module)
            }
            Language::Rust => {
                let (root, path) = self.rust_place.get(&module)?;
                let child = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
                self.rust.get(&(*root, child)).copied()
            }
            _ => None,
        }
    }

    fn add_python(&mut self, module: ModuleId, path: &str) {
        let stem = path.strip_suffix(".py").or_else(|| path.strip_suffix(".pyi")).unwrap_or(path);
        let package = stem.strip_suffix("/__init__");
        let dotted = package.unwrap_or(stem).replace('/', ".");
        if package.is_some() {
            self.packages_of_python.insert(dotted.clone());
        }
        let last = dotted.rsplit('.').next().unwrap_or(&dotted).to_owned();
        self.python.entry(last).or_default().push(PythonModule { module, dotted });
    }

    /// A folder without `__init__.py` is a package, too, where what it holds is imported by its name: `from shop.celery import app`.
    fn find_python_packages(&mut self, program: &Program<'_>) {
        let mut found: Vec<String> = Vec::new();
        for row in &program.facts.relations.import {
            let (target, member) = (program.text(row.target), program.text(row.member));
            let whole = if member.is_empty() { target.to_owned() } else { format!("{target}.{member}") };
            if target.starts_with('.') || !whole.contains('.') {
                continue;
            }
            for named in [target, &whole] {
                let known = named.rsplit('.').next().and_then(|last| self.python.get(last)).into_iter().flatten();
                for root in known.filter_map(|known| known.dotted.strip_suffix(named)) {
                    if root.is_empty() || root.ends_with('.') {
                        let ends = named.match_indices('.').map(|(at, _)| at);
                        found.extend(ends.map(|end| format!("{root}{}", &named[..end])));
                    }
                }
            }
        }
        self.packages_of_python.extend(found);
    }

    fn resolve_python(&self, importer: &str, target: &str) -> Option<ModuleId> {
        let dots = target.len() - target.trim_start_matches('.').len();
        if dots > 0 {
            let mut folder: Vec<&str> = importer.split('/').collect();
            for _ in 0..dots {
                folder.pop()?;
            }
            let rest = &target[dots..];
            folder.extend(rest.split('.').filter(|segment| !segment.is_empty()));
            let dotted = folder.join(".");
            let last = folder.last().copied().unwrap_or("");
            return self.python.get(last)?.iter().find(|known| known.dotted == dotted).map(|known| known.module);
        }
        let last = target.rsplit('.').next().unwrap_or(target);
        self.python
            .get(last)?
            .iter()
            .filter_map(|known| {
                let prefix = known.dotted.strip_suffix(target)?;
                if !(prefix.is_empty() || prefix.ends_with('.')) {
                    return None;
                }
                // No module imports itself.
                if importer.strip_suffix(".py").is_some_and(|own| own.replace('/', ".") == known.dotted) {
                    return None;
                }
                // Modules of a package are not imported by their bare names: beside `shop/celery.py`, `celery` is the library.
                if self.packages_of_python.contains(prefix.trim_end_matches('.')) {
                    return None;
                }
                // What stands above the name must be a folder that the importer is in too, else a vendored copy or a
                // test helper of the same name would be taken for a library.
                let folder = prefix.replace('.', "/");
                let shared = importer.starts_with(&folder);
                (shared || !target.contains('.') && folder.split('/').count() <= 2 || target.contains('.')).then_some((
                    shared,
                    folder.len(),
                    known,
                ))
            })
            .max_by(|a, b| {
                (a.0, a.1 as i64 * if a.0 { 1 } else { -1 }).cmp(&(b.0, b.1 as i64 * if b.0 { 1 } else { -1 }))
            })
            .filter(|(shared, _, _)| *shared || target.contains('.'))
            .map(|(_, _, known)| known.module)
    }

    fn add_script(&mut self, module: ModuleId, path: &str) {
        const EXTENSIONS: [&str; 9] = [".d.ts", ".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs"];
        let Some(stem) = EXTENSIONS.iter().find_map(|extension| path.strip_suffix(extension)) else { return };
        self.scripts.entry(stem.to_owned()).or_insert(module);
        if let Some(folder) = stem.strip_suffix("/index").or_else(|| (stem == "index").then_some("")) {
            self.scripts.entry(folder.to_owned()).or_insert(module);
        }
    }

    fn script(&self, path: &str) -> Option<Script<'_>> {
        let path = path.trim_end_matches('/');
        let mut generated = self.generated.iter();
        let inside =
            |folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if let Some((_, package)) = generated.find(|(folder, _)| inside(folder)) {
            return Some(Script::Generated(package));
        }
        let found = self.scripts.get(path).copied().or_else(|| {
            let (stem, extension) = path.rsplit_once('.')?;
            matches!(extension, "js" | "ts" | "mjs" | "cjs" | "jsx" | "tsx").then(|| self.scripts.get(stem).copied())?
        });
        found.map(Script::Module)
    }

    fn resolve_script(&self, importer: &str, target: &str) -> Option<Script<'_>> {
        let folder = importer.rsplit_once('/').map_or("", |(folder, _)| folder);
        if target.starts_with('.') {
            return self.script(&join(folder, target)?);
        }
        if let Some(rest) = target.strip_prefix('/') {
            return self.script(rest);
        }
        let mut best: Option<(usize, Script<'_>)> = None;
        for alias in &self.aliases {
            let below = |rest: &str| rest.is_empty() || rest.starts_with('/');
            let inside = alias.folder.is_empty() || folder.strip_prefix(alias.folder.as_str()).is_some_and(below);
            if !inside || best.is_some_and(|(length, _)| length > alias.folder.len()) {
                continue;
            }
            let rest = match alias.pattern.split_once('*') {
                Some((before, after)) => {
                    target.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)).map(str::to_owned)
                }
                None => (alias.pattern == target).then(String::new),
            };
            let Some(rest) = rest else { continue };
            let found =
                alias.targets.iter().find_map(|to| self.script(&join(&alias.folder, &to.replacen('*', &rest, 1))?));
            if let Some(module) = found {
                best = Some((alias.folder.len(), module));
            }
        }
        if let Some((_, module)) = best {
            return Some(module);
        }
        let (package, rest) = split_package(target);
        let candidates = match target.starts_with('#') {
            true => self.node.imported(importer, target),
            false => self.node.candidates(package, rest),
        };
        candidates.iter().find_map(|path| self.script(path))
    }

    fn read_manifests(&mut self, program: &Program<'_>) {
        for row in &program.facts.relations.manifest {
            let path = program.path(row.file);
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            let (key, value) = (program.text(row.key), program.text(row.value));
            if let Some(package) = key.strip_prefix("generated.") {
                self.generated.extend(join(folder, value).map(|folder| (folder, package.to_owned())));
            } else if name == "package.json" {
                self.node.read_package(folder, key, value);
            } else if (name.starts_with("tsconfig") || name == "jsconfig.json") && name.ends_with(".json") {
                self.node.read_compiler(folder, key, value);
                self.read_tsconfig(folder, key, value);
            }
        }
    }

    fn read_tsconfig(&mut self, folder: &str, key: &str, value: &str) {
        if key == "compilerOptions.baseUrl" {
            if let Some(base) = join(folder, value) {
                let targets = vec![if value == "." { "*".to_owned() } else { format!("{value}/*") }];
                let _ = base;
                self.aliases.push(PathAlias { folder: folder.to_owned(), pattern: "*".to_owned(), targets });
            }
        } else if let Some(rest) = key.strip_prefix("compilerOptions.paths.")
            && let Some((pattern, _)) = rest.rsplit_once('[')
        {
            let pattern = pattern.trim_end_matches('.');
            match self.aliases.iter_mut().find(|alias| alias.folder == folder && alias.pattern == pattern) {
                Some(alias) => alias.targets.push(value.to_owned()),
                None => self.aliases.push(PathAlias {
                    folder: folder.to_owned(),
                    pattern: pattern.to_owned(),
                    targets: vec![value.to_owned()],
                }),
            }
        }
    }

    fn add_rust(&mut self, program: &Program<'_>, files: &[(ModuleId, &str)]) {
        // Package names by folder, from Cargo.toml.
        let mut names: FxHashMap<&str, &str> = FxHashMap::default();
        for row in &program.facts.relations.manifest {
            let path = program.path(row.file);
            if path.ends_with("Cargo.toml") && program.text(row.key) == "package.name" {
                names.insert(path.rsplit_once('/').map_or("", |(folder, _)| folder), program.text(row.value));
            }
        }
        // A crate root is lib.rs or main.rs in a source folder, or a file of src/bin, tests, examples, benches.
        let by_path: FxHashMap<&str, ModuleId> = files.iter().map(|(module, path)| (*path, *module)).collect();
        for (module, path) in files {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            let mut source_folder = folder;
            let root_and_path = loop {
                let prefix = if source_folder.is_empty() { String::new() } else { format!("{source_folder}/") };
                let root =
                    ["lib.rs", "main.rs"].iter().find_map(|root| by_path.get(format!("{prefix}{root}").as_str()));
                let in_bin =
                    source_folder.ends_with("/bin") || source_folder == "bin" || source_folder.ends_with("/tests");
                if let Some(&root) = root {
                    break Some((root, path[prefix.len()..].to_owned()));
                }
                if in_bin && source_folder == folder {
                    break Some((*module, String::new()));
                }
                if source_folder.is_empty() {
                    break None;
                }
                source_folder = source_folder.rsplit_once('/').map_or("", |(parent, _)| parent);
            };
            let Some((root, inner)) = root_and_path else { continue };
            let dotted = if name == "main.rs" && !inner.contains('/') || inner == "lib.rs" || inner.is_empty() {
                String::new()
            } else {
                inner.trim_end_matches(".rs").trim_end_matches("/mod").replace('/', ".")
            };
            // A main.rs beside a lib.rs is a crate of its own that shares the folder.
            let root = if dotted.is_empty() { *module } else { root };
            self.rust.insert((root, dotted.clone()), *module);
            self.rust_place.insert(*module, (root, dotted.clone()));
            if dotted.is_empty() && name == "lib.rs" {
                let package_folder =
                    folder.strip_suffix("/src").or_else(|| (folder == "src").then_some("")).unwrap_or(folder);
                let fallback = package_folder.rsplit('/').next().unwrap_or("");
                let package = names.get(package_folder).copied().unwrap_or(fallback);
                if !package.is_empty() {
                    self.crates.insert(package.replace('-', "_"), *module);
                }
            }
        }
        for row in &program.facts.relations.module {
            let Some(parent) = row.parent else { continue };
            if let Some((root, path)) = self.rust_place.get(&parent).cloned() {
                let name = program.text(row.name);
                let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
                self.rust.insert((root, path.clone()), row.module);
                self.rust_place.insert(row.module, (root, path));
            }
        }
    }

    /// Walks a Rust path as far as modules go; what is left is a member, which [`super::names`] looks up.
    fn resolve_rust(&self, importer: ModuleId, target: &str) -> Target {
        let (module, rest) = self.rust_prefix(importer, target);
        match module {
            Some(module) if rest.is_empty() => Target::Module(module),
            _ => Target::External(target.to_owned()),
        }
    }

    /// The longest prefix of a Rust path that is a module of the project, and the rest.
    pub fn rust_prefix<'t>(&self, importer: ModuleId, target: &'t str) -> (Option<ModuleId>, &'t str) {
        let (first, mut rest) = target.split_once('.').unwrap_or((target, ""));
        let Some((root, path)) = self.rust_place.get(&importer) else {
            return (self.crates.get(first).copied(), rest);
        };
        let mut at = match first {
            "crate" => self.rust.get(&(*root, String::new())).copied(),
            "self" => Some(importer),
            "super" => {
                let mut path = path.rsplit_once('.').map_or("", |(parent, _)| parent);
                while let Some(next) = rest.strip_prefix("super").map(|next| next.trim_start_matches('.')) {
                    path = path.rsplit_once('.').map_or("", |(parent, _)| parent);
                    rest = next;
                }
                self.rust.get(&(*root, path.to_owned())).copied()
            }
            _ => {
                let child = if path.is_empty() { first.to_owned() } else { format!("{path}.{first}") };
                self.rust.get(&(*root, child)).copied().or_else(|| self.crates.get(first).copied())
            }
        };
        while let Some(module) = at {
            let (head, tail) = rest.split_once('.').unwrap_or((rest, ""));
            if head.is_empty() {
                break;
            }
            let Some((root, path)) = self.rust_place.get(&module) else { break };
            let child = if path.is_empty() { head.to_owned() } else { format!("{path}.{head}") };
            match self.rust.get(&(*root, child)) {
                Some(&next) => {
                    at = Some(next);
                    rest = tail;
                }
                None => break,
            }
        }
        (at, rest)
    }

    /// Number of modules known, for figures.
    pub fn len(&self) -> usize {
        self.scripts.len()
            + self.rust_place.len()
            + self.go.len()
            + self.java.len()
            + self.python.values().map(Vec::len).sum::<usize>()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// `a/b` and `../c` → `a/c`; none if it leaves the tree.
pub(super) fn join(folder: &str, relative: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// `@scope/name/rest` → (`@scope/name`, `rest`).
fn split_package(specifier: &str) -> (&str, &str) {
    let slashes = if specifier.starts_with('@') { 2 } else { 1 };
    match specifier.match_indices('/').nth(slashes - 1) {
        Some((at, _)) => (&specifier[..at], &specifier[at + 1..]),
        None => (specifier, ""),
    }
}

/// The file of a module, for order by path.
pub fn file_index(program: &Program<'_>, module: ModuleId) -> usize {
    let file: FileId = program.file_of_module(module);
    file.index()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joining_stays_in_the_tree() {
        assert_eq!(join("a/b", "../c").as_deref(), Some("a/c"));
        assert_eq!(join("a", "../../c"), None);
        assert_eq!(join("", "./x/y").as_deref(), Some("x/y"));
    }

    #[test]
    fn packages_split_after_their_scope() {
        assert_eq!(split_package("@a/b/c/d"), ("@a/b", "c/d"));
        assert_eq!(split_package("lodash/fp"), ("lodash", "fp"));
        assert_eq!(split_package("pg"), ("pg", ""));
    }
}
