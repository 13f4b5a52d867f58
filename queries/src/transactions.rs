//! What happens while a database transaction is open.

use std::cell::RefCell;

use ascent::ascent_run;
use distsys_engine::meaning::{EffectFlags, EffectId, Extent, Failure, Found, Mode, Scope};
use distsys_engine::resolve::HandleRole;
use distsys_engine::{Attr, OpKind};
use distsys_facts::{FunctionId, ParameterKind, RegionKind, SiteId, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::Context;

/// A transaction, by its number among the scopes.
pub(crate) type Transaction = u32;

/// Every site that a written-down transaction covers: `with`, decorator, closure, begin to commit.
pub(crate) fn covered(context: &Context<'_>) -> Vec<(Transaction, SiteId)> {
    let meaning = context.meaning;
    let mut within: Vec<(Transaction, SiteId)> = Vec::new();
    for (number, scope) in meaning.scopes.all.iter().enumerate() {
        // A transaction on a replica holds no writes.
        let writes = scope.kind == OpKind::TxScope && meaning.role_of(scope) != HandleRole::Replica;
        if writes && !meaning.is_out_of_scope(scope.function) {
            within.extend(meaning.sites(scope).into_iter().map(|site| (number as Transaction, site)));
        }
    }
    within
}

/// Every site at which such a transaction is open: one that a session opens by itself is from its first statement on.
pub(crate) fn open(context: &Context<'_>) -> Vec<(Transaction, SiteId)> {
    let meaning = context.meaning;
    let mut covered = covered(context);
    covered.retain(|(transaction, site)| {
        let scope = &meaning.scopes.all[*transaction as usize];
        !scope.lazy || is_taken(context, &meaning.sites(scope), *site)
    });
    covered
}

/// Whether a statement before `site`, among `sites`, has taken the connection, and no end of a transaction has given it back.
pub(crate) fn is_taken(context: &Context<'_>, sites: &[SiteId], site: SiteId) -> bool {
    let meaning = context.meaning;
    let does = |at: SiteId, kinds: &[OpKind]| meaning.effects.at(at).any(|(effect, _)| kinds.contains(&effect.kind));
    let before: Vec<SiteId> = sites.iter().copied().filter(|at| meaning.precedes(*at, site)).collect();
    let ends: Vec<SiteId> =
        before.iter().copied().filter(|at| does(*at, &[OpKind::TxCommit, OpKind::TxRollback])).collect();
    before.iter().any(|at| {
        does(*at, &[OpKind::DbRead, OpKind::DbWrite, OpKind::Sql])
            && !ends.iter().any(|end| meaning.precedes(*at, *end))
    })
}

/// Whether an effect happens where the transaction of its caller no longer is.
pub(crate) fn is_elsewhere(flags: EffectFlags) -> bool {
    flags.has(EffectFlags::BACKGROUND) || flags.has(EffectFlags::AFTER_COMMIT)
}

/// Whether what commits at a site has begun the transaction itself, or does so on a connection of its own, which it gives back:
/// it ends no other.
pub(crate) fn is_own(context: &Context<'_>, site: SiteId) -> bool {
    let meaning = context.meaning;
    if context.operation(site, OpKind::TxCommit).is_some() {
        return false;
    }
    let kinds: Vec<OpKind> = meaning.effects.at(site).map(|(effect, _)| effect.kind).collect();
    kinds.contains(&OpKind::TxBegin)
        || kinds.contains(&OpKind::TxCommit) && takes_its_own(context, site, &mut FxHashSet::default())
}

/// Whether a call comes to a commit within a connection that is taken for it: of `(conn or db).execute(…)` one way is on what a
/// caller may give, the other on its own.
fn takes_its_own(context: &Context<'_>, site: SiteId, seen: &mut FxHashSet<FunctionId>) -> bool {
    let meaning = context.meaning;
    meaning.callees(site).into_iter().any(|callee| {
        if !seen.insert(callee) {
            return false;
        }
        let taken: Vec<&Scope> = meaning
            .scopes
            .in_function(callee)
            .filter(|scope| scope.kind == OpKind::ConnectionAcquire && !scope.lazy)
            .filter(|scope| matches!(scope.extent, Extent::Region(_)))
            .collect();
        let commits = meaning.effects.in_function(callee).filter(|(effect, _)| effect.kind == OpKind::TxCommit);
        let commits: Vec<SiteId> = commits.map(|(_, row)| row.site).collect();
        let is_within =
            |at: &SiteId| taken.iter().any(|scope| scope.steps.contains(at) || meaning.sites(scope).contains(at));
        commits.iter().any(|at| is_within(at) || is_on_one_made_here(context, *at))
            || commits.iter().any(|at| takes_its_own(context, *at, seen))
    })
}

/// Whether what commits at a site does so on a session that its function has made for itself: `session = Session(engine)`.
fn is_on_one_made_here(context: &Context<'_>, site: SiteId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let Some(on) = context.operation(site, OpKind::TxCommit).and_then(|op| program.call(op.site)?.receiver) else {
        return false;
    };
    let made = std::iter::once(on).chain(meaning.made_from(on)).filter_map(|var| program.call_giving(var));
    made.map(|call| call.site).any(|made| {
        context.function_of(made) == context.function_of(site)
            && [OpKind::ConnectionAcquire, OpKind::TxScope].iter().any(|kind| context.operation(made, *kind).is_some())
    })
}

