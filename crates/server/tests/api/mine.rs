//! What is somebody's own on the native API: environments, flows, connections, and who has a
//! part in a flow.

use crate::people::{
    ADMINISTRATOR, APPLICATION, CO_OWNER, HEAD, OWNER, People, STRANGER, USER, flow_body,
};
use reqwest::Method;
use serde_json::{Value, json};

async fn get(people: &People, who: usize, path: &str, status: u16) -> Value {
    people.ask(who, (Method::GET, path), None, status).await
}

fn all<'a>(page: &'a Value, member: &str) -> Vec<&'a str> {
    let rows = page["value"].as_array().expect("a list");
    rows.iter().map(|row| row[member].as_str().expect(member)).collect()
}

#[tokio::test]
async fn people_see_the_environments_that_they_take_part_in() {
    let people = People::meet().await;
    let path = "/api/v1/me/environments";
    assert_eq!(all(&get(&people, OWNER, path, 200).await, "name"), ["default", "sales"]);
    assert_eq!(all(&get(&people, STRANGER, path, 200).await, "name"), ["default", "other"]);
    get(&people, APPLICATION, path, 403).await;
}

#[tokio::test]
async fn flows_are_those_somebody_made_or_shares() {
    let people = People::meet().await;
    let (shared, _) = people.flow().await;
    for name in ["Orders", "Order <b>lines</b>", "Bills"] {
        let body = flow_body(name, "Stopped");
        let made = people.send(OWNER, Method::POST, &people.flows(), Some(&body)).await;
        assert_eq!(made.status, 201, "{}", made.text);
    }
    let path = "/api/v1/me/flows?environment=sales";
    let made = get(&people, OWNER, path, 200).await;
    assert_eq!(all(&made, "displayName"), ["Bills", "Order <b>lines</b>", "Orders", "Shared"]);
    assert_eq!(made["value"][3]["name"], *shared);
    assert!(made["nextLink"].is_null());

    // page after page
    let (mut next, mut names) = (Some(format!("{path}&top=3")), Vec::new());
    while let Some(path) = next {
        let page = get(&people, OWNER, &path, 200).await;
        names.extend(all(&page, "displayName").into_iter().map(str::to_owned));
        next = page["nextLink"].as_str().map(str::to_owned);
    }
    assert_eq!(names, ["Bills", "Order <b>lines</b>", "Orders", "Shared"]);

    let found = get(&people, OWNER, &format!("{path}&search=oRDER"), 200).await;
    assert_eq!(all(&found, "displayName"), ["Order <b>lines</b>", "Orders"]);
    let found = get(&people, OWNER, &format!("{path}&search=%3Cb"), 200).await;
    assert_eq!(all(&found, "displayName"), ["Order <b>lines</b>"]);
    assert_eq!(get(&people, OWNER, &format!("{path}&search=none"), 200).await["value"], json!([]));

    // what others share, which an administrator gets no more of
    let path = format!("{path}&whose=shared");
    assert_eq!(all(&get(&people, CO_OWNER, &path, 200).await, "displayName"), ["Shared"]);
    for who in [OWNER, USER] {
        assert_eq!(get(&people, who, &path, 200).await["value"], json!([]), "{who}");
    }
    for who in [HEAD, STRANGER] {
        get(&people, who, &path, 403).await;
    }
    get(&people, APPLICATION, &path, 403).await;
    get(&people, OWNER, "/api/v1/me/flows?whose=all", 400).await;
    get(&people, OWNER, "/api/v1/me/flows?skipToken=x", 400).await;
    get(&people, OWNER, "/api/v1/me/flows?top=0", 400).await;
}

#[tokio::test]
async fn administrators_search_the_flows_of_an_environment() {
    let people = People::meet().await;
    for name in ["Orders", "Bills"] {
        let body = flow_body(name, "Stopped");
        people.send(OWNER, Method::POST, &people.flows(), Some(&body)).await;
    }
    let path = "/api/v1/flows?environment=sales&search=ord";
    let found = get(&people, ADMINISTRATOR, path, 200).await;
    assert_eq!(all(&found, "displayName"), ["Orders"]);
    get(&people, OWNER, path, 403).await;
}

#[tokio::test]
async fn who_has_a_part_in_a_flow_is_told_to_who_owns_it() {
    let people = People::meet().await;
    let (flow, _) = people.flow().await;
    let path = format!("/api/v1/flows/{flow}/owners?environment=sales");
    for who in [OWNER, CO_OWNER, ADMINISTRATOR] {
        let owners = get(&people, who, &path, 200).await;
        assert_eq!(all(&owners, "role"), ["Owner", "CanEdit", "CanView"], "{who}");
        let first = &owners["value"][0];
        assert_eq!(first["id"], *people.all[OWNER].id);
        assert_eq!(
            (&first["kind"], &first["userPrincipalName"]),
            (&json!("user"), &json!("owner@example.org"))
        );
    }
    get(&people, USER, &path, 403).await;
    // who may not see a flow does not learn whether there is one
    get(&people, OWNER, "/api/v1/flows/none/owners?environment=sales", 403).await;
    get(&people, HEAD, "/api/v1/flows/none/owners?environment=sales", 404).await;
}

