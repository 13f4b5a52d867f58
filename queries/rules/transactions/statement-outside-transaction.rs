//! A statement runs on a connection of its own while a transaction is open that it belongs to.

use std::collections::BTreeSet;

use ascent::ascent_run;
use distsys_engine::OpKind;
use distsys_engine::meaning::{Effect, EffectFlags, EffectId, Runs, Scope};
use distsys_engine::words::is_telemetry;
use distsys_facts::{FunctionId, RegionKind, SiteId, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::finding::{Category, Finding, Maturity, RuleInfo, Severity};
use crate::transactions::is_elsewhere;
use crate::{Context, FindingBuilder, Rule};

pub(crate) static RULE: Rule = Rule {
    info: RuleInfo {
        slug: "statement-outside-transaction",
        category: Category::Transactions,
        severity: Severity::Major,
        maturity: Maturity::Stable,
        yields_to: &[],
        summary: "a statement in a transaction's code does not run in it",
        page: include_str!("statement-outside-transaction.md"),
    },
    judge,
};

/// A statement with what it does, and the calls that lead to it.
struct Statement {
    site: SiteId,
    effect: EffectId,
    trace: Vec<SiteId>,
    /// Down into what a tool wrote, where the statement may be.
    whole: Vec<SiteId>,
}

struct Candidate<'m> {
    /// None if the transaction is opened elsewhere, and only handed to statements.
    scope: Option<&'m Scope>,
    /// Where the transaction is left.
    place: SiteId,
    outside: Vec<SiteId>,
    effect: Effect,
    /// What the transaction does to the same entity.
    inside: Option<(Vec<SiteId>, Effect)>,
}

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let mut by_place: FxHashMap<SiteId, Candidate<'_>> = FxHashMap::default();
    for scope in meaning.scopes.of_kind(OpKind::TxScope) {
        if meaning.is_out_of_scope(scope.function) || !meaning.is_carried(scope) {
            continue;
        }
        let (mut inside, mut outside, mut unclear) = (Vec::new(), Vec::new(), Vec::new());
        for statement in statements(context, scope) {
            // Of a text that is not known only this is told: that the transaction is used.
            let is_read = meaning.effects.get(statement.effect).kind != OpKind::Sql;
            match meaning.runs_in(scope, &statement.whole) {
                Runs::Inside => inside.push(statement),
                _ if !is_read || runs_in_another(context, scope, &statement) => {}
                Runs::Outside if !is_on_failure(context, &statement.trace) => outside.push(statement),
                Runs::Unknown if !is_on_failure(context, &statement.trace) => unclear.push(statement),
                Runs::Outside | Runs::Unknown => {}
            }
        }
        // A transaction that nothing is seen to run in is not understood, unless nothing can: nobody is given it.
        if inside.is_empty() && !meaning.is_idle_transaction(scope) {
            continue;
        }
        unclear.retain(|statement| forgotten_at(context, scope, statement, &inside, true).is_some());
        for statement in outside.into_iter().chain(unclear) {
            let Some(candidate) = leaves(context, scope, statement, &inside) else { continue };
            let place = candidate.place;
            let better = by_place.get(&place).is_none_or(|known| {
                (candidate.inside.is_some(), std::cmp::Reverse(candidate.outside.len()))
                    > (known.inside.is_some(), std::cmp::Reverse(known.outside.len()))
            });
            if better {
                by_place.insert(place, candidate);
            }
        }
    }
    for candidate in not_told(context) {
        by_place.entry(candidate.place).or_insert(candidate);
    }
    by_place.into_values().map(|candidate| report(context, &candidate)).collect()
}

