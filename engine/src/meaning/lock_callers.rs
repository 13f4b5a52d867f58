//! Locks of one process that a helper takes and leaves with its caller: `cache.acquire()`, `release := cache.acquire()`,
//! `lease, err := acquire(id)`. Where the caller, or a caller of its own, lets the same lock go, it is held until there.

use distsys_facts::{FunctionId, SiteId, Sym, VarId};

use super::invoked::Mode;
use super::operations::Operation;
use super::scopes::Builder;
use crate::operation::OpKind;

/// Callers are asked so far up whether they let a lock go.
const MAX_ABOVE: u32 = 3;

/// So many calls of one helper's callers are asked.
const MAX_ASKED: usize = 64;

/// A release is looked for so many calls below the one that does it.
const MAX_BELOW: u32 = 3;

/// What lets go is followed back to what gave it through so many copies.
const MAX_COPIES: usize = 16;

impl Builder<'_, '_, '_> {
    /// Where, after the call at `taken` that leaves the caller with the lock of `op`, its function lets that lock go.
    pub(super) fn guard_releases(&self, op: &Operation, taken: SiteId) -> Vec<SiteId> {
        let program = self.reader.program;
        let function = program.site(taken).function;
        let given = program.call(taken).map(|call| call.result);
        let releasing = self.effects.in_function(function).filter(|(effect, _)| effect.kind == OpKind::GuardRelease);
        let mut sites: Vec<SiteId> = releasing.map(|(_, row)| row.site).collect();
        sites.dedup();
        sites.retain(|site| {
            self.order.precedes(program, taken, *site)
                && (self.is_given_with(given, *site) || self.lets_go(op, *site, 0) && !self.takes_there(op, *site))
        });
        sites
    }

    /// Whether a caller of the helper, or a caller of that, lets go what it takes: else the lock is left held for good, or
    /// stays with what the tool does not see.
    pub(super) fn is_guard_let_go_above(&self, op: &Operation, taken: SiteId) -> bool {
        let mut asked = vec![taken];
        let mut above: Vec<(SiteId, u32)> = vec![(taken, 0)];
        while let Some((site, depth)) = above.pop() {
            if !self.guard_releases(op, site).is_empty() {
                return true;
            }
            let function = self.reader.program.site(site).function;
            let callers = self.index.callers.get(&function).into_iter().flatten().copied();
            for caller in callers.filter(|_| depth < MAX_ABOVE) {
                if asked.len() < MAX_ASKED && !asked.contains(&caller) {
                    asked.push(caller);
                    above.push((caller, depth + 1));
                }
            }
        }
        false
    }

    /// Whether what is called at `site` is, or is a method of, what the taking call gave: a function that releases, a lease.
    fn is_given_with(&self, given: Option<VarId>, site: SiteId) -> bool {
        let program = self.reader.program;
        let (Some(given), Some(call)) = (given, program.call(site)) else { return false };
        let mut stack: Vec<VarId> = call.callee.into_iter().chain(call.receiver).collect();
        let mut seen: Vec<VarId> = Vec::new();
        while let Some(at) = stack.pop() {
            if at == given {
                return true;
            }
            if seen.len() > MAX_COPIES || seen.contains(&at) {
                continue;
            }
            seen.push(at);
            stack.extend(program.assigned_from(at).map(|row| row.src));
            stack.extend(program.loaded_as(at).map(|load| load.base));
            // `lease.releaser()()`
            stack.extend(program.call_giving(at).and_then(|call| call.receiver));
        }
        false
    }

    /// Whether the call at `site` releases the lock of `op`, itself or in what it runs.
    fn lets_go(&self, op: &Operation, site: SiteId, depth: u32) -> bool {
        let own = self.operations.at(site).filter(|other| other.kind == OpKind::GuardRelease);
        if own.into_iter().any(|other| self.is_same_lock(op, other)) {
            return true;
        }
        depth < MAX_BELOW
            && self.run_at(site).into_iter().any(|function| {
                let inner =
                    self.effects.in_function(function).filter(|(effect, _)| effect.kind == OpKind::GuardRelease);
                inner.into_iter().any(|(_, row)| self.lets_go(op, row.site, depth + 1))
            })
    }

    /// Whether what is called at `site` takes the lock itself before it lets it go.
    fn takes_there(&self, op: &Operation, site: SiteId) -> bool {
        let takes = |function: FunctionId| {
            let calls = self.reader.program.sites(function).map(|row| row.site);
            let mut guards =
                calls.flat_map(|site| self.operations.at(site)).filter(|other| other.kind == OpKind::Guard);
            guards.any(|other| self.is_same_lock(op, other))
        };
        self.run_at(site).into_iter().any(takes)
    }

    /// The functions that run during the call at `site`.
    fn run_at(&self, site: SiteId) -> Vec<FunctionId> {
        let called = self.reader.resolution.calls_at(site).iter().map(|edge| edge.function);
        let run = self.invocations.at(site).filter(|row| row.mode == Mode::Inline).map(|row| row.function);
        called.chain(run).collect()
    }

    /// Whether two operations are on the same lock, as far as their code says: the same field, in methods of one class or in
    /// functions of one file.
    fn is_same_lock(&self, left: &Operation, right: &Operation) -> bool {
        let program = self.reader.program;
        let class = |op: &Operation| program.class_around(op.function);
        let beside = match (class(left), class(right)) {
            (Some(left), Some(right)) => left == right,
            (None, None) => program.file_of_function(left.function) == program.file_of_function(right.function),
            _ => false,
        };
        beside && self.lock_field(left) == self.lock_field(right)
    }

    /// The field or variable that a lock is in.
    fn lock_field(&self, op: &Operation) -> Option<Sym> {
        let program = self.reader.program;
        let at = program.held_at(program.call(op.site)?.receiver?);
        program.loaded_as(at).map(|load| load.field).or_else(|| program.variable(at).map(|row| row.name))
    }
}
