//! What a function makes for want of what its caller did not give: `options.key ?? randomUUID()`. A call that gives it replaces it.

use distsys_facts::{SiteId, VarId};
use rustc_hash::FxHashSet;

use super::Meaning;
use super::callbacks::parameter_of;
use super::operations::{Found, Operand};

impl Meaning<'_> {
    /// What `var` would be made from if the call at `site` did not give what is taken before.
    pub fn replaced_at(&self, site: SiteId, var: VarId) -> Vec<VarId> {
        let reader = self.reader();
        let program = self.program;
        let Some(choice) = program.chosen(var) else { return Vec::new() };
        if choice.condition != choice.taken {
            return Vec::new();
        }
        let root = reader.root(choice.taken);
        let given = match program.loaded_as(root) {
            Some(load) => self.passed_within(site, load.base, &[program.text(load.field).to_owned()]),
            None => match parameter_of(reader, root).and_then(|parameter| program.parameter(parameter)) {
                Some(parameter) => {
                    reader.given_at(site, parameter).map_or(Found::Absent, |given| Found::Is(Operand::Var(given)))
                }
                None => Found::Absent,
            },
        };
        let is_given = match given {
            Found::Is(Operand::Var(given)) => !reader.is_null(given),
            Found::Is(_) => true,
            Found::Absent | Found::Unknown => false,
        };
        if !is_given {
            return Vec::new();
        }
        let kept: FxHashSet<VarId> = self.made_from(choice.taken).into_iter().collect();
        self.made_from(choice.otherwise).into_iter().filter(|var| !kept.contains(var)).collect()
    }
}
