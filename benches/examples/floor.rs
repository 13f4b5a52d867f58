//! The floor under a cold `check`: every file that the tool would read is read and parsed, by the parsers that the tool has, on
//! all cores, and nothing else is done: `cargo run --release -p distsys-benches --example floor -- DIR`.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use oxc_allocator::Allocator;
use oxc_span::SourceType;
use rayon::prelude::*;
use ruff_python_ast::PySourceType;
use tree_sitter::{Language, Parser};

fn main() -> io::Result<()> {
    let root = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("."), PathBuf::from);
    let start = Instant::now();
    let walk = ignore::WalkBuilder::new(&root).filter_entry(|entry| entry.file_name() != "node_modules").build();
    let paths: Vec<PathBuf> = walk
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file()))
        .map(ignore::DirEntry::into_path)
        .collect();
    let (files, bytes) = (AtomicUsize::new(0), AtomicUsize::new(0));
    paths.par_iter().for_each(|path| {
        if let Some(length) = parse(path) {
            files.fetch_add(1, Ordering::Relaxed);
            bytes.fetch_add(length, Ordering::Relaxed);
        }
    });
    #[allow(clippy::print_stdout, reason = "a measurement, run by hand")]
    {
        let megabytes = bytes.into_inner() as f64 / 1e6;
        println!("{} files, {megabytes:.1} MB, {:.2} s", files.into_inner(), start.elapsed().as_secs_f64());
    }
    Ok(())
}

/// Reads and parses a file of a language that is known; its length.
fn parse(path: &Path) -> Option<usize> {
    let extension = path.extension()?.to_str()?;
    if !matches!(extension, "py" | "rs" | "go" | "java" | "ts" | "tsx" | "js" | "jsx" | "mts" | "cts" | "mjs" | "cjs") {
        return None;
    }
    let text = std::fs::read_to_string(path).ok()?;
    match extension {
        "py" => drop(std::hint::black_box(ruff_python_parser::parse_unchecked_source(&text, PySourceType::Python))),
        "rs" => drop(std::hint::black_box(syn::parse_file(&text))),
        "go" => sit(&text, &tree_sitter_go::LANGUAGE.into()),
        "java" => sit(&text, &tree_sitter_java::LANGUAGE.into()),
        _ => {
            let allocator = Allocator::default();
            let source_type = SourceType::from_path(path).unwrap_or_default();
            std::hint::black_box(oxc_parser::Parser::new(&allocator, &text, source_type).parse());
        }
    }
    Some(text.len())
}

fn sit(text: &str, language: &Language) {
    let mut parser = Parser::new();
    if parser.set_language(language).is_ok() {
        std::hint::black_box(parser.parse(text, None));
    }
}
