//! Packets: for each routed finding a question that stands on its own, with the code of every step.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use distsys_queries::{Finding, Place};
use serde::Serialize;

use super::Route;
use crate::analysis::Report;
use crate::deployment::Deployment;
use crate::outputs::{code_fence, plain};

/// A question for a specialist.
#[derive(Clone, Debug, Serialize)]
pub struct Packet {
    pub id: String,
    pub route: &'static str,
    pub rule: &'static str,
    pub severity: &'static str,
    pub confidence: &'static str,
    pub path: String,
    pub line: u32,
    pub question: String,
    pub snippets: Vec<Snippet>,
    /// What was looked for and not found.
    pub checked: Vec<String>,
    /// Lines of manifests near the code that say how it is deployed.
    pub deployment: Vec<String>,
    pub help: String,
}

/// The lines around a step.
#[derive(Clone, Debug, Serialize)]
pub struct Snippet {
    pub path: String,
    pub line: u32,
    pub says: String,
    pub first_line: u32,
    pub text: String,
}

/// Lines shown before and behind a step.
const AROUND: u32 = 6;

/// The packets of what counts in `report` and needs depth; `root` is where its paths lead.
pub fn packets(report: &Report, root: &Path) -> Vec<Packet> {
    let counted = report.findings.iter().filter(|reported| reported.counts());
    let mut texts = Texts { root, read: BTreeMap::new() };
    let routed = counted.filter_map(|reported| Some((&reported.finding, Route::of(&reported.finding)?)));
    let deployment = Deployment::of(report.facts());
    routed.map(|(finding, route)| packet(finding, route, &deployment, &mut texts)).collect()
}

fn packet(finding: &Finding, route: Route, deployment: &Deployment<'_>, texts: &mut Texts<'_>) -> Packet {
    let mut places: Vec<(&Place, &str)> =
        finding.steps.iter().map(|step| (&step.place, step.message.as_str())).collect();
    if !places.iter().any(|(place, _)| **place == finding.primary) {
        places.push((&finding.primary, "here"));
    }
    let snippets = places.into_iter().map(|(place, says)| texts.snippet(place, says)).collect();
    Packet {
        id: finding.id.clone(),
        route: route.name(),
        rule: finding.rule.slug,
        severity: finding.severity.name(),
        confidence: finding.confidence.name(),
        path: finding.primary.path.clone(),
        line: finding.primary.line,
        question: route.question(finding),
        snippets,
        checked: finding.checked.clone(),
        deployment: deployment.near(&finding.primary.path).into_iter().map(ToString::to_string).collect(),
        help: finding.help.clone(),
    }
}

struct Texts<'r> {
    root: &'r Path,
    read: BTreeMap<String, String>,
}

impl Texts<'_> {
    fn snippet(&mut self, place: &Place, says: &str) -> Snippet {
        let root = self.root;
        let read = || std::fs::read_to_string(root.join(&place.path)).unwrap_or_default();
        let text = self.read.entry(place.path.clone()).or_insert_with(read);
        let first = place.line.saturating_sub(AROUND).max(1);
        let count = (place.end_line.max(place.line) - first + AROUND + 1).min(60);
        let lines = text.lines().skip(first as usize - 1).take(count as usize).map(plain);
        Snippet {
            path: place.path.clone(),
            line: place.line,
            says: says.to_owned(),
            first_line: first,
            text: lines.collect::<Vec<_>>().join("\n"),
        }
    }
}

impl Packet {
    /// The name of its files, without ending.
    pub fn name(&self) -> String {
        format!("{}-{}-{}", self.route, self.rule, self.id)
    }

    pub fn markdown(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(out, "# {} at {}:{}\n", self.rule, plain(&self.path), self.line);
        let _ = writeln!(
            out,
            "For **{}**. Severity {}, confidence {}, finding {}.\n",
            self.route, self.severity, self.confidence, self.id
        );
        let _ = writeln!(out, "## Question\n\n{}\n", plain(&self.question));
        let _ = writeln!(out, "## Derivation");
        for (number, snippet) in self.snippets.iter().enumerate() {
            let _ =
                writeln!(out, "\n{}. {}:{} {}\n", number + 1, plain(&snippet.path), snippet.line, plain(&snippet.says));
            let numbered: Vec<String> = snippet
                .text
                .lines()
                .enumerate()
                .map(|(at, line)| format!("{:>5} {line}", snippet.first_line as usize + at))
                .collect();
            out.push_str(&code_fence(&numbered.join("\n")));
        }
        let _ = writeln!(out, "\n## Looked for and not found\n");
        for checked in &self.checked {
            let _ = writeln!(out, "- {}", plain(checked));
        }
        if !self.deployment.is_empty() {
            let _ = writeln!(out, "\n## Deployment\n");
            out.push_str(&code_fence(&self.deployment.join("\n")));
        }
        let _ = writeln!(out, "\n## What the rule proposes\n\n{}", plain(&self.help));
        out
    }
}
