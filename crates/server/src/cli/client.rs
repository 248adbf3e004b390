//! The client of the native API. Contract: `docs/reference/native-api.md`.

use std::error::Error as _;
use std::path::Path;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, Response, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::events::{Event, Parser};
use super::failure::{Failure, Fault};
use super::output::{Output, visible};
use super::{Connection, input, json_text};

const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
const ANSWER_TIME_MAX: Duration = Duration::from_secs(120);
/// Records the server gives at most in one page.
const PAGE_RECORDS_MAX: usize = 1_000;
/// Characters shown of an answer that is not ours.
const FOREIGN_TEXT_MAX: usize = 200;

/// What stays as it is in a segment or a query value: RFC 3986, unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A path with its query, relative to the server's address.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource(String);

impl Resource {
    /// The path of these names under the API. A name that a URL cannot carry is refused.
    pub fn new(segments: &[&str]) -> Result<Self, Failure> {
        let mut path = String::from("/api/v1");
        for segment in segments {
            // Dot segments would be resolved away, and name something else.
            if matches!(*segment, "" | "." | "..") {
                return Err(Failure::Usage(format!("'{segment}' is not a name.")));
            }
            path.push('/');
            path.extend(utf8_percent_encode(segment, RESERVED));
        }
        Ok(Resource(path))
    }

    #[must_use]
    pub fn query(mut self, name: &str, value: Option<&str>) -> Self {
        if let Some(value) = value {
            self.0.push(if self.0.contains('?') { '&' } else { '?' });
            self.0.push_str(name);
            self.0.push('=');
            self.0.extend(utf8_percent_encode(value, RESERVED));
        }
        self
    }
}

/// Records of a list, and the JSON text of each as it came.
pub struct Listing<T> {
    pub records: Vec<T>,
    texts: Vec<String>,
    /// Whether the server has more than was asked for.
    pub more: bool,
}

impl<T> Listing<T> {
    /// The records as a JSON array.
    #[must_use]
    pub fn array(&self) -> String {
        format!("[{}]", self.texts.join(","))
    }

    /// The list as the API would give it in one page.
    #[must_use]
    pub fn json(&self) -> String {
        json_text::Members::default().raw("value", &self.array()).build()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page<T> {
    value: Vec<T>,
    next_link: Option<String>,
}

/// A server and the right to speak to it.
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
    environment: String,
}

impl Client {
    pub fn new(connection: &Connection) -> Result<Self, Failure> {
        let http = builder(&connection.server, connection.ca.as_deref())?
            .build()
            .map_err(|error| Failure::new(format!("The client cannot start: {}.", root(&error))))?;
        Ok(Client {
            http,
            base: connection.server.as_str().trim_end_matches('/').to_owned(),
            token: connection.token.clone().filter(|token| !token.is_empty()),
            environment: connection.environment.clone(),
        })
    }

    /// The environment that was chosen.
    #[must_use]
    pub fn environment(&self) -> &str {
        &self.environment
    }

    /// A resource under `/flows`, in the environment that was chosen.
    pub fn flows(&self, segments: &[&str]) -> Result<Resource, Failure> {
        let segments: Vec<&str> = ["flows"].iter().chain(segments).copied().collect();
        Ok(Resource::new(&segments)?.query("environment", Some(&self.environment)))
    }

    pub async fn get(&self, resource: &Resource) -> Result<String, Failure> {
        self.send(Method::GET, resource, None).await
    }

    pub async fn post(&self, resource: &Resource, body: Option<String>) -> Result<String, Failure> {
        self.send(Method::POST, resource, body).await
    }

    pub async fn put(&self, resource: &Resource, body: String) -> Result<String, Failure> {
        self.send(Method::PUT, resource, Some(body)).await
    }

    pub async fn patch(&self, resource: &Resource, body: String) -> Result<String, Failure> {
        self.send(Method::PATCH, resource, Some(body)).await
    }

