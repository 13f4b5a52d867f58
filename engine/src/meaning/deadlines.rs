//! Deadlines that a value carries to whoever is given it (Go's contexts), and the calls that it bounds.

use distsys_facts::schema::Call;
use distsys_facts::{SiteId, VarId};
use rustc_hash::FxHashSet;

use super::operations::{Found, Operand, Operation};
use super::reader::Reader;
use super::scopes::Builder;
use crate::operation::{Attr, OpKind};
use crate::paths::PathId;
use crate::resolve::ValueKind;

/// A carrier is derived from another one so many times.
const MAX_DERIVED: usize = 8;

/// So many variables hold a carrier, or what was made with it.
const MAX_HOLDERS: usize = 64;

/// The way that a carrier was followed back.
#[derive(Default)]
struct Climbed {
    seen: FxHashSet<VarId>,
    /// The calls of helpers of the project that what they give was looked for in.
    through: Vec<SiteId>,
}

impl Reader<'_, '_> {
    /// The time after which what argument `position` carries ends: there if an operation that sets one made it, absent if it
    /// was made from nothing.
    pub(super) fn deadline(&self, site: SiteId, position: usize) -> Found {
        let Some(carrier) = self.argument(site, position) else { return Found::Absent };
        self.deadline_of(carrier, 0, &mut Climbed::default()).unwrap_or(Found::Unknown)
    }

    /// The time after which a timer in the list that argument `position` is goes off.
    pub(super) fn timer(&self, site: SiteId, position: usize) -> Found {
        let program = self.program;
        let Some(list) = self.argument(site, position) else { return Found::Absent };
        let list = self.ways(list).first().copied().unwrap_or(list);
        let elements = program.element_by_var.of(&program.facts.relations.element, list);
        let mut timers = elements.filter_map(|row| self.timer_of(row.value, 0));
        timers.next().map_or(Found::Absent, |span| Found::Is(Operand::Var(span)))
    }

    /// After how long a promise ends by a timer that its function sets: `new Promise((_, reject) => setTimeout(reject, 5000))`.
    fn timer_of(&self, promise: VarId, depth: u32) -> Option<VarId> {
        const MAX_HELPERS: u32 = 2;
        const SETS_TIMER: &str = "setTimeout";
        let program = self.program;
        let r = &program.facts.relations;
        let made = self.maker(promise)?;
        let sets_timer = |call: &&Call| program.text(call.name) == SETS_TIMER;
        if sets_timer(&made) {
            // That of `timers/promises` gives the promise itself.
            return self.argument(made.site, 0);
        }
        if let [edge] = self.resolution.calls_at(made.site) {
            let mut given = program
                .returns_by_function
                .of(&r.returns, edge.function)
                .filter_map(|row| row.var)
                .filter(|_| depth < MAX_HELPERS);
            let span = given.find_map(|var| self.timer_of(var, depth + 1))?;
            let passed = self.resolution.passed_at(made.site).iter().find(|row| row.parameter == self.origin(span));
            return Some(passed.map_or(span, |row| row.argument));
        }
        let closure = program.closure(self.argument(made.site, 0)?)?;
        let calls = program.sites(closure).filter_map(|row| program.call(row.site));
        self.argument(calls.filter(sets_timer).map(|call| call.site).next()?, 1)
    }

    /// None where a carrier is only handed on in a cycle: that adds nothing to what others give.
    fn deadline_of(&self, var: VarId, derived: usize, climbed: &mut Climbed) -> Option<Found> {
        if derived > MAX_DERIVED {
            return Some(Found::Unknown);
        }
        let program = self.program;
        let ways = self.ways(var);
        if ways.len() > 1 {
            return self.deadline_of_all(&ways, derived, climbed);
        }
        if self.constant(var).is_some() || program.template(var).is_some() {
            return Some(Found::Absent);
        }
        // `group, ctx := errgroup.WithContext(ctx)`
        let beside = || program.loaded_as(program.held_at(var)).and_then(|load| self.maker(load.base));
        let Some(call) = self.maker(var).or_else(beside) else {
            let Some(parameter) = program.parameter(self.origin(var)) else { return Some(Found::Unknown) };
            // One of a type of the language itself carries nothing.
            if parameter.type_.is_empty() {
                return Some(Found::Absent);
            }
            // What the call gives that a helper was looked into for.
            let passed =
                |site: &SiteId| self.resolution.passed_at(*site).iter().find(|row| row.parameter == parameter.var);
            if let Some(row) = climbed.through.iter().rev().find_map(passed) {
                return self.deadline_of(row.argument, derived + 1, climbed);
            }
            if !climbed.seen.insert(parameter.var) {
                return None;
            }
            let given = self.resolution.passed_to(parameter.var);
            let given = given.filter(|row| !program.is_out_of_scope(program.site(row.site).function));
            let given: Vec<VarId> = given.map(|row| row.argument).collect();
            return self.deadline_of_any(&given, derived, climbed);
        };
        let external = self.resolution.external_at(call.site);
        if external.is_empty() {
            // What a helper of the project has made.
            if !climbed.seen.insert(call.result) {
                return None;
            }
            let edges = self.resolution.calls_at(call.site).iter();
            let returned =
                edges.flat_map(|edge| program.returns_by_function.of(&program.facts.relations.returns, edge.function));
            let given: Vec<VarId> = returned.filter_map(|row| row.var).filter(|var| !self.is_null(*var)).collect();
            climbed.through.push(call.site);
            let found = self.deadline_of_all(&given, derived, climbed);
            climbed.through.pop();
            return found;
        }
        if self.is_detached(call.site) || self.is_of_answered_request(call) && !self.requests_are_bounded() {
            return Some(Found::Absent);
        }
        for (_, path, _) in external {
            let family = self.resolution.paths.family(*path);
            for number in self.models.ops_of(family, self.resolution.paths.text(*path)) {
                let model = self.models.op(family, number);
                if model.kind == OpKind::TimeoutScope {
                    return Some(match model.attribute(Attr::Timeout) {
                        Some(sources) => self.first(&self.at(call), sources),
                        None => Found::Unknown,
                    });
                }
            }
        }
        if let Some(argument) = self.argument(call.site, 0) {
            return self.deadline_of(argument, derived + 1, climbed);
        }
        // `context.Background()` is made from nothing, `request.Context()` from a request.
        Some(match call.receiver.or(call.callee) {
            Some(from) if self.is_named(from) => Found::Absent,
            _ => Found::Unknown,
        })
    }

