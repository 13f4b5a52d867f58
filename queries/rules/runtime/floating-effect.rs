//! An effect is started as a promise, a coroutine or a task that nobody waits for or keeps.

use std::collections::BTreeMap;

use ascent::ascent_run;
use distsys_engine::OpKind;
use distsys_engine::meaning::{Effect, EffectId};
use distsys_facts::{FunctionId, FunctionKind, RegionKind, SiteId};
use rustc_hash::FxHashSet;

use crate::finding::{Category, Confidence, Finding, Maturity, RuleInfo, Severity};
use crate::{Context, FindingBuilder, Rule};

pub(crate) static RULE: Rule = Rule {
    info: RuleInfo {
        slug: "floating-effect",
        category: Category::Runtime,
        severity: Severity::Major,
        maturity: Maturity::Stable,
        yields_to: &[],
        summary: "an effect is started and nobody waits for it",
        page: include_str!("floating-effect.md"),
    },
    judge,
};

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let mut dropped: Vec<(SiteId,)> = Vec::new();
    let mut handled: Vec<(SiteId,)> = Vec::new();
    let mut seen: FxHashSet<SiteId> = FxHashSet::default();
    let mut consider = |site: SiteId| {
        if seen.insert(site) && context.in_scope(site) && !meaning.program.runs_in_browser(context.function_of(site)) {
            dropped.push((site,));
            if handles_failure(context, site) {
                handled.push((site,));
            }
        }
    };
    for site in meaning.invocations.unawaited_calls() {
        consider(site);
    }
    for op in &meaning.operations.all {
        if meaning.is_lost_unless_awaited(op) {
            consider(op.site);
            // `create_task(work())`: what the task does is done by the call that is given.
            if op.kind == OpKind::Spawn {
                let given = meaning.program.arguments(op.site).filter_map(|row| meaning.program.call_giving(row.var));
                given.for_each(|call| consider(call.site));
            }
        }
    }
    let mut effects: Vec<(SiteId, EffectId)> = Vec::new();
    for &(site,) in &dropped {
        effects.extend(meaning.effects.at(site).filter(|(effect, _)| is_lost(context, effect)).map(|(_, row)| (site, row.effect)));
    }
    let program = ascent_run! {
        relation dropped(SiteId) = dropped;
        relation handled(SiteId) = handled;
        relation effects(SiteId, EffectId) = effects;
        relation found(SiteId, EffectId);
        found(s, e) <-- dropped(s), !handled(s), effects(s, e);
    };
    let mut found = program.found;
    found.sort_unstable();
    // All calls of one function that nobody waits for have one cause.
    let mut by_callee: BTreeMap<(SiteId, FunctionId), BTreeMap<SiteId, Effect>> = BTreeMap::new();
    for (site, effect) in found {
        let effect = meaning.effects.get(effect);
        let trace = meaning.trace(site, &effect);
        // Far below, it is the program that is started, not an effect.
        if trace.len() > MAX_DEPTH || starts_program(context, site) || context.confidence_of(site, &effect) != Confidence::High {
            continue;
        }
        let callee = match trace.get(1) {
            Some(next) => (*trace.last().unwrap_or(next), context.function_of(*next)),
            None => (site, context.function_of(site)),
        };
        by_callee.entry(callee).or_default().entry(site).or_insert(effect);
    }
    by_callee.into_values().filter_map(|places| report(context, &places)).collect()
}

/// Whether the program is started here: the process ends when it does, and says so when it fails.
fn starts_program(context: &Context<'_>, site: SiteId) -> bool {
    let program = context.meaning.program;
    let at_top = program.function(context.function_of(site)).kind == FunctionKind::Module;
    let named = program.call(site).is_some_and(|call| matches!(program.text(call.name), "main" | "bootstrap"));
    let callees = context.meaning.callees(site);
    at_top || named || callees.iter().any(|function| program.text(program.function(*function).name) == "main")
}

/// So many calls of one function are shown.
const MAX_SHOWN: usize = 12;

const MAX_DEPTH: usize = 4;

/// What somebody misses when it did not happen.
fn is_lost(context: &Context<'_>, effect: &Effect) -> bool {
    match effect.kind {
        OpKind::DbWrite | OpKind::Publish | OpKind::Enqueue | OpKind::Payment | OpKind::Notify | OpKind::ObjectWrite => true,
        OpKind::HttpRequest => matches!(context.meaning.text(effect.verb), Some("post" | "put" | "patch" | "delete")),
        _ => false,
    }
}

/// `.catch(…)`, `.then(…, …)`, or a body that catches all by itself: somebody thought of its failure.
fn handles_failure(context: &Context<'_>, site: SiteId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let Some(call) = program.call(site) else { return true };
    let chained = program.calls_by_receiver.of(&r.call, call.result).any(|next| {
        matches!(program.text(next.name), "catch" | "finally" | "add_done_callback")
            || (program.text(next.name) == "then" && program.arguments(next.site).nth(1).is_some())
    });
    let catches = |function| {
        program.regions_by_function.of(&r.region, function).any(|row| {
            row.kind == RegionKind::Catch
                && program.catches_by_region.of(&r.catches, row.region).any(|row| {
                    matches!(program.text(row.type_), "" | "Exception" | "BaseException")
                })
        })
    };
    let callees = meaning.callees(site);
    chained || (!callees.is_empty() && callees.into_iter().all(catches))
}

fn report(context: &Context<'_>, places: &BTreeMap<SiteId, Effect>) -> Option<Finding> {
    let (&site, effect) = places.first_key_value()?;
    let trace = context.meaning.trace(site, effect);
    let what = context.does(effect);
    let message = format!(
        "nobody waits for what {what}; when it fails nobody is told, and when the process stops first it never happened although the caller was answered"
    );
    let mut builder = FindingBuilder::new(context, &RULE.info, site, message)
        .subject(context.meaning.text(effect.entity).unwrap_or_default())
        .rests_on(context.confidence_of(site, effect))
        .steps(context.steps(&trace, effect));
    for other in places.keys().skip(1).take(MAX_SHOWN) {
        builder = builder.step(*other, "nor here");
    }
    let finding = builder
        .checked("it is not awaited, returned, kept or given a handler for its failure")
        .help("await it, or hand it to a queue that outlives the process")
        .build();
    Some(finding)
}
