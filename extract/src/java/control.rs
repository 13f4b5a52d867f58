//! `try` and `switch`.

use distsys_facts::{RegionKind, VarId};
use tree_sitter::Node;

use super::Lower;
use super::names::is_type_name;
use super::types::is_type;
use crate::tree;

impl<'s> Lower<'s> {
    pub(super) fn try_(&mut self, node: Node<'_>) {
        let handlers: Vec<Node<'_>> = tree::parts(node)
            .into_iter()
            .filter(|child| matches!(child.kind(), "catch_clause" | "finally_clause"))
            .collect();
        let Some(body) = node.child_by_field_name("body") else { return };
        let resources = node.child_by_field_name("resources");
        if handlers.is_empty() {
            return self.with_resources(node, resources, body);
        }
        let has_finally = handlers.iter().any(|handler| handler.kind() == "finally_clause");
        let mut open = self.to.begin_try(has_finally, tree::span(resources.map_or(body, |_| node)));
        self.with_resources(node, resources, body);
        for handler in handlers {
            if handler.kind() == "finally_clause" {
                self.to.begin_finally(&mut open, tree::span(handler));
                if let Some(block) = tree::first(handler) {
                    self.block(block);
                }
                self.to.end_finally(&mut open);
                continue;
            }
            let Some(parameter) = tree::first_of_kind(handler, "catch_formal_parameter") else { continue };
            let types = tree::first_of_kind(parameter, "catch_type").map(tree::parts).unwrap_or_default();
            let types: Vec<String> = types.into_iter().map(|type_| self.type_text(type_)).collect();
            let types = types.join("|");
            self.to.push_scope();
            let var = self.to.fresh_var();
            let region = self.to.begin_catch(&mut open, &types, Some(var), tree::span(handler));
            if let Some(name) = parameter.child_by_field_name("name") {
                let named = self.to.declare(self.slice(name));
                self.to.declare_type(named, &types);
                self.to.assign(named, var);
            }
            if let Some(block) = handler.child_by_field_name("body") {
                if self.to.is_blank(tree::span(block)) || tree::only_answers(block) {
                    self.to.idle(region);
                }
                self.block(block);
            }
            self.to.end_catch(&mut open);
            self.to.pop_scope();
        }
        self.to.end_try(open);
    }

    /// Each resource is open in a region that holds the later ones and the body.
    fn with_resources(&mut self, node: Node<'_>, resources: Option<Node<'_>>, body: Node<'_>) {
        self.to.push_scope();
        let mut regions = 0;
        for resource in resources.map(tree::parts).unwrap_or_default() {
            let value = match resource.child_by_field_name("value") {
                Some(value) => self.expression(value),
                None => match tree::first(resource) {
                    Some(named) => self.expression(named),
                    None => continue,
                },
            };
            let region = self.to.begin_region(RegionKind::With, tree::span(node));
            regions += 1;
            let bound = resource.child_by_field_name("name").map(|name| {
                let type_ = self.field_type(resource);
                let var = self.to.declare(self.slice(name));
                self.to.declare_type(var, &type_);
                self.to.assign(var, value);
                var
            });
            self.to.manages(region, value, bound);
        }
        self.block(body);
        for _ in 0..regions {
            self.to.end_region();
        }
        self.to.pop_scope();
    }