    /// Absent only where all of the carriers that a variable may hold have none.
    fn deadline_of_all(&self, carriers: &[VarId], derived: usize, climbed: &mut Climbed) -> Option<Found> {
        let known = carriers.iter().map(|carrier| self.deadline_of(*carrier, derived + 1, climbed));
        let known: Vec<Found> = known.map(|found| found.unwrap_or(Found::Absent)).collect();
        let none = !known.is_empty() && known.iter().all(|found| *found == Found::Absent);
        Some(if none { Found::Absent } else { Found::Unknown })
    }

    /// Absent where one of the callers gives a carrier that has none: that one waits for ever, whatever the others do.
    fn deadline_of_any(&self, carriers: &[VarId], derived: usize, climbed: &mut Climbed) -> Option<Found> {
        if carriers.is_empty() {
            return Some(Found::Unknown);
        }
        let known = carriers.iter().filter_map(|carrier| self.deadline_of(*carrier, derived + 1, climbed));
        let known: Vec<Found> = known.collect();
        let none = known.contains(&Found::Absent);
        (!known.is_empty()).then_some(if none { Found::Absent } else { Found::Unknown })
    }

    /// Whether a call makes a carrier that ends with no other.
    fn is_detached(&self, site: SiteId) -> bool {
        let paths = &self.resolution.paths;
        self.resolution
            .external_at(site)
            .iter()
            .any(|(_, path, _)| self.models.is_detached(paths.family(*path), paths.text(*path)))
    }

    /// Whether a call gives the carrier of the request that its function, or whoever calls that, answers.
    fn is_of_answered_request(&self, call: &Call) -> bool {
        let paths = &self.resolution.paths;
        let is_answered = |path: PathId| self.models.is_answered(paths.family(path), paths.text(path));
        let gives = self.resolution.external_at(call.site).iter().any(|(_, path, _)| is_answered(*path));
        gives && call.receiver.is_some_and(|request| self.is_answered_here(request, 0))
    }

    /// Whether `request` is what a function is called with that answers it.
    fn is_answered_here(&self, request: VarId, derived: usize) -> bool {
        let program = self.program;
        let mut at = self.origin(request);
        for _ in 0..MAX_DERIVED {
            at = program.loaded_as(at).map_or(at, |load| self.origin(load.base));
        }
        // `c.Request()`
        if let Some(call) = program.call_giving(at) {
            return derived < MAX_DERIVED && call.receiver.is_some_and(|of| self.is_answered_here(of, derived + 1));
        }
        let Some(parameter) = program.parameter(at) else { return false };
        let paths = &self.resolution.paths;
        let answers = |var: VarId| {
            self.resolution.values_of(var).any(|value| match value.kind {
                ValueKind::External(path) => self.models.answers(paths.family(path), paths.text(path)),
                _ => false,
            })
        };
        if program.parameters(parameter.function).any(|row| answers(row.var)) {
            return true;
        }
        let mut given = self.resolution.passed_to(at).map(|row| row.argument).peekable();
        derived < MAX_DERIVED && given.peek().is_some() && given.all(|given| self.is_answered_here(given, derived + 1))
    }

