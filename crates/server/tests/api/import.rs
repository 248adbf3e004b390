//! Import of packages as scripts for the original do it: storage, parameters, validation, and
//! the import with its result.

use crate::people::{People, flow_body};
use crate::world::Answer;
use reqwest::Method;
use serde_json::{Value, json};

const OWNER: usize = 0;
const CO_OWNER: usize = 1;
const STRANGER: usize = 4;
const ROBOT: usize = 6;

fn platform(people: &People, rest: &str) -> String {
    let provider = "/providers/Microsoft.BusinessAppPlatform/environments";
    format!("{provider}/{}/{rest}", people.environment)
}

fn path_of(url: &str) -> String {
    crate::support::api::path_of(url).to_owned()
}

/// A package of a flow, and the flow's name.
async fn exported(people: &People) -> (String, Vec<u8>) {
    let body = flow_body("Shared", "Stopped");
    let made = people.ask(OWNER, (Method::POST, &people.flows()), Some(&body), 201).await;
    let name = made["name"].as_str().expect("a name").to_owned();
    let body = json!({"includedResourceIds": [format!("/providers/Microsoft.Flow/flows/{name}")]});
    let path = platform(people, "exportPackage");
    let exported = people.ask(OWNER, (Method::POST, &path), Some(&body), 200).await;
    let link = exported["packageLink"]["value"].as_str().expect("a link");
    let answer = people.world.api.request(Method::GET, &path_of(link)).send().await;
    let answer = answer.expect("a zip");
    assert_eq!(answer.status(), 200);
    (name, answer.bytes().await.expect("bytes").to_vec())
}

/// An address at which somebody may put a package, as the file of a container.
async fn storage(people: &People, who: usize) -> String {
    let path = platform(people, "generateResourceStorage?api-version=2016-11-01");
    let given = people.ask(who, (Method::POST, &path), None, 200).await;
    let url = given["sharedAccessSignature"].as_str().expect("an address").to_owned();
    let (container, query) = url.split_once('?').expect("a query");
    format!("{container}/package.zip?{query}")
}

async fn put(people: &People, url: &str, bytes: Vec<u8>) -> Answer {
    let request = people.world.api.request(Method::PUT, &path_of(url));
    Answer::of(request.header("x-ms-blob-type", "BlockBlob").body(bytes)).await
}

async fn uploaded(people: &People, zip: &[u8]) -> String {
    let url = storage(people, OWNER).await;
    let answer = put(people, &url, zip.to_vec()).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    url
}

/// What is answered at the address that 202 leads to.
async fn result(people: &People, what: &str, body: &Value) -> Value {
    let path = platform(people, &format!("{what}?api-version=2016-11-01"));
    let answer = people.send(OWNER, Method::POST, &path, Some(body)).await;
    assert_eq!((answer.status, answer.header("retry-after")), (202, "1"), "{}", answer.text);
    let location = path_of(answer.header("location"));
    // nobody else's
    people.ask(CO_OWNER, (Method::GET, &location), None, 404).await;
    people.ask(STRANGER, (Method::GET, &location), None, 403).await;
    let result = people.ask(OWNER, (Method::GET, &location), None, 200).await;
    assert!(location.contains(result["name"].as_str().expect("a name")));
    result["properties"].clone()
}

fn resource<'a>(of: &'a mut Value, kind: &str) -> &'a mut Value {
    let all = of["resources"].as_object_mut().expect("resources");
    all.values_mut().find(|it| it["type"] == kind).expect("a resource")
}

const FLOW: &str = "Microsoft.Flow/flows";
const CONNECTION: &str = "Microsoft.PowerApps/apis/connections";

/// A choice for everything, and another for a resource of a kind.
fn chosen(listed: &Value, kind: &str, choice: Value) -> Value {
    let mut body = listed.clone();
    for resource in body["resources"].as_object_mut().expect("resources").values_mut() {
        resource["selectedCreationType"] = json!("Existing");
        resource["id"] = json!("/x/y");
    }
    let resource = resource(&mut body, kind);
    for (name, value) in choice.as_object().expect("an object") {
        resource[name] = value.clone();
    }
    body
}

