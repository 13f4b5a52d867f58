//! Queries that are run when their value is looked at.
//!
//! `qs = Order.objects.filter(…)` asks nothing of the database. A call that refines the value (`qs.values_list("id")`) makes a
//! query of its own, which is the one that is run; a value that nothing looks at is never asked for, its row locks included.

use distsys_facts::schema::Call;
use distsys_facts::{SiteId, VarId};
use rustc_hash::FxHashSet;

use super::operations::{Found, Operations};
use super::provenance::FlowIndex;
use super::reader::{MAX_CHAIN, Reader};
use crate::operation::{Attr, OpKind};

impl Operations {
    /// Leaves out the queries that are never run themselves.
    pub(super) fn drop_refined(&mut self, reader: &Reader<'_, '_>, flow: &FlowIndex) {
        let deferred: Vec<_> = self.all.iter().filter(|op| reader.model(op).deferred).collect();
        if deferred.is_empty() {
            return;
        }
        let conditions = reader.program.facts.relations.condition.iter().map(|row| row.var).collect();
        let mut refined: FxHashSet<(SiteId, OpKind)> = FxHashSet::default();
        let mut never_run = Vec::new();
        for op in deferred {
            let Some(call) = reader.program.call(op.call) else { continue };
            let used = self.used(reader, flow, &conditions, call.result);
            if used != Used::LookedAt {
                refined.insert((op.site, op.kind));
            }
            if used == Used::Never
                && !self.is_begun_elsewhere(reader, flow, &conditions, call)
                && !matches!(reader.attribute(op, Attr::Condition), Found::Absent)
            {
                never_run.push(*op);
            }
        }
        self.never_run = never_run;
        if !refined.is_empty() {
            self.all.retain(|op| !refined.contains(&(op.site, op.kind)));
            self.index(reader.program);
        }
    }

    /// Whether something else looks at what a query was made of: then that is run, and locks.
    fn is_begun_elsewhere(
        &self,
        reader: &Reader<'_, '_>,
        flow: &FlowIndex,
        conditions: &FxHashSet<VarId>,
        call: &Call,
    ) -> bool {
        let program = reader.program;
        let mut receiver = call.receiver;
        for _ in 0..MAX_CHAIN {
            let Some(var) = receiver else { return false };
            let source = reader.root(var);
            if [var, source].into_iter().any(|at| self.used(reader, flow, conditions, at) == Used::LookedAt) {
                return true;
            }
            receiver = program.call_giving(source).and_then(|call| call.receiver);
        }
        false
    }

    /// Whether anything but an operation that is done on it needs the value.
    fn used(&self, reader: &Reader<'_, '_>, flow: &FlowIndex, conditions: &FxHashSet<VarId>, value: VarId) -> Used {
        let program = reader.program;
        let r = &program.facts.relations;
        let mut stack = vec![value];
        let mut seen: Vec<VarId> = Vec::new();
        let mut used = Used::Never;
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
                return Used::LookedAt;
            }
            seen.push(at);
            stack.extend(program.assign_by_src.of(&r.assign, at).map(|row| row.dst));
            for call in program.calls_by_receiver.of(&r.call, at) {
                match self.at(call.site).next() {
                    None => stack.push(call.result),
                    Some(_) => used = Used::Refined,
                }
            }
        }
        used
    }
}

/// What becomes of the value of a query.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Used {
    LookedAt,
    /// Another query is made of it.
    Refined,
    Never,
}
