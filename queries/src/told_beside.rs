//! Handlers that tell somebody of what they have done, and do not fail for it: the report is there, and only the mail that says
//! so is not.

use distsys_engine::OpKind;
use distsys_engine::meaning::{Effect, Failure};
use distsys_engine::words::words;
use distsys_facts::SiteId;
use rustc_hash::FxHashSet;

use crate::Context;
use crate::done::{Done, done_at};
use crate::handlers::{Handler, is_work};

/// Callers of a helper that only the handler runs are climbed this far.
const MAX_CALLERS: usize = 4;

/// Whether all that is lost is that somebody is told, of something else that the handler does outside of what may fail: done
/// again for that, all of it would be done twice. A note that it was told, taken before, is not taken back: then it is lost.
pub(crate) fn is_only_told(context: &Context<'_>, handler: &Handler, failure: &Failure) -> bool {
    let lost = failure.protected.iter().filter(|site| handler.sites.contains(site));
    let lost = lost.flat_map(|site| done_at(context, *site)).filter(|done| is_done(context, &done.effect));
    let lost: Vec<Done> = lost.collect();
    if lost.is_empty() || !lost.iter().all(|done| is_telling(context, done)) {
        return false;
    }
    // A job that tells is begun beside the rest; a mail that comes first is what the rest was for.
    let is_handed_on = lost.iter().all(|done| is_sent_on(&done.effect));
    // Nor was that what the rest is for which sends out something else in turn.
    let is_other = |done: &Done| done.effect.kind != OpKind::DbWrite && !is_telling(context, done);
    let mut beside: Vec<Done> = beside(context, handler, failure, true);
    if !is_handed_on && !beside.iter().any(is_other) {
        beside = self::beside(context, handler, failure, false);
    }
    let notes = |done: &Done| {
        let ways = done.traces(context).into_iter().filter_map(|way| way.last().copied());
        let mut columns = ways.flat_map(|last| context.meaning.columns_written(last));
        columns.any(says_told)
    };
    !beside.is_empty() && !beside.iter().any(notes)
}

/// Whether all that is lost is a line in a chat that a helper of the handler's puts there, and does nothing else: the alert for
/// those who run the service, whatever the handler was for.
pub(crate) fn is_notice(context: &Context<'_>, handler: &Handler, failure: &Failure) -> bool {
    let meaning = context.meaning;
    let Some(&first) = failure.protected.first() else { return false };
    let function = context.function_of(first);
    let lost = |site: &SiteId| failure.protected.contains(site);
    let is_work = |done: &Done| is_done(context, &done.effect);
    let sites: Vec<SiteId> = meaning.program.sites(function).map(|row| row.site).collect();
    let mut done =
        sites.iter().filter(|site| lost(site)).flat_map(|site| done_at(context, *site)).filter(is_work).peekable();
    let mut beside = sites.iter().filter(|site| !lost(site)).flat_map(|site| done_at(context, *site));
    let is_posted = |done: &Done| done.effect.kind == OpKind::HttpRequest && is_telling(context, done);
    let is_helper = handler.region.is_some_and(|region| meaning.program.region(region).function != function)
        || handler.region.is_none() && !meaning.invocations.at(handler.origin).any(|row| row.function == function);
    is_helper
        && says_alert(context.named_function(function))
        && done.peek().is_some()
        && done.all(|done| is_posted(&done))
        && !beside.any(|done| is_work(&done))
}

fn says_alert(name: &str) -> bool {
    const ALERTS: &[&str] = &["alert", "alerts", "chat", "discord", "notice", "notify", "pager", "slack", "teams"];
    words(name).iter().any(|word| ALERTS.contains(&word.as_str()))
}

