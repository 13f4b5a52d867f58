//! Expressions.

use distsys_facts::{CallKind, LiteralKind, RegionKind, SiteId, VarId};
use ruff_python_ast::{BoolOp, Comprehension, Expr, ExprCall, InterpolatedStringElement, Number, Operator, UnaryOp};

use super::{Lower, span_of};
use crate::lower::{Arg, Callee, Span};

impl Lower<'_> {
    /// Lowers an expression; its value.
    pub(super) fn expression(&mut self, expression: &Expr) -> VarId {
        let at = span_of(expression);
        match expression {
            Expr::Name(name) => self.to.name(&name.id),
            Expr::Attribute(attribute) => {
                let base = self.expression(&attribute.value);
                self.to.load(base, &attribute.attr)
            }
            Expr::Call(call) => match self.named_attribute(call).or_else(|| self.set_attribute(call, at)) {
                Some(value) => value,
                None => self.call_of_kind(call, CallKind::Call).1,
            },
            Expr::StringLiteral(string) => self.to.string(string.value.to_str()),
            Expr::NumberLiteral(number) => match &number.value {
                Number::Int(value) => self.to.literal(LiteralKind::Integer, &value.to_string()),
                Number::Float(value) => self.to.literal(LiteralKind::Float, &value.to_string()),
                Number::Complex { .. } => self.to.fresh_var(),
            },
            Expr::BooleanLiteral(literal) => {
                self.to.literal(LiteralKind::Boolean, if literal.value { "true" } else { "false" })
            }
            Expr::NoneLiteral(_) => self.to.null(),
            Expr::Await(await_) => {
                let value = self.expression(&await_.value);
                self.to.await_(value, at)
            }
            Expr::Named(named) => {
                let value = self.expression(&named.value);
                self.assign_to(&named.target, value);
                value
            }
            Expr::BoolOp(operation) => self.bool_op(operation.op, &operation.values),
            Expr::BinOp(operation) => self.bin_op(operation.op, &operation.left, &operation.right, at),
            Expr::UnaryOp(operation) => {
                let operand = self.expression(&operation.operand);
                let operator = match operation.op {
                    UnaryOp::Not => "!",
                    UnaryOp::USub => {
                        if let Some(negative) = self.negative_literal(&operation.operand) {
                            return negative;
                        }
                        "-"
                    }
                    UnaryOp::UAdd => "+",
                    UnaryOp::Invert => "~",
                };
                self.to.binary(operator, operand, None, at)
            }
            Expr::Compare(compare) => {
                let mut left = self.expression(&compare.left);
                let mut result = left;
                for (operator, right) in compare.ops.iter().zip(&compare.comparators) {
                    let right = self.expression(right);
                    result = self.to.binary(operator.as_str(), left, Some(right), at);
                    left = right;
                }
                result
            }
            Expr::If(if_) => {
                let condition = self.expression(&if_.test);
                let value = self.to.fresh_var();
                let mut arms = [value; 2];
                if has_call(&if_.body) || has_call(&if_.orelse) {
                    let mut choice = self.to.begin_choice();
                    let ways = [(RegionKind::Branch, &if_.body), (RegionKind::Else, &if_.orelse)];
                    for ((kind, arm), arm_value) in ways.into_iter().zip(&mut arms) {
                        self.to.begin_arm(&choice, kind, Some(condition), span_of(&**arm));
                        *arm_value = self.expression(arm);
                        self.to.assign(value, *arm_value);
                        self.to.end_arm(&mut choice);
                    }
                    self.to.end_choice(choice, true);
                } else {
                    for (arm, arm_value) in [&if_.body, &if_.orelse].into_iter().zip(&mut arms) {
                        *arm_value = self.expression(arm);
                        self.to.assign(value, *arm_value);
                    }
                }
                self.to.choice(value, condition, arms[0], arms[1]);
                value
            }
            Expr::Lambda(lambda) => self.lambda(lambda),
            Expr::Dict(dict) if dict.items.is_empty() => self.to.empty_object(),
            Expr::Dict(dict) => {
                let object = self.to.object();
                for item in &dict.items {
                    let value = self.expression(&item.value);
                    match &item.key {
                        Some(Expr::StringLiteral(key)) => self.to.entry(object, key.value.to_str(), value),
                        Some(key) => {
                            let named = self.subscript_field(key);
                            let key = if named == "[]" { String::new() } else { named };
                            self.to.entry(object, &key, value);
                        }
                        None => self.to.entry(object, "**", value),
                    }
                }
                object
            }
            Expr::List(list) => self.array(&list.elts),
            Expr::Tuple(tuple) => self.array(&tuple.elts),
            Expr::Set(set) => self.array(&set.elts),
            Expr::ListComp(comp) => self.comprehension(&comp.generators, &[&comp.elt], at),
            Expr::SetComp(comp) => self.comprehension(&comp.generators, &[&comp.elt], at),
            Expr::Generator(comp) => self.comprehension(&comp.generators, &[&comp.elt], at),
            Expr::DictComp(comp) => match comp.key.as_deref() {
                Some(key) => self.comprehension(&comp.generators, &[key, &comp.value], at),
                None => self.comprehension(&comp.generators, &[&comp.value], at),
            },
            Expr::Yield(yield_) => {
                let value = yield_.value.as_deref().map(|value| self.expression(value));
                self.to.yield_(value, at)
            }
            Expr::YieldFrom(yield_) => {
                let value = self.expression(&yield_.value);
                self.to.yield_(Some(value), at)
            }
            Expr::FString(string) => {
                let (mut text, mut holes) = (String::new(), Vec::new());
                for part in &string.value {
                    match part {
                        ruff_python_ast::FStringPart::Literal(literal) => text.push_str(literal.as_str()),
                        ruff_python_ast::FStringPart::FString(part) => {
                            for element in part.elements.iter() {
                                self.interpolated(element, &mut text, &mut holes);
                            }
                        }
                    }
                }
                self.to.template(&text, &holes)
            }
            Expr::TString(string) => {
                let (mut text, mut holes) = (String::new(), Vec::new());
                for element in string.value.elements() {
                    self.interpolated(element, &mut text, &mut holes);
                }
                self.to.template(&text, &holes)
            }
            Expr::Subscript(subscript) => {
                let base = self.expression(&subscript.value);
                if let Expr::Slice(slice) = &*subscript.slice {
                    for part in [&slice.lower, &slice.step].into_iter().flatten() {
                        self.expression(part);
                    }
                    let end = slice.upper.as_deref().map(|end| self.expression(end));
                    return self.to.slice(base, end, span_of(subscript));
                }
                let field = self.subscript_field(&subscript.slice);
                self.to.load(base, &field)
            }
            Expr::Starred(starred) => self.expression(&starred.value),
            Expr::Slice(slice) => {
                for part in [&slice.lower, &slice.upper, &slice.step].into_iter().flatten() {
                    self.expression(part);
                }
                self.to.fresh_var()
            }
            Expr::BytesLiteral(_) | Expr::EllipsisLiteral(_) | Expr::IpyEscapeCommand(_) => self.to.fresh_var(),
        }
    }

    pub(super) fn call_of_kind(&mut self, call: &ExprCall, kind: CallKind) -> (SiteId, VarId) {
        let at = span_of(call);
        if let Some(template) = self.format_call(call) {
            let name = self.to.global("format");
            let (site, _) = self.to.call(kind, Callee::Value(name, "format"), &[Arg::Positional(template)], at);
            return (site, template);
        }
        let callee = match &*call.func {
            Expr::Attribute(attribute) => Ok((self.expression(&attribute.value), attribute.attr.as_str())),
            Expr::Name(name) => Err((self.to.name(&name.id), name.id.as_str())),
            other => Err((self.expression(other), "")),
        };
        let mut arguments = Vec::with_capacity(call.arguments.len());
        for argument in &call.arguments.args {
            arguments.push(match argument {
                Expr::Starred(starred) => Arg::Spread(self.expression(&starred.value)),
                other => Arg::Positional(self.expression(other)),
            });
        }
        for keyword in &call.arguments.keywords {
            let value = self.expression(&keyword.value);
            arguments.push(match &keyword.arg {
                Some(name) => Arg::Keyword(name.as_str(), value),
                None => Arg::SpreadKeywords(value),
            });
        }
        let callee = match callee {
            Ok((receiver, name)) => Callee::Member(receiver, name),
            Err((value, name)) => Callee::Value(value, name),
        };
        self.to.call(kind, callee, &arguments, at)
    }

    /// `getattr(settings, "LIMIT", 10)` of a literal name is `settings.LIMIT`, or else the default.
    fn named_attribute(&mut self, call: &ExprCall) -> Option<VarId> {
        let Expr::Name(name) = &*call.func else { return None };
        let (base, attribute, default) = match &*call.arguments.args {
            [base, Expr::StringLiteral(attribute)] => (base, attribute, None),
            [base, Expr::StringLiteral(attribute), default] => (base, attribute, Some(default)),
            _ => return None,
        };
        if name.id != "getattr" || !call.arguments.keywords.is_empty() {
            return None;
        }
        let base = self.expression(base);
        let loaded = self.to.load(base, attribute.value.to_str());
        let Some(default) = default.filter(|default| !default.is_none_literal_expr()) else { return Some(loaded) };
        let value = self.to.fresh_var();
        self.to.assign(value, loaded);
        let default = self.expression(default);
        self.to.assign(value, default);
        Some(value)
    }

    /// `setattr(order, "total", total)` of a literal name is `order.total = total`.
    fn set_attribute(&mut self, call: &ExprCall, at: Span) -> Option<VarId> {
        let Expr::Name(name) = &*call.func else { return None };
        let [base, Expr::StringLiteral(attribute), value] = &*call.arguments.args else { return None };
        if name.id != "setattr" || !call.arguments.keywords.is_empty() {
            return None;
        }
        let base = self.expression(base);
        let value = self.expression(value);
        self.to.store(base, attribute.value.to_str(), value, at);
        Some(self.to.literal(LiteralKind::Null, "null"))
    }

    /// `"…{}…".format(a, b)` of a literal is a template.
    fn format_call(&mut self, call: &ExprCall) -> Option<VarId> {
        let Expr::Attribute(attribute) = &*call.func else { return None };
        let Expr::StringLiteral(string) = &*attribute.value else { return None };
        if attribute.attr.as_str() != "format" {
            return None;
        }
        let mut holes = Vec::new();
        for argument in &call.arguments.args {
            holes.push(self.expression(argument));
        }
        for keyword in &call.arguments.keywords {
            holes.push(self.expression(&keyword.value));
        }
        Some(self.to.template(&unnamed_holes(string.value.to_str()), &holes))
    }

    fn interpolated(&mut self, element: &InterpolatedStringElement, text: &mut String, holes: &mut Vec<VarId>) {
        match element {
            InterpolatedStringElement::Literal(literal) => text.push_str(&literal.value),
            InterpolatedStringElement::Interpolation(hole) => {
                holes.push(self.expression(&hole.expression));
                text.push_str("{}");
            }
        }
    }

    fn bool_op(&mut self, operator: BoolOp, values: &[Expr]) -> VarId {
        let value = self.to.fresh_var();
        let Some((first, rest)) = values.split_first() else { return value };
        let first_value = self.expression(first);
        self.to.assign(value, first_value);
        let mut open = Vec::new();
        for part in rest {
            if has_call(part) {
                let choice = self.to.begin_choice();
                let kind = if operator == BoolOp::And { RegionKind::Branch } else { RegionKind::Else };
                self.to.begin_arm(&choice, kind, Some(first_value), span_of(part));
                open.push(choice);
            }
            let part_value = self.expression(part);
            self.to.assign(value, part_value);
            if rest.len() == 1 {
                let (taken, otherwise) = match operator {
                    BoolOp::And => (part_value, first_value),
                    BoolOp::Or => (first_value, part_value),
                };
                self.to.choice(value, first_value, taken, otherwise);
            }
        }
        while let Some(mut choice) = open.pop() {
            self.to.end_arm(&mut choice);
            self.to.end_choice(choice, false);
        }
        value
    }

    fn bin_op(&mut self, operator: Operator, left: &Expr, right: &Expr, at: Span) -> VarId {
        if let Expr::StringLiteral(string) = left
            && operator == Operator::Mod
        {
            let holes = match right {
                Expr::Tuple(tuple) => tuple.elts.iter().map(|part| self.expression(part)).collect(),
                other => vec![self.expression(other)],
            };
            return self.to.template(&percent_holes(string.value.to_str()), &holes);
        }
        if operator == Operator::Add
            && let Some((text, holes)) = self.concatenation(left, right)
        {
            return self.to.template(&text, &holes);
        }
        let left = self.expression(left);
        let right = self.expression(right);
        self.to.binary(operator.as_str(), left, Some(right), at)
    }

    /// `"a" + x + "b"` as a template, if a side is text.
    fn concatenation(&mut self, left: &Expr, right: &Expr) -> Option<(String, Vec<VarId>)> {
        let is_text = |side: &Expr| matches!(side, Expr::StringLiteral(_) | Expr::FString(_));
        if !is_text(left)
            && !is_text(right)
            && !matches!(left, Expr::BinOp(inner) if inner.op == Operator::Add && is_text(&inner.right))
        {
            return None;
        }
        let (mut text, mut holes) = (String::new(), Vec::new());
        for side in [left, right] {
            match side {
                Expr::StringLiteral(string) => text.push_str(string.value.to_str()),
                other => {
                    holes.push(self.expression(other));
                    text.push_str("{}");
                }
            }
        }
        Some((text, holes))
    }

    fn negative_literal(&mut self, operand: &Expr) -> Option<VarId> {
        let Expr::NumberLiteral(number) = operand else { return None };
        let Number::Int(value) = &number.value else { return None };
        Some(self.to.literal(LiteralKind::Integer, &format!("-{value}")))
    }

    fn array(&mut self, elements: &[Expr]) -> VarId {
        let values: Vec<VarId> = elements.iter().map(|element| self.expression(element)).collect();
        self.to.array(&values)
    }

    fn comprehension(&mut self, generators: &[Comprehension], elements: &[&Expr], at: Span) -> VarId {
        self.to.push_scope();
        let mut loops = Vec::new();
        let mut choices = 0;
        // As many as what the first `for` runs over has.
        let mut result = None;
        for generator in generators {
            let iterable = self.expression(&generator.iter);
            result.get_or_insert_with(|| self.to.binary("[for]", iterable, None, at));
            let loop_ = self.to.begin_loop("", at);
            self.to.iterates(loop_.region, iterable);
            if generator.is_async {
                self.to.suspend(Some(iterable), span_of(&generator.iter));
            }
            self.to.loop_may_end(&loop_);
            let element = self.to.load(iterable, "[*]");
            self.bind_comprehension_target(&generator.target, element);
            for condition in &generator.ifs {
                self.expression(condition);
                choices += 1;
            }
            loops.push(loop_);
        }
        let _ = choices;
        let result = result.unwrap_or_else(|| self.to.fresh_var());
        let values: Vec<VarId> = elements.iter().map(|element| self.expression(element)).collect();
        if let Some(&last) = values.last() {
            let index = 0;
            let row = distsys_facts::schema::Element { var: result, index, value: last };
            self.to.facts_mut().relations.element.push(row);
        }
        while let Some(loop_) = loops.pop() {
            self.to.end_loop(loop_);
        }
        self.to.pop_scope();
        result
    }

    fn bind_comprehension_target(&mut self, target: &Expr, value: VarId) {
        match target {
            Expr::Name(name) => {
                let var = self.to.declare(&name.id);
                self.to.assign(var, value);
            }
            Expr::Tuple(tuple) => {
                for (index, part) in tuple.elts.iter().enumerate() {
                    let element = self.to.load(value, &index.to_string());
                    self.bind_comprehension_target(part, element);
                }
            }
            other => self.assign_to(other, value),
        }
    }

    /// The field that a subscript reads or writes.
    pub(super) fn subscript_field(&mut self, slice: &Expr) -> String {
        match slice {
            Expr::StringLiteral(key) => key.value.to_str().to_owned(),
            Expr::NumberLiteral(number) => match &number.value {
                Number::Int(value) => value.to_string(),
                _ => "[]".to_owned(),
            },
            other => {
                self.expression(other);
                // A constant of the project's: the same entry wherever it is named.
                match other {
                    Expr::Name(name) if is_constant(&name.id) => format!("[{}]", name.id),
                    Expr::Attribute(attribute) if is_constant(&attribute.attr) => format!("[{}]", attribute.attr),
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

/// Whether evaluating an expression may call something: then its place in the control flow matters.
fn has_call(expression: &Expr) -> bool {
    match expression {
        Expr::Call(_) | Expr::Await(_) | Expr::Yield(_) | Expr::YieldFrom(_) => true,
        Expr::Attribute(attribute) => has_call(&attribute.value),
        Expr::Subscript(subscript) => has_call(&subscript.value) || has_call(&subscript.slice),
        Expr::BoolOp(operation) => operation.values.iter().any(has_call),
        Expr::BinOp(operation) => has_call(&operation.left) || has_call(&operation.right),
        Expr::UnaryOp(operation) => has_call(&operation.operand),
        Expr::Compare(compare) => has_call(&compare.left) || compare.comparators.iter().any(has_call),
        Expr::If(if_) => has_call(&if_.test) || has_call(&if_.body) || has_call(&if_.orelse),
        Expr::List(list) => list.elts.iter().any(has_call),
        Expr::Tuple(tuple) => tuple.elts.iter().any(has_call),
        Expr::Dict(dict) => dict.items.iter().any(|item| has_call(&item.value)),
        Expr::Named(named) => has_call(&named.value),
        Expr::Starred(starred) => has_call(&starred.value),
        Expr::ListComp(_) | Expr::SetComp(_) | Expr::DictComp(_) | Expr::Generator(_) => true,
        _ => false,
    }
}

/// `{name!r:>3}` → `{}`.
fn unnamed_holes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    for c in text.chars() {
        match c {
            '{' => {
                inside = true;
                out.push('{');
            }
            '}' => {
                inside = false;
                out.push('}');
            }
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out
}

/// `%s`, `%(name)s`, `%d` → `{}`.
fn percent_holes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(tail) = rest.strip_prefix('%') {
            out.push('%');
            rest = tail;
            continue;
        }
        if let Some(tail) = rest.strip_prefix('(') {
            rest = tail.split_once(')').map_or("", |(_, tail)| tail);
        }
        let end = rest.find(|c: char| c.is_ascii_alphabetic()).map_or(rest.len(), |at| at + 1);
        rest = &rest[end..];
        out.push_str("{}");
    }
    out.push_str(rest);
    out
}
