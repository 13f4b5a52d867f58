//! What is put into a collection that is kept: the clients of a map by name, the connections of a list.

use distsys_facts::schema::Load;
use distsys_facts::{Sym, VarId};

use super::Meaning;

impl Meaning<'_> {
    /// What may be the element that is loaded: of literals and stores, wherever the collection is named, be it a variable or the
    /// field of an object (`helper.clients["safe"] = …`). A key that is no constant may be any.
    pub(super) fn elements_put(&self, load: &Load) -> Vec<VarId> {
        let program = self.program;
        let r = &program.facts.relations;
        let is_any = |key: Sym| matches!(program.text(key), "[]" | "[*]" | "");
        let may_be = |key: Sym| key == load.field || is_any(key) || is_any(load.field);
        let mut put: Vec<VarId> = Vec::new();
        for collection in self.names_of_collection(load.base) {
            put.extend(program.stores_to(collection).filter(|row| may_be(row.field)).map(|row| row.src));
            put.extend(
                program.entry_by_var.of(&r.entry, collection).filter(|row| may_be(row.key)).map(|row| row.value),
            );
            if is_any(load.field) {
                put.extend(program.element_by_var.of(&r.element, collection).map(|row| row.value));
            }
        }
        put.sort_unstable();
        put.dedup();
        put
    }

    /// The variables that a collection goes by: itself, and where it is kept in a field all that load or fill the field.
    fn names_of_collection(&self, collection: VarId) -> Vec<VarId> {
        let program = self.program;
        let mut names: Vec<VarId> = vec![collection];
        names.extend(program.assigned_from(collection).map(|row| row.src));
        for field in names.clone().into_iter().filter_map(|name| program.loaded_as(name)) {
            names.extend(self.stored_in(field.base, field.field));
            self.loads_of_field(field.base, field.field, &mut names);
        }
        names.sort_unstable();
        names.dedup();
        names
    }
}
