//! Functions that give back what they are given, or what that gives: `checked(client)`, `once("client", () => new Client())`.
//!
//! Values are merged over the callers of a function. What such a function gives depends on the argument alone, so a call of it
//! gets what its own argument is.

use distsys_facts::schema::{Call, Load, Store};
use distsys_facts::{FunctionId, LiteralKind, SiteId, VarId};
use rustc_hash::FxHashMap;

use crate::program::Program;

/// What a function gives back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GivenBack {
    pub parameter: VarId,
    /// What calling it gives, not it itself.
    pub called: bool,
}

/// Returned values are followed back through so many steps.
const MAX_STEPS: usize = 24;

/// The functions of which all returned values come from one parameter.
pub(super) fn given_back(program: &Program<'_>) -> FxHashMap<FunctionId, GivenBack> {
    let r = &program.facts.relations;
    let mut stores: FxHashMap<FunctionId, Vec<&Store>> = FxHashMap::default();
    for row in &r.store {
        stores.entry(program.site(row.site).function).or_default().push(row);
    }
    let functions = r.function.iter().filter(|row| program.parameters(row.function).next().is_some());
    let found = functions.filter_map(|row| {
        let stores = stores.get(&row.function).map_or(&[][..], Vec::as_slice);
        Some((row.function, of_function(program, row.function, stores)?))
    });
    found.collect()
}

fn of_function(program: &Program<'_>, function: FunctionId, stores: &[&Store]) -> Option<GivenBack> {
    let r = &program.facts.relations;
    let mut stack: Vec<VarId> =
        program.returns_by_function.of(&r.returns, function).filter_map(|row| row.var).collect();
    let mut seen: Vec<VarId> = Vec::new();
    let mut found: Option<GivenBack> = None;
    let mut is_refined = false;
    while let Some(var) = stack.pop() {
        if seen.contains(&var) || is_null(program, var) {
            continue;
        }
        seen.push(var);
        if seen.len() > MAX_STEPS {
            return None;
        }
        let own = |var: VarId| program.parameter(var).filter(|row| row.function == function).map(|row| row.var);
        let before = stack.len();
        stack.extend(program.assigned_from(var).map(|row| row.src));
        let given = if let Some(parameter) = own(var) {
            Some(GivenBack { parameter, called: false })
        } else if let Some(call) = program.call_giving(var) {
            match call.callee {
                Some(callee) => {
                    let callee = program.assigned_from(callee).next().map_or(callee, |row| row.src);
                    Some(GivenBack { parameter: own(callee)?, called: true })
                }
                None => {
                    let put = put_under_same_key(program, function, call);
                    match put.is_empty() {
                        true => {
                            stack.push(call.receiver?);
                            is_refined = true;
                        }
                        false => stack.extend(put),
                    }
                    None
                }
            }
        } else if let Some(load) = program.loaded_as(var) {
            // Kept under the key it is looked up by.
            stack.extend(stores.iter().filter(|store| is_of(program, load, store)).map(|store| store.src));
            None
        } else {
            None
        };
        match (given, found) {
            (Some(given), Some(known)) if given != known => return None,
            (Some(given), _) => found = Some(given),
            (None, _) if stack.len() == before => return None,
            (None, _) => {}
        }
    }
    // `client.$extends(…)` is a client still, if the function says that it gives what it takes.
    found.filter(|given| !is_refined || !given.called && is_of_type_returned(program, function, given.parameter))
}

fn is_of_type_returned(program: &Program<'_>, function: FunctionId, parameter: VarId) -> bool {
    let taken = program.parameter(parameter).map(|row| row.type_).filter(|type_| !type_.is_empty());
    let mut returned = program.return_type_by_function.of(&program.facts.relations.return_type, function);
    taken.is_some() && returned.next().map(|row| row.type_) == taken
}

/// What the function puts into the mapping, under the key by which `taken` gets it: `kept.set(name, make())`, `kept.get(name)`.
fn put_under_same_key(program: &Program<'_>, function: FunctionId, taken: &Call) -> Vec<VarId> {
    let Some(mapping) = taken.receiver.filter(|_| program.text(taken.name) == "get") else { return Vec::new() };
    let key_of = |site: SiteId| program.arguments(site).next().map(|row| row.var);
    let field_of = |var: VarId| program.loaded_as(var).map(|load| (load.base, load.field));
    let is_same = |other: VarId| other == mapping || field_of(mapping).is_some_and(|own| Some(own) == field_of(other));
    let puts = program.sites(function).filter_map(|row| program.call(row.site)).filter(|call| {
        matches!(program.text(call.name), "set" | "put")
            && call.receiver.is_some_and(is_same)
            && key_of(call.site).is_some()
            && key_of(call.site) == key_of(taken.site)
    });
    puts.filter_map(|call| program.arguments(call.site).nth(1).map(|row| row.var)).collect()
}

/// Whether a store is to the field of what a load is from, as the code names it.
fn is_of(program: &Program<'_>, load: &Load, store: &Store) -> bool {
    let field_of = |var: VarId| program.loaded_as(var).map(|load| (load.base, load.field));
    load.field == store.field
        && (load.base == store.base || field_of(load.base).is_some_and(|field| Some(field) == field_of(store.base)))
}

fn is_null(program: &Program<'_>, var: VarId) -> bool {
    program.literal(var).is_some_and(|row| row.kind == LiteralKind::Null)
}
