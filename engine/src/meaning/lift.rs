//! Lifting: the scopes that callers have by the project's own wrappers.

use distsys_facts::{CallKind, FunctionFlags, FunctionId, RegionKind, SiteId, SiteKind, VarId};
use rustc_hash::FxHashSet;

use super::callbacks::{DESCRIPTOR, functions_of, handed_parameter};
use super::invoked::Mode;
use super::operations::{Found, Operand};
use super::scopes::{Builder, Extent, Scope, closes, ends_its_own};
use super::terms::Term;
use crate::operation::{Attr, OpKind};

/// Callers are asked so far up whether they end a transaction.
const MAX_ENDERS: u32 = 3;

impl Builder<'_, '_, '_> {
    /// The scopes that callers of a wrapper have by it.
    pub(super) fn lift(&self, scope: &Scope) -> Vec<Scope> {
        let program = self.reader.program;
        let mut lifted = Vec::new();
        let mut add = |site: Option<SiteId>, function: FunctionId, extent: Extent| {
            let steps = site.into_iter().chain(scope.steps.iter().copied()).collect();
            // What takes the lock may be a helper beside what gives it back.
            let op = scope.op.map(|op| &self.operations.all[op as usize]);
            let closers = match extent {
                Extent::Open(taken) if scope.kind == OpKind::Guard => {
                    op.map_or_else(Vec::new, |op| self.guard_releases(op, taken))
                }
                Extent::Open(_) => op.filter(|op| op.kind == OpKind::LockAcquire).map_or_else(Vec::new, |op| {
                    let mut closers = self.deletions_of_key(op, function);
                    closers.extend(site.into_iter().flat_map(|site| self.deletions_through_helpers(site)));
                    closers
                }),
                _ => scope.closers.clone(),
            };
            let passed_on =
                matches!(extent, Extent::Site(_)) && site.is_none_or(|site| self.operations.at(site).next().is_none());
            lifted.push(Scope { steps, function, extent, closers, passed_on, ..scope.clone() });
        };
        let sites: Vec<SiteId> = self.sites(scope).collect();
        let inside = self.with_closures(&sites);
        // A parameter of the function or of one around it that is called inside.
        let mut owner = Some(scope.function);
        while let Some(function) = owner {
            for parameter in program.parameters(function) {
                if !self.invocations.applied(parameter.var).iter().any(|site| inside.contains(site)) {
                    continue;
                }
                for &(site, argument) in self.index.passed.get(&parameter.var).into_iter().flatten() {
                    if handed_parameter(self.reader, argument).is_some() {
                        // Passed on by a wrapper around this one, whose callers' closures are inside, too.
                        add(Some(site), program.site(site).function, Extent::Site(site));
                        continue;
                    }
                    let functions = functions_of(self.reader, argument);
                    // `within(client.get(url).send())`: nothing is done before the wrapper waits for it.
                    if functions.is_empty()
                        && scope.kind == OpKind::TimeoutScope
                        && self.reader.family(site).gives_futures()
                        && let Some(made) = self.reader.maker(argument)
                    {
                        add(Some(site), program.site(site).function, Extent::Site(made.site));
                    }
                    if functions.is_empty() && self.operations.at(site).next().is_some() {
                        // A library's function, given as a value.
                        add(Some(site), program.site(site).function, Extent::Site(site));
                    }
                    for closure in functions {
                        add(Some(site), closure, Extent::Function(closure));
                    }
                }
                self.lift_decorator(function, parameter.index, &mut |site, function, extent| {
                    add(Some(site), function, extent)
                });
            }
            owner = program.function(function).parent;
        }
        // A context manager of the project.
        let yields = sites.iter().any(|site| program.site(*site).kind == SiteKind::Yield);
        let enters = matches!(program.text(program.function(scope.function).name), "__enter__" | "__aenter__");
        if (yields && program.function(scope.function).flags.has(FunctionFlags::GENERATOR))
            || (enters && self.is_left_open(scope))
        {
            for &(region, site) in self.index.managed_by.get(&scope.function).into_iter().flatten() {
                add(site, program.region(region).function, Extent::Region(region));
            }
            if yields {
                for (site, turn) in self.loops_over(scope.function) {
                    add(Some(site), program.region(turn).function, Extent::Region(turn));
                }
            }
            // A dependency is left when who is given it has returned.
            for &(site, function) in self.index.depending.get(&scope.function).into_iter().flatten() {
                add(Some(site), function, Extent::Function(function));
            }
            // `@contextmanager` functions are decorators, too.
            for &(site, decorated) in self.index.annotations.get(&scope.function).into_iter().flatten() {
                add(Some(site), decorated, Extent::Function(decorated));
            }
        } else if !enters && self.is_left_open(scope) && !self.hides_outcome(scope) {
            for &site in self.index.callers.get(&scope.function).into_iter().flatten() {
                let function = program.site(site).function;
                match scope.extent {
                    Extent::Life(..) => {
                        if let Some(extent) = self.life_of_result(site) {
                            add(Some(site), function, extent);
                        }
                    }
                    // `try (var connection = pool.open())`, `with opened() as connection`: it is over with the body.
                    _ if self.index.managed.contains(&site) => {
                        let by = self.index.managed_by.get(&scope.function).into_iter().flatten();
                        for &(region, _) in by.filter(|(_, managed)| *managed == Some(site)) {
                            add(Some(site), function, Extent::Region(region));
                        }
                    }
                    _ if scope.kind == OpKind::Guard => {
                        let op = scope.op.map(|op| &self.operations.all[op as usize]);
                        if op.is_some_and(|op| self.is_guard_let_go_above(op, site)) {
                            add(Some(site), function, Extent::Open(site));
                        }
                    }
                    _ if self.is_switched_off(scope, site) => {}
                    _ => add(Some(site), function, Extent::Open(site)),
                }
            }
        }
        lifted
    }

    /// Whether a caller says in what it gives that no lock is taken: `put(key, value, only_if_absent=False)`.
    fn is_switched_off(&self, scope: &Scope, site: SiteId) -> bool {
        let takes = |at: SiteId| self.effects.at(at).any(|(effect, _)| effect.kind == OpKind::LockAcquire);
        let through = scope.steps.first().copied().or(scope.origin);
        scope.kind == OpKind::LockAcquire && through.is_some_and(takes) && !takes(site)
    }

    /// Whether who calls the function of a lock cannot tell if it was taken, and goes on either way: it gives nothing, raises
    /// nothing, keeps nothing, and only leaves where the lock is another's: `if (!(await first(key))) return; log(text)`.
    fn hides_outcome(&self, scope: &Scope) -> bool {
        let program = self.reader.program;
        let Extent::Open(taken) = scope.extent else { return false };
        if scope.kind != OpKind::LockAcquire {
            return false;
        }
        let is_in = |site: SiteId, kind: RegionKind| {
            program.regions_outward(program.site(site).region).any(|region| region.kind == kind)
        };
        let r = &program.facts.relations;
        let is_null = |var: VarId| program.literal(var).is_some_and(|row| program.text(row.value) == "null");
        let gives = program
            .returns_by_function
            .of(&r.returns, scope.function)
            .any(|row| row.var.is_some_and(|var| !is_null(var)));
        let mut leaves = false;
        for row in program.sites(scope.function) {
            match row.kind {
                SiteKind::Throw | SiteKind::Yield => return false,
                SiteKind::Store if self.is_kept_beyond(row.site, scope.function) => return false,
                SiteKind::Return => leaves |= is_in(row.site, RegionKind::Branch) || is_in(row.site, RegionKind::Else),
                _ => {}
            }
        }
        // Who tries until it has the lock leaves with it.
        !gives && leaves && !is_in(taken, RegionKind::Loop)
    }

    /// Whether what a store of a function stores is there when the function is over: not in an object of its own.
    fn is_kept_beyond(&self, store: SiteId, function: FunctionId) -> bool {
        let program = self.reader.program;
        let r = &program.facts.relations;
        let Ok(at) = r.store.binary_search_by_key(&store, |row| row.site) else { return true };
        let base = self.reader.root(r.store[at].base);
        let is_made_here = program.call_giving(base).is_some_and(|call| program.site(call.site).function == function)
            || program.entry_by_var.of(&r.entry, base).next().is_some()
            || program.element_by_var.of(&r.element, base).next().is_some();
        !is_made_here || program.parameter(base).is_some()
    }

    /// Sites with those of the closures that are written and run there: `retry(|| async { work().await })`.
    fn with_closures(&self, sites: &[SiteId]) -> FxHashSet<SiteId> {
        let program = self.reader.program;
        let mut inside: FxHashSet<SiteId> = sites.iter().copied().collect();
        let mut stack: Vec<SiteId> = sites.to_vec();
        while let Some(site) = stack.pop() {
            let own = program.site(site).function;
            for row in self.invocations.at(site).filter(|row| row.mode == Mode::Inline) {
                if program.function(row.function).parent == Some(own) {
                    stack.extend(program.sites(row.function).map(|row| row.site).filter(|inner| inside.insert(*inner)));
                }
            }
        }
        inside
    }

    /// Calls beside the one that takes a lock whose helper deletes the same key: `if (!(await take())) return; try { … } finally {
    /// await giveBack() }`.
    pub(super) fn deletions_through_helpers(&self, taken: SiteId) -> Vec<SiteId> {
        let known = |key: &Term| !matches!(key, Term::Unknown | Term::Absent);
        let taken_key = self.effects.at(taken).find(|(effect, _)| effect.kind == OpKind::LockAcquire);
        let Some(key) = taken_key.map(|(effect, _)| effect.key).filter(known) else { return Vec::new() };
        let beside = self.effects.in_function(self.reader.program.site(taken).function);
        let deletes = beside.filter(|(effect, _)| effect.kind == OpKind::CacheDelete && effect.key == key);
        deletes.map(|(_, row)| row.site).collect()
    }

    /// `@retrying` and `@retrying(times=3)`, where `function` is the decorator or the function that it returns.
    pub(super) fn lift_decorator(
        &self,
        function: FunctionId,
        index: u32,
        add: &mut impl FnMut(SiteId, FunctionId, Extent),
    ) {
        let program = self.reader.program;
        if index != 0 && index != DESCRIPTOR {
            return;
        }
        let mut at = Some(function);
        let mut inner = false;
        while let Some(decorator) = at {
            for &(site, decorated) in self.index.annotations.get(&decorator).into_iter().flatten() {
                let is_decorator = program.arguments(site).next().is_none();
                if if inner { program.makes_decorator(site, decorator) } else { is_decorator } {
                    add(site, decorated, Extent::Function(decorated));
                }
            }
            at = program.function(decorator).parent;
            inner = true;
        }
    }

    /// The variable that comes to hold what the call gives: a named one before a nameless one (which holds temporaries of
    /// a longer expression), or the value returned. Unwrapping and awaiting hand the value on; nothing else does.
    pub(super) fn life_of_result(&self, site: SiteId) -> Option<Extent> {
        let program = self.reader.program;
        let r = &program.facts.relations;
        let mut held = vec![program.call(site)?.result];
        let mut at = 0;
        while at < held.len() && held.len() < 16 {
            held.extend(
                program.assign_by_src.of(&r.assign, held[at]).map(|row| row.dst).filter(|dst| self.keeps_guard(*dst)),
            );
            at += 1;
        }
        let named = |var: &&VarId| program.variable(**var).is_some_and(|row| !program.text(row.name).is_empty());
        let function = program.site(site).function;
        let returned =
            |var: &&VarId| program.returns_by_function.of(&r.returns, function).any(|row| row.var == Some(**var));
        let holder = held
            .iter()
            .find(named)
            .or_else(|| held.iter().find(returned))
            .or_else(|| held.iter().find(|var| program.variable(**var).is_some()));
        holder.map(|var| Extent::Life(site, *var))
    }

    /// Whether what a call gives of a guard is still the guard: unwrapped, but not copied.
    pub(super) fn keeps_guard(&self, var: VarId) -> bool {
        const UNWRAPPING: &[&str] = &[
            "unwrap",
            "expect",
            "unwrap_or_else",
            "unwrap_or_default",
            "map_err",
            "ok",
            "ok_or",
            "ok_or_else",
            "context",
            "with_context",
            "into_inner",
        ];
        let program = self.reader.program;
        program
            .call_giving(var)
            .is_none_or(|call| call.kind != CallKind::Call || UNWRAPPING.contains(&program.text(call.name)))
    }

    /// Whether a transaction is a value of its own: who does not get it is not in the transaction.
    fn is_by_handle(&self, scope: &Scope) -> bool {
        let Some(op) = scope.op.map(|op| &self.operations.all[op as usize]) else { return false };
        let given = self.reader.program.call(op.site).map(|call| call.result);
        scope.kind == OpKind::TxScope
            && matches!(self.reader.attribute(op, Attr::Connection), Found::Is(Operand::Var(var)) if Some(var) == given)
    }

    /// Whether a caller of `function`, or one of its own callers, commits or rolls back after the call. Where none does, the
    /// transaction has ended with the function that holds it.
    fn is_ended_by_callers(&self, function: FunctionId, depth: u32) -> bool {
        let program = self.reader.program;
        let callers = self.index.callers.get(&function).into_iter().flatten();
        callers.into_iter().any(|&site| {
            let caller = program.site(site).function;
            let mut enders =
                self.effects.in_function(caller).filter(|(effect, _)| closes(OpKind::TxScope, effect.kind));
            let ends =
                |at: SiteId| self.order.precedes(program, site, at) && !ends_its_own(self.effects, OpKind::TxScope, at);
            enders.any(|(_, row)| ends(row.site))
                || depth > 0 && caller != function && self.is_ended_by_callers(caller, depth - 1)
        })
    }

    /// Whether the function ends with the scope still open: a wrapper that opens it for its caller.
    pub(super) fn is_left_open(&self, scope: &Scope) -> bool {
        let program = self.reader.program;
        match scope.extent {
            Extent::Open(from) => {
                let closed = self.effects.in_function(scope.function).any(|(effect, row)| {
                    let later = || {
                        self.order.precedes(program, from, row.site)
                            && !ends_its_own(self.effects, scope.kind, row.site)
                    };
                    scope.is_closed_by(effect.kind) && (row.site == from || later())
                }) || scope.closers.iter().any(|site| self.order.precedes(program, from, *site));
                !closed
                    && matches!(
                        scope.kind,
                        OpKind::LockAcquire
                            | OpKind::SessionLock
                            | OpKind::Guard
                            | OpKind::TxScope
                            | OpKind::ConnectionAcquire
                    )
                    && (!self.is_by_handle(scope) || self.is_ended_by_callers(scope.function, MAX_ENDERS))
            }
            // A guard that the function returns.
            Extent::Life(_, var) => program
                .returns_by_function
                .of(&program.facts.relations.returns, scope.function)
                .any(|row| row.var.is_some_and(|returned| returned == var || self.comes_from(returned, var))),
            _ => false,
        }
    }
}
