//! Statements without branches: assignments, returns, `defer`, `go`, sends.

use distsys_facts::{CallKind, RegionKind, VarId};
use tree_sitter::Node;

use super::{Called, Deferred, Given, Lower};
use crate::tree;

/// What a variable on the left side gets.
#[derive(Clone, Copy)]
pub(super) struct Value {
    pub(super) var: VarId,
    /// Whether it tells if a call failed.
    pub(super) is_error: bool,
}

impl<'s> Lower<'s> {
    /// A block with a scope of its own.
    pub(super) fn block(&mut self, block: Node<'_>) {
        self.to.push_scope();
        self.statements(block);
        self.to.pop_scope();
    }

    /// The statements directly below a node.
    pub(super) fn statements(&mut self, node: Node<'_>) {
        for child in tree::parts(node) {
            if child.kind() == "statement_list" { self.statements(child) } else { self.statement(child, "") }
        }
    }

    /// One statement; `label` is that of the labelled statement it is, or empty.
    pub(super) fn statement(&mut self, node: Node<'_>, label: &str) {
        self.deeper(node, |lower| lower.statement_at(node, label));
    }

    fn statement_at(&mut self, node: Node<'_>, label: &str) {
        match node.kind() {
            "expression_statement" => {
                if let Some(expression) = tree::first(node) {
                    let value = self.expression(expression);
                    if self.is_let_go(node) {
                        self.to.load(value, "1");
                    }
                }
            }
            "short_var_declaration" => self.define(node),
            "assignment_statement" => self.assignment(node),
            "inc_statement" | "dec_statement" => {
                if let Some(operand) = tree::first(node) {
                    let var = self.expression(operand);
                    let operator = if node.kind() == "inc_statement" { "++" } else { "--" };
                    let value = self.to.binary(operator, var, None, tree::span(node));
                    self.assign_to(operand, Value { var: value, is_error: false }, false);
                }
            }
            "var_declaration" | "const_declaration" => self.variables(node, false),
            "type_declaration" => self.type_declaration(node),
            "return_statement" => self.return_(node),
            "if_statement" => self.if_(node),
            "for_statement" => self.for_(node, label),
            "expression_switch_statement" => self.switch(node, label),
            "type_switch_statement" => self.type_switch(node, label),
            "select_statement" => self.select(node, label),
            "block" => {
                self.to.begin_region(RegionKind::Block, tree::span(node));
                self.block(node);
                self.to.end_region();
            }
            "labeled_statement" => {
                let name = node.child_by_field_name("label").map_or("", |label| self.text(label));
                if let Some(inner) = tree::parts(node).into_iter().find(|child| child.kind() != "label_name") {
                    self.statement(inner, name);
                }
            }
            "break_statement" => self.to.break_(tree::first(node).map_or("", |label| self.text(label))),
            "continue_statement" => self.to.continue_(tree::first(node).map_or("", |label| self.text(label))),
            "go_statement" => self.go(node),
            "defer_statement" => self.defer(node),
            "send_statement" => {
                let channel = node.child_by_field_name("channel").map(|channel| self.expression(channel));
                // What says nothing but that it came takes a place: a permit, a signal.
                let is_permit = node.child_by_field_name("value").is_some_and(|value| self.text(value) == "struct{}{}");
                let value = node.child_by_field_name("value").map(|value| self.expression(value));
                if let (Some(channel), Some(value)) = (channel, value) {
                    let callee = Called::Member(channel, if is_permit { "permit" } else { "send" }.to_owned());
                    self.call(&callee, &[Given::One(value)], CallKind::Call, tree::span(node));
                }
            }
            _ => {}
        }
    }

    // ---- assignments

