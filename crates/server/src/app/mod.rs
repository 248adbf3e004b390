//! Use cases, one file per noun. The first line of each that a caller reaches says
//! what rights it takes (`access`). No HTTP and no SQL here.

pub mod access;
pub mod audit;
pub mod callback;
pub mod catalog;
pub mod connector;
pub mod data;
pub mod digest;
pub mod directory;
pub mod environment;
pub mod error;
pub mod facts;
pub mod flow;
pub mod import;
pub mod notification;
pub mod owner;
pub mod package;
pub mod packaging;
pub mod recycle;
pub mod resubmit;
pub mod resume;
pub mod retention;
pub mod run;
pub mod sealing_key;
pub mod search;
pub mod server;
pub mod session;
pub mod signin;
pub mod summary;
pub mod suspension;
pub mod transfer;
pub mod trigger;
pub mod upload;
pub mod variable;
pub mod version;

pub use crate::auth::policy::Operation;
pub use error::{AppError, ErrorKind};

use crate::worker::Engine;
use directory::principal::Principals;
use std::sync::Arc;

/// Everything the use cases work with.
#[derive(Clone)]
pub struct App {
    pub engine: Arc<Engine>,
    pub tokens: Arc<crate::auth::token::Tokens>,
    /// The tenant's id, a GUID.
    pub tenant: Arc<str>,
    pub principals: Arc<Principals>,
    pub signin: Arc<signin::SignInState>,
    pub connector_limits: Arc<connector::throttle::ConnectorLimits>,
    pub notices: Arc<digest::Notices>,
    /// Issuers from outside whose tokens are believed.
    pub issuers: Arc<signin::issuer::Issuers>,
}

impl App {
    #[must_use]
    pub fn new(engine: Arc<Engine>, tokens: Arc<crate::auth::token::Tokens>, tenant: &str) -> App {
        App {
            engine,
            tokens,
            tenant: tenant.into(),
            principals: Arc::default(),
            signin: Arc::default(),
            connector_limits: Arc::default(),
            notices: Arc::default(),
            issuers: Arc::default(),
        }
    }

    /// The same with issuers from outside that are trusted.
    #[must_use]
    pub fn trusting(self, issuers: signin::issuer::Issuers) -> App {
        App { issuers: Arc::new(issuers), ..self }
    }
}
