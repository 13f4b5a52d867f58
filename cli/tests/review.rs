//! A story in real repositories: a branch puts an old caller into a retry, and `review` tells it where it happens.

mod support;

use std::path::Path;
use std::process::Command;

use support::{Output, Project, project, run_in};

const CLIENT: &str = "import requests\n\n\ndef place(order):\n    return requests.post('https://pay.example/orders', json=order, timeout=5)\n";
const CALLER: &str = "from app.client import place\nfrom app.calls import call\n\n\ndef buy(order):\n    return call(lambda: place(order))\n";
const PLAIN: &str = "def call(work):\n    return work()\n";
const RETRYING: &str = "def call(work):\n    for attempt in range(3):\n        try:\n            return work()\n        except OSError:\n            if attempt == 2:\n                raise\n";

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args([
            "-c",
            "user.name=n",
            "-c",
            "user.email=e@example.com",
            "-c",
            "commit.gpgsign=false",
            "-c",
            "protocol.file.allow=always",
        ])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .expect("git is there");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn repository(files: &[(&str, &str)]) -> Project {
    let project = project(files);
    git(project.folder(), &["init", "-q", "-b", "main"]);
    commit(&project);
    project
}

fn commit(project: &Project) {
    git(project.folder(), &["add", "-A"]);
    git(project.folder(), &["commit", "-q", "-m", "a step"]);
}

fn service() -> Project {
    repository(&[("app/__init__.py", ""), ("app/client.py", CLIENT), ("app/buy.py", CALLER), ("app/calls.py", PLAIN)])
}

fn review(project: &Project, arguments: &[&str]) -> Output {
    run_in(project.folder(), &[&["review"], arguments].concat())
}

const CLEAN: &str = "No findings worth flagging";
const FOUND: &str = "**[major]** `app/client.py:5`";

#[test]
fn a_new_wrapper_breaks_an_old_caller_in_an_unchanged_file() {
    let project = service();
    let on_main = review(&project, &[]);
    assert_eq!((on_main.status, on_main.stdout.contains(CLEAN)), (0, true), "{}{}", on_main.stdout, on_main.stderr);
    git(project.folder(), &["checkout", "-q", "-b", "retries"]);
    project.write("app/calls.py", RETRYING);
    // Before the commit, after it, as a range, as a commit, on a detached head: once each time.
    let dirty = review(&project, &[]);
    assert!(
        dirty.stdout.starts_with("Reviewed 1 file, 1 finding (0 blockers, 1 major, 0 minor, 0 nits). Routed "),
        "{}",
        dirty.stdout
    );
    assert!(dirty.stdout.contains("working tree is dirty: 1 file"), "{}", dirty.stdout);
    commit(&project);
    git(project.folder(), &["checkout", "-q", "--detach"]);
    for scope in [&[][..], &["main..retries"], &["main...retries"], &["retries"], &["main.."]] {
        let told = review(&project, scope);
        assert_eq!(
            (told.status, told.stdout.matches(FOUND).count()),
            (1, 1),
            "{scope:?}: {}{}",
            told.stdout,
            told.stderr
        );
    }
    // Every form of the report has it once, also of a version that is not checked out.
    for (format, told) in [
        ("text", "--> app/client.py:5:12"),
        ("concise", "app/client.py:5:12: major["),
        ("json", "\"path\": \"app/client.py\",\n      \"line\": 5,"),
        ("jsonl", "\"path\":\"app/client.py\",\"line\":5,\"column\":12,\"end_line\""),
        ("sarif", "\"ruleId\": \"retry-without-idempotency-key\""),
        ("github", "::warning file=app/client.py,line=5,"),
        ("gitlab", "\"path\": \"app/client.py\""),
        ("junit", "file=\"app/client.py\" line=\"5\""),
        ("html", "return requests.post('https://pay.example/orders', json=order, timeout=5)"),
    ] {
        let report = review(&project, &["main..retries", "--format", format, "--color", "never"]);
        assert_eq!((report.status, report.stdout.matches(told).count()), (1, 1), "{format}: {}", report.stdout);
    }
    // What was there before is told only where the change touches it.
    git(project.folder(), &["checkout", "-q", "-b", "later"]);
    git(project.folder(), &["branch", "-f", "main", "retries"]);
    project.write("app/calls.py", RETRYING.replace("return work()", "return (work())"));
    assert!(review(&project, &[]).stdout.contains(CLEAN));
    assert!(review(&project, &["--touched"]).stdout.contains(FOUND));
    // A key silences it.
    let keyed = CLIENT
        .replace("place(order)", "place(order, key)")
        .replace("timeout=5", "timeout=5, headers={'Idempotency-Key': key}");
    project.write("app/client.py", keyed);
    project.write("app/buy.py", CALLER.replace("place(order)", "place(order, order.id)"));
    assert!(review(&project, &["--touched"]).stdout.contains(CLEAN));
}