/// What the handler does before (and, if asked for, `after`) what may fail, be it in the functions that call the one which deals
/// with the failure.
fn beside(context: &Context<'_>, handler: &Handler, failure: &Failure, after: bool) -> Vec<Done> {
    let meaning = context.meaning;
    let Some(&first) = failure.protected.first() else { return Vec::new() };
    let mut found: Vec<Done> = Vec::new();
    let mut around = vec![first];
    let mut seen: FxHashSet<SiteId> = FxHashSet::default();
    let is_part = |site: &SiteId| failure.protected.contains(site) || failure.sites.contains(site);
    for _ in 0..MAX_CALLERS {
        let mut next = Vec::new();
        for at in around {
            let function = context.function_of(at);
            let sites = meaning.program.sites(function).map(|row| row.site);
            let sites = sites.filter(|site| *site != at && !is_part(site));
            let sites = sites.filter(|site| meaning.precedes(*site, at) || after && meaning.precedes(at, *site));
            for site in sites.filter(|site| seen.insert(*site)) {
                let is_done = |done: &Done| is_done(context, &done.effect) || done.effect.kind == OpKind::CacheWrite;
                found.extend(done_at(context, site).into_iter().filter(is_done));
            }
            if function != handler.function || handler.region.is_none() {
                let callers = meaning.callers(function).iter().copied();
                next.extend(callers.filter(|caller| *caller != handler.origin && context.in_scope(*caller)));
            }
        }
        around = next;
    }
    found
}

fn is_done(context: &Context<'_>, effect: &Effect) -> bool {
    is_work(context, effect) || is_sent_on(effect)
}

fn is_sent_on(effect: &Effect) -> bool {
    matches!(effect.kind, OpKind::Publish | OpKind::Enqueue)
}

/// Whether an effect only tells somebody: a mail, a message in a chat, a job that is called so.
fn is_telling(context: &Context<'_>, done: &Done) -> bool {
    const TELLS: &[&str] =
        &["alert", "alerts", "email", "emails", "mail", "mails", "notification", "notifications", "notifier", "notify"];
    let effect = &done.effect;
    let says = |name: &str| words(name).iter().any(|word| TELLS.contains(&word.as_str()));
    match effect.kind {
        OpKind::Notify => true,
        // `/bot{}/sendMessage`, or by the function that sends it: `alertSlack(text)`.
        OpKind::HttpRequest => {
            let last = context.meaning.text(effect.entity).map(|url| url.trim_end_matches('/'));
            let last = last.and_then(|url| url.rsplit('/').next()).unwrap_or_default();
            let way = done.trace(context);
            let by_name = way.last().is_some_and(|last| says(context.named_function(context.function_of(*last))));
            by_name || says(last) || words(last).iter().any(|word| matches!(word.as_str(), "message" | "messages"))
        }
        // By the queue, or by what the job is called there: `enqueue("report-mail", { id })`.
        OpKind::Enqueue | OpKind::Publish => {
            let given = done.traces(context).into_iter().flatten();
            let mut given = given.flat_map(|site| context.meaning.program.arguments(site)).map(|row| row.var);
            context.meaning.text(effect.entity).is_some_and(says)
                || given.any(|var| context.meaning.constant(var).is_some_and(says))
        }
        _ => false,
    }
}

/// Whether a column says that somebody was told: `notified`, `reminder_sent_at`.
fn says_told(column: &str) -> bool {
    const TOLD: &[&str] = &["notified", "sent", "emailed", "mailed", "told", "reminded", "delivered", "published"];
    words(column).iter().any(|word| TOLD.contains(&word.as_str()))
}

/// Whether what may fail is only noted about something that has failed already, in a row: what to do about that was decided
/// before.
pub(crate) fn is_note_of_failure(context: &Context<'_>, handler: &Handler, failure: &Failure) -> bool {
    let protected = failure.protected.iter().filter(|site| handler.sites.contains(site));
    let protected: Vec<SiteId> = protected.copied().collect();
    let effects = protected.iter().flat_map(|site| done_at(context, *site)).map(|done| done.effect);
    let mut effects = effects.filter(|effect| is_done(context, effect)).peekable();
    let Some(&first) = protected.first().filter(|_| effects.peek().is_some()) else { return false };
    let failed_before = context
        .meaning
        .failures(context.function_of(first))
        .into_iter()
        .any(|other| other.region != failure.region && protected.iter().all(|site| other.sites.contains(site)));
    failed_before && effects.all(|effect| effect.kind == OpKind::DbWrite)
}
