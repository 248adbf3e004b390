//! Policies of small connectors.

use super::*;
use crate::call::{Body, RelativeRequest};
use crate::definition::Document;
use expr::Object;
use serde_json::json;

fn policies(instances: &Value) -> Policies {
    let properties = json!({"policyTemplateInstances": instances, "scriptOperations": ["Coded"]});
    Policies::read(properties.as_object().unwrap()).unwrap()
}

/// A policy whose parameters have short names here.
fn policy(template: &str, parameters: &Value) -> Value {
    let mut long = Map::new();
    for (name, value) in parameters.as_object().unwrap() {
        let name = match name.as_str() {
            "operations" => "x-ms-apimTemplate-operationName".to_owned(),
            "section" => "x-ms-apimTemplate-policySection".to_owned(),
            name => format!("x-ms-apimTemplateParameter.{name}"),
        };
        long.insert(name, value.clone());
    }
    json!({"templateId": template, "title": "T", "parameters": long})
}

fn document() -> Document {
    let operation = |id: &str| {
        json!({"operationId": id, "parameters": [
        {"name": "id", "in": "path", "required": true, "type": "string"}]})
    };
    let document = json!({"swagger": "2.0", "info": {"title": "T"}, "paths": {
        "/v2/get/{id}": {"get": operation("Get"), "post": operation("Coded"), "put": operation("Put")}}});
    Document::read(&document.to_string()).unwrap()
}

fn value(json: &Value) -> expr::Value {
    expr::json::parse(json.to_string().as_bytes()).unwrap()
}

fn start(body: Option<&Value>) -> AbsoluteRequest {
    let pair = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    AbsoluteRequest {
        base: "https://test.abc.xyz/base".to_owned(),
        request: RelativeRequest {
            method: "GET".to_owned(),
            path: "/v2/get/a%2Fb".to_owned(),
            query: vec![pair("domain", "pqr"), pair("version", "v 2")],
            headers: vec![pair("test", "foo"), pair("port", "1234")],
            body: body.map(|it| Body::Json(value(it))),
            content_type: None,
        },
    }
}

fn applied(
    instance: &Value,
    operation: &str,
    mut request: AbsoluteRequest,
) -> Result<AbsoluteRequest, PolicyFault> {
    let document = document();
    let connection =
        json!({"cat": "bar", "subPath": "path", "url": "http://x.y:8080/z/", "n": null});
    let mut parameters = Object::new();
    parameters.insert("id", "a/b");
    let context = PolicyContext {
        operation: document.operation(operation).unwrap(),
        parameters: &parameters,
        connection: connection.as_object().unwrap(),
        gateway: Some("https://gate/apim/x/1"),
    };
    let asks = policies(&json!([instance])).apply_request(&context, &mut request, 0)?;
    assert_eq!(asks, None);
    Ok(request)
}

#[test]
fn the_services_address_is_made_of_what_a_call_has() {
    // the examples of the documentation's page "Set host URL"
    let cases = [
        ("https://@header('test').abc.xyz:@header('port')", "https://foo.abc.xyz:1234"),
        ("https://@connectionParameters('cat').abc.xyz", "https://bar.abc.xyz"),
        ("https://test.abc.xyz", "https://test.abc.xyz"),
        (
            "https://@header('test').abc.@queryParameters('domain')/@connectionParameters('subPath')",
            "https://foo.abc.pqr/path",
        ),
        ("https://@header('test123', 'default').abc.xyz", "https://default.abc.xyz"),
        ("@connectionParameters('url')", "http://x.y:8080/z"),
        ("@connectionParameters('no','d.e')/f", "https://d.e/f"),
    ];
    for (template, expected) in cases {
        let policy = policy("dynamicHostUrl", &json!({"urlTemplate": template}));
        assert_eq!(applied(&policy, "Get", start(None)).unwrap().base, expected, "{template}");
    }
    for template in [
        "@connectionParameters('no')",
        "@connectionParameters('n')",
        "ftp://a",
        "https://u:p@h",
        "https://a?b",
        "https://a#b",
        "https://",
    ] {
        let policy = policy("dynamichosturl", &json!({"urlTemplate": template}));
        assert!(applied(&policy, "Get", start(None)).is_err(), "{template}");
    }
    let other =
        policy("dynamichosturl", &json!({"urlTemplate": "https://a", "operations": ["Put"]}));
    assert_eq!(applied(&other, "Get", start(None)).unwrap().base, "https://test.abc.xyz/base");
}

