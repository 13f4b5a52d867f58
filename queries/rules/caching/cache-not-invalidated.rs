//! An entity is cached, and one of its writers leaves the cached copy as it was: others do not, or the copy outlives any patience.

use ascent::ascent_run;
use distsys_engine::meaning::{Effect, EffectFlags, EffectId, Found, Mode, Name, Operand, Term};
use distsys_engine::{Attr, OpKind};
use distsys_engine::words::words;
use distsys_facts::{FunctionFlags, FunctionId, FunctionKind, ParameterKind, SiteId, SiteKind, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::finding::{Category, Finding, Maturity, RuleInfo, Severity};
use crate::cached::{is_made_of, is_of_process, way_to_fill};
use crate::carried::is_rendered;
use crate::fills::{Fills, is_filled_by_given, is_given, pattern};
use crate::freshness::{Drop, Freshness};
use crate::versioned::{Versions, versions};
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
    let mut drops: Vec<(Name, Drop)> = Vec::new();
    let mut reads = Reads::default();
    let mut drops_any: Vec<Drop> = Vec::new();
    let mut fills: Vec<(FunctionId, Name, SiteId)> = Vec::new();
    // Whatever changes an entry, by its key.
    let mut bumps: Vec<(Name, Drop)> = Vec::new();
    let mut counted: FxHashSet<Name> = FxHashSet::default();
    let mut looks: FxHashSet<(Name, FunctionId)> = FxHashSet::default();
    let mut writes: Vec<(Name, SiteId, EffectId)> = Vec::new();
    // Functions that change an entity, themselves or by what they call.
    let mut changers: Vec<(Name, FunctionId)> = Vec::new();
    let mut changes: FxHashMap<FunctionId, Vec<SiteId>> = FxHashMap::default();
    for row in meaning.effects.rows() {
        let effect = meaning.effects.get(row.effect);
        // `@Cacheable("orders") Order find(…)`, `@remembered("orders:{}")`: the annotated function does it.
        let function = meaning.function_about(row.site);
        // What a tool wrote is a way to the row; whose write it is, who calls it says.
        if meaning.program.tries_out(context.function_of(row.site)) {
            continue;
        }
        if matches!(effect.kind, OpKind::CacheWrite | OpKind::CacheDelete) {
            let drop = Drop { function, site: row.site, beside: effect.flags.has(EffectFlags::BACKGROUND) };
            bumps.extend(effect.key.pattern().map(|key| (key, drop)));
            counted.extend(effect.key.pattern().filter(|_| meaning.text(effect.verb) == Some("increment")));
        }
        match effect.kind {
            OpKind::DbRead => reads.entry(function).or_default().extend(effect.entity_name().map(|name| (name, row.site))),
            OpKind::CacheRead => looks.extend(pattern(context, &effect).map(|key| (key, function))),
            OpKind::CacheWrite => fills.extend(pattern(context, &effect).map(|key| (function, key, row.site))),
            OpKind::CacheDelete => {
                let drop = Drop { function, site: row.site, beside: effect.flags.has(EffectFlags::BACKGROUND) };
                match pattern(context, &effect) {
                    Some(key) => drops.push((key, drop)),
                    // The callers of a helper say what it deletes.
                    None if matches!(effect.key, Term::Parameter(_) | Term::Within(..) | Term::Filled(..)) => {}
                    // What it deletes is not seen; it may be any copy.
                    None => drops_any.push(drop),
                }
            }
            // Of an insert nothing is cached yet, and many an upsert leaves alone what is there.
            OpKind::DbWrite if !matches!(meaning.text(effect.verb), Some("insert" | "upsert")) => {
                changers.extend(effect.entity_name().map(|name| (name, function)));
                changes.entry(function).or_default().push(row.site);
                // A library does what a method without a body is named for.
                let is_hollow = |function: &FunctionId| meaning.program.function(*function).flags.has(FunctionFlags::ABSTRACT);
                let by_library = || meaning.operations.at(row.site).any(|op| matches!(op.kind, OpKind::DbWrite | OpKind::Sql));
                let callees = meaning.callees(row.site);
                if callees.is_empty() || callees.iter().all(is_hollow) && by_library() {
                    writes.extend(effect.entity_name().map(|name| (name, row.site, row.effect)));
                }
            }
            _ => {}
        }
    }
    // The cache may keep its entries in a table of its own: what it gives is no copy of that.
    let asks_cache = |site: &SiteId| meaning.effects.at(*site).any(|(effect, _)| effect.kind == OpKind::CacheRead);
    let is_of_cache = |entity: Name, read: SiteId, filled: bool| {
        let reads = |effect: &Effect| effect.kind == OpKind::DbRead && effect.entity_name() == Some(entity);
        let read_by = meaning.effects.at(read).map(|(effect, _)| effect).find(reads);
        read_by.is_some_and(|effect| meaning.trace(read, &effect).iter().skip(usize::from(filled)).any(asks_cache))
    };
    // What a helper could drop, did anybody ask it to, is not dropped.
    drops.retain(|(_, drop)| !is_idle(context, drop.function));
    drops_any.retain(|drop| !is_idle(context, drop.function));
    // Who sets the entry without a look at it, or after a change, replaces the copy.
    let replaced = fills.iter().filter(|(function, key, site)| {
        !looks.contains(&(*key, *function)) || changes.get(function).is_some_and(|at| at.iter().any(|at| meaning.precedes(*at, *site)))
    });
    let replaced: Vec<(Name, Drop)> =
        replaced.map(|&(function, key, site)| (key, Drop { function, site, beside: false })).collect();
    // What is only ever counted up is no copy of a row: the number of a lease.
    let counts = |site: SiteId| {
        let mut fills = meaning.effects.at(site).filter(|(effect, _)| effect.kind == OpKind::CacheWrite);
        fills.all(|(effect, _)| meaning.text(effect.verb) == Some("increment"))
    };
    let mut filled_with = Fills::new(context);
    for (function, key, write) in fills.into_iter().filter(|(.., site)| !counts(*site)) {
        for &(entity, read) in reads.get(&function).into_iter().flatten() {
            if is_of_cache(entity, read, read == write) {
                continue;
            }
            let is_filled = match read == write {
                _ if function != context.function_of(write) => is_given(context, function, read),
                true => is_filled_by_given(context, write) || filled_with.is_filled_below(write, entity),
                false => meaning.precedes(read, write) && filled_with.carries(read, write),
            };
            if is_filled {
                cached.push((entity, key, write));
            }
        }
    }
    // What an annotated function gives is kept under its name.
    let mut filled: FxHashSet<Name> = looks.iter().map(|(key, _)| *key).chain(replaced.iter().map(|(key, _)| *key)).collect();
    for op in meaning.operations.of_kind(OpKind::CacheWrite) {
        for row in meaning.invocations.at(op.site).filter(|row| row.mode == Mode::Registered) {
            let name = meaning.program.text(meaning.program.function(row.function).name);
            let key = drops.iter().map(|(key, _)| *key).find(|key| meaning.name(*key) == name);
            filled.extend(key);
            if key.is_some() {
                cached.retain(|(.., fill)| *fill != op.site);
            }
            let returned = meaning.program.sites(row.function).filter(|site| site.kind == SiteKind::Return).map(|site| site.site);
            for (fill, key) in returned.flat_map(|fill| key.map(|key| (fill, key))) {
                let reads = reads.get(&row.function).into_iter().flatten();
                cached.extend(reads.filter(|(_, read)| meaning.precedes(*read, fill)).map(|(entity, _)| (*entity, key, fill)));
            }
        }
    }
    only_last_named(context, &mut cached);
    // Under a key with a version in it the copy is dropped by who changes the version.
    let mut versioned: FxHashMap<SiteId, Versions> = FxHashMap::default();
    for (.., fill) in &cached {
        versioned.entry(*fill).or_insert_with(|| versions(context, *fill));
    }
    cached.retain(|(.., fill)| !versioned[fill].in_row);
    for &(_, key, fill) in &cached {
        // What is never counted up is some other entry that the key is made with.
        let is_version = |key: &Name| counted.contains(key) && versioned[&fill].keys.contains(key);
        let changed = bumps.iter().filter(|(version, _)| is_version(version));
        drops.extend(changed.map(|(_, drop)| (key, *drop)));
    }
    // A sweep drops all that is like its pattern.
    let (sweeps, single): (Vec<_>, Vec<_>) = drops.into_iter().partition(|(key, _)| meaning.name(*key).contains('*'));
    drops = single;
    cached.extend(copied_elsewhere(context, &drops, &filled));
    let mut kept: Vec<Name> = cached.iter().map(|(_, key, _)| *key).collect();
    kept.sort_unstable();
    kept.dedup();
    for &(pattern, drop) in &sweeps {
        let swept = kept.iter().filter(|key| is_made_of(meaning.name(**key), meaning.name(pattern), "*"));
        drops.extend(swept.map(|key| (*key, drop)));
    }
    let dropped: FxHashSet<Name> = drops.iter().map(|(key, _)| *key).collect();
    // A copy that somebody takes care to drop is meant to be fresh; so is one of a single row that would stay for long.
    let nobody_drops = |key: &Name| !dropped.contains(key) && drops_any.is_empty();
    cached.retain(|(_, key, fill)| dropped.contains(key) || nobody_drops(key) && stays(context, *key, *fill, PATIENCE));
    let entities: FxHashSet<Name> = cached.iter().map(|(entity, ..)| *entity).collect();
    changers.retain(|(entity, _)| entities.contains(entity));
    writes.retain(|(entity, site, _)| entities.contains(entity) && !meaning.program.tries_out(context.function_of(*site)) && !runs_once(context, *site) && !is_never_asked_for(context, *site));
    let dropped_by: Vec<(Name, FunctionId)> = drops.iter().map(|(key, drop)| (*key, drop.function)).collect();
    let mut dropping: FxHashMap<Name, FxHashMap<FunctionId, Vec<Drop>>> = FxHashMap::default();
    // What is kept under several keys is dropped with one of them.
    let mut by_fill: FxHashMap<SiteId, FxHashSet<Name>> = FxHashMap::default();
    for &(_, key, fill) in &cached {
        by_fill.entry(fill).or_default().insert(key);
    }
    let mut siblings: FxHashMap<Name, FxHashSet<Name>> = FxHashMap::default();
    for keys in by_fill.values() {
        for key in keys {
            siblings.entry(*key).or_default().extend(keys);
        }
    }
    for &(_, key, _) in &cached {
        let of_key = drops.iter().chain(&replaced).filter(|(known, _)| siblings[&key].contains(known)).map(|(_, drop)| drop);
        dropping.entry(key).or_insert_with(|| {
            let mut by_function: FxHashMap<FunctionId, Vec<Drop>> = FxHashMap::default();
            for drop in of_key.chain(&drops_any) {
                by_function.entry(drop.function).or_default().push(*drop);
            }
            by_function
        });
    }
    let function_of = |site: &SiteId| context.function_of(*site);
    let program = ascent_run! {
        relation cached(Name, Name, SiteId) = cached;
        relation writes(Name, SiteId, EffectId) = writes;
        relation drops(Name, FunctionId) = dropped_by;
        // Another writer of the entity takes care.
        relation changers(Name, FunctionId) = changers;
        relation cared(Name, Name, FunctionId);
        cared(e, k, f) <-- cached(e, k, c), changers(e, f), drops(k, f), if *f != function_of(c);
        // Who fills the copy is not seen: the one that drops it is where it is known from.
        cared(e, k, function_of(c)) <-- cached(e, k, c), if is_drop(context, *c);
        relation changed(SiteId, EffectId, SiteId, Name);
        changed(s, e, c, k) <-- cached(entity, k, c), cared(entity, k, _), writes(entity, s, e), if function_of(s) != function_of(c);
        relation unheeded(Name);
        unheeded(k) <-- cached(_, k, _), if nobody_drops(k);
        changed(s, e, c, k) <-- cached(entity, k, c), unheeded(k), writes(entity, s, e), if function_of(s) != function_of(c);
    };
    // Where nothing on the way down to a write drops the copy.
    let mut freshness: FxHashMap<Name, Freshness<'_, '_>> = FxHashMap::default();
    let mut program_found: Vec<Stale> = Vec::new();
    for (write, effect, fill, key) in program.changed {
        let fresh = freshness.entry(key).or_insert_with(|| Freshness::new(context, &dropping[&key]));
        let mut at = fresh.stale(write);
        // What so many do through one writer is for the writer to mend.
        if at.len() > MAX_CALLS {
            at = vec![write];
        }
        program_found.extend(at.into_iter().map(|at| Stale { at, write, effect, fill, key }));
    }
    let mut found = program_found;
    found.retain(|stale| !is_of_other_rows(context, &reads, stale));
    // Columns that the copy does not hold may change.
    found.retain(|stale| {
        let held = columns_held(context, &reads, stale);
        let written = meaning.columns_written(stale.write);
        // Where nobody drops the copy, that it holds what is written must be seen.
        if nobody_drops(&stale.key) && written.is_empty() {
            return false;
        }
        held.is_empty() || written.is_empty() || written.iter().any(|column| held.iter().any(|known| words(known) == words(column)))
    });
    // How many rows there are no change of one alters.
    found.retain(|stale| {
        let verb = meaning.text(meaning.effects.get(stale.effect).verb);
        verb == Some("delete") || !words(meaning.name(stale.key)).iter().any(|word| matches!(word.as_str(), "count" | "counts"))
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
        let entity = meaning.effects.get(stale.effect).entity;
        let named = meaning.text(entity).is_some_and(|entity| is_named_for(meaning.name(stale.key), entity));
        if is_rendered(meaning.name(stale.key)) && !meaning.text(entity).is_some_and(is_rendered) {
            return false;
        }
        let of_process = is_of_process(context, stale.fill);
        if nobody_drops(&stale.key) {
            // What one process keeps for itself a short while only it is given.
            let is_kept = || stays(context, stale.key, stale.fill, PATIENCE_OF_PROCESS) && !columns_held(context, &reads, stale).is_empty();
            let of_row = || is_of_row(context, &reads, stale);
            return if of_process { is_kept() && of_row() } else { named || of_row() };
        }
        let (careless, careful) = (careless[&stale.key].len(), careful[&stale.key].len());
        // A copy that each process has for itself is dropped where it matters to that one.
        if of_process {
            return named && careless <= careful.min(MAX_CARELESS_OF_PROCESS);
        }
        let few = careless <= MAX_CARELESS * careful;
        if is_drop(context, stale.fill) {
            return few;
        }
        named && careless <= MAX_CARELESS_OF_NAMED * careful || !is_far(context, stale.fill) && few
    });
    found.retain(|stale| context.in_scope(stale.at));
    found.sort_unstable_by_key(|stale| (stale.at, stale.write, stale.effect, stale.fill, stale.key));
    found.dedup_by_key(|stale| stale.at);
    // What nobody drops has one cause, whoever writes.
    let mut others: FxHashMap<Name, Vec<SiteId>> = FxHashMap::default();
    found.retain(|stale| {
        let told = nobody_drops(&stale.key) && others.contains_key(&stale.key);
        others.entry(stale.key).or_default().push(stale.at);
        !told
    });
    let others = |stale: &Stale| match nobody_drops(&stale.key) {
        true => others[&stale.key].iter().copied().skip(1).take(MAX_SHOWN).collect(),
        false => Vec::new(),
    };
    found.iter().map(|stale| report(context, stale, &others(stale), !nobody_drops(&stale.key))).collect()
}

