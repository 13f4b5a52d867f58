//! `review`: what is new in a change.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use distsys_graph::outputs;
use distsys_graph::review::{Choices, Packet, Scope, packets, review};

use crate::args::{ReportFormat, ReviewArguments};
use crate::check::{Chosen, hold_against, tell_notes, write_report};

pub(crate) fn run(arguments: &ReviewArguments) -> anyhow::Result<ExitCode> {
    let scope = Scope::parse(&arguments.what).map_err(|message| anyhow!("{message}"))?;
    let here = match &scope {
        Scope::Paths(paths) => paths.first().cloned().unwrap_or_default(),
        _ => Path::new(".").to_path_buf(),
    };
    let chosen = Chosen::new(&arguments.choice, Some(&here))?;
    let choices = Choices { touched: arguments.touched };
    let mut review = review(&here, &scope, choices, &|paths| chosen.analysis(paths))?;
    if let Some(path) = &arguments.baseline {
        hold_against(&mut review.report, path, false)?;
    }
    tell_notes(&review.report);
    let mut out = BufWriter::new(anstream::stdout());
    match &arguments.packets {
        Some(folder) if folder == Path::new("-") => {
            for packet in packets(&review.report, &review.root) {
                writeln!(out, "{}", outputs::json_line(&packet)?)?;
            }
            out.flush()?;
            return Ok(chosen.exit(&review.report));
        }
        Some(folder) => write_packets(folder, &packets(&review.report, &review.root))?,
        None => {}
    }
    match arguments.format {
        ReportFormat::Markdown => outputs::review_markdown(&mut out, &review)?,
        format => write_report(&mut out, format, &review.report, &review.root, &chosen.analysis(Vec::new()))?,
    }
    out.flush()?;
    Ok(chosen.exit(&review.report))
}

fn write_packets(folder: &Path, packets: &[Packet]) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    for packet in packets {
        let write = |ending: &str, text: &str| {
            let file = folder.join(format!("{}.{ending}", packet.name()));
            fs::write(&file, text).with_context(|| format!("{} cannot be written", file.display()))
        };
        write("md", &packet.markdown())?;
        write("json", &format!("{}\n", outputs::json_pretty(packet)?))?;
    }
    Ok(())
}
