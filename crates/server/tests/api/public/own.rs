//! Connectors of the test's own, which say in a few operations what public ones say in many.

use serde_json::{Value, json};
use std::net::SocketAddr;

/// Name, document and properties.
pub fn documents(service: SocketAddr) -> Vec<(&'static str, Value, Value)> {
    vec![
        ("shared_archive", archive(service), key()),
        ("shared_ruled", ruled(service), policies()),
        ("shared_third", third(service), json!({"properties": {}})),
    ]
}

fn key() -> Value {
    json!({"properties": {"connectionParameters": {
        "api_key": {"type": "securestring", "uiDefinition": {"constraints": {"required": "true"}}}}}})
}

fn string(name: &str, place: &str) -> Value {
    json!({"name": name, "in": place, "type": "string", "required": place == "path"})
}

/// Every place, every format of a list, every kind of body.
fn archive(service: SocketAddr) -> Value {
    let list = |format: &str| {
        json!({"name": format!("by_{format}"), "in": "query", "type": "array",
            "items": {"type": "string"}, "collectionFormat": format})
    };
    let formats: Vec<Value> = ["csv", "ssv", "tsv", "pipes", "multi"].map(list).to_vec();
    let mut twice = string("deep", "path");
    twice["x-ms-url-encoding"] = "double".into();
    let mut once = string("flat", "path");
    once["x-ms-url-encoding"] = "single".into();
    let with_default = json!({"name": "api-version", "in": "query", "type": "string",
        "required": true, "default": "2024-01-01 preview"});
    let body =
        |schema: Value| json!({"name": "item", "in": "body", "required": true, "schema": schema});
    let file =
        |name: &str| json!({"name": name, "in": "formData", "type": "file", "required": true});
    json!({
        "swagger": "2.0", "info": {"title": "Archive"}, "schemes": ["http"],
        "host": service.to_string(), "basePath": "/archive/v 1",
        "securityDefinitions": {"api_key": {"type": "apiKey", "in": "query", "name": "code"}},
        "parameters": {"shared": {"name": "X-Trace", "in": "header", "type": "string"}},
        "paths": {
            "/files/{flat}/{deep}('{name}')": {
                "parameters": [{"$ref": "#/parameters/shared"}, string("name", "path")],
                "get": {"operationId": "Find", "parameters": [once, twice, with_default,
                    {"name": "$top", "in": "query", "type": "integer"},
                    {"name": "is open", "in": "query", "type": "boolean"},
                    {"name": "ratio", "in": "query", "type": "number"},
                    {"name": "kind", "in": "query", "type": "string", "enum": ["a/b", "c"]}]},
                "delete": {"operationId": "Drop", "parameters": [string("flat", "path"), string("deep", "path")]}
            },
            "/lists": {"get": {"operationId": "Lists", "parameters": formats}},
            "/undeclared/{what}?fixed=1": {"get": {"operationId": "Undeclared"}},
            "/items": {
                "post": {"operationId": "Add", "parameters": [body(json!({"$ref": "#/definitions/Item"}))]},
                "put": {"operationId": "Put", "consumes": ["text/plain"], "parameters": [body(json!({"type": "string"}))]},
                "patch": {"operationId": "Fields", "consumes": ["application/x-www-form-urlencoded"],
                    "parameters": [string("plain text", "formData"),
                        {"name": "n", "in": "formData", "type": "integer", "required": true}]}
            },
            "/upload": {
                "post": {"operationId": "Upload", "consumes": ["multipart/form-data"],
                    "parameters": [file("data"), string("title", "formData")]},
                "head": {"operationId": "Look", "parameters": [string("If-Match", "header")]}
            },
            "/typed": {"post": {"operationId": "Typed", "parameters": [
                {"name": "Content-Type", "in": "header", "type": "string", "enum": ["application/vnd.own+json"]},
                body(json!({"type": "array", "items": {"type": "string"}}))]}}
        },
        "definitions": {"Item": {"type": "object", "required": ["kind", "inner"], "properties": {
            "kind": {"type": "string", "default": "new"},
            "a/b": {"type": "string"}, "c~d": {"type": "integer"},
            "inner": {"type": "object", "required": ["on"], "properties": {
                "on": {"type": "boolean", "default": true},
                "more": {"type": "array", "items": {"$ref": "#/definitions/Item"}}}},
            "free": {"type": "object"}}}}
    })
}

