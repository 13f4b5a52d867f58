//! `models`: what the tool knows of libraries, and what a tree calls that it does not know.

use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use distsys_graph::outputs::json_pretty;
use distsys_graph::{Analysis, Config, Family, LibraryInfo, MissingLibrary, built_in_models};
use serde_json::json;

use crate::args::{Format, ModelsArguments};
use crate::text;

pub(crate) fn run(arguments: &ModelsArguments) -> anyhow::Result<ExitCode> {
    match &arguments.missing {
        Some(path) => missing(path, arguments),
        None => list(arguments.format),
    }
}

fn list(format: Format) -> anyhow::Result<ExitCode> {
    let mut libraries: Vec<LibraryInfo> = built_in_models()?;
    libraries.sort_by(|a, b| (a.family, &a.name).cmp(&(b.family, &b.name)));
    let mut out = BufWriter::new(anstream::stdout());
    match format {
        Format::Json => {
            let rows: Vec<_> = libraries
                .iter()
                .map(|library| {
                    json!({
                        "language": language(library.family),
                        "library": library.name,
                        "modules": library.modules,
                        "operations": library.operations,
                    })
                })
                .collect();
            writeln!(out, "{}", json_pretty(&rows)?)?;
        }
        Format::Text => {
            for library in &libraries {
                let (language, name) = (language(library.family), &library.name);
                writeln!(out, "{language:10}  {name:32}  {} operations", library.operations)?;
            }
            writeln!(out, "{} libraries", libraries.len())?;
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn missing(path: &Path, arguments: &ModelsArguments) -> anyhow::Result<ExitCode> {
    if !path.exists() {
        bail!("{}: no such file or folder; name one that exists", path.display());
    }
    let config = Config::find(path).map(|file| Config::read(&file)).transpose()?.unwrap_or_default();
    let found = Analysis::of_paths([path.to_owned()]).jobs(arguments.jobs).config(config).missing_models()?;
    let shown = &found[..found.len().min(arguments.limit)];
    let mut out = BufWriter::new(anstream::stdout());
    match arguments.format {
        Format::Json => {
            let rows: Vec<_> = shown.iter().map(row).collect();
            writeln!(out, "{}", json_pretty(&rows)?)?;
        }
        Format::Text => {
            writeln!(out, "unknown    known  language    library")?;
            for library in shown {
                let name = text::plain(&library.library);
                writeln!(out, "{:7}  {:7}  {:10}  {name}", library.unknown, library.known, language(library.family))?;
                for (callee, calls) in library.callees.iter().take(4) {
                    writeln!(out, "{calls:7}                       {}", text::plain(callee))?;
                }
            }
            if found.len() > shown.len() {
                writeln!(out, "and {} more libraries; `--limit` shows them", found.len() - shown.len())?;
            }
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn row(library: &MissingLibrary) -> serde_json::Value {
    let callees: Vec<_> =
        library.callees.iter().map(|(callee, calls)| json!({ "callee": callee, "calls": calls })).collect();
    json!({
        "language": language(library.family),
        "library": library.library,
        "unknown": library.unknown,
        "known": library.known,
        "callees": callees,
    })
}

/// A family by the name of its folder of models.
fn language(family: Family) -> &'static str {
    match family {
        Family::Go => "go",
        Family::Java => "java",
        Family::Python => "python",
        Family::Rust => "rust",
        Family::Script => "typescript",
    }
}
