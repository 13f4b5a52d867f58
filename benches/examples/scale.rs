//! Trees of any size out of real modules: `cargo run --release -p distsys-benches --example scale BINARY LINES,LINES… FOLDER…`
//! copies the projects in the folders in turn until there are so many lines, lets `BINARY bench` measure each tree, and fits how
//! time and memory grow. In each copy what the project defines (classes, functions, modules, packages) has names of its own, so that
//! the copies are as many projects and do not fall together; names that a library model knows stay, or the copies would do nothing.
//! `--keep DIR` leaves the last tree there.

#![allow(clippy::print_stdout, clippy::expect_used, reason = "a measurement, run by hand")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use distsys_extract::driver::{Input, Options, extract};
use serde_json::Value;

/// Words of folders and files that say what they are for.
const CONVENTIONS: &[&str] = &[
    "app",
    "bin",
    "cmd",
    "com",
    "conftest",
    "dist",
    "e2e",
    "examples",
    "github",
    "index",
    "init",
    "internal",
    "java",
    "lib",
    "main",
    "manage",
    "migrations",
    "mod",
    "models",
    "node_modules",
    "org",
    "packages",
    "pages",
    "pkg",
    "resources",
    "route",
    "routes",
    "settings",
    "spec",
    "src",
    "test",
    "testing",
    "tests",
    "urls",
    "views",
];

fn main() {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let keep = arguments.iter().position(|argument| argument == "--keep").map(|at| {
        arguments.remove(at);
        PathBuf::from(arguments.remove(at))
    });
    let mut arguments = arguments.into_iter();
    let binary = arguments.next().expect("the path of distsys-graph");
    let sizes = arguments.next().expect("numbers of lines, as 1000000,2000000");
    let sizes: Vec<usize> = sizes.split(',').map(|size| size.parse().expect("a number of lines")).collect();
    let projects: Vec<Project> = arguments.map(|folder| Project::read(Path::new(&folder))).collect();
    assert!(!projects.is_empty(), "name folders of real projects");
    println!(
        "| lines | copies | seconds | of the processor | peak MB | bytes a line | findings |\n|---:|---:|---:|---:|---:|---:|---:|"
    );
    let mut measured = Vec::new();
    for (number, size) in sizes.iter().enumerate() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = keep.as_ref().filter(|_| number + 1 == sizes.len()).map_or(folder.path(), PathBuf::as_path);
        let copies = build(&projects, *size, root);
        let run = Run::of(&binary, root);
        let findings = run.findings.map_or_else(|| "-".to_owned(), |count| count.to_string());
        println!(
            "| {} | {copies} | {:.1} | {:.1} | {:.0} | {:.0} | {findings} |",
            run.lines,
            run.seconds,
            run.processor,
            run.peak / 1e6,
            run.peak / run.lines
        );
        measured.push(run);
    }
    if measured.len() > 1 {
        let exponent = |of: fn(&Run) -> f64| slope(measured.iter().map(|run| (run.lines.ln(), of(run).ln())));
        println!(
            "\ngrowth with the number of lines, as an exponent: seconds {:.2}, of the processor {:.2}, memory {:.2}",
            exponent(|run| run.seconds),
            exponent(|run| run.processor),
            exponent(|run| run.peak)
        );
        let phases: Vec<String> = PHASES
            .iter()
            .enumerate()
            .map(|(at, name)| {
                let grows = slope(measured.iter().map(|run| (run.lines.ln(), run.phases[at].max(0.001).ln())));
                let seconds: Vec<String> = measured.iter().map(|run| format!("{:.1}", run.phases[at])).collect();
                format!("{name} {} s ({grows:.2})", seconds.join(", "))
            })
            .collect();
        println!("by phase, each with its exponent: {}", phases.join("; "));
    }
}

/// The slope of the line that fits the points best (least squares).
fn slope(points: impl Iterator<Item = (f64, f64)>) -> f64 {
    let points: Vec<(f64, f64)> = points.collect();
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let both: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    both / points.iter().map(|point| (point.0 - x).powi(2)).sum::<f64>()
}

/// Where the time goes.
const PHASES: &[&str] = &["walk", "parse+lower", "merge", "index", "resolve", "mean", "rules"];

struct Run {
    lines: f64,
    seconds: f64,
    processor: f64,
    peak: f64,
    findings: Option<u64>,
    /// Seconds.
    phases: Vec<f64>,
}

