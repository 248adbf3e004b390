//! Environments and connectors, as each provider shows them.

use crate::client::Cli;
use crate::world::{WORKSHOP, World, text};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
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
    connectors(world, cli).await;
    let unknown = "flow environment get --name 0f4c1d6e-7a52-4b0e-9a39-5a1f0c6c2b11";
    let reason = cli.refused(unknown).await;
    assert!(reason.starts_with("Access to the environment '"), "{reason}");
}

/// Not as a program would print it: the export has it byte for byte.
const SWAGGER: &str = "{ \"swagger\": \"2.0\",\n  \"info\": {\"title\": \"Weather\"}, \"host\": \"weather.example.org\", \"paths\": {}}\n";

/// Connectors of one's own.
async fn connectors(world: &World, cli: &Cli) {
    let environment = &world.environment;
    let list = format!("pa connector list --environmentName {environment}");
    let alias = format!("flow connector list --environmentName {environment}");
    assert_eq!(cli.both(&list, &alias).await, (json!([]), json!([])));
    let export = format!("pa connector export --environmentName {environment} --name");
    assert_eq!(cli.refused(&format!("{export} none")).await, "Could not find API 'none'.");
    let properties = json!({
        "connectionParameters": {"api_key": {"type": "securestring"}},
        "iconBrandColor": "#112233",
        "capabilities": []
    });
    let body = json!({
        "name": "shared_weather",
        "definition": SWAGGER,
        "properties": json!({"properties": properties}).to_string(),
        "icon": STANDARD.encode("icon"),
    });
    let (status, made) =
        world.api.call(Method::POST, "/api/v1/environments/default/connectors", Some(&body)).await;
    assert_eq!(status, 201, "{made}");
    let (listed, same) = cli.both(&list, &alias).await;
    assert_eq!(listed, same);
    assert_eq!(names(&listed), BTreeSet::from([["shared_weather", "Weather"].map(str::to_owned)]));
    let folder = cli.file("connectors");
    std::fs::create_dir_all(&folder).expect("a folder");
    cli.done(&format!("{export} shared_weather --outputFolder {}", folder.display())).await;
    let file = |name: &str| std::fs::read_to_string(folder.join("shared_weather").join(name));
    assert_eq!(file("apiDefinition.swagger.json").expect("a file"), SWAGGER);
    assert_eq!(file("icon.png").expect("a file"), "icon");
    let exported: Value =
        serde_json::from_str(&file("apiProperties.json").expect("a file")).expect("JSON");
    assert_eq!(exported["properties"], properties);
}

/// What administrators can ask.
pub async fn look_as_administrator(world: &World, cli: &Cli) {
    let held = held(world).await;
    assert_eq!(names(&cli.json("pp environment list --asAdmin").await), held);
    let shown = cli.json("pp environment get --default --asAdmin").await;
    assert_eq!(shown["name"], json!(world.environment));
}
