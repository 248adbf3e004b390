//! A server with one of everything that the administrators' connectors tell of, and how each
//! of it is told.

use super::machine::{Call, Connection, Outcome, commons, connector_of};
use super::truth::{MOMENT, Truth};
use super::with;
use crate::people::{CONNECTOR, OWNER, People, USER, connector_body};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;

pub const APIS: &str = "/providers/Microsoft.PowerApps/apis";
pub const ICON: &str = "an icon";

/// A server with one of everything that answers tell of.
pub struct Scene {
    pub truth: Truth,
    pub people: People,
    pub tenant: String,
    /// `scheme://host:port`.
    pub base: String,
    /// Object ids: somebody with an address of mail, and a group.
    pub ann: String,
    pub team: String,
    /// Of the owner, shared with both and with the run-only user.
    pub flow: String,
    /// Of the owner, deleted.
    pub deleted: String,
    /// Of the owner, with a run that waits.
    pub waiting: (String, String),
    pub called: BTreeSet<&'static str>,
}

impl Scene {
    pub async fn set() -> Scene {
        let truth = Truth::begin();
        let people = People::meet().await;
        let world = &people.world;
        let described = json!({"description": "Where sales happen"});
        world.call(Method::PATCH, "/api/v1/environments/sales", described, 200).await;
        let connector = with(connector_body(CONNECTOR), &json!({"icon": STANDARD.encode(ICON)}));
        let path = format!("/api/v1/environments/{}/connectors", people.environment);
        people.ask(OWNER, (Method::POST, &path), Some(&connector), 201).await;
        let connection = json!({"properties": {"displayName": "Mine",
            "connectionParameters": {"key": "k"}}});
        let at = format!("apis/{CONNECTOR}/connections/c1");
        people.api(OWNER, Method::PUT, &at, Some(&connection), 201).await;
        let ann = json!({"userPrincipalName": "ann@example.org", "displayName": "Ann",
            "mail": "ann@mail.example.org"});
        let ann = id(&world.call(Method::POST, "/api/v1/users", ann, 201).await);
        let team = json!({"displayName": "The team"});
        let team = id(&world.call(Method::POST, "/api/v1/groups", team, 201).await);
        let flows = people.flows();
        let mut made = Vec::new();
        for name in ["Whole", "Deleted"] {
            let flow = people.ask(OWNER, (Method::POST, &flows), Some(&whole(name)), 201).await;
            made.push(flow["name"].as_str().expect("a name").to_owned());
        }
        let deleted = made.pop().expect("a flow");
        let flow = made.pop().expect("a flow");
        let path = format!("{flows}/{deleted}");
        people.ask(OWNER, (Method::DELETE, &path), None, 200).await;
        let put = json!({"put": [share(&ann, "User"), share(&team, "Group")]});
        let path = format!("{flows}/{flow}/modifyOwners");
        people.ask(OWNER, (Method::POST, &path), Some(&put), 200).await;
        let put = json!({"put": [share(&people.all[USER].id, "User")]});
        let path = format!("{flows}/{flow}/modifyUsers");
        people.ask(OWNER, (Method::POST, &path), Some(&put), 200).await;
        let waiting = people.flow().await;
        let (tenant, base) = (people.environment_tenant().await, people.world.api.url(""));
        let called = BTreeSet::new();
        Scene { truth, people, tenant, base, ann, team, flow, deleted, waiting, called }
    }

    /// Calls from a flow of somebody's that is elsewhere, so that it is not in lists here.
    pub async fn calls(&mut self, who: usize, calls: &[Call]) -> Vec<Outcome> {
        let within = commons(&self.people).await;
        let connector = connector_of(calls[0].0);
        let connection = Connection::of_person(&self.people, who, &within, connector).await;
        self.called.extend(calls.iter().map(|(operation, _)| *operation));
        connection.machine(&self.people, calls).await.run(&self.people).await
    }

    /// An answer with a body: its fields are these.
    pub fn shows(&self, outcome: &Outcome, definition: &str, expected: &Value) {
        let found = self.truth.picked(definition, &outcome.body);
        assert_eq!(found, *expected, "{}: {}", outcome.operation, outcome.body);
    }

