//! The definitions of the connectors "Power Automate Management" and "Power Automate for
//! Admins", field by field, as answers of the provider hold them. Where a connector shows
//! references as an array, the provider shows them by key; the fields are the same.

use serde_json::Value;

/// What a field holds.
#[derive(Clone, Copy)]
pub enum Field {
    /// Text that is not empty.
    Text,
    /// A time.
    Moment,
    /// Null of what was never made.
    MaybeMoment,
    Flag,
    MaybeFlag,
    /// Nothing that the server knows: null.
    Unknown,
    /// Text where there is some.
    MaybeText,
    /// An object of a definition.
    Of(&'static str),
    MaybeOf(&'static str),
    List(&'static str),
    ByKey(&'static str),
}

use Field::{
    ByKey, Flag, List, MaybeFlag, MaybeMoment, MaybeOf, MaybeText, Moment, Of, Text, Unknown,
};

type Fields = &'static [(&'static str, Field)];

/// Every definition.
pub const DEFINITIONS: &[(&str, Fields)] = &[
    (
        "ResourceArray[ApiWithoutConnectionParameters]",
        &[("value", List("ApiWithoutConnectionParameters"))],
    ),
    (
        "ResourceArray[ConnectionWithoutConnectionParameters]",
        &[("value", List("ConnectionWithoutConnectionParameters"))],
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
    ("ResourceArray[Environment]", &[("value", List("Environment"))]),
    ("ResourceArray[AdminFlow]", &[("value", List("AdminFlow"))]),
    ("ResourceArray[AdminFlowWithoutDefinition]", &[("value", List("AdminFlowWithoutDefinition"))]),
    ("ResourceArray[FlowPermission]", &[("value", List("FlowPermission"))]),
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
            ("thumbnailPhoto", Unknown),
        ],
    ),
    ("Flow", &[("name", Text), ("properties", Of("FlowProperties"))]),
    (
        "FlowProperties",
        &[
            ("displayName", Text),
            ("state", Text),
            ("connectionReferences", ByKey("ConnectionReference")),
            ("createdTime", Moment),
            ("lastModifiedTime", Moment),
            ("templateName", Text),
            ("flowTriggerUri", Text),
            ("installationStatus", Text),
        ],
    ),
    ("FlowListCallbackUrlResponse", &[("response", Of("CallbackUrl"))]),
    ("CallbackUrl", &[("value", Text)]),
    (
        "FlowWithConnectionReferences",
        &[("name", Text), ("properties", Of("FlowWithConnectionReferencesProperties"))],
    ),
    (
        "FlowWithConnectionReferencesProperties",
        &[
            ("displayName", Text),
            ("state", Text),
            ("connectionReferences", ByKey("ConnectionReference")),
            ("createdTime", Moment),
            ("lastModifiedTime", Moment),
            ("templateName", Text),
            ("flowTriggerUri", Text),
            ("installationStatus", Text),
            ("creator", Of("UserIdentity")),
            ("definitionSummary", Of("DefinitionSummary")),
        ],
    ),
    ("AdminFlow", &[("name", Text), ("properties", Of("AdminFlowProperties"))]),
    (
        "AdminFlowProperties",
        &[
            ("displayName", Text),
            ("state", Text),
            ("connectionReferences", ByKey("ConnectionReference")),
            ("createdTime", Moment),
            ("lastModifiedTime", Moment),
            ("templateName", Text),
            ("flowTriggerUri", Text),
            ("installationStatus", Text),
            ("creator", Of("UserIdentity")),
            ("definitionSummary", Of("DefinitionSummary")),
            ("estimatedSuspensionData", MaybeOf("EstimatedSuspensionData")),
        ],
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
        &[
            ("displayName", Text),
            ("state", Text),
            ("connectionReferences", ByKey("ConnectionReference")),
            ("createdTime", Moment),
            ("lastModifiedTime", Moment),
            ("templateName", Text),
            ("flowTriggerUri", Text),
            ("installationStatus", Text),
            ("creator", Of("UserIdentity")),
            ("definitionSummary", Of("DefinitionSummary")),
        ],
    ),
    (
        "EstimatedSuspensionData",
        &[("reason", Unknown), ("time", Unknown), ("powerAppPlanExcluded", Flag)],
    ),
    ("DefinitionSummary", &[("triggers", List("triggers")), ("actions", List("actions"))]),
    ("triggers", &[("type", Text), ("kind", Text)]),
    ("actions", &[("type", Text), ("swaggerOperationId", MaybeText), ("api", MaybeOf("api"))]),
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
            ("description", MaybeText),
            ("createdTime", MaybeMoment),
            ("lastModifiedTime", MaybeMoment),
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
            ("connectionReferenceLogicalName", MaybeText),
            ("apiDefinition", Of("ApiWithoutConnectionParameters")),
        ],
    ),
    (
        "ApiWithoutConnectionParameters",
        &[("name", Text), ("properties", Of("ApiPropertiesWithoutConnectionParameters"))],
    ),
    // of one that the environment does not have nothing is known
    (
        "ApiPropertiesWithoutConnectionParameters",
        &[
            ("displayName", MaybeText),
            ("createdTime", MaybeMoment),
            ("primaryRuntimeUrl", MaybeText),
            ("iconUri", MaybeText),
            ("isCustomApi", MaybeFlag),
            ("tier", MaybeText),
        ],
    ),
    // of the connector for administrators
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
            ("puid", Unknown),
            ("objectId", Text),
            ("isDisallowedForInternalPlans", Flag),
            ("consentTime", MaybeMoment),
            ("serviceSettingsSelectionTime", Unknown),
            ("consentBusinessAppPlatformTime", Unknown),
        ],
    ),
];

/// Checks that an answer holds every field of a definition.
pub fn check(definition: &str, value: &Value, place: &str) {
    let found = DEFINITIONS.iter().find(|(name, _)| *name == definition);
    let (_, fields) = found.unwrap_or_else(|| panic!("there is no definition {definition}"));
    assert!(value.is_object(), "{place} is no {definition}: {value}");
    for (name, field) in *fields {
        check_field(*field, value.get(name), &format!("{place}.{name}"));
    }
}

fn check_field(field: Field, value: Option<&Value>, place: &str) {
    let nothing = value.is_none_or(Value::is_null);
    let value = value.unwrap_or(&Value::Null);
    let is_text = || value.as_str().is_some_and(|text| !text.is_empty());
    match field {
        Text => assert!(is_text(), "{place}: {value}"),
        MaybeText => assert!(nothing || is_text(), "{place}: {value}"),
        MaybeMoment if nothing => {}
        Moment | MaybeMoment => assert!(
            value.as_str().is_some_and(|it| it.starts_with("20") && it.ends_with('Z')),
            "{place}: {value}"
        ),
        MaybeFlag if nothing => {}
        Flag | MaybeFlag => assert!(value.is_boolean(), "{place}: {value}"),
        Unknown => assert!(nothing, "{place}: {value}"),
        Of(definition) => check(definition, value, place),
        MaybeOf(_) if nothing => {}
        MaybeOf(definition) => check(definition, value, place),
        List(definition) => {
            let items = value.as_array().unwrap_or_else(|| panic!("{place}: {value}"));
            assert!(!items.is_empty(), "{place} is empty");
            items.iter().for_each(|item| check(definition, item, place));
        }
        ByKey(definition) => {
            let items = value.as_object().unwrap_or_else(|| panic!("{place}: {value}"));
            assert!(!items.is_empty(), "{place} is empty");
            items.values().for_each(|item| check(definition, item, place));
        }
    }
}
