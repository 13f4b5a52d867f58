//! Work that goes on under a request's deadline after the request has been answered.

use distsys_engine::OpKind;
use distsys_engine::meaning::{Effect, Operation};
use distsys_facts::{FunctionId, SiteId, VarId};

use crate::finding::{Finding, RuleInfo};
use crate::{Context, FindingBuilder};

/// Effects of tasks that nobody waits for, and that end half-way because what carries their deadline ends with the request.
pub(crate) fn findings(context: &Context<'_>, info: &'static RuleInfo) -> Vec<Finding> {
    let meaning = context.meaning;
    let mut findings = Vec::new();
    for op in meaning.operations.of_kind(OpKind::Spawn).filter(|op| context.in_scope(op.site)) {
        if !is_on_request(context, op.function) || is_waited_for(context, op) {
            continue;
        }
        let cut = meaning.effects.at(op.site).find_map(|(effect, _)| {
            let trace = meaning.trace(op.site, &effect);
            (is_missed(&effect) && trace.len() > 1 && ends_with_request(context, &trace)).then_some((effect, trace))
        });
        if let Some((effect, trace)) = cut {
            findings.push(report(context, info, op.site, &effect, &trace));
        }
    }
    findings
}

/// What somebody misses when it was begun and not done.
fn is_missed(effect: &Effect) -> bool {
    matches!(
        effect.kind,
        OpKind::DbWrite
            | OpKind::Publish
            | OpKind::Enqueue
            | OpKind::Payment
            | OpKind::Notify
            | OpKind::ObjectWrite
            | OpKind::HttpRequest
            | OpKind::Rpc
            | OpKind::CacheWrite
            | OpKind::CacheDelete
    )
}

/// Whether requests run a function, or the one around it.
fn is_on_request(context: &Context<'_>, function: FunctionId) -> bool {
    let meaning = context.meaning;
    let mut at = Some(function);
    while let Some(id) = at {
        if meaning.is_requested(id) {
            return true;
        }
        at = meaning.program.function(id).parent;
    }
    false
}

/// Whether the function that starts the task waits for something afterwards.
fn is_waited_for(context: &Context<'_>, op: &Operation) -> bool {
    let meaning = context.meaning;
    let waits = |other: &&Operation| matches!(other.kind, OpKind::Join | OpKind::Receive | OpKind::Gather);
    let beside = meaning.program.sites(op.function).flat_map(|row| meaning.operations.at(row.site));
    let mut others = beside.filter(waits);
    // After a loop that starts many, too.
    others.any(|other| other.site > op.site || meaning.precedes(op.site, other.site))
}

/// Whether each step down to the operation is given the carrier of the request, and none makes one of its own.
fn ends_with_request(context: &Context<'_>, trace: &[SiteId]) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let carriers = |site: SiteId| -> Vec<VarId> {
        let given = program.arguments(site).map(|row| row.var).filter(|var| meaning.is_carrier(*var));
        let mut given: Vec<VarId> = given.collect();
        if given.is_empty() {
            // `client.Do(req)`, where the request was made with it.
            let makers = program.arguments(site).filter_map(|row| meaning.made_by(row.var));
            given.extend(
                makers
                    .flat_map(|call| program.arguments(call).map(|row| row.var))
                    .filter(|var| meaning.is_carrier(*var)),
            );
        }
        given
    };
    // The start of the task is given none; what it runs is.
    trace[1..].iter().all(|site| {
        let given = carriers(*site);
        !given.is_empty() && given.into_iter().all(|var| meaning.ends_with_call(var))
    })
}

fn report(context: &Context<'_>, info: &'static RuleInfo, site: SiteId, effect: &Effect, trace: &[SiteId]) -> Finding {
    let what = context.does(effect);
    let message = format!(
        "nobody waits for what {what}, and it goes on under the context of a request, which is cancelled when the request is answered; it ends half-way, or never happens"
    );
    FindingBuilder::new(context, info, site, message)
        .subject(context.meaning.text(effect.entity).unwrap_or_default())
        .rests_on(context.confidence_of(site, effect))
        .steps(context.steps(trace, effect))
        .checked("it is not waited for before the answer, and its context is not detached from the request's")
        .help("wait for it, or give it a context that outlives the request and a time of its own")
        .build()
}
