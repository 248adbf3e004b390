//! Apps: listed, shown, shared, given away and removed.

use crate::client::Cli;
use crate::person::others;
use crate::world::{World, principal_name, text};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Somebody's app, made on the native API with a key of theirs.
async fn register(world: &World, owner: &str, display_name: &str) -> String {
    let body = json!({"name": format!("key for {display_name}"), "principal": owner});
    let (status, key) = world.api.call(Method::POST, "/api/v1/keys", Some(&body)).await;
    assert_eq!(status, 201, "{key}");
    let body = json!({"displayName": display_name, "description": "Of the test",
        "connectionReferences": {"flows": {"connector": "shared_flowmanagement"}}});
    let request = world.api.request(Method::POST, "/api/v1/environments/default/apps");
    let answer = request.bearer_auth(text(&key["key"])).json(&body).send().await;
    let answer = answer.expect("an answer");
    assert_eq!(answer.status().as_u16(), 201);
    text(&answer.json::<Value>().await.expect("JSON")["name"])
}

fn names(apps: &Value) -> BTreeSet<String> {
    apps.as_array().expect("a list").iter().map(|it| text(&it["name"])).collect()
}

/// Name, role and kind of each.
fn holders(permissions: &Value) -> BTreeSet<[String; 3]> {
    let part = |it: &Value, place: &str| text(it.pointer(place).expect("a member"));
    let places = ["/name", "/properties/roleName", "/properties/principal/type"];
    let list = permissions.as_array().expect("a list").iter();
    list.map(|it| places.map(|place| part(it, place))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn apps_are_shared_and_looked_after() {
    let world = World::start().await;
    let ada = world.user("ada", json!([])).await;
    let others = others(&world).await;
    let head = json!([{"role": "tenantAdministrator"}]);
    world.user("head", head).await;
    let (app, second) =
        (register(&world, &ada, "Orders").await, register(&world, &ada, "Stock").await);
    let cli = world.signed_in("ada").await;
    assert_eq!(names(&cli.json("pa app list").await), BTreeSet::from([app.clone(), second]));
    let shown = cli.json(&format!("pa app get --name {app}")).await;
    assert_eq!(shown["displayName"], "Orders");
    assert_eq!(shown["description"], "Of the test");
    assert_eq!(shown["owner"], principal_name("ada"));
    let id = shown["properties"]["connectionReferences"]["flows"]["id"].as_str();
    assert!(id.is_some_and(|id| id.ends_with("/apis/shared_flowmanagement")), "{shown}");
    let by_name = cli.json("pa app get --displayName Orders").await;
    assert_eq!(by_name["name"], app.as_str());
    permissions(&world, &cli, &app, (&ada, &others.ben, &others.sales)).await;
    administer(&world, &cli, &app, (&ada, &others.ben)).await;
    world.asked_nobody_else();
}

async fn permissions(world: &World, cli: &Cli, app: &str, (ada, ben, sales): (&str, &str, &str)) {
    let ensure = format!("pa app permission ensure --appName {app}");
    cli.done(&format!("{ensure} --userId {ben} --roleName CanView")).await;
    cli.done(&format!("{ensure} --groupId {sales} --roleName CanEdit")).await;
    cli.done(&format!("{ensure} --tenant --roleName CanView")).await;
    let list = format!("pa app permission list --appName {app}");
    let everybody = format!("tenant-{}", world.tenant);
    let expected = [
        [ada, "Owner", "User"],
        [ben, "CanView", "User"],
        [sales, "CanEdit", "Group"],
        [&everybody, "CanView", "Tenant"],
    ];
    let expected = expected.map(|it| it.map(str::to_owned));
    assert_eq!(holders(&cli.json(&list).await), BTreeSet::from(expected));
    let of_ben = world.signed_in("ben").await;
    assert_eq!(names(&of_ben.json("pa app list").await), BTreeSet::from([app.to_owned()]));
    of_ben.refused(&format!("{ensure} --userId {ben} --roleName CanEdit")).await;
    let remove = format!("pa app permission remove --appName {app} --force");
    for whom in [format!("--groupId {sales}"), "--tenant".to_owned(), format!("--userId {ben}")] {
        cli.done(&format!("{remove} {whom}")).await;
    }
    assert_eq!(holders(&cli.json(&list).await).len(), 1);
    of_ben.refused(&format!("pa app get --name {app}")).await;
}

async fn administer(world: &World, cli: &Cli, app: &str, (ada, ben): (&str, &str)) {
    let within = format!("--environmentName {}", world.environment);
    let head = world.signed_in("head").await;
    let all = format!("pa app list --asAdmin {within}");
    cli.refused(&all).await;
    assert_eq!(names(&head.json(&all).await).len(), 2);
    head.done(&format!("pa app consent set {within} --name {app} --bypass true --force")).await;
    let shown = head.json(&format!("pa app get --name {app} --asAdmin {within}")).await;
    assert_eq!(shown["properties"]["bypassConsent"], true);
    let owner = format!("pa app owner set {within} --appName {app} --userId {ben}");
    cli.refused(&owner).await;
    head.done(&format!("{owner} --roleForOldAppOwner CanEdit")).await;
    let list = format!("pa app permission list --appName {app} --asAdmin {within}");
    let expected = [[ben, "Owner", "User"], [ada, "CanEdit", "User"]];
    let expected = expected.map(|it| it.map(str::to_owned));
    assert_eq!(holders(&head.json(&list).await), BTreeSet::from(expected));
    // who may change it may not remove it
    let reason = cli.refused(&format!("pa app remove --name {app} --force")).await;
    assert!(reason.contains("does not exist"), "{reason}");
    head.done(&format!("pa app remove --name {app} --asAdmin {within} --force")).await;
    assert_eq!(names(&head.json(&all).await).len(), 1);
}
