//! Flows: made by the command for any request, as scripts do, then listed, shown, switched
//! and removed.

use crate::client::Cli;
use crate::world::{WORKSHOP, World, text};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A flow, as commands name it.
pub struct Flow {
    environment: String,
    pub id: String,
}

impl Flow {
    /// Makes one in an environment.
    pub async fn create(cli: &Cli, environment: &str, name: &str) -> Flow {
        let given = json!({
            "displayName": name,
            "state": "Started",
            "definition": definition(),
            "connectionReferences": {},
        });
        let url = format!("{}?api-version=2016-11-01", flows(environment));
        let made = cli.post(&url, &json!({"properties": given})).await.json();
        for (member, value) in given.as_object().expect("an object") {
            assert_eq!(&made["properties"][member], value, "{member}");
        }
        Flow { environment: environment.to_owned(), id: text(&made["name"]) }
    }

    /// For commands about the flow.
    pub fn named(&self) -> String {
        format!("--environmentName {} --name {}", self.environment, self.id)
    }

    /// For commands about what a flow has.
    pub fn within(&self) -> String {
        format!("--environmentName {} --flowName {}", self.environment, self.id)
    }

    /// The address of what a flow has.
    pub fn url(&self, rest: &str) -> String {
        format!("{}/{}/{rest}?api-version=2016-11-01", flows(&self.environment), self.id)
    }
}

fn flows(environment: &str) -> String {
    let provider = "https://api.flow.microsoft.com/providers/Microsoft.ProcessSimple";
    format!("{provider}/environments/{environment}/flows")
}

/// A flow that waits for an hour when it is told to be slow.
fn definition() -> Value {
    let schema = json!({"type": "object", "properties": {"text": {"type": "string"}}});
    let is_slow = json!({"equals": ["@triggerBody()?['text']", "slow"]});
    let hour = json!({"interval": {"count": 1, "unit": "Hour"}});
    json!({
        "$schema": "https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#",
        "contentVersion": "1.0.0.0",
        "triggers": {
            "manual": {"type": "Request", "kind": "Button", "inputs": {"schema": schema}},
        },
        "actions": {
            "Compose": {
                "type": "Compose",
                "inputs": "@concat('Hello ', triggerBody()?['text'])",
                "runAfter": {},
            },
            "Choose": {
                "type": "If",
                "expression": {"and": [is_slow]},
                "actions": {"Rest": {"type": "Wait", "inputs": hour, "runAfter": {}}},
                "runAfter": {"Compose": ["Succeeded"]},
            },
        },
    })
}

/// Name, display name and state of each.
type Listing = BTreeSet<[String; 3]>;

/// What a command has listed.
pub fn listed(flows: &Value) -> Listing {
    let flows = flows.as_array().expect("a list").iter();
    let listed = flows.map(|flow| {
        let properties = &flow["properties"];
        [&flow["name"], &properties["displayName"], &properties["state"]].map(text)
    });
    listed.collect()
}

/// What the server holds in the default environment.
pub async fn held(world: &World) -> Listing {
    let flows = world.api.list("/api/v1/flows").await;
    let held = flows.iter().map(|flow| {
        let id = text(&flow["id"]);
        let parts = [&id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]];
        [parts.join("-"), text(&flow["displayName"]), text(&flow["state"])]
    });
    held.collect()
}

/// Lists of somebody who made every flow of the default environment and shares none.
pub async fn lists_of_maker(world: &World, cli: &Cli) {
    let elsewhere = world.api.get(&format!("/api/v1/environments/{WORKSHOP}")).await;
    let other = Flow::create(cli, &text(&elsewhere["id"]), "Elsewhere").await;
    let list = |rest: &str| format!("flow list --environmentName {}{rest}", world.environment);
    let held = held(world).await;
    let (mine, personal) = cli.both(&list(""), &list(" --sharingStatus personal")).await;
    assert_eq!((listed(&mine), listed(&personal)), (held.clone(), held.clone()));
    let (own, shared) =
        cli.both(&list(" --sharingStatus ownedByMe"), &list(" --sharingStatus sharedWithMe")).await;
    assert_eq!((listed(&own), shared), (held.clone(), json!([])));
    let line = format!("flow list --environmentName {}", text(&elsewhere["id"]));
    let (all, there) = cli.both(&list(" --sharingStatus all --withSolutions"), &line).await;
    assert_eq!(listed(&all), held);
    let expected = [other.id.clone(), "Elsewhere".to_owned(), "Started".to_owned()];
    assert_eq!(listed(&there), Listing::from([expected]));
    cli.done(&format!("flow remove {} --force", other.named())).await;
}

/// A flow as it is shown; `scope` is empty, or asks as an administrator.
pub async fn show(world: &World, cli: &Cli, flow: &Flow, scope: &str) {
    let shown = cli.json(&format!("flow get {}{scope}", flow.named())).await;
    let held = world.held(&flow.id).await;
    let properties = &shown["properties"];
    for (member, known) in [
        ("displayName", "displayName"),
        ("state", "state"),
        ("createdTime", "createdTime"),
        ("lastModifiedTime", "changedTime"),
        ("definition", "definition"),
    ] {
        assert_eq!(properties[member], held[known], "{member}");
    }
    assert_eq!(shown["name"], json!(flow.id));
    // what the command makes of the summary of the definition
    assert_eq!(shown["triggers"], "Request-Button");
    assert_eq!(shown["actions"], "Compose, If, Wait");
}

/// Off and on again.
pub async fn switch(world: &World, cli: &Cli, flow: &Flow, scope: &str) {
    for (command, state) in [("disable", "Stopped"), ("enable", "Started")] {
        cli.done(&format!("flow {command} {}{scope}", flow.named())).await;
        assert_eq!(world.held(&flow.id).await["state"], state, "{command}");
    }
}
