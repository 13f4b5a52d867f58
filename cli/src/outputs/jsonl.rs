//! One finding a line, as in the JSON report.

use std::io::{self, Write};

use crate::analysis::Report;
use crate::json::row;

pub(super) fn write(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    for reported in &report.findings {
        writeln!(out, "{}", super::json_line(&row(reported))?)?;
    }
    Ok(())
}
