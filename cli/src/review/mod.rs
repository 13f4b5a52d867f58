//! Review of a change: what is new against the base, told as a strict human reviewer would.

mod base;
mod packets;
mod route;
mod scope;
mod trust;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use distsys_extract::driver::Listing;
use distsys_queries::Finding;
use rustc_hash::{FxHashMap, FxHashSet};
use tempfile::TempDir;

use base::Base;
pub use packets::{Packet, packets};
pub use route::Route;
pub use scope::{Scope, Versions};
pub use trust::Heeded;
use trust::Policy;

use crate::analysis::{Analysis, AnalysisError, Report, Reported};
use crate::config::Config;
use crate::git::{Change, GitError, Repository};

/// What a review found.
#[derive(Debug)]
pub struct Review {
    /// Of the later version; only what the review tells.
    pub report: Report,
    /// What was compared, for people.
    pub compared: String,
    /// Files that were reviewed.
    pub files: usize,
    /// Files of the work tree that are not committed; none where the work tree is not reviewed.
    pub dirty: usize,
    /// Findings of the later version that were there before and are not told.
    pub known: usize,
    /// Where the paths of the report lead.
    pub root: PathBuf,
    /// Holds what was written out of a commit.
    _folder: Option<TempDir>,
}

/// Why a review could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    #[error(transparent)]
    Git(#[from] GitError),
    #[error(transparent)]
    Analysis(#[from] AnalysisError),
    #[error("{path}: {source}; the versions to compare are written there")]
    Folder { path: String, source: std::io::Error },
}

/// How a review is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Choices {
    /// Also tell what was there before, where a step of it lies in a changed line.
    pub touched: bool,
}

/// What is to be reviewed, with the versions that are compared.
#[derive(Debug)]
pub enum Subject {
    /// Files and folders as they are.
    Paths(Vec<PathBuf>),
    Change(Box<Compared>),
}

/// Two versions of a repository.
#[derive(Debug)]
pub struct Compared {
    repository: Repository,
    versions: Versions,
    changes: Vec<Change>,
    base: Base,
    /// None: the later version says itself what counts.
    policy: Option<Policy>,
}

impl Subject {
    /// Opens `scope` of the repository around `here`. Unless `trust_head`, what the project says of its own analysis (its
    /// configuration, conventions, models, rules, the files that it ignores) is that of the earlier version.
    pub fn open(here: &Path, scope: Scope, trust_head: bool) -> Result<Self, ReviewError> {
        let scope = match scope {
            Scope::Paths(paths) => return Ok(Subject::Paths(paths)),
            scope => scope,
        };
        let repository = Repository::of(here)?;
        let versions = scope.versions(&repository)?;
        let changes = repository.changes(&versions.base, versions.head.as_deref())?;
        let base = Base::new(&repository, &versions.base, &changes)?;
        let policy = (!trust_head).then(|| Policy::new(base.tree().to_path_buf(), repository.root()));
        Ok(Subject::Change(Box::new(Compared { repository, versions, changes, base, policy })))
    }

    /// The configuration that holds for `target`.
    pub fn config(&self, target: &Path) -> Option<Heeded> {
        match self.policy() {
            Some((policy, _)) => policy.config(target),
            None => Config::find(target).map(|file| Heeded::as_it_is(&file)),
        }
    }

    /// A configuration or baseline that whoever runs the review names.
    pub fn named(&self, path: &Path) -> Heeded {
        match self.policy() {
            Some((policy, compared)) => policy.named(path, &compared.base, &compared.repository),
            None => Heeded::as_it_is(path),
        }
    }

    fn policy(&self) -> Option<(&Policy, &Compared)> {
        match self {
            Subject::Paths(_) => None,
            Subject::Change(compared) => Some((compared.policy.as_ref()?, compared.as_ref())),
        }
    }

    /// Reviews it. `analysis` makes the analysis of a folder, with rules and configuration.
    pub fn review(&self, choices: Choices, analysis: &dyn Fn(Vec<PathBuf>) -> Analysis) -> Result<Review, ReviewError> {
        match self {
            Subject::Paths(paths) => of_paths(paths, &analysis(paths.clone())),
            Subject::Change(compared) => compared.review(choices, analysis),
        }
    }
}

fn of_paths(paths: &[PathBuf], analysis: &Analysis) -> Result<Review, ReviewError> {
    let root = analysis.root().map(Path::to_path_buf).unwrap_or_default();
    let report = analysis.run()?;
    let files = report.summary.files;
    let compared = paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
    Ok(Review { report, compared, files, dirty: 0, known: 0, root, _folder: None })
}

fn folder() -> Result<TempDir, ReviewError> {
    tempfile::tempdir()
        .map_err(|source| ReviewError::Folder { path: std::env::temp_dir().display().to_string(), source })
}