/// What functions read: the entity, and where.
type Reads = FxHashMap<FunctionId, Vec<(Name, SiteId)>>;

/// More calls of one writer than this are told as one.
const MAX_CALLS: usize = 3;

/// So many other writers are shown.
const MAX_SHOWN: usize = 8;

/// And so many of the calls that lead to a writer.
const MAX_CALLERS_SHOWN: usize = 3;

/// A copy that is gone by then is as fresh as was agreed, in milliseconds.
const PATIENCE: f64 = 60_000.0;

/// Likewise where each process has a copy of its own.
const PATIENCE_OF_PROCESS: f64 = 600_000.0;

/// Whether the copy is of one row, by its key, and stays for more than so many milliseconds, or for ever.
fn stays(context: &Context<'_>, key: Name, fill: SiteId, patience: f64) -> bool {
    let meaning = context.meaning;
    let Some(trace) = way_to_fill(context, fill) else { return false };
    let last = trace.last().copied().unwrap_or(fill);
    let Some(op) = meaning.operations.at(last).find(|op| op.kind == OpKind::CacheWrite) else { return false };
    let about = meaning.function_about(fill);
    let is_annotated = about != context.function_of(fill);
    // Under the name of the cache lies what the annotated function gives for each of its arguments.
    let of_row = is_annotated && meaning.program.parameters(about).any(|row| row.kind != ParameterKind::Receiver);
    let long = match meaning.attribute(op, Attr::Ttl) {
        // What an annotation keeps stays as long as settings say, which are not short.
        Found::Absent => meaning.declares(op, Attr::Ttl) || is_annotated,
        Found::Is(Operand::Text(text)) if text == "none" => true,
        // A setting that nothing here says to be short.
        _ => meaning.floor_along(op, Attr::Ttl, &trace).is_none_or(|span| span > patience),
    };
    long && (of_row || meaning.name(key).contains("{}"))
}

