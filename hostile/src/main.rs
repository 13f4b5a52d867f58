//! A campaign: `cargo run --release -p distsys-hostile -- --seconds N [--seed N] [--targets a,b] [FOLDER…]` gives each target
//! damaged examples of this repository and of the folders, for so many seconds of the processor each (on Linux; else of the clock). What makes a target panic, or take longer than
//! ten seconds, is written to `hostile/found/` and told; a process that dies leaves its last input there (`--trace`).

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a measurement, run by hand")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use distsys_hostile::{Chance, TARGETS, Target, corpus, damage};

#[derive(Default)]
struct Choice {
    seconds: u64,
    seed: u64,
    targets: Vec<String>,
    folders: Vec<PathBuf>,
    trace: bool,
    /// Only write the examples, for cargo-fuzz.
    corpus: Option<PathBuf>,
}

fn choice() -> Option<Choice> {
    let mut choice = Choice { seconds: 10, ..Choice::default() };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--seconds" => choice.seconds = arguments.next()?.parse().ok()?,
            "--seed" => choice.seed = arguments.next()?.parse().ok()?,
            "--targets" => choice.targets = arguments.next()?.split(',').map(str::to_owned).collect(),
            "--trace" => choice.trace = true,
            "--corpus" => choice.corpus = Some(PathBuf::from(arguments.next()?)),
            folder => choice.folders.push(PathBuf::from(folder)),
        }
    }
    choice.targets.iter().all(|name| distsys_hostile::targets::target(name).is_some()).then_some(choice)
}

fn main() -> ExitCode {
    let Some(choice) = choice() else {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        eprintln!("--seconds N, --seed N, --targets of {}, --trace, --corpus DIR, folders", names.join(","));
        return ExitCode::from(2);
    };
    let is_chosen =
        |target: &&Target| choice.targets.is_empty() || choice.targets.iter().any(|name| name == target.name);
    if let Some(folder) = &choice.corpus {
        for target in TARGETS.iter().filter(is_chosen) {
            for (number, example) in corpus::of(target, &choice.folders).iter().enumerate() {
                keep(&folder.join(target.name), &number.to_string(), example);
            }
        }
        return ExitCode::SUCCESS;
    }
    // Each panic is told once, with its input.
    std::panic::set_hook(Box::new(|_| {}));
    let mut faults = 0;
    for target in TARGETS.iter().filter(is_chosen) {
        faults += campaign(target, &choice);
    }
    if faults > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn campaign(target: &Target, choice: &Choice) -> usize {
    let examples = corpus::of(target, &choice.folders);
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("found").join(target.name);
    let mut chance = Chance::new(choice.seed);
    let (started, limit) = (Taken::now(), choice.seconds as f64);
    let (mut runs, mut slowest, mut faults) = (0u64, Duration::ZERO, Vec::<String>::new());
    let mut spent = 0.0;
    while spent < limit && !examples.is_empty() {
        if runs % 16 == 0 {
            spent = started.seconds();
        }
        let (one, other) = (&examples[chance.below(examples.len())], &examples[chance.below(examples.len())]);
        let mut input = damage::of_any_kind(one, other, target.is_text(), &mut chance);
        for _ in 0..chance.below(3) {
            input = damage::of_any_kind(&input, other, target.is_text(), &mut chance);
        }
        if choice.trace {
            keep(&found, "last", &input);
        }
        let start = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| target.run(&input)));
        let taken = start.elapsed();
        slowest = slowest.max(taken);
        runs += 1;
        let fault = match outcome {
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned();
                Some(text.or(panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default())
            }
            Ok(()) if taken > Duration::from_secs(10) => Some("it took longer than ten seconds".to_owned()),
            Ok(()) => None,
        };
        if let Some(fault) = fault
            && !faults.contains(&fault)
        {
            let file = keep(&found, &runs.to_string(), &input);
            println!("{}: {fault}\n    {}", target.name, file.display());
            faults.push(fault);
        }
    }
    println!(
        "{}: {} examples, {runs} runs in {:.0} s, the slowest {} ms, {} faults",
        target.name,
        examples.len(),
        started.seconds(),
        slowest.as_millis(),
        faults.len()
    );
    faults.len()
}

/// What the process has taken of the processor; where the system does not say, how late it is.
struct Taken {
    clock: Instant,
    ticks: Option<f64>,
}

impl Taken {
    fn now() -> Self {
        Taken { clock: Instant::now(), ticks: Self::ticks() }
    }

    /// Since then.
    fn seconds(&self) -> f64 {
        match (self.ticks, Self::ticks()) {
            (Some(then), Some(now)) => (now - then) / 100.0,
            _ => self.clock.elapsed().as_secs_f64(),
        }
    }

    /// User and system, all threads, in hundredths of a second.
    fn ticks() -> Option<f64> {
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        let mut fields = stat.rsplit(')').next()?.split_whitespace().skip(11);
        Some(fields.next()?.parse::<f64>().ok()? + fields.next()?.parse::<f64>().ok()?)
    }
}

fn keep(folder: &Path, name: &str, input: &[u8]) -> PathBuf {
    let file = folder.join(name);
    if let Err(error) = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&file, input)) {
        eprintln!("{}: {error}", file.display());
    }
    file
}
