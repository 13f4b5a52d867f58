//! A row and the message about it go to two systems, with nothing that brings the second after the first.

use std::collections::BTreeMap;

use ascent::ascent_run;
use distsys_engine::{OpKind, Program};
use distsys_engine::meaning::{EffectFlags, EffectId, Name};
use distsys_engine::words::words;
use distsys_facts::{FunctionId, FunctionKind, ParameterKind, RegionId, RegionKind, SiteId, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::handlers::{handlers, redelivered};
use crate::resent::Resent;
use crate::transactions::{AfterFailures, is_elsewhere};

use crate::finding::{Category, Confidence, Finding, Maturity, RuleInfo, Severity};
use crate::{Context, FindingBuilder, Rule};

pub(crate) static RULE: Rule = Rule {
    info: RuleInfo {
        slug: "dual-write",
        category: Category::Retries,
        severity: Severity::Minor,
        maturity: Maturity::Stable,
        yields_to: &["enqueue-before-commit"],
        summary: "a row and a message about it are written apart",
        page: include_str!("dual-write.md"),
    },
    judge,
};

/// Calls from where a write and a message meet down to both: two that lie further apart are two things that a program does.
const MAX_APART: usize = 9;

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    if is_captured(context) {
        return Vec::new();
    }
    let (repeated, kept, resent) = (run_again(context), with_outbox(context), Resent::new(context));
    let mut writes: Vec<(FunctionId, SiteId, EffectId)> = Vec::new();
    let mut sends: Vec<(FunctionId, SiteId, EffectId)> = Vec::new();
    for row in meaning.effects.rows() {
        let effect = meaning.effects.get(row.effect);
        let function = context.function_of(row.site);
        match effect.kind {
            // Of what is written nowhere in particular nobody can be told.
            OpKind::DbWrite
                if effect.entity_name().is_some()
                    && !is_elsewhere(effect.flags)
                    && meaning.text(effect.verb) != Some("delete") =>
            {
                writes.push((function, row.site, row.effect));
            }
            OpKind::Publish if must_arrive(effect.flags) => sends.push((function, row.site, row.effect)),
            // The process's own listeners send it, which nobody waits for.
            OpKind::Publish if effect.flags.has(EffectFlags::BACKGROUND) && told_to_listeners(context, row.site) => {
                sends.push((function, row.site, row.effect));
            }
            _ => {}
        }
    }
    sends.retain(|(function, site, _)| context.in_scope(*site) && !repeated.contains(function) && !kept.contains(function));
    let by_function = writes.iter().fold(FxHashMap::<FunctionId, Vec<SiteId>>::default(), |mut map, (function, site, _)| {
        map.entry(*function).or_default().push(*site);
        map
    });
    let told_of = |send: SiteId, write: SiteId| {
        share(context, send, write) && is_sent_for(context, send, write, &by_function[&context.function_of(write)])
    };
    let program = ascent_run! {
        relation writes(FunctionId, SiteId, EffectId) = writes;
        relation sends(FunctionId, SiteId, EffectId) = sends;
        // The message is out, and the write may still fail.
        relation sent_first(SiteId, EffectId, SiteId, EffectId);
        sent_first(s, m, w, e) <-- sends(f, s, m), writes(f, w, e), if s != w && meaning.precedes(*s, *w) && told_of(*s, *w);
        // The write is done, and the process may stop before the message.
        relation written_first(SiteId, EffectId, SiteId, EffectId);
        written_first(s, m, w, e) <-- sends(f, s, m), writes(f, w, e), if s != w && meaning.precedes(*w, *s) && told_of(*s, *w);
    };
    let mut by_send: FxHashMap<SiteId, (EffectId, SiteId, EffectId, Severity)> = FxHashMap::default();
    let mut failures = AfterFailures::default();
    let mut endless = EndlessTurns::default();
    for (mut found, severity) in [(program.written_first, Severity::Minor), (program.sent_first, Severity::Major)] {
        found.sort_unstable();
        for (send, message, write, effect) in found {
            let depth = |site: SiteId, effect: EffectId| meaning.trace(site, &meaning.effects.get(effect)).len();
            if depth(write, effect) + depth(send, message) > MAX_APART {
                continue;
            }
            if endless.is_below(context, write, effect) || endless.is_below(context, send, message) {
                continue;
            }
            let marked = || severity == Severity::Major && is_swept(context, send, write, meaning.effects.get(effect).entity_name());
            // What is written where the message was not sent says so.
            let is_instead = severity == Severity::Major && failures.holds(context, send, write);
            let chosen = || severity == Severity::Minor && is_the_other_way(context, send, write);
            let noted = || severity == Severity::Major && notes_the_sending(context, send, write, effect);
            if resent.holds(context, (send, message), effect) {
                continue;
            }
            if failures.holds(context, write, send) || is_instead || marked() || noted() || chosen() {
                continue;
            }
            by_send.entry(send).or_insert((message, write, effect, severity));
        }
    }
    let mut found: Vec<Candidate> = by_send
        .into_iter()
        .map(|(send, (message, write, effect, severity))| Candidate { send, message, write, effect, severity })
        .collect();
    found.sort_unstable_by_key(|candidate| candidate.send);
    let (shared, alone) = by_sender(context, found);
    let alone = alone.iter().filter_map(|candidate| report(context, candidate, &[]));
    alone.chain(shared.iter().filter_map(|all| report(context, &all[0], &all[1..]))).collect()
}

