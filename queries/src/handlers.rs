//! What runs for each message, job or webhook, and whether a second delivery is known again.

use distsys_engine::meaning::{Effect, EffectFlags, Extent, Found, Mode, Operand, Operation};
use distsys_engine::words::{is_unique_violation, words};
use distsys_engine::{Attr, OpKind};
use distsys_facts::{FunctionId, ParameterKind, RegionId, RegionKind, SiteId, VarId};

use crate::Context;
use crate::finding::Confidence;
use crate::keys::is_fresh;
use crate::wrapped_handlers::Under;

/// Code that a message, job or webhook runs.
#[derive(Debug)]
pub(crate) struct Handler {
    /// What registers it, or takes the message.
    pub origin: SiteId,
    pub function: FunctionId,
    /// The loop or `with` that handles one message in each turn; none: the function does.
    pub region: Option<RegionId>,
    /// What is done for the message, in order.
    pub sites: Vec<SiteId>,
    /// Whether a message that failed counts as done as soon as a later one does.
    pub by_position: bool,
    /// Where whoever calls it acknowledges the message when it has returned.
    pub acked: Option<SiteId>,
    /// Where each turn marks the row of a table that it deals with.
    pub marked: Option<SiteId>,
    /// The handler that the function is put around.
    pub under: Option<Under>,
}

impl Handler {
    pub(crate) fn new(origin: SiteId, function: FunctionId, region: Option<RegionId>, sites: Vec<SiteId>) -> Self {
        Handler { origin, function, region, sites, by_position: false, acked: None, marked: None, under: None }
    }
}

/// Handlers of messages and jobs that come again when the handler stopped half-way.
pub(crate) fn redelivered(context: &Context<'_>) -> Vec<Handler> {
    handlers(context, |op| comes_again(context, op))
}

/// Handlers of messages and jobs that are `chosen` by what registers or takes them.
pub(crate) fn handlers(context: &Context<'_>, chosen: impl Fn(&Operation) -> bool) -> Vec<Handler> {
    let meaning = context.meaning;
    let program = meaning.program;
    let mut found = Vec::new();
    for op in &meaning.operations.all {
        if !matches!(op.kind, OpKind::Consume | OpKind::HandleJob) || !context.in_scope(op.site) || !chosen(op) {
            continue;
        }
        let by_position = is_by_position(context, op);
        let mut registers = false;
        for row in meaning.invocations.at(op.site).filter(|row| row.mode == Mode::Registered) {
            registers = true;
            let sites = program.sites(row.function).map(|row| row.site).collect();
            found.push(Handler { by_position, ..Handler::new(op.site, row.function, None, sites) });
        }
        // Taken by hand, in a loop.
        if !registers && op.kind == OpKind::Consume {
            for (taken, turn) in turns(context, op.site) {
                let function = context.function_of(taken);
                let within = |site: &SiteId| program.region_within(program.site(*site).region, turn);
                let sites = program.sites(function).map(|row| row.site);
                let sites: Vec<SiteId> = sites.filter(|site| within(site) && meaning.precedes(taken, *site)).collect();
                found.push(Handler { by_position, ..Handler::new(op.site, function, Some(turn), sites) });
            }
            for function in run_for_each(context, op.site) {
                let sites = program.sites(function).map(|row| row.site).collect();
                found.push(Handler { by_position, ..Handler::new(op.site, function, None, sites) });
            }
        }
    }
    for scope in meaning.scopes.of_kind(OpKind::Consume) {
        let region = match scope.extent {
            Extent::Region(region) => Some(region),
            // What a loop of the project runs for each message, given to it.
            Extent::Function(_) if !scope.steps.is_empty() => None,
            _ => continue,
        };
        let op = meaning.operation(scope);
        if meaning.is_out_of_scope(scope.function) || op.is_some_and(|op| !chosen(op)) {
            continue;
        }
        let by_position = op.is_some_and(|op| is_by_position(context, op));
        let sites = meaning.sites(scope);
        let Some(origin) = scope.origin.or(sites.first().copied()) else { continue };
        found.push(Handler { by_position, ..Handler::new(origin, scope.function, region, sites) });
    }
    found
}

