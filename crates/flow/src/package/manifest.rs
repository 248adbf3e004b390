//! Packages of Power Automate: `manifest.json` lists resources, and a folder for each flow
//! holds its definition and which resource each of its connection references is.

use super::archive::Files;
use super::{
    Connection, Connector, Details, PackagedFlow, Reading, guid, is_definition, reference, text_at,
};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

const MANIFEST: &str = "manifest.json";
const FLOWS: &str = "microsoft.flow/flows/";

/// Reads what the files say.
pub fn read(files: &Files, reading: &mut Reading) {
    let manifest = reading.json(files, MANIFEST).unwrap_or_default();
    reading.details = details(&manifest);
    let empty = Map::new();
    let resources = manifest.get("resources").and_then(Value::as_object).unwrap_or(&empty);
    let mut folders: BTreeSet<&str> = files.paths().filter_map(folder_of).collect();
    for (key, resource) in resources {
        let kind = text_at(resource, "/type").unwrap_or_default().to_lowercase();
        match kind.as_str() {
            "microsoft.flow/flows" => {
                let folder = key.to_lowercase();
                if folders.remove(folder.as_str()) {
                    flow(files, reading, key, &folder, Some(resource));
                } else {
                    missing(reading, key, resource);
                }
            }
            "microsoft.powerapps/apis" => reading.connectors.push(Connector {
                key: key.clone(),
                id: text_at(resource, "/id"),
                display_name: display_name(resource).unwrap_or_else(|| key.clone()),
                icon: text_at(resource, "/details/iconUri"),
            }),
            "microsoft.powerapps/apis/connections" => {
                let connector = connector_of(resource, resources);
                reading.connections.push(Connection {
                    key: key.clone(),
                    connector,
                    display_name: display_name(resource).unwrap_or_else(|| key.clone()),
                    icon: text_at(resource, "/details/iconUri"),
                });
            }
            _ => {
                let message =
                    format!("The resource '{key}' of type '{kind}' is no flow and was left out.");
                reading.remark(MANIFEST, message);
            }
        }
    }
    // packages that somebody put together by hand may list less than they hold
    for folder in folders {
        flow(files, reading, folder, folder, None);
    }
    if reading.details.display_name.is_empty()
        && let Some(first) = reading.flows.first()
    {
        reading.details.display_name = first.display_name.clone();
    }
}

/// The folder of a flow, of a path to its definition.
fn folder_of(path: &str) -> Option<&str> {
    let folder = path.strip_prefix(FLOWS)?.strip_suffix("/definition.json")?;
    (!folder.contains('/')).then_some(folder)
}

fn details(manifest: &Value) -> Details {
    let text = |name: &str| text_at(manifest, &format!("/details/{name}")).unwrap_or_default();
    Details {
        display_name: text("displayName"),
        description: text("description"),
        creator: text("creator"),
        source_environment: text("sourceEnvironment"),
        created_time: text("createdTime"),
        telemetry_id: text("packageTelemetryId"),
    }
}

fn display_name(resource: &Value) -> Option<String> {
    text_at(resource, "/details/displayName")
}

/// A flow that the manifest names and the package does not have: a fault, unless there can
/// only be one already where the package is imported.
fn missing(reading: &mut Reading, key: &str, resource: &Value) {
    let kinds = text_at(resource, "/creationType").unwrap_or_default().to_lowercase();
    if kinds == "existing" {
        reading.remark(MANIFEST, format!("The flow '{key}' is not in the package."));
    } else {
        let message = format!(
            "The package has no 'Microsoft.Flow/flows/{key}/definition.json', which its manifest names."
        );
        reading.fault(MANIFEST, message);
    }
}

/// The connector that a connection is one of: the only one that it depends on.
fn connector_of(resource: &Value, resources: &Map<String, Value>) -> Option<String> {
    let depends = resource.get("dependsOn")?.as_array()?;
    depends.iter().filter_map(Value::as_str).find_map(|key| {
        let kind = text_at(resources.get(key)?, "/type")?;
        kind.eq_ignore_ascii_case("Microsoft.PowerApps/apis").then(|| key.to_owned())
    })
}

fn flow(files: &Files, reading: &mut Reading, key: &str, folder: &str, resource: Option<&Value>) {
    let path = format!("{FLOWS}{folder}/definition.json");
    let connectors = keys(files, reading, &format!("{FLOWS}{folder}/apismap.json"));
    let connections = keys(files, reading, &format!("{FLOWS}{folder}/connectionsmap.json"));
    let Some(document) = reading.json(files, &path) else { return };
    let name = files.name(&path);
    let properties = document.get("properties").unwrap_or(&document);
    let inner = properties.get("definition").unwrap_or(properties);
    if !is_definition(inner) {
        reading.fault(name, "There is no workflow definition at 'properties.definition'.");
        return;
    }
    let references = match reference::normal(properties.get("connectionReferences"), |_| None) {
        Ok(references) => references,
        Err(message) => return reading.fault(name, message),
    };
    // what somebody who exports types in wins over what the flow was called
    let shown = resource.and_then(display_name).or_else(|| text_at(properties, "/displayName"));
    let state = text_at(properties, "/state");
    reading.flows.push(PackagedFlow {
        key: key.to_owned(),
        path: name.to_owned(),
        name: text_at(&document, "/name").as_deref().and_then(guid),
        display_name: shown.unwrap_or_else(|| key.to_owned()),
        description: text_at(inner, "/description"),
        is_started: state.map(|state| state.eq_ignore_ascii_case("Started")),
        template_name: text_at(properties, "/templateName"),
        definition: inner.clone(),
        references,
        connectors,
        connections,
    });
}

/// `{"reference": "resource"}`; a file that is not there says nothing.
fn keys(files: &Files, reading: &mut Reading, path: &str) -> BTreeMap<String, String> {
    let found = reading.json(files, path);
    let members = found.as_ref().and_then(Value::as_object).into_iter().flatten();
    members.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}
