//! A write under a lock that may have expired, with nothing that tells the store so.

use ascent::ascent_run;
use distsys_engine::meaning::{Effect, EffectFlags, EffectId, Extent, Found, Operand, Scope, Term};
use distsys_engine::{Attr, OpKind};
use distsys_engine::words::words;
use distsys_facts::{FunctionId, SiteId, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::finding::{Category, Finding, Maturity, RuleInfo, Severity};
use crate::locks::{adds, is_outlived_by_none, is_held_still, writes_the_same};
use crate::taken::is_refused_at;
use crate::untimed::untimed_calls;
use crate::{Context, FindingBuilder, Rule};

pub(crate) static RULE: Rule = Rule {
    info: RuleInfo {
        slug: "lock-without-fenced-write",
        category: Category::Fencing,
        severity: Severity::Blocker,
        maturity: Maturity::Stable,
        yields_to: &[],
        summary: "a write under an expiring lock carries no fencing token or version",
        page: include_str!("lock-without-fenced-write.md"),
    },
    judge,
};

/// A lock, by its number among the scopes.
type Lock = u32;

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let mut held: Vec<(Lock, SiteId)> = Vec::new();
    let mut fenced: Vec<(Lock, SiteId)> = Vec::new();
    for (number, scope) in meaning.scopes.all.iter().enumerate() {
        if scope.kind != OpKind::LockAcquire || meaning.is_out_of_scope(scope.function) || !expires(context, scope) {
            continue;
        }
        let tokens = tokens(context, scope);
        let refused = |site: SiteId| matches!(scope.extent, Extent::Open(taken) if is_refused_at(context, taken, site));
        for site in meaning.sites(scope).into_iter().filter(|site| !refused(*site)) {
            held.push((number as Lock, site));
            if !tokens.is_empty() && carries(context, site, &tokens) {
                fenced.push((number as Lock, site));
            }
        }
    }
    let replaced = if held.is_empty() { FxHashSet::default() } else { sets_replaced(context) };
    let mut writes: Vec<(SiteId, EffectId)> = Vec::new();
    for row in meaning.effects.rows() {
        let effect = meaning.effects.get(row.effect);
        let is_write = matches!(effect.kind, OpKind::DbWrite | OpKind::ObjectWrite);
        // Deleting twice what is to go does no harm, but where others are put in its place.
        let is_replaced = || !replaced.is_empty() && meaning.trace(row.site, &effect).last().is_some_and(|last| replaced.contains(last));
        let is_write = is_write
            && (meaning.text(effect.verb) != Some("delete") || is_replaced())
            && (!adds(context, &effect) || is_counted_up_to(context, row.site, &effect));
        if is_write && !effect.flags.has(EffectFlags::CONDITIONAL) && !effect.flags.has(EffectFlags::BACKGROUND) {
            writes.push((row.site, row.effect));
        }
    }
    let program = ascent_run! {
        relation held(Lock, SiteId) = held;
        relation fenced(Lock, SiteId) = fenced;
        relation writes(SiteId, EffectId) = writes;
        relation found(Lock, SiteId, EffectId);
        found(l, s, e) <-- held(l, s), writes(s, e), !fenced(l, s);
    };
    let mut found = program.found;
    found.sort_unstable();
    // One finding a lock and function: the first write; the others are steps.
    let mut by_lock: FxHashMap<Lock, Vec<(SiteId, Effect)>> = FxHashMap::default();
    for (lock, site, effect) in found {
        by_lock.entry(lock).or_default().push((site, meaning.effects.get(effect)));
    }
    let mut told: FxHashMap<SiteId, (usize, Finding)> = FxHashMap::default();
    for (lock, writes) in by_lock {
        let scope = &meaning.scopes.all[lock as usize];
        // What a helper notes of a failure of its own is not what the lock is for; what the holder notes may be of a later run.
        let way = |site: SiteId, effect: &Effect| match meaning.trace(site, effect) {
            own if own.len() == 1 => Some(own),
            _ => meaning.trace_unless_failed(site, effect),
        };
        let traces = writes.iter().filter_map(|(site, effect)| Some((way(*site, effect)?, *effect)));
        let traces: Vec<(Vec<SiteId>, Effect)> =
            traces.filter(|(trace, _)| !is_harmless(context, scope, trace)).collect();
        let Some((first, _)) = traces.first() else { continue };
        let place = context.primary(first);
        let depth = scope.steps.len() + traces[0].0.len();
        if told.get(&place).is_none_or(|(known, _)| *known > depth) {
            told.insert(place, (depth, report(context, scope, &traces)));
        }
    }
    told.into_values().map(|(_, finding)| finding).collect()
}

