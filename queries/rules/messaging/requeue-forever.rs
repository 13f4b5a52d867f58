//! A message whose processing fails goes back into its queue each time, without an end.

use distsys_engine::meaning::{FailedFor, Failure, Found, Operand, Operation};
use distsys_engine::words::words;
use distsys_engine::{Attr, OpKind};
use distsys_facts::{FunctionId, SiteId, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::finding::{Category, Finding, Maturity, RuleInfo, Severity};
use crate::{Context, FindingBuilder, Rule};

pub(crate) static RULE: Rule = Rule {
    info: RuleInfo {
        slug: "requeue-forever",
        category: Category::Messaging,
        severity: Severity::Major,
        maturity: Maturity::Stable,
        yields_to: &[],
        summary: "a message that always fails is put back into its queue for ever",
        page: include_str!("requeue-forever.md"),
    },
    judge,
};

/// What a queue is declared with when the broker itself counts deliveries.
const DELIVERY_LIMIT: &str = "x-delivery-limit";

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let mut found: Vec<Finding> = Vec::new();
    let mut limited = None;
    let mut told = FxHashSet::default();
    let taken = taken_by_hand(context);
    let gives_back = [OpKind::Nack, OpKind::Send, OpKind::Publish];
    for op in gives_back.into_iter().flat_map(|kind| meaning.operations.of_kind(kind)).filter(|op| context.in_scope(op.site)) {
        let refuses = op.kind == OpKind::Nack;
        if refuses && !is_always_requeued(context, op) || !refuses && taken.is_empty() {
            continue;
        }
        let behind = meaning.failed_for(op.site).into_iter();
        let behind = behind.filter(|failed| refuses || puts_back(context, op, failed, &taken) && !waits(context, op, failed));
        for failed in behind.filter(|failed| !is_decided(context, failed) && !rejects_others(context, op, failed)) {
            if *limited.get_or_insert_with(|| has_delivery_limit(context)) {
                return Vec::new();
            }
            let place = place_of(context, &failed);
            if told.insert(place) {
                found.push(report(context, &failed, place));
            }
        }
    }
    found
}

/// Whether what comes again comes later: the worker waits where something failed, or the queue keeps it back for a while.
fn waits(context: &Context<'_>, op: &Operation, failed: &FailedFor) -> bool {
    let keeps_back = context.meaning.attribute(op, Attr::Delay) != Found::Absent;
    keeps_back || failed.failure.sites.iter().any(|site| context.operation(*site, OpKind::Sleep).is_some())
}

/// Calls that take a message off a queue of the process or a list, each with where it is taken in the end.
fn taken_by_hand(context: &Context<'_>) -> FxHashMap<SiteId, Vec<SiteId>> {
    let meaning = context.meaning;
    let mut taken: FxHashMap<SiteId, Vec<SiteId>> = FxHashMap::default();
    for row in meaning.effects.rows() {
        let effect = meaning.effects.get(row.effect);
        if effect.kind == OpKind::Receive {
            let ends = meaning.traces(row.site, &effect).into_iter().filter_map(|way| way.last().copied());
            taken.entry(row.site).or_default().extend(ends);
        }
    }
    taken
}

/// Whether what failed has been taken off a queue and is put into the same one again, as it was.
fn puts_back(context: &Context<'_>, op: &Operation, failed: &FailedFor, taken: &FxHashMap<SiteId, Vec<SiteId>>) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let first = failed.calls[0];
    let sources: FxHashSet<VarId> =
        program.arguments(first).flat_map(|row| meaning.made_from(row.var).into_iter().chain([row.var])).collect();
    // `{**job, "attempts": n + 1}`, `job.attempts += 1`: somebody counts.
    let is_counted = sources.iter().any(|var| {
        let mut entries = program.entry_by_var.of(&r.entry, *var).map(|row| row.key);
        let mut fields = program.stores_to(*var).map(|row| row.field);
        entries.any(|key| is_count(program.text(key))) || fields.any(|field| is_count(program.text(field)))
    });
    let mut calls = program.sites(context.function_of(first)).filter_map(|row| program.call(row.site));
    !is_counted
        && calls.any(|call| {
            let mut ends = taken.get(&call.site).into_iter().flatten().filter(|end| !is_of_call(context, call.site, **end));
            sources.contains(&call.result) && ends.any(|end| is_same_queue(context, op, *end))
        })
}

