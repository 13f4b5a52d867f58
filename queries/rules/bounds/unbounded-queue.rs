//! A queue in memory without capacity, filled by something that does not wait.

use std::collections::{BTreeMap, VecDeque};

use ascent::ascent_run;
use distsys_engine::meaning::{Found, Operand, Operation};
use distsys_engine::resolve::ValueKind;
use distsys_engine::{Attr, OpKind};
use distsys_engine::words::words;
use distsys_facts::{FunctionId, FunctionKind, RegionId, RegionKind, SiteId, SiteKind, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::sends::is_bounded_send;

use crate::finding::{Category, Finding, Maturity, RuleInfo, Severity};
use crate::items::Step;
use crate::{Context, FindingBuilder, Rule};

pub(crate) static RULE: Rule = Rule {
    info: RuleInfo {
        slug: "unbounded-queue",
        category: Category::Bounds,
        severity: Severity::Major,
        maturity: Maturity::Stable,
        yields_to: &[],
        summary: "a queue in memory has no capacity and its producer never waits",
        page: include_str!("unbounded-queue.md"),
    },
    judge,
};

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let created: Vec<&Operation> = meaning
        .operations
        .of_kind(OpKind::ChannelNew)
        .filter(|op| context.in_scope(op.site) && is_unbounded(context, op) && !is_chosen(context, op))
        .collect();
    if created.is_empty() {
        return Vec::new();
    }
    let sent = meaning.operations.of_kind(OpKind::Send).filter(|op| context.in_scope(op.site));
    let sends: Vec<(VarId, SiteId)> =
        sent.flat_map(|op| queues_of(context, op).into_iter().map(|var| (var, op.site))).collect();
    let mut holds: Vec<(SiteId, VarId)> = Vec::new();
    for op in &created {
        if let Some(call) = meaning.program.call(op.site) {
            holds.extend(meaning.flows_to(call.result).into_iter().map(|var| (op.site, var)));
        }
    }
    holds.extend(by_being_the_only_one(context, &sends));
    let unending = Unending::new(context);
    let receivers: FxHashMap<VarId, Vec<SiteId>> = sends.iter().filter(|(_, site)| !waits(context, *site)).fold(
        FxHashMap::default(),
        |mut map: FxHashMap<VarId, Vec<SiteId>>, (var, site)| {
            map.entry(*var).or_default().push(*site);
            map
        },
    );
    // What nobody takes from is a collection, where what is put in can be taken out by a call at all; what is only dropped has
    // had its time. One that a function makes for itself is gone with it.
    let taken: FxHashSet<VarId> = meaning
        .operations
        .of_kind(OpKind::Receive)
        .filter_map(|op| meaning.program.call(op.site).filter(|call| meaning.is_used(call.result))?.receiver)
        .collect();
    let collections: FxHashSet<SiteId> = created
        .iter()
        .filter(|op| is_collection(context, op))
        .map(|op| op.site)
        .filter(|queue| {
            let held = || holds.iter().filter(|(site, _)| site == queue).map(|(_, var)| *var);
            // What is made anew and filled by one function holds no more than that was given, or what it stands for from then on held.
            let maker = meaning.program.function(context.function_of(*queue));
            let filled = sends.iter().filter(|(receiver, _)| held().any(|var| var == *receiver));
            let mut by_maker = filled.map(|(_, send)| context.function_of(*send) == maker.function);
            let is_rebuilt = match maker.kind {
                FunctionKind::Module | FunctionKind::Constructor => false,
                FunctionKind::Method => by_maker.any(|own| own),
                _ => by_maker.all(|own| own),
            };
            !held().any(|var| taken.contains(&var)) || is_rebuilt || !outlives_its_maker(context, *queue, held())
        })
        .collect();
    holds.retain(|(queue, _)| !collections.contains(queue));
    // Somebody looks at how much is queued: a bound of the project's own.
    let watched: FxHashSet<SiteId> = holds
        .iter()
        .filter(|(_, var)| sends.iter().any(|(receiver, send)| receiver == var && looks_at_size(context, *send)))
        .map(|(queue, _)| *queue)
        .collect();
    holds.retain(|(queue, _)| !watched.contains(queue));
    let mut unending_sends: Vec<(SiteId, SiteId, SiteId)> = Vec::new();
    let mut held_in: FxHashMap<SiteId, FxHashSet<VarId>> = FxHashMap::default();
    for (queue, var) in &holds {
        held_in.entry(*queue).or_default().insert(*var);
    }
    for (queue, var) in &holds {
        for send in receivers.get(var).into_iter().flatten() {
            if let Some(cause) = unending.around(context, *queue, &held_in[queue], *send) {
                unending_sends.push((*queue, *send, cause));
            }
        }
    }
    let program = ascent_run! {
        relation holds(SiteId, VarId) = holds;
        relation sends(VarId, SiteId) = sends;
        // A send into the queue that requests, messages or a loop of unknown size repeat.
        relation unending_sends(SiteId, SiteId, SiteId) = unending_sends;
        relation found(SiteId, SiteId, SiteId);
        found(q, s, e) <-- holds(q, v), sends(v, s), unending_sends(q, s, e);
    };
    let mut found = program.found;
    found.sort_unstable();
    let mut by_queue: FxHashMap<SiteId, (SiteId, SiteId)> = FxHashMap::default();
    for (queue, send, cause) in found {
        by_queue.entry(queue).or_insert((send, cause));
    }
    // Queues that one function fills, as for what is urgent and what is not, have one cause.
    let mut by_filler: BTreeMap<FunctionId, Vec<(SiteId, SiteId, SiteId)>> = BTreeMap::new();
    for (queue, (send, cause)) in by_queue {
        by_filler.entry(context.function_of(send)).or_default().push((queue, send, cause));
    }
    by_filler.into_values().map(|queues| report(context, queues)).collect()
}

