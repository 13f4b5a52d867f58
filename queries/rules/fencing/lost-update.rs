//! A value is read, a new one computed from it and written back, with nothing that notices a change in between.

use ascent::ascent_run;
use distsys_engine::meaning::{Effect, EffectFlags, Found, Name, Operand, Role, Term};
use distsys_engine::{Attr, OpKind};
use distsys_engine::words::words;
use distsys_facts::{FunctionId, FunctionKind, SiteId, SiteKind, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::cached::{is_of_process, is_on_miss};
use crate::claims::{is_looked_at, takes};
use crate::computed::{Rewrite, gives_read, is_row};
use crate::keys::is_of_none_before;
use crate::replaced::{Replaced, replaced};
use crate::routed::Routed;
use crate::stored_at::is_of_one_place;
use crate::finding::{Category, Finding, Maturity, RuleInfo, Severity};
use crate::{Context, FindingBuilder, Rule};

pub(crate) static RULE: Rule = Rule {
    info: RuleInfo {
        slug: "lost-update",
        category: Category::Fencing,
        severity: Severity::Major,
        maturity: Maturity::Stable,
        yields_to: &[],
        summary: "a value is read, changed and written back over what others wrote meanwhile",
        page: include_str!("lost-update.md"),
    },
    judge,
};

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let mut reads: Vec<(FunctionId, SiteId, Name)> = Vec::new();
    let mut writes: Vec<(FunctionId, SiteId, Name)> = Vec::new();
    // Those of an entity that nothing says: of the row that is read, if they are its own method.
    let mut nameless: Vec<(FunctionId, SiteId)> = Vec::new();
    let mut reads_nameless: Vec<(FunctionId, SiteId)> = Vec::new();
    let mut locks: Vec<(FunctionId, SiteId)> = Vec::new();
    let mut released: FxHashSet<SiteId> = FxHashSet::default();
    let mut written: FxHashMap<SiteId, Vec<Effect>> = FxHashMap::default();
    let routed = Routed::new(context);
    // Where anything is read.
    let mut looks: FxHashSet<SiteId> = FxHashSet::default();
    for row in meaning.effects.rows() {
        let effect = meaning.effects.get(row.effect);
        let function = context.function_of(row.site);
        if effect.flags.has(EffectFlags::ROW_LOCK) || matches!(effect.kind, OpKind::LockAcquire | OpKind::SessionLock) {
            locks.push((function, row.site));
        }
        // What a callee takes and gives back, it no longer holds afterwards; if it keeps the lock, its scope says so.
        if matches!(effect.kind, OpKind::LockRelease | OpKind::SessionUnlock) && !meaning.callees(row.site).is_empty() {
            released.insert(row.site);
        }
        if matches!(effect.kind, OpKind::DbRead | OpKind::CacheRead) {
            looks.insert(row.site);
        }
        // What puts a row in where none is gives it as it is then: it is looked at, though nothing is computed from it.
        if effect.kind == OpKind::DbWrite && meaning.text(effect.verb) == Some("upsert") {
            reads.extend(effect.entity_name().map(|entity| (function, row.site, entity)));
        }
        match (effect.kind, effect.entity_name()) {
            // Of a replica's row `replica-read-modify-write` speaks.
            (OpKind::DbRead, _) if routed.role(context, row.site, &effect) == Role::Replica => {}
            (OpKind::DbRead, Some(entity)) => reads.push((function, row.site, entity)),
            (OpKind::DbRead, None) => reads_nameless.push((function, row.site)),
            (OpKind::DbWrite, named) if sets(context, &effect) || is_claim(context, row.site, &effect) => {
                match named {
                    Some(entity) => writes.push((function, row.site, entity)),
                    None => nameless.push((function, row.site)),
                }
                written.entry(row.site).or_default().push(effect);
            }
            _ => {}
        }
    }
    let mut guarded: Vec<(SiteId,)> = Vec::new();
    // Under a lock that nothing is read under, with where that is taken: what was read before may be old by then.
    let mut late: FxHashMap<SiteId, SiteId> = FxHashMap::default();
    for scope in &meaning.scopes.all {
        let serial = scope.kind == OpKind::TxScope
            && meaning.operation(scope).is_some_and(|op| meaning.is_isolated(op));
        if serial || matches!(scope.kind, OpKind::LockAcquire | OpKind::SessionLock | OpKind::Guard) {
            let sites = meaning.sites(scope);
            match sites.iter().any(|site| looks.contains(site)) {
                true => guarded.extend(sites.into_iter().map(|site| (site,))),
                false => late.extend(sites.into_iter().filter_map(|site| Some((site, scope.origin?)))),
            }
        }
    }
    guarded.extend(run_while(context, &guarded).into_iter().map(|site| (site,)));
    let protected: FxHashSet<SiteId> = guarded.iter().map(|(site,)| *site).collect();
    let kept = kept_values(context, &protected, &locks, &released);
    let holds = |site: SiteId| {
        let around = context.function_of(site);
        locks.iter().any(|(function, lock)| *function == around && !released.contains(lock) && meaning.precedes(*lock, site))
    };
    let replaced: Vec<Finding> = replaced(context)
        .into_iter()
        .filter(|rows| context.in_scope(rows.delete) && !runs_alone(context, rows.delete))
        .filter(|rows| !protected.contains(&rows.delete) && !holds(rows.delete))
        .map(|rows| report_replaced(context, &rows))
        .collect();
    // Whether a lock is there before the value is read, or before it is read again.
    let is_before = |lock: SiteId, read: SiteId, write: SiteId| {
        let within = |site: SiteId| site == lock || site == write || meaning.precedes(lock, site) && meaning.precedes(site, write);
        lock == read || meaning.precedes(lock, read) || meaning.program.sites(context.function_of(lock)).any(|row| looks.contains(&row.site) && within(row.site))
    };
    // Rows are locked until their transaction ends.
    let mut transactions: FxHashMap<FunctionId, Vec<FxHashSet<SiteId>>> = FxHashMap::default();
    for (function, _) in &locks {
        transactions.entry(*function).or_insert_with(|| {
            let of_function = meaning.scopes.in_function(*function).filter(|scope| scope.kind == OpKind::TxScope);
            of_function.map(|scope| meaning.sites(scope).into_iter().collect()).collect()
        });
    }
    let is_over = |lock: SiteId, write: SiteId| {
        let around: Vec<_> = transactions[&context.function_of(lock)].iter().filter(|sites| sites.contains(&lock)).collect();
        !around.is_empty() && !around.into_iter().any(|sites| sites.contains(&write))
    };
    let program = ascent_run! {
        relation reads(FunctionId, SiteId, Name) = reads;
        relation writes(FunctionId, SiteId, Name) = writes;
        relation nameless(FunctionId, SiteId) = nameless;
        relation reads_nameless(FunctionId, SiteId) = reads_nameless;
        relation locks(FunctionId, SiteId) = locks.clone();
        relation guarded(SiteId) = guarded;
        relation pairs(SiteId, SiteId);
        pairs(r, w) <-- writes(f, w, e), !guarded(w), reads(f, r, e), if r != w && meaning.precedes(*r, *w);
        pairs(r, w) <-- nameless(f, w), !guarded(w), reads(f, r, _), if r != w && meaning.precedes(*r, *w);
        pairs(r, w) <--
            nameless(f, w), !guarded(w), reads_nameless(f, r), if r != w && meaning.precedes(*r, *w) && is_of_one_place(context, *r, *w);
        relation locked(SiteId, SiteId);
        locked(r, w) <--
            pairs(r, w), locks(context.function_of(*w), l),
            if (l == w || meaning.precedes(*l, *w)) && is_before(*l, *r, *w) && !is_over(*l, *w);
        relation found(SiteId, SiteId);
        found(w, r) <-- pairs(r, w), !locked(r, w);
    };
    let mut found = program.found;
    found.sort_unstable();
    let rewrite = Rewrite { context, guarded: &protected, writes: &written };
    let mut findings: FxHashMap<SiteId, (SiteId, SiteId, Effect)> = FxHashMap::default();
    let mut claims: FxHashMap<SiteId, Claim> = FxHashMap::default();
    for (write, read) in found {
        if is_run_under_lock(context, context.function_of(write), &locks, &released, 0) {
            continue;
        }
        if !context.in_scope(write) || runs_alone(context, write) || context.meaning.compares_and_sets(write) {
            continue;
        }
        let effect = of_entity(context, &written[&write], read);
        let is_read = || meaning.effects.at(read).any(|(effect, _)| effect.kind == OpKind::DbRead);
        if sets(context, &effect)
            && is_read()
            && !findings.contains_key(&write)
            && let Some(computed) = rewrite.computed_from(read, write)
            && !writes_versioned(context, read, write, &effect)
        {
            findings.insert(write, (read, computed, effect));
        }
        if is_claim(context, write, &effect) && is_looked_at(context, read, write, &effect) {
            let trace = context.meaning.trace(write, &effect);
            let place = context.primary(&trace);
            // The lowest function that looks and takes is the one to mend.
            let known = claims.entry(place).or_insert_with(|| (read, trace.clone(), effect));
            if trace.len() < known.1.len() {
                *known = (read, trace, effect);
            }
        }
    }
    claims.retain(|place, _| !findings.contains_key(place));
    let mut told = one_for_each_write(context, findings, &late);
    told.extend(claims.into_iter().map(|(place, claim)| report_claim(context, place, &claim)));
    told.extend(kept);
    told.extend(replaced);
    told.extend(never_locked(context));
    told
}

