//! What is known before anything flows: definitions, imports, annotations, constants.

use distsys_facts::{FunctionFlags, FunctionKind, ModuleId, ParameterKind, SiteId, Sym, VarId};
use rustc_hash::FxHashMap;

use super::told::library;
use super::{EdgeKind, Flow};
use crate::model::Family;
use crate::resolve::bindings::{Binding, TypeTarget};
use crate::resolve::values::{Value, ValueKind};

impl<'p, 'f> Flow<'p, 'f> {
    pub(super) fn seed(&mut self) {
        let r = &self.program.facts.relations;
        for row in &r.closure {
            self.add(Self::node(row.var), Value::new(ValueKind::Function(row.function)));
        }
        for row in &r.class_value {
            self.add(Self::node(row.var), Value::new(ValueKind::Class(row.class)));
        }
        for row in &r.import {
            if let Some(binding) = self.grounds.bindings.imported(row.var) {
                self.seed_binding(Self::node(row.var), row.module, binding);
            }
        }
        for row in &r.global {
            if let Some(binding) = self.grounds.bindings.free(row.module, self.program.text(row.path)) {
                self.seed_binding(Self::node(row.var), row.module, binding);
            }
        }
        for row in &r.parameter {
            let node = Self::node(row.var);
            let function = self.program.function(row.function);
            if row.kind == ParameterKind::Receiver
                && let Some(class) = function.class
            {
                let class = self.grounds.hierarchy.whole(class);
                // The receiver of a class method is the class.
                let of_class = function.flags.has(FunctionFlags::STATIC);
                let kind = if of_class { ValueKind::Class(class) } else { ValueKind::Instance(class) };
                self.add(node, Value::new(kind));
            }
            if !row.type_.is_empty() {
                let told = self.told.parameter(row.var).map(str::to_owned);
                self.seed_connection(node, function.module, row.type_, told.as_deref());
            }
            if let Some(default) = row.default {
                self.edge(Self::node(default), node, EdgeKind::All);
            }
        }
        let mut type_modules: FxHashMap<VarId, ModuleId> = FxHashMap::default();
        for row in &r.variable {
            type_modules.insert(row.var, self.program.function(row.function).module);
        }
        for row in &r.declared_type {
            let module = type_modules.get(&row.var).copied().or_else(|| {
                let call = self.program.call_giving(row.var)?;
                Some(self.program.function(self.program.site(call.site).function).module)
            });
            if let Some(module) = module {
                self.seed_type(Self::node(row.var), module, row.type_);
            }
        }
        for row in &r.return_type {
            let function = self.program.function(row.function);
            let node = self.return_node(row.function);
            self.seed_type(node, function.module, row.type_);
            if function.flags.has(FunctionFlags::GENERATOR) {
                self.seed_yielded(node, function.module, row.type_);
            }
        }
        for row in &r.field {
            let class = self.grounds.hierarchy.whole(row.class);
            let node = self.class_field(class, row.name);
            if !row.type_.is_empty() {
                let module = self.program.class(row.class).module;
                let told = self.told.field(class, row.name).map(str::to_owned);
                self.seed_connection(node, module, row.type_, told.as_deref());
            }
            if let Some(value) = row.value {
                self.edge(Self::node(value), node, EdgeKind::All);
            }
        }
        for row in &r.returns {
            if let Some(var) = row.var {
                let node = self.return_node(row.function);
                self.edge(Self::node(var), node, EdgeKind::All);
            }
        }
        for row in &r.yields {
            if let Some(var) = row.var {
                let node = self.return_node(row.function);
                self.edge(Self::node(var), node, EdgeKind::All);
            }
        }
        self.seed_constants();
        let mut last = None;
        for var in r.entry.iter().map(|row| row.var).chain(r.element.iter().map(|row| row.var)) {
            if last != Some(var) {
                self.add(Self::node(var), Value::new(ValueKind::Object(var)));
                last = Some(var);
            }
        }
    }

