//! The PostgreSQL store, on servers of its own.

mod conformance;
