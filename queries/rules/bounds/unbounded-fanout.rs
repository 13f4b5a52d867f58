//! Remote calls are started at once for every element of a collection that nothing bounds.

use ascent::ascent_run;
use distsys_engine::meaning::{Effect, EffectId, Found, Mode, Operand, Operation};
use distsys_engine::words::words;
use distsys_engine::{Attr, OpKind};
use distsys_facts::schema::Parameter;
use distsys_facts::{FunctionId, FunctionKind, ParameterKind, RegionId, RegionKind, SiteId, SiteKind, Sym, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::sizes::{is_bounded, is_of_few};

use crate::finding::{Category, Confidence, Finding, Maturity, RuleInfo, Severity};
use crate::handlers::handlers;
use crate::started::{MAX_BEGUN, continues, elements_of, gathered, iterated_at, started_by};
use crate::{Context, FindingBuilder, Rule};

pub(crate) static RULE: Rule = Rule {
    info: RuleInfo {
        slug: "unbounded-fanout",
        category: Category::Bounds,
        severity: Severity::Major,
        maturity: Maturity::Stable,
        yields_to: &[],
        summary: "as many remote calls start at once as a collection has elements",
        page: include_str!("unbounded-fanout.md"),
    },
    judge,
};

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let mut starts: Vec<(SiteId, SiteId, VarId)> = Vec::new();
    for op in meaning.operations.of_kind(OpKind::Gather).filter(|op| serves(context, op.site)) {
        // `pMap(ids, load)`: it calls the function itself.
        if let Found::Is(Operand::Var(over)) = meaning.attribute(op, Attr::Value)
            && meaning.invocations.at(op.site).any(|run| run.mode == Mode::Inline)
        {
            starts.push((op.site, op.site, over));
        }
        for (gather, held) in gathered(context, op.site).into_iter().flat_map(|held| held_by_callers(context, op.site, held)) {
            let started = started_by(context, gather, held).into_iter();
            starts.extend(started.map(|(site, over)| (gather, site, over)));
        }
    }
    let one_by_one = |op: &Operation| meaning.attribute(op, Attr::Capacity) == Found::Is(Operand::Text("1".to_owned()));
    for op in meaning.operations.of_kind(OpKind::Spawn).filter(|op| serves(context, op.site) && !one_by_one(op)) {
        if let Some(over) = iterated_at(context, op.site, None).or_else(|| elements_of(context, op.function)) {
            starts.push((op.site, op.site, over));
            // `spawn(work(item))`
            let futures = meaning.program.arguments(op.site).filter_map(|row| meaning.program.call_giving(row.var));
            starts.extend(futures.map(|call| (op.site, call.site, over)));
        }
    }
    let helped: Vec<(SiteId, SiteId, VarId)> = starts.iter().flat_map(|start| handed_in(context, *start)).collect();
    starts.extend(helped);
    let mut calls: Vec<(SiteId, EffectId)> = Vec::new();
    let mut limited: Vec<(SiteId,)> = Vec::new();
    let mut traces: FxHashMap<(SiteId, EffectId), Vec<SiteId>> = FxHashMap::default();
    for &(_, site, over) in &starts {
        for (effect, row) in meaning.effects.at(site).filter(|(effect, _)| effect.kind.asks_another_system() || is_transaction(effect.kind)) {
            // What tells of a failure is not what each element does.
            let Some(trace) = meaning.trace_unless_failed(site, &effect) else { continue };
            let is_far = trace.len() > MAX_DEPTH && trace.iter().skip(1).any(|step| is_behind_condition(context, *step));
            if is_far || trace.iter().any(|step| context.is_limited(*step) || is_one_at_a_time(context, *step)) {
                continue;
            }
            if is_transaction(effect.kind) && trace.iter().skip(1).any(|step| is_behind_condition(context, *step)) {
                continue;
            }
            calls.push((site, row.effect));
            traces.insert((site, row.effect), trace);
        }
        if context.is_limited(site)
            || is_of_limited_group(context, site)
            || waits_while_full(context, site)
            || stops_at_a_count(context, site)
            || asks_each_client(context, site, over)
        {
            limited.push((site,));
        }
    }
    let sized: Vec<(VarId,)> =
        starts.iter().map(|(_, _, over)| *over).filter(|over| is_bounded(context, *over)).map(|over| (over,)).collect();
    let mut again: Vec<(SiteId, SiteId)> = Vec::new();
    for &(gather, _, over) in &starts {
        let sources = meaning.made_from(over);
        let earlier = starts.iter().map(|(earlier, _, _)| *earlier).filter(|earlier| *earlier != gather);
        let gathered = earlier.filter(|earlier| meaning.program.call(*earlier).is_some_and(|call| sources.contains(&call.result)));
        again.extend(gathered.map(|earlier| (gather, earlier)));
    }
    let program = ascent_run! {
        relation starts(SiteId, SiteId, VarId) = starts;
        relation calls(SiteId, EffectId) = calls;
        relation limited(SiteId) = limited;
        relation sized(VarId) = sized;
        relation again(SiteId, SiteId) = again;
        relation unbounded(SiteId, SiteId, VarId, EffectId);
        unbounded(g, s, over, e) <-- starts(g, s, over), !sized(over), !limited(s), calls(s, e);
        relation told(SiteId);
        told(g) <-- unbounded(g, _, _, _);
        // A second pass over what a first one gave has the same cause.
        relation repeated(SiteId);
        repeated(g) <-- again(g, first), told(first);
        relation found(SiteId, SiteId, VarId, EffectId);
        found(g, s, over, e) <-- unbounded(g, s, over, e), !repeated(g);
    };
    let mut found = program.found;
    found.sort_unstable();
    let mut by_place: FxHashMap<SiteId, (SiteId, VarId, EffectId)> = FxHashMap::default();
    for (gather, start, over, effect) in found {
        by_place.entry(gather).or_insert((start, over, effect));
    }
    let handled = if by_place.is_empty() { FxHashSet::default() } else { run_for_messages(context) };
    by_place
        .into_iter()
        .filter_map(|(gather, (start, over, effect))| {
            let growth = growth(context, gather, over, &handled);
            // What a function works out for the part that it was given is no more than that.
            let of_part = growth < Confidence::High && is_of_few(context.named_function(context.function_of(gather)));
            (!of_part).then(|| report(context, gather, &traces[&(start, effect)], growth, &meaning.effects.get(effect)))
        })
        .collect()
}

