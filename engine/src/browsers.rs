//! Modules that run in a browser, by what they use that only a browser has.

use distsys_facts::schema::{Call, Store};
use distsys_facts::{FunctionKind, ModuleId, VarId};
use rustc_hash::FxHashSet;

use crate::drawn;
use crate::program::Program;

/// Its storage, its tabs' channels.
const OF_BROWSERS: &[&str] = &["localStorage", "sessionStorage", "BroadcastChannel", "navigator"];

/// What somebody looks at.
const OF_PAGES: &[&str] = &["window.location", "document.location"];

/// Its window's events.
const OF_WINDOWS: &[&str] = &[
    "window.addEventListener",
    "window.setInterval",
    "window.setTimeout",
    "document.addEventListener",
    "window.matchMedia",
];

/// What is drawn; a function that a driver of browsers is given runs there, and not where it is written.
const OF_DOCUMENTS: &[&str] =
    &["document.querySelector", "document.querySelectorAll", "document.getElementById", "document.createElement"];

/// What picks parts of a page, if it is asked for the page itself.
const PICKS: &[&str] = &["$", "jQuery"];

/// What keeps the state of a page.
const STORES: &[&str] =
    &["mobx", "mobx-react", "mobx-react-lite", "zustand", "@reduxjs/toolkit", "react-redux", "pinia"];

/// What a component keeps, wherever it comes from.
const HOOKS: &[&str] = &["useEffect", "useState", "useCallback", "useLayoutEffect"];

/// Libraries whose functions are called in components alone, where their name begins with `use`.
const OF_COMPONENTS: &[&str] = &[
    "react",
    "preact/hooks",
    "vue",
    "vue-router",
    "@vueuse/core",
    "@tanstack/react-query",
    "@tanstack/vue-query",
    "react-query",
    "swr",
    "swr/mutation",
    "@apollo/client",
    "urql",
    "react-router",
    "react-router-dom",
    "next/navigation",
    "next/router",
    "jotai",
    "recoil",
    "react-hook-form",
    "react-i18next",
];

pub(crate) fn modules(program: &Program<'_>) -> FxHashSet<ModuleId> {
    let r = &program.facts.relations;
    let called = r.call.iter().filter(|call| is_of_browser(program, call)).map(|call| call.site);
    // `window.location.href = "/orders"`
    let goes = r.store.iter().filter(|row| goes_elsewhere(program, row)).map(|row| row.site);
    let used = called.chain(goes).map(|site| program.function(program.site(site).function).module);
    let keeps = r.import.iter().filter(|row| STORES.contains(&program.text(row.target)));
    used.chain(keeps.map(|row| row.module)).chain(drawn::modules(program.facts)).collect()
}

fn is_of_browser(program: &Program<'_>, call: &Call) -> bool {
    let global = |var: VarId| program.global(var).map(|path| program.text(path));
    let is_browsers = |path: &str| OF_BROWSERS.contains(&path.split('.').next().unwrap_or_default());
    if call.callee.into_iter().chain(call.receiver).filter_map(global).any(is_browsers) {
        return true;
    }
    let held = || Some(format!("{}.{}", global(call.receiver?)?, program.text(call.name)));
    let path = call.callee.and_then(global).map(str::to_owned).or_else(held);
    let is_among = |known: &[&str]| path.as_deref().is_some_and(|path| known.contains(&path));
    is_among(OF_WINDOWS)
        || is_among(OF_DOCUMENTS) && program.function(program.site(call.site).function).kind != FunctionKind::Closure
        || is_among(PICKS) && program.arguments(call.site).any(|row| global(row.var) == Some("document"))
        || call.receiver.is_none() && (HOOKS.contains(&program.text(call.name)) || is_hook(program, call))
}

/// `useQuery(…)` of a library that components ask.
fn is_hook(program: &Program<'_>, call: &Call) -> bool {
    let named = |name: &str| name.strip_prefix("use").is_some_and(|rest| rest.starts_with(char::is_uppercase));
    let import = call.callee.and_then(|callee| program.import(callee));
    import.is_some_and(|row| OF_COMPONENTS.contains(&program.text(row.target)) && named(program.text(row.member)))
}

fn goes_elsewhere(program: &Program<'_>, row: &Store) -> bool {
    let global = |var: VarId| program.global(var).map(|path| program.text(path));
    let held = || {
        let load = program.loaded_as(row.base)?;
        Some(format!("{}.{}", global(load.base)?, program.text(load.field)))
    };
    let place = global(row.base).map(str::to_owned).or_else(held);
    place.is_some_and(|place| {
        OF_PAGES.contains(&place.as_str())
            || matches!(place.as_str(), "window" | "document") && program.text(row.field) == "location"
    })
}
