//! What leaves two when it is done twice, by itself: a row that nothing refuses, a count, a job or message that carries no key.

use distsys_engine::OpKind;
use distsys_engine::meaning::{Effect, EffectFlags, Term};
use distsys_engine::words::{is_telemetry, words};
use distsys_facts::{SiteId, VarId};
use rustc_hash::FxHashSet;

use crate::Context;
use crate::carried::is_measured;
use crate::handlers::{expects_refusal, is_known_again, is_unique};
use crate::keys::is_fresh;
use crate::retried::{creates_again, retry_around};

/// The kinds of which doing it twice may leave two: asked first, before the way down to it is looked for.
pub(crate) fn is_added(kind: OpKind) -> bool {
    use OpKind as K;
    matches!(kind, K::DbWrite | K::CacheWrite | K::Notify | K::Enqueue | K::Publish)
}

/// Whether to do at the end of `trace` again what it does leaves two.
pub(crate) fn adds_again(context: &Context<'_>, trace: &[SiteId], effect: &Effect) -> bool {
    let flags = effect.flags;
    let apart = [EffectFlags::BACKGROUND, EffectFlags::CONDITIONAL, EffectFlags::TRANSACTIONAL];
    if apart.into_iter().any(|flag| flags.has(flag)) {
        return false;
    }
    let verb = context.meaning.text(effect.verb);
    match effect.kind {
        OpKind::DbWrite if verb == Some("insert") => is_another(context, trace, effect) && !is_refused(context, trace),
        OpKind::DbWrite => verb == Some("increment"),
        OpKind::CacheWrite => verb == Some("increment") && is_owed(context, trace, effect),
        OpKind::Notify => effect.key == Term::Absent,
        OpKind::Enqueue => {
            effect.key == Term::Absent
                && !matches!(effect.entity, Term::Absent | Term::Unknown)
                && !is_measured(context, effect)
                && !only_wakes(context, trace)
                && !carries_key(context, trace)
                && !is_done_once(context, effect)
        }
        OpKind::Publish => {
            effect.key == Term::Absent
                && !flags.has(EffectFlags::LOSSY)
                && !is_measured(context, effect)
                && is_nameless(context, trace)
        }
        _ => false,
    }
}

/// Whether a job carries nothing: it looks for what is to be done, and a second one finds nothing.
fn only_wakes(context: &Context<'_>, trace: &[SiteId]) -> bool {
    let program = context.meaning.program;
    let is_bare = |site: &SiteId| program.arguments(*site).next().is_none();
    let enqueues = |site: &SiteId| context.operation(*site, OpKind::Enqueue).is_some();
    trace.last().is_some_and(|last| enqueues(last) && is_bare(last))
}

/// Whether the job that is enqueued is known again by what it does: a second one finds it done.
fn is_done_once(context: &Context<'_>, effect: &Effect) -> bool {
    let meaning = context.meaning;
    let Term::Function(handler) = effect.entity else { return false };
    let mut does = false;
    let again = meaning.effects.in_function(handler).any(|(effect, row)| {
        let adds = is_added(effect.kind) && effect.kind != OpKind::Enqueue;
        if !adds && !matches!(effect.kind, OpKind::Payment | OpKind::HttpRequest) {
            return false;
        }
        does = true;
        let trace = meaning.trace(row.site, &effect);
        let is_another = if adds { adds_again(context, &trace, &effect) } else { creates_again(context, &effect) };
        is_another && !is_known_again(context, Some(handler), &trace)
    });
    does && !again
}

/// Whether what is enqueued is put together, here or in a helper of the project, with an entry by which the queue knows it again,
/// be it only where there is one: `{ url, ...(deduplicationId && { deduplicationId }) }`.
fn carries_key(context: &Context<'_>, trace: &[SiteId]) -> bool {
    const KEYS: &[&str] = &[
        "jobid",
        "taskid",
        "messageid",
        "deduplicationid",
        "messagededuplicationid",
        "dedupid",
        "dedupkey",
        "idempotencykey",
        "uniquekey",
        "singletonkey",
    ];
    const MAX_PARTS: usize = 200;
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let Some(&last) = trace.last() else { return false };
    let mut stack = meaning.chain_arguments(last);
    let mut seen: FxHashSet<VarId> = FxHashSet::default();
    while let Some(at) = stack.pop() {
        if seen.len() > MAX_PARTS || !seen.insert(at) {
            continue;
        }
        for row in program.entry_by_var.of(&r.entry, at) {
            if KEYS.contains(&words(program.text(row.key)).concat().as_str()) {
                return true;
            }
            if program.text(row.key) == "**" {
                stack.push(row.value);
            }
        }
        stack.extend(program.element_by_var.of(&r.element, at).map(|row| row.value));
        stack.extend(program.assigned_from(at).map(|row| row.src));
        for callee in program.call_giving(at).into_iter().flat_map(|call| meaning.callees(call.site)) {
            stack.extend(program.returns_by_function.of(&r.returns, callee).filter_map(|row| row.var));
        }
    }
    false
}

