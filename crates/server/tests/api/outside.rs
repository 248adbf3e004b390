//! Calls that flows make: HTTP, and other flows.

use crate::support::stub::Stub;
use crate::world::{World, compose, definition, echo, path, response, run_after, wait};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn http(uri: &str) -> Value {
    json!({"type": "Http", "runAfter": {}, "inputs":
        {"method": "POST", "uri": uri, "body": {"n": "@triggerBody()?['n']"}, "queries": {"q": "a b"}}})
}

#[tokio::test]
async fn an_http_action_calls_and_keeps_the_answer() {
    let stub = Stub::start().await;
    let world = World::start_with(|setup, dir| setup.allow_loopback(dir)).await;
    let uri = format!("http://{}/take", stub.addr);
    let mut document = definition(json!({"Call": http(&uri)}));
    document["actions"]["Answer"] = response("Call", "@body('Call')");
    let address = world.flow("caller", &document).await;
    let answer = world.fire(&address, &json!({"n": 7})).await;
    assert_eq!(answer.json(), json!({"sequence": 1}), "{answer:?}");
    let calls = stub.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!((calls[0].path.as_str(), &calls[0].body), ("/take?q=a%20b", &json!({"n": 7})));
    assert!(calls[0].key.is_some());
    let action = world.api.get(&format!("/api/v1/runs/{}/actions/Call", answer.run())).await;
    assert_eq!(action["code"], "OK");
    assert_eq!(action["inputs"]["uri"], uri);
    assert_eq!(action["outputs"]["statusCode"], 200);
    assert_eq!(action["outputs"]["body"], json!({"sequence": 1}));
    assert_eq!(action["outputs"]["headers"]["Content-Type"], "application/json");
}

/// A server that lets in whom the authority has signed, and answers 200; its port.
pub async fn door(authority: &rig::Authority) -> u16 {
    let own = authority.issue("door", &["localhost"]).expect("a certificate");
    let chain = |path: &std::path::Path| {
        let all = CertificateDer::pem_file_iter(path).expect("certificates");
        all.map(|it| it.expect("a certificate")).collect::<Vec<_>>()
    };
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(chain(authority.certificate()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider))
        .build()
        .expect("a verifier");
    let key = PrivateKeyDer::from_pem_file(&own.key).expect("a key");
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain(&own.certificate), key)
        .expect("a configuration");
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _ = stream.read_buf(&mut Vec::with_capacity(8_192)).await;
            let answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
            let _ = stream.write_all(answer).await;
            let _ = stream.shutdown().await;
        }
    });
    port
}

#[tokio::test]
async fn an_http_action_shows_its_certificate() {
    let dir = tempfile::tempdir().expect("a folder");
    let authority = rig::Authority::create(dir.path()).expect("an authority");
    let port = door(&authority).await;
    let own = authority.issue_client("flow").expect("a certificate");
    let pfx = STANDARD.encode(rig::authority::pfx(&own, "sesame").expect("a PFX file"));
    let trusted = authority.certificate().to_owned();
    let world =
        World::start_with(|setup, dir| setup.allow_loopback(dir).env("SSL_CERT_FILE", trusted))
            .await;
    let call = |authentication: Value| {
        let mut call = http(&format!("https://localhost:{port}/"));
        call["inputs"]["retryPolicy"] = json!({"type": "none"});
        call["inputs"]["authentication"] = authentication;
        definition(json!({"Call": call}))
    };
    let shown =
        |password: &str| json!({"type": "ClientCertificate", "pfx": pfx, "password": password});
    for (name, authentication, status, code) in [
        ("with", shown("sesame"), "Succeeded", "OK"),
        ("without", json!({"type": "None"}), "Failed", "BadGateway"),
        ("wrong", shown("guessed"), "Failed", "BadRequest"),
    ] {
        let address = world.flow(name, &call(authentication)).await;
        let run = world.run(&address, &json!({})).await;
        let id = run["id"].as_str().expect("an id");
        let action = world.api.get(&format!("/api/v1/runs/{id}/actions/Call")).await;
        assert_eq!((&run["status"], &action["code"]), (&json!(status), &json!(code)), "{action}");
    }
}

