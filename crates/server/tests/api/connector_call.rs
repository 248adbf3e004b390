//! Calls of connectors that flows make: actions, triggers, webhooks, and what stands behind.

use crate::backend::{Asked, Backend, Told};
use crate::people::{ADMINISTRATOR, CO_OWNER, OWNER, People, STRANGER, USER};
use crate::world::{World, compose, definition, response, with_trigger};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const WITHIN: Duration = Duration::from_secs(20);
pub const SECRET: &str = "key-7f2c";
pub const PROPERTIES: &str = r#"{"properties": {"connectionParameters": {"api_key": {"type": "securestring", "uiDefinition": {"constraints": {"required": "true"}}}}}}"#;

/// A library: books are got and put away, loans are told.
pub fn library(host: &str) -> Value {
    json!({
        "swagger": "2.0",
        "info": {"title": "Library"},
        "host": host, "basePath": "/api", "schemes": ["http"],
        "securityDefinitions": {"api_key": {"type": "apiKey", "in": "header", "name": "X-Key"}},
        "paths": {
            "/shelves/{shelf}/books": {
                "get": {"operationId": "ListBooks", "parameters": [
                    {"name": "shelf", "in": "path", "required": true, "type": "string"},
                    {"name": "top", "in": "query", "type": "integer"},
                    {"name": "X-Lang", "in": "header", "type": "string"}
                ], "responses": {"200": {"schema": {"type": "array"}}}},
                "post": {"operationId": "AddBook", "parameters": [
                    {"name": "shelf", "in": "path", "required": true, "type": "string"},
                    {"name": "book", "in": "body", "required": true, "schema": {"type": "object",
                        "required": ["title"], "properties": {
                            "title": {"type": "string"},
                            "author": {"type": "object", "properties": {"name": {"type": "string"}}},
                            "pages": {"type": "integer"}}}}
                ], "responses": {"201": {}}}
            },
            "/new": {"get": {"operationId": "OnNewBook", "x-ms-trigger": "batch", "parameters": [],
                "responses": {"200": {}}}},
            "/loans": {"post": {"operationId": "OnLoan", "x-ms-trigger": "single",
                "x-ms-notification-content": {"schema": {"type": "object", "properties": {
                    "loan": {"type": "integer"}, "branch": {"type": "string"}}}},
                "parameters": [{"name": "subscription", "in": "body", "required": true,
                    "schema": {"type": "object", "required": ["callback"], "properties": {
                        "callback": {"type": "string", "x-ms-notification-url": true, "x-ms-visibility": "internal"},
                        "branch": {"type": "string"}}}}],
                "responses": {"201": {}}}}
        }
    })
}

pub struct House {
    pub people: People,
    pub backend: Backend,
}

const AT: &str = "apis/shared_library/connections/lib1";

impl House {
    pub async fn open(rule: impl Fn(&Asked, usize) -> Told + Send + Sync + 'static) -> House {
        let backend = Backend::start(rule).await;
        let world = World::start_with(|setup, dir| setup.allow_loopback(dir)).await;
        let people = People::meet_in(world).await;
        let body = json!({"name": "shared_library", "properties": PROPERTIES,
            "definition": library(&backend.addr.to_string()).to_string()});
        let path = format!("/api/v1/environments/{}/connectors", people.environment);
        people.ask(OWNER, (Method::POST, &path), Some(&body), 201).await;
        let connection = json!({"properties": {"displayName": "Library",
            "connectionParameters": {"api_key": SECRET}}});
        people.api(OWNER, Method::PUT, AT, Some(&connection), 201).await;
        House { people, backend }
    }

    /// Makes a flow of somebody's over the connection.
    pub async fn flow(&self, who: usize, definition: &Value, status: u16) -> Value {
        let body = json!({"properties": {
            "displayName": "Reader", "definition": definition, "state": "Started",
            "connectionReferences": {"shared_library": {
                "connectionName": "lib1", "source": "Embedded",
                "id": "/providers/Microsoft.PowerApps/apis/shared_library"}}
        }});
        let path = self.people.flows();
        self.people.ask(who, (Method::POST, &path), Some(&body), status).await
    }

