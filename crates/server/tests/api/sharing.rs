//! What is shared, and what everybody brings: connections of apps, and of whoever runs a flow.

use crate::connector_call::{House, SECRET, open_api, power};
use crate::people::{CO_OWNER, HEAD, OWNER, STRANGER, USER};
use crate::world::{definition, run_after, wait};
use reqwest::Method;
use serde_json::{Value, json};

/// A connector whose connections cannot be given to others.
const PRIVATE: &str = r#"{"properties": {"connectionParameterSets": {"values": [
  {"name": "own", "metadata": {"allowSharing": false}, "parameters": {
    "api_key": {"type": "securestring", "uiDefinition": {"constraints": {"required": "true"}}}}}
]}}}"#;

const APPS: &str = "/api/v1/environments/sales/apps";
const BOOKS: &str = "/apim/library/lib1/shelves/a/books";

async fn open() -> House {
    let house = House::open(|_, _| (200, Vec::new(), json!([]))).await;
    let swagger = json!({
        "swagger": "2.0", "info": {"title": "Private Diary"},
        "host": house.backend.addr.to_string(), "basePath": "/api", "schemes": ["http"],
        "securityDefinitions": {"api_key": {"type": "apiKey", "in": "header", "name": "X-Key"}},
        "paths": {"/pages": {"get": {"operationId": "ListPages", "parameters": [], "responses": {"200": {}}}}}
    });
    let body =
        json!({"name": "shared_diary", "properties": PRIVATE, "definition": swagger.to_string()});
    let path = "/api/v1/environments/sales/connectors";
    house.people.ask(OWNER, (Method::POST, path), Some(&body), 201).await;
    diary(&house, OWNER, "diary1", "key-of-owner").await;
    house
}

async fn diary(house: &House, who: usize, name: &str, key: &str) {
    let set = json!({"name": "own", "values": {"api_key": {"value": key}}});
    let body = json!({"properties": {"connectionParametersSet": set}});
    let at = format!("apis/shared_diary/connections/{name}");
    house.people.api(who, Method::PUT, &at, Some(&body), 201).await;
}

async fn library(house: &House, who: usize, name: &str, key: &str) {
    let body = json!({"properties": {"connectionParameters": {"api_key": key}}});
    let at = format!("apis/shared_library/connections/{name}");
    house.people.api(who, Method::PUT, &at, Some(&body), 201).await;
}

/// An app over both connections of the owner's.
async fn app(house: &House) -> String {
    let body = json!({"displayName": "Reader", "connectionReferences": {
        "books": {"connector": "shared_library", "connection": "lib1"},
        "pages": {"connector": "shared_diary", "connection": "diary1"}
    }});
    let made = house.people.ask(OWNER, (Method::POST, APPS), Some(&body), 201).await;
    made["name"].as_str().expect("a name").to_owned()
}

/// The names on all pages of a list of apps, which are no longer than two.
async fn paged(house: &House, who: usize, path: &str) -> Vec<String> {
    let (mut names, mut next) = (Vec::new(), Some(path.to_owned()));
    while let Some(path) = next {
        let page = house.people.ask(who, (Method::GET, &path), None, 200).await;
        let rows = page["value"].as_array().expect("a list");
        assert!(rows.len() <= 2, "{page}");
        names.extend(rows.iter().map(|it| it["name"].as_str().expect("a name").to_owned()));
        let link = page["nextLink"].as_str();
        next = link.map(|link| crate::support::api::path_of(link).to_owned());
        assert!(names.len() < 50, "the pages lead in a circle");
    }
    names
}

async fn share(house: &House, by: usize, app: &str, with: usize) {
    let principal = json!({"id": house.people.all[with].id, "type": "User"});
    let put = json!({"put": [{"properties": {"roleName": "CanView", "principal": principal}}]});
    let path = format!(
        "/providers/Microsoft.PowerApps/apps/{app}/modifyPermissions?api-version=2022-11-01"
    );
    house.people.ask(by, (Method::POST, &path), Some(&put), 200).await;
}

