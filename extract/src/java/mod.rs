//! Java to facts, by tree-sitter.
//!
//! Beside the conventions of [`crate::lower`]: the top level of a file is called by its package. A constructor is the method
//! `constructor`. An annotation is a call, its only or `value` argument the first; on a method without body it stands inside
//! of that method, because whoever calls the method has it done (`@Query("…") List<Order> open();`). `synchronized` is a `With`
//! region over what a call of `java.lang.synchronized` with the lock gives. `getX()` and `isX()` are loads of `x` beside
//! calls, `setX(v)` is a store. `C.class` is the class.

mod annotations;
mod calls;
mod classes;
mod control;
mod expressions;
mod functions;
mod imports;
mod names;
mod statements;
#[cfg(test)]
mod tests;
mod text;
mod types;

use distsys_facts::{DiagnosticKind, FactBase, Language, Role, VarId};
use rustc_hash::FxHashMap;
use tree_sitter::Node;

use crate::front_end::FrontEnd;
use crate::lower::Lowering;
use crate::tree;
use names::{Declared, Enclosing};

/// The front end of Java.
#[derive(Debug)]
pub struct Java;

impl FrontEnd for Java {
    fn name(&self) -> &'static str {
        "java"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["java"]
    }

    fn lower(&self, path: &str, text: &str, role: Role) -> FactBase {
        let mut to = Lowering::new(path, text, Language::Java, role);
        let Some(parsed) = tree::parse(&tree_sitter_java::LANGUAGE.into(), text) else {
            to.diagnostic(DiagnosticKind::Internal, 0, "the Java grammar cannot be used; nothing of the file is read");
            return to.finish();
        };
        let root = parsed.root_node();
        if let Some(error) = tree::first_error(root) {
            let at = (error.start_byte() as u32).min(text.len() as u32);
            let message = "this does not parse; what parses around it is still read";
            to.diagnostic(DiagnosticKind::SyntaxError, at, message);
        }
        tree::comments(&mut to, text, root);
        let mut lower = Lower::new(to, text);
        lower.file(root);
        lower.to.finish()
    }
}

/// The walk over one file's tree.
struct Lower<'s> {
    to: Lowering<'s>,
    text: &'s str,
    /// The classes of the file, found before anything is lowered, and local ones as they come.
    declared: Vec<Declared<'s>>,
    /// Their numbers by the byte at which they begin.
    declared_at: FxHashMap<usize, usize>,
    /// Those that the walk is in, outermost first.
    enclosing: Vec<Enclosing<'s>>,
    /// Members that single static imports bind: the class and the member's name.
    static_imports: FxHashMap<&'s str, (VarId, &'s str)>,
    /// Classes whose static members `import static C.*` binds.
    static_globs: Vec<VarId>,
    /// Types named in full, imported once.
    in_full: FxHashMap<String, VarId>,
    /// Type parameters in scope, with the type that their bound says.
    bounds: FxHashMap<&'s str, String>,
    /// Where `yield` and arms leave the value of a `switch`, innermost last.
    switches: Vec<VarId>,
    in_test: bool,
    /// Whether the function takes a lock of the process.
    locks: bool,
    /// Receiver and argument of the last `compareTo`.
    last_compared: Option<(VarId, VarId)>,
    /// The expression whose value nobody uses.
    discarded: Option<usize>,
    depth: u32,
    told_too_deep: bool,
}

impl<'s> Lower<'s> {
    fn new(to: Lowering<'s>, text: &'s str) -> Self {
        Lower {
            to,
            text,
            declared: Vec::new(),
            declared_at: FxHashMap::default(),
            enclosing: Vec::new(),
            static_imports: FxHashMap::default(),
            static_globs: Vec::new(),
            in_full: FxHashMap::default(),
            bounds: FxHashMap::default(),
            switches: Vec::new(),
            in_test: false,
            locks: false,
            last_compared: None,
            discarded: None,
            depth: 0,
            told_too_deep: false,
        }
    }

    fn file(&mut self, root: Node<'_>) {
        let items = tree::parts(root);
        for item in &items {
            match item.kind() {
                "package_declaration" => {
                    if let Some(name) = tree::parts(*item).into_iter().rfind(|node| node.kind().ends_with("identifier"))
                    {
                        let name = self.dotted(name);
                        self.to.package(&name);
                    }
                }
                "import_declaration" => self.import(*item),
                _ => {}
            }
        }
        self.collect(&items, None);
        for item in items {
            self.statement(item, "");
        }
    }

    /// The text of a node.
    fn slice(&self, node: Node<'_>) -> &'s str {
        self.text.get(node.byte_range()).unwrap_or("")
    }

    /// The text of a dotted name without what may stand between its parts.
    fn dotted(&self, node: Node<'_>) -> String {
        self.slice(node).split(char::is_whitespace).collect()
    }

    /// Goes a level deeper; false if that is too deep.
    fn descend(&mut self, node: Node<'_>) -> bool {
        if self.depth < tree::MAX_DEPTH {
            self.depth += 1;
            return true;
        }
        self.tell_too_deep(node);
        false
    }

    fn tell_too_deep(&mut self, node: Node<'_>) {
        if !self.told_too_deep {
            self.told_too_deep = true;
            let message = "this is nested too deep; what is inside is not read";
            self.to.diagnostic(DiagnosticKind::TooDeep, node.start_byte() as u32, message);
        }
    }

    fn ascend(&mut self) {
        self.depth -= 1;
    }
}
