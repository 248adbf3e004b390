//! A server under the names of the original's hosts, with a directory of its own.

use crate::client::Cli;
use crate::support::api::Api;
use crate::support::{Server, Setup};
use reqwest::{Method, Response};
use rig::{Authority, Tunnel, authority};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Whom the command line may ask.
const HOSTS: [&str; 5] = [
    "login.microsoftonline.com",
    "graph.microsoft.com",
    "api.flow.microsoft.com",
    "api.powerapps.com",
    "api.bap.microsoft.com",
];

const READY_WITHIN: Duration = Duration::from_secs(30);

pub const PASSWORD: &str = "correct-horse-battery";

/// A second environment, by the name that the native API has for it.
pub const WORKSHOP: &str = "workshop";

/// A server and what is around it.
pub struct World {
    /// The native API, with the root key.
    pub api: Api,
    /// The default environment, as it is called on the wire.
    pub environment: String,
    pub tenant: String,
    /// What people sign in with.
    public: String,
    authority: Authority,
    tunnel: Tunnel,
    _server: Server,
    dir: TempDir,
}

/// A program that signs in by itself.
pub struct Program {
    pub client_id: String,
    pub secret: String,
    /// Certificate and key in one PEM file.
    pub certificate: PathBuf,
}

impl World {
    pub async fn start() -> World {
        let dir = tempfile::tempdir().expect("a folder");
        let authority = Authority::create(dir.path()).expect("an authority");
        let leaf = authority.issue("server", &HOSTS).expect("a certificate");
        let setup = Setup::new(dir.path())
            .arg("--tls-certificate")
            .arg(&leaf.certificate)
            .arg("--tls-key")
            .arg(&leaf.key);
        let server = setup.spawn_announced().await;
        let api = Api::over_tls(server.addr);
        let since = Instant::now();
        while !api.is_ready().await {
            assert!(since.elapsed() < READY_WITHIN, "not ready; {}", server.log_tail());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let tunnel = Tunnel::start(server.addr.port()).await.expect("a proxy");
        let workshop = json!({"name": WORKSHOP, "displayName": "Workshop"});
        created(&api, "/api/v1/environments", &workshop).await;
        let person = json!({"displayName": "m365", "isPublic": true, "isConsented": true});
        let person = created(&api, "/api/v1/applications", &person).await;
        let environment = api.get("/api/v1/environments/default").await;
        let environment = text(&environment["id"]);
        World {
            api,
            tenant: environment.strip_prefix("Default-").expect("the default one").to_owned(),
            environment,
            public: text(&person["clientId"]),
            authority,
            tunnel,
            _server: server,
            dir,
        }
    }

    /// Puts a user into the directory; their object id.
    pub async fn user(&self, name: &str, roles: Value) -> String {
        let name = principal_name(name);
        let user = json!({"userPrincipalName": name, "password": PASSWORD, "roles": roles});
        text(&created(&self.api, "/api/v1/users", &user).await["id"])
    }

    /// Puts a group into the directory; its object id.
    pub async fn group(&self, name: &str, members: &[&str]) -> String {
        let group = json!({"displayName": name});
        let id = text(&created(&self.api, "/api/v1/groups", &group).await["id"]);
        let path = format!("/api/v1/groups/{id}/members");
        let (status, answer) =
            self.api.call(Method::POST, &path, Some(&json!({"add": members}))).await;
        assert_eq!(status, 200, "{answer}");
        id
    }

    /// Puts a program into the directory, with a secret and a certificate.
    pub async fn program(&self, name: &str, roles: Value) -> Program {
        let program = json!({"displayName": name, "roles": roles});
        let client_id =
            text(&created(&self.api, "/api/v1/applications", &program).await["clientId"]);
        let path = format!("/api/v1/applications/{client_id}");
        let secret = created(&self.api, &format!("{path}/secrets"), &json!({})).await;
        let own = authority::self_signed(self.dir.path(), name).expect("a certificate");
        let [certificate, key] =
            [&own.certificate, &own.key].map(|file| fs::read_to_string(file).expect("a PEM file"));
        let added = json!({"certificate": certificate});
        created(&self.api, &format!("{path}/certificates"), &added).await;
        let both = self.dir.path().join(format!("{name}.pem"));
        fs::write(&both, key + &certificate).expect("a file");
        Program { client_id, secret: text(&secret["secret"]), certificate: both }
    }

    /// A home for somebody who has not signed in.
    pub fn cli(&self, name: &str) -> Cli {
        let home = self.dir.path().join("home").join(name);
        Cli::new(home, self.tunnel.port(), self.authority.certificate())
    }

    /// What everybody says to sign in with the public program.
    pub fn public(&self) -> String {
        format!("--appId {} --tenant {}", self.public, self.tenant)
    }

    /// Somebody who signs in with their password.
    pub async fn signed_in(&self, name: &str) -> Cli {
        let cli = self.cli(name);
        let (who, public) = (principal_name(name), self.public());
        let line =
            format!("login --authType password --userName {who} --password {PASSWORD} {public}");
        let told = cli.json(&line).await;
        assert_eq!((&told["connectedAs"], &told["authType"]), (&json!(who), &json!("password")));
        cli
    }

    /// The flow as the native API has it, by its GUID.
    pub async fn held(&self, flow: &str) -> Value {
        self.api.get(&format!("/api/v1/flows/{flow}")).await
    }

    /// Nobody else was asked than those whose names the server has here.
    pub fn asked_nobody_else(&self) {
        let known = HOSTS.map(|host| format!("{host}:443"));
        let others: Vec<String> =
            self.tunnel.asked().into_iter().filter(|host| !known.contains(host)).collect();
        assert!(others.is_empty(), "the command line asked {others:?}");
    }
}

/// The name that somebody signs in with.
pub fn principal_name(name: &str) -> String {
    format!("{name}@example.org")
}

/// Text of JSON.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("expected text: {value}")).to_owned()
}

