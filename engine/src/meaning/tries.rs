//! Loops that try again, told by how they look at an answer: a count under any name with a wait between its turns, a mark that
//! says that it is done.

use distsys_facts::schema::Site;
use distsys_facts::{CallKind, FunctionId, LiteralKind, RegionId, RegionKind, SiteId, VarId};
use rustc_hash::FxHashSet;

use super::retries::{Graph, Way, asks_success, names_in, nearest_loop};
use super::scopes::Builder;
use crate::operation::OpKind;
use crate::program::Program;
use crate::words::words;

/// Parts of a condition that are looked at.
const MAX_ASKED: usize = 16;

/// Whether the loop counts its turns, whatever the count is called, waits between them, and leaves early when the answer that it
/// got is a good one: `for i in range(3): answer = send(); if answer.ok: return answer; sleep(1)`.
pub(super) fn tries_later(builder: &Builder<'_, '_, '_>, graph: &Graph, region: RegionId) -> bool {
    let program = builder.reader.program;
    let r = &program.facts.relations;
    let function = program.region(region).function;
    let inside = |inner: RegionId| program.region_within(inner, region);
    let conditions: Vec<VarId> = program
        .regions_by_function
        .of(&r.region, function)
        .filter(|row| inside(row.region))
        .flat_map(|row| program.condition_by_region.of(&r.condition, row.region))
        .map(|row| row.var)
        .collect();
    let counts = || {
        let is_iterated = program.iterates_by_region.first(&r.iterates, region).is_some();
        let mut steps = program.binaries(function).filter(|row| inside(program.site(row.site).region));
        is_iterated
            || steps.any(|row| {
                let name = program.variable(row.left).map(|variable| program.text(variable.name));
                matches!(program.text(row.operator), "+=" | "-=" | "++" | "--" | "+" | "-")
                    && name.is_some_and(|name| conditions.iter().any(|var| names_in(program, *var).contains(&name)))
            })
    };
    let waits =
        || program.sites(function).filter(|site| inside(site.region)).any(|site| slept(builder, site.site).is_some());
    ends_with_success(builder, graph, region) && counts() && waits()
}

/// Whether a good answer leads out of a loop and a bad one round it. Where a bad one ends it, each turn does something else.
fn ends_with_success(builder: &Builder<'_, '_, '_>, graph: &Graph, region: RegionId) -> bool {
    let program = builder.reader.program;
    let r = &program.facts.relations;
    let is_for = |of: RegionId, good: bool| {
        program.condition_by_region.of(&r.condition, of).any(|row| {
            let asked = asks_answer(program, row.var, &mut FxHashSet::default());
            asked.or_else(|| asks_helper(builder, row.var, 0)) == Some(good)
        })
    };
    if is_for(region, false) {
        return true;
    }
    let function = program.region(region).function;
    let arms = program.regions_by_function.of(&r.region, function).filter(|row| row.kind == RegionKind::Branch);
    let mut arms = arms.map(|row| row.region).filter(|arm| nearest_loop(program, *arm) == Some(region));
    arms.any(|arm| {
        let round = graph.leads(program, arm, region, Way::Round, &[]);
        let out = graph.leads(program, arm, region, Way::Out, &[]);
        let passes = |way| graph.leads(program, region, region, way, &[arm]);
        is_for(arm, true) && out && !round && passes(Way::Round)
            || is_for(arm, false) && round && !out && passes(Way::Out)
    })
}

/// Whether a condition holds for what a helper of the project that tells how it went says of a success, or of a failure:
/// `if (trySend(order)) return;`.
fn asks_helper(builder: &Builder<'_, '_, '_>, condition: VarId, depth: usize) -> Option<bool> {
    let program = builder.reader.program;
    let r = &program.facts.relations;
    if depth > MAX_PARTS {
        return None;
    }
    let asks = |var: VarId| asks_helper(builder, var, depth + 1);
    if let Some(row) = program.binary_by_dst.of(&r.binary, condition).next() {
        return match (program.text(row.operator), row.right) {
            ("!" | "not", _) => Some(!asks(row.left)?),
            ("&&" | "and", Some(right)) => asks(row.left).or_else(|| asks(right)),
            _ => None,
        };
    }
    if let Some(call) = program.call_giving(condition) {
        let [edge] = builder.reader.resolution.calls_at(call.site) else { return None };
        return tells_how_it_went(program, edge.function).then_some(true);
    }
    program.assigned_from(condition).find_map(|row| asks(row.src))
}

/// Conditions are taken apart this deep.
const MAX_PARTS: usize = 4;

/// Whether a function gives true for a success and false for a failure: the handler of its `try` gives the latter, or what it
/// gives is whether the answer is a good one.
fn tells_how_it_went(program: &Program<'_>, function: FunctionId) -> bool {
    let r = &program.facts.relations;
    let given = || program.returns_by_function.of(&r.returns, function).filter_map(|row| Some((row.site, row.var?)));
    let is_for_failure =
        |site: SiteId| program.regions_outward(program.site(site).region).any(|row| row.kind == RegionKind::Catch);
    let gives = |text: &str, for_failure: bool| {
        given().any(|(site, var)| {
            is_for_failure(site) == for_failure
                && program
                    .literal(var)
                    .is_some_and(|row| row.kind == LiteralKind::Boolean && program.text(row.value) == text)
        })
    };
    gives("true", false) && gives("false", true)
        || given().any(|(_, var)| asks_answer(program, var, &mut FxHashSet::default()) == Some(true))
}