#[test]
fn a_project_has_its_say() {
    let project = service();
    git(project.folder(), &["checkout", "-q", "-b", "retries"]);
    project.write("app/calls.py", RETRYING);
    commit(&project);
    // A baseline.
    let written = run_in(project.folder(), &["check", "--write-baseline"]);
    assert_eq!(
        (written.status, written.stderr.contains("1 findings are the baseline now")),
        (0, true),
        "{}",
        written.stderr
    );
    let held = run_in(project.folder(), &["check", "--baseline", "distsys-graph-baseline.txt"]);
    assert_eq!(held.status, 0, "{}", held.stdout);
    assert_eq!(review(&project, &["--baseline", "distsys-graph-baseline.txt"]).status, 0);
    // Once mended the entry is stale, and pruned.
    project.write("app/calls.py", PLAIN);
    let stale = run_in(project.folder(), &["check", "--baseline", "distsys-graph-baseline.txt"]);
    assert!(stale.stdout.contains("is stale; remove it with `--prune-baseline`"), "{}", stale.stdout);
    let pruned = run_in(project.folder(), &["check", "--baseline", "distsys-graph-baseline.txt", "--prune-baseline"]);
    assert!(!pruned.stdout.contains("is stale"), "{}", pruned.stdout);
    project.write("app/calls.py", RETRYING);
    // A convention, for its paths and until its day.
    let accept = |paths: &str, until: &str| {
        let text = format!(
            "[[accept]]\nrule = 'retry-without-idempotency-key'\npaths = ['{paths}']\nreason = 'orders are told apart by their id'\nuntil = {until}\n"
        );
        project.write("distsys-graph.toml", text);
        review(&project, &["--trust-head"])
    };
    let accepted = accept("app/**", "2999-12-31");
    assert!(accepted.stdout.contains(CLEAN), "{}", accepted.stdout);
    assert_eq!(accepted.stdout.matches("orders are told apart by their id").count(), 1);
    assert!(accept("other/**", "2999-12-31").stdout.contains("nothing breaks it; remove that"));
    let expired = accept("app/**", "2020-01-31");
    assert!(
        expired.stdout.contains(FOUND) && expired.stdout.contains("was accepted until 2020-01-31"),
        "{}",
        expired.stdout
    );
    project.write("distsys-graph.toml", "");
    // A line of a document, a comment.
    project.write("AGENTS.md", "<!-- distsys-graph: accept[retry-without-idempotency-key] orders are told apart -->\n");
    assert!(review(&project, &["--trust-head"]).stdout.contains(CLEAN));
    project.write("AGENTS.md", "");
    let comment = "    # distsys-graph: ignore[retry-without-idempotency-key] orders are told apart\n    return call(";
    project.write("app/buy.py", CALLER.replace("    return call(", comment));
    assert!(review(&project, &[]).stdout.contains(CLEAN));
}

const ACCEPT: &str =
    "[[accept]]\nrule = 'retry-without-idempotency-key'\nreason = 'orders are told apart by their id'\n";

const MODEL: &str = "library = \"paylib\"\nlanguage = \"python\"\nmodules = [\"paylib\"]\n\n[[op]]\ncall = \"paylib.settle\"\n\
    kind = \"payment\"\nexample = \"paylib.settle(1)\"\n";
