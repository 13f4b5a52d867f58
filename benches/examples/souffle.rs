//! Souffle's own programs, run by the interpreter of `query` and held against the results that come with them:
//! `cargo run --release --example souffle SOUFFLE/tests/evaluation` (or `…/semantic`). Prints for each program whether it gives
//! what is expected, something else, or is outside of the subset (with the reason), and at the end how many of each.
//!
//! Programs that Souffle refuses (`NAME.err` tells of errors) must be refused: `refused` where the line is one of those that
//! Souffle names, `elsewhere` with both places where it is not (most use what the subset lacks before they go wrong), and
//! `ACCEPTED` where they run.

#![allow(clippy::print_stdout, clippy::expect_used, reason = "a measurement, run by hand")]

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use distsys_engine::datalog::Limits;
use distsys_graph::query::{Cell, QueryError, Table, run};

enum Outcome {
    Passes,
    Fails(String),
    Outside(String),
    Refused,
    RefusedElsewhere(String),
    Accepted(String),
}

fn main() {
    let folder = std::env::args().nth(1).expect("the folder of tests");
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .expect("the folder of tests")
        .filter_map(|entry| entry.expect("an entry").file_name().into_string().ok())
        .filter(|name| Path::new(&folder).join(name).is_dir())
        .collect();
    names.sort();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for name in names {
        let (word, reason) = match judge(&Path::new(&folder).join(&name), &name) {
            None => continue,
            Some(Outcome::Passes) => ("passes", String::new()),
            Some(Outcome::Fails(reason)) => ("FAILS", reason),
            Some(Outcome::Outside(reason)) => ("outside", reason),
            Some(Outcome::Refused) => ("refused", String::new()),
            Some(Outcome::RefusedElsewhere(reason)) => ("elsewhere", reason),
            Some(Outcome::Accepted(reason)) => ("ACCEPTED", reason),
        };
        *counts.entry(word).or_default() += 1;
        println!("{word:8} {name:32} {}", reason.replace('\n', " "));
    }
    println!("{counts:?}");
}

fn judge(folder: &Path, name: &str) -> Option<Outcome> {
    let file = folder.join(name).with_extension("dl");
    let text = std::fs::read_to_string(&file).ok()?;
    let limits = Limits { timeout: Some(Duration::from_secs(60)), ..Limits::default() };
    let facts = folder.join("facts");
    let outcome = run(&facts, &file.display().to_string(), &text, &limits);
    let expected = std::fs::read_to_string(folder.join(name).with_extension("err")).unwrap_or_default();
    if let Some(first) = expected.lines().find(|line| line.starts_with("Error: ")) {
        let lines: Vec<&str> =
            expected.lines().filter_map(|line| line.split_once(" at line ")).map(|(_, line)| line).collect();
        return Some(match outcome {
            Err(QueryError::Program(problem)) => match &problem.place {
                Some((_, line, ..)) if lines.contains(&line.to_string().as_str()) => Outcome::Refused,
                _ if lines.is_empty() => Outcome::Refused,
                _ => Outcome::RefusedElsewhere(format!("{problem} HERE, THERE {first}")),
            },
            _ => Outcome::Accepted(first.to_owned()),
        });
    }
    // A file that Souffle cannot open either, and one that is no text.
    if let Err(QueryError::Facts { source, .. }) = &outcome {
        return Some(match source.kind() {
            ErrorKind::NotFound if expected.starts_with("Error loading ") => Outcome::Refused,
            ErrorKind::InvalidData => Outcome::Outside(source.to_string()),
            _ => Outcome::Fails(source.to_string()),
        });
    }
    Some(match outcome {
        Err(QueryError::Program(problem)) => Outcome::Outside(problem.to_string()),
        Err(error) => Outcome::Fails(error.to_string()),
        Ok(tables) => {
            tables.iter().find_map(|table| differs(folder, name, table)).map_or(Outcome::Passes, Outcome::Fails)
        }
    })
}

/// Where a table is not what is expected.
fn differs(folder: &Path, name: &str, table: &Table) -> Option<String> {
    if let Some(size) = table.only_size {
        let expected = std::fs::read_to_string(folder.join(name).with_extension("out")).unwrap_or_default();
        let line = format!("{}\t{size}", table.relation);
        return (!expected.lines().any(|known| known == line)).then(|| format!("`{line}` is not expected"));
    }
    let Ok(expected) = std::fs::read_to_string(folder.join(&table.relation).with_extension("csv")) else { return None };
    let mut rows: Vec<String> = table.rows.iter().map(|row| written(row)).collect();
    let mut expected: Vec<&str> = expected.lines().collect();
    // The columns of an expected row stand between what its directive says; here always between tabs.
    let columns = table.rows.first().map_or(0, Vec::len);
    let is_apart = |row: &&str| row.split('\t').count() == columns;
    let apart: Vec<String>;
    if !expected.iter().all(is_apart) && expected.iter().all(|row| row.split(", ").count() == columns) {
        apart = expected.iter().map(|row| row.replace(", ", "\t")).collect();
        expected = apart.iter().map(String::as_str).collect();
    }
    rows.sort();
    expected.sort_unstable();
    let missing = expected.iter().find(|row| !rows.iter().any(|known| known == *row));
    let more = rows.iter().find(|row| !expected.contains(&row.as_str()));
    match (missing, more) {
        (Some(row), _) => Some(format!("`{}` lacks `{row}`", table.relation)),
        (_, Some(row)) => Some(format!("`{}` has `{row}`", table.relation)),
        _ => (rows.len() != expected.len())
            .then(|| format!("`{}` has {} rows, not {}", table.relation, rows.len(), expected.len())),
    }
}

fn written(row: &[Cell]) -> String {
    // A relation without columns holds, or not.
    if row.is_empty() {
        return "()".to_owned();
    }
    let cells = row.iter().map(|cell| match cell {
        Cell::Number(number) => number.to_string(),
        Cell::Text(text) => text.clone(),
    });
    cells.collect::<Vec<_>>().join("\t")
}