    /// What the variables on the left side get from the expressions on the right.
    pub(super) fn values_for(&mut self, targets: &[Node<'_>], values: &[Node<'_>]) -> Vec<Option<Value>> {
        let count = targets.len();
        if values.len() != 1 || count <= 1 {
            let mut given: Vec<Option<Value>> = values
                .iter()
                .map(|value| {
                    let var = self.expression(*value);
                    Some(Value { var, is_error: self.errors.contains(&var) })
                })
                .collect();
            given.resize(count, None);
            return given;
        }
        let is_call = unparenthesized(values[0]).kind() == "call_expression";
        let whole = self.expression(values[0]);
        let mut given = vec![Some(Value { var: whole, is_error: false })];
        for (index, name) in targets.iter().enumerate().skip(1) {
            let is_looked_at = is_call && self.text(*name) != "_";
            let var = if is_looked_at {
                self.to.load(whole, &index.to_string())
            } else if !is_call && self.text(*name) != "_" {
                // `known, ok := rates[name]`: whether it is there.
                let nothing = self.to.null();
                self.to.binary("!=", whole, Some(nothing), tree::span(*name))
            } else {
                self.to.fresh_var()
            };
            given.push(Some(Value { var, is_error: is_call && index + 1 == count }));
        }
        given
    }

    /// `a, err := f()`
    fn define(&mut self, node: Node<'_>) {
        let (Some(left), Some(right)) = (node.child_by_field_name("left"), node.child_by_field_name("right")) else {
            return;
        };
        let (targets, values) = (tree::parts(left), tree::parts(right));
        let given = self.values_for(&targets, &values);
        let is_call = values.len() == 1 && self.gives_error(values[0]);
        for (target, value) in targets.iter().zip(given) {
            let (name, Some(value)) = (self.text(*target), value) else { continue };
            if name == "_" {
                continue;
            }
            let value = self.judged(name, value, is_call);
            self.set(name, value, true);
        }
    }

    /// Whether a comment on the line says to linters that the error is let go on purpose: then it has been looked at.
    fn is_let_go(&self, node: Node<'_>) -> bool {
        let rest = self.source.get(node.end_byte()..).and_then(|rest| rest.lines().next()).unwrap_or("");
        rest.split_once("//").is_some_and(|(_, comment)| comment.trim_start().starts_with("nolint"))
    }

    /// Whether a comment stands on the line before: it says why an error is dropped.
    fn is_below_comment(&self, node: Node<'_>) -> bool {
        let before = self.source.get(..node.start_byte()).unwrap_or("");
        let line = before.rsplit('\n').nth(1).unwrap_or("").trim();
        line.starts_with("//") || line.ends_with("*/")
    }

    /// Whether what is called like an error is one here: a call gives it, or keeps it (`db.Create(order).Error`).
    fn gives_error(&self, value: Node<'_>) -> bool {
        let value = unparenthesized(value);
        match value.kind() {
            "call_expression" => true,
            "selector_expression" => {
                value.child_by_field_name("field").is_some_and(|field| matches!(self.text(field), "Error" | "Err"))
            }
            _ => false,
        }
    }

    /// Whether a value is an error is told by where it comes from and what it is called.
    fn judged(&self, name: &str, value: Value, is_call: bool) -> Value {
        let says_error = name.to_ascii_lowercase().contains("err");
        let is_flag = matches!(name, "ok" | "found" | "exists" | "more");
        Value { is_error: value.is_error && !is_flag || is_call && says_error, ..value }
    }

    /// Gives `name` a value. From here to the end of the block it goes on as a copy that has this value alone; what is outside
    /// of the block, or was closed over before, sees it as one of those that the variable may have.
    fn set(&mut self, name: &str, value: Value, declares: bool) {
        let old = self.to.lookup(name);
        let is_local = old.is_some_and(|old| self.frames.last().is_some_and(|frame| frame.locals.contains(&old)));
        if !declares && !is_local {
            let var = old.unwrap_or_else(|| self.to.global(name));
            self.to.assign(var, value.var);
            return;
        }
        let of_block = self.to.binds_here(name);
        let copy = self.local(name);
        self.to.assign(copy, value.var);
        if value.is_error {
            self.errors.insert(copy);
        }
        self.take_blank(copy, value.var);
        let Some(old) = old.filter(|_| is_local) else { return };
        if declares && !of_block {
            return;
        }
        self.copies.insert(copy, old);
        if let Some(type_) = self.types.get(&old).cloned() {
            self.typed(copy, &type_);
        }
        if self.errors.contains(&old) {
            self.errors.insert(copy);
        }
        // Nothing sees the old one any more.
        if of_block && !self.is_seen_elsewhere(old) {
            return;
        }
        let mut at = Some(old);
        while let Some(var) = at {
            self.to.assign(var, value.var);
            at = self.copies.get(&var).copied();
        }
    }

