//! What a call through an interface of many implementations does, whichever runs: what nearly all of them do.
//!
//! Each by itself is a guess, and to tell of each would be to tell of one call many times. Of what they have in common
//! only that is kept which they have in common: the table, the method, the key where they agree.

use std::collections::{BTreeMap, BTreeSet};

use distsys_facts::{FunctionId, SiteId};

use super::effects::{Effect, EffectFlags};
use super::terms::{Role, Term};
use crate::operation::OpKind;

/// What one of the implementations does at the call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    pub implementation: FunctionId,
    pub effect: Effect,
}

/// The implementations that a call may lead to, but for stand-ins: what a test, a trial or a machine by itself runs with does
/// nothing outside, and says nothing of what is done where it matters.
#[derive(Debug, Default)]
pub(super) struct Alternatives {
    /// By site, how many there are, and of those how many do anything that is known.
    counts: BTreeMap<SiteId, (usize, usize)>,
    /// Sites with a stand-in: of two one is left, and that is what is run.
    with_stand_in: BTreeSet<SiteId>,
    shares: BTreeMap<(SiteId, OpKind), Vec<Share>>,
}

impl Alternatives {
    /// Adds an implementation with what it does.
    pub(super) fn add(&mut self, site: SiteId, implementation: FunctionId, effects: Vec<Effect>) {
        let (all, active) = self.counts.entry(site).or_default();
        *all += 1;
        *active += usize::from(!effects.is_empty());
        for effect in effects {
            self.shares.entry((site, effect.kind)).or_default().push(Share { implementation, effect });
        }
    }

    pub(super) fn add_stand_in(&mut self, site: SiteId) {
        self.with_stand_in.insert(site);
    }

    /// What is done at each site, by site.
    pub(super) fn agreed(&self) -> Vec<(SiteId, Effect)> {
        let mut agreed = Vec::new();
        for (&(site, kind), shares) in &self.shares {
            let Some(&(all, active)) = self.counts.get(&site) else { continue };
            // One or two that do nothing are stand-ins; where half do, the call mostly does nothing.
            let is_left = all == 1 && self.with_stand_in.contains(&site);
            if !is_left && (active < 2 || active * 2 <= all) {
                continue;
            }
            let is_of_nearly_all = |shares: &[&Share]| {
                let mut who: Vec<FunctionId> = shares.iter().map(|share| share.implementation).collect();
                who.sort_unstable();
                who.dedup();
                who.len() * 5 >= active * 4
            };
            let mut shares: Vec<&Share> = shares.iter().collect();
            // To ask another service is one thing, by whichever protocol each of them asks: told once, as most do it.
            if asks_remotely(kind) && !is_of_nearly_all(&shares) {
                let other =
                    self.shares.get(&(site, if kind == OpKind::Rpc { OpKind::HttpRequest } else { OpKind::Rpc }));
                let fewer = other.map_or(&[][..], Vec::as_slice);
                if fewer.len() > shares.len() || fewer.len() == shares.len() && kind == OpKind::Rpc {
                    continue;
                }
                shares.extend(fewer);
            }
            if !is_of_nearly_all(&shares) {
                continue;
            }
            let mut by_verb: BTreeMap<Term, Vec<&Share>> = BTreeMap::new();
            for share in &shares {
                by_verb.entry(share.effect.verb).or_default().push(share);
            }
            let before = agreed.len();
            agreed.extend(
                by_verb.values().filter(|of_verb| is_of_nearly_all(of_verb)).map(|of_verb| (site, common(of_verb))),
            );
            if agreed.len() == before {
                agreed.push((site, common(&shares)));
            }
        }
        agreed
    }
}

fn asks_remotely(kind: OpKind) -> bool {
    matches!(kind, OpKind::HttpRequest | OpKind::Rpc)
}

/// What effects of one kind have in common.
fn common(shares: &[&Share]) -> Effect {
    let first = shares[0].effect;
    let one = |of: fn(&Effect) -> Term| {
        let term = of(&first);
        if shares.iter().all(|share| of(&share.effect) == term) { term } else { Term::Unknown }
    };
    Effect {
        kind: first.kind,
        verb: one(|effect| effect.verb),
        entity: one(|effect| effect.entity),
        key: one(|effect| effect.key),
        role: if shares.iter().all(|share| share.effect.role == first.role) { first.role } else { Role::Unknown },
        // What excuses one of them may excuse all.
        flags: shares.iter().fold(EffectFlags::default(), |flags, share| flags | share.effect.flags),
    }
}

#[cfg(test)]
mod tests {
    use distsys_facts::Id;

    use super::*;

    fn sends() -> Effect {
        Effect {
            kind: OpKind::Notify,
            verb: Term::Absent,
            entity: Term::Absent,
            role: Role::Unknown,
            key: Term::Absent,
            flags: EffectFlags::default(),
        }
    }

    fn agreed(add: impl FnOnce(&mut Alternatives, SiteId)) -> usize {
        let mut alternatives = Alternatives::default();
        add(&mut alternatives, SiteId::new(0));
        alternatives.agreed().len()
    }

    #[test]
    fn of_two_that_differ_neither_is_known_to_run() {
        let both = agreed(|of, site| {
            of.add(site, FunctionId::new(1), vec![sends()]);
            of.add(site, FunctionId::new(2), vec![sends()]);
        });
        let one = agreed(|of, site| {
            of.add(site, FunctionId::new(1), vec![sends()]);
            of.add(site, FunctionId::new(2), Vec::new());
        });
        assert_eq!((both, one), (1, 0));
    }

    #[test]
    fn whichever_way_each_asks_another_service_all_ask() {
        let asks = |kind: OpKind| Effect { kind, ..sends() };
        let each = |kinds: [OpKind; 3]| {
            agreed(|of, site| {
                for (at, kind) in kinds.into_iter().enumerate() {
                    of.add(site, FunctionId::new(at + 1), vec![asks(kind)]);
                }
            })
        };
        assert_eq!(each([OpKind::HttpRequest, OpKind::Rpc, OpKind::HttpRequest]), 1);
        assert_eq!(each([OpKind::HttpRequest, OpKind::Rpc, OpKind::Publish]), 0);
    }

    #[test]
    fn what_a_stand_in_is_beside_is_run() {
        let beside = agreed(|of, site| {
            of.add(site, FunctionId::new(1), vec![sends()]);
            of.add_stand_in(site);
        });
        let alone = agreed(|of, site| of.add(site, FunctionId::new(1), vec![sends()]));
        assert_eq!((beside, alone), (1, 0));
    }
}
