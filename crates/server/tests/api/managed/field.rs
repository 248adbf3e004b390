//! Each field of each answer, as flows get it, is what is so.

use super::machine::{Call, Outcome};
use super::scene::{APIS, ICON, Scene, share, whole};
use super::truth::MOMENT;
use super::{ADMINS, MANAGEMENT, with};
use crate::operation::shape;
use crate::people::{ADMINISTRATOR, CO_OWNER, CONNECTOR, HEAD, OWNER, PROVIDER, STRANGER, USER};
use crate::support::api::path_of;
use crate::world::Answer;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The address of the connector's picture, which must lead to it.
async fn icon(scene: &Scene, api: &Value) -> Value {
    let uri = &api["properties"]["iconUri"];
    let path = path_of(uri.as_str().expect("an address"));
    let answer = Answer::of(scene.people.world.api.request(Method::GET, path)).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, ICON), "{uri}");
    uri.clone()
}

/// The addresses of pictures end at different moments: they are compared as one.
fn with_icon(value: &Value, icon: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|it| with_icon(it, icon)).collect(),
        Value::Object(entries) => entries
            .iter()
            .map(|(name, it)| match name.as_str() {
                "iconUri" if it.is_string() => (name.clone(), icon.clone()),
                _ => (name.clone(), with_icon(it, icon)),
            })
            .collect(),
        other => other.clone(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_that_flows_get_is_what_is_so() {
    let mut scene = Scene::set().await;
    lists_of_the_owner(&mut scene).await;
    flows_of_the_owner(&mut scene).await;
    shares_of_the_owner(&mut scene).await;
    runs_of_the_owner(&mut scene).await;
    lists_of_the_administrator(&mut scene).await;
    flows_of_the_administrator(&mut scene).await;
    roles_of_the_administrator(&mut scene).await;
    users_of_the_head(&mut scene).await;
    let known = [MANAGEMENT, ADMINS].map(server::app::connector::management::operations);
    let known: BTreeSet<&str> = known.into_iter().flatten().map(|it| it.id).collect();
    assert_eq!(scene.called, known, "operations that no flow called");
}

async fn lists_of_the_owner(scene: &mut Scene) {
    let within = json!({"environmentName": scene.people.environment});
    let of = |name: &str| with(within.clone(), &json!({"apiName": name}));
    let outcomes = scene
        .calls(
            OWNER,
            &[
                ("ListUserEnvironments", json!({})),
                ("ListApis", within.clone()),
                ("GetApi", of(CONNECTOR)),
                ("GetApi", of(MANAGEMENT)),
                ("ListConnections", within.clone()),
            ],
        )
        .await;
    let [environments, apis, own, built_in, connections] = &outcomes[..] else { unreachable!() };
    scene.shows(environments, "ResourceArray[Environment]", &environments_of(scene));
    let icon = icon(scene, &own.body).await;
    assert_eq!((own.status, built_in.status), (200, 200));
    scene.shows(own, "ApiWithoutConnectionParameters", &scene.api(&icon));
    let management = scene.built_in(MANAGEMENT, "Power Automate Management");
    scene.shows(built_in, "ApiWithoutConnectionParameters", &management);
    let listed = scene.truth.picked("ResourceArray[ApiWithoutConnectionParameters]", &apis.body);
    let listed = with_icon(&listed["value"], &icon);
    let listed = listed.as_array().expect("a list");
    let admins = scene.built_in(ADMINS, "Power Automate for Admins");
    for expected in [scene.api(&icon), management, admins] {
        assert!(listed.contains(&expected), "{expected} is not in {}", apis.body);
    }
    // its own connectors and those that come with the server, and no others
    let all = server::app::connector::builtin::all().len() + 1;
    assert_eq!(listed.len(), all, "{}", apis.body);
    shape::check("ResourceArray[ApiWithoutConnectionParameters]", &apis.body, "ListApis");
    let connection = json!({"name": "c1", "properties": {"displayName": "Mine",
        "apiId": format!("{APIS}/{CONNECTOR}"), "createdTime": MOMENT, "lastModifiedTime": MOMENT}});
    let definition = "ResourceArray[ConnectionWithoutConnectionParameters]";
    scene.shows(connections, definition, &json!({"value": [connection]}));
}

fn environments_of(scene: &Scene) -> Value {
    let sales = json!({
        "name": scene.people.environment, "location": "local", "properties": {
            "displayName": "sales", "description": "Where sales happen",
            "createdTime": MOMENT, "lastModifiedTime": MOMENT,
            "provisioningState": "Succeeded", "creationType": "User",
            "environmentSku": "Production", "environmentType": "Production", "isDefault": false
        }
    });
    let default = json!({
        "name": format!("Default-{}", scene.tenant), "location": "local", "properties": {
            "displayName": "Default",
            // it is there before anybody makes it
            "createdTime": null, "lastModifiedTime": null,
            "provisioningState": "Succeeded", "creationType": "DefaultTenant",
            "environmentSku": "Default", "environmentType": "NotSpecified", "isDefault": true
        }
    });
    json!({"value": [default, sales]})
}

/// Calls about flows in their owner's own right.
fn calls_of_the_owner(scene: &Scene) -> Vec<Call> {
    let within = json!({"environmentName": scene.people.environment});
    let one = with(within.clone(), &json!({"flowName": scene.flow}));
    let told = |name: &str, state: &str| {
        let mut flow = whole(name)["properties"].clone();
        flow["state"] = json!(state);
        json!({"Flow/properties": flow})
    };
    let connection = json!({"apiName": CONNECTOR, "connection/properties":
        {"displayName": "Another", "connectionParameters": {"key": "k"}}});
    vec![
        ("ListMyFlows", within.clone()),
        ("GetFlow", one.clone()),
        ("ListCallbackUrl", one.clone()),
        ("CreateConnection", with(within.clone(), &connection)),
        ("CreateFlow", with(within, &told("Made", "Stopped"))),
        ("UpdateFlow", with(one.clone(), &told("Renamed", "Started"))),
        ("StopFlow", one.clone()),
        ("GetFlow", one.clone()),
        ("StartFlow", one.clone()),
        ("GetFlow", one),
    ]
}

async fn flows_of_the_owner(scene: &mut Scene) {
    let calls = calls_of_the_owner(scene);
    let outcomes = scene.calls(OWNER, &calls).await;
    let [mine, shown, url, connection, made, renamed, stop, stopped, start, started] =
        &outcomes[..]
    else {
        unreachable!()
    };
    let icon =
        icon(scene, &shown.body["properties"]["connectionReferences"][0]["apiDefinition"]).await;
    let by_key = json!({CONNECTOR: scene.reference(&icon)});
    let listed = json!([scene.reference(&icon)]);
    let picked = |outcome: &Outcome, definition: &str| {
        with_icon(&scene.truth.picked(definition, &outcome.body), &icon)
    };
    let flow = |title: &str, state: &str, references: &Value| {
        scene.full((&scene.flow, title, state), references.clone())
    };
    let mut expected = flow("Whole", "Started", &by_key);
    expected["properties"]["estimatedSuspensionData"] =
        json!({"reason": null, "time": null, "powerAppPlanExcluded": false});
    let flows = mine.body["value"].as_array().expect("a list");
    let flows: Vec<&Value> = flows.iter().filter(|it| it["name"] == scene.flow.as_str()).collect();
    let [item] = flows[..] else { panic!("{}", mine.body) };
    assert_eq!(with_icon(&scene.truth.picked("AdminFlow", item), &icon), expected, "{item}");
    let definition = "FlowWithConnectionReferences";
    for (outcome, title, state) in [
        (shown, "Whole", "Started"),
        (stopped, "Renamed", "Stopped"),
        (started, "Renamed", "Started"),
    ] {
        assert_eq!(picked(outcome, definition), flow(title, state, &listed), "{}", outcome.body);
    }
    assert_eq!((stop.status, &stop.body), (200, &Value::Null));
    assert_eq!((start.status, &start.body), (200, &Value::Null));
    let short = |name: &str, title: &str, state: &str| {
        let mut flow = scene.flow((name, title, state));
        flow["properties"]["connectionReferences"] = by_key.clone();
        flow
    };
    let name = made.body["name"].as_str().expect("a name");
    assert_ne!(name, scene.flow);
    assert_eq!(made.status, 201);
    assert_eq!(picked(made, "Flow"), short(name, "Made", "Stopped"), "{}", made.body);
    let expected = short(&scene.flow, "Renamed", "Started");
    assert_eq!(picked(renamed, "Flow"), expected, "{}", renamed.body);
    created(scene, connection).await;
    runs_by(scene, url).await;
}

/// The connection is there, under the name that was answered.
async fn created(scene: &Scene, outcome: &Outcome) {
    assert_eq!(outcome.status, 201, "{outcome:?}");
    let name = outcome.body["name"].as_str().expect("a name");
    assert_eq!(name.len(), 32, "{name}");
    let expected = json!({"name": name, "properties": {"displayName": "Another",
        "apiId": format!("{APIS}/{CONNECTOR}"), "createdTime": MOMENT, "lastModifiedTime": MOMENT}});
    scene.shows(outcome, "ConnectionWithoutConnectionParameters", &expected);
    let at = format!("apis/{CONNECTOR}/connections/{name}");
    let shown = scene.people.api(OWNER, Method::GET, &at, None, 200).await;
    assert_eq!(shown, outcome.body);
}

/// The address that was answered begins runs.
async fn runs_by(scene: &Scene, outcome: &Outcome) {
    let url = outcome.body["response"]["value"].as_str().expect("an address");
    assert!(url.starts_with(&scene.base), "{url}");
    let answer = scene.people.world.fire(path_of(url), &json!({})).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    let run = scene.people.world.api.get(&format!("/api/v1/runs/{}", answer.run())).await;
    assert_eq!(run["flow"], scene.flow.as_str(), "{run}");
}

async fn shares_of_the_owner(scene: &mut Scene) {
    let one = json!({"environmentName": scene.people.environment, "flowName": scene.flow});
    let (stranger, user) = (&scene.people.all[STRANGER].id, &scene.people.all[USER].id);
    let owners = json!({"body/put": [share(stranger, "User")],
        "body/delete": [share(&scene.team, "Group")]});
    let users = json!({"body/put": [share(&scene.people.all[HEAD].id, "User")],
        "body/delete": [share(user, "User")]});
    let calls = [
        ("ListFlowOwners", one.clone()),
        ("ListFlowUsers", one.clone()),
        ("ModifyFlowOwners", with(one.clone(), &owners)),
        ("ModifyRunOnlyUsers", with(one.clone(), &users)),
        ("ListFlowOwners", one.clone()),
        ("ListFlowUsers", one.clone()),
    ];
    let outcomes = scene.calls(OWNER, &calls).await;
    let owner = scene.person("Owner", OWNER, "owner");
    let names = [Some("Ann"), Some("ann@mail.example.org"), Some("ann@example.org")];
    let ann = scene.principal("CanEdit", &scene.ann, "User", names);
    let team = scene.principal("CanEdit", &scene.team, "Group", [Some("The team"), None, None]);
    let new = scene.person("CanEdit", STRANGER, "stranger");
    for (at, expected) in [
        (0, json!([owner, ann, team])),
        (1, json!([scene.person("CanView", USER, "user")])),
        (4, json!([owner, ann, new])),
        (5, json!([scene.person("CanView", HEAD, "head")])),
    ] {
        let expected = json!({"value": expected});
        scene.shows(&outcomes[at], "ResourceArray[FlowPermission]", &expected);
    }
    for at in [2, 3] {
        assert_eq!((outcomes[at].status, &outcomes[at].body), (200, &Value::Null));
    }
}

async fn runs_of_the_owner(scene: &mut Scene) {
    let (flow, run) = scene.waiting.clone();
    let one = json!({"environmentName": scene.people.environment, "flowName": flow});
    let again = json!({"triggerName": "manual", "runId": run});
    let calls = [
        ("CancelFlowRun", with(one.clone(), &json!({"runId": run}))),
        ("ResubmitFlow", with(one.clone(), &again)),
        ("DeleteFlow", one.clone()),
        ("GetFlow", one.clone()),
    ];
    let outcomes = scene.calls(OWNER, &calls).await;
    let statuses: Vec<u16> = outcomes.iter().map(|it| it.status).collect();
    assert_eq!(statuses, [200, 202, 200, 404], "{outcomes:?}");
    for outcome in &outcomes[..3] {
        assert_eq!(outcome.body, Value::Null, "{outcome:?}");
    }
    let path = format!("/api/v1/runs/{run}");
    assert_eq!(scene.people.world.api.get(&path).await["status"], "Cancelled");
}

async fn lists_of_the_administrator(scene: &mut Scene) {
    let within = json!({"environmentName": scene.people.environment});
    let asked = json!({"$top": 50, "expandSuspensionInfo": true, "includeSoftDeletedFlows": true});
    let calls = [
        ("ListFlowsInEnvironment", within.clone()),
        ("ListFlowsInEnvironment_V2", within.clone()),
        ("ListFlowsInEnvironment_V2", with(within.clone(), &asked)),
    ];
    let outcomes = scene.calls(ADMINISTRATOR, &calls).await;
    let item = |at: usize, name: &str| -> Option<Value> {
        let items = outcomes[at].body["value"].as_array().expect("a list");
        items.iter().find(|it| it["name"] == name).cloned()
    };
    let shown = item(0, &scene.flow).expect("the flow");
    let reference = &shown["properties"]["connectionReferences"][CONNECTOR];
    let icon = icon(scene, &reference["apiDefinition"]).await;
    let by_key = json!({CONNECTOR: scene.reference(&icon)});
    let mut expected = scene.full((&scene.flow, "Renamed", "Started"), by_key);
    let nothing = json!({"reason": null, "time": null, "powerAppPlanExcluded": false});
    expected["properties"]["estimatedSuspensionData"] = nothing.clone();
    assert_eq!(scene.truth.picked("AdminFlow", &shown), expected, "{shown}");
    let short = |name: &str, title: &str, state: &str| {
        json!({"name": name, "properties": {"displayName": title, "state": state,
            "createdTime": MOMENT, "lastModifiedTime": MOMENT}})
    };
    let picked = |flow: &Value| scene.truth.picked("AdminFlowWithoutDefinition", flow);
    for at in [1, 2] {
        let shown = item(at, &scene.flow).expect("the flow");
        assert_eq!(picked(&shown), short(&scene.flow, "Renamed", "Started"));
        let said = shown["properties"].get("estimatedSuspensionData");
        assert_eq!(said, (at == 2).then_some(&nothing), "{shown}");
        // it names flows, and does not describe them
        for name in ["definition", "connectionReferences", "definitionSummary"] {
            assert_eq!(shown["properties"].get(name), None, "{shown}");
        }
    }
    assert_eq!((item(0, &scene.deleted), item(1, &scene.deleted)), (None, None));
    let shown = item(2, &scene.deleted).expect("the deleted flow");
    assert_eq!(picked(&shown), short(&scene.deleted, "Deleted", "Deleted"));
}

async fn flows_of_the_administrator(scene: &mut Scene) {
    let within = json!({"environmentName": scene.people.environment});
    let one = with(within.clone(), &json!({"flowName": scene.flow}));
    let gone = with(within, &json!({"flowName": scene.deleted}));
    let co_owner = &scene.people.all[CO_OWNER].id;
    let owners = json!({"body/put": [share(co_owner, "User")],
        "body/delete": [share(&scene.ann, "User")]});
    let calls = [
        ("AdminGetFlow", one.clone()),
        ("AdminGetFlow", with(one.clone(), &json!({"includeFlowDefinition": true}))),
        ("AdminModifyFlowOwners", with(one.clone(), &owners)),
        ("AdminRestoreFlow", gone.clone()),
        ("AdminGetFlow", gone),
    ];
    let outcomes = scene.calls(ADMINISTRATOR, &calls).await;
    let api = &outcomes[0].body["properties"]["connectionReferences"][0]["apiDefinition"];
    let icon = icon(scene, api).await;
    let listed = json!([scene.reference(&icon)]);
    for (at, flow, is_defined) in [
        (0, (scene.flow.as_str(), "Renamed", "Started"), false),
        (1, (&scene.flow, "Renamed", "Started"), true),
        (4, (&scene.deleted, "Deleted", "Stopped"), false),
    ] {
        let body = &outcomes[at].body;
        let found = scene.truth.picked("AdminFlowWithConnectionReferences", body);
        assert_eq!(with_icon(&found, &icon), scene.full(flow, listed.clone()), "{body}");
        let said = body["properties"].get("definition");
        let actions = said.and_then(|it| it.pointer("/actions/Ask/inputs/host/operationId"));
        assert_eq!(actions, is_defined.then_some(&json!("Get")), "{body}");
    }
    for at in [2, 3] {
        assert_eq!((outcomes[at].status, &outcomes[at].body), (200, &Value::Null));
    }
}

async fn roles_of_the_administrator(scene: &mut Scene) {
    let one = json!({"environment": scene.people.environment, "flow": scene.flow});
    let ann = json!({"properties": {"roleName": "CanView",
        "principal": {"id": scene.ann, "type": "User", "email": "x", "displayName": "y"}}});
    let at = format!("{}/{}", scene.people.flows(), scene.flow);
    let permission = |who: usize| format!("{at}/permissions/{}", scene.people.all[who].id);
    let change = json!({"body/put": [ann], "body/delete": [{"id": permission(STRANGER)}],
        "Content-Type": "application/json", "api-version": "2016-11-01"});
    let calls = [
        ("Get-AdminFlowOwnerRole", one.clone()),
        ("Edit-AdminFlowOwnerRole", with(one.clone(), &change)),
        ("Get-AdminFlowOwnerRole", with(one.clone(), &json!({"api-version": "2016-11-01"}))),
        ("Disable-AdminFlow", one.clone()),
        ("Enable-AdminFlow", with(one.clone(), &json!({"api-version": "2016-11-01"}))),
        ("Remove-AdminFlow", one.clone()),
        ("Get-AdminFlowOwnerRole", one.clone()),
    ];
    let outcomes = scene.calls(ADMINISTRATOR, &calls).await;
    let role = |role: &str, id: &str| {
        json!({
            "name": id, "id": format!("{at}/permissions/{id}"),
            "type": "/providers/Microsoft.ProcessSimple/environments/flows/permissions",
            "properties": {"roleName": role, "permissionType": "Principal",
                "principal": {"id": id, "type": "User"}}
        })
    };
    let of = |name: &str, who: usize| role(name, &scene.people.all[who].id);
    let (owner, head) = (of("Owner", OWNER), of("CanView", HEAD));
    let (new, co_owner) = (of("CanEdit", STRANGER), of("CanEdit", CO_OWNER));
    let before = json!([owner, new, head, co_owner]);
    let after = json!([owner, head, co_owner, role("CanView", &scene.ann)]);
    for (at, expected) in [(0, before), (2, after)] {
        let picked = scene.truth.picked("Permissions", &outcomes[at].body);
        assert_eq!(sorted(&picked), sorted(&json!({"value": expected})), "{}", outcomes[at].body);
    }
    for at in [1, 3, 4, 5] {
        assert_eq!((outcomes[at].status, &outcomes[at].body), (200, &Value::Null));
    }
    let gone = &outcomes[6];
    assert_eq!((gone.status, gone.code.as_str()), (404, "FlowNotFound"));
}

/// Who shares a flow, in one order.
fn sorted(list: &Value) -> Vec<String> {
    let mut items: Vec<String> =
        list["value"].as_array().expect("a list").iter().map(Value::to_string).collect();
    items.sort();
    items
}

async fn users_of_the_head(scene: &mut Scene) {
    // who owns flows stays a user of them
    let (user, owner) = (scene.ann.clone(), scene.people.all[OWNER].id.clone());
    let calls = [
        ("Get-AdminFlowUserDetails", json!({"userId": owner})),
        ("Remove-AdminFlowUserDetails", json!({"userId": owner})),
        ("Remove-AdminFlowUserDetails", json!({"userId": user})),
    ];
    let outcomes = scene.calls(HEAD, &calls).await;
    // nobody has signed in by a program, and the rest is nothing that is noted here
    let expected = json!({"tenantId": scene.tenant, "puid": null, "objectId": owner,
        "isDisallowedForInternalPlans": false, "consentTime": null,
        "serviceSettingsSelectionTime": null, "consentBusinessAppPlatformTime": null});
    scene.shows(&outcomes[0], "UserDetails", &expected);
    assert_eq!((outcomes[1].status, outcomes[1].code.as_str()), (400, "UserOwnsFlows"));
    assert_eq!((outcomes[2].status, &outcomes[2].body), (200, &Value::Null));
    let path = format!("{PROVIDER}/scopes/admin/users/{user}");
    scene.people.ask(HEAD, (Method::GET, &path), None, 200).await;
}
