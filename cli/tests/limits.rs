//! Limits of a run and of a file: what is left undone is said, what was done stays, and nothing unread passes for clean.

mod support;

use support::{project, run};

const FINDING: &str = "import queue\nfrom fastapi import FastAPI\napp = FastAPI()\nevents = queue.Queue()\n@app.post('/e')\ndef receive(e):\n    events.put(e)\n";

fn report(arguments: &[&str]) -> (i32, serde_json::Value) {
    let output = run(&[arguments, &["--format", "json"]].concat());
    (output.status, serde_json::from_str(&output.stdout).expect("JSON"))
}

/// The messages of diagnostics of a kind.
fn said(report: &serde_json::Value, kind: &str) -> Vec<String> {
    let rows = report["diagnostics"].as_array().expect("a list").iter().filter(|row| row["kind"] == kind);
    rows.map(|row| format!("{}: {}", row["path"].as_str().unwrap_or(""), row["message"].as_str().unwrap_or("")))
        .collect()
}

#[test]
fn a_file_that_takes_too_long_costs_that_file_only() {
    // Some megabytes are read in more than a hundredth of a second on any machine.
    let slow = "def f(a, b):\n    return [a.b(c, d=e)[f] for g in h if i(j) and k]\n\n".repeat(28_000);
    let project = project(&[("good.py", FINDING), ("slow.py", &slow)]);
    let (status, report) = report(&["check", &project.path(), "--file-timeout", "0.01", "--jobs", "2"]);
    assert_eq!(said(&report, "timeout"), ["slow.py: reading it took more than 0.01 s; the file is given up"]);
    assert_eq!((status, report["findings"][0]["path"].as_str()), (1, Some("good.py")));
    assert_eq!(report["summary"]["skipped"]["timeout"], 1);
    let strict = run(&["check", &project.path(), "--file-timeout", "0.01", "--jobs", "2", "--strict"]);
    assert_eq!(strict.status, 2);
}

#[test]
fn a_run_that_is_out_of_time_says_so() {
    let text = "def f(a, b):\n    return [a.b(c, d=e)[f] for g in h if i(j) and k]\n\n".repeat(400);
    let project = project(&[("good.py", FINDING)]);
    for number in 0..40 {
        project.write(&format!("app/module{number}.py"), &text);
    }
    let (status, report) = report(&["check", &project.path(), "--timeout", "0.05"]);
    let messages = said(&report, "limit");
    assert_eq!((status, messages.len()), (2, 1), "{report}");
    assert!(messages[0].starts_with(".: the time limit of 0.05 s (--timeout) was reached while "), "{messages:?}");
    assert!(report["summary"]["partial"].is_string());
    let text = run(&["check", &project.path(), "--timeout", "0.05"]);
    assert!(text.status == 2 && text.stdout.contains("what is told is not all"), "{}", text.stdout);
    // Enough of it changes nothing.
    let (status, report) = self::report(&["check", &project.path(), "--timeout", "600"]);
    assert!(status == 1 && report["summary"]["partial"].is_null() && report["findings"][0]["path"] == "good.py");
}

#[cfg(target_os = "linux")]
#[test]
fn a_run_that_is_out_of_memory_says_so() {
    let project = project(&[("good.py", FINDING)]);
    let text = "def f(a, b):\n    return [a.b(c, d=e)[f] for g in h if i(j) and k]\n\n".repeat(400);
    for number in 0..20 {
        project.write(&format!("app/module{number}.py"), &text);
    }
    let (status, report) = report(&["check", &project.path(), "--max-memory", "20M"]);
    let messages = said(&report, "limit");
    assert!(status == 2 && messages.len() == 1 && messages[0].contains("20 MB (--max-memory)"), "{messages:?}");
    let (status, report) = self::report(&["check", &project.path(), "--max-memory", "20G"]);
    assert!(status == 1 && report["summary"]["partial"].is_null());
}

#[test]
fn limits_that_make_no_sense_are_refused() {
    for (arguments, message) in [
        (["--timeout", "0"], "a number of seconds above 0"),
        (["--file-timeout", "soon"], "a number of seconds above 0"),
        (["--max-memory", "much"], "a number of bytes, as 800M or 2G"),
        (["--max-memory", "99999999999G"], "a number of bytes, as 800M or 2G"),
    ] {
        let output = run(&["check", arguments[0], arguments[1]]);
        assert!(output.status == 2 && output.stderr.contains(message), "{}", output.stderr);
    }
}

