//! A server with a solution's flows, mocks of what they call, and what the administrators'
//! connectors act on.

use super::{Real, calls, inferred, source};
use crate::backend::{Asked, Backend, Told};
use crate::people::{CO_OWNER, HEAD, OWNER, People};
use crate::world::World;
use connector::call::RelativeRequest;
use connector::definition::{Document, Operation};
use connector::infer::{Findings, Inferred};
use connector::mock;
use expr::Value;
use reqwest::Method;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// The connectors of the administrators, which are not mocked.
const MANAGEMENT: [&str; 2] = ["shared_flowmanagement", "shared_microsoftflowforadmins"];

/// The flow that they look at, change and remove.
const TARGET: &str = "7a0e0000-0000-4000-8000-000000000001";

/// Where addresses lead that are made up.
const MADE_UP: [&str; 3] =
    ["https://example.com/", "https://login.microsoftonline.com/", "https://graph.microsoft.com/"];

const RUN_WITHIN: Duration = Duration::from_secs(40);

/// What mocks answer with.
struct Mocks {
    connectors: BTreeMap<String, Document>,
    /// Of plain calls, by flow and action.
    plain: BTreeMap<(String, String), Json>,
    /// The server, once it is there, and the address of the mocks themselves.
    server: OnceLock<String>,
    here: OnceLock<String>,
}

/// How a run ended: its state, and the action that failed first by itself.
pub struct End {
    pub state: String,
    pub action: String,
    pub why: String,
    /// Operations of the administrators' connectors that succeeded.
    pub administered: BTreeSet<String>,
}

pub struct Stage {
    people: People,
    mocks: Arc<Mocks>,
    findings: Findings,
    /// By the names that flows know the connectors by, the names that they have here.
    names: BTreeMap<String, String>,
    /// The environment that flows administer.
    administered: String,
    backend: Backend,
}

fn plain(value: &Value) -> Json {
    serde_json::from_str(&expr::json::to_string(value)).expect("JSON")
}

/// Actions that call the administrators' connectors: names and operations.
fn administering(definition: &Json) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut waiting = vec![definition];
    while let Some(value) = waiting.pop() {
        for (name, action) in value["actions"].as_object().into_iter().flatten() {
            let host = &action["inputs"]["host"];
            let api = host["apiId"].as_str().unwrap_or_default();
            if MANAGEMENT.iter().any(|it| api.ends_with(it)) {
                let operation = host["operationId"].as_str().unwrap_or_default();
                found.push((name.clone(), operation.to_owned()));
            }
            waiting.push(action);
        }
        let others = [&value["else"], &value["default"]];
        waiting.extend(others.into_iter().filter(|it| it.is_object()));
        waiting.extend(value["cases"].as_object().into_iter().flatten().map(|it| it.1));
    }
    found
}

/// What a webhook is told.
fn told(operation: &Operation) -> Json {
    operation.notification.map_or(json!({}), |it| plain(&mock::value(operation, it)))
}

impl Mocks {
    fn read(findings: &Findings) -> Mocks {
        let read =
            |it: &Inferred| (it.name.clone(), Document::read(&it.definition).expect("a document"));
        let body = |text: &str| serde_json::from_str(text).expect("JSON");
        let plain = findings.answered.iter();
        Mocks {
            connectors: findings.connectors.iter().map(read).collect(),
            plain: plain.map(|it| ((it.flow.clone(), it.action.clone()), body(&it.body))).collect(),
            server: OnceLock::new(),
            here: OnceLock::new(),
        }
    }

    /// Made-up addresses lead here.
    fn leading_here(&self, value: &Json) -> Json {
        let Some(here) = self.here.get() else { return value.clone() };
        let text = MADE_UP.iter().fold(value.to_string(), |text, it| text.replace(it, here));
        serde_json::from_str(&text).expect("JSON")
    }

    fn answer(&self, asked: &Asked) -> Told {
        if asked.path.contains("/oauth2/token") && asked.header("x-ms-workflow-name").is_empty() {
            return (200, Vec::new(), json!({"access_token": "t", "expires_in": "3600"}));
        }
        let (status, body) = match asked.path.strip_prefix("/connectors/") {
            Some(path) => self.connector(asked, path),
            None => self.plain(asked),
        };
        (status, Vec::new(), self.leading_here(&body))
    }

