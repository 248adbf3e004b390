//! Connections by the paths of Azure Resource Manager, as Logic Apps and their designer call
//! them from outside.

use crate::connector_call::{House, SECRET};
use crate::people::{ADMINISTRATOR, CO_OWNER, OWNER, STRANGER};
use crate::support::api::path_of;
use reqwest::Method;
use serde_json::{Value, json};

const SUBSCRIPTION: &str = "/subscriptions/34adfa4f-cedf-4dc0-ba29-b6d1a69ab345";

/// The path of a connection in the house's environment.
fn at(house: &House, name: &str) -> String {
    let group = &house.people.environment;
    format!("{SUBSCRIPTION}/resourceGroups/{group}/providers/Microsoft.Web/connections/{name}")
}

#[tokio::test]
async fn a_connection_is_a_resource() {
    let house = House::open(|_, _| (200, Vec::new(), json!([]))).await;
    let people = &house.people;
    let path = at(&house, "lib1");
    let shown = people
        .ask(OWNER, (Method::GET, &format!("{path}?api-version=2016-06-01")), None, 200)
        .await;
    assert_eq!((&shown["id"], &shown["name"]), (&json!(path), &json!("lib1")));
    assert_eq!(shown["type"], "Microsoft.Web/connections");
    let properties = &shown["properties"];
    assert_eq!(properties["displayName"], "Library");
    assert_eq!(properties["statuses"], json!([{"status": "Connected"}]));
    assert_eq!(properties["api"]["name"], "library");
    assert_eq!(properties["api"]["type"], "Microsoft.Web/customApis");
    assert!(!shown.to_string().contains(SECRET), "{shown}");
    // its links are to be followed
    let link = properties["testLinks"][0]["requestUri"].as_str().expect("a link");
    people.ask(OWNER, (Method::GET, path_of(link)), None, 200).await;
    let test = &properties["testRequests"][0];
    let link = path_of(test["requestUri"].as_str().expect("a link"));
    let answer = people.ask(OWNER, (Method::POST, link), Some(&test["body"]), 200).await;
    assert_eq!(answer["response"]["statusCode"], "OK");
    let runtime = path_of(properties["connectionRuntimeUrl"].as_str().expect("a link"));
    people.ask(OWNER, (Method::GET, &format!("{runtime}/shelves/a/books")), None, 200).await;
    // the group is called what the environment is called, in any letters
    let rest = path.replace(SUBSCRIPTION, "").to_uppercase();
    let rest = rest.replace(&people.environment.to_uppercase(), "sales");
    let path = format!("{SUBSCRIPTION}{rest}");
    people.ask(OWNER, (Method::GET, &path), None, 200).await;
}

#[tokio::test]
async fn an_operation_is_called_through_a_connection() {
    let house = House::open(|asked, _| match asked.method == Method::POST {
        true => (201, vec![("x-id", "9".to_owned())], json!({"id": 9})),
        false => (200, Vec::new(), json!(["a"])),
    })
    .await;
    let people = &house.people;
    let path = at(&house, "lib1");
    let list = format!("{path}/extensions/proxy/shelves/a%20b/books?top=2&api-version=2016-06-01");
    let listed = people.ask(OWNER, (Method::GET, &list), None, 200).await;
    assert_eq!(listed, json!(["a"]));
    let asked = &house.backend.asked()[0];
    assert_eq!(asked.line(), "GET /api/shelves/a%20b/books?top=2");
    assert_eq!((asked.header("x-key"), asked.header("authorization")), (SECRET, ""));
    let invoke = format!("{path}/dynamicInvoke?api-version=2018-07-01-preview");
    let request = |method: &str, rest: Value| {
        let mut request = json!({"method": method, "path": "/shelves/x/books"});
        request.as_object_mut().expect("an object").extend(rest.as_object().cloned().expect("one"));
        json!({"request": request})
    };
    let body = request("get", json!({"queries": {"top": 5}, "headers": {"X-Lang": "de"}}));
    let answer = people.ask(OWNER, (Method::POST, &invoke), Some(&body), 200).await;
    assert_eq!(answer["response"]["statusCode"], "OK");
    assert_eq!(answer["response"]["body"], json!(["a"]));
    let asked = &house.backend.asked()[1];
    assert_eq!(asked.line(), "GET /api/shelves/x/books?top=5");
    assert_eq!(asked.header("x-lang"), "de");
    let body = request("POST", json!({"body": {"title": "T"}}));
    let answer = people.ask(OWNER, (Method::POST, &invoke), Some(&body), 200).await;
    let response = &answer["response"];
    assert_eq!((&response["statusCode"], &response["body"]["id"]), (&json!("Created"), &json!(9)));
    assert_eq!(house.backend.asked()[2].json(), json!({"title": "T"}));
}

