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

const BATCH: usize = 500;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let files: usize = arguments.next().and_then(|text| text.parse().ok()).expect("the number of files");
    let mut texts = Vec::new();
    arguments.for_each(|folder| collect(Path::new(&folder), &mut texts));
    assert!(!texts.is_empty(), "no file of source is there");
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let (mut read, mut kinds) = (0, BTreeMap::<&str, usize>::new());
    let (mut functions, mut left) = (0, 0);
    while read < files {
        let batch: Vec<&SourceText> = (0..BATCH.min(files - read)).map(|_| &texts[chance.below(texts.len())]).collect();
        read += batch.len();
        let number =
            |at: usize, text: &SourceText, content: String| SourceText::new(format!("{at:03}/{}", text.path), content);
        let whole: Vec<SourceText> =
            batch.iter().enumerate().map(|(at, text)| number(at, text, text.text.clone())).collect();
        let damaged: Vec<SourceText> =
            batch.iter().enumerate().map(|(at, text)| number(at, text, damage(&text.text, &mut chance))).collect();
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

struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }
}

fn damage(text: &str, chance: &mut Chance) -> String {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    let at = chance.below(lines.len());
    match chance.below(5) {
        0 => drop(lines.remove(at)),
        1 => {
            let end = (at + 1 + chance.below(20)).min(lines.len());
            let block = lines[at..end].to_vec();
            lines.splice(at..at, block);
        }
        2 => {
            let bytes = text.as_bytes();
            return String::from_utf8_lossy(&bytes[..chance.below(bytes.len())]).into_owned();
        }
        3 => {
            let mut bytes = text.as_bytes().to_vec();
            let from = chance.below(bytes.len());
            for byte in bytes.iter_mut().skip(from).take(1 + chance.below(8)) {
                *byte = chance.below(256) as u8;
            }
            return String::from_utf8_lossy(&bytes).into_owned();
        }
        // As an editor of another encoding would show it.
        _ => return text.bytes().map(|byte| byte as char).collect(),
    }
    lines.concat()
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
