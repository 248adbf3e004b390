//! The command line: what the user types, and which command does it.
//!
//! Commands about flows, runs and who there is speak to a server over its API ([`client`]);
//! `validate` and `eval` work alone; `serve` is the server; `db` works on a store
//! that the server's own modules open.
//!
//! Exit codes: 0 done, 1 failed, 2 the command line makes no sense.

pub mod serve;

mod again;
mod application;
mod approval;
mod audit;
mod backend;
mod bulk;
mod calendar;
mod cancellation;
mod client;
mod connection;
mod connector;
mod db;
mod deputy;
mod environment;
mod eval;
mod events;
mod failure;
mod flow;
mod group;
mod infer;
mod input;
mod json_text;
mod key;
mod output;
mod package;
mod policy;
mod power_app;
mod recording;
mod retention;
mod role;
mod run;
mod sealing_key;
mod secret;
mod server;
mod signing_key;
mod start;
mod transfer;
mod user;
mod validate;
mod variable;
mod vault;
mod version;

use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use reqwest::Url;

use client::Client;
use failure::Failure;
use output::Output;

const SERVER_DEFAULT: &str = "http://127.0.0.1:8484";

const EXAMPLES: &str = "\
Examples:
  sluicegate serve                        start the server, data in ./sluicegate-data
  sluicegate flow create order.json       deploy a flow; its name is 'order'
  sluicegate flow callback-url order      the signed address of its HTTP trigger
  sluicegate run list order               its runs, newest first
  sluicegate run show ID --action Total   inputs and outputs of an action
  sluicegate validate flows/              every fault in a folder of definitions
  sluicegate eval \"@add(1, 2)\"            try an expression";

/// Runs Power Automate and Logic Apps flows on your own machine.
#[derive(Debug, Parser)]
#[command(name = "sluicegate", version, after_help = EXAMPLES)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
struct Global {
    /// Print JSON, exactly as the API gives it
    #[arg(long, global = true)]
    json: bool,

    #[command(flatten)]
    connection: Connection,
}

/// Which server to speak to, and as whom.
#[derive(Clone, Debug, Args)]
pub struct Connection {
    /// Address of the server
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "SLUICEGATE_SERVER",
        hide_env_values = true,
        default_value = SERVER_DEFAULT,
        value_parser = server_url
    )]
    server: Url,

    /// Token to sign in with
    #[arg(long, global = true, env = "SLUICEGATE_TOKEN", hide_env_values = true)]
    token: Option<String>,

    /// Environment the flows are in
    #[arg(long, global = true, value_name = "NAME", default_value = "default")]
    environment: String,

    /// Certificate authority (PEM) to trust instead of the system's
    #[arg(long, global = true, value_name = "FILE")]
    ca: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the server
    #[command(after_help = "\
