//! What made an argument: `client.send(request)`, where `request` is built by calls of its own.

use distsys_facts::{CallKind, SiteId, VarId};

use super::operations::{Found, Operand, Operation};
use super::reader::{MAX_CHAIN, Reader};
use crate::model::source::Source;

/// Helpers that only hand on what another made are followed this deep.
const MAX_HELPERS: usize = 4;

impl Reader<'_, '_> {
    /// A source at the call that made `var`; unknown where that is not seen.
    pub(super) fn at_maker(&self, op: &Operation, var: VarId, inner: &Source) -> Found {
        if self.literal(var).is_some() {
            return Found::Absent;
        }
        let calls = self.calls_making(var);
        match inner {
            Source::Chain(name, inner) => {
                let named = |site: &SiteId| {
                    name == "*" || self.call(*site).is_some_and(|call| self.program.text(call.name) == name)
                };
                let mut found =
                    calls.iter().copied().filter(named).map(|site| self.source(&self.op_at(op, site), inner));
                let of_call = found.find(|found| *found != Found::Absent);
                of_call.unwrap_or(if calls.is_empty() { Found::Unknown } else { Found::Absent })
            }
            Source::Any(text) | Source::After(text) => {
                let mut arguments = calls.iter().flat_map(|site| self.arguments_of(*site));
                let is_text = |var: &VarId| self.constant(*var).is_some_and(|value| value.eq_ignore_ascii_case(text));
                match arguments.find(is_text) {
                    None if calls.is_empty() => Found::Unknown,
                    None => Found::Absent,
                    Some(_) if matches!(inner, Source::Any(_)) => Found::Is(Operand::Present),
                    Some(_) => arguments.next().map_or(Found::Absent, |var| Found::Is(Operand::Var(var))),
                }
            }
            _ => match self.made_at_last(var) {
                Some(site) => self.source(&self.op_at(op, site), inner),
                None => Found::Unknown,
            },
        }
    }

    /// Whether `var` is a new object.
    pub(super) fn is_constructed(&self, var: VarId) -> Found {
        match self.made_at_last(var).and_then(|site| self.call(site)) {
            Some(call) if call.kind == CallKind::New => Found::Is(Operand::Present),
            Some(_) => Found::Absent,
            None => Found::Unknown,
        }
    }

    /// The same operation, seen at another call.
    fn op_at(&self, op: &Operation, site: SiteId) -> Operation {
        let path = self.resolution.external_at(site).first().map(|(_, path, _)| *path);
        Operation { site, call: site, path, shift: 0, ..*op }
    }

    /// The call that made `var`, be it in a helper or in a function that is given instead of a value.
    fn made_at_last(&self, var: VarId) -> Option<SiteId> {
        let given = self.program.closure(var).and_then(|function| self.only_returned(function));
        let mut site = self.maker(given.unwrap_or(var))?.site;
        for _ in 0..MAX_HELPERS {
            match self.only_return(site).and_then(|returned| self.maker(returned)) {
                Some(call) => site = call.site,
                None => break,
            }
        }
        Some(site)
    }

    /// The calls that made and configured `var`, in the order written: those of the chain that gave it, and those on the
    /// variables that hold it.
    fn calls_making(&self, var: VarId) -> Vec<SiteId> {
        let program = self.program;
        let r = &program.facts.relations;
        let mut calls = Vec::new();
        if let Some(site) = self.made_at_last(var) {
            calls.push(site);
            calls.extend(self.chain_calls(site));
        }
        // `builder -> builder.queueUrl(url)`
        let given = program.closure(var).and_then(|function| program.parameters(function).next());
        let mut holders: Vec<VarId> = vec![given.map_or(var, |row| row.var)];
        while holders.len() < MAX_CHAIN
            && let Some(row) = holders.last().and_then(|last| program.assigned_from(*last).next())
            && !holders.contains(&row.src)
        {
            holders.push(row.src);
        }
        for holder in holders {
            for call in program.calls_by_receiver.of(&r.call, holder) {
                calls.push(call.site);
            }
        }
        calls.sort_unstable();
        calls.dedup();
        calls
    }

    /// The arguments of a call, those of a list one by one.
    fn arguments_of(&self, site: SiteId) -> Vec<VarId> {
        let program = self.program;
        let r = &program.facts.relations;
        let elements = |var: VarId| program.element_by_var.of(&r.element, var).map(|row| row.value);
        let flat = program.arguments(site).flat_map(|row| match elements(row.var).next() {
            Some(_) => elements(row.var).collect(),
            None => vec![row.var],
        });
        flat.collect()
    }
}