/// Whether all that a function does is to drop a copy, and nothing calls it or hands it on: neither a caller that is known
/// nor a name that is not resolved.
fn is_idle(context: &Context<'_>, function: FunctionId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let row = program.function(function);
    let only_drops = || meaning.effects.in_function(function).all(|(effect, _)| effect.kind == OpKind::CacheDelete);
    let r = &program.facts.relations;
    let is_unresolved = |site| meaning.callees(site).is_empty() && meaning.operations.at(site).next().is_none();
    // What a class of a library declares, the library calls.
    let is_called_by_library = || row.class.is_some_and(|class| !meaning.resolution.library_bases(class).is_empty());
    row.kind == FunctionKind::Method
        && meaning.callers(function).is_empty()
        && !is_called_by_library()
        && !meaning.is_served(function)
        && only_drops()
        && !program.calls_named(row.name).any(|call| is_unresolved(call.site))
        && !program.loads_of(row.name).any(|load| program.calls_by_callee.of(&r.call, load.dst).next().is_none())
}

/// Whether what stands on a method without a body is done by nobody: none calls it, nor one of its name on something unknown.
fn is_never_asked_for(context: &Context<'_>, site: SiteId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let row = program.function(context.function_of(site));
    let is_unresolved = |site| meaning.callees(site).is_empty() && meaning.operations.at(site).next().is_none();
    row.flags.has(FunctionFlags::ABSTRACT)
        && meaning.callers(row.function).is_empty()
        && !program.calls_named(row.name).any(|call| is_unresolved(call.site))
}

