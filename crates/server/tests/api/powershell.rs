//! The requests of the modules Microsoft.PowerApps.Administration.PowerShell and
//! Microsoft.PowerApps.PowerShell as they send them, with their odd spellings, and the members
//! of the answers that their cmdlets read.

use crate::people::People;
use crate::world::Answer;
use reqwest::Method;
use serde_json::{Value, json};

const OWNER: usize = 0;
const USER: usize = 2;
const ADMIN: usize = 3;
const STRANGER: usize = 4;
const HEAD: usize = 5;

struct Request {
    cmdlet: &'static str,
    who: usize,
    method: &'static str,
    /// `{env}`, `{flow}` and `{user}` stand for what is there.
    address: &'static str,
    body: &'static str,
    status: u16,
    /// What the cmdlet reads: members that have a value.
    reads: &'static [&'static str],
}

const fn get(
    cmdlet: &'static str,
    who: usize,
    address: &'static str,
    reads: &'static [&'static str],
) -> Request {
    Request { cmdlet, who, method: "GET", address, body: "", status: 200, reads }
}

const fn call(
    cmdlet: &'static str,
    who: usize,
    method: &'static str,
    address: &'static str,
    body: &'static str,
) -> Request {
    Request { cmdlet, who, method, address, body, status: 200, reads: &[] }
}

const fn refused(request: Request, status: u16) -> Request {
    Request { status, reads: &["/error/code", "/error/message"], ..request }
}

const ENVIRONMENT: &[&str] = &[
    "/name",
    "/id",
    "/type",
    "/location",
    "/properties/displayName",
    "/properties/createdBy",
    "/properties/isDefault",
    "/properties/permissions",
];
const ENVIRONMENTS: &[&str] = &[
    "/value/0/name",
    "/value/0/location",
    "/value/0/properties/displayName",
    "/value/0/properties/createdBy",
    "/value/0/properties/isDefault",
    "/value/0/properties/permissions",
    "/value/1/properties/createdTime",
    "/value/1/properties/lastModifiedTime",
];
const ADMINISTERED: &[&str] = &[
    "/value/0/name",
    "/value/0/type",
    "/value/0/properties/displayName",
    "/value/0/properties/isDefault",
    "/value/0/properties/createdTime",
    "/value/0/properties/createdBy/id",
    "/value/0/properties/environmentSku",
    "/value/0/properties/retentionPeriod",
    "/value/0/properties/databaseType",
];
const FLOW: &[&str] = &[
    "/name",
    "/id",
    "/type",
    "/properties/displayName",
    "/properties/state",
    "/properties/userType",
    "/properties/createdTime",
    "/properties/lastModifiedTime",
    "/properties/creator/userId",
    "/properties/creator/objectId",
    "/properties/environment/name",
    "/properties/definition/actions",
    "/properties/connectionReferences",
];
const FLOWS: &[&str] = &[
    "/value/0/name",
    "/value/0/properties/displayName",
    "/value/0/properties/state",
    "/value/0/properties/createdTime",
    "/value/0/properties/lastModifiedTime",
    "/value/0/properties/creator/userId",
    "/value/0/properties/creator/objectId",
    "/value/0/properties/environment/name",
];
const ROLES: &[&str] = &[
    "/value/0/name",
    "/value/0/id",
    "/value/0/type",
    "/value/0/properties/roleName",
    "/value/0/properties/principal/id",
    "/value/0/properties/principal/type",
    "/value/1/properties/roleName",
];
const RUNS: &[&str] = &[
    "/value/0/name",
    "/value/0/properties/status",
    "/value/0/properties/startTime",
    "/value/0/properties/trigger/name",
];

const PUT: &str = r#"{"put": [{"properties": {"roleName": "CanEdit",
    "principal": {"email": null, "id": "{user}", "type": "User", "displayName": null}}}]}"#;
