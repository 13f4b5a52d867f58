//! What CIs are given: each file is read as they read it, and its commands are run on a repository with a change.

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use distsys_graph::{Analysis, Source};
use support::{Project, project, run};

const QUIET: &str = "import requests\n\n\ndef place(order):\n    return requests.post('https://shop.example/orders', json=order, timeout=5)\n";
const RETRIED: &str = "import requests\nfrom tenacity import retry, stop_after_attempt\n\n\n@retry(stop=stop_after_attempt(3))\ndef place(order):\n    \
                       return requests.post('https://shop.example/orders', json=order, timeout=5)\n";

/// A file of this project as key paths. Our own reader of workflows reads them all.
fn keys(path: &str) -> BTreeMap<String, String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    let text = std::fs::read_to_string(&file).expect("it is there");
    // Manifests alone are no code.
    let sources = vec![Source::new(".github/workflows/x.yml", text), Source::new("shop/client.py", QUIET.to_owned())];
    let report = Analysis::of_sources(sources).run().expect("it runs");
    assert!(report.diagnostics.is_empty(), "{path}: {:?}", report.diagnostics);
    let facts = report.facts();
    let rows = facts.relations.manifest.iter();
    rows.map(|row| (facts.text(row.key).to_owned(), facts.text(row.value).to_owned())).collect()
}

