//! Every operation of both connectors over real HTTP: what it does and answers, its
//! parameters, and what it refuses.

pub mod shape;
mod table;

use crate::people::{CONNECTOR, People};
use crate::rights::request;
use crate::world::Answer;
use reqwest::Method;
use serde_json::{Value, json};
use table::{After, Before, OPERATIONS, Operation, Part, Shows};

const OWNER: usize = 0;
const ADMIN: usize = 3;
const STRANGER: usize = 4;
const MANAGER: usize = 8;

/// An id that nothing has.
const NOWHERE: &str = "0f0f0f0f-1111-4222-8333-444444444444";

/// What an operation is called on.
struct Scene {
    people: People,
    /// A token that is meant for somebody else.
    wrong_audience: String,
}

impl Scene {
    async fn set() -> Scene {
        let people = People::meet().await;
        let wrong_audience = token(&people, "https://graph.microsoft.com/.default").await;
        Scene { people, wrong_audience }
    }

    async fn prepared(&self, operation: &Operation) -> Call {
        let (flow, run) = self.people.flow().await;
        let path = format!("{}/{flow}", self.people.flows());
        match operation.before {
            Before::Nothing => {}
            Before::Connected => self.people.connection(&flow).await,
            Before::Stopped => {
                let path = format!("{path}/stop");
                self.people.ask(OWNER, (Method::POST, &path), None, 200).await;
            }
            Before::Deleted => {
                self.people.ask(OWNER, (Method::DELETE, &path), None, 200).await;
            }
        }
        let asked = request(&self.people, operation.id, &flow, &run);
        let (method, path, body) = asked.expect("a request");
        Call { method, path, body, flow, run }
    }
}

/// A request, and what it is about.
#[derive(Clone)]
struct Call {
    method: Method,
    path: String,
    body: Value,
    flow: String,
    run: String,
}

impl Call {
    fn with(&self, query: &str) -> Call {
        let mark = if self.path.contains('?') { '&' } else { '?' };
        Call { path: format!("{}{mark}{query}", self.path), ..self.clone() }
    }

    async fn by(&self, people: &People, who: usize) -> Answer {
        let body = Some(&self.body).filter(|body| !body.is_null());
        people.send(who, self.method.clone(), &self.path, body).await
    }

    async fn with_token(&self, people: &People, token: Option<&str>) -> Answer {
        let mut request = people.world.api.request(self.method.clone(), &self.path);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        Answer::of(request.json(&self.body)).await
    }

    /// The same about something that is not there.
    fn about(&self, part: Part, people: &People) -> Call {
        let known = match part {
            Part::Environment => people.environment.as_str(),
            Part::Flow => self.flow.as_str(),
            Part::Run => self.run.as_str(),
            Part::Trigger => "manual",
            Part::Connector => CONNECTOR,
            Part::User => people.all[STRANGER].id.as_str(),
        };
        let unknown = match part {
            Part::Run => "08584173836133456324137110841CU04",
            Part::Connector => "shared_nowhere",
            _ => NOWHERE,
        };
        assert!(self.path.contains(known), "{} has no {part:?}", self.path);
        Call { path: self.path.replacen(known, unknown, 1), ..self.clone() }
    }
}

/// A token of the tenant's application for some resource.
async fn token(people: &People, scope: &str) -> String {
    let api = &people.world.api;
    let shown = api.get("/api/v1/environments/default").await;
    let tenant = shown["id"].as_str().expect("a name").trim_start_matches("Default-").to_owned();
    let path = format!("/api/v1/applications/{}", people.all[MANAGER].id);
    let client = api.get(&path).await["clientId"].as_str().expect("an id").to_owned();
    let (status, secret) = api.call(Method::POST, &format!("{path}/secrets"), None).await;
    assert_eq!(status, 201, "{secret}");
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", client.as_str()),
        ("client_secret", secret["secret"].as_str().expect("a secret")),
        ("scope", scope),
    ];
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = api.request(Method::POST, &format!("/{tenant}/oauth2/v2.0/token"));
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
    let answer = Answer::of(request).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["access_token"].as_str().expect("a token").to_owned()
}

fn refused(answer: &Answer, status: u16, code: &str, what: &str) {
    assert_eq!(answer.status, status, "{what}: {}", answer.text);
    if !code.is_empty() {
        assert_eq!(answer.code(), code, "{what}: {}", answer.text);
        assert!(answer.json()["error"]["message"].is_string(), "{what}: {}", answer.text);
    }
}

#[test]
fn every_operation_is_in_the_table() {
    let page = crate::rights::page();
    let wanted: Vec<&str> = page.iter().map(|(id, _)| id.as_str()).take(30).collect();
    assert_eq!(OPERATIONS.iter().map(|it| it.id).collect::<Vec<_>>(), wanted);
}

