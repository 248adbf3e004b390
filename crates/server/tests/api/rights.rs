//! Who may do what, over real HTTP: every operation of the reference page, for every kind of
//! caller, is answered as the page says.

use crate::people::{CONNECTOR, PROVIDER, People, connection_body, connector_body, flow_body};
use reqwest::Method;
use serde_json::{Value, json};

/// What is sent for an operation: method, path, body.
pub fn request(
    people: &People,
    operation: &str,
    flow: &str,
    run: &str,
) -> Option<(Method, String, Value)> {
    let mine = format!("{}/{flow}", people.flows());
    let theirs = format!("{}/{flow}", people.admin_flows());
    about_a_flow(people, operation, (&mine, &theirs), run)
        .or_else(|| about_a_connection(people, operation, flow))
        .or_else(|| about_an_app(people, operation, flow))
        .or_else(|| about_an_environment(people, operation))
        .or_else(|| about_the_server(people, operation, flow))
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
    let native = |what: &str| {
        let flow = mine.rsplit('/').next().unwrap_or_default();
        format!("/api/v1/flows/{flow}/{what}?environment=sales")
    };
    match operation {
        "SuspendFlow" => post(native("suspend"), json!({"reason": "CompanyDlpViolation"})),
        "CopyFlow" => post(native("copy"), json!({"environment": "sales"})),
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

/// The connection is called as the flow is.
fn about_a_connection(
    people: &People,
    operation: &str,
    name: &str,
) -> Option<(Method, String, Value)> {
    let apps = "/providers/Microsoft.PowerApps";
    let filter = format!("$filter=environment%20eq%20%27{}%27", people.environment);
    let one = format!("apis/{CONNECTOR}/connections/{name}");
    let mine = |rest: &str| format!("{apps}/{one}{rest}?{filter}");
    let scope = format!("{apps}/scopes/admin/environments/{}", people.environment);
    let native = |what: &str| {
        let environment = &people.environment;
        format!(
            "/api/v1/environments/{environment}/connectors/{CONNECTOR}/connections/{name}/{what}"
        )
    };
    let (nothing, connection) = (Value::Null, connection_body());
    let put = json!({"put": [{"properties": {
        "roleName": "CanView", "principal": {"id": people.all[4].id, "type": "User"}
    }}]});
    match operation {
        "CreateConnection" => {
            post(format!("{apps}/apis/{CONNECTOR}/connections?{filter}"), connection)
        }
        "GetConnection" => get(mine("")),
        "UseConnection" => get(format!("/apim/rights/{name}/anything")),
        "UpdateConnection" => Some((Method::PUT, mine(""), connection)),
        "TestConnection" => post(native("test"), nothing),
        "ResolveDynamicValues" => {
            post(native("dynamic"), json!({"operation": "None", "parameter": "none"}))
        }
        "ConsentConnection" => post(native("consents"), nothing),
        "DeleteConnection" => Some((Method::DELETE, mine(""), nothing)),
        "ModifyConnectionPermissions" => post(mine("/modifyPermissions"), put),
        "ListConnectionsAsAdmin" => get(format!("{scope}/connections")),
        "GetConnectionAsAdmin" => get(format!("{scope}/{one}")),
        "DeleteConnectionAsAdmin" => Some((Method::DELETE, format!("{scope}/{one}"), nothing)),
        "ModifyConnectionPermissionsAsAdmin" => {
            post(format!("{scope}/{one}/modifyPermissions"), put)
        }
        _ => None,
    }
}

/// The app is called as the flow is.
fn about_an_app(people: &People, operation: &str, name: &str) -> Option<(Method, String, Value)> {
    let apps = "/providers/Microsoft.PowerApps";
    let mine = format!("{apps}/apps/{name}");
    let theirs = format!("{apps}/scopes/admin/environments/{}/apps/{name}", people.environment);
    let native = format!("/api/v1/environments/{}/apps", people.environment);
    let stranger = &people.all[4].id;
    let put = json!({"put": [{"properties": {
        "roleName": "CanView", "principal": {"id": stranger, "type": "User"}
    }}]});
    match operation {
        "CreateApp" => post(native, json!({"displayName": "New"})),
        "ListApps" => get(format!("{apps}/apps")),
        "GetApp" => get(mine),
        "UpdateApp" => {
            Some((Method::PATCH, format!("{native}/{name}"), json!({"displayName": "Other"})))
        }
        "DeleteApp" => Some((Method::DELETE, mine, Value::Null)),
        "ModifyAppPermissions" => post(format!("{mine}/modifyPermissions"), put),
        "Get-AdminPowerApp" => get(theirs),
        "Remove-AdminPowerApp" => Some((Method::DELETE, theirs, Value::Null)),
        "Set-AdminPowerAppRoleAssignment" => post(format!("{theirs}/modifyPermissions"), put),
        "Set-AdminPowerAppOwner" => {
            post(format!("{theirs}/modifyAppOwner"), json!({"newAppOwner": stranger}))
        }
        "Set-AdminPowerAppApisToBypassConsent" => {
            let path = format!("{theirs}/setPowerAppConnectionDirectConsentBypass");
            post(path, json!({"bypassconsent": true}))
        }
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
        "CreateFlow" => post(people.flows(), flow_body("New", "Stopped")),
        "GetApi" => get(format!("{apps}/apis/{CONNECTOR}?{filter}")),
        "ListApisAsAdmin" => {
            get(format!("{apps}/scopes/admin/environments/{within}/apis/{CONNECTOR}"))
        }
        "CreateApi" => {
            let body = connector_body("shared_other");
            post(format!("/api/v1/environments/{within}/connectors"), body)
        }
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
        "ListApprovals" => get("/api/v1/approvals".to_owned()),
        "CreateApproval" => {
            let body =
                json!({"approvalType": "Basic", "title": "Buy", "assignedTo": "user@example.org"});
            post(format!("/api/v1/environments/{within}/approvals"), body)
        }
        "ManageApprovals" => get(format!("/api/v1/environments/{within}/approvals")),
        "GetEnvironment" => get(environment),
        "AdminGetEnvironment" => get(format!(
            "/providers/Microsoft.BusinessAppPlatform/scopes/admin/environments/{within}"
        )),
        _ => None,
    }
}

fn about_the_server(
    people: &People,
    operation: &str,
    flow: &str,
) -> Option<(Method, String, Value)> {
    let native = "/api/v1";
    // there is one of a name
    let name = flow.to_owned();
    match operation {
        "ExportFlow" => post(
            format!(
                "/providers/Microsoft.BusinessAppPlatform/environments/{}/exportPackage",
                people.environment
            ),
            json!({"includedResourceIds": [format!("/providers/Microsoft.Flow/flows/{flow}")]}),
        ),
        "ReadDirectory" => {
            get("/v1.0/users?$filter=userPrincipalName%20eq%20%27owner@example.org%27".to_owned())
        }
        "ManageDirectory" => post(format!("{native}/groups"), json!({"displayName": name})),
        "ManageEnvironments" => post(format!("{native}/environments"), json!({"name": name})),
        "ManageDataPolicies" => {
            let body = json!({"scope": {"kind": "AllEnvironments"}, "defaultGroup": "NonBusiness"});
            Some((Method::PUT, format!("{native}/data-policies/all"), body))
        }
        "ManageEnvironmentDataPolicies" => {
            get(format!("{native}/data-policies/violations?environment={}", people.environment))
        }
        "ManageServer" => get(format!("{native}/retention")),
        "ManageOwnAccount" => get(format!("{native}/me")),
        "ReadAudit" => get(format!("{native}/audit")),
        _ => None,
    }
}

/// Operations whose path takes several rights, so that no single row can be told by it:
/// tests of their own try them.
const ELSEWHERE: [&str; 18] = [
    "PutConnectionBackend",
    "PutConnectionBackendAsAdmin",
    "ChangeApi",
    "ChangeApiAsAdmin",
    "MoveFlow",
    "Move-AdminFlow",
    "ReadEnvironmentVariables",
    "CreateEnvironmentVariable",
    "ManageEnvironmentVariables",
    "CreateRecording",
    "ManageRecordings",
    "CreateVault",
    "ReadVault",
    "ChangeVault",
    "ManageVaults",
    "GetApproval",
    "AnswerApproval",
    "CancelApproval",
];

/// Operation and, for each column, whether it is allowed.
pub fn page() -> Vec<(String, Vec<bool>)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/authorization.md");
    let text = std::fs::read_to_string(path).expect("the reference page");
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|line| {
        let mut cells = line.trim_matches('|').split('|').map(str::trim);
        let name = cells.next().expect("a name").trim_matches('`').to_owned();
        (name, cells.map(|cell| cell == "yes").collect())
    })
    .filter(|(name, _)| !ELSEWHERE.contains(&name.as_str()))
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
            if about_a_connection(&people, &operation, &flow).is_some() {
                people.connection(&flow).await;
            }
            if about_an_app(&people, &operation, &flow).is_some() {
                people.app(&flow).await;
            }
            let (method, path, body) = request(&people, &operation, &flow, &run)
                .unwrap_or_else(|| panic!("{operation} has no request here"));
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
            // what is called over a connection is no operation of the connector, and of
            // those that make one under a name, only the first does; and nobody signs in for
            // a connection with a key
            let is_known = ["OperationNotFound", "ConnectorExists", "InvalidOAuthSettings"]
                .iter()
                .any(|code| answer.text.contains(code));
            let is_done = (200..300).contains(&answer.status) || is_known;
            assert!(refused || is_done, "{operation} by {who}: {} {}", answer.status, answer.text);
            tried += 1;
        }
    }
    assert!(tried >= 41 * people.all.len(), "only {tried} calls were tried");
}

/// Sharing a flow with a program gives it nothing: it is no person.
#[tokio::test]
async fn a_program_that_shares_a_flow_may_do_nothing_with_it() {
    let people = People::meet().await;
    let (flow, run) = people.flow().await;
    let share = json!({"put": [{"properties": {
        "principal": {"id": people.all[PROGRAM].id, "type": "ServicePrincipal"}
    }}]});
    let modify = format!("{}/{flow}/modifyOwners", people.flows());
    people.ask(0, (Method::POST, &modify), Some(&share), 200).await;
    let mut tried = 0;
    for (operation, allowed) in page() {
        let (method, path, body) = request(&people, &operation, &flow, &run).expect("a request");
        let is_flow = !path.contains("connections/") && !path.contains("/apps/");
        if !allowed[0] || !path.contains(&flow) || !is_flow {
            continue;
        }
        let body = Some(&body).filter(|body| !body.is_null());
        let answer = people.send(PROGRAM, method, &path, body).await;
        assert_eq!(answer.status, 403, "{operation}: {}", answer.text);
        tried += 1;
    }
    assert!(tried >= 14, "only {tried} calls were tried");
}

/// In an environment, a program without a role.
const PROGRAM: usize = 7;
