//! An entity is cached, and one of its writers leaves the cached copy as it was, while others do not.

use ascent::ascent_run;
use distsys_engine::OpKind;
use distsys_engine::meaning::{Effect, EffectId, Mode, Name};
use distsys_engine::words::words;
use distsys_facts::{FunctionId, SiteId, SiteKind, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::finding::{Category, Finding, Maturity, RuleInfo, Severity};
use crate::cached::carried;
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
    let mut looks: FxHashSet<(Name, FunctionId)> = FxHashSet::default();
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
            OpKind::CacheRead => looks.extend(pattern(context, &effect).map(|key| (key, function))),
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
    // Who sets the entry without a look at it replaces the copy.
    let replaced: Vec<(Name, FunctionId)> = fills.iter().map(|(function, key, _)| (*key, *function)).filter(|set| !looks.contains(set)).collect();
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
    // What an annotated function gives is kept under its name.
    for op in meaning.operations.of_kind(OpKind::CacheWrite) {
        for row in meaning.invocations.at(op.site).filter(|row| row.mode == Mode::Registered) {
            let name = meaning.program.text(meaning.program.function(row.function).name);
            let key = drops.iter().map(|(key, ..)| *key).find(|key| meaning.name(*key) == name);
            let returned = meaning.program.sites(row.function).filter(|site| site.kind == SiteKind::Return).map(|site| site.site);
            for (fill, key) in returned.flat_map(|fill| key.map(|key| (fill, key))) {
                let reads = reads.get(&row.function).into_iter().flatten();
                cached.extend(reads.filter(|(_, read)| meaning.precedes(*read, fill)).map(|(entity, _)| (*entity, key, fill)));
            }
        }
    }
    let dropped: FxHashSet<Name> = drops.iter().map(|(key, ..)| *key).collect();
    // Only a copy that somebody takes care to drop is meant to be fresh.
    cached.retain(|(_, key, _)| dropped.contains(key));
    let entities: FxHashSet<Name> = cached.iter().map(|(entity, ..)| *entity).collect();
    changers.retain(|(entity, _)| entities.contains(entity));
    writes.retain(|(entity, site, _)| entities.contains(entity) && context.in_scope(*site));
    let mut dropping: FxHashMap<Name, FxHashSet<FunctionId>> = FxHashMap::default();
    let dropped_by: Vec<(Name, FunctionId)> = drops.into_iter().map(|(key, function, _)| (key, function)).collect();
    for &(key, function) in dropped_by.iter().chain(&replaced) {
        dropping.entry(key).or_default().insert(function);
    }
    let drops_any: FxHashSet<FunctionId> = drops_any.into_iter().map(|(function,)| function).collect();
    let function_of = |site: &SiteId| context.function_of(*site);
    let program = ascent_run! {
        relation cached(Name, Name, SiteId) = cached;
        relation writes(Name, SiteId, EffectId) = writes;
        relation drops(Name, FunctionId) = dropped_by;
        // Another writer of the entity takes care.
        relation changers(Name, FunctionId) = changers;
        relation cared(Name, Name, FunctionId);
        cared(e, k, f) <-- cached(e, k, c), changers(e, f), drops(k, f), if *f != function_of(c);
        relation changed(SiteId, EffectId, SiteId, Name);
        changed(s, e, c, k) <-- cached(entity, k, c), cared(entity, k, _), writes(entity, s, e), if function_of(s) != function_of(c);
    };
    // Where nothing on the way down to a write drops the copy.
    let mut freshness: FxHashMap<Name, Freshness<'_, '_>> = FxHashMap::default();
    let mut program_found: Vec<Stale> = Vec::new();
    for (write, effect, fill, key) in program.changed {
        let fresh = freshness.entry(key).or_insert_with(|| Freshness {
            context,
            dropping: &dropping[&key],
            drops_any: &drops_any,
            known: FxHashMap::default(),
        });
        let mut at = fresh.stale(write);
        // What so many do through one writer is for the writer to mend.
        if at.len() > MAX_CALLS {
            at = vec![write];
        }
        program_found.extend(at.into_iter().map(|at| Stale { at, write, effect, fill, key }));
    }
    let mut found = program_found;
    // Columns that the copy does not hold may change.
    found.retain(|stale| {
        let held = columns_held(context, &reads, stale.fill);
        let written = meaning.columns_written(stale.write);
        held.is_empty() || written.is_empty() || written.iter().any(|column| held.iter().any(|known| words(known) == words(column)))
    });
    // Where most writers do not care, the copy is not of what they write.
    let mut careful: FxHashMap<Name, FxHashSet<FunctionId>> = FxHashMap::default();
    for (_, key, function) in program.cared {
        careful.entry(key).or_default().insert(function);
    }
    let mut careless: FxHashMap<Name, FxHashSet<FunctionId>> = FxHashMap::default();
    for stale in &found {
        careless.entry(stale.key).or_default().insert(function_of(&stale.write));
    }
    found.retain(|stale| {
        let named = meaning.text(meaning.effects.get(stale.effect).entity).is_some_and(|entity| {
            words(meaning.name(stale.key)).iter().any(|word| word.len() >= MIN_WORD && entity.contains(word.as_str()))
        });
        named
            || !is_far(context, stale.fill) && careless[&stale.key].len() <= MAX_CARELESS * careful[&stale.key].len()
    });
    found.retain(|stale| context.in_scope(stale.at));
    found.sort_unstable_by_key(|stale| (stale.at, stale.write, stale.effect, stale.fill, stale.key));
    found.dedup_by_key(|stale| stale.at);
    found.into_iter().map(|stale| report(context, &stale)).collect()
}

