//! Types in the schema's spelling.

use tree_sitter::Node;

use super::Lower;
use crate::tree;

/// Types of the language that no call resolves by.
const BASIC: &[&str] = &[
    "any",
    "bool",
    "byte",
    "comparable",
    "complex64",
    "complex128",
    "error",
    "float32",
    "float64",
    "int",
    "int8",
    "int16",
    "int32",
    "int64",
    "rune",
    "string",
    "uint",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "uintptr",
];

pub(super) fn is_basic(name: &str) -> bool {
    BASIC.contains(&name)
}

/// Types deeper than this say nothing more.
const MAX_TYPE_DEPTH: u32 = 8;

impl Lower<'_> {
    /// `*sql.DB` → `sql.DB`, `[]Order` → `Array<Order>`, `map[string]Order` → `Map<,Order>`, `chan Order` → `chan<Order>`; empty
    /// for functions, anonymous structs and what the language has built in.
    pub(super) fn type_text(&self, node: Node<'_>) -> String {
        self.type_at(node, 0)
    }

    fn type_at(&self, node: Node<'_>, depth: u32) -> String {
        if depth > MAX_TYPE_DEPTH {
            return String::new();
        }
        let inner =
            |name: &str| node.child_by_field_name(name).map(|node| self.type_at(node, depth + 1)).unwrap_or_default();
        match node.kind() {
            "type_identifier" | "identifier" => {
                let name = self.text(node);
                match self.bounds.get(name) {
                    Some(bound) => bound.clone(),
                    None if is_basic(name) => String::new(),
                    None => name.to_owned(),
                }
            }
            "qualified_type" | "selector_expression" => {
                self.text(node).chars().filter(|c| !c.is_whitespace()).collect()
            }
            "pointer_type"
            | "parenthesized_type"
            | "type_elem"
            | "type_constraint"
            | "negated_type"
            | "parenthesized_expression" => {
                let parts = tree::parts(node);
                match parts[..] {
                    [only] => self.type_at(only, depth + 1),
                    _ => String::new(),
                }
            }
            "unary_expression" => inner("operand"),
            "slice_type" | "array_type" | "implicit_length_array_type" => wrap("Array", inner("element")),
            "map_type" => {
                let value = inner("value");
                if value.is_empty() { value } else { format!("Map<string,{value}>") }
            }
            "channel_type" => {
                let value = inner("value");
                if value.is_empty() { "chan".to_owned() } else { format!("chan<{value}>") }
            }
            "generic_type" => {
                let name = inner("type");
                let arguments: Vec<String> = node
                    .child_by_field_name("type_arguments")
                    .map(|list| tree::parts(list).into_iter().map(|part| self.type_at(part, depth + 1)).collect())
                    .unwrap_or_default();
                let known: Vec<&str> = arguments.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
                if known.is_empty() { name } else { format!("{name}<{}>", known.join(",")) }
            }
            _ => String::new(),
        }
    }

    /// The result of a function: its first one, as `Result<T,error>` if the last one is an error. With whether it is.
    pub(super) fn result_type(&self, result: Option<Node<'_>>) -> (String, bool) {
        let Some(result) = result else { return (String::new(), false) };
        let mut types: Vec<Node<'_>> = Vec::new();
        if result.kind() == "parameter_list" {
            for declaration in tree::parts(result) {
                let names = tree::fields(declaration, "name").len().max(1);
                if let Some(type_) = declaration.child_by_field_name("type") {
                    types.extend(std::iter::repeat_n(type_, names));
                }
            }
        } else {
            types.push(result);
        }
        let fails = types.last().is_some_and(|last| self.is_error_type(*last));
        let first = match types.first() {
            Some(first) if !(fails && types.len() == 1) => self.type_text(*first),
            _ => String::new(),
        };
        if !fails {
            return (first, false);
        }
        let first = if first.is_empty() { "()" } else { &first };
        (format!("Result<{first},error>"), true)
    }

    pub(super) fn is_error_type(&self, node: Node<'_>) -> bool {
        node.kind() == "type_identifier" && self.text(node) == "error"
    }
}

fn wrap(name: &str, inner: String) -> String {
    if inner.is_empty() { inner } else { format!("{name}<{inner}>") }
}
