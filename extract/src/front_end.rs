//! What a language must offer, and the list of those that do. To add one: a folder beside this file and a line here.

use distsys_facts::{FactBase, Role};

/// Reads the source text of one language. Implementations hold no state and touch no file: a pure function of the text.
pub trait FrontEnd: Sync {
    /// Name in diagnostics and figures.
    fn name(&self) -> &'static str;

    /// File name extensions, without the dot.
    fn extensions(&self) -> &'static [&'static str];

    /// Whether it reads files of this name.
    fn reads(&self, path: &str) -> bool {
        path.rsplit_once('.').is_some_and(|(_, extension)| self.extensions().contains(&extension))
    }

    /// The facts of the text at `path` (relative, with `/`). Text with syntax errors gives the facts of what does parse,
    /// and a diagnostic; text that says other things than its name gives none.
    fn lower(&self, path: &str, text: &str, role: Role) -> FactBase;

    /// Says in the merged facts of a tree what no file says alone.
    fn link(&self, _facts: &mut FactBase) {}
}

/// Every language that is read.
pub const FRONT_ENDS: &[&dyn FrontEnd] = &[
    &crate::go::Go,
    &crate::java::Java,
    &crate::mybatis::MyBatis,
    &crate::python::Python,
    &crate::rust::Rust,
    &crate::schema::Schema,
    &crate::typescript::TypeScript,
];

/// What the files of a tree say together.
pub fn link(facts: &mut FactBase) {
    for front_end in FRONT_ENDS {
        front_end.link(facts);
    }
}

/// The front end for a file of this name.
pub fn front_end_for(path: &str) -> Option<&'static dyn FrontEnd> {
    FRONT_ENDS.iter().copied().find(|front_end| front_end.reads(path))
}
