//! `go.mod`: the module, what it needs, and what stands for what it needs. The modules that a `go.work` uses have a go.mod each;
//! what it says of its own is what stands for what they need.

use serde_json::Value;

/// `module`, `require` and `replace` of a go.mod, `replace` of a go.work: `replace.<path>` is what stands for the path.
pub(super) fn value(text: &str) -> Value {
    let mut module = Value::Null;
    let (mut requires, mut replaces) = (serde_json::Map::new(), serde_json::Map::new());
    let mut block = "";
    for line in text.lines() {
        let line = line.split("//").next().unwrap_or(line).trim();
        let mut words = line.split_whitespace();
        let verb = match block {
            "" => words.next().unwrap_or(""),
            verb => verb,
        };
        match line.chars().last() {
            Some('(') => block = verb,
            Some(')') => block = "",
            _ => {
                let words: Vec<&str> = words.map(|word| word.trim_matches(['"', '`'])).collect();
                let arrow = words.iter().position(|word| *word == "=>");
                match (verb, &words[..], arrow) {
                    ("module", [path, ..], _) => module = Value::from(*path),
                    ("require", [path, version, ..], _) => {
                        requires.insert((*path).to_owned(), Value::from(*version));
                    }
                    ("replace", [path, ..], Some(arrow)) => {
                        if let Some(target) = words.get(arrow + 1) {
                            replaces.insert((*path).to_owned(), Value::from(*target));
                        }
                    }
                    _ => {}
                }
            }
        }
    }
    serde_json::json!({ "module": module, "require": requires, "replace": replaces })
}

#[cfg(test)]
mod tests {
    #[test]
    fn modules_of_go_say_what_stands_for_them() {
        let text = "module example.com/shop // ours\n\nrequire (\n\ta.b/c v1.2.3\n)\nreplace example.com/lib v1.0.0 => ../lib\n";
        let facts = super::super::lower("go.mod", "go.mod", text).expect("it is a go.mod");
        let rows: Vec<_> =
            facts.relations.manifest.iter().map(|row| (facts.text(row.key), facts.text(row.value))).collect();
        let expected =
            [("module", "example.com/shop"), ("require.a.b/c", "v1.2.3"), ("replace.example.com/lib", "../lib")];
        assert_eq!(rows, expected);
    }

    #[test]
    fn a_workspace_says_what_stands_for_modules() {
        let text = "go 1.22\n\nuse (\n\t./api\n\t./lib\n)\n\nreplace example.com/old => ./lib\n";
        let facts = super::super::lower("go.work", "go.work", text).expect("it is a go.work");
        let rows: Vec<_> =
            facts.relations.manifest.iter().map(|row| (facts.text(row.key), facts.text(row.value))).collect();
        assert_eq!(rows, [("replace.example.com/old", "./lib")]);
    }
}
