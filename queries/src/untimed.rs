//! Calls of a helper by which a lock is taken that nobody has told how long it may be held.

use distsys_engine::meaning::{Effect, Found, Operand, Operation};
use distsys_engine::{Attr, OpKind};
use distsys_facts::SiteId;

use crate::Context;

/// The calls by which what `op` takes has no time to live, though others give it one.
pub(crate) fn untimed_calls(context: &Context<'_>, op: &Operation) -> Vec<SiteId> {
    let mut calls = given_none(context, op);
    // `put(key, value)`, where only who says `only_if_absent=True` takes a lock.
    calls.retain(|site| {
        let locks = |(effect, _): (Effect, _)| effect.kind == OpKind::LockAcquire;
        let effects = &context.meaning.effects;
        let mut callees = context.meaning.callees(*site).into_iter();
        effects.at(*site).any(locks) || !callees.any(|callee| effects.in_function(callee).any(locks))
    });
    calls
}

fn given_none(context: &Context<'_>, op: &Operation) -> Vec<SiteId> {
    match context.meaning.attribute(op, Attr::Ttl) {
        Found::Is(Operand::Var(var) | Operand::Counted(var, _)) => context.meaning.unlimited_by(var),
        // `{ PX: options.ttl }`
        Found::Is(Operand::Within(..)) => {
            let by_caller = context.meaning.attribute_by_caller(op, Attr::Ttl).into_iter();
            let is_none = |found: &Found| match found {
                Found::Absent => true,
                Found::Is(Operand::Var(var)) => context.meaning.is_endless(*var),
                _ => false,
            };
            let left_out = by_caller.filter(|(site, found)| is_none(found) && context.in_scope(*site));
            left_out.map(|(site, _)| site).collect()
        }
        _ => Vec::new(),
    }
}

/// All such calls, each with where the lock is taken.
pub(crate) fn untimed(context: &Context<'_>) -> Vec<(SiteId, SiteId)> {
    let scopes = context.meaning.scopes.of_kind(OpKind::LockAcquire);
    let taken = scopes.filter_map(|scope| context.meaning.operation(scope)).filter(|op| context.in_scope(op.site));
    let mut found: Vec<(SiteId, SiteId)> =
        taken.flat_map(|op| untimed_calls(context, op).into_iter().map(|call| (call, op.site))).collect();
    found.sort_unstable();
    found.dedup_by_key(|(call, _)| *call);
    found
}
