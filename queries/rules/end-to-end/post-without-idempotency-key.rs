//! A POST route reaches a payment or creates what a customer would see twice, and nothing knows a request again.

use std::cell::Cell;

use distsys_engine::meaning::{Effect, EffectFlags, Mode, Operation, Term};
use distsys_engine::words::{entity_name, is_idempotency_key, is_seen_twice, is_unique_violation, words};
use distsys_engine::OpKind;
use distsys_engine::resolve::ValueKind;
use distsys_facts::{ClassId, FunctionId, FunctionKind, SiteId, Sym, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::gates::Gates;
use crate::creations::{Sent, asks_for_work, is_on_a_bill, sent_for};
use crate::keys::has_key_of_its_own;
use crate::handlers::{is_known_again, is_unique};
use crate::retried::is_payment;

use crate::finding::{Category, Finding, Maturity, RuleInfo, Severity};
use crate::{Context, FindingBuilder, Rule};

pub(crate) static RULE: Rule = Rule {
    info: RuleInfo {
        slug: "post-without-idempotency-key",
        category: Category::EndToEnd,
        severity: Severity::Major,
        maturity: Maturity::Stable,
        yields_to: &["redelivery-without-dedup"],
        summary: "a POST that a client repeats is done twice",
        page: include_str!("post-without-idempotency-key.md"),
    },
    judge,
};

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    if meaning.operations.of_kind(OpKind::Route).next().is_none() {
        return Vec::new();
    }
    let speaking = Speaking::new(context);
    if speaking.everywhere {
        return Vec::new();
    }
    // A framework may run for one route, or for all, what knows a request again.
    let gates = Gates::new(context, speaking.asking.iter().copied());
    let routes = || meaning.operations.of_kind(OpKind::Route).filter(|op| context.in_scope(op.site));
    let handlers = |op: &Operation| meaning.invocations.at(op.site).filter(|row| row.mode == Mode::Registered);
    let of_one: FxHashSet<FunctionId> =
        routes().flat_map(|op| handlers(op).flat_map(|row| gates.before(context, op, row.function))).collect();
    if gates.hold_for_all(context, &of_one) {
        return Vec::new();
    }
    // One effect, whichever routes reach it; what callers give one operation to do are several.
    let mut by_effect: FxHashMap<(SiteId, Term), Vec<Created>> = FxHashMap::default();
    for op in routes() {
        // `router.post("/orders", idempotent, handler)`
        if meaning.program.arguments(op.site).any(|row| speaking.is_told_by(context, row.var)) {
            continue;
        }
        for row in handlers(op) {
            if !meaning.serves(op, row.function, "post") || !gates.before(context, op, row.function).is_empty() {
                continue;
            }
            // What is run before it, on the same request; the methods of one server serve a request each.
            let is_peer = |other: FunctionId| meaning.runs_methods(op) && meaning.serves(op, other, "post");
            let beside = meaning.invocations.at(op.site).filter(|other| other.function != row.function);
            let mut beside = beside.filter(|other| !is_peer(other.function));
            if beside.any(|other| speaking.reached_from(context, other.function, &[])) {
                continue;
            }
            // What the route's own value is given to: `once(Orders.as_view("orders"))`.
            if taken_by(context, op.site).into_iter().any(|wrapper| speaking.reached_from(context, wrapper, &[])) {
                continue;
            }
            let speaks = speaking.reached_from(context, row.function, &[]);
            let mut created = Vec::new();
            for (effect, site) in meaning.effects.in_function(row.function) {
                if !may_create(context, &effect) {
                    continue;
                }
                let trace = meaning.trace(site.site, &effect);
                // A key that is not the request's own is no key.
                if effect.key != Term::Absent && !has_key_of_its_own(context, &trace) {
                    continue;
                }
                let Some(harm) = harm(context, &trace, &effect) else { continue };
                if speaks && speaking.reached_from(context, row.function, &trace) {
                    continue;
                }
                let last = *trace.last().unwrap_or(&site.site);
                if is_known_again(context, Some(row.function), &trace) || is_unique(context, last, &effect) {
                    continue;
                }
                created.push(((last, effect.entity), Created { route: op.site, trace, effect, harm }));
            }
            // What is told of a thing that is there twice is told twice.
            let is_told = |created: &Created| matches!(created.harm, Harm::Told);
            let makes = created.iter().any(|(_, created)| !is_told(created));
            for (key, created) in created.into_iter().filter(|(_, created)| !makes || !is_told(created)) {
                by_effect.entry(key).or_default().push(created);
            }
        }
    }
    by_effect.into_values().map(|routes| report(context, &routes)).collect()
}

