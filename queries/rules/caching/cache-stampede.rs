//! On a cache miss every caller loads from the origin, all at the same time.

use ascent::ascent_run;
use distsys_engine::meaning::{Effect, EffectFlags, Found, Mode, Operand, Operation, Term};
use distsys_engine::words::words;
use distsys_engine::{Attr, OpKind};
use distsys_engine::resolve::ValueKind;
use distsys_facts::{ClassId, FunctionId, FunctionKind, ParameterKind, RegionKind, SiteId, SiteKind, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::finding::{Category, Confidence, Finding, Maturity, RuleInfo, Severity};
use crate::cached::{carried, notes_failure};
use crate::locks::{Key, keys};
use crate::on_miss::run_on_miss;
use crate::shared_loads::is_shared;
use crate::transactions::is_elsewhere;
use crate::unknown_loads::unknown_loads;
use crate::{Context, FindingBuilder, Rule};

pub(crate) static RULE: Rule = Rule {
    info: RuleInfo {
        slug: "cache-stampede",
        category: Category::Caching,
        severity: Severity::Major,
        maturity: Maturity::Stable,
        yields_to: &[],
        summary: "on a miss every caller loads the same at once",
        page: include_str!("cache-stampede.md"),
    },
    judge,
};

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let mut reads: Vec<(FunctionId, SiteId)> = Vec::new();
    let mut writes: Vec<(FunctionId, SiteId)> = Vec::new();
    let mut loads: Vec<(FunctionId, SiteId)> = Vec::new();
    let mut coalesced: Vec<(SiteId,)> = Vec::new();
    // What saves a row and keeps what it has saved fills nothing on a miss.
    let is_saved = |done: &Effect, site: SiteId| {
        let mut written = meaning.effects.at(site).map(|(effect, _)| effect).filter(|effect| {
            effect.kind == OpKind::DbWrite && !effect.flags.has(EffectFlags::CONDITIONAL) && !is_elsewhere(effect.flags)
        });
        written.any(|write| match done.kind {
            // A row that is put in where none was found is no save.
            OpKind::DbRead => write.entity == done.entity && meaning.text(write.verb) != Some("insert"),
            kind => kind == OpKind::CacheWrite,
        })
    };
    for row in meaning.effects.rows() {
        let effect = meaning.effects.get(row.effect);
        let function = context.function_of(row.site);
        match effect.kind {
            _ if is_saved(&effect, row.site) => {}
            OpKind::CacheRead => reads.push((function, row.site)),
            OpKind::CacheWrite => writes.push((function, row.site)),
            OpKind::DbRead | OpKind::HttpRequest | OpKind::Rpc => loads.push((function, row.site)),
            _ => {}
        }
    }
    // A call that asks the cache, loads and fills it has missed by itself; one that loads nothing has only seen to the entry.
    let whole: FxHashSet<SiteId> = {
        let asked: FxHashSet<SiteId> = reads.iter().map(|(_, site)| *site).collect();
        let loaded: FxHashSet<SiteId> = loads.iter().map(|(_, site)| *site).collect();
        let loads = |site: &SiteId| loaded.contains(site) || meaning.invocations.at(*site).next().is_some();
        let both = writes.iter().map(|(_, site)| *site).filter(|site| asked.contains(site) && loads(site));
        both.filter(|site| same_key(context, *site, *site)).collect()
    };
    reads.retain(|(_, site)| !whole.contains(site));
    writes.retain(|(_, site)| !whole.contains(site));
    let caching: FxHashSet<FunctionId> = writes.iter().map(|(function, _)| *function).collect();
    // A loader that the caller gives.
    for &function in &caching {
        let given = meaning.program.sites(function).map(|row| row.site);
        loads.extend(given.filter(|site| meaning.invocations.is_through_parameter(*site)).map(|site| (function, site)));
        loads.extend(unknown_loads(context, function).into_iter().map(|site| (function, site)));
    }
    for relation in [&mut reads, &mut loads] {
        relation.retain(|(function, _)| caching.contains(function));
        relation.sort_unstable();
        relation.dedup();
    }
    for &(_, site) in &loads {
        if is_coalesced(context, site) {
            coalesced.push((site,));
        }
    }
    let program = ascent_run! {
        relation reads(FunctionId, SiteId) = reads;
        relation writes(FunctionId, SiteId) = writes;
        relation loads(FunctionId, SiteId) = loads;
        relation coalesced(SiteId) = coalesced;
        relation aside(SiteId, SiteId, SiteId);
        aside(r, l, w) <--
            writes(f, w), loads(f, l), if l != w && meaning.precedes(*l, *w) && fills(context, *l, *w),
            reads(f, r), if r != l && r != w && meaning.precedes(*r, *l) && same_key(context, *r, *w) && misses(context, *r, *l);
        relation found(SiteId, SiteId, SiteId);
        found(l, r, w) <-- aside(r, l, w), !coalesced(l);
    };
    let mut found = program.found;
    found.sort_unstable();
    found.extend(filled_below(context, &program.reads, &program.writes, &program.loads));
    // `cache.get_or_set(key, load)`
    for op in meaning.operations.of_kind(OpKind::Apply) {
        let does = |kind: OpKind| meaning.operations.at(op.site).any(|other| other.kind == kind);
        let loads = || meaning.effects.at(op.site).any(|(effect, _)| matches!(effect.kind, OpKind::DbRead | OpKind::HttpRequest | OpKind::Rpc));
        if does(OpKind::CacheRead) && does(OpKind::CacheWrite) && loads() && !is_coalesced(context, op.site) && !is_for_one(context, op.site) {
            found.push((op.site, op.site, op.site));
        }
    }
    // `cache.get(id).orElseGet(() -> load(id))`
    let is_load = |effect: &Effect| matches!(effect.kind, OpKind::DbRead | OpKind::HttpRequest | OpKind::Rpc);
    found.extend(run_on_miss(context, is_load, fills).into_iter().filter(|(load, read, write)| {
        same_key(context, *read, *write) && !is_coalesced(context, *load) && !is_for_one(context, *read)
    }));
    // `@cache.memoize(60)`
    for op in meaning.operations.of_kind(OpKind::CacheWrite) {
        for row in meaning.invocations.at(op.site).filter(|row| row.mode == Mode::Registered) {
            let is_load = |kind: OpKind| matches!(kind, OpKind::DbRead | OpKind::HttpRequest | OpKind::Rpc);
            let load = meaning.effects.in_function(row.function).find(|(effect, _)| is_load(effect.kind));
            let asks_for_one = || meaning.program.parameters(row.function).any(|parameter| is_of_one(meaning.program.text(parameter.name)));
            if let Some((_, load)) = load.filter(|(_, load)| !is_coalesced(context, load.site) && !asks_for_one()) {
                found.push((load.site, op.site, op.site));
            }
        }
    }
    found.extend(annotated(context));
    found.retain(|(load, _, write)| {
        context.in_scope(*load) && expires_often(context, *write) && !is_kept_at_once(context, *load, *write)
    });
    let mut by_owner: FxHashMap<Owner, Vec<(SiteId, SiteId, SiteId)>> = FxHashMap::default();
    for (load, read, write) in found {
        // Wrappers of one class are told once.
        let class = meaning.program.function(context.function_of(load)).class;
        let class = class.filter(|_| meaning.invocations.is_through_parameter(load));
        let known = by_owner.entry(class.map_or(Owner::Write(write), Owner::Class)).or_default();
        if !known.iter().any(|(_, _, other)| *other == write) {
            known.push((load, read, write));
        }
    }
    by_owner.into_values().map(|places| report(context, &places)).collect()
}

