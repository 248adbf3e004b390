//! Connections that somebody signs in for: OAuth 2.
//!
//! `client` is what a service knows this server as, `consent` the way of a person's browser
//! to the service and back, `token` what came of it and how it is renewed.
//!
//! Invariant: a refresh token is used by one node at a time, so that a service that gives
//! another with each use does not see the old one again.

pub mod client;
pub mod consent;
pub mod token;

use super::Connector;
use super::certificate;
use super::connection::Connection;
use crate::app::App;
use crate::app::error::{AppError, ErrorKind};
use ::connector::definition::{Client, ParameterKind, ParameterSet, Plan, TokenForm};
use ::connector::http::{
    EgressPolicy, GrantCall, GrantFailure, Granted, HttpClient, HttpLimits, PfxFile, Secret,
};
use ::connector::limits::TOKEN_TIMEOUT;
use serde_json::{Map, Value};
use std::sync::{Arc, OnceLock};

/// What signing in at services keeps in memory.
pub struct OAuthState {
    egress: Arc<EgressPolicy>,
    /// Made when it is first needed, as that of runs is.
    http: OnceLock<Result<HttpClient, String>>,
    renewals: token::Renewals,
}

impl OAuthState {
    #[must_use]
    pub fn new(egress: EgressPolicy) -> OAuthState {
        let (http, renewals) = (OnceLock::new(), token::Renewals::default());
        OAuthState { egress: Arc::new(egress), http, renewals }
    }

    fn http(&self) -> Result<&HttpClient, AppError> {
        let make = || {
            let made = HttpClient::new(Arc::clone(&self.egress), HttpLimits::default());
            made.map_err(|error| error.to_string())
        };
        self.http.get_or_init(make).as_ref().map_err(AppError::internal)
    }
}

/// Fields of a form that a service may repeat when it refuses it.
const SECRET_FIELDS: [&str; 5] =
    ["client_secret", "code", "code_verifier", "refresh_token", "assertion"];

/// Everything that signing in for a connection takes.
struct Means {
    set: ParameterSet,
    /// Secrets included.
    values: Map<String, Value>,
    client: Option<client::KnownClient>,
    redirect: String,
}

impl Means {
    fn plan(&self) -> Result<Plan<'_>, AppError> {
        let none = || {
            let message = "Nobody signs in for connections that authenticate in this way.";
            invalid(message.to_owned())
        };
        let (parameter, settings) = self.set.sign_in().ok_or_else(none)?;
        let client = self.client.as_ref();
        let client = Client {
            id: client.map(|it| it.id.as_str()),
            secret: client.and_then(|it| it.secret.as_ref()).map(Secret::expose),
        };
        let named = (parameter.name.as_str(), settings);
        let plan = Plan::new(named, &self.values, client, &self.redirect).map_err(invalid)?;
        let is_listed = |name: &String| {
            let mut all = self.set.parameters.iter();
            all.any(|it| it.name.eq_ignore_ascii_case(name) && !it.allowed.is_empty())
        };
        match plan.hosts_chosen_with_anothers_client().iter().find(|name| !is_listed(name)) {
            None => Ok(plan),
            Some(name) => Err(invalid(format!(
                "The connection names the host of its tokens ('{name}'): it needs an OAuth client of its own, since the connector's secret is not sent there."
            ))),
        }
    }

    fn is_by_itself(&self, plan: &Plan<'_>) -> bool {
        let sign_in = self.set.sign_in();
        let beside = sign_in.is_some_and(|(parameter, _)| self.set.has_secret_beside(parameter));
        plan.is_client_credentials(beside)
    }

    /// The certificate that the client shows instead of a secret.
    fn certificate(&self, plan: &Plan<'_>) -> Option<PfxFile> {
        if !plan.takes_certificate() {
            return None;
        }
        let mut theirs = self.set.parameters.iter();
        let theirs = theirs.find(|it| it.kind == ParameterKind::Certificate);
        let theirs = theirs.and_then(|it| self.values.get(&it.name)).map(certificate::file);
        theirs.or_else(|| self.client.as_ref()?.certificate.clone())
    }
}

fn invalid(message: String) -> AppError {
    AppError::invalid("InvalidOAuthSettings", message)
}

impl App {
    /// What signing in for a connection takes.
    async fn means_of(&self, connection: &Connection) -> Result<Means, AppError> {
        let environment = self.environment(&connection.environment).await?;
        let connector = match environment {
            Some(environment) => self.connector_of(&environment, connection).await?,
            None => None,
        };
        let connector = connector.ok_or_else(|| super::no_connector(&connection.connector))?;
        let set = connector.sets()?.into_iter().find(|set| set.name == connection.set);
        let set = set.ok_or_else(|| {
            invalid(format!("The connector has no parameter set '{}' any more.", connection.set))
        })?;
        let client = self.client_of(&connector.id).await?;
        let redirect = self.redirect_address(&connector, &set);
        Ok(Means { values: self.values_of(connection)?, set, client, redirect })
    }

    /// Where services send browsers back to.
    fn redirect_address(&self, connector: &Connector, set: &ParameterSet) -> String {
        let base = self.engine.catalog.public_url();
        let base = base.trim_end_matches('/');
        match set.sign_in() {
            Some((_, settings)) if settings.is_per_connector => {
                format!("{base}/oauth/redirect/{}", connector.short_name())
            }
            _ => format!("{base}/oauth/redirect"),
        }
    }

    /// Asks a token endpoint.
    async fn grant(
        &self,
        means: &Means,
        plan: &Plan<'_>,
        form: TokenForm,
    ) -> Result<Granted, GrantFailure> {
        let failed = |error: AppError| {
            GrantFailure::Failed(::connector::http::HttpFailure::Unreachable(error.message))
        };
        let certificate = means.certificate(plan).map(|it| (plan.client_id().to_owned(), it));
        let TokenForm { uri, form } = form;
        let sent = url::form_urlencoded::parse(form.as_bytes());
        let sent = sent.filter(|(name, _)| SECRET_FIELDS.contains(&&**name));
        let secrets = sent.map(|(_, value)| Secret::new(value)).collect();
        let form = Secret::new(form);
        let http = self.oauth.http().map_err(failed)?;
        http.grant(GrantCall { uri, form, certificate, secrets, timeout: TOKEN_TIMEOUT }).await
    }
}

/// The service cannot be asked now.
fn unavailable(message: String) -> AppError {
    AppError::new(ErrorKind::Unavailable, "ConnectionTokenUnavailable", message)
}
