//! Development only: a file layer under SQLite that loses at a crash what was not
//! synced, as a loss of power does.
//!
//! `kill -9` of a process loses nothing that it wrote: the kernel has it. Under this
//! layer it does: writes stay in the memory of the process until SQLite syncs the file.
//! The rest of the layer is the operating system's own, its locks and shared memory
//! included.
//!
//! `overlay` holds the unsynced bytes of one file, `disk` all files and what disturbs
//! them, `vfs` and `handle` are the two tables of functions that SQLite calls.
//!
//! Invariant: unsafe code is in `vfs` and `handle` only.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a failed test should say where"))]

mod disk;
mod handle;
mod option;
mod overlay;
mod vfs;

pub use option::{OptionError, Options, Sync};
pub use vfs::{Rank, RegisterError, register};
