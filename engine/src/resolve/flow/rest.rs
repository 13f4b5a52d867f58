//! What is given for a parameter that takes all the rest, where the function calls what it is given: `chain(h, logged, timed)`.

use distsys_facts::{ParameterKind, VarId};
use rustc_hash::FxHashSet;

use super::{EdgeKind, Flow};
use crate::program::Program;
use crate::resolve::values::{Value, ValueKind};

/// Parameters that take the rest of the arguments, and of which elements are called.
pub(super) fn called_out_of(program: &Program<'_>) -> FxHashSet<VarId> {
    let rest = |var: VarId| program.parameter(var).filter(|row| row.kind == ParameterKind::Rest).map(|row| row.var);
    let called = program.facts.relations.call.iter().filter_map(|call| call.callee);
    let loaded = called.filter_map(|callee| program.loaded_as(program.held_at(callee)));
    loaded.filter(|load| program.text(load.field).starts_with('[')).filter_map(|load| rest(load.base)).collect()
}

impl Flow<'_, '_> {
    /// An argument is an element of the parameter that takes the rest.
    pub(super) fn bind_rest(&mut self, argument: VarId, parameter: VarId) {
        if self.grounds.called_out_of.contains(&parameter) {
            self.add(Self::node(parameter), Value::new(ValueKind::Object(parameter)));
            for field in [self.names.computed, self.names.any_element] {
                let to = self.object_field(parameter, field);
                self.edge(Self::node(argument), to, EdgeKind::All);
            }
        }
    }
}
