//! How long lowering takes beside the parse of the same files: `parse FOLDER` tells of the Go files below it.
//!
//! One thread, no merge; the best of a few runs of each, so that a busy machine disturbs little.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use distsys_extract::front_end::FrontEnd as _;
use distsys_extract::go::Go;

const RUNS: usize = 5;

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "go") {
            files.push(path);
        }
    }
}

fn best(mut work: impl FnMut()) -> Duration {
    let times = (0..RUNS).map(|_| {
        let start = Instant::now();
        work();
        start.elapsed()
    });
    times.min().unwrap_or_default()
}

#[expect(clippy::print_stdout, reason = "the figures are what the example is for")]
fn main() {
    let Some(folder) = std::env::args().nth(1) else {
        println!("usage: parse FOLDER");
        return;
    };
    let mut files = Vec::new();
    collect(Path::new(&folder), &mut files);
    files.sort();
    let texts: Vec<String> = files.iter().filter_map(|path| std::fs::read_to_string(path).ok()).collect();
    let lines: usize = texts.iter().map(|text| text.lines().count()).sum();
    let mut parser = tree_sitter::Parser::new();
    if parser.set_language(&tree_sitter_go::LANGUAGE.into()).is_err() {
        println!("the grammar does not fit the library");
        return;
    }
    let parse = best(|| {
        for text in &texts {
            std::hint::black_box(parser.parse(text, None));
        }
    });
    let lower = best(|| {
        for text in &texts {
            std::hint::black_box(Go.lower("a.go", text, distsys_facts::Role::Source));
        }
    });
    let (parse, lower) = (parse.as_secs_f64(), lower.as_secs_f64());
    println!(
        "{} files, {lines} lines: parse {parse:.2} s, parse and lower {lower:.2} s, ratio {:.2}",
        texts.len(),
        lower / parse
    );
}
