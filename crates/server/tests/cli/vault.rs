//! Vaults, secrets, and what stands behind a connection.

use super::{Desk, done};
use reqwest::Method;
use serde_json::json;
use std::io::Write;
use std::process::Stdio;

const VALUE: &str = "value-from-a-file";

#[tokio::test]
async fn secrets_go_in_and_do_not_come_out() {
    let desk = Desk::start().await;
    assert!(desk.run(&["vault", "create", "payments"]).contains("Created vault 'payments'"));
    assert!(desk.fails(&["vault", "create", "Payments"]).contains("There is a vault"));
    desk.write("key.txt", &format!("{VALUE}\n"));
    let of = ["--vault", "payments"];
    let set = |more: &[&'static str]| [&["secret", "set", "api-key"], &of[..], more].concat();
    let told = desk.run(&set(&["--value-file", "key.txt", "--content-type", "text/plain"]));
    assert!(told.contains("Set secret 'api-key': version "), "{told}");
    let mut child = desk.command(&set(&["--value-stdin", "--disabled"]));
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("a process");
    child.stdin.take().expect("its input").write_all(b"from standard input").expect("written");
    assert!(child.wait().expect("its end").success());
    // a value is no argument
    done(&mut desk.command(&set(&[])), 2);
    let shown = desk.json(&[&["secret", "show", "API-KEY"], &of[..]].concat());
    assert_eq!(shown["versions"].as_array().map(Vec::len), Some(2), "{shown}");
    assert_eq!((&shown["isEnabled"], &shown["contentType"]), (&json!(false), &json!(null)));
    let newest = shown["version"].as_str().expect("a version").to_owned();
    let list = desk.run(&[&["secret", "list"], &of[..]].concat());
    assert!(list.contains("api-key") && list.contains("Disabled"), "{list}");
    let which = ["api-key", "--version", newest.as_str()];
    let told = desk.run(&[&["secret", "enable"], &which[..], &of[..]].concat());
    assert!(told.contains("Enabled") && !told.contains("Disabled"), "{told}");
    let told = desk.run(&[&["secret", "disable", "api-key"], &of[..]].concat());
    assert!(told.contains("Disabled") && told.contains("text/plain"), "{told}");
    for told in [list, told, shown.to_string()] {
        assert!(!told.contains(VALUE) && !told.contains("from standard input"), "{told}");
    }
    desk.run(&["user", "create", "ada@example.org"]);
    let told = desk.run(&["vault", "readers", "payments", "ada@example.org"]);
    assert!(told.contains("user "), "{told}");
    assert!(desk.run(&["vault", "list"]).contains("payments"));
    assert_eq!(desk.json(&["vault", "show", "payments"])["readers"][0]["kind"], "user");
    assert!(desk.fails(&["vault", "delete", "payments"]).contains("There are secrets"));
    desk.run(&[&["secret", "delete", "api-key"], &of[..]].concat());
    desk.run(&["vault", "delete", "payments"]);
    assert!(desk.fails(&["vault", "show", "payments"]).contains("There is no vault 'payments'"));
}

#[tokio::test]
async fn what_stands_behind_a_connection_is_said() {
    let desk = Desk::start().await;
    let swagger = json!({"swagger": "2.0", "info": {"title": "Shelf"}, "host": "shelf.example",
        "paths": {}});
    let body = json!({"name": "shared_shelf", "definition": swagger.to_string(),
        "properties": "{\"properties\": {\"connectionParameters\": {}}}"});
    let api = desk.server.api();
    let path = "/api/v1/environments/default/connectors";
    assert_eq!(api.call(Method::POST, path, Some(&body)).await.0, 201);
    let path = "/providers/Microsoft.PowerApps/apis/shared_shelf/connections/c1?api-version=2016-11-01&$filter=environment%20eq%20%27~default%27";
    let (status, made) = api.call(Method::PUT, path, Some(&json!({"properties": {}}))).await;
    assert_eq!(status, 201, "{made}");
    desk.run(&["recording", "create", "tape"]);
    desk.write("answer.json", &super::definition(&json!({})));
    desk.run(&["flow", "create", "answer.json"]);
    let at = ["c1", "--connector", "shared_shelf"];
    let show = [&["connection", "backend", "show"], &at[..]].concat();
    assert!(desk.run(&show).contains("Service"));
    let url = "https://test.example.org/v1";
    for (flags, expected) in [
        (vec!["--host", url], json!({"kind": "Host", "url": url})),
        (vec!["--flow", "answer"], json!({"kind": "Flow", "flow": "answer"})),
        (vec!["--mock"], json!({"kind": "Mock"})),
        (
            vec!["--record", "tape", "--url", url],
            json!({"kind": "Recording", "recording": "tape", "mode": "Record", "url": url}),
        ),
        (
            vec!["--replay", "tape"],
            json!({"kind": "Recording", "recording": "tape", "mode": "Replay"}),
        ),
        (vec!["--service"], json!({"kind": "Service"})),
    ] {
        let set = [&["connection", "backend", "set"], &at[..], &flags[..]].concat();
        let told = desk.run(&set);
        assert!(told.contains(expected["kind"].as_str().expect("a kind")), "{told}");
        assert_eq!(desk.json(&show), expected, "{flags:?}");
    }
    let set = |flags: &[&'static str]| [&["connection", "backend", "set"], &at[..], flags].concat();
    for flags in [&[][..], &["--mock", "--service"], &["--mock", "--url", "https://h"]] {
        done(&mut desk.command(&set(flags)), 2);
    }
    assert!(desk.fails(&set(&["--flow", "none"])).contains("'none'"));
}
