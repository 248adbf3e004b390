//! Requests, and the operations that they mean.

use super::*;
use crate::call::{Body, RouteFault};

fn shop() -> Document {
    let path = |names: &[&str], id: &str| {
        let parameter = |name: &&str| {
            json!({"name": name, "in": "path", "required": true,
            "type": "string", "x-ms-url-encoding": "double"})
        };
        json!({"operationId": id, "parameters": names.iter().map(parameter).collect::<Vec<_>>()})
    };
    let document = json!({
        "swagger": "2.0",
        "info": {"title": "T"},
        "paths": {
            "/datasets/{dataset}/tables/{table}/items": {
                "get": path(&["dataset", "table"], "GetItems"),
                "post": path(&["dataset", "table"], "PostItem"),
            },
            "/datasets/default/tables/{table}/items": {"get": path(&["table"], "GetDefault")},
            "/v2/{server},{db}/Flow bot": {"get": path(&["server", "db"], "Query")},
            "/rows(a='{a}',b='{b}')": {"get": path(&["a", "b"], "Row")},
            "/list": {"get": {"operationId": "List", "parameters": [
                {"name": "ids", "in": "query", "type": "array", "items": {"type": "integer"}},
                {"name": "flag", "in": "query", "type": "boolean"},
            ]}},
            "/list?kind=b": {"get": {"operationId": "ListB"}},
            "/end/": {"get": {"operationId": "End"}},
            "/end": {"get": {"operationId": "Bare"}},
            "/": {"get": {"operationId": "Root"}},
        },
    });
    Document::read(&document.to_string()).unwrap()
}

#[test]
fn a_path_means_its_operation_and_values() {
    let cases = [
        (
            "/datasets/https%253A%252F%252Fx/tables/a%252Cb/items",
            "GetItems",
            json!({"dataset": "https://x", "table": "a,b"}),
        ),
        ("/datasets/default/tables/t/items", "GetDefault", json!({"table": "t"})),
        ("/DataSets/Default/tables/t/items/", "GetDefault", json!({"table": "t"})),
        ("/v2/s,d/Flow%20bot", "Query", json!({"server": "s", "db": "d"})),
        ("/v2/s,d,e/flow bot", "Query", json!({"server": "s", "db": "d,e"})),
        ("/rows(a='x',b='y')", "Row", json!({"a": "x", "b": "y"})),
        ("/rows%28a=%27x%27,b='y')", "Row", json!({"a": "x", "b": "y"})),
        ("/list?ids=1,2&flag=TRUE&z=1", "List", json!({"ids": [1, 2], "flag": true})),
        ("/list?kind=b", "ListB", json!({})),
        ("/end/", "End", json!({})),
        ("/end", "Bare", json!({})),
        ("/", "Root", json!({})),
    ];
    let document = shop();
    for (target, id, parameters) in cases {
        let routed = document.route(&request("get", target)).unwrap();
        assert_eq!(routed.operation.id, id, "{target}");
        assert_eq!(Value::from(routed.parameters), value(&parameters), "{target}");
    }
}

#[test]
fn a_path_that_leads_elsewhere_means_nothing() {
    let path = "/{a}/{b}/{c}";
    let document = document(
        "get",
        path,
        &json!({"parameters": [
            {"name": "a", "in": "path", "required": true, "type": "string"},
            {"name": "b", "in": "path", "required": true, "type": "string"},
            {"name": "c", "in": "path", "required": true, "type": "string"},
        ]}),
    );
    assert!(document.route(&request("GET", "/x/..y/z")).is_ok());
    for target in ["/x/../z", "/x/%2e%2E/z", "/x/./z", "/x/..\\admin\\7/z"] {
        let fault = document.route(&request("GET", target)).expect_err("elsewhere");
        assert!(matches!(fault, RouteFault::Elsewhere { .. }), "{target}");
    }
}

#[test]
fn what_means_no_operation_is_said() {
    let document = shop();
    for target in ["/no", "/datasets//tables//items", "/rows(a='x')", "/end/x", "/%", "/rows(%"] {
        let fault = document.route(&request("GET", target)).unwrap_err();
        assert!(matches!(fault, RouteFault::NotFound { .. }), "{target}");
    }
    let fault = document.route(&request("PUT", "/datasets/d/tables/t/items")).unwrap_err();
    assert_eq!(
        fault.to_string(),
        "The connector has no operation PUT at '/datasets/d/tables/t/items', which takes GET, POST."
    );
}

#[test]
fn an_action_of_a_logic_app_is_a_request() {
    let inputs = object(&json!({
        "method": "post",
        "path": "/datasets/x%2520y/tables/t/items",
        "queries": {"a": 1, "b": [true, "c"], "n": null},
        "headers": {"Content-Type": "application/json", "X": "y"},
        "body": {"k": "v"},
    }));
    let request = RelativeRequest::from_action(&inputs).unwrap();
    assert_eq!(request.query, pairs(&[("a", "1"), ("b", "true"), ("b", "c")]));
    assert_eq!(request.headers, pairs(&[("X", "y")]));
    assert_eq!(request.body, Some(Body::Json(value(&json!({"k": "v"})))));
    let document = shop();
    let routed = document.route(&request).unwrap();
    assert_eq!(routed.operation.id, "PostItem");
    assert_eq!(routed.parameters.get_exact("dataset"), Some(&Value::from("x y")));
    assert!(RelativeRequest::from_action(&Object::new()).is_err());
    // real webhooks name no method
    let hook = object(&json!({"path": "/loans"}));
    assert_eq!(RelativeRequest::from_webhook(&hook).unwrap().method, "POST");
    assert_eq!(RelativeRequest::from_action(&hook).unwrap().method, "GET");
    let hook = object(&json!({"path": "/loans", "method": "put"}));
    assert_eq!(RelativeRequest::from_webhook(&hook).unwrap().method, "PUT");
    let template = json!({"pathTemplate": {"template": "/v2/{a},{b}/Flow bot",
        "parameters": {"a": "x%252Fy", "b": "z"}}});
    let request = RelativeRequest::from_action(&object(&template)).unwrap();
    let routed = document.route(&request).unwrap();
    assert_eq!(Value::from(routed.parameters), value(&json!({"server": "x/y", "db": "z"})));
}

#[test]
fn a_form_that_came_over_http_is_read() {
    let document = document(
        "post",
        "/",
        &json!({"parameters": [
            {"name": "n", "in": "formData", "type": "integer"},
            {"name": "file", "in": "formData", "type": "file"},
        ]}),
    );
    let file = json!({"$content-type": "text/csv", "$content": "YTti"});
    let made = bound(&document, &json!({"n": "3", "file": file}));
    let (media, bytes) = made.request.body.clone().unwrap().write(None);
    let read = Body::read(Some(&media), &bytes).unwrap();
    let came = RelativeRequest { body: read, content_type: Some(media), ..made.request };
    let routed = document.route(&came).unwrap();
    assert_eq!(Value::from(routed.parameters), value(&json!({"n": 3, "file": file})));

    let fields = Body::read(Some("application/x-www-form-urlencoded"), b"n=4&x=1").unwrap();
    let came = RelativeRequest { body: fields, ..request("POST", "/") };
    let routed = document.route(&came).unwrap();
    assert_eq!(Value::from(routed.parameters), value(&json!({"n": 4})));
}
