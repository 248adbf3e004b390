//! Rules `licence`, `origin` and `banned`: what `deny.toml` says of dependencies, as far as it
//! can be told from `cargo metadata`. They hold where cargo-deny is not installed too.

use super::Finding;
use super::graph::{Graph, Package};
use super::licence::is_met;
use anyhow::Context;
use toml::{Table, Value};

pub const POLICY: &str = "deny.toml";

/// The part of `deny.toml` that is read here.
#[derive(Debug, Default)]
pub struct Policy {
    licences: Vec<String>,
    /// Crates with further licences that are allowed to them.
    exceptions: Vec<(String, Vec<String>)>,
    registries: Vec<String>,
    /// Banned crates with those that may use them nevertheless.
    banned: Vec<(String, Vec<String>)>,
}

impl Policy {
    pub fn parse(text: &str) -> anyhow::Result<Policy> {
        let table: Table = text.parse().with_context(|| format!("{POLICY} is not TOML"))?;
        let list = |section: &str, key: &str| {
            let list = table.get(section).and_then(|section| section.get(key));
            list.with_context(|| format!("{POLICY} has no [{section}] {key}"))
        };
        Ok(Policy {
            licences: strings(Some(list("licenses", "allow")?)),
            exceptions: named(list("licenses", "exceptions")?, "allow"),
            registries: strings(Some(list("sources", "allow-registry")?)),
            banned: named(list("bans", "deny")?, "wrappers"),
        })
    }
}

fn strings(list: Option<&Value>) -> Vec<String> {
    let items = list.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

/// Entries such as `{ crate = "name", wrappers = ["other"] }`.
fn named(list: &Value, key: &str) -> Vec<(String, Vec<String>)> {
    let items = list.as_array().into_iter().flatten();
    let entry = |item: &Value| {
        let name = item.get("crate")?.as_str()?.to_owned();
        Some((name, strings(item.get(key))))
    };
    items.filter_map(entry).collect()
}

pub fn check(graph: &Graph, policy: &Policy) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in graph.packages.iter().filter(|package| !package.ours) {
        let mut add = |rule, problem| {
            let message = format!("{} {} {problem}", package.name, package.version);
            findings.push(Finding::new("Cargo.lock", 1, rule, message));
        };
        if let Some(problem) = origin(package, policy) {
            add("origin", problem);
        }
        if let Some(problem) = licence(package, policy) {
            add("licence", problem);
        }
        for user in banned_users(graph, package, policy) {
            add("banned", format!("is used by {user}; {POLICY} bans it"));
        }
    }
    findings
}

fn origin(package: &Package, policy: &Policy) -> Option<String> {
    match package.source.as_deref() {
        Some(source) if is_known(source, policy) => None,
        Some(source) => Some(format!("comes from {source}; expected a listed registry")),
        None => Some("is a directory outside the workspace".to_owned()),
    }
}

fn licence(package: &Package, policy: &Policy) -> Option<String> {
    match package.licence.as_deref() {
        Some(licence) if is_met(licence, &allowed(package, policy)) => None,
        Some(licence) => {
            Some(format!("is under '{licence}'; expected a licence that {POLICY} allows"))
        }
        None => Some("names no licence".to_owned()),
    }
}

/// Those who use a banned package without being listed as allowed to.
fn banned_users<'a>(graph: &'a Graph, package: &Package, policy: &Policy) -> Vec<&'a str> {
    let Some((_, wrappers)) = policy.banned.iter().find(|(name, _)| *name == package.name) else {
        return Vec::new();
    };
    let users = graph.packages.iter().filter(|user| user.uses.contains(&package.id));
    users
        .map(|user| user.name.as_str())
        .filter(|name| !wrappers.iter().any(|w| w == name))
        .collect()
}

fn is_known(source: &str, policy: &Policy) -> bool {
    let address = source.strip_prefix("registry+").unwrap_or(source);
    policy.registries.iter().any(|registry| registry == address)
}

fn allowed(package: &Package, policy: &Policy) -> Vec<String> {
    let further = policy.exceptions.iter().filter(|(name, _)| *name == package.name);
    let further = further.flat_map(|(_, licences)| licences);
    policy.licences.iter().chain(further).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
        [licenses]
        allow = ["MIT"]
        exceptions = [{ crate = "roots", allow = ["CDLA-Permissive-2.0"] }]
        [bans]
        deny = [{ crate = "openssl" }, { crate = "chrono", wrappers = ["liquid"] }]
        [sources]
        allow-registry = ["https://example.org/index"]
    "#;

    fn package(name: &str, licence: &str) -> Package {
        Package {
            id: name.to_owned(),
            name: name.to_owned(),
            licence: Some(licence.to_owned()),
            source: Some("registry+https://example.org/index".to_owned()),
            ..Package::default()
        }
    }

    fn rules(packages: &[Package]) -> Vec<&'static str> {
        let policy = Policy::parse(TEXT).expect("a policy");
        let graph = Graph { packages: packages.to_vec() };
        check(&graph, &policy).into_iter().map(|finding| finding.rule).collect()
    }

    fn using(name: &str, used: &str) -> [Package; 2] {
        let user = Package { uses: vec![used.to_owned()], ..package(name, "MIT") };
        [user, package(used, "MIT")]
    }

    #[test]
    fn licences_are_checked() {
        assert_eq!(rules(&[package("a", "MIT"), package("roots", "CDLA-Permissive-2.0")]), [""; 0]);
        assert_eq!(rules(&[package("a", "CDLA-Permissive-2.0")]), ["licence"]);
        assert_eq!(rules(&[Package { licence: None, ..package("a", "") }]), ["licence"]);
    }

    #[test]
    fn origins_are_checked() {
        let from = |source: Option<&str>| {
            rules(&[Package { source: source.map(str::to_owned), ..package("a", "MIT") }])
        };
        assert_eq!(from(Some("git+https://example.org/a")), ["origin"]);
        assert_eq!(from(Some("registry+https://example.org/other")), ["origin"]);
        assert_eq!(from(None), ["origin"]);
        assert_eq!(rules(&[Package { source: None, ours: true, ..package("a", "MIT") }]), [""; 0]);
    }

    #[test]
    fn bans_are_checked() {
        assert_eq!(rules(&using("a", "openssl")), ["banned"]);
        assert_eq!(rules(&using("a", "chrono")), ["banned"]);
        assert_eq!(rules(&using("liquid", "chrono")), [""; 0]);
    }

    #[test]
    fn a_policy_without_its_lists_is_an_error() {
        assert!(Policy::parse("[licenses]\nallow = []").is_err());
    }
}
