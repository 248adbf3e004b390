//! Solutions that people wrote: connectors are inferred from what their flows use, and the
//! flows run over mocks of those.

use crate::backend::{Asked, Backend, Told};
use crate::people::{OWNER, People};
use crate::world::World;
use connector::call::RelativeRequest;
use connector::definition::{Document, Operation};
use connector::infer::{Inference, Inferred, Source};
use connector::mock;
use expr::{Object, Value};
use flow::definition::{LoadOptions, Loaded};
use reqwest::Method;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// Solutions whose flows are run.
const SOLUTIONS: [&str; 3] = [
    "microsoft+powercat-business-approvals-kit",
    "romikaAIS+coe-starter-kit",
    "Open-Strata-Commons+SCuBA-coe-starter-kit",
];

struct Real {
    name: String,
    loaded: Loaded,
}

fn corpus() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/real");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: there is no {}", folder.display());
    None
}

fn flows(folder: &Path) -> Vec<Real> {
    let entries = std::fs::read_dir(folder).expect("a folder").flatten();
    let mut files: Vec<PathBuf> = entries.map(|it| it.path()).collect();
    files.sort();
    let read = |path: &PathBuf| {
        let bytes = std::fs::read(path).expect("a file");
        let loaded = flow::definition::load(&bytes, &LoadOptions::default()).loaded?;
        let name = path.file_stem()?.to_string_lossy().into_owned();
        Some(Real { name, loaded })
    };
    files.iter().filter_map(read).collect()
}

fn source(flow: &Real) -> Source<'_> {
    Source {
        name: &flow.name,
        definition: &flow.loaded.definition,
        references: flow.loaded.connection_references.as_ref(),
    }
}

fn inferred(flows: &[Real]) -> (Vec<Inferred>, Vec<String>) {
    let mut inference = Inference::default();
    flows.iter().for_each(|flow| inference.learn(&source(flow)));
    inference.finish()
}

/// Actions and triggers that call connectors: kind and inputs.
fn calls<'a>(value: &'a Value, found: &mut Vec<(String, &'a Value)>) {
    for member in ["triggers", "actions", "cases"] {
        let entries = value.get(member).and_then(Value::as_object);
        for (_, entry) in entries.into_iter().flat_map(|it| it.iter()) {
            let kind = entry.get("type").and_then(Value::as_str).unwrap_or_default();
            let kind = kind.to_ascii_lowercase();
            if kind.starts_with("openapiconnection") || kind.starts_with("apiconnection") {
                found.extend(entry.get("inputs").map(|inputs| (kind, inputs)));
            }
            calls(entry, found);
        }
    }
    for member in ["else", "default"] {
        if let Some(inner) = value.get(member) {
            calls(inner, found);
        }
    }
}

/// What expressions give is not known: nothing, or text where they are within text.
fn known(value: &Value) -> Value {
    match value {
        Value::String(text) if text.starts_with('@') && !text.starts_with("@{") => Value::Null,
        Value::String(text) if text.contains("@{") => filled(text).into(),
        Value::Array(items) => Value::array(items.iter().map(known).collect()),
        Value::Object(object) => {
            let entries = object.iter().map(|(name, value)| (name.clone(), known(value)));
            entries.collect::<Object>().into()
        }
        other => other.clone(),
    }
}

/// The text with `x` for its expressions.
fn filled(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("@{") {
        out.push_str(&rest[..at]);
        out.push('x');
        let mut depth = 0;
        let end = rest[at..].char_indices().find(|(_, it)| {
            depth += match it {
                '{' => 1,
                '}' => -1,
                _ => 0,
            };
            *it == '}' && depth == 0
        });
        rest = end.map_or("", |(end, _)| &rest[at + end + 1..]);
    }
    out + rest
}

/// Why a call does not bind; nothing when it does. `None` of calls that only a run knows.
fn fault(kind: &str, inputs: &Value, document: &Document) -> Option<Result<(), String>> {
    if kind.starts_with("openapi") {
        let id = inputs.get("host")?.get("operationId")?.as_str()?;
        let Some(operation) = document.operation(id) else {
            return Some(Err(format!("no operation {id}")));
        };
        let nothing = Value::from(Object::new());
        let parameters = known(inputs.get("parameters").unwrap_or(&nothing));
        let bound = operation.bind(parameters.as_object()?);
        return Some(bound.map(|_| ()).map_err(|it| it.to_string()));
    }
    let inputs = known(inputs);
    inputs.get("path").filter(|it| !it.is_null())?;
    let request = RelativeRequest::from_action(inputs.as_object()?);
    Some(match request {
        Ok(request) => document.route(&request).map(|_| ()).map_err(|it| it.to_string()),
        Err(fault) => Err(fault.to_string()),
    })
}

