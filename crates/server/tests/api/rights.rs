//! Who may do what, over real HTTP: every operation of the reference page, for every kind of
//! caller, is answered as the page says.

use crate::people::{PROVIDER, People};
use reqwest::Method;
use serde_json::{Value, json};

/// What is sent for an operation: method, path, body.
fn request(
    people: &People,
    operation: &str,
    flow: &str,
    run: &str,
) -> Option<(Method, String, Value)> {
    let mine = format!("{}/{flow}", people.flows());
    let theirs = format!("{}/{flow}", people.admin_flows());
    about_a_flow(people, operation, (&mine, &theirs), run)
        .or_else(|| about_an_environment(people, operation))
}

fn get(path: String) -> Option<(Method, String, Value)> {
    Some((Method::GET, path, Value::Null))
}

fn post(path: String, body: Value) -> Option<(Method, String, Value)> {
    Some((Method::POST, path, body))
}

fn about_a_flow(
    people: &People,
    operation: &str,
    (mine, theirs): (&str, &str),
    run: &str,
) -> Option<(Method, String, Value)> {
    let nothing = Value::Null;
    let put = json!({"put": [{"properties": {
        "principal": {"id": people.all[4].id, "type": "User"}
    }}]});
    match operation {
        "CancelFlowRun" => post(format!("{mine}/runs/{run}/cancel"), nothing),
        "DeleteFlow" => Some((Method::DELETE, mine.to_owned(), nothing)),
        "GetFlow" => get(mine.to_owned()),
        "AdminGetFlow" => get(theirs.to_owned()),
        "ListCallbackUrl" => post(format!("{mine}/triggers/manual/listCallbackUrl"), nothing),
        "ListFlowOwners" => get(format!("{mine}/owners")),
        "ListFlowUsers" => get(format!("{mine}/users")),
        "ModifyFlowOwners" => post(format!("{mine}/modifyOwners"), put),
        "AdminModifyFlowOwners" => post(format!("{theirs}/modifyOwners"), put),
        "ModifyRunOnlyUsers" => post(format!("{mine}/modifyUsers"), put),
        "AdminRestoreFlow" => post(format!("{theirs}/restore"), nothing),
        "ResubmitFlow" => post(format!("{mine}/triggers/manual/histories/{run}/resubmit"), nothing),
        "StopFlow" => post(format!("{mine}/stop"), nothing),
        "StartFlow" => post(format!("{mine}/start"), nothing),
        "UpdateFlow" => {
            let patch = json!({"properties": {"displayName": "Other"}});
            Some((Method::PATCH, mine.to_owned(), patch))
        }
        "Disable-AdminFlow" => post(format!("{theirs}/stop"), json!({})),
        "Edit-AdminFlowOwnerRole" => post(format!("{theirs}/modifyPermissions"), put),
        "Enable-AdminFlow" => post(format!("{theirs}/start"), json!({})),
        "Get-AdminFlowOwnerRole" => get(format!("{theirs}/permissions")),
        "Remove-AdminFlow" => Some((Method::DELETE, theirs.to_owned(), nothing)),
        "ListFlowRuns" => get(format!("{mine}/runs")),
        "ListFlowRunsAsAdmin" => get(format!("{theirs}/runs")),
        "RunFlow" => post(format!("{mine}/triggers/manual/run"), json!({})),
        _ => None,
    }
}

fn about_an_environment(people: &People, operation: &str) -> Option<(Method, String, Value)> {
    let within = &people.environment;
    let environment = format!("{PROVIDER}/environments/{within}");
    let filter = format!("$filter=environment%20eq%20%27{within}%27");
    let apps = "/providers/Microsoft.PowerApps";
    let user = format!("{PROVIDER}/scopes/admin/users/{}", people.all[4].id);
    match operation {
        "CreateConnection" => Some((
            Method::PUT,
            format!("{apps}/apis/shared_sql/connections/0f0e?{filter}"),
            json!({"properties": {}}),
        )),
        "CreateFlow" => post(
            people.flows(),
            json!({"properties": {"displayName": "New", "state": "Stopped", "definition": {
                "triggers": {}, "actions": {}
            }}}),
        ),
        "GetApi" => get(format!("{apps}/apis/shared_sql?{filter}")),
        "ListApis" => get(format!("{apps}/apis?{filter}")),
        "ListFlowsInEnvironment_V2" => {
            get(format!("{PROVIDER}/scopes/admin/environments/{within}/v2/flows"))
        }
        "ListConnections" => get(format!("{apps}/connections?{filter}")),
        "ManageOwnAccount" => get("/api/v1/me/sessions".to_owned()),
        "ListUserEnvironments" => get(format!("{PROVIDER}/environments")),
        "ListMyFlows" => get(people.flows()),
        "Get-AdminFlowUserDetails" => get(user),
        "Remove-AdminFlowUserDetails" => Some((Method::DELETE, user, Value::Null)),
        "GetEnvironment" => get(environment),
        "AdminGetEnvironment" => get(format!(
            "/providers/Microsoft.BusinessAppPlatform/scopes/admin/environments/{within}"
        )),
        _ => None,
    }
}

/// Operation and, for each column, whether it is allowed.
fn page() -> Vec<(String, Vec<bool>)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/authorization.md");
    let text = std::fs::read_to_string(path).expect("the reference page");
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|line| {
        let mut cells = line.trim_matches('|').split('|').map(str::trim);
        let name = cells.next().expect("a name").trim_matches('`').to_owned();
        (name, cells.map(|cell| cell == "yes").collect())
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_is_open_to_those_on_the_page_only() {
    let people = People::meet().await;
    let mut tried = 0;
    for (operation, allowed) in page() {
        assert_eq!(allowed.len(), people.all.len(), "{operation}");
        for (who, is_allowed) in allowed.into_iter().enumerate() {
            let (flow, run) = people.flow().await;
            let Some((method, path, body)) = request(&people, &operation, &flow, &run) else {
                break;
            };
            if operation == "AdminRestoreFlow" {
                let path = format!("{PROVIDER}/environments/{}/flows/{flow}", people.environment);
                let deleted = people.send(0, Method::DELETE, &path, None).await;
                assert_eq!(deleted.status, 200, "{}", deleted.text);
            }
            let body = Some(&body).filter(|body| !body.is_null());
            let answer = people.send(who, method, &path, body).await;
            let refused = answer.status == 403;
            assert!(answer.status < 500, "{operation} by {who}: {}", answer.text);
            assert_ne!(answer.status, 401, "{operation} by {who}: {}", answer.text);
            assert_eq!(
                !refused, is_allowed,
                "{operation} by {who}: {} {}",
                answer.status, answer.text
            );
            // connectors come with connections; everything else that is allowed is done
            let is_missing = answer.text.contains("ApiResourceNotFound");
            let is_done = (200..300).contains(&answer.status) || is_missing;
            assert!(refused || is_done, "{operation} by {who}: {} {}", answer.status, answer.text);
            tried += 1;
        }
    }
    assert!(tried >= 30 * 8, "only {tried} calls were tried");
}
