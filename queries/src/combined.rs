//! Collections of a row that are put together anew from what was read: what another request has put in meanwhile is not in it.

use distsys_engine::words::words;
use distsys_facts::{SiteId, VarId};
use rustc_hash::FxHashSet;

use crate::Context;
use crate::computed::{Read, is_row, store_at};
use crate::worked_out::given_back;

/// Calls that give a collection with more in it than the one that they are given or called on.
const JOINING: &[&str] = &["append", "concat", "union"];

/// Methods of collections in memory that change them in place; what stands for rows of another table has others (`add`, `set`).
const CHANGING: &[&str] = &["append", "extend", "insert", "setdefault"];

/// Whether `var` is the collection in `field` of the row `value` with something beside it: `[...row.labels, label]`,
/// `{ ...row.settings, theme }`, `append(row.Labels, label)`. The place is the call that joins them, else `write`.
pub(crate) fn combined_on(
    context: &Context<'_>,
    field: &str,
    var: VarId,
    value: VarId,
    write: SiteId,
) -> Option<SiteId> {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let is_of_field = |var: VarId| is_field(context, field, var, value);
    let spread = |var: VarId| program.loaded_as(var).filter(|load| program.text(load.field) == "[*]");
    meaning.made_from(var).into_iter().find_map(|part| {
        let elements: Vec<VarId> = program.element_by_var.of(&r.element, part).map(|row| row.value).collect();
        // A copy of the whole has nothing beside it.
        if elements.len() > 1 && elements.iter().any(|var| spread(*var).is_some_and(|load| is_of_field(load.base))) {
            return Some(write);
        }
        // `{ ...row.settings, theme }`: what another request has set under another key is in neither.
        let entries: Vec<(&str, VarId)> =
            program.entry_by_var.of(&r.entry, part).map(|row| (program.text(row.key), row.value)).collect();
        let is_spread = || entries.iter().any(|(key, var)| *key == "**" && is_of_field(*var));
        // What the row was looked for with is no value of it.
        if entries.len() > 1 && is_copy(context, var, part) && is_spread() {
            return Some(write);
        }
        // Go's `append` gives both what it is given first and what comes after.
        let is_temporary = program.variable(part).is_none_or(|row| program.text(row.name).is_empty())
            && program.chosen(part).is_none();
        let sources: Vec<VarId> = program.assigned_from(part).map(|row| row.src).filter(|_| is_temporary).collect();
        let is_list = |var: &VarId| program.element_by_var.of(&r.element, *var).next().is_some();
        if sources.iter().any(|var| is_of_field(*var)) && sources.iter().any(is_list) {
            return Some(write);
        }
        let call = program.call_giving(part).filter(|call| JOINING.contains(&program.text(call.name)))?;
        let more = call.receiver.map_or(2, |_| 1);
        let given: Vec<VarId> = program.arguments(call.site).map(|row| row.var).collect();
        let joins = given.len() >= more && call.receiver.into_iter().chain(given.first().copied()).any(is_of_field);
        (joins && meaning.resolution.calls_at(call.site).is_empty()).then_some(call.site)
    })
}

/// Methods that put something into a list or map in memory, where it is known that this is all of the column.
const PUTTING: &[&str] =
    &["append", "extend", "insert", "push", "push_back", "put", "putAll", "setdefault", "unshift", "update"];

/// Functions that put all of what they are given into the first of that.
const FILLING: &[&str] = &["Copy", "assign", "merge"];

