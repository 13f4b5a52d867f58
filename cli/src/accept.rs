//! Conventions of a project: rules that it accepts to break, with the reason why.
//!
//! `[[accept]]` in `distsys-graph.toml`, or a line `distsys-graph: accept[rule] reason` in a document that says how the project
//! works. What is accepted is mentioned once, not silently dropped; what has expired or accepts nothing is reported.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use distsys_facts::{DiagnosticKind, Word};
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::analysis::{Reported, Silence, SilencedBy};
use crate::config::known_slug;
use crate::json::Diagnostic;

/// Documents in the root of a project that may say what it accepts.
pub(crate) const DOCUMENTS: &[&str] = &["CLAUDE.md", "AGENTS.md", "ARCHITECTURE.md"];

/// A rule that a project accepts to break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    pub rule: String,
    /// Globs, as in `.gitignore`, of the paths where it holds; empty: everywhere.
    pub paths: Vec<String>,
    pub reason: String,
    /// The last day on which it holds.
    pub until: Option<Date>,
    /// The file that says so.
    pub origin: String,
}

/// A day of the Gregorian calendar: year, month, day.
pub type Date = (u16, u8, u8);

/// The day that it is, in UTC.
pub(crate) fn today() -> Date {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    day(seconds / 86_400)
}

/// The day that comes so many days after the first of January 1970 (Howard Hinnant, "chrono-compatible low-level date
/// algorithms", `civil_from_days`).
fn day(days: u64) -> Date {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year as u16, month as u8, day as u8)
}

/// What the documents in `root` accept; what is wrong with such lines goes to `diagnostics`.
pub(crate) fn of_documents(root: &Path, diagnostics: &mut Vec<Diagnostic>) -> Vec<Acceptance> {
    let mut found = Vec::new();
    for document in DOCUMENTS {
        let Ok(text) = std::fs::read_to_string(root.join(document)) else { continue };
        for (number, line) in text.lines().enumerate() {
            let Some((_, rest)) = line.split_once("distsys-graph: accept[") else { continue };
            match directive(rest) {
                Ok((rule, reason)) => found.push(Acceptance {
                    rule,
                    paths: Vec::new(),
                    reason,
                    until: None,
                    origin: (*document).to_owned(),
                }),
                Err(message) => {
                    let message = format!("line {}: {message}", number + 1);
                    diagnostics.push(diagnostic(document, message));
                }
            }
        }
    }
    found
}

fn directive(rest: &str) -> Result<(String, String), String> {
    let (rule, reason) = rest.split_once(']').ok_or("`accept[` lacks its `]`; write `accept[rule] reason`")?;
    let rule = known_slug(rule.trim())?;
    let reason = reason.trim().trim_end_matches("-->").trim();
    if reason.is_empty() {
        return Err(format!(
            "what is accepted of `{rule}` has no reason and is not heeded; say why: `accept[{rule}] reason`"
        ));
    }
    Ok((rule, reason.to_owned()))
}

/// Silences what is accepted; says once of each acceptance what it silences, and which have expired or silence nothing.
pub(crate) fn apply(
    acceptances: &[Acceptance],
    today: Date,
    ran: impl Fn(&str) -> bool,
    reported: &mut [Reported],
    diagnostics: &mut Vec<Diagnostic>,
) {
    for acceptance in acceptances.iter().filter(|acceptance| ran(&acceptance.rule)) {
        let rule = &acceptance.rule;
        if let Some(until) = acceptance.until.filter(|until| *until < today) {
            let (year, month, day) = until;
            let message = format!(
                "`{rule}` was accepted until {year:04}-{month:02}-{day:02}; mend it, or accept it anew with a new date"
            );
            diagnostics.push(diagnostic(&acceptance.origin, message));
            continue;
        }
        let paths = globs(&acceptance.paths);
        let mut silenced = 0;
        for reported in reported.iter_mut().filter(|reported| reported.counts() && reported.finding.rule.slug == rule) {
            let path = Path::new(&reported.finding.primary.path);
            if acceptance.paths.is_empty() || paths.matched_path_or_any_parents(path, false).is_ignore() {
                reported.silenced = Some(Silence { by: SilencedBy::Convention, reason: acceptance.reason.clone() });
                silenced += 1;
            }
        }
        let message = match silenced {
            0 => format!("`{rule}` is accepted, but nothing breaks it; remove that"),
            1 => format!("one finding of `{rule}` is accepted: {}", acceptance.reason),
            _ => format!("{silenced} findings of `{rule}` are accepted: {}", acceptance.reason),
        };
        diagnostics.push(diagnostic(&acceptance.origin, message));
    }
}

/// Globs that cannot be read match nothing; the configuration refuses them before.
fn globs(patterns: &[String]) -> Gitignore {
    let mut builder = GitignoreBuilder::new("");
    for pattern in patterns {
        let _ = builder.add_line(None, pattern);
    }
    builder.build().unwrap_or_else(|_| Gitignore::empty())
}

/// Why `pattern` is no glob.
pub(crate) fn check_glob(pattern: &str) -> Result<(), String> {
    let mut builder = GitignoreBuilder::new("");
    builder.add_line(None, pattern).and_then(|builder| builder.build()).map(|_| ()).map_err(|error| error.to_string())
}

fn diagnostic(path: &str, message: String) -> Diagnostic {
    Diagnostic { path: path.to_owned(), kind: DiagnosticKind::Suppression.name().to_owned(), message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(day(0), (1970, 1, 1));
        assert_eq!(day(11_016), (2000, 2, 29));
        assert_eq!(day(19_722), (2023, 12, 31));
        assert_eq!(day(20_786), (2026, 11, 29));
    }

    #[test]
    fn a_line_of_a_document_names_a_rule_and_a_reason() {
        assert_eq!(
            directive("unbounded-queue] bounded by the licence -->"),
            Ok(("unbounded-queue".to_owned(), "bounded by the licence".to_owned()))
        );
        assert!(directive("unbounded-queue]").is_err_and(|message| message.contains("no reason")));
        assert!(directive("unbounded-que] x").is_err_and(|message| message.contains("`unbounded-queue`")));
    }
}
