//! The resource providers, as clients of Power Automate call them.

use crate::people::{
    ADMINISTRATOR as ADMIN, CO_OWNER, HEAD, OWNER, PROVIDER, People, STRANGER, USER,
};
use crate::world::Answer;
use reqwest::Method;
use serde_json::{Value, json};

fn definition() -> Value {
    json!({
        "$schema": "https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#",
        "contentVersion": "1.0.0.0",
        "triggers": {"manual": {"type": "Request", "kind": "Button", "inputs": {"schema": {
            "type": "object", "properties": {"text": {"type": "string"}}
        }}}},
        "actions": {
            "Each": {
                "type": "Foreach",
                "foreach": "@createArray(1, 2)",
                "actions": {"Inner": {"type": "Compose", "inputs": "@item()", "runAfter": {}}},
                "runAfter": {}
            },
            "Say": {
                "type": "Compose",
                "inputs": "@concat('said ', triggerBody()?['text'])",
                "runAfter": {"Each": ["Succeeded"]}
            }
        }
    })
}

fn flow_body(name: &str) -> Value {
    json!({"properties": {
        "displayName": name,
        "state": "Started",
        "definition": definition(),
        "connectionReferences": [{
            "connectionName": "shared-sql-1",
            "source": "Embedded",
            "id": "/providers/Microsoft.PowerApps/apis/shared_sql"
        }],
        // what the server knows better
        "creator": {"objectId": "somebody else", "userId": "x", "tenantId": "y", "userType": "z"},
        "createdTime": "1999-01-01T00:00:00Z",
        "flowTriggerUri": "https://example.org/"
    }})
}

async fn create(people: &People, who: usize, name: &str) -> Value {
    let path = people.flows();
    people.ask(who, (Method::POST, &path), Some(&flow_body(name)), 201).await
}

fn name(flow: &Value) -> &str {
    flow["name"].as_str().expect("a name")
}

fn names(list: &Value) -> Vec<&str> {
    list["value"].as_array().expect("a list").iter().map(name).collect()
}

#[tokio::test]
async fn a_flow_has_the_fields_of_the_contract() {
    let people = People::meet().await;
    let made = create(&people, OWNER, "Invoices").await;
    let properties = &made["properties"];
    assert_eq!(properties["displayName"], "Invoices");
    assert_eq!(properties["state"], "Started");
    assert_eq!(properties["creator"]["objectId"], people.all[OWNER].id.as_str());
    assert_ne!(properties["createdTime"], "1999-01-01T00:00:00Z");
    assert_ne!(properties["flowTriggerUri"], "https://example.org/");
    let references = properties["connectionReferences"].as_object().expect("an object");
    assert_eq!(references["shared_sql"]["connectionName"], "shared-sql-1");
    let kinds: Vec<&Value> = properties["definitionSummary"]["actions"]
        .as_array()
        .expect("actions")
        .iter()
        .map(|action| &action["type"])
        .collect();
    assert_eq!(kinds, ["Foreach", "Compose", "Compose"]);
    assert_eq!(properties["definitionSummary"]["triggers"][0]["kind"], "Button");
    assert_eq!(properties["definition"]["actions"]["Say"]["type"], "Compose");
    assert_eq!(properties["environment"]["name"], people.environment.as_str());
    let id = format!("{}/{}", people.flows(), name(&made));
    assert_eq!(made["id"], id.as_str());
    // letters and slashes do not matter
    let odd = format!(
        "/providers/microsoft.processsimple/Environments/{}//Flows/{}?api-version=2016-11-01'",
        people.environment,
        name(&made).to_uppercase()
    );
    let shown = people.ask(OWNER, (Method::GET, &odd), None, 200).await;
    assert_eq!(shown["name"], made["name"]);
}

