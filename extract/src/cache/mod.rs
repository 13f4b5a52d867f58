//! What earlier runs read, kept so that it need not be read again.
//!
//! A cache folder holds a folder for each tree, and in it:
//! - `index`: for each file its size, times and inode with the key of its content; for each key where its facts lie;
//! - `part-*`: segments, the facts of files one after another; one is added by each run that read anything anew;
//! - `run-*`: outcomes of whole runs, whose form is the caller's.
//!
//! Invariants
//! - A key is a BLAKE3 hash of extractor, path and content: no file can pass for another one, whoever writes it. Trees do not
//!   share what they keep.
//! - Files are written under a temporary name and renamed, and never changed. A run that is killed leaves the old index or
//!   the new one; of runs at the same time the last one's index stays, and what it does not name is removed later.
//! - All that is read is checked against a hash; what does not agree is as if it were not there.
//! - Nothing here fails an analysis: without a cache it takes longer.

mod folder;
mod index;
mod sealed;
mod stat;
mod store;

pub use folder::{CacheError, CacheFolder, TreeCache};
pub(crate) use stat::Stat;
pub(crate) use store::{Part, Saved, Store};

/// Names what lowered a text: facts that another extractor made are not used.
pub(crate) const EXTRACTOR: &str = env!("DISTSYS_EXTRACTOR");

/// Stands for the content of a file at its path.
pub(crate) type Key = [u8; 32];

/// The key of a file: all that its facts depend on.
pub(crate) fn key(path: &str, content: &[u8]) -> Key {
    let mut hasher = blake3::Hasher::new();
    for part in [EXTRACTOR.as_bytes(), path.as_bytes()] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.update(content);
    *hasher.finalize().as_bytes()
}

/// A hash that nobody can meet by design.
pub fn hash(bytes: &[u8]) -> [u8; 32] {
    *blake3::hash(bytes).as_bytes()
}
