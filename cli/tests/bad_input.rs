//! Bad input: each fault is said, everything else is still analysed.

mod support;

use support::{Project, project, run};

const FINDING: &str = "import queue\nfrom fastapi import FastAPI\napp = FastAPI()\nevents = queue.Queue()\n@app.post('/e')\ndef receive(e):\n    events.put(e)\n";

/// Checks a project with one good file that has a finding; the report must have that finding and say `message` of `path`.
fn check(project: &Project, path: &str, kind: &str, message: &str) {
    let output = run(&["check", &project.path(), "--format", "json"]);
    assert_eq!(output.status, 1, "{}", output.stderr);
    let report: serde_json::Value = serde_json::from_str(&output.stdout).expect("JSON");
    assert_eq!(report["findings"][0]["path"], "good.py");
    let said = report["diagnostics"].as_array().expect("a list").iter().any(|row| {
        row["path"].as_str() == Some(path)
            && row["kind"] == kind
            && row["message"].as_str().is_some_and(|text| text.contains(message))
    });
    assert!(said, "{path} {kind} {message}: {}", report["diagnostics"]);
}

#[test]
fn invalid_utf8() {
    let project = project(&[("good.py", FINDING)]);
    project.write("bad.py", b"x = '\xff\xfe\x00'\n");
    check(&project, "bad.py", "invalid_utf8", "UTF-8");
}

#[test]
fn syntax_errors() {
    let project =
        project(&[("good.py", FINDING), ("bad.py", "def f(:\n"), ("bad.ts", "function ( {"), ("bad.rs", "fn f( {")]);
    check(&project, "bad.py", "syntax_error", "1:");
    check(&project, "bad.ts", "unparsable", "1:");
    check(&project, "bad.rs", "unparsable", "1:");
}

#[test]
fn nesting_of_a_hundred_thousand() {
    for (path, open, close) in
        [("deep.py", "(", ")"), ("deep.ts", "[", "]"), ("deep.rs", "(", ")"), ("deep.js", "{", "}")]
    {
        let depth = 100_000;
        let text = format!("{}{}", open.repeat(depth), close.repeat(depth));
        let project = project(&[("good.py", FINDING), (path, &text)]);
        check(&project, path, "too_deep", "nested");
    }
    let chain = format!("x = a{}\n", ".b()".repeat(100_000));
    let project = project(&[("good.py", FINDING), ("chain.py", &chain)]);
    check(&project, "chain.py", "too_deep", "chains");
}

#[test]
fn ten_megabytes_of_minified_code() {
    let text = format!("var a=[{}];", "1,".repeat(5 << 20));
    let project = project(&[("good.py", FINDING), ("lib.js", &text)]);
    check(&project, "lib.js", "too_large", "limit");
    let text = format!("var a=[{}];", "1,".repeat(300_000));
    project.write("lib.js", text);
    check(&project, "lib.js", "minified", "minified");
}

#[cfg(unix)]
#[test]
fn links_in_a_circle_and_out_of_the_tree() {
    let project = project(&[("good.py", FINDING)]);
    let at = |name: &str| format!("{}/{name}", project.path());
    std::os::unix::fs::symlink(at("loop"), at("loop")).expect("a link");
    std::os::unix::fs::symlink("/", at("root")).expect("a link");
    check(&project, "loop", "link", "circle");
    check(&project, "root", "link", "not followed");
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_read() {
    use std::os::unix::fs::PermissionsExt;
    let project = project(&[("good.py", FINDING), ("secret.py", "x = 1\n")]);
    let file = format!("{}/secret.py", project.path());
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o000)).expect("its owner may");
    // Root reads everything; then there is nothing to see here.
    if std::fs::read(&file).is_ok() {
        return;
    }
    check(&project, "secret.py", "unreadable", "ermission");
}

#[test]
fn an_empty_folder_is_not_clean() {
    let project = project(&[]);
    let output = run(&["check", &project.path()]);
    assert!(output.status == 2 && output.stdout.starts_with(".: nothing analysed: "), "{}", output.stdout);
}

#[test]
fn a_missing_path_is_an_error() {
    let output = run(&["check", "/no/such/folder"]);
    assert_eq!(output.status, 2);
    assert_eq!(output.stderr.trim(), "error: /no/such/folder: no such file or folder; name one that exists");
}

#[test]
fn text_of_the_source_cannot_drive_the_terminal() {
    let text = FINDING.replace("events = queue.Queue()", "events = queue.Queue()  # \u{1b}[31m\u{202e}");
    let project = project(&[("app.py", &text)]);
    let output = run(&["check", &project.path()]);
    assert!(!output.stdout.contains('\u{1b}') && !output.stdout.contains('\u{202e}'));
}
