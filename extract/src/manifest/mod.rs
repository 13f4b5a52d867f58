//! Manifests as key paths: packages (package.json, tsconfig, Cargo.toml, pyproject.toml, go.mod, go.work), and how the code is deployed
//! (Dockerfiles, Kubernetes, compose, vercel.json, workflows of a CI). Settings files are read as object literals (`settings.rs`).

mod dockerfile;
mod go_module;
mod settings;
mod yaml;

use distsys_facts::schema::{File, Manifest, Module};
use distsys_facts::{FactBase, FileId, Language, ModuleId, Role, Sym};
use serde_json::Value;

/// Lists longer than this are data.
const MAX_ENTRIES: usize = 20_000;

/// Larger YAML is data, or code that was generated.
pub(crate) const MAX_YAML_BYTES: u64 = 256 << 10;

/// Whether a file of this name holds a package's manifest, or may say how code is deployed: of YAML the text decides.
pub(crate) fn is_manifest(name: &str) -> bool {
    is_package(name) || is_yaml(name) || is_dockerfile(name) || settings::is_settings(name)
}

/// The size from which on a file of this name is data.
pub(crate) fn max_bytes(name: &str) -> Option<u64> {
    let settings = settings::is_settings(name).then_some(settings::MAX_BYTES);
    settings.or(is_yaml(name).then_some(MAX_YAML_BYTES))
}

pub(crate) fn is_package(name: &str) -> bool {
    matches!(
        name,
        "package.json" | "Cargo.toml" | "pyproject.toml" | "jsconfig.json" | "go.mod" | "go.work" | "vercel.json"
    ) || (name.starts_with("tsconfig") && name.ends_with(".json"))
}

pub(crate) fn is_yaml(name: &str) -> bool {
    name.ends_with(".yaml") || name.ends_with(".yml")
}

fn is_dockerfile(name: &str) -> bool {
    let first = name.split('.').next().unwrap_or(name);
    matches!(first, "Dockerfile" | "Containerfile") || name.ends_with(".Dockerfile") || name.ends_with(".dockerfile")
}

