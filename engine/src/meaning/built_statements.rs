//! Statements that calls have built (`select(Order).where(…)`), here or in helpers, and that may be run elsewhere: by a function
//! that is given them.

use distsys_facts::{ClassId, FunctionId, SiteId, VarId, names_version};

use super::at_calls::Argument;
use super::callbacks::parameter_of;
use super::effects::{Effect, EffectFlags};
use super::gates::decided_by;
use super::operations::{Operation, Operations};
use super::own_effects::is_there;
use super::reader::Reader;
use super::terms::{Describer, Term};
use crate::operation::{Attr, OpKind};

/// A statement is followed through so many helpers that begin it.
const MAX_HELPERS: u32 = 4;

/// Conditions and columns are taken apart this deep for the statements within them.
const MAX_WITHIN: u32 = 5;

/// A call leads to so few functions, if it is known what it gives.
const FEW_TARGETS: usize = 4;

/// The effect of running a statement that calls have built (`select(Order).where(…)`).
pub(super) fn of_built(
    describer: &mut Describer<'_, '_>,
    operations: &Operations,
    effect: Effect,
    var: VarId,
) -> Option<Effect> {
    built(describer, operations, effect, var, 0).map(|(effect, _)| effect)
}

/// What the statements within it read: `select(Plan.allowed - select(func.count()).where(Visit.plan_id == id))`.
pub(super) fn read_within(
    describer: &mut Describer<'_, '_>,
    operations: &Operations,
    effect: Effect,
    var: VarId,
) -> Vec<Effect> {
    let reader = describer.reader;
    let program = reader.program;
    let Some(last) = reader.maker(var) else { return Vec::new() };
    let given = |site: SiteId| program.arguments(site).map(|row| (row.var, 0));
    let mut stack: Vec<(VarId, u32)> = reader.builders(last.site).iter().flat_map(|call| given(call.site)).collect();
    let mut found = Vec::new();
    while let Some((at, depth)) = stack.pop() {
        let call = program.call_giving(at);
        if call.is_some()
            && let Some((inner, _)) = built(describer, operations, effect, at, MAX_HELPERS)
        {
            found.extend(Some(inner).filter(|inner| inner.kind == OpKind::DbRead));
        } else if depth < MAX_WITHIN {
            let binary = program.binary_by_dst.of(&program.facts.relations.binary, at);
            let sides = binary.flat_map(|row| std::iter::once(row.left).chain(row.right));
            let parts =
                sides.chain(program.assigned_from(at).map(|row| row.src)).chain(call.and_then(|call| call.receiver));
            let arguments = call.into_iter().flat_map(|call| program.arguments(call.site)).map(|row| row.var);
            stack.extend(parts.chain(arguments).map(|part| (part, depth + 1)));
        }
    }
    found
}

/// The effect of a function that runs the statement that it is given, where the call gives it one that calls have built.
pub(super) fn at_call(
    describer: &mut Describer<'_, '_>,
    operations: &Operations,
    effect: Effect,
    callee: FunctionId,
    call: Option<SiteId>,
) -> Option<Effect> {
    let Term::Parameter(parameter) = effect.entity else { return None };
    let Argument::Given(var) = describer.argument(parameter, callee, call) else { return None };
    let built = of_built(describer, operations, effect, var);
    built.or_else(|| Some(Effect { entity: begun(describer.reader, var)?, ..effect }))
}

/// The parameter that a statement is, or that calls add to: `statement.limit(10)`.
pub(super) fn begun(reader: Reader<'_, '_>, var: VarId) -> Option<Term> {
    let last = reader.maker(var)?.site;
    let first = std::iter::once(last).chain(reader.chain_calls(last)).last()?;
    let call = reader.call(first)?;
    let is_helper = |site: SiteId| !reader.resolution.calls_at(site).is_empty();
    let begun = call.receiver.filter(|_| !is_helper(first)).and_then(|var| parameter_of(reader, var))?;
    let is_own = reader.program.parameter(begun).is_some_and(|row| row.function == reader.program.site(first).function);
    is_own.then_some(Term::Parameter(begun))
}

/// Likewise, with the operation that began the statement.
fn built<'o>(
    describer: &mut Describer<'_, '_>,
    operations: &'o Operations,
    effect: Effect,
    var: VarId,
    depth: u32,
) -> Option<(Effect, &'o Operation)> {
    let reader = describer.reader;
    let last = reader.maker(var)?.site;
    let around = reader.program.site(last).function;
    // What a helper says of the statement is in its own terms.
    let here = |site: &SiteId| reader.program.site(*site).function == around;
    let chain: Vec<SiteId> = std::iter::once(last).chain(reader.chain_calls(last)).filter(here).collect();
    let begun = chain.iter().flat_map(|site| operations.at(*site)).find(|op| op.kind == OpKind::Statement);
    let own = begun.map(|op| (of_operation(describer, operations, effect, op, last), op));
    if depth >= MAX_HELPERS || own.is_some_and(|(own, _)| own.entity != Term::Unknown) {
        return own;
    }
    let given = chain.iter().find_map(|site| by_helper(describer, operations, effect, *site, depth));
    let (given, op) = given?;
    match own {
        // What is put to it here: `repository.base_statement().with_for_update()`.
        Some((own, _)) if own.kind == given.kind => Some((Effect { flags: own.flags | given.flags, ..given }, op)),
        Some(own) => Some(own),
        None => {
            let later = if given.kind == OpKind::DbRead { reader.put_later(op, Attr::Condition, last) } else { None };
            Some((locked_later(reader, given, later), op))
        }
    }
}

