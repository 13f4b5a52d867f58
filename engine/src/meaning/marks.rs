//! Marks by which code tells what comes later that something failed: `failed = true` in a handler, `if (!failed)` behind it.

use distsys_facts::{LiteralKind, RegionKind, SiteId, VarId};

use super::Meaning;
use crate::program::Program;
use crate::words::words;

/// Conditions are taken apart this deep.
const MAX_DEPTH: u32 = 6;

impl Meaning<'_> {
    /// Whether what stands at `site` is not done when something failed before, as a branch around it says by a mark.
    pub fn is_kept_from_failures(&self, site: SiteId) -> bool {
        let program = self.program;
        let r = &program.facts.relations;
        program.regions_outward(program.site(site).region).any(|row| {
            let entered_if = match row.kind {
                RegionKind::Branch => true,
                RegionKind::Else => false,
                _ => return false,
            };
            let mut asked = program.condition_by_region.of(&r.condition, row.region);
            asked.any(|condition| when_failed(program, condition.var, 0) == Some(!entered_if))
        })
    }
}

/// What a condition is when something failed before; none where it does not depend on that alone.
fn when_failed(program: &Program<'_>, condition: VarId, depth: u32) -> Option<bool> {
    let r = &program.facts.relations;
    if depth > MAX_DEPTH {
        return None;
    }
    if let Some(marked) = marks_failure(program, condition) {
        return Some(marked);
    }
    let of = |var: VarId| when_failed(program, var, depth + 1);
    if let Some(row) = program.binary_by_dst.first(&r.binary, condition) {
        return match (program.text(row.operator), row.right) {
            ("!" | "not", None) => of(row.left).map(|holds| !holds),
            ("&&" | "and", Some(right)) => match (of(row.left), of(right)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            ("||" | "or", Some(right)) => match (of(row.left), of(right)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
            _ => None,
        };
    }
    // `failed || empty`, where the second is only asked if the first does not say: one arm is the condition itself.
    if let Some(row) = program.chosen(condition) {
        let taken = || if row.taken == row.condition { Some(true) } else { of(row.taken) };
        let otherwise = || if row.otherwise == row.condition { Some(false) } else { of(row.otherwise) };
        return match of(row.condition) {
            Some(true) => taken(),
            Some(false) => otherwise(),
            None => taken().filter(|holds| otherwise() == Some(*holds)),
        };
    }
    program.only_source(condition).and_then(of)
}

/// Whether a variable, set to both truths by its function, holds when something failed or when nothing did, as its name says.
fn marks_failure(program: &Program<'_>, var: VarId) -> Option<bool> {
    let name = program.text(program.variable(var)?.name);
    let set = |text: &str| {
        program.assigned_from(var).filter_map(|row| program.literal(row.src)).any(|literal| {
            literal.kind == LiteralKind::Boolean && program.text(literal.value).eq_ignore_ascii_case(text)
        })
    };
    if !set("true") || !set("false") {
        return None;
    }
    let of_failure = |word: &String| {
        matches!(word.as_str(), "err" | "error" | "errored" | "fail" | "failed" | "failure" | "unsuccessful")
    };
    let of_success = |word: &String| {
        matches!(word.as_str(), "ok" | "success" | "successful" | "succeeded" | "handled" | "processed")
    };
    let words = words(name);
    let denied = words.iter().any(|word| matches!(word.as_str(), "not" | "no" | "un" | "without"));
    match (words.iter().any(of_failure), words.iter().any(of_success)) {
        (true, false) if !denied => Some(true),
        (false, true) if !denied => Some(false),
        _ => None,
    }
}
