//! Environments: create, list, change, delete.

use crate::directory::{key, user, with_key};
use crate::people::connector_body;
use crate::world::{World, echo};
use reqwest::Method;
use serde_json::json;

const ALL: &str = "/api/v1/environments";
const TEST: &str = "/api/v1/environments/test";

#[tokio::test]
async fn an_environment_is_created_changed_and_deleted() {
    let world = World::start().await;
    let listed = world.api.get(ALL).await;
    assert_eq!(listed["value"][0]["name"], "default");
    let body = json!({"name": "test", "displayName": "Trying", "description": "To try things."});
    let made = world.call(Method::POST, ALL, body.clone(), 201).await;
    assert_eq!((&made["displayName"], &made["isDefault"]), (&json!("Trying"), &json!(false)));
    let again = world.call(Method::POST, ALL, body, 409).await;
    assert_eq!(again["error"]["code"], "EnvironmentExists");
    assert_eq!(world.api.get(TEST).await, made);
    // by the name that it has on the wire of the original, too
    let wire = format!("{ALL}/{}", made["id"].as_str().expect("an id"));
    assert_eq!(world.api.get(&wire).await, made);
    let changed = world.call(Method::PATCH, TEST, json!({"displayName": "Tests"}), 200).await;
    assert_eq!(
        (&changed["displayName"], &changed["description"]),
        (&json!("Tests"), &json!("To try things."))
    );
    let changed = world.call(Method::PATCH, TEST, json!({"description": ""}), 200).await;
    assert_eq!(changed.get("description"), None);
    let path = "/api/v1/environments/default";
    let changed = world.call(Method::PATCH, path, json!({"displayName": "Ours"}), 200).await;
    assert_eq!((&changed["displayName"], &changed["isDefault"]), (&json!("Ours"), &json!(true)));
    assert_eq!(world.api.get(ALL).await["value"].as_array().map(Vec::len), Some(2));
    for body in [json!({"displayName": " "}), json!({"displayName": "x".repeat(300)})] {
        let answer = world.call(Method::PATCH, TEST, body, 400).await;
        assert_eq!(answer["error"]["code"], "InvalidEnvironment");
    }
    for name in ["", "a/b", &"x".repeat(200)] {
        let answer = world.call(Method::POST, ALL, json!({"name": name}), 400).await;
        assert_eq!(answer["error"]["code"], "InvalidName");
    }
    world.refused(Method::DELETE, path, 409, "EnvironmentIsDefault").await;
    world.call(Method::DELETE, TEST, json!(null), 204).await;
    for method in [Method::GET, Method::DELETE] {
        world.refused(method, TEST, 404, "EnvironmentNotFound").await;
    }
}

#[tokio::test]
async fn an_environment_with_flows_stays() {
    let world = World::start().await;
    world.call(Method::POST, ALL, json!({"name": "test"}), 201).await;
    let body = json!({"name": "order", "document": echo()});
    world.call(Method::POST, "/api/v1/flows?environment=test", body, 201).await;
    world.refused(Method::DELETE, TEST, 409, "EnvironmentNotEmpty").await;
    // one that can be restored counts
    let flow = "/api/v1/flows/order?environment=test";
    world.call(Method::DELETE, flow, json!(null), 204).await;
    world.refused(Method::DELETE, TEST, 409, "EnvironmentNotEmpty").await;
    let listed = world.api.list("/api/v1/flows?environment=test&deleted=true").await;
    let name = listed[0]["name"].as_str().expect("a name");
    let purge = format!("/api/v1/flows/{name}?environment=test&purge=true");
    world.call(Method::DELETE, &purge, json!(null), 204).await;
    world.call(Method::DELETE, TEST, json!(null), 204).await;
}

#[tokio::test]
async fn an_environment_with_connectors_stays() {
    let world = World::start().await;
    world.call(Method::POST, ALL, json!({"name": "test"}), 201).await;
    let path = format!("{TEST}/connectors");
    world.call(Method::POST, &path, connector_body("shared_own"), 201).await;
    world.refused(Method::DELETE, TEST, 409, "EnvironmentNotEmpty").await;
    world.call(Method::DELETE, &format!("{path}/shared_own"), json!(null), 204).await;
    world.call(Method::DELETE, TEST, json!(null), 204).await;
}

#[tokio::test]
async fn roles_of_an_environment_end_with_it() {
    let world = World::start().await;
    world.call(Method::POST, ALL, json!({"name": "test"}), 201).await;
    let roles = json!([{"role": "environmentAdministrator", "environment": "test"},
        {"role": "governanceAdministrator"}]);
    user(&world, "ada@example.org", roles).await;
    let hers = key(&world, "hers", "ada@example.org").await;
    let show = (Method::GET, TEST);
    assert_eq!(with_key(&world, &hers, show.clone(), None).await.0, 200);
    let (status, listed) = with_key(&world, &hers, (Method::GET, ALL), None).await;
    assert_eq!((status, listed["value"].as_array().map(Vec::len)), (200, Some(1)));
    world.call(Method::DELETE, TEST, json!(null), 204).await;
    world.call(Method::POST, ALL, json!({"name": "test"}), 201).await;
    assert_eq!(with_key(&world, &hers, show, None).await.0, 403);
    let left = world.api.get("/api/v1/users/ada@example.org").await;
    assert_eq!(left["roles"], json!([{"role": "governanceAdministrator"}]));
}
