//! Expressions.

use distsys_facts::{CallKind, LiteralKind, RegionKind, VarId};
use proc_macro2::Span as TokenSpan;
use syn::spanned::Spanned;
use syn::{BinOp, Expr, ExprCall, ExprMethodCall, ExprStruct, Lit, Member, UnOp};

use super::Lower;
use crate::lower::{Arg, Callee, Span};

/// The operator that a method is which looks out for what a number cannot hold: `balance.checked_sub(price)`.
fn bounded_operator(name: &str) -> Option<&'static str> {
    let (way, operation) = name.split_once('_')?;
    let operator = match operation {
        "add" => "+",
        "sub" => "-",
        "mul" => "*",
        "div" => "/",
        "rem" => "%",
        _ => return None,
    };
    matches!(way, "checked" | "saturating" | "wrapping" | "strict").then_some(operator)
}

/// Methods that give their receiver's value, borrowed, copied or unwrapped.
const TRANSPARENT_METHODS: &[&str] = &[
    "clone",
    "cloned",
    "copied",
    "unwrap",
    "expect",
    "unwrap_or_default",
    "as_ref",
    "as_mut",
    "as_deref",
    "as_deref_mut",
    "to_owned",
    "into",
    "as_str",
    "borrow",
    "borrow_mut",
    "iter",
    "iter_mut",
    "into_iter",
    "unwrap_or_else",
    "map_err",
    "ok",
    "ok_or",
    "ok_or_else",
    "context",
    "with_context",
    "to_string",
    "as_slice",
    "boxed",
    "unwrap_or",
    "into_inner",
    "by_ref",
    "enumerate",
    "in_current_span",
    "instrument",
    "get_ref",
];

/// Constructors that give their argument's value.
const TRANSPARENT_CONSTRUCTORS: &[&str] =
    &["Box", "Arc", "Rc", "Some", "Ok", "Err", "Pin", "Cow", "Cell", "RefCell", "Wrapping"];

