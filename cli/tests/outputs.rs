//! Every output: the same bytes for the same input, well formed, and inert whatever names and texts hold.

mod support;

use serde_json::Value;
use support::{Project, project, run};

const FORMATS: &[&str] =
    &["text", "concise", "markdown", "json", "jsonl", "sarif", "github", "gitlab", "junit", "html"];

const OWN_RULE: &str = "// rule: team/posts\n// summary: something is posted\n\
    finding(\"team/posts\", \"nit\", s, \"this posts\") :- op(site: s, kind: \"http_request\").\n";

/// Names, paths and texts that would drive a terminal, a browser, a CI or the eye.
fn hostile() -> Project {
    let text = "import requests\nfrom tenacity import retry, stop_after_attempt\n\n@retry(stop=stop_after_attempt(3))\n\
                def go():\n    return requests.post('https://x/<img src=x onerror=alert(1)>/\u{1b}[31m\u{202e}![a](javascript:b)', timeout=5)\n";
    project(&[("a/<script>alert(1)<\u{200f}script> ,:%0A`b`.py", text), ("a/\u{1b}[2J::set-output name=x::y.py", text)])
}

fn output(project: &Project, format: &str) -> String {
    let output = run(&["check", &project.path(), "--format", format, "--quiet", "--color", "never"]);
    assert_eq!(output.status, 1, "{format}: {}", output.stderr);
    output.stdout
}

#[test]
fn hostile_names_come_out_inert() {
    let project = hostile();
    for format in FORMATS {
        let text = output(&project, format);
        assert_eq!(text, output(&project, format), "{format} differs from run to run");
        assert!(!text.contains('\u{1b}'), "{format} lets an escape through");
        assert!(!text.contains('\u{202e}') && !text.contains('\u{200f}'), "{format} lets a direction mark through");
        let commands = text.lines().filter(|line| line.trim_start().starts_with("::set-output"));
        assert_eq!(commands.count(), 0, "{format} lets a workflow command through");
    }
    let answer = run(&["query", &project.path(), "-e", "file(file, path, _, _, _)", "--format", "json"]).stdout;
    assert!(answer.contains("script") && !answer.contains(['\u{1b}', '\u{200f}']), "{answer}");
    let markdown = output(&project, "markdown");
    assert!(!markdown.lines().any(|line| line.contains("<img") || line.contains("![a]")), "{markdown}");
    let junit = output(&project, "junit");
    assert!(!junit.contains("<script") && !junit.contains("<img"), "{junit}");
    for line in output(&project, "github").lines() {
        assert!(line.starts_with("::warning file="), "{line}");
    }
}

