//! Where what a connection is made of goes in a call.

use super::document::{Document, SecurityKind, SecurityScheme};
use super::parameter::{Parameter, ParameterKind, ParameterSet};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

/// What a call carries so that the service knows its caller.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credential {
    pub headers: Vec<(String, String)>,
    pub query: Vec<(String, String)>,
}

/// A credential is never written out.
impl std::fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = |all: &[(String, String)]| -> Vec<String> {
            all.iter().map(|(name, _)| name.clone()).collect()
        };
        let mut shown = formatter.debug_struct("Credential");
        shown.field("headers", &names(&self.headers)).field("query", &names(&self.query));
        shown.finish()
    }
}

/// What a connection's values are in a call. The value of a sign-in is its access token.
///
/// What documents require of single operations (`security`) does not matter: real ones often
/// leave it out, and the original goes by the connection's parameters. A parameter that no
/// scheme takes is for the policies of the connector.
#[must_use]
pub fn credential(
    document: &Document,
    set: &ParameterSet,
    values: &Map<String, Value>,
) -> Credential {
    let mut credential = Credential::default();
    let text = |name: &str| values.get(name).and_then(text);
    let signed_in = set.parameters.iter().filter(|it| it.kind == ParameterKind::SignIn);
    for token in signed_in.filter_map(|it| text(&it.name)) {
        credential.headers.push(("Authorization".to_owned(), format!("Bearer {token}")));
    }
    let has_scheme = document.security.iter().any(|it| it.kind == SecurityKind::Basic);
    let is_basic = has_scheme || set.name.eq_ignore_ascii_case("basic");
    let (user, password) = (named(set, "username"), named(set, "password"));
    if let Some(user) = user.filter(|_| is_basic) {
        let user_text = text(&user.name).unwrap_or_default();
        let password = password.and_then(|it| text(&it.name)).unwrap_or_default();
        let encoded = STANDARD.encode(format!("{user_text}:{password}"));
        credential.headers.push(("Authorization".to_owned(), format!("Basic {encoded}")));
    }
    for scheme in &document.security {
        let Some(value) = key_of(scheme, document, set).and_then(|it| text(&it.name)) else {
            continue;
        };
        match &scheme.kind {
            SecurityKind::KeyInHeader(name) => credential.headers.push((name.clone(), value)),
            SecurityKind::KeyInQuery(name) => credential.query.push((name.clone(), value)),
            SecurityKind::Bearer => {
                credential.headers.push(("Authorization".to_owned(), format!("Bearer {value}")));
            }
            SecurityKind::Basic | SecurityKind::OAuth2 | SecurityKind::Other => {}
        }
    }
    credential
}

/// The parameter whose value is a scheme's key: the one of the scheme's name or of the name
/// of its header, else the one that the original's own editor makes (`api_key`), else the
/// only secret there is.
fn key_of<'a>(
    scheme: &SecurityScheme,
    document: &Document,
    set: &'a ParameterSet,
) -> Option<&'a Parameter> {
    let at = match &scheme.kind {
        SecurityKind::KeyInHeader(name) | SecurityKind::KeyInQuery(name) => name.as_str(),
        SecurityKind::Bearer => "Authorization",
        SecurityKind::Basic | SecurityKind::OAuth2 | SecurityKind::Other => return None,
    };
    let exact = named(set, &scheme.name).or_else(|| named(set, at));
    if exact.is_some_and(|it| it.kind != ParameterKind::SignIn) {
        return exact;
    }
    let takes_key = |it: &&SecurityScheme| {
        let kind = &it.kind;
        matches!(
            kind,
            SecurityKind::KeyInHeader(_) | SecurityKind::KeyInQuery(_) | SecurityKind::Bearer
        )
    };
    if document.security.iter().filter(takes_key).count() > 1 {
        return None;
    }
    let is_login = |it: &Parameter| same(&it.name, "username") || same(&it.name, "password");
    let is_key = |it: &&Parameter| {
        it.kind == ParameterKind::Secret && !it.name.contains(':') && !is_login(it)
    };
    let mut keys = set.parameters.iter().filter(is_key);
    let only = keys.next().filter(|_| keys.next().is_none());
    ["api_key", "key"].iter().find_map(|name| named(set, name)).or(only)
}

/// The parameter of a name, whatever its letter case and punctuation (`API Key`, `api_key`).
fn named<'a>(set: &'a ParameterSet, name: &str) -> Option<&'a Parameter> {
    set.parameters.iter().find(|it| same(&it.name, name))
}

fn same(one: &str, other: &str) -> bool {
    let letters = |text: &str| -> String {
        text.chars().filter(|it| it.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    letters(one) == letters(other)
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}
