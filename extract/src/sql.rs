//! SQL inside string literals and templates.

mod claims;
mod joins;
mod moments;
mod parts;
mod queues;
mod scan;
mod scripts;

use distsys_facts::{SqlVerb, names_version};
use sqlparser::ast::{
    AlterTableOperation, Assignment, AssignmentTarget, BinaryOperator, ColumnOption, ConflictTarget, Expr, FromTable,
    Insert, LockType, ObjectName, OnConflictAction, OnInsert, Query, SelectItem, SetExpr, Statement as Ast,
    TableConstraint, TableFactor, TableObject, TableWithJoins, TransactionIsolationLevel, TransactionMode,
};
use sqlparser::dialect::{GenericDialect, MySqlDialect, PostgreSqlDialect};
use sqlparser::parser::Parser;

/// A statement as far as rules look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    pub verb: SqlVerb,
    /// The table written, or the first one read; without quotes and schema `public`. `{1}`: what fills hole 1.
    pub table: String,
    pub columns: Vec<String>,
    pub where_columns: Vec<String>,
    /// See the relation `sql`.
    pub clauses: Vec<&'static str>,
}

impl Statement {
    fn new(verb: SqlVerb, table: String) -> Self {
        Statement { verb, table, columns: Vec::new(), where_columns: Vec::new(), clauses: Vec::new() }
    }
}

/// Longer text is no query that a rule would look at.
const MAX_BYTES: usize = 20_000;

/// The statements of `text`, none if it is not SQL. `{}` stands for a hole.
pub fn read(text: &str) -> Vec<Statement> {
    if text.len() > MAX_BYTES {
        return Vec::new();
    }
    let text = scripts::without_tags(text);
    let text = scan::without_head_comments(&text);
    if !scan::may_be_sql(text) {
        return Vec::new();
    }
    let plain = scan::without_placeholders(text);
    let parsed = Parser::parse_sql(&PostgreSqlDialect {}, &plain)
        .or_else(|_| Parser::parse_sql(&MySqlDialect {}, &plain))
        .or_else(|_| Parser::parse_sql(&GenericDialect {}, &plain));
    let mut statements: Vec<Statement> = match parsed {
        Ok(statements) => statements.iter().flat_map(|ast| all_of(ast, &plain)).collect(),
        Err(_) => scan::statement(&plain).into_iter().chain(scan::written_parts(&plain)).collect(),
    };
    if text.contains("{}") {
        statements.iter_mut().for_each(with_holes);
    }
    if let [only] = &mut statements[..] {
        match only.verb {
            SqlVerb::Select => only.clauses.extend(scan::session_lock(&plain)),
            SqlVerb::Other if scan::is_serializable(&plain) => only.clauses.push("serializable"),
            _ => {}
        }
    }
    statements
}

/// What is known of a statement that is put together: of a list with something in it nothing, of a table which hole names it.
fn with_holes(statement: &mut Statement) {
    if statement.columns.iter().any(|column| hole_of(column).is_some()) {
        statement.columns.clear();
    }
    for column in statement.where_columns.iter_mut().filter(|column| hole_of(column).is_some()) {
        "hole".clone_into(column);
    }
    match hole_of(&statement.table) {
        Some(index) => statement.table = format!("{{{index}}}"),
        None if statement.table.contains("hole") => statement.table.clear(),
        None => {}
    }
}

fn hole_of(name: &str) -> Option<usize> {
    name.strip_prefix("hole")?.parse().ok()
}

/// What a statement does: itself, what its parts write, and what it reads of the tables that it joins.
fn all_of(ast: &Ast, text: &str) -> Vec<Statement> {
    let Ast::Query(query) = ast else { return vec![of_ast(ast, text)] };
    let main = of_query(query);
    let asked = query.body.as_select().filter(|_| main.verb == SqlVerb::Select).map(joins::asked).unwrap_or_default();
    let is_part = |table: &str| {
        let mut parts = query.with.iter().flat_map(|with| &with.cte_tables);
        parts.any(|part| part.alias.name.value.eq_ignore_ascii_case(table))
    };
    let clauses = main.clauses.clone();
    let others = asked.into_iter().filter(|other| !is_part(&other.table));
    let others: Vec<Statement> = others.map(|other| Statement { clauses: clauses.clone(), ..other }).collect();
    let mut all = parts::with_parts(query, main);
    all.extend(others);
    all
}

