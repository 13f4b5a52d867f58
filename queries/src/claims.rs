//! Leases in a column of a row: who may have it looks whether it is free, and then writes that it is taken.

use distsys_engine::OpKind;
use distsys_engine::meaning::Effect;
use distsys_engine::words::words;
use distsys_facts::SiteId;

use crate::Context;

/// Whether a write takes what a row says is free to be taken: it sets who has it, or until when.
pub(crate) fn takes(context: &Context<'_>, write: SiteId, effect: &Effect) -> bool {
    let set = columns(context, write, effect);
    if is_of_person(context, effect) || gives_back(context, write) || !set.iter().any(|column| says_taken(column)) {
        return false;
    }
    // Only where it is still as it was seen.
    let mut asked =
        context.meaning.trace(write, effect).into_iter().flat_map(|site| context.meaning.columns_filtered(site));
    !asked.any(|asked| set.iter().any(|column| plain(column) == plain(asked)))
}

/// A column's name as SQL compares it, whatever the code calls it.
fn plain(column: &str) -> String {
    column.to_lowercase().replace('_', "")
}

/// Whether the row that is taken was looked at before by what the write sets: a second one that looks meanwhile takes it, too.
pub(crate) fn is_looked_at(context: &Context<'_>, read: SiteId, write: SiteId, effect: &Effect) -> bool {
    let meaning = context.meaning;
    let set: Vec<String> = columns(context, write, effect).into_iter().map(plain).collect();
    let reads =
        meaning.effects.at(read).filter(|(known, _)| known.kind == OpKind::DbRead && known.entity == effect.entity);
    let mut looked = reads.flat_map(|(known, _)| meaning.trace(read, &known)).flat_map(|site| {
        let named = meaning.columns_written(site);
        meaning.columns_filtered(site).into_iter().chain(named)
    });
    looked.any(|column| set.contains(&plain(column)))
}

/// The columns that a write sets, as far as they are known on the way to it.
fn columns<'m>(context: &Context<'m>, write: SiteId, effect: &Effect) -> Vec<&'m str> {
    let trace = context.meaning.trace(write, effect);
    trace.into_iter().flat_map(|site| context.meaning.columns_written(site)).collect()
}

/// `leased_until`, `locked_by`, `claimed_at`, `lease_expires_at`
fn says_taken(column: &str) -> bool {
    const TAKEN: &[&str] = &["claim", "claimed", "lease", "leased", "lock", "locked", "reserved"];
    const OF_WHOM: &[&str] = &["at", "by", "expires", "expiration", "expiry", "holder", "owner", "token", "until"];
    let words = words(column);
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    has(TAKEN) && has(OF_WHOM)
}

/// Accounts are locked against their owners, not for a worker.
fn is_of_person(context: &Context<'_>, effect: &Effect) -> bool {
    const PERSONS: &[&str] = &[
        "account",
        "admin",
        "credential",
        "customer",
        "identity",
        "login",
        "member",
        "person",
        "profile",
        "session",
        "user",
    ];
    let entity = context.meaning.text(effect.entity).unwrap_or_default();
    words(entity).iter().any(|word| PERSONS.contains(&word.as_str()))
}

/// Whether the function that writes has it already, as its name says: it gives it back, or has it for longer.
fn gives_back(context: &Context<'_>, write: SiteId) -> bool {
    const HAS_IT: &[&str] = &[
        "abandon",
        "clear",
        "complete",
        "extend",
        "fail",
        "finish",
        "free",
        "heartbeat",
        "keepalive",
        "prolong",
        "release",
        "renew",
        "reset",
        "unclaim",
        "unlock",
        "unreserve",
    ];
    let name = context.named_function(context.function_of(write));
    name.split('.').any(|part| words(part).iter().any(|word| HAS_IT.contains(&word.as_str())))
}