impl Run {
    fn of(binary: &str, root: &Path) -> Run {
        let before = processor_of_children();
        let output = Command::new(binary).args(["bench", "--format", "json"]).arg(root).output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        Run {
            lines: report["lines"].as_f64().unwrap_or_default(),
            seconds: report["phases_ms"]["all"].as_f64().unwrap_or_default() / 1000.0,
            processor: processor_of_children() - before,
            peak: report["peak_memory_bytes"].as_f64().unwrap_or_default(),
            findings: report["findings"].as_u64(),
            phases: PHASES
                .iter()
                .map(|name| report["phases_ms"][*name].as_f64().unwrap_or_default() / 1000.0)
                .collect(),
        }
    }
}

/// Seconds of the processor that processes started here took (Linux; elsewhere 0): user and system, in hundredths.
fn processor_of_children() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or_default();
    (ticks(13) + ticks(14)) / 100.0
}

/// A text, cut where names of the project stand.
struct Cut {
    text: String,
    /// The ends of the names.
    ends: Vec<usize>,
}

impl Cut {
    fn new(text: String, names: &BTreeSet<String>) -> Cut {
        let mut ends = Vec::new();
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let start = at;
            while at < bytes.len() && is_part(bytes[at]) {
                at += 1;
            }
            if at > start && names.contains(&text[start..at]) {
                ends.push(at);
            }
            at = at.max(start + 1);
        }
        Cut { text, ends }
    }

    fn with(&self, suffix: &str) -> String {
        let mut out = String::with_capacity(self.text.len() + self.ends.len() * suffix.len());
        let mut from = 0;
        for &end in &self.ends {
            out.push_str(&self.text[from..end]);
            out.push_str(suffix);
            from = end;
        }
        out.push_str(&self.text[from..]);
        out
    }
}

struct Project {
    name: String,
    /// Path and text.
    files: Vec<(Cut, Cut)>,
    lines: usize,
}

impl Project {
    fn read(folder: &Path) -> Project {
        let extraction = extract(Input::Tree { root: folder, paths: &[] }, &Options::default(), &|_, _| {});
        let facts = extraction.expect("the project can be read").facts;
        let known = words_of_models();
        let mut names = BTreeSet::new();
        let r = &facts.relations;
        let defined = r.function.iter().map(|row| row.name).chain(r.class.iter().map(|row| row.name));
        names.extend(defined.map(|name| facts.text(name).to_owned()));
        let paths: Vec<&str> = r.file.iter().map(|row| facts.text(row.path)).collect();
        for path in &paths {
            let stem = path.rsplit_once('.').map_or(*path, |(stem, _)| stem);
            names.extend(stem.split(|c: char| !c.is_alphanumeric() && c != '_').map(str::to_owned));
        }
        let is_one = |name: &String| {
            name.len() > 3 && !name.starts_with("__") && !known.contains(name) && !CONVENTIONS.contains(&name.as_str())
        };
        names.retain(is_one);
        let mut files = Vec::new();
        let mut lines = 0;
        for path in paths {
            let Ok(text) = fs::read_to_string(folder.join(path)) else { continue };
            lines += text.lines().count();
            files.push((Cut::new(path.to_owned(), &names), Cut::new(text, &names)));
        }
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Project { name, files, lines }
    }

    fn write(&self, number: usize, root: &Path) {
        let suffix = format!("_{number}");
        let folder = root.join(format!("{}-{number}", self.name));
        for (path, text) in &self.files {
            let file = folder.join(path.with(&suffix));
            fs::create_dir_all(file.parent().unwrap_or(&folder)).expect("a folder can be made");
            fs::write(&file, text.with(&suffix)).expect("a file can be written");
        }
    }
}

/// Writes copies of the projects in turn, until there are so many lines; gives how many.
fn build(projects: &[Project], size: usize, root: &Path) -> usize {
    let (mut lines, mut copies) = (0, 0);
    for project in projects.iter().cycle() {
        if lines >= size || project.lines == 0 {
            break;
        }
        // The last one is not to be much too large.
        if lines > 0 && lines + project.lines / 2 > size && projects.iter().all(|other| lines + other.lines / 2 > size)
        {
            break;
        }
        project.write(copies, root);
        (lines, copies) = (lines + project.lines, copies + 1);
    }
    copies
}

/// All words in the library models.
fn words_of_models() -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../queries/models")];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                open.push(entry.path());
            } else if let Ok(text) = fs::read_to_string(entry.path()) {
                words.extend(text.split(|c: char| !c.is_alphanumeric() && c != '_').map(str::to_owned));
            }
        }
    }
    words
}
