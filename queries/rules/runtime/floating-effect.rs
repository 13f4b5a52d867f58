//! An effect is started as a promise, a coroutine or a task that nobody waits for or keeps.

use std::collections::BTreeMap;

use ascent::ascent_run;
use distsys_engine::meaning::{Effect, EffectFlags, EffectId, Found, Operand, Operation};
use distsys_engine::words::{is_predicate, words};
use distsys_engine::{Attr, OpKind};
use distsys_facts::{ClassId, FunctionFlags, FunctionId, FunctionKind, RegionId, RegionKind, SiteId, SiteKind, VarId};
use rustc_hash::FxHashSet;

use crate::finding::{Category, Confidence, Finding, Maturity, RuleInfo, Severity};
use crate::only_tells::tells;
use crate::{Context, FindingBuilder, Rule, outlived};

pub(crate) static RULE: Rule = Rule {
    info: RuleInfo {
        slug: "floating-effect",
        category: Category::Runtime,
        severity: Severity::Major,
        maturity: Maturity::Stable,
        yields_to: &[],
        summary: "an effect is started and nobody waits for it",
        page: include_str!("floating-effect.md"),
    },
    judge,
};

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let mut dropped: Vec<(SiteId,)> = Vec::new();
    let mut handled: Vec<(SiteId,)> = Vec::new();
    let mut seen: FxHashSet<SiteId> = FxHashSet::default();
    // Calls of what all others wait for, though it deals with its failures.
    let mut missed: FxHashSet<SiteId> = FxHashSet::default();
    let unawaited: FxHashSet<SiteId> = meaning.invocations.unawaited_calls().collect();
    let mut consider = |site: SiteId| {
        let function = context.function_of(site);
        let for_one = meaning.program.runs_for_one_user(function) || meaning.runs_in_pages(function);
        if seen.insert(site) && context.in_scope(site) && !for_one {
            dropped.push((site,));
            let is_missed = is_waited_for_elsewhere(context, site, &unawaited);
            if is_missed {
                missed.insert(site);
            }
            if handles_failure(context, site) && !is_missed || context.is_telemetry(function) {
                handled.push((site,));
            }
        }
    };
    for site in meaning.invocations.unawaited_calls() {
        consider(site);
    }
    // A helper that forgets what it is given to run.
    for &site in unawaited.iter().filter(|site| !handles_failure(context, **site)) {
        meaning.given_and_dropped(site).into_iter().for_each(&mut consider);
    }
    for op in &meaning.operations.all {
        if meaning.is_lost_unless_awaited(op) {
            consider(op.site);
            // `create_task(work())`: what the task does is done by the call that is given.
            if op.kind == OpKind::Spawn {
                // `def fire(work): create_task(work)`: by those that hand it over.
                let handed = |var: VarId| meaning.resolution.passed_to(var).map(|row| row.argument).chain([var]);
                let given = meaning.program.arguments(op.site).flat_map(|row| handed(row.var));
                given.filter_map(|var| meaning.program.call_giving(var)).for_each(|call| consider(call.site));
            }
        }
    }
    // A function that hands on what an operation gives to wait for, in no language of whose all calls do.
    let handed_on = meaning.dropped_promises();
    for &(site, _) in &handed_on {
        consider(site);
    }
    let mut effects: Vec<(SiteId, EffectId)> = Vec::new();
    for &(site,) in &dropped {
        // What else the function does is done when it returns.
        let of_call = handed_on.partition_point(|row| row.0 < site);
        let waited: Vec<SiteId> = handed_on[of_call..].iter().take_while(|row| row.0 == site).map(|row| row.1).collect();
        if !waited.is_empty() {
            let lost = meaning.effects.at(site).filter(|(effect, _)| is_lost(context, effect));
            let is_waited = |effect: &Effect| {
                let last = meaning.trace(site, effect).last().copied();
                last.is_some_and(|last| waited.iter().any(|op| meaning.is_one_chain(*op, last)))
            };
            effects.extend(lost.filter(|(effect, _)| is_waited(effect)).map(|(_, row)| (site, row.effect)));
            continue;
        }
        // What may as well be a function that does not wait has begun.
        let mut called = meaning.resolution.calls_at(site).iter();
        let never_begins = unawaited.contains(&site)
            && meaning.gives_futures(site)
            && called.all(|edge| meaning.program.function(edge.function).flags.has(FunctionFlags::ASYNC));
        let lost = meaning.effects.at(site).filter(|(effect, _)| is_lost(context, effect) || never_begins && is_undone(effect));
        effects.extend(lost.map(|(_, row)| (site, row.effect)));
    }
    let program = ascent_run! {
        relation dropped(SiteId) = dropped;
        relation handled(SiteId) = handled;
        relation effects(SiteId, EffectId) = effects;
        relation found(SiteId, EffectId);
        found(s, e) <-- dropped(s), !handled(s), effects(s, e);
    };
    let mut found = program.found;
    found.sort_unstable();
    // All calls of one function that nobody waits for have one cause.
    let mut by_callee: BTreeMap<(SiteId, FunctionId), BTreeMap<SiteId, Effect>> = BTreeMap::new();
    for (site, effect) in found {
        let effect = meaning.effects.get(effect);
        // What tells of a failure is a courtesy.
        let Some(trace) = meaning.trace_unless_failed(site, &effect) else { continue };
        // Far below, it is the program that is started, not an effect.
        if trace.len() > MAX_DEPTH || starts_program(context, site) || is_worker(context, site) || context.confidence_of(site, &effect) != Confidence::High {
            continue;
        }
        let mut below = trace.iter().enumerate().skip(1);
        if !missed.contains(&site) && below.any(|(depth, step)| is_caught(context, *step, depth == 1 && !is_on_purpose(context, site))) {
            continue;
        }
        let callee = match trace.get(1) {
            Some(next) => (*trace.last().unwrap_or(next), context.function_of(*next)),
            None => (site, context.function_of(site)),
        };
        by_callee.entry(callee).or_default().entry(site).or_insert(effect);
    }
    // What a timer starts with each turn comes again.
    by_callee.retain(|_, places| !places.keys().any(|site| is_of_timer(context, *site) || is_left_to_timer(context, *site)));
    let mut findings: Vec<Finding> =
        by_callee.into_values().filter_map(|places| report(context, &places, &missed)).collect();
    findings.extend(never_flushed(context));
    findings.extend(outlived::findings(context, &RULE.info));
    findings
}

