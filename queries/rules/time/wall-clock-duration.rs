//! A span of time that decides something is the difference of two readings of the wall clock.

use ascent::ascent_run;
use distsys_engine::OpKind;
use distsys_engine::words::words;
use distsys_facts::{FunctionId, SiteId, VarId, names_time};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::finding::{Category, Confidence, Finding, Maturity, RuleInfo, Severity};
use crate::{Context, FindingBuilder, Rule};

pub(crate) static RULE: Rule = Rule {
    info: RuleInfo {
        slug: "wall-clock-duration",
        category: Category::Time,
        severity: Severity::Minor,
        maturity: Maturity::Stable,
        yields_to: &[],
        summary: "a time span is measured by a clock that can be set",
        page: include_str!("wall-clock-duration.md"),
    },
    judge,
};

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let clocks: FxHashMap<VarId, SiteId> = meaning
        .operations
        .of_kind(OpKind::ClockRead)
        .filter(|op| context.in_scope(op.site))
        .filter_map(|op| program.call(op.site).map(|call| (call.result, op.site)))
        .collect();
    if clocks.is_empty() {
        return Vec::new();
    }
    let mut compares: Vec<(SiteId,)> = Vec::new();
    let mut rests_on: Vec<(SiteId, SiteId)> = Vec::new();
    for row in r.binary.iter().filter(|row| matches!(program.text(row.operator), "<" | ">" | "<=" | ">=")) {
        if !context.in_scope(row.site) || meaning.program.runs_in_browser(context.function_of(row.site)) {
            continue;
        }
        // Whether a span is there at all decides nothing.
        let is_zero = |var: VarId| program.literal(var).is_some_and(|row| program.text(row.value) == "0");
        if is_zero(row.left) || row.right.is_some_and(is_zero) {
            continue;
        }
        let operands = std::iter::once(row.left).chain(row.right);
        let mut readings: Vec<SiteId> = operands.flat_map(|var| readings(context, var, &clocks)).collect();
        readings.sort_unstable();
        readings.dedup();
        if readings.len() >= 2 {
            compares.push((row.site,));
            rests_on.extend(readings.into_iter().map(|reading| (row.site, reading)));
        }
    }
    let program = ascent_run! {
        relation compares(SiteId) = compares;
        relation rests_on(SiteId, SiteId) = rests_on;
        // Two readings of one process: now, and then.
        relation found(SiteId, SiteId, SiteId);
        found(c, a, b) <-- compares(c), rests_on(c, a), rests_on(c, b), if a < b;
    };
    let mut found = program.found;
    found.sort_unstable();
    let mut by_function: FxHashMap<FunctionId, (SiteId, SiteId, SiteId)> = FxHashMap::default();
    for (compare, first, second) in found {
        by_function.entry(context.function_of(compare)).or_insert((compare, first, second));
    }
    by_function.into_values().map(|(compare, first, second)| report(context, compare, first, second)).collect()
}

/// Calls that give the same time or span in another form, or compute with it.
const TIME_CALLS: &[&str] = &[
    "getTime", "valueOf", "total_seconds", "timestamp", "timestamp_millis", "as_secs", "as_secs_f64", "as_millis", "as_secs_f32",
    "num_seconds", "num_milliseconds", "duration_since", "signed_duration_since", "elapsed", "abs", "floor", "round",
    "trunc", "ceil", "max", "min", "saturating_sub", "checked_sub", "sub", "add", "unwrap", "unwrap_or_default", "expect", "unwrap_or",
    "Number", "int", "float", "ok", "time",
];

/// The readings of the wall clock that a time or span is computed from, through fields that this process sets.
fn readings(context: &Context<'_>, var: VarId, clocks: &FxHashMap<VarId, SiteId>) -> Vec<SiteId> {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let (mut found, mut stack) = (Vec::new(), vec![var]);
    let mut seen: FxHashSet<VarId> = FxHashSet::default();
    while let Some(at) = stack.pop() {
        if seen.len() > 64 || !seen.insert(at) {
            continue;
        }
        found.extend(clocks.get(&at).copied());
        stack.extend(program.assigned_from(at).map(|row| row.src));
        for row in program.binary_by_dst.of(&r.binary, at) {
            if matches!(program.text(row.operator), "+" | "-" | "*" | "/" | "//") {
                stack.push(row.left);
                stack.extend(row.right);
            }
        }
        if let Some(call) = program.call_giving(at)
            && TIME_CALLS.contains(&program.text(call.name))
        {
            stack.extend(call.receiver);
            stack.extend(program.arguments(call.site).map(|row| row.var));
        }
        if let Some(load) = program.loaded_as(at) {
            let stored = meaning.stored_in(load.base, load.field);
            // Of an object whose class nobody names, by the field's own name; times of change are rows' columns.
            let by_name = stored.is_empty() && !names_time(program.text(load.field));
            stack.extend(if by_name { meaning.stored_under(load.field) } else { stored });
        }
    }
    found
}

const GRAVE_WORDS: &[&str] = &[
    "lease", "lock", "locks", "locked", "leader", "leadership", "election", "rate", "limit", "limiter", "throttle", "throttled", "quota",
    "window", "bucket", "heartbeat", "heartbeats", "alive", "liveness",
];

fn report(context: &Context<'_>, compare: SiteId, first: SiteId, second: SiteId) -> Finding {
    let name = context.named_function(context.function_of(compare));
    let place = context.place(compare);
    let grave = words(name).into_iter().chain(words(place.path.rsplit('/').next().unwrap_or_default())).any(|word| GRAVE_WORDS.contains(&word.as_str()));
    let message = "a span between two readings of the wall clock decides here; when the clock is set (NTP, a virtual machine that was paused) the span is negative or hours long".to_owned();
    let mut builder = FindingBuilder::new(context, &RULE.info, compare, message)
        .step(first, "the wall clock is read")
        .step(second, "and read again")
        .step(compare, "their difference decides");
    // Elsewhere few would change it.
    builder = if grave { builder.severity(Severity::Major) } else { builder.rests_on(Confidence::Low) };
    builder
        .checked("neither reading is of a monotonic clock")
        .help("measure spans with the monotonic clock (`time.monotonic()`, `performance.now()`, `Instant::now()`)")
        .build()
}
