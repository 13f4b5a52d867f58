//! Queries that are run when their value is looked at.
//!
//! `qs = Order.objects.filter(…)` asks nothing of the database. A call that refines the value (`qs.values_list("id")`) makes a
//! query of its own, which is the one that is run; a value that nothing looks at is never asked for, its row locks included.

use distsys_facts::VarId;
use rustc_hash::FxHashSet;

use super::operations::Operations;
use super::provenance::FlowIndex;
use super::reader::{MAX_CHAIN, Reader};

impl Operations {
    /// Leaves out the queries that are never run themselves.
    pub(super) fn drop_refined(&mut self, reader: &Reader<'_, '_>, flow: &FlowIndex) {
        let deferred: Vec<_> = self.all.iter().filter(|op| reader.model(op).deferred).collect();
        if deferred.is_empty() {
            return;
        }
        let conditions = reader.program.facts.relations.condition.iter().map(|row| row.var).collect();
        let refined: FxHashSet<_> = deferred
            .into_iter()
            .filter(|op| {
                let call = reader.program.call(op.call);
                call.is_some_and(|call| !self.is_looked_at(reader, flow, &conditions, call.result))
            })
            .map(|op| (op.site, op.kind))
            .collect();
        if !refined.is_empty() {
            self.all.retain(|op| !refined.contains(&(op.site, op.kind)));
            self.index(reader.program);
        }
    }

    /// Whether anything but an operation that is done on it needs the value.
    fn is_looked_at(
        &self,
        reader: &Reader<'_, '_>,
        flow: &FlowIndex,
        conditions: &FxHashSet<VarId>,
        value: VarId,
    ) -> bool {
        let program = reader.program;
        let r = &program.facts.relations;
        let mut stack = vec![value];
        let mut seen: Vec<VarId> = Vec::new();
        while let Some(at) = stack.pop() {
            if seen.contains(&at) {
                continue;
            }
            if seen.len() > MAX_CHAIN
                || flow.is_kept(at)
                || conditions.contains(&at)
                || program.argument_by_var.of(&r.argument, at).next().is_some()
                || program.load_by_base.of(&r.load, at).next().is_some()
                || program.suspend_by_var.of(&r.suspend, at).next().is_some()
            {
                return true;
            }
            seen.push(at);
            stack.extend(program.assign_by_src.of(&r.assign, at).map(|row| row.dst));
            for call in program.calls_by_receiver.of(&r.call, at) {
                if self.at(call.site).next().is_none() {
                    stack.push(call.result);
                }
            }
        }
        false
    }
}
