//! Queues that live in the database and are filled by a function of its own: `SELECT * FROM worker.add_job('bill', $1)`.
//!
//! Such a query writes, in whatever transaction it runs.

use distsys_facts::SqlVerb;
use sqlparser::ast::{Expr, FunctionArg, FunctionArguments, ObjectName, Select, SelectItem, TableFactor};

use super::{Statement, last};

const PUTS: &[&str] = &["add", "insert", "enqueue", "push", "send", "schedule"];
const WORK: &[&str] = &["job", "jobs", "task", "tasks", "message", "messages"];

/// What a query puts into a queue by the one function that it calls; none if it reads.
pub(super) fn put(select: &Select) -> Option<Statement> {
    let (name, arguments) = match (&select.from[..], &select.projection[..]) {
        ([from], _) if from.joins.is_empty() => match &from.relation {
            TableFactor::Table { name, args: Some(given), .. } => (name, &given.args),
            _ => return None,
        },
        ([], [SelectItem::UnnamedExpr(expression) | SelectItem::ExprWithAlias { expr: expression, .. }]) => {
            called(expression)?
        }
        _ => return None,
    };
    let name = last(name).to_ascii_lowercase();
    let (verb, thing) = name.split_once('_').filter(|(verb, thing)| PUTS.contains(verb) && WORK.contains(thing))?;
    let mut statement = Statement::new(SqlVerb::Insert, thing.trim_end_matches('s').to_owned());
    // A piece of work under a key that is there already is put in once.
    let is_key = |argument: &FunctionArg| match argument {
        FunctionArg::Named { name, .. } => name.value.to_ascii_lowercase().ends_with("key"),
        FunctionArg::ExprNamed { name, .. } => name.to_string().to_ascii_lowercase().ends_with("key"),
        FunctionArg::Unnamed(_) => false,
    };
    if verb != "send" && arguments.iter().any(is_key) {
        statement.clauses.push("on_conflict");
    }
    Some(statement)
}

fn called(expression: &Expr) -> Option<(&ObjectName, &Vec<FunctionArg>)> {
    let Expr::Function(function) = expression else { return None };
    match &function.args {
        FunctionArguments::List(list) => Some((&function.name, &list.args)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    #[test]
    fn a_function_fills_a_queue() {
        let kind = |text: &str| {
            let statement = read(text).into_iter().next().unwrap_or_else(|| panic!("no SQL in {text}"));
            (statement.verb, statement.table, statement.clauses)
        };
        let put = |clauses: Vec<&'static str>| (SqlVerb::Insert, "job".to_owned(), clauses);
        assert_eq!(kind("SELECT * FROM {}.add_job(identifier => $1::text, payload => $2::json)"), put(Vec::new()));
        assert_eq!(kind("SELECT worker.add_job('bill', {})"), put(Vec::new()));
        assert_eq!(
            kind("SELECT * FROM worker.add_job(identifier => $1, job_key => $2, run_at => $3)"),
            put(vec!["on_conflict"])
        );
        for read in [
            "SELECT * FROM jobs WHERE id = $1",
            "SELECT * FROM get_jobs($1)",
            "SELECT date_add(now(), $1)",
            "SELECT add_job, id FROM plans WHERE id = $1",
            "SELECT a.id FROM add_job($1) a JOIN b ON a.id = b.id",
        ] {
            assert_eq!(kind(read).0, SqlVerb::Select, "{read}");
        }
    }
}
