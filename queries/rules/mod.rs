//! The catalogue. To add a rule: its file, its page, and a line here.

macro_rules! rules {
    ($($module:ident = $path:literal,)*) => {
        $(#[path = $path] mod $module;)*

        pub(crate) const RULES: &[&crate::Rule] = &[$(&$module::RULE,)*];
    };
}

rules! {
    idempotency_key_per_attempt = "retries/idempotency-key-per-attempt.rs",
    retry_of_side_effect = "retries/retry-of-side-effect.rs",
    retry_without_idempotency_key = "retries/retry-without-idempotency-key.rs",
    unbounded_queue = "bounds/unbounded-queue.rs",
    lock_release_without_owner_check = "fencing/lock-release-without-owner-check.rs",
    lock_without_expiry = "fencing/lock-without-expiry.rs",
    lock_without_fenced_write = "fencing/lock-without-fenced-write.rs",
    write_then_replica_read = "replication/write-then-replica-read.rs",
    remote_call_in_transaction = "transactions/remote-call-in-transaction.rs",
    missing_timeout = "capacity/missing-timeout.rs",
    enqueue_before_commit = "ordering/enqueue-before-commit.rs",
    lock_held_across_await = "runtime/lock-held-across-await.rs",
}
