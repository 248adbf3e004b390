//! The documents of the built-in connectors, and which operations they have.

use std::sync::LazyLock;

/// A built-in connector: two files, as of any connector, and what it serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Builtin {
    pub name: &'static str,
    /// `apiDefinition.swagger.json`
    pub swagger: &'static str,
    /// `apiProperties.json`
    pub properties: &'static str,
    pub actions: &'static [&'static str],
    pub triggers: &'static [&'static str],
}

macro_rules! builtin {
    ($name:literal, $actions:expr, $triggers:expr) => {
        Builtin {
            name: $name,
            swagger: include_str!(concat!($name, ".swagger.json")),
            properties: include_str!(concat!($name, ".properties.json")),
            actions: &$actions,
            triggers: &$triggers,
        }
    };
}

static ALL: LazyLock<Vec<Builtin>> = LazyLock::new(|| {
    vec![
        builtin!("shared_smtp", ["SendEmailV3", "TestConnection"], []),
        builtin!("shared_sendmail", ["SendEmailV3", "TestConnection"], []),
        builtin!("shared_outlook", ["SendEmailV2", "TestConnection"], []),
        builtin!("shared_gmail", ["SendEmailV2", "TestConnection"], []),
        builtin!(
            "shared_office365",
            [
                "SendEmailV2",
                "SendEmail",
                "SharedMailboxSendEmailV2",
                "SharedMailboxSendEmail",
                "ReplyToV3",
                "ForwardEmail_V2",
                "GetEmailsV3",
                "GetEmailV2",
                "GetAttachment_V2",
                "MarkAsRead_V3",
                "MoveV2",
                "DeleteEmail_V2",
                "SendMailWithOptions",
                "TestConnection",
            ],
            ["OnNewEmailV3"]
        ),
        builtin!(
            "shared_filesystem",
            [
                "ListRootFolder",
                "ListFolder",
                "GetFileMetadata",
                "GetFileMetadataByPath",
                "GetFileContent",
                "GetFileContentByPath",
                "CreateFile",
                "UpdateFile",
                "AppendFile",
                "CopyFile",
                "DeleteFile",
            ],
            []
        ),
        builtin!(
            "shared_sql",
            [
                "GetTables_V2",
                "GetItems_V2",
                "PostItem_V2",
                "GetItem_V2",
                "PatchItem_V2",
                "DeleteItem_V2",
                "ExecutePassThroughNativeQuery_V2",
                "ExecuteProcedure_V2",
                "TestConnection",
            ],
            []
        ),
        builtin!("shared_rss", ["ListFeedItems"], ["OnNewFeed"]),
        builtin!("shared_webcontents", ["InvokeHttp", "TestConnection"], []),
        builtin!("shared_webcontentsv2", ["InvokeHttp", "TestConnection"], []),
        builtin!(
            "shared_keyvault",
            [
                "ListSecrets",
                "GetSecretMetadata",
                "GetSecret",
                "ListSecretVersions",
                "GetSecretVersion",
                "GetSecretVersionMetadata",
            ],
            []
        ),
        builtin!(
            "shared_office365users",
            [
                "MyProfile_V2",
                "UserProfile_V2",
                "Manager_V2",
                "DirectReports_V2",
                "SearchUserV2",
                "UserPhotoMetadata",
                "UserPhoto_V2",
            ],
            []
        ),
        builtin!("sluicegate_teamswebhook", ["PostMessage", "PostCard"], []),
        builtin!("sluicegate_slackwebhook", ["PostMessage"], []),
    ]
});

/// Every built-in connector.
#[must_use]
pub fn all() -> &'static [Builtin] {
    &ALL
}

#[must_use]
pub fn find(name: &str) -> Option<&'static Builtin> {
    ALL.iter().find(|builtin| builtin.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::{Document, Properties};
    use serde_json::Value;

    fn operations(document: &Value) -> Vec<(String, bool)> {
        let paths = document["paths"].as_object().unwrap().values();
        let each = paths.flat_map(|path| path.as_object().unwrap().values());
        let each = each.map(|it| {
            (it["operationId"].as_str().unwrap().to_owned(), it.get("x-ms-trigger").is_some())
        });
        each.collect()
    }

    #[test]
    fn each_document_has_exactly_the_operations_that_are_served() {
        for builtin in all() {
            let document: Value = serde_json::from_str(builtin.swagger).unwrap();
            let has = |trigger: bool| {
                let found = operations(&document).into_iter();
                let mut found: Vec<String> =
                    found.filter(|it| it.1 == trigger).map(|it| it.0).collect();
                found.sort();
                found
            };
            let sorted = |list: &[&str]| {
                let mut list: Vec<String> = list.iter().map(ToString::to_string).collect();
                list.sort();
                list
            };
            assert_eq!(has(false), sorted(builtin.actions), "{}", builtin.name);
            assert_eq!(has(true), sorted(builtin.triggers), "{}", builtin.name);
        }
    }

    #[test]
    fn each_document_is_read_like_any_connectors() {
        for builtin in all() {
            let read = Document::read(builtin.swagger).unwrap();
            let served = builtin.actions.len() + builtin.triggers.len();
            assert_eq!(read.operations.len(), served, "{}", builtin.name);
            let properties = Properties::read(builtin.properties).unwrap();
            assert_eq!(properties.sets.len(), 1, "{}", builtin.name);
        }
    }

    /// Every object of a document, with what it is called.
    fn walk<'a>(value: &'a Value, each: &mut dyn FnMut(&'a serde_json::Map<String, Value>)) {
        match value {
            Value::Object(object) => {
                each(object);
                object.values().for_each(|it| walk(it, each));
            }
            Value::Array(items) => items.iter().for_each(|it| walk(it, each)),
            _ => {}
        }
    }

    #[test]
    fn each_document_refers_only_to_what_it_has() {
        for builtin in all() {
            let name = builtin.name;
            let document: Value = serde_json::from_str(builtin.swagger).unwrap();
            walk(&document, &mut |object| {
                if let Some(target) = object.get("$ref") {
                    let pointer = target.as_str().unwrap().strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{name}: {target}");
                }
                let required = object.get("required").and_then(Value::as_array);
                for property in required.into_iter().flatten() {
                    let has = object["properties"].get(property.as_str().unwrap());
                    assert!(has.is_some(), "{name}: {property}");
                }
                if let Some(values) = object.get("x-ms-dynamic-values") {
                    let operation = values["operationId"].as_str().unwrap();
                    assert!(builtin.actions.contains(&operation), "{name}: {operation}");
                }
            });
            for (path, methods) in document["paths"].as_object().unwrap() {
                for operation in methods.as_object().unwrap().values() {
                    let parameters = operation["parameters"].as_array().unwrap();
                    let in_path = parameters.iter().filter(|it| it["in"] == "path");
                    let names: Vec<&str> = in_path.map(|it| it["name"].as_str().unwrap()).collect();
                    assert_eq!(path.matches('{').count(), names.len(), "{name}: {path}");
                    assert!(names.iter().all(|it| path.contains(&format!("{{{it}}}"))), "{path}");
                    let bodies = parameters.iter().filter(|it| it["in"] == "body").count();
                    assert!(bodies <= 1, "{name}: {path}");
                    assert!(
                        operation["summary"].is_string() && operation["description"].is_string()
                    );
                }
            }
        }
    }
}
