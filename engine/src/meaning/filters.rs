//! Filters: the columns by which an object or a keyword says which rows are meant.

use distsys_facts::{SiteId, VarId};

use super::columns::MAX_CONDITION;
use super::reader::Reader;

/// The column that a keyword asks for in some way: `leased_until__lt`.
pub(super) fn without_lookup(keyword: &str) -> &str {
    const LOOKUPS: &[&str] = &["exact", "gt", "gte", "in", "isnull", "lt", "lte", "ne", "not"];
    match keyword.rsplit_once("__") {
        Some((column, lookup)) if LOOKUPS.contains(&lookup) => column,
        _ => keyword,
    }
}

impl<'m> Reader<'m, '_> {
    /// The columns that an object names by which rows are chosen: `findFirst({ where: { id, leasedUntil: { lt: now } } })`,
    /// `findOne({ leasedUntil: null })`.
    pub(super) fn columns_in_filters(&self, site: SiteId) -> Vec<&'m str> {
        let program = self.program;
        let r = &program.facts.relations;
        let Some(call) = self.call(site) else { return Vec::new() };
        let given: Vec<VarId> = program.arguments(site).filter_map(|row| self.object(row.var)).collect();
        let entries = |object: VarId| program.entry_by_var.of(&r.entry, object);
        let filters = given.iter().flat_map(|object| entries(*object)).filter(|row| program.text(row.key) == "where");
        let mut stack: Vec<(VarId, u32)> = filters.map(|row| (row.value, 0)).collect();
        if matches!(program.text(call.name), "findOne" | "find_one" | "FindOne") {
            stack.extend(given.first().map(|object| (*object, 0)));
        }
        let mut asked = Vec::new();
        while let Some((var, depth)) = stack.pop() {
            for row in self.object(var).into_iter().flat_map(entries) {
                let inner = program.element_by_var.of(&r.element, row.value).map(|row| row.value);
                match program.text(row.key) {
                    "AND" | "OR" | "NOT" | "$and" | "$or" | "$nor" if depth < MAX_CONDITION => {
                        stack.extend(inner.chain([row.value]).map(|var| (var, depth + 1)));
                    }
                    key => asked.push(key),
                }
            }
        }
        asked
    }
}
