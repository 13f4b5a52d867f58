//! A caller waits less long than what it waits for may take with all its attempts.

use distsys_engine::meaning::{Failure, Found, Meaning, Operand, Operation, Scope};
use distsys_engine::{Attr, OpKind};
use distsys_facts::{FunctionId, SiteId, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::finding::{Category, Finding, Maturity, RuleInfo, Severity};
use crate::{Context, FindingBuilder, Rule};

pub(crate) static RULE: Rule = Rule {
    info: RuleInfo {
        slug: "timeout-inversion",
        category: Category::Capacity,
        severity: Severity::Major,
        maturity: Maturity::Stable,
        yields_to: &[],
        summary: "a caller gives up before what it waits for does",
        page: include_str!("timeout-inversion.md"),
    },
    judge,
};

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let mut by_place: FxHashMap<SiteId, Inverted> = FxHashMap::default();
    for scope in meaning.scopes.of_kind(OpKind::TimeoutScope) {
        let Some(op) = meaning.operation(scope).filter(|op| context.in_scope(op.site)) else { continue };
        // A helper of the project gives the limit that each of its callers says.
        let along: Vec<SiteId> = scope.steps.iter().copied().chain([op.site]).collect();
        let outer = meaning.span_along(op, Attr::Timeout, &along).filter(|span| *span > 0.0);
        let Some(outer) = outer else { continue };
        let place = along[0];
        // A deadline that goes along with calls ends what is far below, too: the limit of a client that many use is not its own.
        let travels = meaning.travels(scope);
        let mut longest: Option<Inverted> = None;
        for site in meaning.sites(scope) {
            let mut seen = FxHashSet::default();
            let mut trace = Vec::new();
            waits(context, op.site, site, &mut Vec::new(), &mut trace, &mut seen, &mut |trace, inner, attempts| {
                // The deadline itself, which all attempts share.
                let is_own = travels && (inner - outer).abs() < f64::EPSILON;
                let counts = !is_own && inner * attempts > outer && (attempts > 1.0 || !travels || trace.len() <= NEAR);
                if counts && longest.as_ref().is_none_or(|known| inner * attempts > known.inner * known.attempts) {
                    longest = Some(Inverted { outer, inner, attempts, trace: trace.to_vec() });
                }
            });
        }
        if let Some(found) = longest {
            if travels && found.attempts <= 1.0 && begins_anew(context, scope) && counts_elsewhere(context, scope, &found.trace) {
                continue;
            }
            by_place.entry(place).or_insert(found);
        }
    }
    for (limit, outer, handler) in limited_runs(context) {
        let mut longest: Option<Inverted> = None;
        for row in meaning.program.sites(handler) {
            let mut trace = Vec::new();
            waits(context, limit, row.site, &mut Vec::new(), &mut trace, &mut FxHashSet::default(), &mut |trace, inner, attempts| {
                let counts = inner * attempts > outer && (attempts > 1.0 || trace.len() <= NEAR);
                if counts && longest.as_ref().is_none_or(|known| inner * attempts > known.inner * known.attempts) {
                    longest = Some(Inverted { outer, inner, attempts, trace: trace.to_vec() });
                }
            });
        }
        if let Some(found) = longest {
            by_place.entry(limit).or_insert(found);
        }
    }
    by_place.into_iter().map(|(place, found)| report(context, place, &found)).collect()
}

