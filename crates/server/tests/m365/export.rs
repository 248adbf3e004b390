//! Exports: a template, and a package.

use crate::client::Cli;
use crate::flow::Flow;
use crate::world::World;
use serde_json::Value;
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
