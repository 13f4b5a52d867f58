//! A message is acknowledged before what it asks for is done.

use ascent::ascent_run;
use distsys_engine::meaning::{Effect, EffectId, Found, Operand, Operation};
use distsys_engine::{Attr, OpKind};
use distsys_facts::{FunctionId, SiteId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::handlers::is_work;
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
    let mut handles: Vec<(SiteId, FunctionId)> = Vec::new();
    for op in meaning.operations.of_kind(OpKind::Consume).filter(|op| context.in_scope(op.site)) {
        if acknowledges_on_receipt(context, op) {
            handles.extend(meaning.invocations.at(op.site).map(|row| (op.site, row.function)));
        }
    }
    let mut functions: FxHashSet<FunctionId> = acks.iter().map(|(function, _)| *function).collect();
    functions.extend(handles.iter().map(|(_, function)| *function));
    let mut effects: Vec<(FunctionId, SiteId, EffectId)> = Vec::new();
    for function in functions {
        for (effect, row) in meaning.effects.in_function(function) {
            if is_work(context, &effect) {
                effects.push((function, row.site, row.effect));
            }
        }
    }
    let program = ascent_run! {
        relation acks(FunctionId, SiteId) = acks;
        relation handles(SiteId, FunctionId) = handles;
        relation effects(FunctionId, SiteId, EffectId) = effects;
        relation found(SiteId, SiteId, EffectId);
        found(a, s, e) <-- acks(f, a), effects(f, s, e), if a != s && meaning.precedes(*a, *s);
        // The consumer's setting acknowledges before the handler runs.
        found(c, s, e) <-- handles(c, f), effects(f, s, e);
    };
    let mut found = program.found;
    found.sort_unstable();
    let mut by_ack: FxHashMap<SiteId, (SiteId, Effect)> = FxHashMap::default();
    for (ack, site, effect) in found {
        by_ack.entry(ack).or_insert((site, meaning.effects.get(effect)));
    }
    by_ack.into_iter().map(|(ack, (site, effect))| report(context, ack, site, &effect)).collect()
}

fn acknowledges_on_receipt(context: &Context<'_>, op: &Operation) -> bool {
    match context.meaning.attribute(op, Attr::AutoAck) {
        Found::Is(Operand::Var(var)) => context.meaning.constant(var).is_some_and(|text| matches!(text, "true" | "True")),
        Found::Is(Operand::Text(text)) => text == "true",
        _ => false,
    }
}

fn report(context: &Context<'_>, ack: SiteId, site: SiteId, effect: &Effect) -> Finding {
    let trace = context.meaning.trace(site, effect);
    let payment = is_payment(context, &trace, effect);
    let what = context.does(effect);
    let message = format!(
        "the message counts as done before its handler {what}; when that fails or the process stops in between, the broker never delivers it again and the work is lost"
    );
    let mut builder = FindingBuilder::new(context, &RULE.info, ack, message)
        .subject(context.meaning.text(effect.entity).unwrap_or_default())
        .rests_on(context.confidence_of(site, effect));
    if payment {
        builder = builder.severity(Severity::Blocker);
    }
    builder
        .step(ack, "acknowledged here")
        .steps(context.steps(&trace, effect))
        .checked("the effect does not come before the acknowledgement")
        .help("acknowledge after the work is done, and let the work know a message that it has done before")
        .build()
}