/// A read that a call `later` in its chain makes lock what it reads; its key is the parameter that decides whether it does.
pub(super) fn locked_later(reader: Reader<'_, '_>, read: Effect, later: Option<SiteId>) -> Effect {
    let Some(later) = later.filter(|_| !read.flags.has(EffectFlags::ROW_LOCK)) else { return read };
    let key = decided_by(reader, later).map_or(Term::Absent, Term::Parameter);
    Effect { flags: read.flags | EffectFlags::ROW_LOCK, key, ..read }
}

/// A read at a call of the function that does it: locked, if the call asks for that where it is asked.
pub(super) fn locked_at_call(describer: &Describer<'_, '_>, before: Term, read: Effect) -> Effect {
    if read.kind != OpKind::DbRead || !matches!(before, Term::Parameter(_)) || matches!(read.key, Term::Parameter(_)) {
        return read;
    }
    let refused = match read.key {
        Term::Absent => true,
        Term::Text(name) => describer.names.text(name).eq_ignore_ascii_case("false"),
        _ => false,
    };
    let flags = if refused { read.flags.without(EffectFlags::ROW_LOCK) } else { read.flags };
    Effect { flags, key: Term::Absent, ..read }
}

/// The statement that a helper of the project gives at a call, as the caller knows it.
fn by_helper<'o>(
    describer: &mut Describer<'_, '_>,
    operations: &'o Operations,
    effect: Effect,
    site: SiteId,
    depth: u32,
) -> Option<(Effect, &'o Operation)> {
    let reader = describer.reader;
    let r = &reader.program.facts.relations;
    let edges = reader.resolution.calls_at(site);
    if edges.len() > FEW_TARGETS {
        return None;
    }
    let mut found: Option<(Effect, &Operation)> = None;
    for edge in edges {
        let returned = reader.program.returns_by_function.of(&r.returns, edge.function);
        let returned: Vec<VarId> = returned.filter_map(|row| row.var).collect();
        for var in returned {
            let Some((inner, op)) = built(describer, operations, effect, var, depth + 1) else { continue };
            let entity = describer.entity_at_call(inner.entity, edge.function, Some(site));
            let key = describer.at_call(inner.key, edge.function, Some(site));
            let seen = Effect { entity: describer.as_entity(entity), key, ..inner };
            let seen = locked_at_call(describer, inner.key, seen);
            match found {
                Some((known, _)) if (known.kind, known.entity) != (seen.kind, seen.entity) => return None,
                Some((known, op)) => found = Some((Effect { flags: known.flags | seen.flags, ..known }, op)),
                None => found = Some((seen, op)),
            }
        }
    }
    found
}

/// The class of the project whose columns the conditions of a statement compare, or that it is said to be from.
fn class_asked(reader: Reader<'_, '_>, last: SiteId) -> Option<ClassId> {
    let program = reader.program;
    let asks = |name: &str| matches!(name, "select_from" | "from" | "where" | "filter");
    let calls = reader.builders(last).into_iter().filter(|call| asks(program.text(call.name)));
    let given = calls.flat_map(|call| program.arguments(call.site)).map(|row| row.var);
    given.filter_map(|var| reader.only_class(var).or_else(|| reader.class_of_columns(var))).last()
}

/// The effect of a statement that `op` began and the call `last` ends.
fn of_operation(
    describer: &mut Describer<'_, '_>,
    operations: &Operations,
    effect: Effect,
    op: &Operation,
    last: SiteId,
) -> Effect {
    let reader = describer.reader;
    let verb = reader.attribute(op, Attr::Verb);
    let entity = reader.attribute(op, Attr::Entity);
    let (verb, mut entity) = (describer.term(&verb), describer.entity_term(&entity));
    // `select(func.count()).where(Visit.plan_id == plan)`: what its conditions are about.
    if !matches!(entity, Term::Text(_) | Term::Parameter(_) | Term::Within(..))
        && let Some(class) = class_asked(reader, last)
    {
        entity = describer.entity_of(class);
    }
    let kind = match verb {
        Term::Text(name) if describer.names.text(name) == "select" => OpKind::DbRead,
        _ => OpKind::DbWrite,
    };
    let mut flags = effect.flags;
    let is_update = matches!(verb, Term::Text(name) if describer.names.text(name) == "update");
    let set = if is_update { reader.columns_set(last) } else { Vec::new() };
    let asked = if is_update { reader.columns_asked(last) } else { Vec::new() };
    let verb = match set.iter().any(|(column, value)| reader.is_counted_on(operations, column, *value)) {
        true => Term::Text(describer.names.intern("increment")),
        false => verb,
    };
    // What the row holds decides whether it changes.
    if asked.iter().any(|column| names_version(column) || set.iter().any(|(known, _)| known == column)) {
        flags = flags | EffectFlags::CONDITIONAL;
    }
    if is_there(&reader.attribute(op, Attr::Condition)) {
        flags = flags | if kind == OpKind::DbRead { EffectFlags::ROW_LOCK } else { EffectFlags::CONDITIONAL };
    }
    let built = Effect { kind, verb, entity: describer.as_entity(entity), flags, ..effect };
    // `if lock: query = query.with_for_update()`
    let later = if kind == OpKind::DbRead { reader.put_later(op, Attr::Condition, op.site) } else { None };
    locked_later(reader, built, later)
}