const RULE: &str = "// rule: shop/no-payments\n// summary: nobody pays here\n// help: call billing\n\
    finding(\"shop/no-payments\", \"minor\", s, \"this pays\") :- op(site: s, kind: \"payment\").\n";

#[test]
fn a_branch_does_not_silence_itself() {
    let baseline = {
        let project = service();
        project.write("app/calls.py", RETRYING);
        run_in(project.folder(), &["check", "--write-baseline"]);
        std::fs::read_to_string(project.folder().join("distsys-graph-baseline.txt")).expect("it was written")
    };
    let silences: &[(&str, &str, &[&str])] = &[
        ("distsys-graph.toml", ACCEPT, &[]),
        ("distsys-graph.toml", "[rules]\nignore = ['retry-without-idempotency-key']\n", &[]),
        ("distsys-graph.toml", "[paths]\nexclude = ['app/client.py']\n", &[]),
        ("distsys-graph.toml", "fail-on = 'blocker'\nmin-severity = 'blocker'\n", &[]),
        ("ci/other.toml", ACCEPT, &["--config", "ci/other.toml"]),
        ("distsys-graph-baseline.txt", &baseline, &["--baseline", "distsys-graph-baseline.txt"]),
        ("AGENTS.md", "distsys-graph: accept[retry-without-idempotency-key] orders are told apart\n", &[]),
        (".gitignore", "app/\n", &[]),
        (".ignore", "app/client.py\n", &[]),
    ];
    for (file, text, named) in silences {
        let project = service();
        git(project.folder(), &["checkout", "-q", "-b", "retries"]);
        project.write("app/calls.py", RETRYING);
        git(project.folder(), &["add", "-A"]);
        project.write(file, text);
        commit(&project);
        git(project.folder(), &["update-ref", "refs/pull/7/head", "HEAD"]);
        git(project.folder(), &["remote", "add", "origin", "."]);
        // The work tree, its commits, a request that is fetched: each in sight, each only mentioned.
        for what in [&[][..], &["main..HEAD"], &["HEAD"], &["#7"]] {
            let told = review(&project, &[what, *named].concat());
            assert_eq!(
                (told.status, told.stdout.contains(FOUND)),
                (1, true),
                "{file} {what:?}: {}{}",
                told.stdout,
                told.stderr
            );
            assert!(
                told.stderr.contains(file) && told.stderr.contains("--trust-head"),
                "{file} {what:?}: {}",
                told.stderr
            );
            let trusted = review(&project, &[what, *named, &["--trust-head"]].concat());
            assert_ne!(trusted.status, 1, "{file} {what:?}: {}{}", trusted.stdout, trusted.stderr);
        }
        // Once the base has it, it holds, whatever the change makes of it.
        git(project.folder(), &["checkout", "-q", "main"]);
        project.write(file, text);
        commit(&project);
        git(project.folder(), &["checkout", "-q", "-b", "again"]);
        project.write("app/calls.py", RETRYING);
        git(project.folder(), &["rm", "-q", "-f", file]);
        git(project.folder(), &["add", "-A"]);
        let held = review(&project, named);
        // What is ignored and tracked nevertheless is part of the change.
        let expected = i32::from(file.ends_with("ignore"));
        assert_eq!(held.status, expected, "{file}: {}{}", held.stdout, held.stderr);
    }
}

