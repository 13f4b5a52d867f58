//! Loops that end because what they call gives up: `pause(++attempt)`, which throws from the fifth attempt on.

use distsys_facts::{FunctionId, ParameterKind, RegionId, RegionKind, SiteKind, VarId};

use super::scopes::Builder;

impl Builder<'_, '_, '_> {
    /// Whether a function of the project that a loop calls, and whose failure leaves the loop, fails by a count: of what it is
    /// given, or of what its object holds.
    pub(super) fn ends_by_what_it_calls(&self, loop_: RegionId) -> bool {
        let program = self.reader.program;
        let leaves = |region: RegionId| {
            let inside = program.regions_outward(region).take_while(|row| row.region != loop_);
            inside.into_iter().all(|row| row.kind != RegionKind::Try)
        };
        let sites = program.sites(program.region(loop_).function).filter(|site| {
            site.kind == SiteKind::Call && program.region_within(site.region, loop_) && leaves(site.region)
        });
        let mut called = sites.flat_map(|site| self.reader.resolution.calls_at(site.site));
        called.any(|edge| self.gives_up_by_a_count(edge.function))
    }

    fn gives_up_by_a_count(&self, function: FunctionId) -> bool {
        let program = self.reader.program;
        let r = &program.facts.relations;
        let is_own = |var: VarId| {
            let root = self.reader.root(var);
            match program.loaded_as(root) {
                Some(load) => program.parameter(load.base).is_some_and(|row| row.kind == ParameterKind::Receiver),
                None => program.parameter(root).is_some_and(|row| row.kind != ParameterKind::Receiver),
            }
        };
        let is_bound = |var: VarId| is_own(var) || self.reader.constant(var).is_some();
        let compares = |var: VarId| {
            program.binary_by_dst.of(&r.binary, var).any(|row| {
                let right = row.right.is_some_and(|right| {
                    (is_own(row.left) && is_bound(right)) || (is_bound(row.left) && is_own(right))
                });
                matches!(program.text(row.operator), "<" | ">" | "<=" | ">=" | "==" | "===") && right
            })
        };
        program.sites(function).filter(|site| site.kind == SiteKind::Throw).any(|site| {
            let around = program.regions_outward(site.region).filter(|row| row.kind == RegionKind::Branch);
            let mut asked = around.flat_map(|row| program.condition_by_region.of(&r.condition, row.region));
            asked.any(|condition| compares(condition.var))
        })
    }
}
