//! A store with something of everything, and commands that work on stores.

use crate::support::{Setup, TOKEN};
use crate::world::{World, compose, definition, echo, run_after, wait, with_trigger};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

/// A server with runs of many kinds: ended, parked, held, calling, with large values.
pub struct Filled {
    pub world: World,
    /// A run of each flow, by the flow's name.
    pub runs: Vec<(&'static str, String)>,
    /// Where calls are taken on and never answered.
    _silent: TcpListener,
}

/// Flows of [`Filled`] whose runs end by themselves.
const ENDED: [&str; 2] = ["echo", "failing"];

pub async fn filled() -> Filled {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("its address");
    let world = World::start_with(|setup, dir| setup.allow_loopback(dir)).await;
    let held = json!({"type": "Request", "kind": "Http",
        "runtimeConfiguration": {"concurrency": {"runs": 1, "maximumWaitingRuns": 5}}});
    let rest = json!({"Note": compose("", json!("@triggerBody()")), "Rest": wait("Note", 3_600),
        "Told": compose("Rest", json!("@outputs('Note')"))});
    let call = json!({"type": "Http", "runAfter": run_after(""),
        "inputs": {"method": "GET", "uri": format!("http://{address}/")}});
    let failing = definition(json!({"Fails": compose("", json!("@int('x')"))}));
    let documents = [
        ("echo", echo()),
        ("failing", failing),
        ("parked", definition(rest.clone())),
        ("held", with_trigger(held, rest)),
        ("calling", definition(json!({"Call": call}))),
    ];
    let mut runs = Vec::new();
    let large = "large value ".repeat(10_000);
    for (name, document) in documents {
        let path = world.flow(name, &document).await;
        for body in [json!({"n": 1}), json!({"text": large})] {
            let request = world.api.request(reqwest::Method::POST, &path).json(&body);
            let request = request.header("idempotency-key", body.to_string().len().to_string());
            let answer = crate::world::Answer::of(request).await;
            runs.push((name, answer.run().to_owned()));
        }
    }
    // not yet: it would fire at once
    let nightly = json!({"type": "Recurrence", "recurrence": {"frequency": "Day", "interval": 1,
        "startTime": "2099-01-01T00:00:00Z"}});
    world.create("nightly", &with_trigger(nightly, json!({}))).await;
    for (name, run) in &runs {
        if ENDED.contains(name) {
            world.api.ended(run).await;
        }
    }
    Filled { world, runs, _silent: silent }
}

impl Filled {
    pub fn run(&self, flow: &str) -> &str {
        let found = self.runs.iter().find(|(name, _)| *name == flow);
        &found.expect("a run of the flow").1
    }

    /// What the API says of flows, versions, runs and histories.
    pub async fn everything(&self, api: &crate::support::api::Api) -> Value {
        let mut all = Vec::new();
        for flow in api.list("/api/v1/flows").await {
            let name = flow["name"].as_str().expect("a name").to_owned();
            all.push(api.get(&format!("/api/v1/flows/{name}")).await);
            all.push(api.list(&format!("/api/v1/flows/{name}/versions")).await.into());
            for run in api.list(&format!("/api/v1/flows/{name}/runs")).await {
                let id = run["id"].as_str().expect("an id");
                all.push(api.get(&format!("/api/v1/runs/{id}")).await);
                let actions = api.list(&format!("/api/v1/runs/{id}/actions")).await;
                for action in &actions {
                    let action = action["name"].as_str().expect("a name");
                    all.push(api.get(&format!("/api/v1/runs/{id}/actions/{action}")).await);
                }
                all.push(actions.into());
            }
        }
        all.into()
    }
}

/// A command that works on a store; its exit code and what it printed.
pub fn db(arguments: &[&str], data: &Path) -> (i32, String) {
    command(&[&["db"], arguments].concat(), &["--data", data.to_str().expect("a path")])
}

/// A command to a server.
pub fn ask(world: &World, arguments: &[&str]) -> (i32, String) {
    let server = format!("http://{}", world.server.addr);
    command(arguments, &["--server", &server, "--token", TOKEN])
}

fn command(arguments: &[&str], more: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_sluicegate"))
        .args(arguments)
        .args(more)
        .stdin(Stdio::null())
        .output()
        .expect("a process");
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8(told).expect("text");
    assert!(!told.contains("panicked"), "{told}");
    (output.status.code().expect("a code"), told)
}

/// A command that must end with a code; what it printed.
pub fn ends(code: i32, (given, told): (i32, String)) -> String {
    assert_eq!(given, code, "{told}");
    told
}

/// A folder beside another, with the same master key.
pub fn beside(setup: &Setup, name: &str) -> Setup {
    let dir = setup.data.parent().expect("a folder");
    let other = dir.join(name);
    std::fs::create_dir_all(other.join("data")).expect("a folder");
    std::fs::copy(setup.data.join("master.key"), other.join("data/master.key")).expect("a key");
    Setup::new(&other)
}