/// Whether the row that was read is written as an object, be that stored into or handed over, whose mapper refuses it when the
/// row has moved on.
fn writes_versioned(context: &Context<'_>, read: SiteId, write: SiteId, effect: &Effect) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let counts = effect.entity_name().is_some_and(|entity| meaning.counts_versions(entity));
    let is_row = |var: VarId| program.call(read).is_some_and(|call| program.held_at(var) == call.result);
    let is_store = program.site(write).kind == SiteKind::Store;
    let given = program.arguments(write).map(|row| row.var).chain(program.call(write).and_then(|call| call.receiver));
    // `orders.update(order.id, { total })`, further down: columns by themselves have no version.
    let objects = &program.facts.relations.entry;
    let is_whole = |var: VarId| {
        program.loaded_as(program.held_at(var)).is_none() && program.entry_by_var.of(objects, var).next().is_none()
    };
    let end = meaning.trace(write, effect).last().copied().unwrap_or(write);
    let given_there = program.arguments(end).map(|row| row.var).chain(program.call(end).and_then(|call| call.receiver));
    let writes_whole = is_store || program.site(end).kind == SiteKind::Store || given_there.into_iter().any(is_whole);
    writes_whole
        && (counts && is_store || given.into_iter().any(|var| is_row(var) && (counts || meaning.is_of_versioned(var, effect.entity_name()))))
}