/// Whether a word of a key names an entity.
fn is_named_for(key: &str, entity: &str) -> bool {
    place_in(key, entity).is_some()
}

/// The last word of a key that names an entity.
fn place_in(key: &str, entity: &str) -> Option<usize> {
    let whole: String = words(entity).concat();
    let singular = |word: &str| word.strip_suffix('s').unwrap_or(word).to_owned();
    let is_name = |word: &String| word.len() >= MIN_WORD && entity.contains(word.as_str()) || singular(word) == singular(&whole);
    words(key).iter().rposition(is_name)
}

/// Of a key that names several entities which its loader reads (`teams-{}-members`), the last is what is kept; the others say
/// whose it is.
fn only_last_named(context: &Context<'_>, cached: &mut Vec<(Name, Name, SiteId)>) {
    let place = |entity: Name, key: Name| place_in(context.meaning.name(key), context.meaning.name(entity));
    let mut last: FxHashMap<(Name, SiteId), usize> = FxHashMap::default();
    for &(entity, key, fill) in cached.iter() {
        if let Some(at) = place(entity, key) {
            let known = last.entry((key, fill)).or_default();
            *known = at.max(*known);
        }
    }
    cached.retain(|&(entity, key, fill)| place(entity, key).is_none_or(|at| last[&(key, fill)] == at));
}

