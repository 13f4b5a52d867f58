//! One self-contained page: the findings, each a walk through its steps, and the service's picture.
//!
//! Nothing of the code that is analysed becomes markup or script: it stands in a block of JSON in which no `<` is left, the
//! page puts it on the screen as text only, and the policy lets no script and no style run but the ones written here.

mod picture;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use distsys_queries::{Place, Severity};
use rustc_hash::FxHashMap;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{is_bidirectional, json_line, plain};
use crate::analysis::{Report, Reported};
use crate::deployment::Deployment;
use crate::graph::Graph;

const PAGE: &str = include_str!("report.html");
const STYLE: &str = include_str!("report.css");
const SCRIPTS: [&str; 2] = [include_str!("picture.js"), include_str!("report.js")];

/// Lines shown before and behind a step, and at most of one step; characters of a line.
const AROUND: u32 = 4;
const LONGEST_STEP: u32 = 30;
const LONGEST_LINE: usize = 1_000;

/// Writes `report`, whose paths lead from `root` to the sources, with the picture that `graph` gives.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, report: &Report, root: &Path, graph: &Graph) -> io::Result<()> {
    let data = json_line(&Data::new(report, root, graph))?;
    for (number, part) in PAGE.split("<!--slot:").enumerate() {
        let (slot, rest) = if number == 0 { ("", part) } else { part.split_once("-->").unwrap_or(("", part)) };
        match slot {
            "policy" => writeln!(out, "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">", policy())?,
            "style" => write!(out, "<style>{STYLE}</style>")?,
            "data" => write!(out, "<script type=\"application/json\" id=\"data\">{}</script>", inert(&data))?,
            "script" => SCRIPTS.iter().try_for_each(|script| write!(out, "<script>{script}</script>"))?,
            _ => {}
        }
        out.write_all(rest.as_bytes())?;
    }
    Ok(())
}

/// Lets in what is written here, by its hash, and nothing from anywhere else.
fn policy() -> String {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    let scripts: Vec<String> = SCRIPTS.iter().map(|script| hash(script)).collect();
    format!(
        "default-src 'none'; script-src {}; style-src {}; base-uri 'none'; form-action 'none'",
        scripts.join(" "),
        hash(STYLE)
    )
}

/// JSON that means the same and ends no script element: these characters stand in strings only.
fn inert(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out
}

/// What the page shows.
#[derive(Serialize)]
struct Data<'r> {
    summary: String,
    around: u32,
    findings: Vec<Row<'r>>,
    files: Vec<File>,
    graph: picture::Picture,
    /// Path, kind, message.
    notes: Vec<[String; 3]>,
}

#[derive(Serialize)]
struct Row<'r> {
    id: &'r str,
    rule: &'r str,
    summary: &'r str,
    severity: &'r str,
    confidence: &'r str,
    path: String,
    line: u32,
    function: String,
    message: String,
    help: String,
    checked: Vec<String>,
    deployment: Vec<String>,
    silenced: Option<Silenced<'r>>,
    steps: Vec<Step>,
    /// Of the picture: the functions that the steps go through.
    nodes: Vec<usize>,
}

#[derive(Serialize)]
struct Silenced<'r> {
    by: &'r str,
    reason: String,
}

#[derive(Serialize)]
struct Step {
    file: usize,
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
    message: String,
}

/// The lines of a file that are shown: each run with the number of its first.
#[derive(Serialize)]
struct File {
    path: String,
    lines: Vec<(u32, Vec<String>)>,
}

impl<'r> Data<'r> {
    fn new(report: &'r Report, root: &Path, graph: &Graph) -> Self {
        let picture = picture::Drawn::new(report, graph);
        let deployment = Deployment::of(report.facts());
        let mut files = Files::default();
        let mut reported: Vec<&Reported> = report.findings.iter().collect();
        reported.sort_by_key(|reported| Reverse(reported.finding.severity));
        let findings = reported.into_iter().map(|reported| row(reported, &mut files, &picture, &deployment)).collect();
        let notes =
            report.diagnostics.iter().map(|note| [&note.path, &note.kind, &note.message].map(|text| plain(text)));
        Data {
            summary: summary(report),
            around: AROUND,
            findings,
            files: files.read(root),
            notes: notes.collect(),
            graph: picture.picture,
        }
    }
}

