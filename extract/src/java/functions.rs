//! Methods, constructors, lambdas and method references.

use distsys_facts::{CallKind, FunctionFlags, FunctionId, FunctionKind, ParameterKind, RegionKind, VarId};
use tree_sitter::Node;

use super::Lower;
use super::annotations::{Modifiers, modifiers};
use super::classes::of_dimensions;
use super::types::is_type;
use crate::lower::{Arg, Callee, FunctionSpec, ParameterSpec};
use crate::tree;

/// Annotations of test runners.
const TEST_ANNOTATIONS: &[&str] = &[
    "Test",
    "ParameterizedTest",
    "RepeatedTest",
    "TestFactory",
    "TestTemplate",
    "BeforeEach",
    "AfterEach",
    "BeforeAll",
    "AfterAll",
    "Before",
    "After",
    "BeforeClass",
    "AfterClass",
    "BeforeMethod",
    "AfterMethod",
    "Benchmark",
];

impl<'s> Lower<'s> {
    pub(super) fn method(&mut self, node: Node<'_>) -> FunctionId {
        let modifiers = modifiers(node);
        let body = node.child_by_field_name("body");
        let flags = self.flags(&modifiers, body.is_some());
        // Without a body it is done by whoever calls it.
        let inside = body.is_none();
        let before = if inside { Vec::new() } else { self.annotations(&modifiers.annotations) };
        let bounds = self.enter_bounds(node);
        let return_type = self.field_type(node);
        let name = node.child_by_field_name("name").map_or("", |name| self.slice(name));
        self.begin_member(name, FunctionKind::Method, flags, &return_type, tree::span(node));
        let function = self.to.function();
        self.parameters(function, node, self.receivers(flags));
        if let Some(body) = body {
            self.body(body, modifiers.has("synchronized"), flags);
        }
        let within = if inside { self.annotations(&modifiers.annotations) } else { Vec::new() };
        self.to.end_function();
        for site in before.into_iter().chain(within) {
            self.to.annotate_function(function, site);
        }
        self.leave_bounds(bounds);
        function
    }

    pub(super) fn constructor(&mut self, node: Node<'_>) {
        let modifiers = modifiers(node);
        let annotations = self.annotations(&modifiers.annotations);
        let flags = self.flags(&modifiers, true);
        let bounds = self.enter_bounds(node);
        self.begin_member("constructor", FunctionKind::Constructor, flags, "", tree::span(node));
        let function = self.to.function();
        match node.child_by_field_name("parameters") {
            Some(_) => self.parameters(function, node, self.receivers(flags)),
            None => self.store_components(),
        }
        if let Some(body) = node.child_by_field_name("body") {
            self.body(body, false, flags);
        }
        self.to.end_function();
        for site in annotations {
            self.to.annotate_function(function, site);
        }
        self.leave_bounds(bounds);
    }

    fn flags(&mut self, modifiers: &Modifiers<'_>, has_body: bool) -> FunctionFlags {
        let in_interface = self.enclosing.last().is_some_and(|enclosing| enclosing.is_interface);
        let mut flags = FunctionFlags::default();
        if modifiers.has("public") || in_interface && !modifiers.has("private") {
            flags |= FunctionFlags::PUBLIC;
        }
        if modifiers.has("private") {
            flags |= FunctionFlags::PRIVATE;
        }
        if modifiers.has("static") || self.enclosing.is_empty() {
            flags |= FunctionFlags::STATIC;
        }
        if !has_body && !modifiers.has("native") {
            flags |= FunctionFlags::ABSTRACT;
        }
        if modifiers.annotations.iter().any(|node| TEST_ANNOTATIONS.contains(&self.annotation_name(*node))) {
            flags |= FunctionFlags::TEST;
        }
        flags
    }

    fn receivers(&self, flags: FunctionFlags) -> u32 {
        u32::from(!flags.has(FunctionFlags::STATIC) && !self.enclosing.is_empty())
    }

    /// `index`: of the first one; the receiver has one, too.
    fn parameters(&mut self, function: FunctionId, node: Node<'_>, mut index: u32) {
        for parameter in node.child_by_field_name("parameters").map(tree::parts).unwrap_or_default() {
            let annotations = modifiers(parameter).annotations;
            match parameter.kind() {
                "formal_parameter" => {
                    let type_ = self.field_type(parameter);
                    let type_ = of_dimensions(parameter, &type_);
                    let name = parameter.child_by_field_name("name").map_or("", |name| self.slice(name));
                    let kind = ParameterKind::Positional;
                    self.to.parameter(ParameterSpec { name, kind, type_: &type_, default: None });
                }
                "spread_parameter" => {
                    let parts = tree::parts(parameter);
                    let type_ = parts.iter().find(|part| is_type(part.kind()));
                    let type_ = type_.map(|type_| self.type_text(*type_)).unwrap_or_default();
                    let name = parts.iter().find_map(|part| part.child_by_field_name("name"));
                    let name = name.map_or("", |name| self.slice(name));
                    let type_ = format!("Array<{type_}>");
                    let kind = ParameterKind::Rest;
                    self.to.parameter(ParameterSpec { name, kind, type_: &type_, default: None });
                }
                _ => continue,
            }
            for site in self.annotations(&annotations) {
                self.to.annotate_parameter(function, index, site);
            }
            index += 1;
        }
    }