#[tokio::test]
async fn a_bad_flow_is_refused_with_what_is_wrong() {
    let people = People::meet().await;
    let path = people.flows();
    let cases = [
        (
            json!({"properties": {"state": "Started", "definition": definition()}}),
            "MissingProperty",
        ),
        (json!({"properties": {"displayName": "x", "state": "Started"}}), "MissingProperty"),
        (
            json!({"properties": {"displayName": "x", "state": "On", "definition": definition()}}),
            "InvalidFlowState",
        ),
        (
            json!({"properties": {
                "displayName": "x", "state": "Stopped", "definition": {"actions": {"A": {"type": 7}}}
            }}),
            "InvalidDefinition",
        ),
        (
            json!({"properties": {
                "displayName": "x", "state": "Started", "definition": definition(),
                "connectionReferences": 7
            }}),
            "InvalidRequestContent",
        ),
        (json!([]), "InvalidRequestContent"),
    ];
    for (body, code) in cases {
        let refused = people.ask(OWNER, (Method::POST, &path), Some(&body), 400).await;
        assert_eq!(refused["error"]["code"], code, "{body}");
    }
    let listed = people.ask(OWNER, (Method::GET, &path), None, 200).await;
    assert_eq!(names(&listed), [""; 0]);
}

#[tokio::test]
async fn an_update_changes_what_it_names() {
    let people = People::meet().await;
    let made = create(&people, OWNER, "Before").await;
    let path = format!("{}/{}", people.flows(), name(&made));
    let patch = json!({"properties": {"displayName": "After"}});
    let shown = people.ask(CO_OWNER, (Method::PATCH, &path), Some(&patch), 403).await;
    assert_eq!(shown["error"]["code"], "ConnectionAuthorizationFailed");
    let shown = people.ask(OWNER, (Method::PATCH, &path), Some(&patch), 200).await;
    assert_eq!(shown["properties"]["displayName"], "After");
    assert_eq!(shown["properties"]["definition"], made["properties"]["definition"]);
    let patch = json!({"properties": {"state": "Stopped", "definition": {
        "triggers": definition()["triggers"], "actions": {}
    }}});
    let shown = people.ask(OWNER, (Method::PATCH, &path), Some(&patch), 200).await;
    assert_eq!(shown["properties"]["state"], "Stopped");
    assert_eq!(shown["properties"]["displayName"], "After");
    assert_eq!(shown["properties"]["definitionSummary"]["actions"], json!([]));
    // references were not named: they stay
    assert!(shown["properties"]["connectionReferences"]["shared_sql"].is_object());
    let started = format!("{path}/start");
    people.ask(OWNER, (Method::POST, &started), None, 200).await;
    let shown = people.ask(OWNER, (Method::GET, &path), None, 200).await;
    assert_eq!(shown["properties"]["state"], "Started");
}

#[tokio::test]
async fn lists_show_what_is_the_callers() {
    let people = People::meet().await;
    let mut made = Vec::new();
    for number in 0..5 {
        made.push(create(&people, OWNER, &format!("Flow {number}")).await);
    }
    let path = people.flows();
    let newest: Vec<&str> = made.iter().rev().map(name).collect();
    let listed = people.ask(OWNER, (Method::GET, &path), None, 200).await;
    assert_eq!(names(&listed), newest);
    assert!(listed["value"][0]["properties"].get("definition").is_none());
    assert!(listed.get("nextLink").is_none());
    // by pages
    let mut seen = Vec::new();
    let mut next = Some(format!("{path}?api-version=2016-11-01&$top=2"));
    while let Some(path) = next {
        let page = people.ask(OWNER, (Method::GET, &path), None, 200).await;
        seen.extend(names(&page).into_iter().map(str::to_owned));
        next = page["nextLink"].as_str().map(|link| {
            let at = link.find("/providers").expect("an absolute address");
            assert!(link.starts_with("http://127.0.0.1"), "{link}");
            link[at..].to_owned()
        });
    }
    assert_eq!(seen, newest);
    // what is shared is somebody else's
    let share = json!({"put": [{"properties": {
        "roleName": "CanEdit", "principal": {"id": people.all[CO_OWNER].id, "type": "User"}
    }}]});
    let modify = format!("{path}/{}/modifyPermissions", name(&made[0]));
    people.ask(OWNER, (Method::POST, &modify), Some(&share), 200).await;
    let team = format!("{path}?$filter=search(%27team%27)");
    let listed = people.ask(CO_OWNER, (Method::GET, &team), None, 200).await;
    assert_eq!(names(&listed), [name(&made[0])]);
    assert_eq!(names(&people.ask(OWNER, (Method::GET, &team), None, 200).await), [""; 0]);
    assert_eq!(names(&people.ask(CO_OWNER, (Method::GET, &path), None, 200).await), [""; 0]);
    let both = format!("{path}?$filter=search(%27team%20AND%20personal%27)&$top=1");
    let own = create(&people, CO_OWNER, "Own").await;
    let first = people.ask(CO_OWNER, (Method::GET, &both), None, 200).await;
    assert_eq!(names(&first), [name(&own)]);
    let link = first["nextLink"].as_str().expect("a second page");
    let second = &link[link.find("/providers").expect("a path")..];
    let second = people.ask(CO_OWNER, (Method::GET, second), None, 200).await;
    assert_eq!(names(&second), [name(&made[0])]);
}

