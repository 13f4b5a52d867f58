//! The commands.

use std::fs::{self, File};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use distsys_graph::facts::{bundle, export};
use distsys_graph::json::Document;
use distsys_graph::{Analysis, Confidence, Config, Maturity, Selection, Severity, Stage, config, rule, rules};
use serde_json::json;

use crate::args::{Arguments, CheckArguments, Color, Command, FactsArguments, FactsFormat, Format};
use crate::{bench, models, query, text};

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match arguments.color {
        Color::Auto => {}
        Color::Always => anstream::ColorChoice::Always.write_global(),
        Color::Never => anstream::ColorChoice::Never.write_global(),
    }
    match &arguments.command {
        Command::Check(check) => self::check(check),
        Command::Facts(facts) => self::facts(facts),
        Command::Rules { format } => list_rules(*format),
        Command::Explain { rule } => explain(rule),
        Command::Query(arguments) => query::run(arguments),
        Command::Models(arguments) => models::run(arguments),
        Command::Bench { path, format, jobs } => bench::run(path, *format, *jobs),
    }
}

fn check(arguments: &CheckArguments) -> anyhow::Result<ExitCode> {
    for path in &arguments.paths {
        if !path.exists() {
            bail!("{}: no such file or folder; name one that exists", path.display());
        }
    }
    let config = configuration(arguments)?;
    let fail_on = arguments.fail_on.or(config.fail_on).unwrap_or(Severity::Nit);
    let selection = Selection {
        rules: arguments.rule.clone(),
        exclude_rules: arguments.exclude_rule.clone(),
        preview: arguments.preview,
        min_severity: arguments.min_severity.unwrap_or(Severity::Nit),
        min_confidence: arguments.min_confidence.or(config.min_confidence).unwrap_or(Confidence::Medium),
    };
    let config = Config { min_confidence: None, ..config };
    let analysis = Analysis::of_paths(arguments.paths.clone()).jobs(arguments.jobs).selection(selection).config(config);
    let start = Instant::now();
    let progress = ProgressLine::new(!arguments.quiet && io::stderr().is_terminal());
    let report = analysis.run_with(&|stage| progress.show(stage))?;
    progress.clear();
    let mut out = BufWriter::new(anstream::stdout());
    match arguments.format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut out, &Document::new(&report))?;
            writeln!(out)?;
        }
        Format::Text => {
            text::findings(&mut out, &report, analysis.root())?;
            if !arguments.quiet {
                text::summary(&mut out, &report, start.elapsed())?;
            }
        }
    }
    out.flush()?;
    if arguments.stats {
        text::stats(&mut anstream::stderr(), &report)?;
    }
    let failed = report.worst().is_some_and(|worst| worst >= fail_on);
    Ok(if failed { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn configuration(arguments: &CheckArguments) -> anyhow::Result<Config> {
    if arguments.no_config {
        return Ok(Config::default());
    }
    let found = match &arguments.config {
        Some(path) => Some(path.clone()),
        None => arguments.paths.first().and_then(|path| Config::find(path)),
    };
    Ok(found.map(|path| Config::read(&path)).transpose()?.unwrap_or_default())
}

fn facts(arguments: &FactsArguments) -> anyhow::Result<ExitCode> {
    let analysis = Analysis::of_paths([arguments.path.clone()]).jobs(arguments.jobs);
    let extraction = analysis.extract(&|_| {})?;
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
        write_file(file, &bundle::write(&extraction.facts))?;
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

/// One line on a terminal that says how far the work is.
struct ProgressLine {
    shown: bool,
    last: Mutex<Instant>,
}

impl ProgressLine {
    fn new(shown: bool) -> Self {
        ProgressLine { shown, last: Mutex::new(Instant::now()) }
    }

    fn show(&self, stage: Stage) {
        if !self.shown {
            return;
        }
        let Ok(mut last) = self.last.try_lock() else { return };
        if matches!(stage, Stage::Parse { .. }) && last.elapsed() < Duration::from_millis(80) {
            return;
        }
        *last = Instant::now();
        match stage {
            Stage::Parse { done, all } => anstream::eprint!("\r\x1b[2Kparse {done}/{all}"),
            Stage::Judge => anstream::eprint!("\r\x1b[2Klink, derive, rules"),
        }
    }

    fn clear(&self) {
        if self.shown {
            anstream::eprint!("\r\x1b[2K");
        }
    }
}
