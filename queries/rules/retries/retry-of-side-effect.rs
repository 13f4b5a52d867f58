//! A retry reaches an insert, an increment, a job, a message or a mail that nothing recognises as done before.

use distsys_engine::OpKind;
use distsys_engine::meaning::{Effect, EffectFlags, Extent};
use distsys_facts::SiteId;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::added_again::{adds_again, is_added};
use crate::handlers::is_known_again;
use crate::left_behind::left_behind;
use crate::retried::{Repeated, by_cause, counts_attempts, repeated, retry_around, scope_at, scope_steps};
use crate::transactions::covered;

use crate::finding::{Category, Finding, Maturity, RuleInfo, Severity};
use crate::{Context, FindingBuilder, Rule};

pub(crate) static RULE: Rule = Rule {
    info: RuleInfo {
        slug: "retry-of-side-effect",
        category: Category::Retries,
        severity: Severity::Major,
        maturity: Maturity::Stable,
        yields_to: &["retry-without-idempotency-key"],
        summary: "a retry repeats what cannot be taken back",
        page: include_str!("retry-of-side-effect.md"),
    },
    judge,
};

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let transactional: FxHashSet<SiteId> = covered(context).into_iter().map(|(_, site)| site).collect();
    let mut by_place: FxHashMap<SiteId, (Vec<SiteId>, Effect)> = FxHashMap::default();
    let mut lefts: FxHashMap<SiteId, SiteId> = FxHashMap::default();
    let left_at = |site: SiteId, effect: &Effect| {
        let trace = || meaning.trace(site, effect);
        is_row_or_count(context, effect).then(|| left_behind(context, &trace(), effect, &transactional)).flatten()
    };
    let adds = |site: SiteId, effect: &Effect| {
        is_added(effect.kind)
            && (adds_again(context, &meaning.trace(site, effect), effect) || left_at(site, effect).is_some())
    };
    for (site, effect) in repeated(context, adds) {
        if !context.in_scope(site) {
            continue;
        }
        let effect = meaning.effects.get(effect);
        let trace = meaning.trace(site, &effect);
        let left = left_at(site, &effect);
        // An attempt that is one transaction leaves nothing behind when it fails.
        let undone = effect.kind == OpKind::DbWrite && trace.iter().any(|site| transactional.contains(site));
        if left.is_none() && (undone || !adds_again(context, &trace, &effect)) {
            continue;
        }
        if counts_attempts(context, &trace) || is_marked_within(context, &trace) {
            continue;
        }
        let place = left.map_or(context.primary(&trace), |left| left.done);
        lefts.extend(left.map(|left| (place, left.after)));
        by_place.entry(place).or_insert((trace, effect));
    }
    only_for_the_work(context, &mut by_place, &lefts);
    let causes = by_cause(by_place.into_iter().collect());
    causes.into_iter().map(|(place, repeated)| report(context, place, &repeated, lefts.get(&place).copied())).collect()
}

/// Whether an effect adds a row or to a count, by itself.
fn is_row_or_count(context: &Context<'_>, effect: &Effect) -> bool {
    let is_apart = effect.flags.has(EffectFlags::BACKGROUND) || effect.flags.has(EffectFlags::CONDITIONAL);
    let adds = matches!(context.meaning.text(effect.verb), Some("insert" | "increment"));
    effect.kind == OpKind::DbWrite && adds && !is_apart
}

/// Whether within the attempt something that was stored by an earlier one decides whether the effect is done: a mark that can
/// be set only once, a state.
fn is_marked_within(context: &Context<'_>, trace: &[SiteId]) -> bool {
    let Some((scope, at)) = scope_at(context, trace) else { return false };
    let whole = matches!(scope.extent, Extent::Function(_));
    is_known_again(context, None, &trace[if whole { at } else { at + 1 }..])
}

/// Leaves of what one scope repeats the messages and jobs, where it repeats a row, a count or a mail, too: these go out for it.
fn only_for_the_work(context: &Context<'_>, by_place: &mut FxHashMap<SiteId, Repeated>, lefts: &FxHashMap<SiteId, SiteId>) {
    let scope = |trace: &[SiteId]| retry_around(context, trace).map(|scope| (scope.function, scope.origin));
    let is_sent = |effect: &Effect| matches!(effect.kind, OpKind::Enqueue | OpKind::Publish);
    let works = by_place.iter().filter(|(place, (_, effect))| lefts.contains_key(place) || !is_sent(effect));
    let works: FxHashSet<_> = works.map(|(_, (trace, _))| scope(trace)).collect();
    by_place.retain(|_, (trace, effect)| !is_sent(effect) || !works.contains(&scope(trace)));
}

/// So many of the places of one cause are shown.
const MAX_PLACES: usize = 8;

fn report(context: &Context<'_>, place: SiteId, repeated: &[Repeated], left: Option<SiteId>) -> Finding {
    let (trace, effect) = &repeated[0];
    let what = context.does(effect);
    let message = match left {
        Some(_) => format!("a retry {what} again; when what follows in the attempt fails, the first one has been committed and stays"),
        None => format!("a retry {what} again; when the first attempt succeeded but its answer was lost, it is done twice"),
    };
    let mut builder = FindingBuilder::new(context, &RULE.info, place, message)
        .subject(context.meaning.text(effect.entity).unwrap_or_default())
        .rests_on(context.confidence_of(trace[0], effect));
    for (trace, effect) in repeated.iter().take(MAX_PLACES) {
        if let Some(scope) = retry_around(context, trace) {
            builder = builder.steps(scope_steps(scope));
        }
        builder = builder.steps(context.steps(trace, effect));
    }
    if let Some(left) = left {
        builder = builder.step(left, "and this may fail after it");
    }
    builder
        .checked("no unique token, upsert, condition or transaction makes the second attempt harmless")
        .help("give it a token that the receiver knows again, make it an upsert or an absolute value, or retry only what failed before it was sent")
        .build()
}
