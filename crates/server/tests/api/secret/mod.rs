//! Secrets: what is planted in every place that takes one is found nowhere afterwards, in no
//! log, answer, history, audit, file of the data folder, backup or export.

mod definition;
mod search;

use crate::login::browser::hidden;
use crate::login::second_factor::{shown, unbase32};
use crate::stored::{db, ends};
use crate::support::Setup;
use crate::support::stub::Stub;
use crate::world::{Answer, World, compose, definition, path, response, wait};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, RequestBuilder};
use search::{Planted, Search};
use serde_json::{Value, json};
use server::auth::totp;
use std::path::{Path, PathBuf};

/// Harmless, and everywhere: the search finds what there is.
const SHOWN: &str = "shown4f0c71d2";

/// What lies in the store as it is, and nowhere else: the address of a webhook, which is not
/// a secret.
const STORED: [&str; 1] = [WEBHOOK];
const PASSWORD: &str = "password of an action";
const HEADER: &str = "header of an action";
const SECURED: &str = "secured value";
const WEBHOOK: &str = "token of a webhook";

/// The server, what was planted, and what it answered.
struct Garden {
    world: World,
    planted: Vec<Planted>,
    answers: Vec<(String, String)>,
}

impl Garden {
    /// A secret of the test's.
    fn plant(&mut self, name: &str) -> String {
        let core = fresh();
        self.know(name, &core);
        // what has to be escaped somewhere
        format!("P&+ \"<{core}>\u{e9}")
    }

    /// The same of letters and digits only.
    fn plant_plain(&mut self, name: &str) -> String {
        let core = fresh();
        self.know(name, &core);
        core
    }

    /// A secret that the server made.
    fn know(&mut self, name: &str, text: &str) {
        self.planted.push(Planted { name: name.to_owned(), text: text.as_bytes().to_vec() });
    }

    /// A call by somebody, or with the first token; its answer is kept.
    async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Answer {
        let answer = self.once(method.clone(), path, body, key).await;
        self.answers
            .push((format!("{method} {path}"), format!("{:?} {}", answer.headers, answer.text)));
        answer
    }

