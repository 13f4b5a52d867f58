//! A value is read, a new one computed from it and written back, with nothing that notices a change in between.

use ascent::ascent_run;
use distsys_engine::meaning::{Effect, EffectFlags, Name, Operation, Role, Term};
use distsys_engine::OpKind;
use distsys_engine::words::words;
use distsys_facts::schema::Call;
use distsys_facts::{FunctionId, FunctionKind, SiteId, SiteKind, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

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
    let mut locks: Vec<(FunctionId, SiteId)> = Vec::new();
    let mut written: FxHashMap<SiteId, Effect> = FxHashMap::default();
    for row in meaning.effects.rows() {
        let effect = meaning.effects.get(row.effect);
        let function = context.function_of(row.site);
        if effect.flags.has(EffectFlags::ROW_LOCK) || matches!(effect.kind, OpKind::LockAcquire | OpKind::SessionLock) {
            locks.push((function, row.site));
        }
        let Some(entity) = effect.entity_name() else { continue };
        match effect.kind {
            // Of a replica's row `replica-read-modify-write` speaks.
            OpKind::DbRead if effect.role == Role::Replica => {}
            OpKind::DbRead => reads.push((function, row.site, entity)),
            OpKind::DbWrite if sets(context, &effect) => {
                writes.push((function, row.site, entity));
                written.entry(row.site).or_insert(effect);
            }
            _ => {}
        }
    }
    let mut guarded: Vec<(SiteId,)> = Vec::new();
    for scope in &meaning.scopes.all {
        let serial = scope.kind == OpKind::TxScope
            && meaning.operation(scope).is_some_and(|op| meaning.is_isolated(op));
        if serial || matches!(scope.kind, OpKind::LockAcquire | OpKind::SessionLock | OpKind::Guard) {
            guarded.extend(meaning.sites(scope).into_iter().map(|site| (site,)));
        }
    }
    guarded.extend(run_while(context, &guarded).into_iter().map(|site| (site,)));
    let protected: FxHashSet<SiteId> = guarded.iter().map(|(site,)| *site).collect();
    let kept = kept_values(context, &protected, &locks);
    let program = ascent_run! {
        relation reads(FunctionId, SiteId, Name) = reads;
        relation writes(FunctionId, SiteId, Name) = writes;
        relation locks(FunctionId, SiteId) = locks;
        relation guarded(SiteId) = guarded;
        relation pairs(SiteId, SiteId);
        pairs(r, w) <-- writes(f, w, e), !guarded(w), reads(f, r, e), if r != w && meaning.precedes(*r, *w);
        relation locked(SiteId);
        locked(w) <-- pairs(_, w), locks(context.function_of(*w), l), if l == w || meaning.precedes(*l, *w);
        relation found(SiteId, SiteId);
        found(w, r) <-- pairs(r, w), !locked(w);
    };
    let mut found = program.found;
    found.sort_unstable();
    let mut findings: FxHashMap<SiteId, (SiteId, SiteId, Effect)> = FxHashMap::default();
    for (write, read) in found {
        if context.in_scope(write)
            && !runs_alone(context, write)
            && !context.meaning.compares_and_sets(write)
            && !findings.contains_key(&write)
            && let Some(computed) = computed_from(context, read, write)
        {
            findings.insert(write, (read, computed, written[&write]));
        }
    }
    let mut told = one_for_each_write(context, findings);
    told.extend(kept);
    told
}

/// Values under a key of a shared cache that are read, changed and set again: counters, carts, lists.
fn kept_values(context: &Context<'_>, guarded: &FxHashSet<SiteId>, locks: &[(FunctionId, SiteId)]) -> Vec<Finding> {
    let meaning = context.meaning;
    let keyed = |op: &Operation, kind: OpKind| {
        let effect = meaning.effects.at(op.site).map(|(effect, _)| effect).find(|effect| effect.kind == kind)?;
        Some(effect).filter(|effect| !matches!(effect.key, Term::Absent | Term::Unknown))
    };
    let mut found = Vec::new();
    for write in meaning.operations.of_kind(OpKind::CacheWrite).filter(|op| context.in_scope(op.site)) {
        let Some(effect) = keyed(write, OpKind::CacheWrite) else { continue };
        let locked = locks.iter().any(|(function, lock)| *function == write.function && meaning.precedes(*lock, write.site));
        let watched = || {
            let mut calls = meaning.program.sites(write.function).filter_map(|row| meaning.program.call(row.site));
            calls.any(|call| matches!(meaning.program.text(call.name), "watch" | "cas" | "gets"))
        };
        if locked || guarded.contains(&write.site) || runs_alone(context, write.site) || watched() {
            continue;
        }
        let reads = meaning.operations.of_kind(OpKind::CacheRead).filter(|read| {
            read.function == write.function
                && read.site != write.site
                && meaning.precedes(read.site, write.site)
                && keyed(read, OpKind::CacheRead).is_some_and(|read| read.key == effect.key)
        });
        let changed = reads.filter_map(|read| Some((read.site, changed_between(context, read.site, write.site)?)));
        if let Some((read, computed)) = changed.min() {
            found.push(report_kept(context, read, write.site, computed, &effect));
        }
    }
    found
}