impl Lower<'_> {
    /// Lowers an expression; its value.
    pub(super) fn expression(&mut self, expression: &Expr) -> VarId {
        match expression {
            Expr::Path(path) => self.path(path),
            Expr::Lit(literal) => self.literal(&literal.lit),
            Expr::MethodCall(call) => self.method_call(call),
            Expr::Call(call) => self.call(call),
            Expr::Field(field) => {
                let base = self.expression(&field.base);
                self.to.load(base, &member(&field.member))
            }
            Expr::Await(await_) => {
                let value = self.expression(&await_.base);
                let span = self.span(start_of(&await_.base), await_.await_token.span);
                self.to.await_(value, span)
            }
            Expr::Try(try_) => {
                let value = self.expression(&try_.expr);
                let span = self.at(try_.question_token.span());
                self.to.may_throw(value, span);
                value
            }
            Expr::Reference(reference) => self.expression(&reference.expr),
            Expr::Paren(paren) => self.expression(&paren.expr),
            Expr::Group(group) => self.expression(&group.expr),
            Expr::RawAddr(raw) => self.expression(&raw.expr),
            Expr::Cast(cast) => self.expression(&cast.expr),
            Expr::Struct(struct_) => self.struct_(struct_),
            Expr::Binary(binary) => self.binary(binary),
            Expr::Unary(unary) => self.unary(unary),
            Expr::Assign(assign) => {
                let value = self.expression(&assign.right);
                let span = self.span(start_of(&assign.left), end_of(&assign.right));
                self.assign_to(&assign.left, value, span);
                value
            }
            Expr::If(if_) => self.if_(if_),
            Expr::Match(match_) => self.match_(match_),
            Expr::Loop(loop_) => self.loop_(loop_),
            Expr::While(while_) => self.while_(while_),
            Expr::ForLoop(for_) => self.for_(for_),
            Expr::Block(block) => self.block_region(&block.block),
            Expr::Unsafe(block) => self.block_region(&block.block),
            Expr::TryBlock(block) => self.block_region(&block.block),
            Expr::Const(block) => self.block_region(&block.block),
            Expr::Async(block) => self.async_block(block),
            Expr::Closure(closure) => self.closure(closure),
            Expr::Macro(macro_) => self.macro_call(&macro_.mac),
            Expr::Return(return_) => {
                let value = return_.expr.as_deref().map(|value| self.expression(value));
                let span = match &return_.expr {
                    Some(value) => self.span(return_.return_token.span, end_of(value)),
                    None => self.at(return_.return_token.span),
                };
                match &return_.expr {
                    Some(value) if is_error(value) => self.to.throw(None, span),
                    _ => self.to.return_(value, span),
                }
                self.to.fresh_var()
            }
            Expr::Break(break_) => {
                if let Some(value) = &break_.expr {
                    self.expression(value);
                }
                self.to.break_(&break_.label.as_ref().map(|label| label.ident.to_string()).unwrap_or_default());
                self.to.fresh_var()
            }
            Expr::Continue(continue_) => {
                self.to.continue_(&continue_.label.as_ref().map(|label| label.ident.to_string()).unwrap_or_default());
                self.to.fresh_var()
            }
            Expr::Tuple(tuple) => {
                let values: Vec<VarId> = tuple.elems.iter().map(|element| self.expression(element)).collect();
                self.to.array(&values)
            }
            Expr::Array(array) => {
                let values: Vec<VarId> = array.elems.iter().map(|element| self.expression(element)).collect();
                self.to.array(&values)
            }
            Expr::Repeat(repeat) => {
                let value = self.expression(&repeat.expr);
                self.expression(&repeat.len);
                self.to.array(&[value])
            }
            Expr::Index(index) => {
                let base = self.expression(&index.expr);
                if let Expr::Range(range) = &*index.index {
                    if let Some(start) = &range.start {
                        self.expression(start);
                    }
                    let end = range.end.as_deref().map(|end| self.expression(end));
                    let span = self.at(index.bracket_token.span.open());
                    return self.to.slice(base, end, span);
                }
                let field = self.index_field(&index.index);
                self.to.load(base, &field)
            }
            Expr::Range(range) => {
                let start = range.start.as_deref().map(|start| self.expression(start));
                let end = range.end.as_deref().map(|end| self.expression(end));
                let left = match start {
                    Some(start) => start,
                    None => self.to.literal(LiteralKind::Integer, "0"),
                };
                let operator = if matches!(range.limits, syn::RangeLimits::Closed(_)) { "..=" } else { ".." };
                let span = match range.limits {
                    syn::RangeLimits::HalfOpen(dots) => self.at(dots.span()),
                    syn::RangeLimits::Closed(dots) => self.at(dots.span()),
                };
                self.to.binary(operator, left, end, span)
            }
            Expr::Let(let_) => self.expression(&let_.expr),
            Expr::Yield(yield_) => {
                let value = yield_.expr.as_deref().map(|value| self.expression(value));
                let span = self.at(yield_.yield_token.span);
                self.to.yield_(value, span)
            }
            _ => self.to.fresh_var(),
        }
    }

    fn path(&mut self, path: &syn::ExprPath) -> VarId {
        let mut segments = path.path.segments.iter();
        let Some(first) = segments.next() else { return self.to.fresh_var() };
        let first = first.ident.to_string();
        if path.path.segments.len() == 1 && first == "None" {
            return self.to.null();
        }
        let mut value = if path.path.segments.len() > 1 { self.path_root(&first) } else { self.to.name(&first) };
        for segment in segments {
            value = self.to.load(value, &segment.ident.to_string());
        }
        value
    }

    fn literal(&mut self, literal: &Lit) -> VarId {
        match literal {
            Lit::Str(text) => self.to.string(&text.value()),
            Lit::Int(number) => self.to.literal(LiteralKind::Integer, number.base10_digits()),
            Lit::Float(number) => self.to.literal(LiteralKind::Float, number.base10_digits()),
            Lit::Bool(value) => self.to.literal(LiteralKind::Boolean, if value.value { "true" } else { "false" }),
            Lit::Char(c) => self.to.string(&c.value().to_string()),
            Lit::ByteStr(bytes) => match String::from_utf8(bytes.value()) {
                Ok(text) => self.to.string(&text),
                Err(_) => self.to.fresh_var(),
            },
            _ => self.to.fresh_var(),
        }
    }

    fn method_call(&mut self, call: &ExprMethodCall) -> VarId {
        let receiver = self.expression(&call.receiver);
        let arguments: Vec<Arg<'_>> =
            call.args.iter().map(|argument| Arg::Positional(self.expression(argument))).collect();
        let span = self.span(start_of(&call.receiver), call.paren_token.span.close());
        let name = call.method.to_string();
        let (_, result) = self.to.call(CallKind::Call, Callee::Member(receiver, &name), &arguments, span);
        if TRANSPARENT_METHODS.contains(&name.as_str()) {
            self.to.assign(result, receiver);
        }
        if let ([Arg::Positional(other)], Some(operator)) = (&arguments[..], bounded_operator(&name)) {
            let value = self.to.binary(operator, receiver, Some(*other), span);
            self.to.assign(result, value);
        }
        self.moves(call.args.iter(), span);
        if let Some(turbofish) = &call.turbofish
            && let Some(syn::GenericArgument::Type(type_)) = turbofish.args.first()
        {
            let text = self.type_text(type_);
            self.to.declare_type(result, &text);
        }
        if let Some(temporaries) = &mut self.temporaries {
            temporaries.push(result);
        }
        result
    }

    fn call(&mut self, call: &ExprCall) -> VarId {
        let span = self.span(start_of(&call.func), call.paren_token.span.close());
        let Expr::Path(path) = &*call.func else {
            let callee = self.expression(&call.func);
            let arguments: Vec<Arg<'_>> =
                call.args.iter().map(|argument| Arg::Positional(self.expression(argument))).collect();
            return self.to.call(CallKind::Call, Callee::Value(callee, ""), &arguments, span).1;
        };
        let last = path.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
        if path.path.segments.len() == 1 && matches!(last.as_str(), "Some" | "Ok" | "Err") && call.args.len() == 1 {
            return self.expression(&call.args[0]);
        }
        // `<T as Trait>::f(x)`, `Type::f(x)`
        let callee = match &path.qself {
            Some(qself) => {
                let value = self.to.fresh_var();
                let text = self.type_text(&qself.ty);
                let holder = self.to.declare("");
                self.to.declare_type(holder, &text);
                self.to.assign(value, holder);
                (Ok(value), last.clone())
            }
            None => self.path_callee(&path.path, span),
        };
        let arguments: Vec<VarId> = call.args.iter().map(|argument| self.expression(argument)).collect();
        if matches!(last.as_str(), "drop")
            && let [only] = arguments[..]
        {
            self.to.release(only, span);
            return self.to.fresh_var();
        }
        let passed: Vec<Arg<'_>> = arguments.iter().map(|var| Arg::Positional(*var)).collect();
        let result = match &callee {
            (Ok(receiver), name) => self.to.call(CallKind::Call, Callee::Member(*receiver, name), &passed, span).1,
            (Err(value), name) => self.to.call(CallKind::Call, Callee::Value(*value, name), &passed, span).1,
        };
        self.moves(call.args.iter(), span);
        let type_name =
            path.path.segments.iter().rev().nth(1).map(|segment| segment.ident.to_string()).unwrap_or_default();
        if TRANSPARENT_CONSTRUCTORS.contains(&type_name.as_str())
            && matches!(last.as_str(), "new" | "from" | "pin" | "clone" | "Owned" | "Borrowed")
            && let [only] = arguments[..]
        {
            self.to.assign(result, only);
        }
        if let Some(syn::PathArguments::AngleBracketed(arguments)) =
            path.path.segments.last().map(|segment| &segment.arguments)
            && let Some(syn::GenericArgument::Type(type_)) = arguments.args.first()
        {
            let text = self.type_text(type_);
            self.to.declare_type(result, &text);
        }
        if let Some(temporaries) = &mut self.temporaries {
            temporaries.push(result);
        }
        result
    }

    /// A local variable passed by value is moved: its life ends with the call.
    fn moves<'e>(&mut self, arguments: impl Iterator<Item = &'e Expr>, span: Span) {
        if !self.in_async {
            return;
        }
        for argument in arguments {
            let Expr::Path(path) = argument else { continue };
            if let Some(name) = path.path.get_ident()
                && let Some(var) = self.to.lookup(&name.to_string())
                && self.locals.contains(&var)
            {
                self.to.release(var, span);
            }
        }
    }

    fn struct_(&mut self, struct_: &ExprStruct) -> VarId {
        let mut fields = Vec::new();
        for field in &struct_.fields {
            let value = self.expression(&field.expr);
            fields.push((member(&field.member), value));
        }
        let rest = struct_.rest.as_deref().map(|rest| self.expression(rest));
        let span = self.span(struct_.path.span(), struct_.brace_token.span.close());
        let (callee, name) = self.path_callee(&struct_.path, span);
        let mut arguments: Vec<Arg<'_>> = fields.iter().map(|(name, var)| Arg::Keyword(name, *var)).collect();
        arguments.extend(rest.map(Arg::SpreadKeywords));
        let callee = match callee {
            Ok(receiver) => Callee::Member(receiver, &name),
            Err(value) => Callee::Value(value, &name),
        };
        self.to.call(CallKind::New, callee, &arguments, span).1
    }

    fn binary(&mut self, binary: &syn::ExprBinary) -> VarId {
        let span = self.span(start_of(&binary.left), end_of(&binary.right));
        match binary.op {
            BinOp::And(_) | BinOp::Or(_) => {
                let value = self.to.fresh_var();
                let left = self.expression(&binary.left);
                self.to.assign(value, left);
                let kind = if matches!(binary.op, BinOp::And(_)) { RegionKind::Branch } else { RegionKind::Else };
                let mut choice = self.to.begin_choice();
                let right_span = self.span(start_of(&binary.right), end_of(&binary.right));
                self.to.begin_arm(&choice, kind, Some(left), right_span);
                let right = self.expression(&binary.right);
                self.to.assign(value, right);
                self.to.end_arm(&mut choice);
                self.to.end_choice(choice, false);
                value
            }
            _ => {
                let left = self.expression(&binary.left);
                let right = self.expression(&binary.right);
                let operator = operator(&binary.op);
                let value = self.to.binary(operator, left, Some(right), span);
                if operator.ends_with('=') && !matches!(operator, "==" | "!=" | "<=" | ">=") {
                    self.assign_to(&binary.left, value, span);
                }
                value
            }
        }
    }

    fn unary(&mut self, unary: &syn::ExprUnary) -> VarId {
        match unary.op {
            // What a guard or reference points to is another value than the guard: `*guard` may be a copy that outlives it.
            UnOp::Deref(_) => {
                let inner = self.expression(&unary.expr);
                self.to.load(inner, "*")
            }
            UnOp::Neg(token) => {
                if let Expr::Lit(literal) = &*unary.expr
                    && let Lit::Int(number) = &literal.lit
                {
                    return self.to.literal(LiteralKind::Integer, &format!("-{}", number.base10_digits()));
                }
                let value = self.expression(&unary.expr);
                let span = self.span(token.span, end_of(&unary.expr));
                self.to.binary("-", value, None, span)
            }
            UnOp::Not(token) => {
                let value = self.expression(&unary.expr);
                let span = self.span(token.span, end_of(&unary.expr));
                self.to.binary("!", value, None, span)
            }
            _ => self.expression(&unary.expr),
        }
    }

    /// Assigns to a place: a variable, a field, an element, what a reference points to.
    pub(super) fn assign_to(&mut self, place: &Expr, value: VarId, span: Span) {
        match place {
            Expr::Path(path) => {
                let target = self.path(path);
                self.to.assign(target, value);
            }
            Expr::Field(field) => {
                let base = self.expression(&field.base);
                self.to.store(base, &member(&field.member), value, span);
            }
            Expr::Index(index) => {
                let base = self.expression(&index.expr);
                let field = self.index_field(&index.index);
                self.to.store(base, &field, value, span);
            }
            Expr::Unary(unary) => {
                let base = self.expression(&unary.expr);
                self.to.store(base, "*", value, span);
            }
            Expr::Paren(paren) => self.assign_to(&paren.expr, value, span),
            Expr::Tuple(tuple) => {
                for (index, element) in tuple.elems.iter().enumerate() {
                    let part = self.to.load(value, &index.to_string());
                    self.assign_to(element, part, span);
                }
            }
            _ => {}
        }
    }

    fn index_field(&mut self, index: &Expr) -> String {
        match index {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Int(number) => number.base10_digits().to_owned(),
                Lit::Str(text) => text.value(),
                _ => "[]".to_owned(),
            },
            other => {
                self.expression(other);
                "[]".to_owned()
            }
        }
    }
}

