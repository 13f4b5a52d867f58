//! A span of time that decides something is the difference of two readings of the wall clock.

use ascent::ascent_run;
use distsys_engine::OpKind;
use distsys_engine::words::words;
use distsys_facts::{FunctionId, RegionId, RegionKind, SiteId, SiteKind, VarId, names_time};
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
    // Each reading with whether it was kept in an object or behind a reference meanwhile.
    let mut rests_on: Vec<(SiteId, SiteId, bool)> = Vec::new();
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
        let mut readings: Vec<(SiteId, bool)> = operands.flat_map(|var| readings(context, var, &clocks)).collect();
        readings.sort_unstable();
        readings.dedup();
        if readings.len() >= 2 {
            compares.push((row.site,));
            rests_on.extend(readings.into_iter().map(|(reading, kept)| (row.site, reading, kept)));
        }
    }
    let program = ascent_run! {
        relation compares(SiteId) = compares;
        relation rests_on(SiteId, SiteId, bool) = rests_on;
        // Two readings of one process: now, and then. One place gives both where what it gave was kept.
        relation found(SiteId, SiteId, SiteId);
        found(c, a, b) <-- compares(c), rests_on(c, a, _), rests_on(c, b, _), if a < b;
        found(c, a, a) <-- compares(c), rests_on(c, a, false), rests_on(c, a, true);
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
    "naive_utc", "naive_local", "to_std", "with_timezone", "timestamp_nanos",
    "getTime", "valueOf", "total_seconds", "timestamp", "timestamp_millis", "as_secs", "as_secs_f64", "as_millis", "as_secs_f32",
    "num_seconds", "num_milliseconds", "duration_since", "signed_duration_since", "elapsed", "abs", "floor", "round",
    "trunc", "ceil", "max", "min", "saturating_sub", "checked_sub", "sub", "add", "unwrap", "unwrap_or_default", "expect", "unwrap_or",
    "Number", "int", "float", "ok", "time",
];

/// The readings of the wall clock that a time or span is computed from, through fields that this process sets.
fn readings(context: &Context<'_>, var: VarId, clocks: &FxHashMap<VarId, SiteId>) -> Vec<(SiteId, bool)> {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let (mut found, mut stack) = (Vec::new(), vec![(var, false)]);
    let mut seen: FxHashSet<(VarId, bool)> = FxHashSet::default();
    while let Some((at, kept)) = stack.pop() {
        if seen.len() > 64 || !seen.insert((at, kept)) {
            continue;
        }
        found.extend(clocks.get(&at).map(|site| (*site, kept)));
        stack.extend(program.assigned_from(at).map(|row| (row.src, kept)));
        for row in program.binary_by_dst.of(&r.binary, at) {
            if matches!(program.text(row.operator), "+" | "-" | "*" | "/" | "//") {
                stack.push((row.left, kept));
                stack.extend(row.right.map(|right| (right, kept)));
            }
        }
        if let Some(call) = program.call_giving(at)
            && TIME_CALLS.contains(&program.text(call.name))
        {
            stack.extend(call.receiver.map(|receiver| (receiver, kept)));
            stack.extend(program.arguments(call.site).map(|row| (row.var, kept)));
        }
        // `now()`, a helper of the project.
        if let Some(call) = program.call_giving(at) {
            for edge in meaning.resolution.calls_at(call.site) {
                let returns = program.returns_by_function.of(&r.returns, edge.function);
                stack.extend(returns.filter_map(|row| row.var).map(|var| (var, kept)));
            }
        }
        if let Some(load) = program.loaded_as(at) {
            let mut stored = meaning.stored_in(load.base, load.field);
            // Of an object whose class nobody names, by the field's own name; times of change are rows' columns.
            if stored.is_empty() && !names_time(program.text(load.field)) {
                stored = meaning.stored_under(load.field);
            }
            stored.extend(elements(context, load.base, program.text(load.field)));
            stack.extend(stored.into_iter().map(|var| (var, true)));
        }
    }
    found
}

/// What stands at a constant index of a tuple that is stored behind a reference: `let (then, n) = *entry`, `*entry = (now, 1)`.
fn elements(context: &Context<'_>, tuple: VarId, index: &str) -> Vec<VarId> {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let Ok(index) = index.parse::<u32>() else { return Vec::new() };
    let Some(target) = program.loaded_as(tuple).filter(|load| program.text(load.field) == "*").map(|load| load.base) else {
        return Vec::new();
    };
    let stored = program.stores_to(target).filter(|store| program.text(store.field) == "*").map(|store| store.src);
    stored
        .flat_map(|tuple| program.element_by_var.of(&r.element, tuple))
        .filter(|row| row.index == index)
        .map(|row| row.value)
        .collect()
}

