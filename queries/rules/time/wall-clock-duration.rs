//! A span of time that decides something is the difference of two readings of the wall clock.

use ascent::ascent_run;
use distsys_engine::OpKind;
use distsys_engine::words::{is_report, words};
use distsys_facts::schema::{Call, Parameter, Site};
use distsys_facts::{FunctionId, FunctionKind, ParameterKind, RegionKind, SiteId, SiteKind, VarId, names_time};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::kept::Kept;
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
    let mut clocks: FxHashMap<VarId, SiteId> = meaning
        .operations
        .of_kind(OpKind::ClockRead)
        .filter(|op| context.in_scope(op.site))
        .filter_map(|op| program.call(op.site).map(|call| (call.result, op.site)))
        .collect();
    if clocks.is_empty() {
        return Vec::new();
    }
    clocks.extend(given_clocks(context));
    let kept = Kept::new(context);
    let makers = text_makers(context);
    let mut compares: Vec<(SiteId,)> = Vec::new();
    // Each reading with whether it was kept in an object or behind a reference meanwhile.
    let mut rests_on: Vec<(SiteId, SiteId, bool)> = Vec::new();

    let mut ends: FxHashSet<SiteId> = FxHashSet::default();
    for comparison in comparisons(context) {
        let Comparison { site, left, right, outcome } = comparison;
        if !context.in_scope(site) || meaning.program.runs_for_one_user(context.function_of(site)) {
            continue;
        }
        let is_zero = |var: VarId| program.literal(var).is_some_and(|row| program.text(row.value) == "0");
        let asks_for_any = is_zero(left) && right.is_some_and(|right| !is_amount(context, right, 0))
            || right.is_some_and(is_zero) && !is_amount(context, left, 0);
        let of_left = readings(context, left, &clocks, &kept);
        let of_right = right.map(|right| readings(context, right, &clocks, &kept)).unwrap_or_default();
        let read: Vec<Reading> = of_left.into_iter().chain(of_right).collect();
        // What was kept at one time or at another is compared with something else, not with now.
        if read.iter().all(|reading| reading.kept) && !std::iter::once(left).chain(right).any(|var| is_span(context, var)) {
            continue;
        }
        // Whether a span is there at all decides nothing, unless it is what is left until a deadline, or of a limit.
        let is_left = || {
            read.iter().any(|reading| reading.to_come) && read.iter().any(|reading| !reading.to_come)
                || std::iter::once(left).chain(right).any(|var| is_rest(context, var))
        };
        if asks_for_any && !is_left() {
            continue;
        }
        // Of two times to come neither is now: the later one is taken.
        if read.iter().all(|reading| reading.to_come) || only_tells(context, &makers, site, outcome) {
            continue;
        }
        if begins_set_back(context, &read) {
            continue;
        }
        let is_lent = read.iter().any(|reading| reading.is_lent);
        let mut readings: Vec<(SiteId, bool)> = read.into_iter().map(|reading| (reading.site, reading.kept)).collect();
        readings.sort_unstable();
        readings.dedup();
        if readings.len() >= 2 {
            let is_end = ends_a_wait(context, site, outcome, &readings);
            if (asks_for_any || is_lent) && !is_end {
                continue;
            }
            compares.push((site,));
            if is_end {
                ends.insert(site);
            }
            rests_on.extend(readings.into_iter().map(|(reading, kept)| (site, reading, kept)));
        }
    }
    let readings_of = rests_on.clone();
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
    // One finding for each beginning in a function, and one a time that is kept in an object, whichever of its methods looks
    // at it; what ends a wait before what does not.
    found.sort_by_key(|(compare, ..)| !ends.contains(compare));
    let mut read_by: FxHashMap<SiteId, Vec<SiteId>> = FxHashMap::default();
    for (compare, reading, _) in readings_of {
        read_by.entry(compare).or_default().push(reading);
    }
    let mut seen: FxHashSet<SiteId> = FxHashSet::default();
    let mut begun: FxHashSet<(FunctionId, SiteId)> = FxHashSet::default();
    let mut told = Vec::new();
    for (compare, first, second) in found {
        let function = context.function_of(compare);
        let all = read_by.get(&compare).into_iter().flatten().copied();
        let elsewhere: Vec<SiteId> = all.filter(|site| context.function_of(*site) != function).collect();
        if begun.contains(&(function, first)) || !elsewhere.is_empty() && elsewhere.iter().all(|site| seen.contains(site)) {
            continue;
        }
        begun.insert((function, first));
        seen.extend(elsewhere);
        told.push((compare, first, second));
    }
    told.into_iter()
        .map(|(compare, first, second)| report(context, compare, first, second, ends.contains(&compare)))
        .collect()
}

