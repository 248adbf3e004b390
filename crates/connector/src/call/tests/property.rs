//! Whatever an operation is: what was bound is routed back, and nothing panics.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value as Json;

/// A parameter of a generated operation, and a value for it.
#[derive(Clone, Debug)]
struct Made {
    place: &'static str,
    said: Json,
    value: Json,
}

fn scalar(text: &'static str) -> impl Strategy<Value = (Json, Json)> {
    prop_oneof![
        text.prop_map(|it| (json!({"type": "string"}), json!(it))),
        any::<i64>().prop_map(|it| (json!({"type": "integer"}), json!(it))),
        (-1_000i32..1_000).prop_map(|it| (json!({"type": "number"}), json!(f64::from(it) + 0.5))),
        any::<bool>().prop_map(|it| (json!({"type": "boolean"}), json!(it))),
    ]
}

fn list(item: &'static str) -> impl Strategy<Value = (Json, Json)> {
    let formats = prop_oneof![Just("csv"), Just("ssv"), Just("tsv"), Just("pipes"), Just("multi")];
    (formats, vec(item, 1..4)).prop_map(|(format, items)| {
        let said =
            json!({"type": "array", "items": {"type": "string"}, "collectionFormat": format});
        (said, json!(items))
    })
}

fn made(
    place: &'static str,
    values: impl Strategy<Value = (Json, Json)>,
) -> impl Strategy<Value = Made> {
    (values, any::<bool>()).prop_map(move |((mut said, value), is_double)| {
        if place == "path" && is_double {
            said["x-ms-url-encoding"] = json!("double");
        }
        Made { place, said, value }
    })
}

fn parameter() -> impl Strategy<Value = Made> {
    prop_oneof![
        3 => made("path", scalar("\\PC{1,12}")),
        1 => made("path", list("[a-zA-Z0-9%é/]{1,5}")),
        3 => made("query", scalar("\\PC{0,12}")),
        2 => made("query", list("[a-zA-Z0-9%&=é/]{1,5}")),
        2 => made("header", scalar("[!-~]{1,3}[ -~]{0,5}[!-~]")),
    ]
}

/// A schema of a body, a value of it, and the flat keys that give it.
fn body() -> impl Strategy<Value = (Json, Json)> {
    let leaf = prop_oneof![scalar("\\PC{1,12}"), list("\\PC{1,5}")];
    leaf.prop_recursive(3, 12, 4, |inner| {
        vec(("[a-z/~@. ]{1,5}", inner), 1..4).prop_map(|entries| {
            let mut said = json!({"type": "object", "properties": {}});
            let mut value = json!({});
            for (name, (schema, inner)) in entries {
                said["properties"][&name] = schema;
                value[&name] = inner;
            }
            (said, value)
        })
    })
}

fn form() -> impl Strategy<Value = Vec<Made>> {
    let file = any::<Vec<u8>>().prop_map(|bytes| {
        let envelope = expr::content::envelope("application/pdf", &bytes);
        let envelope = expr::json::to_string(&envelope.into());
        (json!({"type": "file"}), serde_json::from_str(&envelope).unwrap())
    });
    let multi = vec("\\PC{0,5}", 1..3).prop_map(|items| {
        let said =
            json!({"type": "array", "items": {"type": "string"}, "collectionFormat": "multi"});
        (said, json!(items))
    });
    vec(made("formData", prop_oneof![scalar("\\PC{0,12}"), multi, file]), 1..4)
}

/// The key of each value inside a body.
fn flat(key: &str, said: &Json, value: &Json, out: &mut serde_json::Map<String, Json>) {
    match said["properties"].as_object() {
        Some(properties) => {
            for (name, said) in properties {
                let step = name.replace('~', "~0").replace('/', "~1");
                flat(&format!("{key}/{step}"), said, &value[name], out);
            }
        }
        None => {
            out.insert(key.to_owned(), value.clone());
        }
    }
}

