//! What a project says for all calls of a library at once: settings by their names, methods of the library made its own.

use distsys_facts::{FunctionKind, VarId};

use super::operations::{Found, Operand};
use super::reader::Reader;
use super::spelled::same_key;
use crate::resolve::ValueKind;

impl Reader<'_, '_> {
    /// The constant that the project gives under a name that a framework reads its settings by: all places must agree.
    pub(super) fn setting(&self, name: &str) -> Found {
        let program = self.program;
        let r = &program.facts.relations;
        // `DATABASES.ATOMIC_REQUESTS` stands in an object; beside it the framework does not look for it.
        let (inner, name) = name.rsplit_once('.').map_or((false, name), |(_, name)| (true, name));
        let Some(symbol) = program.facts.symbols.lookup(name) else { return Found::Absent };
        let at = |site| program.site(site).function;
        let arguments = program.arguments_named(symbol).filter(|_| !inner);
        let arguments = arguments.map(|row| (at(row.site), row.var));
        let stores = program.stores_under(symbol).map(|row| (at(row.site), row.src));
        // Read by a framework are the variables of a module and the fields of a class.
        let of_module = |row: &&distsys_facts::schema::Variable| {
            !inner && row.name == symbol && program.function(row.function).kind == FunctionKind::Module
        };
        let variables = r.variable.iter().filter(of_module).map(|row| (row.function, row.var));
        let fields = program.fields_named(symbol).filter(|_| !inner).filter_map(|row| row.value);
        let entries = program.entries_under(symbol).map(|row| row.value);
        let in_code = arguments.chain(stores).chain(variables);
        let mut given = in_code
            .filter(|(function, _)| !program.is_out_of_scope(*function))
            .map(|(_, var)| var)
            .chain(fields)
            .chain(entries);
        let Some(first) = given.next() else { return Found::Absent };
        let Some(said) = self.constant(first) else {
            // `60 * 60`, if it is said in one place.
            let counted = self.root(first);
            let parts = program.binary_by_dst.first(&r.binary, counted).map(|row| [Some(row.left), row.right]);
            let is_number = |part: VarId| self.constant(part).is_some();
            let is_counted = parts.is_some_and(|parts| parts.into_iter().flatten().all(is_number));
            return match is_counted && given.all(|var| self.root(var) == counted) {
                true => Found::Is(Operand::Var(counted)),
                false => Found::Unknown,
            };
        };
        match given.all(|var| self.constant(var) == Some(said)) {
            true => Found::Is(Operand::Var(first)),
            false => Found::Unknown,
        }
    }

    /// What the project stores into an object that a library offers by name: `http.DefaultClient.Timeout = 5 * time.Second`.
    pub(super) fn stored_into_library(&self, path: &str) -> Found {
        let Some((object, field)) = path.rsplit_once('.') else { return Found::Absent };
        let Some(field) = self.program.facts.symbols.lookup(field) else { return Found::Absent };
        let is_object = |base: VarId| {
            self.resolution.values_of(base).any(|value| match value.kind {
                ValueKind::External(path) => self.resolution.paths.text(path) == object,
                _ => false,
            })
        };
        let mut stores = self.program.stores_under(field);
        let in_scope = |site| !self.program.is_out_of_scope(self.program.site(site).function);
        let stored = stores.find(|row| is_object(row.base) && in_scope(row.site));
        stored.map_or(Found::Absent, |row| Found::Is(Operand::Var(row.src)))
    }

    /// Whether the object that `var` is gives an argument of this name to whatever goes through it: a class of the project
    /// that overrides methods of the library's and fills it in there (`kwargs.setdefault("timeout", 5)`), or a method
    /// replaced by one with the argument given (`session.request = partial(session.request, timeout=5)`).
    pub(super) fn gives_by_itself(&self, var: VarId, name: &str) -> bool {
        let program = self.program;
        let r = &program.facts.relations;
        let gives = |site| program.arguments(site).any(|row| same_key(program.text(row.keyword), name));
        let mut classes = self.classes_of(var);
        classes.extend(self.class_of(var));
        let methods = classes
            .iter()
            .flat_map(|class| self.resolution.ancestors(*class))
            .filter(|class| !self.resolution.library_bases(**class).is_empty())
            .flat_map(|class| program.method_by_class.of(&r.method, *class))
            .map(|row| row.function)
            .filter(|method| program.function(*method).kind == FunctionKind::Method);
        let fills_in = |site: distsys_facts::SiteId| {
            let Some(call) = program.call(site) else { return false };
            let first = program.arguments(site).next().and_then(|row| self.constant(row.var));
            gives(site) || (program.text(call.name) == "setdefault" && first.is_some_and(|key| same_key(key, name)))
        };
        for method in methods {
            let own: Vec<VarId> = program.parameters(method).take(1).map(|row| row.var).collect();
            let stored = program.parameters(method).skip(1).any(|parameter| {
                // `if timeout is None: timeout = 5`
                let filled = same_key(program.text(parameter.name), name)
                    && program.assigned_from(parameter.var).next().is_some();
                filled || program.stores_to(parameter.var).any(|store| same_key(program.text(store.field), name))
            });
            if !own.is_empty() && (stored || program.sites(method).any(|row| fills_in(row.site))) {
                return true;
            }
        }
        // `http = new_session()`, where `new_session` gives what it has changed so.
        let made = self.maker(var).and_then(|call| self.only_return(call.site));
        let holders = program.assigned_from(var).map(|row| row.src).chain([var]).chain(made);
        holders
            .flat_map(|holder| program.stores_to(holder))
            .any(|store| program.call_giving(store.src).is_some_and(|call| gives(call.site)))
    }
}
