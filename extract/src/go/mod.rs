//! Go to facts, by tree-sitter.
//!
//! What Go says in its own way, in the conventions of [`crate::lower`]:
//!
//! - **Results.** The value of a call is its first result, the others are loads of `1`, `2`, …; a function's type is that of its
//!   first result, `Result<T,error>` if it gives an error, too.
//! - **Errors.** `err != nil` asks for the variant `Err` of the error, `err == nil` for `Ok`; returning an error that is known
//!   to be one throws it.
//! - **`defer`.** A function that defers is a `try` whose `finally` makes the deferred calls, the last one first.
//! - **Goroutines and channels.** `go f(x)` is a call of the free name `go` with a closure, `make(chan T, n)` of the free name
//!   `chan`; `ch <- v` and `<-ch` are calls of its methods `send` and `receive`.
//! - **Waiting.** Every call may wait; in functions that take a lock each is a suspension point, too.
//! - **Packages.** Every top-level name is exported: the files of a folder share one scope.
//! - **Methods** of a type that stands in another file belong to a class that extends `impl.<type>`.

mod calls;
mod control;
mod declarations;
mod expressions;
mod imports;
mod link;
mod literals;
mod statements;
#[cfg(test)]
mod tests;
mod types;

use distsys_facts::{CallKind, ClassId, DiagnosticKind, FactBase, Language, Role, VarId};
use rustc_hash::{FxHashMap, FxHashSet};
use tree_sitter::Node;

use crate::front_end::FrontEnd;
use crate::lower::{Lowering, Span};
use crate::tree;

/// The front end of Go.
#[derive(Debug)]
pub struct Go;

impl FrontEnd for Go {
    fn name(&self) -> &'static str {
        "go"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["go"]
    }

    fn link(&self, facts: &mut FactBase) {
        link::link(facts);
    }

    fn lower(&self, path: &str, text: &str, role: Role) -> FactBase {
        // Helpers of tests stand in files of any name.
        let role = if role == Role::Source && is_for_tests(text) { Role::Test } else { role };
        let mut to = Lowering::new(path, text, Language::Go, role);
        let language = tree_sitter_go::LANGUAGE.into();
        let mut parsed = tree::parse(&language, text);
        // The grammar knows `new` of types alone.
        if parsed.as_ref().is_some_and(|tree| tree.root_node().has_error())
            && let Some(plain) = without_new_of_values(text)
        {
            parsed = tree::parse(&language, &plain);
        }
        let Some(parsed) = parsed else {
            to.diagnostic(DiagnosticKind::Unparsable, 0, "the text could not be parsed as Go");
            return to.finish();
        };
        let root = parsed.root_node();
        tree::comments(&mut to, text, root);
        let mut lower = Lower {
            to,
            source: text,
            depth: 0,
            is_too_deep: false,
            is_test: role == Role::Test,
            classes: FxHashMap::default(),
            conversions: FxHashSet::default(),
            counts: FxHashSet::default(),
            texts: FxHashMap::default(),
            maps: FxHashSet::default(),
            packages: FxHashMap::default(),
            types: FxHashMap::default(),
            copies: FxHashMap::default(),
            errors: FxHashSet::default(),
            blank: FxHashSet::default(),
            blank_addresses: FxHashSet::default(),
            captured: FxHashSet::default(),
            captures_seen: 0,
            failed: Vec::new(),
            frames: vec![Frame::default()],
            bounds: FxHashMap::default(),
        };
        lower.file(root);
        lower.to.finish()
    }
}

/// Whether a file is there for tests alone: it imports their package, and half of its functions, or one of its types, take what
/// that gives. A mock at the end of a file of the service makes no test of it.
fn is_for_tests(text: &str) -> bool {
    let head = text.lines().map(str::trim).take_while(|line| !line.starts_with("func ") && !line.starts_with("type "));
    if !head.into_iter().any(|line| matches!(line, "\"testing\"" | "import \"testing\"")) {
        return false;
    }
    let (mut all, mut taking) = (0usize, 0usize);
    for line in text.lines() {
        let takes = takes_tests(line);
        if line.starts_with("func ") {
            all += 1;
            taking += usize::from(takes);
        } else if takes && !line.contains("func(") && !line.trim_start().starts_with("//") {
            // A field: `t *testing.T`.
            return true;
        }
    }
    2 * taking >= all
}

/// Whether a parameter or a field is what the runner of tests gives.
fn takes_tests(declared: &str) -> bool {
    ["*testing.T", "*testing.B", "*testing.F", "*testing.M", " testing.TB"].iter().any(|type_| declared.contains(type_))
}

/// What `new` is given is no longer, or no reason to read a file twice.
const MAX_OPERAND: usize = 400;

/// The text with `new(value)` (Go 1.26) as a call of a name of the same length, if there is one; all else stays where it is.
fn without_new_of_values(text: &str) -> Option<String> {
    let mut plain = text.to_owned();
    let mut changed = false;
    for (at, _) in text.match_indices("new(") {
        let is_name = text[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '.'));
        let rest = &text[at + 4..];
        let rest = rest.char_indices().nth(MAX_OPERAND).map_or(rest, |(end, _)| &rest[..end]);
        let mut depth = 0usize;
        let end = rest.find(|c| {
            match c {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' if depth > 0 => depth -= 1,
                ')' => return true,
                _ => {}
            }
            false
        });
        let Some(operand) = end.map(|end| rest[..end].trim()) else { continue };
        let is_type = operand.starts_with(['*', '[', '<'])
            || ["func(", "map[", "chan ", "struct", "interface"].iter().any(|word| operand.starts_with(word));
        let is_value = operand.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '"' | '`' | '-' | '!' | '&'))
            || operand.contains(['(', '"', '`'])
            || [" * ", " + ", " - ", " == ", " / "].iter().any(|operator| operand.contains(operator))
            || matches!(operand, "true" | "false");
        if !is_name && is_value && !is_type {
            plain.replace_range(at..at + 3, "neu");
            changed = true;
        }
    }
    changed.then_some(plain)
}

