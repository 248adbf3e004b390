//! Back up, move, restore: what was stored is there again, or nothing is.

use crate::stored::{ask, beside, db, ends, filled};
use crate::world::{World, compose, definition, echo, response, wait};
use reqwest::Method;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use store::Store;
use store::sqlite::{SqliteOptions, SqliteStore};

#[tokio::test]
async fn what_is_exported_is_the_same_in_another_folder() {
    let filled = filled().await;
    let setup = &filled.world.setup;
    let file = setup.data.with_extension("slb");
    let name = file.to_str().expect("a path");
    let refused = ends(1, db(&["export", name], &setup.data));
    assert!(refused.contains("in use by another server"), "{refused}");
    let before = filled.everything(&filled.world.api).await;
    let told = ends(0, db(&["backup", name], &setup.data));
    assert!(told.contains("10 runs and 6 flows") && told.contains("master.key"), "{told}");
    let refused = ends(1, db(&["backup", name], &setup.data));
    assert!(refused.contains("there already"), "{refused}");
    let other = beside(setup, "other");
    let told = ends(0, db(&["import", name], &other.data));
    assert!(told.contains("10 runs and 6 flows"), "{told}");
    ends(0, db(&["verify"], &other.data));
    let refused = ends(1, db(&["import", name], &other.data));
    assert!(refused.contains("empty"), "{refused}");
    // paused, so that nothing goes on before it is compared
    let server = other.arg("--paused").start().await;
    let after = filled.everything(&server.api()).await;
    // each server has its own address; what was stored names the first
    let (first, second) = (filled.world.server.addr.to_string(), server.addr.to_string());
    assert_eq!(before.to_string(), after.to_string().replace(&second, &first));
    let tables = ends(0, db(&["verify", "--json"], &setup.data));
    assert!(tables.contains("\"whole\":true"), "{tables}");
}

#[tokio::test]
async fn an_export_without_a_server_holds_what_the_backup_had() {
    let world = World::start().await;
    let address = world.flow("order", &echo()).await;
    world.fire(&address, &json!({"n": 1})).await;
    let data = world.setup.data.clone();
    assert!(world.server.stop().await.success());
    let file = data.with_extension("slb");
    let name = file.to_str().expect("a path");
    let told = ends(0, db(&["export", name, "--json"], &data));
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!((&told["kind"], &told["runs"]), (&json!("export"), &json!(1)));
    let refused = ends(1, db(&["export", "x"], Path::new("/nowhere/at/all")));
    assert!(refused.contains("There is no store in /nowhere/at/all"), "{refused}");
    damage(&file, &data.with_file_name("damaged"));
}

/// Every way in which a file can be wrong imports nothing.
fn damage(file: &Path, data: &Path) {
    let whole = fs::read(file).expect("the file");
    let wrong = data.with_extension("wrong");
    let refused = |bytes: &[u8]| {
        fs::write(&wrong, bytes).expect("written");
        let told = ends(1, db(&["import", wrong.to_str().expect("a path")], data));
        let (_, report) = db(&["verify"], data);
        assert!(report.contains("0 rows"), "{report}");
        told
    };
    // the store is made first
    for cut in [0, 10, 21, 40, whole.len() / 2, whole.len() - 33, whole.len() - 1] {
        let told = refused(&whole[..cut]);
        assert!(told.contains("cut short"), "{cut}: {told}");
    }
    for at in [30, whole.len() / 2, whole.len() - 60, whole.len() - 1] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        let told = refused(&changed);
        assert!(told.contains("damaged") || told.contains("cut short"), "{at}: {told}");
    }
    let told = refused(&[&whole[..], b"more"].concat());
    assert!(told.contains("follows the end"), "{told}");
    assert!(refused(b"something else that is long enough").contains("not a file"));
    let mut newer = whole;
    newer[8] = 200;
    assert!(refused(&newer).contains("newer version"));
    ends(0, db(&["import", file.to_str().expect("a path")], data));
}

#[tokio::test]
async fn a_store_that_is_not_whole_ends_verify_with_1() {
    let dir = tempfile::tempdir().expect("a folder");
    let told = ends(1, db(&["verify"], dir.path()));
    assert!(told.contains("there is no store in"), "{told}");
    let store = SqliteStore::open(dir.path(), SqliteOptions::default()).expect("a store");
    store.set_retention("default", Some(99), Some(5)).await.expect("it is set");
    let told = ends(1, db(&["verify"], dir.path()));
    assert!(told.contains("retention 'default', 99") && told.contains("1 problem."), "{told}");
    store.close().await.expect("it closes");
    let told = ends(1, db(&["verify", "--json"], dir.path()));
    assert!(told.contains("\"problemCount\":1"), "{told}");
}

