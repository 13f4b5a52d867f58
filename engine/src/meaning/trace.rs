//! Witnesses: the calls that lead from a site to the operation that has an effect.

use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use distsys_facts::{FunctionId, SiteId};
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

use super::Meaning;
use super::effects::{Effect, EffectFlags};
use super::invoked::Mode;
use crate::operation::OpKind;

/// Longer chains are cut: no reader follows them.
const MAX_STEPS: usize = 16;

/// Where more ways lead to an effect, only some are looked at.
const MAX_WAYS: usize = 48;
/// So many sites are looked at for a way around handlers of failures.
const MAX_SEEN: usize = 200;

/// Traces that were asked for, in parts so that rules that run side by side seldom wait for one another: most rules ask for the
/// same ones, most end the same way, and a walk looks at all that each function on the way does.
#[derive(Debug, Default)]
pub(super) struct Traces([Mutex<Part>; 16]);

type Part = FxHashMap<(SiteId, Effect), Box<[SiteId]>>;

impl Traces {
    fn get<R>(&self, key: &(SiteId, Effect), look: impl FnOnce(&[SiteId]) -> R) -> Option<R> {
        self.part(key).get(key).map(|steps| look(steps))
    }

    fn keep(&self, key: (SiteId, Effect), steps: &[SiteId]) {
        self.part(&key).insert(key, steps.into());
    }

    fn part(&self, key: &(SiteId, Effect)) -> MutexGuard<'_, Part> {
        let part = FxBuildHasher.hash_one(key) as usize % self.0.len();
        self.0[part].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Meaning<'_> {
    /// The sites from `site` down to the operation that does `effect`, both included; shortest first by depth-first
    /// choice of the first callee that has it.
    pub fn trace(&self, site: SiteId, effect: &Effect) -> Vec<SiteId> {
        self.without_generated(self.whole_trace(site, effect))
    }

    /// Whether what is done at a site locks rows before it writes.
    pub fn locks_first(&self, site: SiteId) -> bool {
        let ways = |chosen: &dyn Fn(&Effect) -> bool| -> Vec<Vec<SiteId>> {
            let effects = self.effects.at(site).map(|(effect, _)| effect).filter(|effect| chosen(effect));
            effects.map(|effect| self.trace(site, &effect)).collect()
        };
        let locks = ways(&|effect| effect.kind == OpKind::DbRead && effect.flags.has(EffectFlags::ROW_LOCK));
        if locks.is_empty() {
            return false;
        }
        let writes = ways(&|effect| effect.kind == OpKind::DbWrite);
        let comes_first = |lock: &[SiteId], write: &[SiteId]| {
            let part = lock.iter().zip(write).find(|(left, right)| left != right);
            part.is_some_and(|(left, right)| self.precedes(*left, *right))
        };
        locks.iter().any(|lock| writes.iter().any(|write| comes_first(lock, write)))
    }

    /// The same down into what a tool wrote, where the operation itself is.
    pub fn whole_trace(&self, site: SiteId, effect: &Effect) -> Vec<SiteId> {
        let mut steps = vec![site];
        // What each step does of what is asked for.
        let mut wanted = vec![*effect];
        // A way that goes around what it has come by is not the way of whoever asks further down.
        let mut goes_around = false;
        while steps.len() < MAX_STEPS {
            let (at, effect) = (steps[steps.len() - 1], wanted[wanted.len() - 1]);
            let end = self.traces.get(&(at, effect), |known| {
                let is_free = known[1..].iter().all(|step| !steps.contains(step));
                is_free.then(|| known[1..].to_vec())
            });
            if let Some(Some(end)) = end {
                steps.extend(end.into_iter().take(MAX_STEPS - steps.len()));
                break;
            }
            if self.is_own(at, &effect) {
                break;
            }
            let Some((mut next, mut found)) = self.step(at, &effect, &[]) else { break };
            if steps.contains(&next) {
                goes_around = true;
                let Some(other) = self.step(at, &effect, &steps) else { break };
                (next, found) = other;
            }
            steps.push(next);
            wanted.push(found);
        }
        let is_whole = !goes_around && steps.len() < MAX_STEPS;
        for (from, effect) in wanted.into_iter().enumerate().take(if is_whole { MAX_STEPS } else { 1 }) {
            self.traces.keep((steps[from], effect), &steps[from..]);
        }
        steps
    }

