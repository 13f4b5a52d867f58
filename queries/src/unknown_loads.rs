//! Loads of which only that they are waited for is known: `await plugin.value.unfurl(url)`.

use distsys_engine::OpKind;
use distsys_facts::{CallKind, FunctionId, SiteId};

use crate::Context;
use crate::cached::is_of_process;

/// The calls of a function that it waits for and that lead nowhere we know, neither into the project nor to a library: what a
/// registry, a plugin or a container gives. Who keeps the answer on another machine, a wait away itself, saves a longer one.
pub(crate) fn unknown_loads(context: &Context<'_>, function: FunctionId) -> Vec<SiteId> {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let is_remote = |site: SiteId| {
        let mut kept = meaning.effects.at(site).filter(|(effect, _)| effect.kind == OpKind::CacheWrite);
        kept.next().is_some() && !is_of_process(context, site)
    };
    if !program.sites(function).any(|row| is_remote(row.site)) {
        return Vec::new();
    }
    let is_unknown = |site: SiteId| {
        meaning.callees(site).is_empty()
            && meaning.resolution.external_at(site).is_empty()
            && meaning.invocations.at(site).next().is_none()
            && meaning.effects.at(site).next().is_none()
    };
    let awaited = program.sites(function).filter_map(|row| program.call(row.site)).filter(|call| {
        call.kind == CallKind::Call
            && call.receiver.is_some()
            && program.arguments(call.site).next().is_some()
            && program.suspend_by_var.of(&r.suspend, call.result).next().is_some()
    });
    awaited.map(|call| call.site).filter(|site| is_unknown(*site)).collect()
}
