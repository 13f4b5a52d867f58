//! The seam between parsers and facts: [`Lowering`] is what every front end writes to, whatever tree it reads.
//!
//! A front end walks its tree once and tells the lowering what it sees, in evaluation order; scopes, ids, regions, basic
//! blocks and positions are kept here. Languages agree on these conventions, so that rules need not know them:
//!
//! **Names.** A plain call `f(x)` has `callee` = the variable `f`. Every dotted call, `a.b(x)`, Rust's `A::b(x)` included, has
//! `receiver` = the value before the last segment and `name` = that segment. Longer paths are loads: `a.b.c(x)` is
//! `load t a b`, then a call of `c` on `t`. A name that nothing binds is a [`Lowering::global`], so are Rust's crate names
//! and `crate`, `self`, `super`.
//!
//! **Imports** bind variables: `import a.b as x` → target `a.b`, member empty; `from .a import b` → target `.a`, member `b`;
//! `import {b as c} from "./a"` → `./a`, `b`; `import d from` → member `default`; `import * as n`, `const n = require("m")` →
//! member empty; `use crate::db::connect` → target `crate.db`, member `connect`.
//!
//! **Values.** `await x`, `x?`, `x as T`, `(x)`, `&x`, `*x` and arms of conditional expressions are assignments to a new value.
//! `{a} = o` and pattern bindings are loads (`[x, y] = o` loads `0`, `1`; `Some(x)`, `Ok(x)` patterns are plain assignments);
//! a loop variable is a load of `[*]`. A struct literal or dataclass construction is a call of kind `New` with keyword
//! arguments. `o["k"]` with a constant key is a load or store of `k`; `o[a:b]` is a [`Lowering::slice`]. Keyword literals are
//! [`Lowering::object`].
//!
//! **Shape.** Conditional arms are `Branch`/`Else` regions of a choice; conditional and short-circuit expressions are choices
//! too when an arm has a call. Comprehensions are loops. `with a as b` is a `With` region; `b` is assigned from `a`.
//! `await`, `async for` and `async with` (entry and exit) make `Await` sites. Rust's blocks are `Block` regions that bound the
//! life of their variables.
//!
//! **Closures** are functions whose parent is the function around them; the top-level code of a file is a function too.

mod control;
mod functions;
pub(crate) mod remarks;
mod scopes;
mod source_map;
mod values;

use distsys_facts::schema::{Diagnostic, Directive, File, Module};
use distsys_facts::{
    BlockId, DiagnosticKind, FactBase, FileId, FunctionId, Language, LiteralKind, ModuleId, Position, RegionId, Role,
    Sym, VarId,
};
use rustc_hash::FxHashMap;

pub use control::{Choice, Loop, Try};
use functions::Frame;
pub use functions::{ClassSpec, FunctionSpec, ParameterSpec};
use scopes::Scope;
pub use source_map::{SourceMap, Span};
pub use values::{Arg, Callee};

/// Builds the facts of one file.
#[derive(Debug)]
pub struct Lowering<'s> {
    facts: FactBase,
    source: SourceMap<'s>,
    file: FileId,
    modules: Vec<ModuleId>,
    frames: Vec<Frame>,
    scopes: Vec<Scope>,
    globals: FxHashMap<(ModuleId, Sym), VarId>,
    literals: FxHashMap<(LiteralKind, Sym), VarId>,
}

impl<'s> Lowering<'s> {
    /// Starts a file; its top-level code is the current function until [`Lowering::finish`].
    pub fn new(path: &str, text: &'s str, language: Language, role: Role) -> Self {
        let mut facts = FactBase::default();
        let source = SourceMap::new(text);
        let file: FileId = facts.fresh();
        let module: ModuleId = facts.fresh();
        let path = facts.intern(path);
        facts.relations.file.push(File { file, path, language, role, lines: source.lines() });
        facts.relations.module.push(Module { module, file, parent: None, name: Sym::EMPTY });
        let mut lowering = Lowering {
            facts,
            source,
            file,
            modules: vec![module],
            frames: Vec::new(),
            scopes: Vec::new(),
            globals: FxHashMap::default(),
            literals: FxHashMap::default(),
        };
        lowering.begin_module_function();
        lowering
    }

