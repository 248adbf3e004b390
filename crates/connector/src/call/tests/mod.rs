//! Calls of small documents.

mod bind;
mod property;
mod route;

use super::{Bound, RelativeRequest};
use crate::definition::Document;
use expr::{Object, Value};
use serde_json::json;

/// A document with one operation.
fn document(method: &str, path: &str, operation: &serde_json::Value) -> Document {
    let mut operation = operation.clone();
    operation["operationId"] = json!("Do");
    let document = json!({
        "swagger": "2.0",
        "info": {"title": "T", "version": "1"},
        "paths": {path: {method: operation}},
    });
    Document::read(&document.to_string()).unwrap()
}

fn value(json: &serde_json::Value) -> Value {
    expr::json::parse(json.to_string().as_bytes()).unwrap()
}

fn object(json: &serde_json::Value) -> Object {
    Object::clone(value(json).as_object().unwrap())
}

fn bound(document: &Document, parameters: &serde_json::Value) -> Bound {
    document.operations[0].bind(&object(parameters)).unwrap()
}

fn refused(document: &Document, parameters: &serde_json::Value) -> String {
    document.operations[0].bind(&object(parameters)).unwrap_err().message
}

fn request(method: &str, target: &str) -> RelativeRequest {
    RelativeRequest {
        method: method.to_owned(),
        path: target.to_owned(),
        ..RelativeRequest::default()
    }
}

fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}
