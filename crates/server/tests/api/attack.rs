//! Requests that try to get past a check, or to wear the server out: on the paths of the
//! resource providers, beside what `input`, `login` and `signature` try elsewhere.

use crate::people::{PROVIDER, People};
use crate::wire::{RawAnswer, Wire, exchange};
use crate::world::Answer;
use reqwest::Method;
use serde_json::{Value, json};

const OWNER: usize = 0;
/// May run the flow, and may not look at it.
const USER: usize = 2;
const STRANGER: usize = 4;

async fn raw(people: &People, request: &str) -> RawAnswer {
    let answer = exchange(people.world.server.addr, request.as_bytes()).await;
    answer.unwrap_or_else(|| panic!("no answer to {}", &request[..request.len().min(300)]))
}

async fn get(people: &People, who: usize, target: &str, headers: &str) -> RawAnswer {
    let key = &people.all[who].key;
    let head = format!("GET {target} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n");
    raw(people, &format!("{head}{headers}\r\n")).await
}

async fn still_works(people: &People) {
    let listed = people.ask(OWNER, (Method::GET, &people.flows()), None, 200).await;
    assert!(!listed["value"].as_array().expect("a list").is_empty());
}

#[tokio::test]
async fn no_spelling_of_a_path_opens_what_is_not_ones_own() {
    let people = People::meet().await;
    let (flow, run) = people.flow().await;
    let (flows, admin, within) = (people.flows(), people.admin_flows(), &people.environment);
    let mut targets = vec![
        format!("{flows}/../flows/{flow}"),
        format!("{flows}/./{flow}"),
        format!("{flows}/%2e%2e/flows/{flow}"),
        format!("{flows}/x/..%2f{flow}"),
        format!("{flows}%2f{flow}"),
        format!("{flows}%252f{flow}"),
        format!("{flows}/{flow}%2fowners"),
        format!("{flows}/{flow}%5cowners"),
        format!("{flows}/{flow}%00"),
        format!("{flows}/{flow}%00/owners"),
        format!("{flows}/{flow}."),
        format!("{flows}/{flow}%20"),
        format!("{flows}/{flow};x=1"),
        format!("{flows}/{flow}/runs/{run}/../../owners"),
        format!("{PROVIDER}/environments/~default/../{within}/flows/{flow}"),
        format!(
            "{PROVIDER}/environments/{within}/../../scopes/admin/environments/{within}/flows/{flow}"
        ),
        format!("{PROVIDER}/environments/{within}%2f..%2f..%2fscopes/admin/flows/{flow}"),
        format!("{PROVIDER}/scopes%2fadmin/environments/{within}/flows/{flow}"),
        format!("{PROVIDER}/%73copes/%61dmin/environments/{within}/flows/{flow}"),
        format!(
            "//providers/Microsoft.ProcessSimple/scopes//admin/environments/{within}/flows/{flow}"
        ),
        format!("{admin}/{flow}/").to_uppercase(),
        format!("/health/live/..{flows}/{flow}"),
        format!("http://x{flows}/{flow}"),
    ];
    targets.extend(
        ["owners", "permissions", "users", "runs", "triggers", "start", "RUNS", "Owners"]
            .map(|rest| format!("{flows}//{flow}///{rest}")),
    );
    for target in targets {
        for who in [USER, STRANGER] {
            let answer = get(&people, who, &target, "").await;
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            assert!((400..500).contains(&answer.status), "{target}: {answer:?}");
            assert!(!text.contains("Shared") && !text.contains("@example.org"), "{text}");
        }
    }
    // what is theirs answers at every spelling that clients use
    for target in [
        format!("{flows}//{flow}"),
        format!("{}/{flow}", flows.to_lowercase()),
        format!("{flows}/{}", flow.to_uppercase()),
        format!("{flows}/{flow}/"),
    ] {
        let answer = get(&people, OWNER, &target, "").await;
        assert_eq!(answer.status, 200, "{target}: {answer:?}");
        assert_eq!(answer.json()["name"], flow.as_str());
    }
}