/// A copy under `key`, made by `fill`, that stays when `write` changes what it is of; `at` is the write, or the call of it
/// by which others that drop the copy are left aside.
struct Stale {
    at: SiteId,
    write: SiteId,
    effect: EffectId,
    fill: SiteId,
    key: Name,
}

/// Whether the copies of one key are dropped on the ways that lead to a function.
struct Freshness<'a, 'm> {
    context: &'a Context<'m>,
    dropping: &'a FxHashSet<FunctionId>,
    drops_any: &'a FxHashSet<FunctionId>,
    /// Nothing while it is being worked out.
    known: FxHashMap<FunctionId, Option<Ways>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ways {
    AllFresh,
    AllStale,
    Mixed,
}

/// More calls of one writer than this are told as one.
const MAX_CALLS: usize = 3;

/// Callers are climbed this far.
const MAX_CALLERS: u32 = 100;

impl Freshness<'_, '_> {
    /// The write, or the calls that lead to it, where nobody drops the copy: as deep as all ways above do not.
    fn stale(&mut self, write: SiteId) -> Vec<SiteId> {
        let (mut found, mut seen) = (Vec::new(), FxHashSet::default());
        let mut stack = vec![write];
        while let Some(site) = stack.pop() {
            let function = self.context.function_of(site);
            match self.ways(function, 0) {
                Ways::AllFresh => {}
                Ways::AllStale => found.push(site),
                Ways::Mixed if seen.insert(function) => stack.extend(self.callers(function).into_iter().filter_map(|(_, site)| site)),
                Ways::Mixed => {}
            }
        }
        found
    }

    fn ways(&mut self, function: FunctionId, depth: u32) -> Ways {
        // Far above, somebody may care.
        if depth > MAX_CALLERS || self.dropping.contains(&function) || self.drops_any.contains(&function) {
            return Ways::AllFresh;
        }
        if let Some(known) = self.known.get(&function) {
            // A cycle adds no way of its own.
            return known.unwrap_or(Ways::AllStale);
        }
        self.known.insert(function, None);
        let callers = self.callers(function);
        let above: Vec<Ways> = callers.into_iter().map(|(caller, _)| self.ways(caller, depth + 1)).collect();
        let ways = match above.split_first() {
            None => Ways::AllStale,
            Some((first, rest)) => if rest.iter().all(|ways| ways == first) { *first } else { Ways::Mixed },
        };
        self.known.insert(function, Some(ways));
        ways
    }

