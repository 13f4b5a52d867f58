//! Rules of a project's own: they run with `check`, are silenced, tested and told like the built-in ones.

mod support;

use support::{project, run};

const RULE: &str = "// rule: shop/no-payments\n// summary: nobody pays here\n// help: call billing\n\
    finding(\"shop/no-payments\", \"minor\", s, \"this pays\") :- op(site: s, kind: \"payment\").\n";
const PAY: &str =
    "import stripe\n\ndef pay():\n    stripe.Charge.create(amount=1, currency='eur', idempotency_key='k')\n";

#[test]
fn the_examples_say_what_they_do() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/rules");
    let output = run(&["test", folder]);
    assert_eq!(
        (output.status, output.stdout.as_str()),
        (0, "10 cases, 0 failed\n"),
        "{}{}",
        output.stdout,
        output.stderr
    );
}

#[test]
fn a_rule_of_the_project_is_one_like_any_other() {
    let project = project(&[(".distsys-graph/rules/pay.dl", RULE), ("src/pay.py", PAY)]);
    let check = |arguments: &[&str]| run(&[&["check", &project.path(), "--format", "concise"], arguments].concat());
    assert_eq!(check(&[]).stdout, "src/pay.py:4:5: minor[shop/no-payments]: this pays\n");
    assert_eq!(check(&["--rule", "shop/no-payments"]).status, 1);
    assert_eq!(check(&["--exclude-rule", "shop/no-payments"]).status, 0);
    assert!(check(&["--rule", "shop/other"]).stderr.contains("is called `shop/other`"));
    let sarif = run(&["check", &project.path(), "--format", "sarif"]);
    assert!(sarif.stdout.contains("\"id\": \"shop/no-payments\""));
    // From a folder below, too.
    assert_eq!(run(&["check", &format!("{}/src", project.path())]).status, 1);
    project.write(
        "src/pay.py",
        PAY.replace("    stripe", "    # distsys-graph: ignore[shop/no-payments] a refund\n    stripe"),
    );
    assert_eq!(check(&[]).status, 0);
}

#[test]
fn what_is_wrong_with_a_rule_is_said() {
    let error = |rule: &str| {
        let project = project(&[(".distsys-graph/rules/pay.dl", rule), ("pay.py", PAY)]);
        let output = run(&["check", &project.path()]);
        assert_eq!(output.status, 2, "{}", output.stdout);
        output.stderr
    };
    assert!(error(&RULE.replace("shop/no-payments\n", "NoPayments\n")).contains("`// rule: team/name` is needed"));
    assert!(error(&RULE.replace("// summary", "// sum")).contains("`// summary: …` is needed"));
    assert!(error(&RULE.replace("op(site", "opp(site")).contains("did you mean `op("));
    assert!(error(&RULE.replace("\"minor\"", "\"small\"")).contains("`small` is none of"));
    assert!(
        error(&RULE.replace(", \"this pays\"", "")).contains("must have the columns rule, severity, site, message")
    );
    assert!(
        error(&RULE.replace("finding(\"shop/no-payments\"", "finding(\"shop/others\""))
            .contains("a finding is of `shop/others`")
    );
}

#[test]
fn pages_that_do_not_hold_are_told() {
    let page = "# pay\n\n## Silent\n\n### Python: a payment\n```python a.py\nimport stripe\nstripe.Charge.create(amount=1)\n```\n";
    let project = project(&[(".distsys-graph/rules/pay.dl", RULE), (".distsys-graph/rules/pay.md", page)]);
    let output = run(&["test", &project.path()]);
    assert_eq!(output.status, 1);
    assert!(
        output.stdout.contains("unexpected shop/no-payments at a.py:2")
            && output.stdout.ends_with("1 cases, 1 failed\n"),
        "{}",
        output.stdout
    );
}

#[test]
fn a_finding_is_explained_down_to_what_it_rests_on() {
    let orders = "import requests\n\ndef fetch():\n    return requests.get('https://stock.example/levels')\n\n\
        def levels():\n    return fetch()\n";
    let project = project(&[(".distsys-graph/rules/pay.dl", RULE), ("src/pay.py", PAY), ("src/orders.py", orders)]);
    let listed = run(&["check", &project.path(), "--format", "json"]).stdout;
    let report: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
    let id = |rule: &str| {
        let findings = report["findings"].as_array().expect("findings");
        let finding = findings.iter().find(|finding| finding["rule"] == rule).expect("the rule speaks");
        finding["id"].as_str().expect("an id").to_owned()
    };
    let explain = |id: &str| run(&["check", &project.path(), "--explain", id]);
    // A rule of the project's own is a program: its finding is a row, and has a proof.
    assert_eq!(
        explain(&id("shop/no-payments")).stdout,
        "finding(\"shop/no-payments\", \"minor\", src/pay.py:4:5, \"this pays\")   by shop/no-payments:4\n\
         └─ op(src/pay.py:4:5, src/pay.py:3 pay, \"payment\", \"stripe.Charge.create\")\n"
    );
    // A built-in one tells the places, what is known of each, and what was not there.
    let built_in = explain(&id("missing-timeout")).stdout;
    assert!(built_in.starts_with("missing-timeout(src/orders.py:4:12)   by the rule: "), "{built_in}");
    assert!(
        built_in.contains("│  ├─ op(src/orders.py:4:12, src/orders.py:3 fetch, \"http_request\", \"requests.get\")"),
        "{built_in}"
    );
    assert!(built_in.contains("└─ looked for and not there: no timeout on the call"), "{built_in}");
    let absent = "   ├─ attribute(src/orders.py:4:12, \"http_request\", \"timeout\", \"absent\", \"\", -1)";
    assert!(built_in.contains(absent) || built_in.contains(&absent.replace('├', "└")), "{built_in}");
    assert_eq!(explain(&id("missing-timeout")[..9]).stdout, built_in);
    let unknown = explain("nothing");
    assert_eq!((unknown.status, unknown.stdout.as_str()), (2, ""));
    assert!(unknown.stderr.contains("no finding has the id `nothing`"), "{}", unknown.stderr);
}
