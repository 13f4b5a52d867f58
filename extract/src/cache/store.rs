//! What is kept of one tree: read at the start of a run, written at its end.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use distsys_facts::bundle::{self, Derived};
use distsys_facts::{DiagnosticKind, FactBase, Word};

use super::index::{FileRow, Index, PartRow, Segment};
use super::{Key, Stat, sealed};

const INDEX: &str = "index";
const PART: &str = "part-";
/// What no index names is removed when it is older: a run at this time may be about to name it.
const ORPHAN_AGE: Duration = Duration::from_secs(3600);

/// What reading a file gave.
#[derive(Debug)]
pub(crate) enum Part {
    Facts(Box<FactBase>),
    /// The file gives no facts, whoever reads it.
    Refused(DiagnosticKind, String),
}

const FACTS: u8 = 0;
const REFUSED: u8 = 1;

impl Part {
    /// As bytes of a segment.
    pub(crate) fn encode(outcome: Result<&FactBase, (DiagnosticKind, &str)>) -> Vec<u8> {
        match outcome {
            Ok(facts) => {
                let mut bytes = bundle::write(facts, &Derived::default());
                bytes.push(FACTS);
                bytes
            }
            Err((kind, message)) => {
                let mut bytes = message.as_bytes().to_vec();
                bytes.extend([kind.number() as u8, REFUSED]);
                bytes
            }
        }
    }

    fn decode(bytes: &[u8]) -> Option<Part> {
        match bytes {
            [bundle @ .., FACTS] => Some(Part::Facts(Box::new(bundle::read_to_merge(bundle).ok()?.0))),
            [message @ .., kind, REFUSED] => {
                let kind = DiagnosticKind::from_number(u32::from(*kind))?;
                Some(Part::Refused(kind, std::str::from_utf8(message).ok()?.to_owned()))
            }
            _ => None,
        }
    }
}

/// What a run leaves to the next one.
#[derive(Debug)]
pub(crate) struct Saved {
    /// By path; none: the tree is a copy whose times say nothing.
    pub(crate) files: Option<Vec<(String, Stat, Key)>>,
    /// All keys of the run.
    pub(crate) used: Vec<Key>,
    /// What was read anew, as bytes, by key.
    pub(crate) new: Vec<(Key, Vec<u8>)>,
}

/// The cache of one tree, as the last run left it.
#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    index: Index,
    /// Read when first asked for.
    segments: Vec<OnceLock<Vec<u8>>>,
}

impl Store {
    /// What is not there or not whole is empty.
    pub(crate) fn open(folder: &Path) -> Store {
        let index = sealed::read(&folder.join(INDEX)).and_then(|bytes| Index::decode(&bytes)).unwrap_or_default();
        let segments = index.segments.iter().map(|_| OnceLock::new()).collect();
        Store { folder: folder.to_path_buf(), index, segments }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// The key of a file that has not changed since a run read it.
    pub(crate) fn known(&self, path: &str, stat: &Stat) -> Option<Key> {
        self.index.file(path).filter(|row| row.stat == *stat).map(|row| row.key)
    }

    pub(crate) fn has(&self, key: &Key) -> bool {
        self.index.part(key).is_some()
    }

    pub(crate) fn part(&self, key: &Key) -> Option<Part> {
        Part::decode(self.bytes(self.index.part(key)?)?)
    }

    fn bytes(&self, row: &PartRow) -> Option<&[u8]> {
        let at = row.segment as usize;
        let segment = self.segments.get(at)?;
        let bytes = segment.get_or_init(|| fs::read(self.path_of(self.index.segments[at])).unwrap_or_default());
        let start = usize::try_from(row.offset).ok()?;
        let bytes = bytes.get(start..start.checked_add(row.length as usize)?)?;
        (*blake3::hash(bytes).as_bytes() == row.hash).then_some(bytes)
    }

    fn path_of(&self, segment: Segment) -> PathBuf {
        self.folder.join(format!("{PART}{:016x}", segment.id))
    }

    /// Leaves to the next run what this one knows.
    pub(crate) fn save(&self, mut saved: Saved) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        saved.used.sort_unstable();
        saved.new.sort_unstable_by_key(|(key, _)| *key);
        let segment = self.write_segment(saved.new.iter().map(|(key, bytes)| (*key, bytes.as_slice())))?;
        let files = saved.files.map(|files| {
            let mut rows: Vec<FileRow> =
                files.into_iter().map(|(path, stat, key)| FileRow::new(path, stat, key)).collect();
            rows.sort_by(|a, b| a.path.cmp(&b.path));
            rows
        });
        let (rows, segment) = segment.unzip();
        let mut index = self.index.after(files, &saved.used, rows.unwrap_or_default(), segment);
        if index.is_scattered() {
            index = self.gather(index, &saved.new)?;
            if let Some(segment) = segment.filter(|segment| !index.segments.contains(segment)) {
                let _ = fs::remove_file(self.path_of(segment));
            }
        }
        let bytes = index.encode().ok_or(io::ErrorKind::InvalidData)?;
        sealed::write(&self.folder.join(INDEX), &bytes)?;
        self.sweep(&index);
        Ok(())
    }

