//! [`Analysis`]: what is analysed and how; [`Report`]: what came of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use distsys_extract::cache::CacheFolder;
use distsys_extract::driver::{
    self, ExtractError, Extraction, Input, Limits, Listing, Options, SourceText, Survey, Watch,
};
use distsys_facts::{DiagnosticKind, FactBase, Language, Word};
use distsys_queries::{
    Confidence, Finding, JudgeError, Maturity, MissingLibrary, ModelError, OwnRule, OwnRuleError, Rule, RuleInfo,
    Severity, rules,
};
use serde::Serialize;

use crate::accept::Date;
use crate::config::{Config, known_slug};
use crate::graph::Graph;
use crate::json::Diagnostic;
use crate::own_rules;
use crate::query::QueryError;

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
    pub(crate) options: Options,
    pub(crate) selection: Selection,
    pub(crate) config: Config,
    pub(crate) today: Option<Date>,
    own_rules: Option<Vec<(String, String)>>,
    cache: Option<CacheFolder>,
    copy_of: Option<PathBuf>,
    policy: Option<Policy>,
    pub(crate) limits: Limits,
}

/// Where the project's own rules and the documents with its conventions are, if not in the tree itself.
#[derive(Clone, Debug)]
struct Policy {
    tree: PathBuf,
    /// The folder that `tree` is a version of.
    original: PathBuf,
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
    #[error("{path}: [models] files must lie in the folder of the configuration or below; move it there")]
    ModelOutside { path: String },
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    OwnRule(#[from] OwnRuleError),
    #[error("judging failed; please report it, with what it says above")]
    Judging,
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
    /// The limit that the run reached, and what was left undone; then the findings are not all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partial: Option<String>,
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
    pub counts: Vec<(String, usize)>,
    /// Call sites by language: to project functions, to named library functions, unresolved.
    pub resolution: Vec<(String, usize, usize, usize)>,
    /// What whoever runs it may want to know and is nothing of the code: why no cache is kept.
    pub notes: Vec<String>,
    /// Of the files that gave facts, in order.
    pub paths: Vec<String>,
    pub(crate) facts: OnceLock<Arc<FactBase>>,
    /// What gives the facts where the outcome is that of an earlier run.
    pub(crate) again: Option<Box<Analysis>>,
}

impl Report {
    /// The facts that the findings rest on. Where the outcome is that of an earlier run they are read now; a tree that is
    /// gone by then has none.
    pub fn facts(&self) -> &FactBase {
        self.facts.get_or_init(|| {
            let again = self.again.as_ref().and_then(|analysis| analysis.extract(&|_| {}).ok());
            Arc::new(again.map(|extraction| extraction.facts).unwrap_or_default())
        })
    }

    /// Whether any code was analysed; schemas and manifests alone say nothing about it.
    pub fn has_code(&self) -> bool {
        let languages = Language::ALL.iter().filter(|language| language.is_code());
        languages.into_iter().any(|language| self.summary.lines_by_language.contains_key(language.name()))
    }

    /// The files that were not read, or not whole, and the limits that were reached: what a strict run does not pass over.
    pub fn unread(&self) -> impl Iterator<Item = &Diagnostic> {
        let is_fault = |kind: &str| DiagnosticKind::ALL.iter().any(|known| known.name() == kind && known.is_fault());
        self.diagnostics.iter().filter(move |diagnostic| is_fault(&diagnostic.kind))
    }

    /// Adds a diagnostic of the whole.
    pub(crate) fn tell(&mut self, kind: DiagnosticKind, message: String) {
        self.diagnostics.push(Diagnostic { path: ".".to_owned(), kind: kind.name().to_owned(), message });
        self.diagnostics.sort();
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
            cache: None,
            copy_of: None,
            policy: None,
            limits: Limits::default(),
        }
    }

    /// Keeps in `folder` what is read and concluded, and reuses what earlier runs left there. Reports are the same with and
    /// without. Sources in memory are never kept.
    pub fn cache(mut self, folder: Option<CacheFolder>) -> Self {
        self.cache = folder;
        self
    }

    /// The tree is a copy, of whatever version, of the one at `original`, whose cache serves.
    pub fn copy_of(mut self, original: PathBuf) -> Self {
        self.copy_of = Some(original);
        self
    }

