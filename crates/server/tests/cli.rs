//! The command line as a person uses it: the real binary, against a real server.

#![allow(clippy::unwrap_used, reason = "a test that finds nothing fails")]

#[path = "cli/approval.rs"]
mod approval;
#[path = "cli/power_app.rs"]
mod power_app;
mod support;
#[path = "cli/vault.rs"]
mod vault;

use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use support::{Server, Setup, TOKEN};
use tempfile::TempDir;

const WITHIN: Duration = Duration::from_secs(20);

/// A server, and a folder to work in.
struct Desk {
    server: Server,
    dir: TempDir,
}

impl Desk {
    async fn start() -> Desk {
        let dir = tempfile::tempdir().expect("a folder");
        let server = Setup::new(dir.path()).start().await;
        Desk { server, dir }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = sluicegate(arguments);
        command
            .env("SLUICEGATE_SERVER", format!("http://{}", self.server.addr))
            .env("SLUICEGATE_TOKEN", TOKEN)
            .current_dir(self.dir.path());
        command
    }

    /// Runs a command that must succeed; what it printed.
    fn run(&self, arguments: &[&str]) -> String {
        done(&mut self.command(arguments), 0)
    }

    /// The same with `--json`; the document.
    fn json(&self, arguments: &[&str]) -> Value {
        let text = done(self.command(arguments).arg("--json"), 0);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"))
    }

    /// Runs a command that must fail; what it told.
    fn fails(&self, arguments: &[&str]) -> String {
        done(&mut self.command(arguments), 1)
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.dir.path().join(name), content).expect("a file");
    }

    fn post(&self, url: &str, body: &str) -> (u16, Value) {
        let output = Command::new("curl")
            .args(["-s", "--noproxy", "*", "-X", "POST", url, "-d", body])
            .args(["-H", "Content-Type: application/json", "-w", "\n%{http_code}"])
            .output()
            .expect("curl");
        let text = String::from_utf8(output.stdout).expect("text");
        let (body, status) = text.rsplit_once('\n').expect("a status");
        (status.parse().expect("a number"), serde_json::from_str(body).unwrap_or_default())
    }
}

fn sluicegate(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
    command.args(arguments).stdin(Stdio::null());
    for name in ["SLUICEGATE_SERVER", "SLUICEGATE_TOKEN", "SLUICEGATE_SEED"] {
        command.env_remove(name);
    }
    command
}

/// Runs to the end; standard output, or standard error when it had to fail.
fn done(command: &mut Command, code: i32) -> String {
    let output: Output = command.output().expect("a process");
    let (out, error) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{command:?}\n{out}\n{error}");
    assert!(!error.contains("panicked"), "{error}");
    if code == 0 { out } else { out + &error }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples").join(name)
}

fn definition(actions: &Value) -> String {
    json!({"contentVersion": "1.0.0.0", "triggers": {"manual": {"type": "Request", "kind": "Http"}},
        "actions": actions})
    .to_string()
}

