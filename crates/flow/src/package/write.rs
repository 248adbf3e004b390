//! Packages of one flow, laid out as Power Automate does. Ids of resources are derived from
//! what they are, so that the same flow gives the same package.

use super::archive::pack;
use super::{Details, FLOWS_API, Fault};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// A flow that goes out.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The flow's name on the wire: a GUID.
    pub name: &'a str,
    pub display_name: &'a str,
    pub template_name: Option<&'a str>,
    pub definition: &'a Value,
    /// By key, in the form of the API.
    pub references: &'a Map<String, Value>,
    pub details: &'a Details,
}

/// What a package is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    pub kind: ResourceKind,
    /// Its GUID in a package.
    pub key: String,
    /// Its path among the resources of a server.
    pub id: String,
    pub display_name: String,
    pub icon: Option<String>,
    /// Places in the list of resources.
    pub depends_on: Vec<usize>,
    /// Keys of the connection references that it stands for.
    references: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceKind {
    Flow,
    Connector,
    Connection,
}

impl ResourceKind {
    /// `type` in a manifest.
    #[must_use]
    pub fn type_name(self) -> &'static str {
        match self {
            ResourceKind::Flow => "Microsoft.Flow/flows",
            ResourceKind::Connector => "Microsoft.PowerApps/apis",
            ResourceKind::Connection => "Microsoft.PowerApps/apis/connections",
        }
    }

    fn suggested(self) -> &'static str {
        match self {
            ResourceKind::Flow => "Update",
            ResourceKind::Connector | ResourceKind::Connection => "Existing",
        }
    }
}

impl Resource {
    /// The last part of its path.
    #[must_use]
    pub fn name(&self) -> &str {
        self.id.rsplit('/').next().unwrap_or(&self.id)
    }

    /// As a manifest has it; `key_of` gives the key of a resource that it depends on.
    #[must_use]
    pub fn entry(&self, key_of: impl Fn(usize) -> String) -> Map<String, Value> {
        let mut entry = Map::new();
        let mut put = |name: &str, value: Value| entry.insert(name.to_owned(), value);
        if self.kind == ResourceKind::Connector {
            put("id", json!(self.id));
            put("name", json!(self.name()));
        }
        put("type", json!(self.kind.type_name()));
        put("suggestedCreationType", json!(self.kind.suggested()));
        match self.kind {
            ResourceKind::Flow => put("creationType", json!("Existing, New, Update")),
            ResourceKind::Connection => put("creationType", json!("Existing")),
            ResourceKind::Connector => None,
        };
        let mut details = json!({"displayName": self.display_name});
        if let Some(icon) = &self.icon {
            details["iconUri"] = json!(icon);
        }
        put("details", details);
        let is_system = self.kind == ResourceKind::Connector;
        put("configurableBy", json!(if is_system { "System" } else { "User" }));
        let is_root = self.kind == ResourceKind::Flow;
        put("hierarchy", json!(if is_root { "Root" } else { "Child" }));
        put("dependsOn", self.depends_on.iter().map(|at| key_of(*at)).collect());
        entry
    }
}

/// The resources of a flow's package: the flow, then each connector with its connections.
#[must_use]
pub fn resources(flow: &Outgoing<'_>) -> Vec<Resource> {
    let mut found = vec![Resource {
        kind: ResourceKind::Flow,
        key: derived(flow.name, "flow", ""),
        id: format!("/providers/Microsoft.Flow/flows/{}", flow.name),
        display_name: flow.display_name.to_owned(),
        icon: None,
        depends_on: Vec::new(),
        references: Vec::new(),
    }];
    for (key, reference) in flow.references {
        let text = |name: &str| reference.get(name).and_then(Value::as_str).unwrap_or_default();
        let api = text("id");
        if api.is_empty() {
            continue;
        }
        let shown = match text("displayName") {
            "" => api.rsplit('/').next().unwrap_or(api),
            shown => shown,
        };
        let icon = Some(text("iconUri")).filter(|icon| !icon.is_empty()).map(str::to_owned);
        let connector = place(&mut found, ResourceKind::Connector, flow.name, api, shown);
        found[connector].references.push(key.clone());
        found[connector].icon.clone_from(&icon);
        let names = [text("connectionName"), text("connectionReferenceLogicalName"), key.as_str()];
        let name = names.into_iter().find(|name| !name.is_empty()).unwrap_or(key);
        let id = format!("{api}/connections/{name}");
        let connection = place(&mut found, ResourceKind::Connection, flow.name, &id, name);
        found[connection].references.push(key.clone());
        found[connection].icon = icon;
        found[connection].depends_on = vec![connector];
    }
    found[0].depends_on = (1..found.len()).collect();
    found
}

