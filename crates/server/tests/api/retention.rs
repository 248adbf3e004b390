//! How long histories are kept: of the environment, or of one flow.

use crate::stored::{ask, ends};
use crate::world::{World, echo};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn a_flow_has_its_own_retention_or_that_of_its_environment() {
    let world = World::start().await;
    world.flow("order", &echo()).await;
    let (of_flow, of_all) =
        ("/api/v1/flows/order/retention", "/api/v1/environments/default/retention");
    let told = world.api.get(of_flow).await;
    let server = json!({"environment": "default", "flow": "order", "seconds": 2_592_000,
        "days": 30, "source": "server"});
    assert_eq!(told, server);
    world.call(Method::PUT, of_all, json!({"days": 90}), 200).await;
    let told = world.api.get(of_flow).await;
    assert_eq!((&told["days"], &told["source"]), (&json!(90), &json!("environment")));
    let told = world.call(Method::PUT, of_flow, json!({"seconds": 100}), 200).await;
    assert_eq!((&told["seconds"], &told["source"]), (&json!(100), &json!("flow")));
    assert_eq!(told.get("days"), None);
    let list = ends(0, ask(&world, &["retention", "list"]));
    for part in ["order", "100 seconds", "90 days", "30 days"] {
        assert!(list.contains(part), "{part}: {list}");
    }
    for body in [json!({}), json!({"days": 0}), json!({"days": 1, "seconds": 1})] {
        let answer = world.call(Method::PUT, of_flow, body, 400).await;
        assert_eq!(answer["error"]["code"], "InvalidRetention");
    }
    world.refused(Method::GET, "/api/v1/flows/none/retention", 404, "FlowNotFound").await;
    ends(0, ask(&world, &["retention", "set", "--flow", "order", "--days", "7"]));
    assert_eq!(world.api.get(of_flow).await["days"], 7);
    ends(0, ask(&world, &["retention", "clear", "--flow", "order"]));
    assert_eq!(world.api.get(of_flow).await["days"], 90);
    ends(0, ask(&world, &["retention", "clear"]));
    assert_eq!(world.api.get(of_flow).await["source"], "server");
    world.call(Method::PUT, of_flow, json!({"days": 1}), 200).await;
    world.call(Method::DELETE, "/api/v1/flows/order?purge=true", json!(null), 204).await;
    assert_eq!(world.api.get("/api/v1/retention").await["value"], json!([]));
}
