//! Outbound HTTP: one guarded client for everything that leaves this server.
//!
//! `client` sends, `egress` decides what may be reached, `resolver` applies that to
//! what names resolve to, `redirect` says where an answer points, `authentication`
//! and `token` add credentials, `grant` speaks to token endpoints, `identity` holds client
//! certificates with `pfx`, which opens their files, `transfer` moves a content in parts, and `headers` says which headers a flow may set.

mod address;
pub mod authentication;
pub mod client;
pub mod egress;
pub mod grant;
pub mod headers;
mod identity;
pub mod pfx;
mod redirect;
pub(crate) mod resolver;
mod token;
mod transfer;

#[cfg(test)]
mod tests;

pub use crate::limits::HttpLimits;
pub use authentication::{Authentication, ClientCredential, OAuthClient, PfxFile, Secret};
pub use client::{
    ClientError, HttpAnswer, HttpCall, HttpClient, HttpFailure, Judge, Redirects, Transfer,
};
pub use egress::{Denied, EgressPolicy, PolicyError};
pub use grant::{GrantCall, GrantFailure, Granted};
