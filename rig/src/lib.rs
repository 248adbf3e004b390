//! What tests and measurements need around the product, and the product never does.
//!
//! [`Postgres`] is a PostgreSQL server of one's own, which can be stopped, killed and
//! started again; [`Proxy`] stands between a client and a server and cuts, stalls and
//! loses answers as it is told. [`Tunnel`] leads a client to a server here, whichever host
//! it asks for, and [`Authority`] makes the certificates for that. [`Oidc`] is a provider at which
//! people sign in. [`Mail`] takes mail by SMTP and gives it by IMAP.
//!
//! Deliberately absent: anything of ours. A test decides what it means.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a failed test should say where"))]

pub mod authority;
pub mod mail;
pub mod oidc;
pub mod postgres;
mod process;
mod program;
pub mod proxy;
pub mod tunnel;

pub use authority::Authority;
pub use mail::Mail;
pub use oidc::Oidc;
pub use postgres::Postgres;
pub use proxy::{Counts, Cut, Proxy};
pub use tunnel::Tunnel;