/// Status of each reference, with the connection that is used.
async fn used(house: &House, who: usize, app: &str) -> Vec<Value> {
    let path = format!("{APPS}/{app}/connections");
    let found = house.people.ask(who, (Method::GET, &path), None, 200).await;
    let found = found["value"].as_array().expect("a list").iter();
    found.map(|it| json!([it["key"], it["status"], it["connection"]])).collect()
}

/// What the service was last asked with.
fn last_key(house: &House) -> String {
    house.backend.asked().last().map(|it| it.header("x-key").to_owned()).unwrap_or_default()
}

async fn restart(mut house: House) -> House {
    assert!(house.people.world.server.stop().await.success());
    house.people.world.server = house.people.world.setup.start().await;
    house.people.world.api = house.people.world.server.api();
    house
}

#[tokio::test]
async fn a_shareable_connection_comes_with_the_app_and_others_bring_their_own() {
    let house = open().await;
    let app = app(&house).await;
    let path = format!("{APPS}/{app}");
    house.people.ask(USER, (Method::GET, &path), None, 403).await;
    let refused = house.people.ask(USER, (Method::GET, BOOKS), None, 403).await;
    assert_eq!(refused["error"]["code"], "ConnectionAuthorizationFailed");
    share(&house, OWNER, &app, USER).await;
    house.people.ask(USER, (Method::GET, BOOKS), None, 200).await;
    assert_eq!(last_key(&house), SECRET);
    // the other one cannot be shared: the app's user is asked for their own
    let pages = "/apim/diary/diary1/pages";
    let asked = house.people.ask(USER, (Method::GET, pages), None, 403).await;
    assert_eq!(asked["error"]["code"], "OwnConnectionRequired", "{asked}");
    let message = asked["error"]["message"].as_str().expect("a message");
    assert!(message.contains("'Private Diary' (shared_diary)"), "{message}");
    assert_eq!(
        used(&house, USER, &app).await,
        [json!(["books", "Shared", "lib1"]), json!(["pages", "Required", null])]
    );
    assert_eq!(used(&house, OWNER, &app).await[1], json!(["pages", "Own", "diary1"]));
    diary(&house, USER, "diary2", "key-of-user").await;
    assert_eq!(used(&house, USER, &app).await[1], json!(["pages", "Own", "diary2"]));
    let house = restart(house).await;
    house.people.ask(USER, (Method::GET, "/apim/diary/diary2/pages"), None, 200).await;
    assert_eq!(last_key(&house), "key-of-user");
    house.people.ask(USER, (Method::GET, BOOKS), None, 200).await;
    // for use, and for nothing else
    let at = "apis/shared_library/connections/lib1";
    house.people.api(USER, Method::GET, at, None, 403).await;
    let call = power(definition(json!({"Call": open_api("ListBooks", &json!({"shelf": "x"}))})));
    let kept = house.flow(USER, &call, 403).await;
    assert_eq!(kept["error"]["code"], "ConnectionAuthorizationFailed");
    house.people.ask(STRANGER, (Method::GET, BOOKS), None, 403).await;
    // and it ends with the sharing
    let path = format!("{APPS}/{app}/permissions");
    let body = json!({"delete": [house.people.all[USER].id]});
    house.people.ask(OWNER, (Method::POST, &path), Some(&body), 200).await;
    house.people.ask(USER, (Method::GET, BOOKS), None, 403).await;
}