#[tokio::test]
async fn connections_are_those_somebody_may_use() {
    let people = People::meet().await;
    people.connection("kept").await;
    let path = "/api/v1/environments/sales/connections";
    for (who, is_own, may_change) in
        [(OWNER, true, true), (CO_OWNER, false, true), (USER, false, false)]
    {
        let page = get(&people, who, path, 200).await;
        let found = &page["value"][0];
        assert_eq!((&found["name"], &found["status"]), (&json!("kept"), &json!("Connected")));
        assert_eq!((&found["isOwn"], &found["mayChange"]), (&json!(is_own), &json!(may_change)));
        assert!(!page.to_string().contains("\"k\""), "a secret is shown: {page}");
    }
    // an administrator gets nothing extra
    for who in [HEAD, STRANGER] {
        get(&people, who, path, 403).await;
    }
    get(&people, APPLICATION, path, 403).await;
}

#[tokio::test]
async fn parts_in_a_flow_are_given_and_taken() {
    let people = People::meet().await;
    let (flow, _) = people.flow().await;
    let path = format!("/api/v1/flows/{flow}/owners?environment=sales");
    let change = |who: usize, body: Value, status: u16| {
        let (people, path) = (&people, path.as_str());
        async move { people.ask(who, (Method::POST, path), Some(&body), status).await }
    };
    let give = |principal: &str, kind: &str, role: &str| json!({"put": [{"principal": principal, "kind": kind, "role": role}]});
    let roles = async || -> Vec<Value> {
        let found = get(&people, OWNER, &path, 200).await;
        let found = found["value"].as_array().expect("a list").iter();
        found.map(|it| json!([it["displayName"], it["kind"], it["role"]])).collect()
    };
    let team = json!({"displayName": "Team"});
    let team = people.world.call(Method::POST, "/api/v1/groups", team, 201).await;
    let team = team["id"].as_str().expect("an id");
    change(CO_OWNER, give(team, "group", "CanEdit"), 204).await;
    change(OWNER, give("stranger@example.org", "user", "CanView"), 204).await;
    // another role instead of the one before
    change(ADMINISTRATOR, give("stranger@example.org", "user", "CanEdit"), 204).await;
    let all = roles().await;
    assert_eq!(
        all[3..],
        [json!(["Team", "group", "CanEdit"]), json!(["stranger@example.org", "user", "CanEdit"])]
    );
    for (who, status) in [(USER, 403), (APPLICATION, 204)] {
        change(who, give(team, "group", "CanView"), status).await;
    }
    let refused = change(OWNER, give("nobody", "user", "CanView"), 400).await;
    assert_eq!(refused["error"]["code"], "PrincipalNotFound");
    let refused = change(OWNER, json!({"delete": [people.all[OWNER].id]}), 400).await;
    assert_eq!(refused["error"]["code"], "CannotRemoveCreator");
    let many = json!({"delete": vec!["x"; 1_001]});
    assert_eq!(change(OWNER, many, 400).await["error"]["code"], "TooManyOwners");
    change(OWNER, json!({"delete": [team]}), 204).await;
    // who gives up their own part sees it no more
    change(CO_OWNER, json!({"delete": [people.all[CO_OWNER].id]}), 204).await;
    get(&people, CO_OWNER, &path, 403).await;
    assert_eq!(roles().await.len(), 3);
}

#[tokio::test]
async fn people_and_groups_are_looked_up_by_the_beginning_of_a_name() {
    let people = People::meet().await;
    let team = json!({"displayName": "Co-workers"});
    people.world.call(Method::POST, "/api/v1/groups", team, 201).await;
    let other = json!({"userPrincipalName": "zoe@example.org", "displayName": "Coraline"});
    people.world.call(Method::POST, "/api/v1/users", other, 201).await;
    let found = async |search: &str| -> Vec<Value> {
        let path = format!("/api/v1/principals?search={search}");
        let found = get(&people, USER, &path, 200).await;
        let found = found["value"].as_array().expect("a list").iter();
        found.map(|it| json!([it["displayName"], it["kind"], it["userPrincipalName"]])).collect()
    };
    let zoe = json!(["Coraline", "user", "zoe@example.org"]);
    assert_eq!(
        found("CO").await,
        [
            json!(["co-owner@example.org", "user", "co-owner@example.org"]),
            zoe.clone(),
            json!(["Co-workers", "group", null])
        ]
    );
    assert_eq!(found("zoe%40").await, [zoe]);
    assert_eq!(found("workers").await, [] as [Value; 0]);
    assert_eq!(found("co&top=1").await.len(), 1);
    // who cannot sign in is nobody's deputy
    people.world.call(Method::POST, "/api/v1/users/zoe@example.org/disable", json!({}), 200).await;
    assert_eq!(found("zoe").await, [] as [Value; 0]);
    get(&people, USER, "/api/v1/principals?search=%20", 400).await;
    get(&people, USER, "/api/v1/principals", 400).await;
    get(&people, PROGRAM, "/api/v1/principals?search=co", 403).await;
}

/// An application without a role.
const PROGRAM: usize = 7;
