//! Locks that expire by themselves, and what is done under them.

use distsys_engine::meaning::{Effect, EffectFlags, Found, Name, Operand, Operation, Scope};
use distsys_engine::{Attr, OpKind};
use distsys_facts::{ClassId, FunctionId, SiteId, Sym, VarId};
use rustc_hash::FxHashSet;

use crate::Context;
use crate::cached::parts;

/// Values are followed through so many copies.
const MAX_COPIES: usize = 6;

/// Whether a platform ends whatever goes through `functions` no later than the lock expires, which is taken through the calls
/// `steps` (outermost first): nobody outlives it.
pub(crate) fn is_outlived_by_none(
    context: &Context<'_>,
    lock: &Operation,
    steps: &[SiteId],
    functions: &[FunctionId],
) -> bool {
    let meaning = context.meaning;
    let way: Vec<SiteId> = steps.iter().copied().chain([lock.site]).collect();
    let given = || meaning.span_given(lock, Attr::Ttl, &way);
    let Some(ttl) = meaning.least_span(lock, Attr::Ttl).or_else(given) else { return false };
    functions.iter().filter_map(|function| meaning.run_limit(*function)).any(|limit| limit <= ttl)
}

/// Whether what asks for a lock takes the answer whoever holds it, or only makes the object that will ask: `lock.acquire(
/// blocking=False)`, `client.lock(name)`.
pub(crate) fn is_not_waited_for(context: &Context<'_>, site: SiteId, effect: &Effect) -> bool {
    let meaning = context.meaning;
    let trace = meaning.trace(site, effect);
    let Some(asked) = trace.last().and_then(|last| context.operation(*last, OpKind::LockAcquire)) else { return false };
    let says_no = || {
        let said = meaning.said_along(asked, Attr::Sync, &trace);
        said.is_some_and(|said| said == "0" || said.eq_ignore_ascii_case("false"))
    };
    let only_tries = || match meaning.attribute(asked, Attr::Sync) {
        Found::Absent => meaning.declares(asked, Attr::Sync),
        Found::Is(Operand::Var(_)) => says_no(),
        _ => false,
    };
    only_tries() || meaning.is_never_entered(asked)
}

/// Whether the holder prolongs the lock, which only a holder can, or asks for it again on the way to what `trace` does.
pub(crate) fn is_held_still(context: &Context<'_>, scope: &Scope, trace: &[SiteId]) -> bool {
    let meaning = context.meaning;
    let Some(taken) = meaning.operation(scope) else { return false };
    let lock = keys(context, taken);
    // Of a lock that is taken without a time to live, the first span is no longer one.
    let without = meaning.attribute(taken, Attr::Ttl) == Found::Absent;
    let extended: Vec<(Effect, SiteId)> = meaning
        .effects
        .in_function(taken.function)
        .filter(|(effect, _)| effect.kind == OpKind::LockExtend)
        .map(|(effect, row)| (effect, row.site))
        .collect();
    // What is handed how to prolong it does so as long as the work runs, as does a task beside it: `renewing(mutex.Extend, work)`.
    let is_handed = |effect: &Effect, site: SiteId| {
        !meaning.callees(site).is_empty() && meaning.trace(site, effect).last() == Some(&site)
    };
    let beside = extended.iter().any(|(effect, site)| {
        meaning.precedes(taken.site, *site) && (effect.flags.has(EffectFlags::BACKGROUND) || is_handed(effect, *site))
    });
    if beside {
        return true;
    }
    let first =
        extended.iter().map(|(_, site)| *site).filter(|site| without && meaning.precedes(taken.site, *site)).min();
    let held: FxHashSet<SiteId> = meaning.sites(scope).into_iter().collect();
    let asks = |site: SiteId| {
        meaning.effects.at(site).any(|(effect, _)| {
            let last = || meaning.trace(site, &effect).last().copied();
            let op = |kind: OpKind| last().and_then(|last| context.operation(last, kind));
            matches!(effect.kind, OpKind::LockExtend | OpKind::CacheRead)
                && op(effect.kind).is_some_and(|op| {
                    let keys = keys(context, op);
                    effect.kind == OpKind::LockExtend && keys.is_empty() || keys.iter().any(|key| lock.contains(key))
                })
        })
    };
    trace.iter().enumerate().any(|(depth, step)| {
        let before = meaning.program.sites(context.function_of(*step)).map(|row| row.site);
        let before = before.filter(|site| site != step && (depth > 0 || held.contains(site)));
        before.into_iter().any(|site| Some(site) != first && asks(site) && meaning.precedes(site, *step))
    })
}

