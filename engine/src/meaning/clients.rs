//! Scopes that the configuration of a client makes: `axiosRetry(client, …)` retries every call on it.

use distsys_facts::schema::Call;
use distsys_facts::{ClassId, ParameterKind, SiteId, VarId};
use rustc_hash::FxHashSet;

use super::callbacks::parameter_of;
use super::operations::{Found, Operand, Operation};
use super::scopes::Builder;
use crate::operation::OpKind;
use crate::resolve::ValueKind;

/// A key is put into another form so many times.
const MAX_FORMS: usize = 6;

impl Builder<'_, '_, '_> {
    /// The operations on the client that an operation configures: made by the same call, or the same library's own object.
    pub(super) fn calls_on_client(&self, op: &Operation) -> Vec<SiteId> {
        let reader = self.reader;
        let client = match reader.first(op, &reader.model(op).client) {
            Found::Is(Operand::Var(var)) => var,
            _ => return Vec::new(),
        };
        let made = reader.maker(client).map(|call| call.site);
        let shared: Vec<ValueKind> = reader.resolution.values_of(client).map(|value| value.kind).collect();
        // `class PartnerSession(requests.Session)`, whose constructor calls `self.mount(…)`: all of its objects are clients.
        let own = reader.program.parameter(client).filter(|row| row.kind == ParameterKind::Receiver);
        let own = own.and_then(|_| reader.program.class_around(op.function));
        let is_own = |other: &Operation| {
            let receiver = reader.program.call(other.site).and_then(|call| call.receiver);
            let classes = receiver.map_or_else(Vec::new, |var| reader.classes_of(var));
            own.is_some_and(|own| classes.iter().any(|class| reader.resolution.ancestors(*class).contains(&own)))
        };
        let on_client = |other: &&Operation| match made {
            _ if is_own(other) => true,
            Some(made) => {
                let chain = reader.chain_calls(other.site);
                // A client that another is made with sends what the other is asked for: `API(session=session)`.
                let wraps = |site: &SiteId| {
                    let mut given = reader.program.arguments(*site);
                    *site != other.site && given.any(|row| reader.maker(row.var).is_some_and(|call| call.site == made))
                };
                chain.contains(&made) || chain.iter().any(wraps) || self.is_handed(other, made)
            }
            None => {
                let receiver = reader.program.call(other.site).and_then(|call| call.receiver.or(call.callee));
                // `session().get(url)`, where `session` gives what is kept.
                let kept = |var: VarId| reader.maker(var).map_or(Some(var), |call| reader.only_return(call.site));
                receiver.and_then(kept).is_some_and(|var| {
                    reader.maker(var).is_none()
                        && reader.resolution.values_of(var).any(|value| shared.contains(&value.kind))
                })
            }
        };
        let remote: Vec<&Operation> = self
            .operations
            .all
            .iter()
            .filter(|other| matches!(other.kind, OpKind::HttpRequest | OpKind::Rpc | OpKind::Payment))
            .collect();
        if op.kind == OpKind::RetryScope && self.adds_keys(op, &remote) {
            return Vec::new();
        }
        let on_client = remote.into_iter().filter(on_client).map(|other| other.site);
        match self.class_configured(op, client) {
            Some(class) => on_client.flat_map(|site| self.as_seen_from(class, site)).collect(),
            None => on_client.collect(),
        }
    }

    /// Whether an operation is done on the client that was made at a site, which all who make the operation's object, or call its
    /// function, give it: `Orders(session())`.
    fn is_handed(&self, op: &Operation, made: SiteId) -> bool {
        let reader = self.reader;
        let program = reader.program;
        let Some(receiver) = program.call(op.call).and_then(|call| call.receiver) else { return false };
        let client = reader.root(receiver);
        let held = program.loaded_as(client).and_then(|load| reader.stored(load.base, load.field));
        let Some(parameter) = parameter_of(reader, held.unwrap_or(client)) else { return false };
        let mut given = reader.resolution.passed_to(parameter).peekable();
        given.peek().is_some() && given.all(|row| reader.made_at_last(row.argument) == Some(made))
    }

    /// The class whose instances' client is configured: `axiosRetry(this.http)` in a constructor.
    fn class_configured(&self, op: &Operation, client: VarId) -> Option<ClassId> {
        let program = self.reader.program;
        let base = program.loaded_as(client)?.base;
        let own = program.parameter(base).is_some_and(|row| row.kind == ParameterKind::Receiver);
        self.reader.program.class_around(op.function).filter(|_| own)
    }

    /// A call on a client that instances of `class` configure: itself, or, in a method that the class inherits and others
    /// inherit, too, the calls of that method by the class.
    fn as_seen_from(&self, class: ClassId, site: SiteId) -> Vec<SiteId> {
        let program = self.reader.program;
        let resolution = self.reader.resolution;
        let function = program.site(site).function;
        let is_own = |other: ClassId| other == class || resolution.ancestors(other).contains(&class);
        match program.class_around(function) {
            Some(other) if !is_own(other) && resolution.ancestors(class).contains(&other) => {
                let mut calls: Vec<SiteId> = resolution
                    .calls
                    .iter()
                    .filter(|edge| edge.function == function)
                    .map(|edge| edge.site)
                    .filter(|site| program.class_around(program.site(*site).function).is_some_and(is_own))
                    .collect();
                calls.dedup();
                calls
            }
            _ => vec![site],
        }
    }

    /// Whether the function that configures the client, or one beside it in the file, gives every request a key of its own
    /// (an interceptor).
    fn adds_keys(&self, op: &Operation, remote: &[&Operation]) -> bool {
        let program = self.reader.program;
        let r = &program.facts.relations;
        let file = program.file_of_function(op.function);
        let says = |sym| program.text(sym).to_ascii_lowercase().replace(['-', '_'], "").contains("idempotencykey");
        let here = |site: SiteId| program.file_of_function(program.site(site).function) == file;
        // A header of one request is not one of all.
        let of_file = remote.iter().filter(|other| here(other.site));
        let of_one: FxHashSet<SiteId> = of_file.clone().flat_map(|other| self.reader.chain_calls(other.site)).collect();
        // What fills the request that a call is given.
        let given_to_one: FxHashSet<VarId> =
            of_file.flat_map(|other| self.reader.chain_arguments(other.site)).collect();
        let named = || r.literal.iter().filter(|row| says(row.value));
        let is_read = |site: SiteId, var: VarId| program.arguments(site).last().is_some_and(|row| row.var == var);
        let is_looked_for = || {
            let mut asked = named().flat_map(|row| program.argument_by_var.of(&r.argument, row.var));
            asked.any(|row| here(row.site) && is_read(row.site, row.var))
                || r.load.iter().any(|row| {
                    let function = program.variable(row.dst).map(|row| row.function);
                    says(row.field) && function.is_some_and(|function| program.file_of_function(function) == file)
                })
        };
        // Another key for each attempt is none for the request; the first one stays where it is looked for.
        let is_another = |value: VarId| {
            // `HeaderValue::from_str(&uuid().to_string())`
            let made = std::iter::successors(self.reader.maker(value), |call| {
                let given = program.arguments(call.site).map(|row| row.var);
                let mut of = call.receiver.into_iter().chain(given).filter_map(|of| self.reader.maker(of));
                of.find(|of| of.site != call.site)
            });
            let fresh = |call: &Call| self.operations.at(call.site).any(|op| op.kind == OpKind::Fresh);
            made.take(MAX_FORMS).any(fresh) && !is_looked_for()
        };
        let gives_another = |site: SiteId, name: VarId| {
            let value = program.arguments(site).skip_while(|row| row.var != name).nth(1);
            value.is_some_and(|row| is_another(row.var))
        };
        r.store.iter().any(|row| here(row.site) && says(row.field) && !is_another(row.src))
            || named().any(|row| {
                !given_to_one.contains(&row.var)
                    && program.argument_by_var.of(&r.argument, row.var).any(|argument| {
                        let is_own = here(argument.site) && !of_one.contains(&argument.site);
                        is_own && !gives_another(argument.site, row.var)
                    })
            })
            || r.store.iter().any(|row| {
                here(row.site)
                    && program.text(row.field) == "[]"
                    && r.variable
                        .iter()
                        .any(|variable| says(variable.name) && program.file_of_function(variable.function) == file)
            })
    }
}