/// Whether a deployment runs it, once: a migration.
fn runs_once(context: &Context<'_>, site: SiteId) -> bool {
    let place = context.place(site);
    place.path.split('/').any(|part| {
        words(part).iter().any(|word| matches!(word.as_str(), "migration" | "migrations" | "migrate" | "backfill" | "seed" | "seeds"))
    })
}

/// Whether what is kept is the row that was read, or some of its columns, under what the row was asked for by.
fn is_of_row(context: &Context<'_>, reads: &Reads, stale: &Stale) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    if words(meaning.name(stale.key)).iter().any(|part| NO_COPY.contains(&part.as_str())) {
        return false;
    }
    let origins = |site: SiteId| -> FxHashSet<VarId> {
        let chain = meaning.chain_arguments(site).into_iter();
        let given = program.arguments(site).map(|row| row.var).chain(chain);
        given.flat_map(|var| meaning.made_from(var)).collect()
    };
    reads_of(context, reads, stale).into_iter().any(|read| {
        if let Some(of_row) = is_loaded_row(context, stale, read) {
            return of_row;
        }
        let Some(row) = program.call(read).map(|call| call.result) else { return false };
        let asked = origins(read);
        let (kept, key): (Vec<VarId>, Vec<VarId>) =
            program.arguments(stale.fill).map(|row| row.var).partition(|var| meaning.made_from(*var).contains(&row));
        let same = key.into_iter().flat_map(|var| meaning.made_from(var)).any(|var| {
            asked.contains(&var) && meaning.constant(var).is_none()
        });
        same && kept.into_iter().any(|value| !meaning.columns_held(row, value).is_empty() || is_copy(context, value, row, 0))
    })
}

