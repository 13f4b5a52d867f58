//! Attributes that each caller decides for itself: `call(request)`, where `request` is built by the caller, and
//! `fetch_json(path, **options)`. What one of them says is true of no other.

use distsys_facts::schema::Parameter;
use distsys_facts::{ParameterKind, SiteId, VarId};

use super::Meaning;
use super::callbacks::parameter_of;
use super::operations::{Found, Operand, Operation};
use super::reader::Reader;
use crate::model::source::Source;
use crate::operation::Attr;

/// What is only handed on is followed so far.
const MAX_CALLERS: usize = 4;

impl Meaning<'_> {
    /// What is found of an attribute for each caller who passes what decides it, by the site of its call; nothing where the
    /// operation says it by itself.
    pub fn attribute_by_caller(&self, op: &Operation, attr: Attr) -> Vec<(SiteId, Found)> {
        let reader = self.reader();
        if let Some(Found::Is(Operand::Within(request, path))) = reader.said_by_callers(op, attr) {
            let passed = self.resolution.passed_to(request).filter(|row| row.argument != request);
            return passed.map(|row| (row.site, reader.within(row.argument, &path))).collect();
        }
        let sources = reader.model(op).attribute(attr).unwrap_or_default();
        for (at, source) in sources.iter().enumerate() {
            let by_caller = match reader.source(op, source) {
                Found::Absent => continue,
                Found::Is(Operand::Var(var)) => self.passed_by_callers(var, &[]),
                Found::Is(Operand::Within(var, path)) => self.passed_by_callers(var, &path),
                Found::Is(_) => return Vec::new(),
                Found::Unknown => reader.built_by_callers(op, source),
            };
            // Where none of them says anything under any name, all do without.
            let rest = &sources[at + 1..];
            let is_absent = |(site, found): &(SiteId, Found)| {
                *found == Found::Absent && self.first_by_caller(op, rest, *site) == Found::Absent
            };
            if !by_caller.is_empty() && by_caller.iter().all(is_absent) {
                return by_caller;
            }
            // Where a caller says nothing, what the library does otherwise counts.
            let otherwise = |found| match found {
                Found::Absent => reader.first(op, rest),
                found => found,
            };
            return by_caller.into_iter().map(|(site, found)| (site, otherwise(found))).collect();
        }
        Vec::new()
    }

    /// The first of some sources that is there, as the caller at `site` says.
    fn first_by_caller(&self, op: &Operation, sources: &[Source], site: SiteId) -> Found {
        let as_passed = |source: &Source| {
            let found = self.reader().source(op, source);
            let by_caller = match &found {
                Found::Is(Operand::Var(var)) => self.passed_by_callers(*var, &[]),
                Found::Is(Operand::Within(var, path)) => self.passed_by_callers(*var, path),
                _ => Vec::new(),
            };
            by_caller.into_iter().find(|(caller, _)| *caller == site).map_or(found, |(_, passed)| passed)
        };
        Found::first(sources.iter().map(as_passed))
    }

    /// What each call of a function passes at `path` of the parameter that `var` is, if the function leaves it as it is.
    fn passed_by_callers(&self, var: VarId, path: &[String]) -> Vec<(SiteId, Found)> {
        let program = self.program;
        let r = &program.facts.relations;
        let parameter = parameter_of(self.reader(), var).and_then(|var| program.parameter(var));
        let Some(row) = parameter.filter(|row| row.kind != ParameterKind::Receiver) else { return Vec::new() };
        // `kwargs.setdefault("timeout", 10)`, `if timeout is None: timeout = 10`
        let is_changed = program.assigned_from(row.var).next().is_some()
            || program.stores_to(row.var).next().is_some()
            || program.calls_by_receiver.of(&r.call, row.var).next().is_some();
        if is_changed {
            return Vec::new();
        }
        let calls = |site: &&SiteId| self.resolution.calls_at(**site).iter().any(|edge| edge.function == row.function);
        let callers = self.callers(row.function).iter().filter(calls);
        callers.map(|site| (*site, self.reader().passed_at_call(*site, row, path))).collect()
    }
}

impl Reader<'_, '_> {
    fn passed_at_call(&self, site: SiteId, parameter: &Parameter, path: &[String]) -> Found {
        let program = self.program;
        if let Some(row) = self.resolution.passed_at(site).iter().find(|row| row.parameter == parameter.var) {
            return self.within(row.argument, path);
        }
        // What is spread may reach it.
        let spreads = program.arguments(site).any(|row| matches!(program.text(row.keyword), "*" | "**"));
        match (parameter.kind, parameter.default) {
            (ParameterKind::KeywordRest, _) => self.keyword(site, path),
            _ if spreads => Found::Unknown,
            (_, Some(default)) => self.within(default, path),
            (_, None) => Found::Absent,
        }
    }

    /// A source at what made the argument of each caller of the function that an operation stands in.
    fn built_by_callers(&self, op: &Operation, source: &Source) -> Vec<(SiteId, Found)> {
        let Source::Maker(position, inner) = source else { return Vec::new() };
        let Some(var) = self.argument(op.call, *position + op.shift as usize) else { return Vec::new() };
        let given = if self.calls_making(var).is_empty() { Some(var) } else { self.built_on(var) };
        let parameter = given.and_then(|var| parameter_of(*self, var));
        parameter.map_or_else(Vec::new, |parameter| self.built_as_passed(op, parameter, inner, 0))
    }

    fn built_as_passed(&self, op: &Operation, parameter: VarId, inner: &Source, depth: usize) -> Vec<(SiteId, Found)> {
        let passed = self.resolution.passed_to(parameter).filter(|row| row.argument != parameter);
        let by_caller = passed.flat_map(|row| match parameter_of(*self, row.argument) {
            Some(outer) if depth < MAX_CALLERS => self.built_as_passed(op, outer, inner, depth + 1),
            Some(_) => vec![(row.site, Found::Unknown)],
            None => vec![(row.site, self.at_maker(op, row.argument, inner))],
        });
        by_caller.collect()
    }
}