    /// A function's body; one with an error in it is left out, for what it does is not known.
    fn body(&mut self, body: Node<'_>, is_synchronized: bool, flags: FunctionFlags) {
        if body.has_error() {
            return;
        }
        let was_test = self.in_test;
        self.in_test |= flags.has(FunctionFlags::TEST);
        let switches = std::mem::take(&mut self.switches);
        let locks = is_synchronized || self.may_lock(body);
        let locks = std::mem::replace(&mut self.locks, locks);
        if is_synchronized {
            let lock = match (self.to.lookup("this"), self.enclosing.last()) {
                (Some(this), _) if !flags.has(FunctionFlags::STATIC) => this,
                (_, Some(enclosing)) => self.declared[enclosing.declared].var,
                (found, None) => found.unwrap_or_else(|| self.to.fresh_var()),
            };
            self.synchronized(lock, body, body);
        } else {
            self.block(body);
        }
        self.locks = locks;
        self.switches = switches;
        self.in_test = was_test;
    }

    /// Whether a lock of the process may be taken in a body.
    fn may_lock(&self, body: Node<'_>) -> bool {
        ["synchronized", ".lock()", ".lockInterruptibly()", ".tryLock("]
            .iter()
            .any(|call| self.slice(body).contains(call))
    }

    /// What runs while a monitor is held.
    pub(super) fn synchronized(&mut self, lock: VarId, at: Node<'_>, body: Node<'_>) {
        let enter = self.to.global("java.lang.synchronized");
        let start = tree::span(at).start;
        let span = crate::lower::Span::new(start, start + 1);
        let callee = Callee::Value(enter, "synchronized");
        let (_, monitor) = self.to.call(CallKind::Call, callee, &[Arg::Positional(lock)], span);
        let region = self.to.begin_region(RegionKind::With, tree::span(body));
        self.to.manages(region, monitor, None);
        self.block(body);
        self.to.end_region();
    }

    pub(super) fn lambda(&mut self, node: Node<'_>) -> VarId {
        let flags = if self.in_test { FunctionFlags::TEST } else { FunctionFlags::default() };
        self.to.begin_function(FunctionSpec {
            name: "",
            kind: FunctionKind::Closure,
            flags,
            class: None,
            return_type: "",
            span: tree::span(node),
        });
        let function = self.to.function();
        if let Some(parameters) = node.child_by_field_name("parameters") {
            match parameters.kind() {
                "formal_parameters" => self.parameters(function, node, 0),
                "inferred_parameters" => {
                    for name in tree::parts(parameters) {
                        self.inferred(self.slice(name));
                    }
                }
                _ => self.inferred(self.slice(parameters)),
            }
        }
        let switches = std::mem::take(&mut self.switches);
        let body = node.child_by_field_name("body");
        let locks = body.is_some_and(|body| self.may_lock(body));
        let locks = std::mem::replace(&mut self.locks, locks);
        match body {
            Some(body) if body.kind() == "block" => self.block(body),
            Some(body) => {
                let value = self.expression(body);
                self.to.result(Some(value), tree::span(body));
            }
            None => {}
        }
        self.locks = locks;
        self.switches = switches;
        self.to.end_function();
        self.to.function_value(function)
    }

    fn inferred(&mut self, name: &str) {
        let kind = ParameterKind::Positional;
        self.to.parameter(ParameterSpec { name, kind, type_: "", default: None });
    }

    /// `this::run`, `Order::id`, `Order::new`
    pub(super) fn method_reference(&mut self, node: Node<'_>) -> VarId {
        let tokens = tree::tokens(node);
        let Some(of) = tokens.first().copied() else { return self.to.fresh_var() };
        let is_new = tokens.last().is_some_and(|token| token.kind() == "new");
        let base = match of.kind() {
            "super" => self.super_value(),
            kind if is_type(kind) => {
                let name = self.plain_name(of);
                self.type_value(&name)
            }
            _ => self.expression(of),
        };
        match tokens.last() {
            _ if is_new => base,
            Some(name) => {
                let name = self.slice(*name);
                self.to.load(base, name)
            }
            None => base,
        }
    }
}
