//! Annotations and other modifiers.

use distsys_facts::{CallKind, SiteId, VarId};
use tree_sitter::Node;

use super::Lower;
use crate::lower::{Arg, Callee};
use crate::tree;

/// What stands before a declaration.
#[derive(Debug, Default)]
pub(super) struct Modifiers<'t> {
    pub(super) annotations: Vec<Node<'t>>,
    pub(super) words: Vec<&'static str>,
}

impl Modifiers<'_> {
    pub(super) fn has(&self, word: &str) -> bool {
        self.words.contains(&word)
    }
}

pub(super) fn modifiers(node: Node<'_>) -> Modifiers<'_> {
    let mut found = Modifiers::default();
    let Some(modifiers) = tree::first_of_kind(node, "modifiers") else { return found };
    for token in tree::tokens(modifiers) {
        match token.kind() {
            "annotation" | "marker_annotation" => found.annotations.push(token),
            "public" => found.words.push("public"),
            "private" => found.words.push("private"),
            "static" => found.words.push("static"),
            "final" => found.words.push("final"),
            "abstract" => found.words.push("abstract"),
            "default" => found.words.push("default"),
            "native" => found.words.push("native"),
            "synchronized" => found.words.push("synchronized"),
            _ => {}
        }
    }
    found
}

impl<'s> Lower<'s> {
    pub(super) fn annotations(&mut self, nodes: &[Node<'_>]) -> Vec<SiteId> {
        nodes.iter().map(|node| self.annotation(*node).0).collect()
    }

    /// The last part of an annotation's name.
    pub(super) fn annotation_name(&self, node: Node<'_>) -> &'s str {
        let name = node.child_by_field_name("name").map_or("", |name| self.slice(name));
        name.rsplit('.').next().unwrap_or(name)
    }

    fn annotation(&mut self, node: Node<'_>) -> (SiteId, VarId) {
        let name = node.child_by_field_name("name").map(|name| self.dotted(name)).unwrap_or_default();
        let callee = self.type_value(&name);
        let written = name.rsplit('.').next().unwrap_or(&name).to_owned();
        let mut keywords: Vec<&'s str> = Vec::new();
        let mut values: Vec<VarId> = Vec::new();
        for argument in node.child_by_field_name("arguments").map(tree::parts).unwrap_or_default() {
            if argument.kind() == "element_value_pair" {
                let (Some(key), Some(value)) =
                    (argument.child_by_field_name("key"), argument.child_by_field_name("value"))
                else {
                    continue;
                };
                let key = self.slice(key);
                let value = self.element_value(value);
                keywords.push(if key == "value" { "" } else { key });
                values.push(value);
            } else {
                let value = self.element_value(argument);
                keywords.push("");
                values.push(value);
            }
        }
        let arguments: Vec<Arg<'_>> = keywords
            .iter()
            .zip(&values)
            .map(|(keyword, value)| match *keyword {
                "" => Arg::Positional(*value),
                keyword => Arg::Keyword(keyword, *value),
            })
            .collect();
        self.to.call(CallKind::Annotation, Callee::Value(callee, &written), &arguments, tree::span(node))
    }

    fn element_value(&mut self, node: Node<'_>) -> VarId {
        match node.kind() {
            "annotation" | "marker_annotation" => {
                if !self.descend(node) {
                    return self.to.fresh_var();
                }
                let (_, value) = self.annotation(node);
                self.ascend();
                value
            }
            "element_value_array_initializer" => {
                if !self.descend(node) {
                    return self.to.fresh_var();
                }
                let values: Vec<VarId> = tree::parts(node).into_iter().map(|value| self.element_value(value)).collect();
                self.ascend();
                self.to.array(&values)
            }
            _ => self.expression(node),
        }
    }
}
