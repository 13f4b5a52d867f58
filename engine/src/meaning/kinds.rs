//! Looks at what kind of failure it is: `Err(Error::Refused) => …`, `if !isRetryable(err)`, `catch (BadRequest e)`. What ends a
//! loop for one kind ends it for no other.

use distsys_facts::{FunctionKind, ParameterKind, RegionId, RegionKind, VarId};
use rustc_hash::FxHashSet;

use super::retries::{Graph, Way, asks_outcome, names_in, nearest_loop, says_bound};
use crate::program::Program;
use crate::words::words;

/// An error is followed back through so many values.
const MAX_STEPS: usize = 8;

/// A condition is taken apart into so many.
const MAX_PARTS: usize = 12;

/// What says of a failure that nobody wants the loop to go on, or that its time is over.
const ENDS: &[&str] = &[
    "abort",
    "aborted",
    "cancel",
    "canceled",
    "cancellation",
    "cancelled",
    "closed",
    "closing",
    "deadline",
    "done",
    "elapsed",
    "eof",
    "exhausted",
    "exit",
    "expired",
    "interrupted",
    "shutdown",
    "stop",
    "stopped",
    "stopping",
    "terminate",
    "terminated",
    "timeout",
];

/// The regions in a loop that are entered for one kind of failure and leave it, where another kind leads round it. Arms that
/// ask anything else, a count or a time, are none.
pub(super) fn leaving(program: &Program<'_>, graph: &Graph, region: RegionId) -> Vec<RegionId> {
    let r = &program.facts.relations;
    let function = program.region(region).function;
    let inside = || {
        let rows = program.regions_by_function.of(&r.region, function);
        rows.filter(|row| row.region != region && nearest_loop(program, row.region) == Some(region))
    };
    let conditions = |at: RegionId| program.condition_by_region.of(&r.condition, at).map(|row| row.var);
    let caught =
        inside().flat_map(|row| program.catches_by_region.of(&r.catches, row.region)).filter_map(|row| row.var);
    let asked = inside().flat_map(|row| conditions(row.region)).flat_map(|var| program.asked_variant(var));
    let errors: FxHashSet<VarId> =
        asked.filter(|(_, variant)| matches!(*variant, "Err" | "Ok")).map(|(value, _)| value).chain(caught).collect();
    let leads = |at: RegionId, way: Way| graph.leads(program, at, region, way, &[]);
    let throws = |at: RegionId| {
        program.sites(function).any(|site| {
            program.region_within(site.region, at) && r.throws.binary_search_by_key(&site.site, |row| row.site).is_ok()
        })
    };
    let mut found: Vec<RegionId> = inside()
        .filter(|row| match row.kind {
            RegionKind::Branch => {
                let kinds: Vec<Option<bool>> =
                    conditions(row.region).map(|var| asks_kind(program, var, &errors)).collect();
                kinds.iter().all(Option::is_some) && kinds.contains(&Some(true))
            }
            RegionKind::Catch => is_of_kind(program, row.region),
            _ => false,
        })
        .map(|row| row.region)
        .filter(|at| (leads(*at, Way::Out) || throws(*at)) && !leads(*at, Way::Round))
        .collect();
    // Some failure goes round.
    let goes_round = |at: RegionId| !found.contains(&at) && leads(at, Way::Round);
    if !inside().any(|row| matches!(row.kind, RegionKind::Catch | RegionKind::Branch) && goes_round(row.region))
        && !graph.leads(program, region, region, Way::Round, &found)
    {
        found.clear();
    }
    found
}

/// What a failure says that was not done, or is not there yet: to go round for it repeats nothing.
const NOT_DONE: &[&str] = &[
    "already",
    "changed",
    "collision",
    "conflict",
    "deadlock",
    "duplicate",
    "exists",
    "pending",
    "processing",
    "ready",
    "serialization",
    "stale",
    "taken",
    "unique",
    "version",
    "waiting",
];

/// Whether a region is entered for what a failure says: `if retryable(err)`, `if status.Code(err) == codes.Unavailable`.
pub(super) fn asked(program: &Program<'_>, region: RegionId) -> bool {
    let says = |names: &[&str], known: &[&str]| {
        names.iter().flat_map(|name| words(name)).any(|word| known.contains(&word.as_str()))
    };
    let mut conditions = program.condition_by_region.of(&program.facts.relations.condition, region);
    program.region(region).kind == RegionKind::Branch
        && conditions.any(|row| {
            let names = names_in(program, row.var);
            !asks_outcome(program, row.var) && says(&names, &["err", "error", "errors"]) && !says(&names, NOT_DONE)
        })
}

