//! One cause is one finding, which lists its places; who asks for each place by itself still gets it.

use std::fs;

use distsys_graph::{Analysis, Report};

const CALLS: &str = "import requests\nfrom flask import Flask\n\napp = Flask(__name__)\n";

fn report(files: &[(&str, String)]) -> Report {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("it can be written");
    }
    Analysis::of_paths([folder.path().to_path_buf()]).run().expect("it can be analysed")
}

/// Two calls without a timeout.
fn two_calls() -> String {
    let call = |name: &str| {
        format!(
            "\n\n@app.get(\"/{name}\")\ndef {name}():\n    return requests.get(\"https://stock.internal/{name}\").json()\n"
        )
    };
    format!("{CALLS}{}{}", call("shelves"), call("prices"))
}

#[test]
fn places_of_one_file_are_one_finding() {
    let mut report = report(&[("app.py", two_calls())]);
    let lines: Vec<u32> = report.findings.iter().map(|reported| reported.finding.primary.line).collect();
    assert_eq!(lines, [9, 14]);
    let alone = report.findings[0].finding.id.clone();
    report.tell_causes_once();
    let [only] = &report.findings[..] else { panic!("{:?}", report.findings) };
    assert_eq!(only.finding.primary.line, 9);
    assert!(only.finding.steps.iter().any(|step| step.place.line == 14), "{:?}", only.finding.steps);
    assert!(only.finding.message.ends_with("so it is at another place, for the same reason"));
    assert_ne!(only.finding.id, alone, "mending one of the places makes another finding of it");
    assert_eq!(report.summary.findings.values().sum::<usize>(), 1);
}

#[test]
fn other_files_have_causes_of_their_own() {
    let mut report = report(&[("app.py", two_calls()), ("other.py", two_calls())]);
    report.tell_causes_once();
    assert_eq!(report.findings.len(), 2);
}
