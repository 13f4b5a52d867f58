//! Connections that a helper of the project makes of a setting: `open(config.replicaUrl)`.
//!
//! The helper makes one for the primary and one for the replica at the same place; which of them a call gets, its argument
//! says.

use distsys_facts::{FunctionId, SiteId, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::Flow;
use crate::resolve::values::HandleRole;

/// A setting goes through so many helpers.
const MAX_HELPERS: u32 = 3;

/// What is made of a setting (an options object, a text, a parsed address) is taken apart this deep.
const MAX_PARTS: u32 = 6;

impl Flow<'_, '_> {
    /// The roles of what calls of such helpers give, by the node of their results.
    pub(super) fn made_connections(&self) -> FxHashMap<u32, HandleRole> {
        let program = self.program;
        let mut asked: FxHashMap<SiteId, (FunctionId, VarId)> = FxHashMap::default();
        for &(site, function) in self.calls.keys() {
            if let Some(call) = program.call(site).filter(|call| self.is_plain_connection(call.result)) {
                asked.insert(site, (function, call.result));
            }
        }
        let mut found: FxHashMap<u32, Option<HandleRole>> = FxHashMap::default();
        if asked.is_empty() {
            return FxHashMap::default();
        }
        let mut passed: FxHashMap<SiteId, Vec<(VarId, VarId)>> = FxHashMap::default();
        for row in &self.passed {
            passed.entry(row.site).or_default().push((row.parameter, row.argument));
        }
        let makers: FxHashSet<SiteId> = self.external.iter().map(|(site, ..)| *site).collect();
        for (site, (_, result)) in asked {
            for &(parameter, argument) in passed.get(&site).into_iter().flatten() {
                let role = self.role_of_value(argument, 0);
                if role == HandleRole::Unknown || !self.makes_connection(parameter, &makers, &passed, 0) {
                    continue;
                }
                let known = found.entry(Self::node(result)).or_insert(Some(role));
                *known = known.filter(|known| *known == role);
            }
        }
        found.into_iter().filter_map(|(node, role)| Some((node, role?))).collect()
    }

    /// Whether connections are there, and nothing says of which kind.
    fn is_plain_connection(&self, var: VarId) -> bool {
        let mut values =
            self.sets.of(Self::node(var)).map(|id| self.values.get(id)).filter(|value| self.is_handle(*value));
        values
            .next()
            .is_some_and(|first| std::iter::once(first).chain(values).all(|value| value.role == HandleRole::Unknown))
    }

    /// Whether a function makes a connection of what it gets as `parameter`.
    fn makes_connection(
        &self,
        parameter: VarId,
        makers: &FxHashSet<SiteId>,
        passed: &FxHashMap<SiteId, Vec<(VarId, VarId)>>,
        depth: u32,
    ) -> bool {
        let program = self.program;
        let Some(row) = program.parameter(parameter).filter(|_| depth < MAX_HELPERS) else { return false };
        let calls = program.sites(row.function).filter_map(|site| program.call(site.site));
        calls.filter(|call| self.is_plain_connection(call.result)).any(|call| {
            let goes_in = || program.arguments(call.site).any(|argument| self.is_part(parameter, argument.var, 0));
            let of_helper = passed.get(&call.site).into_iter().flatten();
            makers.contains(&call.site) && goes_in()
                || of_helper
                    .filter(|(_, argument)| self.is_part(parameter, *argument, 0))
                    .any(|(inner, _)| self.makes_connection(*inner, makers, passed, depth + 1))
        })
    }

    /// Whether `whole` is made of `part` where it is written.
    fn is_part(&self, part: VarId, whole: VarId, depth: u32) -> bool {
        let program = self.program;
        let r = &program.facts.relations;
        if part == whole || depth > MAX_PARTS {
            return part == whole;
        }
        let assigned = program.assigned_from(whole).map(|row| row.src);
        let holes = program.hole_by_var.of(&r.hole, whole).map(|row| row.value);
        let entries = program.entry_by_var.of(&r.entry, whole).map(|row| row.value);
        let call = program.call_giving(whole);
        let made =
            call.into_iter().flat_map(|call| program.arguments(call.site).map(|row| row.var).chain(call.receiver));
        let mut parts = assigned.chain(holes).chain(entries).chain(made);
        parts.any(|inner| self.is_part(part, inner, depth + 1))
    }
}