#[tokio::test]
async fn an_order_goes_all_the_way() {
    let desk = Desk::start().await;
    let file = example("order.json");
    let file = file.to_str().expect("a path");
    assert!(desk.run(&["flow", "create", file]).contains("Created flow 'order': version 1"));
    assert!(desk.run(&["flow", "list"]).contains("order"));
    let flow = desk.json(&["flow", "show", "order"]);
    assert_eq!((&flow["name"], &flow["state"]), (&json!("order"), &json!("Started")));
    let url = desk.run(&["flow", "callback-url", "order"]);
    let body = fs::read_to_string(example("order-1.json")).expect("a body");
    let (status, answer) = desk.post(url.trim(), &body);
    assert_eq!((status, &answer["total"]), (200, &json!(369.0)), "{answer}");
    assert_eq!(answer["customer"], "ADA");
    let runs = desk.json(&["run", "list", "order"]);
    let id = runs["value"][0]["id"].as_str().expect("a run").to_owned();
    assert!(desk.run(&["run", "list", "order", "--status", "succeeded"]).contains(&id));
    assert!(!desk.run(&["run", "list", "order", "--status", "failed"]).contains(&id));
    let shown = desk.run(&["run", "show", &id]);
    for part in ["Succeeded", "Each_line", "Is_large", "Skipped", "200"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let run = desk.json(&["run", "show", &id]);
    assert_eq!(run["id"], id.as_str());
    assert!(run["actions"].as_array().is_some_and(|actions| actions.len() > 4));
    let amount = desk.run(&["run", "show", &id, "--action", "Amount", "--repetition", "1"]);
    assert!(amount.contains("320"), "{amount}");
    let amount = desk.json(&["run", "show", &id, "--action", "Amount", "--repetition", "000001"]);
    assert_eq!(amount["outputs"], 320);
    assert!(desk.run(&["run", "watch", &id]).contains("Succeeded"));
    for line in desk.run(&["run", "watch", &id, "--json"]).lines() {
        serde_json::from_str::<Value>(line).expect("each line is JSON");
    }
    let again = desk.json(&["run", "resubmit", &id]);
    assert!(desk.run(&["run", "watch", again["run"].as_str().expect("a run")]).contains("run"));
    assert!(desk.run(&["run", "cancel", &id]).contains("Succeeded"));
}

#[tokio::test]
async fn runs_are_done_again_and_found() {
    let desk = Desk::start().await;
    let failing = |then: &str| {
        definition(&json!({"A": {"type": "Compose", "inputs": "needle"},
            "B": {"type": "Compose", "inputs": then, "runAfter": {"A": ["Succeeded"]}}}))
    };
    desk.write("order.json", &failing("@int('x')"));
    desk.run(&["flow", "create", "order.json"]);
    let mut runs = Vec::new();
    for _ in 0..3 {
        let started = desk.json(&["flow", "run", "order"]);
        let run = started["run"].as_str().expect("a run").to_owned();
        desk.command(&["run", "watch", &run]).output().expect("it ends");
        runs.push(run);
    }
    let found = desk.json(&["run", "list", "order", "--search", "NEEDLE"]);
    assert_eq!(found["value"].as_array().map(Vec::len), Some(3));
    assert!(desk.run(&["run", "resubmit", "--flow", "order", "--dry-run"]).contains(&runs[0]));
    desk.write("order.json", &failing("fixed"));
    desk.run(&["flow", "update", "order", "order.json"]);
    let told = desk.run(&["run", "resume", &runs[0], "--version", "latest", "--wait"]);
    assert!(told.contains("of flow 'order'"), "{told}");
    assert!(desk.fails(&["run", "resume", &runs[0]]).contains("succeeded"));
    assert!(desk.fails(&["run", "resume", &runs[1], "--version", "9"]).contains("version 9"));
    let pages = desk.json(&["run", "resubmit", "--flow", "order", "--top", "2"]);
    let done = pages["value"].as_array().expect("a list");
    assert!(done.len() == 2 && done.iter().all(|run| run["newRun"].is_string()), "{pages}");
    let text = desk.run(&["run", "resubmit", "--flow", "order", "--all"]);
    assert!(runs.iter().all(|run| text.contains(run)), "{text}");
}

#[tokio::test]
async fn runs_are_cancelled_by_a_query() {
    let desk = Desk::start().await;
    let rest = json!({"type": "Wait", "inputs": {"interval": {"count": 1, "unit": "Hour"}}});
    desk.write("order.json", &definition(&json!({"Rest": rest})));
    desk.run(&["flow", "create", "order.json"]);
    let mut runs = Vec::new();
    for _ in 0..3 {
        let started = desk.json(&["flow", "run", "order"]);
        runs.push(started["run"].as_str().expect("a run").to_owned());
    }
    let dry = desk.run(&["run", "cancel", "--flow", "order", "--dry-run"]);
    assert!(runs.iter().all(|run| dry.contains(run)), "{dry}");
    let one = desk.json(&["run", "cancel", "--flow", "order", "--top", "1"]);
    assert_eq!(one["value"], json!([{"run": runs[2]}]));
    let text = desk.run(&["run", "cancel", "--flow", "order", "--all"]);
    assert!(text.contains(&runs[0]) && text.contains(&runs[1]), "{text}");
    for run in &runs {
        desk.command(&["run", "watch", run]).output().expect("it ends");
        assert!(desk.run(&["run", "show", run]).contains("Cancelled"));
    }
    desk.run(&["run", "cancel", "--flow", "order", "--status", "waiting"]);
}

#[tokio::test]
async fn a_flow_is_changed_turned_off_and_deleted() {
    let desk = Desk::start().await;
    desk.write("greet.json", &definition(&json!({"A": {"type": "Compose", "inputs": "one"}})));
    desk.run(&["flow", "create", "greet.json", "--display-name", "Greeting", "--stopped"]);
    assert_eq!(desk.json(&["flow", "show", "greet"])["state"], "Stopped");
    assert!(desk.run(&["flow", "enable", "greet"]).contains("Started"));
    desk.write("second.json", &definition(&json!({"A": {"type": "Compose", "inputs": "two"}})));
    assert!(desk.run(&["flow", "update", "greet", "second.json"]).contains("version 2"));
    let printed = desk.run(&["flow", "show", "greet", "--definition"]);
    let printed: Value = serde_json::from_str(&printed).expect("JSON");
    assert_eq!(printed["actions"]["A"]["inputs"], "two");
    let first: Value =
        serde_json::from_str(&desk.run(&["flow", "versions", "greet", "1"])).expect("JSON");
    assert_eq!(first["actions"]["A"]["inputs"], "one");
    assert_eq!(desk.run(&["flow", "versions", "greet"]).lines().count(), 3);
    desk.write("body.json", "{\"n\": 1}");
    let run = desk.run(&["flow", "run", "greet", "--body", "body.json", "--wait"]);
    assert!(run.contains("Succeeded"), "{run}");
    let url = desk.run(&["flow", "callback-url", "greet"]);
    let new = desk.run(&["flow", "rotate-key", "greet", "primary"]);
    assert_ne!(url, new);
    assert_eq!((desk.post(url.trim(), "{}").0, desk.post(new.trim(), "{}").0), (401, 202));
    assert!(desk.run(&["flow", "disable", "greet"]).contains("Stopped"));
    assert!(desk.fails(&["flow", "run", "greet"]).contains("turned off"));
    assert!(desk.run(&["flow", "delete", "greet"]).contains("Deleted"));
    assert_eq!(desk.json(&["flow", "list"])["value"], json!([]));
    assert!(desk.run(&["flow", "list", "--deleted"]).contains("Greeting"));
    assert!(desk.run(&["flow", "restore", "greet"]).contains("Restored flow 'greet'"));
    assert_eq!(desk.json(&["flow", "show", "greet"])["state"], "Stopped");
    assert!(desk.run(&["flow", "delete", "greet", "--purge"]).contains("for good"));
    assert!(desk.fails(&["flow", "restore", "greet"]).contains("Could not find"));
    assert!(desk.fails(&["flow", "show", "greet"]).contains("Could not find flow 'greet'"));
    let refused = done(desk.command(&["flow", "show", "greet"]).arg("--json"), 1);
    let refused: Value = serde_json::from_str(refused.trim()).expect("JSON");
    assert_eq!(refused["error"]["code"], "FlowNotFound");
}

#[tokio::test]
async fn a_run_is_watched_and_cancelled() {
    let desk = Desk::start().await;
    let wait = json!({"Rest": {"type": "Wait",
        "inputs": {"interval": {"count": 1, "unit": "Hour"}}}});
    desk.write("long.json", &definition(&wait));
    desk.run(&["flow", "create", "long.json"]);
    let started = desk.json(&["flow", "run", "long"]);
    let id = started["run"].as_str().expect("a run");
    let mut watching =
        desk.command(&["run", "watch", id]).stdout(Stdio::piped()).spawn().expect("a process");
    let mut output = watching.stdout.take().expect("its output");
    let mut seen = [0; 1];
    output.read_exact(&mut seen).expect("it prints while the run goes on");
    desk.run(&["run", "cancel", id]);
    let status = ended(&mut watching);
    assert_eq!(status, Some(1), "a run that did not succeed");
    let mut rest = String::new();
    output.read_to_string(&mut rest).expect("text");
    assert!(rest.contains("Cancelled"), "{rest}");
    assert!(desk.fails(&["run", "show", "0858"]).contains("There is no run"));
}

/// A command as somebody else.
fn as_key(desk: &Desk, key: &str, arguments: &[&str], code: i32) -> String {
    done(desk.command(arguments).env("SLUICEGATE_TOKEN", key.trim()), code)
}

#[tokio::test]
async fn sessions_factors_and_signing_keys_are_looked_after() {
    let desk = Desk::start().await;
    let ada = "ada@example.org";
    desk.run(&["user", "create", ada]);
    assert_eq!(desk.run(&["user", "sessions", ada]), "");
    let refused = desk.fails(&["user", "sessions", ada, "--end", "none"]);
    assert!(refused.contains("There is no session 'none'"), "{refused}");
    let refused = desk.fails(&["user", "remove-second-factor", ada]);
    assert!(refused.contains("no second factor"), "{refused}");
    assert!(desk.run(&["user", "show", ada]).contains("Second factor: none"));
    assert_eq!(desk.run(&["user", "passkeys", ada]), "");
    let refused = desk.fails(&["user", "passkeys", ada, "--remove", "none"]);
    assert!(refused.contains("There is no passkey 'none'"), "{refused}");
    assert!(desk.run(&["signing-key", "rotate"]).contains("signs from now on"));
    let list = desk.run(&["signing-key", "list"]);
    assert!(list.contains("signs") && list.contains("believed"), "{list}");
}

#[tokio::test]
async fn users_and_groups_get_roles_and_keys() {
    let desk = Desk::start().await;
    desk.write("password.txt", "correct horse battery\n");
    let ada = "ada@example.org";
    let made = desk.run(&["user", "create", ada, "--password-file", "password.txt"]);
    assert!(made.contains("Created user 'ada@example.org'"), "{made}");
    assert!(desk.fails(&["user", "create", ada]).contains("There is a user"));
    desk.run(&[
        "user",
        "create",
        "bob@example.org",
        "--display-name",
        "Bob",
        "--role",
        "governance-administrator",
    ]);
    let list = desk.run(&["user", "list"]);
    for part in [ada, "Bob", "governance-administrator", "Enabled"] {
        assert!(list.contains(part), "{part}: {list}");
    }
    assert!(desk.run(&["user", "show", ada]).contains("Password:      set"));
    let mut given = desk.command(&["user", "set-password", ada, "--password-stdin"]);
    let mut child = given.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a process");
    let input = b"another horse battery\n";
    child.stdin.take().expect("its input").write_all(input).expect("written");
    assert!(text(&child.wait_with_output().expect("its output").stdout).contains("new password"));
    let key = desk.run(&["key", "create", "hers", "--as", ada, "--expires", "90d"]);
    assert_eq!(key.lines().count(), 1, "{key}");
    assert!(desk.run(&["key", "list"]).contains("hers"));
    assert!(as_key(&desk, &key, &["user", "list"], 1).contains("may not call"));
    let granted = desk.run(&["role", "grant", ada, "tenant-administrator"]);
    assert!(granted.contains("has: tenant-administrator."), "{granted}");
    assert!(as_key(&desk, &key, &["user", "list"], 0).contains("Bob"));
    assert!(desk.run(&["role", "revoke", ada, "tenant-administrator"]).contains("no role"));
    desk.run(&["environment", "create", "test", "--display-name", "Trying"]);
    assert!(desk.run(&["environment", "list"]).contains("Trying"));
    let group = ["group", "create", "makers", "--role", "environment-maker"];
    desk.run(&[&group[..], &["--environment", "test"][..]].concat());
    assert!(desk.run(&["group", "add", "makers", ada]).contains("1 member"));
    let roles = desk.run(&["role", "list", "makers"]);
    assert!(roles.contains("environment-maker (test)"), "{roles}");
    assert!(as_key(&desk, &key, &["environment", "show", "test"], 0).contains("Trying"));
    assert!(desk.run(&["group", "show", "makers"]).contains("Members:"));
    assert!(desk.run(&["group", "remove", "makers", ada]).contains("0 members"));
    as_key(&desk, &key, &["environment", "show", "test"], 1);
    assert!(desk.run(&["user", "disable", ada]).contains("disabled"));
    as_key(&desk, &key, &["flow", "run", "none"], 1);
    assert!(desk.run(&["user", "enable", ada]).contains("enabled"));
    desk.run(&["user", "revoke", ada]);
    assert!(as_key(&desk, &key, &["flow", "list"], 1).contains("key"));
    desk.run(&["key", "revoke", "hers"]);
    for arguments in
        [["user", "delete", ada], ["group", "delete", "makers"], ["environment", "delete", "test"]]
    {
        assert!(desk.run(&arguments).contains("Deleted"));
        assert!(!desk.fails(&arguments).is_empty());
    }
}

#[tokio::test]
async fn an_application_is_registered_and_changed() {
    let desk = Desk::start().await;
    let made = desk.json(&["app", "create", "Build server", "--redirect", "http://localhost/"]);
    let id = made["clientId"].as_str().expect("an id");
    assert!(desk.run(&["app", "list"]).contains(id));
    let changed =
        ["app", "update", "Build server", "--display-name", "build", "--consented", "true"];
    assert!(desk.run(&changed).contains("Consented: yes"));
    let secret = desk.run(&["app", "add-secret", "build", "--expires", "12h"]);
    assert_eq!(secret.lines().count(), 1, "{secret}");
    desk.write("build.pem", include_str!("api/certificates/build.pem"));
    let told = desk.run(&["app", "add-certificate", "build", "build.pem"]);
    assert!(told.contains("until 2100-10-25"), "{told}");
    let shown = desk.json(&["app", "show", id]);
    assert!(!shown.to_string().contains(secret.trim()));
    let part = |at: &str, name: &str| shown[at][0][name].as_str().expect("text").to_owned();
    desk.run(&["app", "remove-secret", "build", &part("secrets", "id")]);
    desk.run(&["app", "remove-certificate", "build", &part("certificates", "thumbprint")]);
    let shown = desk.run(&["app", "show", "build"]);
    assert!(!shown.contains("Secret") && !shown.contains("Certificate"), "{shown}");
    desk.run(&["app", "revoke", "build"]);
    assert!(desk.run(&["app", "delete", "build"]).contains("Deleted"));
    assert!(desk.fails(&["app", "show", "build"]).contains("There is no application"));
}

#[tokio::test]
async fn the_audit_is_listed_verified_and_exported() {
    let desk = Desk::start().await;
    desk.run(&["environment", "create", "test"]);
    desk.run(&["environment", "update", "test", "--description", "To try things"]);
    let list = desk.run(&["audit", "list"]);
    assert!(list.contains("CreateEnvironment") && list.contains("UpdateEnvironment"), "{list}");
    let one = desk.json(&["audit", "list", "--operation", "CreateEnvironment", "--top", "1"]);
    assert_eq!(one["value"].as_array().map(Vec::len), Some(1));
    assert!(desk.run(&["audit", "verify"]).contains("The audit is whole: 2 entries."));
    assert_eq!(desk.json(&["audit", "verify"])["whole"], true);
    let lines = desk.run(&["audit", "export"]);
    let numbers: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["number"].clone())
        .collect();
    assert_eq!(numbers, [1, 2]);
}

