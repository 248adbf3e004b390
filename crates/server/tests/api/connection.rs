//! Connections: made, shared, and never told what is secret of them.

use crate::people::{ADMINISTRATOR, APPLICATION, CO_OWNER, HEAD, OWNER, People, STRANGER, USER};
use crate::support::api::path_of;
use reqwest::Method;
use serde_json::{Value, json};

const SETS: &str = r#"{"properties": {"connectionParameterSets": {"values": [
  {"name": "key", "parameters": {
    "host": {"type": "string", "uiDefinition": {"constraints": {"required": "true", "allowedValues": [{"value": "eu"}, {"value": "us"}]}}},
    "secret": {"type": "securestring", "uiDefinition": {"constraints": {"required": "true"}}},
    "port": {"type": "int", "defaultValue": 443}}},
  {"name": "own", "metadata": {"allowSharing": false}, "parameters": {"token": {"type": "oauthSetting"}}}
]}}}"#;

const SECRET: &str = "planted-5b1f";

async fn connector(people: &People) {
    let definition =
        r#"{"swagger": "2.0", "info": {"title": "Store"}, "host": "s.example.org", "paths": {}}"#;
    let body = json!({"name": "shared_store", "definition": definition, "properties": SETS});
    let path = format!("/api/v1/environments/{}/connectors", people.environment);
    people.ask(OWNER, (Method::POST, &path), Some(&body), 201).await;
}

fn with_key(display_name: &str) -> Value {
    json!({"properties": {
        "displayName": display_name,
        "connectionParametersSet": {"name": "key", "values": {
            "host": {"value": "eu"}, "secret": {"value": SECRET}
        }}
    }})
}

const AT: &str = "apis/shared_store/connections/0f0e";

#[tokio::test]
async fn a_connection_tells_everything_but_its_secret() {
    let people = People::meet().await;
    connector(&people).await;
    let made = people.api(OWNER, Method::PUT, AT, Some(&with_key("Mine")), 201).await;
    assert_eq!(made["name"], "0f0e");
    assert_eq!(made["id"], format!("/providers/Microsoft.PowerApps/{AT}"));
    let properties = &made["properties"];
    assert_eq!(properties["statuses"], json!([{"status": "Connected"}]));
    assert_eq!(properties["createdBy"]["userPrincipalName"], "owner@example.org");
    assert_eq!(
        properties["connectionParametersSet"],
        json!({"name": "key", "values": {"host": {"value": "eu"}, "port": {"value": 443}}})
    );
    assert_eq!(properties["allowSharing"], true);
    // the same again changes it
    let changed = people.api(OWNER, Method::PUT, AT, Some(&with_key("Other")), 200).await;
    assert_eq!(changed["properties"]["displayName"], "Other");
    // without a name one is made
    let path = "apis/shared_store/connections";
    let second = people.api(OWNER, Method::POST, path, Some(&with_key("Two")), 201).await;
    assert_eq!(second["name"].as_str().map(str::len), Some(32));
    let listed = people.api(OWNER, Method::GET, "connections", None, 200).await;
    assert_eq!(listed["value"].as_array().map(Vec::len), Some(2));
    for text in [made.to_string(), changed.to_string(), listed.to_string()] {
        assert!(!text.contains(SECRET), "{text}");
    }
    let audit = people.ask(HEAD, (Method::GET, "/api/v1/audit?top=100"), None, 200).await;
    let text = audit.to_string();
    assert!(text.contains("CreateConnection") && text.contains("UpdateConnection"));
    assert!(!text.contains(SECRET), "the audit knows the secret");
    people.api(OWNER, Method::DELETE, AT, None, 200).await;
    people.api(OWNER, Method::GET, AT, None, 403).await;
}