    /// A variable that had nothing holds what a call has put there: `row.Scan(&balance)`.
    pub(super) fn fill(&mut self, var: VarId, call: VarId) {
        let names = &self.to.facts_mut().relations.variable;
        let Some(name) = names.binary_search_by_key(&var, |row| row.var).ok().map(|at| names[at].name) else { return };
        let name = self.to.text(name).to_owned();
        if self.to.lookup(&name) != Some(var) {
            return;
        }
        let filled = self.to.load(call, "[&]");
        self.set(&name, Value { var: filled, is_error: false }, false);
        if let Some(copy) = self.to.lookup(&name) {
            self.take_blank(copy, var);
        }
    }

    /// `dst` is as blank as `src` is.
    pub(super) fn take_blank(&mut self, dst: VarId, src: VarId) {
        if self.blank.contains(&src) {
            self.blank.insert(dst);
        }
        if self.blank_addresses.contains(&src) {
            self.blank_addresses.insert(dst);
        }
    }

    /// Whether a closure has captured a variable, or the function returns it by name.
    fn is_seen_elsewhere(&mut self, var: VarId) -> bool {
        let captures = &self.to.facts_mut().relations.capture;
        self.captured.extend(captures[self.captures_seen..].iter().map(|row| row.var));
        self.captures_seen = captures.len();
        let mut at = Some(var);
        while let Some(var) = at {
            if self.captured.contains(&var) || self.frames.last().is_some_and(|frame| frame.results.contains(&var)) {
                return true;
            }
            at = self.copies.get(&var).copied();
        }
        false
    }

    fn assignment(&mut self, node: Node<'_>) {
        let (Some(left), Some(right)) = (node.child_by_field_name("left"), node.child_by_field_name("right")) else {
            return;
        };
        let (targets, values) = (tree::parts(left), tree::parts(right));
        let operator = node.child_by_field_name("operator").map_or("=", |operator| self.text(operator));
        if operator != "=" {
            let (Some(target), Some(value)) = (targets.first(), values.first()) else { return };
            let old = self.expression(*target);
            let by = self.expression(*value);
            let var = self.to.binary(operator, old, Some(by), tree::span(node));
            self.assign_to(*target, Value { var, is_error: false }, false);
            return;
        }
        let given = self.values_for(&targets, &values);
        let is_call = values.len() == 1 && self.gives_error(values[0]);
        if targets.iter().all(|target| self.text(*target) == "_")
            && (self.is_let_go(node) || self.is_below_comment(node))
            && let Some(Some(value)) = given.first()
        {
            self.to.load(value.var, "1");
        }
        for (target, value) in targets.iter().zip(given) {
            if let Some(value) = value {
                let value = match target.kind() {
                    "identifier" => self.judged(self.text(*target), value, is_call),
                    _ => value,
                };
                self.assign_to(*target, value, true);
            }
        }
    }

    fn assign_to(&mut self, target: Node<'_>, value: Value, as_copy: bool) {
        let target = unparenthesized(target);
        match target.kind() {
            "identifier" => match self.text(target) {
                "_" => {}
                name if as_copy => self.set(name, value, false),
                name => {
                    let var = self.to.name(name);
                    self.to.assign(var, value.var);
                }
            },
            "selector_expression" => {
                let (Some(operand), Some(field)) =
                    (target.child_by_field_name("operand"), target.child_by_field_name("field"))
                else {
                    return;
                };
                let base = self.expression(operand);
                self.to.store(base, self.text(field), value.var, tree::span(target));
            }
            "index_expression" => {
                let Some(operand) = target.child_by_field_name("operand") else { return };
                let base = self.expression(operand);
                let field = self.index_of(target);
                self.to.store(base, &field, value.var, tree::span(target));
            }
            "unary_expression" => {
                if let Some(operand) = target.child_by_field_name("operand") {
                    let base = self.expression(operand);
                    self.to.store(base, "*", value.var, tree::span(target));
                }
            }
            _ => {}
        }
    }

    // ---- exits

