//! Blocks, statements and `let`.

use distsys_facts::{RegionKind, VarId};
use syn::{Block, Expr, Local, Stmt};

use super::Lower;
use super::expressions::{end_of, start_of};

impl Lower<'_> {
    /// The statements of a block in a scope of their own; the value of its last expression.
    pub(super) fn block_value(&mut self, block: &Block) -> Option<VarId> {
        self.to.push_scope();
        let items = || {
            block.stmts.iter().filter_map(|statement| if let Stmt::Item(item) = statement { Some(item) } else { None })
        };
        if items().next().is_some() {
            self.classes.push(Default::default());
            let class = self.class.take();
            self.declare_items(items(), false);
            self.lower_items(items());
            self.class = class;
            self.classes.pop();
        }
        let mut value = None;
        for (index, statement) in block.stmts.iter().enumerate() {
            let is_last = index + 1 == block.stmts.len();
            match statement {
                Stmt::Local(local) => self.local(local),
                Stmt::Item(_) => {}
                Stmt::Expr(expression, semicolon) => {
                    let result = self.statement_expression(expression);
                    if is_last && semicolon.is_none() {
                        value = Some(result);
                    }
                }
                Stmt::Macro(statement) => {
                    let result = self.macro_call(&statement.mac);
                    if is_last && statement.semi_token.is_none() {
                        value = Some(result);
                    }
                }
            }
        }
        self.to.pop_scope();
        value
    }

    /// A block as an expression: a region that bounds the life of its variables.
    pub(super) fn block_region(&mut self, block: &Block) -> VarId {
        let span = self.span(block.brace_token.span.open(), block.brace_token.span.close());
        self.to.begin_region(RegionKind::Block, span);
        let value = self.block_value(block);
        self.to.end_region();
        value.unwrap_or_else(|| self.to.fresh_var())
    }

    fn statement_expression(&mut self, expression: &Expr) -> VarId {
        if waits_on_a_chain(expression) { self.with_temporaries(expression) } else { self.expression(expression) }
    }

    /// Evaluates an expression whose temporaries live to its end: what its calls give is held by a nameless variable.
    pub(super) fn with_temporaries(&mut self, expression: &Expr) -> VarId {
        let span = self.span(start_of(expression), end_of(expression));
        self.to.begin_region(RegionKind::Block, span);
        let value = self.capturing(expression);
        self.to.end_region();
        value
    }

    /// Evaluates an expression and holds what its calls give in the current region.
    pub(super) fn capturing(&mut self, expression: &Expr) -> VarId {
        let outer = self.temporaries.replace(Vec::new());
        let value = self.expression(expression);
        let held = std::mem::replace(&mut self.temporaries, outer).unwrap_or_default();
        for temporary in held {
            let holder = self.to.declare("");
            self.to.assign(holder, temporary);
        }
        value
    }

    fn local(&mut self, local: &Local) {
        let Some(init) = &local.init else {
            let var = self.to.fresh_var();
            self.bind_pattern(&local.pat, var);
            return;
        };
        let value =
            if waits_on_a_chain(&init.expr) { self.with_temporaries(&init.expr) } else { self.expression(&init.expr) };
        if let Some((_, otherwise)) = &init.diverge {
            let span = self.span(start_of(otherwise), end_of(otherwise));
            let condition = self.pattern_condition(&local.pat, value, span);
            let mut choice = self.to.begin_choice();
            self.to.begin_arm(&choice, RegionKind::Else, condition, span);
            self.expression(otherwise);
            self.to.end_arm(&mut choice);
            self.to.end_choice(choice, false);
        }
        self.bind_pattern(&local.pat, value);
    }
}

/// An `await` or a macro on the value of a longer chain: a guard among the chain's temporaries is alive meanwhile.
fn waits_on_a_chain(expression: &Expr) -> bool {
    let (mut at, mut awaits, mut calls) = (expression, false, 0);
    loop {
        at = match at {
            Expr::Await(inner) => {
                awaits = true;
                &inner.base
            }
            Expr::Try(inner) => &inner.expr,
            Expr::MethodCall(call) => {
                calls += 1;
                &call.receiver
            }
            Expr::Paren(inner) => &inner.expr,
            Expr::Unary(inner) => &inner.expr,
            Expr::Assign(inner) => &inner.right,
            _ => return awaits && calls > 1,
        };
    }
}
