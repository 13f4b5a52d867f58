//! Calls that are begun and not waited for one by one: for each element of a collection, and what is waited for together.

use distsys_engine::meaning::{Found, Mode, Operand};
use distsys_engine::{Attr, OpKind};
use distsys_facts::{FunctionId, RegionKind, SiteId, VarId};
use rustc_hash::FxHashSet;

use crate::Context;

/// What a call waits for together: its arguments, or an object that holds what is begun.
pub(crate) fn gathered(context: &Context<'_>, gather: SiteId) -> FxHashSet<VarId> {
    let meaning = context.meaning;
    let held = context.operation(gather, OpKind::Gather).map(|op| meaning.attribute(op, Attr::Value));
    let held = held.and_then(|found| match found {
        Found::Is(Operand::Var(var)) => Some(var),
        _ => None,
    });
    meaning.program.arguments(gather).map(|row| row.var).chain(held).collect()
}

/// The calls that begin what a call waits for together, be it written out or made for each element of a collection.
pub(crate) fn begun_together(context: &Context<'_>, gather: SiteId) -> Vec<SiteId> {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let mut found = Vec::new();
    for held in gathered(context, gather) {
        found.extend(started_by(context, gather, held).into_iter().map(|(site, _)| site));
        let (mut stack, mut seen) = (vec![held], FxHashSet::default());
        while let Some(var) = stack.pop() {
            if seen.len() > MAX_BEGUN || !seen.insert(var) {
                continue;
            }
            found.extend(begun(context, var));
            stack.extend(program.assigned_from(var).map(|row| row.src));
            stack.extend(program.element_by_var.of(&r.element, var).map(|row| row.value));
        }
    }
    found
}

/// The calls whose results a gathered collection holds, with the collection that they are made for.
pub(crate) fn started_by(context: &Context<'_>, gather: SiteId, gathered: VarId) -> Vec<(SiteId, VarId)> {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let mut started = Vec::new();
    let mut seen: FxHashSet<VarId> = FxHashSet::default();
    let mut stack = vec![gathered];
    while let Some(var) = stack.pop() {
        if !seen.insert(var) {
            continue;
        }
        stack.extend(program.assigned_from(var).map(|row| row.src));
        let mut made: Vec<VarId> = program.element_by_var.of(&r.element, var).map(|row| row.value).collect();
        if let Some(call) = program.call_giving(var) {
            // `items.map(async item => …)`, `items.iter().map(…).collect()`
            match call.receiver {
                Some(receiver) if matches!(program.text(call.name), "map" | "flatMap" | "filter_map" | "flat_map") => {
                    started.push((call.site, receiver));
                }
                // `Array.from(ids, (id) => load(id))`
                Some(_) if program.text(call.name) == "from" && program.arguments(call.site).nth(1).is_some() => {
                    let over = program.arguments(call.site).next();
                    started.extend(over.map(|row| (call.site, row.var)));
                }
                Some(receiver) => stack.push(receiver),
                // `gather(*map(fetch, ids))`
                None if program.text(call.name) == "map" => {
                    let over = program.arguments(call.site).nth(1);
                    started.extend(over.map(|row| (call.site, row.var)));
                }
                None => {}
            }
        }
        // `tasks.append(work(item))` in a loop
        for call in program.calls_by_receiver.of(&r.call, var) {
            if matches!(program.text(call.name), "append" | "push" | "add" | "push_back") {
                made.extend(program.arguments(call.site).map(|row| row.var));
                // `all.push(async move { … })`
                if context.operation(call.site, OpKind::Apply).is_some() {
                    made.push(call.result);
                }
            }
        }
        // `[work(item) for item in items]`
        for site in made.into_iter().flat_map(|var| begun(context, var)) {
            let function = context.function_of(site);
            let by_closure =
                || if function == context.function_of(gather) { None } else { elements_of(context, function) };
            if let Some(over) = iterated_at(context, site, Some(gather)).or_else(by_closure) {
                started.push((site, over));
            }
        }
    }
    started.sort_unstable();
    started.dedup();
    started
}