/// What is done in a function, and where.
type Done = (FunctionId, SiteId);

/// `return known ?? this.fill(id)`: what is called on a miss loads and fills, both.
fn filled_below(context: &Context<'_>, reads: &[Done], writes: &[Done], loads: &[Done]) -> Vec<(SiteId, SiteId, SiteId)> {
    let meaning = context.meaning;
    let in_function = |of: FunctionId, rows: &[Done]| -> Vec<SiteId> {
        rows.iter().filter(|(function, _)| *function == of).map(|(_, site)| *site).collect()
    };
    let loaded: FxHashSet<&Done> = loads.iter().collect();
    let mut found = Vec::new();
    for &(function, site) in writes.iter().filter(|row| loaded.contains(row)) {
        let [filler] = meaning.callees(site)[..] else { continue };
        if filler == function || is_coalesced(context, site) {
            continue;
        }
        let missed = |read: &SiteId| {
            *read != site && meaning.precedes(*read, site) && same_key(context, *read, site) && misses(context, *read, site)
        };
        let Some(read) = in_function(function, reads).into_iter().find(missed) else { continue };
        for write in in_function(filler, writes) {
            let filled = |load: &SiteId| *load != write && meaning.precedes(*load, write) && fills(context, *load, write);
            let load = in_function(filler, loads).into_iter().find(filled);
            found.extend(load.filter(|load| !is_coalesced(context, *load)).map(|load| (load, read, write)));
        }
    }
    found
}