const GRAVE_WORDS: &[&str] = &[
    "lease", "lock", "locks", "locked", "leader", "leadership", "election", "rate", "limit", "limiter", "throttle", "throttled", "quota",
    "window", "bucket", "heartbeat", "heartbeats", "alive", "liveness",
];

/// The words of what a comparison compares.
fn compared_names<'c>(context: &'c Context<'_>, compare: SiteId) -> impl Iterator<Item = String> + use<'c> {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let row = r.binary.binary_search_by_key(&compare, |row| row.site).ok().map(|at| r.binary[at]);
    let operands = row.into_iter().flat_map(|row| std::iter::once(row.left).chain(row.right));
    operands.flat_map(|var| context.meaning.made_from(var)).flat_map(move |var| {
        let field = program.loaded_as(var).map(|load| load.field);
        let name = field.or(program.variable(var).map(|row| row.name));
        name.map(|name| words(program.text(name))).unwrap_or_default()
    })
}

/// Whether the function takes, extends or releases a distributed lock, whatever its name says.
fn takes_lock(context: &Context<'_>, site: SiteId) -> bool {
    let of_lock = |kind| matches!(kind, OpKind::LockAcquire | OpKind::LockExtend | OpKind::LockRelease);
    let function = context.function_of(site);
    context.meaning.operations.all.iter().any(|op| op.function == function && of_lock(op.kind))
}

/// Whether the span says how long is waited or tried: it ends a loop, or raises in one.
fn ends_a_wait(context: &Context<'_>, compare: SiteId) -> bool {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let Some(row) = r.binary.binary_search_by_key(&compare, |row| row.site).ok().map(|at| r.binary[at]) else { return false };
    let function = context.function_of(compare);
    let asks = |region: RegionId| {
        program.condition_by_region.of(&r.condition, region).any(|condition| context.meaning.made_from(condition.var).contains(&row.dst))
    };
    let in_loop = |region: RegionId| program.regions_outward(region).into_iter().any(|row| row.kind == RegionKind::Loop);
    program.regions_by_function.of(&r.region, function).any(|region| match region.kind {
        RegionKind::Loop => asks(region.region),
        RegionKind::Branch => {
            let leaves = || program.sites(function).any(|site| {
                program.region_within(site.region, region.region)
                    && matches!(site.kind, SiteKind::Throw | SiteKind::Return)
            });
            in_loop(region.region) && asks(region.region) && leaves()
        }
        _ => false,
    })
}

/// Where one time is taken from the other, if that is not in the comparison itself.
fn difference(context: &Context<'_>, compare: SiteId) -> Option<SiteId> {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let at = r.binary.binary_search_by_key(&compare, |row| row.site).ok()?;
    let operands = std::iter::once(r.binary[at].left).chain(r.binary[at].right);
    let sources = operands.flat_map(|var| context.meaning.made_from(var));
    let taken = sources.flat_map(|var| program.binary_by_dst.of(&r.binary, var)).filter(|row| program.text(row.operator) == "-");
    taken.map(|row| row.site).filter(|site| context.place(*site).line != context.place(compare).line).min()
}

fn report(context: &Context<'_>, compare: SiteId, first: SiteId, second: SiteId) -> Finding {
    let name = context.named_function(context.function_of(compare));
    let place = context.place(compare);
    let grave = compared_names(context, compare).chain(words(name)).chain(words(place.path.rsplit('/').next().unwrap_or_default())).any(|word| GRAVE_WORDS.contains(&word.as_str())) || takes_lock(context, compare);
    let message = "a span between two readings of the wall clock decides here; when the clock is set (NTP, a virtual machine that was paused) the span is negative or hours long".to_owned();
    let mut builder = FindingBuilder::new(context, &RULE.info, compare, message)
        .step(first, "the wall clock is read")
        .step(second, "and read again");
    if let Some(site) = difference(context, compare) {
        builder = builder.step(site, "one is taken from the other");
    }
    builder = builder.step(compare, "their difference decides");
    // Elsewhere few would change it.
    builder = match (grave, ends_a_wait(context, compare)) {
        (true, _) => builder.severity(Severity::Major),
        (false, true) => builder.rests_on(Confidence::Medium),
        (false, false) => builder.rests_on(Confidence::Low),
    };
    builder
        .checked("neither reading is of a monotonic clock")
        .help("measure spans with the monotonic clock (`time.monotonic()`, `performance.now()`, `Instant::now()`)")
        .build()
}
