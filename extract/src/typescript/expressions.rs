//! Expressions.

use distsys_facts::{CallKind, LiteralKind, RegionKind, SiteId, VarId};
use oxc_ast::ast::{
    Argument, ArrayExpressionElement, AssignmentExpression, BinaryOperator, CallExpression, ChainElement, Expression,
    JSXAttributeItem, JSXAttributeValue, JSXChild, JSXElement, JSXExpression, LogicalExpression, LogicalOperator,
    MemberExpression, NewExpression, ObjectExpression, ObjectPropertyKind, SimpleAssignmentTarget, TemplateLiteral,
    UnaryOperator,
};
use oxc_span::GetSpan;

use super::functions::Object;
use super::{Lower, span};
use crate::lower::{Arg, Callee, Span};

/// Functions of test runners whose callbacks are tests.
const TEST_FUNCTIONS: &[&str] = &[
    "describe",
    "it",
    "test",
    "suite",
    "context",
    "beforeEach",
    "afterEach",
    "beforeAll",
    "afterAll",
    "before",
    "after",
    "fdescribe",
    "xdescribe",
    "fit",
    "xit",
    "bench",
];

impl Lower<'_> {
    /// An expression that gets a name by where it stands (`const f = () => …`, `{ f: function () {} }`).
    pub(super) fn named_expression(&mut self, expression: &Expression<'_>, name: &str) -> VarId {
        match expression {
            Expression::ArrowFunctionExpression(arrow) => self.arrow(arrow, name),
            Expression::FunctionExpression(function) => self.function(function, name, None),
            Expression::ClassExpression(class) => self.class_value(class, name),
            other => self.expression(other),
        }
    }

    /// Lowers an expression; its value.
    pub(super) fn expression(&mut self, expression: &Expression<'_>) -> VarId {
        match expression {
            Expression::Identifier(id) => match id.name.as_str() {
                "undefined" => self.to.null(),
                name => self.to.name(name),
            },
            Expression::ThisExpression(_) => self.to.name("this"),
            Expression::Super(_) => self.to.name("this"),
            Expression::StringLiteral(text) => self.to.string(text.value.as_str()),
            Expression::NumericLiteral(number) if number.value.fract() == 0.0 && number.value.abs() < 9e15 => {
                self.to.literal(LiteralKind::Integer, &format!("{}", number.value as i64))
            }
            Expression::NumericLiteral(number) => self.to.literal(LiteralKind::Float, &number.value.to_string()),
            Expression::BigIntLiteral(number) => self.to.literal(LiteralKind::Integer, number.value.as_str()),
            Expression::BooleanLiteral(literal) => {
                self.to.literal(LiteralKind::Boolean, if literal.value { "true" } else { "false" })
            }
            Expression::NullLiteral(_) => self.to.null(),
            Expression::RegExpLiteral(literal) => self.to.literal(LiteralKind::Regex, &literal.regex.to_string()),
            Expression::TemplateLiteral(template) => self.template(template),
            Expression::TaggedTemplateExpression(tagged) => {
                let callee = self.callee(&tagged.tag);
                let template = self.template(&tagged.quasi);
                let arguments = [Arg::Positional(template)];
                self.call_to(CallKind::Tagged, callee, &arguments, tagged.span).1
            }
            Expression::CallExpression(call) => self.call_of_kind(call, CallKind::Call).1,
            Expression::NewExpression(new) => self.new_(new),
            Expression::AwaitExpression(await_) => {
                let value = self.expression(&await_.argument);
                self.to.await_(value, span(await_.span))
            }
            Expression::YieldExpression(yield_) => {
                let value = yield_.argument.as_ref().map(|argument| self.expression(argument));
                self.to.yield_(value, span(yield_.span))
            }
            Expression::ArrowFunctionExpression(arrow) => self.arrow(arrow, ""),
            Expression::FunctionExpression(function) => self.function(function, "", None),
            Expression::ClassExpression(class) => self.class_value(class, "closure"),
            Expression::ObjectExpression(object) => self.object(object),
            Expression::ArrayExpression(array) => {
                let mut values = Vec::with_capacity(array.elements.len());
                for element in &array.elements {
                    match element {
                        ArrayExpressionElement::SpreadElement(spread) => {
                            let inner = self.expression(&spread.argument);
                            values.push(self.to.load(inner, "[*]"));
                        }
                        ArrayExpressionElement::Elision(_) => values.push(self.to.fresh_var()),
                        other => {
                            if let Some(expression) = other.as_expression() {
                                values.push(self.expression(expression));
                            }
                        }
                    }
                }
                self.to.array(&values)
            }
            Expression::AssignmentExpression(assignment) => self.assignment(assignment),
            Expression::BinaryExpression(binary) => {
                if binary.operator == BinaryOperator::Addition
                    && let Some(template) = self.concatenation(expression)
                {
                    return template;
                }
                let left = self.expression(&binary.left);
                let right = self.expression(&binary.right);
                self.to.binary(binary.operator.as_str(), left, Some(right), span(binary.span))
            }
            Expression::LogicalExpression(logical) => self.logical(logical),
            Expression::ConditionalExpression(conditional) => {
                let condition = self.expression(&conditional.test);
                let value = self.to.fresh_var();
                let mut arms = [value; 2];
                if may_call(&conditional.consequent) || may_call(&conditional.alternate) {
                    let mut choice = self.to.begin_choice();
                    let ways =
                        [(RegionKind::Branch, &conditional.consequent), (RegionKind::Else, &conditional.alternate)];
                    for ((kind, arm), arm_value) in ways.into_iter().zip(&mut arms) {
                        self.to.begin_arm(&choice, kind, Some(condition), span(arm.span()));
                        *arm_value = self.expression(arm);
                        self.to.assign(value, *arm_value);
                        self.to.end_arm(&mut choice);
                    }
                    self.to.end_choice(choice, true);
                } else {
                    let ways = [&conditional.consequent, &conditional.alternate];
                    for (arm, arm_value) in ways.into_iter().zip(&mut arms) {
                        *arm_value = self.expression(arm);
                        self.to.assign(value, *arm_value);
                    }
                }
                self.to.choice(value, condition, arms[0], arms[1]);
                value
            }
            Expression::UnaryExpression(unary) => {
                if unary.operator == UnaryOperator::UnaryNegation
                    && let Expression::NumericLiteral(number) = &unary.argument
                {
                    return self.to.literal(LiteralKind::Integer, &format!("-{}", number.value));
                }
                let value = self.expression(&unary.argument);
                match unary.operator {
                    UnaryOperator::Typeof | UnaryOperator::Delete => self.to.fresh_var(),
                    operator => self.to.binary(operator.as_str(), value, None, span(unary.span)),
                }
            }
            Expression::UpdateExpression(update) => {
                let value = match &update.argument {
                    SimpleAssignmentTarget::AssignmentTargetIdentifier(id) => self.to.name(id.name.as_str()),
                    other => match other.as_member_expression() {
                        Some(member) => self.member(member),
                        None => self.to.fresh_var(),
                    },
                };
                let result = self.to.binary(update.operator.as_str(), value, None, span(update.span));
                if let Some(MemberExpression::StaticMemberExpression(member)) = update.argument.as_member_expression() {
                    let base = self.expression(&member.object);
                    self.to.store(base, member.property.name.as_str(), result, span(update.span));
                }
                result
            }
            Expression::SequenceExpression(sequence) => {
                let mut value = None;
                for expression in &sequence.expressions {
                    value = Some(self.expression(expression));
                }
                value.unwrap_or_else(|| self.to.fresh_var())
            }
            Expression::ParenthesizedExpression(inner) => self.expression(&inner.expression),
            Expression::TSAsExpression(inner) => {
                let value = self.expression(&inner.expression);
                self.typed(value, &inner.type_annotation)
            }
            Expression::TSSatisfiesExpression(inner) => self.expression(&inner.expression),
            Expression::TSTypeAssertion(inner) => {
                let value = self.expression(&inner.expression);
                self.typed(value, &inner.type_annotation)
            }
            Expression::TSNonNullExpression(inner) => self.expression(&inner.expression),
            Expression::TSInstantiationExpression(inner) => self.expression(&inner.expression),
            Expression::ChainExpression(chain) => match &chain.expression {
                ChainElement::CallExpression(call) => self.call_of_kind(call, CallKind::Call).1,
                ChainElement::TSNonNullExpression(inner) => self.expression(&inner.expression),
                other => match other.as_member_expression() {
                    Some(member) => self.member(member),
                    None => self.to.fresh_var(),
                },
            },
            Expression::ImportExpression(import) => match &import.source {
                Expression::StringLiteral(target) => self.required_value(target.value.as_str()),
                other => {
                    self.expression(other);
                    self.to.fresh_var()
                }
            },
            Expression::JSXElement(element) => self.jsx(element),
            Expression::JSXFragment(fragment) => self.jsx_children(&fragment.children),
            other => match other.as_member_expression() {
                Some(member) => self.member(member),
                None => self.to.fresh_var(),
            },
        }
    }

    /// `value as T`
    fn typed(&mut self, value: VarId, type_: &oxc_ast::ast::TSType<'_>) -> VarId {
        let text = self.type_text(type_);
        if text.is_empty() || matches!(text.as_str(), "string" | "number" | "boolean" | "unknown" | "any" | "const") {
            return value;
        }
        let typed = self.to.declare("");
        self.to.declare_type(typed, &text);
        self.to.assign(typed, value);
        typed
    }

    fn member(&mut self, member: &MemberExpression<'_>) -> VarId {
        match member {
            MemberExpression::StaticMemberExpression(member) => {
                let base = self.expression(&member.object);
                self.to.load(base, member.property.name.as_str())
            }
            MemberExpression::PrivateFieldExpression(member) => {
                let base = self.expression(&member.object);
                self.to.load(base, member.field.name.as_str())
            }
            MemberExpression::ComputedMemberExpression(member) => {
                let base = self.expression(&member.object);
                let field = self.computed_field(&member.expression);
                self.to.load(base, &field)
            }
        }
    }

    /// Receiver and name of a member call, or the value that is called.
    fn callee(&mut self, callee: &Expression<'_>) -> (Result<VarId, VarId>, String) {
        match callee {
            Expression::StaticMemberExpression(member)
                if matches!(member.object, Expression::Super(_))
                    && self.overridden.contains(member.property.name.as_str()) =>
            {
                (Ok(self.seen_from_above(span(member.object.span()))), member.property.name.to_string())
            }
            Expression::StaticMemberExpression(member) => {
                (Ok(self.expression(&member.object)), member.property.name.to_string())
            }
            Expression::PrivateFieldExpression(member) => {
                (Ok(self.expression(&member.object)), member.field.name.to_string())
            }
            Expression::ComputedMemberExpression(member)
                if matches!(member.expression, Expression::StringLiteral(_)) =>
            {
                let base = self.expression(&member.object);
                (Ok(base), self.computed_field(&member.expression))
            }
            Expression::Identifier(id) => (Err(self.to.name(id.name.as_str())), id.name.to_string()),
            Expression::Super(_) => (Err(self.to.name("super")), "super".to_owned()),
            Expression::ParenthesizedExpression(inner) => self.callee(&inner.expression),
            Expression::TSNonNullExpression(inner) => self.callee(&inner.expression),
            Expression::TSAsExpression(inner) => self.callee(&inner.expression),
            Expression::TSInstantiationExpression(inner) => self.callee(&inner.expression),
            Expression::ChainExpression(chain) => match chain.expression.as_member_expression() {
                Some(MemberExpression::StaticMemberExpression(member)) => {
                    (Ok(self.expression(&member.object)), member.property.name.to_string())
                }
                _ => (Err(self.expression(callee)), String::new()),
            },
            other => (Err(self.expression(other)), String::new()),
        }
    }

    /// The object as the class above has it, where the own class has a method of the name that is called.
    fn seen_from_above(&mut self, at: Span) -> VarId {
        let callee = self.to.global("super");
        self.to.call(CallKind::Call, Callee::Value(callee, "super"), &[], at).1
    }

    fn call_to(
        &mut self,
        kind: CallKind,
        callee: (Result<VarId, VarId>, String),
        arguments: &[Arg<'_>],
        at: oxc_span::Span,
    ) -> (SiteId, VarId) {
        let (value, name) = callee;
        let callee = match value {
            Ok(receiver) => Callee::Member(receiver, &name),
            Err(value) => Callee::Value(value, &name),
        };
        self.to.call(kind, callee, arguments, span(at))
    }

    pub(super) fn call_of_kind(&mut self, call: &CallExpression<'_>, kind: CallKind) -> (SiteId, VarId) {
        if let Expression::Identifier(id) = &call.callee
            && id.name == "require"
            && let Some(Expression::StringLiteral(target)) =
                call.arguments.first().and_then(|argument| argument.as_expression())
        {
            let var = self.required_value(target.value.as_str());
            let callee = self.to.global("require");
            let (site, _) = self.call_to(kind, (Err(callee), "require".to_owned()), &[], call.span);
            return (site, var);
        }
        let callee = self.callee(&call.callee);
        let was_test = self.in_test;
        self.in_test |= is_test_call(&call.callee);
        let arguments = self.arguments(&call.arguments);
        self.in_test = was_test;
        let (site, result) = self.call_to(kind, callee, &arguments, call.span);
        // `repository<Order>()`, `inject<Orders>()`: what is asked for is what comes, where nothing else says so.
        if let Some(types) = &call.type_arguments
            && let [only] = &types.params[..]
            && call.arguments.is_empty()
        {
            let text = self.type_text(only);
            self.to.declare_type(result, &text);
        }
        (site, result)
    }

    fn arguments<'x>(&mut self, arguments: &[Argument<'_>]) -> Vec<Arg<'x>> {
        let mut lowered = Vec::with_capacity(arguments.len());
        for argument in arguments {
            match argument {
                Argument::SpreadElement(spread) => lowered.push(Arg::Spread(self.expression(&spread.argument))),
                other => {
                    if let Some(expression) = other.as_expression() {
                        lowered.push(Arg::Positional(self.expression(expression)));
                    }
                }
            }
        }
        lowered
    }

    fn new_(&mut self, new: &NewExpression<'_>) -> VarId {
        let callee = self.callee(&new.callee);
        let arguments = self.arguments(&new.arguments);
        self.call_to(CallKind::New, callee, &arguments, new.span).1
    }

    fn object(&mut self, object: &ObjectExpression<'_>) -> VarId {
        if object.properties.is_empty() {
            return self.to.empty_object();
        }
        let var = self.to.object();
        for property in &object.properties {
            match property {
                ObjectPropertyKind::ObjectProperty(property) => {
                    let key = match (property.key.static_name(), property.key.as_expression()) {
                        (Some(key), _) => key.to_string(),
                        (None, Some(expression)) => {
                            Some(self.computed_field(expression)).filter(|key| key != "[]").unwrap_or_default()
                        }
                        (None, None) => String::new(),
                    };
                    let value = match &property.value {
                        Expression::FunctionExpression(function) => {
                            self.function(function, &key, Some(Object::Itself(var)))
                        }
                        value => self.named_expression(value, &key),
                    };
                    self.to.entry(var, &key, value);
                }
                ObjectPropertyKind::SpreadProperty(spread) => {
                    let value = self.expression(&spread.argument);
                    self.to.entry(var, "**", value);
                }
            }
        }
        var
    }

    fn template(&mut self, template: &TemplateLiteral<'_>) -> VarId {
        let holes: Vec<VarId> = template.expressions.iter().map(|expression| self.expression(expression)).collect();
        let mut text = String::new();
        for (index, quasi) in template.quasis.iter().enumerate() {
            if index > 0 {
                text.push_str("{}");
            }
            text.push_str(quasi.value.cooked.as_ref().unwrap_or(&quasi.value.raw).as_str());
        }
        self.to.template(&text, &holes)
    }

    /// `"a" + x + "b"` as a template, if a part is text.
    fn concatenation(&mut self, expression: &Expression<'_>) -> Option<VarId> {
        let mut parts = Vec::new();
        flatten(expression, &mut parts);
        if !parts.iter().any(|part| matches!(part, Expression::StringLiteral(_) | Expression::TemplateLiteral(_))) {
            return None;
        }
        let (mut text, mut holes) = (String::new(), Vec::new());
        for part in parts {
            match part {
                Expression::StringLiteral(literal) => text.push_str(literal.value.as_str()),
                other => {
                    holes.push(self.expression(other));
                    text.push_str("{}");
                }
            }
        }
        Some(self.to.template(&text, &holes))
    }

    fn assignment(&mut self, assignment: &AssignmentExpression<'_>) -> VarId {
        use oxc_ast::ast::AssignmentOperator;
        if assignment.operator == AssignmentOperator::Assign {
            if let Some(value) = self.common_js_export(&assignment.left, &assignment.right) {
                return value;
            }
            let value = match (&assignment.right, self.object_of(&assignment.left)) {
                // `Order.prototype.pay = function () { … }`: `this` is what the function is a member of.
                (Expression::FunctionExpression(function), Some(object)) => self.function(function, "", Some(object)),
                _ => self.expression(&assignment.right),
            };
            self.assign_to(&assignment.left, value);
            return value;
        }
        let left = match assignment.left.as_simple_assignment_target() {
            Some(SimpleAssignmentTarget::AssignmentTargetIdentifier(id)) => self.to.name(id.name.as_str()),
            Some(target) => match target.as_member_expression() {
                Some(member) => self.member(member),
                None => self.to.fresh_var(),
            },
            None => self.to.fresh_var(),
        };
        if matches!(
            assignment.operator,
            AssignmentOperator::LogicalOr | AssignmentOperator::LogicalAnd | AssignmentOperator::LogicalNullish
        ) {
            // `this.x ??= await load()`: the right side runs only sometimes.
            let mut choice = self.to.begin_choice();
            self.to.begin_arm(&choice, RegionKind::Else, Some(left), span(assignment.right.span()));
            let value = self.expression(&assignment.right);
            self.assign_to(&assignment.left, value);
            self.to.end_arm(&mut choice);
            self.to.end_choice(choice, false);
            let result = self.to.fresh_var();
            self.to.assign(result, left);
            self.to.assign(result, value);
            return result;
        }
        let right = self.expression(&assignment.right);
        let value = self.to.binary(assignment.operator.as_str(), left, Some(right), span(assignment.span));
        self.assign_to(&assignment.left, value);
        value
    }

    fn logical(&mut self, logical: &LogicalExpression<'_>) -> VarId {
        let value = self.to.fresh_var();
        let left = self.expression(&logical.left);
        self.to.assign(value, left);
        let both = logical.operator == LogicalOperator::And;
        let right = if may_call(&logical.right) {
            let kind = if both { RegionKind::Branch } else { RegionKind::Else };
            let mut choice = self.to.begin_choice();
            self.to.begin_arm(&choice, kind, Some(left), span(logical.right.span()));
            let right = self.expression(&logical.right);
            self.to.assign(value, right);
            self.to.end_arm(&mut choice);
            self.to.end_choice(choice, false);
            right
        } else {
            let right = self.expression(&logical.right);
            self.to.assign(value, right);
            right
        };
        let (taken, otherwise) = if both { (right, left) } else { (left, right) };
        self.to.choice(value, left, taken, otherwise);
        value
    }

    fn jsx(&mut self, element: &JSXElement<'_>) -> VarId {
        for attribute in &element.opening_element.attributes {
            match attribute {
                JSXAttributeItem::Attribute(attribute) => match &attribute.value {
                    Some(JSXAttributeValue::ExpressionContainer(container)) => {
                        self.jsx_expression(&container.expression)
                    }
                    Some(JSXAttributeValue::Element(inner)) => {
                        self.jsx(inner);
                    }
                    _ => {}
                },
                JSXAttributeItem::SpreadAttribute(spread) => {
                    self.expression(&spread.argument);
                }
            }
        }
        self.jsx_children(&element.children)
    }

    fn jsx_children(&mut self, children: &[JSXChild<'_>]) -> VarId {
        for child in children {
            match child {
                JSXChild::Element(inner) => {
                    self.jsx(inner);
                }
                JSXChild::Fragment(fragment) => {
                    self.jsx_children(&fragment.children);
                }
                JSXChild::ExpressionContainer(container) => self.jsx_expression(&container.expression),
                JSXChild::Spread(spread) => {
                    self.expression(&spread.expression);
                }
                JSXChild::Text(_) => {}
            }
        }
        self.to.fresh_var()
    }

    fn jsx_expression(&mut self, expression: &JSXExpression<'_>) {
        if let Some(expression) = expression.as_expression() {
            self.expression(expression);
        }
    }
}