/// Whether a function is what runs last: what it leaves in a buffer nobody sends.
fn closes(name: &str) -> bool {
    const LAST: &[&str] =
        &["close", "aclose", "stop", "shutdown", "terminate", "finish", "finalize", "exit", "aexit", "join", "teardown", "dispose"];
    words(name.rsplit('.').next().unwrap_or(name)).iter().any(|word| LAST.contains(&word.as_str()))
}

/// Messages that a client is given to buffer at the end, where nothing ever tells it to send what is left.
fn never_flushed(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let buffers = |op: &&Operation| matches!(meaning.attribute(op, Attr::Completion), Found::Is(Operand::Text(text)) if text == "flush");
    let sent: Vec<&Operation> =
        meaning.operations.of_kind(OpKind::Publish).filter(|op| context.in_scope(op.site)).filter(buffers)
            .filter(|op| closes(context.named_function(op.function)))
            .collect();
    if sent.is_empty() {
        return Vec::new();
    }
    let client = |op: &Operation| meaning.program.call(op.call).and_then(|call| call.receiver);
    let class_of = |op: &Operation| meaning.program.function(op.function).class;
    let sending: FxHashSet<ClassId> = sent.iter().filter_map(|op| class_of(op)).collect();
    let flushes: Vec<&Operation> = meaning.operations.of_kind(OpKind::Join).collect();
    let mut by_function: BTreeMap<FunctionId, (SiteId, Vec<SiteId>)> = BTreeMap::new();
    for op in sent {
        let Some((made, all)) = client(op).map(|var| meaning.made_at(var)) else { continue };
        // Another class that sends by itself flushes what it has sent.
        let others = flushes.iter().filter(|flush| match (class_of(op), class_of(flush)) {
            (Some(mine), Some(other)) => mine == other || !sending.contains(&other),
            _ => true,
        });
        // A client that comes from far away is flushed there, or here.
        let file_of = |op: &Operation| meaning.program.file_of_function(op.function);
        let others = others.filter(|flush| all || file_of(flush) == file_of(op));
        let mut flushed = others.filter_map(|flush| client(flush)).map(|var| meaning.made_at(var));
        // Whoever is not seen to make it may flush it, and what is flushed may be it.
        let is_flushed = flushed.any(|(other, seen)| !all || !seen || other.iter().any(|site| made.contains(site)));
        if !is_flushed {
            by_function.entry(op.function).or_insert((op.site, made));
        }
    }
    by_function.into_values().map(|(site, made)| report_buffered(context, site, &made)).collect()
}

