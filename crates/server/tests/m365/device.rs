//! People who sign in elsewhere, with a code that the command line shows.

use crate::flow::Flow;
use crate::world::{Browser, PASSWORD, World, principal_name};
use crate::{administration, flow};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_administrator_signs_in_with_a_code() {
    let world = World::start().await;
    world.user("root", json!([{"role": "tenantAdministrator"}])).await;
    let cli = world.cli("root");
    let public = world.public();
    let mut running = cli.begin(&format!("login --authType deviceCode {public}"), &[]);
    let code = running.says("enter the code ", " ").await;
    let mut browser = Browser::new(&world.api, "/devicelogin");
    let page = browser.open().await;
    let who = principal_name("root");
    let page = browser.fill(&page, &[("username", &who), ("password", PASSWORD)]).await;
    let page = browser.fill(&page, &[("user_code", &code)]).await;
    browser.fill(&page, &[("answer", "accept")]).await;
    let told = running.end().await.json();
    assert_eq!((&told["connectedAs"], &told["authType"]), (&json!(who), &json!("deviceCode")));
    let order = Flow::create(&cli, &world.environment, "Order").await;
    let list = format!("flow list --environmentName {}", world.environment);
    let (mine, all) = cli.both(&list, &format!("{list} --asAdmin")).await;
    let held = flow::held(&world).await;
    assert_eq!((flow::listed(&mine), flow::listed(&all)), (held.clone(), held));
    cli.done(&format!("flow remove {} --force", order.named())).await;
    administration::restore(&world, &cli, &order).await;
    cli.done("logout").await;
    let reason = cli.refused("flow environment list").await;
    assert!(reason.contains("Log in to Microsoft 365 first"), "{reason}");
    world.asked_nobody_else();
}