const PUT_WITHOUT_ROLE: &str = r#"{"put": [{"properties": {
    "principal": {"email": "x@example.org", "id": "{user}", "type": "User", "displayName": "X"}}}]}"#;
const DELETE: &str = r#"{"delete": [{"id": "/providers/Microsoft.ProcessSimple/environments/{env}/flows/{flow}/permissions/{user}"}]}"#;

/// In this order, on one flow.
const REQUESTS: &[Request] = &[
    get(
        "Get-FlowEnvironment",
        OWNER,
        "/providers/Microsoft.ProcessSimple/environments?$expand=permissions&api-version=2016-11-01",
        ENVIRONMENTS,
    ),
    get(
        "Get-FlowEnvironment -Default",
        OWNER,
        "/providers/Microsoft.ProcessSimple/environments/~default?$expand=permissions&api-version=2016-11-01",
        ENVIRONMENT,
    ),
    get(
        "Get-FlowEnvironment -EnvironmentName",
        OWNER,
        "/providers/Microsoft.ProcessSimple/environments/{env}?$expand=permissions&api-version=2016-11-01",
        ENVIRONMENT,
    ),
    get(
        "Get-AdminPowerAppEnvironment",
        ADMIN,
        "/providers/Microsoft.BusinessAppPlatform/scopes/admin/environments?&$expand=permissions&api-version=2016-11-01",
        ADMINISTERED,
    ),
    get(
        "Get-Flow",
        OWNER,
        "/providers/Microsoft.ProcessSimple/environments/{env}/flows?api-version=2016-11-01",
        FLOWS,
    ),
    get(
        "Get-Flow, with a separator twice",
        OWNER,
        "/providers/Microsoft.ProcessSimple/environments/{env}/flows?&&api-version=2016-11-01&&$top=1",
        FLOWS,
    ),
    get(
        "Get-Flow -FlowName",
        OWNER,
        "/providers/Microsoft.ProcessSimple/environments/{env}/flows/{flow}?api-version=2016-11-01",
        FLOW,
    ),
    refused(
        get(
            "Get-Flow of somebody else",
            USER,
            "/providers/Microsoft.ProcessSimple/environments/{env}/flows/{flow}?api-version=2016-11-01",
            &[],
        ),
        403,
    ),
    get(
        "Get-FlowRun",
        OWNER,
        "/providers/Microsoft.ProcessSimple/environments/{env}/flows/{flow}/runs?api-version=2016-11-01",
        RUNS,
    ),
    call(
        "Disable-Flow",
        OWNER,
        "POST",
        "/providers/Microsoft.ProcessSimple/environments/{env}/flows/{flow}/stop?api-version=2016-11-01",
        "{}",
    ),
    call(
        "Enable-Flow",
        OWNER,
        "POST",
        "/providers/Microsoft.ProcessSimple/environments/{env}/flows/{flow}/start?api-version=2016-11-01",
        "{}",
    ),
    get(
        "Get-FlowOwnerRole",
        OWNER,
        "/providers/Microsoft.ProcessSimple/environments/{env}/flows/{flow}/owners?api-version=2017-06-01'",
        ROLES,
    ),
    // the module for makers asks in the administrators' scope
    refused(
        call(
            "Set-FlowOwnerRole of a maker",
            OWNER,
            "POST",
            "/providers/Microsoft.ProcessSimple/scopes/admin/environments/{env}/flows/{flow}/modifyowners?api-version=2016-11-01",
            PUT_WITHOUT_ROLE,
        ),
        403,
    ),
    call(
        "Set-FlowOwnerRole",
        ADMIN,
        "POST",
        "/providers/Microsoft.ProcessSimple/scopes/admin/environments/{env}/flows/{flow}/modifyowners?api-version=2016-11-01",
        PUT_WITHOUT_ROLE,
    ),
    call(
        "Remove-FlowOwnerRole",
        OWNER,
        "POST",
        "/providers/Microsoft.ProcessSimple/environments/{env}/flows/{flow}/modifyPermissions?api-version=2016-11-01",
        DELETE,
    ),
    get(
        "Get-AdminFlow",
        ADMIN,
        "/providers/Microsoft.ProcessSimple/scopes/admin/environments/{env}/flows?$top=50&api-version=2016-11-01",
        FLOWS,
    ),
    get(
        "Get-AdminFlow -FlowName",
        ADMIN,
        "/providers/Microsoft.ProcessSimple/scopes/admin/environments/{env}/flows/{flow}?$top=50&api-version=2016-11-01",
        FLOW,
    ),
    refused(
        get(
            "Get-AdminFlow of what is not there",
            ADMIN,
            "/providers/Microsoft.ProcessSimple/scopes/admin/environments/{env}/flows/{user}?$top=50&api-version=2016-11-01",
            &[],
        ),
        404,
    ),
    call(
        "Disable-AdminFlow",
        ADMIN,
        "POST",
        "/providers/Microsoft.ProcessSimple/scopes/admin/environments/{env}/flows/{flow}/stop?api-version=2016-11-01",
        "{}",
    ),
    call(
        "Enable-AdminFlow",
        ADMIN,
        "POST",
        "/providers/Microsoft.ProcessSimple/scopes/admin/environments/{env}/flows/{flow}/start?api-version=2016-11-01",
        "{}",
    ),
    call(
        "Set-AdminFlowOwnerRole",
        ADMIN,
        "POST",
        "/providers/Microsoft.ProcessSimple/scopes/admin/environments/{env}/flows/{flow}/modifyPermissions?api-version=2016-11-01",
        PUT,
    ),
    get(
        "Get-AdminFlowOwnerRole",
        ADMIN,
        "/providers/Microsoft.ProcessSimple/scopes/admin/environments/{env}/flows/{flow}/permissions?api-version=2016-11-01",
        ROLES,
    ),
    call(
        "Remove-AdminFlowOwnerRole",
        ADMIN,
        "POST",
        "/providers/Microsoft.ProcessSimple/scopes/admin/environments/{env}/flows/{flow}/modifyPermissions?api-version=2016-11-01",
        DELETE,
    ),
    get(
        "Get-AdminFlowUserDetails",
        HEAD,
        "/providers/Microsoft.ProcessSimple/scopes/admin/users/{user}?api-version=2016-11-01",
        &["/objectId", "/tenantId"],
    ),
    refused(
        call(
            "Remove-AdminFlowUserDetails of who owns flows",
            HEAD,
            "DELETE",
            "/providers/Microsoft.ProcessSimple/scopes/admin/users/{owner}?api-version=2017-05-01",
            "",
        ),
        400,
    ),
    call(
        "Remove-AdminFlowUserDetails",
        HEAD,
        "DELETE",
        "/providers/Microsoft.ProcessSimple/scopes/admin/users/{user}?api-version=2017-05-01",
        "",
    ),
    call(
        "Remove-Flow",
        OWNER,
        "DELETE",
        "/providers/Microsoft.ProcessSimple/environments/{env}/flows/{flow}?api-version=2016-11-01",
        "",
    ),
];

