//! The commands.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::CommandFactory;
use distsys_graph::facts::{bundle, export};
use distsys_graph::graph::GraphFormat;
use distsys_graph::{Analysis, Confidence, Config, Maturity, Selection, config, own_rules, rule, rules};
use serde_json::json;

use crate::args::{Arguments, Color, Command, FactsArguments, FactsFormat, Format, GraphArguments, GraphForm};
use crate::{bench, cache, check, init, models, query, review, text};

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match arguments.color {
        Color::Auto => {}
        Color::Always => anstream::ColorChoice::Always.write_global(),
        Color::Never => anstream::ColorChoice::Never.write_global(),
    }
    match &arguments.command {
        Command::Check(arguments) => check::run(arguments),
        Command::Review(arguments) => review::run(arguments),
        Command::Facts(facts) => self::facts(facts),
        Command::Rules { format } => list_rules(*format),
        Command::Explain { rule } => explain(rule),
        Command::Query(arguments) => query::run(arguments),
        Command::Models(arguments) => models::run(arguments),
        Command::Graph(arguments) => graph(arguments),
        Command::Test { path } => test(path),
        Command::Clean { cache_dir } => cache::clean(cache_dir.as_deref()),
        Command::Init { baseline } => init::run(*baseline),
        Command::Completions { shell } => completions(*shell),
        Command::Man { out } => man(out.as_deref()),
        Command::Bench { path, format, jobs, warm } => bench::run(path, *format, *jobs, *warm),
    }
}

fn facts(arguments: &FactsArguments) -> anyhow::Result<ExitCode> {
    let analysis = Analysis::of_paths([arguments.path.clone()]).jobs(arguments.jobs);
    let mut extraction = analysis.extract(&|_| {})?;
    if let Some(folder) = &arguments.out {
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        let format = match arguments.format {
            FactsFormat::Tsv => export::Format::Tsv,
            FactsFormat::Jsonl => export::Format::JsonLines,
        };
        let open = |name: &str| File::create(folder.join(name)).map(BufWriter::new);
        export::write_all(&extraction.facts, format, open)
            .with_context(|| format!("{} cannot be written to", folder.display()))?;
        if arguments.format == FactsFormat::Tsv {
            write_file(&folder.join("schema.dl"), export::declarations().as_bytes())?;
        }
    }
    if let Some(file) = &arguments.bundle {
        let derived = distsys_graph::query::derive_tables(&mut extraction.facts, &[])?;
        write_file(file, &bundle::write(&extraction.facts, &derived))?;
    }
    for skip in &extraction.skipped {
        anstream::eprintln!(
            "{}: {}: {}",
            text::plain(&skip.path),
            distsys_graph::facts::Word::name(skip.kind),
            text::plain(&skip.message)
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn write_file(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    fs::write(path, bytes).with_context(|| format!("{} cannot be written", path.display()))
}

fn list_rules(format: Format) -> anyhow::Result<ExitCode> {
    let mut out = BufWriter::new(anstream::stdout());
    match format {
        Format::Json => {
            let list: Vec<_> = rules()
                .iter()
                .map(|rule| {
                    json!({
                        "rule": rule.info.slug,
                        "category": rule.info.category.name(),
                        "category_number": rule.info.category.number(),
                        "severity": rule.info.severity.name(),
                        "maturity": rule.info.maturity.name(),
                        "summary": rule.info.summary,
                    })
                })
                .collect();
            serde_json::to_writer_pretty(&mut out, &list)?;
            writeln!(out)?;
        }
        Format::Text => {
            let width = rules().iter().map(|rule| rule.info.slug.len()).max().unwrap_or(0);
            for rule in rules() {
                let info = &rule.info;
                let preview = if info.maturity == Maturity::Preview { " (preview)" } else { "" };
                writeln!(out, "{:width$}  {:8}  {}{preview}", info.slug, info.severity.name(), info.summary)?;
            }
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn explain(slug: &str) -> anyhow::Result<ExitCode> {
    let Some(rule) = rule(slug) else {
        let message = config::known_slug(slug).err().unwrap_or_default();
        bail!("{message}");
    };
    let mut out = anstream::stdout();
    writeln!(out, "{}", rule.info.page.trim_end())?;
    Ok(ExitCode::SUCCESS)
}

fn completions(shell: clap_complete::Shell) -> anyhow::Result<ExitCode> {
    // Made first: the generator cannot say that a pipe is closed.
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "distsys-graph", &mut text);
    anstream::stdout().write_all(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn man(folder: Option<&Path>) -> anyhow::Result<ExitCode> {
    match folder {
        Some(folder) => {
            fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
            clap_mangen::generate_to(Arguments::command(), folder)
                .with_context(|| format!("{} cannot be written to", folder.display()))?;
        }
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Arguments::command()).render(&mut page)?;
            anstream::stdout().write_all(&page)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn test(path: &Path) -> anyhow::Result<ExitCode> {
    let has_rules = fs::read_dir(path)
        .with_context(|| path.display().to_string())?
        .filter_map(Result::ok)
        .any(|entry| entry.path().extension().is_some_and(|ending| ending == "dl"));
    let folder = if has_rules { Some(path.to_path_buf()) } else { own_rules::folder_for(path) };
    let Some(folder) = folder else { bail!("{}: no {} here or above", path.display(), own_rules::FOLDER) };
    let (count, failures) = own_rules::test(&folder)?;
    let mut out = BufWriter::new(anstream::stdout());
    for failure in &failures {
        let (page, case) = (text::plain(&failure.page), text::plain(&failure.case));
        writeln!(out, "{page} / {} / {case}\n{}", failure.section, failure.problem)?;
    }
    writeln!(out, "{count} cases, {} failed", failures.len())?;
    out.flush()?;
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn graph(arguments: &GraphArguments) -> anyhow::Result<ExitCode> {
    let path = &arguments.path;
    let config = Config::find(path).map(|file| Config::read(&file)).transpose()?.unwrap_or_default();
    let analysis = Analysis::of_paths([path.clone()]).jobs(arguments.jobs).config(config);
    let depth = arguments.depth;
    let graph = if let Some(id) = &arguments.finding {
        // Whatever is told at any setting has an id.
        let all = Selection { preview: true, min_confidence: Confidence::Low, ..Selection::default() };
        let report = analysis.clone().selection(all).run()?;
        let finding = report.findings.iter().find(|reported| reported.finding.id == distsys_graph::id_of_place(id));
        let Some(reported) = finding else {
            bail!("no finding of {} has the id `{id}`; `check --format json` tells the ids", path.display());
        };
        analysis.graph(report.facts())?.around_finding(&reported.finding, report.facts(), depth)
    } else {
        let extraction = analysis.extract(&|_| {})?;
        let graph = analysis.graph(&extraction.facts)?;
        match &arguments.around {
            None => graph,
            Some(name) => {
                let near = graph.around(name, depth);
                if near.nodes.is_empty() {
                    bail!("no function or entity of {} ends in `{name}`", path.display());
                }
                near
            }
        }
    };
    let format = match arguments.format {
        GraphForm::Dot => GraphFormat::Dot,
        GraphForm::Mermaid => GraphFormat::Mermaid,
        GraphForm::Json => GraphFormat::Json,
        GraphForm::Svg => GraphFormat::Svg,
    };
    let mut out = BufWriter::new(anstream::stdout());
    graph.write(&mut out, format)?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}
