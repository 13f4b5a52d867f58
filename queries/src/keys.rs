//! Idempotency keys that are made anew each time something is done, so that nobody knows the second time for the first.

use distsys_engine::meaning::{Found, Operand};
use distsys_engine::{Attr, OpKind};
use distsys_facts::{FunctionId, SiteId, VarId};
use rustc_hash::FxHashSet;

use crate::Context;

/// Where the key of the operation that `trace` ends in is made, by a call that is `wanted`: in the function of the operation
/// or of a caller, up to the position `at`.
pub(crate) fn key_made(
    context: &Context<'_>,
    trace: &[SiteId],
    at: usize,
    wanted: impl Fn(SiteId) -> bool,
) -> Option<SiteId> {
    let sources = key_sources(context, trace, at);
    let program = context.meaning.program;
    sources
        .into_iter()
        .flatten()
        .filter_map(|var| program.call_giving(var))
        .map(|call| call.site)
        .find(|site| wanted(*site) && !is_overridden(context, *site, trace))
}

/// What the key is made from, in each function from that of the operation upwards.
fn key_sources(context: &Context<'_>, trace: &[SiteId], at: usize) -> Vec<FxHashSet<VarId>> {
    let meaning = context.meaning;
    let mut found = Vec::new();
    let Some(last) = trace.last() else { return found };
    let Some(op) = meaning.operations.at(*last).find(|op| meaning.declares(op, Attr::IdempotencyKey)) else {
        return found;
    };
    let mut key = meaning.attribute(op, Attr::IdempotencyKey);
    let mut vars = Vec::new();
    for position in (at..trace.len()).rev() {
        let above = position.checked_sub(1).and_then(|above| trace.get(above));
        match &key {
            Found::Is(Operand::Var(var)) => vars.push(*var),
            // In an object or among keyword arguments that callers hand over.
            Found::Is(Operand::Within(var, path)) => {
                let Some(above) = above else { break };
                key = meaning.passed_within(*above, *var, path);
                continue;
            }
            _ => {}
        }
        key = Found::Absent;
        let mut sources: FxHashSet<VarId> = vars.iter().flat_map(|var| meaning.made_from(*var)).collect();
        if let Some(above) = above {
            let replaced: Vec<VarId> = sources.iter().flat_map(|var| meaning.replaced_at(*above, *var)).collect();
            sources.retain(|var| !replaced.contains(var));
            // `key = randomUUID()`: what the call leaves out is made when the function begins.
            let left_out: Vec<VarId> = sources.iter().filter_map(|var| meaning.left_to_default(*above, *var)).collect();
            sources.extend(left_out.into_iter().flat_map(|default| meaning.made_from(default)));
        }
        // Up one call: what was passed for the parameters that the key is made from.
        if let Some(above) = above {
            let passed = meaning.resolution.passed_at(*above).iter();
            let given = passed.filter(|passed| sources.contains(&passed.parameter));
            vars = given.flat_map(|row| given_for(context, *above, row.parameter, row.argument, &sources)).collect();
        }
        found.push(sources);
    }
    found
}

/// What a call gives of an argument for what a key is made from: the members of it that are asked (`order.key`), as far as they
/// are seen, or all of it.
fn given_for(
    context: &Context<'_>,
    call: SiteId,
    parameter: VarId,
    argument: VarId,
    sources: &FxHashSet<VarId>,
) -> Vec<VarId> {
    let meaning = context.meaning;
    let program = meaning.program;
    let loads = sources.iter().filter_map(|var| program.loaded_as(*var)).filter(|load| load.base == parameter);
    let mut members: Vec<&str> = loads.map(|load| program.text(load.field)).collect();
    members.sort_unstable();
    members.dedup();
    let given = members.into_iter().map(|member| match meaning.passed_within(call, parameter, &[member.to_owned()]) {
        Found::Is(Operand::Var(var)) => var,
        _ => argument,
    });
    let given: Vec<VarId> = given.collect();
    if given.is_empty() { vec![argument] } else { given }
}

/// A key is put into another form so many times: `str(uuid4())`, `uuid4().hex`.
const MAX_FORMS: usize = 4;