#[tokio::test]
async fn this_machine_is_not_called_by_default() {
    let stub = Stub::start().await;
    let world = World::start().await;
    for (at, uri) in [
        format!("http://{}/x", stub.addr),
        format!("http://localhost:{}/x", stub.addr.port()),
        format!("http://[::ffff:127.0.0.1]:{}/x", stub.addr.port()),
        "http://169.254.169.254/metadata".to_owned(),
    ]
    .into_iter()
    .enumerate()
    {
        let mut call = http(&uri);
        call["inputs"]["retryPolicy"] = json!({"type": "none"});
        let name = format!("flow{at}");
        let address = world.flow(&name, &definition(json!({"Call": call}))).await;
        let run = world.run(&address, &json!({})).await;
        assert_eq!(run["status"], "Failed");
        let id = run["id"].as_str().expect("an id");
        let action = world.api.get(&format!("/api/v1/runs/{id}/actions/Call")).await;
        assert_eq!(action["error"]["code"], "EgressDenied", "{uri}: {action}");
        assert!(action.get("retryHistory").is_none(), "{action}");
    }
    assert!(stub.calls().is_empty());
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_failure_of_the_action() {
    let world = World::start_with(|setup, dir| setup.allow_loopback(dir)).await;
    let mut call = http("http://127.0.0.1:1/");
    call["inputs"]["retryPolicy"] = json!({"type": "none"});
    let document = definition(json!({"Call": call,
        "Caught": {"type": "Compose", "inputs": "@actions('Call')?['error']?['code']",
            "runAfter": {"Call": ["Failed"]}}}));
    let address = world.flow("caller", &document).await;
    let run = world.run(&address, &json!({})).await;
    assert_eq!(run["status"], "Succeeded", "{run}");
    let id = run["id"].as_str().expect("an id");
    let action = world.api.get(&format!("/api/v1/runs/{id}/actions/Call")).await;
    assert_eq!(action["status"], "Failed");
    let caught = world.api.get(&format!("/api/v1/runs/{id}/actions/Caught")).await;
    assert_eq!(caught["outputs"], "BadGateway");
}

fn parent(child: &str) -> Value {
    let mut document = definition(json!({"Ask": {"type": "Workflow", "runAfter": {},
        "inputs": {"host": {"workflow": {"id": child}}, "body": {"n": "@triggerBody()['n']"}}}}));
    document["actions"]["Answer"] = json!({"type": "Response",
        "inputs": {"statusCode": 200, "body": "@outputs('Ask')?['body']"},
        "runAfter": {"Ask": ["Succeeded", "Failed"]}});
    document
}

#[tokio::test]
async fn a_child_answers_its_parent() {
    let world = World::start().await;
    let child = definition(json!({
        "Rest": wait("", 1),
        "Double": compose("Rest", json!("@mul(triggerBody()['n'], 2)")),
        "Answer": response("Double", "@outputs('Double')"),
    }));
    world.flow("child", &child).await;
    let address = world.flow("parent", &parent("child")).await;
    let answer = world.fire(&address, &json!({"n": 21})).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "42"));
    let runs = world.api.list("/api/v1/flows/child/runs").await;
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0]["parent"], answer.run());
    let parent = world.api.ended(answer.run()).await;
    assert_eq!(parent["status"], "Succeeded");
    assert_eq!(runs[0]["correlation"], parent["correlation"]);
}

#[tokio::test]
async fn a_childs_calls_find_their_connections_in_its_trigger() {
    let world = World::start().await;
    let read =
        "@json(decodeBase64(triggerOutputs().headers['X-MS-APIM-Tokens']))['$ConnectionKey']";
    let child = definition(json!({
        "Key": compose("", json!(read)), "Answer": response("Key", "@outputs('Key')"),
    }));
    world.flow("child", &child).await;
    let mut document = parent("child");
    document["actions"]["Ask"]["inputs"]["headers"] = json!({"x-ms-apim-tokens": "forged"});
    let address = world.flow("parent", &document).await;
    let answer = world.fire(&address, &json!({"n": 1})).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "Key sluicegate"));
}

#[tokio::test]
async fn a_child_that_cannot_answer_fails_the_action_only() {
    let world = World::start().await;
    world.flow("silent", &definition(json!({"A": compose("", json!(1))}))).await;
    world.flow("stopped", &echo()).await;
    world.api.post("/api/v1/flows/stopped/disable", 200).await;
    for (child, codes) in [
        ("missing", ["NestedWorkflowNotFound", ""]),
        ("stopped", ["WorkflowDisabled", ""]),
        ("silent", ["NoResponse", "BadGateway"]),
    ] {
        let name = format!("parent-{child}");
        let address = world.flow(&name, &parent(child)).await;
        let answer = world.fire(&address, &json!({"n": 1})).await;
        assert_eq!(answer.status, 200, "{child}: {answer:?}");
        let ask = world.api.get(&format!("/api/v1/runs/{}/actions/Ask", answer.run())).await;
        assert_eq!(ask["status"], "Failed");
        let code = ask["error"]["code"].as_str().expect("a code");
        assert!(codes.contains(&code), "{child}: {ask}");
    }
}

#[tokio::test]
async fn flows_that_call_each_other_come_to_an_end() {
    let world = World::start().await;
    let address = world.flow("circle", &parent("circle")).await;
    let answer = world.fire(&address, &json!({"n": 1})).await;
    assert_eq!(answer.status, 200);
    let runs = world.api.list("/api/v1/flows/circle/runs").await;
    assert!(runs.len() > 1 && runs.len() < 100, "{}", runs.len());
}

#[tokio::test]
async fn cancelling_a_parent_is_not_held_up_by_its_child() {
    let world = World::start().await;
    let child = definition(json!({"Rest": wait("", 3_600), "Answer": response("Rest", "x")}));
    world.flow("child", &child).await;
    let mut document = parent("child");
    document["actions"].as_object_mut().expect("actions").remove("Answer");
    document["actions"]["Then"] =
        json!({"type": "Compose", "inputs": 1, "runAfter": run_after("Ask")});
    world.create("parent", &document).await;
    let address = path(&world.api.post("/api/v1/flows/parent/callback-url", 200).await);
    let run = world.fire(&address, &json!({"n": 1})).await.run().to_owned();
    world.api.post(&format!("/api/v1/runs/{run}/cancel"), 202).await;
    assert_eq!(world.api.ended(&run).await["status"], "Cancelled");
}