/// The queue that a send puts into: what the operation says, or its receiver; where that is one side of a queue (`queue.sync_q`,
/// `queue.In`), the queue, too.
fn queues_of(context: &Context<'_>, op: &Operation) -> Vec<VarId> {
    let program = context.meaning.program;
    let queue = match context.meaning.attribute(op, Attr::Entity) {
        Found::Is(Operand::Var(var)) => Some(var),
        _ => program.call(op.site).and_then(|call| call.receiver),
    };
    let whole = queue.and_then(|var| program.loaded_as(program.held_at(var))).map(|load| program.held_at(load.base));
    queue.into_iter().chain(whole).collect()
}

/// Sends by a handle that nobody is seen to hand over (a framework gives it by its type, a tuple holds it), where the tree makes
/// but one queue of that library, and nothing is seen to be sent into it.
fn by_being_the_only_one(context: &Context<'_>, sends: &[(VarId, SiteId)]) -> Vec<(SiteId, VarId)> {
    let meaning = context.meaning;
    let program = meaning.program;
    let library = |op: &Operation| (op.family, meaning.library_of(op));
    let mut by_library: BTreeMap<u32, Vec<&Operation>> = BTreeMap::new();
    for op in meaning.operations.of_kind(OpKind::ChannelNew).filter(|op| context.in_scope(op.site)) {
        by_library.entry(library(op).1).or_default().push(op);
    }
    let mut found = Vec::new();
    for queues in by_library.into_values() {
        let [only] = queues[..] else { continue };
        if !is_unbounded(context, only) || is_chosen(context, only) {
            continue;
        }
        let held = program.call(only.site).map(|call| meaning.flows_to(call.result)).unwrap_or_default();
        let of_library = sends.iter().filter(|(_, site)| context.operation(*site, OpKind::Send).is_some_and(|op| library(op) == library(only)));
        let of_library: Vec<VarId> = of_library.map(|(var, _)| *var).collect();
        if !of_library.iter().any(|var| held.contains(var)) {
            found.extend(of_library.into_iter().map(|var| (only.site, var)));
        }
    }
    found
}

