//! Functions, closures and `async` blocks.

use distsys_facts::{FunctionFlags, FunctionId, FunctionKind, ParameterKind, VarId};
use syn::spanned::Spanned;
use syn::{Attribute, Block, ExprAsync, ExprClosure, FnArg, Pat, ReceiverKind, Signature};

use super::Lower;
use super::items::is_cfg_test;
use crate::lower::{FunctionSpec, ParameterSpec};

pub(super) struct FunctionItem<'i> {
    pub(super) attributes: &'i [Attribute],
    pub(super) is_public: bool,
    pub(super) signature: &'i Signature,
    pub(super) body: Option<&'i Block>,
    pub(super) span: proc_macro2::Span,
}

impl Lower<'_> {
    pub(super) fn function(&mut self, item: FunctionItem<'_>) -> FunctionId {
        let annotations = self.attributes(item.attributes);
        let signature = item.signature;
        let mut flags = FunctionFlags::default();
        if signature.asyncness.is_some() {
            flags |= FunctionFlags::ASYNC;
        }
        if item.is_public {
            flags |= FunctionFlags::PUBLIC;
        }
        if item.body.is_none() {
            flags |= FunctionFlags::ABSTRACT;
        }
        if self.in_test || is_cfg_test(item.attributes) || is_test(item.attributes) {
            flags |= FunctionFlags::TEST;
        }
        let receiver = matches!(signature.inputs.first(), Some(FnArg::Receiver(_)));
        if matches!(signature.inputs.first(), Some(FnArg::Receiver(row)) if matches!(row.kind, ReceiverKind::Value)) {
            flags |= FunctionFlags::CONSUMES;
        }
        let class = self.class;
        if class.is_some() && !receiver {
            flags |= FunctionFlags::STATIC;
        }
        let outer_bounds = self.bounds.clone();
        let added = self.bounds_of(&signature.generics);
        self.bounds.extend(added);
        let return_type = self.return_text(&signature.output);
        let name = signature.ident.to_string();
        let function = self.to.begin_function(FunctionSpec {
            name: &name,
            kind: if class.is_some() { FunctionKind::Method } else { FunctionKind::Function },
            flags,
            class,
            return_type: &return_type,
            span: self.at(item.span),
        });
        let outer_class = self.class.take();
        for input in &signature.inputs {
            match input {
                FnArg::Receiver(_) => {
                    self.to.parameter(ParameterSpec {
                        name: "self",
                        kind: ParameterKind::Receiver,
                        type_: "",
                        default: None,
                    });
                }
                FnArg::Typed(typed) => {
                    let type_ = self.type_text(&typed.ty);
                    self.parameter(&typed.pat, &type_);
                }
            }
        }
        let outer_async = std::mem::replace(&mut self.in_async, signature.asyncness.is_some());
        if let Some(body) = item.body {
            let value = self.block_value(body);
            self.to.result(value, self.at(body.brace_token.span.close()));
        }
        self.to.end_function();
        self.in_async = outer_async;
        self.class = outer_class;
        self.bounds = outer_bounds;
        for site in annotations {
            self.to.annotate_function(function, site);
        }
        function
    }

    fn parameter(&mut self, pattern: &Pat, type_: &str) {
        let kind = ParameterKind::Positional;
        match plain_name(pattern) {
            Some(name) => {
                let var = self.to.parameter(ParameterSpec { name: &name, kind, type_, default: None });
                self.locals.insert(var);
            }
            None => {
                let var = self.to.parameter(ParameterSpec { name: "", kind, type_, default: None });
                self.bind_pattern(pattern, var);
            }
        }
    }

    pub(super) fn closure(&mut self, closure: &ExprClosure) -> VarId {
        let mut flags = FunctionFlags::default();
        if closure.asyncness.is_some() {
            flags |= FunctionFlags::ASYNC;
        }
        let return_type = self.return_text(&closure.output);
        let span = self.span(closure.inputs_begin.span, super::expressions::end_of(&closure.body));
        let temporaries = self.temporaries.take();
        let function = self.to.begin_function(FunctionSpec {
            name: "",
            kind: FunctionKind::Closure,
            flags,
            class: None,
            return_type: &return_type,
            span,
        });
        for input in &closure.inputs {
            match input {
                Pat::Type(typed) => {
                    let type_ = self.type_text(&typed.ty);
                    self.parameter(&typed.pat, &type_);
                }
                other => self.parameter(other, ""),
            }
        }
        let value = self.expression(&closure.body);
        self.to.result(Some(value), self.at(super::expressions::end_of(&closure.body)));
        self.to.end_function();
        self.temporaries = temporaries;
        self.to.function_value(function)
    }

    pub(super) fn async_block(&mut self, block: &ExprAsync) -> VarId {
        let span = self.span(block.async_token.span, block.block.brace_token.span.close());
        let temporaries = self.temporaries.take();
        let function = self.to.begin_function(FunctionSpec {
            name: "",
            kind: FunctionKind::AsyncBlock,
            flags: FunctionFlags::ASYNC,
            class: None,
            return_type: "",
            span,
        });
        let outer_async = std::mem::replace(&mut self.in_async, true);
        let value = self.block_value(&block.block);
        self.in_async = outer_async;
        self.to.result(value, self.at(block.block.brace_token.span.close()));
        self.to.end_function();
        self.temporaries = temporaries;
        self.to.function_value(function)
    }
}

/// `x`, `mut x`, `&x`
fn plain_name(pattern: &Pat) -> Option<String> {
    match pattern {
        Pat::Ident(ident) if ident.subpat.is_none() => Some(ident.ident.to_string()),
        Pat::Reference(reference) => plain_name(&reference.pat),
        _ => None,
    }
}

/// `#[test]`, `#[tokio::test]`, `#[rstest]`, `#[sqlx::test(…)]`
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().segments.last().is_some_and(|segment| {
            let name = segment.ident.to_string();
            name == "test"
                || name == "rstest"
                || name == "bench"
                || name.ends_with("_test")
                || name == "test_case"
                || name == "quickcheck"
                || name == "proptest"
        })
    })
}

#[allow(unused_imports, reason = "spans of signatures are taken through this trait")]
use Spanned as _;
