//! Imported connectors: what their files and settings make of calls, and whether their
//! connections work.

mod built_in;
mod certificate;
mod policy;
mod rate;
mod script;
mod setting;
mod tier;
mod trial;

use crate::backend::{Asked, Backend, Told};
use crate::connector_call::{open_api, power};
use crate::people::{OWNER, People};
use crate::support::Setup;
use crate::world::{Answer, World, definition};
use reqwest::Method;
use serde_json::{Value, json};
use std::path::Path;

/// An owner with a service of their own.
pub struct Shop {
    pub people: People,
    pub backend: Backend,
}

/// The properties of a connector whose connections have a key, with these besides.
pub fn with_key(more: &Value) -> Value {
    let key =
        json!({"type": "securestring", "uiDefinition": {"constraints": {"required": "true"}}});
    let mut properties = json!({"connectionParameters": {"api_key": key}});
    let more = more.as_object().expect("an object").clone();
    properties.as_object_mut().expect("an object").extend(more);
    properties
}

/// A policy of a connector.
pub fn template(name: &str, parameters: &Value) -> Value {
    let parameters = parameters.as_object().expect("an object").iter();
    let long = parameters.map(|(name, value)| match name.as_str() {
        "operations" => ("x-ms-apimTemplate-operationName".to_owned(), value.clone()),
        name => (format!("x-ms-apimTemplateParameter.{name}"), value.clone()),
    });
    json!({"templateId": name, "title": name, "parameters": long.collect::<serde_json::Map<_, _>>()})
}

impl Shop {
    pub async fn open(rule: impl Fn(&Asked, usize) -> Told + Send + Sync + 'static) -> Shop {
        Shop::open_with(rule, |setup, _| setup).await
    }

    pub async fn open_with(
        rule: impl Fn(&Asked, usize) -> Told + Send + Sync + 'static,
        settings: impl FnOnce(Setup, &Path) -> Setup,
    ) -> Shop {
        let backend = Backend::start(rule).await;
        let start = |setup: Setup, dir: &Path| settings(setup.allow_loopback(dir), dir);
        let people = People::meet_in(World::start_with(start).await).await;
        Shop { people, backend }
    }

    /// What the service has: things, one page after the other, and who asks.
    pub fn definition(&self) -> Value {
        json!({
            "swagger": "2.0", "info": {"title": "Shop"},
            "host": self.backend.addr.to_string(), "basePath": "/api", "schemes": ["http"],
            "securityDefinitions": {"api_key": {"type": "apiKey", "in": "header", "name": "X-Key"}},
            "x-ms-capabilities": {"testConnection":
                {"operationId": "Check", "parameters": {"depth": "short"}}},
            "paths": {
                "/things": {"get": {"operationId": "ListThings", "x-ms-pageable": {"nextLinkName": "nextLink"},
                    "parameters": [{"name": "skip", "in": "query", "type": "integer"}], "responses": {"200": {}}}},
                "/other": {"get": {"operationId": "ListOther", "parameters": [], "responses": {"200": {}}}},
                "/me/{depth}": {"get": {"operationId": "Check", "parameters": [
                    {"name": "depth", "in": "path", "required": true, "type": "string"}],
                    "responses": {"200": {}}}}
            }
        })
    }

    pub fn path(&self, rest: &str) -> String {
        format!("/api/v1/environments/{}/connectors{rest}", self.people.environment)
    }

    /// Imports `shared_shop`, with something more in the body.
    pub async fn import(&self, definition: &Value, properties: &Value, more: &Value) -> Value {
        let mut body = json!({"name": "shared_shop", "definition": definition.to_string(),
            "properties": json!({"properties": properties}).to_string()});
        let more = more.as_object().expect("an object").clone();
        body.as_object_mut().expect("an object").extend(more);
        self.people.ask(OWNER, (Method::POST, &self.path("")), Some(&body), 201).await
    }

