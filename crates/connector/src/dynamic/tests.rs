#![allow(clippy::needless_pass_by_value, reason = "documents read best as nested literals")]

use super::*;
use serde_json::json;

fn document() -> Document {
    let dynamic = |operation: &str, parameters: Json| {
        json!({"operationId": operation, "value-collection": "value", "value-path": "id",
            "value-title": "name", "parameters": parameters})
    };
    let text = json!({
        "swagger": "2.0", "info": {"title": "T"},
        "paths": {
            "/do": {"post": {"operationId": "Do", "parameters": [
                {"name": "site", "in": "query", "type": "string", "x-ms-dynamic-values": dynamic("Sites", json!({"top": 5}))},
                {"name": "list", "in": "query", "type": "string",
                    "x-ms-dynamic-values": dynamic("Lists", json!({"site": {"parameter": "site"}})),
                    "x-ms-dynamic-list": {"operationId": "Lists", "itemsPath": "d/results", "itemValuePath": "key.id",
                        "itemTitlePath": "t", "parameters": {"site": {"parameterReference": "site"}, "top": {"value": "7"}}}},
                {"name": "folder", "in": "query", "type": "string", "x-ms-dynamic-tree": {
                    "open": {"operationId": "Lists", "itemValuePath": "id", "itemTitlePath": "t", "itemIsParent": "folder",
                        "parameters": {"site": {"parameterReference": "site"}}},
                    "browse": {"operationId": "Lists", "itemValuePath": "id", "itemTitlePath": "t", "itemIsParent": "folder",
                        "parameters": {"site": {"selectedItemValuePath": "id"}}}}},
                {"name": "gone", "in": "query", "type": "string", "x-ms-dynamic-values": dynamic("Nowhere", json!({}))},
                {"name": "built", "in": "query", "type": "string", "x-ms-dynamic-list": {"builtInOperation": "files"}},
                {"name": "body", "in": "body", "schema": {"type": "object", "properties": {
                    "kind": {"type": "string"},
                    "item": {"type": "object", "x-ms-dynamic-schema": {"operationId": "Shape", "value-path": "schema/here",
                        "parameters": {"kind": {"parameter": "kind"}}}},
                    "more": {"type": "object", "x-ms-dynamic-properties": {"operationId": "Shape", "itemValuePath": "schema",
                        "parameters": {"kind": {"parameterReference": "body/kind"}}}}}}}
            ]}},
            "/sites": {"get": {"operationId": "Sites", "parameters": [{"name": "top", "in": "query", "type": "integer"}]}},
            "/lists": {"get": {"operationId": "Lists", "parameters": [
                {"name": "site", "in": "query", "type": "string", "required": true}, {"name": "top", "in": "query", "type": "integer"}]}},
            "/shape": {"get": {"operationId": "Shape", "parameters": [{"name": "kind", "in": "query", "type": "string", "required": true}]}}
        }
    });
    Document::read(&text.to_string()).expect("a document")
}

fn value(json: Json) -> Value {
    value_of(&json)
}

fn asked(parameter: &str, given: Json) -> Asked {
    let given = value(given).as_object().map(|it| Object::clone(it)).expect("an object");
    Asked { parameter: parameter.to_owned(), given, ..Asked::default() }
}

fn looked_up(asked: &Asked) -> Result<Lookup, DynamicFault> {
    let document = document();
    lookup(&document, document.operation("Do").expect("an operation"), asked)
}

#[test]
fn values_are_asked_for_with_what_they_depend_on() {
    let target = |asked: &Asked| looked_up(asked).expect("a call").bound.request.target();
    assert_eq!(target(&asked("site", json!({}))), "/sites?top=5");
    let list = asked("list", json!({"site": "a b"}));
    assert_eq!(target(&list), "/lists?site=a%20b&top=7");
    let values = Asked { kind: Some(DynamicKind::Values), ..list };
    assert_eq!(target(&values), "/lists?site=a%20b");
    // a property is found by its key, by its name, and in a body that is given as a whole
    for given in [json!({"body/kind": "k"}), json!({"body": {"kind": "k"}})] {
        for parameter in ["body/item", "body/more"] {
            assert_eq!(target(&asked(parameter, given.clone())), "/shape?kind=k", "{given}");
        }
    }
}

