//! Check, load, fill: locks that are there so that only one caller loads what all of them need. The holder may look and fill
//! through other functions: a predicate that it asks, a loader that it is given.

use distsys_engine::OpKind;
use distsys_engine::meaning::{Effect, Extent, Scope, Term};
use distsys_facts::{FunctionId, LiteralKind, ParameterKind, SiteId, SiteKind, Sym, VarId};
use rustc_hash::FxHashSet;

use crate::Context;
use crate::remote_waits::{futures, is_remote};

/// Check, load, fill: the lock is there so that only one caller loads what all of them need.
pub(crate) fn fills_what_it_guards(context: &Context<'_>, scope: &Scope, sites: &[SiteId], waits: &[SiteId]) -> bool {
    if fills_shared_cache(context, sites) {
        return true;
    }
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let awaited: Vec<VarId> = sites
        .iter()
        .filter(|site| program.site(**site).kind == SiteKind::Await)
        .flat_map(|site| r.suspend.binary_search_by_key(site, |row| row.site).ok().and_then(|at| r.suspend[at].var))
        .chain(waits.iter().filter_map(|site| program.call(*site)).map(|call| call.result))
        .collect();
    let from_awaited = |var: VarId| {
        let sources = meaning.made_from(var);
        awaited.iter().any(|awaited| sources.contains(awaited))
    };
    let guard = match scope.extent {
        Extent::Life(_, var) => Some(var),
        _ => None,
    };
    // What the conditions in reach have looked at: fields, and the guard itself.
    let conditions = program
        .regions_by_function
        .of(&r.region, scope.function)
        .flat_map(|region| program.condition_by_region.of(&r.condition, region.region))
        .flat_map(|condition| meaning.made_from(condition.var))
        .collect::<FxHashSet<VarId>>();
    // What asks how a request has ended (`if err != nil`) has not looked before it.
    let requested: Vec<VarId> = awaited
        .iter()
        .copied()
        .filter(|var| {
            futures(context, *var).into_iter().any(|call| is_remote(context, call, true) || waits.contains(&call))
        })
        .collect();
    let looks = program
        .regions_by_function
        .of(&r.region, scope.function)
        .flat_map(|region| program.condition_by_region.of(&r.condition, region.region))
        .filter(|condition| !ends_in(context, condition.var, &requested))
        .flat_map(|condition| looked_at(context, condition.var))
        .collect::<FxHashSet<VarId>>();
    // `if (!session) return`: that something is there at all says nothing of what it holds.
    let asked_of = |base: VarId| {
        let regions = program.regions_by_function.of(&r.region, scope.function);
        let mut asks = regions
            .flat_map(|region| program.condition_by_region.of(&r.condition, region.region))
            .filter(|row| !ends_in(context, row.var, &requested) && !only_asks_whether_there(context, row.var, base));
        let sources = meaning.made_from(base);
        asks.any(|row| meaning.made_from(row.var).iter().any(|var| sources.contains(var)))
    };
    // A variable of the module or of a function around this one.
    let outlives = |var: VarId| program.variable(var).is_some_and(|row| row.function != scope.function);
    if conditions.iter().any(|var| outlives(*var) && program.assigned_from(*var).any(|row| from_awaited(row.src))) {
        return true;
    }
    // `known = look(key); if known == null { known = load(key) }`: a second look under the lock, then the load.
    let given_under_lock =
        |var: VarId| program.call_giving(var).filter(|call| sites.contains(&call.site)).map(|call| call.site);
    let looked_again = |var: &VarId| {
        let (remote, local): (Vec<SiteId>, Vec<SiteId>) = program
            .assigned_from(*var)
            .filter_map(|row| given_under_lock(row.src))
            .partition(|site| is_remote(context, *site, true));
        remote.iter().any(|load| local.iter().any(|look| meaning.precedes(*look, *load)))
    };
    if conditions.iter().any(looked_again) {
        return true;
    }
    // A lock that only orders what is done coalesces nothing.
    let looked_into = guard
        .is_some_and(|guard| conditions.iter().any(|var| *var == guard || meaning.made_from(*var).contains(&guard)));
    let asked = fields_asked(context, &looks);
    let checked = |field| {
        asked.contains(&field)
            || looks.iter().any(|var| program.loaded_as(*var).is_some_and(|load| load.field == field))
    };
    // What something points to is the same elsewhere only if it has a name.
    let checked_by_name = |field: Sym| program.text(field) != "*" && checked(field);
    sites.iter().any(|site| match program.site(*site).kind {
        SiteKind::Store => r.store.binary_search_by_key(site, |row| row.site).is_ok_and(|at| {
            let store = r.store[at];
            // What came of a request that was told of what the guard holds is no part of that.
            let came = ends_in(context, store.base, &requested);
            let into_guard = looked_into && guard.is_some_and(|guard| meaning.made_from(store.base).contains(&guard));
            // `if key not in tokens: tokens[key] = await load(key)`
            let asked = || match program.text(store.field) {
                "[]" => meaning.made_from(store.base).iter().any(|var| looks.contains(var)),
                _ => asked_of(store.base),
            };
            from_awaited(store.src) && !came && (checked(store.field) || into_guard || asked())
        }),
        // `guard.insert(key, loaded)`
        SiteKind::Call => program.call(*site).is_some_and(|call| {
            let on_guard = call
                .receiver
                .is_some_and(|receiver| guard.is_some_and(|guard| meaning.made_from(receiver).contains(&guard)));
            // `tokens.put(key, load(key))` of what was asked before
            let on_checked = || {
                call.receiver.and_then(|receiver| program.loaded_as(receiver)).is_some_and(|load| checked(load.field))
            };
            let given = || program.arguments(*site).any(|argument| from_awaited(argument.var));
            // `known.set(key, loaded)` of the map that was asked before, which outlives the call
            let on_asked =
                || call.receiver.is_some_and(|receiver| outlives(receiver) && conditions.contains(&receiver));
            (looked_into && on_guard || on_checked() || on_asked()) && given()
                || meaning.callees(*site).into_iter().any(|callee| stores_checked(context, callee, &checked_by_name, 0))
        }),
        _ => false,
    })
}

