//! Input that is wrong, huge or hostile: each gets an answer that says so, and the
//! server goes on.

use crate::support::TOKEN;
use crate::wire::{RawAnswer, Wire, exchange};
use crate::world::{Answer, World, compose, definition, echo};
use reqwest::Method;
use serde_json::{Value, json};

/// The server still does what it is for.
async fn still_works(world: &World) {
    let name = "still-works";
    let address = world.flow(name, &echo()).await;
    assert_eq!(world.fire(&address, &json!({"n": 1})).await.json()["body"], json!({"n": 1}));
    let (status, _) = world.api.call(Method::DELETE, &format!("/api/v1/flows/{name}"), None).await;
    assert_eq!(status, 204);
}

async fn post_raw(world: &World, path: &str, body: Vec<u8>) -> Answer {
    let request = world.api.request(Method::POST, path).bearer_auth(TOKEN);
    Answer::of(request.header("content-type", "application/json").body(body)).await
}

/// Refuses a definition both on create and on validate; the problems.
async fn refused(world: &World, document: &str) -> Value {
    let body = format!("{{\"name\":\"bad\",\"document\":{document}}}").into_bytes();
    let answer = post_raw(world, "/api/v1/flows", body).await;
    assert_eq!(answer.status, 400, "{}", &answer.text[..answer.text.len().min(500)]);
    assert!(answer.text.len() < 20_000, "the answer repeats the input");
    answer.json()["error"].clone()
}

#[tokio::test]
async fn wrong_json_is_refused_with_its_place() {
    let world = World::start().await;
    for body in ["{\"name\": \"x\",\n \"document\": {]}", "", "nonsense", "{\"name\":", "\u{feff}["]
    {
        for path in ["/api/v1/flows", "/api/v1/validate"] {
            let answer = post_raw(&world, path, body.into()).await;
            assert_eq!(answer.status, 400, "{body:?}: {answer:?}");
            let message = answer.json()["error"]["message"].as_str().expect("text").to_owned();
            assert!(message.contains("line"), "{body:?}: {message}");
        }
    }
    let plain = world.api.request(Method::POST, "/api/v1/flows").bearer_auth(TOKEN).body("{}");
    let answer = Answer::of(plain).await;
    assert!(matches!(answer.status, 400 | 415), "{answer:?}");
    assert!(answer.json()["error"]["code"].is_string());
    let answer = post_raw(&world, "/api/v1/flows", b"{\"name\": \"\xff\xfe\"}".to_vec()).await;
    assert_eq!(answer.status, 400);
    still_works(&world).await;
}

#[tokio::test]
async fn wrong_json_of_a_trigger_is_refused_with_its_place() {
    let world = World::start().await;
    let address = world.flow("order", &echo()).await;
    for body in [&b"{\"a\": 1,\n ]"[..], b"\xff\xff", b"{\"a\": \"\xc3\x28\"}", b"01", b"[1"] {
        let answer = post_raw(&world, &address, body.to_vec()).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "InvalidRequestContent"));
        let message = answer.json()["error"]["message"].as_str().expect("text").to_owned();
        let is_placed = message.contains("line") || message.contains("offset");
        assert!(is_placed || message.contains("UTF-8"), "{message}");
    }
    assert!(world.api.list("/api/v1/flows/order/runs").await.is_empty());
    still_works(&world).await;
}

#[tokio::test]
async fn a_huge_expression_is_refused() {
    let world = World::start().await;
    let sum = format!("@concat('a'{})", ",'b'".repeat(10 * 1024 * 1024 / 4));
    let text = format!("@concat('{}", "x".repeat(10 * 1024 * 1024));
    for expression in [sum, text] {
        let document = definition(json!({"A": compose("", json!(expression))})).to_string();
        let error = refused(&world, &document).await;
        assert_eq!(error["code"], "InvalidDefinition");
        assert_eq!(error["details"][0]["path"], "$.actions.A.inputs", "{error}");
    }
    still_works(&world).await;
}