#[test]
fn models_and_rules_are_those_of_the_base() {
    let rule = ".distsys-graph/rules/pay.dl";
    let project = repository(&[
        ("distsys-graph.toml", "[models]\nfiles = ['models/pay.toml']\n"),
        ("models/pay.toml", MODEL),
        (rule, RULE),
        ("app/order.py", "x = 1\n"),
    ]);
    let told = "This pays.";
    for silence in ["model", "rule", "none"] {
        git(project.folder(), &["checkout", "-q", "-B", silence, "main"]);
        project.write("app/pay.py", "import paylib\n\n\ndef pay():\n    paylib.settle(1)\n");
        match silence {
            "model" => project.write("models/pay.toml", MODEL.replace("\"payment\"", "\"db_read\"")),
            "rule" => drop(git(project.folder(), &["rm", "-q", rule])),
            _ => {}
        }
        commit(&project);
        for what in [&[][..], &["main..HEAD"]] {
            let judged = review(&project, what);
            assert_eq!(
                (judged.status, judged.stdout.contains(told)),
                (1, true),
                "{silence}: {}{}",
                judged.stdout,
                judged.stderr
            );
            let trusted = review(&project, &[what, &["--trust-head"]].concat());
            // A version that is not checked out brings its rules along.
            assert_eq!(trusted.stdout.contains(told), silence == "none", "{silence} {what:?}: {}", trusted.stdout);
        }
    }
    // Models, and what rules include, are not read from elsewhere: errors would show it.
    let outside = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(outside.path().join("secret"), "password = hunter2\n").expect("it can be written");
    let secret = outside.path().join("secret").display().to_string();
    project.write("distsys-graph.toml", format!("[models]\nfiles = ['{secret}']\n"));
    project.write(rule, format!(".include \"{secret}\"\n{RULE}"));
    for arguments in [&["check", "."][..], &["check", ".", "--no-config"]] {
        let refused = run_in(project.folder(), arguments);
        assert_eq!((refused.status, refused.stderr.contains("hunter2")), (2, false), "{}", refused.stderr);
    }
}

#[test]
fn what_a_file_is_called_and_was_called_does_not_matter() {
    let project = service();
    project.write("app/calls.py", RETRYING);
    commit(&project);
    git(project.folder(), &["checkout", "-q", "-b", "names"]);
    git(project.folder(), &["mv", "app/buy.py", "app/kauf ü \"1\".py"]);
    commit(&project);
    let renamed = review(&project, &[]);
    assert!(renamed.stdout.contains(CLEAN), "{}{}", renamed.stdout, renamed.stderr);
    // A new file is new, although nothing of it is in the index.
    project.write("app/zwei ü.py", CALLER);
    let new = review(&project, &[]);
    assert!(new.stdout.contains("`app/zwei ü.py:6`") && new.stdout.contains("dirty: 1 file"), "{}", new.stdout);
}

#[test]
fn repositories_of_every_kind() {
    let project = service();
    git(project.folder(), &["checkout", "-q", "-b", "retries"]);
    project.write("app/calls.py", RETRYING);
    commit(&project);
    let origin = format!("file://{}", project.path());
    let elsewhere = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| elsewhere.path().join(name);
    let path = |name: &str| at(name).display().to_string();
    // A work tree of its own.
    git(project.folder(), &["worktree", "add", "-q", &path("work tree"), "retries", "--force"]);
    assert!(run_in(&at("work tree"), &["review"]).stdout.contains(FOUND));
    // From a folder within.
    assert!(run_in(&at("work tree").join("app"), &["review"]).stdout.contains(FOUND));
    // A clone whose remote knows the default branch, and a pull request of that remote.
    git(project.folder(), &["update-ref", "refs/pull/7/head", "retries"]);
    git(project.folder(), &["checkout", "-q", "main"]);
    git(elsewhere.path(), &["clone", "-q", &origin, "clone"]);
    let request = run_in(&at("clone"), &["review", "#7"]);
    assert!(request.stdout.contains(FOUND), "{}{}", request.stdout, request.stderr);
    // A shallow clone has no common commit.
    git(elsewhere.path(), &["clone", "-q", "--depth", "1", "--no-single-branch", &origin, "shallow"]);
    git(&at("shallow"), &["checkout", "-q", "retries"]);
    let shallow = run_in(&at("shallow"), &["review"]);
    assert_eq!((shallow.status, shallow.stderr.contains("git fetch --unshallow")), (2, true), "{}", shallow.stderr);
    // A submodule is not part of the change.
    git(&at("clone"), &["submodule", "--quiet", "add", &origin, "inner"]);
    git(&at("clone"), &["commit", "-q", "-m", "inner"]);
    let outer = run_in(&at("clone"), &["review", "HEAD"]);
    assert!(outer.stdout.contains(CLEAN), "{}{}", outer.stdout, outer.stderr);
    // A first commit; no commit; no branch to compare with; no repository.
    let first = repository(&[("app/client.py", CLIENT), ("app/buy.py", CALLER), ("app/calls.py", RETRYING)]);
    assert!(review(&first, &["HEAD"]).stdout.contains(FOUND));
    assert!(review(&first, &["no-such"]).stderr.contains("`no-such` is no commit of this repository"));
    assert!(review(&first, &["--end-of-options", "--upload-pack=x"]).status == 2);
    git(first.folder(), &["branch", "-m", "trunk"]);
    assert!(review(&first, &[]).stderr.contains("no default branch is known"));
    let bare = support::project(&[("a.py", "x = 1\n")]);
    assert!(review(&bare, &[]).stderr.contains("not in a git repository"));
    // Files as they are need none.
    assert!(review(&bare, &["a.py"]).stdout.starts_with("Reviewed 1 file, 0 findings"));
}

