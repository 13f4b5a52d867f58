//! Rust to facts, by syn.
//!
//! What a value borrows or unwraps is the value (`&x`, `x?`, `Some(x)`, `x.clone()`, `Arc::new(x)`): guards, handles and
//! errors keep their identity on the way. A pattern that decides an arm is the condition `subject is Name`.

mod control;
mod expressions;
mod functions;
mod items;
mod macros;
mod patterns;
mod statements;
#[cfg(test)]
mod tests;
mod types;

use distsys_facts::{ClassId, DiagnosticKind, FactBase, Language, Role, VarId};
use proc_macro2::Span as TokenSpan;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::front_end::FrontEnd;
use crate::lower::{Lowering, Span};

/// The front end of Rust.
#[derive(Debug)]
pub struct Rust;

impl FrontEnd for Rust {
    fn name(&self) -> &'static str {
        "rust"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["rs"]
    }

    fn lower(&self, path: &str, text: &str, role: Role) -> FactBase {
        let mut lowering = Lowering::new(path, text, Language::Rust, role);
        comments(&mut lowering, text);
        // syn leaves out a shebang, and spans count from behind it.
        let skipped = if text.starts_with("#!") && !text.starts_with("#![") { text.find('\n').unwrap_or(0) } else { 0 };
        match syn::parse_file(text) {
            Ok(file) => {
                let mut lower = Lower {
                    to: lowering,
                    shift: skipped as u32,
                    class: None,
                    self_type: String::new(),
                    bounds: FxHashMap::default(),
                    classes: vec![FxHashMap::default()],
                    in_test: false,
                    temporaries: None,
                    locals: FxHashSet::default(),
                    in_async: false,
                };
                lower.module_items(&file.items);
                lowering = lower.to;
            }
            Err(error) => {
                let at = error.span().byte_range().start as u32 + skipped as u32;
                let at = at.min(text.len() as u32);
                lowering.diagnostic(DiagnosticKind::Unparsable, at, &format!("{error}; nothing of the file is read"));
            }
        }
        // Spans live in a thread-local map that grows without end otherwise; none is kept beyond this point.
        proc_macro2::extra::invalidate_current_thread_spans();
        lowering.finish()
    }
}

/// Directives in line comments, which syn drops.
fn comments(lowering: &mut Lowering<'_>, text: &str) {
    if !text.contains("distsys-graph:") {
        return;
    }
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        if let Some(at) = line.find("//")
            && line[at..].contains("distsys-graph:")
        {
            lowering.comment((offset + at) as u32, line[at..].trim_end());
        }
        offset += line.len();
    }
}

/// The walk over one file's tree.
struct Lower<'s> {
    to: Lowering<'s>,
    shift: u32,
    /// The class of the `impl` or trait that is being lowered.
    class: Option<ClassId>,
    /// What `Self` is there.
    self_type: String,
    /// Generic parameters in scope, with the type that their bound says.
    bounds: FxHashMap<String, String>,
    /// Types by name, of each module that is open.
    classes: Vec<FxHashMap<String, ClassId>>,
    in_test: bool,
    /// Values of calls in an expression whose temporaries live on: a guard among them is alive.
    temporaries: Option<Vec<VarId>>,
    /// Local variables and parameters, which no path of several segments means.
    locals: FxHashSet<VarId>,
    /// Inside an `async` function or block, where it matters how long a value lives.
    in_async: bool,
}

impl Lower<'_> {
    fn span(&self, start: TokenSpan, end: TokenSpan) -> Span {
        Span::new(start.byte_range().start as u32 + self.shift, end.byte_range().end as u32 + self.shift)
    }

    fn at(&self, token: TokenSpan) -> Span {
        self.span(token, token)
    }

    /// What the first segment of a longer path means: an item or a crate, never a local value.
    fn path_root(&mut self, name: &str) -> VarId {
        let locals = &self.locals;
        match self.to.lookup_besides(name, |var| locals.contains(&var)) {
            Some(var) => var,
            None => self.to.global(name),
        }
    }
}