    /// Takes the project's own rules and conventions from `tree`, another version of the folder `original`.
    pub fn policy_of(mut self, tree: PathBuf, original: PathBuf) -> Self {
        self.policy = Some(Policy { tree, original });
        self
    }

    /// The folder whose documents say what the project accepts.
    pub(crate) fn policy_root(&self) -> Option<&Path> {
        self.policy.as_ref().map(|policy| policy.tree.as_path()).or(self.root())
    }

    /// The folder of the project's own rules: in the root of the analysis or above it.
    pub(crate) fn rules_folder(&self) -> Option<PathBuf> {
        let Some(policy) = &self.policy else { return own_rules::folder_for(self.root()?) };
        let own = policy.tree.join(own_rules::FOLDER);
        if own.is_dir() { Some(own) } else { own_rules::folder_for(policy.original.parent()?) }
    }

    /// Which files below the root are read.
    pub fn listing(mut self, listing: Listing) -> Self {
        self.options.listing = listing;
        self
    }

    /// What the run may take.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
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

    /// Runs it. Times out or runs out of memory only if it has [`Analysis::limits`]; see [`Summary::partial`] then.
    pub fn run(&self) -> Result<Report, AnalysisError> {
        self.run_with(&|_| {})
    }

    /// Reads the facts only.
    pub fn extract(&self, progress: Progress<'_>) -> Result<Extraction, AnalysisError> {
        let options = self.extract_options();
        let survey = self.survey(&options, Watch::start(self.limits))?;
        Ok(survey.extract(&options, &|done, all| progress(Stage::Parse { done, all }))?)
    }

    pub(crate) fn survey(&self, options: &Options, watch: Watch) -> Result<Survey, AnalysisError> {
        let input = match &self.input {
            Target::Paths { root, paths } => Input::Tree { root, paths },
            Target::Sources(sources) => Input::Texts(sources),
        };
        Ok(driver::survey(input, options, watch)?)
    }

    pub(crate) fn extract_options(&self) -> Options {
        let mut options = self.options.clone();
        options.exclude.extend(self.config.exclude.iter().cloned());
        let serves = |folder: &&CacheFolder| self.root().is_some_and(|root| folder.serves(root));
        options.cache = self.cache.as_ref().filter(serves).and_then(|folder| Some(folder.tree(&self.identity()?)));
        options.cache_of_copy = self.copy_of.is_some();
        options
    }

    /// Names the tree in the cache: where it stands, and what of it is read.
    fn identity(&self) -> Option<String> {
        let Target::Paths { root, paths } = &self.input else { return None };
        let place = |path: &Path| path.canonicalize().ok().map(|path| path.into_os_string());
        if let Some(original) = &self.copy_of {
            return Some(format!("{:?}", [place(original)?, place(original)?]));
        }
        let mut places = paths.iter().map(|path| place(path)).collect::<Option<Vec<_>>>()?;
        places.sort();
        places.insert(0, place(root)?);
        Some(format!("{places:?}"))
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

    pub(crate) fn is_kept(&self, finding: &Finding) -> bool {
        let severity = self.config.min_severity.unwrap_or(Severity::Nit).max(self.selection.min_severity);
        let confidence = self.config.min_confidence.unwrap_or(self.selection.min_confidence);
        finding.severity >= severity && finding.confidence >= confidence
    }

    pub(crate) fn selected_rules(&self) -> Result<Vec<&'static Rule>, AnalysisError> {
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

    /// Which of the project's own rules are to run.
    pub(crate) fn selected_own(&self, known: &[OwnRule]) -> Result<Vec<bool>, AnalysisError> {
        let selection = &self.selection;
        let is_known = |slug: &&String| known.iter().any(|rule| rule.info.slug == **slug);
        let mut named = selection.rules.iter().chain(&selection.exclude_rules).filter(|slug| slug.contains('/'));
        if let Some(slug) = named.find(|slug| !is_known(slug)) {
            return Err(AnalysisError::Rule(format!("no rule in {} is called `{slug}`", own_rules::FOLDER)));
        }
        Ok(known.iter().map(|rule| self.is_selected(rule.info)).collect())
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
