//! Macros: their bodies are read, not dropped.

use distsys_facts::{CallKind, LiteralKind, RegionKind, VarId};
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Block, Expr, Macro, Pat, Token};

use super::Lower;
use super::expressions::{end_of, start_of};
use crate::lower::{Arg, Callee, Span};

impl Lower<'_> {
    /// A macro where an item may stand.
    pub(super) fn macro_item(&mut self, mac: &Macro) {
        let name = last(mac);
        if matches!(name.as_str(), "lazy_static" | "thread_local") {
            self.statics(mac);
        } else {
            self.macro_call(mac);
        }
    }

    pub(super) fn macro_call(&mut self, mac: &Macro) -> VarId {
        let name = last(mac);
        let span = self.macro_span(mac);
        match name.as_str() {
            "select" | "select_biased" => self.select(mac, span),
            "join" | "try_join" => {
                let arguments = self.arguments(&mac.tokens);
                let result = self.named_call(mac, &arguments, span);
                for argument in &arguments {
                    self.to.suspend(Some(*argument), span);
                }
                result
            }
            "vec" | "smallvec" => {
                let values = self.arguments(&mac.tokens);
                self.to.array(&values)
            }
            "matches" => {
                let arguments = self.arguments(&mac.tokens);
                match arguments.first() {
                    Some(subject) => *subject,
                    None => self.to.fresh_var(),
                }
            }
            "json" | "bson" => self.json(mac.tokens.clone()),
            // `doc! { "name": name }`: its own braces are the object's.
            "doc" => self.json(TokenTree::Group(Group::new(Delimiter::Brace, mac.tokens.clone())).into()),
            "format" | "format_args" | "print" | "println" | "eprint" | "eprintln" | "write" | "writeln" | "trace"
            | "debug" | "info" | "warn" | "error" | "event" | "span" | "debug_span" | "info_span" | "log" => {
                self.format_like(mac, &name, span)
            }
            "panic" | "bail" | "unreachable" | "todo" | "unimplemented" => {
                let value = self.format_like(mac, &name, span);
                self.to.throw(Some(value), span);
                value
            }
            "anyhow" | "eyre" => self.format_like(mac, &name, span),
            "ensure" | "assert" | "debug_assert" | "assert_eq" | "assert_ne" | "debug_assert_eq"
            | "debug_assert_ne" => {
                for argument in self.arguments(&mac.tokens) {
                    let _ = argument;
                }
                self.to.fresh_var()
            }
            "lazy_static" | "thread_local" => {
                self.statics(mac);
                self.to.fresh_var()
            }
            _ => {
                let arguments = self.arguments(&mac.tokens);
                self.named_call(mac, &arguments, span)
            }
        }
    }

    fn macro_span(&self, mac: &Macro) -> Span {
        let start = mac.path.segments.first().map_or(mac.bang_token.spans[0], |segment| segment.ident.span());
        let end = match &mac.delimiter {
            syn::MacroDelimiter::Paren(paren) => paren.span.close(),
            syn::MacroDelimiter::Brace(brace) => brace.span.close(),
            syn::MacroDelimiter::Bracket(bracket) => bracket.span.close(),
        };
        self.span(start, end)
    }

    fn named_call(&mut self, mac: &Macro, arguments: &[VarId], span: Span) -> VarId {
        let (callee, name) = self.path_callee(&mac.path, span);
        let arguments: Vec<Arg<'_>> = arguments.iter().map(|var| Arg::Positional(*var)).collect();
        let callee = match callee {
            Ok(receiver) => Callee::Member(receiver, &name),
            // Variables have a name space of their own: `error!` is no call of a local `error`.
            Err(value) if self.locals.contains(&value) => Callee::Value(self.path_root(&name), &name),
            Err(value) => Callee::Value(value, &name),
        };
        self.to.call(CallKind::Macro, callee, &arguments, span).1
    }

    /// The arguments of an unknown macro: expressions between commas or semicolons, else statements; what parses as
    /// neither is left out.
    fn arguments(&mut self, tokens: &TokenStream) -> Vec<VarId> {
        let list = Punctuated::<Expr, Token![,]>::parse_terminated.parse2(tokens.clone());
        if let Ok(list) = list {
            return list.iter().map(|expression| self.expression(expression)).collect();
        }
        if let Ok(statements) = Block::parse_within.parse2(tokens.clone()) {
            let open = proc_macro2::Span::call_site();
            let _ = open;
            let block = Block { brace_token: Default::default(), stmts: statements };
            self.block_value(&block);
            return Vec::new();
        }
        let mut values = Vec::new();
        for part in split(tokens.clone(), &[',', ';']) {
            // `name = value`, `%value`, `?value` of logging macros.
            let part: TokenStream = match part.clone().into_iter().next() {
                Some(TokenTree::Punct(punct)) if matches!(punct.as_char(), '%' | '?') => {
                    part.into_iter().skip(1).collect()
                }
                _ => part,
            };
            if let Ok(expression) = syn::parse2::<Expr>(part) {
                values.push(self.expression(&expression));
            }
        }
        values
    }

    /// `format!("…{}…{x}", a)` and the macros that take its arguments.
    fn format_like(&mut self, mac: &Macro, name: &str, span: Span) -> VarId {
        let mut text: Option<String> = None;
        let mut holes = Vec::new();
        // What a log line has beside its text: `error!(offset = msg.offset(), "no")`.
        let mut fields = Vec::new();
        for part in split(mac.tokens.clone(), &[',', ';']) {
            if text.is_none()
                && let Ok(literal) = syn::parse2::<syn::LitStr>(part.clone())
            {
                text = Some(literal.value());
                continue;
            }
            let part: TokenStream = match part.clone().into_iter().next() {
                Some(TokenTree::Punct(punct)) if matches!(punct.as_char(), '%' | '?') => {
                    part.into_iter().skip(1).collect()
                }
                _ => part,
            };
            match syn::parse2::<Expr>(part) {
                Ok(Expr::Assign(assign)) => {
                    let value = self.expression(&assign.right);
                    if text.is_some() { &mut holes } else { &mut fields }.push(value);
                }
                Ok(expression) => {
                    let value = self.expression(&expression);
                    // What comes before the text is where it goes (`write!(f, …)`) or a field of a log line.
                    if text.is_some() {
                        holes.push(value);
                    }
                }
                Err(_) => {}
            }
        }
        let template = match text {
            Some(text) => {
                let (text, named) = format_holes(&text);
                let mut positional = holes.into_iter();
                let holes: Vec<VarId> = named
                    .iter()
                    .map(|hole| match hole {
                        Some(name) if !name.chars().all(|c| c.is_ascii_digit()) => match self.to.lookup(name) {
                            Some(var) => var,
                            None => positional.next().unwrap_or_else(|| self.to.fresh_var()),
                        },
                        _ => positional.next().unwrap_or_else(|| self.to.fresh_var()),
                    })
                    .collect();
                self.to.template(&text, &holes)
            }
            None => self.to.fresh_var(),
        };
        if name == "format" || name == "format_args" {
            return template;
        }
        let arguments: Vec<VarId> = std::iter::once(template).chain(fields).collect();
        self.named_call(mac, &arguments, span)
    }

    /// `{ "key": value }` of `json!` and of `doc!`, at any depth.
    fn json(&mut self, tokens: TokenStream) -> VarId {
        let mut trees = tokens.clone().into_iter();
        let (Some(TokenTree::Group(group)), None) = (trees.next(), trees.next()) else {
            return match syn::parse2::<Expr>(tokens) {
                Ok(expression) => self.expression(&expression),
                Err(_) => self.to.fresh_var(),
            };
        };
        match group.delimiter() {
            Delimiter::Brace => {
                let object = self.to.object();
                for part in split(group.stream(), &[',']) {
                    let mut trees = part.into_iter();
                    let key = trees.next();
                    let colon = matches!(trees.next(), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
                    if !colon {
                        continue;
                    }
                    let value = self.json(trees.collect());
                    let key = match key {
                        Some(TokenTree::Literal(literal)) => {
                            syn::parse2::<syn::LitStr>(TokenTree::Literal(literal).into())
                                .map(|text| text.value())
                                .unwrap_or_default()
                        }
                        _ => String::new(),
                    };
                    self.to.entry(object, &key, value);
                }
                object
            }
            Delimiter::Bracket => {
                let values: Vec<VarId> =
                    split(group.stream(), &[',']).into_iter().map(|part| self.json(part)).collect();
                self.to.array(&values)
            }
            _ => match syn::parse2::<Expr>(tokens) {
                Ok(expression) => self.expression(&expression),
                Err(_) => self.to.fresh_var(),
            },
        }
    }

    /// `pattern = future [, if guard] => handler` arms.
    fn select(&mut self, mac: &Macro, span: Span) -> VarId {
        let result = self.to.fresh_var();
        self.to.begin_region(RegionKind::Select, span);
        let arms = Parser::parse2(select_arms, mac.tokens.clone()).unwrap_or_default();
        let mut futures = Vec::new();
        for arm in &arms {
            let value = arm.future.as_ref().map(|future| self.expression(future));
            if let Some(guard) = &arm.guard {
                self.expression(guard);
            }
            futures.push(value);
        }
        for value in futures.iter().flatten() {
            self.to.suspend(Some(*value), span);
        }
        let mut choice = self.to.begin_choice();
        for (arm, value) in arms.iter().zip(futures) {
            let at = self.span(start_of(&arm.handler), end_of(&arm.handler));
            self.to.begin_arm(&choice, RegionKind::Branch, value, at);
            self.to.push_scope();
            if let (Some(pattern), Some(value)) = (&arm.pattern, value) {
                self.bind_pattern(pattern, value);
            }
            let outcome = self.expression(&arm.handler);
            self.to.assign(result, outcome);
            self.to.pop_scope();
            self.to.end_arm(&mut choice);
        }
        self.to.end_choice(choice, true);
        self.to.end_region();
        result
    }

    /// `static ref NAME: T = value;`, `static NAME: T = value;`
    fn statics(&mut self, mac: &Macro) {
        for part in split(mac.tokens.clone(), &[';']) {
            let mut trees =
                part.into_iter().skip_while(|tree| !matches!(tree, TokenTree::Ident(ident) if *ident == "static"));
            trees.next();
            let mut trees =
                trees.skip_while(|tree| matches!(tree, TokenTree::Ident(ident) if *ident == "ref")).peekable();
            let Some(TokenTree::Ident(name)) = trees.next() else { continue };
            trees.next();
            let mut type_ = TokenStream::new();
            for tree in trees.by_ref() {
                if matches!(&tree, TokenTree::Punct(punct) if punct.as_char() == '=') {
                    break;
                }
                type_.extend([tree]);
            }
            let value: TokenStream = trees.collect();
            let var = self.to.declare(&name.to_string());
            self.to.export(&name.to_string(), var);
            if let Ok(type_) = syn::parse2::<syn::Type>(type_) {
                let text = self.type_text(&type_);
                self.to.declare_type(var, &text);
            }
            if let Ok(value) = syn::parse2::<Expr>(value) {
                let value = self.expression(&value);
                self.to.assign(var, value);
            }
        }
        let _ = LiteralKind::String;
    }
}

