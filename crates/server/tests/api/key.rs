//! Keys for scripts: each acts as somebody, with their rights and no others.

use crate::directory::{key, user, with_key};
use crate::world::{World, echo};
use reqwest::Method;
use serde_json::json;

const INFO: (Method, &str) = (Method::GET, "/api/v1/info");

#[tokio::test]
async fn a_key_acts_as_its_principal() {
    let world = World::start().await;
    let ada = user(&world, "ada@example.org", json!([])).await;
    let bob = user(&world, "bob@example.org", json!([{"role": "tenantAdministrator"}])).await;
    let (hers, his) = (key(&world, "hers", &ada).await, key(&world, "his", &bob).await);
    assert_eq!(with_key(&world, &hers, INFO, None).await.0, 200);
    // she makes flows where everybody does, and they are hers
    let body = json!({"name": "order", "document": echo()});
    let create = (Method::POST, "/api/v1/flows");
    assert_eq!(with_key(&world, &hers, create, Some(&body)).await.0, 201);
    let show = (Method::GET, "/api/v1/flows/order");
    assert_eq!(with_key(&world, &hers, show.clone(), None).await.0, 200);
    let audit = world.api.get("/api/v1/audit?operation=CreateFlow").await;
    assert_eq!(audit["value"][0]["actor"], ada.as_str());
    // another without roles does not see it, an administrator does
    let eve = user(&world, "eve@example.org", json!([])).await;
    let eves = key(&world, "eves", &eve).await;
    assert_eq!(with_key(&world, &eves, show.clone(), None).await.0, 403);
    assert_eq!(with_key(&world, &his, show, None).await.0, 200);
    let (status, users) = with_key(&world, &his, (Method::GET, "/api/v1/users"), None).await;
    assert_eq!((status, users["value"].as_array().map(Vec::len)), (200, Some(3)));
}

#[tokio::test]
async fn a_key_is_shown_once_and_listed_without_what_is_secret() {
    let world = World::start().await;
    let ada = user(&world, "ada@example.org", json!([])).await;
    let body = json!({"name": "nightly", "principal": "ada@example.org", "days": 90});
    let made = world.call(Method::POST, "/api/v1/keys", body.clone(), 201).await;
    let secret = made["key"].as_str().expect("a key");
    assert!(secret.starts_with("sgk_") && secret.len() > 40, "{secret}");
    assert_eq!(made["principal"], json!({"id": ada, "kind": "user"}));
    let again = world.call(Method::POST, "/api/v1/keys", body, 409).await;
    assert_eq!(again["error"]["code"], "KeyExists");
    key(&world, "other", &ada).await;
    let first = world.api.get("/api/v1/keys?top=1").await;
    let second = world.api.get(first["nextLink"].as_str().expect("a link")).await;
    assert_eq!(
        (&first["value"][0]["name"], &second["value"][0]["name"]),
        (&json!("nightly"), &json!("other"))
    );
    assert_eq!(second.get("nextLink"), None);
    let shown = world.api.get("/api/v1/keys/nightly").await;
    assert_eq!((shown.get("key"), &shown["createdBy"]), (None, &json!("first")));
    assert!(shown["expiresTime"].is_string() && !shown.to_string().contains(secret));
    let audit = world.api.get("/api/v1/audit?operation=CreateKey").await;
    assert_eq!(audit["value"][0]["target"], second["value"][0]["id"]);
    assert!(!audit.to_string().contains(secret));
    let log = std::fs::read_to_string(world.setup.log()).expect("a log");
    assert!(!log.contains(secret));
}

#[tokio::test]
async fn a_key_ends_with_what_is_behind_it() {
    let world = World::start().await;
    let ada = user(&world, "ada@example.org", json!([])).await;
    let path = format!("/api/v1/users/{ada}");
    let ended = |token: String| {
        let world = &world;
        async move {
            let (status, answer) = with_key(world, &token, INFO, None).await;
            assert_eq!((status, &answer["error"]["code"]), (401, &json!("InvalidToken")));
        }
    };
    let first = key(&world, "first", &ada).await;
    assert_eq!(with_key(&world, &first, INFO, None).await.0, 200);
    world.api.post(&format!("{path}/disable"), 200).await;
    ended(first.clone()).await;
    world.api.post(&format!("{path}/enable"), 200).await;
    assert_eq!(with_key(&world, &first, INFO, None).await.0, 200);
    world.call(Method::POST, &format!("{path}/revoke"), json!(null), 204).await;
    ended(first).await;
    let second = key(&world, "second", &ada).await;
    assert_eq!(with_key(&world, &second, INFO, None).await.0, 200);
    let password = json!({"password": "correct horse battery"});
    world.call(Method::PUT, &format!("{path}/password"), password, 204).await;
    ended(second).await;
    let third = key(&world, "third", &ada).await;
    world.call(Method::DELETE, "/api/v1/keys/third", json!(null), 204).await;
    ended(third).await;
    world.refused(Method::DELETE, "/api/v1/keys/third", 404, "KeyNotFound").await;
    let fourth = key(&world, "fourth", &ada).await;
    world.call(Method::DELETE, &path, json!(null), 204).await;
    ended(fourth).await;
    assert!(world.api.list("/api/v1/keys").await.is_empty());
}

#[tokio::test]
async fn an_application_acts_by_its_key_until_it_is_revoked() {
    let world = World::start().await;
    let body = json!({"displayName": "build", "roles": [{"role": "tenantAdministrator"}]});
    let made = world.call(Method::POST, "/api/v1/applications", body, 201).await;
    let program = key(&world, "build", "build").await;
    let list = (Method::GET, "/api/v1/users");
    assert_eq!(with_key(&world, &program, list.clone(), None).await.0, 200);
    let path = format!("/api/v1/applications/{}/revoke", made["id"].as_str().expect("an id"));
    world.call(Method::POST, &path, json!(null), 204).await;
    assert_eq!(with_key(&world, &program, list, None).await.0, 401);
}

#[tokio::test]
async fn a_key_has_its_end() {
    let world = World::start().await;
    let ada = user(&world, "ada@example.org", json!([])).await;
    let body = json!({"name": "short", "principal": ada, "seconds": 1});
    let made = world.call(Method::POST, "/api/v1/keys", body, 201).await;
    let token = made["key"].as_str().expect("a key");
    let since = std::time::Instant::now();
    loop {
        let (status, answer) = with_key(&world, token, INFO, None).await;
        if status == 401 {
            assert_eq!(answer["error"]["message"], "The key has expired.");
            break;
        }
        assert!(since.elapsed() < std::time::Duration::from_secs(20), "it does not end");
    }
}
