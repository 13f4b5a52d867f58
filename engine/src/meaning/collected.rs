//! Builders: statements that calls add to, one after another, and that run once, when somebody waits for the object.
//!
//! `query.update(…)` writes nothing by itself where `query` is awaited or returned later; a statement that is given to another
//! one, or built in a function that is, is a part of that one and runs with it, on its connection.

use distsys_facts::schema::Call;
use distsys_facts::{SiteId, VarId};

use super::Meaning;
use super::callbacks::functions_of;
use super::chains::settles;
use super::operations::Operation;
use super::reader::MAX_CHAIN;
use crate::resolve::ValueKind;

impl Meaning<'_> {
    /// Whether the statement that an operation adds to is run by somebody else: who waits for the variable that holds the
    /// builder, who gave it, or the statement that it is a part of.
    pub(super) fn is_run_by_holder(&self, op: &Operation) -> bool {
        let Some(call) = self.program.call(op.site) else { return false };
        if self.is_builder_call(call) && self.is_part_of_statement(op) {
            return true;
        }
        let Some(held) = self.builder_of(call) else { return false };
        self.program.parameter(held).is_some() || self.is_waited_for_after(held, op.site)
    }

    /// The call of another statement that the one of an operation is given to.
    pub(super) fn given_to_statement(&self, op: &Operation) -> Option<&Call> {
        let program = self.program;
        let r = &program.facts.relations;
        program.call(op.site).filter(|call| self.is_builder_call(call))?;
        let mut stack: Vec<VarId> = vec![program.call(self.reader().chain_end(op.site))?.result];
        let mut seen: Vec<VarId> = Vec::new();
        while let Some(var) = stack.pop() {
            if seen.len() > MAX_CHAIN || seen.contains(&var) {
                continue;
            }
            seen.push(var);
            let given = program.argument_by_var.of(&r.argument, var).filter_map(|row| program.call(row.site));
            if let Some(outer) = given.into_iter().find(|call| self.is_builder_call(call)) {
                return Some(outer);
            }
            stack.extend(program.assign_by_src.of(&r.assign, var).map(|row| row.dst));
        }
        None
    }

    /// Whether an operation stands in a function that a call of another statement is given: `.with("done", (qb) => …)`.
    fn is_part_of_statement(&self, op: &Operation) -> bool {
        let program = self.program;
        let Some(parent) = program.function(op.function).parent else { return false };
        let builds = |site: SiteId| program.call(site).is_some_and(|call| self.is_builder_call(call));
        let mut around = program.sites(parent).map(|row| row.site).filter(|site| builds(*site));
        around
            .any(|site| program.arguments(site).any(|row| functions_of(self.reader(), row.var).contains(&op.function)))
    }

    /// Whether a call adds to a builder, or begins one.
    fn is_builder_call(&self, call: &Call) -> bool {
        let paths = &self.resolution.paths;
        !settles(self.program.text(call.name))
            && self
                .resolution
                .external_at(call.site)
                .iter()
                .any(|(_, path, _)| self.models.is_builder(paths.family(*path), paths.text(*path)))
    }

    /// The variable that holds the builder which a chain of calls is made on.
    fn builder_of(&self, call: &Call) -> Option<VarId> {
        let mut held = call.receiver?;
        for _ in 0..MAX_CHAIN {
            match self.program.call_giving(held) {
                Some(before) => held = before.receiver?,
                None => break,
            }
        }
        let paths = &self.resolution.paths;
        let is_builder = self.resolution.values_of(held).any(|value| match value.kind {
            ValueKind::External(path) => self.models.is_builder(paths.family(path), paths.text(path)),
            _ => false,
        });
        let is_built = || self.reader().maker(held).is_some_and(|made| self.is_builder_call(made));
        (is_builder || is_built()).then_some(held)
    }

    /// Whether a builder, or what further calls on it give, is waited for, returned or handed on after a site.
    fn is_waited_for_after(&self, held: VarId, site: SiteId) -> bool {
        let program = self.program;
        let r = &program.facts.relations;
        let function = program.site(site).function;
        // Elsewhere it is not known what comes first.
        let is_later = |other: SiteId| program.site(other).function != function || self.precedes(site, other);
        let returned = || program.returns_by_function.of(&r.returns, function);
        let mut stack = vec![held];
        let mut seen: Vec<VarId> = Vec::new();
        while let Some(var) = stack.pop() {
            if seen.contains(&var) {
                continue;
            }
            seen.push(var);
            let waited = program.suspend_by_var.of(&r.suspend, var).map(|row| row.site);
            let given = program.argument_by_var.of(&r.argument, var).map(|row| row.site);
            if waited.chain(given).any(is_later) || returned().any(|row| row.var == Some(var) && is_later(row.site)) {
                return true;
            }
            let calls = program.calls_by_receiver.of(&r.call, var).filter(|call| is_later(call.site));
            for call in calls {
                if settles(program.text(call.name)) {
                    return true;
                }
                stack.push(call.result);
            }
            // What waiting has given is no builder any more.
            if program.suspend_by_var.of(&r.suspend, var).next().is_none() {
                stack.extend(program.assign_by_src.of(&r.assign, var).map(|row| row.dst));
            }
        }
        false
    }
}