/// Writes that are not told the transaction which an earlier statement of the same function, on the same entity, is told:
/// the row is locked by it.
fn not_told<'m>(context: &Context<'m>) -> Vec<Candidate<'m>> {
    let meaning = context.meaning;
    let mut told: Vec<(FunctionId, SiteId, EffectId)> = Vec::new();
    let mut bare: Vec<(FunctionId, SiteId, EffectId)> = Vec::new();
    for row in meaning.effects.rows() {
        let effect = meaning.effects.get(row.effect);
        let holds = effect.kind == OpKind::DbWrite || effect.flags.has(EffectFlags::ROW_LOCK);
        if !holds || is_elsewhere(effect.flags) || !context.in_scope(row.site) {
            continue;
        }
        let mut own = meaning.operations.at(row.site).filter(|op| op.kind == effect.kind);
        match own.next().and_then(|op| meaning.is_told_transaction(op)) {
            Some(true) => told.push((context.function_of(row.site), row.site, row.effect)),
            Some(false) if effect.kind == OpKind::DbWrite && !is_on_failure(context, &[row.site]) => {
                bare.push((context.function_of(row.site), row.site, row.effect));
            }
            _ => {}
        }
    }
    let entity = |effect: &EffectId| meaning.effects.get(*effect).entity_name();
    let mut ends: Vec<(FunctionId, SiteId)> = Vec::new();
    for row in meaning.effects.rows() {
        if matches!(meaning.effects.get(row.effect).kind, OpKind::TxCommit | OpKind::TxRollback) {
            ends.push((context.function_of(row.site), row.site));
        }
    }
    let program = ascent_run! {
        relation told(FunctionId, SiteId, EffectId) = told;
        relation bare(FunctionId, SiteId, EffectId) = bare;
        relation ends(FunctionId, SiteId) = ends;
        relation held(FunctionId, SiteId, EffectId, SiteId, EffectId);
        held(f, t, te, b, be) <--
            bare(f, b, be), told(f, t, te),
            if meaning.precedes(*t, *b) && entity(te).is_some() && entity(te) == entity(be);
        relation over(SiteId, SiteId);
        over(t, b) <-- held(f, t, _, b, _), ends(f, e), if meaning.precedes(*t, *e) && meaning.precedes(*e, *b);
        relation found(SiteId, EffectId, SiteId, EffectId);
        found(b, be, t, te) <-- held(_, t, te, b, be), !over(t, b);
    };
    let mut found = program.found;
    found.sort_unstable();
    found
        .into_iter()
        .map(|(bare, effect, told, known)| Candidate {
            scope: None,
            place: context.primary(&[bare]),
            outside: vec![bare],
            effect: meaning.effects.get(effect),
            inside: Some((vec![told], meaning.effects.get(known))),
        })
        .collect()
}

/// Whether a statement runs in another transaction that is open there beside this one.
fn runs_in_another(context: &Context<'_>, scope: &Scope, statement: &Statement) -> bool {
    let meaning = context.meaning;
    let mut others = meaning.scopes.in_function(scope.function).filter(|other| other.kind == OpKind::TxScope);
    others.any(|other| {
        other.origin != scope.origin
            && meaning.sites(other).contains(&statement.site)
            && meaning.runs_in(other, &statement.whole) == Runs::Inside
    })
}

/// What is read and written where a transaction is open.
fn statements(context: &Context<'_>, scope: &Scope) -> Vec<Statement> {
    let meaning = context.meaning;
    let mut found = Vec::new();
    for site in meaning.sites(scope) {
        for (effect, row) in meaning.effects.at(site) {
            let is_statement = matches!(effect.kind, OpKind::DbRead | OpKind::DbWrite | OpKind::Sql);
            if is_statement && !is_elsewhere(effect.flags) && context.in_scope(site) {
                let (trace, whole) = (meaning.trace(site, &effect), meaning.whole_trace(site, &effect));
                found.push(Statement { site, effect: row.effect, trace, whole });
            }
        }
    }
    found
}

/// What is done because something has failed must stay when the transaction is rolled back.
fn is_on_failure(context: &Context<'_>, trace: &[SiteId]) -> bool {
    let program = context.meaning.program;
    let is_handler = |site: &SiteId| {
        let mut outward = program.regions_outward(program.site(*site).region);
        outward.any(|region| matches!(region.kind, RegionKind::Catch | RegionKind::Finally))
    };
    trace.iter().any(is_handler)
}

/// A write leaves the transaction; a read may be meant to.
fn leaves<'m>(
    context: &Context<'m>,
    scope: &'m Scope,
    statement: Statement,
    inside: &[Statement],
) -> Option<Candidate<'m>> {
    let meaning = context.meaning;
    let effect = meaning.effects.get(statement.effect);
    let entity = effect.entity_name()?;
    let touches = |other: &&Statement| {
        let known = meaning.effects.get(other.effect);
        let holds = known.kind == OpKind::DbWrite || known.flags.has(EffectFlags::ROW_LOCK);
        holds && known.entity_name() == Some(entity) && meaning.precedes(other.site, statement.site)
    };
    let before = inside.iter().find(touches).map(|other| (other.trace.clone(), meaning.effects.get(other.effect)));
    let place = match effect.kind {
        // What is noted stays on purpose.
        OpKind::DbWrite if is_telemetry(meaning.name(entity)) || meaning.name(entity).contains("audit") => return None,
        OpKind::DbWrite => context.primary(&statement.trace),
        // What a read beside it does not see may be what it is not to see, but not where it is the only one that is not
        // handed the transaction.
        _ => forgotten_at(context, scope, &statement, inside, false)?,
    };
    Some(Candidate { scope: Some(scope), place, outside: statement.trace, effect, inside: before })
}

