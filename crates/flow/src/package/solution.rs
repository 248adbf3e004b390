//! Solutions: `customizations.xml`, or a file beside each workflow when the solution is
//! unpacked, says what the files in `Workflows` are.

use super::archive::Files;
use super::xml::{attribute, child, is, localized, parse, text};
use super::{
    Connection, Connector, Details, PackagedFlow, Reading, guid, is_definition, reference, text_at,
    variable,
};
use roxmltree::Node;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Cloud flows, among the workflows of a solution.
const CLOUD_FLOW: &str = "5";

/// The state of a workflow that is on.
const ACTIVATED: &str = "1";

/// What the XML says of a workflow.
struct Workflow {
    id: Option<String>,
    name: Option<String>,
    /// In lower case, below the root.
    file: Option<String>,
    category: Option<String>,
    state: Option<String>,
    description: Option<String>,
}

/// Reads what the files say.
pub fn read(files: &Files, reading: &mut Reading) {
    for path in ["solution.xml", "other/solution.xml"] {
        with_xml(files, reading, path, |root, reading| reading.details = details(root));
    }
    let mut workflows = Vec::new();
    for path in ["customizations.xml", "other/customizations.xml"] {
        with_xml(files, reading, path, |root, reading| {
            connections(root, reading);
            if let Some(list) = child(root, "Workflows") {
                workflows.extend(list.children().filter(|it| is(*it, "Workflow")).map(workflow));
            }
        });
    }
    let beside: Vec<&str> = files.paths().filter(|path| is_data(path)).collect();
    for path in beside {
        with_xml(files, reading, path, |root, _| {
            let mut found = workflow(root);
            found.file = found.file.or_else(|| path.strip_suffix(".data.xml").map(str::to_owned));
            workflows.push(found);
        });
    }
    let mut seen = BTreeSet::new();
    for workflow in &workflows {
        take(files, reading, workflow, &mut seen);
    }
    let others: Vec<&str> = files.paths().filter(|path| is_workflow(path)).collect();
    for path in others.into_iter().filter(|path| !seen.contains(*path)) {
        without_xml(files, reading, path);
    }
    variable::read(files, reading);
    note_others(files, reading);
    complete_connections(reading);
}

fn is_data(path: &str) -> bool {
    path.starts_with("workflows/") && path.ends_with(".data.xml")
}

fn is_workflow(path: &str) -> bool {
    path.starts_with("workflows/") && path.ends_with(".json")
}

/// Does something with a file of XML, when it is there.
pub fn with_xml(
    files: &Files,
    reading: &mut Reading,
    path: &str,
    action: impl FnOnce(Node<'_, '_>, &mut Reading),
) {
    let Some(text) = reading.text(files, path) else { return };
    match parse(&text) {
        Ok(document) => action(document.root_element(), reading),
        Err(message) => reading.fault(files.name(path), message),
    }
}

fn details(root: Node<'_, '_>) -> Details {
    let Some(manifest) = child(root, "SolutionManifest") else { return Details::default() };
    let name = localized(manifest, "LocalizedNames", "LocalizedName");
    let publisher = child(manifest, "Publisher");
    let publisher = publisher.and_then(|it| {
        localized(it, "LocalizedNames", "LocalizedName").or_else(|| text(it, "UniqueName"))
    });
    Details {
        display_name: name.or_else(|| text(manifest, "UniqueName")).unwrap_or_default(),
        description: localized(manifest, "Descriptions", "Description").unwrap_or_default(),
        creator: publisher.unwrap_or_default(),
        ..Details::default()
    }
}

/// The references to connections that the solution brings.
fn connections(root: Node<'_, '_>, reading: &mut Reading) {
    for node in root.descendants().filter(|it| is(*it, "connectionreference")) {
        let Some(key) = attribute(node, "connectionreferencelogicalname") else { continue };
        let shown = text(node, "connectionreferencedisplayname").unwrap_or_else(|| key.clone());
        let connector = text(node, "connectorid");
        reading.connections.push(Connection { key, connector, display_name: shown, icon: None });
    }
}

fn workflow(node: Node<'_, '_>) -> Workflow {
    let file = text(node, "JsonFileName");
    Workflow {
        id: attribute(node, "WorkflowId").as_deref().and_then(guid),
        name: attribute(node, "Name")
            .or_else(|| localized(node, "LocalizedNames", "LocalizedName")),
        file: file.map(|file| file.trim_start_matches('/').replace('\\', "/").to_lowercase()),
        category: text(node, "Category"),
        state: text(node, "StateCode"),
        description: attribute(node, "Description")
            .or_else(|| localized(node, "Descriptions", "Description")),
    }
}

/// A workflow that the XML describes.
fn take(files: &Files, reading: &mut Reading, workflow: &Workflow, seen: &mut BTreeSet<String>) {
    let shown = workflow.name.clone().unwrap_or_else(|| "without a name".to_owned());
    let file = workflow.file.clone().filter(|file| is_workflow(file));
    let Some(file) = file else {
        return reading.remark("", format!("The workflow '{shown}' is no cloud flow."));
    };
    if !seen.insert(file.clone()) {
        return;
    }
    if workflow.category.as_deref().is_some_and(|category| category != CLOUD_FLOW) {
        return reading.remark(files.name(&file), format!("'{shown}' is no cloud flow."));
    }
    if files.get(&file).is_none() {
        let message = format!("The solution has no '{file}', which it names for '{shown}'.");
        return reading.fault("customizations.xml", message);
    }
    flow(files, reading, &file, workflow);
}

