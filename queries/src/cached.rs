//! What is put into a cache.

use distsys_engine::meaning::{Found, Operand};
use distsys_engine::words::is_identity;
use distsys_engine::{Attr, OpKind};
use distsys_facts::{SiteId, VarId};
use rustc_hash::FxHashSet;

use crate::Context;

/// What the value is made from that is cached at `write` or by what it calls, through the parameters of what is called in
/// between, in all of these functions. The key is no part of it.
pub(crate) fn carried(context: &Context<'_>, write: SiteId) -> FxHashSet<VarId> {
    let meaning = context.meaning;
    let program = meaning.program;
    let mut carried: FxHashSet<VarId> = FxHashSet::default();
    let Some(trace) = way_to_fill(context, write) else { return carried };
    for (depth, site) in trace.iter().enumerate().rev() {
        let wanted: Vec<VarId> = if depth + 1 == trace.len() {
            let mut arguments: Vec<VarId> = program.arguments(*site).map(|row| row.var).collect();
            if arguments.len() > 1 {
                arguments.remove(0);
            }
            without_life(context, *site, arguments)
        } else {
            let passed = meaning.resolution.passed_at(*site).iter();
            let passed = passed.filter(|row| carried.contains(&row.parameter));
            passed.flat_map(|row| parts(context, row.parameter, row.argument, &carried)).collect()
        };
        // Whose id is kept is not itself kept.
        carried.extend(wanted.into_iter().flat_map(|var| meaning.made_from_by(var, |field| !is_identity(field))));
    }
    carried
}

/// What is given to a write beside its key, without how long the entry is to live: `set(key, value, { ex: ttl })`.
fn without_life(context: &Context<'_>, write: SiteId, mut arguments: Vec<VarId>) -> Vec<VarId> {
    let meaning = context.meaning;
    let r = &meaning.program.facts.relations;
    let mut lives: Vec<VarId> = Vec::new();
    for op in meaning.operations.at(write).filter(|op| op.kind == OpKind::CacheWrite) {
        if let Found::Is(Operand::Var(life) | Operand::Counted(life, _)) = meaning.attribute(op, Attr::Ttl) {
            lives.push(life);
        }
    }
    let says_life = |argument: VarId| {
        let mut entries = meaning.program.entry_by_var.of(&r.entry, meaning.program.held_at(argument));
        lives.contains(&argument) || entries.any(|row| lives.contains(&row.value))
    };
    // The first is the value, whatever it holds.
    let mut at = 0;
    arguments.retain(|argument| {
        at += 1;
        at == 1 || !says_life(*argument)
    });
    arguments
}

/// Whether an entry is set because something failed after what is read at `load`: a note of the failure, no copy of what was
/// loaded. Who loads because the cache failed is after that failure himself.
pub(crate) fn notes_failure(context: &Context<'_>, load: SiteId, write: SiteId) -> bool {
    context.meaning.is_after_failure(write) && !context.meaning.is_after_failure(load)
}

/// The sites from one that fills a cache, itself or by what is called there, down to the operation that does.
pub(crate) fn way_to_fill(context: &Context<'_>, fill: SiteId) -> Option<Vec<SiteId>> {
    let meaning = context.meaning;
    let filled = meaning.effects.at(fill).find(|(effect, _)| effect.kind == OpKind::CacheWrite);
    filled.map(|(effect, _)| meaning.trace(fill, &effect))
}

/// Whether the cache that is filled at a site, or by what is called there, is an object of this process: others have copies of
/// their own, and nobody else changes an entry in between.
pub(crate) fn is_of_process(context: &Context<'_>, fill: SiteId) -> bool {
    let meaning = context.meaning;
    way_to_fill(context, fill).is_some_and(|trace| {
        let last = trace.last().copied().unwrap_or(fill);
        meaning.operations.at(last).any(|op| op.kind == OpKind::CacheWrite && meaning.declares(op, Attr::Space))
    })
}

