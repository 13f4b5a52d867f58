//! Classes that a class of the project names for the library that it derives from: `serializer_class = OrderSerializer`,
//! `class Meta: model = Order`, `def get_serializer_class(self): return OrderSerializer`.

use distsys_facts::{ClassId, Id, IdKind, ParameterKind, VarId};

use super::{EdgeKind, Flow};
use crate::resolve::members::Member;
use crate::resolve::values::{Value, ValueKind};

impl Flow<'_, '_> {
    /// What frameworks give to the methods that they call.
    pub(super) fn by_handed(&mut self) {
        let program = self.program;
        let models = self.models;
        for index in 0..program.facts.count(IdKind::Class) {
            let class = ClassId::new(index);
            let bases: Vec<_> = self.grounds.hierarchy.external_bases(class).map(|(path, _)| path).collect();
            for path in bases {
                let (family, base) = (self.paths.family(path), self.paths.text(path).to_owned());
                for handed in models.handed(family, &base) {
                    for method in &handed.methods {
                        let name = program.facts.symbols.lookup(method);
                        let member = name.map(|name| self.grounds.hierarchy.member(class, name));
                        let Some(Member::Method(function)) = member else { continue };
                        let mut taken = program.parameters(function).filter(|row| row.kind != ParameterKind::Receiver);
                        if let Some(parameter) = taken.nth(handed.parameter) {
                            let to = Self::node(parameter.var);
                            if !handed.type_.is_empty() {
                                let path = self.paths.intern(family, &handed.type_);
                                self.add(to, Value::new(ValueKind::External(path)));
                            }
                            self.named_by_class(class, &handed.named, None, to, EdgeKind::Instance);
                        }
                    }
                }
            }
        }
    }

    /// Lets what `class` names flow to `to`, itself or an instance of it; where the `receiver` is the object of its own method,
    /// what the classes below name, too.
    pub(super) fn named_by_class(
        &mut self,
        class: ClassId,
        names: &[String],
        receiver: Option<VarId>,
        to: u32,
        kind: EdgeKind,
    ) {
        let program = self.program;
        let own = receiver.and_then(|var| program.parameter(var)).filter(|row| row.kind == ParameterKind::Receiver);
        let is_own = own.is_some_and(|row| program.function(row.function).class == Some(class));
        for name in names {
            let (outer, last) = match name.rsplit_once('.') {
                Some((outer, last)) => (Some(outer), last),
                None => (None, name.as_str()),
            };
            let Some(last) = program.facts.symbols.lookup(last) else { continue };
            let line: Vec<ClassId> = self.grounds.hierarchy.ancestors(class).to_vec();
            let holders = line.into_iter().filter_map(|ancestor| match outer {
                Some(inner) => self.grounds.bindings.nested(ancestor, inner),
                None => Some(ancestor),
            });
            let holders: Vec<ClassId> = holders.collect();
            if let Some(&holder) = holders.iter().find(|holder| self.grounds.hierarchy.has_field(**holder, last)) {
                let from = self.class_field(holder, last);
                self.edge(from, to, kind);
            }
            if let Some(&first) = holders.first()
                && let Member::Method(function) = self.grounds.hierarchy.member(first, last)
            {
                let from = self.return_node(function);
                self.edge(from, to, kind);
            }
            if is_own && outer.is_none() {
                for below in self.grounds.hierarchy.overriding_field(class, last).to_vec() {
                    let from = self.class_field(below, last);
                    self.edge(from, to, kind);
                }
            }
        }
    }
}
