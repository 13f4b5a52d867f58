//! SQL inside string literals and templates.

use distsys_facts::SqlVerb;

/// A statement as far as rules look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    pub verb: SqlVerb,
    /// The table written, or the first one read; without quotes and schema `public`.
    pub table: String,
    pub columns: Vec<String>,
    pub where_columns: Vec<String>,
    /// See the relation `sql`.
    pub clauses: Vec<&'static str>,
}

/// The statements of `text`, none if it is not SQL. `{}` stands for a hole.
pub fn read(_text: &str) -> Vec<Statement> {
    Vec::new()
}
