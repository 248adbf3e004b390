//! Small documents, sound and unsound.

use super::*;
use serde_json::{Value, json};

fn swagger(paths: &Value, more: &Value) -> String {
    let mut document = json!({"swagger": "2.0", "info": {"title": "T"}, "paths": paths});
    for (name, value) in more.as_object().unwrap() {
        document[name] = value.clone();
    }
    document.to_string()
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let paths = |operation: Value| json!({"/a/{b}": {"get": operation}});
    let cases = [
        (json!({}).to_string(), "$.swagger"),
        (json!({"swagger": "1.2"}).to_string(), "$.swagger"),
        (json!({"openapi": "3.0.0", "info": {"title": " "}}).to_string(), "$.info.title"),
        (json!({"swagger": "2.0", "info": {"title": "T"}}).to_string(), "$.paths"),
        (swagger(&json!({"/a/{b": {}}), &json!({})), "$.paths['/a/{b']"),
        (swagger(&paths(json!([])), &json!({})), "$.paths['/a/{b}'].get"),
        (
            swagger(
                &json!({"/a": {"get": {"operationId": "X"}}, "/b": {"get": {"operationId": "x"}}}),
                &json!({}),
            ),
            "$.paths['/b'].get.operationId",
        ),
        (
            swagger(&paths(json!({"parameters": [{"in": "query"}]})), &json!({})),
            "$.paths['/a/{b}'].get.parameters[0].name",
        ),
        (
            swagger(&paths(json!({"parameters": [{"name": "c", "in": "cookie"}]})), &json!({})),
            "$.paths['/a/{b}'].get.parameters[0].in",
        ),
        (
            swagger(
                &paths(
                    json!({"parameters": [{"name": "c", "in": "body"}, {"name": "d", "in": "body"}]}),
                ),
                &json!({}),
            ),
            "$.paths['/a/{b}'].get.parameters",
        ),
        (
            swagger(
                &paths(
                    json!({"parameters": [{"name": "c", "in": "body"}, {"name": "d", "in": "formData"}]}),
                ),
                &json!({}),
            ),
            "$.paths['/a/{b}'].get.parameters",
        ),
        (
            swagger(&paths(json!({"parameters": [{"$ref": "#/parameters/no"}]})), &json!({})),
            "$.paths['/a/{b}'].get.parameters[0].$ref",
        ),
        (
            swagger(
                &paths(json!({"responses": {"200": {"schema": {"$ref": "x.json#/a"}}}})),
                &json!({}),
            ),
            "$.paths['/a/{b}'].get.responses.200.schema.$ref",
        ),
        (
            swagger(&paths(json!({"x-ms-trigger": "often"})), &json!({})),
            "$.paths['/a/{b}'].get['x-ms-trigger']",
        ),
        (
            swagger(
                &json!({"/a": {"$ref": "#/x"}}),
                &json!({"x": {"$ref": "#/y"}, "y": {"$ref": "#/x"}}),
            ),
            "$.paths['/a'].$ref",
        ),
    ];
    for (text, path) in cases {
        let fault = Document::read(&text).unwrap_err();
        assert_eq!(fault.path, path, "{text}: {fault}");
    }
}