/// Whether whoever runs a function has locked before it does: `tx.execute("select pg_advisory_xact_lock(…)"); work(tx)`.
fn is_run_under_lock(context: &Context<'_>, function: FunctionId, locks: &[(FunctionId, SiteId)], released: &FxHashSet<SiteId>, depth: u32) -> bool {
    const MAX_ABOVE: u32 = 2;
    let meaning = context.meaning;
    // What stands in no other function may be run by others that are not seen.
    let parent = meaning.program.function(function).parent.map(|parent| meaning.program.function(parent).kind);
    if parent.is_none_or(|kind| kind == FunctionKind::Module) || depth > MAX_ABOVE {
        return false;
    }
    let is_after_lock = |run: SiteId| {
        let around = context.function_of(run);
        locks.iter().any(|(own, lock)| *own == around && !released.contains(lock) && meaning.precedes(*lock, run))
    };
    // Where what is handed the closure runs it.
    let runs_of = |given: SiteId| {
        let passed = meaning.resolution.passed_at(given).iter();
        let passed = passed.filter(|row| meaning.functions_given(row.argument).contains(&function));
        passed.flat_map(|row| meaning.invocations.applied(row.parameter)).copied().collect::<Vec<SiteId>>()
    };
    let mut given = meaning.callers(function).iter().copied().filter(|site| context.in_scope(*site)).peekable();
    given.peek().is_some()
        && given.all(|given| {
            let runs = runs_of(given);
            is_after_lock(given)
                || !runs.is_empty() && runs.into_iter().all(is_after_lock)
                || is_run_under_lock(context, context.function_of(given), locks, released, depth + 1)
        })
}

