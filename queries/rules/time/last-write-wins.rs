//! Which of two writes survives is decided by their wall-clock times.

use ascent::ascent_run;
use distsys_engine::OpKind;
use distsys_engine::meaning::{Effect, EffectFlags, EffectId};
use distsys_engine::resolve::{Value, ValueKind};
use distsys_facts::{FunctionId, ParameterKind, SiteId, VarId, names_time};
use rustc_hash::FxHashMap;

use crate::computed::only_column;
use crate::finding::{Category, Finding, Maturity, RuleInfo, Severity};
use crate::{Context, FindingBuilder, Rule};

pub(crate) static RULE: Rule = Rule {
    info: RuleInfo {
        slug: "last-write-wins",
        category: Category::Time,
        severity: Severity::Blocker,
        maturity: Maturity::Stable,
        yields_to: &[],
        summary: "the later wall-clock time decides which write survives",
        page: include_str!("last-write-wins.md"),
    },
    judge,
};

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let mut by_statement: Vec<(SiteId, EffectId)> = Vec::new();
    let mut writes: Vec<(FunctionId, SiteId, EffectId)> = Vec::new();
    let mut reads: FxHashMap<FunctionId, Vec<(SiteId, VarId)>> = FxHashMap::default();
    for row in meaning.effects.rows() {
        let effect = meaning.effects.get(row.effect);
        let function = context.function_of(row.site);
        if !context.in_scope(row.site) {
            continue;
        }
        match effect.kind {
            // Told where the statement stands, not by its callers.
            OpKind::DbWrite if effect.flags.has(EffectFlags::BY_CLOCK) && meaning.callees(row.site).is_empty() => {
                by_statement.push((row.site, row.effect));
            }
            OpKind::DbWrite if effect.flags.has(EffectFlags::BY_CLOCK) => {}
            OpKind::DbWrite | OpKind::CacheWrite | OpKind::ObjectWrite if !effect.flags.has(EffectFlags::CONDITIONAL) => {
                writes.push((function, row.site, row.effect));
            }
            OpKind::DbRead | OpKind::CacheRead | OpKind::ObjectRead => {
                if let Some(call) = program.call(row.site) {
                    reads.entry(function).or_default().push((row.site, call.result));
                }
            }
            _ => {}
        }
    }
    // A comparison of the time of what is stored with another that is not of the same read.
    let mut decides: Vec<(FunctionId, SiteId, SiteId)> = Vec::new();
    for row in r.binary.iter().filter(|row| matches!(program.text(row.operator), "<" | ">" | "<=" | ">=")) {
        let (Some(right), function) = (row.right, context.function_of(row.site)) else { continue };
        let Some(known) = reads.get(&function) else { continue };
        let of = |var: VarId| {
            let Some(time) = time_of(context, var) else {
                // `SELECT updated_at FROM items WHERE id = $1`, whatever the value is called.
                let sources = meaning.made_from(var);
                let is_time = |site: SiteId| only_column(context, site).is_some_and(names_time);
                let read = known.iter().find(|(site, result)| sources.contains(result) && is_time(*site));
                return read.map(|(site, _)| Some(*site));
            };
            let sources = meaning.made_from(time);
            Some(known.iter().find(|(_, result)| sources.contains(result)).map(|(site, _)| *site))
        };
        match (of(row.left), of(right)) {
            (Some(left), Some(right)) => {
                if left != right
                    && let Some(read) = left.or(right)
                {
                    decides.push((function, row.site, read));
                }
            }
            // What is called otherwise is a time by its type; it counts as that of the change if the change keeps it.
            (Some(Some(read)), None) if is_kept_time(context, right, row.site) => decides.push((function, row.site, read)),
            (None, Some(Some(read))) if is_kept_time(context, row.left, row.site) => decides.push((function, row.site, read)),
            _ => {}
        }
    }
    let program = ascent_run! {
        relation by_statement(SiteId, EffectId) = by_statement;
        relation writes(FunctionId, SiteId, EffectId) = writes;
        relation decides(FunctionId, SiteId, SiteId) = decides;
        relation found(SiteId, EffectId, SiteId, SiteId);
        found(w, e, w, w) <-- by_statement(w, e);
        found(w, e, c, r) <-- decides(f, c, r), writes(f, w, e), if meaning.precedes(*c, *w);
    };
    let mut found = program.found;
    found.sort_unstable();
    let mut by_compare: FxHashMap<SiteId, (SiteId, Effect, SiteId)> = FxHashMap::default();
    for (write, effect, compare, read) in found {
        by_compare.entry(compare).or_insert((write, meaning.effects.get(effect), read));
    }
    by_compare.into_iter().map(|(compare, (write, effect, read))| report(context, write, &effect, compare, read)).collect()
}

/// The field of a time of change that `var` is, through conversions.
fn time_of(context: &Context<'_>, var: VarId) -> Option<VarId> {
    let program = context.meaning.program;
    let mut at = var;
    for _ in 0..6 {
        if let Some(load) = program.loaded_as(at)
            && names_time(program.text(load.field))
        {
            return Some(at);
        }
        if let Some(variable) = program.variable(at)
            && names_time(program.text(variable.name))
            && program.assigned_from(at).next().is_none()
        {
            return Some(at);
        }
        if program.parameter(at).is_some_and(|row| names_time(program.text(row.name))) {
            return Some(at);
        }
        at = match (program.assigned_from(at).next(), program.call_giving(at)) {
            (Some(row), _) => row.src,
            // `x.updatedAt.getTime()`, `new Date(x.updatedAt)`, `row["updated_at"]`
            (None, Some(call)) => match call.receiver.filter(|receiver| time_of_receiver(context, *receiver)) {
                Some(receiver) => receiver,
                None => program.arguments(call.site).next()?.var,
            },
            _ => return None,
        };
    }
    None
}

