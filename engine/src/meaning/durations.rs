//! Spans of time: literals with the unit of their library, constants, arithmetic, and what makes spans.

use distsys_facts::schema::Load;
use distsys_facts::{LiteralKind, SiteId, VarId};

use super::Meaning;
use super::callbacks::parameter_of;
use super::operations::{Found, Operand, Operation};
use crate::model::Family;
use crate::operation::{Attr, OpKind};
use crate::resolve::ValueKind;

/// Expressions are taken apart this deep.
const MAX_DEPTH: u32 = 8;

/// What makes a span says it in these, each so many milliseconds.
const UNITS: &[(Attr, f64)] = &[
    (Attr::Days, 86_400_000.0),
    (Attr::Hours, 3_600_000.0),
    (Attr::Minutes, 60_000.0),
    (Attr::Seconds, 1000.0),
    (Attr::Millis, 1.0),
];

impl Meaning<'_> {
    /// The span that an attribute of an operation says, in milliseconds; none if it is not constant.
    pub fn span(&self, op: &Operation, attr: Attr) -> Option<f64> {
        self.span_found(op, &self.attribute(op, attr))
    }

    /// The span that an attribute says, also where the calls that lead to the operation pass it: `trace`, outermost first, ends
    /// at the operation.
    pub fn span_along(&self, op: &Operation, attr: Attr, trace: &[SiteId]) -> Option<f64> {
        let found = self.attribute(op, attr);
        if let Some(span) = self.span_found(op, &found) {
            return Some(span);
        }
        let (mut var, unit) = match found {
            Found::Is(Operand::Var(var)) => (var, self.unit_of(op)),
            Found::Is(Operand::Counted(var, unit)) => (var, Some(unit)),
            _ => return None,
        };
        for site in trace.iter().rev().skip(1) {
            let parameter = self.program.parameter(parameter_of(self.reader(), var)?)?;
            var = self.reader().given_for(*site, parameter).or(parameter.default)?;
            if let Some(span) = self.span_of(var, unit, 0) {
                return Some(span);
            }
        }
        None
    }

    /// The span that an attribute says where each of `trace` (outermost first, ending at the operation) is given what the one
    /// before it gives, or what it has by default: `(path, ms = 10_000) => fetch(path, { signal: AbortSignal.timeout(ms) })`.
    pub fn span_given(&self, op: &Operation, attr: Attr, trace: &[SiteId]) -> Option<f64> {
        let said = self.attribute(op, attr);
        let (var, unit) = match said {
            Found::Is(Operand::Var(var)) => (var, self.unit_of(op)),
            Found::Is(Operand::Counted(var, unit)) => (var, Some(unit)),
            _ => return None,
        };
        let calls = trace.len().checked_sub(1).map_or(&[][..], |last| &trace[..last]);
        // This object's own, whatever others are given.
        if let Some(held) = self.held_by_caller(var, calls) {
            return self.span_of(held, unit, 0);
        }
        if self.may_be_left_out(&said) {
            return None;
        }
        self.given_span(var, unit, calls, 0).or_else(|| self.span_by_maker(op, &said, calls))
    }

    /// Whether a limit of time says that there is none: null or 0, null for the wait for an answer in a pair of limits
    /// (`(connect, None)`), or a limit that is made of null (`Timeout(None, connect=2)`).
    pub fn is_endless(&self, var: VarId) -> bool {
        let reader = self.reader();
        let program = self.program;
        if reader.is_null(var) || reader.constant(var) == Some("0") {
            return true;
        }
        let is_null = |found: Found| matches!(found, Found::Is(Operand::Var(part)) if reader.is_null(part));
        if let Some(call) = reader.only_maker(var) {
            let mut made = self.operations.at(call.site).filter(|op| op.kind == OpKind::Duration);
            return made.any(|op| UNITS.iter().any(|(attr, _)| is_null(self.attribute(op, *attr))));
        }
        let mut parts = program.element_by_var.of(&program.facts.relations.element, reader.root(var));
        matches!((parts.next(), parts.next(), parts.next()), (Some(_), Some(answer), None) if reader.is_null(answer.value))
    }

    fn given_span(&self, var: VarId, unit: Option<f64>, calls: &[SiteId], depth: u32) -> Option<f64> {
        if depth > MAX_DEPTH {
            return None;
        }
        if let Some(span) = self.span_of(var, unit, depth) {
            return Some(span);
        }
        let program = self.program;
        if let Some(call) = self.reader().only_maker(var) {
            let made = self.operations.at(call.site).find(|op| op.kind == OpKind::Duration)?;
            let mut parts = UNITS.iter().filter_map(|(attr, millis)| match self.attribute(made, *attr) {
                Found::Absent => None,
                Found::Is(Operand::Var(part)) => Some(self.given_span(part, Some(*millis), calls, depth + 1)),
                _ => Some(None),
            });
            let first = parts.next()??;
            return parts.try_fold(first, |total, part| Some(total + part?));
        }
        let parameter = program.parameter(parameter_of(self.reader(), var)?)?;
        let (call, outer) = calls.split_last()?;
        let argument = self.reader().given_for(*call, parameter).or(parameter.default)?;
        self.given_span(argument, unit, outer, depth + 1)
    }

    /// What a span that an attribute says is at the least, as `span_along`: of a sum whatever part of it is known, for
    /// what is added to a time to live (jitter) makes it no shorter.
    pub fn floor_along(&self, op: &Operation, attr: Attr, trace: &[SiteId]) -> Option<f64> {
        let (var, unit) = match self.attribute(op, attr) {
            Found::Is(Operand::Var(var)) => (var, self.unit_of(op)),
            Found::Is(Operand::Counted(var, unit)) => (var, Some(unit)),
            found => return self.span_found(op, &found),
        };
        let calls = trace.len().checked_sub(1).map_or(&[][..], |last| &trace[..last]);
        self.floor_of(var, unit, calls, 0)
            .or_else(|| self.least_span(op, attr))
            .or_else(|| self.offered_span(var, unit?))
    }

    /// The longest span of those that one which is no constant is made from: `int(os.environ.get("TTL", "900"))`.
    fn offered_span(&self, var: VarId, unit: f64) -> Option<f64> {
        let numbers =
            self.made_from(var).into_iter().filter_map(|part| self.number(part)).filter(|number| *number > 0.0);
        numbers.map(|number| number * unit).reduce(f64::max)
    }

    fn floor_of(&self, var: VarId, unit: Option<f64>, calls: &[SiteId], depth: u32) -> Option<f64> {
        if depth > MAX_DEPTH {
            return None;
        }
        let program = self.program;
        if let Some(span) = self.span_of(var, unit, depth) {
            return Some(span);
        }
        // A setting's text.
        if let Some(row) = program.literal(var) {
            return program.text(row.value).parse::<f64>().ok().and_then(|number| Some(number * unit?));
        }
        if let Some(row) = program.binary_by_dst.first(&program.facts.relations.binary, var)
            && program.text(row.operator) == "+"
        {
            let left = self.floor_of(row.left, unit, calls, depth + 1);
            let right = row.right.and_then(|right| self.floor_of(right, unit, calls, depth + 1));
            return left.map_or(right, |left| Some(left + right.unwrap_or(0.0)));
        }
        if let Some(default) = self.default_of(var) {
            return self.floor_of(default, unit, calls, depth + 1);
        }
        if let Some(held) = self.held_by_caller(var, calls) {
            return self.floor_of(held, unit, &[], depth + 1);
        }
        let Some(parameter) = parameter_of(self.reader(), var).and_then(|parameter| program.parameter(parameter))
        else {
            return self.floor_of(program.only_source(var)?, unit, calls, depth + 1);
        };
        // A closure that goes on (`load().then(…)`) has it of the function around, which somebody further up calls.
        let gives = |call: &SiteId| self.callees(*call).contains(&parameter.function);
        let at = calls.iter().rposition(gives).or_else(|| calls.len().checked_sub(1))?;
        let argument = self.reader().given_for(calls[at], parameter).or(parameter.default)?;
        self.floor_of(argument, unit, &calls[..at], depth + 1)
    }

    /// What a number is where nothing else is set: `int(environ.get("TTL", "900"))`.
    fn default_of(&self, var: VarId) -> Option<VarId> {
        let program = self.program;
        let call = program.call_giving(var).filter(|call| self.resolution.calls_at(call.site).is_empty())?;
        let name = call.callee.and_then(|var| program.global(var)).unwrap_or(call.name);
        let argument = |position: usize| self.reader().argument(call.site, position);
        match program.text(name) {
            "int" | "float" | "Number" | "parseInt" | "parseFloat" => argument(0),
            "get" | "getenv" | "getOrDefault" => argument(1),
            _ => None,
        }
    }

    /// What the object that the last of `calls` is made on holds in the field that `var` is: what its constructor was given.
    fn held_by_caller(&self, var: VarId, calls: &[SiteId]) -> Option<VarId> {
        let (program, reader) = (self.program, self.reader());
        let load = program.loaded_as(var)?;
        let mut object = load.base;
        for call in calls.iter().rev() {
            let Some(parameter) = parameter_of(reader, object) else { break };
            let passed = self.resolution.passed_at(*call).iter().find(|row| row.parameter == parameter);
            object = passed?.argument;
        }
        let made = reader.only_maker(object)?;
        let stored = reader.stored(made.result, load.field)?;
        let Some(parameter) = parameter_of(reader, stored).and_then(|parameter| program.parameter(parameter)) else {
            return Some(stored);
        };
        let passed = self.resolution.passed_at(made.site).iter().find(|row| row.parameter == parameter.var);
        passed.map(|row| row.argument).or(parameter.default)
    }

    /// The least of the spans that an attribute may be, in milliseconds; none if it may be one that is not constant.
    pub fn least_span(&self, op: &Operation, attr: Attr) -> Option<f64> {
        self.span(op, attr).or_else(|| {
            let (var, unit) = match self.attribute(op, attr) {
                Found::Is(Operand::Var(var)) => (var, self.unit_of(op)),
                Found::Is(Operand::Counted(var, unit)) => (var, Some(unit)),
                _ => return None,
            };
            let mut spans = self.resolution.values_of(var).map(|value| match value.kind {
                ValueKind::Literal(literal) => self.span_of(literal, unit, 0),
                _ => None,
            });
            let first = spans.next()??;
            spans.try_fold(first, |least, span| Some(least.min(span?)))
        })
    }

    pub(super) fn span_found(&self, op: &Operation, found: &Found) -> Option<f64> {
        let unit = self.unit_of(op);
        match found {
            Found::Is(Operand::Var(var)) => self.span_of(*var, unit, 0),
            Found::Is(Operand::Counted(var, unit)) => self.span_of(*var, Some(*unit), 0),
            Found::Is(Operand::Text(text)) => Some(text.parse::<f64>().ok()? * unit?),
            // `new Breaker(work, options)` in a constructor that is called once.
            Found::Is(Operand::Within(object, path)) => {
                let given = self.reader().given_by_only_caller(*object)?;
                match self.reader().within(given, path) {
                    Found::Is(Operand::Var(var)) => self.span_of(var, unit, 0),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The milliseconds of what bare numbers of an operation count.
    fn unit_of(&self, op: &Operation) -> Option<f64> {
        self.models.op(op.family, op.model).unit.or(default_unit(op.family))
    }

    /// A bare number counts in `unit` (milliseconds); where the library has none, only what makes a span says one.
    fn span_of(&self, var: VarId, unit: Option<f64>, depth: u32) -> Option<f64> {
        if depth > MAX_DEPTH {
            return None;
        }
        let program = self.program;
        let reader = self.reader();
        if let Some(row) = reader.literal(var).and_then(|literal| program.literal(literal)) {
            if row.kind == LiteralKind::String {
                return span_written(program.text(row.value));
            }
            let number = matches!(row.kind, LiteralKind::Integer | LiteralKind::Float);
            return number
                .then(|| program.text(row.value).parse::<f64>().ok())
                .flatten()
                .and_then(|value| Some(value * unit?));
        }
        // `30 * time.Second`
        if let Some(text) = reader.library_constant(var) {
            return text.parse::<f64>().ok().and_then(|value| Some(value * unit?));
        }
        if let Some(row) = program.binary_by_dst.first(&program.facts.relations.binary, var) {
            let (left, right) = (row.left, row.right?);
            return match program.text(row.operator) {
                "+" => Some(self.span_of(left, unit, depth + 1)? + self.span_of(right, unit, depth + 1)?),
                "-" => Some(self.span_of(left, unit, depth + 1)? - self.span_of(right, unit, depth + 1)?),
                // One factor is a span, the other a count.
                "*" => match (self.span_of(left, unit, depth + 1), self.factor(right, depth)) {
                    (Some(span), Some(count)) => Some(span * count),
                    _ => Some(self.factor(left, depth)? * self.span_of(right, unit, depth + 1)?),
                },
                "/" => Some(self.span_of(left, unit, depth + 1)? / self.factor(right, depth)?),
                _ => None,
            };
        }
        // A span said as a number is as long as it was: `wait.toMillis()`.
        if let Some(call) = program.call_giving(var).filter(|call| counts_span(program.text(call.name))) {
            return self.span_of(call.receiver?, unit, depth + 1);
        }
        if let Some(call) = reader.maker(var) {
            let made = self.operations.at(call.site).find(|op| op.kind == OpKind::Duration)?;
            return self.made_span(made, depth);
        }
        // Limits of connecting and of reading, of which the longer counts: `(3, 15)`.
        let mut parts = program.element_by_var.of(&program.facts.relations.element, reader.root(var));
        if let (Some(connect), Some(read), None) = (parts.next(), parts.next(), parts.next()) {
            let connect = self.span_of(connect.value, unit, depth + 1);
            return Some(self.span_of(read.value, unit, depth + 1)?.max(connect.unwrap_or(0.0)));
        }
        // A setting's default: `settings.timeout`.
        let offered = |load: &Load| reader.offered(load.base, load.field);
        let stored =
            program.loaded_as(var).and_then(|load| offered(load).or_else(|| reader.stored(load.base, load.field)));
        if let Some(value) = stored.or_else(|| reader.resolution.imported(var)) {
            return self.span_of(value, unit, depth + 1);
        }
        if let Some(given) = reader.given_by_only_caller(var) {
            return self.span_of(given, unit, depth + 1);
        }
        let source = program.only_source(var).filter(|_| program.parameter(var).is_none())?;
        self.span_of(source, unit, depth + 1)
    }

    /// A number, also by the type that it is counted as (`time.Duration(5)`), or what a setting has by default.
    fn factor(&self, var: VarId, depth: u32) -> Option<f64> {
        let (program, reader) = (self.program, self.reader());
        if depth > MAX_DEPTH {
            return None;
        }
        if let Some(number) = self.number(var) {
            return Some(number);
        }
        if let Some(call) = program.call_giving(var) {
            const COUNTS: &[&str] = &["Duration", "int", "int32", "int64", "float64", "float", "Number"];
            let name = program.text(call.name);
            let name = call.callee.and_then(|callee| program.global(callee)).map_or(name, |path| program.text(path));
            let converts = COUNTS.contains(&name.rsplit('.').next().unwrap_or(name));
            let mut given = program.arguments(call.site).map(|row| row.var);
            let only = given.next().filter(|_| converts && given.next().is_none())?;
            return self.factor(only, depth + 1);
        }
        let set = program.loaded_as(var).and_then(|load| reader.stored(load.base, load.field));
        let set = set.or_else(|| reader.resolution.imported(var)).or_else(|| program.only_source(var));
        self.factor(set.filter(|_| program.parameter(var).is_none())?, depth + 1)
    }

    fn made_span(&self, op: &Operation, depth: u32) -> Option<f64> {
        let mut total = None;
        for (attr, millis) in UNITS {
            match self.attribute(op, *attr) {
                Found::Is(Operand::Var(var)) => {
                    *total.get_or_insert(0.0) += self.span_of(var, Some(*millis), depth + 1)?;
                }
                Found::Is(_) | Found::Unknown => return None,
                Found::Absent => {}
            }
        }
        total
    }

    /// The constant number that `var` surely is.
    pub fn number(&self, var: VarId) -> Option<f64> {
        self.constant(var)?.parse().ok()
    }
}

/// Whether a method of a span says how long it is.
fn counts_span(name: &str) -> bool {
    matches!(
        name,
        "toMillis"
            | "toSeconds"
            | "getSeconds"
            | "toNanos"
            | "as_millis"
            | "as_secs"
            | "as_secs_f64"
            | "total_seconds"
            | "Milliseconds"
            | "Seconds"
    )
}

/// The milliseconds of a span that settings write with its units: `8s`, `1m30s`, `500ms`, `PT8S` (ISO 8601).
fn span_written(text: &str) -> Option<f64> {
    let text = text.to_ascii_lowercase();
    let mut rest = text.strip_prefix("pt").unwrap_or(&text).trim();
    let mut total = None;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let (number, unit) = rest.split_at(digits);
        let end = unit.find(|letter: char| letter.is_ascii_digit()).unwrap_or(unit.len());
        let millis = match unit[..end].trim() {
            "ms" | "millis" | "milliseconds" => 1.0,
            "s" | "sec" | "secs" | "second" | "seconds" => 1000.0,
            "m" | "min" | "mins" | "minute" | "minutes" => 60_000.0,
            "h" | "hour" | "hours" => 3_600_000.0,
            "d" | "day" | "days" => 86_400_000.0,
            _ => return None,
        };
        *total.get_or_insert(0.0) += number.parse::<f64>().ok()? * millis;
        rest = unit[end..].trim();
    }
    total
}

/// The milliseconds of a unit that a library's constant names: `TimeUnit.SECONDS`, `ChronoUnit.MINUTES`.
pub(super) fn unit_of_name(name: &str) -> Option<f64> {
    Some(match name {
        "NANOSECONDS" | "NANOS" => 1e-6,
        "MICROSECONDS" | "MICROS" => 1e-3,
        "MILLISECONDS" | "MILLIS" => 1.0,
        "SECONDS" => 1000.0,
        "MINUTES" => 60_000.0,
        "HOURS" => 3_600_000.0,
        "DAYS" => 86_400_000.0,
        _ => return None,
    })
}

/// How libraries of a family count time where their model says nothing else.
fn default_unit(family: Family) -> Option<f64> {
    match family {
        Family::Python => Some(1000.0),
        Family::Script | Family::Java => Some(1.0),
        // A span is a number of nanoseconds.
        Family::Go => Some(1e-6),
        // Spans have a type.
        Family::Rust => None,
    }
}