/// The readings by a clock that a function is given to call, each with its site: `Bucket(clock=time.time)`, `self.last = clock()`.
fn given_clocks(context: &Context<'_>) -> Vec<(VarId, SiteId)> {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let read = meaning.operations.of_kind(OpKind::ClockRead).filter(|op| context.in_scope(op.site));
    let given = read.flat_map(|op| meaning.resolution.passed_at(op.site)).map(|row| row.parameter);
    given.flat_map(|clock| program.calls_by_callee.of(&r.call, clock)).map(|call| (call.result, call.site)).collect()
}

/// Whether the first of the readings of one run is set back by some span as it is read (`start = now() - ttl`): it is no beginning,
/// and what lies between it and now is that span.
fn begins_set_back(context: &Context<'_>, read: &[Reading]) -> bool {
    let program = context.meaning.program;
    let (Some(first), false) = (read.iter().map(|reading| reading.site).min(), read.iter().any(|reading| reading.kept)) else { return false };
    let Some(value) = program.call(first).map(|call| call.result) else { return false };
    let is_later = |other: &Reading| other.site != first && context.meaning.precedes(first, other.site);
    read.iter().any(is_later)
        && program.binaries(context.function_of(first)).any(|row| program.text(row.operator) == "-" && row.left == value)
}

/// Whether a value is a span, worked out here or where it was kept.
fn is_span(context: &Context<'_>, var: VarId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let subtracts = |var: VarId| {
        let taken = program.binary_by_dst.of(&program.facts.relations.binary, var).any(|row| program.text(row.operator) == "-");
        taken || program.call_giving(var).is_some_and(|call| TIME_CALLS.contains(&program.text(call.name)))
    };
    let sources = || meaning.made_from(var).into_iter().chain([var]);
    let kept = |var: VarId| program.loaded_as(var).map(|load| meaning.stored_in(load.base, load.field)).unwrap_or_default();
    sources().any(subtracts) || sources().flat_map(kept).any(|stored| meaning.made_from(stored).into_iter().chain([stored]).any(subtracts))
}

/// Whether a value is what a span leaves of a limit, worked out here or by a function that is asked for it: `limit - (now - begun)`.
fn is_rest(context: &Context<'_>, var: VarId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let subtracted = |var: VarId| program.binary_by_dst.of(&r.binary, var).filter(|row| program.text(row.operator) == "-");
    let takes_span = |var: VarId| {
        let off = subtracted(var).filter_map(|row| row.right);
        off.into_iter().any(|off| meaning.made_from(off).into_iter().chain([off]).any(|var| subtracted(var).next().is_some()))
    };
    let returned = |var: VarId| {
        let call = program.call_giving(var).filter(|call| program.arguments(call.site).next().is_none());
        let edges = call.map_or(&[][..], |call| meaning.resolution.calls_at(call.site)).iter();
        edges.flat_map(|edge| program.returns_by_function.of(&r.returns, edge.function)).filter_map(|row| row.var).collect::<Vec<_>>()
    };
    let given: Vec<VarId> = std::iter::once(var).chain(returned(var)).collect();
    // `(limit - passed).total_seconds()`
    let converted = |var: VarId| {
        let call = program.call_giving(var).filter(|call| TIME_CALLS.contains(&program.text(call.name)))?;
        call.receiver.or_else(|| Some(program.arguments(call.site).next()?.var))
    };
    given.into_iter().flat_map(|var| [Some(var), converted(var)]).flatten().any(takes_span)
}