/// `@Cacheable("plans") List<Plan> plans(String insurer)`: whoever misses asks the other service, which no process keeps for
/// ever. A row by its key is soon read again.
fn annotated(context: &Context<'_>) -> Vec<(SiteId, SiteId, SiteId)> {
    let meaning = context.meaning;
    let mut found = Vec::new();
    for op in meaning.operations.of_kind(OpKind::CacheWrite) {
        let at = || meaning.operations.at(op.site);
        let function = meaning.function_about(op.site);
        let lets_one_in = at().any(|other| matches!(other.kind, OpKind::Guard | OpKind::LockAcquire));
        if function == context.function_of(op.site) || lets_one_in || !at().any(|other| other.kind == OpKind::CacheRead) {
            continue;
        }
        let is_load = |effect: &Effect| matches!(effect.kind, OpKind::HttpRequest | OpKind::Rpc);
        let load = meaning.effects.in_function(function).find(|(effect, _)| is_load(effect));
        let asks_for_one = || meaning.program.parameters(function).any(|row| is_of_one(meaning.program.text(row.name)));
        if let Some((_, load)) = load.filter(|(_, load)| !is_coalesced(context, load.site) && !asks_for_one())
            && meaning.is_served(function)
        {
            found.push((load.site, op.site, op.site));
        }
    }
    found
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Owner {
    Class(ClassId),
    Write(SiteId),
}

/// What lives longer than a day is missed too seldom to matter.
const LONG_LIFE: f64 = 86_400_000.0;

/// Whether entries go again and again: they live for a day at most, or somebody else deletes them.
fn expires_often(context: &Context<'_>, write: SiteId) -> bool {
    let meaning = context.meaning;
    let Some((effect, _)) = meaning.effects.at(write).find(|(effect, _)| effect.kind == OpKind::CacheWrite) else {
        return true;
    };
    let trace = meaning.trace(write, &effect);
    let Some(op) = trace.last().and_then(|last| context.operation(*last, OpKind::CacheWrite)) else { return true };
    if !matches!(meaning.attribute(op, Attr::Ttl), Found::Is(Operand::Text(text)) if text == "none") {
        return meaning.least_span(op, Attr::Ttl).is_none_or(|ttl| ttl <= LONG_LIFE);
    }
    let beside = |kind: OpKind| meaning.effects.in_function(op.function).any(|(effect, _)| effect.kind == kind);
    let own = keys(context, op);
    let is_pattern = |key: &&Key| matches!(key, Key::Pattern(_));
    let file = |op: &Operation| meaning.program.file_of_function(op.function);
    let deleted = || {
        let mut deletes = meaning.operations.of_kind(OpKind::CacheDelete);
        deletes.any(|other| {
            let same = match own.iter().find(is_pattern) {
                Some(pattern) => keys(context, other).contains(pattern),
                // A key of its own making is known to its own file.
                None => file(other) == file(op),
            };
            same && other.function != op.function && context.in_scope(other.site)
        })
    };
    beside(OpKind::LockExtend) || deleted()
}

/// Whether nobody else has a turn between the load and the fill: it is the promise that is kept, and who asks meanwhile finds it.
fn is_kept_at_once(context: &Context<'_>, load: SiteId, write: SiteId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let function = context.function_of(load);
    let between = |site: SiteId| meaning.precedes(load, site) && meaning.precedes(site, write);
    load != write
        && meaning.gives_promises(load)
        && context.function_of(write) == function
        && !program.sites(function).any(|row| row.kind == SiteKind::Await && between(row.site))
}

/// What is written comes from the load, through the parameters of what is called in between.
fn fills(context: &Context<'_>, load: SiteId, write: SiteId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let Some(call) = program.call(load).filter(|_| !notes_failure(context, load, write)) else { return false };
    let carried = carried(context, write);
    // A cursor gives the rows by calls that come after.
    let mut fetched = call.receiver.into_iter().flat_map(|cursor| program.calls_by_receiver.of(&program.facts.relations.call, cursor));
    carried.contains(&call.result)
        || fetched.any(|later| {
            carried.contains(&later.result) && meaning.precedes(load, later.site) && meaning.operations.at(later.site).next().is_none()
        })
        || leaves_in_given(context, load, &carried)
}

/// Whether what is loaded by a function that the caller gives is not its value but left in an object that the caller gives, too:
/// `await next(); await cache.set(key, ctx.body, ttl)`.
fn leaves_in_given(context: &Context<'_>, load: SiteId, carried: &FxHashSet<VarId>) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let Some(call) = program.call(load).filter(|_| meaning.invocations.is_through_parameter(load)) else { return false };
    let is_used = program.assign_by_src.of(&r.assign, call.result).any(|row| program.variable(row.dst).is_some())
        || program.argument_by_var.of(&r.argument, call.result).next().is_some();
    let is_given = |var: VarId| program.parameter(var).is_some_and(|row| row.kind != ParameterKind::Receiver);
    !is_used && carried.iter().any(|var| program.loaded_as(*var).is_some_and(|load| is_given(load.base)))
}

/// Whether the load depends on what the cache had, and many ask for the same: what is kept for one caller, that one alone
/// misses.
fn misses(context: &Context<'_>, read: SiteId, load: SiteId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let Some(result) = program.call(read).map(|call| call.result) else { return false };
    let asked = program
        .regions_by_function
        .of(&r.region, context.function_of(load))
        .flat_map(|region| program.condition_by_region.of(&r.condition, region.region))
        .any(|condition| meaning.made_from(condition.var).contains(&result));
    let loaded_for_one = program.arguments(load).flat_map(|argument| meaning.made_from(argument.var)).any(|var| {
        program.loaded_as(var).is_some_and(|load| program.text(load.field) == "user")
    });
    // What the cache had is where the load goes on from.
    let goes_on = meaning.chain_arguments(load).into_iter().any(|var| meaning.made_from(var).contains(&result));
    let is_theirs = is_for_one(context, read) || loaded_for_one && owners(context, &key_of(context, read)).is_empty();
    asked && !goes_on && is_given(context, result) && !is_theirs && !is_one_of_many(context, read, load)
}

/// Whether a loop asks for many entries and what is missing of them is loaded at once after it: callers miss different ones.
fn is_one_of_many(context: &Context<'_>, read: SiteId, load: SiteId) -> bool {
    let program = context.meaning.program;
    let region_of = |site: SiteId| program.site(site).region;
    let mut around = program.regions_outward(region_of(read)).filter(|row| row.kind == RegionKind::Loop);
    around.any(|row| !program.region_within(region_of(load), row.region))
}

/// Whether a name is that of what one caller alone has.
fn is_of_one(name: &str) -> bool {
    const ONE_CALLER: &[&str] =
        &["user", "session", "token", "sub", "credential", "credentials", "cookie", "ip", "device", "cursor", "nonce", "challenge", "invoice", "idempotency", "dedup"];
    words(name).iter().any(|word| ONE_CALLER.contains(&word.as_str()))
}

/// What the key of a cache operation is made from.
fn key_of(context: &Context<'_>, site: SiteId) -> FxHashSet<VarId> {
    let key = context.meaning.program.arguments(site).next().map(|argument| context.meaning.made_from(argument.var));
    key.into_iter().flatten().collect()
}

/// The values of a key that are only asked which larger whole they belong to: `user` of `user.teamId`. The whole team shares
/// the entry.
fn owners(context: &Context<'_>, key: &FxHashSet<VarId>) -> FxHashSet<VarId> {
    let program = context.meaning.program;
    let loads = || key.iter().filter_map(|var| program.loaded_as(*var));
    let is_whole = |field: &str| {
        let words = words(field);
        words.len() > 1 && words.last().is_some_and(|word| word == "id") && !is_of_one(field)
    };
    let mut owners: FxHashSet<VarId> = loads().filter(|load| is_whole(program.text(load.field))).map(|load| load.base).collect();
    for load in loads().filter(|load| !is_whole(program.text(load.field))) {
        owners.remove(&load.base);
    }
    // Under each name that it has on the way, and where it was loaded from.
    let mut at: Vec<VarId> = owners.iter().copied().collect();
    while let Some(var) = at.pop() {
        at.extend(program.assigned_from(var).map(|row| row.src).filter(|source| owners.insert(*source)));
    }
    owners
}

/// Whether what is kept is kept for one caller, as the key says.
fn is_for_one(context: &Context<'_>, read: SiteId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let mut key = key_of(context, read);
    let owners = owners(context, &key);
    key.retain(|var| !owners.contains(var));
    let of_one = key.into_iter().any(|var| {
        let texts = [
            program.literal(var).map(|row| row.value),
            program.template(var),
            program.variable(var).map(|row| row.name),
            program.parameter(var).map(|row| row.name),
            program.loaded_as(var).map(|load| load.field),
        ];
        texts.into_iter().flatten().any(|text| is_of_one(program.text(text)))
    });
    let pattern = meaning.effects.at(read).any(|(effect, _)| {
        effect.kind == OpKind::CacheRead && meaning.text(effect.key).is_some_and(is_of_one)
    });
    of_one || pattern
}

/// Whether what the cache has is given to the caller, and not merely compared with something: an entity tag tells the
/// caller that its own copy will do.
fn is_given(context: &Context<'_>, cached: VarId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let asked = |outcome: VarId| program.conditions_on(outcome).next().is_some();
    let mut copies = vec![cached];
    let mut compared = false;
    let mut at = 0;
    while let Some(&var) = copies.get(at)
        && copies.len() < MAX_COPIES
    {
        at += 1;
        copies.extend(program.assign_by_src.of(&r.assign, var).map(|row| row.dst));
        for row in program.argument_by_var.of(&r.argument, var) {
            match program.call(row.site).filter(|call| call.receiver.is_some() && asked(call.result)) {
                Some(_) => compared = true,
                None => return true,
            }
        }
        let looked_into = program.load_by_base.of(&r.load, var).next().is_some()
            || program.calls_by_receiver.of(&r.call, var).next().is_some()
            || meaning.is_kept(var);
        if looked_into {
            return true;
        }
    }
    !compared
}

/// A value is copied so many times.
const MAX_COPIES: usize = 16;

/// Whether two cache operations are on the same key: one pattern, or one value.
fn same_key(context: &Context<'_>, read: SiteId, write: SiteId) -> bool {
    let meaning = context.meaning;
    let keys = |site: SiteId, kind: OpKind| {
        let effects = meaning.effects.at(site).filter(move |(effect, _)| effect.kind == kind);
        effects.map(|(effect, _)| effect.key).filter(|key| !matches!(key, Term::Unknown | Term::Absent)).collect::<Vec<_>>()
    };
    // Two objects of the project hold two caches.
    let held_by = |site: SiteId| {
        let receiver = meaning.program.call(site).and_then(|call| call.receiver)?;
        meaning.program.loaded_as(receiver).map(|load| load.field)
    };
    if let (Some(left), Some(right)) = (held_by(read), held_by(write))
        && left != right
    {
        return false;
    }
    let (read_keys, write_keys) = (keys(read, OpKind::CacheRead), keys(write, OpKind::CacheWrite));
    if !read_keys.is_empty() && !write_keys.is_empty() {
        return write_keys.iter().any(|key| read_keys.contains(key));
    }
    let arguments = |site: SiteId| {
        let first = meaning.program.arguments(site).next().map(|argument| argument.var);
        first.map(|var| meaning.made_from(var)).unwrap_or_default()
    };
    let (read, write) = (arguments(read), arguments(write));
    let named = |var: &VarId| meaning.program.literal(*var).is_none();
    read.iter().filter(|var| named(var)).any(|var| write.contains(var))
}

/// Whether something makes one caller load for all: a lock, a permit, a shared promise.
fn is_coalesced(context: &Context<'_>, site: SiteId) -> bool {
    const WORDS: &[&str] = &["flight", "flights", "singleflight", "coalesce", "coalesced", "coalescing", "dedupe", "inflight", "pending", "lock", "locked", "mutex", "stale", "swr", "once"];
    let meaning = context.meaning;
    let program = meaning.program;
    if is_shared(context, site) {
        return true;
    }
    let (mut function, mut below) = (Some(context.function_of(site)), None);
    while let Some(id) = function {
        let held = meaning.scopes.in_function(id).any(|scope| {
            matches!(scope.kind, OpKind::LockAcquire | OpKind::Guard | OpKind::Limiter)
                && (id != context.function_of(site) || meaning.sites(scope).contains(&site))
        });
        let says = |text: &str| words(text).iter().any(|word| WORDS.contains(&word.as_str()));
        if waits_for_another(context, id, site) || has_turn(context, id, site) {
            return true;
        }
        // Of a module what is done with the function counts, and not what else stands there.
        let is_module = program.function(id).kind == FunctionKind::Module;
        let is_about = |site: SiteId| !is_module || below.is_none_or(|below| is_about_function(context, site, below));
        let named = program
            .sites(id)
            .filter(|row| is_about(row.site))
            .filter_map(|row| program.call(row.site))
            .any(|call| says(program.text(call.name)) || call.receiver.and_then(|var| program.loaded_as(var)).is_some_and(|load| says(program.text(load.field))) || call.receiver.and_then(|var| program.variable(var)).is_some_and(|row| says(program.text(row.name))));
        if held || named || says(context.function_name(id)) {
            return true;
        }
        below = Some(id);
        function = program.function(id).parent;
    }
    false
}

/// Whether the call at `site` is given a function, or stands over it as an annotation.
fn is_about_function(context: &Context<'_>, site: SiteId, function: FunctionId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let annotated = &program.facts.relations.function_annotation;
    let of_class = program.function(function).class;
    let is_it = |var: VarId| {
        program.closure(var) == Some(function)
            || meaning.resolution.values_of(var).any(|value| value.kind == ValueKind::Function(function))
    };
    program.annotation_by_function.of(annotated, function).any(|row| row.site == site)
        || of_class.is_some_and(|class| program.annotation_by_class.of(&program.facts.relations.class_annotation, class).any(|row| row.site == site))
        || program.arguments(site).any(|row| is_it(row.var))
}

/// Whether `function` waits, before the load, for what another caller has put into a shared collection under the key: the
/// promise, task or future of the load that is under way.
fn waits_for_another(context: &Context<'_>, function: FunctionId, load: SiteId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let is_kept = |var: VarId| {
        let sources = std::iter::once(var).chain(program.assigned_from(var).map(|row| row.src));
        sources.into_iter().any(|var| {
            let by_key = program.loaded_as(var).filter(|load| program.text(load.field).starts_with('[')).map(|load| load.base);
            let got = program.call_giving(var).filter(|call| {
                // Of a pool one gets a connection, under no key.
                matches!(program.text(call.name), "get" | "pop" | "setdefault")
                    && program.arguments(call.site).next().is_some()
                    && meaning.resolution.calls_at(call.site).is_empty()
                    && meaning.effects.at(call.site).next().is_none()
            });
            let held = by_key.or(got.and_then(|call| call.receiver));
            held.is_some_and(|held| program.variable(held).is_none_or(|row| row.function != function))
        })
    };
    program.sites(function).filter(|row| row.site < load).any(|row| {
        let at = r.suspend.binary_search_by_key(&row.site, |suspend| suspend.site).ok();
        at.and_then(|at| r.suspend[at].var).is_some_and(is_kept)
    })
}

