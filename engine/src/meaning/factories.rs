//! Functions of the project that make others which know what the first was given: `const orders = queries(replica)`, and
//! `orders.find(id)` asks the replica.

use distsys_facts::schema::Parameter;
use distsys_facts::{FunctionId, SiteId, VarId};
use rustc_hash::FxHashSet;

use super::reader::Reader;

/// What was made is held under so many names before it is called.
const MAX_NAMES: usize = 8;

/// What calls a function that it is given for each element of the collection it is called on.
const BY_ELEMENT: &[&str] = &["map", "flatMap", "forEach", "filter", "for_each", "flat_map", "filter_map"];

impl Reader<'_, '_> {
    /// What was given for a parameter of a function that made what is called at `site`.
    pub(super) fn given_to_maker(&self, site: SiteId, parameter: &Parameter) -> Option<VarId> {
        let program = self.program;
        let call = program.call(site)?;
        let mut at = call.receiver.or(call.callee)?;
        for _ in 0..MAX_NAMES {
            if let Some(made) = program.call_giving(at) {
                let is_maker =
                    self.resolution.calls_at(made.site).iter().any(|edge| edge.function == parameter.function);
                return self.given_at(made.site, parameter).filter(|_| is_maker);
            }
            at = match (self.resolution.imported(at), program.parameter(at)) {
                (Some(imported), _) => imported,
                (None, Some(_)) => {
                    let mut given = self.resolution.passed_to(at);
                    given.next().filter(|_| given.next().is_none())?.argument
                }
                (None, None) => match program.loaded_as(at) {
                    Some(load) => self.stored(load.base, load.field).unwrap_or(load.base),
                    None => program.only_source(at)?,
                },
            };
        }
        None
    }

    /// What a call gives for a parameter of what it calls, or gave for one of a function that made that.
    pub(super) fn given_for(&self, site: SiteId, parameter: &Parameter) -> Option<VarId> {
        self.given_at(site, parameter).or_else(|| self.given_to_maker(site, parameter))
    }

    /// Whether a function gives an object of functions of its own: `(db, publish) => ({ accept: async (id) => … })`. What they
    /// do with what it was given, they do, as methods with what their object holds.
    pub(super) fn makes_object_of_functions(&self, function: FunctionId) -> bool {
        let program = self.program;
        let r = &program.facts.relations;
        let own = |var: VarId| {
            program.closure(self.root(var)).is_some_and(|closure| program.function(closure).parent == Some(function))
        };
        let mut given = program.returns_by_function.of(&r.returns, function).filter_map(|row| row.var);
        given.any(|var| program.entry_by_var.of(&r.entry, self.root(var)).any(|row| own(row.value)))
    }

    /// Functions written where a collection is asked to call them for each of its elements: their parameters are elements, which
    /// no caller of the project gives.
    pub(super) fn given_elements(&self) -> FxHashSet<FunctionId> {
        let program = self.program;
        let by_element = |site: SiteId| {
            program.call(site).is_some_and(|call| {
                call.receiver.is_some()
                    && BY_ELEMENT.contains(&program.text(call.name))
                    && self.resolution.calls_at(site).is_empty()
            })
        };
        let given = program.facts.relations.argument.iter();
        given.filter_map(|row| program.closure(row.var).filter(|_| by_element(row.site))).collect()
    }
}
