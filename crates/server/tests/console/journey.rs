//! A server with somebody who uses the console, and a browser to do it in.

use crate::support::Setup;
use crate::world::{Answer, World};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Debian's name of the browser; others call theirs differently.
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

const PASSWORD: &str = "correct horse battery";
const USER: &str = "ada@example.org";

pub struct Console {
    pub world: World,
    /// A key of theirs.
    key: String,
    chromium: PathBuf,
}

impl Console {
    /// A server, and an administrator who owns what the console shows.
    pub async fn open() -> Console {
        Console::open_with(|setup, _| setup).await
    }

    /// The same with more settings.
    pub async fn open_with(settings: impl FnOnce(Setup, &Path) -> Setup) -> Console {
        let world = World::start_with(settings).await;
        let user = json!({"userPrincipalName": USER, "displayName": "Ada", "password": PASSWORD,
            "roles": [{"role": "tenantAdministrator"}]});
        world.call(Method::POST, "/api/v1/users", user, 201).await;
        let key = json!({"name": "ada", "principal": USER});
        let key = world.call(Method::POST, "/api/v1/keys", key, 201).await;
        let key = key["key"].as_str().expect("a key").to_owned();
        Console { world, key, chromium: browser() }
    }

    /// Somebody else, who signs in as they do.
    pub async fn person(&self, name: &str, display_name: &str) {
        let user =
            json!({"userPrincipalName": name, "displayName": display_name, "password": PASSWORD});
        self.world.call(Method::POST, "/api/v1/users", user, 201).await;
    }

    /// Makes a flow that is theirs.
    pub async fn flow(&self, body: Value) -> Value {
        self.call(Method::POST, "/api/v1/flows", body, 201).await
    }

    /// A call of theirs.
    pub async fn call(&self, method: Method, path: &str, body: Value, status: u16) -> Value {
        let request = self.world.api.request(method, path).bearer_auth(&self.key).json(&body);
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        serde_json::from_str(&answer.text).unwrap_or_default()
    }

    /// A flow as a package, in base64.
    pub async fn package(&self, flow: &str) -> String {
        let path = format!("/api/v1/flows/{flow}/package");
        let request = self.world.api.request(Method::GET, &path).bearer_auth(&self.key);
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        STANDARD.encode(answer.bytes().await.expect("a zip"))
    }

    /// Makes a journey; what it is told besides is in `more`.
    pub async fn walk(&self, name: &str, more: Value) {
        let mut told = json!({"base": self.world.api.url(""), "user": USER, "password": PASSWORD,
            "chromium": self.chromium});
        for (member, value) in more.as_object().expect("an object") {
            told[member] = value.clone();
        }
        let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web");
        let mut command = Command::new("node");
        command.arg(format!("e2e/{name}.mjs")).arg(told.to_string()).current_dir(web);
        // the journey ends by itself when it takes too long
        let output = tokio::task::spawn_blocking(move || command.stdin(Stdio::null()).output());
        let output = output.await.expect("the thread").expect("node ('scripts/setup' tells)");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        println!("{said}");
        assert!(output.status.success(), "{name}: {said}\n{}", self.world.server.log_tail());
    }
}

fn browser() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut all = BROWSERS.iter().flat_map(|name| places.iter().map(move |it| it.join(name)));
    all.find(|it| it.is_file()).expect("Chromium ('scripts/setup' installs it)")
}
