//! What functions get that a class lists for its framework: `class WorkerSettings: functions = [announce]`.

use super::{Flow, PathId};
use crate::model::Family;

impl Flow<'_, '_> {
    /// The functions that the fields of a class name, as its model says, get what the framework gives them.
    pub(super) fn by_listing_classes(&mut self) {
        let program = self.program;
        let r = &program.facts.relations;
        for class in &r.class {
            let family = Family::from(program.language(program.file_of_module(class.module)));
            for model in self.models.ops_of_class(family, program.text(class.name)) {
                let op = self.models.op(family, model);
                let given = op.gives.iter().enumerate().filter(|(_, type_)| !type_.is_empty());
                let handed: Vec<(usize, PathId)> =
                    given.map(|(at, type_)| (at, self.paths.intern(family, type_))).collect();
                let listing = |name: &str| op.handlers.iter().any(|(known, _)| known == name);
                let fields = program.field_by_class.of(&r.field, class.class);
                let values = fields.filter(|row| listing(program.text(row.name))).filter_map(|row| row.value);
                for value in values.filter(|_| !handed.is_empty()) {
                    let elements = program.element_by_var.of(&r.element, value).map(|row| row.value);
                    for var in std::iter::once(value).chain(elements) {
                        for function in self.functions_in(Self::node(var)) {
                            self.hand(function, &handed);
                        }
                    }
                }
            }
        }
    }
}
