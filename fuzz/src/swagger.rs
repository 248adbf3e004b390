//! Target `swagger`: a connector's document is read, and what it offers is called and answered.

use connector::call::{Body, RelativeRequest};
use connector::definition::{Document, Operation, decode};
use expr::{Object, Value};

/// Operations that are called.
const OPERATIONS_MAX: usize = 16;

/// Reads a document, and calls some of its operations.
pub fn swagger(data: &[u8]) {
    let document = match Document::read(&decode(data)) {
        Ok(document) => document,
        Err(fault) => {
            assert!(fault.path.starts_with('$') && !fault.message.is_empty(), "{fault:?}");
            return;
        }
    };
    for operation in document.operations.iter().take(OPERATIONS_MAX) {
        let _ = connector::mock::answer(operation);
        for given in [Object::new(), given(operation)] {
            let Ok(bound) = operation.bind(&given) else { continue };
            assert!(bound.request.path.starts_with('/'), "{:?}", bound.request);
            if let Some(body) = &bound.request.body {
                let (media, bytes) = body.write(bound.request.content_type.as_deref());
                let _ = Body::read(Some(&media), &bytes);
            }
            // two operations may have one path: what is found has at least that method
            let routed = document.route(&bound.request).expect("what was made is an operation's");
            assert_eq!(routed.operation.method, operation.method);
        }
    }
    let path = String::from_utf8_lossy(data).into_owned();
    let _ = document.route(&RelativeRequest { path, ..RelativeRequest::default() });
}

/// Something for every parameter, and for what may be in the body.
fn given(operation: &Operation) -> Object {
    let mut given = Object::new();
    for parameter in &operation.parameters {
        let properties = &operation.schema(parameter.schema).properties;
        for property in properties {
            given.insert(format!("{}/{}", parameter.name, property.name), "1");
        }
        if properties.is_empty() {
            given.insert(parameter.name.clone(), Value::from("1"));
        }
    }
    given
}