/// Two values of which one is asked to be the greater.
struct Comparison {
    site: SiteId,
    left: VarId,
    right: Option<VarId>,
    outcome: VarId,
}

/// `now - start > limit`, `now.isAfter(deadline)`
fn comparisons(context: &Context<'_>) -> Vec<Comparison> {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let compares = r.binary.iter().filter(|row| matches!(program.text(row.operator), "<" | ">" | "<=" | ">="));
    let mut found: Vec<Comparison> = compares
        .map(|row| Comparison { site: row.site, left: row.left, right: row.right, outcome: row.dst })
        .collect();
    for call in r.call.iter().filter(|call| matches!(program.text(call.name), "isAfter" | "isBefore")) {
        let mut given = program.arguments(call.site).map(|row| row.var);
        if let (Some(left), Some(right), None) = (call.receiver, given.next(), given.next()) {
            found.push(Comparison { site: call.site, left, right: Some(right), outcome: call.result });
        }
    }
    found
}

/// Whether a comparison ends what one run of a function waits for, be it made in a method that tells whether the time is up:
/// `while not budget.is_over()`.
fn ends_a_wait(context: &Context<'_>, compare: SiteId, outcome: VarId, readings: &[(SiteId, bool)]) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let function = context.function_of(compare);
    let told = || {
        let mut returned = program.returns_by_function.of(&program.facts.relations.returns, function).filter_map(|row| row.var);
        returned.any(|var| var == outcome || meaning.made_from(var).contains(&outcome))
    };
    // What the method reads itself is read where it is called.
    let earlier = || readings.iter().copied().filter(|(site, kept)| *kept && context.function_of(*site) != function).collect::<Vec<_>>();
    let asked = || meaning.callers(function).iter().filter_map(|site| program.call(*site)).filter(|call| context.in_scope(call.site));
    ends_its_run(context, compare, outcome, readings)
        || told() && !earlier().is_empty() && asked().any(|call| ends_its_run(context, call.site, call.result, &earlier()))
}

/// Whether both times are read in one run and held by nothing that outlives it, and the outcome ends a loop or the function.
fn ends_its_run(context: &Context<'_>, compare: SiteId, outcome: VarId, readings: &[(SiteId, bool)]) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let run = run_of(context, compare);
    let function = context.function_of(compare);
    // What is read after is kept for another run.
    let in_time = |site: SiteId| context.function_of(site) != function || meaning.precedes(site, compare);
    // What an object that is made in this run was made with.
    let begun_with_it = |site: SiteId| {
        meaning.callers(context.function_of(site)).iter().any(|made| {
            let is_made = program.call(*made).is_some_and(|call| meaning.class_of(call.result).is_some());
            is_made && run_of(context, *made) == run && meaning.precedes(*made, compare)
        })
    };
    let of_run = |(site, kept): &(SiteId, bool)| match kept {
        true => begun_with_it(*site),
        false => run_of(context, *site) == run && in_time(*site),
    };
    if run.is_none() || !readings.iter().all(of_run) {
        return false;
    }
    let mut arms = program.regions_by_function.of(&r.region, function).filter(|region| {
        let mut conditions = program.condition_by_region.of(&r.condition, region.region);
        conditions.any(|row| row.var == outcome || meaning.made_from(row.var).contains(&outcome))
    });
    arms.any(|arm| {
        let inside: Vec<&Site> =
            program.sites(function).filter(|site| program.region_within(site.region, arm.region)).collect();
        let leaves = |site: &&Site| matches!(site.kind, SiteKind::Return | SiteKind::Throw);
        let around = program.regions_outward(arm.region).find(|region| region.kind == RegionKind::Loop);
        // `break` is no site: an arm without any, or one that its loop does not go on from.
        let breaks = around.filter(|turn| turn.region != arm.region).is_some_and(|turn| {
            let begun_before = readings.iter().any(|(site, _)| !program.region_within(program.site(*site).region, turn.region));
            begun_before && inside.last().is_none_or(|last| !meaning.comes_round(last.block, turn.region))
        });
        arm.kind == RegionKind::Loop || breaks || inside.iter().any(leaves)
    })
}

