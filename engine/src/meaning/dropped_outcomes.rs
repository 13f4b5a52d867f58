//! Failures that come as values and that nobody looks at: among the outcomes that a `gather` collects, and as the first
//! argument of a callback.

use distsys_facts::{FunctionId, FunctionKind, RegionId, RegionKind, SiteId, SiteKind, VarId};
use rustc_hash::FxHashSet;

use super::operations::{Found, Operand, Operation};
use super::{Failure, Meaning};
use crate::operation::{Attr, OpKind};

/// A project that drops outcomes in more places than this does so by custom: it is asked once, not at each.
const MANY: usize = 5;

impl Meaning<'_> {
    /// `await Promise.allSettled(calls)`, `await asyncio.gather(*calls, return_exceptions=True)`: what failed is among what it
    /// gives, which is dropped.
    pub fn dropped_among_gathered(&self, function: FunctionId) -> Vec<Failure> {
        let mut found = Vec::new();
        let all = self.outcomes_dropped();
        for row in self.program.sites(function) {
            let is_custom = all.len() > MANY && all.first() != Some(&row.site);
            if is_custom || all.binary_search(&row.site).is_err() {
                continue;
            }
            let protected = self.begun_for(row.site, function);
            if !protected.is_empty() {
                found.push(Failure { empty: true, idle: true, ..Failure::told_by(protected) });
            }
        }
        found
    }

    /// Where what a `gather` collects is dropped, failures among it.
    fn outcomes_dropped(&self) -> &[SiteId] {
        self.outcomes_dropped.get_or_init(|| {
            let keeps = |op: &Operation| match self.attribute(op, Attr::Errors) {
                Found::Is(Operand::Text(text)) => text == "kept",
                Found::Is(Operand::Var(var)) => {
                    self.constant(var).is_some_and(|text| text.eq_ignore_ascii_case("true"))
                }
                _ => false,
            };
            let gathers = self.operations.of_kind(OpKind::Gather);
            let dropped = gathers.filter(|op| keeps(op) && self.is_outcome_dropped(op.site));
            let mut sites: Vec<SiteId> =
                dropped.filter(|op| !self.is_out_of_scope(op.function)).map(|op| op.site).collect();
            sites.sort_unstable();
            sites.dedup();
            sites
        })
    }

    /// The calls whose promises are given to `gather`: in `function`, or in the closures that make them for each element.
    fn begun_for(&self, gather: SiteId, function: FunctionId) -> Vec<SiteId> {
        let program = self.program;
        let r = &program.facts.relations;
        let mut made: FxHashSet<VarId> = FxHashSet::default();
        for row in program.arguments(gather) {
            made.insert(row.var);
            made.extend(self.made_from(row.var));
        }
        let calls = program.sites(function).filter_map(|row| program.call(row.site));
        let own: Vec<SiteId> =
            calls.filter(|call| call.site != gather && made.contains(&call.result)).map(|call| call.site).collect();
        // `items.map((item) => send(item))`
        let given = own.iter().flat_map(|site| program.arguments(*site)).map(|row| row.var).chain(made.iter().copied());
        let closures: FxHashSet<FunctionId> = given.filter_map(|var| program.closure(var)).collect();
        let inner = closures.into_iter().filter(|closure| program.function(*closure).kind == FunctionKind::Closure);
        let returned =
            inner.flat_map(|closure| program.returns_by_function.of(&r.returns, closure)).filter_map(|row| row.var);
        let inside = returned.filter_map(|var| self.reader().maker(var)).map(|call| call.site);
        let mut found: Vec<SiteId> = own.iter().copied().chain(inside).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// `client.put(order, (error, reply) => { if (error) return resolve(); … })`: the callback goes on as if all had gone well.
    pub fn dropped_by_callback(&self, function: FunctionId) -> Vec<Failure> {
        let program = self.program;
        let r = &program.facts.relations;
        let mut found = Vec::new();
        for row in program.sites(function) {
            let Some(call) = program.call(row.site).filter(|_| self.gives_promises(row.site)) else { continue };
            if !self.resolution.calls_at(row.site).is_empty() {
                continue;
            }
            let Some(callback) = program.arguments(row.site).last().and_then(|given| program.closure(given.var)) else {
                continue;
            };
            let mut parameters = program.parameters(callback);
            let Some(error) =
                parameters.next().filter(|first| matches!(program.text(first.name), "err" | "error" | "e"))
            else {
                continue;
            };
            let arms =
                program.regions_by_function.of(&r.region, callback).filter(|region| region.kind == RegionKind::Branch);
            let asked = |region: RegionId| {
                program
                    .condition_by_region
                    .of(&r.condition, region)
                    .any(|condition| program.held_at(condition.var) == error.var)
            };
            let arm = arms.map(|row| row.region).find(|region| asked(*region) && self.goes_on_without(*region));
            if let Some(arm) = arm {
                let protected = call.receiver.map_or_else(Vec::new, |receiver| self.failing_calls(receiver, function));
                let protected = protected.into_iter().chain([row.site]).collect();
                found.push(Failure { region: Some(arm), empty: true, idle: true, ..Failure::told_by(protected) });
            }
        }
        found
    }

    /// Whether all that an arm does is to go on with nothing: `return`, `resolve()`, `done(null)`.
    fn goes_on_without(&self, arm: RegionId) -> bool {
        let program = self.program;
        let is_nothing = |var: VarId| program.literal(var).is_some() || self.constant(var) == Some("undefined");
        let goes_on = |site: SiteId| {
            let Some(call) = program.call(site) else { return false };
            let named =
                call.callee.and_then(|var| program.parameter(program.held_at(var))).map(|row| program.text(row.name));
            named.is_some_and(|name| matches!(name, "resolve" | "done" | "next" | "cb" | "callback" | "ok"))
                && program.arguments(site).all(|row| is_nothing(row.var))
        };
        let sites = self.sites_in(arm);
        !program.is_borne(arm)
            && sites.iter().all(|site| program.site(*site).kind == SiteKind::Return || goes_on(*site))
    }
}