/// The functions of the project that are given what a call gives.
fn taken_by(context: &Context<'_>, site: SiteId) -> Vec<FunctionId> {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let Some(call) = program.call(site) else { return Vec::new() };
    let copies = program.assign_by_src.of(&r.assign, call.result).map(|row| row.dst);
    let held = std::iter::once(call.result).chain(copies);
    let given = held.flat_map(|var| program.argument_by_var.of(&r.argument, var));
    given.flat_map(|row| meaning.callees(row.site)).collect()
}

/// What a route does each time it is called.
struct Created {
    route: SiteId,
    trace: Vec<SiteId>,
    effect: Effect,
    harm: Harm,
}

/// What comes of doing it twice.
#[derive(Clone, Copy)]
enum Harm {
    Paid,
    /// A customer sees it twice.
    Seen,
    /// What was asked for is worked on twice.
    Worked,
    /// What is sent on for it reaches others twice.
    Sent(Sent),
    /// Somebody is written to twice.
    Told,
}

/// Whether an effect makes something that was not there before.
fn may_create(context: &Context<'_>, effect: &Effect) -> bool {
    if effect.flags.has(EffectFlags::CONDITIONAL) {
        return false;
    }
    match effect.kind {
        OpKind::Payment => true,
        OpKind::Notify => effect.key == Term::Absent && !effect.flags.has(EffectFlags::BACKGROUND),
        OpKind::DbWrite => effect.key == Term::Absent && context.meaning.text(effect.verb) == Some("insert"),
        OpKind::HttpRequest => effect.key == Term::Absent && context.meaning.text(effect.verb) == Some("post"),
        _ => false,
    }
}

/// A handler, a service, what it stores with, and the operation.
const MAX_DEPTH: usize = 4;

fn harm(context: &Context<'_>, trace: &[SiteId], effect: &Effect) -> Option<Harm> {
    match effect.kind {
        OpKind::Payment => return Some(Harm::Paid),
        // A line in a chat is soon gone.
        OpKind::Notify if context.meaning.text(effect.entity) == Some("chat") => return None,
        OpKind::Notify => return (trace.len() <= MAX_DEPTH && !is_asked_for(context, trace)).then_some(Harm::Told),
        _ => {}
    }
    let entity = context.meaning.text(effect.entity)?;
    let is_seen = match effect.kind {
        OpKind::DbWrite => is_seen_twice(entity),
        _ => entity.rsplit('/').find(|part| !part.is_empty()).is_some_and(is_seen_twice),
    };
    // Far below a route stands what it does beside what it is for.
    let is_near = trace.len() <= MAX_DEPTH;
    match effect.kind {
        _ if is_seen => Some(if is_payment(context, trace, effect) { Harm::Paid } else { Harm::Seen }),
        OpKind::DbWrite if is_near && is_booked(context, trace, entity) => Some(Harm::Seen),
        OpKind::DbWrite if is_near && is_on_a_bill(context, trace, effect) => Some(Harm::Seen),
        OpKind::DbWrite if is_near && asks_for_work(context, trace, effect) => Some(Harm::Worked),
        OpKind::DbWrite if is_near => sent_for(context, trace, effect).map(Harm::Sent),
        _ => None,
    }
}

/// Whether a function on the way says that somebody has what is inserted kept for them: `bookViewing`, `reserve_slot`.
fn is_booked(context: &Context<'_>, trace: &[SiteId], entity: &str) -> bool {
    const BOOKS: &[&str] = &["book", "buy", "hire", "order", "purchase", "rent", "reserve"];
    // `class OrderMealHandler`, `BookRoomUseCase`
    const DOES: &[&str] = &["handler", "command", "use", "case", "usecase", "interactor", "action", "service", "mutation"];
    let program = context.meaning.program;
    let books = |mut said: Vec<String>| {
        while said.last().is_some_and(|word| DOES.contains(&word.as_str())) {
            said.pop();
        }
        said.split_first().is_some_and(|(verb, thing)| BOOKS.contains(&verb.as_str()) && entity_name(&thing.join("_")) == entity)
    };
    trace.iter().any(|site| {
        let function = context.function_of(*site);
        let name = context.named_function(function);
        let class = program.class_around(function).map(|class| program.text(program.class(class).name));
        books(words(name.rsplit('.').next().unwrap_or(name))) || class.is_some_and(|class| books(words(class)))
    })
}

