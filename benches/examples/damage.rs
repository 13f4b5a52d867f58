//! Damaged programs by the million: `cargo run --release -p distsys-benches --example damage SECONDS FOLDER…` takes every `.dl` file below
//! the folders, damages it in one to four places (a piece dropped, doubled, swapped for another of any file, the rest cut
//! off, a byte changed) and asks for its answer within small limits. A panic ends the run with the program that caused it.

#![allow(clippy::print_stdout, clippy::expect_used, reason = "a measurement, run by hand")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use distsys_engine::datalog::{Database, Limits, answer, declare, parse};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let seconds: u64 = arguments.next().and_then(|text| text.parse().ok()).expect("the number of seconds");
    let mut texts = Vec::new();
    arguments.for_each(|folder| collect(Path::new(&folder), &mut texts));
    assert!(!texts.is_empty(), "no `.dl` file is there");
    let pieces: Vec<Vec<&str>> =
        texts.iter().map(|text| text.split_inclusive(|c: char| !c.is_alphanumeric()).collect()).collect();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = move |bound: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % bound.max(1) as u64) as usize
    };
    let started = Instant::now();
    let (mut runs, mut refused) = (0u64, 0u64);
    while started.elapsed() < Duration::from_secs(seconds) {
        let mut damaged = pieces[below(pieces.len())].clone();
        for _ in 0..1 + below(4) {
            let other = &pieces[below(pieces.len())];
            if damaged.is_empty() || other.is_empty() {
                break;
            }
            let (at, piece) = (below(damaged.len()), other[below(other.len())]);
            match below(5) {
                0 => drop(damaged.remove(at)),
                1 => damaged.insert(at, damaged[at]),
                2 => damaged[at] = piece,
                3 => damaged.insert(at, piece),
                _ => damaged.truncate(at),
            }
        }
        let mut text = damaged.concat().into_bytes();
        if below(4) == 0 && !text.is_empty() {
            let at = below(text.len());
            text[at] = below(256) as u8;
        }
        let text = String::from_utf8_lossy(&text);
        runs += 1;
        match catch_unwind(AssertUnwindSafe(|| ask(&text))) {
            Ok(true) => {}
            Ok(false) => refused += 1,
            Err(_) => {
                println!("after {runs} runs this panics:\n{text}");
                std::process::exit(1);
            }
        }
    }
    println!("{runs} damaged programs, {refused} of them refused, no panic");
}

fn ask(text: &str) -> bool {
    let Ok(program) = parse("damaged.dl", text, &mut |_| None) else { return false };
    let mut database = Database::default();
    let limits = Limits { max_tuples: 2_000, timeout: Some(Duration::from_millis(200)), stop: None };
    declare(&program, &mut database).and_then(|()| answer(&program, &mut database, &limits)).is_ok()
}

fn collect(folder: &Path, texts: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())) {
        if path.is_dir() {
            collect(&path, texts);
        } else if path.extension().is_some_and(|extension| extension == "dl") {
            texts.extend(std::fs::read_to_string(&path).ok().filter(|text| text.len() < 20_000));
        }
    }
}