/// Functions that acknowledge a message which they are given: somebody took it for them, be it through a queue of the project's
/// own that no model knows.
pub(crate) fn acknowledging(context: &Context<'_>) -> Vec<Handler> {
    let meaning = context.meaning;
    let program = meaning.program;
    let mut found: Vec<Handler> = Vec::new();
    for row in meaning.effects.rows() {
        let effect = meaning.effects.get(row.effect);
        let function = context.function_of(row.site);
        if effect.kind != OpKind::Ack || effect.flags.has(EffectFlags::BACKGROUND) || !context.in_scope(row.site) {
            continue;
        }
        let given = |var: VarId| {
            meaning.made_from(var).into_iter().chain([var]).any(|var| {
                let parameter = program.parameter(var).filter(|row| row.kind != ParameterKind::Receiver);
                parameter.is_some_and(|row| row.function == function)
            })
        };
        // Whoever acknowledges for it further down may have taken the message there: it is given none.
        let takes = || {
            let consumes = |of: FunctionId| {
                let mut done = program.sites(of).flat_map(|row| meaning.operations.at(row.site));
                done.any(|op| matches!(op.kind, OpKind::Consume | OpKind::Receive))
            };
            meaning.trace(row.site, &effect).into_iter().any(|step| consumes(context.function_of(step)))
        };
        let receiver = program.call(row.site).and_then(|call| call.receiver);
        let is_message = program.arguments(row.site).map(|row| row.var).chain(receiver).any(given);
        if is_message && !found.iter().any(|known| known.function == function) && !takes() {
            let sites: Vec<SiteId> = program.sites(function).map(|row| row.site).collect();
            let origin = sites.first().copied().unwrap_or(row.site);
            found.push(Handler::new(origin, function, None, sites));
        }
    }
    found
}

/// What callers give to a loop of the project's own that takes messages, to be run for each, where the loop counts a message as
/// done when that has returned: `subscribe(queue, async (body) => …)`.
pub(crate) fn given_to_loop(context: &Context<'_>, handler: &Handler) -> Vec<Handler> {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    if handler.region.is_none() {
        return Vec::new();
    }
    let is_ack = |site: &&SiteId| meaning.effects.at(**site).any(|(effect, _)| effect.kind == OpKind::Ack);
    let acks: Vec<SiteId> = handler.sites.iter().filter(is_ack).copied().collect();
    let mut found = Vec::new();
    for &site in handler.sites.iter().filter(|site| !acks.contains(site)) {
        let given = meaning.given_to_run(site);
        if given.is_empty() || is_acknowledged_before(context, handler, site) {
            continue;
        }
        // What it gives may say that it has failed.
        let result = program.call(site).map(|call| call.result);
        let asked = program
            .regions_by_function
            .of(&r.region, handler.function)
            .flat_map(|region| program.condition_by_region.of(&r.condition, region.region));
        let mut asked = asked.filter(|row| result.is_some_and(|result| meaning.made_from(row.var).contains(&result)));
        // An error that was told of and not given back does not come here.
        let of_errors = |var: VarId| program.asked_variant(var).next().is_some();
        let asked = asked.any(|row| !of_errors(row.var));
        // What answers nothing does not say it, whatever the helper that runs it makes of what it throws.
        let is_helped = !meaning.invocations.is_through_parameter(site);
        let mut given = given;
        given.retain(|(_, function)| !asked || is_helped && answers_nothing(context, *function));
        let acked = acks.iter().copied().find(|ack| meaning.precedes(site, *ack));
        if acked.is_none() && !(handler.by_position && acks.is_empty()) {
            continue;
        }
        found.extend(given.into_iter().map(|(_, function)| {
            let sites = program.sites(function).map(|row| row.site).collect();
            Handler { by_position: handler.by_position, acked, ..Handler::new(handler.origin, function, None, sites) }
        }));
    }
    found
}