    /// The functions that call `function`, each with the call; without one the function around it.
    fn callers(&self, function: FunctionId) -> Vec<(FunctionId, Option<SiteId>)> {
        let meaning = self.context.meaning;
        let calls = meaning.callers(function).iter();
        let calls: Vec<_> = calls.map(|site| (self.context.function_of(*site), Some(*site))).collect();
        match calls.is_empty() {
            false => calls,
            true => meaning.program.function(function).parent.map(|parent| (parent, None)).into_iter().collect(),
        }
    }
}

/// The pattern of a key that says more than that there is one.
fn pattern(context: &Context<'_>, effect: &Effect) -> Option<Name> {
    effect.key.pattern().filter(|name| context.meaning.name(*name).replace("{}", "").len() > 2)
}

/// A key is named for an entity by a word that is no shorter.
const MIN_WORD: usize = 4;

/// So many writers that forget the copy, for each that cares.
const MAX_CARELESS: usize = 2;

/// The columns that a copy holds, if it is put together from some, or only some were read.
fn columns_held<'m>(context: &Context<'m>, reads: &FxHashMap<FunctionId, Vec<(Name, SiteId)>>, fill: SiteId) -> Vec<&'m str> {
    let meaning = context.meaning;
    let of_function = reads.get(&context.function_of(fill)).into_iter().flatten();
    let rows = of_function.filter(|(_, read)| meaning.precedes(*read, fill)).filter_map(|(_, read)| meaning.program.call(*read));
    let mut held = Vec::new();
    for row in rows {
        let named = meaning.columns_named(row.site);
        let returns = &meaning.program.facts.relations.returns;
        let returned = meaning.program.returns_by_function.of(returns, context.function_of(fill)).filter(|row| row.site == fill);
        let given = meaning.program.arguments(fill).map(|row| row.var).chain(returned.filter_map(|row| row.var));
        for value in given {
            let of_value = meaning.columns_held(row.result, value);
            let is_whole = of_value.is_empty() && meaning.made_from(value).contains(&row.result);
            held.extend(if is_whole { named.clone().unwrap_or_default() } else { of_value });
        }
    }
    held
}

/// Whether the cache is filled far below a call: of all that is handed down, what is kept is not sure.
fn is_far(context: &Context<'_>, fill: SiteId) -> bool {
    let meaning = context.meaning;
    let effect = meaning.effects.at(fill).find(|(effect, _)| effect.kind == OpKind::CacheWrite);
    effect.is_some_and(|(effect, _)| meaning.trace(fill, &effect).len() > MAX_FILL_DEPTH)
}

/// A wrapper of the cache, and a function that fills it.
const MAX_FILL_DEPTH: usize = 3;

/// Whether what was read is what is cached, not only a part of the key.
fn carries(context: &Context<'_>, read: SiteId, write: SiteId) -> bool {
    let result = context.meaning.program.call(read).map(|call| call.result);
    result.is_some_and(|result| carried(context, write).contains(&result))
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

fn report(context: &Context<'_>, stale: &Stale) -> Finding {
    let meaning = context.meaning;
    let effect = meaning.effects.get(stale.effect);
    let key = meaning.name(stale.key);
    let what = context.does(&effect);
    let message = format!(
        "this {what}, but its copy in the cache under `{key}` stays; until it expires readers are given what is no longer so"
    );
    FindingBuilder::new(context, &RULE.info, stale.at, message)
        .subject(key)
        .rests_on(context.confidence_of(stale.write, &effect))
        .step(stale.fill, format!("cached here under `{key}`"))
        .step(stale.write, "and changed here")
        .checked("neither this function nor a caller deletes or replaces the entry, as other writers do")
        .help("delete the entry after the change is committed, where the other writers do: in one function, or on the entity's own event")
        .build()
}