    pub fn api(&self, icon: &Value) -> Value {
        json!({"name": CONNECTOR, "properties": {
            "displayName": CONNECTOR, "createdTime": MOMENT,
            "primaryRuntimeUrl": format!("{}/apim/rights", self.base),
            "iconUri": icon, "isCustomApi": true, "tier": "NotSpecified"
        }})
    }

    pub fn built_in(&self, name: &str, title: &str) -> Value {
        let short = name.trim_start_matches("shared_");
        // it was never made here, and has no picture
        json!({"name": name, "properties": {
            "displayName": title, "createdTime": null,
            "primaryRuntimeUrl": format!("{}/apim/{short}", self.base),
            "iconUri": null, "isCustomApi": false, "tier": "Standard"
        }})
    }

    pub fn reference(&self, icon: &Value) -> Value {
        json!({
            "connectionName": "c1", "displayName": "Rights of mine",
            "id": format!("{APIS}/{CONNECTOR}"), "source": "Embedded",
            "connectionReferenceLogicalName": "new_rights", "apiDefinition": self.api(icon)
        })
    }

    /// What every form of the flow has but its references.
    pub fn flow(&self, (name, title, state): (&str, &str, &str)) -> Value {
        let uri = format!("{}{}/{name}/triggers/manual/run", self.base, self.people.flows());
        json!({"name": name, "properties": {
            "displayName": title, "state": state, "createdTime": MOMENT,
            "lastModifiedTime": MOMENT, "templateName": "from-somewhere",
            "flowTriggerUri": format!("{uri}?api-version=2016-11-01"),
            "installationStatus": "Installed"
        }})
    }

    pub fn creator(&self) -> Value {
        let id = &self.people.all[OWNER].id;
        json!({"tenantId": self.tenant, "objectId": id, "userId": id,
            "userType": "ActiveDirectory"})
    }

    /// The flow with who made it and what it does.
    pub fn full(&self, flow: (&str, &str, &str), references: Value) -> Value {
        let mut shown = self.flow(flow);
        let api = format!("{APIS}/{CONNECTOR}");
        shown["properties"]["connectionReferences"] = references;
        shown["properties"]["creator"] = self.creator();
        shown["properties"]["definitionSummary"] = json!({
            "triggers": [{"type": "Request", "kind": "Button"}],
            "actions": [
                {"type": "OpenApiConnection", "swaggerOperationId": "Get",
                    "api": {"name": CONNECTOR, "id": api, "type": APIS}},
                {"type": "Compose"}
            ]
        });
        shown
    }

    pub fn principal(&self, role: &str, id: &str, kind: &str, names: [Option<&str>; 3]) -> Value {
        let [title, mail, name] = names;
        json!({"name": id, "properties": {"roleName": role, "principal": {
            "id": id, "displayName": title, "email": mail, "type": kind,
            "tenantId": self.tenant, "userPrincipalName": name, "thumbnailPhoto": null
        }}})
    }

    /// Somebody of [`People`]: they are called as they sign in.
    pub fn person(&self, role: &str, who: usize, name: &str) -> Value {
        let name = format!("{name}@example.org");
        self.principal(role, &self.people.all[who].id, "User", [Some(&name); 3])
    }
}

fn id(made: &Value) -> String {
    made["id"].as_str().expect("an id").to_owned()
}

pub fn share(id: &str, kind: &str) -> Value {
    json!({"properties": {"principal": {"id": id, "type": kind}}})
}

/// A flow that has all that its fields can say.
pub fn whole(name: &str) -> Value {
    let api = format!("{APIS}/{CONNECTOR}");
    let definition = json!({
        "triggers": {"manual": {"type": "Request", "kind": "Button", "inputs": {}}},
        "actions": {
            "Ask": {"type": "OpenApiConnection", "runAfter": {}, "inputs": {
                "host": {"apiId": api, "connectionName": CONNECTOR, "operationId": "Get"},
                "parameters": {}
            }},
            "Say": {"type": "Compose", "inputs": 1, "runAfter": {"Ask": ["Succeeded"]}}
        }
    });
    json!({"properties": {
        "displayName": name, "state": "Started", "definition": definition,
        "connectionReferences": [{
            "connectionName": "c1", "displayName": "Rights of mine", "id": api,
            "source": "Embedded", "connectionReferenceLogicalName": "new_rights"
        }],
        "templateName": "from-somewhere"
    }})
}