/// Of what a helper or a decorator keeps: whether that is the row which a function of its own loads, given to the helper or
/// under the decorator, under what it asks for the row by.
fn is_loaded_row(context: &Context<'_>, stale: &Stale, read: SiteId) -> Option<bool> {
    let meaning = context.meaning;
    let program = meaning.program;
    let about = meaning.function_about(stale.fill);
    let (loader, keys): (FunctionId, FxHashSet<VarId>) = if about != context.function_of(stale.fill) {
        (about, program.parameters(about).filter(|row| row.kind != ParameterKind::Receiver).map(|row| row.var).collect())
    } else if read == stale.fill {
        let given = || program.arguments(stale.fill).map(|row| row.var);
        // Or the library was given it as the cache was made, and calls it with the key.
        let by_library = || {
            let mut run = meaning.invocations.at(stale.fill).filter(|row| row.mode == Mode::Inline);
            run.next().map(|row| row.function).filter(|_| run.next().is_none())
        };
        let loader = given().find_map(|var| program.closure(var)).or_else(by_library)?;
        let mut keys: FxHashSet<VarId> =
            given().filter(|var| program.closure(*var).is_none()).flat_map(|var| meaning.made_from(var)).collect();
        if by_library() == Some(loader) {
            keys.extend(program.parameters(loader).filter(|row| row.kind != ParameterKind::Receiver).map(|row| row.var));
        }
        (loader, keys)
    } else {
        return None;
    };
    let returns = &program.facts.relations.returns;
    let gives = |row: VarId| {
        let mut given = program.returns_by_function.of(returns, loader).filter_map(|row| row.var);
        given.any(|value| !meaning.columns_held(row, value).is_empty() || is_copy(context, value, row, 0))
    };
    let entity = meaning.effects.get(stale.effect).entity_name();
    let mut loads = meaning.effects.in_function(loader).filter(|(effect, _)| effect.kind == OpKind::DbRead && effect.entity_name() == entity);
    Some(loads.any(|(_, row)| {
        let Some(call) = program.call(row.site) else { return false };
        let chain = meaning.chain_arguments(row.site).into_iter();
        let mut asked = program.arguments(row.site).map(|row| row.var).chain(chain).flat_map(|var| meaning.made_from(var));
        asked.any(|var| keys.contains(&var) && meaning.constant(var).is_none()) && gives(call.result)
    }))
}

/// Whether `value` is `row` in whatever form a library gives it, not what the project works out of it.
fn is_copy(context: &Context<'_>, value: VarId, row: VarId, depth: u32) -> bool {
    let program = context.meaning.program;
    if value == row || depth > MAX_FORMS {
        return value == row;
    }
    let assigned = program.assigned_from(value).map(|assign| assign.src);
    let made = program.call_giving(value).filter(|call| context.meaning.callees(call.site).is_empty());
    let given = made.into_iter().flat_map(|call| call.receiver.into_iter().chain(program.arguments(call.site).map(|row| row.var)));
    let parts = program.loaded_as(value).map(|load| load.base);
    assigned.chain(given).chain(parts).any(|part| is_copy(context, part, row, depth + 1))
}

/// So many library calls make of a row what is kept of it.
const MAX_FORMS: u32 = 5;