#[test]
fn an_address_that_is_given_counts_more_than_a_policy() {
    let host = policy("dynamichosturl", &json!({"urlTemplate": "@connectionParameters('no')"}));
    let header = policy("setheader", &json!({"name": "x", "value": "1"}));
    let document = document();
    let (parameters, connection) = (Object::new(), Map::new());
    let context = PolicyContext {
        operation: document.operation("Get").unwrap(),
        parameters: &parameters,
        connection: &connection,
        gateway: None,
    };
    let policies = policies(&json!([host, header])).at_given_address();
    let mut request = start(None);
    policies.apply_request(&context, &mut request, 0).unwrap();
    assert_eq!(request.base, "https://test.abc.xyz/base");
    assert!(request.request.headers.contains(&("x".to_owned(), "1".to_owned())));
    assert_eq!(policies.base(&context, &request).unwrap(), "https://test.abc.xyz/base");
}

#[test]
fn requests_are_routed_elsewhere() {
    let cases = [
        ("/get/{id}", "GET", "https://test.abc.xyz/base/get/a%2Fb?domain=pqr&version=v%202"),
        (
            "@queryParameters('version')/x?y=1",
            "post",
            "https://test.abc.xyz/base/v%202/x?domain=pqr&version=v%202&y=1",
        ),
        (
            "/a/@header('none', 'v1')",
            "@Request.OriginalHTTPMethod",
            "https://test.abc.xyz/base/a/v1?domain=pqr&version=v%202",
        ),
    ];
    for (path, method, expected) in cases {
        let policy =
            policy("routerequesttoendpoint", &json!({"newPath": path, "httpMethod": method}));
        let request = applied(&policy, "Get", start(None)).unwrap();
        assert_eq!(request.url(), expected);
        assert_eq!(request.request.method, if method == "post" { "POST" } else { "GET" });
    }
    let up = policy("routerequesttoendpoint", &json!({"newPath": "/a/@header('none', '..')/b"}));
    assert!(applied(&up, "Get", start(None)).is_err());
}

#[test]
fn headers_and_query_parameters_are_set() {
    let header = |name: &str, value: &str, exists: &str| {
        policy("setheader", &json!({"name": name, "value": value, "existsAction": exists}))
    };
    let cases = [
        (header("test", "@headers('test')moo", "override"), "test", Some("foomoo")),
        (header("Test", "x", "skip"), "test", Some("foo")),
        (header("test", "x", "append"), "test", Some("foo,x")),
        (header("test", "", "delete"), "test", None),
        (
            header(
                "cat",
                "@connectionParameters(\u{2018}cat\u{2019}, \u{2018}\u{2019})",
                "override",
            ),
            "cat",
            Some("bar"),
        ),
        (header("new", "@connectionParameters('no')", "override"), "new", None),
        (header("mail", "a@b.c", "skip"), "mail", Some("a@b.c")),
    ];
    for (policy, name, expected) in cases {
        let request = applied(&policy, "Get", start(None)).unwrap().request;
        let found = request.headers.iter().find(|it| it.0.eq_ignore_ascii_case(name));
        assert_eq!(found.map(|it| it.1.as_str()), expected, "{name}");
    }
    let typed =
        applied(&header("Content-Type", "text/xml", "override"), "Get", start(None)).unwrap();
    assert_eq!(typed.request.content_type.as_deref(), Some("text/xml"));
    assert!(applied(&header("a b", "x", "override"), "Get", start(None)).is_err());
    assert!(
        applied(&header("a", "@queryParameters('x', '\r\n')", "skip"), "Get", start(None)).is_err()
    );

    let query = |value: &str, exists: &str| {
        let policy = policy(
            "setqueryparameter",
            &json!({"name": "domain", "value": value, "existsAction": exists}),
        );
        let request = applied(&policy, "Get", start(None)).unwrap().request;
        let texts = request.query.into_iter().filter(|it| it.0 == "domain");
        texts.map(|it| it.1).collect::<Vec<_>>()
    };
    assert_eq!(query("[\"@queryParameters('domain')\"]", "override"), ["[\"pqr\"]"]);
    assert_eq!(query("x", "append"), ["pqr", "x"]);
    assert_eq!(query("x", "skip"), ["pqr"]);
    assert!(query("", "delete").is_empty());
}