#[tokio::test]
async fn a_connection_that_cannot_be_is_refused_with_the_place() {
    let people = People::meet().await;
    connector(&people).await;
    let set = |name: &str, values: Value| json!({"properties": {"connectionParametersSet": {"name": name, "values": values}}});
    for (body, message) in [
        (set("none", json!({})), "no parameter set 'none', expected one of 'key', 'own'"),
        (json!({"properties": {}}), "The parameter set is missing"),
        (set("key", json!({"host": "eu"})), "connectionParametersSet.values.secret: The parameter"),
        (set("key", json!({"host": "xx", "secret": "s"})), "values.host: The value of 'host'"),
        (set("key", json!({"host": 1, "secret": "s"})), "expected a string"),
        (set("key", json!({"host": "eu", "secret": "s", "x": 1})), "have no parameter 'x'"),
        (set("key", json!({"host": "eu", "secret": "s", "port": "y"})), "expected a number"),
        (
            json!({"properties": {"connectionParametersSet": {"name": "key", "values": {}},
            "connectionParameters": {"a": 1}}}),
            "expected one of them",
        ),
    ] {
        let refused = people.api(OWNER, Method::PUT, AT, Some(&body), 400).await;
        let given = refused["error"]["message"].as_str().unwrap_or_default();
        assert!(given.contains(message), "{given}");
    }
    let at = "apis/shared_none/connections/0f0e";
    let refused = people.api(OWNER, Method::PUT, at, Some(&with_key("x")), 404).await;
    assert_eq!(refused["error"]["code"], "ApiResourceNotFound");
    let at = "apis/shared_store/connections/a%2Fb";
    people.api(OWNER, Method::PUT, at, Some(&with_key("x")), 400).await;
    // what a person has to sign in for is not connected yet
    let made = people.api(OWNER, Method::PUT, AT, Some(&set("own", json!({}))), 201).await;
    assert_eq!(made["properties"]["statuses"][0]["error"]["code"], "Unauthenticated");
}

#[tokio::test]
async fn a_connection_is_its_owners_until_it_is_shared() {
    let people = People::meet().await;
    connector(&people).await;
    people.api(OWNER, Method::PUT, AT, Some(&with_key("Mine")), 201).await;
    people.api(CO_OWNER, Method::GET, AT, None, 403).await;
    people.api(CO_OWNER, Method::PUT, AT, Some(&with_key("Theirs")), 403).await;
    let give = |who: usize, role: &str| {
        json!({"put": [{"properties": {
            "roleName": role, "principal": {"id": people.all[who].id, "type": "User"}
        }}]})
    };
    let share = format!("{AT}/modifyPermissions");
    people.api(CO_OWNER, Method::POST, &share, Some(&give(USER, "CanView")), 403).await;
    people.api(OWNER, Method::POST, &share, Some(&give(CO_OWNER, "CanViewWithShare")), 200).await;
    people.api(CO_OWNER, Method::GET, AT, None, 200).await;
    let listed = people.api(CO_OWNER, Method::GET, "connections", None, 200).await;
    assert_eq!(listed["value"][0]["name"], "0f0e");
    // nobody gives more than they have, nor what they may not change
    people.api(CO_OWNER, Method::POST, &share, Some(&give(USER, "CanEdit")), 403).await;
    people.api(CO_OWNER, Method::PUT, AT, Some(&with_key("Theirs")), 403).await;
    people.api(CO_OWNER, Method::DELETE, AT, None, 403).await;
    people.api(CO_OWNER, Method::POST, &share, Some(&give(USER, "CanView")), 200).await;
    people.api(USER, Method::POST, &share, Some(&give(STRANGER, "CanView")), 403).await;
    let holders = people.api(USER, Method::GET, &format!("{AT}/permissions"), None, 200).await;
    let roles: Vec<&Value> = holders["value"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| &it["properties"]["roleName"])
        .collect();
    assert_eq!(roles, ["Owner", "CanViewWithShare", "CanView"]);
    let take = json!({"delete": [{"id": holders["value"][2]["id"]}]});
    people.api(OWNER, Method::POST, &share, Some(&take), 200).await;
    people.api(USER, Method::GET, AT, None, 403).await;
    let owner = json!({"delete": [{"id": people.all[OWNER].id}]});
    people.api(OWNER, Method::POST, &share, Some(&owner), 400).await;
    // what somebody signs in for stays theirs, and is nobody's who had it before
    let own = json!({"properties": {"connectionParametersSet": {"name": "own", "values": {}}}});
    people.api(OWNER, Method::PUT, AT, Some(&own), 200).await;
    people.api(CO_OWNER, Method::GET, AT, None, 403).await;
    let refused = people.api(OWNER, Method::POST, &share, Some(&give(USER, "CanView")), 400).await;
    assert_eq!(refused["error"]["code"], "ConnectionNotShareable");
}

