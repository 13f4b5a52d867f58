//! Keys that are set if they are absent and taken away again, whatever they are called: who has the key set has it for itself
//! until then, as a lock.

use distsys_engine::OpKind;
use distsys_engine::meaning::{Name, Operation, Term};
use distsys_facts::schema::Load;
use distsys_facts::{FunctionId, ParameterKind, RegionKind, SiteId, VarId};
use rustc_hash::FxHashMap;

use crate::Context;
use crate::cached::is_made_of;
use crate::locks::{Key, keys};

/// The operations that delete such keys, each with the one that sets them.
pub(crate) fn given_back(context: &Context<'_>) -> Vec<(SiteId, SiteId)> {
    let mut found = by_callers(context);
    found.extend(by_objects(context));
    found.sort_unstable();
    found
}

/// By a function that has the key set, and deletes it again on each way on from there: `if turns.mine(key) { …; turns.over(key) }`.
/// A mark of what was done is deleted where the work has failed.
fn by_callers(context: &Context<'_>) -> Vec<(SiteId, SiteId)> {
    let meaning = context.meaning;
    let program = meaning.program;
    type Done = (SiteId, SiteId);
    let done = |kind: OpKind| {
        let mut by_key: FxHashMap<(FunctionId, Term), Vec<Done>> = FxHashMap::default();
        for row in meaning.effects.rows() {
            let effect = meaning.effects.get(row.effect);
            if effect.kind == kind
                && effect.key.pattern().is_some_and(|name| meaning.name(name).trim_matches(['{', '}']).len() > 2)
            {
                let trace = meaning.trace(row.site, &effect);
                let last = trace.last().copied().unwrap_or(row.site);
                // The way may lead to another one that does the same to another key.
                let own = meaning
                    .effects
                    .at(last)
                    .filter(|(own, _)| own.kind == kind)
                    .filter_map(|(own, _)| own.key.pattern());
                let key = effect.key.pattern().map(|name| meaning.name(name)).unwrap_or_default();
                if !own.into_iter().any(|own| is_made_of(key, meaning.name(own), "{}")) {
                    continue;
                }
                // What a closure of the function decides is decided in its turn.
                let parent = |site: SiteId| program.function(context.function_of(site)).parent;
                let of_closures =
                    trace.iter().skip(1).filter(|site| parent(**site) == Some(context.function_of(row.site)));
                if of_closures.into_iter().any(|site| !meaning.decisions(*site).is_empty()) {
                    continue;
                }
                by_key.entry((context.function_of(row.site), effect.key)).or_default().push((row.site, last));
            }
        }
        by_key
    };
    let taken = done(OpKind::LockAcquire);
    if taken.is_empty() {
        return Vec::new();
    }
    let mut deleted = done(OpKind::CacheDelete);
    // Of one that deletes whatever it is told to, who tells it is asked elsewhere.
    let names_key = |site: SiteId| {
        meaning.effects.at(site).any(|(effect, _)| effect.kind == OpKind::CacheDelete && effect.key.pattern().is_some())
    };
    deleted.values_mut().for_each(|done| done.retain(|(_, last)| names_key(*last)));
    let mut found = Vec::new();
    for (key, takes) in &taken {
        for &(taken, lock) in takes {
            let mine = program.call(taken).map(|call| call.result);
            let before: Vec<VarId> = meaning.decisions(taken).into_iter().map(|decision| decision.condition).collect();
            let is_plain = |site: SiteId| {
                let mut around = program.regions_outward(program.site(site).region);
                let handles = around.any(|region| region.kind == RegionKind::Catch);
                // One variable may hold the outcome of what is done later, too.
                let is_later = |var: &VarId| {
                    program
                        .call_giving(*var)
                        .is_some_and(|call| call.site != taken && meaning.precedes(taken, call.site))
                };
                let is_own = |condition: VarId| {
                    let sources = meaning.made_from(condition);
                    before.contains(&condition)
                        || mine.is_some_and(|mine| sources.contains(&mine)) && !sources.iter().any(is_later)
                };
                let decisions = meaning.decisions(site);
                // Whoever does not look whether the key was set has no turn by it.
                let looks = |condition: VarId| mine.is_some_and(|mine| meaning.made_from(condition).contains(&mine));
                !handles
                    && decisions.iter().any(|decision| looks(decision.condition))
                    && decisions.iter().all(|decision| is_own(decision.condition))
            };
            let of_key = || deleted.get(key).into_iter().flatten();
            // What is called has its own turn, and gives that back.
            let has_both = |site: SiteId| {
                takes.iter().any(|(other, _)| *other == site) && of_key().any(|(other, _)| *other == site)
            };
            if has_both(taken) {
                continue;
            }
            let after = of_key().filter(|(site, _)| {
                *site != taken && !has_both(*site) && meaning.precedes(taken, *site) && is_plain(*site)
            });
            found.extend(after.map(|(_, delete)| (*delete, lock)));
        }
    }
    found
}

