//! Environments and connectors, as each provider shows them.

use crate::client::Cli;
use crate::world::{WORKSHOP, World, text};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Name and display name of each.
fn names(environments: &Value) -> BTreeSet<[String; 2]> {
    let list = environments.as_array().expect("a list").iter();
    list.map(|it| [text(&it["name"]), text(&it["properties"]["displayName"])]).collect()
}

/// What the server holds.
async fn held(world: &World) -> BTreeSet<[String; 2]> {
    let held = world.api.list("/api/v1/environments").await;
    held.iter().map(|it| [text(&it["id"]), text(&it["displayName"])]).collect()
}

/// Everything that somebody can ask who takes part in every environment.
pub async fn look(world: &World, cli: &Cli) {
    let held = held(world).await;
    // the first that asks for a resource also gets the token for it
    assert_eq!(names(&cli.json("flow environment list").await), held);
    assert_eq!(names(&cli.json("pa environment list").await), held);
    let default = json!(world.environment);
    let (shown, platform) = cli.both("flow environment get --default", "pp environment list").await;
    assert_eq!((&shown["name"], names(&platform)), (&default, held));
    let workshop = world.api.get(&format!("/api/v1/environments/{WORKSHOP}")).await;
    let name = text(&workshop["id"]);
    let (shown, apps) = cli
        .both(
            &format!("flow environment get --name {name}"),
            &format!("pa environment get --name {name}"),
        )
        .await;
    for shown in [&shown, &apps] {
        assert_eq!(shown["properties"]["displayName"], workshop["displayName"]);
        assert_eq!(shown["name"], workshop["id"]);
    }
    let (apps, platform) =
        cli.both("pa environment get --default", "pp environment get --default").await;
    assert_eq!((&apps["name"], &platform["name"]), (&default, &default));
    let connectors = format!("pa connector list --environmentName {}", world.environment);
    let alias = format!("flow connector list --environmentName {}", world.environment);
    // there are none of one's own
    assert_eq!(cli.both(&connectors, &alias).await, (json!([]), json!([])));
    let export = format!("pa connector export --environmentName {} --name none", world.environment);
    assert_eq!(cli.refused(&export).await, "Could not find API 'none'.");
    let unknown = "flow environment get --name 0f4c1d6e-7a52-4b0e-9a39-5a1f0c6c2b11";
    let reason = cli.refused(unknown).await;
    assert!(reason.starts_with("Access to the environment '"), "{reason}");
}

/// What administrators can ask.
pub async fn look_as_administrator(world: &World, cli: &Cli) {
    let held = held(world).await;
    assert_eq!(names(&cli.json("pp environment list --asAdmin").await), held);
    let shown = cli.json("pp environment get --default --asAdmin").await;
    assert_eq!(shown["name"], json!(world.environment));
}