/// Whether `var` is a parameter, or a field of one, whose type is a time, and is stored or given on after the comparison.
fn is_kept_time(context: &Context<'_>, var: VarId, compare: SiteId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let mut at = var;
    for _ in 0..4 {
        match program.assigned_from(at).next() {
            Some(row) => at = row.src,
            None => break,
        }
    }
    let says_time = |text: &str| {
        let head = text.split('<').next().unwrap_or(text);
        TIMES.contains(&head.rsplit('.').next().unwrap_or(head))
    };
    let of_parameter = program.parameter(at).is_some_and(|row| says_time(program.text(row.type_)));
    let of_field = program.loaded_as(at).is_some_and(|load| {
        let class = meaning.class_of(load.base).into_iter();
        let mut fields = class.flat_map(|class| program.field_by_class.of(&r.field, class));
        fields.any(|row| row.name == load.field && says_time(program.text(row.type_)))
    });
    let is_it = |other: VarId| other == at || meaning.made_from(other).contains(&at);
    let function = context.function_of(compare);
    (of_parameter || of_field || is_made_of_data(context, at))
        && program.sites(function).map(|row| row.site).filter(|site| meaning.precedes(compare, *site)).any(|site| {
            let stored = r.store.binary_search_by_key(&site, |row| row.site).ok().map(|at| r.store[at]);
            let tells = meaning.operations.at(site).any(|op| matches!(op.kind, OpKind::Log | OpKind::Metric | OpKind::Trace));
            let sets = || program.call(site).is_some_and(|call| names_time_set(program.text(call.name)));
            let is_write = || meaning.effects.at(site).any(|(effect, _)| effect.kind == OpKind::DbWrite);
            // `device.report(firmware, at)`, which keeps it.
            let kept_below = || {
                let mut given = meaning.resolution.passed_at(site).iter().filter(|row| is_it(row.argument));
                given.any(|row| {
                    let Some(parameter) = program.parameter(row.parameter) else { return false };
                    program.sites(parameter.function).any(|inner| {
                        let at = r.store.binary_search_by_key(&inner.site, |store| store.site);
                        at.is_ok_and(|at| {
                            let store = r.store[at];
                            names_time(program.text(store.field))
                                && (store.src == row.parameter || meaning.made_from(store.src).contains(&row.parameter))
                        })
                    })
                })
            };
            // `query("UPDATE …").bind(at).execute(&pool)`
            let bound = || is_write() && meaning.chain_arguments(site).into_iter().any(is_it);
            stored.is_some_and(|row| names_time(program.text(row.field)) && is_it(row.src))
                || kept_below()
                || bound()
                || !tells
                    && program.arguments(site).any(|row| {
                        (names_time(program.text(row.keyword)) || sets() || is_write()) && is_it(row.var)
                    })
        })
}

/// Whether `var` is a time that a call makes of what came in: `Instant.parse(body.at())`, `time.UnixMilli(ms)`; not of now.
fn is_made_of_data(context: &Context<'_>, var: VarId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let Some(call) = program.call_giving(var) else { return false };
    let is_time = |value: Value| match value.kind {
        ValueKind::External(path) => meaning.resolution.paths.text(path).split('.').any(|part| TIMES.contains(&part)),
        _ => false,
    };
    let sources = meaning.made_from(var);
    let reads_clock = |var: &VarId| {
        let mut read = program.call_giving(*var).into_iter().flat_map(|call| meaning.operations.at(call.site));
        read.any(|op| matches!(op.kind, OpKind::ClockRead | OpKind::MonotonicClock))
    };
    meaning.resolution.values_of(call.result).any(is_time)
        && !sources.iter().any(reads_clock)
        && sources.iter().any(|var| program.parameter(*var).is_some_and(|row| row.kind != ParameterKind::Receiver))
}

/// `setUpdatedAt`, `set_updated_at`
fn names_time_set(name: &str) -> bool {
    name.strip_prefix("set").is_some_and(names_time)
}

/// Names of types that are times of the wall clock.
const TIMES: &[&str] = &[
    "DateTime", "NaiveDateTime", "OffsetDateTime", "PrimitiveDateTime", "SystemTime", "Time", "Instant", "LocalDateTime", "ZonedDateTime",
    "datetime", "Date", "Timestamp", "DateTimeUtc", "DateTimeWithTimeZone",
];

fn time_of_receiver(context: &Context<'_>, var: VarId) -> bool {
    let program = context.meaning.program;
    program.loaded_as(var).is_some_and(|load| names_time(program.text(load.field)))
        || program.call_giving(var).is_some()
        || program.assigned_from(var).next().is_some()
}

fn report(context: &Context<'_>, write: SiteId, effect: &Effect, compare: SiteId, read: SiteId) -> Finding {
    let trace = context.meaning.trace(write, effect);
    let what = context.does(effect);
    let message = format!(
        "the later of two wall-clock times decides whether this {what}; clocks of two machines differ, so an older change can win and a newer one is thrown away without a trace"
    );
    let mut builder = FindingBuilder::new(context, &RULE.info, write, message)
        .subject(context.meaning.text(effect.entity).unwrap_or_default())
        .rests_on(context.confidence_of(write, effect));
    if read != write {
        builder = builder.step(read, "what is stored is read").step(compare, "its time is compared with that of the change");
    }
    builder
        .steps(context.steps(&trace, effect))
        .checked("no version, sequence or logical clock orders the two")
        .help("order changes by a version that the store gives (`WHERE version = $n`), a sequence of the source, or a hybrid logical clock")
        .build()
}
