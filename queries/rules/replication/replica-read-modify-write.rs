//! A value read from a replica goes into a write on the primary, or decides it.

use std::cell::RefCell;

use ascent::ascent_run;
use distsys_engine::OpKind;
use distsys_engine::meaning::{Effect, EffectFlags, EffectId, Role};
use distsys_facts::{FunctionId, SiteId};
use rustc_hash::FxHashMap;

use crate::amounts::decides_by_amount;
use crate::carried::{is_looked_at, is_made_anew, rests_on};
use crate::finding::{Category, Finding, Maturity, RuleInfo, Severity};
use crate::other_keys::has_other_keys;
use crate::routed::Routed;
use crate::{Context, FindingBuilder, Rule};

pub(crate) static RULE: Rule = Rule {
    info: RuleInfo {
        slug: "replica-read-modify-write",
        category: Category::Replication,
        severity: Severity::Blocker,
        maturity: Maturity::Stable,
        yields_to: &["write-then-replica-read"],
        summary: "a value from a replica decides a write on the primary",
        page: include_str!("replica-read-modify-write.md"),
    },
    judge,
};

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let mut stale: Vec<(FunctionId, SiteId, EffectId)> = Vec::new();
    let mut writes: Vec<(FunctionId, SiteId, EffectId)> = Vec::new();
    let mut locks: Vec<(FunctionId, SiteId, EffectId)> = Vec::new();
    let routed = Routed::new(context);
    for row in meaning.effects.rows() {
        let effect = meaning.effects.get(row.effect);
        let function = context.function_of(row.site);
        if effect.flags.has(EffectFlags::BACKGROUND) || effect.flags.has(EffectFlags::AFTER_COMMIT) {
            continue;
        }
        match effect.kind {
            OpKind::DbRead if routed.role(context, row.site, &effect) == Role::Replica => stale.push((function, row.site, row.effect)),
            // Read again, under a lock: what was read before was only a hint.
            OpKind::DbRead if effect.flags.has(EffectFlags::ROW_LOCK) => locks.push((function, row.site, row.effect)),
            OpKind::DbWrite if effect.role != Role::Replica && !effect.flags.has(EffectFlags::CONDITIONAL) && !is_made_anew(context, &effect) => {
                writes.push((function, row.site, row.effect));
            }
            _ => {}
        }
    }
    let same = |read: EffectId, write: EffectId| {
        let read = meaning.effects.get(read).entity_name();
        read.is_some() && read == meaning.effects.get(write).entity_name()
    };
    let of_other_keys = |read: SiteId, write: SiteId, effect: EffectId| {
        meaning.effects.get(effect).entity_name().is_some_and(|entity| has_other_keys(context, write, read, entity))
    };
    // Of rows that are not known it may be any.
    let again = |read: EffectId, lock: EffectId| {
        meaning.effects.get(lock).entity_name().is_none_or(|lock| meaning.effects.get(read).entity_name() == Some(lock))
    };
    // By one call, both: `in_transaction(|tx| { let row = lock(tx, id); save(tx, row) })`.
    // Asked for every pair of a read and a write, of few sites.
    let locks_first: RefCell<FxHashMap<SiteId, bool>> = RefCell::default();
    let comes_first = |lock: SiteId, write: SiteId| match lock == write {
        true => *locks_first.borrow_mut().entry(write).or_insert_with(|| meaning.locks_first(write)),
        false => meaning.precedes(lock, write),
    };
    let program = ascent_run! {
        relation stale(FunctionId, SiteId, EffectId) = stale;
        relation writes(FunctionId, SiteId, EffectId) = writes;
        relation locks(FunctionId, SiteId, EffectId) = locks;
        relation before(FunctionId, SiteId, EffectId, SiteId, EffectId);
        before(f, r, re, w, we) <-- stale(f, r, re), writes(f, w, we), if r != w && meaning.precedes(*r, *w);
        relation read_again(SiteId, SiteId);
        read_again(r, w) <--
            before(f, r, re, w, _), locks(f, l, le),
            if meaning.precedes(*r, *l) && comes_first(*l, *w) && again(*re, *le) && is_looked_at(context, *l, *w);
        relation found(SiteId, SiteId, EffectId, EffectId);
        found(w, r, re, we) <-- before(_, r, re, w, we), !read_again(r, w), if same(*re, *we) && rests_on(context, *r, *w, &meaning.effects.get(*we)), if !of_other_keys(*r, *w, *re);
        // How much there is decides what else is written, too.
        found(w, r, re, we) <--
            before(_, r, re, w, we), !read_again(r, w), if !same(*re, *we) && decides_by_amount(context, (*r, &meaning.effects.get(*re)), (*w, &meaning.effects.get(*we)));
    };
    let mut found = program.found;
    found.sort_unstable();
    let mut by_place: FxHashMap<SiteId, (SiteId, SiteId, Effect, Effect)> = FxHashMap::default();
    for (write, read, re, we) in found {
        if !context.in_scope(write) || by_place.contains_key(&read) {
            continue;
        }
        // `updateMany({ where: { id, closedAt: null }, data: { closedAt } })`: a state that is gone is not found.
        let trace = meaning.trace(write, &meaning.effects.get(we));
        let compares = trace.last().is_some_and(|last| meaning.compares_and_sets(*last));
        let apart = trace.len() + meaning.trace(read, &meaning.effects.get(re)).len();
        if !compares && apart <= MAX_APART {
            by_place.insert(read, (read, write, meaning.effects.get(re), meaning.effects.get(we)));
        }
    }
    // What so many read through one reader has one cause: the nearest is told, with the others as places.
    let mut by_reader: FxHashMap<SiteId, Vec<Found>> = FxHashMap::default();
    for (read, write, re, we) in by_place.into_values() {
        let trace = meaning.trace(read, &re);
        let reader = trace.last().copied().unwrap_or(read);
        by_reader.entry(reader).or_default().push((trace.len(), read, write, re, we));
    }
    let told = by_reader.into_values().flat_map(|mut all| {
        all.sort_unstable_by_key(|(length, read, ..)| (*length, *read));
        let shared = if all.len() < MANY { all.len() } else { 1 };
        let others: Vec<SiteId> = all.split_off(shared).iter().map(|(_, read, ..)| *read).collect();
        all.into_iter().map(|(_, read, write, re, we)| report(context, read, write, &re, &we, &others)).collect::<Vec<_>>()
    });
    told.collect()
}