/// Further down, what each element does hangs on so many branches that most never come there.
const MAX_DEPTH: usize = 5;

/// How sure it is that the collection grows with data: it comes from a store or another service, or from whoever asks; what
/// code that nobody is seen to serve is given may be three.
fn growth(context: &Context<'_>, gather: SiteId, over: VarId, handled: &FxHashSet<FunctionId>) -> Confidence {
    let meaning = context.meaning;
    let is_data = |kind: OpKind| {
        matches!(kind, OpKind::DbRead | OpKind::Sql | OpKind::HttpRequest | OpKind::CacheRead | OpKind::ObjectRead | OpKind::Receive)
    };
    // Through what callers give, as long as they do not bound it.
    let (mut reads, mut stack, mut seen) = (false, vec![over], FxHashSet::default());
    while let Some(var) = stack.pop() {
        if reads || seen.len() > MAX_GIVEN {
            break;
        }
        if !seen.insert(var) {
            continue;
        }
        let sources = meaning.made_from(var);
        let mut calls = sources.iter().filter_map(|var| meaning.program.call_giving(*var));
        reads = calls.any(|call| meaning.effects.at(call.site).any(|(effect, _)| is_data(effect.kind)));
        // Not what it is a field of: a service is made from much.
        let whole = meaning.made_from_by(var, |_| false);
        let given = whole.iter().filter(|var| {
            meaning.program.parameter(**var).is_some_and(|row| row.kind != ParameterKind::Receiver)
        });
        let given = given.flat_map(|var| meaning.resolution.passed_to(*var)).map(|row| row.argument);
        let mut open: Vec<VarId> = given.filter(|var| !is_bounded(context, *var)).collect();
        open.sort_unstable();
        stack.extend(open);
    }
    let function = context.function_of(gather);
    match (reads, meaning.is_served(function) || handled.contains(&function)) {
        (true, _) => Confidence::High,
        (false, true) => Confidence::Medium,
        (false, false) => Confidence::Low,
    }
}