#[test]
fn strict_runs_pass_over_nothing_unread() {
    let clean = "x = 1\n";
    for (path, content, status) in [
        ("other.py", "y = 2\n", 0),
        ("bad.py", "def f(:\n", 2),
        ("bad.ts", "function ( {", 2),
        ("deep.py", "deep", 2),
        ("api_pb2.py", "x = 1\n", 0),
    ] {
        let content = if content == "deep" { "(".repeat(100_000) } else { content.to_owned() };
        let project = project(&[("good.py", clean), (path, &content)]);
        assert_eq!(run(&["check", &project.path(), "--strict"]).status, status, "{path}");
        assert_eq!(run(&["check", &project.path()]).status, 0, "{path}");
    }
}

#[test]
fn nothing_analysed_is_not_clean() {
    for files in [
        &[][..],
        &[("schema.sql", "CREATE TABLE t (id int UNIQUE);\n"), ("package.json", "{}\n"), ("README.md", "# x\n")],
        &[("node_modules/a/index.js", "x = 1\n")],
    ] {
        let project = project(files);
        let (status, report) = report(&["check", &project.path()]);
        assert_eq!((status, said(&report, "nothing_analysed").len()), (2, 1), "{files:?}");
    }
    let project = project(&[("schema.sql", "CREATE TABLE t (id int UNIQUE);\n"), ("app.py", "x = 1\n")]);
    let (status, report) = report(&["check", &project.path()]);
    assert_eq!((status, said(&report, "nothing_analysed").len()), (0, 0));
}

/// Statements over a few variables, each made out of others again and again, in a loop that sends and keeps them.
fn knot(variables: u64, forms: &[&str], uses: &[&str]) -> String {
    let mut state = variables;
    let mut next = |bound: u64| {
        // Numerical Recipes' linear congruential generator.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223) % (1 << 32);
        (state >> 8) % bound
    };
    let mut text = String::new();
    for line in 0..60 {
        let chosen = if line % 4 == 3 { uses } else { forms };
        let form = chosen[next(chosen.len() as u64) as usize];
        for part in form.split_inclusive('$') {
            text.push_str(part.trim_end_matches('$'));
            if part.ends_with('$') {
                text.push_str(&format!("v{}", next(variables)));
            }
        }
        text.push('\n');
    }
    text
}

#[test]
fn values_made_of_one_another_are_looked_through_once() {
    let python = |variables: u64| {
        let body = knot(
            variables,
            &[
                "        $ = {'timeout': $, 'headers': $, **$}",
                "        $.update($)",
                "        $ = dict($, **$)",
                "        $ = pick($, $)",
                "        $ = $ if $ else $",
                "        $ = $.get('x', $)",
                "        $['k'] = $",
                "        $ = $ or $",
                "        $ = not $",
            ],
            &[
                "        requests.post($, json=$, headers=$, timeout=$)",
                "        rdb.set($, $, ex=$, nx=$)",
                "        if $.ok:\n            return $",
                "        time.sleep($)",
            ],
        );
        let given: Vec<String> = (0..variables).map(|number| format!("v{number}=None")).collect();
        let head = "import redis, requests, time\nrdb = redis.Redis()\ndef pick(a, b):\n    return a or b\n";
        format!("{head}def work(n, {}):\n    while n:\n{body}        n -= 1\n", given.join(", "))
    };
    let typescript = |variables: u64| {
        let body = knot(
            variables,
            &[
                "$ = { timeout: $, headers: $, ...$ };",
                "Object.assign($, $);",
                "$ = { ...$, ...$ };",
                "$ = pick($, $);",
                "$ = $ ? $ : $;",
                "$.k = $;",
                "$ = $ ?? $;",
                "$ = !$;",
            ],
            &["await axios.post($, $, $);", "await rdb.set($, $, 'EX', $, 'NX');", "if ($.ok) return $;"],
        );
        let given: Vec<String> = (0..variables).map(|number| format!("v{number}: any")).collect();
        let head = "import axios from 'axios'; import Redis from 'ioredis';\nconst rdb = new Redis();\nconst pick = (a: any, b: any) => a ?? b;\n";
        format!("{head}export async function work(n: number, {}) {{\nwhile (n--) {{\n{body}}}\n}}\n", given.join(", "))
    };
    let project = project(&[("good.py", FINDING)]);
    for variables in [3, 5, 8, 13] {
        project.write(&format!("knot{variables}.py"), python(variables));
        project.write(&format!("knot{variables}.ts"), typescript(variables));
    }
    let (status, report) = report(&["check", &project.path(), "--timeout", "120"]);
    assert!(status == 1 && report["summary"]["partial"].is_null(), "{}", report["summary"]);
}
