//! Sample flows for a first look: `sluicegate serve --demo`.

use crate::app::App;
use crate::app::access::{FlowAt, Scope};
use crate::app::flow::FlowInput;
use crate::auth::caller::Caller;

/// Name, document, and a body to send to each sample.
const SAMPLES: [(&str, &str, &str); 3] = [
    (
        "demo-order",
        include_str!("demo/order.json"),
        r#"{"id": 1, "name": "Ada", "email": "ada@example.org", "amount": 40, "qty": 3}"#,
    ),
    (
        "demo-loop",
        include_str!("demo/loop.json"),
        r#"{"items": [{"name": "pear", "n": 2}, {"name": "fig", "n": 5}]}"#,
    ),
    ("demo-wait", include_str!("demo/wait.json"), r#"{"seconds": 5}"#),
];

/// Makes the samples that are not there yet and prints a line to try each.
#[expect(clippy::print_stdout, reason = "what a person who starts the demo wants to see")]
pub async fn set_up(app: &App) -> Result<(), String> {
    let caller = Caller::root("demo");
    println!("Sample flows, one line to try each:");
    for (name, document, body) in SAMPLES {
        let input = FlowInput {
            name: Some(name.to_owned()),
            document: document.as_bytes().to_vec(),
            ..FlowInput::default()
        };
        let made = app.create_flow(&caller, "default", input).await;
        if let Err(error) = made
            && error.code != "FlowExists"
        {
            return Err(format!("the sample flow {name} was not made: {}", error.message));
        }
        let at = FlowAt { environment: "default", name, scope: Scope::Any };
        let url = app.callback_url(&caller, at, None).await;
        let url = url.map_err(|error| error.message)?;
        println!("  curl -X POST -H 'Content-Type: application/json' -d '{body}' '{}'", url.value);
    }
    Ok(())
}