    /// The same when the answer is the one that shows a secret.
    async fn once(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Answer {
        let request = self.world.api.request(method, path);
        let request = request.bearer_auth(key.unwrap_or(crate::support::TOKEN));
        Answer::of(with_body(request, body)).await
    }

    /// A call that makes something.
    async fn make(&mut self, path: &str, body: Value) -> Value {
        let answer = self.ask(Method::POST, path, Some(&body), None).await;
        assert!((200..300).contains(&answer.status), "{path}: {answer:?}");
        serde_json::from_str(&answer.text).unwrap_or_default()
    }

    /// A token request; an answer that gives tokens is the one that shows them.
    async fn token(&mut self, form: &[(&str, &str)]) -> Option<Value> {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(form);
        let path = "/common/oauth2/v2.0/token";
        let request = self.world.api.request(Method::POST, path).body(body.finish());
        let kind = "application/x-www-form-urlencoded";
        let answer = Answer::of(request.header("content-type", kind)).await;
        if answer.status != 200 {
            self.answers.push((path.to_owned(), answer.text));
            return None;
        }
        let given = answer.json();
        for name in ["access_token", "refresh_token", "id_token"] {
            if let Some(token) = given[name].as_str() {
                // of a signed token the signature: the rest says who somebody is
                let own = token.rsplit('.').next().expect("a part").to_owned();
                self.know(name, &own);
            }
        }
        Some(given)
    }
}

fn with_body(request: RequestBuilder, body: Option<&Value>) -> RequestBuilder {
    match body {
        Some(body) => request.json(body),
        None => request,
    }
}

fn fresh() -> String {
    let random: [u8; 12] = server::clock::random_bytes().expect("random bytes");
    random.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn garden() -> Garden {
    let mail = fresh();
    let password = mail.clone();
    let settings = |setup: Setup, dir: &Path| {
        let setup = setup.allow_loopback(dir).env("SLUICEGATE_LOG", "trace");
        let setup = setup.env("SLUICEGATE_MAIL_SERVER", "127.0.0.1:1");
        let setup = setup.env("SLUICEGATE_MAIL_FROM", "flows@example.org");
        setup.env("SLUICEGATE_MAIL_USER", "flows").env("SLUICEGATE_MAIL_PASSWORD", password)
    };
    let world = World::start_with(settings).await;
    let mut garden = Garden { world, planted: Vec::new(), answers: Vec::new() };
    garden.know("mail password", &mail);
    garden.know("first token", crate::support::TOKEN);
    garden
}

/// Users, applications, keys, tokens: right and wrong ones are used.
async fn people(garden: &mut Garden) -> String {
    let (first, second) = (garden.plant("password"), garden.plant("password that was reset"));
    let wrong = garden.plant("wrong password");
    let body = json!({"userPrincipalName": "ada@example.org", "displayName": SHOWN,
        "password": first, "roles": [{"role": "tenantAdministrator"}]});
    garden.make("/api/v1/users", body).await;
    let body = json!({"displayName": "phone", "isPublic": true, "isConsented": true,
        "redirectUris": ["http://localhost"]});
    let public = garden.make("/api/v1/applications", body).await;
    let public = public["clientId"].as_str().expect("an id").to_owned();
    let sign_in = |password: &str| {
        [
            ("grant_type", "password".to_owned()),
            ("client_id", public.clone()),
            ("username", "ada@example.org".to_owned()),
            ("password", password.to_owned()),
            ("scope", "api://sluicegate/.default offline_access openid".to_owned()),
        ]
    };
    for (password, is_right) in [(&first, true), (&wrong, false)] {
        let form = sign_in(password);
        let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(garden.token(&form).await.is_some(), is_right);
    }
    let path = "/api/v1/users/ada@example.org/password";
    let body = json!({"password": second});
    assert_eq!(garden.ask(Method::PUT, path, Some(&body), None).await.status, 204);
    let form = sign_in(&second);
    let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let given = garden.token(&form).await.expect("tokens");
    let refresh = given["refresh_token"].as_str().expect("a refresh token").to_owned();
    let access = given["access_token"].as_str().expect("an access token").to_owned();
    let again =
        [("grant_type", "refresh_token"), ("client_id", &public), ("refresh_token", &refresh)];
    garden.token(&again).await.expect("tokens");
    // what is damaged is not told either
    garden.ask(Method::GET, "/api/v1/me", None, Some(&format!("{access}x"))).await;
    assert_eq!(garden.ask(Method::GET, "/api/v1/me", None, Some(&access)).await.status, 200);
    programs(garden).await;
    access
}

async fn programs(garden: &mut Garden) {
    let made = garden.make("/api/v1/applications", json!({"displayName": "robot"})).await;
    let client = made["clientId"].as_str().expect("an id").to_owned();
    let path = "/api/v1/applications/robot/secrets";
    let shown = garden.once(Method::POST, path, Some(&json!({})), None).await.json();
    let secret = shown["secret"].as_str().expect("a secret").to_owned();
    garden.know("client secret", &secret);
    for secret in [&secret, &format!("{secret}x")] {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &client),
            ("client_secret", secret),
            ("scope", "api://sluicegate/.default"),
        ];
        garden.token(&form).await;
    }
    let body = json!({"name": "night", "principal": "ada@example.org"});
    let shown = garden.once(Method::POST, "/api/v1/keys", Some(&body), None).await.json();
    let key = shown["key"].as_str().expect("a key").to_owned();
    garden.know("key", &key);
    for key in [&key, &format!("{key}x")] {
        garden.ask(Method::GET, "/api/v1/me", None, Some(key)).await;
    }
}