    /// Runs a flow; gives its actions by name when it has ended.
    pub async fn run(&self, flow: &Value) -> Value {
        let name = flow["name"].as_str().expect("a name");
        let path = format!("{}/{name}/triggers/manual/run", self.people.flows());
        let run = self.people.ask(OWNER, (Method::POST, &path), Some(&json!({})), 202).await;
        let run = run["name"].as_str().expect("a run").to_owned();
        self.ended(&run).await
    }

    pub async fn ended(&self, run: &str) -> Value {
        let ended = self.people.world.api.ended(run).await;
        let actions = self.people.world.api.list(&format!("/api/v1/runs/{run}/actions")).await;
        let mut found = json!({"status": ended["status"]});
        for action in actions {
            let name = action["name"].as_str().expect("a name");
            let path = format!("/api/v1/runs/{run}/actions/{name}");
            found[name] = self.people.world.api.get(&path).await;
        }
        found
    }

    pub async fn put_backend(&self, who: usize, backend: &Value, status: u16) -> Value {
        let path = format!(
            "/api/v1/environments/{}/connectors/shared_library/connections/lib1/backend",
            self.people.environment
        );
        self.people.ask(who, (Method::PUT, &path), Some(backend), status).await
    }
}

pub fn open_api(operation: &str, parameters: &Value) -> Value {
    json!({"type": "OpenApiConnection", "runAfter": {}, "inputs": {
        "host": {"connectionName": "shared_library", "operationId": operation,
            "apiId": "/providers/Microsoft.PowerApps/apis/shared_library"},
        "parameters": parameters,
        "authentication": "@parameters('$authentication')"
    }})
}

/// A flow of Power Automate: what its definition declares.
pub fn power(mut definition: Value) -> Value {
    definition["parameters"] = json!({
        "$connections": {"defaultValue": {}, "type": "Object"},
        "$authentication": {"defaultValue": {}, "type": "SecureObject"}
    });
    definition
}

#[tokio::test]
async fn an_action_calls_its_operation() {
    let house = House::open(|asked, _| match asked.method == Method::POST {
        true => (201, vec![("x-id", "9".to_owned())], json!({"id": 9})),
        false => (200, Vec::new(), json!([{"title": "A"}])),
    })
    .await;
    let list = json!({"shelf": "a/b c", "top": "5", "X-Lang": "de"});
    let add =
        json!({"shelf": "x", "book/title": "@{'T'}", "book/author/name": "N", "book/pages": "12"});
    let mut actions =
        json!({"List": open_api("ListBooks", &list), "Add": open_api("AddBook", &add)});
    actions["Add"]["runAfter"] = json!({"List": ["Succeeded"]});
    let flow = house.flow(OWNER, &power(definition(actions)), 201).await;
    let run = house.run(&flow).await;
    assert_eq!(run["status"], "Succeeded", "{run}");
    assert_eq!(run["List"]["outputs"]["body"], json!([{"title": "A"}]));
    assert_eq!(
        (&run["Add"]["outputs"]["statusCode"], &run["Add"]["outputs"]["body"]),
        (&json!(201), &json!({"id": 9}))
    );
    let asked = house.backend.asked();
    assert_eq!(asked[0].line(), "GET /api/shelves/a%2Fb%20c/books?top=5");
    assert_eq!((asked[0].header("x-lang"), asked[0].header("x-key")), ("de", SECRET));
    assert_eq!(asked[1].line(), "POST /api/shelves/x/books");
    assert_eq!(asked[1].json(), json!({"title": "T", "author": {"name": "N"}, "pages": 12}));
    assert!(!asked[1].header("idempotency-key").is_empty());
    assert!(!run.to_string().contains(SECRET), "{run}");
}

