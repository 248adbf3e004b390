//! What a mock or a recording tells whoever subscribed to it, through the door by which a
//! service would call back.

use super::Called;
use crate::app::error::{AppError, ErrorKind};
use crate::app::trigger::TriggerCall;
use expr::{Object, Str, Value};
use flow::run::connector::callback_of;

/// Calls back with each of these (`{headers, queries, body}`); an action hears the first. A
/// call that is repeated delivers nothing twice.
pub(super) async fn deliver(
    called: &Called,
    callback: &Str,
    requests: Vec<Value>,
) -> Result<(), AppError> {
    if let Some((process, token)) = callback_of(callback) {
        if let Some(first) = requests.into_iter().next() {
            // nothing happens when nobody waits any more, or was told before
            let _ = called.app.engine.call_back(process, token, first).await?;
        }
        return Ok(());
    }
    for (number, request) in requests.iter().enumerate() {
        match fire(called, callback, number, request).await {
            Ok(()) => {}
            Err(error) if matches!(error.kind, ErrorKind::Unavailable | ErrorKind::Full) => {
                return Err(error);
            }
            Err(error) => {
                tracing::info!(connector = %called.connector.name, message = %error.message, "a trigger did not take what it was told");
            }
        }
    }
    Ok(())
}

/// Calls the trigger of the flow whose call this is, if the address is still its own.
async fn fire(
    called: &Called,
    callback: &Str,
    number: usize,
    request: &Value,
) -> Result<(), AppError> {
    let Some(flow) = &called.flow else { return Ok(()) };
    let Some(entry) = called.app.engine.catalog.by_id(flow).await? else { return Ok(()) };
    // under whichever address the server has been reached
    let signed = |address: &str| address.split_once("/workflows/").map(|it| it.1.to_owned());
    let given = signed(callback);
    let mut triggers = entry.version.flow.triggers.iter();
    let trigger = triggers.find(|it| signed(&entry.trigger_address(&it.name)) == given);
    let Some(trigger) = trigger.map(|it| it.name.clone()) else { return Ok(()) };
    let part = |name: &str| request.get(name).cloned().unwrap_or_default();
    let body = part("body");
    let (content_type, bytes) = match body.is_null() {
        true => (String::new(), Vec::new()),
        false => expr::content::to_body(&body),
    };
    // one for each time that the flow is turned on: what renews a subscription is no new one
    let key = called.idempotency_key.split("-subscribe").next().unwrap_or_default();
    let call = TriggerCall {
        trigger: &trigger,
        method: "POST",
        relative_path: "",
        queries: part("queries").as_object().map(|it| Object::clone(it)).unwrap_or_default(),
        headers: part("headers"),
        content_type: Some(content_type.as_str()).filter(|it| !it.is_empty()),
        body: &bytes,
        tracking: None,
        idempotency_key: Some(format!("{key} {number}").into()),
    };
    called.app.call_trigger(entry.clone(), call).await.map(|_| ())
}
