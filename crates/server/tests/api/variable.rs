//! Environment variables: create, list, change, delete, and what runs get of them.

use crate::people::People;
use crate::stored::{ask, db, ends};
use crate::world::{World, compose, definition, wait};
use reqwest::Method;
use serde_json::{Value, json};

const ALL: &str = "/api/v1/environments/default/variables";
const SITE: &str = "/api/v1/environments/default/variables/ours_Site";

/// A definition with a parameter that stands for a variable.
fn with_site(parameter: Value, actions: Value) -> Value {
    let mut document = definition(actions);
    document["parameters"] = json!({"Site (ours_Site)": parameter});
    document
}

fn parameter(default: Option<&str>) -> Value {
    let mut parameter = json!({"type": "String", "metadata": {"schemaName": "ours_Site"}});
    if let Some(default) = default {
        parameter["defaultValue"] = default.into();
    }
    parameter
}

const SITE_NOW: &str = "@parameters('Site (ours_Site)')";

#[tokio::test]
async fn a_variable_is_created_listed_changed_and_deleted() {
    let world = World::start().await;
    let body = json!({"schemaName": "ours_Site", "type": "string", "displayName": "Site",
        "description": "Where.", "defaultValue": "d"});
    let made = world.call(Method::POST, ALL, body.clone(), 201).await;
    assert_eq!((&made["type"], &made["defaultValue"]), (&json!("String"), &json!("d")));
    assert_eq!(made.get("value"), None);
    let again = world.call(Method::POST, ALL, body, 409).await;
    assert_eq!(again["error"]["code"], "VariableExists");
    // names are found whatever their case
    assert_eq!(world.api.get(&SITE.to_lowercase()).await, made);
    let changed = world.call(Method::PATCH, SITE, json!({"value": "v"}), 200).await;
    assert_eq!((&changed["value"], &changed["defaultValue"]), (&json!("v"), &json!("d")));
    let changed = world.call(Method::PATCH, SITE, json!({"value": null}), 200).await;
    assert_eq!(changed.get("value"), None);
    let more = json!({"schemaName": "a_Number", "type": "Number", "value": 1.5});
    world.call(Method::POST, ALL, more, 201).await;
    let first = world.api.get(&format!("{ALL}?top=1")).await;
    assert_eq!(first["value"][0]["schemaName"], "a_Number");
    let second = world.api.get(first["nextLink"].as_str().expect("a link")).await;
    assert_eq!(second["value"][0]["schemaName"], "ours_Site");
    world.call(Method::DELETE, SITE, json!(null), 204).await;
    world.refused(Method::GET, SITE, 404, "VariableNotFound").await;
    world.refused(Method::DELETE, SITE, 404, "VariableNotFound").await;
    let told: Vec<Value> = world.api.list("/api/v1/audit?target=default%2Fours_site").await;
    let told: Vec<&str> = told.iter().filter_map(|it| it["operation"].as_str()).collect();
    let (update, delete) = ("UpdateEnvironmentVariable", "DeleteEnvironmentVariable");
    assert_eq!(told, [delete, update, update, "CreateEnvironmentVariable"]);
}

#[tokio::test]
async fn values_are_of_the_variables_type() {
    let world = World::start().await;
    for body in [
        json!({"schemaName": "a b", "type": "String"}),
        json!({"schemaName": "", "type": "String"}),
        json!({"schemaName": "a", "type": "Secret"}),
        json!({"schemaName": "a", "type": "String", "value": 1}),
        json!({"schemaName": "a", "type": "Number", "value": "1"}),
        json!({"schemaName": "a", "type": "Boolean", "defaultValue": "yes"}),
        json!({"schemaName": "a", "type": "String", "value": "x".repeat(40_000)}),
    ] {
        let answer = world.call(Method::POST, ALL, body, 400).await;
        assert_eq!(answer["error"]["code"], "InvalidVariable");
    }
    let line = ["environment", "variable", "create", "ours_List", "--type", "JSON", "--value"];
    ends(0, ask(&world, &[&line[..], &["[1, 2.50]"]].concat()));
    let shown = ends(0, ask(&world, &["environment", "variable", "show", "ours_List"]));
    assert!(shown.contains("[1,2.5"), "{shown}");
    ends(2, ask(&world, &["environment", "variable", "set", "ours_List", "[1"]));
    ends(0, ask(&world, &["environment", "variable", "set", "ours_List", "true", "--default"]));
    ends(0, ask(&world, &["environment", "variable", "clear", "ours_List"]));
    let list = ends(0, ask(&world, &["environment", "variable", "list"]));
    assert!(list.contains("ours_List") && list.contains("true"), "{list}");
    ends(0, ask(&world, &["environment", "variable", "delete", "ours_List"]));
    assert_eq!(world.api.get(ALL).await["value"], json!([]));
}

