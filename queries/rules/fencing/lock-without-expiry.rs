//! A lock in a store is taken without a time to live.

use ascent::ascent_run;
use distsys_engine::meaning::{Found, Operand};
use distsys_engine::{Attr, OpKind};
use distsys_facts::SiteId;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::finding::{Category, Finding, Maturity, RuleInfo, Severity};
use crate::timed_later::timed_later;
use crate::untimed::untimed;
use crate::{Context, FindingBuilder, Rule};

pub(crate) static RULE: Rule = Rule {
    info: RuleInfo {
        slug: "lock-without-expiry",
        category: Category::Fencing,
        severity: Severity::Major,
        maturity: Maturity::Stable,
        yields_to: &[],
        summary: "a lock stays for ever when its holder dies",
        page: include_str!("lock-without-expiry.md"),
    },
    judge,
};

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let mut taken: Vec<(SiteId,)> = Vec::new();
    let mut expires: Vec<(SiteId,)> = Vec::new();
    for scope in meaning.scopes.of_kind(OpKind::LockAcquire) {
        let Some(op) = meaning.operation(scope) else { continue };
        if !context.in_scope(op.site) {
            continue;
        }
        taken.push((op.site,));
        let ttl = meaning.attribute(op, Attr::Ttl);
        if !matches!(ttl, Found::Absent) && !is_null(context, &ttl) {
            expires.push((op.site,));
        }
    }
    let timed = meaning.operations.of_kind(OpKind::LockAcquire).filter(|op| context.in_scope(op.site));
    let turns: FxHashMap<SiteId, SiteId> = timed.filter_map(|op| Some((op.site, timed_later(context, op)?))).collect();
    taken.extend(turns.keys().map(|site| (*site,)));
    let program = ascent_run! {
        relation taken(SiteId) = taken;
        relation expires(SiteId) = expires;
        relation found(SiteId);
        found(s) <-- taken(s), !expires(s);
    };
    let mut found: Vec<SiteId> = program.found.into_iter().map(|(site,)| site).collect();
    found.sort_unstable();
    // Making a lock and acquiring it are one.
    let mut lines = FxHashSet::default();
    found.retain(|site| {
        let place = context.place(*site);
        lines.insert((place.path, place.line))
    });
    let by_callers = untimed(context).into_iter().filter(|(call, _)| context.in_scope(*call));
    let by_callers = by_callers.map(|(call, taken)| report_untimed(context, call, taken));
    found.iter().map(|site| report(context, *site, turns.get(site).copied())).chain(by_callers).collect()
}

fn is_null(context: &Context<'_>, found: &Found) -> bool {
    match found {
        Found::Is(Operand::Var(var)) => {
            context.meaning.constant(*var).is_some_and(|text| matches!(text, "null" | "None" | "undefined"))
        }
        _ => false,
    }
}

fn report(context: &Context<'_>, site: SiteId, later: Option<SiteId>) -> Finding {
    let message = match later {
        None => "the lock has no time to live; when its holder is killed before it lets go, nobody ever gets it again",
        Some(_) => "the key has no time to live yet; when the process is killed before the second command sets one, nobody ever has a turn again",
    };
    let mut builder = FindingBuilder::new(context, &RULE.info, site, message.to_owned()).step(site, "the lock is taken here");
    if let Some(later) = later {
        builder = builder.step(later, "its time to live is set here, by a second command");
    }
    builder
        .checked("no time to live in the call that takes the lock")
        .help("set the time to live in the same command (`SET key token NX PX 30000`), and let the write under the lock be fenced")
        .build()
}

fn report_untimed(context: &Context<'_>, call: SiteId, taken: SiteId) -> Finding {
    let message = "this call says nothing of how long the lock may be held, so it has no time to live; when its holder is killed before it lets go, nobody ever gets it again";
    FindingBuilder::new(context, &RULE.info, call, message.to_owned())
        .step(call, "no time to live is given here")
        .step(taken, "and the lock is taken without one")
        .checked("neither this call nor the helper sets a time to live")
        .help("give the lock a time to live here, or let the helper have one by default")
        .build()
}
