//! The query language: an interpreter for a subset of Souffle's Datalog.
//!
//! ```
//! use distsys_engine::datalog::{Database, Limits, declare, evaluate, parse};
//!
//! let text = "
//!     .decl calls(caller: symbol, callee: symbol)
//!     calls(\"route\", \"pay\"). calls(\"pay\", \"charge\").
//!     .decl reaches(caller: symbol, callee: symbol)
//!     reaches(a, b) :- calls(a, b).
//!     reaches(a, c) :- reaches(a, b), calls(b, c).
//!     .output reaches
//! ";
//! let mut database = Database::default();
//! let program = parse("example.dl", text, &mut |_| None)?;
//! declare(&program, &mut database)?;
//! evaluate(&program, &mut database, &Limits::default())?;
//! assert_eq!(database.relation("reaches").map(|relation| relation.len()), Some(3));
//! # Ok::<(), distsys_engine::datalog::Problem>(())
//! ```
//!
//! The way of a program: `lex` → `parse` (a tree with positions) → `check` (names, types, grounding, strata) → `plan` (an order
//! of probes for each rule) → `eval` (semi-naive, over flat rows of `u32`).

mod ast;
mod check;
mod eval;
mod explain;
mod expression;
mod fresh;
mod head;
mod index;
mod io;
mod known;
mod lex;
mod machine;
mod magic;
mod parse;
mod plan;
mod problem;
mod relation;
mod strata;
mod subtypes;

pub use ast::{Io, IoKind, Program};
pub use check::declare;
pub use eval::{answer, evaluate, verify};
pub use explain::{Premise, Proof, Value, explain};
pub use io::read;
pub use parse::{Typed, parse, parse_question, parse_said};
pub use problem::Problem;
pub use relation::{Column, Database, Limits, Relation, Type};
