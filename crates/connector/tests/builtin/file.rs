//! Files in a guarded folder, and paths that try to leave it.

use crate::world::World;
use serde_json::{Value as Json, json};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use tempfile::TempDir;

struct Folder {
    world: World,
    inside: PathBuf,
    outside: PathBuf,
    _directory: TempDir,
}

fn folder() -> Folder {
    let directory = tempfile::tempdir().unwrap();
    let inside = directory.path().join("inside");
    let outside = directory.path().join("outside");
    for place in [&inside, &outside, &inside.join("sub")] {
        fs::create_dir(place).unwrap();
    }
    fs::write(outside.join("secret.txt"), "outside").unwrap();
    let mut world = World::new(None);
    world.context.folder = Some(inside.clone());
    Folder { world, inside, outside, _directory: directory }
}

impl Folder {
    async fn call(&self, operation: &str, parameters: Json) -> (u16, Json) {
        self.world.call("shared_filesystem", operation, &json!({}), parameters).await
    }
}

#[tokio::test]
async fn a_file_is_made_read_changed_copied_and_deleted() {
    let folder = folder();
    let made = json!({ "folderPath": "/sub", "name": "a ö.txt", "body": "Grüße" });
    let (status, made) = folder.call("CreateFile", made).await;
    assert_eq!(status, 200, "{made}");
    assert_eq!(made["Path"], "/sub/a ö.txt");
    assert_eq!(made["Size"], 7);
    assert_eq!(made["MediaType"], "text/plain");
    let id = made["Id"].clone();
    assert_eq!(folder.call("GetFileContent", json!({ "id": id })).await.1, "Grüße");
    let path = json!({ "path": "\\sub\\a ö.txt" });
    assert_eq!(folder.call("GetFileContentByPath", path.clone()).await.1, "Grüße");
    assert_eq!(folder.call("GetFileMetadataByPath", path).await.1["Id"], id);
    let more = json!({ "id": id, "body": "!" });
    assert_eq!(folder.call("AppendFile", more).await.1["Size"], 8);
    let bytes = json!({ "$content-type": "application/octet-stream", "$content": "AAEC/w==" });
    assert_eq!(folder.call("UpdateFile", json!({ "id": id, "body": bytes })).await.0, 200);
    assert_eq!(fs::read(folder.inside.join("sub/a ö.txt")).unwrap(), [0, 1, 2, 255]);
    let raw = json!({ "id": id, "inferContentType": false });
    assert_eq!(folder.call("GetFileContent", raw).await.1, bytes);

    let copy = json!({ "source": "/sub/a ö.txt", "destination": "/b.bin" });
    assert_eq!(folder.call("CopyFile", copy.clone()).await.0, 200);
    assert_eq!(folder.call("CopyFile", copy.clone()).await.0, 409);
    let over = json!({ "source": "/sub/a ö.txt", "destination": "/b.bin", "overwrite": true });
    assert_eq!(folder.call("CopyFile", over).await.0, 200);
    let (_, listed) = folder.call("ListRootFolder", json!({})).await;
    let names: Vec<(&str, bool)> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["Name"].as_str().unwrap(), it["IsFolder"].as_bool().unwrap()))
        .collect();
    assert_eq!(names, [("b.bin", false), ("sub", true)]);
    let sub = json!({ "id": listed[1]["Id"] });
    assert_eq!(folder.call("ListFolder", sub.clone()).await.1[0]["Id"], id);
    assert_eq!(folder.call("DeleteFile", sub).await.0, 400, "a folder is not a file");
    assert_eq!(folder.call("DeleteFile", json!({ "id": id })).await.0, 200);
    assert_eq!(folder.call("DeleteFile", json!({ "id": id })).await.0, 404);
    assert_eq!(folder.call("UpdateFile", json!({ "id": id, "body": "x" })).await.0, 404);
    assert_eq!(fs::read_dir(&folder.inside).unwrap().count(), 2, "nothing is left behind");
}

