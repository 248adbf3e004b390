//! Connections that somebody signs in for, at a real OpenID provider.

mod command;
mod consent;
mod credential;
mod directory;
mod node;
mod renewal;
mod scene;
