//! A job or message leaves while the transaction that writes its data is still open.

use distsys_engine::{Attr, OpKind};
use distsys_engine::meaning::{Effect, EffectFlags, EffectId, Found, Term};
use distsys_facts::{FunctionId, FunctionKind, SiteId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::carried::is_measured;
use crate::transactions::{Locks, hands_on, is_elsewhere, loop_sources, starts_task, while_uncommitted};
use crate::finding::{Category, Confidence, Finding, Maturity, RuleInfo, Severity};
use crate::{Context, FindingBuilder, Rule};

pub(crate) static RULE: Rule = Rule {
    info: RuleInfo {
        slug: "enqueue-before-commit",
        category: Category::Ordering,
        severity: Severity::Major,
        maturity: Maturity::Stable,
        yields_to: &[],
        summary: "a job or message is sent before the transaction that writes its data commits",
        page: include_str!("enqueue-before-commit.md"),
    },
    judge,
};

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let mut sends: Vec<(SiteId, EffectId)> = Vec::new();
    for row in meaning.effects.rows() {
        let effect = meaning.effects.get(row.effect);
        let is_sent = matches!(effect.kind, OpKind::Enqueue | OpKind::Publish);
        let leaves = is_sent
            && !effect.flags.has(EffectFlags::TRANSACTIONAL)
            && !is_elsewhere(effect.flags)
            && !is_measured(context, &effect);
        if leaves || is_of_task(context, &effect) {
            sends.push((row.site, row.effect));
        }
    }
    let mut found = while_uncommitted(context, sends, Locks::Ignore);
    found.retain(|(send, message, write, written)| {
        let [message, written] = [message, written].map(|effect| meaning.effects.get(*effect));
        !is_of_task(context, &message) || works_beside(context, (*send, &message), (*write, &written))
    });
    let mut by_place: FxHashMap<SiteId, Candidate> = FxHashMap::default();
    for (send, message, write, written) in found {
        if !context.in_scope(send) {
            continue;
        }
        let message = meaning.effects.get(message);
        let written = meaning.effects.get(written);
        let sends = meaning.trace(send, &message);
        if is_delayed(context, &sends) || is_relayed(context, send, write, &written) {
            continue;
        }
        let place = place_of(context, &sends, &message);
        let reads_it = handler_reads(context, &message, &written);
        let better = match by_place.get(&place) {
            None => true,
            Some(known) => (reads_it, std::cmp::Reverse(sends.len())) > (known.reads_it, std::cmp::Reverse(known.sends.len())),
        };
        if better {
            by_place.insert(place, Candidate { sends, message, write, written, reads_it });
        }
    }
    // A transaction that only calls another one's function joins it: the inner one has the same cause.
    let starts: FxHashSet<SiteId> = by_place.values().map(|candidate| candidate.sends[0]).collect();
    let is_told_below = |candidate: &Candidate| candidate.sends[1..].iter().any(|site| starts.contains(site));
    // What one function does again and again by one call far below has one cause.
    let mut by_cause: FxHashMap<(FunctionId, Option<SiteId>), Vec<Placed<'_>>> = FxHashMap::default();
    for (place, candidate) in by_place.iter().filter(|(_, candidate)| !is_told_below(candidate)) {
        let cause = (context.function_of(*place), candidate.sends.last().copied());
        by_cause.entry(cause).or_default().push((*place, candidate));
    }
    let told = by_cause.into_values().map(|mut all| {
        all.sort_unstable_by_key(|(place, candidate)| (!candidate.reads_it, *place));
        let others: Vec<SiteId> = all.split_off(1).into_iter().map(|(place, _)| place).collect();
        report(context, all[0].1, &others)
    });
    told.collect()
}

/// Where it is told, and what.
type Placed<'c> = (SiteId, &'c Candidate);

/// So many other places of one cause are shown.
const MAX_SHOWN: usize = 8;

/// Whether a relay sends what stands in the rows that it has locked, one after another, and then marks these as sent, or deletes
/// those that it has read: what is rolled back is sent again, and nothing is sent that was never written.
fn is_relayed(context: &Context<'_>, send: SiteId, write: SiteId, written: &Effect) -> bool {
    let meaning = context.meaning;
    let function = context.function_of(send);
    if write < send || context.function_of(write) != function {
        return false;
    }
    let sources = loop_sources(context, send);
    let locked = meaning.effects.in_function(function).filter(|(effect, _)| {
        let is_held = effect.flags.has(EffectFlags::ROW_LOCK) || meaning.text(written.verb) == Some("delete");
        effect.kind == OpKind::DbRead && is_held && effect.entity == written.entity
    });
    let mut read = locked.filter_map(|(_, row)| meaning.program.call(row.site));
    read.any(|call| sources.contains(&call.result))
}

