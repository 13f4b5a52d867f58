//! An entity is cached, and one of its writers leaves the cached copy as it was, while others do not.

use ascent::ascent_run;
use distsys_engine::OpKind;
use distsys_engine::meaning::{Effect, EffectId, Name};
use distsys_engine::words::words;
use distsys_facts::{FunctionId, SiteId, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::finding::{Category, Finding, Maturity, RuleInfo, Severity};
use crate::{Context, FindingBuilder, Rule};

pub(crate) static RULE: Rule = Rule {
    info: RuleInfo {
        slug: "cache-not-invalidated",
        category: Category::Caching,
        severity: Severity::Major,
        maturity: Maturity::Stable,
        yields_to: &[],
        summary: "a write leaves the cached copy of its entity as it was",
        page: include_str!("cache-not-invalidated.md"),
    },
    judge,
};

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let mut cached: Vec<(Name, Name, SiteId)> = Vec::new();
    let mut drops: Vec<(Name, FunctionId, SiteId)> = Vec::new();
    let mut reads: FxHashMap<FunctionId, Vec<(Name, SiteId)>> = FxHashMap::default();
    let mut drops_any: Vec<(FunctionId,)> = Vec::new();
    let mut fills: Vec<(FunctionId, Name, SiteId)> = Vec::new();
    let mut writes: Vec<(Name, SiteId, EffectId)> = Vec::new();
    // Functions that change an entity, themselves or by what they call.
    let mut changers: Vec<(Name, FunctionId)> = Vec::new();
    for row in meaning.effects.rows() {
        let effect = meaning.effects.get(row.effect);
        let function = context.function_of(row.site);
        if !context.in_scope(row.site) {
            continue;
        }
        match effect.kind {
            OpKind::DbRead => reads.entry(function).or_default().extend(effect.entity_name().map(|name| (name, row.site))),
            OpKind::CacheWrite => fills.extend(pattern(context, &effect).map(|key| (function, key, row.site))),
            OpKind::CacheDelete => match pattern(context, &effect) {
                Some(key) => drops.push((key, function, row.site)),
                // What it deletes is not seen; it may be any copy.
                None => drops_any.push((function,)),
            },
            // Of an insert nothing is cached yet, and many an upsert leaves alone what is there.
            OpKind::DbWrite if !matches!(meaning.text(effect.verb), Some("insert" | "upsert")) => {
                changers.extend(effect.entity_name().map(|name| (name, function)));
                if meaning.callees(row.site).is_empty() {
                    writes.extend(effect.entity_name().map(|name| (name, row.site, row.effect)));
                }
            }
            _ => {}
        }
    }
    for (function, key, write) in fills {
        for &(entity, read) in reads.get(&function).into_iter().flatten() {
            let is_filled = match read == write {
                true => is_filled_by_given(context, write),
                false => meaning.precedes(read, write) && carries(context, read, write),
            };
            if is_filled {
                cached.push((entity, key, write));
            }
        }
    }
    let dropped: FxHashSet<Name> = drops.iter().map(|(key, ..)| *key).collect();
    // Only a copy that somebody takes care to drop is meant to be fresh.
    cached.retain(|(_, key, _)| dropped.contains(key));
    let entities: FxHashSet<Name> = cached.iter().map(|(entity, ..)| *entity).collect();
    changers.retain(|(entity, _)| entities.contains(entity));
    writes.retain(|(entity, site, _)| entities.contains(entity) && context.in_scope(*site));
    let mut calls: Vec<(FunctionId, FunctionId)> = Vec::new();
    let mut stack: Vec<FunctionId> = writes.iter().map(|(_, site, _)| context.function_of(*site)).collect();
    let mut seen: FxHashSet<FunctionId> = FxHashSet::default();
    while let Some(function) = stack.pop() {
        if !seen.insert(function) {
            continue;
        }
        let parent = meaning.program.function(function).parent;
        let callers = meaning.callers(function).iter().map(|site| context.function_of(*site)).chain(parent);
        for caller in callers {
            calls.push((function, caller));
            stack.push(caller);
        }
    }
    let drops: Vec<(Name, FunctionId)> = drops.into_iter().map(|(key, function, _)| (key, function)).collect();
    let function_of = |site: &SiteId| context.function_of(*site);
    let program = ascent_run! {
        relation cached(Name, Name, SiteId) = cached;
        relation writes(Name, SiteId, EffectId) = writes;
        relation drops(Name, FunctionId) = drops;
        relation drops_any(FunctionId) = drops_any;
        relation calls(FunctionId, FunctionId) = calls;
        // The function, or one that calls it, drops the copy.
        relation fresh(Name, FunctionId);
        fresh(k, f) <-- drops(k, f);
        fresh(k, f) <-- calls(f, g), fresh(k, g);
        // Another writer of the entity takes care.
        relation changers(Name, FunctionId) = changers;
        relation cared(Name, Name, FunctionId);
        cared(e, k, f) <-- cached(e, k, c), changers(e, f), drops(k, f), if *f != function_of(c);
        relation found(SiteId, EffectId, SiteId, Name);
        found(s, w, c, k) <--
            cached(e, k, c), cared(e, k, _), writes(e, s, w), !fresh(k, function_of(s)), !drops_any(function_of(s)), if function_of(s) != function_of(c);
    };
    let mut found = program.found;
    // Columns that the copy does not hold may change.
    found.retain(|(site, _, fill, _)| {
        let held = columns_held(context, &reads, *fill);
        let written = meaning.columns_written(*site);
        held.is_empty() || written.is_empty() || written.iter().any(|column| held.iter().any(|known| words(known) == words(column)))
    });
    // Where most writers do not care, the copy is not of what they write.
    let mut careful: FxHashMap<Name, FxHashSet<FunctionId>> = FxHashMap::default();
    for (_, key, function) in program.cared {
        careful.entry(key).or_default().insert(function);
    }
    let mut careless: FxHashMap<Name, FxHashSet<FunctionId>> = FxHashMap::default();
    for (site, _, _, key) in &found {
        careless.entry(*key).or_default().insert(function_of(site));
    }
    found.retain(|(_, write, _, key)| {
        let named = meaning.text(meaning.effects.get(*write).entity).is_some_and(|entity| {
            let entity = words(entity);
            words(meaning.name(*key)).iter().any(|word| entity.contains(word))
        });
        named || careless[key].len() <= MAX_CARELESS * careful[key].len()
    });
    found.sort_unstable();
    found.dedup_by_key(|(site, ..)| *site);
    found.into_iter().map(|(site, effect, fill, key)| report(context, site, &meaning.effects.get(effect), fill, key)).collect()
}