/// Functions that are ended when a time is over, each with where that is said and the time in milliseconds: jobs and routes that
/// say so themselves, and the requests that a middleware is put around.
fn limited_runs(context: &Context<'_>) -> Vec<(SiteId, f64, FunctionId)> {
    let meaning = context.meaning;
    let program = meaning.program;
    let routes: Vec<&Operation> = meaning.operations.of_kind(OpKind::Route).filter(|op| context.in_scope(op.site)).collect();
    let limit = |op: &Operation| meaning.span_set(op, Attr::Timeout).filter(|span| *span > 0.0);
    let around: Vec<(&Operation, f64)> = meaning
        .operations
        .of_kind(OpKind::Middleware)
        .filter(|op| context.in_scope(op.site))
        .filter_map(|op| Some((op, limit(op)?)))
        .collect();
    // Of several nobody knows which one a route of another file is under.
    let only = around.len() == 1;
    let is_under = |middleware: &Operation, route: &Operation| match middleware.function == route.function {
        true => is_put_around(context, middleware, route),
        false => only && program.file_of_function(middleware.function) != program.file_of_function(route.function),
    };
    let jobs = meaning.operations.of_kind(OpKind::HandleJob).filter(|op| context.in_scope(op.site));
    let mut found: Vec<(SiteId, f64, &Operation)> = Vec::new();
    found.extend(jobs.chain(routes.iter().copied()).filter_map(|op| Some((op.site, limit(op)?, op))));
    for (middleware, span) in &around {
        found.extend(routes.iter().filter(|route| is_under(middleware, route)).map(|route| (middleware.site, *span, *route)));
    }
    let handlers = |op: &Operation| meaning.invocations.at(op.site).map(|row| row.function).collect::<Vec<_>>();
    found.into_iter().flat_map(|(site, span, op)| handlers(op).into_iter().map(move |function| (site, span, function))).collect()
}

/// Whether a middleware is put around a route of the same function: what a chain of calls has registered before it
/// (`Router::new().route(…).layer(limit)`), or what is registered after it (`app.use(limit)`).
fn is_put_around(context: &Context<'_>, middleware: &Operation, route: &Operation) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let given_to = |op: &Operation| {
        let result = program.call(op.site)?.result;
        program.argument_by_var.of(&r.argument, result).map(|row| row.site).next()
    };
    let (Some(layer), added) = (given_to(middleware), given_to(route).unwrap_or(route.site)) else { return false };
    let receiver = |site: SiteId| program.call(site).and_then(|call| call.receiver);
    match receiver(layer).is_some_and(|var| program.call_giving(var).is_some()) {
        true => meaning.is_one_chain(layer, added) && meaning.precedes(added, layer),
        false => receiver(layer).map(|var| program.held_at(var)) == receiver(added).map(|var| program.held_at(var)) && meaning.precedes(layer, added),
    }
}

/// Spans in milliseconds.
struct Inverted {
    outer: f64,
    inner: f64,
    attempts: f64,
    /// From what is waited for down to what may take as long.
    trace: Vec<SiteId>,
}

/// A client is its caller's own within so many calls.
const NEAR: usize = 3;

/// Whether a deadline is nobody's part: it stands under none, as at the start of a service or in a check of its health.
fn begins_anew(context: &Context<'_>, scope: &Scope) -> bool {
    let program = context.meaning.program;
    let under = context.meaning.operation(scope).and_then(|op| program.arguments(op.site).next());
    let made = under.and_then(|row| program.call_giving(row.var));
    made.is_some_and(|call| program.arguments(call.site).next().is_none())
}

/// Whether others wait by the longer limit, too, who do not have this deadline: through the same client, or by calling what waits.
/// The deadline ends the call itself, and is the part of the limit that this caller wants.
fn counts_elsewhere(context: &Context<'_>, scope: &Scope, trace: &[SiteId]) -> bool {
    let meaning = context.meaning;
    let Some(last) = trace.last() else { return false };
    let mut within: FxHashSet<SiteId> = meaning.sites(scope).into_iter().collect();
    let below = trace[1..].iter().map(|site| context.function_of(*site));
    let below: FxHashSet<FunctionId> = below.filter(|function| *function != scope.function).collect();
    within.extend(below.iter().flat_map(|function| meaning.program.sites(*function)).map(|row| row.site));
    let others = below.iter().flat_map(|function| meaning.callers(*function));
    if others.into_iter().any(|site| !within.contains(site) && context.in_scope(*site)) {
        return true;
    }
    let mut waits = meaning.operations.at(*last).filter(|op| is_wait(op.kind));
    let Some(made) = waits.next().map(|op| meaning.made_with(op, Attr::Timeout)) else { return false };
    let others = meaning.operations.all.iter().filter(|op| is_wait(op.kind) && !within.contains(&op.site) && context.in_scope(op.site));
    !made.is_empty() && others.into_iter().any(|op| meaning.made_with(op, Attr::Timeout).iter().any(|site| made.contains(site)))
}

