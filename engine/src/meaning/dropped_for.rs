//! What a helper drops the failure of, of what it was given to run: `quietly(() => api.delete(user))`.

use distsys_facts::{FunctionId, SiteId};

use super::callbacks::functions_of;
use super::{Failure, Meaning};

impl Meaning<'_> {
    /// The functions that callers give where a failure of theirs is dropped without a word, each with the call that runs it in
    /// the helper. Who looks at what the helper answers instead knows of it.
    pub fn dropped_for_callers(&self, failure: &Failure) -> Vec<(SiteId, FunctionId)> {
        let answers = || failure.idle || failure.region.is_some_and(|region| self.gives_failure(region));
        let Some(&first) = failure.protected.first().filter(|_| answers()) else { return Vec::new() };
        let helper = self.program.site(first).function;
        let mut found = Vec::new();
        for &site in &failure.protected {
            for (_, run) in self.given_to_run(site) {
                if failure.empty || self.is_answer_dropped_by(helper, site, run) {
                    found.push((site, run));
                }
            }
        }
        found
    }

    /// Whether all who give `run` to what the call `site` in `helper` runs ignore the helper's answer.
    fn is_answer_dropped_by(&self, helper: FunctionId, site: SiteId, run: FunctionId) -> bool {
        let own = |parameter: &&distsys_facts::VarId| {
            self.program.parameter(**parameter).is_some_and(|row| row.function == helper)
        };
        let given = self.invocations.applied_at(site).iter().filter(own);
        let given = given.flat_map(|parameter| self.resolution.passed_to(*parameter));
        let mut givers = given.filter(|row| functions_of(self.reader(), row.argument).contains(&run)).peekable();
        givers.peek().is_some() && givers.all(|row| self.is_outcome_dropped(row.site))
    }
}