fn is_serializable(mode: &TransactionMode) -> bool {
    matches!(mode, TransactionMode::IsolationLevel(TransactionIsolationLevel::Serializable))
}

fn of_ast(ast: &Ast, text: &str) -> Statement {
    match ast {
        Ast::Query(query) => of_query(query),
        Ast::Insert(insert) => of_insert(insert),
        Ast::Update(update) => {
            let mut statement = Statement::new(SqlVerb::Update, table_of(&update.table));
            // A version that is counted up beside what is set makes no sum of that.
            let is_alone = update.assignments.len() == 1;
            for assignment in &update.assignments {
                let column = match &assignment.target {
                    AssignmentTarget::ColumnName(name) => last(name),
                    AssignmentTarget::Tuple(names) => names.first().map(last).unwrap_or_default(),
                };
                if adds_to(&assignment.value, &column) && (is_alone || !names_version(&column)) {
                    statement.clauses.push("increment");
                }
                statement.columns.push(column);
            }
            finish_where(update.selection.as_ref(), &mut statement);
            let sets: Vec<String> = statement.columns.clone();
            if update.selection.as_ref().is_some_and(|test| is_expired(test, &sets)) {
                statement.clauses.push("takes_over");
            } else if update.selection.as_ref().is_some_and(|test| {
                orders_by_time(test, &|column| sets.iter().any(|set| set == column))
                    || moments::later_wins(test, &update.assignments, None)
            }) {
                statement.clauses.push("newer_wins");
            }
            if update.returning.is_some() {
                statement.clauses.push("returning");
            }
            statement
        }
        Ast::Delete(delete) => {
            let from = match &delete.from {
                FromTable::WithFromKeyword(tables) | FromTable::WithoutKeyword(tables) => tables,
            };
            let mut statement = Statement::new(SqlVerb::Delete, from.first().map(table_of).unwrap_or_default());
            finish_where(delete.selection.as_ref(), &mut statement);
            statement
        }
        Ast::StartTransaction { modes, .. } => {
            let mut statement = transaction("begin");
            if modes.iter().any(is_serializable) {
                statement.clauses.push("serializable");
            }
            statement
        }
        Ast::Commit { .. } => transaction("commit"),
        Ast::Rollback { .. } => transaction("rollback"),
        Ast::CreateTable(create) => {
            let marked = create
                .columns
                .iter()
                .filter(|column| column.options.iter().any(|option| matches!(option.option, ColumnOption::Unique(_))));
            let mut unique: Vec<String> = marked.map(|column| column.name.value.clone()).collect();
            unique.extend(create.constraints.iter().flat_map(unique_columns));
            with_unique(Statement::new(SqlVerb::Ddl, last(&create.name)), unique)
        }
        Ast::AlterTable(alter) => {
            let added = alter.operations.iter().filter_map(|operation| match operation {
                AlterTableOperation::AddConstraint { constraint, .. } => Some(constraint),
                _ => None,
            });
            let unique = added.flat_map(unique_columns).collect();
            with_unique(Statement::new(SqlVerb::Ddl, last(&alter.name)), unique)
        }
        Ast::Drop { names, .. } => Statement::new(SqlVerb::Ddl, names.first().map(last).unwrap_or_default()),
        Ast::Truncate(truncate) => Statement::new(
            SqlVerb::Delete,
            truncate.table_names.first().map(|target| last(&target.name)).unwrap_or_default(),
        ),
        Ast::CreateIndex(index) => {
            let mut statement = Statement::new(SqlVerb::Ddl, last(&index.table_name));
            if index.concurrently {
                statement.clauses.push("concurrently");
            }
            let columns = index.columns.iter().filter(|_| index.unique);
            let unique = columns.map(|column| column.column.expr.to_string().replace('"', "")).collect();
            with_unique(statement, unique)
        }
        Ast::Merge(_) => {
            let mut statement = scan::statement(text).unwrap_or_else(|| Statement::new(SqlVerb::Insert, String::new()));
            statement.verb = SqlVerb::Insert;
            statement.clauses.push("on_conflict");
            statement
        }
        _ => Statement::new(SqlVerb::Other, String::new()),
    }
}

