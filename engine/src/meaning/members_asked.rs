//! Updates of a document that note in a list of it what they were done for, and are done only where the list does not hold it:
//! `{ _id, applied: { $ne: id } }` with `{ $inc: …, $push: { applied: id } }`. The second time they find nothing.

use distsys_facts::VarId;
use rustc_hash::FxHashSet;

use super::by_time::plain;
use super::operations::Operation;
use super::reader::Reader;

const MAX_DEPTH: u32 = 8;
const MAX_PARTS: usize = 120;

impl<'m> Reader<'m, '_> {
    /// Whether an update adds to a list what it asks not to be in it.
    pub(super) fn adds_what_is_not_there(&self, op: &Operation) -> bool {
        let mut lists = Lists { reader: *self, seen: FxHashSet::default(), lacks: Vec::new(), gets: Vec::new() };
        self.program.arguments(op.call).for_each(|row| lists.look_in(row.var, 0));
        lists.lacks.iter().any(|(list, member)| {
            let is_list = |other: &str| plain(other) == plain(list);
            lists.gets.iter().any(|(other, added)| is_list(other) && self.is_same_value(*member, *added))
        })
    }
}

/// What an update is given, looked through part by part.
struct Lists<'r, 'm> {
    reader: Reader<'m, 'r>,
    seen: FxHashSet<VarId>,
    /// Lists that must not hold a value.
    lacks: Vec<(&'m str, VarId)>,
    /// Lists that a value is put into.
    gets: Vec<(&'m str, VarId)>,
}

impl<'m> Lists<'_, 'm> {
    fn look_in(&mut self, var: VarId, depth: u32) {
        let reader = self.reader;
        let program = reader.program;
        let r = &program.facts.relations;
        let at = reader.root(var);
        if depth > MAX_DEPTH || self.seen.len() > MAX_PARTS || !self.seen.insert(at) {
            return;
        }
        let object = reader.object(at).unwrap_or(at);
        for entry in program.entry_by_var.of(&r.entry, object) {
            let key = program.text(entry.key);
            let within = reader.object(entry.value).into_iter();
            let within = within.flat_map(|inner| program.entry_by_var.of(&r.entry, inner));
            for inner in within {
                match program.text(inner.key) {
                    "$ne" | "$nin" => self.lacks.push((key, inner.value)),
                    list if matches!(key, "$push" | "$addToSet") => self.gets.push((list, inner.value)),
                    _ => {}
                }
            }
            self.look_in(entry.value, depth + 1);
        }
        program.element_by_var.of(&r.element, object).for_each(|row| self.look_in(row.value, depth + 1));
        let Some(call) = program.call_giving(at) else { return };
        let given: Vec<VarId> = program.arguments(call.site).map(|row| row.var).collect();
        let name = plain(program.text(call.name));
        // `Criteria.where("applied").ne(id)`, `Filters.ne("applied", id)`, `update.addToSet("applied", id)`
        let named = || {
            let field = program.call_giving(reader.root(call.receiver?))?;
            reader.constant(program.arguments(field.site).next()?.var)
        };
        match (name.as_str(), &given[..]) {
            ("ne" | "nin", &[member]) => self.lacks.extend(named().map(|list| (list, member))),
            ("ne" | "nin", &[list, member]) => self.lacks.extend(reader.constant(list).map(|list| (list, member))),
            ("push" | "addtoset", &[list, member]) => {
                self.gets.extend(reader.constant(list).map(|list| (list, member)));
            }
            _ => {}
        }
        given.into_iter().chain(call.receiver).for_each(|var| self.look_in(var, depth + 1));
    }
}
