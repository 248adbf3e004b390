//! Operations of connectors, and subscriptions of webhooks: what the evaluated inputs of an
//! action ask for. Who knows connections and connectors makes the call of it.

use super::Run;
use super::call::{HttpRequest, child_id};
use super::http::{absolute, check_named, is_same_origin, pairs};
use super::state::{Pending, Slot, Stage};
use super::status::{Outcome, Outputs};
use crate::definition::{Action, Source, Transfer};
use durable::ProcessId;
use expr::{Object, Str, Value};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A call of an operation of a connector.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectorCall {
    pub source: Source,
    /// Key of the flow, and its version, whose connection references count.
    pub workflow: i64,
    pub version: u32,
    /// The action or trigger.
    pub operation_name: Str,
    /// Evaluated.
    pub inputs: Value,
    pub purpose: Purpose,
    pub transfer: Transfer,
    /// Who invoked the run; null when nobody did.
    pub invoker: Value,
    pub idempotency_key: String,
}

/// What a call is made for.
#[derive(Clone, Debug, PartialEq)]
pub enum Purpose {
    Call,
    /// Asks for the status at an address that the answer of the call gave; of a trigger, for
    /// what is new since.
    Poll {
        location: Str,
    },
    /// Asks for the next page of a list, at an address that the one before gave.
    Page {
        location: Str,
    },
    /// Asks to be called at an address.
    Subscribe {
        callback: Str,
    },
    /// Ends a subscription.
    Unsubscribe {
        location: Str,
    },
}

/// A subscription of a webhook action: a process of its own, which lives until it is
/// answered, or nobody waits for it.
#[derive(Clone, Debug, PartialEq)]
pub struct SubscriptionCall {
    /// The id that the subscription's process gets, the same for every attempt.
    pub process: ProcessId,
    pub source: Source,
    pub operation_name: Str,
    /// Evaluated.
    pub inputs: Value,
    /// Who invoked the run; null when nobody did.
    pub invoker: Value,
    pub retry: crate::definition::RetryPolicy,
}

/// What addresses of callbacks are made with. Who knows it can answer any webhook.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CallbackKey(pub [u8; 32]);

impl std::fmt::Debug for CallbackKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CallbackKey")
    }
}