/// What runs for the messages that a loop takes by hand.
fn run_for_messages(context: &Context<'_>) -> FxHashSet<FunctionId> {
    let handlers = handlers(context, |op| op.kind == OpKind::Consume);
    let own = handlers.iter().filter(|handler| handler.region.is_none()).map(|handler| handler.function);
    let called = handlers.iter().flat_map(|handler| &handler.sites).flat_map(|site| context.meaning.callees(*site));
    context.meaning.reached(own.chain(called).collect())
}

/// What callers give is followed through so many variables.
const MAX_GIVEN: usize = 24;

/// What waits for another system without a pool that bounds how many wait.
/// Whether a site is reached only where something holds: of what each element may do, few may come there.
fn is_behind_condition(context: &Context<'_>, site: SiteId) -> bool {
    let program = context.meaning.program;
    program.regions_outward(program.site(site).region).any(|row| matches!(row.kind, RegionKind::Branch | RegionKind::Else | RegionKind::Loop))
}

/// What has a connection of the pool for itself from its beginning to its end: all others wait for one, those of other requests too.
fn is_transaction(kind: OpKind) -> bool {
    matches!(kind, OpKind::TxScope | OpKind::TxBegin)
}

/// Whether a site is in code of a service.
fn serves(context: &Context<'_>, site: SiteId) -> bool {
    context.in_scope(site) && !context.meaning.program.runs_in_browser(context.function_of(site))
}

/// What is gathered at a site, and what callers have begun that a helper gathers: `together(load(id) for id in ids)`, each with
/// the call that gives it.
fn held_by_callers(context: &Context<'_>, gather: SiteId, held: VarId) -> Vec<(SiteId, VarId)> {
    let meaning = context.meaning;
    let program = meaning.program;
    let mut found = vec![(gather, held)];
    let mut at = 0;
    while let Some(&(site, var)) = found.get(at).filter(|_| found.len() < MAX_GIVEN) {
        at += 1;
        let own = |row: &&Parameter| row.function == context.function_of(site) && row.kind != ParameterKind::Receiver;
        let Some(parameter) = program.parameter(program.held_at(var)).filter(own) else { continue };
        let given = meaning.resolution.passed_to(parameter.var).filter(|row| serves(context, row.site));
        found.extend(given.map(|row| (row.site, row.argument)));
    }
    found
}

/// Calls of a helper that does for all elements of a list what it is given to do: `everyone(orders, (order) => send(order))`.
fn handed_in(context: &Context<'_>, (gather, start, over): (SiteId, SiteId, VarId)) -> Vec<(SiteId, SiteId, VarId)> {
    let meaning = context.meaning;
    let program = meaning.program;
    // Closures of its own do it for the helper.
    let mut helper = context.function_of(gather);
    while let Some(parent) = program.function(helper).parent.filter(|_| program.function(helper).kind == FunctionKind::Closure) {
        helper = parent;
    }
    // What it calls is its own parameter, or is given as one to what runs over the list.
    let is_own = |var: VarId| {
        let at = program.held_at(var);
        // `items.stream()`
        let walked = program.call_giving(at).filter(|call| matches!(program.text(call.name), "iter" | "into_iter" | "stream" | "parallelStream"));
        let at = walked.and_then(|call| call.receiver).map_or(at, |from| program.held_at(from));
        program.parameter(at).filter(|row| row.function == helper)
    };
    let within = program.arguments(start).filter_map(|row| program.closure(row.var)).chain([helper]);
    let calls = |site: SiteId| meaning.invocations.is_through_parameter(site);
    let called = within.flat_map(|function| program.sites(function)).find(|row| calls(row.site)).map(|row| row.site);
    let given = program.arguments(start).any(|row| is_own(row.var).is_some());
    let Some(list) = is_own(over).filter(|_| called.is_some() || given) else { return Vec::new() };
    if [Some(start), called].into_iter().flatten().any(|site| context.is_limited(site)) {
        return Vec::new();
    }
    let callers = meaning.callers(helper).iter().copied().filter(|site| serves(context, *site));
    let handed = callers.filter_map(|site| {
        let passed = meaning.resolution.passed_at(site).iter();
        let list = passed.clone().find(|row| row.parameter == list.var)?.argument;
        passed.clone().any(|row| meaning.is_function(row.argument)).then_some((site, site, list))
    });
    handed.collect()
}

