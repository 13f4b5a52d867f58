//! A message is acknowledged before what it asks for is done.

use ascent::ascent_run;
use distsys_engine::meaning::{Effect, EffectFlags, EffectId, Found, Mode, Operand, Operation};
use distsys_engine::{Attr, OpKind};
use distsys_facts::schema::Parameter;
use distsys_facts::{EdgeKind, FunctionId, RegionKind, SiteId, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::begun::begun_before;
use crate::done::{Done, done_at, given_at};
use crate::handlers::{comes_again, handlers, is_work};
use crate::retried::is_payment;

use crate::finding::{Category, Finding, Maturity, RuleInfo, Severity};
use crate::{Context, FindingBuilder, Rule};

pub(crate) static RULE: Rule = Rule {
    info: RuleInfo {
        slug: "ack-before-processing",
        category: Category::Messaging,
        severity: Severity::Major,
        maturity: Maturity::Stable,
        yields_to: &[],
        summary: "a message counts as done before its effect is",
        page: include_str!("ack-before-processing.md"),
    },
    judge,
};

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let mut acks: Vec<(FunctionId, SiteId)> = Vec::new();
    for op in meaning.operations.of_kind(OpKind::Ack).filter(|op| context.in_scope(op.site)) {
        acks.push((op.function, op.site));
    }
    // A helper that does nothing but acknowledge.
    for row in meaning.effects.rows() {
        let effect = meaning.effects.get(row.effect);
        let callees = meaning.callees(row.site);
        let takes = |function: &FunctionId| meaning.operations.of_kind(OpKind::Consume).any(|op| op.function == *function);
        let is_helper = effect.kind == OpKind::Ack
            && !effect.flags.has(EffectFlags::BACKGROUND)
            && context.in_scope(row.site)
            && !callees.is_empty()
            && meaning.trace(row.site, &effect).len() <= MAX_HELPERS
            && callees.iter().all(|function| !takes(function) || hands_on(context, *function));
        if is_helper && !meaning.effects.at(row.site).any(|(effect, _)| is_work(context, &effect)) {
            acks.push((context.function_of(row.site), row.site));
        }
    }
    let mut handles: Vec<(SiteId, FunctionId)> = Vec::new();
    for op in meaning.operations.of_kind(OpKind::Consume).filter(|op| context.in_scope(op.site)) {
        if acknowledges_on_receipt(context, op) && !is_said_by_callers(context, op) {
            handles.extend(meaning.invocations.at(op.site).map(|row| (op.site, row.function)));
        }
    }
    // Taken in a loop: what each turn does.
    let mut turns: Vec<(SiteId, SiteId)> = Vec::new();
    let mut in_turns: FxHashSet<FunctionId> = FxHashSet::default();
    for handler in handlers(context, |op| op.kind == OpKind::Consume && acknowledges_on_receipt(context, op)) {
        // Of a consumer that is made where it is not seen, what it says of acknowledgement is not seen either.
        let says = context.operation(handler.origin, OpKind::Consume).is_some_and(|op| acknowledges_on_receipt(context, op));
        if handler.region.is_some() && says {
            in_turns.insert(handler.function);
            turns.extend(handler.sites.iter().map(|site| (handler.origin, *site)));
        }
    }
    // What an object of the project gives to a loop is acknowledged before the turn.
    let mut looped: Vec<(SiteId, Done)> = Vec::new();
    for row in &meaning.program.facts.relations.iterates {
        let Some(ack) = given_out_acknowledged(context, row.var) else { continue };
        let turn = meaning.sites_in(row.region).into_iter().filter(|site| context.in_scope(*site));
        let done = turn.flat_map(|site| done_at(context, site)).find(|done| is_work(context, &done.effect));
        looped.extend(done.map(|done| (ack, done)));
    }
    // Done by what a caller gives the acknowledging function to run.
    let mut given: Vec<(SiteId, Done)> = Vec::new();
    for &(function, ack) in &acks {
        let later = meaning.program.sites(function).map(|row| row.site).filter(|site| meaning.precedes(ack, *site));
        let done = later.flat_map(|site| given_at(context, site)).find(|done| is_work(context, &done.effect));
        given.extend(done.map(|done| (ack, done)));
    }
    let mut functions: FxHashSet<FunctionId> = acks.iter().map(|(function, _)| *function).collect();
    functions.extend(handles.iter().map(|(_, function)| *function));
    functions.extend(in_turns);
    let mut effects: Vec<(FunctionId, SiteId, EffectId)> = Vec::new();
    for function in functions {
        for (effect, row) in meaning.effects.in_function(function) {
            if is_work(context, &effect) {
                effects.push((function, row.site, row.effect));
            }
        }
    }
    let program = ascent_run! {
        relation acks(FunctionId, SiteId) = acks.clone();
        relation handles(SiteId, FunctionId) = handles;
        relation turns(SiteId, SiteId) = turns;
        relation effects(FunctionId, SiteId, EffectId) = effects;
        relation found(SiteId, SiteId, EffectId);
        found(a, s, e) <-- acks(f, a), effects(f, s, e), if a != s && meaning.precedes(*a, *s) && !is_left_out(context, *a, *s);
        // The consumer's setting acknowledges before the handler runs.
        found(c, s, e) <-- handles(c, f), effects(f, s, e);
        found(c, s, e) <-- turns(c, s), effects(_, s, e);
    };
    let mut found = program.found;
    found.sort_unstable();
    let mut by_ack: FxHashMap<SiteId, Done> = FxHashMap::default();
    for (ack, site, effect) in found {
        let effect = meaning.effects.get(effect);
        by_ack.entry(ack).or_insert(Done { through: Vec::new(), site, effect });
    }
    for (ack, done) in given.into_iter().chain(looped) {
        by_ack.entry(ack).or_insert(done);
    }
    let begun = acks.iter().filter(|(_, ack)| !by_ack.contains_key(ack));
    let begun: Vec<(SiteId, Done)> =
        begun.filter_map(|&(function, ack)| Some((ack, begun_before(context, function, ack)?))).collect();
    let mut findings: Vec<Finding> = by_ack.into_iter().map(|(ack, done)| report(context, ack, &done)).collect();
    findings.extend(begun.iter().map(|(ack, done)| report_begun(context, *ack, done)));
    findings.extend(told_by_settings(context));
    findings.extend(unasked_retries(context));
    findings.extend(jobs_that_differ(context));
    findings
}

