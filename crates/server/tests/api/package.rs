//! Packages: export, the address of the zip, inspection and import.

use super::world::{Answer, World, compose, definition};
use reqwest::Method;
use serde_json::{Value, json};

const B: &str = "/providers/Microsoft.BusinessAppPlatform/environments/~default";

const FLOW: &str = "0f2d4ef5-4151-4e93-9aaa-1f380d7ed95d";

/// A flow that uses a connector: its name, which is its id as well, and its definition.
async fn exported_flow(world: &World) -> (String, Value) {
    let definition = definition(json!({"A": compose("", json!({"n": 1.5, "t": "äöü"}))}));
    let references = json!({
        "shared_sql": {
            "connectionName": "sql-1",
            "source": "Embedded",
            "id": "/providers/Microsoft.PowerApps/apis/shared_sql",
            "tier": "NotSpecified",
        },
    });
    let document = json!({
        "properties": {"definition": definition, "connectionReferences": references},
    });
    let body = json!({"name": FLOW, "displayName": "Hello there", "document": document});
    world.call(Method::POST, "/api/v1/flows", body, 201).await;
    (FLOW.to_owned(), definition)
}

/// The zip of a flow, as the command line of Microsoft 365 gets it.
async fn export(world: &World, flow: &str) -> (Value, reqwest::Response) {
    let id = format!("/providers/Microsoft.Flow/flows/{flow}");
    let path = format!("{B}/listPackageResources?api-version=2016-11-01");
    let listed = world.call(Method::POST, &path, json!({"baseResourceIds": [id]}), 200).await;
    assert_eq!(listed["status"], "Succeeded");
    let mut resources = listed["resources"].clone();
    for resource in resources.as_object_mut().unwrap().values_mut() {
        let is_flow = resource["type"] == "Microsoft.Flow/flows";
        resource["suggestedCreationType"] = json!(if is_flow { "Update" } else { "Existing" });
    }
    let path = format!("{B}/exportPackage?api-version=2016-11-01");
    let body = json!({
        "includedResourceIds": [id], "details": {"displayName": "Hello"}, "resources": resources,
    });
    let exported = world.call(Method::POST, &path, body, 200).await;
    let link = exported["packageLink"]["value"].as_str().expect("an address").to_owned();
    let path = crate::support::api::path_of(&link);
    let answer = world.api.request(Method::GET, path).send().await.expect("a zip");
    assert_eq!(answer.status(), 200, "{link}");
    (json!({"listed": listed, "exported": exported, "link": link}), answer)
}

