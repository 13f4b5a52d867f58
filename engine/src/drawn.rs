//! Packages that hold both a page and the server that hands it out: which of their modules run in the browser.
//!
//! What a package depends on does not say where a module runs when it draws with one library and serves with another. What
//! the drawing modules import, and what serves does not, is the page's.

use distsys_facts::{FactBase, FileId, Id, ModuleId};
use rustc_hash::{FxHashMap, FxHashSet};

/// What draws in a browser.
const DRAWS: &[&str] = &["react", "react-dom", "react-dom/client", "vue", "svelte", "preact", "solid-js"];

/// What serves, and draws nothing itself.
const SERVES: &[&str] = &["express", "fastify", "koa", "hono", "@hapi/hapi", "@nestjs/core", "http", "node:http"];

/// What does both with one tree of modules: there an import says nothing.
const BOTH: &[&str] =
    &["next", "nuxt", "@sveltejs/kit", "astro", "@remix-run/node", "@remix-run/server-runtime", "@react-router/node"];

/// The modules of such packages that only the page imports.
pub(crate) fn modules(facts: &FactBase) -> FxHashSet<ModuleId> {
    let folders = packages(facts);
    let mut drawn = FxHashSet::default();
    for folder in folders {
        let imports = Imports::of(facts, folder);
        let page = imports.reached(&imports.importing(DRAWS));
        let server = imports.reached(&imports.importing(SERVES));
        if !server.is_empty() {
            drawn.extend(page.difference(&server));
        }
    }
    drawn
}

/// Folders (with `/` at the end) of packages that need something that draws, something that serves, and nothing that does both.
fn packages(facts: &FactBase) -> Vec<&str> {
    let mut needed: FxHashMap<FileId, (bool, bool, bool)> = FxHashMap::default();
    for row in &facts.relations.manifest {
        let Some(name) = facts.text(row.key).strip_prefix("dependencies.") else { continue };
        let known = needed.entry(row.file).or_default();
        known.0 |= DRAWS.contains(&name);
        known.1 |= SERVES.contains(&name);
        known.2 |= BOTH.contains(&name);
    }
    let mixed = needed.into_iter().filter(|(_, (draws, serves, both))| *draws && *serves && !both);
    let path = |file: FileId| facts.text(facts.relations.file[file.index()].path);
    let mut folders: Vec<&str> = mixed.filter_map(|(file, _)| path(file).strip_suffix("package.json")).collect();
    folders.sort_unstable();
    folders
}

/// What the modules of a package import of one another.
struct Imports<'f> {
    /// What each imports, as written.
    by_module: FxHashMap<ModuleId, Vec<&'f str>>,
    /// Modules by the last part of the name that others import them by, with their paths without the ending.
    by_name: FxHashMap<&'f str, Vec<(ModuleId, &'f str)>>,
}

impl<'f> Imports<'f> {
    fn of(facts: &'f FactBase, folder: &str) -> Self {
        let r = &facts.relations;
        let mut imports = Imports { by_module: FxHashMap::default(), by_name: FxHashMap::default() };
        for row in &r.module {
            let path = facts.text(r.file[row.file.index()].path);
            if !path.starts_with(folder) {
                continue;
            }
            let stem = path.rsplit_once('.').map_or(path, |(stem, _)| stem);
            let stem = stem.strip_suffix("/index").unwrap_or(stem);
            let name = stem.rsplit('/').next().unwrap_or(stem);
            imports.by_name.entry(name).or_default().push((row.module, stem));
            imports.by_module.insert(row.module, Vec::new());
        }
        for row in &r.import {
            if let Some(known) = imports.by_module.get_mut(&row.module) {
                known.push(facts.text(row.target));
            }
        }
        imports
    }

    fn importing(&self, names: &[&str]) -> Vec<ModuleId> {
        let imports = |targets: &Vec<&str>| targets.iter().any(|target| names.contains(target));
        self.by_module.iter().filter(|(_, targets)| imports(targets)).map(|(module, _)| *module).collect()
    }

    /// The modules that `from` may load, by how the names end that they are imported by.
    fn reached(&self, from: &[ModuleId]) -> FxHashSet<ModuleId> {
        let mut reached = FxHashSet::default();
        let mut stack = from.to_vec();
        while let Some(module) = stack.pop() {
            if !reached.insert(module) {
                continue;
            }
            for target in self.by_module.get(&module).into_iter().flatten() {
                let path = target.trim_start_matches(['.', '/', '@', '~']);
                let path = path.rsplit_once('.').filter(|(_, end)| end.len() <= 3).map_or(path, |(stem, _)| stem);
                let name = path.rsplit('/').next().unwrap_or(path);
                let named = self.by_name.get(name).into_iter().flatten();
                stack.extend(named.filter(|(_, stem)| ends_with(stem, path)).map(|(module, _)| *module));
            }
        }
        reached
    }
}

fn ends_with(stem: &str, path: &str) -> bool {
    stem.strip_suffix(path).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
}
