//! `sluicegate serve`: from settings to a running server and back down.

mod demo;
mod listen;

use crate::api::{ApiSettings, ApiState, Entrance, Provider};
use crate::app::catalog::Catalog;
use crate::app::connector::runtime::{People, ServiceSettings};
use crate::app::directory::tenant::open_tenant;
use crate::app::signin::issuer::Issuers;
use crate::app::vault::Vaults;
use crate::app::{App, AppError};
use crate::auth::issuer;
use crate::auth::token::{self, Tokens};
use crate::cli::serve::ServeArgs;
use crate::clock::{Clock, random_bytes};
use crate::config::{self, Config, LogFormat};
use crate::limits::SHUTDOWN_SECONDS;
use crate::mail::Mailer;
use crate::open;
use crate::worker::{Engine, EngineParts, EngineSettings, HttpOutside};
use connector::builtin::{MailServer, MailSettings, MailTls};
use connector::http::{EgressPolicy, Secret};
use durable::NodeId;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use store::{Store, TokenRow};
use tokio::task::JoinHandle;

/// Runs the server until it is told to stop.
#[must_use]
pub fn serve(args: ServeArgs) -> ExitCode {
    let config = match Config::load(args, std::env::vars()) {
        Ok(config) => config,
        Err(message) => return refuse(&message),
    };
    if let Err(message) = start_log(&config) {
        return refuse(&message);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&format!("threads cannot be started: {error}")),
    };
    match runtime.block_on(run(config)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => refuse(&message),
    }
}

#[expect(clippy::print_stderr, reason = "the log may not be there yet")]
fn refuse(message: &str) -> ExitCode {
    eprintln!("sluicegate: {message}");
    ExitCode::FAILURE
}

fn start_log(config: &Config) -> Result<(), String> {
    use tracing_subscriber::{EnvFilter, fmt};
    let filter = EnvFilter::try_new(&config.log)
        .map_err(|error| format!("the log setting '{}' is not valid: {error}", config.log))?;
    // below that it tells what is stored
    let quiet = "tokio_postgres=info".parse().map_err(|error| format!("the log: {error}"))?;
    let filter = filter.add_directive(quiet);
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let result = match config.log_format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    result.map_err(|error| format!("the log cannot be started: {error}"))
}

/// What is looked at again and again, until the server goes down.
fn rounds(app: &App) -> [JoinHandle<()>; 4] {
    [
        tokio::spawn(app.clone().run_retention()),
        tokio::spawn(app.clone().run_notifications()),
        tokio::spawn(app.clone().run_approvals()),
        tokio::spawn(app.clone().run_data_policies()),
    ]
}