/// What policies change.
fn ruled(service: SocketAddr) -> Value {
    let body = json!({"name": "body", "in": "body", "schema": {"type": "object",
        "properties": {"job": {"type": "object", "properties": {"n": {"type": "integer"}}}}}});
    json!({
        "swagger": "2.0", "info": {"title": "Ruled"}, "schemes": ["http"],
        "host": service.to_string(), "basePath": "/ruled",
        "paths": {
            "/plain": {"get": {"operationId": "Plain", "parameters": [string("q", "query")]}},
            "/moved/{id}": {"put": {"operationId": "Moved", "parameters": [string("id", "path"), string("q", "query")]}},
            "/own": {"get": {"operationId": "AtOwnHost", "parameters": [string("q", "query")]}},
            "/far": {"get": {"operationId": "AtFarHost"}},
            "/job": {"post": {"operationId": "Job", "parameters": [body]}},
            "/code": {"get": {"operationId": "Coded"}},
            "/news": {"get": {"operationId": "News", "x-ms-trigger": "batch", "parameters": [string("since", "query")]}}
        }
    })
}

fn policies() -> Value {
    let rule = |template: &str, operations: &[&str], parameters: Value| {
        let mut all = json!({"x-ms-apimTemplate-operationName": operations, "x-ms-apimTemplate-policySection": "Request"});
        for (name, value) in parameters.as_object().expect("parameters") {
            all[format!("x-ms-apimTemplateParameter.{name}")] = value.clone();
        }
        json!({"templateId": template, "title": template, "parameters": all})
    };
    json!({"properties": {
        "connectionParameters": {"site": {"type": "string"}, "region": {"type": "string"}, "secret": {"type": "securestring"}},
        "scriptOperations": ["Coded"],
        "policyTemplateInstances": [
            rule("setheader", &[], json!({"name": "X-Key", "value": "Key @connectionParameters('secret')", "existsAction": "override"})),
            rule("setqueryparameter", &["Plain"], json!({"name": "$filter", "value": "a eq 'b'", "existsAction": "append"})),
            rule("setqueryparameter", &["News"], json!({"name": "limit", "value": "5", "existsAction": "override"})),
            rule("routerequesttoendpoint", &["Moved"], json!({"newPath": "to/{id}/@connectionParameters('secret')", "httpMethod": "@Request.OriginalHTTPMethod"})),
            rule("dynamichosturl", &["AtOwnHost"], json!({"urlTemplate": "https://@connectionParameters('site')/elsewhere"})),
            rule("dynamichosturl", &["AtFarHost"], json!({"urlTemplate": "https://@connectionParameters('region').far.example"})),
            rule("setproperty", &["Job"], json!({"newPropertyParentPathTemplate": "@body().job", "newPropertySubPathTemplate": "by", "propertyValuePathTemplate": "us"})),
            rule("pollingtrigger", &["News"], json!({"triggerConfig": {"since": "@{triggerBody().at}"}, "triggerDataPath": "@triggerBody().items"})),
        ]
    }})
}

/// The words of OpenAPI 3.
fn third(service: SocketAddr) -> Value {
    let at = |base: &str| json!([{"url": format!("http://{service}{base}")}]);
    let schema = |kind: &str| json!({"type": kind});
    let list = json!({"type": "array", "items": {"type": "string"}});
    json!({
        "openapi": "3.0.3", "info": {"title": "Third"}, "servers": at("/third/v1"),
        "paths": {
            "/find/{id}": {
                "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"$ref": "#/components/schemas/Id"}}],
                "get": {"operationId": "Find", "parameters": [
                    {"name": "filter", "in": "query", "style": "deepObject", "explode": true,
                        "schema": {"type": "object", "additionalProperties": {"type": "string"}}},
                    {"name": "each", "in": "query", "schema": list},
                    {"name": "csv", "in": "query", "explode": false, "schema": list},
                    {"name": "piped", "in": "query", "style": "pipeDelimited", "explode": false, "schema": list},
                    {"name": "spaced", "in": "query", "style": "spaceDelimited", "explode": false, "schema": list},
                    {"name": "X-Ids", "in": "header", "schema": {"type": "array", "items": {"type": "integer"}}},
                    {"name": "session", "in": "cookie", "schema": schema("string")},
                    {"name": "shop", "in": "cookie", "schema": schema("integer")}]}
            },
            "/moved": {"servers": at("/third/v2"),
                "get": {"operationId": "AtPath"},
                "put": {"operationId": "AtOperation", "servers": [{"url": "/third/v3"}],
                    "requestBody": {"required": true, "content": {"application/json": {"schema": schema("object")}}}}},
            "/form": {
                "post": {"operationId": "Upload", "requestBody": {"content": {"multipart/form-data": {"schema":
                    {"type": "object", "required": ["f"], "properties": {
                        "f": {"type": "string", "format": "binary"}, "n": {"type": "integer"}}}}}}},
                "patch": {"operationId": "Fields", "requestBody": {"content": {"application/x-www-form-urlencoded": {"schema":
                    {"type": "object", "required": ["a b"], "properties": {"a b": schema("string"), "many": list}}}}}}
            }
        },
        "components": {"schemas": {"Id": {"type": "string"}}}
    })
}