#[tokio::test]
async fn a_deleted_flow_can_be_restored_by_an_administrator() {
    let people = People::meet().await;
    let made = create(&people, OWNER, "Recycled").await;
    let path = format!("{}/{}", people.flows(), name(&made));
    people.ask(OWNER, (Method::DELETE, &path), None, 200).await;
    people.ask(OWNER, (Method::GET, &path), None, 404).await;
    let again = people.send(OWNER, Method::DELETE, &path, None).await;
    assert_eq!(again.status, 204, "{}", again.text);
    let listed = people.ask(OWNER, (Method::GET, &people.flows()), None, 200).await;
    assert_eq!(names(&listed), [""; 0]);
    let all = format!("{PROVIDER}/scopes/admin/environments/{}/v2/flows", people.environment);
    let listed = people.ask(ADMIN, (Method::GET, &all), None, 200).await;
    assert_eq!(names(&listed), [""; 0]);
    let bin = format!("{all}?include=softDeletedFlows");
    let listed = people.ask(ADMIN, (Method::GET, &bin), None, 200).await;
    assert_eq!(names(&listed), [name(&made)]);
    assert_eq!(listed["value"][0]["properties"]["state"], "Deleted");
    assert_eq!(listed["value"][0]["properties"]["displayName"], "Recycled");
    let restore = format!("{}/{}/restore", people.admin_flows(), name(&made));
    people.ask(OWNER, (Method::POST, &restore), None, 403).await;
    people.ask(ADMIN, (Method::POST, &restore), None, 200).await;
    let shown = people.ask(OWNER, (Method::GET, &path), None, 200).await;
    assert_eq!(shown["properties"]["state"], "Stopped");
    let refused = people.ask(ADMIN, (Method::POST, &restore), None, 400).await;
    assert_eq!(refused["error"]["code"], "FlowNotDeleted");
}

#[tokio::test]
async fn owners_are_listed_added_and_removed() {
    let people = People::meet().await;
    let (flow, _) = people.flow().await;
    let path = format!("{}/{flow}", people.flows());
    let roles = |list: &Value| -> Vec<(String, String)> {
        let entries = list["value"].as_array().expect("a list").iter();
        let mut roles: Vec<(String, String)> = entries
            .map(|it| {
                let properties = &it["properties"];
                let name = properties["principal"]["userPrincipalName"].as_str();
                let role = properties["roleName"].as_str().expect("a role");
                (role.to_owned(), name.unwrap_or_default().to_owned())
            })
            .collect();
        roles.sort();
        roles
    };
    let of = |role: &str, name: &str| (role.to_owned(), format!("{name}@example.org"));
    let everyone = format!("{path}/permissions");
    let list = people.ask(OWNER, (Method::GET, &everyone), None, 200).await;
    let expected = [of("CanEdit", "co-owner"), of("CanView", "user"), of("Owner", "owner")];
    assert_eq!(roles(&list), expected);
    let list = people.ask(OWNER, (Method::GET, &format!("{path}/owners")), None, 200).await;
    assert_eq!(roles(&list), [of("CanEdit", "co-owner"), of("Owner", "owner")]);
    let list = people.ask(OWNER, (Method::GET, &format!("{path}/users")), None, 200).await;
    assert_eq!(roles(&list), [of("CanView", "user")]);
    // by the id of a permission, by object id, and nested
    let modify = format!("{path}/modifyPermissions");
    let removed =
        json!({"delete": [{"id": format!("{path}/permissions/{}", people.all[CO_OWNER].id)}]});
    people.ask(OWNER, (Method::POST, &modify), Some(&removed), 200).await;
    let removed = json!({"delete": [{"properties": {"principal": {"id": people.all[USER].id, "type": "User"}}}]});
    people.ask(OWNER, (Method::POST, &format!("{path}/modifyUsers")), Some(&removed), 200).await;
    let list = people.ask(OWNER, (Method::GET, &everyone), None, 200).await;
    assert_eq!(roles(&list), [of("Owner", "owner")]);
    // who made it stays, whoever asks
    let creator = json!({"delete": [{"id": people.all[OWNER].id}]});
    let refused = people.ask(OWNER, (Method::POST, &modify), Some(&creator), 400).await;
    assert_eq!(refused["error"]["code"], "CannotRemoveCreator");
    let theirs = format!("{}/{flow}/modifyPermissions", people.admin_flows());
    let refused = people.ask(ADMIN, (Method::POST, &theirs), Some(&creator), 400).await;
    assert_eq!(refused["error"]["code"], "CannotRemoveCreator");
    for (body, code) in [
        (
            json!({"put": [{"properties": {"principal": {"id": "nobody", "type": "User"}}}]}),
            "PrincipalNotFound",
        ),
        (json!({"put": [{"properties": {"principal": {"type": "User"}}}]}), "PrincipalMissing"),
        (
            json!({"put": [{"properties": {"principal": {"id": "x", "type": "Dog"}}}]}),
            "InvalidPrincipalType",
        ),
        (
            json!({"put": [{"properties": {"roleName": "King", "principal": {"id": "x"}}}]}),
            "InvalidRoleName",
        ),
        (json!({"delete": [{}]}), "PrincipalMissing"),
    ] {
        let refused = people.ask(OWNER, (Method::POST, &modify), Some(&body), 400).await;
        assert_eq!(refused["error"]["code"], code, "{body}");
    }
}