    /// Makes a connection of a connector, or says it anew.
    pub async fn connect(&self, connector: &str, name: &str, parameters: &Value, status: u16) {
        let body = json!({"properties": {"connectionParameters": parameters}});
        let at = format!("apis/{connector}/connections/{name}");
        self.people.api(OWNER, Method::PUT, &at, Some(&body), status).await;
    }

    /// Tests a connection.
    pub async fn test(&self, connector: &str, name: &str, status: u16) -> Value {
        let path = self.path(&format!("/{connector}/connections/{name}/test"));
        self.people.ask(OWNER, (Method::POST, &path), None, status).await
    }

    /// What is said of a connection: its status, and the error's code.
    pub async fn standing(&self, connector: &str, name: &str) -> (String, String) {
        let at = format!("apis/{connector}/connections/{name}");
        let shown = self.people.api(OWNER, Method::GET, &at, None, 200).await;
        let status = &shown["properties"]["statuses"][0];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&status["status"]), text(&status["error"]["code"]))
    }

    /// A call over a connection, from outside.
    pub async fn call(&self, path: &str) -> Answer {
        self.people.send(OWNER, Method::GET, &format!("/apim/{path}"), None).await
    }

    /// Runs a flow that calls one operation; the action when it has ended.
    pub async fn run(&self, operation: &str, parameters: &Value) -> Value {
        let mut action = open_api(operation, parameters);
        action["inputs"]["host"] = json!({"connectionName": "shared_shop", "operationId": operation,
            "apiId": "/providers/Microsoft.PowerApps/apis/shared_shop"});
        action["inputs"]["retryPolicy"] = json!({"type": "none"});
        self.run_actions(&json!({"Call": action})).await["Call"].clone()
    }

    /// Runs a flow over `shared_shop`; its actions by name.
    pub async fn run_actions(&self, actions: &Value) -> Value {
        self.run_named("one", &["shared_shop"], actions).await
    }

    /// Runs a flow over connections `c1` of these connectors; its actions by name.
    pub async fn run_over(&self, connectors: &[&str], actions: &Value) -> Value {
        self.run_named("c1", connectors, actions).await
    }

    async fn run_named(&self, connection: &str, connectors: &[&str], actions: &Value) -> Value {
        let reference = |name: &&str| {
            let id = format!("/providers/Microsoft.PowerApps/apis/{name}");
            (
                (*name).to_owned(),
                json!({"connectionName": connection, "source": "Embedded", "id": id}),
            )
        };
        let references: serde_json::Map<_, _> = connectors.iter().map(reference).collect();
        let body = json!({"properties": {
            "displayName": "Buyer", "definition": power(definition(actions.clone())), "state": "Started",
            "connectionReferences": references
        }});
        let flows = self.people.flows();
        let flow = self.people.ask(OWNER, (Method::POST, &flows), Some(&body), 201).await;
        let name = flow["name"].as_str().expect("a name");
        let path = format!("{}/{name}/triggers/manual/run", self.people.flows());
        let run = self.people.ask(OWNER, (Method::POST, &path), Some(&json!({})), 202).await;
        let run = run["name"].as_str().expect("a run").to_owned();
        self.people.world.api.ended(&run).await;
        let mut found = json!({});
        for (name, _) in actions.as_object().expect("actions") {
            let path = format!("/api/v1/runs/{run}/actions/{name}");
            found[name] = self.people.world.api.get(&path).await;
        }
        found
    }

    /// Runs a command as the owner, which must succeed; what it prints.
    pub async fn command(&self, arguments: &[&str]) -> String {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_sluicegate"));
        command
            .args(arguments)
            .args(["--server", &self.people.world.api.url("")])
            .args(["--environment", &self.people.environment])
            .env("SLUICEGATE_TOKEN", &self.people.all[OWNER].key);
        let output = tokio::task::spawn_blocking(move || command.output()).await.expect("a task");
        let output = output.expect("the command can be started");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }
}