/// Whether the key that a call makes is only there for want of another, which the way down `trace` gives: an entry of an object
/// that takes in what a caller gives after it (`{ "idempotency-key": randomUUID(), ...headers }`).
fn is_overridden(context: &Context<'_>, made: SiteId, trace: &[SiteId]) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let Some(key) = program.call(made).map(|call| call.result) else { return false };
    // Asked first, of the few steps from the key to the entry: there are many entries.
    let is_of_key = |var: VarId| {
        let mut at = var;
        for _ in 0..MAX_FORMS {
            let held = program.loaded_as(at).map(|load| load.base);
            let held = held.or_else(|| program.hole_by_var.first(&r.hole, at).map(|row| row.value));
            let call = || program.call_giving(at).filter(|_| at != key);
            let given =
                || call().and_then(|call| call.receiver.or(program.arguments(call.site).next().map(|row| row.var)));
            match held.or_else(given).or_else(|| program.assigned_from(at).next().map(|row| row.src)) {
                Some(next) if at != key => at = next,
                _ => break,
            }
        }
        at == key
    };
    let entries = r.entry.iter().filter(|row| is_of_key(row.value));
    entries.into_iter().any(|own| {
        let whole = program.entry_by_var.of(&r.entry, own.var);
        let after = whole.skip_while(|row| row.value != own.value).filter(|row| program.text(row.key) == "**");
        let name = [program.text(own.key).to_owned()];
        let taken_in = after.flat_map(|row| meaning.made_from(row.value));
        let given = taken_in.into_iter().filter_map(|var| program.parameter(var));
        given.into_iter().any(|given| {
            let is_of = |function: FunctionId| trace.iter().position(|step| context.function_of(*step) == function);
            // Where the way begins there, each of its callers is looked at by itself.
            let gives = |function: FunctionId, parameter: VarId, path: &[String]| {
                is_of(function).is_some_and(|at| match at.checked_sub(1) {
                    Some(above) => matches!(meaning.passed_within(trace[above], parameter, path), Found::Is(_)),
                    None => !meaning.callers(function).is_empty(),
                })
            };
            if is_of(given.function).is_some() {
                return gives(given.function, given.var, &name);
            }
            let begins_in = |step: &SiteId| {
                std::iter::successors(program.function(context.function_of(*step)).parent, |at| {
                    program.function(*at).parent
                })
                .any(|around| around == given.function)
            };
            if trace.first().is_some_and(begins_in) {
                return !meaning.callers(given.function).is_empty();
            }
            // A helper that whoever sends calls.
            meaning.callers(given.function).iter().any(|call| match meaning.passed_within(*call, given.var, &name) {
                Found::Is(Operand::Within(parameter, path)) => gives(context.function_of(*call), parameter, &path),
                Found::Is(_) => is_of(context.function_of(*call)).is_some(),
                Found::Absent | Found::Unknown => false,
            })
        })
    })
}

/// Whether a call gives another value each time: a generator of unique ones, the clock, or a helper of the project that only
/// makes one.
pub(crate) fn is_fresh(context: &Context<'_>, site: SiteId) -> bool {
    context.meaning.makes_anew(site, |kind| matches!(kind, OpKind::Fresh | OpKind::ClockRead))
}

/// Whether a value is made from one that nobody had before, by the function that has it: a key with it in is of nothing that
/// was there.
pub(crate) fn is_of_none_before(context: &Context<'_>, var: VarId) -> bool {
    let made = context.meaning.made_from(var).into_iter().filter_map(|var| context.meaning.program.call_giving(var));
    made.into_iter().any(|call| context.meaning.makes_anew(call.site, |kind| kind == OpKind::Fresh))
}

/// Whether the key that an operation carries is made by a generator of unique values on the way down `trace`, and neither
/// kept nor read before: then what starts the way makes another one the next time. The time of the day may be the same.
pub(crate) fn has_key_of_its_own(context: &Context<'_>, trace: &[SiteId]) -> bool {
    let meaning = context.meaning;
    let stores = |kind: OpKind| {
        matches!(
            kind,
            OpKind::DbRead
                | OpKind::DbWrite
                | OpKind::CacheRead
                | OpKind::CacheWrite
                | OpKind::ObjectRead
                | OpKind::Sql
        )
    };
    let keeps = |site: SiteId| meaning.effects.at(site).any(|(effect, _)| stores(effect.kind));
    let Some(made) = key_made(context, trace, 0, |site| meaning.makes_anew(site, |kind| kind == OpKind::Fresh)) else {
        return false;
    };
    let Some(key) = meaning.program.call(made).map(|call| call.result) else { return false };
    let is_kept = |site: SiteId| {
        keeps(site) && meaning.chain_arguments(site).into_iter().any(|var| meaning.made_from(var).contains(&key))
    };
    let around = meaning.program.sites(context.function_of(made)).map(|row| row.site);
    let kept = around.filter(|site| !trace.contains(site)).any(is_kept);
    let stored = meaning.program.facts.relations.store.iter().any(|row| {
        context.function_of(row.site) == context.function_of(made) && meaning.made_from(row.src).contains(&key)
    });
    !kept && !stored && key_made(context, trace, 0, keeps).is_none()
}
