//! Connections: whether a statement runs in a transaction that a value carries.
//!
//! Most libraries give the open transaction as a value (`tx`, a session, a connection), and what is done on anything else
//! is done beside it, on a connection of its own. The value is followed backwards along the calls that lead to the
//! statement, so that a parameter is what this caller gives, and an object what was put into it here.

use distsys_facts::{FunctionKind, ParameterKind, SiteId, VarId};
use rustc_hash::FxHashSet;

use super::Meaning;
use super::operations::{Found, Operand, Operation};
use super::origins::{Origin, Origins, Walk};
use super::scopes::{Extent, Scope};
use crate::model::Family;
use crate::operation::{Attr, OpKind};
use crate::paths::PathId;
use crate::resolve::ValueKind;

/// Where a statement runs, as seen from an open transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs {
    Inside,
    /// On another connection to the same database.
    Outside,
    Unknown,
}

impl Meaning<'_> {
    /// Whether a value is a connection, or a pool of them.
    pub fn is_connection(&self, kind: ValueKind) -> bool {
        let is_handle = |path: &PathId| self.models.is_handle_anywhere(self.resolution.paths.text(*path));
        match kind {
            ValueKind::External(path) => is_handle(&path),
            ValueKind::Instance(class) => self.resolution.library_bases(class).iter().any(is_handle),
            _ => false,
        }
    }

    /// Whether a value carries the transaction of a scope, so that what is not done on it is done beside it.
    pub fn is_carried(&self, scope: &Scope) -> bool {
        let is_ambient = self.operation(scope).is_some_and(|op| self.is_ambient(op));
        scope.kind == OpKind::TxScope && !is_ambient && !self.carriers(scope).is_empty()
    }

    /// Whether open transactions of an operation's library reach statements without being handed to them.
    fn is_ambient(&self, op: &Operation) -> bool {
        self.operations.of_kind(OpKind::TxAmbient).any(|other| self.library(other) == self.library(op))
    }

    fn library(&self, op: &Operation) -> (Family, u32) {
        (op.family, self.models.op(op.family, op.model).library)
    }

    /// Whether the statement at the end of `trace`, which starts at a site in `scope`, runs in the scope's transaction.
    pub fn runs_in(&self, scope: &Scope, trace: &[SiteId]) -> Runs {
        let carriers = self.carriers(scope);
        let Some(opens) = self.operation(scope) else { return Runs::Unknown };
        let (Some(statement), false) = (self.statement(trace), carriers.is_empty()) else { return Runs::Unknown };
        if self.library(statement) != self.library(opens) {
            return Runs::Unknown;
        }
        let mut walk = Walk::new(self, trace, &carriers);
        let last = trace.len() - 1;
        match self.connection_of(statement) {
            // The library takes a connection of its own where it is given none.
            Found::Absent => return Runs::Outside,
            Found::Is(Operand::Var(var)) => walk.follow(var, Vec::new(), Some(last)),
            Found::Is(Operand::Within(var, path)) => {
                let path = path.iter().map(|key| self.program.facts.symbols.lookup(key)).collect::<Option<Vec<_>>>();
                match path {
                    Some(path) => walk.follow(self.spread_into(statement, var).unwrap_or(var), path, Some(last)),
                    None => return Runs::Unknown,
                }
                // An option that is not given.
                if walk.origins.found.is_empty() && !walk.origins.inside && !walk.origins.unknown {
                    return match self.is_stored_on_the_way(scope, trace, statement) {
                        true => Runs::Unknown,
                        false => Runs::Outside,
                    };
                }
            }
            _ => return Runs::Unknown,
        }
        let used = walk.origins;
        match (used.inside, used.unknown || used.found.is_empty()) {
            (true, _) => Runs::Inside,
            (false, true) => Runs::Unknown,
            // An option that is given is another transaction.
            (false, false) if self.declares(statement, Attr::Connection) => Runs::Unknown,
            (false, false) => match self.shares_base(statement, &used.found, scope, opens) {
                true => Runs::Outside,
                false => Runs::Unknown,
            },
        }
    }

    /// Whether a statement that a transaction is not handed to runs on what another, to which it is, would run on without it:
    /// `if tx != nil { on = tx } else { on = s.pool }`.
    pub fn runs_beside(&self, scope: &Scope, trace: &[SiteId], other: &[SiteId]) -> bool {
        let (Some(own), Some(other)) = (self.run_on(scope, trace), self.run_on(scope, other)) else { return false };
        let shared = || own.found.iter().any(|origin| other.found.contains(origin));
        !own.inside && !own.unknown && other.inside && shared()
    }

    /// What the statement at the end of a trace runs on, if that is a connection of the library that opened the transaction.
    fn run_on(&self, scope: &Scope, trace: &[SiteId]) -> Option<Origins> {
        let (opens, statement) = (self.operation(scope)?, self.statement(trace)?);
        let Found::Is(Operand::Var(var)) = self.connection_of(statement) else { return None };
        if self.library(statement) != self.library(opens) || self.declares(statement, Attr::Connection) {
            return None;
        }
        let carriers = self.carriers(scope);
        let mut walk = Walk::new(self, trace, &carriers);
        walk.follow(var, Vec::new(), Some(trace.len() - 1));
        Some(walk.origins)
    }

    /// The mapping given to a statement that takes the entries of `var` and of others, any of which may bring the connection:
    /// `{ ...context, ...options }`.
    fn spread_into(&self, statement: &Operation, var: VarId) -> Option<VarId> {
        let program = self.program;
        let entry = &program.facts.relations.entry;
        let mut given = program.arguments(statement.call).filter_map(|row| self.reader().object(row.var));
        given.find(|object| {
            let mut spread = program
                .entry_by_var
                .of(entry, *object)
                .filter(|row| program.text(row.key) == "**")
                .map(|row| row.value);
            spread.any(|value| value == var)
        })
    }

    /// Whether what a statement runs on, known under `used`, leads to the database that a transaction was opened on.
    fn shares_base(&self, statement: &Operation, used: &FxHashSet<Origin>, scope: &Scope, opens: &Operation) -> bool {
        let base = self.base(scope, opens);
        // A repository beside the source of connections: each is injected, once for the database.
        let is_injected = |origins: &FxHashSet<Origin>| {
            let by_receiver =
                |var: VarId| self.program.parameter(var).is_some_and(|row| row.kind == ParameterKind::Receiver);
            origins.iter().any(|origin| matches!(origin, Origin::Filled(_)))
                && origins.iter().all(|origin| match origin {
                    Origin::Filled(_) => true,
                    Origin::Held(var, _) => by_receiver(*var),
                    _ => false,
                })
        };
        let types = |op: &Operation| -> Vec<PathId> {
            let values = self.receiver_of(op).into_iter().flat_map(|var| self.resolution.values_of(var));
            let paths = values.filter_map(|value| match value.kind {
                ValueKind::External(path) => Some(path),
                _ => None,
            });
            paths.collect()
        };
        let are_of_two_types = || {
            let (left, right) = (types(statement), types(opens));
            !left.is_empty() && !right.is_empty() && left.iter().all(|path| !right.contains(path))
        };
        // What a source lends to a callback is of another type than the source, and tells nothing by that.
        let is_lent = || {
            let lent = self.receiver_of(statement).and_then(|var| self.program.parameter(var));
            lent.is_some_and(|row| self.program.function(row.function).kind == FunctionKind::Closure)
        };
        let are_beside = || is_injected(used) && is_injected(&base) && !is_lent() && are_of_two_types();
        base.iter().any(|origin| used.contains(origin)) || are_beside()
    }

    /// Whether something is stored, in the functions that lead to a statement, under the name of the option that tells it
    /// the transaction: `ctx.context.transaction = transaction`.
    fn is_stored_on_the_way(&self, scope: &Scope, trace: &[SiteId], statement: &Operation) -> bool {
        let Found::Is(Operand::Within(_, path)) = self.connection_of(statement) else { return false };
        let passes = |site: SiteId| {
            let function = self.program.site(site).function;
            function == scope.function || trace.iter().any(|step| self.program.site(*step).function == function)
        };
        let key = path.last().and_then(|key| self.program.facts.symbols.lookup(key));
        key.is_some_and(|key| self.program.stores_under(key).any(|row| passes(row.site)))
    }

    /// Whether a statement of a library that must be told the transaction is told one; none if that is not known.
    pub fn is_told_transaction(&self, op: &Operation) -> Option<bool> {
        match self.connection_of(op) {
            _ if !self.declares(op, Attr::Connection) || self.is_ambient(op) => None,
            Found::Absent => Some(false),
            Found::Is(Operand::Var(var)) => Some(!self.reader().is_null(var)),
            _ => None,
        }
    }

    /// The operation at the end of a trace that has a connection.
    fn statement(&self, trace: &[SiteId]) -> Option<&Operation> {
        let is_statement = |op: &&Operation| matches!(op.kind, OpKind::DbRead | OpKind::DbWrite | OpKind::Sql);
        self.operations.at(*trace.last()?).find(is_statement)
    }

    /// What a statement runs on.
    fn connection_of(&self, op: &Operation) -> Found {
        // A part of a statement runs where that one does.
        if let Some(outer) = self.given_to_statement(op).and_then(|call| call.receiver) {
            return Found::Is(Operand::Var(outer));
        }
        if self.declares(op, Attr::Connection) {
            return match self.attribute(op, Attr::Connection) {
                // `Order.updateOne(…).session(session)`
                Found::Absent if self.reader().is_called_later(op, Attr::Connection) => Found::Unknown,
                found => found,
            };
        }
        match self.attribute(op, Attr::Role) {
            found @ Found::Is(Operand::Var(_)) => found,
            _ => self.receiver_of(op).map_or(Found::Unknown, |var| Found::Is(Operand::Var(var))),
        }
    }

    pub(super) fn receiver_of(&self, op: &Operation) -> Option<VarId> {
        self.program.call(op.call).and_then(|call| call.receiver.or(call.callee))
    }

    /// The variables that carry the transaction of a scope in its function.
    pub(super) fn carriers(&self, scope: &Scope) -> FxHashSet<VarId> {
        let mut carriers = FxHashSet::default();
        let Some(op) = self.operation(scope) else { return carriers };
        let carrier = match op.kind {
            // `client.query("BEGIN")`
            OpKind::Sql => self.connection_of(op),
            _ => self.attribute(op, Attr::Connection),
        };
        match (carrier, scope.extent) {
            (Found::Is(Operand::Text(text)), Extent::Function(function)) if text == "given" => {
                let given = self.program.parameters(function).filter(|row| row.kind != ParameterKind::Receiver);
                carriers.extend(given.map(|row| row.var));
            }
            (Found::Is(Operand::Var(var)), Extent::Open(site) | Extent::Site(site)) => {
                // A wrapper gives what it has opened.
                match scope.steps.is_empty() {
                    true => self.hold(var, &mut carriers),
                    false => carriers.extend(self.program.call(site).map(|call| call.result)),
                }
            }
            (Found::Is(Operand::Var(var)), Extent::Region(region)) => {
                let r = &self.program.facts.relations;
                let managed = self.program.manages_by_region.of(&r.manages, region);
                carriers.extend(managed.filter_map(|row| row.bound));
                if scope.steps.is_empty() {
                    self.hold(var, &mut carriers);
                }
            }
            (Found::Is(Operand::Var(var)), Extent::Function(_)) if scope.steps.is_empty() => {
                self.hold(var, &mut carriers);
            }
            (Found::Is(Operand::Var(var)), Extent::Function(function)) => {
                // A wrapper of the project opens it, and gives it, or what it makes of it, to the function that it runs.
                let mut opened = FxHashSet::default();
                self.hold(var, &mut opened);
                opened.extend(scope.steps.iter().filter_map(|step| self.program.call(*step)).map(|call| call.result));
                let given = self.program.parameters(function).filter(|row| row.kind != ParameterKind::Receiver);
                let carries = |argument: VarId| self.made_from(argument).iter().any(|source| opened.contains(source));
                carriers.extend(
                    given
                        .map(|row| row.var)
                        .filter(|parameter| self.resolution.passed_to(*parameter).any(|row| carries(row.argument))),
                );
            }
            _ => {}
        }
        carriers
    }

    /// A variable with those whose value it has.
    fn hold(&self, var: VarId, carriers: &mut FxHashSet<VarId>) {
        let mut stack = vec![var];
        while let Some(at) = stack.pop() {
            if carriers.insert(at) && self.program.call_giving(at).is_none() {
                stack.extend(self.program.assigned_from(at).map(|row| row.src));
            }
        }
    }

    /// What the transaction of a scope was opened on.
    fn base(&self, scope: &Scope, opens: &Operation) -> FxHashSet<Origin> {
        let mut trace = scope.steps.clone();
        trace.push(opens.site);
        let none = FxHashSet::default();
        let mut walk = Walk::new(self, &trace, &none);
        let base = match self.attribute(opens, Attr::Role) {
            Found::Is(Operand::Var(var)) => Some(var),
            _ => self.receiver_of(opens),
        };
        if let Some(var) = base {
            walk.follow(var, Vec::new(), Some(trace.len() - 1));
        }
        walk.origins.found
    }
}
