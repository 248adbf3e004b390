//! Vaults: what is put into them is read by flows of those who may, and shown to nobody.

use crate::connector_call::power;
use crate::people::{CO_OWNER, OWNER, People, USER};
use crate::sealing_key::{rotated, stored};
use crate::stored::{db, ends};
use crate::support::Setup;
use crate::world::{Answer, World, compose, definition, response};
use reqwest::Method;
use serde_json::{Value, json};

const FIRST: &str = "first-tulip-5c1d";
const SECOND: &str = "second \"rose\" & 9e3f";
const CONNECTION: &str = "apis/shared_keyvault/connections/kv1";

/// People with a vault of the owner's, in which a secret has two versions.
struct Bank {
    people: People,
    /// Of the secret, the oldest first.
    versions: Vec<String>,
}

fn connection() -> Value {
    json!({"properties": {"connectionParameters": {"vaultName": "payments"}}})
}

impl Bank {
    async fn open() -> Bank {
        let trace = |setup: crate::support::Setup, _: &_| setup.env("SLUICEGATE_LOG", "trace");
        let people = People::meet_in(World::start_with(trace).await).await;
        let mut bank = Bank { people, versions: Vec::new() };
        let body = json!({"name": "payments"});
        bank.ask(OWNER, Method::POST, "", Some(body), 201).await;
        for value in [FIRST, SECOND] {
            let body = json!({"value": value, "contentType": "text/plain"});
            let set = bank.ask(OWNER, Method::PUT, "/payments/secrets/Api-Key", Some(body), 200);
            bank.versions.push(set.await["version"].as_str().expect("a version").to_owned());
        }
        bank
    }

    fn path(&self, rest: &str) -> String {
        format!("/api/v1/environments/{}/vaults{rest}", self.people.environment)
    }

    /// A call about vaults; no answer of any has a value in it.
    async fn ask(
        &self,
        who: usize,
        method: Method,
        rest: &str,
        body: Option<Value>,
        status: u16,
    ) -> Value {
        let answer = self.people.send(who, method.clone(), &self.path(rest), body.as_ref()).await;
        assert_eq!(answer.status, status, "{method} {rest} by {who}: {}", answer.text);
        for secret in [FIRST, "rose"] {
            assert!(!answer.text.contains(secret), "{method} {rest}: {}", answer.text);
        }
        serde_json::from_str(&answer.text).unwrap_or_default()
    }

    /// A flow of the owner's over the connection; its trigger's path.
    async fn flow(&self, name: &str, document: &Value) -> String {
        let apis = "/providers/Microsoft.PowerApps/apis/shared_keyvault";
        let body = json!({"properties": {
            "displayName": name, "definition": document, "state": "Started",
            "connectionReferences": {"shared_keyvault":
                {"connectionName": "kv1", "source": "Embedded", "id": apis}}}});
        let flows = self.people.flows();
        let made = self.people.ask(OWNER, (Method::POST, &flows), Some(&body), 201);
        let made = made.await["name"].as_str().expect("a name").to_owned();
        let path = format!("{}/{made}/triggers/manual/listCallbackUrl", self.people.flows());
        let url = self.people.ask(OWNER, (Method::POST, &path), None, 200).await;
        let url = url["response"]["value"].as_str().expect("an address");
        crate::support::api::path_of(url).to_owned()
    }

    async fn fire(&self, address: &str) -> Answer {
        self.people.world.fire(address, &json!({})).await
    }

    /// What is shown of an action.
    async fn action(&self, run: &str, name: &str) -> Value {
        self.people.world.api.get(&format!("/api/v1/runs/{run}/actions/{name}")).await
    }
}

fn call(after: &str, operation: &str, parameters: Value) -> Value {
    json!({"type": "OpenApiConnection", "runAfter": crate::world::run_after(after), "inputs": {
        "host": {"connectionName": "shared_keyvault", "operationId": operation,
            "apiId": "/providers/Microsoft.PowerApps/apis/shared_keyvault"},
        "parameters": parameters}})
}

