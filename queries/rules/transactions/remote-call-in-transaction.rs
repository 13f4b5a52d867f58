//! A remote call holds a database transaction open for as long as the other side takes.

use ascent::ascent_run;
use distsys_engine::{Attr, OpKind};
use distsys_engine::meaning::{Effect, EffectFlags, EffectId, Scope};
use distsys_facts::{FunctionId, Id, RegionId, RegionKind, Role, SiteId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::locks::is_not_waited_for;
use crate::transactions::{Locks, Transaction, is_elsewhere, is_own, open, while_uncommitted};

use crate::finding::{Category, Finding, Maturity, RuleInfo, Severity};
use crate::{Context, FindingBuilder, Rule};

pub(crate) static RULE: Rule = Rule {
    info: RuleInfo {
        slug: "remote-call-in-transaction",
        category: Category::Transactions,
        severity: Severity::Major,
        maturity: Maturity::Stable,
        yields_to: &["enqueue-before-commit"],
        summary: "another system is called while a database transaction is open",
        page: include_str!("remote-call-in-transaction.md"),
    },
    judge,
};

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let mut calls: Vec<(SiteId, EffectId)> = Vec::new();
    for row in meaning.effects.rows() {
        let effect = meaning.effects.get(row.effect);
        // A migration runs once, before anybody waits.
        let function = context.function_of(row.site);
        let role = meaning.program.facts.relations.file[meaning.program.file_of_function(function).index()].role;
        if role == Role::Migration {
            continue;
        }
        if is_remote(effect.kind) && !is_elsewhere(effect.flags) && !effect.flags.has(EffectFlags::TRANSACTIONAL) {
            calls.push((row.site, row.effect));
        }
    }
    calls.retain(|(site, effect)| !only_tries(context, *site, &meaning.effects.get(*effect)));
    if calls.is_empty() {
        return Vec::new();
    }
    let uncommitted = while_uncommitted(context, calls.clone(), Locks::Count);
    let mut commits: Vec<(FunctionId, SiteId)> = Vec::new();
    for row in meaning.effects.rows() {
        if meaning.effects.get(row.effect).kind == OpKind::TxCommit && !is_own(context, row.site) {
            commits.push((context.function_of(row.site), row.site));
        }
    }
    let function_of = |site: &SiteId| context.function_of(*site);
    let program = ascent_run! {
        relation calls(SiteId, EffectId) = calls;
        relation covered(Transaction, SiteId) = open(context);
        relation uncommitted(SiteId, EffectId, SiteId, EffectId) = uncommitted;
        relation commits(FunctionId, SiteId) = commits;
        // Committed by hand before the call, inside of what opened it.
        relation over(Transaction, SiteId);
        over(t, s) <-- covered(t, s), calls(s, _), commits(function_of(s), c), covered(t, c), if meaning.precedes(*c, *s);
        relation found(SiteId, EffectId);
        found(s, e) <-- calls(s, e), covered(t, s), !over(t, s);
        found(s, e) <-- uncommitted(s, e, w, _), if meaning.precedes(*w, *s);
    };
    // What is called in a transaction of its own is told there, and not again for each transaction around.
    let over: FxHashSet<(Transaction, SiteId)> = program.over.into_iter().collect();
    let within = program.covered.iter().filter(|(scope, site)| !over.contains(&(*scope, *site)));
    let within: FxHashSet<SiteId> = within.map(|(_, site)| *site).collect();
    let mut found = program.found;
    found.retain(|(site, effect)| {
        let trace = meaning.trace(*site, &meaning.effects.get(*effect));
        !trace.iter().skip(1).any(|step| within.contains(step) && context.in_scope(*step))
    });
    found.sort_unstable();
    let mut by_place: FxHashMap<SiteId, (Vec<SiteId>, Effect)> = FxHashMap::default();
    for (site, effect) in found {
        if !context.in_scope(site) {
            continue;
        }
        let effect = meaning.effects.get(effect);
        let trace = meaning.trace(site, &effect);
        let known = by_place.entry(context.primary(&trace)).or_insert_with(|| (trace.clone(), effect));
        if trace.len() < known.0.len() {
            *known = (trace, effect);
        }
    }
    // What one transaction does in one function by one call far below has one cause.
    let mut by_cause: FxHashMap<(FunctionId, Option<SiteId>, SiteId), Vec<Call>> = FxHashMap::default();
    for (trace, effect) in by_place.into_values() {
        let Some(last) = trace.last().copied() else { continue };
        let origin = transaction(context, trace[0]).and_then(|scope| scope.origin);
        let place = context.function_of(context.primary(&trace));
        by_cause.entry((place, origin, last)).or_default().push((trace, effect));
    }
    let told = by_cause.into_values().map(|mut all| {
        all.sort_unstable_by_key(|(trace, _)| context.primary(trace));
        let others: Vec<SiteId> = all.split_off(1).iter().map(|(trace, _)| context.primary(trace)).collect();
        report(context, &all[0].0, &all[0].1, &others)
    });
    told.collect()
}