/// Queries that would lock what is written after them, if anything ran them.
fn never_locked(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let never_run = meaning.operations.never_run.iter().filter(|op| context.in_scope(op.site));
    let written = never_run.filter_map(|op| {
        let mut after = meaning.effects.in_function(op.function).filter(|(effect, row)| {
            effect.kind == OpKind::DbWrite
                && matches!(meaning.text(effect.verb), Some("update" | "delete" | "upsert"))
                && meaning.precedes(op.site, row.site)
        });
        after.next().map(|(effect, row)| (op.site, row.site, effect))
    });
    written.map(|(query, write, effect)| report_never_locked(context, query, write, &effect)).collect()
}

fn report_never_locked(context: &Context<'_>, query: SiteId, write: SiteId, effect: &Effect) -> Finding {
    let entity = context.quoted(effect.entity);
    let message = format!(
        "this query would lock rows, but nothing looks at what it gives, so it is never run; {entity} is written after it with no lock held"
    );
    FindingBuilder::new(context, &RULE.info, query, message)
        .subject(context.meaning.text(effect.entity).unwrap_or_default())
        .step(query, "the query that locks is only made")
        .step(write, format!("{entity} is written"))
        .checked("nothing goes over its rows, takes one of them or asks how many there are")
        .help("run it (`list(…)`), or take what is written from it")
        .build()
}

/// The write of those at one site that is of what was read there.
fn of_entity(context: &Context<'_>, writes: &[Effect], read: SiteId) -> Effect {
    let reads = || context.meaning.effects.at(read).map(|(effect, _)| effect).filter(|effect| effect.kind == OpKind::DbRead);
    let same = |write: &&Effect| reads().any(|read| read.entity_name().is_some() && read.entity == write.entity);
    writes.iter().find(same).copied().unwrap_or(writes[0])
}

/// Values under a key of a shared cache that are read, changed and set again: counters, carts, lists.
fn kept_values(
    context: &Context<'_>,
    guarded: &FxHashSet<SiteId>,
    locks: &[(FunctionId, SiteId)],
    released: &FxHashSet<SiteId>,
) -> Vec<Finding> {
    let meaning = context.meaning;
    // What operations do, and helpers that give what they read or set what they are given.
    let of_kind = |kind: OpKind| {
        let rows = meaning.effects.rows().iter().map(|row| (row.site, meaning.effects.get(row.effect)));
        rows.filter(move |(_, effect)| effect.kind == kind && !matches!(effect.key, Term::Absent | Term::Unknown))
    };
    let mut reads: FxHashMap<(FunctionId, Term), Vec<SiteId>> = FxHashMap::default();
    for (site, effect) in of_kind(OpKind::CacheRead) {
        reads.entry((context.function_of(site), effect.key)).or_default().push(site);
    }
    let counted: FxHashSet<Term> =
        of_kind(OpKind::CacheWrite).filter(|(_, effect)| counts(context, effect)).map(|(_, effect)| effect.key).collect();
    let mut found: FxHashMap<SiteId, Finding> = FxHashMap::default();
    let mut by_read: FxHashMap<(SiteId, Term), Vec<Set>> = FxHashMap::default();
    for (write, effect) in of_kind(OpKind::CacheWrite).filter(|(site, _)| context.in_scope(*site)) {
        let function = context.function_of(write);
        let Some(reads) = reads.get(&(function, effect.key)) else { continue };
        let before = reads.iter().copied().filter(|read| *read != write && meaning.precedes(*read, write));
        let before: Vec<SiteId> = before.filter(|read| gives_read(context, *read, OpKind::CacheRead, 0)).collect();
        // What is set where nothing was read writes over no change of it.
        let is_missed = |read: &SiteId| {
            let value = meaning.program.call(*read).map(|call| call.result);
            value.is_some_and(|value| is_on_miss(context, value, write))
        };
        let before: Vec<SiteId> = before.into_iter().filter(|read| !is_missed(read)).collect();
        if before.is_empty() || found.contains_key(&write) || is_of_process(context, write) || is_set_anew(context, write, &effect) {
            continue;
        }
        let held = |lock: SiteId| !released.contains(&lock) && meaning.precedes(lock, write);
        let locked = locks.iter().any(|(around, lock)| *around == function && held(*lock));
        let watched = || {
            let mut calls = meaning.program.sites(function).filter_map(|row| meaning.program.call(row.site));
            calls.any(|call| matches!(meaning.program.text(call.name), "watch" | "cas" | "gets"))
        };
        if locked || guarded.contains(&write) || runs_alone(context, write) || watched() {
            continue;
        }
        let changed = before.iter().filter_map(|read| Some((*read, changed_between(context, *read, write)?)));
        if let Some((read, computed)) = changed.min() {
            by_read.entry((read, effect.key)).or_default().push((write, computed, effect));
            continue;
        }
        if counted.contains(&effect.key) && !counts(context, &effect) {
            let full = before.iter().filter_map(|read| Some((*read, begun_anew(context, *read, write)?)));
            if let Some((read, compared)) = full.min() {
                found.insert(write, report_begun_anew(context, read, write, compared, &effect));
            }
        }
    }
    // Branches that set what one read gave have one cause.
    let told = by_read.into_iter().map(|((read, _), mut writes)| {
        writes.sort_unstable_by_key(|(write, ..)| *write);
        writes.dedup_by_key(|(write, ..)| *write);
        let others: Vec<SiteId> = writes[1..].iter().map(|(write, ..)| *write).collect();
        let (write, computed, effect) = writes[0];
        report_kept(context, read, write, computed, &effect, &others)
    });
    told.chain(found.into_values()).collect()
}

