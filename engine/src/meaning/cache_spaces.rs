//! What a key of a cache is a key in, and which of them a sweep takes: a cache that is an object of the process has keys of its
//! own (`etags.put(id, etag)` and `names.put(id, name)` are two entries), and who lists the keys of a pattern and deletes them
//! deletes what is like the pattern.

use distsys_facts::{CallKind, ClassId, FunctionKind, ParameterKind, VarId};

use super::operations::{Found, Operand, Operation};
use super::terms::{Describer, Term};
use crate::model::source::Source;
use crate::operation::{Attr, OpKind};
use crate::resolve::ValueKind;

/// A list of keys is followed back over so many steps.
const MAX_STEPS: usize = 8;

/// What a key is a key in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Space {
    /// All that use the cache mean the same by a key.
    Shared,
    /// The object of this name.
    Object(String),
    /// Some object: its keys are nobody else's.
    Unseen,
}

impl Describer<'_, '_> {
    /// The space of an operation's keys, by the object that its model says they are kept in.
    pub(super) fn space(&mut self, op: &Operation) -> Space {
        let Some(sources) = self.reader.model(op).attribute(Attr::Space) else { return Space::Shared };
        let holder = match self.reader.first(op, sources) {
            Found::Is(Operand::Var(var)) => self.holder(var),
            _ => None,
        };
        holder.map_or(Space::Unseen, Space::Object)
    }

    /// The name of what holds an object for as long as the process runs: a variable of a module, a field of a class of which
    /// there is one object.
    fn holder(&mut self, var: VarId) -> Option<String> {
        let reader = self.reader;
        let program = reader.program;
        let mut at = var;
        for _ in 0..MAX_STEPS {
            if let Some(original) = reader.resolution.imported(at) {
                at = original;
                continue;
            }
            if let Some(load) = program.loaded_as(at) {
                let class = reader.class_of(load.base).filter(|class| !self.is_made_often(*class))?;
                return Some(format!("{}.{}", program.text(program.class(class).name), program.text(load.field)));
            }
            let row = program.variable(at)?;
            let function = program.function(row.function);
            if function.kind == FunctionKind::Module && !program.text(row.name).is_empty() {
                // Two modules may call their caches the same.
                let path = program.path(program.file_of_module(function.module));
                let module = path.rsplit_once('.').map_or(path, |(stem, _)| stem);
                return Some(format!("{module}.{}", program.text(row.name)));
            }
            match program.only_source(at).filter(|_| program.parameter(at).is_none()) {
                Some(source) => at = source,
                None => return None,
            }
        }
        None
    }

    /// Whether objects of a class are made in several places, or by whoever derives from it: each has a cache of its own.
    fn is_made_often(&mut self, class: ClassId) -> bool {
        let reader = self.reader;
        *self.made_often.entry(class).or_insert_with(|| {
            let is_of =
                |var: VarId| reader.resolution.values_of(var).any(|value| value.kind == ValueKind::Instance(class));
            let made = reader.program.facts.relations.call.iter().filter(|call| call.kind == CallKind::New);
            reader.resolution.is_derived_from(class) || made.filter(|call| is_of(call.result)).nth(1).is_some()
        })
    }

    /// A key as it is known beside those of other spaces.
    pub(super) fn in_space(&mut self, space: &Space, kind: OpKind, key: Term) -> Term {
        match (space, key) {
            (Space::Shared, key) => key,
            // All that is in it.
            (Space::Object(name), Term::Absent) => Term::Text(self.names.intern(&format!("{name}:*"))),
            (Space::Object(name), key) => self.put_together(&format!("{name}:{{}}"), &[key]),
            // It may be any object's.
            (Space::Unseen, _) if kind == OpKind::CacheDelete => Term::Unknown,
            (Space::Unseen, key) => key,
        }
    }

    /// The keys that a deletion sweeps: those that begin like the one it is given, or that a list of keys was asked for.
    pub(super) fn swept(&mut self, op: &Operation) -> Option<Term> {
        let reader = self.reader;
        let says = |text: &str| {
            reader.model(op).attribute(Attr::Verb).is_some_and(|sources| reader.is_text(op, sources, text))
        };
        if op.kind != OpKind::CacheDelete {
            return None;
        }
        if says("prefix") {
            let key = reader.attribute(op, Attr::Key);
            let key = self.term(&key);
            return Some(self.put_together("{}*", &[key]));
        }
        let given: Vec<VarId> = reader.program.arguments(op.call).map(|row| row.var).collect();
        let pattern = given.into_iter().find_map(|var| self.listed_by(op, var))?;
        Some(self.describe(pattern))
    }

    /// The pattern that the keys were listed by which `var` is, or is one of.
    fn listed_by(&self, op: &Operation, var: VarId) -> Option<VarId> {
        let reader = self.reader;
        let program = reader.program;
        let mut at = var;
        for _ in 0..MAX_STEPS {
            if program.parameter(at).is_some_and(|row| row.kind != ParameterKind::Receiver) {
                return None;
            }
            if let Some(call) = program.call_giving(at) {
                let lists = reader.resolution.external_at(call.site).iter().find_map(|(_, path, _)| {
                    let (family, text) = (reader.resolution.paths.family(*path), reader.resolution.paths.text(*path));
                    let models = reader.models.ops_of(family, text).into_iter();
                    models.map(|number| (number, reader.models.op(family, number))).find_map(|(number, model)| {
                        let verb = model.attribute(Attr::Verb)?;
                        let is_list =
                            verb.iter().any(|source| matches!(source, Source::Constant(text) if text == "list"));
                        (is_list && model.kind == OpKind::CacheRead).then_some((family, number))
                    })
                });
                if let Some((family, model)) = lists {
                    let function = program.site(call.site).function;
                    let listing = Operation {
                        site: call.site,
                        call: call.site,
                        function,
                        kind: OpKind::CacheRead,
                        family,
                        model,
                        shift: 0,
                        ..*op
                    };
                    return match reader.attribute(&listing, Attr::Key) {
                        Found::Is(Operand::Var(pattern)) => Some(pattern),
                        _ => None,
                    };
                }
                // `keys.toArray()`, `rdb.Keys(ctx, pattern).Result()`
                at = call.receiver.filter(|_| reader.resolution.calls_at(call.site).is_empty())?;
                continue;
            }
            if let Some(load) = program.loaded_as(at) {
                at = load.base;
                continue;
            }
            at = program.assigned_from(at).next()?.src;
        }
        None
    }
}