/// Of an object that is written where it is given (`paid({ event, workspace })`) the entries that are carried on.
pub(crate) fn parts(
    context: &Context<'_>,
    parameter: VarId,
    argument: VarId,
    carried: &FxHashSet<VarId>,
) -> Vec<VarId> {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let loads = program.load_by_base.of(&r.load, parameter).filter(|row| carried.contains(&row.dst));
    let fields: FxHashSet<_> = loads.map(|row| row.field).collect();
    let entries = program.entry_by_var.of(&r.entry, argument);
    let chosen: Vec<VarId> = entries.filter(|row| fields.contains(&row.key)).map(|row| row.value).collect();
    if chosen.is_empty() { vec![argument] } else { chosen }
}

/// Whether a site is reached only where `value` was not there: in the arm of a condition that asks for that.
pub(crate) fn is_on_miss(context: &Context<'_>, value: VarId, site: SiteId) -> bool {
    let program = context.meaning.program;
    // That not all of several things hold says of none of them that it does not.
    let is_of_several = |condition: VarId| {
        let mut parts = program.binary_by_dst.of(&program.facts.relations.binary, condition);
        parts.any(|row| program.text(row.operator) == "&&")
    };
    context.meaning.decisions(site).into_iter().any(|decision| {
        (decision.holds || !is_of_several(decision.condition))
            && says_there(context, decision.condition, value, 0).is_some_and(|there| there != decision.holds)
    })
}

/// Whether a condition holds only if `value` is there, or only if it is not.
fn says_there(context: &Context<'_>, condition: VarId, value: VarId, depth: u32) -> Option<bool> {
    let program = context.meaning.program;
    if depth > MAX_ASKED {
        return None;
    }
    if is_copy(context, condition, value, 0) {
        return Some(true);
    }
    let Some(row) = program.binary_by_dst.first(&program.facts.relations.binary, condition) else {
        let mut copied = program.assigned_from(condition);
        return copied
            .next()
            .filter(|_| copied.next().is_none())
            .and_then(|row| says_there(context, row.src, value, depth + 1));
    };
    let is_null = |var: VarId| program.literal(var).is_some_and(|row| program.text(row.value) == "null");
    match (program.text(row.operator), row.right) {
        ("!", _) => says_there(context, row.left, value, depth + 1).map(|there| !there),
        ("is" | "==" | "===", Some(right)) if is_null(right) && is_copy(context, row.left, value, 0) => Some(false),
        ("!=" | "!==" | "is not", Some(right)) if is_null(right) && is_copy(context, row.left, value, 0) => Some(true),
        ("&&", Some(right)) => {
            [row.left, right].into_iter().find_map(|part| says_there(context, part, value, depth + 1))
        }
        _ => None,
    }
}

/// Conditions are taken apart this deep.
const MAX_ASKED: u32 = 4;

/// Whether `var` is `value`, read as text or not, or the element of it that a loop is at, alone or beside those of another list.
pub(crate) fn is_copy(context: &Context<'_>, var: VarId, value: VarId, depth: u32) -> bool {
    const MAX_COPIES: u32 = 6;
    let program = context.meaning.program;
    if var == value {
        return true;
    }
    if depth >= MAX_COPIES {
        return false;
    }
    let is_copy = |var: VarId| is_copy(context, var, value, depth + 1);
    let is_element = |field: &str| matches!(field, "[*]" | "[]") || field.bytes().all(|byte| byte.is_ascii_digit());
    let loaded = program.loaded_as(var).filter(|load| is_element(program.text(load.field)));
    let beside = program
        .call_giving(var)
        .filter(|call| matches!(program.text(call.name), "zip" | "enumerate" | "parse" | "loads"));
    program.assigned_from(var).any(|row| is_copy(row.src))
        || loaded.is_some_and(|load| is_copy(load.base))
        || beside.is_some_and(|call| program.arguments(call.site).next().is_some_and(|first| is_copy(first.var)))
}

/// Whether a key is like a pattern in which each `hole` stands for whatever there is.
pub(crate) fn is_made_of(key: &str, pattern: &str, hole: &str) -> bool {
    let mut parts = pattern.split(hole);
    let Some(mut rest) = parts.next().and_then(|first| key.strip_prefix(first)) else { return false };
    parts.all(|part| match rest.find(part) {
        Some(at) => {
            rest = &rest[at + part.len()..];
            true
        }
        None => false,
    })
}
