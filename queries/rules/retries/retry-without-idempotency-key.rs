//! A retry reaches a request that creates something and carries no idempotency key.

use distsys_engine::meaning::Effect;
use distsys_engine::words::{is_repeatable_function, is_telemetry};
use distsys_facts::SiteId;
use rustc_hash::FxHashMap;

use crate::keyed_by_client::client_key;
use crate::retried::{creates_again, is_payment, repeated, retry_around, scope_steps};
use crate::finding::{Category, Confidence, Finding, Maturity, RuleInfo, Severity};
use crate::{Context, FindingBuilder, Rule};

pub(crate) static RULE: Rule = Rule {
    info: RuleInfo {
        slug: "retry-without-idempotency-key",
        category: Category::Retries,
        severity: Severity::Major,
        maturity: Maturity::Stable,
        yields_to: &[],
        summary: "a request that creates something is retried without an idempotency key",
        page: include_str!("retry-without-idempotency-key.md"),
    },
    judge,
};

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let mut by_operation: FxHashMap<SiteId, (Vec<SiteId>, Effect)> = FxHashMap::default();
    for (site, effect) in repeated(context, |_, effect| creates_again(context, effect)) {
        if !context.in_scope(site) {
            continue;
        }
        let effect = meaning.effects.get(effect);
        let trace = meaning.trace(site, &effect);
        if trace.len() > MAX_DEPTH || is_harmless(context, &trace, &effect) || is_asked_by_a_person(context, &trace) {
            continue;
        }
        // The client gives it one; whether that is the same for all attempts is asked elsewhere.
        if client_key(context, &trace).is_some() {
            continue;
        }
        let primary = context.primary(&trace);
        by_operation.entry(primary).or_insert((trace, effect));
    }
    // All calls on a client that retries have one cause: its configuration.
    let mut by_client: FxHashMap<SiteId, Vec<(Vec<SiteId>, Effect)>> = FxHashMap::default();
    let mut findings = Vec::new();
    let mut places: Vec<(SiteId, (Vec<SiteId>, Effect))> = by_operation.into_iter().collect();
    places.sort_unstable_by_key(|(place, _)| *place);
    for (_, (trace, effect)) in places {
        match retry_around(context, &trace).filter(|scope| meaning.is_of_client(scope)).and_then(|scope| scope.origin) {
            Some(client) => by_client.entry(client).or_default().push((trace, effect)),
            None => findings.push(report(context, &trace, &effect, &[])),
        }
    }
    findings.extend(by_client.into_values().map(|places| report(context, &places[0].0, &places[0].1, &places[1..])));
    findings
}

/// Whether a command repeats it: a person at a keyboard sees what came of each attempt.
fn is_asked_by_a_person(context: &Context<'_>, trace: &[SiteId]) -> bool {
    let program = context.meaning.program;
    let repeats = retry_around(context, trace).map(|scope| scope.function);
    repeats.is_some_and(|function| program.runs_for_one_user(function) && !program.runs_in_browser(function))
}

/// Further down, what makes the second request harmless is not seen.
const MAX_DEPTH: usize = 6;

/// Whether doing it twice harms nobody, as the names say: figures about the program itself, or an action that sets a state.
fn is_harmless(context: &Context<'_>, trace: &[SiteId], effect: &Effect) -> bool {
    let tells = context.meaning.text(effect.entity).is_some_and(is_telemetry);
    tells
        || trace.iter().rev().take(2).any(|site| {
            let place = context.place(*site);
            let near = place.path.rsplit('/').take(2).any(is_telemetry);
            let function = context.named_function(context.function_of(*site));
            let own = function.rsplit('.').next().unwrap_or(function);
            is_telemetry(function) || near || is_repeatable_function(own)
        })
}

/// So many further places of one cause are shown.
const MAX_OTHERS: usize = 8;

/// `others` are further places of the same cause.
fn report(context: &Context<'_>, trace: &[SiteId], effect: &Effect, others: &[(Vec<SiteId>, Effect)]) -> Finding {
    let meaning = context.meaning;
    let scope = retry_around(context, trace);
    let payment = is_payment(context, trace, effect);
    let what = context.does(effect);
    let harm = if payment { "the customer is charged twice" } else { "it is done twice" };
    let message = format!(
        "a retry {what} again without an idempotency key; when the first attempt succeeded but its answer was lost, {harm}"
    );
    let mut builder = FindingBuilder::new(context, &RULE.info, context.primary(trace), message)
        .subject(meaning.text(effect.entity).unwrap_or_default());
    if payment {
        builder = builder.severity(Severity::Blocker);
    }
    builder = builder.rests_on(context.confidence_of(trace[0], effect));
    // By HTTP a PUT may be repeated; that this one creates, only its URL says.
    if meaning.text(effect.verb) == Some("put") {
        builder = builder.rests_on(Confidence::Low);
    }
    if let Some(scope) = scope {
        builder = builder.steps(scope_steps(scope));
    }
    builder = builder.steps(context.steps(trace, effect));
    for (trace, effect) in others.iter().take(MAX_OTHERS) {
        builder = builder.steps(context.steps(trace, effect));
    }
    builder
        .checked("no idempotency key (header, option or request token) reaches the request")
        .help("make a key once, outside the retry, and send it with every attempt (`Idempotency-Key`), or retry only what failed before it was sent")
        .build()
}
