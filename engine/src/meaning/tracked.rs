//! Units of work: mappers that watch the objects they gave out and write what was stored into them.
//!
//! `order = session.get(Order, id); order.state = "paid"` is an update of `orders`, though no call says so: the session
//! writes it at the next flush. A model says so with `tracked = "result"` on its reads; with `transaction = "=open"` it does
//! so only while a transaction is open, and objects that are loaded outside one are written by `save` alone.

use distsys_facts::{CallKind, FunctionId, ParameterKind, SiteId, Sym, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::Meaning;
use super::built_statements;
use super::callbacks::parameter_of;
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

/// Through so many functions that hand them on.
const MAX_HANDED: u32 = 3;

impl Tracked {
    /// Notes what `op`, which has `effects`, gives out watched.
    pub(super) fn note(&mut self, reader: Reader<'_, '_>, op: &Operation, effects: &[Effect]) {
        if let [effect] = effects
            && (effect.kind == OpKind::DbRead || is_given(effect))
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
        let entities: FxHashSet<Term> = self.reads.values().map(|read| read.entity).collect();
        let stores = reader.program.facts.relations.store.iter();
        let mut written = Vec::new();
        for row in stores {
            if is_unstored(reader, row.base, row.field) {
                continue;
            }
            let function = reader.program.site(row.site).function;
            let here = self.given(describer, operations, row.base);
            // What a setter is given, its caller stores.
            let is_set = here.is_none() && parameter_of(reader, row.src).is_none();
            let handed = if is_set { self.handed(describer, operations, row.base, &entities) } else { None };
            let Some((given, read)) = here.or(handed) else { continue };
            let is_saved = match here {
                Some(_) => saved.contains(&(function, given)),
                None => saved.iter().any(|(_, known)| *known == given),
            };
            if self.bound.contains(&given) && (!open.contains(&function) || is_saved) {
                continue;
            }
            // What is read from a copy is not written back through it: the object is only dressed up for an answer.
            if read.role != Role::Replica {
                written.push((row.site, self.write(read, update)));
            }
        }
        written
    }

    /// What gave the object that the function of `base` is given by those who call it, and its read as that function knows it;
    /// none if it may be of several entities.
    fn handed(
        &self,
        describer: &mut Describer<'_, '_>,
        operations: &Operations,
        base: VarId,
        entities: &FxHashSet<Term>,
    ) -> Option<(VarId, Effect)> {
        let reader = describer.reader;
        let program = reader.program;
        let parameter = program.parameter(parameter_of(reader, base)?)?;
        // Most objects that change themselves are no rows.
        if parameter.kind == ParameterKind::Receiver {
            let class = reader.class_of(parameter.var)?;
            let entity = describer.entity_of(class);
            // A repository that is generic reads what its classes say.
            let is_any = |read: &Term| matches!(read, Term::Parameter(_) | Term::Within(..) | Term::Filled(..));
            if entity == Term::Unknown || !entities.contains(&entity) && !entities.iter().any(is_any) {
                return None;
            }
        }
        let mut found: Option<(VarId, Effect)> = None;
        let mut stack = vec![(parameter.var, 0)];
        let mut seen: FxHashSet<VarId> = FxHashSet::default();
        while let Some((at, depth)) = stack.pop() {
            for passed in reader.resolution.passed_to(at) {
                let caller = program.site(passed.site).function;
                if seen.len() > MAX_VALUES || program.is_out_of_scope(caller) || !seen.insert(passed.argument) {
                    continue;
                }
                // An object that is only being made is written by what stores it.
                if matches!(reader.is_new(passed.argument), Found::Is(_)) {
                    return None;
                }
                match self.given(describer, operations, passed.argument) {
                    Some((given, read)) => {
                        let role =
                            if matches!(read.role, Role::Primary | Role::Replica) { read.role } else { Role::Unknown };
                        let known = matches!(read.entity, Term::Text(_));
                        if !known || found.is_some_and(|(_, other)| other.entity != read.entity) {
                            return None;
                        }
                        found.get_or_insert((given, Effect { role, ..read }));
                    }
                    None if depth + 1 < MAX_HANDED => {
                        stack.extend(parameter_of(reader, passed.argument).map(|var| (var, depth + 1)));
                    }
                    None => {}
                }
            }
        }
        found
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

    /// Whether all who call the function give it an object that was read.
    fn is_handed(&self, reader: Reader<'_, '_>, var: VarId) -> bool {
        let Some(parameter) = parameter_of(reader, var) else { return false };
        let mut passed = reader.resolution.passed_to(parameter).take(MAX_VALUES).peekable();
        passed.peek().is_some() && passed.all(|row| self.read_of(reader, row.argument).is_some())
    }

    fn write(&self, read: Effect, verb: Term) -> Effect {
        Effect { kind: OpKind::DbWrite, verb, key: Term::Absent, ..read }
    }

    /// Whether a write that `op` makes of what it is given is of an object that was read: `session.add(loaded)`.
    pub(super) fn is_of_read(&self, reader: Reader<'_, '_>, op: &Operation) -> bool {
        op.kind == OpKind::DbWrite
            && matches!(reader.attribute(op, Attr::Tracked),
                Found::Is(Operand::Var(var)) if self.read_of(reader, var).is_some() || self.is_handed(reader, var))
    }

    /// What the read gave that the object `var` comes from, and the read as the function of `var` knows it.
    fn given(&self, describer: &mut Describer<'_, '_>, operations: &Operations, var: VarId) -> Option<(VarId, Effect)> {
        let (given, helpers) = self.read_through(describer.reader, var)?;
        let read = helpers.into_iter().fold(self.reads[&given], |read, (site, helper)| {
            let role = describer.role_at_call(read.role, helper, Some(site));
            let built = match is_given(&read) {
                true => built_statements::at_call(describer, operations, read, helper, Some(site)),
                false => None,
            };
            // What is stored into the object later locks nothing.
            let built = built.map(|built| Effect { flags: read.flags, key: Term::Absent, ..built });
            let read = built.unwrap_or_else(|| Effect {
                entity: describer.entity_at_call(read.entity, helper, Some(site)),
                ..read
            });
            Effect { role, ..read }
        });
        (read.kind == OpKind::DbRead).then_some((given, read))
    }

    /// What the read gave that the object `var` comes from.
    fn read_of(&self, reader: Reader<'_, '_>, var: VarId) -> Option<VarId> {
        self.read_through(reader, var).map(|(given, _)| given)
    }

    /// Likewise, through the project's own helpers and a result's accessors, with the calls of the helpers, innermost first.
    fn read_through(&self, reader: Reader<'_, '_>, var: VarId) -> Option<(VarId, Vec<(SiteId, FunctionId)>)> {
        let program = reader.program;
        let r = &program.facts.relations;
        // The calls of helpers that were gone into, each with the one that it was found in.
        let mut calls: Vec<(SiteId, FunctionId, Option<usize>)> = Vec::new();
        let mut stack: Vec<(VarId, Option<usize>)> = vec![(var, None)];
        let mut seen: FxHashSet<VarId> = FxHashSet::default();
        while let Some((at, within)) = stack.pop() {
            if seen.len() > MAX_VALUES || !seen.insert(at) {
                continue;
            }
            if self.reads.contains_key(&at) {
                let outwards = std::iter::successors(within, |call| calls[*call].2);
                return Some((at, outwards.map(|call| (calls[call].0, calls[call].1)).collect()));
            }
            stack.extend(program.assigned_from(at).map(|row| (row.src, within)));
            if let Some(load) = program.loaded_as(at)
                && matches!(program.text(load.field), "[*]" | "[]" | "0")
            {
                stack.push((load.base, within));
            }
            let Some(call) = program.call_giving(at) else { continue };
            let edges = reader.resolution.calls_at(call.site);
            if edges.is_empty() {
                stack.extend(call.receiver.map(|var| (var, within)));
            }
            for edge in edges {
                calls.push((call.site, edge.function, within));
                let inside = Some(calls.len() - 1);
                let returns = program.returns_by_function.of(&r.returns, edge.function);
                stack.extend(returns.filter_map(|row| row.var).map(|var| (var, inside)));
            }
        }
        None
    }
}

/// Whether what is run is the statement that the function is given.
fn is_given(effect: &Effect) -> bool {
    effect.kind == OpKind::Sql && matches!(effect.entity, Term::Parameter(_))
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

impl Meaning<'_> {
    /// Whether a field of a row holds other rows (`shelf.books`): what is added there is written to those.
    pub fn holds_rows(&self, base: VarId, field: Sym) -> bool {
        let program = self.program;
        let r = &program.facts.relations;
        let paths = &self.resolution.paths;
        let says = |value: VarId| {
            let made = program.call_giving(value).map(|call| self.resolution.external_at(call.site));
            let mut names = made.into_iter().flatten();
            names.any(|(_, path, _)| self.models.is_related(paths.family(*path), paths.text(*path)))
        };
        self.reader().classes_of(base).into_iter().any(|class| {
            let line = self.resolution.ancestors(class).iter();
            let mut fields = line.flat_map(|class| program.field_by_class.of(&r.field, *class));
            fields.any(|row| row.name == field && row.value.is_some_and(says))
        })
    }
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
