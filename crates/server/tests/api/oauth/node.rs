//! Two servers on one database ask for one token.

use super::renewal::is_believed;
use super::scene::SECRET;
use crate::backend::Backend;
use crate::connector_call::power;
use crate::managed::node::start;
use crate::support::Setup;
use crate::support::api::Api;
use crate::world::{Answer, compose, definition};
use futures_util::future::join_all;
use reqwest::{Client, Method};
use rig::{Oidc, Postgres};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

const RUNS: usize = 50;
const API: &str = "/providers/Microsoft.PowerApps/apis/shared_program";
const WITHIN: Duration = Duration::from_secs(30);

fn nodes(dir: &Path, database: &str) -> Vec<Setup> {
    let node = |number: usize| {
        let below = dir.join(format!("node{number}"));
        std::fs::create_dir_all(below.join("data")).expect("a folder");
        Setup::new(&below).allow_loopback(&below).arg("--database-url").arg(database)
    };
    (0..2).map(node).collect()
}

async fn call(api: &Api, method: Method, path: &str, body: Value, status: u16) {
    let (given, answer) = api.call(method, path, Some(&body)).await;
    assert_eq!(given, status, "{path}: {answer}");
}

/// A program's connection to a service, and a flow that calls it; the address of its trigger.
async fn prepare(api: &Api, provider: &Oidc, service: &Backend) -> String {
    let settings = json!({"identityProvider": "oauth2", "customParameters": {
        "authorizationUrl": {"value": format!("{}/auth", provider.address)},
        "tokenUrl": {"value": format!("{}/token", provider.address)},
        "grantType": {"value": "client_credentials"},
    }});
    let properties = json!({"properties": {"connectionParameters": {
        "token": {"type": "oauthSetting", "oAuthSettings": settings},
        "token:clientId": {"type": "string"},
        "token:clientSecret": {"type": "securestring"},
    }}});
    let swagger = json!({"swagger": "2.0", "info": {"title": "Program"},
        "host": service.addr.to_string(), "schemes": ["http"], "paths": {"/notes": {"get":
            {"operationId": "ListNotes", "parameters": [], "responses": {"200": {}}}}}});
    let connector = json!({"name": "shared_program", "properties": properties.to_string(),
        "definition": swagger.to_string()});
    call(api, Method::POST, "/api/v1/environments/default/connectors", connector, 201).await;
    let values = json!({"token:clientId": "files", "token:clientSecret": SECRET});
    let connection = json!({"properties": {"connectionParameters": values}});
    let path = format!("{API}/connections/mine?$filter=environment%20eq%20%27~default%27");
    call(api, Method::PUT, &path, connection, 201).await;
    let notes = json!({"Notes": {"type": "OpenApiConnection", "runAfter": {}, "inputs": {
        "host": {"connectionName": "mine", "operationId": "ListNotes", "apiId": API},
        "parameters": {}, "retryPolicy": {"type": "none"}}}});
    let references = json!({"mine": {"connectionName": "mine", "source": "Embedded", "id": API}});
    let document =
        json!({"definition": power(definition(notes)), "connectionReferences": references});
    api.create_flow("notes", &document).await
}

/// Begins a run at a node, once that takes part.
async fn begin(api: &Api, address: &str) -> String {
    let since = Instant::now();
    loop {
        let answer = Answer::of(api.request(Method::POST, address).json(&json!({}))).await;
        if answer.status == 202 {
            return answer.run().to_owned();
        }
        assert!(since.elapsed() < WITHIN, "the node takes nothing on: {}", answer.text);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_runs_at_two_nodes_ask_for_one_token() {
    let dir = tempfile::tempdir().expect("a folder");
    let settings = json!({"accessTokenSeconds": 600, "clients": [{
        "client_id": "files", "client_secret": SECRET, "redirect_uris": [],
        "grant_types": ["client_credentials"], "response_types": [],
        "token_endpoint_auth_method": "client_secret_post"}]});
    let provider = Oidc::start(&settings.to_string()).expect("a provider");
    let known = provider.address.clone();
    let service = Backend::start(move |asked, _| {
        let token = asked.header("authorization").strip_prefix("Bearer ").unwrap_or_default();
        match is_believed(&known, token) {
            true => (200, Vec::new(), json!([])),
            false => (401, Vec::new(), json!({})),
        }
    })
    .await;
    let postgres = Postgres::shared().expect("a PostgreSQL server");
    let database = postgres.create_database("tokens").await.expect("a database");
    let worlds = start(&nodes(dir.path(), &database)).await;
    let apis = [&worlds[0].api, &worlds[1].api];
    let address = prepare(apis[0], &provider, &service).await;
    let rig = |what: &str| Client::new().get(format!("{}/rig/{what}", provider.address));
    // both take part before anything is asked
    let nothing = definition(json!({"Nothing": compose("", json!(1))}));
    let ready = apis[0].create_flow("ready", &nothing).await;
    for api in apis {
        begin(api, &ready).await;
    }
    Answer::of(rig("slow?milliseconds=300")).await;
    let runs = join_all((0..RUNS).map(|at| begin(apis[at % 2], &address))).await;
    for (at, run) in runs.iter().enumerate() {
        assert_eq!(apis[at % 2].ended(run).await["status"], "Succeeded");
    }
    let seen = Answer::of(rig("seen")).await.json();
    let asked: Vec<&Value> = seen.as_array().expect("a list").iter().collect();
    let tokens = asked.iter().filter(|it| it["grant"] == "client_credentials").count();
    assert_eq!(tokens, 1, "{seen}");
    let calls = service.asked();
    assert_eq!(calls.len(), RUNS);
    let first = calls[0].header("authorization");
    assert!(calls.iter().all(|it| it.header("authorization") == first));
}
