//! What rules judge with beside operations and effects: order, marks, places, attributes.

use std::collections::{BTreeMap, BTreeSet};

use distsys_engine::meaning::{Effect, EffectFlags, EffectId, Extent, Found, Name, Operand, Role, Term};
use distsys_engine::resolve::HandleRole;
use distsys_engine::words::words;
use distsys_engine::{Attr, OpKind};
use distsys_facts::{FunctionId, SiteId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::Rows;
use crate::carried::{is_looked_at, is_made_anew, is_measured};
use crate::handlers::knows_again;
use crate::locks::is_not_waited_for;
use crate::other_columns::sets_other_columns;
use crate::other_keys::has_other_keys;
use crate::retried::is_spared;
use crate::routed::Routed;
use crate::timed_later::timed_later;
use crate::transactions::{
    AfterFailures, Settled, covered, ended_by_block, hands_on, is_over, is_own, loop_sources, open, starts_task,
};
use crate::untimed::untimed;
use crate::{Context, added_again, amounts, carried, left_behind};

/// Effects by number, in the order in which rules see them.
fn numbers(context: &Context<'_>) -> FxHashMap<EffectId, u32> {
    let all: BTreeSet<EffectId> = context.meaning.effects.rows().iter().map(|row| row.effect).collect();
    all.into_iter().zip(0..).collect()
}

pub(super) fn happens(context: &Context<'_>, rows: &mut Rows<'_>) {
    let (meaning, numbers) = (context.meaning, numbers(context));
    let routed = Routed::new(context);
    for row in meaning.effects.rows() {
        let effect = meaning.effects.get(row.effect);
        let trace = meaning.trace(row.site, &effect);
        let (place, last) = (context.primary(&trace), trace.last().copied().unwrap_or(row.site));
        let entity = effect.entity_name().map(|name| meaning.name(name)).unwrap_or_default();
        let role = match routed.role(context, row.site, &effect) {
            Role::Primary => "primary",
            Role::Replica => "replica",
            Role::Unknown | Role::Parameter(_) | Role::ParameterOr(..) | Role::Chosen(..) | Role::Carried(_) => "",
        };
        let kind = rows.text(&effect.kind.to_string());
        let verb = rows.text(meaning.text(effect.verb).unwrap_or_default());
        let (entity, role) = (rows.text(entity), rows.text(role));
        rows.add(&[
            row.site.raw(),
            context.function_of(row.site).raw(),
            numbers[&row.effect],
            kind,
            verb,
            entity,
            role,
            place.raw(),
            last.raw(),
            trace.len() as u32,
        ]);
    }
}

pub(super) fn ways(context: &Context<'_>, rows: &mut Rows<'_>) {
    let (meaning, numbers) = (context.meaning, numbers(context));
    for row in meaning.effects.rows() {
        let trace = meaning.trace(row.site, &meaning.effects.get(row.effect));
        for (step, at) in trace.into_iter().enumerate() {
            rows.add(&[row.site.raw(), numbers[&row.effect], step as u32, at.raw()]);
        }
    }
}

pub(super) fn marks(context: &Context<'_>, rows: &mut Rows<'_>) {
    const FLAGS: &[(EffectFlags, &str)] = &[
        (EffectFlags::CONDITIONAL, "conditional"),
        (EffectFlags::BACKGROUND, "background"),
        (EffectFlags::AFTER_COMMIT, "after_commit"),
        (EffectFlags::ROW_LOCK, "row_lock"),
        (EffectFlags::TRANSACTIONAL, "transactional"),
        (EffectFlags::RETRIED, "retried"),
        (EffectFlags::TIMED, "timed"),
        (EffectFlags::BY_CLOCK, "by_clock"),
        (EffectFlags::COMPUTED, "computed"),
    ];
    for (effect, number) in numbers(context) {
        let Effect { flags, key, .. } = context.meaning.effects.get(effect);
        let set = FLAGS.iter().filter(|(flag, _)| flags.has(*flag)).map(|(_, name)| *name);
        let effect = context.meaning.effects.get(effect);
        let more = [
            (key != Term::Absent, "keyed"),
            (is_made_anew(context, &effect), "made_anew"),
            (is_measured(context, &effect), "measured"),
        ];
        for mark in set.chain(more.into_iter().filter_map(|(holds, name)| holds.then_some(name))) {
            let mark = rows.text(mark);
            rows.add(&[number, mark]);
        }
    }
}

/// Sites that do something, by function.
fn doers(context: &Context<'_>) -> Vec<Vec<SiteId>> {
    let meaning = context.meaning;
    let does = meaning.effects.rows().iter().map(|row| row.site);
    let sites: BTreeSet<SiteId> = does.chain(meaning.operations.all.iter().map(|op| op.site)).collect();
    let mut by_function: std::collections::BTreeMap<_, Vec<SiteId>> = std::collections::BTreeMap::new();
    for site in sites {
        by_function.entry(context.function_of(site)).or_default().push(site);
    }
    by_function.into_values().collect()
}

pub(super) fn precedes(context: &Context<'_>, rows: &mut Rows<'_>) {
    for sites in doers(context) {
        for before in &sites {
            for after in sites.iter().filter(|after| context.meaning.precedes(*before, **after)) {
                rows.add(&[before.raw(), after.raw()]);
            }
        }
    }
}

pub(super) fn rests_on(context: &Context<'_>, rows: &mut Rows<'_>) {
    let meaning = context.meaning;
    let of_kind = |site: SiteId, kind: OpKind| meaning.effects.at(site).filter(move |(effect, _)| effect.kind == kind);
    for sites in doers(context) {
        for read in &sites {
            let entities: Vec<_> =
                of_kind(*read, OpKind::DbRead).filter_map(|(effect, _)| effect.entity_name()).collect();
            for write in sites.iter().filter(|write| !entities.is_empty() && meaning.precedes(*read, **write)) {
                let mut writes = of_kind(*write, OpKind::DbWrite)
                    .filter(|(effect, _)| effect.entity_name().is_some_and(|entity| entities.contains(&entity)));
                if writes.any(|(effect, _)| carried::rests_on(context, *read, *write, &effect)) {
                    rows.add(&[read.raw(), write.raw()]);
                }
            }
        }
    }
}

pub(super) fn decides_by_amount(context: &Context<'_>, rows: &mut Rows<'_>) {
    let meaning = context.meaning;
    let of_kind = |site: SiteId, kind: OpKind| meaning.effects.at(site).filter(move |(effect, _)| effect.kind == kind);
    let routed = Routed::new(context);
    for sites in doers(context) {
        for read in &sites {
            let stale: Vec<_> = of_kind(*read, OpKind::DbRead)
                .map(|(effect, _)| effect)
                .filter(|effect| routed.role(context, *read, effect) == Role::Replica)
                .collect();
            for write in sites.iter().filter(|write| !stale.is_empty() && meaning.precedes(*read, **write)) {
                let other = |known: &Effect, put: &Effect| {
                    known.entity_name().is_none() || known.entity_name() != put.entity_name()
                };
                let mut pairs = of_kind(*write, OpKind::DbWrite).flat_map(|(put, _)| {
                    stale.iter().filter(move |known| other(known, &put)).map(move |known| (known, put))
                });
                if pairs.any(|(known, put)| amounts::decides_by_amount(context, (*read, known), (*write, &put))) {
                    rows.add(&[read.raw(), write.raw()]);
                }
            }
        }
    }
}

pub(super) fn judged(context: &Context<'_>, rows: &mut Rows<'_>) {
    for row in &context.meaning.program.facts.relations.function {
        if !context.meaning.is_out_of_scope(row.function) && !context.meaning.is_of_development(row.function) {
            rows.add(&[row.function.raw()]);
        }
    }
}

pub(super) fn for_one_user(context: &Context<'_>, rows: &mut Rows<'_>) {
    let program = context.meaning.program;
    for row in program.facts.relations.function.iter().filter(|row| program.runs_for_one_user(row.function)) {
        rows.add(&[row.function.raw()]);
    }
}

pub(super) fn attributes(context: &Context<'_>, rows: &mut Rows<'_>) {
    let meaning = context.meaning;
    for op in &meaning.operations.all {
        for attr in Attr::ALL.iter().copied().filter(|attr| meaning.declares(op, *attr)) {
            let (state, value) = match meaning.attribute(op, attr) {
                Found::Absent => ("absent", String::new()),
                Found::Unknown => ("unknown", String::new()),
                Found::Is(Operand::Text(text)) => ("given", text.to_string()),
                Found::Is(Operand::Var(var)) => ("given", meaning.constant(var).unwrap_or_default().to_owned()),
                Found::Is(_) => ("given", String::new()),
            };
            // A span that is not constant is none.
            let span = meaning.span(op, attr).filter(|span| span.is_finite());
            let millis = span.map_or(-1, |span| span.clamp(0.0, f64::from(i32::MAX)) as i32);
            let (kind, name) = (rows.text(&op.kind.to_string()), rows.text(attr.name()));
            let (state, value) = (rows.text(state), rows.text(&value));
            rows.add(&[op.site.raw(), kind, name, state, value, millis as u32]);
        }
    }
}

pub(super) fn scopes_made(context: &Context<'_>, rows: &mut Rows<'_>) {
    let meaning = context.meaning;
    for (number, scope) in meaning.scopes.all.iter().enumerate() {
        let role = match meaning.role_of(scope) {
            HandleRole::Primary => "primary",
            HandleRole::Replica => "replica",
            HandleRole::Unknown => "",
        };
        let operation = meaning.operation(scope).map_or(0, |op| op.site.raw());
        let region = match scope.extent {
            Extent::Region(region) => region.raw(),
            _ => 0,
        };
        let (kind, role) = (rows.text(&scope.kind.to_string()), rows.text(role));
        let origin = scope.origin.map_or(0, SiteId::raw);
        let endless = u32::from(scope.endless);
        rows.add(&[number as u32, kind, scope.function.raw(), origin, operation, region, role, endless]);
    }
}

pub(super) fn scope_marks(context: &Context<'_>, rows: &mut Rows<'_>) {
    let ended: FxHashSet<u32> = ended_by_block(context).into_iter().map(|(number,)| number).collect();
    for (number, scope) in context.meaning.scopes.all.iter().enumerate() {
        let marks = [
            (matches!(scope.extent, Extent::Function(_)), "whole_function"),
            (scope.lazy, "lazy"),
            (ended.contains(&(number as u32)), "ended_by_block"),
        ];
        for (_, mark) in marks.into_iter().filter(|(holds, _)| *holds) {
            let mark = rows.text(mark);
            rows.add(&[number as u32, mark]);
        }
    }
}

pub(super) fn transactions_open(context: &Context<'_>, rows: &mut Rows<'_>) {
    for (transaction, site) in open(context) {
        rows.add(&[transaction, site.raw()]);
    }
}

pub(super) fn settled(context: &Context<'_>, rows: &mut Rows<'_>) {
    let settled = Settled::of(context);
    each(context, rows, is_statement, |site, effect| settled.holds(site, effect));
}

pub(super) fn over(context: &Context<'_>, rows: &mut Rows<'_>) {
    each(context, rows, is_statement, |site, effect| is_over(context, site, effect));
}

pub(super) fn not_waited_for(context: &Context<'_>, rows: &mut Rows<'_>) {
    let is_lock = |kind: OpKind| kind == OpKind::LockAcquire;
    let holds = |site: SiteId, effect: EffectId| is_not_waited_for(context, site, &context.meaning.effects.get(effect));
    each(context, rows, is_lock, holds);
}

fn is_statement(kind: OpKind) -> bool {
    matches!(kind, OpKind::DbRead | OpKind::DbWrite)
}

/// What is done of a kind, by site and effect, of which `holds` is true.
fn each(
    context: &Context<'_>,
    rows: &mut Rows<'_>,
    of_kind: impl Fn(OpKind) -> bool,
    holds: impl Fn(SiteId, EffectId) -> bool,
) {
    let (meaning, numbers) = (context.meaning, numbers(context));
    for row in meaning.effects.rows() {
        if of_kind(meaning.effects.get(row.effect).kind) && holds(row.site, row.effect) {
            rows.add(&[row.site.raw(), numbers[&row.effect]]);
        }
    }
}

pub(super) fn handed_on(context: &Context<'_>, rows: &mut Rows<'_>) {
    let meaning = context.meaning;
    for (number, scope) in meaning.scopes.all.iter().enumerate().filter(|(_, scope)| scope.kind == OpKind::TxScope) {
        for site in meaning.sites(scope).into_iter().filter(|site| hands_on(context, *site, scope)) {
            rows.add(&[site.raw(), number as u32]);
        }
    }
}

fn is_timed_later(context: &Context<'_>, site: SiteId) -> bool {
    context.operation(site, OpKind::LockAcquire).is_some_and(|op| timed_later(context, op).is_some())
}

pub(super) fn site_marks(context: &Context<'_>, rows: &mut Rows<'_>) {
    type Asked = fn(&Context<'_>, SiteId) -> bool;
    const MARKS: &[(Asked, &str)] = &[
        (|context, site| knows_again(context, None, site), "known_again"),
        (is_own, "own_commit"),
        (|context, site| context.meaning.compares_and_sets(site), "compares_and_sets"),
        (starts_task, "starts_task"),
        (|context, site| context.meaning.locks_first(site), "locks_first"),
        (is_timed_later, "timed_later"),
    ];
    for site in doers(context).into_iter().flatten() {
        for (_, mark) in MARKS.iter().filter(|(holds, _)| holds(context, site)) {
            let mark = rows.text(mark);
            rows.add(&[site.raw(), mark]);
        }
    }
}

pub(super) fn other_columns(context: &Context<'_>, rows: &mut Rows<'_>) {
    apart(context, rows, sets_other_columns);
}

pub(super) fn other_keys(context: &Context<'_>, rows: &mut Rows<'_>) {
    apart(context, rows, has_other_keys);
}

/// Where an entity is written, with where the same function reads of it on a replica, as far as both are `of_others`.
fn apart(context: &Context<'_>, rows: &mut Rows<'_>, of_others: fn(&Context<'_>, SiteId, SiteId, Name) -> bool) {
    let meaning = context.meaning;
    let routed = Routed::new(context);
    let mut sites: BTreeMap<(FunctionId, Name), (BTreeSet<SiteId>, BTreeSet<SiteId>)> = BTreeMap::new();
    for row in meaning.effects.rows() {
        let effect = meaning.effects.get(row.effect);
        let Some(entity) = effect.entity_name() else { continue };
        let (writes, reads) = sites.entry((context.function_of(row.site), entity)).or_default();
        match effect.kind {
            OpKind::DbWrite => writes.insert(row.site),
            OpKind::DbRead if routed.role(context, row.site, &effect) == Role::Replica => reads.insert(row.site),
            _ => false,
        };
    }
    for ((_, entity), (writes, reads)) in &sites {
        for read in reads {
            for write in writes.iter().filter(|write| of_others(context, **write, *read, *entity)) {
                rows.add(&[write.raw(), read.raw()]);
            }
        }
    }
}

pub(super) fn looked_at(context: &Context<'_>, rows: &mut Rows<'_>) {
    let meaning = context.meaning;
    let mut locks: BTreeMap<FunctionId, BTreeSet<SiteId>> = BTreeMap::new();
    let mut writes: BTreeMap<FunctionId, BTreeSet<SiteId>> = BTreeMap::new();
    for row in meaning.effects.rows() {
        let effect = meaning.effects.get(row.effect);
        let of = match effect.kind {
            OpKind::DbRead if effect.flags.has(EffectFlags::ROW_LOCK) => &mut locks,
            OpKind::DbWrite => &mut writes,
            _ => continue,
        };
        of.entry(context.function_of(row.site)).or_default().insert(row.site);
    }
    for (function, locks) in &locks {
        for write in writes.get(function).into_iter().flatten() {
            for lock in locks.iter().filter(|lock| is_looked_at(context, **lock, *write)) {
                rows.add(&[write.raw(), lock.raw()]);
            }
        }
    }
}

pub(super) fn untimed_locks(context: &Context<'_>, rows: &mut Rows<'_>) {
    for (call, taken) in untimed(context) {
        rows.add(&[call.raw(), taken.raw()]);
    }
}

pub(super) fn added_again(context: &Context<'_>, rows: &mut Rows<'_>) {
    let (meaning, numbers) = (context.meaning, numbers(context));
    for row in meaning.effects.rows() {
        let effect = meaning.effects.get(row.effect);
        if added_again::is_added(effect.kind)
            && effect.flags.has(EffectFlags::RETRIED)
            && added_again::adds_again(context, &meaning.trace(row.site, &effect), &effect)
        {
            rows.add(&[row.site.raw(), numbers[&row.effect]]);
        }
    }
}

pub(super) fn left_behind(context: &Context<'_>, rows: &mut Rows<'_>) {
    let (meaning, numbers) = (context.meaning, numbers(context));
    let covered: FxHashSet<SiteId> = covered(context).into_iter().map(|(_, site)| site).collect();
    for row in meaning.effects.rows() {
        let effect = meaning.effects.get(row.effect);
        if !effect.flags.has(EffectFlags::RETRIED) || effect.kind != OpKind::DbWrite {
            continue;
        }
        let trace = meaning.trace(row.site, &effect);
        if let Some(left) = left_behind::left_behind(context, &trace, &effect, &covered) {
            rows.add(&[row.site.raw(), numbers[&row.effect], left.done.raw()]);
        }
    }
}

pub(super) fn spared(context: &Context<'_>, rows: &mut Rows<'_>) {
    let (meaning, numbers) = (context.meaning, numbers(context));
    for row in meaning.effects.rows() {
        let effect = meaning.effects.get(row.effect);
        let is_retried = effect.flags.has(EffectFlags::RETRIED);
        if is_retried && is_spared(context, &meaning.trace(row.site, &effect)) {
            rows.add(&[row.site.raw(), numbers[&row.effect]]);
        }
    }
}

pub(super) fn loops_over(context: &Context<'_>, rows: &mut Rows<'_>) {
    let program = context.meaning.program;
    for sites in doers(context) {
        for site in &sites {
            let sources = loop_sources(context, *site);
            let read = |at: &&SiteId| program.call(**at).is_some_and(|call| sources.contains(&call.result));
            for read in sites.iter().filter(read) {
                rows.add(&[site.raw(), read.raw()]);
            }
        }
    }
}

pub(super) fn after_failures(context: &Context<'_>, rows: &mut Rows<'_>) {
    let mut failures = AfterFailures::default();
    for sites in doers(context) {
        for tried in &sites {
            for site in sites.iter().filter(|site| failures.holds(context, *tried, **site)) {
                rows.add(&[tried.raw(), site.raw()]);
            }
        }
    }
}

pub(super) fn columns(context: &Context<'_>, rows: &mut Rows<'_>) {
    let meaning = context.meaning;
    let writes: BTreeSet<SiteId> = meaning
        .operations
        .all
        .iter()
        .filter(|op| matches!(op.kind, OpKind::DbWrite | OpKind::Sql))
        .map(|op| op.site)
        .collect();
    for site in writes {
        for column in meaning.columns_written(site) {
            for word in words(column) {
                let (column, word) = (rows.text(column), rows.text(&word));
                rows.add(&[site.raw(), column, word]);
            }
        }
    }
}

pub(super) fn places(context: &Context<'_>, rows: &mut Rows<'_>) {
    for row in &context.meaning.program.facts.relations.site {
        let place = context.place(row.site);
        let path = rows.text(&place.path);
        rows.add(&[row.site.raw(), path, place.line]);
    }
}

pub(super) fn region_places(context: &Context<'_>, rows: &mut Rows<'_>) {
    let program = context.meaning.program;
    for row in &program.facts.relations.region {
        let path = rows.text(program.path(program.file_of_function(row.function)));
        rows.add(&[row.region.raw(), path, row.start.line()]);
    }
}