struct SelectArm {
    pattern: Option<Pat>,
    future: Option<Expr>,
    guard: Option<Expr>,
    handler: Expr,
}

fn select_arms(input: syn::parse::ParseStream<'_>) -> syn::Result<Vec<SelectArm>> {
    let mut arms = Vec::new();
    if input.peek(syn::Ident)
        && input.fork().parse::<syn::Ident>().is_ok_and(|ident| ident == "biased")
        && input.peek2(Token![;])
    {
        input.parse::<syn::Ident>()?;
        input.parse::<Token![;]>()?;
    }
    while !input.is_empty() {
        let is_default = input.peek(Token![else])
            || input.fork().parse::<syn::Ident>().is_ok_and(|ident| ident == "complete" || ident == "default")
                && input.peek2(Token![=>]);
        let (mut pattern, mut future, mut guard) = (None, None, None);
        if is_default {
            input.parse::<TokenTree>()?;
        } else {
            pattern = Some(Pat::parse_multi_with_leading_vert(input)?);
            input.parse::<Token![=]>()?;
            future = Some(input.parse::<Expr>()?);
            if input.peek(Token![,]) && input.peek2(Token![if]) {
                input.parse::<Token![,]>()?;
                input.parse::<Token![if]>()?;
                guard = Some(input.parse::<Expr>()?);
            }
        }
        input.parse::<Token![=>]>()?;
        let handler = input.parse::<Expr>()?;
        if input.peek(Token![,]) {
            input.parse::<Token![,]>()?;
        }
        arms.push(SelectArm { pattern, future, guard, handler });
    }
    Ok(arms)
}

fn last(mac: &Macro) -> String {
    mac.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default()
}

/// The parts of a token stream between separators.
fn split(tokens: TokenStream, separators: &[char]) -> Vec<TokenStream> {
    let mut parts = Vec::new();
    let mut part = TokenStream::new();
    for tree in tokens {
        match &tree {
            TokenTree::Punct(punct) if separators.contains(&punct.as_char()) => parts.push(std::mem::take(&mut part)),
            _ => part.extend([tree]),
        }
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

/// The text with plain holes, and the name in each hole.
fn format_holes(text: &str) -> (String, Vec<Option<String>>) {
    let (mut out, mut holes) = (String::with_capacity(text.len()), Vec::new());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '{' if chars.peek() == Some(&'{') => {
                chars.next();
                out.push('{');
            }
            '}' if chars.peek() == Some(&'}') => {
                chars.next();
                out.push('}');
            }
            '{' => {
                let inner: String = chars.by_ref().take_while(|c| *c != '}').collect();
                let name = inner.split(':').next().unwrap_or_default().trim().to_owned();
                holes.push((!name.is_empty()).then_some(name));
                out.push_str("{}");
            }
            c => out.push(c),
        }
    }
    (out, holes)
}