#[tokio::test]
async fn a_package_is_imported_step_by_step() {
    let people = People::meet().await;
    let (name, zip) = exported(&people).await;
    let url = uploaded(&people, &zip).await;
    let body = json!({"packageLink": {"value": url}});
    let mut listed = result(&people, "listImportParameters", &body).await;
    assert_eq!(listed["status"], "Succeeded");
    assert_eq!(listed["details"]["displayName"], "Shared");
    let flow = resource(&mut listed, "Microsoft.Flow/flows");
    assert_eq!(flow["suggestedCreationType"], "Update");
    assert_eq!(flow["suggestedId"], format!("/providers/Microsoft.Flow/flows/{name}"));
    flow["selectedCreationType"] = json!("New");
    flow["details"]["displayName"] = json!("A copy");
    let connection = resource(&mut listed, "Microsoft.PowerApps/apis/connections");
    connection["selectedCreationType"] = json!("Existing");
    connection["id"] = json!("/providers/Microsoft.PowerApps/apis/shared_sql/connections/chosen");
    let path = platform(&people, "validateImportPackage");
    let valid = people.ask(OWNER, (Method::POST, &path), Some(&listed), 200).await;
    assert_eq!(valid["status"], "Succeeded", "{valid}");
    let mut done = result(&people, "importPackage", &listed).await;
    assert_eq!(done["status"], "Succeeded", "{done}");
    let id = resource(&mut done, "Microsoft.Flow/flows")["id"].as_str().expect("an id").to_owned();
    let copy = id.rsplit('/').next().expect("a name");
    assert_ne!(copy, name);
    let shown = format!("{}/{copy}", people.flows());
    let shown = people.ask(OWNER, (Method::GET, &shown), None, 200).await;
    assert_eq!(shown["properties"]["displayName"], "A copy");
    assert_eq!(shown["properties"]["creator"]["objectId"], people.all[OWNER].id.as_str());
    let reference = &shown["properties"]["connectionReferences"]["shared_sql"];
    assert_eq!(reference["connectionName"], "chosen");
    let original = format!("{}/{name}", people.flows());
    let original = people.ask(OWNER, (Method::GET, &original), None, 200).await;
    for part in ["triggers", "actions"] {
        let of = |flow: &Value| flow["properties"]["definition"][part].clone();
        assert_eq!(of(&shown), of(&original), "{part}");
    }
    // once more, as a new version
    let flow = resource(&mut listed, "Microsoft.Flow/flows");
    flow["selectedCreationType"] = json!("Update");
    flow["id"] = json!(id);
    let done = result(&people, "importPackage", &listed).await;
    assert_eq!(done["status"], "Succeeded", "{done}");
    let flows = people.ask(OWNER, (Method::GET, &people.flows()), None, 200).await;
    assert_eq!(flows["value"].as_array().expect("a list").len(), 2);
    // who did it, and that something was made of it
    let audit = people.world.api.list("/api/v1/audit?operation=ImportPackage").await;
    assert_eq!(audit.len(), 2, "{audit:?}");
    for entry in &audit {
        assert_eq!(entry["actor"], people.all[OWNER].id.as_str());
        assert_eq!(entry["detail"]["displayName"], "Shared");
        assert_eq!(entry["detail"]["flows"].as_array().map(Vec::len), Some(1), "{entry}");
    }
    for (operation, flow) in [("CreateFlow", copy), ("UpdateFlow", copy)] {
        let audit = people.world.api.list(&format!("/api/v1/audit?operation={operation}")).await;
        let id = flow.replace('-', "");
        assert!(audit.iter().any(|entry| entry["target"] == id.as_str()), "{operation}");
    }
}

#[tokio::test]
async fn a_package_comes_in_blocks() {
    let people = People::meet().await;
    let (_, zip) = exported(&people).await;
    let url = storage(&people, OWNER).await;
    let (first, second) = zip.split_at(zip.len() / 2);
    for (id, block) in [("Yg==", second), ("YQ==", first)] {
        let answer = put(&people, &format!("{url}&comp=block&blockid={id}"), block.to_vec()).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
    }
    let list = "<BlockList><Latest>YQ==</Latest><Latest>eA==</Latest></BlockList>";
    let answer = put(&people, &format!("{url}&comp=blocklist"), list.into()).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "InvalidBlockList"));
    let list = "<BlockList><Latest>YQ==</Latest><Latest>Yg==</Latest></BlockList>";
    let answer = put(&people, &format!("{url}&comp=blocklist"), list.into()).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let body = json!({"packageLink": {"value": url}});
    let listed = result(&people, "listImportParameters", &body).await;
    assert_eq!(listed["status"], "Succeeded");
}

