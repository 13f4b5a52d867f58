//! Tables that a query reads beside its first: `SELECT r.id FROM roles r JOIN grants g ON g.role = r.id WHERE g.owner = $1`.

use distsys_facts::SqlVerb;
use sqlparser::ast::{Expr, JoinOperator, Select, SelectItem, SelectItemQualifiedWildcardKind, TableFactor};

use super::{Statement, last};

/// The tables that a query joins and asks: those whose columns say which rows it gives, or are what it gives. What is only
/// joined to name something else (`LEFT JOIN`, columns of neither) decides nothing.
pub(super) fn asked(select: &Select) -> Vec<Statement> {
    let joins = select.from.iter().flat_map(|table| &table.joins);
    let inner = joins.filter(|join| matches!(join.join_operator, JoinOperator::Join(_) | JoinOperator::Inner(_)));
    let tables = inner.filter_map(|join| match &join.relation {
        TableFactor::Table { name, alias, .. } => {
            let table = last(name);
            let called = alias.as_ref().map_or_else(|| table.clone(), |alias| alias.name.value.clone());
            Some((table, called))
        }
        _ => None,
    });
    let asked = tables.filter_map(|(table, called)| {
        let mut statement = Statement::new(SqlVerb::Select, table);
        if let Some(selection) = &select.selection {
            columns_of(selection, &called, &mut statement.where_columns);
        }
        let gives_all = select.projection.iter().any(|item| gives_all(item, &called));
        for item in &select.projection {
            if let SelectItem::UnnamedExpr(given) | SelectItem::ExprWithAlias { expr: given, .. } = item {
                columns_of(given, &called, &mut statement.columns);
            }
        }
        let is_asked = gives_all || !statement.columns.is_empty() || !statement.where_columns.is_empty();
        if gives_all {
            statement.columns.clear();
        }
        is_asked.then_some(statement)
    });
    asked.collect()
}

/// `g.*`
fn gives_all(item: &SelectItem, called: &str) -> bool {
    match item {
        SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
            last(name).eq_ignore_ascii_case(called)
        }
        _ => false,
    }
}

/// The columns of the table so called in an expression.
fn columns_of(expression: &Expr, called: &str, out: &mut Vec<String>) {
    match expression {
        Expr::CompoundIdentifier(names) => {
            if let [.., table, column] = &names[..]
                && table.value.eq_ignore_ascii_case(called)
            {
                out.push(column.value.to_lowercase());
            }
        }
        Expr::BinaryOp { left, right, .. } => {
            columns_of(left, called, out);
            columns_of(right, called, out);
        }
        Expr::UnaryOp { expr, .. }
        | Expr::Nested(expr)
        | Expr::IsNull(expr)
        | Expr::IsNotNull(expr)
        | Expr::Cast { expr, .. }
        | Expr::In { expr, .. }
        | Expr::Between { expr, .. }
        | Expr::Like { expr, .. } => columns_of(expr, called, out),
        Expr::AnyOp { left, .. } | Expr::AllOp { left, .. } => columns_of(left, called, out),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::read;

    #[test]
    fn joined_tables_that_are_asked_are_read() {
        let tables = |text: &str| -> Vec<String> { read(text).into_iter().map(|statement| statement.table).collect() };
        let by_owner = "SELECT r.id FROM roles r JOIN grants g ON g.role_id = r.id WHERE g.owner = $1";
        assert_eq!(tables(by_owner), ["roles", "grants"]);
        let names = "SELECT o.id, c.name FROM orders o INNER JOIN customers c ON c.id = o.customer_id WHERE o.id = ?";
        assert_eq!(tables(names), ["orders", "customers"]);
        let beside = "SELECT o.id FROM orders o LEFT JOIN notes n ON n.order_id = o.id JOIN shops s ON s.id = o.shop_id WHERE o.id = ?";
        assert_eq!(tables(beside), ["orders"]);
    }
}