    fn return_(&mut self, node: Node<'_>) {
        let span = tree::span(node);
        let values = tree::first(node).map(tree::parts).unwrap_or_default();
        let given: Vec<VarId> = values.iter().map(|value| self.expression(*value)).collect();
        let Some(&first) = given.first() else {
            let results = self.frames.last().map(|frame| frame.results.clone()).unwrap_or_default();
            let further: Vec<(u32, VarId)> = (1..).zip(results.iter().skip(1).copied()).collect();
            self.to.return_several(results.first().copied(), &further, span);
            return;
        };
        let fails = self.frames.last().is_some_and(|frame| frame.fails);
        if fails
            && let (Some(node), Some(&error)) = (values.last(), given.last())
            && (self.is_failed(error) || self.makes_error(*node))
        {
            self.to.throw(Some(error), span);
            return;
        }
        let only_error = fails && given.len() == 1;
        let is_nil = values.first().is_some_and(|value| value.kind() == "nil");
        // `return 1, send(ctx)`: what failed, if it did, goes to the caller.
        let passes_on = values.last().is_some_and(|value| value.kind() == "call_expression");
        let last = given.len() - usize::from(fails && !passes_on);
        let further = (1..).zip(values.iter().zip(&given).take(last).skip(1));
        let further = further.filter(|(_, (value, _))| !matches!(value.kind(), "nil" | "true" | "false"));
        let further: Vec<(u32, VarId)> = further.map(|(index, (_, var))| (index, *var)).collect();
        self.to.return_several(Some(first).filter(|_| !(only_error && is_nil)), &further, span);
    }

    fn is_failed(&self, var: VarId) -> bool {
        self.failed.contains(&var)
    }

    /// `errors.New(…)`, `fmt.Errorf(…)`, `ErrNotFound`, `&NotFoundError{…}`: what is an error by its name.
    fn makes_error(&self, node: Node<'_>) -> bool {
        let says = |name: &str| name.starts_with("Err") || name.starts_with("err") || name.contains("Error");
        let node = unparenthesized(node);
        match node.kind() {
            "call_expression" => node.child_by_field_name("function").is_some_and(|function| match function.kind() {
                "selector_expression" => {
                    let operand = function.child_by_field_name("operand").map_or("", |operand| self.text(operand));
                    let field = function.child_by_field_name("field").map_or("", |field| self.text(field));
                    operand == "errors"
                        && matches!(field, "New" | "Errorf" | "Wrap" | "Wrapf" | "WithStack" | "WithMessage" | "Join")
                        || says(field)
                }
                "identifier" => says(self.text(function)),
                _ => false,
            }),
            "unary_expression" => {
                node.child_by_field_name("operand").is_some_and(|operand| operand.kind() == "composite_literal")
            }
            "composite_literal" => true,
            "selector_expression" => {
                node.child_by_field_name("field").is_some_and(|field| self.text(field).starts_with("Err"))
            }
            "identifier" => {
                let name = self.text(node);
                name.len() > 3 && name.starts_with("Err")
                    || name.len() > 3 && name.starts_with("err") && name[3..].starts_with(char::is_uppercase)
            }
            _ => false,
        }
    }

    // ---- what runs elsewhere or later

    fn go(&mut self, node: Node<'_>) {
        let Some(call) = tree::first(node).map(unparenthesized) else { return };
        let function = call.child_by_field_name("function");
        let arguments = call.child_by_field_name("arguments").map(tree::parts).unwrap_or_default();
        let closure = match function {
            Some(literal) if literal.kind() == "func_literal" && arguments.is_empty() => self.expression(literal),
            _ => self.closure_of_call(call),
        };
        let callee = Called::Value(self.to.global("go"), "go".to_owned());
        self.call(&callee, &[Given::One(closure)], CallKind::Call, tree::span(node));
    }

    fn defer(&mut self, node: Node<'_>) {
        let Some(call) = tree::first(node).map(unparenthesized) else { return };
        let Some((callee, arguments)) = self.prepare_call(call) else { return };
        let sometimes = self.frame().nesting > 0;
        let span = tree::span(call);
        self.frame().deferred.push(Deferred { callee, arguments, span, sometimes });
    }
}

pub(super) fn unparenthesized(node: Node<'_>) -> Node<'_> {
    let mut at = node;
    while at.kind() == "parenthesized_expression" {
        match tree::first(at) {
            Some(inner) => at = inner,
            None => break,
        }
    }
    at
}
