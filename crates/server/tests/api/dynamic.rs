//! What a connector offers, and what only its service knows of the parameters.

use crate::backend::{Asked, Backend, Told};
use crate::people::{CO_OWNER, HEAD, OWNER, People, STRANGER};
use crate::world::World;
use reqwest::Method;
use serde_json::{Value, json};

const AT: &str = "apis/shared_shelf/connections/mine";

/// Lists, whose items have fields.
fn shelf(host: &str) -> Value {
    let list = json!({"operationId": "Lists", "value-collection": "value", "value-path": "id",
        "value-title": "name", "parameters": {"site": {"parameter": "site"}}});
    let fields = json!({"operationId": "Fields", "itemValuePath": "schema", "parameters": {
        "site": {"parameterReference": "site"}, "list": {"parameterReference": "list", "required": true}}});
    let folder = |given: &str, name: &str| {
        json!({"operationId": "Lists", "itemsPath": "value", "itemValuePath": "id", "itemTitlePath": "name",
            "itemIsParent": "open", "parameters": {"site": {given: name}}})
    };
    json!({
        "swagger": "2.0", "info": {"title": "Shelf"}, "host": host, "basePath": "/api", "schemes": ["http"],
        "securityDefinitions": {"api_key": {"type": "apiKey", "in": "header", "name": "X-Key"}},
        "paths": {
            "/items": {"post": {"operationId": "Add", "summary": "Add an item", "description": "D",
                "x-ms-visibility": "important", "deprecated": true, "parameters": [
                {"name": "site", "in": "query", "type": "string", "required": true, "default": "main", "enum": ["main", "other"], "x-ms-summary": "Site"},
                {"name": "list", "in": "query", "type": "string", "required": true, "x-ms-dynamic-values": list},
                {"name": "folder", "in": "query", "type": "string", "x-ms-visibility": "advanced",
                    "x-ms-dynamic-tree": {"open": folder("parameterReference", "site"), "browse": folder("selectedItemValuePath", "id")}},
                {"name": "body", "in": "body", "schema": {"type": "object", "properties": {
                    "item": {"type": "object", "x-ms-dynamic-properties": fields}, "n": {"type": "integer", "format": "int32"}}}}]}},
            "/new": {"get": {"operationId": "OnNew", "x-ms-trigger": "batch", "x-ms-trigger-hint": "Add one", "parameters": []}},
            "/lists": {"get": {"operationId": "Lists", "parameters": [{"name": "site", "in": "query", "type": "string", "required": true}]}},
            "/fields": {"get": {"operationId": "Fields", "parameters": [
                {"name": "site", "in": "query", "type": "string"}, {"name": "list", "in": "query", "type": "string"}]}}
        }
    })
}

struct House {
    people: People,
    backend: Backend,
}

impl House {
    async fn open(rule: impl Fn(&Asked, usize) -> Told + Send + Sync + 'static) -> House {
        let backend = Backend::start(rule).await;
        let world = World::start_with(|setup, dir| setup.allow_loopback(dir)).await;
        let people = People::meet_in(world).await;
        let properties =
            json!({"properties": {"connectionParameters": {"api_key": {"type": "securestring"}}}});
        let body = json!({"name": "shared_shelf", "properties": properties.to_string(),
            "definition": shelf(&backend.addr.to_string()).to_string()});
        let path = format!("/api/v1/environments/{}/connectors", people.environment);
        people.ask(OWNER, (Method::POST, &path), Some(&body), 201).await;
        let connection = json!({"properties": {"connectionParameters": {"api_key": "k"}}});
        people.api(OWNER, Method::PUT, AT, Some(&connection), 201).await;
        House { people, backend }
    }

    async fn resolve(&self, who: usize, parameter: &str, more: Value, status: u16) -> Value {
        let mut body = json!({"operation": "Add", "parameter": parameter});
        body.as_object_mut().expect("one").extend(more.as_object().expect("one").clone());
        let path = format!(
            "/api/v1/environments/{}/connectors/shared_shelf/connections/mine/dynamic",
            self.people.environment
        );
        self.people.ask(who, (Method::POST, &path), Some(&body), status).await
    }
}

fn shelves(asked: &Asked, _: usize) -> Told {
    let body = match asked.path.as_str() {
        "/api/lists?site=main" => {
            json!({"value": [{"id": "b", "name": "Books", "open": true}, {"id": 7, "name": null}]})
        }
        "/api/lists?site=b" => json!({"value": [{"id": "b/x", "name": "X"}]}),
        "/api/fields?site=main&list=b" => {
            json!({"schema": {"type": "object", "properties": {"title": {"type": "string"}}}})
        }
        _ => return (404, Vec::new(), json!({"error": "none"})),
    };
    (200, Vec::new(), body)
}

