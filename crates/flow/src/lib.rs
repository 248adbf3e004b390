//! What a flow does, with no idea how or when.
//!
//! [`definition`] turns workflow JSON into a checked, bound [`definition::Flow`];
//! [`run`] is a flow run as a durable process; [`trigger`] says when runs begin;
//! [`package`] is the file in which flows go from one server to another.
//!
//! Deliberately absent: clocks, randomness, input and output, threads, async, SQL,
//! HTTP, and governance. Time, ids and random numbers are inputs; outside calls are
//! effects that somebody else makes.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a failed test should say where"))]

pub mod definition;
pub mod limits;
pub mod package;
pub mod run;
pub mod trigger;

pub use definition::{Dialect, Flow};