/// Whether a function gives no value back.
pub(crate) fn answers_nothing(context: &Context<'_>, function: FunctionId) -> bool {
    let program = context.meaning.program;
    let mut returned = program.returns_by_function.of(&program.facts.relations.returns, function);
    returned.all(|row| row.var.is_none())
}

/// Helpers that only hand on what they take are followed this far.
const MAX_HELPERS: usize = 3;

/// The loops that deal with what the call `site` takes, each with the call in its function that gives it: around the call,
/// over what it gives, or where a helper of the project that hands it on is called.
fn turns(context: &Context<'_>, site: SiteId) -> Vec<(SiteId, RegionId)> {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let mut found = Vec::new();
    let mut given = vec![site];
    for _ in 0..=MAX_HELPERS {
        let mut further = Vec::new();
        for site in given {
            let function = context.function_of(site);
            let comes_from =
                |var: VarId| program.call(site).is_some_and(|call| meaning.made_from(var).contains(&call.result));
            let around = program.regions_outward(program.site(site).region);
            let around = around.into_iter().find(|row| row.kind == RegionKind::Loop).map(|row| row.region);
            let over = || {
                let loops = program.regions_by_function.of(&r.region, function);
                let mut loops = loops.filter(|row| row.kind == RegionKind::Loop);
                let iterates = |region: RegionId| {
                    program.iterates_by_region.of(&r.iterates, region).any(|row| comes_from(row.var))
                };
                loops.find(|row| iterates(row.region)).map(|row| row.region)
            };
            if let Some(turn) = around.or_else(over) {
                found.push((site, turn));
                continue;
            }
            let mut returned = program.returns_by_function.of(&r.returns, function).filter_map(|row| row.var);
            if returned.any(comes_from) {
                let callers = meaning.callers(function).iter().copied();
                further.extend(callers.filter(|caller| context.in_scope(*caller)));
            }
        }
        given = further;
    }
    found
}

/// The closures that are run for each of what the call `site` takes: `messages.map(async (message) => …)`.
fn run_for_each(context: &Context<'_>, site: SiteId) -> Vec<FunctionId> {
    let meaning = context.meaning;
    let program = meaning.program;
    let Some(taken) = program.call(site).map(|call| call.result) else { return Vec::new() };
    let calls = program.sites(context.function_of(site)).filter_map(|row| program.call(row.site));
    let each = calls.filter(|call| {
        matches!(program.text(call.name), "map" | "forEach")
            && call.receiver.is_some_and(|over| meaning.made_from(over).contains(&taken))
    });
    each.flat_map(|call| program.arguments(call.site)).filter_map(|row| program.closure(row.var)).collect()
}

fn is_by_position(context: &Context<'_>, op: &Operation) -> bool {
    context.meaning.attribute(op, Attr::Redelivered) == Found::Is(Operand::Text("position".to_owned()))
}

const NOTICES: &[&str] = &["callback", "ipn", "notification", "notifications", "notify"];

const PAYMENTS: &[&str] = &[
    "alipay",
    "charge",
    "checkout",
    "pay",
    "payment",
    "payments",
    "payout",
    "paypal",
    "refund",
    "stripe",
    "wechatpay",
    "wxpay",
];

