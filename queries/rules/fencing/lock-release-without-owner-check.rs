//! A lock is let go by deleting its key, whoever holds it by now.

use std::collections::BTreeMap;

use ascent::ascent_run;
use distsys_engine::meaning::{Found, Operand, Operation, Term};
use distsys_engine::{Attr, OpKind};
use distsys_facts::schema::Sql;
use distsys_facts::{FunctionId, RegionKind, SiteId, SqlVerb, Sym, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::finding::{Category, Finding, Maturity, RuleInfo, Severity};
use crate::given_back::{deleted_by_helpers, given_back};
use crate::lock_rows::{deleted_by_name, is_of_one_holder};
use crate::locks::{Key, is_outlived_by_none, keys};
use crate::stored_at::is_of_one_table;
use crate::{Context, FindingBuilder, Rule};

pub(crate) static RULE: Rule = Rule {
    info: RuleInfo {
        slug: "lock-release-without-owner-check",
        category: Category::Fencing,
        severity: Severity::Major,
        maturity: Maturity::Stable,
        yields_to: &[],
        summary: "a lock is deleted by whoever gets there, owner or not",
        page: include_str!("lock-release-without-owner-check.md"),
    },
    judge,
};

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let mut locks: Vec<(Key, SiteId)> = Vec::new();
    let mut given: FxHashSet<SiteId> = FxHashSet::default();
    for scope in meaning.scopes.of_kind(OpKind::LockAcquire) {
        let Some(op) = meaning.operation(scope) else { continue };
        if is_outlived_by_none(context, op, &[], &[op.function]) {
            continue;
        }
        locks.extend(keys(context, op).into_iter().map(|key| (key, op.site)));
        if is_given(context, op.site, op.kind) {
            given.insert(op.site);
        }
    }
    let mut known: FxHashSet<(SiteId, SiteId)> = FxHashSet::default();
    let given_back = given_back(context).into_iter().filter(|(delete, lock)| {
        let asks = is_after_comparison(context, *delete);
        let ends = context.operation(*lock, OpKind::LockAcquire).is_none_or(|op| is_outlived_by_none(context, op, &[], &[op.function]));
        context.in_scope(*delete) && !asks && !ends && known.insert((*delete, *lock))
    });
    let given_back: Vec<(SiteId, SiteId)> = given_back.collect();
    let told = of_told_helpers(context);
    let items = of_items(context);
    if locks.is_empty() && given_back.is_empty() && told.is_empty() {
        return items.into_iter().chain(of_tables(context)).collect();
    }
    let mut deletes: Vec<(Key, SiteId)> = Vec::new();
    let mut asks_owner: Vec<(SiteId,)> = Vec::new();
    for op in meaning.operations.of_kind(OpKind::CacheDelete).filter(|op| context.in_scope(op.site)) {
        deletes.extend(keys(context, op).into_iter().map(|key| (key, op.site)));
        if is_after_comparison(context, op.site) {
            asks_owner.push((op.site,));
        }
    }
    let by_callers = of_helpers(context, &given);
    let program = ascent_run! {
        relation locks(Key, SiteId) = locks;
        relation deletes(Key, SiteId) = deletes;
        relation asks_owner(SiteId) = asks_owner;
        relation found(SiteId, SiteId);
        found(d, l) <-- locks(k, l), deletes(k, d), !asks_owner(d);
    };
    let mut found = program.found;
    found.sort_unstable();
    found.extend(by_callers);
    found.extend(given_back);
    found.extend(told);
    found.sort_unstable();
    found.dedup_by_key(|(delete, _)| *delete);
    found.into_iter().map(|(delete, lock)| report(context, delete, lock)).chain(items).chain(of_tables(context)).collect()
}

