//! What made an argument: `client.send(request)`, where `request` is built by calls of its own.

use distsys_facts::{CallKind, ParameterKind, SiteId, VarId};

use super::callbacks::parameter_of;
use super::operations::{Found, Operand, Operation};
use super::reader::{MAX_CHAIN, Reader, is_var};
use crate::model::source::Source;
use crate::operation::{Attr, OpKind};
use crate::resolve::ValueKind;

/// Helpers that only hand on what another made are followed this deep.
const MAX_HELPERS: usize = 4;

impl Reader<'_, '_> {
    /// A source at the call that made `var`; unknown where that is not seen.
    pub(super) fn at_maker(&self, op: &Operation, var: VarId, inner: &Source) -> Found {
        if self.literal(var).is_some() {
            return Found::Absent;
        }
        let calls = self.calls_making(var);
        if calls.is_empty()
            && let Some(found) = self.at_makers_of_passed(op, var, inner)
        {
            return found;
        }
        let found = self.at_calls(op, var, inner, &calls);
        // `send(builder.build())`: what the caller has built so far counts, too.
        let is_begun_here = || {
            let urls = (op.kind == OpKind::HttpRequest).then(|| self.model(op).attribute(Attr::Url)).flatten();
            urls.into_iter().flatten().any(|source| match source {
                Source::Maker(_, url) => self.at_calls(op, var, url, &calls) != Found::Absent,
                _ => false,
            })
        };
        let before =
            || match self.built_on(var).filter(|_| op.kind != OpKind::Apply && !calls.is_empty() && !is_begun_here()) {
                Some(parameter) => self.at_makers_of_passed(op, parameter, inner).unwrap_or(Found::Unknown),
                None => Found::Absent,
            };
        let found = if found == Found::Absent { before() } else { found };
        match found {
            Found::Is(Operand::Var(inner)) => self.given_to_helper(var, inner).map_or(found, is_var),
            found => found,
        }
    }

    /// A source at what made the value that a method gives of the project's own class whose object the chain of calls begins
    /// with: `Order.archived.get(id)`, where the manager's `get_queryset` gives `….using("replica")`.
    pub(super) fn by_own_method(&self, op: &Operation, name: &str, inner: &Source) -> Found {
        let program = self.program;
        let Some(name) = program.facts.symbols.lookup(name) else { return Found::Absent };
        let around = program.class_around(op.function);
        let method_of = |var: VarId| {
            let classes = self.classes_of(var).into_iter().filter(|class| Some(*class) != around);
            let line = |class| self.resolution.ancestors(class).iter();
            classes.into_iter().find_map(|class| line(class).find_map(|class| program.methods.get(&(*class, name))))
        };
        let mut at = self.call(op.call).and_then(|call| call.receiver);
        for _ in 0..MAX_CHAIN {
            let Some(var) = at else { break };
            if let Some(given) = method_of(var).and_then(|method| self.only_returned(*method)) {
                let found = self.at_maker(op, given, inner);
                return if found == Found::Unknown { Found::Absent } else { found };
            }
            at = program.call_giving(self.root(var)).and_then(|call| call.receiver);
        }
        Found::Absent
    }

    /// What stands for `inner`, a parameter of the helper that made `var`, where the helper is called:
    /// `fn sql(text) { Statement::from_string(text) }`, `db.execute(sql("…"))`.
    fn given_to_helper(&self, var: VarId, inner: VarId) -> Option<VarId> {
        let parameter = self.program.parameter(parameter_of(*self, inner)?)?;
        let mut ways: Vec<SiteId> = Vec::new();
        let mut at = self.maker(var)?;
        loop {
            let [edge] = self.resolution.calls_at(at.site) else { return None };
            ways.push(at.site);
            if edge.function == parameter.function {
                break;
            }
            if ways.len() >= MAX_HELPERS {
                return None;
            }
            at = self.maker(self.only_returned(edge.function)?)?;
        }
        let mut found = parameter.var;
        for site in ways.into_iter().rev() {
            let stands_for = parameter_of(*self, found)?;
            found = self.resolution.passed_at(site).iter().find(|row| row.parameter == stands_for)?.argument;
        }
        Some(found)
    }