/// Whether a handler is for some failures, and another of the same `try` for others.
fn is_of_kind(program: &Program<'_>, handler: RegionId) -> bool {
    let r = &program.facts.relations;
    let types = || program.catches_by_region.of(&r.catches, handler).map(|row| program.text(row.type_));
    let ends = |text: &str| words(text).iter().any(|word| ENDS.contains(&word.as_str()));
    types().all(|text| !text.is_empty() && !ends(text)) && types().next().is_some()
}

/// Whether a condition asks of which kind a failure is (`true`), or only whether there is one (`false`); none if it asks
/// anything else.
fn asks_kind(program: &Program<'_>, condition: VarId, errors: &FxHashSet<VarId>) -> Option<bool> {
    if names_in(program, condition).into_iter().flat_map(words).any(|word| ENDS.contains(&word.as_str())) {
        return None;
    }
    let r = &program.facts.relations;
    let (mut stack, mut seen, mut kind) = (vec![condition], 0, false);
    while let Some(var) = stack.pop() {
        seen += 1;
        if seen > MAX_PARTS {
            return None;
        }
        if program.asked_variant(var).any(|(value, variant)| {
            matches!(variant, "Err" | "Ok") && (errors.contains(&value) || is_error(program, value, errors))
        }) {
            continue;
        }
        if let Some(row) = program.binary_by_dst.of(&r.binary, var).next() {
            match (program.text(row.operator), row.right) {
                ("&&" | "||" | "and" | "or", Some(right)) => stack.extend([row.left, right]),
                ("!" | "not", _) => stack.push(row.left),
                ("is", Some(_)) if is_error(program, row.left, errors) => kind = true,
                ("instanceof", None) if is_error(program, row.left, errors) => kind = true,
                ("==" | "===" | "!=" | "!==", Some(right)) => {
                    let is_fixed = |var: VarId| is_fixed(program, var);
                    let compares = is_error(program, row.left, errors) && is_fixed(right)
                        || is_error(program, right, errors) && is_fixed(row.left);
                    if !compares {
                        return None;
                    }
                    kind = true;
                }
                _ => return None,
            }
            continue;
        }
        // `isRetryable(err)`, `err.Temporary()`, `errors.Is(err, ErrRefused)`
        let call = program.call_giving(var)?;
        // `self.is_transient(error)`: what an object counts it says.
        let of_own = |var: VarId| program.parameter(var).is_some_and(|row| row.kind == ParameterKind::Receiver);
        let is_fixed = |var: VarId| is_fixed(program, var) || of_own(var) && !says_bound(program.text(call.name));
        let given = program.arguments(call.site).map(|row| row.var);
        let mut parts = call.receiver.into_iter().chain(given).peekable();
        parts.peek()?;
        let (of_error, others): (Vec<VarId>, Vec<VarId>) = parts.partition(|var| is_error(program, *var, errors));
        if of_error.is_empty() || !others.into_iter().all(is_fixed) {
            return None;
        }
        kind = true;
    }
    Some(kind)
}

/// Whether a value is one of the errors, or taken from one.
fn is_error(program: &Program<'_>, var: VarId, errors: &FxHashSet<VarId>) -> bool {
    let (mut stack, mut seen) = (vec![var], Vec::new());
    while let Some(at) = stack.pop() {
        if errors.contains(&at) {
            return true;
        }
        if seen.len() > MAX_STEPS || seen.contains(&at) {
            continue;
        }
        seen.push(at);
        stack.extend(program.assigned_from(at).map(|row| row.src));
        stack.extend(program.loaded_as(at).map(|load| load.base));
        stack.extend(
            program
                .call_giving(at)
                .filter(|call| program.arguments(call.site).next().is_none())
                .and_then(|call| call.receiver),
        );
    }
    false
}

/// Whether a value is the same in each turn: a literal, or what a module, a package or a class offers.
fn is_fixed(program: &Program<'_>, var: VarId) -> bool {
    let mut at = var;
    for _ in 0..MAX_STEPS {
        if program.literal(at).is_some() || program.global(at).is_some() || program.import(at).is_some() {
            return true;
        }
        at = match (program.loaded_as(at), program.only_source(at)) {
            (Some(load), _) => load.base,
            (None, Some(source)) => source,
            (None, None) => {
                let declared = program.variable(at).map(|row| program.function(row.function).kind);
                return declared == Some(FunctionKind::Module);
            }
        };
    }
    false
}