/// Deletions of rows by other than their ids, after which the same function puts in rows of the same kind: two that do so at once
/// leave both sets.
fn sets_replaced(context: &Context<'_>) -> FxHashSet<SiteId> {
    let meaning = context.meaning;
    let mut deletes: Vec<(SiteId, Effect)> = Vec::new();
    let mut inserts: FxHashMap<FunctionId, Vec<(SiteId, Effect)>> = FxHashMap::default();
    for row in meaning.effects.rows() {
        let effect = meaning.effects.get(row.effect);
        if effect.kind != OpKind::DbWrite || effect.entity_name().is_none() {
            continue;
        }
        match meaning.text(effect.verb) {
            Some("delete") if meaning.callees(row.site).is_empty() => deletes.push((row.site, effect)),
            Some("insert") => inserts.entry(context.function_of(row.site)).or_default().push((row.site, effect)),
            _ => {}
        }
    }
    let is_replaced = |(site, delete): &(SiteId, Effect)| {
        let mut after = inserts.get(&context.function_of(*site)).into_iter().flatten();
        after.any(|(insert, put)| put.entity_name() == delete.entity_name() && meaning.precedes(*site, *insert))
    };
    deletes.into_iter().filter(is_replaced).map(|(site, _)| site).collect()
}

/// Whether what is there was read first and decides by a comparison whether more is added: an amount is no older than another,
/// but the look at it is.
fn is_counted_up_to(context: &Context<'_>, site: SiteId, effect: &Effect) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    if meaning.text(effect.verb) != Some("increment") || !matches!(effect.entity, Term::Text(_)) {
        return false;
    }
    let reads = meaning.effects.in_function(context.function_of(site)).filter(|(read, row)| {
        read.kind == OpKind::DbRead && read.entity == effect.entity && meaning.precedes(row.site, site)
    });
    let read: Vec<VarId> = reads.filter_map(|(_, row)| program.call(row.site)).map(|call| call.result).collect();
    !read.is_empty()
        && meaning.decisions(site).into_iter().any(|decision| {
            let compared = program.binary_by_dst.of(&r.binary, decision.condition);
            let mut compared = compared.filter(|row| matches!(program.text(row.operator), "<" | ">" | "<=" | ">="));
            compared.any(|row| {
                let sides = std::iter::once(row.left).chain(row.right);
                sides.into_iter().any(|side| {
                    let sources = meaning.made_from(side);
                    read.iter().any(|row| sources.contains(row))
                })
            })
        })
}

/// Whether the lock cannot be lost before the write, or its loss changes nothing.
fn is_harmless(context: &Context<'_>, scope: &Scope, trace: &[SiteId]) -> bool {
    let sites = trace.iter().chain(&scope.steps).chain(&scope.origin);
    let functions: Vec<FunctionId> = sites.map(|site| context.function_of(*site)).collect();
    let ends = context.meaning.operation(scope).is_some_and(|op| is_outlived_by_none(context, op, &scope.steps, &functions));
    let compares = trace.last().is_some_and(|last| context.meaning.compares_and_sets(*last));
    let row = trace.first().is_some_and(|site| is_under_row_lock(context, *site));
    let compares = compares || trace.last().is_some_and(|last| asks_for_what_it_sets(context, *last));
    let marks = trace.last().is_some_and(|last| only_marks(context, *last));
    let anew = trace.last().is_some_and(|last| is_under_new_key(context, *last));
    ends || compares || row || marks || anew || is_held_still(context, scope, trace) || writes_the_same(context, scope, trace)
}

/// Whether an object is written under a key that no other holder writes: made of the time, or of what is made up there.
fn is_under_new_key(context: &Context<'_>, site: SiteId) -> bool {
    let meaning = context.meaning;
    let Some(op) = context.operation(site, OpKind::ObjectWrite) else { return false };
    let Found::Is(Operand::Var(key)) = meaning.attribute(op, Attr::Key) else { return false };
    let program = meaning.program;
    let parts = meaning.made_from(key);
    let made_by = |kind: OpKind| {
        let mut calls = parts.iter().filter_map(|part| program.call_giving(*part));
        calls.any(|call| meaning.operations.at(call.site).any(|op| op.kind == kind))
    };
    // Of a day there may be several holders.
    let is_day = |part: &VarId| {
        let format = program.literal(*part).map(|row| program.text(row.value));
        let cut = program.call_giving(*part).map(|call| program.text(call.name));
        format.is_some_and(|text| text.contains("%d") && !["%H", "%T", "%X", "%f"].iter().any(|time| text.contains(time)))
            || cut.is_some_and(|name| matches!(name, "date" | "today" | "toDateString" | "toISODate" | "toLocalDate"))
    };
    made_by(OpKind::Fresh) || made_by(OpKind::ClockRead) && !parts.iter().any(is_day)
}

