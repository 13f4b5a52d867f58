//! The questions of docs/cookbook.md, asked; `UPDATE_DOCS=1` writes the answers.

mod support;

use std::path::Path;

use support::run_in;

#[test]
fn questions_have_the_answers_that_the_page_gives() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = root.join("docs/cookbook.md");
    let before = std::fs::read_to_string(&page).expect("the page is there");
    let (mut after, mut question, mut answer) = (String::new(), None::<(String, String)>, None::<String>);
    let mut asked = 0;
    for line in before.lines() {
        match (&mut question, &answer, line) {
            (None, _, _) if line.starts_with("```c ") => {
                question = Some((line["```c ".len()..].to_owned(), String::new()))
            }
            (Some((tree, text)), None, "```") => {
                let output = run_in(&root, &["query", tree, "-e", text.trim_end()]);
                assert_eq!(output.status, 0, "{text}\n{}", output.stderr);
                assert!(output.stdout.lines().count() > 2, "no answer to\n{text}");
                answer = Some(output.stdout);
                asked += 1;
            }
            (Some((_, text)), None, _) => {
                text.push_str(line);
                text.push('\n');
            }
            (Some(_), Some(_), "```text") => {}
            (Some(_), Some(rows), "```") => {
                after.push_str("```text\n");
                after.extend(rows.lines().map(|row| format!("{}\n", row.trim_end())));
                (question, answer) = (None, None);
            }
            // The answer as it was.
            (Some(_), Some(_), _) => continue,
            _ => {}
        }
        if line != "```text" {
            after.push_str(line);
            after.push('\n');
        }
    }
    assert_eq!(asked, 20);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&page, &after).expect("the page can be written");
    }
    assert!(
        before == after || std::env::var_os("UPDATE_DOCS").is_some(),
        "docs/cookbook.md is behind: run with UPDATE_DOCS=1"
    );
}