/// Whether who asks twice wants to be written to twice, or what is written goes to the house itself, as the names on the way to it
/// or of the route's own file say: `sendResetCode`, `contactUs`, `contact/route.ts`.
fn is_asked_for(context: &Context<'_>, trace: &[SiteId]) -> bool {
    const WANTED: &[&str] = &[
        "activate", "activation", "again", "alert", "challenge", "code", "confirm", "confirmation", "contact", "debug", "demo", "feedback",
        "forgot", "forgotten", "help", "link", "login", "magic", "otp", "password", "passwordless", "pin", "ping", "preview", "recover",
        "recovery", "remind", "reminder", "resend", "reset", "sample", "signin", "support", "test", "validate", "validation", "verification", "verify",
    ];
    let program = context.meaning.program;
    let says = |text: &str| words(text).iter().any(|word| WANTED.contains(&word.as_str()));
    let file = trace.first().map(|site| program.path(program.file_of_function(context.function_of(*site))));
    let mut named = file.into_iter().flat_map(|path| path.rsplit('/').take(2));
    named.any(says) || trace.iter().any(|site| says(context.function_name(context.function_of(*site))))
}

/// Where the code speaks of idempotency keys or of the database's refusal of a second row.
struct Speaking {
    functions: FxHashSet<FunctionId>,
    classes: FxHashSet<ClassId>,
    /// Those that ask a request for its key.
    asking: FxHashSet<FunctionId>,
    /// A middleware does, for all routes.
    everywhere: bool,
}

/// Calls of a handler are followed this far for something that speaks of keys.
const MAX_REACH: usize = 400;