/// Whether a task that was started here works on rows that are there.
fn is_of_task(context: &Context<'_>, effect: &Effect) -> bool {
    let on_rows = match effect.kind {
        OpKind::DbRead => true,
        OpKind::DbWrite => context.meaning.text(effect.verb) != Some("insert"),
        _ => false,
    };
    on_rows && effect.flags.has(EffectFlags::BACKGROUND) && !effect.flags.has(EffectFlags::AFTER_COMMIT)
}

/// Where the message is sent, or the task started.
fn place_of(context: &Context<'_>, sends: &[SiteId], message: &Effect) -> SiteId {
    // What a library does for whatever is registered with it stands nowhere: told is who hears of it.
    let is_registered = |site: SiteId| {
        let program = context.meaning.program;
        program.function(context.function_of(site)).kind == FunctionKind::Module
    };
    match sends.iter().rev().find(|site| starts_task(context, **site)) {
        Some(start) if is_of_task(context, message) => *start,
        _ if sends.len() > 1 && is_registered(sends[0]) => context.primary(&sends[1..]),
        _ => context.primary(sends),
    }
}

/// Whether a task works on what was written before it was started, in a transaction that is not its own: one that belongs to
/// the thread which opened it, and that nothing hands on to the task.
fn works_beside(context: &Context<'_>, (send, task): (SiteId, &Effect), (write, written): (SiteId, &Effect)) -> bool {
    let meaning = context.meaning;
    let same = task.entity_name().is_some() && task.entity_name() == written.entity_name();
    if !same || send == write || !meaning.precedes(write, send) {
        return false;
    }
    meaning.scopes.of_kind(OpKind::TxScope).any(|scope| {
        let Some(op) = meaning.operation(scope) else { return false };
        let sites = meaning.sites(scope);
        if !sites.contains(&send) || !sites.contains(&write) || meaning.attribute(op, Attr::Connection) != Found::Absent {
            return false;
        }
        !hands_on(context, send, scope)
    })
}

/// Far below a call that is not surely the one it is a guess.
const MAX_UNSURE_STEPS: usize = 8;

/// After so many milliseconds no transaction is open any more.
const LONG: f64 = 5_000.0;

/// Whether the job waits until the transaction is long over.
fn is_delayed(context: &Context<'_>, sends: &[SiteId]) -> bool {
    let meaning = context.meaning;
    let operations = sends.last().into_iter().flat_map(|site| meaning.operations.at(*site));
    operations.filter(|op| matches!(meaning.attribute(op, Attr::Delay), Found::Is(_))).any(|op| {
        meaning.span(op, Attr::Delay).is_none_or(|span| span >= LONG)
    })
}

struct Candidate {
    sends: Vec<SiteId>,
    message: Effect,
    write: SiteId,
    written: Effect,
    reads_it: bool,
}

/// Whether the job's handler reads what the transaction writes.
fn handler_reads(context: &Context<'_>, message: &Effect, written: &Effect) -> bool {
    let (Term::Function(handler), Some(entity)) = (message.entity, written.entity_name()) else { return false };
    context.meaning.effects.of(handler).any(|(effect, _)| effect.kind == OpKind::DbRead && effect.entity_name() == Some(entity))
}

fn report(context: &Context<'_>, candidate: &Candidate, others: &[SiteId]) -> Finding {
    let meaning = context.meaning;
    let entity = context.quoted(candidate.written.entity);
    let sends = context.does(&candidate.message);
    let consequence = if candidate.reads_it {
        format!("its handler reads {entity} and may run before the row is there, or for a row that is rolled back")
    } else {
        "a worker may run before the data is there, or for data that is rolled back".to_owned()
    };
    let message = if is_of_task(context, &candidate.message) {
        format!("the open transaction starts a task that {sends} before it commits what it has written there; the task may not find it, or work on what is rolled back")
    } else {
        format!("the open transaction {sends} before it commits what it writes; {consequence}")
    };
    let writes = meaning.trace(candidate.write, &candidate.written);
    let mut builder = FindingBuilder::new(context, &RULE.info, place_of(context, &candidate.sends, &candidate.message), message)
        .subject(meaning.text(candidate.message.entity).unwrap_or_default())
        .steps(context.steps(&writes, &candidate.written))
        .steps(context.steps(&candidate.sends, &candidate.message));
    builder = builder.about(candidate.sends.last().copied()).caused_at(candidate.sends.last().copied());
    for other in others.iter().take(MAX_SHOWN) {
        builder = builder.step(*other, "and likewise here");
    }
    let confidence = context.confidence_of(candidate.sends[0], &candidate.message);
    let is_far = writes.len().max(candidate.sends.len()) > MAX_UNSURE_STEPS;
    builder = builder.rests_on(if confidence < Confidence::High && is_far { Confidence::Low } else { confidence });
    if candidate.reads_it {
        builder = builder.severity(Severity::Blocker);
    }
    builder
        .checked("no after-commit hook, outbox or transactional enqueue lies between")
        .help("send after the commit (`on_commit`, after the block), or write the message to an outbox table in the same transaction")
        .build()
}
