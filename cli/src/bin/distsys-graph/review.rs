//! `review`: what is new in a change.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use distsys_graph::review::{Choices, Heeded, Packet, Scope, Subject, packets};
use distsys_graph::{Baseline, Config, outputs};

use crate::args::{ReportFormat, ReviewArguments};
use crate::check::{Chosen, tell_notes, write_report};

pub(crate) fn run(arguments: &ReviewArguments) -> anyhow::Result<ExitCode> {
    let scope = Scope::parse(&arguments.what).map_err(|message| anyhow!("{message}"))?;
    let here = match &scope {
        Scope::Paths(paths) => paths.first().cloned().unwrap_or_default(),
        _ => Path::new(".").to_path_buf(),
    };
    let subject = Subject::open(&here, scope, arguments.trust_head)?;
    let choice = &arguments.choice;
    let config = match &choice.config {
        _ if choice.no_config => None,
        Some(path) => Some(subject.named(path)),
        None => subject.config(&here),
    };
    let mut notes = Vec::new();
    let mut heeded = |file: Heeded| match file {
        Heeded::At { path, shown } => Some((path, shown)),
        Heeded::New(shown) => {
            notes.push(format!("{shown}: not heeded, the change brings it; `--trust-head` heeds it"));
            None
        }
    };
    let config = config.and_then(&mut heeded).map(|(path, shown)| Config::read_as(&path, &shown)).transpose()?;
    let baseline = arguments.baseline.as_deref().and_then(|path| heeded(subject.named(path)));
    let chosen = Chosen::with(choice, config.unwrap_or_default())?;
    let choices = Choices { touched: arguments.touched };
    let mut review = subject.review(choices, &|paths| chosen.analysis(paths))?;
    review.report.notes.extend(notes);
    if let Some((path, shown)) = baseline {
        Baseline::read(&path)?.apply(&shown, &mut review.report);
    }
    review.report.tell_causes_once();
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