/// Whether a row that is only locked counts as one that is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Locks {
    Count,
    Ignore,
}

/// Of `sends`, those that happen between a write and its commit: `(send, what, write, what)`.
pub(crate) fn while_uncommitted(
    context: &Context<'_>,
    sends: Vec<(SiteId, EffectId)>,
    locks: Locks,
) -> Vec<(SiteId, EffectId, SiteId, EffectId)> {
    let meaning = context.meaning;
    let mut writes: Vec<(SiteId, EffectId)> = Vec::new();
    for row in meaning.effects.rows() {
        let effect = meaning.effects.get(row.effect);
        match effect.kind {
            _ if is_elsewhere(effect.flags) => {}
            OpKind::DbWrite => writes.push((row.site, row.effect)),
            OpKind::DbRead if locks == Locks::Count && effect.flags.has(EffectFlags::ROW_LOCK) => {
                writes.push((row.site, row.effect));
            }
            _ => {}
        }
    }
    let commits = commits(context);
    let settled = Settled::new(context, &commits);
    writes.retain(|(site, effect)| !settled.holds(*site, *effect));
    let begins = begins(context);
    let function_of = |site: &SiteId| context.function_of(*site);
    let loose = writes.iter().copied().filter(|(site, effect)| !is_over(context, *site, *effect)).collect::<Vec<_>>();
    let program = ascent_run! {
        relation within(Transaction, SiteId) = covered(context);
        relation ends(Transaction) = ended_by_block(context);
        relation sends(SiteId, EffectId) = sends;
        relation writes(SiteId, EffectId) = writes;
        relation commits(FunctionId, SiteId) = commits;
        // A transaction that is written down.
        relation in_transaction(SiteId, EffectId, SiteId, EffectId);
        in_transaction(s, m, w, e) <-- covered(s, m, w, e), !committed_between(w, s);
        relation covered(SiteId, EffectId, SiteId, EffectId);
        covered(s, m, w, e) <-- within(t, s), sends(s, m), within(t, w), writes(w, e), if w != s || m != e;
        committed_between(w, s) <--
            covered(s, _, w, _), commits(function_of(s), c), if meaning.precedes(*w, *c) && meaning.precedes(*c, *s);
        // One that the session opens by itself at the first write.
        relation sends_in(FunctionId, SiteId, EffectId);
        sends_in(function_of(s), s, m) <-- sends(s, m);
        relation writes_in(FunctionId, SiteId, EffectId);
        relation loose(SiteId, EffectId) = loose;
        writes_in(function_of(w), w, e) <-- loose(w, e);
        relation pending(FunctionId, SiteId, EffectId, SiteId, EffectId, SiteId);
        pending(f, s, m, w, e, c) <--
            commits(f, c), sends_in(f, s, m), if s != c && meaning.precedes(*s, *c),
            writes_in(f, w, e), if w != s && w != c && meaning.precedes(*w, *s);
        relation committed_between(SiteId, SiteId);
        committed_between(w, s) <--
            pending(f, s, _, w, _, _), commits(f, c), if meaning.precedes(*w, *c) && meaning.precedes(*c, *s);
        // What is committed is begun only after the send.
        relation begins(FunctionId, SiteId) = begins;
        relation begun_later(SiteId, SiteId);
        begun_later(s, c) <--
            pending(f, s, _, _, _, c), begins(f, b),
            if meaning.precedes(*s, *b) && meaning.precedes(*b, *c) && !meaning.precedes(*b, *s);
        // The block that it was done in has ended the transaction, as it was left.
        relation left(SiteId, SiteId);
        left(w, s) <-- pending(_, s, _, w, _, _), within(t, w), ends(t), !within(t, s);
        in_transaction(s, m, w, e) <-- pending(_, s, m, w, e, c), !committed_between(w, s), !begun_later(s, c), !left(w, s);
    };
    let mut found = program.in_transaction;
    found.sort_unstable();
    let mut failures = AfterFailures::default();
    found.retain(|(send, _, write, _)| !failures.holds(context, *write, *send));
    found
}

