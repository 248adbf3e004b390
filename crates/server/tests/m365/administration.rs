//! What administrators do with flows that are not theirs.

use crate::client::Cli;
use crate::flow::{self, Flow};
use crate::owner::{self, Others};
use crate::world::{World, text};
use crate::{environment, run};
use reqwest::Method;
use serde_json::json;

const SCOPE: &str = " --asAdmin";

/// Everything, with a flow that is removed and restored in the end.
pub async fn administer(world: &World, cli: &Cli, flow: &Flow, others: &Others) {
    environment::look_as_administrator(world, cli).await;
    let list = format!("flow list --environmentName {}{SCOPE}", world.environment);
    assert_eq!(flow::listed(&cli.json(&list).await), flow::held(world).await);
    flow::show(world, cli, flow, SCOPE).await;
    run::list(world, cli, flow, SCOPE).await;
    flow::switch(world, cli, flow, SCOPE).await;
    owner::share(cli, flow, others, SCOPE).await;
    cli.done(&format!("flow remove {} --force{SCOPE}", flow.named())).await;
    gone(world, flow).await;
    restore(world, cli, flow).await;
}

/// The server has no such flow.
pub async fn gone(world: &World, flow: &Flow) {
    let path = format!("/api/v1/flows/{}", flow.id);
    assert_eq!(world.api.call(Method::GET, &path, None).await.0, 404);
}

/// Takes a flow out of the recycle bin, where it is the only one.
pub async fn restore(world: &World, cli: &Cli, flow: &Flow) {
    let list = format!("flow recyclebinitem list --environmentName {}", world.environment);
    let found = cli.json(&list).await;
    let names: Vec<String> =
        found.as_array().expect("a list").iter().map(|flow| text(&flow["name"])).collect();
    assert_eq!(names, [flow.id.as_str()]);
    cli.done(&format!("flow recyclebinitem restore {}", flow.within())).await;
    let (held, left) = tokio::join!(world.held(&flow.id), cli.json(&list));
    assert_eq!((&held["state"], left), (&json!("Stopped"), json!([])));
}

/// Every command for administrators, for those who are none. It ends before anything is
/// changed.
pub fn commands(world: &World, flow: &Flow, somebody: &str) -> Vec<String> {
    let (named, within, environment) = (flow.named(), flow.within(), &world.environment);
    vec![
        format!("flow list --environmentName {environment}{SCOPE}"),
        format!("flow get {named}{SCOPE}"),
        format!("flow run list {within}{SCOPE}"),
        format!("flow owner list {within}{SCOPE}"),
        format!("flow owner ensure {within} --userId {somebody} --roleName CanEdit{SCOPE}"),
        format!("flow owner remove {within} --userId {somebody} --force{SCOPE}"),
        format!("flow enable {named}{SCOPE}"),
        format!("flow disable {named}{SCOPE}"),
        format!("flow remove {named} --force{SCOPE}"),
        format!("flow recyclebinitem list --environmentName {environment}"),
        format!("flow recyclebinitem restore {within}"),
        format!("pp environment list{SCOPE}"),
        format!("pp environment get --default{SCOPE}"),
    ]
}
