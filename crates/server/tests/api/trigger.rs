//! What a trigger makes of a request, and what the caller gets.

use crate::world::{
    Answer, World, compose, definition, echo, path, response, run_after, wait, with_trigger,
};
use reqwest::Method;
use serde_json::{Value, json};

async fn send(world: &World, address: &str, content_type: &str, body: &[u8]) -> Answer {
    let mut request = world.api.request(Method::POST, address).body(body.to_vec());
    if !content_type.is_empty() {
        request = request.header("content-type", content_type);
    }
    Answer::of(request).await
}

#[tokio::test]
async fn bodies_are_what_their_content_type_says() {
    let world = World::start().await;
    let address = world.flow("order", &echo()).await;
    let form = "application/x-www-form-urlencoded";
    for (content_type, body, expected) in [
        ("application/json", &b"{\"a\": [1, 2.0, null]}"[..], json!({"a": [1, 2.0, null]})),
        ("application/problem+json", b"[1]", json!([1])),
        ("application/json", b"null", Value::Null),
        ("text/plain", b"hello", json!("hello")),
        ("text/csv; charset=iso-8859-1", b"\xe9", json!("é")),
        (
            "application/octet-stream",
            b"\x00\xff",
            json!({"$content-type": "application/octet-stream", "$content": "AP8="}),
        ),
        (
            "application/xml",
            b"<a/>",
            json!({"$content-type": "application/xml", "$content": "PGEvPg=="}),
        ),
        (
            form,
            b"a&x=y=z&&",
            json!({"$content-type": form, "$content": "YSZ4PXk9eiYm", "$formdata": [
                {"key": "a", "value": ""}, {"key": "x", "value": "y=z"},
                {"key": "", "value": ""}, {"key": "", "value": ""}]}),
        ),
    ] {
        let answer = send(&world, &address, content_type, body).await;
        assert_eq!(answer.status, 200, "{content_type}");
        assert_eq!(answer.json()["body"], expected, "{content_type}");
        assert_eq!(answer.json()["headers"]["Content-Type"], content_type);
        let run = world.api.ended(answer.run()).await;
        assert_eq!(run["trigger"]["outputs"]["body"], expected, "{content_type}");
    }
    let answer = send(&world, &address, "", b"").await;
    assert_eq!(answer.json().get("body"), None, "{}", answer.text);
    let answer = send(&world, &address, "application/json", b"{\"a\": ").await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "InvalidRequestContent"));
}

#[tokio::test]
async fn multipart_bodies_carry_their_parts() {
    let world = World::start().await;
    let address = world.flow("order", &echo()).await;
    let body = b"--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\
        Content-Type: application/json\r\n\r\n{\"n\":1}\r\n--b\r\n\
        Content-Type: text/plain\r\n\r\nhello\r\n--b--\r\n";
    let answer = send(&world, &address, "multipart/mixed; boundary=b", body).await;
    assert_eq!(answer.status, 200);
    let parts = &answer.json()["body"]["$multipart"];
    assert_eq!(parts[0]["body"], json!({"n": 1}));
    assert_eq!(parts[0]["headers"]["Content-Disposition"], "form-data; name=\"a\"");
    assert_eq!(parts[1]["body"], "hello");
    for (content_type, body) in [
        ("multipart/form-data", &body[..]),
        ("multipart/form-data; boundary=c", body),
        ("multipart/form-data; boundary=b", b"--b\r\nX"),
    ] {
        let answer = send(&world, &address, content_type, body).await;
        assert!(matches!(answer.status, 200 | 400), "{content_type}: {answer:?}");
    }
}

#[tokio::test]
async fn a_response_is_sent_as_what_it_is() {
    let world = World::start().await;
    let document = definition(json!({"Answer": {"type": "Response", "runAfter": {},
        "inputs": {"statusCode": "@triggerBody()['status']", "body": "@triggerBody()['body']",
            "headers": {"X-Own": "@{triggerBody()['status']}!", "Content-Length": "999",
                "Set-Cookie": "a=b"}}}}));
    let address = world.flow("order", &document).await;
    for (status, body, content_type, text) in [
        (200, json!({"a": 1}), "application/json; charset=utf-8", "{\"a\":1}"),
        (201, json!("plain"), "text/plain; charset=utf-8", "plain"),
        (404, json!([1]), "application/json; charset=utf-8", "[1]"),
        (500, json!(true), "application/json; charset=utf-8", "true"),
        (200, json!({"$content-type": "image/png", "$content": "cG5n"}), "image/png", "png"),
    ] {
        let answer = world.fire(&address, &json!({"status": status, "body": body})).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!((answer.header("content-type"), answer.text.as_str()), (content_type, text));
        assert_eq!(answer.header("x-own"), format!("{status}!"));
        assert!(answer.headers.get("set-cookie").is_none());
        let run = world.api.ended(answer.run()).await;
        assert_eq!(run["response"]["statusCode"], status);
    }
    let answer = world.fire(&address, &json!({"status": 204, "body": null})).await;
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
}