Examples:
  sluicegate serve
  sluicegate serve --demo
  sluicegate serve --data /var/lib/sluicegate --listen 0.0.0.0:8484 \\
      --public-url https://flows.example.org")]
    Serve(serve::ServeArgs),

    /// Create, change and look at flows
    #[command(subcommand)]
    Flow(flow::FlowCommand),

    /// Look at runs, cancel and repeat them
    #[command(subcommand)]
    Run(run::RunCommand),

    /// Flows in a zip: write it, look into it, make flows of it
    #[command(subcommand)]
    Package(package::PackageCommand),

    /// Whether the server is running or paused
    #[command(subcommand)]
    Server(server::ServerCommand),

    /// How long the history of finished runs is kept
    #[command(subcommand)]
    Retention(retention::RetentionCommand),

    /// Data policies: which connectors flows may use together
    #[command(subcommand)]
    Policy(policy::PolicyCommand),

    /// Create, change and look at environments
    #[command(subcommand)]
    Environment(environment::EnvironmentCommand),

    /// Connectors of an environment's own: import, export
    #[command(subcommand)]
    Connector(connector::ConnectorCommand),

    /// Answers of services that are played back: list, export, import
    #[command(subcommand)]
    Recording(recording::RecordingCommand),

    /// Apps that use connections here, and with whom they are shared
    #[command(subcommand)]
    PowerApp(power_app::PowerAppCommand),

    /// Sign in for connections, and find out whether they work
    /// Sign in for connections, find out whether they work, say what is behind them
    #[command(subcommand)]
    Connection(connection::ConnectionCommand),

    /// Vaults: where secrets are, and who reads them
    #[command(subcommand)]
    Vault(vault::VaultCommand),

    /// Secrets of a vault, which flows read
    #[command(subcommand)]
    Secret(secret::SecretCommand),

    /// What people are asked, and what they answer
    #[command(subcommand)]
    Approval(approval::ApprovalCommand),

    /// Who answers approvals for you
    #[command(subcommand)]
    Deputy(deputy::DeputyCommand),

    /// Which days are days of work, for deadlines
    #[command(subcommand)]
    Calendar(calendar::CalendarCommand),

    /// Who can sign in
    #[command(subcommand)]
    User(user::UserCommand),

    /// Users that are named together
    #[command(subcommand)]
    Group(group::GroupCommand),

    /// Programs that can sign in
    #[command(subcommand)]
    App(application::ApplicationCommand),

    /// What users, groups and applications may do
    #[command(subcommand)]
    Role(role::RoleCommand),

    /// Keys for scripts
    #[command(subcommand)]
    Key(key::KeyCommand),

    /// The keys that secrets are sealed with
    #[command(subcommand)]
    SealingKey(sealing_key::SealingKeyCommand),

    /// The keys that sign the server's tokens
    #[command(subcommand)]
    SigningKey(signing_key::SigningKeyCommand),

    /// Who did what
    #[command(subcommand)]
    Audit(audit::AuditCommand),

    /// Back up, move and verify what is stored, without a server
    #[command(subcommand)]
    Db(db::DbCommand),

    /// Find every fault in definitions, without a server
    #[command(after_help = validate::EXAMPLES)]
    Validate(validate::ValidateArgs),

    /// Evaluate an expression, without a server
    #[command(after_help = eval::EXAMPLES)]
    Eval(eval::EvalArgs),
}

/// The product whose defaults a flow follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Dialect {
    PowerAutomate,
    LogicApps,
}

impl Dialect {
    /// Its name in the API.
    fn name(self) -> &'static str {
        match self {
            Dialect::PowerAutomate => "power-automate",
            Dialect::LogicApps => "logic-apps",
        }
    }
}

/// Does what the command line of this process asks for.
#[must_use]
pub fn run() -> ExitCode {
    if let Ok(Alone { command: Only::Serve(args) }) = Alone::try_parse_from(std::env::args_os()) {
        return crate::serve::serve(args);
    }
    match Cli::try_parse_from(std::env::args_os()) {
        Ok(cli) => dispatch(cli),
        Err(error) => {
            // Fails only when nobody reads it any more.
            let _ = error.print();
            u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
        }
    }
}

fn dispatch(cli: Cli) -> ExitCode {
    let Global { json, connection } = cli.global;
    /// A command that a server carries out.
    macro_rules! ask {
        ($module:ident, $command:ident) => {
            report(json, |out| {
                with_client(&connection, async |client| {
                    $module::execute($command, &client, out).await
                })
            })
        };
    }
    match cli.command {
        Command::Serve(args) => crate::serve::serve(args),
        Command::Flow(command) => ask!(flow, command),
        Command::Run(command) => ask!(run, command),
        Command::Package(command) => ask!(package, command),
        Command::Server(command) => ask!(server, command),
        Command::Policy(command) => ask!(policy, command),
        Command::Retention(command) => ask!(retention, command),
        Command::Environment(command) => ask!(environment, command),
        Command::Connector(command) => ask!(connector, command),
        Command::Connection(command) => ask!(connection, command),
        Command::PowerApp(command) => ask!(power_app, command),
        Command::Recording(command) => ask!(recording, command),
        Command::Vault(command) => ask!(vault, command),
        Command::Secret(command) => ask!(secret, command),
        Command::Approval(command) => ask!(approval, command),
        Command::Deputy(command) => ask!(deputy, command),
        Command::Calendar(command) => ask!(calendar, command),
        Command::User(command) => ask!(user, command),
        Command::Group(command) => ask!(group, command),
        Command::App(command) => ask!(application, command),
        Command::Role(command) => ask!(role, command),
        Command::Key(command) => ask!(key, command),
        Command::SealingKey(command) => ask!(sealing_key, command),
        Command::SigningKey(command) => ask!(signing_key, command),
        Command::Audit(command) => ask!(audit, command),
        Command::Db(command) => report(json, |out| db::execute(command, out)),
        Command::Validate(args) => report(json, |out| validate::execute(&args, out)),
        Command::Eval(args) => report(json, |out| eval::execute(&args, out)),
    }
}