#[test]
fn properties_are_set_in_objects_and_in_lists() {
    // the examples of the documentation's page "Set Property"
    let cases = [
        (
            "@body().o",
            "location",
            "USA",
            json!({"o": {"a": 1}}),
            json!({"o": {"a": 1, "location": "USA"}}),
        ),
        (
            "@body().l",
            "age",
            "30",
            json!({"l": [{"n": 1}, {"n": 2}, 3]}),
            json!({"l": [{"n": 1, "age": "30"}, {"n": 2, "age": "30"}, 3]}),
        ),
        (
            "@body()",
            "name",
            "{@body().f} {@body().l}",
            json!({"f": "John", "l": "Smith"}),
            json!({"f": "John", "l": "Smith", "name": "John Smith"}),
        ),
        (
            "@body().l[1]",
            "a.b",
            "@item().n",
            json!({"l": [{}, {"n": [5]}]}),
            json!({"l": [{}, {"n": [5], "a": {"b": [5]}}]}),
        ),
        ("@body().none", "a", "b", json!({"x": 1}), json!({"x": 1})),
    ];
    for (parent, name, new, body, expected) in cases {
        let policy = policy(
            "setproperty",
            &json!({"newPropertyParentPathTemplate": parent,
            "newPropertySubPathTemplate": name, "propertyValuePathTemplate": new}),
        );
        let request = applied(&policy, "Get", start(Some(&body))).unwrap().request;
        assert_eq!(request.body, Some(Body::Json(value(&expected))), "{parent}");
    }
}

/// Each step is a step of the stack, too.
#[test]
fn a_way_into_a_body_has_an_end() {
    for (template, place, more) in [
        (
            "setproperty",
            "newPropertySubPathTemplate",
            json!({"newPropertyParentPathTemplate": "@body()",
            "propertyValuePathTemplate": "x"}),
        ),
        (
            "convertobjecttoarray",
            "newPropertyPath",
            json!({"propertyParentPath": "@body()",
            "propertySubPath": "a", "keyName": "k"}),
        ),
    ] {
        let with = |way: String| {
            let mut said = more.clone();
            said[place] = way.into();
            policy(template, &said)
        };
        let deep = with(vec!["a"; 400_000].join("."));
        let properties = json!({"policyTemplateInstances": [deep]});
        let fault = Policies::read(properties.as_object().unwrap()).unwrap_err();
        assert!(fault.path.ends_with(&format!("{place}']")), "{}", fault.path);
        let body = json!({"a": {"b": 1}});
        let fine = with(vec!["a"; BODY_DEPTH_MAX].join("."));
        assert!(applied(&fine, "Get", start(Some(&body))).is_ok());
    }
}

