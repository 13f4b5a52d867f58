//! A retry makes a fresh idempotency key for each attempt.

use ascent::ascent_run;
use distsys_engine::meaning::{Effect, EffectFlags, EffectId, Found, Operand, Scope, Term};
use distsys_engine::{Attr, OpKind};
use distsys_facts::SiteId;
use distsys_facts::schema::Call;
use rustc_hash::FxHashMap;

use crate::retried::{retry_around, scope_at, scope_steps};

use crate::keyed_by_client::{KeyedAnew, keyed_anew};
use crate::keys::{is_fresh, key_made};
use crate::finding::{Category, Finding, Maturity, RuleInfo, Severity};
use crate::{Context, FindingBuilder, Rule};

pub(crate) static RULE: Rule = Rule {
    info: RuleInfo {
        slug: "idempotency-key-per-attempt",
        category: Category::Retries,
        severity: Severity::Blocker,
        maturity: Maturity::Stable,
        yields_to: &[],
        summary: "every attempt of a retry carries a key of its own",
        page: include_str!("idempotency-key-per-attempt.md"),
    },
    judge,
};

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let mut keyed: Vec<(SiteId, EffectId)> = Vec::new();
    // Sent on a request, with a key that says when.
    let mut of_clock: Vec<(SiteId, Effect, SiteId)> = Vec::new();
    for row in meaning.effects.rows() {
        let effect = meaning.effects.get(row.effect);
        let is_sent = matches!(effect.kind, OpKind::HttpRequest | OpKind::Payment | OpKind::Rpc | OpKind::Publish | OpKind::Enqueue);
        if is_sent && effect.key != Term::Absent && !effect.flags.has(EffectFlags::RETRIED) && meaning.callees(row.site).is_empty() {
            of_clock.extend(of_the_moment(context, row.site).map(|made| (row.site, effect, made)));
        }
        if is_sent
            && effect.flags.has(EffectFlags::RETRIED)
            && effect.key != Term::Absent
            && context.in_scope(row.site)
            && !is_safe(context, &effect)
            && !is_told_by_callers(context, &effect)
        {
            keyed.push((row.site, row.effect));
        }
    }
    let mut fresh: Vec<(SiteId, EffectId, SiteId)> = Vec::new();
    for &(site, effect) in &keyed {
        let trace = meaning.trace(site, &meaning.effects.get(effect));
        if let Some((scope, at)) = scope_at(context, &trace)
            && let Some(made) = made_inside(context, scope, &trace, at)
        {
            fresh.push((site, effect, made));
        }
    }
    let program = ascent_run! {
        relation keyed(SiteId, EffectId) = keyed;
        // The key is made by a generator of unique values that runs again with each attempt.
        relation fresh(SiteId, EffectId, SiteId) = fresh;
        relation found(SiteId, EffectId, SiteId);
        found(s, e, m) <-- keyed(s, e), fresh(s, e, m);
    };
    let mut found = program.found;
    found.sort_unstable();
    let mut by_place: FxHashMap<SiteId, (Vec<SiteId>, Effect, SiteId)> = FxHashMap::default();
    for (site, effect, made) in found {
        let effect = meaning.effects.get(effect);
        let trace = meaning.trace(site, &effect);
        let place = context.primary(&trace);
        let known = by_place.entry(place).or_insert_with(|| (trace.clone(), effect, made));
        if trace.len() < known.0.len() {
            *known = (trace, effect, made);
        }
    }
    let of_clock = of_clock.into_iter().filter(|(site, ..)| !by_place.contains_key(site));
    let of_clock: Vec<Finding> = of_clock.map(|(site, effect, made)| report_of_clock(context, site, &effect, made)).collect();
    let mut by_client: FxHashMap<SiteId, KeyedAnew> = FxHashMap::default();
    for sent in keyed_anew(context) {
        let place = context.primary(&sent.trace);
        if !by_place.contains_key(&place) && by_client.get(&place).is_none_or(|known| sent.trace.len() < known.trace.len()) {
            by_client.insert(place, sent);
        }
    }
    let by_client: Vec<Finding> = by_client.into_values().map(|sent| report_of_client(context, &sent)).collect();
    let by_place = by_place.into_values().map(|(trace, effect, made)| report(context, &trace, &effect, made));
    by_place.chain(of_clock).chain(by_client).collect()
}

/// Where the clock is read that stands in the key of what is sent at `site` while a request waits: the second request that a
/// double click or a caller's retry sends has another. A day or an hour, worked out of the time, is the same for both.
fn of_the_moment(context: &Context<'_>, site: SiteId) -> Option<SiteId> {
    let meaning = context.meaning;
    let program = meaning.program;
    if !context.in_scope(site) || !meaning.is_requested(context.function_of(site)) {
        return None;
    }
    let op = meaning.operations.at(site).find(|op| meaning.declares(op, Attr::IdempotencyKey))?;
    let Found::Is(Operand::Var(key)) = meaning.attribute(op, Attr::IdempotencyKey) else { return None };
    let is_clock = |call: &Call| meaning.operations.at(call.site).any(|op| op.kind == OpKind::ClockRead);
    let holes = program.hole_by_var.of(&program.facts.relations.hole, program.held_at(key)).map(|row| row.value);
    let mut parts = holes.chain([program.held_at(key)]);
    parts.find_map(|part| {
        let call = program.call_giving(program.held_at(part))?;
        let before = || {
            let whole = matches!(program.text(call.name), "getTime" | "valueOf" | "toISOString" | "timestamp");
            call.receiver.filter(|_| whole).and_then(|var| program.call_giving(program.held_at(var)))
        };
        [Some(call), before()].into_iter().flatten().find(|call| is_clock(call)).map(|call| call.site)
    })
}

