//! Functions that call themselves to try again: from the handler of a `try`, or with one try less after a bad answer.

use distsys_facts::{CallKind, FunctionId, RegionId, RegionKind, SiteId, VarId};
use rustc_hash::FxHashSet;

use super::refusals::says_refused;
use super::retries::names_in;
use super::scopes::{Builder, Extent, Scope};
use super::tries::asks_answer;
use crate::operation::OpKind;
use crate::program::Program;

/// What a handler of a `try` does again by calling its own function: `catch { return send(body, left - 1) }`.
pub(super) fn recursions(builder: &Builder<'_, '_, '_>) -> Vec<Scope> {
    let program = builder.reader.program;
    let r = &program.facts.relations;
    let mut found = Vec::new();
    for edge in &builder.reader.resolution.calls {
        let site = program.site(edge.site);
        if edge.function != site.function || program.call(edge.site).is_none_or(|call| call.kind != CallKind::Call) {
            continue;
        }
        let mut around = program.regions_outward(site.region);
        let Some(handler) = around.find(|row| row.kind == RegionKind::Catch).map(|row| row.region) else {
            if is_counted(program, edge.site, site.function) && is_for_bad_answer(program, site.region) {
                found.push(scope(edge.site, site.function, Extent::Function(site.function)));
            }
            continue;
        };
        // A refused request was not done; with a new token it is done once.
        let is_refused = program
            .regions_outward(site.region)
            .take_while(|row| row.region != handler)
            .flat_map(|row| program.condition_by_region.of(&r.condition, row.region))
            .flat_map(|condition| names_in(program, condition.var))
            .any(says_refused);
        let body = r.handles.iter().find(|row| row.region == handler).map(|row| row.body);
        let Some(body) = body.filter(|_| !is_refused) else { continue };
        found.push(scope(edge.site, site.function, Extent::Region(body)));
    }
    found
}

/// Whether a function asks whether a request was refused.
pub(super) fn is_for_refused(program: &Program<'_>, function: FunctionId) -> bool {
    let r = &program.facts.relations;
    let regions = program.regions_by_function.of(&r.region, function);
    let conditions = regions.flat_map(|row| program.condition_by_region.of(&r.condition, row.region));
    conditions.flat_map(|row| names_in(program, row.var)).any(says_refused)
}

fn scope(origin: SiteId, function: FunctionId, extent: Extent) -> Scope {
    Scope {
        kind: OpKind::RetryScope,
        op: None,
        origin: Some(origin),
        steps: Vec::new(),
        function,
        extent,
        endless: false,
        closers: Vec::new(),
        lazy: false,
        passed_on: false,
    }
}

/// Whether a call of its own function is given one more or one less of what that was given: `send(body, left - 1)`.
fn is_counted(program: &Program<'_>, site: SiteId, function: FunctionId) -> bool {
    let r = &program.facts.relations;
    let own = |var: VarId| program.parameter(var).is_some_and(|row| row.function == function);
    let is_one = |var: VarId| program.literal(var).is_some_and(|row| program.text(row.value) == "1");
    program
        .arguments(site)
        .flat_map(|row| program.binary_by_dst.of(&r.binary, row.var))
        .any(|row| matches!(program.text(row.operator), "+" | "-") && own(row.left) && row.right.is_some_and(is_one))
}

/// Whether a region is entered for a bad answer or an error only: `if (response.status >= 500 && left > 0)`,
/// `if err != nil && left > 0`.
fn is_for_bad_answer(program: &Program<'_>, region: RegionId) -> bool {
    let r = &program.facts.relations;
    let arms = program.regions_outward(region).filter(|row| row.kind == RegionKind::Branch);
    let conditions = arms.flat_map(|row| program.condition_by_region.of(&r.condition, row.region));
    let (mut bad, mut refused) = (false, false);
    for row in conditions {
        bad |= asks_answer(program, row.var, &mut FxHashSet::default()) == Some(false);
        let parts = program.assigned_from(row.var).map(|part| part.src).chain([row.var]);
        bad |= parts.flat_map(|part| program.asked_variant(part)).any(|(_, variant)| variant == "Err");
        refused |= names_in(program, row.var).into_iter().any(says_refused);
    }
    bad && !refused
}