#[test]
fn answers_lead_to_the_connector() {
    let document = document();
    let connection = Map::new();
    let parameters = Object::new();
    let context = PolicyContext {
        operation: document.operation("Get").unwrap(),
        parameters: &parameters,
        connection: &connection,
        gateway: Some("https://gate/apim/x/1/"),
    };
    let policies = policies(&json!([
        policy("updatenextlink", &json!({"nextLinkPropertyName": "@odata.nextLink"})),
        policy(
            "setheader",
            &json!({"name": "X", "value": "@headers('Y')1", "section": "Response"})
        ),
        policy(
            "setproperty",
            &json!({"newPropertyParentPathTemplate": "@body().value",
            "newPropertySubPathTemplate": "t", "propertyValuePathTemplate": "@item().n",
            "section": "Response"})
        ),
    ]));
    let answered = |link: &str| {
        let body = json!({"value": [{"n": 1}], "@odata.nextLink": link});
        let mut response =
            PolicyResponse { headers: vec![("Y".to_owned(), "y".to_owned())], body: value(&body) };
        policies.apply_response(&context, &start(None), &mut response).unwrap();
        assert_eq!(response.headers[1], ("X".to_owned(), "y1".to_owned()));
        assert_eq!(response.body.get("value"), Some(&value(&json!([{"n": 1, "t": 1}]))));
        response.body.get("@odata.nextLink").unwrap().as_str().unwrap().to_owned()
    };
    assert_eq!(answered("https://test.abc.xyz/base/v2?s=1"), "https://gate/apim/x/1/v2?s=1");
    assert_eq!(answered("https://other/v2"), "https://other/v2");
    assert_eq!(answered("https://test.abc.xyz/basement"), "https://test.abc.xyz/basement");
}

#[test]
fn what_cannot_be_done_is_said_when_it_is_called() {
    let fault =
        applied(&policy("setheader", &json!({"name": "a", "value": "b"})), "Coded", start(None));
    let message = fault.unwrap_err().message;
    assert!(message.contains("'Coded'") && message.contains("script.csx"), "{message}");
    let fault = applied(&policy("limitcalls", &json!({"operations": ["Get"]})), "Get", start(None));
    assert!(fault.unwrap_err().message.contains("'limitcalls'"));
    let of_another = policy("limitcalls", &json!({"operations": ["Put"]}));
    assert!(applied(&of_another, "Get", start(None)).is_ok());
    for (instances, path) in [
        (json!({}), "$.properties.policyTemplateInstances"),
        (json!([{}]), "$.properties.policyTemplateInstances[0].templateId"),
        (
            json!([policy("dynamichosturl", &json!({}))]),
            "$.properties.policyTemplateInstances[0].parameters['x-ms-apimTemplateParameter.urlTemplate']",
        ),
    ] {
        let properties = json!({"policyTemplateInstances": instances});
        assert_eq!(Policies::read(properties.as_object().unwrap()).unwrap_err().path, path);
    }
}

