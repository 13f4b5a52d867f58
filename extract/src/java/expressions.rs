//! Expressions.

use distsys_facts::{RegionKind, VarId};
use tree_sitter::Node;

use super::Lower;
use super::names::is_type_name;
use super::types::is_type;
use crate::tree;

impl<'s> Lower<'s> {
    /// Lowers an expression; its value.
    pub(super) fn expression(&mut self, node: Node<'_>) -> VarId {
        if !self.descend(node) {
            return self.to.fresh_var();
        }
        let value = self.expression_inside(node);
        self.ascend();
        value
    }

    fn expression_inside(&mut self, node: Node<'_>) -> VarId {
        let at = tree::span(node);
        match node.kind() {
            "identifier" => self.simple_name(self.slice(node)),
            "this" => self.to.name("this"),
            "super" => self.super_value(),
            "string_literal" => self.string_literal(node),
            "character_literal" => {
                let text = self.slice(node).trim_matches('\'');
                self.to.string(text)
            }
            "decimal_integer_literal"
            | "hex_integer_literal"
            | "octal_integer_literal"
            | "binary_integer_literal"
            | "decimal_floating_point_literal"
            | "hex_floating_point_literal" => self.number(node, ""),
            "true" => self.boolean(true),
            "false" => self.boolean(false),
            "null_literal" => self.to.null(),
            "parenthesized_expression" => match tree::first(node) {
                Some(inner) => self.expression(inner),
                None => self.to.fresh_var(),
            },
            "method_invocation" => self.method_call(node),
            "object_creation_expression" => self.construction(node),
            "field_access" => self.field_access(node),
            "array_access" => {
                let (base, field) = self.element(node);
                self.to.load(base, &field)
            }
            "lambda_expression" => self.lambda(node),
            "method_reference" => self.method_reference(node),
            "class_literal" => match tree::first(node) {
                Some(type_) => {
                    let name = self.plain_name(type_);
                    if is_type(type_.kind()) && name.starts_with(char::is_lowercase) && !name.contains('.') {
                        return self.to.fresh_var();
                    }
                    self.type_value(&name)
                }
                None => self.to.fresh_var(),
            },
            "assignment_expression" => self.assignment(node),
            "binary_expression" => self.binary(node),
            "unary_expression" => {
                let operator = node.child_by_field_name("operator").map_or("", |operator| self.slice(operator));
                let Some(operand) = node.child_by_field_name("operand") else { return self.to.fresh_var() };
                if operator == "-" && operand.kind().ends_with("literal") && operand.kind() != "string_literal" {
                    return self.number(operand, "-");
                }
                let value = self.expression(operand);
                self.to.binary(operator, value, None, at)
            }
            "update_expression" => {
                let Some(operand) = tree::first(node) else { return self.to.fresh_var() };
                let operator = if self.slice(node).contains("++") { "++" } else { "--" };
                let value = self.expression(operand);
                let result = self.to.binary(operator, value, None, at);
                self.assign_to(operand, result);
                result
            }
            "ternary_expression" => self.ternary(node),
            "cast_expression" => {
                let Some(value) = node.child_by_field_name("value") else { return self.to.fresh_var() };
                let value = self.expression(value);
                let type_ = self.field_type(node);
                if type_.is_empty() || type_.starts_with(char::is_lowercase) && !type_.contains('.') {
                    return value;
                }
                let typed = self.to.declare("");
                self.to.declare_type(typed, &type_);
                self.to.assign(typed, value);
                typed
            }
            "instanceof_expression" => self.instance_of_expression(node),
            "switch_expression" => self.switch(node, ""),
            "array_creation_expression" => {
                for child in tree::parts(node) {
                    if child.kind() == "dimensions_expr" {
                        for size in tree::parts(child) {
                            self.expression(size);
                        }
                    }
                }
                match node.child_by_field_name("value") {
                    Some(value) => self.initial_value(value),
                    None => self.to.fresh_var(),
                }
            }
            "array_initializer" => self.initial_value(node),
            _ => {
                for child in tree::parts(node) {
                    self.expression(child);
                }
                self.to.fresh_var()
            }
        }
    }

    /// The instance as its base sees it.
    pub(super) fn super_value(&mut self) -> VarId {
        let bases = self.enclosing.last().map(|enclosing| enclosing.bases.clone()).unwrap_or_default();
        let value = self.to.declare("");
        self.to.declare_type(value, &bases.join("|"));
        value
    }

