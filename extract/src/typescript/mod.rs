//! TypeScript to facts.

use distsys_facts::{FactBase, Language, Role};

use crate::front_end::FrontEnd;
use crate::lower::Lowering;

/// The front end of TypeScript.
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
        Lowering::new(path, text, Language::TypeScript, role).finish()
    }
}
