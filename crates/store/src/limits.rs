//! Every limit of the store, with its unit and its reason.

/// Jobs that wait for the writer. A full queue is answered with "busy": the caller
/// knows at once instead of after its patience.
pub const QUEUE_JOBS_MAX: usize = 4_096;

/// Bytes of rows that wait for the writer: bounds memory when payloads are large.
pub const QUEUE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Jobs of one transaction: the first one's caller waits for all of them.
pub const TRANSACTION_JOBS_MAX: usize = 1_024;

/// Bytes of rows after which a transaction takes no further job.
pub const TRANSACTION_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Counted for a job besides the bytes it carries.
pub const JOB_BYTES: usize = 512;

/// Connections that read. Each costs its page cache.
pub const READERS_MAX: u32 = 2;

/// Page cache of a connection. The operating system caches the file as well.
pub const CACHE_KIB: i64 = 1_024;

/// Bytes of a page. Chunks of 500 to 700 bytes leave less of a page unused than with
/// 4 KiB (665 instead of 705 bytes for a run with a chunk of 500), and values up to
/// 8 KiB need no overflow page. Commits are as fast.
pub const PAGE_BYTES: u32 = 8_192;

/// Pages in the write-ahead log after which it is copied to the database: 8 MiB.
/// Twice that copies less often and lets the commits that wait for it wait longer.
pub const WAL_PAGES: u32 = 1_024;

/// Bytes of the write-ahead log's file that stay allocated after a peak.
pub const WAL_BYTES_KEPT: u32 = 32 * 1024 * 1024;

/// Seconds between two lines of the log about the same failure of transactions: a full
/// disk fails hundreds each second.
pub const FAILURE_LOGGED_SECONDS: u64 = 10;

/// Milliseconds to wait for a lock that another program holds (a backup).
pub const LOCK_WAIT_MS: u64 = 5_000;

/// Prepared statements that a connection keeps.
pub const STATEMENTS_MAX: usize = 96;

/// Runs that one transaction of retention removes, so that others are not delayed.
pub const RETENTION_RUNS_MAX: usize = 64;

/// Pages that one transaction gives back to the file system.
pub const RECLAIM_PAGES_MAX: u64 = 128;

/// Rows of a page when everything is exported.
pub const PAGE_ROWS: usize = 512;

/// Bytes of rows after which a page of an export is full: one row more may be in it.
pub const PAGE_ROW_BYTES: usize = 1024 * 1024;

/// Pages that wait between who exports and who takes them.
pub const PAGES_QUEUED_MAX: usize = 8;

/// Uncompressed bytes of a payload that reading accepts.
pub const PAYLOAD_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Connections to PostgreSQL that read.
pub const POSTGRES_READERS_MAX: usize = 4;

/// Connections to PostgreSQL that keep the leases: a node says that it lives while it waits
/// for partitions.
pub const POSTGRES_KEEPERS_MAX: usize = 2;

/// Milliseconds to wait for an answer of PostgreSQL: a database that is frozen, or a network
/// that loses everything, holds nobody for ever.
pub const ANSWER_WAIT_MS: u64 = 10_000;

/// Milliseconds for a connection to PostgreSQL to come about.
pub const CONNECT_WAIT_MS: u64 = 3_000;

/// Milliseconds in which a lost connection is replaced before jobs are told that the
/// database is gone.
pub const RECONNECT_WAIT_MS: u64 = 3_000;

/// Milliseconds between two attempts to connect, the first ones and those after many.
pub const RECONNECT_PAUSE_MS: u64 = 50;
pub const RECONNECT_PAUSE_MS_MAX: u64 = 1_000;

/// Milliseconds in which it is found out what became of a commit whose answer was lost.
pub const RESOLVE_WAIT_MS: u64 = 20_000;

/// Milliseconds that such a commit may go on before its connection is ended at the server.
pub const COMMITTING_WAIT_MS: u64 = 1_000;

/// Milliseconds after which the server ends a statement, and a transaction that nobody goes
/// on with: a node that froze holds locks that others wait for. Less than we wait.
pub const STATEMENT_MS: u64 = 8_000;

/// Times that a transaction is tried again when the database says that it met another.
pub const MEETINGS_MAX: u32 = 8;

/// Times that a transaction is tried again after its connection was lost.
pub const LOSSES_MAX: u32 = 8;

/// Hints that wait to be sent to other nodes, and that wait for who listens; more are lost.
pub const HINTS_QUEUED_MAX: usize = 1_024;
