//! Other systems that are waited for, here or further down.

use distsys_engine::meaning::{Effect, EffectFlags, Found, Operand};
use distsys_engine::{Attr, OpKind};
use distsys_facts::{FunctionFlags, SiteId, VarId};

use crate::Context;
use crate::started::begun_together;

/// The remote call that is waited for at `suspend`, and the way there.
pub(crate) fn waited_for(context: &Context<'_>, suspend: SiteId) -> Option<(Effect, Vec<SiteId>)> {
    let r = &context.meaning.program.facts.relations;
    let awaited = r.suspend.binary_search_by_key(&suspend, |row| row.site).ok().and_then(|at| r.suspend[at].var);
    let calls = awaited.map(|var| futures(context, var)).unwrap_or_default();
    let suspends = gives_way(context, suspend);
    calls.into_iter().chain([suspend]).find_map(|site| remote_at(context, site, suspends))
}

/// Whether another system is waited for. Of what blocks its thread anyhow, the own database and cache do not count: one
/// statement at a time is what such a lock is often there for.
pub(crate) fn is_remote(context: &Context<'_>, site: SiteId, suspends: bool) -> bool {
    remote_at(context, site, suspends).is_some()
}

/// What another system is waited for, and the way there.
pub(crate) fn remote_at(context: &Context<'_>, site: SiteId, suspends: bool) -> Option<(Effect, Vec<SiteId>)> {
    // What is only put into a client's buffer is not waited for.
    let is_waited_for = |trace: &[SiteId], effect: &Effect| {
        let done = trace.last().and_then(|last| context.operation(*last, effect.kind));
        done.is_none_or(|op| context.meaning.attribute(op, Attr::Completion) == Found::Absent)
    };
    context.meaning.effects.at(site).find_map(|(effect, _)| {
        let may_count = match effect.kind {
            kind if is_of_store(kind) => suspends,
            kind => is_remote_kind(kind),
        };
        if !may_count || effect.flags.has(EffectFlags::BACKGROUND) || effect.flags.has(EffectFlags::AFTER_COMMIT) {
            return None;
        }
        let trace = context.meaning.trace(site, &effect);
        // Handed to a thread of the library, whatever becomes of it.
        let is_handed_on = || {
            let done = trace.last().and_then(|last| context.operation(*last, effect.kind));
            done.is_some_and(|op| matches!(context.meaning.attribute(op, Attr::Completion), Found::Is(Operand::Text(text)) if text == "none"))
        };
        if !suspends && is_handed_on() {
            return None;
        }
        let is_sent = matches!(effect.kind, OpKind::Publish | OpKind::Enqueue);
        (!is_sent || suspends || is_waited_for(&trace, &effect)).then_some((effect, trace))
    })
}

pub(crate) fn is_remote_kind(kind: OpKind) -> bool {
    is_of_store(kind)
        || matches!(
            kind,
            OpKind::HttpRequest
                | OpKind::Rpc
                | OpKind::ObjectRead
                | OpKind::ObjectWrite
                | OpKind::Payment
                | OpKind::Notify
                | OpKind::LockAcquire
                | OpKind::Consensus
                | OpKind::Publish
                | OpKind::Enqueue
        )
}

/// The own database and cache.
pub(crate) fn is_of_store(kind: OpKind) -> bool {
    matches!(
        kind,
        OpKind::DbRead | OpKind::DbWrite | OpKind::Sql | OpKind::CacheRead | OpKind::CacheWrite | OpKind::CacheDelete
    )
}

/// Whether a task waits here and its thread goes on with others, not the thread itself.
pub(crate) fn gives_way(context: &Context<'_>, site: SiteId) -> bool {
    context.meaning.program.function(context.function_of(site)).flags.has(FunctionFlags::ASYNC)
}

/// The calls that made what is awaited, here or before: `let work = match kind { Kind::A => a().boxed(), Kind::B => b().boxed() };`;
/// of what is waited for together those that each of it began, too: `join_all(ids.iter().map(|id| self.load(id)))`.
pub(crate) fn futures(context: &Context<'_>, awaited: VarId) -> Vec<SiteId> {
    let program = context.meaning.program;
    let (mut found, mut stack, mut seen) = (Vec::new(), vec![awaited], Vec::new());
    while let Some(var) = stack.pop() {
        if seen.len() > MAX_COPIES || seen.contains(&var) {
            continue;
        }
        seen.push(var);
        found.extend(program.call_giving(var).map(|call| call.site));
        stack.extend(program.assigned_from(var).map(|row| row.src));
    }
    let gathers: Vec<SiteId> =
        found.iter().copied().filter(|site| context.operation(*site, OpKind::Gather).is_some()).collect();
    found.extend(gathers.into_iter().flat_map(|gather| begun_together(context, gather)));
    found
}

/// What is awaited is followed back through so many variables.
pub(crate) const MAX_COPIES: usize = 16;