/// Calls of a helper that deletes whatever it is told to, which are told the key of a lock that their function has taken:
/// `await forget(key)`. A mark of what was done is deleted where the work has failed.
fn of_told_helpers(context: &Context<'_>) -> Vec<(SiteId, SiteId)> {
    let meaning = context.meaning;
    let program = meaning.program;
    let locks: Vec<&Operation> = meaning.operations.of_kind(OpKind::LockAcquire).collect();
    if locks.is_empty() {
        return Vec::new();
    }
    let fails = |site: SiteId| program.regions_outward(program.site(site).region).any(|region| region.kind == RegionKind::Catch);
    let mut found = Vec::new();
    for delete in deleted_by_helpers(context).into_iter().filter(|delete| context.in_scope(delete.site) && !fails(delete.site)) {
        let named = delete.pattern.filter(|name| meaning.name(*name).trim_matches(['{', '}']).len() > 2);
        let Some(name) = named.filter(|_| !delete.trace.iter().any(|step| is_after_comparison(context, *step))) else { continue };
        let mut taken = locks.iter().filter(|lock| {
            lock.function == context.function_of(delete.site)
                && meaning.precedes(lock.site, delete.site)
                && keys(context, lock).contains(&Key::Pattern(name))
                && !is_outlived_by_none(context, lock, &[], &[lock.function])
        });
        found.extend(taken.next().map(|lock| (delete.site, lock.site)));
    }
    found
}

/// Whether the key of what is done at a site is what its function is given, bare.
fn is_given(context: &Context<'_>, site: SiteId, kind: OpKind) -> bool {
    let mut own = context.meaning.effects.at(site).filter(|(effect, _)| effect.kind == kind);
    own.any(|(effect, _)| matches!(effect.key, Term::Parameter(_)))
}

/// Helpers that are given the key, one that takes a lock by it (of those at `taken`) and one that deletes it, as far as one
/// function calls both with the same: `if (!(await locks.take(key, ttl))) return; try { … } finally { await locks.release(key) }`.
/// Told is the deepest step that nothing but
/// releases of locks comes through.
fn of_helpers(context: &Context<'_>, taken: &FxHashSet<SiteId>) -> Vec<(SiteId, SiteId)> {
    let meaning = context.meaning;
    if taken.is_empty() {
        return Vec::new();
    }
    let done = |kind: OpKind| {
        let rows = meaning.effects.rows().iter().map(|row| (row.site, meaning.effects.get(row.effect)));
        let is_known = |key: Term| match key {
            Term::Parameter(_) | Term::Within(..) => true,
            _ => key.pattern().is_some_and(|name| meaning.name(name).trim_matches(['{', '}']).len() > 2),
        };
        let rows = rows.filter(move |(_, effect)| effect.kind == kind && is_known(effect.key));
        rows.map(|(site, effect)| (site, effect.key, meaning.trace(site, &effect)))
    };
    let mut locked: FxHashMap<(FunctionId, Term), Vec<(SiteId, SiteId)>> = FxHashMap::default();
    for (site, key, trace) in done(OpKind::LockAcquire) {
        if let [first, .., last] = trace[..]
            && first == site
            && taken.contains(&last)
        {
            locked.entry((context.function_of(site), key)).or_default().push((site, last));
        }
    }
    // The deletions in helpers by the calls that lead to them, with the lock that the outermost caller has taken before.
    let mut released: Vec<Release> = Vec::new();
    for (site, key, trace) in done(OpKind::CacheDelete).filter(|_| !locked.is_empty()) {
        let [first, .., last] = trace[..] else { continue };
        if first != site || !is_given(context, last, OpKind::CacheDelete) || !context.in_scope(last) {
            continue;
        }
        let before = locked.get(&(context.function_of(site), key)).into_iter().flatten();
        // What takes the lock as well has been told of where it does so.
        if before.clone().any(|(lock, _)| *lock == site) {
            continue;
        }
        let lock = before.filter(|(lock, _)| meaning.precedes(*lock, site)).map(|(_, op)| *op).min();
        // What hands on the key that it is given is on the way of its callers, which stand here themselves.
        if lock.is_none() && matches!(key, Term::Parameter(_) | Term::Within(..)) {
            continue;
        }
        let asks = trace.iter().any(|step| is_after_comparison(context, *step));
        released.push((trace.into_iter().rev().collect(), lock.filter(|_| !asks)));
    }
    let mut found = Vec::new();
    deepest_shared(&released, 0, &mut found);
    found.retain(|(delete, _)| context.in_scope(*delete));
    found
}