async fn site_of(world: &World, address: &str) -> Value {
    let run = world.run(address, &json!({})).await;
    let id = run["id"].as_str().expect("an id");
    world.api.get(&format!("/api/v1/runs/{id}/actions/Site")).await["outputs"].clone()
}

#[tokio::test]
async fn a_run_has_the_value_that_counts_when_it_begins() {
    let world = World::start().await;
    let actions = json!({"Site": compose("", json!(SITE_NOW))});
    let address = world.flow("order", &with_site(parameter(Some("own")), actions.clone())).await;
    assert_eq!(site_of(&world, &address).await, "own");
    let body = json!({"schemaName": "ours_Site", "type": "String", "defaultValue": "default"});
    world.call(Method::POST, ALL, body, 201).await;
    assert_eq!(site_of(&world, &address).await, "default");
    world.call(Method::PATCH, SITE, json!({"value": "current"}), 200).await;
    assert_eq!(site_of(&world, &address).await, "current");
    // conditions of the trigger see it as well
    let mut document = with_site(parameter(None), actions);
    document["triggers"]["manual"]["conditions"] =
        json!([{"expression": "@equals(parameters('Site (ours_Site)'), 'current')"}]);
    let body = json!({"document": document});
    world.call(Method::PUT, "/api/v1/flows/order", body, 200).await;
    assert_eq!(site_of(&world, &address).await, "current");
    world.call(Method::PATCH, SITE, json!({"value": "other"}), 200).await;
    assert_eq!(world.fire(&address, &json!({})).await.header("x-ms-workflow-run-id"), "");
    // no value anywhere
    world.call(Method::DELETE, SITE, json!(null), 204).await;
    let refused = world.fire(&address, &json!({})).await;
    assert_eq!((refused.status, refused.code().as_str()), (400, "EnvironmentVariableMissing"));
    // a moved flow has the variables of where it is
    world.call(Method::POST, "/api/v1/environments", json!({"name": "test"}), 201).await;
    let there = "/api/v1/environments/test/variables";
    let body = json!({"schemaName": "OURS_site", "type": "String", "value": "current"});
    world.call(Method::POST, there, body, 201).await;
    let to = json!({"environment": "test"});
    world.call(Method::POST, "/api/v1/flows/order/move", to, 200).await;
    assert_eq!(site_of(&world, &address).await, "current");
}

#[tokio::test]
async fn a_run_keeps_its_value_over_a_crash() {
    let mut world = World::start().await;
    let body = json!({"schemaName": "ours_Site", "type": "String", "value": "before"});
    world.call(Method::POST, ALL, body, 201).await;
    let actions = json!({"Rest": wait("", 2), "Site": compose("Rest", json!(SITE_NOW))});
    let address = world.flow("order", &with_site(parameter(None), actions)).await;
    let run = world.fire(&address, &json!({})).await.run().to_owned();
    world.call(Method::PATCH, SITE, json!({"value": "after"}), 200).await;
    world.server.kill();
    world.server = world.setup.start().await;
    world.api = world.server.api();
    assert_eq!(world.api.ended(&run).await["status"], "Succeeded");
    let action = world.api.get(&format!("/api/v1/runs/{run}/actions/Site")).await;
    assert_eq!(action["outputs"], "before");
    // a repetition is a run that begins now
    let again = world.api.post(&format!("/api/v1/runs/{run}/resubmit"), 202).await;
    let again = again["run"].as_str().expect("a run").to_owned();
    world.api.ended(&again).await;
    let action = world.api.get(&format!("/api/v1/runs/{again}/actions/Site")).await;
    assert_eq!(action["outputs"], "after");
    assert!(world.server.stop().await.success());
    ends(0, db(&["verify"], &world.setup.data));
}

#[tokio::test]
async fn variables_go_with_their_environment() {
    let world = World::start().await;
    let (test, all) = ("/api/v1/environments/test", "/api/v1/environments/test/variables");
    for _ in 0..2 {
        world.call(Method::POST, "/api/v1/environments", json!({"name": "test"}), 201).await;
        assert_eq!(world.api.get(all).await["value"], json!([]));
        let body = json!({"schemaName": "ours_Site", "type": "String", "value": "v"});
        world.call(Method::POST, all, body, 201).await;
        world.call(Method::DELETE, test, json!(null), 204).await;
        world.refused(Method::GET, all, 404, "EnvironmentNotFound").await;
    }
}