/// A file of the first version stays readable.
#[test]
fn a_file_of_version_1_is_imported() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/backup-1.slb");
    let told = ends(0, db(&["import", file.to_str().expect("a path")], dir.path()));
    assert!(told.contains("2 runs and 1 flows"), "{told}");
    ends(0, db(&["verify"], dir.path()));
}

#[tokio::test]
async fn a_backup_under_load_is_of_one_moment() {
    let world = World::start().await;
    let document = definition(json!({"A": compose("", json!("@triggerBody()")),
        "Rest": wait("A", 1), "Answer": response("A", "done")}));
    let address = world.flow("order", &document).await;
    let api = world.api.clone();
    let firing = tokio::spawn(async move {
        loop {
            let _ = api.trigger(&address, &json!({"text": "x".repeat(40_000)})).await;
        }
    });
    let dir = world.setup.data.with_file_name("files");
    fs::create_dir(&dir).expect("a folder");
    for number in 0..4 {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        let data = world.setup.data.clone();
        let file = dir.join(format!("{number}.slb"));
        let other = dir.join(number.to_string());
        let work = tokio::task::spawn_blocking(move || {
            ends(0, db(&["verify"], &data));
            ends(0, db(&["backup", file.to_str().expect("a path")], &data));
            ends(0, db(&["restore", file.to_str().expect("a path")], &other));
            ends(0, db(&["verify"], &other));
        });
        work.await.expect("all of it works");
    }
    firing.abort();
}

#[tokio::test]
async fn a_restored_server_comes_up_paused() {
    let filled = filled().await;
    let setup = &filled.world.setup;
    let file = setup.data.with_extension("slb");
    let name = file.to_str().expect("a path");
    let release = definition(json!({"Rest": wait("", 5), "Told": compose("Rest", json!("on"))}));
    let short = filled.world.flow("short", &release).await;
    let first = filled.world.fire(&short, &json!({})).await.run().to_owned();
    let second = filled.world.fire(&short, &json!({})).await.run().to_owned();
    ends(0, db(&["backup", name], &setup.data));
    let other = beside(setup, "restored");
    let told = ends(0, db(&["restore", name], &other.data));
    assert!(told.contains("comes up paused"), "{told}");
    let world = World::of(other.start().await, other);
    let status = ends(0, ask(&world, &["server", "status"]));
    assert!(status.contains("paused"), "{status}");
    let refused = world.fire(&short, &json!({})).await;
    assert_eq!((refused.status, refused.code().as_str()), (503, "ServerPaused"));
    let cancelled = filled.run("parked");
    ends(0, ask(&world, &["run", "cancel", cancelled]));
    assert_eq!(world.api.ended(cancelled).await["status"], "Cancelled");
    ends(0, ask(&world, &["run", "release", &first]));
    assert_eq!(world.api.ended(&first).await["status"], "Succeeded");
    let still = world.api.get(&format!("/api/v1/runs/{second}")).await;
    assert_eq!(still["status"], "Running");
    let path = format!("/api/v1/runs/{first}/release");
    let again = world.call(Method::POST, &path, json!({}), 200).await;
    assert_eq!(again["status"], "Succeeded");
    let resumed = ends(0, ask(&world, &["server", "resume"]));
    assert!(resumed.contains("running"), "{resumed}");
    assert_eq!(world.api.ended(&second).await["status"], "Succeeded");
    assert_eq!(world.fire(&short, &json!({})).await.status, 202);
    // the mark is gone, too
    assert!(world.server.stop().await.success());
    let server = world.setup.start().await;
    assert_eq!(server.api().get("/api/v1/server").await["state"], "running");
}

#[tokio::test]
async fn a_wrong_master_key_is_found_at_the_start() {
    let world = World::start().await;
    let address = world.flow("order", &echo()).await;
    assert!(world.server.stop().await.success());
    let key = world.setup.data.join("master.key");
    let right = fs::read(&key).expect("the key");
    let refused = |mark: &str| {
        let data = world.setup.data.to_str().expect("a path");
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_sluicegate"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data", data])
            .output()
            .expect("a process");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && told.contains(mark), "{told}");
    };
    fs::write(&key, [7; 32]).expect("written");
    refused("not the master key");
    fs::remove_file(&key).expect("removed");
    refused("master key of the store is missing");
    assert!(!key.exists());
    fs::write(&key, right).expect("written");
    let server = world.setup.start().await;
    let answer = server.api().trigger(&address, &json!({})).await.expect("an answer");
    assert_eq!(answer.status(), 200);
}
