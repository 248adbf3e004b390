//! Tells the native document what there is: parameters and members that name something are
//! one of the things that are there. Half of the calls have something else somewhere: what a
//! document does not allow is generated as well.

use crate::known::{ACTIONS, ANSWERERS, Known, PASSWORD, PROPERTIES, SIGNER, definitions};
use serde_json::{Value, json};

/// One of these; what it was when there are none.
pub fn one_of(values: &[impl Clone + Into<Value>], schema: &Value) -> Value {
    if values.is_empty() {
        return schema.clone();
    }
    json!({"enum": values.iter().cloned().map(Into::into).collect::<Vec<Value>>()})
}

/// Teaches a document of the native API.
pub fn teach(document: &mut Value, known: &Known) {
    for (path, item) in document["paths"].as_object_mut().expect("paths") {
        for (method, operation) in item.as_object_mut().expect("operations") {
            // a zip is bytes: schemathesis knows them by their general name
            if let Some(content) = operation.pointer_mut("/requestBody/content")
                && let Some(zip) =
                    content.as_object_mut().expect("contents").remove("application/zip")
            {
                content["application/octet-stream"] = zip;
            }
            let Some(parameters) = operation["parameters"].as_array_mut() else { continue };
            for parameter in parameters {
                let name = parameter["name"].as_str().expect("a name").to_owned();
                let values = parameter_values(known, method, path, &name);
                // people's flows are not in the default environment
                if name == "environment" {
                    parameter["required"] = json!(true);
                }
                parameter["schema"] = one_of(&values, &parameter["schema"]);
            }
        }
    }
    for (pointer, values) in members(known) {
        let at = format!("/components/schemas/{pointer}");
        let member = document.pointer_mut(&at).unwrap_or_else(|| panic!("no {at}"));
        *member = one_of(&values, member);
    }
}

/// What a parameter of an operation may name.
fn parameter_values(known: &Known, method: &str, path: &str, name: &str) -> Vec<String> {
    let noun = path.split('/').nth(1).unwrap_or_default();
    let list = |values: &[&str]| values.iter().map(|&value| value.to_owned()).collect();
    let names = match (noun, name) {
        ("environments", "environment")
            if !["/connectors", "/variables", "/approvals", "/calendars"]
                .iter()
                .any(|it| path.contains(it)) =>
        {
            &known.environments
        }
        ("flows", "environment") if path.ends_with("/move") => return list(&["default"]),
        (_, "environment") => return list(&["sales"]),
        ("environments", "name") if path.contains("/calendars") => return list(&["north"]),
        ("environments", "name") if path.contains("/variables") => &known.variables,
        ("environments", "connector") => return list(&["shared_flowmanagement"]),
        ("environments", "name") if path.contains("/connections/") => &known.connections,
        ("environments", "name") => &known.connectors,
        ("flows", "name") if path.ends_with("/move") => return known.movable.clone(),
        ("flows", "name") => &known.flows,
        ("runs", "id") if path.ends_with("/events") => return known.ended.clone(),
        ("runs", "id") if path.ends_with("/resume") => return known.failed.clone(),
        ("runs", "id") => {
            let mut runs = known.runs.for_call(method, path);
            runs.extend(known.ended.iter().cloned());
            return runs;
        }
        // what is answered, handed on or taken back is another one each time
        ("approvals", "id") if path.ends_with("/responses") => {
            return known.approvals.condemned.clone();
        }
        ("approvals", "id") => &known.approvals,
        ("approvals", "for") => return list(&ANSWERERS),
        ("users", "name") if path.contains("/sessions") => return list(&[SIGNER]),
        ("users", "id") => return known.sessions.clone(),
        ("users" | "principals", "name") => &known.users,
        ("groups", "name") => &known.groups,
        ("applications", "name") if path.ends_with("/secrets/{id}") => {
            return vec![known.applications.changing[0].clone()];
        }
        ("applications", "name") => &known.applications,
        ("applications", "id") => &known.secrets,
        ("keys", "name") => &known.keys,
        (_, "action") => return list(&ACTIONS),
        (_, "repetition") => return list(&["000000", "000001"]),
        (_, "number") => return list(&["1"]),
        (_, "other") => return list(&["1", "2"]),
        (_, "which") => return list(&["primary", "secondary"]),
        (_, "trigger") => return list(&["manual"]),
        (_, "file") => return list(&["apiDefinition.swagger.json", "apiProperties.json"]),
        (_, "search") => return list(&["done", "a"]),
        (_, "status") => return list(&["Running", "Succeeded"]),
        (noun, "skipToken") => return known.tokens.get(noun).cloned().into_iter().collect(),
        (_, "top") => return list(&["1", "100"]),
        (_, "from" | "to") => return list(&["2026-01-01T00:00:00Z", "2046-01-01T00:00:00Z"]),
        _ => return Vec::new(),
    };
    names.for_call(method, path)
}

