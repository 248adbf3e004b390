//! A flow that calls operations of a connector one after the other, over a connection.

use super::MANAGEMENT;
use crate::people::{PROVIDER, People};
use crate::support::api::{Api, path_of};
use crate::world::{Answer, definition};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Map, Value, json};

/// An operation and its parameters.
pub type Call = (&'static str, Value);

/// A connection that flows of its environment use.
#[derive(Clone)]
pub struct Connection {
    /// Who made it, and makes the flows.
    pub who: usize,
    /// The environment's name on the wire.
    pub environment: String,
    pub connector: &'static str,
    pub name: String,
}

impl Connection {
    /// One that acts as who makes it.
    pub async fn of_person(
        people: &People,
        who: usize,
        environment: &str,
        connector: &'static str,
    ) -> Connection {
        let set = json!({"name": "firstParty", "values": {}});
        let name = format!("{}{who}", connector.trim_start_matches("shared_"));
        Connection::made(people, who, environment, (connector, name), set).await
    }

    /// One that acts as a program, by its certificate; somebody else makes it.
    pub async fn of_program(
        people: &People,
        (who, program): (usize, usize),
        environment: &str,
        connector: &'static str,
    ) -> Connection {
        let id = &people.all[program].id;
        let path = format!("/api/v1/applications/{id}");
        let client = people.world.api.get(&path).await["clientId"].clone();
        let dir = tempfile::tempdir().expect("a folder");
        let own = rig::authority::self_signed(dir.path(), "program").expect("a certificate");
        let pfx = rig::authority::pfx(&own, "open sesame").expect("a PFX file");
        let pem = std::fs::read_to_string(&own.certificate).expect("a file");
        let der: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let path = format!("{path}/certificates");
        people.world.call(Method::POST, &path, json!({"certificate": der}), 201).await;
        let secret = json!({"pfx": STANDARD.encode(&pfx), "password": "open sesame"});
        let set = json!({"name": "CertOauth", "values": {
            "token:TenantId": {"value": people.environment_tenant().await},
            "token:clientId": {"value": client},
            "token:clientCertificateSecret": {"value": secret}
        }});
        let name = format!("{}{program}", connector.trim_start_matches("shared_"));
        Connection::made(people, who, environment, (connector, name), set).await
    }

    async fn made(
        people: &People,
        who: usize,
        environment: &str,
        (connector, name): (&'static str, String),
        set: Value,
    ) -> Connection {
        let body = json!({"properties": {"connectionParametersSet": set}});
        let path = format!(
            "/providers/Microsoft.PowerApps/apis/{connector}/connections/{name}?api-version=2016-11-01&$filter=environment%20eq%20%27{environment}%27"
        );
        let made = people.send(who, Method::PUT, &path, Some(&body)).await;
        assert!([200, 201].contains(&made.status), "{}", made.text);
        Connection { who, environment: environment.to_owned(), connector, name }
    }

    /// A flow that makes calls over it; whatever one of them is answered, the next is made.
    pub async fn machine(&self, people: &People, calls: &[Call]) -> Machine {
        let body = json!({"properties": {"displayName": "Caller", "state": "Started",
            "definition": definition(self.actions(calls)),
            "connectionReferences": {self.connector: self.reference()}}});
        let flows = format!("{PROVIDER}/environments/{}/flows", self.environment);
        let flow = people.ask(self.who, (Method::POST, &flows), Some(&body), 201).await;
        let flow = flow["name"].as_str().expect("a name");
        let path = format!("{flows}/{flow}/listCallbackUrl");
        let given = people.ask(self.who, (Method::POST, &path), None, 200).await;
        let url = given["response"]["value"].as_str().expect("an address");
        Machine::at(path_of(url), calls)
    }

    /// What a flow says of it.
    pub fn reference(&self) -> Value {
        json!({"connectionName": self.name, "source": "Embedded",
            "id": format!("/providers/Microsoft.PowerApps/apis/{}", self.connector)})
    }

    /// The actions of [`Connection::machine`].
    pub fn actions(&self, calls: &[Call]) -> Value {
        let mut actions = Map::new();
        let mut before: Option<String> = None;
        for (at, (operation, parameters)) in calls.iter().enumerate() {
            let action = name_of(at);
            let after = before.replace(action.clone());
            let after = after.map_or(json!({}), |it| json!({it: ["Succeeded", "Failed"]}));
            actions.insert(
                action,
                json!({
                    "type": "OpenApiConnection", "runAfter": after,
                    "inputs": {
                        "host": {"connectionName": self.connector, "operationId": operation,
                            "apiId": self.reference()["id"]},
                        "parameters": parameters, "retryPolicy": {"type": "none"}
                    }
                }),
            );
        }
        actions.into()
    }
}

/// What the action of a call is called.
pub fn name_of(at: usize) -> String {
    format!("A{at:02}")
}

/// The flow.
pub struct Machine {
    /// Path and query of its address.
    pub path: String,
    operations: Vec<&'static str>,
}

/// What a call came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub operation: &'static str,
    /// Of the answer; 0 when there was none.
    pub status: u16,
    /// Of the error in the answer, or of the action's.
    pub code: String,
    pub message: String,
    pub headers: Value,
    pub body: Value,
}

impl Outcome {
    /// What was answered over HTTP.
    pub fn of(operation: &'static str, answer: &Answer) -> Outcome {
        let body = serde_json::from_str(&answer.text).unwrap_or_default();
        Outcome::told(operation, answer.status, &body, Value::Null, body.clone())
    }

    fn told(
        operation: &'static str,
        status: u16,
        teller: &Value,
        headers: Value,
        body: Value,
    ) -> Outcome {
        let text = |name: &str| teller["error"][name].as_str().unwrap_or_default().to_owned();
        let (code, message) = (text("code"), text("message"));
        Outcome { operation, status, code, message, headers, body }
    }

    /// What an action of a run shows.
    pub fn of_action(operation: &'static str, action: &Value) -> Outcome {
        let outputs = &action["outputs"];
        let status = outputs["statusCode"].as_u64().and_then(|it| u16::try_from(it).ok());
        let teller = if status.is_some() { &outputs["body"] } else { action };
        let (headers, body) = (outputs["headers"].clone(), outputs["body"].clone());
        Outcome::told(operation, status.unwrap_or_default(), teller, headers, body)
    }
}

impl Machine {
    /// A flow that has [`Connection::actions`], by its address.
    pub fn at(path: &str, calls: &[Call]) -> Machine {
        let operations = calls.iter().map(|(operation, _)| *operation).collect();
        Machine { path: path.to_owned(), operations }
    }

    /// Runs it, and tells what became of each call.
    pub async fn run(&self, people: &People) -> Vec<Outcome> {
        self.run_at(&people.world.api).await
    }

    /// The same at one of several nodes.
    pub async fn run_at(&self, api: &Api) -> Vec<Outcome> {
        let request = api.request(Method::POST, &self.path).json(&json!({}));
        let answer = Answer::of(request).await;
        self.outcomes(api, answer.run()).await
    }

    /// What became of the calls of a run, once it has ended.
    pub async fn outcomes(&self, api: &Api, run: &str) -> Vec<Outcome> {
        api.ended(run).await;
        let mut outcomes = Vec::new();
        for (at, operation) in self.operations.iter().enumerate() {
            let action = api.get(&format!("/api/v1/runs/{run}/actions/{}", name_of(at))).await;
            outcomes.push(Outcome::of_action(operation, &action));
        }
        outcomes
    }
}

/// Calls operations from a flow of somebody's in the environment of [`People`], each of
/// which must be answered with its status; the bodies, in order.
pub async fn from_a_flow(
    people: &People,
    who: usize,
    connector: &'static str,
    calls: &[(&'static str, Value, u16)],
) -> Vec<Value> {
    let connection = Connection::of_person(people, who, &people.environment, connector).await;
    let plain: Vec<Call> = calls.iter().map(|(id, given, _)| (*id, given.clone())).collect();
    let outcomes = connection.machine(people, &plain).await.run(people).await;
    let expected = calls.iter().map(|(_, _, status)| *status);
    let check = |(outcome, status): (Outcome, u16)| {
        assert_eq!(outcome.status, status, "{outcome:?}");
        outcome.body
    };
    outcomes.into_iter().zip(expected).map(check).collect()
}

/// The default environment's name on the wire: everybody is a maker in it.
pub async fn commons(people: &People) -> String {
    format!("Default-{}", people.environment_tenant().await)
}

/// The connector of an operation, by how its id is written.
pub fn connector_of(operation: &str) -> &'static str {
    if operation.contains("-Admin") { super::ADMINS } else { MANAGEMENT }
}