async fn created(api: &Api, path: &str, body: &Value) -> Value {
    let (status, answer) = api.call(Method::POST, path, Some(body)).await;
    assert_eq!(status, 201, "{path}: {answer}");
    answer
}

/// A browser: it keeps cookies and fills forms.
pub struct Browser<'a> {
    api: &'a Api,
    path: &'a str,
    cookies: BTreeMap<String, String>,
}

impl<'a> Browser<'a> {
    pub fn new(api: &'a Api, path: &'a str) -> Browser<'a> {
        Browser { api, path, cookies: BTreeMap::new() }
    }

    pub async fn open(&mut self) -> String {
        let request = self.api.request(Method::GET, self.path).header("cookie", self.cookie());
        self.read(request.send().await.expect("an answer")).await
    }

    /// Sends the form of a page, with what somebody enters.
    pub async fn fill(&mut self, page: &str, entered: &[(&str, &str)]) -> String {
        let form = page.split("</form>").next().unwrap_or_default();
        let hidden = form.split("<input type=\"hidden\" name=\"").skip(1).map(|field| {
            let (name, rest) = field.split_once("\" value=\"").expect("a value");
            (name, rest.split_once('"').expect("its end").0)
        });
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(hidden).extend_pairs(entered);
        let request = self.api.request(Method::POST, self.path).header("cookie", self.cookie());
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        self.read(request.body(form.finish()).send().await.expect("an answer")).await
    }

    fn cookie(&self) -> String {
        let pairs = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    }

    async fn read(&mut self, answer: Response) -> String {
        for line in answer.headers().get_all("set-cookie") {
            let pair = line.to_str().expect("text").split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').expect("a pair");
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        let status = answer.status().as_u16();
        let page = answer.text().await.expect("a page");
        assert_eq!(status, 200, "{page}");
        page
    }
}
