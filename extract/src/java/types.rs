//! Types in the schema's spelling.

use rustc_hash::FxHashMap;
use tree_sitter::Node;

use super::Lower;
use crate::tree;

impl<'s> Lower<'s> {
    /// Empty if the type names nothing (`void`, `var`).
    pub(super) fn type_text(&mut self, node: Node<'_>) -> String {
        let mut out = String::new();
        self.write_type(node, &mut out);
        out
    }

    pub(super) fn field_type(&mut self, node: Node<'_>) -> String {
        node.child_by_field_name("type").map(|type_| self.type_text(type_)).unwrap_or_default()
    }

    fn write_type(&mut self, node: Node<'_>, out: &mut String) {
        if !self.descend(node) {
            return;
        }
        match node.kind() {
            "type_identifier" | "identifier" => self.write_name(self.slice(node), out),
            "scoped_type_identifier" | "scoped_identifier" => {
                let name = self.plain_name(node);
                self.write_name(&name, out);
            }
            "generic_type" => {
                for child in tree::parts(node) {
                    match child.kind() {
                        "type_arguments" => self.write_arguments(child, out),
                        _ => self.write_type(child, out),
                    }
                }
            }
            "array_type" => {
                out.push_str("Array<");
                if let Some(element) = node.child_by_field_name("element") {
                    self.write_type(element, out);
                }
                out.push('>');
            }
            "annotated_type" | "wildcard" => {
                // `? super T` is a `T` for what is put in.
                let named = tree::parts(node).into_iter().rfind(|child| is_type(child.kind()));
                if let Some(type_) = named {
                    self.write_type(type_, out);
                }
            }
            "integral_type" | "floating_point_type" | "boolean_type" => out.push_str(self.slice(node)),
            _ => {}
        }
        self.ascend();
    }

    fn write_name(&mut self, name: &str, out: &mut String) {
        if name == "var" {
            return;
        }
        let (first, rest) = name.split_once('.').unwrap_or((name, ""));
        if let Some(bound) = self.bounds.get(first) {
            out.push_str(bound);
            return;
        }
        match self.nested(first) {
            Some(number) => out.push_str(&self.declared[number].qualified),
            None => out.push_str(first),
        }
        if !rest.is_empty() {
            out.push('.');
            out.push_str(rest);
        }
    }

    fn write_arguments(&mut self, node: Node<'_>, out: &mut String) {
        let arguments = tree::parts(node);
        if arguments.is_empty() {
            return;
        }
        out.push('<');
        for (index, argument) in arguments.into_iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            self.write_type(argument, out);
        }
        out.push('>');
    }

    /// The name of a type without its arguments, as written.
    pub(super) fn plain_name(&self, node: Node<'_>) -> String {
        let text = self.slice(node);
        let mut name = String::with_capacity(text.len());
        let mut depth = 0usize;
        for c in text.chars() {
            match c {
                '<' => depth += 1,
                '>' => depth = depth.saturating_sub(1),
                _ if depth > 0 || c.is_whitespace() => {}
                _ => name.push(c),
            }
        }
        // Annotations may stand before the last part: `java.util.@Nullable List`.
        match name.split_once('@') {
            Some((before, after)) => {
                let last = after.trim_start_matches(|c: char| c.is_alphanumeric());
                format!("{before}{}", last.trim_start_matches('.'))
            }
            None => name,
        }
    }

    /// Brings type parameters into scope; what they hid is given back to be restored.
    pub(super) fn enter_bounds(&mut self, node: Node<'_>) -> Option<FxHashMap<&'s str, String>> {
        let parameters = node.child_by_field_name("type_parameters")?;
        let outer = self.bounds.clone();
        for parameter in tree::parts(parameters) {
            let parts = tree::parts(parameter);
            let Some(name) = parts.iter().find(|part| is_type(part.kind())) else { continue };
            let bound = parts.iter().find(|part| part.kind() == "type_bound").and_then(|bound| tree::first(*bound));
            let name = self.slice(*name);
            // A bound that names its own parameter (`T extends Comparable<T>`) finds nothing there.
            self.bounds.insert(name, String::new());
            let bound = bound.map(|bound| self.type_text(bound)).unwrap_or_default();
            self.bounds.insert(name, bound);
        }
        Some(outer)
    }

    pub(super) fn leave_bounds(&mut self, outer: Option<FxHashMap<&'s str, String>>) {
        if let Some(outer) = outer {
            self.bounds = outer;
        }
    }
}

pub(super) fn is_type(kind: &str) -> bool {
    matches!(
        kind,
        "type_identifier"
            | "scoped_type_identifier"
            | "generic_type"
            | "array_type"
            | "annotated_type"
            | "integral_type"
            | "floating_point_type"
            | "boolean_type"
            | "void_type"
    )
}