    fn plain(&self, asked: &Asked) -> (u16, Json) {
        let key = ["x-ms-workflow-name", "x-ms-workflow-operation-name"]
            .map(|name| asked.header(name).to_owned());
        let [flow, action] = key;
        let found = self.plain.get(&(flow.to_lowercase(), action));
        found.map_or((404, Json::Null), |it| (200, it.clone()))
    }

    /// The answer of an operation; a webhook of an action calls back at once.
    fn connector(&self, asked: &Asked, path: &str) -> (u16, Json) {
        let nothing = (404, Json::Null);
        let Some((connector, rest)) = path.split_once('/') else { return nothing };
        let query = rest.split_once('?').map_or("", |it| it.1).as_bytes();
        let request = RelativeRequest {
            method: asked.method.to_string(),
            path: format!("/{}", rest.split('?').next().unwrap_or_default()),
            query: url::form_urlencoded::parse(query).into_owned().collect(),
            ..RelativeRequest::default()
        };
        let routed = self.connectors.get(connector).and_then(|it| it.route(&request).ok());
        let Some(operation) = routed.map(|it| it.operation) else { return nothing };
        if operation.trigger.is_none()
            && let (Some(key), Some(server)) = (operation.notification_key(), self.server.get())
        {
            let pointer = key.split_once('/').map_or(String::new(), |(_, rest)| format!("/{rest}"));
            let to = asked.json().pointer(&pointer).and_then(Json::as_str).map(str::to_owned);
            let to = to.expect("an address to call back");
            let to = format!("{server}{}", crate::support::api::path_of(&to));
            let told = told(operation);
            tokio::spawn(async move {
                let client = reqwest::Client::new();
                client.post(to).json(&told).send().await.expect("an answer");
            });
            return (201, json!({}));
        }
        let answer = mock::answer(operation);
        (answer.status, plain(&answer.body))
    }
}

/// Waits are for a second, nothing is tried twice, and logins are the mocks'.
fn shortened(value: &mut Json, here: &str) {
    if value["type"] == "Wait" && value["inputs"]["interval"].is_object() {
        value["inputs"]["interval"] = json!({"count": 1, "unit": "Second"});
    }
    if value["type"] == "Http" && value["inputs"].is_object() {
        value["inputs"]["retryPolicy"] = json!({"type": "none"});
        if value["inputs"]["authentication"].is_object() {
            value["inputs"]["authentication"]["authority"] = json!(here);
        }
    }
    if value["type"] == "Until" {
        value["limit"] = json!({"count": 2, "timeout": "PT10S"});
    }
    if let Json::Object(members) = value {
        members.values_mut().filter(|it| it.is_object()).for_each(|it| shortened(it, here));
    }
}

/// Variables of the environment have values.
fn with_defaults(definition: &mut Json, here: &str) {
    let parameters = definition["parameters"].as_object_mut().into_iter().flatten();
    for (name, parameter) in parameters.filter(|(name, _)| !name.starts_with('$')) {
        if parameter.get("defaultValue").is_none_or(|it| it.is_null() || it == "") {
            let kind = parameter["type"].as_str().unwrap_or_default().to_ascii_lowercase();
            let value = match kind.as_str() {
                "bool" => json!(true),
                "int" | "float" => json!(1),
                "array" => json!([]),
                "object" | "secureobject" => json!({}),
                _ if name.to_lowercase().contains("url") => json!(here),
                _ => json!("text"),
            };
            parameter["defaultValue"] = value;
        }
        // what they are by default is of the cloud
        let is_address =
            parameter["defaultValue"].as_str().is_some_and(|it| it.starts_with("https://"));
        if is_address && name.to_lowercase().contains("url") {
            parameter["defaultValue"] = json!(here);
        }
    }
}