/// Runs a flow and gives the run when it has ended.
async fn ran(people: &People, flow: &str, text: &str) -> String {
    let path = format!("{}/{flow}/triggers/manual/run", people.flows());
    let run = people.ask(OWNER, (Method::POST, &path), Some(&json!({"text": text})), 202).await;
    let run = name(&run).to_owned();
    people.world.api.ended(&run).await;
    run
}

async fn anonymous(people: &People, uri: &str) -> Answer {
    let path = &uri[uri.find("/workflows").expect("a path")..];
    Answer::of(people.world.api.request(Method::GET, path)).await
}

#[tokio::test]
async fn runs_are_shown_with_links_to_their_content() {
    let people = People::meet().await;
    let made = create(&people, OWNER, "Said").await;
    let run = ran(&people, name(&made), "hello").await;
    let path = format!("{}/{}/runs/{run}", people.flows(), name(&made));
    let shown = people
        .ask(OWNER, (Method::GET, &format!("{path}?$expand=properties%2Factions")), None, 200)
        .await;
    let properties = &shown["properties"];
    assert_eq!(properties["status"], "Succeeded");
    assert_eq!(properties["trigger"]["name"], "manual");
    assert!(properties["endTime"].is_string());
    let uri = properties["trigger"]["outputsLink"]["uri"].as_str().expect("a link");
    let content = anonymous(&people, uri).await;
    assert_eq!(content.status, 200, "{}", content.text);
    assert!(content.header("cache-control").contains("private"));
    let outputs: Value = serde_json::from_str(&content.text).expect("JSON");
    assert_eq!(outputs["body"], json!({"text": "hello"}));
    assert_eq!(properties["trigger"]["outputsLink"]["contentSize"], content.text.len());
    let say = &properties["actions"]["Say"];
    let uri = say["outputsLink"]["uri"].as_str().expect("a link");
    assert_eq!(anonymous(&people, uri).await.text, "\"said hello\"");
    // in a loop the values are those of the repetitions
    assert_eq!(properties["actions"]["Inner"]["repetitionCount"], 2);
    assert!(properties["actions"]["Inner"].get("outputsLink").is_none());
    let repetitions = format!("{path}/actions/Inner/repetitions");
    let list = people.ask(OWNER, (Method::GET, &repetitions), None, 200).await;
    assert_eq!(names(&list), ["000000", "000001"]);
    let uri = list["value"][1]["properties"]["outputsLink"]["uri"].as_str().expect("a link");
    assert_eq!(anonymous(&people, uri).await.text, "2");
    // another content, another time, no signature
    for (from, to) in
        [("Say", "Each"), ("se=2", "se=3"), ("sig=", "sig=A"), ("ActionOutputs", "ActionInputs")]
    {
        let uri = say["outputsLink"]["uri"].as_str().expect("a link").replace(from, to);
        let refused = anonymous(&people, &uri).await;
        assert_eq!(refused.status, 403, "{from}: {}", refused.text);
    }
}