impl Compared {
    fn review(&self, choices: Choices, analysis: &dyn Fn(Vec<PathBuf>) -> Analysis) -> Result<Review, ReviewError> {
        let Compared { repository, versions, changes, .. } = self;
        let dirty = if versions.head.is_none() { repository.dirty()? } else { 0 };
        let judged = |root: &Path| {
            let analysis = analysis(vec![root.to_path_buf()]);
            self.policy.iter().fold(analysis, |analysis, policy| policy.judges(analysis))
        };
        // What a later version that is trusted ignores is left out.
        let of_head = |root: &Path, files: Listing| match &self.policy {
            Some(_) => judged(root).listing(files),
            None => judged(root),
        };
        let original = repository.root().to_path_buf();
        let (folder, root, mut report) = match &versions.head {
            None => {
                let files = repository.files()?.into_iter().map(|path| (path, None)).collect();
                let report = of_head(&original, Listing::Only(Arc::new(files))).run()?;
                (None, original.clone(), report)
            }
            Some(head) => {
                let folder = folder()?;
                let head = repository.exported(head, folder.path())?;
                head.bring_all(repository)?;
                let report = of_head(head.tree(), Listing::All).copy_of(original.clone()).run()?;
                (Some(folder), head.tree().to_path_buf(), report)
            }
        };
        if let Some(policy) = &self.policy {
            let altered = policy.altered(changes, &root);
            if !altered.is_empty() {
                let files = altered.join(", ");
                let note =
                    format!("{files}: read as the base has it; `--trust-head` heeds what the change makes of it");
                report.notes.push(note);
            }
        }
        let sources: FxHashSet<&str> = report.paths.iter().map(String::as_str).collect();
        let files = changes.iter().filter(|change| sources.contains(change.path.as_str())).count();
        let compared = versions.shown.clone();
        if files == 0 && changes.iter().all(|change| !change.deleted) {
            let known = report.findings.iter().filter(|reported| reported.counts()).count();
            tell_only(&mut report, |_| false);
            return Ok(Review { report, compared, files, dirty, known, root, _folder: folder });
        }
        let of_base = Listing::Only(Arc::new(self.base.files()));
        let base = judged(&root).listing(of_base).copy_of(original).run()?;
        let renames: FxHashMap<&str, &str> =
            changes.iter().filter_map(|change| Some((change.before.as_deref()?, change.path.as_str()))).collect();
        let before = Before::new(&base, &renames);
        let by_path: FxHashMap<&str, &Change> = changes.iter().map(|change| (change.path.as_str(), change)).collect();
        let mut numbers = Numbers::default();
        let mut known = 0;
        let told: Vec<bool> = report
            .findings
            .iter()
            .map(|reported| {
                let finding = &reported.finding;
                let is_new = !before.has(finding, &mut numbers);
                let told = is_new || choices.touched && is_touched(finding, &by_path);
                known += usize::from(!told && reported.counts());
                told
            })
            .collect();
        let mut told = told.into_iter();
        tell_only(&mut report, |_| told.next().unwrap_or(true));
        Ok(Review { report, compared, files, dirty, known, root, _folder: folder })
    }
}

fn tell_only(report: &mut Report, told: impl FnMut(&Reported) -> bool) {
    report.findings.retain(told);
    report.summary.count(&report.findings);
}

/// What a finding is, whatever its lines: rule, path, function, subject; several of one kind are told apart by number.
type Key = (&'static str, String, String, String, usize);

/// Numbers findings of one kind.
#[derive(Default)]
struct Numbers {
    seen: FxHashMap<(&'static str, String, String, String), usize>,
}

impl Numbers {
    fn key(&mut self, finding: &Finding, path: &str) -> Key {
        let (rule, function, subject) = (finding.rule.slug, finding.function.clone(), finding.subject.clone());
        let number = self.seen.entry((rule, path.to_owned(), function.clone(), subject.clone())).or_default();
        *number += 1;
        (rule, path.to_owned(), function, subject, *number)
    }
}

/// The findings of the earlier version, under the paths of the later one.
struct Before {
    keys: FxHashSet<Key>,
}

impl Before {
    fn new(base: &Report, renames: &FxHashMap<&str, &str>) -> Self {
        let mut numbers = Numbers::default();
        let keys = base
            .findings
            .iter()
            .map(|reported| {
                let path = reported.finding.primary.path.as_str();
                numbers.key(&reported.finding, renames.get(path).copied().unwrap_or(path))
            })
            .collect();
        Before { keys }
    }

    fn has(&self, finding: &Finding, numbers: &mut Numbers) -> bool {
        self.keys.contains(&numbers.key(finding, &finding.primary.path))
    }
}

fn is_touched(finding: &Finding, changes: &FxHashMap<&str, &Change>) -> bool {
    let places = finding.steps.iter().map(|step| &step.place).chain([&finding.primary]);
    places.into_iter().any(|place| changes.get(place.path.as_str()).is_some_and(|change| change.touches(place.line)))
}

/// Findings of a kind with one message are one entry with its places, gravest first.
pub fn entries(report: &Report) -> Vec<Vec<&Finding>> {
    let mut entries: BTreeMap<(std::cmp::Reverse<distsys_queries::Severity>, &str, &str), Vec<&Finding>> =
        BTreeMap::new();
    for finding in report.findings.iter().filter(|reported| reported.counts()).map(|reported| &reported.finding) {
        let key = (std::cmp::Reverse(finding.severity), finding.rule.slug, finding.message.as_str());
        entries.entry(key).or_default().push(finding);
    }
    entries.into_values().collect()
}
