//! Workflow commands of GitHub Actions
//! (<https://docs.github.com/actions/reference/workflow-commands-for-github-actions>).

use std::io::{self, Write};

use distsys_queries::Severity;

use super::{counted, plain};
use crate::analysis::Report;

pub(super) fn write(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    for finding in counted(report) {
        let command = match finding.severity {
            Severity::Blocker => "error",
            Severity::Major => "warning",
            Severity::Minor | Severity::Nit => "notice",
        };
        let place = &finding.primary;
        let (path, title) = (property(&plain(&place.path)), property(finding.rule.slug));
        let mut message = plain(&finding.message);
        if !finding.help.is_empty() {
            message.push('\n');
            message.push_str(&plain(&finding.help));
        }
        let (line, column) = (place.line, place.column);
        writeln!(out, "::{command} file={path},line={line},col={column},title={title}::{}", data(&message))?;
    }
    Ok(())
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