/// The function that a site is in one run of: the outermost around it.
fn run_of(context: &Context<'_>, site: SiteId) -> Option<FunctionId> {
    let program = context.meaning.program;
    let is_module = |function: FunctionId| program.function(function).kind == FunctionKind::Module;
    let mut at = context.function_of(site);
    while let Some(parent) = program.function(at).parent.filter(|parent| !is_module(*parent)) {
        at = parent;
    }
    (!is_module(at)).then_some(at)
}

/// Calls that give the same time or span in another form, or compute with it.
const TIME_CALLS: &[&str] = &[
    "naive_utc", "naive_local", "to_std", "with_timezone", "timestamp_nanos",
    "getTime", "valueOf", "total_seconds", "timestamp", "timestamp_millis", "as_secs", "as_secs_f64", "as_millis", "as_secs_f32",
    "num_seconds", "num_milliseconds", "duration_since", "signed_duration_since", "elapsed", "abs", "floor", "round",
    "trunc", "ceil", "max", "min", "saturating_sub", "checked_sub", "sub", "add", "unwrap", "unwrap_or_default", "expect", "unwrap_or",
    "Number", "int", "float", "float64", "float32", "int64", "uint64", "Duration", "Min", "Max", "ok", "time", "between", "toMillis", "toSeconds", "toNanos", "getSeconds", "toEpochMilli",
    "getEpochSecond", "minus", "diff",
];

/// A reading of the wall clock that a comparison rests on.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Reading {
    site: SiteId,
    /// In an object or behind a reference meanwhile.
    kept: bool,
    /// Something was added to it.
    to_come: bool,
    /// In an object that was made with it: such objects may come out of a store as well.
    is_lent: bool,
}

/// The ends that a constructor is given for a parameter, where each caller works one out from the clock: `new Deadline(now() + limit)`.
fn ends_given(context: &Context<'_>, var: VarId, clocks: &FxHashMap<VarId, SiteId>) -> Vec<VarId> {
    let meaning = context.meaning;
    let program = meaning.program;
    let is_constructor = |row: &Parameter| program.function(row.function).kind == FunctionKind::Constructor;
    if program.parameter(var).is_none_or(|row| row.kind == ParameterKind::Receiver || !is_constructor(row)) {
        return Vec::new();
    }
    let given: Vec<VarId> = meaning.resolution.passed_to(var).filter(|row| context.in_scope(row.site)).map(|row| row.argument).collect();
    let is_end = |var: &VarId| {
        let mut sums = program.binary_by_dst.of(&program.facts.relations.binary, program.held_at(*var));
        sums.any(|row| program.text(row.operator) == "+")
            && meaning.made_from(*var).iter().any(|source| clocks.contains_key(source))
    };
    if given.iter().all(is_end) { given } else { Vec::new() }
}

/// The readings that callers give for a parameter, where each of them gives one: `is_over(started, limit)`. A date of the data is
/// none.
fn readings_given(context: &Context<'_>, var: VarId, clocks: &FxHashMap<VarId, SiteId>) -> Vec<VarId> {
    const MAX_GIVEN: usize = 8;
    const MAX_COPIES: usize = 3;
    let meaning = context.meaning;
    let program = meaning.program;
    if program.parameter(var).is_none_or(|row| row.kind == ParameterKind::Receiver) || program.assigned_from(var).next().is_some() {
        return Vec::new();
    }
    let given = meaning.resolution.passed_to(var).filter(|row| context.in_scope(row.site)).map(|row| row.argument);
    let given: Vec<VarId> = given.take(MAX_GIVEN).collect();
    let is_reading = |var: &VarId| {
        let mut at = *var;
        for _ in 0..MAX_COPIES {
            if clocks.contains_key(&at) {
                return true;
            }
            let Some(source) = program.only_source(at) else { break };
            at = source;
        }
        clocks.contains_key(&at) || is_read_by_helper(context, at, clocks)
    };
    if given.iter().all(is_reading) { given } else { Vec::new() }
}