/// An operation `/op{number}/...`, and the parameters to call it with.
fn operation(number: usize, plain: &[Made], last: &(Json, Json), form: &[Made]) -> (Json, Json) {
    let mut path = format!("/op{number}");
    let mut parameters = Vec::new();
    let mut given = serde_json::Map::new();
    let use_form = number % 2 == 1;
    let fields = if use_form { form } else { &[] };
    for (at, made) in plain.iter().chain(fields).enumerate() {
        let name = format!("{}{at}", &made.place[..1]);
        if made.place == "path" {
            // several in a segment, with something that no value has as it is
            path.push_str(match at % 3 {
                0 => "/lit/",
                1 => "/x('",
                _ => ",",
            });
            path.push_str(&format!("{{{name}}}"));
            path.push_str(if at % 3 == 1 { "')" } else { "" });
        }
        let mut said = made.said.clone();
        said["name"] = json!(name);
        said["in"] = json!(made.place);
        said["required"] = json!(made.place == "path");
        parameters.push(said);
        given.insert(name, made.value.clone());
    }
    if !use_form {
        parameters.push(json!({"name": "the body", "in": "body", "schema": last.0}));
        flat("the body", &last.0, &last.1, &mut given);
    }
    let operation = json!({"operationId": format!("Op{number}"), "parameters": parameters});
    (json!({path: {"post": operation}}), Json::Object(given))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_bound_is_routed_back(
        all in vec((vec(parameter(), 0..6), body(), form()), 1..4),
        chosen in any::<prop::sample::Index>(),
    ) {
        let mut paths = json!({});
        let mut calls = Vec::new();
        for (number, (plain, last, fields)) in all.iter().enumerate() {
            let (path, given) = operation(number, plain, last, fields);
            paths.as_object_mut().unwrap().extend(path.as_object().unwrap().clone());
            calls.push(given);
        }
        let document = json!({"swagger": "2.0", "info": {"title": "T"}, "paths": paths});
        let document = Document::read(&document.to_string()).unwrap();
        let at = chosen.index(calls.len());
        let called = document.operation(&format!("op{at}")).unwrap();
        let bound = match called.bind(&object(&calls[at])) {
            Ok(bound) => bound,
            Err(fault) => {
                prop_assert!(fault.message.contains("another path"), "{}", fault);
                return Ok(());
            }
        };
        let routed = document.route(&bound.request).unwrap();
        prop_assert_eq!(&routed.operation.id, &called.id);
        prop_assert_eq!(&routed.parameters, &bound.parameters, "{:?}", bound.request);

        // the same over the wire: the target is read, and the body from its bytes
        let target = bound.request.target();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let (media, bytes) = match &bound.request.body {
            Some(body) => body.write(bound.request.content_type.as_deref()),
            None => (String::new(), Vec::new()),
        };
        let came = RelativeRequest {
            path: format!("{path}?{query}"),
            query: Vec::new(),
            body: crate::call::Body::read(Some(&media), &bytes).unwrap(),
            content_type: Some(media),
            ..bound.request.clone()
        };
        let routed = document.route(&came).unwrap();
        prop_assert_eq!(&routed.operation.id, &called.id);
        prop_assert_eq!(&routed.parameters, &bound.parameters, "{:?}", came);
    }

    #[test]
    fn a_damaged_document_is_refused_or_used(
        damage in vec((any::<prop::sample::Index>(), 0usize..12), 1..6),
        keys in vec("(body|id|q|/|~0|~1|a|0|1){1,4}", 0..6),
        path in "[/a-z{}%.',0-9é]{0,20}",
    ) {
        let mut document = sound();
        for (place, with) in damage {
            let mut all = Vec::new();
            pointers(&document, String::new(), &mut all);
            let with = [
                json!(null), json!(true), json!(-1), json!("$ref"), json!([]), json!({}),
                json!({"$ref": "#"}), json!({"$ref": "#/definitions/Node"}), json!([{"$ref": "#/paths"}]),
                json!({"type": "array", "items": {"$ref": "#/definitions/Node"}}),
                json!("{"), json!({"allOf": [{"$ref": "#/definitions/Node"}], "type": "file"}),
            ][with].clone();
            if let Some(found) = document.pointer_mut(&all[place.index(all.len())]) {
                *found = with;
            }
        }
        let Ok(document) = Document::read(&document.to_string()) else { return Ok(()) };
        let mut given = Object::new();
        for (at, key) in keys.iter().enumerate() {
            given.insert(key.as_str(), if at % 2 == 0 { "1".into() } else { Value::Int(2) });
        }
        for operation in &document.operations {
            let _ = operation.bind(&given).map(|bound| document.route(&bound.request).is_ok());
            let _ = (crate::mock::answer(operation), operation.notification_key());
        }
        let _ = document.route(&request("POST", &path));
    }

    #[test]
    fn no_text_is_too_strange(text in "\\PC{0,60}", bytes in any::<Vec<u8>>()) {
        let _ = Document::read(&text);
        let _ = Document::read(&crate::definition::decode(&bytes));
        let _ = crate::definition::PathTemplate::read(&text, "$");
    }
}

fn sound() -> Json {
    json!({
        "swagger": "2.0", "info": {"title": "T"}, "host": "h", "basePath": "/b",
        "definitions": {"Node": {"type": "object", "required": ["a"], "properties": {
            "a": {"$ref": "#/definitions/Node"}, "b": {"type": "string", "default": "x"},
            "c": {"type": "array", "items": {"$ref": "#/definitions/Node"}}}}},
        "paths": {"/x/{id}/y('{q}')?v={id}": {"post": {
            "operationId": "A", "x-ms-trigger": "single", "x-ms-pageable": {"nextLinkName": "n"},
            "parameters": [
                {"name": "id", "in": "path", "required": true, "type": "string"},
                {"name": "q", "in": "query", "type": "array", "items": {"type": "integer"}},
                {"name": "body", "in": "body", "required": true, "schema": {"$ref": "#/definitions/Node"}},
            ],
            "responses": {"200": {"schema": {"$ref": "#/definitions/Node"},
                "headers": {"L": {"type": "string"}}}},
        }}},
    })
}

/// Every place of a document.
fn pointers(value: &Json, at: String, out: &mut Vec<String>) {
    let step = |name: &str| format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
    match value {
        Json::Object(entries) => {
            entries.iter().for_each(|(name, value)| pointers(value, step(name), out));
        }
        Json::Array(items) => {
            let items = items.iter().enumerate();
            items.for_each(|(index, value)| pointers(value, step(&index.to_string()), out));
        }
        _ => {}
    }
    out.push(at);
}
