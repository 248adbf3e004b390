//! What a connector is said to be: its Swagger document, and the properties beside it.
//!
//! The two files of a custom connector are `apiDefinition.swagger.json` (Swagger 2.0 or
//! OpenAPI 3) and `apiProperties.json` (documentation page "Create a custom connector with
//! the paconn CLI").

mod oauth;
mod parameter;
mod properties;
mod provider;
mod swagger;

pub use oauth::{Client, Plan, SignIn, TokenForm};
pub use parameter::{Parameter, ParameterKind, ParameterSet, given_value};
pub use properties::Properties;
pub use swagger::Description;

/// What is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// Where, as a JSON path.
    pub path: String,
    pub message: String,
}

impl Fault {
    fn at(path: impl Into<String>, message: impl Into<String>) -> Fault {
        Fault { path: path.into(), message: message.into() }
    }
}

/// A document's JSON; files made on some systems begin with a byte order mark.
fn json(text: &str, what: &str) -> Result<serde_json::Value, Fault> {
    let text = text.trim_start_matches('\u{feff}');
    serde_json::from_str(text)
        .map_err(|error| Fault::at("$", format!("{what} is no JSON: {error}.")))
}