#[test]
fn every_call_of_real_flows_binds_to_what_is_inferred() {
    let Some(root) = corpus() else { return };
    let (mut total, mut bound, mut unknown, mut faults) = (0, 0, 0, Vec::new());
    let mut folders: Vec<_> = std::fs::read_dir(root).expect("a folder").flatten().collect();
    folders.sort_by_key(std::fs::DirEntry::path);
    for folder in folders {
        let flows = flows(&folder.path());
        let (connectors, _) = inferred(&flows);
        let documents: BTreeMap<String, Document> = connectors
            .iter()
            .map(|it| (it.name.clone(), Document::read(&it.definition).expect("a document")))
            .collect();
        for flow in &flows {
            let mut found = Vec::new();
            calls(&flow.loaded.definition, &mut found);
            for (kind, inputs) in found {
                total += 1;
                let name = connector::infer::connector(inputs, &source(flow));
                let document = name.and_then(|name| documents.get(&name));
                match document.and_then(|document| fault(&kind, inputs, document)) {
                    Some(Ok(())) => bound += 1,
                    Some(Err(fault)) => faults.push(format!("{}: {fault}", flow.name)),
                    None => unknown += 1,
                }
            }
        }
    }
    println!("{bound} of {total} calls bind, {unknown} are only known when they run");
    faults.iter().for_each(|it| println!("{it}"));
    assert!(faults.is_empty(), "{} calls do not bind", faults.len());
    assert!(bound * 100 >= total * 97, "{bound} of {total}");
}

/// A value that a JSON schema describes.
fn sample(schema: &Json) -> Json {
    let kind = schema["type"].as_str().unwrap_or_default();
    if let Some(first) = schema["enum"].as_array().and_then(|it| it.first()) {
        return first.clone();
    }
    match kind {
        "string" if schema["format"] == "date-time" => json!("2024-01-01T00:00:00Z"),
        // most of them are ids, of which parts are taken
        "string" => json!("Default-00000000-0000-0000-0000-000000000000"),
        "integer" | "number" => json!(1),
        "boolean" => json!(true),
        "array" => json!([sample(&schema["items"])]),
        _ => {
            let properties = schema["properties"].as_object().into_iter().flatten();
            properties.map(|(name, schema)| (name.clone(), sample(schema))).collect()
        }
    }
}

fn plain(value: &Value) -> Json {
    serde_json::from_str(&expr::json::to_string(value)).expect("JSON")
}

/// The mocks of a solution, by connector.
type Mocks = Arc<BTreeMap<String, Document>>;

/// The answer of a mock; a webhook of an action calls back at once.
fn mocked(mocks: &Mocks, server: &Arc<OnceLock<String>>, asked: &Asked) -> Told {
    let nothing = (404, Vec::new(), Json::Null);
    let Some((connector, rest)) = asked.path.trim_start_matches('/').split_once('/') else {
        return nothing;
    };
    let request = RelativeRequest {
        method: asked.method.to_string(),
        path: format!("/{}", rest.split('?').next().unwrap_or_default()),
        query: url::form_urlencoded::parse(rest.split_once('?').map_or("", |it| it.1).as_bytes())
            .into_owned()
            .collect(),
        ..RelativeRequest::default()
    };
    let routed = mocks.get(connector).and_then(|it| it.route(&request).ok());
    let Some(operation) = routed.map(|it| it.operation) else { return nothing };
    if operation.trigger.is_none()
        && let (Some(key), Some(server)) = (operation.notification_key(), server.get())
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
        return (201, Vec::new(), json!({}));
    }
    let answer = mock::answer(operation);
    (answer.status, Vec::new(), plain(&answer.body))
}

/// What a webhook is told.
fn told(operation: &Operation) -> Json {
    operation.notification.map_or(json!({}), |it| plain(&mock::value(operation, it)))
}

/// Waits are for a second, variables have values.
fn shortened(value: &mut Json) {
    if value["type"] == "Wait" && value["inputs"]["interval"].is_object() {
        value["inputs"]["interval"] = json!({"count": 1, "unit": "Second"});
    }
    if value["type"] == "Http" && value["inputs"].is_object() {
        value["inputs"]["retryPolicy"] = json!({"type": "none"});
    }
    if value["type"] == "Until" {
        value["limit"] = json!({"count": 2, "timeout": "PT10S"});
    }
    if let Json::Object(members) = value {
        members.values_mut().filter(|it| it.is_object()).for_each(shortened);
    }
}