#[tokio::test]
async fn a_flow_is_exported_as_clients_do_it() {
    let world = World::start().await;
    let (flow, _) = exported_flow(&world).await;
    let (said, answer) = export(&world, &flow).await;
    let link = said["link"].as_str().unwrap();
    let file = link.split('/').find(|part| part.contains(".zip")).unwrap();
    assert!(file.starts_with("Hello_20") && file.contains(".zip?"), "{link}");
    assert_eq!(answer.headers()["content-type"], "application/zip");
    let bytes = answer.bytes().await.unwrap();
    assert!(bytes.starts_with(b"PK\x03\x04"));
    let resources = said["listed"]["resources"].as_object().unwrap();
    let types: Vec<&Value> = resources.values().map(|it| &it["type"]).collect();
    assert_eq!(
        types,
        [
            "Microsoft.Flow/flows",
            "Microsoft.PowerApps/apis",
            "Microsoft.PowerApps/apis/connections"
        ]
    );
    let depends = resources.values().next().unwrap()["dependsOn"].as_array().unwrap();
    assert!(depends.iter().all(|key| resources.contains_key(key.as_str().unwrap())));
    let exported = &said["exported"];
    assert_eq!(exported["status"], "Succeeded");
    assert_eq!(exported["details"]["displayName"], "Hello");
    assert!(exported["details"]["createdTime"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test]
async fn the_address_of_a_package_is_signed() {
    let world = World::start().await;
    let (flow, _) = exported_flow(&world).await;
    let (said, _) = export(&world, &flow).await;
    let link = crate::support::api::path_of(said["link"].as_str().unwrap()).to_owned();
    for (wrong, with) in
        [("sig=", "sig=A"), ("Hello_", "Other_"), ("export=", "export=A"), ("se=2", "se=3")]
    {
        assert!(link.contains(wrong), "{link}");
        let forged = link.replacen(wrong, with, 1);
        let answer = Answer::of(world.api.request(Method::GET, &forged)).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (403, "AuthorizationFailed"),
            "{forged}"
        );
    }
    let posted = Answer::of(world.api.request(Method::POST, &link)).await;
    assert_eq!(posted.status, 405);
}

#[tokio::test]
async fn what_cannot_be_exported_is_refused() {
    let world = World::start().await;
    for (path, body, status) in [
        (
            "listPackageResources",
            json!({"baseResourceIds": ["/providers/Microsoft.Flow/flows/x"]}),
            404,
        ),
        ("listPackageResources", json!({"baseResourceIds": []}), 400),
        ("listPackageResources", json!({"baseResourceIds": ["x"]}), 400),
        ("listPackageResources", json!({}), 400),
        ("exportPackage", json!({"includedResourceIds": []}), 400),
        (
            "exportPackage",
            json!({"includedResourceIds": ["/providers/Microsoft.Flow/flows/x"]}),
            404,
        ),
        ("somethingElse", json!({}), 404),
    ] {
        let answer = world.call(Method::POST, &format!("{B}/{path}"), body, status).await;
        assert!(answer["error"]["message"].is_string(), "{path}: {answer}");
    }
}

/// The zip of a flow over the native API.
async fn zip_of(world: &World, flow: &str) -> Vec<u8> {
    let request = world.api.request(Method::GET, &format!("/api/v1/flows/{flow}/package"));
    let answer = request.bearer_auth(crate::support::TOKEN).send().await.expect("a zip");
    assert_eq!(answer.status(), 200);
    answer.bytes().await.expect("bytes").to_vec()
}

async fn inspect(world: &World, zip: Vec<u8>) -> Value {
    let request = world.api.request(Method::POST, "/api/v1/packages/inspect").body(zip);
    let answer = Answer::of(request.bearer_auth(crate::support::TOKEN)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[tokio::test]
async fn a_package_comes_back_as_it_went_out() {
    let world = World::start().await;
    let (flow, definition) = exported_flow(&world).await;
    let zip = zip_of(&world, &flow).await;
    let content = inspect(&world, zip.clone()).await;
    assert_eq!(content["form"], "package");
    let key = content["flows"][0]["key"].as_str().unwrap().to_owned();
    let body = json!({
        "package": base64(&zip),
        "flows": {(key.clone()): {"name": "copy", "displayName": "A copy"}},
        "connections": {"shared_sql": "mine"},
    });
    let done = world.call(Method::POST, "/api/v1/packages/import", body, 200).await;
    let made = &done["flows"][0];
    assert_eq!((&made["name"], &made["created"]), (&json!("copy"), &json!(true)), "{done}");
    assert_eq!((&made["displayName"], &made["state"]), (&json!("A copy"), &json!("Stopped")));
    let copy = world.api.get("/api/v1/flows/copy").await;
    assert_eq!(copy["definition"], definition);
    let reference = &copy["connectionReferences"]["shared_sql"];
    assert_eq!(reference["connectionName"], "mine");
    assert_eq!(reference["id"], "/providers/Microsoft.PowerApps/apis/shared_sql");
    // the same again as a new version of what there is
    let body = json!({"package": base64(&zip), "flows": {(key): {"update": "copy"}}});
    let done = world.call(Method::POST, "/api/v1/packages/import", body, 200).await;
    assert_eq!(
        (&done["flows"][0]["created"], &done["flows"][0]["version"]),
        (&json!(false), &json!(2))
    );
    let copy = world.api.get("/api/v1/flows/copy").await;
    assert_eq!(copy["connectionReferences"]["shared_sql"]["connectionName"], "sql-1");
    let again = inspect(&world, zip_of(&world, "copy").await).await;
    for part in ["definition", "connectionReferences"] {
        assert_eq!(again["flows"][0][part], content["flows"][0][part], "{part}");
    }
}

#[tokio::test]
async fn an_import_makes_everything_or_nothing() {
    let world = World::start().await;
    let (flow, _) = exported_flow(&world).await;
    let zip = base64(&zip_of(&world, &flow).await);
    for (body, status, code) in [
        (json!({"package": "*"}), 400, "InvalidRequestContent"),
        (json!({"package": ""}), 400, "InvalidPackage"),
        (json!({"package": zip, "flows": {"x": {}}}), 400, "UnknownPackageFlow"),
        (json!({"package": zip, "connections": {"x": "y"}}), 400, "UnknownPackageConnection"),
        (json!({"package": zip, "flows": {"Hello there": {"update": "x"}}}), 404, "FlowNotFound"),
        (json!({"package": zip, "flows": {"Hello there": {"name": "a/b"}}}), 400, "InvalidName"),
    ] {
        let answer = world.call(Method::POST, "/api/v1/packages/import", body, status).await;
        assert_eq!(answer["error"]["code"], code, "{answer}");
    }
    let skipped = json!({"package": zip, "flows": {"Hello there": {"skip": true}}});
    let done = world.call(Method::POST, "/api/v1/packages/import", skipped, 200).await;
    assert_eq!(done["flows"], json!([]));
    assert_eq!(world.api.list("/api/v1/flows").await.len(), 1);
}

#[tokio::test]
async fn every_package_of_the_corpus_is_imported() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = folder.join("../../../shared/corpus/packages");
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) => {
            println!("skipped: {}: {error}", folder.display());
            return;
        }
    };
    let world = World::start().await;
    let mut flows = 0;
    for entry in entries {
        let path = entry.unwrap().path();
        let shown = path.display().to_string();
        if !shown.ends_with(".zip") {
            continue;
        }
        let zip = std::fs::read(&path).unwrap();
        let content = inspect(&world, zip.clone()).await;
        let body = json!({"package": base64(&zip)});
        let (status, done) =
            world.api.call(Method::POST, "/api/v1/packages/import", Some(&body)).await;
        assert_eq!(status, 200, "{shown}: {done}");
        let (given, made) =
            (content["flows"].as_array().unwrap(), done["flows"].as_array().unwrap());
        assert_eq!(given.len(), made.len(), "{shown}");
        for (given, made) in given.iter().zip(made) {
            flows += 1;
            let again = zip_of(&world, made["name"].as_str().unwrap()).await;
            let again = inspect(&world, again).await;
            for part in ["definition", "connectionReferences", "displayName"] {
                assert_eq!(again["flows"][0][part], given[part], "{shown}: {part}");
            }
        }
    }
    println!("{flows} flows were imported");
}