/// Whether a value is what a helper of the project reads that is given nothing: `clock.Millis()`.
fn is_read_by_helper(context: &Context<'_>, var: VarId, clocks: &FxHashMap<VarId, SiteId>) -> bool {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let asked = program.call_giving(var).filter(|call| program.arguments(call.site).next().is_none());
    let edges = asked.map_or(&[][..], |call| context.meaning.resolution.calls_at(call.site));
    let reads = |function| {
        let mut returned = program.returns_by_function.of(&r.returns, function).filter_map(|row| row.var).peekable();
        returned.peek().is_some() && returned.all(|var| clocks.contains_key(&program.held_at(var)))
    };
    !edges.is_empty() && edges.iter().all(|edge| reads(edge.function))
}

/// The readings of the wall clock that a time or span is computed from, through fields that this process sets.
fn readings(context: &Context<'_>, var: VarId, clocks: &FxHashMap<VarId, SiteId>, kept_by: &Kept<'_, '_>) -> Vec<Reading> {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let (mut found, mut stack) = (Vec::new(), vec![(var, false, false, None)]);
    let mut seen: FxHashSet<(VarId, bool, bool, Option<SiteId>)> = FxHashSet::default();
    // Ends that objects are made with, as far as they are asked for.
    let mut made_with: FxHashSet<VarId> = FxHashSet::default();
    while let Some((at, kept, to_come, asked)) = stack.pop() {
        if seen.len() > 64 || !seen.insert((at, kept, to_come, asked)) {
            continue;
        }
        let is_lent = made_with.contains(&at);
        found.extend(clocks.get(&at).map(|site| Reading { site: asked.unwrap_or(*site), kept, to_come, is_lent }));
        if kept {
            let ends = ends_given(context, at, clocks);
            made_with.extend(ends.iter().flat_map(|end| meaning.made_from(*end)).chain(ends.iter().copied()));
            stack.extend(ends.into_iter().map(|end| (end, true, to_come, asked)));
        }
        stack.extend(program.assigned_from(at).map(|row| (row.src, kept, to_come, asked)));
        let next = |var: VarId| (var, kept, to_come, asked);
        for row in program.binary_by_dst.of(&r.binary, at) {
            // `tokens += (now - last) * rate` is a sum, too.
            let operator = program.text(row.operator).trim_end_matches('=');
            if matches!(operator, "+" | "-" | "*" | "/" | "//") {
                let to_come = match operator {
                    "+" => true,
                    "-" => false,
                    _ => to_come,
                };
                stack.push((row.left, kept, to_come, asked));
                // What a span divides is a rate.
                let divides = matches!(operator, "/" | "//");
                stack.extend(row.right.filter(|_| !divides).map(|right| (right, kept, to_come, asked)));
            }
        }
        stack.extend(kept_by.of_each(at).iter().map(|var| (*var, true, to_come, None)));
        // What an object was made with may as well come out of a store.
        if !kept {
            stack.extend(readings_given(context, at, clocks).into_iter().map(next));
        }
        if let Some(call) = program.call_giving(at) {
            let name = program.text(call.name);
            if TIME_CALLS.contains(&name) || name.starts_with("plus") {
                let to_come = to_come || name.starts_with("plus");
                let given = program.arguments(call.site).map(|row| row.var);
                stack.extend(call.receiver.into_iter().chain(given).map(|var| (var, kept, to_come, asked)));
            }
            // What was kept under a key, in a map or in a cache that all processes share: `client.get(key).Int64()`.
            let read = call.receiver.and_then(|receiver| program.call_giving(receiver));
            let kept_there = std::iter::once(call).chain(read).flat_map(|call| kept_by.under_key(call.site));
            let kept_in = kept_there.copied().chain(kept_by.in_cell(call));
            stack.extend(kept_in.map(|var| (var, true, to_come, None)));
            // `now()`, a helper of the project: each call of it reads anew. What is given something may give that back.
            let anew = program.arguments(call.site).next().is_none();
            for edge in meaning.resolution.calls_at(call.site) {
                let returns = program.returns_by_function.of(&r.returns, edge.function);
                let asked = asked.or(anew.then_some(call.site));
                stack.extend(returns.filter_map(|row| row.var).map(|var| (var, kept, to_come, asked)));
            }
        }
        if let Some(load) = program.loaded_as(at) {
            let field = program.text(load.field);
            // What a row holds another request has written, on whichever machine: no clock of this process measures that.
            if meaning.is_mapped(load.base) && !words(field).iter().any(|word| GRAVE_WORDS.contains(&word.as_str())) {
                continue;
            }
            if matches!(field, "seconds" | "microseconds" | "days" | "*") {
                stack.push(next(load.base));
            }
            let mut stored = meaning.stored_in(load.base, load.field);
            // Of an object whose class nobody names, by the field's own name; times of change are rows' columns.
            if stored.is_empty() && says_which(field) {
                stored = meaning.stored_under(load.field);
                // What is put into rows under that name, others put there, too.
                if meaning.is_mapped_field(load.field) {
                    stored.clear();
                }
            }
            stored.extend(elements(context, load.base, field));
            stored.extend(kept_by.entry(load.base, load.field));
            stack.extend(stored.into_iter().map(|var| (var, true, to_come, None)));
        }
    }
    found
}

