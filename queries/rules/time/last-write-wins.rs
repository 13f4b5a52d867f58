//! Which of two writes survives is decided by their wall-clock times.

use ascent::ascent_run;
use distsys_engine::OpKind;
use distsys_engine::meaning::{Effect, EffectFlags, EffectId};
use distsys_engine::resolve::{Value, ValueKind};
use distsys_facts::{FunctionId, FunctionKind, ParameterKind, SiteId, Sym, VarId, names_moment, names_time};
use rustc_hash::{FxHashMap, FxHashSet};

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
    let mut by_statement: Vec<(SiteId, EffectId)> = Vec::new();
    let mut writes: Vec<(FunctionId, SiteId, EffectId)> = Vec::new();
    let mut conditional: Vec<(FunctionId, SiteId, EffectId)> = Vec::new();
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
            OpKind::DbWrite => conditional.push((function, row.site, row.effect)),
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
    // A comparison that goes by what the column holds counts for a write that puts the compared time there.
    let mut puts: FxHashMap<SiteId, (&str, VarId)> = FxHashMap::default();
    for Comparison { site, left, right, fields } in comparisons(context) {
        let here = context.function_of(site);
        let (function, site) = if reads.contains_key(&here) { (here, site) } else { asked_by(context, site) };
        let Some(known) = reads.get(&function) else { continue };
        let is_time = |var: VarId, field: Option<Sym>| match field {
            Some(field) => names_time(program.text(field)),
            None => time_of(context, var).is_some(),
        };
        let of_change = is_time(left, fields[0]) && is_time(right, fields[1]);
        let of = |var: VarId, field: Option<Sym>| {
            let Some(time) = time_of(context, var).or((of_change && field.is_some()).then_some(var)) else {
                // `SELECT updated_at FROM items WHERE id = $1`, whatever the value is called.
                let sources = meaning.made_from(var);
                let is_time = |site: SiteId| only_column(context, site).is_some_and(names_time);
                let read = known.iter().find(|(site, result)| sources.contains(result) && is_time(*site));
                return read.map(|(site, _)| Some(*site));
            };
            let sources = meaning.made_from(time);
            Some(known.iter().find(|(_, result)| sources.contains(result)).map(|(site, _)| *site))
        };
        match (of(left, fields[0]), of(right, fields[1])) {
            (Some(of_left), Some(of_right)) => {
                if of_left != of_right
                    && let Some(read) = of_left.or(of_right)
                {
                    decides.push((function, site, read));
                }
            }
            // What is called otherwise is a time by its type; it counts as that of the change if the change keeps it.
            (Some(Some(read)), None) if is_kept_time(context, right, site) => decides.push((function, site, read)),
            (None, Some(Some(read))) if is_kept_time(context, left, site) => decides.push((function, site, read)),
            _ => {
                let sides = [((left, fields[0]), (right, fields[1])), ((right, fields[1]), (left, fields[0]))].into_iter();
                let found = sides.filter(|(_, (other, _))| !reads_clock(context, *other)).find_map(|(stored, other)| {
                    let (column, read) = moment_read(context, stored, known)?;
                    let apart = moment_read(context, other, known).is_none_or(|(_, of_other)| of_other != read);
                    apart.then_some((column, read, other.0))
                });
                if let Some((column, read, other)) = found {
                    puts.insert(site, (column, other));
                    decides.push((function, site, read));
                }
            }
        }
    }
    // The version that a mapper compares keeps two from writing at once; it does not order what they bring.
    let deciding: FxHashSet<FunctionId> = decides.iter().map(|(function, ..)| *function).collect();
    writes.extend(conditional.into_iter().filter(|(function, site, effect)| {
        let trace = || meaning.trace(*site, &meaning.effects.get(*effect));
        deciding.contains(function) && trace().last().is_some_and(|last| meaning.is_versioned(*last))
    }));
    let program = ascent_run! {
        relation by_statement(SiteId, EffectId) = by_statement;
        relation writes(FunctionId, SiteId, EffectId) = writes;
        relation decides(FunctionId, SiteId, SiteId) = decides;
        relation found(SiteId, EffectId, SiteId, SiteId);
        found(w, e, w, w) <-- by_statement(w, e);
        found(w, e, c, r) <-- decides(f, c, r), writes(f, w, e), if meaning.precedes(*c, *w);
    };
    let mut found = program.found;
    found.retain(|(write, effect, compare, _)| {
        puts.get(compare).is_none_or(|(column, time)| {
            puts_beside(context, &meaning.trace(*write, &meaning.effects.get(*effect)), column, *time)
        })
    });
    found.sort_unstable();
    let mut by_compare: FxHashMap<SiteId, (SiteId, Effect, SiteId)> = FxHashMap::default();
    for (write, effect, compare, read) in found {
        by_compare.entry(compare).or_insert((write, meaning.effects.get(effect), read));
    }
    by_compare.into_iter().map(|(compare, (write, effect, read))| report(context, write, &effect, compare, read)).collect()
}