    /// All ways from `site` down to operations that do `effect`, as far as they are few: what one way of it is guarded by,
    /// another is not.
    pub fn traces(&self, site: SiteId, effect: &Effect) -> Vec<Vec<SiteId>> {
        let mut found: Vec<Vec<SiteId>> = Vec::new();
        let mut stack = vec![(vec![site], *effect)];
        while let Some((steps, wanted)) = stack.pop() {
            let Some(&at) = steps.last() else { continue };
            let own = self.is_own(at, &wanted);
            let next = if own || steps.len() >= MAX_STEPS { Vec::new() } else { self.steps(at, &wanted, &steps) };
            if next.is_empty() {
                found.push(self.without_generated(steps));
                continue;
            }
            if found.len() + stack.len() + next.len() > MAX_WAYS {
                break;
            }
            for (site, effect) in next.into_iter().rev() {
                let mut longer = steps.clone();
                longer.push(site);
                stack.push((longer, effect));
            }
        }
        match found.is_empty() {
            true => vec![self.trace(site, effect)],
            false => found,
        }
    }

    fn without_generated(&self, mut steps: Vec<SiteId>) -> Vec<SiteId> {
        // What a tool wrote is no place to look at: the call into it is what does it.
        while steps.len() > 1
            && steps.last().is_some_and(|site| self.program.is_generated(self.program.site(*site).function))
        {
            steps.pop();
        }
        steps
    }

    /// A way from `site` down to `effect` on which nothing has failed yet; none if only what deals with a failure does it.
    pub fn trace_unless_failed(&self, site: SiteId, effect: &Effect) -> Option<Vec<SiteId>> {
        let trace = self.trace(site, effect);
        if !trace.iter().any(|step| self.is_after_failure(*step)) {
            return Some(trace);
        }
        let mut seen = FxHashSet::default();
        let mut steps = Vec::new();
        self.descend(site, effect, &mut steps, &mut seen).then_some(steps)
    }

    /// Looks for the operation depth first, around what deals with failures.
    fn descend(&self, at: SiteId, wanted: &Effect, steps: &mut Vec<SiteId>, seen: &mut FxHashSet<SiteId>) -> bool {
        if steps.len() >= MAX_STEPS || seen.len() >= MAX_SEEN || self.is_after_failure(at) || !seen.insert(at) {
            return false;
        }
        steps.push(at);
        if self.is_own(at, wanted) {
            return true;
        }
        let waited = !wanted.flags.has(EffectFlags::BACKGROUND);
        for callee in if waited { self.waited_for(at) } else { self.callees(at) } {
            let rows = self.effects.in_function(callee);
            let rows: Vec<_> =
                rows.filter(|(effect, _)| may_be(effect, wanted) && !is_after_commit(effect, wanted)).collect();
            if rows.into_iter().any(|(effect, row)| self.descend(row.site, &effect, steps, seen)) {
                return true;
            }
        }
        steps.pop();
        false
    }

    /// Whether a site runs only when something failed: in a handler, an arm for an error, a function given to `catch`.
    pub fn is_after_failure(&self, site: SiteId) -> bool {
        let mut function = Some(self.program.site(site).function);
        while let Some(id) = function {
            if self.sites_after_failure(id).contains(&site) {
                return true;
            }
            function = self.program.function(id).parent;
        }
        false
    }

