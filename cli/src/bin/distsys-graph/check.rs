//! `check`: analyse, report, and hold against a baseline.

use std::fs;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use distsys_graph::{
    Analysis, Baseline, CacheFolder, Confidence, Config, Limits, Report, Selection, Severity, Stage, outputs,
};

use crate::args::{CheckArguments, ChoiceArguments, ReportFormat};
use crate::{cache, text};

pub(crate) fn run(arguments: &CheckArguments) -> anyhow::Result<ExitCode> {
    for path in &arguments.paths {
        if !path.exists() {
            bail!("{}: no such file or folder; name one that exists", path.display());
        }
    }
    let chosen = Chosen::new(&arguments.choice, arguments.paths.first().map(PathBuf::as_path))?;
    let analysis = chosen.analysis(arguments.paths.clone());
    let start = Instant::now();
    let progress = ProgressLine::new(!arguments.quiet && io::stderr().is_terminal());
    let mut report = analysis.run_with(&|stage| progress.show(stage))?;
    progress.clear();
    if !arguments.quiet {
        tell_notes(&report);
    }
    if let Some(id) = &arguments.explain {
        let mut out = BufWriter::new(anstream::stdout());
        for line in distsys_graph::proofs::explain(&analysis, &report, id)? {
            writeln!(out, "{line}")?;
        }
        out.flush()?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(path) = &arguments.write_baseline {
        let baseline = Baseline::of(&report);
        write_baseline(path, &baseline)?;
        anstream::eprintln!("{}: {} findings are the baseline now", path.display(), baseline.len());
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(path) = &arguments.baseline {
        hold_against(&mut report, path, arguments.prune_baseline)?;
    }
    report.tell_causes_once();
    let mut out = BufWriter::new(anstream::stdout());
    let root = analysis.root().unwrap_or(Path::new("."));
    write_report(&mut out, arguments.format, &report, root, &analysis)?;
    if arguments.format == ReportFormat::Text && !arguments.quiet {
        text::summary(&mut out, &report, start.elapsed())?;
    }
    out.flush()?;
    if arguments.stats {
        text::stats(&mut anstream::stderr(), &report)?;
    }
    Ok(chosen.exit(&report))
}

/// Says what is nothing of the code.
pub(crate) fn tell_notes(report: &Report) {
    for note in &report.notes {
        anstream::eprintln!("note: {}", text::plain(note));
    }
}

/// Writes a report whose paths lead from `root` to the sources; `analysis` knows the models that it was made with.
pub(crate) fn write_report(
    out: &mut dyn Write,
    format: ReportFormat,
    report: &Report,
    root: &Path,
    analysis: &Analysis,
) -> anyhow::Result<()> {
    let format = match format {
        ReportFormat::Text => return Ok(text::findings(out, report, Some(root))?),
        ReportFormat::Html => return Ok(outputs::html(out, report, root, &analysis.graph(report.facts())?)?),
        ReportFormat::Concise => outputs::Format::Concise,
        ReportFormat::Markdown => outputs::Format::Markdown,
        ReportFormat::Json => outputs::Format::Json,
        ReportFormat::Jsonl => outputs::Format::JsonLines,
        ReportFormat::Sarif => outputs::Format::Sarif,
        ReportFormat::Github => outputs::Format::GitHub,
        ReportFormat::Gitlab => outputs::Format::GitLab,
        ReportFormat::Junit => outputs::Format::JUnit,
    };
    Ok(outputs::write(out, report, format)?)
}

/// Silences in `report` what the baseline lists.
fn hold_against(report: &mut Report, path: &Path, prune: bool) -> anyhow::Result<()> {
    let mut baseline = Baseline::read(path)?;
    if prune {
        baseline.prune(report);
        write_baseline(path, &baseline)?;
    }
    baseline.apply(&path.display().to_string(), report);
    Ok(())
}

pub(crate) fn write_baseline(path: &Path, baseline: &Baseline) -> anyhow::Result<()> {
    fs::write(path, baseline.text()).with_context(|| format!("{} cannot be written", path.display()))
}

/// Rules and configuration, as arguments and files choose them.
pub(crate) struct Chosen {
    config: Config,
    selection: Selection,
    fail_on: Severity,
    jobs: Option<usize>,
    cache: Option<CacheFolder>,
    limits: Limits,
    strict: bool,
}

impl Chosen {
    /// `target`: where the configuration is looked for, upward.
    pub(crate) fn new(choice: &ChoiceArguments, target: Option<&Path>) -> anyhow::Result<Self> {
        let file = match &choice.config {
            _ if choice.no_config => None,
            Some(path) => Some(path.clone()),
            None => target.and_then(Config::find),
        };
        Self::with(choice, file.map(|path| Config::read(&path)).transpose()?.unwrap_or_default())
    }

    /// With a configuration that was found already.
    pub(crate) fn with(choice: &ChoiceArguments, config: Config) -> anyhow::Result<Self> {
        let selection = Selection {
            rules: choice.rule.clone(),
            exclude_rules: choice.exclude_rule.clone(),
            preview: choice.preview,
            min_severity: choice.min_severity.unwrap_or(Severity::Nit),
            min_confidence: choice.min_confidence.or(config.min_confidence).unwrap_or(Confidence::Medium),
        };
        let fail_on = choice.fail_on.or(config.fail_on).unwrap_or(Severity::Nit);
        let config = Config { min_confidence: None, ..config };
        let (file, time, memory) = (choice.limits.file_timeout, choice.limits.timeout, choice.limits.max_memory);
        if memory.is_some() && !Limits::can_watch_memory() {
            bail!("--max-memory: this system does not say how much memory a process holds; leave it out");
        }
        Ok(Chosen {
            config,
            selection,
            fail_on,
            jobs: choice.jobs,
            cache: cache::folder(&choice.cache),
            limits: Limits { file, time, memory },
            strict: choice.limits.strict,
        })
    }

    pub(crate) fn analysis(&self, paths: Vec<PathBuf>) -> Analysis {
        let analysis = Analysis::of_paths(paths).jobs(self.jobs).cache(self.cache.clone()).limits(self.limits);
        analysis.selection(self.selection.clone()).config(self.config.clone())
    }

    pub(crate) fn exit(&self, report: &Report) -> ExitCode {
        let is_undone = report.summary.partial.is_some() || !report.has_code();
        if is_undone || self.strict && report.unread().next().is_some() {
            return ExitCode::from(2);
        }
        let failed = report.worst().is_some_and(|worst| worst >= self.fail_on);
        if failed { ExitCode::from(1) } else { ExitCode::SUCCESS }
    }
}

/// One line on a terminal that says how far the work is.
pub(crate) struct ProgressLine {
    shown: bool,
    last: Mutex<Instant>,
}

impl ProgressLine {
    pub(crate) fn new(shown: bool) -> Self {
        ProgressLine { shown, last: Mutex::new(Instant::now()) }
    }

    pub(crate) fn show(&self, stage: Stage) {
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

    pub(crate) fn clear(&self) {
        if self.shown {
            anstream::eprint!("\r\x1b[2K");
        }
    }
}