/// Whether what is made lets nobody wait: as much a collection as a queue.
fn is_collection(context: &Context<'_>, op: &Operation) -> bool {
    matches!(context.meaning.attribute(op, Attr::Sync), Found::Is(Operand::Text(text)) if text == "false")
}

/// Whether what is made stays when the function that makes it has returned: the module has it, or it is in a field or given away.
fn outlives_its_maker(context: &Context<'_>, created: SiteId, mut held: impl Iterator<Item = VarId>) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let maker = program.function(context.function_of(created));
    let returns = |var: VarId| program.returns_by_function.of(&r.returns, maker.function).any(|row| row.var == Some(var));
    matches!(maker.kind, FunctionKind::Module | FunctionKind::Constructor)
        || held.any(|var| meaning.is_kept(var) || returns(var))
}

/// No capacity, or one that means none (zero, negative, null).
fn is_unbounded(context: &Context<'_>, op: &Operation) -> bool {
    let meaning = context.meaning;
    match meaning.attribute(op, Attr::Capacity) {
        Found::Absent => true,
        Found::Is(Operand::Var(var)) => {
            says_none(context, op, var) || says_none_by_default(context, op, var) || !decided_by(context, op, var).is_empty()
        }
        Found::Is(Operand::Text(text)) => text == "unbounded" || text.parse::<i64>().is_ok_and(|capacity| capacity <= 0),
        _ => false,
    }
}

/// Whether a capacity means that there is none.
fn says_none(context: &Context<'_>, op: &Operation, capacity: VarId) -> bool {
    let least = if context.meaning.is_rendezvous(op) { 0 } else { 1 };
    let is_none = |text: &str| matches!(text, "null" | "Infinity") || text.parse::<i64>().is_ok_and(|capacity| capacity < least);
    context.meaning.constant(capacity).is_some_and(is_none)
}

/// Whether a capacity is a setting of the project's that nobody sets and whose default means that there is none:
/// `Queue(maxsize=settings.backlog)`, `backlog: int = 0`.
fn says_none_by_default(context: &Context<'_>, op: &Operation, capacity: VarId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let Some(load) = program.loaded_as(program.held_at(capacity)) else { return false };
    let Some(class) = meaning.class_of(load.base) else { return false };
    let line = meaning.resolution.ancestors(class).iter().chain([&class]);
    let mut fields = line.flat_map(|class| program.field_by_class.of(&r.field, *class)).filter(|row| row.name == load.field);
    let Some(default) = fields.next().and_then(|row| row.value) else { return false };
    let is_set = program.stores_under(load.field).next().is_some() || program.arguments_named(load.field).next().is_some();
    !is_set && program.literal(default).is_some() && says_none(context, op, default)
}

/// Where it is said that a queue has no capacity, if a class or helper of the project makes it as whoever asks for it says.
fn decided_by(context: &Context<'_>, op: &Operation, capacity: VarId) -> Vec<SiteId> {
    context.meaning.decided_by_each(op.site, capacity, |given| says_none(context, op, given))
}

/// The place of a queue's creation, or of the call that decides that it has no capacity, where others decide otherwise.
fn place_of(context: &Context<'_>, created: SiteId) -> SiteId {
    let Some(op) = context.operation(created, OpKind::ChannelNew) else { return created };
    match context.meaning.attribute(op, Attr::Capacity) {
        Found::Is(Operand::Var(var)) => decided_by(context, op, var).first().copied().unwrap_or(created),
        _ => created,
    }
}

