//! Locks: which operations take one, and where it is let go.

use distsys_facts::schema::Parameter;
use distsys_facts::{FunctionId, ParameterKind, RegionKind, SiteId, SiteKind, VarId};

use super::callbacks::{functions_of, parameter_of};
use super::chains::settles;
use super::operations::{Found, Operand, Operation};
use super::scopes::Builder;
use super::terms::Term;
use crate::operation::{Attr, OpKind};
use crate::words::words;

/// Whether a name is that of a lock.
fn says_lock(text: &str) -> bool {
    words(text).iter().any(|word| {
        matches!(
            word.as_str(),
            "lock"
                | "locks"
                | "locked"
                | "locking"
                | "redlock"
                | "mutex"
                | "lease"
                | "leader"
                | "leadership"
                | "semaphore"
        )
    })
}

impl<'b, 'm, 'f> Builder<'b, 'm, 'f> {
    /// Whether "set if absent" is meant as a lock: it is released, or something says so. Else it marks what was done.
    pub(super) fn is_lock(&self, op: &Operation) -> bool {
        if op.kind != OpKind::LockAcquire {
            return true;
        }
        let program = self.reader.program;
        if self.is_record(op) {
            return false;
        }
        let mut function = Some(op.function);
        while let Some(id) = function {
            let row = program.function(id);
            if says_lock(program.text(row.qualified)) {
                return true;
            }
            function = row.parent;
        }
        let key = match self.reader.attribute(op, Attr::Key) {
            Found::Is(Operand::Var(var)) => self.reader.names_of(var).iter().any(|name| says_lock(name)),
            _ => false,
        };
        let path = op.path.is_some_and(|path| says_lock(self.reader.resolution.paths.text(path)));
        // Who does not ask whether the key was there goes on either way: it is set to begin with.
        if !key && !path && self.is_answer_dropped(op) {
            return false;
        }
        // A context manager that takes the key away again: what its user does is between the two.
        let holds_open = program.sites(op.function).any(|row| row.kind == SiteKind::Yield)
            && !self.deletions_of_key(op, op.function).is_empty();
        // What lets it go is left for the end, or given to the caller: `return func() { client.Del(ctx, key) }`.
        let let_go = self.deletions_of_key_beside(op, op.function).into_iter().any(|site| {
            let row = program.site(site);
            let ends = row.function != op.function;
            let (ends, decided) = program.regions_outward(row.region).fold((ends, false), |(ends, decided), region| {
                (ends || region.kind == RegionKind::Finally, decided || region.kind == RegionKind::Branch)
            });
            ends && !decided
        });
        key || path
            || self.is_holders_own(op)
            || let_go
            || holds_open
            || self.is_let_go_by_callers(op)
            || self.is_released_by_callers(op)
            || self.is_held_by_an_object(op)
            || self.operations.of_kind(OpKind::LockRelease).any(|release| self.is_same_field(op, release))
            || self.effects.in_function(op.function).any(|(effect, _)| effect.kind == OpKind::LockRelease)
    }

    /// Whether the key holds what came of the work once that is done: it is claimed with a constant (`"processing"`), written over
    /// with something else, and read. Who asks again gets the outcome, and nobody waits for a release.
    fn is_record(&self, op: &Operation) -> bool {
        let program = self.reader.program;
        let Found::Is(Operand::Var(token)) = self.reader.attribute(op, Attr::Token) else { return false };
        let Some(claimed) = self.reader.constant(token) else { return false };
        let pattern = |op: &Operation| {
            let own = self.effects.at(op.site).filter(|(effect, _)| effect.kind == op.kind);
            own.into_iter().find_map(|(effect, _)| effect.key.pattern())
        };
        let Some(own) = pattern(op) else { return false };
        let is_outcome = |write: &Operation| {
            let mut set = program.arguments(write.site).skip(1);
            pattern(write) == Some(own)
                && set.next().is_some_and(|row| self.reader.constant(row.var).is_none_or(|text| text != claimed))
        };
        self.operations.of_kind(OpKind::CacheWrite).any(is_outcome)
            && self.operations.of_kind(OpKind::CacheRead).any(|read| pattern(read) == Some(own))
    }

