//! `bench`: one analysis, measured.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use distsys_graph::{Analysis, CacheFolder};
use serde_json::{Map, Value, json};

use crate::args::Format;
use crate::text;

pub(crate) fn run(path: &Path, format: Format, jobs: Option<usize>, warm: bool) -> anyhow::Result<ExitCode> {
    let analysis = Analysis::of_paths([path.to_path_buf()]).jobs(jobs);
    let report = analysis.run()?;
    let peak = peak_memory();
    let cached = if warm { Some(cached(analysis)?) } else { None };
    let mut out = anstream::stdout();
    match format {
        Format::Text => {
            writeln!(out, "{} files, {} lines", report.summary.files, report.summary.lines)?;
            text::stats(&mut out, &report)?;
            if let Some((first, again)) = cached {
                writeln!(out, "\nwith a cache: first {first:.1} ms, with no change {again:.1} ms")?;
            }
        }
        Format::Json => {
            let phases: Map<String, Value> =
                report.phases.iter().map(|(name, millis)| ((*name).to_owned(), json!(millis))).collect();
            let tuples: Map<String, Value> =
                report.counts.iter().map(|(name, count)| (name.clone(), json!(count))).collect();
            let mut document = json!({
                "files": report.summary.files,
                "lines": report.summary.lines,
                "findings": report.findings.len(),
                "phases_ms": phases,
                "tuples": tuples,
                "peak_memory_bytes": peak,
            });
            if let Some((first, again)) = cached {
                document["cached_ms"] = json!({ "first": first, "no_change": again });
            }
            serde_json::to_writer_pretty(&mut out, &document)?;
            writeln!(out)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Milliseconds of the first run with a cache, and of one with no change.
fn cached(analysis: Analysis) -> anyhow::Result<(f64, f64)> {
    let folder = tempfile::tempdir().context("there is no folder for a cache")?;
    let analysis = analysis.cache(Some(CacheFolder::new(folder.path().join("cache"))));
    let run = || -> anyhow::Result<f64> {
        let report = analysis.run()?;
        Ok(report.phases.last().map_or(0.0, |(_, millis)| *millis))
    };
    Ok((run()?, run()?))
}

/// The most memory that this process has had, in bytes; none where the system does not say.
pub(crate) fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}
