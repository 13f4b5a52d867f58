//! Functions that callers give for a parameter which is called: `poll(handle)` runs `handle` for each message it takes.
//!
//! A function that calls its own parameter does not do what every caller passes. Who judges a scope that lies inside of such
//! a function (a loop over messages, and what it catches) asks here what runs in it, one caller after another.

use distsys_facts::{FunctionId, SiteId, VarId};

use super::Meaning;
use super::callbacks::{functions_of, handed_parameter};
use super::invoked::Mode;

/// A function is handed on through so many helpers.
const MAX_HELPERS: u32 = 3;

/// What more callers than this give is a library of the project's own, not one loop's work.
const MAX_GIVEN: usize = 24;

impl Meaning<'_> {
    /// What runs at `site` because a caller gave it for a parameter, each with the calls from `site` to the one that calls
    /// it: `site` itself, or one in a closure that is run there.
    pub fn given_to_run(&self, site: SiteId) -> Vec<(Vec<SiteId>, FunctionId)> {
        let mut found = Vec::new();
        self.gather_given(vec![site], None, &mut found);
        found
    }

    /// The same at a site of what is put around a function by the call `wrapped`: what that gives counts, too.
    pub fn given_to_run_under(&self, site: SiteId, wrapped: SiteId) -> Vec<(Vec<SiteId>, FunctionId)> {
        let mut found = Vec::new();
        self.gather_given(vec![site], Some(wrapped), &mut found);
        found
    }

    /// `wrapped`: the call that is told apart and looked at all the same.
    fn gather_given(&self, path: Vec<SiteId>, wrapped: Option<SiteId>, found: &mut Vec<(Vec<SiteId>, FunctionId)>) {
        let Some(&site) = path.last() else { return };
        if self.invocations.is_background(site) {
            return;
        }
        let mut given = Vec::new();
        for &parameter in self.invocations.applied_at(site) {
            self.given_for(parameter, wrapped, 0, &mut given);
        }
        given.sort_unstable();
        given.dedup();
        // What is known to run there already has its effects there.
        given.retain(|function| !self.invocations.at(site).any(|row| row.function == *function));
        found.extend(given.into_iter().take(MAX_GIVEN).map(|function| (path.clone(), function)));
        if path.len() > MAX_HELPERS as usize {
            return;
        }
        let own = self.program.site(site).function;
        for row in self.invocations.at(site).filter(|row| row.mode == Mode::Inline) {
            if self.program.function(row.function).parent != Some(own) {
                continue;
            }
            for inner in self.program.sites(row.function) {
                let mut further = path.clone();
                further.push(inner.site);
                self.gather_given(further, wrapped, found);
            }
        }
    }

    /// The functions that callers give for a parameter, themselves or as they were given them.
    fn given_for(&self, parameter: VarId, wrapped: Option<SiteId>, depth: u32, found: &mut Vec<FunctionId>) {
        if depth > MAX_HELPERS {
            return;
        }
        let owner = self.program.parameter(parameter).map(|row| row.function);
        let own = |around: FunctionId| self.program.function(around).parent == owner;
        // Whoever registers what such a call gives runs that call's function, and no other.
        let is_told_apart = |site: SiteId| wrapped != Some(site) && self.invocations.transparent.contains(&site);
        let around = self.invocations.wrapped().iter().filter(|row| own(row.around) && !is_told_apart(row.site));
        found.extend(around.map(|row| row.function).filter(|function| !self.is_out_of_scope(*function)));
        for passed in self.resolution.passed_to(parameter) {
            if is_told_apart(passed.site) || self.is_out_of_scope(self.program.site(passed.site).function) {
                continue;
            }
            match handed_parameter(self.reader(), passed.argument) {
                Some(own) if own != parameter => self.given_for(own, wrapped, depth + 1, found),
                Some(_) => {}
                None => found.extend(functions_of(self.reader(), passed.argument)),
            }
        }
    }
}