/// Where what is set at `write` is made by changing what was read: computed from it, or put into it.
fn changed_between(context: &Context<'_>, read: SiteId, write: SiteId) -> Option<SiteId> {
    const CHANGES: &[&str] = &["append", "push", "extend", "insert", "remove", "unshift", "splice", "update", "discard", "setdefault"];
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let value = program.call(read)?.result;
    let set: FxHashSet<VarId> = program.arguments(write).skip(1).flat_map(|row| meaning.made_from(row.var)).collect();
    if !set.contains(&value) {
        return None;
    }
    let is_read = |var: VarId| meaning.made_from(var).contains(&value);
    let between = |site: SiteId| meaning.precedes(read, site) && meaning.precedes(site, write);
    program.sites(context.function_of(write)).map(|row| row.site).filter(|site| between(*site)).find(|site| {
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
    })
}

fn report_kept(context: &Context<'_>, read: SiteId, write: SiteId, computed: SiteId, effect: &Effect) -> Finding {
    let named = context.meaning.text(effect.key).filter(|text| !text.is_empty());
    let key = named.map_or_else(|| "a value".to_owned(), |text| format!("`{text}`"));
    let message = format!(
        "{key} is read out of the cache, changed here and set again; two requests that read the same value write over one another, and one of the changes is lost"
    );
    FindingBuilder::new(context, &RULE.info, write, message)
        .rests_on(context.confidence_of(write, effect))
        .step(read, format!("{key} is read"))
        .step(computed, "a new value is made from it")
        .step(write, "and set")
        .checked("no lock, no watch on the key and no operation of the cache itself that changes it")
        .help("let the cache change it (`INCRBY`, `RPUSH`, `HSET`, a script), or watch the key and try again")
        .build()
}

/// A write, the read before it, and where the new value is computed.
type Lost = (SiteId, SiteId, SiteId, Effect);

