//! Locks by what is done with them: who has the key set gets an object that holds the key, and a method of that object
//! deletes it.

use distsys_facts::schema::Call;
use distsys_facts::{ParameterKind, Sym, VarId};

use super::operations::{Found, Operand, Operation};
use super::scopes::Builder;
use crate::operation::{Attr, OpKind};

impl Builder<'_, '_, '_> {
    /// Whether the function that has the key set makes an object of it whose class takes the key away again:
    /// `won.then_some(Latch { redis, key })`, where `Latch::open` deletes `self.key`.
    pub(super) fn is_held_by_an_object(&self, op: &Operation) -> bool {
        let program = self.reader.program;
        let Some(key) = self.key_of(op) else { return false };
        let key = self.reader.root(key);
        program.sites(op.function).filter_map(|row| program.call(row.site)).any(|call| {
            let Some(class) = self.reader.class_of(call.result) else { return false };
            let fields = self.fields_that_hold(call, key);
            !fields.is_empty()
                && self.operations.of_kind(OpKind::CacheDelete).any(|delete| {
                    let own = program.class_around(delete.function) == Some(class);
                    let field = self.key_of(delete).and_then(|var| program.loaded_as(self.reader.root(var)));
                    own && field.is_some_and(|load| fields.contains(&load.field))
                })
        })
    }

    fn key_of(&self, op: &Operation) -> Option<VarId> {
        match self.reader.attribute(op, Attr::Key) {
            Found::Is(Operand::Var(var)) => Some(var),
            _ => None,
        }
    }

    /// The fields of the object that a call makes which hold `value`: named there, or stored by the constructor.
    fn fields_that_hold(&self, call: &Call, value: VarId) -> Vec<Sym> {
        let program = self.reader.program;
        let given = program.arguments(call.site).filter(|row| self.reader.root(row.var) == value);
        let mut fields: Vec<Sym> =
            given.map(|row| row.keyword).filter(|keyword| !program.text(*keyword).is_empty()).collect();
        for passed in self.reader.resolution.passed_at(call.site) {
            if self.reader.root(passed.argument) != value {
                continue;
            }
            let function = program.parameter(passed.parameter).map(|row| row.function);
            let receivers = function.into_iter().flat_map(|function| program.parameters(function));
            for receiver in receivers.filter(|row| row.kind == ParameterKind::Receiver) {
                let stores = program.stores_to(receiver.var);
                let holds = stores.filter(|store| self.reader.root(store.src) == passed.parameter);
                fields.extend(holds.map(|store| store.field));
            }
        }
        fields
    }
}
