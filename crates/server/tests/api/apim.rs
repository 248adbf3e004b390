//! The connector surface: Power Automate Management and Power Automate for Admins, called
//! over connections.

use crate::people::{ADMINISTRATOR, APPLICATION, CO_OWNER, HEAD, OWNER, People};
use crate::support::Setup;
use crate::world::{Answer, World};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

const FIRST_PARTY: &str = "firstParty";

async fn connect(people: &People, who: usize, connector: &str, name: &str) {
    let body =
        json!({"properties": {"connectionParametersSet": {"name": FIRST_PARTY, "values": {}}}});
    let at = format!("apis/shared_{connector}/connections/{name}");
    people.api(who, Method::PUT, &at, Some(&body), 201).await;
}

async fn call(
    people: &People,
    who: usize,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Answer {
    people.send(who, method, &format!("/apim/{path}"), body).await
}

fn json_of(answer: &Answer) -> Value {
    serde_json::from_str(&answer.text).unwrap_or_else(|_| panic!("{}", answer.text))
}

#[tokio::test]
async fn management_does_what_the_provider_does_for_who_made_the_connection() {
    let people = People::meet().await;
    connect(&people, OWNER, "flowmanagement", "m1").await;
    let (flow, run) = people.flow().await;
    let flows = format!("flowmanagement/m1/environments/{}/flows", people.environment);
    let listed = json_of(&call(&people, OWNER, Method::GET, &flows, None).await);
    assert_eq!(listed["value"][0]["name"], flow.as_str());
    let one = json_of(&call(&people, OWNER, Method::GET, &format!("{flows}/{flow}"), None).await);
    // this surface has them as a list
    assert_eq!(one["properties"]["connectionReferences"][0]["connectionName"], "sql-1");
    assert!(one["properties"]["definition"].is_object());
    for (method, path, status) in [
        (Method::GET, format!("{flows}/{flow}/owners"), 200),
        (Method::POST, format!("{flows}/{flow}/runs/{run}/cancel"), 200),
        (Method::POST, format!("{flows}/{flow}/listCallbackUrl"), 200),
        (Method::POST, format!("{flows}/{flow}/stop"), 200),
        (Method::GET, "flowmanagement/m1/environments".to_owned(), 200),
        (
            Method::GET,
            format!("flowmanagement/m1/apis?environmentName={}", people.environment),
            200,
        ),
        (
            Method::GET,
            format!("flowmanagement/m1/connections?environmentName={}", people.environment),
            200,
        ),
        // what is none of its operations, though the provider has it
        (Method::GET, format!("{flows}/{flow}/runs"), 404),
        (Method::PUT, format!("{flows}/{flow}"), 405),
        // the owner is no administrator
        (
            Method::GET,
            format!("flowmanagement/m1/scopes/admin/environments/{}/v2/flows", people.environment),
            403,
        ),
    ] {
        let answer = call(&people, OWNER, method.clone(), &path, None).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
    }
    let made =
        json!({"properties": {"connectionParametersSet": {"name": FIRST_PARTY, "values": {}}}});
    let path = format!(
        "flowmanagement/m1/apis/shared_microsoftflowforadmins/connections?environmentName={}",
        people.environment
    );
    let answer = call(&people, OWNER, Method::POST, &path, Some(&made)).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    // nobody else may use it, nor is it told from one that is not there
    for name in ["m1", "none"] {
        let path = format!("flowmanagement/{name}/environments");
        let answer = call(&people, CO_OWNER, Method::GET, &path, None).await;
        assert_eq!(answer.status, 403, "{}", answer.text);
    }
}

#[tokio::test]
async fn a_data_policy_counts_for_calls_from_outside() {
    let people = People::meet().await;
    connect(&people, OWNER, "flowmanagement", "m1").await;
    let flows = format!("flowmanagement/m1/environments/{}/flows", people.environment);
    let policy = |rule: Value| {
        json!({"scope": {"kind": "AllEnvironments"}, "defaultGroup": "NonBusiness",
            "connectors": [rule]})
    };
    let path = "/api/v1/data-policies/closed";
    let some = json!({"connector": "shared_flowmanagement", "group": "Business",
        "blockedOperations": ["ListMyFlows"]});
    people.world.call(Method::PUT, path, policy(some), 201).await;
    let refused = call(&people, OWNER, Method::GET, &flows, None).await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "DataPolicyViolation"));
    let others = "flowmanagement/m1/environments";
    assert_eq!(call(&people, OWNER, Method::GET, others, None).await.status, 200);
    let all = json!({"connector": "shared_flowmanagement", "group": "Blocked"});
    people.world.call(Method::PUT, path, policy(all), 200).await;
    let refused = call(&people, OWNER, Method::GET, others, None).await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "DataPolicyViolation"));
}

