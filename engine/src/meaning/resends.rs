//! Hooks of a client that send the failed request again: `client.interceptors.response.use(undefined, (error) => client(error.config))`.

use distsys_facts::{FunctionId, VarId};

use super::callbacks::parameter_of;
use super::reader::Reader;
use super::recursions::is_for_refused;

/// What a hook is given is taken apart in so many steps.
const MAX_STEPS: usize = 8;

impl Reader<'_, '_> {
    /// Whether a function makes a call of one of these names with what it is given, or with a part of that, and not only where
    /// the request was refused, which was not done then.
    pub(super) fn sends_again(&self, function: FunctionId, calls: &[String]) -> bool {
        let program = self.program;
        let r = &program.facts.relations;
        let mut within = vec![function];
        let mut at = 0;
        while at < within.len() {
            within.extend(program.functions_by_parent.of(&r.function, within[at]).map(|row| row.function));
            at += 1;
        }
        let is_part = |var: VarId| {
            let mut at = var;
            for _ in 0..MAX_STEPS {
                if parameter_of(*self, at)
                    .and_then(|var| program.parameter(var))
                    .is_some_and(|row| row.function == function)
                {
                    return true;
                }
                at = match (program.loaded_as(at), program.assigned_from(at).next()) {
                    (Some(load), _) => load.base,
                    (None, Some(row)) => row.src,
                    (None, None) => return false,
                };
            }
            false
        };
        let sites = within.iter().flat_map(|function| program.sites(*function)).map(|row| row.site);
        let mut again = sites.filter(|site| {
            let paths = self.resolution.external_at(*site).iter().map(|(_, path, _)| self.resolution.paths.text(*path));
            let mut given = program.arguments(*site).map(|row| row.var);
            paths.into_iter().any(|path| calls.iter().any(|call| call == path)) && given.any(is_part)
        });
        again.next().is_some() && !within.iter().any(|function| is_for_refused(program, *function))
    }
}
