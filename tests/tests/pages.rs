//! A rule's page is its documentation and its test: every `###` case below `## Fires` and `## Silent` is a small
//! project, whose lines marked `error: [rule]` must be found and no other.

use std::collections::BTreeSet;
use std::path::Path;

use distsys_graph::pages::{Case, cases};
use distsys_graph::rules;

fn languages(case: &Case) -> BTreeSet<&str> {
    case.files
        .iter()
        .map(|(language, _, _)| language.as_str())
        .filter(|language| matches!(*language, "python" | "typescript" | "rust" | "go"))
        .collect()
}

#[test]
fn pages_say_what_the_rules_do() {
    let (mut failures, mut count) = (Vec::new(), 0);
    for rule in rules() {
        let cases = cases(rule.info.page);
        for language in ["python", "typescript", "rust", "go"] {
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
            if let Err(problem) = case.check(|analysis| analysis) {
                failures.push(format!("{} / {} / {}\n{problem}", rule.info.slug, case.section, case.title));
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
