//! What becomes of a promise: lost unless awaited, confirmed, isolated.

use distsys_facts::{FunctionId, FunctionKind, RegionKind, SiteId, VarId};
use rustc_hash::FxHashSet;

use super::lets_others_write;
use super::operations::{Found, Operand, Operation};
use super::own_effects::statements;
use super::reader::Reader;
use super::served::subscribes;
use super::{MAX_STEPS, Meaning, does_outside};
use crate::operation::{Attr, OpKind};

/// Whether an operation runs a statement, and is given no function to call when that is done.
pub(super) fn runs_statement(reader: Reader<'_, '_>, op: &Operation) -> bool {
    let mut given = reader.program.arguments(op.site);
    op.kind == OpKind::Sql && !given.any(|row| reader.is_function(row.var))
}

/// How one waits for what an operation gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// It is under way.
    Promise,
    /// Nothing is done before somebody subscribes.
    Subscription,
    /// What waiting for the call gives must be waited for in turn.
    Confirmation,
}

impl<'m> Meaning<'m> {
    /// Whether an operation gives something that must be awaited or kept for it to be done, and nobody does.
    pub fn is_lost_unless_awaited(&self, op: &Operation) -> bool {
        let is_dropped = |(var, wait): (VarId, Wait)| match wait {
            Wait::Promise => !self.is_promise_used(op.site, var),
            Wait::Subscription => {
                let name = self.program.call_giving(var).map_or("", |call| self.program.text(call.name));
                !subscribes(name) && !self.is_promise_used(op.site, var)
            }
            Wait::Confirmation => self.is_unconfirmed(var),
        };
        self.promise_of(op).is_some_and(is_dropped)
            && !self.is_run_by_holder(op)
            && !(op.kind == OpKind::Spawn && self.handles_itself(op.site))
    }

    /// What an operation gives to wait for, and how that is done.
    pub(super) fn promise_of(&self, op: &Operation) -> Option<(VarId, Wait)> {
        let program = self.program;
        match self.attribute(op, Attr::Completion) {
            Found::Is(Operand::Var(var)) => Some((var, Wait::Promise)),
            Found::Is(Operand::Text(text)) if text == "none" || text == "flush" => None,
            Found::Is(Operand::Text(text)) if text == "awaited" => {
                program.call(op.site).map(|call| (call.result, Wait::Confirmation))
            }
            // Nothing is done before somebody subscribes to what the last call of the chain gives.
            Found::Is(Operand::Text(text)) if text == "subscribed" => {
                let last = program.call(self.reader().chain_end(op.site));
                last.map(|last| (last.result, Wait::Subscription))
            }
            // Whatever a library of this family does outside the process gives a promise.
            _ if op.family.gives_promises() && (does_outside(op.kind) || self.runs_statement(op)) => {
                program.call(op.site).map(|call| (call.result, Wait::Promise))
            }
            _ => None,
        }
    }

    /// Whether anything looks at the promise that `site` gives as `var`, beside its error (`_, err := …`).
    pub(super) fn is_promise_used(&self, site: SiteId, var: VarId) -> bool {
        match self.reader().family(site).gives_outcomes() {
            true => self.is_first_result_used(self.good_result(var)),
            false => self.is_used(var),
        }
    }

    /// Whether an operation runs a statement and calls no function when it is done: `pool.query("insert …", [id], done)`.
    fn runs_statement(&self, op: &Operation) -> bool {
        runs_statement(self.reader(), op)
    }

    /// Whether what the libraries of a call's language do outside the process gives a promise.
    pub fn gives_promises(&self, site: SiteId) -> bool {
        self.reader().family(site).gives_promises()
    }

    /// Whether what a call of a language gives does nothing at all before somebody waits for it.
    pub fn gives_futures(&self, site: SiteId) -> bool {
        self.reader().family(site).gives_futures()
    }

    /// Whether a transaction is begun at a stricter level than the database's own, as an option or in the statement.
    pub fn is_isolated(&self, op: &Operation) -> bool {
        let by_statement = || match self.attribute(op, Attr::Sql) {
            Found::Is(Operand::Var(var)) => {
                statements(self.reader(), var).iter().any(|row| self.program.has_clause(row, "serializable"))
            }
            _ => false,
        };
        let by_option = || match self.attribute(op, Attr::Isolation) {
            Found::Absent => false,
            Found::Is(Operand::Var(var)) => !self.constant(var).is_some_and(lets_others_write),
            _ => true,
        };
        by_option() || by_statement()
    }

