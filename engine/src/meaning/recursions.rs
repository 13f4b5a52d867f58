//! Functions that call themselves to try again: from the handler of a `try`, or with one try less after a bad answer.

use distsys_facts::schema::{Binary, Site};
use distsys_facts::{CallKind, FunctionId, RegionId, RegionKind, SiteId, VarId};
use rustc_hash::FxHashSet;

use super::does_outside;
use super::refusals::says_refused;
use super::retries::{names_in, says_bound};
use super::scopes::{Builder, Extent, Scope};
use super::tries::{asks_answer, slept};
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
            let endless = is_endless(builder, edge.site);
            if (endless || is_counted(program, edge.site, site.function)) && is_for_bad_answer(program, site.region) {
                found.push(Scope { endless, ..scope(edge.site, site.function, Extent::Function(site.function)) });
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
        let body = program.handled_by(handler).next().map(|row| row.body);
        let Some(body) = body.filter(|_| !is_refused) else { continue };
        let endless = is_endless(builder, edge.site);
        found.push(Scope { endless, ..scope(edge.site, site.function, Extent::Region(body)) });
    }
    found
}

/// Whether nothing ends the calls of a function by itself but success: it waits a while and gives itself just what it was given,
/// and no count, deadline or wish to stop is looked at. `catch (e) { await sleep(1000); return load(id); }`
fn is_endless(builder: &Builder<'_, '_, '_>, again: SiteId) -> bool {
    let program = builder.reader.program;
    let r = &program.facts.relations;
    let Site { function, region, .. } = *program.site(again);
    // What is done in between may have mended what failed: a row that was missing, a connection made anew.
    let arm = program.regions_outward(region).find(|row| matches!(row.kind, RegionKind::Catch | RegionKind::Branch));
    let before = || {
        let sites = program.sites(function).take_while(|row| row.site < again);
        sites.filter(|row| arm.is_some_and(|arm| program.region_within(row.region, arm.region)))
    };
    let mut waits = before().filter(|row| slept(builder, row.site).is_some());
    let mends = |row: &Site| {
        let edges = builder.reader.resolution.calls_at(row.site);
        let is_done = builder.operations.at(row.site).any(|op| does_outside(op.kind));
        is_done || !edges.is_empty() && slept(builder, row.site).is_none()
    };
    if waits.next().is_none() || before().any(mends) {
        return false;
    }
    let is_own = |var: VarId| program.parameter(var).is_some_and(|row| row.function == function);
    let same = |var: VarId| is_own(var) || program.only_source(var).is_some_and(is_own);
    if !program.arguments(again).all(|row| same(row.var)) {
        return false;
    }
    let regions = program.regions_by_function.of(&r.region, function);
    let mut asked = regions.flat_map(|row| program.condition_by_region.of(&r.condition, row.region)).map(|row| row.var);
    !asked.any(|var| {
        let compares = |row: &Binary| matches!(program.text(row.operator), "<" | ">" | "<=" | ">=");
        let counts = program.binary_by_dst.of(&r.binary, var).any(compares)
            && asks_answer(program, var, &mut FxHashSet::default()).is_none();
        counts || names_in(program, var).into_iter().any(says_bound)
    })
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
