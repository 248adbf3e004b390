//! Signing in at a service: what `oAuthSettings` of a parameter say, and the requests that
//! they make with what a connection has (documentation pages "Create a custom connector with
//! the paconn CLI" and "Connection parameters").
//!
//! Pure: addresses and forms. Who sends them, and what becomes of the tokens, is not known
//! here.

use super::provider::{Addresses, known};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};
use url::Url;

/// What is kept of a value in a query and in a form.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The name in `customParameters`, and beside the sign-in as `token:grantType`.
const GRANT_TYPE: &str = "granttype";
const CLIENT_CREDENTIALS: &str = "client_credentials";

/// What `oAuthSettings` say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignIn {
    /// `aad`, `oauth2` and so on, in lower case.
    pub provider: String,
    /// The client's id, unless something stands there that is to be replaced.
    pub client_id: Option<String>,
    pub scopes: Vec<String>,
    /// Whether each connector has a redirect address of its own.
    pub is_per_connector: bool,
    /// Names in lower case.
    custom: Vec<(String, String)>,
}

impl SignIn {
    pub(super) fn read(settings: &Value) -> SignIn {
        let text = |name: &str| settings.get(name).and_then(Value::as_str).unwrap_or_default();
        let scopes = settings.get("scopes").and_then(Value::as_array).into_iter().flatten();
        let scopes = scopes.filter_map(Value::as_str).flat_map(str::split_whitespace);
        let custom = settings.get("customParameters").and_then(Value::as_object);
        let custom = custom.into_iter().flatten().filter_map(|(name, value)| {
            let value = value.get("value").unwrap_or(value).as_str()?;
            Some((name.to_lowercase(), value.to_owned()))
        });
        let resource = settings.pointer("/properties/AzureActiveDirectoryResourceId");
        let resource = resource.and_then(Value::as_str).filter(|it| !is_placeholder(it));
        let custom = custom.chain(resource.map(|it| ("resourceid".to_owned(), it.to_owned())));
        SignIn {
            provider: text("identityProvider").to_lowercase(),
            client_id: Some(text("clientId")).filter(|it| !is_placeholder(it)).map(str::to_owned),
            scopes: scopes.map(str::to_owned).collect(),
            is_per_connector: text("redirectMode").eq_ignore_ascii_case("GlobalPerConnector"),
            custom: custom.collect(),
        }
    }

    fn custom(&self, name: &str) -> Option<&str> {
        let found = self.custom.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str()).filter(|value| !value.trim().is_empty())
    }

    fn is_directory(&self) -> bool {
        matches!(self.provider.as_str(), "aad" | "aadcertificate")
    }

    /// Whether a program gets its tokens by itself, with what stands beside the sign-in.
    #[must_use]
    pub(super) fn is_by_itself(&self, beside_is_secret: bool) -> bool {
        let grant = self.custom(GRANT_TYPE);
        grant.is_some_and(|grant| grant.eq_ignore_ascii_case(CLIENT_CREDENTIALS))
            // a directory takes a client with its secret; elsewhere it is one to sign in with
            || (beside_is_secret && self.is_directory() && grant.is_none())
    }
}

/// `[[CLIENT_ID]]`, `<<Please add your clientID here>>`, `{application_id}` and such.
fn is_placeholder(text: &str) -> bool {
    text.trim().is_empty() || text.contains(['<', '[', '{', ' ', '@'])
}

/// A client that is known at the service.
#[derive(Clone, Copy, Debug, Default)]
pub struct Client<'a> {
    pub id: Option<&'a str>,
    pub secret: Option<&'a str>,
}

/// What is sent to a token endpoint.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenForm {
    pub uri: String,
    /// Encoded; it holds secrets.
    pub form: String,
}

/// How a connection signs in.
pub struct Plan<'a> {
    settings: &'a SignIn,
    /// The parameter's name: what belongs to it is called `name:...`.
    parameter: &'a str,
    /// What the connection has, secrets included.
    values: &'a Map<String, Value>,
    client_id: String,
    secret: Option<String>,
    /// The client is the connection's own.
    is_own: bool,
    redirect: &'a str,
}

/// What fills the places of a template.
type Places<'a> = [(&'a str, &'a str)];

