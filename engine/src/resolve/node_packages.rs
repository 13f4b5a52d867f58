//! Packages of a workspace in TypeScript and JavaScript: what `@shop/orders/events` is a file of.
//!
//! A package names what it was built to (`"main": "./dist/index.js"`, `"exports": {"./*": {"import": "./dist/*.mjs"}}`), and the
//! tree holds what that is built from: the compiler's `outDir` and `rootDir` say where, or the usual names of such folders.

use rustc_hash::FxHashMap;

use super::modules::join;

#[derive(Debug, Default)]
pub(super) struct NodePackages {
    by_folder: FxHashMap<String, Package>,
    folders: FxHashMap<String, String>,
}

#[derive(Debug, Default)]
struct Package {
    /// What `main` and its like name.
    mains: Vec<String>,
    /// Of `exports` (`.`, `./events`, `./*`) and `imports` (`#db/*`): the name and what it stands for, in their order.
    entries: Vec<(String, String)>,
    out_dir: Option<String>,
    root_dir: Option<String>,
}

/// Conditions under which a target of `exports` holds; in a key they follow the name.
const CONDITIONS: &[&str] = &[
    "import",
    "require",
    "default",
    "types",
    "typings",
    "node",
    "node-addons",
    "browser",
    "module",
    "module-sync",
    "development",
    "production",
    "source",
    "bun",
    "deno",
    "worker",
    "workerd",
    "edge-light",
    "react-server",
];

/// Folders that builds write to, where no configuration says so.
const BUILT: &[&str] = &["dist", "build", "lib", "out", "output", "es", "esm", "cjs", "types", "umd"];

/// Folders of sources.
const SOURCES: &[&str] = &["src", "lib", "source", ""];

impl NodePackages {
    /// Takes in one row of a `package.json`.
    pub(super) fn read_package(&mut self, folder: &str, key: &str, value: &str) {
        if key == "name" {
            self.folders.entry(value.to_owned()).or_insert_with(|| folder.to_owned());
            return;
        }
        let is_main = matches!(key, "main" | "module" | "source" | "types" | "typings");
        let entry = key
            .strip_prefix("exports.")
            .or_else(|| key.strip_prefix("imports."))
            .or((key == "exports").then_some("."))
            .map(entry_name);
        if !is_main && entry.is_none() {
            return;
        }
        let package = self.by_folder.entry(folder.to_owned()).or_default();
        match entry {
            Some(name) => package.entries.push((name, value.to_owned())),
            None => package.mains.push(value.to_owned()),
        }
    }

    /// Takes in where the compiler reads and writes.
    pub(super) fn read_compiler(&mut self, folder: &str, key: &str, value: &str) {
        if !matches!(key, "compilerOptions.outDir" | "compilerOptions.rootDir") {
            return;
        }
        let package = self.by_folder.entry(folder.to_owned()).or_default();
        let slot = if key.ends_with("outDir") { &mut package.out_dir } else { &mut package.root_dir };
        slot.get_or_insert_with(|| value.to_owned());
    }

    /// Paths, without regard to their extensions, that `rest` of the package `name` may be; the likeliest first.
    pub(super) fn candidates(&self, name: &str, rest: &str) -> Vec<String> {
        let Some(folder) = self.folders.get(name) else { return Vec::new() };
        let mut found = Vec::new();
        if let Some(package) = self.by_folder.get(folder) {
            let wanted = if rest.is_empty() { ".".to_owned() } else { format!("./{rest}") };
            let mut targets = package.named(&wanted);
            if rest.is_empty() {
                targets.extend(package.mains.iter().cloned());
            }
            found.extend(targets.iter().flat_map(|target| package.sources(folder, target)));
        }
        let usual: &[&str] = if rest.is_empty() { &["src", "src/main", ""] } else { &["", "src"] };
        found.extend(usual.iter().filter_map(|inner| join(&join(folder, inner)?, rest)));
        found
    }

    /// Likewise of `#db/client`, which the package around `importer` gives a meaning.
    pub(super) fn imported(&self, importer: &str, target: &str) -> Vec<String> {
        let mut folder = importer;
        loop {
            folder = folder.rsplit_once('/').map_or("", |(outer, _)| outer);
            if let Some(package) = self.by_folder.get(folder) {
                let found = package.named(target);
                if !found.is_empty() || folder.is_empty() {
                    return found.iter().flat_map(|target| package.sources(folder, target)).collect();
                }
            }
            if folder.is_empty() {
                return Vec::new();
            }
        }
    }
}

