//! A lock that is released at the end is still held where the function is left before.

use distsys_engine::meaning::{Extent, Found};
use distsys_engine::{Attr, OpKind};
use distsys_facts::{SiteId, Sym};
use rustc_hash::FxHashMap;

use crate::finding::{Category, Finding, Maturity, RuleInfo, Severity};
use crate::taken::{Leak, exits, fails, is_caught, may_have_failed, puts_away};
use crate::{Context, FindingBuilder, Rule};

pub(crate) static RULE: Rule = Rule {
    info: RuleInfo {
        slug: "lock-not-released-on-error",
        category: Category::Fencing,
        severity: Severity::Major,
        maturity: Maturity::Stable,
        yields_to: &[],
        summary: "a way out of the function leaves its lock held",
        page: include_str!("lock-not-released-on-error.md"),
    },
    judge,
};

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let mut leaks: FxHashMap<SiteId, Leak<'_>> = FxHashMap::default();
    for scope in &meaning.scopes.all {
        let is_lock =
            matches!(scope.kind, OpKind::LockAcquire | OpKind::SessionLock | OpKind::Guard | OpKind::Limiter);
        let Extent::Open(taken) = scope.extent else { continue };
        if !is_lock || !context.in_scope(taken) {
            continue;
        }
        let mut releases = match scope.kind {
            OpKind::Limiter => permits_given_back(context, taken),
            _ => meaning.closers(scope),
        };
        // What is called takes it itself before it gives it back, be it in a deferred call.
        releases.retain(|release| !takes_itself(context, scope.kind, *release));
        // A function that never releases hands the lock to its caller, or lets it expire.
        if releases.is_empty() {
            continue;
        }
        // Whoever finds it where it is put releases it: `held.put(key, mutex)`.
        let put = puts_away(context, taken);
        if put.is_empty() && releases.iter().all(|release| may_have_failed(context, taken, *release)) {
            continue;
        }
        let mut ends = releases.clone();
        ends.extend(put);
        let exits = exits(context, scope, taken, &ends);
        // So does one that releases only on the way to another exit than its last.
        if exits.iter().any(|exit| releases.iter().all(|release| release < exit)) {
            continue;
        }
        let fails = match exits.is_empty() {
            true => fails(context, OpKind::Guard, taken, &ends, |site| is_caught(context, site)),
            false => None,
        };
        if exits.is_empty() && fails.is_none() {
            continue;
        }
        let leak = Leak { scope, taken, releases, exits, fails };
        leaks.entry(leak.place()).or_insert(leak);
    }
    leaks.into_iter().map(|(place, leak)| report(context, place, &leak)).collect()
}

/// Where a permit that is taken of a semaphore is given back; nowhere if the semaphore ends with the function, and nobody else
/// waits for it.
fn permits_given_back(context: &Context<'_>, taken: SiteId) -> Vec<SiteId> {
    let meaning = context.meaning;
    let function = context.function_of(taken);
    let Some(of) = semaphore(context, taken) else { return Vec::new() };
    let given = meaning.effects.in_function(function).filter(|(effect, row)| {
        effect.kind == OpKind::GuardRelease
            && meaning.precedes(taken, row.site)
            && meaning.trace(row.site, effect).last().is_some_and(|last| semaphore(context, *last) == Some(of))
    });
    let mut sites: Vec<SiteId> = given.map(|(_, row)| row.site).collect();
    sites.dedup();
    sites
}

/// The field that the semaphore is in on which a call is.
fn semaphore(context: &Context<'_>, site: SiteId) -> Option<Sym> {
    let program = context.meaning.program;
    let at = program.held_at(program.call(site)?.receiver?);
    program.loaded_as(at).map(|load| load.field)
}

/// Whether what is called at a site begins with taking a lock of its own.
fn takes_itself(context: &Context<'_>, kind: OpKind, site: SiteId) -> bool {
    let meaning = context.meaning;
    let callees = meaning.callees(site);
    let own = meaning.scopes.of_kind(kind).filter(|scope| callees.contains(&scope.function));
    own.into_iter().any(|scope| match scope.extent {
        Extent::Open(taken) => {
            let closers = meaning.closers(scope);
            !closers.is_empty() && closers.into_iter().all(|closer| meaning.precedes(taken, closer))
        }
        _ => false,
    })
}

fn report(context: &Context<'_>, place: SiteId, leak: &Leak<'_>) -> Finding {
    let meaning = context.meaning;
    let expires = leak.scope.kind == OpKind::LockAcquire
        && meaning.operation(leak.scope).is_some_and(|op| meaning.attribute(op, Attr::Ttl) != Found::Absent);
    let consequence = match (leak.scope.kind, expires) {
        (_, true) => "everybody else waits until it expires",
        (OpKind::SessionLock, _) => "the connection goes back to the pool with it, and nobody else gets it",
        (OpKind::Limiter, _) => "its permit is gone, and once all are, nobody gets one any more",
        (OpKind::Guard, _) => "whoever asks for it next waits for ever",
        _ => "nobody else gets it",
    };
    let message = match leak.fails {
        Some(_) => format!("what fails before the release leaves the lock held; {consequence}"),
        None => format!("the function is left here with the lock held; {consequence}"),
    };
    let mut builder = FindingBuilder::new(context, &RULE.info, place, message);
    if leak.fails.is_some() {
        builder = builder.severity(if expires { Severity::Minor } else { Severity::Major });
    }
    leak.told(builder, "the lock is taken here", "it is released here only")
        .checked("no `finally`, deferred call or handler around it releases the lock")
        .help("release in `finally` (a deferred call, a guard, a `with` block), so that every way out does it")
        .build()
}