/// The function that a comparison decides something in, and where: around the closure that compares, where that is called at once
/// (`stored.is_some_and(|stored| stored.changed_at >= change.changed_at)`).
fn asked_by(context: &Context<'_>, site: SiteId) -> (FunctionId, SiteId) {
    let program = context.meaning.program;
    let function = context.function_of(site);
    let row = program.function(function);
    match (row.kind, row.parent, context.meaning.callers(function)) {
        (FunctionKind::Closure, Some(parent), &[run]) if context.function_of(run) == parent => (parent, run),
        _ => (function, site),
    }
}

/// Two values of which one is asked to be the later.
struct Comparison {
    site: SiteId,
    left: VarId,
    right: VarId,
    /// The fields of `left` and of `right` that are compared, where that is done further down.
    fields: [Option<Sym>; 2],
}

/// `a > b`, and `newer(a, b)` where a function of the project answers that.
fn comparisons(context: &Context<'_>) -> Vec<Comparison> {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let mut found = Vec::new();
    let compares = r.binary.iter().filter(|row| matches!(program.text(row.operator), "<" | ">" | "<=" | ">="));
    let by_operator = compares.filter_map(|row| Some((row.site, row.dst, row.left, row.right?)));
    // `change.at().isAfter(stored.at())`, `change.At.After(stored.At)`
    let asked = r.call.iter().filter(|call| matches!(program.text(call.name), "isAfter" | "isBefore" | "After" | "Before"));
    let by_call = asked.filter_map(|call| {
        let mut given = program.arguments(call.site).map(|row| row.var);
        let (left, right) = (call.receiver?, given.next()?);
        given.next().is_none().then_some((call.site, call.result, left, right))
    });
    for (site, outcome, left, right) in by_operator.chain(by_call) {
        found.push(Comparison { site, left, right, fields: [None, None] });
        let (Some((one, of_one)), Some((other, of_other))) = (given_for(context, left), given_for(context, right)) else { continue };
        let function = context.function_of(site);
        let mut answers = program.returns_by_function.of(&r.returns, function).filter_map(|row| row.var);
        if one == other || !answers.any(|var| var == outcome || meaning.made_from(var).contains(&outcome)) {
            continue;
        }
        for &site in meaning.callers(function) {
            let passed = meaning.resolution.passed_at(site).iter();
            // `stored.isOlderThan(change)`
            let on = |parameter: VarId| program.call(site).filter(|_| is_receiver(context, parameter)).and_then(|call| call.receiver);
            let argument = |parameter: VarId| passed.clone().find(|row| row.parameter == parameter).map(|row| row.argument);
            let given = |parameter: VarId| argument(parameter).or_else(|| on(parameter));
            if let (Some(left), Some(right)) = (given(one), given(other)) {
                found.push(Comparison { site, left, right, fields: [of_one, of_other] });
            }
        }
    }
    found
}

/// The parameter that a value is, or the field of one, converted or not: `at`, `parse(at)`, `stored.seenAt.getTime()`.
fn given_for(context: &Context<'_>, var: VarId) -> Option<(VarId, Option<Sym>)> {
    let program = context.meaning.program;
    let (mut at, mut field) = (var, None);
    for _ in 0..6 {
        // Of the object that a method is called on, a field may be compared.
        if program.parameter(at).is_some() && (field.is_some() || !is_receiver(context, at)) {
            return Some((at, field));
        }
        at = match (program.assigned_from(at).next(), program.loaded_as(at)) {
            (Some(row), _) => row.src,
            (None, Some(load)) if field.is_none() => {
                field = Some(load.field);
                load.base
            }
            (None, Some(_)) => return None,
            (None, None) => {
                // `change.editedAt()`, the accessor of a record.
                let call = program.call_giving(at).filter(|call| program.arguments(call.site).next().is_none());
                let names = |name: &str| names_moment(name) && !name.starts_with("get") && name != "time";
                let read = call.filter(|call| field.is_none() && names(program.text(call.name)));
                field = field.or(read.map(|call| call.name));
                converted(context, at)?
            }
        };
    }
    None
}