    /// The facts of the file.
    pub fn finish(mut self) -> FactBase {
        self.end_function();
        self.continue_statements();
        self.facts
    }

    pub fn intern(&mut self, text: &str) -> Sym {
        self.facts.intern(text)
    }

    pub fn text(&self, sym: Sym) -> &str {
        self.facts.text(sym)
    }

    /// The facts so far, for rows that have no method here.
    pub fn facts_mut(&mut self) -> &mut FactBase {
        &mut self.facts
    }

    pub fn file(&self) -> FileId {
        self.file
    }

    /// The innermost module.
    pub fn module(&self) -> ModuleId {
        self.modules.last().copied().unwrap_or_else(|| unreachable!("the file's own module is never popped"))
    }

    /// Says what the file calls the package that its top level belongs to.
    pub fn package(&mut self, name: &str) {
        let name = self.facts.intern(name);
        if let Some(row) = self.facts.relations.module.first_mut() {
            row.name = name;
        }
    }

    /// Enters an inline module (`mod name { … }`), whose names do not see the scopes around it.
    pub fn begin_inline_module(&mut self, name: &str) {
        let parent = Some(self.module());
        let module: ModuleId = self.facts.fresh();
        let name = self.facts.intern(name);
        self.facts.relations.module.push(Module { module, file: self.file, parent, name });
        self.modules.push(module);
        self.push_module_scope();
    }

    pub fn end_inline_module(&mut self) {
        self.pop_scope();
        self.modules.pop();
    }

    pub fn position(&self, offset: u32) -> Position {
        self.source.position(offset)
    }

    /// Whether there is nothing between the braces of a span, no comment either.
    pub fn is_blank(&self, braces: Span) -> bool {
        self.source.slice(braces).trim_matches(['{', '}', '(', ')']).trim().is_empty()
    }

    pub fn source(&self) -> &SourceMap<'s> {
        &self.source
    }

    pub fn diagnostic(&mut self, kind: DiagnosticKind, offset: u32, message: &str) {
        let position = self.source.position(offset);
        let message = self.facts.intern(message);
        self.facts.relations.diagnostic.push(Diagnostic { file: self.file, kind, position, message });
    }

    /// Takes a comment's text (with or without its markers); it is kept only if it is a directive
    /// (`distsys-graph: ignore[rule, rule] reason`).
    pub fn comment(&mut self, offset: u32, text: &str) {
        let Some((_, rest)) = text.split_once("distsys-graph:") else { return };
        let rest = rest.trim_start();
        let verb_end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(rest.len());
        let (verb, rest) = rest.split_at(verb_end);
        let (rules, reason) = match (rest.strip_prefix('['), rest.strip_prefix('(')) {
            (Some(inner), _) => inner.split_once(']').unwrap_or((inner, "")),
            (_, Some(inner)) => inner.split_once(')').unwrap_or((inner, "")),
            _ => ("", rest),
        };
        let reason = reason.trim().trim_end_matches("*/").trim_end_matches("-->").trim();
        let line = self.source.position(offset).line();
        let (verb, reason) = (self.facts.intern(verb), self.facts.intern(reason));
        for rule in rules.split(',') {
            let rule = self.facts.intern(rule.trim());
            self.facts.relations.directive.push(Directive { file: self.file, line, verb, rule, reason });
        }
    }

    fn frame(&mut self) -> &mut Frame {
        self.frames.last_mut().unwrap_or_else(|| unreachable!("the module function is never popped before finish"))
    }

    /// The innermost function.
    pub fn function(&self) -> FunctionId {
        self.frames.last().map(|frame| frame.function).unwrap_or_else(|| unreachable!("there is always a function"))
    }

    /// The innermost region.
    pub fn region(&self) -> RegionId {
        self.frames
            .last()
            .and_then(|frame| frame.regions.last().copied())
            .unwrap_or_else(|| unreachable!("a function has a body"))
    }

    /// The block that the next site goes to.
    pub fn block(&self) -> BlockId {
        self.frames.last().map(|frame| frame.block).unwrap_or_else(|| unreachable!("there is always a function"))
    }
}

#[cfg(test)]
mod tests;
