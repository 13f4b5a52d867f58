//! A rule's page is its documentation and its test: every `###` case below `## Fires` and `## Silent` is a small project, whose
//! lines marked `error: [rule]` (and, if said, a severity) must be found and no other.

use std::collections::BTreeSet;

use distsys_queries::{Confidence, Finding, Severity};

use crate::analysis::{Analysis, Selection, Source};

/// A small project on a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// `Fires` or `Silent`.
    pub section: String,
    pub title: String,
    /// Language as the page names it, path, text.
    pub files: Vec<(String, String, String)>,
}

/// Path, line, rule, severity if one is said.
type Mark = (String, u32, String, Option<String>);

/// The cases of a page.
pub fn cases(page: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let (mut section, mut open) = (String::new(), false);
    for line in page.lines() {
        if open {
            if line.trim_end() == "```" {
                open = false;
            } else if let Some((_, _, text)) = cases.last_mut().and_then(|case| case.files.last_mut()) {
                text.push_str(line);
                text.push('\n');
            }
        } else if let Some(title) = line.strip_prefix("### ") {
            cases.push(Case { section: section.clone(), title: title.to_owned(), files: Vec::new() });
        } else if let Some(title) = line.strip_prefix("## ") {
            section = title.to_owned();
        } else if let Some(info) = line.strip_prefix("```")
            // A block without a path is an illustration.
            && let Some((language, path)) = info.split_once(' ')
            && let Some(case) = cases.last_mut()
        {
            case.files.push((language.to_owned(), path.trim().to_owned(), String::new()));
            open = true;
        }
    }
    cases.retain(|case| case.section == "Fires" || case.section == "Silent");
    cases
}

impl Case {
    fn marks(&self) -> BTreeSet<Mark> {
        let mut marks = BTreeSet::new();
        for (_, path, text) in &self.files {
            for (number, line) in text.lines().enumerate() {
                let Some((_, mark)) = line.split_once("error: [") else { continue };
                let Some((slug, rest)) = mark.split_once(']') else { continue };
                let severity = rest.split_whitespace().next().map(str::to_owned);
                marks.insert((path.clone(), number as u32 + 1, slug.to_owned(), severity));
            }
        }
        marks
    }

    /// Holds the case against what is found in it; `prepare` adds what the analysis needs beside the files.
    ///
    /// # Errors
    /// A line for everything that is missing or should not be there.
    pub fn check(&self, prepare: impl FnOnce(Analysis) -> Analysis) -> Result<(), String> {
        let sources = self.files.iter().map(|(_, path, text)| Source::new(path.as_str(), text.as_str())).collect();
        let selection = Selection {
            preview: true,
            min_severity: Severity::Nit,
            min_confidence: Confidence::Low,
            ..Selection::default()
        };
        let analysis = prepare(Analysis::of_sources(sources).jobs(Some(1)).selection(selection));
        let report = analysis.run().map_err(|error| error.to_string())?;
        let marks = self.marks();
        let mut problems = Vec::new();
        if marks.is_empty() == (self.section == "Fires") {
            problems.push(format!("    marks do not fit the section {}", self.section));
        }
        let at = |finding: &Finding, (path, line, slug, _): &Mark| {
            finding.primary.path == *path && finding.primary.line == *line && finding.rule.slug == slug
        };
        for finding in report.findings.iter().map(|reported| &reported.finding) {
            let (slug, path, line) = (finding.rule.slug, &finding.primary.path, finding.primary.line);
            match marks.iter().find(|mark| at(finding, mark)) {
                None => {
                    problems.push(format!("    unexpected {slug} at {path}:{line}"));
                    let step = |step: &distsys_queries::Step| {
                        format!("      {}:{} {}", step.place.path, step.place.line, step.message)
                    };
                    problems.extend(finding.steps.iter().map(step));
                }
                Some((_, _, _, Some(severity))) if severity != finding.severity.name() => {
                    problems.push(format!("    {slug} at {path}:{line} is {}, not {severity}", finding.severity));
                }
                Some(_) => {}
            }
        }
        for mark in &marks {
            if !report.findings.iter().any(|reported| at(&reported.finding, mark)) {
                problems.push(format!("    missing {} at {}:{}", mark.2, mark.0, mark.1));
            }
        }
        for note in &report.diagnostics {
            problems.push(format!("    {}: {}: {}", note.path, note.kind, note.message));
        }
        if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
    }
}