#[test]
fn an_operation_is_what_the_document_and_its_extensions_say() {
    let text = swagger(
        &json!({"/hooks/{id}": {
            "x-ms-notification-content": {"schema": {"$ref": "#/definitions/Node"}},
            "parameters": [
                {"name": "id", "in": "path", "type": "string", "required": true},
                {"$ref": "#/parameters/top"},
            ],
            "post": {
                "operationId": "Hook", "summary": "S", "description": "D", "deprecated": true,
                "x-ms-visibility": "important", "x-ms-trigger": "batch", "x-ms-trigger-hint": "H",
                "x-ms-pageable": {"nextLinkName": "next"}, "x-ms-capabilities": {"chunkTransfer": true},
                "consumes": ["text/json"],
                "parameters": [
                    {"name": "top", "in": "query", "type": "integer", "x-ms-summary": "Top",
                        "x-ms-dynamic-values": {"operationId": "List"}},
                    {"name": "body", "in": "body", "required": true, "schema": {"allOf": [
                        {"$ref": "#/definitions/Node"},
                        {"properties": {"url": {"type": "string", "x-ms-notification-url": "true"}}},
                    ], "required": ["name"]}},
                ],
                "responses": {"201": {"$ref": "#/responses/Made"}, "default": {"description": "no"}},
            },
        }}),
        &json!({
            "host": "h.example", "basePath": "/base/", "schemes": ["https"],
            "produces": ["application/json"], "x-ms-capabilities": {"testConnection": {}},
            "parameters": {"top": {"name": "top", "in": "query", "type": "string"}},
            "responses": {"Made": {"description": "made", "headers": {"Location": {"type": "string"}}}},
            "definitions": {"Node": {"type": "object", "properties": {
                "name": {"type": "string"}, "next": {"$ref": "#/definitions/Node"}}}},
            "securityDefinitions": {"k": {"type": "apiKey", "in": "query", "name": "code"}},
        }),
    );
    let document = Document::read(&text).unwrap();
    assert_eq!(document.service.as_ref().unwrap().url(), "https://h.example/base");
    assert_eq!(document.security[0].kind, SecurityKind::KeyInQuery("code".to_owned()));
    assert!(document.capabilities.is_some());
    let hook = document.operation("hook").unwrap();
    assert_eq!((hook.method.as_str(), hook.path.as_str()), ("POST", "/hooks/{id}"));
    assert_eq!((hook.summary.as_str(), hook.description.as_str()), ("S", "D"));
    assert!(hook.is_deprecated && hook.capabilities.is_some());
    assert_eq!(hook.visibility, Visibility::Important);
    assert_eq!(hook.trigger, Some(TriggerKind::Batch));
    assert_eq!(hook.trigger_hint.as_deref(), Some("H"));
    assert_eq!(hook.pageable.as_ref().unwrap().next_link.as_deref(), Some("next"));
    assert_eq!(
        (hook.consumes.as_slice(), hook.produces.as_slice()),
        (&["text/json".to_owned()][..], &["application/json".to_owned()][..])
    );
    let names: Vec<&str> = hook.parameters.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["top", "body", "id"]);
    let top = hook.parameter("TOP").unwrap();
    assert_eq!(hook.schema(top.schema).kind, SchemaKind::Integer);
    assert!(top.dynamic.as_ref().is_some_and(|it| it.values.is_some() && !it.is_shape()));
    let body = hook.schema(hook.body().unwrap().schema);
    let properties: Vec<_> =
        body.properties.iter().map(|it| (it.name.as_str(), it.is_required)).collect();
    assert_eq!(properties, [("name", true), ("next", false), ("url", false)]);
    assert_eq!(hook.notification_key().as_deref(), Some("body/url"));
    let node = hook.schema(hook.notification.unwrap());
    assert_eq!(node.property("next").map(|it| it.schema), hook.notification);
    let made = hook.success().unwrap();
    assert_eq!((made.status, made.description.as_str()), (Some(201), "made"));
    assert_eq!(made.headers[0].0, "Location");
}

#[test]
fn what_people_get_wrong_is_read_as_it_is_meant() {
    let text = json!({
        "swagger": 2.0, "info": {"title": "T"}, "host": "http://h.example/", "basePath": "b",
        "paths": {"/a/{Id}{ext}": {"GET": {"operationId": " A ", "deprecated": "True", "parameters": [
            {"name": "id", "in": "Path", "type": "String"},
            {"name": "q", "in": "query", "type": "integer", "required": "true", "default": "5"},
            {"name": "body", "in": "body", "type": "string"},
        ]}}},
    });
    let document = Document::read(&text.to_string()).unwrap();
    assert_eq!(document.service.as_ref().unwrap().url(), "http://h.example/b");
    let operation = document.operation("a").unwrap();
    assert!(operation.is_deprecated && operation.method == "GET");
    let given =
        [("id".into(), "1".into()), ("ext".into(), ".x".into()), ("body".into(), "t".into())];
    let bound = operation.bind(&given.into_iter().collect()).unwrap();
    assert_eq!(bound.request.target(), "/a/1.x?q=5");
    assert_eq!(bound.parameters.get("q"), Some(&expr::Value::Int(5)));
}

