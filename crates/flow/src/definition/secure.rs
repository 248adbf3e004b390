//! Secured outputs hide the inputs of actions that use them.
//!
//! Source: "Secure access and data in Azure Logic Apps", obscured inputs and outputs.

use super::model::{Action, Behavior, Flow, Source, TriggerBehavior};
use expr::value::eq_ignore_case;
use expr::{Template, Value};

/// Marks the inputs of every action that reads what another secures. The values flow on;
/// only the history hides them.
pub fn propagate(flow: &mut Flow) {
    let secured: Vec<&Action> = flow.actions.iter().filter(|it| it.secure_outputs).collect();
    let is_trigger_secured = flow.triggers.iter().any(|trigger| trigger.secure_outputs);
    if secured.is_empty() && !is_trigger_secured {
        return;
    }
    let reads_secured = |template: &Template| {
        let mut found = false;
        template.visit_calls(&mut |call| {
            let function = call.function.to_ascii_lowercase();
            found |= match function.as_str() {
                "outputs"
                | "body"
                | "actions"
                | "actionoutputs"
                | "actionbody"
                | "formdatavalue"
                | "formdatamultivalues"
                | "multipartbody"
                | "result" => {
                    // a computed name may be any of them
                    call.name.is_none_or(|name| {
                        secured.iter().any(|action| eq_ignore_case(&action.name, name))
                    })
                }
                name => is_trigger_secured && name.starts_with("trigger"),
            };
        });
        found
    };
    let hidden: Vec<bool> = flow
        .actions
        .iter()
        .map(|action| templates(&action.behavior).into_iter().any(&reads_secured))
        .collect();
    for (action, hidden) in flow.actions.iter_mut().zip(hidden) {
        action.secure_inputs |= hidden;
    }
}

/// Headers of a request that say who calls.
const CREDENTIAL_HEADERS: [&str; 6] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "x-api-key",
    "api-key",
    "ocp-apim-subscription-key",
];

/// Whether histories of the flow's runs may hold what nobody should read: what the
/// definition secures, values of secure parameters, credentials of calls, what a service
/// tells of those that a connection has, secrets that are read from vaults.
pub fn holds_secrets(flow: &Flow) -> bool {
    flow.parameters.iter().any(|it| it.secure && (it.schema_name.is_some() || !is_empty(&it.value)))
        || flow
            .triggers
            .iter()
            .any(|it| it.secure_inputs || it.secure_outputs || calls_with_secrets(&it.behavior))
        || flow.actions.iter().any(|it| it.is_secured() || has_credentials(&it.behavior))
}

/// Nobody gave a value: every flow of Power Automate declares `$authentication`.
fn is_empty(value: &Value) -> bool {
    value.as_object().map_or(value.is_null(), |object| object.is_empty())
}

/// Whether a trigger calls an operation of a connector, or with credentials: its inputs are
/// in the history of each run.
fn calls_with_secrets(behavior: &TriggerBehavior) -> bool {
    match behavior {
        TriggerBehavior::Poll(poll) => match poll.source {
            Source::OpenApi | Source::Managed => true,
            Source::Http => may_have_credentials(&poll.inputs),
        },
        // what a webhook calls is in two parts of its inputs
        TriggerBehavior::Webhook(_) => true,
        TriggerBehavior::Request { .. }
        | TriggerBehavior::Recurrence(_)
        | TriggerBehavior::Unsupported => false,
    }
}

fn has_credentials(behavior: &Behavior) -> bool {
    match behavior {
        Behavior::Http { inputs, .. } => may_have_credentials(inputs),
        Behavior::Connector { .. } | Behavior::Webhook { .. } => true,
        _ => false,
    }
}

/// Whether the inputs of an HTTP call may say who calls.
fn may_have_credentials(inputs: &Template) -> bool {
    let is_credential = |name: &&str| inputs.may_have(&["headers", name]);
    inputs.may_have(&["authentication"])
        || inputs.may_have(&["cookie"])
        || CREDENTIAL_HEADERS.iter().any(is_credential)
}

