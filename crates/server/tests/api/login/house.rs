//! A server in this process: its directory is filled by its use cases, its clock is the
//! test's.

use crate::support::TOKEN;
use crate::world::Answer;
use reqwest::{Client, Method, RequestBuilder, redirect};
use serde_json::Value;
use server::api::{ApiSettings, ApiState, Entrance, Provider};
use server::app::App;
use server::app::catalog::Catalog;
use server::app::connector::runtime::{People, ServiceSettings};
use server::app::connector::throttle::ConnectorLimits;
use server::app::directory::application::ApplicationInput;
use server::app::directory::user::UserInput;
use server::app::directory::{Application, User};
use server::app::signin::issuer::Issuers;
use server::app::vault::Vaults;
use server::auth::caller::{Caller, Role};
use server::auth::jwt::{AccessClaims, TokenKey};
use server::auth::seal::Sealer;
use server::auth::token::{self, Tokens};
use server::clock::{Clock, SECOND};
use server::worker::{Engine, EngineParts, EngineSettings, HttpOutside};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use store::sqlite::{SqliteOptions, SqliteStore};
use tempfile::TempDir;

pub const PASSWORD: &str = "correct horse battery";
pub const NATIVE: &str = "api://sluicegate/.default";
pub const MANAGEMENT: &str = "https://management.azure.com//.default";
const TENANT: &str = "11111111-2222-4333-8444-555555555555";

/// The server and what is needed to speak to it.
pub struct House {
    pub app: App,
    pub address: SocketAddr,
    client: Client,
    /// Seconds that its clock is ahead.
    ahead: Arc<AtomicI64>,
    _dir: Option<TempDir>,
}

/// Form fields.
pub type Form<'a> = Vec<(&'a str, &'a str)>;

/// What a house has that others have not.
#[derive(Default)]
pub struct Plan {
    /// Issuers from outside that it trusts.
    pub issuers: Issuers,
    /// It runs flows, which call connectors within these limits, and its time stands still
    /// but for what passes by [`House::pass`].
    pub limits: Option<ConnectorLimits>,
}

impl House {
    pub async fn open() -> House {
        House::build(Plan::default()).await
    }

    /// One that trusts issuers from outside.
    pub async fn open_trusting(issuers: Issuers) -> House {
        House::build(Plan { issuers, ..Plan::default() }).await
    }

    pub async fn build(Plan { issuers, limits }: Plan) -> House {
        let dir = tempfile::tempdir().expect("a folder");
        let store = SqliteStore::open(dir.path(), SqliteOptions::default()).expect("a store");
        let store: Arc<dyn store::Store> = Arc::new(store);
        let sealer = Sealer::with_key(&[7; 32]);
        let ahead = Arc::new(AtomicI64::new(0));
        let (system, shift) = (Clock::new().expect("a clock"), Arc::clone(&ahead));
        let (began, stands) = (system.now(), limits.is_some());
        let now = move || {
            let now = if stands { began } else { system.now() };
            now + shift.load(Ordering::Relaxed) * SECOND
        };
        let outside = HttpOutside::new(egress());
        let engine = Engine::new(EngineParts {
            node: durable::NodeId(1),
            catalog: Catalog::new(Arc::clone(&store), Arc::new(sealer)),
            store,
            clock: Clock::given(Arc::new(now), 1),
            settings: EngineSettings {
                response_timeout: Duration::from_secs(10),
                retention: Duration::from_secs(86_400),
                recycle: Duration::from_secs(21 * 86_400),
            },
            outside: Arc::new(outside),
            paused: false,
        });
        let tokens = Tokens::default();
        tokens.add("first".to_owned(), &token::hash(TOKEN));
        let app = App::new(engine, Arc::new(tokens), TENANT);
        let mut app = app.trusting(issuers).reaching(egress());
        let runs_flows = limits.is_some();
        app.connector_limits = Arc::new(limits.unwrap_or_default());
        let address = serve(&app).await;
        if runs_flows {
            app.serve_connectors();
            app.engine.join().await.expect("the partitions");
        }
        let client = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .tls_danger_accept_invalid_certs(true)
            .build()
            .expect("a client");
        House { app, address, client, ahead, _dir: Some(dir) }
    }