/// Whether a value is what a span of time is worth at some rate: `(now - filled) * per_second / 1000`.
fn is_amount(context: &Context<'_>, var: VarId, depth: usize) -> bool {
    let program = context.meaning.program;
    // From one unit to another: `* 1000`.
    let is_plain = |var: VarId| program.literal(var).is_some();
    depth < MAX_COMPUTED
        && (program.assigned_from(var).any(|row| is_amount(context, row.src, depth + 1))
            || program.binary_by_dst.of(&program.facts.relations.binary, var).any(|row| {
                let by_rate = program.text(row.operator) == "*" && !is_plain(row.left) && !row.right.is_some_and(is_plain);
                let computes = matches!(program.text(row.operator), "*" | "/" | "//");
                by_rate || computes && std::iter::once(row.left).chain(row.right).any(|var| is_amount(context, var, depth + 1))
            }))
}

/// An amount is computed in so many steps.
const MAX_COMPUTED: usize = 6;

/// Whether the name of a field says of itself what is kept in it: not when a row was made or changed, nor one end of anything.
fn says_which(field: &str) -> bool {
    let is_column = names_time(field) || words(field).iter().any(|word| word == "created");
    !is_column && !matches!(field, "from" | "to" | "at" | "date" | "time" | "value")
}

/// Whether what a comparison decides is only whether something is told: `if late > limit: logger.warning(…)`.
fn only_tells(context: &Context<'_>, makers: &FxHashSet<VarId>, compare: SiteId, outcome: VarId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let function = context.function_of(compare);
    let arms = program.regions_by_function.of(&r.region, function);
    let mut arms = arms
        // Of `late && !told`, what the whole decides, too.
        .filter(|region| {
            let mut asked = program.condition_by_region.of(&r.condition, region.region);
            asked.any(|row| row.var == outcome || meaning.made_from(row.var).contains(&outcome))
        })
        .peekable();
    arms.peek().is_some()
        && arms.all(|arm| {
            let inside = |site: &&Site| program.region_within(site.region, arm.region);
            let tells = program.sites(function).filter(inside).all(|site| match site.kind {
                SiteKind::Call => program
                    .call(site.site)
                    .is_some_and(|call| is_report(program.written_name(call)) || makes_text(context, makers, call)),
                SiteKind::Operation | SiteKind::Await => true,
                _ => false,
            });
            // Whoever leaves a loop here has decided.
            let last = program.sites(function).rfind(inside).map(|site| site.site);
            let goes_on = || {
                let mut after = program.sites(function).filter(|site| Some(site.site) > last && !inside(site));
                match after.next() {
                    Some(next) => last.is_some_and(|last| meaning.precedes(last, next.site)),
                    // The function is over anyhow.
                    None => !program.regions_outward(arm.region).any(|region| region.kind == RegionKind::Loop),
                }
            };
            arm.kind != RegionKind::Loop && tells && goes_on()
        })
}

