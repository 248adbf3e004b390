//! What there is on the server, so that generated calls find something.

use crate::people::{HEAD, OWNER, People};
use crate::world::{Answer, compose, definition, response, with_trigger};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Things of one kind, by their names: some stay, some are changed, some are deleted, so that
/// calls that come later still find something.
#[derive(Default)]
pub struct Names {
    pub kept: Vec<String>,
    pub changing: Vec<String>,
    pub condemned: Vec<String>,
}

/// What is there.
pub struct Known {
    pub environments: Names,
    /// What they are called on the wire of the original.
    pub wire_environments: Names,
    /// Where people's flows and connections are, on the wire.
    pub place: String,
    pub flows: Names,
    /// Flows without runs: others cannot be moved.
    pub movable: Vec<String>,
    pub runs: Names,
    /// Runs that can be resumed, each once.
    pub failed: Vec<String>,
    /// Runs that have ended: who watches others waits.
    pub ended: Vec<String>,
    pub users: Names,
    /// Sessions of [`SIGNER`].
    pub sessions: Vec<String>,
    pub groups: Names,
    pub applications: Names,
    pub secrets: Names,
    pub keys: Names,
    pub variables: Names,
    pub connectors: Names,
    pub connections: Names,
    /// The owner and the head ask for them, and are asked; each is the other's deputy.
    pub approvals: Names,
    /// Their object ids.
    pub askers: Vec<String>,
    pub tenant: String,
    pub client: String,
    /// A package in base64.
    pub package: String,
    /// Where the second page of a list begins, by the list.
    pub tokens: BTreeMap<String, String>,
    /// Of trigger addresses: flow's id and signature.
    pub addresses: Vec<(String, String)>,
}

pub const PASSWORD: &str = "correct horse battery";
pub const SIGNER: &str = "signer@example.org";
pub const SECRET: &str = "not-the-secret";

/// The properties of a connector that has none.
pub const PROPERTIES: &str = r#"{"properties": {}}"#;

/// Who is asked for approvals.
pub const ANSWERERS: [&str; 2] = ["owner@example.org", "head@example.org"];

/// Actions of runs.
pub const ACTIONS: [&str; 4] = ["Wait", "Answer", "Each", "Item"];

/// How many of each kind.
const KEPT: usize = 2;
const CHANGING: usize = 3;
const CONDEMNED: usize = 12;

impl Names {
    fn of(all: Vec<String>) -> Names {
        let mut all = all.into_iter();
        let kept = all.by_ref().take(KEPT).collect();
        let changing = all.by_ref().take(CHANGING).collect();
        Names { kept, changing, condemned: all.collect() }
    }

    /// Those that a call with this method and path may name.
    pub fn for_call(&self, method: &str, path: &str) -> Vec<String> {
        const CHANGES: [&str; 10] = [
            "/disable", "/stop", "/suspend", "/revoke", "/grant", "/cancel", "/abort", "/members",
            "/rotate", "/roles",
        ];
        let is_change = CHANGES.iter().any(|end| path.ends_with(end))
            || path.contains("/versions/")
            || path.to_lowercase().contains("/modify");
        match method {
            "delete" => self.condemned.clone(),
            "put" | "patch" => self.changing.clone(),
            _ if is_change => self.changing.clone(),
            _ => self.kept.iter().chain(&self.changing).cloned().collect(),
        }
    }
}