    pub async fn delete(&self, resource: &Resource) -> Result<String, Failure> {
        self.send(Method::DELETE, resource, None).await
    }

    /// A resource under `/packages`, in the environment that was chosen.
    pub fn packages(&self, what: &str) -> Result<Resource, Failure> {
        Ok(Resource::new(&["packages", what])?.query("environment", Some(&self.environment)))
    }

    /// What is no text.
    pub async fn get_bytes(&self, resource: &Resource) -> Result<Vec<u8>, Failure> {
        let request = self.request(Method::GET, resource).timeout(ANSWER_TIME_MAX);
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        if !response.status().is_success() {
            return Err(self.refusal(response).await);
        }
        let bytes = response.bytes().await.map_err(|error| self.unreachable(&error))?;
        Ok(bytes.to_vec())
    }

    pub async fn post_bytes(&self, resource: &Resource, body: Vec<u8>) -> Result<String, Failure> {
        let request = self.request(Method::POST, resource).timeout(ANSWER_TIME_MAX);
        let request = request.header("content-type", "application/zip").body(body);
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        if !response.status().is_success() {
            return Err(self.refusal(response).await);
        }
        response.text().await.map_err(|error| self.unreachable(&error))
    }

    /// Follows a list over its pages, up to `limit` records.
    pub async fn list<T: DeserializeOwned>(
        &self,
        resource: Resource,
        limit: usize,
    ) -> Result<Listing<T>, Failure> {
        let top = limit.clamp(1, PAGE_RECORDS_MAX).to_string();
        let mut next = Some(resource.query("top", Some(&top)));
        let mut listing = Listing { records: Vec::new(), texts: Vec::new(), more: false };
        while let Some(resource) = next.take() {
            let text = self.get(&resource).await?;
            let page: Page<T> = self.read(&text)?;
            let texts = json_text::member(&text, "value").and_then(json_text::items);
            let texts = texts.filter(|texts| texts.len() == page.value.len());
            listing.texts.extend(
                texts.ok_or_else(|| self.foreign(&text))?.iter().map(|text| (*text).to_owned()),
            );
            listing.records.extend(page.value);
            let link = page.next_link.map(|link| self.linked(&link)).transpose()?;
            if link.as_ref() == Some(&resource) {
                return Err(Failure::new(format!(
                    "The server at {} gives the same page again and again.",
                    self.base
                )));
            }
            listing.more = link.is_some() || listing.records.len() > limit;
            next = link.filter(|_| listing.records.len() < limit);
        }
        listing.records.truncate(limit);
        listing.texts.truncate(limit);
        Ok(listing)
    }

    /// Prints an answer as it comes, however long it is.
    pub async fn copy(&self, resource: &Resource, out: &mut Output<'_>) -> Result<(), Failure> {
        let response = self.request(Method::GET, resource).send().await;
        let mut response = response.map_err(|error| self.unreachable(&error))?;
        if !response.status().is_success() {
            return Err(self.refusal(response).await);
        }
        while let Some(bytes) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
            out.bytes(&bytes)?;
        }
        Ok(())
    }

    /// The events of a run from now on.
    pub async fn events(&self, run: &str) -> Result<EventStream, Failure> {
        let resource = Resource::new(&["runs", run, "events"])?;
        let request = self.request(Method::GET, &resource);
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        if !response.status().is_success() {
            return Err(self.refusal(response).await);
        }
        Ok(EventStream { response, parser: Parser::default() })
    }

    /// An answer as a record.
    pub fn read<T: DeserializeOwned>(&self, text: &str) -> Result<T, Failure> {
        serde_json::from_str(text).map_err(|_| self.foreign(text))
    }

