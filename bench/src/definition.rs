//! The flows of the workloads.

use serde_json::{Value, json};

/// The names of the actions of W1 and W2 up to their last.
pub const ORDER_STEPS: [&str; 5] = ["Compose", "Condition", "Gold", "Basic", "Slug"];

/// W1: five steps, the last a Response.
pub fn order_answered() -> Value {
    order("Response", |answer| {
        json!({
            "type": "Response",
            "kind": "Http",
            "inputs": {
                "statusCode": 200,
                "headers": {"Content-Type": "application/json"},
                "body": answer
            },
            "runAfter": {"Slug": ["Succeeded"]}
        })
    })
}

/// W2: the same without a Response, so that the caller gets 202.
pub fn order_accepted() -> Value {
    order(
        "Answer",
        |answer| json!({"type": "Compose", "inputs": answer, "runAfter": {"Slug": ["Succeeded"]}}),
    )
}

/// W3: two actions for each item, one after another.
pub fn items() -> Value {
    definition(&json!({
        "Each": {
            "type": "Foreach",
            "foreach": "@triggerBody()['items']",
            "runtimeConfiguration": {"concurrency": {"repetitions": 1}},
            "actions": {
                "Twice": {
                    "type": "Compose",
                    "inputs": "@mul(items('Each')['n'], 2)",
                    "runAfter": {}
                },
                "Label": {
                    "type": "Compose",
                    "inputs": "@toUpper(items('Each')['name'])",
                    "runAfter": {"Twice": ["Succeeded"]}
                }
            },
            "runAfter": {}
        },
        "Response": {
            "type": "Response",
            "kind": "Http",
            "inputs": {"statusCode": 200, "body": {"n": "@length(triggerBody()['items'])"}},
            "runAfter": {"Each": ["Succeeded"]}
        }
    }))
}

/// W5: a wait of five seconds, then a Response.
pub fn wait() -> Value {
    definition(&json!({
        "Wait": {
            "type": "Wait",
            "inputs": {"interval": {"count": 5, "unit": "Second"}},
            "runAfter": {}
        },
        "Response": {
            "type": "Response",
            "kind": "Http",
            "inputs": {"statusCode": 200, "body": {"id": "@triggerBody()['id']", "waited": true}},
            "runAfter": {"Wait": ["Succeeded"]}
        }
    }))
}

/// W7 and W8: a wait until the moment the body says, then one step.
pub fn parked() -> Value {
    definition(&json!({
        "Wait": {
            "type": "Wait",
            "inputs": {"until": {"timestamp": "@triggerBody()['due']"}},
            "runAfter": {}
        },
        "Answer": {
            "type": "Compose",
            "inputs": "@triggerBody()['id']",
            "runAfter": {"Wait": ["Succeeded"]}
        }
    }))
}

/// W11: asks whom the body says, and keeps what came of it.
pub fn asking() -> Value {
    const API: &str = "/providers/Microsoft.PowerApps/apis/shared_approvals";
    let definition = definition(&json!({
        "Ask": {
            "type": "OpenApiConnectionWebhook",
            "inputs": {
                "host": {
                    "connectionName": "shared_approvals",
                    "operationId": "StartAndWaitForAnApproval",
                    "apiId": API
                },
                "parameters": {
                    "approvalType": "Basic",
                    "WebhookApprovalCreationInput/title": "@triggerBody()['title']",
                    "WebhookApprovalCreationInput/assignedTo": "@triggerBody()['to']",
                    "WebhookApprovalCreationInput/details": "A workspace with **two** owners.",
                    "WebhookApprovalCreationInput/itemLink": "https://example.org/workspace"
                }
            },
            "runAfter": {}
        },
        "Answer": {
            "type": "Compose",
            "inputs": "@body('Ask')?['outcome']",
            "runAfter": {"Ask": ["Succeeded"]}
        }
    }));
    let reference = json!({"connectionName": "ask", "source": "Embedded", "id": API});
    json!({"properties": {
        "definition": definition,
        "connectionReferences": {"shared_approvals": reference}
    }})
}

fn order(last: &str, make_last: impl FnOnce(Value) -> Value) -> Value {
    let mut actions = json!({
        "Compose": {
            "type": "Compose",
            "inputs": {
                "total": "@mul(triggerBody()['amount'], triggerBody()['qty'])",
                "full": "@concat(triggerBody()['name'], ' <', triggerBody()['email'], '>')"
            },
            "runAfter": {}
        },
        "Condition": {
            "type": "If",
            "expression": {"and": [{"greater": ["@outputs('Compose')['total']", 100]}]},
            "actions": {"Gold": {"type": "Compose", "inputs": "gold", "runAfter": {}}},
            "else": {
                "actions": {"Basic": {"type": "Compose", "inputs": "basic", "runAfter": {}}}
            },
            "runAfter": {"Compose": ["Succeeded"]}
        },
        "Slug": {
            "type": "Compose",
            "inputs": "@replace(toLower(outputs('Compose')['full']), ' ', '-')",
            "runAfter": {"Condition": ["Succeeded"]}
        }
    });
    actions[last] = make_last(json!({
        "id": "@triggerBody()['id']",
        "tier": "@coalesce(outputs('Gold'), outputs('Basic'))",
        "slug": "@outputs('Slug')",
        "total": "@outputs('Compose')['total']"
    }));
    definition(&actions)
}

fn definition(actions: &Value) -> Value {
    json!({
        "$schema": "https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#",
        "contentVersion": "1.0.0.0",
        "parameters": {},
        "triggers": {
            "manual": {"type": "Request", "kind": "Http", "inputs": {"schema": {}}}
        },
        "actions": actions,
        "outputs": {}
    })
}
