//! What there is to be read, and which of it earlier runs have read.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use rayon::prelude::*;

use super::read::Origin;
use super::walk;
use super::{ExtractError, Input, Options, Skipped, Watch};
use crate::cache::{CacheError, Key, Saved, Stat, Store, TreeCache, key};

/// The files of an input before they are read.
#[derive(Debug)]
pub struct Survey {
    pub(super) files: Vec<Found>,
    pub(super) skipped: Vec<Skipped>,
    pub(super) cache: Option<Cache>,
    pub(super) walk: Duration,
    pub(super) watch: Watch,
}

#[derive(Debug)]
pub(super) struct Found {
    /// From the root, with `/`.
    pub(super) path: String,
    pub(super) origin: Origin,
    pub(super) size: u64,
    stat: Option<Stat>,
    /// Of its content, where a cache is kept and it is known.
    pub(super) key: Option<Key>,
    /// The cache knows it by its times.
    by_stat: bool,
}

#[derive(Debug)]
pub(super) struct Cache {
    tree: TreeCache,
    pub(super) store: Store,
    is_copy: bool,
    start: SystemTime,
}

impl Survey {
    pub(super) fn new(input: Input<'_>, options: &Options, watch: Watch) -> Result<Survey, ExtractError> {
        let start = Instant::now();
        let now = SystemTime::now();
        let (mut files, skipped) = match input {
            Input::Tree { root, paths } => {
                let walk = walk::walk(root, paths, options)?;
                let found = |(path, from, size, stat): (String, PathBuf, u64, Option<Stat>)| {
                    Found::new(path, Origin::File(from), size, stat)
                };
                (walk.files.into_iter().map(found).collect::<Vec<_>>(), walk.skipped)
            }
            Input::Texts(texts) => {
                let found = |text: &super::SourceText| {
                    let bytes = text.text.as_bytes().to_vec();
                    Found::new(text.path.clone(), Origin::Memory(bytes), text.text.len() as u64, None)
                };
                let mut files: Vec<Found> = texts.iter().map(found).collect();
                files.sort_by(|a, b| a.path.cmp(&b.path));
                (files, Vec::new())
            }
        };
        let tree = options.cache.as_ref().filter(|_| matches!(input, Input::Tree { .. }));
        let cache = tree.map(|tree| {
            let (store, is_copy) = (tree.open(), options.cache_of_copy);
            Cache { tree: tree.clone(), store, is_copy, start: now }
        });
        if let Some(cache) = cache.as_ref().filter(|cache| !cache.store.is_empty()) {
            files.par_iter_mut().for_each(|found| found.look_up(&cache.store));
        }
        Ok(Survey { files, skipped, cache, walk: start.elapsed(), watch })
    }

    /// Stands for all that was found, if the cache knows the content of every file.
    pub fn digest(&self) -> Option<Key> {
        self.cache.as_ref()?;
        let mut hasher = blake3::Hasher::new();
        for found in &self.files {
            add(&mut hasher, &found.path);
            hasher.update(&found.key?);
        }
        hasher.update(&[0; 8]);
        for skip in &self.skipped {
            add(&mut hasher, &skip.path);
            add(&mut hasher, &skip.message);
            hasher.update(&[skip.kind as u8]);
        }
        Some(*hasher.finalize().as_bytes())
    }

    /// Notes for the next run by which times a file is known, where this one had to read it.
    pub fn note_times(&self) -> Result<(), CacheError> {
        match &self.cache {
            Some(cache) => cache.save(&self.files, Vec::new()),
            None => Ok(()),
        }
    }
}

fn add(hasher: &mut blake3::Hasher, text: &str) {
    hasher.update(&(text.len() as u64).to_le_bytes());
    hasher.update(text.as_bytes());
}

impl Found {
    fn new(path: String, origin: Origin, size: u64, stat: Option<Stat>) -> Found {
        Found { path, origin, size, stat, key: None, by_stat: false }
    }

    fn look_up(&mut self, store: &Store) {
        if let Some(known) = self.stat.and_then(|stat| store.known(&self.path, &stat)) {
            self.key = Some(known);
            self.by_stat = true;
            return;
        }
        // What cannot be read is said when it is read again.
        let Ok(bytes) = self.origin.bytes() else { return };
        let key = key(&self.path, &bytes);
        if !store.has(&key) {
            self.origin = Origin::Memory(bytes.into_owned());
        }
        self.key = Some(key);
    }
}

impl Cache {
    /// Leaves to the next run what this one knows of `files`, and what it read anew.
    pub(super) fn save(&self, files: &[Found], new: Vec<(Key, Vec<u8>)>) -> Result<(), CacheError> {
        let is_settled = |found: &Found| found.stat.is_some_and(|stat| stat.is_settled(self.start));
        let tells_more = !self.is_copy && files.iter().any(|found| !found.by_stat && is_settled(found));
        if new.is_empty() && !tells_more {
            return Ok(());
        }
        let rows = files.iter().filter(|found| is_settled(found));
        let rows = rows.filter_map(|found| Some((found.path.clone(), found.stat?, found.key?)));
        let saved = Saved {
            files: (!self.is_copy).then(|| rows.collect()),
            used: files.iter().filter_map(|found| found.key).collect(),
            new,
        };
        self.tree.write(|| self.store.save(saved))
    }
}
