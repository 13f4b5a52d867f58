//! A remote operation is tried again and again with neither a number of attempts nor a deadline.

use ascent::ascent_run;
use distsys_engine::meaning::{Effect, EffectFlags, EffectId, Extent, Found, Operand, Scope};
use distsys_engine::{Attr, OpKind};
use distsys_facts::{RegionId, RegionKind, SiteId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::finding::{Category, Finding, Maturity, RuleInfo, Severity};
use crate::retried::is_spared;
use crate::{Context, FindingBuilder, Rule};

pub(crate) static RULE: Rule = Rule {
    info: RuleInfo {
        slug: "unbounded-retry",
        category: Category::Bounds,
        severity: Severity::Major,
        maturity: Maturity::Stable,
        yields_to: &[],
        summary: "a remote operation is retried without end",
        page: include_str!("unbounded-retry.md"),
    },
    judge,
};

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let mut endless: Vec<(Retry,)> = Vec::new();
    let mut bounded: Vec<(Retry,)> = Vec::new();
    let mut covers: Vec<(Retry, SiteId)> = Vec::new();
    // By site, where the limits are set that it is under.
    let mut timed: FxHashMap<SiteId, Vec<SiteId>> = FxHashMap::default();
    for scope in meaning.scopes.of_kind(OpKind::TimeoutScope) {
        let Some(set) = scope.origin else { continue };
        meaning.sites(scope).into_iter().for_each(|site| timed.entry(site).or_default().push(set));
    }
    // What a retry repeats, by where it is made: of a chain each call is a scope of its own.
    let mut repeated: FxHashMap<Option<SiteId>, FxHashSet<SiteId>> = FxHashMap::default();
    for scope in meaning.scopes.of_kind(OpKind::RetryScope) {
        repeated.entry(scope.origin).or_default().extend(meaning.sites(scope));
    }
    for (number, scope) in meaning.scopes.all.iter().enumerate() {
        // Who runs a command ends it.
        let is_command = meaning.program.runs_for_one_user(scope.function);
        if scope.kind != OpKind::RetryScope || meaning.is_out_of_scope(scope.function) || is_command || !has_no_end(context, scope) {
            continue;
        }
        let number = number as Retry;
        endless.push((number,));
        let sites = meaning.sites(scope);
        // A limit that each attempt sets anew ends none but that attempt.
        if sites.iter().filter_map(|site| timed.get(site)).flatten().any(|set| !repeated[&scope.origin].contains(set)) {
            bounded.push((number,));
        }
        covers.extend(sites.into_iter().map(|site| (number, site)));
    }
    let mut remote: Vec<(SiteId, EffectId)> = Vec::new();
    for &(_, site) in &covers {
        for (effect, row) in meaning.effects.at(site) {
            if is_remote(effect.kind) && !effect.flags.has(EffectFlags::BACKGROUND) {
                remote.push((site, row.effect));
            }
        }
    }
    let program = ascent_run! {
        relation endless(Retry) = endless;
        relation bounded(Retry) = bounded;
        relation covers(Retry, SiteId) = covers;
        relation remote(SiteId, EffectId) = remote;
        relation found(Retry, SiteId, EffectId);
        found(r, s, e) <-- endless(r), !bounded(r), covers(r, s), remote(s, e);
    };
    let mut found = program.found;
    found.sort_unstable();
    // What a function that calls itself is given are workers, which it begins anew.
    found.retain(|(retry, ..)| {
        let scope = &meaning.scopes.all[*retry as usize];
        let is_own = scope.origin.is_some_and(|origin| context.function_of(origin) == scope.function);
        scope.op.is_some() || is_own || loop_of(context, scope).is_some()
    });
    // One finding a place that makes the retry, whatever and whoever it repeats.
    let mut by_origin: FxHashMap<Option<SiteId>, (Retry, SiteId, Effect)> = FxHashMap::default();
    for (retry, site, effect) in found {
        let scope = &meaning.scopes.all[retry as usize];
        by_origin.entry(scope.origin).or_insert((retry, site, meaning.effects.get(effect)));
    }
    by_origin
        .into_values()
        .filter_map(|(retry, site, effect)| report(context, &meaning.scopes.all[retry as usize], site, &effect))
        .collect()
}

/// A retry, by its number among the scopes.
type Retry = u32;

fn has_no_end(context: &Context<'_>, scope: &Scope) -> bool {
    let meaning = context.meaning;
    match meaning.operation(scope) {
        None => scope.endless,
        // Where the library's default is a number the model says so.
        Some(op) => {
            meaning.declares(op, Attr::Attempts)
                && match meaning.attribute(op, Attr::Attempts) {
                    Found::Absent => true,
                    Found::Is(Operand::Var(var)) => meaning.constant(var).is_some_and(says_no_number),
                    Found::Is(Operand::Text(text)) => says_no_number(&text),
                    _ => false,
                }
        }
    }
}

/// Whether a number of attempts means that there is none: null, infinity; fewer than none are as many as it takes.
fn says_no_number(attempts: &str) -> bool {
    matches!(attempts, "null" | "Infinity") || attempts.parse::<i64>().is_ok_and(|attempts| attempts < 0)
}

/// The loop that repeats, be it in the wrapper that the scope comes from.
fn loop_of(context: &Context<'_>, scope: &Scope) -> Option<RegionId> {
    let of_kind = context.meaning.scopes.of_kind(OpKind::RetryScope);
    let mut loops = of_kind.filter(|known| known.op.is_none() && scope.op.is_none() && known.origin == scope.origin);
    loops.find_map(|known| match known.extent {
        // What a function does again by calling itself has no head of a loop.
        Extent::Region(region) if context.meaning.program.region(region).kind == RegionKind::Loop => Some(region),
        _ => None,
    })
}

fn is_remote(kind: OpKind) -> bool {
    use OpKind as K;
    kind.asks_another_system() || matches!(kind, K::Publish | K::Enqueue | K::DbRead | K::DbWrite | K::Sql | K::Consensus)
}

fn report(context: &Context<'_>, scope: &Scope, site: SiteId, effect: &Effect) -> Option<Finding> {
    let origin = scope.origin?;
    let trace = context.meaning.trace(site, effect);
    let loop_ = loop_of(context, scope);
    // A worker that is begun anew takes the next item: nothing is tried again for ever.
    if scope.op.is_none() && loop_.is_none() && is_spared(context, &trace) {
        return None;
    }
    let what = context.does(effect);
    let message = format!(
        "this retry has no end: it {what} until it succeeds; while the other side is down every caller hangs here, and all of them come back at once"
    );
    let mut builder = FindingBuilder::new(context, &RULE.info, origin, message)
        .rests_on(context.confidence_of(site, effect))
        .steps(context.steps(&trace, effect));
    if let Some(region) = loop_ {
        builder = builder.at_region(region);
    }
    Some(
        builder
            .checked("no number of attempts, deadline, timeout or cancellation ends it")
            .help("give it a number of attempts or a deadline, and say what happens then: fail, park, hand back")
            .build(),
    )
}
