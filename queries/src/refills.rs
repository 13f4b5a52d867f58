//! Locks under which what they guard is loaded anew: by a function that the guard is handed to, or in place of what is taken
//! out first.

use distsys_engine::meaning::{Extent, Scope};
use distsys_facts::{FunctionId, FunctionKind, SiteId, SiteKind, Sym, VarId};

use crate::Context;

/// Functions that are called under the lock are searched this deep for what they take out and put in.
const MAX_DEPTH: usize = 2;

/// Whether what a lock guards is filled by a function that gets the guard, or replaced by what is loaded under it.
pub(crate) fn is_filled_elsewhere(context: &Context<'_>, scope: &Scope, sites: &[SiteId]) -> bool {
    let handed = match scope.extent {
        Extent::Life(from, guard) => is_handed_to_fill(context, from, guard),
        _ => false,
    };
    handed || is_replaced(context, sites)
}

/// Whether a guard is given to a function that looks into it and puts what it waits for there: `load(url, guard).await`.
fn is_handed_to_fill(context: &Context<'_>, from: SiteId, guard: VarId) -> bool {
    let meaning = context.meaning;
    let later = meaning.program.sites(context.function_of(from)).filter(|row| meaning.precedes(from, row.site));
    let mut passed = later.flat_map(|row| meaning.resolution.passed_at(row.site));
    passed.any(|row| {
        (row.argument == guard || meaning.made_from(row.argument).contains(&guard))
            && meaning.program.parameter(row.parameter).is_some_and(|to| fills(context, to.function, row.parameter))
    })
}

/// Whether a function asks what a guard holds that it is given, and stores there what it has waited for.
fn fills(context: &Context<'_>, function: FunctionId, guard: VarId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let of_guard = |var: VarId| var == guard || meaning.made_from(var).contains(&guard);
    let regions = program.regions_by_function.of(&r.region, function);
    let mut asked = regions.flat_map(|row| program.condition_by_region.of(&r.condition, row.region));
    if !asked.any(|row| of_guard(row.var)) {
        return false;
    }
    let sites: Vec<SiteId> = program.sites(function).map(|row| row.site).collect();
    let awaited = awaited(context, &sites);
    let loaded = |var: VarId| meaning.made_from(var).iter().any(|source| awaited.contains(source));
    sites.iter().any(|site| match program.site(*site).kind {
        SiteKind::Store => stored(context, *site).is_some_and(|row| of_guard(row.base) && loaded(row.src)),
        SiteKind::Call => {
            let on_guard = program.call(*site).and_then(|call| call.receiver).is_some_and(of_guard);
            on_guard && program.arguments(*site).any(|row| loaded(row.var))
        }
        _ => false,
    })
}

/// What all calls of the process share: a variable of a module, or a field of the object that a method is called on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shared {
    Variable(VarId),
    Field(Sym),
}

#[derive(Default)]
struct Changes {
    taken: Vec<Shared>,
    put: Vec<Shared>,
}

/// Whether entries of something shared are taken out under a lock, and what is waited for there is put into it again: nobody
/// is to see it in between, and no older answer is to come after a newer one.
fn is_replaced(context: &Context<'_>, sites: &[SiteId]) -> bool {
    let awaited = awaited(context, sites);
    if awaited.is_empty() {
        return false;
    }
    let mut changes = Changes::default();
    gather(context, sites, &awaited, 0, &mut changes);
    changes.taken.iter().any(|shared| changes.put.contains(shared))
}

/// What is taken out of and put into shared things at `sites`, of what is made from one of `loaded`.
fn gather(context: &Context<'_>, sites: &[SiteId], loaded: &[VarId], depth: usize, changes: &mut Changes) {
    let meaning = context.meaning;
    let program = meaning.program;
    let is_loaded =
        |var: VarId| loaded.contains(&var) || meaning.made_from(var).iter().any(|source| loaded.contains(source));
    for &site in sites {
        if let Some(store) = stored(context, site).filter(|row| is_loaded(row.src)) {
            changes.put.extend(shared(context, store.base));
        }
        let Some(call) = program.call(site) else { continue };
        if let Some(of) = call.receiver.and_then(|receiver| shared(context, receiver)) {
            match program.text(call.name) {
                "pop" | "remove" | "delete" | "clear" | "discard" => changes.taken.push(of),
                "set" | "put" | "insert" | "add" | "update"
                    if program.arguments(site).any(|row| is_loaded(row.var)) =>
                {
                    changes.put.push(of);
                }
                _ => {}
            }
        }
        if depth >= MAX_DEPTH {
            continue;
        }
        for edge in meaning.resolution.calls_at(site) {
            let passed = meaning.resolution.passed_at(site).iter();
            let given: Vec<VarId> = passed.filter(|row| is_loaded(row.argument)).map(|row| row.parameter).collect();
            let inner: Vec<SiteId> = program.sites(edge.function).map(|row| row.site).collect();
            gather(context, &inner, &given, depth + 1, changes);
        }
    }
}

/// The shared thing that a variable is.
fn shared(context: &Context<'_>, var: VarId) -> Option<Shared> {
    let program = context.meaning.program;
    if let Some(row) = program.variable(var) {
        return (program.function(row.function).kind == FunctionKind::Module).then_some(Shared::Variable(var));
    }
    let load = program.loaded_as(var)?;
    let of_object = program
        .parameter(load.base)
        .is_some_and(|row| row.index == 0 && program.function(row.function).class.is_some());
    of_object.then_some(Shared::Field(load.field))
}

fn stored(context: &Context<'_>, site: SiteId) -> Option<distsys_facts::schema::Store> {
    let stores = &context.meaning.program.facts.relations.store;
    stores.binary_search_by_key(&site, |row| row.site).ok().map(|at| stores[at])
}

/// What is waited for at `sites`.
fn awaited(context: &Context<'_>, sites: &[SiteId]) -> Vec<VarId> {
    let r = &context.meaning.program.facts.relations;
    let waits = sites.iter().filter_map(|site| r.suspend.binary_search_by_key(site, |row| row.site).ok());
    waits.filter_map(|at| r.suspend[at].var).collect()
}
