//! The flows of the crash test.

use crate::support::random::Random;
use serde_json::{Value, json};
use std::net::SocketAddr;

/// Items of the loop over data.
pub const ITEMS: u64 = 50;

/// Rounds of the Until.
pub const ROUNDS: u64 = 5;

/// One flow, by what is special in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Some steps and a Response.
    Answered,
    /// 202; a loop over data and an Until.
    Loops,
    /// 202; two calls to the stub, a second apart.
    Calls,
    /// Answers its parent.
    Child,
    /// 202; starts a child and waits for it.
    Parent,
}

impl Kind {
    /// The child before the parent that names it.
    pub const ALL: [Kind; 5] =
        [Kind::Answered, Kind::Loops, Kind::Calls, Kind::Child, Kind::Parent];

    /// What a caller starts next; children are started by their parents only.
    pub fn choose(random: &mut Random) -> Kind {
        match random.below(20) {
            0..10 => Kind::Answered,
            10..13 => Kind::Loops,
            13..16 => Kind::Calls,
            _ => Kind::Parent,
        }
    }

    pub fn flow(self) -> &'static str {
        match self {
            Kind::Answered => "crash-answered",
            Kind::Loops => "crash-loops",
            Kind::Calls => "crash-calls",
            Kind::Child => "crash-child",
            Kind::Parent => "crash-parent",
        }
    }

    /// The status that acknowledges a start.
    pub fn status(self) -> u16 {
        match self {
            Kind::Answered | Kind::Child => 200,
            Kind::Loops | Kind::Calls | Kind::Parent => 202,
        }
    }

    /// Actions outside of loops, each once in every run's history.
    pub fn actions(self) -> &'static [&'static str] {
        match self {
            Kind::Answered => &["Total", "Tier", "Gold", "Basic", "Response"],
            Kind::Loops => &["Counter", "Each", "Count"],
            Kind::Calls => &["First", "Pause", "Second"],
            Kind::Child => &["Work", "Response"],
            Kind::Parent => &["Before", "Child", "After"],
        }
    }

    /// Actions in loops, with the number of their repetitions.
    pub fn repeated(self) -> &'static [(&'static str, u64)] {
        match self {
            Kind::Loops => &[("Double", ITEMS), ("Label", ITEMS), ("Increase", ROUNDS)],
            _ => &[],
        }
    }

    pub fn definition(self, stub: SocketAddr) -> Value {
        let actions = match self {
            Kind::Answered => answered(),
            Kind::Loops => loops(),
            Kind::Calls => calls(stub),
            Kind::Child => child(),
            Kind::Parent => parent(),
        };
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
}

fn answered() -> Value {
    json!({
        "Total": {
            "type": "Compose",
            "inputs": "@mul(triggerBody()['amount'], 3)",
            "runAfter": {}
        },
        "Tier": {
            "type": "If",
            "expression": {"and": [{"greater": ["@outputs('Total')", 100]}]},
            "actions": {"Gold": {"type": "Compose", "inputs": "gold", "runAfter": {}}},
            "else": {
                "actions": {"Basic": {"type": "Compose", "inputs": "basic", "runAfter": {}}}
            },
            "runAfter": {"Total": ["Succeeded"]}
        },
        "Response": {
            "type": "Response",
            "kind": "Http",
            "inputs": {
                "statusCode": 200,
                "body": {
                    "id": "@triggerBody()['id']",
                    "total": "@outputs('Total')",
                    "tier": "@coalesce(outputs('Gold'), outputs('Basic'))"
                }
            },
            "runAfter": {"Tier": ["Succeeded"]}
        }
    })
}

fn loops() -> Value {
    json!({
        "Counter": {
            "type": "InitializeVariable",
            "inputs": {"variables": [{"name": "counter", "type": "integer", "value": 0}]},
            "runAfter": {}
        },
        "Each": {
            "type": "Foreach",
            "foreach": format!("@range(0, {ITEMS})"),
            "actions": {
                "Double": {"type": "Compose", "inputs": "@mul(item(), 2)", "runAfter": {}},
                "Label": {
                    "type": "Compose",
                    "inputs": "@concat(triggerBody()['id'], '/', string(items('Each')))",
                    "runAfter": {"Double": ["Succeeded"]}
                }
            },
            "runAfter": {"Counter": ["Succeeded"]}
        },
        "Count": {
            "type": "Until",
            "expression": format!("@greaterOrEquals(variables('counter'), {ROUNDS})"),
            "limit": {"count": 60, "timeout": "PT1H"},
            "actions": {
                "Increase": {
                    "type": "IncrementVariable",
                    "inputs": {"name": "counter", "value": 1},
                    "runAfter": {}
                }
            },
            "runAfter": {"Each": ["Succeeded"]}
        }
    })
}

fn calls(stub: SocketAddr) -> Value {
    let call = |step: &str, after: Value| {
        json!({
            "type": "Http",
            "inputs": {
                "method": "POST",
                "uri": format!("http://{stub}/{step}"),
                "body": {"id": "@triggerBody()['id']"}
            },
            "runAfter": after
        })
    };
    json!({
        "First": call("First", json!({})),
        "Pause": {
            "type": "Wait",
            "inputs": {"interval": {"count": 1, "unit": "Second"}},
            "runAfter": {"First": ["Succeeded"]}
        },
        "Second": call("Second", json!({"Pause": ["Succeeded"]}))
    })
}

fn child() -> Value {
    json!({
        "Work": {
            "type": "Compose",
            "inputs": "@concat('done: ', triggerBody()['id'])",
            "runAfter": {}
        },
        "Response": {
            "type": "Response",
            "kind": "Http",
            "inputs": {"statusCode": 200, "body": {"text": "@outputs('Work')"}},
            "runAfter": {"Work": ["Succeeded"]}
        }
    })
}

fn parent() -> Value {
    json!({
        "Before": {"type": "Compose", "inputs": "@triggerBody()['id']", "runAfter": {}},
        "Child": {
            "type": "Workflow",
            "inputs": {
                "host": {
                    "triggerName": "manual",
                    "workflow": {"id": Kind::Child.flow()}
                },
                "body": {"id": "@outputs('Before')"}
            },
            "runAfter": {"Before": ["Succeeded"]}
        },
        "After": {
            "type": "Compose",
            "inputs": "@body('Child')['text']",
            "runAfter": {"Child": ["Succeeded"]}
        }
    })
}
