//! Settings: a file, then the environment, then flags; what comes later wins.

mod mail;

pub use mail::{MailConfig, MailTls, MailboxConfig};

use crate::app::connector::throttle::{ConnectorLimits, Rate};
use crate::auth::seal::root::{self, KeySource};
use crate::cli::serve::ServeArgs;
use crate::limits::KEY_COMMAND_WORDS_MAX;
use serde::Deserialize;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use zeroize::Zeroizing;

/// What the server runs with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Folder of the embedded store.
    pub data: PathBuf,
    /// Where the master key comes from: usually a file in the folder.
    pub master_key: KeySource,
    /// The one before, which opens the store once more for the new one.
    pub previous_master_key: Option<KeySource>,
    pub listen: SocketAddr,
    /// `None`: the embedded store.
    pub database_url: Option<String>,
    /// `None`: the address it listens on.
    pub public_url: Option<String>,
    pub egress_policy: Option<PathBuf>,
    /// Issuers from outside that are trusted.
    pub issuers: Option<PathBuf>,
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Bytes of a trigger request's body.
    pub trigger_body_bytes_max: usize,
    /// How long a request waits for a Response action.
    pub response_timeout: Duration,
    /// How long the history of final runs is kept.
    pub retention: Duration,
    /// How long deleted flows can be restored.
    pub recycle: Duration,
    /// `None`: the server sends no mail.
    pub mail: Option<MailConfig>,
    /// The mailbox of connections that name no server; `None`: there is none.
    pub mailbox: Option<MailboxConfig>,
    /// Between two notices to the same person about failures.
    pub digest: Duration,
    pub connections_max: usize,
    /// Whose `X-Forwarded-Proto` and `X-Forwarded-Host` are believed.
    pub trusted_proxies: Vec<IpAddr>,
    pub log: String,
    pub log_format: LogFormat,
    /// How often connections may be used.
    pub connector_limits: ConnectorLimits,
    /// The folder that connections to files and to SQLite databases are kept to; none: there
    /// are no such connections.
    pub connector_folder: Option<PathBuf>,
    /// Nothing moves until the server is resumed.
    pub paused: bool,
    pub demo: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// The settings file. Unknown keys are errors.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    data: Option<PathBuf>,
    listen: Option<String>,
    database_url: Option<String>,
    public_url: Option<String>,
    egress_policy: Option<PathBuf>,
    issuers: Option<PathBuf>,
    tls_certificate: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    trigger_body_bytes_max: Option<usize>,
    response_timeout_seconds: Option<u64>,
    retention_days: Option<u64>,
    recycle_days: Option<u64>,
    mail_server: Option<String>,
    mail_from: Option<String>,
    mail_tls: Option<MailTls>,
    mail_user: Option<String>,
    mail_password: Option<String>,
    imap_server: Option<String>,
    imap_tls: Option<MailTls>,
    imap_user: Option<String>,
    imap_password: Option<String>,
    digest_minutes: Option<u64>,
    connections_max: Option<usize>,
    trusted_proxies: Option<Vec<String>>,
    log: Option<String>,
    log_format: Option<LogFormat>,
    paused: Option<bool>,
    connector_folder: Option<PathBuf>,
    connector_limits: Option<LimitsFile>,
    secrets: Option<SecretsFile>,
}

/// `[secrets]`: where the master key comes from. A command is a program and its arguments:
/// it prints the key.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretsFile {
    key_file: Option<PathBuf>,
    key_command: Option<Vec<String>>,
    previous_key_file: Option<PathBuf>,
    previous_key_command: Option<Vec<String>>,
}

/// `[connector_limits]`: what the pages of connectors say under "Throttling Limits".
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitsFile {
    on: Option<bool>,
    connections_per_account: Option<usize>,
    management_calls_per_minute: Option<usize>,
    management_changes_per_hour: Option<usize>,
    admins_calls_per_minute: Option<usize>,
}

impl LimitsFile {
    fn into_limits(self, are_on: bool) -> ConnectorLimits {
        let usual = ConnectorLimits::default();
        let rate = |usual: Rate, calls: Option<usize>| Rate {
            calls: calls.unwrap_or(usual.calls),
            ..usual
        };
        ConnectorLimits {
            are_on,
            connections_per_account: self
                .connections_per_account
                .unwrap_or(usual.connections_per_account),
            management_calls: rate(usual.management_calls, self.management_calls_per_minute),
            management_changes: rate(usual.management_changes, self.management_changes_per_hour),
            admins_calls: rate(usual.admins_calls, self.admins_calls_per_minute),
        }
    }
}

/// Names of the environment, without `SLUICEGATE_`, that are not settings of the server
/// but belong to its command line and tools.
const OTHER_NAMES: [&str; 4] = ["TOKEN", "SERVER", "CRASHES", "ENVIRONMENT"];

