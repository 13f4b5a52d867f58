//! The report for people: code frames over several files, a summary.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use distsys_graph::outputs::is_bidirectional;
pub(crate) use distsys_graph::outputs::plain;
use distsys_graph::{Place, Report, Reported, Severity};

/// Longer lines are cut: no terminal shows them.
const MAX_LINE: usize = 180;

pub(crate) fn findings(out: &mut dyn Write, report: &Report, root: Option<&Path>) -> io::Result<()> {
    let mut sources = Sources { root, texts: BTreeMap::new() };
    for reported in report.findings.iter().filter(|reported| reported.counts()) {
        write!(out, "{}\n\n", frame(reported, &mut sources))?;
    }
    for diagnostic in report.diagnostics.iter().filter(|diagnostic| !diagnostic.is_by_rule()) {
        writeln!(
            out,
            "{}: {}: {}",
            plain(&diagnostic.path),
            diagnostic.kind.replace('_', " "),
            plain(&diagnostic.message)
        )?;
    }
    Ok(())
}

struct Sources<'r> {
    root: Option<&'r Path>,
    texts: BTreeMap<String, Option<String>>,
}

impl Sources<'_> {
    fn text(&mut self, path: &str) -> Option<&str> {
        let root = self.root;
        self.texts
            .entry(path.to_owned())
            .or_insert_with(|| {
                std::fs::read_to_string(root?.join(path))
                    .ok()
                    .map(|text| text.trim_start_matches('\u{feff}').to_owned())
            })
            .as_deref()
    }
}

/// A stretch of lines around a place, cut and made harmless, with where the place is in it.
struct Excerpt {
    path: String,
    line: u32,
    text: String,
    span: Range<usize>,
}

fn excerpt(place: &Place, sources: &mut Sources<'_>) -> Option<Excerpt> {
    let source = sources.text(&place.path)?;
    let line = source.lines().nth(place.line.checked_sub(1)? as usize)?;
    let start_column = place.column.saturating_sub(1) as usize;
    let end_column =
        if place.end_line == place.line { place.end_column.saturating_sub(1) as usize } else { usize::MAX };
    let mut text = String::new();
    let (mut start, mut end) = (0, 0);
    // Long lines are shown from shortly before the place.
    let skip = if line.chars().count() > MAX_LINE { start_column.saturating_sub(30) } else { 0 };
    for (column, c) in line.chars().enumerate().skip(skip).take(MAX_LINE) {
        if column == start_column {
            start = text.len();
        }
        match c {
            '\t' => text.push_str("    "),
            c if c.is_control() || is_bidirectional(c) => text.push('\u{fffd}'),
            c => text.push(c),
        }
        if column < end_column {
            end = text.len();
        }
    }
    let trimmed = text.trim_end().len();
    text.truncate(trimmed);
    let start = start.min(trimmed);
    let end = end.clamp(start, trimmed);
    Some(Excerpt {
        path: plain(&place.path),
        line: place.line,
        text,
        span: start..end.max(start + usize::from(start < trimmed)),
    })
}

fn frame(reported: &Reported, sources: &mut Sources<'_>) -> String {
    let finding = &reported.finding;
    let level = match finding.severity {
        Severity::Blocker => Level::ERROR.with_name("blocker"),
        Severity::Major => Level::WARNING.with_name("major"),
        Severity::Minor => Level::NOTE.with_name("minor"),
        Severity::Nit => Level::NOTE.with_name("nit"),
    };
    let message = plain(&finding.message);
    let mut primary_label = String::new();
    let mut steps: Vec<(Option<Excerpt>, String, &Place)> = Vec::new();
    for step in &finding.steps {
        if step.place == finding.primary {
            if !primary_label.is_empty() {
                primary_label.push_str("; ");
            }
            primary_label.push_str(&plain(&step.message));
        }
        steps.push((excerpt(&step.place, sources), plain(&step.message), &step.place));
    }
    let primary = excerpt(&finding.primary, sources);
    let place = format!("{}:{}:{}", plain(&finding.primary.path), finding.primary.line, finding.primary.column);
    let mut group = Group::with_title(level.primary_title(message.as_str()).id(finding.rule.slug));
    if let Some(excerpt) = &primary {
        group = group.element(
            Snippet::source(excerpt.text.as_str())
                .line_start(excerpt.line as usize)
                .path(excerpt.path.as_str())
                .annotation(AnnotationKind::Primary.span(excerpt.span.clone()).label(primary_label.as_str())),
        );
    } else {
        group = group.element(Level::NOTE.message(format!("at {place}")));
    }
    for (number, (excerpt, message, step_place)) in steps.iter().enumerate() {
        let _ = number;
        if **step_place == finding.primary {
            continue;
        }
        if let Some(excerpt) = excerpt {
            group = group.element(
                Snippet::source(excerpt.text.as_str())
                    .line_start(excerpt.line as usize)
                    .path(excerpt.path.as_str())
                    .annotation(AnnotationKind::Context.span(excerpt.span.clone()).label(message.as_str())),
            );
        }
    }
    for checked in &finding.checked {
        group = group.element(Level::NOTE.with_name("checked").message(plain(checked)));
    }
    if !finding.help.is_empty() {
        group = group.element(Level::HELP.message(plain(&finding.help)));
    }
    group = group.element(Level::NOTE.with_name("confidence").message(finding.confidence.name()));
    Renderer::styled().render(&[group])
}

pub(crate) fn summary(out: &mut dyn Write, report: &Report, elapsed: Duration) -> io::Result<()> {
    let summary = &report.summary;
    let total: usize = summary.findings.values().sum();
    let by_severity: Vec<String> = Severity::ALL
        .iter()
        .rev()
        .filter_map(|severity| match summary.findings.get(severity.name()) {
            Some(&count) if count > 0 => Some(format!("{count} {}", severity.name())),
            _ => None,
        })
        .collect();
    let findings = match total {
        0 => "no findings".to_owned(),
        1 => format!("1 finding ({})", by_severity.join(", ")),
        _ => format!("{total} findings ({})", by_severity.join(", ")),
    };
    writeln!(out, "{} files, {} lines: {findings} in {:.2} s", summary.files, summary.lines, elapsed.as_secs_f64())?;
    if summary.suppressed > 0 {
        writeln!(out, "{} silenced by comments, conventions or the baseline", summary.suppressed)?;
    }
    if !summary.skipped.is_empty() {
        let skipped: Vec<String> =
            summary.skipped.iter().map(|(kind, count)| format!("{count} {}", kind.replace('_', " "))).collect();
        writeln!(out, "left out: {}", skipped.join(", "))?;
    }
    Ok(())
}

pub(crate) fn stats(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    writeln!(out, "phase                 ms")?;
    for (name, millis) in &report.phases {
        writeln!(out, "{name:16} {millis:9.1}")?;
    }
    writeln!(out, "\nrelation          tuples")?;
    for (name, count) in report.counts.iter().filter(|(_, count)| *count > 0) {
        writeln!(out, "{name:20} {count:9}")?;
    }
    writeln!(out, "\ncall sites       project  library  unresolved")?;
    for (language, project, external, unresolved) in &report.resolution {
        let all = (project + external + unresolved).max(1) as f64 / 100.0;
        writeln!(
            out,
            "{language:12} {:8.1} % {:6.1} % {:8.1} %",
            *project as f64 / all,
            *external as f64 / all,
            *unresolved as f64 / all
        )?;
    }
    if let Some(peak) = crate::bench::peak_memory() {
        writeln!(out, "\npeak memory {:.0} MB", peak as f64 / 1e6)?;
    }
    Ok(())
}