impl<'a> Plan<'a> {
    /// # Errors
    /// There is no client, as a sentence.
    pub fn new(
        (parameter, settings): (&'a str, &'a SignIn),
        values: &'a Map<String, Value>,
        client: Client<'_>,
        redirect: &'a str,
    ) -> Result<Plan<'a>, String> {
        let mut plan = Plan {
            settings,
            parameter,
            values,
            client_id: String::new(),
            secret: None,
            is_own: false,
            redirect,
        };
        let own = ["clientId", "AppClientId"].into_iter().find_map(|name| plan.beside(name));
        let secret =
            ["clientSecret", "AppClientSecret"].into_iter().find_map(|name| plan.beside(name));
        // a client and its secret belong together
        let (id, secret) = match own {
            Some(_) => (own, secret),
            None => (client.id.or(settings.client_id.as_deref()), client.secret),
        };
        let (id, secret) = (id.map(str::to_owned), secret.map(str::to_owned));
        plan.client_id = id.ok_or(
            "The connector has no OAuth client: give it the id and the secret that its service has for this server.",
        )?;
        plan.secret = secret;
        plan.is_own = own.is_some();
        Ok(plan)
    }

    /// Parameters by which the connection says at which host its tokens are, unless the
    /// client is its own as well: whoever makes a connection could have the connector's
    /// secret sent there.
    #[must_use]
    pub fn hosts_chosen_with_anothers_client(&self) -> Vec<String> {
        if self.is_own {
            return Vec::new();
        }
        let templates = ["tokenUrlTemplate", "refreshUrlTemplate"].into_iter();
        let templates: Vec<&str> =
            templates.filter_map(|name| self.settings.custom(name)).collect();
        let names: Vec<String> = match (templates.is_empty(), self.settings.is_directory()) {
            (true, true) => vec!["loginUri".to_owned(), "loginUriAAD".to_owned()],
            (true, false) => ["tokenUrl", "refreshUrl", "loginUri"].map(str::to_owned).to_vec(),
            (false, _) => templates.into_iter().flat_map(places_of_host).collect(),
        };
        let chosen = names.into_iter().filter(|name| self.beside(name).is_some());
        chosen.map(|name| format!("{}:{name}", self.parameter)).collect()
    }

    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    #[must_use]
    pub fn secret(&self) -> Option<&str> {
        self.secret.as_deref()
    }

    /// Whether the service wants a certificate in place of a secret.
    #[must_use]
    pub fn takes_certificate(&self) -> bool {
        self.secret.is_none() && self.settings.is_directory()
    }

    /// What the connection says beside the sign-in.
    fn beside(&self, name: &str) -> Option<&'a str> {
        let found = self.values.iter().find(|(known, _)| {
            let rest = known.strip_prefix(self.parameter).and_then(|it| it.strip_prefix(':'));
            rest.is_some_and(|rest| rest.eq_ignore_ascii_case(name))
        });
        found.and_then(|(_, value)| value.as_str()).filter(|text| !text.trim().is_empty())
    }

    fn setting(&self, name: &str) -> Option<&'a str> {
        self.beside(name).or_else(|| self.settings.custom(name))
    }

    /// Whether tokens are had without a person.
    #[must_use]
    pub fn is_client_credentials(&self, beside_is_secret: bool) -> bool {
        let chosen = self.beside(GRANT_TYPE);
        match chosen {
            Some(chosen) => chosen.eq_ignore_ascii_case(CLIENT_CREDENTIALS),
            None => self.settings.is_by_itself(beside_is_secret),
        }
    }

    fn scope(&self, delimiter: &str) -> String {
        let chosen = ["scopes", "scope"].into_iter().find_map(|name| self.beside(name));
        match chosen {
            Some(chosen) => chosen.to_owned(),
            None => self.settings.scopes.join(delimiter),
        }
    }

    /// Where a person's browser goes.
    ///
    /// # Errors
    /// What of the connector's settings is of no use, as a sentence.
    pub fn authorization(&self, state: &str, verifier: &str) -> Result<String, String> {
        let challenge = challenge(verifier);
        if let Some(template) = self.settings.custom("authorizationUrlTemplate") {
            let places: &Places<'_> = &[("state", state), ("codechallenge", &challenge)];
            let address = self.filled(template, places, false)?;
            let query =
                self.settings.custom("authorizationUrlQueryStringTemplate").unwrap_or_default();
            let query = self.filled(query.trim_start_matches('?'), places, true)?;
            let mark = if address.contains('?') { '&' } else { '?' };
            return absolute("authorizationUrlTemplate", format!("{address}{mark}{query}"));
        }
        let address = absolute("authorizationUrl", self.addresses()?.authorization)?;
        let mut url = Url::parse(&address).map_err(|error| error.to_string())?;
        let scope = self.scope(" ");
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", self.redirect)
            .append_pair("state", state)
            // who does not know it does not look at it (RFC 6749, 3.1)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        if !scope.is_empty() {
            query.append_pair("scope", &scope);
        }
        for (name, value) in self.more() {
            query.append_pair(name, &value);
        }
        drop(query);
        Ok(url.into())
    }

    /// What only some providers ask for: a resource, or that a refresh token is wanted.
    fn more(&self) -> Vec<(&'static str, String)> {
        if self.settings.is_directory() {
            return self.resource().map(|it| ("resource", it.to_owned())).into_iter().collect();
        }
        let known = known(&self.settings.provider).map_or(&[][..], |it| it.more);
        known.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
    }

    fn resource(&self) -> Option<&'a str> {
        ["resourceUri", "resourceId", "resource"].into_iter().find_map(|name| self.setting(name))
    }

    fn addresses(&self) -> Result<Addresses, String> {
        if self.settings.is_directory() {
            let login = ["loginUri", "loginUriAAD"].into_iter().find_map(|it| self.setting(it));
            let login = login.unwrap_or("https://login.microsoftonline.com").trim_end_matches('/');
            let tenant = self.setting("tenantId").unwrap_or("common");
            let tenant = utf8_percent_encode(tenant, KEPT);
            // the older addresses take a resource, the newer ones scopes
            let version = if self.resource().is_some() { "" } else { "/v2.0" };
            let base = format!("{login}/{tenant}/oauth2{version}");
            let token = format!("{base}/token");
            let authorization = format!("{base}/authorize");
            return Ok(Addresses { authorization, refresh: token.clone(), token });
        }
        let provider = known(&self.settings.provider);
        let address = |name: &str, known: Option<String>| {
            self.setting(name).map(str::to_owned).or(known).ok_or_else(|| {
                let provider = &self.settings.provider;
                format!("The connector's sign-in ('{provider}') has no '{name}'.")
            })
        };
        let login = self.setting("loginUri");
        let authorization =
            address("authorizationUrl", provider.map(|it| it.authorization(login)))?;
        let token = address("tokenUrl", provider.map(|it| it.token(login)))?;
        let refresh = address("refreshUrl", Some(token.clone()))?;
        Ok(Addresses { authorization, token, refresh })
    }

    /// Exchanges what a browser brought for tokens.
    ///
    /// # Errors
    /// As [`Plan::authorization`].
    pub fn redeem(&self, code: &str, verifier: &str) -> Result<TokenForm, String> {
        let places: &Places<'_> = &[("code", code), ("codeverifier", verifier)];
        if let Some(form) = self.templated(["tokenUrl", "tokenBody"], places)? {
            return Ok(form);
        }
        let pairs = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", self.redirect),
            ("code_verifier", verifier),
        ];
        self.form("tokenUrl", self.addresses()?.token, &pairs, None)
    }

    /// Exchanges a refresh token for tokens.
    ///
    /// # Errors
    /// As [`Plan::authorization`].
    pub fn refresh(&self, token: &str) -> Result<TokenForm, String> {
        let places: &Places<'_> = &[("refreshtoken", token)];
        if let Some(form) = self.templated(["refreshUrl", "refreshBody"], places)? {
            return Ok(form);
        }
        let pairs = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.form("refreshUrl", self.addresses()?.refresh, &pairs, None)
    }

    /// Asks for tokens of the client's own.
    ///
    /// # Errors
    /// As [`Plan::authorization`].
    pub fn client_credentials(&self) -> Result<TokenForm, String> {
        let pairs = [("grant_type", CLIENT_CREDENTIALS)];
        let mut scope = self.scope(" ");
        if scope.is_empty() && self.settings.is_directory() && self.resource().is_none() {
            ".default".clone_into(&mut scope);
        }
        self.form("tokenUrl", self.addresses()?.token, &pairs, Some(scope))
    }

    fn form(
        &self,
        name: &str,
        uri: String,
        pairs: &[(&str, &str)],
        scope: Option<String>,
    ) -> Result<TokenForm, String> {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(pairs).append_pair("client_id", &self.client_id);
        if let Some(secret) = &self.secret {
            form.append_pair("client_secret", secret);
        }
        if let Some(scope) = scope.filter(|scope| !scope.is_empty()) {
            form.append_pair("scope", &scope);
        }
        if self.settings.is_directory()
            && let Some(resource) = self.resource()
        {
            form.append_pair("resource", resource);
        }
        Ok(TokenForm { uri: absolute(name, uri)?, form: form.finish() })
    }

    /// A request whose address and form are templates, if they are.
    fn templated(
        &self,
        [address, body]: [&str; 2],
        places: &Places<'_>,
    ) -> Result<Option<TokenForm>, String> {
        let name = format!("{address}Template");
        let template = self.settings.custom(&name);
        let Some(template) = template.or_else(|| self.settings.custom("tokenUrlTemplate")) else {
            return Ok(None);
        };
        let mut uri = self.filled(template, places, false)?;
        if let Some(query) = self.settings.custom(&format!("{address}QueryStringTemplate")) {
            let query = self.filled(query.trim_start_matches('?'), places, true)?;
            uri = format!("{uri}{}{query}", if uri.contains('?') { '&' } else { '?' });
        }
        let body = self.settings.custom(&format!("{body}Template")).ok_or_else(|| {
            format!("The connector's sign-in has '{name}' without '{body}Template'.")
        })?;
        let form = self.filled(body, places, true)?;
        Ok(Some(TokenForm { uri: absolute(&name, uri)?, form }))
    }

    /// A template with its places filled: `{clientId}`, `{RefreshToken}` and so on, letters
    /// do not matter.
    fn filled(
        &self,
        template: &str,
        places: &Places<'_>,
        is_encoded: bool,
    ) -> Result<String, String> {
        let (mut text, mut rest) = (String::new(), template);
        while let Some((before, after)) = rest.split_once('{') {
            let (name, behind) = after.split_once('}').ok_or_else(|| {
                format!("In the connector's sign-in, '{template}' has a '{{' without its end.")
            })?;
            let value = self.place(name, places).ok_or_else(|| {
                format!("In the connector's sign-in, nothing is known for '{{{name}}}'.")
            })?;
            text.push_str(before);
            match is_encoded {
                true => text.extend(utf8_percent_encode(&value, KEPT)),
                false => text.push_str(&value),
            }
            rest = behind;
        }
        text.push_str(rest);
        Ok(text)
    }

    fn place(&self, name: &str, places: &Places<'_>) -> Option<String> {
        let name = name.trim().to_lowercase();
        if let Some((_, value)) = places.iter().find(|(known, _)| *known == name) {
            return Some((*value).to_owned());
        }
        match name.as_str() {
            "clientid" | "appclientid" => Some(self.client_id.clone()),
            "clientsecret" | "appclientsecret" => Some(self.secret.clone().unwrap_or_default()),
            "redirecturl" | "redirecturi" => Some(self.redirect.to_owned()),
            "scope" | "scopes" => {
                let delimiter = self.settings.custom.iter();
                let mut delimiter = delimiter.filter(|(name, _)| name == "scopelistdelimiter");
                Some(self.scope(delimiter.next().map_or(" ", |(_, value)| value.as_str())))
            }
            // some templates name what only another of the requests has
            "code" | "codeverifier" | "refreshtoken" => Some(String::new()),
            _ => self.setting(&name).map(str::to_owned),
        }
    }
}

/// The places of a template before its path.
fn places_of_host(template: &str) -> Vec<String> {
    let begins = template.find("://").map_or(0, |at| at + 3);
    let ends = template[begins..].find('/').map_or(template.len(), |at| begins + at);
    let places = template[..ends].split('{').skip(1);
    places.filter_map(|part| Some(part.split_once('}')?.0.trim().to_owned())).collect()
}

/// S256 of a verifier (RFC 7636).
fn challenge(verifier: &str) -> String {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
    URL_SAFE_NO_PAD.encode(hash)
}

fn absolute(name: &str, address: String) -> Result<String, String> {
    let is_one = Url::parse(&address)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if is_one {
        return Ok(address);
    }
    Err(format!("The '{name}' of the connector's sign-in is no address: '{address}'."))
}

#[cfg(test)]
mod tests;
