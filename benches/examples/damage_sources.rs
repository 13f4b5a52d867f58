//! Damaged sources by the thousand: `cargo run --release -p distsys-benches --example damage_sources FILES FOLDER…` takes files
//! below the folders in turn until FILES were read, each damaged in one place (a line dropped, the rest cut off, a block
//! doubled, bytes by chance, another encoding), and asks for facts. A parser that panics or takes ten seconds ends the run with the
//! text; last it says how many of the functions are still there.

#![allow(clippy::print_stdout, clippy::expect_used, reason = "a measurement, run by hand")]

use std::collections::BTreeMap;
use std::path::Path;

use distsys_extract::driver::{Input, Options, SourceText, extract};
use distsys_extract::front_end::front_end_for;
use distsys_facts::{DiagnosticKind, Word};
use distsys_hostile::Chance;
use distsys_hostile::damage::in_one_place;

const BATCH: usize = 500;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let files: usize = arguments.next().and_then(|text| text.parse().ok()).expect("the number of files");
    let mut texts = Vec::new();
    arguments.for_each(|folder| collect(Path::new(&folder), &mut texts));
    assert!(!texts.is_empty(), "no file of source is there");
    let mut chance = Chance::new(0);
    let (mut read, mut kinds) = (0, BTreeMap::<&str, usize>::new());
    let (mut functions, mut left) = (0, 0);
    while read < files {
        let batch: Vec<&SourceText> = (0..BATCH.min(files - read)).map(|_| &texts[chance.below(texts.len())]).collect();
        read += batch.len();
        let number =
            |at: usize, text: &SourceText, content: String| SourceText::new(format!("{at:03}/{}", text.path), content);
        let whole: Vec<SourceText> =
            batch.iter().enumerate().map(|(at, text)| number(at, text, text.text.clone())).collect();
        let damaged: Vec<SourceText> = batch
            .iter()
            .enumerate()
            .map(|(at, text)| number(at, text, in_one_place(&text.text, &mut chance)))
            .collect();
        let facts =
            |texts: &[SourceText]| extract(Input::Texts(texts), &Options::default(), &|_, _| {}).expect("it runs");
        let (before, after) = (facts(&whole), facts(&damaged));
        functions += before.facts.relations.function.len();
        left += after.facts.relations.function.len();
        for skip in &after.skipped {
            *kinds.entry(skip.kind.name()).or_default() += 1;
            if matches!(skip.kind, DiagnosticKind::Internal | DiagnosticKind::Timeout) {
                let text = damaged.iter().find(|text| text.path == skip.path).map_or("", |text| text.text.as_str());
                println!("{}: {}\n{text}", skip.path, skip.message);
                std::process::exit(1);
            }
        }
    }
    println!("{read} damaged files, no panic, none took ten seconds; {left} of {functions} functions are still there");
    println!("files that gave no facts: {kinds:?}");
}

fn collect(folder: &Path, texts: &mut Vec<SourceText>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<_> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_symlink() || name == "node_modules" || name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            collect(&path, texts);
        } else if front_end_for(&name).is_some()
            && let Some(text) =
                std::fs::read_to_string(&path).ok().filter(|text| !text.is_empty() && text.len() < 200_000)
        {
            texts.push(SourceText::new(name, text));
        }
    }
}
