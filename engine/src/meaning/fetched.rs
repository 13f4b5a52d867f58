//! Rows that are fetched from a cursor on which a statement was run before, as PEP 249 has it:
//! `cursor.execute("select …")`, then `cursor.fetchone()` or a loop over the cursor.

use distsys_facts::{FunctionId, SiteId, Sym, VarId};
use rustc_hash::FxHashMap;

use super::operations::Operations;
use super::order::Order;
use crate::model::Family;
use crate::operation::OpKind;
use crate::program::Program;
use crate::resolve::Resolution;

fn fetches(method: &str) -> bool {
    matches!(method, "fetchone" | "fetchmany" | "fetchall")
}

/// A cursor, as a function names it: a variable, or a field of one.
type Cursor = (FunctionId, VarId, Option<Sym>);

/// What is fetched, with the results of the statements that may have been run last on the cursor.
pub(super) fn fetched(
    program: &Program<'_>,
    resolution: &Resolution,
    operations: &Operations,
    order: &Order,
) -> FxHashMap<VarId, Vec<VarId>> {
    let r = &program.facts.relations;
    let named = |function: FunctionId, var: VarId| -> Cursor {
        match program.loaded_as(var) {
            Some(load) => (function, load.base, Some(load.field)),
            None => (function, var, None),
        }
    };
    let mut run: FxHashMap<Cursor, Vec<SiteId>> = FxHashMap::default();
    for op in operations.of_kind(OpKind::Sql).filter(|op| op.family == Family::Python) {
        if let Some(cursor) = program.call(op.site).and_then(|call| call.receiver) {
            run.entry(named(op.function, cursor)).or_default().push(op.site);
        }
    }
    let mut found: FxHashMap<VarId, Vec<VarId>> = FxHashMap::default();
    if run.is_empty() {
        return found;
    }
    let last_before = |cursor: Cursor, site: SiteId| -> Vec<VarId> {
        let all = run.get(&cursor).map_or(&[][..], Vec::as_slice);
        let is_last = |at: &SiteId| {
            let others: Vec<SiteId> = all.iter().copied().filter(|other| other != at).collect();
            order.precedes(program, *at, site) && order.avoids(program, *at, &others, site)
        };
        all.iter().copied().filter(is_last).filter_map(|at| program.call(at)).map(|call| call.result).collect()
    };
    for call in r.call.iter().filter(|call| fetches(program.text(call.name))) {
        let Some(receiver) = call.receiver.filter(|_| resolution.calls_at(call.site).is_empty()) else { continue };
        let rows = last_before(named(program.site(call.site).function, receiver), call.site);
        if !rows.is_empty() {
            found.insert(call.result, rows);
        }
    }
    // `if cursor.rowcount == 0`: how many rows the statement wrote.
    for row in &r.binary {
        for side in std::iter::once(row.left).chain(row.right) {
            let Some(load) = program.loaded_as(side).filter(|load| program.text(load.field) == "rowcount") else {
                continue;
            };
            let written = last_before(named(program.site(row.site).function, load.base), row.site);
            if !written.is_empty() {
                found.entry(side).or_insert(written);
            }
        }
    }
    for row in &r.iterates {
        let region = program.region(row.region);
        let inside = |region| program.regions_outward(region).any(|outer| outer.region == row.region);
        let first = program.sites(region.function).find(|site| inside(site.region));
        let Some(first) = first else { continue };
        let rows = last_before(named(region.function, row.var), first.site);
        for load in program.load_by_base.of(&r.load, row.var).filter(|load| program.text(load.field) == "[*]") {
            if !rows.is_empty() {
                found.entry(load.dst).or_insert_with(|| rows.clone());
            }
        }
    }
    found
}