fn member(member: &Member) -> String {
    match member {
        Member::Named(name) => name.to_string(),
        Member::Unnamed(index) => index.index.to_string(),
    }
}

/// `Err(…)`
fn is_error(expression: &Expr) -> bool {
    matches!(expression, Expr::Call(call) if matches!(&*call.func, Expr::Path(path) if path.path.is_ident("Err")))
}

fn operator(op: &BinOp) -> &'static str {
    match op {
        BinOp::Add(_) => "+",
        BinOp::Sub(_) => "-",
        BinOp::Mul(_) => "*",
        BinOp::Div(_) => "/",
        BinOp::Rem(_) => "%",
        BinOp::Eq(_) => "==",
        BinOp::Lt(_) => "<",
        BinOp::Le(_) => "<=",
        BinOp::Ne(_) => "!=",
        BinOp::Ge(_) => ">=",
        BinOp::Gt(_) => ">",
        BinOp::AddAssign(_) => "+=",
        BinOp::SubAssign(_) => "-=",
        BinOp::MulAssign(_) => "*=",
        BinOp::DivAssign(_) => "/=",
        BinOp::RemAssign(_) => "%=",
        BinOp::BitAnd(_) => "&",
        BinOp::BitOr(_) => "|",
        BinOp::BitXor(_) => "^",
        BinOp::Shl(_) => "<<",
        BinOp::Shr(_) => ">>",
        _ => "|=",
    }
}

