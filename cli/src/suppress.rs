//! Suppressions: `distsys-graph: ignore[rule] reason` on a line of the finding or the line before.

use distsys_facts::schema::Directive;
use distsys_facts::{DiagnosticKind, FactBase, Id, Word};
use distsys_queries::Finding;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::analysis::{Reported, Silence, SilencedBy};
use crate::config::{known_slug, nearest};
use crate::json::Diagnostic;

const VERBS: &[&str] = &["ignore", "allow"];

/// Marks the findings that a comment silences; says what is wrong with comments and which silence nothing.
///
/// `ran` are the rules that were judged: a comment for another one is not unused.
pub(crate) fn apply(
    facts: &FactBase,
    findings: Vec<Finding>,
    ran: &FxHashSet<&str>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Reported> {
    let mut usable: FxHashMap<(String, u32), Vec<(&Directive, bool)>> = FxHashMap::default();
    let path_of = |row: &Directive| facts.text(facts.relations.file[row.file.index()].path).to_owned();
    for row in &facts.relations.directive {
        let path = path_of(row);
        match problem(facts, row) {
            Some(message) => {
                let message = format!("line {}: {message}", row.line);
                diagnostics.push(Diagnostic { path, kind: DiagnosticKind::Suppression.name().to_owned(), message });
            }
            None => usable.entry((path, row.line)).or_default().push((row, false)),
        }
    }
    let mut reported = Vec::with_capacity(findings.len());
    for finding in findings {
        let mut silenced = None;
        let places = std::iter::once(&finding.primary).chain(finding.steps.iter().map(|step| &step.place));
        for place in places {
            // Comments above may stack; each covers the first line of code below.
            let lines = std::iter::once(place.line)
                .chain((1..place.line).rev().take_while(|line| usable.contains_key(&(place.path.clone(), *line))));
            let lines: Vec<u32> = lines.collect();
            for line in lines {
                for (row, used) in usable.get_mut(&(place.path.clone(), line)).into_iter().flatten() {
                    if facts.text(row.rule) == finding.rule.slug {
                        *used = true;
                        let reason = facts.text(row.reason).to_owned();
                        silenced.get_or_insert(Silence { by: SilencedBy::Comment, reason });
                    }
                }
            }
        }
        reported.push(Reported { finding, silenced });
    }
    for ((path, line), rows) in usable {
        for (row, used) in rows {
            let rule = facts.text(row.rule);
            if !used && ran.contains(rule) {
                let message = format!("line {line}: this suppression of `{rule}` silences nothing; remove it");
                diagnostics.push(Diagnostic {
                    path: path.clone(),
                    kind: DiagnosticKind::Suppression.name().to_owned(),
                    message,
                });
            }
        }
    }
    reported
}

/// Why a directive cannot be used.
fn problem(facts: &FactBase, row: &Directive) -> Option<String> {
    let verb = facts.text(row.verb);
    if !VERBS.contains(&verb) {
        let near = nearest(verb, VERBS.iter().copied()).unwrap_or("ignore");
        return Some(format!("`{verb}` is no directive; did you mean `{near}[rule] reason`?"));
    }
    let rule = facts.text(row.rule);
    if rule.is_empty() {
        return Some(format!("name the rule and the reason: `{verb}[rule] reason`"));
    }
    if let Err(message) = known_slug(rule) {
        return Some(message);
    }
    if facts.text(row.reason).is_empty() {
        return Some(format!(
            "the suppression of `{rule}` gives no reason and is not heeded; say why: `{verb}[{rule}] reason`"
        ));
    }
    None
}
