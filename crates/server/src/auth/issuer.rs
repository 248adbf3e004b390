//! Issuers from outside: what the settings say of them, and what their tokens say.
//!
//! ```toml
//! [[issuer]]
//! url = "https://login.microsoftonline.com/TENANT/v2.0"
//! audiences = ["api://flows"]
//!
//! [[issuer.grant]]
//! app_role = "Flow.Admin"
//! role = "tenantAdministrator"
//! ```
//!
//! Invariant: a token is believed only when a key that its issuer publishes signed it, with
//! an asymmetric algorithm. What its own header says is compared, never followed.

use super::caller::Role;
use super::jwt::{TokenFault, read_signed};
use crate::limits::{
    CLOCK_LEEWAY_SECONDS, ISSUER_GRANTS_MAX, ISSUER_KEYS_MAX, ISSUERS_MAX, SUBJECT_BYTES_MAX,
    TOKEN_BYTES_MAX,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::PathBuf;
use url::Url;

/// An issuer that is trusted. Claims are named as they are, or by a path with dots.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerSettings {
    /// What its tokens name as `iss`.
    pub url: String,
    /// What its tokens name as `aud` when they are for this server.
    pub audiences: Vec<String>,
    /// Where its keys are; by default, where its metadata says.
    pub keys_url: Option<String>,
    /// What tells people and programs apart: the first that a token has.
    #[serde(default = "default_person")]
    pub person_claims: Vec<String>,
    /// A name to sign in with.
    #[serde(default = "default_principal_name")]
    pub principal_name_claims: Vec<String>,
    #[serde(default = "default_name")]
    pub name_claim: String,
    #[serde(default = "default_mail")]
    pub mail_claim: String,
    #[serde(default = "default_groups")]
    pub groups_claim: String,
    #[serde(default = "default_roles")]
    pub roles_claim: String,
    /// A token without it is a program's own.
    #[serde(default = "default_scope")]
    pub scope_claim: String,
    /// A token with it is a program's own, whatever else it has.
    pub application_claim: Option<String>,
    /// Who has none of the roles below is refused.
    #[serde(default)]
    pub only_with_role: bool,
    #[serde(default, rename = "grant")]
    grants: Vec<Grant>,
    /// How people sign in there in a browser, if they may.
    pub sign_in: Option<SignInSettings>,
}

/// What this server is there: a client to which people are sent back with a code.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignInSettings {
    pub client_id: String,
    /// The file that holds its secret, if it has one.
    pub client_secret_file: Option<PathBuf>,
    /// What people choose.
    pub label: String,
    #[serde(default = "default_sign_in_scope")]
    pub scope: String,
}

fn default_sign_in_scope() -> String {
    "openid profile email".to_owned()
}

fn default_person() -> Vec<String> {
    ["oid", "sub"].map(str::to_owned).to_vec()
}

fn default_principal_name() -> Vec<String> {
    ["upn", "preferred_username"].map(str::to_owned).to_vec()
}

fn default_name() -> String {
    "name".to_owned()
}

fn default_mail() -> String {
    "email".to_owned()
}

fn default_groups() -> String {
    "groups".to_owned()
}

fn default_roles() -> String {
    "roles".to_owned()
}

fn default_scope() -> String {
    "scp".to_owned()
}

/// Which role here goes with a group or a role there.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Grant {
    group: Option<String>,
    app_role: Option<String>,
    role: String,
    environment: Option<String>,
}

impl Grant {
    fn role(&self) -> Result<Role, String> {
        let role = match &self.environment {
            Some(environment) => json!({"role": self.role, "environment": environment}),
            None => json!({"role": self.role}),
        };
        serde_json::from_value(role).map_err(|_| {
            format!(
                "'{}' is not a role, or its environment is missing; expected tenantAdministrator, governanceAdministrator, or environmentAdministrator or environmentMaker with an environment",
                self.role
            )
        })
    }
}

/// The file of issuers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    issuer: Vec<IssuerSettings>,
}

/// Reads the issuers that are trusted: TOML.
pub fn read_settings(text: &str) -> Result<Vec<IssuerSettings>, String> {
    let File { issuer: issuers } = toml::from_str(text).map_err(|error| error.to_string())?;
    if issuers.len() > ISSUERS_MAX {
        return Err(format!("there are {} issuers, expected {ISSUERS_MAX} at most", issuers.len()));
    }
    for (at, issuer) in issuers.iter().enumerate() {
        issuer.check().map_err(|fault| format!("issuer '{}': {fault}", issuer.url))?;
        if issuers[..at].iter().any(|other| other.url == issuer.url) {
            return Err(format!("issuer '{}' is there twice", issuer.url));
        }
    }
    Ok(issuers)
}

