//! Units of work: mappers that watch the objects they gave out and write what was stored into them.
//!
//! `order = session.get(Order, id); order.state = "paid"` is an update of `orders`, though no call says so: the session
//! writes it at the next flush. A model says so with `tracked = "result"` on its reads; with `transaction = "=open"` it does
//! so only while a transaction is open, and objects that are loaded outside one are written by `save` alone.

use distsys_facts::{CallKind, FunctionId, SiteId, Sym, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::effects::{Effect, EffectFlags};
use super::invoked::{Invocations, Mode};
use super::operations::{Found, Operand, Operation, Operations};
use super::own_effects::is_versioned;
use super::reader::Reader;
use super::terms::{Describer, Role, Term};
use crate::operation::{Attr, OpKind};

/// The values that mappers watch, with the read that gave each.
#[derive(Debug, Default)]
pub(super) struct Tracked {
    reads: FxHashMap<VarId, Effect>,
    /// Those whose objects are watched only while a transaction is open.
    bound: FxHashSet<VarId>,
}

/// Objects are followed back over so many values.
const MAX_VALUES: usize = 48;

impl Tracked {
    /// Notes what `op`, which has `effects`, gives out watched.
    pub(super) fn note(&mut self, reader: Reader<'_, '_>, op: &Operation, effects: &[Effect]) {
        if let [effect] = effects
            && effect.kind == OpKind::DbRead
            && let Found::Is(Operand::Var(var)) = reader.attribute(op, Attr::Tracked)
        {
            // The mapper asks for the version that was read.
            let flags = if is_versioned(reader, op) { EffectFlags::CONDITIONAL } else { EffectFlags::default() };
            self.reads.insert(var, Effect { flags, ..*effect });
            if matches!(reader.attribute(op, Attr::Transaction), Found::Is(Operand::Text(text)) if text == "open") {
                self.bound.insert(var);
            }
        }
    }

    /// What is stored into watched objects, as writes at the sites of the stores.
    pub(super) fn writes(
        &self,
        describer: &mut Describer<'_, '_>,
        operations: &Operations,
        invocations: &Invocations,
    ) -> Vec<(SiteId, Effect)> {
        if self.reads.is_empty() {
            return Vec::new();
        }
        let reader = describer.reader;
        let open =
            if self.bound.is_empty() { FxHashSet::default() } else { in_transactions(reader, operations, invocations) };
        let saved = self.saved(reader, operations);
        let update = Term::Text(describer.names.intern("update"));
        let stores = reader.program.facts.relations.store.iter();
        let written = stores.filter_map(|row| {
            let given = self.read_of(reader, row.base).filter(|_| !is_unstored(reader, row.base, row.field))?;
            let read = self.reads[&given];
            let function = reader.program.site(row.site).function;
            if self.bound.contains(&given) && (!open.contains(&function) || saved.contains(&(function, given))) {
                return None;
            }
            // What is read from a copy is not written back through it: the object is only dressed up for an answer.
            let dressed_up = read.role == Role::Replica;
            (!dressed_up).then_some((row.site, self.write(read, update)))
        });
        written.collect()
    }

    /// The objects that are given back to be written, by the function that does so: that is then the write.
    fn saved(&self, reader: Reader<'_, '_>, operations: &Operations) -> FxHashSet<(FunctionId, VarId)> {
        let writes = operations.of_kind(OpKind::DbWrite).filter(|_| !self.bound.is_empty());
        let given = writes.filter_map(|op| match reader.attribute(op, Attr::Tracked) {
            Found::Is(Operand::Var(var)) => Some((op.function, self.read_of(reader, var)?)),
            _ => None,
        });
        given.collect()
    }

    fn write(&self, read: Effect, verb: Term) -> Effect {
        Effect { kind: OpKind::DbWrite, verb, key: Term::Absent, ..read }
    }

    /// Whether a write that `op` makes of what it is given is of an object that was read: `session.add(loaded)`.
    pub(super) fn is_of_read(&self, reader: Reader<'_, '_>, op: &Operation) -> bool {
        op.kind == OpKind::DbWrite
            && matches!(reader.attribute(op, Attr::Tracked),
                Found::Is(Operand::Var(var)) if self.read_of(reader, var).is_some())
    }

    /// What the read gave that the object `var` comes from, through the project's own helpers and a result's accessors.
    fn read_of(&self, reader: Reader<'_, '_>, var: VarId) -> Option<VarId> {
        let program = reader.program;
        let r = &program.facts.relations;
        let mut stack = vec![var];
        let mut seen: FxHashSet<VarId> = FxHashSet::default();
        while let Some(at) = stack.pop() {
            if seen.len() > MAX_VALUES || !seen.insert(at) {
                continue;
            }
            if self.reads.contains_key(&at) {
                return Some(at);
            }
            stack.extend(program.assigned_from(at).map(|row| row.src));
            if let Some(load) = program.loaded_as(at)
                && matches!(program.text(load.field), "[*]" | "[]" | "0")
            {
                stack.push(load.base);
            }
            let Some(call) = program.call_giving(at) else { continue };
            let edges = reader.resolution.calls_at(call.site);
            if edges.is_empty() {
                stack.extend(call.receiver);
            }
            for edge in edges {
                let returns = program.returns_by_function.of(&r.returns, edge.function);
                stack.extend(returns.filter_map(|row| row.var));
            }
        }
        None
    }
}

/// Whether an annotation says of a field of the object `base` that it is no column.
fn is_unstored(reader: Reader<'_, '_>, base: VarId, field: Sym) -> bool {
    let program = reader.program;
    let r = &program.facts.relations;
    let paths = &reader.resolution.paths;
    let says = |site: SiteId| {
        let mut names = reader.resolution.external_at(site).iter();
        names.any(|(_, path, _)| reader.models.is_unstored(paths.family(*path), paths.text(*path)))
    };
    reader.class_of(base).is_some_and(|class| {
        let line = reader.resolution.ancestors(class).iter();
        let mut annotations = line.flat_map(|class| program.field_annotation_by_class.of(&r.field_annotation, *class));
        annotations.any(|row| row.name == field && says(row.site))
    })
}

/// Functions that run while a transaction is open: those that begin one, carry one, are given to one, and what these call.
fn in_transactions(
    reader: Reader<'_, '_>,
    operations: &Operations,
    invocations: &Invocations,
) -> FxHashSet<FunctionId> {
    let program = reader.program;
    let r = &program.facts.relations;
    let mut stack: Vec<FunctionId> = Vec::new();
    for op in operations.of_kind(OpKind::TxScope) {
        stack.extend(operations.decorated(op.site));
        let methods = operations.decorated_class(op.site).into_iter();
        stack.extend(methods.flat_map(|class| program.method_by_class.of(&r.method, class)).map(|row| row.function));
        stack.extend(invocations.at(op.site).map(|row| row.function));
    }
    stack.extend(operations.of_kind(OpKind::TxBegin).map(|op| op.function));
    let mut callees: FxHashMap<FunctionId, Vec<FunctionId>> = FxHashMap::default();
    let is_call = |site: SiteId| program.call(site).is_some_and(|call| call.kind != CallKind::Annotation);
    let calls = reader.resolution.calls.iter().filter(|edge| is_call(edge.site)).map(|edge| (edge.site, edge.function));
    let given = invocations.all.iter().filter(|row| row.mode == Mode::Inline).map(|row| (row.site, row.function));
    for (site, function) in calls.chain(given) {
        callees.entry(program.site(site).function).or_default().push(function);
    }
    let mut open: FxHashSet<FunctionId> = FxHashSet::default();
    while let Some(function) = stack.pop() {
        if open.insert(function) {
            stack.extend(callees.get(&function).into_iter().flatten());
        }
    }
    open
}