/// What members of bodies may be.
fn members(known: &Known) -> Vec<(&'static str, Vec<Value>)> {
    let users: Vec<Value> = known.users.changing.iter().map(|it| json!(it)).collect();
    let environments = vec![json!("sales"), json!("default"), json!("other")];
    let mut all = newer_members();
    all.extend(members_of_approvals());
    let swagger = |title: &str| {
        json!({"swagger": "2.0", "info": {"title": title}, "host": "s.example.org", "paths": {}})
            .to_string()
    };
    all.extend([
        ("FlowBody/properties/document", definitions()),
        ("FlowBody/properties/name", (0..50).map(|n| json!(format!("made-{n}"))).collect()),
        ("FlowBody/properties/displayName", vec![json!("Made")]),
        ("FlowBody/properties/parameters", vec![json!({})]),
        ("FlowBody/properties/state", vec![json!("Started"), json!("Stopped")]),
        ("FlowBody/properties/dialect", vec![json!("power-automate"), json!("logic-apps")]),
        ("ValidateBody/properties/document", definitions()),
        ("RunBody/properties/headers", vec![json!({"x-test": "1"})]),
        ("Role/oneOf/2/properties/environment", environments.clone()),
        ("Role/oneOf/3/properties/environment", environments),
        ("ApplicationBody/properties/redirectUris/items", vec![json!("http://localhost/back")]),
        ("EnvironmentBody/properties/name", (0..50).map(|n| json!(format!("new-{n}"))).collect()),
        ("Lifetime", vec![json!({}), json!({"days": 1}), json!({"seconds": 3_600})]),
        ("RetentionBody", vec![json!({"days": 30}), json!({"seconds": 86_400})]),
        ("KeyBody/properties/days", vec![json!(1)]),
        ("KeyBody/properties/seconds", vec![json!(3_600)]),
        ("ValidateBody/properties/dialect", vec![json!("power-automate"), json!("logic-apps")]),
        ("ImportBody/properties/package", vec![json!(known.package)]),
        ("ImportBody/properties/flows", vec![json!({})]),
        ("ImportBody/properties/connections", vec![json!({})]),
        ("KeyBody/properties/principal", users.clone()),
        ("MembersBody/properties/add/items", users.clone()),
        ("MembersBody/properties/remove/items", users),
        ("PasswordBody/properties/password", vec![json!(PASSWORD)]),
        ("UserBody/properties/userPrincipalName", (0..50).map(user).collect()),
        ("ConnectorBody/properties/definition", vec![json!(swagger("One")), json!(swagger("Two"))]),
        (
            "ConnectorBody/properties/name",
            (0..50).map(|n| json!(format!("shared_new{n}"))).collect(),
        ),
        ("ConnectorBody/properties/icon", vec![json!("aWNvbg==")]),
        ("ConnectorBody/properties/properties", vec![json!(PROPERTIES)]),
    ]);
    all
}