/// The command line of a server alone, which rests for long: what all other commands look
/// like is not made up for it. What it does not understand is read as any other.
#[derive(Parser)]
#[command(disable_help_flag = true, disable_help_subcommand = true)]
struct Alone {
    #[command(subcommand)]
    command: Only,
}

#[derive(Subcommand)]
enum Only {
    Serve(serve::ServeArgs),
}

/// Runs a command that prints, and tells of its failure.
fn report(
    json: bool,
    command: impl FnOnce(&mut Output<'_>) -> Result<ExitCode, Failure>,
) -> ExitCode {
    let mut stdout = BufWriter::new(std::io::stdout().lock());
    let mut out = Output::new(json, &mut stdout);
    let result = command(&mut out);
    // What was printed before a failure belongs before its message.
    let flushed = out.flush();
    match result.and_then(|code| flushed.map(|()| code)) {
        Ok(code) => code,
        Err(failure) => {
            // Standard error may be closed; the exit code tells anyway.
            let _ = std::io::stderr().write_all(failure.text(json).as_bytes());
            failure.exit_code()
        }
    }
}

fn with_client(
    connection: &Connection,
    command: impl AsyncFnOnce(Client) -> Result<ExitCode, Failure>,
) -> Result<ExitCode, Failure> {
    let client = Client::new(connection)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("The client cannot start: {error}.")))?;
    runtime.block_on(command(client))
}