fn ended(child: &mut Child) -> Option<i32> {
    let since = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("a status") {
            return status.code();
        }
        assert!(since.elapsed() < WITHIN, "it does not end");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test]
async fn faults_are_told_with_their_places() {
    let desk = Desk::start().await;
    desk.write("bad.json", &definition(&json!({"A": {"type": "Compose", "inputs": "@add(1"}})));
    let told = desk.fails(&["flow", "create", "bad.json"]);
    assert!(told.contains("$.actions.A.inputs"), "{told}");
    desk.write("broken.json", "{\"a\": 1,\n ]");
    let told = desk.fails(&["flow", "create", "broken.json"]);
    assert!(told.contains("line 2"), "{told}");
    assert!(desk.fails(&["flow", "create", "none.json"]).contains("none.json"));
    desk.write("good.json", &definition(&json!({})));
    desk.run(&["flow", "create", "good.json"]);
    let told = desk.fails(&["flow", "create", "good.json"]);
    assert!(told.contains("flow update good good.json"), "{told}");
    let mut stranger = desk.command(&["flow", "list"]);
    let told = done(stranger.env("SLUICEGATE_TOKEN", "wrong"), 1);
    assert!(told.contains("token"), "{told}");
    let told = done(&mut sluicegate(&["flow", "list", "--server", "http://127.0.0.1:1"]), 1);
    assert!(told.contains("127.0.0.1:1"), "{told}");
}

