//! For which failure something is done: the handler or arm around it, or one around the call of the helper that does it; and
//! what becomes of an error after the arm that asks for it first.

use distsys_facts::{FunctionId, RegionId, RegionKind, SiteId, VarId};
use rustc_hash::FxHashSet;

use super::{Decision, Failure, Meaning};

/// A failure for which something is done.
#[derive(Clone, Debug)]
pub struct FailedFor {
    pub failure: Failure,
    /// From the call in the function that knows of the failure down to what is done for it, which is last.
    pub calls: Vec<SiteId>,
    /// Whether anything but the failure is asked in the helpers on the way.
    pub asks_more: bool,
}

/// What is done for a failure is looked for through so many calls.
const MAX_HELPERS: usize = 3;

/// A helper with more callers than this is not one of a handler's.
const MAX_CALLERS: usize = 16;

/// An error is followed through so many names.
const MAX_NAMES: usize = 16;

impl Meaning<'_> {
    /// The failures whose every occurrence comes to what is done at `site`.
    pub fn failed_for(&self, site: SiteId) -> Vec<FailedFor> {
        let mut found = Vec::new();
        self.gather_failed_for(vec![site], false, &mut found);
        found
    }

    fn gather_failed_for(&self, calls: Vec<SiteId>, asks_more: bool, found: &mut Vec<FailedFor>) {
        let Some(&site) = calls.first() else { return };
        let own = self.program.site(site).function;
        let mut function = Some(own);
        while let Some(at) = function {
            let around: Vec<Failure> =
                self.failures(at).into_iter().filter(|failure| failure.sites.contains(&site)).collect();
            if !around.is_empty() {
                let whole = around.into_iter().find(|failure| failure.all);
                found.extend(whole.map(|failure| FailedFor { failure, calls, asks_more }));
                return;
            }
            function = self.program.function(at).parent;
        }
        let callers = self.callers(own);
        if calls.len() > MAX_HELPERS || callers.len() > MAX_CALLERS {
            return;
        }
        let (outcomes, others): (Vec<Decision>, Vec<Decision>) =
            self.decisions(site).into_iter().partition(|decision| self.failed_parameter(*decision, own).is_some());
        let asks_more = asks_more || !others.is_empty();
        for &caller in callers {
            let outer = self.program.site(caller).function;
            if outer == own || calls.contains(&caller) || self.is_out_of_scope(outer) {
                continue;
            }
            let calls: Vec<SiteId> = std::iter::once(caller).chain(calls.iter().copied()).collect();
            match outcomes.first() {
                // `func settle(d Delivery, err error)`: the caller says what failed.
                Some(decision) => {
                    let protected =
                        self.failed_parameter(*decision, own).map(|parameter| self.given_failing(parameter, caller));
                    let Some(protected) = protected.filter(|protected| !protected.is_empty()) else { continue };
                    let failure = Failure::told_by(protected);
                    found.push(FailedFor { failure, calls, asks_more: asks_more || self.is_asked_around(caller) });
                }
                None => self.gather_failed_for(calls, asks_more, found),
            }
        }
    }

    /// The parameter of `function` whose failure a decision is.
    fn failed_parameter(&self, decision: Decision, function: FunctionId) -> Option<VarId> {
        let mut asked = self.program.asked_variant(decision.condition);
        let (value, _) = asked.find(|(_, variant)| *variant == if decision.holds { "Err" } else { "Ok" })?;
        let root = self.reader().root(value);
        self.program.parameter(root).filter(|row| row.function == function).map(|row| row.var)
    }

    /// The calls whose failure the caller passes for a parameter.
    fn given_failing(&self, parameter: VarId, call: SiteId) -> Vec<SiteId> {
        let row = self.program.parameter(parameter);
        let given = row.and_then(|row| self.reader().given_at(call, row));
        given.map_or_else(Vec::new, |given| self.failing_calls(given, self.program.site(call).function))
    }

    /// Whether an arm around `site` asks anything but how a call went.
    fn is_asked_around(&self, site: SiteId) -> bool {
        let program = self.program;
        let r = &program.facts.relations;
        let arms = program.regions_outward(program.site(site).region).filter(|row| row.kind != RegionKind::Loop);
        let mut asked = arms.flat_map(|row| program.condition_by_region.of(&r.condition, row.region));
        asked.any(|row| !program.asked_variant(row.var).any(|(_, variant)| matches!(variant, "Ok" | "Err")))
    }

    /// Whether an error is asked for again after the arm or handler that knew of it first, or given back to the caller.
    pub fn is_asked_again(&self, failure: &Failure) -> bool {
        let program = self.program;
        let r = &program.facts.relations;
        let Some(region) = failure.region else { return false };
        let row = program.region(region);
        let errors = self.errors_of(region);
        let comes_after = |at| at >= row.end && !self.is_made_anew(&errors, region, at);
        let asks = |condition: VarId| {
            let sides = program.binary_by_dst.of(&r.binary, condition).map(|row| row.left);
            sides.chain([condition]).any(|var| errors.contains(&var))
        };
        let mut later = program
            .regions_by_function
            .of(&r.region, row.function)
            .filter(|arm| matches!(arm.kind, RegionKind::Branch | RegionKind::Else) && comes_after(arm.start));
        let mut returned = program.returns_by_function.of(&r.returns, row.function);
        later.any(|arm| program.condition_by_region.of(&r.condition, arm.region).any(|row| asks(row.var)))
            || returned.any(|back| {
                back.var.is_some_and(|var| errors.contains(&var)) && comes_after(program.site(back.site).start)
            })
    }

    /// The calls that an error is handed to after the arm or handler that knew of it first.
    pub fn handed_on_after(&self, failure: &Failure) -> Vec<SiteId> {
        let program = self.program;
        let r = &program.facts.relations;
        let Some(region) = failure.region else { return Vec::new() };
        let row = program.region(region);
        let errors = self.errors_of(region);
        let given = errors.iter().flat_map(|error| program.argument_by_var.of(&r.argument, *error)).map(|row| row.site);
        let mut sites: Vec<SiteId> = given
            .filter(|site| {
                let at = program.site(*site);
                at.function == row.function && at.start >= row.end && !self.is_made_anew(&errors, region, at.start)
            })
            .collect();
        sites.sort_unstable();
        sites.dedup();
        sites
    }

    /// What holds the error that an arm asks for or a handler catches.
    fn errors_of(&self, region: RegionId) -> FxHashSet<VarId> {
        let program = self.program;
        let r = &program.facts.relations;
        let asked = program.condition_by_region.of(&r.condition, region).flat_map(|row| program.asked_variant(row.var));
        let asked = asked.filter(|(_, variant)| *variant == "Err").map(|(value, _)| value);
        let caught = program.catches_by_region.of(&r.catches, region).filter_map(|row| row.var);
        let mut held: Vec<VarId> = asked.chain(caught).collect();
        let mut at = 0;
        while let Some(&var) = held.get(at).filter(|_| held.len() < MAX_NAMES) {
            let copies = program.assign_by_src.of(&r.assign, var).map(|row| row.dst);
            let sources = program.assigned_from(var).map(|row| row.src).filter(|src| program.literal(*src).is_none());
            let further: Vec<VarId> = copies.chain(sources).filter(|var| !held.contains(var)).collect();
            held.extend(further);
            at += 1;
        }
        held.into_iter().collect()
    }

    /// Whether something else has been called between the arm and `at` whose failure the same names hold.
    fn is_made_anew(&self, errors: &FxHashSet<VarId>, region: RegionId, at: distsys_facts::Position) -> bool {
        let program = self.program;
        let row = program.region(region);
        let mut failing = errors.iter().flat_map(|error| self.failing_calls(*error, row.function));
        failing.any(|site| {
            let start = program.site(site).start;
            start >= row.end && start < at
        })
    }
}
