//! Python (3.8 to 3.14) to facts, by ruff's parser.

mod definitions;
mod expressions;
mod names;
mod statements;
#[cfg(test)]
mod tests;
mod types;

use distsys_facts::{DiagnosticKind, FactBase, Language, Role};
use ruff_python_ast::PySourceType;
use ruff_python_parser::parse_unchecked_source;
use ruff_text_size::{Ranged, TextRange};

use crate::front_end::FrontEnd;
use crate::lower::{Lowering, Span};

/// The front end of Python.
#[derive(Debug)]
pub struct Python;

impl FrontEnd for Python {
    fn name(&self) -> &'static str {
        "python"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["py", "pyi"]
    }

    fn lower(&self, path: &str, text: &str, role: Role) -> FactBase {
        let parsed = parse_unchecked_source(text, PySourceType::Python);
        let mut lowering = Lowering::new(path, text, Language::Python, role);
        if let Some(error) = parsed.errors().first() {
            lowering.diagnostic(
                DiagnosticKind::SyntaxError,
                error.location.start().to_u32(),
                &format!("{}; what parses around it is still read", error.error),
            );
        }
        if text.contains("distsys-graph:") {
            for token in parsed.tokens() {
                if token.kind().is_comment() {
                    lowering.comment(token.start().to_u32(), &text[token.range()]);
                }
            }
        }
        let mut lower = Lower { to: lowering, class: None, in_test_class: false };
        let body = &parsed.syntax().body;
        lower.declare_module_names(body);
        lower.body(body);
        lower.to.finish()
    }
}

/// The walk over one file's tree.
struct Lower<'s> {
    to: Lowering<'s>,
    /// The class whose body is being lowered.
    class: Option<distsys_facts::ClassId>,
    in_test_class: bool,
}

fn span(range: TextRange) -> Span {
    Span::new(range.start().to_u32(), range.end().to_u32())
}

fn span_of(node: &impl Ranged) -> Span {
    span(node.range())
}