#[tokio::test]
async fn every_answer_names_the_run() {
    let world = World::start().await;
    let address = world.flow("order", &echo()).await;
    let answer = world.fire(&address, &json!({})).await;
    let run = answer.run();
    for name in ["x-ms-client-tracking-id", "x-ms-trigger-history-name"] {
        assert_eq!(answer.header(name), run, "{name}");
    }
    for name in ["x-ms-correlation-id", "x-ms-tracking-id", "x-ms-request-id"] {
        assert!(!answer.header(name).is_empty(), "{name}");
    }
    let flow = world.api.get("/api/v1/flows/order").await;
    assert_eq!(flow["id"], answer.header("x-ms-workflow-id"));
    assert_eq!(answer.header("x-ms-workflow-name"), "order");
    assert!(!answer.header("x-ms-workflow-system-id").is_empty());
}

#[tokio::test]
async fn the_client_tracking_id_is_kept() {
    let world = World::start().await;
    let address = world.flow("order", &echo()).await;
    let request = world.api.request(Method::POST, &address);
    let answer = Answer::of(request.header("X-MS-Client-Tracking-Id", "my-own-7")).await;
    assert_eq!(answer.header("x-ms-client-tracking-id"), "my-own-7");
    let run = world.api.ended(answer.run()).await;
    assert_eq!(run["correlation"]["clientTrackingId"], "my-own-7");
    let mut document = echo();
    document["triggers"]["manual"]["correlation"] =
        json!({"clientTrackingId": "@{triggerBody()['key']}-x"});
    let address = world.flow("keyed", &document).await;
    let answer = world.fire(&address, &json!({"key": "k"})).await;
    assert_eq!(answer.header("x-ms-client-tracking-id"), "k-x");
    let run = world.api.ended(answer.run()).await;
    assert_eq!(run["correlation"]["clientTrackingId"], "k-x");
}

#[tokio::test]
async fn a_relative_path_gives_parameters() {
    let world = World::start().await;
    let trigger = json!({"type": "Request", "kind": "Http",
        "inputs": {"method": "GET", "relativePath": "customers/{id}/orders/{order}"}});
    let document = with_trigger(trigger, echo()["actions"].clone());
    world.create("order", &document).await;
    let url = world.api.post("/api/v1/flows/order/callback-url", 200).await;
    assert!(url["basePath"].as_str().is_some_and(|it| it.ends_with("/{order}")), "{url}");
    let address = path(&url);
    let with = |id: &str, order: &str| address.replace("{id}", id).replace("{order}", order);
    for (id, order, expected) in [
        ("7", "12", json!({"id": "7", "order": "12"})),
        ("a%20b", "c%2Fd", json!({"id": "a b", "order": "c/d"})),
        ("%C3%A9", "1+2%25", json!({"id": "é", "order": "1+2%"})),
    ] {
        let answer = Answer::of(world.api.request(Method::GET, &with(id, order))).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json()["relativePathParameters"], expected);
    }
    let queries = format!("{}&n=a%26b&empty=&n2=x+y", with("1", "2"));
    let answer = Answer::of(world.api.request(Method::GET, &queries)).await;
    assert_eq!(answer.json()["queries"], json!({"n": "a&b", "empty": "", "n2": "x y"}));
    for wrong in ["/customers/1", "/customers/1/orders/2/3", "", "/customers/1/other/2"] {
        let path = address.replace("/customers/{id}/orders/{order}", wrong);
        let answer = Answer::of(world.api.request(Method::GET, &path)).await;
        assert_eq!((answer.status, answer.code().as_str()), (404, "TriggerRelativePathMismatch"));
    }
    let plain = world.flow("plain", &echo()).await;
    let longer = plain.replace("/invoke?", "/invoke/more?");
    let answer = world.fire(&longer, &json!({})).await;
    assert_eq!((answer.status, answer.code().as_str()), (404, "TriggerRelativePathMismatch"));
}

