//! What a call is made with, and what it reads from a vault, is noted of its flow, so that
//! nobody sees it in a history: [`crate::worker::known_secret`].

use super::Called;
use crate::app::error::AppError;
use crate::worker::known_secret::Kept;
use ::connector::definition::{Credential, ParameterKind, ParameterSet};
use expr::Value as Answer;
use serde_json::{Map, Value};

impl Called {
    /// Notes what the connection authenticates with: before the call, since a service may
    /// tell it back.
    pub(super) async fn note_values(
        &self,
        set: &ParameterSet,
        values: &Map<String, Value>,
        credential: &Credential,
    ) -> Result<(), AppError> {
        let Some(flow) = &self.flow else { return Ok(()) };
        let (mut secrets, mut tokens) = (Vec::new(), Vec::new());
        for parameter in set.parameters.iter().filter(|it| it.kind.is_secret()) {
            let Some(value) = values.get(&parameter.name) else { continue };
            let is_token = parameter.kind == ParameterKind::SignIn;
            collect(value, if is_token { &mut tokens } else { &mut secrets });
        }
        let signs_in = set.parameters.iter().any(|it| it.kind == ParameterKind::SignIn);
        let list = if signs_in { &mut tokens } else { &mut secrets };
        for (_, value) in credential.headers.iter().chain(&credential.query) {
            // `Basic ...`, whose second part stands for both name and password
            let own = value.split_once(' ').map_or(value.as_str(), |(_, rest)| rest);
            list.push(own.to_owned());
        }
        self.app.engine.note_secrets(flow, &Kept::of(&secrets, &tokens)).await
    }

    /// Notes the value of a secret that a vault gave.
    pub(super) async fn note_read(&self, body: &Answer) -> Result<(), AppError> {
        let value = body.get("value").and_then(Answer::as_str);
        let (Some(flow), Some(value)) = (&self.flow, value) else { return Ok(()) };
        self.app.engine.note_secrets(flow, &Kept::of(&[value.to_owned()], &[])).await
    }
}

/// The texts in a value.
fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::Number(number) => texts.push(number.to_string()),
        Value::String(text) => texts.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Object(members) => members.values().for_each(|item| collect(item, texts)),
    }
}
