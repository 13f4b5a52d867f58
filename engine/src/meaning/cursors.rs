//! Loops over the rows of an open cursor, which keeps its connection until the last one: `for rows.Next() { … }`.

use distsys_facts::RegionKind;

use super::scopes::{Builder, Extent, Scope};
use crate::operation::OpKind;

impl Builder<'_, '_, '_> {
    /// The loops whose condition asks a cursor for its next row.
    pub(super) fn by_cursor(&self) -> Vec<Scope> {
        let program = self.reader.program;
        let r = &program.facts.relations;
        let mut found = Vec::new();
        for op in self.operations.of_kind(OpKind::ConnectionAcquire).filter(|op| self.has_with(op)) {
            let Some(call) = program.call(op.site) else { continue };
            let asks = |asked| asked == call.result || program.assigned_from(asked).any(|row| row.src == call.result);
            let loops =
                program.regions_by_function.of(&r.region, op.function).filter(|row| row.kind == RegionKind::Loop);
            let turn = loops.into_iter().find(|row| {
                program.condition_by_region.of(&r.condition, row.region).any(|condition| asks(condition.var))
            });
            found.extend(turn.map(|turn| Scope {
                kind: OpKind::ConnectionAcquire,
                op: None,
                origin: call.receiver.and_then(|rows| self.reader.maker(rows)).map(|query| query.site),
                steps: Vec::new(),
                function: op.function,
                extent: Extent::Region(turn.region),
                endless: false,
                closers: Vec::new(),
                lazy: false,
                passed_on: false,
            }));
        }
        found
    }
}