/// What many functions do through one that reads and one that writes has one cause: the first is told, with the others as places.
fn one_for_each_write(context: &Context<'_>, findings: FxHashMap<SiteId, (SiteId, SiteId, Effect)>) -> Vec<Finding> {
    let mut by_write: FxHashMap<(SiteId, SiteId), Vec<Lost>> = FxHashMap::default();
    for (write, (read, computed, effect)) in findings {
        let last = |site: SiteId, effect: &Effect| context.meaning.trace(site, effect).last().copied().unwrap_or(site);
        let read_by = context.meaning.effects.at(read).find(|(known, _)| known.kind == OpKind::DbRead && known.entity == effect.entity);
        let read_by = read_by.map_or(read, |(known, _)| last(read, &known));
        by_write.entry((last(write, &effect), read_by)).or_default().push((write, read, computed, effect));
    }
    let told = by_write.into_values().flat_map(|mut all| {
        all.sort_unstable_by_key(|(write, ..)| *write);
        let shared = if all.len() < MANY { 0 } else { all.len() - 1 };
        let others: Vec<SiteId> = all[all.len() - shared..].iter().map(|(write, ..)| *write).collect();
        all.truncate(all.len() - shared);
        let reports = all.into_iter().map(|(write, read, computed, effect)| {
            report(context, read, write, computed, &effect, &others)
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

/// Where a run left off: one run at a time moves it on, and an older value only does work again.
fn is_cursor(field: &str) -> bool {
    let words = words(field);
    let named = words.iter().any(|word| matches!(word.as_str(), "cursor" | "offset" | "checkpoint" | "sync" | "synced" | "watermark"));
    named || (words.last().is_some_and(|word| word == "at") && words.first().is_some_and(|word| matches!(word.as_str(), "last" | "next")))
}

/// A write that sets what the program computed, whatever the row holds by now.
fn sets(context: &Context<'_>, effect: &Effect) -> bool {
    let absolute = !matches!(context.meaning.text(effect.verb), Some("insert" | "increment" | "delete"));
    absolute && !effect.flags.has(EffectFlags::CONDITIONAL) && !effect.flags.has(EffectFlags::BACKGROUND)
}

/// Where a value that the write carries is computed from the same field of what was read.
fn computed_from(context: &Context<'_>, read: SiteId, write: SiteId) -> Option<SiteId> {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let value = program.call(read)?.result;
    let of = Read { value, column: only_column(context, read).filter(|column| writes_column(context, write, column)) };
    let store_at = |site: SiteId| r.store.binary_search_by_key(&site, |store| store.site).ok().map(|at| r.store[at]);
    // The mapper writes what is stored into the object.
    if let Some(store) = store_at(write) {
        let field = Some(program.text(store.field)).filter(|field| is_row(context, store.base, value) && !is_cursor(field))?;
        return arithmetic_on(context, Some(field), store.src, &of);
    }
    let call = program.call(write)?;
    if is_of_other_row(context, read, write) {
        return None;
    }
    // What is stored into the object that was read, before it is written.
    let stored: Vec<(&str, VarId)> = program
        .sites(context.function_of(write))
        .filter(|row| row.kind == SiteKind::Store && meaning.precedes(row.site, write))
        .filter_map(|row| store_at(row.site))
        .filter(|store| is_row(context, store.base, value) && writes_object(context, call, store.base))
        .map(|store| (program.text(store.field), store.src))
        .collect();
    // What is passed as the new value of a field.
    let mut passed: Vec<(&str, VarId)> = meaning.columns_set(write);
    let mut stack: Vec<VarId> = Vec::new();
    for argument in program.arguments(write) {
        if !program.text(argument.keyword).is_empty() {
            passed.push((program.text(argument.keyword), argument.var));
        }
    }
    stack.extend(meaning.chain_arguments(write));
    for _ in 0..16 {
        let Some(var) = stack.pop() else { break };
        for row in program.entry_by_var.of(&r.entry, var) {
            passed.push((program.text(row.key), row.value));
            stack.push(row.value);
        }
        stack.extend(program.assigned_from(var).map(|row| row.src));
    }
    let named = stored
        .into_iter()
        .chain(passed)
        .filter(|(field, _)| !is_cursor(field))
        .find_map(|(field, var)| arithmetic_on(context, Some(field), var, &of));
    // What is bound to a statement, or given to a helper that writes it, has no name there.
    let is_text = meaning.operations.at(write).any(|op| op.kind == OpKind::Sql) || !meaning.callees(write).is_empty();
    named.or_else(|| {
        let bound = if is_text { meaning.chain_arguments(write) } else { Vec::new() };
        bound.into_iter().find_map(|var| arithmetic_on(context, None, var, &of))
    })
}

/// Whether two calls that say by objects which rows they mean (`{ where: { id } }`) have nothing in common there: the first of
/// the others is read to put a row before it.
fn is_of_other_row(context: &Context<'_>, read: SiteId, write: SiteId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let asked = |site: SiteId| {
        let objects = program.arguments(site).flat_map(|row| program.entry_by_var.of(&r.entry, row.var));
        let filters = objects.filter(|row| program.text(row.key) == "where");
        filters.flat_map(|row| program.entry_by_var.of(&r.entry, row.value)).map(|row| row.value).collect::<Vec<VarId>>()
    };
    let (of_read, of_write) = (asked(read), asked(write));
    let Some(value) = program.call(read).map(|call| call.result) else { return false };
    // A variable, a member of one, or a constant.
    let same = |left: VarId, right: VarId| {
        let plain = |var: VarId| program.assigned_from(var).next().map_or(var, |row| row.src);
        let member = |var: VarId| program.loaded_as(var).map(|load| (plain(load.base), load.field));
        let (left, right) = (plain(left), plain(right));
        left == right
            || member(left).is_some() && member(left) == member(right)
            || meaning.constant(left).is_some() && meaning.constant(left) == meaning.constant(right)
    };
    !of_read.is_empty()
        && !of_write.is_empty()
        && !of_write.iter().any(|var| meaning.made_from(*var).contains(&value))
        && !of_write.iter().any(|left| of_read.iter().any(|right| same(*left, *right)))
}

/// Whether `base` is what was read, in a copy or out of a wrapper; what is merely stored into it does not make it so.
fn is_row(context: &Context<'_>, base: VarId, value: VarId) -> bool {
    let program = context.meaning.program;
    let mut stack = vec![base];
    let mut seen: FxHashSet<VarId> = FxHashSet::default();
    while let Some(at) = stack.pop() {
        if at == value {
            return true;
        }
        if seen.len() > MAX_COPIES || !seen.insert(at) {
            continue;
        }
        stack.extend(program.assigned_from(at).map(|row| row.src));
        stack.extend(program.loaded_as(at).map(|load| load.base));
        // What another read gives is another row, be it asked for by this one.
        let reads = |site: SiteId| context.meaning.effects.at(site).any(|(effect, _)| effect.kind == OpKind::DbRead);
        if let Some(call) = program.call_giving(at).filter(|call| !reads(call.site)) {
            stack.extend(call.receiver);
            stack.extend(program.arguments(call.site).map(|row| row.var));
        }
    }
    false
}

/// A row is copied, and taken out of wrappers, so many times.
const MAX_COPIES: usize = 64;

/// Whether the write is of the object `base`: its own method, or an argument.
fn writes_object(context: &Context<'_>, call: &Call, base: VarId) -> bool {
    let meaning = context.meaning;
    let from = |var: VarId| {
        let (mine, other) = (meaning.made_from(var), meaning.made_from(base));
        mine.contains(&base) || other.contains(&var)
    };
    call.receiver.is_some_and(from) || meaning.program.arguments(call.site).any(|argument| from(argument.var))
}

/// What was read.
struct Read<'m> {
    value: VarId,
    /// The only column that it has, if the write sets it: then the value may be that column's.
    column: Option<&'m str>,
}

/// The column that a read of one column names: `SELECT stock FROM products WHERE id = $1`.
fn only_column<'m>(context: &Context<'m>, read: SiteId) -> Option<&'m str> {
    let meaning = context.meaning;
    let (effect, _) = meaning.effects.at(read).find(|(effect, _)| effect.kind == OpKind::DbRead)?;
    let last = *meaning.trace(read, &effect).last()?;
    let [column] = meaning.columns_written(last)[..] else { return None };
    Some(column)
}

/// Whether the write sets the column, as far as its columns are known.
fn writes_column(context: &Context<'_>, write: SiteId, column: &str) -> bool {
    let meaning = context.meaning;
    let of_write = meaning.effects.at(write).find(|(effect, _)| effect.kind == OpKind::DbWrite);
    let last = of_write.and_then(|(effect, _)| meaning.trace(write, &effect).last().copied()).unwrap_or(write);
    let written = meaning.columns_written(last);
    written.is_empty() || written.iter().any(|known| words(known) == words(column))
}

/// Whether `var` is computed from `field` (any, if none is named) of the value read: `read.field - amount`.
fn arithmetic_on(context: &Context<'_>, field: Option<&str>, var: VarId, of: &Read<'_>) -> Option<SiteId> {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    meaning
        .made_from(var)
        .into_iter()
        .flat_map(|var| program.binary_by_dst.of(&r.binary, var))
        .filter(|row| matches!(program.text(row.operator), "+" | "-" | "*" | "/" | "+=" | "-=" | "*=" | "/=" | "++" | "--"))
        .find(|row| {
            let operands = std::iter::once(row.left).chain(row.right);
            operands.flat_map(|operand| meaning.made_from(operand)).any(|var| {
                let is_column = var == of.value
                    && of.column.is_some_and(|column| field.is_none_or(|field| words(field) == words(column)));
                let loaded = program.loaded_as(var).map(|load| (load.base, program.text(load.field)));
                is_column || loaded.or_else(|| meaning.read_by_column(var)).is_some_and(|(base, column)| {
                    // A column and the field that holds it: `balance_cents`, `BalanceCents`.
                    field.is_none_or(|field| words(field) == words(column)) && is_row(context, base, of.value)
                })
            })
        })
        .map(|row| row.site)
}

fn report(context: &Context<'_>, read: SiteId, write: SiteId, computed: SiteId, effect: &Effect, others: &[SiteId]) -> Finding {
    let entity = context.quoted(effect.entity);
    let message = format!(
        "{entity} is read, a new value computed from it and written back; two requests that read the same value write over one another, and one of the changes is lost"
    );
    let trace = context.meaning.trace(write, effect);
    let mut builder = FindingBuilder::new(context, &RULE.info, write, message)
        .subject(context.meaning.text(effect.entity).unwrap_or_default())
        .rests_on(context.confidence_of(write, effect))
        .step(read, format!("{entity} is read"))
        .step(computed, "a new value is computed from it")
        .steps(context.steps(&trace, effect));
    for other in others.iter().take(MAX_SHOWN) {
        builder = builder.step(*other, "and likewise here");
    }
    builder
        .checked("no row lock, version in the condition, atomic update or serialisable transaction")
        .help("let the database add (`SET n = n + 1`), lock the row (`FOR UPDATE`), or write only if the version read is still there")
        .build()
}