#[tokio::test]
async fn no_header_changes_what_is_asked_or_who_asks() {
    let people = People::meet().await;
    let (flow, _) = people.flow().await;
    let path = format!("{}/{flow}", people.flows());
    for header in [
        "x-http-method-override: DELETE",
        "x-http-method: DELETE",
        "x-method-override: DELETE",
        "x-original-url: /api/v1/server",
        "x-rewrite-url: /api/v1/server",
        "x-forwarded-for: 127.0.0.1",
        "x-forwarded-prefix: /api/v1",
    ] {
        let answer = get(&people, OWNER, &path, &format!("{header}\r\n")).await;
        assert_eq!((answer.status, &answer.json()["name"]), (200, &json!(flow)), "{header}");
    }
    let owner = &people.all[OWNER];
    for headers in [
        String::new(),
        format!("x-ms-client-principal-id: {}\r\n", owner.id),
        format!("x-ms-client-principal: {}\r\n", owner.id),
        format!("x-authorization: Bearer {}\r\n", owner.key),
        format!("proxy-authorization: Bearer {}\r\n", owner.key),
        format!("cookie: access_token={0}; authorization=Bearer%20{0}\r\n", owner.key),
        format!("authorization: Basic {}\r\n", owner.key),
        format!("authorization: {}\r\n", owner.key),
        format!("authorization: Bearer\r\nx: {}\r\n", owner.key),
        // which of two is meant is not for the server to choose
        format!("authorization: Bearer {}\r\nauthorization: Bearer x\r\n", owner.key),
        format!("authorization: Bearer x\r\nauthorization: Bearer {}\r\n", owner.key),
        format!("authorization: Bearer {0}\r\nauthorization: Bearer {0}\r\n", owner.key),
        format!("authorization: Bearer x, Bearer {}\r\n", owner.key),
    ] {
        for path in [path.as_str(), "/api/v1/flows", "/v1.0/users"] {
            let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n{headers}\r\n");
            let answer = raw(&people, &request).await;
            assert_eq!(answer.status, 401, "{path} {headers}: {answer:?}");
        }
    }
    still_works(&people).await;
}

#[tokio::test]
async fn a_token_in_an_address_is_none() {
    let people = People::meet().await;
    let key = &people.all[OWNER].key;
    for name in ["access_token", "token", "api_key", "api-key", "key", "authorization", "code"] {
        for path in [people.flows(), "/api/v1/flows".to_owned(), "/v1.0/users".to_owned()] {
            let path = format!("{path}?{name}={key}&{name}=Bearer%20{key}");
            let answer = Answer::of(people.world.api.request(Method::GET, &path)).await;
            assert_eq!(answer.status, 401, "{path}: {}", answer.text);
            assert!(!answer.text.contains(key.as_str()), "{}", answer.text);
        }
    }
}

#[tokio::test]
async fn addresses_are_made_for_the_host_that_was_asked_and_for_no_other() {
    let people = People::meet().await;
    let (flow, _) = people.flow().await;
    people.flow().await;
    let key = &people.all[OWNER].key;
    let target = format!("{}?$top=1", people.flows());
    let link = async |headers: &str| {
        let head = format!("GET {target} HTTP/1.1\r\nauthorization: Bearer {key}\r\n");
        let answer = raw(&people, &format!("{head}{headers}\r\n")).await;
        assert_eq!(answer.status, 200, "{headers}: {answer:?}");
        answer.json()["nextLink"].as_str().expect("a link").to_owned()
    };
    let asked = link("host: flow.example.org\r\n").await;
    assert!(asked.starts_with("http://flow.example.org/providers/"), "{asked}");
    for headers in [
        "host: flow.example.org\r\nx-forwarded-host: evil.example\r\nx-forwarded-proto: https\r\n",
        "host: flow.example.org\r\nforwarded: host=evil.example;proto=https\r\n",
        "host: flow.example.org\r\nx-host: evil.example\r\nx-original-host: evil.example\r\n",
    ] {
        assert_eq!(link(headers).await, asked);
    }
    for host in ["evil.example/x?", "a@evil.example", "evil.example#", "evil.example%2f"] {
        let request =
            format!("GET {target} HTTP/1.1\r\nauthorization: Bearer {key}\r\nhost: {host}\r\n\r\n");
        let answer = raw(&people, &request).await;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(answer.status == 400 || !text.contains("evil.example"), "{host}: {text}");
    }
    // a signature is for a path, whatever the host is called
    let path = format!("{}/{flow}/triggers/manual/listCallbackUrl", people.flows());
    let given = people.ask(OWNER, (Method::POST, &path), None, 200).await;
    let url = given["response"]["value"].as_str().expect("an address").to_owned();
    let at = url.find("/workflows").expect("a path");
    let (target, other) = (&url[at..], url[at..].replace("/manual/", "/other/"));
    for (target, headers, status) in [
        (target, "host: evil.example\r\n", 202),
        (&other, "host: x\r\n", 401),
        (&other, "host: x\r\nx-original-url: /workflows\r\n", 401),
        (&other, "host: x\r\nx-forwarded-uri: /workflows\r\n", 401),
    ] {
        let request = format!("POST {target} HTTP/1.1\r\n{headers}content-length: 0\r\n\r\n");
        assert_eq!(raw(&people, &request).await.status, status, "{target} {headers}");
    }
}

#[tokio::test]
async fn what_is_too_large_is_refused_before_it_is_read() {
    let people = People::meet().await;
    let (flow, _) = people.flow().await;
    let key = &people.all[OWNER].key;
    let flows = people.flows();
    let platform = "/providers/Microsoft.BusinessAppPlatform/environments";
    for path in [
        flows.clone(),
        format!("{flows}/{flow}/modifyOwners"),
        format!("{flows}/{flow}/start"),
        format!("{flows}/{flow}/triggers/manual/run"),
        format!("{platform}/{}/listPackageResources", people.environment),
    ] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-length: 99999999\r\n\r\n"
        );
        let answer = raw(&people, &head).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (413, "RequestEntityTooLarge"),
            "{path}"
        );
        // nobody's body is read
        let head = head.replace(key.as_str(), "guessed");
        assert_eq!(raw(&people, &head).await.status, 401, "{path}");
    }
    let long = "y".repeat(70_000);
    for request in [
        format!(
            "GET {flows}?$filter={long} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n\r\n"
        ),
        format!("GET {flows}/{long} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n\r\n"),
        format!(
            "GET {flows} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n",
            long.repeat(20)
        ),
        format!("GET {flows} HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", long.repeat(20)),
    ] {
        let answer = exchange(people.world.server.addr, request.as_bytes()).await;
        let is_fine = answer.is_none_or(|answer| (400..500).contains(&answer.status));
        assert!(is_fine, "{}", &request[..200]);
    }
    still_works(&people).await;
}

