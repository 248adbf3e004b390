//! The server: everything that touches the outside.
//!
//! `api` speaks the wire, `app` holds the use cases, `worker` runs flows, `auth` knows
//! who calls, `cli` is the command line. Nothing of the product uses
//! this crate.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a failed test should say where"))]

pub mod api;
pub mod app;
pub mod auth;
pub mod backup;
pub mod cli;
pub mod clock;
pub mod config;
pub mod html;
pub mod limits;
pub mod mail;
pub mod open;
pub mod serve;
pub mod verify;
pub mod worker;
