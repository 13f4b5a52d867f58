//! What a function hands to the closures that it is given, where more give it one than a set of values holds.
//!
//! `in_transaction(work)` calls `work(tx)`: each closure gets `tx`, however many others there are. Usually that comes by the
//! values of the parameter; the closures beyond those that fit are bound to the calls of the parameter one by one.

use distsys_facts::schema::Call;
use distsys_facts::{FunctionId, ParameterKind, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{EdgeKind, Flow, Passed};
use crate::resolve::values::{MAX_SET, ValueKind};

/// A closure is handed on through so many functions.
const MAX_HOPS: usize = 4;

impl Flow<'_, '_> {
    /// `transaction(work) { return client.transaction(work) }`: what a caller gives as `work` gets the connection.
    pub(super) fn by_connections_given(&mut self) {
        let mut connections = std::mem::take(&mut self.connections_given);
        if connections.is_empty() {
            return;
        }
        connections.sort_unstable();
        connections.dedup();
        let mut given: FxHashMap<VarId, Vec<VarId>> = FxHashMap::default();
        for row in &self.passed {
            given.entry(row.parameter).or_default().push(row.argument);
        }
        given.values_mut().for_each(|arguments| arguments.sort_unstable());
        for (parameter, connection) in connections {
            let mut seen: FxHashSet<VarId> = FxHashSet::default();
            let mut stack = vec![(parameter, 0)];
            while let Some((at, hops)) = stack.pop() {
                if hops > MAX_HOPS || !seen.insert(at) {
                    continue;
                }
                for argument in given.get(&at).into_iter().flatten() {
                    match self.program.closure(*argument) {
                        Some(function) => self.hand_connection(function, connection),
                        None => stack.push((*argument, hops + 1)),
                    }
                }
            }
        }
    }

    pub(super) fn by_given_closures(&mut self) {
        let is_full = |flow: &Self, var: VarId| flow.sets.len_of(Self::node(var)) + 1 >= MAX_SET;
        let mut full: Vec<Passed> = self.passed.iter().filter(|row| is_full(self, row.parameter)).copied().collect();
        if full.is_empty() {
            return;
        }
        full.sort_unstable();
        let mut handed_on: FxHashMap<VarId, Vec<VarId>> = FxHashMap::default();
        for row in self.passed.iter().filter(|row| self.program.parameter(row.argument).is_some()) {
            handed_on.entry(row.argument).or_default().push(row.parameter);
        }
        let mut called: FxHashMap<VarId, Vec<Call>> = FxHashMap::default();
        for row in full {
            let Some(function) = self.function_given(row.argument) else { continue };
            let calls = called.entry(row.parameter).or_insert_with(|| self.calls_of(row.parameter, &handed_on)).clone();
            for call in calls {
                self.hand_over(&call, function);
            }
        }
    }

    fn function_given(&self, var: VarId) -> Option<FunctionId> {
        self.program.closure(var).or_else(|| {
            let mut values = self.sets.of(Self::node(var)).map(|id| self.values.get(id).kind);
            match (values.next(), values.next()) {
                (Some(ValueKind::Function(function)), None) => Some(function),
                _ => None,
            }
        })
    }

    /// Where a parameter is called, by its function or by one that it is handed on to.
    fn calls_of(&self, parameter: VarId, handed_on: &FxHashMap<VarId, Vec<VarId>>) -> Vec<Call> {
        let program = self.program;
        let mut found = Vec::new();
        let mut seen: FxHashSet<VarId> = FxHashSet::default();
        let mut stack = vec![(parameter, 0)];
        while let Some((at, hops)) = stack.pop() {
            if hops > MAX_HOPS || !seen.insert(at) {
                continue;
            }
            found.extend(program.calls_by_callee.of(&program.facts.relations.call, at));
            stack.extend(handed_on.get(&at).into_iter().flatten().map(|next| (*next, hops + 1)));
        }
        found.sort_unstable_by_key(|call: &Call| call.site);
        found
    }

    fn hand_over(&mut self, call: &Call, function: FunctionId) {
        let program = self.program;
        let parameters: Vec<VarId> = program
            .parameters(function)
            .filter(|row| row.kind == ParameterKind::Positional)
            .map(|row| row.var)
            .collect();
        for argument in program.arguments(call.site).filter(|row| row.position != u32::MAX) {
            if let Some(parameter) = parameters.get(argument.position as usize) {
                self.edge(Self::node(argument.var), Self::node(*parameter), EdgeKind::All);
            }
        }
    }
}
