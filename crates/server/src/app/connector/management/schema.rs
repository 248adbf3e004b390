//! What the operations of the two administrators' connectors answer with: the section
//! "Definitions" of the documentation page "Power Automate Management", and what stands under
//! "Returns" of "Power Automate for Admins". Designers offer these fields, and a mock of the
//! connector answers with them.
//!
//! Invariant: the resource provider's answers have every field that is here.

use serde_json::{Map, Value, json};

#[derive(Clone, Copy)]
enum Holds {
    Text,
    Moment,
    Flag,
    /// Another definition.
    Of(&'static str),
    List(&'static str),
    /// Another definition, by keys that are nobody's to foresee.
    ByKey(&'static str),
}

use Holds::{ByKey, Flag, List, Moment, Of, Text};

type Fields = &'static [(&'static str, Holds)];

const APIS: &str = "ResourceArray[ApiWithoutConnectionParameters]";
const CONNECTIONS: &str = "ResourceArray[ConnectionWithoutConnectionParameters]";
const ADMIN_FLOWS: &str = "ResourceArray[AdminFlow]";
const SHORT_FLOWS: &str = "ResourceArray[AdminFlowWithoutDefinition]";
const PERMISSIONS: &str = "ResourceArray[FlowPermission]";

/// The definition that an operation answers with; none when it answers without a body.
fn answer_of(operation: &str) -> Option<&'static str> {
    Some(match operation {
        "ListUserEnvironments" => "ResourceArray[Environment]",
        "ListApis" => APIS,
        "GetApi" => "ApiWithoutConnectionParameters",
        "ListConnections" => CONNECTIONS,
        "CreateConnection" => "ConnectionWithoutConnectionParameters",
        "ListMyFlows" | "ListFlowsInEnvironment" => ADMIN_FLOWS,
        "ListFlowsInEnvironment_V2" => SHORT_FLOWS,
        "CreateFlow" | "UpdateFlow" => "Flow",
        "GetFlow" => "FlowWithConnectionReferences",
        "AdminGetFlow" => "AdminFlowWithConnectionReferences",
        "ListFlowOwners" | "ListFlowUsers" => PERMISSIONS,
        "ListCallbackUrl" => "FlowListCallbackUrlResponse",
        "Get-AdminFlowOwnerRole" => "Permissions",
        "Get-AdminFlowUserDetails" => "UserDetails",
        _ => return None,
    })
}

macro_rules! flow_fields {
    ($references:expr $(, $name:literal: $holds:expr)*) => {
        &[
            ("displayName", Text),
            ("state", Text),
            ("connectionReferences", $references),
            ("createdTime", Moment),
            ("lastModifiedTime", Moment),
            ("templateName", Text),
            ("flowTriggerUri", Text),
            ("installationStatus", Text),
            $(($name, $holds),)*
        ]
    };
}

const BY_KEY: Holds = ByKey("ConnectionReference");
const AS_LIST: Holds = List("ConnectionReference");