#[test]
fn the_first_start_shows_a_token_that_works() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut command = sluicegate(&["serve", "--listen", "127.0.0.1:0", "--data"]);
    command.arg(dir.path().join("data")).stderr(Stdio::null());
    let (first, printed) = start(&mut command, "SLUICEGATE_TOKEN=");
    let after = |mark: &str| {
        let rest = printed.split_once(mark).expect("it was printed").1;
        rest.lines().next().unwrap_or_default().trim().to_owned()
    };
    let (server, token) = (after("listens on "), after("SLUICEGATE_TOKEN="));
    let list = |token: &str| {
        let mut command = sluicegate(&["flow", "list", "--json", "--server", &server]);
        command.env("SLUICEGATE_TOKEN", token).output().expect("a process").status.success()
    };
    assert!(list(&token) && !list("other"));
    drop(first);
    // shown only once
    let (_second, printed) = start(&mut command, "listens on ");
    let address = printed.split_once("listens on ").expect("an address").1;
    let mut list = sluicegate(&["flow", "list", "--server", address.lines().next().unwrap()]);
    done(list.env("SLUICEGATE_TOKEN", &token), 0);
    assert!(!printed.contains("SLUICEGATE_TOKEN"), "{printed}");
}

/// A process that does not outlive the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // gone already when it ended by itself
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a server and reads what it prints until a line with the mark.
fn start(command: &mut Command, mark: &str) -> (Running, String) {
    use std::io::{BufRead, BufReader};
    let mut running = Running(command.stdout(Stdio::piped()).spawn().expect("a process"));
    let mut printed = String::new();
    let output = BufReader::new(running.0.stdout.take().expect("its output"));
    for line in output.lines() {
        printed.push_str(&line.expect("text"));
        printed.push('\n');
        if printed.contains(mark) {
            return (running, printed);
        }
    }
    panic!("it ended: {printed}");
}