impl Stage {
    pub async fn open(flows: &[Real]) -> Stage {
        let rule: Arc<OnceLock<Arc<Mocks>>> = Arc::default();
        let known = Arc::clone(&rule);
        let backend = Backend::start(move |asked, _| match known.get() {
            Some(mocks) => mocks.answer(asked),
            None => (503, Vec::new(), Json::Null),
        });
        let backend = backend.await;
        let world = World::start_with(|setup, dir| setup.allow_loopback(dir)).await;
        let people = People::meet_in(world).await;
        let administered = people.world.api.get("/api/v1/environments/other").await;
        let administered = administered["id"].as_str().expect("its name").to_owned();
        let examples = [
            (MANAGEMENT[0], "environmentName", administered.as_str()),
            (MANAGEMENT[0], "flowName", TARGET),
            (MANAGEMENT[1], "environment", &administered),
            (MANAGEMENT[1], "flow", TARGET),
            (MANAGEMENT[1], "body/put/properties/principal/id", &people.all[CO_OWNER].id),
        ];
        let findings = inferred(flows, &examples);
        let mocks = Arc::new(Mocks::read(&findings));
        mocks.server.set(people.world.api.url("")).expect("the first");
        mocks.here.set(backend.url("/")).expect("the first");
        rule.set(Arc::clone(&mocks)).ok().expect("the first");
        let names = BTreeMap::new();
        let mut stage = Stage { people, mocks, findings, names, administered, backend };
        stage.administer().await;
        for connector in stage.findings.connectors.clone() {
            if !MANAGEMENT.contains(&connector.name.as_str()) {
                stage.mock(&connector).await;
            }
        }
        stage
    }

    /// Connections of the connectors that come with the server, of the tenant's administrator.
    async fn administer(&mut self) {
        let people = &self.people;
        let roles = json!({"roles": [{"role": "tenantAdministrator"},
            {"role": "environmentMaker", "environment": people.environment}]});
        let path = format!("/api/v1/users/{}/roles", people.all[HEAD].id);
        people.world.call(Method::PUT, &path, roles, 200).await;
        for connector in MANAGEMENT {
            let body = json!({"properties": {"connectionParametersSet": {"name": "firstParty", "values": {}}}});
            let at = format!("apis/{connector}/connections/c-{connector}");
            let at = format!(
                "/providers/Microsoft.PowerApps/{at}?api-version=2016-11-01&$filter=environment%20eq%20%27{}%27",
                people.environment
            );
            let made = people.send(HEAD, Method::PUT, &at, Some(&body)).await;
            assert!([200, 201].contains(&made.status), "{}", made.text);
            self.names.insert(connector.to_owned(), connector.to_owned());
        }
    }

    /// A connector as it was inferred, and a connection with its mock behind.
    async fn mock(&mut self, connector: &Inferred) {
        let people = &self.people;
        let path = format!("/api/v1/environments/{}/connectors", people.environment);
        // what comes with the server keeps its name
        for name in [connector.name.clone(), format!("{}-inferred", connector.name)] {
            let body = json!({"name": name, "definition": connector.definition,
                "properties": connector.properties});
            let made = people.send(OWNER, Method::POST, &path, Some(&body)).await;
            if made.status == 409 {
                continue;
            }
            assert_eq!(made.status, 201, "{name}: {}", made.text);
            let at = format!("apis/{name}/connections/c-{name}");
            let connection = json!({"properties": {"connectionParameters": {}}});
            people.api(OWNER, Method::PUT, &at, Some(&connection), 201).await;
            let url = self.backend.url(&format!("/connectors/{}", connector.name));
            let behind = json!({"kind": "Host", "url": url});
            let at = format!("{path}/{name}/connections/c-{name}/backend");
            people.ask(OWNER, (Method::PUT, &at), Some(&behind), 200).await;
            self.names.insert(connector.name.clone(), name);
            return;
        }
    }