/// Whether only who sets a key first comes to the load: `if cache.add(f"{key}:fill", 1, 10) or late(): value = load()`.
fn has_turn(context: &Context<'_>, function: FunctionId, load: SiteId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let takes = |var: &VarId| {
        let call = program.call_giving(*var);
        let does = |site: SiteId, kind: OpKind| meaning.effects.at(site).any(|(effect, _)| effect.kind == kind);
        // Who looks whether somebody has the turn asks the cache, too.
        call.is_some_and(|call| does(call.site, OpKind::LockAcquire) && !does(call.site, OpKind::CacheRead))
    };
    let decisions = if context.function_of(load) == function { meaning.decisions(load) } else { Vec::new() };
    decisions.into_iter().any(|decision| meaning.made_from(decision.condition).iter().any(takes))
}

fn report(context: &Context<'_>, places: &[(SiteId, SiteId, SiteId)]) -> Finding {
    let (load, read, write) = places[0];
    let meaning = context.meaning;
    let is_known = meaning.effects.at(load).next().is_some() || meaning.invocations.at(load).next().is_some();
    let served = meaning.is_served(context.function_of(load)) && is_known;
    let message = "when this entry expires, every caller that misses it loads it at once; the origin gets the whole load that the cache kept from it".to_owned();
    let mut builder = FindingBuilder::new(context, &RULE.info, load, message)
        .rests_on(if served { Confidence::High } else { Confidence::Medium })
        .step(read, "the cache is asked")
        .step(load, "on a miss the origin is asked")
        .step(write, "and the cache filled");
    for (load, ..) in places.iter().skip(1).take(MAX_SHOWN) {
        builder = builder.step(*load, "here likewise");
    }
    builder
        .checked("no lock, single flight or early refresh around the load")
        .help("let one caller load and the others wait for it (single flight, a short lock on the key), or refresh before it expires")
        .build()
}

/// So many more places are shown.
const MAX_SHOWN: usize = 6;