fn with_defaults(definition: &mut Json) {
    let parameters = definition["parameters"].as_object_mut().into_iter().flatten();
    for (name, parameter) in parameters.filter(|(name, _)| !name.starts_with('$')) {
        if parameter.get("defaultValue").is_none_or(|it| it.is_null() || it == "") {
            let kind = parameter["type"].as_str().unwrap_or_default().to_ascii_lowercase();
            let value = match kind.as_str() {
                "bool" => json!(true),
                "int" | "float" => json!(1),
                "array" => json!([]),
                "object" | "secureobject" => json!({}),
                _ if name.to_lowercase().contains("url") => json!("https://example.org/"),
                _ => json!("text"),
            };
            parameter["defaultValue"] = value;
        }
    }
}

struct Stage {
    people: People,
    mocks: Mocks,
    /// By the names that flows know the connectors by, the names that they have here.
    names: BTreeMap<String, String>,
    _backend: Backend,
}

impl Stage {
    async fn open(connectors: &[Inferred]) -> Stage {
        let read =
            |it: &Inferred| (it.name.clone(), Document::read(&it.definition).expect("a document"));
        let mocks: Mocks = Arc::new(connectors.iter().map(read).collect());
        let server = Arc::new(OnceLock::new());
        let rule = (Arc::clone(&mocks), Arc::clone(&server));
        let backend = Backend::start(move |asked, _| mocked(&rule.0, &rule.1, asked)).await;
        let world = World::start_with(|setup, dir| setup.allow_loopback(dir)).await;
        server.set(world.api.url("")).expect("the first");
        let people = People::meet_in(world).await;
        let mut names = BTreeMap::new();
        for it in connectors {
            let path = format!("/api/v1/environments/{}/connectors", people.environment);
            // what comes with the server keeps its name
            for name in [it.name.clone(), format!("{}-inferred", it.name)] {
                let body =
                    json!({"name": name, "definition": it.definition, "properties": it.properties});
                let made = people.send(OWNER, Method::POST, &path, Some(&body)).await;
                if made.status == 409 {
                    continue;
                }
                assert_eq!(made.status, 201, "{name}: {}", made.text);
                let at = format!("apis/{name}/connections/c-{name}");
                let connection = json!({"properties": {"connectionParameters": {}}});
                people.api(OWNER, Method::PUT, &at, Some(&connection), 201).await;
                let behind = json!({"kind": "Host", "url": backend.url(&format!("/{}", it.name))});
                let at = format!("{path}/{name}/connections/c-{name}/backend");
                people.ask(OWNER, (Method::PUT, &at), Some(&behind), 200).await;
                names.insert(it.name.clone(), name);
                break;
            }
        }
        Stage { people, mocks, names, _backend: backend }
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

    async fn create(&self, flow: &Real) -> Result<(), String> {
        let mut definition = plain(&flow.loaded.definition);
        shortened(&mut definition);
        with_defaults(&mut definition);
        let document = json!({"properties": {"definition": definition,
            "connectionReferences": self.references(flow)}});
        let body = json!({"name": guid(&flow.name), "document": document,
            "dialect": "power-automate", "state": "Started"});
        let path = format!("/api/v1/flows?environment={}", self.people.environment);
        let (status, made) = self.people.world.api.call(Method::POST, &path, Some(&body)).await;
        if status == 201 { Ok(()) } else { Err(made.to_string()) }
    }

    /// Child flows that are no part of what was found answer with nothing.
    async fn create_children(&self, flows: &[Real]) -> usize {
        let there: BTreeSet<String> = flows.iter().map(|it| guid(&it.name)).collect();
        let mut children = BTreeSet::new();
        for flow in flows {
            let text = expr::json::to_string(&flow.loaded.definition);
            let names = text.split("\"workflowReferenceName\":\"").skip(1);
            children.extend(names.filter_map(|it| it.split('"').next()).map(str::to_lowercase));
        }
        children.retain(|it| !there.contains(it));
        let answers = json!({"triggers": {"manual": {"type": "Request", "kind": "Button", "inputs": {"schema": {}}}},
            "actions": {"Answer": {"type": "Response", "inputs": {"statusCode": 200, "body": {}}}}});
        for name in &children {
            let body = json!({"name": name, "document": answers, "state": "Started"});
            let path = format!("/api/v1/flows?environment={}", self.people.environment);
            let (status, made) = self.people.world.api.call(Method::POST, &path, Some(&body)).await;
            assert_eq!(status, 201, "{name}: {made}");
        }
        children.len()
    }

    /// What the trigger of a flow is started with.
    fn input(&self, flow: &Real) -> Json {
        let definition = &flow.loaded.definition;
        let trigger = definition.get("triggers").and_then(Value::as_object);
        let trigger = trigger.and_then(|it| it.iter().next().map(|it| it.1.clone()));
        let trigger = trigger.unwrap_or_default();
        let nothing = Value::Null;
        let inputs = trigger.get("inputs").unwrap_or(&nothing);
        let id = inputs.get("host").and_then(|it| it.get("operationId")).and_then(Value::as_str);
        let body = match id {
            Some(id) => {
                let name = connector::infer::connector(inputs, &source(flow));
                let operation = name.and_then(|it| self.mocks.get(&it)?.operation(id));
                operation.map_or(json!({}), |it| match it.notification {
                    Some(_) => told(it),
                    None => plain(&mock::answer(it).body),
                })
            }
            None => sample(&inputs.get("schema").map(plain).unwrap_or_default()),
        };
        // base64 of 'ada@example.org'
        let name = "YWRhQGV4YW1wbGUub3Jn";
        json!({"body": body, "headers": {"x-ms-user-name-encoded": name,
            "x-ms-user-email-encoded": name, "x-ms-user-name": "Ada", "x-ms-user-email": "ada@example.org",
            "x-ms-user-id": "1", "x-ms-environment-id": "e"}})
    }

    /// Starts a flow; its final state and what failed first.
    async fn run(&self, flow: &Real) -> (String, String) {
        let api = &self.people.world.api;
        let environment = &self.people.environment;
        let path = format!("/api/v1/flows/{}/run?environment={environment}", guid(&flow.name));
        let (status, started) = api.call(Method::POST, &path, Some(&self.input(flow))).await;
        let Some(run) = started["run"].as_str().filter(|_| status == 202) else {
            return ("NotStarted".to_owned(), started.to_string());
        };
        let since = Instant::now();
        let ended = loop {
            let found = api.get(&format!("/api/v1/runs/{run}")).await;
            let status = found["status"].as_str().unwrap_or_default().to_owned();
            if !matches!(status.as_str(), "Running" | "Waiting") || since.elapsed() > RUN_WITHIN {
                break status;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        let actions = api.list(&format!("/api/v1/runs/{run}/actions")).await;
        let failed = actions.iter().filter(|it| it["status"] == "Failed");
        let own = failed.clone().find(|it| it["error"]["code"] != "ActionFailed");
        let told = own.or_else(|| failed.clone().next());
        let waits =
            actions.iter().find(|it| it["status"] == "Running" || it["status"] == "Waiting");
        let told = told.or(waits.filter(|_| ended == "Running" || ended == "Waiting"));
        (ended, told.map(|it| format!("{}: {}", it["name"], it["error"])).unwrap_or_default())
    }
}

const RUN_WITHIN: Duration = Duration::from_secs(15);

/// The id at the end of a file's name.
fn guid(name: &str) -> String {
    name[name.len().saturating_sub(36)..].to_lowercase()
}

#[tokio::test(flavor = "multi_thread")]
async fn real_solutions_run_over_mocks_of_inferred_connectors() {
    let Some(root) = corpus() else { return };
    let (mut total, mut ended) = (0, BTreeMap::<String, usize>::new());
    for solution in SOLUTIONS {
        let flows = flows(&root.join(solution));
        let (connectors, _) = inferred(&flows);
        let stage = Stage::open(&connectors).await;
        let mut refused = BTreeSet::new();
        for flow in &flows {
            if let Err(why) = stage.create(flow).await {
                println!("{solution} {} refused: {why}", flow.name);
                refused.insert(&flow.name);
            }
        }
        let children = stage.create_children(&flows).await;
        println!("{solution} {children} child flows are not in it");
        for flow in flows.iter().filter(|it| !refused.contains(&it.name)) {
            total += 1;
            let (status, why) = stage.run(flow).await;
            println!("{solution} {} {status} {why}", flow.name);
            assert!(!why.contains("InternalServerError"), "{}: {why}", flow.name);
            *ended.entry(status).or_default() += 1;
        }
    }
    println!("{ended:?} of {total}");
    let succeeded = ended.get("Succeeded").copied().unwrap_or_default();
    assert!(succeeded * 100 >= total * 70, "{ended:?}");
}
