//! What helpers of the project work out of a row, or of what it held, and give back: `save(credit(account, amount))`,
//! `plus(account.balance, amount)`. What a caller has read has other names there.

use distsys_facts::schema::Call;
use distsys_facts::{CallKind, FunctionId, ParameterKind, SiteId, VarId};

use crate::Context;
use crate::computed::{Read, is_made_of, is_row};

/// A call leads to so few functions, if it is known where.
const FEW_TARGETS: usize = 3;

/// A parameter is given so few functions, if they are told apart.
const FEW_GIVEN: usize = 12;

/// Objects are made from so many others.
const MAX_PARTS: usize = 24;

/// Helpers call so many others.
const MAX_HELPERS: usize = 3;

/// What a field of an object is given, in whatever function that is made.
pub(crate) struct Field<'m> {
    pub field: &'m str,
    pub value: VarId,
    /// The row that was read, as it is called there.
    pub of: Read<'m>,
    /// The call of the helper that makes the object, if it is not made here.
    pub by: Option<SiteId>,
}

/// The arguments that functions of the project get at a call, each with the parameter that it is there: those that the call leads
/// to, or those that are given as the parameter that is called (`change(account)`).
pub(crate) fn helpers_at(context: &Context<'_>, site: SiteId) -> Vec<(VarId, VarId)> {
    let meaning = context.meaning;
    let program = meaning.program;
    let callees = meaning.resolution.calls_at(site);
    if !callees.is_empty() {
        let passed = meaning.resolution.passed_at(site).iter().filter(|_| callees.len() <= FEW_TARGETS);
        let is_there = |parameter: VarId| {
            let function = program.parameter(parameter).map(|row| row.function);
            callees.iter().any(|edge| Some(edge.function) == function)
        };
        return passed.filter(|row| is_there(row.parameter)).map(|row| (row.argument, row.parameter)).collect();
    }
    let callee = program
        .call(site)
        .and_then(|call| call.callee)
        .filter(|var| program.parameter(program.held_at(*var)).is_some());
    let given: Vec<FunctionId> = callee.map(|var| meaning.functions_given(var)).unwrap_or_default();
    if given.len() > FEW_GIVEN {
        return Vec::new();
    }
    let parameters = given.into_iter().flat_map(|function| {
        program.parameters(function).filter(|row| row.kind != ParameterKind::Receiver).zip(program.arguments(site))
    });
    parameters.map(|(parameter, argument)| (argument.var, parameter.var)).collect()
}

/// What a call of helpers gives, each with what was read as it is called there: the row itself, or what `field` of it held.
pub(crate) fn given_back<'m>(
    context: &Context<'_>,
    call: &Call,
    field: Option<&'m str>,
    of: &Read<'m>,
) -> Vec<(VarId, Read<'m>)> {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let is_field = |argument: VarId| {
        let held = program.held_at(argument);
        (program.loaded_as(held).is_some() || context.meaning.read_by_column(held).is_some())
            && is_made_of(context, field, argument, of)
    };
    let mut given = Vec::new();
    for (argument, parameter) in helpers_at(context, call.site) {
        let read = Read { value: parameter, at: None, ..*of };
        let read = match () {
            () if is_field(argument) => Read { column: Some(field.unwrap_or_default()), ..read },
            () if is_row(context, argument, of.value, false) => read,
            () if is_made_of(context, field, argument, of) => Read { column: Some(field.unwrap_or_default()), ..read },
            () => continue,
        };
        let function = program.parameter(parameter).map(|row| row.function);
        let returned = function.into_iter().flat_map(|function| program.returns_by_function.of(&r.returns, function));
        // What no field is asked of is a value by itself, and none with parts of its own.
        let returned = returned.filter_map(|row| row.var).filter(|var| field.is_some() || !is_object(context, *var));
        given.extend(returned.map(|var| (var, read)));
    }
    given
}

/// The arguments that what a call of helpers gives is made from, as rows are mapped: `to_account(row)`.
pub(crate) fn made_from_arguments(context: &Context<'_>, site: SiteId) -> Vec<VarId> {
    context.known.made_from_arguments.get(site, || {
        let program = context.meaning.program;
        let r = &program.facts.relations;
        let is_part = |parameter: VarId| {
            let function = program.parameter(parameter).map(|row| row.function);
            let returned =
                function.into_iter().flat_map(|function| program.returns_by_function.of(&r.returns, function));
            let mut returned = returned.filter_map(|row| row.var);
            returned.any(|var| context.meaning.made_from(var).contains(&parameter))
        };
        let helpers = helpers_at(context, site).into_iter();
        helpers.filter(|(_, parameter)| is_part(*parameter)).map(|(argument, _)| argument).collect()
    })
}

/// Whether a value is an object made here.
fn is_object(context: &Context<'_>, var: VarId) -> bool {
    let program = context.meaning.program;
    let held = program.held_at(var);
    program.entry_by_var.of(&program.facts.relations.entry, held).next().is_some()
        || program.call_giving(held).is_some_and(|call| call.kind == CallKind::New)
}

/// The fields of the objects that `values` are, or are made from, each with what it is given: in literals, in copies that a library
/// or a constructor makes with some of them, and in what helpers give that have the row.
pub(crate) fn fields_of<'a, 'm: 'a>(context: &Context<'m>, values: Vec<VarId>, of: &Read<'a>) -> Vec<Field<'a>> {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let mut fields = Vec::new();
    let mut stack: Vec<(VarId, Read<'a>, Option<SiteId>, usize)> =
        values.into_iter().map(|var| (var, *of, None, 0)).collect();
    for _ in 0..MAX_PARTS {
        let Some((var, of, by, depth)) = stack.pop() else { break };
        let mut put = |field: &'a str, value: VarId| fields.push(Field { field, value, of, by });
        for row in program.entry_by_var.of(&r.entry, var) {
            put(program.text(row.key), row.value);
            stack.push((row.value, of, by, depth));
        }
        stack.extend(program.assigned_from(var).map(|row| (row.src, of, by, depth)));
        // What a helper stores into the object that it gives; here the row's own fields are known.
        for store in program.stores_to(var).filter(|_| by.is_some()) {
            put(program.text(store.field), store.src);
        }
        let Some(call) = program.call_giving(var) else { continue };
        let made = call.kind == CallKind::New || meaning.resolution.calls_at(call.site).is_empty();
        for argument in program.arguments(call.site).filter(|_| made) {
            let keyword = program.text(argument.keyword);
            if !keyword.is_empty() {
                put(keyword, argument.var);
            }
        }
        if call.kind == CallKind::New {
            for passed in meaning.resolution.passed_at(call.site) {
                let name = program.parameter(passed.parameter).map(|row| program.text(row.name));
                name.into_iter().for_each(|name| put(name, passed.argument));
            }
        } else if depth < MAX_HELPERS {
            let given = given_back(context, call, Some(""), &of).into_iter();
            stack.extend(given.map(|(returned, of)| (returned, of, by.or(Some(call.site)), depth + 1)));
        }
    }
    fields
}
