//! Where something is kept whose name only the deployment knows: one field, parameter or variable of the environment names the
//! table both for who reads and for who writes it.

use distsys_engine::meaning::{Found, Operand, Operation};
use distsys_engine::{Attr, OpKind};
use distsys_facts::{ClassId, ParameterKind, SiteId, Sym, VarId};

use crate::Context;

/// What names a table, or the client that is asked for it.
#[derive(PartialEq, Eq)]
enum Place {
    /// The name itself.
    Named(String),
    /// A variable of one function.
    Value(VarId),
    /// A field of the object that reads or writes.
    Field(ClassId, Sym),
    /// A variable of the environment.
    Environment(Sym),
}

/// Whether two operations are on one table.
pub(crate) fn is_of_one_table(context: &Context<'_>, one: &Operation, other: &Operation) -> bool {
    place(context, one).is_some_and(|known| place(context, other) == Some(known))
}

/// Whether what a read and a write do that the tool knows no entity of is done to one table.
pub(crate) fn is_of_one_place(context: &Context<'_>, read: SiteId, write: SiteId) -> bool {
    let of_read = places(context, read, OpKind::DbRead);
    let of_write = places(context, write, OpKind::DbWrite);
    of_read.iter().any(|place| of_write.contains(place))
}

fn places(context: &Context<'_>, site: SiteId, kind: OpKind) -> Vec<Place> {
    let meaning = context.meaning;
    let done = meaning.effects.at(site).filter(|(effect, _)| effect.kind == kind && effect.entity_name().is_none());
    let ends = done.filter_map(|(effect, _)| meaning.trace(site, &effect).last().copied());
    ends.filter_map(|end| place(context, context.operation(end, kind)?)).collect()
}

/// What a call gives a pointer to: `aws.String(m.table)`.
fn pointed_at(context: &Context<'_>, var: VarId) -> VarId {
    let program = context.meaning.program;
    let made = program.call_giving(var).filter(|call| matches!(program.text(call.name), "String" | "Ptr" | "ToPtr"));
    let mut given = made.into_iter().flat_map(|call| program.arguments(call.site));
    match (given.next(), given.next()) {
        (Some(only), None) => only.var,
        _ => var,
    }
}

fn place(context: &Context<'_>, op: &Operation) -> Option<Place> {
    let meaning = context.meaning;
    let program = meaning.program;
    let named = match meaning.attribute(op, Attr::Entity) {
        Found::Is(Operand::Var(var)) => Some(var),
        _ => program.call(op.site).and_then(|call| call.receiver),
    };
    let at = program.held_at(pointed_at(context, program.held_at(named?)));
    if let Some(name) = meaning.constant(at) {
        return Some(Place::Named(name.to_owned()));
    }
    let Some(load) = program.loaded_as(at) else { return Some(Place::Value(at)) };
    let is_own = program.parameter(load.base).is_some_and(|row| row.kind == ParameterKind::Receiver);
    let of_environment = program
        .loaded_as(program.held_at(load.base))
        .is_some_and(|outer| matches!(program.text(outer.field), "env" | "environ"));
    match program.class_around(op.function) {
        _ if of_environment => Some(Place::Environment(load.field)),
        Some(class) if is_own => Some(Place::Field(class, load.field)),
        _ => None,
    }
}
