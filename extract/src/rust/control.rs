//! Control flow: `if`, `match`, loops.

use distsys_facts::{RegionKind, VarId};
use syn::{Expr, ExprForLoop, ExprIf, ExprLoop, ExprMatch, ExprWhile, Label};

use super::Lower;
use super::expressions::{end_of, start_of};
use crate::lower::Span;

impl Lower<'_> {
    fn span_of(&self, expression: &Expr) -> Span {
        self.span(start_of(expression), end_of(expression))
    }

    pub(super) fn if_(&mut self, if_: &ExprIf) -> VarId {
        let result = self.to.fresh_var();
        // The temporaries of an `if let` scrutinee live to the end of the whole `if`.
        let whole = self.span(if_.if_token.span, if_.then_branch.brace_token.span.close());
        let holds = has_let(&if_.cond);
        if holds {
            self.to.begin_region(RegionKind::Block, whole);
        }
        self.to.push_scope();
        let condition = self.condition_expression(&if_.cond);
        let mut choice = self.to.begin_choice();
        let braces = if_.then_branch.brace_token.span;
        let span = self.span(braces.open(), braces.close());
        let region = self.to.begin_arm(&choice, RegionKind::Branch, condition, span);
        if self.to.is_blank(span) {
            self.to.idle(region);
        }
        self.bind_let_patterns(&if_.cond);
        let taken = self.block_value(&if_.then_branch);
        if let Some(value) = taken {
            self.to.assign(result, value);
        }
        self.to.end_arm(&mut choice);
        self.to.pop_scope();
        if let Some((_, otherwise)) = &if_.else_branch {
            let span = self.span_of(otherwise);
            self.to.begin_arm(&choice, RegionKind::Else, condition, span);
            let value = self.expression(otherwise);
            self.to.assign(result, value);
            self.to.end_arm(&mut choice);
            if let (Some(condition), Some(taken)) = (condition, taken) {
                self.to.choice(result, condition, taken, value);
            }
        }
        self.to.end_choice(choice, if_.else_branch.is_some());
        if holds {
            self.to.end_region();
        }
        result
    }

    /// A condition with `let`s: their values are kept for [`Lower::bind_let_patterns`].
    fn condition_expression(&mut self, condition: &Expr) -> Option<VarId> {
        match condition {
            Expr::Let(let_) => {
                let value = self.capturing(&let_.expr);
                let span = self.span_of(&let_.expr);
                let asked = self.pattern_condition(&let_.pat, value, span);
                // Bound in the arm; the value is found again by this name, which no source can have.
                self.to.bind(&let_key(condition), value);
                asked.or(Some(value))
            }
            Expr::Binary(binary) if matches!(binary.op, syn::BinOp::And(_)) && has_let(condition) => {
                let left = self.condition_expression(&binary.left);
                self.bind_let_patterns(&binary.left);
                let right = self.condition_expression(&binary.right);
                match (left, right) {
                    (Some(left), Some(right)) => {
                        let both = self.to.fresh_var();
                        self.to.assign(both, left);
                        self.to.assign(both, right);
                        Some(both)
                    }
                    (left, right) => left.or(right),
                }
            }
            Expr::Paren(paren) => self.condition_expression(&paren.expr),
            other => Some(self.expression(other)),
        }
    }

    fn bind_let_patterns(&mut self, condition: &Expr) {
        match condition {
            Expr::Let(let_) => {
                if let Some(value) = self.to.lookup(&let_key(condition)) {
                    self.bind_pattern(&let_.pat, value);
                }
            }
            Expr::Binary(binary) => {
                self.bind_let_patterns(&binary.left);
                self.bind_let_patterns(&binary.right);
            }
            Expr::Paren(paren) => self.bind_let_patterns(&paren.expr),
            _ => {}
        }
    }

    pub(super) fn match_(&mut self, match_: &ExprMatch) -> VarId {
        let result = self.to.fresh_var();
        let whole = self.span(match_.match_token.span, match_.brace_token.span.close());
        self.to.begin_region(RegionKind::Block, whole);
        let subject = self.capturing(&match_.expr);
        let mut choice = self.to.begin_choice();
        for arm in &match_.arms {
            let body = &*arm.body;
            let span = self.span_of(body);
            let condition = self.pattern_condition(&arm.pat, subject, span);
            let region = self.to.begin_arm(&choice, RegionKind::Branch, condition.or(Some(subject)), span);
            if self.to.is_blank(span) {
                self.to.idle(region);
            }
            for kind in self.kind_conditions(&arm.pat, subject, span) {
                self.to.condition(region, kind);
            }
            self.to.push_scope();
            self.bind_pattern(&arm.pat, subject);
            if let syn::Pat::Guard(guard) = &arm.pat {
                let guard = self.expression(&guard.guard);
                self.to.condition(region, guard);
            }
            let value = self.expression(body);
            self.to.assign(result, value);
            self.to.pop_scope();
            self.to.end_arm(&mut choice);
        }
        self.to.end_choice(choice, true);
        self.to.end_region();
        result
    }

    fn label(label: Option<&Label>) -> String {
        label.map(|label| label.name.ident.to_string()).unwrap_or_default()
    }

    pub(super) fn loop_(&mut self, loop_: &ExprLoop) -> VarId {
        let braces = loop_.body.brace_token.span;
        let span = self.span(loop_.loop_token.span, braces.close());
        let result = self.to.fresh_var();
        let open = self.to.begin_loop(&Self::label(loop_.label.as_ref()), span);
        self.block_value(&loop_.body);
        self.to.end_loop(open);
        result
    }

    pub(super) fn while_(&mut self, while_: &ExprWhile) -> VarId {
        let braces = while_.body.brace_token.span;
        let span = self.span(while_.while_token.span, braces.close());
        let open = self.to.begin_loop(&Self::label(while_.label.as_ref()), span);
        self.to.push_scope();
        let condition = self.condition_expression(&while_.cond);
        if let Some(condition) = condition {
            self.to.condition(open.region, condition);
        }
        self.to.loop_may_end(&open);
        self.bind_let_patterns(&while_.cond);
        self.block_value(&while_.body);
        self.to.pop_scope();
        self.to.end_loop(open);
        self.to.fresh_var()
    }

    pub(super) fn for_(&mut self, for_: &ExprForLoop) -> VarId {
        let iterable = self.expression(&for_.expr);
        let braces = for_.body.brace_token.span;
        let span = self.span(for_.for_token.span, braces.close());
        let open = self.to.begin_loop(&Self::label(for_.label.as_ref()), span);
        self.to.iterates(open.region, iterable);
        self.to.loop_may_end(&open);
        self.to.push_scope();
        let element = self.to.load(iterable, "[*]");
        self.bind_pattern(&for_.pat, element);
        self.block_value(&for_.body);
        self.to.pop_scope();
        self.to.end_loop(open);
        self.to.fresh_var()
    }
}

fn has_let(condition: &Expr) -> bool {
    match condition {
        Expr::Let(_) => true,
        Expr::Binary(binary) => has_let(&binary.left) || has_let(&binary.right),
        Expr::Paren(paren) => has_let(&paren.expr),
        _ => false,
    }
}

fn let_key(condition: &Expr) -> String {
    format!("let {}", start_of(condition).byte_range().start)
}
