//! The failure of an effect outside the process is dropped: no log, no metric, no word why.

use distsys_engine::OpKind;
use distsys_engine::meaning::{Effect, EffectFlags, Failure};
use distsys_engine::words::{entity_name, is_change, words};
use distsys_facts::{FunctionId, RegionId, SiteId, SiteKind, VarId};
use rustc_hash::FxHashMap;

use crate::finding::Confidence;

use crate::finding::{Category, Finding, Maturity, RuleInfo, Severity};
use crate::{Context, FindingBuilder, Rule};

pub(crate) static RULE: Rule = Rule {
    info: RuleInfo {
        slug: "swallowed-remote-error",
        category: Category::Observability,
        severity: Severity::Minor,
        maturity: Maturity::Stable,
        yields_to: &[],
        summary: "the failure of an effect is dropped without a word",
        page: include_str!("swallowed-remote-error.md"),
    },
    judge,
};

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let mut found: FxHashMap<SiteId, Lost> = FxHashMap::default();
    for row in &meaning.program.facts.relations.function {
        let function = row.function;
        if meaning.is_out_of_scope(function) || meaning.program.runs_in_browser(function) {
            continue;
        }
        let told_by_values = meaning.dropped_by_callback(function).into_iter().chain(gathered(context, function));
        for failure in meaning.failures(function).into_iter().chain(told_by_values) {
            let is_tidied = |site: SiteId| tidies_up(context, function) && !(only_ends(context, function) && is_taken_as_done(context, site));
            if let Some((site, effect)) = Some(&failure).filter(|failure| failure.empty).and_then(|failure| lost(context, failure)) {
                if is_tidied(site) || is_left_unacknowledged(context, function, &failure, site) {
                    continue;
                }
                found.entry(site).or_insert(Lost { begins: site, region: failure.region, effect });
            } else if let Some((runs, begins, effect)) = lost_by_helper(context, &failure).filter(|(runs, ..)| !is_tidied(*runs)) {
                // Of a helper that makes a value of it, who drops the value is told.
                let (place, region) = if failure.idle { (runs, failure.region) } else { (begins, None) };
                found.entry(place).or_insert(Lost { begins, region, effect });
            }
        }
    }
    found.into_iter().map(|(site, lost)| report(context, site, &lost)).collect()
}

/// Whether a message that would have been acknowledged behind the call is not, and comes again.
fn is_left_unacknowledged(context: &Context<'_>, function: FunctionId, failure: &Failure, site: SiteId) -> bool {
    let meaning = context.meaning;
    let is_return = |site: &SiteId| meaning.program.site(*site).kind == SiteKind::Return;
    let leaves = failure.region.is_some_and(|region| meaning.sites_in(region).iter().any(is_return));
    let mut done = meaning.effects.in_function(function);
    leaves && done.any(|(effect, row)| effect.kind == OpKind::Ack && meaning.precedes(site, row.site))
}

/// An effect whose failure nobody is told of.
struct Lost {
    /// Where the way to the effect begins: in a helper's caller, if that drops what fails of all that it is given to run.
    begins: SiteId,
    region: Option<RegionId>,
    effect: Effect,
}

/// Outcomes that are gathered and dropped, where what comes after goes on as if all had gone well: it writes down that it is done, or
/// says so. Of what the own database does a failure is that of all.
fn gathered(context: &Context<'_>, function: FunctionId) -> Vec<Failure> {
    let meaning = context.meaning;
    let mut dropped = meaning.dropped_among_gathered(function);
    let says_done = |site: SiteId| {
        meaning.effects.at(site).any(|(effect, _)| effect.kind == OpKind::DbWrite)
            || meaning.operations.at(site).any(|op| op.kind == OpKind::Log)
    };
    dropped.retain_mut(|failure| {
        failure.protected.retain(|site| !meaning.effects.at(*site).any(|(effect, _)| effect.kind == OpKind::DbWrite));
        let Some(last) = failure.protected.iter().max().copied() else { return false };
        let mut after = meaning.program.sites(function).map(|row| row.site);
        after.any(|site| site > last && meaning.precedes(last, site) && says_done(site))
    });
    dropped
}

