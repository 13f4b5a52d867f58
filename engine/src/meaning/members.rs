//! Where objects of the project's classes are made, and where their members are read and stored.

use distsys_facts::{CallKind, ClassId, SiteId, Sym, VarId};
use rustc_hash::FxHashMap;

use super::reader::Reader;
use crate::resolve::Resolution;

/// Indices by class, made when first asked for: a tree has many fields of one name.
#[derive(Debug, Default)]
pub(super) struct Members {
    /// The numbers of the rows of `load`, `store` and `argument` (of calls that make an object).
    loads: FxHashMap<(ClassId, Sym), Vec<u32>>,
    stores: FxHashMap<(ClassId, Sym), Vec<u32>>,
    arguments: FxHashMap<(ClassId, Sym), Vec<u32>>,
    made: FxHashMap<ClassId, Vec<SiteId>>,
}

impl Members {
    pub(super) fn new(reader: Reader<'_, '_>) -> Self {
        let r = &reader.program.facts.relations;
        let mut members = Members::default();
        // What tests put into an object says nothing of what is in it when the program runs.
        let is_of_tests = |site: SiteId| reader.program.is_out_of_scope(reader.program.site(site).function);
        for (number, row) in r.load.iter().enumerate() {
            if let Some(class) = reader.class_of(row.base) {
                members.loads.entry((class, row.field)).or_default().push(number as u32);
            }
        }
        for (number, row) in r.store.iter().enumerate() {
            if let Some(class) = reader.class_of(row.base).filter(|_| !is_of_tests(row.site)) {
                members.stores.entry((class, row.field)).or_default().push(number as u32);
            }
        }
        for (number, row) in r.argument.iter().enumerate().filter(|(_, row)| !row.keyword.is_empty()) {
            let made = reader.program.call(row.site).and_then(|call| reader.class_of(call.result));
            if let Some(class) = made.filter(|_| !is_of_tests(row.site)) {
                members.arguments.entry((class, row.keyword)).or_default().push(number as u32);
            }
        }
        for call in r.call.iter().filter(|call| call.kind == CallKind::New) {
            if let Some(class) = reader.class_of(call.result) {
                members.made.entry(class).or_default().push(call.site);
            }
        }
        members
    }

    /// Where objects that are known to be of just this class are made.
    pub(super) fn made(&self, class: ClassId) -> &[SiteId] {
        self.made.get(&class).map_or(&[], Vec::as_slice)
    }

    /// What is read from a field of a class, of those above and of those below it.
    pub(super) fn loads(&self, reader: Reader<'_, '_>, class: ClassId, field: Sym) -> Vec<VarId> {
        let rows = &reader.program.facts.relations.load;
        in_line(reader.resolution, &self.loads, class, field).into_iter().map(|row| rows[row as usize].dst).collect()
    }

    /// Likewise, what is stored there, and what is given for it where an object is made.
    pub(super) fn stored(&self, reader: Reader<'_, '_>, class: ClassId, field: Sym) -> Vec<VarId> {
        let r = &reader.program.facts.relations;
        let stored = in_line(reader.resolution, &self.stores, class, field).into_iter();
        let given = in_line(reader.resolution, &self.arguments, class, field).into_iter();
        stored.map(|row| r.store[row as usize].src).chain(given.map(|row| r.argument[row as usize].var)).collect()
    }
}

/// The rows of a member of the classes in the line of `class`, in row order.
fn in_line(
    resolution: &Resolution,
    index: &FxHashMap<(ClassId, Sym), Vec<u32>>,
    class: ClassId,
    field: Sym,
) -> Vec<u32> {
    let below = resolution.derived(class).iter().filter(|other| resolution.ancestors(**other).contains(&class));
    let line = resolution.ancestors(class).iter().chain([&class]).chain(below);
    let mut rows: Vec<u32> = line.filter_map(|class| index.get(&(*class, field))).flatten().copied().collect();
    rows.sort_unstable();
    rows.dedup();
    rows
}
