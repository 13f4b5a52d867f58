//! Failures that a handler does not deal with: it throws them again, or gives them to its caller as a value.

use distsys_facts::{FunctionId, LiteralKind, RegionId, RegionKind, SiteId, SiteKind};

use super::Meaning;
use super::failures::Failure;

/// So many functions lie between a handler and the one that throws again.
const MAX_DEPTH: u32 = 2;

impl Meaning<'_> {
    /// Whether what a function given to `catch` does ends with an exception: `.catch((error) => rethrow(error))`.
    pub fn throws_again(&self, failure: &Failure) -> bool {
        failure.region.is_none() && failure.sites.iter().any(|site| self.surely_throws(*site, 0))
    }

    fn surely_throws(&self, site: SiteId, depth: u32) -> bool {
        let row = self.program.site(site);
        let asked = |kind| matches!(kind, RegionKind::Branch | RegionKind::Else | RegionKind::Loop | RegionKind::Try);
        let is_sure = || !self.program.regions_outward(row.region).any(|region| asked(region.kind));
        match row.kind {
            SiteKind::Throw => is_sure(),
            SiteKind::Call if depth < MAX_DEPTH => {
                let edges = self.resolution.calls_at(site);
                !edges.is_empty() && edges.iter().all(|edge| self.always_throws(edge.function, depth + 1)) && is_sure()
            }
            _ => false,
        }
    }

    fn always_throws(&self, function: FunctionId, depth: u32) -> bool {
        self.program.sites(function).any(|row| self.surely_throws(row.site, depth))
    }

    /// Whether all that a handler does about a failure is to give it, in a value made for that, to whoever called the
    /// function: `catch (error) { return { ok: false, error } }`. Who does not look at the value does not hear of it.
    pub fn gives_failure(&self, handler: RegionId) -> bool {
        let program = self.program;
        let r = &program.facts.relations;
        let function = program.region(handler).function;
        let is_inside = |site: SiteId| program.region_within(program.site(site).region, handler);
        let returned = program.returns_by_function.of(&r.returns, function).filter(|row| is_inside(row.site));
        let given: Vec<_> = returned.map(|row| row.var).collect();
        // `return false` says less than that, and more than nothing.
        let is_value =
            |var| program.entry_by_var.of(&r.entry, var).next().is_some() || program.call_giving(var).is_some();
        let says_only = |var| program.literal(var).is_some_and(|row| row.kind == LiteralKind::Null);
        let all_given =
            !given.is_empty() && given.iter().all(|var| var.is_some_and(|var| is_value(var) && !says_only(var)));
        if !all_given {
            return false;
        }
        let parts: Vec<_> = given.into_iter().flatten().flat_map(|var| self.made_from(var)).collect();
        let calls = self.sites_in(handler).into_iter().filter_map(|site| program.call(site));
        calls.into_iter().all(|call| parts.contains(&call.result))
    }
}
