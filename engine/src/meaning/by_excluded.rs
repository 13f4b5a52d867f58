//! Upserts that put what came in over what is there only where it is later: `excluded.updated_at > items.updated_at`, as builders of
//! statements say it.

use distsys_facts::{SiteId, VarId, names_moment, names_time};
use rustc_hash::FxHashSet;

use super::by_time::compared;
use super::operations::Operation;
use super::reader::Reader;

/// Conditions are nested so deep in what a builder is given.
const MAX_DEPTH: u32 = 6;

/// What a builder is given has no more parts than this.
const MAX_PARTS: usize = 120;

impl<'m> Reader<'m, '_> {
    /// Whether a time of the row that came in is asked to be later than that of the row which is there.
    pub(super) fn is_newer_by_excluded(&self, op: &Operation) -> bool {
        let program = self.program;
        let mut calls = self.builders(self.chain_end(op.site));
        // `connection.execute(statement)`
        for row in program.arguments(op.call) {
            let mut ways = self.ways(row.var);
            ways.push(row.var);
            let made = ways.into_iter().filter_map(|way| program.call_giving(way));
            calls.extend(made.flat_map(|made| self.builders(made.site)));
        }
        let upserts = |name: &str| {
            let name = name.to_ascii_lowercase().replace('_', "");
            name.contains("onconflict") || name.contains("ondupl") || name.contains("upsert") || name == "clauses"
        };
        let is_upsert = calls.iter().any(|call| upserts(program.text(call.name)));
        if !is_upsert {
            return false;
        }
        let mut parts =
            Parts { reader: *self, seen: FxHashSet::default(), later: Vec::new(), taken: FxHashSet::default() };
        calls.into_iter().for_each(|call| parts.look_at(call.site, 0));
        // Of a time alone the later one is right.
        let beside = |column: &str| parts.taken.iter().any(|taken| *taken != column);
        parts.later.iter().any(|column| names_time(column) || names_moment(column) && beside(column))
    }

    /// The column of the row that came in, if `var` stands for one.
    fn excluded_column(&self, var: VarId) -> Option<&'m str> {
        let program = self.program;
        if let Some(load) = program.loaded_as(self.root(var)) {
            let of = program.loaded_as(self.root(load.base)).map(|load| program.text(load.field));
            return of.filter(|of| of.eq_ignore_ascii_case("excluded")).map(|_| program.text(load.field));
        }
        self.constant(var).and_then(excluded)
    }
}

/// `excluded.updated_at`
fn excluded(text: &str) -> Option<&str> {
    let (of, column) = text.split_once('.')?;
    of.eq_ignore_ascii_case("excluded").then_some(column)
}

/// What a builder is given, looked through part by part.
struct Parts<'r, 'm> {
    reader: Reader<'m, 'r>,
    seen: FxHashSet<VarId>,
    /// Columns of the row that came in that are asked to be more than something.
    later: Vec<&'m str>,
    /// All columns of it that are named.
    taken: FxHashSet<&'m str>,
}

impl<'m> Parts<'_, 'm> {
    /// A call and what it is given.
    fn look_at(&mut self, site: SiteId, depth: u32) {
        let reader = self.reader;
        let given: Vec<VarId> = reader.program.arguments(site).map(|row| row.var).collect();
        // `.whereRef("excluded.updated_at", ">", "items.updated_at")`
        if let [left, sign, right] = given[..]
            && let Some(sign) = reader.constant(sign)
        {
            self.compare(left, sign, Some(right));
        }
        given.into_iter().for_each(|var| self.look_in(var, depth + 1));
    }

    fn compare(&mut self, left: VarId, sign: &str, right: Option<VarId>) {
        let more = match sign {
            ">" | ">=" => Some(left),
            "<" | "<=" => right,
            _ => None,
        };
        self.later.extend(more.and_then(|var| self.reader.excluded_column(var)));
    }

    fn look_in(&mut self, var: VarId, depth: u32) {
        let reader = self.reader;
        let program = reader.program;
        let r = &program.facts.relations;
        let at = reader.root(var);
        if depth > MAX_DEPTH || self.seen.len() > MAX_PARTS || !self.seen.insert(at) {
            return;
        }
        self.taken.extend(reader.excluded_column(at));
        for row in program.binary_by_dst.of(&r.binary, at) {
            self.compare(row.left, program.text(row.operator), row.right);
        }
        if let Some(text) = reader.constant(at).or_else(|| program.template(at).map(|text| program.text(text))) {
            self.later.extend(compared(text).into_iter().filter_map(|(_, newer)| excluded(newer)));
        }
        let elements = program.element_by_var.of(&r.element, at).map(|row| row.value);
        let entries = program.entry_by_var.of(&r.entry, at).map(|row| row.value);
        let mut within: Vec<VarId> = elements.chain(entries).collect();
        if let Some(call) = program.call_giving(at) {
            within.extend(call.receiver);
            self.look_at(call.site, depth);
        }
        if let Some(function) = program.closure(at) {
            let calls: Vec<SiteId> =
                program.sites(function).map(|row| row.site).filter(|site| program.call(*site).is_some()).collect();
            calls.into_iter().for_each(|site| self.look_at(site, depth));
        }
        within.into_iter().for_each(|var| self.look_in(var, depth + 1));
    }
}
