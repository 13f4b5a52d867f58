//! The types that the text of a program gives its values, in languages that choose methods by them.

use distsys_facts::schema::Call;
use distsys_facts::{CallKind, ClassId, FunctionId, Language, LiteralKind, ParameterKind, Sym, VarId};
use rustc_hash::FxHashMap;

use super::Flow;
use super::overloads::plain;
use crate::program::Program;

#[derive(Default)]
pub(super) struct StaticTypes {
    /// Of variables and parameters.
    declared: FxHashMap<VarId, Sym>,
    /// Classes by name; none where several have it.
    classes: FxHashMap<Sym, Option<ClassId>>,
}

/// Calls and fields that an expression is asked through.
const MAX_DEPTH: usize = 4;

impl StaticTypes {
    pub(super) fn new(program: &Program<'_>) -> Self {
        let r = &program.facts.relations;
        let chooses = |function: FunctionId| program.language(program.file_of_function(function)) == Language::Java;
        let mut types = StaticTypes::default();
        if !r.file.iter().any(|row| row.language == Language::Java) {
            return types;
        }
        let is_told = |var: VarId| program.variable(var).is_some_and(|variable| chooses(variable.function));
        types.declared.extend(r.declared_type.iter().filter(|row| is_told(row.var)).map(|row| (row.var, row.type_)));
        let parameters = r.parameter.iter().filter(|row| !row.type_.is_empty() && chooses(row.function));
        types.declared.extend(parameters.map(|row| (row.var, row.type_)));
        for row in r.class.iter().filter(|row| program.language(program.file_of_module(row.module)) == Language::Java) {
            types.classes.entry(row.name).and_modify(|known| *known = None).or_insert(Some(row.class));
        }
        types
    }

    pub(super) fn declared(&self, var: VarId) -> Option<Sym> {
        self.declared.get(&var).copied()
    }
}

impl<'p, 'f> Flow<'p, 'f> {
    /// The type of an expression as far as its text says it, without its arguments and its package.
    pub(super) fn static_type(&self, var: VarId, depth: usize) -> Option<&'f str> {
        let program = self.program;
        if let Some(literal) = program.literal(var) {
            return match literal.kind {
                LiteralKind::String => Some("String"),
                LiteralKind::Integer => Some("int"),
                LiteralKind::Float => Some("double"),
                LiteralKind::Boolean => Some("boolean"),
                _ => None,
            };
        }
        if program.template(var).is_some() {
            return Some("String");
        }
        if let Some(type_) = self.grounds.static_types.declared(var) {
            return Some(plain(program.text(type_)));
        }
        if let Some(call) = program.call_giving(var) {
            return match call.kind {
                CallKind::New => Some(plain(program.text(call.name))),
                _ => self.returned_type(call, depth + 1),
            };
        }
        let load = program.loaded_as(var)?;
        self.field_type(self.static_class(load.base, depth + 1)?, program.text(load.field))
    }

    /// The class of the project of that name, if it is the only one.
    pub(super) fn class_named(&self, type_: &str) -> Option<ClassId> {
        let name = self.program.facts.symbols.lookup(type_)?;
        self.grounds.static_types.classes.get(&name).copied().flatten()
    }

    fn static_class(&self, var: VarId, depth: usize) -> Option<ClassId> {
        let program = self.program;
        if let Some(own) = program.parameter(var).filter(|row| row.kind == ParameterKind::Receiver) {
            return program.function(own.function).class;
        }
        if depth > MAX_DEPTH { None } else { self.class_named(self.static_type(var, depth)?) }
    }

    /// What a method gives that is called on an object of a class of the project, where all of that name give the same.
    fn returned_type(&self, call: &Call, depth: usize) -> Option<&'f str> {
        let program = self.program;
        let r = &program.facts.relations;
        let class = self.static_class(call.receiver?, depth)?;
        let line = self.grounds.hierarchy.ancestors(class);
        let methods = line.iter().flat_map(|class| program.method_by_class.of(&r.method, *class));
        let types = methods.filter(|row| row.name == call.name).filter_map(|row| {
            program
                .return_type_by_function
                .first(&r.return_type, row.function)
                .map(|row| plain(program.text(row.type_)))
        });
        let mut types = types.peekable();
        let Some(first) = types.peek().copied() else {
            // An accessor that is generated.
            let name = program.text(call.name);
            let field = name.strip_prefix("get").or_else(|| name.strip_prefix("is")).unwrap_or(name);
            return self.field_type(class, field);
        };
        types.all(|type_| type_ == first).then_some(first)
    }

    fn field_type(&self, class: ClassId, name: &str) -> Option<&'f str> {
        let program = self.program;
        let r = &program.facts.relations;
        let line = self.grounds.hierarchy.ancestors(class);
        let mut fields = line.iter().flat_map(|class| program.field_by_class.of(&r.field, *class));
        let field = fields.find(|row| program.text(row.name).eq_ignore_ascii_case(name))?;
        (!field.type_.is_empty()).then(|| plain(program.text(field.type_)))
    }
}
