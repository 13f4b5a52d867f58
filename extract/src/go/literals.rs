//! Composite literals: structs as calls with named arguments, maps as objects, lists as arrays.

use distsys_facts::VarId;
use tree_sitter::Node;

use super::expressions::unescaped;
use super::statements::unparenthesized;
use super::{Called, Given, Lower};
use crate::tree;

impl<'s> Lower<'s> {
    pub(super) fn composite(&mut self, node: Node<'_>) -> VarId {
        match (node.child_by_field_name("type"), node.child_by_field_name("body")) {
            (Some(type_), Some(body)) => self.literal_of(Some(type_), body, node),
            _ => self.to.fresh_var(),
        }
    }

    /// A literal of `type_`, which the elements of a list and the values of a map leave out.
    fn literal_of(&mut self, type_: Option<Node<'_>>, body: Node<'_>, node: Node<'_>) -> VarId {
        let type_ = type_.map(pointed_at);
        let Some(type_) = type_ else { return self.object(None, body, false) };
        match type_.kind() {
            "map_type" => self.object(type_.child_by_field_name("value"), body, true),
            "slice_type" | "array_type" | "implicit_length_array_type" => {
                let element = type_.child_by_field_name("element");
                let values: Vec<VarId> = tree::parts(body)
                    .into_iter()
                    .map(|entry| match entry.kind() {
                        "keyed_element" => match entry.child_by_field_name("value") {
                            Some(value) => self.element(element, value),
                            None => self.to.fresh_var(),
                        },
                        _ => self.element(element, entry),
                    })
                    .collect();
                self.to.array(&values)
            }
            "struct_type" => self.object(None, body, false),
            _ => {
                // No field is called by a text: the named type is one of maps.
                if has_texts_for_keys(body) || self.maps.contains(self.text(type_)) {
                    return self.object(None, body, true);
                }
                if let Some(pairs) = self.pairs_of(body) {
                    return self.object_of_pairs(&pairs);
                }
                let Some(callee) = self.callee_of_type(type_) else { return self.object(None, body, false) };
                let mut given = Vec::new();
                for entry in tree::parts(body) {
                    match entry.kind() {
                        "keyed_element" => {
                            let (Some(key), Some(value)) =
                                (entry.child_by_field_name("key"), entry.child_by_field_name("value"))
                            else {
                                continue;
                            };
                            let key = self.key_of(key);
                            let value = self.element(None, value);
                            given.push(Given::Named(key, value));
                        }
                        _ => given.push(Given::One(self.element(None, entry))),
                    }
                }
                let value = self.construct(&callee, &given, node);
                if given.is_empty() {
                    self.blank.insert(value);
                }
                value
            }
        }
    }

    pub(super) fn callee_of_type(&mut self, type_: Node<'_>) -> Option<Called> {
        match type_.kind() {
            "type_identifier" | "identifier" => {
                let name = self.text(type_);
                Some(Called::Value(self.to.name(name), name.to_owned()))
            }
            "qualified_type" => {
                let package = self.text(type_.child_by_field_name("package")?);
                let name = self.text(type_.child_by_field_name("name")?);
                Some(Called::Member(self.to.name(package), name.to_owned()))
            }
            "generic_type" => self.callee_of_type(type_.child_by_field_name("type")?),
            _ => None,
        }
    }

    /// A value in a literal, which may be a literal whose type stands outside.
    fn element(&mut self, type_: Option<Node<'_>>, node: Node<'_>) -> VarId {
        let inner = match node.kind() {
            "literal_element" => tree::first(node),
            _ => Some(node),
        };
        match inner {
            Some(body) if body.kind() == "literal_value" => {
                let mut value = None;
                self.deeper(body, |lower| value = Some(lower.literal_of(type_, body, body)));
                value.unwrap_or_else(|| self.to.fresh_var())
            }
            Some(value) => self.expression(value),
            None => self.to.fresh_var(),
        }
    }

    /// `map[string]T{"k": v}`, or a struct without a name.
    fn object(&mut self, values: Option<Node<'_>>, body: Node<'_>, is_map: bool) -> VarId {
        let entries = tree::parts(body);
        if entries.is_empty() {
            return self.to.empty_object();
        }
        let object = self.to.object();
        for entry in entries {
            let (key, value) = match entry.kind() {
                "keyed_element" => (entry.child_by_field_name("key"), entry.child_by_field_name("value")),
                _ => (None, Some(entry)),
            };
            // A name is a variable here, not a field.
            let key = match key {
                Some(key) if is_map => self.text_of_key(key),
                Some(key) => self.key_of(key),
                None => String::new(),
            };
            if let Some(value) = value {
                let value = self.element(values, value);
                self.to.entry(object, &key, value);
            }
        }
        object
    }

