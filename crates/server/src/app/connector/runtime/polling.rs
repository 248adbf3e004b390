//! Triggers that ask a service which knows nothing of polling: the policy template
//! 'pollingtrigger' has each question ask for what is newer than what the last one gave
//! (documentation, "Use a polling trigger for Microsoft Power Automate").
//!
//! The first answer only says where to go on. How far a trigger has come is the `Location` of
//! what it is answered, as query parameters that the next question has: nothing of it is an
//! address, and what the service gives as one is not followed.

use super::backend::{Backend, is_success, refused};
use super::{Called, failure};
use crate::app::error::AppError;
use crate::limits::POLL_PROGRESS_BYTES_MAX;
use ::connector::policy::{Advance, Polling};
use expr::{Object, Value};
use flow::run::CallResult;
use url::form_urlencoded;

/// Whether a call is a trigger's question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    No,
    Yes,
    /// It was made of where the trigger is, by the connector's policy.
    Made,
}

/// A question under way.
pub struct Asking {
    polling: Polling,
    /// Query parameters that the last answer said. None: it is the first question.
    progress: Option<Vec<(String, String)>>,
}

impl Asking {
    /// Makes the question, if a policy says how and a service answers it.
    pub fn begin(called: &mut Called) -> Result<Option<Asking>, AppError> {
        let is_served = match &called.connection.backend {
            Backend::Service => called.connector.is_custom(),
            Backend::Host { .. } | Backend::Recording { .. } => true,
            Backend::Flow { .. } | Backend::Mock => false,
        };
        if called.question != Question::Yes || !is_served {
            return Ok(None);
        }
        let policies = called.connector.policies();
        let policies = policies.map_err(|it| refused(&format!("{} at {}", it.message, it.path)))?;
        let operation = called.operation().filter(|it| it.trigger.is_some());
        let polling = operation.and_then(|it| policies.polling(it)).cloned();
        let Some(polling) = polling else { return Ok(None) };
        let progress = called.location.take().map(|location| read(&location));
        if let Some(first) = called.first.take() {
            called.request = first;
        }
        let query = &mut called.request.query;
        let said = progress.iter().flatten();
        query.retain(|(name, _)| !said.clone().any(|(it, _)| it == name));
        query.extend(said.cloned());
        called.question = Question::Made;
        Ok(Some(Asking { polling, progress }))
    }

    /// What the trigger is told: 200 with what is new, or 202, and where it is now.
    pub fn answered(self, result: CallResult) -> CallResult {
        let CallResult::Answer(answer) = &result else { return result };
        if !is_success(answer) {
            return result;
        }
        let part = |name: &str| answer.get(name).cloned().unwrap_or_default();
        let body = part("body");
        let Advance { items, query } = self.polling.advance(&body);
        let is_new = self.progress.is_some() && !is_empty(&items);
        let location = write(&query.or(self.progress).unwrap_or_default());
        if location.len() > POLL_PROGRESS_BYTES_MAX {
            let message = "The service says where to go on with a text that is too long.";
            return failure("BadGateway", message, false);
        }
        let headers = part("headers");
        let mut headers = headers.as_object().map(|it| Object::clone(it)).unwrap_or_default();
        headers.insert("Location", Value::from(location));
        let (status, body) = if is_new { (200, body) } else { (202, Value::Null) };
        CallResult::Answer(flow::run::answer(status, headers.into(), body))
    }
}

fn is_empty(items: &Value) -> bool {
    match items {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(object) => object.is_empty(),
        _ => false,
    }
}

fn read(location: &str) -> Vec<(String, String)> {
    let query = location.strip_prefix('?').unwrap_or_default();
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// Never empty: a trigger that has no such text asks for the first time.
fn write(progress: &[(String, String)]) -> String {
    let mut text = form_urlencoded::Serializer::for_suffix("?".to_owned(), 1);
    text.extend_pairs(progress).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_read_as_it_was_written() {
        for progress in [
            Vec::new(),
            vec![("$filter".to_owned(), "t gt 'a&b=c' + %20 \u{e9}".to_owned())],
            vec![("a".to_owned(), String::new()), ("b".to_owned(), "?".to_owned())],
        ] {
            let text = write(&progress);
            assert!(text.starts_with('?'), "{text}");
            assert_eq!(read(&text), progress);
        }
        // what is no progress of ours asks as at first
        assert_eq!(read("https://elsewhere/?a=b"), []);
    }
}
