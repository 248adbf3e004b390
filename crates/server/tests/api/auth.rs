//! Tokens: everything but triggers and health wants one.

use crate::support::TOKEN;
use crate::world::{Answer, World, echo};
use reqwest::Method;

fn routes() -> Vec<(Method, String)> {
    let mut routes = vec![
        (Method::GET, "/info".to_owned()),
        (Method::POST, "/validate".to_owned()),
        (Method::GET, "/flows".to_owned()),
        (Method::POST, "/flows".to_owned()),
        (Method::GET, "/flows/order".to_owned()),
        (Method::PUT, "/flows/order".to_owned()),
        (Method::DELETE, "/flows/order".to_owned()),
        (Method::GET, "/flows/order/versions".to_owned()),
        (Method::GET, "/flows/order/versions/1".to_owned()),
        (Method::GET, "/flows/order/runs".to_owned()),
        (Method::POST, "/flows/order/restore".to_owned()),
        (Method::GET, "/users".to_owned()),
        (Method::GET, "/groups".to_owned()),
        (Method::GET, "/applications".to_owned()),
        (Method::GET, "/principals/first".to_owned()),
        (Method::GET, "/keys".to_owned()),
        (Method::GET, "/environments".to_owned()),
        (Method::GET, "/audit".to_owned()),
        (Method::GET, "/audit/export".to_owned()),
        (Method::POST, "/audit/verify".to_owned()),
        (Method::POST, "/flows/order/keys/primary/rotate".to_owned()),
    ];
    for verb in ["enable", "disable", "callback-url", "run"] {
        routes.push((Method::POST, format!("/flows/order/{verb}")));
    }
    let run = "/runs/08584000000000000000000000000CU00";
    let below =
        ["", "/actions", "/actions/A", "/actions/A/repetitions", "/actions/A/repetitions/000000"];
    routes.extend(below.map(|rest| (Method::GET, format!("{run}{rest}"))));
    routes.push((Method::GET, format!("{run}/events")));
    routes.extend(["cancel", "resubmit"].map(|verb| (Method::POST, format!("{run}/{verb}"))));
    routes
}

#[tokio::test]
async fn every_route_wants_a_known_token() {
    let world = World::start().await;
    world.flow("order", &echo()).await;
    for (method, route) in routes() {
        let path = format!("/api/v1{route}");
        let request = || world.api.request(method.clone(), &path);
        for (header, code) in [
            (None, "TokenMissing"),
            (Some("Bearer wrong"), "InvalidToken"),
            (Some("Bearer "), "InvalidToken"),
            (Some("Basic dGVzdDp0ZXN0"), "TokenMissing"),
            (Some(TOKEN), "TokenMissing"),
        ] {
            let request = match header {
                Some(header) => request().header("authorization", header),
                None => request(),
            };
            let answer = Answer::of(request).await;
            assert_eq!(answer.status, 401, "{method} {path} {header:?}: {answer:?}");
            if header != Some("Bearer ") {
                assert_eq!(answer.code(), code, "{method} {path} {header:?}");
            }
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        }
        let answer = Answer::of(request().bearer_auth(format!("{TOKEN}x"))).await;
        assert_eq!(answer.status, 401, "{method} {path}");
    }
    let shown = world.api.get("/api/v1/flows/order").await;
    assert_eq!(shown["state"], "Started");
}

#[tokio::test]
async fn the_scheme_may_be_written_in_any_case() {
    let world = World::start().await;
    for header in [format!("bearer {TOKEN}"), format!("BEARER {TOKEN}")] {
        let request = world.api.request(Method::GET, "/api/v1/info");
        let answer = Answer::of(request.header("authorization", header)).await;
        assert_eq!(answer.status, 200);
    }
}

#[tokio::test]
async fn no_credential_reaches_the_history_or_the_log() {
    let world = World::start().await;
    let address = world.flow("order", &echo()).await;
    let request = world.api.request(Method::POST, &address);
    let answer = Answer::of(request.header("authorization", "Bearer tulip-secret")).await;
    assert_eq!(answer.status, 200);
    assert!(!answer.text.contains("tulip-secret"), "{}", answer.text);
    let run = world.api.get(&format!("/api/v1/runs/{}", answer.run())).await;
    assert!(!run.to_string().contains("tulip-secret"));
    let log = std::fs::read_to_string(world.setup.log()).expect("a log");
    let signature = address.split_once("sig=").expect("a signature").1;
    assert!(!log.contains(TOKEN) && !log.contains(signature), "{log}");
}