    /// The sites that deal with a failure of something in a function.
    fn sites_after_failure(&self, function: FunctionId) -> Arc<FxHashSet<SiteId>> {
        let known = |map: &FxHashMap<FunctionId, Arc<FxHashSet<SiteId>>>| map.get(&function).cloned();
        let kept = || self.after_failures.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sites) = known(&kept()) {
            return sites;
        }
        let sites: Arc<FxHashSet<SiteId>> =
            Arc::new(self.failures(function).into_iter().flat_map(|failure| failure.sites).collect());
        kept().insert(function, Arc::clone(&sites));
        sites
    }

    fn is_own(&self, site: SiteId, wanted: &Effect) -> bool {
        self.operations.at(site).any(|op| {
            op.kind == wanted.kind || may_be_sql(wanted) && op.kind == OpKind::Sql && self.callees(site).is_empty()
        })
    }

    /// The site in a callee that does what `wanted` is seen as here.
    fn step(&self, site: SiteId, wanted: &Effect, seen: &[SiteId]) -> Option<(SiteId, Effect)> {
        let mut callees = self.ran_for(site, wanted).into_iter();
        callees.find_map(|callee| {
            self.ways_through(callee, wanted, seen).min_by_key(|(at, effect)| self.order(*at, effect, wanted))
        })
    }

    fn steps(&self, site: SiteId, wanted: &Effect, seen: &[SiteId]) -> Vec<(SiteId, Effect)> {
        let mut ways: Vec<(SiteId, Effect)> = Vec::new();
        for callee in self.ran_for(site, wanted) {
            let mut found: Vec<_> = self.ways_through(callee, wanted, seen).collect();
            found.sort_by_key(|(at, effect)| self.order(*at, effect, wanted));
            for (at, effect) in found {
                if !ways.iter().any(|(known, _)| *known == at) {
                    ways.push((at, effect));
                }
            }
        }
        ways
    }

    /// The functions at a site that may do what is wanted: what is waited for is not done in a task of its own.
    fn ran_for(&self, site: SiteId, wanted: &Effect) -> Vec<FunctionId> {
        if wanted.flags.has(EffectFlags::BACKGROUND) { self.callees(site) } else { self.waited_for(site) }
    }

    /// The sites of a callee, but those seen, that do what may be what is wanted.
    fn ways_through<'a>(
        &'a self,
        callee: FunctionId,
        wanted: &'a Effect,
        seen: &'a [SiteId],
    ) -> impl Iterator<Item = (SiteId, Effect)> + 'a {
        let fits = |effect: &Effect| may_be(effect, wanted) && !is_done_later(effect, wanted);
        let rows = self.effects.in_function(callee).filter(move |(effect, _)| fits(effect));
        rows.map(|(effect, row)| (row.site, effect)).filter(|(at, _)| !seen.contains(at))
    }

    /// What is tried again goes before what is done once beside it, an operation of the callee itself before what it calls.
    fn order(&self, at: SiteId, effect: &Effect, wanted: &Effect) -> (bool, bool, SiteId) {
        let is_once = wanted.flags.has(EffectFlags::RETRIED) && !effect.flags.has(EffectFlags::RETRIED);
        (is_once, !self.is_own(at, effect), at)
    }

    /// The functions that run at a site before it is over.
    pub fn waited_for(&self, site: SiteId) -> Vec<FunctionId> {
        if self.invocations.is_background(site) {
            return Vec::new();
        }
        let mut functions = self.callees(site);
        let elsewhere = |function: &FunctionId| {
            self.invocations.at(site).any(|row| row.function == *function && row.mode != Mode::Inline)
        };
        functions.retain(|function| !elsewhere(function));
        functions
    }

    /// The functions that run at a site.
    pub fn callees(&self, site: SiteId) -> Vec<FunctionId> {
        let mut callees: Vec<FunctionId> = Vec::new();
        if !self.invocations.is_through_parameter(site) {
            callees.extend(self.resolution.calls_at(site).iter().map(|edge| edge.function));
        }
        callees.extend(self.invocations.at(site).filter(|row| row.mode != Mode::Registered).map(|row| row.function));
        callees.extend(self.invocations.wrapped_at(site).map(|row| row.around));
        callees
    }

    /// The function that what stands at `site` is about: the one under an annotation, or given to a wrapper there, else the one
    /// that the site is in.
    pub fn function_about(&self, site: SiteId) -> FunctionId {
        let annotated = self.operations.decorated(site);
        let wrapped = || self.invocations.wrapped_at(site).next().map(|row| row.function);
        annotated.or_else(wrapped).unwrap_or(self.program.site(site).function)
    }
}

/// Whether a callee does an effect in a task of its own or after the commit, and what is wanted is done at once.
fn is_done_later(effect: &Effect, wanted: &Effect) -> bool {
    let is = |flag: EffectFlags| effect.flags.has(flag) && !wanted.flags.has(flag);
    is(EffectFlags::BACKGROUND) || is_after_commit(effect, wanted)
}

fn is_after_commit(effect: &Effect, wanted: &Effect) -> bool {
    effect.flags.has(EffectFlags::AFTER_COMMIT) && !wanted.flags.has(EffectFlags::AFTER_COMMIT)
}

/// Whether an effect may be a statement's whose text the caller knows.
fn may_be_sql(wanted: &Effect) -> bool {
    matches!(wanted.kind, OpKind::DbRead | OpKind::DbWrite | OpKind::Sql)
}

/// Whether a callee's effect may be what the caller sees as `wanted`: parameters stand for anything.
fn may_be(effect: &Effect, wanted: &Effect) -> bool {
    use super::terms::Term;
    let same = |left: Term, right: Term| {
        left == right || matches!(left, Term::Parameter(_) | Term::Within(..) | Term::Filled(..))
    };
    let same_kind = effect.kind == wanted.kind || may_be_sql(wanted) && effect.kind == OpKind::Sql;
    same_kind && same(effect.entity, wanted.entity) && (same(effect.verb, wanted.verb) || effect.kind != wanted.kind)
}
