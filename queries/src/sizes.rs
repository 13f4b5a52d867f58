//! How many elements a collection may have, as far as the code says.

use distsys_engine::OpKind;
use distsys_engine::words::words;
use distsys_facts::VarId;

use crate::Context;

/// Chains of steps from a collection to what it is made from are followed this far.
const MAX_STEPS: usize = 12;

/// Calls that give a part of limited size.
const CUTTING: &[&str] = &[
    "slice",
    "chunk",
    "chunks",
    "chunked",
    "take",
    "batch",
    "batched",
    "batches",
    "islice",
    "first",
    "limit",
    "splice",
    "head",
    "sample",
    "windows",
    "array_chunks",
    "sampleSize",
];

/// Whether the code bounds how many elements the collection has: a literal, a page, a slice, a constant count.
pub(crate) fn is_bounded(context: &Context<'_>, collection: VarId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let mut at = collection;
    for _ in 0..MAX_STEPS {
        let literal = program.element_by_var.of(&r.element, at).next().is_some()
            || program.entry_by_var.of(&r.entry, at).next().is_some();
        if literal || named_for_a_part(context, at) || meaning.constant(at).is_some() {
            return true;
        }
        if let Some(call) = program.call_giving(at) {
            let name = program.text(call.name);
            if CUTTING.contains(&name) {
                return true;
            }
            if asks_for_a_page(context, call.site) {
                return true;
            }
            if meaning.operations.at(call.site).any(|op| op.kind == OpKind::DbRead || op.kind == OpKind::Sql) {
                return is_limited_query(context, call.site);
            }
            let mut arguments = program.arguments(call.site).peekable();
            if name == "range" {
                return arguments.all(|argument| meaning.constant(argument.var).is_some());
            }
            // `Object.keys(x)`, `list(x)`, `x.filter(…)`: as many as `x` has.
            let first = arguments.peek().map(|argument| argument.var);
            match (call.receiver.filter(|receiver| !is_named(context, *receiver)), first) {
                (Some(receiver), _) => at = receiver,
                (None, Some(first)) if meaning.resolution.calls_at(call.site).is_empty() => at = first,
                _ => return false,
            }
            continue;
        }
        if let Some(range) = program.binary_by_dst.first(&r.binary, at) {
            return program.text(range.operator).starts_with("..")
                && range.right.is_some_and(|end| meaning.constant(end).is_some());
        }
        if let Some(row) = program.assigned_from(at).next() {
            at = row.src;
        } else if let Some(load) = program.loaded_as(at).filter(|load| program.text(load.field) == "[*]") {
            // One of the parts that a loop runs over.
            return program.call_giving(load.base).is_some_and(|call| CUTTING.contains(&program.text(call.name)));
        } else if let Some(original) = meaning.resolution.imported(at) {
            at = original;
        } else {
            return false;
        }
    }
    false
}

fn is_named(context: &Context<'_>, var: VarId) -> bool {
    let program = context.meaning.program;
    program.global(var).is_some()
        || (program.import(var).is_some() && context.meaning.resolution.imported(var).is_none())
}

/// `for chunk in chunks(…)`: the outer loop has cut it.
fn named_for_a_part(context: &Context<'_>, var: VarId) -> bool {
    let program = context.meaning.program;
    let name = program
        .variable(var)
        .map(|row| row.name)
        .or_else(|| program.parameter(var).map(|row| row.name))
        .or_else(|| program.loaded_as(var).map(|load| load.field))
        .map(|name| program.text(name))
        .unwrap_or_default();
    words(name).iter().any(|word| {
        matches!(
            word.as_str(),
            "chunk"
                | "chunks"
                | "batch"
                | "page"
                | "slice"
                | "window"
                | "top"
                | "shards"
                | "replicas"
                | "nodes"
                | "peers"
                // Few people hold a role, and one belongs to few groups.
                | "admins"
                | "owners"
                | "invitations"
                | "memberships"
                | "organizations"
                | "providers"
        )
    })
}

/// Whether a call of the project or a library says which page it wants: `list({ page, per_page: 50 })`.
fn asks_for_a_page(context: &Context<'_>, site: distsys_facts::SiteId) -> bool {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let says = |text: &str| {
        matches!(
            text,
            "page"
                | "cursor"
                | "pageSize"
                | "page_size"
                | "per_page"
                | "perPage"
                | "limit"
                | "startingAfter"
                | "starting_after"
        )
    };
    program.arguments(site).any(|argument| {
        says(program.text(argument.keyword))
            || program.entry_by_var.of(&r.entry, argument.var).any(|row| says(program.text(row.key)))
    })
}

fn is_limited_query(context: &Context<'_>, site: distsys_facts::SiteId) -> bool {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let says =
        |text: &str| matches!(text, "limit" | "take" | "first" | "Limit" | "page_size" | "pageSize" | "per_page");
    let options = program.arguments(site).any(|argument| {
        says(program.text(argument.keyword))
            || context
                .meaning
                .made_from(argument.var)
                .into_iter()
                .any(|var| program.entry_by_var.of(&r.entry, var).any(|row| says(program.text(row.key))))
    });
    let chained = program.call(site).and_then(|call| call.receiver).is_some_and(|receiver| {
        context
            .meaning
            .made_from(receiver)
            .into_iter()
            .filter_map(|var| program.call_giving(var))
            .any(|call| says(program.text(call.name)))
    });
    let limited = program.arguments(site).any(|argument| {
        program.sql_by_var.of(&r.sql, argument.var).any(|row| program.text(row.clauses).contains("limit"))
    });
    options || chained || limited
}
