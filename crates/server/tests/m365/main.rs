//! The command line of the original's community, as it is published: every command that is
//! about flows and environments, against the real server under the names of the original's
//! hosts. What it prints is what the server holds, and it asks nobody else.

mod administration;
mod application;
mod client;
mod device;
mod environment;
mod export;
mod flow;
mod owner;
mod person;
mod power_app;
mod run;
mod world;

#[path = "../support/mod.rs"]
mod support;
