//! Locks that are rows or documents of the project's own: put in where none of their name is, deleted when the work is done.

use distsys_engine::meaning::{Effect, Found, Name, Operand, Operation};
use distsys_engine::words::words;
use distsys_engine::{Attr, OpKind};
use distsys_facts::SiteId;

use crate::Context;
use crate::stored_at::is_of_one_table;

/// A deletion of a lock by its name alone, and where the lock is put in.
pub(crate) fn deleted_by_name(context: &Context<'_>) -> Vec<(SiteId, SiteId)> {
    let meaning = context.meaning;
    let writes: Vec<Row<'_>> = meaning
        .operations
        .all
        .iter()
        .filter(|op| context.in_scope(op.site))
        .filter_map(|op| row(context, op))
        .collect();
    let (deletes, puts): (Vec<Row<'_>>, Vec<Row<'_>>) = writes.into_iter().partition(|row| row.verb == "delete");
    let locks: Vec<Row<'_>> = puts.into_iter().filter(|row| is_lock(context, row)).collect();
    let mut found = Vec::new();
    for delete in deletes.iter().filter(|_| !locks.is_empty()) {
        let of_one = |lock: &&Row<'_>| match (lock.entity, delete.entity) {
            (Some(lock), Some(deleted)) => lock == deleted,
            (None, None) => {
                is_of_one_holder(context, lock.op, delete.op) && is_of_one_table(context, lock.op, delete.op)
            }
            _ => false,
        };
        let lock = locks.iter().filter(of_one).min_by_key(|lock| lock.op.site);
        if let Some(lock) = lock.filter(|lock| names_only(context, lock, delete) && !looks_first(context, delete)) {
            found.push((delete.op.site, lock.op.site));
        }
    }
    found
}

/// A write by an operation of its own.
struct Row<'m> {
    op: &'m Operation,
    entity: Option<Name>,
    verb: &'m str,
}

fn row<'m>(context: &Context<'m>, op: &'m Operation) -> Option<Row<'m>> {
    let meaning = context.meaning;
    if !matches!(op.kind, OpKind::DbWrite | OpKind::Sql) {
        return None;
    }
    let own = |effect: &Effect| effect.kind == OpKind::DbWrite && meaning.trace(op.site, effect).len() == 1;
    let (effect, _) = meaning.effects.at(op.site).find(|(effect, _)| own(effect))?;
    Some(Row { op, entity: effect.entity_name(), verb: meaning.text(effect.verb)? })
}

/// Whether two operations stand in one class, or in one file where they are of none.
pub(crate) fn is_of_one_holder(context: &Context<'_>, one: &Operation, other: &Operation) -> bool {
    let program = context.meaning.program;
    match (program.class_around(one.function), program.class_around(other.function)) {
        (Some(one), Some(other)) => one == other,
        (None, None) => program.file_of_function(one.function) == program.file_of_function(other.function),
        _ => false,
    }
}

/// Whether a row is put in as a lock that ends by itself: it is called one, is put in where none is, and says until when it holds.
fn is_lock(context: &Context<'_>, put: &Row<'_>) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let condition = match meaning.attribute(put.op, Attr::Condition) {
        Found::Is(Operand::Var(var)) => meaning.constant(var).unwrap_or_default(),
        _ => "",
    };
    let is_first = put.verb == "insert" || condition.contains("not_exists");
    let class = program.class_around(put.op.function).map(|class| program.text(program.class(class).name));
    let called = put.entity.map(|name| meaning.name(name)).or(class).unwrap_or_default();
    let columns = keys_given(context, put.op.site, meaning.columns_written(put.op.site));
    let ends = columns.iter().any(|column| says_until(column)) || words(condition).iter().any(|word| says_until(word));
    is_first && words(called).iter().any(|word| is_lock_word(word)) && ends
}

/// The columns that are known of a call, or else those of the document that it is given: `insert_one({"_id": name})`.
fn keys_given<'m>(context: &Context<'m>, site: SiteId, known: Vec<&'m str>) -> Vec<&'m str> {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    if !known.is_empty() {
        return known;
    }
    let given = program.arguments(site).map(|row| program.held_at(row.var));
    let keys = given.flat_map(|var| program.entry_by_var.of(&r.entry, var)).map(|row| program.text(row.key));
    keys.filter(|key| !key.is_empty()).collect()
}

/// `lock`, and `desklock` as the table `desk_locks` is known, but neither `block` nor `clock`.
fn is_lock_word(word: &str) -> bool {
    let word = word.strip_suffix('s').unwrap_or(word);
    let lock = word.strip_suffix("lock").is_some_and(|stem| !stem.ends_with(['b', 'c', 'f']) && stem != "un");
    lock || ["lease", "mutex", "mutexe", "semaphore"].iter().any(|end| word.ends_with(end))
        && !word.ends_with("release")
}

/// `expires_at`, `locked_until`, `taken`: what time-to-live indexes and takers judge by.
fn says_until(column: &str) -> bool {
    const TIMES: &[&str] = &[
        "at",
        "expires",
        "expire",
        "expiry",
        "expiration",
        "until",
        "ttl",
        "deadline",
        "taken",
        "acquired",
        "locked",
        "time",
        "timestamp",
    ];
    words(column).iter().any(|word| TIMES.contains(&word.as_str()))
}

/// Whether rows are chosen for deletion by nothing but what names the lock: no holder, token or end, and no key that the taker
/// did not give.
fn names_only(context: &Context<'_>, lock: &Row<'_>, delete: &Row<'_>) -> bool {
    let meaning = context.meaning;
    let asked = keys_given(context, delete.op.site, meaning.columns_filtered(delete.op.site));
    let names = |column: &&str| !says_until(column) && !words(column).iter().any(|word| says_whose(word));
    let put = keys_given(context, lock.op.site, meaning.columns_written(lock.op.site));
    let is_put = |column: &&str| put.contains(column) || *column == "_id";
    match asked.is_empty() {
        // A key without a condition, where the library has one.
        true => {
            meaning.declares(delete.op, Attr::Condition)
                && meaning.attribute(delete.op, Attr::Condition) == Found::Absent
        }
        false => asked.iter().all(|column| names(column) && is_put(column)),
    }
}

fn says_whose(word: &str) -> bool {
    const WHOSE: &[&str] = &[
        "owner",
        "holder",
        "token",
        "secret",
        "nonce",
        "by",
        "fence",
        "fencing",
        "version",
        "revision",
        "worker",
        "instance",
        "node",
        "host",
        "pid",
        "process",
        "session",
        "client",
        "uuid",
        "identity",
        "generation",
        "run",
        "runner",
    ];
    WHOSE.contains(&word)
}

/// Whether the function looks at the row before it deletes it.
fn looks_first(context: &Context<'_>, delete: &Row<'_>) -> bool {
    let meaning = context.meaning;
    let reads = meaning.effects.in_function(delete.op.function).filter(|(effect, _)| effect.kind == OpKind::DbRead);
    reads
        .into_iter()
        .any(|(effect, row)| effect.entity_name() == delete.entity && meaning.precedes(row.site, delete.op.site))
}