#[tokio::test]
async fn who_sends_slowly_holds_nobody_up() {
    let people = People::meet().await;
    people.flow().await;
    let key = &people.all[OWNER].key;
    let mut slow = Vec::new();
    for _ in 0..40 {
        let mut wire = Wire::open(people.world.server.addr).await;
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-length: 100\r\n\r\n{{",
            people.flows()
        );
        wire.send(head.as_bytes()).await;
        slow.push(wire);
    }
    still_works(&people).await;
}

async fn post(people: &People, method: Method, path: &str, body: String) -> Answer {
    let request = people.world.api.request(method, path).bearer_auth(&people.all[OWNER].key);
    Answer::of(request.header("content-type", "application/json").body(body)).await
}

#[tokio::test]
async fn bombs_of_json_are_refused() {
    let people = People::meet().await;
    let (flow, _) = people.flow().await;
    let flows = people.flows();
    let one = format!("{flows}/{flow}");
    let deep = |open: &str, close: &str| {
        format!("{{\"properties\": {}7{}}}", open.repeat(100_000), close.repeat(100_000))
    };
    let with = |what: &str| {
        format!("{{\"properties\": {{\"displayName\": \"x\", \"state\": \"Stopped\", {what}}}}}")
    };
    let many = |item: &str| vec![item; 200_000].join(",");
    let keys: Vec<String> =
        (0..200_000).map(|at| format!("\"k{at}\": {{\"id\": \"x\"}}")).collect();
    let references = format!("\"connectionReferences\": [{}]", many(r#"{"id": "x"}"#));
    let keyed = format!("\"connectionReferences\": {{{}}}", keys.join(","));
    let put = format!(
        "{{\"put\": [{}]}}",
        many(r#"{"properties": {"principal": {"id": "nobody", "type": "User"}}}"#)
    );
    let delete = format!("{{\"delete\": [{}]}}", many(r#"{"id": "nobody"}"#));
    let digits = "9".repeat(1_000_000);
    let ids = many("\"/providers/Microsoft.Flow/flows/x\"");
    let platform = "/providers/Microsoft.BusinessAppPlatform/environments";
    let package = format!("{platform}/{}/listPackageResources", people.environment);
    for (path, body, code) in [
        (&flows, deep("[", "]"), "InvalidRequestContent"),
        (&flows, deep("{\"a\":", "}"), "InvalidRequestContent"),
        (&flows, with(&references), "TooManyConnectionReferences"),
        (&flows, with(&keyed), "TooManyConnectionReferences"),
        (&flows, with(&format!("\"definition\": {digits}")), ""),
        (&flows, with("\"definition\": 1e400"), "InvalidRequestContent"),
        (&format!("{one}/modifyOwners"), put.clone(), "TooManyOwners"),
        (&format!("{one}/modifyUsers"), put.clone(), "TooManyOwners"),
        (&format!("{one}/modifyPermissions"), put, "TooManyOwners"),
        (&format!("{one}/modifyPermissions"), delete, "TooManyOwners"),
        (&package, format!("{{\"baseResourceIds\": [{ids}]}}"), "InvalidResourceId"),
    ] {
        let answer = post(&people, Method::POST, path, body).await;
        assert_eq!(answer.status, 400, "{path}: {}", &answer.text[..answer.text.len().min(500)]);
        assert!(code.is_empty() || answer.code() == code, "{path}: {}", answer.text);
        assert!(answer.text.len() < 5_000, "{path}: the answer repeats the body");
    }
    still_works(&people).await;
}

#[tokio::test]
async fn what_a_body_says_twice_is_said_once() {
    let people = People::meet().await;
    let body = r#"{"properties": {"displayName": "first", "displayName": "second", "state": "Stopped",
        "definition": {"triggers": {}, "actions": {}}}}"#;
    let answer = post(&people, Method::POST, &people.flows(), body.to_owned()).await;
    // one of them, and the same everywhere; or refused
    if answer.status == 201 {
        let flow = answer.json();
        let shown = format!("{}/{}", people.flows(), flow["name"].as_str().expect("a name"));
        let shown: Value = people.ask(OWNER, (Method::GET, &shown), None, 200).await;
        assert_eq!(shown["properties"]["displayName"], flow["properties"]["displayName"]);
    } else {
        assert_eq!(answer.status, 400, "{}", answer.text);
    }
}