/// The call on the way to a read at which a function, which hands the transaction to others of the same object, does not hand it
/// on. If the read's database is `unclear`, it is that of one of the others, were it not given the transaction.
fn forgotten_at(
    context: &Context<'_>,
    scope: &Scope,
    statement: &Statement,
    inside: &[Statement],
    unclear: bool,
) -> Option<SiteId> {
    let meaning = context.meaning;
    let program = meaning.program;
    if meaning.effects.get(statement.effect).kind != OpKind::DbRead || statement.trace.len() < 2 {
        return None;
    }
    let object = |site: SiteId| {
        let load = program.loaded_as(program.call(site)?.receiver?)?;
        Some((load.base, load.field))
    };
    // What the function was given itself.
    let handed = |site: SiteId| {
        let is_own = |var: &VarId| program.parameter(*var).is_some_and(|row| row.function == context.function_of(site));
        program.arguments(site).map(|row| row.var).filter(is_own).collect::<FxHashSet<VarId>>()
    };
    statement.trace.iter().copied().find(|call| {
        let Some(of) = object(*call) else { return false };
        let function = context.function_of(*call);
        let beside = |site: &SiteId| site != call && context.function_of(*site) == function && object(*site) == Some(of);
        let through = |other: &Statement| other.trace.iter().copied().find(beside);
        let siblings: BTreeSet<SiteId> = inside.iter().filter_map(through).collect();
        let shared = siblings.iter().map(|site| handed(*site)).reduce(|all, given| &all & &given);
        let own = handed(*call);
        let is_beside = || {
            let mut others = inside.iter().filter(|other| through(other).is_some());
            others.any(|other| meaning.runs_beside(scope, &statement.whole, &other.whole))
        };
        siblings.len() >= MIN_SIBLINGS
            && shared.is_some_and(|given| given.iter().any(|var| !own.contains(var)))
            && (!unclear || is_beside())
    })
}

/// So many calls beside it, at least, are handed what one is not.
const MIN_SIBLINGS: usize = 2;

fn report(context: &Context<'_>, candidate: &Candidate<'_>) -> Finding {
    let meaning = context.meaning;
    let effect = &candidate.effect;
    let waits = candidate.inside.is_some()
        && effect.kind == OpKind::DbWrite
        && !matches!(meaning.text(effect.verb), Some("insert"));
    let consequence = match (effect.kind, waits) {
        (OpKind::DbRead, _) => {
            "it takes a second connection while the transaction holds one: when such work has taken them all, each waits for another"
        }
        (_, true) => "it waits for rows that the transaction itself has locked, and a rollback does not take it back",
        (_, false) => "a rollback does not take it back, and it does not see what the transaction has written",
    };
    let message =
        format!("{} on a connection of its own while the transaction is open; {consequence}", context.does(effect));
    let mut builder = FindingBuilder::new(context, &RULE.info, candidate.place, message)
        .subject(meaning.text(effect.entity).unwrap_or_default())
        .rests_on(context.confidence_of(candidate.outside[0], effect));
    if let Some(scope) = candidate.scope {
        for site in &scope.steps {
            builder = builder.step(*site, "the transaction is opened through this call");
        }
        if let Some(origin) = scope.origin {
            builder = builder.step(origin, "the transaction is open from here");
        }
        builder = builder.caused_at(scope.steps.iter().copied().chain(scope.origin));
    }
    if let Some((trace, known)) = &candidate.inside {
        builder = builder.steps(context.steps(trace, known));
    }
    if waits {
        builder = builder.severity(Severity::Blocker);
    }
    builder
        .steps(context.steps(&candidate.outside, effect))
        .checked("nothing that carries the transaction reaches the statement")
        .help("do it on the transaction's own handle (`tx`, the session, the option), and hand that to helpers")
        .build()
}
