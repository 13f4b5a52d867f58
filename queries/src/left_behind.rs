//! What an attempt leaves behind when it fails: a row or a count that is committed by itself, before something else of the same
//! attempt can fail.

use distsys_engine::OpKind;
use distsys_engine::meaning::{Effect, EffectFlags, Extent};
use distsys_facts::{SiteId, SiteKind};
use rustc_hash::FxHashSet;

use crate::Context;
use crate::added_again::is_another;
use crate::retried::{counts_attempts, scope_at};

/// What an attempt has committed, and what may fail after that in the function which does both.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Left {
    pub done: SiteId,
    pub after: SiteId,
}

/// Where a write is committed before something else of its attempt may fail, so that the next attempt writes again; `open`: the
/// sites that transactions cover.
pub(crate) fn left_behind(
    context: &Context<'_>,
    trace: &[SiteId],
    effect: &Effect,
    open: &FxHashSet<SiteId>,
) -> Option<Left> {
    let meaning = context.meaning;
    let adds = match meaning.text(effect.verb) {
        Some("increment") => true,
        Some("insert") => is_another(context, trace, effect),
        _ => false,
    };
    if effect.kind != OpKind::DbWrite || !adds || counts_attempts(context, trace) {
        return None;
    }
    let (scope, at) = scope_at(context, trace)?;
    let covered = meaning.sites(scope);
    let first = if matches!(scope.extent, Extent::Function(_)) { at } else { at + 1 };
    for (level, &done) in trace.iter().enumerate().skip(at) {
        // In one transaction with what follows, it is undone with it.
        if open.contains(&done) {
            return None;
        }
        let function = context.function_of(done);
        let follows = |site: SiteId| {
            let within = level >= first || covered.contains(&site);
            within && !open.contains(&site) && meaning.precedes(done, site) && !meaning.precedes(site, done)
        };
        let mut after =
            meaning.effects.in_function(function).filter(|(after, row)| may_fail(after) && follows(row.site));
        if let Some((_, row)) = after.find(|(_, row)| !is_dealt_with(context, row.site, done)) {
            return Some(Left { done, after: row.site });
        }
    }
    None
}

/// Whether something leaves the process, and the attempt waits for it.
fn may_fail(effect: &Effect) -> bool {
    let is_remote = matches!(
        effect.kind,
        OpKind::HttpRequest | OpKind::Rpc | OpKind::Publish | OpKind::Enqueue | OpKind::Payment | OpKind::ObjectWrite
    );
    is_remote && !effect.flags.has(EffectFlags::BACKGROUND) && !effect.flags.has(EffectFlags::AFTER_COMMIT)
}

/// Whether the failure of what is done at `site` does not end the attempt, which did what is done at `done` outside of what
/// is caught.
fn is_dealt_with(context: &Context<'_>, site: SiteId, done: SiteId) -> bool {
    let meaning = context.meaning;
    let failures = meaning.failures(context.function_of(site)).into_iter();
    let mut around = failures
        .filter(|failure| failure.all && failure.protected.contains(&site) && !failure.protected.contains(&done));
    around.any(|failure| {
        !failure.sites.iter().any(|site| matches!(meaning.program.site(*site).kind, SiteKind::Throw | SiteKind::Return))
    })
}
