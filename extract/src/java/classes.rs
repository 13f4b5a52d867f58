//! Classes, interfaces, enums, records, and what is made of a class where it stands.

use distsys_facts::{CallKind, ClassId, ClassKind, FunctionFlags, FunctionId, FunctionKind, ParameterKind, VarId};
use rustc_hash::FxHashSet;
use tree_sitter::Node;

use super::Lower;
use super::annotations::modifiers;
use super::names::{Component, Enclosing, is_class, members};
use crate::lower::{Callee, ClassSpec, FunctionSpec, ParameterSpec, Span};
use crate::tree;

impl<'s> Lower<'s> {
    /// A named class; one inside a function is declared there.
    pub(super) fn class(&mut self, node: Node<'_>) {
        let declared = match self.class_declared_at(node) {
            Some(declared) => declared,
            None => {
                self.collect(&[node], None);
                match self.class_declared_at(node) {
                    Some(declared) => declared,
                    None => return,
                }
            }
        };
        if !self.descend(node) {
            return;
        }
        let modifiers = modifiers(node);
        let annotations = self.annotations(&modifiers.annotations);
        let kind = match node.kind() {
            "interface_declaration" | "annotation_type_declaration" => ClassKind::Interface,
            "enum_declaration" => ClassKind::Enum,
            "record_declaration" => ClassKind::Struct,
            _ => ClassKind::Class,
        };
        let bounds = self.enter_bounds(node);
        let mut bases = Vec::new();
        for child in tree::parts(node) {
            match child.kind() {
                "superclass" => bases.extend(tree::first(child)),
                "super_interfaces" | "extends_interfaces" => {
                    bases.extend(tree::first(child).map(tree::parts).unwrap_or_default());
                }
                _ => {}
            }
        }
        let bases: Vec<String> = bases.into_iter().map(|base| self.type_text(base)).collect();
        let class = self.begin_class(declared, kind, node, &bases);
        for site in annotations {
            self.to.annotate_class(class, site);
        }
        if let Some(parameters) = node.child_by_field_name("parameters") {
            self.components(class, node, parameters);
        }
        let body = node.child_by_field_name("body");
        self.class_body(class, body);
        self.enclosing.pop();
        self.leave_bounds(bounds);
        self.ascend();
    }

    fn begin_class(&mut self, declared: usize, kind: ClassKind, node: Node<'_>, bases: &[String]) -> ClassId {
        let (name, var, outer) = {
            let declared = &self.declared[declared];
            (declared.name, declared.var, declared.outer)
        };
        let outer_class = outer.and_then(|outer| {
            self.enclosing.iter().rev().find(|enclosing| enclosing.declared == outer).map(|enclosing| enclosing.class)
        });
        let class = self.to.class(ClassSpec { name, kind, outer: outer_class, span: tree::span(node) });
        self.to.class_value_to(var, class);
        for (index, base) in bases.iter().enumerate() {
            self.to.extends(class, index as u32, base);
        }
        if outer.is_none() && self.enclosing.is_empty() {
            self.to.export(name, var);
        }
        let is_interface = kind == ClassKind::Interface;
        let bases = bases.to_vec();
        self.enclosing.push(Enclosing { declared, class, is_interface, bases, components: Vec::new() });
        class
    }

    /// `new Base(…) { … }`: the class; its only method too, if it has but one, for where a function is asked for.
    pub(super) fn anonymous_class(
        &mut self,
        node: Node<'_>,
        base: &str,
        body: Node<'_>,
    ) -> (VarId, Option<FunctionId>) {
        let name = node.child_by_field_name("type").map_or("", |type_| self.slice(type_));
        let name = name.split('<').next().unwrap_or(name).rsplit('.').next().unwrap_or(name).trim();
        let declared = self.declare_class(name, node, Some(body), None, true);
        let class = self.begin_class(declared, ClassKind::Class, node, &[base.to_owned()]);
        let methods = self.class_body(class, Some(body));
        self.enclosing.pop();
        let only = match methods.as_slice() {
            [only] => Some(*only),
            _ => None,
        };
        (self.declared[declared].var, only)
    }

