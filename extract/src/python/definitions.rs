//! Functions, lambdas and classes.

use distsys_facts::{CallKind, ClassKind, FunctionFlags, FunctionId, FunctionKind, ParameterKind, SiteId, VarId};
use ruff_python_ast::{Decorator, Expr, ExprLambda, Parameters, Stmt, StmtClassDef, StmtFunctionDef};

use super::types::type_text;
use super::{Lower, span_of};
use crate::lower::{Callee, ClassSpec, FunctionSpec, ParameterSpec};

/// A parameter's default and annotation calls, evaluated where the function is defined.
struct Prepared {
    default: Option<VarId>,
    marker: Option<SiteId>,
    type_: String,
}

impl Lower<'_> {
    pub(super) fn function(&mut self, def: &StmtFunctionDef) {
        let decorators = self.decorators(&def.decorator_list);
        let mut flags = FunctionFlags::default();
        let mut is_static = false;
        for decorator in &def.decorator_list {
            let mut callee = &decorator.expression;
            if let Expr::Call(call) = callee {
                callee = &call.func;
            }
            let name = match callee {
                Expr::Name(name) => name.id.as_str(),
                Expr::Attribute(attribute) => attribute.attr.as_str(),
                _ => "",
            };
            match name {
                "staticmethod" => is_static = true,
                "classmethod" => flags |= FunctionFlags::STATIC,
                "property" | "cached_property" | "hybrid_property" => flags |= FunctionFlags::PROPERTY,
                "abstractmethod" | "overload" => flags |= FunctionFlags::ABSTRACT,
                _ => {}
            }
        }
        if is_static {
            flags |= FunctionFlags::STATIC;
        }
        if def.is_async {
            flags |= FunctionFlags::ASYNC;
        }
        if self.class.is_some() && leaves_to_subclasses(&def.body) {
            flags |= FunctionFlags::ABSTRACT;
        }
        if def.name.starts_with("test_") || self.in_test_class {
            flags |= FunctionFlags::TEST;
        }
        let class = self.class;
        let kind = match (class, def.name.as_str()) {
            (Some(_), "__init__") => FunctionKind::Constructor,
            (Some(_), _) => FunctionKind::Method,
            (None, _) => FunctionKind::Function,
        };
        let prepared = self.prepare_parameters(&def.parameters);
        let return_type = def.returns.as_deref().map(type_text).unwrap_or_default();
        let spec = FunctionSpec { name: &def.name, kind, flags, class, return_type: &return_type, span: span_of(def) };
        let function = self.to.begin_function(spec);
        self.class = None;
        let has_receiver = class.is_some() && !is_static;
        self.parameters(function, &def.parameters, prepared, has_receiver);
        self.declare_local_names(&def.body);
        self.body(&def.body);
        self.to.end_function();
        self.class = class;
        for site in decorators {
            self.to.annotate_function(function, site);
        }
        let var = self.target_var(&def.name);
        self.to.function_value_to(var, function);
    }

    pub(super) fn lambda(&mut self, lambda: &ExprLambda) -> VarId {
        let prepared = lambda.parameters.as_deref().map(|parameters| self.prepare_parameters(parameters));
        let class = self.class.take();
        let function = self.to.begin_function(FunctionSpec {
            name: "",
            kind: FunctionKind::Closure,
            flags: FunctionFlags::default(),
            class: None,
            return_type: "",
            span: span_of(lambda),
        });
        if let (Some(parameters), Some(prepared)) = (lambda.parameters.as_deref(), prepared) {
            self.parameters(function, parameters, prepared, false);
        }
        let value = self.expression(&lambda.body);
        self.to.result(Some(value), span_of(&*lambda.body));
        self.to.end_function();
        self.class = class;
        self.to.function_value(function)
    }

    fn prepare_parameters(&mut self, parameters: &Parameters) -> Vec<Prepared> {
        parameters
            .iter()
            .map(|parameter| {
                let default_expression = parameter.default();
                let default = default_expression.map(|default| self.expression(default));
                let mut marker = match (default_expression, default) {
                    (Some(Expr::Call(_)), Some(_)) => self.last_call(),
                    _ => None,
                };
                let annotation = parameter.annotation();
                // `Annotated[T, Depends(f)]`
                if let Some(Expr::Subscript(subscript)) = annotation
                    && let Expr::Tuple(tuple) = &*subscript.slice
                {
                    for part in &tuple.elts {
                        if let Expr::Call(_) = part {
                            self.expression(part);
                            marker = self.last_call();
                        }
                    }
                }
                Prepared { default, marker, type_: annotation.map(type_text).unwrap_or_default() }
            })
            .collect()
    }

    /// The call lowered last, which is the outermost of the expression just lowered.
    fn last_call(&mut self) -> Option<SiteId> {
        self.to.facts_mut().relations.call.last().map(|call| call.site)
    }

    fn parameters(
        &mut self,
        function: FunctionId,
        parameters: &Parameters,
        prepared: Vec<Prepared>,
        has_receiver: bool,
    ) {
        let keyword_only: Vec<&str> =
            parameters.kwonlyargs.iter().map(|parameter| parameter.parameter.name.as_str()).collect();
        for (index, (parameter, prepared)) in parameters.iter().zip(prepared).enumerate() {
            let name = parameter.name().as_str();
            let kind = if has_receiver && index == 0 {
                ParameterKind::Receiver
            } else if parameters.vararg.as_ref().is_some_and(|rest| rest.name.as_str() == name) {
                ParameterKind::Rest
            } else if parameters.kwarg.as_ref().is_some_and(|rest| rest.name.as_str() == name) {
                ParameterKind::KeywordRest
            } else if keyword_only.contains(&name) {
                ParameterKind::KeywordOnly
            } else {
                ParameterKind::Positional
            };
            self.to.parameter(ParameterSpec { name, kind, type_: &prepared.type_, default: prepared.default });
            if let Some(site) = prepared.marker {
                self.to.annotate_parameter(function, index as u32, site);
            }
        }
    }

    fn decorators(&mut self, decorators: &[Decorator]) -> Vec<SiteId> {
        decorators
            .iter()
            .map(|decorator| {
                let span = span_of(&decorator.expression);
                match &decorator.expression {
                    Expr::Call(call) => self.call_of_kind(call, CallKind::Annotation).0,
                    Expr::Attribute(attribute) => {
                        let base = self.expression(&attribute.value);
                        self.to.call(CallKind::Annotation, Callee::Member(base, &attribute.attr), &[], span).0
                    }
                    other => {
                        let name = if let Expr::Name(name) = other { name.id.as_str() } else { "" };
                        let value = self.expression(other);
                        self.to.call(CallKind::Annotation, Callee::Value(value, name), &[], span).0
                    }
                }
            })
            .collect()
    }

    pub(super) fn class(&mut self, def: &StmtClassDef) {
        let decorators = self.decorators(&def.decorator_list);
        let class =
            self.to.class(ClassSpec { name: &def.name, kind: ClassKind::Class, outer: self.class, span: span_of(def) });
        let mut is_test = def.name.starts_with("Test");
        if let Some(arguments) = &def.arguments {
            for (index, base) in arguments.args.iter().enumerate() {
                let mut text = type_text(base);
                if let Expr::Call(call) = base {
                    text = type_text(&call.func);
                }
                is_test |= text.ends_with("TestCase");
                if !text.is_empty() {
                    self.to.extends(class, index as u32, &text);
                }
            }
            for keyword in &arguments.keywords {
                let value = self.expression(&keyword.value);
                if let Some(name) = &keyword.arg {
                    // Class options (`table=True`) are fields that queries of models may ask for.
                    self.to.field(class, &format!("class.{name}"), "", Some(value));
                }
            }
        }
        let (outer_class, outer_test) = (self.class.replace(class), self.in_test_class);
        self.in_test_class |= is_test;
        self.to.push_class_scope();
        for statement in &def.body {
            self.class_member(class, statement);
        }
        self.to.pop_scope();
        self.class = outer_class;
        self.in_test_class = outer_test;
        for site in decorators {
            self.to.annotate_class(class, site);
        }
        let var = self.target_var(&def.name);
        self.to.class_value_to(var, class);
    }

    fn class_member(&mut self, class: distsys_facts::ClassId, statement: &Stmt) {
        match statement {
            Stmt::Assign(assign) => {
                let value = self.expression(&assign.value);
                for target in &assign.targets {
                    if let Expr::Name(name) = target {
                        self.to.field(class, &name.id, "", Some(value));
                    }
                    self.assign_to(target, value);
                }
            }
            Stmt::AnnAssign(assign) => {
                let value = assign.value.as_deref().map(|value| self.expression(value));
                if let Expr::Name(name) = &*assign.target {
                    self.to.field(class, &name.id, &type_text(&assign.annotation), value);
                    let var = self.to.declare_once(&name.id);
                    if let Some(value) = value {
                        self.to.assign(var, value);
                    }
                }
            }
            other => self.statement(other),
        }
    }

    /// The variable that a definition binds: declared before, but for class bodies.
    pub(super) fn target_var(&mut self, name: &str) -> VarId {
        if self.class.is_some() {
            return self.to.declare_once(name);
        }
        match self.to.lookup(name) {
            Some(var) => var,
            None => self.to.declare_once(name),
        }
    }
}

/// Whether a method's body says nothing but that classes below have one: `...`, `pass`, `raise NotImplementedError`.
fn leaves_to_subclasses(body: &[Stmt]) -> bool {
    let is_text = |stmt: &Stmt| matches!(stmt, Stmt::Expr(row) if row.value.is_string_literal_expr());
    let said = match body {
        [first, rest @ ..] if is_text(first) => rest,
        all => all,
    };
    match said {
        [] => !body.is_empty(),
        [Stmt::Pass(_)] => true,
        [Stmt::Expr(row)] => row.value.is_ellipsis_literal_expr(),
        [Stmt::Raise(row)] => {
            let raised = match row.exc.as_deref() {
                Some(Expr::Call(call)) => Some(&*call.func),
                other => other,
            };
            matches!(raised, Some(Expr::Name(name)) if name.id.as_str() == "NotImplementedError")
        }
        _ => false,
    }
}
