//! Clients of which every use waits no longer than the one who keeps them allows.

use distsys_facts::{SiteId, VarId};
use rustc_hash::FxHashSet;

use crate::Context;

/// Whether what the call at `made` gives is kept in one field of a class, and all that is called on it there is bounded:
/// `call` of a client makes a context with a deadline for each request.
pub(crate) fn bounded_where_used(context: &Context<'_>, made: SiteId, timed: &FxHashSet<SiteId>) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let Some(result) = program.call(made).map(|call| call.result) else { return false };
    let named = program.argument_by_var.of(&r.argument, result).filter(|row| !program.text(row.keyword).is_empty());
    let in_literal = named.filter_map(|row| Some((program.call(row.site)?.result, row.keyword)));
    let stored = program.stores_of(result).map(|row| (row.base, row.field));
    let mut kept = in_literal.chain(stored);
    let (Some((object, field)), None) = (kept.next(), kept.next()) else { return false };
    let Some(class) = meaning.class_of(object) else { return false };
    let is_it = |base: VarId| meaning.class_of(base) == Some(class);
    let loads = program.loads_of(field).filter(|row| is_it(row.base));
    let mut uses = loads.flat_map(|row| program.calls_by_receiver.of(&r.call, row.dst)).peekable();
    uses.peek().is_some() && uses.all(|call| timed.contains(&call.site))
}
