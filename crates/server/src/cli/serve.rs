//! The arguments of `sluicegate serve`. What they mean is the server's matter.

use std::path::PathBuf;

/// Settings of the server. Those left out come from the environment, then from
/// the configuration file, then from the defaults.
#[derive(Clone, Debug, Default, PartialEq, clap::Args)]
pub struct ServeArgs {
    /// Settings file (TOML); unknown keys are errors
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Folder for the embedded store and secrets [default: ./sluicegate-data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// Address and port to listen on [default: 127.0.0.1:8484]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,

    /// Store to use instead of the embedded one
    #[arg(long, value_name = "URL")]
    pub database_url: Option<String>,

    /// Address under which others reach this server; callback addresses begin with it
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,

    /// Rules for what flows may call over the network
    #[arg(long, value_name = "FILE")]
    pub egress_policy: Option<PathBuf>,

    /// Issuers of tokens that are trusted besides this server, such as Entra ID or Keycloak
    #[arg(long, value_name = "FILE")]
    pub issuers: Option<PathBuf>,

    /// Certificate chain (PEM): serve HTTPS
    #[arg(long, value_name = "FILE")]
    pub tls_certificate: Option<PathBuf>,

    /// Private key of the certificate (PEM)
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<PathBuf>,

    /// Begin nothing and let nothing move until 'sluicegate server resume'
    #[arg(long)]
    pub paused: bool,

    /// Create three sample flows and print a curl line for each
    #[arg(long)]
    pub demo: bool,
}
