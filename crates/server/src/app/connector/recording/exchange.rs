//! An exchange of a recording: which request it is of, how far another is from it, and what
//! is taken out of it before it is kept.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A request and what was answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Exchange {
    pub request: Request,
    #[serde(default, skip_serializing_if = "Response::is_none")]
    pub response: Response,
    /// What a service told whoever it had subscribed with the request: then there is no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Delivery>,
}

/// A request without its service's address and credentials.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Request {
    /// The operation's id; none of a request that means no operation.
    #[serde(default)]
    pub operation: Option<String>,
    pub method: String,
    pub path: String,
    #[serde(default)]
    pub query: Vec<(String, String)>,
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    #[serde(default)]
    pub body: Value,
}

/// A call at an address that a service was given to call back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Delivery {
    #[serde(default)]
    pub headers: Value,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub queries: Value,
    #[serde(default)]
    pub body: Value,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Response {
    pub status: i64,
    #[serde(default)]
    pub headers: Value,
    #[serde(default)]
    pub body: Value,
}

/// Headers that carry credentials, or belong to one connection between two machines.
const WITHHELD: [&str; 8] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "www-authenticate",
    "x-api-key",
    "ocp-apim-subscription-key",
    "x-functions-key",
];

/// What stands where a secret was.
const MASK: &str = "********";

/// Characters of a secret that is looked for: shorter ones are everywhere.
const SECRET_CHARS_MIN: usize = 4;

pub fn is_withheld(header: &str) -> bool {
    WITHHELD.iter().any(|it| header.eq_ignore_ascii_case(it))
}

impl Response {
    fn is_none(&self) -> bool {
        *self == Response::default()
    }
}

impl Request {
    /// What tells the request from others: headers do not, and neither does the order of
    /// queries and of properties.
    #[must_use]
    pub fn key(&self) -> String {
        let mut query = self.query.clone();
        query.sort();
        let operation = self.operation.as_deref().unwrap_or_default().to_lowercase();
        let method = self.method.to_ascii_uppercase();
        let body = canonical(&self.body);
        serde_json::json!([operation, method, self.path, query, body]).to_string()
    }

    /// What is different in another request, most important first.
    #[must_use]
    pub fn differences(&self, other: &Request) -> Vec<String> {
        let mut found = Vec::new();
        let operation = |it: &Request| it.operation.clone().unwrap_or_default().to_lowercase();
        if operation(self) != operation(other) {
            let name = |it: &Request| it.operation.clone().unwrap_or_else(|| "none".to_owned());
            found.push(told("the operation", &name(self), &name(other)));
        }
        if !self.method.eq_ignore_ascii_case(&other.method) {
            found.push(told("the method", &self.method, &other.method));
        }
        if self.path != other.path {
            found.push(told("the path", &self.path, &other.path));
        }
        let values = |it: &Request, name: &str| {
            let mut all: Vec<String> =
                it.query.iter().filter(|it| it.0 == name).map(|it| it.1.clone()).collect();
            all.sort();
            all.join(", ")
        };
        let mut names: Vec<&String> =
            self.query.iter().chain(&other.query).map(|it| &it.0).collect();
        names.sort();
        names.dedup();
        for name in names {
            let (now, then) = (values(self, name), values(other, name));
            if now != then {
                found.push(told(&format!("the query '{name}'"), &now, &then));
            }
        }
        differ("the body", &self.body, &other.body, 0, &mut found);
        found
    }
}

impl Exchange {
    /// Takes out what must not be kept: headers of credentials, and the secrets wherever
    /// they stand.
    pub fn mask(&mut self, secrets: &[String]) {
        self.request.headers.retain(|(name, _)| !is_withheld(name));
        if let Value::Object(headers) = &mut self.response.headers {
            headers.retain(|name, _| !is_withheld(name));
        }
        let mut secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        secrets.retain(|it| it.chars().count() >= SECRET_CHARS_MIN);
        // of one that contains another, all is taken
        secrets.sort_by_key(|it| std::cmp::Reverse(it.len()));
        let request = &mut self.request;
        mask_text(&mut request.path, &secrets);
        for (name, value) in request.query.iter_mut().chain(&mut request.headers) {
            mask_text(name, &secrets);
            mask_text(value, &secrets);
        }
        mask_value(&mut request.body, &secrets, 0);
        mask_value(&mut self.response.headers, &secrets, 0);
        mask_value(&mut self.response.body, &secrets, 0);
        if let Some(delivery) = &mut self.delivery {
            if let Value::Object(headers) = &mut delivery.headers {
                headers.retain(|name, _| !is_withheld(name));
            }
            for part in [&mut delivery.headers, &mut delivery.queries, &mut delivery.body] {
                mask_value(part, &secrets, 0);
            }
        }
    }
}

/// Objects in objects that are looked into: more than values from outside have.
const DEPTH_MAX: usize = 512;

