//! Code of pages in a package that holds their server, too: what only pages use, directly or through what they use.

use distsys_facts::{FunctionId, ModuleId, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::Meaning;

/// Modules are imported through so many others.
const MAX_ROUNDS: usize = 12;

impl Meaning<'_> {
    /// Whether a function runs in a browser, as its package says, or because whatever imports its module does.
    pub fn runs_in_pages(&self, function: FunctionId) -> bool {
        let program = self.program;
        program.runs_in_browser(function)
            || program.is_beside_pages(function)
                && self
                    .page_modules
                    .get_or_init(|| self.find_page_modules())
                    .contains(&program.function(function).module)
    }

    fn find_page_modules(&self) -> FxHashSet<ModuleId> {
        let program = self.program;
        let r = &program.facts.relations;
        let module_of = |var: VarId| program.variable(var).map(|row| program.function(row.function).module);
        let mut importers: FxHashMap<ModuleId, FxHashSet<ModuleId>> = FxHashMap::default();
        for row in &r.import {
            if let Some(imported) = self.resolution.imported(row.var).and_then(module_of).filter(|of| *of != row.module)
            {
                importers.entry(imported).or_default().insert(row.module);
            }
        }
        let runs = |module: &ModuleId| {
            program.module_functions.get(module).is_some_and(|function| program.runs_in_browser(*function))
        };
        let mut found: FxHashSet<ModuleId> = importers.values().flatten().copied().filter(runs).collect();
        for _ in 0..MAX_ROUNDS {
            let before = found.len();
            let used = importers.iter().filter(|(_, by)| by.iter().all(|module| found.contains(module)));
            let used: Vec<ModuleId> = used.map(|(module, _)| *module).collect();
            found.extend(used);
            if found.len() == before {
                break;
            }
        }
        found
    }
}