#[test]
fn answers_are_picked_apart() {
    let choices =
        |asked: Asked, body: Json| match looked_up(&asked).expect("a call").read(&value(body)) {
            Ok(Told::Choices(choices)) => {
                choices.into_iter().map(|it| (text(&it.value), it.title)).collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        };
    let pair = |one: &str, other: &str| (one.to_owned(), other.to_owned());
    let body = json!({"value": [{"id": 1, "name": "One"}, {"id": "2"}, {"name": "none"}]});
    assert_eq!(choices(asked("site", json!({})), body), [pair("1", "One"), pair("2", "2")]);
    let body = json!({"d": {"results": [{"key": {"id": "x"}, "t": "X"}]}});
    assert_eq!(choices(asked("list", json!({"site": "s"})), body), [pair("x", "X")]);
    let schema = json!({"type": "object"});
    let found = looked_up(&asked("body/item", json!({"kind": "k"}))).expect("a call");
    let told = found.read(&value(json!({"schema": {"here": schema}})));
    assert_eq!(told, Ok(Told::Schema(value(schema))));
    assert!(matches!(
        found.read(&value(json!({"schema": 1}))),
        Err(DynamicFault::Unexpected { .. })
    ));
}

#[test]
fn a_tree_is_gone_down() {
    let mut asked = asked("folder", json!({"site": "s"}));
    let open = looked_up(&asked).expect("a call");
    assert_eq!(open.bound.request.target(), "/lists?site=s");
    let body =
        value(json!([{"id": "f", "t": "F", "folder": true}, {"id": "g", "folder": "false"}]));
    let Ok(Told::Choices(choices)) = open.read(&body) else { panic!("no choices") };
    let is_parent: Vec<_> = choices.iter().map(|it| it.is_parent).collect();
    assert_eq!(is_parent, [Some(true), Some(false)]);
    asked.item.clone_from(&choices[0].item);
    assert_eq!(looked_up(&asked).expect("a call").bound.request.target(), "/lists?site=f");
}

#[test]
fn what_cannot_be_asked_says_why() {
    for (parameter, given, expected) in [
        ("nothing", json!({}), "The operation 'Do' has no parameter 'nothing'."),
        ("body/none", json!({}), "The operation 'Do' has no parameter 'body/none'."),
        (
            "body/kind",
            json!({}),
            "does not say which operation tells anything of the parameter 'body/kind'.",
        ),
        ("list", json!({}), "The parameter 'site' has to be given first."),
        ("body/item", json!({}), "The parameter 'kind' has to be given first."),
        ("gone", json!({}), "'Nowhere', which is not an operation"),
        ("built", json!({}), "names no operation for the parameter 'built' (builtInOperation)"),
        ("list", json!({"site": {"a": 1}}), "is not convertible"),
    ] {
        let fault = looked_up(&asked(parameter, given)).expect_err(parameter).to_string();
        assert!(fault.contains(expected), "{parameter}: {fault}");
    }
    let many = json!({"value": vec![json!({"id": 1}); DYNAMIC_VALUES_MAX + 1]});
    let found = looked_up(&asked("site", json!({}))).expect("a call");
    assert!(matches!(found.read(&value(many)), Err(DynamicFault::TooMany(_))));
}

#[test]
fn what_can_be_given_is_shown_with_what_is_in_it() {
    let document = document();
    let all = shown(document.operation("Do").expect("an operation"));
    let keys: Vec<&str> = all.iter().map(|it| it.key.as_str()).collect();
    let parts = ["body", "body/kind", "body/item", "body/more"];
    assert_eq!(keys, [&["site", "list", "folder", "gone", "built"][..], &parts[..]].concat());
    assert!(all[7].dynamic.is_some_and(|it| it.schema.is_some()));
    // one that is in itself comes to an end
    let own = json!({"swagger": "2.0", "info": {"title": "T"}, "paths": {"/": {"post": {"operationId": "A",
        "parameters": [{"name": "b", "in": "body", "schema": {"$ref": "#/definitions/S"}}]}}},
        "definitions": {"S": {"type": "object", "properties": {"x": {"$ref": "#/definitions/S"}, "y": {"$ref": "#/definitions/S"}}}}});
    let document = Document::read(&own.to_string()).expect("a document");
    assert!(shown(&document.operations[0]).len() <= PARAMETERS_SHOWN_MAX);
}