fn row<'r>(
    reported: &'r Reported,
    files: &mut Files,
    picture: &picture::Drawn,
    deployment: &Deployment<'_>,
) -> Row<'r> {
    let finding = &reported.finding;
    let mut steps: Vec<Step> = finding.steps.iter().map(|step| files.step(&step.place, plain(&step.message))).collect();
    if !finding.steps.iter().any(|step| step.place == finding.primary) {
        steps.push(files.step(&finding.primary, "here".to_owned()));
    }
    Row {
        id: &finding.id,
        rule: finding.rule.slug,
        summary: finding.rule.summary,
        severity: finding.severity.name(),
        confidence: finding.confidence.name(),
        path: plain(&finding.primary.path),
        line: finding.primary.line,
        function: plain(&finding.function),
        message: plain(&finding.message),
        help: plain(&finding.help),
        checked: finding.checked.iter().map(|text| plain(text)).collect(),
        deployment: deployment.of_finding(finding).iter().map(ToString::to_string).collect(),
        silenced: reported
            .silenced
            .as_ref()
            .map(|silence| Silenced { by: silence.by.name(), reason: plain(&silence.reason) }),
        steps,
        nodes: picture.nodes_of(finding),
    }
}

/// The lines that steps show, by file.
#[derive(Default)]
struct Files {
    numbers: FxHashMap<String, usize>,
    wanted: Vec<(String, BTreeSet<u32>)>,
}

impl Files {
    fn step(&mut self, place: &Place, message: String) -> Step {
        let next = self.numbers.len();
        let file = *self.numbers.entry(place.path.clone()).or_insert(next);
        if file == next {
            self.wanted.push((place.path.clone(), BTreeSet::new()));
        }
        let end_line = place.end_line.clamp(place.line, place.line + LONGEST_STEP);
        self.wanted[file].1.extend(place.line.saturating_sub(AROUND).max(1)..=end_line + AROUND);
        Step { file, line: place.line, column: place.column, end_line, end_column: place.end_column, message }
    }

    /// Those of a file that cannot be read are left out.
    fn read(self, root: &Path) -> Vec<File> {
        let read = |(path, wanted): (String, BTreeSet<u32>)| {
            let text = std::fs::read_to_string(root.join(&path)).unwrap_or_default();
            let text = text.trim_start_matches('\u{feff}');
            let mut lines: Vec<(u32, Vec<String>)> = Vec::new();
            let mut last = 0;
            for (number, line) in (1..).zip(text.lines()).filter(|(number, _)| wanted.contains(number)) {
                let line = shown(line);
                match lines.last_mut().filter(|_| last + 1 == number) {
                    Some((_, run)) => run.push(line),
                    None => lines.push((number, vec![line])),
                }
                last = number;
            }
            File { path: plain(&path), lines }
        };
        self.wanted.into_iter().map(read).collect()
    }
}

/// A line as it is shown: as [`plain`], with as many characters as before, tabs left.
fn shown(line: &str) -> String {
    let shown = |c: char| if c != '\t' && (c.is_control() || is_bidirectional(c)) { '\u{fffd}' } else { c };
    line.chars().take(LONGEST_LINE).map(shown).collect()
}

fn summary(report: &Report) -> String {
    let summary = &report.summary;
    let counts: BTreeMap<&str, usize> = summary.findings.clone();
    let told: Vec<String> = Severity::ALL
        .iter()
        .rev()
        .filter_map(|severity| Some((severity, counts.get(severity.name()).filter(|count| **count > 0)?)))
        .map(|(severity, count)| format!("{count} {severity}"))
        .collect();
    let told = if told.is_empty() { "no findings".to_owned() } else { told.join(", ") };
    format!("{} files, {} lines: {told}; {} silenced", summary.files, summary.lines, summary.suppressed)
}
