//! A message or job that is delivered at least once reaches an effect that a second delivery repeats.

use distsys_engine::OpKind;
use distsys_engine::meaning::{Effect, EffectFlags, Term};
use distsys_engine::words::{is_repeatable_action, is_repeatable_function, is_telemetry, words};
use distsys_facts::{SiteId, VarId};
use rustc_hash::FxHashMap;

use crate::done::done_at;
use crate::keys::has_key_of_its_own;
use crate::finding::Confidence;
use crate::handlers::{is_acknowledged_before, is_known_again, redelivered, webhooks};
use crate::retried::{counts_attempts, is_payment};

use crate::finding::{Category, Finding, Maturity, RuleInfo, Severity};
use crate::{Context, FindingBuilder, Rule};

pub(crate) static RULE: Rule = Rule {
    info: RuleInfo {
        slug: "redelivery-without-dedup",
        category: Category::Retries,
        severity: Severity::Major,
        maturity: Maturity::Stable,
        yields_to: &["retry-without-idempotency-key", "idempotency-key-per-attempt"],
        summary: "a message that comes twice is dealt with twice",
        page: include_str!("redelivery-without-dedup.md"),
    },
    judge,
};

fn judge(context: &Context<'_>) -> Vec<Finding> {
    // One effect, whichever handlers reach it; what callers give one operation to do are several.
    let mut by_effect: FxHashMap<(SiteId, Term), Vec<Repeated>> = FxHashMap::default();
    let messages = redelivered(context).into_iter().map(|handler| (handler, Confidence::High));
    for (handler, confidence) in messages.chain(webhooks(context)) {
        let unfinished = handler.sites.iter().filter(|site| !is_acknowledged_before(context, &handler, **site));
        let repeated = unfinished.flat_map(|site| done_at(context, *site)).filter(|done| adds_again(context, &done.effect));
        for done in repeated {
            let effect = done.effect;
            for trace in done.traces(context) {
                let Some(last) = trace.last().copied().filter(|_| trace.len() <= MAX_DEPTH) else { continue };
                // A key that is not the message's own is no key.
                let is_sent = effect.kind != OpKind::CacheWrite;
                if is_sent && effect.key != Term::Absent && !has_key_of_its_own(context, &trace) {
                    continue;
                }
                let told = match effect.kind {
                    OpKind::HttpRequest => tells_only(context, &trace),
                    OpKind::CacheWrite => counts_roughly(context, &trace),
                    _ => false,
                };
                if !told && !is_known_again(context, Some(handler.function), &trace) && !counts_attempts(context, &trace) {
                    let origin = handler.origin;
                    let confidence = confidence.min(context.confidence_of(done.site, &effect));
                    by_effect.entry((last, effect.entity)).or_default().push(Repeated { origin, trace, effect, confidence });
                }
            }
        }
    }
    by_effect.into_values().map(|all| report(context, &all)).collect()
}

/// Whether a request only asks, or tells what may be told twice, by the names of what sends it.
fn tells_only(context: &Context<'_>, trace: &[SiteId]) -> bool {
    const TELLS: &[&str] = &["alert", "alerts", "slack", "ping", "embed", "embedding", "embeddings", "completion", "completions", "llm", "index", "cache", "webhook", "webhooks", "hook", "callback"];
    trace.iter().rev().take(2).any(|site| {
        let name = context.named_function(context.function_of(*site));
        let own = name.rsplit('.').next().unwrap_or(name);
        is_telemetry(name) || is_repeatable_function(own) || words(name).iter().any(|word| TELLS.contains(&word.as_str()))
    })
}