/// The same of variables, copies, and what is done again.
fn newer_members() -> Vec<(&'static str, Vec<Value>)> {
    let texts = |all: &[&str]| all.iter().map(|&it| json!(it)).collect::<Vec<Value>>();
    let names = |start: &str| (0..50).map(|n| json!(format!("{start}{n}"))).collect::<Vec<Value>>();
    vec![
        ("ClientBody/properties/clientId", texts(&["a", "b"])),
        ("ClientBody/properties/secret", texts(&["s"])),
        ("ClientBody/properties/certificate", vec![Value::Null]),
        ("VariableBody/properties/schemaName", names("ours_New")),
        ("VariableBody/properties/type", texts(&["String", "JSON"])),
        ("VariableBody/properties/value", texts(&["a"])),
        ("VariableBody/properties/defaultValue", texts(&["b"])),
        ("VariablePatchBody/properties/value", vec![json!("a"), Value::Null]),
        ("VariablePatchBody/properties/defaultValue", vec![json!("b"), Value::Null]),
        ("SuspendBody/properties/reason", texts(&["AlwaysFailingDetected"])),
        ("CopyBody/properties/environment", texts(&["sales", "default"])),
        ("CopyBody/properties/name", names("copied-")),
        ("CopyBody/properties/connections", vec![json!({})]),
        ("MoveBody/properties/environment", texts(&["sales"])),
        ("MoveBody/properties/name", names("moved-")),
        ("NotificationsBody/properties/onFailure", texts(&["none", "webhook"])),
        ("NotificationsBody/properties/url", texts(&["https://hooks.example.org/failed"])),
        ("ResumeBody/properties/version", texts(&["latest"])),
        ("BulkFilter/properties/status", texts(&["Failed", "Cancelled"])),
        ("BulkFilter/properties/from", texts(&["2026-01-01T00:00:00Z"])),
        ("BulkFilter/properties/to", texts(&["2046-01-01T00:00:00Z"])),
        ("BulkBody/properties/limit", vec![json!(1), json!(5)]),
        ("BulkBody/properties/version", texts(&["latest"])),
        ("CancelFilter/properties/status", texts(&["Running", "Waiting"])),
        ("CancelFilter/properties/from", texts(&["2026-01-01T00:00:00Z"])),
        ("CancelFilter/properties/to", texts(&["2046-01-01T00:00:00Z"])),
        ("CancelBody/properties/limit", vec![json!(1), json!(5)]),
    ]
}

/// The same of approvals.
fn members_of_approvals() -> Vec<(&'static str, Vec<Value>)> {
    let texts = |all: &[&str]| all.iter().map(|&it| json!(it)).collect::<Vec<Value>>();
    let people = texts(&ANSWERERS);
    let span = json!({"amount": 3, "unit": "Days"});
    vec![
        ("ApprovalInput/properties/title", texts(&["Buy", ""])),
        ("ApprovalInput/properties/assignedTo", people.clone()),
        ("ApprovalInput/properties/requestor", people.clone()),
        ("ApprovalInput/properties/responseOptions", vec![json!([])]),
        ("ApprovalInput/properties/attachments", vec![json!([])]),
        ("ApprovalInput/properties/itemLink", texts(&["https://example.org/"])),
        ("ApprovalInput/properties/deadline", vec![json!({"after": span}), Value::Null]),
        ("ApprovalInput/properties/reminder", vec![json!({"after": span}), Value::Null]),
        ("ApprovalInput/properties/escalation", vec![Value::Null]),
        ("ApprovalInput/properties/calendar", vec![Value::Null]),
        ("ResponseBody/properties/response", texts(&["Approve"])),
        ("ResponseBody/properties/assignee", people.clone()),
        ("ReassignBody/properties/from", people.clone()),
        ("ReassignBody/properties/to", texts(&["administrator@example.org", "user@example.org"])),
        ("EraseBody/properties/person", texts(&["somebody@example.com"])),
        ("DeputyBody/properties/deputy", people),
        ("DeputyBody/properties/from", texts(&["2026-01-01T00:00:00Z"])),
        ("DeputyBody/properties/until", texts(&["2046-01-01T00:00:00Z"])),
        ("CalendarBody/properties/zone", texts(&["Europe/Berlin", "UTC"])),
        ("CalendarBody/properties/workdays", vec![json!([1, 2, 3]), Value::Null]),
        ("CalendarBody/properties/holidays", vec![json!(["2026-12-25"])]),
    ]
}

fn user(number: usize) -> Value {
    json!(format!("new-{number}@example.org"))
}