/// Copies that nothing here fills (another service of the same cache does): a function writes an entity, then drops the
/// entry whose key is named for it.
fn copied_elsewhere(context: &Context<'_>, drops: &[(Name, Drop)], filled: &FxHashSet<Name>) -> Vec<(Name, Name, SiteId)> {
    let meaning = context.meaning;
    let mut found = Vec::new();
    for &(key, Drop { function, site, .. }) in drops.iter().filter(|(key, _)| !filled.contains(key)) {
        // The drop itself, not a call of what drops: there the writers are the same.
        let is_own = meaning.operations.at(site).any(|op| op.kind == OpKind::CacheDelete);
        let parts = words(meaning.name(key));
        if parts.iter().any(|part| NO_COPY.contains(&part.as_str())) {
            continue;
        }
        let named: String = parts.concat();
        let writes = meaning.effects.in_function(function).filter(|(effect, row)| {
            effect.kind == OpKind::DbWrite && meaning.precedes(row.site, site)
        });
        let of_key = |name: &Name| {
            let entity: String = words(meaning.name(*name)).concat();
            entity.len() >= MIN_ENTITY && named.contains(&entity)
        };
        found.extend(writes.filter(|_| is_own).filter_map(|(effect, _)| effect.entity_name()).filter(of_key).map(|entity| (entity, key, site)));
    }
    found.sort_unstable();
    found.dedup_by_key(|(entity, key, _)| (*entity, *key));
    found
}

/// Keys of such names hold a state of their own, which no other writer of the entity knows of.
const NO_COPY: &[&str] = &[
    "lock", "locks", "mutex", "lease", "limit", "rate", "ratelimit", "throttle", "attempt", "attempts", "retry", "retries", "counter",
    "token", "tokens", "otp", "code", "nonce", "session", "sessions", "queue", "pending", "processing", "running", "progress", "dedup",
    "idempotency", "verification", "heartbeat", "presence", "online", "typing", "flag",
];

/// A key whose filling is not seen is named for an entity by a name no shorter.
const MIN_ENTITY: usize = 6;

/// Whether all that is known of a copy is that it is dropped here.
fn is_drop(context: &Context<'_>, site: SiteId) -> bool {
    context.meaning.effects.at(site).all(|(effect, _)| effect.kind != OpKind::CacheWrite)
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

/// A key is named for an entity by a part of its name that is no shorter.
const MIN_WORD: usize = 4;

/// So many writers that forget the copy, for each that cares.
const MAX_CARELESS: usize = 2;

/// So many in all where the copy is kept by each process for itself.
const MAX_CARELESS_OF_PROCESS: usize = 2;

/// Likewise where the key is named for what they write.
const MAX_CARELESS_OF_NAMED: usize = 8;

/// Whether all that the copy is made from and what is written are told apart by a constant: settings of two names in one table.
fn is_of_other_rows(context: &Context<'_>, reads: &Reads, stale: &Stale) -> bool {
    let meaning = context.meaning;
    let read = reads_of(context, reads, stale);
    let written = meaning.trace(stale.at, &meaning.effects.get(stale.effect));
    let written = if written.last() == Some(&stale.write) { written } else { vec![stale.write] };
    !read.is_empty() && read.into_iter().all(|read| meaning.are_of_other_rows(&way_to_read(context, read), &written))
}

/// The way from a call down to what reads.
fn way_to_read(context: &Context<'_>, read: SiteId) -> Vec<SiteId> {
    let below = context.meaning.effects.at(read).find(|(effect, _)| effect.kind == OpKind::DbRead);
    below.map_or_else(|| vec![read], |(effect, _)| context.meaning.trace(read, &effect))
}

/// The reads of an entity that what is cached by a fill is made from.
fn reads_of(context: &Context<'_>, reads: &Reads, stale: &Stale) -> Vec<SiteId> {
    let meaning = context.meaning;
    let entity = meaning.effects.get(stale.effect).entity_name();
    let function = meaning.function_about(stale.fill);
    let about_another = function != context.function_of(stale.fill);
    let of_function = reads.get(&function).into_iter().flatten();
    let of_entity = of_function.filter(|(name, read)| {
        Some(*name) == entity && (*read == stale.fill || about_another || meaning.precedes(*read, stale.fill))
    });
    of_entity.map(|(_, read)| *read).collect()
}

/// The columns that a copy holds, if it is put together from some, or only some were read.
fn columns_held<'m>(context: &Context<'m>, reads: &Reads, stale: &Stale) -> Vec<&'m str> {
    let meaning = context.meaning;
    let mut held = Vec::new();
    for read in reads_of(context, reads, stale) {
        let way = way_to_read(context, read);
        let named = columns_given(context, &way);
        // What a helper keeps is what a function that it is given loads.
        if read == stale.fill {
            held.extend(named.unwrap_or_default());
            continue;
        }
        let Some(row) = meaning.program.call(read) else { continue };
        // What a decorator keeps is what the function gives that it stands at.
        let function = meaning.function_about(stale.fill);
        let about_another = function != context.function_of(stale.fill);
        let returns = &meaning.program.facts.relations.returns;
        let returned = meaning.program.returns_by_function.of(returns, function);
        let returned = returned.filter(|row| about_another || row.site == stale.fill).filter_map(|row| row.var);
        let arguments = meaning.program.arguments(stale.fill).map(|row| row.var).filter(|_| !about_another);
        let given = arguments.chain(returned);
        for value in given {
            // `rows.findById(id).orElseThrow()`: what a call of the row gives may be the row.
            let may_be_row = about_another && meaning.program.call_giving(value).is_some();
            let of_value = if may_be_row { Vec::new() } else { meaning.columns_held(row.result, value) };
            let is_whole = of_value.is_empty() && meaning.made_from(value).contains(&row.result);
            held.extend(if is_whole && !about_another { named.clone().unwrap_or_default() } else { of_value });
        }
    }
    held
}

