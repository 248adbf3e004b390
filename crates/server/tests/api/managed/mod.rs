//! The administrators' connectors from inside of flows: every operation, as whom the
//! connection acts, and what of it is refused.

mod detail;
mod field;
mod limit;
mod machine;
pub mod node;
mod right;
mod scene;
mod still;
mod truth;

use crate::people::{ADMINISTRATOR, CO_OWNER, HEAD, OWNER, People, USER, flow_body};
use machine::{Connection, from_a_flow};
use reqwest::Method;
use serde_json::{Value, json};

pub const MANAGEMENT: &str = "shared_flowmanagement";
pub const ADMINS: &str = "shared_microsoftflowforadmins";

/// A call: operation, parameters, and the status it is answered with.
type Call = (&'static str, Value, u16);

/// Parameters with more of them.
pub fn with(mut base: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().expect("an object") {
        base[name] = value.clone();
    }
    base
}

#[tokio::test]
async fn flows_do_what_their_owner_may() {
    let people = People::meet().await;
    let (flow, run) = people.flow().await;
    let environment = json!({"environmentName": people.environment});
    let one = with(environment.clone(), &json!({"flowName": flow}));
    let (co_owner, whole) = (people.all[CO_OWNER].id.clone(), flow_body("Made", "Stopped"));
    let principal = json!([{"properties": {"principal": {"id": co_owner, "type": "User"}}}]);
    let whole = |name: &str| {
        let mut whole = whole["properties"].clone();
        whole["displayName"] = json!(name);
        json!({"Flow/properties": whole})
    };
    let calls: Vec<Call> = vec![
        ("ListUserEnvironments", json!({}), 200),
        ("ListApis", environment.clone(), 200),
        ("GetApi", with(environment.clone(), &json!({"apiName": MANAGEMENT})), 200),
        ("ListConnections", environment.clone(), 200),
        (
            "CreateConnection",
            with(
                environment.clone(),
                &json!({"apiName": ADMINS, "connection/properties":
                {"connectionParametersSet": {"name": "firstParty", "values": {}}}}),
            ),
            201,
        ),
        ("ListMyFlows", environment.clone(), 200),
        ("CreateFlow", with(environment.clone(), &whole("Second")), 201),
        ("GetFlow", one.clone(), 200),
        ("UpdateFlow", with(one.clone(), &whole("Renamed")), 200),
        ("StopFlow", one.clone(), 200),
        ("StartFlow", one.clone(), 200),
        ("ListFlowOwners", one.clone(), 200),
        ("ModifyFlowOwners", with(one.clone(), &json!({"body/put": principal})), 200),
        ("ListFlowUsers", one.clone(), 200),
        ("ModifyRunOnlyUsers", with(one.clone(), &json!({"body/put": principal})), 200),
        ("ListCallbackUrl", one.clone(), 200),
        ("CancelFlowRun", with(one.clone(), &json!({"runId": run})), 200),
        ("ResubmitFlow", with(one.clone(), &json!({"triggerName": "manual", "runId": run})), 202),
        (
            "GetFlow",
            with(environment.clone(), &json!({"flowName": "00000000-0000-0000-0000-000000000000"})),
            403,
        ),
        // an owner is no administrator
        ("AdminGetFlow", one.clone(), 403),
        ("ListFlowsInEnvironment_V2", environment.clone(), 403),
        ("DeleteFlow", one.clone(), 200),
    ];
    let bodies = from_a_flow(&people, OWNER, MANAGEMENT, &calls).await;
    assert_eq!(bodies[7]["name"], flow.as_str());
    assert!(bodies[7]["properties"]["connectionReferences"].is_array(), "{}", bodies[7]);
    assert_eq!(bodies[8]["properties"]["displayName"], "Renamed");
    assert!(bodies[15]["response"]["value"].is_string(), "{}", bodies[15]);
    assert_eq!(bodies[19]["error"]["code"].as_str().map(str::is_empty), Some(false));
}

#[tokio::test]
async fn flows_administer_as_who_made_the_connection() {
    let people = People::meet().await;
    let (flow, _) = people.flow().await;
    let environment = json!({"environmentName": people.environment});
    let one = with(environment.clone(), &json!({"flowName": flow}));
    let co_owner =
        json!([{"properties": {"principal": {"id": people.all[CO_OWNER].id, "type": "User"}}}]);
    let listed = with(environment.clone(), &json!({"$top": 1, "includeSoftDeletedFlows": true}));
    let calls: Vec<Call> = vec![
        ("ListFlowsInEnvironment", environment.clone(), 200),
        ("ListFlowsInEnvironment_V2", listed, 200),
        ("AdminGetFlow", one.clone(), 200),
        ("AdminGetFlow", with(one.clone(), &json!({"includeFlowDefinition": true})), 200),
        ("AdminModifyFlowOwners", with(one.clone(), &json!({"body/put": co_owner})), 200),
        // somebody else's flow is not an administrator's own
        ("GetFlow", one.clone(), 403),
        ("StopFlow", one.clone(), 403),
    ];
    let bodies = from_a_flow(&people, ADMINISTRATOR, MANAGEMENT, &calls).await;
    assert_eq!(bodies[1]["value"].as_array().map(Vec::len), Some(1));
    assert!(bodies[2]["properties"].get("definition").is_none_or(Value::is_null), "{}", bodies[2]);
    assert!(bodies[3]["properties"]["definition"].is_object(), "{}", bodies[3]);
    let place = json!({"environment": people.environment, "flow": flow});
    let put = json!({"body/put": [{"properties": {"roleName": "CanView",
        "principal": {"id": people.all[CO_OWNER].id, "type": "User", "email": "x", "displayName": "y"}}}]});
    let calls: Vec<Call> = vec![
        ("Disable-AdminFlow", place.clone(), 200),
        ("Enable-AdminFlow", with(place.clone(), &json!({"api-version": "2016-11-01"})), 200),
        ("Get-AdminFlowOwnerRole", place.clone(), 200),
        ("Edit-AdminFlowOwnerRole", with(place.clone(), &put), 200),
        // for the tenant's administrators, in person
        ("Get-AdminFlowUserDetails", json!({"userId": people.all[OWNER].id}), 403),
        ("Remove-AdminFlow", place.clone(), 200),
    ];
    from_a_flow(&people, ADMINISTRATOR, ADMINS, &calls).await;
    let restore: Vec<Call> = vec![("AdminRestoreFlow", one, 200)];
    from_a_flow(&people, ADMINISTRATOR, MANAGEMENT, &restore).await;
}

#[tokio::test]
async fn details_of_people_are_for_the_tenants_administrators() {
    let people = People::meet().await;
    people.flow().await;
    let roles = json!({"roles": [
        {"role": "tenantAdministrator"},
        {"role": "environmentMaker", "environment": people.environment}
    ]});
    let path = format!("/api/v1/users/{}/roles", people.all[HEAD].id);
    people.world.call(Method::PUT, &path, roles, 200).await;
    let user = json!({"userId": people.all[OWNER].id});
    let calls: Vec<Call> = vec![
        ("Get-AdminFlowUserDetails", user.clone(), 200),
        // who owns flows stays
        ("Remove-AdminFlowUserDetails", user, 400),
        ("Remove-AdminFlowUserDetails", json!({"userId": people.all[USER].id}), 200),
    ];
    from_a_flow(&people, HEAD, ADMINS, &calls).await;
}

/// UpdateFlow of the connector describes a whole flow, in flows as over HTTP; a PATCH of the
/// resource provider names what is to be different.
#[tokio::test]
async fn the_connectors_update_has_what_its_page_requires() {
    let people = People::meet().await;
    let (flow, _) = people.flow().await;
    let part = json!({"properties": {"state": "Stopped"}});
    let path = format!("{}/{flow}", people.flows());
    let shown = people.ask(OWNER, (Method::PATCH, &path), Some(&part), 200).await;
    assert_eq!(shown["properties"]["state"], "Stopped");
    let whole = json!({"properties": {"state": "Started", "displayName": "Named"}});
    let one = json!({"environmentName": people.environment, "flowName": flow});
    let with_part = with(one.clone(), &json!({"Flow/properties/state": "Stopped"}));
    let with_whole = with(one, &json!({"Flow": whole}));
    let calls = [("UpdateFlow", with_part), ("UpdateFlow", with_whole)];
    let within = &people.environment;
    let connection = Connection::of_person(&people, OWNER, within, MANAGEMENT).await;
    let outcomes = connection.machine(&people, &calls).await.run(&people).await;
    // nothing is sent
    assert_eq!(outcomes[0].status, 0, "{:?}", outcomes[0]);
    assert!(outcomes[0].message.contains("Flow/properties/displayName"), "{:?}", outcomes[0]);
    assert_eq!(outcomes[1].status, 200, "{:?}", outcomes[1]);
    assert_eq!(outcomes[1].body["properties"]["displayName"], "Named");
    let path =
        format!("/apim/flowmanagement/{}/environments/{within}/flows/{flow}", connection.name);
    let refused = people.ask(OWNER, (Method::PATCH, &path), Some(&part), 400).await;
    assert_eq!(refused["error"]["code"], "MissingProperty");
    people.ask(OWNER, (Method::PATCH, &path), Some(&whole), 200).await;
}
