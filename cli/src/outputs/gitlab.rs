//! GitLab's Code Quality report (<https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format>).

use std::io::{self, Write};

use distsys_queries::Severity;
use serde_json::{Value, json};

use super::{counted, plain};
use crate::analysis::Report;

pub(super) fn write(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let rows: Vec<Value> = counted(report)
        .map(|finding| {
            json!({
                "description": plain(&finding.message),
                "check_name": finding.rule.slug,
                "fingerprint": finding.id,
                "severity": severity(finding.severity),
                "location": { "path": finding.primary.path, "lines": { "begin": finding.primary.line } },
            })
        })
        .collect();
    super::json(out, &rows)
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Blocker => "blocker",
        Severity::Major => "major",
        Severity::Minor => "minor",
        Severity::Nit => "info",
    }
}
