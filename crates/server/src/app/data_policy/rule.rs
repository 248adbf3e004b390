//! What data policies say of a flow: one pure function, from policies and what the flow uses
//! to what it breaks.
//!
//! Each policy counts by itself and what breaks any is broken: the most restrictive one wins,
//! in whatever order they are (documentation page "Combined effect of multiple DLP policies").

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// A group of connectors: those of one may be used together.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
pub enum Group {
    /// Called `Confidential` in the original's documents.
    Business,
    /// Called `General` in the original's documents.
    NonBusiness,
    Blocked,
}

impl Group {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Group::Business => "Business",
            Group::NonBusiness => "NonBusiness",
            Group::Blocked => "Blocked",
        }
    }
}

/// Whether an endpoint may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub enum Access {
    Allow,
    Deny,
}

/// What may become of calls to endpoints like a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndpointRule {
    pub pattern: String,
    pub access: Access,
}

/// What a policy says of a connector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConnectorRule {
    pub connector: String,
    pub group: Group,
    /// Ids of operations that may not be called.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked_operations: Vec<String>,
    /// The first that fits counts; the last one is for `*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<EndpointRule>,
}

/// A policy, ready to be asked.
#[derive(Clone, Debug)]
pub struct PolicyRules {
    pub name: String,
    pub default_group: Group,
    /// By the connector's name in lower case.
    connectors: HashMap<String, ConnectorRule>,
}

impl PolicyRules {
    #[must_use]
    pub fn new(name: &str, default_group: Group, connectors: &[ConnectorRule]) -> PolicyRules {
        let by_name = |it: &ConnectorRule| (it.connector.to_lowercase(), it.clone());
        let connectors = connectors.iter().map(by_name).collect();
        PolicyRules { name: name.to_owned(), default_group, connectors }
    }

    fn rule(&self, connector: &str) -> Option<&ConnectorRule> {
        self.connectors.get(&connector.to_lowercase())
    }

    #[must_use]
    pub fn group(&self, connector: &str) -> Group {
        self.rule(connector).map_or(self.default_group, |rule| rule.group)
    }

    /// Whether it says which endpoints of a connector may be called.
    #[must_use]
    pub fn has_endpoints(&self, connector: &str) -> bool {
        self.rule(connector).is_some_and(|rule| !rule.endpoints.is_empty())
    }

    /// Whether it says which operations of a connector may not be called.
    #[must_use]
    pub fn has_blocked_operations(&self, connector: &str) -> bool {
        self.rule(connector).is_some_and(|rule| !rule.blocked_operations.is_empty())
    }
}

/// Something that a flow uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// Where: a JSON path.
    pub path: String,
    pub connector: String,
    /// The operation's id, where it is known.
    pub operation: Option<String>,
    pub endpoint: Endpoint,
}

/// Where a call goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// It is known when the call is made.
    Later,
    /// A call that is made, and nobody can say where it goes.
    Unknown,
    At(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ViolationKind {
    ConnectorBlocked,
    ConnectorsMixed,
    OperationBlocked,
    EndpointDenied,
}

impl ViolationKind {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ViolationKind::ConnectorBlocked => "ConnectorBlocked",
            ViolationKind::ConnectorsMixed => "ConnectorsMixed",
            ViolationKind::OperationBlocked => "OperationBlocked",
            ViolationKind::EndpointDenied => "EndpointDenied",
        }
    }
}

/// That a flow breaks a policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Violation {
    pub path: String,
    /// The policy's name.
    pub policy: String,
    pub kind: ViolationKind,
    pub connector: String,
    /// The operation, the endpoint, or the connector that it may not be used with.
    #[serde(default)]
    pub what: Option<String>,
}

impl Violation {
    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let Violation { path, policy, connector, .. } = self;
        let what = self.what.as_deref().unwrap_or("");
        let said = match self.kind {
            ViolationKind::ConnectorBlocked => format!("blocks the connector '{connector}'"),
            ViolationKind::ConnectorsMixed => {
                format!("keeps the connector '{connector}' from being used with '{what}'")
            }
            ViolationKind::OperationBlocked => {
                format!("blocks the operation '{what}' of the connector '{connector}'")
            }
            ViolationKind::EndpointDenied if what.is_empty() => {
                format!("lets the connector '{connector}' call known endpoints only")
            }
            ViolationKind::EndpointDenied => {
                format!("keeps the connector '{connector}' from calling '{what}'")
            }
        };
        if path.is_empty() {
            return format!("The data policy '{policy}' {said}.");
        }
        format!("The data policy '{policy}' {said} ({path}).")
    }
}

/// What breaks which policy, in an order of its own.
#[must_use]
pub fn violations(policies: &[&PolicyRules], uses: &[Use]) -> Vec<Violation> {
    let mut found = Vec::new();
    for policy in policies {
        for it in uses {
            found.extend(of_use(policy, it));
        }
        found.extend(mixed(policy, uses));
    }
    found.sort();
    found.dedup();
    found
}