/// Whether a function is called after an end that it makes, and no other way of tidying up.
fn only_ends(context: &Context<'_>, function: FunctionId) -> bool {
    !words(context.named_function(function)).iter().any(|word| TIDY.contains(&word.as_str()))
}

/// Whether what comes after a call, there or where its function is called, writes down that it is done: `api.end(plan)`, then
/// `update accounts set closed = true`.
fn is_taken_as_done(context: &Context<'_>, site: SiteId) -> bool {
    let meaning = context.meaning;
    let writes_after = |from: SiteId| {
        let effects = meaning.effects.in_function(context.function_of(from));
        effects.into_iter().any(|(effect, row)| effect.kind == OpKind::DbWrite && meaning.precedes(from, row.site))
    };
    writes_after(site) || meaning.callers(context.function_of(site)).iter().any(|caller| context.in_scope(*caller) && writes_after(*caller))
}

const TIDY: &[&str] = &[
    "cleanup", "clean", "shutdown", "stop", "dispose", "disconnect", "teardown", "rollback", "release",
    "exit", "track", "telemetry", "analytics", "beacon", "ping", "heartbeat", "log", "invalidate",
];

/// Where failures are expected and nothing is left to be done.
fn tidies_up(context: &Context<'_>, function: FunctionId) -> bool {
    const ENDS: &[&str] = &["close", "delete", "remove", "del"];
    let name = context.named_function(function);
    let words = words(name);
    // The log that is asked for is kept for those who ask.
    let is_asked_for = words.iter().any(|word| word == "audit");
    words.iter().any(|word| TIDY.contains(&word.as_str()) && !(is_asked_for && word == "log"))
        || words.iter().any(|word| ENDS.contains(&word.as_str())) && !ends_a_thing(context, function, name)
}

/// Whether a function of that name ends something that others know of, and does so for whoever asked: `close_account`. What is
/// closed without a word, at an end of its own or of a hold on something (`close`, `removeListener`), is tidied up.
fn ends_a_thing(context: &Context<'_>, function: FunctionId, name: &str) -> bool {
    const THINGS: &[&str] = &[
        "account", "booking", "card", "contract", "customer", "member", "membership", "merchant", "order", "payment", "plan",
        "shipment", "subscription", "tenant", "user",
    ];
    let last = words(name).pop();
    last.is_some_and(|word| THINGS.contains(&entity_name(&word).as_str())) && context.meaning.is_requested(function)
}

/// Further down, the handler was meant for something else.
const MAX_DEPTH: usize = 4;

/// The effect that somebody misses when it did not happen.
fn lost(context: &Context<'_>, failure: &Failure) -> Option<(SiteId, Effect)> {
    let meaning = context.meaning;
    failure
        .protected
        .iter()
        .flat_map(|site| meaning.effects.at(*site).map(|(effect, row)| (row.site, effect)))
        .filter(|(site, effect)| is_missed(context, effect) && !only_says_when(context, *site))
        // Where something has failed already and was told, what is noted about it is a courtesy.
        .filter(|(site, effect)| effect.kind == OpKind::Payment || !meaning.is_after_failure(*site))
        .find(|(site, effect)| {
            let trace = meaning.trace(*site, effect);
            let comes_here = meaning.is_handled_above(failure, &trace);
            let is_sure = context.confidence_of(*site, effect) == Confidence::High || is_done_by_each(context, *site);
            is_sure && trace.len() <= MAX_DEPTH && comes_here && !is_told_below(context, &trace)
        })
}

/// Whether each of the implementations that a call may run does something that is missed: one of them runs.
fn is_done_by_each(context: &Context<'_>, site: SiteId) -> bool {
    let meaning = context.meaning;
    let edges = meaning.resolution.calls_at(site);
    edges.len() > 1
        && edges.iter().all(|edge| {
            let mut done = meaning.effects.of(edge.function);
            done.any(|(effect, confidence)| is_missed(context, &effect) && context.confidence(confidence) == Confidence::High)
        })
}

