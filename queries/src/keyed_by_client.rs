//! Requests that get their idempotency key from the client that sends them, and whether all attempts get the same.

use distsys_engine::meaning::{ClientKey, Effect, EffectFlags, EffectId, Found, Operand, Scope};
use distsys_engine::{Attr, OpKind};
use distsys_facts::SiteId;
use rustc_hash::FxHashMap;

use crate::Context;
use crate::retried::{creates_again, repeated, retry_around};

/// How the client gives the request that `trace` ends in a key, if it does.
pub(crate) fn client_key(context: &Context<'_>, trace: &[SiteId]) -> Option<ClientKey> {
    let mut ops = context.meaning.operations.at(*trace.last()?).filter(|op| is_request(op.kind));
    ops.find_map(|op| context.meaning.key_of_client(op))
}

fn is_request(kind: OpKind) -> bool {
    matches!(kind, OpKind::HttpRequest | OpKind::Rpc | OpKind::Payment)
}

/// A request of which each attempt gets another key from its client.
pub(crate) struct KeyedAnew {
    pub trace: Vec<SiteId>,
    pub effect: Effect,
    /// Where the key is made.
    pub made: SiteId,
    pub key: ClientKey,
}

/// All of them, each at the lowest place that says what is sent.
pub(crate) fn keyed_anew(context: &Context<'_>) -> Vec<KeyedAnew> {
    let meaning = context.meaning;
    let mut keys: FxHashMap<SiteId, ClientKey> = FxHashMap::default();
    for op in meaning.operations.all.iter().filter(|op| is_request(op.kind)) {
        keys.extend(meaning.key_of_client(op).filter(|key| key.hook.made.is_some()).map(|key| (op.site, key)));
    }
    if keys.is_empty() {
        return Vec::new();
    }
    let mut sent: Vec<(SiteId, EffectId)> = repeated(context, |_, effect| creates_again(context, effect));
    let by_layer = meaning.effects.rows().iter().filter(|row| {
        let effect = meaning.effects.get(row.effect);
        !effect.flags.has(EffectFlags::RETRIED) && is_request(effect.kind) && creates_again(context, &effect)
    });
    sent.extend(by_layer.map(|row| (row.site, row.effect)));
    let mut found = Vec::new();
    for (site, effect) in sent.into_iter().filter(|(site, _)| context.in_scope(*site)) {
        let effect = meaning.effects.get(effect);
        let trace = meaning.trace(site, &effect);
        let Some((key, made)) =
            trace.last().and_then(|last| keys.get(last)).and_then(|key| Some((*key, key.hook.made?)))
        else {
            continue;
        };
        let around = retry_around(context, &trace);
        if key.repeated_by.is_some() || around.is_some_and(|scope| comes_to_hooks(context, scope, &key)) {
            found.push(KeyedAnew { trace, effect, made, key });
        }
    }
    found
}

/// Whether what is repeated is handed to the client again, or by the client to its hooks.
fn comes_to_hooks(context: &Context<'_>, scope: &Scope, key: &ClientKey) -> bool {
    let meaning = context.meaning;
    match meaning.operation(scope).filter(|_| meaning.is_done_by_client(scope)) {
        Some(op) => match meaning.attribute(op, Attr::Hooks) {
            Found::Absent => false,
            // A copy of the request is handed to those that the client was given after.
            Found::Is(Operand::Text(which)) if which == "inner" => {
                scope.origin.is_some_and(|origin| origin < key.given_at)
            }
            // The request is the same one, and has the first key if that is looked for.
            _ => !key.hook.looks_first,
        },
        None => true,
    }
}