    fn field_access(&mut self, node: Node<'_>) -> VarId {
        let (Some(object), Some(field)) = (node.child_by_field_name("object"), node.child_by_field_name("field"))
        else {
            return self.to.fresh_var();
        };
        if field.kind() == "this" {
            // `Outer.this`
            let name = format!("{}.this", self.plain_name(object));
            let around = self.nested(name.trim_end_matches(".this"));
            return match around {
                Some(number) => self.instance_of(number),
                None => self.to.name("this"),
            };
        }
        if let Some(type_) = self.name_in_full(node) {
            return self.type_in_full(&type_);
        }
        let base = self.expression(object);
        self.to.load(base, self.slice(field))
    }

    /// The text of `java.util.List`: a package that nothing here is called like, and a type.
    fn name_in_full(&mut self, node: Node<'_>) -> Option<String> {
        let mut root = node;
        while root.kind() == "field_access" {
            root = root.child_by_field_name("object")?;
        }
        if root.kind() != "identifier" {
            return None;
        }
        let first = self.slice(root);
        if is_type_name(first) || self.to.lookup(first).is_some() || self.field_by_name(first).is_some() {
            return None;
        }
        let whole = self.dotted(node);
        let parts: Vec<&str> = whole.split('.').collect();
        let at = parts.iter().position(|part| is_type_name(part))?;
        (at > 0 && at + 1 == parts.len()).then_some(whole)
    }

    /// Base and field of an element.
    fn element(&mut self, node: Node<'_>) -> (VarId, String) {
        let base = match node.child_by_field_name("array") {
            Some(array) => self.expression(array),
            None => self.to.fresh_var(),
        };
        let field = match node.child_by_field_name("index") {
            Some(index) if index.kind() == "decimal_integer_literal" => self.slice(index).to_owned(),
            Some(index) => {
                self.expression(index);
                "[]".to_owned()
            }
            None => "[]".to_owned(),
        };
        (base, field)
    }

    fn assignment(&mut self, node: Node<'_>) -> VarId {
        let (Some(left), Some(right)) = (node.child_by_field_name("left"), node.child_by_field_name("right")) else {
            return self.to.fresh_var();
        };
        let operator = node.child_by_field_name("operator").map_or("=", |operator| self.slice(operator));
        let value = if operator == "=" {
            self.expression(right)
        } else {
            let before = self.expression(left);
            let added = self.expression(right);
            self.to.binary(operator.trim_end_matches('='), before, Some(added), tree::span(node))
        };
        self.assign_to(left, value);
        value
    }

    fn assign_to(&mut self, target: Node<'_>, value: VarId) {
        let at = tree::span(target);
        match target.kind() {
            "identifier" => {
                let name = self.slice(target);
                if let Some(var) = self.to.lookup(name) {
                    self.to.assign(var, value);
                } else if let Some((base, field)) = self.field_by_name(name) {
                    self.to.store(base, field, value, at);
                } else {
                    // An inherited field.
                    let base = self.to.name("this");
                    self.to.store(base, name, value, at);
                }
            }
            "field_access" => {
                let (Some(object), Some(field)) =
                    (target.child_by_field_name("object"), target.child_by_field_name("field"))
                else {
                    return;
                };
                let base = self.expression(object);
                self.to.store(base, self.slice(field), value, at);
            }
            "array_access" => {
                let (base, field) = self.element(target);
                self.to.store(base, &field, value, at);
            }
            "parenthesized_expression" => {
                if let Some(inner) = tree::first(target)
                    && self.descend(inner)
                {
                    self.assign_to(inner, value);
                    self.ascend();
                }
            }
            _ => {}
        }
    }

    fn binary(&mut self, node: Node<'_>) -> VarId {
        let operator = node.child_by_field_name("operator").map_or("", |operator| self.slice(operator));
        if operator == "+"
            && let Some(template) = self.concatenation(node)
        {
            return template;
        }
        let (Some(left), Some(right)) = (node.child_by_field_name("left"), node.child_by_field_name("right")) else {
            return self.to.fresh_var();
        };
        if matches!(operator, "&&" | "||") {
            return self.logical(operator, left, right);
        }
        let is_order = self.is_order(left, right);
        let left = self.expression(left);
        let right = self.expression(right);
        let result = self.to.binary(operator, left, Some(right), tree::span(node));
        // `a.compareTo(b) > 0` is `a > b`.
        if let Some((receiver, argument)) = self.last_compared.take().filter(|_| is_order) {
            let direct = self.to.binary(operator, receiver, Some(argument), tree::span(node));
            self.to.assign(result, direct);
        }
        result
    }

