//! Mappings that have the entries of others: copies (`dict(BASE)`, `new Headers(base)`, `base.Clone()`), and what is
//! merged into them later (`headers.update(extra)`, `Object.assign(headers, extra)`, one entry in each turn of a loop).

use distsys_facts::VarId;
use distsys_facts::schema::Call;

use super::operations::{Found, Operand};
use super::reader::Reader;
use crate::model::Returned;
use crate::model::source::Source;

/// Methods of the languages' own mappings that give another one with the same entries.
const COPYING: &[&str] = &["copy", "clone", "Clone"];

/// Those that take over all entries of what they are given.
const MERGING: &[&str] = &["update", "putAll", "setAll", "addAll", "extend"];

/// Those that give the entries, each with its key.
const PAIRING: &[&str] = &["items", "entries", "entrySet", "iter", "into_iter"];

/// An entry is taken apart in so few steps.
const MAX_PARTS: usize = 8;

impl Reader<'_, '_> {
    /// The mappings whose entries what a call gives has; of two that hold an entry the first one's counts.
    pub(super) fn copied(&self, call: &Call) -> Vec<VarId> {
        if let Some(original) = self.same_as(call) {
            return vec![original];
        }
        if !self.resolution.calls_at(call.site).is_empty() {
            return Vec::new();
        }
        for (_, path, _) in self.resolution.external_at(call.site) {
            let (family, path) = (self.resolution.paths.family(*path), self.resolution.paths.text(*path));
            if let Some(makes) = self.models.makes(family, path) {
                return self.vars_of(call, &makes.copies);
            }
            if let Some(Returned::Pairs(position)) = self.models.returns(family, path) {
                return self.argument(call.site, *position).into_iter().collect();
            }
        }
        let name = self.program.text(call.name);
        let bare = self.program.arguments(call.site).next().is_none();
        // `Object.entries(headers).filter(…)`: some of them.
        let hands_on = bare && COPYING.contains(&name) || name == "filter";
        call.receiver.filter(|_| hands_on).into_iter().collect()
    }

    fn vars_of(&self, call: &Call, sources: &[Source]) -> Vec<VarId> {
        let at = self.at(call);
        let found = sources.iter().filter_map(|source| match self.source(&at, source) {
            Found::Is(Operand::Var(var)) => Some(var),
            _ => None,
        });
        found.collect()
    }

    /// The mappings all of whose entries are taken over into the one that `holder` holds.
    pub(super) fn merged_into(&self, holder: VarId) -> Vec<VarId> {
        let program = self.program;
        let r = &program.facts.relations;
        let mut merged = Vec::new();
        for call in program.calls_by_receiver.of(&r.call, holder) {
            if !MERGING.contains(&program.text(call.name)) || !self.resolution.calls_at(call.site).is_empty() {
                continue;
            }
            let given = program.arguments(call.site).filter(|row| matches!(program.text(row.keyword), "" | "**"));
            merged.extend(given.map(|row| row.var));
        }
        for argument in program.argument_by_var.of(&r.argument, holder) {
            let Some(call) = program.call(argument.site) else { continue };
            for (_, path, _) in self.resolution.external_at(call.site) {
                let (family, path) = (self.resolution.paths.family(*path), self.resolution.paths.text(*path));
                let sets = self.models.sets(family, path);
                if let Some(sets) = sets.filter(|sets| sets.into == Some(argument.position as usize)) {
                    merged.extend(self.vars_of(call, &sets.entries));
                }
            }
        }
        merged
    }

    /// The mapping of whose entries, one after another, `var` is the key or the value:
    /// `for (const [name, value] of Object.entries(headers))`, `for name, value in headers.items()`.
    pub(super) fn part_of_each(&self, var: VarId) -> Option<VarId> {
        let program = self.program;
        let mut at = self.root(var);
        let mut parts = 0;
        for _ in 0..MAX_PARTS {
            if let Some(load) = program.loaded_as(at) {
                match program.text(load.field) {
                    "0" | "1" | "*" | "[*]" | "key" | "value" => parts += 1,
                    // A call without arguments may be read as a member.
                    "entrySet" => {}
                    _ => break,
                }
                at = self.root(load.base);
                continue;
            }
            let Some(call) = program.call_giving(at).filter(|call| self.resolution.calls_at(call.site).is_empty())
            else {
                break;
            };
            let pairs = self.resolution.external_at(call.site).iter().find_map(|(_, path, _)| {
                let (family, path) = (self.resolution.paths.family(*path), self.resolution.paths.text(*path));
                match self.models.returns(family, path) {
                    Some(Returned::Pairs(position)) => self.argument(call.site, *position),
                    _ => None,
                }
            });
            let bare = program.arguments(call.site).next().is_none();
            let own = call.receiver.filter(|_| bare && PAIRING.contains(&program.text(call.name)));
            match pairs.or(own) {
                Some(mapping) => at = self.root(mapping),
                None => break,
            }
        }
        (parts > 0).then_some(at)
    }
}