async fn run(config: Config) -> Result<(), String> {
    let listener = listen::Listener::bind(&config).await?;
    let public_url = config.public_url.clone().unwrap_or_else(|| listener.url());
    let store = open::open_store(&config).await?;
    // the folder stays this server's until the end
    let (node, _taken) = take_node(&config.data)?;
    let engine = make_engine(&config, node, Arc::clone(&store), &public_url).await?;
    let tokens = Arc::new(Tokens::default());
    let first_token = load_tokens(&engine, &tokens).await?;
    let metrics = metrics_exporter_prometheus::PrometheusBuilder::new()
        .install_recorder()
        .map_err(|error| format!("metrics cannot be started: {error}"))?;
    let tenant = open_tenant(&*store).await?;
    let mut app = App::new(Arc::clone(&engine), tokens, &tenant)
        .trusting(issuers(&config)?)
        .reaching(egress_policy(&config)?);
    app.connector_limits = Arc::new(config.connector_limits.clone());
    let mailer = config.mail.as_ref().map(Mailer::new).transpose()?;
    app.notices.set(mailer, config.digest);
    app.serve_connectors();
    let state = ApiState {
        app: app.clone(),
        settings: Arc::new(ApiSettings {
            trigger_body_bytes_max: config.trigger_body_bytes_max,
            trusted_proxies: config.trusted_proxies.clone(),
            has_public_url: config.public_url.is_some(),
            is_tls: config.tls.is_some(),
            metrics,
        }),
    };
    set_services(&app, &config, &state)?;
    engine.join().await.map_err(|error| format!("runs cannot be taken up: {error}"))?;
    let failed = |error: AppError| format!("recurrences cannot be taken up: {}", error.message);
    app.align_triggers().await.map_err(failed)?;
    let timers = tokio::spawn(Arc::clone(&engine).run_timers());
    let rounds = rounds(&app);
    tokio::spawn(Arc::clone(&engine).run_cluster());
    tokio::spawn(Arc::clone(&engine).run_hints());
    tokio::spawn(Arc::clone(&engine).run_inbox());
    tokio::spawn(app.clone().run_rotation());
    announce(&listener.url(), &public_url, first_token.as_deref());
    if engine.is_paused() {
        announce_pause();
    }
    if config.demo {
        demo::set_up(&app).await?;
    }
    let stop = async {
        shutdown_signal().await;
        engine.watchers.close();
    };
    let entrance = Entrance::new(state);
    listener.serve(entrance, stop).await;
    tracing::info!("going down");
    rounds.iter().for_each(JoinHandle::abort);
    engine.stop_timers();
    let deadline = Duration::from_secs(SHUTDOWN_SECONDS);
    if tokio::time::timeout(deadline, engine.settle()).await.is_err() {
        tracing::warn!("some runs are still being stepped; they go on at the next start");
    }
    let _ = timers.await;
    engine.leave().await;
    store.close().await.map_err(|error| format!("the store cannot be closed: {error}"))?;
    tracing::info!("stopped");
    Ok(())
}

async fn make_engine(
    config: &Config,
    node: NodeId,
    store: Arc<dyn Store>,
    public_url: &str,
) -> Result<Arc<Engine>, String> {
    let clock = Clock::new().map_err(|error| format!("no random numbers: {error}"))?;
    let sealer = open::open_sealer(config, &*store, clock.now()).await?;
    let paused = open::begins_paused(&*store, config.paused).await?;
    let catalog = Catalog::new(Arc::clone(&store), Arc::new(sealer));
    catalog.set_public_url(public_url);
    let settings = EngineSettings {
        response_timeout: config.response_timeout,
        retention: config.retention,
        recycle: config.recycle,
    };
    let outside = Arc::new(HttpOutside::new(egress_policy(config)?));
    Ok(Engine::new(EngineParts { node, store, clock, catalog, settings, outside, paused }))
}

/// The number of this server among those that share a store: the same as long as its data
/// folder is. The folder belongs to this server as long as the file is open.
fn take_node(data: &std::path::Path) -> Result<(NodeId, std::fs::File), String> {
    use std::io::{Read, Seek, Write};
    let path = data.join("node");
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let mut options = std::fs::OpenOptions::new();
    let options = options.read(true).write(true).create(true).truncate(false);
    let mut file = options.open(&path).map_err(|error| failed(&error))?;
    if file.try_lock().is_err() {
        return Err(format!("{} is in use by another server", data.display()));
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(|error| failed(&error))?;
    if !text.trim().is_empty() {
        let number = u64::from_str_radix(text.trim(), 16);
        let number = number.map_err(|_| failed(&"expected the number of a node"))?;
        return Ok((NodeId(number), file));
    }
    let bytes: [u8; 8] = random_bytes().map_err(|error| failed(&error))?;
    // databases have signed numbers
    let number = u64::from_le_bytes(bytes) >> 1;
    let written = file.rewind().and_then(|()| writeln!(file, "{number:016x}"));
    written.and_then(|()| file.sync_all()).map_err(|error| failed(&error))?;
    Ok((NodeId(number), file))
}

/// What connectors that come with the server work with.
fn set_services(app: &App, config: &Config, state: &ApiState) -> Result<(), String> {
    let settings = ServiceSettings {
        egress: Arc::new(egress_policy(config)?),
        mail: mail_settings(config),
        folder: config.connector_folder.clone(),
        directory: Arc::new(People::of(app)),
        secrets: Arc::new(Vaults::of(app)),
    };
    let provider = Provider { settings: Arc::clone(&state.settings) };
    app.services.set(Arc::new(provider), settings);
    Ok(())
}

/// The administrator's mail servers, for connections that name none of their own.
fn mail_settings(config: &Config) -> MailSettings {
    let tls = |tls: config::MailTls| match tls {
        config::MailTls::Tls => MailTls::Tls,
        config::MailTls::Starttls => MailTls::Starttls,
        config::MailTls::None => MailTls::None,
    };
    let own = |credentials: &Option<(String, String)>| {
        credentials.as_ref().map(|(user, password)| (user.clone(), Secret::new(password)))
    };
    let smtp = config.mail.as_ref().map(|mail| MailServer {
        host: mail.server.clone(),
        port: mail.port,
        tls: tls(mail.tls),
        credentials: own(&mail.credentials),
    });
    let imap = config.mailbox.as_ref().map(|mailbox| MailServer {
        host: mailbox.server.clone(),
        port: mailbox.port,
        tls: tls(mailbox.tls),
        credentials: own(&mailbox.credentials),
    });
    MailSettings { smtp, imap, from: config.mail.as_ref().map(|mail| mail.from.clone()) }
}

/// The issuers from outside that are trusted.
fn issuers(config: &Config) -> Result<Issuers, String> {
    let Some(path) = &config.issuers else { return Ok(Issuers::default()) };
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("the issuers {} cannot be read: {error}", path.display()))?;
    let settings = issuer::read_settings(&text)
        .map_err(|error| format!("the issuers {} are not valid: {error}", path.display()))?;
    Issuers::new(settings, egress_policy(config)?)
}

