//! Loops over what a generator of the project yields: between two of its values it waits with all that it holds.

use distsys_facts::{FunctionId, RegionId, RegionKind, SiteId, VarId};

use super::scopes::Builder;

/// What is looped over is a copy of what was called so many times.
const MAX_COPIES: usize = 4;

impl Builder<'_, '_, '_> {
    /// The loops over what calls of `generator` give, each with the call.
    pub(super) fn loops_over(&self, generator: FunctionId) -> Vec<(SiteId, RegionId)> {
        let program = self.reader.program;
        let r = &program.facts.relations;
        let mut found = Vec::new();
        for &site in self.index.callers.get(&generator).into_iter().flatten() {
            let Some(given) = program.call(site).map(|call| call.result) else { continue };
            let loops = program.regions_by_function.of(&r.region, program.site(site).function);
            let over = loops.filter(|row| {
                row.kind == RegionKind::Loop && !program.region_within(program.site(site).region, row.region)
            });
            for turn in over {
                let mut iterated = program.iterates_by_region.of(&r.iterates, turn.region).map(|row| row.var);
                if iterated.any(|var| self.is_copy_of(var, given)) {
                    found.push((site, turn.region));
                }
            }
        }
        found
    }

    fn is_copy_of(&self, var: VarId, of: VarId) -> bool {
        let mut at = Some(var);
        for _ in 0..MAX_COPIES {
            match at {
                Some(at) if at == of => return true,
                Some(copy) => at = self.reader.program.only_source(copy),
                None => return false,
            }
        }
        false
    }
}
