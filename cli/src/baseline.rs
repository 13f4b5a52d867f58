//! Baselines: what was there before. A line a finding, sorted, so that two branches that change it merge.

use std::collections::BTreeMap;
use std::path::Path;

use distsys_facts::{DiagnosticKind, Word};

use crate::analysis::{Report, Silence, SilencedBy};
use crate::json::Diagnostic;
use crate::outputs::plain;

const HEADER: &str =
    "# distsys-graph baseline: findings that are not new. Made by `distsys-graph check --write-baseline`.";

/// The findings that are not new, by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    /// Rule and path by id; for the reader and for merges, the id alone counts.
    entries: BTreeMap<String, (String, String)>,
}

/// Why a baseline cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    #[error("{path}: {source}; write it with `distsys-graph check --write-baseline {path}`")]
    Unreadable { path: String, source: std::io::Error },
    #[error("{path}:{line}: not `rule path id`; resolve a merge, or write the baseline anew with `--write-baseline`")]
    Line { path: String, line: usize },
}

impl Baseline {
    /// All that counts in `report`.
    pub fn of(report: &Report) -> Self {
        let counted = report.findings.iter().filter(|reported| reported.counts()).map(|reported| &reported.finding);
        let entry = |finding: &distsys_queries::Finding| {
            (finding.id.clone(), (finding.rule.slug.to_owned(), finding.primary.path.clone()))
        };
        Baseline { entries: counted.map(entry).collect() }
    }

    pub fn read(path: &Path) -> Result<Self, BaselineError> {
        let shown = || path.display().to_string();
        let text =
            std::fs::read_to_string(path).map_err(|source| BaselineError::Unreadable { path: shown(), source })?;
        Baseline::parse(&text).map_err(|line| BaselineError::Line { path: shown(), line })
    }

    /// The number of the first line that is none, if there is one.
    fn parse(text: &str) -> Result<Self, usize> {
        let mut entries = BTreeMap::new();
        for (number, line) in
            text.lines().enumerate().filter(|(_, line)| !line.starts_with('#') && !line.trim().is_empty())
        {
            let (rule, rest) = line.split_once(' ').ok_or(number + 1)?;
            let (path, id) = rest.rsplit_once(' ').ok_or(number + 1)?;
            let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
            if !is_id {
                return Err(number + 1);
            }
            entries.insert(id.to_owned(), (rule.to_owned(), path.to_owned()));
        }
        Ok(Baseline { entries })
    }

    pub fn text(&self) -> String {
        let mut lines: Vec<String> =
            self.entries.iter().map(|(id, (rule, path))| format!("{rule} {} {id}", plain(path))).collect();
        lines.sort_unstable();
        let mut text = format!("{HEADER}\n");
        for line in lines {
            text.push_str(&line);
            text.push('\n');
        }
        text
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Silences in `report` what is not new; gives how many entries are stale: nothing is found under their id any more.
    pub fn apply(&self, origin: &str, report: &mut Report) -> usize {
        let mut stale: BTreeMap<&str, &(String, String)> =
            self.entries.iter().map(|(id, entry)| (id.as_str(), entry)).collect();
        for reported in &mut report.findings {
            if stale.remove(reported.finding.id.as_str()).is_some() && reported.counts() {
                let reason = format!("in the baseline {origin}");
                reported.silenced = Some(Silence { by: SilencedBy::Baseline, reason });
            }
        }
        for (id, (rule, path)) in &stale {
            let message = format!("the entry {id} of `{rule}` in {path} is stale; remove it with `--prune-baseline`");
            let kind = DiagnosticKind::Suppression.name().to_owned();
            report.diagnostics.push(Diagnostic { path: origin.to_owned(), kind, message });
        }
        report.diagnostics.sort();
        report.summary.count(&report.findings);
        stale.len()
    }

    /// Leaves the entries whose findings are still there.
    pub fn prune(&mut self, report: &Report) {
        self.entries.retain(|id, _| report.findings.iter().any(|reported| reported.finding.id == *id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut baseline = Baseline::default();
        let entry = ("lost-update".to_owned(), "src/a b/ü.py".to_owned());
        baseline.entries.insert("00ff-2".to_owned(), entry);
        assert_eq!(Baseline::parse(&baseline.text()), Ok(baseline));
        assert_eq!(Baseline::parse("# x\n\n<<<<<<< HEAD\n"), Err(3));
    }
}