/// Whether the queue is without capacity on purpose: one arm of a choice whose other arm bounds it, or a way for what is rare
/// and must not wait (a wish to stop, a failure), as its name says.
fn is_chosen(context: &Context<'_>, op: &Operation) -> bool {
    const RARE: &[&str] = &[
        "abort", "cancel", "control", "error", "errors", "exit", "failure", "failures", "kill", "priority", "quit",
        "shutdown", "signal", "stop", "subscribe", "subscription", "subscriptions", "unbounded", "watchdog",
    ];
    let meaning = context.meaning;
    let program = meaning.program;
    let bounded_beside = meaning.operations.of_kind(OpKind::ChannelNew).any(|other| {
        let beside = other.function == op.function && other.site != op.site;
        beside && meaning.declares(other, Attr::Capacity) && !is_unbounded(context, other)
    });
    let held = program.call(op.site).map(|call| meaning.flows_to(call.result)).unwrap_or_default();
    let mut names = held.iter().filter_map(|var| program.variable(*var)).filter(|row| row.function == op.function);
    let says = |name: &str| words(name).iter().any(|word| RARE.contains(&word.as_str()));
    let made = program.call(op.site).map(|call| call.result);
    let mut fields = made.into_iter().flat_map(|made| program.fields_of(made));
    let rare = names.any(|row| says(program.text(row.name))) || fields.any(|row| says(program.text(row.name)));
    rare || (bounded_beside && !context.decisions(op.site).is_empty())
}

/// Whether the function of a send looks at how much is queued, or takes a share of a budget first.
fn looks_at_size(context: &Context<'_>, send: SiteId) -> bool {
    let program = context.meaning.program;
    let function = context.function_of(send);
    let calls = program.sites(function).filter_map(|row| program.call(row.site));
    let receiver = |site: SiteId| program.call(site).and_then(|call| call.receiver).and_then(|var| program.loaded_as(var)).map(|load| load.field);
    calls.into_iter().any(|call| {
        let same = || receiver(call.site).is_some() && receiver(call.site) == receiver(send);
        match program.text(call.name) {
            "qsize" | "len" | "size" | "length" | "is_full" | "full" => same(),
            name => words(name).iter().any(|word| matches!(word.as_str(), "reserve" | "admit" | "permit" | "quota" | "budget")),
        }
    }) || asks_counter(context, send)
}

/// `if pending.get() < max { queue.add(item); pending.increment() }`: a count of the project's own is compared before the send.
fn asks_counter(context: &Context<'_>, send: SiteId) -> bool {
    const COUNTS: &[&str] = &["count", "depth", "len", "length", "outstanding", "pending", "queued", "size"];
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let counts = |var: VarId| {
        let is_count = |name| words(program.text(name)).iter().any(|word| COUNTS.contains(&word.as_str()));
        meaning.made_from(var).into_iter().any(|var| {
            program.loaded_as(var).is_some_and(|load| is_count(load.field))
                || program.variable(var).is_some_and(|row| is_count(row.name))
        })
    };
    context.decisions(send).into_iter().any(|asked| {
        program.binary_by_dst.of(&r.binary, asked).any(|row| {
            matches!(program.text(row.operator), "<" | "<=" | ">" | ">=") && (counts(row.left) || row.right.is_some_and(counts))
        })
    })
}

/// A permit is taken before the send, or the producer waits for what it sent.
fn waits(context: &Context<'_>, send: SiteId) -> bool {
    let meaning = context.meaning;
    let function = context.function_of(send);
    let joined = meaning
        .operations
        .of_kind(OpKind::Join)
        .any(|op| op.function == function && meaning.precedes(send, op.site) && same_receiver(context, op.site, send));
    is_bounded_send(context, send)
        || context.has_permit(send)
        || looks_at_size(context, send)
        || joined
        || waits_for_item(context, send)
        || waits_for_answer(context, send)
        || carries_permit(context, send)
        || takes_permit(context, send)
        || is_light(context, send)
        || starts_workers(context, send)
}

/// What is sent holds a permit that was taken for it, and gives it back when it is dealt with.
fn carries_permit(context: &Context<'_>, send: SiteId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    // One that may be there or not holds nothing back.
    let says = |type_: &str| {
        let head = type_.split('<').next().unwrap_or(type_);
        words(head).last().is_some_and(|word| word == "permit")
    };
    // `tx.send((order, slots.try_acquire_owned()?))`
    let takes = |var: VarId| {
        let taken = program.call_giving(var).map_or("", |call| program.text(call.name));
        taken.starts_with("try_acquire") || taken.starts_with("acquire") || taken.starts_with("tryAcquire")
    };
    let mut given = program.arguments(send).flat_map(|row| meaning.made_from(row.var));
    given.any(|var| takes(var) || program.parameter(var).is_some_and(|row| says(program.text(row.type_))))
}