#[tokio::test]
async fn no_path_leads_out_of_the_folder() {
    let folder = folder();
    symlink(&folder.outside, folder.inside.join("link")).unwrap();
    symlink(folder.outside.join("secret.txt"), folder.inside.join("file-link")).unwrap();
    symlink("..", folder.inside.join("up")).unwrap();
    symlink(folder.outside.join("new.txt"), folder.inside.join("dangling")).unwrap();
    let absolute = folder.outside.join("secret.txt").display().to_string();
    for path in [
        "../outside/secret.txt",
        "/../outside/secret.txt",
        "sub/../../outside/secret.txt",
        "..\\outside\\secret.txt",
        "sub\\..\\..\\outside\\secret.txt",
        "./../outside/secret.txt",
        "....//outside/secret.txt",
        "%2e%2e/outside/secret.txt",
        "link/secret.txt",
        "/link/secret.txt",
        "file-link",
        "up/outside/secret.txt",
        "dangling",
        "/proc/self/environ",
        "/etc/passwd",
        "C:\\Windows\\win.ini",
        "\\\\server\\share\\x",
        "sub/\0/../x",
        "a\nb",
        "",
        "/",
        "sub",
        &absolute,
        &"a/".repeat(100),
        &"a".repeat(300),
    ] {
        for operation in ["GetFileContentByPath", "GetFileContent"] {
            let name = if operation == "GetFileContent" { "id" } else { "path" };
            let (status, body) = folder.call(operation, json!({ name: path })).await;
            assert!((400..500).contains(&status), "{operation} {path:?}: {status} {body}");
            assert!(!body.to_string().contains("outside\""), "{path:?}: {body}");
        }
        for (operation, parameters) in [
            ("CopyFile", json!({ "source": path, "destination": "copied", "overwrite": true })),
            ("DeleteFile", json!({ "id": path })),
            ("AppendFile", json!({ "id": path, "body": "x" })),
            ("UpdateFile", json!({ "id": path, "body": "x" })),
            ("CreateFile", json!({ "folderPath": path, "name": "x.txt", "body": "x" })),
            ("ListFolder", json!({ "id": path })),
        ] {
            let (status, body) = folder.call(operation, parameters).await;
            let is_inside =
                matches!((operation, path), ("CreateFile", "" | "/" | "sub") | ("ListFolder", "/"));
            assert_eq!(status == 200, is_inside, "{operation} {path:?}: {body}");
        }
        let name = json!({ "folderPath": "/", "name": path, "body": "x" });
        let (status, body) = folder.call("CreateFile", name).await;
        let is_name = path == "%2e%2e";
        assert_eq!(status == 200, is_name, "{path:?}: {body}");
    }
    assert_eq!(fs::read_to_string(folder.outside.join("secret.txt")).unwrap(), "outside");
    assert_eq!(fs::read_dir(&folder.outside).unwrap().count(), 1);
    let (_, listed) = folder.call("ListRootFolder", json!({})).await;
    assert!(!listed.to_string().contains("link"), "{listed}");
}

#[tokio::test]
async fn a_pipe_and_a_file_that_is_too_large_are_refused() {
    let folder = folder();
    let pipe = folder.inside.join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert_eq!(folder.call("GetFileContentByPath", json!({ "path": "pipe" })).await.0, 400);
    assert_eq!(folder.call("AppendFile", json!({ "id": "/pipe", "body": "x" })).await.0, 400);
    let large = fs::File::create(folder.inside.join("large")).unwrap();
    large.set_len(100 * 1024 * 1024 + 1).unwrap();
    assert_eq!(folder.call("GetFileContentByPath", json!({ "path": "large" })).await.0, 413);
    assert_eq!(folder.call("AppendFile", json!({ "id": "/large", "body": "x" })).await.0, 413);
}

#[tokio::test]
async fn what_a_database_keeps_beside_it_is_not_written() {
    let folder = folder();
    fs::write(folder.inside.join("x.db-wal"), "there").unwrap();
    for name in ["x.db-journal", "x.db-wal", "X.DB-SHM"] {
        let made = json!({ "folderPath": "/", "name": name, "body": "x" });
        assert_eq!(folder.call("CreateFile", made).await.0, 403, "{name}");
    }
    let copy = json!({ "source": "/x.db-wal", "destination": "/y.db-journal" });
    assert_eq!(folder.call("CopyFile", copy).await.0, 403);
    assert_eq!(folder.call("AppendFile", json!({ "id": "/x.db-wal", "body": "x" })).await.0, 403);
}

#[tokio::test]
async fn without_a_folder_there_are_no_files() {
    let world = World::new(None);
    let answer = world.call("shared_filesystem", "ListRootFolder", &json!({}), json!({})).await;
    assert_eq!(answer.0, 400);
}
