//! What is done only where a cache had nothing, in a function that the answer is told to run then:
//! `cache.get(id).orElseGet(() -> { Order order = orders.find(id); cache.put(id, order); return order; })`.

use distsys_engine::Attr;
use distsys_engine::OpKind;
use distsys_engine::meaning::{Effect, Found, Mode, Operand};
use distsys_facts::{FunctionId, SiteId};

use crate::Context;

/// Where the function that runs on a miss is gone into for what loads and fills.
const MAX_DEPTH: u32 = 2;

/// A load and what fills the cache with it, each with the read whose miss they are for.
pub(crate) fn run_on_miss(
    context: &Context<'_>,
    is_load: fn(&Effect) -> bool,
    fills: fn(&Context<'_>, SiteId, SiteId) -> bool,
) -> Vec<(SiteId, SiteId, SiteId)> {
    let meaning = context.meaning;
    let mut found = Vec::new();
    for op in meaning.operations.of_kind(OpKind::Apply) {
        let is_for_absent =
            matches!(meaning.attribute(op, Attr::Condition), Found::Is(Operand::Text(text)) if text == "absent");
        let Some(answer) = meaning.program.call(op.site).and_then(|call| call.receiver).filter(|_| is_for_absent)
        else {
            continue;
        };
        let from = meaning.made_from(answer);
        let reads = meaning.effects.in_function(op.function).filter(|(effect, row)| {
            effect.kind == OpKind::CacheRead
                && meaning.program.call(row.site).is_some_and(|call| from.contains(&call.result))
        });
        let mut reads: Vec<SiteId> = reads.map(|(_, row)| row.site).filter(|site| *site != op.site).collect();
        reads.dedup();
        let runs = meaning.invocations.at(op.site).filter(|run| run.mode == Mode::Inline).map(|run| run.function);
        let filled: Vec<(SiteId, SiteId)> =
            runs.flat_map(|function| filled_in(context, function, is_load, fills, 0)).collect();
        found.extend(reads.iter().flat_map(|read| filled.iter().map(|(load, write)| (*load, *read, *write))));
    }
    found
}

/// The loads of a function that fill a cache, each with the site that does so.
fn filled_in(
    context: &Context<'_>,
    function: FunctionId,
    is_load: fn(&Effect) -> bool,
    fills: fn(&Context<'_>, SiteId, SiteId) -> bool,
    depth: u32,
) -> Vec<(SiteId, SiteId)> {
    let meaning = context.meaning;
    let sites = |test: &dyn Fn(&Effect) -> bool| {
        let mut sites: Vec<SiteId> =
            meaning.effects.in_function(function).filter(|(effect, _)| test(effect)).map(|(_, row)| row.site).collect();
        sites.dedup();
        sites
    };
    let loads = sites(&|effect| is_load(effect));
    let writes = sites(&|effect| effect.kind == OpKind::CacheWrite);
    let mut filled = Vec::new();
    for &write in &writes {
        // A helper that does both.
        if loads.contains(&write) && depth < MAX_DEPTH {
            let inner = meaning.resolution.calls_at(write).iter().map(|edge| edge.function);
            filled.extend(inner.flat_map(|function| filled_in(context, function, is_load, fills, depth + 1)));
        }
        let before = loads.iter().copied().filter(|load| *load != write && meaning.precedes(*load, write));
        filled.extend(before.filter(|load| fills(context, *load, write)).map(|load| (load, write)));
    }
    filled
}
