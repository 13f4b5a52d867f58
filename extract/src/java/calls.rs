//! Calls and constructions.

use distsys_facts::{CallKind, VarId};
use tree_sitter::Node;

use super::Lower;
use crate::lower::{Arg, Callee, Span};
use crate::tree;

impl<'s> Lower<'s> {
    pub(super) fn arguments(&mut self, list: Node<'_>) -> Vec<Arg<'static>> {
        tree::parts(list).into_iter().map(|argument| Arg::Positional(self.expression(argument))).collect()
    }

    fn arguments_of(&mut self, node: Node<'_>) -> Vec<Arg<'static>> {
        node.child_by_field_name("arguments").map(|list| self.arguments(list)).unwrap_or_default()
    }

    fn invoke(&mut self, callee: Callee<'_>, arguments: &[Arg<'_>], at: Span) -> VarId {
        let (_, value) = self.to.call(CallKind::Call, callee, arguments, at);
        if self.locks {
            // Whoever waits for a lock waits as long as its holder waits for the answer to a call.
            self.to.suspend(Some(value), at);
        }
        value
    }

    pub(super) fn method_call(&mut self, node: Node<'_>) -> VarId {
        let at = tree::span(node);
        let Some(name) = node.child_by_field_name("name") else { return self.to.fresh_var() };
        let name = self.slice(name);
        let Some(object) = node.child_by_field_name("object") else {
            let receiver = self.receiver_of_plain_call(name);
            let arguments = self.arguments_of(node);
            return match receiver {
                Some((receiver, name)) => self.invoke(Callee::Member(receiver, name), &arguments, at),
                None => {
                    let callee = self.to.global(name);
                    self.invoke(Callee::Value(callee, name), &arguments, at)
                }
            };
        };
        if let Some(value) = self.as_truth(name, object, node) {
            return value;
        }
        if let Some(text) = self.formatted(name, object, node) {
            return text;
        }
        // `Base.super.method()` names an interface whose method it is.
        let by_super = tree::tokens(node).iter().any(|token| token.kind() == "super");
        let receiver = if by_super { self.super_value() } else { self.expression(object) };
        let arguments = self.arguments_of(node);
        let result = self.invoke(Callee::Member(receiver, name), &arguments, at);
        self.accessor(receiver, name, &arguments, result, node);
        self.by_operator(receiver, name, &arguments, result, node);
        result
    }

    /// `Boolean.TRUE.equals(won)` is `won`, which may be null; `Boolean.FALSE.equals(won)` is `!won`.
    fn as_truth(&mut self, name: &str, object: Node<'_>, node: Node<'_>) -> Option<VarId> {
        let is_true = match self.slice(object) {
            "Boolean.TRUE" => true,
            "Boolean.FALSE" => false,
            _ => return None,
        };
        let list = node.child_by_field_name("arguments").filter(|_| name == "equals")?;
        let [only] = tree::parts(list)[..] else { return None };
        let value = self.expression(only);
        Some(if is_true { value } else { self.to.binary("!", value, None, tree::span(node)) })
    }

    /// `a.isBefore(b)`, `balance.subtract(x)`, `Duration.between(a, b)`: comparisons and arithmetic that are spelt as calls.
    fn by_operator(&mut self, receiver: VarId, name: &str, arguments: &[Arg<'_>], result: VarId, node: Node<'_>) {
        // `lines.add(line);` puts something in; a sum is used.
        let is_used = self.discarded != Some(node.id());
        let (operator, left, right) = match (name, arguments) {
            ("isBefore" | "before", [Arg::Positional(other)]) => ("<", receiver, *other),
            ("isAfter" | "after", [Arg::Positional(other)]) => (">", receiver, *other),
            ("subtract" | "minus", [Arg::Positional(other)]) => ("-", receiver, *other),
            ("multiply", [Arg::Positional(other)]) => ("*", receiver, *other),
            ("divide", [Arg::Positional(other), ..]) => ("/", receiver, *other),
            ("add" | "plus", [Arg::Positional(other)]) if is_used => ("+", receiver, *other),
            ("compareTo", [Arg::Positional(other)]) => {
                self.last_compared = Some((receiver, *other));
                return;
            }
            ("between", [Arg::Positional(start), Arg::Positional(end)]) => ("-", *end, *start),
            _ => return,
        };
        let value = self.to.binary(operator, left, Some(right), tree::span(node));
        self.to.assign(result, value);
    }

    /// `getTotal()` and `row.getLong("total")` give the field, `setTotal(x)` stores it.
    fn accessor(&mut self, receiver: VarId, name: &str, arguments: &[Arg<'_>], result: VarId, node: Node<'_>) {
        match arguments {
            [] => {
                let is_component = self.discarded != Some(node.id()) && may_be_component(name);
                let field = name.strip_prefix("get").or_else(|| name.strip_prefix("is")).and_then(property);
                if let Some(field) = field.or_else(|| is_component.then(|| name.to_owned())) {
                    let value = self.to.load(receiver, &field);
                    self.to.assign(result, value);
                }
            }
            [Arg::Positional(_)] if name.starts_with("get") => {
                let list = node.child_by_field_name("arguments").map(tree::parts).unwrap_or_default();
                let key = list.first().filter(|key| key.kind() == "string_literal").map(|key| self.string_text(*key));
                if let Some(key) = key.filter(|key| is_name(key)) {
                    let value = self.to.load(receiver, &key);
                    self.to.assign(result, value);
                }
            }
            [Arg::Positional(value)] => {
                if let Some(field) = name.strip_prefix("set").and_then(property) {
                    self.to.store(receiver, &field, *value, tree::span(node));
                }
            }
            _ => {}
        }
    }

    /// `new Order(…)`, `outer.new Inner(…)`, `new Runnable() { … }`
    pub(super) fn construction(&mut self, node: Node<'_>) -> VarId {
        let Some(type_) = node.child_by_field_name("type") else { return self.to.fresh_var() };
        let name = self.plain_name(type_);
        let body = tree::first_of_kind(node, "class_body");
        let arguments = self.arguments_of(node);
        let (callee, only) = match body {
            Some(body) => {
                let base = self.type_text(type_);
                self.anonymous_class(node, &base, body)
            }
            None => (self.type_value(&name), None),
        };
        let written = name.rsplit('.').next().unwrap_or(&name);
        let (_, made) = self.to.call(CallKind::New, Callee::Value(callee, written), &arguments, tree::span(node));
        if let Some(only) = only {
            // An object of one method is that function to whoever asks for one.
            let function = self.to.function_value(only);
            self.to.assign(made, function);
        }
        let text = self.type_text(type_);
        if text.contains('<') && body.is_none() {
            // `new ArrayList<Order>()`: what is in it.
            let typed = self.to.declare("");
            self.to.declare_type(typed, &text);
            self.to.assign(typed, made);
            return typed;
        }
        made
    }

    /// `this(…)`, `super(…)`
    pub(super) fn constructor_call(&mut self, node: Node<'_>) {
        let of_base = node.child_by_field_name("constructor").is_some_and(|which| which.kind() == "super");
        let receiver = if of_base { self.super_value() } else { self.to.name("this") };
        let arguments = self.arguments_of(node);
        let callee = Callee::Member(receiver, "constructor");
        self.to.call(CallKind::Call, callee, &arguments, tree::span(node));
    }
}

/// A record's accessor is called like the component; what values of the libraries' own types are asked is not.
fn may_be_component(name: &str) -> bool {
    const OF_LIBRARIES: &[&str] = &[
        "block",
        "build",
        "builder",
        "clear",
        "clone",
        "close",
        "collect",
        "commit",
        "count",
        "destroy",
        "distinct",
        "execute",
        "exists",
        "exit",
        "findAny",
        "findFirst",
        "first",
        "flush",
        "hasNext",
        "hashCode",
        "init",
        "intern",
        "interrupt",
        "iterator",
        "join",
        "keySet",
        "last",
        "length",
        "lock",
        "next",
        "notify",
        "notifyAll",
        "of",
        "one",
        "ordinal",
        "peek",
        "poll",
        "pop",
        "release",
        "reset",
        "retrieve",
        "rollback",
        "run",
        "shutdown",
        "single",
        "size",
        "start",
        "stop",
        "stream",
        "strip",
        "subscribe",
        "sync",
        "take",
        "toArray",
        "toList",
        "toLowerCase",
        "toString",
        "toUpperCase",
        "trim",
        "unlock",
        "values",
        "wait",
        "yield",
    ];
    OF_LIBRARIES.binary_search(&name).is_err()
}

fn is_name(key: &str) -> bool {
    key.starts_with(char::is_alphabetic) && key.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// `Total` → `total`, `URL` → `URL`; none of what is no property (`getter`, `issue`).
fn property(rest: &str) -> Option<String> {
    let mut chars = rest.chars();
    let first = chars.next().filter(|first| first.is_uppercase())?;
    if chars.clone().next().is_some_and(char::is_uppercase) {
        return Some(rest.to_owned());
    }
    Some(first.to_lowercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libraries_are_asked_is_no_component() {
        assert!(may_be_component("total") && !may_be_component("iterator") && !may_be_component("yield"));
    }
}