#[tokio::test]
async fn who_may_share_a_connection_takes_nothing_from_who_has_more() {
    let people = People::meet().await;
    connector(&people).await;
    people.api(OWNER, Method::PUT, AT, Some(&with_key("Mine")), 201).await;
    let share = format!("{AT}/modifyPermissions");
    let give = |who: usize, role: &str| {
        json!({"put": [{"properties": {
            "roleName": role, "principal": {"id": people.all[who].id, "type": "User"}
        }}]})
    };
    let take = |who: usize| json!({"delete": [{"id": people.all[who].id}]});
    people.api(OWNER, Method::POST, &share, Some(&give(CO_OWNER, "CanEdit")), 200).await;
    people.api(OWNER, Method::POST, &share, Some(&give(USER, "CanViewWithShare")), 200).await;
    people.api(USER, Method::POST, &share, Some(&take(CO_OWNER)), 403).await;
    people.api(USER, Method::POST, &share, Some(&give(CO_OWNER, "CanView")), 403).await;
    people.api(CO_OWNER, Method::PUT, AT, Some(&with_key("Theirs")), 200).await;
    // one's own part may be given up, and an administrator sees to all of them
    people.api(USER, Method::POST, &share, Some(&take(USER)), 200).await;
    people.api(USER, Method::GET, AT, None, 403).await;
    let path = format!(
        "/providers/Microsoft.PowerApps/scopes/admin/environments/{}/{share}",
        people.environment
    );
    let view = give(ADMINISTRATOR, "CanView");
    people.ask(ADMINISTRATOR, (Method::POST, &path), Some(&view), 200).await;
    people.ask(ADMINISTRATOR, (Method::POST, &path), Some(&give(USER, "CanEdit")), 200).await;
    people.ask(ADMINISTRATOR, (Method::POST, &path), Some(&take(CO_OWNER)), 200).await;
    people.api(CO_OWNER, Method::GET, AT, None, 403).await;
}

#[tokio::test]
async fn a_page_that_ends_with_ones_own_goes_on_with_those_of_a_group() {
    let people = People::meet().await;
    connector(&people).await;
    let named = json!({"displayName": "readers"});
    let group = people.world.call(Method::POST, "/api/v1/groups", named, 201).await;
    let member = json!({"add": [people.all[CO_OWNER].id]});
    people.world.call(Method::POST, "/api/v1/groups/readers/members", member, 200).await;
    people.api(OWNER, Method::PUT, AT, Some(&with_key("Shared")), 201).await;
    let principal = json!({"id": group["id"], "type": "Group"});
    let put = json!({"put": [{"properties": {"roleName": "CanView", "principal": principal}}]});
    let share = format!("{AT}/modifyPermissions");
    people.api(OWNER, Method::POST, &share, Some(&put), 200).await;
    let own = "apis/shared_store/connections/own1";
    people.api(CO_OWNER, Method::PUT, own, Some(&with_key("Own")), 201).await;
    let mut next = Some(format!(
        "/providers/Microsoft.PowerApps/connections?$top=1&$filter=environment%20eq%20%27{}%27",
        people.environment
    ));
    let mut names = Vec::new();
    while let Some(path) = next {
        let page = people.ask(CO_OWNER, (Method::GET, &path), None, 200).await;
        let rows = page["value"].as_array().expect("a list").iter();
        names.extend(rows.map(|it| it["name"].as_str().expect("a name").to_owned()));
        next = page["nextLink"].as_str().map(|link| path_of(link).to_owned());
    }
    assert_eq!(names, ["own1", "0f0e"]);
}

