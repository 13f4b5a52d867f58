//! [`Analysis`]: what is analysed and how; [`Report`]: what came of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use distsys_extract::driver::{self, ExtractError, Extraction, Input, Options, SourceText};
use distsys_facts::{FactBase, Id, Language, Word};
use distsys_queries::{
    Confidence, Finding, JudgeError, Maturity, MissingLibrary, ModelError, OwnRule, OwnRuleError, Rule, RuleInfo,
    Severity, judge, rules,
};
use rustc_hash::FxHashSet;
use serde::Serialize;

use crate::accept::{self, Date};
use crate::config::{Config, known_slug};
use crate::graph::Graph;
use crate::json::Diagnostic;
use crate::own_rules;
use crate::query::QueryError;
use crate::suppress;

/// A source text in memory.
pub type Source = SourceText;

/// Which rules run and what of their findings is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Only these; empty: all.
    pub rules: Vec<String>,
    pub exclude_rules: Vec<String>,
    pub preview: bool,
    pub min_severity: Severity,
    pub min_confidence: Confidence,
}

impl Default for Selection {
    fn default() -> Self {
        Selection {
            rules: Vec::new(),
            exclude_rules: Vec::new(),
            preview: false,
            min_severity: Severity::Nit,
            min_confidence: Confidence::Medium,
        }
    }
}

/// Where the work stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Files read, of how many.
    Parse {
        done: usize,
        all: usize,
    },
    Judge,
}

/// Sees the stages go by; called from many threads.
pub type Progress<'a> = &'a (dyn Fn(Stage) + Sync);

/// An analysis to be run.
#[derive(Clone, Debug)]
pub struct Analysis {
    input: Target,
    options: Options,
    selection: Selection,
    config: Config,
    today: Option<Date>,
    own_rules: Option<Vec<(String, String)>>,
}

#[derive(Clone, Debug)]
enum Target {
    Paths { root: PathBuf, paths: Vec<PathBuf> },
    Sources(Vec<Source>),
}

/// Why an analysis could not be run.
#[derive(Debug, thiserror::Error)]
pub enum AnalysisError {
    #[error(transparent)]
    Extract(#[from] ExtractError),
    #[error("{0}")]
    Rule(String),
    #[error("{path}: {source}; [models] files name files relative to the configuration")]
    ModelFile { path: String, source: std::io::Error },
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    OwnRule(#[from] OwnRuleError),
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error("{path}: {source}; it holds rules of the project's own")]
    RuleFile { path: String, source: std::io::Error },
}

impl From<JudgeError> for AnalysisError {
    fn from(error: JudgeError) -> Self {
        match error {
            JudgeError::Model(error) => AnalysisError::Model(error),
            JudgeError::OwnRule(error) => AnalysisError::OwnRule(error),
        }
    }
}

/// A finding with what the project says of it.
#[derive(Clone, Debug)]
pub struct Reported {
    pub finding: Finding,
    /// Why it does not count.
    pub silenced: Option<Silence>,
}

/// Why a finding does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silence {
    pub by: SilencedBy,
    /// What the project gives as its reason.
    pub reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SilencedBy {
    /// A comment at one of its places.
    Comment,
    /// A convention of the project: `[[accept]]`, or a directive in its documents.
    Convention,
    /// The baseline: it was there before.
    Baseline,
}

impl SilencedBy {
    pub fn name(self) -> &'static str {
        match self {
            SilencedBy::Comment => "comment",
            SilencedBy::Convention => "convention",
            SilencedBy::Baseline => "baseline",
        }
    }
}

impl Reported {
    pub fn counts(&self) -> bool {
        self.silenced.is_none()
    }
}

/// Figures of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    pub files: usize,
    pub lines: u64,
    /// By language.
    pub lines_by_language: BTreeMap<&'static str, u64>,
    /// By severity, silenced ones left out.
    pub findings: BTreeMap<&'static str, usize>,
    /// Those that a comment, a convention or the baseline silences.
    pub suppressed: usize,
    /// Files left out, by reason.
    pub skipped: BTreeMap<&'static str, usize>,
}