    /// The elements of a list of pairs, the first of at least one of which is a text: `{"state", "paid"}`, or
    /// `{Key: "state", Value: "paid"}`.
    fn pairs_of<'t>(&self, body: Node<'t>) -> Option<Vec<(Node<'t>, Node<'t>)>> {
        let plain = |node: Node<'t>| match node.kind() {
            "literal_element" => tree::first(node).unwrap_or(node),
            _ => node,
        };
        let named = |entry: Node<'t>, name: &str| {
            let key = entry.child_by_field_name("key").map(plain).filter(|key| self.text(*key) == name);
            key.and(entry.child_by_field_name("value"))
        };
        let pairs = tree::parts(body).into_iter().map(|entry| {
            let element = plain(entry);
            if element.kind() != "literal_value" {
                return None;
            }
            match tree::parts(element)[..] {
                [key, value] if key.kind() == "keyed_element" => Some((named(key, "Key")?, named(value, "Value")?)),
                [key, value] if value.kind() != "keyed_element" => Some((key, value)),
                _ => None,
            }
        });
        let pairs: Vec<_> = pairs.collect::<Option<_>>()?;
        let is_text =
            |node: Node<'t>| matches!(plain(node).kind(), "interpreted_string_literal" | "raw_string_literal");
        pairs.iter().any(|(key, _)| is_text(*key)).then_some(pairs)
    }

    /// A list of names, each with its value, says what a map does: `bson.D{{"state", "paid"}}`.
    fn object_of_pairs(&mut self, pairs: &[(Node<'_>, Node<'_>)]) -> VarId {
        let object = self.to.object();
        for (key, value) in pairs {
            let key = self.text_of_key(*key);
            let value = self.element(None, *value);
            self.to.entry(object, &key, value);
        }
        object
    }

    /// The text of a map's key; empty if it is not known here.
    fn text_of_key(&mut self, key: Node<'_>) -> String {
        let inner = match key.kind() {
            "literal_element" => tree::first(key),
            _ => Some(key),
        };
        match inner.map(unparenthesized) {
            Some(name) if name.kind() == "identifier" => {
                let known = self.texts.get(self.text(name)).cloned();
                known.unwrap_or_else(|| {
                    self.expression(name);
                    String::new()
                })
            }
            _ => self.key_of(key),
        }
    }

    /// What a literal of text says.
    pub(super) fn text_of_literal(&self, node: Node<'_>) -> Option<String> {
        match node.kind() {
            "interpreted_string_literal" => Some(unescaped(self.text(node)).into_owned()),
            "raw_string_literal" => Some(self.text(node).trim_matches('`').to_owned()),
            _ => None,
        }
    }

    /// The name of a field, or the text of a key; empty if it is computed.
    fn key_of(&mut self, key: Node<'_>) -> String {
        let inner = match key.kind() {
            "literal_element" => tree::first(key),
            _ => Some(key),
        };
        let Some(inner) = inner.map(unparenthesized) else { return String::new() };
        match inner.kind() {
            "identifier" | "field_identifier" => self.text(inner).to_owned(),
            "interpreted_string_literal" | "raw_string_literal" => self.text_of_literal(inner).unwrap_or_default(),
            "int_literal" => self.text(inner).to_owned(),
            "literal_value" => String::new(),
            _ => {
                self.expression(inner);
                String::new()
            }
        }
    }
}

fn has_texts_for_keys(body: Node<'_>) -> bool {
    tree::parts(body).into_iter().any(|entry| {
        let key = entry.child_by_field_name("key").filter(|_| entry.kind() == "keyed_element");
        let key = key.map(|key| if key.kind() == "literal_element" { tree::first(key).unwrap_or(key) } else { key });
        key.is_some_and(|key| matches!(key.kind(), "interpreted_string_literal" | "raw_string_literal"))
    })
}

fn pointed_at(type_: Node<'_>) -> Node<'_> {
    let mut at = type_;
    while matches!(at.kind(), "pointer_type" | "parenthesized_type") {
        match tree::first(at) {
            Some(inner) => at = inner,
            None => break,
        }
    }
    at
}
