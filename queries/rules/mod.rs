//! The catalogue. To add a rule: its file, its page, and a line here.

macro_rules! rules {
    ($($module:ident = $path:literal,)*) => {
        $(#[path = $path] mod $module;)*

        pub(crate) const RULES: &[&crate::Rule] = &[$(&$module::RULE,)*];
    };
}

rules! {
    retry_without_idempotency_key = "retries/retry-without-idempotency-key.rs",
    unbounded_queue = "bounds/unbounded-queue.rs",
    lock_without_fenced_write = "fencing/lock-without-fenced-write.rs",
    write_then_replica_read = "replication/write-then-replica-read.rs",
    enqueue_before_commit = "ordering/enqueue-before-commit.rs",
    lock_held_across_await = "runtime/lock-held-across-await.rs",
}