/// Connections with a secret and with a certificate; the second is refused, and told why.
async fn connections(garden: &mut Garden, dir: &Path) {
    let sets = json!({"properties": {"connectionParameters": {"key": {"type": "securestring"},
        "host": {"type": "string"}}}});
    let swagger = json!({"swagger": "2.0", "info": {"title": "Store"}, "paths": {}});
    let body = json!({"name": "shared_store", "definition": swagger.to_string(),
        "properties": sets.to_string()});
    garden.make("/api/v1/environments/default/connectors", body).await;
    let place = garden.world.api.get("/api/v1/environments/default").await;
    let filter =
        format!("$filter=environment%20eq%20%27{}%27", place["id"].as_str().expect("an id"));
    let secret = garden.plant("parameter of a connection");
    let body = json!({"properties": {"displayName": SHOWN,
        "connectionParameters": {"key": secret, "host": "h"}}});
    let apps = "/providers/Microsoft.PowerApps";
    let at = format!("{apps}/apis/shared_store/connections/c1?{filter}");
    let made = garden.ask(Method::PUT, &at, Some(&body), None).await;
    assert_eq!(made.status, 201, "{made:?}");
    let client = "/api/v1/environments/default/connectors/shared_store/client";
    let secret = garden.plant("secret of a connector's client");
    let wrong = json!({"clientId": SHOWN, "secret": secret, "certificate": {"pfx": secret}});
    for (body, status) in [(wrong, 400), (json!({"clientId": SHOWN, "secret": secret}), 200)] {
        let answer = garden.ask(Method::PUT, client, Some(&body), None).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
    let own = rig::authority::self_signed(dir, "robot").expect("a certificate");
    let password = garden.plant("password of a certificate");
    let wrong = garden.plant("wrong password of a certificate");
    let pfx = STANDARD.encode(rig::authority::pfx(&own, &password).expect("a PFX file"));
    let shown = garden.world.api.get("/api/v1/applications/robot").await;
    let pem = std::fs::read_to_string(&own.certificate).expect("a file");
    garden.make("/api/v1/applications/robot/certificates", json!({"certificate": pem})).await;
    let tenant = place["id"].as_str().and_then(|id| id.strip_prefix("Default-"));
    for (password, status) in [(&wrong, 400), (&password, 201)] {
        let body = json!({"properties": {"connectionParametersSet": {"name": "CertOauth", "values": {
            "token:TenantId": {"value": tenant},
            "token:clientId": {"value": shown["clientId"]},
            "token:clientCertificateSecret": {"value": {"pfx": pfx, "password": password}}
        }}}});
        let at = format!("{apps}/apis/shared_flowmanagement/connections/c2?{filter}");
        let answer = garden.ask(Method::PUT, &at, Some(&body), None).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
    for path in [
        at,
        format!("{apps}/connections?{filter}"),
        format!("{apps}/apis/shared_store?{filter}"),
        "/apim/store/c1/anything".to_owned(),
        "/apim/flowmanagement/c2/environments".to_owned(),
    ] {
        garden.ask(Method::GET, &path, None, None).await;
    }
}

/// Flows that call with credentials from secure parameters, well and badly, and such as
/// secure what they work with. The last text lies in the histories of runs.
async fn flows(garden: &mut Garden) {
    let stub = Stub::start().await;
    let (basic, raw) = (garden.plant(PASSWORD), garden.plant_plain(HEADER));
    let authentication = [
        json!({"type": "Basic", "username": "u", "password": "@parameters('secret')"}),
        json!({"type": "Raw", "value": "@parameters('raw')"}),
        json!({"type": "ClientCertificate", "pfx": "@parameters('raw')", "password": "@parameters('secret')"}),
    ];
    for (number, authentication) in authentication.into_iter().enumerate() {
        let uri = if number == 1 {
            format!("http://{SHOWN}.invalid/")
        } else {
            format!("http://{}/x", stub.addr)
        };
        let mut document = definition(json!({"Call": {"type": "Http", "runAfter": {},
            "inputs": {"method": "POST", "uri": uri, "authentication": authentication,
                "retryPolicy": {"type": "none"}}}}));
        document["parameters"] =
            json!({"secret": {"type": "SecureString"}, "raw": {"type": "SecureString"}});
        let name = format!("call{number}");
        let body = json!({"name": name, "displayName": SHOWN, "document": document,
            "parameters": {"secret": basic, "raw": raw}});
        garden.make("/api/v1/flows", body).await;
        run(garden, &name, &json!({})).await;
    }
    let secured = garden.plant(SECURED);
    let both = json!({"secureData": {"properties": ["inputs", "outputs"]}});
    let mut quiet = compose("", json!("@triggerBody()['text']"));
    quiet["runtimeConfiguration"] = both.clone();
    let mut fails = compose("Quiet", json!("@int(outputs('Quiet'))"));
    fails["runtimeConfiguration"] = both.clone();
    let mut document = definition(json!({"Quiet": quiet, "Fails": fails,
        "Answer": response("Quiet", "done")}));
    document["triggers"]["manual"]["runtimeConfiguration"] = both;
    document["parameters"] = json!({"unused": {"type": "SecureString"},
        "whole": {"type": "SecureObject"}});
    let (unused, whole) =
        (garden.plant("secure parameter"), garden.plant("secure parameter that is an object"));
    let body = json!({"name": "quiet", "document": document,
        "parameters": {"unused": unused, "whole": {"inner": whole}}});
    garden.make("/api/v1/flows", body).await;
    run(garden, "quiet", &json!({"text": secured})).await;
    // so large that it is stored by itself
    let large = garden.plant(SECURED);
    let known = format!("{}{large}", "large value ".repeat(4_000));
    run(garden, "quiet", &json!({"text": known})).await;
    waiting(garden).await;
    ending(garden).await;
    let token = garden.plant_plain(WEBHOOK);
    let body =
        json!({"onFailure": "webhook", "url": format!("http://127.0.0.1:1/?token={}", token)});
    // who may change it may read it
    garden.once(Method::PUT, "/api/v1/flows/quiet/notifications", Some(&body), None).await;
}

/// Runs whose errors say what is secret.
async fn ending(garden: &mut Garden) {
    let (secured, parameter) = (garden.plant(SECURED), garden.plant_plain("parameter in an error"));
    let mut quiet = compose("", json!("@triggerBody()['text']"));
    quiet["runtimeConfiguration"] = json!({"secureData": {"properties": ["inputs", "outputs"]}});
    for (name, text) in [("ends0", "@outputs('Quiet')"), ("ends1", "oh @{parameters('secret')}")] {
        let ends = json!({"type": "Terminate", "runAfter": {"Quiet": ["Succeeded"]}, "inputs": {
            "runStatus": "Failed", "runError": {"code": "Oh", "message": text}}});
        let mut document = definition(json!({"Quiet": quiet, "Ends": ends}));
        document["triggers"]["manual"]["runtimeConfiguration"] =
            json!({"secureData": {"properties": ["outputs"]}});
        document["parameters"] = json!({"secret": {"type": "SecureString"}});
        let body = json!({"name": name, "document": document, "parameters": {"secret": parameter}});
        garden.make("/api/v1/flows", body).await;
        run(garden, name, &json!({"text": secured})).await;
    }
}

/// A run that is under way when the server is killed, with a parent that waits for its answer:
/// snapshots and messages are stored as well.
async fn waiting(garden: &mut Garden) {
    let secured = garden.plant(SECURED);
    let both = json!({"secureData": {"properties": ["inputs", "outputs"]}});
    let mut keep = compose("", json!("@triggerBody()"));
    keep["runtimeConfiguration"] = both.clone();
    let mut answer = response("Keep", "@triggerBody()");
    answer["runtimeConfiguration"] = both.clone();
    let mut child = definition(json!({"Keep": keep, "Answer": answer,
        "Rest": wait("Answer", 3_600)}));
    child["triggers"]["manual"]["runtimeConfiguration"] = both.clone();
    garden.make("/api/v1/flows", json!({"name": "child", "document": child})).await;
    let mut call = json!({"type": "Workflow", "runAfter": {}, "inputs": {
        "host": {"workflowReferenceName": "child"}, "body": "@triggerBody()"}});
    call["runtimeConfiguration"] = both.clone();
    let mut parent = definition(json!({"Call": call}));
    parent["triggers"]["manual"]["runtimeConfiguration"] = both;
    garden.make("/api/v1/flows", json!({"name": "parent", "document": parent})).await;
    run(garden, "parent", &json!({"text": secured})).await;
}

async fn run(garden: &mut Garden, flow: &str, body: &Value) {
    let url = garden.world.api.post(&format!("/api/v1/flows/{flow}/callback-url"), 200).await;
    let answer = garden.world.fire(&path(&url), body).await;
    let id = answer.run().to_owned();
    garden.answers.push((flow.to_owned(), format!("{:?} {}", answer.headers, answer.text)));
    garden.world.api.ended(&id).await;
}

/// Everything that can be asked for.
async fn look(garden: &mut Garden, access: &str) {
    let mut paths: Vec<String> = [
        "/metrics",
        "/health/ready",
        "/api/v1/me",
        "/api/v1/server",
        "/api/v1/users",
        "/api/v1/users/ada@example.org",
        "/api/v1/users/ada@example.org/sessions",
        "/api/v1/applications",
        "/api/v1/applications/robot",
        "/api/v1/applications/robot/secrets",
        "/api/v1/keys",
        "/api/v1/keys/night",
        "/api/v1/signing-keys",
        "/api/v1/environments",
        "/api/v1/retention",
        "/api/v1/flows",
        "/api/v1/principals/robot",
        "/api/v1/environments/default/connectors",
        "/api/v1/environments/default/connectors/shared_store",
        "/api/v1/environments/default/connectors/shared_store/client",
        "/api/v1/environments/default/variables",
    ]
    .map(str::to_owned)
    .to_vec();
    for flow in ["call0", "call1", "call2", "quiet", "parent", "child", "ends0", "ends1"] {
        let at = format!("/api/v1/flows/{flow}");
        for rest in
            ["", "/versions", "/versions/1", "/package", "/runs", "/runs?search=P%26", "/owners"]
        {
            paths.push(format!("{at}{rest}"));
        }
        for run in garden.world.api.list(&format!("{at}/runs")).await {
            let id = run["id"].as_str().expect("an id");
            paths.push(format!("/api/v1/runs/{id}"));
            paths.push(format!("/api/v1/runs/{id}/actions"));
            if flow != "child" {
                // its runs go on, and so would the answer
                paths.push(format!("/api/v1/runs/{id}/events"));
            }
            for action in ["Call", "Quiet", "Fails", "Keep", "Answer", "Ends"] {
                paths.push(format!("/api/v1/runs/{id}/actions/{action}"));
            }
        }
    }
    for path in paths {
        for key in [None, Some(access)] {
            garden.ask(Method::GET, &path, None, key).await;
        }
    }
}

/// A second factor, as a browser sets it up.
async fn second_factor(garden: &mut Garden) {
    let at = "/account/second-factor";
    let password = garden.plant("password of a page");
    let body = json!({"userPrincipalName": "eve@example.org", "password": password});
    garden.make("/api/v1/users", body).await;
    let first = Answer::of(garden.world.api.request(Method::GET, at)).await;
    let mut cookies = Vec::new();
    let name = vec![("username", "eve@example.org"), ("password", password.as_str())];
    let page = submit(garden, &mut cookies, &first, &name).await;
    garden.answers.push((at.to_owned(), page.text.clone()));
    // the page that shows it
    let page = submit(garden, &mut cookies, &page, &vec![("password", password.as_str())]).await;
    let secret = shown(&page).first().expect("a secret").clone();
    garden.know("second factor", &secret);
    let bytes = unbase32(&secret);
    garden
        .planted
        .push(Planted { name: "second factor, in bytes".to_owned(), text: bytes.clone() });
    let wrong = submit(garden, &mut cookies, &page, &vec![("code", "000000")]).await;
    garden.answers.push((at.to_owned(), wrong.text.clone()));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time");
    let code = totp::code_at(&bytes, i64::try_from(now.as_secs()).expect("a time"));
    let page = submit(garden, &mut cookies, &wrong, &vec![("code", code.as_str())]).await;
    let codes = shown(&page);
    assert_eq!(codes.len(), 10, "{}", page.text);
    codes.iter().for_each(|code| garden.know("recovery code", code));
    let request = garden.world.api.request(Method::GET, at).header("cookie", cookies.join("; "));
    garden.answers.push((at.to_owned(), Answer::of(request).await.text));
    garden.ask(Method::GET, "/api/v1/users/eve@example.org", None, None).await;
}

async fn submit(
    garden: &Garden,
    cookies: &mut Vec<String>,
    page: &Answer,
    more: &Vec<(&str, &str)>,
) -> Answer {
    let keep = |cookies: &mut Vec<String>, answer: &Answer| {
        for line in answer.headers.get_all("set-cookie") {
            let pair = line.to_str().expect("a cookie").split(';').next().expect("a pair");
            let name = pair.split('=').next().unwrap_or_default();
            cookies.retain(|it| it.split('=').next() != Some(name));
            cookies.push(pair.to_owned());
        }
    };
    keep(cookies, page);
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    body.extend_pairs(hidden(&page.text)).extend_pairs(more);
    let request = garden.world.api.request(Method::POST, "/account/second-factor");
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let answer = Answer::of(request.header("cookie", cookies.join("; ")).body(body.finish())).await;
    keep(cookies, &answer);
    answer
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planted_secret_is_found_nowhere() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut garden = garden().await;
    let access = people(&mut garden).await;
    second_factor(&mut garden).await;
    connections(&mut garden, dir.path()).await;
    flows(&mut garden).await;
    definition::flows(&mut garden).await;
    look(&mut garden, &access).await;
    definition::look(&mut garden).await;
    let data = garden.world.setup.data.clone();
    let text = |path: &Path| path.to_str().expect("a path").to_owned();
    let (backup, export) = (dir.path().join("backup.slb"), dir.path().join("export.slb"));
    let told = ends(0, db(&["backup", &text(&backup)], &data));
    garden.answers.push(("verify".to_owned(), told + &ends(0, db(&["verify", "--json"], &data))));
    // killed as it stands, and up again
    let other = Setup::new(dir.path()).spawn();
    std::mem::replace(&mut garden.world.server, other).kill();
    let server = garden.world.setup.start().await;
    garden.world.api = server.api();
    garden.world.server = server;
    look(&mut garden, &access).await;
    definition::look(&mut garden).await;
    let audit = garden.once(Method::GET, "/api/v1/audit/export", None, None).await;
    let other = Setup::new(dir.path()).spawn();
    assert!(std::mem::replace(&mut garden.world.server, other).stop().await.success());
    ends(0, db(&["export", &text(&export)], &data));
    let mut places = vec![
        ("the audit".to_owned(), audit.text.into_bytes()),
        ("the log".to_owned(), read(&garden.world.setup.log())),
    ];
    let answers = std::mem::take(&mut garden.answers).into_iter();
    let answers: Vec<_> = answers.map(|(path, text)| (path, text.into_bytes())).collect();
    let stored: Vec<PathBuf> = files(&data).into_iter().chain([backup, export]).collect();
    let key = read(&data.join("master.key"));
    garden.planted.push(Planted { name: "master key".to_owned(), text: key });
    for path in stored.iter().filter(|path| !path.ends_with("master.key")) {
        places.push((text(path), read(path)));
    }
    search(&garden.planted, &places, &answers);
    // with the key, and without it, what is stored fits together
    ends(0, db(&["verify"], &data));
    std::fs::rename(data.join("master.key"), dir.path().join("master.key")).expect("moved");
    let told = ends(0, db(&["verify"], &data));
    assert!(told.contains("are sealed, and were not looked into"), "{told}");
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).expect("a file")
}

type Places = [(String, Vec<u8>)];

fn search(planted: &[Planted], places: &Places, answers: &Places) {
    let shown = [Planted { name: "shown".to_owned(), text: SHOWN.as_bytes().to_vec() }];
    let (search, proof) = (Search::of(planted), Search::of(&shown));
    let mut faults = Vec::new();
    for (place, bytes) in places.iter().chain(answers) {
        let is_stored = place.starts_with('/') && Path::new(place).exists();
        for name in search.found_in(bytes) {
            if !(is_stored && STORED.contains(&name)) {
                faults.push(format!("{name} is in {place}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let has_it = |(_, bytes): &&(String, Vec<u8>)| !proof.found_in(bytes).is_empty();
    let with: Vec<&str> = places.iter().filter(has_it).map(|(place, _)| place.as_str()).collect();
    for place in ["the audit", "the log", "backup.slb", "export.slb", ".db"] {
        assert!(with.iter().any(|it| it.ends_with(place)), "nothing is found in {place}: {with:?}");
    }
    assert!(answers.iter().filter(has_it).count() > 10, "nothing is found in the answers");
}
