//! The rules of governance. Approvals are the first; requests and held directory changes are
//! decided by the same ones.
//!
//! Deliberately absent: clocks, storage, who people are, and how they are told. Time, ids and
//! random numbers come in; what is to be done goes out.

pub mod approval;
pub mod calendar;
pub mod limits;
