//! Requests that were refused: what the other side did not do may be sent again.
//!
//! A loop that goes round for `429 Too Many Requests`, a new token or a conflict alone repeats nothing that was done, whatever
//! it sends.

use distsys_facts::{RegionId, RegionKind, VarId};

use super::retries::{Graph, Way, names_in, nearest_loop};
use crate::program::Program;
use crate::words::words;

/// What a condition is made of is looked at so far.
const MAX_PARTS: usize = 16;

pub(super) fn says_refused(text: &str) -> bool {
    let words = words(text);
    let pair = |first: &str, second: &str| words.windows(2).any(|pair| pair[0] == first && pair[1].starts_with(second));
    matches!(text, "401" | "403" | "429")
        || pair("rate", "limit")
        || pair("too", "many")
        || words.iter().any(|word| {
            matches!(
                word.as_str(),
                "auth" | "unauthorized" | "unauthenticated" | "forbidden" | "token" | "ratelimited" | "throttled"
            )
        })
}

/// Whether an exception only says that a watched key was changed before the commands came.
fn says_outrun(types: &str) -> bool {
    types.split('|').all(|name| words(name.rsplit('.').next().unwrap_or(name)).iter().any(|word| word == "watch"))
}

impl Graph {
    /// Whether a loop goes round only where a request was refused, and never where it is not known what became of it.
    pub(super) fn goes_round_for_refusals(&self, program: &Program<'_>, loop_: RegionId) -> bool {
        let r = &program.facts.relations;
        let function = program.region(loop_).function;
        let branches = program.regions_by_function.of(&r.region, function).filter(|row| row.kind == RegionKind::Branch);
        // `except WatchError: continue`: what another has changed in between was not done.
        let handlers = program.regions_by_function.of(&r.region, function).filter(|row| row.kind == RegionKind::Catch);
        let outrun = handlers.map(|row| row.region).filter(|region| {
            let mut caught = program.catches_by_region.of(&r.catches, *region);
            nearest_loop(program, *region) == Some(loop_) && caught.any(|row| says_outrun(program.text(row.type_)))
        });
        let outrun: Vec<RegionId> =
            outrun.filter(|region| self.leads(program, *region, loop_, Way::Round, &[])).collect();
        let refused: Vec<RegionId> = branches
            .map(|row| row.region)
            .filter(|branch| nearest_loop(program, *branch) == Some(loop_))
            .filter(|branch| {
                program.condition_by_region.of(&r.condition, *branch).any(|row| is_for_refusals(program, row.var))
            })
            .filter(|branch| self.leads(program, *branch, loop_, Way::Round, &[]))
            .chain(outrun)
            .collect();
        !refused.is_empty() && !self.leads(program, loop_, loop_, Way::Round, &refused)
    }
}

/// Whether a condition holds for refusals alone: one of its parts asks for one, none for another failure.
fn is_for_refusals(program: &Program<'_>, condition: VarId) -> bool {
    let r = &program.facts.relations;
    let (mut stack, mut seen) = (vec![condition], Vec::new());
    let mut refused = false;
    while let Some(part) = stack.pop().filter(|_| seen.len() < MAX_PARTS) {
        if seen.contains(&part) {
            continue;
        }
        seen.push(part);
        let parts: Vec<VarId> = program.assigned_from(part).map(|row| row.src).collect();
        let joined = program
            .binary_by_dst
            .of(&r.binary, part)
            .find(|row| matches!(program.text(row.operator), "&&" | "||" | "and" | "or"));
        match joined {
            Some(row) => stack.extend(std::iter::once(row.left).chain(row.right)),
            None if !parts.is_empty() && program.call_giving(part).is_none() => stack.extend(parts),
            None => {
                let names = names_in(program, part);
                let says = names.iter().any(|name| says_refused(name));
                let negated = program
                    .binary_by_dst
                    .of(&r.binary, part)
                    .any(|row| matches!(program.text(row.operator), "!=" | "!==" | "!" | "not"));
                if says && negated || !says && names.iter().any(|name| is_other_failure(name)) {
                    return false;
                }
                refused |= says;
            }
        }
    }
    refused
}

/// What says that an answer, or none, tells nothing of what was done.
fn is_other_failure(name: &str) -> bool {
    let status = name.parse::<u16>().is_ok_and(|status| (500..600).contains(&status) || status == 408);
    let named = |word: &String| {
        matches!(
            word.as_str(),
            "err"
                | "error"
                | "exception"
                | "timeout"
                | "retryable"
                | "transient"
                | "temporary"
                | "unavailable"
                | "server"
        )
    };
    status || words(name).iter().any(named)
}
