//! What actions say, and the requests that it makes.

use super::*;
use crate::call::Body;

#[test]
fn plain_keys_go_where_the_document_says() {
    let document = document(
        "get",
        "/users/{id}/items('{key}')",
        &json!({"parameters": [
            {"name": "id", "in": "path", "required": true, "type": "string"},
            {"name": "key", "in": "path", "required": true, "type": "string",
                "x-ms-url-encoding": "double"},
            {"name": "$top", "in": "query", "type": "integer"},
            {"name": "many", "in": "query", "type": "array", "items": {"type": "string"},
                "collectionFormat": "multi"},
            {"name": "piped", "in": "query", "type": "array", "items": {"type": "integer"},
                "collectionFormat": "pipes"},
            {"name": "X-Flag", "in": "header", "type": "boolean"},
        ]}),
    );
    let bound = bound(
        &document,
        &json!({"id": "a/b c", "key": "x/y", "$Top": "5", "many": ["a", "b&"],
            "piped": "[1, 2]", "x-flag": "True"}),
    );
    let request = bound.request;
    assert_eq!(request.path, "/users/a%2Fb%20c/items('x%252Fy')");
    let query = [("$top", "5"), ("many", "a"), ("many", "b&"), ("piped", "1|2")];
    assert_eq!(request.query, pairs(&query));
    assert_eq!(request.headers, pairs(&[("X-Flag", "true")]));
    assert_eq!(request.body, None);
    assert!(request.target().ends_with("?$top=5&many=a&many=b%26&piped=1%7C2"));
    let expected = json!({"id": "a/b c", "key": "x/y", "$top": 5, "many": ["a", "b&"],
        "piped": [1, 2], "X-Flag": true});
    assert_eq!(Value::from(bound.parameters), value(&expected));
}

fn mail() -> Document {
    document(
        "post",
        "/mail",
        &json!({"parameters": [{"name": "emailMessage", "in": "body", "required": true, "schema": {
            "type": "object",
            "required": ["To", "Kind", "Options"],
            "properties": {
                "To": {"type": "string"},
                "Kind": {"type": "string", "default": "plain", "x-ms-visibility": "internal"},
                "Size": {"type": "integer"},
                "a/b": {"type": "string"},
                "Options": {"type": "object", "required": ["Deep"], "properties": {
                    "Deep": {"type": "boolean", "default": false},
                    "Other": {"type": "number"},
                }},
                "Lines": {"type": "array", "items": {"type": "object", "properties": {
                    "n": {"type": "integer"}}}},
            },
        }}]}),
    )
}

#[test]
fn keys_with_slashes_are_places_in_items_too() {
    let document = document(
        "post",
        "/owners",
        &json!({"parameters": [{"name": "body", "in": "body", "required": true, "schema": {
            "type": "object",
            "properties": {"put": {"type": "array", "items": {
                "type": "object",
                "required": ["kind"],
                "properties": {
                    "kind": {"type": "string", "default": "one"},
                    "a/b": {"type": "integer"},
                    "properties": {"type": "object", "properties": {
                        "role": {"type": "string"},
                        "who": {"type": "object", "properties": {"id": {"type": "string"}}},
                    }},
                },
            }}},
        }}]}),
    );
    let put = |items: serde_json::Value| json!({"body/put": items});
    let items = json!([
        {"properties/who/id": "x", "properties/role": 1, "a/b": "7"},
        {"properties": {"role": "r"}, "properties/who/id": "y"},
        {"kind": "two"},
    ]);
    let expected = json!([
        {"properties": {"who": {"id": "x"}, "role": "1"}, "a/b": 7, "kind": "one"},
        {"properties": {"role": "r", "who": {"id": "y"}}, "kind": "one"},
        {"kind": "two"},
    ]);
    let bound = bound(&document, &put(items));
    assert_eq!(Value::from(bound.parameters), value(&json!({"body": {"put": expected}})));
    let parameters = value(&put(json!([{"properties/none": 1}])));
    let parameters = parameters.as_object().expect("parameters");
    let fault = document.operations[0].bind(parameters).expect_err("a fault");
    assert!(fault.to_string().contains("properties/none"), "{fault}");
}

