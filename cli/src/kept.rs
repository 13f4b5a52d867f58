//! The outcome of a run as the cache keeps it: all that a report tells, before what depends on the day and on documents.

use std::collections::BTreeMap;

use distsys_facts::{DiagnosticKind, Language, Word};
use distsys_queries::{Finding, Place, RuleInfo, Step};
use serde::{Deserialize, Serialize};

use crate::analysis::{Reported, Silence, SilencedBy, Summary};
use crate::json::Diagnostic;

/// What the facts of a tree and the rules gave.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// By path, line and rule; silenced by comments only.
    pub(crate) findings: Vec<Reported>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Without the counts of findings.
    pub(crate) summary: Summary,
    pub(crate) counts: Vec<(String, usize)>,
    pub(crate) resolution: Vec<(String, usize, usize, usize)>,
    /// Of the files that gave facts.
    pub(crate) paths: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    findings: Vec<KeptFinding>,
    diagnostics: Vec<(String, String, String)>,
    files: usize,
    lines: u64,
    lines_by_language: Vec<(String, u64)>,
    skipped: Vec<(String, usize)>,
    counts: Vec<(String, usize)>,
    resolution: Vec<(String, usize, usize, usize)>,
    paths: Vec<String>,
}

type KeptPlace = (String, u32, u32, u32, u32);

#[derive(Serialize, Deserialize)]
struct KeptFinding {
    id: String,
    function: String,
    subject: String,
    cause: String,
    operation: Option<KeptPlace>,
    rule: String,
    severity: String,
    confidence: String,
    message: String,
    primary: KeptPlace,
    steps: Vec<(KeptPlace, String)>,
    checked: Vec<String>,
    help: String,
    /// The reason that a comment gives for silence.
    silenced: Option<String>,
}

impl Outcome {
    pub(crate) fn encode(&self) -> Option<Vec<u8>> {
        let named = |map: &BTreeMap<&'static str, u64>| map.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect();
        let skipped = self.summary.skipped.iter().map(|(name, count)| ((*name).to_owned(), *count));
        let diagnostics = self.diagnostics.iter().cloned();
        let kept = Kept {
            findings: self.findings.iter().map(KeptFinding::of).collect(),
            diagnostics: diagnostics.map(|row| (row.path, row.kind, row.message)).collect(),
            files: self.summary.files,
            lines: self.summary.lines,
            lines_by_language: named(&self.summary.lines_by_language),
            skipped: skipped.collect(),
            counts: self.counts.clone(),
            resolution: self.resolution.clone(),
            paths: self.paths.clone(),
        };
        postcard::to_allocvec(&kept).ok()
    }

    /// `rules` are those that ran. `None` if the bytes are of another version.
    pub(crate) fn decode(bytes: &[u8], rules: &[&'static RuleInfo]) -> Option<Outcome> {
        let kept: Kept = postcard::from_bytes(bytes).ok()?;
        let languages = kept.lines_by_language.iter().map(|(name, lines)| Some((word::<Language>(name)?, *lines)));
        let skipped = kept.skipped.iter().map(|(name, count)| Some((word::<DiagnosticKind>(name)?, *count)));
        let summary = Summary {
            files: kept.files,
            lines: kept.lines,
            lines_by_language: languages.collect::<Option<_>>()?,
            skipped: skipped.collect::<Option<_>>()?,
            ..Summary::default()
        };
        let diagnostics = kept.diagnostics.into_iter().map(|(path, kind, message)| Diagnostic { path, kind, message });
        Some(Outcome {
            findings: kept.findings.into_iter().map(|finding| finding.read(rules)).collect::<Option<_>>()?,
            diagnostics: diagnostics.collect(),
            summary,
            counts: kept.counts,
            resolution: kept.resolution,
            paths: kept.paths,
        })
    }
}

impl KeptFinding {
    fn of(reported: &Reported) -> KeptFinding {
        let finding = &reported.finding;
        KeptFinding {
            id: finding.id.clone(),
            function: finding.function.clone(),
            subject: finding.subject.clone(),
            cause: finding.cause.clone(),
            operation: finding.operation.as_ref().map(keep_place),
            rule: finding.rule.slug.to_owned(),
            severity: finding.severity.name().to_owned(),
            confidence: finding.confidence.name().to_owned(),
            message: finding.message.clone(),
            primary: keep_place(&finding.primary),
            steps: finding.steps.iter().map(|step| (keep_place(&step.place), step.message.clone())).collect(),
            checked: finding.checked.clone(),
            help: finding.help.clone(),
            silenced: reported.silenced.as_ref().map(|silence| silence.reason.clone()),
        }
    }

    fn read(self, rules: &[&'static RuleInfo]) -> Option<Reported> {
        let steps = self.steps.into_iter().map(|(place, message)| Step { place: read_place(place), message });
        let finding = Finding {
            id: self.id,
            function: self.function,
            subject: self.subject,
            cause: self.cause,
            operation: self.operation.map(read_place),
            rule: rules.iter().find(|info| info.slug == self.rule)?,
            severity: self.severity.parse().ok()?,
            confidence: self.confidence.parse().ok()?,
            message: self.message,
            primary: read_place(self.primary),
            steps: steps.collect(),
            checked: self.checked,
            help: self.help,
        };
        let silenced = self.silenced.map(|reason| Silence { by: SilencedBy::Comment, reason });
        Some(Reported { finding, silenced })
    }
}

fn keep_place(place: &Place) -> KeptPlace {
    (place.path.clone(), place.line, place.column, place.end_line, place.end_column)
}

fn read_place((path, line, column, end_line, end_column): KeptPlace) -> Place {
    Place { path, line, column, end_line, end_column }
}

fn word<W: Word>(name: &str) -> Option<&'static str> {
    W::NAMES.iter().copied().find(|known| *known == name)
}