fn egress_policy(config: &Config) -> Result<EgressPolicy, String> {
    let Some(path) = &config.egress_policy else { return Ok(EgressPolicy::default()) };
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("the egress policy {} cannot be read: {error}", path.display()))?;
    EgressPolicy::from_toml(&text)
        .map_err(|error| format!("the egress policy {} is not valid: {error}", path.display()))
}

/// Reads the known tokens; on the first start makes one, or takes the one that the
/// environment gives. Answers a token that was made, to be shown once.
async fn load_tokens(engine: &Engine, tokens: &Tokens) -> Result<Option<String>, String> {
    let failed = |error: store::StoreError| format!("tokens cannot be read: {error}");
    let rows = engine.store.tokens().await.map_err(failed)?;
    let is_first = rows.is_empty();
    for row in rows {
        tokens.add(row.name, &row.hash);
    }
    if !is_first {
        return Ok(None);
    }
    let given = std::env::var("SLUICEGATE_TOKEN").ok().filter(|token| !token.is_empty());
    let token = match &given {
        Some(token) => token.clone(),
        None => token::generate().map_err(|error| format!("no random numbers: {error}"))?,
    };
    let hash = token::hash(&token);
    let row = TokenRow { name: "first".into(), hash: hash.to_vec(), created: engine.clock.now() };
    match engine.store.add_token(row).await {
        Ok(()) => tokens.add("first".into(), &hash),
        Err(store::StoreError::Conflict(_)) => {
            // another node was first
            for row in engine.store.tokens().await.map_err(failed)? {
                tokens.add(row.name, &row.hash);
            }
            return Ok(None);
        }
        Err(error) => return Err(failed(error)),
    }
    Ok(if given.is_some() { None } else { Some(token) })
}

#[expect(clippy::print_stdout, reason = "what a person who starts the server wants to know")]
fn announce(url: &str, public_url: &str, token: Option<&str>) {
    println!("Sluicegate listens on {url}");
    if public_url != url {
        println!("Addresses of triggers begin with {public_url}");
    }
    if let Some(token) = token {
        println!("First start. This token may do everything and is shown only now:");
        println!("  export SLUICEGATE_TOKEN={token}");
    }
}

#[expect(clippy::print_stdout, reason = "what a person who starts the server has to know")]
fn announce_pause() {
    println!("The server is paused: nothing begins and nothing moves by itself.");
    println!("Runs can be looked at, cancelled, and released one by one. To let all go on:");
    println!("  sluicegate server resume");
}

/// Ends when the process is told to stop.
async fn shutdown_signal() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending::<()>().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}
