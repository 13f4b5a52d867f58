//! Calls whose promise nobody awaits.

use distsys_facts::schema::Call;
use distsys_facts::{FunctionFlags, FunctionId, SiteId, VarId};
use rustc_hash::FxHashSet;

use super::callbacks::functions_of;
use super::does_outside;
use super::invoked::Invocations;
use super::operations::Operations;
use super::promises::runs_statement;
use super::reader::Reader;
use crate::model::Returned;
use crate::operation::{Attr, OpKind};
use crate::program::Program;

impl Invocations {
    /// Calls of asynchronous functions whose result nobody looks at: they run beside what follows, if at all.
    pub(super) fn unawaited(&mut self, reader: Reader<'_, '_>, operations: &Operations) {
        let program = reader.program;
        let r = &program.facts.relations;
        let returned: FxHashSet<VarId> = r.returns.iter().filter_map(|row| row.var).collect();
        let mut used: FxHashSet<VarId> = returned;
        used.extend(r.hole.iter().map(|row| row.value));
        used.extend(r.entry.iter().map(|row| row.value));
        used.extend(r.element.iter().map(|row| row.value));
        used.extend(r.store.iter().map(|row| row.src));
        used.extend(r.yields.iter().filter_map(|row| row.var));
        // `void work()` says that nobody waits, and does nothing about it.
        used.extend(r.binary.iter().filter(|row| program.text(row.operator) != "void").map(|row| row.left));
        for edge in &reader.resolution.calls {
            // Of one that may be either (a client for both worlds) nobody can say that it had to be waited for.
            let mut may_be = reader.resolution.calls_at(edge.site).iter();
            if !may_be.all(|edge| gives_promise(reader, operations, edge.function, 0))
                || self.comes_of_shared_helper(reader, edge.site)
                || is_waited_for_there(reader, edge.site)
            {
                continue;
            }
            let Some(mut result) = program.call(edge.site).map(|call| call.result) else { continue };
            // `work().catch(log)`: the promise goes on as what `catch` gives.
            while let Some(next) = program
                .calls_by_receiver
                .of(&r.call, result)
                .find(|call| matches!(program.text(call.name), "catch" | "then" | "finally"))
            {
                result = next.result;
            }
            if !reader.is_taken(result, &|var| used.contains(&var), 0) {
                self.background.insert(edge.site);
                self.unawaited.push(edge.site);
            }
        }
        self.lists_unawaited(reader, operations, &used);
    }

    /// Whether what is called is what a helper gave back, `put = retrying(client.put)`, that others give other functions: which of
    /// them it is here is not known.
    fn comes_of_shared_helper(&self, reader: Reader<'_, '_>, site: SiteId) -> bool {
        let program = reader.program;
        let callee = program.call(site).and_then(|call| call.callee).map(|var| program.held_at(var));
        let Some(made) = callee.and_then(|var| program.call_giving(var)) else { return false };
        let is_shared = |function: FunctionId| {
            let parameters = program.parameters(function).map(|row| row.var);
            parameters.into_iter().any(|parameter| reader.resolution.passed_to(parameter).nth(1).is_some())
        };
        reader.resolution.calls_at(made.site).iter().any(|edge| is_shared(edge.function))
    }