/// The variables that are declared to make a text: `StringBuilder line`, `var line strings.Builder`.
fn text_makers(context: &Context<'_>) -> FxHashSet<VarId> {
    let program = context.meaning.program;
    let makes = |type_: &str| {
        let last = type_.rsplit(['.', ':', '/']).next().unwrap_or(type_);
        matches!(last, "StringBuilder" | "StringBuffer" | "String") || type_.ends_with("strings.Builder")
    };
    let declared = program.facts.relations.declared_type.iter();
    declared.filter(|row| makes(program.text(row.type_))).map(|row| row.var).collect()
}

/// Whether a call only makes a text or puts its maker back: `text.append(late)`, `text.setLength(0)` of a local `StringBuilder`.
fn makes_text(context: &Context<'_>, makers: &FxHashSet<VarId>, call: &Call) -> bool {
    const MAKES: &[&str] = &[
        "append", "insert", "delete", "deleteCharAt", "setLength", "length", "toString", "WriteString", "WriteByte", "WriteRune", "Reset",
        "String", "push_str", "clear", "as_str",
    ];
    let program = context.meaning.program;
    let mut at = call;
    for _ in 0..MAX_APPENDED {
        let Some(receiver) = at.receiver.filter(|_| MAKES.contains(&program.text(at.name))) else { return false };
        match program.call_giving(receiver) {
            Some(before) if before.receiver.is_some() => at = before,
            _ => return makers.contains(&receiver) || makers.contains(&program.held_at(receiver)),
        }
    }
    false
}

/// So many texts are appended in one chain.
const MAX_APPENDED: usize = 16;

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
    "lease", "lock", "locks", "locked", "leader", "leadership", "election", "ratelimit", "limit", "limiter", "throttle", "throttled", "quota",
    "window", "bucket", "heartbeat", "heartbeats", "alive", "liveness",
];

/// Words of functions and files that let so many through, and no more.
const ADMITS: &[&str] = &["admit", "admits", "allow", "allows", "can", "may", "pace", "pacer", "pacing", "permit", "permits"];

/// Words of what is left alone for a while, whatever the clock: a jump makes the while shorter or longer, no more.
const BENIGN_WORDS: &[&str] =
    &["unavailable", "cooldown", "backoff", "retry", "adjustment", "adjusted", "yield", "yielded", "logged", "warned", "reported"];

/// The words of what a comparison compares: of the variables and fields that its sides are computed from.
fn compared_names(context: &Context<'_>, compare: SiteId) -> Vec<String> {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let row = r.binary.binary_search_by_key(&compare, |row| row.site).ok().map(|at| r.binary[at]);
    let mut stack: Vec<VarId> = row.into_iter().flat_map(|row| std::iter::once(row.left).chain(row.right)).collect();
    let mut seen: FxHashSet<VarId> = FxHashSet::default();
    let mut names = Vec::new();
    while let Some(at) = stack.pop() {
        if seen.len() > 64 || !seen.insert(at) {
            continue;
        }
        let load = program.loaded_as(at);
        let name = load.map(|load| load.field).or(program.variable(at).map(|row| row.name));
        let called = name.map(|name| words(program.text(name))).unwrap_or_default();
        // How long is waited is no limit of a rate.
        let of_time = called.windows(2).any(|pair| pair[0] == "time" && pair[1] == "limit");
        names.extend(called.into_iter().filter(|word| !of_time || word != "limit"));
        stack.extend(load.map(|load| load.base));
        stack.extend(program.assigned_from(at).map(|row| row.src));
        for row in program.binary_by_dst.of(&r.binary, at) {
            stack.push(row.left);
            stack.extend(row.right);
        }
        if let Some(call) = program.call_giving(at) {
            names.extend(words(program.written_name(call)));
            stack.extend(call.receiver);
            stack.extend(program.arguments(call.site).map(|row| row.var));
        }
    }
    names
}