/// A row and the message about it.
#[derive(Clone, Copy)]
struct Candidate {
    send: SiteId,
    message: EffectId,
    write: SiteId,
    effect: EffectId,
    severity: Severity,
}

/// So many operations that send through one function of the project after they have written do as the project does: told once.
const MANY: usize = 6;

/// Those that many others are like, by the function that sends for all of them, and the rest.
fn by_sender(context: &Context<'_>, found: Vec<Candidate>) -> (Vec<Vec<Candidate>>, Vec<Candidate>) {
    let meaning = context.meaning;
    let sender = |candidate: &Candidate| {
        let trace = meaning.trace(candidate.send, &meaning.effects.get(candidate.message));
        trace.last().copied().filter(|sent| candidate.severity == Severity::Minor && *sent != candidate.send)
    };
    let mut groups: BTreeMap<SiteId, Vec<Candidate>> = BTreeMap::new();
    let mut alone = Vec::new();
    for candidate in found {
        match sender(&candidate) {
            Some(sent) => groups.entry(sent).or_default().push(candidate),
            None => alone.push(candidate),
        }
    }
    let (many, few): (Vec<_>, Vec<_>) = groups.into_values().partition(|group| group.len() >= MANY);
    alone.extend(few.into_iter().flatten());
    (many, alone)
}

/// Whether the message goes out only where the call that may write says that it did not: `if (!(await buffer.add(job))) await
/// queue.publish(job)`, where `add` gives true as it writes.
fn is_the_other_way(context: &Context<'_>, send: SiteId, write: SiteId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let Some(said) = program.call(write).map(|call| call.result) else { return false };
    let Some(below) = meaning.effects.at(write).find(|(effect, _)| effect.kind == OpKind::DbWrite).map(|(effect, _)| meaning.trace(write, &effect)) else {
        return false;
    };
    let Some(&inner) = below.get(1) else { return false };
    let asked = meaning.decisions(send).into_iter().any(|decision| {
        let negated = program.binary_by_dst.of(&r.binary, decision.condition).any(|row| matches!(program.text(row.operator), "!" | "not"));
        decision.holds == negated && meaning.made_from(decision.condition).contains(&said)
    });
    // What it gives is true where it writes, and a constant either way.
    let returned = program.returns_by_function.of(&r.returns, context.function_of(inner)).filter_map(|row| row.var);
    let given = returned.flat_map(|var| {
        let sources: Vec<VarId> = program.assigned_from(var).map(|row| row.src).collect();
        if sources.is_empty() { vec![var] } else { sources }
    });
    let given: Vec<Option<String>> =
        given.map(|var| program.literal(var).map(|row| program.text(row.value).to_ascii_lowercase())).collect();
    let says = |text: &str| given.iter().any(|known| known.as_deref() == Some(text));
    let is_known = given.iter().all(|known| matches!(known.as_deref(), Some("true" | "false")));
    let is_chosen = program.region(program.site(inner).region).kind == RegionKind::Branch;
    asked && is_chosen && is_known && says("true") && says("false")
}