const DEFINITIONS: &[(&str, Fields)] = &[
    (APIS, &[("value", List("ApiWithoutConnectionParameters"))]),
    (CONNECTIONS, &[("value", List("ConnectionWithoutConnectionParameters"))]),
    ("ResourceArray[Environment]", &[("value", List("Environment"))]),
    (ADMIN_FLOWS, &[("value", List("AdminFlow"))]),
    (SHORT_FLOWS, &[("value", List("AdminFlowWithoutDefinition"))]),
    (PERMISSIONS, &[("value", List("FlowPermission"))]),
    ("FlowPermission", &[("name", Text), ("properties", Of("PermissionProperties"))]),
    ("PermissionProperties", &[("roleName", Text), ("principal", Of("Principal"))]),
    (
        "Principal",
        &[
            ("id", Text),
            ("displayName", Text),
            ("email", Text),
            ("type", Text),
            ("tenantId", Text),
            ("userPrincipalName", Text),
            ("thumbnailPhoto", Text),
        ],
    ),
    ("Flow", &[("name", Text), ("properties", Of("FlowProperties"))]),
    ("FlowProperties", flow_fields!(BY_KEY)),
    ("FlowListCallbackUrlResponse", &[("response", Of("CallbackUrl"))]),
    ("CallbackUrl", &[("value", Text)]),
    (
        "FlowWithConnectionReferences",
        &[("name", Text), ("properties", Of("FlowWithConnectionReferencesProperties"))],
    ),
    (
        "FlowWithConnectionReferencesProperties",
        flow_fields!(
            AS_LIST, "creator": Of("UserIdentity"), "definitionSummary": Of("DefinitionSummary")
        ),
    ),
    ("AdminFlow", &[("name", Text), ("properties", Of("AdminFlowProperties"))]),
    (
        "AdminFlowProperties",
        flow_fields!(
            BY_KEY,
            "creator": Of("UserIdentity"),
            "definitionSummary": Of("DefinitionSummary"),
            "estimatedSuspensionData": Of("EstimatedSuspensionData")
        ),
    ),
    (
        "AdminFlowWithoutDefinition",
        &[("name", Text), ("properties", Of("AdminFlowWithoutDefinitionProperties"))],
    ),
    (
        "AdminFlowWithoutDefinitionProperties",
        &[
            ("displayName", Text),
            ("state", Text),
            ("createdTime", Moment),
            ("lastModifiedTime", Moment),
        ],
    ),
    (
        "AdminFlowWithConnectionReferences",
        &[("name", Text), ("properties", Of("AdminFlowWithConnectionReferencesProperties"))],
    ),
    (
        "AdminFlowWithConnectionReferencesProperties",
        flow_fields!(
            AS_LIST, "creator": Of("UserIdentity"), "definitionSummary": Of("DefinitionSummary")
        ),
    ),
    (
        "EstimatedSuspensionData",
        &[("reason", Text), ("time", Moment), ("powerAppPlanExcluded", Flag)],
    ),
    ("DefinitionSummary", &[("triggers", List("triggers")), ("actions", List("actions"))]),
    ("triggers", &[("type", Text), ("kind", Text)]),
    ("actions", &[("type", Text), ("swaggerOperationId", Text), ("api", Of("api"))]),
    ("api", &[("name", Text), ("id", Text), ("type", Text)]),
    (
        "UserIdentity",
        &[("tenantId", Text), ("objectId", Text), ("userId", Text), ("userType", Text)],
    ),
    (
        "Environment",
        &[("name", Text), ("location", Text), ("properties", Of("EnvironmentProperties"))],
    ),
    (
        "EnvironmentProperties",
        &[
            ("displayName", Text),
            ("description", Text),
            ("createdTime", Moment),
            ("lastModifiedTime", Moment),
            ("provisioningState", Text),
            ("creationType", Text),
            ("environmentSku", Text),
            ("environmentType", Text),
            ("isDefault", Flag),
        ],
    ),
    (
        "ConnectionReference",
        &[
            ("connectionName", Text),
            ("displayName", Text),
            ("id", Text),
            ("source", Text),
            ("connectionReferenceLogicalName", Text),
            ("apiDefinition", Of("ApiWithoutConnectionParameters")),
        ],
    ),
    (
        "ApiWithoutConnectionParameters",
        &[("name", Text), ("properties", Of("ApiPropertiesWithoutConnectionParameters"))],
    ),
    (
        "ApiPropertiesWithoutConnectionParameters",
        &[
            ("displayName", Text),
            ("createdTime", Moment),
            ("primaryRuntimeUrl", Text),
            ("iconUri", Text),
            ("isCustomApi", Flag),
            ("tier", Text),
        ],
    ),
    (
        "ConnectionWithoutConnectionParameters",
        &[("name", Text), ("properties", Of("ConnectionPropertiesWithoutConnectionParameters"))],
    ),
    (
        "ConnectionPropertiesWithoutConnectionParameters",
        &[
            ("displayName", Text),
            ("apiId", Text),
            ("createdTime", Moment),
            ("lastModifiedTime", Moment),
        ],
    ),
    ("Permissions", &[("value", List("Permission"))]),
    (
        "Permission",
        &[
            ("name", Text),
            ("id", Text),
            ("type", Text),
            ("properties", Of("permission.properties")),
        ],
    ),
    (
        "permission.properties",
        &[("roleName", Text), ("permissionType", Text), ("principal", Of("permission.principal"))],
    ),
    ("permission.principal", &[("id", Text), ("type", Text)]),
    (
        "UserDetails",
        &[
            ("tenantId", Text),
            ("puid", Text),
            ("objectId", Text),
            ("isDisallowedForInternalPlans", Flag),
            ("consentTime", Moment),
            ("serviceSettingsSelectionTime", Moment),
            ("consentBusinessAppPlatformTime", Moment),
        ],
    ),
];

/// The answer of an operation that does what it is asked.
pub(super) fn response(operation: &str) -> Value {
    match answer_of(operation) {
        Some(definition) => json!({"description": "OK", "schema": reference(definition)}),
        None => json!({"description": "OK"}),
    }
}

/// What answers refer to.
pub(super) fn definitions(operations: impl Iterator<Item = &'static str>) -> Map<String, Value> {
    let mut found = Map::new();
    let mut open: Vec<&str> = operations.filter_map(answer_of).collect();
    while let Some(name) = open.pop() {
        let known = DEFINITIONS.iter().find(|(it, _)| *it == name);
        let Some((_, fields)) = known.filter(|_| !found.contains_key(name)) else { continue };
        let properties: Map<String, Value> =
            fields.iter().map(|(field, holds)| ((*field).to_owned(), schema(*holds))).collect();
        found.insert(name.to_owned(), json!({"type": "object", "properties": properties}));
        open.extend(fields.iter().filter_map(|(_, holds)| match holds {
            Of(name) | List(name) | ByKey(name) => Some(*name),
            Text | Moment | Flag => None,
        }));
    }
    found
}

fn schema(holds: Holds) -> Value {
    match holds {
        Text => json!({"type": "string"}),
        Moment => json!({"type": "string", "format": "date-time"}),
        Flag => json!({"type": "boolean"}),
        Of(name) => reference(name),
        List(name) => json!({"type": "array", "items": reference(name)}),
        ByKey(name) => json!({"type": "object", "additionalProperties": reference(name)}),
    }
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/definitions/{name}")})
}
