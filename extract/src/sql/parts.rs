//! The named parts of a statement (common table expressions): what they write is done like what follows them, and a query of
//! one of them reads what that one reads. PostgreSQL, "Data-Modifying Statements in WITH".

use distsys_facts::SqlVerb;
use sqlparser::ast::{Query, SetExpr};

use super::{Statement, of_query};

/// The statements that `query` with its parts comes to, `main` being what it is without them: that first, then what its parts
/// write. A query of nothing but what a part wrote is no statement of its own.
pub(super) fn with_parts(query: &Query, main: Statement) -> Vec<Statement> {
    let mut known: Vec<(&str, bool, Statement)> = Vec::new();
    for part in query.with.iter().flat_map(|with| &with.cte_tables) {
        let writes = matches!(*part.query.body, SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_));
        let statement = said_of(of_query(&part.query), &known).unwrap_or_else(|statement| statement);
        known.push((&part.alias.name.value, writes, statement));
    }
    let main = said_of(main, &known).ok();
    let written = known.into_iter().filter(|(_, writes, _)| *writes).map(|(_, _, statement)| statement);
    main.into_iter().chain(written).collect()
}

/// A statement in which a part that is read stands for what the part reads; itself back if the part writes.
fn said_of(mut statement: Statement, known: &[(&str, bool, Statement)]) -> Result<Statement, Statement> {
    let is_read = |name: &str| statement.verb == SqlVerb::Select && name.eq_ignore_ascii_case(&statement.table);
    let Some((_, writes, part)) = known.iter().rev().find(|(name, ..)| is_read(name)) else { return Ok(statement) };
    if *writes {
        return Err(statement);
    }
    statement.table.clone_from(&part.table);
    statement.where_columns.extend(part.where_columns.iter().cloned());
    for clause in &part.clauses {
        if !statement.clauses.contains(clause) {
            statement.clauses.push(clause);
        }
    }
    Ok(statement)
}
