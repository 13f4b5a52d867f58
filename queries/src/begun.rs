//! Work for a message that has only been begun when the message is acknowledged: a task of its own does it, and nobody waits.

use distsys_engine::OpKind;
use distsys_engine::meaning::{Effect, EffectFlags};
use distsys_facts::{FunctionId, RegionId, RegionKind, SiteId, VarId};

use crate::Context;
use crate::done::Done;
use crate::handlers::is_work;

/// What is begun for the message that `ack` acknowledges, before it and in the same turn, and not waited for.
pub(crate) fn begun_before(context: &Context<'_>, function: FunctionId, ack: SiteId) -> Option<Done> {
    let meaning = context.meaning;
    let program = meaning.program;
    let turn = |site: SiteId| -> Option<RegionId> {
        let mut around = program.regions_outward(program.site(site).region);
        around.find(|row| row.kind == RegionKind::Loop).map(|row| row.region)
    };
    let message = of_message(context, ack);
    let mut effects = meaning.effects.in_function(function).filter(|(effect, row)| {
        let site = row.site;
        is_begun(context, site, effect)
            && site < ack
            && meaning.precedes(site, ack)
            && turn(site) == turn(ack)
            && carries(context, site, &message)
    });
    let Some((effect, row)) = effects.next() else { return begun_by_taker(context, function, ack) };
    let waits = |site: SiteId| {
        let joins = |kind: OpKind| matches!(kind, OpKind::Join | OpKind::Gather);
        site > row.site && site < ack && meaning.operations.at(site).any(|op| joins(op.kind))
    };
    let is_waited_for = program.sites(function).any(|row| waits(row.site));
    (!is_waited_for).then_some(Done { through: Vec::new(), site: row.site, effect })
}

/// Whether a task of its own does the work of an effect, and nobody holds it.
fn is_begun(context: &Context<'_>, site: SiteId, effect: &Effect) -> bool {
    effect.flags.has(EffectFlags::BACKGROUND)
        && is_work(context, &Effect { flags: EffectFlags::default(), ..*effect })
        && context.operation(site, OpKind::Spawn).is_some()
        && is_dropped(context, site)
}

/// What a loop begins that is given the messages one after the other, each acknowledged when the loop asks for the next:
/// `yield message`, then the acknowledgement.
fn begun_by_taker(context: &Context<'_>, function: FunctionId, ack: SiteId) -> Option<Done> {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let mut given = program.yields_by_function.of(&r.yields, function);
    given.find(|row| row.site < ack && meaning.precedes(row.site, ack))?;
    meaning.callers(function).iter().filter(|caller| context.in_scope(**caller)).find_map(|caller| {
        let taken = program.call(*caller)?.result;
        let taker = context.function_of(*caller);
        let mut loops = program.regions_by_function.of(&r.region, taker).filter(|row| row.kind == RegionKind::Loop);
        let turn = loops.find(|turn| {
            let mut over = program.iterates_by_region.of(&r.iterates, turn.region);
            over.any(|row| row.var == taken || meaning.made_from(row.var).contains(&taken))
        })?;
        let mut effects = meaning.effects.in_function(taker);
        let within = |site: SiteId| program.region_within(program.site(site).region, turn.region);
        let message = sources(context, std::iter::once(taken));
        let of_turn = |site: SiteId| carries(context, site, &message) || message.is_empty();
        let (effect, row) = effects
            .find(|(effect, row)| within(row.site) && is_begun(context, row.site, effect) && of_turn(row.site))?;
        Some(Done { through: Vec::new(), site: row.site, effect })
    })
}

/// What the acknowledged message is held in.
fn of_message(context: &Context<'_>, ack: SiteId) -> Vec<VarId> {
    let program = context.meaning.program;
    // `message.ack()`, `reader.commit(message)`
    let receiver = program.call(ack).and_then(|call| call.receiver);
    let mut given =
        program.arguments(ack).map(|row| row.var).filter(|var| !context.meaning.is_carrier(*var)).peekable();
    let receiver = receiver.filter(|_| given.peek().is_none());
    sources(context, given.chain(receiver))
}

/// The variables, parameters among them, that values are made from.
fn sources(context: &Context<'_>, vars: impl Iterator<Item = VarId>) -> Vec<VarId> {
    let program = context.meaning.program;
    let made = vars.flat_map(|var| context.meaning.made_from(var).into_iter().chain([var]));
    let made = made.filter(|var| !context.meaning.is_carrier(*var));
    made.filter(|var| program.variable(*var).is_some() || program.parameter(*var).is_some()).collect()
}

/// Whether what is begun at `site` is given the message: as an argument, or in a closure that has seen it.
fn carries(context: &Context<'_>, site: SiteId, message: &[VarId]) -> bool {
    let program = context.meaning.program;
    let given: Vec<VarId> = program.arguments(site).map(|row| row.var).collect();
    let seen = given
        .iter()
        .filter_map(|var| program.closure(*var))
        .flat_map(|function| program.captured_by(function).map(|row| row.var));
    let begun = given
        .iter()
        .filter_map(|var| program.call_giving(*var))
        .flat_map(|call| program.arguments(call.site))
        .map(|row| row.var);
    let held: Vec<VarId> = given.iter().copied().chain(seen).chain(begun).collect();
    sources(context, held.into_iter()).iter().any(|var| message.contains(var))
}

/// Whether nobody holds what would be waited for.
fn is_dropped(context: &Context<'_>, site: SiteId) -> bool {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    program.call(site).is_some_and(|call| {
        program.assign_by_src.of(&r.assign, call.result).next().is_none()
            && program.argument_by_var.of(&r.argument, call.result).next().is_none()
            && program.suspend_by_var.first(&r.suspend, call.result).is_none()
            && program.calls_by_receiver.of(&r.call, call.result).next().is_none()
    })
}