fn mask_value(value: &mut Value, secrets: &[&str], depth: usize) {
    match value {
        Value::String(text) => mask_text(text, secrets),
        Value::Array(items) if depth < DEPTH_MAX => {
            items.iter_mut().for_each(|it| mask_value(it, secrets, depth + 1));
        }
        Value::Object(members) if depth < DEPTH_MAX => {
            if let Some(content) = members.get_mut("$content") {
                mask_content(content, secrets);
            }
            let old = std::mem::take(members);
            for (mut name, mut value) in old {
                mask_text(&mut name, secrets);
                mask_value(&mut value, secrets, depth + 1);
                members.insert(name, value);
            }
        }
        Value::Array(_) | Value::Object(_) => *value = Value::Null,
        _ => {}
    }
}

fn mask_text(text: &mut String, secrets: &[&str]) {
    for secret in secrets {
        for form in
            [(*secret).to_owned(), ::connector::call::encoded(secret), STANDARD.encode(secret)]
        {
            if text.contains(&form) {
                *text = text.replace(&form, MASK);
            }
        }
    }
}

/// Bytes that are carried as base64: secrets are looked for in what they say.
fn mask_content(content: &mut Value, secrets: &[&str]) {
    let Some(bytes) = content.as_str().and_then(|it| STANDARD.decode(it).ok()) else { return };
    let has = |secret: &&str| bytes.windows(secret.len()).any(|it| it == secret.as_bytes());
    if secrets.iter().any(has) {
        let mut text = String::from_utf8_lossy(&bytes).into_owned();
        mask_text(&mut text, secrets);
        *content = STANDARD.encode(text).into();
    }
}

fn canonical(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(canonical).collect(),
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by_key(|(name, _)| name.as_str());
            let sorted = sorted.into_iter().map(|(name, value)| (name.clone(), canonical(value)));
            Value::Object(sorted.collect())
        }
        other => other.clone(),
    }
}

fn told(what: &str, now: &str, then: &str) -> String {
    format!("{what} is '{}' and was '{}'", shown(now), shown(then))
}

/// Characters of a value that a message repeats.
const SHOWN_CHARS_MAX: usize = 100;

fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

fn differ(at: &str, now: &Value, then: &Value, depth: usize, found: &mut Vec<String>) {
    match (now, then) {
        (Value::Object(now), Value::Object(then)) if depth < DEPTH_MAX => {
            let more = then.keys().filter(|name| !now.contains_key(*name));
            for name in now.keys().chain(more) {
                let of = |members: &serde_json::Map<String, Value>| {
                    members.get(name).cloned().unwrap_or_default()
                };
                differ(&format!("{at}/{name}"), &of(now), &of(then), depth + 1, found);
            }
        }
        _ if canonical(now) == canonical(then) => {}
        _ => found.push(told(at, &now.to_string(), &then.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request(path: &str, query: &[(&str, &str)], body: Value) -> Request {
        Request {
            operation: Some("Op".to_owned()),
            method: "POST".to_owned(),
            path: path.to_owned(),
            query: query.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect(),
            headers: Vec::new(),
            body,
        }
    }

    #[test]
    fn the_same_request_has_the_same_key() {
        let one = request("/a", &[("x", "1"), ("y", "2")], json!({"a": 1, "b": {"c": 2, "d": 3}}));
        let mut other =
            request("/a", &[("y", "2"), ("x", "1")], json!({"b": {"d": 3, "c": 2}, "a": 1}));
        other.operation = Some("op".to_owned());
        other.headers = vec![("X".to_owned(), "y".to_owned())];
        assert_eq!(one.key(), other.key());
        assert!(one.differences(&other).is_empty());
        other.query.pop();
        other.body["b"]["c"] = json!("z");
        assert_ne!(one.key(), other.key());
        assert_eq!(
            one.differences(&other),
            ["the query 'x' is '1' and was ''", "the body/b/c is '2' and was '\"z\"'"]
        );
    }

    #[test]
    fn secrets_are_taken_out_wherever_they_stand() {
        let secret = "p/ss word+1";
        let content = STANDARD.encode(format!("x {secret} y"));
        let mut exchange = Exchange {
            request: request(
                &format!("/a/{}", ::connector::call::encoded(secret)),
                &[("code", secret)],
                json!({"a": [secret], secret: 1}),
            ),
            response: Response {
                status: 200,
                headers: json!({"Set-Cookie": "s", "X-Echo": format!("Bearer {secret}")}),
                body: json!({"$content-type": "a/b", "$content": content, "b": STANDARD.encode(secret)}),
            },
            delivery: Some(Delivery {
                headers: json!({"Cookie": "Set-Cookie"}),
                queries: Value::Null,
                body: json!([secret]),
            }),
        };
        exchange.request.headers = vec![
            ("AUTHORIZATION".to_owned(), "x".to_owned()),
            ("X-Lang".to_owned(), "de".to_owned()),
        ];
        exchange.mask(&[secret.to_owned(), "de".to_owned()]);
        let text = serde_json::to_string(&exchange).unwrap();
        for hidden in [secret, "p%2Fss", "Set-Cookie", "AUTHORIZATION", &STANDARD.encode(secret)] {
            assert!(!text.contains(hidden), "{hidden}: {text}");
        }
        assert_eq!(exchange.request.headers, [("X-Lang".to_owned(), "de".to_owned())]);
        let body = exchange.response.body["$content"].as_str().unwrap();
        assert_eq!(STANDARD.decode(body).unwrap(), b"x ******** y");
    }
}