    /// Connection references for every key that a flow names.
    fn references(&self, flow: &Real) -> Json {
        let mut found = Vec::new();
        calls(&flow.loaded.definition, &mut found);
        let mut references = json!({});
        for (_, inputs) in found {
            let host = inputs.get("host");
            let key = host.and_then(|it| it.get("connectionName")).and_then(Value::as_str);
            // `@parameters('$connections')['key']['connectionId']`
            let path = host.and_then(|it| it.get("connection")?.get("name")?.as_str());
            let key = key.or_else(|| path?.split("['").nth(1)?.split('\'').next());
            let name = connector::infer::connector(inputs, &source(flow));
            let (Some(key), Some(name)) = (key, name.and_then(|it| self.names.get(&it))) else {
                continue;
            };
            references[key] = json!({"connectionName": format!("c-{name}"), "source": "Embedded",
                "id": format!("/providers/Microsoft.PowerApps/apis/{name}")});
        }
        references
    }

    pub async fn create(&self, flow: &Real) {
        let here = self.backend.url("/");
        let mut definition = self.mocks.leading_here(&plain(&flow.loaded.definition));
        shortened(&mut definition, &here);
        with_defaults(&mut definition, &here);
        let document = json!({"properties": {"definition": definition,
            "connectionReferences": self.references(flow)}});
        self.make(&self.people.environment, &flow.id(), document).await;
    }

    /// Flows that are called and are no part of the solution answer with what is read of them.
    pub async fn create_missing(&self) -> usize {
        for missing in &self.findings.missing {
            let definition: Json = serde_json::from_str(&missing.definition).expect("JSON");
            let definition = self.mocks.leading_here(&definition);
            self.make(&self.people.environment, &missing.id, definition).await;
        }
        self.findings.missing.len()
    }

    async fn make(&self, environment: &str, name: &str, document: Json) {
        let body = json!({"name": name, "document": document, "dialect": "power-automate",
            "state": "Started"});
        let path = format!("/api/v1/flows?environment={environment}");
        let (status, made) = self.people.world.api.call(Method::POST, &path, Some(&body)).await;
        assert_eq!(status, 201, "{name}: {made}");
    }

    /// What the trigger of a flow is started with.
    fn input(&self, flow: &Real) -> Json {
        let triggers = flow.loaded.definition.get("triggers").and_then(Value::as_object);
        let trigger = triggers.and_then(|it| it.iter().next().map(|it| it.1.clone()));
        let trigger = trigger.unwrap_or_default();
        let nothing = Value::Null;
        let inputs = trigger.get("inputs").unwrap_or(&nothing);
        let id = inputs.get("host").and_then(|it| it.get("operationId")).and_then(Value::as_str);
        let body = match id {
            Some(id) => {
                let name = connector::infer::connector(inputs, &source(flow));
                let operation = name.and_then(|it| self.mocks.connectors.get(&it)?.operation(id));
                operation.map_or(json!({}), |it| match it.notification {
                    Some(_) => told(it),
                    None => plain(&mock::answer(it).body),
                })
            }
            None => {
                let started = self.findings.started.iter().find(|it| it.id == flow.id());
                started.map_or(json!({}), |it| serde_json::from_str(&it.body).expect("JSON"))
            }
        };
        // base64 of 'ada@example.org'
        let name = "YWRhQGV4YW1wbGUub3Jn";
        let body = self.mocks.leading_here(&body);
        json!({"body": body, "headers": {"x-ms-user-name-encoded": name,
            "x-ms-user-email-encoded": name, "x-ms-user-name": "Ada", "x-ms-user-email": "ada@example.org",
            "x-ms-user-id": "1", "x-ms-environment-id": "e"}})
    }

    /// The flow that others administer, as new: some remove it.
    async fn renew_target(&self) {
        let definition = json!({"triggers": {"manual": {"type": "Request", "inputs": {"schema": {}}}},
            "actions": {"Nothing": {"type": "Compose", "inputs": 1}}});
        let body = json!({"name": TARGET, "document": definition, "dialect": "power-automate",
            "state": "Started"});
        let path = format!("/api/v1/flows?environment={}", self.administered);
        let (status, made) = self.people.world.api.call(Method::POST, &path, Some(&body)).await;
        assert!([201, 409].contains(&status), "{made}");
    }

