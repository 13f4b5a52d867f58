//! Loops that ask again until the answer is the one that is waited for, and go on when asking fails: `while True: try: if
//! batch(id).state == "closed": return; except Timeout: log; sleep(1)`.

use distsys_facts::schema::Site;
use distsys_facts::{RegionId, RegionKind, SiteId, SiteKind, VarId};
use rustc_hash::FxHashSet;

use super::retries::{Graph, Way, asks_error, nearest_loop};
use super::scopes::Builder;
use super::tries::slept;
use crate::operation::OpKind;
use crate::program::Program;
use crate::words::is_report;

/// A condition is taken apart into so many values at most.
const MAX_PARTS: usize = 48;

/// The arms by which an answer ends the loop; none if it does not poll. What was got is only looked at: a loop that hands it to
/// something else deals with one item after another.
pub(super) fn answers(builder: &Builder<'_, '_, '_>, graph: &Graph, region: RegionId) -> Vec<RegionId> {
    let program = builder.reader.program;
    let r = &program.facts.relations;
    let function = program.region(region).function;
    let sites: Vec<&Site> = program.sites(function).filter(|site| program.region_within(site.region, region)).collect();
    if !sites.iter().any(|site| slept(builder, site.site).is_some()) {
        return Vec::new();
    }
    let goes_on = |inner: RegionId| {
        let own = nearest_loop(program, inner) == Some(region);
        own && graph.leads(program, inner, region, Way::Round, &[])
            && !graph.leads(program, inner, region, Way::Out, &[])
    };
    let survived = asked_in_spite(program, region, &goes_on);
    if survived.is_empty() {
        return Vec::new();
    }
    let takes = |site: &SiteId| {
        builder.operations.at(*site).any(|op| matches!(op.kind, OpKind::Consume | OpKind::Receive | OpKind::Send))
    };
    let conditions = |arm: RegionId| program.condition_by_region.of(&r.condition, arm);
    let leaves = program.regions_by_function.of(&r.region, function).map(|row| row.region).filter(|arm| {
        program.region(*arm).kind == RegionKind::Branch
            && nearest_loop(program, *arm) == Some(region)
            && !asks_error(program, *arm)
            && graph.leads(program, *arm, region, Way::Out, &[])
            && !graph.leads(program, *arm, region, Way::Round, &[])
    });
    let mut asked: FxHashSet<SiteId> = FxHashSet::default();
    let mut looks: FxHashSet<SiteId> = FxHashSet::default();
    let mut arms = Vec::new();
    for arm in leaves {
        let behind: Vec<SiteId> = conditions(arm).flat_map(|row| calls_behind(program, row.var)).collect();
        // What asks, not what is then asked of the answer.
        let is_first = |site: &SiteId| {
            let call = program.call(*site);
            let given = program.arguments(*site).map(|row| row.var).chain(call.and_then(|call| call.receiver));
            !given.flat_map(|var| calls_behind(program, var)).any(|other| other != *site && survived.contains(&other))
        };
        let of_answer = behind.iter().copied().filter(|site| survived.contains(site) && is_first(site));
        let of_answer: Vec<SiteId> = of_answer.collect();
        if !of_answer.is_empty() {
            asked.extend(of_answer);
            looks.extend(behind);
            arms.push(arm);
        }
    }
    let is_used = |site: &&&Site| {
        let in_arm = arms.iter().any(|arm| program.region_within(site.region, *arm));
        let is_told = program.call(site.site).is_some_and(|call| is_report(program.written_name(call)));
        site.kind == SiteKind::Call && !in_arm && !is_told && !looks.contains(&site.site)
    };
    let is_given = |var: VarId| calls_behind(program, var).iter().any(|site| asked.contains(site));
    let mut others = sites.iter().filter(is_used);
    let hands_on = others.any(|site| program.arguments(site.site).any(|row| is_given(row.var)));
    let by_itself = |site: &SiteId| program.arguments(*site).any(|row| is_given(row.var));
    if hands_on || asked.iter().any(|site| takes(site) || by_itself(site)) {
        return Vec::new();
    }
    arms
}

/// The calls in the loop after whose failure it goes on: in a `try` all of whose handlers lead round, or whose error an arm that
/// does asks for.
fn asked_in_spite(program: &Program<'_>, region: RegionId, goes_on: &dyn Fn(RegionId) -> bool) -> FxHashSet<SiteId> {
    let r = &program.facts.relations;
    let function = program.region(region).function;
    let mut found: FxHashSet<SiteId> = FxHashSet::default();
    for row in program.regions_by_function.of(&r.region, function) {
        let inner = row.region;
        if row.kind == RegionKind::Try && nearest_loop(program, inner) == Some(region) {
            let handlers = program.handles_by_body.of(&r.handles, inner).map(|row| row.region);
            let mut handlers = handlers.filter(|at| program.region(*at).kind == RegionKind::Catch).peekable();
            if handlers.peek().is_some() && handlers.all(goes_on) {
                let inside = program.sites(function).filter(|site| program.region_within(site.region, inner));
                found.extend(inside.map(|site| site.site));
            }
        }
        if row.kind == RegionKind::Branch && asks_error(program, inner) && goes_on(inner) {
            let asked =
                program.condition_by_region.of(&r.condition, inner).flat_map(|row| program.asked_variant(row.var));
            let failing =
                asked.filter(|(_, variant)| *variant == "Err").flat_map(|(var, _)| calls_behind(program, var));
            found.extend(failing.filter(|site| program.region_within(program.site(*site).region, region)));
        }
    }
    found
}

/// The calls that a value is made from.
fn calls_behind(program: &Program<'_>, var: VarId) -> Vec<SiteId> {
    let r = &program.facts.relations;
    let (mut stack, mut calls) = (vec![var], Vec::new());
    let mut seen: FxHashSet<VarId> = FxHashSet::default();
    while let Some(at) = stack.pop() {
        if seen.len() > MAX_PARTS || !seen.insert(at) {
            continue;
        }
        stack.extend(program.loaded_as(at).map(|load| load.base));
        stack.extend(program.assigned_from(at).map(|row| row.src));
        stack.extend(program.entry_by_var.of(&r.entry, at).map(|row| row.value));
        stack.extend(program.element_by_var.of(&r.element, at).map(|row| row.value));
        for binary in program.binary_by_dst.of(&r.binary, at) {
            stack.push(binary.left);
            stack.extend(binary.right);
        }
        if let Some(call) = program.call_giving(at) {
            calls.push(call.site);
            stack.extend(call.receiver);
            stack.extend(program.arguments(call.site).map(|row| row.var));
        }
    }
    calls
}