/// Whether the rows of a write are chosen by a column that it sets, in objects that it is given:
/// `update_one({"_id": id, "fence": {"$lt": token}}, {"$set": {"plan": plan, "fence": token}})`.
fn asks_for_what_it_sets(context: &Context<'_>, site: SiteId) -> bool {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let entries = |object: VarId| program.entry_by_var.of(&r.entry, program.held_at(object));
    let mut objects = program.arguments(site).map(|row| row.var).filter(|var| entries(*var).next().is_some());
    let Some(filter) = objects.next() else { return false };
    let asked: Vec<&str> = entries(filter).map(|row| program.text(row.key)).filter(|key| !matches!(*key, "" | "_id" | "id")).collect();
    let set = objects.flat_map(entries).flat_map(|row| {
        let inner = matches!(program.text(row.key), "$set" | "data").then(|| entries(row.value)).into_iter().flatten();
        inner.chain([row]).map(|row| program.text(row.key)).collect::<Vec<_>>()
    });
    set.into_iter().any(|column| asked.contains(&column))
}

/// Whether a write only notes of a row that something has been done with it, or when: `sent = true`, `published_at = now()`. The
/// note of one who is late says the same.
fn only_marks(context: &Context<'_>, site: SiteId) -> bool {
    const DONE: &[&str] = &["sent", "published", "processed", "delivered", "dispatched", "relayed", "forwarded", "exported", "emitted"];
    let columns = context.meaning.columns_written(site);
    let says = |column: &&str| words(column).iter().any(|word| DONE.contains(&word.as_str()));
    // `processed=False` takes a mark away.
    let takes_away = |(_, value): &(&str, VarId)| context.meaning.constant(*value) == Some("false");
    !columns.is_empty() && columns.iter().all(says) && !context.meaning.columns_set(site).iter().any(takes_away)
}

/// Whether a write is one of a transaction that has locked the row it reads: the database lets the next holder wait for it.
fn is_under_row_lock(context: &Context<'_>, site: SiteId) -> bool {
    let meaning = context.meaning;
    let locks_row = |site: SiteId, written: &[Term]| {
        meaning.effects.at(site).any(|(read, _)| {
            let locks = read.kind == OpKind::DbRead && read.flags.has(EffectFlags::ROW_LOCK);
            locks && matches!(read.entity, Term::Text(_)) && written.contains(&read.entity)
        })
    };
    let written_at = |site: SiteId| -> Vec<Term> {
        let writes = meaning.effects.at(site).filter(|(effect, _)| effect.kind == OpKind::DbWrite);
        writes.map(|(effect, _)| effect.entity).collect()
    };
    // The transaction may be begun further down, and the row be locked further down in it.
    let mut stack = vec![(site, false)];
    for _ in 0..MAX_DOWN {
        let Some((site, begun)) = stack.pop() else { return false };
        let function = context.function_of(site);
        let around = meaning.scopes.in_function(function).filter(|scope| scope.kind == OpKind::TxScope);
        let covered: Vec<SiteId> = around.map(|scope| meaning.sites(scope)).filter(|sites| sites.contains(&site)).flatten().collect();
        let written = written_at(site);
        let mut before: Vec<SiteId> = covered.clone();
        if begun {
            before.extend(meaning.program.sites(function).map(|row| row.site));
        }
        if before.into_iter().any(|before| meaning.precedes(before, site) && locks_row(before, &written)) {
            return true;
        }
        let begun = begun || !covered.is_empty();
        let inner = meaning.callees(site).into_iter().flat_map(|function| meaning.program.sites(function));
        stack.extend(inner.map(|row| row.site).filter(|site| !written_at(*site).is_empty()).map(|site| (site, begun)));
    }
    false
}

/// A transaction is looked for at so many sites.
const MAX_DOWN: usize = 12;

