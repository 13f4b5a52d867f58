//! What the command prints, held as snapshots.

mod support;

use support::{project, run, run_in};

#[test]
fn text_report() {
    let folder = example();
    let output = run(&["check", &folder]);
    assert_eq!(output.status, 1);
    insta::assert_snapshot!("text", output.stdout_without_times());
}

#[test]
fn json_report() {
    let output = run(&["check", &example(), "--format", "json"]);
    assert_eq!(output.status, 1);
    insta::assert_snapshot!("json", output.stdout);
}

#[test]
fn rules_and_pages() {
    insta::assert_snapshot!("rules", run(&["rules"]).stdout);
    let page = run(&["explain", "unbounded-queue"]);
    assert!(page.stdout.starts_with("# unbounded-queue\n"));
    let wrong = run(&["explain", "unbounded-que"]);
    assert_eq!(
        (wrong.status, wrong.stderr.trim()),
        (2, "error: no rule is called `unbounded-que`; did you mean `unbounded-queue`?")
    );
}

#[test]
fn thresholds_decide_the_exit_status() {
    assert_eq!(run(&["check", &example(), "--fail-on", "blocker", "--rule", "unbounded-queue"]).status, 0);
    assert_eq!(run(&["check", &example(), "--fail-on", "major", "--rule", "unbounded-queue"]).status, 1);
    let excluded = "post-without-idempotency-key,unbounded-queue,enqueue-before-commit,retry-without-idempotency-key,write-then-replica-read";
    assert_eq!(run(&["check", &example(), "--exclude-rule", excluded]).status, 0);
    assert_eq!(run(&["check", &example(), "--rule", "no-such-rule"]).status, 2);
}

#[test]
fn colour_is_for_terminals_unless_asked_for() {
    assert!(!run(&["check", &example()]).stdout.contains('\u{1b}'));
    assert!(run(&["check", &example(), "--color", "always"]).stdout.contains('\u{1b}'));
}

#[test]
fn comments_suppress_with_a_reason_only() {
    let queue = "import queue\nfrom fastapi import FastAPI\napp = FastAPI()\nCOMMENT\nevents = queue.Queue()\n@app.post('/e')\ndef receive(e):\n    events.put(e)\n";
    let check = |comment: &str| {
        let project = project(&[("app.py", &queue.replace("COMMENT", comment))]);
        run(&["check", &project.path(), "--format", "json"])
    };
    let silenced = check("# distsys-graph: ignore[unbounded-queue] at most one entry a connection");
    assert_eq!(silenced.status, 0);
    assert!(silenced.stdout.contains("\"suppressed\": true"));
    let without_reason = check("# distsys-graph: ignore[unbounded-queue]");
    assert_eq!(without_reason.status, 1);
    assert!(without_reason.stdout.contains("gives no reason"));
    let misspelt = check("# distsys-graph: ignore[unbounded-que] because");
    assert!(misspelt.stdout.contains("did you mean `unbounded-queue`?"));
    let unused = check("# distsys-graph: ignore[enqueue-before-commit] because");
    assert!(unused.stdout.contains("silences nothing"));
}

#[test]
fn configuration_is_found_upward_and_checked() {
    let queue = "import queue\nfrom fastapi import FastAPI\napp = FastAPI()\nevents = queue.Queue()\n@app.post('/e')\ndef receive(e):\n    events.put(e)\n";
    let project = project(&[("distsys-graph.toml", "[rules]\nignore = ['unbounded-queue']\n"), ("src/app.py", queue)]);
    let inner = format!("{}/src", project.path());
    assert_eq!(run(&["check", &inner]).status, 0);
    assert_eq!(run(&["check", &inner, "--no-config"]).status, 1);
    project.write("distsys-graph.toml", "[rules]\nignroe = []\n");
    let wrong = run(&["check", &inner]);
    assert_eq!(wrong.status, 2);
    assert!(wrong.stderr.contains("unknown key `rules.ignroe`; did you mean `ignore`?"), "{}", wrong.stderr);
}

#[test]
fn facts_are_written_in_both_forms() {
    let project = project(&[("a.py", "def f(x):\n    return g(x)\n")]);
    let out = format!("{}/out", project.path());
    assert_eq!(run(&["facts", &project.path(), "--out", &out]).status, 0);
    let read = |name: &str| std::fs::read_to_string(format!("{out}/{name}")).expect("it was written");
    assert!(read("schema.dl").contains(".decl call(site: site, kind: symbol"));
    assert_eq!(read("call.facts").lines().count(), 1);
    assert_eq!(run(&["facts", &project.path(), "--out", &out, "--format", "jsonl"]).status, 0);
    assert!(read("function.jsonl").contains("\"name\":\"f\""));
}

fn example() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/shop").to_owned()
}

#[test]
fn calls_that_no_model_knows_are_counted_by_library() {
    let project = project(&[(
        "app.py",
        "import json\nimport requests\nimport acme\n\ndef run():\n    acme.send(json.dumps(1))\n    acme.send(2)\n    acme.Client().ask()\n    requests.get('https://example.com', timeout=1)\n",
    )]);
    let output = run(&["models", "--missing", &project.path(), "--format", "json"]);
    assert_eq!(output.status, 0);
    let libraries: serde_json::Value = serde_json::from_str(&output.stdout).expect("the output is JSON");
    let acme = &libraries[0];
    assert_eq!((&acme["library"], &acme["unknown"]), (&"acme".into(), &4.into()));
    assert_eq!((&acme["callees"][0]["callee"], &acme["callees"][0]["calls"]), (&"acme.send".into(), &2.into()));
    assert!(libraries[1].is_null(), "requests is known and json is of the language: {libraries}");
}

#[test]
fn init_begins_a_configuration_and_a_baseline() {
    let queue = "import queue\nfrom fastapi import FastAPI\napp = FastAPI()\nevents = queue.Queue()\n@app.post('/e')\ndef receive(e):\n    events.put(e)\n";
    let project = project(&[("src/app.py", queue)]);
    let begun = run_in(project.folder(), &["init", "--baseline"]);
    assert_eq!((begun.status, begun.stderr.contains("1 findings are the baseline")), (0, true), "{}", begun.stderr);
    assert_eq!(run_in(project.folder(), &["check", "--baseline", "distsys-graph-baseline.txt"]).status, 0);
    let again = run_in(project.folder(), &["init"]);
    assert!(again.status == 2 && again.stderr.contains("it may be there already"), "{}", again.stderr);
    // All that the comments offer can be taken as it is.
    let text = std::fs::read_to_string(project.folder().join("distsys-graph.toml")).expect("it is written");
    let offered = |line: &str| {
        let rest = line.strip_prefix("# ").unwrap_or(line);
        if rest.contains(" = ") || rest.starts_with("[[") { rest.to_owned() } else { line.to_owned() }
    };
    let taken: Vec<String> = text.lines().map(offered).filter(|line| !line.starts_with("files")).collect();
    project.write("distsys-graph.toml", taken.join("\n"));
    let output = run_in(project.folder(), &["check"]);
    assert_ne!(output.status, 2, "{}", output.stderr);
}
