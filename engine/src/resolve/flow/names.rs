//! Names that mean something to propagation, looked up once; none of a name that the program never writes.

use distsys_facts::{FactBase, Sym};

#[derive(Clone, Copy, Debug)]
pub(super) struct Names {
    /// Any element of a list; an element by a key that is computed.
    pub(super) any_element: Sym,
    pub(super) computed: Sym,
    /// What a pointer points to.
    pub(super) pointee: Option<Sym>,
    /// The class of an object, and the method that calling an object runs.
    pub(super) own_class: Option<Sym>,
    pub(super) called: Option<Sym>,
    pub(super) then: Option<Sym>,
    pub(super) bind: Option<Sym>,
    /// Methods that making an object runs, the first that there is.
    pub(super) constructors: [Option<Sym>; 3],
    /// What a module of CommonJS exports as a whole.
    pub(super) whole_export: Option<Sym>,
}

impl Names {
    pub(super) fn new(facts: &FactBase) -> Self {
        let named = |text: &str| facts.symbols.lookup(text);
        Names {
            any_element: named("[*]").unwrap_or(Sym::EMPTY),
            computed: named("[]").unwrap_or(Sym::EMPTY),
            pointee: named("*"),
            own_class: named("__class__"),
            called: named("__call__"),
            then: named("then"),
            bind: named("bind"),
            constructors: ["__init__", "constructor", "__post_init__"].map(named),
            whole_export: named("="),
        }
    }
}