#[tokio::test]
async fn lists_of_apps_come_in_pages() {
    let house = open().await;
    let make = async |who: usize, path: &str, name: &str| {
        let body = json!({"displayName": name});
        let made = house.people.ask(who, (Method::POST, path), Some(&body), 201).await;
        made["name"].as_str().expect("a name").to_owned()
    };
    let elsewhere = "/api/v1/environments/default/apps";
    let mut of_sales = Vec::new();
    for at in 0..3 {
        of_sales.push(make(OWNER, APPS, &format!("S{at}")).await);
        // those of another environment stand between them
        make(OWNER, elsewhere, &format!("D{at}")).await;
        make(OWNER, elsewhere, &format!("E{at}")).await;
    }
    for app in &of_sales {
        share(&house, OWNER, app, USER).await;
    }
    let tenant = house.people.environment_tenant().await;
    let put = json!({"put": [{"principal": tenant, "kind": "Tenant", "role": "CanView"}]});
    for app in &of_sales[1..] {
        let path = format!("{APPS}/{app}/permissions");
        house.people.ask(OWNER, (Method::POST, &path), Some(&put), 200).await;
    }
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names
    };
    let expected = sorted(of_sales.clone());
    let api = "api-version=2017-08-01&$top=2";
    let mine = format!("/providers/Microsoft.PowerApps/apps?{api}");
    // each once, however it was shared; some by a person, some with everybody
    assert_eq!(sorted(paged(&house, USER, &mine).await), expected);
    assert_eq!(paged(&house, OWNER, &mine).await.len(), 9);
    assert_eq!(sorted(paged(&house, STRANGER, &mine).await), sorted(of_sales[1..].to_vec()));
    let within = format!("{APPS}?top=2");
    for who in [USER, OWNER, HEAD] {
        assert_eq!(sorted(paged(&house, who, &within).await), expected, "{who}");
    }
    let all = format!(
        "/providers/Microsoft.PowerApps/scopes/admin/environments/{}/apps?{api}",
        house.people.environment
    );
    assert_eq!(sorted(paged(&house, HEAD, &all).await), expected);
    let wrong = format!("{APPS}?skipToken=x");
    house.people.ask(USER, (Method::GET, &wrong), None, 400).await;
    let wrong = format!("{APPS}?top=0");
    house.people.ask(USER, (Method::GET, &wrong), None, 400).await;
}

#[tokio::test]
async fn an_app_shares_what_who_made_it_may_share() {
    let house = open().await;
    let share_at = "apis/shared_library/connections/lib1/modifyPermissions";
    let give = |role: &str| {
        let principal = json!({"id": house.people.all[CO_OWNER].id, "type": "User"});
        json!({"put": [{"properties": {"roleName": role, "principal": principal}}]})
    };
    let body = json!({"displayName": "Second hand", "connectionReferences": {
        "books": {"connector": "shared_library", "connection": "lib1"}}});
    // who may not use a connection makes no app over it
    house.people.ask(CO_OWNER, (Method::POST, APPS), Some(&body), 403).await;
    house.people.api(OWNER, Method::POST, share_at, Some(&give("CanView")), 200).await;
    let made = house.people.ask(CO_OWNER, (Method::POST, APPS), Some(&body), 201).await;
    let app = made["name"].as_str().expect("a name");
    share(&house, CO_OWNER, app, USER).await;
    let asked = house.people.ask(USER, (Method::GET, BOOKS), None, 403).await;
    assert_eq!(asked["error"]["code"], "OwnConnectionRequired", "{asked}");
    // who may share it says so by naming it anew
    house.people.api(OWNER, Method::POST, share_at, Some(&give("CanViewWithShare")), 200).await;
    let path = format!("{APPS}/{app}");
    for references in [json!({}), body["connectionReferences"].clone()] {
        let patch = json!({ "connectionReferences": references });
        house.people.ask(CO_OWNER, (Method::PATCH, &path), Some(&patch), 200).await;
    }
    house.people.ask(USER, (Method::GET, BOOKS), None, 200).await;
    // and it ends when they may not any more
    house.people.api(OWNER, Method::POST, share_at, Some(&give("CanView")), 200).await;
    house.people.ask(USER, (Method::GET, BOOKS), None, 403).await;
    // an app with everybody, by its display name
    let own = self::app(&house).await;
    let tenant = house.people.environment_tenant().await;
    let put = json!({"put": [{"principal": tenant, "kind": "Tenant", "role": "CanView"}]});
    let path = format!("{APPS}/Reader/permissions");
    let holders = house.people.ask(OWNER, (Method::POST, &path), Some(&put), 200).await;
    assert_eq!(holders["value"][1]["kind"], "Tenant", "{holders}");
    house.people.ask(STRANGER, (Method::GET, BOOKS), None, 200).await;
    let apps = "/providers/Microsoft.PowerApps/apps?api-version=2017-08-01";
    let listed = house.people.ask(STRANGER, (Method::GET, apps), None, 200).await;
    assert_eq!(listed["value"][0]["name"], own.as_str());
    let references = &listed["value"][0]["properties"]["connectionReferences"];
    let shared = references["books"]["sharedConnectionId"].as_str().expect("it is shared");
    assert!(shared.ends_with("/apis/shared_library/connections/lib1"), "{shared}");
    assert_eq!(references["pages"].get("sharedConnectionId"), None);
    // an environment with an app stays
    let path = "/api/v1/environments/sales";
    house.people.ask(HEAD, (Method::DELETE, path), None, 409).await;
}