/// Whether a message is put together here of this and that, and of nothing by which whoever gets it knows it again: one that is
/// handed in whole may say so.
fn is_nameless(context: &Context<'_>, trace: &[SiteId]) -> bool {
    const NAMES: &[&str] = &[
        "id",
        "eventid",
        "messageid",
        "msgid",
        "requestid",
        "correlationid",
        "uuid",
        "uid",
        "key",
        "idempotencykey",
        "dedupid",
        "dedupkey",
        "deduplicationid",
        "nonce",
        "version",
        "sequence",
        "seq",
    ];
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let Some(&last) = trace.last() else { return false };
    let given = meaning.chain_arguments(last).into_iter();
    let parts: FxHashSet<VarId> = given.flat_map(|var| meaning.made_from(var).into_iter().chain([var])).collect();
    let keys = parts.iter().flat_map(|var| program.entry_by_var.of(&r.entry, *var)).map(|row| program.text(row.key));
    let is_name = |key: &str| NAMES.contains(&words(key).concat().as_str());
    let of_options = |key: &str| key.starts_with(|c: char| c.is_ascii_uppercase());
    let body: Vec<&str> = keys.filter(|key| !of_options(key)).collect();
    let is_written = || parts.iter().any(|var| program.hole_by_var.of(&r.hole, *var).next().is_some());
    match body.is_empty() {
        true => is_written(),
        false => !body.iter().any(|key| is_name(key)),
    }
}

/// Whether a second row would be one too many: nothing refuses it, and it is no note of what happened.
pub(crate) fn is_another(context: &Context<'_>, trace: &[SiteId], effect: &Effect) -> bool {
    const NOTES: &[&str] = &[
        "log", "audit", "event", "history", "trace", "metric", "activity", "attempt", "outbox", "message", "error",
        "failure",
    ];
    let entity = context.meaning.text(effect.entity);
    !effect.flags.has(EffectFlags::CONDITIONAL)
        && entity.is_some_and(|entity| !NOTES.iter().any(|note| entity.ends_with(note)))
        && trace.last().is_some_and(|last| {
            // Rows that are handed in whole may be known by what they hold.
            let is_seen =
                !context.meaning.columns_written(*last).is_empty() || !context.meaning.fields_given(*last).is_empty();
            is_seen && !is_unique(context, *last, effect) && !brings_its_id(context, *last)
        })
}

/// Whether what repeats an insert asks for the failure by which the database refuses the second one.
fn is_refused(context: &Context<'_>, trace: &[SiteId]) -> bool {
    let origin = retry_around(context, trace).and_then(|scope| scope.origin);
    origin.is_some_and(|site| expects_refusal(context, context.function_of(site)))
}

/// Whether a row is inserted under an id that it brings from outside of the attempt: the primary key refuses the second one.
fn brings_its_id(context: &Context<'_>, site: SiteId) -> bool {
    let meaning = context.meaning;
    let made_anew = |var| {
        let made = meaning.made_from(var).into_iter().filter_map(|var| meaning.program.call_giving(var));
        made.into_iter().any(|call| is_fresh(context, call.site))
    };
    meaning.brings_id(site) && !meaning.chain_arguments(site).into_iter().any(made_anew)
}

/// Whether somebody is owed what a counter beside the database counts: one of attempts, visits or figures about the program may be
/// out by one.
fn is_owed(context: &Context<'_>, trace: &[SiteId], effect: &Effect) -> bool {
    const ROUGH: &[&str] = &[
        "attempt",
        "attempts",
        "retry",
        "retries",
        "tries",
        "failure",
        "failures",
        "fail",
        "fails",
        "failed",
        "error",
        "errors",
        "rate",
        "ratelimit",
        "limit",
        "limits",
        "limiter",
        "throttle",
        "throttled",
        "window",
        "bucket",
        "hit",
        "hits",
        "miss",
        "misses",
        "view",
        "views",
        "visit",
        "visits",
        "stat",
        "stats",
        "metric",
        "metrics",
        "version",
        "generation",
        "epoch",
        "seq",
        "sequence",
        "id",
        "ids",
    ];
    let says = |text: &str| is_telemetry(text) || words(text).iter().any(|word| ROUGH.contains(&word.as_str()));
    let named = |site: &SiteId| says(context.function_name(context.function_of(*site)));
    let key = context.meaning.text(effect.key);
    key.is_some_and(|key| !says(key)) && !trace.iter().any(named)
}
