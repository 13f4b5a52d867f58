//! Control flow: `if`, loops, `switch`, `select`.

use distsys_facts::{CallKind, RegionKind, VarId};
use tree_sitter::Node;

use super::statements::unparenthesized;
use super::{Called, Lower};
use crate::lower::Choice;
use crate::tree;

/// What has to hold for an arm to be taken.
#[derive(Default)]
struct Asked {
    all: Vec<VarId>,
    /// The error that is there if it holds, and the one that is there if it does not.
    failed: Option<VarId>,
    failed_else: Option<VarId>,
}

impl<'s> Lower<'s> {
    pub(super) fn if_(&mut self, node: Node<'_>) {
        self.to.push_scope();
        if let Some(first) = node.child_by_field_name("initializer") {
            self.statement(first, "");
        }
        let asked = node.child_by_field_name("condition").map(|condition| self.asked(condition)).unwrap_or_default();
        let mut choice = self.to.begin_choice();
        if let Some(body) = node.child_by_field_name("consequence") {
            let region = self.begin_arm(&choice, RegionKind::Branch, &asked.all, body);
            // What has a name is given back by a mere `return`.
            let gives_named = tree::only_leaves(body) && !self.frame().results.is_empty();
            if self.to.is_blank(tree::span(body)) || tree::only_answers(body) && !gives_named {
                self.to.idle(region);
            }
            self.with_failed(asked.failed, |lower| lower.block(body));
            self.end_arm(&mut choice);
        }
        let otherwise = node.child_by_field_name("alternative");
        if let Some(body) = otherwise {
            // Not all of several: that says nothing of one.
            let all = if asked.all.len() == 1 { &asked.all[..] } else { &[] };
            self.begin_arm(&choice, RegionKind::Else, all, body);
            self.with_failed(asked.failed_else, |lower| lower.statement(body, ""));
            self.end_arm(&mut choice);
        }
        self.to.end_choice(choice, otherwise.is_some());
        self.to.pop_scope();
    }

    fn begin_arm(
        &mut self,
        choice: &Choice,
        kind: RegionKind,
        all: &[VarId],
        body: Node<'_>,
    ) -> distsys_facts::RegionId {
        let region = self.to.begin_arm(choice, kind, all.first().copied(), tree::span(body));
        for var in all.iter().skip(1) {
            self.to.condition(region, *var);
        }
        self.frame().nesting += 1;
        region
    }

    fn end_arm(&mut self, choice: &mut Choice) {
        let frame = self.frame();
        frame.nesting = frame.nesting.saturating_sub(1);
        self.to.end_arm(choice);
    }

    fn with_failed(&mut self, failed: Option<VarId>, work: impl FnOnce(&mut Self)) {
        let known = self.failed.len();
        self.failed.extend(failed);
        work(self);
        self.failed.truncate(known);
    }

    /// The parts of a condition that all have to hold; `err != nil` asks for the error.
    fn asked(&mut self, node: Node<'_>) -> Asked {
        let mut asked = Asked::default();
        self.ask(node, &mut asked);
        if asked.all.len() > 1 {
            asked.failed_else = None;
        }
        asked
    }

    fn ask(&mut self, node: Node<'_>, asked: &mut Asked) {
        let node = unparenthesized(node);
        let (left, right) = (node.child_by_field_name("left"), node.child_by_field_name("right"));
        let operator = node.child_by_field_name("operator").map_or("", |operator| self.text(operator));
        let ("binary_expression", Some(left), Some(right)) = (node.kind(), left, right) else {
            let var = self.expression(node);
            asked.all.push(var);
            return;
        };
        match operator {
            "&&" => {
                self.ask(left, asked);
                if !self.text(right).contains('(') {
                    self.ask(right, asked);
                    return;
                }
                let mut choice = self.to.begin_choice();
                self.to.begin_arm(&choice, RegionKind::Branch, asked.all.last().copied(), tree::span(right));
                self.ask(right, asked);
                self.to.end_arm(&mut choice);
                self.to.end_choice(choice, false);
            }
            "!=" | "==" if right.kind() == "nil" => {
                let value = self.expression(left);
                if !self.errors.contains(&value) {
                    let nil = self.to.null();
                    let var = self.to.binary(operator, value, Some(nil), tree::span(node));
                    asked.all.push(var);
                    return;
                }
                let variant = self.to.string(if operator == "!=" { "Err" } else { "Ok" });
                let var = self.to.binary("is", value, Some(variant), tree::span(node));
                asked.all.push(var);
                if operator == "!=" {
                    asked.failed = Some(value);
                } else {
                    asked.failed_else = Some(value);
                }
            }
            _ => {
                let var = self.expression(node);
                asked.all.push(var);
            }
        }
    }

