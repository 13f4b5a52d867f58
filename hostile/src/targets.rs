//! What reads texts and bytes that others wrote. A target panics where it should not have.

use std::time::Duration;

use distsys_engine::datalog::{Database, Limits, answer, declare, parse};
use distsys_extract::driver::{Input, Options, SourceText, extract};
use distsys_facts::{DiagnosticKind, Word, bundle};
use distsys_graph::git::read_changes;
use distsys_graph::pages::cases;
use distsys_graph::{Analysis, Confidence, Config, Selection, Source};
use distsys_queries::{judge, model_set, rules};

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    pub name: &'static str,
    pub reader: Reader,
    /// How much longer a run of it takes than one of a front end.
    pub weight: usize,
}

/// How bytes are given to a target.
#[derive(Clone, Copy, Debug)]
pub enum Reader {
    /// Each of these files holds them.
    Files(&'static [&'static str]),
    /// They are a page of rules, whose cases are small projects: each is linked and judged as a whole.
    Projects,
    Text(fn(&str)),
    Bytes(fn(&[u8])),
}

const fn files(name: &'static str, paths: &'static [&'static str]) -> Target {
    Target { name, reader: Reader::Files(paths), weight: 1 }
}

pub const TARGETS: &[Target] = &[
    files("python", &["app/a.py"]),
    files("typescript", &["src/a.ts", "src/b.tsx", "src/c.js"]),
    files("rust", &["src/a.rs"]),
    files("go", &["app/a.go"]),
    files("java", &["src/main/java/app/A.java"]),
    files("schema", &["db/a.sql", "db/b.prisma"]),
    files("mybatis", &["src/main/resources/mapper/A.xml"]),
    files("manifest", MANIFESTS),
    Target { name: "linker", reader: Reader::Projects, weight: 60 },
    Target { name: "sql", reader: Reader::Text(sql), weight: 1 },
    Target { name: "query", reader: Reader::Text(query), weight: 1 },
    Target { name: "config", reader: Reader::Text(config), weight: 1 },
    Target { name: "model", reader: Reader::Text(model), weight: 10 },
    Target { name: "bundle", reader: Reader::Bytes(facts), weight: 20 },
    Target { name: "diff", reader: Reader::Bytes(diff), weight: 1 },
];

const MANIFESTS: &[&str] = &[
    "Cargo.toml",
    "Dockerfile",
    "build.gradle",
    "compose.yaml",
    "go.mod",
    "k8s/deploy.yaml",
    "package.json",
    "pom.xml",
    "pyproject.toml",
    "tsconfig.json",
];

/// The target of this name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

impl Target {
    /// Whether its input is text.
    pub fn is_text(&self) -> bool {
        !matches!(self.reader, Reader::Bytes(_))
    }

    /// Reads `bytes`. Panics where the reader does, and where it took ten seconds for a file or said that the fault is its own.
    pub fn run(&self, bytes: &[u8]) {
        let text = || String::from_utf8_lossy(bytes);
        match self.reader {
            Reader::Files(paths) => {
                let texts: Vec<SourceText> = paths.iter().map(|path| SourceText::new(*path, text())).collect();
                let options = Options { jobs: Some(1), ..Options::default() };
                match extract(Input::Texts(&texts), &options, &|_, _| {}) {
                    Ok(extraction) => {
                        for skipped in extraction.skipped {
                            is_no_fault(&skipped.path, skipped.kind.name(), &skipped.message);
                        }
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            Reader::Projects => projects(&text()),
            Reader::Text(read) => read(&text()),
            Reader::Bytes(read) => read(bytes),
        }
    }
}

fn is_no_fault(path: &str, kind: &str, message: &str) {
    let faults = [DiagnosticKind::Internal.name(), DiagnosticKind::Timeout.name()];
    assert!(!faults.contains(&kind), "{path}: {kind}: {message}");
}

fn projects(page: &str) {
    for case in cases(page) {
        let sources = case.files.into_iter().map(|(_, path, text)| Source::new(path, text)).collect();
        let selection = Selection { preview: true, min_confidence: Confidence::Low, ..Selection::default() };
        let report = Analysis::of_sources(sources).jobs(Some(1)).selection(selection).run();
        for diagnostic in report.iter().flat_map(|report| &report.diagnostics) {
            is_no_fault(&diagnostic.path, &diagnostic.kind, &diagnostic.message);
        }
    }
}

fn sql(text: &str) {
    distsys_extract::sql::read(text);
}

fn query(text: &str) {
    let Ok(program) = parse("hostile.dl", text, &mut |_| None) else { return };
    let mut database = Database::default();
    let limits = Limits { max_tuples: 2_000, timeout: Some(Duration::from_millis(200)), stop: None };
    let _ = declare(&program, &mut database).and_then(|()| answer(&program, &mut database, &limits));
}

fn config(text: &str) {
    let _ = Config::parse(text);
}

fn model(text: &str) {
    let _ = model_set(&[("hostile.toml".to_owned(), text.to_owned())]);
}

/// What a bundle gives is judged: its ids lead somewhere, or it is refused.
fn facts(bytes: &[u8]) {
    if let Ok((facts, derived)) = bundle::read(bytes) {
        let _ = judge(&facts, rules(), &[], &[]);
        bundle::write(&facts, &derived);
    }
}

fn diff(bytes: &[u8]) {
    read_changes(bytes, bytes);
}