/// The settings that the environment may give.
const NAMES: [&str; 34] = [
    "CONFIG",
    "DATA",
    "LISTEN",
    "DATABASE_URL",
    "PUBLIC_URL",
    "EGRESS_POLICY",
    "ISSUERS",
    "TLS_CERTIFICATE",
    "TLS_KEY",
    "TRIGGER_BODY_BYTES_MAX",
    "RESPONSE_TIMEOUT_SECONDS",
    "RETENTION_DAYS",
    "RECYCLE_DAYS",
    "MAIL_SERVER",
    "MAIL_FROM",
    "MAIL_TLS",
    "MAIL_USER",
    "MAIL_PASSWORD",
    "IMAP_SERVER",
    "IMAP_TLS",
    "IMAP_USER",
    "IMAP_PASSWORD",
    "DIGEST_MINUTES",
    "CONNECTIONS_MAX",
    "TRUSTED_PROXIES",
    "LOG",
    "LOG_FORMAT",
    "PAUSED",
    "CONNECTOR_FOLDER",
    "CONNECTOR_LIMITS",
    "MASTER_KEY",
    "MASTER_KEY_FILE",
    "PREVIOUS_MASTER_KEY",
    "PREVIOUS_MASTER_KEY_FILE",
];

impl Config {
    /// Puts the settings together. `environment` gives the process's variables.
    pub fn load(
        args: ServeArgs,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Config, String> {
        let variables = Variables::read(environment)?;
        let path_to_file = args.config.or_else(|| variables.text("CONFIG").map(PathBuf::from));
        let file = match &path_to_file {
            Some(path) => read_file(path)?,
            None => File::default(),
        };
        let (mail, mailbox) = (mail::mail(&variables, &file)?, mail::mailbox(&variables, &file)?);
        let path = |flag: Option<PathBuf>, name: &str, file: Option<PathBuf>| {
            flag.or_else(|| variables.text(name).map(PathBuf::from)).or(file)
        };
        let text = |flag: Option<String>, name: &str, file: Option<String>| {
            flag.or_else(|| variables.text(name)).or(file)
        };
        let listen = text(args.listen, "LISTEN", file.listen);
        let listen = listen.unwrap_or_else(|| "127.0.0.1:8484".to_owned());
        let limits = file.connector_limits.unwrap_or_default();
        let are_limits_on = variables.flag("CONNECTOR_LIMITS", limits.on)?;
        let days = variables.number("RETENTION_DAYS", file.retention_days, 30)?;
        // documented: a deleted flow can be restored for 21 days
        let recycle_days = variables.number("RECYCLE_DAYS", file.recycle_days, 21)?;
        let digest = variables.number("DIGEST_MINUTES", file.digest_minutes, 60)?;
        let seconds =
            variables.number("RESPONSE_TIMEOUT_SECONDS", file.response_timeout_seconds, 120)?;
        let secrets = file.secrets.unwrap_or_default();
        let data = path(args.data, "DATA", file.data).unwrap_or_else(|| "sluicegate-data".into());
        let names = ["MASTER_KEY", "MASTER_KEY_FILE"];
        let master_key = key_source(&variables, names, secrets.key_file, secrets.key_command)?;
        let names = ["PREVIOUS_MASTER_KEY", "PREVIOUS_MASTER_KEY_FILE"];
        let (file_before, command) = (secrets.previous_key_file, secrets.previous_key_command);
        let previous_master_key = key_source(&variables, names, file_before, command)?;
        Ok(Config {
            master_key: master_key.unwrap_or_else(|| KeySource::File(data.join(root::FILE))),
            previous_master_key,
            data,
            listen: listen.parse().map_err(|_| {
                format!("'{listen}' is not an address and port such as 127.0.0.1:8484")
            })?,
            database_url: text(args.database_url, "DATABASE_URL", file.database_url),
            public_url: public_url(text(args.public_url, "PUBLIC_URL", file.public_url))?,
            egress_policy: path(args.egress_policy, "EGRESS_POLICY", file.egress_policy),
            issuers: path(args.issuers, "ISSUERS", file.issuers),
            tls: tls(
                path(args.tls_certificate, "TLS_CERTIFICATE", file.tls_certificate),
                path(args.tls_key, "TLS_KEY", file.tls_key),
            )?,
            trigger_body_bytes_max: variables.count(
                "TRIGGER_BODY_BYTES_MAX",
                file.trigger_body_bytes_max,
                104_857_600,
            )?,
            response_timeout: Duration::from_secs(seconds),
            retention: Duration::from_secs(days.saturating_mul(86_400)),
            recycle: Duration::from_secs(recycle_days.saturating_mul(86_400)),
            mail,
            mailbox,
            digest: Duration::from_secs(digest.saturating_mul(60)),
            connections_max: variables.count("CONNECTIONS_MAX", file.connections_max, 10_000)?,
            trusted_proxies: proxies(variables.text("TRUSTED_PROXIES"), file.trusted_proxies)?,
            log: variables.text("LOG").or(file.log).unwrap_or_else(|| "info".to_owned()),
            log_format: log_format(variables.text("LOG_FORMAT").as_deref(), file.log_format)?,
            connector_limits: limits.into_limits(are_limits_on),
            connector_folder: path(None, "CONNECTOR_FOLDER", file.connector_folder),
            paused: args.paused || variables.flag("PAUSED", file.paused)?,
            demo: args.demo,
        })
    }
}

/// The settings that the environment gives, without `SLUICEGATE_`.
struct Variables(Vec<(String, String)>);

impl Variables {
    fn read(environment: impl IntoIterator<Item = (String, String)>) -> Result<Self, String> {
        let ours = environment.into_iter().filter_map(|(name, value)| {
            Some((name.strip_prefix("SLUICEGATE_")?.to_owned(), value))
        });
        let found: Vec<_> =
            ours.filter(|(name, _)| !OTHER_NAMES.contains(&name.as_str())).collect();
        match found.iter().find(|(name, _)| !NAMES.contains(&name.as_str())) {
            None => Ok(Variables(found)),
            Some((name, _)) => Err(format!(
                "the environment has 'SLUICEGATE_{name}', which is not a setting; the settings are {}",
                NAMES.map(|name| format!("SLUICEGATE_{name}")).join(", ")
            )),
        }
    }