/// The walk over one file's tree.
struct Lower<'s> {
    to: Lowering<'s>,
    source: &'s str,
    depth: u32,
    is_too_deep: bool,
    is_test: bool,
    /// The types declared in the file, and those whose methods stand here.
    classes: FxHashMap<&'s str, ClassId>,
    /// Types of the file whose conversions keep what they convert: functions, slices, text, numbers.
    conversions: FxHashSet<&'s str>,
    /// Constants of the file that are numbers.
    counts: FxHashSet<&'s str>,
    /// Constants of the file that are texts.
    texts: FxHashMap<&'s str, String>,
    /// Types of the file that are maps.
    maps: FxHashSet<&'s str>,
    /// Imported packages, by the variable that holds them.
    packages: FxHashMap<VarId, &'s str>,
    /// What a variable is declared to be.
    types: FxHashMap<VarId, String>,
    /// A variable that is assigned again goes on as a copy in the block of the assignment; by copy, what it is a copy of.
    copies: FxHashMap<VarId, VarId>,
    /// Variables that hold an error or none.
    errors: FxHashSet<VarId>,
    /// Variables that have been given nothing yet: what a call gets their address for is to fill them.
    blank: FxHashSet<VarId>,
    /// Likewise, of addresses: `order := &Order{}`.
    blank_addresses: FxHashSet<VarId>,
    /// Variables that closures have captured, as far as this many rows tell.
    captured: FxHashSet<VarId>,
    captures_seen: usize,
    /// Errors that are known to be there, because an arm asked for them.
    failed: Vec<VarId>,
    frames: Vec<Frame>,
    /// Type parameters in force, with their constraints.
    bounds: FxHashMap<String, String>,
}

/// What the innermost function is known by.
#[derive(Default)]
struct Frame {
    /// Whether its last result is an error.
    fails: bool,
    /// Named results.
    results: Vec<VarId>,
    /// Its own variables, which a copy may follow.
    locals: FxHashSet<VarId>,
    deferred: Vec<Deferred>,
    /// Whether it takes a lock, so that what it waits for while it holds it matters.
    locks: bool,
    /// How many regions are open around the statement.
    nesting: u32,
}

/// A call that waits for the end of its function: all is evaluated but the call.
struct Deferred {
    callee: Called,
    arguments: Vec<Given>,
    span: Span,
    /// Whether the statement may not have been reached.
    sometimes: bool,
}

/// What is called, evaluated.
enum Called {
    Value(VarId, String),
    Member(VarId, String),
}

/// An argument, evaluated.
enum Given {
    One(VarId),
    Named(String, VarId),
    Spread(VarId),
}

/// Trees nested deeper are given up; the stacks of the workers hold several times as much.
const MAX_DEPTH: u32 = 4_000;

impl<'s> Lower<'s> {
    fn text(&self, node: Node<'_>) -> &'s str {
        tree::text(self.source, node)
    }

    /// Runs `work` one level deeper, or gives up.
    fn deeper(&mut self, node: Node<'_>, work: impl FnOnce(&mut Self)) {
        if self.depth >= MAX_DEPTH {
            if !self.is_too_deep {
                self.is_too_deep = true;
                let message = format!("code is nested more than {MAX_DEPTH} deep; what is deeper is not read");
                self.to.diagnostic(DiagnosticKind::TooDeep, node.start_byte() as u32, &message);
            }
            return;
        }
        self.depth += 1;
        work(self);
        self.depth -= 1;
    }

    fn frame(&mut self) -> &mut Frame {
        if self.frames.is_empty() {
            self.frames.push(Frame::default());
        }
        let last = self.frames.len() - 1;
        &mut self.frames[last]
    }

    /// A new variable of the innermost function.
    fn local(&mut self, name: &str) -> VarId {
        let var = if name == "_" { self.to.fresh_var() } else { self.to.declare(name) };
        self.frame().locals.insert(var);
        var
    }

    fn typed(&mut self, var: VarId, type_: &str) {
        if !type_.is_empty() {
            self.to.declare_type(var, type_);
            self.types.insert(var, type_.to_owned());
        }
    }

    /// The import path of the package that a name means here.
    fn package_of(&mut self, node: Node<'_>) -> Option<&'s str> {
        if !matches!(node.kind(), "identifier" | "package_identifier") {
            return None;
        }
        let name = self.text(node);
        let var = self.to.lookup(name)?;
        self.packages.get(&var).copied()
    }

    fn call(&mut self, callee: &Called, arguments: &[Given], kind: CallKind, span: Span) -> VarId {
        use crate::lower::{Arg, Callee};
        let arguments: Vec<Arg<'_>> = arguments
            .iter()
            .map(|given| match given {
                Given::One(var) => Arg::Positional(*var),
                Given::Named(name, var) => Arg::Keyword(name, *var),
                Given::Spread(var) => Arg::Spread(*var),
            })
            .collect();
        let callee = match callee {
            Called::Value(var, name) => Callee::Value(*var, name),
            Called::Member(var, name) => Callee::Member(*var, name),
        };
        let (_, value) = self.to.call(kind, callee, &arguments, span);
        if kind == CallKind::Call && self.frames.last().is_some_and(|frame| frame.locks) {
            // Whoever waits for a lock waits as long as its holder waits for the answer to a call.
            self.to.suspend(Some(value), span);
        }
        value
    }
}
