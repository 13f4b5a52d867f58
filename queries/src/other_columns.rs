//! Writes and reads of one entity that have no column in common: a mark of when a key was last used, and whose key it is.

use distsys_engine::OpKind;
use distsys_engine::meaning::{Effect, Name};
use distsys_engine::words::words;
use distsys_facts::SiteId;

use crate::Context;

/// Whether all that is written of an entity at one site sets columns which nothing that is read of it at the other takes or
/// asks for. Columns that are not known may be any.
pub(crate) fn sets_other_columns(context: &Context<'_>, write: SiteId, read: SiteId, entity: Name) -> bool {
    let meaning = context.meaning;
    let of = |site: SiteId, kind: OpKind| {
        let effects = meaning.effects.at(site).map(|(effect, _)| effect);
        effects.filter(move |effect| effect.kind == kind && effect.entity_name() == Some(entity))
    };
    let last = |site: SiteId, effect: &Effect| meaning.trace(site, effect).last().copied().unwrap_or(site);
    let word = |column: &str| words(column).concat();
    let written: Option<Vec<String>> = of(write, OpKind::DbWrite)
        .map(|effect| {
            let changes = matches!(meaning.text(effect.verb), Some("update" | "increment"));
            let columns = if changes { meaning.columns_written(last(write, &effect)) } else { Vec::new() };
            (!columns.is_empty()).then(|| columns.into_iter().map(word).collect::<Vec<String>>())
        })
        .collect::<Option<Vec<_>>>()
        .map(|all| all.concat());
    let Some(written) = written.filter(|written| !written.is_empty()) else { return false };
    of(read, OpKind::DbRead).all(|effect| {
        let at = last(read, &effect);
        let taken = meaning.columns_read(at);
        let filtered = meaning.columns_filtered(at);
        taken.is_some_and(|taken| !taken.into_iter().chain(filtered).any(|column| written.contains(&word(column))))
    })
}