/// Flows whose definitions are right.
pub fn definitions() -> Vec<Value> {
    let each = json!({"type": "Foreach", "foreach": "@createArray(1, 2)", "runAfter": {},
        "actions": {"Item": compose("", json!("@item()"))}});
    vec![
        definition(json!({"Answer": response("", "@triggerBody()")})),
        definition(json!({"Each": each, "Answer": response("Each", "done")})),
        with_trigger(
            json!({"type": "Recurrence", "recurrence": {"frequency": "Day", "interval": 1}}),
            json!({"Answer": compose("", json!("@utcNow()"))}),
        ),
    ]
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

impl Known {
    pub async fn make(people: &People) -> Known {
        let count = KEPT + CHANGING + CONDEMNED;
        let (flows, runs) = flows(people, count).await;
        let (addresses, ended) = addresses(people).await;
        let (environments, wire_environments) = environments(people, count).await;
        let client = json!({"displayName": "public", "isPublic": true, "isConsented": true,
            "redirectUris": ["http://localhost/back"]});
        let client = make(people, "applications", client).await;
        let signer = json!({"userPrincipalName": SIGNER, "password": PASSWORD});
        make(people, "users", signer).await;
        let client = text(&client["clientId"]);
        let (connectors, connections) = connectors(people, count).await;
        let applications = named(people, "applications", count).await;
        let secrets = secrets(people, &applications, count).await;
        let users = named(people, "users", count).await;
        let keys = keys(people, &users.kept[0], count).await;
        let groups = named(people, "groups", count).await;
        Known {
            approvals: approvals(people, count).await,
            askers: [OWNER, HEAD].map(|who| people.all[who].id.clone()).to_vec(),
            tokens: tokens(people).await,
            keys,
            groups,
            tenant: people.environment_tenant().await,
            sessions: sessions(people, &client).await,
            client,
            package: package(people).await,
            environments,
            place: people.environment.clone(),
            wire_environments,
            flows,
            movable: movable(people).await,
            runs: Names::of(runs),
            failed: failed(people).await,
            ended,
            users,
            applications,
            secrets,
            variables: variables(people, count).await,
            connectors,
            connections,
            addresses,
        }
    }
}

async fn make(people: &People, noun: &str, body: Value) -> Value {
    people.world.call(Method::POST, &format!("/api/v1/{noun}"), body, 201).await
}

/// Users, groups or applications; their ids.
async fn named(people: &People, noun: &str, count: usize) -> Names {
    let mut all = Vec::new();
    for number in 0..count {
        let name = format!("{noun}-{number}");
        let body = match noun {
            "users" => json!({"userPrincipalName": format!("{name}@example.org")}),
            _ => json!({"displayName": name}),
        };
        all.push(text(&make(people, noun, body).await["id"]));
    }
    Names::of(all)
}

async fn secrets(people: &People, applications: &Names, count: usize) -> Names {
    let mut all = Vec::new();
    let owner = &applications.changing[0];
    for _ in 0..count.min(8) {
        let made = make(people, &format!("applications/{owner}/secrets"), json!({"days": 1})).await;
        all.push(text(&made["id"]));
    }
    Names::of(all)
}

async fn keys(people: &People, user: &str, count: usize) -> Names {
    let mut all = Vec::new();
    for number in 0..count {
        let body = json!({"name": format!("spare-{number}"), "principal": user, "days": 1});
        all.push(text(&make(people, "keys", body).await["id"]));
    }
    Names::of(all)
}

async fn environments(people: &People, count: usize) -> (Names, Names) {
    let mut names = vec!["default".to_owned(), "sales".to_owned()];
    for number in 0..count {
        let name = format!("place-{number}");
        make(people, "environments", json!({"name": name})).await;
        names.push(name);
    }
    let mut wire = Vec::new();
    for name in &names {
        let shown = people.world.api.get(&format!("/api/v1/environments/{name}")).await;
        wire.push(text(&shown["id"]));
    }
    (Names::of(names), Names::of(wire))
}

/// Flows of a person with a run each that waits, under the names that both APIs have for
/// them, and flows that are deleted.
async fn flows(people: &People, count: usize) -> (Names, Vec<String>) {
    let (mut names, mut runs) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let (flow, run) = people.flow().await;
        names.push(flow);
        runs.push(run);
    }
    let names = Names::of(names);
    // what changes has a version before its newest
    for flow in &names.changing {
        let body = json!({"document": definitions()[0]});
        let path = format!("/api/v1/flows/{flow}?environment=sales");
        people.world.call(Method::PUT, &path, body, 200).await;
    }
    (names, runs)
}

async fn movable(people: &People) -> Vec<String> {
    let names: Vec<String> = (0..CONDEMNED).map(|number| format!("movable-{number}")).collect();
    for name in &names {
        people.world.flow(name, &definitions()[0]).await;
    }
    names
}

async fn failed(people: &People) -> Vec<String> {
    let definition = definition(json!({"Answer": compose("", json!("@int('x')"))}));
    let path = people.world.flow("failing", &definition).await;
    let mut runs = Vec::new();
    for _ in 0..CONDEMNED {
        let run = people.world.run(&path, &json!({"a": 1})).await;
        assert_eq!(run["status"], "Failed", "{run}");
        runs.push(text(&run["id"]));
    }
    runs
}

