//! Types of Rust that only a macro declares.

use distsys_facts::{ClassId, Language};
use rustc_hash::FxHashSet;

use crate::program::Program;

/// `impl OrderKey { … }` where the module declares no `OrderKey`: methods of its own a type has in Rust only where it is
/// declared, so a macro does. What stands in the block for a trait says nothing of that.
pub(super) fn blocks(program: &Program<'_>) -> FxHashSet<ClassId> {
    let mut found = FxHashSet::default();
    let mut with_trait = FxHashSet::default();
    for row in &program.facts.relations.extends {
        let is_rust = || {
            let module = program.class(row.class).module;
            program.language(program.file_of_module(module)) == Language::Rust
        };
        match program.text(row.base).strip_prefix("impl.") {
            Some(name) if !name.contains('.') && is_rust() => found.insert(row.class),
            _ => with_trait.insert(row.class),
        };
    }
    found.retain(|class| !with_trait.contains(class));
    found
}
