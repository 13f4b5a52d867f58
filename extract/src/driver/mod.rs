//! From a folder or texts in memory to one [`FactBase`]: walk, read, lower in parallel, merge.

mod guard;
mod limits;
mod listed;
mod paths;
mod read;
mod survey;
mod walk;
mod workers;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use distsys_facts::{DiagnosticKind, FactBase};
use rayon::prelude::*;

use crate::cache::{CacheError, Part, TreeCache};
use crate::front_end::link;
pub use limits::{Limits, Reached, Watch, memory};
pub use listed::Files;
pub use survey::Survey;
use workers::Job;

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
    /// Where facts of earlier runs are, and those of this one are kept.
    pub cache: Option<TreeCache>,
    /// The tree is a copy of the one that the cache is of: only the content of its files counts.
    pub cache_of_copy: bool,
    /// Which files there are.
    pub listing: Listing,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            jobs: None,
            max_file_bytes: 2 << 20,
            exclude: Vec::new(),
            cache: None,
            cache_of_copy: false,
            listing: Listing::default(),
        }
    }
}

/// Which of the files below a folder belong to the project.
#[derive(Clone, Debug, Default)]
pub enum Listing {
    /// Those that its ignore files leave.
    #[default]
    Unignored,
    /// All.
    All,
    /// These: some version of the project, whose unchanged files lie at their paths.
    Only(Arc<Files>),
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
    /// Reading and decoding what earlier runs read.
    pub load: Duration,
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
    /// Files whose facts are those of an earlier run.
    pub reused: usize,
    /// The limit at which reading stopped, and how many files were not reached.
    pub stopped: Option<(Reached, usize)>,
    /// Stands for all that was read, as [`Survey::digest`]; none if a file was given up.
    pub digest: Option<[u8; 32]>,
    /// The cache, while it is written.
    pub writing: Writing,
}

/// A cache that is being written beside the work; dropped, it is waited for.
#[derive(Debug, Default)]
pub struct Writing(Option<JoinHandle<Result<(), CacheError>>>);

impl Writing {
    /// Waits until it is done.
    ///
    /// # Errors
    /// Why the cache is not written. The next run takes longer; that is all.
    pub fn finish(mut self) -> Result<(), CacheError> {
        self.0.take().and_then(|writing| writing.join().ok()).unwrap_or(Ok(()))
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        let _ = self.0.take().map(JoinHandle::join);
    }
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

/// Reads all of `input`. A fault in one file costs that file only.
pub fn extract(input: Input<'_>, options: &Options, progress: Progress<'_>) -> Result<Extraction, ExtractError> {
    survey(input, options, Watch::start(Limits::default()))?.extract(options, progress)
}

/// Finds the files of `input`, and which of them the cache knows.
pub fn survey(input: Input<'_>, options: &Options, watch: Watch) -> Result<Survey, ExtractError> {
    pool(options)?.install(|| Survey::new(input, options, watch))
}

fn pool(options: &Options) -> Result<rayon::ThreadPool, ExtractError> {
    let threads = options.jobs.unwrap_or(0);
    let built = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    built.map_err(|error| ExtractError::Threads(error.to_string()))
}

impl Survey {
    /// Reads what the cache does not have, and merges all in the order of paths.
    pub fn extract(mut self, options: &Options, progress: Progress<'_>) -> Result<Extraction, ExtractError> {
        let mut times = Times { walk: self.walk, ..Times::default() };
        let pool = pool(options)?;
        let start = Instant::now();
        let store = self.cache.as_ref().map(|cache| &cache.store);
        let mut parts: Vec<Option<Part>> =
            pool.install(|| self.files.par_iter().map(|found| store?.part(&found.key?)).collect());
        let reused = parts.iter().flatten().count();
        times.load = start.elapsed();
        let start = Instant::now();
        let missing: Vec<usize> = (0..parts.len()).filter(|&at| parts[at].is_none()).collect();
        // Large files first, so that none is left for the end.
        let mut order: Vec<usize> = (0..missing.len()).collect();
        order.sort_by_key(|&job| std::cmp::Reverse(self.files[missing[job]].size));
        let files = &mut self.files;
        let mut job = |&at: &usize| Job { path: files[at].path.clone(), origin: files[at].origin.take() };
        let jobs = missing.iter().map(&mut job).collect();
        let work = workers::lower_all(
            jobs,
            order,
            self.cache.is_some(),
            pool.current_num_threads(),
            &self.watch,
            &|done, all| progress(done + reused, all + reused),
        )?;
        let (mut new, mut unread, mut is_whole) = (Vec::new(), 0, true);
        for (at, done) in missing.into_iter().zip(work.done) {
            let found = &mut self.files[at];
            let Some(done) = done else {
                unread += 1;
                continue;
            };
            found.key = done.kept.as_ref().map(|(key, _)| *key);
            new.extend(done.kept);
            match done.outcome {
                Ok(facts) => parts[at] = Some(Part::Facts(Box::new(facts))),
                Err((kind, message)) => {
                    is_whole &= kind != DiagnosticKind::Timeout;
                    parts[at] = Some(Part::Refused(kind, message));
                }
            }
        }
        times.lower = start.elapsed();
        let digest = self.digest().filter(|_| is_whole && work.reached.is_none());
        let bytes = self.files.iter().map(|found| found.size).sum();
        let mut skipped = self.skipped;
        let mut facts = Vec::with_capacity(parts.len());
        for (found, part) in self.files.iter().zip(parts) {
            match part {
                Some(Part::Facts(part)) => facts.push(*part),
                Some(Part::Refused(kind, message)) => skipped.push(Skipped { path: found.path.clone(), kind, message }),
                None => {}
            }
        }
        skipped.sort();
        let writing = Writing(self.cache.map(|cache| {
            let files = self.files;
            std::thread::spawn(move || cache.save(&files, new))
        }));
        let start = Instant::now();
        let parts = facts;
        let mut facts = pool.install(|| FactBase::merge(&parts));
        link(&mut facts);
        pool.install(|| parts.into_par_iter().for_each(drop));
        times.merge = start.elapsed();
        let stopped = work.reached.map(|reached| (reached, unread));
        Ok(Extraction { facts, skipped, times, bytes, reused, stopped, digest, writing })
    }
}