fn is_receiver(context: &Context<'_>, var: VarId) -> bool {
    context.meaning.program.parameter(var).is_some_and(|row| row.kind == ParameterKind::Receiver)
}

/// What a call makes another form of: `parse(at)`, `at.getTime()`.
fn converted(context: &Context<'_>, var: VarId) -> Option<VarId> {
    let program = context.meaning.program;
    let call = program.call_giving(var)?;
    call.receiver.or_else(|| Some(program.arguments(call.site).next()?.var))
}

/// The column that a value, or a field of it, is read from, if it holds when something happened, with the read among those
/// `known`.
fn moment_read<'m>(
    context: &Context<'m>,
    (var, field): (VarId, Option<Sym>),
    known: &[(SiteId, VarId)],
) -> Option<(&'m str, SiteId)> {
    let meaning = context.meaning;
    let program = meaning.program;
    let read_of = |var: VarId| {
        let sources = meaning.made_from(var);
        known.iter().find(|(_, result)| sources.contains(result)).map(|(site, _)| *site)
    };
    if let Some(field) = field.map(|field| program.text(field)) {
        return names_moment(field).then(|| read_of(var)).flatten().map(|read| (field, read));
    }
    let mut at = var;
    for _ in 0..6 {
        // `row.reported_at`, `row.get("reported_at")`
        if let Some((base, column)) = field_read(context, at).or_else(|| meaning.read_by_column(at))
            && names_moment(column)
        {
            return read_of(base).map(|read| (column, read));
        }
        at = match program.assigned_from(at).next() {
            Some(row) => row.src,
            None => converted(context, at)?,
        };
    }
    None
}

/// Whether the write that `trace` leads to puts a time into a column, and something else beside it: of a time alone, the later
/// one is right.
fn puts_beside(context: &Context<'_>, trace: &[SiteId], column: &str, time: VarId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let Some(&write) = trace.last() else { return false };
    let columns = meaning.columns_written(write);
    let is_it = |other: &&str| plain(other) == plain(column);
    if !columns.iter().any(is_it) || columns.iter().all(is_it) {
        return false;
    }
    let mut at = time;
    while let (Some(row), true) = (program.assigned_from(at).next(), program.parameter(at).is_none()) {
        at = row.src;
    }
    let set = meaning.columns_set(write);
    // Of a text that sets columns, what is given beside it is put in.
    let is_text = set.iter().all(|(_, value)| program.literal(*value).is_some());
    let values: Vec<VarId> = match is_text {
        true => meaning.chain_arguments(write),
        false => set.into_iter().filter(|(name, _)| is_it(name)).map(|(_, value)| value).collect(),
    };
    let mut sources: FxHashSet<VarId> = values.into_iter().flat_map(|value| meaning.made_from(value)).collect();
    for site in trace.iter().rev().skip(1) {
        let passed = meaning.resolution.passed_at(*site).iter().filter(|row| sources.contains(&row.parameter));
        let given: Vec<VarId> = passed.flat_map(|row| meaning.made_from(row.argument)).collect();
        sources.extend(given);
    }
    // Also further down, of the object that is handed on.
    let same_field = |var: &VarId| match (field_read(context, *var), field_read(context, at)) {
        (Some((_, one)), Some((base, other))) => one == other && sources.contains(&base),
        _ => false,
    };
    sources.contains(&time) || sources.contains(&at) || sources.iter().any(same_field)
}

/// The object and the name of the field that a value is read from, be it by its accessor: `change.reportedAt()`, `getReportedAt()`.
fn field_read<'m>(context: &Context<'m>, var: VarId) -> Option<(VarId, &'m str)> {
    let program = context.meaning.program;
    if let Some(load) = program.loaded_as(var) {
        return Some((load.base, program.text(load.field)));
    }
    let call = program.call_giving(var).filter(|call| program.arguments(call.site).next().is_none())?;
    let name = program.text(call.name);
    let field = name.strip_prefix("get").filter(|rest| rest.starts_with(char::is_uppercase)).unwrap_or(name);
    names_moment(field).then_some((call.receiver?, field))
}

/// A column's name without what tells its words apart.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Whether a value is what the clock says now, or counted from it.
fn reads_clock(context: &Context<'_>, var: VarId) -> bool {
    let meaning = context.meaning;
    let made = meaning.made_from(var).into_iter().filter_map(|var| meaning.program.call_giving(var));
    let mut read = made.flat_map(|call| meaning.operations.at(call.site));
    read.any(|op| matches!(op.kind, OpKind::ClockRead | OpKind::MonotonicClock))
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
    meaning.resolution.values_of(call.result).any(is_time)
        && !reads_clock(context, var)
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