/// A flow of the owner's over a connection of whoever runs it, which the user may run.
async fn invoked(house: &House, actions: Value) -> String {
    let body = json!({"properties": {
        "displayName": "Invoked", "definition": power(definition(actions)), "state": "Started",
        "connectionReferences": {"shared_library": {
            "connectionName": "lib1", "source": "Invoker",
            "id": "/providers/Microsoft.PowerApps/apis/shared_library"}}
    }});
    let flows = house.people.flows();
    let made = house.people.ask(OWNER, (Method::POST, &flows), Some(&body), 201).await;
    let name = made["name"].as_str().expect("a name").to_owned();
    let put = json!({"put": [{"properties": {
        "principal": {"id": house.people.all[USER].id, "type": "User"}}}]});
    let path = format!("{flows}/{name}/modifyUsers");
    house.people.ask(OWNER, (Method::POST, &path), Some(&put), 200).await;
    name
}

async fn run(house: &House, who: usize, flow: &str, body: Value, status: u16) -> Value {
    let path = format!("/api/v1/flows/{flow}/run?environment=sales");
    house.people.ask(who, (Method::POST, &path), Some(&body), status).await
}

/// Runs it to its end.
async fn ended(house: &House, who: usize, flow: &str, body: Value) -> Value {
    let started = run(house, who, flow, body, 202).await;
    house.people.world.api.ended(started["run"].as_str().expect("a run")).await
}

fn list_books(after: &str) -> Value {
    let mut action = open_api("ListBooks", &json!({"shelf": "x"}));
    action["runAfter"] = run_after(after);
    action
}

#[tokio::test]
async fn whoever_runs_a_flow_brings_their_connection() {
    let house = open().await;
    let flow = invoked(&house, json!({"Call": list_books("")})).await;
    let needed = format!("/api/v1/flows/{flow}/connections?environment=sales");
    let asked = house.people.ask(USER, (Method::GET, &needed), None, 200).await;
    assert_eq!(asked["value"][0]["status"], "Required", "{asked}");
    // they are asked before the run begins, and nothing begins
    let refused = run(&house, USER, &flow, json!({}), 400).await;
    assert_eq!(refused["error"]["code"], "InvokerConnectionOverrideFailed", "{refused}");
    let detail = &refused["error"]["details"][0];
    assert_eq!(detail["path"], "$.connectionReferences['shared_library']");
    assert_eq!(detail["expected"], "shared_library");
    let by_wire = format!("{}/{flow}/triggers/manual/run", house.people.flows());
    house.people.ask(USER, (Method::POST, &by_wire), Some(&json!({})), 400).await;
    let runs = format!("/api/v1/flows/{flow}/runs?environment=sales");
    assert!(house.people.world.api.list(&runs).await.is_empty());
    library(&house, USER, "mine", "key-of-user").await;
    let first = ended(&house, USER, &flow, json!({})).await;
    assert_eq!(
        (first["status"].as_str(), last_key(&house).as_str()),
        (Some("Succeeded"), "key-of-user")
    );
    assert_eq!(first["invoker"]["id"], house.people.all[USER].id.as_str(), "{first}");
    assert_eq!(first["invoker"]["displayName"], "user@example.org");
    assert_eq!(first["invoker"]["connections"], json!({"shared_library": "mine"}));
    // the oldest, unless another is chosen
    library(&house, USER, "other", "key-of-other").await;
    ended(&house, USER, &flow, json!({})).await;
    assert_eq!(last_key(&house), "key-of-user");
    let chosen = json!({"connections": {"shared_library": "other"}});
    let second = ended(&house, USER, &flow, chosen).await;
    assert_eq!(
        (last_key(&house).as_str(), &second["invoker"]["connections"]["shared_library"]),
        ("key-of-other", &json!("other"))
    );
    // nobody chooses what is not theirs, nor for what is not asked
    let not_theirs = json!({"connections": {"shared_library": "lib1"}});
    run(&house, USER, &flow, not_theirs, 403).await;
    run(&house, USER, &flow, json!({"connections": {"shared_x": "other"}}), 400).await;
    // who made the flow has theirs, and so has a run that nobody invoked in person
    ended(&house, OWNER, &flow, json!({})).await;
    assert_eq!(last_key(&house), SECRET);
    let url = format!("{}/{flow}/triggers/manual/listCallbackUrl", house.people.flows());
    let url = house.people.ask(OWNER, (Method::POST, &url), None, 200).await;
    let url = url["response"]["value"].as_str().expect("an address");
    let run = house.people.world.run(crate::support::api::path_of(url), &json!({})).await;
    assert_eq!((last_key(&house).as_str(), run.get("invoker")), (SECRET, None), "{run}");
    // a run that is done again is still the first one's
    let again = format!("/api/v1/runs/{}/resubmit", second["id"].as_str().expect("an id"));
    let again = house.people.ask(OWNER, (Method::POST, &again), None, 202).await;
    let again = house.people.world.api.ended(again["run"].as_str().expect("a run")).await;
    assert_eq!(
        (last_key(&house).as_str(), &again["invoker"]),
        ("key-of-other", &second["invoker"])
    );
}

