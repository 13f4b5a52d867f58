//! Python to facts.

use distsys_facts::{FactBase, Language, Role};

use crate::front_end::FrontEnd;
use crate::lower::Lowering;

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
        Lowering::new(path, text, Language::Python, role).finish()
    }
}
