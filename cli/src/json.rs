//! The JSON report, a contract: docs/json.md describes it, `schema_version` changes with it.

use serde::Serialize;

use crate::analysis::{Report, Reported, Summary};

pub const SCHEMA_VERSION: u32 = 1;

/// The whole report.
#[derive(Debug, Serialize)]
pub struct Document<'r> {
    pub schema_version: u32,
    pub summary: &'r Summary,
    pub findings: Vec<FindingRow<'r>>,
    pub diagnostics: &'r [Diagnostic],
}

/// A finding; lines and columns from 1, paths relative to the root of the analysis with `/`.
#[derive(Debug, Serialize)]
pub struct FindingRow<'r> {
    pub id: &'r str,
    pub rule: &'r str,
    pub category: &'r str,
    pub category_number: u8,
    pub severity: &'r str,
    pub confidence: &'r str,
    pub message: &'r str,
    pub path: &'r str,
    pub line: u32,
    pub column: u32,
    pub end_line: u32,
    pub end_column: u32,
    pub steps: Vec<StepRow<'r>>,
    pub checked: &'r [String],
    pub help: &'r str,
    pub suppressed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suppression: Option<Suppression<'r>>,
}

/// Who silences a finding (`comment`, `convention`, `baseline`), and the reason given.
#[derive(Debug, Serialize)]
pub struct Suppression<'r> {
    pub by: &'r str,
    pub reason: &'r str,
}

#[derive(Debug, Serialize)]
pub struct StepRow<'r> {
    pub path: &'r str,
    pub line: u32,
    pub column: u32,
    pub message: &'r str,
}

/// Something about the input that the reader should know: a file left out, a suppression that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Diagnostic {
    pub path: String,
    pub kind: String,
    pub message: String,
}

impl Diagnostic {
    /// Left out as the rules of the walk say, and not for a fault that the reader may want to mend.
    pub fn is_by_rule(&self) -> bool {
        matches!(self.kind.as_str(), "generated" | "vendored" | "minified")
    }
}

impl<'r> Document<'r> {
    pub fn new(report: &'r Report) -> Self {
        Document {
            schema_version: SCHEMA_VERSION,
            summary: &report.summary,
            findings: report.findings.iter().map(row).collect(),
            diagnostics: &report.diagnostics,
        }
    }
}

pub(crate) fn row(reported: &Reported) -> FindingRow<'_> {
    let finding = &reported.finding;
    FindingRow {
        id: &finding.id,
        rule: finding.rule.slug,
        category: finding.rule.category.name(),
        category_number: finding.rule.category.number(),
        severity: finding.severity.name(),
        confidence: finding.confidence.name(),
        message: &finding.message,
        path: &finding.primary.path,
        line: finding.primary.line,
        column: finding.primary.column,
        end_line: finding.primary.end_line,
        end_column: finding.primary.end_column,
        steps: finding
            .steps
            .iter()
            .map(|step| StepRow {
                path: &step.place.path,
                line: step.place.line,
                column: step.place.column,
                message: &step.message,
            })
            .collect(),
        checked: &finding.checked,
        help: &finding.help,
        suppressed: !reported.counts(),
        suppression: reported
            .silenced
            .as_ref()
            .map(|silence| Suppression { by: silence.by.name(), reason: &silence.reason }),
    }
}
