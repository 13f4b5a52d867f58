//! Meaning to findings: the rules, the library models they rest on, and the catalogue of both.

pub mod finding;