    /// Literals that modules, classes and object literals give a name; others are seen where they stand.
    pub(super) fn seed_constants(&mut self) {
        let program = self.program;
        let r = &program.facts.relations;
        let module_level = |var: VarId| {
            program.variable(var).is_some_and(|row| program.function(row.function).kind == FunctionKind::Module)
        };
        let named = r.assign.iter().filter(|row| module_level(row.dst)).map(|row| row.src);
        // `cache = Cache("orders")` beside the functions that use it.
        let is_module = |site: SiteId| program.function(program.site(site).function).kind == FunctionKind::Module;
        let given = r.argument.iter().filter(|row| is_module(row.site)).map(|row| row.var);
        let fields = r.field.iter().filter_map(|row| row.value).chain(given);
        let entries = r.entry.iter().map(|row| row.value);
        for var in named.chain(fields).chain(entries) {
            if program.literal(var).is_some() {
                self.add(Self::node(var), Value::new(ValueKind::Literal(var)));
            }
        }
    }

    /// Lets what `binding` stands for, seen from `module`, flow to `node`.
    pub(super) fn seed_binding(&mut self, node: u32, module: ModuleId, binding: Binding) {
        let family = self.family_of(module);
        match binding {
            Binding::Var(var) => self.edge(Self::node(var), node, EdgeKind::All),
            Binding::Module(module) => self.add(node, Value::new(ValueKind::Module(module))),
            Binding::External(path) => {
                let path = self.paths.intern(family, &path);
                self.add(node, Value::new(ValueKind::External(path)));
            }
            Binding::Declared(path, class) => {
                let path = self.paths.intern(family, &path);
                self.add(node, Value { class: Some(class), ..Value::new(ValueKind::External(path)) });
            }
        }
    }

    /// Lets what a declared type says flow to `node`, but for a connection of the library that another is `told` to come from.
    fn seed_connection(&mut self, node: u32, module: ModuleId, text: Sym, told: Option<&str>) {
        let Some(told) = told else { return self.seed_type(node, module, text) };
        let family = self.family_of(module);
        for target in self.grounds.types(self.program, module, text).iter() {
            let Some(value) = self.value_of_type(family, target) else { continue };
            let is_told = match value.kind {
                ValueKind::External(path) => self.is_handle(value) || library(self.paths.text(path)) == told,
                _ => false,
            };
            if !is_told {
                self.add(node, value);
            }
        }
    }

    pub(super) fn seed_type(&mut self, node: u32, module: ModuleId, text: Sym) {
        let family = self.family_of(module);
        for target in self.grounds.types(self.program, module, text).iter() {
            if let Some(value) = self.value_of_type(family, target) {
                self.add(node, value);
            }
        }
    }

    /// What a generator gives is what it yields: `async def connection(self) -> AsyncIterator[AsyncConnection]`.
    fn seed_yielded(&mut self, node: u32, module: ModuleId, text: Sym) {
        let family = self.family_of(module);
        for target in self.grounds.types(self.program, module, text).iter() {
            if let TypeTarget::Collection(inner) = target
                && let Some(value) = self.value_of_type(family, inner)
            {
                self.add(node, value);
            }
        }
    }

    fn family_of(&self, module: ModuleId) -> Family {
        self.program.language(self.program.file_of_module(module)).into()
    }

    pub(super) fn value_of_type(&mut self, family: Family, target: &TypeTarget) -> Option<Value> {
        Some(match target {
            TypeTarget::Class(class) => Value::new(ValueKind::Instance(self.grounds.hierarchy.whole(*class))),
            TypeTarget::External(path, class) => {
                // Whatever is of the type was made by it: `factory: sessionmaker` is what `sessionmaker(…)` gives.
                let made = self.models.returned_type(family, path).filter(|_| class.is_none());
                let path = made.as_deref().unwrap_or(path);
                Value { class: *class, ..Value::new(ValueKind::External(self.paths.intern(family, path))) }
            }
            TypeTarget::Collection(inner) => {
                let inner = self.value_of_type(family, inner)?;
                let inner = self.values.intern(inner);
                Value::new(ValueKind::Collection(inner))
            }
        })
    }
}
