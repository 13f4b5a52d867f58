//! Statements.

use distsys_facts::{LiteralKind, RegionKind, VarId};
use tree_sitter::Node;

use super::Lower;
use super::classes::of_dimensions;
use super::names::is_class;
use crate::lower::Loop;
use crate::tree;

/// Each arm is a region inside of the one before.
const MAX_ELSE_IF: u32 = 1_000;

impl<'s> Lower<'s> {
    /// A block in a scope of its own.
    pub(super) fn block(&mut self, block: Node<'_>) {
        self.to.push_scope();
        let statements = tree::parts(block);
        self.statements(&statements);
        self.to.pop_scope();
    }

    pub(super) fn statements(&mut self, statements: &[Node<'_>]) {
        for statement in statements {
            self.statement(*statement, "");
        }
    }

    /// The body of an arm or a loop.
    pub(super) fn arm_body(&mut self, body: Node<'_>) {
        match body.kind() {
            "block" => self.block(body),
            _ => {
                self.to.push_scope();
                self.statement(body, "");
                self.to.pop_scope();
            }
        }
    }

    pub(super) fn statement(&mut self, node: Node<'_>, label: &str) {
        if !self.descend(node) {
            return;
        }
        let at = tree::span(node);
        match node.kind() {
            "block" => {
                self.to.begin_region(RegionKind::Block, at);
                self.block(node);
                self.to.end_region();
            }
            "expression_statement" => {
                if let Some(expression) = tree::first(node) {
                    self.discarded = Some(expression.id());
                    self.expression(expression);
                }
            }
            "local_variable_declaration" | "field_declaration" => self.locals(node),
            "return_statement" => {
                let value = tree::first(node).map(|value| self.expression(value));
                self.to.return_(value, at);
            }
            "throw_statement" => {
                let value = tree::first(node).map(|value| self.expression(value));
                self.to.throw(value, at);
            }
            "yield_statement" => {
                if let Some(value) = tree::first(node) {
                    let value = self.expression(value);
                    self.leave_switch_with(value);
                }
            }
            "if_statement" => self.if_(node),
            "while_statement" => self.while_(node, label),
            "do_statement" => self.do_while(node, label),
            "for_statement" => self.for_(node, label),
            "enhanced_for_statement" => self.for_each(node, label),
            "switch_expression" => {
                self.switch(node, label);
            }
            "try_statement" | "try_with_resources_statement" => self.try_(node),
            "synchronized_statement" => {
                let lock = tree::first_of_kind(node, "parenthesized_expression");
                if let (Some(lock), Some(body)) = (lock, node.child_by_field_name("body")) {
                    let lock = self.expression(lock);
                    self.synchronized(lock, node, body);
                }
            }
            "labeled_statement" => self.labelled(node),
            "break_statement" => {
                let label = tree::first(node).map_or("", |label| self.slice(label));
                self.to.break_(label);
            }
            "continue_statement" => {
                let label = tree::first(node).map_or("", |label| self.slice(label));
                self.to.continue_(label);
            }
            "assert_statement" => {
                for part in tree::parts(node) {
                    self.expression(part);
                }
            }
            "method_declaration" => {
                self.method(node);
            }
            "explicit_constructor_invocation" => {
                self.constructor_call(node);
            }
            kind if is_class(kind) => self.class(node),
            _ => {}
        }
        self.ascend();
    }

    fn locals(&mut self, node: Node<'_>) {
        let type_ = self.field_type(node);
        let mut cursor = node.walk();
        let declarators: Vec<Node<'_>> = node.children_by_field_name("declarator", &mut cursor).collect();
        for declarator in declarators {
            let Some(name) = declarator.child_by_field_name("name") else { continue };
            let value = declarator.child_by_field_name("value").map(|value| self.initial_value(value));
            let var = self.to.declare(self.slice(name));
            self.to.declare_type(var, &of_dimensions(declarator, &type_));
            if let Some(value) = value {
                self.to.assign(var, value);
            }
        }
    }

    /// What a variable begins with: an expression, or the elements of an array.
    pub(super) fn initial_value(&mut self, node: Node<'_>) -> VarId {
        if node.kind() != "array_initializer" {
            return self.expression(node);
        }
        if !self.descend(node) {
            return self.to.fresh_var();
        }
        let values: Vec<VarId> = tree::parts(node).into_iter().map(|value| self.initial_value(value)).collect();
        self.ascend();
        self.to.array(&values)
    }

    fn if_(&mut self, node: Node<'_>) {
        // A chain of `else if` is one level to the reader, and walked in a loop.
        let (mut at, mut open) = (node, 0);
        let mut choices = Vec::new();
        loop {
            // What `instanceof` binds is seen in the arms.
            self.to.push_scope();
            let condition = at.child_by_field_name("condition").map(|condition| self.expression(condition));
            let mut choice = self.to.begin_choice();
            if let Some(body) = at.child_by_field_name("consequence") {
                self.to.begin_arm(&choice, RegionKind::Branch, condition, tree::span(body));
                self.arm_body(body);
                self.to.end_arm(&mut choice);
            }
            match at.child_by_field_name("alternative") {
                Some(next) => {
                    self.to.begin_arm(&choice, RegionKind::Else, condition, tree::span(next));
                    choices.push(choice);
                    open += 1;
                    if next.kind() != "if_statement" {
                        self.arm_body(next);
                    } else if open < MAX_ELSE_IF {
                        at = next;
                        continue;
                    } else {
                        self.tell_too_deep(next);
                    }
                }
                None => {
                    self.to.end_choice(choice, false);
                    self.to.pop_scope();
                }
            }
            break;
        }
        for _ in 0..open {
            if let Some(mut choice) = choices.pop() {
                self.to.end_arm(&mut choice);
                self.to.end_choice(choice, true);
                self.to.pop_scope();
            }
        }
    }

    fn while_(&mut self, node: Node<'_>, label: &str) {
        let loop_ = self.to.begin_loop(label, tree::span(node));
        self.to.push_scope();
        self.loop_condition(&loop_, node);
        if let Some(body) = node.child_by_field_name("body") {
            self.arm_body(body);
        }
        self.to.pop_scope();
        self.to.end_loop(loop_);
    }

    fn do_while(&mut self, node: Node<'_>, label: &str) {
        let loop_ = self.to.begin_loop(label, tree::span(node));
        if let Some(body) = node.child_by_field_name("body") {
            self.arm_body(body);
        }
        self.loop_condition(&loop_, node);
        self.to.end_loop(loop_);
    }

    fn for_(&mut self, node: Node<'_>, label: &str) {
        self.to.push_scope();
        let mut cursor = node.walk();
        let inits: Vec<Node<'_>> = node.children_by_field_name("init", &mut cursor).collect();
        for init in inits {
            match init.kind() {
                "local_variable_declaration" => self.locals(init),
                _ => {
                    self.expression(init);
                }
            }
        }
        let loop_ = self.to.begin_loop(label, tree::span(node));
        self.loop_condition(&loop_, node);
        if let Some(body) = node.child_by_field_name("body") {
            self.arm_body(body);
        }
        let mut cursor = node.walk();
        let updates: Vec<Node<'_>> = node.children_by_field_name("update", &mut cursor).collect();
        for update in updates {
            self.expression(update);
        }
        self.to.end_loop(loop_);
        self.to.pop_scope();
    }

    fn for_each(&mut self, node: Node<'_>, label: &str) {
        let iterable = match node.child_by_field_name("value") {
            Some(value) => self.expression(value),
            None => self.to.fresh_var(),
        };
        let loop_ = self.to.begin_loop(label, tree::span(node));
        self.to.iterates(loop_.region, iterable);
        self.to.loop_may_end(&loop_);
        self.to.push_scope();
        let element = self.to.load(iterable, "[*]");
        if let Some(name) = node.child_by_field_name("name") {
            let type_ = self.field_type(node);
            let var = self.to.declare(self.slice(name));
            self.to.declare_type(var, &of_dimensions(node, &type_));
            self.to.assign(var, element);
        }
        if let Some(body) = node.child_by_field_name("body") {
            self.arm_body(body);
        }
        self.to.pop_scope();
        self.to.end_loop(loop_);
    }

    fn labelled(&mut self, node: Node<'_>) {
        let parts = tree::parts(node);
        let [label, body] = parts.as_slice() else { return };
        let label = self.slice(*label);
        match body.kind() {
            "for_statement" | "enhanced_for_statement" | "while_statement" | "do_statement" | "switch_expression" => {
                self.statement(*body, label);
            }
            _ => {
                let exit = self.to.begin_breakable(label);
                self.statement(*body, "");
                self.to.end_breakable(exit);
            }
        }
    }

    /// What a loop asks before a turn; one that asks nothing, or whether true is true, does not end by itself.
    fn loop_condition(&mut self, loop_: &Loop, node: Node<'_>) {
        let Some(test) = node.child_by_field_name("condition") else { return };
        let condition = self.expression(test);
        self.to.condition(loop_.region, condition);
        if !self.is_true(test) {
            self.to.loop_may_end(loop_);
        }
    }

    /// `while (true)`
    fn is_true(&self, test: Node<'_>) -> bool {
        let inner = if test.kind() == "parenthesized_expression" { tree::first(test) } else { Some(test) };
        inner.is_some_and(|inner| inner.kind() == "true")
    }

    pub(super) fn boolean(&mut self, value: bool) -> VarId {
        self.to.literal(LiteralKind::Boolean, if value { "true" } else { "false" })
    }
}
