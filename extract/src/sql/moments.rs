//! Statements that write over a row only where what is new happened later, by a time that is written with it:
//! `ON CONFLICT (id) DO UPDATE SET state = excluded.state, reported_at = excluded.reported_at WHERE excluded.reported_at > t.reported_at`.

use distsys_facts::names_moment;
use sqlparser::ast::{Assignment, BinaryOperator, Expr, Insert, SetExpr, Value};

use super::{assigned, last};

/// Whether `test` asks that the time which one of `sets` writes beside other columns is later than the row's. One that the
/// database reads from its own clock, as `insert` may, is everybody's.
pub(super) fn later_wins(test: &Expr, sets: &[Assignment], insert: Option<&Insert>) -> bool {
    match test {
        Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, right } => {
            later_wins(left, sets, insert) || later_wins(right, sets, insert)
        }
        Expr::BinaryOp { left, op: BinaryOperator::Lt | BinaryOperator::LtEq, right } => {
            is_put(left, right, sets, insert)
        }
        Expr::BinaryOp { left, op: BinaryOperator::Gt | BinaryOperator::GtEq, right } => {
            is_put(right, left, sets, insert)
        }
        Expr::Nested(inner) => later_wins(inner, sets, insert),
        _ => false,
    }
}

fn is_put(older: &Expr, newer: &Expr, sets: &[Assignment], insert: Option<&Insert>) -> bool {
    let column = match older {
        Expr::Identifier(name) => name.value.to_lowercase(),
        Expr::CompoundIdentifier(names) => names.last().map(|name| name.value.to_lowercase()).unwrap_or_default(),
        _ => return false,
    };
    // One of several placeholders without a number is not known from the others.
    let is_known = match newer {
        Expr::Value(value) => matches!(&value.value, Value::Placeholder(name) if name != "$1"),
        Expr::CompoundIdentifier(_) => true,
        _ => false,
    };
    let is_set = |set: &Assignment| assigned(set).as_deref() == Some(column.as_str()) && set.value == *newer;
    names_moment(&column)
        && is_known
        && sets.iter().any(is_set)
        && sets.iter().filter_map(assigned).any(|other| !names_moment(&other))
        && !insert.is_some_and(|insert| is_read_there(insert, &column))
}

/// Whether the database itself says the time that is put into a column: `VALUES ($1, now())`.
fn is_read_there(insert: &Insert, column: &str) -> bool {
    let Some(at) = insert.columns.iter().position(|name| last(name).eq_ignore_ascii_case(column)) else { return false };
    let Some(SetExpr::Values(values)) = insert.source.as_deref().map(|query| &*query.body) else { return false };
    values.rows.iter().any(|row| matches!(row.get(at), Some(Expr::Function(_))))
}
