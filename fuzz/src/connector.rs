//! Target `connector`: a document of a connector is read, and its operations are called.

use connector::call::{Body, RelativeRequest};
use connector::definition::{Document, Operation, decode};
use connector::mock;
use expr::{Object, Value};

/// Operations that are called: the rest is like them.
const OPERATIONS_MAX: usize = 8;

/// Reads a document, and calls what it has with values made from it, and with others.
pub fn connector(data: &[u8]) {
    let document = match Document::read(&decode(data)) {
        Ok(document) => document,
        Err(fault) => {
            let says_why = fault.path.starts_with('$') && !fault.message.is_empty();
            assert!(says_why, "a refusal says where and why: {fault:?}");
            return;
        }
    };
    for operation in document.operations.iter().take(OPERATIONS_MAX) {
        let found = document.operation(&operation.id).expect("an operation has its id");
        assert!(found.id.eq_ignore_ascii_case(&operation.id) || !operation.id.is_ascii());
        let answer = mock::answer(operation);
        assert_eq!(answer, mock::answer(operation), "an operation has one answer");
        call(&document, operation, &Object::new());
        call(&document, operation, &inside(operation));
        for choice in 0..CHOICES {
            call(&document, operation, &parameters(operation, choice));
        }
    }
    let path = String::from_utf8_lossy(data).into_owned();
    drop(document.route(&RelativeRequest { path, ..RelativeRequest::default() }));
}

/// Something for every parameter, and for what may be in each.
fn inside(operation: &Operation) -> Object {
    let mut given = Object::new();
    for parameter in &operation.parameters {
        let properties = &operation.schema(parameter.schema).properties;
        for property in properties {
            given.insert(format!("{}/{}", parameter.name, property.name), "1");
        }
        if properties.is_empty() {
            given.insert(parameter.name.clone(), "1");
        }
    }
    given
}

/// Ways to make parameters.
const CHOICES: usize = 6;

/// Values for the parameters of an operation: what the document says, or something else.
fn parameters(operation: &Operation, choice: usize) -> Object {
    let mut given = Object::new();
    for (at, parameter) in operation.parameters.iter().enumerate() {
        let said = mock::value(operation, parameter.schema);
        let value = match (choice + at) % CHOICES {
            // one after the other is left out
            _ if choice > 0 && at + 1 == choice => continue,
            _ if choice == 0 => said,
            0 => Value::Null,
            1 => said,
            2 => Value::from("a/b c?d=e&f#%2F\u{e9}"),
            3 => Value::array(vec![said, Value::from("x,y|z"), Value::Null]),
            4 => Value::Int(-7),
            _ => flat(&mut given, &parameter.name, said),
        };
        given.insert(parameter.name.clone(), value);
    }
    given
}

/// What is in an object as designers write it: `body/name`.
fn flat(given: &mut Object, name: &str, value: Value) -> Value {
    let Some(object) = value.as_object() else { return value };
    for (inner, value) in object.iter() {
        given.insert(format!("{name}/{inner}"), value.clone());
    }
    Value::Object(std::sync::Arc::default())
}

/// Binds, and finds what was bound again.
fn call(document: &Document, operation: &Operation, parameters: &Object) {
    let request = match operation.bind(parameters) {
        Ok(bound) => bound.request,
        Err(fault) => {
            assert!(!fault.code.is_empty() && !fault.message.is_empty(), "a refusal says why");
            return;
        }
    };
    assert!(request.path.starts_with('/'), "{request:?}");
    if let Some(body) = &request.body {
        let (media, bytes) = body.write(request.content_type.as_deref());
        drop(Body::read(Some(&media), &bytes));
    }
    // two operations may have one path: what is found has at least that method
    let routed = document.route(&request).expect("what was made is an operation's");
    assert_eq!(routed.operation.method, operation.method);
    let mut inputs = Object::new();
    inputs.insert("method", &*request.method);
    inputs.insert("path", request.target());
    inputs.insert("body", parameters.clone());
    let again = RelativeRequest::from_action(&inputs).expect("these inputs name a path");
    if let Ok(routed) = document.route(&again) {
        drop(routed.operation.bind(&routed.parameters));
    }
}
