//! What is put into a cache.

use distsys_engine::OpKind;
use distsys_facts::{SiteId, VarId};
use rustc_hash::FxHashSet;

use crate::Context;

/// What the value is made from that is cached at `write` or by what it calls, through the parameters of what is called in
/// between, in all of these functions. The key is no part of it.
pub(crate) fn carried(context: &Context<'_>, write: SiteId) -> FxHashSet<VarId> {
    let meaning = context.meaning;
    let program = meaning.program;
    let mut carried: FxHashSet<VarId> = FxHashSet::default();
    let Some((effect, _)) = meaning.effects.at(write).find(|(effect, _)| effect.kind == OpKind::CacheWrite) else {
        return carried;
    };
    let trace = meaning.trace(write, &effect);
    for (depth, site) in trace.iter().enumerate().rev() {
        let wanted: Vec<VarId> = if depth + 1 == trace.len() {
            let mut arguments: Vec<VarId> = program.arguments(*site).map(|row| row.var).collect();
            if arguments.len() > 1 {
                arguments.remove(0);
            }
            arguments
        } else {
            let passed = meaning.resolution.passed_at(*site).iter();
            passed.filter(|row| carried.contains(&row.parameter)).map(|row| row.argument).collect()
        };
        carried.extend(wanted.into_iter().flat_map(|var| meaning.made_from(var)));
    }
    carried
}
