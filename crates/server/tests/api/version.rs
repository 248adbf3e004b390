//! Versions of a flow.

use crate::people::People;
use crate::stored::{ask, ends};
use crate::world::{World, compose, definition, response, wait};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn an_update_is_a_new_version_and_runs_keep_theirs() {
    let world = World::start().await;
    let answering = |text: &str| definition(json!({"Answer": response("", text)}));
    let address = world.flow("order", &answering("one")).await;
    let first = world.fire(&address, &json!({})).await;
    assert_eq!(first.text, "one");
    assert_eq!(first.header("x-ms-workflow-version"), "1");
    let body = json!({"document": answering("two"), "displayName": "The second"});
    let updated = world.call(Method::PUT, "/api/v1/flows/order", body, 200).await;
    assert_eq!((&updated["version"], &updated["displayName"]), (&json!(2), &json!("The second")));
    let second = world.fire(&address, &json!({})).await;
    assert_eq!(second.text, "two");
    for (run, version) in [(first.run(), 1), (second.run(), 2)] {
        let run = world.api.get(&format!("/api/v1/runs/{run}")).await;
        assert_eq!(run["version"], version);
    }
    let action = world.api.get(&format!("/api/v1/runs/{}/actions/Answer", first.run())).await;
    assert_eq!(action["outputs"]["body"], "one");
    let versions = world.api.list("/api/v1/flows/order/versions").await;
    let numbers: Vec<u64> = versions.iter().filter_map(|it| it["number"].as_u64()).collect();
    assert_eq!(numbers.len(), 2);
    assert!(numbers.contains(&1) && numbers.contains(&2));
    for (number, text) in [(1, "one"), (2, "two")] {
        let version = world.api.get(&format!("/api/v1/flows/order/versions/{number}")).await;
        assert_eq!(version["definition"]["actions"]["Answer"]["inputs"]["body"], text);
    }
    let missing = "/api/v1/flows/order/versions/3";
    world.refused(Method::GET, missing, 404, "FlowVersionNotFound").await;
    world.refused(Method::GET, "/api/v1/flows/order/versions/x", 400, "InvalidVersion").await;
    world.refused(Method::GET, "/api/v1/flows/none/versions", 404, "FlowNotFound").await;
}

#[tokio::test]
async fn a_faulty_update_changes_nothing() {
    let world = World::start().await;
    let address = world.flow("order", &definition(json!({"A": response("", "one")}))).await;
    let bad = json!({"document": definition(json!({"A": compose("", json!("@("))}))});
    let answer = world.call(Method::PUT, "/api/v1/flows/order", bad, 400).await;
    assert_eq!(answer["error"]["code"], "InvalidDefinition");
    assert_eq!(world.fire(&address, &json!({})).await.text, "one");
    let good = json!({"document": definition(json!({}))});
    let answer = world.call(Method::PUT, "/api/v1/flows/none", good, 404).await;
    assert_eq!(answer["error"]["code"], "FlowNotFound");
}

#[tokio::test]
async fn a_run_under_way_goes_on_in_its_version() {
    let world = World::start().await;
    let document =
        |text: &str| definition(json!({"Rest": wait("", 1), "Text": compose("Rest", json!(text))}));
    let address = world.flow("order", &document("old")).await;
    let run = world.fire(&address, &json!({})).await.run().to_owned();
    let body = json!({"document": document("new")});
    world.call(Method::PUT, "/api/v1/flows/order", body, 200).await;
    assert_eq!(world.api.ended(&run).await["status"], "Succeeded");
    let action = world.api.get(&format!("/api/v1/runs/{run}/actions/Text")).await;
    assert_eq!(action["outputs"], "old");
}

