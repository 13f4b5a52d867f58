//! A rule's page is its documentation and its test: every `###` case below `## Fires` and `## Silent` is a small
//! project, whose lines marked `error: [rule]` must be found and no other.

use std::collections::BTreeSet;
use std::path::Path;

use distsys_graph::{Analysis, Confidence, Selection, Severity, Source, rules};

struct Case {
    rule: &'static str,
    section: String,
    title: String,
    files: Vec<(String, String, String)>,
}

fn cases(rule: &'static str, page: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let (mut section, mut open) = (String::new(), false);
    for line in page.lines() {
        if open {
            if line.trim_end() == "```" {
                open = false;
            } else if let Some((_, _, text)) = cases.last_mut().and_then(|case| case.files.last_mut()) {
                text.push_str(line);
                text.push('\n');
            }
        } else if let Some(title) = line.strip_prefix("### ") {
            cases.push(Case { rule, section: section.clone(), title: title.to_owned(), files: Vec::new() });
        } else if let Some(title) = line.strip_prefix("## ") {
            section = title.to_owned();
        } else if let Some(info) = line.strip_prefix("```")
            && let Some((language, path)) = info.split_once(' ')
            && let Some(case) = cases.last_mut()
        {
            case.files.push((language.to_owned(), path.trim().to_owned(), String::new()));
            open = true;
        } else if line.starts_with("```") {
            // A block without a path is an illustration.
            open = false;
        }
    }
    cases.retain(|case| case.section == "Fires" || case.section == "Silent");
    cases
}

type Mark = (String, u32, String, Option<String>);

fn expected(case: &Case) -> BTreeSet<Mark> {
    let mut marks = BTreeSet::new();
    for (_, path, text) in &case.files {
        for (number, line) in text.lines().enumerate() {
            let Some((_, mark)) = line.split_once("error: [") else { continue };
            let Some((slug, rest)) = mark.split_once(']') else { continue };
            let severity = rest.split_whitespace().next().map(str::to_owned);
            marks.insert((path.clone(), number as u32 + 1, slug.to_owned(), severity));
        }
    }
    marks
}

fn check(case: &Case) -> Result<(), String> {
    let sources = case.files.iter().map(|(_, path, text)| Source::new(path.as_str(), text.as_str())).collect();
    let selection = Selection {
        preview: true,
        min_severity: Severity::Nit,
        min_confidence: Confidence::Low,
        ..Selection::default()
    };
    let report =
        Analysis::of_sources(sources).jobs(Some(1)).selection(selection).run().map_err(|error| error.to_string())?;
    let marks = expected(case);
    let mut problems = Vec::new();
    for reported in &report.findings {
        let finding = &reported.finding;
        let found = (&finding.primary.path, finding.primary.line, finding.rule.slug);
        let mark = marks.iter().find(|(path, line, slug, _)| (path, *line, slug.as_str()) == found);
        match mark {
            None => {
                let steps: Vec<String> = finding
                    .steps
                    .iter()
                    .map(|step| format!("      {}:{} {}", step.place.path, step.place.line, step.message))
                    .collect();
                problems.push(format!(
                    "    unexpected {} at {}:{}\n{}",
                    finding.rule.slug,
                    found.0,
                    found.1,
                    steps.join("\n")
                ));
            }
            Some((_, _, _, Some(severity))) if severity != finding.severity.name() => {
                problems.push(format!(
                    "    {} at {}:{} is {}, not {severity}",
                    finding.rule.slug, found.0, found.1, finding.severity
                ));
            }
            Some(_) => {}
        }
    }
    for (path, line, slug, _) in &marks {
        let is_found = report.findings.iter().any(|reported| {
            let finding = &reported.finding;
            (&finding.primary.path, finding.primary.line, finding.rule.slug) == (path, *line, slug.as_str())
        });
        if !is_found {
            problems.push(format!("    missing {slug} at {path}:{line}"));
        }
    }
    for diagnostic in &report.diagnostics {
        problems.push(format!("    {}: {}: {}", diagnostic.path, diagnostic.kind, diagnostic.message));
    }
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
}

fn languages(case: &Case) -> BTreeSet<&str> {
    case.files
        .iter()
        .map(|(language, _, _)| language.as_str())
        .filter(|language| matches!(*language, "python" | "typescript" | "rust"))
        .collect()
}

#[test]
fn pages_say_what_the_rules_do() {
    let (mut failures, mut count) = (Vec::new(), 0);
    for rule in rules() {
        let cases = cases(rule.info.slug, rule.info.page);
        for language in ["python", "typescript", "rust"] {
            for (section, least) in [("Fires", 2), ("Silent", 3)] {
                let found =
                    cases.iter().filter(|case| case.section == section && languages(case).contains(language)).count();
                if found < least {
                    failures.push(format!(
                        "{}: {found} cases in {language} under {section}, at least {least} are needed",
                        rule.info.slug
                    ));
                }
            }
        }
        for case in &cases {
            count += 1;
            let marked = !expected(case).is_empty();
            if marked != (case.section == "Fires") {
                failures.push(format!("{} / {}: marks do not fit the section {}", case.rule, case.title, case.section));
            }
            if let Err(problem) = check(case) {
                failures.push(format!("{} / {} / {}\n{problem}", case.rule, case.section, case.title));
            }
        }
    }
    assert!(failures.is_empty(), "{} of {count} cases fail:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn every_page_belongs_to_a_rule() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../queries/rules");
    for category in
        std::fs::read_dir(folder).expect("the rules are there").flatten().filter(|entry| entry.path().is_dir())
    {
        for file in std::fs::read_dir(category.path()).expect("a folder of rules").flatten() {
            let path = file.path();
            let slug = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            assert!(
                rules().iter().any(|rule| rule.info.slug == slug),
                "{} belongs to no registered rule",
                path.display()
            );
            assert!(
                path.with_extension("md").is_file() && path.with_extension("rs").is_file(),
                "{slug} lacks its page or its rule"
            );
        }
    }
}
