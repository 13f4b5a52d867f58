//! The outputs of a report, one module each, all over one type.
//!
//! Names, paths and snippets come from whoever wrote the code that is analysed: each output makes them inert in its own way.

mod concise;
mod github;
mod gitlab;
mod html;
mod jsonl;
mod junit;
mod markdown;
mod sarif;

use std::io::{self, Write};

use distsys_queries::Finding;

pub use html::write as html;
pub use markdown::review as review_markdown;

use crate::analysis::Report;
use crate::json::Document;

/// Forms of a report that need neither a terminal nor the source texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One line a finding.
    Concise,
    Markdown,
    /// docs/json.md
    Json,
    /// One finding of [`Format::Json`] a line.
    JsonLines,
    /// Static Analysis Results Interchange Format 2.1.0 (OASIS).
    Sarif,
    /// Workflow commands that GitHub shows as annotations.
    GitHub,
    /// GitLab's Code Quality report.
    GitLab,
    JUnit,
}

/// Writes `report`; same report, same bytes.
pub fn write(out: &mut dyn Write, report: &Report, format: Format) -> io::Result<()> {
    match format {
        Format::Concise => concise::write(out, report),
        Format::Markdown => markdown::write(out, report),
        Format::Json => json(out, &Document::new(report)),
        Format::JsonLines => jsonl::write(out, report),
        Format::Sarif => sarif::write(out, report),
        Format::GitHub => github::write(out, report),
        Format::GitLab => gitlab::write(out, report),
        Format::JUnit => junit::write(out, report),
    }
}

fn json(out: &mut dyn Write, value: &impl serde::Serialize) -> io::Result<()> {
    writeln!(out, "{}", json_pretty(value)?)
}

/// A value as JSON for people.
pub fn json_pretty(value: &impl serde::Serialize) -> io::Result<String> {
    Ok(escaped(serde_json::to_string_pretty(value)?))
}

/// A value as one line of JSON, for output line by line.
pub fn json_line(value: &impl serde::Serialize) -> io::Result<String> {
    Ok(escaped(serde_json::to_string(value)?))
}

/// JSON means the same with these marks escaped; they stand in strings only.
fn escaped(json: String) -> String {
    if !json.contains(is_bidirectional) {
        return json;
    }
    json.chars().fold(String::with_capacity(json.len()), |mut out, c| {
        match is_bidirectional(c) {
            true => out.push_str(&format!("\\u{:04x}", c as u32)),
            false => out.push(c),
        }
        out
    })
}

/// The findings that count.
fn counted(report: &Report) -> impl Iterator<Item = &Finding> {
    report.findings.iter().filter(|reported| reported.counts()).map(|reported| &reported.finding)
}

/// Text from sources on one line, without what would drive a terminal or show it in another order than it has.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || is_bidirectional(c) { '\u{fffd}' } else { c }).collect()
}

/// Marks that show text in another order than it has.
pub fn is_bidirectional(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Lines as a block of code in Markdown, whatever they hold.
pub(crate) fn code_fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{text}\n{fence}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_its_block() {
        assert_eq!(code_fence("a```b"), "````text\na```b\n````\n");
        assert_eq!(plain("a\u{1b}[31m\u{202e}b"), "a\u{fffd}[31m\u{fffd}b");
    }
}