/// A permit of a semaphore is taken before the send, to be given back by whoever takes the item: `slots.acquire(); queue.put(item)`.
fn takes_permit(context: &Context<'_>, send: SiteId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let calls = program.sites(context.function_of(send)).filter_map(|row| program.call(row.site));
    let mut taken = calls.filter(|call| matches!(program.text(call.name), "acquire" | "Acquire" | "tryAcquire" | "TryAcquire" | "try_acquire"));
    taken.any(|call| {
        let mut of = meaning.resolution.external_at(call.site).iter();
        let is_semaphore = of.any(|(_, path, _)| meaning.resolution.paths.text(*path).to_lowercase().contains("semaphore"));
        is_semaphore && meaning.precedes(call.site, send)
    })
}

/// The tasks that an object starts when it is made are its workers: as many as its threads.
fn starts_workers(context: &Context<'_>, send: SiteId) -> bool {
    let kind = context.meaning.program.function(context.function_of(send)).kind;
    kind == FunctionKind::Constructor && context.operation(send, OpKind::Spawn).is_some()
}

/// A task that is handed to a pool, and does nothing that another system could slow down.
fn is_light(context: &Context<'_>, send: SiteId) -> bool {
    // What is not seen to do anything may do whatever it likes.
    let is_seen = |function: FunctionId| context.meaning.program.sites(function).next().is_some();
    let tasks = || context.meaning.callees(send).into_iter().flat_map(|task| context.meaning.reached(vec![task]));
    let is_task = context.operation(send, OpKind::Spawn).is_some() && tasks().next().is_some() && tasks().all(is_seen);
    let slow = |kind: OpKind| {
        matches!(
            kind,
            OpKind::HttpRequest
                | OpKind::Rpc
                | OpKind::DbRead
                | OpKind::DbWrite
                | OpKind::Sql
                | OpKind::ObjectRead
                | OpKind::ObjectWrite
                | OpKind::Payment
                | OpKind::Notify
                | OpKind::Publish
                | OpKind::Enqueue
                | OpKind::CacheRead
                | OpKind::CacheWrite
        )
    };
    is_task && !context.meaning.effects.at(send).any(|(effect, _)| slow(effect.kind))
}

/// After the send, its function awaits what was made together with the message, or gives it to its caller to await: the
/// answer to it.
fn waits_for_answer(context: &Context<'_>, send: SiteId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let made_with = |var| meaning.made_from(var).into_iter().filter(|var| program.call_giving(*var).is_some());
    let message: FxHashSet<VarId> = program.arguments(send).flat_map(|argument| made_with(argument.var)).collect();
    let function = context.function_of(send);
    let is_answer = |var: &VarId| meaning.operations.of_kind(OpKind::ChannelNew).any(|op| {
        op.function == function && program.call(op.site).is_some_and(|call| call.result == *var)
    });
    let mut returned = program.returns_by_function.of(&r.returns, function).filter_map(|row| row.var);
    if returned.any(|var| made_with(var).any(|var| message.contains(&var) && is_answer(&var))) {
        return true;
    }
    program
        .sites(function)
        .filter(|site| site.kind == SiteKind::Await && meaning.precedes(send, site.site))
        .filter_map(|site| r.suspend.binary_search_by_key(&site.site, |row| row.site).ok().and_then(|at| r.suspend[at].var))
        .any(|awaited| made_with(awaited).any(|var| message.contains(&var)))
}

