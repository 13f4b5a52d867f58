//! Causes of retries: which of the code in a retry scope the failures that are retried can come after.
//!
//! `@retry(on=Busy)` repeats what ran before `Busy` was raised. Where `Busy` is a class of the project and all its raise
//! sites are seen, an effect that none of them can follow is never repeated.

use distsys_facts::{ClassId, FunctionId, SiteId, SiteKind, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::callbacks::functions_of;
use super::effects::Effects;
use super::operations::{Found, Operand, Operations};
use super::order::Order;
use super::reader::Reader;
use super::scopes::{Extent, Scope};
use super::terms::Names;
use crate::model::ScopeKind;
use crate::operation::{Attr, OpKind};
use crate::resolve::ValueKind;
use crate::words::is_failure_to_connect;

pub(super) struct Causes<'b, 'm, 'f> {
    pub(super) reader: Reader<'m, 'f>,
    operations: &'b Operations,
    pub(super) effects: &'b Effects,
    order: &'b Order,
    pub(super) names: &'b Names,
}

/// Calls are followed this deep; below, anything may be.
const MAX_DEPTH: u32 = 6;

/// What cannot be taken back by a rollback.
fn is_sent(kind: OpKind) -> bool {
    matches!(
        kind,
        OpKind::HttpRequest | OpKind::Rpc | OpKind::Payment | OpKind::Publish | OpKind::Enqueue | OpKind::Notify
    )
}

impl<'b, 'm, 'f> Causes<'b, 'm, 'f> {
    pub(super) fn new(
        reader: Reader<'m, 'f>,
        operations: &'b Operations,
        effects: &'b Effects,
        order: &'b Order,
        names: &'b Names,
    ) -> Self {
        Causes { reader, operations, effects, order, names }
    }

    /// Leaves of `sites`, which the retry scope covers, those that a retried failure may come after.
    pub(super) fn keep_repeated(&self, scope: &Scope, sites: &mut Vec<SiteId>) {
        self.keep_whatever_the_method(scope, sites);
        if let Extent::Function(function) = scope.extent {
            sites.retain(|site| self.reader.program.site(*site).function != function || !self.succeeds_after(*site));
        }
        // What comes after the call that asks for another attempt no attempt has done: `raise self.retry()`.
        if let Some(asks) = self.asks_again(scope) {
            sites.retain(|site| self.order.precedes(self.reader.program, *site, asks));
        }
        let named = self.retried(scope);
        if self.are_failures_to_connect(&named) {
            // Of the request that failed nothing was sent; what was sent before it is repeated.
            let sends = |site: &SiteId| self.effects.at(*site).any(|(effect, _)| is_sent(effect.kind));
            let sending: Vec<SiteId> = sites.iter().copied().filter(sends).collect();
            let precedes = |site: SiteId, later: SiteId| self.order.precedes(self.reader.program, site, later);
            sites.retain(|site| sending.iter().any(|later| later != site && precedes(*site, *later)));
            return;
        }
        let Some(classes) = self.classes(&named) else { return };
        let raised = self.raise_sites(&classes);
        // Raised nowhere that is seen: by something else.
        if raised.is_empty() {
            return;
        }
        let raising = self.raising_functions(&raised);
        let causes: Vec<SiteId> = sites
            .iter()
            .copied()
            .filter(|site| {
                raised.contains(site)
                    || self.reader.resolution.calls_at(*site).iter().any(|edge| raising.contains(&edge.function))
            })
            .collect();
        sites.retain(|site| {
            let follows = |cause: &SiteId| self.order.precedes(self.reader.program, *site, *cause);
            let within = |cause: &SiteId| cause == site && self.fails_after_sending(*cause, &raised, &raising, 0);
            causes.iter().any(|cause| follows(cause) || within(cause))
        });
    }

    /// The call in the function itself that has all of it done again.
    fn asks_again(&self, scope: &Scope) -> Option<SiteId> {
        let op = &self.operations.all[scope.op? as usize];
        let is_asked = op.function == scope.function && self.reader.model(op).scopes.contains(&ScopeKind::Function);
        is_asked.then_some(op.site)
    }

    /// Whether a function that tells of failures by what it returns tells of none after a site, whatever came of that:
    /// `if err := send(row); err != nil { log.Println(err) }` and `return nil`.
    fn succeeds_after(&self, site: SiteId) -> bool {
        let program = self.reader.program;
        let r = &program.facts.relations;
        let function = program.site(site).function;
        let says = program.return_type_by_function.first(&r.return_type, function);
        if !says.is_some_and(|row| program.text(row.type_).starts_with("Result<(),")) {
            return false;
        }
        let is_later = |at: SiteId| at == site || self.order.precedes(program, site, at);
        let mut failing = program.sites(function).filter(|row| row.kind == SiteKind::Throw);
        let mut later =
            program.returns_by_function.of(&r.returns, function).filter(|row| is_later(row.site)).peekable();
        later.peek().is_some() && later.all(|row| row.var.is_none()) && !failing.any(|row| is_later(row.site))
    }

