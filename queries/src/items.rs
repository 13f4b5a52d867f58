//! What is put into a queue, followed up to whoever drives it: an item that was taken from the queue, that carries a permit,
//! whose end is waited for or that is sent once a key adds no more than there is room for.

use distsys_engine::OpKind;
use distsys_facts::{RegionKind, SiteId, SiteKind, VarId};
use rustc_hash::FxHashSet;

use crate::Context;

/// Helpers that take from the queue are searched this deep.
const MAX_DEPTH: usize = 2;

/// A call on the way from whoever drives a send down to it.
pub(crate) struct Step {
    pub site: SiteId,
    /// What is put into the queue, as this function has it.
    pub items: Vec<VarId>,
    /// Whether the call gives the item back to its caller.
    gives_back: bool,
}

impl Step {
    pub(crate) fn of_send(context: &Context<'_>, send: SiteId) -> Self {
        let items = context.meaning.program.arguments(send).map(|row| row.var).collect();
        Step { site: send, items, gives_back: false }
    }

    /// The step of a caller, at `site`.
    pub(crate) fn of_caller(&self, context: &Context<'_>, site: SiteId) -> Self {
        let meaning = context.meaning;
        let program = meaning.program;
        let passed = meaning.resolution.passed_at(site).iter();
        let items = passed.filter(|row| self.is_item(context, row.parameter)).map(|row| row.argument).collect();
        let function = context.function_of(self.site);
        let mut returned = program.returns_by_function.of(&program.facts.relations.returns, function);
        let gives_back = returned.any(|row| row.var.is_some_and(|var| self.items.contains(&var)));
        Step { site, items, gives_back }
    }

    fn is_item(&self, context: &Context<'_>, var: VarId) -> bool {
        self.items.iter().any(|item| *item == var || context.meaning.made_from(*item).contains(&var))
    }

    /// Whether the queue, which `held` hold, gets no longer by what this step drives.
    pub(crate) fn adds_no_more(&self, context: &Context<'_>, held: &FxHashSet<VarId>) -> bool {
        self.is_put_back(context, held)
            || self.carries_permit(context)
            || self.is_waited_for(context)
            || is_once_a_key(context, self.site)
    }

    fn is_made_by(&self, context: &Context<'_>, makes: &dyn Fn(SiteId) -> bool) -> bool {
        let meaning = context.meaning;
        let made = |var: VarId| meaning.program.call_giving(var).is_some_and(|call| makes(call.site));
        self.items.iter().any(|item| made(*item) || meaning.made_from(*item).into_iter().any(made))
    }

    /// Whether an item has been taken from the same queue.
    fn is_put_back(&self, context: &Context<'_>, held: &FxHashSet<VarId>) -> bool {
        self.is_made_by(context, &|site| takes(context, site, held, 0))
    }

    /// Whether a permit goes along in the item, be it taken by whoever called: there are so many of them.
    fn carries_permit(&self, context: &Context<'_>) -> bool {
        self.is_made_by(context, &|site| context.operation(site, OpKind::Limiter).is_some())
    }

    /// Whether the caller waits for something of the item that the call has given back before it goes on:
    /// `await worker.submit(call).result()`.
    fn is_waited_for(&self, context: &Context<'_>) -> bool {
        let meaning = context.meaning;
        let r = &meaning.program.facts.relations;
        let Some(given) = meaning.program.call(self.site).map(|call| call.result).filter(|_| self.gives_back) else {
            return false;
        };
        let waits = meaning.program.sites(context.function_of(self.site)).filter(|row| row.kind == SiteKind::Await);
        waits.filter(|row| meaning.precedes(self.site, row.site)).any(|row| {
            let awaited =
                r.suspend.binary_search_by_key(&row.site, |row| row.site).ok().and_then(|at| r.suspend[at].var);
            awaited.is_some_and(|var| var == given || meaning.made_from(var).contains(&given))
        })
    }
}

/// Whether a call takes from the queue, itself or in a method of whoever holds it.
fn takes(context: &Context<'_>, site: SiteId, held: &FxHashSet<VarId>, depth: usize) -> bool {
    let meaning = context.meaning;
    let receiver = || meaning.program.call(site).and_then(|call| call.receiver);
    let takes_here =
        context.operation(site, OpKind::Receive).is_some() && receiver().is_some_and(|var| held.contains(&var));
    takes_here
        || depth < MAX_DEPTH
            && meaning.resolution.calls_at(site).iter().any(|edge| {
                let mut inner = meaning.program.sites(edge.function).map(|row| row.site);
                inner.any(|site| takes(context, site, held, depth + 1))
            })
}

/// Whether a site is run only where a map does not hold a key yet: by what is given to fill it, or in the arm of a vacant entry.
fn is_once_a_key(context: &Context<'_>, site: SiteId) -> bool {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let fills = program.call(site).is_some_and(|call| {
        matches!(
            program.text(call.name),
            "or_insert_with" | "or_insert_with_key" | "computeIfAbsent" | "getOrInsertComputed"
        )
    });
    let arms = program.regions_outward(program.site(site).region).filter(|row| row.kind == RegionKind::Branch);
    let mut asked = arms.flat_map(|row| program.condition_by_region.of(&r.condition, row.region));
    fills || asked.any(|row| program.asked_variant(row.var).any(|(_, variant)| variant == "Vacant"))
}
