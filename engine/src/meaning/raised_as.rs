//! What a failure is by the time that it comes to a handler: itself, or the exception of the project's own that a function on
//! the way makes of it.

use distsys_facts::{ClassId, SiteId};

use super::{Failure, Meaning};

impl Meaning<'_> {
    /// Whether the failure of what `trace` ends with comes to a handler at its beginning, as itself or as what it is made into:
    /// `except HTTPError as error: raise LabError from error`.
    pub fn is_handled_above(&self, failure: &Failure, trace: &[SiteId]) -> bool {
        let comes = |done: &SiteId| self.is_handled(failure, *done) || self.is_made_into_caught(failure, trace, *done);
        trace.last().is_some_and(comes)
    }

    fn is_made_into_caught(&self, failure: &Failure, trace: &[SiteId], done: SiteId) -> bool {
        let program = self.program;
        let r = &program.facts.relations;
        let caught = failure.region.and_then(|region| program.catches_by_region.first(&r.catches, region));
        let caught = caught.map(|row| program.text(row.type_)).unwrap_or_default();
        let is_named = |class: ClassId| {
            let name = program.text(program.class(class).name);
            caught.split('|').any(|path| path.trim().rsplit('.').next() == Some(name))
        };
        let is_caught =
            |class: ClassId| is_named(class) || self.resolution.ancestors(class).iter().any(|above| is_named(*above));
        let raised = |site: SiteId| {
            let thrown = r.throws.binary_search_by_key(&site, |row| row.site).ok().and_then(|at| r.throws[at].var);
            thrown.and_then(|var| self.class_of(var)).is_some_and(is_caught)
        };
        !caught.is_empty()
            && trace.iter().skip(1).any(|step| {
                let function = program.site(*step).function;
                self.handlers_of(function).into_iter().any(|below| {
                    let deals = |site: SiteId| {
                        below.sites.contains(&site) || below.entry.is_some_and(|entry| self.leads(entry, site))
                    };
                    below.protected.contains(step)
                        && self.is_handled(&below, done)
                        && program.sites(function).any(|row| raised(row.site) && deals(row.site))
                })
            })
    }
}
