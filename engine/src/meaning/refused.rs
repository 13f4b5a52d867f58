//! What a function writes only where it then fails: what is parked or noted of what it refuses. Whoever goes on after it has
//! not come that way.

use distsys_facts::{RegionKind, SiteId, SiteKind};

use super::Meaning;
use crate::operation::OpKind;

/// Helpers are looked into this deep.
const MAX_DEPTH: usize = 3;

/// Whether an operation changes what is stored.
pub(super) fn is_write(kind: OpKind) -> bool {
    matches!(kind, OpKind::DbWrite | OpKind::CacheWrite | OpKind::LockAcquire)
}

impl Meaning<'_> {
    /// Whether all that the functions called at `site` write is of what they refuse.
    pub(super) fn writes_of_refused(&self, site: SiteId) -> bool {
        self.writes_as_it_fails(site, 0)
    }

    fn writes_as_it_fails(&self, site: SiteId, depth: usize) -> bool {
        let callees = self.callees(site);
        if depth > MAX_DEPTH || callees.is_empty() || self.operations.at(site).any(|op| is_write(op.kind)) {
            return false;
        }
        callees.into_iter().all(|function| {
            let mut writing: Vec<SiteId> = self
                .effects
                .in_function(function)
                .filter(|(effect, _)| is_write(effect.kind))
                .map(|(_, row)| row.site)
                .collect();
            writing.dedup();
            writing.into_iter().all(|site| self.fails_after(site) || self.writes_as_it_fails(site, depth + 1))
        })
    }

    /// Whether whoever comes to `site` leaves its function with a failure: an arm around it ends so, and leads to nothing else.
    fn fails_after(&self, site: SiteId) -> bool {
        let program = self.program;
        let is_arm = |kind: RegionKind| matches!(kind, RegionKind::Branch | RegionKind::Else | RegionKind::Catch);
        let function = program.site(site).function;
        let mut arms = program.regions_outward(program.site(site).region).filter(|row| is_arm(row.kind));
        arms.any(|arm| {
            let Some(entry) = self.order.entry_of(program, arm.region) else { return false };
            let ends = program.sites(function).filter(|row| program.region_within(row.region, arm.region)).last();
            let fails = ends.is_some_and(|last| {
                let nearest = program.regions_outward(last.region).find(|row| is_arm(row.kind));
                last.kind == SiteKind::Throw && nearest.map(|row| row.region) == Some(arm.region)
            });
            let mut after = program.sites(function).filter(|row| row.start >= arm.end);
            fails && !after.any(|row| self.order.leads(program, entry, row.site))
        })
    }
}
