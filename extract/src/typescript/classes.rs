//! Classes, interfaces and type aliases.

use distsys_facts::{CallKind, ClassId, ClassKind, FunctionFlags, FunctionKind, ParameterKind, SiteId, VarId};
use oxc_ast::ast::{
    Class, ClassElement, Decorator, Expression, MethodDefinition, MethodDefinitionKind, TSInterfaceDeclaration,
    TSSignature, TSType, TSTypeAliasDeclaration,
};

use rustc_hash::FxHashSet;

use super::functions::Membership;
use super::{Lower, span};
use crate::lower::{Callee, ClassSpec, FunctionSpec, ParameterSpec};

impl Lower<'_> {
    pub(super) fn class_value(&mut self, class: &Class<'_>, name: &str) -> VarId {
        let decorators = self.decorators(&class.decorators);
        let own_name = class.id.as_ref().map_or(name, |id| id.name.as_str());
        let id =
            self.to.class(ClassSpec { name: own_name, kind: ClassKind::Class, outer: None, span: span(class.span) });
        let var = self.to.fresh_var();
        self.to.class_value_to(var, id);
        let bounds = self.enter_bounds(class.type_parameters.as_deref());
        let mut index = 0;
        if let Some(heritage) = &class.heritage {
            let mut text = self.base_text(&heritage.expression);
            text.push_str(&self.arguments_text(heritage.type_arguments.as_deref()));
            if !text.is_empty() {
                self.to.extends(id, index, &text);
                index += 1;
            }
        }
        for implemented in &class.implements {
            let text = self.named_type(&implemented.expression, implemented.type_arguments.as_deref());
            self.to.extends(id, index, &text);
            index += 1;
        }
        let outer = self.class.replace(id);
        let outer_overridden = std::mem::replace(&mut self.overridden, methods_of(class));
        self.to.push_class_scope();
        // Field initialisers see the instance as `this`.
        let this = self.to.declare("this");
        self.to.declare_type(this, own_name);
        for element in &class.body.body {
            self.element(id, var, element);
        }
        self.to.pop_scope();
        self.class = outer;
        self.overridden = outer_overridden;
        self.leave_bounds(bounds);
        for site in decorators {
            self.to.annotate_class(id, site);
        }
        var
    }

    /// `extends Base`, `extends ns.Base`, `extends mixin(Base)`
    fn base_text(&mut self, expression: &Expression<'_>) -> String {
        match expression {
            Expression::Identifier(id) => id.name.to_string(),
            Expression::StaticMemberExpression(member) => {
                let base = self.base_text(&member.object);
                if base.is_empty() { String::new() } else { format!("{base}.{}", member.property.name) }
            }
            Expression::CallExpression(call) => {
                self.expression(expression);
                match call.arguments.first().and_then(|argument| argument.as_expression()) {
                    Some(first @ (Expression::Identifier(_) | Expression::StaticMemberExpression(_))) => {
                        self.base_text(first)
                    }
                    _ => self.base_text(&call.callee),
                }
            }
            _ => String::new(),
        }
    }

    fn element(&mut self, class: ClassId, class_var: VarId, element: &ClassElement<'_>) {
        match element {
            ClassElement::MethodDefinition(method) => self.method_definition(class, method),
            ClassElement::PropertyDefinition(property) => {
                let name = self.key(&property.key);
                let type_ = self.annotation(property.type_annotation.as_deref());
                let decorators = self.decorators(&property.decorators);
                let of_class = property.r#static.then_some(class_var);
                let value = property.value.as_ref().map(|value| self.in_field(value, &name, of_class));
                self.to.field(class, &name, &type_, value);
                for site in decorators {
                    self.to.annotate_field(class, &name, site);
                }
            }
            ClassElement::AccessorProperty(property) => {
                let name = self.key(&property.key);
                let type_ = self.annotation(property.type_annotation.as_deref());
                let of_class = property.r#static.then_some(class_var);
                let value = property.value.as_ref().map(|value| self.in_field(value, &name, of_class));
                self.to.field(class, &name, &type_, value);
            }
            ClassElement::StaticBlock(block) => {
                self.to.push_scope();
                self.to.bind("this", class_var);
                self.block(&block.body);
                self.to.pop_scope();
            }
            ClassElement::TSIndexSignature(_) => {}
        }
    }

    /// A field's initialiser: arrow functions in it capture `this`, as methods have it; of a static field that is the class.
    fn in_field(&mut self, value: &Expression<'_>, name: &str, of_class: Option<VarId>) -> VarId {
        self.to.push_scope();
        if let Some(this) = of_class.or_else(|| self.to.lookup("this")) {
            self.to.bind("this", this);
        }
        let value = self.named_expression(value, name);
        self.to.pop_scope();
        value
    }

    fn method_definition(&mut self, class: ClassId, method: &MethodDefinition<'_>) {
        let name = self.key(&method.key);
        let decorators = self.decorators(&method.decorators);
        let mut flags = FunctionFlags::default();
        let mut kind = FunctionKind::Method;
        match method.kind {
            MethodDefinitionKind::Constructor => kind = FunctionKind::Constructor,
            MethodDefinitionKind::Get => flags |= FunctionFlags::PROPERTY,
            MethodDefinitionKind::Set | MethodDefinitionKind::Method => {}
        }
        if method.r#static {
            flags |= FunctionFlags::STATIC;
        }
        if method.kind == MethodDefinitionKind::Set {
            // A setter is no method: `x.name = v` is a store of the field.
            self.to.field(class, &name, "", None);
            return;
        }
        let function = self.method(&method.value, &name, Membership { class, kind, flags });
        for site in decorators {
            self.to.annotate_function(function, site);
        }
    }

    pub(super) fn decorators(&mut self, decorators: &[Decorator<'_>]) -> Vec<SiteId> {
        decorators
            .iter()
            .map(|decorator| match &decorator.expression {
                Expression::CallExpression(call) => self.call_of_kind(call, CallKind::Annotation).0,
                Expression::StaticMemberExpression(member) => {
                    let base = self.expression(&member.object);
                    self.to
                        .call(
                            CallKind::Annotation,
                            Callee::Member(base, member.property.name.as_str()),
                            &[],
                            span(decorator.span),
                        )
                        .0
                }
                other => {
                    let name = if let Expression::Identifier(id) = other { id.name.to_string() } else { String::new() };
                    let value = self.expression(other);
                    self.to.call(CallKind::Annotation, Callee::Value(value, &name), &[], span(decorator.span)).0
                }
            })
            .collect()
    }

    pub(super) fn interface(&mut self, interface: &TSInterfaceDeclaration<'_>) {
        let name = interface.id.name.as_str();
        let id = self.to.class(ClassSpec { name, kind: ClassKind::Interface, outer: None, span: span(interface.span) });
        let var = self.to.name(name);
        self.to.class_value_to(var, id);
        let bounds = self.enter_bounds(interface.type_parameters.as_deref());
        for (index, base) in interface.extends.iter().enumerate() {
            let text = self.named_type(&base.type_name, base.type_arguments.as_deref());
            self.to.extends(id, index as u32, &text);
        }
        self.signatures(id, &interface.body.body);
        self.leave_bounds(bounds);
    }

    fn signatures(&mut self, class: ClassId, signatures: &[TSSignature<'_>]) {
        for signature in signatures {
            match signature {
                TSSignature::TSPropertySignature(property) => {
                    let Some(name) = property.key.name() else { continue };
                    let type_ = self.annotation(property.type_annotation.as_deref());
                    self.to.field(class, &name, &type_, None);
                }
                TSSignature::TSMethodSignature(method) => {
                    let Some(name) = method.key.name() else { continue };
                    let return_type = self.annotation(method.return_type.as_deref());
                    let mut flags = FunctionFlags::ABSTRACT;
                    if return_type.starts_with("Promise<") {
                        flags |= FunctionFlags::ASYNC;
                    }
                    self.to.begin_function(FunctionSpec {
                        name: &name,
                        kind: FunctionKind::Method,
                        flags,
                        class: Some(class),
                        return_type: &return_type,
                        span: span(method.span),
                    });
                    self.to.parameter(ParameterSpec {
                        name: "this",
                        kind: ParameterKind::Receiver,
                        type_: "",
                        default: None,
                    });
                    for parameter in &method.params.items {
                        let type_ = self.annotation(parameter.type_annotation.as_deref());
                        let name = match &parameter.pattern {
                            oxc_ast::ast::BindingPattern::BindingIdentifier(id) => id.name.as_str(),
                            _ => "",
                        };
                        self.to.parameter(ParameterSpec {
                            name,
                            kind: ParameterKind::Positional,
                            type_: &type_,
                            default: None,
                        });
                    }
                    self.to.end_function();
                }
                _ => {}
            }
        }
    }

    /// An alias of an object type is an interface; another names a type.
    pub(super) fn type_alias(&mut self, alias: &TSTypeAliasDeclaration<'_>) {
        let name = alias.id.name.as_str();
        let bounds = self.enter_bounds(alias.type_parameters.as_deref());
        match &alias.type_annotation {
            TSType::TSTypeLiteral(literal) => {
                let id =
                    self.to.class(ClassSpec { name, kind: ClassKind::Interface, outer: None, span: span(alias.span) });
                let var = self.to.declare_once(name);
                self.to.class_value_to(var, id);
                self.to.export(name, var);
                self.signatures(id, &literal.members);
            }
            other => {
                let text = self.type_text(other);
                if !text.is_empty() && text != name {
                    self.to.type_alias(name, &text);
                }
            }
        }
        self.leave_bounds(bounds);
    }
}

/// The names of the methods of a class, but for its constructor.
fn methods_of(class: &Class<'_>) -> FxHashSet<String> {
    let method = |element: &ClassElement<'_>| match element {
        ClassElement::MethodDefinition(method) if method.kind == MethodDefinitionKind::Method => {
            method.key.name().map(|name| name.into_owned())
        }
        _ => None,
    };
    class.body.body.iter().filter_map(method).collect()
}
