//! SARIF 2.1.0 (<https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>).

use std::io::{self, Write};

use distsys_queries::{Finding, Place, RuleInfo, Severity};
use rustc_hash::FxHashMap;
use serde_json::{Value, json};

use super::plain;
use crate::analysis::{Report, Reported, SilencedBy};
use crate::json::Diagnostic;

pub(super) fn write(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let indices: FxHashMap<&str, usize> = report.rules.iter().enumerate().map(|(at, info)| (info.slug, at)).collect();
    let results: Vec<Value> = report.findings.iter().map(|reported| result(reported, &indices)).collect();
    let notifications: Vec<Value> = report.diagnostics.iter().map(notification).collect();
    let document = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "distsys-graph",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": report.rules.iter().map(|info| descriptor(info)).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": { "SRCROOT": { "description": { "text": "The root of the analysis" } } },
            "invocations": [{ "executionSuccessful": true, "toolExecutionNotifications": notifications }],
            "results": results,
        }],
    });
    super::json(out, &document)
}

/// A file that was left out or read in part, or a suppression that is wrong.
fn notification(note: &Diagnostic) -> Value {
    let mut told = json!({
        "level": if note.is_by_rule() { "note" } else { "warning" },
        "descriptor": { "id": note.kind },
        "message": text(&note.message),
    });
    if !note.path.is_empty() {
        told["locations"] = json!([{ "physicalLocation": { "artifactLocation": artifact(&note.path) } }]);
    }
    told
}

/// Plain text; `[…](…)` would be a link (3.11.6).
fn text(text: &str) -> Value {
    json!({ "text": plain(text).replace("](", "] (") })
}

fn descriptor(info: &RuleInfo) -> Value {
    json!({
        "id": info.slug,
        "shortDescription": { "text": info.summary },
        "fullDescription": { "text": info.summary },
        "help": { "text": info.summary, "markdown": if info.page.is_empty() { info.summary } else { info.page } },
        "defaultConfiguration": { "level": level(info.severity) },
        "properties": { "category": info.category.name(), "maturity": info.maturity.name(), "tags": [info.category.name()] },
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Blocker => "error",
        Severity::Major => "warning",
        Severity::Minor | Severity::Nit => "note",
    }
}

fn result(reported: &Reported, indices: &FxHashMap<&str, usize>) -> Value {
    let finding = &reported.finding;
    let mut result = json!({
        "ruleId": finding.rule.slug,
        "ruleIndex": indices.get(finding.rule.slug),
        "level": level(finding.severity),
        "message": text(&finding.message),
        "locations": [location(&finding.primary, finding)],
        "codeFlows": [{ "threadFlows": [{ "locations": flow(finding) }] }],
        "partialFingerprints": { "distsysGraph/v1": finding.id },
        "properties": { "severity": finding.severity.name(), "confidence": finding.confidence.name(), "checked": finding.checked, "help": finding.help },
    });
    if let Some(silence) = &reported.silenced {
        let kind = if silence.by == SilencedBy::Comment { "inSource" } else { "external" };
        result["suppressions"] =
            json!([{ "kind": kind, "status": "accepted", "justification": plain(&silence.reason) }]);
    }
    result
}

fn flow(finding: &Finding) -> Vec<Value> {
    let step = |place: &Place, message: &str| {
        let mut location = json!({ "physicalLocation": physical(place) });
        location["message"] = text(message);
        json!({ "location": location })
    };
    match finding.steps.is_empty() {
        true => vec![step(&finding.primary, &finding.message)],
        false => finding.steps.iter().map(|known| step(&known.place, &known.message)).collect(),
    }
}

fn location(place: &Place, finding: &Finding) -> Value {
    let mut location = json!({ "physicalLocation": physical(place) });
    if !finding.function.is_empty() {
        location["logicalLocations"] = json!([{ "fullyQualifiedName": plain(&finding.function), "kind": "function" }]);
    }
    location
}

/// On one line: viewers mark all that a region spans.
fn physical(place: &Place) -> Value {
    let mut region = json!({ "startLine": place.line, "startColumn": place.column });
    if place.end_line == place.line && place.end_column > place.column {
        region["endColumn"] = json!(place.end_column);
    }
    json!({ "artifactLocation": artifact(&place.path), "region": region })
}

fn artifact(path: &str) -> Value {
    let mut artifact = json!({ "uri": uri(path) });
    // A baseline may stand outside the tree.
    if !path.starts_with('/') {
        artifact["uriBaseId"] = json!("SRCROOT");
    }
    artifact
}

/// A relative reference (RFC 3986): what is not unreserved is escaped.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(byte as char),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