async fn sessions(people: &People, client: &str) -> Vec<String> {
    let form = [
        ("grant_type", "password"),
        ("client_id", client),
        ("username", SIGNER),
        ("password", PASSWORD),
        ("scope", "api://sluicegate/.default"),
    ];
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    for _ in 0..4 {
        let request = people.world.api.request(Method::POST, "/common/oauth2/v2.0/token");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = Answer::of(request.body(body.clone())).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    let all = people.world.api.list(&format!("/api/v1/users/{SIGNER}/sessions")).await;
    all.iter().map(|session| text(&session["id"])).collect()
}

async fn variables(people: &People, count: usize) -> Names {
    let mut names = Vec::new();
    for number in 0..count {
        let name = format!("ours_V{number}");
        let body = json!({"schemaName": name, "type": "String", "value": "a"});
        make(people, "environments/sales/variables", body).await;
        names.push(name);
    }
    Names::of(names)
}

/// Trigger addresses, and runs of them that have ended.
async fn addresses(people: &People) -> (Vec<(String, String)>, Vec<String>) {
    let (mut addresses, mut ended) = (Vec::new(), Vec::new());
    for (number, definition) in definitions().iter().take(2).enumerate() {
        let path = people.world.flow(&format!("echo-{number}"), definition).await;
        for _ in 0..2 {
            let run = people.world.run(&path, &json!({"a": 1})).await;
            ended.push(text(&run["id"]));
        }
        let flow = path.split('/').nth(2).expect("an id").to_owned();
        let sig = path.split_once("sig=").expect("a signature").1.to_owned();
        addresses.push((flow, sig));
    }
    (addresses, ended)
}

async fn connectors(people: &People, count: usize) -> (Names, Names) {
    let definition =
        r#"{"swagger": "2.0", "info": {"title": "Store"}, "host": "s.example.org", "paths": {}}"#;
    let at = format!("/api/v1/environments/{}/connectors", people.environment);
    let mut connectors = vec!["shared_flowmanagement".to_owned()];
    for number in 0..count {
        let name = format!("shared_store{number}");
        let body = json!({"name": name, "definition": definition, "properties": PROPERTIES});
        people.ask(OWNER, (Method::POST, &at), Some(&body), 201).await;
        connectors.push(name);
    }
    let body =
        json!({"properties": {"connectionParametersSet": {"name": "firstParty", "values": {}}}});
    let mut connections = Vec::new();
    for number in 0..count {
        let name = format!("connection{number}");
        let at = format!("apis/shared_flowmanagement/connections/{name}");
        people.api(OWNER, Method::PUT, &at, Some(&body), 201).await;
        connections.push(name);
    }
    (Names::of(connectors), Names::of(connections))
}

async fn approvals(people: &People, count: usize) -> Names {
    for (who, deputy) in [(OWNER, ANSWERERS[1]), (HEAD, ANSWERERS[0])] {
        let body = json!({"deputy": deputy});
        people.ask(who, (Method::PUT, "/api/v1/me/deputy"), Some(&body), 200).await;
    }
    let path = format!("/api/v1/environments/{}", people.environment);
    let calendar = json!({"zone": "Europe/Berlin"});
    people.ask(HEAD, (Method::PUT, &format!("{path}/calendars/north")), Some(&calendar), 200).await;
    let path = format!("{path}/approvals");
    let mut ids = Vec::new();
    for number in 0..count {
        let file = json!({"name": "offer.txt", "content": "YQ=="});
        let body = json!({"approvalType": "BasicAwaitAll", "title": format!("Approval {number}"),
            "assignedTo": ANSWERERS.join(";"), "attachments": [file.clone(), file]});
        ids.push(text(&people.ask(OWNER, (Method::POST, &path), Some(&body), 201).await["id"]));
    }
    Names::of(ids)
}

async fn tokens(people: &People) -> BTreeMap<String, String> {
    let mut tokens = BTreeMap::new();
    for noun in ["flows", "users", "groups", "applications", "keys", "audit"] {
        let page = people.world.api.get(&format!("/api/v1/{noun}?top=1")).await;
        let next = page["nextLink"].as_str().expect("a second page");
        let (_, token) = next.split_once("skipToken=").expect("a token");
        tokens.insert(noun.to_owned(), token.to_owned());
    }
    tokens
}

async fn package(people: &People) -> String {
    let path = "/api/v1/flows/echo-0/package";
    let answer = people.world.api.request(Method::GET, path).bearer_auth(crate::support::TOKEN);
    let answer = answer.send().await.expect("an answer");
    assert_eq!(answer.status(), 200, "{path}");
    STANDARD.encode(answer.bytes().await.expect("a zip"))
}
