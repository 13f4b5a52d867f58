//! Whether a write rests on what was read: on the state of a row, not merely on which row it is.
//!
//! Nearly every write names a row that was looked up before. What the row was (its status, its balance) may be gone by the
//! time of the write; which row it is, is not.

use distsys_engine::OpKind;
use distsys_engine::meaning::{Effect, Role};
use distsys_engine::words::{entity_name, is_identity, is_predicate, words};
use distsys_facts::{FunctionId, LiteralKind, RegionKind, SiteId, VarId};

use crate::Context;
use crate::amounts::is_refused_by;

/// What is passed on is followed through so many calls.
const MAX_CALLS: u32 = 4;

/// Conditions are taken apart this deep.
const MAX_DEPTH: u32 = 8;

/// Whether what the call `read` gives goes into the `write` at a site, or decides whether it is done.
pub(crate) fn rests_on(context: &Context<'_>, read: SiteId, site: SiteId, write: &Effect) -> bool {
    let Some(value) = context.meaning.program.call(read).map(|call| call.result) else { return false };
    // A deletion takes nothing from what was read but which rows; in a loop the next turn reads what it has deleted.
    let deletes = context.meaning.text(write.verb) == Some("delete");
    let takes = !deletes || in_one_loop(context, read, site);
    decides(context, value, site, write) || takes && goes_into(context, value, site, write, MAX_CALLS)
}

/// Whether the write has anything of what is read under the lock that `lock` takes, is decided by it, or by what is read after
/// it on the primary. Where all that is read is dropped, the lock only makes others wait.
pub(crate) fn is_looked_at(context: &Context<'_>, lock: SiteId, write: SiteId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    if lock == write {
        return true;
    }
    let function = context.function_of(write);
    let reads_again = |effect: &Effect| effect.kind == OpKind::DbRead && effect.role != Role::Replica;
    let mut later =
        meaning.effects.in_function(function).filter(|(effect, _)| reads_again(effect)).map(|(_, row)| row.site);
    let is_between =
        |site: SiteId| site != lock && meaning.precedes(lock, site) && (site == write || meaning.precedes(site, write));
    if later.any(is_between) {
        return true;
    }
    let Some(read) = program.call(lock).map(|call| call.result) else { return true };
    let receiver = program.call(write).and_then(|call| call.receiver);
    let given = meaning.chain_arguments(write).into_iter().chain(receiver);
    let decided = meaning.decisions(write).into_iter().map(|decision| decision.condition);
    given.chain(decided).any(|var| meaning.made_from(var).contains(&read))
}

/// Whether a loop repeats both sites.
fn in_one_loop(context: &Context<'_>, read: SiteId, site: SiteId) -> bool {
    let program = context.meaning.program;
    let mut loops = program.regions_outward(program.site(read).region).filter(|row| row.kind == RegionKind::Loop);
    loops.any(|row| program.region_within(program.site(site).region, row.region))
}

/// Whether a condition before the write asks for more than that the row is there; what is made where nothing is, rests on that.
fn decides(context: &Context<'_>, value: VarId, site: SiteId, write: &Effect) -> bool {
    let makes = matches!(context.meaning.text(write.verb), Some("insert"));
    let decided = context.meaning.decisions(site).into_iter().any(|decision| {
        is_from(context, decision.condition, value) && (makes || asks_state(context, decision.condition, value, 0))
    });
    decided || is_refused_by(context, value, site, &|condition, value| asks_state(context, condition, value, 0))
}

/// Whether a value is made from another by more than the fields that say which row it is, and from no second read on the
/// primary that stands in where the replica has nothing. What is read again by it says only which row.
pub(crate) fn is_from(context: &Context<'_>, var: VarId, value: VarId) -> bool {
    let sources =
        context.meaning.made_from_through(var, |field| !is_identity(field), |at| at == value || !is_read(context, at));
    sources.contains(&value) && !sources.iter().any(|source| *source != value && is_read_again(context, *source, value))
}

/// Whether a variable holds what a read gives.
fn is_read(context: &Context<'_>, var: VarId) -> bool {
    let meaning = context.meaning;
    let Some(call) = meaning.program.call_giving(var) else { return false };
    let asks = meaning.operations.at(call.site).any(|op| matches!(op.kind, OpKind::DbRead | OpKind::Sql));
    asks && meaning.effects.at(call.site).any(|(effect, _)| effect.kind == OpKind::DbRead)
}

/// Whether what one variable holds may be `value` or else what was read on the primary.
fn is_read_again(context: &Context<'_>, var: VarId, value: VarId) -> bool {
    let program = context.meaning.program;
    let mut held = Vec::new();
    for row in program.assigned_from(var) {
        held.push(row.src);
        held.extend(program.assigned_from(row.src).map(|row| row.src));
    }
    let is_of_primary = |var: VarId| {
        let mut effects = program.call_giving(var).into_iter().flat_map(|call| context.meaning.effects.at(call.site));
        effects.any(|(effect, _)| effect.kind == OpKind::DbRead && effect.role != Role::Replica)
    };
    held.contains(&value) && held.into_iter().any(|other| other != value && is_of_primary(other))
}