/// What sets a value that was changed, where that was, and what it does.
type Set = (SiteId, SiteId, Effect);

/// Whether the key that is set has something in it that was made for it: nobody has read what is there.
fn is_set_anew(context: &Context<'_>, write: SiteId, effect: &Effect) -> bool {
    let meaning = context.meaning;
    let last = meaning.trace(write, effect).last().copied().unwrap_or(write);
    let op = context.operation(last, OpKind::CacheWrite);
    op.is_some_and(|op| matches!(meaning.attribute(op, Attr::Key), Found::Is(Operand::Var(key)) if is_of_none_before(context, key)))
}

fn counts(context: &Context<'_>, effect: &Effect) -> bool {
    context.meaning.text(effect.verb) == Some("increment")
}

/// Where what was read is found to be as much as it may be, if that decides that the counter is set back by `write`: what others
/// count up meanwhile is set back with it, and two that find it full both do what is done then.
fn begun_anew(context: &Context<'_>, read: SiteId, write: SiteId) -> Option<SiteId> {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let value = program.call(read)?.result;
    let is_number = |var: VarId| meaning.constant(var).is_some_and(|text| text.parse::<f64>().is_ok());
    let set = program.arguments(write).skip(1).map(|row| row.var).next().filter(|_| meaning.callees(write).is_empty())?;
    if !is_number(set) {
        return None;
    }
    let compares = |operator: &str| matches!(operator, "<" | "<=" | ">" | ">=");
    meaning.decisions(write).into_iter().find_map(|decision| {
        let compared = program.binary_by_dst.of(&r.binary, decision.condition).find(|row| compares(program.text(row.operator)))?;
        let sides = std::iter::once(compared.left).chain(compared.right);
        sides.into_iter().any(|side| meaning.made_from(side).contains(&value)).then_some(compared.site)
    })
}

/// What the write at a site sets: the arguments of the operation, or those that a helper hands on to it.
fn set_at(context: &Context<'_>, write: SiteId, depth: u32) -> Vec<VarId> {
    const MAX_HELPERS: u32 = 3;
    let meaning = context.meaning;
    let program = meaning.program;
    let callees = meaning.callees(write);
    if callees.is_empty() {
        return program.arguments(write).skip(1).map(|row| row.var).collect();
    }
    if depth >= MAX_HELPERS {
        return Vec::new();
    }
    let inner = callees.iter().flat_map(|function| meaning.effects.in_function(*function));
    let mut inner: Vec<SiteId> =
        inner.filter(|(effect, _)| effect.kind == OpKind::CacheWrite).map(|(_, row)| row.site).collect();
    inner.dedup();
    let handed: FxHashSet<VarId> = inner
        .into_iter()
        .flat_map(|site| set_at(context, site, depth + 1))
        .flat_map(|var| meaning.made_from(var))
        .collect();
    let passed = meaning.resolution.passed_at(write).iter();
    let mut set: Vec<VarId> = passed.filter(|row| handed.contains(&row.parameter)).map(|row| row.argument).collect();
    // What a closure sets that the caller gives to be run: `locks.using(key, () => cache.set(key, value))`.
    if callees.iter().any(|function| program.function(*function).kind == FunctionKind::Closure) {
        set.extend(handed);
    }
    set.sort_unstable();
    set.dedup();
    set
}

