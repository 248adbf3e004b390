//! Answers of small documents.

use super::*;
use crate::definition::Document;
use serde_json::json;

fn made(responses: &serde_json::Value, definitions: &serde_json::Value) -> Answer {
    let document = json!({"swagger": "2.0", "info": {"title": "T"}, "definitions": definitions,
        "paths": {"/": {"get": {"operationId": "A", "responses": responses,
            "x-ms-pageable": {"nextLinkName": "next"}}}}});
    answer(&Document::read(&document.to_string()).unwrap().operations[0])
}

fn shown(answer: &Answer) -> String {
    format!("{} {}", answer.status, expr::json::to_string(&answer.body))
}

#[test]
fn an_answer_is_made_of_what_the_document_says() {
    let schema = json!({"type": "object", "properties": {
        "id": {"type": "string", "format": "uuid"}, "n": {"type": "integer", "minimum": 5},
        "f": {"type": "number", "maximum": 0.5}, "e": {"type": "string", "enum": ["x", "y"]},
        "d": {"type": "boolean", "default": false}, "x": {"type": "string", "example": "z"},
        "l": {"type": "array", "items": {"type": "string", "minLength": 6}},
        "next": {"type": "string"}, "t": {"type": "string", "format": "date-time"}}});
    let answer = made(
        &json!({"404": {}, "201": {"schema": schema, "headers": {"X": {"type": "integer"}}}}),
        &json!({}),
    );
    assert_eq!(
        shown(&answer),
        "201 {\"id\":\"00000000-0000-0000-0000-000000000000\",\"n\":5,\"f\":0.5,\"e\":\"x\",\"d\":false,\"x\":\"z\",\"l\":[\"textxx\"],\"t\":\"2024-01-01T00:00:00Z\"}"
    );
    assert_eq!(answer.headers, [("X".to_owned(), "1".to_owned())]);
    let example = json!({"default": {"examples": {"application/json": {"a": [1]}}}});
    assert_eq!(shown(&made(&example, &json!({}))), "200 {\"a\":[1]}");
    assert_eq!(shown(&made(&json!({"204": {}}), &json!({}))), "204 null");
    assert_eq!(shown(&made(&json!({}), &json!({}))), "200 null");
}

#[test]
fn what_contains_itself_ends() {
    let both = json!({"$ref": "#/definitions/T"});
    let tree = json!({"T": {"type": "object", "properties":
        {"l": both, "r": both, "s": {"type": "array", "items": both}, "n": {"type": "integer"}}}});
    let answer = made(&json!({"200": {"schema": both}}), &tree);
    assert!(expr::json::to_string(&answer.body).len() < 100_000);
}

#[test]
fn there_is_never_another_page() {
    for name in ["next", "nextLink", "@odata.nextLink"] {
        let schema = json!({"type": "object", "properties": {
            "value": {"type": "array", "items": {"type": "integer"}}, name: {"type": "string"}}});
        let answer = made(&json!({"200": {"schema": schema}}), &json!({}));
        assert_eq!(shown(&answer), r#"200 {"value":[1]}"#, "{name}");
    }
}
