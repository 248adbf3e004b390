//! Trigger addresses: who may call them.

use crate::world::{Answer, World, echo, path, with_trigger};
use reqwest::Method;
use serde_json::json;

const DENIED: &str = "DirectApiAuthorizationRequired";

#[tokio::test]
async fn the_callback_url_is_whole_and_works_without_a_token() {
    let world = World::start().await;
    world.flow("order", &echo()).await;
    let url = world.api.post("/api/v1/flows/order/callback-url", 200).await;
    assert_eq!(url["method"], "POST");
    let base = url["basePath"].as_str().expect("a path");
    assert!(base.starts_with(&world.api.url("/workflows/")), "{base}");
    assert_eq!(url["queries"]["sp"], "/triggers/manual/run");
    assert_eq!(url["queries"]["sv"], "1.0");
    let value = url["value"].as_str().expect("an address");
    assert!(value.contains(url["queries"]["sig"].as_str().expect("a signature")), "{value}");
    assert_eq!(world.fire(&path(&url), &json!({})).await.status, 200);
    let named = "/api/v1/flows/order/callback-url?trigger=manual";
    assert_eq!(world.api.post(named, 200).await["value"], url["value"]);
    let other = "/api/v1/flows/order/callback-url?trigger=other";
    world.refused(Method::POST, other, 404, "TriggerNotFound").await;
}

#[tokio::test]
async fn the_public_url_begins_addresses() {
    let world =
        World::start_with(|setup, _| setup.arg("--public-url").arg("https://flows.example.org/"))
            .await;
    world.create("order", &echo()).await;
    let url = world.api.post("/api/v1/flows/order/callback-url", 200).await;
    let value = url["value"].as_str().expect("an address");
    assert!(value.starts_with("https://flows.example.org/workflows/"), "{value}");
    assert_eq!(world.api.get("/api/v1/info").await["publicUrl"], "https://flows.example.org");
}

#[tokio::test]
async fn forwarding_headers_count_from_trusted_proxies_only() {
    for (trusted, expected) in
        [("127.0.0.1", "https://flows.example.org/workflows/"), ("192.0.2.1", "http://127.0.0.1:")]
    {
        let world =
            World::start_with(|setup, _| setup.env("SLUICEGATE_TRUSTED_PROXIES", trusted)).await;
        world.create("order", &echo()).await;
        let path = "/api/v1/flows/order/callback-url";
        let request = world.api.request(reqwest::Method::POST, path);
        let request = request.bearer_auth(crate::support::TOKEN);
        let request = request.header("x-forwarded-proto", "https");
        let request = request.header("x-forwarded-host", "flows.example.org");
        let answer = crate::world::Answer::of(request).await.json();
        let value = answer["value"].as_str().expect("an address");
        assert!(value.starts_with(expected), "{trusted}: {value}");
    }
}

#[tokio::test]
async fn only_the_right_signature_opens_a_trigger() {
    let world = World::start().await;
    let address = world.flow("order", &echo()).await;
    let other = world.flow("other", &echo()).await;
    let (base, query) = address.split_once('?').expect("a query");
    let (_, other_query) = other.split_once('?').expect("a query");
    let sig = query.split_once("sig=").expect("a signature").1;
    let forged: String = sig.chars().rev().collect();
    let changed = |from: &str, to: &str| format!("{base}?{}", query.replace(from, to));
    let unknown = base.replace("/workflows/", "/workflows/f");
    for path in [
        base.to_owned(),
        format!("{base}?{other_query}"),
        changed(sig, &forged),
        changed(sig, ""),
        changed(sig, "%ff%00"),
        changed("sv=1.0", "sv=2.0"),
        changed("manual", "other"),
        format!("{}?{query}", base.replace("/manual/", "/other/")),
        address.replace("manual", "other"),
        format!("{unknown}?{query}"),
        format!("/workflows/x/triggers/y/paths/invoke?{query}"),
    ] {
        let answer = world.fire(&path, &json!({})).await;
        assert_eq!((answer.status, answer.code().as_str()), (401, DENIED), "{path}");
        assert!(answer.headers.get("x-ms-workflow-id").is_none(), "{path}");
    }
    assert!(world.api.list("/api/v1/flows/order/runs").await.is_empty());
    assert_eq!(world.fire(&address, &json!({})).await.status, 200);
    let encoded = address.replace("sig=", "%73ig=");
    assert_eq!(world.fire(&encoded, &json!({})).await.status, 200);
}

#[tokio::test]
async fn a_new_key_ends_the_old_signature_and_no_other() {
    let world = World::start().await;
    let old = world.flow("order", &echo()).await;
    let rotate = |key: &str| format!("/api/v1/flows/order/keys/{key}/rotate");
    let second = path(&world.api.post(&rotate("secondary"), 200).await);
    assert_ne!(second, old);
    for address in [&old, &second] {
        assert_eq!(world.fire(address, &json!({})).await.status, 200);
    }
    let new = path(&world.api.post(&rotate("primary"), 200).await);
    assert_eq!(world.api.trigger_path("order").await, new);
    for (address, status) in [(&old, 401), (&second, 200), (&new, 200)] {
        assert_eq!(world.fire(address, &json!({})).await.status, status);
    }
    let newest = path(&world.api.post(&rotate("secondary"), 200).await);
    for (address, status) in [(&second, 401), (&newest, 200), (&new, 200)] {
        assert_eq!(world.fire(address, &json!({})).await.status, status);
    }
    world.refused(Method::POST, &rotate("third"), 404, "KeyNotFound").await;
}

#[tokio::test]
async fn the_keys_of_a_flow_with_two_triggers_rotate() {
    let world = World::start().await;
    let mut document = echo();
    let request = document["triggers"]["manual"].clone();
    document["triggers"] = json!({
        "nightly": {"type": "Recurrence", "recurrence": {"frequency": "Day", "interval": 1}},
        "called": request,
    });
    world.create("order", &document).await;
    let url = world.api.post("/api/v1/flows/order/callback-url?trigger=called", 200).await;
    let old = path(&url);
    assert_eq!(world.fire(&old, &json!({})).await.status, 200);
    let new = world.api.post("/api/v1/flows/order/keys/primary/rotate?trigger=called", 200).await;
    assert_eq!(world.fire(&old, &json!({})).await.status, 401);
    assert_eq!(world.fire(&path(&new), &json!({})).await.status, 200);
}

#[tokio::test]
async fn a_trigger_is_called_by_its_method_only() {
    let world = World::start().await;
    let trigger = json!({"type": "Request", "kind": "Http", "inputs": {"method": "PUT"}});
    let document = with_trigger(trigger, echo()["actions"].clone());
    world.create("order", &document).await;
    let url = world.api.post("/api/v1/flows/order/callback-url", 200).await;
    assert_eq!(url["method"], "PUT");
    let address = path(&url);
    for method in [Method::POST, Method::GET, Method::DELETE, Method::PATCH] {
        let answer = Answer::of(world.api.request(method, &address)).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "TriggerRequestMethodNotValid"));
    }
    let answer = Answer::of(world.api.request(Method::PUT, &address)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(world.api.list("/api/v1/flows/order/runs").await.len(), 1);
}

#[tokio::test]
async fn a_name_of_a_trigger_may_have_spaces() {
    let world = World::start().await;
    let mut document = echo();
    let request = document["triggers"]["manual"].clone();
    document["triggers"] = json!({"When a call & more comes": request});
    let address = world.flow("order", &document).await;
    assert!(address.is_ascii() && !address.contains(' '), "{address}");
    assert_eq!(world.fire(&address, &json!({})).await.status, 200);
}