fn flatten<'e, 'a>(expression: &'e Expression<'a>, parts: &mut Vec<&'e Expression<'a>>) {
    match expression {
        Expression::BinaryExpression(binary) if binary.operator == BinaryOperator::Addition => {
            flatten(&binary.left, parts);
            flatten(&binary.right, parts);
        }
        other => parts.push(other),
    }
}

/// `describe(…)`, `it.each(…)(…)`, `test.only(…)`
fn is_test_call(callee: &Expression<'_>) -> bool {
    match callee {
        Expression::Identifier(id) => TEST_FUNCTIONS.contains(&id.name.as_str()),
        Expression::StaticMemberExpression(member) => {
            matches!(
                member.property.name.as_str(),
                "only" | "skip" | "each" | "concurrent" | "todo" | "describe" | "serial" | "runIf" | "skipIf"
            ) && is_test_call(&member.object)
        }
        Expression::CallExpression(call) => is_test_call(&call.callee),
        Expression::TaggedTemplateExpression(tagged) => is_test_call(&tagged.tag),
        _ => false,
    }
}

/// Whether evaluating an expression may call or wait: then its place in the control flow matters.
fn may_call(expression: &Expression<'_>) -> bool {
    match expression {
        Expression::CallExpression(_)
        | Expression::NewExpression(_)
        | Expression::AwaitExpression(_)
        | Expression::YieldExpression(_)
        | Expression::TaggedTemplateExpression(_)
        | Expression::AssignmentExpression(_)
        | Expression::ImportExpression(_) => true,
        Expression::ChainExpression(chain) => match &chain.expression {
            ChainElement::CallExpression(_) => true,
            other => other.as_member_expression().is_some_and(|member| may_call(member.object())),
        },
        Expression::LogicalExpression(logical) => may_call(&logical.left) || may_call(&logical.right),
        Expression::ConditionalExpression(inner) => {
            may_call(&inner.test) || may_call(&inner.consequent) || may_call(&inner.alternate)
        }
        Expression::BinaryExpression(binary) => may_call(&binary.left) || may_call(&binary.right),
        Expression::UnaryExpression(unary) => may_call(&unary.argument),
        Expression::ParenthesizedExpression(inner) => may_call(&inner.expression),
        Expression::TSAsExpression(inner) => may_call(&inner.expression),
        Expression::TSNonNullExpression(inner) => may_call(&inner.expression),
        Expression::SequenceExpression(_) => true,
        Expression::ObjectExpression(object) => object.properties.iter().any(|property| match property {
            ObjectPropertyKind::ObjectProperty(property) => may_call(&property.value),
            ObjectPropertyKind::SpreadProperty(spread) => may_call(&spread.argument),
        }),
        Expression::ArrayExpression(array) => {
            array.elements.iter().any(|element| element.as_expression().is_some_and(may_call))
        }
        Expression::TemplateLiteral(template) => template.expressions.iter().any(may_call),
        other => other.as_member_expression().is_some_and(|member| may_call(member.object())),
    }
}