#[tokio::test]
async fn a_run_keeps_who_invoked_it_over_a_restart_and_when_it_is_resumed() {
    let house = open().await;
    let fails = json!({"type": "Compose", "inputs": "@int('x')", "runAfter": run_after("Call")});
    let mut last = list_books("Fails");
    last["inputs"]["parameters"]["shelf"] = json!("last");
    let actions =
        json!({"Rest": wait("", 1), "Call": list_books("Rest"), "Fails": fails, "Last": last});
    let flow = invoked(&house, actions.clone()).await;
    library(&house, USER, "mine", "key-of-user").await;
    let started = run(&house, USER, &flow, json!({}), 202).await;
    let house = restart(house).await;
    let api = &house.people.world.api;
    let failed = api.ended(started["run"].as_str().expect("a run")).await;
    assert_eq!(
        (failed["status"].as_str(), last_key(&house).as_str()),
        (Some("Failed"), "key-of-user")
    );
    // what failed is corrected, and the rest is the user's as well
    let mut corrected = actions;
    corrected["Fails"]["inputs"] = json!("fixed");
    let body = json!({"properties": {"definition": power(definition(corrected)),
        "connectionReferences": {"shared_library": {"connectionName": "lib1", "source": "Invoker",
            "id": "/providers/Microsoft.PowerApps/apis/shared_library"}}}});
    let at = format!("{}/{flow}", house.people.flows());
    house.people.ask(OWNER, (Method::PATCH, &at), Some(&body), 200).await;
    let path = format!("/api/v1/runs/{}/resume", failed["id"].as_str().expect("an id"));
    let latest = json!({"version": "latest"});
    let resumed = house.people.ask(OWNER, (Method::POST, &path), Some(&latest), 202).await;
    let resumed = house.people.world.api.ended(resumed["run"].as_str().expect("a run")).await;
    assert_eq!(resumed["status"], "Succeeded", "{resumed}");
    assert_eq!(resumed["invoker"], failed["invoker"]);
    let asked = house.backend.asked();
    let shelves: Vec<(&str, &str)> =
        asked.iter().map(|it| (it.path.as_str(), it.header("x-key"))).collect();
    let shelf = |name| (name, "key-of-user");
    assert_eq!(shelves, [shelf("/api/shelves/x/books"), shelf("/api/shelves/last/books")]);
    // who is not let in any more brings nothing
    let started = run(&house, USER, &flow, json!({}), 202).await;
    let disable = format!("/api/v1/users/{}/disable", house.people.all[USER].id);
    house.people.world.call(Method::POST, &disable, json!({}), 200).await;
    let id = started["run"].as_str().expect("a run");
    assert_eq!(house.people.world.api.ended(id).await["status"], "Failed");
    let call = house.people.world.api.get(&format!("/api/v1/runs/{id}/actions/Call")).await;
    assert_eq!(call["error"]["code"], "InvokerConnectionOverrideFailed", "{call}");
    assert_eq!(house.backend.asked().len(), 2);
}

