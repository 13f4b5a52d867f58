//! What stands at the top level of a file: functions, methods, types, variables.

use distsys_facts::{CallKind, ClassId, ClassKind, FunctionFlags, FunctionKind, ParameterKind, RegionKind, VarId};
use tree_sitter::Node;

use super::types::is_basic;
use super::{Called, Frame, Given, Lower, takes_tests};
use crate::lower::{ClassSpec, FunctionSpec, ParameterSpec};
use crate::tree;

/// What a function that is lowered consists of.
struct Parts<'t> {
    parameters: Option<Node<'t>>,
    result: Option<Node<'t>>,
    body: Option<Node<'t>>,
}

impl<'t> Parts<'t> {
    fn of(node: Node<'t>) -> Self {
        let field = |name| node.child_by_field_name(name);
        Parts { parameters: field("parameters"), result: field("result"), body: field("body") }
    }
}

impl<'s> Lower<'s> {
    pub(super) fn file(&mut self, root: Node<'_>) {
        self.imports(root);
        let declarations = tree::parts(root);
        for node in &declarations {
            self.declare_top_level(*node);
        }
        for node in declarations {
            if node.is_error() || node.is_missing() || node.has_error() {
                tree::report_error(&mut self.to, node);
                // What a function is called and takes is known even so.
                if node.is_error() || node.child_by_field_name("body").is_none_or(|body| !body.has_error()) {
                    continue;
                }
            }
            match node.kind() {
                "function_declaration" => self.function(node),
                "method_declaration" => self.method(node),
                "type_declaration" => self.type_declaration(node),
                "var_declaration" | "const_declaration" => self.variables(node, true),
                _ => {}
            }
        }
    }

