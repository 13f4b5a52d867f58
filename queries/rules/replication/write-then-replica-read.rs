//! An entity is written on the primary and then, on the same path, read from a replica that may not have it yet.

use ascent::ascent_run;
use distsys_engine::OpKind;
use distsys_engine::meaning::{Effect, EffectFlags, Name, Role};
use distsys_facts::{FunctionId, SiteId};
use rustc_hash::FxHashMap;

use crate::carried::rests_on;
use crate::finding::{Category, Finding, Maturity, RuleInfo, Severity};
use crate::other_columns::sets_other_columns;
use crate::other_keys::has_other_keys;
use crate::routed::Routed;
use crate::{Context, FindingBuilder, Rule};

pub(crate) static RULE: Rule = Rule {
    info: RuleInfo {
        slug: "write-then-replica-read",
        category: Category::Replication,
        severity: Severity::Major,
        maturity: Maturity::Stable,
        yields_to: &[],
        summary: "what was just written is read back from a replica",
        page: include_str!("write-then-replica-read.md"),
    },
    judge,
};

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let mut write: Vec<(FunctionId, SiteId, Name)> = Vec::new();
    let mut replica_read: Vec<(FunctionId, SiteId, Name)> = Vec::new();
    let mut sync: Vec<(FunctionId, SiteId)> = Vec::new();
    let mut witness: FxHashMap<(SiteId, Name, OpKind), Effect> = FxHashMap::default();
    let routed = Routed::new(context);
    for row in meaning.effects.rows() {
        let effect = meaning.effects.get(row.effect);
        let function = context.function_of(row.site);
        if effect.kind == OpKind::ReplicaSync {
            sync.push((function, row.site));
        }
        let Some(entity) = effect.entity_name() else { continue };
        let elsewhere = effect.flags.has(EffectFlags::BACKGROUND) || effect.flags.has(EffectFlags::AFTER_COMMIT);
        match (effect.kind, routed.role(context, row.site, &effect)) {
            // A replica takes no writes: whatever else is known of the connection, it leads to the primary.
            (OpKind::DbWrite, Role::Primary | Role::Unknown | Role::Parameter(_) | Role::ParameterOr(..) | Role::Chosen(..)) if !elsewhere => write.push((function, row.site, entity)),
            (OpKind::DbRead, Role::Replica) if !elsewhere => replica_read.push((function, row.site, entity)),
            _ => continue,
        }
        witness.entry((row.site, entity, effect.kind)).or_insert(effect);
    }
    let program = ascent_run! {
        relation write(FunctionId, SiteId, Name) = write;
        relation replica_read(FunctionId, SiteId, Name) = replica_read;
        relation sync(FunctionId, SiteId) = sync;
        // Control may pass the write and then the read.
        relation stale(FunctionId, SiteId, SiteId, Name);
        stale(f, w, r, e) <-- replica_read(f, r, e), write(f, w, e), if w != r && meaning.precedes(*w, *r);
        // Something in between waits for the replica.
        relation caught_up(SiteId, SiteId);
        caught_up(w, r) <-- stale(f, w, r, _), sync(f, s), if meaning.precedes(*w, *s) && meaning.precedes(*s, *r);
        relation found(SiteId, SiteId, Name);
        found(w, r, e) <-- stale(_, w, r, e), !caught_up(w, r), if !sets_other_columns(context, *w, *r, *e) && !has_other_keys(context, *w, *r, *e);
    };
    // One finding a place that reads, told from the lowest function where write and read meet.
    let mut by_place: FxHashMap<SiteId, Candidate> = FxHashMap::default();
    let mut found = program.found;
    found.sort_unstable();
    for (write, read, entity) in found {
        if !context.in_scope(read) {
            continue;
        }
        let write_effect = witness[&(write, entity, OpKind::DbWrite)];
        let read_effect = witness[&(read, entity, OpKind::DbRead)];
        let candidate = Candidate {
            writes: meaning.trace(write, &write_effect),
            reads: meaning.trace(read, &read_effect),
            write_effect,
            read_effect,
        };
        let place = context.primary(&candidate.reads);
        match by_place.get(&place) {
            Some(known) if known.length() <= candidate.length() => {}
            _ => {
                by_place.insert(place, candidate);
            }
        }
    }
    // What so many read through one reader has one cause: the nearest is told, with the others as places.
    let mut by_reader: FxHashMap<SiteId, Vec<Candidate>> = FxHashMap::default();
    for candidate in by_place.into_values() {
        let reader = candidate.reads.last().copied().unwrap_or(candidate.reads[0]);
        by_reader.entry(reader).or_default().push(candidate);
    }
    let told = by_reader.into_values().flat_map(|mut all| {
        all.sort_unstable_by_key(|candidate| (candidate.length(), context.primary(&candidate.reads)));
        let shared = if all.len() < MANY { all.len() } else { 1 };
        let others: Vec<SiteId> = all.split_off(shared).iter().map(|other| context.primary(&other.reads)).collect();
        all.into_iter().map(|candidate| report(context, &candidate, &others)).collect::<Vec<_>>()
    });
    told.collect()
}

/// A reader through which so many read what they have written is the place to mend.
const MANY: usize = 6;

/// So many other places of one reader are shown.
const MAX_SHOWN: usize = 8;

struct Candidate {
    writes: Vec<SiteId>,
    reads: Vec<SiteId>,
    write_effect: Effect,
    read_effect: Effect,
}

impl Candidate {
    fn length(&self) -> usize {
        self.writes.len() + self.reads.len()
    }
}

fn report(context: &Context<'_>, candidate: &Candidate, others: &[SiteId]) -> Finding {
    let meaning = context.meaning;
    let entity = context.quoted(candidate.read_effect.entity);
    let (write, read) = (candidate.writes[0], candidate.reads[0]);
    let decides = decides_a_write(context, read);
    let consequence = match decides {
        Some(_) => "the stale value then decides another write",
        None => "under replication lag the caller sees the state before the write, or nothing",
    };
    let confidences = meaning.effects.rows();
    let confidence = confidences
        .iter()
        .filter(|row| row.site == write || row.site == read)
        .map(|row| row.confidence)
        .min()
        .map_or(crate::Confidence::Medium, |confidence| context.confidence(confidence));
    let message = format!("{entity} is written on the primary and then read from a replica on the same path; {consequence}");
    let mut builder = FindingBuilder::new(context, &RULE.info, context.primary(&candidate.reads), message)
        .subject(meaning.text(candidate.read_effect.entity).unwrap_or_default())
        .rests_on(confidence)
        .steps(context.steps(&candidate.writes, &candidate.write_effect))
        .steps(context.steps(&candidate.reads, &candidate.read_effect));
    if let Some(site) = decides {
        builder = builder.severity(Severity::Blocker).step(site, "what was read decides this write");
    }
    for other in others.iter().take(MAX_SHOWN) {
        builder = builder.step(*other, "and likewise here");
    }
    builder
        .checked("no wait for replication and no pin to the primary lies between the write and the read")
        .help("read from the primary after a write (or wait for the write's log position on the replica)")
        .build()
}

/// A later write in the same function that the value read flows into, or that it decides.
fn decides_a_write(context: &Context<'_>, read: SiteId) -> Option<SiteId> {
    let meaning = context.meaning;
    let function = context.function_of(read);
    let mut writes =
        meaning.effects.in_function(function).filter(|(effect, row)| effect.kind == OpKind::DbWrite && meaning.precedes(read, row.site));
    writes.find(|(effect, row)| rests_on(context, read, row.site, effect)).map(|(_, row)| row.site)
}