/// What a send gives is awaited or handed to the caller, where that means to wait for the item itself.
fn waits_for_item(context: &Context<'_>, send: SiteId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    // `pool.submit(task)`: whoever keeps what it gives may wait for it; of callers that are given it, all must.
    if let Some(task) = context.operation(send, OpKind::Spawn)
        && let Found::Is(Operand::Var(given)) = meaning.attribute(task, Attr::Completion)
    {
        return keeps(context, task.function, given, 0);
    }
    let Some(op) = context.operation(send, OpKind::Send) else { return false };
    let Found::Is(Operand::Var(item)) = meaning.attribute(op, Attr::Completion) else { return false };
    let held = meaning.flows_to(item);
    let returned = program.returns_by_function.of(&r.returns, op.function).any(|row| row.var.is_some_and(|var| held.contains(&var)));
    returned || held.iter().any(|var| program.suspend_by_var.rows(*var).iter().next().is_some())
}

/// Whether somebody looks at what a call in `function` gives: the function, or each that calls it and is handed it.
fn keeps(context: &Context<'_>, function: FunctionId, given: VarId, depth: u32) -> bool {
    const MAX_DEPTH: u32 = 4;
    let meaning = context.meaning;
    let program = meaning.program;
    let mut returned = program.returns_by_function.of(&program.facts.relations.returns, function);
    if !returned.any(|row| row.var.is_some_and(|var| var == given || program.assigned_from(var).any(|row| row.src == given))) {
        return meaning.is_used(given);
    }
    let callers: Vec<SiteId> = meaning.callers(function).iter().copied().filter(|site| context.in_scope(*site)).collect();
    depth >= MAX_DEPTH
        || callers.is_empty()
        || callers.into_iter().all(|site| {
            program.call(site).is_none_or(|call| keeps(context, context.function_of(site), call.result, depth + 1))
        })
}

fn same_receiver(context: &Context<'_>, left: SiteId, right: SiteId) -> bool {
    let receiver = |site| context.meaning.program.call(site).and_then(|call| call.receiver);
    match (receiver(left), receiver(right)) {
        (Some(left), Some(right)) => {
            let (from_left, from_right) = (context.meaning.made_from(left), context.meaning.made_from(right));
            left == right || from_left.contains(&right) || from_right.contains(&left) || same_field(context, left, right)
        }
        _ => false,
    }
}

fn same_field(context: &Context<'_>, left: VarId, right: VarId) -> bool {
    match (context.meaning.program.loaded_as(left), context.meaning.program.loaded_as(right)) {
        (Some(left), Some(right)) => left.field == right.field && left.base == right.base,
        _ => false,
    }
}

/// What repeats without a bound that is seen: entry points and loops.
struct Unending {
    entries: FxHashMap<FunctionId, ()>,
}

/// A loop this many calls above a send sends with each turn.
const MAX_LOOP_DEPTH: u32 = 6;

/// Callers are climbed this far.
const MAX_CALLERS: usize = 400;

impl Unending {
    /// Whether `outer` lies around the function of a site.
    fn is_around(&self, context: &Context<'_>, outer: FunctionId, site: SiteId) -> bool {
        let mut at = context.meaning.program.function(context.function_of(site)).parent;
        while let Some(id) = at {
            if id == outer && context.meaning.program.function(id).kind != FunctionKind::Module {
                return true;
            }
            at = context.meaning.program.function(id).parent;
        }
        false
    }

    fn new(context: &Context<'_>) -> Self {
        let repeated = [OpKind::Route, OpKind::Consume, OpKind::HandleJob, OpKind::Middleware, OpKind::Cron];
        let entries = context.meaning.entry_points().into_iter().filter(|(_, kind)| repeated.contains(kind));
        let entries = entries.map(|(function, _)| function).chain(hooks(context));
        Unending { entries: entries.map(|function| (function, ())).collect() }
    }