/// Where a resource is in the list, to which it is added when it is new.
fn place(
    found: &mut Vec<Resource>,
    kind: ResourceKind,
    flow: &str,
    id: &str,
    display_name: &str,
) -> usize {
    let known = found.iter().position(|it| it.kind == kind && it.id == id);
    known.unwrap_or_else(|| {
        found.push(Resource {
            kind,
            key: derived(flow, kind.type_name(), id),
            id: id.to_owned(),
            display_name: display_name.to_owned(),
            icon: None,
            depends_on: Vec::new(),
            references: Vec::new(),
        });
        found.len() - 1
    })
}

/// A GUID of version 8 made of a flow and what is meant.
fn derived(flow: &str, kind: &str, id: &str) -> String {
    let mut hash = Sha256::new();
    for part in [flow, kind, id] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    let digest: [u8; 32] = hash.finalize().into();
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-8{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}

/// Makes the package of a flow.
pub fn write(flow: &Outgoing<'_>) -> Result<Vec<u8>, Fault> {
    let resources = resources(flow);
    let asset = &resources[0].key;
    let folder = format!("Microsoft.Flow/flows/{asset}");
    let map = |kind: ResourceKind| -> Value {
        let of_kind = resources.iter().filter(|it| it.kind == kind);
        let pairs = of_kind.flat_map(|it| it.references.iter().map(|key| (key.clone(), &it.key)));
        pairs.map(|(key, resource)| (key, json!(resource))).collect::<Map<_, _>>().into()
    };
    let manifest_of_flows = json!({
        "packageSchemaVersion": "1.0",
        "flowAssets": {"assetPaths": [asset]},
    });
    let files = [
        ("manifest.json".to_owned(), manifest(flow.details, &resources)),
        ("Microsoft.Flow/flows/manifest.json".to_owned(), manifest_of_flows),
        (format!("{folder}/definition.json"), definition(flow)),
        (format!("{folder}/apisMap.json"), map(ResourceKind::Connector)),
        (format!("{folder}/connectionsMap.json"), map(ResourceKind::Connection)),
    ];
    let files: Vec<(String, String)> =
        files.into_iter().map(|(path, value)| (path, value.to_string())).collect();
    pack(files.iter().map(|(path, text)| (path.as_str(), text.as_bytes())))
}

fn manifest(details: &Details, resources: &[Resource]) -> Value {
    let key_of = |at: usize| resources[at].key.clone();
    let entries = resources.iter().map(|it| (it.key.clone(), it.entry(key_of).into()));
    json!({
        "schema": "1.0",
        "details": {
            "displayName": details.display_name,
            "description": details.description,
            "createdTime": details.created_time,
            "packageTelemetryId": details.telemetry_id,
            "creator": details.creator,
            "sourceEnvironment": details.source_environment,
        },
        "resources": entries.collect::<Map<String, Value>>(),
    })
}

fn definition(flow: &Outgoing<'_>) -> Value {
    let mut properties = json!({
        "apiId": FLOWS_API,
        "displayName": flow.display_name,
        "definition": flow.definition,
        "connectionReferences": flow.references,
        "flowFailureAlertSubscribed": false,
        "isManaged": false,
    });
    if let Some(template) = flow.template_name {
        properties["templateName"] = json!(template);
    }
    json!({
        "name": flow.name,
        "id": format!("/providers/Microsoft.Flow/flows/{}", flow.name),
        "type": "Microsoft.Flow/flows",
        "properties": properties,
    })
}

#[cfg(test)]
mod tests {
    use super::super::APIS;
    use super::*;

    #[test]
    fn references_of_one_connection_share_a_resource() {
        let sql = format!("{APIS}shared_sql");
        let references = json!({
            "a": {"id": sql, "connectionName": "one"},
            "b": {"id": sql, "connectionName": "one"},
            "c": {"id": sql, "connectionReferenceLogicalName": "new_c"},
            "d": {"connectionName": "of nothing known"},
        });
        let (definition, details) = (json!({}), Details::default());
        let flow = Outgoing {
            name: "0f2d4ef5-4151-4e93-9aaa-1f380d7ed95d",
            display_name: "Demo",
            template_name: None,
            definition: &definition,
            references: references.as_object().unwrap(),
            details: &details,
        };
        let found = resources(&flow);
        let names: Vec<(&str, &[String])> =
            found.iter().map(|it| (it.name(), it.references.as_slice())).collect();
        let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            names,
            [
                ("0f2d4ef5-4151-4e93-9aaa-1f380d7ed95d", keys(&[]).as_slice()),
                ("shared_sql", keys(&["a", "b", "c"]).as_slice()),
                ("one", keys(&["a", "b"]).as_slice()),
                ("new_c", keys(&["c"]).as_slice()),
            ]
        );
        assert_eq!(found[0].depends_on, [1, 2, 3]);
        assert_eq!(found[3].depends_on, [1]);
        assert!(found.iter().all(|it| super::super::guid(&it.key).is_some()));
        assert_eq!(write(&flow), write(&flow));
    }
}