/// A query by itself; see `parts` for what its named parts do.
fn of_query(query: &Query) -> Statement {
    let mut statement = Statement::new(SqlVerb::Select, String::new());
    of_set(&query.body, &mut statement);
    if statement.verb != SqlVerb::Select && query.with.iter().any(|with| claims::decide(&query.body, with)) {
        statement.clauses.push("atomic_where");
    }
    for lock in &query.locks {
        statement.clauses.push(match lock.lock_type {
            LockType::Share => "for_share",
            LockType::Update => "for_update",
        });
        if lock.nonblock.is_some() {
            statement.clauses.push("skip_locked");
        }
    }
    // `WITH due AS (SELECT … FOR UPDATE) SELECT …`
    let parts = query.with.iter().flat_map(|with| &with.cte_tables);
    let mut held = parts.flat_map(|part| &part.query.locks).filter(|lock| lock.lock_type == LockType::Update);
    if let Some(lock) = held.next().filter(|_| query.locks.is_empty()) {
        statement.clauses.push("for_update");
        if lock.nonblock.is_some() {
            statement.clauses.push("skip_locked");
        }
    }
    if query.limit_clause.is_some() || query.fetch.is_some() {
        statement.clauses.push("limit");
    }
    statement
}

/// The columns of a key that a second row would break, the primary one apart.
fn unique_columns(constraint: &TableConstraint) -> Vec<String> {
    match constraint {
        TableConstraint::Unique(unique) => {
            unique.columns.iter().map(|column| column.column.expr.to_string().replace('"', "")).collect()
        }
        _ => Vec::new(),
    }
}

fn with_unique(mut statement: Statement, columns: Vec<String>) -> Statement {
    if !columns.is_empty() {
        statement.clauses.push("unique");
        statement.columns = columns;
    }
    statement
}

/// The word of a transaction statement is its first column.
fn transaction(word: &str) -> Statement {
    Statement { columns: vec![word.to_owned()], ..Statement::new(SqlVerb::Transaction, String::new()) }
}

fn of_insert(insert: &Insert) -> Statement {
    let table = match &insert.table {
        TableObject::TableName(name) => last(name),
        _ => String::new(),
    };
    let mut statement = Statement::new(SqlVerb::Insert, table);
    statement.columns = insert.columns.iter().map(last).collect();
    let upsert = matches!(insert.on, Some(OnInsert::OnConflict(_) | OnInsert::DuplicateKeyUpdate(_)));
    if upsert || insert.ignore || insert.or.is_some() || insert.replace_into {
        statement.clauses.push("on_conflict");
    }
    let again: &[Assignment] = match &insert.on {
        Some(OnInsert::DuplicateKeyUpdate(assignments)) => assignments,
        Some(OnInsert::OnConflict(conflict)) => match &conflict.action {
            OnConflictAction::DoUpdate(update) => &update.assignments,
            OnConflictAction::DoNothing => &[],
        },
        _ => &[],
    };
    if let Some(OnInsert::OnConflict(conflict)) = &insert.on
        && let Some(ConflictTarget::Columns { columns, .. }) = &conflict.conflict_target
        && !again.is_empty()
        && again.iter().all(|set| keeps(set, |column| columns.iter().any(|own| own.value.eq_ignore_ascii_case(column))))
    {
        statement.clauses.push("if_absent");
    }
    // `ON CONFLICT … SET count = count + 1`: the row counts how often it was put in.
    if again.iter().any(|set| assigned(set).is_some_and(|column| adds_one(&set.value, &column))) {
        statement.clauses.push("tally");
    }
    // `… SET total = t.total + EXCLUDED.total`: put in twice, it is added twice.
    if again.iter().any(|set| assigned(set).is_some_and(|column| adds_to_old(&set.value, &column))) {
        statement.clauses.push("increment");
    }
    if let Some(OnInsert::OnConflict(conflict)) = &insert.on
        && let OnConflictAction::DoUpdate(update) = &conflict.action
        && let Some(test) = &update.selection
    {
        let sets: Vec<String> = update.assignments.iter().filter_map(assigned).collect();
        if is_expired(test, &sets) {
            statement.clauses.push("takes_over");
            if let Some(ConflictTarget::Columns { columns, .. }) = &conflict.conflict_target {
                statement.where_columns = columns.iter().map(|column| column.value.to_lowercase()).collect();
            }
        } else if orders_by_time(test, &|_| true) || moments::later_wins(test, &update.assignments, Some(insert)) {
            statement.clauses.push("newer_wins");
        }
    }
    if insert.returning.is_some() {
        statement.clauses.push("returning");
    }
    statement
}

