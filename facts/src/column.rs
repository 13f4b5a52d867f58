//! What every column of every relation can do: become a `u32`, come back, move to another id space.

use crate::ids::{BlockId, ClassId, FileId, FunctionId, Id, IdKind, ModuleId, Position, RegionId, SiteId, Sym, VarId};
use crate::words::{
    CallKind, ClassKind, DiagnosticKind, EdgeKind, FunctionFlags, FunctionKind, Language, LiteralKind, ParameterKind,
    RegionKind, Role, SiteKind, SqlVerb, Word,
};

/// The type of a column as exports, queries and the relation reference see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    Symbol,
    Number,
    /// A position, `line:column`.
    Position,
    /// An id, possibly none (raw 0).
    Id(IdKind),
    /// One of the named words.
    Word {
        type_name: &'static str,
        names: &'static [&'static str],
    },
    /// A set of named bits.
    Flags {
        names: &'static [&'static str],
    },
}

/// Name and type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnSpec {
    pub name: &'static str,
    pub column_type: ColumnType,
}

/// Moves ids and symbols of one file into the id space of a merged base.
#[derive(Debug)]
pub struct Relocation<'a> {
    /// New symbol by old symbol index.
    pub symbols: &'a [Sym],
    /// What is added to an id, by `IdKind as usize`.
    pub offsets: [u32; IdKind::ALL.len()],
}

/// A value that fits one `u32` column.
pub trait Column: Copy {
    const TYPE: ColumnType;
    fn encode(self) -> u32;
    /// `None` if the number is no value of this column, which only a damaged bundle has.
    fn decode(raw: u32) -> Option<Self>;
    fn relocate(&mut self, _relocation: &Relocation<'_>) {}
}

impl Column for u32 {
    const TYPE: ColumnType = ColumnType::Number;
    fn encode(self) -> u32 {
        self
    }
    fn decode(raw: u32) -> Option<Self> {
        Some(raw)
    }
}

impl Column for Sym {
    const TYPE: ColumnType = ColumnType::Symbol;
    fn encode(self) -> u32 {
        self.0
    }
    fn decode(raw: u32) -> Option<Self> {
        Some(Sym(raw))
    }
    fn relocate(&mut self, relocation: &Relocation<'_>) {
        *self = relocation.symbols[self.index()];
    }
}

impl Column for Position {
    const TYPE: ColumnType = ColumnType::Position;
    fn encode(self) -> u32 {
        self.0
    }
    fn decode(raw: u32) -> Option<Self> {
        Some(Position(raw))
    }
}

impl Column for FunctionFlags {
    const TYPE: ColumnType = ColumnType::Flags { names: &FunctionFlags::NAMES };
    fn encode(self) -> u32 {
        self.0
    }
    fn decode(raw: u32) -> Option<Self> {
        Some(FunctionFlags(raw))
    }
}

macro_rules! id_columns {
    ($($id:ident)*) => {$(
        impl Column for $id {
            const TYPE: ColumnType = ColumnType::Id(<$id as Id>::KIND);
            fn encode(self) -> u32 {
                self.raw()
            }
            fn decode(raw: u32) -> Option<Self> {
                $id::from_raw(raw)
            }
            fn relocate(&mut self, relocation: &Relocation<'_>) {
                *self = $id::new(self.index() + relocation.offsets[<$id as Id>::KIND as usize] as usize);
            }
        }

        impl Column for Option<$id> {
            const TYPE: ColumnType = ColumnType::Id(<$id as Id>::KIND);
            fn encode(self) -> u32 {
                self.map_or(0, $id::raw)
            }
            fn decode(raw: u32) -> Option<Self> {
                Some($id::from_raw(raw))
            }
            fn relocate(&mut self, relocation: &Relocation<'_>) {
                if let Some(id) = self {
                    id.relocate(relocation);
                }
            }
        }
    )*};
}

id_columns!(FileId ModuleId FunctionId ClassId VarId SiteId RegionId BlockId);

macro_rules! word_columns {
    ($($word:ident)*) => {$(
        impl Column for $word {
            const TYPE: ColumnType = ColumnType::Word { type_name: <$word as Word>::TYPE, names: <$word as Word>::NAMES };
            fn encode(self) -> u32 {
                self.number()
            }
            fn decode(raw: u32) -> Option<Self> {
                $word::from_number(raw)
            }
        }
    )*};
}

word_columns!(Language Role FunctionKind ClassKind ParameterKind CallKind SiteKind LiteralKind RegionKind EdgeKind SqlVerb DiagnosticKind);
