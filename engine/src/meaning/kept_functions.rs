//! Functions that are only kept when they are given away: in a field, a list, a map of handlers. Whoever goes through that runs
//! them, and hears of their failures; who gave them does not.

use distsys_facts::schema::{Argument, Call};
use distsys_facts::{FunctionId, FunctionKind, SiteId, VarId};
use rustc_hash::FxHashSet;

use super::callbacks::MAX_HELPERS;
use super::invoked::Invocations;
use super::reader::Reader;
use crate::program::Program;
use crate::words::words;

/// How closures are used beside being parameters' values.
pub(super) struct Closures {
    /// Given to something outside the project, returned, put under a name or called: who runs them is not seen here.
    used: FxHashSet<FunctionId>,
    /// Put into a field, or under a key.
    stored: FxHashSet<FunctionId>,
    /// The parameters that are.
    kept: FxHashSet<VarId>,
}

impl Closures {
    pub(super) fn new(reader: Reader<'_, '_>) -> Self {
        let program = reader.program;
        let r = &program.facts.relations;
        let puts = |site: SiteId| program.call(site).is_some_and(|call| puts_into_collection(reader, call));
        let of_library = |row: &&Argument| reader.resolution.calls_at(row.site).is_empty();
        let (put, given): (Vec<&Argument>, Vec<&Argument>) =
            r.argument.iter().filter(of_library).partition(|row| puts(row.site));
        let returned = r.returns.iter().filter_map(|row| row.var);
        let named = r.assign.iter().map(|row| row.src);
        let called = r.call.iter().flat_map(|call| call.callee.into_iter().chain(call.receiver));
        let used = given.into_iter().map(|row| row.var).chain(returned).chain(named).chain(called);
        let stored: Vec<VarId> = r.store.iter().map(|row| row.src).chain(put.into_iter().map(|row| row.var)).collect();
        let parameter = |var: &VarId| {
            let source = program.only_source(*var).unwrap_or(*var);
            program.parameter(source).map(|row| row.var)
        };
        Closures {
            used: used.filter_map(|var| program.closure(var)).collect(),
            stored: stored.iter().filter_map(|var| program.closure(*var)).collect(),
            kept: stored.iter().filter_map(parameter).collect(),
        }
    }
}

/// Whether a call puts what it is given into a collection, of whatever language: `handlers.set(kind, handle)`.
fn puts_into_collection(reader: Reader<'_, '_>, call: &Call) -> bool {
    let named = matches!(
        reader.program.text(call.name),
        "add" | "append" | "insert" | "push" | "put" | "putIfAbsent" | "set" | "setdefault"
    );
    named && call.receiver.is_some() && reader.resolution.calls_at(call.site).is_empty()
}

/// Whether a method of something that no model knows keeps the function that it is given for later, as its name says:
/// `bot.onMention(…)`, `server.registerTool("sum", …)`, `subscribe(…)`.
pub(super) fn says_later(name: &str) -> bool {
    let words = words(name);
    let first = words.first().map(String::as_str).unwrap_or_default();
    match words.len() {
        0 => false,
        1 => matches!(first, "on" | "subscribe" | "register"),
        _ => {
            let last = words.last().map(String::as_str).unwrap_or_default();
            matches!(first, "on" | "register" | "subscribe") || first == "add" && matches!(last, "listener" | "handler")
        }
    }
}

/// Whether a call only leaves what it is given with somebody who runs it when something comes, as its name says and what it
/// gives is dropped: `server.registerTool("pay", {}, async (order) => …)`, `bot.onMention(async (message) => …)`,
/// `feed.on("order", (order) => …)`.
pub(super) fn registers_a_handler(program: &Program<'_>, site: SiteId) -> bool {
    let Some(call) = program.call(site).filter(|call| call.receiver.is_some()) else { return false };
    let says = |call: &Call| {
        let words = words(program.text(call.name));
        match words.first().map(String::as_str) {
            Some("on" | "once" | "register") => true,
            Some("add" | "prepend") => words.last().is_some_and(|word| matches!(word.as_str(), "listener" | "handler")),
            _ => false,
        }
    };
    let r = &program.facts.relations;
    let result = call.result;
    // `feed.on("open", …).on("order", …)`
    let mut asked = program.calls_by_receiver.of(&r.call, result);
    let is_used = || {
        program.assign_by_src.of(&r.assign, result).next().is_some()
            || program.argument_by_var.of(&r.argument, result).next().is_some()
            || program.suspend_by_var.of(&r.suspend, result).next().is_some()
            || program
                .returns_by_function
                .of(&r.returns, program.site(site).function)
                .any(|row| row.var == Some(result))
    };
    says(call) && asked.all(says) && !is_used()
}

impl Invocations {
    /// The calls of what is given as `parameter`, where it is only kept by `site`, which calls it or gives it to what does: in
    /// closures that are put into fields and collections.
    pub(super) fn kept_at(
        &self,
        reader: Reader<'_, '_>,
        closures: &Closures,
        site: SiteId,
        parameter: VarId,
        depth: usize,
    ) -> Option<Vec<SiteId>> {
        let program = reader.program;
        let owner = program.parameter(parameter)?.function;
        let mut at = program.site(site).function;
        while at != owner {
            if self.is_kept_closure(reader, closures, at) {
                return Some(vec![site]);
            }
            at = program.function(at).parent?;
        }
        if depth >= MAX_HELPERS {
            return None;
        }
        let handed = self.passed_on.get(&site)?.iter().filter(|(_, own)| *own == parameter);
        let mut found = Vec::new();
        for (receiver, _) in handed {
            let applied = self.applied(*receiver);
            if applied.is_empty() {
                return None;
            }
            for inner in applied {
                found.extend(self.kept_at(reader, closures, *inner, *receiver, depth + 1)?);
            }
        }
        (!found.is_empty()).then_some(found)
    }

    fn is_kept_closure(&self, reader: Reader<'_, '_>, closures: &Closures, closure: FunctionId) -> bool {
        let given = self.given_as.get(&closure).map_or(&[][..], Vec::as_slice);
        let is_stored = closures.stored.contains(&closure);
        reader.program.function(closure).kind == FunctionKind::Closure
            && !closures.used.contains(&closure)
            && (is_stored || !given.is_empty())
            && given.iter().all(|parameter| self.applied(*parameter).is_empty() && closures.kept.contains(parameter))
    }
}