#[tokio::test]
async fn only_who_has_a_connection_calls_through_it() {
    let house = House::open(|_, _| (200, Vec::new(), json!([]))).await;
    let people = &house.people;
    let path = at(&house, "lib1");
    let invoke = format!("{path}/dynamicInvoke");
    let body = json!({"request": {"method": "get", "path": "/shelves/a/books"}});
    // nor is it told from one that is not there
    for (who, path) in [
        (CO_OWNER, path.clone()),
        (STRANGER, path.clone()),
        (ADMINISTRATOR, path.clone()),
        (OWNER, at(&house, "none")),
        (OWNER, path.replace(&people.environment, "other")),
        (OWNER, path.replace(&people.environment, "nowhere")),
    ] {
        let refused = people.ask(who, (Method::GET, &path), None, 403).await;
        assert_eq!(refused["error"]["code"], "ConnectionAuthorizationFailed", "{path}");
    }
    for who in [CO_OWNER, STRANGER, ADMINISTRATOR] {
        people.ask(who, (Method::POST, &invoke), Some(&body), 403).await;
        let proxied = format!("{path}/extensions/proxy/shelves/a/books");
        people.ask(who, (Method::GET, &proxied), None, 403).await;
    }
    assert!(house.backend.asked().is_empty());
    let nobody = people.world.api.request(Method::GET, &path);
    assert_eq!(
        nobody.header("authorization", "Bearer x").send().await.expect("an answer").status(),
        401
    );
}

#[tokio::test]
async fn what_cannot_be_called_is_refused_in_words() {
    let house = House::open(|_, _| (200, Vec::new(), json!([]))).await;
    let people = &house.people;
    let path = at(&house, "lib1");
    let invoke = format!("{path}/dynamicInvoke");
    for (method, path, body, status, code) in [
        (Method::DELETE, path.clone(), None, 405, "MethodNotAllowed"),
        (Method::PUT, path.clone(), Some(json!({})), 405, "MethodNotAllowed"),
        (Method::GET, invoke.clone(), None, 405, "MethodNotAllowed"),
        (Method::POST, invoke.clone(), Some(json!({})), 400, "InvalidRequestContent"),
        (Method::POST, invoke.clone(), Some(json!({"request": 1})), 400, "InvalidRequestContent"),
        (Method::POST, invoke.clone(), Some(json!({"request": {}})), 400, "InvalidRequestContent"),
        (
            Method::POST,
            invoke.clone(),
            Some(json!({"request": {"method": "get", "path": "/none"}})),
            404,
            "OperationNotFound",
        ),
        (Method::GET, format!("{path}/extensions/proxy/none"), None, 404, "OperationNotFound"),
        (Method::GET, format!("{path}/extensions/proxy"), None, 404, "ResourceNotFound"),
        (Method::POST, format!("{path}/listConnectionKeys"), None, 404, "ResourceNotFound"),
        (Method::GET, format!("{SUBSCRIPTION}/resourceGroups"), None, 404, "ResourceNotFound"),
        (
            Method::GET,
            path.replace(SUBSCRIPTION, "/subscriptions/mine"),
            None,
            400,
            "InvalidSubscriptionId",
        ),
        (Method::GET, format!("{path}?api-version=new"), None, 400, "InvalidApiVersionParameter"),
    ] {
        let answer = people.ask(OWNER, (method.clone(), &path), body.as_ref(), status).await;
        assert_eq!(answer["error"]["code"], code, "{method} {path}: {answer}");
    }
    // a connection of another connector has the same name: which one is meant nobody knows
    let own =
        json!({"properties": {"connectionParametersSet": {"name": "firstParty", "values": {}}}});
    let other = "apis/shared_flowmanagement/connections/lib1";
    people.api(OWNER, Method::PUT, other, Some(&own), 201).await;
    let refused = people.ask(OWNER, (Method::GET, &path), None, 409).await;
    assert_eq!(refused["error"]["code"], "AmbiguousConnection");
}

#[tokio::test]
async fn connectors_of_the_server_answer_too() {
    let house = House::open(|_, _| (500, Vec::new(), Value::Null)).await;
    let people = &house.people;
    let own =
        json!({"properties": {"connectionParametersSet": {"name": "firstParty", "values": {}}}});
    people
        .api(OWNER, Method::PUT, "apis/shared_flowmanagement/connections/m1", Some(&own), 201)
        .await;
    let path = at(&house, "m1");
    let shown = people.ask(OWNER, (Method::GET, &path), None, 200).await;
    assert_eq!(shown["properties"]["api"]["type"], "Microsoft.Web/locations/managedApis");
    let flows = format!("environments/{}/flows", people.environment);
    let (flow, _) = people.flow().await;
    let proxied = format!("{path}/extensions/proxy/{flows}");
    let listed = people.ask(OWNER, (Method::GET, &proxied), None, 200).await;
    assert_eq!(listed["value"][0]["name"], flow.as_str());
    // where the next page is can be followed
    let (other, _) = people.flow().await;
    let mut names = Vec::new();
    let mut next = Some(format!("{proxied}?$top=1"));
    while let Some(path) = next {
        let page = people.ask(OWNER, (Method::GET, &path), None, 200).await;
        let rows = page["value"].as_array().expect("a list").iter();
        names.extend(rows.map(|it| it["name"].as_str().expect("a name").to_owned()));
        next = page["nextLink"].as_str().map(|link| path_of(link).to_owned());
    }
    assert_eq!(names, [other, flow]);
    let body = json!({"request": {"method": "get", "path": format!("/{flows}/none")}});
    let invoke = format!("{path}/dynamicInvoke");
    let answer = people.ask(OWNER, (Method::POST, &invoke), Some(&body), 200).await;
    assert_ne!(answer["response"]["statusCode"], "OK", "{answer}");
}