/// Whether something that keys come from cannot be changed on its way.
#[must_use]
pub fn is_safe_address(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        let is_loopback = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        url.scheme() == "https" || url.scheme() == "http" && is_loopback
    })
}

impl IssuerSettings {
    fn check(&self) -> Result<(), String> {
        let addresses = std::iter::once(&self.url).chain(&self.keys_url);
        if let Some(wrong) = addresses.into_iter().find(|it| !is_safe_address(it)) {
            return Err(format!("'{wrong}' is not an address with https"));
        }
        if self.audiences.is_empty() || self.audiences.iter().any(String::is_empty) {
            return Err("'audiences' names nothing that its tokens are for".to_owned());
        }
        if self.person_claims.is_empty() {
            return Err("'person_claims' names no claim".to_owned());
        }
        if self.sign_in.as_ref().is_some_and(|it| it.client_id.is_empty() || it.label.is_empty()) {
            return Err("'sign_in' needs 'client_id' and 'label'".to_owned());
        }
        if self.grants.len() > ISSUER_GRANTS_MAX {
            return Err(format!("it has more than {ISSUER_GRANTS_MAX} grants"));
        }
        for grant in &self.grants {
            grant.role()?;
            if grant.group.is_some() == grant.app_role.is_some() {
                return Err("a grant needs 'group' or 'app_role', and not both".to_owned());
            }
        }
        Ok(())
    }

    /// The roles here that go with what a token says.
    #[must_use]
    pub fn roles(&self, claims: &Value) -> Vec<Role> {
        let (groups, roles) = (claim(claims, &self.groups_claim), claim(claims, &self.roles_claim));
        let holds = |found: Option<&Value>, wanted: &str| {
            found.is_some_and(|it| texts(it).any(|text| text == wanted))
        };
        let mut given = Vec::new();
        for grant in &self.grants {
            let is_theirs = grant.group.as_deref().is_some_and(|it| holds(groups, it))
                || grant.app_role.as_deref().is_some_and(|it| holds(roles, it));
            if let Some(role) = grant.role().ok().filter(|_| is_theirs)
                && !given.contains(&role)
            {
                given.push(role);
            }
        }
        given
    }

    /// What a token says of whom it stands for.
    pub fn bearer(&self, claims: &Value) -> Result<Bearer, OutsideFault> {
        self.described(claims, self.is_application(claims)?)
    }

    /// What a token of signing in says of the person.
    pub fn person(&self, claims: &Value) -> Result<Bearer, OutsideFault> {
        self.described(claims, false)
    }

    fn described(&self, claims: &Value, is_application: bool) -> Result<Bearer, OutsideFault> {
        let text = |name: &String| claim(claims, name).and_then(Value::as_str);
        let subject = self.person_claims.iter().find_map(text).unwrap_or_default();
        let is_fine = !subject.is_empty()
            && subject.len() <= SUBJECT_BYTES_MAX
            && !subject.chars().any(char::is_control);
        if !is_fine {
            return Err(OutsideFault::Refused("It does not say whom it stands for."));
        }
        let short = |text: &str| -> String {
            text.chars().filter(|it| !it.is_control()).take(256).collect()
        };
        let names = ["app_displayname", "azp", "appid", "client_id"].map(str::to_owned);
        let name = match is_application {
            true => names.iter().find_map(text),
            false => text(&self.name_claim),
        };
        Ok(Bearer {
            subject: subject.to_owned(),
            is_application,
            principal_name: self.principal_name_claims.iter().find_map(text).map(short),
            display_name: name.map(short).filter(|it| !it.trim().is_empty()),
            mail: text(&self.mail_claim).map(short).filter(|it| !it.is_empty()),
            roles: self.roles(claims),
            issued: claims["iat"].as_i64().unwrap_or_default(),
        })
    }

    /// Whether it is a program's own token. What was made to tell a program who signed in,
    /// and to open nothing, is refused.
    fn is_application(&self, claims: &Value) -> Result<bool, OutsideFault> {
        let kind = claims["idtyp"].as_str();
        let is_named =
            self.application_claim.as_ref().is_some_and(|it| claim(claims, it).is_some());
        if kind == Some("app") || is_named {
            return Ok(true);
        }
        let scope = claim(claims, &self.scope_claim).and_then(Value::as_str).unwrap_or_default();
        if !scope.trim().is_empty() {
            return Ok(false);
        }
        let (object, subject) = (claims["oid"].as_str(), claims["sub"].as_str());
        if kind.is_some() || object.zip(subject).is_some_and(|(object, subject)| object != subject)
        {
            return Err(OutsideFault::Refused("It is not an access token: it has no scope."));
        }
        Ok(true)
    }
}