#[tokio::test]
async fn differences_of_versions_are_told_with_their_places() {
    let world = World::start().await;
    let one = json!({"A": compose("", json!("one")), "Gone": compose("A", json!(1))});
    let two = json!({"A": compose("", json!("two")), "New": compose("A", json!(2))});
    world.create("order", &definition(one)).await;
    let body = json!({"document": {"definition": definition(two), "connectionReferences": {
        "shared_sql": {"connectionName": "c", "id": "/providers/Microsoft.PowerApps/apis/shared_sql"}
    }}});
    world.call(Method::PUT, "/api/v1/flows/order", body, 200).await;
    let found = world.api.get("/api/v1/flows/order/versions/1/diff/2").await;
    assert_eq!((&found["before"], &found["after"]), (&json!(1), &json!(2)));
    assert_eq!(found["isCut"], false);
    let all = found["value"].as_array().expect("a list");
    let told: Vec<[&str; 4]> = all
        .iter()
        .map(|it| ["change", "part", "name", "path"].map(|member| it[member].as_str().unwrap()))
        .collect();
    let expected = [
        ["removed", "action", "Gone", "$.actions.Gone"],
        ["changed", "action", "A", "$.actions.A.inputs"],
        ["added", "action", "New", "$.actions.New"],
        ["added", "connectionReference", "shared_sql", "$.connectionReferences.shared_sql"],
    ];
    assert_eq!(told, expected);
    assert_eq!((&all[1]["before"], &all[1]["after"]), (&json!("one"), &json!("two")));
    assert_eq!(all[0]["before"]["inputs"], 1);
    assert_eq!((all[0].get("after"), all[2].get("before")), (None, None));
    let backwards = world.api.get("/api/v1/flows/order/versions/2/diff/1").await;
    assert_eq!(backwards["value"][0]["name"], "New");
    let same = world.api.get("/api/v1/flows/order/versions/2/diff/2").await;
    assert_eq!(same["value"], json!([]));
    let printed = ends(0, ask(&world, &["flow", "diff", "order", "1", "2"]));
    for line in [
        "~ action A at $.actions.A.inputs: \"one\" => \"two\"",
        "- action Gone at $.actions.Gone: {",
        "+ action New at $.actions.New: {",
    ] {
        assert!(printed.contains(line), "{line}: {printed}");
    }
    // null is something
    let three = json!({"A": compose("", json!(null))});
    world
        .call(Method::PUT, "/api/v1/flows/order", json!({"document": definition(three)}), 200)
        .await;
    let printed = ends(0, ask(&world, &["flow", "diff", "order", "2", "3"]));
    assert!(printed.contains("~ action A at $.actions.A.inputs: \"two\" => null"), "{printed}");
    assert!(printed.contains("- connectionReference shared_sql"), "{printed}");
    let missing = "/api/v1/flows/order/versions/1/diff/4";
    world.refused(Method::GET, missing, 404, "FlowVersionNotFound").await;
    let odd = "/api/v1/flows/order/versions/x/diff/1";
    world.refused(Method::GET, odd, 400, "InvalidVersion").await;
}

#[tokio::test]
async fn going_back_makes_a_new_version_of_the_old_one() {
    let world = World::start().await;
    let answering = |text: &str| definition(json!({"Answer": response("", text)}));
    let address = world.flow("order", &answering("one")).await;
    world
        .call(Method::PUT, "/api/v1/flows/order", json!({"document": answering("two")}), 200)
        .await;
    assert_eq!(world.fire(&address, &json!({})).await.text, "two");
    let back = "/api/v1/flows/order/versions/1/restore";
    let restored = world.api.post(back, 200).await;
    assert_eq!((&restored["version"], &restored["state"]), (&json!(3), &json!("Started")));
    assert_eq!(world.fire(&address, &json!({})).await.text, "one");
    assert_eq!(world.api.get("/api/v1/flows/order").await["definition"], answering("one"));
    for (number, text) in [(1, "one"), (2, "two"), (3, "one")] {
        let version = world.api.get(&format!("/api/v1/flows/order/versions/{number}")).await;
        assert_eq!(version["definition"]["actions"]["Answer"]["inputs"]["body"], text);
    }
    let same = world.api.get("/api/v1/flows/order/versions/1/diff/3").await;
    assert_eq!(same["value"], json!([]));
    let entry = &world.api.list("/api/v1/audit?operation=RestoreFlowVersion").await[0];
    assert_eq!(entry["detail"], json!({"restored": 1, "version": 3}));
    let current = "/api/v1/flows/order/versions/3/restore";
    world.refused(Method::POST, current, 400, "VersionIsCurrent").await;
    let missing = "/api/v1/flows/order/versions/9/restore";
    world.refused(Method::POST, missing, 404, "FlowVersionNotFound").await;
    let told = ends(0, ask(&world, &["flow", "rollback", "order", "2"]));
    assert!(told.contains("Rolled back flow 'order': version 4"), "{told}");
    assert_eq!(world.fire(&address, &json!({})).await.text, "two");
}

#[tokio::test]
async fn who_may_see_a_flow_sees_differences_and_who_may_change_it_goes_back() {
    let people = People::meet().await;
    let (flow, _) = people.flow().await;
    let path = format!("/api/v1/flows/{flow}");
    let body = json!({"document": definition(json!({}))});
    let within = "?environment=sales";
    let owner = people.send(0, Method::PUT, &format!("{path}{within}"), Some(&body)).await;
    assert_eq!(owner.status, 200, "{}", owner.text);
    for (who, sees, changes) in [
        (0, 200, 200),
        (1, 200, 200),
        (2, 403, 403),
        (3, 200, 403),
        (4, 403, 403),
        (5, 200, 403),
        (6, 200, 403),
        (7, 403, 403),
    ] {
        let seen = format!("{path}/versions/1/diff/2{within}");
        let answer = people.send(who, Method::GET, &seen, None).await;
        assert_eq!(answer.status, sees, "{who}: {}", answer.text);
        let back = format!("{path}/versions/1/restore{within}");
        let answer = people.send(who, Method::POST, &back, None).await;
        assert_eq!(answer.status, changes, "{who}: {}", answer.text);
    }
}