    /// `orders.forEach(async (order) => …)`, and lists of promises that nobody looks at: dropped, or one of the elements that
    /// `Promise.all` is given, which it does not look into.
    fn lists_unawaited(&mut self, reader: Reader<'_, '_>, operations: &Operations, used: &FxHashSet<VarId>) {
        let program = reader.program;
        let r = &program.facts.relations;
        let gathered: FxHashSet<VarId> = operations
            .of_kind(OpKind::Gather)
            .flat_map(|op| program.arguments(op.site))
            .flat_map(|row| program.element_by_var.of(&r.element, row.var))
            .map(|row| row.value)
            .collect();
        for row in &r.argument {
            let Some(call) = program.call(row.site) else { continue };
            let name = program.text(call.name);
            let is_each = name == "forEach";
            if !(is_each || matches!(name, "map" | "flatMap"))
                || call.receiver.is_none()
                || !reader.resolution.calls_at(row.site).is_empty()
                || operations.at(row.site).next().is_some()
                || !reader.family(row.site).gives_promises()
            {
                continue;
            }
            let functions = functions_of(reader, row.var);
            let promises = !functions.is_empty()
                && functions.iter().all(|function| gives_promise(reader, operations, *function, 0));
            let is_kept =
                used.contains(&call.result) && !gathered.contains(&call.result) || reader.is_looked_at(call.result);
            if promises && (is_each || !is_kept) {
                self.background.insert(row.site);
                self.unawaited.push(row.site);
            }
        }
    }
}

/// Whether what is called waits for the function by itself: `async_to_sync(send)(order)`.
fn is_waited_for_there(reader: Reader<'_, '_>, site: SiteId) -> bool {
    let program = reader.program;
    let callee = program.call(site).and_then(|call| call.callee).map(|var| program.held_at(var));
    let Some(made) = callee.and_then(|var| program.call_giving(var)) else { return false };
    let paths = &reader.resolution.paths;
    reader.resolution.external_at(made.site).iter().any(|(_, path, _)| {
        matches!(reader.models.returns(paths.family(*path), paths.text(*path)), Some(Returned::Waited(_)))
    })
}

/// The call whose promise one goes on with: `connect()` of `connect().then(next).catch(log)`.
fn first_of_chain<'p>(reader: Reader<'p, '_>, call: &'p Call) -> &'p Call {
    let mut at = call;
    while reader.resolution.calls_at(at.site).is_empty()
        && matches!(reader.program.text(at.name), "then" | "catch" | "finally")
        && let Some(before) = at.receiver.and_then(|var| reader.program.call_giving(var))
    {
        at = before;
    }
    at
}

/// The list that a call puts its arguments into.
pub(super) fn keeps(program: &Program<'_>, site: SiteId) -> Option<VarId> {
    let call = program.call(site)?;
    matches!(program.text(call.name), "push" | "append" | "unshift" | "add").then_some(call.receiver).flatten()
}

/// Whether what a function does is under way when it returns: it is asynchronous, or gives what such a function gives.
pub(super) fn gives_promise(reader: Reader<'_, '_>, operations: &Operations, function: FunctionId, depth: u32) -> bool {
    const MAX_DEPTH: u32 = 2;
    let program = reader.program;
    let flags = program.function(function).flags;
    if flags.has(FunctionFlags::ASYNC) {
        return !flags.has(FunctionFlags::GENERATOR);
    }
    let r = &program.facts.relations;
    let mut returned = program.returns_by_function.of(&r.returns, function).filter_map(|row| row.var).peekable();
    depth < MAX_DEPTH
        && returned.peek().is_some()
        && returned.all(|var| {
            let call = program.call_giving(var).map(|call| first_of_chain(reader, call));
            let edges = call.map_or(&[][..], |call| reader.resolution.calls_at(call.site));
            let of_library = call.is_some_and(|call| {
                operations.at(call.site).any(|op| {
                    let completion = reader.model(op).attribute(Attr::Completion).unwrap_or_default();
                    let works = does_outside(op.kind) || runs_statement(reader, op);
                    op.family.gives_promises() && works && !reader.is_text(op, completion, "none")
                })
            });
            // `new Promise((resolve, reject) => client.send(order, resolve))`
            let is_made = || {
                let callee = call.and_then(|call| call.callee).and_then(|var| program.global(var));
                let is_promise = callee.is_some_and(|path| program.text(path) == "Promise");
                is_promise && call.is_some_and(|call| reader.family(call.site).gives_promises())
            };
            of_library
                || is_made()
                || !edges.is_empty()
                    && edges.iter().all(|edge| gives_promise(reader, operations, edge.function, depth + 1))
        })
}
