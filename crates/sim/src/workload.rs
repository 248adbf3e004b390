//! Flows, each of which a rule of the design must keep right.

use crate::random::Random;
use crate::{approving, hook, pages, queue};
use serde_json::{Value, json};

/// A flow, by what is special in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Answers its caller at once.
    Answered,
    /// Calls the outside twice, with a rest between; the calls may be repeated.
    Calls,
    /// Calls the outside for a list in pages, and keeps the items of all.
    Paged,
    /// Calls the outside once and must not repeat it.
    Once,
    /// Waits, then calls: what is parked, and cancelled.
    Parked,
    /// Answers its parent after a while.
    Child,
    /// Starts a child and takes its answer.
    Parent,
    /// A loop that is longer than a step.
    Large,
    /// Two at a time.
    Limited,
    /// Started by a key that several callers use.
    Keyed,
    /// One run for each item.
    Split,
    /// Would answer its parent tomorrow.
    Sleeper,
    /// Asks a sleeper; the answer comes from elsewhere, before it asks.
    Early,
    /// Asks a sleeper, and is cancelled.
    Cancelled,
    /// Fires by the clock.
    Ticker,
    /// Subscribes, and waits until it is called back.
    Hooked,
    /// Subscribes by a connector, and waits for a while to be called back.
    Timed,
    /// Subscribes by a connector, is never called back, and is cancelled.
    Silent,
    /// Started by whom it has subscribed to, while it is on.
    Notified,
    /// Asks what is new: a run for each item.
    Polled,
    /// The same by a connector, which says when to ask again.
    Watched,
    /// Asks for an approval, and waits for its outcome.
    Approved,
}

/// Items of the long loop: two actions each are more than a step takes.
pub const ITEMS: u64 = 2_100;

/// Most runs of the limited flow at a time.
pub const LIMIT: usize = 2;

impl Kind {
    pub const ALL: [Kind; 22] = [
        Kind::Answered,
        Kind::Calls,
        Kind::Paged,
        Kind::Once,
        Kind::Parked,
        Kind::Child,
        Kind::Parent,
        Kind::Large,
        Kind::Limited,
        Kind::Keyed,
        Kind::Split,
        Kind::Sleeper,
        Kind::Early,
        Kind::Cancelled,
        Kind::Ticker,
        Kind::Hooked,
        Kind::Timed,
        Kind::Silent,
        Kind::Notified,
        Kind::Polled,
        Kind::Watched,
        Kind::Approved,
    ];

    /// Those that get other versions: what runs, waits, fires, asks, and has subscribed.
    pub const UPDATED: [Kind; 7] = [
        Kind::Calls,
        Kind::Parked,
        Kind::Hooked,
        Kind::Ticker,
        Kind::Notified,
        Kind::Polled,
        Kind::Watched,
    ];

