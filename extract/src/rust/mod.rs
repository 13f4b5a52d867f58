//! Rust to facts.

use distsys_facts::{FactBase, Language, Role};

use crate::front_end::FrontEnd;
use crate::lower::Lowering;

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
        Lowering::new(path, text, Language::Rust, role).finish()
    }
}
