//! `bench`: one analysis, measured.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use distsys_graph::Analysis;
use serde_json::{Map, Value, json};

use crate::args::Format;
use crate::text;

pub(crate) fn run(path: &Path, format: Format, jobs: Option<usize>, _warm: bool) -> anyhow::Result<ExitCode> {
    let report = Analysis::of_paths([path.to_path_buf()]).jobs(jobs).run()?;
    let mut out = anstream::stdout();
    match format {
        Format::Text => {
            writeln!(out, "{} files, {} lines", report.summary.files, report.summary.lines)?;
            text::stats(&mut out, &report)?;
        }
        Format::Json => {
            let phases: Map<String, Value> =
                report.phases.iter().map(|(name, millis)| ((*name).to_owned(), json!(millis))).collect();
            let tuples: Map<String, Value> =
                report.counts.iter().map(|(name, count)| (name.clone(), json!(count))).collect();
            let document = json!({
                "files": report.summary.files,
                "lines": report.summary.lines,
                "phases_ms": phases,
                "tuples": tuples,
                "peak_memory_bytes": peak_memory(),
            });
            serde_json::to_writer_pretty(&mut out, &document)?;
            writeln!(out)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The most memory that this process has had, in bytes; none where the system does not say.
pub(crate) fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}
