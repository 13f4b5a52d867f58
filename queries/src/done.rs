//! What is done at a site of code that is run for each message: there, or by a function that callers give it to run.

use distsys_engine::meaning::Effect;
use distsys_facts::{FunctionId, SiteId};

use crate::Context;

/// An effect of what runs at a site.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    /// The calls that lead to a function which a caller gave; none where the site itself does it.
    pub through: Vec<SiteId>,
    pub site: SiteId,
    pub effect: Effect,
}

impl Done {
    /// Where it is begun in the code that is run for the message.
    pub(crate) fn begun(&self) -> SiteId {
        self.through.first().copied().unwrap_or(self.site)
    }

    pub(crate) fn trace(&self, context: &Context<'_>) -> Vec<SiteId> {
        self.after(context.meaning.trace(self.site, &self.effect))
    }

    /// All ways down to what does it.
    pub(crate) fn traces(&self, context: &Context<'_>) -> Vec<Vec<SiteId>> {
        let ways = context.meaning.traces(self.site, &self.effect);
        ways.into_iter().map(|way| self.after(way)).collect()
    }

    fn after(&self, way: Vec<SiteId>) -> Vec<SiteId> {
        self.through.iter().copied().chain(way).collect()
    }
}

/// What is done at `site`.
pub(crate) fn done_at(context: &Context<'_>, site: SiteId) -> Vec<Done> {
    own_at(context, site).chain(given_at(context, site)).collect()
}

/// What is done at a site of what the call `wrapped` puts around the function that it is given.
pub(crate) fn done_under(context: &Context<'_>, site: SiteId, wrapped: SiteId) -> Vec<Done> {
    let given = context.meaning.given_to_run_under(site, wrapped);
    own_at(context, site).chain(done_by_given(context, given)).collect()
}

fn own_at<'c>(context: &'c Context<'_>, site: SiteId) -> impl Iterator<Item = Done> + use<'c> {
    context.meaning.effects.at(site).map(|(effect, row)| Done { through: Vec::new(), site: row.site, effect })
}

/// What the functions do that callers give to be run at `site`.
pub(crate) fn given_at(context: &Context<'_>, site: SiteId) -> Vec<Done> {
    done_by_given(context, context.meaning.given_to_run(site))
}

fn done_by_given(context: &Context<'_>, given: Vec<(Vec<SiteId>, FunctionId)>) -> Vec<Done> {
    let done = given.into_iter().flat_map(|(through, function)| {
        let effects = context.meaning.effects.in_function(function);
        effects.map(move |(effect, row)| Done { through: through.clone(), site: row.site, effect }).collect::<Vec<_>>()
    });
    done.collect()
}