/// Whether the function takes, extends or releases a distributed lock, whatever its name says.
fn takes_lock(context: &Context<'_>, site: SiteId) -> bool {
    let of_lock = |kind| matches!(kind, OpKind::LockAcquire | OpKind::LockExtend | OpKind::LockRelease);
    let function = context.function_of(site);
    let mut sites = context.meaning.program.sites(function);
    sites.any(|row| context.meaning.operations.at(row.site).any(|op| of_lock(op.kind)))
}

/// Whether what a comparison looks at is what has come in at some rate since a time that is kept: a bucket is filled by the clock.
fn is_filled_at_a_rate(context: &Context<'_>, compare: SiteId) -> bool {
    let meaning = context.meaning;
    let r = &meaning.program.facts.relations;
    let row = r.binary.binary_search_by_key(&compare, |row| row.site).ok().map(|at| r.binary[at]);
    let mut sides = row.into_iter().flat_map(|row| std::iter::once(row.left).chain(row.right));
    sides.any(|side| is_amount(context, side, 0) && meaning.made_from(side).into_iter().any(|var| is_since_kept(context, var)))
}

/// Whether a value is the span from a time that is kept in an object until now.
fn is_since_kept(context: &Context<'_>, var: VarId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let reads = |var: VarId| {
        let call = program.call_giving(program.held_at(var));
        call.is_some_and(|call| meaning.operations.at(call.site).any(|op| op.kind == OpKind::ClockRead))
    };
    let kept = |var: VarId| program.loaded_as(program.held_at(var)).is_some();
    let mut spans = program.binary_by_dst.of(&program.facts.relations.binary, var);
    spans.any(|row| program.text(row.operator) == "-" && reads(row.left) && row.right.is_some_and(kept))
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

fn report(context: &Context<'_>, compare: SiteId, first: SiteId, second: SiteId, ends_a_wait: bool) -> Finding {
    let name = context.named_function(context.function_of(compare));
    let place = context.place(compare);
    let compared = compared_names(context, compare);
    let around = words(name).into_iter().chain(words(place.path.rsplit('/').next().unwrap_or_default()));
    let is_grave = |word: &String| GRAVE_WORDS.contains(&word.as_str());
    let benign = compared.iter().any(|word| BENIGN_WORDS.contains(&word.as_str()));
    let grave = !benign && (is_filled_at_a_rate(context, compare) || compared.iter().any(is_grave) || around.into_iter().any(|word| is_grave(&word) || ADMITS.contains(&word.as_str())) || takes_lock(context, compare));
    let message = "a span between two readings of the wall clock decides here; when the clock is set (NTP, a virtual machine that was paused) the span is negative or hours long".to_owned();
    let mut builder = FindingBuilder::new(context, &RULE.info, compare, message)
        .step(first, "the wall clock is read")
        .step(second, "and read again");
    if let Some(site) = difference(context, compare) {
        builder = builder.step(site, "one is taken from the other");
    }
    builder = builder.step(compare, "their difference decides");
    // Elsewhere few would change it.
    builder = match grave {
        true => builder.severity(Severity::Major),
        false => builder.rests_on(if ends_a_wait { Confidence::Medium } else { Confidence::Low }),
    };
    builder
        .checked("neither reading is of a monotonic clock")
        .help("measure spans with the monotonic clock (`time.monotonic()`, `performance.now()`, `Instant::now()`)")
        .build()
}