impl Package {
    fn named(&self, wanted: &str) -> Vec<String> {
        let exact = self.entries.iter().filter(|(name, _)| name == wanted).map(|(_, target)| target.clone());
        let starred = self.entries.iter().filter_map(|(name, target)| {
            let (before, after) = name.split_once('*')?;
            let rest = wanted.strip_prefix(before)?.strip_suffix(after)?;
            Some(target.replace('*', rest))
        });
        exact.chain(starred).collect()
    }

    /// The file itself, and what it may be built from.
    fn sources(&self, folder: &str, target: &str) -> Vec<String> {
        let target = target.trim_start_matches("./");
        let target = target.strip_suffix(".d.ts").or(target.strip_suffix(".d.mts")).unwrap_or(target);
        let mut found = vec![target.to_owned()];
        let plain = |path: &str| path.trim_start_matches("./").trim_end_matches('/').to_owned();
        if let Some(rest) = self.out_dir.as_deref().and_then(|out| below(target, &plain(out))) {
            let roots = self.root_dir.as_deref().map(plain).into_iter();
            found.extend(
                roots.chain(SOURCES.iter().map(|root| (*root).to_owned())).map(|root| format!("{root}/{rest}")),
            );
        }
        let mut rest = target;
        while let Some((_, inner)) = rest.split_once('/').filter(|(first, _)| BUILT.contains(first)) {
            rest = inner;
            found.extend(SOURCES.iter().map(|root| format!("{root}/{rest}")));
        }
        found.iter().filter_map(|path| join(folder, path)).collect()
    }
}

/// `./events.import` → `./events`, `import` → `.`: without conditions and places in lists.
fn entry_name(key: &str) -> String {
    let mut name = key;
    loop {
        let (outer, last) = name.rsplit_once('.').unwrap_or(("", name));
        let last = last.split('[').next().unwrap_or(last);
        if !CONDITIONS.contains(&last) {
            break;
        }
        name = outer;
    }
    let name = name.split('[').next().unwrap_or(name);
    if name.is_empty() { ".".to_owned() } else { name.to_owned() }
}

fn below<'p>(path: &'p str, folder: &str) -> Option<&'p str> {
    path.strip_prefix(folder)?.strip_prefix('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packages(rows: &[(&str, &str)]) -> NodePackages {
        let mut packages = NodePackages::default();
        for (key, value) in rows {
            match key.starts_with("compilerOptions") {
                true => packages.read_compiler("packages/orders", key, value),
                false => packages.read_package("packages/orders", key, value),
            }
        }
        packages
    }

    #[test]
    fn what_is_built_leads_to_its_source() {
        let known = packages(&[
            ("name", "@shop/orders"),
            ("main", "./dist/index.js"),
            ("compilerOptions.rootDir", "code"),
            ("compilerOptions.outDir", "dist"),
        ]);
        let found = known.candidates("@shop/orders", "");
        assert!(found.contains(&"packages/orders/code/index.js".to_owned()), "{found:?}");
        assert!(found.contains(&"packages/orders/src/index.js".to_owned()), "{found:?}");
        assert_eq!(known.candidates("@shop/bills", ""), Vec::<String>::new());
    }

    #[test]
    fn exports_name_files_under_conditions() {
        let known = packages(&[
            ("name", "@shop/orders"),
            ("exports...types", "./dist/index.d.ts"),
            ("exports../events.import", "./dist/esm/events/index.mjs"),
            ("exports../jobs/*.default[0]", "./src/jobs/*.ts"),
            ("imports.#db/*", "./src/db/*.js"),
        ]);
        assert!(known.candidates("@shop/orders", "").contains(&"packages/orders/src/index".to_owned()));
        let events = known.candidates("@shop/orders", "events");
        assert!(events.contains(&"packages/orders/src/events/index.mjs".to_owned()), "{events:?}");
        assert!(known.candidates("@shop/orders", "jobs/mail").contains(&"packages/orders/src/jobs/mail.ts".to_owned()));
        let inner = known.imported("packages/orders/src/api/routes.ts", "#db/client");
        assert_eq!(inner, ["packages/orders/src/db/client.js"]);
    }
}
