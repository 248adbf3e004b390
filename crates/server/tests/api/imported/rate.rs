//! So many calls in so many seconds, over each connection.

use super::{Shop, template, with_key};
use crate::backend::Backend;
use crate::login::house::House;
use crate::people::OWNER;
use connector::call::RelativeRequest;
use reqwest::Method;
use serde_json::{Value, json};
use server::app::connector::ConnectorInput;
use server::app::connector::connection::ConnectionInput;
use server::app::{App, AppError, ErrorKind};
use server::auth::caller::Caller;

fn limit(calls: usize, seconds: u32, operations: &Value) -> Value {
    template(
        "ratelimit",
        &json!({"calls": calls, "renewalPeriod": seconds, "operations": operations}),
    )
}

#[tokio::test]
async fn a_policy_limits_the_calls_over_a_connection() {
    let shop = Shop::open(|_, _| (200, Vec::new(), json!([]))).await;
    let policies = json!([limit(3, 3_600, &json!([])), limit(1, 60, &json!(["ListOther"]))]);
    let properties = with_key(&json!({"policyTemplateInstances": policies}));
    shop.import(&shop.definition(), &properties, &json!({})).await;
    for name in ["one", "two"] {
        shop.connect("shared_shop", name, &json!({"api_key": "k"}), 201).await;
    }
    assert_eq!(shop.call("shop/one/other").await.status, 200);
    let refused = shop.call("shop/one/other").await;
    assert_eq!(refused.status, 429, "{}", refused.text);
    let after: u64 = refused.header("retry-after").parse().expect("seconds");
    assert!((30..=60).contains(&after), "{after}");
    assert_eq!(refused.json()["statusCode"], 429);
    // what is refused does not count: of the three for all, two are left
    assert_eq!(shop.call("shop/one/things").await.status, 200);
    assert_eq!(shop.run("ListThings", &json!({})).await["status"], "Succeeded");
    let action = shop.run("ListThings", &json!({})).await;
    assert_eq!(
        (&action["status"], &action["outputs"]["statusCode"]),
        (&json!("Failed"), &json!(429))
    );
    let after = action["outputs"]["headers"]["Retry-After"].as_str().expect("seconds");
    assert!(after.parse::<u64>().is_ok_and(|it| (3_500..=3_600).contains(&it)), "{after}");
    assert_eq!(shop.backend.asked().len(), 3);
    // another connection has its own, and a test is a call
    assert_eq!(shop.test("shared_shop", "two", 200).await["status"], "Connected");
    assert_eq!(shop.call("shop/two/things").await.status, 200);
    assert_eq!(shop.call("shop/two/things").await.status, 200);
    assert_eq!(shop.call("shop/two/things").await.status, 429);
    assert_eq!(shop.test("shared_shop", "two", 429).await["error"]["code"], "RateLimitExceeded");
}

#[tokio::test]
async fn what_is_no_limit_is_told_by_the_call() {
    let shop = Shop::open(|_, _| (200, Vec::new(), json!([]))).await;
    let policy = template("ratelimit", &json!({"calls": 0, "renewalPeriod": 60}));
    let properties = with_key(&json!({"policyTemplateInstances": [policy]}));
    shop.import(&shop.definition(), &properties, &json!({})).await;
    shop.connect("shared_shop", "one", &json!({"api_key": "k"}), 201).await;
    let refused = shop.people.ask(OWNER, (Method::GET, "/apim/shop/one/things"), None, 400).await;
    let message = refused["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("x-ms-apimTemplateParameter.calls' is 0"), "{message}");
}

async fn call(app: &App, who: &Caller) -> Result<(), AppError> {
    let begun = app.begin_call(who, ("shared_shop", "one"), true).await?;
    let request = RelativeRequest {
        method: "GET".to_owned(),
        path: "/things".to_owned(),
        ..RelativeRequest::default()
    };
    app.call_from_outside(begun, request, &[]).await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_count_together_and_a_window_ends_at_its_moment() {
    let backend = Backend::start(|_, _| (200, Vec::new(), json!([]))).await;
    let house = House::open().await;
    let other = house.next_door().await;
    let ada = house.user("ada", vec![]).await;
    let ada = Caller::person(&ada.id, Vec::new(), Vec::new());
    let properties = with_key(&json!({"policyTemplateInstances": [limit(4, 60, &json!([]))]}));
    let input = ConnectorInput {
        name: Some("shared_shop".to_owned()),
        definition: json!({"swagger": "2.0", "info": {"title": "Shop"}, "schemes": ["http"],
            "host": backend.addr.to_string(), "paths": {"/things": {"get":
            {"operationId": "ListThings", "parameters": [], "responses": {"200": {}}}}}})
        .to_string(),
        properties: json!({"properties": properties}).to_string(),
        ..ConnectorInput::default()
    };
    house.app.create_connector(&ada, "default", &input).await.expect("a connector");
    let parameters = json!({"api_key": "k"}).as_object().expect("an object").clone();
    let input = ConnectionInput { parameters, ..ConnectionInput::default() };
    let at = ("default", "shared_shop");
    house.app.create_connection(&ada, at, Some("one"), input).await.expect("a connection");
    for app in [&house.app, &other.app, &other.app, &house.app] {
        call(app, &ada).await.expect("one of four");
    }
    for (app, passes, seconds) in [(&other.app, 0, 60), (&house.app, 59, 1)] {
        house.pass(passes);
        let refused = call(app, &ada).await.expect_err("too many");
        assert_eq!(refused.kind, ErrorKind::Throttled { retry_after_seconds: seconds });
    }
    house.pass(1);
    call(&other.app, &ada).await.expect("the window is over");
    assert_eq!(backend.asked().len(), 5);
}