#[tokio::test]
async fn administrators_see_and_remove_all_of_their_environment() {
    let people = People::meet().await;
    connector(&people).await;
    people.api(OWNER, Method::PUT, AT, Some(&with_key("Mine")), 201).await;
    let scope =
        format!("/providers/Microsoft.PowerApps/scopes/admin/environments/{}", people.environment);
    for (who, status) in
        [(ADMINISTRATOR, 200), (HEAD, 200), (APPLICATION, 200), (OWNER, 403), (STRANGER, 403)]
    {
        let listed =
            people.ask(who, (Method::GET, &format!("{scope}/connections")), None, status).await;
        if status == 200 {
            assert_eq!(listed["value"][0]["name"], "0f0e");
            assert_eq!(listed["value"][0]["type"], "Microsoft.PowerApps/scopes/apis/connections");
        }
        people.ask(who, (Method::GET, &format!("{scope}/{AT}")), None, status).await;
    }
    // in their own right an administrator has nothing of it
    people.api(ADMINISTRATOR, Method::GET, AT, None, 403).await;
    let unknown = format!("{scope}/apis/shared_store/connections/none");
    people.ask(ADMINISTRATOR, (Method::GET, &unknown), None, 404).await;
    people.ask(OWNER, (Method::DELETE, &format!("{scope}/{AT}")), None, 403).await;
    people.ask(ADMINISTRATOR, (Method::DELETE, &format!("{scope}/{AT}")), None, 200).await;
    let listed = people.api(OWNER, Method::GET, "connections", None, 200).await;
    assert_eq!(listed["value"], json!([]));
    // a name that another environment has is not told of
    people.api(OWNER, Method::PUT, AT, Some(&with_key("Mine")), 201).await;
    let other = "/providers/Microsoft.PowerApps/scopes/admin/environments/other";
    people.ask(STRANGER, (Method::GET, &format!("{other}/{AT}")), None, 404).await;
}

#[tokio::test]
async fn on_the_native_api_connections_are_made_and_deleted() {
    let people = People::meet().await;
    connector(&people).await;
    let within = format!("/api/v1/environments/{}/connectors/shared_store", people.environment);
    let shown = people.ask(OWNER, (Method::GET, &within), None, 200).await;
    let parameters = shown["authenticationTypes"][0]["parameters"].as_array().expect("a list");
    let named = |name: &str| parameters.iter().find(|it| it["name"] == name).expect("a parameter");
    let regions = json!([{"value": "eu", "text": "eu"}, {"value": "us", "text": "us"}]);
    assert_eq!(named("host")["allowedValues"], regions);
    assert_eq!(named("port")["defaultValue"], 443);
    assert_eq!(named("secret").get("defaultValue"), None);

    let path = format!("{within}/connections");
    let set =
        |values: Value| json!({"displayName": "Mine", "parameterSet": "key", "parameters": values});
    let good = set(json!({"host": "eu", "secret": SECRET}));
    let made = people.ask(OWNER, (Method::POST, &path), Some(&good), 201).await;
    assert_eq!((&made["displayName"], &made["status"]), (&json!("Mine"), &json!("Connected")));
    assert!(!made.to_string().contains(SECRET), "{made}");
    let bad = set(json!({"host": "eu"}));
    let refused = people.ask(OWNER, (Method::POST, &path), Some(&bad), 400).await;
    assert_eq!(refused["error"]["code"], "InvalidConnectionParameters");
    people.ask(STRANGER, (Method::POST, &path), Some(&good), 403).await;
    // one that a person signs in for begins without
    let own = json!({"parameterSet": "own"});
    let waits = people.ask(OWNER, (Method::POST, &path), Some(&own), 201).await;
    assert_eq!(waits["error"]["code"], "Unauthenticated");

    let one = format!("{path}/{}", made["name"].as_str().expect("a name"));
    people.ask(USER, (Method::DELETE, &one), None, 403).await;
    people.ask(OWNER, (Method::DELETE, &one), None, 204).await;
    people.ask(OWNER, (Method::DELETE, &one), None, 403).await;
    let other = format!("{path}/{}", waits["name"].as_str().expect("a name"));
    people.ask(ADMINISTRATOR, (Method::DELETE, &other), None, 204).await;
}