/// A call of a helper that deletes what it is given: `forget(key)`.
pub(crate) struct Handed {
    pub site: SiteId,
    /// What the helper is given.
    pub given: VarId,
    /// What that is like.
    pub pattern: Option<Name>,
    /// The call, the calls below it, and the deletion.
    pub trace: Vec<SiteId>,
}

/// The calls by which helpers are told what to delete, where that is made or taken out of an object: what hands on what it is
/// given itself is on the way of its callers.
pub(crate) fn deleted_by_helpers(context: &Context<'_>) -> Vec<Handed> {
    let meaning = context.meaning;
    let mut found = Vec::new();
    for row in meaning.effects.rows() {
        let effect = meaning.effects.get(row.effect);
        if effect.kind != OpKind::CacheDelete
            || matches!(effect.key, Term::Parameter(_))
            || meaning.resolution.passed_at(row.site).is_empty()
        {
            continue;
        }
        let trace = meaning.trace(row.site, &effect);
        let [_, below, ..] = trace[..] else { continue };
        let mut inner = meaning.effects.at(below).filter(|(inner, _)| inner.kind == OpKind::CacheDelete);
        let told = inner.find_map(|(inner, _)| match inner.key {
            Term::Parameter(parameter) => Some(parameter),
            _ => None,
        });
        let passed = meaning.resolution.passed_at(row.site).iter().find(|passed| Some(passed.parameter) == told);
        if let Some(passed) = passed {
            found.push(Handed { site: row.site, given: passed.argument, pattern: effect.key.pattern(), trace });
        }
    }
    found
}

/// By the object that who has the key set is given, and that keeps the key: `new Turn("turn:" + name)`, whose `close()` deletes it.
fn by_objects(context: &Context<'_>) -> Vec<(SiteId, SiteId)> {
    let meaning = context.meaning;
    let program = meaning.program;
    let locks: Vec<&Operation> = meaning.operations.of_kind(OpKind::LockAcquire).collect();
    let mut found = Vec::new();
    let deletes = meaning.operations.of_kind(OpKind::CacheDelete).filter(|_| !locks.is_empty());
    let deletes = deletes.map(|delete| (delete.site, keys(context, delete)));
    let handed = if locks.is_empty() { Vec::new() } else { deleted_by_helpers(context) };
    let handed = handed.into_iter().map(|delete| (delete.site, vec![Key::Value(delete.given)]));
    for (delete, deleted) in deletes.chain(handed) {
        let Some(class) = program.class_around(context.function_of(delete)) else { continue };
        let fields = deleted.iter().filter_map(|key| match key {
            Key::Value(var) => program.loaded_as(*var),
            _ => None,
        });
        // `let key = self.key.clone()`, for the task that deletes it
        let is_own = |var: VarId| program.parameter(var).is_some_and(|row| row.kind == ParameterKind::Receiver);
        let copied: Vec<&Load> = deleted
            .iter()
            .filter_map(|key| match key {
                Key::Value(var) => Some(meaning.made_from(*var)),
                _ => None,
            })
            .flatten()
            .filter_map(|var| program.loaded_as(var))
            .filter(|load| is_own(load.base))
            .collect();
        let stored: Vec<VarId> =
            fields.chain(copied).flat_map(|load| meaning.stored_in(load.base, load.field)).collect();
        // `lock := &Lock{key: key}`, whoever takes it then
        let is_kept_there = |lock: &Operation| {
            let mut own = keys(context, lock).into_iter();
            own.any(|own| match own {
                Key::Value(var) => stored.iter().any(|kept| program.held_at(*kept) == program.held_at(var)),
                _ => false,
            })
        };
        // What its constructor is given.
        let given = stored.iter().flat_map(|var| meaning.resolution.passed_to(program.held_at(*var)));
        let given: Vec<(SiteId, VarId)> = given.map(|row| (row.site, row.argument)).collect();
        let is_made_there = |lock: &Operation| {
            let own = keys(context, lock);
            given.iter().any(|(site, key)| {
                let of_class = program.call(*site).is_some_and(|call| meaning.class_of(call.result) == Some(class));
                let text =
                    program.template(program.held_at(*key)).map(|text| program.text(text)).or(meaning.constant(*key));
                let is_same = own.iter().any(|own| match own {
                    Key::Pattern(name) => text == Some(meaning.name(*name)),
                    Key::Value(var) => program.held_at(*var) == program.held_at(*key),
                    Key::Field(..) => false,
                });
                of_class && is_same && context.function_of(*site) == lock.function && meaning.precedes(lock.site, *site)
            })
        };
        found.extend(
            locks.iter().filter(|lock| is_made_there(lock) || is_kept_there(lock)).map(|lock| (delete, lock.site)),
        );
    }
    found
}