    /// The place that repeats a send as long as its queue lives: in its function or one that calls it, below the function
    /// that makes the queue.
    fn around(&self, context: &Context<'_>, created: SiteId, held: &FxHashSet<VarId>, send: SiteId) -> Option<SiteId> {
        let meaning = context.meaning;
        let maker = context.function_of(created);
        // A constructor only makes the queue; whoever holds what it gives goes on.
        let makes_only = context.function_of(send) != maker && !self.is_around(context, maker, send);
        let makers = owners(context, created);
        let mut seen: FxHashSet<FunctionId> = FxHashSet::default();
        let mut queue = VecDeque::from([(Step::of_send(context, send), 0)]);
        while let Some((step, depth)) = queue.pop_front() {
            if step.adds_no_more(context, held) {
                continue;
            }
            let at = step.site;
            // Everything runs in some loop; one that is near sends with each turn.
            if depth <= MAX_LOOP_DEPTH && in_loop_of_unknown_size(context, created, at) {
                return Some(at);
            }
            let mut function = Some(context.function_of(at));
            while let Some(id) = function {
                // Each call of the maker makes another queue.
                if id == maker && !makes_only && meaning.program.function(id).kind != FunctionKind::Module || makers.contains(&id) {
                    break;
                }
                if self.entries.contains_key(&id) {
                    return Some(at);
                }
                if seen.len() < MAX_CALLERS && seen.insert(id) {
                    let callers = meaning.callers(id).iter().filter(|site| context.in_scope(**site));
                    queue.extend(callers.map(|site| (step.of_caller(context, *site), depth + 1)));
                }
                // A closure runs where its function does, if nothing says where.
                function = meaning.program.function(id).parent.filter(|_| meaning.callers(id).is_empty());
            }
        }
        None
    }
}

/// The functions that a library's object calls for each message: `client.on_message = on_message`, `socket.onmessage = (event) => …`.
fn hooks(context: &Context<'_>) -> Vec<FunctionId> {
    const EACH: &[&str] = &["data", "event", "frame", "message", "packet", "request", "tick", "update"];
    let meaning = context.meaning;
    let program = meaning.program;
    let is_hook = |field: &str| {
        let rest = field.strip_prefix("on_").or(field.strip_prefix("on")).map(str::to_lowercase);
        rest.is_some_and(|rest| EACH.contains(&rest.as_str()))
    };
    let is_of_library = |var: VarId| meaning.resolution.values_of(var).any(|value| matches!(value.kind, ValueKind::External(_)));
    let set = program.facts.relations.store.iter().filter(|row| is_hook(program.text(row.field)) && is_of_library(row.base));
    set.flat_map(|row| meaning.functions_given(row.src)).collect()
}

/// The functions that make an object which has a queue of its own: each call makes another.
fn owners(context: &Context<'_>, created: SiteId) -> FxHashSet<FunctionId> {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let maker = program.function(context.function_of(created));
    let of_constructor = maker.class.filter(|_| maker.kind == FunctionKind::Constructor);
    // `final Queue<Task> open = new ConcurrentLinkedQueue<>();`
    let of_field = || {
        let made = program.call(created)?.result;
        let held = program.assign_by_src.of(&r.assign, made).map(|row| row.dst).chain([made]);
        held.flat_map(|var| program.fields_of(var)).map(|row| row.class).min()
    };
    let Some(class) = of_constructor.or_else(of_field) else { return FxHashSet::default() };
    let made = meaning.made_of(class).iter();
    made.map(|site| context.function_of(*site))
        .filter(|function| program.function(*function).kind != FunctionKind::Module)
        .collect()
}

/// Whether a loop of unknown size repeats a site while the queue that `created` makes lives.
fn in_loop_of_unknown_size(context: &Context<'_>, created: SiteId, site: SiteId) -> bool {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let maker = program.site(created);
    let here = maker.function == program.site(site).function;
    program
        .regions_outward(program.site(site).region)
        .filter(|row| row.kind == RegionKind::Loop)
        .filter(|row| !here || !program.region_within(maker.region, row.region))
        .filter(|row| !is_asked_of_each(context, row.region, site))
        .any(|row| match program.iterates_by_region.first(&r.iterates, row.region) {
            // What is in memory already bounds a queue that is made beside the loop.
            Some(iterates) => !has_known_size(context, iterates.var) && (!here || waits_for_elements(context, row.region)),
            None => !drains(context, row.region) && !counts_to_constant(context, row.region),
        })
}

