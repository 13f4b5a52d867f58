//! The cache folder: a folder a tree, their outcomes of runs, what is evicted.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::sealed;
use super::store::Store;

/// Prefix of files that are being written.
pub(super) const TEMPORARY: &str = ".new-";
const TREE: &str = "tree-";
const RUN: &str = "run-";
/// Outcomes kept of one tree: branches, selections of rules.
const MAX_RUNS: usize = 8;
/// Trees that nobody analysed for so long are evicted.
const MAX_AGE: Duration = Duration::from_secs(30 * 86_400);
/// A tree's last use is noted no oftener than this, so that a run where nothing changed writes nothing.
const USE_STEP: Duration = Duration::from_secs(86_400);
/// What other programs that make backups or look for secrets heed (bford.info/cachedir).
const TAG: &str = "CACHEDIR.TAG";
const IGNORE: &str = ".gitignore";
const TAG_TEXT: &str =
    "Signature: 8a477f597d28d172789f06886806bc55\n# A cache of distsys-graph. It may be removed at any time.\n";

/// A folder that holds what runs leave to later runs.
#[derive(Clone, Debug)]
pub struct CacheFolder {
    path: PathBuf,
    limit: u64,
    outside_only: bool,
}

/// Why a cache cannot be used or cleaned.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    #[error("{path}: {source}; name another folder with --cache-dir, or do without by --no-cache")]
    Io { path: String, source: io::Error },
    #[error("{path} is no cache of distsys-graph and is left as it is; name the folder that --cache-dir named")]
    Foreign { path: String },
}

impl CacheFolder {
    /// Bytes that a cache holds if nothing else is said.
    pub const LIMIT: u64 = 2 << 30;

    pub fn new(path: impl Into<PathBuf>) -> Self {
        CacheFolder { path: path.into(), limit: Self::LIMIT, outside_only: false }
    }

    /// Bytes that it may hold; the least recently used trees go first.
    pub fn limit(mut self, bytes: u64) -> Self {
        self.limit = bytes;
        self
    }

    /// Serves no tree that it lies in.
    pub fn outside_only(mut self) -> Self {
        self.outside_only = true;
        self
    }

    /// Whether what is read of the tree at `root` may be kept here.
    pub fn serves(&self, root: &Path) -> bool {
        if !self.outside_only {
            return true;
        }
        // The folder need not be there yet.
        let there = self.path.ancestors().find_map(|part| part.canonicalize().ok());
        match (there, root.canonicalize()) {
            (Some(there), Ok(root)) => !there.starts_with(root),
            _ => false,
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is kept of the tree that `identity` names. Touches no file.
    pub fn tree(&self, identity: &str) -> TreeCache {
        let name = blake3::hash(identity.as_bytes()).to_hex();
        TreeCache { path: self.path.join(format!("{TREE}{}", &name[..32])), folder: self.clone() }
    }

    /// Makes the folder. One that is there and holds other things is not taken.
    fn make(&self) -> Result<(), CacheError> {
        let fail = |source| CacheError::Io { path: self.path.display().to_string(), source };
        if self.is_ours() {
            return Ok(());
        }
        // Another run may be making the same folder at this moment: what it has begun to write is no other thing, and
        // it may have ended between the two questions.
        let is_begun =
            |name: &std::ffi::OsStr| name == IGNORE || name.to_str().is_some_and(|name| name.starts_with(TEMPORARY));
        let holds_other_things =
            |mut entries: fs::ReadDir| entries.any(|entry| entry.is_ok_and(|entry| !is_begun(&entry.file_name())));
        if fs::read_dir(&self.path).is_ok_and(holds_other_things) && !self.is_ours() {
            return Err(CacheError::Foreign { path: self.path.display().to_string() });
        }
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.path).map_err(fail)?;
        // Whoever asks for a cache inside a work tree does not want it committed.
        sealed::replace(&self.path.join(IGNORE), &[b"*\n"]).map_err(fail)?;
        sealed::replace(&self.path.join(TAG), &[TAG_TEXT.as_bytes()]).map_err(fail)
    }

    fn is_ours(&self) -> bool {
        fs::read(self.path.join(TAG)).is_ok_and(|text| text == TAG_TEXT.as_bytes())
    }

    /// Removes all that the cache holds; gives how many bytes that were. A folder that is no cache is left as it is.
    pub fn clean(&self) -> Result<u64, CacheError> {
        let fail = |source| CacheError::Io { path: self.path.display().to_string(), source };
        if !self.path.exists() {
            return Ok(0);
        }
        if !self.is_ours() {
            return Err(CacheError::Foreign { path: self.path.display().to_string() });
        }
        let mut removed = 0;
        for tree in self.trees() {
            removed += tree.bytes;
            fs::remove_dir_all(&tree.path).map_err(fail)?;
        }
        Ok(removed)
    }

    fn trees(&self) -> Vec<Held> {
        let Ok(entries) = fs::read_dir(&self.path) else { return Vec::new() };
        let trees = entries.filter_map(Result::ok).filter(|entry| {
            entry.file_name().to_string_lossy().starts_with(TREE) && entry.file_type().is_ok_and(|kind| kind.is_dir())
        });
        let mut held: Vec<Held> = trees.map(|entry| Held::of(entry.path())).collect();
        held.sort_by(|a, b| (a.used, &a.path).cmp(&(b.used, &b.path)));
        held
    }

    /// Keeps the folder within its bounds; the tree at `now_used` goes last.
    fn evict(&self, now_used: &Path) {
        let trees = self.trees();
        let mut held: u64 = trees.iter().map(|tree| tree.bytes).sum();
        let now = SystemTime::now();
        let (mine, others): (Vec<_>, Vec<_>) = trees.into_iter().partition(|tree| tree.path == now_used);
        for tree in others.into_iter().chain(mine) {
            let is_old = tree.path != now_used && now.duration_since(tree.used).is_ok_and(|age| age > MAX_AGE);
            if (is_old || held > self.limit) && fs::remove_dir_all(&tree.path).is_ok() {
                held -= tree.bytes;
            }
        }
    }
}

/// A tree's folder, with when it was last used.
struct Held {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

impl Held {
    fn of(path: PathBuf) -> Held {
        let (mut bytes, mut used) = (0, SystemTime::UNIX_EPOCH);
        for entry in fs::read_dir(&path).into_iter().flatten().filter_map(Result::ok) {
            let Ok(metadata) = entry.metadata() else { continue };
            bytes += metadata.len();
            used = used.max(metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH));
        }
        Held { path, bytes, used }
    }
}

/// What is kept of one tree.
#[derive(Clone, Debug)]
pub struct TreeCache {
    path: PathBuf,
    folder: CacheFolder,
}

impl TreeCache {
    pub(crate) fn open(&self) -> Store {
        Store::open(&self.path)
    }

