//! Expressions.

use distsys_facts::{CallKind, LiteralKind, RegionKind, VarId};
use tree_sitter::Node;

use super::statements::unparenthesized;
use super::{Called, Given, Lower};
use crate::tree;

impl<'s> Lower<'s> {
    pub(super) fn expression(&mut self, node: Node<'_>) -> VarId {
        let mut value = None;
        self.deeper(node, |lower| value = Some(lower.expression_at(node)));
        value.unwrap_or_else(|| self.to.fresh_var())
    }

    fn expression_at(&mut self, node: Node<'_>) -> VarId {
        let field = |name| node.child_by_field_name(name);
        match node.kind() {
            "identifier" | "package_identifier" | "type_identifier" => self.to.name(self.text(node)),
            "selector_expression" => match (field("operand"), field("field")) {
                (Some(operand), Some(name)) => {
                    let base = self.expression(operand);
                    self.to.load(base, self.text(name))
                }
                _ => self.to.fresh_var(),
            },
            "qualified_type" => match (field("package"), field("name")) {
                (Some(package), Some(name)) => {
                    let base = self.to.name(self.text(package));
                    self.to.load(base, self.text(name))
                }
                _ => self.to.fresh_var(),
            },
            "call_expression" => self.call_expression(node),
            "func_literal" => self.function_literal(node),
            "composite_literal" => self.composite(node),
            "parenthesized_expression" | "literal_element" => self.inner(node),
            "unary_expression" => self.unary(node),
            "binary_expression" => self.binary(node),
            "index_expression" => match field("operand") {
                Some(operand) => {
                    let base = self.expression(operand);
                    let index = self.index_of(node);
                    self.to.load(base, &index)
                }
                None => self.to.fresh_var(),
            },
            "slice_expression" => {
                let value = field("operand").map(|operand| self.expression(operand));
                let mut end = None;
                for name in ["start", "end", "capacity"] {
                    let bound = field(name).map(|bound| self.expression(bound));
                    end = if name == "end" { bound } else { end };
                }
                match value {
                    Some(value) => self.to.slice(value, end, tree::span(node)),
                    None => self.to.fresh_var(),
                }
            }
            "type_assertion_expression" => {
                let value = field("operand").map(|operand| self.expression(operand));
                let type_ = field("type").map(|type_| self.type_text(type_)).unwrap_or_default();
                match value {
                    Some(value) if type_.is_empty() => value,
                    Some(_) => {
                        let var = self.to.declare("");
                        self.to.declare_type(var, &type_);
                        var
                    }
                    None => self.to.fresh_var(),
                }
            }
            "type_conversion_expression" => self.conversion_or_call(node),
            "type_instantiation_expression" => self.inner(node),
            "interpreted_string_literal" => {
                let text = unescaped(self.text(node));
                self.to.string(&text)
            }
            "raw_string_literal" => self.to.string(self.text(node).trim_matches('`')),
            "rune_literal" => self.to.literal(LiteralKind::String, self.text(node).trim_matches('\'')),
            "int_literal" => self.to.literal(LiteralKind::Integer, &integer(self.text(node))),
            "float_literal" | "imaginary_literal" => {
                self.to.literal(LiteralKind::Float, &self.text(node).replace('_', ""))
            }
            "true" | "false" => self.to.literal(LiteralKind::Boolean, node.kind()),
            "nil" => self.to.null(),
            _ => self.to.fresh_var(),
        }
    }

