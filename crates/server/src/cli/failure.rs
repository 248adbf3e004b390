//! What a command that did not succeed says, and the exit code it ends with.

use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::process::ExitCode;

use super::output::visible;

/// A fault as the API words it; the CLI words its own the same way.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Fault {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    pub message: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Detail>,
}

/// One place where something is wrong.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Detail {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
}

impl Detail {
    /// One line: where, what was expected, and the message.
    #[must_use]
    pub fn line(&self) -> String {
        let mut place = String::new();
        if let Some(path) = &self.path {
            place.push_str(path);
        }
        if let Some(offset) = self.offset {
            let separator = if place.is_empty() { "" } else { ", " };
            let _ = write!(place, "{separator}offset {offset}");
        }
        let separator = if place.is_empty() || self.message.is_empty() { "" } else { ": " };
        let mut line = format!("{place}{separator}{}", self.message);
        if let Some(expected) = &self.expected {
            let _ = write!(line, " (expected {expected})");
        }
        if let Some(code) = &self.code {
            let _ = write!(line, " [{code}]");
        }
        visible(&line)
    }
}

/// Why a command ends early.
#[derive(Debug)]
pub enum Failure {
    /// Whoever read our output has gone: there is nobody to tell, and nothing failed.
    ReaderGone,
    /// The command line asks for something that makes no sense.
    Usage(String),
    /// The work could not be done.
    Failed { fault: Fault, hint: Option<String> },
}

impl Failure {
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        let fault = Fault { message: message.into(), ..Fault::default() };
        Failure::Failed { fault, hint: None }
    }

    /// Adds what the user can do about it, unless something was said already.
    #[must_use]
    pub fn or_hint(self, text: impl Into<String>) -> Self {
        match self {
            Failure::Failed { fault, hint: None } => {
                Failure::Failed { fault, hint: Some(text.into()) }
            }
            other => other,
        }
    }

    #[must_use]
    pub fn message(&self) -> &str {
        match self {
            Failure::ReaderGone => "",
            Failure::Usage(message) => message,
            Failure::Failed { fault, .. } => &fault.message,
        }
    }

    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Failure::Failed { fault, .. } => fault.code.as_deref(),
            _ => None,
        }
    }

    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Failure::ReaderGone => ExitCode::SUCCESS,
            Failure::Usage(_) => ExitCode::from(2),
            Failure::Failed { .. } => ExitCode::FAILURE,
        }
    }

    /// The text for standard error: a sentence, a line for each detail, and what
    /// to do; with `json` one line in the shape of the API's errors.
    #[must_use]
    pub fn text(&self, json: bool) -> String {
        let (fault, hint) = match self {
            Failure::ReaderGone => return String::new(),
            Failure::Usage(message) => {
                (&Fault { message: message.clone(), ..Fault::default() }, None)
            }
            Failure::Failed { fault, hint } => (fault, hint.as_deref()),
        };
        if json {
            return format!("{}\n", serde_json::json!({ "error": fault }));
        }
        let mut text = format!("error: {}\n", visible(&fault.message));
        for detail in &fault.details {
            let _ = writeln!(text, "  {}", detail.line());
        }
        if let Some(hint) = hint {
            let _ = writeln!(text, "{hint}");
        }
        text
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Failure::Failed { fault, hint: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_say_where_and_what_was_expected() {
        let fault = Fault {
            code: Some("InvalidDefinition".into()),
            message: "The definition has a fault.".into(),
            details: vec![Detail {
                path: Some("$.actions.A.inputs".into()),
                offset: Some(12),
                expected: Some("')'".into()),
                code: Some("InvalidExpression".into()),
                message: "The expression ends too early.".into(),
                severity: None,
            }],
        };
        let failure = Failure::from(fault).or_hint("Mend it.").or_hint("Not said.");
        assert_eq!(
            failure.text(false),
            "error: The definition has a fault.\n  $.actions.A.inputs, offset 12: The expression \
             ends too early. (expected ')') [InvalidExpression]\nMend it.\n"
        );
        assert_eq!(
            failure.text(true),
            "{\"error\":{\"code\":\"InvalidDefinition\",\"message\":\"The definition has a \
             fault.\",\"details\":[{\"code\":\"InvalidExpression\",\"path\":\"$.actions.A.inputs\",\
             \"offset\":12,\"expected\":\"')'\",\"message\":\"The expression ends too early.\"}]}}\n"
        );
    }

    #[test]
    fn a_detail_without_a_place_is_its_message() {
        let detail = Detail { message: "Wrong.".into(), ..Detail::default() };
        assert_eq!(detail.line(), "Wrong.");
    }

    #[test]
    fn text_of_others_cannot_steer_the_terminal() {
        let failure = Failure::new("bad \u{1b}[31mname\nerror: forged");
        assert_eq!(failure.text(false), "error: bad \\u{1b}[31mname error: forged\n");
    }
}
