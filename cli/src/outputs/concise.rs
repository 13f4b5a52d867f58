//! One line a finding, as compilers write them: editors can jump to it.

use std::io::{self, Write};

use super::{counted, plain};
use crate::analysis::Report;

pub(super) fn write(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    for finding in counted(report) {
        let place = &finding.primary;
        let path = plain(&place.path);
        let (rule, message) = (finding.rule.slug, plain(&finding.message));
        writeln!(out, "{path}:{}:{}: {}[{rule}]: {message}", place.line, place.column, finding.severity)?;
    }
    Ok(())
}
