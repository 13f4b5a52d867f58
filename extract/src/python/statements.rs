//! Statements: control flow, assignment, imports.

use distsys_facts::RegionKind;
use ruff_python_ast::{
    ElifElseClause, ExceptHandler, Expr, Pattern, Stmt, StmtFor, StmtImport, StmtImportFrom, StmtMatch, StmtTry,
    StmtWhile, StmtWith,
};
use ruff_text_size::Ranged;

use super::types::type_text;
use super::{Lower, span, span_of};
use crate::lower::remarks::says_borne;
use crate::lower::{Choice, Span};
use distsys_facts::VarId;

impl Lower<'_> {
    pub(super) fn body(&mut self, body: &[Stmt]) {
        for statement in body {
            self.statement(statement);
        }
    }

    pub(super) fn statement(&mut self, statement: &Stmt) {
        match statement {
            Stmt::FunctionDef(def) => self.function(def),
            Stmt::ClassDef(def) => self.class(def),
            Stmt::Return(return_) => {
                let value = return_.value.as_deref().map(|value| self.expression(value));
                self.to.return_(value, span_of(return_));
            }
            Stmt::Delete(delete) => {
                for target in &delete.targets {
                    let var = self.expression(target);
                    self.to.release(var, span_of(target));
                }
            }
            Stmt::TypeAlias(alias) => {
                if let Expr::Name(name) = &*alias.name {
                    self.to.type_alias(&name.id, &type_text(&alias.value));
                }
            }
            Stmt::Assign(assign) => {
                if let ([Expr::Name(name)], Expr::Subscript(_) | Expr::BinOp(_)) = (&assign.targets[..], &*assign.value)
                {
                    let text = type_text(&assign.value);
                    if text.contains(['|', '<']) {
                        self.to.type_alias(&name.id, &text);
                    }
                }
                // `Session = NewType("Session", AsyncSession)`: to the program they are one type.
                if let ([Expr::Name(name)], Expr::Call(call)) = (&assign.targets[..], &*assign.value)
                    && matches!(&*type_text(&call.func), "NewType" | "typing.NewType")
                    && let [_, of] = &call.arguments.args[..]
                {
                    self.to.type_alias(&name.id, &type_text(of));
                }
                // `done, tries = False, 0`
                if let ([Expr::Tuple(targets)], Expr::Tuple(values)) = (&assign.targets[..], &*assign.value)
                    && targets.elts.len() == values.elts.len()
                    && !targets.elts.iter().chain(&values.elts).any(Expr::is_starred_expr)
                {
                    let values: Vec<VarId> = values.elts.iter().map(|value| self.expression(value)).collect();
                    for (target, value) in targets.elts.iter().zip(values) {
                        self.assign_to(target, value);
                    }
                    return;
                }
                let value = self.expression(&assign.value);
                for target in &assign.targets {
                    self.assign_to(target, value);
                }
            }
            Stmt::AugAssign(assign) => {
                let left = self.expression(&assign.target);
                let right = self.expression(&assign.value);
                let operator = format!("{}=", assign.op.as_str());
                let value = self.to.binary(&operator, left, Some(right), span_of(assign));
                self.assign_to(&assign.target, value);
            }
            Stmt::AnnAssign(assign) => {
                let value = assign.value.as_deref().map(|value| self.expression(value));
                let type_ = type_text(&assign.annotation);
                match &*assign.target {
                    Expr::Name(name) => {
                        let var = self.target_var(&name.id);
                        self.to.declare_type(var, &type_);
                        if let Some(value) = value {
                            self.to.assign(var, value);
                        }
                    }
                    target => {
                        if let Some(value) = value {
                            self.assign_to(target, value);
                            let _ = type_;
                        }
                    }
                }
            }
            Stmt::For(for_) => self.for_(for_),
            Stmt::While(while_) => self.while_(while_),
            Stmt::If(if_) => {
                let condition = self.expression(&if_.test);
                let mut choice = self.to.begin_choice();
                self.arm(&mut choice, RegionKind::Branch, Some(condition), &if_.body, span_of(if_));
                let exhaustive = self.else_clauses(&mut choice, condition, &if_.elif_else_clauses);
                self.to.end_choice(choice, exhaustive);
            }
            Stmt::With(with) => self.with(with, 0),
            Stmt::Match(match_) => self.match_(match_),
            Stmt::Raise(raise) => {
                let value = raise.exc.as_deref().map(|value| self.expression(value));
                if let Some(cause) = raise.cause.as_deref() {
                    self.expression(cause);
                }
                self.to.throw(value, span_of(raise));
            }
            Stmt::Try(try_) => self.try_(try_),
            Stmt::Assert(assert) => {
                self.expression(&assert.test);
                if let Some(message) = assert.msg.as_deref() {
                    self.expression(message);
                }
            }
            Stmt::Import(import) => self.import(import),
            Stmt::ImportFrom(import) => self.import_from(import),
            Stmt::Expr(expression) => {
                self.expression(&expression.value);
            }
            Stmt::Break(_) => self.to.break_(""),
            Stmt::Continue(_) => self.to.continue_(""),
            Stmt::Global(_) | Stmt::Nonlocal(_) | Stmt::Pass(_) | Stmt::IpyEscapeCommand(_) => {}
        }
    }

    fn arm(&mut self, choice: &mut Choice, kind: RegionKind, condition: Option<VarId>, body: &[Stmt], at: Span) {
        self.to.begin_arm(choice, kind, condition, body_span(body, at));
        self.body(body);
        self.to.end_arm(choice);
    }

    /// The `elif` and `else` clauses: an `elif` is a choice inside the else arm. True if some arm is always taken.
    fn else_clauses(&mut self, choice: &mut Choice, condition: VarId, clauses: &[ElifElseClause]) -> bool {
        let Some((first, rest)) = clauses.split_first() else { return false };
        let at = span_of(first);
        match &first.test {
            None => {
                self.arm(choice, RegionKind::Else, Some(condition), &first.body, at);
            }
            Some(test) => {
                self.to.begin_arm(choice, RegionKind::Else, Some(condition), at);
                let inner_condition = self.expression(test);
                let mut inner = self.to.begin_choice();
                self.arm(&mut inner, RegionKind::Branch, Some(inner_condition), &first.body, at);
                let exhaustive = self.else_clauses(&mut inner, inner_condition, rest);
                self.to.end_choice(inner, exhaustive);
                self.to.end_arm(choice);
            }
        }
        true
    }

    fn for_(&mut self, for_: &StmtFor) {
        let iterable = self.expression(&for_.iter);
        let loop_ = self.to.begin_loop("", span_of(for_));
        self.to.iterates(loop_.region, iterable);
        if for_.is_async {
            self.to.suspend(Some(iterable), span_of(&*for_.iter));
        }
        self.to.loop_may_end(&loop_);
        let element = self.to.load(iterable, "[*]");
        self.assign_to(&for_.target, element);
        self.body(&for_.body);
        self.to.end_loop(loop_);
        self.body(&for_.orelse);
    }

    fn while_(&mut self, while_: &StmtWhile) {
        let loop_ = self.to.begin_loop("", span_of(while_));
        let condition = self.expression(&while_.test);
        self.to.condition(loop_.region, condition);
        let forever = matches!(&*while_.test, Expr::BooleanLiteral(literal) if literal.value)
            || matches!(&*while_.test, Expr::NumberLiteral(_));
        if !forever {
            self.to.loop_may_end(&loop_);
        }
        self.body(&while_.body);
        self.to.end_loop(loop_);
        self.body(&while_.orelse);
    }

    fn with(&mut self, with: &StmtWith, index: usize) {
        let Some(item) = with.items.get(index) else { return self.body(&with.body) };
        let value = self.expression(&item.context_expr);
        let at = span(with.range());
        let region = self.to.begin_region(RegionKind::With, at);
        if with.is_async {
            self.to.suspend(Some(value), span_of(&item.context_expr));
        }
        let bound = item.optional_vars.as_deref().map(|target| {
            let entered = self.to.fresh_var();
            self.to.assign(entered, value);
            match target {
                // One name for one connection after the other (`with a() as s: …`, `with b() as s: …`) is as many variables.
                Expr::Name(name) if !self.at_module_level() => {
                    // `session: Session` before it says what is entered.
                    let said = self.to.lookup(&name.id).and_then(|outer| self.to.declared_type(outer));
                    let var = self.to.declare(&name.id);
                    self.to.declare_type(var, &said.unwrap_or_default());
                    self.to.assign(var, entered);
                    var
                }
                Expr::Name(name) => {
                    self.assign_to(target, entered);
                    self.to.name(&name.id)
                }
                _ => {
                    self.assign_to(target, entered);
                    entered
                }
            }
        });
        self.to.manages(region, value, bound);
        match suppressed(&item.context_expr) {
            Some(types) => self.suppressing(with, index, &types),
            None => self.with(with, index + 1),
        }
        if with.is_async {
            self.to.suspend(None, Span::new(with.range().end().to_u32(), with.range().end().to_u32()));
        }
        self.to.end_region();
    }

    /// `with suppress(KeyError): …` is a `try` whose handler does nothing.
    fn suppressing(&mut self, with: &StmtWith, index: usize, types: &str) {
        let at = span_of(with);
        let mut open = self.to.begin_try(false, body_span(&with.body, at));
        self.with(with, index + 1);
        let head = Span::new(at.start, with.body.first().map_or(at.end, |first| span_of(first).start));
        let region = self.to.begin_catch(&mut open, types, None, head);
        if !self.is_excused(head) {
            self.to.idle(region);
        }
        self.to.end_catch(&mut open);
        self.to.end_try(open);
    }

    /// Whether a comment above the head of a statement or below its first line says why, or one behind it that it is borne.
    fn is_excused(&self, head: Span) -> bool {
        let source = self.to.source();
        let below = source.slice(head).split_once('\n').is_some_and(|(_, below)| below.contains('#'));
        below || source.line_above(head.start).trim_start().starts_with('#') || says_borne(source.slice(head))
    }

    fn match_(&mut self, match_: &StmtMatch) {
        let subject = self.expression(&match_.subject);
        let mut choice = self.to.begin_choice();
        let mut exhaustive = false;
        for case in &match_.cases {
            let condition = self.compared(&case.pattern, subject).unwrap_or(subject);
            self.to.begin_arm(&choice, RegionKind::Branch, Some(condition), span_of(case));
            self.pattern(&case.pattern, subject);
            if let Some(guard) = case.guard.as_deref() {
                self.expression(guard);
            }
            self.body(&case.body);
            self.to.end_arm(&mut choice);
            exhaustive |=
                case.guard.is_none() && matches!(&case.pattern, Pattern::MatchAs(as_) if as_.pattern.is_none());
        }
        self.to.end_choice(choice, exhaustive);
    }

    /// What a pattern of constants asks: `case "put" | "post":`.
    fn compared(&mut self, pattern: &Pattern, subject: VarId) -> Option<VarId> {
        match pattern {
            Pattern::MatchValue(value) => {
                let constant = self.expression(&value.value);
                Some(self.to.binary("==", subject, Some(constant), span_of(pattern)))
            }
            Pattern::MatchOr(or) => {
                let mut asked = or.patterns.iter().map(|inner| self.compared(inner, subject));
                let all: Option<Vec<VarId>> = asked.by_ref().collect();
                let mut all = all?.into_iter();
                let first = all.next()?;
                all.try_fold(first, |any, one| self.to.either(Some(any), Some(one), span_of(pattern)))
            }
            _ => None,
        }
    }

    fn pattern(&mut self, pattern: &Pattern, value: VarId) {
        match pattern {
            Pattern::MatchAs(as_) => {
                if let Some(inner) = as_.pattern.as_deref() {
                    self.pattern(inner, value);
                }
                if let Some(name) = &as_.name {
                    let var = self.target_var(name);
                    self.to.assign(var, value);
                }
            }
            Pattern::MatchSequence(sequence) => {
                for (index, inner) in sequence.patterns.iter().enumerate() {
                    let element = self.to.load(value, &index.to_string());
                    self.pattern(inner, element);
                }
            }
            Pattern::MatchMapping(mapping) => {
                for inner in &mapping.patterns {
                    let element = self.to.load(value, "[]");
                    self.pattern(inner, element);
                }
            }
            Pattern::MatchClass(class) => {
                for inner in &class.arguments.patterns {
                    let element = self.to.load(value, "[]");
                    self.pattern(inner, element);
                }
                for keyword in &class.arguments.keywords {
                    let element = self.to.load(value, &keyword.attr);
                    self.pattern(&keyword.pattern, element);
                }
            }
            Pattern::MatchOr(or) => or.patterns.iter().for_each(|inner| self.pattern(inner, value)),
            Pattern::MatchStar(_) | Pattern::MatchValue(_) | Pattern::MatchSingleton(_) => {}
        }
    }

    fn try_(&mut self, try_: &StmtTry) {
        let at = span_of(try_);
        let mut open = self.to.begin_try(!try_.finalbody.is_empty(), body_span(&try_.body, at));
        self.body(&try_.body);
        if !try_.orelse.is_empty() {
            self.to.begin_try_else(&mut open);
            self.body(&try_.orelse);
            self.to.end_try_else(&mut open);
        }
        for ExceptHandler::ExceptHandler(handler) in &try_.handlers {
            let type_ = match handler.type_.as_deref() {
                Some(Expr::Tuple(tuple)) => tuple.elts.iter().map(type_text).collect::<Vec<_>>().join("|"),
                Some(other) => type_text(other),
                None => String::new(),
            };
            let var = handler.name.as_ref().map(|name| self.to.name(name));
            let region = self.to.begin_catch(&mut open, &type_, var, span_of(handler));
            if self.is_idle(&handler.body, span_of(handler)) {
                self.to.idle(region);
            }
            self.body(&handler.body);
            self.to.end_catch(&mut open);
        }
        if !try_.finalbody.is_empty() {
            self.to.begin_finally(&mut open, body_span(&try_.finalbody, at));
            self.body(&try_.finalbody);
            self.to.end_finally(&mut open);
        }
        self.to.end_try(open);
    }

    /// Whether a handler has neither a statement, but for a constant answer, nor a comment below its first line.
    fn is_idle(&self, body: &[Stmt], handler: Span) -> bool {
        let says_nothing = |statement: &Stmt| match statement {
            Stmt::Pass(_) => true,
            Stmt::Expr(expression) => matches!(*expression.value, Expr::EllipsisLiteral(_)),
            Stmt::Return(returned) => returned.value.as_deref().is_none_or(|value| {
                matches!(
                    value,
                    Expr::NoneLiteral(_) | Expr::BooleanLiteral(_) | Expr::NumberLiteral(_) | Expr::StringLiteral(_)
                )
            }),
            _ => false,
        };
        let text = self.to.source().to_line_end(handler);
        body.iter().all(says_nothing) && !text.split_once('\n').is_some_and(|(_, below)| below.contains('#'))
    }

    fn import(&mut self, import: &StmtImport) {
        for alias in &import.names {
            match &alias.asname {
                Some(local) => {
                    let var = self.target_var(local);
                    self.to.import_to(var, &alias.name, "");
                }
                None => {
                    let first = alias.name.split('.').next().unwrap_or(&alias.name);
                    let var = self.target_var(first);
                    self.to.import_to(var, first, "");
                }
            }
        }
    }

    fn import_from(&mut self, import: &StmtImportFrom) {
        let mut target = ".".repeat(import.level as usize);
        if let Some(module) = &import.module {
            target.push_str(module);
        }
        for alias in &import.names {
            if alias.name.as_str() == "*" {
                self.to.import_glob(&target);
                continue;
            }
            let var = self.target_var(alias.asname.as_ref().unwrap_or(&alias.name));
            self.to.import_to(var, &target, &alias.name);
        }
    }

    /// Assigns `value` to a target of any form.
    pub(super) fn assign_to(&mut self, target: &Expr, value: VarId) {
        match target {
            Expr::Name(name) => {
                let var = self.target_var(&name.id);
                self.to.assign(var, value);
            }
            Expr::Attribute(attribute) => {
                let base = self.expression(&attribute.value);
                self.to.store(base, &attribute.attr, value, span_of(target));
            }
            Expr::Subscript(subscript) => {
                let base = self.expression(&subscript.value);
                let field = self.subscript_field(&subscript.slice);
                self.to.store(base, &field, value, span_of(target));
            }
            Expr::Tuple(tuple) => self.unpack(&tuple.elts, value),
            Expr::List(list) => self.unpack(&list.elts, value),
            Expr::Starred(starred) => self.assign_to(&starred.value, value),
            other => {
                self.expression(other);
            }
        }
    }

    fn unpack(&mut self, targets: &[Expr], value: VarId) {
        for (index, target) in targets.iter().enumerate() {
            let element = match target {
                Expr::Starred(_) => value,
                _ => self.to.load(value, &index.to_string()),
            };
            self.assign_to(target, element);
        }
    }
}

/// From the first statement of a body to its last.
fn body_span(body: &[Stmt], otherwise: Span) -> Span {
    match (body.first(), body.last()) {
        (Some(first), Some(last)) => Span::new(first.start().to_u32(), last.end().to_u32()),
        _ => otherwise,
    }
}

/// The types that `contextlib.suppress(…)` is given, which is the language's own word for a handler that does nothing.
fn suppressed(item: &Expr) -> Option<String> {
    let Expr::Call(call) = item else { return None };
    match &*call.func {
        Expr::Name(name) if name.id.as_str() == "suppress" => {}
        Expr::Attribute(member) if member.attr.as_str() == "suppress" => {
            matches!(&*member.value, Expr::Name(module) if module.id.as_str() == "contextlib").then_some(())?;
        }
        _ => return None,
    }
    let types = call.arguments.args.iter().map(type_text).collect::<Vec<_>>();
    (!types.is_empty()).then(|| types.join("|"))
}