/// Whether what is done for each element is to ask a client that the element is or brings: one request for each machine, of
/// which there are few. The elements of an object's own list are clients if it asks them, whatever they do to answer.
fn asks_each_client(context: &Context<'_>, site: SiteId, over: VarId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let elements_of = |over: VarId| {
        let loads = program.load_by_base.of(&r.load, over).filter(|load| program.text(load.field).starts_with('['));
        loads.map(|load| load.dst).collect::<Vec<VarId>>()
    };
    // `for (client, jobs) in by_client { for request in requests_of(jobs) { … } }`
    let around = program.regions_outward(program.site(site).region).filter(|row| row.kind == RegionKind::Loop);
    let iterated = around.flat_map(|row| program.iterates_by_region.of(&r.iterates, row.region)).map(|row| row.var);
    let mut elements: Vec<VarId> = iterated.chain([over]).flat_map(elements_of).collect();
    let mut calls = vec![site];
    for run in meaning.invocations.at(site).filter(|run| run.mode == Mode::Inline) {
        let taken = program.parameters(run.function).filter(|row| row.kind != ParameterKind::Receiver);
        elements.extend(taken.map(|row| row.var));
        let blocks = program.functions_by_parent.of(&r.function, run.function).map(|row| row.function);
        let inside = std::iter::once(run.function).chain(blocks).flat_map(|function| program.sites(function));
        calls.extend(inside.filter(|row| program.call(row.site).is_some()).map(|row| row.site));
    }
    let own = is_own_list(context, over);
    let asks = |kind: OpKind| kind == OpKind::Rpc || own && kind.asks_another_system();
    let is_client = |var: VarId| {
        let mut methods = meaning.class_of(var).into_iter().flat_map(|class| program.method_by_class.of(&r.method, class));
        let mut asked = program.calls_by_receiver.of(&r.call, var);
        methods.any(|method| meaning.effects.in_function(method.function).any(|(effect, _)| asks(effect.kind)))
            || asked.any(|call| meaning.effects.at(call.site).any(|(effect, _)| asks(effect.kind)))
    };
    let is_element = |var: VarId| {
        let made = meaning.made_from(var);
        elements.iter().any(|element| made.contains(element))
    };
    calls.into_iter().any(|call| {
        let given = meaning.resolution.passed_at(call).iter().any(|row| is_client(row.parameter) && is_element(row.argument));
        let asked = || program.call(call).and_then(|call| call.receiver).is_some_and(|var| is_client(var) && is_element(var));
        given || own && asked()
    })
}

