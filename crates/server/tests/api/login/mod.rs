//! Signing in, over real HTTP, against a server in this process whose clock can be moved.

mod account;
mod assertion;
pub mod browser;
pub mod code;
mod consent;
mod device;
mod discovery;
mod forged;
mod form_post;
mod grant;
pub mod house;
mod issuer;
mod outside;
mod passkey;
pub mod second_factor;
mod session;
mod signing_key;
