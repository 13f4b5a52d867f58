//! Manifests (package.json, tsconfig, Cargo.toml, pyproject.toml, go.mod) as key paths.

use distsys_facts::schema::{File, Manifest, Module};
use distsys_facts::{FactBase, FileId, Language, ModuleId, Role, Sym};
use serde_json::Value;

/// Lists longer than this are data.
const MAX_ENTRIES: usize = 20_000;

/// The facts of a manifest; an error's text says where it is wrong.
pub(crate) fn lower(path: &str, name: &str, text: &str) -> Result<FactBase, String> {
    let value: Value = if name == "go.mod" {
        go_module(text)
    } else if name.ends_with(".toml") {
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
        serde_json::to_value(table).map_err(|error| error.to_string())?
    } else {
        serde_json::from_str(&plain_json(text)).map_err(|error| error.to_string())?
    };
    let mut facts = FactBase::default();
    let file: FileId = facts.fresh();
    let module: ModuleId = facts.fresh();
    let path = facts.intern(path);
    let lines = text.lines().count() as u32;
    facts.relations.file.push(File { file, path, language: Language::Manifest, role: Role::Manifest, lines });
    facts.relations.module.push(Module { module, file, parent: None, name: Sym::EMPTY });
    flatten(&mut facts, file, &mut String::new(), &value);
    Ok(facts)
}

fn flatten(facts: &mut FactBase, file: FileId, key: &mut String, value: &Value) {
    if facts.relations.manifest.len() > MAX_ENTRIES {
        return;
    }
    let length = key.len();
    match value {
        Value::Object(entries) => {
            for (name, value) in entries {
                if length > 0 {
                    key.push('.');
                }
                key.push_str(name);
                flatten(facts, file, key, value);
                key.truncate(length);
            }
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                key.push_str(&format!("[{index}]"));
                flatten(facts, file, key, value);
                key.truncate(length);
            }
        }
        Value::Null => {}
        scalar => {
            let text = match scalar {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let (key, value) = (facts.intern(key), facts.intern(&text));
            facts.relations.manifest.push(Manifest { file, key, value, line: 0 });
        }
    }
}

/// `module`, `require` and `replace` of a go.mod: `replace.<path>` is what stands for the path.
fn go_module(text: &str) -> Value {
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

/// JSON without the comments and trailing commas that tsconfig files have.
fn plain_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut in_string = false;
    while let Some(c) = chars.next() {
        if in_string {
            out.push(c);
            match c {
                '\\' => out.extend(chars.next()),
                '"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match (c, chars.peek()) {
            ('"', _) => {
                in_string = true;
                out.push(c);
            }
            ('/', Some('/')) => {
                for c in chars.by_ref() {
                    if c == '\n' {
                        out.push(c);
                        break;
                    }
                }
            }
            ('/', Some('*')) => {
                chars.next();
                let mut last = ' ';
                for c in chars.by_ref() {
                    if last == '*' && c == '/' {
                        break;
                    }
                    last = c;
                }
            }
            ('}' | ']', _) => {
                let kept = out.trim_end().len();
                if out[..kept].ends_with(',') {
                    out.truncate(kept - 1);
                }
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_of_go_say_what_stands_for_them() {
        let text = "module example.com/shop // ours\n\nrequire (\n\ta.b/c v1.2.3\n)\nreplace example.com/lib v1.0.0 => ../lib\n";
        let facts = lower("go.mod", "go.mod", text).expect("it is a go.mod");
        let rows: Vec<_> =
            facts.relations.manifest.iter().map(|row| (facts.text(row.key), facts.text(row.value))).collect();
        let expected =
            [("module", "example.com/shop"), ("require.a.b/c", "v1.2.3"), ("replace.example.com/lib", "../lib")];
        assert_eq!(rows, expected);
    }

    #[test]
    fn tsconfig_with_comments_is_read() {
        let text = "{ // paths\n \"compilerOptions\": { \"paths\": { \"@/*\": [\"./src/*\",], }, }, /* end */ }";
        let facts = lower("tsconfig.json", "tsconfig.json", text).expect("it is plain enough");
        let row = facts.relations.manifest[0];
        assert_eq!((facts.text(row.key), facts.text(row.value)), ("compilerOptions.paths.@/*[0]", "./src/*"));
    }
}