    /// `[]byte(text)`; but `Map[K](list)` looks like a conversion and is mostly the call of a generic function.
    fn conversion_or_call(&mut self, node: Node<'_>) -> VarId {
        let Some(operand) = node.child_by_field_name("operand") else { return self.to.fresh_var() };
        let generic = node.child_by_field_name("type").filter(|type_| type_.kind() == "generic_type");
        // `handlers[kind](event)` is the call of an element, where `kind` is a variable.
        if let Some(list) = generic.and_then(|type_| self.element_called(type_)) {
            let callee = Called::Value(self.to.load(list, "[]"), String::new());
            let value = self.expression(operand);
            return self.call(&callee, &[Given::One(value)], CallKind::Call, tree::span(node));
        }
        let callee = generic.and_then(|type_| self.callee_of_type(type_));
        let value = self.expression(operand);
        match callee {
            Some(Called::Value(_, name)) if self.classes.contains_key(name.as_str()) => value,
            Some(callee) => self.call(&callee, &[Given::One(value)], CallKind::Call, tree::span(node)),
            None => value,
        }
    }

    /// The list or mapping of which an element is called, where its index is a local variable and so no type.
    fn element_called(&mut self, generic: Node<'_>) -> Option<VarId> {
        let index = generic.child_by_field_name("type_arguments").and_then(tree::first)?;
        let index = if index.kind() == "type_elem" { tree::first(index)? } else { index };
        let list = generic.child_by_field_name("type").filter(|list| list.kind() == "type_identifier")?;
        let is_index = index.kind() == "type_identifier" && self.is_local(self.text(index));
        is_index.then(|| self.to.name(self.text(list)))
    }

    fn inner(&mut self, node: Node<'_>) -> VarId {
        match tree::first(node) {
            Some(inner) => self.expression(inner),
            None => self.to.fresh_var(),
        }
    }

    fn unary(&mut self, node: Node<'_>) -> VarId {
        let Some(operand) = node.child_by_field_name("operand") else { return self.to.fresh_var() };
        match node.child_by_field_name("operator").map_or("", |operator| self.text(operator)) {
            // What a pointer points to is the same for all that is asked here.
            "&" | "*" | "+" => {
                let value = self.expression(operand);
                if operand.kind() == "composite_literal" && self.blank.remove(&value) {
                    self.blank_addresses.insert(value);
                }
                value
            }
            "<-" => self.receive(operand, node),
            "-" if operand.kind() == "int_literal" => {
                self.to.literal(LiteralKind::Integer, &format!("-{}", integer(self.text(operand))))
            }
            operator => {
                let value = self.expression(operand);
                self.to.binary(operator, value, None, tree::span(node))
            }
        }
    }

    fn binary(&mut self, node: Node<'_>) -> VarId {
        let (Some(left), Some(right)) = (node.child_by_field_name("left"), node.child_by_field_name("right")) else {
            return self.to.fresh_var();
        };
        let operator = node.child_by_field_name("operator").map_or("", |operator| self.text(operator));
        if operator == "+"
            && let Some(text) = self.concatenation(node)
        {
            return text;
        }
        let first = self.expression(left);
        if matches!(operator, "&&" | "||") && self.text(right).contains('(') {
            // The right side is evaluated only sometimes.
            let kind = if operator == "&&" { RegionKind::Branch } else { RegionKind::Else };
            let mut choice = self.to.begin_choice();
            self.to.begin_arm(&choice, kind, Some(first), tree::span(right));
            let second = self.expression(right);
            self.to.end_arm(&mut choice);
            self.to.end_choice(choice, false);
            return self.to.binary(operator, first, Some(second), tree::span(node));
        }
        let second = self.expression(right);
        if matches!(operator, "==" | "!=") && right.kind() == "nil" && self.errors.contains(&first) {
            let variant = self.to.string(if operator == "!=" { "Err" } else { "Ok" });
            return self.to.binary("is", first, Some(variant), tree::span(node));
        }
        self.to.binary(operator, first, Some(second), tree::span(node))
    }

    /// `"user:" + id` as a template, if a part is text.
    fn concatenation(&mut self, node: Node<'_>) -> Option<VarId> {
        let mut parts = Vec::new();
        flatten(node, self.source, &mut parts);
        let is_text = |part: &Node<'_>| matches!(part.kind(), "interpreted_string_literal" | "raw_string_literal");
        if !parts.iter().any(is_text) {
            return None;
        }
        let (mut text, mut holes) = (String::new(), Vec::new());
        for part in parts {
            match part.kind() {
                "interpreted_string_literal" => text.push_str(&unescaped(self.text(part))),
                "raw_string_literal" => text.push_str(self.text(part).trim_matches('`')),
                _ => {
                    holes.push(self.expression(part));
                    text.push_str("{}");
                }
            }
        }
        Some(self.to.template(&text, &holes))
    }

