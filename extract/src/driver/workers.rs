//! Threads that lower files side by side. One file cannot hold up the others: what takes too long is given up, with its thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use distsys_facts::{DiagnosticKind, FactBase};

use super::read::{self, Origin, Refusal};
use super::{ExtractError, Progress, Reached, Watch};
use crate::cache::{self, Key, Part};

/// Parsers recurse; this holds what [`super::guard`] lets pass. Only what is used becomes real memory.
const STACK_BYTES: usize = 256 << 20;
/// How often limits are looked at.
const TICK: Duration = Duration::from_millis(20);

/// A file that is to be lowered.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) path: String,
    pub(super) origin: Origin,
}

/// What came of a file.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) outcome: Result<FactBase, Refusal>,
    /// For the cache, if one is kept and the outcome is one of the text alone.
    pub(super) kept: Option<(Key, Vec<u8>)>,
}

/// What came of all: in the order of the jobs, none where a limit of the run was reached before.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) done: Vec<Option<Done>>,
    pub(super) reached: Option<Reached>,
}

struct Shared {
    jobs: Vec<Job>,
    /// Numbers of jobs, in the order in which they are taken.
    order: Vec<usize>,
    next: AtomicUsize,
    keep: bool,
}

/// What a worker is at.
#[derive(Default)]
struct Desk {
    /// The job and when it was begun.
    job: Mutex<Option<(usize, Instant)>>,
    /// Its worker takes no further job.
    is_left: AtomicBool,
}

/// Lowers all `jobs` on `threads` threads, in the given order; `keep`: for the cache, too.
pub(super) fn lower_all(
    jobs: Vec<Job>,
    order: Vec<usize>,
    keep: bool,
    threads: usize,
    watch: &Watch,
    progress: Progress<'_>,
) -> Result<Work, ExtractError> {
    let mut work = Work { done: jobs.iter().map(|_| None).collect(), reached: None };
    let (all, threads) = (jobs.len(), threads.min(jobs.len()));
    let shared = Arc::new(Shared { jobs, order, next: AtomicUsize::new(0), keep });
    let (sender, receiver) = channel();
    let mut desks = Vec::new();
    for _ in 0..threads {
        desks.push(hire(&shared, &sender)?);
    }
    let mut open = all;
    let mut looked = Instant::now();
    while open > 0 {
        match receiver.recv_timeout(TICK) {
            // What was given up may come late.
            Ok((at, done)) => {
                if work.done[at].is_none() {
                    work.done[at] = Some(done);
                    open -= 1;
                    progress(all - open, all);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if looked.elapsed() < TICK {
            continue;
        }
        looked = Instant::now();
        work.reached = watch.reached_by_reading();
        if work.reached.is_some() {
            shared.next.store(all, Ordering::Relaxed);
            break;
        }
        for desk in &mut desks {
            let job = *desk.job.lock().unwrap_or_else(PoisonError::into_inner);
            let Some((at, _)) = job.filter(|(_, begun)| begun.elapsed() > watch.limits.file) else { continue };
            if work.done[at].is_some() {
                continue;
            }
            desk.is_left.store(true, Ordering::Relaxed);
            *desk = hire(&shared, &sender)?;
            let seconds = watch.limits.file.as_secs_f64();
            let message = format!("reading it took more than {seconds} s; the file is given up");
            work.done[at] = Some(Done { outcome: Err((DiagnosticKind::Timeout, message)), kept: None });
            open -= 1;
            progress(all - open, all);
        }
    }
    Ok(work)
}

fn hire(shared: &Arc<Shared>, sender: &Sender<(usize, Done)>) -> Result<Arc<Desk>, ExtractError> {
    let desk = Arc::new(Desk::default());
    let (shared, sender, own) = (Arc::clone(shared), sender.clone(), Arc::clone(&desk));
    thread::Builder::new()
        .name("lower".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(move || {
            let set = |job| *own.job.lock().unwrap_or_else(PoisonError::into_inner) = job;
            while !own.is_left.load(Ordering::Relaxed) {
                let Some(&at) = shared.order.get(shared.next.fetch_add(1, Ordering::Relaxed)) else { break };
                set(Some((at, Instant::now())));
                let done = catch_unwind(AssertUnwindSafe(|| do_job(&shared.jobs[at], shared.keep)));
                set(None);
                let done = done.unwrap_or_else(|_| {
                    let message = "reading this file failed; please report it".to_owned();
                    Done { outcome: Err((DiagnosticKind::Internal, message)), kept: None }
                });
                if sender.send((at, done)).is_err() {
                    break;
                }
            }
        })
        .map_err(|error| ExtractError::Threads(error.to_string()))?;
    Ok(desk)
}

fn do_job(job: &Job, keep: bool) -> Done {
    let bytes = match job.origin.bytes() {
        Ok(bytes) => bytes,
        Err(refusal) => return Done { outcome: Err(refusal), kept: None },
    };
    let outcome = read::lower(&job.path, &bytes);
    // A fault of ours may be one of the moment: memory, a thread's state.
    let is_of_the_text = !matches!(outcome, Err((DiagnosticKind::Internal, _)));
    let kept = (keep && is_of_the_text).then(|| {
        let encoded = Part::encode(outcome.as_ref().map_err(|(kind, message)| (*kind, message.as_str())));
        (cache::key(&job.path, &bytes), encoded)
    });
    Done { outcome, kept }
}
