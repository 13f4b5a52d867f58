//! Declared types that tell nothing beyond what is given.
//!
//! A parameter or field that is declared a connection may hold any: whoever gives it is not asked by its type. Where all that
//! give it are seen, and what they give has a role, the type says no more than that it is a connection, which is known.

use distsys_facts::{ClassId, ParameterKind, Sym, VarId};
use rustc_hash::FxHashMap;

use super::Flow;
use crate::resolve::values::{HandleRole, ValueKind};

/// Each with the library of what is given.
#[derive(Debug, Default)]
pub(super) struct Told {
    parameters: FxHashMap<VarId, String>,
    fields: FxHashMap<(ClassId, Sym), String>,
    /// Roles of what helpers make of settings, by the node of the call's result.
    pub(super) made: FxHashMap<u32, HandleRole>,
}

impl Told {
    pub(super) fn of_made(made: FxHashMap<u32, HandleRole>) -> Self {
        Told { made, ..Self::default() }
    }

    /// Whether no declared type is to be left aside; what helpers make is known by now.
    pub(super) fn is_settled(&self) -> bool {
        self.parameters.is_empty() && self.fields.is_empty()
    }

    pub(super) fn parameter(&self, var: VarId) -> Option<&str> {
        self.parameters.get(&var).map(String::as_str)
    }

    pub(super) fn field(&self, class: ClassId, name: Sym) -> Option<&str> {
        self.fields.get(&(class, name)).map(String::as_str)
    }
}

/// `pg` of `pg.Pool`.
pub(super) fn library(path: &str) -> &str {
    path.split('.').next().unwrap_or(path)
}

impl Flow<'_, '_> {
    /// Parameters and fields whose connections are told by what is given to them.
    pub(super) fn told(&self) -> Told {
        let program = self.program;
        let r = &program.facts.relations;
        let mut told = Told::default();
        // The library of a connection that has a role which the name of the node does not say.
        let role_of = |node: u32| {
            let mut values = self.sets.of(node).map(|id| self.values.get(id));
            let given = values.find(|value| value.role != HandleRole::Unknown && self.is_handle(*value))?;
            match given.kind {
                ValueKind::External(path) if self.role_of_node(node) == HandleRole::Unknown => {
                    Some(library(self.paths.text(path)).to_owned())
                }
                _ => None,
            }
        };
        let holds = |var: VarId| self.sets.of(Self::node(var)).any(|id| self.is_handle(self.values.get(id)));
        let typed = r.parameter.iter().filter(|row| !row.type_.is_empty() && row.kind != ParameterKind::Receiver);
        told.parameters = typed.filter_map(|row| Some((row.var, role_of(Self::node(row.var))?))).collect();
        let defaults = r.parameter.iter().filter_map(|row| Some((row.var, row.default?)));
        for (parameter, given) in self.passed.iter().map(|row| (row.parameter, row.argument)).chain(defaults) {
            if told.parameters.contains_key(&parameter) && !holds(given) {
                told.parameters.remove(&parameter);
            }
        }
        let fields = r.field.iter().filter(|row| !row.type_.is_empty());
        let fields = fields.map(|row| (self.grounds.hierarchy.whole(row.class), row.name));
        let given = |field: &(ClassId, Sym)| self.class_fields.get(field).and_then(|node| role_of(*node));
        told.fields = fields.filter_map(|field| Some((field, given(&field)?))).collect();
        told.made.clone_from(&self.told.made);
        told
    }
}
