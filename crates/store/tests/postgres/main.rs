//! The PostgreSQL store, on servers of its own.

mod conformance;
mod encryption;
mod fault;
mod hint;
mod race;
mod sample;
mod schema;