    /// A `switch` of either kind; its value, if it gives one.
    pub(super) fn switch(&mut self, node: Node<'_>, label: &str) -> VarId {
        let subject = match node.child_by_field_name("condition") {
            Some(condition) => self.expression(condition),
            None => self.to.fresh_var(),
        };
        let value = self.to.fresh_var();
        self.switches.push(value);
        let exit = self.to.begin_breakable(label);
        let mut choice = self.to.begin_choice();
        let mut has_default = false;
        let mut falls = false;
        // What the case before asks, if it goes on into this one.
        let mut above: Option<Option<VarId>> = None;
        self.to.push_scope();
        for case in node.child_by_field_name("body").map(tree::parts).unwrap_or_default() {
            let parts = tree::parts(case);
            let labels = parts.iter().take_while(|part| part.kind() == "switch_label").count();
            let mut asked = above;
            self.to.push_scope();
            for label in &parts[..labels] {
                let condition = self.case_condition(*label, subject);
                has_default |= condition.is_none();
                asked = Some(match asked {
                    Some(asked) => self.to.either(asked, condition, tree::span(*label)),
                    None => condition,
                });
            }
            let condition = asked.flatten();
            self.to.begin_arm(&choice, RegionKind::Branch, condition, tree::span(case));
            let is_rule = case.kind() == "switch_rule";
            if falls && !is_rule {
                self.to.fall_through(&mut choice);
            }
            match parts[labels..] {
                [only] if is_rule && only.kind() == "expression_statement" => {
                    if let Some(expression) = tree::first(only) {
                        let result = self.expression(expression);
                        self.to.assign(value, result);
                    }
                }
                [only] if is_rule => self.arm_body(only),
                ref statements => self.statements(statements),
            }
            self.to.end_arm(&mut choice);
            self.to.pop_scope();
            falls = !is_rule;
            const LEAVING: &[&str] =
                &["break_statement", "return_statement", "throw_statement", "continue_statement", "yield_statement"];
            let leaves = is_rule || parts[labels..].last().is_some_and(|last| LEAVING.contains(&last.kind()));
            above = (!leaves).then_some(condition);
        }
        self.to.pop_scope();
        self.to.end_choice(choice, has_default);
        self.to.end_breakable(exit);
        self.switches.pop();
        value
    }

    /// What must hold for a label; none for `default`.
    fn case_condition(&mut self, label: Node<'_>, subject: VarId) -> Option<VarId> {
        let mut condition = None;
        for part in tree::parts(label) {
            let at = tree::span(part);
            match part.kind() {
                "pattern" => {
                    if let Some(pattern) = tree::first(part) {
                        condition = Some(self.pattern(pattern, subject));
                    }
                }
                "guard" => {
                    if let Some(test) = tree::first(part) {
                        condition = Some(self.expression(test));
                    }
                }
                // A constant of the enum that the subject is of stands there by its name alone.
                "identifier" => {
                    let constant = self.slice(part);
                    let value = match self.to.lookup(constant) {
                        Some(var) if !is_type_name(constant) => var,
                        _ => self.to.string(constant),
                    };
                    let equals = Some(self.to.binary("==", subject, Some(value), at));
                    condition = if condition.is_some() { self.to.either(condition, equals, at) } else { equals };
                }
                _ => {
                    let value = self.expression(part);
                    let equals = Some(self.to.binary("==", subject, Some(value), at));
                    condition = if condition.is_some() { self.to.either(condition, equals, at) } else { equals };
                }
            }
        }
        condition
    }

    /// The value of the innermost `switch`, from `yield`.
    pub(super) fn leave_switch_with(&mut self, value: VarId) {
        if let Some(&switch) = self.switches.last() {
            self.to.assign(switch, value);
        }
        self.to.break_("");
    }

    /// Binds what a pattern names to the parts of `value`; the condition that it fits.
    pub(super) fn pattern(&mut self, node: Node<'_>, value: VarId) -> VarId {
        let at = tree::span(node);
        let parts = tree::parts(node);
        match node.kind() {
            "record_pattern" => {
                let body = parts.iter().find(|part| part.kind() == "record_pattern_body");
                for component in body.map(|body| tree::parts(*body)).unwrap_or_default() {
                    let part = self.to.load(value, "[]");
                    match component.kind() {
                        "record_pattern" => {
                            if self.descend(component) {
                                self.pattern(component, part);
                                self.ascend();
                            }
                        }
                        _ => self.bind_typed(component, part),
                    }
                }
            }
            _ => self.bind_typed(node, value),
        }
        self.to.binary("instanceof", value, None, at)
    }

    /// `Order order`
    fn bind_typed(&mut self, node: Node<'_>, value: VarId) {
        let parts = tree::parts(node);
        let type_ = parts.iter().find(|part| is_type(part.kind()));
        let type_ = type_.map(|type_| self.type_text(*type_)).unwrap_or_default();
        if let Some(name) = parts.iter().rfind(|part| part.kind() == "identifier") {
            self.bind_as(self.slice(*name), &type_, value);
        }
    }

    pub(super) fn bind_as(&mut self, name: &str, type_: &str, value: VarId) {
        let var = self.to.declare(name);
        self.to.declare_type(var, type_);
        self.to.assign(var, value);
    }
}
