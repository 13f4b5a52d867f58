//! A connection that many share is held while another system is asked.

use ascent::ascent_run;
use distsys_engine::OpKind;
use distsys_engine::meaning::{Effect, EffectId, Scope};
use distsys_facts::SiteId;
use rustc_hash::FxHashMap;

use crate::transactions::{is_elsewhere, is_taken};

use crate::finding::{Category, Finding, Maturity, RuleInfo, Severity};
use crate::{Context, FindingBuilder, Rule};

pub(crate) static RULE: Rule = Rule {
    info: RuleInfo {
        slug: "connection-held-across-remote-call",
        category: Category::Capacity,
        severity: Severity::Major,
        maturity: Maturity::Stable,
        yields_to: &["remote-call-in-transaction", "enqueue-before-commit"],
        summary: "a pooled connection is held during a remote call",
        page: include_str!("connection-held-across-remote-call.md"),
    },
    judge,
};

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let mut held: Vec<(Holding, SiteId)> = Vec::new();
    for (number, scope) in meaning.scopes.all.iter().enumerate() {
        if scope.kind == OpKind::ConnectionAcquire && !meaning.is_out_of_scope(scope.function) {
            let sites = meaning.sites(scope);
            let holds = |site: &SiteId| !scope.lazy || is_taken(context, &sites, *site);
            held.extend(sites.iter().copied().filter(holds).map(|site| (number as Holding, site)));
        }
    }
    let mut remote: Vec<(SiteId, EffectId)> = Vec::new();
    for row in meaning.effects.rows() {
        let effect = meaning.effects.get(row.effect);
        if effect.kind.asks_another_system() && !is_elsewhere(effect.flags) {
            remote.push((row.site, row.effect));
        }
    }
    let program = ascent_run! {
        relation held(Holding, SiteId) = held;
        relation remote(SiteId, EffectId) = remote;
        relation found(Holding, SiteId, EffectId);
        found(h, s, e) <-- held(h, s), remote(s, e);
    };
    let mut found = program.found;
    found.sort_unstable();
    let mut by_holding: FxHashMap<Option<SiteId>, (Holding, SiteId, Effect)> = FxHashMap::default();
    for (holding, site, effect) in found {
        let scope = &meaning.scopes.all[holding as usize];
        by_holding.entry(scope.origin.or(Some(site))).or_insert((holding, site, meaning.effects.get(effect)));
    }
    by_holding
        .into_values()
        .map(|(holding, site, effect)| report(context, &meaning.scopes.all[holding as usize], site, &effect))
        .collect()
}

/// Where a connection is held, by its number among the scopes.
type Holding = u32;

fn report(context: &Context<'_>, scope: &Scope, site: SiteId, effect: &Effect) -> Finding {
    let trace = context.meaning.trace(site, effect);
    let what = context.does(effect);
    let message = format!(
        "a connection of the pool is held while this {what}; when the other side is slow the pool runs dry, and requests that need only the database wait too"
    );
    let mut builder = FindingBuilder::new(context, &RULE.info, context.primary(&trace), message)
        .subject(context.meaning.text(effect.entity).unwrap_or_default())
        .rests_on(context.confidence_of(site, effect));
    for step in scope.steps.iter().rev() {
        builder = builder.step(*step, "the connection comes from this call");
    }
    if let Some(origin) = scope.origin {
        builder = builder.step(origin, "the connection is taken here");
    }
    builder
        .steps(context.steps(&trace, effect))
        .checked("it is not given back before the call, and no transaction needs it meanwhile")
        .help("read what is needed, give the connection back, then call")
        .build()
}