/// Whether a call in a loop is on the loop's element: each has a queue of its own, which gets one item.
fn is_asked_of_each(context: &Context<'_>, region: RegionId, site: SiteId) -> bool {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let Some(receiver) = program.call(site).and_then(|call| call.receiver) else { return false };
    let Some(over) = program.iterates_by_region.first(&r.iterates, region) else { return false };
    let origins = program.assigned_from(receiver).map(|row| row.src).chain([receiver]);
    origins.into_iter().any(|var| {
        program.loaded_as(var).is_some_and(|load| load.base == over.var && program.text(load.field).starts_with('['))
    })
}

/// Whether the loop ends at a constant count: `while attempts < MAX_ATTEMPTS`.
fn counts_to_constant(context: &Context<'_>, region: RegionId) -> bool {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let asked = program.condition_by_region.of(&r.condition, region).filter_map(|row| program.binary_by_dst.first(&r.binary, row.var));
    let mut counted = asked.filter(|row| matches!(program.text(row.operator), "<" | "<="));
    counted.any(|row| row.right.is_some_and(|end| context.meaning.constant(end).is_some_and(|text| text.parse::<i64>().is_ok())))
}

/// Whether the loop takes from a queue without waiting: it ends when the queue, which something filled before, is empty.
fn drains(context: &Context<'_>, region: RegionId) -> bool {
    let program = context.meaning.program;
    let function = program.region(region).function;
    program
        .sites(function)
        .filter(|site| program.region_within(site.region, region))
        .filter_map(|site| program.call(site.site))
        .any(|call| match program.text(call.name) {
            "get_nowait" | "try_recv" => true,
            // With a time it waits.
            "poll" | "pollFirst" | "pollLast" => program.arguments(call.site).next().is_none(),
            _ => false,
        })
        && !program.regions_outward(region).skip(1).any(|row| row.kind == RegionKind::Loop)

}

/// Whether the loop waits for its elements: a stream, not a collection.
fn waits_for_elements(context: &Context<'_>, region: RegionId) -> bool {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let Some(iterates) = program.iterates_by_region.first(&r.iterates, region) else { return false };
    program.suspend_by_var.of(&r.suspend, iterates.var).next().is_some()
}

/// A literal collection, or a count that is constant.
fn has_known_size(context: &Context<'_>, var: VarId) -> bool {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let mut at = var;
    for _ in 0..4 {
        if program.element_by_var.of(&r.element, at).next().is_some() || program.entry_by_var.of(&r.entry, at).next().is_some() {
            return true;
        }
        if let Some(call) = program.call_giving(at) {
            let mut arguments = program.arguments(call.site).peekable();
            return arguments.peek().is_some() && arguments.all(|argument| context.meaning.constant(argument.var).is_some());
        }
        if let Some(range) = program.binary_by_dst.first(&r.binary, at) {
            return program.text(range.operator).starts_with("..") && range.right.is_some_and(|end| context.meaning.constant(end).is_some());
        }
        match program.assigned_from(at).next() {
            Some(row) => at = row.src,
            None => return false,
        }
    }
    false
}

fn report(context: &Context<'_>, mut queues: Vec<(SiteId, SiteId, SiteId)>) -> Finding {
    queues.sort_unstable();
    let (queue, send, cause) = queues[0];
    let by = context.named_function(context.function_of(send));
    let message = format!(
        "this queue has no capacity and `{by}` adds to it without waiting; when the consumer falls behind, memory grows until the process is killed and all that was queued is lost"
    );
    let place = place_of(context, queue);
    let mut builder = FindingBuilder::new(context, &RULE.info, place, message).step(queue, "created without capacity").step(send, "filled here");
    if cause != send {
        builder = builder.step(cause, "as often as this runs");
    }
    for &(other, send, _) in &queues[1..] {
        builder = builder.step(other, "so is this").step(send, "filled here");
    }
    builder
        .checked("no capacity, and no permit or wait before the send")
        .help("give the queue a capacity and decide what the producer does when it is full: wait, refuse or drop")
        .build()
}