#[tokio::test]
async fn what_cannot_be_called_says_why() {
    let house = House::open(|_, _| (200, Vec::new(), json!([]))).await;
    let cases = [
        (open_api("Nothing", &json!({})), "OperationNotFound"),
        (open_api("AddBook", &json!({"book/title": "x"})), ""),
        (
            json!({"type": "OpenApiConnection", "runAfter": {}, "inputs": {
                "host": {"connectionName": "shared_other", "operationId": "X"}, "parameters": {}}}),
            "ConnectionReferenceNotFound",
        ),
    ];
    for (action, code) in cases {
        let flow = house.flow(OWNER, &power(definition(json!({"Call": action}))), 201).await;
        let run = house.run(&flow).await;
        assert_eq!(run["Call"]["status"], "Failed", "{run}");
        let error = &run["Call"]["error"];
        assert!(code.is_empty() || error["code"] == code, "{error}");
        assert!(error["message"].as_str().is_some_and(|it| it.ends_with('.')), "{error}");
    }
    assert!(house.backend.asked().is_empty());
}

#[tokio::test]
async fn a_call_that_a_data_policy_refuses_is_not_made() {
    let house = House::open(|_, _| (200, Vec::new(), json!([]))).await;
    let call = power(definition(json!({"Call": open_api("ListBooks", &json!({"shelf": "x"}))})));
    let flow = house.flow(OWNER, &call, 201).await;
    assert_eq!(house.run(&flow).await["Call"]["status"], "Succeeded");
    let address = house.backend.addr.to_string();
    let rule = |more: Value| {
        let mut rule = json!({"connector": "shared_library", "group": "Business"});
        rule.as_object_mut().expect("an object").extend(more.as_object().expect("one").clone());
        rule
    };
    let endpoints = |pattern: &str| json!({"endpoints": [{"pattern": pattern, "access": "Allow"}, {"pattern": "*", "access": "Deny"}]});
    // nothing that can be seen in the definition is broken
    for (more, refused) in [
        (endpoints("other.example"), true),
        (endpoints(&format!("http://{address}/api/*")), false),
        (json!({"blockedOperations": ["AddBook"]}), false),
    ] {
        let body = json!({"scope": {"kind": "AllEnvironments"}, "defaultGroup": "Business",
            "connectors": [rule(more.clone())]});
        let path = "/api/v1/data-policies/books";
        let answer = house.people.send(crate::people::HEAD, Method::PUT, path, Some(&body)).await;
        assert!(answer.status < 300, "{}", answer.text);
        let before = house.backend.asked().len();
        let run = house.run(&flow).await;
        let asked = house.backend.asked().len() - before;
        assert_eq!(asked, usize::from(!refused), "{more}: {run}");
        if refused {
            assert_eq!(run["Call"]["error"]["code"], "DataPolicyViolation", "{run}");
        }
    }
}

#[tokio::test]
async fn a_blocked_operation_is_not_reached_by_another_path() {
    let house = House::open(|_, _| (201, Vec::new(), json!({}))).await;
    let body = json!({"scope": {"kind": "AllEnvironments"}, "defaultGroup": "Business",
        "connectors": [{"connector": "shared_library", "group": "Business", "blockedOperations": ["AddBook"]}]});
    let path = "/api/v1/data-policies/books";
    let answer = house.people.send(crate::people::HEAD, Method::PUT, path, Some(&body)).await;
    assert!(answer.status < 300, "{}", answer.text);
    for (path, code) in [
        ("/shelves/x/books", "DataPolicyViolation"),
        ("/shelves/x/./books", "InvalidPath"),
        ("/shelves/y/../x/books", "InvalidPath"),
        ("//shelves/x/books", "DataPolicyViolation"),
        ("/shelves/x/books;v=1", "DataPolicyViolation"),
    ] {
        // the path is known when it runs
        let path = format!("@concat('{path}', '')");
        let action = json!({"type": "ApiConnection", "runAfter": {}, "inputs": {
            "host": {"connection": {"name": "@parameters('$connections')['shared_library']['connectionId']"}},
            "method": "post", "path": path, "body": {"title": "T"}}});
        let flow = house.flow(OWNER, &power(definition(json!({"Call": action}))), 201).await;
        let run = house.run(&flow).await;
        assert_eq!(run["Call"]["error"]["code"], code, "{path}: {run}");
    }
    assert!(house.backend.asked().is_empty());
}