/// As `Invoke-WebRequest` sends it.
async fn send(people: &People, request: &Request, flow: &str) -> Answer {
    let filled = |text: &str| {
        text.replace("{env}", &people.environment)
            .replace("{flow}", flow)
            .replace("{user}", &people.all[STRANGER].id)
            .replace("{owner}", &people.all[OWNER].id)
    };
    let method = Method::from_bytes(request.method.as_bytes()).expect("a method");
    let sent = people.world.api.request(method, &filled(request.address));
    let sent = sent
        .bearer_auth(&people.all[request.who].key)
        .header("user-agent", "PowerShell cmdlets 1.0")
        .header("content-type", "application/json; charset=utf-8")
        .body(filled(request.body));
    Answer::of(sent).await
}

#[tokio::test]
async fn cmdlets_get_what_they_read() {
    let people = People::meet().await;
    let (flow, _) = people.flow().await;
    for request in REQUESTS {
        let cmdlet = request.cmdlet;
        let answer = send(&people, request, &flow).await;
        assert_eq!(answer.status, request.status, "{cmdlet}: {}", answer.text);
        let body: Value = serde_json::from_str(&answer.text).unwrap_or_default();
        for pointer in request.reads {
            let found = body.pointer(pointer).is_some_and(|it| !it.is_null());
            assert!(found, "{cmdlet} reads {pointer}: {body}");
        }
        let path = format!("{}/{flow}", people.admin_flows());
        let state = |name: &'static str| (format!("{path}?api-version=2016-11-01"), name);
        let wanted = match cmdlet {
            "Disable-Flow" | "Disable-AdminFlow" => Some(state("Stopped")),
            "Enable-Flow" | "Enable-AdminFlow" => Some(state("Started")),
            _ => None,
        };
        if let Some((path, state)) = wanted {
            let shown = people.ask(ADMIN, (Method::GET, &path), None, 200).await;
            assert_eq!(shown["properties"]["state"], state, "{cmdlet}");
        }
        let is_shared = match cmdlet {
            "Set-FlowOwnerRole" | "Set-AdminFlowOwnerRole" => Some(true),
            "Remove-FlowOwnerRole" | "Remove-AdminFlowOwnerRole" => Some(false),
            _ => None,
        };
        if let Some(is_shared) = is_shared {
            let path = format!("{path}/permissions");
            let list = people.ask(ADMIN, (Method::GET, &path), None, 200).await;
            let found = list.to_string().contains(&people.all[STRANGER].id);
            assert_eq!(found, is_shared, "{cmdlet}: {list}");
        }
    }
    let path = format!("{}/{flow}", people.admin_flows());
    people.ask(ADMIN, (Method::GET, &path), None, 404).await;
}