    /// Names are known everywhere in the package, before and after their declaration.
    fn declare_top_level(&mut self, node: Node<'_>) {
        let declare = |lower: &mut Self, name: Node<'_>| {
            let name = lower.text(name);
            if name != "_" && name != "init" {
                let var = lower.to.declare_once(name);
                lower.to.export(name, var);
            }
        };
        match node.kind() {
            "function_declaration" => {
                if let Some(name) = node.child_by_field_name("name") {
                    declare(self, name);
                }
            }
            "type_declaration" => {
                for spec in tree::parts(node) {
                    let (Some(name), Some(type_)) =
                        (spec.child_by_field_name("name"), spec.child_by_field_name("type"))
                    else {
                        continue;
                    };
                    declare(self, name);
                    if spec.kind() == "type_spec" && type_.kind() != "function_type" {
                        self.declare_class(name, type_, spec);
                    }
                    let keeps = match type_.kind() {
                        "type_identifier" => is_basic(self.text(type_)),
                        "function_type" | "slice_type" | "array_type" => true,
                        _ => false,
                    };
                    if keeps {
                        self.conversions.insert(self.text(name));
                    }
                    if type_.kind() == "map_type" {
                        self.maps.insert(self.text(name));
                    }
                }
            }
            "var_declaration" | "const_declaration" => {
                for spec in specs(node) {
                    for name in tree::fields(spec, "name") {
                        declare(self, name);
                        let value = tree::fields(spec, "value").first().and_then(|list| tree::first(*list));
                        if spec.kind() == "const_spec" && value.is_some_and(|value| value.kind() == "int_literal") {
                            self.counts.insert(self.text(name));
                        }
                        if spec.kind() == "const_spec"
                            && let Some(text) = value.and_then(|value| self.text_of_literal(value))
                        {
                            self.texts.insert(self.text(name), text);
                        }
                    }
                }
            }
            _ => {}
        }
    }

    fn declare_class(&mut self, name: Node<'_>, type_: Node<'_>, spec: Node<'_>) -> ClassId {
        let name = self.text(name);
        let kind = match type_.kind() {
            "interface_type" => ClassKind::Interface,
            _ => ClassKind::Struct,
        };
        let class = self.to.class(ClassSpec { name, kind, outer: None, span: tree::span(spec) });
        self.classes.insert(name, class);
        let var = self.to.declare_once(name);
        self.to.class_value_to(var, class);
        class
    }

    fn function(&mut self, node: Node<'_>) {
        let Some(name) = node.child_by_field_name("name").map(|name| self.text(name)) else { return };
        let bounds = self.enter_bounds(node);
        let mut flags = visibility(name);
        if self.is_test && ["Test", "Benchmark", "Fuzz", "Example"].iter().any(|prefix| name.starts_with(prefix)) {
            flags |= FunctionFlags::TEST;
        }
        if node.child_by_field_name("parameters").is_some_and(|given| takes_tests(self.text(given))) {
            flags |= FunctionFlags::TEST;
        }
        let var = if name == "init" { self.to.fresh_var() } else { self.to.declare_once(name) };
        let parts = Parts::of(node);
        let function = self.begin(name, FunctionKind::Function, flags, None, &parts, node);
        self.finish_function(&parts);
        self.bounds = bounds;
        self.to.function_value_to(var, function);
        if name == "init" {
            // It runs when the program starts.
            self.call(&Called::Value(var, name.to_owned()), &[], CallKind::Call, tree::span(node));
        }
    }

    fn method(&mut self, node: Node<'_>) {
        let Some(name) = node.child_by_field_name("name").map(|name| self.text(name)) else { return };
        let Some(receiver) = node.child_by_field_name("receiver").and_then(tree::first) else { return };
        let Some(type_) = receiver.child_by_field_name("type").and_then(base_of) else { return };
        let class = self.class_of_receiver(type_);
        let bounds = self.bounds.clone();
        let parts = Parts::of(node);
        self.begin(name, FunctionKind::Method, visibility(name), Some(class), &parts, node);
        let receiver = receiver.child_by_field_name("name").map_or("", |name| self.text(name));
        let receiver = if receiver == "_" { "" } else { receiver };
        let var = self.to.parameter(ParameterSpec {
            name: receiver,
            kind: ParameterKind::Receiver,
            type_: "",
            default: None,
        });
        self.frame().locals.insert(var);
        self.finish_function(&parts);
        self.bounds = bounds;
    }

    /// The class of a receiver; a part of it where the type stands in another file.
    fn class_of_receiver(&mut self, type_: Node<'_>) -> ClassId {
        let name = self.text(type_);
        if let Some(&class) = self.classes.get(name) {
            return class;
        }
        let class = self.to.class(ClassSpec { name, kind: ClassKind::Struct, outer: None, span: tree::span(type_) });
        self.to.extends(class, 0, &format!("impl.{name}"));
        self.classes.insert(name, class);
        class
    }

    /// Takes the constraints of type parameters for the parameters themselves; gives what held before.
    fn enter_bounds(&mut self, node: Node<'_>) -> rustc_hash::FxHashMap<String, String> {
        let before = self.bounds.clone();
        let Some(list) = node.child_by_field_name("type_parameters") else { return before };
        for declaration in tree::parts(list) {
            let bound = declaration.child_by_field_name("type").map(|type_| self.type_text(type_)).unwrap_or_default();
            for name in tree::fields(declaration, "name") {
                let name = self.text(name).to_owned();
                self.bounds.insert(name, bound.clone());
            }
        }
        before
    }

    fn begin(
        &mut self,
        name: &str,
        kind: FunctionKind,
        flags: FunctionFlags,
        class: Option<ClassId>,
        parts: &Parts<'_>,
        node: Node<'_>,
    ) -> distsys_facts::FunctionId {
        let (return_type, fails) = self.result_type(parts.result);
        let span = tree::span(node);
        let function =
            self.to.begin_function(FunctionSpec { name, kind, flags, class, return_type: &return_type, span });
        self.frames.push(Frame { fails, ..Frame::default() });
        function
    }

    /// Parameters, results and body of the function that has begun.
    fn finish_function(&mut self, parts: &Parts<'_>) {
        let failed = std::mem::take(&mut self.failed);
        if let Some(list) = parts.parameters {
            self.parameters(list);
        }
        if let Some(list) = parts.result.filter(|result| result.kind() == "parameter_list") {
            for declaration in tree::parts(list) {
                let Some(type_) = declaration.child_by_field_name("type") else { continue };
                let is_error = self.is_error_type(type_);
                let type_ = self.type_text(type_);
                for name in tree::fields(declaration, "name") {
                    let var = self.local(self.text(name));
                    self.typed(var, &type_);
                    if is_error {
                        self.errors.insert(var);
                    }
                    self.frame().results.push(var);
                }
            }
        }
        if let Some(body) = parts.body {
            if body.has_error() {
                // What it does is not known; what it is called and takes is.
                self.failed = failed;
                self.frames.pop();
                self.to.end_function();
                return;
            }
            self.body(body);
        }
        self.failed = failed;
        self.frames.pop();
        self.to.end_function();
    }

    /// The body shares the scope of the parameters: `:=` takes them up again.
    fn body(&mut self, body: Node<'_>) {
        let locks = [".Lock()", ".RLock()"].iter().any(|call| self.text(body).contains(call));
        self.frame().locks = locks;
        if !self.text(body).contains("defer") {
            self.statements(body);
            return;
        }
        let mut open = self.to.begin_try(true, tree::span(body));
        self.statements(body);
        self.to.begin_finally(&mut open, tree::span(body));
        for deferred in std::mem::take(&mut self.frame().deferred).into_iter().rev() {
            if !deferred.sometimes {
                self.call(&deferred.callee, &deferred.arguments, CallKind::Call, deferred.span);
                continue;
            }
            let mut choice = self.to.begin_choice();
            self.to.begin_arm(&choice, RegionKind::Branch, None, deferred.span);
            self.call(&deferred.callee, &deferred.arguments, CallKind::Call, deferred.span);
            self.to.end_arm(&mut choice);
            self.to.end_choice(choice, false);
        }
        self.to.end_finally(&mut open);
        self.to.end_try(open);
    }

    fn parameters(&mut self, list: Node<'_>) {
        for declaration in tree::parts(list) {
            let Some(type_node) = declaration.child_by_field_name("type") else { continue };
            let mut type_ = self.type_text(type_node);
            let is_rest = declaration.kind() == "variadic_parameter_declaration";
            if is_rest && !type_.is_empty() {
                type_ = format!("Array<{type_}>");
            }
            let kind = if is_rest { ParameterKind::Rest } else { ParameterKind::Positional };
            let names = tree::fields(declaration, "name");
            let is_error = self.is_error_type(type_node);
            let add = |lower: &mut Self, name: &str| {
                let var = lower.to.parameter(ParameterSpec { name, kind, type_: &type_, default: None });
                lower.frame().locals.insert(var);
                if !type_.is_empty() {
                    lower.types.insert(var, type_.clone());
                }
                if is_error {
                    lower.errors.insert(var);
                }
            };
            if names.is_empty() {
                add(self, "");
            }
            for name in names {
                let name = self.text(name);
                add(self, if name == "_" { "" } else { name });
            }
        }
    }

    /// `func(…) … { … }`
    pub(super) fn function_literal(&mut self, node: Node<'_>) -> VarId {
        let parts = Parts::of(node);
        let function = self.begin("", FunctionKind::Closure, FunctionFlags::default(), None, &parts, node);
        self.finish_function(&parts);
        self.to.function_value(function)
    }

    /// A closure that makes one call: what a `go` statement starts.
    pub(super) fn closure_of_call(&mut self, call: Node<'_>) -> VarId {
        let span = tree::span(call);
        let function = self.to.begin_function(FunctionSpec {
            name: "",
            kind: FunctionKind::Closure,
            flags: FunctionFlags::default(),
            class: None,
            return_type: "",
            span,
        });
        self.frames.push(Frame::default());
        let failed = std::mem::take(&mut self.failed);
        self.expression(call);
        self.failed = failed;
        self.frames.pop();
        self.to.end_function();
        self.to.function_value(function)
    }

    /// Types, at the top level or in a function.
    pub(super) fn type_declaration(&mut self, node: Node<'_>) {
        for spec in tree::parts(node) {
            let (Some(name), Some(type_)) = (spec.child_by_field_name("name"), spec.child_by_field_name("type")) else {
                continue;
            };
            let bounds = self.enter_bounds(spec);
            if spec.kind() == "type_alias" {
                let text = self.type_text(type_);
                if !text.is_empty() {
                    self.to.type_alias(self.text(name), &text);
                }
            } else if type_.kind() != "function_type" {
                let class = match self.classes.get(self.text(name)) {
                    Some(&class) if self.frames.len() <= 1 => class,
                    _ => self.declare_class(name, type_, spec),
                };
                match type_.kind() {
                    "struct_type" => self.struct_fields(class, self.text(name), type_),
                    "interface_type" => self.interface(class, type_),
                    // `type Client redis.Client`
                    "qualified_type" => self.to.extends(class, 0, &self.type_text(type_)),
                    _ => {}
                }
            }
            self.bounds = bounds;
        }
    }

    /// A struct without a name is a class below the one that it is a field of; gives its path.
    fn nested_struct(&mut self, outer: ClassId, path: &str, name: &str, type_: Node<'_>) -> String {
        let class =
            self.to.class(ClassSpec { name, kind: ClassKind::Struct, outer: Some(outer), span: tree::span(type_) });
        let path = format!("{path}.{name}");
        self.deeper(type_, |lower| lower.struct_fields(class, &path, type_));
        path
    }

    /// The fields of the class at `path`.
    fn struct_fields(&mut self, class: ClassId, path: &str, type_: Node<'_>) {
        let Some(list) = tree::first(type_) else { return };
        let mut bases = 0;
        for declaration in tree::parts(list) {
            let Some(type_node) = declaration.child_by_field_name("type") else { continue };
            let names = tree::fields(declaration, "name");
            let type_ = match (type_node.kind(), &names[..]) {
                ("struct_type", [name]) => self.nested_struct(class, path, self.text(*name), type_node),
                _ => self.type_text(type_node),
            };
            let mut tagged: Vec<&str> = names.iter().map(|name| self.text(*name)).collect();
            if names.is_empty() && !type_.is_empty() {
                // What is embedded gives its fields and methods, and is a field under the name of its type.
                self.to.extends(class, bases, &type_);
                bases += 1;
                let plain = type_.split('<').next().unwrap_or(&type_).to_owned();
                let plain = plain.rsplit('.').next().unwrap_or(&plain).to_owned();
                self.to.field(class, &plain, &type_, None);
                tagged.clear();
            }
            for name in &tagged {
                self.to.field(class, name, &type_, None);
            }
            if let Some(tag) = declaration.child_by_field_name("tag") {
                for name in tagged {
                    self.tags(class, name, tag);
                }
            }
        }
    }

    /// `gorm:"uniqueIndex"`: what a library is told of a field. How a field is called in JSON and the like says nothing of
    /// what the program does.
    fn tags(&mut self, class: ClassId, field: &str, tag: Node<'_>) {
        const ENCODINGS: &[&str] =
            &["json", "xml", "yaml", "toml", "mapstructure", "form", "uri", "protobuf", "validate"];
        let text = self.text(tag).trim_matches('`');
        let span = tree::span(tag);
        let mut rest = text;
        while let Some((key, after)) = rest.split_once(":\"") {
            let Some((value, after)) = after.split_once('"') else { return };
            let key = key.trim();
            if !ENCODINGS.contains(&key) {
                let (callee, value) = (self.to.global(key), self.to.string(value));
                let site = self.to.call(
                    CallKind::Annotation,
                    crate::lower::Callee::Value(callee, key),
                    &[crate::lower::Arg::Positional(value)],
                    span,
                );
                self.to.annotate_field(class, field, site.0);
            }
            rest = after;
        }
    }

    fn interface(&mut self, class: ClassId, type_: Node<'_>) {
        let mut bases = 0;
        for element in tree::parts(type_) {
            if element.kind() == "method_elem" {
                let Some(name) = element.child_by_field_name("name").map(|name| self.text(name)) else { continue };
                let parts = Parts::of(element);
                let flags = visibility(name) | FunctionFlags::ABSTRACT;
                self.begin(name, FunctionKind::Method, flags, Some(class), &parts, element);
                self.to.parameter(ParameterSpec { name: "", kind: ParameterKind::Receiver, type_: "", default: None });
                self.finish_function(&parts);
            } else {
                let base = self.type_text(element);
                if !base.is_empty() {
                    self.to.extends(class, bases, &base);
                    bases += 1;
                }
            }
        }
    }

    /// `var`, `const`, at the top level (where names are declared already) or in a function.
    pub(super) fn variables(&mut self, node: Node<'_>, top_level: bool) {
        for spec in specs(node) {
            let type_node = spec.child_by_field_name("type");
            let type_ = type_node.map(|type_| self.type_text(type_)).unwrap_or_default();
            let is_error = type_node.is_some_and(|type_| self.is_error_type(type_));
            let names = tree::fields(spec, "name");
            let values = spec.child_by_field_name("value").map(tree::parts).unwrap_or_default();
            let given = self.values_for(&names, &values);
            for (name, given) in names.into_iter().zip(given) {
                let name = self.text(name);
                let var = match (name, top_level) {
                    ("_", _) => continue,
                    (_, true) => self.to.declare_once(name),
                    (_, false) => self.local(name),
                };
                self.typed(var, &type_);
                if is_error {
                    self.errors.insert(var);
                }
                match given {
                    Some(given) => {
                        self.to.assign(var, given.var);
                        if given.is_error {
                            self.errors.insert(var);
                        }
                        self.take_blank(var, given.var);
                    }
                    None if !top_level => {
                        self.blank.insert(var);
                    }
                    None => {}
                }
            }
        }
    }
}

impl Lower<'_> {
    /// A literal struct or map, or a call, with its entries as named arguments.
    pub(super) fn construct(&mut self, callee: &Called, given: &[Given], node: Node<'_>) -> VarId {
        self.call(callee, given, CallKind::New, tree::span(node))
    }
}

/// The specs of a declaration of variables or constants, grouped or not.
fn specs(node: Node<'_>) -> Vec<Node<'_>> {
    let mut found = Vec::new();
    for child in tree::parts(node) {
        if child.kind() == "var_spec_list" { found.extend(tree::parts(child)) } else { found.push(child) }
    }
    found.retain(|spec| matches!(spec.kind(), "var_spec" | "const_spec"));
    found
}

fn visibility(name: &str) -> FunctionFlags {
    if name.starts_with(char::is_uppercase) { FunctionFlags::PUBLIC } else { FunctionFlags::default() }
}

/// The name in a receiver's type: `*Cache[K, V]` → `Cache`.
fn base_of(type_: Node<'_>) -> Option<Node<'_>> {
    let mut at = type_;
    loop {
        at = match at.kind() {
            "type_identifier" => return Some(at),
            "generic_type" => at.child_by_field_name("type")?,
            _ => tree::first(at)?,
        };
    }
}
