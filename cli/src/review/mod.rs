//! Review of a change: what is new against the base, told as a strict human reviewer would.

mod packets;
mod route;
mod scope;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use distsys_queries::Finding;
use rustc_hash::{FxHashMap, FxHashSet};
use tempfile::TempDir;

pub use packets::{Packet, packets};
pub use route::Route;
pub use scope::{Scope, Versions};

use crate::analysis::{Analysis, AnalysisError, Report, Reported};
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

/// Reviews `scope` of the repository around `here`. `analysis` makes the analysis of a folder, with rules and configuration.
pub fn review(
    here: &Path,
    scope: &Scope,
    choices: Choices,
    analysis: &dyn Fn(Vec<PathBuf>) -> Analysis,
) -> Result<Review, ReviewError> {
    if let Scope::Paths(paths) = scope {
        let analysis = analysis(paths.clone());
        let root = analysis.root().map(Path::to_path_buf).unwrap_or_default();
        let report = analysis.run()?;
        let files = report.summary.files;
        let shown = paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
        return Ok(Review { report, compared: shown, files, dirty: 0, known: 0, root, _folder: None });
    }
    let repository = Repository::of(here)?;
    let versions = scope.versions(&repository)?;
    let changes = repository.changes(&versions.base, versions.head.as_deref())?;
    let dirty = if versions.head.is_none() { repository.dirty()? } else { 0 };
    let exported = |tree: &str| -> Result<(TempDir, Report), ReviewError> {
        let folder = tempfile::tempdir()
            .map_err(|source| ReviewError::Folder { path: std::env::temp_dir().display().to_string(), source })?;
        repository.export(tree, folder.path())?;
        let copy = analysis(vec![folder.path().join("tree")]).copy_of(repository.root().to_path_buf());
        let report = copy.run()?;
        Ok((folder, report))
    };
    let (folder, mut report) = match &versions.head {
        None => (None, analysis(vec![repository.root().to_path_buf()]).run()?),
        Some(head) => exported(head).map(|(folder, report)| (Some(folder), report))?,
    };
    let root = folder.as_ref().map_or_else(|| repository.root().to_path_buf(), |folder| folder.path().join("tree"));
    let sources: FxHashSet<&str> = report.paths.iter().map(String::as_str).collect();
    let files = changes.iter().filter(|change| sources.contains(change.path.as_str())).count();
    if files == 0 && changes.iter().all(|change| !change.deleted) {
        let known = report.findings.iter().filter(|reported| reported.counts()).count();
        tell_only(&mut report, |_| false);
        return Ok(Review { report, compared: versions.shown, files, dirty, known, root, _folder: folder });
    }
    let base = exported(&versions.base)?.1;
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
    Ok(Review { report, compared: versions.shown, files, dirty, known, root, _folder: folder })
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