/// The steps of a release from the deletion outwards, and the lock that the outermost caller has taken before.
type Release = (Vec<SiteId>, Option<SiteId>);

/// The deepest steps of releases behind which nothing is deleted but locks, with
/// one of these locks: a store's `delete` is asked by others, too, the `release` above it only by holders.
fn deepest_shared(released: &[Release], depth: usize, found: &mut Vec<(SiteId, SiteId)>) {
    let mut by_step: BTreeMap<SiteId, Vec<Release>> = BTreeMap::new();
    for release in released {
        if let Some(step) = release.0.get(depth) {
            by_step.entry(*step).or_default().push(release.clone());
        }
    }
    for (step, releases) in by_step {
        match releases.iter().find_map(|(_, lock)| *lock) {
            Some(lock) if releases.iter().all(|(_, lock)| lock.is_some()) => found.push((step, lock)),
            Some(_) => deepest_shared(&releases, depth + 1, found),
            None => {}
        }
    }
}

/// Locks that are items which are put where none is, or an old one: another call of the same class or file deletes the item by its
/// name alone.
fn of_items(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let mut locks: Vec<(&Operation, &Operation)> = Vec::new();
    for scope in meaning.scopes.of_kind(OpKind::LockAcquire) {
        let Some(op) = meaning.operation(scope) else { continue };
        let put = context.operation(op.site, OpKind::DbWrite);
        locks.extend(put.filter(|_| !is_outlived_by_none(context, op, &[], &[op.function])).map(|put| (op, put)));
    }
    let deletes = meaning.operations.of_kind(OpKind::DbWrite).filter(|op| context.in_scope(op.site) && !locks.is_empty());
    let by_name = |op: &Operation| {
        let verb = meaning.attribute(op, Attr::Verb);
        let deletes = matches!(verb, Found::Is(Operand::Text(text)) if text == "delete");
        deletes && meaning.attribute(op, Attr::Condition) == Found::Absent && !is_after_comparison(context, op.site)
    };
    let mut found: BTreeMap<SiteId, SiteId> = BTreeMap::new();
    for delete in deletes.filter(|op| by_name(op)) {
        let of_same = locks.iter().filter(|(_, put)| is_of_one_holder(context, put, delete) && is_of_one_table(context, put, delete));
        if let Some(lock) = of_same.map(|(lock, _)| lock.site).min() {
            found.insert(delete.site, lock);
        }
    }
    for (delete, lock) in deleted_by_name(context) {
        found.entry(delete).or_insert(lock);
    }
    found.into_iter().map(|(delete, lock)| report_row(context, delete, lock)).collect()
}