fn git(folder: &Path, arguments: &[&str]) {
    let quiet = ["-c", "user.name=n", "-c", "user.email=e@example.com", "-c", "commit.gpgsign=false"];
    let output = Command::new("git").arg("-C").arg(folder).args(quiet).args(arguments).output().expect("git is there");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A clone with a branch that brings a finding, as a CI checks it out.
fn checked_out() -> (Project, Project) {
    let origin = project(&[("shop/client.py", QUIET)]);
    git(origin.folder(), &["init", "-q", "-b", "main"]);
    git(origin.folder(), &["add", "-A"]);
    git(origin.folder(), &["commit", "-q", "-m", "a client"]);
    git(origin.folder(), &["checkout", "-q", "-b", "retries"]);
    origin.write("shop/client.py", RETRIED);
    git(origin.folder(), &["commit", "-q", "-a", "-m", "retries"]);
    git(origin.folder(), &["checkout", "-q", "main"]);
    let elsewhere = project(&[]);
    git(elsewhere.folder(), &["clone", "-q", "-b", "retries", &format!("file://{}", origin.path()), "clone"]);
    (origin, elsewhere)
}

/// Runs a script as a CI does: our binary on the PATH, these variables set.
fn script(text: &str, folder: &Path, variables: &[(&str, &str)]) -> (i32, String, String) {
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_distsys-graph"));
    let before = std::env::var_os("PATH").unwrap_or_default();
    let folders = binary.parent().map(Path::to_path_buf).into_iter().chain(std::env::split_paths(&before));
    let output = Command::new("bash")
        .args(["--noprofile", "--norc", "-e", "-o", "pipefail", "-c", text])
        .current_dir(folder)
        .env("PATH", std::env::join_paths(folders).expect("paths"))
        .envs(variables.iter().copied())
        .output()
        .expect("bash is there");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_action_annotates_a_pull_request() {
    let action = keys("action.yml");
    assert_eq!(action["runs.using"], "composite");
    let review = "runs.steps[1]";
    // Every input is there, and reaches the script as a variable only.
    for (variable, input) in [("WHAT", "what"), ("FAIL_ON", "fail-on"), ("BASELINE", "baseline"), ("SARIF", "sarif")] {
        assert!(action.contains_key(&format!("inputs.{input}.description")), "{input}");
        assert_eq!(action[&format!("{review}.env.{variable}")], format!("${{{{ inputs.{input} }}}}"));
    }
    assert!(action.iter().all(|(key, value)| !key.ends_with(".run") || !value.contains("${{")));
    assert!(
        action.iter().filter(|(key, _)| key.ends_with(".run")).count() == 2
            && action[&format!("{review}.shell")] == "bash"
    );
    let text = &action[&format!("{review}.run")];
    let (_origin, elsewhere) = checked_out();
    let clone = elsewhere.folder().join("clone");
    let inputs = |what: &'static str, fail_on: &'static str, baseline: &'static str, sarif: &'static str| {
        [("WHAT", what), ("FAIL_ON", fail_on), ("BASELINE", baseline), ("SARIF", sarif), ("GITHUB_BASE_REF", "main")]
    };
    let (status, told, errors) = script(text, &clone, &inputs("", "", "", "out.sarif"));
    assert_eq!((status, told.starts_with("::warning file=shop/client.py,line=7,")), (1, true), "{told}{errors}");
    let sarif = std::fs::read_to_string(clone.join("out.sarif")).expect("it is written");
    assert!(sarif.contains("\"retry-without-idempotency-key\""));
    assert_eq!(script(text, &clone, &inputs("", "blocker", "", "")).0, 0);
    assert_eq!(script(text, &clone, &inputs("origin/main", "", "", "")).0, 0, "main alone has nothing new");
    run_in_clone(&clone, &["check", "--write-baseline"]);
    assert_eq!(script(text, &clone, &inputs("", "", "distsys-graph-baseline.txt", "")).0, 0);
    // An input is never more than a word, and a failure of the tool is one of the step.
    let (status, told, errors) = script(text, &clone, &inputs("$(touch owned)", "", "", "x.sarif"));
    assert!(status == 2 && !clone.join("owned").exists(), "{told}{errors}");
    assert_eq!(script(text, &clone, &inputs("--help", "", "", "")).0, 2);
}

fn run_in_clone(folder: &Path, arguments: &[&str]) {
    let output = support::run_in(folder, arguments);
    assert_eq!(output.status, 0, "{}", output.stderr);
}

#[test]
fn the_job_of_gitlab_reports_a_merge_request() {
    let job = keys("examples/ci/gitlab.yml");
    let report = &job["distsys-graph.artifacts.reports.codequality"];
    let (_origin, elsewhere) = checked_out();
    let clone = elsewhere.folder().join("clone");
    let variables = [
        ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main"),
        ("DISTSYS_GRAPH_FAIL_ON", job["distsys-graph.variables.DISTSYS_GRAPH_FAIL_ON"].as_str()),
    ];
    let (status, told, errors) = script(&job["distsys-graph.script[0]"], &clone, &variables);
    assert_eq!((status, told.as_str()), (1, ""), "{errors}");
    let text = std::fs::read_to_string(clone.join(report)).expect("the artifact is where the job says");
    let rows: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!(rows[0]["location"]["path"], "shop/client.py");
    assert_eq!(job["distsys-graph.artifacts.when"], "always", "findings end the job, and are shown");
}

#[test]
fn the_hook_tells_what_is_new() {
    let hook = keys(".pre-commit-hooks.yaml");
    assert_eq!((hook["[0].id"].as_str(), hook["[0].pass_filenames"].as_str()), ("distsys-graph", "false"));
    let (_origin, elsewhere) = checked_out();
    let clone = elsewhere.folder().join("clone");
    let (status, told, errors) = script(&hook["[0].entry"], &clone, &[]);
    assert_eq!((status, told.starts_with("shop/client.py:7:12: major[")), (1, true), "{told}{errors}");
    std::fs::write(clone.join("shop/client.py"), QUIET).expect("the clone");
    assert_eq!(script(&hook["[0].entry"], &clone, &[]).0, 0, "what is not committed counts");
}

#[test]
fn there_is_a_man_page_for_every_command() {
    let whole = run(&["man"]);
    assert!(
        whole.stdout.contains(".TH distsys-graph 1") && whole.stdout.contains("distsys\\-graph\\-review(1)"),
        "{}",
        whole.stdout
    );
    let folder = project(&[]);
    let out = folder.folder().join("man");
    assert_eq!(run(&["man", "--out", &out.display().to_string()]).status, 0);
    for command in ["", "-check", "-review", "-graph", "-query", "-man"] {
        let page = std::fs::read_to_string(out.join(format!("distsys-graph{command}.1"))).expect("a page");
        for part in [".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION", ".SH OPTIONS"] {
            assert!(page.contains(part), "{command} lacks {part}");
        }
    }
    let check = std::fs::read_to_string(out.join("distsys-graph-check.1")).expect("a page");
    assert!(check.contains("Exit status: 0") && check.contains("\\-\\-write\\-baseline"), "{check}");
}

#[test]
fn there_are_completions_for_every_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = run(&["completions", shell]);
        assert!(output.status == 0 && output.stdout.contains("write-baseline"), "{shell}");
    }
    // A shell takes them.
    let (status, _, errors) = script(
        "source /dev/stdin <<< \"$(distsys-graph completions bash)\"; complete -p distsys-graph",
        Path::new("."),
        &[],
    );
    assert_eq!(status, 0, "{errors}");
}