fn server_url(text: &str) -> Result<Url, String> {
    let text = if text.is_empty() { SERVER_DEFAULT } else { text };
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("expected http://HOST:PORT or https://HOST".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("expected an address without query and fragment".to_owned());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(arguments: &str) -> Result<Cli, clap::Error> {
        let arguments = arguments.split_whitespace();
        Cli::try_parse_from(std::iter::once("sluicegate").chain(arguments))
    }

    #[test]
    fn the_declaration_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_options_stand_anywhere() {
        for line in [
            "--json --server https://h:1 --token t --environment e flow list",
            "flow list --json --server https://h:1 --token t --environment e",
        ] {
            let cli = parse(line).unwrap();
            assert!(cli.global.json);
            let connection = cli.global.connection;
            assert_eq!(connection.server.as_str(), "https://h:1/");
            assert_eq!(connection.token.as_deref(), Some("t"));
            assert_eq!(connection.environment, "e");
        }
    }

    #[test]
    fn serve_takes_its_settings() {
        let cli =
            parse("serve --data d --listen 0.0.0.0:1 --database-url sqlite:x --demo").unwrap();
        let Command::Serve(args) = cli.command else { panic!("not serve") };
        let expected = serve::ServeArgs {
            data: Some("d".into()),
            listen: Some("0.0.0.0:1".into()),
            database_url: Some("sqlite:x".into()),
            demo: true,
            ..serve::ServeArgs::default()
        };
        assert_eq!(args, expected);
    }

    #[test]
    fn every_command_of_the_manual_parses() {
        for line in [
            "serve",
            "flow create order.json",
            "flow create - --name n --display-name d --dialect logic-apps --parameters p --stopped",
            "flow list --top 5",
            "flow show n --definition",
            "flow update n order.json --dialect power-automate",
            "flow enable n",
            "flow disable n",
            "flow delete n",
            "flow delete n --purge",
            "flow restore n",
            "flow list --deleted",
            "flow callback-url n --trigger manual",
            "flow versions n",
            "flow versions n 3",
            "flow rotate-key n secondary",
            "flow run n --body - --trigger t --wait",
            "run list n --status failed --from 2026-01-01T00:00:00Z --to 2026-01-02 --top 3",
            "run show 0858 --action A --repetition 000000-000002",
            "run watch 0858",
            "run cancel 0858",
            "run cancel --flow n --status waiting --to 2026-01-02 --all",
            "run resubmit 0858",
            "run release 0858",
            "server status",
            "server resume",
            "policy list",
            "policy show p",
            "policy set p FILE",
            "policy delete p",
            "policy violations --environment e",
            "retention list",
            "retention set --days 30",
            "retention set --flow n --seconds 60",
            "retention clear --flow n",
            "connector client c --id i --secret-stdin",
            "connector client c --id i --pfx f --pfx-password-file p",
            "connector client c --remove",
            "connection consent n --connector c --no-wait",
            "connection test n --connector c",
            "approval list --closed --for ada@example.org --top 3",
            "approval list --all --environment e",
            "approval show i",
            "approval decide i --response Approve --comments c --for ada@example.org",
            "approval reassign i --to bob@example.org --from ada@example.org --comments c",
            "approval cancel i --comments c",
            "approval create --title t --to w --type CustomResponse --option a --option b",
            "approval create --file f",
            "approval evidence i",
            "deputy set bob@example.org --from 2026-12-21 --until 2027-01-04",
            "deputy show",
            "deputy clear",
            "calendar list",
            "calendar set c --zone UTC --workday 1 --holiday 2026-12-25",
            "calendar delete c",
            "db export f --data d",
            "db import f --database-url postgres://h/d",
            "db backup f --config c.toml",
            "db restore f --run",
            "db verify --data d",
            "validate a.json flows --dialect logic-apps",
            "eval @true --context c.json",
            "eval --batch -",
        ] {
            parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
    }

    #[test]
    fn every_command_about_who_there_is_parses() {
        for line in [
            "environment create e --display-name d --description t",
            "environment list",
            "environment update e --display-name d",
            "environment delete e",
            "user create a@b --display-name d --mail m --password-file f --role environment-maker",
            "user create a@b --password-stdin --role tenant-administrator",
            "user list --top 3",
            "user show a@b",
            "user set-password a@b --password-stdin",
            "user enable a@b",
            "user disable a@b",
            "user revoke a@b",
            "user remove-second-factor a@b",
            "user sessions a@b",
            "user sessions a@b --end 1",
            "user delete a@b",
            "group create g --role governance-administrator",
            "group list",
            "group show g",
            "group add g a b",
            "group remove g a",
            "group delete g",
            "app create n --public --redirect http://localhost/ --redirect https://h/ --consented",
            "app list",
            "app show n",
            "app update n --display-name d --redirect https://h/ --consented false",
            "app add-secret n --expires 90d",
            "app remove-secret n 1",
            "app add-certificate n f.pem",
            "app remove-certificate n 1",
            "app revoke n",
            "app delete n",
            "role list a@b",
            "role grant a@b environment-administrator --environment test",
            "role revoke a@b environment-administrator",
            "key create --as a@b",
            "key create nightly --as a@b --expires 90d",
            "key list",
            "key revoke nightly",
            "sealing-key list",
            "sealing-key rotate",
            "sealing-key status",
            "signing-key list",
            "signing-key rotate",
            "audit list --actor a --operation o --target t --from 2026-01-01 --to 2026-01-02 --top 1",
            "audit verify",
            "audit export",
        ] {
            parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
    }

    #[test]
    fn nonsense_is_refused_with_2() {
        for line in [
            "flow",
            "flow show",
            "flow rotate-key n third",
            "flow create a.json --dialect other",
            "run show 0858 --repetition 1",
            "run show 0858 --action A --repetition x",
            "run list n --status Done",
            "run list n --top 0",
            "validate",
            "eval",
            "eval @true --batch f",
            "eval --batch f --context c",
            "retention set --flow n",
            "db export",
            "user create",
            "user set-password a@b",
            "user set-password a@b --password-stdin --password-file f",
            "user create a@b --password secret",
            "group add g",
            "role grant a@b king",
            "key create",
            "key create --as a@b --expires 90",
            "environment update e",
            "approval decide i",
            "approval create --title t",
            "approval create --title t --file f",
            "approval list --all --sent",
            "calendar set c --workday 8",
            "flow list --server ftp://x",
            "flow list --server http://h/?a=b",
        ] {
            assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
        }
        assert_eq!(parse("--version").unwrap_err().exit_code(), 0);
        assert_eq!(parse("--help").unwrap_err().exit_code(), 0);
    }
}