#[tokio::test]
async fn what_an_app_shares_is_used_in_runs_and_children_are_of_the_same_invoker() {
    let house = open().await;
    let child = json!({"Call": list_books(""), "Answer": {"type": "Response", "kind": "Http",
        "inputs": {"statusCode": 200, "body": "done"}, "runAfter": run_after("Call")}});
    let child = invoked(&house, child).await;
    let parent = json!({"Child": {"type": "Workflow", "runAfter": {},
        "inputs": {"host": {"workflowReferenceName": child.replace('-', "")}, "body": {}}}});
    let parent = invoked(&house, parent).await;
    run(&house, USER, &parent, json!({}), 400).await;
    let app = app(&house).await;
    share(&house, OWNER, &app, USER).await;
    let first = ended(&house, USER, &parent, json!({})).await;
    assert_eq!(
        (first["status"].as_str(), last_key(&house).as_str()),
        (Some("Succeeded"), SECRET),
        "{first}"
    );
    // their own goes before what is shared with them
    library(&house, USER, "mine", "key-of-user").await;
    let second = ended(&house, USER, &parent, json!({})).await;
    assert_eq!(
        (second["status"].as_str(), last_key(&house).as_str()),
        (Some("Succeeded"), "key-of-user"),
        "{second}"
    );
    let runs = format!("/api/v1/flows/{child}/runs?environment=sales");
    let runs = house.people.world.api.list(&runs).await;
    let path = format!("/api/v1/runs/{}", runs[0]["id"].as_str().expect("an id"));
    let shown = house.people.world.api.get(&path).await;
    assert_eq!(shown["invoker"]["id"], house.people.all[USER].id.as_str(), "{shown}");
}

#[tokio::test]
async fn older_connections_work_on_and_no_new_one_is_like_them() {
    let house = open().await;
    let path = "/api/v1/environments/sales/connectors/shared_library";
    let definition = format!("{path}/files/apiDefinition.swagger.json");
    let definition = house.people.send(OWNER, Method::GET, &definition, None).await.text;
    let key =
        json!({"type": "securestring", "uiDefinition": {"constraints": {"required": "true"}}});
    let properties = json!({"properties": {
        "publisher": "Books Inc.",
        "connectionParameters": {"api_key": key},
        "connectionParameterSets": {"values": [
            {"name": "basic", "uiDefinition": {"displayName": "Client Secret"}, "parameters": {"api_key": key}},
            {"name": "oauth", "parameters": {"token": {"type": "oauthSetting"}}}]}
    }});
    let body = json!({"definition": definition, "properties": properties.to_string()});
    house.people.ask(OWNER, (Method::PUT, path), Some(&body), 200).await;
    house.people.ask(OWNER, (Method::GET, BOOKS), None, 200).await;
    assert_eq!(last_key(&house), SECRET);
    let shown = house.people.ask(OWNER, (Method::GET, path), None, 200).await;
    let types = shown["authenticationTypes"].as_array().expect("a list").iter();
    let types: Vec<Value> =
        types.map(|it| json!([it["name"], it["isShareable"], it["isDeprecated"]])).collect();
    assert_eq!(
        types,
        [json!(["basic", true, false]), json!(["oauth", true, false]), json!(["", false, true])]
    );
    assert_eq!(shown["authenticationTypes"][2]["displayName"], "Default [DEPRECATED]");
    assert_eq!(shown["publisher"], "Books Inc.");
    let older = "apis/shared_library/connections/lib1";
    let found = house.people.api(OWNER, Method::GET, older, None, 200).await;
    assert_eq!(found["properties"]["allowSharing"], false);
    let principal = json!({"id": house.people.all[USER].id, "type": "User"});
    let put = json!({"put": [{"properties": {"roleName": "CanView", "principal": principal}}]});
    let share = format!("{older}/modifyPermissions");
    let refused = house.people.api(OWNER, Method::POST, &share, Some(&put), 400).await;
    assert_eq!(refused["error"]["code"], "ConnectionNotShareable");
    let plain = json!({"properties": {"connectionParameters": {"api_key": "new"}}});
    let at = "apis/shared_library/connections/lib2";
    let refused = house.people.api(OWNER, Method::PUT, at, Some(&plain), 400).await;
    assert_eq!(refused["error"]["code"], "InvalidConnectionParameters");
    // the one that is there may be given another key, or go over to a type that has a name
    house.people.api(OWNER, Method::PUT, older, Some(&plain), 200).await;
    house.people.ask(OWNER, (Method::GET, BOOKS), None, 200).await;
    assert_eq!(last_key(&house), "new");
    let set = json!({"name": "basic", "values": {"api_key": {"value": "newest"}}});
    let named = json!({"properties": {"connectionParametersSet": set}});
    house.people.api(OWNER, Method::PUT, older, Some(&named), 200).await;
    house.people.api(OWNER, Method::PUT, older, Some(&plain), 400).await;
    house.people.api(OWNER, Method::POST, &share, Some(&put), 200).await;
}