/// Whether a function that takes messages gives them to whoever calls it, when they count as done already.
fn hands_on(context: &Context<'_>, function: FunctionId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let done_as = |kind: OpKind| {
        let effects = meaning.effects.in_function(function).filter(move |(effect, _)| effect.kind == kind);
        effects.map(|(_, row)| row.site)
    };
    // What has been kept elsewhere before is not lost.
    let keeps = |effect: &Effect| {
        is_work(context, effect) || matches!(effect.kind, OpKind::CacheWrite | OpKind::Publish | OpKind::Enqueue)
    };
    if meaning.effects.in_function(function).any(|(effect, _)| keeps(&effect)) {
        return false;
    }
    let consumes = |of: FunctionId| program.sites(of).any(|row| context.operation(row.site, OpKind::Consume).is_some());
    let taken = program.sites(function).map(|row| row.site).filter(|site| {
        context.operation(*site, OpKind::Consume).is_some() || meaning.callees(*site).into_iter().any(consumes)
    });
    let taken: Vec<VarId> = taken.filter_map(|site| program.call(site)).map(|call| call.result).collect();
    let is_message = |var: VarId| meaning.made_from(var).iter().any(|from| taken.contains(from));
    let returned = program.returns_by_function.of(&r.returns, function).map(|row| (row.var, row.site));
    let yielded = program.yields_by_function.of(&r.yields, function).map(|row| (row.var, row.site));
    let mut given = returned.chain(yielded).filter(|(var, _)| var.is_some_and(is_message));
    given.any(|(_, site)| done_as(OpKind::Ack).any(|ack| meaning.precedes(ack, site)))
}

/// Where an object of the project that is looped over acknowledges what it gives next: `__iter__`, `__aiter__`.
fn given_out_acknowledged(context: &Context<'_>, looped: VarId) -> Option<SiteId> {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let class = meaning.class_of(looped)?;
    let methods = program.method_by_class.of(&r.method, class);
    let mut gives = methods.filter(|row| matches!(program.text(row.name), "__iter__" | "__aiter__" | "__next__" | "__anext__"));
    let function = gives.find(|row| hands_on(context, row.function))?.function;
    let mut acks = meaning.effects.in_function(function).filter(|(effect, _)| effect.kind == OpKind::Ack);
    acks.next().map(|(_, row)| row.site)
}