/// Loops that a program runs as long as it lives: over what comes in, or for ever.
#[derive(Default)]
struct EndlessTurns {
    over_messages: Option<FxHashSet<RegionId>>,
}

impl EndlessTurns {
    /// Whether `site` does an effect in the turns of such a loop further down: then it starts what goes on by itself, and what
    /// is done beside it is no other half of what a turn does.
    fn is_below(&mut self, context: &Context<'_>, site: SiteId, effect: EffectId) -> bool {
        let meaning = context.meaning;
        let program = meaning.program;
        let over_messages = self.over_messages.get_or_insert_with(|| {
            handlers(context, |op| op.kind == OpKind::Consume).iter().filter_map(|handler| handler.region).collect()
        });
        meaning.trace(site, &meaning.effects.get(effect)).iter().skip(1).any(|step| {
            let mut loops = program.regions_outward(program.site(*step).region).filter(|row| row.kind == RegionKind::Loop);
            loops.any(|row| over_messages.contains(&row.region) || meaning.never_ends(row.region))
        })
    }
}

/// Whether somebody relies on a message: not one that only those get who listen while it is sent, nor one that a
/// transaction sends, nor one that somebody has left for the commit on purpose.
fn must_arrive(flags: EffectFlags) -> bool {
    !flags.has(EffectFlags::LOSSY) && !flags.has(EffectFlags::TRANSACTIONAL) && !is_elsewhere(flags)
}

/// Whether what is done at a site is done by those in the process who hear of what is handed on there: `events.publish(new Paid(id))`.
fn told_to_listeners(context: &Context<'_>, site: SiteId) -> bool {
    context.operation(site, OpKind::Spawn).is_some_and(|op| context.meaning.is_heard(op))
}

/// Whether the message goes out for the row: what is sent whether or not a row is written is not about it.
fn is_sent_for(context: &Context<'_>, send: SiteId, write: SiteId, writes: &[SiteId]) -> bool {
    let asked = context.decisions(send);
    let depends = |site: SiteId| context.decisions(site).iter().any(|condition| !asked.contains(condition));
    if !depends(write) {
        return true;
    }
    // Another arm, or the way without a branch, writes as well.
    let program = context.meaning.program;
    let region = |site: SiteId| program.site(site).region;
    writes.iter().any(|other| *other != write && !program.region_within(region(*other), region(write)) && region(*other) != region(write))
}

/// Whether the project has its tables' changes captured.
fn is_captured(context: &Context<'_>) -> bool {
    let says = |text: &str| words(text).iter().any(|word| matches!(word.as_str(), "debezium" | "cdc"));
    let program = context.meaning.program;
    let r = &program.facts.relations;
    r.class.iter().any(|row| says(program.text(row.name))) || r.sql.iter().any(|row| says(program.text(row.table)))
}

/// Functions that read or write rows to be sent: the message is kept with the data, or this is what sends it.
fn with_outbox(context: &Context<'_>) -> FxHashSet<FunctionId> {
    let meaning = context.meaning;
    // Deliveries of events are an outbox by another name: `webhook_deliveries`, `EventDeliveryAttempt`.
    const SENT: &[&str] = &["event", "message", "notification", "webhook"];
    let says = |text: &str| {
        let text = text.to_ascii_lowercase();
        text.contains("outbox") || text.contains("deliver") && SENT.iter().any(|word| text.contains(word))
    };
    let of_outbox = meaning.effects.rows().iter().filter(|row| meaning.text(meaning.effects.get(row.effect).entity).is_some_and(says));
    of_outbox.map(|row| context.function_of(row.site)).collect()
}