    fn request(&self, method: Method, resource: &Resource) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{}", self.base, resource.0));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn send(
        &self,
        method: Method,
        resource: &Resource,
        body: Option<String>,
    ) -> Result<String, Failure> {
        let mut request = self.request(method, resource).timeout(ANSWER_TIME_MAX);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        if !response.status().is_success() {
            return Err(self.refusal(response).await);
        }
        response.text().await.map_err(|error| self.unreachable(&error))
    }

    /// The resource a `nextLink` names; never one on another server, which would
    /// be sent our token.
    fn linked(&self, link: &str) -> Result<Resource, Failure> {
        let path = link.strip_prefix(&self.base).unwrap_or(link);
        if path.starts_with('/') && !path.starts_with("//") {
            Ok(Resource(path.to_owned()))
        } else {
            Err(Failure::new(format!("The server's next page is elsewhere: {link}.")))
        }
    }

    /// No answer, or one that broke off.
    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let cause = root(error);
        if error.is_timeout() && !error.is_connect() {
            let seconds = ANSWER_TIME_MAX.as_secs();
            let base = &self.base;
            return Failure::new(format!("The server at {base} did not answer in {seconds} s."));
        }
        if !error.is_connect() {
            let base = &self.base;
            return Failure::new(format!("The answer of the server at {base} broke off: {cause}."));
        }
        let failure = Failure::new(format!("No server answers at {}: {cause}.", self.base));
        if cause.contains("CaUsedAsEndEntity") {
            // What 'openssl req -x509' makes unless it is told otherwise.
            failure.or_hint(
                "Its certificate is that of an authority; make one for a server, with \
                 basicConstraints=CA:FALSE.",
            )
        } else if cause.contains("certificate") {
            failure.or_hint("Name the authority that signed its certificate with --ca FILE.")
        } else {
            failure.or_hint(
                "Start it with 'sluicegate serve', or say where it is with --server URL or \
                 SLUICEGATE_SERVER.",
            )
        }
    }

    /// An answer that says no.
    async fn refusal(&self, response: Response) -> Failure {
        let status = response.status();
        let wait = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let wait = wait.map(|seconds| format!("Try again in {seconds} s."));
        let text = response.text().await.unwrap_or_default();
        let failure = refused(&self.base, status, &text);
        match (status, wait) {
            (StatusCode::UNAUTHORIZED, _) => failure.or_hint(self.token_hint()),
            (_, Some(wait)) => failure.or_hint(wait),
            _ => failure,
        }
    }

    fn token_hint(&self) -> &'static str {
        if self.token.is_some() {
            "The token given with --token or SLUICEGATE_TOKEN is not one of this server's."
        } else {
            "Set SLUICEGATE_TOKEN, or give --token T; the server printed its token when it first \
             started."
        }
    }

    fn foreign(&self, text: &str) -> Failure {
        Failure::new(format!("The answer of {} makes no sense: {}", self.base, excerpt(text)))
            .or_hint("Is it a Sluicegate server, of the same version as this program?")
    }
}

/// The events of a run as they arrive.
pub struct EventStream {
    response: Response,
    parser: Parser,
}

impl EventStream {
    /// The next event; `None` when the stream has ended or broken off.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.parser.pop() {
                return Some(event);
            }
            match self.response.chunk().await {
                Ok(Some(bytes)) => self.parser.push(&bytes),
                Ok(None) | Err(_) => return None,
            }
        }
    }
}

fn builder(server: &Url, ca: Option<&Path>) -> Result<reqwest::ClientBuilder, Failure> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("sluicegate/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIME_MAX)
        .redirect(reqwest::redirect::Policy::none());
    if is_loopback(server) {
        builder = builder.no_proxy();
    }
    if let Some(ca) = ca {
        let certificates = reqwest::Certificate::from_pem_bundle(&input::read(ca)?)
            .ok()
            .filter(|certificates| !certificates.is_empty());
        let name = input::name(ca);
        return match certificates {
            Some(certificates) => Ok(builder.tls_certs_only(certificates)),
            None => Err(Failure::new(format!("{name} holds no certificate in PEM form."))),
        };
    }
    if server.scheme() == "http" {
        // Spares reading the system's certificates, which a small machine may lack.
        builder = builder.tls_certs_only([]);
    }
    Ok(builder)
}

