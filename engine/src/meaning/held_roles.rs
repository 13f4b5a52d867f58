//! Roles of objects that hold a connection: of a repository that is made once for the primary and once for the replica.

use distsys_facts::{CallKind, SiteId, VarId};

use super::terms::{Describer, Role};
use crate::resolve::{HandleRole, ValueKind};

impl Describer<'_, '_> {
    /// The role of the one connection that the project's own object holds which is made at a site.
    pub(super) fn role_held(&self, site: SiteId, depth: usize) -> Option<Role> {
        let reader = self.reader;
        let call = reader.program.call(site)?;
        let makes = call.kind == CallKind::New || call.callee.is_some_and(|callee| reader.is_class(callee));
        if !makes || reader.class_of(call.result).is_none() {
            return None;
        }
        let mut held = reader.program.arguments(site).filter(|row| self.is_connection(row.var));
        match (held.next(), held.next()) {
            (Some(only), None) => Some(self.role_at(only.var, depth + 1)).filter(|role| *role != Role::Unknown),
            _ => None,
        }
    }

    fn is_connection(&self, var: VarId) -> bool {
        let reader = self.reader;
        reader.resolution.values_of(var).any(|value| match value.kind {
            ValueKind::External(path) => {
                value.role != HandleRole::Unknown
                    || reader.models.is_handle_anywhere(reader.resolution.paths.text(path))
            }
            _ => false,
        })
    }
}
