//! What a connector is said to be: its Swagger document, and the properties beside it.
//!
//! The two files of a custom connector are `apiDefinition.swagger.json` (Swagger 2.0 or
//! OpenAPI 3) and `apiProperties.json` (documentation page "Create a custom connector with
//! the paconn CLI").

mod credential;
mod document;
mod form;
mod oauth;
mod operation;
mod page;
mod parameter;
mod path;
mod properties;
mod provider;
mod reader;
mod reference;
mod schema;
mod text;

pub use credential::{Credential, credential};
pub use document::{Document, SecurityKind, SecurityScheme, Service};
pub(crate) use form::{is_form, is_json, is_multipart, is_url_form};
pub use oauth::{Client, Plan, SignIn, TokenForm};
pub use operation::{
    Collection, Location, Operation, OperationParameter, Pageable, Response, TriggerKind,
};
pub use page::{Availability, Contact, Page};
pub use parameter::{Parameter, ParameterKind, ParameterSet, given_value};
pub(crate) use path::decoded;
pub use path::{PathTemplate, Piece};
pub use properties::Properties;
pub use schema::{
    Additional, Dynamic, Property, Schema, SchemaId, SchemaKind, Schemas, Visibility,
};
pub use text::decode;

/// What is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// Where, as a JSON path.
    pub path: String,
    pub message: String,
}

impl Fault {
    pub(crate) fn at(path: impl Into<String>, message: impl Into<String>) -> Fault {
        Fault { path: path.into(), message: message.into() }
    }
}

#[cfg(test)]
mod tests;
