//! Leases in a column of a row: who may have it looks whether it is free, and then writes that it is taken, be it by whom, until
//! when, or by a state in which somebody is at work on it.

use distsys_engine::OpKind;
use distsys_engine::meaning::Effect;
use distsys_engine::words::words;
use distsys_facts::schema::Site;
use distsys_facts::{LiteralKind, SiteId, SiteKind, VarId};

use crate::Context;

/// Whether a write takes what a row says is free to be taken: it sets who has it, or until when.
pub(crate) fn takes(context: &Context<'_>, write: SiteId, effect: &Effect) -> bool {
    let mut set = columns_of_lease(context, write, effect);
    set.extend(states(context, write, effect).into_iter().map(|(column, _)| column));
    if set.is_empty() || is_of_person(context, effect) || gives_back(context, write) {
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
    let set: Vec<String> = columns_of_lease(context, write, effect).into_iter().map(plain).collect();
    if is_decided_by(context, read, write, &set) || is_state_asked(context, read, write, effect) {
        return true;
    }
    let reads =
        meaning.effects.at(read).filter(|(known, _)| known.kind == OpKind::DbRead && known.entity == effect.entity);
    let mut looked = reads.flat_map(|(known, _)| meaning.trace(read, &known)).flat_map(|site| {
        let named = meaning.columns_written(site);
        meaning.columns_filtered(site).into_iter().chain(named)
    });
    looked.any(|column| set.contains(&plain(column)))
}

/// Whether what is read is asked for one of the columns, and that decides whether the write is done: `if (job.lockedUntil > now) return`.
fn is_decided_by(context: &Context<'_>, read: SiteId, write: SiteId, columns: &[String]) -> bool {
    let meaning = context.meaning;
    let Some(value) = meaning.program.call(read).map(|call| call.result) else { return false };
    let asked = meaning.decisions(write).into_iter().flat_map(|decision| meaning.made_from(decision.condition));
    asked.filter_map(|var| meaning.program.loaded_as(var)).any(|load| {
        columns.contains(&plain(meaning.program.text(load.field))) && meaning.made_from(load.base).contains(&value)
    })
}

/// The states that a write sets in which somebody is at work on the row, each with its column: `state = "processing"`.
fn states<'m>(context: &Context<'m>, write: SiteId, effect: &Effect) -> Vec<(&'m str, String)> {
    let meaning = context.meaning;
    let set = meaning.trace(write, effect).into_iter().flat_map(|site| {
        let set = meaning.columns_set(site);
        if set.is_empty() { meaning.columns_stored(site) } else { set }
    });
    let states = set.filter(|(column, _)| is_state(column));
    let worked = states.filter_map(|(column, var)| Some((column, state_of(context, var)?)));
    worked.filter(|(_, state)| says_at_work(state)).collect()
}

/// Whether a column holds in which state a row is.
fn is_state(column: &str) -> bool {
    words(column).last().is_some_and(|word| matches!(word.as_str(), "state" | "status" | "phase"))
}

/// The state that a value names: a text, or the member of an enumeration.
fn state_of(context: &Context<'_>, var: VarId) -> Option<String> {
    let meaning = context.meaning;
    let program = meaning.program;
    let named = |var: VarId| {
        let member = || program.loaded_as(var).map(|load| program.text(load.field));
        let path = || program.global(var).and_then(|path| program.text(path).rsplit('.').next());
        meaning.constant(var).or_else(member).or_else(path)
    };
    let copied = || program.assigned_from(var).next().and_then(|row| named(row.src));
    named(var).or_else(copied).map(|text| words(text).join(" "))
}

/// `processing`, `in_progress`, `RUNNING`: a second one that comes to it should leave it alone. Not what waits.
fn says_at_work(state: &str) -> bool {
    const OTHER: &[&str] = &[
        "awaiting",
        "billing",
        "existing",
        "incoming",
        "missing",
        "onboarding",
        "outstanding",
        "pending",
        "shipping",
        "waiting",
    ];
    let mut words = state.split(' ');
    state == "in progress" || words.any(|word| word.len() > 5 && word.ends_with("ing") && !OTHER.contains(&word))
}

/// Whether it is asked before the write whether what is read is in the very state that is set, so that one alone does what
/// follows, and what follows is seen by others.
fn is_state_asked(context: &Context<'_>, read: SiteId, write: SiteId, effect: &Effect) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let Some(value) = program.call(read).map(|call| call.result) else { return false };
    let set = states(context, write, effect);
    let is_column = |var: VarId, column: &str| {
        let load = program.loaded_as(var);
        load.is_some_and(|load| {
            plain(program.text(load.field)) == plain(column) && meaning.made_from(load.base).contains(&value)
        })
    };
    // Around the write, and around what leaves before it: `if state == "processing" { if stale { warn } else { return } }`.
    let leaves = |row: &&Site| matches!(row.kind, SiteKind::Return | SiteKind::Throw) && row.site < write;
    let leaving = program.sites(context.function_of(write)).filter(leaves).map(|row| row.site);
    let conditions = leaving.chain([write]).flat_map(|site| context.conditions(site));
    let compared = conditions.flat_map(|var| meaning.made_from(var));
    let compared = compared.flat_map(|var| program.binary_by_dst.of(&r.binary, var));
    let mut compared = compared.filter(|row| matches!(program.text(row.operator), "==" | "===" | "!=" | "!=="));
    let is_asked = compared.any(|row| {
        let Some(right) = row.right else { return false };
        set.iter().any(|(column, state)| {
            let asks =
                |left: VarId, right: VarId| is_column(left, column) && state_of(context, right).as_ref() == Some(state);
            asks(row.left, right) || asks(right, row.left)
        })
    });
    is_asked
        && meaning.effects.in_function(context.function_of(write)).any(|(effect, row)| {
            use OpKind::{Enqueue, HttpRequest, Notify, Payment, Publish, Rpc};
            matches!(effect.kind, Enqueue | HttpRequest | Notify | Payment | Publish | Rpc)
                && meaning.precedes(write, row.site)
        })
}

/// The columns that a write sets, as far as they are known on the way to it.
fn columns<'m>(context: &Context<'m>, write: SiteId, effect: &Effect) -> Vec<&'m str> {
    let trace = context.meaning.trace(write, effect);
    trace.into_iter().flat_map(|site| context.meaning.columns_written(site)).collect()
}

/// All that a write sets if some of it says that the row is taken; what is set to nothing gives it back.
fn columns_of_lease<'m>(context: &Context<'m>, write: SiteId, effect: &Effect) -> Vec<&'m str> {
    let meaning = context.meaning;
    let is_nothing = |var: VarId| {
        let copied = meaning.program.assigned_from(var).map(|row| row.src);
        let mut literals = std::iter::once(var).chain(copied).filter_map(|var| meaning.program.literal(var));
        literals.any(|literal| literal.kind == LiteralKind::Null)
    };
    let set = meaning.trace(write, effect).into_iter().flat_map(|site| meaning.columns_set(site));
    let emptied: Vec<&str> = set.filter(|(_, var)| is_nothing(*var)).map(|(column, _)| column).collect();
    let all = columns(context, write, effect);
    match all.iter().any(|column| says_taken(column) && !emptied.contains(column)) {
        true => all,
        false => Vec::new(),
    }
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