    /// Starts a flow, and waits for its end.
    pub async fn run(&self, flow: &Real) -> End {
        self.renew_target().await;
        let api = &self.people.world.api;
        let environment = &self.people.environment;
        let path = format!("/api/v1/flows/{}/run?environment={environment}", flow.id());
        let (status, started) = api.call(Method::POST, &path, Some(&self.input(flow))).await;
        assert_eq!(status, 202, "{}: {started}", flow.name);
        let run = started["run"].as_str().expect("a run");
        let since = Instant::now();
        let state = loop {
            let found = api.get(&format!("/api/v1/runs/{run}")).await;
            let status = found["status"].as_str().unwrap_or_default().to_owned();
            if !matches!(status.as_str(), "Running" | "Waiting") || since.elapsed() > RUN_WITHIN {
                break status;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        let (mut action, mut why) = self.failed(run).await;
        if action.is_empty() && state == "Failed" {
            let found = api.get(&format!("/api/v1/runs/{run}")).await;
            // it ended itself
            action = found["error"]["code"].as_str().unwrap_or_default().to_owned();
            why = found["error"].to_string();
        }
        let administered = self.administered_in(flow, run).await;
        assert!(!why.contains("InternalServerError"), "{}: {why}", flow.name);
        if why.contains("BadGateway") {
            why.push_str(&self.children(flow).await);
        }
        End { state, action, why, administered }
    }

    /// What the administrators' connectors did in a run: the operations that succeeded.
    async fn administered_in(&self, flow: &Real, run: &str) -> BTreeSet<String> {
        let api = &self.people.world.api;
        let mut done = BTreeSet::new();
        for (name, operation) in administering(&plain(&flow.loaded.definition)) {
            let path = format!("/api/v1/runs/{run}/actions/{name}");
            let (_, action) = api.call(Method::GET, &path, None).await;
            let (_, repeated) = api.call(Method::GET, &format!("{path}/repetitions"), None).await;
            let all = repeated["value"].as_array().into_iter().flatten().chain([&action]);
            if all.into_iter().any(|it| it["status"] == "Succeeded") {
                done.insert(operation);
            }
        }
        done
    }

    /// The last runs of the flows that a flow calls, as far as they failed.
    async fn children(&self, flow: &Real) -> String {
        let text = expr::json::to_string(&flow.loaded.definition);
        let names = text.split("\"workflowReferenceName\":\"").skip(1);
        let names: BTreeSet<&str> = names.filter_map(|it| it.split('"').next()).collect();
        let mut told = String::new();
        for name in names {
            let environment = &self.people.environment;
            let path = format!("/api/v1/flows/{name}/runs?environment={environment}&top=1");
            let found = self.people.world.api.get(&path).await;
            let last = &found["value"][0];
            if last["status"] == "Failed" {
                let (_, why) = self.failed(last["id"].as_str().unwrap_or_default()).await;
                told.push_str(&format!("\n  of {name}: {why}"));
            }
        }
        told
    }

    /// The action that failed first by itself, and all that did.
    async fn failed(&self, run: &str) -> (String, String) {
        let actions = self.people.world.api.list(&format!("/api/v1/runs/{run}/actions")).await;
        let by_itself = |it: &&Json| {
            let is_own = |it: &Json| {
                let is_around = it["error"]["message"]
                    .as_str()
                    .is_some_and(|it| it.contains("No dependent actions"));
                it["status"] == "Failed" && !is_around
            };
            is_own(it) || ["Running", "Waiting"].iter().any(|state| it["status"] == *state)
        };
        let failed: Vec<&Json> = actions.iter().filter(by_itself).collect();
        let of =
            |it: &&Json| format!("{}: {}", it["name"].as_str().unwrap_or_default(), it["error"]);
        let why: Vec<String> = failed.iter().map(of).collect();
        let first = failed.first().and_then(|it| it["name"].as_str());
        (first.unwrap_or_default().to_owned(), why.join("\n    "))
    }

    /// The administrators' connectors reached the flow, not a mock.
    pub async fn check_target(&self) {
        let asked = self.backend.asked();
        let mocked = asked.iter().find(|it| MANAGEMENT.iter().any(|name| it.path.contains(name)));
        assert!(mocked.is_none(), "{mocked:?}");
    }
}