/// Where what is set at `write` is made by changing what was read: computed from it, or put into it.
fn changed_between(context: &Context<'_>, read: SiteId, write: SiteId) -> Option<SiteId> {
    const CHANGES: &[&str] = &["append", "push", "extend", "insert", "remove", "unshift", "splice", "update", "discard", "setdefault"];
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let value = program.call(read)?.result;
    let set: FxHashSet<VarId> = set_at(context, write, 0).into_iter().flat_map(|var| meaning.made_from(var)).collect();
    if !set.contains(&value) {
        return None;
    }
    let is_read = |var: VarId| meaning.made_from(var).contains(&value);
    let between = |site: SiteId| meaning.precedes(read, site) && meaning.precedes(site, write);
    // `{ ...old, ...part }`: the rest of what is set is what was read.
    let is_spread = |var: &VarId| {
        let entries: Vec<_> = program.entry_by_var.of(&r.entry, *var).collect();
        entries.len() > 1 && entries.iter().any(|row| program.text(row.key) == "**" && is_row(context, row.value, value, false))
    };
    // What is put into a new value where none was there changes nothing that was read.
    let changes_here = |site: SiteId| !is_on_miss(context, value, site);
    let changes_it = |site: &SiteId| between(*site) && changes_here(*site);
    program.sites(context.function_of(write)).map(|row| row.site).filter(changes_it).find(|site| {
        let computed = r.binary.binary_search_by_key(site, |row| row.site).ok().map(|at| r.binary[at]).is_some_and(|row| {
            matches!(program.text(row.operator), "+" | "-" | "*" | "/" | "+=" | "-=" | "++" | "--")
                && set.contains(&row.dst)
                && std::iter::once(row.left).chain(row.right).any(is_read)
        });
        let put = r.store.binary_search_by_key(site, |row| row.site).ok().is_some_and(|at| set.contains(&r.store[at].base) && is_read(r.store[at].base));
        let changed = program.call(*site).is_some_and(|call| {
            CHANGES.contains(&program.text(call.name)) && call.receiver.is_some_and(|var| set.contains(&var) && is_read(var))
        });
        computed || put || changed
    }).or_else(|| (changes_here(write) && set.iter().any(is_spread)).then_some(write))
}

fn report_kept(context: &Context<'_>, read: SiteId, write: SiteId, computed: SiteId, effect: &Effect, others: &[SiteId]) -> Finding {
    let named = context.meaning.text(effect.key).filter(|text| !text.is_empty());
    let key = named.map_or_else(|| "a value".to_owned(), |text| format!("`{text}`"));
    let message = format!(
        "{key} is read out of the cache, changed here and set again; two requests that read the same value write over one another, and one of the changes is lost"
    );
    let mut builder = FindingBuilder::new(context, &RULE.info, write, message)
        .rests_on(context.confidence_of(write, effect))
        .step(read, format!("{key} is read"))
        .step(computed, "a new value is made from it")
        .step(write, "and set");
    for other in others.iter().take(MAX_SHOWN) {
        builder = builder.step(*other, "and likewise here");
    }
    builder
        .checked("no lock, no watch on the key and no operation of the cache itself that changes it")
        .help("let the cache change it (`INCRBY`, `RPUSH`, `HSET`, a script), or watch the key and try again")
        .build()
}

fn report_begun_anew(context: &Context<'_>, read: SiteId, write: SiteId, compared: SiteId, effect: &Effect) -> Finding {
    let named = context.meaning.text(effect.key).filter(|text| !text.is_empty());
    let key = named.map_or_else(|| "a counter".to_owned(), |text| format!("`{text}`"));
    let message = format!(
        "{key} is counted up by many, and is read, compared and set back here by three commands; what is counted in between is lost, and two that find it full both go on"
    );
    FindingBuilder::new(context, &RULE.info, write, message)
        .rests_on(context.confidence_of(write, effect))
        .step(read, format!("{key} is read"))
        .step(compared, "it decides here")
        .step(write, "and is set back")
        .checked("no lock, no watch on the key and no operation of the cache itself that changes it")
        .help("count and set back in one script, or go by what the command that counts up gives back")
        .build()
}

