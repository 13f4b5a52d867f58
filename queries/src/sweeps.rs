//! Jobs that look for their work themselves: what one run could not do for a row, the next run finds again.

use distsys_engine::OpKind;
use distsys_engine::meaning::{Failure, Term};
use distsys_facts::{FunctionId, RegionId, RegionKind, SiteId, VarId};

use crate::Context;
use crate::done::done_at;
use crate::handlers::{Handler, is_work};

/// Whether what failed is one row of those that a job has looked for, and the next run of the job finds it again: the job is
/// told nothing and nobody of the project sends it, so a schedule does; and nothing is written for the row after it failed.
pub(crate) fn is_found_again(context: &Context<'_>, handler: &Handler, failure: &Failure) -> bool {
    let program = context.meaning.program;
    let Some(region) = failure.region else { return false };
    if !is_of_schedule(context, handler) {
        return false;
    }
    let loops = program.regions_outward(region).filter(|row| row.kind == RegionKind::Loop).map(|row| row.region);
    let rows = loops.into_iter().find(|region| is_over_rows(context, *region));
    rows.is_some_and(|rows| !is_marked_after(context, handler, failure, rows))
}

/// Whether each run of the job is like the one before, and no code of the project has it run.
fn is_of_schedule(context: &Context<'_>, handler: &Handler) -> bool {
    let meaning = context.meaning;
    let is_job = meaning.operations.at(handler.origin).any(|op| op.kind == OpKind::HandleJob);
    let mut jobs = meaning.invocations.at(handler.origin).map(|row| row.function).peekable();
    let is_sent = |job: FunctionId| {
        let mut sent = meaning.operations.of_kind(OpKind::Enqueue).filter(|op| context.in_scope(op.site));
        sent.any(|op| meaning.effects.at(op.site).any(|(effect, _)| effect.entity == Term::Function(job)))
    };
    is_job && jobs.peek().is_some() && jobs.all(|job| meaning.takes_nothing(job) && !is_sent(job))
}

/// Whether a loop goes over what a query gives.
fn is_over_rows(context: &Context<'_>, region: RegionId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let reads = |site: SiteId| {
        let is_read = |kind: OpKind| matches!(kind, OpKind::DbRead | OpKind::Sql);
        meaning.operations.at(site).any(|op| is_read(op.kind))
            || meaning.effects.at(site).any(|(effect, _)| is_read(effect.kind))
    };
    let read = |var: VarId| program.call_giving(var).is_some_and(|call| reads(call.site));
    let iterated = program.iterates_by_region.of(&program.facts.relations.iterates, region);
    iterated.into_iter().any(|row| read(row.var) || meaning.made_from(row.var).into_iter().any(read))
}

/// Whether something is done for the row in spite of the failure, by which it may not be found again.
fn is_marked_after(context: &Context<'_>, handler: &Handler, failure: &Failure, rows: RegionId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let Some(entry) = failure.entry else { return true };
    let function = program.region(rows).function;
    let mut later = handler.sites.iter().copied().filter(|site| {
        context.function_of(*site) == function
            && program.region_within(program.site(*site).region, rows)
            && !failure.protected.contains(site)
            && meaning.leads(entry, *site)
    });
    later.any(|site| done_at(context, site).into_iter().any(|done| is_work(context, &done.effect)))
}