fn is_loopback(server: &Url) -> bool {
    let host = server.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let address = host.parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// The server's own words when it has any, else what the status says.
fn refused(base: &str, status: StatusCode, text: &str) -> Failure {
    #[derive(Deserialize)]
    struct Envelope {
        error: Fault,
    }
    match serde_json::from_str::<Envelope>(text) {
        Ok(Envelope { error }) if !error.message.is_empty() => error.into(),
        _ if text.trim().is_empty() => Failure::new(format!("{base} answers {status}.")),
        _ => Failure::new(format!("{base} answers {status}: {}", excerpt(text))),
    }
}

fn excerpt(text: &str) -> String {
    let text = text.trim();
    let mut shown: String = text.chars().take(FOREIGN_TEXT_MAX).collect();
    if shown.len() < text.len() {
        shown.push_str("...");
    }
    visible(&shown)
}

/// The innermost cause of an error, which is the one that says what happened.
fn root(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    let mut text = error.to_string();
    while let Some(inner) = cause {
        text = match inner.downcast_ref::<std::io::Error>() {
            Some(error) if error.get_ref().is_none() => input::reason(error),
            _ => inner.to_string(),
        };
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(server: &str) -> Client {
        Client::new(&Connection {
            server: Url::parse(server).unwrap(),
            token: Some(String::new()),
            environment: "my env".into(),
            ca: None,
        })
        .unwrap()
    }

    #[test]
    fn names_are_encoded_into_one_segment_each() {
        let resource = client("http://[::1]:8484/").flows(&["a/b ü?", "run"]).unwrap();
        assert_eq!(resource.0, "/api/v1/flows/a%2Fb%20%C3%BC%3F/run?environment=my%20env");
        let resource = resource.query("trigger", Some("a&b")).query("top", None);
        assert!(resource.0.ends_with("?environment=my%20env&trigger=a%26b"));
        for name in ["", ".", ".."] {
            assert!(matches!(Resource::new(&["flows", name]), Err(Failure::Usage(_))));
        }
    }

    #[test]
    fn next_pages_stay_on_the_server() {
        let client = client("http://example.org/gate/");
        let path = Resource("/api/v1/flows?skipToken=x".into());
        assert_eq!(client.linked("/api/v1/flows?skipToken=x").unwrap(), path);
        let absolute = "http://example.org/gate/api/v1/flows?skipToken=x";
        assert_eq!(client.linked(absolute).unwrap(), path);
        for link in ["https://evil.example/api", "//evil.example/api", "x", ""] {
            assert!(client.linked(link).is_err(), "{link}");
        }
        assert!(client.linked("http://example.org/gate@evil.example/").is_err());
        assert!(client.linked("http://example.org/gate.evil.example/").is_err());
    }

    #[test]
    fn refusals_are_told_in_the_words_of_the_server() {
        let text = r#"{"error":{"code":"FlowNotFound","message":"There is no flow 'x'."}}"#;
        let failure = refused("http://h", StatusCode::NOT_FOUND, text);
        assert_eq!(failure.text(false), "error: There is no flow 'x'.\n");
        assert_eq!(failure.code(), Some("FlowNotFound"));
        let failure = refused("http://h", StatusCode::BAD_GATEWAY, "<html>\n");
        assert_eq!(failure.text(false), "error: http://h answers 502 Bad Gateway: <html>\n");
        let failure = refused("http://h", StatusCode::BAD_GATEWAY, "");
        assert_eq!(failure.text(false), "error: http://h answers 502 Bad Gateway.\n");
    }

    #[test]
    fn loopback_is_known_by_name_and_number() {
        for (url, expected) in [
            ("http://127.0.0.1:1", true),
            ("http://[::1]:1", true),
            ("http://localhost", true),
            ("http://10.0.0.1", false),
            ("https://localhost.example", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }
}