/// A write, the read before it, and where the new value is computed.
type Lost = (SiteId, SiteId, SiteId, Effect);

/// The look at what is free, the way to the write that takes it, and what that does.
type Claim = (SiteId, Vec<SiteId>, Effect);

/// A write that takes a row for whoever does it, whoever has taken it meanwhile.
fn is_claim(context: &Context<'_>, write: SiteId, effect: &Effect) -> bool {
    let apart = effect.flags.has(EffectFlags::CONDITIONAL) || effect.flags.has(EffectFlags::BACKGROUND);
    !apart && matches!(context.meaning.text(effect.verb), Some("update" | "increment")) && takes(context, write, effect)
}

fn report_claim(context: &Context<'_>, place: SiteId, (read, trace, effect): &Claim) -> Finding {
    let entity = context.quoted(effect.entity);
    let message = format!(
        "{entity} is looked at for what is free, and taken here whoever has taken it meanwhile; two workers that look at the same time both have it"
    );
    FindingBuilder::new(context, &RULE.info, place, message)
        .subject(context.meaning.text(effect.entity).unwrap_or_default())
        .rests_on(context.confidence_of(trace[0], effect))
        .step(*read, format!("{entity} is read to see whether it is free"))
        .steps(context.steps(trace, effect))
        .checked("the write does not ask whether it is still free, and no row lock is taken by the read")
        .help("write only where it is still free (`WHERE … AND leased_until = the value read`) and look whether a row was changed, or lock the row (`FOR UPDATE SKIP LOCKED`)")
        .build()
}

fn report_replaced(context: &Context<'_>, rows: &Replaced) -> Finding {
    let entity = format!("`{}`", context.meaning.name(rows.entity));
    let message = format!(
        "rows of {entity} are read, those that were read are deleted and others put in their place; two requests that read the same rows both put in theirs, and one of the sets is not replaced"
    );
    FindingBuilder::new(context, &RULE.info, rows.delete, message)
        .subject(context.meaning.name(rows.entity))
        .step(rows.read, format!("{entity} is read"))
        .step(rows.delete, "what was read is deleted")
        .step(rows.insert, "and others are put in")
        .checked("no row lock on what all of them belong to, and no key that refuses the second set")
        .help("lock the row that the set belongs to (`FOR UPDATE`) before it is read, or give the rows a key and upsert them")
        .build()
}

/// What many functions do through one that reads and one that writes has one cause: the first is told, with the others as places.
fn one_for_each_write(context: &Context<'_>, findings: FxHashMap<SiteId, (SiteId, SiteId, Effect)>, late: &FxHashMap<SiteId, SiteId>) -> Vec<Finding> {
    let mut by_write: FxHashMap<(SiteId, SiteId), Vec<Lost>> = FxHashMap::default();
    let mut findings: Vec<(SiteId, (SiteId, SiteId, Effect))> = findings.into_iter().collect();
    findings.sort_unstable_by_key(|(write, _)| *write);
    // What is computed once and written in each of several arms is told once, and so is one row that is changed and then saved.
    let mut known: FxHashSet<(SiteId, Option<SiteId>, Term)> = FxHashSet::default();
    findings.retain(|(_, (read, computed, effect))| {
        let is_new = known.insert((*read, Some(*computed), Term::Unknown));
        is_new && (effect.entity_name().is_none() || known.insert((*read, None, effect.entity)))
    });
    for (write, (read, computed, effect)) in findings {
        let last = |site: SiteId, effect: &Effect| context.meaning.trace(site, effect).last().copied().unwrap_or(site);
        let read_by = context.meaning.effects.at(read).find(|(known, _)| known.kind == OpKind::DbRead && known.entity == effect.entity);
        let read_by = read_by.map_or(read, |(known, _)| last(read, &known));
        // What changes the row that it is given does so whoever has read it.
        let elsewhere = context.function_of(computed) != context.function_of(write);
        let cause = if elsewhere { (computed, computed) } else { (last(write, &effect), read_by) };
        by_write.entry(cause).or_default().push((write, read, computed, effect));
    }
    let told = by_write.into_values().flat_map(|mut all| {
        all.sort_unstable_by_key(|(write, ..)| *write);
        let elsewhere = all.iter().any(|(write, _, computed, _)| context.function_of(*computed) != context.function_of(*write));
        let shared = if all.len() < MANY && !elsewhere { 0 } else { all.len() - 1 };
        let others: Vec<SiteId> = all[all.len() - shared..].iter().map(|(write, ..)| *write).collect();
        all.truncate(all.len() - shared);
        let reports = all.into_iter().map(|(write, read, computed, effect)| {
            report(context, read, write, computed, &effect, &others, late)
        });
        reports.collect::<Vec<_>>()
    });
    told.collect()
}