    /// The parameter that a value is built on: `call` of `call.header(name, value).build()`.
    pub(super) fn built_on(&self, var: VarId) -> Option<VarId> {
        let mut at = var;
        for _ in 0..MAX_CHAIN {
            if let Some(parameter) = parameter_of(*self, at) {
                let row = self.program.parameter(parameter)?;
                return (row.kind != ParameterKind::Receiver).then_some(parameter);
            }
            at = self.maker(at)?.receiver?;
        }
        None
    }

    /// A source at the calls that made `var`.
    fn at_calls(&self, op: &Operation, var: VarId, inner: &Source, calls: &[SiteId]) -> Found {
        match inner {
            Source::Chain(name, inner) => {
                let named = |site: &SiteId| {
                    name == "*" || self.call(*site).is_some_and(|call| self.program.text(call.name) == name)
                };
                let mut found =
                    calls.iter().copied().filter(named).map(|site| self.source(&self.op_at(op, site), inner));
                let of_call = found.find(|found| *found != Found::Absent).map(|found| self.as_passed(found, calls));
                of_call.unwrap_or(if calls.is_empty() { Found::Unknown } else { Found::Absent })
            }
            Source::Any(text) | Source::After(text) => {
                let mut arguments = calls.iter().flat_map(|site| self.arguments_of(*site));
                let is_text = |var: &VarId| self.constant(*var).is_some_and(|value| value.eq_ignore_ascii_case(text));
                match arguments.find(is_text) {
                    None if calls.is_empty() => Found::Unknown,
                    None if matches!(inner, Source::After(_)) => {
                        // The builder of `builder.build()`, too.
                        let built_by = calls.iter().filter_map(|site| self.call(*site)?.receiver);
                        let mut holders = self.holders_of_made(var);
                        holders.extend(built_by.filter(|builder| self.program.variable(*builder).is_some()));
                        let handed = holders.into_iter().map(|holder| self.handed_on(holder, text));
                        handed.into_iter().find(|found| *found != Found::Absent).unwrap_or(Found::Absent)
                    }
                    None => Found::Absent,
                    Some(_) if matches!(inner, Source::Any(_)) => Found::Is(Operand::Present),
                    Some(_) => arguments.next().map_or(Found::Absent, |var| Found::Is(Operand::Var(var))),
                }
            }
            _ => match self.made_at_last(var) {
                Some(site) => self.source(&self.op_at(op, site), inner),
                None => Found::Unknown,
            },
        }
    }

    /// At what made the values that callers pass as the parameter that `var` is: absent where none of them has it.
    fn at_makers_of_passed(&self, op: &Operation, var: VarId, inner: &Source) -> Option<Found> {
        let parameter = parameter_of(*self, var)?;
        let mut passed =
            self.resolution.passed_to(parameter).map(|row| row.argument).filter(|argument| *argument != var).peekable();
        passed.peek()?;
        // A parameter that is only handed on is not followed further.
        let absent = |argument: VarId| {
            parameter_of(*self, argument).is_none() && self.at_maker(op, argument, inner) == Found::Absent
        };
        Some(if passed.all(absent) { Found::Absent } else { Found::Unknown })
    }

    /// Whether `var` is a new object.
    pub(super) fn is_constructed(&self, var: VarId) -> Found {
        match self.made_at_last(var).and_then(|site| self.call(site)) {
            Some(call) if call.kind == CallKind::New => Found::Is(Operand::Present),
            Some(_) => Found::Absent,
            None => Found::Unknown,
        }
    }