fn report_of_clock(context: &Context<'_>, site: SiteId, effect: &Effect, made: SiteId) -> Finding {
    let what = context.does(effect);
    let message = format!(
        "this {what} with a key that says when it was asked for; a second request for the same (a double click, a caller that tries again) has another key, and both are done"
    );
    FindingBuilder::new(context, &RULE.info, site, message)
        .severity(Severity::Major)
        .subject(context.meaning.text(effect.entity).unwrap_or_default())
        .rests_on(context.confidence_of(site, effect))
        .step(made, "the clock is read for the key")
        .step(site, "and this is sent with it")
        .checked("the key is not rounded to a day or an hour, and the request brings none")
        .help("make the key of what is asked for (ids, the period), or take the one that the request brings")
        .build()
}

/// Whether by HTTP the request changes nothing, so that it needs no key.
fn is_safe(context: &Context<'_>, effect: &Effect) -> bool {
    effect.kind == OpKind::HttpRequest && matches!(context.meaning.text(effect.verb), Some("get" | "head" | "options"))
}

/// Whether the callers say what kind of request it is: it is told where they do.
fn is_told_by_callers(context: &Context<'_>, effect: &Effect) -> bool {
    let meaning = context.meaning;
    let given = match effect.verb {
        Term::Parameter(parameter) | Term::Within(parameter, _) => meaning.program.parameter(parameter),
        _ => None,
    };
    effect.kind == OpKind::HttpRequest && given.is_some_and(|row| !meaning.callers(row.function).is_empty())
}

/// A key is made so many helpers below what is repeated.
const MAX_HELPERS: usize = 2;

/// Where the key of the operation that `trace` ends in is made, if that is run again with each attempt.
/// `at`: the position in the trace that the retry scope covers.
fn made_inside(context: &Context<'_>, scope: &Scope, trace: &[SiteId], at: usize) -> Option<SiteId> {
    let meaning = context.meaning;
    let covered = meaning.sites(scope);
    // Sites that run once for each attempt: those the scope covers, and all of the functions below.
    let once_each = |site: SiteId| {
        covered.contains(&site) || trace[at + 1..].iter().any(|below| context.function_of(*below) == context.function_of(site))
    };
    // A helper that such a site calls, or one that calls it: `headers=signed()`, `Order::debit(&sale)` that begins as `blank()`.
    let runs_again = |site: SiteId| {
        let mut sites = vec![site];
        for _ in 0..=MAX_HELPERS {
            if sites.iter().any(|site| once_each(*site)) {
                return true;
            }
            let helpers = sites.iter().map(|site| context.function_of(*site)).filter(|helper| *helper != context.function_of(trace[at]));
            sites = helpers.flat_map(|helper| meaning.callers(helper)).copied().collect();
        }
        false
    };
    key_made(context, trace, at, |call| is_fresh(context, call) && runs_again(call))
}

fn report_of_client(context: &Context<'_>, sent: &KeyedAnew) -> Finding {
    let KeyedAnew { trace, effect, made, key } = sent;
    let what = context.does(effect);
    let message = format!(
        "a retry {what} with a key that its client makes for each attempt; the receiver cannot know the second for the first, and does both"
    );
    let around = match key.repeated_by {
        Some(function) => context.meaning.scopes.in_function(function).find(|scope| scope.kind == OpKind::RetryScope),
        None => retry_around(context, trace),
    };
    FindingBuilder::new(context, &RULE.info, context.primary(trace), message)
        .subject(context.meaning.text(effect.entity).unwrap_or_default())
        .rests_on(context.confidence_of(trace[0], effect))
        .step(*made, "the client makes the key here, for each request that it sends")
        .step(key.given_at, "which it is told here")
        .steps(around.map(scope_steps).unwrap_or_default())
        .steps(context.steps(trace, effect))
        .checked("the request brings no key of its own, and the attempts are around what makes one")
        .help("make the key where the request is made, before the first attempt, or put the retry inside of what makes the key")
        .build()
}

fn report(context: &Context<'_>, trace: &[SiteId], effect: &Effect, made: SiteId) -> Finding {
    let what = context.does(effect);
    let message = format!(
        "a retry {what} with a key that is made anew for each attempt; the receiver cannot know the second for the first, and does both"
    );
    let place = context.primary(trace);
    let mut builder = FindingBuilder::new(context, &RULE.info, place, message)
        .subject(context.meaning.text(effect.entity).unwrap_or_default())
        .rests_on(context.confidence_of(trace[0], effect))
        .step(made, "the key is made here, once for each attempt");
    if let Some(scope) = retry_around(context, trace) {
        builder = builder.steps(scope_steps(scope));
    }
    builder
        .steps(context.steps(trace, effect))
        .checked("the key does not come from outside the retry")
        .help("make the key before the first attempt, or derive it from the request, and pass it in")
        .build()
}