#[test]
fn keys_with_slashes_are_places_in_the_body() {
    let cases = [
        (
            json!({"emailMessage/To": "a", "emailMessage/Size": "7"}),
            json!({"To": "a", "Size": 7, "Kind": "plain", "Options": {"Deep": false}}),
        ),
        (
            json!({"body/To": "a", "emailMessage/Options/Other": "1.5"}),
            json!({"To": "a", "Options": {"Other": 1.5, "Deep": false}, "Kind": "plain"}),
        ),
        (
            json!({"emailMessage/To": "a", "emailMessage/a/b": "x", "emailMessage/Kind": "k"}),
            json!({"To": "a", "a/b": "x", "Kind": "k", "Options": {"Deep": false}}),
        ),
        (
            json!({"emailMessage/To": "a", "emailMessage/a~1b": "x", "emailMessage/Options": {}}),
            json!({"To": "a", "a/b": "x", "Options": {}, "Kind": "plain"}),
        ),
        (
            json!({"emailMessage/To": "a", "emailMessage/Lines": [{"n": "1"}, {"n": "no"}]}),
            json!({"To": "a", "Lines": [{"n": 1}, {"n": "no"}], "Kind": "plain",
                "Options": {"Deep": false}}),
        ),
        (
            json!({"emailMessage/To": "a", "emailMessage/Lines/1/n": 2, "emailMessage/Lines/0/n": 1}),
            json!({"To": "a", "Lines": [{"n": 1}, {"n": 2}], "Kind": "plain",
                "Options": {"Deep": false}}),
        ),
        // given as a whole it is the author's
        (json!({"emailMessage": {"Size": "7"}}), json!({"Size": 7})),
        (json!({"body": "{\"To\": 1}"}), json!({"To": "1"})),
        (
            json!({"emailMessage": {"To": "a"}, "emailMessage/Kind": "b"}),
            json!({"To": "a", "Kind": "b", "Options": {"Deep": false}}),
        ),
    ];
    for (parameters, expected) in cases {
        let bound = bound(&mail(), &parameters);
        assert_eq!(bound.request.body, Some(Body::Json(value(&expected))), "{parameters}");
        assert_eq!(bound.request.content_type.as_deref(), Some("application/json"));
        assert_eq!(bound.parameters.get_exact("emailMessage"), Some(&value(&expected)));
    }
}

#[test]
fn what_does_not_fit_is_said_in_the_words_of_the_original() {
    let cases = [
        (json!({}), "The API operation 'Do' is missing required property 'emailMessage/To'."),
        (
            json!({"emailMessage/To": "a", "emailMessage/No": 1}),
            "The API operation does not contain a definition for parameter 'emailMessage/No'.",
        ),
        (json!({"top": 1}), "The API operation does not contain a definition for parameter 'top'."),
        (
            json!({"emailMessage/To": "a", "emailMessage/Size": "big"}),
            "The parameter with value '\"big\"' in path 'emailMessage/Size' with type/format 'String' is not convertible to type/format 'Integer'.",
        ),
        (
            json!({"emailMessage/To": {"a": 1}}),
            "The parameter with value '{\"a\":1}' in path 'emailMessage/To' with type/format 'Object' is not convertible to type/format 'String'.",
        ),
        (
            json!({"emailMessage/To": ""}),
            "The resolved string values for the following parameters are invalid, they may not be null or empty: 'emailMessage/To'",
        ),
        (
            json!({"emailMessage/To": "a", "emailMessage/Lines/1/n": 1}),
            "The items of 'emailMessage/Lines' are not numbered from 0 on without a gap.",
        ),
        (
            json!({"emailMessage/To": "a", "emailMessage/To/b": 1}),
            "The parameter 'emailMessage/To/b' does not fit with the others.",
        ),
    ];
    for (parameters, expected) in cases {
        assert_eq!(refused(&mail(), &parameters), expected, "{parameters}");
    }
}

#[test]
fn what_only_the_service_knows_is_taken_as_it_is() {
    let document = document(
        "patch",
        "/{table}",
        &json!({"parameters": [
            {"name": "item", "in": "body", "required": true,
                "schema": {"x-ms-dynamic-schema": {"operationId": "Get"}, "type": "object"}},
        ]}),
    );
    let bound = bound(
        &document,
        &json!({"table": "t", "item/x@odata.bind": "/y(1)", "item/a/b": null, "item/n": "5",
            "item/@odata.id": "z"}),
    );
    let expected = json!({"x@odata.bind": "/y(1)", "a": {"b": null}, "n": "5", "@odata.id": "z"});
    assert_eq!(bound.request.body, Some(Body::Json(value(&expected))));
    assert_eq!(bound.request.path, "/t");
}

#[test]
fn a_value_leads_to_no_other_path() {
    let document = document("get", "/a/{id}/b", &json!({}));
    for id in ["..", ".", "%2e%2e", "%2E."] {
        assert!(refused(&document, &json!({"id": id})).contains("another path"), "{id}");
    }
    assert_eq!(bound(&document, &json!({"id": "../c?d#e"})).request.path, "/a/..%2Fc%3Fd%23e/b");
    assert!(refused(&document, &json!({"id": ""})).contains("may not be null or empty"));
    let document = super::document(
        "get",
        "/",
        &json!({"parameters": [{"name": "h", "in": "header", "type": "string"}]}),
    );
    assert!(refused(&document, &json!({"h": "a\r\nb: c"})).contains("as a header"));
}

