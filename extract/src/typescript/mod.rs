//! TypeScript, JavaScript and their JSX forms to facts, by oxc.

mod classes;
mod expressions;
mod functions;
mod modules;
mod patterns;
mod statements;
#[cfg(test)]
mod tests;
mod types;

use distsys_facts::{ClassId, DiagnosticKind, FactBase, Language, Role};
use oxc_allocator::Allocator;
use oxc_ast::ast::Directive;
use oxc_parser::{ParseOptions, Parser, ParserReturn};
use oxc_span::SourceType;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::front_end::FrontEnd;
use crate::lower::{Lowering, Span};

/// The front end of TypeScript and JavaScript.
#[derive(Debug)]
pub struct TypeScript;

impl FrontEnd for TypeScript {
    fn name(&self) -> &'static str {
        "typescript"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["ts", "tsx", "mts", "cts", "js", "jsx", "mjs", "cjs"]
    }

    fn lower(&self, path: &str, text: &str, role: Role) -> FactBase {
        let extension = path.rsplit('.').next().unwrap_or_default();
        let typed = matches!(extension, "ts" | "tsx" | "mts" | "cts");
        let language = if typed { Language::TypeScript } else { Language::JavaScript };
        let source_type = match extension {
            "ts" | "mts" | "cts" if path.contains(".d.") => SourceType::d_ts(),
            "ts" | "mts" | "cts" => SourceType::ts(),
            "tsx" => SourceType::tsx(),
            _ => SourceType::unambiguous().with_jsx(true),
        };
        let allocator = Allocator::with_capacity(text.len() * 8);
        let mut parsed = parse(&allocator, text, source_type);
        if parsed.panicked && !typed {
            // Flow annotations parse as TypeScript, mostly.
            let again = parse(&allocator, text, SourceType::tsx());
            if !again.panicked {
                parsed = again;
            }
        }
        let mut lowering = Lowering::new(path, text, language, role);
        if let Some(error) = parsed.diagnostics.iter().next() {
            let at = error.labels.iter().next().map_or(0, |label| label.offset());
            let (kind, rest) = if parsed.panicked {
                (DiagnosticKind::Unparsable, "nothing of the file is read")
            } else {
                (DiagnosticKind::SyntaxError, "what parses around it is still read")
            };
            lowering.diagnostic(kind, at.min(text.len() as u32), &format!("{}; {rest}", error.message));
        }
        if text.contains("distsys-graph:") {
            for comment in &parsed.program.comments {
                let span = comment.span;
                if let Some(comment_text) = text.get(span.start as usize..span.end as usize) {
                    lowering.comment(span.start, comment_text);
                }
            }
        }
        let mut lower = Lower {
            to: lowering,
            class: None,
            overridden: FxHashSet::default(),
            in_test: false,
            in_served_file: None,
            served: None,
            bounds: FxHashMap::default(),
        };
        lower.in_served_file = served(&parsed.program.directives);
        lower.declare(&parsed.program.body);
        lower.statements(&parsed.program.body);
        lower.to.finish()
    }
}

fn parse<'a>(allocator: &'a Allocator, text: &'a str, source_type: SourceType) -> ParserReturn<'a> {
    let options = ParseOptions { preserve_parens: false, ..ParseOptions::default() };
    Parser::new(allocator, text, source_type).with_options(options).parse()
}

/// The walk over one file's tree.
struct Lower<'s> {
    to: Lowering<'s>,
    /// The class whose members are being lowered.
    class: Option<ClassId>,
    /// The methods that the class around defines: by `super` one means that of a class above.
    overridden: FxHashSet<String>,
    in_test: bool,
    /// Where a file says `"use server"`: a framework runs what it offers on requests.
    in_served_file: Option<Span>,
    /// Likewise, while something is lowered that such a file offers.
    served: Option<Span>,
    /// Type parameters in scope, with the type that their constraint says.
    bounds: FxHashMap<String, String>,
}

/// Where directives say that a framework runs functions on requests.
fn served(directives: &[Directive<'_>]) -> Option<Span> {
    directives.iter().find(|directive| directive.directive == SERVED).map(|directive| span(directive.span))
}

/// React's server functions.
const SERVED: &str = "use server";

fn span(span: oxc_span::Span) -> Span {
    Span::new(span.start, span.end)
}
