//! Reads that a library or the project sends to a replica by itself: where replicas are set up beside the primary
//! (`replication: { master, slaves }`), or a method of the project answers for all reads with the name of one.

use distsys_facts::{FunctionId, RegionKind, VarId};

use super::Meaning;
use super::operations::{Found, Operand, Operation};
use super::reader::Reader;
use super::terms::MAX_DEPTH;
use crate::resolve::HandleRole;
use crate::words::role_said;

impl Meaning<'_> {
    /// Whether what a read is done on sends it to a replica by itself, unless a transaction is open on that.
    pub fn is_routed(&self, op: &Operation) -> bool {
        let reader = self.reader();
        let routed = &reader.model(op).routed;
        let receiver = self.receiver_of(op);
        !routed.is_empty()
            && routed.iter().all(|condition| reader.holds(op, condition))
            && receiver.is_none_or(|var| reader.is_on_one(var))
    }
}

impl Reader<'_, '_> {
    /// Whether there is but one connection that something is done on: not the transaction's if there is one, else another.
    fn is_on_one(&self, var: VarId) -> bool {
        let program = self.program;
        let mut at = var;
        for _ in 0..MAX_DEPTH {
            if program.parameter(at).is_some() {
                return program.assigned_from(at).next().is_none();
            }
            if let Some(load) = program.loaded_as(at) {
                at = load.base;
            } else if let Some(call) = program.call_giving(at) {
                let Some(on) = call.receiver.or(call.callee) else { return true };
                at = on;
            } else {
                let mut sources = program.assigned_from(at).map(|row| row.src);
                match (sources.next(), sources.next()) {
                    (Some(only), None) => at = only,
                    (sources, _) => return sources.is_none(),
                }
            }
        }
        false
    }

    /// The replica's name, if that is what every method of the project so called answers, whatever it is asked.
    pub(super) fn answered_replica(&self, name: &str) -> Found {
        let program = self.program;
        let Some(name) = program.facts.symbols.lookup(name) else { return Found::Absent };
        let methods = program.methods_named(name).map(|row| row.function);
        let mut methods = methods.filter(|function| !program.is_out_of_scope(*function)).peekable();
        match methods.peek().is_some() && methods.all(|function| self.answers_replica(function)) {
            true => Found::Is(Operand::Text("replica".to_owned())),
            false => Found::Absent,
        }
    }

    fn answers_replica(&self, function: FunctionId) -> bool {
        let program = self.program;
        let r = &program.facts.relations;
        let is_asked = |region| program.regions_outward(region).any(|row| row.kind == RegionKind::Branch);
        let returned = || program.returns_by_function.of(&r.returns, function);
        let mut always = returned().filter(|row| !is_asked(program.site(row.site).region));
        always.next().is_some() && returned().all(|row| row.var.is_some_and(|var| self.names_replica(var)))
    }

    /// `"replica"`, `settings.REPLICA`, `random.choice(["replica1", "replica2"])`
    fn names_replica(&self, var: VarId) -> bool {
        let program = self.program;
        let is_replica = |var: VarId| match self.constant(var) {
            Some(text) => role_said(text) == HandleRole::Replica,
            None => self.role_said(var) == HandleRole::Replica,
        };
        let chosen = self.maker(var).and_then(|call| program.arguments(call.site).next());
        let listed = chosen.map(|given| self.ways(given.var).first().copied().unwrap_or(given.var));
        let elements = &program.facts.relations.element;
        let mut listed = listed.into_iter().flat_map(|list| program.element_by_var.of(elements, list)).peekable();
        is_replica(var) || listed.peek().is_some() && listed.all(|row| is_replica(row.value))
    }

    /// What stands under the last of some names, each an entry of what stands under the one before, wherever the project says so.
    pub(super) fn entry_anywhere(&self, names: &str) -> Found {
        let program = self.program;
        let mut names = names.split('.');
        let first = names.next().and_then(|name| program.facts.symbols.lookup(name));
        let path: Vec<String> = names.map(str::to_owned).collect();
        // The last is the least common word.
        if first.is_none() || path.last().is_some_and(|last| program.facts.symbols.lookup(last).is_none()) {
            return Found::Absent;
        }
        let found = first.into_iter().flat_map(|key| program.entries_under(key)).find_map(|row| {
            match self.within(row.value, &path) {
                Found::Absent => None,
                found => Some(found),
            }
        });
        found.unwrap_or(Found::Absent)
    }
}
