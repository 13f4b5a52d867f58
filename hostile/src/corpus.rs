//! Good examples of what each target reads: the sources of this repository, and of folders that are named.

use std::path::{Path, PathBuf};

use distsys_extract::driver::{Input, Options, SourceText, extract};
use distsys_facts::bundle::{self, Derived};
use distsys_graph::pages::cases;

use crate::targets::{Reader, Target};

/// Larger examples tell nothing more, and take longer.
const MAX_BYTES: usize = 40_000;

const CONFIG: &str = r#"
fail-on = "major"
min-confidence = "medium"
[rules]
select = ["lost-update"]
ignore = ["unbounded-queue", "team/own"]
preview = true
[severity]
unbounded-queue = "minor"
[paths]
exclude = ["legacy/**", "*.gen.ts"]
[models]
files = ["distsys/client.toml"]
[[accept]]
rule = "cache-stampede"
paths = ["reports/**"]
reason = "reports are made once a day"
until = 2027-12-31
"#;

const RAW: &[u8] =
    b":100644 100644 aa bb M\0src/a b.py\0:100644 100644 cc dd R087\0old.py\0new.py\0:100644 000000 ee ff D\0gone.py\0";
const PATCH: &[u8] = b"diff --git a/x b/x\nindex 1..2 100644\n--- a/x\n+++ b/x\n@@ -1,0 +2,3 @@ def f():\n+diff --git a/y b/y\n@@ -9,2 +11,0 @@\n-@@ -1 +1 @@\ndiff --git a/z b/z\n@@ -1 +1 @@\n-a\n+b\n";

/// The folder of this repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Examples for a target; `more` are folders beside this repository.
pub fn of(target: &Target, more: &[PathBuf]) -> Vec<Vec<u8>> {
    let own = ["examples", "tests/services", "tests/restated", "queries/rules", "queries/models"];
    let folders: Vec<PathBuf> = own.iter().map(|folder| root().join(folder)).chain(more.iter().cloned()).collect();
    let mut files = Vec::new();
    folders.iter().for_each(|folder| collect(folder, &mut files));
    let mut found = match (target.reader, target.name) {
        (Reader::Files(paths), name) => of_files(paths, name, &files),
        (Reader::Projects, _) => projects(&files),
        (_, "sql") => statements(&files),
        (_, "query") => texts(&files, |name| name.ends_with(".dl")),
        (_, "model") => models(&files),
        (_, "config") => vec![CONFIG.as_bytes().to_vec()],
        (_, "bundle") => bundles(&files),
        _ => vec![RAW.to_vec(), PATCH.to_vec()],
    };
    found.retain(|example| !example.is_empty() && example.len() < MAX_BYTES);
    found
}

fn collect(folder: &Path, files: &mut Vec<(String, String)>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<_> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_symlink() || name == "node_modules" || name == "target" || name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            collect(&path, files);
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            files.push((path.display().to_string(), text));
        }
    }
}

fn texts(files: &[(String, String)], wanted: impl Fn(&str) -> bool) -> Vec<Vec<u8>> {
    files.iter().filter(|(path, _)| wanted(path)).map(|(_, text)| text.as_bytes().to_vec()).collect()
}

/// Files that are called like those of the target, and those of such a kind on pages.
fn of_files(paths: &[&str], name: &str, files: &[(String, String)]) -> Vec<Vec<u8>> {
    let ending = |path: &str| path.rsplit(['.', '/']).next().unwrap_or_default().to_owned();
    let wanted = |path: &str| {
        paths.iter().any(|own| ending(own) == ending(path)) && (name != "manifest" || !path.contains("/models/"))
    };
    let pages = files.iter().filter(|(path, _)| path.ends_with(".md"));
    let shown = pages.flat_map(|(_, page)| cases(page)).flat_map(|case| case.files);
    let mut found = texts(files, wanted);
    found.extend(shown.filter(|(_, path, _)| wanted(path)).map(|(_, _, text)| text.into_bytes()));
    found
}

/// Each case of a page as a page of its own.
fn projects(files: &[(String, String)]) -> Vec<Vec<u8>> {
    let pages = files.iter().filter(|(path, _)| path.ends_with(".md"));
    let shown = pages.flat_map(|(_, page)| cases(page)).map(|case| {
        let files = case.files.iter().map(|(language, path, text)| format!("```{language} {path}\n{text}```\n"));
        format!("## Fires\n### {}\n{}", case.title, files.collect::<String>()).into_bytes()
    });
    shown.collect()
}

/// What stands in quotation marks and looks like a statement.
fn statements(files: &[(String, String)]) -> Vec<Vec<u8>> {
    const VERBS: &[&str] = &["select", "insert", "update", "delete", "create", "with", "merge"];
    let is_one = |text: &&str| {
        let first = text.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
        VERBS.contains(&first.as_str())
    };
    let parts = files.iter().flat_map(|(_, text)| text.split(['"', '`'])).filter(is_one);
    parts.map(|text| text.as_bytes().to_vec()).collect()
}

/// Models as a project writes them: the language stands in them.
fn models(files: &[(String, String)]) -> Vec<Vec<u8>> {
    let models = files.iter().filter_map(|(path, text)| {
        let (_, place) = path.rsplit_once("models/").filter(|_| path.ends_with(".toml"))?;
        let (language, _) = place.split_once('/')?;
        Some(format!("language = \"{language}\"\n{text}").into_bytes())
    });
    models.collect()
}

/// The facts of a file each.
fn bundles(files: &[(String, String)]) -> Vec<Vec<u8>> {
    let sources = files.iter().filter(|(_, text)| text.len() < MAX_BYTES / 20);
    let facts = sources.filter_map(|(path, text)| {
        let texts = [SourceText::new(path.trim_start_matches(['.', '/']), text.as_str())];
        let options = Options { jobs: Some(1), ..Options::default() };
        let extraction = extract(Input::Texts(&texts), &options, &|_, _| {}).ok()?;
        (!extraction.facts.relations.function.is_empty()).then(|| bundle::write(&extraction.facts, &Derived::default()))
    });
    facts.take(40).collect()
}