#[tokio::test]
async fn what_stands_behind_a_connection_answers_from_outside_too() {
    let people = People::meet().await;
    connect(&people, OWNER, "flowmanagement", "m1").await;
    let (flow, _) = people.flow().await;
    let path = format!(
        "/api/v1/environments/{}/connectors/shared_flowmanagement/connections/m1/backend",
        people.environment
    );
    people.ask(OWNER, (Method::PUT, &path), Some(&json!({"kind": "Mock"})), 200).await;
    let stop = format!("flowmanagement/m1/environments/{}/flows/{flow}/stop", people.environment);
    assert_eq!(call(&people, OWNER, Method::POST, &stop, None).await.status, 200);
    let path = format!("{}/{flow}", people.flows());
    let shown = people.ask(OWNER, (Method::GET, &path), None, 200).await;
    assert_eq!(shown["properties"]["state"], "Started");
}

#[tokio::test]
async fn administrators_use_theirs() {
    let people = People::meet().await;
    connect(&people, ADMINISTRATOR, "flowmanagement", "m2").await;
    connect(&people, ADMINISTRATOR, "microsoftflowforadmins", "a2").await;
    let (flow, _) = people.flow().await;
    let within = format!("scopes/admin/environments/{}", people.environment);
    let path = format!("flowmanagement/m2/{within}/flows/{flow}");
    let shown = json_of(&call(&people, ADMINISTRATOR, Method::GET, &path, None).await);
    assert_eq!(shown["properties"].get("definition"), None);
    let path = format!("{path}?includeFlowDefinition=true");
    let shown = json_of(&call(&people, ADMINISTRATOR, Method::GET, &path, None).await);
    assert!(shown["properties"]["definition"].is_object());
    let admins = format!(
        "microsoftflowforadmins/a2/providers/Microsoft.ProcessSimple/{within}/flows/{flow}"
    );
    for (method, path, status) in [
        (Method::GET, format!("{admins}/permissions"), 200),
        (Method::POST, format!("{admins}/stop"), 200),
        (Method::GET, admins.clone(), 405),
        (Method::GET, format!("microsoftflowforadmins/a2/{within}/flows/{flow}/permissions"), 404),
        (Method::DELETE, admins.clone(), 200),
    ] {
        let answer = call(&people, ADMINISTRATOR, method.clone(), &path, None).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_certificate_makes_a_connection_the_application() {
    let people = People::meet().await;
    let dir = tempfile::tempdir().expect("a folder");
    let own = rig::authority::self_signed(dir.path(), "robot").expect("a certificate");
    let pfx = rig::authority::pfx(&own, "open sesame").expect("a PFX file");
    let shown = people.world.api.get("/api/v1/applications/robot").await;
    let client = shown["clientId"].as_str().expect("an id").to_owned();
    let pem = std::fs::read_to_string(&own.certificate).expect("a file");
    let der: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let path = "/api/v1/applications/robot/certificates";
    let body = json!({"certificate": der});
    let tenant = people.environment_tenant().await;
    let credentials = |tenant: &str, client: &str, password: &str| {
        json!({"properties": {"connectionParametersSet": {"name": "CertOauth", "values": {
            "token:TenantId": {"value": tenant},
            "token:clientId": {"value": client},
            "token:clientCertificateSecret": {"value": {"pfx": STANDARD.encode(&pfx), "password": password}}
        }}}})
    };
    let at = "apis/shared_flowmanagement/connections/c1";
    let right = credentials(&tenant, &client, "open sesame");
    // before the application has the certificate, it is of no use
    people.api(OWNER, Method::PUT, at, Some(&right), 400).await;
    people.world.call(Method::POST, path, body, 201).await;
    for wrong in [
        credentials(&tenant, &client, "shut"),
        credentials("other", &client, "open sesame"),
        credentials(&tenant, "other", "open sesame"),
    ] {
        people.api(OWNER, Method::PUT, at, Some(&wrong), 400).await;
    }
    let made = people.api(OWNER, Method::PUT, at, Some(&right), 201).await;
    let text = made.to_string();
    assert!(text.contains(&client) && !text.contains("sesame") && !text.contains("pfx"), "{text}");
    // it administers the environment, and may do nothing that takes a person
    let within = format!("environments/{}", people.environment);
    let admin = format!("flowmanagement/c1/scopes/admin/{within}/v2/flows");
    let answer = call(&people, OWNER, Method::GET, &admin, None).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let mine = format!("flowmanagement/c1/{within}/flows");
    assert_eq!(call(&people, OWNER, Method::GET, &mine, None).await.status, 403);
    assert_eq!(call(&people, APPLICATION, Method::GET, &admin, None).await.status, 403);
    // it ends with the certificate
    let application = people.world.api.get("/api/v1/applications/robot").await;
    let thumbprint = application["certificates"][0]["thumbprint"].as_str().expect("a thumbprint");
    people.ask(HEAD, (Method::DELETE, &format!("{path}/{thumbprint}")), None, 204).await;
    assert_eq!(call(&people, OWNER, Method::GET, &admin, None).await.status, 401);
}

#[tokio::test]
async fn limits_count_when_they_are_turned_on() {
    let people = People::meet_in(World::start_with(limited).await).await;
    connect(&people, OWNER, "flowmanagement", "m1").await;
    let path = "flowmanagement/m1/environments";
    for _ in 0..5 {
        assert_eq!(call(&people, OWNER, Method::GET, path, None).await.status, 200);
    }
    let refused = call(&people, OWNER, Method::GET, path, None).await;
    assert_eq!(refused.status, 429, "{}", refused.text);
    let after: u32 =
        refused.headers["retry-after"].to_str().expect("text").parse().expect("seconds");
    assert!((50..=60).contains(&after), "{after}");
    let message = format!("Rate limit is exceeded. Try again in {after} seconds.");
    assert_eq!(json_of(&refused), json!({"statusCode": 429, "message": message}));
    // only calls over the connection count, and each connection for itself
    let environments = "/providers/Microsoft.ProcessSimple/environments";
    for _ in 0..20 {
        people.ask(OWNER, (Method::GET, environments), None, 200).await;
    }
    connect(&people, OWNER, "flowmanagement", "m2").await;
    let path = "flowmanagement/m2/environments";
    assert_eq!(call(&people, OWNER, Method::GET, path, None).await.status, 200);
    // the third connection of the account is one too many here
    let body =
        json!({"properties": {"connectionParametersSet": {"name": FIRST_PARTY, "values": {}}}});
    let at = "apis/shared_flowmanagement/connections/m3";
    let refused = people.api(OWNER, Method::PUT, at, Some(&body), 409).await;
    assert_eq!(refused["error"]["code"], "ConnectionLimitReached");
    people.api(CO_OWNER, Method::PUT, at, Some(&body), 201).await;
}

#[tokio::test]
async fn connections_that_are_made_at_once_are_counted_one_by_one() {
    let people = People::meet_in(World::start_with(limited).await).await;
    let body =
        json!({"properties": {"connectionParametersSet": {"name": FIRST_PARTY, "values": {}}}});
    let paths: Vec<String> = (0..8)
        .map(|at| {
            format!(
                "/providers/Microsoft.PowerApps/apis/shared_flowmanagement/connections/m{at}?environmentName={}",
                people.environment
            )
        })
        .collect();
    let made = paths.iter().map(|path| people.send(OWNER, Method::PUT, path, Some(&body)));
    let made = futures_util::future::join_all(made).await;
    assert!(made.iter().all(|it| [201, 409].contains(&it.status)), "{made:?}");
    let listed = people.api(OWNER, Method::GET, "connections", None, 200).await;
    assert_eq!(listed["value"].as_array().map(Vec::len), Some(2), "{listed}");
}

fn limited(setup: Setup, folder: &std::path::Path) -> Setup {
    let path = folder.join("settings.toml");
    std::fs::write(&path, "[connector_limits]\non = true\nconnections_per_account = 2\n")
        .expect("a file");
    setup.arg("--config").arg(path)
}
