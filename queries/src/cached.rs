//! What is put into a cache.

use distsys_engine::OpKind;
use distsys_engine::words::is_identity;
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
            let passed = passed.filter(|row| carried.contains(&row.parameter));
            passed.flat_map(|row| parts(context, row.parameter, row.argument, &carried)).collect()
        };
        // Whose id is kept is not itself kept.
        carried.extend(wanted.into_iter().flat_map(|var| meaning.made_from_by(var, |field| !is_identity(field))));
    }
    carried
}

/// Of an object that is written where it is given (`paid({ event, workspace })`) the entries that are carried on.
pub(crate) fn parts(
    context: &Context<'_>,
    parameter: VarId,
    argument: VarId,
    carried: &FxHashSet<VarId>,
) -> Vec<VarId> {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let loads = program.load_by_base.of(&r.load, parameter).filter(|row| carried.contains(&row.dst));
    let fields: FxHashSet<_> = loads.map(|row| row.field).collect();
    let entries = program.entry_by_var.of(&r.entry, argument);
    let chosen: Vec<VarId> = entries.filter(|row| fields.contains(&row.key)).map(|row| row.value).collect();
    if chosen.is_empty() { vec![argument] } else { chosen }
}