/// Whether YAML at this path says how code is deployed: by its name, or as an object of Kubernetes.
fn deploys(path: &str, name: &str, text: &str) -> bool {
    let stem = name.trim_end_matches(".yml").trim_end_matches(".yaml");
    let named = ["compose", "docker-compose"]
        .iter()
        .any(|known| stem.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-', '_'])));
    let of_ci = path.contains(".github/workflows/") || stem == ".gitlab-ci";
    let has = |key: &str| text.starts_with(key) || text.contains(&format!("\n{key}"));
    named || of_ci || stem == "values" || has("apiVersion:") && has("kind:")
}

/// The facts of a manifest; no fact at all, not even of the file, where it is not one after all. An error's text says where
/// it is wrong.
pub(crate) fn lower(path: &str, name: &str, text: &str) -> Result<FactBase, String> {
    let mut facts = FactBase::default();
    let file: FileId = facts.fresh();
    let module: ModuleId = facts.fresh();
    let known = facts.intern(path);
    let lines = text.lines().count() as u32;
    facts.relations.file.push(File { file, path: known, language: Language::Manifest, role: Role::Manifest, lines });
    facts.relations.module.push(Module { module, file, parent: None, name: Sym::EMPTY });
    let mut row = |key: &str, value: &str, line: u32| {
        if facts.relations.manifest.len() <= MAX_ENTRIES {
            let (key, value) = (facts.intern(key), facts.intern(value));
            facts.relations.manifest.push(Manifest { file, key, value, line });
        }
    };
    if is_package(name) {
        let value: Value = if matches!(name, "go.mod" | "go.work") {
            go_module::value(text)
        } else if name.ends_with(".toml") {
            let table: toml::Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
            serde_json::to_value(table).map_err(|error| error.to_string())?
        } else {
            serde_json::from_str(&plain_json(text)).map_err(|error| error.to_string())?
        };
        flatten(&mut String::new(), &value, &mut row);
    } else if is_dockerfile(name) {
        dockerfile::rows(text, &mut row);
    } else if settings::is_settings(name) && !(is_yaml(name) && deploys(path, name, text)) {
        return settings(name, text, facts, module);
    } else if !deploys(path, name, text) {
        return Ok(FactBase::default());
    } else if let Err(message) = yaml::rows(text, &mut row) {
        // A template becomes YAML only when it is filled in.
        return if text.contains("{{") || text.contains("{%") { Ok(FactBase::default()) } else { Err(message) };
    }
    Ok(facts)
}

/// The facts of a settings file; none where it is one only by its name.
fn settings(name: &str, text: &str, mut facts: FactBase, module: ModuleId) -> Result<FactBase, String> {
    let mut settings = settings::Settings::default();
    let mut row = |key: &str, value: &str, _line: u32| settings.put(key, value);
    if name.ends_with(".toml") {
        let Ok(table) = text.parse::<toml::Table>() else { return Ok(FactBase::default()) };
        let value = serde_json::to_value(table).map_err(|error| error.to_string())?;
        flatten(&mut String::new(), &value, &mut row);
    } else if name.ends_with(".json") {
        let Ok(value) = serde_json::from_str(&plain_json(text)) else { return Ok(FactBase::default()) };
        flatten(&mut String::new(), &value, &mut row);
    } else if name.ends_with(".properties") {
        settings::properties(text, &mut row);
    } else if yaml::rows(text, &mut row).is_err() {
        return Ok(FactBase::default());
    }
    settings.write(&mut facts, module);
    Ok(facts)
}

fn flatten(key: &mut String, value: &Value, row: &mut dyn FnMut(&str, &str, u32)) {
    let length = key.len();
    match value {
        Value::Object(entries) => {
            for (name, value) in entries {
                if length > 0 {
                    key.push('.');
                }
                key.push_str(name);
                flatten(key, value, row);
                key.truncate(length);
            }
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate().take(MAX_ENTRIES) {
                key.push_str(&format!("[{index}]"));
                flatten(key, value, row);
                key.truncate(length);
            }
        }
        Value::Null => {}
        Value::String(text) => row(key, text, 0),
        scalar => row(key, &scalar.to_string(), 0),
    }
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
    fn tsconfig_with_comments_is_read() {
        let text = "{ // paths\n \"compilerOptions\": { \"paths\": { \"@/*\": [\"./src/*\",], }, }, /* end */ }";
        let facts = lower("tsconfig.json", "tsconfig.json", text).expect("it is plain enough");
        let row = facts.relations.manifest[0];
        assert_eq!((facts.text(row.key), facts.text(row.value)), ("compilerOptions.paths.@/*[0]", "./src/*"));
    }

    #[test]
    fn what_deploys_is_told_by_name_or_text() {
        let read = |path: &str, text: &str| {
            let name = path.rsplit('/').next().unwrap_or(path);
            let rows = |facts: FactBase| facts.relations.file.first().map(|_| facts.relations.manifest.len());
            lower(path, name, text).map(rows)
        };
        assert_eq!(read("k8s/api.yaml", "apiVersion: apps/v1\nkind: Deployment\n"), Ok(Some(2)));
        assert_eq!(read("docker-compose.prod.yml", "services: {api: {image: x}}\n"), Ok(Some(1)));
        assert_eq!(read(".github/workflows/ci.yml", "on: push\n"), Ok(Some(1)));
        assert_eq!(read("Dockerfile.worker", "CMD run\n"), Ok(Some(1)));
        assert_eq!(read("locales/en.yaml", "title: Hello\n"), Ok(None));
        assert_eq!(read("composer.yaml", "title: Hello\n"), Ok(None));
        assert_eq!(read("application.yml", "a: 1\n"), Ok(Some(0)));
        assert_eq!(read("application-test.yml", "a: 1\n"), Ok(None));
        let template = "apiVersion: v1\nkind: X\n{{- if .Values.on }}\na: {{ b }}\n{{- end }}\n";
        assert_eq!(read("templates/api.yaml", template), Ok(None));
        assert!(read("compose.yaml", "a: [\n").is_err());
    }

    /// Key paths and literals of a settings file.
    fn settings(name: &str, text: &str) -> Vec<String> {
        fn below(facts: &FactBase, var: distsys_facts::VarId, path: &str, found: &mut Vec<String>) {
            let r = &facts.relations;
            for row in r.literal.iter().filter(|row| row.var == var) {
                found.push(format!("{path}={} {:?}", facts.text(row.value), row.kind));
            }
            for row in r.entry.iter().filter(|row| row.var == var) {
                below(facts, row.value, &format!("{path}/{}", facts.text(row.key)), found);
            }
            for row in r.element.iter().filter(|row| row.var == var) {
                below(facts, row.value, &format!("{path}/{}", row.index), found);
            }
        }
        let facts = lower(name, name, text).expect("settings are read as far as they can be");
        let mut found = Vec::new();
        if let Some(row) = facts.relations.export.first() {
            below(&facts, row.var, "", &mut found);
        }
        found
    }

    #[test]
    fn settings_of_all_formats_are_one_object() {
        let expected = ["/pay/attempts=3 Integer", "/pay/timeout=8s String"];
        assert_eq!(settings("application.yml", "pay:\n  timeout: 8s\n  attempts: 3\n"), expected);
        assert_eq!(settings("settings.toml", "[pay]\ntimeout = \"8s\"\nattempts = 3\n"), expected);
        assert_eq!(settings("application.properties", "# x\npay.timeout=8s\npay.attempts : 3\n"), expected);
        assert_eq!(settings("default.json", "{\"pay\": {\"timeout\": \"8s\", \"attempts\": 3}}"), expected);
    }

    #[test]
    fn placeholders_are_what_they_are_by_default() {
        let text = "a: ${A:5s}\nb: ${B}\nc: ${C:-true}\nd: http://${HOST}/x\n";
        assert_eq!(settings("application.yml", text), ["/a=5s String", "/c=true Boolean"]);
    }

    #[test]
    fn secrets_are_no_facts() {
        let text = "password: x\nclient-secret: y\ndsn: postgres://me:pw@db/shop\nurl: https://shop.example\n";
        assert_eq!(settings("config.yaml", text), ["/url=https://shop.example String"]);
    }

    #[test]
    fn what_is_no_settings_after_all_says_nothing() {
        for (name, text) in [("config.yaml", "a: [\n"), ("settings.toml", "a = \n"), ("config.json", "{")] {
            assert_eq!(settings(name, text), Vec::<String>::new(), "{name}");
        }
    }
}
