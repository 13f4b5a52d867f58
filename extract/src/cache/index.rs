//! The index of a tree: which content its files have, and where the facts of a content lie.

use serde::{Deserialize, Serialize};

use super::{EXTRACTOR, Key, Stat};

/// Runs that read something anew, after which what none of them used is dropped. Switching between branches stays warm.
const MAX_IDLE: u8 = 8;
/// More segments than this are written together into one.
const MAX_SEGMENTS: usize = 12;

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Index {
    extractor: String,
    /// By path; only what is settled.
    files: Vec<FileRow>,
    /// By key.
    parts: Vec<PartRow>,
    pub(super) segments: Vec<Segment>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FileRow {
    pub(super) path: String,
    pub(super) stat: Stat,
    pub(super) key: Key,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct PartRow {
    pub(super) key: Key,
    /// Which of the index's segments.
    pub(super) segment: u32,
    pub(super) offset: u64,
    pub(super) length: u32,
    /// Of its bytes.
    pub(super) hash: Key,
    /// Runs since it was used.
    idle: u8,
}

/// A file `part-<id>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Segment {
    pub(super) id: u64,
    pub(super) bytes: u64,
}

impl Index {
    /// `None` if the bytes are of another version of this program.
    pub(super) fn decode(bytes: &[u8]) -> Option<Index> {
        let index: Index = postcard::from_bytes(bytes).ok()?;
        let is_sound = index.extractor == EXTRACTOR
            && index.files.is_sorted_by(|a, b| a.path < b.path)
            && index.parts.is_sorted_by(|a, b| a.key < b.key)
            && index.parts.iter().all(|part| (part.segment as usize) < index.segments.len());
        is_sound.then_some(index)
    }

    pub(super) fn encode(&self) -> Option<Vec<u8>> {
        postcard::to_allocvec(self).ok()
    }

    pub(super) fn file(&self, path: &str) -> Option<&FileRow> {
        self.files.binary_search_by(|row| row.path.as_str().cmp(path)).ok().map(|at| &self.files[at])
    }

    pub(super) fn part(&self, key: &Key) -> Option<&PartRow> {
        self.parts.binary_search_by(|row| row.key.cmp(key)).ok().map(|at| &self.parts[at])
    }

    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The index after a run that used `used` (by key) and wrote `new`, whose rows are of `segment`. Without `files` those of
    /// before stay.
    pub(super) fn after(
        &self,
        files: Option<Vec<FileRow>>,
        used: &[Key],
        new: Vec<PartRow>,
        segment: Option<Segment>,
    ) -> Index {
        let mut segments = self.segments.clone();
        segments.extend(segment);
        // Only a run that read something anew says that what it did not use was left behind.
        let age = u8::from(!new.is_empty());
        let number = segments.len().saturating_sub(1) as u32;
        let mut parts: Vec<PartRow> = new.into_iter().map(|part| PartRow { segment: number, ..part }).collect();
        parts.sort_unstable_by_key(|part| part.key);
        parts.dedup_by(|a, b| a.key == b.key);
        let kept = self.parts.iter().filter(|part| parts.binary_search_by(|new| new.key.cmp(&part.key)).is_err());
        let kept: Vec<PartRow> = kept
            .filter_map(|part| match used.binary_search(&part.key) {
                Ok(_) => Some(PartRow { idle: 0, ..*part }),
                Err(_) => (part.idle + age <= MAX_IDLE).then_some(PartRow { idle: part.idle + age, ..*part }),
            })
            .collect();
        parts.extend(kept);
        parts.sort_unstable_by_key(|part| part.key);
        let files = files.unwrap_or_else(|| {
            let rows = self.files.iter().map(|row| FileRow { path: row.path.clone(), ..*row });
            rows.collect()
        });
        let mut index = Index { extractor: EXTRACTOR.to_owned(), files, parts, segments };
        index.drop_unused_segments();
        index
    }

    fn drop_unused_segments(&mut self) {
        let mut numbers = vec![None; self.segments.len()];
        self.parts.iter().for_each(|part| numbers[part.segment as usize] = Some(0u32));
        for (next, number) in numbers.iter_mut().flatten().enumerate() {
            *number = next as u32;
        }
        let mut at = 0;
        self.segments.retain(|_| {
            at += 1;
            numbers[at - 1].is_some()
        });
        for part in &mut self.parts {
            part.segment = numbers[part.segment as usize].unwrap_or_default();
        }
    }

    /// Whether the segments should be written together: there are many, or half of their bytes is of no use.
    pub(super) fn is_scattered(&self) -> bool {
        let held: u64 = self.segments.iter().map(|segment| segment.bytes).sum();
        let used: u64 = self.parts.iter().filter(|part| part.idle == 0).map(|part| u64::from(part.length)).sum();
        self.segments.len() > MAX_SEGMENTS || held > 2 * used.max(1 << 16)
    }

    /// The index after all parts of the last run were written to one segment.
    pub(super) fn gathered(self, parts: Vec<PartRow>, segment: Segment) -> Index {
        let mut parts = parts;
        parts.sort_unstable_by_key(|part| part.key);
        Index { parts, segments: vec![segment], ..self }
    }

    /// The parts that the last run used.
    pub(super) fn fresh_parts(&self) -> impl Iterator<Item = &PartRow> {
        self.parts.iter().filter(|part| part.idle == 0)
    }
}

impl PartRow {
    pub(super) fn new(key: Key, offset: u64, bytes: &[u8]) -> Self {
        let hash = *blake3::hash(bytes).as_bytes();
        PartRow { key, segment: 0, offset, length: bytes.len() as u32, hash, idle: 0 }
    }
}

impl FileRow {
    pub(super) fn new(path: String, stat: Stat, key: Key) -> Self {
        FileRow { path, stat, key }
    }
}
