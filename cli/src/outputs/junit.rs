//! JUnit's XML, which every CI shows: a suite a rule, a failure a finding.

use std::collections::BTreeMap;
use std::io::{self, Write};

use distsys_queries::Finding;

use super::{counted, plain};
use crate::analysis::Report;

pub(super) fn write(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let mut suites: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in counted(report) {
        suites.entry(finding.rule.slug).or_default().push(finding);
    }
    let count: usize = suites.values().map(Vec::len).sum();
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    // A suite without a case counts as not run.
    let cases = count.max(1);
    writeln!(out, "<testsuites name=\"distsys-graph\" tests=\"{cases}\" failures=\"{count}\">")?;
    if suites.is_empty() {
        writeln!(out, "  <testsuite name=\"distsys-graph\" tests=\"1\" failures=\"0\">")?;
        writeln!(out, "    <testcase classname=\"distsys-graph\" name=\"no findings\"/>")?;
        writeln!(out, "  </testsuite>")?;
    }
    for (rule, findings) in suites {
        writeln!(out, "  <testsuite name=\"{rule}\" tests=\"{0}\" failures=\"{0}\">", findings.len())?;
        for finding in findings {
            let place = &finding.primary;
            let (path, line) = (escaped(&place.path), place.line);
            writeln!(
                out,
                "    <testcase classname=\"{rule}\" name=\"{path}:{line}\" file=\"{path}\" line=\"{line}\">"
            )?;
            let (severity, message) = (finding.severity, escaped(&finding.message));
            writeln!(
                out,
                "      <failure type=\"{severity}\" message=\"{message}\">{}</failure>",
                escaped(&finding.help)
            )?;
            writeln!(out, "    </testcase>")?;
        }
        writeln!(out, "  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")
}

fn escaped(text: &str) -> String {
    plain(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
