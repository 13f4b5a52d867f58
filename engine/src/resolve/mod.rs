//! Resolution: what every name, receiver and callee may be.
//!
//! One flow-insensitive, field-based propagation of abstract values over all variables (Andersen's analysis with classes
//! for objects), on dense ids. It is written by hand instead of in Datalog: it touches every variable of the tree, and
//! the hash maps of a compiled Datalog program cost about a hundred bytes a tuple where an array costs four.

mod bindings;
mod flow;
mod macro_types;
mod members;
pub mod modules;
mod node_packages;
mod structural;
pub mod types;
pub mod values;

pub use flow::{CallEdge, Confidence, Passed, Resolution, Unresolved};
pub use modules::Modules;
pub use values::{HandleRole, Value, ValueId, ValueKind};
