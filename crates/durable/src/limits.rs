//! Every limit of the durable core, with its unit and its reason.

/// Partitions of a store: units of ownership between nodes, not tables. Fixed for
/// the life of a store.
pub const PARTITIONS: u16 = 256;

/// Bytes of events, before compression, after which a step stops and commits: a
/// chunk stays quick to read, and other processes get their turn.
pub const CHUNK_BYTES_MAX: usize = 256 * 1024;

/// Actions after which a step stops and commits, so that cancel, fairness and
/// memory act within long loops.
pub const STEP_ACTIONS_MAX: u32 = 4_096;

/// Bytes of large values, before compression, after which a step stops and commits: they
/// are held in memory until then, and a loop may make thousands of them.
pub const STEP_PAYLOAD_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Events after which a waiting run is written down whole: loading it reads at most
/// about as many.
pub const SNAPSHOT_EVENTS: u64 = 4_096;

/// Values larger than this, encoded, are stored once by hash instead of within
/// the chunk that mentions them.
pub const PAYLOAD_BYTES_MIN: usize = 32 * 1024;

/// Bytes of a thread's compression scratch that are kept for the next time.
pub const SCRATCH_BYTES_KEPT: usize = 512 * 1024;

/// Uncompressed bytes that decoding a chunk accepts: the largest step plus one
/// action's inputs and outputs that stay inline.
pub const CHUNK_BYTES_DECODED_MAX: usize = 8 * 1024 * 1024;
