//! What a file system says of a file without reading it.

use std::fs::Metadata;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// The coarsest clock of a file system that is in use (FAT counts in steps of two seconds).
const COARSEST: Duration = Duration::from_secs(2);

/// Two equal ones, the earlier of which was settled, are of one content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stat {
    pub(crate) size: u64,
    /// Nanoseconds since 1970: when the content changed, and when the inode did (which no program can set back).
    modified: i64,
    changed: i64,
    inode: u64,
    device: u64,
}

impl Stat {
    pub(crate) fn of(metadata: &Metadata) -> Option<Stat> {
        let modified = nanoseconds(metadata.modified().ok()?)?;
        #[cfg(unix)]
        let (changed, inode, device) = {
            use std::os::unix::fs::MetadataExt;
            let changed = metadata.ctime().checked_mul(1_000_000_000)?.checked_add(metadata.ctime_nsec())?;
            (changed, metadata.ino(), metadata.dev())
        };
        #[cfg(not(unix))]
        let (changed, inode, device) = (modified, 0, 0);
        Some(Stat { size: metadata.len(), modified, changed, inode, device })
    }

    /// Whether a change after `start`, when reading began, would show in the times. One in the same tick of the clock would not,
    /// nor one under a clock that was set back.
    pub(crate) fn is_settled(&self, start: SystemTime) -> bool {
        let last = self.modified.max(self.changed);
        start.checked_sub(COARSEST).and_then(nanoseconds).is_some_and(|start| last < start)
    }
}

fn nanoseconds(time: SystemTime) -> Option<i64> {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_nanos()).ok(),
        Err(before) => i64::try_from(before.duration().as_nanos()).ok().map(|nanoseconds| -nanoseconds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_just_now_is_not_settled() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let stat = Stat::of(&file.as_file().metadata().expect("it is there")).expect("it has times");
        let now = SystemTime::now();
        assert!(!stat.is_settled(now));
        assert!(stat.is_settled(now + Duration::from_secs(60)));
        // A clock that was set back: the file is of tomorrow.
        assert!(!stat.is_settled(now - Duration::from_secs(86_400)));
    }
}
