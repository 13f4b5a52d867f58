//! A job or message leaves while the transaction that writes its data is still open.

use ascent::ascent_run;
use distsys_engine::OpKind;
use distsys_engine::resolve::HandleRole;
use distsys_engine::meaning::{Effect, EffectFlags, EffectId, Term};
use distsys_facts::{FunctionId, SiteId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::finding::{Category, Finding, Maturity, RuleInfo, Severity};
use crate::{Context, FindingBuilder, Rule};

pub(crate) static RULE: Rule = Rule {
    info: RuleInfo {
        slug: "enqueue-before-commit",
        category: Category::Ordering,
        severity: Severity::Major,
        maturity: Maturity::Stable,
        summary: "a job or message is sent before the transaction that writes its data commits",
        page: include_str!("enqueue-before-commit.md"),
    },
    judge,
};

/// A transaction, by its number among the scopes.
type Transaction = u32;

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let mut within: Vec<(Transaction, SiteId)> = Vec::new();
    let mut touched: FxHashSet<FunctionId> = FxHashSet::default();
    for (number, scope) in meaning.scopes.all.iter().enumerate() {
        // A transaction on a replica holds no writes.
        let writes = scope.kind == OpKind::TxScope && meaning.role_of(scope) != HandleRole::Replica;
        if writes && !meaning.is_out_of_scope(scope.function) {
            within.extend(meaning.sites(scope).into_iter().map(|site| (number as Transaction, site)));
            touched.insert(scope.function);
        }
    }
    let mut sends: Vec<(SiteId, EffectId)> = Vec::new();
    let mut writes: Vec<(SiteId, EffectId)> = Vec::new();
    let mut commits: Vec<(FunctionId, SiteId)> = Vec::new();
    for row in meaning.effects.rows() {
        let effect = meaning.effects.get(row.effect);
        if effect.flags.has(EffectFlags::BACKGROUND) || effect.flags.has(EffectFlags::AFTER_COMMIT) {
            continue;
        }
        match effect.kind {
            OpKind::Enqueue | OpKind::Publish if !effect.flags.has(EffectFlags::TRANSACTIONAL) => sends.push((row.site, row.effect)),
            OpKind::DbWrite => writes.push((row.site, row.effect)),
            OpKind::TxCommit => commits.push((context.function_of(row.site), row.site)),
            _ => {}
        }
    }
    let function_of = |site: &SiteId| context.function_of(*site);
    let program = ascent_run! {
        relation within(Transaction, SiteId) = within;
        relation sends(SiteId, EffectId) = sends;
        relation writes(SiteId, EffectId) = writes;
        relation commits(FunctionId, SiteId) = commits;
        // A transaction that is written down: `with`, decorator, closure, begin to commit.
        relation in_transaction(SiteId, EffectId, SiteId, EffectId);
        in_transaction(s, m, w, e) <-- covered(s, m, w, e), !committed_between(w, s);
        relation covered(SiteId, EffectId, SiteId, EffectId);
        covered(s, m, w, e) <-- within(t, s), sends(s, m), within(t, w), writes(w, e), if w != s || m != e;
        committed_between(w, s) <--
            covered(s, _, w, _), commits(function_of(s), c), if meaning.precedes(*w, *c) && meaning.precedes(*c, *s);
        // One that the session opens by itself at the first write.
        relation sends_in(FunctionId, SiteId, EffectId);
        sends_in(function_of(s), s, m) <-- sends(s, m);
        relation writes_in(FunctionId, SiteId, EffectId);
        writes_in(function_of(w), w, e) <-- writes(w, e);
        relation pending(FunctionId, SiteId, EffectId, SiteId, EffectId, SiteId);
        pending(f, s, m, w, e, c) <--
            commits(f, c), sends_in(f, s, m), if s != c && meaning.precedes(*s, *c),
            writes_in(f, w, e), if w != s && w != c && meaning.precedes(*w, *s);
        relation committed_between(SiteId, SiteId);
        committed_between(w, s) <--
            pending(f, s, _, w, _, _), commits(f, c), if meaning.precedes(*w, *c) && meaning.precedes(*c, *s);
        in_transaction(s, m, w, e) <-- pending(_, s, m, w, e, _), !committed_between(w, s);
    };
    let mut found = program.in_transaction;
    found.sort_unstable();
    let mut by_place: FxHashMap<SiteId, Candidate> = FxHashMap::default();
    for (send, message, write, written) in found {
        if !context.in_scope(send) {
            continue;
        }
        let message = meaning.effects.get(message);
        let written = meaning.effects.get(written);
        let sends = meaning.trace(send, &message);
        let place = context.primary(&sends);
        let reads_it = handler_reads(context, &message, &written);
        let better = match by_place.get(&place) {
            None => true,
            Some(known) => (reads_it, std::cmp::Reverse(sends.len())) > (known.reads_it, std::cmp::Reverse(known.sends.len())),
        };
        if better {
            by_place.insert(place, Candidate { sends, message, write, written, reads_it });
        }
    }
    by_place.into_values().map(|candidate| report(context, &candidate)).collect()
}

struct Candidate {
    sends: Vec<SiteId>,
    message: Effect,
    write: SiteId,
    written: Effect,
    reads_it: bool,
}

/// Whether the job's handler reads what the transaction writes.
fn handler_reads(context: &Context<'_>, message: &Effect, written: &Effect) -> bool {
    let (Term::Function(handler), Some(entity)) = (message.entity, written.entity_name()) else { return false };
    context.meaning.effects.of(handler).any(|(effect, _)| effect.kind == OpKind::DbRead && effect.entity_name() == Some(entity))
}

fn report(context: &Context<'_>, candidate: &Candidate) -> Finding {
    let meaning = context.meaning;
    let entity = context.quoted(candidate.written.entity);
    let sends = context.does(&candidate.message);
    let consequence = if candidate.reads_it {
        format!("its handler reads {entity} and may run before the row is there, or for a row that is rolled back")
    } else {
        "a worker may run before the data is there, or for data that is rolled back".to_owned()
    };
    let message = format!("the open transaction {sends} before it commits what it writes; {consequence}");
    let writes = meaning.trace(candidate.write, &candidate.written);
    let confidence = meaning.effects.at(candidate.sends[0]).filter(|(effect, _)| *effect == candidate.message).map(|(_, row)| row.confidence).max();
    let mut builder = FindingBuilder::new(context, &RULE.info, context.primary(&candidate.sends), message)
        .subject(meaning.text(candidate.message.entity).unwrap_or_default())
        .steps(context.steps(&writes, &candidate.written))
        .steps(context.steps(&candidate.sends, &candidate.message));
    if let Some(confidence) = confidence {
        builder = builder.rests_on(context.confidence(confidence));
    }
    if candidate.reads_it {
        builder = builder.severity(Severity::Blocker);
    }
    builder
        .checked("no after-commit hook, outbox or transactional enqueue lies between")
        .help("send after the commit (`on_commit`, after the block), or write the message to an outbox table in the same transaction")
        .build()
}
