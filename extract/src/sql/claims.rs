//! Statements that write only for rows which a part of them was the first to insert.

use sqlparser::ast::{
    BinaryOperator, Expr, InTarget, OnConflictAction, OnInsert, Query, SetExpr, Statement, TableFactor, TableWithJoins,
    UpdateTableFromKind, With,
};

use super::last;

/// Whether a statement writes only for rows that another one before it, in the same statement, was the first to insert:
/// `WITH new AS (INSERT … ON CONFLICT DO NOTHING RETURNING id) UPDATE … WHERE EXISTS (SELECT 1 FROM new)`.
pub(super) fn decide(body: &SetExpr, with: &With) -> bool {
    let claims = |query: &Query| match query.body.as_ref() {
        SetExpr::Insert(Statement::Insert(insert)) => {
            let nothing = matches!(
                &insert.on,
                Some(OnInsert::OnConflict(conflict)) if matches!(conflict.action, OnConflictAction::DoNothing)
            );
            nothing && insert.returning.is_some()
        }
        _ => false,
    };
    let claimed: Vec<&str> = with
        .cte_tables
        .iter()
        .filter(|table| claims(&table.query))
        .map(|table| table.alias.name.value.as_str())
        .collect();
    let names = |table: &TableFactor| matches!(table, TableFactor::Table { name, .. } if claimed.iter().any(|own| own.eq_ignore_ascii_case(&last(name))));
    let of_tables = |tables: &[TableWithJoins]| {
        tables.iter().any(|table| names(&table.relation) || table.joins.iter().any(|join| names(&join.relation)))
    };
    let asks = |query: &Query| matches!(query.body.as_ref(), SetExpr::Select(select) if of_tables(&select.from));
    match body {
        SetExpr::Update(Statement::Update(update)) => {
            let beside = update.from.iter().any(|from| match from {
                UpdateTableFromKind::BeforeSet(tables) | UpdateTableFromKind::AfterSet(tables) => of_tables(tables),
            });
            beside || update.selection.as_ref().is_some_and(|test| requires(test, &asks))
        }
        SetExpr::Insert(Statement::Insert(insert)) => {
            insert.source.as_deref().is_some_and(|source| match source.body.as_ref() {
                SetExpr::Select(select) => {
                    of_tables(&select.from) || select.selection.as_ref().is_some_and(|test| requires(test, &asks))
                }
                _ => false,
            })
        }
        _ => false,
    }
}

/// Whether a condition holds only where a query that `asks` for certain rows finds some.
fn requires(test: &Expr, asks: &dyn Fn(&Query) -> bool) -> bool {
    match test {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => requires(left, asks) || requires(right, asks),
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
            let is_query = |side: &Expr| matches!(side, Expr::Subquery(query) if asks(query));
            is_query(left) || is_query(right)
        }
        Expr::Nested(inner) => requires(inner, asks),
        Expr::Exists { subquery, negated: false } => asks(subquery),
        Expr::In { target: InTarget::Subquery(query), negated: false, .. } => asks(query),
        _ => false,
    }
}