/// Whether what a call takes comes out of a queue that lives no longer than the call: a variable of the function called.
fn is_of_call(context: &Context<'_>, call: SiteId, taken: SiteId) -> bool {
    let program = context.meaning.program;
    let receiver = program.call(taken).and_then(|call| call.receiver);
    let of = receiver.and_then(|var| program.variable(program.held_at(var)).or_else(|| program.variable(var))).map(|row| row.function);
    let is_called = |function: &FunctionId| context.meaning.callees(call).contains(function);
    call != taken && of.is_some_and(|function| is_called(&function) && context.operation(taken, OpKind::Receive).is_some_and(|op| op.function == function))
}

/// Whether a message is sent to where another is taken: under one name, in one field of a class or in one variable.
fn is_same_queue(context: &Context<'_>, sent: &Operation, taken: SiteId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let Some(received) = context.operation(taken, OpKind::Receive) else { return false };
    let name = |op: &Operation| match meaning.attribute(op, Attr::Entity) {
        Found::Is(Operand::Text(text)) => Some(text),
        Found::Is(Operand::Var(var)) => meaning.constant(var).map(str::to_owned),
        _ => None,
    };
    if let (Some(left), Some(right)) = (name(sent), name(received)) {
        return left == right;
    }
    let receiver = |site: SiteId| program.call(site).and_then(|call| call.receiver);
    let (Some(left), Some(right)) = (receiver(sent.site), receiver(taken)) else { return false };
    // Lists of one client are told apart by their names.
    if sent.kind != OpKind::Send {
        return false;
    }
    let class = |op: &Operation| program.function(op.function).class;
    match (program.loaded_as(left), program.loaded_as(right)) {
        (Some(left), Some(right)) => left.field == right.field && class(sent).is_some() && class(sent) == class(received),
        _ => left == right || program.assigned_from(left).any(|row| row.src == right),
    }
}

/// Whether anything is asked before the message is put back: how often it came, what failed.
fn is_decided(context: &Context<'_>, failed: &FailedFor) -> bool {
    // Around the call of a helper that is told how it went stands no arm for the failure.
    let around = || !failed.failure.sites.is_empty();
    failed.asks_more
        || around() && is_decided_inside(context, failed.calls[0], &failed.failure)
        || failed.calls.iter().any(|site| counts(context, context.function_of(*site)))
}

/// Whether the message is put back, whatever it is.
fn is_always_requeued(context: &Context<'_>, op: &Operation) -> bool {
    requeues(context, op) == Some(true)
}

/// Whether other failures reject the message, in the same function or a helper that it calls: what can never be processed is
/// told apart.
fn rejects_others(context: &Context<'_>, op: &Operation, failed: &FailedFor) -> bool {
    let meaning = context.meaning;
    let functions: Vec<FunctionId> = failed.calls.iter().map(|site| context.function_of(*site)).collect();
    let others = meaning.operations.of_kind(OpKind::Nack).filter(|other| other.site != op.site);
    let mut here = others.filter(|other| {
        let mut callers = meaning.callers(other.function).iter();
        functions.contains(&other.function)
            || functions.len() > 1 && callers.any(|caller| functions.contains(&context.function_of(*caller)))
    });
    here.any(|other| requeues(context, other) == Some(false))
}

/// Whether a refusal puts the message back, as far as it is constant.
fn requeues(context: &Context<'_>, op: &Operation) -> Option<bool> {
    let text = match context.meaning.attribute(op, Attr::Requeue) {
        Found::Is(Operand::Text(text)) => text,
        Found::Is(Operand::Var(var)) => context.meaning.constant(var)?.to_ascii_lowercase(),
        _ => return None,
    };
    text.parse().ok()
}

