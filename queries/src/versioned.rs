//! Copies under keys with a version in them: who changes the version leaves behind all that was kept under the one before.

use distsys_engine::meaning::{Found, Name, Operand};
use distsys_engine::words::words;
use distsys_engine::{Attr, OpKind};
use distsys_facts::{SiteId, VarId, names_time};
use rustc_hash::FxHashSet;

use crate::Context;

/// What the versions are kept in that the key of a copy is made with.
#[derive(Default)]
pub(crate) struct Versions {
    /// Other keys of the cache.
    pub keys: FxHashSet<Name>,
    /// The row itself, which has another one after each change.
    pub in_row: bool,
}

/// The versions that the key is made with under which `fill` puts something into a cache.
pub(crate) fn versions(context: &Context<'_>, fill: SiteId) -> Versions {
    let meaning = context.meaning;
    let program = meaning.program;
    let mut found = Versions::default();
    for var in key_sources(context, fill) {
        if let Some(call) = program.call_giving(var) {
            let read = meaning.effects.at(call.site).filter(|(effect, _)| effect.kind == OpKind::CacheRead);
            found.keys.extend(read.filter_map(|(effect, _)| effect.key.pattern()));
        }
        if let Some(load) = program.loaded_as(var) {
            let reads_row = |var: &VarId| {
                program
                    .call_giving(*var)
                    .is_some_and(|call| meaning.effects.at(call.site).any(|(effect, _)| effect.kind == OpKind::DbRead))
            };
            found.in_row |=
                says_version(program.text(load.field)) && meaning.made_from(load.base).iter().any(reads_row);
        }
    }
    found
}

/// What a key is made from, through the parameters of what is called on the way to the cache.
fn key_sources(context: &Context<'_>, fill: SiteId) -> FxHashSet<VarId> {
    let meaning = context.meaning;
    let mut sources = FxHashSet::default();
    let Some((effect, _)) = meaning.effects.at(fill).find(|(effect, _)| effect.kind == OpKind::CacheWrite) else {
        return sources;
    };
    let mut steps = meaning.trace(fill, &effect).into_iter().rev();
    let Some(op) = steps.next().and_then(|last| context.operation(last, OpKind::CacheWrite)) else { return sources };
    if let Found::Is(Operand::Var(key)) = meaning.attribute(op, Attr::Key) {
        sources.extend(meaning.made_from(key));
    }
    for step in steps {
        let passed = meaning.resolution.passed_at(step).iter().filter(|row| sources.contains(&row.parameter));
        let given: Vec<VarId> = passed.map(|row| row.argument).collect();
        sources.extend(given.into_iter().flat_map(|var| meaning.made_from(var)));
    }
    sources
}

/// `updated_at`, `version`, `etag`
fn says_version(field: &str) -> bool {
    names_time(field)
        || words(field).iter().any(|word| matches!(word.as_str(), "etag" | "generation" | "revision" | "version"))
}