    /// Whether something in the tree gives the requests of a server a deadline, as a middleware does.
    fn requests_are_bounded(&self) -> bool {
        *self.resolution.bounds_requests.get_or_init(|| {
            self.resolution.external.iter().any(|(site, path, _)| {
                let paths = &self.resolution.paths;
                // `request.WithContext(ctx)` does only where the context has one.
                let has_deadline = |carrier: VarId| {
                    std::iter::once(carrier).chain(self.ways(carrier)).any(|way| self.makes_deadline(way))
                };
                self.models.bounds_requests(paths.family(*path), paths.text(*path))
                    && self.argument(*site, 0).is_none_or(|first| !self.is_carrier(first) || has_deadline(first))
            })
        })
    }

    /// Whether a carrier is made by an operation that sets a deadline.
    fn makes_deadline(&self, carrier: VarId) -> bool {
        let Some(call) = self.maker(carrier) else { return false };
        self.resolution.external_at(call.site).iter().any(|(_, path, _)| {
            let family = self.resolution.paths.family(*path);
            let ops = self.models.ops_of(family, self.resolution.paths.text(*path));
            ops.iter().any(|number| self.models.op(family, *number).kind == OpKind::TimeoutScope)
        })
    }

    /// Whether a carrier is the one that a function was called with, or made from it, or from a request that it was: it ends
    /// when that call has been answered.
    pub(super) fn ends_with_call(&self, var: VarId, derived: usize) -> bool {
        let program = self.program;
        if derived > MAX_DERIVED || !self.is_carrier(var) {
            return false;
        }
        let made = |var: VarId| self.maker(var);
        let origin = self.origin(var);
        if program.parameter(origin).is_some() {
            // `ctx = context.WithoutCancel(ctx)`
            let mut later = program.assigned_from(origin).filter_map(|row| made(row.src));
            return !later.any(|call| self.is_detached(call.site));
        }
        let ways = self.ways(var);
        if ways.len() > 1 {
            return ways.into_iter().all(|way| self.ends_with_call(way, derived + 1));
        }
        let Some(call) = made(var).filter(|call| !self.is_detached(call.site)) else { return false };
        match self.argument(call.site, 0) {
            Some(argument) => self.ends_with_call(argument, derived + 1),
            // `request.Context()`
            None => call.receiver.is_some_and(|request| program.parameter(self.origin(request)).is_some()),
        }
    }

    /// The variable that `var` is a copy of.
    fn origin(&self, var: VarId) -> VarId {
        let mut at = var;
        for _ in 0..MAX_DERIVED {
            match self.program.assigned_from(at).next() {
                Some(row) if self.program.parameter(at).is_none() => at = row.src,
                _ => break,
            }
        }
        at
    }
}

impl Builder<'_, '_, '_> {
    /// The calls that get what an operation gives as an argument, or something that a library made with it: a request with the
    /// context is bounded by it, too. Closures are looked into.
    pub(super) fn calls_passed(&self, op: &Operation) -> Vec<SiteId> {
        let program = self.reader.program;
        let r = &program.facts.relations;
        let resolution = self.reader.resolution;
        let Some(result) = program.call(op.site).map(|call| call.result) else { return Vec::new() };
        let mut held = vec![result];
        let mut seen: FxHashSet<VarId> = FxHashSet::default();
        let mut found: Vec<SiteId> = Vec::new();
        let mut at = 0;
        while let Some(&var) = held.get(at)
            && at < MAX_HOLDERS
        {
            at += 1;
            if !seen.insert(var) {
                continue;
            }
            held.extend(program.assign_by_src.of(&r.assign, var).map(|row| row.dst));
            for argument in program.argument_by_var.of(&r.argument, var) {
                if argument.site != op.site {
                    found.push(argument.site);
                }
                let Some(call) = program.call(argument.site) else { continue };
                // `client.R().SetContext(ctx).Get(url)`: a builder is bounded as a whole.
                if self.reader.gives_receiver(call.site) {
                    found.extend(self.reader.calls_after(call));
                }
                let is_made = resolution.external_at(call.site).iter().any(|(_, path, via)| {
                    // What a method gives is the answer to it, not another carrier.
                    !matches!(via.kind, ValueKind::Instance(_)) && !self.reader.does_something(*path)
                });
                if is_made && resolution.calls_at(call.site).is_empty() {
                    held.push(call.result);
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

impl Reader<'_, '_> {
    /// The calls that go on with the builder which a call gave back.
    fn calls_after(&self, call: &Call) -> Vec<SiteId> {
        let program = self.program;
        let mut found = Vec::new();
        let mut at = call.result;
        while let Some(next) = program.calls_by_receiver.of(&program.facts.relations.call, at).next()
            && found.len() < MAX_HOLDERS
        {
            found.push(next.site);
            if !self.gives_receiver(next.site) {
                break;
            }
            at = next.result;
        }
        found
    }

    /// Whether a model knows calls of the name as an operation of their own.
    fn does_something(&self, path: PathId) -> bool {
        let family = self.resolution.paths.family(path);
        let ops = self.models.ops_of(family, self.resolution.paths.text(path));
        ops.iter().any(|number| self.models.op(family, *number).kind != OpKind::TimeoutScope)
    }
}