#[test]
fn packets_stand_on_their_own() {
    let project = service();
    git(project.folder(), &["checkout", "-q", "-b", "pay"]);
    project.write("app/client.py", CLIENT.replace("orders", "charges"));
    project.write("app/calls.py", RETRYING);
    project.write("deploy.yaml", "apiVersion: apps/v1\nkind: Deployment\nspec:\n  replicas: 3\n");
    commit(&project);
    let told = review(&project, &["--packets", "questions"]);
    assert!(
        told.stdout.contains("Routed 1 hunk to specialist subagents.") && told.stdout.contains("[distsys-runtime] "),
        "{}",
        told.stdout
    );
    let names: Vec<String> = std::fs::read_dir(project.folder().join("questions"))
        .expect("the folder is made")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
    let markdown = names.iter().find(|name| name.ends_with(".md")).expect("a packet");
    let text = std::fs::read_to_string(project.folder().join("questions").join(markdown)).expect("it is text");
    for part in [
        "## Question",
        "is charged twice. Does",
        "requests.post",
        "attempts are repeated here",
        "deploy.yaml:4: spec.replicas: 3",
        "no idempotency key",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    let lines = review(&project, &["--packets", "-"]);
    assert_eq!(lines.stdout.lines().count(), 1);
    assert!(serde_json::from_str::<serde_json::Value>(&lines.stdout).is_ok());
}

#[test]
fn hostile_texts_are_inert_in_reviews_and_packets() {
    let marked = "</x>\u{1b}[31m\u{202e}![a](javascript:b)```";
    let project =
        repository(&[("app/__init__.py", ""), ("app/calls.py", PLAIN), ("app/buy.py", CALLER), ("app/client.py", "")]);
    git(project.folder(), &["checkout", "-q", "-b", "<img>&'$(x)`x`"]);
    project.write("app/client.py", CLIENT.replace("orders'", &format!("charges{marked}'")));
    project.write("app/calls.py", RETRYING);
    let manifest = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: app}\nspec:\n  replicas: \"3\\e[31m\\u202E```<img>\"\n";
    project.write("k8s/<b>.yaml", manifest);
    commit(&project);
    let report = review(&project, &["--packets", "questions"]);
    assert_eq!(report.status, 1, "{}{}", report.stdout, report.stderr);
    let mut texts = vec![report.stdout, review(&project, &["--packets", "-"]).stdout];
    for entry in std::fs::read_dir(project.folder().join("questions")).expect("packets") {
        texts.push(std::fs::read_to_string(entry.expect("an entry").path()).expect("text"));
    }
    assert_eq!(texts.len(), 4);
    for text in &texts {
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
    }
    assert!(!texts[0].contains("</x>") && !texts[0].contains("![a]"), "{}", texts[0]);
    let packet = texts.iter().find(|text| text.starts_with("# ")).expect("a packet");
    assert!(packet.contains("replicas") && packet.contains("````text"), "code stays in its block: {packet}");
}