/// Those that the end of a block ends.
pub(crate) fn ended_by_block(context: &Context<'_>) -> Vec<(Transaction,)> {
    let numbered = context.meaning.scopes.all.iter().enumerate();
    let ended = numbered.filter(|(_, scope)| scope.kind == OpKind::TxScope && ends_with_block(context, scope));
    ended.map(|(number, _)| (number as Transaction,)).collect()
}

/// Whether what was begun or taken for a block ends with it, and is no part of something around it.
fn ends_with_block(context: &Context<'_>, scope: &Scope) -> bool {
    let op = context.meaning.operation(scope);
    let joins = op.is_some_and(|op| context.meaning.attribute(op, Attr::Joins) != Found::Absent);
    matches!(scope.extent, Extent::Region(_)) && !joins
}

/// Whether what is written by a call is over as it comes back: the block in which the callee took the connection, or began the
/// transaction, has ended. Within a transaction of the caller that is so written down it may be a part of that.
pub(crate) fn is_over(context: &Context<'_>, write: SiteId, effect: EffectId) -> bool {
    let meaning = context.meaning;
    let trace = meaning.trace(write, &meaning.effects.get(effect));
    trace.iter().skip(1).any(|below| {
        let mut around = meaning.scopes.in_function(context.function_of(*below));
        around.any(|scope| {
            matches!(scope.kind, OpKind::TxScope | OpKind::ConnectionAcquire)
                && ends_with_block(context, scope)
                && meaning.sites(scope).contains(below)
        })
    })
}

/// What ends a transaction that others have begun, with the function that it is in.
fn commits(context: &Context<'_>) -> Vec<(FunctionId, SiteId)> {
    let meaning = context.meaning;
    let ends = meaning.effects.rows().iter().filter(|row| {
        let effect = meaning.effects.get(row.effect);
        effect.kind == OpKind::TxCommit && !is_elsewhere(effect.flags) && !is_own(context, row.site)
    });
    ends.map(|row| (context.function_of(row.site), row.site)).collect()
}

/// What begins a transaction in so many words and leaves it open, with the function that it is in.
fn begins(context: &Context<'_>) -> Vec<(FunctionId, SiteId)> {
    let meaning = context.meaning;
    let begun = meaning.effects.rows().iter().filter(|row| {
        let effect = meaning.effects.get(row.effect);
        effect.kind == OpKind::TxBegin && !is_elsewhere(effect.flags)
    });
    let ends = |site: SiteId| {
        let mut effects = meaning.effects.at(site).map(|(effect, _)| effect.kind);
        effects.any(|kind| matches!(kind, OpKind::TxCommit | OpKind::TxRollback))
    };
    begun.map(|row| row.site).filter(|site| !ends(*site)).map(|site| (context.function_of(site), site)).collect()
}

/// Where what is written is committed, by the function that each commit is in.
pub(crate) struct Settled<'c, 'm> {
    context: &'c Context<'m>,
    commits: FxHashMap<FunctionId, Vec<SiteId>>,
    /// By what is written and a commit: whether the function comes back without the one after the other.
    left: RefCell<FxHashMap<(SiteId, SiteId), bool>>,
}

impl<'c, 'm> Settled<'c, 'm> {
    fn new(context: &'c Context<'m>, all: &[(FunctionId, SiteId)]) -> Self {
        let mut commits: FxHashMap<FunctionId, Vec<SiteId>> = FxHashMap::default();
        for (function, commit) in all {
            commits.entry(*function).or_default().push(*commit);
        }
        Settled { context, commits, left: RefCell::default() }
    }

    /// Of all commits.
    pub(crate) fn of(context: &'c Context<'m>) -> Self {
        Settled::new(context, &commits(context))
    }

    /// Whether a call commits what it writes before it comes back, always or as it is asked to: `async def insert(self, row):
    /// await self.conn.execute(…); await self.conn.commit()`.
    pub(crate) fn holds(&self, write: SiteId, effect: EffectId) -> bool {
        let Settled { context, commits, .. } = self;
        let meaning = context.meaning;
        if commits.is_empty() || meaning.callees(write).is_empty() {
            return false;
        }
        let trace = meaning.trace(write, &meaning.effects.get(effect));
        trace.windows(2).any(|step| {
            let (call, below) = (step[0], step[1]);
            let commits = commits.get(&context.function_of(below)).into_iter().flatten();
            let asked = context.decisions(below);
            let always = |commit: SiteId| {
                let known = self.left.borrow().get(&(below, commit)).copied();
                let is_left = known.unwrap_or_else(|| self.is_left_before(below, commit, &asked));
                self.left.borrow_mut().insert((below, commit), is_left);
                if is_left {
                    return false;
                }
                let mut conditions = context.decisions(commit).into_iter();
                conditions.all(|condition| asked.contains(&condition) || is_asked_for(context, call, condition))
            };
            commits.into_iter().any(|commit| *commit != below && meaning.precedes(below, *commit) && always(*commit))
        })
    }

