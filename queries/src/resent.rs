//! Sweeps that send again: a loop over rows that a query finds sends the same message about each.

use distsys_engine::OpKind;
use distsys_engine::meaning::{EffectId, Name};
use distsys_facts::SiteId;
use rustc_hash::FxHashSet;

use crate::Context;
use crate::transactions::loop_sources;

/// The messages that sweeps send, by the operation that does, each with the entity whose rows they are about.
#[derive(Debug, Default)]
pub(crate) struct Resent {
    sent: FxHashSet<(Name, SiteId)>,
}

impl Resent {
    pub(crate) fn new(context: &Context<'_>) -> Resent {
        let meaning = context.meaning;
        let mut sent = FxHashSet::default();
        for row in meaning.effects.rows() {
            let effect = meaning.effects.get(row.effect);
            let function = context.function_of(row.site);
            if effect.kind != OpKind::Publish || meaning.is_requested(function) {
                continue;
            }
            let sources = loop_sources(context, row.site);
            if sources.is_empty() {
                continue;
            }
            let Some(&last) = meaning.trace(row.site, &effect).last() else { continue };
            let read = meaning.effects.in_function(function).filter(|(read, row)| {
                let gives = meaning.program.call(row.site).is_some_and(|call| sources.contains(&call.result));
                read.kind == OpKind::DbRead && gives
            });
            sent.extend(read.filter_map(|(read, _)| Some((read.entity_name()?, last))));
        }
        Resent { sent }
    }

    /// Whether a sweep sends what is sent at `send` again for rows of what is written.
    pub(crate) fn holds(&self, context: &Context<'_>, (send, message): (SiteId, EffectId), written: EffectId) -> bool {
        let meaning = context.meaning;
        let entity = meaning.effects.get(written).entity_name();
        let last = || meaning.trace(send, &meaning.effects.get(message)).last().copied();
        !self.sent.is_empty() && entity.zip(last()).is_some_and(|known| self.sent.contains(&known))
    }
}