    /// Whether nobody looks at what the call gives, once it has been waited for.
    fn is_answer_dropped(&self, op: &Operation) -> bool {
        let program = self.reader.program;
        let r = &program.facts.relations;
        let Some(call) = program.call(op.call) else { return false };
        let waited: Vec<VarId> = program.assign_by_src.of(&r.assign, call.result).map(|row| row.dst).collect();
        let is_asked = |var: VarId| {
            program.variable(var).is_some()
                || program.argument_by_var.of(&r.argument, var).next().is_some()
                || program.calls_by_receiver.of(&r.call, var).next().is_some()
                || program.load_by_base.of(&r.load, var).next().is_some()
                || program.binaries(op.function).any(|row| row.left == var || row.right == Some(var))
                || program.returns_by_function.of(&r.returns, op.function).any(|row| row.var == Some(var))
                || program.conditions_on(var).next().is_some()
                || program.stores_of(var).next().is_some()
                || program.choices_on(var).next().is_some()
        };
        let further = waited.iter().any(|var| program.assign_by_src.of(&r.assign, *var).next().is_some());
        !further && !waited.iter().copied().chain([call.result]).any(is_asked)
    }

    /// The calls of a helper that sets a key only if it is absent, by which its callers take a lock, as their keys or what they do
    /// in the end say; each with what lets it go there: `if not cache.set(f"lock:{job}", "1", nx=True): return`.
    pub(super) fn taken_by_callers(&self, op: &Operation) -> Vec<(SiteId, Vec<SiteId>)> {
        let program = self.reader.program;
        let Found::Is(Operand::Var(key)) = self.reader.attribute(op, Attr::Key) else { return Vec::new() };
        let own = |row: &&Parameter| row.function == op.function && row.kind != ParameterKind::Receiver;
        let parameter = parameter_of(self.reader, key).and_then(|var| program.parameter(var)).filter(own);
        let Some(parameter) = parameter.filter(|_| op.kind == OpKind::LockAcquire) else { return Vec::new() };
        let callers = self.index.callers.get(&op.function).into_iter().flatten().copied();
        let taken = callers.filter_map(|site| {
            // Who does not say so sets the key whatever is there.
            self.effects.at(site).find(|(effect, _)| effect.kind == op.kind)?;
            let passed = self.reader.resolution.passed_at(site).iter().find(|row| row.parameter == parameter.var)?;
            let closers = self.deletions_through_helpers(site);
            let caller = program.function(program.site(site).function).qualified;
            let mut names = self.reader.names_of(passed.argument).into_iter().chain([program.text(caller)]);
            let is_named = names.any(says_lock);
            (is_named || closers.iter().any(|closer| self.ends_with(*closer))).then_some((site, closers))
        });
        taken.collect()
    }

    /// Whether the key is set to what only this holder knows, and is given a time to live after that: a mark of what was done
    /// belongs to nobody.
    fn is_holders_own(&self, op: &Operation) -> bool {
        let program = self.reader.program;
        let Found::Is(Operand::Var(token)) = self.reader.attribute(op, Attr::Token) else { return false };
        let is_fresh = self
            .reader
            .maker(token)
            .is_some_and(|call| self.operations.at(call.site).any(|op| op.kind == OpKind::Fresh));
        let own = self.effects.at(op.site).find(|(effect, _)| effect.kind == op.kind).map(|(effect, _)| effect.key);
        let own = own.and_then(|key| key.pattern());
        is_fresh
            && own.is_some()
            && self.effects.in_function(op.function).any(|(effect, row)| {
                let later = self.order.precedes(program, op.site, row.site);
                effect.kind == OpKind::LockExtend && effect.key.pattern() == own && later
            })
    }

    /// Whether whoever has the key set deletes it in the end: `if not latch.take(): return`, `finally: latch.give_back()`.
    fn is_let_go_by_callers(&self, op: &Operation) -> bool {
        let pattern = |op: &Operation| {
            let own = self.effects.at(op.site).filter(|(effect, _)| effect.kind == op.kind);
            own.into_iter().find_map(|(effect, _)| effect.key.pattern())
        };
        let own = pattern(op);
        // The key may be known of the object only: then the object's class is asked.
        let is_same = |delete: &Operation| match own {
            Some(own) => pattern(delete) == Some(own),
            None => self.is_same_field(op, delete),
        };
        let mut deletes = self.operations.of_kind(OpKind::CacheDelete).filter(|delete| delete.function != op.function);
        deletes.any(|delete| {
            is_same(delete) && {
                let callers = self.index.callers.get(&delete.function).into_iter().flatten();
                callers.into_iter().any(|site| self.ends_with(*site) && self.is_called_beside(op.function, *site))
            }
        })
    }

