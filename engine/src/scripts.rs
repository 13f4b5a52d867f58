//! Modules of JavaScript that a person runs: they call their own `main` and are there for nothing else.

use distsys_facts::schema::Call;
use distsys_facts::{FunctionKind, Language, ModuleId};

use crate::program::Program;
use crate::words::words;

/// Names of what is started by whoever deploys it.
const ENTRIES: &[&str] = &["app", "bot", "consumer", "cron", "index", "main", "server", "start", "worker"];

/// Modules that offer nothing, call a `main` at the top and are named by no manifest.
pub(crate) fn that_run_main(program: &Program<'_>) -> Vec<ModuleId> {
    let r = &program.facts.relations;
    let module_of = |call: &Call| program.function(program.site(call.site).function);
    let at_top = |call: &&Call| {
        let function = module_of(call);
        let language = program.language(program.file_of_module(function.module));
        function.kind == FunctionKind::Module
            && matches!(language, Language::TypeScript | Language::JavaScript)
            && call.receiver.is_none()
            && program.written_name(call) == "main"
    };
    let mut mains: Vec<ModuleId> = r.call.iter().filter(at_top).map(|call| module_of(call).module).collect();
    mains.retain(|module| {
        let path = program.path(program.file_of_module(*module));
        let stem = path.rsplit('/').next().and_then(|name| name.split('.').next()).unwrap_or_default();
        let is_entry = words(stem).iter().any(|word| ENTRIES.contains(&word.as_str()));
        let offers = program.export_by_module.of(&r.export, *module).next().is_some();
        !is_entry && !offers && !r.manifest.iter().any(|row| starts(program.text(row.value), stem))
    });
    mains
}

/// Whether a text of a manifest names a file: `node dist/report.js`, `./lib/report`.
fn starts(text: &str, stem: &str) -> bool {
    text.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',')).any(|part| {
        let named = part.rsplit('/').next().unwrap_or(part);
        let is_path = named.len() < part.len() || named.contains('.');
        is_path && named.split('.').next() == Some(stem)
    })
}
