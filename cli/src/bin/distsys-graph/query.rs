//! `distsys-graph query`: questions in Datalog.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use distsys_graph::datalog::{Limits, Type};
use distsys_graph::facts::bundle::{BundleError, Derived};
use distsys_graph::facts::{FactBase, bundle};
use distsys_graph::outputs::json_pretty;
use distsys_graph::query::{self, Cell, Source, Table};
use distsys_graph::{Analysis, Config};
use serde_json::{Map, Value, json};

use crate::args::{QueryArguments, QueryFormat};
use crate::repl;
use crate::text::plain;

pub(crate) fn run(arguments: &QueryArguments) -> anyhow::Result<ExitCode> {
    if let Some(name) = &arguments.schema {
        return schema(name);
    }
    let timeout = arguments.timeout.map(Duration::try_from_secs_f64).transpose().context("--timeout takes seconds")?;
    let limits = Limits { max_tuples: arguments.max_tuples, timeout, stop: None };
    let mut paths = arguments.paths.iter().map(PathBuf::as_path);
    let (name, text) = match &arguments.expression {
        Some(text) => ("question".to_owned(), text.clone()),
        None => match program(arguments)? {
            Some(program) => {
                paths.next();
                program
            }
            None => {
                let session = match &arguments.facts_dir {
                    Some(folder) => Base::Files(folder),
                    None => Base::Tree(paths.next().unwrap_or(Path::new("."))),
                };
                return repl::run(arguments, session, limits);
            }
        },
    };
    if let Some(folder) = &arguments.facts_dir {
        return answer(arguments, Source::Files(folder), &name, &text, &limits);
    }
    let tree = Tree::read(paths.next().unwrap_or(Path::new(".")), arguments)?;
    answer(arguments, tree.source(), &name, &text, &limits)
}

/// The name and text of the program that is to be run; none if only a tree or bundle is named, or nothing.
fn program(arguments: &QueryArguments) -> anyhow::Result<Option<(String, String)>> {
    let Some(path) = arguments.paths.first() else { return Ok(None) };
    if path.is_dir() || (arguments.paths.len() == 1 && bundle::is_bundle(path)) {
        return Ok(None);
    }
    let text = fs::read_to_string(path).with_context(|| format!("{}: the program cannot be read", path.display()))?;
    Ok(Some((path.display().to_string(), text)))
}

fn answer(
    arguments: &QueryArguments,
    source: Source<'_>,
    name: &str,
    text: &str,
    limits: &Limits,
) -> anyhow::Result<ExitCode> {
    let mut out = BufWriter::new(anstream::stdout());
    if arguments.explain {
        let proofs = query::prove(source, name, text, limits, arguments.limit.unwrap_or(1))?;
        if proofs.is_empty() {
            writeln!(out, "no row is there to explain")?;
        }
        for (number, lines) in proofs.iter().enumerate() {
            if number > 0 {
                writeln!(out)?;
            }
            lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
        }
    } else {
        let tables = match source {
            Source::Tree { facts, derived, own_models } => query::ask(facts, derived, own_models, name, text, limits)?,
            Source::Files(folder) => query::run(folder, name, text, limits)?,
        };
        show(&mut out, arguments, &tables)?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// What is asked: a tree or bundle that is yet to be read, or plain files.
#[derive(Clone, Copy)]
pub(crate) enum Base<'b> {
    Tree(&'b Path),
    Files(&'b Path),
}

/// A tree or bundle that was read, and the project's own models.
pub(crate) struct Tree {
    pub(crate) facts: FactBase,
    pub(crate) derived: Derived,
    pub(crate) own_models: Vec<(String, String)>,
}

impl Tree {
    pub(crate) fn read(path: &Path, arguments: &QueryArguments) -> anyhow::Result<Tree> {
        let config = match (&arguments.config, arguments.no_config) {
            (_, true) => None,
            (Some(file), _) => Some(file.clone()),
            (None, _) => Config::find(path),
        };
        let config = config.map(|file| Config::read(&file)).transpose()?.unwrap_or_default();
        let own_models = config.own_models()?;
        let (facts, derived) = facts(path, arguments.jobs, config)?;
        Ok(Tree { facts, derived, own_models })
    }

    fn source(&self) -> Source<'_> {
        Source::Tree { facts: &self.facts, derived: &self.derived, own_models: &self.own_models }
    }
}

/// The facts of a tree, or of a bundle that `facts --bundle` wrote.
fn facts(path: &Path, jobs: Option<usize>, config: Config) -> anyhow::Result<(FactBase, Derived)> {
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
    let facts = Analysis::of_paths([path.to_path_buf()]).jobs(jobs).config(config).extract(&|_| {})?.facts;
    Ok((facts, Derived::default()))
}

pub(crate) fn show(out: &mut impl Write, arguments: &QueryArguments, tables: &[Table]) -> io::Result<()> {
    let several = tables.len() > 1;
    if arguments.format == QueryFormat::Json {
        let all: Map<String, Value> =
            tables.iter().map(|table| (table.relation.clone(), as_json(arguments, table))).collect();
        return writeln!(out, "{}", json_pretty(&all)?);
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
