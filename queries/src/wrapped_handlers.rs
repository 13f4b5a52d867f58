//! What the project puts around the handler of a message: a decorator, a middleware.

use crate::Context;
use crate::done::{Done, done_at, done_under};
use crate::handlers::Handler;
use distsys_facts::{ClassId, FunctionId, SiteId};

/// A handler under what a wrapper puts around it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Under {
    pub function: FunctionId,
    /// Where the wrapper is put around it.
    pub site: SiteId,
}

/// The functions that wrappers put around a handler: each is run for the message in its place.
pub(crate) fn around(context: &Context<'_>, handler: &Handler) -> Vec<Handler> {
    let meaning = context.meaning;
    let wrapped =
        meaning.invocations.wrapped().iter().filter(|row| handler.region.is_none() && row.function == handler.function);
    let around = wrapped.filter(|row| context.in_scope(row.site)).map(|row| {
        let sites = meaning.program.sites(row.around).map(|row| row.site).collect();
        let under = Some(Under { function: row.function, site: row.site });
        Handler { function: row.around, sites, under, ..*handler }
    });
    around.collect()
}

/// What is done at `site` for the message of `handler`, where a wrapper runs many.
pub(crate) fn done_for(context: &Context<'_>, handler: &Handler, site: SiteId) -> Vec<Done> {
    let Some(under) = handler.under else { return done_at(context, site) };
    let mut done = done_under(context, site, under.site);
    done.retain(|done| done.through.is_empty() || context.function_of(done.site) == under.function);
    done
}

/// What the methods that a class brings do at `site`, where many classes fill them.
pub(crate) fn done_by(context: &Context<'_>, class: ClassId, site: SiteId) -> Vec<Done> {
    let meaning = context.meaning;
    let brought =
        meaning.callees(site).into_iter().filter(|method| meaning.program.function(*method).class == Some(class));
    let done = brought.flat_map(|method| {
        let effects = meaning.effects.in_function(method);
        effects.map(|(effect, row)| Done { through: vec![site], site: row.site, effect }).collect::<Vec<_>>()
    });
    done.collect()
}
