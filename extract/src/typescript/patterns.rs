//! Destructuring: binding patterns and assignment targets.

use distsys_facts::VarId;
use oxc_ast::ast::{
    AssignmentTarget, AssignmentTargetMaybeDefault, AssignmentTargetProperty, BindingPattern, Expression, PropertyKey,
};

use super::functions::Object;
use super::{Lower, span};

impl Lower<'_> {
    /// Binds the names of a pattern, declared before, to the parts of `value`.
    pub(super) fn bind(&mut self, pattern: &BindingPattern<'_>, value: VarId) {
        match pattern {
            BindingPattern::BindingIdentifier(id) => {
                let var = self.to.name(id.name.as_str());
                self.to.assign(var, value);
            }
            BindingPattern::AssignmentPattern(assignment) => {
                let default = self.expression(&assignment.right);
                let either = self.to.fresh_var();
                self.to.assign(either, value);
                self.to.assign(either, default);
                self.bind(&assignment.left, either);
            }
            BindingPattern::ObjectPattern(object) => {
                for property in &object.properties {
                    let field = self.key(&property.key);
                    let part = self.to.load(value, &field);
                    self.bind(&property.value, part);
                }
                if let Some(rest) = &object.rest {
                    self.bind(&rest.argument, value);
                }
            }
            BindingPattern::ArrayPattern(array) => {
                for (index, element) in array.elements.iter().enumerate() {
                    if let Some(element) = element {
                        let part = self.to.load(value, &index.to_string());
                        self.bind(element, part);
                    }
                }
                if let Some(rest) = &array.rest {
                    self.bind(&rest.argument, value);
                }
            }
        }
    }

    /// The field that a property key names; a computed one is evaluated.
    pub(super) fn key(&mut self, key: &PropertyKey<'_>) -> String {
        if let Some(name) = key.name() {
            return name.into_owned();
        }
        match key.as_expression() {
            Some(expression) => self.computed_field(expression),
            None => "[]".to_owned(),
        }
    }

    pub(super) fn assign_to(&mut self, target: &AssignmentTarget<'_>, value: VarId) {
        match target {
            AssignmentTarget::AssignmentTargetIdentifier(id) => {
                let var = self.to.name(id.name.as_str());
                self.to.assign(var, value);
            }
            AssignmentTarget::StaticMemberExpression(member) => {
                let base = self.expression(&member.object);
                self.to.store(base, member.property.name.as_str(), value, span(member.span));
            }
            AssignmentTarget::PrivateFieldExpression(member) => {
                let base = self.expression(&member.object);
                self.to.store(base, member.field.name.as_str(), value, span(member.span));
            }
            AssignmentTarget::ComputedMemberExpression(member) => {
                let base = self.expression(&member.object);
                let field = self.computed_field(&member.expression);
                self.to.store(base, &field, value, span(member.span));
            }
            AssignmentTarget::ArrayAssignmentTarget(array) => {
                for (index, element) in array.elements.iter().enumerate() {
                    if let Some(element) = element {
                        let part = self.to.load(value, &index.to_string());
                        self.assign_maybe_default(element, part);
                    }
                }
            }
            AssignmentTarget::ObjectAssignmentTarget(object) => {
                for property in &object.properties {
                    match property {
                        AssignmentTargetProperty::AssignmentTargetPropertyIdentifier(property) => {
                            let name = property.binding.name.as_str();
                            let part = self.to.load(value, name);
                            let var = self.to.name(name);
                            self.to.assign(var, part);
                            if let Some(init) = &property.init {
                                let default = self.expression(init);
                                self.to.assign(var, default);
                            }
                        }
                        AssignmentTargetProperty::AssignmentTargetPropertyProperty(property) => {
                            let field = self.key(&property.name);
                            let part = self.to.load(value, &field);
                            self.assign_maybe_default(&property.binding, part);
                        }
                    }
                }
            }
            AssignmentTarget::TSAsExpression(inner) => self.assign_to_expression(&inner.expression, value),
            AssignmentTarget::TSSatisfiesExpression(inner) => self.assign_to_expression(&inner.expression, value),
            AssignmentTarget::TSNonNullExpression(inner) => self.assign_to_expression(&inner.expression, value),
            AssignmentTarget::TSTypeAssertion(inner) => self.assign_to_expression(&inner.expression, value),
        }
    }

    fn assign_maybe_default(&mut self, target: &AssignmentTargetMaybeDefault<'_>, value: VarId) {
        match target {
            AssignmentTargetMaybeDefault::AssignmentTargetWithDefault(with) => {
                let default = self.expression(&with.init);
                let either = self.to.fresh_var();
                self.to.assign(either, value);
                self.to.assign(either, default);
                self.assign_to(&with.binding, either);
            }
            other => {
                if let Some(target) = other.as_assignment_target() {
                    self.assign_to(target, value);
                }
            }
        }
    }

    fn assign_to_expression(&mut self, target: &Expression<'_>, value: VarId) {
        match target {
            Expression::Identifier(id) => {
                let var = self.to.name(id.name.as_str());
                self.to.assign(var, value);
            }
            Expression::StaticMemberExpression(member) => {
                let base = self.expression(&member.object);
                self.to.store(base, member.property.name.as_str(), value, span(member.span));
            }
            _ => {}
        }
    }

    /// The object that a member is assigned of, if asking for it does nothing.
    pub(super) fn object_of(&mut self, target: &AssignmentTarget<'_>) -> Option<Object> {
        match target.as_simple_assignment_target()?.as_member_expression()?.object() {
            Expression::StaticMemberExpression(member) if matches!(member.object, Expression::Identifier(_)) => {
                let of = self.expression(&member.object);
                let object = self.to.load(of, member.property.name.as_str());
                let is_prototype = member.property.name == "prototype";
                Some(if is_prototype { Object::Prototype(object) } else { Object::Itself(object) })
            }
            object @ Expression::Identifier(_) => Some(Object::Itself(self.expression(object))),
            _ => None,
        }
    }

    /// The field under a computed index, constant ones by name.
    pub(super) fn computed_field(&mut self, index: &Expression<'_>) -> String {
        match index {
            Expression::StringLiteral(text) => text.value.to_string(),
            Expression::NumericLiteral(number) if number.value.fract() == 0.0 => format!("{}", number.value),
            other => {
                self.expression(other);
                // A constant of the project's: the same entry wherever it is named.
                match other {
                    Expression::Identifier(id) if is_constant(&id.name) => format!("[{}]", id.name),
                    Expression::StaticMemberExpression(member) if is_constant(&member.property.name) => {
                        format!("[{}]", member.property.name)
                    }
                    _ => "[]".to_owned(),
                }
            }
        }
    }
}

/// Whether a name is written as those of constants are.
fn is_constant(name: &str) -> bool {
    name.bytes().any(|byte| byte.is_ascii_uppercase()) && !name.bytes().any(|byte| byte.is_ascii_lowercase())
}
