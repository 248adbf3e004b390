//! When runs begin: the calendar of a recurrence, the address of a request.
//!
//! Deliberately absent: clocks. Moments are arguments.

pub mod fire;
pub mod recurrence;
pub mod request;
pub mod state;
