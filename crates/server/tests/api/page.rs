//! Lists that come in pages, contents that come in parts, and where calls go on to: over real
//! HTTP, with a service of the test's own.

use crate::backend::{Asked, Backend, Told};
use crate::people::{HEAD, OWNER, People};
use crate::world::{World, definition};
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Mutex;

const SECRET: &str = "key-51aa";
const AT: &str = "apis/shared_shop/connections/shop1";

/// A service of orders; its files can be had in parts.
fn shop(host: &str) -> Value {
    let list = |id: &str, more: Value| {
        let mut operation = json!({"operationId": id, "parameters": [
            {"name": "top", "in": "query", "type": "integer"},
            {"name": "X-Lang", "in": "header", "type": "string"}],
            "responses": {"200": {"schema": {"type": "object"}}}});
        operation.as_object_mut().expect("one").extend(more.as_object().expect("one").clone());
        operation
    };
    let pageable = json!({"x-ms-pageable": {"nextLinkName": "more", "itemName": "orders"}});
    json!({
        "swagger": "2.0", "info": {"title": "Shop"}, "host": host, "basePath": "/api", "schemes": ["http"],
        "securityDefinitions": {"api_key": {"type": "apiKey", "in": "query", "name": "key"},
            "key_too": {"type": "apiKey", "in": "header", "name": "X-Key"}},
        "paths": {
            "/orders": {"get": list("ListOrders", pageable)},
            "/plain": {"get": list("ListPlain", json!({}))},
            "/file": {
                "get": {"operationId": "GetFile", "parameters": [], "responses": {"200": {}},
                    "x-ms-capabilities": {"chunkTransfer": true}},
                "post": {"operationId": "PutFile", "responses": {"200": {}},
                    "x-ms-capabilities": {"chunkTransfer": true},
                    "consumes": ["application/octet-stream"],
                    "parameters": [{"name": "content", "in": "body", "required": true,
                        "schema": {"type": "string", "format": "binary"}}]}},
            "/small": {"get": {"operationId": "GetSmall", "parameters": [], "responses": {"200": {}}}}
        }
    })
}

struct Shop {
    people: People,
    backend: Backend,
}

impl Shop {
    async fn open(rule: impl Fn(&Asked, usize) -> Told + Send + Sync + 'static) -> Shop {
        Shop::with(&json!([]), rule).await
    }

    async fn with(
        policies: &Value,
        rule: impl Fn(&Asked, usize) -> Told + Send + Sync + 'static,
    ) -> Shop {
        let backend = Backend::start(rule).await;
        let world = World::start_with(|setup, dir| setup.allow_loopback(dir)).await;
        let people = People::meet_in(world).await;
        let properties = json!({"properties": {"policyTemplateInstances": policies,
            "connectionParameters": {"api_key": {"type": "securestring",
                "uiDefinition": {"constraints": {"required": "true"}}}}}});
        let body = json!({"name": "shared_shop", "properties": properties.to_string(),
            "definition": shop(&backend.addr.to_string()).to_string()});
        let path = format!("/api/v1/environments/{}/connectors", people.environment);
        people.ask(OWNER, (Method::POST, &path), Some(&body), 201).await;
        let connection = json!({"properties": {"displayName": "Shop",
            "connectionParameters": {"api_key": SECRET}}});
        people.api(OWNER, Method::PUT, AT, Some(&connection), 201).await;
        Shop { people, backend }
    }

    /// Runs a flow of one action, and gives that action.
    async fn run(&self, action: Value) -> Value {
        let body = json!({"properties": {
            "displayName": "Pages", "state": "Started", "definition": definition(json!({"Get": action})),
            "connectionReferences": {"shared_shop": {"connectionName": "shop1", "source": "Embedded",
                "id": "/providers/Microsoft.PowerApps/apis/shared_shop"}}}});
        let flow =
            self.people.ask(OWNER, (Method::POST, &self.people.flows()), Some(&body), 201).await;
        let name = flow["name"].as_str().expect("a name");
        let path = format!("{}/{name}/triggers/manual/run", self.people.flows());
        let run = self.people.ask(OWNER, (Method::POST, &path), Some(&json!({})), 202).await;
        let run = run["name"].as_str().expect("a run").to_owned();
        self.people.world.api.ended(&run).await;
        self.people.world.api.get(&format!("/api/v1/runs/{run}/actions/Get")).await
    }

    fn lines(&self) -> Vec<String> {
        self.backend.asked().iter().map(Asked::line).collect()
    }

