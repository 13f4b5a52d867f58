//! SARIF 2.1.0 (<https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>).

use std::io::{self, Write};

use distsys_queries::{Finding, Place, RuleInfo, Severity, rules};
use serde_json::{Value, json};

use super::plain;
use crate::analysis::{Report, Reported, SilencedBy};

pub(super) fn write(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let mut infos: Vec<&RuleInfo> = rules().iter().map(|rule| &rule.info).collect();
    // Rules of the project's own.
    for reported in &report.findings {
        if !infos.iter().any(|known| known.slug == reported.finding.rule.slug) {
            infos.push(reported.finding.rule);
        }
    }
    let results: Vec<Value> = report.findings.iter().map(|reported| result(reported, &infos)).collect();
    let notifications: Vec<Value> = report
        .diagnostics
        .iter()
        .map(|note| {
            json!({
                "level": "warning",
                "descriptor": { "id": note.kind },
                "message": { "text": plain(&note.message) },
                "locations": [{ "physicalLocation": { "artifactLocation": artifact(&note.path) } }],
            })
        })
        .collect();
    let document = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "distsys-graph",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": infos.iter().map(|info| descriptor(info)).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": { "SRCROOT": { "description": { "text": "The root of the analysis" } } },
            "invocations": [{ "executionSuccessful": true, "toolExecutionNotifications": notifications }],
            "results": results,
        }],
    });
    super::json(out, &document)
}

fn descriptor(info: &RuleInfo) -> Value {
    json!({
        "id": info.slug,
        "shortDescription": { "text": info.summary },
        "fullDescription": { "text": info.summary },
        "help": { "text": info.summary, "markdown": info.page },
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

fn result(reported: &Reported, infos: &[&RuleInfo]) -> Value {
    let finding = &reported.finding;
    let rule = infos.iter().position(|info| info.slug == finding.rule.slug);
    let mut result = json!({
        "ruleId": finding.rule.slug,
        "ruleIndex": rule,
        "level": level(finding.severity),
        "message": { "text": plain(&finding.message) },
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
        location["message"] = json!({ "text": plain(message) });
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
    json!({ "uri": uri(path), "uriBaseId": "SRCROOT" })
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