/// A file in `Workflows` that no XML describes.
fn without_xml(files: &Files, reading: &mut Reading, path: &str) {
    let workflow = Workflow {
        id: None,
        name: None,
        file: None,
        category: None,
        state: None,
        description: None,
    };
    flow(files, reading, path, &workflow);
}

fn flow(files: &Files, reading: &mut Reading, path: &str, workflow: &Workflow) {
    let Some(document) = reading.json(files, path) else { return };
    let written = files.name(path);
    let properties = document.get("properties").unwrap_or(&document);
    let inner = properties.get("definition").unwrap_or(properties);
    if !is_definition(inner) {
        if workflow.category.is_some() {
            return reading
                .fault(written, "There is no workflow definition at 'properties.definition'.");
        }
        return reading.remark(written, "This is no cloud flow.");
    }
    let connectors: BTreeMap<String, String> = reading
        .connections
        .iter()
        .filter_map(|it| Some((it.key.clone(), it.connector.clone()?)))
        .collect();
    let given = properties.get("connectionReferences");
    let references = match reference::normal(given, |name| connectors.get(name).cloned()) {
        Ok(references) => references,
        Err(message) => return reading.fault(written, message),
    };
    let (stem, of_name) = named(written);
    let id = workflow.id.clone().or(of_name);
    let shown = workflow.name.clone().or_else(|| text_at(properties, "/displayName"));
    let described = text_at(inner, "/description").or_else(|| workflow.description.clone());
    reading.flows.push(PackagedFlow {
        key: id.clone().unwrap_or_else(|| stem.clone()),
        path: written.to_owned(),
        name: id,
        display_name: shown.unwrap_or(stem),
        description: described.clone(),
        is_started: workflow.state.as_deref().map(|state| state == ACTIVATED),
        template_name: text_at(properties, "/templateName"),
        definition: with_description(inner, described.as_deref()),
        connectors: by_reference(&references, "id"),
        connections: by_reference(&references, "connectionReferenceLogicalName"),
        references,
    });
}

/// The definition with what the XML says that the flow is for: the API has it there.
fn with_description(definition: &Value, described: Option<&str>) -> Value {
    let mut definition = definition.clone();
    if let (Some(text), Value::Object(members)) = (described, &mut definition) {
        members.entry("description").or_insert_with(|| text.into());
    }
    definition
}

/// `Workflows/Name-GUID.json`: the name, and the GUID in lower case.
fn named(path: &str) -> (String, Option<String>) {
    let file = path.rsplit('/').next().unwrap_or(path);
    let stem = file.get(..file.len().saturating_sub(".json".len())).unwrap_or(file);
    let cut = stem.len().checked_sub(37).filter(|at| stem.is_char_boundary(*at));
    match cut.map(|at| stem.split_at(at)) {
        Some((name, rest)) if rest.starts_with('-') && !name.is_empty() => match guid(&rest[1..]) {
            Some(id) => (name.to_owned(), Some(id)),
            None => (stem.to_owned(), None),
        },
        _ => (stem.to_owned(), None),
    }
}

/// Of each reference, one of its texts.
fn by_reference(references: &Map<String, Value>, name: &str) -> BTreeMap<String, String> {
    let text = |value: &Value| value.get(name).and_then(Value::as_str).map(str::to_owned);
    references.iter().filter_map(|(key, value)| Some((key.clone(), text(value)?))).collect()
}

/// Says which parts of the solution were left out: folders that hold no workflows.
fn note_others(files: &Files, reading: &mut Reading) {
    let folders: BTreeSet<&str> = files
        .paths()
        .filter(|path| !path.starts_with("workflows/") && !path.starts_with("other/"))
        .filter(|path| !path.starts_with(variable::FOLDER))
        .filter(|path| path.contains('/'))
        .filter_map(|path| files.name(path).rsplit('/').nth(path.matches('/').count()))
        .collect();
    for folder in folders {
        reading.remark(folder, "This part of the solution is no cloud flow and was left out.");
    }
}

/// References that no `customizations.xml` names are connections all the same; connectors
/// are those that are named by references.
fn complete_connections(reading: &mut Reading) {
    let mut connectors = BTreeSet::new();
    let mut known: BTreeSet<String> = reading.connections.iter().map(|it| it.key.clone()).collect();
    let mut more = Vec::new();
    for flow in &mut reading.flows {
        connectors.extend(flow.connectors.values().cloned());
        for reference in flow.references.keys() {
            let key = flow.connections.entry(reference.clone());
            let key = key.or_insert_with(|| reference.clone()).clone();
            if known.insert(key.clone()) {
                let connector = flow.connectors.get(reference).cloned();
                let shown = key.clone();
                more.push(Connection { key, connector, display_name: shown, icon: None });
            }
        }
    }
    connectors.extend(reading.connections.iter().filter_map(|it| it.connector.clone()));
    reading.connections.extend(more);
    reading.connectors.extend(connectors.into_iter().map(|id| Connector {
        display_name: id.rsplit('/').next().unwrap_or(&id).to_owned(),
        key: id.clone(),
        id: Some(id),
        icon: None,
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_hold_the_id() {
        let id = "b0d73cb7-1de1-eb11-bacb-001dd8028bf8";
        let upper = id.to_uppercase();
        for (path, expected) in [
            (format!("Workflows/Demo-{upper}.json"), ("Demo", Some(id))),
            (format!("Workflows/A-B-{id}.json"), ("A-B", Some(id))),
            (format!("Workflows/{id}.json"), (id, None)),
            ("Workflows/Demo.json".to_owned(), ("Demo", None)),
            ("Workflows/é-x.json".to_owned(), ("é-x", None)),
        ] {
            let (name, found) = named(&path);
            assert_eq!((name.as_str(), found.as_deref()), expected, "{path}");
        }
    }
}