/// Nothing, and then the same for all of them, so that one server serves all.
#[tokio::test(flavor = "multi_thread")]
async fn operations_are_refused_to_those_who_may_not() {
    let scene = Scene::set().await;
    let people = &scene.people;
    for operation in OPERATIONS {
        let (id, call) = (operation.id, scene.prepared(operation).await);
        let answer = call.with_token(people, None).await;
        refused(&answer, 401, "AuthenticationFailed", id);
        assert_eq!(answer.header("www-authenticate"), "Bearer", "{id}");
        let answer = call.with_token(people, Some("guessed")).await;
        refused(&answer, 401, "InvalidAuthenticationToken", id);
        let answer = call.with_token(people, Some(&scene.wrong_audience)).await;
        refused(&answer, 401, "InvalidAuthenticationAudience", id);
        let answer = call.by(people, operation.may_not).await;
        assert_eq!(answer.status, 403, "{id}: {}", answer.text);
        let answer = call.with("api-version=never").by(people, operation.may).await;
        refused(&answer, 400, "InvalidApiVersionParameter", id);
        for (part, status, code) in operation.unknown {
            let answer = call.about(*part, people).by(people, operation.may).await;
            refused(&answer, *status, code, &format!("{id} of an unknown {part:?}"));
        }
        for (body, code) in operation.bad {
            let request = people.world.api.request(call.method.clone(), &call.path);
            let request = request.bearer_auth(&people.all[operation.may].key);
            let request = request.header("content-type", "application/json").body(*body);
            refused(&Answer::of(request).await, 400, code, &format!("{id}: {body}"));
        }
        // nothing of that did anything
        let path = format!("{}/{}", people.admin_flows(), call.flow);
        if operation.before != Before::Deleted {
            let shown = people.ask(ADMIN, (Method::GET, &path), None, 200).await;
            assert_eq!(shown["properties"]["displayName"], "Shared", "{id}");
            let is_stopped = operation.before == Before::Stopped;
            let state = if is_stopped { "Stopped" } else { "Started" };
            assert_eq!(shown["properties"]["state"], state, "{id}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_do_and_answer_what_is_documented() {
    let scene = Scene::set().await;
    let people = &scene.people;
    let management = token(people, "https://management.azure.com//.default").await;
    people.flow().await;
    for operation in OPERATIONS {
        let (id, call) = (operation.id, scene.prepared(operation).await);
        for (query, shows) in operation.parameters {
            let answer = call.with(query).by(people, operation.may).await;
            let what = format!("{id}?{query}: {}", answer.text);
            match shows {
                Shows::Says(text) => assert!(answer.text.contains(text), "{what}"),
                Shows::SaysNot(text) => {
                    assert_eq!(answer.status, operation.status, "{what}");
                    assert!(!answer.text.contains(text), "{what}");
                }
                Shows::Refused(code) => refused(&answer, 400, code, &what),
                Shows::Has(pointer) => {
                    assert!(answer.json().pointer(pointer).is_some(), "{pointer} {what}");
                }
                Shows::Lacks(pointer) => {
                    assert_eq!(answer.status, operation.status, "{what}");
                    assert!(answer.json().pointer(pointer).is_none(), "{pointer} {what}");
                }
            }
        }
        let called = call.with("api-version=2016-11-01");
        // a program has the same rights by its token as by its key
        let is_by_token = operation.id == "Get-AdminFlowOwnerRole";
        let answer = match is_by_token {
            true => called.with_token(people, Some(&management)).await,
            false => called.by(people, operation.may).await,
        };
        assert_eq!(answer.status, operation.status, "{id}: {}", answer.text);
        if operation.answer.is_empty() {
            assert_eq!(answer.text, "", "{id}");
        } else {
            shape::check(operation.answer, &answer.json(), id);
        }
        effect(people, operation, &call).await;
    }
}

async fn effect(people: &People, operation: &Operation, call: &Call) {
    let id = operation.id;
    let path = format!("{}/{}", people.admin_flows(), call.flow);
    let shown = async || people.ask(ADMIN, (Method::GET, &path), None, 200).await;
    match operation.after {
        After::Nothing => {}
        After::State(state) => assert_eq!(shown().await["properties"]["state"], state, "{id}"),
        After::Renamed => {
            assert_eq!(shown().await["properties"]["displayName"], "Other", "{id}");
        }
        After::Gone => {
            let answer = people.send(ADMIN, Method::GET, &path, None).await;
            refused(&answer, 404, "FlowNotFound", id);
        }
        After::Shared(role) => {
            let path = format!("{path}/permissions");
            let list = people.ask(ADMIN, (Method::GET, &path), None, 200).await;
            let mut shares = list["value"].as_array().expect("a list").iter();
            let share = shares.find(|it| it["name"] == people.all[STRANGER].id.as_str());
            let share = share.unwrap_or_else(|| panic!("{id}: {list}"));
            assert_eq!(share["properties"]["roleName"], role, "{id}");
        }
        After::Cancelled => {
            let run = people.world.api.ended(&call.run).await;
            assert_eq!(run["status"], "Cancelled", "{id}");
        }
    }
}

/// The address that an answer names runs the flow, whatever its trigger is called.
#[tokio::test]
async fn the_address_of_a_trigger_runs_the_flow() {
    let people = People::meet().await;
    let mut body = crate::people::flow_body("Called", "Started");
    let definition = &mut body["properties"]["definition"];
    let trigger = definition["triggers"]["manual"].take();
    definition["triggers"] = json!({"When it's 50% done": trigger});
    let made = people.ask(OWNER, (Method::POST, &people.flows()), Some(&body), 201).await;
    let uri = made["properties"]["flowTriggerUri"].as_str().expect("an address");
    let path = crate::support::api::path_of(uri);
    let run = people.ask(OWNER, (Method::POST, path), Some(&json!({})), 202).await;
    assert!(run["name"].is_string(), "{run}");
    people.ask(STRANGER, (Method::POST, path), Some(&json!({})), 403).await;
}

/// Values of fields are what is so, and not what a caller says.
#[tokio::test]
async fn what_the_server_knows_is_not_believed_of_callers() {
    let people = People::meet().await;
    let identity = json!({"tenantId": "t", "objectId": "o", "userId": "u", "userType": "Dog"});
    let api = json!({"name": "shared_other", "properties": {
        "displayName": "Other", "createdTime": "1999-01-01T00:00:00Z",
        "primaryRuntimeUrl": "https://example.org/", "iconUri": "https://example.org/",
        "isCustomApi": true, "tier": "Gold"
    }});
    let definition = json!({
        "triggers": {"manual": {"type": "Request", "kind": "Button", "inputs": {}}},
        "actions": {"Say": {"type": "Compose", "inputs": 1, "runAfter": {}}}
    });
    let body = json!({
        "name": NOWHERE, "id": "/x", "type": "y",
        "properties": {
            "displayName": "Told", "state": "Stopped", "definition": definition,
            "connectionReferences": [{
                "connectionName": "c", "displayName": "mine", "source": "Invoker",
                "id": "/providers/Microsoft.PowerApps/apis/shared_sql",
                "connectionReferenceLogicalName": "l", "apiDefinition": api
            }],
            "createdTime": "1999-01-01T00:00:00Z", "lastModifiedTime": "1999-01-01T00:00:00Z",
            "templateName": "a template", "flowTriggerUri": "https://example.org/",
            "installationStatus": "Broken", "creator": identity,
            "definitionSummary": {
                "triggers": [{"type": "Recurrence", "kind": "x"}],
                "actions": [{"type": "Http", "api": {"name": "n", "id": "i", "type": "t"}}]
            }
        }
    });
    let made = people.ask(OWNER, (Method::POST, &people.flows()), Some(&body), 201).await;
    let name = made["name"].as_str().expect("a name");
    let path = format!("{}/{name}", people.flows());
    let changed = people.ask(OWNER, (Method::PATCH, &path), Some(&body), 200).await;
    // what was answered can be sent back
    let again = people.ask(OWNER, (Method::PATCH, &path), Some(&changed), 200).await;
    assert_eq!(
        again["properties"]["connectionReferences"],
        changed["properties"]["connectionReferences"]
    );
    for flow in [made.clone(), changed, again] {
        assert_ne!(flow["name"], NOWHERE);
        assert_eq!(flow["id"], path.as_str());
        let told = flow.to_string();
        for lie in ["example.org", "1999", "Gold", "shared_other", "Broken", "Dog", "Recurrence"] {
            assert!(!told.contains(lie), "{lie}: {told}");
        }
        let properties = &flow["properties"];
        let creator = &properties["creator"];
        assert_eq!(creator["objectId"], people.all[OWNER].id.as_str());
        assert_eq!(creator["userId"], creator["objectId"]);
        assert_eq!(creator["userType"], "ActiveDirectory");
        let reference = &properties["connectionReferences"]["shared_sql"];
        assert_eq!(reference["connectionName"], "c");
        assert_eq!(reference["displayName"], "mine");
        assert_eq!(reference["source"], "Invoker");
        assert_eq!(reference["connectionReferenceLogicalName"], "l");
        assert_eq!(reference["apiDefinition"]["name"], "shared_sql");
        assert_eq!(properties["templateName"], "a template");
        assert_eq!(properties["definitionSummary"]["triggers"][0]["kind"], "Button");
        let uri = properties["flowTriggerUri"].as_str().expect("an address");
        assert!(uri.contains(&format!("{path}/triggers/manual/run?")), "{uri}");
        shape::check("FlowWithConnectionReferences", &flow, "flow");
    }
}
