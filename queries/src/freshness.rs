//! Whether a cached copy is dropped on the ways that lead to a write of what it is a copy of.

use distsys_engine::OpKind;
use distsys_engine::meaning::Mode;
use distsys_facts::{FunctionId, SiteId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::Context;

/// Where a function drops a copy.
#[derive(Clone, Copy)]
pub(crate) struct Drop {
    pub(crate) function: FunctionId,
    pub(crate) site: SiteId,
    /// In a task of its own: of what is done before it is started.
    pub(crate) beside: bool,
}

/// Whether the copies of one key are dropped on the ways that lead to a function.
pub(crate) struct Freshness<'a, 'm> {
    context: &'a Context<'m>,
    dropping: &'a FxHashMap<FunctionId, Vec<Drop>>,
    /// Nothing while it is being worked out.
    known: FxHashMap<FunctionId, Option<Ways>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ways {
    AllFresh,
    AllStale,
    Mixed,
}

/// Callers are climbed this far.
const MAX_CALLERS: u32 = 100;

impl<'a, 'm> Freshness<'a, 'm> {
    pub(crate) fn new(context: &'a Context<'m>, dropping: &'a FxHashMap<FunctionId, Vec<Drop>>) -> Self {
        Freshness { context, dropping, known: FxHashMap::default() }
    }

    /// The write, or the calls that lead to it, where nobody drops the copy: as deep as all ways above do not.
    pub(crate) fn stale(&mut self, write: SiteId) -> Vec<SiteId> {
        let (mut found, mut seen) = (Vec::new(), FxHashSet::default());
        let mut stack = vec![write];
        while let Some(site) = stack.pop() {
            let function = self.context.function_of(site);
            if self.drops_around(function, Some(site)) {
                continue;
            }
            match self.ways(function, 0) {
                Ways::AllFresh => {}
                Ways::AllStale => found.push(site),
                Ways::Mixed if seen.insert(function) => {
                    stack.extend(self.callers(function).into_iter().filter_map(|(_, site)| site))
                }
                Ways::Mixed => {}
            }
        }
        found
    }

    /// Whether `function` drops the copy in the run in which it does what stands at `site`.
    fn drops_around(&self, function: FunctionId, site: Option<SiteId>) -> bool {
        let precedes = |drop: &Drop| site.is_some_and(|site| self.context.meaning.precedes(site, drop.site));
        // What is dropped by the very call that leads here is dropped by another function that it may run (`handler(request)`).
        let drops = self.dropping.get(&function).into_iter().flatten().filter(|drop| Some(drop.site) != site);
        // One in another arm is done in another run.
        let excludes = |drop: &Drop| {
            let here = self.context.function_of(drop.site) == function;
            here && site.is_some_and(|site| !precedes(drop) && !self.context.meaning.precedes(drop.site, site))
        };
        let is_of_other = |drop: &Drop| site.is_some_and(|site| self.is_of_other(site, drop));
        drops.into_iter().any(|drop| (!drop.beside || precedes(drop)) && !excludes(drop) && !is_of_other(drop))
    }

    /// Whether a drop is that of another write, which the run that does what stands at `site` need not come to.
    fn is_of_other(&self, site: SiteId, drop: &Drop) -> bool {
        let writes = self.context.meaning.effects.at(drop.site).any(|(effect, _)| effect.kind == OpKind::DbWrite);
        let known = self.context.decisions(site);
        writes && self.context.decisions(drop.site).iter().any(|condition| !known.contains(condition))
    }

    /// Whether the callers of `function`, at any depth, drop the copy.
    fn ways(&mut self, function: FunctionId, depth: u32) -> Ways {
        // Far above, somebody may care.
        if depth > MAX_CALLERS {
            return Ways::AllFresh;
        }
        if let Some(known) = self.known.get(&function) {
            // A cycle adds no way of its own.
            return known.unwrap_or(Ways::AllStale);
        }
        self.known.insert(function, None);
        let callers = self.callers(function).into_iter();
        let above: Vec<Ways> = callers
            .map(|(caller, site)| match self.drops_around(caller, site) {
                true => Ways::AllFresh,
                false => self.ways(caller, depth + 1),
            })
            .collect();
        let ways = match above.split_first() {
            None => Ways::AllStale,
            Some((first, rest)) => {
                if rest.iter().all(|ways| ways == first) {
                    *first
                } else {
                    Ways::Mixed
                }
            }
        };
        self.known.insert(function, Some(ways));
        ways
    }

    /// The functions that call `function`, each with the call; without one the function around it.
    fn callers(&self, function: FunctionId) -> Vec<(FunctionId, Option<SiteId>)> {
        let meaning = self.context.meaning;
        let all = meaning.callers(function);
        // Who offers it to be run for a request does nothing in that run.
        let offers = |site: &SiteId| {
            let mut runs = meaning.invocations.at(*site).filter(|run| run.function == function).peekable();
            runs.peek().is_some()
                && runs.all(|run| run.mode == Mode::Registered)
                && !meaning.callees(*site).contains(&function)
        };
        let calls = all.iter().filter(|site| !offers(site));
        let calls: Vec<_> = calls.map(|site| (self.context.function_of(*site), Some(*site))).collect();
        match all.is_empty() {
            false => calls,
            true => meaning.program.function(function).parent.map(|parent| (parent, None)).into_iter().collect(),
        }
    }
}
