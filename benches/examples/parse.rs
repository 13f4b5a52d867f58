//! How long a front end over a tree-sitter tree takes beside the parse of the same files, one thread, the best of three:
//! `cargo run --release -p distsys-benches --example parse -- DIR`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, fs, io};

use distsys_extract::front_end::front_end_for;
use distsys_facts::Role;
use tree_sitter::{Language, Parser};

const ROUNDS: usize = 3;

fn main() -> io::Result<()> {
    let root = env::args_os().nth(1).map(PathBuf::from).unwrap_or_else(|| PathBuf::from("."));
    for (extension, language) in [("java", Language::from(tree_sitter_java::LANGUAGE))] {
        let mut texts = Vec::new();
        collect(&root, extension, &mut texts)?;
        let bytes: usize = texts.iter().map(|(_, text)| text.len()).sum();
        let parse = best(|| {
            for (_, text) in &texts {
                let mut parser = Parser::new();
                if parser.set_language(&language).is_ok() {
                    std::hint::black_box(parser.parse(text, None));
                }
            }
        });
        let lower = best(|| {
            for (path, text) in &texts {
                if let Some(front_end) = front_end_for(path) {
                    std::hint::black_box(front_end.lower(path, text, Role::Source));
                }
            }
        });
        #[allow(clippy::print_stdout)]
        {
            println!(
                "{extension}: {} files, {:.1} MB; parse {:.2} s, parse and lower {:.2} s, {:.2} times the parse",
                texts.len(),
                bytes as f64 / 1e6,
                parse.as_secs_f64(),
                lower.as_secs_f64(),
                lower.as_secs_f64() / parse.as_secs_f64()
            );
        }
    }
    Ok(())
}

fn best(mut work: impl FnMut()) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        work();
        best = best.min(start.elapsed());
    }
    best
}

fn collect(folder: &Path, extension: &str, texts: &mut Vec<(String, String)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() {
            collect(&path, extension, texts)?;
        } else if kind.is_file() && path.extension().is_some_and(|found| found == extension) {
            // What is no UTF-8 is nobody's source.
            if let Ok(text) = fs::read_to_string(&path) {
                texts.push((path.display().to_string(), text));
            }
        }
    }
    Ok(())
}
