//! Lists of scripts that are written out: what their methods give to functions, and what they give back.

use distsys_facts::schema::Call;
use distsys_facts::{ParameterKind, VarId};

use super::Flow;
use crate::model::Family;
use crate::resolve::values::{Value, ValueKind};

/// Methods that run a function for each element.
const FOR_EACH: &[&str] = &["every", "filter", "find", "findLast", "flatMap", "forEach", "map", "some"];

/// Methods that give one of the elements.
const ONE: &[&str] = &["at", "find", "findLast", "pop", "shift"];

/// Methods that give a list of some or all of them.
const KEEP: &[&str] = &["filter", "reverse", "slice", "sort", "toReversed", "toSorted"];

impl Flow<'_, '_> {
    /// A method of a list that is written out (`[{ path, handler }].forEach(route => …)`); false if it is none.
    pub(super) fn call_list(&mut self, row: &Call, list: VarId) -> bool {
        let program = self.program;
        let r = &program.facts.relations;
        let name = program.text(row.name);
        if Family::from(self.language_of(row.site)) != Family::Script
            || program.element_by_var.of(&r.element, list).next().is_none()
        {
            return false;
        }
        let (runs, gives_one, keeps) = (FOR_EACH.contains(&name), ONE.contains(&name), KEEP.contains(&name));
        if runs {
            let given = program.arguments(row.site).find(|row| row.position == 0);
            let function = given.and_then(|row| program.closure(row.var));
            let first = function
                .and_then(|function| program.parameters(function).find(|row| row.kind == ParameterKind::Positional));
            if let Some(first) = first {
                self.object_member(list, self.names.computed, Self::node(first.var));
            }
        }
        if gives_one {
            self.object_member(list, self.names.computed, Self::node(row.result));
        }
        if keeps {
            self.add(Self::node(row.result), Value::new(ValueKind::Object(list)));
        }
        runs || gives_one || keeps
    }
}