/// Whether a count in a cache is one of those that need not be right, by what does it.
fn counts_roughly(context: &Context<'_>, trace: &[SiteId]) -> bool {
    // `if redis.incr(key) > 1 { return }` knows a delivery again by itself; what is held against a limit lets pass so many.
    let program = context.meaning.program;
    let is_number = |var: VarId| context.meaning.constant(var).is_some_and(|text| text.parse::<f64>().is_ok());
    let counted = trace.last().and_then(|last| program.call(*last));
    let decides = counted.is_some_and(|counted| {
        program.binaries(context.function_of(counted.site)).any(|row| {
            let sides = row.right.map(|right| [(row.left, right), (right, row.left)]).into_iter().flatten();
            let operator = program.text(row.operator);
            let is_limit = matches!(operator, ">" | ">=" | "<" | "<=");
            (is_limit || matches!(operator, "==" | "===" | "!=" | "!=="))
                && sides.into_iter().any(|(side, other)| {
                    (is_limit || is_number(other)) && context.meaning.made_from(side).contains(&counted.result)
                })
        })
    });
    decides || trace.iter().rev().take(2).any(|site| {
        let name = context.named_function(context.function_of(*site));
        is_telemetry(name) || is_rough(name.rsplit('.').next().unwrap_or(name))
    })
}

/// An effect that a second delivery repeats, and the handler that reaches it.
struct Repeated {
    origin: SiteId,
    /// From the handler down to the effect.
    trace: Vec<SiteId>,
    effect: Effect,
    confidence: Confidence,
}

/// Further down, what knows a delivery again is not seen.
const MAX_DEPTH: usize = 6;

/// So many handlers of one effect are shown.
const MAX_SHOWN: usize = 6;

/// Whether a count only says about how much there was, by its key or by who counts: what is limited, tried or looked at.
fn is_rough(name: &str) -> bool {
    const ROUGH: &[&str] = &[
        "allow", "attempt", "attempts", "bucket", "concurrency", "epoch", "failures", "fence", "generation", "hit", "hits",
        "limit", "limiter", "limits", "quota", "rate", "ratelimit", "retries", "retry", "seq", "sequence", "throttle",
        "token", "tries", "version", "view", "views", "visits", "window",
    ];
    words(name).iter().any(|word| ROUGH.contains(&word.as_str()))
}

/// Whether doing it for a message that was dealt with before does harm that somebody sees.
fn adds_again(context: &Context<'_>, effect: &Effect) -> bool {
    if effect.flags.has(EffectFlags::CONDITIONAL) {
        return false;
    }
    let entity = context.meaning.text(effect.entity);
    match effect.kind {
        OpKind::Payment | OpKind::Notify => true,
        OpKind::DbWrite => context.meaning.text(effect.verb) == Some("increment"),
        OpKind::CacheWrite => {
            let key = context.meaning.text(effect.key).unwrap_or_default();
            context.meaning.text(effect.verb) == Some("increment") && !is_telemetry(key) && !is_rough(key)
        }
        OpKind::HttpRequest => {
            let creates = context.meaning.text(effect.verb) == Some("post");
            creates && entity.is_some_and(|url| !is_repeatable_action(url) && !is_telemetry(url))
        }
        _ => false,
    }
}

fn report(context: &Context<'_>, all: &[Repeated]) -> Finding {
    let Repeated { trace, effect, .. } = &all[0];
    let payment = is_payment(context, trace, effect);
    let what = context.does(effect);
    let message = format!(
        "what is delivered at least once {what} with nothing that knows a delivery it has seen; when the worker stops between this and the acknowledgement, it is done twice"
    );
    let mut builder = FindingBuilder::new(context, &RULE.info, context.primary(trace), message)
        .subject(context.meaning.text(effect.entity).unwrap_or_default());
    let sure = all.iter().map(|one| one.confidence).max();
    builder = builder.rests_on(sure.unwrap_or(Confidence::Low));
    if payment {
        builder = builder.severity(Severity::Blocker);
    } else if effect.kind == OpKind::CacheWrite {
        builder = builder.severity(Severity::Minor);
    }
    for one in all.iter().take(MAX_SHOWN) {
        builder = builder.step(one.origin, "delivered at least once").steps(context.steps(&one.trace, &one.effect));
    }
    builder
        .checked("no mark of what was done, state or unique key decides before the effect, and it carries no idempotency key")
        .help("set a mark with the message's id in one transaction with the effect, or send the id as an idempotency key")
        .build()
}