    fn text(&self, name: &str) -> Option<String> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone()).filter(|value| !value.is_empty())
    }

    fn number(&self, name: &str, file: Option<u64>, default: u64) -> Result<u64, String> {
        match self.text(name) {
            Some(value) => value
                .parse()
                .map_err(|_| format!("SLUICEGATE_{name} is '{value}', expected a number")),
            None => Ok(file.unwrap_or(default)),
        }
    }

    fn flag(&self, name: &str, file: Option<bool>) -> Result<bool, String> {
        match self.text(name).as_deref() {
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(other) => {
                Err(format!("SLUICEGATE_{name} is '{other}', expected 'true' or 'false'"))
            }
            None => Ok(file.unwrap_or_default()),
        }
    }

    fn count(&self, name: &str, file: Option<usize>, default: u64) -> Result<usize, String> {
        let number = self.number(name, file.map(|count| count as u64), default)?;
        Ok(usize::try_from(number).unwrap_or(usize::MAX))
    }
}

/// The one place that a master key is to come from. The environment wins over the file.
fn key_source(
    variables: &Variables,
    [value, path]: [&'static str; 2],
    file: Option<PathBuf>,
    command: Option<Vec<String>>,
) -> Result<Option<KeySource>, String> {
    let given = variables.text(value).map(|text| KeySource::Variable(value, Zeroizing::new(text)));
    let named = variables.text(path).map(|path| KeySource::File(path.into()));
    let listed = file.map(KeySource::File);
    let asked = command.map(KeySource::Command);
    if let Some(KeySource::Command(words)) = &asked
        && !(1..=KEY_COMMAND_WORDS_MAX).contains(&words.len())
    {
        return Err(format!(
            "a command for the master key has {} words, expected 1 to {KEY_COMMAND_WORDS_MAX}: a program and its arguments",
            words.len()
        ));
    }
    match ((given, named), (listed, asked)) {
        ((Some(_), Some(_)), _) => {
            Err(format!("there is both SLUICEGATE_{value} and SLUICEGATE_{path}: give one"))
        }
        ((Some(source), None) | (None, Some(source)), _) => Ok(Some(source)),
        ((None, None), (Some(_), Some(_))) => {
            Err("[secrets] has both a key file and a key command: give one".to_owned())
        }
        ((None, None), (listed, asked)) => Ok(listed.or(asked)),
    }
}

/// Addresses, in the environment separated by commas.
fn proxies(variable: Option<String>, file: Option<Vec<String>>) -> Result<Vec<IpAddr>, String> {
    let listed = variable.map(|text| text.split(',').map(str::to_owned).collect());
    let listed: Vec<String> = listed.or(file).unwrap_or_default();
    let parse = |text: &String| {
        text.trim().parse().map_err(|_| format!("the trusted proxy '{text}' is not an IP address"))
    };
    listed.iter().map(parse).collect()
}

fn tls(
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
) -> Result<Option<(PathBuf, PathBuf)>, String> {
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Some((certificate, key))),
        (None, None) => Ok(None),
        _ => Err("TLS needs both a certificate and its key".to_owned()),
    }
}