/// Routes that another service calls until it is answered: they check that it did, or their path or name says so.
pub(crate) fn webhooks(context: &Context<'_>) -> Vec<(Handler, Confidence)> {
    let meaning = context.meaning;
    let mut found = Vec::new();
    for op in meaning.operations.of_kind(OpKind::Route).filter(|op| context.in_scope(op.site)) {
        let asks = meaning.attribute(op, Attr::Method) == Found::Is(Operand::Text("get".to_owned()));
        let says = |text: &str| {
            let words = words(text);
            let has = |known: &[&str]| words.iter().any(|word| known.contains(&word.as_str()));
            // Providers of payments tell of them until they are answered; a GET brings the payer back.
            has(&["webhook", "webhooks", "hook"]) || has(NOTICES) && has(PAYMENTS) && !asks
        };
        let path = match meaning.attribute(op, Attr::Path) {
            Found::Is(Operand::Var(var)) => meaning.constant(var).is_some_and(says),
            Found::Is(Operand::Text(text)) => says(&text),
            _ => false,
        };
        // In the handler, in what runs before it, or in what it is wrapped in.
        let checks = |function: FunctionId| {
            meaning.effects.in_function(function).any(|(effect, _)| effect.kind == OpKind::Delivery)
        };
        let checked = meaning.operations.at(op.site).any(|op| op.kind == OpKind::Delivery)
            || meaning.invocations.at(op.site).any(|row| checks(row.function));
        for row in meaning.invocations.at(op.site).filter(|row| row.mode == Mode::Registered) {
            let confidence = if checked { Confidence::High } else { Confidence::Medium };
            if checked || path || says(context.function_name(row.function)) {
                let sites = meaning.program.sites(row.function).map(|row| row.site).collect();
                let (origin, function) = (op.site, row.function);
                found.push((Handler::new(origin, function, None, sites), confidence));
            }
        }
    }
    found
}

/// Whether the broker or queue delivers again what was not finished.
pub(crate) fn comes_again(context: &Context<'_>, op: &Operation) -> bool {
    let meaning = context.meaning;
    let says = |attr: Attr| match meaning.attribute(op, attr) {
        Found::Is(Operand::Text(text)) => text != "false",
        Found::Is(Operand::Var(var)) => {
            !meaning.constant(var).is_some_and(|text| matches!(text, "false" | "False" | "0" | "null"))
        }
        Found::Is(_) => true,
        // What is not seen may say anything; what is not said is not so.
        Found::Unknown | Found::Absent => false,
    };
    !says(Attr::AutoAck) && (!meaning.declares(op, Attr::Redelivered) || says(Attr::Redelivered))
}

/// Whether the message is acknowledged before a site of its handler: then it does not come again for what happens there.
pub(crate) fn is_acknowledged_before(context: &Context<'_>, handler: &Handler, site: SiteId) -> bool {
    let meaning = context.meaning;
    let acknowledges = |at: SiteId| meaning.effects.at(at).any(|(effect, _)| effect.kind == OpKind::Ack);
    let in_time = |at: SiteId| at == handler.origin || meaning.precedes(at, site);
    let mut before = handler.sites.iter().copied().chain([handler.origin]).filter(|at| *at != site);
    before.any(|at| {
        acknowledges(at) && in_time(at) && !meaning.effects.at(at).any(|(effect, _)| is_work(context, &effect))
    })
}

/// Whether the database refuses a second row of what the write at `site` inserts, under a key that is the same each time.
pub(crate) fn is_unique(context: &Context<'_>, site: SiteId, effect: &Effect) -> bool {
    let meaning = context.meaning;
    let mut columns = meaning.columns_written(site);
    if columns.is_empty() {
        columns = meaning.fields_given(site);
    }
    let known = !columns.is_empty();
    let made_anew = |var: VarId| {
        let made = meaning.made_from(var).into_iter().filter_map(|var| meaning.program.call_giving(var));
        made.into_iter().any(|call| is_fresh(context, call.site))
    };
    let fresh = meaning.columns_set(site).into_iter().filter(|(_, value)| made_anew(*value));
    let fresh: Vec<&str> = fresh.map(|(column, _)| column).collect();
    columns.retain(|column| !fresh.contains(column));
    let is_known = known && columns.is_empty();
    !is_known && effect.entity_name().is_some_and(|entity| meaning.has_unique_key(entity, &columns))
}

/// Whether something on the way to an effect knows a message, request or attempt that was dealt with before.
pub(crate) fn is_known_again(context: &Context<'_>, whole: Option<FunctionId>, trace: &[SiteId]) -> bool {
    trace.iter().any(|site| knows_again(context, whole, *site))
}