#[tokio::test]
async fn deep_nesting_is_refused() {
    let world = World::start().await;
    for expression in [
        format!("@{}1{}", "(".repeat(10_000), ")".repeat(10_000)),
        format!("@{}1{}", "add(1,".repeat(10_000), ")".repeat(10_000)),
        format!("@{}", "(".repeat(10_000)),
        format!("@triggerBody(){}", "['a']".repeat(100_000)),
        format!("@{}", "not(".repeat(100_000)),
    ] {
        let document = definition(json!({"A": compose("", json!(expression))})).to_string();
        let error = refused(&world, &document).await;
        assert_eq!(error["details"][0]["path"], "$.actions.A.inputs", "{error}");
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    refused(&world, &deep).await;
    refused(&world, &"[".repeat(100_000)).await;
    let within = definition(json!({"A": compose("", json!("HERE"))})).to_string();
    refused(&world, &within.replace("\"HERE\"", &deep)).await;
    let mut scopes = json!({"Leaf": compose("", json!(1))});
    for depth in 0..100 {
        scopes = json!({format!("S{depth}"): {"type": "Scope", "actions": scopes, "runAfter": {}}});
    }
    refused(&world, &definition(scopes).to_string()).await;
    let address = world.flow("order", &echo()).await;
    let answer = post_raw(&world, &address, deep.into_bytes()).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "InvalidRequestContent"));
    still_works(&world).await;
}

#[tokio::test]
async fn graphs_that_cannot_run_are_refused() {
    let world = World::start().await;
    let after = |name: &str| compose(name, json!(1));
    for (actions, path) in [
        (json!({"A": after("B"), "B": after("A")}), "$.actions.A"),
        (json!({"A": after("A")}), "$.actions.A"),
        (json!({"A": after("B"), "B": after("C"), "C": after("B")}), "$.actions."),
        (json!({"A": after("Z")}), "$.actions.A.runAfter"),
    ] {
        let error = refused(&world, &definition(actions).to_string()).await;
        let found = error["details"][0]["path"].as_str().expect("a path");
        assert!(found.starts_with(path), "{error}");
    }
    still_works(&world).await;
}

#[tokio::test]
async fn an_unknown_function_fails_only_when_it_is_reached() {
    let world = World::start().await;
    let document = definition(json!({"If": {"type": "If", "runAfter": {},
        "expression": {"and": [{"equals": ["@triggerBody()", 1]}]},
        "actions": {"Odd": compose("", json!("@noSuchFunction(1)"))},
        "else": {"actions": {}}}}));
    let made = world.create("odd", &document).await;
    assert_eq!(made["problems"][0]["severity"], "warning", "{made}");
    assert!(
        made["problems"][0]["message"].as_str().is_some_and(|it| it.contains("noSuchFunction"))
    );
    let address = world.api.trigger_path("odd").await;
    assert_eq!(world.run(&address, &json!(2)).await["status"], "Succeeded");
    let run = world.run(&address, &json!(1)).await;
    assert_eq!(run["status"], "Failed");
    let id = run["id"].as_str().expect("an id");
    let action = world.api.get(&format!("/api/v1/runs/{id}/actions/Odd")).await;
    assert_eq!(action["error"]["code"], "InvalidTemplate", "{action}");
}