    // ---- loops

    pub(super) fn for_(&mut self, node: Node<'_>, label: &str) {
        let body = node.child_by_field_name("body");
        let head = tree::parts(node).into_iter().find(|child| Some(*child) != body);
        self.to.push_scope();
        self.frame().nesting += 1;
        match head {
            Some(clause) if clause.kind() == "range_clause" => self.range(node, clause, body, label),
            Some(clause) if clause.kind() == "for_clause" => {
                if let Some(first) = clause.child_by_field_name("initializer") {
                    self.statement(first, "");
                }
                let condition = clause.child_by_field_name("condition");
                self.loop_(node, condition, clause.child_by_field_name("update"), body, label);
            }
            condition => self.loop_(node, condition, None, body, label),
        }
        let frame = self.frame();
        frame.nesting = frame.nesting.saturating_sub(1);
        self.to.pop_scope();
    }

    fn loop_(
        &mut self,
        node: Node<'_>,
        condition: Option<Node<'_>>,
        update: Option<Node<'_>>,
        body: Option<Node<'_>>,
        label: &str,
    ) {
        let open = self.to.begin_loop(label, tree::span(node));
        let asked = condition.map(|condition| self.asked(condition));
        if let Some(asked) = &asked {
            for var in &asked.all {
                self.to.condition(open.region, *var);
            }
            self.to.loop_may_end(&open);
        }
        if let Some(body) = body {
            self.with_failed(asked.and_then(|asked| asked.failed), |lower| lower.block(body));
        }
        if let Some(update) = update {
            self.statement(update, "");
        }
        self.to.end_loop(open);
    }

    fn range(&mut self, node: Node<'_>, clause: Node<'_>, body: Option<Node<'_>>, label: &str) {
        let Some(right) = clause.child_by_field_name("right") else { return };
        let is_count = match right.kind() {
            "int_literal" => true,
            "identifier" => self.counts.contains(self.text(right)),
            _ => false,
        };
        let mut over = self.expression(right);
        if is_count {
            let zero = self.to.literal(distsys_facts::LiteralKind::Integer, "0");
            over = self.to.binary("..", zero, Some(over), tree::span(right));
        }
        let open = self.to.begin_loop(label, tree::span(node));
        self.to.iterates(open.region, over);
        self.to.loop_may_end(&open);
        self.to.push_scope();
        let names = clause.child_by_field_name("left").map(tree::parts).unwrap_or_default();
        for (index, name) in names.iter().enumerate() {
            // With two variables the first is the index; alone it is the index of a list, or what a channel gives.
            let is_element = index + 1 == names.len();
            if name.kind() != "identifier" || self.text(*name) == "_" {
                continue;
            }
            let var = self.local(self.text(*name));
            if is_element {
                self.to.load_to(var, over, "[*]");
            }
        }
        if let Some(body) = body {
            self.block(body);
        }
        self.to.pop_scope();
        self.to.end_loop(open);
    }

    // ---- switches

    pub(super) fn switch(&mut self, node: Node<'_>, label: &str) {
        self.to.push_scope();
        if let Some(first) = node.child_by_field_name("initializer") {
            self.statement(first, "");
        }
        let value = node.child_by_field_name("value").map(|value| self.expression(value));
        let exit = self.to.begin_breakable(label);
        let mut choice = self.to.begin_choice();
        let (mut exhaustive, mut falls) = (false, false);
        for case in tree::parts(node) {
            let is_default = match case.kind() {
                "default_case" => true,
                "expression_case" => false,
                _ => continue,
            };
            exhaustive |= is_default;
            let asked_for = case.child_by_field_name("value");
            let asked = match (value, asked_for.map(tree::parts)) {
                // `case 1, 2:`
                (Some(value), Some(values)) => {
                    let mut any: Option<VarId> = None;
                    for one in values {
                        let other = self.expression(one);
                        let equals = Some(self.to.binary("==", value, Some(other), tree::span(one)));
                        any = if any.is_some() { self.to.either(any, equals, tree::span(one)) } else { equals };
                    }
                    Asked { all: any.into_iter().collect(), ..Asked::default() }
                }
                (None, Some(values)) if values.len() == 1 => self.asked(values[0]),
                (None, Some(values)) => {
                    for one in values {
                        self.expression(one);
                    }
                    Asked::default()
                }
                _ => Asked::default(),
            };
            // The case before goes on into this one, whatever it asks.
            let all: &[VarId] = if falls { &[] } else { &asked.all };
            self.begin_arm(&choice, RegionKind::Branch, all, case);
            if falls {
                self.to.fall_through(&mut choice);
            }
            self.with_failed(asked.failed, |lower| falls = lower.case_body(case, asked_for));
            self.end_arm(&mut choice);
        }
        self.to.end_choice(choice, exhaustive);
        self.to.end_breakable(exit);
        self.to.pop_scope();
    }