#[tokio::test]
async fn runs_are_filtered_and_paged() {
    let people = People::meet().await;
    let made = create(&people, OWNER, "Many").await;
    let mut runs = Vec::new();
    for number in 0..3 {
        runs.push(ran(&people, name(&made), &number.to_string()).await);
    }
    runs.reverse();
    let path = format!("{}/{}/runs", people.flows(), name(&made));
    let list = people.ask(OWNER, (Method::GET, &path), None, 200).await;
    assert_eq!(names(&list), runs);
    assert!(list["value"][0]["properties"]["trigger"]["outputsLink"]["uri"].is_string());
    let page = people
        .ask(
            OWNER,
            (Method::GET, &format!("{path}?$top=2&$filter=status%20eq%20%27succeeded%27")),
            None,
            200,
        )
        .await;
    assert_eq!(names(&page), runs[..2]);
    let link = page["nextLink"].as_str().expect("a second page");
    let page = people
        .ask(OWNER, (Method::GET, &link[link.find("/providers").unwrap()..]), None, 200)
        .await;
    assert_eq!(names(&page), runs[2..]);
    let failed = format!("{path}?$filter=status%20eq%20%27Failed%27");
    assert_eq!(names(&people.ask(OWNER, (Method::GET, &failed), None, 200).await), [""; 0]);
    let later = format!("{path}?$filter=startTime%20ge%202999-01-01T00:00:00Z");
    assert_eq!(names(&people.ask(OWNER, (Method::GET, &later), None, 200).await), [""; 0]);
    let bad = people.ask(OWNER, (Method::GET, &format!("{path}?$filter=x")), None, 400).await;
    assert_eq!(bad["error"]["code"], "InvalidFilter");
    let resubmit = format!(
        "{}/{}/triggers/manual/histories/{}/resubmit",
        people.flows(),
        name(&made),
        runs[0]
    );
    let answer = people.send(OWNER, Method::POST, &resubmit, None).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    people.world.api.ended(answer.header("x-ms-workflow-run-id")).await;
    let list = people.ask(OWNER, (Method::GET, &path), None, 200).await;
    assert_eq!(names(&list).len(), 4);
    // a run of one flow is not there in another
    let other = create(&people, OWNER, "Other").await;
    let wrong = format!("{}/{}/runs/{}", people.flows(), name(&other), runs[0]);
    people.ask(OWNER, (Method::GET, &wrong), None, 404).await;
}

#[tokio::test]
async fn addresses_of_triggers_are_given_to_owners() {
    let people = People::meet().await;
    let made = create(&people, OWNER, "Called").await;
    let path = format!("{}/{}/triggers/manual/listCallbackUrl", people.flows(), name(&made));
    let given = people.ask(OWNER, (Method::POST, &path), Some(&json!({})), 200).await;
    assert_eq!(given["response"]["method"], "POST");
    assert_eq!(given["response"]["queries"]["sp"], "/triggers/manual/run");
    let value = given["response"]["value"].as_str().expect("an address");
    let path = &value[value.find("/workflows").expect("a path")..];
    let answer = people.world.fire(path, &json!({"text": "x"})).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    // the connector names no trigger
    let short = format!("{}/{}/listCallbackUrl", people.flows(), name(&made));
    let again = people.ask(OWNER, (Method::POST, &short), None, 200).await;
    assert_eq!(again, given);
}