/// The outcome of an analysis.
#[derive(Debug)]
pub struct Report {
    /// By path, line and rule.
    pub findings: Vec<Reported>,
    pub diagnostics: Vec<Diagnostic>,
    /// The rules that ran, those of the project's own last.
    pub rules: Vec<&'static RuleInfo>,
    pub summary: Summary,
    /// Milliseconds by phase, in order.
    pub phases: Vec<(&'static str, f64)>,
    /// Tuples by extracted relation, then by derived one.
    pub counts: Vec<(&'static str, usize)>,
    /// Call sites by language: to project functions, to named library functions, unresolved.
    pub resolution: Vec<(&'static str, usize, usize, usize)>,
    facts: FactBase,
}

impl Report {
    /// The facts that the findings rest on.
    pub fn facts(&self) -> &FactBase {
        &self.facts
    }

    /// The gravest finding that no comment silences.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().filter(|reported| reported.counts()).map(|reported| reported.finding.severity).max()
    }
}

impl Analysis {
    /// Analyses files and folders. Paths in the report are relative to the one folder given, else to the folder that
    /// all have in common.
    pub fn of_paths(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        let paths: Vec<PathBuf> = paths.into_iter().collect();
        let root = common_root(&paths);
        Self::new(Target::Paths { root, paths })
    }

    pub fn of_sources(sources: Vec<Source>) -> Self {
        Self::new(Target::Sources(sources))
    }

    fn new(input: Target) -> Self {
        Analysis {
            input,
            options: Options::default(),
            selection: Selection::default(),
            config: Config::default(),
            today: None,
            own_rules: None,
        }
    }

    pub fn jobs(mut self, jobs: Option<usize>) -> Self {
        self.options.jobs = jobs;
        self
    }

    pub fn selection(mut self, selection: Selection) -> Self {
        self.selection = selection;
        self
    }

    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// The day by which conventions expire, if not the one that it is.
    pub fn today(mut self, today: Date) -> Self {
        self.today = Some(today);
        self
    }

    /// What the project wants of it.
    pub(crate) fn configuration(&self) -> &Config {
        &self.config
    }

    /// The folder that paths in the report are relative to.
    pub fn root(&self) -> Option<&Path> {
        match &self.input {
            Target::Paths { root, .. } => Some(root),
            Target::Sources(_) => None,
        }
    }

    pub fn run(&self) -> Result<Report, AnalysisError> {
        self.run_with(&|_| {})
    }

    /// Reads the facts only.
    pub fn extract(&self, progress: Progress<'_>) -> Result<Extraction, AnalysisError> {
        let mut options = self.options.clone();
        options.exclude.extend(self.config.exclude.iter().cloned());
        let input = match &self.input {
            Target::Paths { root, paths } => Input::Tree { root, paths },
            Target::Sources(sources) => Input::Texts(sources),
        };
        Ok(driver::extract(input, &options, &|done, all| progress(Stage::Parse { done, all }))?)
    }

    /// The calls into libraries that no model knows, by library.
    pub fn missing_models(&self) -> Result<Vec<MissingLibrary>, AnalysisError> {
        let models = self.config.own_models()?;
        Ok(distsys_queries::missing(&self.extract(&|_| {})?.facts, &models)?)
    }

    /// The graph of calls and effects of what was read.
    pub fn graph(&self, facts: &FactBase) -> Result<Graph, AnalysisError> {
        Ok(Graph::of(facts, &self.config.own_models()?)?)
    }

    pub fn run_with(&self, progress: Progress<'_>) -> Result<Report, AnalysisError> {
        let (selected, known) = (self.selected_rules()?, own_rules::load(self)?);
        let own = self.selected_own(&known)?;
        let models = self.config.own_models()?;
        let start = Instant::now();
        let extraction = self.extract(progress)?;
        progress(Stage::Judge);
        let facts = extraction.facts;
        let pool =
            rayon::ThreadPoolBuilder::new().num_threads(self.options.jobs.unwrap_or(0)).stack_size(64 << 20).build();
        let judged = match pool {
            Ok(pool) => pool.install(|| judge(&facts, &selected, &models, &own)),
            Err(_) => judge(&facts, &selected, &models, &own),
        };
        let judgement = judged?;
        let millis = |duration: std::time::Duration| duration.as_secs_f64() * 1000.0;
        let mut phases = vec![
            ("walk", millis(extraction.times.walk)),
            ("parse+lower", millis(extraction.times.lower)),
            ("merge", millis(extraction.times.merge)),
        ];
        phases.extend(judgement.phases);
        let mut diagnostics: Vec<Diagnostic> = extraction
            .skipped
            .iter()
            .map(|skip| Diagnostic {
                path: skip.path.clone(),
                kind: skip.kind.name().to_owned(),
                message: skip.message.clone(),
            })
            .collect();
        for row in &facts.relations.diagnostic {
            let path = facts.text(facts.relations.file[row.file.index()].path).to_owned();
            let message = format!("{}:{}: {}", row.position.line(), row.position.column(), facts.text(row.message));
            diagnostics.push(Diagnostic { path, kind: row.kind.name().to_owned(), message });
        }
        let rules: Vec<&'static RuleInfo> =
            selected.iter().map(|rule| &rule.info).chain(own.iter().map(|rule| rule.info)).collect();
        let ran: FxHashSet<&str> = rules.iter().map(|rule| rule.slug).collect();
        let mut findings = judgement.findings;
        for finding in &mut findings {
            if let Some(&severity) = self.config.severities.get(finding.rule.slug) {
                finding.severity = severity;
            }
        }
        findings.retain(|finding| self.is_kept(finding));
        let mut findings = suppress::apply(&facts, findings, &ran, &mut diagnostics);
        let mut acceptances = self.config.accept.clone();
        if let Target::Paths { root, .. } = &self.input {
            acceptances.extend(accept::of_documents(root, &mut diagnostics));
        }
        let today = self.today.unwrap_or_else(accept::today);
        accept::apply(&acceptances, today, |rule| ran.contains(rule), &mut findings, &mut diagnostics);
        diagnostics.sort();
        let mut summary = summary(&facts, &findings);
        for skip in &extraction.skipped {
            *summary.skipped.entry(skip.kind.name()).or_default() += 1;
        }
        let mut counts = facts.relations.counts();
        counts.extend(judgement.counts);
        phases.push(("all", millis(start.elapsed())));
        Ok(Report { findings, diagnostics, rules, summary, phases, counts, resolution: judgement.resolution, facts })
    }

    fn is_kept(&self, finding: &Finding) -> bool {
        let severity = self.config.min_severity.unwrap_or(Severity::Nit).max(self.selection.min_severity);
        let confidence = self.config.min_confidence.unwrap_or(self.selection.min_confidence);
        finding.severity >= severity && finding.confidence >= confidence
    }

    fn selected_rules(&self) -> Result<Vec<&'static Rule>, AnalysisError> {
        let selection = &self.selection;
        for slug in selection.rules.iter().chain(&selection.exclude_rules) {
            known_slug(slug).map_err(AnalysisError::Rule)?;
        }
        Ok(rules().iter().copied().filter(|rule| self.is_selected(&rule.info)).collect())
    }

    fn is_selected(&self, info: &RuleInfo) -> bool {
        let (selection, config) = (&self.selection, &self.config);
        let only = if selection.rules.is_empty() { &config.select } else { &selection.rules };
        let preview = selection.preview || config.preview;
        let named = only.iter().any(|slug| slug == info.slug);
        let excluded = selection.exclude_rules.iter().chain(&config.ignore).any(|slug| slug == info.slug);
        (only.is_empty() && (info.maturity == Maturity::Stable || preview) || named) && !excluded
    }

    /// Those of the project's own rules that are to run.
    fn selected_own<'k>(&self, known: &'k [OwnRule]) -> Result<Vec<&'k OwnRule>, AnalysisError> {
        let selection = &self.selection;
        let is_known = |slug: &&String| known.iter().any(|rule| rule.info.slug == **slug);
        let mut named = selection.rules.iter().chain(&selection.exclude_rules).filter(|slug| slug.contains('/'));
        if let Some(slug) = named.find(|slug| !is_known(slug)) {
            return Err(AnalysisError::Rule(format!("no rule in {} is called `{slug}`", own_rules::FOLDER)));
        }
        Ok(known.iter().filter(|rule| self.is_selected(rule.info)).collect())
    }

    /// Runs these rules and no others.
    pub(crate) fn only(mut self, rules: Vec<String>) -> Self {
        self.selection.rules = rules;
        self
    }

    pub(crate) fn own_texts(&self) -> Option<&[(String, String)]> {
        self.own_rules.as_deref()
    }

    /// Texts of rules of the project's own, by name, instead of those in its folder.
    pub fn own_rules(mut self, rules: Vec<(String, String)>) -> Self {
        self.own_rules = Some(rules);
        self
    }
}

