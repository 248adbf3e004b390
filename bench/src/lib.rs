//! The shapes of the workloads, W1 to W5: flows and bodies. The programs that
//! measure (`main.rs`, `benches/`) share them.

pub mod definition;
pub mod order;