/// Whether a condition asks that a column which the statement sets anew has run out: the lease of another is taken over.
fn is_expired(test: &Expr, sets: &[String]) -> bool {
    const ENDS: &[&str] = &["deadline", "expir", "lease", "locked_until", "lock_until", "valid_until"];
    let ends = |side: &Expr| {
        let mut columns = Vec::new();
        columns_of(side, &mut columns);
        columns.iter().any(|column| sets.contains(column) && ENDS.iter().any(|word| column.contains(word)))
    };
    match test {
        Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, right } => {
            is_expired(left, sets) || is_expired(right, sets)
        }
        Expr::BinaryOp { left, op: BinaryOperator::Lt | BinaryOperator::LtEq, .. } => ends(left),
        Expr::BinaryOp { op: BinaryOperator::Gt | BinaryOperator::GtEq, right, .. } => ends(right),
        Expr::Nested(inner) => is_expired(inner, sets),
        _ => false,
    }
}

fn assigned(assignment: &Assignment) -> Option<String> {
    match &assignment.target {
        AssignmentTarget::ColumnName(name) => Some(last(name).to_lowercase()),
        AssignmentTarget::Tuple(names) => names.first().map(|name| last(name).to_lowercase()),
    }
}

/// Whether what is set on a conflict is what the row has already: the column by which it was found, or any by itself.
fn keeps(assignment: &Assignment, finds: impl Fn(&str) -> bool) -> bool {
    let Some(column) = assigned(assignment) else { return false };
    match &assignment.value {
        Expr::Identifier(name) => name.value.eq_ignore_ascii_case(&column),
        Expr::CompoundIdentifier(names) => {
            let is_new = names.first().is_some_and(|name| name.value.eq_ignore_ascii_case("excluded"));
            names.last().is_some_and(|name| name.value.eq_ignore_ascii_case(&column)) && (!is_new || finds(&column))
        }
        _ => false,
    }
}

/// Whether a condition asks which of two times is later, of a column that `concerns` the statement.
fn orders_by_time(test: &Expr, concerns: &dyn Fn(&str) -> bool) -> bool {
    match test {
        Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, right } => {
            orders_by_time(left, concerns) || orders_by_time(right, concerns)
        }
        Expr::BinaryOp {
            left,
            op: BinaryOperator::Lt | BinaryOperator::LtEq | BinaryOperator::Gt | BinaryOperator::GtEq,
            right,
        } => {
            let mut columns = Vec::new();
            columns_of(left, &mut columns);
            columns_of(right, &mut columns);
            columns.iter().any(|column| distsys_facts::names_time(column) && concerns(column))
        }
        Expr::Nested(inner) => orders_by_time(inner, concerns),
        _ => false,
    }
}

fn of_set(set: &SetExpr, statement: &mut Statement) {
    match set {
        SetExpr::Select(select) => {
            if let Some(put) = queues::put(select) {
                *statement = put;
                return;
            }
            statement.table = select.from.first().map(table_of).unwrap_or_default();
            if let Some(selection) = &select.selection {
                columns_of(selection, &mut statement.where_columns);
            }
            statement.columns = select.projection.iter().map(plain_column).collect::<Option<_>>().unwrap_or_default();
        }
        SetExpr::Query(query) => of_set(&query.body, statement),
        SetExpr::SetOperation { left, .. } => of_set(left, statement),
        SetExpr::Insert(inner) | SetExpr::Update(inner) | SetExpr::Delete(inner) => *statement = of_ast(inner, ""),
        _ => {}
    }
}