    /// Whether `var` is, on all ways, an object of a class of the project that was made without an id: no row of it is
    /// there yet.
    pub(super) fn is_new(&self, var: VarId) -> Found {
        const IDS: &[&str] = &["id", "pk", "_id", "uuid"];
        let ways = self.ways(var);
        let mut new = true;
        for way in if ways.is_empty() { vec![var] } else { ways } {
            let Some(call) = self.made_at_last(way).and_then(|site| self.call(site)) else { return Found::Unknown };
            let of_module = || call.receiver.and_then(|module| self.offered(module, call.name));
            let named = call.callee.or_else(of_module);
            let is_class =
                |var: VarId| self.resolution.values_of(var).any(|value| matches!(value.kind, ValueKind::Class(_)));
            let has_id = self.program.arguments(call.site).any(|row| IDS.contains(&self.program.text(row.keyword)));
            new &= (call.kind == CallKind::New || named.is_some_and(is_class)) && !has_id;
        }
        if new { Found::Is(Operand::Present) } else { Found::Absent }
    }

    /// The same operation, seen at another call.
    fn op_at(&self, op: &Operation, site: SiteId) -> Operation {
        let path = self.resolution.external_at(site).first().map(|(_, path, _)| *path);
        Operation { site, call: site, path, shift: 0, ..*op }
    }

    /// The call that made `var`, be it in a helper or in a function that is given instead of a value.
    pub(super) fn made_at_last(&self, var: VarId) -> Option<SiteId> {
        self.made_through(var).0
    }

    /// That call, and what held the value on the way from it.
    fn made_through(&self, var: VarId) -> (Option<SiteId>, Vec<VarId>) {
        let program = self.program;
        let closure = program.closure(var);
        // `builder -> builder.queueUrl(url)`
        let given = closure.and_then(|function| program.parameters(function).next()).map(|row| row.var);
        let mut at = closure.and_then(|function| self.only_returned(function)).unwrap_or(var);
        let mut held: Vec<VarId> = given.into_iter().chain([at]).collect();
        let mut last = None;
        for _ in 0..MAX_HELPERS {
            let Some(call) = self.maker(at) else { break };
            last = Some(call.site);
            match self.only_return(call.site) {
                Some(returned) => at = returned,
                None => break,
            }
            held.push(at);
        }
        (last, held)
    }

    /// The calls that made and configured `var`, in the order written: those of the chain that gave it, and those on the
    /// variables that held it.
    pub(super) fn calls_making(&self, var: VarId) -> Vec<SiteId> {
        let program = self.program;
        let r = &program.facts.relations;
        let (made, _) = self.made_through(var);
        let mut calls: Vec<SiteId> =
            made.into_iter().flat_map(|site| std::iter::once(site).chain(self.chain_calls(site))).collect();
        for holder in self.holders_of_made(var) {
            for call in program.calls_by_receiver.of(&r.call, holder) {
                calls.push(call.site);
                // `request.headers_mut().insert(name, value)`
                calls.extend(program.calls_by_receiver.of(&r.call, call.result).map(|call| call.site));
            }
        }
        calls.sort_unstable();
        calls.dedup();
        calls
    }

    /// The variables that held `var` on the way from where it was made.
    fn holders_of_made(&self, var: VarId) -> Vec<VarId> {
        let (_, mut holders) = self.made_through(var);
        let mut at = 0;
        while at < holders.len() && holders.len() < MAX_CHAIN {
            let sources = self.program.assigned_from(holders[at]).map(|row| row.src);
            let new: Vec<VarId> = sources.filter(|src| !holders.contains(src)).collect();
            holders.extend(new);
            at += 1;
        }
        holders
    }

    /// The arguments of a call, those of a list one by one.
    fn arguments_of(&self, site: SiteId) -> Vec<VarId> {
        let program = self.program;
        let r = &program.facts.relations;
        let elements = |var: VarId| program.element_by_var.of(&r.element, var).map(|row| row.value);
        let flat = program.arguments(site).flat_map(|row| match elements(row.var).next() {
            Some(_) => elements(row.var).collect(),
            None => vec![row.var],
        });
        flat.collect()
    }
}
