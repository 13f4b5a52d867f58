//! Java: what a lambda takes and gives, by the interface that it stands for.

use distsys_facts::{ClassId, ClassKind, FunctionFlags, FunctionId, Language, ModuleId, ParameterKind, Sym, VarId};

use super::{EdgeKind, Flow};
use crate::paths::PathId;
use crate::resolve::bindings::TypeTarget;
use crate::resolve::types;
use crate::resolve::values::{Value, ValueKind};

/// How many of its type arguments an interface of `java.util.function` takes.
fn inputs(path: &str) -> usize {
    match path.strip_prefix("java.util.function.") {
        Some(
            "Function" | "Consumer" | "Predicate" | "UnaryOperator" | "ToIntFunction" | "ToLongFunction"
            | "ToDoubleFunction",
        ) => 1,
        Some("BiFunction" | "BiConsumer" | "BiPredicate") => 2,
        _ => 0,
    }
}

impl<'p, 'f> Flow<'p, 'f> {
    /// Lambdas that are stored where a type is declared: variables, fields, results.
    pub(super) fn by_declared_interfaces(&mut self) {
        let program = self.program;
        let r = &program.facts.relations;
        let is_java = |function: FunctionId| program.language(program.file_of_function(function)) == Language::Java;
        let mut found: Vec<(FunctionId, ModuleId, Sym)> = Vec::new();
        for row in &r.assign {
            if let (Some(closure), Some(type_)) =
                (program.closure(row.src), self.grounds.static_types.declared(row.dst))
            {
                found.push((closure, program.function(closure).module, type_));
            }
        }
        for row in &r.field {
            if let Some(closure) =
                row.value.and_then(|value| program.closure(value)).filter(|closure| is_java(*closure))
            {
                found.push((closure, program.class(row.class).module, row.type_));
            }
        }
        for row in &r.returns {
            let closure = row.var.and_then(|var| program.closure(var)).filter(|_| is_java(row.function));
            let type_ = program.return_type_by_function.first(&r.return_type, row.function);
            if let (Some(closure), Some(type_)) = (closure, type_) {
                let module = program.function(row.function).module;
                found.push((closure, module, type_.type_));
                for target in self.grounds.bindings.types(module, program.text(type_.type_), 0) {
                    if let TypeTarget::External(path, _) = target {
                        let path = self.paths.intern(crate::model::Family::Java, &path);
                        self.given_as.push((row.function, closure, path));
                    }
                }
            }
        }
        for (closure, module, type_) in found {
            self.stands_for(closure, module, type_);
        }
        // Methods of text that is written where they are called.
        for row in &r.call {
            let text = row.receiver.filter(|var| {
                program.literal(*var).is_some_and(|literal| literal.kind == distsys_facts::LiteralKind::String)
                    || program.template(*var).is_some()
            });
            if text.is_some() && self.language_of(row.site) == Language::Java {
                let path = format!("java.lang.String.{}", program.text(row.name));
                let path: PathId = self.paths.intern(crate::model::Family::Java, &path);
                self.call_external(row, path, Value::new(ValueKind::External(path)));
            }
        }
    }

    /// An argument that is a lambda stands for the interface that the parameter is of.
    pub(super) fn given_as_interface(&mut self, argument: VarId, function: FunctionId, type_: Sym) {
        let program = self.program;
        if let Some(closure) = program.closure(argument)
            && !type_.is_empty()
            && program.language(program.file_of_function(function)) == Language::Java
        {
            self.stands_for(closure, program.function(function).module, type_);
        }
    }

    fn stands_for(&mut self, closure: FunctionId, module: ModuleId, type_: Sym) {
        let program = self.program;
        let text = program.text(type_);
        let parameters: Vec<VarId> = program
            .parameters(closure)
            .filter(|row| row.kind == ParameterKind::Positional && row.type_.is_empty())
            .map(|row| row.var)
            .collect();
        for target in self.grounds.bindings.types(module, text, 0) {
            match target {
                TypeTarget::Class(class) => {
                    let Some(method) = self.only_abstract_method(class) else { continue };
                    let taken: Vec<VarId> = program
                        .parameters(method)
                        .filter(|row| row.kind != ParameterKind::Receiver)
                        .map(|row| row.var)
                        .collect();
                    for (from, to) in taken.into_iter().zip(&parameters) {
                        self.edge(Self::node(from), Self::node(*to), EdgeKind::All);
                    }
                    let (given, asked) = (self.return_node(closure), self.return_node(method));
                    self.edge(given, asked, EdgeKind::All);
                }
                TypeTarget::External(path, _) => {
                    let arguments = types::alternatives(text).into_iter().next().map(|type_| type_.arguments);
                    let taken = arguments.into_iter().flatten().take(inputs(&path));
                    for (argument, to) in taken.zip(&parameters) {
                        for target in self.grounds.bindings.types(module, argument, 0) {
                            if let Some(value) = self.value_of_type(crate::model::Family::Java, &target) {
                                self.add(Self::node(*to), value);
                            }
                        }
                    }
                }
                TypeTarget::Collection(_) => {}
            }
        }
    }

    /// The method that a lambda is for a functional interface.
    fn only_abstract_method(&self, class: ClassId) -> Option<FunctionId> {
        let program = self.program;
        if program.class(class).kind != ClassKind::Interface {
            return None;
        }
        let of = |class: &ClassId| program.method_by_class.of(&program.facts.relations.method, *class);
        let mut methods = self
            .grounds
            .hierarchy
            .ancestors(class)
            .iter()
            .flat_map(of)
            .map(|row| row.function)
            .filter(|function| program.function(*function).flags.has(FunctionFlags::ABSTRACT));
        let only = methods.next()?;
        methods.next().is_none().then_some(only)
    }
}