#[tokio::test]
async fn the_pages_of_the_seeds_are_served() {
    let house = open().await;
    let shown = |name: &'static str| {
        let path = format!("/api/v1/environments/sales/connectors/{name}");
        async { house.people.world.api.get(&{ path }).await }
    };
    let management = shown("shared_flowmanagement").await;
    assert_eq!(management["publisher"], "Microsoft");
    assert_eq!(management["contact"]["name"], "Microsoft");
    assert_eq!(management["website"], "https://make.powerautomate.com/");
    let places = management["availability"].as_array().expect("a list");
    let places: Vec<&Value> = places.iter().map(|it| &it["service"]).collect();
    assert_eq!(places, ["Copilot Studio", "Power Apps", "Power Automate"]);
    for name in ["shared_flowmanagement", "shared_microsoftflowforadmins"] {
        let shown = shown(name).await;
        assert_eq!(shown["class"], "Standard");
        let types = shown["authenticationTypes"].as_array().expect("a list").iter();
        let types: Vec<Value> =
            types.map(|it| json!([it["name"], it["isShareable"], it["isDeprecated"]])).collect();
        assert_eq!(
            types,
            [
                json!(["CertOauth", false, false]),
                json!(["firstParty", false, false]),
                json!(["", false, true])
            ]
        );
    }
    let path = "apis/shared_microsoftflowforadmins";
    let wire = house.people.api(OWNER, Method::GET, path, None, 200).await;
    let services = wire["properties"]["availability"].as_array().map(Vec::len);
    assert_eq!((services, &wire["properties"]["tier"]), (Some(2), &json!("Standard")));
}

/// Definitions that read their connections from what the trigger gets.
#[tokio::test]
async fn connections_that_expressions_read_are_those_of_the_invoker() {
    let house = open().await;
    for name in [
        "@json(decodeBase64(triggerOutputs().headers['X-MS-APIM-Tokens']))['$connections']['shared_library']['connectionId']",
        "@parameters('$connections')['shared_library']['connectionId']",
    ] {
        let call = json!({"type": "ApiConnection", "runAfter": {}, "inputs": {
            "host": {"connection": {"name": name}}, "method": "get", "path": "/shelves/x/books"}});
        let flow = invoked(&house, json!({ "Call": call })).await;
        let user = format!("of-{}", house.backend.asked().len());
        library(&house, USER, &user, &user).await;
        let chosen = json!({"connections": {"shared_library": user}});
        let run = ended(&house, USER, &flow, chosen).await;
        assert_eq!((run["status"].as_str(), last_key(&house)), (Some("Succeeded"), user), "{run}");
    }
}
