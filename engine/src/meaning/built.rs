//! Objects of the project's own classes, read from the calls that made and changed them: `new Call(path, headers)`,
//! `Request.to(path).key(id)`.

use distsys_facts::schema::Call;
use distsys_facts::{CallKind, FunctionId, FunctionKind, ParameterKind, Sym, VarId};

use super::callbacks::parameter_of;
use super::operations::{Found, Operand};
use super::reader::Reader;
use super::spelled::same_key;

/// So many calls made the object, one around or after another.
const MAX_CALLS: usize = 8;

impl<'m> Reader<'m, '_> {
    /// The entry at `path` of an object of a class of the project; none where not all that made it is seen.
    pub(super) fn built_entry(&self, var: VarId, path: &[String], depth: usize) -> Option<Found> {
        if depth > MAX_CALLS {
            return None;
        }
        let call = self.only_maker(var)?;
        let found = match self.resolution.calls_at(call.site) {
            [edge] if self.program.function(edge.function).kind == FunctionKind::Constructor => {
                self.constructed(call, edge.function, path, depth)
            }
            [edge] => self.given_by_member(call, edge.function, path, depth),
            [] if call.kind == CallKind::New => self.initial(call, path, depth),
            _ => None,
        }?;
        match found {
            Found::Is(Operand::Within(..)) | Found::Unknown => None,
            Found::Absent if self.is_set_by_itself(call.result, path) => None,
            found => Some(found),
        }
    }

    /// What a constructor stores of what it was given.
    fn constructed(&self, call: &Call, constructor: FunctionId, path: &[String], depth: usize) -> Option<Found> {
        let (first, rest) = path.split_first()?;
        let receiver = self.receiver_of(constructor)?;
        let mut stores = self.program.stores_to(receiver).filter(|row| same_key(self.program.text(row.field), first));
        match (stores.next(), stores.next()) {
            (Some(store), None) => {
                let found = self.within_at(store.src, rest, depth + 1);
                Some(self.passed_from(found, call.site, depth))
            }
            (None, _) => match self.base_constructed(constructor, receiver) {
                Some((inner, of_base)) if depth < MAX_CALLS => {
                    let found = self.constructed(inner, of_base, path, depth + 1)?;
                    Some(self.passed_from(found, call.site, depth))
                }
                _ => self.initial(call, path, depth),
            },
            _ => None,
        }
    }

    /// The constructor of a base class that one calls on its own object, with the call: `super("orders")`.
    fn base_constructed(&self, constructor: FunctionId, receiver: VarId) -> Option<(&'m Call, FunctionId)> {
        let program = self.program;
        program.sites(constructor).find_map(|site| {
            let [edge] = self.resolution.calls_at(site.site) else { return None };
            let of_base =
                program.function(edge.function).kind == FunctionKind::Constructor && edge.function != constructor;
            let is_itself = |var: VarId| {
                var == receiver || program.call_giving(var).is_some_and(|call| program.text(call.name) == "super")
            };
            let given = self.receiver_of(edge.function);
            let mut passed = self.resolution.passed_at(site.site).iter();
            let on_itself = passed.any(|row| given == Some(row.parameter) && is_itself(row.argument));
            if of_base && on_itself { Some((program.call(site.site)?, edge.function)) } else { None }
        })
    }

    /// What a field of an object holds that nothing has been stored in.
    fn initial(&self, call: &Call, path: &[String], depth: usize) -> Option<Found> {
        let (first, rest) = path.split_first()?;
        let program = self.program;
        let class = self.class_of(call.result)?;
        let mut fields = self
            .resolution
            .ancestors(class)
            .iter()
            .flat_map(|class| program.field_by_class.of(&program.facts.relations.field, *class));
        let field = fields.find(|row| same_key(program.text(row.name), first))?;
        Some(field.value.map_or(Found::Absent, |value| self.within_at(value, rest, depth + 1)))
    }

    /// What a function gives that makes an object, or changes the one that it is called on and gives it back.
    fn given_by_member(&self, call: &Call, function: FunctionId, path: &[String], depth: usize) -> Option<Found> {
        let r = &self.program.facts.relations;
        let returned = self.program.returns_by_function.of(&r.returns, function).filter_map(|row| row.var);
        let returned: Vec<VarId> = returned.filter(|var| !self.is_null(*var)).collect();
        let receiver = self.receiver_of(function);
        let is_itself = |var: &VarId| receiver.is_some() && parameter_of(*self, *var) == receiver;
        if let (Some(receiver), Some(on)) = (receiver, call.receiver)
            && !returned.is_empty()
            && returned.iter().all(is_itself)
        {
            return Some(match self.filled(receiver, path, depth + 1, 1) {
                Found::Absent => self.within_at(on, path, depth + 1),
                found => self.passed_from(found, call.site, depth),
            });
        }
        match returned[..] {
            [only] => Some(self.passed_from(self.within_at(only, path, depth + 1), call.site, depth)),
            _ => None,
        }
    }

    /// Whether some method of the object's class puts something there that no caller has given.
    fn is_set_by_itself(&self, object: VarId, path: &[String]) -> bool {
        let program = self.program;
        let r = &program.facts.relations;
        let Some(class) = self.class_of(object) else { return false };
        let methods =
            self.resolution.ancestors(class).iter().flat_map(|class| program.method_by_class.of(&r.method, *class));
        let receivers = methods.filter_map(|row| self.receiver_of(row.function));
        receivers.into_iter().any(|receiver| match self.filled(receiver, path, 0, usize::MAX) {
            Found::Absent => false,
            Found::Is(Operand::Var(value) | Operand::Within(value, _)) => {
                parameter_of(*self, value).is_none() && !self.is_null(value)
            }
            _ => true,
        })
    }

    fn receiver_of(&self, function: FunctionId) -> Option<VarId> {
        let mut parameters = self.program.parameters(function);
        parameters.find(|row| row.kind == ParameterKind::Receiver).map(|row| row.var)
    }

    /// The object and its field that `var` is read from: a load, or an accessor's (`call.headers()`).
    pub(super) fn field_read(&self, var: VarId) -> Option<(VarId, Sym)> {
        let program = self.program;
        if let Some(load) = program.loaded_as(var) {
            return Some((load.base, load.field));
        }
        let call = program.call_giving(var)?;
        let [edge] = self.resolution.calls_at(call.site) else { return None };
        let load = program.loaded_as(self.only_returned(edge.function)?)?;
        let is_own = self.receiver_of(edge.function) == Some(load.base);
        is_own.then_some((call.receiver?, load.field))
    }
}