/// The column that a query selects as it is.
fn plain_column(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::UnnamedExpr(expression) | SelectItem::ExprWithAlias { expr: expression, .. } => match expression {
            Expr::Identifier(name) => Some(name.value.to_lowercase()),
            Expr::CompoundIdentifier(names) => names.last().map(|name| name.value.to_lowercase()),
            _ => None,
        },
        _ => None,
    }
}

fn finish_where(selection: Option<&Expr>, statement: &mut Statement) {
    if let Some(selection) = selection {
        columns_of(selection, &mut statement.where_columns);
    }
    // Compare and set: a column that is written is also tested.
    let tests_own = statement.columns.iter().any(|column| statement.where_columns.contains(&column.to_lowercase()));
    let tests_version = statement.where_columns.iter().any(|column| names_version(column));
    if tests_own || tests_version {
        statement.clauses.push("atomic_where");
    }
}

/// `column + …`
fn adds_to(value: &Expr, column: &str) -> bool {
    match value {
        Expr::BinaryOp { left, op: BinaryOperator::Plus | BinaryOperator::Minus, right } => {
            let names = |side: &Expr| {
                let mut columns = Vec::new();
                columns_of(side, &mut columns);
                columns.iter().any(|name| name == column)
            };
            names(left) || names(right)
        }
        Expr::Nested(inner) => adds_to(inner, column),
        _ => false,
    }
}

/// Whether what is set on a conflict adds to what the row holds: the column itself, not what was to be put in, is a part of it.
fn adds_to_old(value: &Expr, column: &str) -> bool {
    let is_old = |side: &Expr| match side {
        Expr::Identifier(name) => name.value.eq_ignore_ascii_case(column),
        Expr::CompoundIdentifier(names) => {
            names.last().is_some_and(|name| name.value.eq_ignore_ascii_case(column))
                && !names.first().is_some_and(|name| name.value.eq_ignore_ascii_case("excluded"))
        }
        _ => false,
    };
    match value {
        Expr::BinaryOp { left, op: BinaryOperator::Plus | BinaryOperator::Minus, right } => {
            is_old(left) || is_old(right)
        }
        Expr::Nested(inner) => adds_to_old(inner, column),
        _ => false,
    }
}

/// Whether a value is the column's own, and one more.
fn adds_one(value: &Expr, column: &str) -> bool {
    match value {
        Expr::BinaryOp { op: BinaryOperator::Plus, right, .. } => {
            adds_to_old(value, column) && right.to_string().trim() == "1"
        }
        Expr::Nested(inner) => adds_one(inner, column),
        _ => false,
    }
}

fn columns_of(expression: &Expr, out: &mut Vec<String>) {
    match expression {
        Expr::Identifier(name) => out.push(name.value.to_lowercase()),
        Expr::CompoundIdentifier(names) => out.extend(names.last().map(|name| name.value.to_lowercase())),
        Expr::BinaryOp { left, right, .. } => {
            columns_of(left, out);
            columns_of(right, out);
        }
        Expr::UnaryOp { expr, .. }
        | Expr::Nested(expr)
        | Expr::IsNull(expr)
        | Expr::IsNotNull(expr)
        | Expr::Cast { expr, .. } => columns_of(expr, out),
        Expr::In { expr, .. } | Expr::Between { expr, .. } | Expr::Like { expr, .. } => columns_of(expr, out),
        Expr::AnyOp { left, .. } | Expr::AllOp { left, .. } => columns_of(left, out),
        _ => {}
    }
}

fn table_of(table: &TableWithJoins) -> String {
    match &table.relation {
        TableFactor::Table { name, .. } => last(name),
        TableFactor::NestedJoin { table_with_joins, .. } => table_of(table_with_joins),
        _ => String::new(),
    }
}

fn last(name: &ObjectName) -> String {
    name.0.last().and_then(|part| part.as_ident()).map(|ident| ident.value.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