fn is_too_large(answer: &RawAnswer) {
    assert_eq!((answer.status, answer.code().as_str()), (413, "RequestEntityTooLarge"));
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_however_it_comes() {
    let world =
        World::start_with(|setup, _| setup.env("SLUICEGATE_TRIGGER_BODY_BYTES_MAX", "1000")).await;
    let address = world.flow("order", &echo()).await;
    let head = |rest: &str| {
        format!("POST {address} HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\n{rest}\r\n\r\n")
    };
    let long = "x".repeat(1001);
    let announced = format!("{}{long}", head("content-length: 1001"));
    is_too_large(&exchange(world.server.addr, announced.as_bytes()).await.expect("an answer"));
    // announced and never sent: refused at once
    let head_only = head("content-length: 99999999999999");
    is_too_large(&exchange(world.server.addr, head_only.as_bytes()).await.expect("an answer"));
    let chunk = format!("1f4\r\n{}\r\n", "x".repeat(500));
    let chunked = format!("{}{chunk}{chunk}{chunk}0\r\n\r\n", head("transfer-encoding: chunked"));
    is_too_large(&exchange(world.server.addr, chunked.as_bytes()).await.expect("an answer"));
    let fits = format!("{}{}", head("content-length: 1000"), "x".repeat(1000));
    let answer = exchange(world.server.addr, fits.as_bytes()).await.expect("an answer");
    assert_eq!(answer.status, 200);
    let fits = format!("{}{chunk}{chunk}0\r\n\r\n", head("transfer-encoding: chunked"));
    let answer = exchange(world.server.addr, fits.as_bytes()).await.expect("an answer");
    assert_eq!(answer.status, 200);
    assert_eq!(world.api.list("/api/v1/flows/order/runs").await.len(), 2);
}

#[tokio::test]
async fn an_api_body_over_the_limit_is_refused() {
    let world = World::start().await;
    world.flow("order", &echo()).await;
    for path in ["/api/v1/flows", "/api/v1/validate", "/api/v1/flows/order/run"] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\n\
             content-type: application/json\r\ncontent-length: 99999999\r\n\r\n"
        );
        let answer = exchange(world.server.addr, head.as_bytes()).await.expect("an answer");
        assert_eq!(answer.status, 413, "{path}: {answer:?}");
        assert!(!answer.code().is_empty(), "{path}: {answer:?}");
    }
    still_works(&world).await;
}

#[tokio::test]
async fn a_slow_client_holds_nobody_up() {
    let world = World::start().await;
    let address = world.flow("order", &echo()).await;
    let mut slow = Vec::new();
    for at in 0..50 {
        let mut wire = Wire::open(world.server.addr).await;
        let begun = format!("POST {address} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n");
        match at % 3 {
            0 => wire.send(b"POST /work").await,
            1 => wire.send(begun.as_bytes()).await,
            _ => wire.send(format!("{begun}\r\n{{").as_bytes()).await,
        }
        slow.push(wire);
    }
    for _ in 0..5 {
        assert_eq!(world.fire(&address, &json!({})).await.status, 200);
    }
    assert_eq!(world.api.list("/api/v1/flows/order/runs").await.len(), 5);
    // the last one of them goes on after all
    let mut wire = slow.swap_remove(47);
    wire.send(b"}").await;
    assert_eq!(wire.answer().await.expect("an answer").status, 200);
    drop(slow);
    still_works(&world).await;
}

#[tokio::test]
async fn what_is_not_there_is_told() {
    let world = World::start().await;
    world.flow("order", &echo()).await;
    let paths = [
        "/",
        "/api/v1",
        "/api/v1/",
        "/api/v1/nothing",
        "/api/v2/flows",
        "/workflows",
        "/workflows/x/triggers/y",
        "/api/v1/flows/order/nothing",
        "/health",
        "/favicon.ico",
    ];
    for path in paths {
        world.refused(Method::GET, path, 404, "ResourceNotFound").await;
    }
    for (method, path) in [
        (Method::DELETE, "/api/v1/flows"),
        (Method::PATCH, "/api/v1/flows/order"),
        (Method::GET, "/api/v1/flows/order/enable"),
        (Method::POST, "/health/live"),
        (Method::PUT, "/api/v1/runs/x"),
    ] {
        world.refused(method, path, 405, "MethodNotAllowed").await;
    }
}