/// What a wait is given, if the call at `site` is one: `sleep(1)`, `new Promise((resolve) => setTimeout(resolve, 1000))`.
pub(super) fn slept(builder: &Builder<'_, '_, '_>, site: SiteId) -> Option<Vec<VarId>> {
    let program = builder.reader.program;
    let call = program.call(site)?;
    let given = |site: SiteId| program.arguments(site).map(|row| row.var);
    // What the project calls so waits if it comes to a wait: `plan_backoff(record)` only writes down when to go on.
    let waits = || {
        let is_ours = !builder.reader.resolution.calls_at(site).is_empty();
        !is_ours || builder.effects.at(site).any(|(effect, _)| effect.kind == OpKind::Sleep)
    };
    if builder.operations.at(site).any(|op| op.kind == OpKind::Sleep) || says_wait(program.text(call.name)) && waits() {
        return Some(given(site).collect());
    }
    let inner = program.closure(given(site).next().filter(|_| call.kind == CallKind::New)?)?;
    let sets_timer = |row: &&Site| program.call(row.site).is_some_and(|call| program.text(call.name) == "setTimeout");
    program.sites(inner).find(sets_timer).map(|row| given(row.site).collect())
}

fn says_wait(text: &str) -> bool {
    words(text).iter().any(|word| matches!(word.as_str(), "sleep" | "delay" | "wait" | "pause" | "backoff"))
}

/// Whether a condition holds for a good answer, or for a bad one: `answer.ok`, `response.status >= 500`. Each variable is `seen`
/// once: conditions are put together out of one another in circles.
pub(super) fn asks_answer(program: &Program<'_>, condition: VarId, seen: &mut FxHashSet<VarId>) -> Option<bool> {
    if seen.len() >= MAX_ASKED || !seen.insert(condition) {
        return None;
    }
    let r = &program.facts.relations;
    let mut asks = |var: VarId| asks_answer(program, var, seen);
    let named = program.loaded_as(condition).map(|load| load.field);
    let named = named.or_else(|| program.call_giving(condition).map(|call| call.name)).map(|name| program.text(name));
    match named {
        Some("ok" | "is_ok" | "isOk" | "is_success" | "isSuccess" | "isSuccessful" | "is2xxSuccessful") => {
            return Some(true);
        }
        Some("is_server_error" | "isServerError" | "is5xxServerError" | "is_err" | "isErr") => return Some(false),
        _ => {}
    }
    if let Some(row) = program.binary_by_dst.of(&r.binary, condition).next() {
        let Some(right) = row.right else {
            return if matches!(program.text(row.operator), "!" | "not") { Some(!asks(row.left)?) } else { None };
        };
        let is_status =
            |text: &str| matches!(text, "status" | "status_code" | "statusCode" | "StatusCode" | "code" | "as_u16");
        let code = program.literal(right).and_then(|literal| program.text(literal.value).parse::<u16>().ok());
        return match code.filter(|code| (200..600).contains(code)) {
            Some(code) if names_in(program, row.left).into_iter().any(is_status) => match program.text(row.operator) {
                "<" | "<=" if code >= 299 => Some(true),
                ">" | ">=" if code >= 299 => Some(false),
                "==" | "===" => Some(code < 400),
                "!=" | "!==" => Some(code >= 400),
                _ => None,
            },
            _ => asks(row.left).or_else(|| asks(right)),
        };
    }
    program.assigned_from(condition).find_map(|row| asks(row.src))
}

/// Whether a handler leads round a loop that goes on until a mark says that it is done, which is set where nothing failed:
/// `while not done and n < 4: try: send(); done = True`.
pub(super) fn goes_on_until_done(graph: &Graph, program: &Program<'_>, region: RegionId) -> bool {
    let r = &program.facts.relations;
    let function = program.region(region).function;
    let handlers = program.regions_by_function.of(&r.region, function).filter(|row| row.kind == RegionKind::Catch);
    let mut handlers = handlers.filter(|row| nearest_loop(program, row.region) == Some(region));
    // `if err == nil { done = true }`, and round again to look at the mark.
    let mut successes = program.regions_by_function.of(&r.region, function).filter(|row| {
        row.kind == RegionKind::Branch
            && nearest_loop(program, row.region) == Some(region)
            && asks_success(program, row.region)
    });
    let is_mark = |var: VarId| {
        let sources = program.assigned_from(var).filter_map(|row| program.literal(row.src));
        let set: FxHashSet<&str> = sources
            .filter(|literal| literal.kind == LiteralKind::Boolean)
            .map(|literal| program.text(literal.value))
            .collect();
        set.len() == 2
    };
    let asked = |var: VarId| {
        let (mut stack, mut asked) = (vec![var], Vec::new());
        while let Some(var) = stack.pop().filter(|_| asked.len() < MAX_ASKED) {
            if asked.contains(&var) {
                continue;
            }
            asked.push(var);
            stack
                .extend(program.binary_by_dst.of(&r.binary, var).flat_map(|row| [Some(row.left), row.right]).flatten());
            stack.extend(program.assigned_from(var).map(|row| row.src));
        }
        asked
    };
    let mut conditions = program.condition_by_region.of(&r.condition, region);
    conditions.any(|row| asked(row.var).into_iter().any(is_mark))
        && (handlers.any(|handler| graph.leads(program, handler.region, region, Way::Round, &[]))
            || successes.any(|arm| {
                let goes_on = graph.leads(program, arm.region, region, Way::Round, &[]);
                goes_on && graph.leads(program, region, region, Way::Round, &[arm.region])
            }))
}
