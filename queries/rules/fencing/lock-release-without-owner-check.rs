//! A lock is let go by deleting its key, whoever holds it by now.

use ascent::ascent_run;
use distsys_engine::OpKind;
use distsys_facts::{SiteId, VarId};

use crate::finding::{Category, Finding, Maturity, RuleInfo, Severity};
use crate::locks::{Key, is_outlived_by_none, keys};
use crate::{Context, FindingBuilder, Rule};

pub(crate) static RULE: Rule = Rule {
    info: RuleInfo {
        slug: "lock-release-without-owner-check",
        category: Category::Fencing,
        severity: Severity::Major,
        maturity: Maturity::Stable,
        yields_to: &[],
        summary: "a lock is deleted by whoever gets there, owner or not",
        page: include_str!("lock-release-without-owner-check.md"),
    },
    judge,
};

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let mut locks: Vec<(Key, SiteId)> = Vec::new();
    for scope in meaning.scopes.of_kind(OpKind::LockAcquire) {
        let Some(op) = meaning.operation(scope) else { continue };
        if is_outlived_by_none(context, op, &[op.function]) {
            continue;
        }
        locks.extend(keys(context, op).into_iter().map(|key| (key, op.site)));
    }
    if locks.is_empty() {
        return Vec::new();
    }
    let mut deletes: Vec<(Key, SiteId)> = Vec::new();
    let mut asks_owner: Vec<(SiteId,)> = Vec::new();
    for op in meaning.operations.of_kind(OpKind::CacheDelete).filter(|op| context.in_scope(op.site)) {
        deletes.extend(keys(context, op).into_iter().map(|key| (key, op.site)));
        if is_after_comparison(context, op.site) {
            asks_owner.push((op.site,));
        }
    }
    let program = ascent_run! {
        relation locks(Key, SiteId) = locks;
        relation deletes(Key, SiteId) = deletes;
        relation asks_owner(SiteId) = asks_owner;
        relation found(SiteId, SiteId);
        found(d, l) <-- locks(k, l), deletes(k, d), !asks_owner(d);
    };
    let mut found = program.found;
    found.sort_unstable();
    found.dedup_by_key(|(delete, _)| *delete);
    found.into_iter().map(|(delete, lock)| report(context, delete, lock)).collect()
}

/// Whether a condition around the site, or one that ends the function before it, looks at what the store has.
fn is_after_comparison(context: &Context<'_>, site: SiteId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let function = context.function_of(site);
    let reads: Vec<VarId> = meaning
        .operations
        .of_kind(OpKind::CacheRead)
        .filter(|op| op.function == function)
        .filter_map(|op| program.call(op.site).map(|call| call.result))
        .collect();
    if reads.is_empty() {
        return false;
    }
    program
        .regions_by_function
        .of(&r.region, function)
        .flat_map(|region| program.condition_by_region.of(&r.condition, region.region))
        .any(|condition| {
            let sources = meaning.made_from(condition.var);
            reads.iter().any(|read| sources.contains(read))
        })
}

fn report(context: &Context<'_>, delete: SiteId, lock: SiteId) -> Finding {
    let message = "the lock's key is deleted without asking who holds it; a holder that was slow, whose lock has expired, deletes the lock of the next one, and a third comes in".to_owned();
    FindingBuilder::new(context, &RULE.info, delete, message)
        .step(lock, "the lock is taken here")
        .step(delete, "and its key deleted here")
        .checked("no comparison of the owner's token, in a script or before the delete")
        .help("keep a unique token as the lock's value, and compare and delete it in one script")
        .build()
}