/// Whether a write only notes that the message was sent, in rows that are asked before whether it was: where it fails, the
/// message is sent again.
fn notes_the_sending(context: &Context<'_>, send: SiteId, write: SiteId, effect: EffectId) -> bool {
    let meaning = context.meaning;
    let effect = meaning.effects.get(effect);
    let Some(entity) = effect.entity_name() else { return false };
    // The names of entities are written as one word: `eventsent`.
    const SENT: &[&str] = &["sent", "published", "emitted", "delivered", "dispatched", "notified"];
    let is_note = meaning.text(effect.entity).is_some_and(|text| SENT.iter().any(|word| text.ends_with(word) || text.starts_with(word)));
    let function = context.function_of(write);
    let asks = |site: SiteId| {
        let mut effects = meaning.effects.at(site).map(|(effect, _)| effect);
        effects.any(|effect| effect.kind == OpKind::DbRead && effect.entity_name() == Some(entity))
    };
    let mut sites = meaning.program.sites(function).map(|row| row.site);
    is_note && sites.any(|site| site != write && asks(site) && meaning.precedes(site, send))
}

/// Whether a sweep sends what rows say that it has read, and then marks them: a row that is not marked is sent again.
fn is_swept(context: &Context<'_>, send: SiteId, write: SiteId, entity: Option<Name>) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let function = context.function_of(send);
    let region = |site: SiteId| program.site(site).region;
    let mut loops = program.regions_outward(region(send)).filter(|row| row.kind == RegionKind::Loop);
    let is_of_rows = |turn: RegionId| {
        let iterated = program.iterates_by_region.of(&program.facts.relations.iterates, turn);
        let sources: FxHashSet<VarId> = iterated.flat_map(|row| meaning.made_from(row.var)).collect();
        let mut read = meaning.effects.in_function(function).filter(|(effect, _)| {
            effect.kind == OpKind::DbRead && entity.is_some() && effect.entity_name() == entity
        });
        read.any(|(_, row)| program.call(row.site).is_some_and(|call| sources.contains(&call.result)))
    };
    // Each row in its turn, or all of them after the last.
    let marks = |turn: RegionId| program.region_within(region(write), turn) || meaning.precedes(send, write);
    !meaning.is_requested(function) && loops.any(|turn| marks(turn.region) && is_of_rows(turn.region))
}

/// Functions that a message or job runs, which comes again until both are done.
fn run_again(context: &Context<'_>) -> FxHashSet<FunctionId> {
    let meaning = context.meaning;
    let mut stack: Vec<FunctionId> = Vec::new();
    // Loops that take messages: what they do in a turn is done again, what they do around it is not looked at.
    let mut loops: Vec<FunctionId> = Vec::new();
    for handler in redelivered(context) {
        if handler.region.is_none() {
            stack.push(handler.function);
        }
        stack.extend(handler.sites.iter().flat_map(|site| meaning.callees(*site)));
        loops.extend(handler.region.is_some().then_some(handler.function));
    }
    let mut by_handlers = meaning.reached(stack);
    by_handlers.extend(loops);
    // What requests run, too, does not come again for them.
    let routes = meaning.entry_points().into_iter().filter(|(_, kind)| *kind == OpKind::Route).map(|(function, _)| function);
    let by_routes = meaning.reached(routes.collect());
    by_handlers.difference(&by_routes).copied().collect()
}

/// Whether the message is about what is written: one named value goes into both, or what the write gave into the message.
fn share(context: &Context<'_>, send: SiteId, write: SiteId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let made_of = |site: SiteId| {
        let mut vars: FxHashSet<_> = FxHashSet::default();
        let clients = done_on(context, site);
        for var in meaning.chain_arguments(site).into_iter().filter(|var| !clients.contains(var)) {
            vars.extend(meaning.made_from(var));
        }
        vars
    };
    // `in_transaction(|tx| orders.close(tx, id))`: what the function that is given says of the row.
    let said_within = |site: SiteId| {
        let mut vars: FxHashSet<_> = FxHashSet::default();
        let own = context.function_of(site);
        for (effect, _) in meaning.effects.at(site).filter(|(effect, _)| effect.kind == OpKind::DbWrite) {
            let trace = meaning.trace(site, &effect);
            let is_given = |step: &&SiteId| program.function(context.function_of(**step)).parent == Some(own);
            for step in trace.iter().skip(1).filter(is_given) {
                vars.extend(meaning.chain_arguments(*step).into_iter().flat_map(|var| meaning.made_from(var)));
            }
        }
        vars
    };
    let message = made_of(send);
    let Some(call) = program.call(write) else { return false };
    let mut row = made_of(write);
    row.extend(said_within(write));
    row.insert(call.result);
    // `order.save()`
    row.extend(call.receiver.filter(|receiver| meaning.class_of(*receiver).is_some()));
    let named = |var: &&distsys_facts::VarId| {
        let receiver = program.parameter(**var).is_some_and(|row| row.kind == ParameterKind::Receiver);
        !receiver && (**var == call.result || program.variable(**var).is_some_and(|row| program.function(row.function).kind != FunctionKind::Module))
    };
    row.iter().filter(named).any(|var| message.contains(var))
}

