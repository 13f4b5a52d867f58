//! Loops that try again, told by how they look at an answer: a count under any name with a wait between its turns, a mark that
//! says that it is done.

use distsys_facts::{LiteralKind, RegionId, RegionKind, VarId};
use rustc_hash::FxHashSet;

use super::retries::{Graph, Way, names_in, nearest_loop};
use super::scopes::Builder;
use crate::operation::OpKind;
use crate::program::Program;
use crate::words::words;

/// Parts of a condition that are looked at.
const MAX_ASKED: usize = 64;

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
    let waits = || {
        let mut sites = program.sites(function).filter(|site| inside(site.region));
        sites.any(|site| {
            let is_sleep = builder.operations.at(site.site).any(|op| op.kind == OpKind::Sleep);
            is_sleep || program.call(site.site).is_some_and(|call| says_wait(program.text(call.name)))
        })
    };
    ends_with_success(graph, program, region) && counts() && waits()
}

/// Whether a good answer leads out of a loop and a bad one round it. Where a bad one ends it, each turn does something else.
fn ends_with_success(graph: &Graph, program: &Program<'_>, region: RegionId) -> bool {
    let r = &program.facts.relations;
    let is_for = |of: RegionId, good: bool| {
        let mut conditions = program.condition_by_region.of(&r.condition, of);
        conditions.any(|row| asks_answer(program, row.var, &mut FxHashSet::default()) == Some(good))
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

pub(super) fn says_wait(text: &str) -> bool {
    words(text).iter().any(|word| matches!(word.as_str(), "sleep" | "delay" | "wait" | "pause" | "backoff"))
}

/// Whether a condition holds for a good answer, or for a bad one: `answer.ok`, `response.status >= 500`.
/// What was `seen` said nothing: many ways may lead to one variable.
fn asks_answer(program: &Program<'_>, condition: VarId, seen: &mut FxHashSet<VarId>) -> Option<bool> {
    if seen.len() > MAX_ASKED || !seen.insert(condition) {
        return None;
    }
    let r = &program.facts.relations;
    let named = program.loaded_as(condition).map(|load| load.field);
    let named = named.or_else(|| program.call_giving(condition).map(|call| call.name)).map(|name| program.text(name));
    match named {
        Some("ok" | "is_ok" | "isOk" | "is_success" | "isSuccess" | "isSuccessful") => return Some(true),
        Some("is_server_error" | "isServerError" | "is_err" | "isErr") => return Some(false),
        _ => {}
    }
    if let Some(row) = program.binary_by_dst.of(&r.binary, condition).next() {
        let Some(right) = row.right else {
            return if matches!(program.text(row.operator), "!" | "not") {
                Some(!asks_answer(program, row.left, seen)?)
            } else {
                None
            };
        };
        let is_status =
            |text: &str| matches!(text, "status" | "status_code" | "statusCode" | "StatusCode" | "code" | "as_u16");
        let code = program.literal(right).and_then(|literal| program.text(literal.value).parse::<u16>().ok());
        return match code.filter(|code| (200..600).contains(code)) {
            Some(code) if names_in(program, row.left).into_iter().any(is_status) => match program.text(row.operator) {
                "<" | "<=" => Some(true),
                ">" | ">=" => Some(false),
                "==" | "===" => Some(code < 400),
                "!=" | "!==" => Some(code >= 400),
                _ => None,
            },
            _ => asks_answer(program, row.left, seen).or_else(|| asks_answer(program, right, seen)),
        };
    }
    program.assigned_from(condition).find_map(|row| asks_answer(program, row.src, seen))
}

/// Whether a handler leads round a loop that goes on until a mark says that it is done, which is set where nothing failed:
/// `while not done and n < 4: try: send(); done = True`.
pub(super) fn goes_on_until_done(graph: &Graph, program: &Program<'_>, region: RegionId) -> bool {
    let r = &program.facts.relations;
    let function = program.region(region).function;
    let handlers = program.regions_by_function.of(&r.region, function).filter(|row| row.kind == RegionKind::Catch);
    let mut handlers = handlers.filter(|row| nearest_loop(program, row.region) == Some(region));
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
            asked.push(var);
            stack
                .extend(program.binary_by_dst.of(&r.binary, var).flat_map(|row| [Some(row.left), row.right]).flatten());
            stack.extend(program.assigned_from(var).map(|row| row.src));
        }
        asked
    };
    let mut conditions = program.condition_by_region.of(&r.condition, region);
    conditions.any(|row| asked(row.var).into_iter().any(is_mark))
        && handlers.any(|handler| graph.leads(program, handler.region, region, Way::Round, &[]))
}