impl Speaking {
    fn new(context: &Context<'_>) -> Speaking {
        let meaning = context.meaning;
        let program = meaning.program;
        let r = &program.facts.relations;
        // Each name and text is in many rows, and looked at once.
        let known: Vec<Cell<Option<bool>>> = vec![Cell::new(None); program.facts.symbols.len()];
        let says = |sym: Sym| {
            let cell = &known[sym.index()];
            let said = cell.get().unwrap_or_else(|| {
                let text = program.text(sym);
                is_idempotency_key(text) || is_unique_violation(text)
            });
            cell.set(Some(said));
            said
        };
        // What is sent on to another service lets that service know the request again, not this one.
        let sends = |kind: OpKind| matches!(kind, OpKind::HttpRequest | OpKind::Payment | OpKind::Rpc);
        let operations = meaning.operations.all.iter().filter(|op| sends(op.kind));
        let mut sent: FxHashSet<VarId> = operations.flat_map(|op| meaning.chain_arguments(op.site)).collect();
        let effects = meaning.effects.rows().iter().map(|row| meaning.effects.get(row.effect));
        sent.extend(effects.filter(|effect| sends(effect.kind)).filter_map(|effect| match effect.key {
            Term::Parameter(var) => Some(var),
            _ => None,
        }));
        let mut functions: FxHashSet<FunctionId> = FxHashSet::default();
        functions.extend(r.function.iter().filter(|row| says(row.name)).map(|row| row.function));
        functions.extend(r.variable.iter().filter(|row| says(row.name) && !sent.contains(&row.var)).map(|row| row.function));
        functions.extend(r.parameter.iter().filter(|row| says(row.name) && !sent.contains(&row.var)).map(|row| row.function));
        functions.extend(r.call.iter().filter(|row| says(row.name)).map(|row| context.function_of(row.site)));
        functions.extend(r.catches.iter().filter(|row| says(row.type_)).map(|row| program.region(row.region).function));
        let fields = r.field.iter().filter(|row| says(row.name)).map(|row| row.class);
        let classes = r.class.iter().filter(|row| says(row.name)).map(|row| row.class).chain(fields).collect();
        let literals: FxHashSet<VarId> = r.literal.iter().filter(|row| says(row.value)).map(|row| row.var).collect();
        let loaded: FxHashSet<VarId> = r.load.iter().filter(|row| says(row.field)).map(|row| row.dst).collect();
        let named = |var: &VarId| literals.contains(var) || loaded.contains(var);
        let given = r.argument.iter().filter(|row| (says(row.keyword) || named(&row.var)) && !sent.contains(&row.var)).map(|row| row.site);
        let compared = r.binary.iter().filter(|row| named(&row.left) || row.right.is_some_and(|right| named(&right))).map(|row| row.site);
        let is_sent = |base: VarId| sent.contains(&base) || program.assign_by_src.of(&r.assign, base).any(|row| sent.contains(&row.dst)) || program.assigned_from(base).any(|row| sent.contains(&row.src));
        let stored = r.store.iter().filter(|row| (named(&row.src) || says(row.field)) && !is_sent(row.base)).map(|row| row.site);
        functions.extend(given.chain(compared).chain(stored).map(|site| context.function_of(site)));
        let variables = r.assign.iter().filter(|row| loaded.contains(&row.src)).filter_map(|row| program.variable(row.dst));
        functions.extend(variables.map(|row| row.function));
        // What a module or a router says, it says for no route in particular.
        functions.retain(|function| program.function(*function).kind != FunctionKind::Module);
        // `request.headers.get("Idempotency-Key")`, `headers["idempotency-key"]`, `key: str = Header()`
        let is_key = |var: &VarId| program.literal(*var).is_some_and(|row| is_idempotency_key(program.text(row.value)));
        let asks = |site: SiteId| program.arguments(site).all(|row| is_key(&row.var) || program.literal(row.var).is_some());
        let asked = r.argument.iter().filter(|row| is_key(&row.var) && asks(row.site)).map(|row| row.site);
        let read = r.load.iter().filter(|row| is_idempotency_key(program.text(row.field)));
        let read = read.flat_map(|row| program.assign_by_src.of(&r.assign, row.dst)).filter_map(|row| program.variable(row.dst));
        let injected = r.parameter.iter().filter(|row| is_idempotency_key(program.text(row.name)));
        let injected = injected.filter(|row| row.default.is_some_and(|default| program.call_giving(default).is_some()));
        // Who sets the key where there is none sends the request, and asks nobody else's: an interceptor of a client.
        let sets = |name: &str| matches!(name, "set" | "add" | "put" | "setHeader" | "header" | "append" | "setIfAbsent");
        let set = r.argument.iter().filter(|row| is_key(&row.var) && !asks(row.site));
        let set = set.filter(|row| program.call(row.site).is_some_and(|call| sets(program.text(call.name))));
        let senders: FxHashSet<FunctionId> = set.map(|row| context.function_of(row.site)).collect();
        let asked = asked.filter(|site| !senders.contains(&context.function_of(*site)));
        let asking = asked.map(|site| context.function_of(site)).chain(read.map(|row| row.function)).chain(injected.map(|row| row.function)).collect();
        let mut speaking = Speaking { functions, classes, asking, everywhere: false };
        let mut middlewares = meaning.operations.of_kind(OpKind::Middleware).flat_map(|op| meaning.invocations.at(op.site));
        speaking.everywhere = middlewares.any(|row| speaking.reached_from(context, row.function, &[]));
        speaking
    }

    /// Whether the handler, something around it or before it, or something that it calls speaks of keys. What it calls only
    /// after the creation that `trace` leads to knows other things again.
    fn reached_from(&self, context: &Context<'_>, handler: FunctionId, trace: &[SiteId]) -> bool {
        let meaning = context.meaning;
        let program = meaning.program;
        let r = &program.facts.relations;
        let mut stack = vec![handler];
        let mut seen: FxHashSet<FunctionId> = FxHashSet::default();
        while let Some(function) = stack.pop() {
            if seen.len() > MAX_REACH || !seen.insert(function) {
                continue;
            }
            let typed = program.parameters(function).filter_map(|row| meaning.class_of(row.var));
            if self.functions.contains(&function) || typed.into_iter().any(|class| self.classes.contains(&class)) {
                return true;
            }
            let on_the_way = trace.iter().find(|site| context.function_of(**site) == function);
            let comes_after =
                |site: SiteId| on_the_way.is_some_and(|at| meaning.precedes(*at, site) && !meaning.precedes(site, *at));
            let before = program.sites(function).map(|row| row.site).filter(|site| !comes_after(*site));
            stack.extend(before.flat_map(|site| meaning.callees(site)));
            stack.extend(program.functions_by_parent.of(&r.function, function).map(|row| row.function));
            // Decorators, guards and interceptors, dependencies.
            let annotations = program.annotation_by_function.of(&r.function_annotation, function).map(|row| row.site);
            let class = program.function(function).class;
            let of_class = class.into_iter().flat_map(|class| program.annotation_by_class.of(&r.class_annotation, class)).map(|row| row.site);
            let of_parameters = r.parameter_annotation.iter().filter(|row| row.function == function).map(|row| row.site);
            for site in annotations.chain(of_class).chain(of_parameters) {
                let named = program.call(site).is_some_and(|call| says_key(program.text(call.name)));
                if named || program.arguments(site).any(|row| self.is_told_by(context, row.var)) {
                    return true;
                }
                stack.extend(meaning.callees(site));
                stack.extend(depended_on(context, site));
            }
            for default in program.parameters(function).filter_map(|row| row.default) {
                if let Some(call) = program.call_giving(default) {
                    stack.extend(meaning.callees(call.site));
                    if program.arguments(call.site).any(|row| self.is_told_by(context, row.var)) {
                        return true;
                    }
                }
            }
        }
        false
    }