    /// The key of an index, constant or computed.
    pub(super) fn index_of(&mut self, node: Node<'_>) -> String {
        let Some(index) = node.child_by_field_name("index") else { return "[]".to_owned() };
        match index.kind() {
            "interpreted_string_literal" => unescaped(self.text(index)).into_owned(),
            "raw_string_literal" => self.text(index).trim_matches('`').to_owned(),
            "int_literal" => integer(self.text(index)),
            _ => {
                self.expression(index);
                "[]".to_owned()
            }
        }
    }

    /// `fmt.Sprintf("user:%d", id)` as a template.
    pub(super) fn formatted(&mut self, arguments: &[Node<'_>]) -> Option<VarId> {
        let (format, values) = arguments.split_first()?;
        let format = unparenthesized(*format);
        let text = match format.kind() {
            "interpreted_string_literal" => unescaped(self.text(format)).into_owned(),
            "raw_string_literal" => self.text(format).trim_matches('`').to_owned(),
            _ => return None,
        };
        if values.iter().any(|value| value.kind() == "variadic_argument") {
            return None;
        }
        let holes: Vec<VarId> = values.iter().map(|value| self.expression(*value)).collect();
        let (text, count) = holes_of(&text);
        Some(self.to.template(&text, &holes[..holes.len().min(count)]))
    }
}

/// The operands of a chain of `+`.
fn flatten<'t>(node: Node<'t>, source: &str, parts: &mut Vec<Node<'t>>) {
    let mut rights = Vec::new();
    let mut at = unparenthesized(node);
    while at.kind() == "binary_expression"
        && at.child_by_field_name("operator").is_some_and(|operator| tree::text(source, operator) == "+")
        && let (Some(left), Some(right)) = (at.child_by_field_name("left"), at.child_by_field_name("right"))
    {
        rights.push(right);
        at = unparenthesized(left);
    }
    parts.push(at);
    parts.extend(rights.into_iter().rev().map(unparenthesized));
}

/// The text of a format with `{}` for its verbs, and how many there are.
fn holes_of(format: &str) -> (String, usize) {
    let (mut text, mut count) = (String::with_capacity(format.len()), 0);
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        if chars.peek() == Some(&'%') {
            chars.next();
            text.push('%');
            continue;
        }
        while chars
            .peek()
            .is_some_and(|c| matches!(c, '#' | '+' | '-' | ' ' | '.' | '*' | '[' | ']') || c.is_ascii_digit())
        {
            chars.next();
        }
        chars.next();
        text.push_str("{}");
        count += 1;
    }
    (text, count)
}

/// What a string in double quotes is.
pub(super) fn unescaped(literal: &str) -> std::borrow::Cow<'_, str> {
    let inner = literal.strip_prefix('"').unwrap_or(literal);
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    if !inner.contains('\\') {
        return inner.into();
    }
    let mut text = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => text.push('\n'),
            Some('t') => text.push('\t'),
            Some('r') => text.push('\r'),
            Some(other) => text.push(other),
            None => {}
        }
    }
    text.into()
}

/// Without separators and in the decimal system.
fn integer(literal: &str) -> String {
    let plain = literal.replace('_', "").to_ascii_lowercase();
    let of_base =
        |prefix: &str, base| plain.strip_prefix(prefix).and_then(|digits| i128::from_str_radix(digits, base).ok());
    match of_base("0x", 16).or_else(|| of_base("0b", 2)).or_else(|| of_base("0o", 8)) {
        Some(number) => number.to_string(),
        None => plain,
    }
}
