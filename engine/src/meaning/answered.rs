//! What a look at an answer says of how a request went: `if response.ok:`, `if (res.status < 500)`.

use distsys_facts::{LiteralKind, RegionId, RegionKind, VarId};

use crate::program::Program;

/// Copies of a condition are followed so far.
const MAX_COPIES: usize = 4;

/// Whether a region is entered where the answer of the other side says that the request went well.
pub(super) fn asks_good_answer(program: &Program<'_>, region: RegionId) -> bool {
    let mut conditions = program.condition_by_region.of(&program.facts.relations.condition, region);
    program.region(region).kind == RegionKind::Branch && conditions.any(|row| says_good(program, row.var))
}

fn says_good(program: &Program<'_>, condition: VarId) -> bool {
    let mut at = condition;
    for _ in 0..MAX_COPIES {
        if let Some(load) = program.loaded_as(at) {
            return matches!(program.text(load.field), "ok" | "is_success" | "isSuccess");
        }
        if let Some(row) = program.binary_by_dst.first(&program.facts.relations.binary, at) {
            let Some(limit) = row.right.and_then(|right| status(program, right)) else { return false };
            return is_status(program, row.left)
                && match program.text(row.operator) {
                    "<" => (300..=500).contains(&limit),
                    "<=" => (299..500).contains(&limit),
                    "==" | "===" => (200..300).contains(&limit),
                    _ => false,
                };
        }
        let mut sources = program.assigned_from(at).map(|row| row.src);
        at = match (sources.next(), sources.next()) {
            (Some(only), None) => only,
            _ => return false,
        };
    }
    false
}

/// Whether a value is the status of an answer, in a variable of whatever name.
fn is_status(program: &Program<'_>, var: VarId) -> bool {
    let mut at = var;
    for _ in 0..MAX_COPIES {
        if let Some(load) = program.loaded_as(at) {
            return matches!(program.text(load.field), "status" | "status_code" | "statusCode" | "StatusCode");
        }
        let mut sources = program.assigned_from(at).map(|row| row.src);
        at = match (sources.next(), sources.next()) {
            (Some(only), None) => only,
            _ => return false,
        };
    }
    false
}

/// The number that a limit of a status is.
fn status(program: &Program<'_>, var: VarId) -> Option<u32> {
    let literal = program.literal(var).filter(|row| row.kind == LiteralKind::Integer)?;
    program.text(literal.value).parse().ok()
}