#[tokio::test]
async fn the_demo_has_flows_that_run() {
    let dir = tempfile::tempdir().expect("a folder");
    let server = Setup::new(dir.path()).arg("--demo").start().await;
    let api = server.api();
    let since = Instant::now();
    let lines = loop {
        let log = fs::read_to_string(dir.path().join("data.log")).expect("a log");
        let lines: Vec<String> =
            log.lines().filter(|it| it.contains("curl ")).map(str::to_owned).collect();
        if lines.len() == 3 {
            break lines;
        }
        assert!(since.elapsed() < WITHIN, "{log}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!(api.list("/api/v1/flows").await.len(), 3);
    for line in lines {
        let command = line.replace("curl ", "curl -s -f -m 20 --noproxy '*' ");
        let output = Command::new("sh").args(["-c", &command]).output().expect("sh");
        assert!(output.status.success(), "{command}: {output:?}");
    }
}

#[tokio::test]
async fn connectors_are_inferred_and_recordings_travel() {
    let desk = Desk::start().await;
    let call = json!({"type": "OpenApiConnection", "inputs": {"parameters": {"item/name": "x"},
        "host": {"operationId": "Add", "connectionName": "c", "apiId": "/apis/shared_shelf"}}});
    fs::create_dir(desk.dir.path().join("flows")).expect("a folder");
    let child = json!({"type": "Workflow", "inputs": {"host": {"workflowReferenceName": "gone"},
        "body": {"n": "@triggerBody()?['n']"}}});
    let plain = json!({"type": "Http", "inputs": {"method": "GET", "uri": "https://example.org/"}});
    let sum = json!({"type": "Compose", "inputs": "@add(body('Child')?['count'], int(body('Plain')?['n']))",
        "runAfter": {"Child": ["Succeeded"], "Plain": ["Succeeded"]}});
    let given = json!({"Call": call, "Child": child, "Plain": plain, "Sum": sum});
    desk.write("flows/a.json", &definition(&given));
    desk.write("flows/other.json", "[]");
    let example = ["--example", "shared_shelf.item/name=x"];
    let told = desk.run(&[&["connector", "infer", "flows", "-o", "made"], &example[..]].concat());
    assert!(told.contains("shared_shelf"), "{told}");
    let made =
        |name: &str| fs::read_to_string(desk.dir.path().join("made").join(name)).expect("a file");
    let document = made("shared_shelf/apiDefinition.swagger.json");
    assert!(document.contains("\"operationId\": \"Add\""));
    assert_eq!(made("inputs/a.json"), r#"{"n":"text"}"#);
    assert_eq!(made("http/a/Plain.json"), r#"{"n":"1"}"#);
    let missing: serde_json::Value = serde_json::from_str(&made("flows/gone.json")).expect("JSON");
    assert_eq!(missing["actions"]["Answer"]["inputs"]["body"], json!({"count": 1}));
    desk.fails(&["connector", "infer", "flows", "-o", "made", "--example", "nothing"]);
    for state in ["imported", "there already"] {
        let told = desk.json(&["connector", "infer", "flows", "--import"]);
        assert_eq!(told["connectors"][0]["state"], state, "{told}");
    }
    assert_eq!(desk.json(&["connector", "show", "shared_shelf"])["operations"], 1);
    desk.fails(&["connector", "infer", "made/shared_shelf", "--import"]);

    desk.run(&["recording", "create", "one", "--description", "of a shelf"]);
    desk.run(&["recording", "export", "one", "-o", "one.json"]);
    desk.run(&["recording", "import", "one.json", "--name", "two"]);
    assert!(desk.run(&["recording", "list"]).contains("two"));
    assert!(desk.run(&["recording", "show", "two"]).contains("of a shelf"));
    desk.run(&["recording", "delete", "two"]);
    assert!(desk.fails(&["recording", "show", "two"]).contains("There is no recording 'two'"));
}

#[test]
fn validate_tells_by_its_exit_code() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = |name: &str| dir.path().join(name).to_str().expect("text").to_owned();
    let good = definition(&json!({"A": {"type": "Compose", "inputs": "@noSuchFunction()"}}));
    fs::write(path("good.json"), good).expect("a file");
    assert!(done(&mut sluicegate(&["validate", &path("")]), 0).contains("1 warning"));
    let bad = definition(&json!({"A": {"type": "Compose", "inputs": "@add(1",
        "runAfter": {"B": ["Succeeded"]}}}));
    fs::create_dir(path("more")).expect("a folder");
    fs::write(path("more/bad.json"), bad).expect("a file");
    fs::write(path("more/note.txt"), "not a definition").expect("a file");
    let told = done(&mut sluicegate(&["validate", &path("")]), 1);
    assert!(told.contains("bad.json: error") && told.contains("$.actions.A.inputs"), "{told}");
    assert!(told.contains("$.actions.A.runAfter"), "{told}");
    let told = done(&mut sluicegate(&["validate", &path("good.json"), "--json"]), 0);
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(told["valid"], true);
    assert_eq!(told["files"].as_array().map(Vec::len), Some(1));
    done(&mut sluicegate(&["validate", &path("more/bad.json"), "--json"]), 1);
    done(&mut sluicegate(&["validate", &path("missing.json")]), 1);
    done(&mut sluicegate(&["validate"]), 2);
}

#[test]
fn eval_prints_the_value_or_the_place_of_the_fault() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = |name: &str| dir.path().join(name).to_str().expect("text").to_owned();
    let context = json!({"trigger": {"outputs": {"body": {"name": "Ada"}}}}).to_string();
    fs::write(path("ctx.json"), context).expect("a file");
    let upper = "@toUpper(triggerBody()?['name'])";
    let printed = done(&mut sluicegate(&["eval", upper, "--context", &path("ctx.json")]), 0);
    assert_eq!(printed.trim(), "\"ADA\"");
    assert_eq!(done(&mut sluicegate(&["eval", "@add(1, 2)", "--json"]), 0).trim(), "3");
    let told = done(&mut sluicegate(&["eval", "@add(1,"]), 1);
    assert!(told.contains("error"), "{told}");
    done(&mut sluicegate(&["eval", "@noSuchFunction()"]), 1);
    let cases = "{\"id\":\"a\",\"expr\":\"@add(1,2)\"}\n\n\
        {\"id\":\"b\",\"expr\":\"@add(\"}\nnonsense\n\
        {\"id\":\"c\",\"expr\":\"@triggerBody()\",\"context\":{\"trigger\":{\"outputs\":{\"body\":[1]}}}}\n";
    fs::write(path("cases.jsonl"), cases).expect("a file");
    let from_file = done(&mut sluicegate(&["eval", "--batch", &path("cases.jsonl")]), 0);
    let read = |line| serde_json::from_str(line).expect("JSON");
    let lines: Vec<Value> = from_file.lines().map(read).collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[0], json!({"id": "a", "value": 3}));
    assert!(lines[1]["error"]["message"].is_string() && lines[1]["id"] == "b", "{from_file}");
    assert!(lines[2]["error"]["message"].is_string(), "{from_file}");
    assert_eq!(lines[3], json!({"id": "c", "value": [1]}));
    let mut child = sluicegate(&["eval", "--batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a process");
    child.stdin.take().expect("its input").write_all(cases.as_bytes()).expect("written");
    assert_eq!(text(&child.wait_with_output().expect("its output").stdout), from_file);
}