/// Where something is put into a copy of what `field` of the row held (or into the only column that was read), and `var` is
/// what comes out of it: `merged := maps.Clone(row.Labels); maps.Copy(merged, labels)`, here or in a helper that gives it back.
pub(crate) fn merged_on(
    context: &Context<'_>,
    field: Option<&str>,
    var: VarId,
    of: &Read<'_>,
    depth: usize,
) -> Option<SiteId> {
    let meaning = context.meaning;
    let program = meaning.program;
    let is_held = |var: VarId| match (field, of.column) {
        (_, Some(column)) if field.is_none_or(|field| words(field) == words(column)) => {
            is_copy(context, var, of.value) || is_field(context, column, var, of.value)
        }
        (Some(field), _) => is_field(context, field, var, of.value),
        _ => false,
    };
    let parts = meaning.made_from(var);
    let mut held: Vec<VarId> = parts.iter().copied().filter(|part| is_held(*part)).collect();
    held.sort_unstable();
    let function = program.variable(var).map(|row| row.function)?;
    let is_put = |site: SiteId| {
        if let Some(call) = program.call(site) {
            let first = match call.receiver {
                Some(receiver) if PUTTING.contains(&program.text(call.name)) => Some(receiver),
                _ if FILLING.contains(&program.text(call.name)) && program.arguments(site).count() > 1 => {
                    program.arguments(site).next().map(|row| row.var)
                }
                _ => None,
            };
            return meaning.callees(site).is_empty() && first.is_some_and(is_held);
        }
        store_at(context, site).is_some_and(|store| program.text(store.field) == "[]" && is_held(store.base))
    };
    let here = || program.sites(function).map(|row| row.site).find(|site| is_put(*site));
    let put = if held.is_empty() { None } else { here() };
    put.or_else(|| {
        let mut calls: Vec<_> = parts.iter().filter_map(|part| program.call_giving(*part)).collect();
        calls.retain(|_| depth < MAX_HELPERS);
        calls.sort_unstable_by_key(|call| call.site);
        let mut merging = calls.into_iter().filter(|call| {
            let given = given_back(context, call, field, of);
            given.into_iter().any(|(returned, of)| merged_on(context, field, returned, &of, depth + 1).is_some())
        });
        merging.next().map(|call| call.site)
    })
}

/// Helpers call so many others.
const MAX_HELPERS: usize = 2;

/// Whether `var` is `value`, in copies.
fn is_copy(context: &Context<'_>, var: VarId, value: VarId) -> bool {
    let program = context.meaning.program;
    let (mut stack, mut seen) = (vec![var], FxHashSet::default());
    while let Some(at) = stack.pop() {
        if at == value {
            return true;
        }
        if seen.len() <= MAX_COPIES && seen.insert(at) {
            stack.extend(program.assigned_from(at).map(|row| row.src));
            let call = program.call_giving(at).filter(|call| context.meaning.resolution.calls_at(call.site).is_empty());
            stack.extend(call.into_iter().flat_map(|call| program.arguments(call.site).map(|row| row.var)));
            stack.extend(call.and_then(|call| call.receiver));
        }
    }
    false
}

/// Whether `var` is what the field of the row holds, in copies.
fn is_field(context: &Context<'_>, field: &str, var: VarId, value: VarId) -> bool {
    let program = context.meaning.program;
    let (mut stack, mut seen) = (vec![var], FxHashSet::default());
    while let Some(at) = stack.pop() {
        if seen.len() > MAX_COPIES || !seen.insert(at) {
            continue;
        }
        if let Some(load) = program.loaded_as(at) {
            if words(program.text(load.field)) == words(field) && is_row(context, load.base, value, true) {
                return true;
            }
            continue;
        }
        stack.extend(program.assigned_from(at).map(|row| row.src));
        // `new Set(row.labels)`, `Array.from(row.labels)`, `row.labels ?? []`
        if let Some(call) =
            program.call_giving(at).filter(|call| context.meaning.resolution.calls_at(call.site).is_empty())
        {
            stack.extend(program.arguments(call.site).map(|row| row.var));
        }
    }
    false
}

/// Collections are copied so many times.
const MAX_COPIES: usize = 16;

/// Where something is put into a collection of the row before its own method writes all of it:
/// `prompt.labels.append(label); prompt.save()`.
pub(crate) fn put_before(context: &Context<'_>, value: VarId, write: SiteId) -> Option<SiteId> {
    let meaning = context.meaning;
    let program = meaning.program;
    let own = program.call(write)?.receiver.filter(|var| is_row(context, *var, value, false))?;
    if !meaning.callees(write).is_empty() {
        return None;
    }
    let named = meaning.columns_named(write);
    let calls = program.sites(context.function_of(write)).filter_map(|row| program.call(row.site));
    let mut changes =
        calls.filter(|call| CHANGING.contains(&program.text(call.name)) && meaning.precedes(call.site, write));
    changes
        .find(|call| {
            let load = call.receiver.and_then(|receiver| program.loaded_as(receiver));
            load.is_some_and(|load| {
                let field = program.text(load.field);
                is_row(context, load.base, value, false)
                    && is_row(context, own, value, false)
                    && named.as_ref().is_none_or(|columns| columns.contains(&field))
            })
        })
        .map(|call| call.site)
}
