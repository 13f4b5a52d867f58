//! Functions of the project that run what they are given and forget what it gives: `fire(confirm)`, where
//! `const fire = (hook) => { hook(); }`.

use distsys_facts::{FunctionFlags, SiteId};

use super::Meaning;
use super::callbacks::functions_of;

impl Meaning<'_> {
    /// Where callers give the asynchronous function that is called at `site`, and whose promise nobody looks at there or wherever
    /// else it is called.
    pub fn given_and_dropped(&self, site: SiteId) -> Vec<SiteId> {
        let program = self.program;
        let invocations = &self.invocations;
        let is_dropped = |applied: &SiteId| invocations.unawaited.contains(applied);
        let is_async = |function: &_| program.function(*function).flags.has(FunctionFlags::ASYNC);
        let mut found = Vec::new();
        for &parameter in invocations.applied_at(site) {
            let own = program.parameter(parameter).is_some_and(|row| row.function == program.site(site).function);
            if !own || !invocations.applied(parameter).iter().all(is_dropped) {
                continue;
            }
            for passed in self.resolution.passed_to(parameter) {
                let given = functions_of(self.reader(), passed.argument);
                if !given.is_empty() && given.iter().all(is_async) {
                    found.push(passed.site);
                }
            }
        }
        found
    }
}