    /// Whether in what is called at `cause` a raise site may come after something that was sent.
    fn fails_after_sending(
        &self,
        cause: SiteId,
        raised: &FxHashSet<SiteId>,
        raising: &FxHashSet<FunctionId>,
        depth: u32,
    ) -> bool {
        if depth > MAX_DEPTH {
            return true;
        }
        self.reader.resolution.calls_at(cause).iter().filter(|edge| raising.contains(&edge.function)).any(|edge| {
            let calls = |site: SiteId| self.reader.resolution.calls_at(site).iter().map(|edge| edge.function);
            let sites = || self.reader.program.sites(edge.function).map(|row| row.site);
            let sends: Vec<SiteId> =
                sites().filter(|site| self.effects.at(*site).any(|(effect, _)| is_sent(effect.kind))).collect();
            sites()
                .filter(|site| raised.contains(site) || calls(*site).any(|function| raising.contains(&function)))
                .any(|inner| {
                    sends.iter().any(|sent| self.order.precedes(self.reader.program, *sent, inner))
                        || (sends.contains(&inner) && self.fails_after_sending(inner, raised, raising, depth + 1))
                })
        })
    }

    /// The exceptions that the scope retries, as named: a class, a tuple of classes, or a condition made from one
    /// (`retry_if_exception_type(Busy)`).
    fn retried(&self, scope: &Scope) -> Vec<VarId> {
        let Some(number) = scope.op else { return Vec::new() };
        let op = &self.operations.all[number as usize];
        let Found::Is(Operand::Var(var)) = self.reader.attribute(op, Attr::Errors) else { return Vec::new() };
        let program = self.reader.program;
        let r = &program.facts.relations;
        let named: Vec<VarId> = match self.reader.maker(var) {
            Some(call) => program.arguments(call.site).map(|row| row.var).collect(),
            None => vec![var],
        };
        let mut retried = Vec::new();
        for var in named {
            let elements = program.element_by_var.of(&r.element, var).map(|row| row.value);
            let before = retried.len();
            retried.extend(elements);
            if retried.len() == before {
                retried.push(var);
            }
        }
        retried
    }

    fn are_failures_to_connect(&self, named: &[VarId]) -> bool {
        let resolution = self.reader.resolution;
        let is_one = |var: &VarId| {
            let conditions = functions_of(self.reader, *var);
            if !conditions.is_empty() {
                return conditions.into_iter().all(|condition| self.reader.holds_only_unsent(condition));
            }
            let mut values = resolution.values_of(*var).peekable();
            values.peek().is_some()
                && values.all(|value| match value.kind {
                    ValueKind::External(path) => {
                        resolution.paths.text(path).rsplit('.').next().is_some_and(is_failure_to_connect)
                    }
                    _ => false,
                })
        };
        !named.is_empty() && named.iter().all(is_one)
    }

    /// The classes, if all of them are the project's own.
    fn classes(&self, named: &[VarId]) -> Option<FxHashSet<ClassId>> {
        let mut classes = FxHashSet::default();
        for var in named {
            let mut values = self.reader.resolution.values_of(*var).peekable();
            values.peek()?;
            for value in values {
                let ValueKind::Class(class) = value.kind else { return None };
                classes.insert(class);
            }
        }
        (!classes.is_empty()).then_some(classes)
    }

    fn raise_sites(&self, classes: &FxHashSet<ClassId>) -> FxHashSet<SiteId> {
        let resolution = self.reader.resolution;
        let of_class = |class: ClassId| {
            classes.contains(&class) || resolution.ancestors(class).iter().any(|ancestor| classes.contains(ancestor))
        };
        self.reader
            .program
            .facts
            .relations
            .throws
            .iter()
            .filter(|row| row.var.and_then(|var| self.reader.class_of(var)).is_some_and(of_class))
            .map(|row| row.site)
            .collect()
    }

    /// Functions out of which a raise site may come, through calls and the entering of context managers.
    fn raising_functions(&self, raised: &FxHashSet<SiteId>) -> FxHashSet<FunctionId> {
        let program = self.reader.program;
        let mut callers: FxHashMap<FunctionId, Vec<FunctionId>> = FxHashMap::default();
        for edge in &self.reader.resolution.calls {
            callers.entry(edge.function).or_default().push(program.site(edge.site).function);
        }
        let mut stack: Vec<FunctionId> = raised.iter().map(|site| program.site(*site).function).collect();
        let mut raising = FxHashSet::default();
        while let Some(function) = stack.pop() {
            if raising.insert(function) {
                stack.extend(callers.get(&function).into_iter().flatten());
            }
        }
        raising
    }
}