    /// Another node of the same house, with nothing in memory.
    pub async fn next_door(&self) -> House {
        let app =
            App::new(Arc::clone(&self.app.engine), Arc::clone(&self.app.tokens), &self.app.tenant);
        House::beside(self, app.reaching(egress())).await
    }

    /// Another node of the same house.
    pub async fn beside(other: &House, app: App) -> House {
        let public_url = app.engine.catalog.public_url();
        let address = serve(&app).await;
        app.engine.catalog.set_public_url(&public_url);
        let (client, ahead) = (other.client.clone(), Arc::clone(&other.ahead));
        House { app, address, client, ahead, _dir: None }
    }

    /// Lets time pass.
    pub fn pass(&self, seconds: i64) {
        self.ahead.fetch_add(seconds, Ordering::Relaxed);
    }

    pub fn now(&self) -> i64 {
        server::clock::unix_seconds(self.app.engine.clock.now())
    }

    pub async fn user(&self, name: &str, roles: Vec<Role>) -> User {
        let input = UserInput {
            user_principal_name: format!("{name}@example.org"),
            display_name: Some(name.to_owned()),
            mail: None,
            password: Some(PASSWORD.to_owned()),
            roles,
        };
        self.app.create_user(&root(), input).await.expect("a user")
    }

    /// A program that people sign in with, and that nobody has consented to.
    pub async fn public(&self) -> Application {
        self.application(true, &["http://localhost", "https://app.example.org/back"]).await
    }

    /// A program with a secret.
    pub async fn confidential(&self) -> (Application, String) {
        let application = self.application(false, &["https://app.example.org/back"]).await;
        let (_, secret) =
            self.app.add_secret(&root(), &application.id, None).await.expect("a secret");
        (application, secret)
    }

    async fn application(&self, is_public: bool, redirects: &[&str]) -> Application {
        let input = ApplicationInput {
            display_name: "Nightly <import>".to_owned(),
            is_public,
            redirect_uris: redirects.iter().map(|uri| (*uri).to_owned()).collect(),
            is_consented: false,
            roles: Vec::new(),
        };
        self.app.create_application(&root(), input).await.expect("an application")
    }