/// What a key is known by.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// The same text or pattern anywhere.
    Pattern(Name),
    /// The same value in one function or object.
    Value(VarId),
    Field(ClassId, Sym),
}

/// What the key of a lock, or of an entry of a cache, is known by.
pub(crate) fn keys(context: &Context<'_>, op: &Operation) -> Vec<Key> {
    let meaning = context.meaning;
    let program = meaning.program;
    let mut keys = Vec::new();
    for (effect, _) in meaning.effects.at(op.site).filter(|(effect, _)| effect.kind == op.kind) {
        if let Some(name) = effect.key.pattern()
            && meaning.name(name).trim_matches(['{', '}']).len() > 2
        {
            keys.push(Key::Pattern(name));
        }
    }
    if let Found::Is(Operand::Var(var)) = meaning.attribute(op, Attr::Key) {
        let mut at = var;
        for _ in 0..MAX_COPIES {
            keys.push(Key::Value(at));
            if let Some(load) = program.loaded_as(at)
                && let Some(class) = program.function(op.function).class
            {
                keys.push(Key::Field(class, load.field));
            }
            match program.assigned_from(at).next() {
                Some(row) => at = row.src,
                None => break,
            }
        }
    }
    keys
}

/// Whether what a write sets cannot be stale: times that are read as it is done, or nothing but what the lock's own key says
/// and leads to, so that every holder of it writes the same.
pub(crate) fn writes_the_same(context: &Context<'_>, scope: &Scope, trace: &[SiteId]) -> bool {
    let meaning = context.meaning;
    let Some(&last) = trace.last() else { return false };
    let set = meaning.columns_set(last);
    let made: Vec<VarId> =
        set.into_iter().map(|(_, value)| value).filter(|var| meaning.constant(*var).is_none()).collect();
    if made.is_empty() {
        return false;
    }
    if made.iter().all(|var| is_now(context, *var)) {
        return true;
    }
    let key = key_parts(context, scope);
    let held: FxHashSet<SiteId> = meaning.sites(scope).into_iter().collect();
    !key.is_empty()
        && made.into_iter().all(|value| {
            let sources = sources_above(context, value, trace);
            let is_read_here =
                |var: &VarId| meaning.program.call_giving(*var).is_some_and(|call| held.contains(&call.site));
            sources.iter().any(|var| key.contains(var)) && !sources.iter().any(is_read_here)
        })
}

/// Whether a value is the time that it is read at.
fn is_now(context: &Context<'_>, var: VarId) -> bool {
    let program = context.meaning.program;
    let mut at = var;
    for _ in 0..MAX_COPIES {
        if let Some(call) = program.call_giving(at) {
            // `timezone.now()`
            let now = matches!(program.written_name(call), "now" | "utcnow" | "Now");
            return now || context.operation(call.site, OpKind::ClockRead).is_some();
        }
        let Some(source) = program.only_source(at) else { return false };
        at = source;
    }
    false
}

/// The values that the key of a lock is put together from, where it is taken in the function that holds it.
fn key_parts(context: &Context<'_>, scope: &Scope) -> FxHashSet<VarId> {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let mut parts = FxHashSet::default();
    let Some(op) = meaning.operation(scope).filter(|op| op.function == scope.function) else { return parts };
    let Found::Is(Operand::Var(key)) = meaning.attribute(op, Attr::Key) else { return parts };
    let mut stack = vec![key];
    while let Some(at) = stack.pop() {
        if meaning.constant(at).is_none() && parts.insert(at) {
            stack.extend(program.assigned_from(at).map(|row| row.src));
            stack.extend(program.hole_by_var.of(&r.hole, at).map(|row| row.value));
        }
    }
    parts
}

/// What a value at the end of a trace is made from in the function that the trace starts in.
fn sources_above(context: &Context<'_>, value: VarId, trace: &[SiteId]) -> FxHashSet<VarId> {
    let meaning = context.meaning;
    let mut sources = meaning.made_from(value);
    for site in trace.iter().rev().skip(1) {
        let passed = meaning.resolution.passed_at(*site).iter().filter(|row| sources.contains(&row.parameter));
        let given: Vec<VarId> = passed.flat_map(|row| parts(context, row.parameter, row.argument, &sources)).collect();
        sources.extend(given.into_iter().flat_map(|var| meaning.made_from(var)));
    }
    sources
}

/// Whether a write adds to what is there, a row of its own or an amount: what it adds is no older version of anything.
pub(crate) fn adds(context: &Context<'_>, write: &Effect) -> bool {
    matches!(context.meaning.text(write.verb), Some("insert" | "increment"))
}