/// `Get-AdminFlow` follows `nextLink` as it is, and joins what it finds.
#[tokio::test]
async fn cmdlets_follow_pages() {
    let people = People::meet().await;
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(people.flow().await.0);
    }
    let mut found = Vec::new();
    let mut next = Some(format!("{}?$top=2&api-version=2016-11-01", people.admin_flows()));
    while let Some(path) = next {
        let page = people.ask(ADMIN, (Method::GET, &path), None, 200).await;
        let names = page["value"].as_array().expect("a list").iter();
        found.extend(names.map(|flow| flow["name"].as_str().expect("a name").to_owned()));
        next = page["nextLink"].as_str().map(|link| {
            assert!(link.contains("api-version=2016-11-01"), "{link}");
            link[link.find("/providers").expect("a path")..].to_owned()
        });
        assert_eq!(page["nextLink"].is_null(), found.len() == 3);
    }
    found.sort();
    made.sort();
    assert_eq!(found, made);
}

/// The clients' own look at an error: JSON, whatever went wrong.
#[tokio::test]
async fn every_refusal_is_json() {
    let people = People::meet().await;
    let (flow, _) = people.flow().await;
    for (path, status) in [
        (format!("{}/{flow}/unknown", people.flows()), 404),
        (format!("{}/{flow}?api-version=x", people.flows()), 400),
        ("/providers/Microsoft.Flow/environments/x/solutions/y/migrateFlows".to_owned(), 404),
    ] {
        let answer = people.send(OWNER, Method::GET, &path, None).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text);
        assert_eq!(answer.header("content-type"), "application/json", "{path}");
        assert_ne!(answer.json()["error"]["message"], json!(null));
    }
}

