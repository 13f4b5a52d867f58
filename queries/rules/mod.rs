//! The catalogue. To add a rule: its file, its page, and a line here.

macro_rules! rules {
    ($($module:ident = $path:literal,)*) => {
        $(#[path = $path] mod $module;)*

        pub(crate) const RULES: &[&crate::Rule] = &[$(&$module::RULE,)*];
    };
}

rules! {
    dual_write = "retries/dual-write.rs",
    hot_row_counter = "hot-spots/hot-row-counter.rs",
    idempotency_key_per_attempt = "retries/idempotency-key-per-attempt.rs",
    redelivery_without_dedup = "retries/redelivery-without-dedup.rs",
    retry_of_side_effect = "retries/retry-of-side-effect.rs",
    retry_without_idempotency_key = "retries/retry-without-idempotency-key.rs",
    unbounded_fanout = "bounds/unbounded-fanout.rs",
    unbounded_queue = "bounds/unbounded-queue.rs",
    unbounded_retry = "bounds/unbounded-retry.rs",
    lock_not_released_on_error = "fencing/lock-not-released-on-error.rs",
    lock_release_without_owner_check = "fencing/lock-release-without-owner-check.rs",
    lock_without_expiry = "fencing/lock-without-expiry.rs",
    lock_without_fenced_write = "fencing/lock-without-fenced-write.rs",
    lost_update = "fencing/lost-update.rs",
    cache_not_invalidated = "caching/cache-not-invalidated.rs",
    cache_stampede = "caching/cache-stampede.rs",
    replica_read_modify_write = "replication/replica-read-modify-write.rs",
    write_then_replica_read = "replication/write-then-replica-read.rs",
    last_write_wins = "time/last-write-wins.rs",
    wall_clock_duration = "time/wall-clock-duration.rs",
    ack_before_processing = "messaging/ack-before-processing.rs",
    requeue_forever = "messaging/requeue-forever.rs",
    swallowed_consumer_error = "messaging/swallowed-consumer-error.rs",
    post_without_idempotency_key = "end-to-end/post-without-idempotency-key.rs",
    remote_call_in_transaction = "transactions/remote-call-in-transaction.rs",
    statement_outside_transaction = "transactions/statement-outside-transaction.rs",
    enqueue_before_commit = "ordering/enqueue-before-commit.rs",
    connection_held_across_remote_call = "capacity/connection-held-across-remote-call.rs",
    connection_not_released_on_error = "capacity/connection-not-released-on-error.rs",
    missing_timeout = "capacity/missing-timeout.rs",
    timeout_inversion = "capacity/timeout-inversion.rs",
    swallowed_remote_error = "observability/swallowed-remote-error.rs",
    floating_effect = "runtime/floating-effect.rs",
    lock_held_across_await = "runtime/lock-held-across-await.rs",
}
