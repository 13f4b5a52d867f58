//! Operations: what a call to a library does, in words that hold for every library.

use std::fmt;

macro_rules! kinds {
    ($(#[$doc:meta])* $type:ident { $($(#[$vdoc:meta])* $variant:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $type { $($(#[$vdoc])* $variant,)* }

        impl $type {
            pub const ALL: &'static [$type] = &[$($type::$variant,)*];

            pub fn name(self) -> &'static str {
                match self { $($type::$variant => $name,)* }
            }

            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.name() == name)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }
    };
}

kinds! {
    /// What an operation does.
    OpKind {
        HttpRequest = "http_request",
        Rpc = "rpc",
        DbRead = "db_read",
        /// Attribute `verb`: insert, update, upsert, delete, increment.
        DbWrite = "db_write",
        /// Runs SQL text (attribute `sql`), whose verb makes it a read, a write or a transaction statement.
        Sql = "sql",
        /// Stands for a column of the row that is written (attribute `key`: its name).
        Column = "column",
        /// Builds a statement (attributes `verb`, `entity`) that an operation of kind `sql` runs.
        Statement = "statement",
        TxBegin = "tx_begin",
        TxCommit = "tx_commit",
        TxRollback = "tx_rollback",
        /// A transaction around a callback, a `with` body or a decorated function.
        TxScope = "tx_scope",
        /// From here on an open transaction reaches statements without being handed to them.
        TxAmbient = "tx_ambient",
        AfterCommit = "after_commit",
        /// Waits until a replica has caught up, or pins reads to the primary.
        ReplicaSync = "replica_sync",
        /// Takes a connection out of a pool, and no transaction.
        ConnectionAcquire = "connection_acquire",
        ConnectionRelease = "connection_release",
        CacheRead = "cache_read",
        CacheWrite = "cache_write",
        CacheDelete = "cache_delete",
        ObjectRead = "object_read",
        ObjectWrite = "object_write",
        /// A lock that other machines see.
        LockAcquire = "lock_acquire",
        LockRelease = "lock_release",
        LockExtend = "lock_extend",
        /// A lock that the session of a database holds until it is given back or the session ends.
        SessionLock = "session_lock",
        SessionUnlock = "session_unlock",
        /// An in-process lock; attribute `sync` says whether waiting blocks the thread.
        Guard = "guard",
        GuardRelease = "guard_release",
        Publish = "publish",
        Consume = "consume",
        Ack = "ack",
        Nack = "nack",
        Enqueue = "enqueue",
        HandleJob = "handle_job",
        Spawn = "spawn",
        Join = "join",
        /// Starts all elements of a collection at once and waits (`Promise.all`, `gather`).
        Gather = "gather",
        ChannelNew = "channel_new",
        Send = "send",
        Receive = "receive",
        RetryScope = "retry_scope",
        TimeoutScope = "timeout_scope",
        Limiter = "limiter",
        ClockRead = "clock_read",
        MonotonicClock = "monotonic_clock",
        /// A fresh unique value: uuid, random.
        Fresh = "fresh",
        ConfigRead = "config_read",
        /// Makes a span of time (attributes `days` to `millis`).
        Duration = "duration",
        Sleep = "sleep",
        Notify = "notify",
        Payment = "payment",
        Consensus = "consensus",
        Log = "log",
        Metric = "metric",
        Trace = "trace",
        Route = "route",
        Middleware = "middleware",
        Cron = "cron",
        ServerStart = "server_start",
        Redirect = "redirect",
        /// Runs a function given to it here and now (`map`, `forEach`, `to_thread`).
        Apply = "apply",
        /// Checks that what came in is from a service that repeats it until it is answered.
        Delivery = "delivery",
        /// Has a function hear of what is handed on under the attribute `entity`, of what `key` is only.
        Listen = "listen",
    }
}

impl OpKind {
    /// Whether another system does it, while the one that asks waits for the answer: requests, mails, objects of a store.
    pub fn asks_another_system(self) -> bool {
        use OpKind as K;
        matches!(self, K::HttpRequest | K::Rpc | K::Payment | K::Notify | K::ObjectRead | K::ObjectWrite)
    }

    /// Whether it is done to another system, or to a store that others see.
    pub fn leaves_the_process(self) -> bool {
        use OpKind::*;
        matches!(
            self,
            HttpRequest
                | Rpc
                | DbRead
                | DbWrite
                | Sql
                | TxBegin
                | TxScope
                | CacheRead
                | CacheWrite
                | CacheDelete
                | ObjectRead
                | ObjectWrite
                | LockAcquire
                | LockRelease
                | LockExtend
                | SessionLock
                | Publish
                | Consume
                | Enqueue
                | Notify
                | Payment
                | Consensus
        )
    }
}

kinds! {
    /// What may be known of an operation.
    Attr {
        Entity = "entity",
        Role = "role",
        Verb = "verb",
        Method = "method",
        Url = "url",
        Key = "key",
        Value = "value",
        Ttl = "ttl",
        Timeout = "timeout",
        Attempts = "attempts",
        Backoff = "backoff",
        Jitter = "jitter",
        Capacity = "capacity",
        Concurrency = "concurrency",
        /// At most how many rows are read.
        Limit = "limit",
        IdempotencyKey = "idempotency_key",
        Token = "token",
        Condition = "condition",
        Requeue = "requeue",
        Isolation = "isolation",
        Sync = "sync",
        Sql = "sql",
        Path = "path",
        Handler = "handler",
        Callback = "callback",
        DeadLetter = "dead_letter",
        AutoAck = "auto_ack",
        /// Whether a message or job whose handler stopped half-way comes again; where a model is silent it does.
        Redelivered = "redelivered",
        Payload = "payload",
        Transaction = "transaction",
        Retries = "retries",
        /// The columns that a write sets, by their names.
        Columns = "columns",
        /// How long a job waits before it may run.
        Delay = "delay",
        /// What is there once an item that was sent has been dealt with.
        Completion = "completion",
        Days = "days",
        Hours = "hours",
        Minutes = "minutes",
        Seconds = "seconds",
        Millis = "millis",
        /// Of a write: whether it fails where no row is as it asks.
        Missing = "missing",
        /// The failures that are retried: an exception class, or several. Of what waits for several: whether those that failed
        /// are among what it gives.
        Errors = "errors",
        /// Of a retry that a client does: whether what it does to a request before it sends it is done to each attempt.
        Hooks = "hooks",
        /// The objects that the mapper watches from now on: what is stored into them is written at the next flush.
        Tracked = "tracked",
        /// What carries an open transaction (`=given`: what the callback gets), or what a statement runs on where that is not
        /// the receiver; a statement that is given none takes a connection of its own.
        Connection = "connection",
        /// The object that keys are kept in, and mean nothing beside.
        Space = "space",
        /// It is taken with the first statement, and given back with the end of each transaction.
        Lazy = "lazy",
        /// Of a transaction: a part of one that is open already, if one is.
        Joins = "joins",
        /// Of an annotation: an object in front of the annotated one sees to it, which calls of the object by itself do not pass.
        Proxied = "proxied",
    }
}
