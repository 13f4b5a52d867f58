//! What rules about retries share: the scope around a trace, and what it would cost to do the effect twice.

use distsys_engine::OpKind;
use distsys_engine::meaning::{Effect, Scope};
use distsys_engine::words::words;
use distsys_facts::SiteId;

use crate::Context;

/// The innermost retry scope that covers a site of the trace.
pub(crate) fn retry_around<'m>(context: &Context<'m>, trace: &[SiteId]) -> Option<&'m Scope> {
    scope_at(context, trace).map(|(scope, _)| scope)
}

/// The same with the covered site's position in the trace.
pub(crate) fn scope_at<'m>(context: &Context<'m>, trace: &[SiteId]) -> Option<(&'m Scope, usize)> {
    let meaning = context.meaning;
    trace.iter().enumerate().rev().find_map(|(at, site)| {
        meaning
            .scopes
            .in_function(context.function_of(*site))
            .filter(|scope| scope.kind == OpKind::RetryScope)
            .find(|scope| meaning.sites(scope).contains(site))
            .map(|scope| (scope, at))
    })
}

pub(crate) fn scope_steps(scope: &Scope) -> Vec<(SiteId, String)> {
    let mut steps: Vec<(SiteId, String)> =
        scope.steps.iter().map(|site| (*site, "retried through this wrapper".to_owned())).collect();
    steps.extend(scope.origin.map(|site| (site, "attempts are repeated here".to_owned())));
    steps
}

/// Whether the effect moves money: by its library, its URL, or the name of the function that does it.
pub(crate) fn is_payment(context: &Context<'_>, trace: &[SiteId], effect: &Effect) -> bool {
    const WORDS: &[&str] = &[
        "payment",
        "payments",
        "charge",
        "charges",
        "refund",
        "refunds",
        "payout",
        "payouts",
        "transfer",
        "transfers",
    ];
    let says = |text: &str| words(text).iter().any(|word| WORDS.contains(&word.as_str()));
    let named =
        |site: &SiteId| says(context.named_function(context.function_of(*site)).rsplit('.').next().unwrap_or(""));
    effect.kind == OpKind::Payment
        || context.meaning.text(effect.entity).is_some_and(says)
        || trace.last().is_some_and(named)
}
