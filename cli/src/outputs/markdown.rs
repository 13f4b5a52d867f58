//! Markdown: the report of a review, and the same of a whole tree.

use std::io::{self, Write};

use distsys_queries::{Finding, Severity};

use super::plain;
use crate::analysis::Report;
use crate::deployment::Deployment;
use crate::review::{Review, Route, entries};

pub(super) fn write(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    body(out, report, report.summary.files)
}

/// The report of a review.
pub fn review(out: &mut dyn Write, review: &Review) -> io::Result<()> {
    body(out, &review.report, review.files)?;
    if review.dirty > 0 {
        writeln!(out, "\nworking tree is dirty: {}", counted(review.dirty, "file", "files"))?;
    }
    Ok(())
}

fn body(out: &mut dyn Write, report: &Report, files: usize) -> io::Result<()> {
    let entries = entries(report);
    let of = |severity: Severity| entries.iter().filter(|entry| entry[0].severity == severity).count();
    let routed = entries.iter().filter(|entry| Route::of(entry[0]).is_some()).count();
    writeln!(
        out,
        "Reviewed {}, {} ({}, {} major, {} minor, {}). Routed {} to specialist subagents.",
        counted(files, "file", "files"),
        counted(entries.len(), "finding", "findings"),
        counted(of(Severity::Blocker), "blocker", "blockers"),
        of(Severity::Major),
        of(Severity::Minor),
        counted(of(Severity::Nit), "nit", "nits"),
        counted(routed, "hunk", "hunks"),
    )?;
    if entries.is_empty() {
        writeln!(out, "\nNo findings worth flagging")?;
    }
    let bears = entries.iter().any(|entry| Deployment::bears_on(entry[0]));
    let deployment = if bears { Deployment::of(report.facts()) } else { Deployment::default() };
    for entry in &entries {
        writeln!(out)?;
        one(out, entry, &deployment)?;
    }
    let mut notes = report.diagnostics.iter().filter(|note| note.kind == "suppression").peekable();
    if notes.peek().is_some() {
        writeln!(out)?;
    }
    for note in notes {
        writeln!(out, "{}: {}", inert(&note.path), inert(&note.message))?;
    }
    Ok(())
}

fn one(out: &mut dyn Write, entry: &[&Finding], deployment: &Deployment<'_>) -> io::Result<()> {
    let finding = entry[0];
    let route = Route::of(finding).map(|route| format!("[{}] ", route.name())).unwrap_or_default();
    let (severity, place) = (finding.severity, code(&format!("{}:{}", finding.primary.path, finding.primary.line)));
    writeln!(out, "**[{severity}]** {place} -- {route}{} ({})", inert(finding.rule.summary), finding.rule.slug)?;
    if entry.len() > 1 {
        let others: Vec<String> =
            entry[1..].iter().map(|other| code(&format!("{}:{}", other.primary.path, other.primary.line))).collect();
        writeln!(out, "also at {}", others.join(", "))?;
    }
    writeln!(out, "\n{}.", sentence(&finding.message))?;
    for step in finding.steps.iter().filter(|step| step.place != finding.primary) {
        writeln!(out, "- {}: {}", code(&format!("{}:{}", step.place.path, step.place.line)), inert(&step.message))?;
    }
    for line in deployment.of_finding(finding) {
        writeln!(out, "- deployed: {}", code(&line.to_string()))?;
    }
    if !finding.help.is_empty() {
        writeln!(out, "\nFix: {}.", inert(&finding.help))?;
    }
    Ok(())
}

/// With a capital.
fn sentence(text: &str) -> String {
    let text = inert(text);
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Text as a span of code, whatever it holds.
fn code(text: &str) -> String {
    format!("`{}`", plain(text).replace('`', "\u{2cb}"))
}

/// Text that neither makes HTML nor links nor images. The backquotes of messages stay.
fn inert(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '[' | ']' | '!' | '|' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}