/// Calls are followed this deep.
const MAX_DEPTH: usize = 6;

/// Tells of each wait with a limit of its own that `site` reaches, and how often it is tried at most within the time that
/// `timeout` gives.
fn waits(
    context: &Context<'_>,
    timeout: SiteId,
    site: SiteId,
    retries: &mut Vec<Retry>,
    trace: &mut Vec<SiteId>,
    seen: &mut FxHashSet<FunctionId>,
    tell: &mut impl FnMut(&[SiteId], f64, f64),
) {
    let meaning = context.meaning;
    if trace.len() >= MAX_DEPTH {
        return;
    }
    let outer = retries.len();
    for retry in retries_at(context, timeout, site, trace) {
        if !retry.is_among(retries) {
            retries.push(retry);
        }
    }
    trace.push(site);
    for op in meaning.operations.at(site).filter(|op| is_wait(op.kind)) {
        if let Some(inner) = limit(context, op, trace) {
            let counted = retries.iter().filter(|retry| retry.tries_again_late(context, op.site));
            let attempts = counted.fold(1.0, |product: f64, retry| product * retry.attempts.max(1.0));
            tell(trace, inner, attempts);
        }
    }
    // A limit of each attempt that no client has, but code around it.
    let limits = meaning.operations.at(site).filter(|op| op.kind == OpKind::TimeoutScope && op.site != timeout && !meaning.is_passed_on(op));
    for op in limits {
        let attempts = retries.iter().fold(1.0, |product: f64, retry| product * retry.attempts.max(1.0));
        if let Some(inner) = limit(context, op, trace).filter(|_| attempts > 1.0) {
            tell(trace, inner, attempts);
        }
    }
    let begun = if trace.len() == 1 && begins_task(meaning, timeout, site) { meaning.callees(site) } else { Vec::new() };
    for callee in meaning.waited_for(site).into_iter().chain(begun) {
        if seen.insert(callee) {
            for row in meaning.program.sites(callee) {
                waits(context, timeout, row.site, retries, trace, seen, tell);
            }
        }
    }
    trace.pop();
    retries.truncate(outer);
}

/// Whether what the time is given to is a task that `site` begins: who waits for its outcome waits for all that it does. One that
/// is begun within, too, if the outcome is handed back.
fn begins_task(meaning: &Meaning<'_>, timeout: SiteId, site: SiteId) -> bool {
    let program = meaning.program;
    let r = &program.facts.relations;
    let Some(call) = program.call(site) else { return false };
    let function = program.site(site).function;
    let is_given_back = || program.returns_by_function.of(&r.returns, function).any(|row| row.var.is_some_and(|var| program.held_at(var) == call.result));
    meaning.operations.at(site).any(|op| op.kind == OpKind::Spawn)
        && (program.site(timeout).function == function || is_given_back())
}

fn is_wait(kind: OpKind) -> bool {
    matches!(kind, OpKind::HttpRequest | OpKind::Rpc | OpKind::Payment | OpKind::Notify | OpKind::Sql | OpKind::DbRead | OpKind::DbWrite)
}

/// The limit that the project's code sets where `trace` leads to it, not the library's default.
fn limit(context: &Context<'_>, op: &Operation, trace: &[SiteId]) -> Option<f64> {
    let meaning = context.meaning;
    meaning.span_set(op, Attr::Timeout).or_else(|| meaning.span_given(op, Attr::Timeout, trace))
}

/// A retry around what is waited for, with its attempts at most.
struct Retry {
    attempts: f64,
    /// Of a loop, where it begins and what it deals with failures by: its helper may be seen from more than one place.
    by_hand: Option<(SiteId, Vec<Failure>)>,
}