    async fn put_policy(&self, connector: &str, patterns: &[(&str, &str)]) {
        let endpoints: Vec<Value> = patterns
            .iter()
            .map(|(pattern, access)| json!({"pattern": pattern, "access": access}))
            .collect();
        let body = json!({"scope": {"kind": "AllEnvironments"}, "defaultGroup": "Business",
            "connectors": [{"connector": connector, "group": "Business", "endpoints": endpoints}]});
        let answer =
            self.people.send(HEAD, Method::PUT, "/api/v1/data-policies/shop", Some(&body)).await;
        assert!(answer.status < 300, "{}", answer.text);
    }
}

fn operation(id: &str, parameters: &Value, runtime: &Value) -> Value {
    json!({"type": "OpenApiConnection", "runAfter": {}, "runtimeConfiguration": runtime, "inputs": {
        "host": {"connectionName": "shared_shop", "operationId": id,
            "apiId": "/providers/Microsoft.PowerApps/apis/shared_shop"},
        "parameters": parameters,
        "retryPolicy": {"type": "fixed", "count": 3, "interval": "PT5S"}}})
}

fn http(method: &str, uri: &str, runtime: &Value) -> Value {
    json!({"type": "Http", "runAfter": {}, "runtimeConfiguration": runtime, "inputs": {
        "method": method, "uri": uri, "headers": {"X-Own": "mine"},
        "authentication": {"type": "Raw", "value": "token-9"},
        "retryPolicy": {"type": "none"}}})
}

fn pages(items_min: u32) -> Value {
    json!({"paginationPolicy": {"minimumItemCount": items_min}})
}

fn chunked() -> Value {
    json!({"contentTransfer": {"transferMode": "Chunked"}})
}

#[tokio::test]
async fn an_operation_gives_the_items_of_its_pages() {
    let shop = Shop::open(|asked, _| match asked.path.split(['?', '&']).nth(1) {
        Some("page=2%20b") => (200, Vec::new(), json!({"orders": [{"id": 3}], "more": "?page=3"})),
        Some("page=3") => {
            (200, vec![("x-last", "y".to_owned())], json!({"orders": [{"id": 4}], "total": 4}))
        }
        _ => (
            200,
            Vec::new(),
            json!({"orders": [{"id": 1}, {"id": 2}], "more": "/api/orders?page=2%20b&key=old"}),
        ),
    })
    .await;
    let parameters = json!({"top": 2, "X-Lang": "de"});
    let done = shop.run(operation("ListOrders", &parameters, &pages(100))).await;
    assert_eq!(done["status"], "Succeeded", "{done}");
    let ids = json!([{"id": 1}, {"id": 2}, {"id": 3}, {"id": 4}]);
    assert_eq!(done["outputs"]["body"], json!({"orders": ids, "total": 4}));
    assert_eq!(done["outputs"]["headers"]["x-last"], "y");
    let key = format!("key={SECRET}");
    let lines = ["/api/orders?top=2&", "/api/orders?page=2%20b&", "/api/orders?page=3&"];
    let expected: Vec<String> = lines.iter().map(|line| format!("GET {line}{key}")).collect();
    assert_eq!(shop.lines(), expected);
    let keys: std::collections::BTreeSet<String> =
        shop.backend.asked().iter().map(|it| it.header("idempotency-key").to_owned()).collect();
    assert_eq!(keys.len(), 3, "each page is another call: {keys:?}");
    for asked in shop.backend.asked() {
        assert_eq!(asked.header("x-lang"), "de");
    }
    // enough is enough, and without the policy it is the first page
    let before = shop.lines().len();
    let done = shop.run(operation("ListOrders", &json!({}), &pages(2))).await;
    assert_eq!(done["outputs"]["body"]["more"], "/api/orders?page=2%20b&key=old");
    shop.run(operation("ListOrders", &json!({}), &json!({}))).await;
    assert_eq!(shop.lines().len() - before, 2);
    assert!(!done.to_string().contains(SECRET), "{done}");
}