#[test]
fn openapi_3_is_read_into_the_same_words() {
    let text = json!({
        "openapi": "3.1.0", "info": {"title": "T"},
        "servers": [{"url": "https://{region}.example/v1/", "variables": {"region": {"default": "eu"}}}],
        "paths": {"/a": {"get": {"parameters": [
            {"name": "ids", "in": "query", "schema": {"type": "array", "items": {"type": "integer"}}},
            {"name": "csv", "in": "query", "explode": false, "schema": {"type": ["array", "null"], "items": {}}},
            {"name": "sp", "in": "query", "style": "spaceDelimited", "schema": {"type": "array"}},
        ], "responses": {"200": {"content": {"text/json": {"schema": {"type": "string"}, "example": "e"}}}}},
        "post": {"requestBody": {"required": true, "content": {
            "application/xml": {"schema": {}}, "application/json": {"schema": {"$ref": "#/components/schemas/B"}}}}},
        "put": {"requestBody": {"content": {"multipart/form-data": {"schema": {"type": "object",
            "required": ["f"], "properties": {"f": {"type": "string", "format": "binary"}, "n": {"type": "integer"}}}}}}},
        }},
        "components": {"schemas": {"B": {"type": "object", "properties": {"x": {"type": "string"}}}},
            "securitySchemes": {"b": {"type": "http", "scheme": "Bearer"}}},
    });
    let document = Document::read(&text.to_string()).unwrap();
    assert_eq!(document.service.as_ref().unwrap().url(), "https://eu.example/v1");
    assert_eq!(document.security[0].kind, SecurityKind::Bearer);
    let get = document.operation("get-a").unwrap();
    let collections: Vec<Collection> = get.parameters.iter().map(|it| it.collection).collect();
    assert_eq!(collections, [Collection::Multi, Collection::Comma, Collection::Space]);
    assert_eq!(get.schema(get.parameters[1].schema).kind, SchemaKind::Array);
    assert_eq!(get.produces, ["text/json"]);
    assert_eq!(get.success().unwrap().example, Some(json!("e")));
    let post = document.operation("post-a").unwrap();
    let body = post.body().unwrap();
    assert!(body.is_required && body.name == "body");
    assert_eq!(post.schema(body.schema).properties[0].name, "x");
    assert_eq!(post.consumes, ["application/xml", "application/json"]);
    let put = document.operation("put-a").unwrap();
    let fields: Vec<_> = put.parameters.iter().map(|it| (it.location, it.is_required)).collect();
    assert_eq!(fields, [(Location::Form, true), (Location::Form, false)]);
}

#[test]
fn operations_of_openapi_3_say_where_they_are() {
    let at = |url: &str| json!([{"url": url}]);
    let operation = |id: &str| json!({"operationId": id});
    let mut own = operation("Own");
    own["servers"] = at("https://{x}.example/v3/");
    own["servers"][0]["variables"] = json!({"x": {"default": "eu"}});
    let text = json!({
        "openapi": "3.0.3", "info": {"title": "T"}, "servers": at("http://h.example:81/v1"),
        "paths": {
            "/a": {"servers": at("/v2/"), "get": operation("Path"), "put": own},
            "/b": {"get": operation("Whole")}
        }
    });
    let document = Document::read(&text.to_string()).unwrap();
    let url = |id: &str| document.operation(id).unwrap().service.as_ref().map(Service::url);
    assert_eq!(url("Whole"), None);
    assert_eq!(url("Path").as_deref(), Some("http://h.example:81/v2"));
    assert_eq!(url("Own").as_deref(), Some("https://eu.example/v3"));
    // what Swagger 2.0 has no word for is nothing there
    let mut old = json!({"swagger": "2.0", "info": {"title": "T"}, "paths": {"/a": {"get": {}}}});
    old["paths"]["/a"]["get"]["servers"] = at("https://elsewhere.example");
    assert_eq!(Document::read(&old.to_string()).unwrap().operations[0].service, None);
}

