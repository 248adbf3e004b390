//! The command line, at a server with a provider next to it.

use super::scene::{CONNECTOR, NAME, Scene, local};
use crate::login::browser::Browser;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};

fn begin(scene: &Scene, line: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_sluicegate"))
        .args(line.split_whitespace())
        .args(["--server", &format!("http://{}", scene.house.address)])
        .env("SLUICEGATE_TOKEN", &scene.token)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command can be started")
}

/// Runs a command with something on its standard input: whether it succeeds, what it says.
async fn told(scene: &Scene, line: &str, input: &str) -> (bool, String) {
    let mut child = begin(scene, line);
    let mut stdin = child.stdin.take().expect("its input");
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    let output = tokio::task::spawn_blocking(move || child.wait_with_output());
    let output = output.await.expect("a task").expect("its output");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).expect("text"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_waits_until_somebody_has_signed_in() {
    let scene = Scene::set().await;
    let line = format!("connection consent {NAME} --connector {CONNECTOR}");
    let mut child = begin(&scene, &line);
    let output = child.stdout.take().expect("its output");
    let mut output = BufReader::new(output);
    let mut said = String::new();
    output.read_line(&mut said).expect("a line");
    let link = said.trim().strip_prefix("Sign in at ").expect("a link").to_owned();
    let mut browser = Browser::default();
    let address = scene.follow(&mut browser, &local(&scene.house, &link)).await;
    let back = scene.at_provider(&address, true).await;
    assert_eq!(browser.get(&scene.house, &local(&scene.house, &back)).await.status, 200);
    let ended = tokio::task::spawn_blocking(move || {
        let mut rest = String::new();
        output.read_to_string(&mut rest).expect("text");
        (child.wait().expect("its end").success(), rest)
    });
    let (is_success, rest) = ended.await.expect("a task");
    assert!(is_success && rest.contains("Connection 'mine' is signed in."), "{rest}");
    let line = format!("connection test {NAME} --connector {CONNECTOR}");
    let (is_success, text) = told(&scene, &line, "").await;
    assert!(is_success && text.contains("A token was had for connection 'mine'."), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_says_what_a_connector_is_known_as() {
    let scene = Scene::set().await;
    let line = format!("connector client {CONNECTOR}");
    let (is_success, text) = told(&scene, &line, "").await;
    assert!(is_success && text.contains("/oauth/redirect") && text.contains("secret"), "{text}");
    let (is_success, text) =
        told(&scene, &format!("{line} --id other --secret-stdin"), "planted-9\n").await;
    assert!(is_success && text.contains("other") && !text.contains("planted"), "{text}");
    assert!(told(&scene, &format!("{line} --remove"), "").await.0);
    let line = format!("connection consent {NAME} --connector {CONNECTOR} --no-wait");
    let (is_success, text) = told(&scene, &line, "").await;
    assert!(!is_success && text.contains("no OAuth client"), "{text}");
}
