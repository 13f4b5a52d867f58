//! Calls, conversions and what the language has built in.

use distsys_facts::{CallKind, VarId};
use tree_sitter::Node;

use super::statements::unparenthesized;
use super::types::is_basic;
use super::{Called, Given, Lower};
use crate::tree;

impl<'s> Lower<'s> {
    pub(super) fn call_expression(&mut self, node: Node<'_>) -> VarId {
        let function = node.child_by_field_name("function").map(unparenthesized);
        let arguments = node.child_by_field_name("arguments").map(tree::parts).unwrap_or_default();
        if let Some(function) = function {
            if let Some(value) = self.conversion(function, &arguments) {
                return value;
            }
            if let Some(value) = self.built_in(function, &arguments, node) {
                return value;
            }
        }
        let Some((callee, given)) = self.prepare_call(node) else { return self.to.fresh_var() };
        let value = self.call(&callee, &given, CallKind::Call, tree::span(node));
        if let (Called::Member(left, name), [Given::One(right)]) = (&callee, given.as_slice())
            && let Some(operator) = operator_of_times(name)
            && function.is_some_and(|function| !self.is_of_package(function))
        {
            self.to.binary(operator, *left, Some(*right), tree::span(node));
        }
        for argument in arguments {
            self.fill_argument(argument, value);
        }
        if let Some(function) = function
            && self.never_returns(function)
        {
            self.to.throw(
                given.iter().find_map(|given| if let Given::One(var) = given { Some(*var) } else { None }),
                tree::span(node),
            );
        }
        value
    }

    fn is_of_package(&mut self, function: Node<'_>) -> bool {
        function.child_by_field_name("operand").is_some_and(|operand| self.package_of(operand).is_some())
    }

    /// Callee and arguments, evaluated.
    pub(super) fn prepare_call(&mut self, node: Node<'_>) -> Option<(Called, Vec<Given>)> {
        if node.kind() != "call_expression" {
            return None;
        }
        let function = unparenthesized(node.child_by_field_name("function")?);
        let callee = self.callee(function);
        let mut given = Vec::new();
        for argument in node.child_by_field_name("arguments").map(tree::parts).unwrap_or_default() {
            match argument.kind() {
                "variadic_argument" => {
                    if let Some(inner) = tree::first(argument) {
                        given.push(Given::Spread(self.expression(inner)));
                    }
                }
                _ if is_type(argument) => given.push(Given::One(self.to.fresh_var())),
                _ => given.push(Given::One(self.expression(argument))),
            }
        }
        Some((callee, given))
    }

    fn callee(&mut self, function: Node<'_>) -> Called {
        match function.kind() {
            "selector_expression" => {
                let operand = function.child_by_field_name("operand").map(|operand| self.expression(operand));
                let name = function.child_by_field_name("field").map_or("", |field| self.text(field)).to_owned();
                match operand {
                    Some(operand) => Called::Member(operand, name),
                    None => Called::Value(self.to.fresh_var(), name),
                }
            }
            "identifier" => {
                let name = self.text(function);
                Called::Value(self.to.name(name), name.to_owned())
            }
            // `Map[K, V](…)`: an instance of a generic function.
            "index_expression" if self.is_instance(function) => match function.child_by_field_name("operand") {
                Some(operand) => self.callee(unparenthesized(operand)),
                None => Called::Value(self.to.fresh_var(), String::new()),
            },
            "type_instantiation_expression" => match tree::first(function) {
                Some(inner) => self.callee(inner),
                None => Called::Value(self.to.fresh_var(), String::new()),
            },
            "qualified_type" => {
                let package = function.child_by_field_name("package").map_or("", |package| self.text(package));
                let name = function.child_by_field_name("name").map_or("", |name| self.text(name)).to_owned();
                Called::Member(self.to.name(package), name)
            }
            "type_identifier" => {
                let name = self.text(function);
                Called::Value(self.to.name(name), name.to_owned())
            }
            _ => Called::Value(self.expression(function), String::new()),
        }
    }

    /// Whether the index of a callee is a type.
    fn is_instance(&mut self, node: Node<'_>) -> bool {
        let Some(index) = node.child_by_field_name("index") else { return false };
        match index.kind() {
            "identifier" => {
                let name = self.text(index);
                is_basic(name)
                    || self.classes.contains_key(name)
                    || name.starts_with(char::is_uppercase) && self.to.lookup(name).is_none()
            }
            "selector_expression" => {
                index.child_by_field_name("operand").is_some_and(|operand| self.package_of(operand).is_some())
            }
            kind => kind.ends_with("_type"),
        }
    }

