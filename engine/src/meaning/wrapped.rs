//! Functions under the project's own wrappers: decorators, and functions that give a function around the one they are given.

use distsys_facts::schema::Parameter;
use distsys_facts::{CallKind, FunctionId, ParameterKind, SiteId, Sym, VarId};
use rustc_hash::FxHashSet;

use super::callbacks::{DESCRIPTOR, functions_of};
use super::invoked::{Invocations, Wrapped};
use super::reader::Reader;

impl Invocations {
    /// The functions under wrappers, by site.
    pub(super) fn find_wrapped(&self, reader: Reader<'_, '_>) -> Vec<Wrapped> {
        let program = reader.program;
        let r = &program.facts.relations;
        // Where the call in a wrapper is known to run what all callers give, what one of them does is not told apart.
        let ran: FxHashSet<SiteId> = self.all.iter().map(|row| row.site).collect();
        let mut found = Vec::new();
        for row in &r.function_annotation {
            for edge in reader.resolution.calls_at(row.site) {
                let mut takers = Vec::new();
                if program.makes_decorator(row.site, edge.function) {
                    takers.extend(given_functions(reader, edge.function));
                }
                if program.arguments(row.site).next().is_none() {
                    takers.push(edge.function);
                }
                let of_taker = |taker: FunctionId| {
                    let mut around = self.around_first(reader, &ran, taker);
                    around.extend(self.around_method(reader, &ran, taker));
                    around
                };
                for around in takers.into_iter().flat_map(of_taker) {
                    let (site, function, wrapper) = (row.site, row.function, edge.function);
                    found.push(Wrapped { site, function, wrapper, around });
                }
            }
        }
        for passed in &reader.resolution.passed {
            let Some(parameter) = program.parameter(passed.parameter) else { continue };
            let around = self.around(reader, &ran, parameter.function, passed.parameter);
            if around.is_empty() {
                continue;
            }
            let wrapper = parameter.function;
            if let [function] = functions_of(reader, passed.argument)[..] {
                found.extend(around.into_iter().map(|around| Wrapped { site: passed.site, function, wrapper, around }));
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// What a decorator gives around its first parameter.
    fn around_first(&self, reader: Reader<'_, '_>, ran: &FxHashSet<SiteId>, taker: FunctionId) -> Vec<FunctionId> {
        let mut parameters = reader.program.parameters(taker);
        let first = parameters.find(|row| row.kind != ParameterKind::Receiver);
        first.map(|row| self.around(reader, ran, taker, row.var)).unwrap_or_default()
    }

    /// What a decorator puts in the place of the method that its descriptor has: `descriptor.value = function (…) { … }`.
    fn around_method(&self, reader: Reader<'_, '_>, ran: &FxHashSet<SiteId>, taker: FunctionId) -> Vec<FunctionId> {
        let program = reader.program;
        let descriptor = program.parameters(taker).find(|row| row.index == DESCRIPTOR).map(|row| row.var);
        let Some(descriptor) = descriptor else { return Vec::new() };
        let applied = self.applied(descriptor);
        if applied.is_empty() || applied.iter().any(|site| ran.contains(site)) {
            return Vec::new();
        }
        let stores = program.stores_to(descriptor).filter(|store| program.text(store.field) == "value");
        let mut put: Vec<FunctionId> = stores.flat_map(|store| functions_of(reader, store.src)).collect();
        put.retain(|function| {
            program.function(*function).parent == Some(taker)
                && applied.iter().any(|site| is_within(reader, *site, *function))
        });
        put
    }

    /// The functions that `taker` gives and that call its parameter.
    fn around(
        &self,
        reader: Reader<'_, '_>,
        ran: &FxHashSet<SiteId>,
        taker: FunctionId,
        parameter: VarId,
    ) -> Vec<FunctionId> {
        let applied = self.applied(parameter);
        if applied.is_empty() || applied.iter().any(|site| ran.contains(site)) {
            return Vec::new();
        }
        let mut given = given_functions(reader, taker);
        given.retain(|function| applied.iter().any(|site| is_within(reader, *site, *function)));
        given
    }
}

impl Reader<'_, '_> {
    /// What the call `site` gives for a parameter of the function that it calls, an annotation that makes a decorator
    /// (`@remembered("venue:{}", ttl=60)`) included.
    pub(super) fn given_at(&self, site: SiteId, parameter: &Parameter) -> Option<VarId> {
        let passed = self.resolution.passed_at(site).iter().find(|row| row.parameter == parameter.var);
        passed.map(|row| row.argument).or_else(|| self.annotated(site, parameter))
    }

    fn annotated(&self, site: SiteId, parameter: &Parameter) -> Option<VarId> {
        let program = self.program;
        program.call(site).filter(|call| call.kind == CallKind::Annotation)?;
        let receivers =
            program.parameters(parameter.function).filter(|row| row.kind == ParameterKind::Receiver).count();
        let position = parameter.index.checked_sub(receivers as u32)?;
        let is_its = |keyword: Sym, at: u32| match keyword.is_empty() {
            true => at == position && parameter.kind == ParameterKind::Positional,
            false => keyword == parameter.name,
        };
        program.arguments(site).find(|row| is_its(row.keyword, row.position)).map(|row| row.var)
    }
}

/// The functions written within `function` that it gives.
fn given_functions(reader: Reader<'_, '_>, function: FunctionId) -> Vec<FunctionId> {
    let program = reader.program;
    let returned = program.returns_by_function.of(&program.facts.relations.returns, function).filter_map(|row| row.var);
    let mut given: Vec<FunctionId> = returned.flat_map(|var| functions_of(reader, var)).collect();
    given.retain(|given| program.function(*given).parent == Some(function));
    given.sort_unstable();
    given.dedup();
    given
}

/// Whether a site is in a function or in one written within it.
fn is_within(reader: Reader<'_, '_>, site: SiteId, function: FunctionId) -> bool {
    let mut at = Some(reader.program.site(site).function);
    while let Some(inner) = at {
        if inner == function {
            return true;
        }
        at = reader.program.function(inner).parent;
    }
    false
}