impl Retry {
    fn is_among(&self, known: &[Retry]) -> bool {
        let origin = |retry: &Retry| retry.by_hand.as_ref().map(|(origin, _)| *origin);
        origin(self).is_some() && known.iter().any(|retry| origin(retry) == origin(self))
    }

    /// Whether what was not answered in time is tried again: a handler of other failures lets it go.
    fn tries_again_late(&self, context: &Context<'_>, waited: SiteId) -> bool {
        let handled = |failure: &Failure| context.meaning.is_timeout_handled(failure, waited);
        // Where failures are values, one that is not asked for goes round like any other.
        self.by_hand.as_ref().is_none_or(|(origin, failures)| {
            !context.meaning.throws_silently(*origin) || failures.iter().any(handled)
        })
    }
}

/// The retries around a site whose attempts are constant, where `trace` leads to its function. Around the timeout, too, each
/// attempt has all of the time.
fn retries_at(context: &Context<'_>, timeout: SiteId, site: SiteId, trace: &[SiteId]) -> Vec<Retry> {
    let meaning = context.meaning;
    let around = meaning
        .scopes
        .in_function(context.function_of(site))
        .filter(|scope| scope.kind == OpKind::RetryScope)
        .map(|scope| (scope, meaning.sites(scope)))
        .filter(|(_, sites)| sites.contains(&site) && !sites.contains(&timeout))
        .map(|(scope, _)| scope);
    around
        .filter_map(|scope| match meaning.operation(scope) {
            Some(op) => {
                let attempts = match meaning.attribute(op, Attr::Attempts) {
                    Found::Is(Operand::Var(var)) => attempts_of(context, var),
                    Found::Is(Operand::Text(text)) => text.parse().ok(),
                    _ => None,
                };
                Some(Retry { attempts: attempts?, by_hand: None })
            }
            None => {
                let (attempts, origin) = (meaning.turns_at_most(scope, trace)?, scope.origin?);
                let failures = meaning.failures(context.function_of(origin));
                Some(Retry { attempts, by_hand: Some((origin, failures)) })
            }
        })
        .collect()
}

/// `3`, `stop_after_attempt(3)`
fn attempts_of(context: &Context<'_>, var: VarId) -> Option<f64> {
    let program = context.meaning.program;
    context.meaning.number(var).or_else(|| {
        let call = program.call_giving(var).filter(|call| program.text(call.name).contains("attempt"))?;
        context.meaning.number(program.arguments(call.site).next()?.var)
    })
}

fn seconds(millis: f64) -> String {
    let seconds = millis / 1000.0;
    if seconds.fract() == 0.0 { format!("{seconds:.0} s") } else { format!("{seconds:.1} s") }
}

fn report(context: &Context<'_>, place: SiteId, found: &Inverted) -> Finding {
    let Inverted { outer, inner, attempts, trace } = found;
    let (outer, each) = (seconds(*outer), seconds(*inner));
    let message = if *attempts > 1.0 {
        let all = seconds(inner * attempts);
        format!("this waits {outer}, but what it waits for may take {all} ({attempts:.0} attempts of {each}); the later attempts never come to anything, and their work goes on for nobody")
    } else {
        format!("this waits {outer}, but what it waits for is given {each}; the longer limit never counts, and a call that answers in between is paid for and thrown away")
    };
    let mut builder = FindingBuilder::new(context, &RULE.info, place, message);
    if *attempts <= 1.0 {
        builder = builder.severity(Severity::Minor);
    }
    for pair in trace.windows(2) {
        builder = builder.step(pair[0], format!("calls `{}`", context.named_function(context.function_of(pair[1]))));
    }
    if let Some(last) = trace.last() {
        builder = builder.step(*last, format!("waits up to {each}"));
    }
    builder
        .checked("both limits are constants")
        .help("let the caller wait longer than all attempts together, or give what it calls a part of the caller's deadline")
        .build()
}
