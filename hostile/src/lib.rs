//! Hostile input: what reads texts and bytes of others ([`targets`]), good examples of each ([`corpus`]), and damage done to
//! them ([`damage`]). The tests of this package, its campaign (`cargo run --release -p distsys-hostile -- --seconds N`) and the
//! fuzz targets in `fuzz/` all use these.

pub mod chance;
pub mod corpus;
pub mod damage;
pub mod targets;

pub use chance::Chance;
pub use targets::{TARGETS, Target};