    pub async fn consent(&self, application: &Application) {
        self.app.consent_for_organization(&root(), &application.id).await.expect("consent");
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    /// A form for an address.
    pub async fn post(&self, path: &str, form: &Form<'_>) -> Answer {
        Answer::of(self.filled(path, form)).await
    }

    pub fn filled(&self, path: &str, form: &Form<'_>) -> RequestBuilder {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(form);
        let request = self.request(Method::POST, path);
        let kind = "application/x-www-form-urlencoded;charset=utf-8";
        request.header("content-type", kind).body(body.finish())
    }

    /// A token request.
    pub async fn token(&self, form: &Form<'_>) -> Answer {
        self.post("/common/oauth2/v2.0/token", form).await
    }

    /// A token request that must be granted.
    pub async fn granted(&self, form: &Form<'_>) -> Value {
        let answer = self.token(form).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// A token request that must be refused with this number.
    pub async fn refused(&self, form: &Form<'_>, status: u16, error: &str, number: u32) {
        refused(&self.token(form).await, status, error, number);
    }

    /// Signs somebody in with a password.
    pub async fn signed_in(&self, application: &Application, user: &User, scope: &str) -> Value {
        let form = password_form(application, user, scope);
        self.granted(&form.iter().map(|(name, value)| (*name, value.as_str())).collect()).await
    }

    /// Asks something that takes a token.
    pub async fn info(&self, token: &str) -> Answer {
        Answer::of(self.request(Method::GET, "/api/v1/info").bearer_auth(token)).await
    }

    /// A call of the native API.
    pub async fn call(&self, token: &str, method: Method, path: &str) -> Answer {
        Answer::of(self.request(method, &format!("/api/v1{path}")).bearer_auth(token)).await
    }

    /// An access token of somebody who administers the tenant.
    pub async fn administrator(&self) -> String {
        let application = self.public().await;
        self.consent(&application).await;
        let user = self.user("head", vec![Role::TenantAdministrator]).await;
        let tokens = self.signed_in(&application, &user, NATIVE).await;
        tokens["access_token"].as_str().expect("a token").to_owned()
    }

    /// A token that must be refused with this code.
    pub async fn info_refused(&self, token: &str, code: &str) {
        let answer = self.info(token).await;
        assert_eq!((answer.status, answer.code().as_str()), (401, code), "{token}");
    }

    /// The server's own key, as only the server has it.
    pub async fn key(&self) -> TokenKey {
        let stored = self.app.engine.store.setting("signing_key").await.expect("settings");
        let sealed = stored.expect("a key");
        let sealer = self.app.engine.catalog.sealer();
        let opened = sealer.open_secret("signing_key", &sealed).expect("the key opens");
        TokenKey::read(&opened).expect("a key")
    }

    /// Operations and errors of the audit, newest first.
    pub async fn audit(&self, operation: &str) -> Vec<Value> {
        let filter = store::AuditFilter {
            operation: Some(operation.to_owned()),
            rows_max: 100,
            ..store::AuditFilter::default()
        };
        let rows = self.app.engine.store.audit(filter).await.expect("the audit");
        rows.iter().map(|row| serde_json::from_slice(&row.content).expect("JSON")).collect()
    }
}

/// This machine may be called.
fn egress() -> connector::http::EgressPolicy {
    let text = "allow = [\"127.0.0.1/32\"]\n";
    connector::http::EgressPolicy::from_toml(text).expect("a policy")
}

pub fn root() -> Caller {
    Caller::root("test")
}

pub fn refused(answer: &Answer, status: u16, error: &str, number: u32) {
    let body = answer.json();
    let found = (answer.status, body["error"].as_str(), body["error_codes"][0].as_u64());
    assert_eq!(found, (status, Some(error), Some(number.into())), "{answer:?}");
    let description = body["error_description"].as_str().expect("a description");
    assert!(description.starts_with(&format!("AADSTS{number}: ")), "{description}");
    assert_eq!(answer.header("cache-control"), "no-store");
}

pub fn password_form(
    application: &Application,
    user: &User,
    scope: &str,
) -> Vec<(&'static str, String)> {
    vec![
        ("grant_type", "password".to_owned()),
        ("client_id", application.client_id.clone()),
        ("username", user.user_principal_name.clone()),
        ("password", PASSWORD.to_owned()),
        ("scope", scope.to_owned()),
    ]
}

/// What a token says; nobody checks its signature.
pub fn said(token: &str) -> Value {
    use base64::Engine as _;
    let body = token.split('.').nth(1).expect("a body");
    let body = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(body).expect("base64");
    serde_json::from_slice(&body).expect("JSON")
}

/// The claims of an access token.
pub fn claims(token: &str) -> AccessClaims {
    serde_json::from_value(said(token)).expect("claims")
}

async fn serve(app: &App) -> SocketAddr {
    let metrics = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder().handle();
    let settings = Arc::new(ApiSettings {
        trigger_body_bytes_max: 1_024,
        trusted_proxies: Vec::new(),
        has_public_url: true,
        is_tls: false,
        metrics,
    });
    let services = ServiceSettings {
        egress: Arc::new(egress()),
        mail: connector::builtin::MailSettings::default(),
        folder: None,
        directory: Arc::new(People::of(app)),
        secrets: Arc::new(Vaults::of(app)),
    };
    app.services.set(Arc::new(Provider { settings: Arc::clone(&settings) }), services);
    let entrance = Entrance::new(ApiState { app: app.clone(), settings });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    app.engine.catalog.set_public_url(&format!("http://{address}"));
    tokio::spawn(async move {
        while let Ok((stream, peer)) = listener.accept().await {
            let entrance = entrance.for_peer(peer.ip());
            tokio::spawn(async move {
                let stream = hyper_util::rt::TokioIo::new(stream);
                let executor = hyper_util::rt::TokioExecutor::new();
                let builder = hyper_util::server::conn::auto::Builder::new(executor);
                let _ = builder.serve_connection(stream, entrance).await;
            });
        }
    });
    address
}