#[tokio::test]
async fn an_action_may_name_path_and_method() {
    let house = House::open(|_, _| (200, Vec::new(), json!({"ok": true}))).await;
    let action = json!({"type": "ApiConnection", "runAfter": {}, "inputs": {
        "host": {"connection": {"name": "@parameters('$connections')['shared_library']['connectionId']"}},
        "method": "get",
        "path": "/shelves/@{encodeURIComponent(encodeURIComponent('a b'))}/books",
        "queries": {"top": 3}
    }});
    let flow = house.flow(OWNER, &power(definition(json!({"Call": action}))), 201).await;
    let run = house.run(&flow).await;
    assert_eq!(run["status"], "Succeeded", "{run}");
    assert_eq!(house.backend.asked()[0].line(), "GET /api/shelves/a%2520b/books?top=3");
    assert_eq!(house.backend.asked()[0].header("x-key"), SECRET);
}

#[tokio::test]
async fn only_who_may_use_a_connection_makes_a_flow_use_it() {
    let house = House::open(|_, _| (200, Vec::new(), json!([]))).await;
    let call = power(definition(json!({"Call": open_api("ListBooks", &json!({"shelf": "x"}))})));
    for who in [CO_OWNER, USER] {
        let refused = house.flow(who, &call, 403).await;
        assert_eq!(refused["error"]["code"], "ConnectionAuthorizationFailed");
    }
    let principal = json!({"id": house.people.all[USER].id, "type": "User"});
    let put = json!({"put": [{"properties": {"roleName": "CanView", "principal": principal}}]});
    let share = format!("{AT}/modifyPermissions");
    house.people.api(OWNER, Method::POST, &share, Some(&put), 200).await;
    house.flow(USER, &call, 201).await;
    // what stands behind is for who made the connection
    for who in [USER, STRANGER] {
        house.put_backend(who, &json!({"kind": "Service"}), 403).await;
    }
    // an administrator may stop its calls, and not have its key sent elsewhere
    let elsewhere = json!({"kind": "Host", "url": house.backend.url("/")});
    house.put_backend(ADMINISTRATOR, &elsewhere, 403).await;
    house.put_backend(ADMINISTRATOR, &json!({"kind": "Mock"}), 200).await;
}

