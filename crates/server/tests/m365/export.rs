//! Exports: a template, and a package.

use crate::client::Cli;
use crate::flow::Flow;
use crate::support::TOKEN;
use crate::world::World;
use reqwest::Method;
use serde_json::{Value, json};
use std::fs;

pub async fn template(world: &World, cli: &Cli, flow: &Flow) {
    let file = cli.file("exported.json");
    let path = file.to_str().expect("a path that is text");
    cli.done(&format!("flow export {} --format json --path {path}", flow.named())).await;
    let template: Value =
        serde_json::from_slice(&fs::read(&file).expect("the file")).expect("JSON");
    let workflow = &template["resources"][0];
    assert_eq!(workflow["type"], "Microsoft.Logic/workflows");
    assert_eq!(workflow["properties"]["definition"], world.held(&flow.id).await["definition"]);
}

/// The zip: what is in it is what the server holds.
pub async fn package(world: &World, cli: &Cli, flow: &Flow) {
    let file = cli.file("exported.zip");
    let path = file.to_str().expect("a path that is text");
    let line = format!("flow export {} --format zip --path {path}", flow.named());
    cli.done(&format!("{line} --packageDisplayName Exported --packageCreatedBy Ada")).await;
    let zip = fs::read(&file).expect("the file");
    let request = world.api.request(Method::POST, "/api/v1/packages/inspect").body(zip);
    let answer = request.bearer_auth(TOKEN).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let found: Value = answer.json().await.expect("JSON");
    let held = world.held(&flow.id).await;
    let packaged = &found["flows"][0];
    assert_eq!(packaged["name"], json!(flow.id), "{found}");
    assert_eq!(found["details"]["displayName"], "Exported");
    assert_eq!(found["details"]["creator"], "Ada");
    for part in ["triggers", "actions"] {
        assert_eq!(packaged["definition"][part], held["definition"][part], "{part}");
    }
}

/// Neither form is for who has no part in the flow, and no file is left of it.
pub async fn refused(cli: &Cli, flow: &Flow) {
    for form in ["zip", "json"] {
        let file = cli.file(&format!("refused.{form}"));
        let path = file.to_str().expect("a path that is text");
        let line = format!("flow export {} --format {form} --path {path}", flow.named());
        let reason = cli.refused(&line).await;
        assert!(reason.contains("does not have permission for connection"), "{reason}");
        assert!(!file.exists(), "{form}");
    }
}
