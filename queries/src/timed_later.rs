//! Keys that give one a turn for some time, and get that time only by a second command.
//!
//! What ends in between keeps everybody from having a turn again, though nobody holds a lock: `SETNX turn:x`, then `EXPIRE turn:x 60`.

use distsys_engine::meaning::{Found, Operation};
use distsys_engine::words::words;
use distsys_engine::{Attr, OpKind};
use distsys_facts::SiteId;

use crate::Context;
use crate::locks::keys;

/// Words of what one has for a while.
const TURNS: &[&str] = &[
    "once",
    "turn",
    "throttle",
    "throttled",
    "cooldown",
    "debounce",
    "busy",
    "running",
    "inflight",
    "singleton",
    "claim",
    "hold",
];

/// Words of what may stay: the same is not done again.
const DONE: &[&str] = &["seen", "done", "sent", "handled", "processed", "dedup", "idempotency", "idempotent"];

/// Where the key that `op` sets if it is absent, and that is a turn by its name or its function's, gets its time to live.
pub(crate) fn timed_later(context: &Context<'_>, op: &Operation) -> Option<SiteId> {
    let meaning = context.meaning;
    if meaning.attribute(op, Attr::Ttl) != Found::Absent || !is_turn(context, op) {
        return None;
    }
    let own = keys(context, op);
    let mut extended = meaning.operations.of_kind(OpKind::LockExtend).filter(|later| {
        later.function == op.function
            && meaning.precedes(op.site, later.site)
            && keys(context, later).iter().any(|key| own.contains(key))
    });
    Some(extended.next()?.site)
}

fn is_turn(context: &Context<'_>, op: &Operation) -> bool {
    let meaning = context.meaning;
    let own = meaning.effects.at(op.site).filter(|(effect, _)| effect.kind == op.kind);
    let of_key = own.filter_map(|(effect, _)| meaning.text(effect.key)).flat_map(words);
    let named: Vec<String> = of_key.chain(words(context.named_function(op.function))).collect();
    let says = |list: &[&str]| named.iter().any(|word| list.contains(&word.as_str()));
    says(TURNS) && !says(DONE)
}