/// The calls that begin what a future, promise or task goes on with: itself, what it is continued from
/// (`send(item).then(…)`, `send(item).boxed()`), what is put around it (`wait_for(send(item), 5)`), under whichever name.
fn begun(context: &Context<'_>, var: VarId) -> Vec<SiteId> {
    let meaning = context.meaning;
    let program = meaning.program;
    let mut found = Vec::new();
    let mut seen: FxHashSet<VarId> = FxHashSet::default();
    let mut stack = vec![var];
    while let Some(var) = stack.pop() {
        // What was waited for is over.
        if seen.len() > MAX_BEGUN || !seen.insert(var) || program.suspend_by_var.rows(var).iter().next().is_some() {
            continue;
        }
        stack.extend(program.assigned_from(var).map(|row| row.src));
        let Some(call) = program.call_giving(var) else { continue };
        found.push(call.site);
        stack.extend(call.receiver.filter(|_| continues(program.text(call.name))));
        let is_around = matches!(program.text(call.name), "pin" | "resolve")
            || meaning.operations.at(call.site).any(|op| matches!(op.kind, OpKind::TimeoutScope | OpKind::Spawn));
        if is_around {
            stack.extend(program.arguments(call.site).map(|row| row.var));
        }
    }
    found
}

/// Whether what a future or promise is asked for by this name is one that goes on with it.
pub(crate) fn continues(name: &str) -> bool {
    matches!(
        name,
        "and_then"
            | "boxed"
            | "boxed_local"
            | "catch"
            | "err_into"
            | "exceptionally"
            | "finally"
            | "fuse"
            | "handle"
            | "inspect_err"
            | "instrument"
            | "map"
            | "map_err"
            | "map_ok"
            | "or_else"
            | "orTimeout"
            | "shared"
            | "then"
            | "thenAccept"
            | "thenApply"
            | "thenCompose"
            | "timeout"
            | "whenComplete"
    )
}

/// A future that goes on with more than these is looked at no further.
pub(crate) const MAX_BEGUN: usize = 16;

/// The collection that the innermost loop around a site runs over; a loop around `gather`, too, waits for each turn.
pub(crate) fn iterated_at(context: &Context<'_>, site: SiteId, gather: Option<SiteId>) -> Option<VarId> {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let around = program.regions_outward(program.site(site).region).find(|row| row.kind == RegionKind::Loop)?;
    if gather.is_some_and(|gather| program.region_within(program.site(gather).region, around.region)) {
        return None;
    }
    program.iterates_by_region.first(&r.iterates, around.region).map(|row| row.var)
}

/// The collection for each of whose elements a closure is run before the next statement: `ids.forEach(id -> …)`,
/// `ids.stream().map(id -> …).toList()`. What asks for the elements one by one may wait for each.
pub(crate) fn elements_of(context: &Context<'_>, function: FunctionId) -> Option<VarId> {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let mut given = meaning.invocations.all.iter().filter(|row| row.function == function && row.mode == Mode::Inline);
    given.find_map(|row| {
        let call = program.call(row.site)?;
        let over = call.receiver?;
        let is_streamed = || {
            let mut before = meaning.made_from(over).into_iter().filter_map(|var| program.call_giving(var));
            before.any(|call| matches!(program.text(call.name), "stream" | "parallelStream" | "iter" | "into_iter"))
        };
        let mut next = program.calls_by_receiver.of(&r.call, call.result);
        let mut is_collected = || next.any(|call| matches!(program.text(call.name), "toList" | "collect" | "toArray"));
        let whole = match program.text(call.name) {
            "forEach" | "for_each" => true,
            "map" | "flatMap" => is_collected() && is_streamed(),
            _ => false,
        };
        whole.then_some(over)
    })
}