/// A pair of helpers through which so many functions read and write is the place to mend.
const MANY: usize = 4;

/// So many other places of one write are shown.
const MAX_SHOWN: usize = 8;

/// The sites of functions that nothing else runs than what is `guarded`.
fn run_while(context: &Context<'_>, guarded: &[(SiteId,)]) -> Vec<SiteId> {
    let meaning = context.meaning;
    let program = meaning.program;
    let mut inside: FxHashSet<SiteId> = guarded.iter().map(|(site,)| *site).collect();
    let mut stack: Vec<SiteId> = inside.iter().copied().collect();
    let mut found = Vec::new();
    while let Some(site) = stack.pop() {
        let around = context.function_of(site);
        let blocks = program.functions_by_parent.of(&program.facts.relations.function, around);
        let blocks = blocks.filter(|row| row.kind == FunctionKind::AsyncBlock).map(|row| row.function);
        let callees = meaning.callees(site).into_iter().chain(blocks);
        for function in callees {
            // Tests call what else runs under the lock only.
            let mut callers = meaning.callers(function).iter().filter(|caller| context.in_scope(**caller));
            if !callers.all(|caller| inside.contains(caller)) {
                continue;
            }
            for row in program.sites(function).filter(|row| inside.insert(row.site)) {
                found.push(row.site);
                stack.push(row.site);
            }
        }
    }
    found
}

/// Whether a person or a deployment starts it, one at a time: a migration, a command.
fn runs_alone(context: &Context<'_>, site: SiteId) -> bool {
    let place = context.place(site);
    let (path, name) = (place.path.as_str(), context.named_function(context.function_of(site)));
    path.split('/').chain(name.split('.')).any(|part| {
        words(part).iter().any(|word| {
            matches!(word.as_str(), "migration" | "migrations" | "migrate" | "backfill" | "command" | "commands" | "cli" | "seed" | "seeds")
        })
    })
}

/// A write that sets what the program computed, whatever the row holds by now.
fn sets(context: &Context<'_>, effect: &Effect) -> bool {
    let absolute = !matches!(context.meaning.text(effect.verb), Some("insert" | "increment" | "delete"));
    absolute && !effect.flags.has(EffectFlags::CONDITIONAL) && !effect.flags.has(EffectFlags::BACKGROUND)
}

fn report(context: &Context<'_>, read: SiteId, write: SiteId, computed: SiteId, effect: &Effect, others: &[SiteId], late: &FxHashMap<SiteId, SiteId>) -> Finding {
    let read_as = || context.meaning.effects.at(read).find(|(known, _)| known.kind == OpKind::DbRead).map(|(known, _)| known.entity);
    let of = if effect.entity_name().is_some() { effect.entity } else { read_as().unwrap_or(effect.entity) };
    let entity = context.quoted(of);
    let message = format!(
        "{entity} is read, a new value computed from it and written back; two requests that read the same value write over one another, and one of the changes is lost"
    );
    let trace = context.meaning.trace(write, effect);
    let mut builder = FindingBuilder::new(context, &RULE.info, write, message)
        .subject(context.meaning.text(of).unwrap_or_default())
        .rests_on(context.confidence_of(write, effect))
        .step(read, format!("{entity} is read"))
        .step(computed, "a new value is computed from it");
    if let Some(taken) = trace.iter().find_map(|site| late.get(site)) {
        builder = builder.step(*taken, "the lock is taken only here, and nothing is read again under it");
    }
    builder = builder.steps(context.steps(&trace, effect));
    for other in others.iter().take(MAX_SHOWN) {
        builder = builder.step(*other, "and likewise here");
    }
    builder
        .checked("no row lock, version in the condition, atomic update or serialisable transaction")
        .help("let the database add (`SET n = n + 1`), lock the row (`FOR UPDATE`), or write only if the version read is still there")
        .build()
}