/// What a helper that drops whatever fails is given to run, for the first caller who would miss it, with the call that runs it.
fn lost_by_helper(context: &Context<'_>, failure: &Failure) -> Option<(SiteId, SiteId, Effect)> {
    let meaning = context.meaning;
    meaning.dropped_for_callers(failure).into_iter().find_map(|(runs, function)| {
        let is_left_out = meaning.is_out_of_scope(function) || meaning.program.runs_in_browser(function);
        if is_left_out || tidies_up(context, function) {
            return None;
        }
        let mut inside = failure.clone();
        inside.protected = meaning.program.sites(function).map(|row| row.site).collect();
        let (site, effect) = lost(context, &inside)?;
        // What deals with its own failures has none left.
        if meaning.ends_at(site) {
            return None;
        }
        Some((runs, site, effect))
    })
}

/// Whether a function on the way to the effect tells of its failure itself, in a log or a metric, before it hands that on.
fn is_told_below(context: &Context<'_>, trace: &[SiteId]) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    trace.iter().skip(1).any(|below| {
        let dealt_with = meaning.failures(context.function_of(*below)).into_iter();
        let mut told = dealt_with.filter(|failure| failure.protected.contains(below)).flat_map(|failure| failure.sites);
        told.any(|site| {
            let does = |kind: OpKind| matches!(kind, OpKind::Log | OpKind::Metric | OpKind::Trace);
            let to_log = |var: VarId| {
                let held = program.loaded_as(var).map(|load| load.field).or_else(|| program.variable(var).map(|row| row.name));
                held.is_some_and(|name| words(program.text(name)).iter().any(|word| matches!(word.as_str(), "log" | "logger" | "logging")))
            };
            meaning.operations.at(site).any(|op| does(op.kind))
                || meaning.effects.at(site).any(|(effect, _)| does(effect.kind))
                // A logger of the project's own.
                || program.call(site).and_then(|call| call.receiver).is_some_and(to_log)
        })
    })
}

/// Whether a write sets nothing but the time of a change.
fn only_says_when(context: &Context<'_>, site: SiteId) -> bool {
    let columns = context.meaning.columns_written(site);
    let is_time = |column: &&str| matches!(words(column).last().map(String::as_str), Some("at" | "time" | "timestamp" | "date"));
    !columns.is_empty() && columns.iter().all(is_time)
}

fn is_missed(context: &Context<'_>, effect: &Effect) -> bool {
    let verb = context.meaning.text(effect.verb);
    match effect.kind {
        OpKind::Publish => !effect.flags.has(EffectFlags::LOSSY),
        OpKind::Enqueue | OpKind::Payment | OpKind::Notify | OpKind::ObjectWrite => true,
        OpKind::DbWrite => matches!(verb, Some("insert" | "update" | "upsert" | "increment")),
        OpKind::HttpRequest => matches!(verb, Some("post" | "put" | "patch" | "delete")),
        OpKind::Rpc => context.meaning.text(effect.entity).is_some_and(is_change),
        _ => false,
    }
}

fn report(context: &Context<'_>, site: SiteId, lost: &Lost) -> Finding {
    let Lost { begins, region, effect } = lost;
    let trace = context.meaning.trace(*begins, effect);
    let what = context.does(effect);
    let message = format!("when what {what} fails nobody is told: no log, no metric, no answer; the effect is lost and looks done");
    let mut builder = FindingBuilder::new(context, &RULE.info, site, message)
        .severity(Severity::Major)
        .subject(context.meaning.text(effect.entity).unwrap_or_default())
        .rests_on(context.confidence_of(*begins, effect));
    if let Some(region) = region {
        builder = builder.at_region(*region);
    }
    builder
        .steps(context.steps(&trace, effect))
        .checked("the handler of the failure is empty and says not why")
        .help("log or count the failure, answer with it, or say in a comment why it does not matter")
        .build()
}