/// Calls from where read and write meet down to both: what lies further apart seldom is about the same row.
const MAX_APART: usize = 11;

/// How far the read is from where it is called, the read, the write, and what they do.
type Found = (usize, SiteId, SiteId, Effect, Effect);

/// A reader through which so many read what they then write is the place to mend.
const MANY: usize = 6;

/// So many other places of one reader are shown.
const MAX_SHOWN: usize = 8;

fn report(context: &Context<'_>, read: SiteId, write: SiteId, re: &Effect, we: &Effect, others: &[SiteId]) -> Finding {
    let meaning = context.meaning;
    let (reads, writes) = (meaning.trace(read, re), meaning.trace(write, we));
    let message = format!(
        "{} is read from a replica, and what it said decides a write on the primary; the replica may be behind, so the write rests on a state that is gone",
        context.quoted(re.entity)
    );
    let mut builder = FindingBuilder::new(context, &RULE.info, context.primary(&reads), message)
        .subject(meaning.text(re.entity).unwrap_or_default())
        .rests_on(context.confidence_of(read, re).min(context.confidence_of(write, we)))
        .steps(context.steps(&reads, re))
        .steps(context.steps(&writes, we));
    for other in others.iter().take(MAX_SHOWN) {
        builder = builder.step(*other, "and likewise here");
    }
    builder
        .checked("no second read on the primary under a lock, and no version in the write's condition")
        .help("read on the primary what a write depends on, under a row lock or with its version in the write's condition")
        .build()
}