/// Whom a token stands for, as its issuer describes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bearer {
    pub subject: String,
    /// A program by itself.
    pub is_application: bool,
    pub principal_name: Option<String>,
    pub display_name: Option<String>,
    pub mail: Option<String>,
    pub roles: Vec<Role>,
    /// Unix seconds.
    pub issued: i64,
}

/// A claim by its name, or by a path with dots.
fn claim<'a>(claims: &'a Value, name: &str) -> Option<&'a Value> {
    let mut parts = name.split('.');
    let found = match claims.get(name) {
        Some(found) => Some(found),
        None => parts.try_fold(claims, |value, part| value.get(part)),
    };
    found.filter(|it| !it.is_null())
}

/// A text, or the texts of a list.
fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let one = value.as_str().into_iter();
    one.chain(value.as_array().into_iter().flatten().filter_map(Value::as_str))
}

/// Why a token of an issuer is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutsideFault {
    Invalid,
    Expired,
    /// It is for somebody else.
    Audience,
    /// It is not of the kind that is taken here.
    Refused(&'static str),
}

/// A key that an issuer publishes.
#[derive(Clone)]
pub struct OutsideKey {
    pub id: String,
    /// The one algorithm that it is for, when the issuer says so.
    algorithm: Option<String>,
    key: DecodingKey,
}

/// Reads the keys that an issuer publishes. Those that are of no use here are left out.
#[must_use]
pub fn read_keys(document: &Value) -> Vec<OutsideKey> {
    let listed = document["keys"].as_array().into_iter().flatten().take(ISSUER_KEYS_MAX);
    let read = |value: &Value| {
        let is_to_sign = value.get("use").is_none_or(|it| it == "sig");
        if !is_to_sign || value["kty"] == "oct" {
            return None;
        }
        let id = value["kid"].as_str()?.to_owned();
        let jwk: Jwk = serde_json::from_value(value.clone()).ok()?;
        let algorithm = value["alg"].as_str().map(str::to_owned);
        Some(OutsideKey { id, algorithm, key: DecodingKey::from_jwk(&jwk).ok()? })
    };
    listed.filter_map(read).collect()
}

/// The issuer that a token names; whether that is true is another question.
#[must_use]
pub fn named_issuer(token: &str) -> Option<String> {
    if token.len() > TOKEN_BYTES_MAX {
        return None;
    }
    let body = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&body).ok()?;
    claims["iss"].as_str().map(str::to_owned)
}

/// What a token says that an issuer's key signed, when it is for this server and for now.
pub fn check(
    token: &str,
    key: &OutsideKey,
    issuer: &IssuerSettings,
    now: i64,
) -> Result<Value, OutsideFault> {
    let claims = signed_for(token, key, (&issuer.url, &issuer.audiences), now)?;
    // what Keycloak calls those that are no access tokens
    if matches!(claims["typ"].as_str(), Some("ID" | "Refresh" | "Offline" | "Logout")) {
        return Err(OutsideFault::Refused("It is not an access token."));
    }
    Ok(claims)
}

/// What a token says that was made to tell a client who has signed in, just now and because
/// it asked (OpenID Connect Core, 3.1.3.7).
pub fn check_identity(
    token: &str,
    key: &OutsideKey,
    (issuer, client, nonce): (&str, &str, &str),
    now: i64,
) -> Result<Value, OutsideFault> {
    let claims = signed_for(token, key, (issuer, &[client.to_owned()]), now)?;
    let is_others = claims["azp"].as_str().is_some_and(|it| it != client);
    if is_others || claims["nonce"].as_str() != Some(nonce) {
        return Err(OutsideFault::Refused("It was made for another sign-in."));
    }
    Ok(claims)
}

