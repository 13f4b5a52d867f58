//! What is run again and again by a timer or a schedule, without anybody's asking: what it did not do this time it does the
//! next time.

use distsys_facts::{FunctionId, ParameterKind, SiteId};

use super::Meaning;
use super::callbacks::functions_of;
use crate::operation::OpKind;

/// A timer's function is followed through so many callers and helpers.
const MAX_STEPS: usize = 6;

/// What more call than this is a part of everything.
const MAX_CALLERS: usize = 24;

impl Meaning<'_> {
    /// Whether a function is told nothing by whoever runs it: each run of it is like the one before.
    pub fn takes_nothing(&self, function: FunctionId) -> bool {
        self.program.parameters(function).all(|row| {
            let is_receiver = row.index == 0 && self.program.text(row.name) == "self";
            let is_given = matches!(row.kind, ParameterKind::Positional | ParameterKind::KeywordOnly);
            !is_given || is_receiver || row.default.is_some()
        })
    }

    /// Whether a timer or schedule runs a function, itself or through what the project gives it to.
    pub fn is_run_by_timer(&self, function: FunctionId) -> bool {
        let mut stack = vec![function];
        let mut seen: Vec<FunctionId> = Vec::new();
        while let Some(at) = stack.pop() {
            if seen.len() > MAX_STEPS {
                return false;
            }
            if seen.contains(&at) {
                continue;
            }
            seen.push(at);
            let callers = self.callers(at);
            if callers.len() > MAX_CALLERS {
                continue;
            }
            for &site in callers {
                if self.operations.at(site).any(|op| op.kind == OpKind::Cron) {
                    return true;
                }
                stack.extend(self.runners(site, at));
            }
        }
        false
    }

    /// The functions in which `function` is run that is called, or given, at a site.
    fn runners(&self, site: SiteId, function: FunctionId) -> Vec<FunctionId> {
        let given = self.resolution.passed_at(site).iter();
        let given = given.filter(|row| functions_of(self.reader(), row.argument).contains(&function));
        let applied: Vec<SiteId> = given.flat_map(|row| self.invocations.applied(row.parameter)).copied().collect();
        match applied.is_empty() {
            true => vec![self.program.site(site).function],
            false => applied.into_iter().map(|site| self.program.site(site).function).collect(),
        }
    }
}