    /// `[]byte(text)`, `string(key)`, `Status(1)`: the value, in other clothes.
    fn conversion(&mut self, function: Node<'_>, arguments: &[Node<'_>]) -> Option<VarId> {
        let [only] = arguments else { return None };
        let converts = match function.kind() {
            "identifier" | "type_identifier" => {
                let name = self.text(function);
                is_basic(name) && self.to.lookup(name).is_none() || self.conversions.contains(name)
            }
            "slice_type" | "array_type" | "map_type" | "pointer_type" | "function_type" | "channel_type"
            | "interface_type" => true,
            _ => false,
        };
        converts.then(|| self.expression(*only))
    }

    /// `make`, `new`, `append` and formats; none for other callees.
    fn built_in(&mut self, function: Node<'_>, arguments: &[Node<'_>], node: Node<'_>) -> Option<VarId> {
        let span = tree::span(node);
        if function.kind() == "selector_expression" {
            let is_format = function.child_by_field_name("operand").and_then(|operand| self.package_of(operand))
                == Some("fmt")
                && function.child_by_field_name("field").is_some_and(|field| self.text(field) == "Sprintf");
            return if is_format { self.formatted(arguments) } else { None };
        }
        if function.kind() != "identifier" || self.to.lookup(self.text(function)).is_some() {
            return None;
        }
        match (self.text(function), arguments) {
            ("make", [type_, sizes @ ..]) => {
                // A size of zero is that of a channel without one.
                let sizes = sizes.iter().filter(|size| self.text(**size) != "0");
                let sizes: Vec<Node<'_>> = sizes.copied().collect();
                let given: Vec<Given> = sizes.into_iter().map(|size| Given::One(self.expression(size))).collect();
                match type_.kind() {
                    "channel_type" => {
                        let callee = Called::Value(self.to.global("chan"), "chan".to_owned());
                        let value = self.call(&callee, &given, CallKind::Call, span);
                        let type_ = self.type_text(*type_);
                        self.to.declare_type(value, &type_);
                        Some(value)
                    }
                    "map_type" => Some(self.to.empty_object()),
                    _ => Some(self.to.fresh_var()),
                }
            }
            ("new", [type_]) if self.names_type(*type_) => {
                let type_ = if type_.kind() == "generic_type" { type_.child_by_field_name("type")? } else { *type_ };
                let callee = self.callee(type_);
                let value = self.construct(&callee, &[], node);
                self.blank_addresses.insert(value);
                Some(value)
            }
            // `new(value)` is the address of a copy.
            ("new", [value]) => Some(self.expression(*value)),
            // What is appended to and what is appended are both in what comes of it.
            ("append", [list, values @ ..]) => {
                let list = self.expression(*list);
                let result = self.to.fresh_var();
                self.to.assign(result, list);
                for value in values {
                    match (value.kind(), tree::first(*value)) {
                        ("variadic_argument", Some(inner)) => {
                            let more = self.expression(inner);
                            self.to.assign(result, more);
                        }
                        _ => {
                            let value = self.expression(*value);
                            let one = self.to.array(&[value]);
                            self.to.assign(result, one);
                        }
                    }
                }
                Some(result)
            }
            _ => None,
        }
    }

    /// `&order`, `&order.Total`, or `order` that is the address of an empty one: the call fills it.
    fn fill_argument(&mut self, argument: Node<'_>, call: VarId) {
        let argument = unparenthesized(argument);
        let mut filled = match argument.kind() {
            "unary_expression" if self.text(argument).starts_with('&') => argument.child_by_field_name("operand"),
            "identifier" => {
                let var = self.to.lookup(self.text(argument));
                if let Some(var) = var.filter(|var| self.blank_addresses.contains(var)) {
                    self.fill(var, call);
                }
                None
            }
            _ => None,
        };
        while let Some(selector) = filled.filter(|node| node.kind() == "selector_expression") {
            filled = selector.child_by_field_name("operand");
        }
        if let Some(name) = filled.filter(|node| node.kind() == "identifier")
            && let Some(var) = self.to.lookup(self.text(name))
            && self.blank.contains(&var)
        {
            self.fill(var, call);
        }
    }

    /// Whether the operand of `new` is a type, and no value.
    fn names_type(&mut self, node: Node<'_>) -> bool {
        match node.kind() {
            "type_identifier" | "identifier" => {
                let name = self.text(node);
                !self.is_local(name) && !is_basic(name)
            }
            "qualified_type" | "generic_type" => true,
            _ => false,
        }
    }

    pub(super) fn is_local(&mut self, name: &str) -> bool {
        let var = self.to.lookup(name);
        var.is_some_and(|var| self.frames.iter().any(|frame| frame.locals.contains(&var)))
    }

    /// `panic(…)`, `os.Exit(1)`, `log.Fatal(…)`.
    fn never_returns(&mut self, function: Node<'_>) -> bool {
        if function.kind() == "identifier" {
            return self.text(function) == "panic";
        }
        let (Some(operand), Some(field)) =
            (function.child_by_field_name("operand"), function.child_by_field_name("field"))
        else {
            return false;
        };
        let name = self.text(field);
        match self.package_of(operand) {
            Some("os") => name == "Exit",
            Some("log") => matches!(name, "Fatal" | "Fatalf" | "Fatalln" | "Panic" | "Panicf" | "Panicln"),
            _ => false,
        }
    }
}

/// Times have no operators: what stands for them are these methods.
fn operator_of_times(method: &str) -> Option<&'static str> {
    match method {
        "After" => Some(">"),
        "Before" => Some("<"),
        _ => None,
    }
}

fn is_type(node: Node<'_>) -> bool {
    node.kind().ends_with("_type")
}