    /// The action after which such a flow says of which version it is.
    #[must_use]
    pub fn last(self) -> Option<&'static str> {
        match self {
            Kind::Calls => Some("Second"),
            Kind::Parked => Some("First"),
            Kind::Hooked | Kind::Ticker | Kind::Notified | Kind::Polled | Kind::Watched => {
                Some("After")
            }
            _ => None,
        }
    }

    /// What a caller starts next.
    pub fn choose(random: &mut Random) -> Kind {
        match random.below(61) {
            0..5 => Kind::Answered,
            5..9 => Kind::Calls,
            9..11 => Kind::Paged,
            11..15 => Kind::Once,
            15..20 => Kind::Parked,
            20..25 => Kind::Parent,
            25 => Kind::Large,
            26..30 => Kind::Limited,
            30..33 => Kind::Keyed,
            33..35 => Kind::Split,
            35..38 => Kind::Early,
            38..40 => Kind::Cancelled,
            40..46 => Kind::Hooked,
            46..53 => Kind::Timed,
            53..58 => Kind::Approved,
            _ => Kind::Silent,
        }
    }

    /// The flow's name.
    pub fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    /// True for flows whose runs may go on at the end: they wait for tomorrow, unless
    /// they were cancelled or answered, which is looked at apart.
    pub fn may_wait(self) -> bool {
        matches!(self, Kind::Sleeper | Kind::Cancelled | Kind::Early | Kind::Silent)
    }

    /// What marks a version is in its last action, and in what a webhook trigger asks for.
    pub fn definition(self, marker: u64) -> Value {
        let mut actions = self.actions();
        if let Some(last) = self.last() {
            actions["Marker"] =
                json!({"type": "Compose", "inputs": marker, "runAfter": after(Some(last))});
        }
        json!({
            "$schema": "https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#",
            "contentVersion": "1.0.0.0",
            "triggers": {"manual": self.trigger(marker)},
            "actions": actions,
        })
    }

    fn trigger(self, marker: u64) -> Value {
        let mut trigger = json!({"type": "Request", "kind": "Http"});
        match self {
            Kind::Limited => {
                trigger["runtimeConfiguration"] =
                    json!({"concurrency": {"runs": LIMIT, "maximumWaitingRuns": 50}});
            }
            Kind::Split => trigger["splitOn"] = json!("@triggerBody()?['items']"),
            Kind::Ticker => {
                trigger = json!({"type": "Recurrence",
                    "recurrence": {"frequency": "Second", "interval": 5}});
            }
            // versions take turns in how they subscribe
            Kind::Notified if marker % 2 == 1 => {
                let kinds = ["OpenApiConnectionWebhook", "OpenApiConnectionNotification"];
                let mut inputs = operation("trigger");
                inputs["parameters"] = json!({"mode": "trigger", "marker": marker});
                trigger = json!({"type": kinds[(marker / 2 % 2) as usize], "inputs": inputs});
            }
            Kind::Notified => {
                let mut inputs = subscription("@{listCallbackUrl()}", "trigger");
                inputs["subscribe"]["body"]["marker"] = json!(marker);
                trigger = json!({"type": "HttpWebhook", "inputs": inputs});
            }
            Kind::Watched => {
                trigger = json!({"type": "OpenApiConnection", "inputs": {
                        "host": {"operationId": queue::OPERATION, "connectionName": "hooks", "apiId": "/apis/hooks"},
                        "parameters": {}, "retryPolicy": often()},
                    "recurrence": {"frequency": "Second", "interval": 5},
                    "splitOn": "@triggerBody()?['value']"});
            }
            Kind::Polled => {
                trigger = json!({"type": "Http", "inputs": {"method": "GET", "uri": queue::ADDRESS},
                    "recurrence": {"frequency": "Second", "interval": 5},
                    "splitOn": "@triggerBody()?['value']"});
            }
            _ => {}
        }
        trigger
    }

    fn actions(self) -> Value {
        match self {
            Kind::Answered => json!({
                "Sum": {"type": "Compose", "inputs": "@add(triggerBody()['n'], 1)", "runAfter": {}},
                "Response": response(&json!({"id": "@triggerBody()['id']", "n": "@outputs('Sum')"}), "Sum"),
            }),
            Kind::Calls => json!({
                "First": call("first", true, None),
                "Pause": wait(2, Some("First")),
                "Second": call("second", true, Some("Pause")),
            }),
            Kind::Paged => {
                let mut first = call(pages::PLACE, true, None);
                first["runtimeConfiguration"] =
                    json!({"paginationPolicy": {"minimumItemCount": 100}});
                json!({"First": first,
                    "After": compose("@join(body('First')?['value'], ',')", "First")})
            }
            Kind::Once => json!({"First": call("once", false, None)}),
            Kind::Parked => json!({
                "Pause": wait(9, None),
                "First": call("parked", true, Some("Pause")),
            }),
            Kind::Child => json!({
                "Pause": wait(1, None),
                "Response": response(&json!({"v": "@triggerBody()['id']"}), "Pause"),
            }),
            Kind::Parent => ask(Kind::Child, None),
            Kind::Large => json!({
                "Each": {
                    "type": "Foreach",
                    "foreach": format!("@range(0, {ITEMS})"),
                    "actions": {
                        "Double": {"type": "Compose", "inputs": "@mul(item(), 2)", "runAfter": {}},
                        "Label": compose("@concat('item ', item())", "Double"),
                    },
                    "runAfter": {},
                },
                "After": compose("@length(range(0, 3))", "Each"),
            }),
            Kind::Limited | Kind::Keyed => json!({"Pause": wait(2, None)}),
            Kind::Split | Kind::Notified | Kind::Polled | Kind::Watched => {
                json!({"After": {"type": "Compose", "inputs": "@triggerBody()", "runAfter": {}}})
            }
            Kind::Sleeper => json!({
                "Pause": wait(86_400, None),
                "Response": response(&json!({"v": "too late"}), "Pause"),
            }),
            Kind::Early => ask(Kind::Sleeper, Some("early")),
            Kind::Cancelled => ask(Kind::Sleeper, None),
            Kind::Ticker => json!({"After": {"type": "Compose", "inputs": 1, "runAfter": {}}}),
            Kind::Hooked => waits(json!({
                "type": "HttpWebhook",
                "inputs": subscription("@listCallbackUrl()", "back"),
            })),
            Kind::Timed => waits(json!({
                "type": "OpenApiConnectionWebhook",
                "inputs": operation("perhaps"),
                "limit": {"timeout": "PT20S"},
            })),
            Kind::Approved => {
                json!({"Ask": approving::action(),
                    "After": compose("@body('Ask')['outcome']", "Ask")})
            }
            Kind::Silent => waits(json!({
                "type": "OpenApiConnectionWebhook",
                "inputs": operation("silent"),
            })),
        }
    }
}

