//! Use cases, one file per noun. The first line of each that a caller reaches says
//! what rights it takes. No HTTP and no SQL here.

pub mod catalog;
pub mod error;
pub mod flow;
pub mod retention;
pub mod run;
pub mod server;
pub mod trigger;

pub use error::{AppError, ErrorKind};

use crate::auth::token::Caller;
use crate::worker::Engine;
use std::sync::Arc;

/// Everything the use cases work with.
#[derive(Clone)]
pub struct App {
    pub engine: Arc<Engine>,
    pub tokens: Arc<crate::auth::token::Tokens>,
}

/// What a caller wants to do, for the one place that decides whether they may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    Read,
    Change,
    Execute,
}

impl App {
    /// The one check of rights. Every known token may do everything for now; roles come
    /// with identity, and then this is where they count.
    pub fn authorize(&self, caller: &Caller, right: Right) -> Result<(), AppError> {
        tracing::trace!(caller = %caller.name, ?right, "authorized");
        Ok(())
    }
}
