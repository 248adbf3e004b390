//! What a token is asked for: one of the resources that this server stands for.

use super::refusal::Refusal;
use crate::app::session::Surface;
use serde::{Deserialize, Serialize};

const PROVIDERS: [&str; 4] = [
    "https://management.azure.com",
    "https://management.core.windows.net",
    "https://service.flow.microsoft.com",
    "https://service.powerapps.com",
];
const CONNECTORS: [&str; 3] = [
    "https://apihub.azure.com",
    "https://service.powerapps.com",
    "https://service.flow.microsoft.com",
];
const GRAPH: [&str; 2] = ["https://graph.microsoft.com", "https://graph.windows.net"];
const NATIVE: [&str; 1] = ["api://sluicegate"];

/// Audiences that a surface takes.
fn of_surface(surface: Surface) -> &'static [&'static str] {
    match surface {
        Surface::Native => &NATIVE,
        Surface::Providers => &PROVIDERS,
        Surface::Connectors => &CONNECTORS,
        Surface::Graph => &GRAPH,
    }
}

/// Whether a token for this audience may be shown to a surface. One slash at its end does
/// not matter.
#[must_use]
pub fn is_of(surface: Surface, audience: &str) -> bool {
    of_surface(surface).iter().any(|known| is_resource(known, audience))
}

fn is_resource(known: &str, given: &str) -> bool {
    given.strip_suffix('/').unwrap_or(given).eq_ignore_ascii_case(known)
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// As it was written: the audience of the token.
    pub resource: String,
    /// All that the application may do there, rather than single permissions.
    pub is_default: bool,
    /// An id token is wanted.
    pub openid: bool,
    /// A refresh token is wanted.
    pub offline: bool,
}

impl Default for Asked {
    fn default() -> Self {
        let resource = GRAPH[0].to_owned();
        Asked { resource, is_default: false, openid: false, offline: false }
    }
}

impl Asked {
    /// Reads `scope` of the newer endpoints. What ends in a slash has two before the last
    /// part: the audience keeps its own.
    pub fn of_scope(scope: &str) -> Result<Asked, Refusal> {
        let mut asked = Asked::default();
        let mut resource: Option<&str> = None;
        for part in scope.split_ascii_whitespace() {
            match part {
                "openid" => asked.openid = true,
                "offline_access" => asked.offline = true,
                "profile" | "email" => {}
                _ => {
                    let (name, permission) = part.rsplit_once('/').unwrap_or((GRAPH[0], part));
                    if resource.is_some_and(|other| other != name) {
                        return Err(Refusal::several_resources());
                    }
                    asked.is_default |= permission == ".default";
                    resource = Some(name);
                }
            }
        }
        if let Some(resource) = resource {
            asked.resource = known_resource(resource)?;
        }
        Ok(asked)
    }

    /// Reads `resource` of the older endpoints, which give everything.
    pub fn of_resource(resource: &str) -> Result<Asked, Refusal> {
        let resource = known_resource(resource)?;
        Ok(Asked { resource, is_default: true, openid: true, offline: true })
    }

    /// What was given, as clients compare it with what they asked for.
    #[must_use]
    pub fn given(&self) -> String {
        format!("{0}/user_impersonation {0}/.default", self.resource)
    }
}

fn known_resource(given: &str) -> Result<String, Refusal> {
    let mut known = PROVIDERS.iter().chain(&CONNECTORS).chain(&GRAPH).chain(&NATIVE);
    if known.any(|known| is_resource(known, given)) {
        return Ok(given.to_owned());
    }
    Err(Refusal::unknown_resource(given))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_audience_keeps_its_slash() {
        let asked = Asked::of_scope("https://management.azure.com//.default openid").unwrap();
        assert_eq!(asked.resource, "https://management.azure.com/");
        assert!(asked.is_default && asked.openid && !asked.offline);
        let asked = Asked::of_scope("https://graph.microsoft.com/.default").unwrap();
        assert_eq!(asked.resource, "https://graph.microsoft.com");
        let asked = Asked::of_scope("offline_access User.Read").unwrap();
        assert_eq!(asked.resource, "https://graph.microsoft.com");
        assert!(!asked.is_default && asked.offline);
    }

    #[test]
    fn one_known_resource_at_a_time() {
        let number = |scope: &str| Asked::of_scope(scope).unwrap_err().number;
        assert_eq!(number("https://vault.azure.net/.default"), 500_011);
        assert_eq!(number("https://management.azure.com///.default"), 500_011);
        assert_eq!(
            number("api://sluicegate/.default https://graph.microsoft.com/.default"),
            28_000
        );
    }

    #[test]
    fn surfaces_have_their_own_audiences() {
        for (surface, audience, is_right) in [
            (Surface::Providers, "https://management.azure.com/", true),
            (Surface::Providers, "https://service.flow.microsoft.com", true),
            (Surface::Providers, "https://graph.microsoft.com", false),
            (Surface::Connectors, "https://apihub.azure.com", true),
            (Surface::Connectors, "https://management.azure.com", false),
            (Surface::Providers, "https://apihub.azure.com", false),
            (Surface::Graph, "https://graph.microsoft.com/", true),
            (Surface::Graph, "api://sluicegate", false),
            (Surface::Native, "api://sluicegate", true),
            (Surface::Native, "https://management.azure.com/", false),
            (Surface::Native, "", false),
        ] {
            assert_eq!(is_of(surface, audience), is_right, "{surface:?} {audience}");
        }
    }
}
