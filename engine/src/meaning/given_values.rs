//! What a parameter is for each of those who decide it: callers that give it a value, or leave it as it is by default.

use distsys_facts::schema::Parameter;
use distsys_facts::{ParameterKind, SiteId, Sym, VarId};

use super::Meaning;
use super::callbacks::parameter_of;
use super::operations::{Found, Operand, Operation};
use crate::operation::Attr;

/// A value that comes from more places is no parameter with a default.
const MAX_SOURCES: usize = 2;

/// What a function keeps of what it is given.
#[derive(Clone, Copy, Debug)]
struct Kept<'p> {
    parameter: &'p Parameter,
    /// Of options, the entry, and what it is where the caller does not give it.
    entry: Option<Sym>,
    default: Option<VarId>,
}

/// A value is handed on through so many functions.
const MAX_HOPS: usize = 4;

/// A parameter that more places decide says nothing of any of them.
const MAX_CALLERS: usize = 64;

impl Meaning<'_> {
    /// The values that callers give for what `var` is, each with the call that decides it: where it is written, or where
    /// nothing is given and the default stands. Nothing where `var` is no parameter, or its function changes it first.
    pub fn given_by_each(&self, var: VarId) -> Vec<(SiteId, VarId)> {
        let mut found = Vec::new();
        let Some(kept) = self.kept_from(var) else { return found };
        let mut stack = vec![(kept, 0)];
        while let Some((kept, hops)) = stack.pop() {
            for (site, given) in self.given_to(kept) {
                match self.kept_from(given) {
                    Some(outer) if hops < MAX_HOPS => stack.push((outer, hops + 1)),
                    Some(_) => {}
                    None => found.push((site, given)),
                }
                if found.len() + stack.len() > MAX_CALLERS {
                    return Vec::new();
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The constant that an attribute of an operation is, said there or by the calls that lead to it: `trace`, outermost first,
    /// ends at the operation.
    pub fn said_along(&self, op: &Operation, attr: Attr, trace: &[SiteId]) -> Option<&str> {
        let Found::Is(Operand::Var(mut var)) = self.attribute(op, attr) else { return None };
        for site in trace.iter().rev().skip(1) {
            if let Some(said) = self.constant(var) {
                return Some(said);
            }
            let parameter = self.program.parameter(parameter_of(self.reader(), var)?)?;
            var = self.reader().given_at(*site, parameter).or(parameter.default)?;
        }
        self.constant(var)
    }

    /// The calls that give nothing for what `var` is, where the function would take it (`timeout?: number`, or an entry of its
    /// options) and has no default.
    pub fn left_out_by(&self, var: VarId) -> Vec<SiteId> {
        let Some(kept) = self.kept_from(var) else { return self.left_out_of_options(var) };
        let Kept { parameter, entry, default: None } = kept else { return Vec::new() };
        // Of options by default (`options = {}`) an entry may be left out all the same; null by default is nothing.
        if parameter.default.is_some_and(|default| !self.reader().is_null(default)) && entry.is_none() {
            return Vec::new();
        }
        let is_without = |options: VarId, entry: Sym| {
            self.reader().within(options, &[self.program.text(entry).to_owned()]) == Found::Absent
        };
        let leaves_out = |site: &SiteId| {
            let only = matches!(self.resolution.calls_at(*site), [edge] if edge.function == parameter.function);
            let passed = self.resolution.passed_at(*site).iter().find(|row| row.parameter == parameter.var);
            let is_absent = match (entry, passed) {
                (None, passed) => passed.is_none() && !self.spreads(*site),
                (Some(entry), Some(row)) => is_without(row.argument, entry),
                (Some(entry), None) => {
                    parameter.default.is_some_and(|default| is_without(default, entry)) && !self.spreads(*site)
                }
            };
            only && is_absent && !self.is_out_of_scope(self.program.site(*site).function)
        };
        let mut found = Vec::new();
        for site in self.callers(parameter.function).iter().copied() {
            if leaves_out(&site) {
                found.push(site);
            } else if entry.is_none()
                && self.resolution.passed_at(site).iter().all(|row| row.parameter != parameter.var)
            {
                found.extend(self.left_out_of_keywords(site, parameter));
            }
        }
        found
    }

    /// Likewise, of a call that hands on all keywords that its own function is given, the calls of that which leave it out:
    /// `def single(name, **options): take(name, **options)`.
    fn left_out_of_keywords(&self, site: SiteId, parameter: &Parameter) -> Vec<SiteId> {
        let program = self.program;
        let spread: Vec<VarId> = program
            .arguments(site)
            .filter(|row| matches!(program.text(row.keyword), "*" | "**" | "..."))
            .map(|row| self.reader().root(row.var))
            .collect();
        let rest = match spread[..] {
            [only] => program.parameter(only).filter(|row| row.kind == ParameterKind::KeywordRest),
            _ => None,
        };
        let Some(rest) = rest else { return Vec::new() };
        // `options.setdefault("ttl", 30)`
        let is_changed = program.stores_to(rest.var).next().is_some()
            || program.calls_by_receiver.of(&program.facts.relations.call, rest.var).next().is_some();
        if is_changed {
            return Vec::new();
        }
        let leaves_out = |site: &SiteId| {
            let only = matches!(self.resolution.calls_at(*site), [edge] if edge.function == rest.function);
            let named = program.arguments(*site).any(|row| row.keyword == parameter.name);
            only && !named && !self.spreads(*site) && !self.is_out_of_scope(program.site(*site).function)
        };
        self.callers(rest.function).iter().copied().filter(leaves_out).collect()
    }

    /// The calls by which a limit that `var` says is none: they leave it out, or say so themselves.
    pub fn unlimited_by(&self, var: VarId) -> Vec<SiteId> {
        let given = self.given_by_each(var).into_iter().filter(|(_, value)| self.is_endless(*value));
        let mut found: Vec<SiteId> = given.map(|(site, _)| site).chain(self.left_out_by(var)).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// What a call leaves to the default of a parameter.
    pub fn left_to_default(&self, site: SiteId, parameter: VarId) -> Option<VarId> {
        let row = self.program.parameter(parameter)?;
        let default = row.default?;
        let is_callee = self.resolution.calls_at(site).iter().any(|edge| edge.function == row.function);
        (is_callee && self.given_or_default(site, row) == Some(default)).then_some(default)
    }

    /// What `var` is as its caller gave it: a parameter by itself, out of the field that the constructor alone keeps it in, or
    /// an entry of the options that are one (`{ timeout = 0 }`).
    fn kept_from(&self, var: VarId) -> Option<Kept<'_>> {
        let (program, reader) = (self.program, self.reader());
        let root = reader.root(var);
        let in_field = program.loaded_as(root).and_then(|load| {
            let is_own = program.parameter(load.base).is_some_and(|row| row.kind == ParameterKind::Receiver);
            let mut stored = self.stored_in(load.base, load.field).into_iter().filter(|_| is_own);
            stored.next().filter(|_| stored.next().is_none())
        });
        let root = in_field.map_or(root, |stored| reader.root(stored));
        let root = self.optional_behind(root);
        if let Some(parameter) = self.unchanged(root) {
            return Some(Kept { parameter, entry: None, default: None });
        }
        let mut sources: Vec<VarId> = program.assigned_from(root).map(|row| row.src).take(MAX_SOURCES + 1).collect();
        if sources.is_empty() {
            sources.push(root);
        }
        let is_entry = |var: &VarId| program.loaded_as(*var).filter(|load| self.unchanged(load.base).is_some());
        let load = sources.iter().find_map(is_entry)?;
        let mut others = sources.iter().filter(|var| is_entry(var).is_none());
        let default = others.next().copied();
        // One default, which stands where the caller gives nothing.
        if others.next().is_some() || default.is_some_and(|default| program.literal(default).is_none()) {
            return None;
        }
        let parameter = self.unchanged(load.base)?;
        // `if (!options.timeout) options.timeout = 5_000`
        let is_filled_in = || program.stores_to(load.base).any(|row| row.field == load.field);
        let is_given = parameter.kind != ParameterKind::Receiver && (default.is_some() || !is_filled_in());
        is_given.then_some(Kept { parameter, entry: Some(load.field), default })
    }

    /// What is worked out of an optional value is none where that is: `ttl.map(|ttl| ttl.as_millis())`, `ttl.as_ref()`.
    fn optional_behind(&self, var: VarId) -> VarId {
        const KEEPING: &[&str] = &["and_then", "as_deref", "as_ref", "cloned", "copied", "filter", "flatMap", "map"];
        let program = self.program;
        let is_optional = |var: VarId| {
            let parameter = program.parameter(var);
            parameter.is_some_and(|row| program.text(row.type_).trim_start_matches('&').starts_with("Option"))
        };
        let mut at = var;
        for _ in 0..MAX_SOURCES {
            let made = program.call_giving(at).filter(|call| KEEPING.contains(&program.text(call.name)));
            match made.and_then(|call| call.receiver) {
                Some(receiver) => at = self.reader().root(receiver),
                None => break,
            }
        }
        if is_optional(at) { at } else { var }
    }

    /// The parameter that a variable is, if its function leaves it as it is.
    fn unchanged(&self, var: VarId) -> Option<&Parameter> {
        let program = self.program;
        let parameter = program.parameter(parameter_of(self.reader(), var)?)?;
        let is_single = matches!(parameter.kind, ParameterKind::Positional | ParameterKind::KeywordOnly);
        // `if timeout is None: timeout = 10`
        (is_single && program.assigned_from(parameter.var).next().is_none()).then_some(parameter)
    }

    /// What each call of a function gives for what is kept of its parameter.
    fn given_to(&self, kept: Kept<'_>) -> Vec<(SiteId, VarId)> {
        let Kept { parameter, entry, default } = kept;
        let calls = |site: &SiteId| {
            let is_called = self.resolution.calls_at(*site).iter().any(|edge| edge.function == parameter.function);
            is_called && !self.is_out_of_scope(self.program.site(*site).function)
        };
        let callers = self.callers(parameter.function).iter().copied().filter(calls);
        let given = callers.filter_map(|site| {
            let given = self.given_or_default(site, parameter);
            let Some(entry) = entry else { return Some((site, given?)) };
            let path = [self.program.text(entry).to_owned()];
            match given.map_or(Found::Absent, |given| self.reader().within(given, &path)) {
                Found::Is(Operand::Var(var)) => Some((site, var)),
                Found::Absent => Some((site, default?)),
                _ => None,
            }
        });
        given.collect()
    }

    fn given_or_default(&self, site: SiteId, parameter: &Parameter) -> Option<VarId> {
        if let Some(row) = self.resolution.passed_at(site).iter().find(|row| row.parameter == parameter.var) {
            return Some(row.argument);
        }
        // What is spread may reach it.
        parameter.default.filter(|_| !self.spreads(site))
    }

    pub(super) fn spreads(&self, site: SiteId) -> bool {
        self.program.arguments(site).any(|row| matches!(self.program.text(row.keyword), "*" | "**" | "..."))
    }
}