/// Whether a collection is what an object holds in a field: `self.backends.iter()`.
fn is_own_list(context: &Context<'_>, over: VarId) -> bool {
    let program = context.meaning.program;
    let mut at = over;
    for _ in 0..MAX_DEPTH {
        if let Some(load) = program.loaded_as(at) {
            return program.parameter(load.base).is_some_and(|row| row.kind == ParameterKind::Receiver);
        }
        let walked = |name: &str| matches!(name, "iter" | "iter_mut" | "into_iter" | "values" | "items" | "stream");
        let walked = program.call_giving(at).filter(|call| walked(program.text(call.name)));
        match walked.and_then(|call| call.receiver).or_else(|| program.assigned_from(at).next().map(|row| row.src)) {
            Some(from) => at = from,
            None => return false,
        }
    }
    false
}

/// Whether what begins an element's work is asked of a group that a helper of the project has made with a limit:
/// `group := bounded(8)`, `group.Go(…)`.
fn is_of_limited_group(context: &Context<'_>, site: SiteId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let Some(group) = program.call(site).and_then(|call| call.receiver) else { return false };
    let made = meaning.made_from(group).into_iter().filter_map(|var| program.call_giving(var));
    made.flat_map(|call| meaning.callees(call.site)).any(|helper| {
        let returned = program.returns_by_function.of(&program.facts.relations.returns, helper).filter_map(|row| row.var);
        let given: FxHashSet<VarId> = returned.flat_map(|var| meaning.made_from(var)).collect();
        let mut limits = meaning.operations.of_kind(OpKind::Limiter).filter(|op| op.function == helper);
        limits.any(|op| {
            program.call(op.site).is_some_and(|call| given.contains(&call.result) || call.receiver.is_some_and(|on| given.contains(&on)))
        })
    })
}

/// Whether a site is reached under a lock that one alone has: the others wait for it, whoever began them.
fn is_one_at_a_time(context: &Context<'_>, site: SiteId) -> bool {
    let meaning = context.meaning;
    let is_shared = |name: &str| words(name).iter().any(|word| matches!(word.as_str(), "read" | "rlock" | "get" | "shared"));
    meaning.scopes.in_function(context.function_of(site)).any(|scope| {
        let name = scope.op.and_then(|_| meaning.operation(scope)).and_then(|op| meaning.program.call(op.site));
        scope.kind == OpKind::Guard
            && name.is_some_and(|call| !is_shared(&meaning.program.text(call.name).to_lowercase()))
            && meaning.sites(scope).contains(&site)
    })
}

/// Whether how many are under way is compared in the loop that begins more, of the collection that is begun into:
/// `while tasks.len() >= 8 { tasks.join_next().await; } tasks.spawn(work(item));`.
fn waits_while_full(context: &Context<'_>, site: SiteId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let Some(call) = program.call(site) else { return false };
    let Some(around) = program.regions_outward(program.site(site).region).find(|row| row.kind == RegionKind::Loop) else {
        return false;
    };
    // `tasks.spawn(…)`, `tasks.push(spawn(…))`, `let task = spawn(…).boxed(); tasks.push(task)`
    let mut goes_on = vec![call.result];
    let mut at = 0;
    while at < goes_on.len() && goes_on.len() < MAX_BEGUN {
        let var = goes_on[at];
        let copies = program.assign_by_src.of(&r.assign, var).map(|row| row.dst);
        let continued = program.calls_by_receiver.of(&r.call, var).filter(|call| continues(program.text(call.name)));
        let next: Vec<VarId> = copies.chain(continued.map(|call| call.result)).filter(|var| !goes_on.contains(var)).collect();
        goes_on.extend(next);
        at += 1;
    }
    let kept = goes_on.iter().flat_map(|var| program.argument_by_var.of(&r.argument, *var));
    let kept = kept.filter_map(|row| program.call(row.site));
    let holders: FxHashSet<VarId> = std::iter::once(call).chain(kept).filter_map(|call| call.receiver).collect();
    let holds = |var: VarId| holders.contains(&var) || program.assigned_from(var).any(|row| holders.contains(&row.src));
    let is_size = |var: VarId| {
        let counted = program.call_giving(var).is_some_and(|call| {
            let of = call.receiver.or_else(|| program.arguments(call.site).next().map(|row| row.var));
            matches!(program.text(call.name), "len" | "size" | "count" | "length") && of.is_some_and(holds)
        });
        counted
            || program.loaded_as(var).is_some_and(|load| {
                matches!(program.text(load.field), "length" | "size") && holds(load.base)
            })
    };
    program.binaries(program.region(around.region).function).any(|row| {
        program.region_within(program.site(row.site).region, around.region)
            && matches!(program.text(row.operator), "<" | "<=" | ">" | ">=" | "==" | "===")
            && (is_size(row.left) || row.right.is_some_and(is_size))
    })
}

