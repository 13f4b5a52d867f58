//! Tables that are a queue: a loop asks for rows that are not marked, deals with each and marks it, so that it is not found again.

use distsys_engine::OpKind;
use distsys_engine::meaning::{Effect, Term};
use distsys_facts::{RegionId, RegionKind, SiteId};

use crate::Context;
use crate::handlers::Handler;

/// The loops over rows of such tables, each with the write that marks a row as dealt with.
pub(crate) fn polled(context: &Context<'_>) -> Vec<Handler> {
    let meaning = context.meaning;
    let program = meaning.program;
    let mut found = Vec::new();
    for row in program.facts.relations.region.iter().filter(|row| row.kind == RegionKind::Loop) {
        if meaning.is_out_of_scope(row.function) {
            continue;
        }
        let Some((origin, asked)) = query_of(context, row.region) else { continue };
        let within = |site: &SiteId| program.region_within(program.site(*site).region, row.region);
        let sites: Vec<SiteId> = program.sites(row.function).map(|row| row.site).filter(within).collect();
        let Some(mark) = sites.iter().copied().find(|site| marks(context, *site, origin, &asked)) else { continue };
        found.push(Handler { marked: Some(mark), ..Handler::new(origin, row.function, Some(row.region), sites) });
    }
    found
}

/// The query whose rows a loop goes over: the call that gives them, or that asks for them on a cursor which does.
fn query_of(context: &Context<'_>, region: RegionId) -> Option<(SiteId, Effect)> {
    let meaning = context.meaning;
    let program = meaning.program;
    let iterated = program.iterates_by_region.first(&program.facts.relations.iterates, region)?;
    let sources = meaning.made_from(iterated.var);
    let giving = |site: SiteId| {
        let Some(call) = program.call(site) else { return false };
        let fetches = |var| program.call_giving(var).is_some_and(|fetch| fetch.receiver == call.receiver);
        let on_cursor = || call.receiver.is_some() && sources.iter().any(|var| fetches(*var));
        sources.contains(&call.result) || iterated.var == call.result || on_cursor()
    };
    let function = program.region(region).function;
    let known = |effect: &Effect| !matches!(effect.entity, Term::Unknown | Term::Absent);
    let reads =
        meaning.effects.in_function(function).filter(|(effect, _)| effect.kind == OpKind::DbRead && known(effect));
    let reads = reads.filter(|(_, row)| !program.region_within(program.site(row.site).region, region));
    reads.filter(|(_, row)| giving(row.site)).map(|(effect, row)| (row.site, effect)).last()
}

/// Whether a write at `site` takes the row out of what the query asks for: it sets a column that the query looks at, or deletes it.
fn marks(context: &Context<'_>, site: SiteId, query: SiteId, asked: &Effect) -> bool {
    let meaning = context.meaning;
    let last = |site: SiteId, effect: &Effect| meaning.trace(site, effect).last().copied().unwrap_or(site);
    let filtered = || meaning.columns_filtered(last(query, asked));
    meaning.effects.at(site).any(|(effect, _)| {
        let of_table = effect.kind == OpKind::DbWrite && effect.entity == asked.entity;
        of_table
            && match meaning.text(effect.verb) {
                Some("delete") => true,
                Some("update") => {
                    let set = meaning.columns_written(last(site, &effect));
                    filtered().iter().any(|column| set.iter().any(|other| other.eq_ignore_ascii_case(column)))
                }
                _ => false,
            }
    })
}
