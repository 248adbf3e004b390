//! How any process survives.
//!
//! A process (a flow run, a trigger's state, later an approval or a request) is a
//! deterministic function `state + input -> batch`. A [`Batch`] says everything that
//! must become durable together; nothing leaves before the batch that says it
//! will is committed. This crate holds the vocabulary of that contract and the
//! codec of what is stored.
//!
//! Deliberately absent: clocks, randomness, input and output, threads, async, and
//! any idea of what a process means.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a failed test should say where"))]

pub mod batch;
pub mod codec;
pub mod id;
pub mod limits;
pub mod ownership;
pub mod wakeup;

pub use batch::{
    Batch, EffectIntent, InboxId, InboxRow, Message, MessageKind, Payload, PayloadHash,
    ProcessKind, Standing, StartKey,
};
pub use codec::{Chunk, ChunkError};
pub use id::{Partition, ProcessId, Ticks};
pub use ownership::{Cluster, Epoch, Lease, NodeId, PartitionSet};