#[test]
fn forms_are_written_as_the_document_takes_them() {
    let fields = json!([
        {"name": "text", "in": "formData", "type": "array", "items": {"type": "string"},
            "collectionFormat": "multi"},
        {"name": "lang", "in": "formData", "type": "string", "required": true, "default": "de"},
    ]);
    let form = document("post", "/", &json!({"parameters": fields}));
    let request = bound(&form, &json!({"text": ["a", "b c"]})).request;
    assert_eq!(request.content_type.as_deref(), Some("application/x-www-form-urlencoded"));
    let (_, bytes) = request.body.unwrap().write(request.content_type.as_deref());
    assert_eq!(bytes, b"text=a&text=b+c&lang=de");

    let upload = document(
        "post",
        "/",
        &json!({"consumes": ["multipart/form-data"], "parameters": [
            {"name": "file", "in": "formData", "type": "file"},
            {"name": "note", "in": "formData", "type": "string"},
        ]}),
    );
    let file = json!({"$content-type": "text/csv", "$content": "YTti", "$filename": "x.csv"});
    let bound = bound(&upload, &json!({"file": file, "note": "n"}));
    let (media, bytes) = bound.request.body.unwrap().write(None);
    assert_eq!(media, "multipart/form-data; boundary=sluicegate-part-0000000000000000");
    let text = String::from_utf8(bytes).unwrap();
    let head = "Content-Disposition: form-data; name=\"file\"; filename=\"x.csv\"\r\nContent-Type: text/csv\r\n\r\na;b\r\n";
    assert!(text.contains(head), "{text}");
    assert!(text.contains("name=\"note\"\r\n\r\nn\r\n"), "{text}");
}

#[test]
fn consumes_and_a_content_type_decide_what_a_body_is() {
    let body = |kind: &str| json!({"name": "body", "in": "body", "schema": {"type": kind}});
    let with = |consumes: &[&str], kind: &str, header: Option<&str>| {
        let mut parameters = vec![body(kind)];
        if let Some(default) = header {
            parameters.push(json!({"name": "Content-Type", "in": "header", "type": "string",
                "required": true, "default": default, "x-ms-visibility": "internal"}));
        }
        document("post", "/", &json!({"consumes": consumes, "parameters": parameters}))
    };
    let written = |document: &Document, value: serde_json::Value| {
        let request = bound(document, &json!({"body": value})).request;
        let (media, bytes) = request.body.unwrap().write(request.content_type.as_deref());
        (media, String::from_utf8(bytes).unwrap())
    };
    let cases = [
        (with(&["text/plain"], "string", None), json!("a"), "text/plain", "a"),
        (with(&[], "string", None), json!("a"), "application/json", "\"a\""),
        (
            with(&["text/plain", "text/json"], "object", None),
            json!({"a": 1}),
            "text/json",
            "{\"a\":1}",
        ),
        (
            with(&[], "object", Some("application/x-www-form-urlencoded")),
            json!({"a": 1, "b": "x y"}),
            "application/x-www-form-urlencoded",
            "a=1&b=x+y",
        ),
        (
            with(&["application/octet-stream"], "string", None),
            json!({"$content-type": "image/png", "$content": "YQ=="}),
            "image/png",
            "a",
        ),
    ];
    for (document, value, media, text) in cases {
        assert_eq!(written(&document, value), (media.to_owned(), text.to_owned()));
    }
}

#[test]
fn the_key_for_a_webhooks_address_is_found() {
    let document = document(
        "post",
        "/",
        &json!({"parameters": [{"name": "hook", "in": "body", "schema": {"type": "object",
            "properties": {"a": {"type": "object", "properties": {
                "call/back": {"type": "string", "x-ms-notification-url": true}}}}}}]}),
    );
    let key = document.operations[0].notification_key().unwrap();
    assert_eq!(key, "hook/a/call~1back");
    let bound = bound(&document, &json!({key: "https://x"}));
    let expected = value(&json!({"a": {"call/back": "https://x"}}));
    assert_eq!(bound.parameters.get_exact("hook"), Some(&expected));
}

#[test]
fn what_only_openapi_3_says_is_sent_and_found_again() {
    let text = json!({"openapi": "3.0.3", "info": {"title": "T"}, "paths": {"/a": {"get": {
        "operationId": "Do", "parameters": [
            {"name": "filter", "in": "query", "style": "deepObject", "schema": {"type": "object",
                "properties": {"n": {"type": "integer"}, "t": {"type": "string"}}}},
            {"name": "sid", "in": "cookie", "schema": {"type": "string"}},
            {"name": "n", "in": "cookie", "schema": {"type": "integer"}}]}}}});
    let document = Document::read(&text.to_string()).unwrap();
    let given = json!({"filter": {"n": 1, "t": "a b"}, "sid": "x;y=z", "n": 2});
    let bound = bound(&document, &given);
    assert_eq!(bound.request.query, pairs(&[("filter[n]", "1"), ("filter[t]", "a b")]));
    assert_eq!(bound.request.headers, pairs(&[("Cookie", "sid=x%3By%3Dz; n=2")]));
    let routed = document.route(&bound.request).unwrap();
    assert_eq!(routed.parameters, object(&given));
    // single properties have keys of their own
    let bound = super::bound(&document, &json!({"filter/n": "3"}));
    assert_eq!(bound.request.target(), "/a?filter%5Bn%5D=3");
    assert!(bound.request.headers.is_empty());
}
