//! Functions and arrow functions.

use distsys_facts::{CallKind, ClassId, FunctionFlags, FunctionId, FunctionKind, ParameterKind, SiteId, VarId};
use oxc_ast::ast::{
    ArrowFunctionBody, ArrowFunctionExpression, BindingPattern, FormalParameters, Function, FunctionBody, Statement,
};
use oxc_span::GetSpan;

use super::{Lower, SERVED, served, span};
use crate::lower::{Callee, FunctionSpec, ParameterSpec, Span};

/// How a function stands in its class.
#[derive(Clone, Copy)]
pub(super) struct Membership {
    pub(super) class: ClassId,
    pub(super) kind: FunctionKind,
    pub(super) flags: FunctionFlags,
}

/// What the `this` of a function means where it is called as a member.
#[derive(Clone, Copy)]
pub(super) enum Object {
    /// The object that it is a member of: an object literal, or one that it is assigned of.
    Itself(VarId),
    /// An object that has this one as its prototype.
    Prototype(VarId),
}

impl Lower<'_> {
    /// A function expression or declaration; its value. `object`: what it is a member of.
    pub(super) fn function(&mut self, function: &Function<'_>, name: &str, object: Option<Object>) -> VarId {
        let id = self.function_body(function, name, None, object);
        self.to.function_value(id)
    }

    pub(super) fn method(&mut self, function: &Function<'_>, name: &str, membership: Membership) -> FunctionId {
        self.function_body(function, name, Some(membership), None)
    }

    fn function_body(
        &mut self,
        function: &Function<'_>,
        name: &str,
        member: Option<Membership>,
        object: Option<Object>,
    ) -> FunctionId {
        let mut flags = member.map(|member| member.flags).unwrap_or_default();
        if function.r#async {
            flags |= FunctionFlags::ASYNC;
        }
        if function.generator {
            flags |= FunctionFlags::GENERATOR;
        }
        if function.body.as_ref().is_none_or(|body| member.is_some() && leaves_to_subclasses(body)) {
            flags |= FunctionFlags::ABSTRACT;
        }
        let own_name = function.id.as_ref().map_or(name, |id| id.name.as_str());
        let bounds = self.enter_bounds(function.type_parameters.as_deref());
        let return_type = self.annotation(function.return_type.as_deref());
        let decorators = self.parameter_decorators(&function.params);
        let kind = match member {
            Some(member) => member.kind,
            None if own_name.is_empty() => FunctionKind::Closure,
            None => FunctionKind::Function,
        };
        let id = self.begin(own_name, kind, flags, member.map(|member| member.class), &return_type, function.span);
        let outer_class = self.class.take();
        match member {
            // Of a static method `this` is the class that it is called on.
            Some(_) => {
                self.to.parameter(ParameterSpec {
                    name: "this",
                    kind: ParameterKind::Receiver,
                    type_: "",
                    default: None,
                });
            }
            _ => {
                // A plain function has a `this` of its own.
                let this = match object {
                    Some(Object::Prototype(_)) => self.to.parameter(ParameterSpec {
                        name: "this",
                        kind: ParameterKind::Receiver,
                        type_: "",
                        default: None,
                    }),
                    _ => self.to.fresh_var(),
                };
                self.to.bind("this", this);
                if let Some(Object::Itself(object) | Object::Prototype(object)) = object {
                    self.to.assign(this, object);
                }
            }
        }
        let stored = self.parameters(id, &function.params, decorators);
        if let Some(member) = member {
            self.parameter_properties(member.class, stored);
        }
        let mut serving = self.served.take();
        if let Some(body) = &function.body {
            serving = served(&body.directives).or(serving);
            self.body(body);
        }
        self.to.end_function();
        self.serve(id, serving);
        self.class = outer_class;
        self.leave_bounds(bounds);
        id
    }

    /// What a directive says of a function is an annotation of it, as a decorator would be.
    fn serve(&mut self, function: FunctionId, directive: Option<Span>) {
        if let Some(at) = directive {
            let value = self.to.global(SERVED);
            let callee = Callee::Value(value, SERVED);
            let (site, _) = self.to.call(CallKind::Annotation, callee, &[], at);
            self.to.annotate_function(function, site);
        }
    }

    pub(super) fn arrow(&mut self, arrow: &ArrowFunctionExpression<'_>, name: &str) -> VarId {
        let mut flags = FunctionFlags::default();
        if arrow.r#async {
            flags |= FunctionFlags::ASYNC;
        }
        let bounds = self.enter_bounds(arrow.type_parameters.as_deref());
        let return_type = self.annotation(arrow.return_type.as_deref());
        let kind = if name.is_empty() { FunctionKind::Closure } else { FunctionKind::Function };
        let id = self.begin(name, kind, flags, None, &return_type, arrow.span);
        let outer_class = self.class.take();
        self.parameters(id, &arrow.params, Vec::new());
        let mut serving = self.served.take();
        match &arrow.body {
            ArrowFunctionBody::FunctionBody(body) => {
                serving = served(&body.directives).or(serving);
                self.body(body);
            }
            other => {
                if let Some(expression) = other.as_expression() {
                    let value = self.expression(expression);
                    self.to.result(Some(value), span(expression.span()));
                }
            }
        }
        self.to.end_function();
        self.serve(id, serving);
        self.class = outer_class;
        self.leave_bounds(bounds);
        self.to.function_value(id)
    }

    fn begin(
        &mut self,
        name: &str,
        kind: FunctionKind,
        mut flags: FunctionFlags,
        class: Option<ClassId>,
        return_type: &str,
        at: oxc_span::Span,
    ) -> FunctionId {
        if self.in_test {
            flags |= FunctionFlags::TEST;
        }
        self.to.begin_function(FunctionSpec { name, kind, flags, class, return_type, span: span(at) })
    }

    fn body(&mut self, body: &FunctionBody<'_>) {
        self.declare(&body.statements);
        self.statements(&body.statements);
    }

    /// The decorators of parameters, evaluated before the function begins.
    fn parameter_decorators(&mut self, parameters: &FormalParameters<'_>) -> Vec<(u32, SiteId)> {
        let mut found = Vec::new();
        for (index, parameter) in parameters.items.iter().enumerate() {
            for site in self.decorators(&parameter.decorators) {
                found.push((index as u32, site));
            }
        }
        found
    }

    /// Declares parameters; those that are properties of the class, too, are given back.
    fn parameters(
        &mut self,
        function: FunctionId,
        parameters: &FormalParameters<'_>,
        decorators: Vec<(u32, SiteId)>,
    ) -> Vec<(String, String, VarId, oxc_span::Span)> {
        let mut properties = Vec::new();
        let mut patterns = Vec::new();
        let before = self.to.declared_parameters();
        for parameter in &parameters.items {
            let type_ = self.annotation(parameter.type_annotation.as_deref());
            let (pattern, inner_default) = match &parameter.pattern {
                BindingPattern::AssignmentPattern(assignment) => (&assignment.left, Some(&assignment.right)),
                pattern => (pattern, None),
            };
            let default = parameter.initializer.as_deref().or(inner_default).map(|default| self.expression(default));
            let kind = ParameterKind::Positional;
            match pattern {
                BindingPattern::BindingIdentifier(id) => {
                    let name = id.name.as_str();
                    let var = self.to.parameter(ParameterSpec { name, kind, type_: &type_, default });
                    if parameter.accessibility.is_some() || parameter.readonly {
                        properties.push((name.to_owned(), type_, var, parameter.span));
                    }
                }
                pattern => {
                    let var = self.to.parameter(ParameterSpec { name: "", kind, type_: &type_, default });
                    patterns.push((pattern, var));
                }
            }
        }
        if let Some(rest) = &parameters.rest {
            let type_ = self.annotation(rest.type_annotation.as_deref());
            let kind = ParameterKind::Rest;
            match &rest.rest.argument {
                BindingPattern::BindingIdentifier(id) => {
                    self.to.parameter(ParameterSpec { name: id.name.as_str(), kind, type_: &type_, default: None });
                }
                pattern => {
                    let var = self.to.parameter(ParameterSpec { name: "", kind, type_: &type_, default: None });
                    patterns.push((pattern, var));
                }
            }
        }
        for (pattern, var) in patterns {
            self.declare_pattern(pattern, false, false);
            self.bind(pattern, var);
        }
        for (index, site) in decorators {
            self.to.annotate_parameter(function, before + index, site);
        }
        properties
    }

    /// `constructor(private readonly repo: Repo)` declares a field and stores the argument.
    fn parameter_properties(&mut self, class: ClassId, properties: Vec<(String, String, VarId, oxc_span::Span)>) {
        for (name, type_, var, at) in properties {
            self.to.field(class, &name, &type_, None);
            let this = self.to.name("this");
            self.to.store(this, &name, var, span(at));
        }
    }
}

/// Whether a method does nothing but say that it is missing: `throw new Error("not implemented")`.
fn leaves_to_subclasses(body: &FunctionBody<'_>) -> bool {
    matches!(&body.statements[..], [Statement::ThrowStatement(_)])
}