    /// Whether what is started at a site lets no failure out: it catches all by itself, or only calls what does.
    fn handles_itself(&self, site: SiteId) -> bool {
        let started: Vec<FunctionId> = self.invocations.at(site).map(|row| row.function).collect();
        !started.is_empty() && started.into_iter().all(|function| self.catches_all(function, 0))
    }

    fn catches_all(&self, function: FunctionId, depth: u32) -> bool {
        const MAX_DEPTH: u32 = 2;
        let program = self.program;
        let mut handlers =
            self.failures(function).into_iter().filter(|failure| failure.all).filter_map(|failure| failure.region);
        if handlers.any(|region| program.region(region).kind == RegionKind::Catch) {
            return true;
        }
        let given = program.function(function).kind == FunctionKind::Closure;
        let mut sites: Vec<SiteId> = self
            .effects
            .in_function(function)
            .filter(|(effect, _)| does_outside(effect.kind))
            .map(|(_, row)| row.site)
            .collect();
        sites.dedup();
        depth < MAX_DEPTH
            && given
            && !sites.is_empty()
            && sites.into_iter().all(|site| {
                let callees = self.callees(site);
                !callees.is_empty() && callees.into_iter().all(|callee| self.catches_all(callee, depth + 1))
            })
    }

    /// Whether what waiting for `promise` gives, itself a promise, is dropped: `context.publish(…).await?;`.
    pub(super) fn is_unconfirmed(&self, promise: VarId) -> bool {
        let program = self.program;
        let r = &program.facts.relations;
        let mut waits = 0;
        let (mut stack, mut seen) = (vec![promise], FxHashSet::default());
        while let Some(at) = stack.pop() {
            if !seen.insert(at) {
                continue;
            }
            if seen.len() > MAX_STEPS {
                return false;
            }
            waits += program.suspend_by_var.of(&r.suspend, at).count();
            // `let _confirm = …`
            let named = program
                .variable(at)
                .is_some_and(|row| !row.name.is_empty() && !program.text(row.name).starts_with('_'));
            if named || program.argument_by_var.of(&r.argument, at).next().is_some() || self.flow.is_kept(at) {
                return false;
            }
            // `.map_err(…)`, `.expect(…)`
            stack.extend(program.calls_by_receiver.of(&r.call, at).map(|call| call.result));
            stack.extend(program.assign_by_src.of(&r.assign, at).map(|row| row.dst));
        }
        waits <= 1
    }

    /// What an outcome gives if all went well, where nothing else is asked of it: `send(order).map_err(Failed::from)?`.
    fn good_result(&self, outcome: VarId) -> VarId {
        const KEEPS_GOOD: &[&str] = &["map_err", "inspect_err", "unwrap", "expect", "context", "with_context"];
        let program = self.program;
        let r = &program.facts.relations;
        let mut at = outcome;
        for _ in 0..MAX_STEPS {
            let mut asked = program.calls_by_receiver.of(&r.call, at);
            let (Some(call), None) = (asked.next(), asked.next()) else { break };
            let is_kept = program.suspend_by_var.of(&r.suspend, at).next().is_some()
                || program.assign_by_src.of(&r.assign, at).any(|row| row.dst != call.result)
                || program.argument_by_var.of(&r.argument, at).next().is_some();
            match KEEPS_GOOD.contains(&program.text(call.name)) {
                true if !is_kept => at = call.result,
                _ => break,
            }
        }
        at
    }

    /// Whether anything looks at the first of the results of a call.
    fn is_first_result_used(&self, var: VarId) -> bool {
        let program = self.program;
        let r = &program.facts.relations;
        let further = |field: &str| field.parse::<u32>().is_ok_and(|at| at > 0);
        let mut loads = program.load_by_base.of(&r.load, var).peekable();
        let only_further = loads.peek().is_some() && loads.all(|load| further(program.text(load.field)));
        let named = program
            .assign_by_src
            .of(&r.assign, var)
            .any(|row| program.variable(row.dst).is_none_or(|own| program.text(own.name) != "_"));
        let otherwise = program.suspend_by_var.of(&r.suspend, var).next().is_some()
            || program.argument_by_var.of(&r.argument, var).next().is_some()
            || program.calls_by_receiver.of(&r.call, var).next().is_some();
        match only_further {
            true => named || otherwise || self.flow.is_kept(var),
            false => self.is_used(var),
        }
    }

    /// Whether anything looks at a value.
    pub fn is_used(&self, var: VarId) -> bool {
        self.reader().is_taken(var, &|var| self.flow.is_kept(var), 0)
    }
}
