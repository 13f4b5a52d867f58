//! Entities that only the type of what is given back says: `func (s *Store) Wallet(id) (*Wallet, error) { return first[Wallet](s.db, id) }`.

use distsys_facts::{FunctionId, SiteId, SiteKind};

use super::terms::{Describer, Term};

/// A function that makes more calls than this does more than to read what it gives.
const MAX_CALLS: usize = 4;

impl Describer<'_, '_> {
    /// The entity of a read below `callee` that names none, where the callee is called: the class of the row that it gives.
    pub(super) fn entity_given_back(&mut self, callee: FunctionId, call: Option<SiteId>) -> Option<Term> {
        let reader = self.reader;
        let program = reader.program;
        let given = program.call(call?)?.result;
        // By its own declaration: what is worked out of a row is of another class.
        let returned = program.return_type_by_function.first(&program.facts.relations.return_type, callee)?;
        let [class] = reader.entities_of(given)[..] else { return None };
        let named = program.text(program.class(class).name);
        let is_declared =
            program.text(returned.type_).split(|c: char| !c.is_alphanumeric() && c != '_').any(|part| part == named);
        let is_plain = program.method_by_class.of(&program.facts.relations.method, class).next().is_none();
        let calls = program.sites(callee).filter(|row| row.kind == SiteKind::Call).count();
        (is_declared && is_plain && calls <= MAX_CALLS).then(|| self.entity_of(class))
    }
}
