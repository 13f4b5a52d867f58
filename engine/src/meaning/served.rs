//! What is run from outside: entry points, handlers of requests, and all that they reach.

use distsys_facts::{FunctionId, SiteId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::Meaning;
use super::invoked::Mode;
use super::operations::{Found, Operand, Operation};
use crate::model::Family;
use crate::operation::{Attr, OpKind};

impl<'m> Meaning<'m> {
    /// Functions that something outside runs: routes, consumers, jobs, schedules, and (as `listen`) what is left with a library that
    /// no model knows.
    pub fn entry_points(&self) -> Vec<(FunctionId, OpKind)> {
        let mut found: Vec<(FunctionId, OpKind)> = Vec::new();
        for row in self.invocations.all.iter().filter(|row| row.mode == Mode::Registered) {
            let before = found.len();
            for op in self.operations.at(row.site) {
                found.push((row.function, op.kind));
            }
            // Left with a library that no model knows, which runs it when something comes.
            if found.len() == before {
                found.push((row.function, OpKind::Listen));
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// What runs a function from outside: a route, a consumer, a job, a schedule; what merely keeps it for later is none of them.
    pub fn run_by(&self, function: FunctionId) -> &[OpKind] {
        let collect = || {
            let mut found: FxHashMap<FunctionId, Vec<OpKind>> = FxHashMap::default();
            for (function, kind) in self.entry_points() {
                found.entry(function).or_default().push(kind);
            }
            found
        };
        self.run_by.get_or_init(collect).get(&function).map_or(&[], Vec::as_slice)
    }

    /// Whether `function`, which the route `op` runs, serves this HTTP method.
    pub fn serves(&self, op: &Operation, function: FunctionId, method: &str) -> bool {
        let program = self.program;
        let handlers = &self.reader().model(op).handlers;
        let own = program.text(program.function(function).name);
        // `export const POST = answered(async (request) => …)` offers what the wrapper gives.
        let r = &program.facts.relations;
        let wrapper = program.call(op.site).filter(|_| !handlers.is_empty());
        let held = wrapper.into_iter().flat_map(|call| program.assign_by_src.of(&r.assign, call.result));
        let offered: Vec<&str> =
            held.filter_map(|row| program.variable(row.dst)).map(|row| program.text(row.name)).collect();
        if let Some((_, serves)) = handlers
            .iter()
            // What a file offers by default has a name of its own there.
            .find(|(name, _)| {
                matches!(name.as_str(), "*" | "default") || name == own || offered.contains(&name.as_str())
            })
        {
            return serves.eq_ignore_ascii_case(method);
        }
        let named = |var| self.constant(var).is_some_and(|text| text.eq_ignore_ascii_case(method));
        match self.attribute(op, Attr::Method) {
            Found::Is(Operand::Text(text)) => text.eq_ignore_ascii_case(method),
            Found::Is(Operand::Var(var)) => {
                let mut elements = program.element_by_var.of(&program.facts.relations.element, var);
                named(var) || elements.any(|row| named(row.value))
            }
            _ => false,
        }
    }

    /// Whether an operation runs all methods of an object, each for requests of its own: a server of procedures. The methods of a
    /// view that are run by their names may run one another.
    pub fn runs_methods(&self, op: &Operation) -> bool {
        self.reader().model(op).handlers.iter().any(|(name, _)| name == "*")
    }

    /// What requests, messages, jobs and schedules may run.
    pub fn is_served(&self, function: FunctionId) -> bool {
        self.served
            .get_or_init(|| self.reached(self.entry_points().into_iter().map(|(function, _)| function).collect()))
            .contains(&function)
    }

    /// What runs while a request waits for its answer.
    pub fn is_requested(&self, function: FunctionId) -> bool {
        let collect = || {
            let routes = self.entry_points().into_iter().filter(|(_, kind)| *kind == OpKind::Route);
            let mut from: Vec<FunctionId> = routes.map(|(function, _)| function).collect();
            let mut reached = FxHashSet::default();
            while let Some(at) = from.pop() {
                if reached.insert(at) {
                    from.extend(self.program.sites(at).flat_map(|site| self.waited_for(site.site)));
                }
            }
            reached
        };
        self.requested.get_or_init(collect).contains(&function)
    }

    /// Whether a function runs for nothing but requests that something in the tree ends in time. What they wait for, and only
    /// then does anything, is over with them.
    pub fn ends_with_request(&self, function: FunctionId) -> bool {
        let program = self.program;
        let family = Family::from(program.language(program.file_of_function(function)));
        let paths = &self.resolution.paths;
        let bounds = |path| self.models.bounds_requests(paths.family(path), paths.text(path));
        let find = || {
            let bounding = self.resolution.external.iter().filter(|(_, path, _)| bounds(*path));
            bounding.map(|(_, path, _)| paths.family(*path)).filter(|family| family.gives_futures()).collect()
        };
        if !self.requests_end.get_or_init(find).contains(&family) {
            return false;
        }
        let (mut stack, mut seen) = (vec![function], FxHashSet::default());
        while let Some(at) = stack.pop() {
            if !seen.insert(at) {
                continue;
            }
            if !self.is_requested(at) {
                return false;
            }
            let registers = |site: SiteId| self.operations.at(site).any(|op| op.kind == OpKind::Route);
            let callers = self.callers(at).iter().filter(|site| !registers(**site));
            let callers = callers.map(|site| program.site(*site).function);
            stack.extend(callers.filter(|caller| !self.is_out_of_scope(*caller)));
        }
        true
    }

    /// What functions may run, themselves included.
    pub fn reached(&self, mut from: Vec<FunctionId>) -> FxHashSet<FunctionId> {
        let mut reached = FxHashSet::default();
        while let Some(at) = from.pop() {
            if reached.insert(at) {
                from.extend(self.program.sites(at).flat_map(|site| self.callees(site.site)));
            }
        }
        reached
    }
}

/// Calls that a stream of what is to be done is run by.
pub(super) fn subscribes(name: &str) -> bool {
    const RUN: &[&str] =
        &["subscribe", "block", "toFuture", "toStream", "toIterable", "connect", "atMost", "indefinitely"];
    RUN.iter().any(|run| name.starts_with(run))
}
