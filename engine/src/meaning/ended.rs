//! Where a failure ends: a function on the way to what fails deals with it, and whoever called that one hears of nothing.

use distsys_facts::{RegionKind, SiteId, SiteKind};

use super::operations::{Found, Operand, Operation};
use super::{Failure, Meaning};
use crate::operation::{Attr, OpKind};

impl Meaning<'_> {
    /// Whether a failure at the end of `trace` never comes back to where that begins.
    pub fn is_dealt_with_below(&self, trace: &[SiteId]) -> bool {
        self.dealt_with_at(trace).is_some()
    }

    /// The position of the innermost call on the way that a failure at the end of `trace` gets no further than; the first one's
    /// own function is whoever asks.
    pub fn dealt_with_at(&self, trace: &[SiteId]) -> Option<usize> {
        (1..trace.len()).rev().find(|at| self.ends_at(trace[*at]))
    }

    /// Whether the failure of what is called at `site` ends in the function that calls it.
    pub fn ends_at(&self, site: SiteId) -> bool {
        let failures = self.failures(self.program.site(site).function);
        failures.iter().any(|failure| failure.all && failure.protected.contains(&site) && self.ends(failure))
            || self.is_settled(site)
    }

    /// Whether nothing of a failure is left once it was dealt with.
    fn ends(&self, failure: &Failure) -> bool {
        let program = self.program;
        let throws = |site: SiteId| program.site(site).kind == SiteKind::Throw;
        if failure.sites.iter().any(|site| throws(*site)) {
            return false;
        }
        let Some((region, entry)) = failure.region.zip(failure.entry) else { return true };
        let row = program.region(region);
        if row.kind == RegionKind::Catch {
            return true;
        }
        // An error that is a value may be handed on in any way later.
        let goes_on = |site: SiteId| self.leads(entry, site);
        let is_good = |var| {
            program.literal(var).is_some()
                || program.call_giving(var).is_some_and(|call| program.text(call.name) == "Ok")
        };
        let mut returned = program.returns_by_function.of(&program.facts.relations.returns, row.function);
        !self.is_asked_again(failure)
            && self.handed_on_after(failure).is_empty()
            && !program.sites(row.function).any(|site| throws(site.site) && goes_on(site.site))
            && !returned.any(|back| back.var.is_some_and(|var| !is_good(var)) && goes_on(back.site))
    }

    /// Whether what is called at `site` is waited for with others, so that what failed is among what that gives:
    /// `Promise.allSettled(orders.map(send))`, `asyncio.gather(send(), return_exceptions=True)`.
    fn is_settled(&self, site: SiteId) -> bool {
        let program = self.program;
        let Some(call) = program.call(site) else { return false };
        let keeps = |op: &Operation| match self.attribute(op, Attr::Errors) {
            Found::Is(Operand::Text(text)) => text == "kept",
            Found::Is(Operand::Var(var)) => matches!(self.constant(var), Some("True" | "true")),
            _ => false,
        };
        let beside = program.sites(program.site(site).function).map(|row| row.site).filter(|at| *at != site);
        let mut gathers =
            beside.flat_map(|at| self.operations.at(at)).filter(|op| op.kind == OpKind::Gather && keeps(op));
        gathers.any(|op| {
            let mut given = program.arguments(op.site);
            given.any(|row| row.var == call.result || self.made_from(row.var).contains(&call.result))
        })
    }
}