/// Whether the lock ends by itself: a TTL is given (also by the library's default).
fn expires(context: &Context<'_>, scope: &Scope) -> bool {
    let meaning = context.meaning;
    let Some(op) = meaning.operation(scope) else { return false };
    if scope.steps.iter().any(|site| untimed_calls(context, op).contains(site)) {
        return false;
    }
    let key_of = |site: SiteId, kind: OpKind| {
        meaning.effects.at(site).find(|(effect, _)| effect.kind == kind).map(|(effect, _)| effect.key)
    };
    // `SETNX`, then `EXPIRE`.
    let set_later = || {
        let key = key_of(op.site, OpKind::LockAcquire).filter(|key| !matches!(key, Term::Absent | Term::Unknown));
        let mut set = meaning.effects.in_function(op.function).filter(|(effect, _)| effect.kind == OpKind::LockExtend);
        key.is_some_and(|key| set.any(|(effect, row)| effect.key == key && meaning.precedes(op.site, row.site)))
    };
    !matches!(meaning.attribute(op, Attr::Ttl), Found::Absent) || set_later()
}

/// What identifies this holding of the lock: the acquired value, or the token given.
fn tokens(context: &Context<'_>, scope: &Scope) -> Vec<VarId> {
    let meaning = context.meaning;
    let mut tokens = Vec::new();
    if let Some(op) = meaning.operation(scope) {
        if let Found::Is(Operand::Var(var)) = meaning.attribute(op, Attr::Token) {
            tokens.push(var);
        }
        tokens.extend(meaning.program.call(op.site).map(|call| call.result));
    }
    for site in &scope.steps {
        tokens.extend(meaning.program.call(*site).map(|call| call.result));
    }
    tokens.retain(|var| meaning.program.literal(*var).is_none());
    tokens
}

/// Whether a token goes into what is called at `site`.
fn carries(context: &Context<'_>, site: SiteId, tokens: &[VarId]) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let arguments = program.arguments(site).map(|argument| argument.var);
    let receiver = program.call(site).and_then(|call| call.receiver);
    arguments.chain(receiver).any(|var| {
        let sources = meaning.made_from(var);
        tokens.iter().any(|token| sources.contains(token))
    })
}

/// Whether the lock keeps a second run of a periodic job away, as the names say.
fn is_sweep(context: &Context<'_>, scope: &Scope, trace: &[SiteId]) -> bool {
    const SWEEPS: &[&str] = &[
        "cron", "periodic", "cleanup", "cleaner", "sweep", "sweeper", "reconcile", "reconciler", "retry", "janitor", "poller",
        "scheduler", "refresh", "sync",
    ];
    let says = |text: &str| words(text).iter().any(|word| SWEEPS.contains(&word.as_str()));
    scope.steps.iter().chain(scope.origin.iter()).chain(trace).any(|site| {
        let place = context.place(*site);
        says(context.named_function(context.function_of(*site))) || place.path.rsplit('/').take(3).any(says)
    })
}

fn report(context: &Context<'_>, scope: &Scope, writes: &[(Vec<SiteId>, Effect)]) -> Finding {
    let meaning = context.meaning;
    let (trace, effect) = &writes[0];
    let what = context.does(effect);
    let message = format!(
        "under a lock that expires, the holder {what} with nothing that proves it still holds the lock; after a pause longer than the TTL two holders write and the later, stale one wins"
    );
    let mut builder = FindingBuilder::new(context, &RULE.info, context.primary(trace), message)
        .subject(meaning.text(effect.entity).unwrap_or_default());
    builder = builder.rests_on(context.confidence_of(trace[0], effect));
    // Setting the same value twice only wastes work, and so does a second sweep.
    let once_more = writes.iter().all(|(_, effect)| meaning.text(effect.verb) == Some("upsert"));
    if once_more || is_sweep(context, scope, trace) {
        builder = builder.severity(Severity::Minor);
    }
    for site in scope.steps.iter().rev() {
        builder = builder.step(*site, "the lock is taken through this call");
    }
    if let Some(origin) = scope.origin {
        builder = builder.step(origin, "the lock is taken here and expires by itself");
    }
    builder = builder.caused_at(scope.origin);
    for (trace, effect) in writes.iter().take(6) {
        builder = builder.steps(context.steps(trace, effect));
    }
    builder
        .checked("no fencing token, version condition or conditional header reaches the write")
        .help("take a token that grows with each holder (a counter, a lease's revision) and let the store refuse an older one, or write only if the version read is still there")
        .build()
}