/// Whether what is done at a site is known when it was done before: a look at stored state that decides, a mark that can be
/// set only once, or a wrapper or name that says so. `whole` is all that is run again, where it is known.
pub(crate) fn knows_again(context: &Context<'_>, whole: Option<FunctionId>, site: SiteId) -> bool {
    let meaning = context.meaning;
    let guarded = |site: SiteId| {
        meaning.is_decided_by_state(site, whole) || meaning.is_marked_before(site) || is_refused_before(context, site)
    };
    // `once(id, () => …)`: the wrapper decides whether it runs what it is given.
    let wrapped = || {
        let gives = meaning.invocations.at(site).next().is_some();
        gives
            && meaning.resolution.calls_at(site).iter().any(|edge| runs_only_once(context, edge.function, &guarded, 0))
    };
    guarded(site) || says_known(context, site) || is_claimed_first(context, site) || wrapped()
}

/// Whether a site is only come to where what nothing is known of has given a claim, as it is called: `if (claimed.length === 0)
/// return;`.
fn is_claimed_first(context: &Context<'_>, site: SiteId) -> bool {
    const CLAIMS: &[&str] = &["claimed", "claim", "duplicate", "duplicated", "processed", "inserted", "unseen"];
    let meaning = context.meaning;
    let program = meaning.program;
    let says = |text: &str| words(text).iter().any(|word| CLAIMS.contains(&word.as_str()));
    let is_unknown = |var: VarId| {
        let made = meaning.made_from(var).into_iter().filter_map(|var| program.call_giving(var));
        made.into_iter().any(|call| {
            meaning.resolution.calls_at(call.site).is_empty() && meaning.resolution.external_at(call.site).is_empty()
        })
    };
    meaning.decisions(site).into_iter().any(|decision| {
        let parts = meaning.made_from(decision.condition).into_iter().chain([decision.condition]);
        let mut named = parts.filter(|var| program.variable(*var).is_some_and(|row| says(program.text(row.name))));
        named.any(is_unknown)
    })
}

/// Whether a function of the project runs what it is given only where that is guarded: in itself, in a closure of its own that a
/// transaction runs, or in a helper that it hands it to.
fn runs_only_once(context: &Context<'_>, wrapper: FunctionId, guarded: &dyn Fn(SiteId) -> bool, depth: usize) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    // Around a closure stands what gives it away.
    let around = |site: SiteId| {
        let mut around = vec![site];
        while let Some(function) = around.last().map(|site| context.function_of(*site)).filter(|at| *at != wrapper)
            && around.len() <= MAX_HELPERS
        {
            let outer = program.function(function).parent;
            let gives = |at: &&SiteId| Some(context.function_of(**at)) == outer;
            let Some(given) = outer.and_then(|_| meaning.callers(function).iter().find(gives)) else { break };
            around.push(*given);
        }
        around
    };
    program.parameters(wrapper).flat_map(|row| meaning.invocations.applied(row.var)).any(|site| {
        let handed = meaning.resolution.calls_at(*site).iter().map(|edge| edge.function);
        let hands = || depth < MAX_HELPERS && !meaning.invocations.is_through_parameter(*site);
        around(*site).into_iter().any(guarded)
            || hands() && handed.into_iter().any(|function| runs_only_once(context, function, guarded, depth + 1))
    })
}

/// Whether a row is inserted before `site` of which the database refuses a second, by a key of its table or as the code
/// around the insert expects.
fn is_refused_before(context: &Context<'_>, site: SiteId) -> bool {
    let meaning = context.meaning;
    let before = meaning
        .effects
        .in_function(context.function_of(site))
        .filter(|(effect, row)| effect.kind == OpKind::DbWrite && row.site != site && meaning.precedes(row.site, site));
    let before: Vec<_> = before.collect();
    // What is put only if it is not there yet: the store refuses the second.
    if before
        .iter()
        .any(|(effect, row)| meaning.text(effect.verb) == Some("upsert") && is_put_once(context, row.site, effect))
    {
        return true;
    }
    let inserts = before.into_iter().filter(|(effect, _)| meaning.text(effect.verb) == Some("insert"));
    inserts.into_iter().any(|(effect, row)| {
        let trace = meaning.trace(row.site, &effect);
        let last = trace.last().copied().unwrap_or(row.site);
        is_unique(context, last, &effect)
            || trace.iter().any(|step| expects_refusal(context, context.function_of(*step)))
    })
}