#[tokio::test]
async fn a_connector_tells_what_it_offers() {
    let house = House::open(shelves).await;
    let people = &house.people;
    let path =
        format!("/api/v1/environments/{}/connectors/shared_shelf/operations", people.environment);
    let listed = people.ask(CO_OWNER, (Method::GET, &path), None, 200).await;
    let all = listed["value"].as_array().expect("a list");
    assert_eq!(all.len(), 4);
    let mut add = all[0].clone();
    let parameters = add["parameters"].take();
    assert_eq!(
        add,
        json!({"id": "Add", "method": "POST", "path": "/items", "summary": "Add an item", "description": "D",
            "visibility": "important", "isDeprecated": true, "isWebhook": false, "isPageable": false, "parameters": null})
    );
    let keys: Vec<&str> =
        parameters.as_array().expect("a list").iter().filter_map(|it| it["key"].as_str()).collect();
    assert_eq!(keys, ["site", "list", "folder", "body", "body/item", "body/n"]);
    assert_eq!(
        parameters[0],
        json!({"key": "site", "location": "query", "type": "string", "summary": "Site", "visibility": "normal",
            "isRequired": true, "default": "main", "enum": ["main", "other"]})
    );
    assert_eq!(parameters[1]["dynamic"], json!(["values"]));
    assert_eq!(parameters[2]["dynamic"], json!(["tree"]));
    assert_eq!(parameters[4]["dynamic"], json!(["properties"]));
    assert_eq!(
        (&parameters[5]["location"], &parameters[5]["format"]),
        (&json!("body"), &json!("int32"))
    );
    assert_eq!((&all[1]["trigger"], &all[1]["triggerHint"]), (&json!("batch"), &json!("Add one")));
    people.ask(STRANGER, (Method::GET, &path), None, 403).await;
    // those that come with the server tell it as well
    let path = path.replace("shared_shelf", "shared_rss");
    let listed = people.ask(OWNER, (Method::GET, &path), None, 200).await;
    assert!(listed["value"].as_array().is_some_and(|it| !it.is_empty()));
}

#[tokio::test]
async fn a_service_tells_what_a_parameter_may_be() {
    let house = House::open(shelves).await;
    let site = json!({"parameters": {"site": "main"}});
    let told = house.resolve(OWNER, "list", site.clone(), 200).await;
    let values = json!([{"value": "b", "title": "Books"}, {"value": 7, "title": "7"}]);
    assert_eq!(told, json!({"kind": "values", "values": values}));
    assert_eq!(house.backend.asked()[0].header("x-key"), "k");
    let given = json!({"parameters": {"site": "main", "list": "b"}, "kind": "properties"});
    let told = house.resolve(OWNER, "body/item", given, 200).await;
    assert_eq!(told["schema"]["properties"]["title"], json!({"type": "string"}));
    let told = house.resolve(OWNER, "folder", site.clone(), 200).await;
    let (first, second) = (&told["values"][0], &told["values"][1]);
    assert_eq!((&first["isParent"], &second["isParent"]), (&json!(true), &json!(false)));
    let inside = json!({"item": first["item"], "parameters": {"site": "main"}});
    let told = house.resolve(OWNER, "folder", inside, 200).await;
    assert_eq!(told["values"][0]["value"], "b/x");
}

#[tokio::test]
async fn what_cannot_be_told_says_why() {
    let house = House::open(shelves).await;
    let site = |site: &str| json!({"parameters": {"site": site}});
    for (parameter, more, status, code) in [
        ("none", json!({}), 404, "ParameterNotFound"),
        ("site", json!({}), 400, "ParameterNotDynamic"),
        ("list", json!({"kind": "schema"}), 400, "ParameterNotDynamic"),
        ("list", json!({}), 400, "DynamicParameterMissing"),
        ("body/item", site("main"), 400, "DynamicParameterMissing"),
        ("list", site("nowhere"), 409, "DynamicLookupFailed"),
        ("list", json!({"operation": "None"}), 404, "OperationNotFound"),
    ] {
        let refused = house.resolve(OWNER, parameter, more.clone(), status).await;
        assert_eq!(refused["error"]["code"], code, "{parameter} {more}: {refused}");
    }
    let before = house.backend.asked().len();
    // who may not use the connection learns nothing over it
    for who in [CO_OWNER, STRANGER] {
        house.resolve(who, "list", site("main"), 403).await;
    }
    let rule = json!({"scope": {"kind": "AllEnvironments"}, "defaultGroup": "Business",
        "connectors": [{"connector": "shared_shelf", "group": "Business", "blockedOperations": ["Lists"]}]});
    let path = "/api/v1/data-policies/lists";
    let put = house.people.send(HEAD, Method::PUT, path, Some(&rule)).await;
    assert!(put.status < 300, "{}", put.text);
    let refused = house.resolve(OWNER, "list", site("main"), 403).await;
    assert_eq!(refused["error"]["code"], "DataPolicyViolation");
    assert_eq!(house.backend.asked().len(), before);
}
