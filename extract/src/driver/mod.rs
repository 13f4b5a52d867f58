//! From a folder or texts in memory to one [`FactBase`]: walk, read, lower in parallel, merge.

mod guard;
mod paths;
mod walk;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use distsys_facts::{DiagnosticKind, FactBase, Role};
use rayon::prelude::*;

use crate::front_end::{front_end_for, link};
use crate::manifest;

/// A text that stands in memory, as if it were the file `path` (relative, with `/`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceText {
    pub path: String,
    pub text: String,
}

impl SourceText {
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        SourceText { path: path.into(), text: text.into() }
    }
}

/// What is to be read.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A folder, or a single file; paths in facts are relative to `root`.
    Tree {
        root: &'a Path,
        paths: &'a [PathBuf],
    },
    Texts(&'a [SourceText]),
}

/// Limits and choices of extraction.
#[derive(Clone, Debug)]
pub struct Options {
    /// Threads; none: as many as there are cores.
    pub jobs: Option<usize>,
    /// Larger files are left out and counted.
    pub max_file_bytes: u64,
    /// Globs, as in `.gitignore`, of paths to leave out.
    pub exclude: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Options { jobs: None, max_file_bytes: 2 << 20, exclude: Vec::new() }
    }
}

/// A file that gave no facts, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Skipped {
    pub path: String,
    pub kind: DiagnosticKind,
    pub message: String,
}

/// Where the time went.
#[derive(Clone, Debug, Default)]
pub struct Times {
    pub walk: Duration,
    pub lower: Duration,
    pub merge: Duration,
}

/// The facts of all that was read.
#[derive(Debug, Default)]
pub struct Extraction {
    pub facts: FactBase,
    /// By path.
    pub skipped: Vec<Skipped>,
    pub times: Times,
    pub bytes: u64,
}

/// Why nothing could be read.
#[derive(Debug, thiserror::Error)]
pub enum ExtractError {
    #[error("{path}: {source}; name a folder or file that exists and can be read")]
    Unreadable { path: String, source: std::io::Error },
    #[error("the pattern `{glob}` of paths to leave out cannot be used: {message}")]
    Exclude { glob: String, message: String },
    #[error("no threads could be started: {0}")]
    Threads(String),
}

/// Sees how far the work is: files done and files in all. Called from many threads.
pub type Progress<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// Parsers recurse; this holds what [`guard`] lets pass. Only what is used becomes real memory.
const STACK_BYTES: usize = 256 << 20;

/// Reads all of `input`. A fault in one file costs that file only.
pub fn extract(input: Input<'_>, options: &Options, progress: Progress<'_>) -> Result<Extraction, ExtractError> {
    let start = Instant::now();
    let (files, mut skipped) = match input {
        Input::Tree { root, paths } => {
            let walk = walk::walk(root, paths, options)?;
            (
                walk.files.into_iter().map(|(path, from, size)| (path, Text::File(from), size)).collect::<Vec<_>>(),
                walk.skipped,
            )
        }
        Input::Texts(texts) => {
            let mut files: Vec<_> = texts
                .iter()
                .map(|text| (text.path.clone(), Text::Memory(&text.text), text.text.len() as u64))
                .collect();
            files.sort_by(|a, b| a.0.cmp(&b.0));
            (files, Vec::new())
        }
    };
    let mut times = Times { walk: start.elapsed(), ..Times::default() };
    let start = Instant::now();
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.jobs.unwrap_or(0))
        .stack_size(STACK_BYTES)
        .build()
        .map_err(|error| ExtractError::Threads(error.to_string()))?;
    let done = AtomicUsize::new(0);
    // Large files first, so that none is left for the end; results keep the order of paths.
    let mut order: Vec<usize> = (0..files.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(files[at].2));
    let mut results: Vec<(usize, Result<FactBase, Skipped>)> = pool.install(|| {
        order
            .par_iter()
            .with_max_len(1)
            .map(|&at| {
                let (path, text, _) = &files[at];
                let result = read(path, text);
                progress(done.fetch_add(1, Ordering::Relaxed) + 1, files.len());
                (at, result)
            })
            .collect()
    });
    results.sort_unstable_by_key(|(at, _)| *at);
    times.lower = start.elapsed();
    let start = Instant::now();
    let bytes = files.iter().map(|(_, _, size)| size).sum();
    let mut parts = Vec::with_capacity(results.len());
    for (_, result) in results {
        match result {
            Ok(part) => parts.push(part),
            Err(skip) => skipped.push(skip),
        }
    }
    skipped.sort();
    let mut facts = pool.install(|| FactBase::merge(&parts));
    link(&mut facts);
    pool.install(|| parts.into_par_iter().for_each(drop));
    times.merge = start.elapsed();
    Ok(Extraction { facts, skipped, times, bytes })
}

enum Text<'a> {
    File(PathBuf),
    Memory(&'a str),
}

fn read(path: &str, text: &Text<'_>) -> Result<FactBase, Skipped> {
    let skip = |kind, message: String| Skipped { path: path.to_owned(), kind, message };
    let owned;
    let text = match text {
        Text::Memory(text) => text,
        Text::File(from) => {
            let bytes = std::fs::read(from).map_err(|error| skip(DiagnosticKind::Unreadable, error.to_string()))?;
            owned = decode(bytes).map_err(|at| {
                skip(DiagnosticKind::InvalidUtf8, format!("no valid UTF-8 at byte {at}; save the file as UTF-8"))
            })?;
            owned.as_str()
        }
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let name = path.rsplit('/').next().unwrap_or(path);
    if let Some((kind, message)) = guard::refuse(text) {
        return Err(skip(kind, message));
    }
    if manifest::is_manifest(name) {
        return manifest::lower(path, name, text).map_err(|message| skip(DiagnosticKind::Unparsable, message));
    }
    let Some(front_end) = front_end_for(path) else {
        return Err(skip(DiagnosticKind::Unparsable, "no front end reads this kind of file".to_owned()));
    };
    let role = match paths::role(path) {
        Role::Source if guard::is_generated(text) => Role::Generated,
        role => role,
    };
    catch_unwind(AssertUnwindSafe(|| front_end.lower(path, text, role))).map_err(|_| {
        skip(
            DiagnosticKind::Internal,
            format!("the {} front end failed on this file; please report it", front_end.name()),
        )
    })
}

/// UTF-8, or UTF-16 that says so; the offset of the first fault else.
fn decode(bytes: Vec<u8>) -> Result<String, usize> {
    let wide = |bytes: &[u8], read: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| read([pair[0], pair[1]])).collect();
        String::from_utf16(&units).map_err(|_| 0)
    };
    match bytes.as_slice() {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        _ => String::from_utf8(bytes).map_err(|error| error.utf8_error().valid_up_to()),
    }
}