#[tokio::test]
async fn only_a_right_address_takes_a_package() {
    let people = People::meet().await;
    let url = storage(&people, OWNER).await;
    for (wrong, with) in [
        ("sig=", "sig=A"),
        ("se=2", "se=3"),
        ("by=", "by=x"),
        ("env=", "env=x"),
        ("/storage/", "/storage/a"),
    ] {
        assert!(url.contains(wrong), "{url}");
        let answer = put(&people, &url.replacen(wrong, with, 1), vec![1]).await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "AuthorizationFailed"), "{with}");
    }
    let get = Answer::of(people.world.api.request(Method::GET, &path_of(&url))).await;
    assert_eq!(get.status, 405, "{}", get.text);
    // one that is too large is refused before it comes, one without a signature at once
    for (url, status) in [(path_of(&url), 413), (path_of(&url).replace("sig=", "sig=A"), 403)] {
        let head = format!("PUT {url} HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999\r\n\r\n");
        let answer = crate::wire::exchange(people.world.server.addr, head.as_bytes()).await;
        assert_eq!(answer.expect("an answer").status, status);
    }
    // so many, and no more
    for _ in 0..8 {
        let url = storage(&people, OWNER).await;
        assert_eq!(put(&people, &url, vec![1]).await.status, 201);
    }
    let url = storage(&people, OWNER).await;
    let answer = put(&people, &url, vec![1]).await;
    assert_eq!((answer.status, answer.code().as_str()), (409, "TooManyUploads"));
    // who may make no flow gets no address
    let path = platform(&people, "generateResourceStorage");
    for who in [STRANGER, ROBOT] {
        people.ask(who, (Method::POST, &path), None, 403).await;
    }
}

#[tokio::test]
async fn what_cannot_be_imported_is_said() {
    let people = People::meet().await;
    let (name, zip) = exported(&people).await;
    let url = uploaded(&people, &zip).await;
    let junk = uploaded(&people, b"PK no zip").await;
    let empty = storage(&people, OWNER).await;
    let theirs = storage(&people, CO_OWNER).await;
    put(&people, &theirs, zip.clone()).await;
    let path = platform(&people, "listImportParameters");
    for (link, status, code) in [
        (junk.as_str(), 400, "InvalidPackage"),
        (empty.as_str(), 400, "PackageNotFound"),
        (theirs.as_str(), 403, "AuthorizationFailed"),
        ("https://example.org/x.zip", 400, "InvalidPackageLink"),
        ("http://169.254.169.254/storage/x/y.zip", 403, "AuthorizationFailed"),
        ("file:///etc/passwd", 400, "InvalidPackageLink"),
    ] {
        let body = json!({"packageLink": {"value": link}});
        let refused = people.ask(OWNER, (Method::POST, &path), Some(&body), status).await;
        assert_eq!(refused["error"]["code"], code, "{link}");
    }
    people.ask(OWNER, (Method::POST, &path), Some(&json!({})), 400).await;
    let body = json!({"packageLink": {"value": url}});
    let listed = result(&people, "listImportParameters", &body).await;
    for step in ["validateImportPackage", "importPackage"] {
        let path = platform(&people, step);
        for (body, code) in [
            (listed.clone(), "MissingProperty"),
            (chosen(&listed, FLOW, json!({"selectedCreationType": "Odd"})), "InvalidCreationType"),
            (chosen(&listed, FLOW, json!({"id": null})), "MissingProperty"),
            (chosen(&listed, CONNECTION, json!({"id": null})), "MissingProperty"),
            (
                chosen(&listed, CONNECTION, json!({"selectedCreationType": "New"})),
                "InvalidCreationType",
            ),
        ] {
            let refused = people.ask(OWNER, (Method::POST, &path), Some(&body), 400).await;
            assert_eq!(refused["error"]["code"], code, "{step}: {body}");
        }
        // somebody else's flow is not changed
        let update = json!({"selectedCreationType": "Update", "id": format!("/x/{name}")});
        let mut theirs_chosen = chosen(&listed, FLOW, update);
        theirs_chosen["packageLink"]["value"] = json!(theirs);
        people.ask(CO_OWNER, (Method::POST, &path), Some(&theirs_chosen), 403).await;
    }
}

#[tokio::test]
async fn a_wrong_choice_is_a_result() {
    let people = People::meet().await;
    let (_, zip) = exported(&people).await;
    let url = uploaded(&people, &zip).await;
    let body = json!({"packageLink": {"value": url}});
    let listed = result(&people, "listImportParameters", &body).await;
    let mut unknown = chosen(&listed, FLOW, json!({"selectedCreationType": "New"}));
    unknown["resources"]["odd"] =
        json!({"type": FLOW, "selectedCreationType": "New", "details": {"displayName": "x"}});
    let path = platform(&people, "validateImportPackage");
    let checked = people.ask(OWNER, (Method::POST, &path), Some(&unknown), 200).await;
    assert_eq!(
        (&checked["status"], &checked["errors"][0]["code"]),
        (&json!("Failed"), &json!("UnknownPackageFlow"))
    );
    let done = result(&people, "importPackage", &unknown).await;
    assert_eq!(done["status"], "Failed", "{done}");
    assert_eq!(done["resources"]["odd"]["error"]["code"], "UnknownPackageFlow");
    let flows = people.ask(OWNER, (Method::GET, &people.flows()), None, 200).await;
    assert_eq!(flows["value"].as_array().expect("a list").len(), 1);
    let gone = platform(&people, "packagingOperations/none");
    people.ask(OWNER, (Method::GET, &gone), None, 404).await;
}
