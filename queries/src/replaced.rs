//! Sets of rows that are replaced: those that are there are read, the read ones deleted, and others put in.

use distsys_engine::OpKind;
use distsys_engine::meaning::{EffectFlags, Name, Role};
use distsys_facts::{FunctionId, SiteId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::Context;
use crate::handlers::is_unique;

/// Rows that a function reads, deletes by what it has read, and puts others in the place of.
pub(crate) struct Replaced {
    pub entity: Name,
    pub read: SiteId,
    pub delete: SiteId,
    pub insert: SiteId,
}

/// All such places: two that read the same rows delete them once, and both put in theirs.
pub(crate) fn replaced(context: &Context<'_>) -> Vec<Replaced> {
    let meaning = context.meaning;
    let mut by_entity: FxHashMap<(FunctionId, Name), Done> = FxHashMap::default();
    for row in meaning.effects.rows() {
        let effect = meaning.effects.get(row.effect);
        let Some(entity) = effect.entity_name().filter(|_| meaning.callees(row.site).is_empty()) else { continue };
        let apart = effect.flags.has(EffectFlags::CONDITIONAL) || effect.flags.has(EffectFlags::BACKGROUND);
        let sites_of: fn(&mut Done) -> &mut Vec<SiteId> = match (effect.kind, meaning.text(effect.verb)) {
            (OpKind::DbRead, _) if effect.role != Role::Replica => |done| &mut done.reads,
            (OpKind::DbWrite, Some("delete")) if !apart => |done| &mut done.deletes,
            (OpKind::DbWrite, Some("insert"))
                if !apart && !is_of_one(context, row.site) && !is_unique(context, row.site, &effect) =>
            {
                |done| &mut done.inserts
            }
            _ => continue,
        };
        sites_of(by_entity.entry((context.function_of(row.site), entity)).or_default()).push(row.site);
    }
    let mut found = Vec::new();
    for ((_, entity), done) in by_entity {
        for &delete in &done.deletes {
            let asked: FxHashSet<_> =
                meaning.chain_arguments(delete).into_iter().flat_map(|var| meaning.made_from(var)).collect();
            let is_asked = |read: &SiteId| meaning.program.call(*read).is_some_and(|call| asked.contains(&call.result));
            let read = done.reads.iter().copied().find(|read| meaning.precedes(*read, delete) && is_asked(read));
            let insert = done.inserts.iter().copied().find(|insert| meaning.precedes(delete, *insert));
            if let (Some(read), Some(insert)) = (read, insert) {
                found.push(Replaced { entity, read, delete, insert });
            }
        }
    }
    found.sort_unstable_by_key(|replaced| (replaced.delete, replaced.insert));
    found
}

/// Whether an insert says the columns of one row: that is no set.
fn is_of_one(context: &Context<'_>, insert: SiteId) -> bool {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let named = program.arguments(insert).any(|row| !program.text(row.keyword).is_empty());
    let given = context.meaning.chain_arguments(insert);
    named || given.into_iter().any(|var| program.entry_by_var.of(&r.entry, var).next().is_some())
}

/// What a function does to the rows of one entity.
#[derive(Default)]
struct Done {
    reads: Vec<SiteId>,
    deletes: Vec<SiteId>,
    inserts: Vec<SiteId>,
}
