//! The built-in connectors against real servers, which `scripts/setup` installs. A server
//! that is not there is an error.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

mod file;
mod mail;
mod people;
mod sql;
mod vault;
mod web;
mod world;