/// Reads in every way, says the value in its own words, and answers with it.
fn reading(version: &str) -> Value {
    let named = json!({"secretName": "api-key"});
    let old = json!({"secretName": "API-KEY", "secretVersion": version});
    power(definition(json!({
        "Get": call("", "GetSecret", named.clone()),
        "Old": call("Get", "GetSecretVersion", old.clone()),
        "List": call("Old", "ListSecrets", json!({})),
        "Versions": call("List", "ListSecretVersions", named.clone()),
        "Known": call("Versions", "GetSecretMetadata", named),
        "Older": call("Known", "GetSecretVersionMetadata", old),
        "Say": compose("Older", json!({"it is @{body('Get')['value']}": ["@string(body('Get'))",
            "@uriComponent(body('Get')['value'])"]})),
        "Answer": response("Say", "@{body('Get')['value']}|@{body('Old')['value']}"),
    })))
}

/// Fails with the secret in its mouth.
fn telling() -> Value {
    let stop = json!({"type": "Terminate", "runAfter": {"Get": ["Succeeded"]}, "inputs": {
        "runStatus": "Failed",
        "runError": {"code": "Told", "message": "it is @{body('Get')['value']}."}}});
    let get = call("", "GetSecret", json!({"secretName": "api-key"}));
    power(definition(json!({"Get": get, "Stop": stop})))
}