#[test]
fn what_is_made_to_do_harm_does_none() {
    let node = |at: usize| {
        json!({"type": "object", "required": ["a", "b"], "properties": {
        "a": {"$ref": format!("#/definitions/N{}", at + 1)},
        "b": {"$ref": format!("#/definitions/N{}", at + 1)}}})
    };
    let mut chain: serde_json::Map<String, Value> =
        (0..3_000).map(|at| (format!("N{at}"), node(at))).collect();
    chain.insert("N3000".to_owned(), json!({"type": "string", "default": "x"}));
    let body = |name: &str| {
        json!({"/": {"post": {"operationId": "A", "parameters": [{"name": "body",
        "in": "body", "required": true, "schema": {"$ref": format!("#/definitions/{name}")}}],
        "responses": {"200": {"schema": {"$ref": format!("#/definitions/{name}")}}}}}})
    };
    let text = swagger(&body("N0"), &json!({"definitions": chain}));
    let document = Document::read(&text).unwrap();
    assert!(document.operations[0].bind(&expr::Object::new()).is_err());
    assert_eq!(crate::mock::answer(&document.operations[0]).status, 200);

    let all = |at: usize| {
        json!({"allOf": (0..200).filter(|it| *it != at)
        .map(|it| json!({"$ref": format!("#/definitions/M{it}")})).collect::<Vec<_>>(),
        "properties": {format!("p{at}"): {"type": "string"}, format!("q{at}"): {}, format!("r{at}"): {},
            format!("s{at}"): {}, format!("t{at}"): {}, format!("u{at}"): {}}})
    };
    let parts: serde_json::Map<String, Value> =
        (0..200).map(|at| (format!("M{at}"), all(at))).collect();
    let text = swagger(&body("M0"), &json!({"definitions": parts}));
    let fault = Document::read(&text).unwrap_err();
    assert!(fault.message.contains("allOf"), "{fault}");

    let deep = format!("{}{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
    assert!(Document::read(&deep).is_err());
    let own = json!({"S": {"type": "object", "required": ["s"], "properties": {"s": {"$ref": "#/definitions/S"}}}});
    let document = Document::read(&swagger(&body("S"), &json!({"definitions": own}))).unwrap();
    assert!(document.operations[0].bind(&expr::Object::new()).is_err());
}

#[test]
fn a_connections_values_go_where_the_service_looks() {
    let document = |schemes: Value| {
        Document::read(&swagger(&json!({}), &json!({"securityDefinitions": schemes}))).unwrap()
    };
    let set = |parameters: Value| {
        let raw = json!({"connectionParameters": parameters});
        Properties::of(raw.as_object().unwrap().clone()).unwrap().sets.remove(0)
    };
    let secret = json!({"type": "securestring"});
    let text = json!({"type": "string"});
    let key = |place: &str, name: &str| json!({"type": "apiKey", "in": place, "name": name});
    let cases = [
        (
            json!({"API Key": key("header", "X-K")}),
            json!({"api_key": secret, "domain": text}),
            "X-K: api_key",
        ),
        (json!({"q": key("query", "code")}), json!({"other": secret}), "?code=other"),
        (
            json!({"a": key("header", "A"), "b": key("query", "B")}),
            json!({"b": secret, "a": secret}),
            "A: a?B=b",
        ),
        (
            json!({"any": {"type": "basic"}}),
            json!({"username": text, "password": secret}),
            "Authorization: Basic dXNlcm5hbWU6cGFzc3dvcmQ=",
        ),
        (json!({}), json!({"username": text, "password": secret}), ""),
        (
            json!({}),
            json!({"token": {"type": "oauthSetting"}, "token:clientSecret": secret}),
            "Authorization: Bearer token",
        ),
        (
            json!({"o": {"type": "oauth2"}, "h": key("header", "Bearer")}),
            json!({"token": {"type": "oauthSetting"}}),
            "Authorization: Bearer token",
        ),
    ];
    for (schemes, parameters, expected) in cases {
        let set = set(parameters);
        // every parameter has its own name for a value
        let values = set.parameters.iter().map(|it| (it.name.clone(), it.name.as_str().into()));
        let placed = credential(&document(schemes), &set, &values.collect());
        let headers = placed.headers.iter().map(|(name, value)| format!("{name}: {value}"));
        let query = placed.query.iter().map(|(name, value)| format!("?{name}={value}"));
        assert_eq!(headers.chain(query).collect::<String>(), expected);
        assert!(!format!("{placed:?}").contains("dXNl"));
    }
}