    /// Makes the folders, and keeps the whole within its bounds once `write` is done.
    pub(crate) fn write(&self, write: impl FnOnce() -> io::Result<()>) -> Result<(), CacheError> {
        self.folder.make()?;
        write().map_err(|source| CacheError::Io { path: self.path.display().to_string(), source })?;
        self.folder.evict(&self.path);
        Ok(())
    }

    /// The outcome of a run that was kept under `key`.
    pub fn run(&self, key: &[u8; 32]) -> Option<Vec<u8>> {
        let path = self.run_path(key);
        let body = sealed::read(&path)?;
        // The key stands in the file, too: names are cut short.
        let outcome = body.strip_prefix(key)?.to_vec();
        note_use(&path);
        Some(outcome)
    }

    /// Keeps the outcome of a run.
    pub fn keep_run(&self, key: &[u8; 32], outcome: &[u8]) -> Result<(), CacheError> {
        self.write(|| {
            fs::create_dir_all(&self.path)?;
            sealed::write(&self.run_path(key), &[key, outcome].concat())?;
            self.drop_old_runs();
            Ok(())
        })
    }

    fn run_path(&self, key: &[u8; 32]) -> PathBuf {
        self.path.join(format!("{RUN}{}", &blake3::Hash::from(*key).to_hex()[..16]))
    }

    fn drop_old_runs(&self) {
        let entries = fs::read_dir(&self.path).into_iter().flatten().filter_map(Result::ok);
        let mut runs: Vec<(SystemTime, PathBuf)> = entries
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(RUN))
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        runs.sort();
        let surplus = runs.len().saturating_sub(MAX_RUNS);
        for (_, path) in runs.into_iter().take(surplus) {
            let _ = fs::remove_file(path);
        }
    }
}

/// Sets the time of a file that was of use, for eviction.
fn note_use(path: &Path) {
    let now = SystemTime::now();
    let last = fs::metadata(path).and_then(|metadata| metadata.modified());
    if last.is_ok_and(|last| now.duration_since(last).is_ok_and(|age| age > USE_STEP)) {
        let _ = fs::File::options().write(true).open(path).and_then(|file| file.set_modified(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(cache: &CacheFolder, tree: &str, bytes: usize) -> TreeCache {
        let tree = cache.tree(tree);
        tree.keep_run(&[7; 32], &vec![0; bytes]).expect("it can be written");
        tree
    }

    #[test]
    fn the_least_recently_used_tree_goes_first() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let cache = CacheFolder::new(folder.path().join("cache")).limit(2_500);
        let first = keep(&cache, "first", 1_000);
        let second = keep(&cache, "second", 1_000);
        let past = SystemTime::now() - Duration::from_secs(7_200);
        let file = fs::File::options().write(true).open(second.run_path(&[7; 32])).expect("it was written");
        file.set_modified(past).expect("its owner may");
        let third = keep(&cache, "third", 1_000);
        assert!(first.run(&[7; 32]).is_some() && second.run(&[7; 32]).is_none() && third.run(&[7; 32]).is_some());
        // What does not fit at all is not kept either.
        let fourth = keep(&cache, "fourth", 5_000);
        assert!(fourth.run(&[7; 32]).is_none());
    }

    #[test]
    fn a_tree_that_nobody_used_for_a_month_goes() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let cache = CacheFolder::new(folder.path());
        let old = keep(&cache, "old", 10);
        let file = fs::File::options().write(true).open(old.run_path(&[7; 32])).expect("it was written");
        file.set_modified(SystemTime::now() - 2 * MAX_AGE).expect("its owner may");
        keep(&cache, "new", 10);
        assert!(old.run(&[7; 32]).is_none());
    }

    #[test]
    fn of_many_outcomes_the_latest_are_kept() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let tree = CacheFolder::new(folder.path()).tree("tree");
        for number in 0..=MAX_RUNS as u8 {
            tree.keep_run(&[number; 32], b"outcome").expect("it can be written");
            let file = fs::File::options().write(true).open(tree.run_path(&[number; 32])).expect("it was written");
            let time = SystemTime::now() - Duration::from_secs(100 - u64::from(number));
            file.set_modified(time).expect("its owner may");
        }
        assert!(tree.run(&[0; 32]).is_none());
        assert_eq!(tree.run(&[MAX_RUNS as u8; 32]).as_deref(), Some(&b"outcome"[..]));
    }
}
