//! The text formats of the platform: dates, numbers, durations, time spans.
//!
//! They follow .NET for the invariant culture and US English. Other cultures are
//! not here: naming one is an error that says so.

pub mod culture;
pub mod date;
mod date_parse;
mod date_text;
pub mod duration;
pub mod number;
mod number_custom;
pub mod number_parse;
pub mod timespan;
