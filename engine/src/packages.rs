//! What packages are for, by what their manifests say that they need: those that draw in a browser or a terminal, that serve, that
//! a person runs.

use distsys_facts::{FactBase, FileId, Id};
use rustc_hash::FxHashMap;

/// Whether a path is one of the project's own tools, or what is run to build it.
pub(crate) fn is_of_tools(path: &str) -> bool {
    let folder = path.split('/').next().unwrap_or_default();
    matches!(folder, "tools" | "dev" | "hack") || path == "build.rs" || path.ends_with("/build.rs")
}

/// Packages below the root that offer a command, or draw in a terminal and serve nobody.
pub(crate) fn tools(facts: &FactBase) -> Vec<&str> {
    const DRAWS: &[&str] = &[
        "ratatui",
        "tui",
        "crossterm",
        "comfy-table",
        "indicatif",
        "dialoguer",
        "inquire",
        "prettytable-rs",
        "cliclack",
    ];
    const SERVES: &[&str] = &["axum", "actix-web", "hyper", "poem", "rocket", "salvo", "tide", "tonic", "warp"];
    let mut crates: FxHashMap<&str, (bool, bool)> = FxHashMap::default();
    let mut found = Vec::new();
    for row in &facts.relations.manifest {
        let path = facts.text(facts.relations.file[row.file.index()].path);
        let key = facts.text(row.key);
        if let Some(folder) = path.strip_suffix("package.json") {
            found.extend((key == "bin" || key.starts_with("bin.")).then_some(folder));
        } else if let Some(folder) = path.strip_suffix("Cargo.toml")
            && let Some(needed) = key.strip_prefix("dependencies.").and_then(|rest| rest.split('.').next())
        {
            let known = crates.entry(folder).or_default();
            known.0 |= DRAWS.contains(&needed);
            known.1 |= SERVES.contains(&needed);
        }
    }
    found.extend(crates.into_iter().filter(|(_, (draws, serves))| *draws && !serves).map(|(folder, _)| folder));
    found.retain(|folder| !folder.is_empty());
    found.sort_unstable();
    found.dedup();
    found
}

/// Packages that depend on a library which draws in a terminal.
pub(crate) fn drawn_in_terminal(facts: &FactBase) -> Vec<&str> {
    const DRAWS: &[&str] = &["ratatui", "tui", "cursive", "textual", "urwid", "ink", "blessed"];
    let mut found: Vec<&str> = facts
        .relations
        .manifest
        .iter()
        .filter(|row| {
            let needed = facts.text(row.key).strip_prefix("dependencies.");
            needed.and_then(|name| name.split('.').next()).is_some_and(|name| DRAWS.contains(&name))
        })
        .map(|row| {
            let path = facts.text(facts.relations.file[row.file.index()].path);
            path.rfind('/').map_or("", |end| &path[..=end])
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// Libraries that draw in a browser.
const DRAWS: &[&str] = &[
    "react-dom",
    "vue",
    "@angular/core",
    "svelte",
    "preact",
    "solid-js",
    "bootstrap",
    "jquery",
    "htmx.org",
    "alpinejs",
    "lit",
    "@hotwired/stimulus",
];

/// Packages that depend on one of them, and on nothing that runs the same modules on a server.
pub(crate) fn of_pages(facts: &FactBase) -> Vec<&str> {
    const BUILT_ON_SERVERS: &[&str] = &["next", "nuxt", "astro", "gatsby"];
    let mut draws: FxHashMap<&str, (bool, bool)> = FxHashMap::default();
    for row in &facts.relations.manifest {
        let path = facts.text(facts.relations.file[row.file.index()].path);
        let needed = facts.text(row.key).strip_prefix("dependencies.");
        if let (Some(folder), Some(name)) = (path.strip_suffix("package.json"), needed) {
            let known = draws.entry(folder).or_default();
            known.0 |= DRAWS.contains(&name);
            known.1 |=
                BUILT_ON_SERVERS.contains(&name) || name.starts_with("@remix-run/") || name.starts_with("@sveltejs/");
        }
    }
    let mut found: Vec<&str> =
        draws.into_iter().filter(|(_, (draws, built))| *draws && !*built).map(|(folder, _)| folder).collect();
    found.sort_unstable();
    found
}

/// Packages by what they depend on: a library that draws in a browser, and none that serves.
pub(crate) fn by_place(facts: &FactBase, browser: bool) -> Vec<&str> {
    const SERVES: &[&str] = &[
        "next",
        "nuxt",
        "express",
        "fastify",
        "koa",
        "hono",
        "@nestjs/core",
        "@hapi/hapi",
        "@sveltejs/kit",
        "astro",
        "@remix-run/node",
        "@remix-run/server-runtime",
        "@react-router/node",
    ];
    let mut draws: FxHashMap<FileId, (bool, bool, bool)> = FxHashMap::default();
    for row in &facts.relations.manifest {
        let is_package = facts.text(facts.relations.file[row.file.index()].path).ends_with("package.json");
        let known = draws.entry(row.file).or_default();
        let key = facts.text(row.key);
        let needed = key.strip_prefix("dependencies.").or_else(|| key.strip_prefix("peerDependencies."));
        if let Some(name) = needed.filter(|_| is_package) {
            known.0 |= DRAWS.contains(&name);
            known.1 |= SERVES.contains(&name);
            known.2 = true;
        }
    }
    // A package that needs nothing is as the one around it.
    let mut found: Vec<&str> = draws
        .into_iter()
        .filter(|(_, (draws, serves, needs))| *needs && (*draws && !*serves) == browser)
        .filter_map(|(file, _)| facts.text(facts.relations.file[file.index()].path).strip_suffix("package.json"))
        .collect();
    found.sort_unstable();
    found
}
