//! Failures: where code deals with what failed, whatever a language calls it: a handler of exceptions, an arm for an error
//! value, a function given to a promise's `catch`.

use distsys_facts::{BlockId, FunctionId, RegionId, RegionKind, SiteId, VarId};
use rustc_hash::FxHashSet;

use super::Meaning;

/// What is done when something failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The arm or handler; none for a function given to `catch`.
    pub region: Option<RegionId>,
    /// Whether every failure comes here.
    pub all: bool,
    /// Whether nothing at all is done: no statement, no comment that says why.
    pub empty: bool,
    /// What may fail.
    pub protected: Vec<SiteId>,
    /// What is done then.
    pub sites: Vec<SiteId>,
    /// Where dealing with it begins in the function whose sites may fail.
    pub entry: Option<BlockId>,
}

impl Meaning<'_> {
    /// Where `function` deals with failures of its own calls.
    pub fn failures(&self, function: FunctionId) -> Vec<Failure> {
        let mut found = self.handlers_of(function);
        found.extend(self.error_arms(function));
        found.extend(self.promise_handlers(function));
        found
    }

    fn handlers_of(&self, function: FunctionId) -> Vec<Failure> {
        let program = self.program;
        let r = &program.facts.relations;
        let mut found = Vec::new();
        for body in program.regions_by_function.of(&r.region, function).filter(|row| row.kind == RegionKind::Try) {
            for row in program.handles_by_body.of(&r.handles, body.region) {
                let Some(catches) = program.catches_by_region.first(&r.catches, row.region) else { continue };
                let all = matches!(program.text(catches.type_), "" | "Exception" | "BaseException");
                found.push(self.failure_in(row.region, all, self.sites_in(body.region)));
            }
        }
        found
    }

    /// `if let Err(e) = work()`, `Err(e) => …`.
    fn error_arms(&self, function: FunctionId) -> Vec<Failure> {
        let program = self.program;
        let r = &program.facts.relations;
        let mut found = Vec::new();
        for arm in program.regions_by_function.of(&r.region, function).filter(|row| row.kind == RegionKind::Branch) {
            for condition in program.condition_by_region.of(&r.condition, arm.region) {
                let mut asked = program.asked_variant(condition.var);
                let Some((matched, _)) = asked.find(|(_, variant)| *variant == "Err") else { continue };
                let protected = self.failing_calls(matched, function);
                if protected.is_empty() {
                    continue;
                }
                found.push(self.failure_in(arm.region, true, protected));
            }
        }
        found
    }

    /// What a region does about the failure of what it protects.
    fn failure_in(&self, region: RegionId, all: bool, protected: Vec<SiteId>) -> Failure {
        Failure {
            region: Some(region),
            all,
            empty: self.program.is_idle(region),
            protected,
            sites: self.sites_in(region),
            entry: self.order.entry_of(self.program, region),
        }
    }

    /// `work().catch((error) => …)`
    fn promise_handlers(&self, function: FunctionId) -> Vec<Failure> {
        let program = self.program;
        let mut found = Vec::new();
        for site in program.sites(function) {
            let Some(call) = program.call(site.site) else { continue };
            if program.text(call.name) != "catch" || !self.resolution.calls_at(site.site).is_empty() {
                continue;
            }
            let given = program.arguments(site.site).next().and_then(|argument| program.closure(argument.var));
            let (Some(receiver), Some(handler)) = (call.receiver, given) else { continue };
            let sites: Vec<SiteId> = program.sites(handler).map(|row| row.site).collect();
            found.push(Failure {
                region: None,
                all: true,
                // Who does not wait either has let it go on purpose.
                empty: sites.is_empty() && self.is_used(call.result),
                protected: self.failing_calls(receiver, function),
                sites,
                entry: None,
            });
        }
        found
    }

    /// The calls in `function` whose failure `value` may be: along awaits, assignments and chains.
    fn failing_calls(&self, value: VarId, function: FunctionId) -> Vec<SiteId> {
        let program = self.program;
        let mut found: Vec<SiteId> = Vec::new();
        let mut seen: FxHashSet<VarId> = FxHashSet::default();
        let mut stack = vec![value];
        while let Some(at) = stack.pop() {
            if !seen.insert(at) {
                continue;
            }
            stack.extend(program.assigned_from(at).map(|row| row.src));
            if let Some(call) = program.call_giving(at) {
                if program.site(call.site).function == function {
                    found.push(call.site);
                }
                stack.extend(call.receiver);
            }
        }
        found.sort_unstable();
        found
    }

    /// The sites in a region.
    pub fn sites_in(&self, region: RegionId) -> Vec<SiteId> {
        let program = self.program;
        let all = program.sites(program.region(region).function);
        all.filter(|row| program.region_within(row.region, region)).map(|row| row.site).collect()
    }

    /// Whether control may come from `block` to `site`, or `site` is in it.
    pub fn leads(&self, block: BlockId, site: SiteId) -> bool {
        self.program.site(site).block == block || self.order.leads(self.program, block, site)
    }
}