/// What a use breaks, whatever else is used.
fn of_use(policy: &PolicyRules, it: &Use) -> Option<Violation> {
    let violation = |kind, what: Option<String>| Violation {
        path: it.path.clone(),
        policy: policy.name.clone(),
        kind,
        connector: it.connector.clone(),
        what,
    };
    if policy.group(&it.connector) == Group::Blocked {
        return Some(violation(ViolationKind::ConnectorBlocked, None));
    }
    let rule = policy.rule(&it.connector)?;
    let operation = it.operation.as_ref();
    let is_blocked = |id: &&String| {
        rule.blocked_operations.iter().any(|blocked| blocked.eq_ignore_ascii_case(id))
    };
    if let Some(id) = operation.filter(is_blocked) {
        return Some(violation(ViolationKind::OperationBlocked, Some(id.clone())));
    }
    let endpoint = match &it.endpoint {
        Endpoint::Later => return None,
        Endpoint::Unknown => None,
        Endpoint::At(endpoint) => Some(endpoint.as_str()),
    };
    match access(&rule.endpoints, endpoint) {
        Access::Allow => None,
        Access::Deny => Some(violation(ViolationKind::EndpointDenied, endpoint.map(str::to_owned))),
    }
}

/// Connectors of both groups together: told of each that is not for business.
fn mixed(policy: &PolicyRules, uses: &[Use]) -> Vec<Violation> {
    // the first place of each, so that the order of uses is nothing
    let mut groups: [BTreeMap<String, (&str, &str)>; 2] = Default::default();
    for it in uses {
        let group = match policy.group(&it.connector) {
            Group::Business => &mut groups[0],
            Group::NonBusiness => &mut groups[1],
            Group::Blocked => continue,
        };
        let place = (it.path.as_str(), it.connector.as_str());
        let known = group.entry(it.connector.to_lowercase()).or_insert(place);
        *known = place.min(*known);
    }
    let [business, others] = &groups;
    let Some((_, (_, with))) = business.first_key_value() else { return Vec::new() };
    let told = others.values().map(|(path, connector)| Violation {
        path: (*path).to_owned(),
        policy: policy.name.clone(),
        kind: ViolationKind::ConnectorsMixed,
        connector: (*connector).to_owned(),
        what: Some((*with).to_owned()),
    });
    told.collect()
}

/// What the first rule that fits says. Without rules everything may be called; what no rule
/// fits may not, nor what nobody can name unless a rule is for everything.
fn access(rules: &[EndpointRule], endpoint: Option<&str>) -> Access {
    if rules.is_empty() {
        return Access::Allow;
    }
    let known = endpoint.map(Address::of);
    let fits = |rule: &&EndpointRule| {
        rule.pattern == "*" || known.as_ref().is_some_and(|it| it.fits(rule))
    };
    rules.iter().find(fits).map_or(Access::Deny, |rule| rule.access)
}

/// An endpoint in its parts, in lower case: an address of the web, or the name of a server.
struct Address {
    scheme: Option<String>,
    host: String,
    port: Option<String>,
    /// As it is written, and with what is percent-encoded read.
    paths: [String; 2],
}

impl Address {
    fn of(text: &str) -> Address {
        let text = text.trim();
        if let Some(url) = url::Url::parse(text).ok().filter(url::Url::has_host) {
            let host = url.host_str().unwrap_or_default().trim_end_matches('.');
            let read = percent_encoding::percent_decode_str(url.path()).decode_utf8_lossy();
            return Address {
                scheme: Some(url.scheme().to_owned()),
                host: host.to_lowercase(),
                port: url.port_or_known_default().map(|port| port.to_string()),
                paths: [url.path().to_lowercase(), read.to_lowercase()],
            };
        }
        // `tcp:server,1433` of a database, `server:25`, `server/share`
        let text = text.to_lowercase();
        let text = text.strip_prefix("tcp:").unwrap_or(&text);
        let (authority, path) = parts(text);
        let (host, port) = match authority.split_once([',', ':']) {
            Some((host, port)) => (host, Some(port.to_owned())),
            None => (authority, None),
        };
        let path = path.unwrap_or("/").to_owned();
        Address { scheme: None, host: host.to_owned(), port, paths: [path.clone(), path] }
    }

    /// `scheme://host:port/path`, of which all but the host may be left out. A `*` stands for
    /// anything, but never reaches from the host into the path. A path is allowed when it
    /// fits however a service reads it, and denied when it fits in any way.
    fn fits(&self, rule: &EndpointRule) -> bool {
        let pattern = rule.pattern.trim().to_lowercase();
        let (scheme, rest) = match pattern.split_once("://") {
            Some((scheme, rest)) => (Some(scheme), rest),
            None => (None, pattern.as_str()),
        };
        let (authority, path) = parts(rest);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (authority, None),
        };
        let is_scheme =
            scheme.is_none_or(|it| self.scheme.as_deref().is_some_and(|own| like(it, own)));
        let is_port = port.is_none_or(|it| self.port.as_deref().is_some_and(|own| like(it, own)));
        let is_path = path.is_none_or(|it| match rule.access {
            Access::Allow => self.paths.iter().all(|own| like(it, own)),
            Access::Deny => self.paths.iter().any(|own| like(it, own)),
        });
        is_scheme && is_port && like(host, &self.host) && is_path
    }
}

/// Before the first `/`, and from it on.
fn parts(text: &str) -> (&str, Option<&str>) {
    match text.find('/') {
        Some(at) => (&text[..at], Some(&text[at..])),
        None => (text, None),
    }
}

/// Whether a text is like a pattern with `*`: at most one step back for each byte, so that no
/// pattern takes long.
fn like(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut from) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while from < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(byte) if *byte == text[from] => {
                at += 1;
                from += 1;
            }
            _ => match star {
                Some((star_at, taken)) => {
                    star = Some((star_at, taken + 1));
                    at = star_at + 1;
                    from = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
#[path = "rule_tests.rs"]
mod tests;