/// Whether a put at the end of the way from `site` has a condition that its call says, and fails where that does not hold.
fn is_put_once(context: &Context<'_>, site: SiteId, effect: &Effect) -> bool {
    let meaning = context.meaning;
    let decides = effect.flags.has(EffectFlags::CONDITIONAL) && !effect.flags.has(EffectFlags::BY_CLOCK);
    let last = meaning.trace(site, effect).last().copied().unwrap_or(site);
    decides
        && meaning
            .operations
            .at(last)
            .any(|op| op.kind == OpKind::DbWrite && meaning.attribute(op, Attr::Condition) != Found::Absent)
}

/// Whether a function catches, compares with or asks for the failure by which a database refuses a second row.
pub(crate) fn expects_refusal(context: &Context<'_>, function: FunctionId) -> bool {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let regions = program.regions_by_function.of(&r.region, function);
    let mut caught = regions.flat_map(|row| program.catches_by_region.of(&r.catches, row.region));
    let named = |var: VarId| {
        let literal = program.literal(var).map(|row| row.value);
        let imported = program.import(var).map(|row| row.member);
        let variable = program.variable(var).map(|row| row.name);
        let field = program.loaded_as(var).map(|row| row.field);
        let names = [literal, imported, variable, field];
        names.into_iter().flatten().any(|name| is_unique_violation(program.text(name)))
    };
    // `errors.Is(err, gorm.ErrDuplicatedKey)`
    let mut asked = program.sites(function).flat_map(|row| program.arguments(row.site));
    caught.any(|row| program.text(row.type_).split('|').any(is_unique_violation))
        || asked.any(|row| named(row.var))
        // `if (!isDuplicateKeyError(error)) throw error`
        || program.sites(function).filter_map(|row| program.call(row.site)).any(|call| is_unique_violation(program.written_name(call)))
        || program.binaries(function).any(|row| named(row.left) || row.right.is_some_and(named))
}

/// Whether a call before `site`, an annotation of its function or the function's name speaks of telling what was done.
fn says_known(context: &Context<'_>, site: SiteId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let says = |text: &str| {
        let text = text.to_ascii_lowercase();
        ["idempot", "dedup", "already", "exactlyonce", "exactly_once"].iter().any(|word| text.contains(word))
    };
    let mut function = Some(context.function_of(site));
    while let Some(id) = function {
        let annotated = program
            .annotation_by_function
            .of(&r.function_annotation, id)
            .filter_map(|row| program.call(row.site))
            .any(|call| {
                says(program.text(call.name))
                    || call.callee.and_then(|var| program.variable(var)).is_some_and(|row| says(program.text(row.name)))
            });
        let called =
            program.sites(id).filter(|row| row.site <= site).filter_map(|row| program.call(row.site)).any(|call| {
                let named = call.callee.and_then(|var| program.variable(var)).map(|row| program.text(row.name));
                let held = call.receiver.and_then(|var| program.loaded_as(var)).map(|load| program.text(load.field));
                says(program.text(call.name)) || named.is_some_and(says) || held.is_some_and(says)
            });
        if annotated || called || says(context.function_name(id)) {
            return true;
        }
        function = program.function(id).parent;
    }
    false
}

/// What the message was sent for.
pub(crate) fn is_work(context: &Context<'_>, effect: &Effect) -> bool {
    if effect.flags.has(EffectFlags::BACKGROUND) {
        return false;
    }
    match effect.kind {
        OpKind::DbWrite | OpKind::Payment | OpKind::Notify | OpKind::ObjectWrite => true,
        OpKind::HttpRequest => matches!(context.meaning.text(effect.verb), Some("post" | "put" | "patch" | "delete")),
        _ => false,
    }
}