    /// Whether the outcome of `compareTo` is compared with zero.
    fn is_order(&self, left: Node<'_>, right: Node<'_>) -> bool {
        let zero = right.kind() == "decimal_integer_literal" && self.slice(right) == "0";
        let is_call = left.kind() == "method_invocation"
            && left.child_by_field_name("name").is_some_and(|name| self.slice(name) == "compareTo");
        zero && is_call
    }

    fn logical(&mut self, operator: &str, left: Node<'_>, right: Node<'_>) -> VarId {
        let value = self.to.fresh_var();
        let left = self.expression(left);
        self.to.assign(value, left);
        let both = operator == "&&";
        let right = if may_call(right) {
            let kind = if both { RegionKind::Branch } else { RegionKind::Else };
            let mut choice = self.to.begin_choice();
            self.to.begin_arm(&choice, kind, Some(left), tree::span(right));
            let right = self.expression(right);
            self.to.assign(value, right);
            self.to.end_arm(&mut choice);
            self.to.end_choice(choice, false);
            right
        } else {
            let right = self.expression(right);
            self.to.assign(value, right);
            right
        };
        let (taken, otherwise) = if both { (right, left) } else { (left, right) };
        self.to.choice(value, left, taken, otherwise);
        value
    }

    fn ternary(&mut self, node: Node<'_>) -> VarId {
        let condition = match node.child_by_field_name("condition") {
            Some(condition) => self.expression(condition),
            None => self.to.fresh_var(),
        };
        let value = self.to.fresh_var();
        let arms = [("consequence", RegionKind::Branch), ("alternative", RegionKind::Else)];
        let arms: Vec<(Node<'_>, RegionKind)> =
            arms.into_iter().filter_map(|(field, kind)| Some((node.child_by_field_name(field)?, kind))).collect();
        let mut results = Vec::with_capacity(arms.len());
        if arms.iter().any(|(arm, _)| may_call(*arm)) {
            let mut choice = self.to.begin_choice();
            for (arm, kind) in arms {
                self.to.begin_arm(&choice, kind, Some(condition), tree::span(arm));
                let result = self.expression(arm);
                self.to.assign(value, result);
                self.to.end_arm(&mut choice);
                results.push(result);
            }
            self.to.end_choice(choice, true);
        } else {
            for (arm, _) in arms {
                let result = self.expression(arm);
                self.to.assign(value, result);
                results.push(result);
            }
        }
        if let [taken, otherwise] = results[..] {
            self.to.choice(value, condition, taken, otherwise);
        }
        value
    }

    /// `x instanceof Order order`, `x instanceof Point(int a, int b)`
    fn instance_of_expression(&mut self, node: Node<'_>) -> VarId {
        let value = match node.child_by_field_name("left") {
            Some(left) => self.expression(left),
            None => self.to.fresh_var(),
        };
        if let Some(pattern) = node.child_by_field_name("pattern") {
            return self.pattern(pattern, value);
        }
        let right = node.child_by_field_name("right").map(|type_| self.plain_name(type_));
        let asked = right.filter(|name| name.starts_with(char::is_uppercase)).map(|name| self.type_value(&name));
        if let Some(name) = node.child_by_field_name("name") {
            let type_ = node.child_by_field_name("right").map(|type_| self.type_text(type_)).unwrap_or_default();
            self.bind_as(self.slice(name), &type_, value);
        }
        self.to.binary("instanceof", value, asked, tree::span(node))
    }
}

/// Whether evaluating may call something.
fn may_call(node: Node<'_>) -> bool {
    !matches!(
        node.kind(),
        "identifier"
            | "this"
            | "null_literal"
            | "true"
            | "false"
            | "string_literal"
            | "character_literal"
            | "decimal_integer_literal"
            | "decimal_floating_point_literal"
            | "field_access"
            | "lambda_expression"
            | "class_literal"
    )
}