    /// The statements of a case; whether it goes on with the next one.
    fn case_body(&mut self, case: Node<'_>, head: Option<Node<'_>>) -> bool {
        self.to.push_scope();
        let mut falls = false;
        let mut statements: Vec<Node<'_>> = Vec::new();
        for child in tree::parts(case) {
            match child.kind() {
                _ if Some(child) == head => {}
                "statement_list" => statements.extend(tree::parts(child)),
                _ => statements.push(child),
            }
        }
        for statement in statements {
            falls = statement.kind() == "fallthrough_statement";
            self.statement(statement, "");
        }
        self.to.pop_scope();
        falls
    }

    pub(super) fn type_switch(&mut self, node: Node<'_>, label: &str) {
        self.to.push_scope();
        if let Some(first) = node.child_by_field_name("initializer") {
            self.statement(first, "");
        }
        let value = node.child_by_field_name("value").map(|value| self.expression(value));
        let alias = node.child_by_field_name("alias").and_then(tree::first).map(|alias| self.text(alias));
        let exit = self.to.begin_breakable(label);
        let mut choice = self.to.begin_choice();
        let mut exhaustive = false;
        for case in tree::parts(node) {
            if !matches!(case.kind(), "type_case" | "default_case") {
                continue;
            }
            exhaustive |= case.kind() == "default_case";
            let types = tree::fields(case, "type");
            let mut asked = Vec::new();
            if let (Some(value), [only]) = (value, &types[..]) {
                let variant = self.to.string(self.text(*only));
                asked.push(self.to.binary("is", value, Some(variant), tree::span(*only)));
            }
            self.begin_arm(&choice, RegionKind::Branch, &asked, case);
            self.to.push_scope();
            if let Some(alias) = alias {
                let var = self.local(alias);
                match &types[..] {
                    [only] => {
                        let type_ = self.type_text(*only);
                        self.typed(var, &type_);
                    }
                    _ => {
                        if let Some(value) = value {
                            self.to.assign(var, value);
                        }
                    }
                }
            }
            for child in tree::parts(case) {
                match child.kind() {
                    _ if types.contains(&child) => {}
                    "statement_list" => self.statements(child),
                    _ => self.statement(child, ""),
                }
            }
            self.to.pop_scope();
            self.end_arm(&mut choice);
        }
        self.to.end_choice(choice, exhaustive);
        self.to.end_breakable(exit);
        self.to.pop_scope();
    }

    /// What is ready first: the channels are looked at in the head, each arm does what follows.
    pub(super) fn select(&mut self, node: Node<'_>, label: &str) {
        self.to.begin_region(RegionKind::Select, tree::span(node));
        let exit = self.to.begin_breakable(label);
        let mut choice = self.to.begin_choice();
        for case in tree::parts(node) {
            if !matches!(case.kind(), "communication_case" | "default_case") {
                continue;
            }
            let region = self.begin_arm(&choice, RegionKind::Branch, &[], case);
            self.to.push_scope();
            let communication = case.child_by_field_name("communication");
            match communication {
                Some(receive) if receive.kind() == "receive_statement" => {
                    if let Some(value) = self.receive_statement(receive) {
                        self.to.condition(region, value);
                    }
                }
                Some(send) => self.statement(send, ""),
                None => {}
            }
            self.case_body(case, communication);
            self.to.pop_scope();
            self.end_arm(&mut choice);
        }
        self.to.end_choice(choice, true);
        self.to.end_breakable(exit);
        self.to.end_region();
    }

    fn receive_statement(&mut self, node: Node<'_>) -> Option<VarId> {
        let value = self.expression(node.child_by_field_name("right")?);
        let names = node.child_by_field_name("left").map(tree::parts).unwrap_or_default();
        for (index, name) in names.iter().enumerate().filter(|(_, name)| name.kind() == "identifier") {
            let text = self.text(*name);
            if text == "_" {
                continue;
            }
            let var = self.local(text);
            if index == 0 {
                self.to.assign(var, value);
            }
        }
        Some(value)
    }

    /// `<-channel`
    pub(super) fn receive(&mut self, operand: Node<'_>, node: Node<'_>) -> VarId {
        let channel = self.expression(operand);
        let callee = Called::Member(channel, "receive".to_owned());
        self.call(&callee, &[], CallKind::Call, tree::span(node))
    }
}
