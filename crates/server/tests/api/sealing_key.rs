//! The keys that seal: rotation while flows run, and where the master key comes from.

use crate::stored::{db, ends};
use crate::support::{Setup, TOKEN};
use crate::world::{World, compose, definition, response};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Says what a secure parameter is, in its own words and as it is.
fn telling() -> Value {
    let mut document = definition(json!({
        "Say": compose("", json!("@concat('it is ', parameters('secret'))")),
        "Quiet": compose("Say", json!({"@{parameters('secret')}": ["@outputs('Say')", 1]})),
        "Answer": response("Quiet", "@{length(parameters('secret'))}"),
    }));
    document["parameters"] = json!({"secret": {"type": "SecureString"}});
    document
}

async fn told(world: &World, run: &str) -> Value {
    world.api.get(&format!("/api/v1/runs/{run}/actions/Quiet")).await["outputs"].clone()
}

/// Waits for the end of the rotation.
pub async fn rotated(world: &World) -> Value {
    for _ in 0..2_000 {
        let rotation = world.api.get("/api/v1/sealing-keys/rotation").await;
        if rotation["state"] == "Ended" {
            return rotation;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the rotation does not end");
}

#[tokio::test]
async fn keys_are_rotated_while_flows_run() {
    let mut world = World::start().await;
    world.refused(Method::GET, "/api/v1/sealing-keys/rotation", 404, "RotationNotFound").await;
    let body = json!({"name": "tell", "document": telling(),
        "parameters": {"secret": "tulip or rose"}});
    world.call(Method::POST, "/api/v1/flows", body, 201).await;
    let url = world.api.post("/api/v1/flows/tell/callback-url", 200).await;
    let address = crate::world::path(&url);
    let first = world.fire(&address, &json!({})).await;
    assert_eq!((first.status, first.text.as_str()), (200, "13"));
    let before = world.api.list("/api/v1/sealing-keys").await;
    assert_eq!(before.len(), 1);
    let rotation = world.call(Method::POST, "/api/v1/sealing-keys/rotate", json!({}), 202).await;
    // an address that was signed before, and a run from before
    assert_eq!(world.fire(&address, &json!({})).await.status, 200);
    let ended = rotated(&world).await;
    assert_eq!(ended["key"], rotation["key"]);
    // two keys of the flow and a version, at least
    assert!(ended["secretsSealed"].as_u64() >= Some(3), "{ended}");
    assert_eq!(ended["secretsDamaged"], 0);
    let keys = world.api.list("/api/v1/sealing-keys").await;
    assert_eq!(keys[0]["id"], rotation["key"]);
    assert!(keys[0]["isSealing"] == true && keys[1]["retiredTime"].is_string(), "{keys:?}");
    assert!(world.server.stop().await.success());
    ends(0, db(&["verify"], &world.setup.data));
    world.server = world.setup.start().await;
    world.api = world.server.api();
    assert_eq!(world.fire(&address, &json!({})).await.text, "13");
    // known secrets are masked in what is shown, names included, and nowhere else
    let masked = json!({"********": ["it is ********", 1]});
    assert_eq!(told(&world, first.run()).await, masked);
    for (text, count) in [("tulip", 0), ("it%20is%20%2A%2A%2A", 3)] {
        let found = world.api.list(&format!("/api/v1/flows/tell/runs?search={text}")).await;
        assert_eq!(found.len(), count, "{text}");
    }
}

/// A run that waits is sealed, too, and goes on with all that it knows.
#[tokio::test]
async fn sealed_runs_go_on_after_a_crash() {
    let mut world = World::start().await;
    let both = json!({"secureData": {"properties": ["inputs", "outputs"]}});
    let mut keep = compose("", json!("@triggerBody()"));
    keep["runtimeConfiguration"] = both;
    let actions = json!({"Keep": keep, "Rest": crate::world::wait("Keep", 2),
        "Told": compose("Rest", json!("@length(outputs('Keep')['text'])"))});
    let address = world.flow("keep", &definition(actions)).await;
    let text = "large value ".repeat(5_000);
    let run = world.fire(&address, &json!({"text": text})).await.run().to_owned();
    let setup = Setup::new(&world.setup.data.join("unused"));
    fs::create_dir_all(&setup.data).expect("a folder");
    world.api.get(&format!("/api/v1/runs/{run}")).await;
    let other = setup.spawn();
    std::mem::replace(&mut world.server, other).kill();
    world.server = world.setup.start().await;
    world.api = world.server.api();
    assert_eq!(world.api.ended(&run).await["status"], "Succeeded");
    let action = world.api.get(&format!("/api/v1/runs/{run}/actions/Told")).await;
    assert_eq!(action["outputs"], text.len());
    // the files do not tell what they hold
    assert!(world.server.stop().await.success());
    assert!(!stored(&world.setup.data, b"large value "));
    ends(0, db(&["verify"], &world.setup.data));
}

/// Whether some bytes are in a file of a folder.
pub fn stored(data: &Path, wanted: &[u8]) -> bool {
    let files = fs::read_dir(data).expect("a folder").map(|entry| entry.expect("an entry").path());
    files
        .filter_map(|path| fs::read(path).ok())
        .any(|bytes| bytes.windows(wanted.len()).any(|window| window == wanted))
}

/// Whoever knows a value, and has the files, cannot find out that it is in them.
#[tokio::test]
async fn a_guess_is_not_confirmed() {
    let world = World::start().await;
    let mut quiet = definition(json!({"Keep": compose("", json!("kept"))}));
    let open = world.flow("open", &quiet).await;
    quiet["triggers"]["manual"]["runtimeConfiguration"] =
        json!({"secureData": {"properties": ["outputs"]}});
    let closed = world.flow("closed", &quiet).await;
    let mut hashes = Vec::new();
    for (address, text) in [(&open, "spoken "), (&closed, "unspoken ")] {
        let body = json!({"text": text.repeat(8_000)});
        world.run(address, &body).await;
        let mut coded = Vec::new();
        expr::codec::put_raw_json(body.to_string().as_bytes(), &mut coded);
        hashes.push(Sha256::digest(&coded).to_vec());
    }
    let data = world.setup.data.clone();
    assert!(world.server.stop().await.success());
    assert!(stored(&data, &hashes[0]), "the hash is another one by now");
    assert!(!stored(&data, &hashes[1]));
    assert!(stored(&data, b"spoken "));
    assert!(!stored(&data, b"unspoken "));
}

/// Starts a server that must refuse to.
fn refused(data: &Path, settings: &str, variables: &[(&str, &str)], mark: &str) {
    let file = data.with_extension("toml");
    fs::write(&file, settings).expect("written");
    let output = Command::new(env!("CARGO_BIN_EXE_sluicegate"))
        .args(["serve", "--listen", "127.0.0.1:0"])
        .arg("--data")
        .arg(data)
        .arg("--config")
        .arg(&file)
        .env("SLUICEGATE_TOKEN", TOKEN)
        .envs(variables.iter().copied())
        .output()
        .expect("a process");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains(mark), "{mark}: {told}");
}

const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

#[tokio::test]
async fn a_program_prints_the_master_key() {
    let dir = tempfile::tempdir().expect("a folder");
    let settings = dir.path().join("server.toml");
    let command = format!("[secrets]\nkey_command = ['/bin/sh', '-c', 'echo {KEY}']\n");
    fs::write(&settings, command).expect("written");
    let with = |setup: Setup, _: &Path| setup.arg("--config").arg(settings.clone());
    let world = World::start_with(with).await;
    let address = world.flow("order", &crate::world::echo()).await;
    let data = world.setup.data.clone();
    assert!(!data.join("master.key").exists());
    assert!(world.server.stop().await.success());
    // the same key by another way, and none by any other
    refused(&data, "", &[], "master key of the store is missing");
    let command = |script: &str| format!("[secrets]\nkey_command = ['/bin/sh', '-c', '{script}']");
    refused(&data, &command("exit 7"), &[], "exit status: 7");
    refused(&data, &command("echo hello"), &[], "64 hexadecimal digits");
    refused(&data, "[secrets]\nkey_command = ['/nowhere/kms']", &[], "'/nowhere/kms'");
    let other = "ff".repeat(32);
    let wrong = [("SLUICEGATE_MASTER_KEY", other.as_str())];
    refused(&data, "", &wrong, "SLUICEGATE_MASTER_KEY is not the master key");
    let log = fs::read_to_string(world.setup.log()).expect("the log");
    assert!(!log.contains(&KEY[..16]), "{log}");
    let setup = Setup::new(data.parent().expect("a folder")).env("SLUICEGATE_MASTER_KEY", KEY);
    let server = setup.start().await;
    let answer = server.api().trigger(&address, &json!({})).await.expect("an answer");
    assert_eq!(answer.status(), 200);
}