#[tokio::test]
async fn paths_and_queries_that_are_not_text_are_refused() {
    let world = World::start().await;
    let address = world.flow("order", &echo()).await;
    let (base, query) = address.split_once('?').expect("a query");
    let trigger = base.replace("/manual/", "/%ff%fe/");
    for (target, statuses) in [
        ("/api/v1/flows/%ff%fe".to_owned(), [400, 404]),
        ("/api/v1/flows/order/versions/%ff".to_owned(), [400, 404]),
        ("/api/v1/runs/%ff/actions/%fe".to_owned(), [400, 404]),
        ("/api/v1/flows?skipToken=%ff%fe".to_owned(), [400, 200]),
        ("/api/v1/flows?top=%ff".to_owned(), [400, 400]),
        ("/api/v1/flows?top=1&top=2".to_owned(), [400, 400]),
        (format!("/api/v1/flows?environment={}", "x".repeat(5_000)), [404, 400]),
        (format!("{trigger}?{query}"), [400, 401]),
        (format!("{base}?{query}&%ff=%fe"), [200, 400]),
        (format!("{base}/%ff?{query}"), [404, 400]),
    ] {
        let head =
            format!("GET {target} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\n\r\n");
        let answer = exchange(world.server.addr, head.as_bytes()).await.expect("an answer");
        assert!(statuses.contains(&answer.status), "{target}: {answer:?}");
        if answer.status >= 400 {
            assert!(!answer.code().is_empty(), "{target}: {answer:?}");
        }
    }
    still_works(&world).await;
}

#[tokio::test]
async fn broken_requests_are_refused() {
    let world = World::start().await;
    let address = world.flow("order", &echo()).await;
    let many: String = (0..5_000).map(|at| format!("x-{at}: y\r\n")).collect();
    let long = format!("x-long: {}\r\n", "y".repeat(2_000_000));
    let target = "y".repeat(100_000);
    for (request, what) in [
        (format!("POST {address} HTTP/1.1\r\nhost: x\r\n{many}\r\n"), "many headers"),
        (format!("POST {address} HTTP/1.1\r\nhost: x\r\n{long}\r\n"), "a long header"),
        (format!("GET /{target} HTTP/1.1\r\nhost: x\r\n\r\n"), "a long target"),
        ("\r\n\r\n\0\0\0\0".to_owned(), "nothing"),
        ("GET\r\n\r\n".to_owned(), "half a line"),
        (format!("POST {address} HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n"), "length"),
        (
            format!(
                "POST {address} HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\
                 transfer-encoding: chunked\r\n\r\nzz\r\n"
            ),
            "a wrong chunk",
        ),
        (format!("POST {address} HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nab"), "cut off"),
    ] {
        let mut wire = Wire::open(world.server.addr).await;
        wire.send(request.as_bytes()).await;
        if what == "cut off" {
            continue;
        }
        if let Some(answer) = wire.answer().await {
            assert!((400..500).contains(&answer.status), "{what}: {answer:?}");
        }
    }
    still_works(&world).await;
}

#[tokio::test]
async fn headers_that_are_not_text_do_no_harm() {
    let world = World::start().await;
    let address = world.flow("order", &echo()).await;
    let mut request = format!("POST {address} HTTP/1.1\r\nhost: x\r\nx-odd: ").into_bytes();
    request.extend_from_slice(b"\xff\xfe\r\nx-ms-client-tracking-id: \xe9\r\n");
    request.extend_from_slice(b"content-type: \xff\r\ncontent-length: 2\r\n\r\n{}");
    let answer = exchange(world.server.addr, &request).await.expect("an answer");
    assert!(matches!(answer.status, 200 | 400), "{answer:?}");
    let long = "t".repeat(10_000);
    let request = world.api.request(Method::POST, &address);
    let answer = Answer::of(request.header("x-ms-client-tracking-id", long)).await;
    assert!(matches!(answer.status, 200 | 400), "{}", answer.status);
    still_works(&world).await;
}
