//! A retry makes a fresh idempotency key for each attempt.

use ascent::ascent_run;
use distsys_engine::meaning::{Effect, EffectFlags, EffectId, Scope, Term};
use distsys_engine::OpKind;
use distsys_facts::SiteId;
use rustc_hash::FxHashMap;

use crate::retried::{retry_around, scope_at, scope_steps};

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
    for row in meaning.effects.rows() {
        let effect = meaning.effects.get(row.effect);
        let is_sent = matches!(effect.kind, OpKind::HttpRequest | OpKind::Payment | OpKind::Rpc | OpKind::Publish | OpKind::Enqueue);
        if is_sent && effect.flags.has(EffectFlags::RETRIED) && effect.key != Term::Absent && context.in_scope(row.site) {
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
    by_place.into_values().map(|(trace, effect, made)| report(context, &trace, &effect, made)).collect()
}

/// Where the key of the operation that `trace` ends in is made, if that is run again with each attempt.
/// `at`: the position in the trace that the retry scope covers.
fn made_inside(context: &Context<'_>, scope: &Scope, trace: &[SiteId], at: usize) -> Option<SiteId> {
    let meaning = context.meaning;
    let covered = meaning.sites(scope);
    // Sites that run once for each attempt: those the scope covers, and all of the functions below.
    let once_each = |site: SiteId| {
        covered.contains(&site) || trace[at + 1..].iter().any(|below| context.function_of(*below) == context.function_of(site))
    };
    // A helper that such a site calls: `headers=signed()`.
    let runs_again = |site: SiteId| {
        let function = context.function_of(site);
        once_each(site) || (function != context.function_of(trace[at]) && meaning.callers(function).iter().any(|caller| once_each(*caller)))
    };
    key_made(context, trace, at, |call| is_fresh(context, call) && runs_again(call))
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