/// The first token of an expression, found down its left edge: joining all its tokens would cost its whole length.
pub(super) fn start_of(expression: &Expr) -> TokenSpan {
    match expression {
        Expr::MethodCall(call) => start_of(&call.receiver),
        Expr::Call(call) => start_of(&call.func),
        Expr::Field(field) => start_of(&field.base),
        Expr::Await(await_) => start_of(&await_.base),
        Expr::Try(try_) => start_of(&try_.expr),
        Expr::Index(index) => start_of(&index.expr),
        Expr::Binary(binary) => start_of(&binary.left),
        Expr::Assign(assign) => start_of(&assign.left),
        Expr::Cast(cast) => start_of(&cast.expr),
        Expr::Path(path) => path.path.segments.first().map_or_else(|| path.span(), |segment| segment.ident.span()),
        Expr::Macro(macro_) => {
            macro_.mac.path.segments.first().map_or_else(|| macro_.span(), |segment| segment.ident.span())
        }
        Expr::Block(block) => block.block.brace_token.span.open(),
        Expr::If(if_) => if_.if_token.span,
        Expr::Match(match_) => match_.match_token.span,
        Expr::Async(async_) => async_.async_token.span,
        Expr::Closure(closure) => closure.inputs_begin.span,
        Expr::Paren(paren) => paren.paren_token.span.open(),
        Expr::Struct(struct_) => {
            struct_.path.segments.first().map_or_else(|| struct_.span(), |segment| segment.ident.span())
        }
        other => other.span(),
    }
}