/// The way to a call, and what it does.
type Call = (Vec<SiteId>, Effect);

/// So many other places of one cause are shown.
const MAX_SHOWN: usize = 8;

fn is_remote(kind: OpKind) -> bool {
    kind.asks_another_system() || matches!(kind, OpKind::LockAcquire | OpKind::Consensus)
}

/// Whether a lock is asked for once and its answer taken, whoever holds it: a key that is set if it is absent, and no loop
/// that asks again.
fn only_tries(context: &Context<'_>, site: SiteId, effect: &Effect) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    if effect.kind != OpKind::LockAcquire {
        return false;
    }
    let trace = meaning.trace(site, effect);
    let asked = trace.last().and_then(|last| context.operation(*last, OpKind::LockAcquire));
    let sets_a_key = asked.is_some_and(|op| meaning.declares(op, Attr::Token));
    // A loop that waits and asks again waits for the lock.
    let again = |site: &SiteId| {
        let function = context.function_of(*site);
        let waits = |turn: RegionId| {
            let mut sleeps = meaning.effects.in_function(function).filter(|(effect, _)| effect.kind == OpKind::Sleep);
            sleeps.any(|(_, row)| program.region_within(program.site(row.site).region, turn))
        };
        let mut turns = program.regions_outward(program.site(*site).region).filter(|row| row.kind == RegionKind::Loop);
        let mut retries = meaning.scopes.in_function(function).filter(|scope| scope.kind == OpKind::RetryScope);
        turns.any(|turn| waits(turn.region)) || retries.any(|scope| meaning.sites(scope).contains(site))
    };
    is_not_waited_for(context, site, effect) || sets_a_key && !trace.iter().any(again)
}

/// The transaction around the first site of the trace.
fn transaction<'m>(context: &Context<'m>, site: SiteId) -> Option<&'m Scope> {
    let meaning = context.meaning;
    meaning
        .scopes
        .in_function(context.function_of(site))
        .filter(|scope| scope.kind == OpKind::TxScope)
        .find(|scope| meaning.sites(scope).contains(&site))
}

fn report(context: &Context<'_>, trace: &[SiteId], effect: &Effect, others: &[SiteId]) -> Finding {
    let what = context.does(effect);
    let message = format!(
        "the open transaction {what}; its locks and its connection are held for as long as the other side takes, and a rollback does not take back what was sent"
    );
    let mut builder = FindingBuilder::new(context, &RULE.info, context.primary(trace), message)
        .rests_on(context.confidence_of(trace[0], effect))
        .subject(context.meaning.text(effect.entity).unwrap_or_default());
    if let Some(scope) = transaction(context, trace[0]) {
        for site in &scope.steps {
            builder = builder.step(*site, "the transaction is opened through this call");
        }
        if let Some(origin) = scope.origin {
            builder = builder.step(origin, "the transaction is open from here");
        }
        builder = builder.caused_at(scope.steps.iter().copied().chain(scope.origin));
    }
    builder = builder.about(trace.last().copied()).steps(context.steps(trace, effect));
    for other in others.iter().take(MAX_SHOWN) {
        builder = builder.step(*other, "and likewise here");
    }
    builder
        .checked("no commit before the call, no after-commit hook around it")
        .help("call before the transaction or after its commit; what must happen with it goes to an outbox")
        .build()
}
