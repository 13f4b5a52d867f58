//! `distsys-graph query`: questions in Datalog.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use distsys_graph::Analysis;
use distsys_graph::datalog::{Limits, Type};
use distsys_graph::facts::bundle::{BundleError, Derived};
use distsys_graph::facts::{FactBase, bundle};
use distsys_graph::query::{self, Cell, Source, Table};
use serde_json::{Map, Value, json};

use crate::args::{QueryArguments, QueryFormat};
use crate::text::plain;

pub(crate) fn run(arguments: &QueryArguments) -> anyhow::Result<ExitCode> {
    if let Some(name) = &arguments.schema {
        return schema(name);
    }
    let mut paths = arguments.paths.iter();
    let (name, text) = match &arguments.expression {
        Some(text) => ("question".to_owned(), text.clone()),
        None => {
            let Some(path) = paths.next() else {
                bail!("nothing is asked; give a program (`query rules.dl src`) or a question (`query src -e '…'`)");
            };
            let text =
                fs::read_to_string(path).with_context(|| format!("{}: the program cannot be read", path.display()))?;
            (path.display().to_string(), text)
        }
    };
    let timeout = arguments.timeout.map(Duration::try_from_secs_f64).transpose().context("--timeout takes seconds")?;
    let limits = Limits { max_tuples: arguments.max_tuples, timeout };
    if arguments.explain {
        return explain(arguments, paths.next().map_or(Path::new("."), |path| path.as_path()), &name, &text, &limits);
    }
    let tables = match &arguments.facts_dir {
        Some(folder) => query::run(folder, &name, &text, &limits)?,
        None => {
            let tree = paths.next().map_or(Path::new("."), |path| path.as_path());
            let (facts, derived) = facts(tree, arguments.jobs)?;
            query::ask(&facts, &derived, &[], &name, &text, &limits)?
        }
    };
    let mut out = BufWriter::new(anstream::stdout());
    show(&mut out, arguments, &tables)?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn explain(
    arguments: &QueryArguments,
    tree: &Path,
    name: &str,
    text: &str,
    limits: &Limits,
) -> anyhow::Result<ExitCode> {
    let count = arguments.limit.unwrap_or(1);
    let proofs = match &arguments.facts_dir {
        Some(folder) => query::prove(Source::Files(folder), name, text, limits, count)?,
        None => {
            let (facts, derived) = facts(tree, arguments.jobs)?;
            query::prove(Source::Tree { facts: &facts, derived: &derived, own_models: &[] }, name, text, limits, count)?
        }
    };
    let mut out = BufWriter::new(anstream::stdout());
    if proofs.is_empty() {
        writeln!(out, "no row is there to explain")?;
    }
    for (number, lines) in proofs.iter().enumerate() {
        if number > 0 {
            writeln!(out)?;
        }
        lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// The facts of a tree, or of a bundle that `facts --bundle` wrote.
fn facts(path: &Path, jobs: Option<usize>) -> anyhow::Result<(FactBase, Derived)> {
    if !path.exists() {
        bail!("{}: no such file or folder; name a tree, or a bundle written by `facts --bundle`", path.display());
    }
    if path.is_file() {
        let bytes = fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
        match bundle::read(&bytes) {
            Ok(read) => return Ok(read),
            Err(BundleError::NotABundle) => {}
            Err(error) => bail!("{}: {error}", path.display()),
        }
    }
    let facts = Analysis::of_paths([path.to_path_buf()]).jobs(jobs).extract(&|_| {})?.facts;
    Ok((facts, Derived::default()))
}

fn show(out: &mut impl Write, arguments: &QueryArguments, tables: &[Table]) -> io::Result<()> {
    let several = tables.len() > 1;
    if arguments.format == QueryFormat::Json {
        let all: Map<String, Value> =
            tables.iter().map(|table| (table.relation.clone(), as_json(arguments, table))).collect();
        serde_json::to_writer_pretty(&mut *out, &all)?;
        return writeln!(out);
    }
    for table in tables {
        if table.only_size.is_some() || arguments.count {
            writeln!(out, "{}\t{}", table.relation, table.only_size.unwrap_or(table.rows.len()))?;
            continue;
        }
        let shown = arguments.limit.unwrap_or(usize::MAX).min(table.rows.len());
        let rows = &table.rows[..shown];
        match arguments.format {
            QueryFormat::Table => as_table(out, table, rows, several)?,
            QueryFormat::Csv => {
                writeln!(out, "{}", table.columns.join(","))?;
                for row in rows {
                    let cells: Vec<String> = row.iter().map(|cell| quoted(&as_text(cell))).collect();
                    writeln!(out, "{}", cells.join(","))?;
                }
            }
            QueryFormat::Tsv | QueryFormat::Json => {
                for row in rows {
                    let cells: Vec<String> = row.iter().map(|cell| as_text(cell).replace(['\t', '\n'], " ")).collect();
                    writeln!(out, "{}", cells.join("\t"))?;
                }
            }
        }
        if shown < table.rows.len() && arguments.format == QueryFormat::Table {
            writeln!(out, "… and {} more", table.rows.len() - shown)?;
        }
    }
    Ok(())
}

fn as_json(arguments: &QueryArguments, table: &Table) -> Value {
    if table.only_size.is_some() || arguments.count {
        return json!(table.only_size.unwrap_or(table.rows.len()));
    }
    let value = |cell: &Cell| match cell {
        Cell::Number(number) => json!(number),
        Cell::Text(text) => json!(text),
    };
    let object = |row: &Vec<Cell>| -> Value {
        table.columns.iter().zip(row).map(|(column, cell)| (column.clone(), value(cell))).collect::<Map<_, _>>().into()
    };
    table.rows.iter().take(arguments.limit.unwrap_or(usize::MAX)).map(object).collect()
}

fn as_table(out: &mut impl Write, table: &Table, rows: &[Vec<Cell>], several: bool) -> io::Result<()> {
    if several {
        writeln!(out, "{}", table.relation)?;
    }
    let cells: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| plain(&as_text(cell)).to_string()).collect()).collect();
    let width = |column: usize| {
        let written = cells.iter().map(|row: &Vec<String>| row[column].chars().count());
        written.chain([table.columns[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..table.columns.len()).map(width).collect();
    let line = |row: &[String]| {
        let padded: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    writeln!(out, "{}", line(&table.columns))?;
    writeln!(out, "{}", line(&widths.iter().map(|width| "-".repeat(*width)).collect::<Vec<_>>()))?;
    cells.iter().try_for_each(|row| writeln!(out, "{}", line(row)))
}

fn as_text(cell: &Cell) -> String {
    match cell {
        Cell::Number(number) => number.to_string(),
        Cell::Text(text) => text.clone(),
    }
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

fn schema(name: &str) -> anyhow::Result<ExitCode> {
    let mut out = BufWriter::new(anstream::stdout());
    let schemas = query::schemas();
    let chosen: Vec<_> = schemas.iter().filter(|schema| name.is_empty() || schema.name == name).collect();
    if chosen.is_empty() {
        bail!("there is no relation `{name}`; `query --schema` lists them");
    }
    for schema in chosen {
        let type_of = |type_| match type_ {
            Type::Number => "number",
            Type::Symbol => "symbol",
            Type::Id(kind) => distsys_graph::facts::IdKind::name(kind),
        };
        let columns: Vec<String> =
            schema.columns.iter().map(|column| format!("{}: {}", column.name, type_of(column.type_))).collect();
        writeln!(out, "{}({})", schema.name, columns.join(", "))?;
        if !name.is_empty() {
            writeln!(out, "\n{}", schema.doc)?;
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}