fn after(name: Option<&str>) -> Value {
    name.map_or_else(|| json!({}), |name| json!({name: ["Succeeded"]}))
}

fn compose(inputs: &str, runs_after: &str) -> Value {
    json!({"type": "Compose", "inputs": inputs, "runAfter": after(Some(runs_after))})
}

/// A webhook, and what it was told.
fn waits(mut webhook: Value) -> Value {
    webhook["runAfter"] = json!({});
    json!({"Ask": webhook, "After": compose("@body('Ask')['v']", "Ask")})
}

/// How long a question for a subscription is repeated.
fn often() -> Value {
    json!({"type": "fixed", "interval": "PT5S", "count": 40})
}

fn subscription(to: &str, mode: &str) -> Value {
    let id = if mode == "trigger" { "" } else { "@triggerBody()['id']" };
    json!({
        "subscribe": {"method": "POST", "uri": hook::ADDRESS, "retryPolicy": often(),
            "body": {"to": to, "id": id, "mode": mode}},
        "unsubscribe": {"method": "DELETE", "uri": hook::ADDRESS},
    })
}

fn operation(mode: &str) -> Value {
    json!({
        "host": {"operationId": "Subscribe", "connectionName": "hooks", "apiId": "/apis/hooks"},
        "parameters": {"id": "@triggerBody()['id']", "mode": mode},
        "retryPolicy": often(),
    })
}

fn wait(seconds: u64, runs_after: Option<&str>) -> Value {
    json!({
        "type": "Wait",
        "inputs": {"interval": {"count": seconds, "unit": "Second"}},
        "runAfter": after(runs_after),
    })
}

fn response(body: &Value, runs_after: &str) -> Value {
    json!({
        "type": "Response",
        "kind": "Http",
        "inputs": {"statusCode": 200, "body": body},
        "runAfter": after(Some(runs_after)),
    })
}

fn call(place: &str, is_repeatable: bool, runs_after: Option<&str>) -> Value {
    let policy = if is_repeatable {
        json!({"type": "fixed", "interval": "PT5S", "count": 9})
    } else {
        json!({"type": "none"})
    };
    json!({
        "type": "Http",
        "inputs": {
            "method": "POST",
            "uri": format!("https://outside.example/{place}"),
            "body": {"id": "@triggerBody()['id']"},
            "retryPolicy": policy,
        },
        "runAfter": after(runs_after),
    })
}

/// Asks another flow, perhaps after a call, and keeps what it says.
fn ask(flow: Kind, call_before: Option<&str>) -> Value {
    let mut actions = json!({
        "Ask": {
            "type": "Workflow",
            "inputs": {
                "host": {"triggerName": "manual", "workflow": {"id": flow.name()}},
                "body": {"id": "@triggerBody()['id']"},
                "retryPolicy": {"type": "fixed", "interval": "PT5S", "count": 9},
            },
            "runAfter": after(call_before.map(|_| "First")),
        },
        "After": compose("@body('Ask')['v']", "Ask"),
    });
    if let Some(place) = call_before {
        actions["First"] = call(place, true, None);
    }
    actions
}