#[tokio::test(flavor = "multi_thread")]
async fn flows_read_what_nobody_is_shown() {
    let mut bank = Bank::open().await;
    bank.people.api(OWNER, Method::PUT, CONNECTION, Some(&connection()), 201).await;
    let address = bank.flow("read", &reading(&bank.versions[0])).await;
    let answer = bank.fire(&address).await;
    // the running flow has real values
    assert_eq!((answer.status, answer.text.as_str()), (200, &*format!("{SECOND}|{FIRST}")));
    let run = answer.run().to_owned();
    let check = async |bank: &Bank| {
        let get = bank.action(&run, "Get").await;
        assert_eq!(get["outputs"]["body"]["value"], "********", "{get}");
        assert_eq!(get["outputs"]["body"]["version"], bank.versions[1].as_str());
        let known = bank.action(&run, "Known").await;
        assert_eq!(known["outputs"]["body"]["name"], "Api-Key");
        assert_eq!(known["outputs"]["body"]["contentType"], "text/plain");
        let versions = bank.action(&run, "Versions").await;
        assert_eq!(versions["outputs"]["body"]["value"].as_array().map(Vec::len), Some(2));
        let say = bank.action(&run, "Say").await;
        assert!(say["outputs"]["it is ********"].is_array(), "{say}");
        let actions = bank.people.world.api.get(&format!("/api/v1/runs/{run}/actions")).await;
        let shown = bank.people.world.api.get(&format!("/api/v1/runs/{run}")).await;
        for text in [actions.to_string(), shown.to_string(), say.to_string()] {
            for secret in [FIRST, "rose"] {
                assert!(!text.contains(secret), "{text}");
            }
        }
    };
    check(&bank).await;
    let telling = bank.flow("tell", &telling()).await;
    let told = bank.people.world.run(&telling, &json!({})).await;
    assert_eq!(told["error"]["message"], "it is ********.", "{told}");
    let name = told["flow"].as_str().expect("a flow").to_owned();
    let environment = bank.people.environment.clone();
    let runs = format!("/api/v1/flows/{name}/runs?environment={environment}");
    let listed = bank.people.world.api.list(&runs).await;
    assert_eq!(listed[0]["error"]["message"], "it is ********.", "{listed:?}");
    for (text, count) in [("rose", 0), ("it%20is", 1)] {
        let found = bank.people.world.api.list(&format!("{runs}&search={text}")).await;
        assert_eq!(found.len(), count, "{text}");
    }
    // keys are rotated under it
    let rotate = "/api/v1/sealing-keys/rotate";
    bank.people.world.call(Method::POST, rotate, json!({}), 202).await;
    assert_eq!(rotated(&bank.people.world).await["secretsDamaged"], 0);
    assert_eq!(bank.fire(&address).await.text, format!("{SECOND}|{FIRST}"));
    // what is gone from the vault is in histories, and not shown either
    bank.ask(OWNER, Method::DELETE, "/payments/secrets/api-key", None, 204).await;
    let gone = bank.fire(&address).await;
    let get = bank.action(gone.run(), "Get").await;
    assert_eq!(get["outputs"]["statusCode"], 404, "{get}");
    // in another life nothing is in memory
    let look = |setup: &Setup| {
        for secret in [FIRST, "second \"rose", "second \\\"rose", "second%20"] {
            assert!(!stored(&setup.data, secret.as_bytes()), "{secret}");
        }
        let log = std::fs::read_to_string(setup.log()).expect("the log");
        assert!(!log.contains(FIRST) && !log.contains("rose"));
        ends(0, db(&["verify"], &setup.data));
    };
    bank.people.world = bank.people.world.again(look).await;
    check(&bank).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_disabled_and_the_oldest_go() {
    let bank = Bank::open().await;
    bank.people.api(OWNER, Method::PUT, CONNECTION, Some(&connection()), 201).await;
    let address = bank.flow("read", &reading(&bank.versions[0])).await;
    let at = "/payments/secrets/api-key";
    let off = json!({"version": bank.versions[0], "isEnabled": false, "contentType": "",
        "validUntil": "2030-01-01T00:00:00Z"});
    let changed = bank.ask(OWNER, Method::PATCH, at, Some(off), 200).await;
    let oldest = &changed["versions"][1];
    assert_eq!((&oldest["isEnabled"], &oldest["contentType"]), (&json!(false), &Value::Null));
    assert_eq!(oldest["validUntil"], "2030-01-01T00:00:00.0000000Z");
    assert_eq!(changed["isEnabled"], true);
    let run = bank.fire(&address).await.run().to_owned();
    let old = bank.action(&run, "Old").await;
    assert_eq!(old["outputs"]["statusCode"], 403, "{old}");
    for number in 0..100 {
        let body = json!({"value": format!("filler {number}")});
        bank.ask(OWNER, Method::PUT, at, Some(body), 200).await;
    }
    let shown = bank.ask(OWNER, Method::GET, at, None, 200).await;
    assert_eq!(shown["versions"].as_array().map(Vec::len), Some(100));
    assert!(
        !shown.to_string().contains(&bank.versions[1]) && !shown.to_string().contains("filler")
    );
    // what makes no sense is said
    for (rest, body, code) in [
        (at, json!({"value": ""}), "InvalidSecret"),
        (at, json!({"value": "x".repeat(25_601)}), "InvalidSecret"),
        (at, json!({"value": "x", "validFrom": "soon"}), "InvalidQuery"),
        ("/payments/secrets/a_b", json!({"value": "x"}), "InvalidVaultName"),
    ] {
        let told = bank.ask(OWNER, Method::PUT, rest, Some(body), 400).await;
        assert_eq!(told["error"]["code"], code, "{told}");
    }
    let none = "/payments/secrets/none";
    let told = bank.ask(OWNER, Method::GET, none, None, 404).await;
    assert_eq!(told["error"]["code"], "SecretNotFound");
    let told = bank.ask(OWNER, Method::DELETE, "/payments", None, 409).await;
    assert_eq!(told["error"]["code"], "VaultNotEmpty");
    bank.ask(OWNER, Method::DELETE, at, None, 204).await;
    bank.ask(OWNER, Method::DELETE, "/payments", None, 204).await;
    assert_eq!(bank.ask(OWNER, Method::GET, "", None, 200).await["value"], json!([]));
}

/// The rows of the table about vaults: who made it, who reads it, and others.
#[tokio::test(flavor = "multi_thread")]
async fn vaults_are_for_those_who_may() {
    let bank = Bank::open().await;
    let readers = json!({"readers": ["co-owner@example.org", "user@example.org"]});
    let set = bank.ask(OWNER, Method::PUT, "/payments/readers", Some(readers), 200).await;
    assert_eq!(set["readers"].as_array().map(Vec::len), Some(2), "{set}");
    let nobody = json!({"readers": ["nobody@example.org"]});
    bank.ask(OWNER, Method::PUT, "/payments/readers", Some(nobody), 400).await;
    // as the page has it, and who administers may as well
    let reads = [true, true, true, true, false, true, true, false, true];
    let makes = [true, true, true, true, false, true, true, false, true];
    let changes = [true, false, false, true, false, true, true, false, true];
    let status = |is_allowed: bool, done: u16| if is_allowed { done } else { 403 };
    for who in 0..9 {
        for rest in ["/payments", "/payments/secrets", "/payments/secrets/api-key"] {
            bank.ask(who, Method::GET, rest, None, status(reads[who], 200)).await;
        }
        let own = json!({"name": format!("own-{who}")});
        bank.ask(who, Method::POST, "", Some(own), status(makes[who], 201)).await;
        let value = json!({"value": "another one"});
        let secret = format!("/payments/secrets/by-{who}");
        let done = status(changes[who], 200);
        bank.ask(who, Method::PUT, &secret, Some(value), done).await;
        bank.ask(who, Method::PATCH, &secret, Some(json!({"isEnabled": false})), done).await;
        bank.ask(who, Method::DELETE, &secret, None, status(changes[who], 204)).await;
        let same = json!({"readers": ["co-owner@example.org", "user@example.org"]});
        bank.ask(who, Method::PUT, "/payments/readers", Some(same), done).await;
    }
    // lists have what somebody may see
    let names = async |who: usize| {
        let list = bank.ask(who, Method::GET, "", None, 200).await;
        let list = list["value"].as_array().expect("a list").clone();
        list.iter().map(|it| it["name"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(USER).await, ["own-2", "payments"]);
    assert!(names(3).await.len() > 2);
    bank.ask(4, Method::GET, "", None, 403).await;
    bank.ask(3, Method::GET, "/none", None, 404).await;
    bank.ask(OWNER, Method::GET, "/none", None, 403).await;
}

/// To name a vault in a connection takes the right to read it, and so does each call.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_reads_what_its_owner_may() {
    let bank = Bank::open().await;
    for who in [CO_OWNER, USER, 3] {
        // who administers vaults does not read them by that
        let at = format!("apis/shared_keyvault/connections/of{who}");
        bank.people.api(who, Method::PUT, &at, Some(&connection()), 403).await;
    }
    let readers = json!({"readers": ["co-owner@example.org"]});
    bank.ask(OWNER, Method::PUT, "/payments/readers", Some(readers), 200).await;
    bank.people.api(CO_OWNER, Method::PUT, CONNECTION, Some(&connection()), 201).await;
    let apim = "/apim/keyvault/kv1/secrets/api-key/value";
    let got = bank.people.send(CO_OWNER, Method::GET, apim, None).await;
    assert_eq!((got.status, &got.json()["value"]), (200, &json!(SECOND)), "{}", got.text);
    assert_eq!(bank.people.send(USER, Method::GET, apim, None).await.status, 403);
    // a recording of it has no value either
    let within = format!("/api/v1/environments/{}", bank.people.environment);
    let tape = format!("{within}/recordings");
    bank.people.ask(CO_OWNER, (Method::POST, &tape), Some(&json!({"name": "tape"})), 201).await;
    let behind = format!("{within}/connectors/shared_keyvault/connections/kv1/backend");
    let record = json!({"kind": "Recording", "recording": "tape", "mode": "Record"});
    for backend in [record, json!({"kind": "Service"})] {
        bank.people.ask(CO_OWNER, (Method::PUT, &behind), Some(&backend), 200).await;
        let got = bank.people.send(CO_OWNER, Method::GET, apim, None).await;
        assert_eq!(got.json()["value"], SECOND, "{}", got.text);
    }
    let file = format!("{tape}/tape/file");
    let file = bank.people.ask(CO_OWNER, (Method::GET, &file), None, 200).await;
    assert_eq!(file["exchanges"][0]["response"]["body"]["value"], "********", "{file}");
    bank.ask(OWNER, Method::PUT, "/payments/readers", Some(json!({"readers": []})), 200).await;
    let got = bank.people.send(CO_OWNER, Method::GET, apim, None).await;
    assert!(got.status == 403 && !got.text.contains("rose"), "{}", got.text);
    // what is not built says so
    let encrypt = "/apim/keyvault/kv1/keys/k/encrypt";
    let told = bank.people.send(CO_OWNER, Method::POST, encrypt, Some(&json!({}))).await;
    assert_eq!((told.status, told.code().as_str()), (404, "OperationNotFound"));
}