#[test]
fn sarif_says_what_viewers_need() {
    let sarif: Value = serde_json::from_str(&output(&hostile(), "sarif")).expect("it is JSON");
    assert_eq!(sarif["version"], "2.1.0");
    let run = &sarif["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    let result = &run["results"][0];
    let index = result["ruleIndex"].as_u64().expect("an index") as usize;
    assert_eq!(rules[index]["id"], result["ruleId"]);
    assert!(rules[index]["help"]["markdown"].as_str().is_some_and(|page| page.starts_with("# ")));
    let place = &result["locations"][0]["physicalLocation"];
    let uri = place["artifactLocation"]["uri"].as_str().expect("a place");
    assert!(uri.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>`:,".contains(&byte)), "{uri}");
    assert!(place["region"]["startLine"].is_u64() && place["region"].get("endLine").is_none());
    assert!(result["codeFlows"][0]["threadFlows"][0]["locations"].as_array().is_some_and(|steps| !steps.is_empty()));
    assert!(result["partialFingerprints"]["distsysGraph/v1"].is_string());
}

/// Every property of the standard is checked, and that there are no others.
fn valid_sarif(text: &str) -> Value {
    let schema: Value = serde_json::from_str(include_str!("schemas/sarif-schema-2.1.0.json")).expect("it is JSON");
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).expect("it is a schema");
    let sarif: Value = serde_json::from_str(text).expect("it is JSON");
    let faults: Vec<String> =
        validator.iter_errors(&sarif).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    sarif
}

#[test]
fn sarif_is_valid_whatever_it_tells() {
    // Hostile names; files that cannot be read; all three ways to silence; a rule of the project's own; only some rules.
    valid_sarif(&output(&hostile(), "sarif"));
    let silenced = "import requests\nfrom tenacity import retry, stop_after_attempt\n\n@retry(stop=stop_after_attempt(3))\n\
                    def go():\n    # distsys-graph: ignore[retry-without-idempotency-key] told apart\n    \
                    return requests.post('https://x/orders', timeout=5)\n";
    let open = silenced.replace("# distsys-graph: ignore[retry-without-idempotency-key] told apart", "pass");
    let project = project(&[("a.py", silenced), ("b.py", &open), ("c.py", &open), ("bad.rs", "fn f( {")]);
    let baseline = format!("{}/baseline.txt", project.path());
    let check = |arguments: &[&str]| run(&[&["check", &project.path(), "--format", "sarif"], arguments].concat());
    check(&["--write-baseline", &baseline]);
    project.write("d.py", &open);
    project.write("e.py", "def f(:\n");
    project.write(
        "distsys-graph.toml",
        "[[accept]]\nrule = 'retry-without-idempotency-key'\npaths = ['b.py']\nreason = 'told apart by [id](x)'\n",
    );
    project.write(".distsys-graph/rules/posts.dl", OWN_RULE);
    let sarif = valid_sarif(&check(&["--baseline", &baseline]).stdout);
    let run = &sarif["runs"][0];
    let results = run["results"].as_array().expect("results");
    let mut silences: Vec<(&str, &str)> = results
        .iter()
        .filter_map(|result| result["suppressions"].as_array())
        .map(|silence| (silence[0]["kind"].as_str().expect("kind"), silence[0]["justification"].as_str().expect("why")))
        .collect();
    silences.sort_unstable();
    let kinds: Vec<&str> = silences.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, ["external", "external", "inSource"], "{silences:?}");
    assert!(silences.iter().all(|(_, why)| !why.is_empty()) && silences[2].1 == "told apart", "{silences:?}");
    let notes = run["invocations"][0]["toolExecutionNotifications"].as_array().expect("notifications");
    let told = |path: &str, kind: &str| {
        notes.iter().any(|note| {
            note["descriptor"]["id"] == kind
                && note["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == path
        })
    };
    assert!(told("bad.rs", "unparsable") && told("e.py", "syntax_error"), "{notes:?}");
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    assert!(rules.iter().any(|rule| rule["id"] == "team/posts"), "rules of the project's own are described");
    assert!(rules.iter().all(|rule| rule["help"]["markdown"].as_str().is_some_and(|page| !page.is_empty())));
    let few = valid_sarif(&check(&["--rule", "retry-without-idempotency-key"]).stdout);
    assert_eq!(few["runs"][0]["tool"]["driver"]["rules"].as_array().map(Vec::len), Some(1), "only what is enabled");
}

#[test]
fn how_the_code_is_deployed_is_told_where_it_matters() {
    let queue = "import queue\nfrom fastapi import FastAPI\napp = FastAPI()\nevents = queue.Queue()\n@app.post('/e')\n\
                 def receive(e):\n    events.put(e)\n";
    let manifest = "apiVersion: apps/v1\nkind: Deployment\nspec:\n  replicas: 3\n";
    let project = project(&[("shop/intake.py", queue), ("shop/k8s/shop.yaml", manifest), ("compose.yaml", "a: [\n")]);
    let told = "shop/k8s/shop.yaml:4: spec.replicas: 3";
    let markdown = output(&project, "markdown");
    assert!(markdown.contains(&format!("- deployed: `{told}`")), "{markdown}");
    assert!(output(&project, "html").contains(told));
    assert!(output(&project, "text").contains("compose.yaml: unparsable: "));
    project.write("shop/k8s/shop.yaml", manifest.replace('3', "1"));
    assert!(!output(&project, "markdown").contains("deployed"), "one instance is what every reader thinks of");
}

/// The block of data of a page, the one place where texts of the code stand.
fn data_of(page: &str) -> (&str, String) {
    let (before, rest) = page.split_once("<script type=\"application/json\" id=\"data\">").expect("the data");
    let (data, behind) = rest.split_once("</script>").expect("its end");
    (data, format!("{before}{behind}"))
}

#[test]
fn the_page_is_whole_and_holds_texts_as_data_only() {
    let page = output(&hostile(), "html");
    let (data, rest) = data_of(&page);
    assert!(!data.contains(['<', '>', '&', '\u{2028}']), "nothing in the data is markup");
    let value: Value = serde_json::from_str(data).expect("it is JSON");
    let finding = &value["findings"][1];
    assert!(finding["path"].as_str().is_some_and(|path| path.contains("<script>")), "{finding}");
    let step = &finding["steps"][0];
    let file = &value["files"][step["file"].as_u64().expect("a file") as usize];
    let shown = file["lines"][0][1].as_array().expect("lines").iter().filter_map(Value::as_str);
    assert!(shown.into_iter().any(|line| line.contains("<img src=x onerror=alert(1)>")), "{file}");
    // Without its data, all pages are one: nothing of the code is anywhere else.
    let (_, other) = (data, support::project(&[("a.py", "x = 1\n")]));
    let empty = run(&["check", &other.path(), "--format", "html"]).stdout;
    assert_eq!(rest, data_of(&empty).1);
    for loads in ["http://", "https://", "src=", "@import", "url(", "<link", "<iframe"] {
        let found = rest.replace("http://www.w3.org/2000/svg", "");
        assert!(!found.contains(loads), "the page loads something: {loads}");
    }
    assert!(rest.contains("http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'sha256-"));
}

#[test]
fn nothing_found_is_a_whole_report_too() {
    let project = project(&[("a.py", "x = 1\n")]);
    for format in FORMATS {
        let output = run(&["check", &project.path(), "--format", format]);
        assert_eq!(output.status, 0, "{format}: {}", output.stderr);
        match *format {
            "json" | "sarif" | "gitlab" => assert!(serde_json::from_str::<Value>(&output.stdout).is_ok(), "{format}"),
            "junit" => assert!(output.stdout.contains("failures=\"0\"")),
            "markdown" => assert!(output.stdout.contains("No findings worth flagging")),
            _ => {}
        }
    }
}

#[test]
fn graphs_show_calls_and_effects() {
    let service = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/services/flask");
    let near = run(&["graph", service, "--around", "close_invoice", "--depth", "1", "--format", "mermaid"]);
    for part in ["close_invoice\"]", "[(\"invoice\")]", "-->|db_write|", "-->|publish|", "([\"", "[/\""] {
        assert!(near.stdout.contains(part), "{part} is missing in\n{}", near.stdout);
    }
    let whole = run(&["graph", service]);
    assert!(
        whole.stdout.starts_with("digraph distsys {") && whole.stdout.lines().count() > near.stdout.lines().count()
    );
    let json = run(&["graph", service, "--format", "json"]);
    assert!(serde_json::from_str::<Value>(&json.stdout).is_ok());
    assert_eq!(run(&["graph", service, "--around", "no_such_thing"]).status, 2);
    let report: Value = serde_json::from_str(&run(&["check", service, "--format", "json"]).stdout).expect("it is JSON");
    let finding = &report["findings"][0];
    let id = finding["id"].as_str().expect("an id");
    let around = run(&["graph", service, "--finding", id, "--depth", "0", "--format", "json"]).stdout;
    let around: Value = serde_json::from_str(&around).expect("it is JSON");
    let nodes = around["nodes"].as_array().expect("nodes");
    let path = finding["path"].as_str().expect("a path");
    assert!(nodes.iter().any(|node| node["name"].as_str().is_some_and(|name| name.starts_with(path))), "{nodes:?}");
    assert!(run(&["graph", service, "--finding", "0"]).stderr.contains("has the id `0`"));
    let hostile = hostile();
    for format in ["dot", "mermaid", "json", "svg"] {
        let text = run(&["graph", &hostile.path(), "--format", format]).stdout;
        assert_eq!(text, run(&["graph", &hostile.path(), "--format", format]).stdout, "{format} differs");
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{format}: {text}");
    }
    let picture = run(&["graph", &hostile.path(), "--format", "svg"]).stdout;
    assert!(picture.starts_with("<svg ") && picture.trim_end().ends_with("</svg>"));
    let elements = picture.split('<').skip(1).map(|tag| tag.trim_start_matches('/').split([' ', '>', '/']).next());
    let known = ["svg", "title", "style", "g", "path", "text"];
    assert!(elements.flatten().all(|name| known.contains(&name)), "{picture}");
}
