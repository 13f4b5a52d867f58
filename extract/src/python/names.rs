//! Which names a body binds: Python decides scope by assignment anywhere in the function.

use ruff_python_ast::{ExceptHandler, Expr, Pattern, Stmt};

use super::Lower;

impl Lower<'_> {
    /// Declares what the module binds, and offers it to other modules.
    pub(super) fn declare_module_names(&mut self, body: &[Stmt]) {
        let mut names = Names::default();
        names.of_body(body);
        for name in names.bound {
            let var = self.to.declare_once(name);
            self.to.export(name, var);
        }
    }

    /// Whether what is lowered is the top level of the file or of a class there.
    pub(super) fn at_module_level(&mut self) -> bool {
        let function = self.to.function();
        distsys_facts::Id::index(function) == 0 || self.class.is_some()
    }

    /// Declares what a function binds, but for what it takes from around it.
    pub(super) fn declare_local_names(&mut self, body: &[Stmt]) {
        let mut names = Names::default();
        names.of_body(body);
        for name in names.bound {
            if !names.outer.contains(&name) {
                self.to.declare_once(name);
            }
        }
    }
}

#[derive(Default)]
struct Names<'a> {
    bound: Vec<&'a str>,
    outer: Vec<&'a str>,
}

impl<'a> Names<'a> {
    fn of_body(&mut self, body: &'a [Stmt]) {
        for statement in body {
            self.of_statement(statement);
        }
    }

    fn of_statement(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::FunctionDef(def) => self.bound.push(&def.name),
            Stmt::ClassDef(def) => self.bound.push(&def.name),
            Stmt::Assign(assign) => assign.targets.iter().for_each(|target| self.of_target(target)),
            Stmt::AugAssign(assign) => self.of_target(&assign.target),
            Stmt::AnnAssign(assign) => self.of_target(&assign.target),
            Stmt::TypeAlias(alias) => self.of_target(&alias.name),
            Stmt::For(for_) => {
                self.of_target(&for_.target);
                self.of_body(&for_.body);
                self.of_body(&for_.orelse);
            }
            Stmt::While(while_) => {
                self.of_body(&while_.body);
                self.of_body(&while_.orelse);
            }
            Stmt::If(if_) => {
                self.of_body(&if_.body);
                if_.elif_else_clauses.iter().for_each(|clause| self.of_body(&clause.body));
            }
            Stmt::With(with) => {
                for item in &with.items {
                    if let Some(target) = &item.optional_vars {
                        self.of_target(target);
                    }
                }
                self.of_body(&with.body);
            }
            Stmt::Match(match_) => {
                for case in &match_.cases {
                    self.of_pattern(&case.pattern);
                    self.of_body(&case.body);
                }
            }
            Stmt::Try(try_) => {
                self.of_body(&try_.body);
                for ExceptHandler::ExceptHandler(handler) in &try_.handlers {
                    if let Some(name) = &handler.name {
                        self.bound.push(name);
                    }
                    self.of_body(&handler.body);
                }
                self.of_body(&try_.orelse);
                self.of_body(&try_.finalbody);
            }
            Stmt::Import(import) => {
                for alias in &import.names {
                    let name: &str = alias.asname.as_ref().unwrap_or(&alias.name);
                    self.bound.push(name.split('.').next().unwrap_or(name));
                }
            }
            Stmt::ImportFrom(import) => {
                for alias in import.names.iter().filter(|alias| alias.name.as_str() != "*") {
                    self.bound.push(alias.asname.as_ref().unwrap_or(&alias.name));
                }
            }
            Stmt::Global(global) => self.outer.extend(global.names.iter().map(|name| name.as_str())),
            Stmt::Nonlocal(nonlocal) => self.outer.extend(nonlocal.names.iter().map(|name| name.as_str())),
            _ => {}
        }
    }

    fn of_target(&mut self, target: &'a Expr) {
        match target {
            Expr::Name(name) => self.bound.push(name.id.as_str()),
            Expr::Tuple(tuple) => tuple.elts.iter().for_each(|element| self.of_target(element)),
            Expr::List(list) => list.elts.iter().for_each(|element| self.of_target(element)),
            Expr::Starred(starred) => self.of_target(&starred.value),
            _ => {}
        }
    }

    fn of_pattern(&mut self, pattern: &'a Pattern) {
        match pattern {
            Pattern::MatchAs(as_) => {
                if let Some(name) = &as_.name {
                    self.bound.push(name);
                }
                if let Some(inner) = &as_.pattern {
                    self.of_pattern(inner);
                }
            }
            Pattern::MatchStar(star) => self.bound.extend(star.name.as_ref().map(|name| name.as_str())),
            Pattern::MatchSequence(sequence) => sequence.patterns.iter().for_each(|inner| self.of_pattern(inner)),
            Pattern::MatchMapping(mapping) => {
                mapping.patterns.iter().for_each(|inner| self.of_pattern(inner));
                self.bound.extend(mapping.rest.as_ref().map(|name| name.as_str()));
            }
            Pattern::MatchClass(class) => {
                class.arguments.patterns.iter().for_each(|inner| self.of_pattern(inner));
                class.arguments.keywords.iter().for_each(|keyword| self.of_pattern(&keyword.pattern));
            }
            Pattern::MatchOr(or) => or.patterns.iter().for_each(|inner| self.of_pattern(inner)),
            Pattern::MatchValue(_) | Pattern::MatchSingleton(_) => {}
        }
    }
}