/// Whether a condition asks `value` for more than whether it is there.
fn asks_state(context: &Context<'_>, condition: VarId, value: VarId, depth: u32) -> bool {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    if depth > MAX_DEPTH || !is_from(context, condition, value) {
        return false;
    }
    if condition == value {
        return program.call_giving(value).is_some_and(|call| is_predicate(program.text(call.name)));
    }
    if let Some(binary) = program.binary_by_dst.first(&r.binary, condition) {
        let Some(right) = binary.right else { return asks_state(context, binary.left, value, depth + 1) };
        let is_nothing =
            program.literal(right).is_some_and(|row| row.kind == LiteralKind::Null || program.text(row.value) == "0");
        return match program.text(binary.operator) {
            "&&" | "||" | "and" | "or" => {
                asks_state(context, binary.left, value, depth + 1) || asks_state(context, right, value, depth + 1)
            }
            _ if is_nothing => asks_state(context, binary.left, value, depth + 1),
            // A part of a list is there or not, as the list is.
            "[..]" => asks_state(context, binary.left, value, depth + 1),
            _ => true,
        };
    }
    if let Some(load) = program.loaded_as(condition) {
        // `rows.length`, `result.rows[0]`: there or not.
        let counts = matches!(program.text(load.field), "length" | "size" | "rowCount" | "rows" | "0" | "[]");
        return !counts || load.base != value && asks_state(context, load.base, value, depth + 1);
    }
    if let Some(call) = program.call_giving(condition) {
        let asks_presence = matches!(
            program.text(call.name),
            "is_none" | "is_some" | "is_empty" | "isEmpty" | "len" | "bool" | "Boolean"
        );
        // `list(rows)`
        if matches!(program.text(call.name), "list" | "tuple" | "set") {
            return program.arguments(call.site).any(|row| asks_state(context, row.var, value, depth + 1));
        }
        return !asks_presence;
    }
    program.assigned_from(condition).any(|row| asks_state(context, row.src, value, depth + 1))
}

fn goes_into(context: &Context<'_>, value: VarId, site: SiteId, write: &Effect, calls: u32) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let receiver = program.call(site).and_then(|call| call.receiver);
    let mut given = program.arguments(site).map(|argument| argument.var).chain(receiver);
    // `jdbi.useHandle(handle -> handle.createUpdate(…).bind("seats", left))`: what is given to be run holds it.
    let mut run = program.arguments(site).filter_map(|argument| program.closure(argument.var));
    let in_closure = |function: FunctionId| {
        let mut writes = meaning.effects.in_function(function);
        writes.any(|(effect, inner)| {
            effect.kind == OpKind::DbWrite
                && effect.entity_name() == write.entity_name()
                && (decides(context, value, inner.site, &effect)
                    || goes_into(context, value, inner.site, &effect, calls - 1))
        })
    };
    if calls > 0 && run.any(in_closure) {
        return true;
    }
    let edges = meaning.resolution.calls_at(site);
    if edges.is_empty() || calls == 0 {
        return given.any(|var| is_from(context, var, value));
    }
    let passed = meaning.resolution.passed_at(site).iter().filter(|row| is_from(context, row.argument, value));
    passed.into_iter().any(|row| {
        let Some(parameter) = program.parameter(row.parameter) else { return false };
        let mut writes = meaning.effects.in_function(parameter.function);
        writes.any(|(effect, inner)| {
            effect.kind == OpKind::DbWrite
                && effect.entity_name() == write.entity_name()
                && (decides(context, row.parameter, inner.site, &effect)
                    || goes_into(context, row.parameter, inner.site, &effect, calls - 1))
        })
    })
}

/// Whether a write keeps what is worked out from other data: made twice, it is the same.
pub(crate) fn is_made_anew(context: &Context<'_>, effect: &Effect) -> bool {
    let is_copy = |name: &str| words(name).iter().any(|word| matches!(word.as_str(), "cache" | "caches" | "cached"));
    context.meaning.text(effect.entity).is_some_and(|name| is_rendered(name) || is_copy(name))
}

/// Whether a message is one of a stream that tells how the program does: a gauge that is too early or too much by one harms
/// nobody.
pub(crate) fn is_measured(context: &Context<'_>, effect: &Effect) -> bool {
    const MEASURED: &[&str] =
        &["metric", "metrics", "telemetry", "gauge", "gauges", "stats", "statistics", "monitoring"];
    let is_sent = matches!(effect.kind, OpKind::Publish | OpKind::Enqueue);
    let says = |name: &str| words(name).iter().any(|word| MEASURED.contains(&word.as_str()));
    is_sent && context.meaning.text(effect.entity).is_some_and(says)
}

/// Whether a name is that of what is rendered from other data, and is no row of it.
pub(crate) fn is_rendered(name: &str) -> bool {
    const RENDERED: &[&str] = &["thumbnail", "preview", "rendition"];
    words(name).iter().any(|word| RENDERED.contains(&entity_name(word).as_str()))
}