fn log_format(variable: Option<&str>, file: Option<LogFormat>) -> Result<LogFormat, String> {
    match variable {
        Some("text") => Ok(LogFormat::Text),
        Some("json") => Ok(LogFormat::Json),
        Some(other) => {
            Err(format!("SLUICEGATE_LOG_FORMAT is '{other}', expected 'text' or 'json'"))
        }
        None => Ok(file.unwrap_or_default()),
    }
}

fn public_url(given: Option<String>) -> Result<Option<String>, String> {
    let Some(url) = given else { return Ok(None) };
    let trimmed = url.trim_end_matches('/');
    let is_fine = (trimmed.starts_with("http://") || trimmed.starts_with("https://"))
        && !trimmed.contains(['?', '#', ' '])
        && trimmed.len() > "https://".len();
    if is_fine {
        return Ok(Some(trimmed.to_owned()));
    }
    Err(format!("'{url}' is not a public URL such as https://flows.example.org"))
}

fn read_file(path: &Path) -> Result<File, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("the settings file {} cannot be read: {error}", path.display()))?;
    toml::from_str(&text)
        .map_err(|error| format!("the settings file {} is not valid: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(args: ServeArgs, variables: &[(&str, &str)]) -> Result<Config, String> {
        let pairs = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::load(args, pairs)
    }

    #[test]
    fn flags_win_over_the_environment_and_that_over_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.toml");
        std::fs::write(&path, "data = 'from-file'\nlisten = '127.0.0.1:1'\nretention_days = 7\n")
            .unwrap();
        let args = ServeArgs {
            config: Some(path),
            data: Some("from-flag".into()),
            ..ServeArgs::default()
        };
        let config =
            load(args, &[("SLUICEGATE_LISTEN", "127.0.0.1:2"), ("SLUICEGATE_DATA", "x")]).unwrap();
        assert_eq!(config.data, PathBuf::from("from-flag"));
        assert_eq!(config.listen.port(), 2);
        assert_eq!(config.retention, Duration::from_secs(7 * 86_400));
    }

    #[test]
    fn unknown_keys_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.toml");
        std::fs::write(&path, "dta = 'x'\n").unwrap();
        let args = ServeArgs { config: Some(path), ..ServeArgs::default() };
        assert!(load(args, &[]).unwrap_err().contains("dta"));
        assert!(
            load(ServeArgs::default(), &[("SLUICEGATE_DTA", "x")]).unwrap_err().contains("DTA")
        );
        assert!(load(ServeArgs::default(), &[("SLUICEGATE_TOKEN", "x")]).is_ok());
    }

    #[test]
    fn half_a_certificate_is_an_error() {
        let args = ServeArgs { tls_key: Some("k".into()), ..ServeArgs::default() };
        assert!(load(args, &[]).unwrap_err().contains("certificate"));
        let args = ServeArgs { listen: Some("nowhere".into()), ..ServeArgs::default() };
        assert!(load(args, &[]).unwrap_err().contains("nowhere"));
        let args = ServeArgs { public_url: Some("flows".into()), ..ServeArgs::default() };
        assert!(load(args, &[]).unwrap_err().contains("flows"));
    }

    #[test]
    fn the_master_key_comes_from_one_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.toml");
        let with = |text: &str, variables: &[(&str, &str)]| {
            std::fs::write(&path, format!("data = 'd'\n{text}")).unwrap();
            load(ServeArgs { config: Some(path.clone()), ..ServeArgs::default() }, variables)
        };
        let name = |config: Result<Config, String>| config.unwrap().master_key.name();
        assert_eq!(name(with("", &[])), Path::new("d").join("master.key").display().to_string());
        assert_eq!(name(with("[secrets]\nkey_file = 'k'", &[])), "k");
        let command = "[secrets]\nkey_command = ['kms', '--key', 'hidden']";
        assert_eq!(name(with(command, &[])), "the command 'kms'");
        let secret = [("SLUICEGATE_MASTER_KEY", "hidden")];
        let config = with(command, &secret).unwrap();
        assert_eq!(config.master_key.name(), "the variable SLUICEGATE_MASTER_KEY");
        assert!(!format!("{config:?}").contains("hidden"));
        let previous = with("[secrets]\nprevious_key_file = 'old'", &[]).unwrap();
        assert_eq!(previous.previous_master_key.map(|it| it.name()), Some("old".to_owned()));
        for (text, variables) in [
            ("[secrets]\nkey_file = 'k'\nkey_command = ['kms']", &[][..]),
            ("[secrets]\nkey_command = []", &[]),
            ("", &[("SLUICEGATE_MASTER_KEY", "a"), ("SLUICEGATE_MASTER_KEY_FILE", "b")]),
        ] {
            assert!(with(text, variables).is_err(), "{text}");
        }
    }
}