fn signed_for(
    token: &str,
    key: &OutsideKey,
    (issuer, audiences): (&str, &[String]),
    now: i64,
) -> Result<Value, OutsideFault> {
    let header = jsonwebtoken::decode_header(token).map_err(|_| OutsideFault::Invalid)?;
    let name = algorithm_name(header.alg).ok_or(OutsideFault::Invalid)?;
    if key.algorithm.as_ref().is_some_and(|only| only != name) {
        return Err(OutsideFault::Invalid);
    }
    let read = read_signed::<Value>(token, &key.key, header.alg);
    let claims = read.map_err(|_: TokenFault| OutsideFault::Invalid)?;
    if claims["iss"].as_str() != Some(issuer) {
        return Err(OutsideFault::Invalid);
    }
    if !texts(&claims["aud"]).any(|it| audiences.iter().any(|known| known == it)) {
        return Err(OutsideFault::Audience);
    }
    let seconds = |name: &str| claims[name].as_f64().filter(|it| it.is_finite());
    #[expect(clippy::cast_precision_loss, reason = "seconds of this age are exact")]
    let (now, leeway) = (now as f64, CLOCK_LEEWAY_SECONDS as f64);
    match seconds("exp") {
        None => return Err(OutsideFault::Invalid),
        Some(ends) if ends + leeway <= now => return Err(OutsideFault::Expired),
        Some(_) => {}
    }
    if seconds("nbf").is_some_and(|begins| begins > now + leeway) {
        return Err(OutsideFault::Invalid);
    }
    Ok(claims)
}

/// The name of an algorithm that is taken: one with a public key.
fn algorithm_name(algorithm: Algorithm) -> Option<&'static str> {
    match algorithm {
        Algorithm::RS256 => Some("RS256"),
        Algorithm::RS384 => Some("RS384"),
        Algorithm::RS512 => Some("RS512"),
        Algorithm::PS256 => Some("PS256"),
        Algorithm::PS384 => Some("PS384"),
        Algorithm::PS512 => Some("PS512"),
        Algorithm::ES256 => Some("ES256"),
        Algorithm::ES384 => Some("ES384"),
        Algorithm::EdDSA => Some("EdDSA"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
        [[issuer]]
        url = "https://issuer.example/realm"
        audiences = ["flows"]
        scope_claim = "scope"
        roles_claim = "realm_access.roles"
        [[issuer.grant]]
        app_role = "admin"
        role = "tenantAdministrator"
        [[issuer.grant]]
        group = "makers"
        role = "environmentMaker"
        environment = "sales"
    "#;

    #[test]
    fn roles_go_with_groups_and_roles_and_are_not_mixed_up() {
        let issuer = &read_settings(FILE).unwrap()[0];
        let roles = |claims: Value| issuer.roles(&claims);
        assert_eq!(
            roles(json!({"realm_access": {"roles": ["admin"]}, "groups": ["makers"]})),
            [Role::TenantAdministrator, Role::EnvironmentMaker("sales".to_owned())]
        );
        assert_eq!(roles(json!({"groups": ["admin"], "realm_access": {"roles": "makers"}})), []);
        assert_eq!(roles(json!({"realm_access": "admin"})), []);
    }

    #[test]
    fn a_program_s_own_token_is_known_from_a_person_s() {
        let issuer = &read_settings(FILE).unwrap()[0];
        let kind = |claims: Value| issuer.bearer(&claims).map(|it| it.is_application);
        assert_eq!(kind(json!({"sub": "s", "scope": "openid"})), Ok(false));
        assert_eq!(kind(json!({"oid": "s", "sub": "s"})), Ok(true));
        assert_eq!(kind(json!({"sub": "s", "scope": "x", "idtyp": "app"})), Ok(true));
        assert!(kind(json!({"oid": "o", "sub": "s"})).is_err());
        assert!(kind(json!({"sub": "s", "idtyp": "user"})).is_err());
        assert!(kind(json!({"sub": "", "scope": "x"})).is_err());
        assert!(kind(json!({"sub": "a\u{1}b", "scope": "x"})).is_err());
        assert!(kind(json!({"sub": 7, "scope": "x"})).is_err());
    }

    #[test]
    fn settings_that_make_no_sense_are_refused() {
        for (from, to, fault) in [
            ("https://issuer", "http://issuer", "https"),
            ("[\"flows\"]", "[]", "audiences"),
            ("\"tenantAdministrator\"", "\"king\"", "king"),
            ("environment = \"sales\"", "", "environment is missing"),
            ("group = \"makers\"", "", "'group' or 'app_role'"),
            ("audiences", "audience", "audience"),
        ] {
            let refused = read_settings(&FILE.replace(from, to)).unwrap_err();
            assert!(refused.contains(fault), "{to}: {refused}");
        }
        let twice = read_settings(&format!("{FILE}{FILE}")).unwrap_err();
        assert!(twice.contains("twice"), "{twice}");
    }
}
