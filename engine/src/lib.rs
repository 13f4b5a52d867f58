//! Facts to meaning: what is called, what it does, in what order, under which scopes.

mod browsers;
mod by_name;
mod csr;
pub mod datalog;
mod drawn;
pub mod meaning;
pub mod model;
pub mod operation;
mod packages;
mod paths;
mod program;
pub mod resolve;
mod scripts;
mod test_support;
pub mod words;

pub use csr::Csr;
pub use meaning::Meaning;
pub use model::{Family, ModelError, ModelSet};
pub use operation::{Attr, OpKind};
pub use paths::{PathId, Paths};
pub use program::Program;
