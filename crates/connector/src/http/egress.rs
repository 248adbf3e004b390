//! The egress guard: what this server may reach.
//!
//! Without a policy file, http and https to public addresses are allowed and nothing
//! else: not this machine, not its network, not the cloud's metadata service. The
//! guard judges a URL before anything is resolved ([`EgressPolicy::check_url`]) and
//! every resolved address before anything is connected
//! ([`EgressPolicy::check_address`]), at every redirect again.
//!
//! Invariant: what neither a rule nor the tables of `address` know as public is denied.
//!
//! It deliberately does not resolve names itself: an answer looked up here and once
//! more by the client could differ. The client's own resolver asks the guard.
//!
//! A policy file:
//!
//! ```toml
//! allow = ["10.20.0.0/16", "intranet.example.org", "*.corp.example"]
//! deny = ["10.20.30.40", "*.evil.example"]
//! ports = [80, 443]
//! schemes = ["https"]
//! ```
//!
//! `allow` opens what the default closes; public addresses need no entry. `deny` wins
//! over `allow`. `*.corp.example` stands for every name below `corp.example`, not for
//! itself. A name in `allow` permits the private addresses it resolves to, but
//! link-local and metadata addresses open only by address. A name in `deny` does not
//! deny its addresses under another name.

use std::net::IpAddr;

use serde::Deserialize;
use url::{Host, Url};

use super::address::{Network, canonical, embedded, special};

/// Why the guard refused. Names the host, never the path or query of a URL, which
/// may carry signatures.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    #[error("The egress policy does not allow the scheme '{scheme}'.")]
    Scheme { scheme: String },
    #[error("The URI has no host; expected a name or an address.")]
    NoHost,
    #[error("The egress policy does not allow port {port} of '{host}'.")]
    Port { host: String, port: u16 },
    #[error("The egress policy denies the host '{host}'.")]
    Name { host: String },
    #[error("The egress policy denies the address {address} of '{host}'.")]
    Address { host: String, address: IpAddr },
    #[error("The egress policy does not allow '{host}': {address} is {what}.")]
    Special { host: String, address: IpAddr, what: &'static str },
}

