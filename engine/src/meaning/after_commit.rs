//! What is done at once where no transaction is open, and after the commit where one is:
//! `if (transaction) transaction.afterCommit(send) else send()`.

use distsys_facts::SiteId;

use super::effects::{EffectFlags, Effects};
use super::invoked::{Invocations, Mode};
use super::order::Order;
use crate::program::Program;

/// The sites that do, on the way on which nothing is put off, what the function puts off until the commit on another.
pub(super) fn else_at_once(
    program: &Program<'_>,
    invocations: &Invocations,
    effects: &Effects,
    order: &Order,
) -> Vec<SiteId> {
    let mut found = Vec::new();
    for row in invocations.all.iter().filter(|row| row.mode == Mode::AfterCommit) {
        let put_off = row.site;
        let later: Vec<_> = effects.at(put_off).map(|(effect, _)| effect).collect();
        let is_other_way = |site: SiteId| {
            site != put_off && !order.precedes(program, put_off, site) && !order.precedes(program, site, put_off)
        };
        let does_it = |site: SiteId| {
            effects.at(site).any(|(now, _)| {
                later.iter().any(|later| {
                    later.flags.has(EffectFlags::AFTER_COMMIT) && later.kind == now.kind && later.entity == now.entity
                })
            })
        };
        let sites = program.sites(program.site(put_off).function).map(|row| row.site);
        found.extend(sites.filter(|site| is_other_way(*site) && does_it(*site)));
    }
    found
}