    /// The methods of the class.
    fn class_body(&mut self, class: ClassId, body: Option<Node<'_>>) -> Vec<FunctionId> {
        let mut methods = Vec::new();
        for member in members(body) {
            match member.kind() {
                "field_declaration" | "constant_declaration" => self.fields(class, member),
                "enum_constant" => self.enum_constant(class, member),
                "method_declaration" => methods.push(self.method(member)),
                "constructor_declaration" | "compact_constructor_declaration" => self.constructor(member),
                "static_initializer" => {
                    if let Some(block) = tree::first(member) {
                        self.initialiser(block, true);
                    }
                }
                "block" => self.initialiser(member, false),
                kind if is_class(kind) => self.class(member),
                _ => {}
            }
        }
        methods
    }

    /// Code of a class body outside of methods; it sees the instance unless it is static.
    fn initialiser(&mut self, block: Node<'_>, is_static: bool) {
        if block.has_error() {
            return;
        }
        self.to.push_scope();
        self.bind_instance(is_static);
        self.statement(block, "");
        self.to.pop_scope();
    }

    fn bind_instance(&mut self, is_static: bool) {
        let Some(enclosing) = self.enclosing.last().map(|enclosing| enclosing.declared).filter(|_| !is_static) else {
            return;
        };
        let qualified = self.declared[enclosing].qualified.clone();
        let this = self.to.declare("this");
        self.to.declare_type(this, &qualified);
        self.to.bind(&format!("{qualified}.this"), this);
    }

    fn fields(&mut self, class: ClassId, node: Node<'_>) {
        let modifiers = modifiers(node);
        let in_interface = self.enclosing.last().is_some_and(|enclosing| enclosing.is_interface);
        let is_static = in_interface || modifiers.has("static");
        let type_ = self.field_type(node);
        let mut cursor = node.walk();
        let declarators: Vec<Node<'_>> = node.children_by_field_name("declarator", &mut cursor).collect();
        for declarator in declarators {
            let Some(name) = declarator.child_by_field_name("name") else { continue };
            let name = self.slice(name);
            let annotations = self.annotations(&modifiers.annotations);
            let value = declarator.child_by_field_name("value").filter(|value| !value.has_error());
            let value = value.map(|value| {
                self.to.push_scope();
                self.bind_instance(is_static);
                let value = self.initial_value(value);
                self.to.pop_scope();
                value
            });
            let type_ = of_dimensions(declarator, &type_);
            self.to.field(class, name, &type_, value);
            for site in annotations {
                self.to.annotate_field(class, name, site);
            }
        }
    }

    /// `PAID("paid") { … }`: an instance of the enum, also the text of its name.
    fn enum_constant(&mut self, class: ClassId, node: Node<'_>) {
        let Some(enclosing) = self.enclosing.last().map(|enclosing| enclosing.declared) else { return };
        let Some(name) = node.child_by_field_name("name") else { return };
        let name = self.slice(name);
        let qualified = self.declared[enclosing].qualified.clone();
        let value = self.to.string(name);
        let value = match node.child_by_field_name("arguments").filter(|arguments| !arguments.has_error()) {
            Some(arguments) => {
                let arguments = self.arguments(arguments);
                let callee = &self.declared[enclosing];
                let callee = Callee::Value(callee.var, callee.name);
                let (_, made) = self.to.call(CallKind::New, callee, &arguments, tree::span(node));
                self.to.assign(made, value);
                made
            }
            None => value,
        };
        self.to.field(class, name, &qualified, Some(value));
        if let Some(body) = node.child_by_field_name("body") {
            let declared = self.declare_class(name, node, Some(body), None, true);
            let inner = self.begin_class(declared, ClassKind::Class, node, &[qualified]);
            self.class_body(inner, Some(body));
            self.enclosing.pop();
        }
    }