    /// Whether a value given to a decorator or a route is, or is named for, something that knows keys.
    fn is_told_by(&self, context: &Context<'_>, var: VarId) -> bool {
        let meaning = context.meaning;
        let program = meaning.program;
        meaning.made_from(var).into_iter().any(|var| {
            let named = program.variable(var).map(|row| row.name).or(program.literal(var).map(|row| row.value));
            let imported = program.import(var).map(|row| row.member);
            let called = program.call_giving(var).map(|call| call.name);
            [named, imported, called].into_iter().flatten().any(|name| says_key(program.text(name)))
        })
    }
}

/// What a decorator or the router that it is of is given to run before the handler:
/// `@router.post("/orders", dependencies=[Depends(claim)])`, `APIRouter(dependencies=[Depends(claim)])`.
fn depended_on(context: &Context<'_>, annotation: SiteId) -> Vec<FunctionId> {
    const MAX_DEPTH: usize = 2;
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let router = program.call(annotation).and_then(|call| call.receiver).and_then(|var| meaning.made_by(var));
    let lists = program.arguments(annotation).chain(router.into_iter().flat_map(|made| program.arguments(made)));
    let mut given: Vec<(VarId, usize)> =
        lists.flat_map(|row| program.element_by_var.of(&r.element, row.var)).map(|row| (row.value, 0)).collect();
    let mut found = Vec::new();
    while let Some((var, depth)) = given.pop() {
        found.extend(meaning.resolution.values_of(var).filter_map(|value| match value.kind {
            ValueKind::Function(function) => Some(function),
            _ => None,
        }));
        if let Some(call) = program.call_giving(var).filter(|_| depth < MAX_DEPTH) {
            given.extend(program.arguments(call.site).map(|row| (row.var, depth + 1)));
        }
    }
    found
}

fn says_key(text: &str) -> bool {
    is_idempotency_key(text) || text.to_ascii_lowercase().contains("idempot")
}

/// So many routes to one effect are shown.
const MAX_SHOWN: usize = 6;

fn report(context: &Context<'_>, routes: &[Created]) -> Finding {
    let Created { trace, effect, harm, .. } = &routes[0];
    let what = context.does(effect);
    let harm_told = match harm {
        Harm::Paid => "the customer pays twice".to_owned(),
        Harm::Seen => "it is there twice".to_owned(),
        Harm::Worked => "the work is done twice".to_owned(),
        Harm::Told => "somebody gets the same message twice".to_owned(),
        Harm::Sent(sent) => format!("what {} for it is done twice, under two identities that nobody can match", context.does(&sent.effect)),
    };
    let message = format!(
        "this route {what} each time it is called; a client that got no answer and tries again, or a second click, and {harm_told}"
    );
    let mut builder = FindingBuilder::new(context, &RULE.info, context.primary(trace), message)
        .subject(context.meaning.text(effect.entity).unwrap_or_default())
        .rests_on(context.confidence_of(trace[0], effect));
    if matches!(harm, Harm::Paid) {
        builder = builder.severity(Severity::Blocker);
    }
    for Created { route, trace, effect, harm } in routes.iter().take(MAX_SHOWN) {
        builder = builder.step(*route, "the route").steps(context.steps(trace, effect));
        if let Harm::Sent(sent) = harm {
            builder = builder.steps(context.steps(&context.meaning.trace(sent.site, &sent.effect), &sent.effect));
        }
    }
    builder
        .checked("no idempotency key is read, and no unique key, upsert or look at stored state knows the request again")
        .help("take an idempotency key from the client and store it with the effect, or give the row a key that the request determines")
        .build()
}
