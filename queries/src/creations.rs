//! What a new row sets going: work that is done for it, or something that is sent to others.

use distsys_engine::OpKind;
use distsys_engine::meaning::{Effect, EffectFlags, Term};
use distsys_engine::words::{entity_name, is_repeatable_action, is_seen_twice, is_state, is_telemetry, words};
use distsys_facts::{SiteId, VarId};
use rustc_hash::FxHashSet;

use crate::Context;

/// The send that follows an insert and carries what was inserted, seen from where both are reached.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub site: SiteId,
    pub effect: Effect,
}

/// What goes out to others for the row that `trace` ends in inserting: a payment, a mail, a request that is no question, or
/// a job that does one of them.
pub(crate) fn sent_for(context: &Context<'_>, trace: &[SiteId], insert: &Effect) -> Option<Sent> {
    let meaning = context.meaning;
    // Rows that are stored many at once are parts of something that stands elsewhere.
    let stored = trace.last().and_then(|site| meaning.program.call(*site)).map(|call| meaning.program.text(call.name));
    if stored
        .is_some_and(|name| words(name).iter().any(|word| matches!(word.as_str(), "bulk" | "many" | "all" | "batch")))
    {
        return None;
    }
    // What only notes that something happened is no thing that could be there twice.
    if meaning.text(insert.entity).is_none_or(|entity| NOTES.iter().any(|note| entity.ends_with(note))) {
        return None;
    }
    trace.iter().rev().find_map(|&site| {
        let rows = rows_at(context, site, insert);
        let mut after = meaning.effects.in_function(context.function_of(site)).filter(|(effect, row)| {
            goes_out(context, effect) && meaning.precedes(site, row.site) && !meaning.precedes(row.site, site)
        });
        let sent = after.find(|(_, row)| {
            let carried = carried_to(context, row.site);
            rows.iter().any(|var| carried.contains(var))
        });
        sent.map(|(effect, row)| Sent { site: row.site, effect })
    })
}

const NOTES: &[&str] = &["log", "audit", "event", "history", "trace", "metric", "activity", "visit"];

/// A job of such a name tells what happened; for a second row that is the truth.
const TELLS: &[&str] = &["record", "log", "track", "audit"];

/// Whether others get to know of it and cannot take it back.
fn goes_out(context: &Context<'_>, effect: &Effect) -> bool {
    let meaning = context.meaning;
    let is_own = |flag| effect.flags.has(flag);
    if effect.key != Term::Absent || is_own(EffectFlags::CONDITIONAL) || is_own(EffectFlags::LOSSY) {
        return false;
    }
    match effect.kind {
        OpKind::Payment | OpKind::Notify => true,
        OpKind::HttpRequest => {
            let url = meaning.text(effect.entity);
            meaning.text(effect.verb) == Some("post")
                && !url.is_some_and(|url| is_repeatable_action(url) || is_telemetry(url))
        }
        OpKind::Enqueue => match effect.entity {
            Term::Function(handler) => {
                let name = context.function_name(handler);
                let only_tells = is_telemetry(name) || words(name).iter().any(|word| TELLS.contains(&word.as_str()));
                let mut does = meaning.effects.of(handler);
                !only_tells && does.any(|(effect, _)| effect.kind != OpKind::Enqueue && goes_out(context, &effect))
            }
            _ => false,
        },
        _ => false,
    }
}

/// The values that the row is known by around the call that inserts it: what the call gives, and what it is given of the
/// row's own class.
fn rows_at(context: &Context<'_>, site: SiteId, insert: &Effect) -> Vec<VarId> {
    let meaning = context.meaning;
    let program = meaning.program;
    let Some(call) = program.call(site) else { return Vec::new() };
    let given = call.receiver.into_iter().chain(program.arguments(site).map(|row| row.var));
    let of_entity = |var: &VarId| {
        let class = meaning.class_of(*var).map(|class| entity_name(program.text(program.class(class).name)));
        class.is_some_and(|class| meaning.text(insert.entity) == Some(class.as_str()))
    };
    std::iter::once(call.result).chain(given.filter(of_entity)).collect()
}

/// What the arguments of a call are made from, the elements that were put into its lists included.
fn carried_to(context: &Context<'_>, site: SiteId) -> FxHashSet<VarId> {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let mut found: FxHashSet<VarId> = FxHashSet::default();
    for argument in meaning.chain_arguments(site) {
        found.extend(meaning.made_from(argument));
    }
    let lists: Vec<VarId> = found.iter().copied().filter(|var| program.variable(*var).is_some()).collect();
    for list in lists {
        let puts = program.calls_by_receiver.of(&r.call, list).filter(|call| {
            matches!(program.text(call.name), "append" | "push" | "add" | "extend" | "push_back" | "insert")
        });
        for put in puts {
            for argument in program.arguments(put.site) {
                found.extend(meaning.made_from(argument.var));
            }
        }
    }
    found
}