#[tokio::test]
async fn makers_make_variables_and_change_their_own() {
    let people = People::meet().await;
    let all = "/api/v1/environments/sales/variables";
    for (who, reads, makes) in [
        (0, 200, 201),
        (1, 200, 201),
        (2, 200, 201),
        (3, 200, 201),
        (4, 403, 403),
        (5, 200, 201),
        (6, 200, 201),
        (7, 403, 403),
    ] {
        let answer = people.send(who, Method::GET, all, None).await;
        assert_eq!(answer.status, reads, "{who}: {}", answer.text);
        let body = json!({"schemaName": format!("v{who}"), "type": "String"});
        let answer = people.send(who, Method::POST, all, Some(&body)).await;
        assert_eq!(answer.status, makes, "{who}: {}", answer.text);
    }
    for (who, whose, status) in
        [(0, 0, 200), (0, 1, 403), (1, 0, 403), (3, 0, 200), (5, 0, 200), (6, 0, 200), (4, 0, 403)]
    {
        let path = format!("{all}/v{whose}");
        let body = json!({"value": "x"});
        let answer = people.send(who, Method::PATCH, &path, Some(&body)).await;
        assert_eq!(answer.status, status, "{who} of {whose}: {}", answer.text);
    }
    let path = format!("{all}/v1");
    assert_eq!(people.send(0, Method::DELETE, &path, None).await.status, 403);
    assert_eq!(people.send(1, Method::DELETE, &path, None).await.status, 204);
}

#[tokio::test]
async fn a_solution_brings_its_variables() {
    let world = World::start().await;
    let definition = |kind: u32, name: &str, default: &str| {
        format!(
            "<environmentvariabledefinition schemaname=\"{name}\">{default}\
             <displayname default=\"Shown\"/><type>{kind}</type></environmentvariabledefinition>"
        )
    };
    let site = definition(100_000_004, "ours_Site", "<defaultvalue>https://d</defaultvalue>");
    let count = definition(100_000_001, "ours_Count", "");
    let secret = definition(100_000_005, "ours_Secret", "");
    let value = json!({"environmentvariablevalues": {"environmentvariablevalue": {
        "@environmentvariablevalueid": "x", "value": "7"}}});
    let value = value.to_string();
    let actions = json!({"Site": compose("", json!([SITE_NOW, "@parameters('n (ours_Count)')"]))});
    let mut document = with_site(parameter(None), actions);
    document["parameters"]["n (ours_Count)"] =
        json!({"type": "Int", "metadata": {"schemaName": "ours_Count"}});
    let document = json!({"properties": {"definition": document}}).to_string();
    let folder = "environmentvariabledefinitions";
    let files = [
        ("solution.xml".to_owned(), "<ImportExportXml><SolutionManifest/></ImportExportXml>"),
        ("Workflows/Flow-B0D73CB7-1DE1-EB11-BACB-001DD8028BF8.json".to_owned(), &document),
        (format!("{folder}/ours_Site/environmentvariabledefinition.xml"), &site),
        (format!("{folder}/ours_Count/environmentvariabledefinition.xml"), &count),
        (format!("{folder}/ours_Count/environmentvariablevalues.json"), &value),
        (format!("{folder}/ours_Secret/environmentvariabledefinition.xml"), &secret),
    ];
    let files = files.iter().map(|(path, text)| (path.as_str(), text.as_bytes()));
    let zip = flow::package::pack(files).expect("a zip");
    let package = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(&zip)
    };
    let body = json!({"package": package, "flows": {"Flow": {"name": "order"}}});
    let done = world.call(Method::POST, "/api/v1/packages/import", body.clone(), 200).await;
    let remarks = done["remarks"].to_string();
    assert!(remarks.contains("100000005") && !remarks.contains("already"), "{remarks}");
    let made = world.api.get(SITE).await;
    assert_eq!((&made["type"], &made["displayName"]), (&json!("DataSource"), &json!("Shown")));
    assert_eq!((&made["defaultValue"], made.get("value")), (&json!("https://d"), None));
    assert_eq!(world.api.get(&format!("{ALL}/ours_Count")).await["value"], 7);
    world.api.post("/api/v1/flows/order/enable", 200).await;
    let address = world.api.trigger_path("order").await;
    assert_eq!(site_of(&world, &address).await, json!(["https://d", 7]));
    // what is there stays as it is
    world.call(Method::PATCH, SITE, json!({"value": "ours"}), 200).await;
    let mut again = body;
    again["flows"] = json!({"Flow": {"update": "order"}});
    let done = world.call(Method::POST, "/api/v1/packages/import", again, 200).await;
    assert!(done["remarks"].to_string().contains("already"), "{done}");
    assert_eq!(world.api.get(SITE).await["value"], "ours");
}
