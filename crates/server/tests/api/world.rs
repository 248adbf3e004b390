//! A server of its own for each test, and the flows that tests need.

use crate::support::api::{Api, path_of};
use crate::support::{Server, Setup};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A server with its folder.
pub struct World {
    pub server: Server,
    pub api: Api,
    pub setup: Setup,
    /// Goes when the test ends, when it is this world's own.
    _dir: Option<TempDir>,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl World {
    pub async fn start() -> World {
        World::start_with(|setup, _| setup).await
    }

    /// Starts a server with more settings; the folder is the test's own.
    pub async fn start_with(settings: impl FnOnce(Setup, &std::path::Path) -> Setup) -> World {
        let dir = tempfile::tempdir().expect("a folder");
        let setup = settings(Setup::new(dir.path()), dir.path());
        let server = setup.start().await;
        let api = server.api();
        World { server, api, setup, _dir: Some(dir) }
    }

    /// A world in a folder that goes with another's.
    pub fn of(server: Server, setup: Setup) -> World {
        World { api: server.api(), server, setup, _dir: None }
    }

    /// The same in another life, with a look at what is stored in between.
    pub async fn again(self, look: impl FnOnce(&Setup)) -> World {
        assert!(self.server.stop().await.success());
        look(&self.setup);
        let server = self.setup.start().await;
        World { api: server.api(), server, ..self }
    }

    /// Creates a flow and gives path and query of its trigger's address.
    pub async fn flow(&self, name: &str, definition: &Value) -> String {
        self.api.create_flow(name, definition).await
    }

    /// Creates a flow that has no address.
    pub async fn create(&self, name: &str, definition: &Value) -> Value {
        let body = json!({"name": name, "document": definition});
        let (status, answer) = self.api.call(Method::POST, "/api/v1/flows", Some(&body)).await;
        assert_eq!(status, 201, "{answer}");
        answer
    }

    /// A call with a JSON body that must get this status; the answer's body.
    pub async fn call(&self, method: Method, path: &str, body: Value, status: u16) -> Value {
        let (given, answer) = self.api.call(method.clone(), path, Some(&body)).await;
        assert_eq!(given, status, "{method} {path}: {answer}");
        answer
    }

    /// A call without a body that must be refused with this status and code.
    pub async fn refused(&self, method: Method, path: &str, status: u16, code: &str) -> Value {
        let (given, answer) = self.api.call(method.clone(), path, None).await;
        assert_eq!((given, &answer["error"]["code"]), (status, &json!(code)), "{method} {path}");
        let message = answer["error"]["message"].as_str().expect("a message");
        assert!(message.ends_with('.'), "not a sentence: {message}");
        answer
    }

    /// POSTs JSON to a trigger's address.
    pub async fn fire(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.api.request(Method::POST, path).json(body)).await
    }

    /// Runs a flow by its address; gives the run when it has ended.
    pub async fn run(&self, path: &str, body: &Value) -> Value {
        let answer = self.fire(path, body).await;
        self.api.ended(answer.run()).await
    }
}

impl Answer {
    pub async fn of(request: RequestBuilder) -> Answer {
        Answer::read(request.send().await.expect("an answer")).await
    }

    pub async fn read(response: Response) -> Answer {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        Answer { status, headers, text: response.text().await.expect("a body") }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// The run that it names.
    pub fn run(&self) -> &str {
        let run = self.header("x-ms-workflow-run-id");
        assert!(!run.is_empty(), "no run: {self:?}");
        run
    }

    /// The code of an error.
    pub fn code(&self) -> String {
        self.json()["error"]["code"].as_str().expect("an error's code").to_owned()
    }
}

/// Path and query of an address.
pub fn path(url: &Value) -> String {
    path_of(url["value"].as_str().expect("an address")).to_owned()
}

/// A definition with a plain Request trigger.
pub fn definition(actions: Value) -> Value {
    with_trigger(json!({"type": "Request", "kind": "Http"}), actions)
}

/// A definition whose trigger is called 'manual'.
pub fn with_trigger(trigger: Value, actions: Value) -> Value {
    json!({
        "$schema": "https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#",
        "contentVersion": "1.0.0.0",
        "triggers": {"manual": trigger},
        "actions": actions,
        "outputs": {},
    })
}

/// A Response action after another, or the first one.
pub fn response(after: &str, body: &str) -> Value {
    json!({"type": "Response", "kind": "Http", "runAfter": run_after(after),
        "inputs": {"statusCode": 200, "body": body}})
}

pub fn compose(after: &str, inputs: Value) -> Value {
    json!({"type": "Compose", "inputs": inputs, "runAfter": run_after(after)})
}

pub fn wait(after: &str, seconds: u32) -> Value {
    json!({"type": "Wait", "runAfter": run_after(after),
        "inputs": {"interval": {"count": seconds, "unit": "Second"}}})
}

/// After an action has succeeded; after nothing when it has no name.
pub fn run_after(action: &str) -> Value {
    if action.is_empty() { json!({}) } else { json!({action: ["Succeeded"]}) }
}

/// A flow that answers with what its trigger had.
pub fn echo() -> Value {
    definition(json!({"Answer": response("", "@triggerOutputs()")}))
}