/// Whether the row says that somebody owes or is owed an amount: it has one, and names who or what it is for. What has a price
/// of its own, or only notes or plans amounts, is none.
pub(crate) fn is_on_a_bill(context: &Context<'_>, trace: &[SiteId], insert: &Effect) -> bool {
    const AMOUNTS: &[&str] = &["amount", "cents", "fare", "fee", "price", "subtotal", "total"];
    const PARTIES: &[&str] = &["account", "customer", "guest", "member", "patient", "wallet"];
    const PRICED: &[&str] = &[
        "budget",
        "forecast",
        "goal",
        "item",
        "limit",
        "listing",
        "offer",
        "plan",
        "price",
        "product",
        "quota",
        "quote",
        "rate",
        "setting",
        "snapshot",
        "statistic",
        "summary",
        "target",
        "tariff",
        "variant",
        "usage",
        "outbox",
        "message",
    ];
    let meaning = context.meaning;
    let Some(&last) = trace.last() else { return false };
    let is_other = |entity: &str| NOTES.iter().chain(PRICED).any(|other| entity.ends_with(other));
    if meaning.text(insert.entity).is_none_or(is_other) {
        return false;
    }
    let written = meaning.columns_written(last);
    let columns = if written.is_empty() { meaning.fields_given(last) } else { written };
    let has_amount = |column: &&str| words(column).last().is_some_and(|word| AMOUNTS.contains(&word.as_str()));
    let names_whom = |column: &&str| {
        let mut parts = words(column);
        parts.retain(|word| word != "id" && word != "ref");
        let [thing] = &parts[..] else { return false };
        PARTIES.contains(&thing.as_str()) || is_seen_twice(thing)
    };
    columns.iter().any(has_amount) && columns.iter().any(names_whom)
}

/// Whether the row is an order for work that somebody has yet to do: named for a piece of work, and begun in a state that
/// says that it waits.
pub(crate) fn asks_for_work(context: &Context<'_>, trace: &[SiteId], insert: &Effect) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    if !meaning.text(insert.entity).is_some_and(is_named_for_work) {
        return false;
    }
    let waits = |column: &str, value: VarId| is_state(column) && says_waiting(context, value);
    trace.iter().any(|&site| {
        let given = program
            .call(site)
            .and_then(|call| call.receiver)
            .into_iter()
            .chain(program.arguments(site).map(|row| row.var));
        let made = given.flat_map(|var| meaning.made_from(var)).filter_map(|var| program.call_giving(var));
        let makers = made.filter(|call| {
            meaning.class_of(call.result).is_some_and(|class| {
                Some(entity_name(program.text(program.class(class).name)).as_str()) == meaning.text(insert.entity)
            })
        });
        let mut fields = makers.flat_map(|call| program.arguments(call.site));
        fields.any(|row| waits(program.text(row.keyword), row.var))
    }) || trace
        .last()
        .is_some_and(|site| meaning.columns_set(*site).into_iter().any(|(column, value)| waits(column, value)))
}

/// Whether an entity is a piece of work by its last word, as it is spelt in one: `reportrequest`, `exportjob`.
fn is_named_for_work(entity: &str) -> bool {
    const WORK: &[&str] = &["job", "export", "import", "request", "batch", "campaign", "execution", "backup", "run"];
    WORK.iter().any(|word| entity.ends_with(word))
}

/// Whether the value is, or is named for, the state of what waits to be done.
fn says_waiting(context: &Context<'_>, value: VarId) -> bool {
    const WAITING: &[&str] =
        &["pending", "queued", "scheduled", "requested", "waiting", "sending", "submitted", "enqueued"];
    let meaning = context.meaning;
    let program = meaning.program;
    let says = |text: &str| words(text).iter().any(|word| WAITING.contains(&word.as_str()));
    meaning.made_from(value).into_iter().any(|var| {
        let names = [
            program.literal(var).map(|row| row.value),
            program.variable(var).map(|row| row.name),
            program.loaded_as(var).map(|row| row.field),
            program.import(var).map(|row| row.member),
            program.global(var),
        ];
        names.into_iter().flatten().any(|name| says(program.text(name)))
    })
}
