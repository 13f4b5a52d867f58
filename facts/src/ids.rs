//! Identifiers: dense `u32` newtypes, one per kind of thing, and [`Sym`] for interned text.
//!
//! Invariant: an id is an index into the dense range `0..count` of its kind, local to the file while a file is
//! lowered and global once bundles are merged. The raw form is `index + 1`, so that `Option<Id>` costs four bytes too
//! and raw `0` means "none" in every export.

use std::num::NonZeroU32;

/// The kinds of identifiers, used to relocate ids when the facts of files are merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IdKind {
    File,
    Module,
    Function,
    Class,
    Var,
    Site,
    Region,
    Block,
}

impl IdKind {
    pub const ALL: [IdKind; 8] = [
        IdKind::File,
        IdKind::Module,
        IdKind::Function,
        IdKind::Class,
        IdKind::Var,
        IdKind::Site,
        IdKind::Region,
        IdKind::Block,
    ];

    /// The type name in exports (`.type function <: number`).
    pub fn name(self) -> &'static str {
        match self {
            IdKind::File => "file",
            IdKind::Module => "module",
            IdKind::Function => "function",
            IdKind::Class => "class",
            IdKind::Var => "var",
            IdKind::Site => "site",
            IdKind::Region => "region",
            IdKind::Block => "block",
        }
    }
}

/// A dense identifier of one [`IdKind`].
pub trait Id: Copy + Ord {
    const KIND: IdKind;
    fn new(index: usize) -> Self;
    fn index(self) -> usize;
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $kind:ident,)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(NonZeroU32);

        impl Id for $name {
            const KIND: IdKind = IdKind::$kind;

            /// # Panics
            /// If there are more than `u32::MAX - 1` things of one kind, which the limit on input size excludes.
            fn new(index: usize) -> Self {
                let raw = u32::try_from(index + 1).ok().and_then(NonZeroU32::new);
                match raw {
                    Some(raw) => Self(raw),
                    None => panic!("more than u32::MAX ids of one kind"),
                }
            }

            fn index(self) -> usize {
                self.0.get() as usize - 1
            }
        }

        impl $name {
            pub fn raw(self) -> u32 {
                self.0.get()
            }

            pub fn from_raw(raw: u32) -> Option<Self> {
                NonZeroU32::new(raw).map(Self)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($kind), "#{}"), self.index())
            }
        }
    )*};
}

ids! {
    /// A source file.
    FileId = File,
    /// A module: a file, or a Rust inline `mod`.
    ModuleId = Module,
    /// A function, method, closure, or the top-level code of a file.
    FunctionId = Function,
    /// A class, struct, trait, interface or enum.
    ClassId = Class,
    /// A value: a named variable, a parameter, or a temporary of one expression.
    VarId = Var,
    /// A program point that rules talk about: a call, an await, a return, a throw, a store, a comparison.
    SiteId = Site,
    /// A lexical region: a function's body, a loop, an arm, a `try`, a `with`.
    RegionId = Region,
    /// A basic block.
    BlockId = Block,
}

/// Interned text. `Sym::EMPTY` is the empty string in every interner and stands for "none" in text columns.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Sym(pub u32);

impl Sym {
    pub const EMPTY: Sym = Sym(0);

    pub fn is_empty(self) -> bool {
        self == Sym::EMPTY
    }

    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl std::fmt::Debug for Sym {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sym#{}", self.0)
    }
}

/// A place in a file: line and column from 1, the column counted in characters.
///
/// Packed as 20 bits of line and 12 bits of column; what is beyond (lines over a million, columns over 4 095) saturates.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Position(pub u32);

impl Position {
    const COLUMN_BITS: u32 = 12;
    const MAX_COLUMN: u32 = (1 << Self::COLUMN_BITS) - 1;
    const MAX_LINE: u32 = (1 << (32 - Self::COLUMN_BITS)) - 1;

    pub fn new(line: u32, column: u32) -> Self {
        Position((line.min(Self::MAX_LINE) << Self::COLUMN_BITS) | column.min(Self::MAX_COLUMN))
    }

    pub fn line(self) -> u32 {
        self.0 >> Self::COLUMN_BITS
    }

    pub fn column(self) -> u32 {
        self.0 & Self::MAX_COLUMN
    }
}

impl std::fmt::Debug for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.line(), self.column())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn optional_ids_cost_four_bytes() {
        assert_eq!(size_of::<Option<VarId>>(), 4);
    }

    #[test]
    fn position_saturates() {
        let p = Position::new(7, 100_000);
        assert_eq!((p.line(), p.column()), (7, 4095));
        assert_eq!(Position::new(u32::MAX, 3).column(), 3);
    }
}
