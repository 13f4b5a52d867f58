//! Reads that are sent to a replica by what they are done in or on: where the project routes by whether a transaction only reads,
//! whatever is read in one that does is read there; where a library was told of replicas, what is read outside of transactions.

use distsys_engine::OpKind;
use distsys_engine::meaning::{Effect, Extent, Role};
use distsys_engine::resolve::HandleRole;
use distsys_engine::words::words;
use distsys_facts::{FunctionId, ParameterKind, SiteId};
use rustc_hash::FxHashSet;

use crate::Context;

/// The functions that run in such a transaction of their own.
pub(crate) struct Routed {
    functions: FxHashSet<FunctionId>,
    /// Reads that what they are done on sends there.
    reads: FxHashSet<SiteId>,
}

impl Routed {
    pub(crate) fn new(context: &Context<'_>) -> Self {
        let meaning = context.meaning;
        let own = meaning.scopes.of_kind(OpKind::TxScope).filter(|scope| scope.steps.is_empty());
        let own = own.filter(|scope| meaning.role_of(scope) == HandleRole::Replica);
        let functions = own.filter_map(|scope| match scope.extent {
            Extent::Function(function) => Some(function),
            _ => None,
        });
        let reads = meaning.operations.of_kind(OpKind::DbRead).filter(|op| meaning.is_routed(op)).map(|op| op.site);
        Routed { functions: functions.collect(), reads: reads.collect() }
    }

    /// The role of what an effect at a site is done on.
    pub(crate) fn role(&self, context: &Context<'_>, site: SiteId, effect: &Effect) -> Role {
        if let Role::Carried(parameter) = effect.role {
            return context.meaning.role_under(parameter);
        }
        // A handle that is named for the primary sends its reads where its library was told to.
        let is_open = match effect.role {
            Role::Unknown | Role::Parameter(_) => !self.functions.is_empty() || !self.reads.is_empty(),
            Role::Primary => !self.reads.is_empty(),
            _ => false,
        };
        if effect.kind != OpKind::DbRead || !is_open {
            return effect.role;
        }
        let program = context.meaning.program;
        let trace = context.meaning.trace(site, effect);
        if trace.last().is_some_and(|last| self.reads.contains(last)) {
            return match is_handed_transaction(context, effect.role) || self.joins(context, &trace) {
                true => effect.role,
                false => Role::Replica,
            };
        }
        if effect.role == Role::Primary {
            return effect.role;
        }
        let entered = trace.iter().position(|step| self.functions.contains(&context.function_of(*step)));
        // An object that calls itself does not go through what begins the transaction.
        let class = |site: SiteId| program.function(context.function_of(site)).class;
        match entered {
            Some(at) if at > 0 && class(trace[at - 1]) != class(trace[at]) && !self.joins(context, &trace[..at]) => {
                Role::Replica
            }
            _ => effect.role,
        }
    }

    /// Whether a transaction is open already on the way, or where the way begins: then what is called is a part of that.
    fn joins(&self, context: &Context<'_>, way: &[SiteId]) -> bool {
        let meaning = context.meaning;
        let callers = way.iter().take(1).flat_map(|site| meaning.callers(context.function_of(*site)));
        way.iter().chain(callers).any(|site| {
            let mut around = meaning.scopes.in_function(context.function_of(*site));
            around.any(|scope| {
                matches!(scope.kind, OpKind::TxScope | OpKind::TxBegin) && meaning.sites(scope).contains(site)
            })
        })
    }
}

/// Whether a read is done on what a caller gives that has opened a transaction, as the name or type of the parameter says.
fn is_handed_transaction(context: &Context<'_>, role: Role) -> bool {
    const CARRIERS: &[&str] =
        &["tx", "trx", "txn", "transaction", "session", "manager", "em", "runner", "context", "ctx", "uow"];
    let Role::Parameter(var) = role else { return false };
    let program = context.meaning.program;
    program.parameter(var).is_some_and(|row| {
        let says = |text: &str| words(text).iter().any(|word| CARRIERS.contains(&word.as_str()));
        row.kind != ParameterKind::Receiver && (says(program.text(row.name)) || says(program.text(row.type_)))
    })
}
