//! Incoming webhooks of Teams and Slack: a message or a card to an address that they gave.
//!
//! The real connectors speak as a person through services that only the vendors have; these
//! have names of their own. An address is a secret: it stands in the connection.

use bytes::Bytes;
use expr::{Object, Value};

use super::argument::Settings;
use super::stop::{Outcome, Stop};
use super::{Answered, Arguments, Called, Context};
use crate::http::{Authentication, HttpCall, HttpFailure, Redirects, Transfer};

pub(super) async fn call(connector: &str, context: &Context, called: Called<'_>) -> Outcome {
    let given = Arguments(called.parameters);
    let message = match (connector, called.operation) {
        ("sluicegate_teamswebhook", "PostCard") => card_message(card(given)?),
        ("sluicegate_teamswebhook", _) => card_message(text_card(given)?),
        _ => slack_message(given)?,
    };
    post(context, called, &message).await
}

async fn post(context: &Context, called: Called<'_>, message: &Value) -> Outcome {
    let address = Settings(called.connection).required("webhookUrl")?;
    let json = ("Content-Type".to_owned(), "application/json".to_owned());
    let sent = context.http.send(HttpCall {
        method: "POST".to_owned(),
        uri: address,
        headers: vec![json],
        body: Some(Bytes::from(expr::json::to_vec(message))),
        authentication: Authentication::None,
        timeout: called.timeout,
        redirects: Redirects::Stay,
        transfer: Transfer::Whole,
    });
    let answer = match Box::pin(sent).await {
        // Its words could show the address.
        Err(HttpFailure::Invalid(_)) => {
            return Err(Stop::bad("The connection's 'webhookUrl' is no address."));
        }
        sent => sent?,
    };
    let text = String::from_utf8_lossy(&answer.body);
    match answer.status {
        200..=299 => Ok(Answered::empty(200)),
        status => {
            let words: String = text.chars().take(super::limits::FOREIGN_SENTENCE_CHARS).collect();
            Err(Stop::Answer(status, format!("The webhook refuses: {words}")))
        }
    }
}

/// An adaptive card, as an object or as the text that flows have.
fn card(given: Arguments<'_>) -> Result<Value, Stop> {
    let wrong = || Stop::bad("'card' is no adaptive card; expected a JSON object.");
    match given.get("card") {
        Some(Value::String(text)) => match expr::json::parse(text.as_bytes()) {
            Ok(Value::Object(object)) => Ok(Value::Object(object)),
            _ => Err(wrong()),
        },
        Some(Value::Object(object)) => Ok(Value::Object(object.clone())),
        _ => Err(wrong()),
    }
}

fn text_card(given: Arguments<'_>) -> Result<Value, Stop> {
    let mut blocks = Vec::new();
    if let Some(title) = given.text("title")? {
        let mut block = text_block(title);
        block.insert("weight", "Bolder");
        block.insert("size", "Medium");
        blocks.push(Value::from(block));
    }
    blocks.push(text_block(given.required("text")?).into());
    let mut card = Object::new();
    card.insert("$schema", "http://adaptivecards.io/schemas/adaptive-card.json");
    card.insert("type", "AdaptiveCard");
    card.insert("version", "1.4");
    card.insert("body", blocks);
    Ok(card.into())
}

fn text_block(text: String) -> Object {
    let mut block = Object::new();
    block.insert("type", "TextBlock");
    block.insert("text", text);
    block.insert("wrap", true);
    block
}

fn card_message(card: Value) -> Value {
    let mut attachment = Object::new();
    attachment.insert("contentType", "application/vnd.microsoft.card.adaptive");
    attachment.insert("content", card);
    let mut message = Object::new();
    message.insert("type", "message");
    message.insert("attachments", vec![Value::from(attachment)]);
    message.into()
}

fn slack_message(given: Arguments<'_>) -> Result<Value, Stop> {
    let mut message = Object::new();
    let text = given.text("text")?;
    if let Some(text) = &text {
        message.insert("text", text.clone());
    }
    match given.get("blocks") {
        None => {}
        Some(Value::Array(blocks)) => message.insert("blocks", Value::Array(blocks.clone())),
        Some(Value::String(blocks)) => match expr::json::parse(blocks.as_bytes()) {
            Ok(Value::Array(blocks)) => message.insert("blocks", Value::Array(blocks)),
            _ => return Err(Stop::bad("'blocks' is no list of blocks; expected a JSON array.")),
        },
        Some(_) => return Err(Stop::bad("'blocks' is no list of blocks; expected a JSON array.")),
    }
    if message.is_empty() {
        return Err(Stop::bad("The message has neither 'text' nor 'blocks'."));
    }
    Ok(message.into())
}