/// The folder given, the folder of the file given, or what several paths have in common.
fn common_root(paths: &[PathBuf]) -> PathBuf {
    let folder = |path: &PathBuf| {
        if path.is_file() { path.parent().map(Path::to_path_buf).unwrap_or_default() } else { path.clone() }
    };
    let mut folders = paths.iter().map(folder);
    let Some(first) = folders.next() else { return PathBuf::from(".") };
    let root = folders.fold(first, |root, next| {
        root.ancestors().find(|ancestor| next.starts_with(ancestor)).map(Path::to_path_buf).unwrap_or_default()
    });
    if root.as_os_str().is_empty() { PathBuf::from(".") } else { root }
}

fn summary(facts: &FactBase, findings: &[Reported]) -> Summary {
    let mut summary = Summary::default();
    for row in &facts.relations.file {
        summary.files += 1;
        if row.language != Language::Manifest {
            summary.lines += u64::from(row.lines);
        }
        *summary.lines_by_language.entry(row.language.name()).or_default() += u64::from(row.lines);
    }
    summary.count(findings);
    summary
}

impl Summary {
    /// Counts the findings anew.
    pub(crate) fn count(&mut self, findings: &[Reported]) {
        self.suppressed = 0;
        self.findings = Severity::ALL.iter().map(|severity| (severity.name(), 0)).collect();
        for reported in findings {
            match &reported.silenced {
                Some(_) => self.suppressed += 1,
                None => *self.findings.entry(reported.finding.severity.name()).or_default() += 1,
            }
        }
    }
}