#[tokio::test]
async fn the_schema_counts_when_validation_is_on() {
    let world = World::start().await;
    let schema = json!({"type": "object", "required": ["n"],
        "properties": {"n": {"type": "integer"}}});
    let mut document = echo();
    document["triggers"]["manual"]["inputs"] = json!({"schema": schema});
    let lax = world.flow("lax", &document).await;
    document["triggers"]["manual"]["operationOptions"] = json!("EnableSchemaValidation");
    let strict = world.flow("strict", &document).await;
    for (body, status) in [(json!({"n": 1}), 200), (json!({"n": "x"}), 400), (json!([]), 400)] {
        let answer = world.fire(&strict, &body).await;
        assert_eq!(answer.status, status, "{answer:?}");
        if status == 400 {
            assert_eq!(answer.code(), "TriggerInputSchemaMismatch");
        }
        assert_eq!(world.fire(&lax, &body).await.status, 200);
    }
    let empty = Answer::of(world.api.request(Method::POST, &strict)).await;
    assert_eq!(empty.status, 400);
    assert_eq!(world.api.list("/api/v1/flows/strict/runs").await.len(), 1);
}

#[tokio::test]
async fn a_flow_without_a_response_accepts() {
    let world = World::start().await;
    let document = definition(json!({"A": compose("", json!(1))}));
    let address = world.flow("order", &document).await;
    let answer = world.fire(&address, &json!({})).await;
    assert_eq!((answer.status, answer.text.as_str()), (202, ""));
    assert_eq!(world.api.ended(answer.run()).await["status"], "Succeeded");
}

#[tokio::test]
async fn a_run_that_never_answers_gives_502() {
    let world = World::start().await;
    let mut document = definition(json!({"A": compose("", json!("@div(1, triggerBody()['n'])"))}));
    document["actions"]["Answer"] = response("A", "@outputs('A')");
    let address = world.flow("order", &document).await;
    let answer = world.fire(&address, &json!({"n": 0})).await;
    assert_eq!((answer.status, answer.code().as_str()), (502, "NoResponse"));
    assert_eq!(world.api.ended(answer.run()).await["status"], "Failed");
    assert_eq!(world.fire(&address, &json!({"n": 1})).await.text, "1");
}

#[tokio::test]
async fn a_run_that_answers_too_late_gives_504_and_goes_on() {
    let world =
        World::start_with(|setup, _| setup.env("SLUICEGATE_RESPONSE_TIMEOUT_SECONDS", "1")).await;
    let document = definition(json!({
        "Rest": wait("", 2), "Answer": response("Rest", "late"),
        "Then": {"type": "Compose", "inputs": 1, "runAfter": {"Rest": ["Succeeded"]}}}));
    let address = world.flow("order", &document).await;
    let answer = world.fire(&address, &json!({})).await;
    assert_eq!((answer.status, answer.code().as_str()), (504, "GatewayTimeout"));
    let run = world.api.ended(answer.run()).await;
    let then = world.api.get(&format!("/api/v1/runs/{}/actions/Then", answer.run())).await;
    assert_eq!(then["status"], "Succeeded", "{run}");
}

#[tokio::test]
async fn a_request_waits_for_a_response_in_any_branch() {
    let world = World::start().await;
    let document = definition(json!({
        "Rest": wait("", 1),
        "If": {"type": "If", "runAfter": run_after("Rest"),
            "expression": {"and": [{"equals": ["@triggerBody()", 1]}]},
            "actions": {"Yes": response("", "yes")},
            "else": {"actions": {"No": response("", "no")}}},
    }));
    let address = world.flow("order", &document).await;
    let (one, two) = (json!(1), json!(2));
    let (yes, no) = tokio::join!(world.fire(&address, &one), world.fire(&address, &two));
    assert_eq!((yes.text.as_str(), no.text.as_str()), ("yes", "no"));
}

#[tokio::test]
async fn a_trigger_may_keep_credentials_and_leave_out_our_headers() {
    let world = World::start().await;
    let respond = json!({"Answer": {
        "type": "Response", "kind": "Http", "runAfter": {},
        "inputs": {"statusCode": 200, "body": "@triggerOutputs()?['headers']"},
    }});
    for (name, options, keeps, tells) in [
        ("plain", "", false, true),
        ("open", "IncludeAuthorizationHeadersInOutputs", true, true),
        ("quiet", "SuppressWorkflowHeadersOnResponse", false, false),
    ] {
        let trigger = json!({"type": "Request", "kind": "Http", "operationOptions": options});
        let address = world.flow(name, &with_trigger(trigger, respond.clone())).await;
        let request = world.api.request(Method::POST, &address).bearer_auth("of-the-caller");
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.json().get("Authorization").is_some(), keeps, "{name}");
        assert_eq!(!answer.header("x-ms-workflow-run-id").is_empty(), tells, "{name}");
    }
}
