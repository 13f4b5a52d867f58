//! Source text to facts: one folder a language, everything shared in [`lower`].

pub mod cache;
pub mod driver;
pub mod front_end;
pub mod go;
pub mod java;
pub mod lower;
mod manifest;
mod markup;
mod mybatis;
pub mod python;
pub mod rust;
pub mod schema;
pub mod sql;
mod tree;
pub mod typescript;