/// Whether the handler asks something before it puts the message back: how often it came, what failed.
fn is_decided_inside(context: &Context<'_>, site: SiteId, failure: &Failure) -> bool {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let inside = program.regions_outward(program.site(site).region).take_while(|row| Some(row.region) != failure.region);
    let asks = |region| program.condition_by_region.of(&r.condition, region).next().is_some();
    // A closure given to `catch` ends with its own body.
    inside.into_iter().any(|row| asks(row.region))
}

/// Whether the function, or one around or inside of it, asks how often the message has come.
fn counts(context: &Context<'_>, function: FunctionId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let mut outer = function;
    while let Some(parent) = program.function(outer).parent.filter(|at| program.function(*at).parent.is_some()) {
        outer = parent;
    }
    let belongs = |mut at: FunctionId| loop {
        match program.function(at).parent {
            _ if at == outer => return true,
            Some(parent) => at = parent,
            None => return false,
        }
    };
    let says = |var: VarId| {
        let field = program.loaded_as(var).map(|load| program.text(load.field));
        let call = program.call_giving(var).map(|call| program.text(call.name));
        let name = program.variable(var).map(|row| program.text(row.name));
        let literal = program.literal(var).map(|row| program.text(row.value));
        [field, call, name, literal].into_iter().flatten().any(is_count)
    };
    let mut asked = r.condition.iter().filter(|row| belongs(program.region(row.region).function));
    asked.any(|row| meaning.made_from(row.var).into_iter().any(says))
}

/// Whether a name is that of how often a message has come, or of where that stands.
fn is_count(name: &str) -> bool {
    const COUNTS: &[&str] = &[
        "redelivered",
        "attempt",
        "attempts",
        "retry",
        "retries",
        "retried",
        "death",
        "deaths",
        "tries",
        "headers",
    ];
    let words = words(name);
    let has = |word: &str| words.iter().any(|known| known == word);
    words.iter().any(|word| COUNTS.contains(&word.as_str())) || has("delivery") && has("count")
}

fn has_delivery_limit(context: &Context<'_>) -> bool {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let is_written = program.facts.symbols.lookup(DELIVERY_LIMIT).is_some_and(|limit| {
        r.entry.iter().any(|row| row.key == limit)
            || r.literal.iter().any(|row| row.value == limit)
            || r.manifest.iter().any(|row| row.value == limit)
    });
    // `QueueBuilder.durable(name).quorum().deliveryLimit(5)`
    is_written || r.call.iter().any(|call| words(program.text(call.name)) == ["delivery", "limit"])
}

/// Where the message is put back; where several call for it, one of them calls wrongly.
fn place_of(context: &Context<'_>, failed: &FailedFor) -> SiteId {
    let shared = |at: &usize| context.meaning.callers(context.function_of(failed.calls[*at])).len() > 1;
    let at = (1..failed.calls.len()).find(shared).unwrap_or(failed.calls.len());
    failed.calls[at - 1]
}

fn report(context: &Context<'_>, failed: &FailedFor, place: SiteId) -> Finding {
    let message = "whatever fails here puts the message back into its queue; one that always fails comes at once again, for ever, \
                   and keeps the others waiting"
        .to_owned();
    let last = failed.calls[failed.calls.len() - 1];
    let mut builder = FindingBuilder::new(context, &RULE.info, place, message);
    if let Some(site) = failed.failure.protected.first() {
        builder = builder.step(*site, "when this fails");
    }
    for pair in failed.calls.windows(2) {
        builder = builder.step(pair[0], format!("calls `{}`", context.named_function(context.function_of(pair[1]))));
    }
    builder
        .step(last, "the message is put back")
        .checked("nobody looks at how often the message has come, and no queue is declared with a limit of deliveries")
        .help("count the deliveries (`x-death`, a header, a quorum queue's `x-delivery-limit`) and reject to a dead-letter exchange after some")
        .build()
}
