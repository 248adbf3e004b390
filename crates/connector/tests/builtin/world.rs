//! What the tests call with.

use connector::builtin::{
    Answered, Called, Context, HttpFailure, MailSettings, Polled, Reach, Redirects, call, poll,
};
use connector::http::{EgressPolicy, HttpClient, HttpLimits};
use expr::{Object, Value};
use serde_json::{Map, Value as Json};
use std::sync::Arc;
use std::time::Duration;

/// Connectors that may reach this machine.
pub struct World {
    pub context: Context,
}

impl World {
    pub fn new(authority: Option<&[u8]>) -> World {
        World::with_policy("allow = ['127.0.0.0/8', '::1', 'localhost']", authority)
    }

    pub fn with_policy(policy: &str, authority: Option<&[u8]>) -> World {
        let policy = Arc::new(EgressPolicy::from_toml(policy).unwrap());
        let context = Context {
            http: HttpClient::new(Arc::clone(&policy), HttpLimits::default()).unwrap(),
            reach: Reach::new(policy, authority).unwrap(),
            mail: MailSettings::default(),
            folder: None,
            secrets: None,
            directory: None,
        };
        World { context }
    }

    pub async fn try_call(
        &self,
        connector: &str,
        operation: &str,
        connection: &Json,
        parameters: &Json,
    ) -> Result<Answered, HttpFailure> {
        let parameters = object(parameters);
        let connection = connection.as_object().unwrap();
        call(connector, &self.context, called(operation, &parameters, connection)).await
    }

    pub async fn call_within(
        &self,
        within: Duration,
        connector: &str,
        operation: &str,
        connection: &Json,
        parameters: &Json,
    ) -> Result<Answered, HttpFailure> {
        let parameters = object(parameters);
        let called = called(operation, &parameters, connection.as_object().unwrap());
        call(connector, &self.context, Called { timeout: within, ..called }).await
    }

    /// The status and the body of an answer.
    pub async fn call(
        &self,
        connector: &str,
        operation: &str,
        connection: &Json,
        parameters: Json,
    ) -> (u16, Json) {
        let answered = self.try_call(connector, operation, connection, &parameters).await.unwrap();
        (answered.status, json(&answered.body))
    }

    pub async fn poll(
        &self,
        connector: &str,
        operation: &str,
        connection: &Json,
        parameters: Json,
        state: &Json,
    ) -> Polled {
        let parameters = object(&parameters);
        let connection = connection.as_object().unwrap();
        let called = called(operation, &parameters, connection);
        poll(connector, &self.context, called, state).await.unwrap().unwrap()
    }
}

fn called<'a>(
    operation: &'a str,
    parameters: &'a Object,
    connection: &'a Map<String, Json>,
) -> Called<'a> {
    Called {
        operation,
        parameters,
        connection,
        id: "call-1",
        now: jiff::Timestamp::now(),
        timeout: Duration::from_secs(60),
        redirects: &Redirects::Follow,
    }
}

fn object(json: &Json) -> Object {
    match expr::json::parse(&serde_json::to_vec(json).unwrap()).unwrap() {
        Value::Object(object) => (*object).clone(),
        other => panic!("{other:?} is no object"),
    }
}

pub fn json(value: &Value) -> Json {
    serde_json::from_slice(&expr::json::to_vec(value)).unwrap()
}

pub fn items(polled: &Polled) -> Vec<Json> {
    polled.items.iter().map(json).collect()
}
