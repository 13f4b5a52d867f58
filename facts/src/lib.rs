//! The vocabulary of distsys-graph: what is known of source code before anything is concluded from it.
//!
//! [`schema`] declares every extracted relation once; [`FactBase`] holds them for a file or a tree. This crate does
//! no IO of its own accord, knows no language and no library.

mod base;
pub mod bundle;
pub mod column;
pub mod export;
pub mod ids;
mod interner;
pub mod relation;
pub mod schema;
pub mod words;

pub use base::FactBase;
pub use ids::{BlockId, ClassId, FileId, FunctionId, Id, IdKind, ModuleId, Position, RegionId, SiteId, Sym, VarId};
pub use interner::Interner;
pub use schema::Relations;
pub use words::{
    CallKind, ClassKind, DiagnosticKind, EdgeKind, FunctionFlags, FunctionKind, Language, LiteralKind, ParameterKind,
    RegionKind, Role, SiteKind, SqlVerb, Word,
};
pub use words::{names_moment, names_time, names_version};
