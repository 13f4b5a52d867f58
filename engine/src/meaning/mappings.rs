//! Mappings of the language itself whose entries are not all in a literal: what is put into them later
//! (`options.update(timeout=5)`, `Object.assign(options, more)`), and those that one of several functions of the project gives
//! (`self.options()` of the classes below).

use distsys_facts::schema::Call;
use distsys_facts::{SiteId, VarId};

use super::operations::{Found, Operand};
use super::reader::{MAX_CHAIN, Reader};
use super::spelled::same_key;

/// So many functions may give the mapping.
const MAX_GIVING: usize = 16;

impl Reader<'_, '_> {
    /// What calls put at `path` of the mapping that `var` holds.
    pub(super) fn put_by_calls(&self, var: VarId, path: &[String], depth: usize) -> Found {
        let program = self.program;
        let r = &program.facts.relations;
        Found::first(self.holders(var).into_iter().flat_map(|holder| {
            let own = program.calls_by_receiver.of(&r.call, holder).map(|call| self.put_by(call, path, depth));
            let given = program.argument_by_var.of(&r.argument, holder).filter(|row| row.position == 0);
            let assigned = given.filter(|row| self.assigns(row.site)).map(|row| self.brought(row.site, 1, path, depth));
            own.chain(assigned)
        }))
    }

    fn put_by(&self, call: &Call, path: &[String], depth: usize) -> Found {
        let Some((first, rest)) = path.split_first() else { return Found::Absent };
        if !self.resolution.calls_at(call.site).is_empty() {
            return Found::Absent;
        }
        match self.program.text(call.name) {
            "update" => self.brought(call.site, 0, path, depth),
            "setdefault" => {
                let (Some(key), Some(value)) = (self.argument(call.site, 0), self.argument(call.site, 1)) else {
                    return Found::Absent;
                };
                match self.constant(key) {
                    Some(text) if same_key(text, first) => self.within_at(value, rest, depth + 1),
                    Some(_) => Found::Absent,
                    None => Found::Unknown,
                }
            }
            _ => Found::Absent,
        }
    }

    /// Whether a call copies the entries of its further arguments into its first.
    fn assigns(&self, site: SiteId) -> bool {
        let paths = &self.resolution.paths;
        self.resolution.external_at(site).iter().any(|(_, path, _)| paths.text(*path) == "Object.assign")
    }

    /// What the arguments from a position on, and those by name, bring at `path`.
    fn brought(&self, site: SiteId, from: u32, path: &[String], depth: usize) -> Found {
        let Some((first, rest)) = path.split_first() else { return Found::Absent };
        Found::first(self.program.arguments(site).map(|row| match self.program.text(row.keyword) {
            "" if row.position < from => Found::Absent,
            "" | "**" => self.within_at(row.var, path, depth + 1),
            keyword if same_key(keyword, first) => self.within_at(row.var, rest, depth + 1),
            _ => Found::Absent,
        }))
    }

    /// The entry at `path` of what a call gives that leads to functions of the project which all give mappings: if one of them
    /// has it, it counts as there. None where some may give what is not seen.
    pub(super) fn given_entry(&self, var: VarId, path: &[String], depth: usize) -> Option<Found> {
        let call = self.only_maker(var)?;
        let edges = self.resolution.calls_at(call.site);
        if edges.is_empty() || edges.len() > MAX_GIVING || depth > MAX_CHAIN {
            return None;
        }
        let r = &self.program.facts.relations;
        let returned = edges.iter().flat_map(|edge| self.program.returns_by_function.of(&r.returns, edge.function));
        // A body that only says that it is missing gives nothing.
        let returned: Vec<VarId> = returned.filter_map(|row| row.var).collect();
        if returned.is_empty() || !returned.iter().all(|var| self.object(*var).is_some()) {
            return None;
        }
        let of_each = returned.into_iter().map(|given| {
            let found = self.within_at(given, path, depth + 1);
            self.passed_from(found, call.site, depth)
        });
        let mut found: Vec<Found> = of_each.chain([self.put_by_calls(var, path, depth + 1)]).collect();
        found.sort_by_key(|found| match found {
            Found::Is(Operand::Within(..)) => 1,
            Found::Is(_) => 0,
            Found::Unknown => 2,
            Found::Absent => 3,
        });
        Some(found.swap_remove(0))
    }
}
