//! What a lock's holder looks at and fills through other functions: a predicate that it asks, a loader that it is given.

use distsys_engine::OpKind;
use distsys_engine::meaning::Scope;
use distsys_facts::{FunctionId, ParameterKind, SiteId, Sym, VarId};
use rustc_hash::FxHashSet;

use crate::Context;

/// The guard in the function that took it, of one that is alive in what that function is given to run.
pub(crate) fn helper_of<'c>(context: &'c Context<'_>, scope: &Scope) -> Option<&'c Scope> {
    let origin = scope.origin.filter(|origin| context.function_of(*origin) != scope.function)?;
    let mut own = context.meaning.scopes.in_function(context.function_of(origin));
    own.find(|own| own.kind == OpKind::Guard && own.steps.is_empty() && own.origin == Some(origin))
}

/// The calls, among `sites`, of functions that the function around them is given.
pub(crate) fn calls_of_given(context: &Context<'_>, sites: &[SiteId]) -> Vec<SiteId> {
    let meaning = context.meaning;
    let given = |site: &SiteId| {
        let callee = meaning.program.call(*site).and_then(|call| call.callee);
        meaning.invocations.is_through_parameter(*site)
            || callee.is_some_and(|var| meaning.program.parameter(var).is_some())
    };
    sites.iter().copied().filter(given).collect()
}

/// The fields that say what project functions answer of which `looks` are the results: `_cookie` of
/// `def _is_stale(self): return self._cookie is None`.
pub(crate) fn fields_asked(context: &Context<'_>, looks: &FxHashSet<VarId>) -> FxHashSet<Sym> {
    let meaning = context.meaning;
    let calls = looks.iter().filter_map(|var| meaning.program.call_giving(*var));
    let callees: FxHashSet<FunctionId> =
        calls.flat_map(|call| meaning.resolution.calls_at(call.site)).map(|edge| edge.function).collect();
    callees.into_iter().flat_map(|function| fields_told(context, function)).collect()
}

/// The fields of its object by which a method decides what it gives, or that are in it.
fn fields_told(context: &Context<'_>, function: FunctionId) -> Vec<Sym> {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let given = program.returns_by_function.of(&r.returns, function).filter_map(|row| row.var);
    let regions = program.regions_by_function.of(&r.region, function);
    let asked = regions.flat_map(|row| program.condition_by_region.of(&r.condition, row.region)).map(|row| row.var);
    let sources = given.chain(asked).flat_map(|var| meaning.made_from(var));
    let of_object = |base: VarId| program.parameter(base).is_some_and(|row| row.kind == ParameterKind::Receiver);
    sources
        .filter_map(|var| program.loaded_as(var))
        .filter(|load| of_object(load.base))
        .map(|load| load.field)
        .collect()
}