#[test]
fn a_value_comes_from_another_address_of_the_service() {
    let document = document();
    let connection = json!({"cat": "bar"});
    let mut parameters = Object::new();
    parameters.insert("id", "a/b");
    let context = PolicyContext {
        operation: document.operation("Get").unwrap(),
        parameters: &parameters,
        connection: connection.as_object().unwrap(),
        gateway: None,
    };
    let asking = |target: &str, more: Value| {
        let mut said = json!({"parameterTemplate": target,
            "parameterValueUrl": "/v1.0/tasks/{id}/foo?x=@connectionParameters('cat')",
            "parameterValuePathTemplate": "@body().peopleObject.location"});
        said.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        policy("setvaluefromurl", &said)
    };
    let more = policy("setheader", &json!({"name": "after", "value": "@headers('location')!"}));
    let policies = policies(&json!([asking("@headers('location')", json!({})), more]));
    let mut request = start(None);
    let question = policies.apply_request(&context, &mut request, 0).unwrap().unwrap();
    assert_eq!(request, start(None));
    assert_eq!(question.request.url(), "https://test.abc.xyz/base/v1.0/tasks/a%2Fb/foo?x=bar");
    assert_eq!(question.request.request.method, "GET");
    assert_eq!(question.request.request.headers, request.request.headers);
    // the example of the documentation's page
    let body = value(&json!({"peopleObject": {"location": "USA", "XYZ": {"Age": "30"}}}));
    policies.answer(&context, &question, &body, &mut request).unwrap();
    assert_eq!(policies.apply_request(&context, &mut request, question.next()), Ok(None));
    let header = |name: &str| request.request.headers.iter().find(|it| it.0 == name).unwrap();
    assert_eq!((&*header("location").1, &*header("after").1), ("USA", "USA!"));
    for (body, fine) in [
        (json!({"peopleObject": {}}), false),
        (json!({"peopleObject": {"location": "a\r\nb"}}), false),
        (json!({"peopleObject": {"location": 5}}), true),
    ] {
        let told = policies.answer(&context, &question, &value(&body), &mut start(None));
        assert_eq!(told.is_ok(), fine, "{body}");
    }
    let policies = self::policies(&json!([asking(
        "@queryParameters('domain')",
        json!({"httpMethod": "post"})
    )]));
    let question = policies.apply_request(&context, &mut request, 0).unwrap().unwrap();
    assert_eq!(question.request.request.method, "POST");
    policies.answer(&context, &question, &body, &mut request).unwrap();
    assert!(request.url().ends_with("?version=v%202&domain=USA"), "{}", request.url());
    // what it cannot be
    let read =
        |it: Value| Policies::read(json!({"policyTemplateInstances": [it]}).as_object().unwrap());
    assert!(read(asking("@body().x", json!({}))).is_err());
    let mut of_answer = asking("@headers('x')", json!({}));
    of_answer["parameters"]["x-ms-apimTemplate-policySection"] = json!("Response");
    let fault = applied(&of_answer, "Get", start(None)).unwrap_err();
    assert!(fault.message.contains("setvaluefromurl"), "{fault}");
}

#[test]
fn a_polling_trigger_goes_on_from_what_is_new() {
    let policies = policies(&json!([policy(
        "pollingtrigger",
        &json!({
        "triggerConfig": {"$filter": "Severity eq 'High' and t gt @{triggerBody().value[0].t}"},
        "triggerDataPath": "@triggerBody().value", "operations": ["Get"]})
    )]));
    let document = document();
    let polling = policies.polling(document.operation("get").unwrap()).unwrap();
    let advance = polling.advance(&value(&json!({"value": [{"t": "now"}, {"t": "then"}]})));
    let filter = "Severity eq 'High' and t gt now".to_owned();
    assert_eq!(advance.query, Some(vec![("$filter".to_owned(), filter)]));
    assert_eq!(advance.items, value(&json!([{"t": "now"}, {"t": "then"}])));
    let nothing = polling.advance(&value(&json!({"value": []})));
    assert_eq!((nothing.query, nothing.items), (None, value(&json!([]))));
    assert!(policies.polling(document.operation("Put").unwrap()).is_none());
}

#[test]
fn bodies_are_put_into_another_shape() {
    // after the examples of the documentation's pages on conversions
    let people = json!({"XYZ": {"Age": "30"}, "ABC": {"Age": "23"}});
    let cases = [
        (
            "convertarraytoobject",
            json!({"propertyParentPath": "@body()", "propertySubPath": "list",
                "keyWithinCollectionPath": "Name", "newPropertyPath": "@body().people",
                "retainKey": "false"}),
            json!({"list": [{"Name": "XYZ", "Age": "30"}, {"Name": "ABC", "Age": "23"}]}),
            json!({"list": [{"Name": "XYZ", "Age": "30"}, {"Name": "ABC", "Age": "23"}],
                "people": people}),
        ),
        (
            "convertobjecttoarray",
            json!({"propertyParentPath": "@body()", "propertySubPath": "people",
                "newPropertyPath": "@body().people", "keyName": "Name", "valueName": "Details"}),
            json!({"people": people}),
            json!({"people": [{"Name": "XYZ", "Details": {"Age": "30"}},
                {"Name": "ABC", "Details": {"Age": "23"}}]}),
        ),
        (
            "convertobjecttoarray",
            json!({"propertyParentPath": "@body().sets", "propertySubPath": "people",
                "newPropertyPath": "@item().all", "keyName": "Name"}),
            json!({"sets": [{"people": {"A": {"x": 1}}}, {"none": 1}]}),
            json!({"sets": [{"people": {"A": {"x": 1}}, "all": [{"Name": "A", "x": 1}]}, {"none": 1}]}),
        ),
        (
            "stringtoarray",
            json!({"propertyParentPath": "@body()", "propertySubPath": "a.tags",
                "delimiterList": ";,", "childPropertyName": "t", "newPropertyPath": "a.tags"}),
            json!({"a": {"tags": "x;y,z"}}),
            json!({"a": {"tags": [{"t": "x"}, {"t": "y"}, {"t": "z"}]}}),
        ),
    ];
    for (template, parameters, body, expected) in cases {
        let policy = policy(template, &parameters);
        let request = applied(&policy, "Get", start(Some(&body))).unwrap().request;
        assert_eq!(request.body, Some(Body::Json(value(&expected))), "{template}");
    }
}