    /// Whether whoever has the key set has it taken away again by a script that asks whose it is: `release(&mut conn, lock)`.
    fn is_released_by_callers(&self, op: &Operation) -> bool {
        let callers = self.index.callers.get(&op.function).into_iter().flatten();
        callers.into_iter().any(|site| {
            // Where both keys are known they are one.
            let taken = self.effects.at(*site).find(|(effect, _)| effect.kind == op.kind);
            let own = taken.and_then(|(effect, _)| effect.key.pattern());
            let may_be_its = |key: Term| own.is_none() || key.pattern().is_none_or(|key| Some(key) == own);
            let mut done = self.effects.in_function(self.reader.program.site(*site).function);
            done.any(|(effect, row)| {
                effect.kind == OpKind::LockRelease
                    && may_be_its(effect.key)
                    && self.order.precedes(self.reader.program, *site, row.site)
            })
        })
    }

    /// Whether the keys of both are what one field of their class holds.
    fn is_same_field(&self, op: &Operation, delete: &Operation) -> bool {
        let program = self.reader.program;
        let field = |op: &Operation| match self.reader.attribute(op, Attr::Key) {
            Found::Is(Operand::Var(var)) => program.loaded_as(var).map(|load| load.field),
            _ => None,
        };
        let class = |op: &Operation| program.function(op.function).class;
        class(op).is_some() && class(op) == class(delete) && field(op).is_some() && field(op) == field(delete)
    }

    /// Where a lock that is a key is released in `function` by deleting the key, be it by a closure that the function runs.
    pub(super) fn deletions_of_key(&self, op: &Operation, function: FunctionId) -> Vec<SiteId> {
        let deletions = self.deletions_of_key_beside(op, function).into_iter();
        let in_function = deletions.flat_map(|site| match self.reader.program.site(site).function {
            own if own == function => vec![site],
            closure => self.runs_of_closure(closure, function),
        });
        in_function.collect()
    }

    /// Where the key is deleted in `function` or in closures of it.
    fn deletions_of_key_beside(&self, op: &Operation, function: FunctionId) -> Vec<SiteId> {
        if op.kind != OpKind::LockAcquire {
            return Vec::new();
        }
        let key_of = |op: &Operation| match self.reader.attribute(op, Attr::Key) {
            Found::Is(Operand::Var(var)) => Some(self.roots(var)),
            _ => None,
        };
        let Some(key) = key_of(op) else { return Vec::new() };
        // `f"lock:{name}"`, written twice.
        let pattern = |op: &Operation| self.effects.at(op.site).find_map(|(effect, _)| effect.key.pattern());
        let same = |other: &&Operation| {
            let same_value = || key_of(other).is_some_and(|other| other.iter().any(|var| key.contains(var)));
            let same_pattern = || pattern(op).is_some_and(|own| pattern(other) == Some(own));
            let beside = self.reader.program.function(other.function).parent == Some(function);
            (other.function == function || beside) && (same_value() || same_pattern())
        };
        self.operations.of_kind(OpKind::CacheDelete).filter(same).map(|other| other.site).collect()
    }

    /// A value with those that were assigned to it.
    fn roots(&self, var: VarId) -> Vec<VarId> {
        let mut roots = vec![var];
        while roots.len() < 5
            && let Some(row) = roots.last().and_then(|last| self.reader.program.assigned_from(*last).next())
        {
            roots.push(row.src);
        }
        roots
    }

    /// Where `function` runs a closure of its own: by a call, or when a promise is settled, there or in another such closure:
    /// `work().finally(async () => { await release() })`.
    fn runs_of_closure(&self, closure: FunctionId, function: FunctionId) -> Vec<SiteId> {
        let program = self.reader.program;
        let callers = self.index.callers.get(&closure).into_iter().flatten().copied();
        let (mut found, mut running) = (Vec::new(), vec![closure]);
        for site in callers {
            match program.site(site).function {
                caller if caller == function => found.push(site),
                beside if program.function(beside).parent == Some(function) => running.push(beside),
                _ => {}
            }
        }
        let settling = program.sites(function).filter_map(|row| program.call(row.site));
        for call in settling.filter(|call| settles(program.text(call.name))) {
            let mut given = program.arguments(call.site).flat_map(|row| functions_of(self.reader, row.var));
            if given.any(|given| running.contains(&given)) {
                found.push(call.site);
            }
        }
        found
    }

    /// Whether the call is what is left for the end of its function.
    pub(super) fn ends_with(&self, site: SiteId) -> bool {
        let program = self.reader.program;
        program.regions_outward(program.site(site).region).any(|region| region.kind == RegionKind::Finally)
    }

    /// Whether `function` is called where `site` stands, too.
    fn is_called_beside(&self, function: FunctionId, site: SiteId) -> bool {
        let program = self.reader.program;
        let mut callers = self.index.callers.get(&function).into_iter().flatten();
        callers.any(|caller| program.site(*caller).function == program.site(site).function)
    }
}
