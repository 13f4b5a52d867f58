//! Accesses to one table that keeps all kinds of things by a key: what is put under `offsets/…` is not among what is listed
//! under `schemas/`.

use distsys_engine::OpKind;
use distsys_engine::meaning::{Effect, Name};
use distsys_engine::words::words;
use distsys_facts::{ParameterKind, SiteId, VarId};

use crate::Context;

/// A key is put together in so many steps.
const MAX_STEPS: usize = 12;

/// So many calls make one statement: `query(…).bind(…).bind(…).fetch_all(…)`.
const MAX_CHAIN: usize = 16;

/// Whether all that is written of an entity at one site has keys which begin otherwise than all those that are read of it at
/// the other. A key whose beginning is not known may be any.
pub(crate) fn has_other_keys(context: &Context<'_>, write: SiteId, read: SiteId, entity: Name) -> bool {
    let keys_of = |site: SiteId, kind: OpKind| -> Option<Vec<String>> {
        let effects = context.meaning.effects.at(site).map(|(effect, _)| effect);
        let of = effects.filter(|effect| effect.kind == kind && effect.entity_name() == Some(entity));
        let keys: Option<Vec<String>> = of.map(|effect| begins_with(context, site, &effect)).collect();
        keys.filter(|keys| !keys.is_empty())
    };
    let Some(written) = keys_of(write, OpKind::DbWrite) else { return false };
    let Some(asked) = keys_of(read, OpKind::DbRead) else { return false };
    let meets = |one: &String, other: &String| one.starts_with(other.as_str()) || other.starts_with(one.as_str());
    !written.iter().any(|one| asked.iter().any(|other| meets(one, other)))
}

/// How the key begins that a statement is given for the parameter of its function which is one: `put(key, value)`.
fn begins_with(context: &Context<'_>, site: SiteId, effect: &Effect) -> Option<String> {
    let trace = context.meaning.trace(site, effect);
    let mut keys: Vec<VarId> = Vec::new();
    for given in given_to(context, *trace.last()?) {
        let sources = context.meaning.made_from(given).into_iter().chain([given]);
        keys.extend(sources.filter(|var| is_key(context, *var)));
    }
    keys.sort_unstable();
    keys.dedup();
    let [key] = keys[..] else { return None };
    let (text, _) = begins(context, key, &trace[..trace.len() - 1], MAX_STEPS)?;
    (!text.is_empty()).then_some(text)
}

fn is_key(context: &Context<'_>, var: VarId) -> bool {
    let program = context.meaning.program;
    let named = |name: &str| matches!(words(name).last().map(String::as_str), Some("key" | "prefix" | "namespace"));
    let mut parameter = program.parameter(var).into_iter().filter(|row| row.kind != ParameterKind::Receiver);
    parameter.any(|_| program.variable(var).is_some_and(|row| named(program.text(row.name))))
}

/// What a statement is given: by the calls of its chain, one by one or as a list.
fn given_to(context: &Context<'_>, last: SiteId) -> Vec<VarId> {
    let program = context.meaning.program;
    let mut given = Vec::new();
    let mut at = program.call(last);
    for _ in 0..MAX_CHAIN {
        let Some(call) = at else { break };
        given.extend(program.arguments(call.site).map(|row| row.var));
        at = call.receiver.and_then(|receiver| program.call_giving(program.held_at(receiver)));
    }
    given
}

/// The constant text that a value begins with, and whether that is all of it. What a function is given is looked up at the
/// call that the way came by.
fn begins(context: &Context<'_>, var: VarId, way: &[SiteId], steps: usize) -> Option<(String, bool)> {
    let meaning = context.meaning;
    let program = meaning.program;
    let steps = steps.checked_sub(1)?;
    if let Some(row) = program.parameter(var) {
        let (call, above) = way.split_last()?;
        let mut passed = meaning.resolution.passed_at(*call).iter().filter(|passed| passed.parameter == row.var);
        return begins(context, passed.next()?.argument, above, steps);
    }
    if let Some(text) = meaning.constant(var) {
        return Some((text.to_owned(), true));
    }
    if let Some(text) = program.template(var) {
        let mut holes = program.hole_by_var.of(&program.facts.relations.hole, var);
        let mut made = String::new();
        let mut parts = program.text(text).split("{}").peekable();
        while let Some(part) = parts.next() {
            made.push_str(part);
            if parts.peek().is_none() {
                break;
            }
            let filled = holes.next().and_then(|row| begins(context, row.value, way, steps));
            let Some((text, whole)) = filled else { return Some((made, false)) };
            made.push_str(&text);
            if !whole {
                return Some((made, false));
            }
        }
        return Some((made, true));
    }
    if let Some(row) = program.binary_by_dst.of(&program.facts.relations.binary, var).next() {
        let joined = matches!(program.text(row.operator), "+" | "+=");
        let (left, whole) = begins(context, row.left, way, steps).filter(|_| joined)?;
        let right = row.right.filter(|_| whole).and_then(|right| begins(context, right, way, steps));
        return Some(right.map_or((left.clone(), false), |(right, whole)| (left + &right, whole)));
    }
    if let Some(call) = program.call_giving(var) {
        const SAME: &[&str] =
            &["to_string", "to_owned", "into", "clone", "as_str", "as_ref", "as_bytes", "String", "toString"];
        let same = SAME.contains(&program.text(call.name)) && program.arguments(call.site).next().is_none();
        return begins(context, call.receiver.filter(|_| same)?, way, steps);
    }
    begins(context, program.only_source(var)?, way, steps)
}