/// The columns that what reads at the end of a way takes, or those that its function gives of them; none if it may be all.
fn columns_given<'m>(context: &Context<'m>, way: &[SiteId]) -> Option<Vec<&'m str>> {
    let meaning = context.meaning;
    let asked = *way.last()?;
    let named = || meaning.columns_read(asked);
    let Some(row) = meaning.program.call(asked).map(|call| call.result).filter(|_| way.len() > 1) else { return named() };
    let returns = &meaning.program.facts.relations.returns;
    let returned = meaning.program.returns_by_function.of(returns, context.function_of(asked)).filter_map(|row| row.var);
    let returned = returned.filter(|var| meaning.made_from(*var).contains(&row));
    let held: Vec<Vec<&str>> = returned.map(|value| meaning.columns_held(row, value)).collect();
    if held.is_empty() || held.iter().any(Vec::is_empty) { named() } else { Some(held.concat()) }
}

/// Whether the cache is filled far below a call: of all that is handed down, what is kept is not sure.
fn is_far(context: &Context<'_>, fill: SiteId) -> bool {
    way_to_fill(context, fill).is_some_and(|trace| trace.len() > MAX_FILL_DEPTH)
}

/// A wrapper of the cache, and a function that fills it.
const MAX_FILL_DEPTH: usize = 3;

fn report(context: &Context<'_>, stale: &Stale, others: &[SiteId], others_care: bool) -> Finding {
    let meaning = context.meaning;
    let effect = meaning.effects.get(stale.effect);
    let key = meaning.name(stale.key);
    let what = context.does(&effect);
    let message = format!(
        "this {what}, but its copy in the cache under `{key}` stays; until it expires readers are given what is no longer so"
    );
    let filled = match is_drop(context, stale.fill) {
        true => format!("another writer drops `{key}` here"),
        false => format!("cached here under `{key}`"),
    };
    let mut builder = FindingBuilder::new(context, &RULE.info, stale.at, message)
        .subject(key)
        .rests_on(context.confidence_of(stale.write, &effect))
        .step(stale.fill, filled)
        .step(stale.write, "and changed here");
    for other in others {
        builder = builder.step(*other, "and here");
    }
    // Where all ways lead to it, those who take them are the ones who could drop the copy.
    let callers = meaning.callers(context.function_of(stale.at)).iter().filter(|site| context.in_scope(**site));
    for caller in callers.take(MAX_CALLERS_SHOWN) {
        builder = builder.step(*caller, "called from here, which drops nothing");
    }
    let (checked, help) = match others_care {
        true => (
            "neither this function nor a caller deletes or replaces the entry, as other writers do",
            "delete the entry after the change is committed, where the other writers do: in one function, or on the entity's own event",
        ),
        false => (
            "nobody deletes or replaces the entry, and nothing says that it stays for less than a minute",
            "delete the entry after the change is committed, in one function or on the entity's own event; or let it expire within seconds",
        ),
    };
    builder.caused_at([stale.fill]).checked(checked).help(help).build()
}