    /// A record's components: fields, what constructs it, and what reads them.
    fn components(&mut self, class: ClassId, record: Node<'_>, parameters: Node<'_>) {
        let mut components: Vec<Component<'s>> = Vec::new();
        for parameter in tree::parts(parameters) {
            let Some(name) = parameter.child_by_field_name("name") else { continue };
            let name = self.slice(name);
            let type_ = self.field_type(parameter);
            let annotations = self.annotations(&modifiers(parameter).annotations);
            self.to.field(class, name, &type_, None);
            for site in annotations {
                self.to.annotate_field(class, name, site);
            }
            components.push(Component { name, type_, span: tree::span(parameter) });
        }
        let own = members(record.child_by_field_name("body"));
        let mut declared: FxHashSet<(&str, usize)> = FxHashSet::default();
        let mut has_compact = false;
        for member in own {
            has_compact |= member.kind() == "compact_constructor_declaration";
            if let (Some(name), Some(list)) =
                (member.child_by_field_name("name"), member.child_by_field_name("parameters"))
            {
                declared.insert((self.slice(name), tree::parts(list).len()));
            }
        }
        let name_of_record = record.child_by_field_name("name").map_or("", |name| self.slice(name));
        let missing: Vec<Component<'s>> =
            components.iter().filter(|component| !declared.contains(&(component.name, 0))).cloned().collect();
        let has_canonical = has_compact || declared.contains(&(name_of_record, components.len()));
        if let Some(enclosing) = self.enclosing.last_mut() {
            enclosing.components = components;
        }
        if !has_canonical {
            let span = tree::span(parameters);
            self.begin_member("constructor", FunctionKind::Constructor, FunctionFlags::PUBLIC, "", span);
            self.store_components();
            self.to.end_function();
        }
        for Component { name, type_, span } in missing {
            let this = self.begin_member(name, FunctionKind::Method, FunctionFlags::PUBLIC, &type_, span);
            let value = self.to.load(this, name);
            self.to.result(Some(value), span);
            self.to.end_function();
        }
    }

    /// The parameters of a canonical constructor, each stored in its field.
    pub(super) fn store_components(&mut self) {
        let components = self.enclosing.last().map(|enclosing| enclosing.components.clone()).unwrap_or_default();
        let kind = ParameterKind::Positional;
        for Component { name, type_, span } in components {
            let value = self.to.parameter(ParameterSpec { name, kind, type_: &type_, default: None });
            let this = self.to.name("this");
            self.to.store(this, name, value, span);
        }
    }

    /// Begins a function of the class that the walk is in, with its instance.
    pub(super) fn begin_member(
        &mut self,
        name: &str,
        kind: FunctionKind,
        flags: FunctionFlags,
        return_type: &str,
        span: Span,
    ) -> VarId {
        let enclosing = self.enclosing.last().map(|enclosing| (enclosing.declared, enclosing.class));
        let class = enclosing.map(|(_, class)| class);
        let kind = if class.is_none() { FunctionKind::Function } else { kind };
        self.to.begin_function(FunctionSpec { name, kind, flags, class, return_type, span });
        let Some((enclosing, _)) = enclosing.filter(|_| !flags.has(FunctionFlags::STATIC)) else {
            return self.to.fresh_var();
        };
        let kind = ParameterKind::Receiver;
        let this = self.to.parameter(ParameterSpec { name: "this", kind, type_: "", default: None });
        let qualified = self.declared[enclosing].qualified.clone();
        self.to.bind(&format!("{qualified}.this"), this);
        this
    }
}

/// `int x[]` is an array.
pub(super) fn of_dimensions(declarator: Node<'_>, type_: &str) -> String {
    match declarator.child_by_field_name("dimensions") {
        Some(_) => format!("Array<{type_}>"),
        None => type_.to_owned(),
    }
}