fn report_buffered(context: &Context<'_>, site: SiteId, made: &[SiteId]) -> Finding {
    let message = "this message is only put into the client's buffer and nothing ever flushes it; what is buffered when the process stops is lost, and nobody hears of what the broker refused".to_owned();
    let mut builder = FindingBuilder::new(context, &RULE.info, site, message);
    for &creation in made.iter().take(MAX_SHOWN) {
        builder = builder.step(creation, "the client is made here");
    }
    builder
        .checked("no flush of this client anywhere")
        .help("flush the client before what depends on the message is committed, and when the process stops")
        .build()
}

/// Whether the program is started here: the process ends when it does, and says so when it fails.
fn starts_program(context: &Context<'_>, site: SiteId) -> bool {
    let program = context.meaning.program;
    let at_top = program.function(context.function_of(site)).kind == FunctionKind::Module;
    let named = program.call(site).is_some_and(|call| matches!(program.text(call.name), "main" | "bootstrap"));
    let callees = context.meaning.callees(site);
    at_top || named || callees.iter().any(|function| program.text(program.function(*function).name) == "main")
}

/// So many calls of one function are shown.
const MAX_SHOWN: usize = 12;

const MAX_DEPTH: usize = 4;

/// What somebody misses when it did not happen.
fn is_lost(context: &Context<'_>, effect: &Effect) -> bool {
    match effect.kind {
        // Only who listens at the moment gets it: nobody relies on it.
        OpKind::Publish => !effect.flags.has(EffectFlags::LOSSY),
        OpKind::DbWrite | OpKind::Enqueue | OpKind::Payment | OpKind::Notify | OpKind::ObjectWrite => true,
        OpKind::HttpRequest => matches!(context.meaning.text(effect.verb), Some("post" | "put" | "patch" | "delete")),
        _ => false,
    }
}

/// What somebody misses when it was not even begun: it is no courtesy that failed for once, but never happens.
fn is_undone(effect: &Effect) -> bool {
    matches!(effect.kind, OpKind::CacheWrite | OpKind::CacheDelete | OpKind::LockRelease | OpKind::Ack | OpKind::Nack)
}

/// Whether the function of a call deals with whatever fails in it; what it gives its caller for that counts as nothing where
/// that is `dropped`.
fn is_caught(context: &Context<'_>, site: SiteId, dropped: bool) -> bool {
    let meaning = context.meaning;
    let failures = meaning.failures(context.function_of(site));
    let mut handlers = failures.iter().filter(|failure| failure.all && !failure.empty && failure.protected.contains(&site));
    handlers.any(|failure| {
        let is_told = || dropped && failure.region.is_some_and(|region| meaning.gives_failure(region));
        let lets_out = failure.region.is_some_and(|region| lets_out(context, region));
        !meaning.throws_again(failure) && !lets_out && !is_told()
    })
}

