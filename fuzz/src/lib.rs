//! What the fuzzer feeds. Each target is a function of any bytes; it panics when something
//! is wrong, and what it does is bounded by the length of the bytes.
//!
//! The programs that run them under libFuzzer are in `runner/`, a workspace of its own: they
//! need unsafe code and another compilation of everything. `tests/corpus.rs` replays the
//! committed corpus without a fuzzer. `cargo xtask fuzz` searches on.

mod chunk;
mod connector;
mod definition;
mod expression;
mod flows;
mod request;
mod world;

pub use self::connector::connector;
pub use chunk::chunk;
pub use definition::definition;
pub use expression::expression;
pub use request::request;
