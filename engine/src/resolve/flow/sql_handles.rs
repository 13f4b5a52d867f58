//! Connections that nothing says but what they are given: `def store(conn, row): conn.cursor().execute("insert …")`.
//!
//! Python's and JavaScript's functions take a connection as a parameter without a type, from a framework's object that
//! holds anything, from a fixture. A method that runs statements, given one, says that its receiver is a connection.

use distsys_facts::{SiteId, VarId};
use rustc_hash::FxHashSet;

use super::Flow;
use crate::model::{Family, SqlHandle};
use crate::paths::PathId;
use crate::resolve::values::{Value, ValueKind};

/// A value is followed back through so many assignments.
const MAX_STEPS: usize = 6;

impl Flow<'_, '_> {
    /// Values of which nothing is known, and that run statements, are connections.
    pub(super) fn by_statements(&mut self) {
        let program = self.program;
        let r = &program.facts.relations;
        if r.sql.is_empty() {
            return;
        }
        let is_given_one =
            |site: SiteId| program.arguments(site).next().is_some_and(|argument| self.is_statement(argument.var));
        let asked: Vec<(SiteId, VarId, Family, &SqlHandle)> = r
            .call
            .iter()
            .filter_map(|row| {
                let family = Family::from(self.language_of(row.site));
                let handle = self.models.sql_handle(family, program.text(row.name))?;
                Some((row.site, row.receiver.filter(|_| is_given_one(row.site))?, family, handle))
            })
            .collect();
        // Few of all calls; what is known is looked up for those alone.
        let sites: FxHashSet<SiteId> = asked.iter().map(|(site, ..)| *site).collect();
        let is_modelled = |path: PathId| {
            let text = self.paths.text(path);
            !self.models.ops_of(self.paths.family(path), text).is_empty()
        };
        let called = self.calls.keys().map(|(site, _)| *site).filter(|site| sites.contains(site));
        let external = self.external.iter().filter(|(site, path, _)| sites.contains(site) && is_modelled(*path));
        let known: FxHashSet<SiteId> = called.chain(external.map(|(site, ..)| *site)).collect();
        let mut found: Vec<(VarId, PathId)> = Vec::new();
        for (site, receiver, family, handle) in asked {
            if let Some(connection) = self.connection_of(receiver, handle).filter(|_| !known.contains(&site)) {
                found.push((connection, self.paths.intern(family, &handle.type_)));
            }
        }
        for (var, path) in found {
            self.add_to_origin(var, Value::new(ValueKind::External(path)));
        }
    }

    fn is_statement(&self, var: VarId) -> bool {
        let program = self.program;
        let held = |at: VarId| program.sql_by_var.of(&program.facts.relations.sql, at).next().is_some();
        held(var) || held(self.origin(var))
    }

    /// Where a value comes from, through plain assignments.
    fn origin(&self, var: VarId) -> VarId {
        let mut at = var;
        for _ in 0..MAX_STEPS {
            let Some(source) = self.program.only_source(at) else { break };
            at = source;
        }
        at
    }

    /// The connection that `receiver` is, or was made by. None where the project itself says what it is.
    fn connection_of(&self, receiver: VarId, handle: &SqlHandle) -> Option<VarId> {
        let origin = self.origin(receiver);
        let connection = match self.program.call_giving(origin) {
            Some(call) if handle.made_by.iter().any(|name| name == self.program.text(call.name)) => {
                self.origin(call.receiver?)
            }
            _ => origin,
        };
        let is_open = self.sets.of(Self::node(connection)).all(|id| match self.values.get(id).kind {
            ValueKind::External(path) => !self.models.is_handle_anywhere(self.paths.text(path)),
            _ => false,
        });
        is_open.then_some(connection)
    }

    /// Adds to what `var` is read from: a field is the same for all methods.
    fn add_to_origin(&mut self, var: VarId, value: Value) {
        self.add(Self::node(var), value);
        let Some(load) = self.program.loaded_as(var) else { return };
        let owners: Vec<_> = self
            .sets
            .of(Self::node(load.base))
            .filter_map(|id| match self.values.get(id).kind {
                ValueKind::Instance(class) => Some(class),
                _ => None,
            })
            .collect();
        for class in owners {
            let field = self.class_field(class, load.field);
            self.add(field, value);
        }
    }
}
