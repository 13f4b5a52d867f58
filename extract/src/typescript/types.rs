//! Types in the schema's spelling.

use oxc_ast::ast::{
    TSType, TSTypeAnnotation, TSTypeName, TSTypeParameterDeclaration, TSTypeParameterInstantiation, TSTypeQueryExprName,
};

use super::Lower;

impl Lower<'_> {
    pub(super) fn annotation(&self, annotation: Option<&TSTypeAnnotation<'_>>) -> String {
        annotation.map(|annotation| self.type_text(&annotation.type_annotation)).unwrap_or_default()
    }

    /// Empty if the type names nothing (`{ a: string }`, `() => void`).
    pub(super) fn type_text(&self, type_: &TSType<'_>) -> String {
        let mut out = String::new();
        self.write_type(type_, &mut out);
        out
    }

    fn write_type(&self, type_: &TSType<'_>, out: &mut String) {
        match type_ {
            TSType::TSTypeReference(reference) => {
                let mut name = String::new();
                type_name(&reference.type_name, &mut name);
                if let Some(bound) = self.bounds.get(&name) {
                    out.push_str(bound);
                    return;
                }
                out.push_str(&name);
                self.write_arguments(reference.type_arguments.as_deref(), out);
            }
            TSType::TSArrayType(array) => {
                out.push_str("Array<");
                self.write_type(&array.element_type, out);
                out.push('>');
            }
            TSType::TSUnionType(union) => {
                for (index, part) in union.types.iter().enumerate() {
                    if index > 0 {
                        out.push('|');
                    }
                    self.write_type(part, out);
                }
            }
            TSType::TSIntersectionType(intersection) => {
                if let Some(first) = intersection.types.first() {
                    self.write_type(first, out);
                }
            }
            TSType::TSTypeOperatorType(operator) => self.write_type(&operator.type_annotation, out),
            TSType::TSParenthesizedType(inner) => self.write_type(&inner.type_annotation, out),
            TSType::TSTypeQuery(query) => match &query.expr_name {
                TSTypeQueryExprName::IdentifierReference(name) => out.push_str(name.name.as_str()),
                TSTypeQueryExprName::QualifiedName(name) => {
                    type_name(&name.left, out);
                    out.push('.');
                    out.push_str(name.right.name.as_str());
                }
                _ => {}
            },
            TSType::TSStringKeyword(_) | TSType::TSTemplateLiteralType(_) | TSType::TSLiteralType(_) => {
                out.push_str("string")
            }
            TSType::TSNumberKeyword(_) | TSType::TSBigIntKeyword(_) => out.push_str("number"),
            TSType::TSBooleanKeyword(_) => out.push_str("boolean"),
            TSType::TSNullKeyword(_) => out.push_str("null"),
            TSType::TSUndefinedKeyword(_) => out.push_str("undefined"),
            TSType::TSVoidKeyword(_) => out.push_str("void"),
            _ => {}
        }
    }

    fn write_arguments(&self, arguments: Option<&TSTypeParameterInstantiation<'_>>, out: &mut String) {
        let Some(arguments) = arguments else { return };
        out.push('<');
        for (index, argument) in arguments.params.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            self.write_type(argument, out);
        }
        out.push('>');
    }

    pub(super) fn named_type(
        &self,
        name: &TSTypeName<'_>,
        arguments: Option<&TSTypeParameterInstantiation<'_>>,
    ) -> String {
        let mut out = String::new();
        type_name(name, &mut out);
        self.write_arguments(arguments, &mut out);
        out
    }

    pub(super) fn arguments_text(&self, arguments: Option<&TSTypeParameterInstantiation<'_>>) -> String {
        let mut out = String::new();
        self.write_arguments(arguments, &mut out);
        out
    }

    /// Brings type parameters into scope; what they hid is given back to be restored.
    pub(super) fn enter_bounds(
        &mut self,
        parameters: Option<&TSTypeParameterDeclaration<'_>>,
    ) -> Option<rustc_hash::FxHashMap<String, String>> {
        let parameters = parameters?;
        let outer = self.bounds.clone();
        for parameter in &parameters.params {
            let bound = parameter.constraint.as_ref().map(|constraint| self.type_text(constraint)).unwrap_or_default();
            self.bounds.insert(parameter.name.name.to_string(), bound);
        }
        Some(outer)
    }

    pub(super) fn leave_bounds(&mut self, outer: Option<rustc_hash::FxHashMap<String, String>>) {
        if let Some(outer) = outer {
            self.bounds = outer;
        }
    }
}

fn type_name(name: &TSTypeName<'_>, out: &mut String) {
    match name {
        TSTypeName::IdentifierReference(name) => out.push_str(name.name.as_str()),
        TSTypeName::QualifiedName(qualified) => {
            type_name(&qualified.left, out);
            out.push('.');
            out.push_str(qualified.right.name.as_str());
        }
        TSTypeName::ThisExpression(_) => out.push_str("this"),
    }
}