    /// Whether a function comes back without the commit after what it wrote, though nothing failed: `if given { return nil }` of
    /// one that joins the transaction of its caller.
    fn is_left_before(&self, below: SiteId, commit: SiteId, asked: &[VarId]) -> bool {
        let meaning = self.context.meaning;
        let program = meaning.program;
        let mut returns =
            program.returns_by_function.of(&program.facts.relations.returns, self.context.function_of(below));
        returns.any(|row| {
            let is_decided = || self.context.decisions(row.site).iter().any(|condition| !asked.contains(condition));
            meaning.avoids(below, &[commit], row.site) && is_decided() && !meaning.is_after_failure(row.site)
        })
    }
}

/// Whether a call asks for what a condition of its callee lets be done: `save(commit=True)` of `def save(self, commit=False)` or of
/// `kwargs.pop("commit", False)`, or `save()` where that is the default.
fn is_asked_for(context: &Context<'_>, call: SiteId, condition: VarId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let is_true = |var: VarId| meaning.constant(var) == Some("true");
    let asked = program.assigned_from(condition).next().map_or(condition, |row| row.src);
    for var in [condition, asked] {
        if let Some(parameter) = program.parameter(var) {
            let mut given = meaning.resolution.passed_at(call).iter().filter(|row| row.parameter == var);
            return given.next().map_or_else(|| parameter.default.is_some_and(is_true), |row| is_true(row.argument));
        }
    }
    let Some(taken) = program.call_giving(asked).filter(|call| matches!(program.text(call.name), "pop" | "get")) else {
        return false;
    };
    let is_rest = |var: VarId| program.parameter(var).is_some_and(|row| row.kind == ParameterKind::KeywordRest);
    let mut arguments = program.arguments(taken.site).map(|row| row.var);
    let key = arguments.next().and_then(|var| meaning.constant(var));
    let Some(key) = key.filter(|_| taken.receiver.is_some_and(is_rest)) else { return false };
    let mut given = program.arguments(call).filter(|row| program.text(row.keyword) == key);
    given.next().map_or_else(|| arguments.next().is_some_and(is_true), |row| is_true(row.var))
}

/// Where what was tried has failed: what is sent from there tells of that.
#[derive(Default)]
pub(crate) struct AfterFailures {
    by_function: FxHashMap<FunctionId, Vec<Failure>>,
}

impl AfterFailures {
    /// Whether `send` is done where `tried`, in the same function, has failed.
    pub(crate) fn holds(&mut self, context: &Context<'_>, tried: SiteId, send: SiteId) -> bool {
        let function = context.function_of(send);
        let failures = self.by_function.entry(function).or_insert_with(|| context.meaning.failures(function));
        failures.iter().any(|failure| failure.sites.contains(&send) && failure.protected.contains(&tried))
    }
}

/// Whether a task of its own is started at a site.
pub(crate) fn starts_task(context: &Context<'_>, site: SiteId) -> bool {
    let invocations = &context.meaning.invocations;
    invocations.is_background(site) || invocations.at(site).any(|row| row.mode == Mode::Background)
}

/// Whether a call is given the connection that a transaction was opened on.
pub(crate) fn hands_on(context: &Context<'_>, site: SiteId, transaction: &Scope) -> bool {
    let meaning = context.meaning;
    let op = meaning.operation(transaction);
    let opened_on = op.and_then(|op| meaning.program.call(op.site)).and_then(|call| call.receiver);
    let given =
        |connection: VarId| meaning.program.arguments(site).any(|row| meaning.made_from(row.var).contains(&connection));
    opened_on.is_some_and(given)
}

/// What the loops around a site go through, and what that was made from.
pub(crate) fn loop_sources(context: &Context<'_>, site: SiteId) -> FxHashSet<VarId> {
    let meaning = context.meaning;
    let program = meaning.program;
    let around = program.regions_outward(program.site(site).region);
    let loops = around.into_iter().filter(|row| row.kind == RegionKind::Loop);
    let over = loops.filter_map(|row| program.iterates_by_region.first(&program.facts.relations.iterates, row.region));
    over.flat_map(|row| meaning.made_from(row.var)).collect()
}
