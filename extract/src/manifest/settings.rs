//! Settings files as one object literal a file: what a service is configured with where nothing else is set.
//!
//! `payments: { timeout: 8s }`, `[payments] timeout = "8s"` and `payments.timeout=8s` are the same three rows: entries, and the
//! literal at their end. So what code reads of them is a value like any other. Placeholders are what they are by default
//! (`${PAY_TIMEOUT:5s}`); one without a default is no value. Secrets never become facts, which are kept and shown.

use std::collections::BTreeMap;

use distsys_facts::schema::{Element, Entry, Export, Literal};
use distsys_facts::{FactBase, LiteralKind, ModuleId, VarId};

/// Larger files are data.
pub(crate) const MAX_BYTES: u64 = 64 << 10;

/// Names that settings go by in the ecosystems of Spring, Micronaut, Quarkus, node-config, .NET-like and twelve-factor services.
/// One with a profile (`application-test.yml`) is not what counts everywhere.
const STEMS: &[&str] = &[
    "application",
    "bootstrap",
    "config",
    "configuration",
    "settings",
    "default",
    "defaults",
    "base",
    "app",
    "appsettings",
    "conf",
    "microprofile-config",
];

const FORMATS: &[&str] = &["yaml", "yml", "toml", "properties", "json"];

/// Whether a file of this name may hold settings.
pub(crate) fn is_settings(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(stem, format)| FORMATS.contains(&format) && STEMS.contains(&stem))
}

/// What a settings file holds, by key.
#[derive(Debug, Default)]
struct Tree {
    value: Option<String>,
    below: BTreeMap<String, Tree>,
}

/// The settings that are put in, by key path.
#[derive(Debug, Default)]
pub(super) struct Settings(Tree);

impl Settings {
    /// Keys with dots are paths, as Spring reads them; `[n]` is an element.
    pub(super) fn put(&mut self, key: &str, value: &str) {
        if is_secret(key, value) {
            return;
        }
        let mut tree = &mut self.0;
        for name in key.replace('[', ".[").split('.').filter(|name| !name.is_empty()) {
            tree = tree.below.entry(name.to_owned()).or_default();
        }
        tree.value = by_default(value).map(str::to_owned);
    }

    /// Writes the object that `module` offers as its default; nothing where there is no setting.
    pub(super) fn write(&self, facts: &mut FactBase, module: ModuleId) {
        if self.0.below.is_empty() {
            return;
        }
        let var = write(&self.0, facts);
        let name = facts.intern("default");
        facts.relations.export.push(Export { module, name, var });
    }
}

/// Whether a setting is one that nobody else may know: by its last name, or an address with who logs in.
fn is_secret(key: &str, value: &str) -> bool {
    const WORDS: &[&str] =
        &["password", "passwd", "secret", "token", "credential", "apikey", "privatekey", "accesskey"];
    let last = key.rsplit('.').next().unwrap_or(key).to_lowercase().replace(['-', '_'], "");
    WORDS.iter().any(|word| last.contains(word)) || value.contains("://") && value.contains('@')
}

/// The value, or the default of the placeholder that it is: `${PORT:8080}`, `${PORT:-8080}`.
fn by_default(value: &str) -> Option<&str> {
    match value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) {
        Some(inner) => {
            let (_, default) = inner.split_once(':')?;
            let default = default.strip_prefix('-').unwrap_or(default);
            (!default.is_empty() && !default.contains("${")).then_some(default)
        }
        None => (!value.contains("${")).then_some(value),
    }
}

fn write(tree: &Tree, facts: &mut FactBase) -> VarId {
    let var: VarId = facts.fresh();
    for (index, (name, below)) in tree.below.iter().enumerate() {
        if below.value.is_none() && below.below.is_empty() {
            continue;
        }
        let value = write(below, facts);
        if name.starts_with('[') {
            facts.relations.element.push(Element { var, index: index as u32, value });
        } else {
            let key = facts.intern(name);
            facts.relations.entry.push(Entry { var, key, value });
        }
    }
    if let Some(text) = tree.value.as_deref().filter(|_| tree.below.is_empty()) {
        let kind = match text {
            "true" | "false" => LiteralKind::Boolean,
            _ if text.parse::<i64>().is_ok() => LiteralKind::Integer,
            _ if text.parse::<f64>().is_ok() => LiteralKind::Float,
            _ => LiteralKind::String,
        };
        let value = facts.intern(text);
        facts.relations.literal.push(Literal { var, kind, value });
    }
    var
}

/// Calls `row` with key and value of each line of a `.properties` file.
pub(super) fn properties(text: &str, row: &mut dyn FnMut(&str, &str, u32)) {
    let joined = text.replace("\\\r\n", "").replace("\\\n", "");
    for (number, line) in joined.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        if let Some((key, value)) = line.split_once(['=', ':']) {
            row(key.trim(), value.trim(), number as u32 + 1);
        }
    }
}