#[tokio::test]
async fn a_trigger_asks_a_connector_for_what_is_new() {
    let house = House::open(|asked, before| match (asked.path.as_str(), before) {
        ("/api/new", 0) => (
            200,
            vec![("location", "/api/new?state=1".to_owned()), ("retry-after", "0".to_owned())],
            json!({"value": [{"n": 1}, {"n": 2}]}),
        ),
        ("/api/new?state=1", 1) => (202, vec![("retry-after", "3600".to_owned())], Value::Null),
        _ => (500, Vec::new(), Value::Null),
    })
    .await;
    let trigger = json!({"type": "OpenApiConnection",
        "inputs": {"host": {"connectionName": "shared_library", "operationId": "OnNewBook"}, "parameters": {}},
        "recurrence": {"frequency": "Hour", "interval": 1},
        "splitOn": "@triggerOutputs()?['body/value']"});
    let document =
        power(with_trigger(trigger, json!({"Told": compose("", json!("@triggerBody()"))})));
    house.flow(OWNER, &document, 201).await;
    let since = Instant::now();
    while house.backend.asked().len() < 2 {
        assert!(since.elapsed() < WITHIN, "{:?}", house.backend.asked());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let asked = house.backend.asked();
    assert_eq!([asked[0].line(), asked[1].line()], ["GET /api/new", "GET /api/new?state=1"]);
    assert_eq!(asked[1].header("x-key"), SECRET, "it is the service's own address");
}

#[tokio::test]
async fn a_webhook_trigger_subscribes_with_its_connector() {
    let house = House::open(|asked, _| match asked.method == Method::POST {
        true => (201, vec![("location", "/api/loans/77".to_owned())], json!({})),
        false => (204, Vec::new(), Value::Null),
    })
    .await;
    let trigger = json!({"type": "OpenApiConnectionWebhook", "inputs": {
        "host": {"connectionName": "shared_library", "operationId": "OnLoan"},
        "parameters": {"subscription/branch": "north"}}});
    let document =
        power(with_trigger(trigger, json!({"Told": compose("", json!("@triggerBody()"))})));
    let flow = house.flow(OWNER, &document, 201).await;
    let asked = house.backend.wait_for(|asked| asked.method == Method::POST).await;
    assert_eq!(asked.path, "/api/loans");
    let body = asked.json();
    assert_eq!(body["branch"], "north");
    let to =
        crate::support::api::path_of(body["callback"].as_str().expect("an address")).to_owned();
    let answer = house.people.world.fire(&to, &json!({"loan": 5})).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let run = house.ended(answer.run()).await;
    assert_eq!(run["Told"]["outputs"], json!({"loan": 5}));
    let name = flow["name"].as_str().expect("a name");
    let path = format!("{}/{name}/stop", house.people.flows());
    house.people.ask(OWNER, (Method::POST, &path), None, 200).await;
    let end = house.backend.wait_for(|asked| asked.method == Method::DELETE).await;
    assert_eq!((end.path.as_str(), end.header("x-key")), ("/api/loans/77", SECRET));
}

#[tokio::test]
async fn a_purged_flow_ends_its_subscription_whenever_that_works() {
    // the service is away when the flow is purged
    let house = House::open(|asked, before| match asked.method == Method::POST {
        true => (201, vec![("location", "/api/loans/77".to_owned())], json!({})),
        false if before < 2 => (503, Vec::new(), Value::Null),
        false => (204, Vec::new(), Value::Null),
    })
    .await;
    let trigger = json!({"type": "OpenApiConnectionWebhook", "inputs": {
        "host": {"connectionName": "shared_library", "operationId": "OnLoan"},
        "parameters": {}}});
    let document =
        power(with_trigger(trigger, json!({"Told": compose("", json!("@triggerBody()"))})));
    let flow = house.flow(OWNER, &document, 201).await;
    house.backend.wait_for(|asked| asked.method == Method::POST).await;
    let name = flow["name"].as_str().expect("a name");
    let environment = &house.people.environment;
    let path = format!("/api/v1/flows/{name}?environment={environment}&purge=true");
    let (status, answer) = house.people.world.api.call(Method::DELETE, &path, None).await;
    assert_eq!(status, 204, "{answer}");
    let since = Instant::now();
    while house.backend.asked().len() < 3 {
        assert!(since.elapsed() < WITHIN, "{:?}", house.backend.asked());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let end = &house.backend.asked()[2];
    assert_eq!((end.line().as_str(), end.header("x-key")), ("DELETE /api/loans/77", SECRET));
}

#[tokio::test]
async fn another_host_or_a_flow_can_stand_behind_a_connection() {
    let house = House::open(|_, _| (500, Vec::new(), Value::Null)).await;
    let other = Backend::start(|_, _| (200, Vec::new(), json!(["other"]))).await;
    let call =
        power(definition(json!({"Call": open_api("ListBooks", &json!({"shelf": "x", "top": 2}))})));
    let flow = house.flow(OWNER, &call, 201).await;
    let url = other.url("/v2/");
    house.put_backend(OWNER, &json!({"kind": "Host", "url": url}), 200).await;
    let run = house.run(&flow).await;
    assert_eq!(run["Call"]["outputs"]["body"], json!(["other"]), "{run}");
    assert_eq!(other.asked()[0].line(), "GET /v2/shelves/x/books?top=2");
    for wrong in [
        json!({"kind": "Host", "url": "ftp://x"}),
        json!({"kind": "Host", "url": "http://u:p@x/"}),
        json!({"kind": "Odd"}),
        json!({"kind": "Flow", "flow": ""}),
    ] {
        house.put_backend(OWNER, &wrong, 400).await;
    }
    // a flow that implements the connector
    let shelf = definition(json!({
        "Answer": response("", "@triggerBody()")
    }));
    let body = json!({"properties": {"displayName": "Implementation", "definition": shelf, "state": "Started"}});
    let made =
        house.people.ask(OWNER, (Method::POST, &house.people.flows()), Some(&body), 201).await;
    let backend = json!({"kind": "Flow", "flow": made["name"]});
    assert_eq!(house.put_backend(OWNER, &backend, 200).await, backend);
    let run = house.run(&flow).await;
    let told = &run["Call"]["outputs"]["body"];
    assert_eq!(told["operationId"], "ListBooks", "{run}");
    assert_eq!(told["parameters"], json!({"shelf": "x", "top": 2}));
    assert_eq!((&told["method"], &told["path"]), (&json!("GET"), &json!("/shelves/x/books?top=2")));
}

#[tokio::test]
async fn a_path_that_would_lead_to_another_is_refused() {
    let house = House::open(|_, _| (200, Vec::new(), json!([]))).await;
    let at = |path: &str| {
        let name = "@parameters('$connections')['shared_library']['connectionId']";
        power(definition(json!({"Call": {"type": "ApiConnection", "runAfter": {}, "inputs": {
            "host": {"connection": {"name": name}}, "method": "get", "path": path}}})))
    };
    for path in ["/shelves/../admin", "/x/%2e%2E/%2e%2e/admin", "/x/./y", "/x\\..\\admin"] {
        let flow = house.flow(OWNER, &at(path), 201).await;
        let run = house.run(&flow).await;
        assert_eq!(run["Call"]["error"]["code"], "InvalidPath", "{path}: {run}");
        let message = run["Call"]["error"]["message"].as_str().expect("a message");
        assert!(message.contains("would lead to another path"), "{message}");
    }
    assert!(house.backend.asked().is_empty());
    // what no operation names goes to the service as it stands
    let flow = house.flow(OWNER, &at("/x..y/z"), 201).await;
    assert_eq!(house.run(&flow).await["status"], "Succeeded");
    assert_eq!(house.backend.asked()[0].line(), "GET /api/x..y/z");
}

#[tokio::test]
async fn answers_can_be_made_from_the_document() {
    let house = House::open(|_, _| (500, Vec::new(), Value::Null)).await;
    let list = open_api("ListBooks", &json!({"shelf": "x"}));
    let flow = house.flow(OWNER, &power(definition(json!({"Call": list}))), 201).await;
    house.put_backend(OWNER, &json!({"kind": "Mock"}), 200).await;
    let run = house.run(&flow).await;
    assert_eq!(run["status"], "Succeeded", "{run}");
    assert!(run["Call"]["outputs"]["body"].is_array(), "{run}");
    assert!(house.backend.asked().is_empty());
}

#[tokio::test]
async fn operations_are_called_at_the_runtime_address_of_the_connection() {
    let house = House::open(|_, _| (200, vec![("x-page", "1".to_owned())], json!(["a"]))).await;
    let path = "/apim/library/lib1/shelves/a%20b/books?top=2";
    let answer = house.people.send(OWNER, Method::GET, path, None).await;
    assert_eq!((answer.status, answer.json()), (200, json!(["a"])), "{answer:?}");
    assert_eq!(answer.header("x-page"), "1");
    let asked = &house.backend.asked()[0];
    assert_eq!(asked.line(), "GET /api/shelves/a%20b/books?top=2");
    assert_eq!((asked.header("x-key"), asked.header("authorization")), (SECRET, ""));
    // who may not use the connection, and what is no operation
    assert_eq!(house.people.send(STRANGER, Method::GET, path, None).await.status, 403);
    let nothing = house.people.send(OWNER, Method::GET, "/apim/library/lib1/other", None).await;
    assert_eq!((nothing.status, nothing.code().as_str()), (404, "OperationNotFound"));
    assert_eq!(house.backend.asked().len(), 1);
    // a version is the service's to understand
    let path = "/apim/library/lib1/shelves/a/books?api-version=7.1-preview.1";
    let answer = house.people.send(OWNER, Method::GET, path, None).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let asked = house.backend.asked().pop().expect("a call");
    assert_eq!(asked.line(), "GET /api/shelves/a/books?api-version=7.1-preview.1");
}

#[tokio::test]
async fn letters_of_a_connectors_name_do_not_matter_in_an_address() {
    let house = House::open(|_, _| (200, Vec::new(), json!(["a"]))).await;
    let people = &house.people;
    let body = json!({"name": "shared_BookShop", "properties": PROPERTIES,
        "definition": library(&house.backend.addr.to_string()).to_string()});
    let path = format!("/api/v1/environments/{}/connectors", people.environment);
    people.ask(OWNER, (Method::POST, &path), Some(&body), 201).await;
    let connection = json!({"properties": {"connectionParameters": {"api_key": SECRET}}});
    let at = "apis/shared_BookShop/connections/shop1";
    let made = people.api(OWNER, Method::PUT, at, Some(&connection), 201).await;
    let tested = made["properties"]["testLinks"][0]["requestUri"].as_str().expect("a link");
    let tested = crate::support::api::path_of(tested);
    people.ask(OWNER, (Method::GET, tested), None, 200).await;
    for name in ["BookShop", "bookshop"] {
        let path = format!("/apim/{name}/shop1/shelves/a/books");
        people.ask(OWNER, (Method::GET, &path), None, 200).await;
    }
}

#[tokio::test]
async fn connectors_with_names_of_ours_are_called() {
    let house = House::open(|_, _| (200, Vec::new(), json!("ok"))).await;
    let people = &house.people;
    let hook = house.backend.url("/hook");
    let connection = json!({"properties": {"connectionParameters": {"webhookUrl": hook}}});
    let api = "apis/sluicegate_slackwebhook";
    people.api(OWNER, Method::PUT, &format!("{api}/connections/s1"), Some(&connection), 201).await;
    let path = "/apim/sluicegate_slackwebhook/s1/message?text=outside";
    people.ask(OWNER, (Method::POST, path), None, 200).await;
    let id = format!("/providers/Microsoft.PowerApps/{api}");
    let call = json!({"Say": {"type": "OpenApiConnection", "runAfter": {}, "inputs": {
        "host": {"connectionName": "slack", "operationId": "PostMessage", "apiId": id},
        "parameters": {"text": "inside"}}}});
    let body = json!({"properties": {
        "displayName": "Teller", "definition": power(definition(call)), "state": "Started",
        "connectionReferences": {"slack": {"connectionName": "s1", "id": id}}}});
    let flow = people.ask(OWNER, (Method::POST, &people.flows()), Some(&body), 201).await;
    let run = house.run(&flow).await;
    assert_eq!(run["status"], "Succeeded", "{run}");
    let told: Vec<Value> =
        house.backend.asked().iter().map(|it| it.json()["text"].clone()).collect();
    assert_eq!(told, ["outside", "inside"]);
}

#[tokio::test]
async fn files_of_a_folder_are_read_and_written() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a.txt"), "hello").expect("a file");
    let place = folder.path().display().to_string();
    let world =
        World::start_with(|setup, _| setup.env("SLUICEGATE_CONNECTOR_FOLDER", &place)).await;
    let people = People::meet_in(world).await;
    let connection = json!({"properties": {"displayName": "Files", "connectionParameters": {}}});
    let at = "apis/shared_filesystem/connections/files1";
    people.api(OWNER, Method::PUT, at, Some(&connection), 201).await;
    let call = |operation: &str, parameters: Value| {
        json!({"type": "OpenApiConnection", "runAfter": {}, "inputs": {
            "host": {"connectionName": "shared_filesystem", "operationId": operation,
                "apiId": "/providers/Microsoft.PowerApps/apis/shared_filesystem"},
            "parameters": parameters}})
    };
    let mut actions = json!({
        "Read": call("GetFileContentByPath", json!({"path": "/a.txt"})),
        "Out": call("GetFileContentByPath", json!({"path": "/../etc/passwd"})),
    });
    actions["Out"]["runAfter"] = json!({"Read": ["Succeeded"]});
    let body = json!({"properties": {
        "displayName": "Files", "definition": definition(actions), "state": "Started",
        "connectionReferences": {"shared_filesystem": {"connectionName": "files1",
            "id": "/providers/Microsoft.PowerApps/apis/shared_filesystem"}}}});
    let flow = people.ask(OWNER, (Method::POST, &people.flows()), Some(&body), 201).await;
    let house =
        House { people, backend: Backend::start(|_, _| (500, Vec::new(), Value::Null)).await };
    let run = house.run(&flow).await;
    let text = run["Read"]["outputs"]["body"].to_string();
    assert!(text.contains("hello") || text.contains("aGVsbG8"), "{run}");
    assert_eq!(run["Out"]["status"], "Failed", "{run}");
}
