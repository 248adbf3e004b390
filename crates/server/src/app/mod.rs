//! Use cases, one file per noun. The first line of each that a caller reaches says
//! what rights it takes (`access`). No HTTP and no SQL here.

pub mod access;
mod alignment;
pub mod approval;
pub mod audit;
pub mod callback;
pub mod cancellation;
pub mod catalog;
pub mod connector;
pub mod data;
pub mod data_policy;
pub mod digest;
pub mod directory;
pub mod document;
pub mod environment;
pub mod error;
pub mod facts;
pub mod flow;
pub mod import;
pub mod invoker;
pub mod item;
pub mod notification;
pub mod owner;
mod pace;
pub mod package;
pub mod packaging;
pub mod power_app;
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
pub mod vault;
pub mod version;

pub use crate::auth::policy::Operation;
pub use error::{AppError, ErrorKind};

use crate::worker::Engine;
use ::connector::http::EgressPolicy;
use connector::oauth::OAuthState;
use directory::principal::Principals;
use std::sync::Arc;

/// Everything the use cases work with.
#[derive(Clone)]
pub struct App {
    pub engine: Arc<Engine>,
    parts: AppParts,
}

/// What they work with besides the engine.
#[derive(Clone)]
pub struct AppParts {
    pub tokens: Arc<crate::auth::token::Tokens>,
    /// The tenant's id, a GUID.
    pub tenant: Arc<str>,
    pub principals: Arc<Principals>,
    pub signin: Arc<signin::SignInState>,
    pub connector_limits: Arc<connector::throttle::ConnectorLimits>,
    pub counting: Arc<connector::throttle::Counting>,
    pub notices: Arc<digest::Notices>,
    pub documents: Arc<connector::runtime::Documents>,
    /// What connectors that come with the server work with; known once it listens.
    pub services: Arc<connector::runtime::Services>,
    pub oauth: Arc<connector::oauth::OAuthState>,
    pub data_policies: Arc<data_policy::Policies>,
    /// Issuers from outside whose tokens are believed.
    pub issuers: Arc<signin::issuer::Issuers>,
    /// Links to answer approvals by that this server has not sent.
    forged_links: Arc<approval::ForgedLinks>,
}

impl App {
    #[must_use]
    pub fn new(engine: Arc<Engine>, tokens: Arc<crate::auth::token::Tokens>, tenant: &str) -> App {
        let parts = AppParts {
            tokens,
            tenant: tenant.into(),
            principals: Arc::default(),
            signin: Arc::default(),
            connector_limits: Arc::default(),
            counting: Arc::default(),
            notices: Arc::default(),
            documents: Arc::default(),
            services: Arc::default(),
            oauth: Arc::new(OAuthState::new(EgressPolicy::default())),
            data_policies: Arc::default(),
            issuers: Arc::default(),
            forged_links: Arc::default(),
        };
        App { engine, parts }
    }

    /// All but the engine.
    #[must_use]
    pub fn parts(&self) -> AppParts {
        self.parts.clone()
    }

    /// The same with another engine.
    #[must_use]
    pub fn of(engine: Arc<Engine>, parts: AppParts) -> App {
        App { engine, parts }
    }

    /// Makes the calls of connectors that flows ask for.
    pub fn serve_connectors(&self) {
        // without the engine, which holds what is made here
        let parts = self.parts.clone();
        self.engine.set_connectors(Arc::new(connector::runtime::Runtime(parts)));
    }

    /// The same, reaching services as a policy allows.
    #[must_use]
    pub fn reaching(self, egress: EgressPolicy) -> App {
        let parts = AppParts { oauth: Arc::new(OAuthState::new(egress)), ..self.parts };
        App { parts, ..self }
    }

    /// The same with issuers from outside that are trusted.
    #[must_use]
    pub fn trusting(self, issuers: signin::issuer::Issuers) -> App {
        let parts = AppParts { issuers: Arc::new(issuers), ..self.parts };
        App { parts, ..self }
    }
}

impl std::ops::Deref for App {
    type Target = AppParts;

    fn deref(&self) -> &AppParts {
        &self.parts
    }
}

impl std::ops::DerefMut for App {
    fn deref_mut(&mut self) -> &mut AppParts {
        &mut self.parts
    }
}