    /// Writes all that the last run used into one segment.
    fn gather(&self, index: Index, new: &[(Key, Vec<u8>)]) -> io::Result<Index> {
        let parts: Vec<(Key, &[u8])> = index
            .fresh_parts()
            .filter_map(|part| {
                let new = new.binary_search_by(|(key, _)| key.cmp(&part.key)).ok().map(|at| new[at].1.as_slice());
                let bytes = new.or_else(|| self.index.part(&part.key).and_then(|row| self.bytes(row)));
                Some((part.key, bytes?))
            })
            .collect();
        Ok(match self.write_segment(parts.into_iter())? {
            Some((rows, segment)) => index.gathered(rows, segment),
            None => index,
        })
    }

    fn write_segment<'b>(
        &self,
        parts: impl Iterator<Item = (Key, &'b [u8])>,
    ) -> io::Result<Option<(Vec<PartRow>, Segment)>> {
        let (mut rows, mut pieces, mut offset) = (Vec::new(), Vec::new(), 0);
        let mut name = blake3::Hasher::new();
        for (key, bytes) in parts {
            let row = PartRow::new(key, offset, bytes);
            // Named by what it holds: two runs that write the same write the same file.
            name.update(&row.hash).update(&key);
            rows.push(row);
            pieces.push(bytes);
            offset += bytes.len() as u64;
        }
        if rows.is_empty() {
            return Ok(None);
        }
        let hash = name.finalize();
        let id = hash.as_bytes().iter().take(8).fold(0, |id, byte| id << 8 | u64::from(*byte));
        let segment = Segment { id, bytes: offset };
        sealed::replace(&self.path_of(segment), &pieces)?;
        Ok(Some((rows, segment)))
    }

    /// Removes segments that no index names any more, and what killed runs left half written.
    fn sweep(&self, index: &Index) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        let named: Vec<PathBuf> = index.segments.iter().map(|segment| self.path_of(*segment)).collect();
        let before: Vec<PathBuf> = self.index.segments.iter().map(|segment| self.path_of(*segment)).collect();
        let now = SystemTime::now();
        for entry in entries.filter_map(Result::ok) {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let path = entry.path();
            let is_ours = name.starts_with(PART) || name.starts_with(super::folder::TEMPORARY);
            if !is_ours || named.contains(&path) {
                continue;
            }
            let Ok(written) = entry.metadata().and_then(|metadata| metadata.modified()) else { continue };
            // One of tomorrow was written before the clock was set back; one of this moment is another run's.
            let age = now.duration_since(written).unwrap_or_else(|error| error.duration());
            let is_old = age > ORPHAN_AGE;
            if is_old || before.contains(&path) {
                let _ = fs::remove_file(path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::key;

    fn saved(texts: &[&str], new: &[&str]) -> Saved {
        let key = |text: &&str| key("a.py", text.as_bytes());
        let part = |text: &&str| (key(text), Part::encode(Err((DiagnosticKind::Minified, text))));
        Saved { files: Some(Vec::new()), used: texts.iter().map(key).collect(), new: new.iter().map(part).collect() }
    }

    fn message(store: &Store, text: &str) -> Option<String> {
        match store.part(&key("a.py", text.as_bytes()))? {
            Part::Refused(DiagnosticKind::Minified, message) => Some(message),
            other => panic!("{other:?}"),
        }
    }

    fn segments(folder: &Path) -> usize {
        let entries = fs::read_dir(folder).expect("it is there").filter_map(Result::ok);
        entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(PART)).count()
    }

    #[test]
    fn many_small_changes_stay_in_few_segments() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let long = "x".repeat(200_000);
        Store::open(folder.path()).save(saved(&[&long], &[&long])).expect("it can be written");
        for step in 0..60 {
            let text = format!("step {step}");
            Store::open(folder.path()).save(saved(&[&long, &text], &[&text])).expect("it can be written");
            let store = Store::open(folder.path());
            assert_eq!(message(&store, &long).as_ref(), Some(&long), "{step}");
            assert_eq!(message(&store, &text).as_ref(), Some(&text), "{step}");
            assert!(segments(folder.path()) <= 14, "{} segments", segments(folder.path()));
        }
        // What no run used for long is gone.
        assert_eq!(message(&Store::open(folder.path()), "step 0"), None);
    }

    #[test]
    fn what_grew_useless_is_written_anew() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for step in 0..10 {
            let text = format!("{step}").repeat(300_000);
            Store::open(folder.path()).save(saved(&[&text], &[&text])).expect("it can be written");
        }
        let held: u64 = fs::read_dir(folder.path())
            .expect("it is there")
            .map(|entry| entry.and_then(|entry| entry.metadata()).map_or(0, |metadata| metadata.len()))
            .sum();
        assert!(held < 1_000_000, "{held} bytes");
    }

    #[test]
    fn a_part_that_is_gone_is_no_part() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Store::open(folder.path()).save(saved(&["a"], &["a"])).expect("it can be written");
        for entry in fs::read_dir(folder.path()).expect("it is there").filter_map(Result::ok) {
            if entry.file_name().to_string_lossy().starts_with(PART) {
                fs::remove_file(entry.path()).expect("its owner may");
            }
        }
        let store = Store::open(folder.path());
        assert_eq!(message(&store, "a"), None);
        store.save(saved(&["a"], &["a"])).expect("it can be written");
        assert_eq!(message(&Store::open(folder.path()), "a").as_deref(), Some("a"));
    }
}
