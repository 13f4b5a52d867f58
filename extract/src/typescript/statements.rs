//! Statements and declarations.

use distsys_facts::{ClassKind, LiteralKind, RegionKind};
use oxc_ast::ast::{
    BlockStatement, Declaration, Expression, ForStatementInit, ForStatementLeft, Statement, SwitchStatement,
    TSEnumDeclaration, TSEnumMemberName, TSNamespaceDeclarationBody, TryStatement, VariableDeclaration,
};
use oxc_span::GetSpan;

use super::modules::required;
use super::{Lower, span};
use crate::lower::ClassSpec;

impl Lower<'_> {
    pub(super) fn statements(&mut self, statements: &[Statement<'_>]) {
        for statement in statements {
            self.statement(statement, "");
        }
    }

    /// A list of statements in a scope of its own.
    pub(super) fn block(&mut self, statements: &[Statement<'_>]) {
        self.to.push_scope();
        self.declare(statements);
        self.statements(statements);
        self.to.pop_scope();
    }

    fn arm_body(&mut self, statement: &Statement<'_>) {
        match statement {
            Statement::BlockStatement(block) => self.block(&block.body),
            other => self.statement(other, ""),
        }
    }

    fn statement(&mut self, statement: &Statement<'_>, label: &str) {
        match statement {
            Statement::BlockStatement(block) => {
                self.to.begin_region(RegionKind::Block, span(block.span));
                self.block(&block.body);
                self.to.end_region();
            }
            Statement::ExpressionStatement(statement) => {
                self.expression(&statement.expression);
            }
            Statement::IfStatement(if_) => {
                let condition = self.expression(&if_.test);
                let mut choice = self.to.begin_choice();
                self.to.begin_arm(&choice, RegionKind::Branch, Some(condition), span(if_.consequent.span()));
                self.arm_body(&if_.consequent);
                self.to.end_arm(&mut choice);
                if let Some(alternate) = &if_.alternate {
                    self.to.begin_arm(&choice, RegionKind::Else, Some(condition), span(alternate.span()));
                    self.arm_body(alternate);
                    self.to.end_arm(&mut choice);
                }
                self.to.end_choice(choice, if_.alternate.is_some());
            }
            Statement::ReturnStatement(return_) => {
                let value = return_.argument.as_ref().map(|argument| self.expression(argument));
                self.to.return_(value, span(return_.span));
            }
            Statement::ThrowStatement(throw) => {
                let value = self.expression(&throw.argument);
                self.to.throw(Some(value), span(throw.span));
            }
            Statement::TryStatement(try_) => self.try_(try_),
            Statement::SwitchStatement(switch) => self.switch(switch, label),
            Statement::WhileStatement(while_) => {
                let loop_ = self.to.begin_loop(label, span(while_.span));
                let condition = self.expression(&while_.test);
                self.to.condition(loop_.region, condition);
                if !is_true(&while_.test) {
                    self.to.loop_may_end(&loop_);
                }
                self.arm_body(&while_.body);
                self.to.end_loop(loop_);
            }
            Statement::DoWhileStatement(while_) => {
                let loop_ = self.to.begin_loop(label, span(while_.span));
                self.arm_body(&while_.body);
                let condition = self.expression(&while_.test);
                self.to.condition(loop_.region, condition);
                if !is_true(&while_.test) {
                    self.to.loop_may_end(&loop_);
                }
                self.to.end_loop(loop_);
            }
            Statement::ForStatement(for_) => {
                self.to.push_scope();
                match &for_.init {
                    Some(ForStatementInit::VariableDeclaration(variables)) => self.loop_variables(variables),
                    Some(init) => {
                        if let Some(expression) = init.as_expression() {
                            self.expression(expression);
                        }
                    }
                    None => {}
                }
                let loop_ = self.to.begin_loop(label, span(for_.span));
                if let Some(test) = &for_.test {
                    let condition = self.expression(test);
                    self.to.condition(loop_.region, condition);
                    if !is_true(test) {
                        self.to.loop_may_end(&loop_);
                    }
                }
                self.arm_body(&for_.body);
                if let Some(update) = &for_.update {
                    self.expression(update);
                }
                self.to.end_loop(loop_);
                self.to.pop_scope();
            }
            Statement::ForOfStatement(for_) => {
                self.for_each(&for_.left, &for_.right, &for_.body, for_.r#await, label, for_.span)
            }
            Statement::ForInStatement(for_) => {
                self.for_each(&for_.left, &for_.right, &for_.body, false, label, for_.span)
            }
            Statement::LabeledStatement(labeled) => {
                let label = labeled.label.name.as_str();
                if matches!(
                    labeled.body,
                    Statement::ForStatement(_)
                        | Statement::ForOfStatement(_)
                        | Statement::ForInStatement(_)
                        | Statement::WhileStatement(_)
                        | Statement::DoWhileStatement(_)
                        | Statement::SwitchStatement(_)
                ) {
                    self.statement(&labeled.body, label);
                } else {
                    let exit = self.to.begin_breakable(label);
                    self.statement(&labeled.body, "");
                    self.to.end_breakable(exit);
                }
            }
            Statement::BreakStatement(break_) => {
                self.to.break_(break_.label.as_ref().map_or("", |label| label.name.as_str()))
            }
            Statement::ContinueStatement(continue_) => {
                self.to.continue_(continue_.label.as_ref().map_or("", |label| label.name.as_str()))
            }
            Statement::WithStatement(with) => {
                self.expression(&with.object);
                self.arm_body(&with.body);
            }
            Statement::EmptyStatement(_) | Statement::DebuggerStatement(_) => {}
            other => {
                if let Some(declaration) = other.as_declaration() {
                    self.declaration(declaration);
                } else if let Some(module) = other.as_module_declaration() {
                    self.module_declaration(module);
                }
            }
        }
    }

    pub(super) fn declaration(&mut self, declaration: &Declaration<'_>) {
        match declaration {
            Declaration::VariableDeclaration(variables) => self.variables(variables),
            Declaration::FunctionDeclaration(function) => {
                let Some(id) = &function.id else { return };
                let value = self.function(function, id.name.as_str(), None);
                let var = self.to.name(id.name.as_str());
                self.to.assign(var, value);
            }
            Declaration::ClassDeclaration(class) => {
                let name = class.id.as_ref().map_or("", |id| id.name.as_str());
                let value = self.class_value(class, name);
                let var = self.to.name(name);
                self.to.assign(var, value);
            }
            Declaration::TSInterfaceDeclaration(interface) => self.interface(interface),
            Declaration::TSTypeAliasDeclaration(alias) => self.type_alias(alias),
            Declaration::TSEnumDeclaration(enum_) => self.enum_(enum_),
            Declaration::TSNamespaceDeclaration(namespace) => {
                let mut body = &namespace.body;
                while let TSNamespaceDeclarationBody::TSNamespaceDeclaration(inner) = body {
                    body = &inner.body;
                }
                if let TSNamespaceDeclarationBody::TSModuleBlock(block) = body {
                    self.block(&block.body);
                }
            }
            _ => {}
        }
    }

    fn variables(&mut self, variables: &VariableDeclaration<'_>) {
        for declarator in &variables.declarations {
            if declarator.init.as_ref().and_then(required).is_some() && self.is_import(&declarator.id) {
                continue;
            }
            // `var` in a block, and names of blocks that were not declared before.
            let name = match &declarator.id {
                oxc_ast::ast::BindingPattern::BindingIdentifier(id) => id.name.as_str(),
                _ => "",
            };
            let type_ = self.annotation(declarator.type_annotation.as_deref());
            let value = declarator.init.as_ref().map(|init| self.named_expression(init, name));
            if !name.is_empty() {
                let var = self.to.name(name);
                self.to.declare_type(var, &type_);
                if let Some(value) = value {
                    self.to.assign(var, value);
                }
            } else if let Some(value) = value {
                if !type_.is_empty() {
                    self.to.declare_type(value, &type_);
                }
                self.bind(&declarator.id, value);
            }
        }
    }

    fn is_import(&mut self, pattern: &oxc_ast::ast::BindingPattern<'_>) -> bool {
        match pattern {
            oxc_ast::ast::BindingPattern::BindingIdentifier(_) => true,
            oxc_ast::ast::BindingPattern::ObjectPattern(object) => {
                object.rest.is_none()
                    && object.properties.iter().all(|property| {
                        matches!(property.value, oxc_ast::ast::BindingPattern::BindingIdentifier(_))
                            && property.key.static_name().is_some()
                    })
            }
            _ => false,
        }
    }

    fn loop_variables(&mut self, variables: &VariableDeclaration<'_>) {
        for declarator in &variables.declarations {
            self.declare_pattern(&declarator.id, false, false);
        }
        self.variables(variables);
    }

    fn for_each(
        &mut self,
        left: &ForStatementLeft<'_>,
        right: &Expression<'_>,
        body: &Statement<'_>,
        awaits: bool,
        label: &str,
        at: oxc_span::Span,
    ) {
        let iterable = self.expression(right);
        let loop_ = self.to.begin_loop(label, span(at));
        self.to.iterates(loop_.region, iterable);
        if awaits {
            self.to.suspend(Some(iterable), span(right.span()));
        }
        self.to.loop_may_end(&loop_);
        self.to.push_scope();
        let element = self.to.load(iterable, "[*]");
        match left {
            ForStatementLeft::VariableDeclaration(variables) => {
                for declarator in &variables.declarations {
                    self.declare_pattern(&declarator.id, false, false);
                    self.bind(&declarator.id, element);
                }
            }
            other => {
                if let Some(target) = other.as_assignment_target() {
                    self.assign_to(target, element);
                }
            }
        }
        self.arm_body(body);
        self.to.pop_scope();
        self.to.end_loop(loop_);
    }

    /// Whether a block only returns a constant, with no comment that says why.
    fn only_answers(&self, block: &BlockStatement<'_>) -> bool {
        let [Statement::ReturnStatement(returned)] = &block.body[..] else { return false };
        let constant = returned.argument.as_ref().is_none_or(|value| match value {
            Expression::Identifier(id) => id.name == "undefined",
            value => value.is_literal(),
        });
        let text = self.to.source().slice(span(block.span));
        constant && !text.contains("//") && !text.contains("/*")
    }

    fn try_(&mut self, try_: &TryStatement<'_>) {
        let mut open = self.to.begin_try(try_.finalizer.is_some(), span(try_.block.span));
        self.block(&try_.block.body);
        if let Some(handler) = &try_.handler {
            self.to.push_scope();
            let var = handler.param.as_ref().map(|_| self.to.fresh_var());
            let region = self.to.begin_catch(&mut open, "", var, span(handler.span));
            if self.to.is_blank(span(handler.body.span)) || self.only_answers(&handler.body) {
                self.to.idle(region);
            }
            if let (Some(parameter), Some(var)) = (&handler.param, var) {
                self.declare_pattern(&parameter.pattern, false, false);
                self.bind(&parameter.pattern, var);
            }
            self.block(&handler.body.body);
            self.to.end_catch(&mut open);
            self.to.pop_scope();
        }
        if let Some(finalizer) = &try_.finalizer {
            self.to.begin_finally(&mut open, span(finalizer.span));
            self.block(&finalizer.body);
            self.to.end_finally(&mut open);
        }
        self.to.end_try(open);
    }

    fn switch(&mut self, switch: &SwitchStatement<'_>, label: &str) {
        let subject = self.expression(&switch.discriminant);
        let exit = self.to.begin_breakable(label);
        let mut choice = self.to.begin_choice();
        let mut has_default = false;
        self.to.push_scope();
        for case in &switch.cases {
            self.declare(&case.consequent);
        }
        let mut falls = false;
        // What the case before asks, if it goes on into this one: `case "put": case "post":`.
        let mut above: Option<Option<distsys_facts::VarId>> = None;
        for case in &switch.cases {
            let condition = match &case.test {
                Some(test) => {
                    let value = self.expression(test);
                    Some(self.to.binary("===", subject, Some(value), span(test.span())))
                }
                None => {
                    has_default = true;
                    None
                }
            };
            let condition = match above {
                Some(above) => self.to.either(above, condition, span(case.span)),
                None => condition,
            };
            self.to.begin_arm(&choice, RegionKind::Branch, condition, span(case.span));
            if falls {
                self.to.fall_through(&mut choice);
            }
            self.statements(&case.consequent);
            self.to.end_arm(&mut choice);
            falls = true;
            above = (!case.consequent.last().is_some_and(leaves)).then_some(condition);
        }
        self.to.pop_scope();
        self.to.end_choice(choice, has_default);
        self.to.end_breakable(exit);
    }

    fn enum_(&mut self, enum_: &TSEnumDeclaration<'_>) {
        let name = enum_.id.name.as_str();
        let class = self.to.class(ClassSpec { name, kind: ClassKind::Enum, outer: None, span: span(enum_.span) });
        let var = self.to.name(name);
        self.to.class_value_to(var, class);
        for (index, member) in enum_.body.members.iter().enumerate() {
            let member_name = match &member.id {
                TSEnumMemberName::Identifier(id) => id.name.as_str(),
                TSEnumMemberName::String(text) | TSEnumMemberName::ComputedString(text) => text.value.as_str(),
                TSEnumMemberName::ComputedTemplateString(_) => continue,
            };
            let value = match &member.initializer {
                Some(value) => self.expression(value),
                None => self.to.literal(LiteralKind::Integer, &index.to_string()),
            };
            self.to.field(class, member_name, "", Some(value));
        }
    }
}

/// `while (true)`, `for (;;)`
fn is_true(test: &Expression<'_>) -> bool {
    match test {
        Expression::BooleanLiteral(literal) => literal.value,
        Expression::NumericLiteral(literal) => literal.value != 0.0,
        _ => false,
    }
}

/// Whether a statement leaves the `switch` that it ends a case of.
fn leaves(statement: &Statement<'_>) -> bool {
    match statement {
        Statement::BreakStatement(_)
        | Statement::ReturnStatement(_)
        | Statement::ThrowStatement(_)
        | Statement::ContinueStatement(_) => true,
        Statement::BlockStatement(block) => block.body.last().is_some_and(leaves),
        _ => false,
    }
}