/// Locks that are rows: a statement takes the row over when its time has run out, another deletes it by its name alone.
fn of_tables(context: &Context<'_>) -> Vec<Finding> {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let columns = |text: Sym| program.text(text).split(',').filter(|column| !column.is_empty());
    let mut leases: Vec<(&Sql, SiteId)> = Vec::new();
    for row in &r.sql {
        if columns(row.clauses).any(|clause| clause == "takes_over") {
            leases.extend(used_at(context, row.var).map(|site| (row, site)));
        }
    }
    let mut found: BTreeMap<SiteId, SiteId> = BTreeMap::new();
    let deletes: Vec<&Sql> = r.sql.iter().filter(|row| row.verb == SqlVerb::Delete && !row.where_columns.is_empty()).collect();
    // What names the lock, not what the taker sets: that would be its holder, or its end.
    let names_lock = |lease: &Sql, column: &str| {
        let is_set = lease.verb == SqlVerb::Update && columns(lease.columns).any(|set| set == column);
        !is_set && columns(lease.where_columns).any(|known| known == column)
    };
    // Who lets go with a look at the holder or the end has thought of both, and keeps the other for what is surely one's own.
    let is_asked = |lease: &Sql| {
        deletes.iter().filter(|row| row.table == lease.table).any(|row| {
            let (named, asked): (Vec<&str>, Vec<&str>) =
                columns(row.where_columns).partition(|column| names_lock(lease, column));
            !named.is_empty() && !asked.is_empty()
        })
    };
    leases.retain(|(lease, _)| !is_asked(lease));
    for row in &deletes {
        let of_same = leases.iter().filter(|(lease, _)| lease.table == row.table);
        let by_name = of_same.filter(|(lease, _)| columns(row.where_columns).all(|column| names_lock(lease, column)));
        if let (Some((_, lease)), Some(delete)) = (by_name.min_by_key(|(_, site)| *site), used_at(context, row.var)) {
            found.entry(delete).or_insert(*lease);
        }
    }
    found.into_iter().map(|(delete, lock)| report_row(context, delete, lock)).collect()
}

/// The call that a statement's text is given to, or a copy of it: where it stands, or, if it is a constant, where it is used.
fn used_at(context: &Context<'_>, text: VarId) -> Option<SiteId> {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let given = |vars: Vec<VarId>| {
        let sites = vars.into_iter().flat_map(|var| program.argument_by_var.of(&r.argument, var)).map(|row| row.site);
        sites.filter(|site| context.in_scope(*site)).min()
    };
    let mut copies = vec![text];
    let mut at = 0;
    while let Some(&var) = copies.get(at).filter(|_| at < MAX_COPIES) {
        copies.extend(program.assign_by_src.of(&r.assign, var).map(|row| row.dst));
        at += 1;
    }
    given(copies).or_else(|| given(context.meaning.flows_to(text).into_iter().collect()))
}

/// A text is copied so many times.
const MAX_COPIES: usize = 16;

fn report_row(context: &Context<'_>, delete: SiteId, lock: SiteId) -> Finding {
    let message = "the lock's row is deleted by its name alone, without asking who holds it; a holder that was slow, whose lease has run out, deletes the lock of the next one, and a third comes in".to_owned();
    FindingBuilder::new(context, &RULE.info, delete, message)
        .step(lock, "the lock is taken here, until its time has run out")
        .step(delete, "and its row deleted here")
        .checked("no column of the holder, its token or the lease's end in the condition")
        .help("keep a unique token in the row, and delete it only where the token is one's own")
        .build()
}

/// Whether a condition around the site, or one that ends the function before it, looks at what the store has.
fn is_after_comparison(context: &Context<'_>, site: SiteId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let function = context.function_of(site);
    let reads: Vec<VarId> = meaning
        .operations
        .of_kind(OpKind::CacheRead)
        .filter(|op| op.function == function)
        .filter_map(|op| program.call(op.site).map(|call| call.result))
        .collect();
    if reads.is_empty() {
        return false;
    }
    program
        .regions_by_function
        .of(&r.region, function)
        .flat_map(|region| program.condition_by_region.of(&r.condition, region.region))
        .any(|condition| {
            let sources = meaning.made_from(condition.var);
            reads.iter().any(|read| sources.contains(read))
        })
}

fn report(context: &Context<'_>, delete: SiteId, lock: SiteId) -> Finding {
    let message = "the lock's key is deleted without asking who holds it; a holder that was slow, whose lock has expired, deletes the lock of the next one, and a third comes in".to_owned();
    FindingBuilder::new(context, &RULE.info, delete, message)
        .step(lock, "the lock is taken here")
        .step(delete, "and its key deleted here")
        .checked("no comparison of the owner's token, in a script or before the delete")
        .help("keep a unique token as the lock's value, and compare and delete it in one script")
        .build()
}