/// The pattern of a key that says more than that there is one.
fn pattern(context: &Context<'_>, effect: &Effect) -> Option<Name> {
    effect.key.pattern().filter(|name| context.meaning.name(*name).replace("{}", "").len() > 2)
}

/// So many writers that forget the copy, for each that cares.
const MAX_CARELESS: usize = 2;

/// The columns that a copy holds, if it is put together from some.
fn columns_held<'m>(context: &Context<'m>, reads: &FxHashMap<FunctionId, Vec<(Name, SiteId)>>, fill: SiteId) -> Vec<&'m str> {
    let meaning = context.meaning;
    let of_function = reads.get(&context.function_of(fill)).into_iter().flatten();
    let rows = of_function.filter(|(_, read)| meaning.precedes(*read, fill)).filter_map(|(_, read)| meaning.program.call(*read));
    let mut held = Vec::new();
    for row in rows {
        for argument in meaning.program.arguments(fill) {
            held.extend(meaning.columns_held(row.result, argument.var));
        }
    }
    held
}

/// Whether what was read is what is cached, not only a part of the key.
fn carries(context: &Context<'_>, read: SiteId, write: SiteId) -> bool {
    let meaning = context.meaning;
    let Some(result) = meaning.program.call(read).map(|call| call.result) else { return false };
    let mut arguments = meaning.program.arguments(write).map(|row| row.var);
    let first = arguments.next();
    let rest: Vec<VarId> = arguments.collect();
    let values = if rest.is_empty() { first.into_iter().collect() } else { rest };
    values.into_iter().any(|var| meaning.made_from(var).contains(&result))
}

/// Whether a helper called here fills the cache with what a function that it is given loads: `cached(key, ttl, () => …)`.
fn is_filled_by_given(context: &Context<'_>, site: SiteId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let gives = program.arguments(site).any(|row| meaning.is_function(row.var));
    gives
        && meaning.callees(site).into_iter().any(|helper| {
            let loads = program.sites(helper).filter(|row| meaning.invocations.is_through_parameter(row.site));
            let loaded: Vec<VarId> = loads.filter_map(|row| program.call(row.site)).map(|call| call.result).collect();
            let fills = program.sites(helper).filter(|row| {
                meaning.effects.at(row.site).any(|(effect, _)| effect.kind == OpKind::CacheWrite)
            });
            fills.flat_map(|row| program.arguments(row.site)).any(|row| {
                let made = meaning.made_from(row.var);
                loaded.iter().any(|var| made.contains(var))
            })
        })
}

fn report(context: &Context<'_>, site: SiteId, effect: &Effect, fill: SiteId, key: Name) -> Finding {
    let key = context.meaning.name(key);
    let what = context.does(effect);
    let message = format!(
        "this {what}, but its copy in the cache under `{key}` stays; until it expires readers are given what is no longer so"
    );
    FindingBuilder::new(context, &RULE.info, site, message)
        .subject(key)
        .rests_on(context.confidence_of(site, effect))
        .step(fill, format!("cached here under `{key}`"))
        .step(site, "and changed here")
        .checked("neither this function nor a caller deletes or replaces the entry, as other writers do")
        .help("delete the entry after the change is committed, where the other writers do: in one function, or on the entity's own event")
        .build()
}