/// The last token of an expression.
pub(super) fn end_of(expression: &Expr) -> TokenSpan {
    match expression {
        Expr::MethodCall(call) => call.paren_token.span.close(),
        Expr::Call(call) => call.paren_token.span.close(),
        Expr::Field(field) => field.member.span(),
        Expr::Await(await_) => await_.await_token.span,
        Expr::Try(try_) => try_.question_token.span(),
        Expr::Index(index) => index.bracket_token.span.close(),
        Expr::Binary(binary) => end_of(&binary.right),
        Expr::Assign(assign) => end_of(&assign.right),
        Expr::Reference(reference) => end_of(&reference.expr),
        Expr::Unary(unary) => end_of(&unary.expr),
        Expr::Path(path) => path.path.segments.last().map_or_else(|| path.span(), |segment| segment.ident.span()),
        Expr::Block(block) => block.block.brace_token.span.close(),
        Expr::Match(match_) => match_.brace_token.span.close(),
        Expr::If(if_) => match &if_.else_branch {
            Some((_, otherwise)) => end_of(otherwise),
            None => if_.then_branch.brace_token.span.close(),
        },
        Expr::Async(async_) => async_.block.brace_token.span.close(),
        Expr::Closure(closure) => end_of(&closure.body),
        Expr::Paren(paren) => paren.paren_token.span.close(),
        Expr::Struct(struct_) => struct_.brace_token.span.close(),
        other => other.span(),
    }
}