/// `New-DlpPolicy`, `Get-DlpPolicy`, `Set-DlpPolicy` and `Remove-DlpPolicy`.
#[tokio::test]
async fn data_policies_are_kept_by_cmdlets() {
    const POLICIES: &str = "/providers/PowerPlatform.Governance/v1/policies";
    let people = People::meet().await;
    let all = format!("{POLICIES}?api-version=2016-11-01");
    let connector = |name: &str| json!({"id": format!("/providers/Microsoft.PowerApps/apis/{name}"), "name": name, "type": "Microsoft.PowerApps/apis"});
    let new = json!({
        "displayName": "Sales only",
        "defaultConnectorsClassification": "General",
        "connectorGroups": [
            {"classification": "Confidential", "connectors": [connector("shared_sql")]},
            {"classification": "General", "connectors": []},
            {"classification": "Blocked", "connectors": [connector("shared_twitter")]}
        ],
        "environmentType": "OnlyEnvironments",
        "environments": [{"id": format!("/providers/admin/environments/{}", people.environment),
            "name": people.environment, "type": "Microsoft.BusinessAppPlatform/scopes/environments"}]
    });
    // who administers nothing, or another environment, may not
    for who in [OWNER, STRANGER] {
        people.ask(who, (Method::POST, &all), Some(&new), 403).await;
    }
    let made = people.ask(ADMIN, (Method::POST, &all), Some(&new), 201).await;
    let name = made["name"].as_str().expect("a name").to_owned();
    assert_eq!(made["displayName"], "Sales only");
    assert_eq!(made["connectorGroups"], new["connectorGroups"]);
    assert_eq!(made["environments"][0]["name"], people.environment.as_str());
    let listed = people.ask(ADMIN, (Method::GET, &all), None, 200).await;
    assert_eq!(listed["value"], json!([made]));
    let theirs = people.ask(STRANGER, (Method::GET, &all), None, 200).await;
    assert_eq!(theirs["value"], json!([]));
    people.ask(OWNER, (Method::GET, &all), None, 403).await;
    // it is one with the native API's, whose rules it has no place for, and keeps
    let native = format!("/api/v1/data-policies/{name}");
    let rule = json!({"connector": "shared_sql", "group": "Business", "blockedOperations": ["ExecuteQuery"]});
    let body = json!({"displayName": "Sales only", "defaultGroup": "NonBusiness", "connectors": [rule],
        "scope": {"kind": "OnlyEnvironments", "environments": ["sales"]}});
    people.ask(ADMIN, (Method::PUT, &native), Some(&body), 200).await;
    let one = format!("{POLICIES}/{name}?api-version=2016-11-01");
    let mut shown = people.ask(ADMIN, (Method::GET, &one), None, 200).await;
    shown["displayName"] = json!("Sales");
    shown["defaultConnectorsClassification"] = json!("Blocked");
    let changed = people.ask(ADMIN, (Method::PATCH, &one), Some(&shown), 200).await;
    assert_eq!(changed["displayName"], "Sales");
    let kept = people.ask(ADMIN, (Method::GET, &native), None, 200).await;
    assert_eq!(kept["connectors"], json!([rule]));
    assert_eq!(kept["defaultGroup"], "Blocked");
    // what cannot be
    for (method, path, body, status) in [
        (Method::POST, &all, json!({"connectorGroups": []}), 400),
        (Method::POST, &all, json!({"displayName": "x", "environmentType": "Some"}), 400),
        (
            Method::POST,
            &all,
            json!({"displayName": "x", "environmentType": "OnlyEnvironments"}),
            400,
        ),
        (Method::PUT, &one, json!({}), 405),
    ] {
        let refused = people.ask(HEAD, (method, path), Some(&body), status).await;
        assert_ne!(refused["error"]["message"], json!(null));
    }
    people.ask(STRANGER, (Method::PATCH, &one), Some(&json!({"displayName": "x"})), 404).await;
    people.ask(ADMIN, (Method::DELETE, &one), None, 204).await;
    people.ask(ADMIN, (Method::GET, &one), None, 404).await;
}