#[tokio::test]
async fn a_busy_service_is_asked_for_the_same_page_again() {
    let shop = Shop::open(|asked, before| match (asked.path.contains("page=2"), before) {
        (true, 1) => (429, vec![("retry-after", "1".to_owned())], json!({})),
        (true, _) => (200, Vec::new(), json!({"value": [2]})),
        _ => (200, Vec::new(), json!({"value": [1], "@odata.nextLink": "/api/plain?page=2"})),
    })
    .await;
    // a connector whose document says nothing of pages
    let mut action = operation("ListPlain", &json!({}), &pages(100));
    action["inputs"]["retryPolicy"] = json!({"type": "fixed", "count": 1, "interval": "PT5S"});
    let done = shop.run(action).await;
    assert_eq!(done["outputs"]["body"], json!({"value": [1, 2]}), "{done}");
    let first = shop.lines().iter().filter(|line| !line.contains("page=2")).count();
    assert_eq!((first, shop.lines().len()), (1, 3), "{:?}", shop.lines());
    assert_eq!(done["retryHistory"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn pages_that_lead_in_a_circle_come_to_an_end() {
    let shop = Shop::open(|asked, _| {
        let next = if asked.path.contains("page=b") { "a" } else { "b" };
        (200, Vec::new(), json!({"value": [1], "nextLink": format!("/api/plain?page={next}")}))
    })
    .await;
    let done = shop.run(operation("ListPlain", &json!({}), &pages(100))).await;
    assert_eq!(done["error"]["code"], "PagesInCircle", "{done}");
    assert_eq!(shop.lines().len(), 3);
}

#[tokio::test]
async fn another_host_gets_a_question_without_credentials() {
    let foreign = Backend::start(|_, _| (200, Vec::new(), json!({"value": [2]}))).await;
    let link = foreign.url("/stolen?page=2");
    let shop =
        Shop::open(move |_, _| (200, Vec::new(), json!({"value": [1], "nextLink": link}))).await;
    let done = shop.run(operation("ListPlain", &json!({"X-Lang": "de"}), &pages(100))).await;
    assert_eq!(done["outputs"]["body"], json!({"value": [1, 2]}), "{done}");
    let uri = shop.backend.url("/api/plain");
    let done = shop.run(http("POST", &uri, &pages(100))).await;
    assert_eq!(done["outputs"]["body"], json!({"value": [1, 2]}), "{done}");
    let asked = foreign.asked();
    assert_eq!(asked.len(), 2);
    for it in asked {
        assert_eq!(it.line(), "GET /stolen?page=2");
        for name in ["x-key", "x-lang", "x-own", "authorization"] {
            assert_eq!(it.header(name), "", "{name}");
        }
        assert!(it.bytes.is_empty());
    }
    // where a policy allows only the service, nobody else is asked
    let own = format!("http://{}/*", shop.backend.addr);
    shop.put_policy("shared_shop", &[(&own, "Allow"), ("*", "Deny")]).await;
    let done = shop.run(operation("ListPlain", &json!({}), &pages(100))).await;
    assert_eq!(done["error"]["code"], "DataPolicyViolation", "{done}");
    assert_eq!(foreign.asked().len(), 2);
}

#[tokio::test]
async fn an_http_action_follows_pages_of_its_own_host() {
    let shop = Shop::open(|asked, _| match asked.path.as_str() {
        "/list?page=2" => (200, Vec::new(), json!({"value": [3]})),
        _ => (200, Vec::new(), json!({"value": [1, 2], "nextLink": "?page=2"})),
    })
    .await;
    let done = shop.run(http("GET", &shop.backend.url("/list?q=1"), &pages(3))).await;
    assert_eq!(done["outputs"]["body"], json!({"value": [1, 2, 3]}), "{done}");
    let asked = shop.backend.asked();
    assert_eq!(shop.lines(), ["GET /list?q=1", "GET /list?page=2"]);
    assert_eq!((asked[1].header("x-own"), asked[1].header("authorization")), ("mine", "token-9"));
}

/// A service whose file has this content, and takes one of the same length in parts.
fn in_parts(content: &'static str) -> impl Fn(&Asked, usize) -> Told + Send + Sync + 'static {
    let taken: Mutex<usize> = Mutex::default();
    move |asked, _| match asked.method.as_str() {
        "GET" => {
            let range = asked.header("range").strip_prefix("bytes=");
            let from: usize = range.and_then(|it| it.split('-').next()?.parse().ok()).unwrap_or(0);
            let end = (from + 16).min(content.len());
            let said = format!("bytes {from}-{}/{}", end - 1, content.len());
            let kind = ("content-type", "text/plain".to_owned());
            (206, vec![("content-range", said), kind], content[from..end].into())
        }
        "PATCH" => {
            let mut taken = taken.lock().expect("a number");
            *taken += asked.bytes.len();
            (200, vec![("range", format!("bytes=0-{}", *taken - 1))], json!({"taken": *taken}))
        }
        _ => {
            let size = ("x-ms-chunk-size", "16".to_owned());
            (200, vec![("location", "/api/part?up=1".to_owned()), size], Value::Null)
        }
    }
}

#[tokio::test]
async fn a_large_content_comes_and_goes_in_parts() {
    const CONTENT: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCD";
    let shop = Shop::open(in_parts(CONTENT)).await;
    let whole = |done: &Value| {
        assert_eq!(
            (&done["outputs"]["statusCode"], &done["outputs"]["body"]),
            (&json!(200), &json!(CONTENT)),
            "{done}"
        );
    };
    let mut asked = 0;
    let mut since = |expected: usize| {
        let all = shop.backend.asked();
        assert_eq!(
            all.len() - asked,
            expected,
            "{:?}",
            all[asked..].iter().map(Asked::line).collect::<Vec<_>>()
        );
        asked = all.len();
    };
    whole(&shop.run(http("GET", &shop.backend.url("/file"), &chunked())).await);
    since(3);
    whole(&shop.run(operation("GetFile", &json!({}), &chunked())).await);
    since(3);
    // an operation that does not say that it can, and an action that does not ask for it
    for action in [
        operation("GetSmall", &json!({}), &chunked()),
        operation("GetFile", &json!({}), &json!({})),
    ] {
        let done = shop.run(action).await;
        assert_eq!(
            (&done["outputs"]["statusCode"], &done["outputs"]["body"]),
            (&json!(206), &json!("0123456789abcdef")),
            "{done}"
        );
        since(1);
    }
    let shop = Shop::open(in_parts(CONTENT)).await;
    let done = shop.run(operation("PutFile", &json!({"content": CONTENT}), &chunked())).await;
    assert_eq!(done["outputs"]["body"], json!({"taken": 40}), "{done}");
    let key = format!("key={SECRET}");
    let lines = shop.lines();
    assert_eq!(lines[0], format!("POST /api/file?{key}"));
    assert_eq!(lines[1..], ["PATCH /api/part?up=1"; 3]);
    let sent: Vec<u8> = shop.backend.asked().iter().flat_map(|it| it.bytes.to_vec()).collect();
    assert_eq!(sent, CONTENT.as_bytes());
    assert!(shop.backend.asked()[0].bytes.is_empty());
}

#[tokio::test]
async fn a_redirect_goes_where_a_policy_allows() {
    let foreign = Backend::start(|_, _| (200, Vec::new(), json!("there"))).await;
    let to = foreign.url("/x");
    let shop = Shop::open(move |asked, _| match asked.path.as_str() {
        "/near" => (302, vec![("location", "/here".to_owned())], Value::Null),
        "/far" => (302, vec![("location", to.clone())], Value::Null),
        _ => (200, Vec::new(), json!("here")),
    })
    .await;
    let own = format!("http://{}/*", shop.backend.addr);
    shop.put_policy("Http", &[(&own, "Allow"), ("*", "Deny")]).await;
    let near = shop.run(http("GET", &shop.backend.url("/near"), &json!({}))).await;
    assert_eq!(near["outputs"]["body"], "here", "{near}");
    let far = shop.run(http("GET", &shop.backend.url("/far"), &json!({}))).await;
    assert_eq!(far["error"]["code"], "DataPolicyViolation", "{far}");
    assert!(foreign.asked().is_empty());
}

#[tokio::test]
async fn a_value_of_another_address_completes_a_call() {
    let policies = json!([{"templateId": "setvaluefromurl", "title": "T", "parameters": {
        "x-ms-apimTemplate-operationName": ["ListPlain"],
        "x-ms-apimTemplateParameter.parameterTemplate": "@headers('If-Match')",
        "x-ms-apimTemplateParameter.httpMethod": "GET",
        "x-ms-apimTemplateParameter.parameterValueUrl": "/etag",
        "x-ms-apimTemplateParameter.parameterValuePathTemplate": "@body().tag"}}]);
    let shop = Shop::with(&policies, |asked, before| match asked.path.starts_with("/api/etag") {
        true if before > 2 => (503, Vec::new(), json!({})),
        true => (200, Vec::new(), json!({"tag": "W/5"})),
        false => (200, Vec::new(), json!({"value": []})),
    })
    .await;
    let done = shop.run(operation("ListPlain", &json!({}), &json!({}))).await;
    assert_eq!(done["status"], "Succeeded", "{done}");
    let key = format!("key={SECRET}");
    assert_eq!(shop.lines(), [format!("GET /api/etag?{key}"), format!("GET /api/plain?{key}")]);
    assert_eq!(shop.backend.asked()[1].header("if-match"), "W/5");
    // what cannot be found out is the end of the call
    let mut action = operation("ListPlain", &json!({}), &json!({}));
    action["inputs"]["retryPolicy"] = json!({"type": "none"});
    shop.run(action.clone()).await;
    let done = shop.run(action).await;
    assert_eq!(done["code"], "ServiceUnavailable", "{done}");
}
