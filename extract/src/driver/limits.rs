//! What a run may take: time and memory for the whole, time for one file.

use std::time::{Duration, Instant};

/// Limits of a run. What is left undone when one is reached is said; what was done stays.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A file that takes longer is given up, alone. The largest files of real trees take a fifth of a second.
    pub file: Duration,
    /// The whole run.
    pub time: Option<Duration>,
    /// Bytes of memory of the process.
    pub memory: Option<u64>,
}

impl Limits {
    pub const FILE: Duration = Duration::from_secs(10);

    /// Whether the system says how much memory a process holds; Linux does.
    pub fn can_watch_memory() -> bool {
        memory().is_some()
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits { file: Self::FILE, time: None, memory: None }
    }
}

/// Which limit of a run was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    Time(Duration),
    Memory(u64),
}

impl std::fmt::Display for Reached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Reached::Time(limit) => write!(f, "the time limit of {} s (--timeout)", limit.as_secs_f64()),
            Reached::Memory(limit) => write!(f, "the memory limit of {} MB (--max-memory)", limit / 1_000_000),
        }
    }
}

/// Limits of a run that has begun.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    pub limits: Limits,
    start: Instant,
}

impl Watch {
    pub fn start(limits: Limits) -> Self {
        Watch { limits, start: Instant::now() }
    }

    /// Whether there is anything to watch but single files.
    pub fn is_bounded(&self) -> bool {
        self.limits.time.is_some() || self.limits.memory.is_some()
    }

    pub fn reached(&self) -> Option<Reached> {
        self.reached_share(1)
    }

    /// Reading takes about half of a run's time, and facts half of its memory: it stops there, so that what was read can be
    /// judged.
    pub(super) fn reached_by_reading(&self) -> Option<Reached> {
        self.reached_share(2)
    }

    /// The limit of which one part of `of` is used up.
    fn reached_share(&self, of: u32) -> Option<Reached> {
        if let Some(limit) = self.limits.time.filter(|limit| self.start.elapsed() >= *limit / of) {
            return Some(Reached::Time(limit));
        }
        let limit = self.limits.memory?;
        (memory()? > limit / u64::from(of)).then_some(Reached::Memory(limit))
    }
}

/// The memory that the process holds now, in bytes; none where the system does not say.
pub fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}