/// Whether a handler throws what it does not know, and tells nobody: `catch (error) { if (!isGone(error)) throw error }`.
fn lets_out(context: &Context<'_>, region: RegionId) -> bool {
    let program = context.meaning.program;
    let sites = context.meaning.sites_in(region);
    let told = |site: &SiteId| program.call(*site).is_some_and(|call| tells(context, call) && !is_predicate(program.text(call.name)));
    sites.iter().any(|site| program.site(*site).kind == SiteKind::Throw) && !sites.iter().any(told)
}

/// Whether what is called goes round for ever: a worker is started, which nobody waits for.
fn is_worker(context: &Context<'_>, site: SiteId) -> bool {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let is_true = |var: VarId| program.literal(var).is_some_and(|row| matches!(program.text(row.value), "true" | "True" | "1"));
    let is_endless = |region: RegionId| {
        let mut asked = program.condition_by_region.of(&r.condition, region);
        program.iterates_by_region.first(&r.iterates, region).is_none() && asked.all(|row| is_true(row.var))
    };
    let callees = context.meaning.resolution.calls_at(site).iter().map(|edge| edge.function);
    let mut regions = callees.flat_map(|function| program.regions_by_function.of(&r.region, function));
    regions.any(|row| row.kind == RegionKind::Loop && is_endless(row.region) && !leaves(context, row.region))
}

/// Whether a loop gives something back, and so ends.
fn leaves(context: &Context<'_>, region: RegionId) -> bool {
    let sites = context.meaning.sites_in(region);
    sites.into_iter().any(|site| context.meaning.program.site(site).kind == SiteKind::Return)
}

/// `void record(…)`: somebody has thought of it.
fn is_on_purpose(context: &Context<'_>, site: SiteId) -> bool {
    let program = context.meaning.program;
    let result = program.call(site).map(|call| call.result);
    program.binaries(context.function_of(site)).any(|row| Some(row.left) == result && program.text(row.operator) == "void")
}

/// Whether a site stands in what a timer runs, which waits for nothing: there is nobody to answer.
fn is_of_timer(context: &Context<'_>, site: SiteId) -> bool {
    let meaning = context.meaning;
    let function = context.function_of(site);
    let is_closure = meaning.program.function(function).kind == FunctionKind::Closure;
    let mut timers = meaning.operations.of_kind(OpKind::Cron).flat_map(|op| meaning.invocations.at(op.site));
    is_closure && !meaning.program.function(function).flags.has(FunctionFlags::ASYNC) && timers.any(|row| row.function == function)
}

/// Whether a job that a timer runs, and that is told nothing, says that it waits for no end (`void`): the next turn does it again.
fn is_left_to_timer(context: &Context<'_>, site: SiteId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let function = context.function_of(site);
    let result = program.call(site).map(|call| call.result);
    let is_meant = || program.binaries(function).any(|row| Some(row.left) == result && program.text(row.operator) == "void");
    is_meant() && meaning.takes_nothing(function) && meaning.is_run_by_timer(function)
}