/// Whether a message that is acknowledged is not among those that `work` is done for: it is done behind the loop over them,
/// for what the turns have collected, and the turn that acknowledges does not come to where the others collect.
fn is_left_out(context: &Context<'_>, ack: SiteId, work: SiteId) -> bool {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let around = program.regions_outward(program.site(ack).region).filter(|row| row.kind == RegionKind::Loop);
    let Some(turn) = around.into_iter().find(|row| !program.region_within(program.site(work).region, row.region)) else {
        return false;
    };
    let from = program.site(ack).block;
    let mut seen = vec![from];
    let mut stack = vec![from];
    while let Some(block) = stack.pop() {
        for edge in r.edge.iter().filter(|edge| edge.from == block && edge.kind != EdgeKind::Back) {
            if !seen.contains(&edge.to) {
                seen.push(edge.to);
                stack.push(edge.to);
            }
        }
    }
    let mut rest = r.block.iter().filter(|row| row.region == turn.region && row.block > from).map(|row| row.block).peekable();
    rest.peek().is_some() && rest.all(|block| !seen.contains(&block))
}

/// A helper acknowledges itself, or through one more.
const MAX_HELPERS: usize = 3;

/// Jobs that say of themselves, or by the class that they are made with, that they count as done when they start, where others
/// count when they are done.
fn jobs_that_differ(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let program = meaning.program;
    let jobs: Vec<&Operation> = meaning.operations.of_kind(OpKind::HandleJob).filter(|op| context.in_scope(op.site)).collect();
    let mut findings = Vec::new();
    for op in &jobs {
        let Found::Is(Operand::Var(said)) = meaning.attribute(op, Attr::Redelivered) else { continue };
        let is_own = || program.arguments(op.site).any(|row| row.var == said)
            || program.fields_of(said).next().is_some();
        let is_no = matches!(meaning.constant(said), Some("False" | "false"));
        let retried = meaning.operations.at(op.site).any(|other| other.kind == OpKind::RetryScope && tries_again(context, other));
        let differs = || jobs.iter().any(|other| other.model == op.model && comes_again(context, other));
        // Fields are looked through only for what says so.
        if !is_no || retried || !is_own() || !differs() {
            continue;
        }
        for row in meaning.invocations.at(op.site).filter(|row| row.mode == Mode::Registered) {
            // What is told nothing looks by itself for what is to be done: its next run does what this one lost.
            if meaning.takes_nothing(row.function) {
                continue;
            }
            let work = meaning.effects.in_function(row.function).find(|(effect, _)| is_work(context, effect));
            if let Some((effect, row)) = work.filter(|_| !retries_itself(context, row.function)) {
                findings.push(report(context, op.site, &Done { through: Vec::new(), site: row.site, effect }));
            }
        }
    }
    findings
}

/// Whether retries that are declared are more than none.
fn tries_again(context: &Context<'_>, retry: &Operation) -> bool {
    match context.meaning.attribute(retry, Attr::Attempts) {
        Found::Is(Operand::Var(var)) => context.meaning.constant(var) != Some("0"),
        _ => true,
    }
}

/// Jobs that count as done when they start and declare attempts that nothing ever asks for.
fn unasked_retries(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let mut findings = Vec::new();
    for op in meaning.operations.of_kind(OpKind::HandleJob).filter(|op| context.in_scope(op.site)) {
        let attempts = match meaning.attribute(op, Attr::Attempts) {
            Found::Is(Operand::Var(var)) => meaning.constant(var).and_then(|text| text.parse::<u32>().ok()),
            _ => None,
        };
        let declared = attempts.is_some_and(|attempts| attempts > 0) && !comes_again(context, op);
        let retried = meaning.operations.at(op.site).any(|other| other.kind == OpKind::RetryScope);
        if !declared || retried {
            continue;
        }
        for row in meaning.invocations.at(op.site).filter(|row| row.mode == Mode::Registered) {
            if asks_for_retry(context, row.function) {
                continue;
            }
            let work = meaning.effects.in_function(row.function).find(|(effect, _)| is_work(context, effect));
            if let Some((effect, row)) = work {
                findings.push(report_unasked(context, op.site, row.site, &effect));
            }
        }
    }
    findings
}