/// Whether the holder looks into a cache of other processes, loads what it had not, and puts it there under the same key.
fn fills_shared_cache(context: &Context<'_>, sites: &[SiteId]) -> bool {
    let meaning = context.meaning;
    let keys = |kind: OpKind| -> Vec<(SiteId, Term)> {
        let effects = sites.iter().flat_map(|site| meaning.effects.at(*site).map(|(effect, _)| (*site, effect)));
        let known = |effect: &Effect| effect.kind == kind && !matches!(effect.key, Term::Unknown | Term::Absent);
        effects.filter(|(_, effect)| known(effect)).map(|(site, effect)| (site, effect.key)).collect()
    };
    let (looks, fills) = (keys(OpKind::CacheRead), keys(OpKind::CacheWrite));
    let loads = |look: SiteId, fill: SiteId| {
        let mut between = sites.iter().filter(|site| meaning.precedes(look, **site) && meaning.precedes(**site, fill));
        between.any(|site| meaning.effects.at(*site).any(|(effect, _)| is_load(&effect)))
    };
    looks.iter().any(|(look, key)| fills.iter().any(|(fill, filled)| filled == key && loads(*look, *fill)))
}

fn is_load(effect: &Effect) -> bool {
    matches!(effect.kind, OpKind::DbRead | OpKind::HttpRequest | OpKind::Rpc | OpKind::ObjectRead)
}

/// Whether the function that took the lock fills what it guards with what the function that it is given loads:
/// `cache.get(key, () => client.get(…))`.
pub(crate) fn fills_what_helper_guards(context: &Context<'_>, scope: &Scope) -> bool {
    let Some(own) = helper_of(context, scope) else { return false };
    let sites = context.meaning.sites(own);
    let loads = calls_of_given(context, &sites);
    !loads.is_empty() && fills_what_it_guards(context, own, &sites, &loads)
}

/// What a condition looks at: of what a library's call gave (`known.get(key)`), if only that it is there, not what it holds.
fn looked_at(context: &Context<'_>, condition: VarId) -> FxHashSet<VarId> {
    let meaning = context.meaning;
    let asked = asked_whether_there(context, condition);
    let call = meaning.program.call_giving(asked).filter(|call| meaning.resolution.calls_at(call.site).is_empty());
    match call.and_then(|call| call.receiver) {
        Some(receiver) => meaning.made_from(receiver).into_iter().chain([asked, receiver]).collect(),
        None => meaning.made_from(condition),
    }
}

/// What a condition asks for whether it is there at all: `var` of `!var`, `var == null`, `var is None`.
fn asked_whether_there(context: &Context<'_>, condition: VarId) -> VarId {
    let program = context.meaning.program;
    let is_null = |at: VarId| program.literal(at).is_some_and(|row| row.kind == LiteralKind::Null);
    let mut asks = program.binary_by_dst.of(&program.facts.relations.binary, condition);
    let asked = asks.find(|row| match program.text(row.operator) {
        "!" | "not" => true,
        "==" | "===" | "!=" | "!==" | "is" | "is not" => row.right.is_some_and(is_null),
        _ => false,
    });
    program.held_at(asked.map_or(condition, |row| row.left))
}

/// Whether a condition only asks whether `var` is there at all.
fn only_asks_whether_there(context: &Context<'_>, condition: VarId, var: VarId) -> bool {
    asked_whether_there(context, condition) == context.meaning.program.held_at(var)
}

/// Whether a value is, or is taken from, what one of the requests has given.
fn ends_in(context: &Context<'_>, var: VarId, requested: &[VarId]) -> bool {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let mut stack = vec![var];
    let mut seen: Vec<VarId> = Vec::new();
    while let Some(at) = stack.pop() {
        if requested.contains(&at) {
            return true;
        }
        if seen.len() > MAX_TAKEN || seen.contains(&at) {
            continue;
        }
        seen.push(at);
        stack.extend(program.assigned_from(at).map(|row| row.src));
        stack.extend(program.loaded_as(at).map(|load| load.base));
        for row in program.binary_by_dst.of(&r.binary, at) {
            stack.push(row.left);
            stack.extend(row.right);
        }
    }
    false
}

/// What is taken from an answer is followed this far.
const MAX_TAKEN: usize = 24;

/// Functions that a call under the lock runs are searched this deep for what they fill.
const MAX_DEPTH: u32 = 2;

/// Whether a function, or what it calls, stores a field that the lock's holder has looked at.
fn stores_checked(context: &Context<'_>, function: FunctionId, checked: &impl Fn(Sym) -> bool, depth: u32) -> bool {
    let meaning = context.meaning;
    let r = &meaning.program.facts.relations;
    meaning.program.sites(function).any(|row| match row.kind {
        SiteKind::Store => {
            r.store.binary_search_by_key(&row.site, |row| row.site).is_ok_and(|at| checked(r.store[at].field))
        }
        SiteKind::Call if depth < MAX_DEPTH => {
            meaning.callees(row.site).into_iter().any(|callee| stores_checked(context, callee, checked, depth + 1))
        }
        _ => false,
    })
}

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
