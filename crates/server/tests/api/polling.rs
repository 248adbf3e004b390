//! Triggers over services that know nothing of polling: the policy of the connector says how
//! the next question follows from the last answer.

use crate::backend::{Asked, Backend, Told};
use crate::connector_call::power;
use crate::webhook::runs_of;
use crate::world::{World, compose, definition, with_trigger};
use reqwest::Method;
use serde_json::{Value, json};

const API: &str = "/providers/Microsoft.PowerApps/apis/shared_shop";
const KEY: &str = "key-93ad";

struct Shop {
    world: World,
    backend: Backend,
}

impl Shop {
    async fn open(rule: impl Fn(&Asked, usize) -> Told + Send + Sync + 'static) -> Shop {
        let backend = Backend::start(rule).await;
        let world = World::start_with(|setup, dir| setup.allow_loopback(dir)).await;
        let parameter =
            |name: &str, place: &str| json!({"name": name, "in": place, "type": "string"});
        let mut area = parameter("area", "path");
        area["required"] = json!(true);
        let swagger = json!({
            "swagger": "2.0", "info": {"title": "Shop"}, "host": backend.addr.to_string(),
            "basePath": "/api", "schemes": ["http"],
            "securityDefinitions": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}},
            "paths": {"/{area}/orders": {"get": {"operationId": "OnOrder",
                "x-ms-trigger": "batch", "responses": {"200": {}}, "parameters":
                    [area, parameter("kind", "query"), parameter("after", "query")]}}}
        });
        let named = |template: &str, parameters: Value| {
            let mut all = json!({"x-ms-apimTemplate-operationName": ["OnOrder"]});
            for (name, value) in parameters.as_object().expect("parameters") {
                all[format!("x-ms-apimTemplateParameter.{name}")] = value.clone();
            }
            json!({"templateId": template, "title": template, "parameters": all})
        };
        let policies = json!([
            named("setheader", json!({"name": "X-Own", "value": "ours"})),
            named(
                "pollingtrigger",
                json!({
                "triggerConfig": {"after": "@{triggerBody().value[0].t}"},
                "triggerDataPath": "@triggerBody().value"})
            ),
        ]);
        let properties = json!({"properties": {"policyTemplateInstances": policies,
            "connectionParameters": {"api_key": {"type": "securestring"}}}});
        let body = json!({"name": "shared_shop", "definition": swagger.to_string(),
            "properties": properties.to_string()});
        let path = "/api/v1/environments/default/connectors";
        world.call(Method::POST, path, body, 201).await;
        let place = world.api.get("/api/v1/environments/default").await;
        let place = place["id"].as_str().expect("an id");
        let path = format!("{API}/connections/shop1?$filter=environment%20eq%20%27{place}%27");
        let body = json!({"properties": {"displayName": "Shop",
            "connectionParameters": {"api_key": KEY}}});
        world.call(Method::PUT, &path, body, 201).await;
        Shop { world, backend }
    }

    async fn flow(&self, name: &str, definition: Value) {
        let document = json!({"definition": power(definition), "connectionReferences": {
            "shared_shop": {"connectionName": "shop1", "id": API, "source": "Embedded"}}});
        self.world.create(name, &document).await;
    }

    /// The questions so far.
    fn lines(&self) -> Vec<String> {
        self.backend.asked().iter().map(Asked::line).collect()
    }
}

fn asks() -> Value {
    let trigger = json!({"type": "OpenApiConnection",
        "inputs": {"host": {"connectionName": "shared_shop", "operationId": "OnOrder",
            "apiId": API}, "parameters": {"area": "a/b", "kind": "x y"}, "retryPolicy": {"type": "none"}},
        "recurrence": {"frequency": "Second", "interval": 1},
        "splitOn": "@triggerOutputs()?['body/value']"});
    with_trigger(trigger, json!({"Told": compose("", json!("@triggerBody()?['n']"))}))
}

fn orders(orders: &[(i64, &str)]) -> Told {
    let orders: Vec<Value> = orders.iter().map(|(n, t)| json!({"n": n, "t": t})).collect();
    // what the service says of where to go on is not followed
    let headers = vec![("location", "/api/elsewhere".to_owned())];
    (200, headers, json!({"value": orders}))
}

async fn told(shop: &Shop, count: usize) -> Vec<i64> {
    let mut found = Vec::new();
    for run in runs_of(&shop.world, "orders", count).await {
        let id = run["id"].as_str().expect("an id");
        shop.world.api.ended(id).await;
        let told = shop.world.api.get(&format!("/api/v1/runs/{id}/actions/Told")).await;
        found.push(told["outputs"].as_i64().expect("a number"));
    }
    found.sort_unstable();
    found
}

const FIRST: &str = "GET /api/a%2Fb/orders?kind=x%20y";

#[tokio::test]
async fn what_was_there_at_first_starts_nothing_and_what_is_newer_does() {
    let shop = Shop::open(|asked, before| match (asked.path.rsplit_once("after="), before) {
        (None, _) => orders(&[(1, "1 & 1")]),
        (Some((_, "1%20%26%201")), 1) => orders(&[]),
        (Some((_, "1%20%26%201")), 2) => (500, Vec::new(), Value::Null),
        (Some((_, "1%20%26%201")), _) => orders(&[(3, "3"), (2, "2")]),
        (Some((_, "3")), _) => orders(&[]),
        _ => (404, Vec::new(), Value::Null),
    })
    .await;
    shop.flow("orders", asks()).await;
    assert_eq!(told(&shop, 2).await, [2, 3]);
    let next = shop.backend.wait_for(|asked| asked.path.ends_with("&after=3")).await;
    assert_eq!((next.header("x-key"), next.header("x-own")), (KEY, "ours"));
    let lines = shop.lines();
    assert_eq!(lines[0], FIRST);
    let same = format!("{FIRST}&after=1%20%26%201");
    assert_eq!(lines[1..4], [same.as_str(), same.as_str(), same.as_str()]);
    assert_eq!(lines[4], format!("{FIRST}&after=3"));
    assert_eq!(told(&shop, 2).await.len(), 2);
}

#[tokio::test]
async fn what_comes_after_an_empty_beginning_is_new() {
    let shop = Shop::open(|asked, before| match (asked.path.contains("after="), before) {
        (false, 0) => orders(&[]),
        (false, _) => orders(&[(7, "7")]),
        (true, _) => orders(&[]),
    })
    .await;
    shop.flow("orders", asks()).await;
    assert_eq!(told(&shop, 1).await, [7]);
    shop.backend.wait_for(|asked| asked.path.ends_with("&after=7")).await;
    assert_eq!(shop.lines()[..2], [FIRST, FIRST]);
}

#[tokio::test]
async fn only_a_trigger_asks() {
    let shop = Shop::open(|_, _| orders(&[(1, "1")])).await;
    let call = json!({"Call": {"type": "OpenApiConnection", "runAfter": {}, "inputs": {
        "host": {"connectionName": "shared_shop", "operationId": "OnOrder", "apiId": API},
        "parameters": {"area": "a"}, "retryPolicy": {"type": "none"}}}});
    shop.flow("orders", definition(call)).await;
    let run = shop.world.call(Method::POST, "/api/v1/flows/orders/run", json!({}), 202).await;
    let id = run["run"].as_str().expect("a run");
    assert_eq!(shop.world.api.ended(id).await["status"], "Failed");
    let action = shop.world.api.get(&format!("/api/v1/runs/{id}/actions/Call")).await;
    assert!(action["error"].to_string().contains("only a trigger can ask"), "{action}");
    assert_eq!(shop.lines(), Vec::<String>::new());
}
