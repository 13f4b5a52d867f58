//! A remote call holds a database transaction open for as long as the other side takes.

use ascent::ascent_run;
use distsys_engine::OpKind;
use distsys_engine::meaning::{Effect, EffectFlags, EffectId, Scope};
use distsys_facts::{FunctionId, Id, Role, SiteId};
use rustc_hash::FxHashMap;

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
    let mut found = program.found;
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
    by_place.into_values().map(|(trace, effect)| report(context, &trace, &effect)).collect()
}

fn is_remote(kind: OpKind) -> bool {
    matches!(
        kind,
        OpKind::HttpRequest
            | OpKind::Rpc
            | OpKind::Payment
            | OpKind::Notify
            | OpKind::ObjectRead
            | OpKind::ObjectWrite
            | OpKind::LockAcquire
            | OpKind::Consensus
    )
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

fn report(context: &Context<'_>, trace: &[SiteId], effect: &Effect) -> Finding {
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
    }
    builder
        .steps(context.steps(trace, effect))
        .checked("no commit before the call, no after-commit hook around it")
        .help("call before the transaction or after its commit; what must happen with it goes to an outbox")
        .build()
}