/// The templates that an action's inputs are made of.
fn templates(behavior: &Behavior) -> Vec<&Template> {
    match behavior {
        Behavior::Compose { inputs }
        | Behavior::Expression { inputs, .. }
        | Behavior::Wait { inputs }
        | Behavior::Terminate { inputs }
        | Behavior::Response { inputs }
        | Behavior::Http { inputs, .. }
        | Behavior::Workflow { inputs, .. }
        | Behavior::Connector { inputs, .. }
        | Behavior::Webhook { inputs, .. }
        | Behavior::Unsupported { inputs } => vec![inputs],
        Behavior::ParseJson { content, .. } => vec![content],
        Behavior::Select { from, select } => vec![from, select],
        Behavior::Query { from, condition } => vec![from, condition],
        Behavior::Join { from, join_with } => vec![from, join_with],
        Behavior::Table { from, format, columns } => {
            let cells = columns.iter().flatten().flat_map(|it| [&it.header, &it.value]);
            [from, format].into_iter().chain(cells).collect()
        }
        Behavior::InitializeVariable { variables } => {
            variables.iter().filter_map(|one| one.value.as_ref()).collect()
        }
        Behavior::SetVariable { value, .. }
        | Behavior::IncrementVariable { value, .. }
        | Behavior::DecrementVariable { value, .. }
        | Behavior::AppendToStringVariable { value, .. }
        | Behavior::AppendToArrayVariable { value, .. } => vec![value],
        Behavior::If { condition, .. } => vec![condition],
        Behavior::Switch { on, .. } => vec![on],
        Behavior::Foreach { over, .. } => vec![over],
        Behavior::Until(until) => vec![&until.condition, &until.count, &until.timeout],
        Behavior::Scope { .. } => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{LoadOptions, load};

    #[test]
    fn actions_that_read_secured_outputs_hide_their_inputs() {
        let text = br#"{"triggers": {}, "actions": {
            "Secret": {"type": "Compose", "inputs": "x", "runAfter": {},
                "runtimeConfiguration": {"secureData": {"properties": ["outputs"]}}},
            "Reads": {"type": "Compose", "inputs": "@outputs('secret')", "runAfter": {"Secret": ["Succeeded"]}},
            "Other": {"type": "Compose", "inputs": "@utcNow()", "runAfter": {"Secret": ["Succeeded"]}}}}"#;
        let flow = load(text, &LoadOptions::default()).loaded.unwrap().flow;
        let hides = |name| flow.action(flow.find_action(name).unwrap()).secure_inputs;
        assert!(hides("Reads") && !hides("Other") && !hides("Secret"));
    }

    #[test]
    fn flows_that_hold_secrets_are_known() {
        let http = |inputs: &str| {
            format!(
                r#"{{"Call": {{"type": "Http", "runAfter": {{}}, "inputs": {{"method": "GET", "uri": "http://h/"{inputs}}}}}}}"#
            )
        };
        let compose = |more: &str| {
            format!(r#"{{"A": {{"type": "Compose", "inputs": "x", "runAfter": {{}}{more}}}}}"#)
        };
        let secured = r#", "runtimeConfiguration": {"secureData": {"properties": ["inputs"]}}"#;
        let none = "{}";
        let cases = [
            (none, compose(""), false),
            (none, compose(secured), true),
            (r#"{"p": {"type": "SecureString", "defaultValue": "x"}}"#, compose(""), true),
            (r#"{"p": {"type": "SecureObject", "defaultValue": {}}}"#, compose(""), false),
            (r#"{"p": {"type": "String"}}"#, compose(""), false),
            (none, http(""), false),
            (none, http(r#", "headers": {"accept": "text/plain"}"#), false),
            (none, http(r#", "headers": {"Authorization": "Bearer x"}"#), true),
            (none, http(r#", "headers": {"X-Api-Key": "@{utcNow()}"}"#), true),
            (none, http(r#", "headers": "@json('{}')""#), true),
            (none, http(r#", "authentication": {"type": "Raw", "value": "x"}"#), true),
            (
                none,
                r#"{"Call": {"type": "OpenApiConnection", "runAfter": {}, "inputs": {"host":
                    {"connectionName": "c", "operationId": "Get", "apiId": "/apis/shared_x"}}}}"#
                    .to_owned(),
                true,
            ),
        ];
        for (parameters, actions, expected) in cases {
            let text = format!(
                r#"{{"triggers": {{}}, "parameters": {parameters}, "actions": {actions}}}"#
            );
            let report = load(text.as_bytes(), &LoadOptions::default());
            let flow =
                report.loaded.unwrap_or_else(|| panic!("{text}: {:?}", report.problems)).flow;
            assert_eq!(flow.holds_secrets, expected, "{text}");
        }
    }

    #[test]
    fn triggers_that_call_with_credentials_are_known() {
        let basic = r#", "authentication": {"type": "Basic", "username": "u", "password": "p"}"#;
        let asks = |more: &str| {
            format!(
                r#""type": "Http", "recurrence": {{"frequency": "Day", "interval": 1}},
                    "inputs": {{"method": "GET", "uri": "http://h/"{more}}}"#
            )
        };
        let subscribes = r#""type": "HttpWebhook", "inputs": {
            "subscribe": {"method": "POST", "uri": "http://h/"}}"#;
        let cases = [
            (asks(""), false),
            (asks(basic), true),
            (asks(r#", "headers": {"Authorization": "x"}"#), true),
            (subscribes.to_owned(), true),
            (r#""type": "Request""#.to_owned(), false),
        ];
        for (trigger, expected) in cases {
            let text = format!(r#"{{"triggers": {{"t": {{{trigger}}}}}, "actions": {{}}}}"#);
            let report = load(text.as_bytes(), &LoadOptions::default());
            let flow =
                report.loaded.unwrap_or_else(|| panic!("{text}: {:?}", report.problems)).flow;
            assert_eq!(flow.holds_secrets, expected, "{text}");
        }
    }
}