/// Why a policy file was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Not TOML, an unknown key, or a value of the wrong kind.
    #[error("The egress policy cannot be read: {0}")]
    Syntax(String),
    #[error("The egress policy has '{entry}' in '{list}': {reason}.")]
    Entry { list: &'static str, entry: String, reason: String },
    #[error("The egress policy has '{0}' without entries; leave it out for the default.")]
    Empty(&'static str),
}

/// What this server may reach. `EgressPolicy::default()` is the safe default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EgressPolicy {
    allow: Rules,
    deny: Rules,
    /// `None`: any port.
    ports: Option<Vec<u16>>,
    schemes: Option<Vec<Scheme>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Rules {
    networks: Vec<Network>,
    names: Vec<NamePattern>,
}

/// A host name, or all names below one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct NamePattern {
    name: String,
    below: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Scheme {
    Http,
    Https,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    #[serde(default)]
    allow: Vec<String>,
    #[serde(default)]
    deny: Vec<String>,
    ports: Option<Vec<u16>>,
    schemes: Option<Vec<Scheme>>,
}

impl EgressPolicy {
    /// Reads a policy file. An empty text is the safe default.
    ///
    /// # Errors
    /// The text is not TOML, has a key the policy does not know, or an entry that is
    /// neither a network nor a name.
    pub fn from_toml(text: &str) -> Result<EgressPolicy, PolicyError> {
        let file: PolicyFile =
            toml::from_str(text).map_err(|error| PolicyError::Syntax(error.to_string()))?;
        if file.ports.as_ref().is_some_and(Vec::is_empty) {
            return Err(PolicyError::Empty("ports"));
        }
        if file.schemes.as_ref().is_some_and(Vec::is_empty) {
            return Err(PolicyError::Empty("schemes"));
        }
        Ok(EgressPolicy {
            allow: Rules::parse("allow", file.allow)?,
            deny: Rules::parse("deny", file.deny)?,
            ports: file.ports,
            schemes: file.schemes,
        })
    }

    /// Judges a URL by what it says: scheme, port, name, and the address if its host
    /// is one. Names are judged again by [`Self::check_address`] once resolved.
    ///
    /// # Errors
    /// What the policy denies.
    pub fn check_url(&self, url: &Url) -> Result<(), Denied> {
        if !self.allows_scheme(url.scheme()) {
            return Err(Denied::Scheme { scheme: url.scheme().to_owned() });
        }
        let host = url.host().ok_or(Denied::NoHost)?;
        let port = url.port_or_known_default().ok_or(Denied::NoHost)?;
        if self.ports.as_ref().is_some_and(|ports| !ports.contains(&port)) {
            return Err(Denied::Port { host: host.to_string(), port });
        }
        self.check_host(&host.to_owned())
    }

    /// Judges the host of a connection that is not HTTP, as far as it can be before it is
    /// resolved. `ports` and `schemes` are about HTTP and do not count here.
    ///
    /// # Errors
    /// What the policy denies.
    pub fn check_host(&self, host: &Host<String>) -> Result<(), Denied> {
        match host {
            Host::Ipv4(address) => self.check_address(&address.to_string(), (*address).into()),
            Host::Ipv6(address) => self.check_address(&address.to_string(), (*address).into()),
            Host::Domain(name) => self.check_name(&normal(name)),
        }
    }

    /// Judges an address to which `host` resolved.
    ///
    /// # Errors
    /// What the policy denies.
    pub fn check_address(&self, host: &str, address: IpAddr) -> Result<(), Denied> {
        let name = normal(host);
        self.check_name(&name)?;
        let address = canonical(address);
        // A translated address reaches the IPv4 address inside it, so a rule against
        // that one holds for both.
        let inside = embedded(address).map(IpAddr::V4);
        if self.deny.has_address(address) || inside.is_some_and(|it| self.deny.has_address(it)) {
            return Err(Denied::Address { host: name, address });
        }
        let Some(found) = special(address) else { return Ok(()) };
        if self.allow.has_address(address) || (found.by_name && self.allow.has_name(&name)) {
            return Ok(());
        }
        Err(Denied::Special { host: name, address, what: found.what })
    }

    fn check_name(&self, name: &str) -> Result<(), Denied> {
        if name.is_empty() {
            return Err(Denied::NoHost);
        }
        if self.deny.has_name(name) {
            return Err(Denied::Name { host: name.to_owned() });
        }
        Ok(())
    }

    fn allows_scheme(&self, scheme: &str) -> bool {
        let scheme = match scheme {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return false,
        };
        self.schemes.as_ref().is_none_or(|schemes| schemes.contains(&scheme))
    }
}

impl Rules {
    fn parse(list: &'static str, entries: Vec<String>) -> Result<Rules, PolicyError> {
        let mut rules = Rules::default();
        for entry in entries {
            if let Err(reason) = rules.add(entry.trim()) {
                return Err(PolicyError::Entry { list, entry, reason });
            }
        }
        Ok(rules)
    }

    fn add(&mut self, entry: &str) -> Result<(), String> {
        if entry.contains("://") {
            return Err("write the host name alone, without scheme and path".to_owned());
        }
        if entry.contains('/') || entry.parse::<IpAddr>().is_ok() {
            self.networks.push(Network::parse(entry)?);
            return Ok(());
        }
        let (name, below) = match entry.strip_prefix("*.") {
            Some(rest) => (rest, true),
            None => (entry, false),
        };
        if name.contains('*') || name.is_empty() {
            return Err("'*' stands only for the beginning of a name, as in '*.corp.example'; \
                 for every address write 0.0.0.0/0 and ::/0"
                .to_owned());
        }
        match Host::parse(name.trim_end_matches('.')) {
            Ok(Host::Domain(name)) => {
                self.names.push(NamePattern { name: normal(&name), below });
                Ok(())
            }
            Ok(Host::Ipv4(address)) => Err(format!("write the address as {address}")),
            Ok(Host::Ipv6(address)) => Err(format!("write the address as {address}")),
            Err(error) => Err(format!("it is neither a network nor a host name ({error})")),
        }
    }

    fn has_address(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(address))
    }

    fn has_name(&self, name: &str) -> bool {
        self.names.iter().any(|pattern| pattern.matches(name))
    }
}

impl NamePattern {
    fn matches(&self, name: &str) -> bool {
        if !self.below {
            return name == self.name;
        }
        name.strip_suffix(self.name.as_str())
            .and_then(|front| front.strip_suffix('.'))
            .is_some_and(|front| !front.is_empty())
    }
}

/// A name as it is compared: `EXAMPLE.org.` and `example.org` are the same host.
/// International names come from the URL parser in their ASCII form already.
fn normal(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}