/// What a call is given for that to be done on which it does further down: the client that sends. Where that leads to, the
/// other may be told as well; it is not what the message says.
fn done_on(context: &Context<'_>, site: SiteId) -> Vec<VarId> {
    let meaning = context.meaning;
    let program = meaning.program;
    let mut found = Vec::new();
    for (effect, _) in meaning.effects.at(site).filter(|(effect, _)| effect.kind == OpKind::Publish) {
        let trace = meaning.trace(site, &effect);
        let mut on = trace.last().and_then(|last| program.call(*last)).and_then(|call| call.receiver);
        for step in trace.iter().rev().skip(1) {
            let Some(parameter) = on.map(|var| root(program, var)) else { break };
            on = meaning.resolution.passed_at(*step).iter().find(|row| row.parameter == parameter).map(|row| row.argument);
            found.extend(on.filter(|_| *step == site));
        }
    }
    found
}

/// What a value is taken from: `producer` of `self.producer.to("orders")`.
fn root(program: &Program<'_>, var: VarId) -> VarId {
    let mut at = var;
    for _ in 0..MAX_ROOT {
        let from = program.loaded_as(at).map(|load| load.base);
        let from = from.or_else(|| program.call_giving(at).and_then(|call| call.receiver));
        match from.or_else(|| program.assigned_from(at).next().map(|row| row.src)) {
            Some(next) => at = next,
            None => break,
        }
    }
    at
}

/// Values are followed so far.
const MAX_ROOT: usize = 8;

fn report(context: &Context<'_>, candidate: &Candidate, alike: &[Candidate]) -> Option<Finding> {
    let meaning = context.meaning;
    let (send, write, severity) = ((candidate.send, candidate.message), (candidate.write, candidate.effect), candidate.severity);
    let (message, row) = (meaning.effects.get(send.1), meaning.effects.get(write.1));
    let (publishes, writes) = (context.does(&message), context.does(&row));
    let text = if severity == Severity::Major {
        format!("this {publishes} before it {writes}; when the write fails, others act on what never happened")
    } else {
        format!("this {writes} and then {publishes}; when the process stops or the broker refuses in between, nobody ever hears of the row")
    };
    let write_trace = meaning.trace(write.0, &row);
    let send_trace = meaning.trace(send.0, &message);
    let confidence = context.confidence_of(send.0, &message).min(context.confidence_of(write.0, &row));
    // Far below a call that may be of several functions, that the two belong together is a guess.
    if confidence < Confidence::High && write_trace.len().max(send_trace.len()) > MAX_UNSURE_STEPS {
        return None;
    }
    let finding = FindingBuilder::new(context, &RULE.info, context.primary(&send_trace), text)
        .severity(severity)
        .subject(meaning.text(message.entity).unwrap_or_default())
        .rests_on(confidence)
        .steps(context.steps(&write_trace, &row))
        .steps(context.steps(&send_trace, &message))
        .steps(alike.iter().map(|other| (other.send, "and so is sent here, after what it is about was written".to_owned())))
        .checked("no outbox, no change-data-capture, and nothing runs the whole operation again")
        .help("write the message as a row in the transaction of the data and send from there (outbox), or let a sweep send what is missing")
        .build();
    Some(finding)
}

/// How far an uncertain way to a write or a message is followed.
const MAX_UNSURE_STEPS: usize = 4;
