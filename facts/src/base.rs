//! [`FactBase`]: the relations with their text and the number of ids of each kind, of one file or of a whole tree.

use crate::column::Relocation;
use crate::ids::{Id, IdKind, Sym};
use crate::interner::Interner;
use crate::schema::Relations;

/// Facts of one file (as a front end makes them) or of many (as [`FactBase::merge`] makes them).
///
/// Invariant: every id in `relations` is below the count of its kind, every symbol is in `symbols`.
#[derive(Clone, Debug, Default)]
pub struct FactBase {
    pub symbols: Interner,
    pub relations: Relations,
    counts: [u32; IdKind::ALL.len()],
}

impl FactBase {
    /// The next unused id of its kind.
    pub fn fresh<I: Id>(&mut self) -> I {
        let count = &mut self.counts[I::KIND as usize];
        let id = I::new(*count as usize);
        *count += 1;
        id
    }

    /// The number of ids of a kind.
    pub fn count(&self, kind: IdKind) -> usize {
        self.counts[kind as usize] as usize
    }

    pub(crate) fn counts(&self) -> [u32; IdKind::ALL.len()] {
        self.counts
    }

    pub(crate) fn from_parts(symbols: Interner, relations: Relations, counts: [u32; IdKind::ALL.len()]) -> Self {
        FactBase { symbols, relations, counts }
    }

    pub fn text(&self, sym: Sym) -> &str {
        self.symbols.text(sym)
    }

    pub fn intern(&mut self, text: &str) -> Sym {
        self.symbols.intern(text)
    }

    /// One base from the facts of many files, in the order given: ids are offset, symbols interned anew.
    ///
    /// The result depends on the order of `parts` alone, not on threads.
    pub fn merge(parts: &[FactBase]) -> FactBase {
        let mut symbols = Interner::default();
        let tables: Vec<Vec<Sym>> =
            parts.iter().map(|part| part.symbols.iter().map(|text| symbols.intern(text)).collect()).collect();
        let mut offsets = [0u32; IdKind::ALL.len()];
        let mut moved = Vec::with_capacity(parts.len());
        for (part, table) in parts.iter().zip(&tables) {
            moved.push((&part.relations, Relocation { symbols: table, offsets }));
            for (offset, count) in offsets.iter_mut().zip(part.counts) {
                *offset += count;
            }
        }
        let mut relations = Relations::default();
        relations.append_all(&moved);
        FactBase { symbols, relations, counts: offsets }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{ModuleId, VarId};
    use crate::schema::Export;

    #[test]
    fn merging_moves_ids_and_symbols() {
        let part = |name: &str| {
            let mut base = FactBase::default();
            let module: ModuleId = base.fresh();
            let var: VarId = base.fresh();
            let name = base.intern(name);
            base.relations.export.push(Export { module, name, var });
            base
        };
        let merged = FactBase::merge(&[part("b"), part("a")]);
        let names: Vec<&str> = merged.relations.export.iter().map(|row| merged.text(row.name)).collect();
        assert_eq!(names, ["b", "a"]);
        assert_eq!(merged.relations.export[1].var.index(), 1);
        assert_eq!(merged.count(IdKind::Module), 2);
    }
}