impl CallbackKey {
    /// What makes the address of a subscription's process a credential.
    #[must_use]
    pub fn token(&self, process: ProcessId) -> String {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(b"callback");
        mac.update(process.as_bytes());
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The address at which a subscription's process is answered.
#[must_use]
pub fn callback_url(public_url: &str, key: &CallbackKey, process: ProcessId) -> String {
    format!("{public_url}/callbacks/{}/{}", process.run_name(), key.token(process))
}

/// What an address names, if it is one at which an action is answered.
#[must_use]
pub fn callback_of(address: &str) -> Option<(ProcessId, &str)> {
    let (_, rest) = address.split_once("/callbacks/")?;
    let (process, token) = rest.split_once('/')?;
    Some((ProcessId::from_run_name(process)?, token))
}

impl Run {
    /// The address at which an action that begins now as the next effect is answered.
    pub(super) fn next_callback(&self) -> Str {
        let process = child_id(self.id, self.state.next_effect, self.step.now);
        callback_url(&self.info.public_url, &self.info.callback_key, process).into()
    }
}

pub(super) fn call(
    run: &Run,
    action: &Action,
    source: Source,
    slot: &Slot,
    pending: &Pending,
) -> ConnectorCall {
    ConnectorCall {
        source,
        workflow: run.info.key,
        version: run.info.version,
        operation_name: action.name.clone(),
        inputs: slot.inputs.clone(),
        purpose: match &pending.stage {
            Stage::Polled { location } if pending.pages.is_some() => {
                Purpose::Page { location: location.clone() }
            }
            Stage::Polled { location } => Purpose::Poll { location: location.clone() },
            _ => Purpose::Call,
        },
        transfer: action.transfer,
        invoker: run.state.invoker.clone(),
        idempotency_key: super::http::idempotency_key(run, pending),
    }
}

/// A call of an address as `{method, uri, headers, queries, body, authentication}` says it.
///
/// # Errors
/// It names no address, or its headers and queries have no names.
pub fn address_call(inputs: &Value, idempotency_key: String) -> Result<HttpRequest, String> {
    let text = |name: &str| inputs.get(name).map(Value::text).unwrap_or_default();
    let uri = [text("uri"), text("url")].into_iter().find(|uri| !uri.is_empty());
    let uri = uri.ok_or("There is no 'uri'.")?;
    check_named(inputs)?;
    let method = Some(text("method")).filter(|method| !method.is_empty());
    Ok(HttpRequest {
        method: method.unwrap_or_else(|| "POST".into()),
        uri,
        queries: pairs(inputs.get("queries")),
        headers: pairs(inputs.get("headers")),
        body: inputs.get("body").cloned(),
        cookie: inputs.get("cookie").map(Value::text).filter(|cookie| !cookie.is_empty()),
        authentication: inputs.get("authentication").cloned().unwrap_or_default(),
        idempotency_key,
        is_chunked: false,
    })
}

/// The same call at an address that an answer gave. Another origin gets nothing of what this
/// one is called with.
#[must_use]
pub fn called_at(request: HttpRequest, location: &Str) -> HttpRequest {
    let uri = absolute(&request.uri, location);
    let is_own = is_same_origin(&uri, &request.uri);
    let next =
        HttpRequest { method: "GET".into(), uri, queries: Vec::new(), body: None, ..request };
    match is_own {
        true => next,
        false => {
            HttpRequest { headers: Vec::new(), cookie: None, authentication: Value::Null, ..next }
        }
    }
}

/// Body of the message that ends a subscription which was answered: nothing is called to end
/// it. One that nobody waits for is ended by a message without a body.
pub const ANSWERED: &[u8] = b"answered";

const CALLED_BACK: &str = "callback";
const REFUSED: &str = "refused";

/// The message that answers a webhook action: somebody called back.
#[must_use]
pub fn called_back(request: Value) -> Value {
    tagged(CALLED_BACK, request)
}

/// The message that answers a webhook action whose subscription was refused.
#[must_use]
pub fn refused(answer: Value) -> Value {
    tagged(REFUSED, answer)
}

fn tagged(name: &str, value: Value) -> Value {
    let mut object = Object::with_capacity(1);
    object.push_new(name, value);
    object.into()
}

/// What the message makes of a webhook action.
pub(super) fn webhook_outcome(action: &Str, message: &Value) -> Outcome {
    if let Some(request) = message.get(CALLED_BACK) {
        return Outcome::ok(Outputs::Value(request.clone()));
    }
    let Some(answer) = message.get(REFUSED) else {
        let text = format!("The answer to the subscription of action '{action}' cannot be read.");
        return Outcome::failed("BadGateway", text);
    };
    if answer.get("statusCode").is_some() {
        return super::http::outcome(action, super::CallResult::Answer(answer.clone()));
    }
    let text = |name: &str| answer.get(name).map(Value::text).unwrap_or_default();
    Outcome::failed(&text("code"), text("message"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use durable::Partition;

    #[test]
    fn another_origin_gets_no_credentials() {
        let inputs = br#"{"method": "POST", "uri": "https://x/orders?a=1", "queries": {"b": "2"},
            "headers": {"X-Key": "secret"}, "cookie": "c=secret", "body": {"secret": 1},
            "authentication": {"type": "Basic", "username": "u", "password": "secret"}}"#;
        let inputs = expr::json::parse(inputs).expect("JSON");
        let request = || address_call(&inputs, "k".to_owned()).expect("a call");
        let own = called_at(request(), &"/orders?after=3".into());
        assert_eq!((own.method.as_str(), own.uri.as_str()), ("GET", "https://x/orders?after=3"));
        assert_eq!((own.headers.len(), own.queries.len(), own.body), (1, 0, None));
        assert_eq!(own.authentication, request().authentication);
        for location in ["https://other/orders", "http://x/orders", "//other/orders"] {
            let other = format!("{:?}", called_at(request(), &location.into()));
            assert!(!other.contains("secret"), "{location}: {other}");
        }
    }

    #[test]
    fn an_address_is_of_one_process_and_one_server() {
        let process = |random| ProcessId::new(1_000, Partition(3), random);
        let key = CallbackKey([7; 32]);
        let url = callback_url("https://here", &key, process(1));
        assert_eq!(url, callback_url("https://here", &key, process(1)));
        assert_ne!(url, callback_url("https://here", &key, process(2)));
        assert_ne!(url, callback_url("https://here", &CallbackKey::default(), process(1)));
        assert_eq!(callback_of(&url).map(|(process, _)| process), Some(process(1)));
        assert_eq!(callback_of("https://here/callbacks/x/y"), None);
        assert_eq!(format!("{key:?}"), "CallbackKey");
    }
}
