//! Calls to other systems, and what connectors say of them.
//!
//! [`builtin`] is what stands behind the connectors that come with the product. Everything
//! this server sends outward over HTTP goes through [`http::HttpClient`]
//! and so through the egress guard, [`http::EgressPolicy`].
//!
//! Deliberately absent: runs, retries, the asynchronous pattern (polling after 202),
//! pages of lists, and storage. A call here is one request with its redirects, or one content
//! that travels in parts; what happens next is decided by the flow that asked for it.

pub mod builtin;
pub mod call;
pub mod definition;
pub mod dynamic;
pub mod http;
pub mod infer;
pub mod limits;
pub mod mock;
pub mod policy;
