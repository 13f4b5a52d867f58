//! Methods without a body that an annotation has write, under a name by which a library would read:
//! `@Modifying @Query("update Order o set …") int countDown(long id)`. The statement counts, and not the name.

use distsys_facts::{CallKind, FunctionFlags, FunctionId, SqlVerb};
use rustc_hash::FxHashSet;

use super::operations::{Found, Operand, Operation, Operations};
use super::own_effects::statements;
use super::reader::Reader;
use crate::operation::{Attr, OpKind};

impl Operations {
    pub(super) fn drop_misnamed(&mut self, reader: Reader<'_, '_>) {
        let program = reader.program;
        let writes = |op: &&Operation| match reader.attribute(op, Attr::Sql) {
            Found::Is(Operand::Var(var)) => {
                let mut verbs = statements(reader, var).into_iter().map(|row| row.verb);
                verbs.any(|verb| matches!(verb, SqlVerb::Insert | SqlVerb::Update | SqlVerb::Delete))
            }
            _ => false,
        };
        let annotated = self.of_kind(OpKind::Sql).filter(|op| {
            program.call(op.site).is_some_and(|call| call.kind == CallKind::Annotation)
                && program.function(op.function).flags.has(FunctionFlags::ABSTRACT)
        });
        let writing: FxHashSet<FunctionId> = annotated.filter(writes).map(|op| op.function).collect();
        let is_misnamed = |op: &Operation| {
            let edges = reader.resolution.calls_at(op.site);
            op.path.is_some()
                && matches!(op.kind, OpKind::DbRead | OpKind::DbWrite)
                && !edges.is_empty()
                && edges.iter().all(|edge| writing.contains(&edge.function))
        };
        if !writing.is_empty() {
            self.all.retain(|op| !is_misnamed(op));
        }
    }
}