/// Whether the loop that begins more leaves off at so many, as counted by a variable or field that it compares: `if (seen >=
/// max) break; seen += 1; tasks.push(work(item));`.
fn stops_at_a_count(context: &Context<'_>, site: SiteId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let function = context.function_of(site);
    // `(async () => …)()`: begun by the function around it.
    let turns = program.regions_outward(program.site(site).region).find(|row| row.kind == RegionKind::Loop);
    let Some(turn) = turns else { return false };
    let name_of = |var: VarId| {
        let loaded = program.loaded_as(var).map(|load| load.field);
        loaded.or_else(|| program.variable(var).map(|row| row.name)).filter(|name| !name.is_empty())
    };
    // Before anything is waited for: by the loop, or first thing by what each turn calls.
    let callees = meaning.callees(site);
    let counted = |function: FunctionId, within: Option<RegionId>| -> FxHashSet<Sym> {
        let waits = program.sites(function).find(|row| row.kind == SiteKind::Await).map(|row| row.site);
        let rows = program.binaries(function).filter(|row| {
            let region = program.site(row.site).region;
            matches!(program.text(row.operator), "+=" | "++")
                && within.is_none_or(|turn| program.region_within(region, turn))
                && (within.is_some() || waits.is_none_or(|wait| row.site < wait))
        });
        rows.filter_map(|row| name_of(row.left)).collect()
    };
    let mut counts = counted(function, Some(turn.region));
    counts.extend(callees.into_iter().flat_map(|callee| counted(callee, None)));
    if counts.is_empty() {
        return false;
    }
    let is_count = |var: VarId| name_of(var).is_some_and(|name| counts.contains(&name));
    let full = |condition: VarId| {
        let parts = meaning.made_from(condition).into_iter().chain([condition]);
        parts.flat_map(|var| program.binary_by_dst.of(&r.binary, var)).any(|row| match program.text(row.operator) {
            ">" | ">=" | "==" | "===" => is_count(row.left),
            "<" | "<=" => row.right.is_some_and(is_count),
            _ => false,
        })
    };
    let mut arms = program.regions_by_function.of(&r.region, function).filter(|row| {
        row.kind == RegionKind::Branch && row.region != turn.region && program.region_within(row.region, turn.region)
    });
    arms.any(|arm| {
        let mut inside = program.sites(function).filter(|row| program.region_within(row.region, arm.region));
        // `break` and `continue` are no sites.
        inside.next().is_none() && program.condition_by_region.of(&r.condition, arm.region).any(|row| full(row.var))
    })
}

fn report(context: &Context<'_>, gather: SiteId, trace: &[SiteId], growth: Confidence, effect: &Effect) -> Finding {
    let message = match is_transaction(effect.kind) {
        true => "every element of a collection of unknown size opens a transaction at the same time; a large one takes all connections of the pool, and every other request waits for one".to_owned(),
        false => format!(
            "every element of a collection of unknown size {} at the same time; a large one exhausts sockets and memory here and is an attack on the other side",
            context.does(effect)
        ),
    };
    FindingBuilder::new(context, &RULE.info, gather, message)
        .rests_on(context.confidence_of(trace[0], effect).min(growth))
        .steps(context.steps(trace, effect))
        .checked("no chunks, semaphore, limit of concurrency or bound on the collection")
        .help("bound how many run at once: a semaphore, chunks, `buffer_unordered`, `p-limit`")
        .build()
}