/// Whether a job says itself that it is to run again: `raise self.retry()`.
fn retries_itself(context: &Context<'_>, job: FunctionId) -> bool {
    let program = context.meaning.program;
    let mut calls = program.sites(job).filter_map(|row| program.call(row.site));
    calls.any(|call| program.text(call.name) == "retry")
}

/// Whether the function, or what it calls, retries something.
fn asks_for_retry(context: &Context<'_>, function: FunctionId) -> bool {
    let meaning = context.meaning;
    let mut stack = vec![function];
    let mut seen: FxHashSet<FunctionId> = FxHashSet::default();
    while let Some(at) = stack.pop() {
        if seen.len() > MAX_CALLEES || !seen.insert(at) {
            continue;
        }
        let named_retry = |site: SiteId| {
            meaning.program.call(site).is_some_and(|call| meaning.program.text(call.name).contains("retry"))
        };
        let mut sites = meaning.program.sites(at).map(|row| row.site);
        if sites.clone().any(named_retry) || meaning.scopes.in_function(at).any(|scope| scope.kind == OpKind::RetryScope) {
            return true;
        }
        stack.extend(sites.by_ref().flat_map(|site| meaning.callees(site)));
    }
    false
}

/// What a job calls is searched this far.
const MAX_CALLEES: usize = 200;

fn report_unasked(context: &Context<'_>, job: SiteId, site: SiteId, effect: &Effect) -> Finding {
    let trace = context.meaning.trace(site, effect);
    let what = context.does(effect);
    let message = format!(
        "this job declares retries, but nothing in it asks for one and it counts as done when it starts; the first failure of what {what} loses it"
    );
    FindingBuilder::new(context, &RULE.info, job, message)
        .subject(context.meaning.text(effect.entity).unwrap_or_default())
        .rests_on(context.confidence_of(site, effect))
        .step(job, "retries are declared here")
        .steps(context.steps(&trace, effect))
        .checked("no retry is raised in it or in what it calls, none is configured for its failures, and it is not acknowledged late")
        .help("retry on the failures that pass (`autoretry_for`, `self.retry`), or acknowledge late")
        .build()
}

/// Consumers of which a setting of their caller's says that messages count as done on receipt: `subscribe(ORDERS, handle)`,
/// where `ORDERS = Queue("orders", no_ack=True)`.
fn told_by_settings(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let mut findings = Vec::new();
    for op in meaning.operations.of_kind(OpKind::Consume).filter(|op| context.in_scope(op.site)) {
        let Some(Setting { parameter, path, otherwise }) = setting_of(context, op) else { continue };
        for &caller in meaning.callers(parameter.function) {
            let is_given = meaning.resolution.passed_at(caller).iter().any(|row| row.parameter == parameter.var);
            let said = if is_given { meaning.passed_within(caller, parameter.var, &path) } else { Found::Absent };
            let is_on = match &said {
                Found::Is(Operand::Var(var)) => meaning.constant(*var).is_some_and(|text| matches!(text, "true" | "True")),
                Found::Absent => otherwise,
                _ => false,
            };
            if !is_on || !context.in_scope(caller) {
                continue;
            }
            let passed = meaning.resolution.passed_at(caller).iter();
            let made = passed.clone().find(|row| row.parameter == parameter.var).and_then(|row| meaning.made_by(row.argument));
            let given = passed.filter(|row| row.parameter != parameter.var).flat_map(|row| meaning.functions_given(row.argument));
            let work = given.into_iter().find_map(|function| {
                let mut effects = meaning.effects.in_function(function);
                effects.find(|(effect, _)| is_work(context, effect))
            });
            if let Some((effect, row)) = work {
                let done = Done { through: Vec::new(), site: row.site, effect };
                findings.push(report_told(context, caller, made, op.site, &done));
            }
        }
    }
    findings
}

/// What callers say of whether messages count as done on receipt.
struct Setting<'m> {
    parameter: &'m Parameter,
    /// The way to the member of the parameter that says so.
    path: Vec<String>,
    /// Whether they do where the caller says nothing.
    otherwise: bool,
}