#[tokio::test]
async fn environments_are_shown_to_those_in_them() {
    let people = People::meet().await;
    let path = format!("{PROVIDER}/environments");
    let mine = people.ask(OWNER, (Method::GET, &path), None, 200).await;
    let default = &mine["value"][0];
    assert!(name(default).starts_with("Default-"), "{default}");
    assert_eq!(default["properties"]["isDefault"], true);
    assert_eq!(names(&mine)[1], people.environment);
    let other = people.ask(STRANGER, (Method::GET, &path), None, 200).await;
    assert!(!names(&other).contains(&people.environment.as_str()));
    let shown = people.ask(OWNER, (Method::GET, &format!("{path}/~Default")), None, 200).await;
    assert_eq!(shown, *default);
    // whether it is there is not said
    for unknown in [people.environment.as_str(), "nowhere"] {
        let path = format!("{path}/{unknown}/flows");
        let refused = people.ask(STRANGER, (Method::GET, &path), None, 403).await;
        assert_eq!(refused["error"]["code"], "EnvironmentAccessDenied");
    }
    let platform = "/providers/Microsoft.BusinessAppPlatform/scopes/admin/environments";
    let all = people.ask(HEAD, (Method::GET, platform), None, 200).await;
    assert_eq!(names(&all).len(), 3);
    let some = people.ask(ADMIN, (Method::GET, platform), None, 200).await;
    assert_eq!(names(&some), [people.environment.as_str()]);
    people.ask(OWNER, (Method::GET, platform), None, 403).await;
    let apps = people
        .ask(OWNER, (Method::GET, "/providers/Microsoft.PowerApps/environments"), None, 200)
        .await;
    assert_eq!(apps["value"][0]["type"], "Microsoft.PowerApps/environments");
}

#[tokio::test]
async fn a_flow_of_another_environment_is_not_there() {
    let people = People::meet().await;
    let made = create(&people, OWNER, "Here").await;
    let elsewhere = format!("{PROVIDER}/environments/~default/flows/{}", name(&made));
    let unknown = format!("{PROVIDER}/environments/~default/flows/{}", people.all[0].id);
    let one = people.ask(OWNER, (Method::GET, &elsewhere), None, 403).await;
    let other = people.ask(OWNER, (Method::GET, &unknown), None, 403).await;
    assert_eq!(one["error"]["code"], other["error"]["code"]);
    let admin = format!("{PROVIDER}/scopes/admin/environments/~default/flows/{}", name(&made));
    let missing = people.ask(HEAD, (Method::GET, &admin), None, 404).await;
    assert_eq!(missing["error"]["code"], "FlowNotFound");
}

#[tokio::test]
async fn details_of_users_are_facts() {
    let people = People::meet().await;
    create(&people, OWNER, "Owned").await;
    let path = |who: usize| format!("{PROVIDER}/scopes/admin/users/{}", people.all[who].id);
    let shown = people.ask(HEAD, (Method::GET, &path(OWNER)), None, 200).await;
    assert_eq!(shown["objectId"], people.all[OWNER].id.as_str());
    assert_eq!(shown["consentTime"], Value::Null);
    let refused = people.ask(HEAD, (Method::DELETE, &path(OWNER)), None, 400).await;
    assert_eq!(refused["error"]["code"], "UserOwnsFlows");
    people.ask(HEAD, (Method::DELETE, &path(USER)), None, 200).await;
    people.ask(ADMIN, (Method::GET, &path(OWNER)), None, 403).await;
    let unknown = format!("{PROVIDER}/scopes/admin/users/nobody");
    people.ask(HEAD, (Method::GET, &unknown), None, 404).await;
}

#[tokio::test]
async fn what_is_not_there_or_not_so_is_refused() {
    let people = People::meet().await;
    let made = create(&people, OWNER, "Some").await;
    let flow = format!("{}/{}", people.flows(), name(&made));
    for (method, path, status) in [
        (Method::GET, "/providers/Microsoft.Unknown/x".to_owned(), 404),
        (Method::GET, format!("{PROVIDER}/unknown"), 404),
        (Method::PUT, format!("{flow}/start"), 405),
        (Method::GET, format!("{flow}/start"), 405),
        (Method::DELETE, people.flows(), 405),
        (Method::GET, format!("{flow}/unknown"), 404),
        (Method::GET, format!("{flow}/runs/wrong"), 404),
        (Method::GET, format!("{}?$top=0", people.flows()), 400),
        (Method::GET, format!("{}?$skiptoken=x", people.flows()), 400),
        (Method::GET, "/providers/Microsoft.PowerApps/apis".to_owned(), 400),
    ] {
        let answer = people.send(OWNER, method.clone(), &path, None).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
        let body: Value = serde_json::from_str(&answer.text).expect("JSON");
        assert!(body["error"]["code"].is_string(), "{body}");
        assert!(!answer.header("x-ms-request-id").is_empty());
    }
    let anonymous = Answer::of(people.world.api.request(Method::GET, &flow)).await;
    assert_eq!(anonymous.status, 401);
}