#[test]
fn a_status_says_that_a_connection_is_no_longer_good() {
    let policies = policies(&json!([policy(
        "setconnectionstatustounauthenticated",
        &json!({"statusCode": 403, "operations": ["Get"]}),
    )]));
    let document = document();
    let get = document.operation("Get").unwrap();
    assert!(policies.is_unauthenticated(get, 403) && !policies.is_unauthenticated(get, 401));
    assert!(!policies.is_unauthenticated(document.operation("Put").unwrap(), 403));
    let asking = policy("setheader", &json!({"name": "a", "value": "@environmentVariables('b')"}));
    assert!(applied(&asking, "Get", start(None)).is_err());
    let failing = policy("setheader", &json!({"name": "a", "value": "b", "section": "Failure"}));
    assert_eq!(applied(&failing, "Get", start(None)).unwrap(), start(None));
}

#[test]
fn limits_are_of_all_operations_or_of_some() {
    let document = document();
    let limit = |calls: Value, seconds: Value, operations: Value| {
        policy(
            "rateLimit",
            &json!({"calls": calls, "renewalPeriod": seconds, "operations": operations}),
        )
    };
    let read = policies(&json!([
        policy("setheader", &json!({"name": "x", "value": "y"})),
        limit(json!(100), json!("60"), json!([])),
        limit(json!("5"), json!(3_600), json!(["put"])),
    ]));
    let of = |id: &str| read.rate_limits(document.operation(id).unwrap());
    let first = (1, RateLimit { calls: 100, seconds: 60 });
    assert_eq!(of("Get"), [first]);
    assert_eq!(of("Put"), [first, (2, RateLimit { calls: 5, seconds: 3_600 })]);
    for (calls, seconds, name) in [
        (json!(0), json!(60), "calls' is 0"),
        (json!(1.5), json!(60), "calls' is 1.5"),
        (json!(5_001), json!(60), "calls' is 5001"),
        (json!(1), json!("soon"), "renewalPeriod' is \"soon\""),
        (json!(1), Value::Null, "renewalPeriod' is null"),
    ] {
        let properties = json!({"policyTemplateInstances": [limit(calls, seconds, json!([]))]});
        let fault = Policies::read(properties.as_object().unwrap()).unwrap_err();
        assert!(fault.message.contains(name), "{fault:?}");
    }
}

#[test]
fn a_script_without_names_is_for_every_operation() {
    let document = document();
    let runs = |properties: &Value, has_script: bool, id: &str| {
        let policies = Policies::read(properties.as_object().unwrap()).unwrap();
        let policies = if has_script { policies.with_script() } else { policies };
        policies.check(document.operation(id).unwrap()).is_err()
    };
    let named = json!({"scriptOperations": ["Coded"]});
    for none in [json!({}), json!({"scriptOperations": []}), json!({"scriptOperations": null})] {
        assert!(runs(&none, true, "Get") && !runs(&none, false, "Get"), "{none}");
    }
    for has_script in [true, false] {
        assert!(runs(&named, has_script, "Coded") && !runs(&named, has_script, "Get"));
    }
}