fn setting_of<'m>(context: &Context<'m>, op: &Operation) -> Option<Setting<'m>> {
    let meaning = context.meaning;
    let program = meaning.program;
    let over = meaning.put_over(op, Attr::AutoAck);
    let otherwise = over.is_some() && acknowledges_on_receipt(context, op);
    let (setting, path) = match (over, meaning.attribute(op, Attr::AutoAck)) {
        (Some(over), _) => over,
        (None, Found::Is(Operand::Var(var))) => {
            let load = program.loaded_as(program.held_at(var))?;
            (load.base, vec![program.text(load.field).to_owned()])
        }
        (None, Found::Is(Operand::Within(var, path))) => (var, path),
        _ => return None,
    };
    Some(Setting { parameter: program.parameter(setting)?, path, otherwise })
}

/// Whether each caller says for itself whether messages count as done on receipt: the wrong one is told of then.
fn is_said_by_callers(context: &Context<'_>, op: &Operation) -> bool {
    setting_of(context, op).is_some_and(|said| !context.meaning.callers(said.parameter.function).is_empty())
}

fn report_told(context: &Context<'_>, caller: SiteId, made: Option<SiteId>, taken: SiteId, done: &Done) -> Finding {
    let what = context.does(&done.effect);
    let message = format!(
        "the message counts as done before its handler {what}, as the setting that this consumer is given says; when that fails or the process stops in between, the work is lost"
    );
    let mut builder = FindingBuilder::new(context, &RULE.info, caller, message)
        .subject(context.meaning.text(done.effect.entity).unwrap_or_default())
        .rests_on(context.confidence_of(done.site, &done.effect));
    if let Some(made) = made {
        builder = builder.step(made, "says that messages count as done on receipt");
    }
    builder
        .step(taken, "taken here")
        .steps(context.steps(&done.trace(context), &done.effect))
        .checked("the handler acknowledges nothing itself")
        .help("let the handler acknowledge when it is done, and let the work know a message that it has done before")
        .build()
}

fn report_begun(context: &Context<'_>, ack: SiteId, done: &Done) -> Finding {
    let what = context.does(&done.effect);
    let message = format!(
        "the message counts as done while the task that {what} has only been begun; when that fails or the process stops, the broker never delivers it again and the work is lost"
    );
    FindingBuilder::new(context, &RULE.info, ack, message)
        .subject(context.meaning.text(done.effect.entity).unwrap_or_default())
        .rests_on(context.confidence_of(done.site, &done.effect))
        .steps(context.steps(&done.trace(context), &done.effect))
        .step(ack, "acknowledged here")
        .checked("nothing waits for the task in between")
        .help("acknowledge in the task when it is done, or wait for it first")
        .build()
}

fn acknowledges_on_receipt(context: &Context<'_>, op: &Operation) -> bool {
    match context.meaning.attribute(op, Attr::AutoAck) {
        Found::Is(Operand::Var(var)) => context.meaning.constant(var).is_some_and(|text| matches!(text, "true" | "True")),
        Found::Is(Operand::Text(text)) => text == "true",
        _ => false,
    }
}

fn report(context: &Context<'_>, ack: SiteId, done: &Done) -> Finding {
    let effect = &done.effect;
    let trace = done.trace(context);
    let payment = is_payment(context, &trace, effect);
    let what = context.does(effect);
    let message = format!(
        "the message counts as done before its handler {what}; when that fails or the process stops in between, the broker never delivers it again and the work is lost"
    );
    let mut builder = FindingBuilder::new(context, &RULE.info, ack, message)
        .subject(context.meaning.text(effect.entity).unwrap_or_default())
        .rests_on(context.confidence_of(done.site, effect));
    if payment {
        builder = builder.severity(Severity::Blocker);
    }
    // A helper that takes it, acknowledges it and hands it on.
    let acked = context.meaning.effects.at(ack).find(|(effect, _)| effect.kind == OpKind::Ack);
    let way = acked.map_or_else(|| vec![ack], |(effect, _)| context.meaning.trace(ack, &effect));
    for site in &way {
        builder = builder.step(*site, "acknowledged here");
    }
    builder
        .steps(context.steps(&trace, effect))
        .checked("the effect does not come before the acknowledgement")
        .help("acknowledge after the work is done, and let the work know a message that it has done before")
        .build()
}