/// `.catch(…)`, `.then(…, …)`, or a body that catches all by itself: somebody thought of its failure.
fn handles_failure(context: &Context<'_>, site: SiteId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let Some(call) = program.call(site) else { return true };
    // `work().then(next).catch(log)`: a handler at the end of a chain is for all of it.
    let mut stack = vec![call.result];
    let mut chained = false;
    while let Some(at) = stack.pop().filter(|_| !chained) {
        for next in program.calls_by_receiver.of(&r.call, at) {
            let is_then = program.text(next.name) == "then";
            chained |= matches!(program.text(next.name), "catch" | "add_done_callback")
                || is_then && program.arguments(next.site).nth(1).is_some()
                || program.text(next.name) == "finally" && at == call.result;
            stack.extend(is_then.then_some(next.result));
        }
    }
    let catches = |function| {
        program.regions_by_function.of(&r.region, function).any(|row| {
            row.kind == RegionKind::Catch
                && (is_on_purpose(context, site) || !meaning.gives_failure(row.region))
                && !lets_out(context, row.region)
                && program.catches_by_region.of(&r.catches, row.region).any(|row| {
                    matches!(program.text(row.type_), "" | "Exception" | "BaseException")
                })
        })
    };
    // A wrapper that catches does so for what it is given to run, too.
    let called = |site: SiteId| {
        let named: Vec<FunctionId> = meaning.resolution.calls_at(site).iter().map(|edge| edge.function).collect();
        if named.is_empty() { meaning.callees(site) } else { named }
    };
    // `const cleanup = async () => safely(() => rows.deleteExpired())`
    let hands_on = |function| {
        let mut given = program.returns_by_function.of(&r.returns, function).filter_map(|row| row.var).peekable();
        given.peek().is_some()
            && given.all(|var| {
                let callees = program.call_giving(program.held_at(var)).map(|call| called(call.site));
                callees.is_some_and(|callees| !callees.is_empty() && callees.into_iter().all(&catches))
            })
    };
    let callees = called(site);
    chained || (!callees.is_empty() && callees.into_iter().all(|function| catches(function) || hands_on(function)))
}

/// So many wait for a function that is called to be waited for.
const MANY_WAIT: usize = 4;

/// Whether all but a few calls of what is called at a site wait for it: it is no helper that runs by itself, be its failures
/// told by it or not, and here alone the caller goes on before it is done.
fn is_waited_for_elsewhere(context: &Context<'_>, site: SiteId, unawaited: &FxHashSet<SiteId>) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let Some(call) = program.call(site) else { return false };
    let [edge] = meaning.resolution.calls_at(site) else { return false };
    if !program.function(edge.function).flags.has(FunctionFlags::ASYNC) {
        return false;
    }
    let callers = meaning.callers(edge.function).iter().filter(|caller| context.in_scope(**caller));
    let (dropped, waiting): (Vec<SiteId>, Vec<SiteId>) = callers.partition(|caller| unawaited.contains(caller));
    // `void record(…)`, `record(…).catch(…)`: somebody has thought of it.
    let is_meant = || {
        program.calls_by_receiver.of(&r.call, call.result).next().is_some()
            || is_on_purpose(context, site)
    };
    waiting.len() >= MANY_WAIT && waiting.len() >= MANY_WAIT * dropped.len() && !is_meant()
}

fn report(context: &Context<'_>, places: &BTreeMap<SiteId, Effect>, missed: &FxHashSet<SiteId>) -> Option<Finding> {
    let (&site, effect) = places.first_key_value()?;
    let trace = context.meaning.trace(site, effect);
    let what = context.does(effect);
    let message = match missed.contains(&site) {
        true => format!(
            "nobody waits here for what {what}, as the other callers do; the caller goes on and answers before it is done, and when the process stops first it never happened"
        ),
        false => format!(
            "nobody waits for what {what}; when it fails nobody is told, and when the process stops first it never happened although the caller was answered"
        ),
    };
    let mut builder = FindingBuilder::new(context, &RULE.info, site, message)
        .subject(context.meaning.text(effect.entity).unwrap_or_default())
        .rests_on(context.confidence_of(site, effect))
        .steps(context.steps(&trace, effect));
    for other in places.keys().skip(1).take(MAX_SHOWN) {
        builder = builder.step(*other, "nor here");
    }
    let finding = builder
        .checked("it is not awaited, returned, kept or given a handler for its failure")
        .help("await it, or hand it to a queue that outlives the process")
        .build();
    Some(finding)
}
