//! Ends and new starts of the server.

use crate::world::{World, compose, definition, echo, response, wait};
use serde_json::json;

#[tokio::test]
async fn a_request_under_way_is_answered_before_the_server_ends() {
    let world = World::start().await;
    let document = definition(json!({"Rest": wait("", 1), "Answer": response("Rest", "in time")}));
    let address = world.flow("order", &document).await;
    let body = json!({});
    let (answer, ()) = tokio::join!(world.fire(&address, &body), async {
        while world.api.list("/api/v1/flows/order/runs").await.is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        world.server.terminate();
    });
    assert_eq!((answer.status, answer.text.as_str()), (200, "in time"));
    let status = world.server.stop().await;
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn who_watches_a_parked_run_does_not_hold_up_the_end() {
    let world = World::start().await;
    let address = world.flow("order", &definition(json!({"Rest": wait("", 3_600)}))).await;
    let run = world.fire(&address, &json!({})).await.run().to_owned();
    let path = format!("/api/v1/runs/{run}/events");
    let request = world.api.request(reqwest::Method::GET, &path).bearer_auth(crate::support::TOKEN);
    let mut events = request.send().await.expect("an answer");
    assert!(events.chunk().await.expect("an event").is_some());
    let since = std::time::Instant::now();
    assert!(world.server.stop().await.success());
    assert!(since.elapsed() < std::time::Duration::from_secs(15), "{:?}", since.elapsed());
    while events.chunk().await.expect("the stream ends well").is_some() {}
}

#[tokio::test]
async fn parked_runs_finish_after_a_restart() {
    let mut world = World::start().await;
    let document = definition(json!({
        "Note": compose("", json!("@triggerBody()")),
        "Rest": wait("Note", 2),
        "Told": compose("Rest", json!("@outputs('Note')")),
    }));
    let address = world.flow("order", &document).await;
    let mut runs = Vec::new();
    for n in 0..5 {
        runs.push(world.fire(&address, &json!({"n": n})).await.run().to_owned());
    }
    let status = world.server.stop().await;
    assert!(status.success(), "{status}");
    world.server = world.setup.start().await;
    world.api = world.server.api();
    for (n, run) in runs.iter().enumerate() {
        let ended = world.api.ended(run).await;
        assert_eq!(ended["status"], "Succeeded", "{ended}");
        let told = world.api.get(&format!("/api/v1/runs/{run}/actions/Told")).await;
        assert_eq!(told["outputs"], json!({"n": n}));
    }
}

#[tokio::test]
async fn flows_keys_and_tokens_outlive_a_restart() {
    let mut world = World::start().await;
    let address = world.flow("order", &echo()).await;
    let first = world.fire(&address, &json!({"n": 1})).await;
    assert!(world.server.stop().await.success());
    world.server = world.setup.start().await;
    world.api = world.server.api();
    assert_eq!(world.fire(&address, &json!({})).await.status, 200);
    let run = world.api.get(&format!("/api/v1/runs/{}", first.run())).await;
    assert_eq!(run["trigger"]["outputs"]["body"], json!({"n": 1}));
    assert_eq!(world.api.list("/api/v1/flows/order/runs").await.len(), 2);
}

#[tokio::test]
async fn a_second_server_on_the_same_data_is_refused() {
    let world = World::start().await;
    world.flow("order", &echo()).await;
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_sluicegate"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(&world.setup.data)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("a process");
    let output = tokio::time::timeout(
        std::time::Duration::from_secs(10),
        tokio::task::spawn_blocking(move || output.wait_with_output()),
    );
    let output = output.await.expect("it ends").expect("a result").expect("its output");
    assert!(!output.status.success());
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("cannot be opened"), "{told}");
    world.api.get("/api/v1/flows/order").await;
}

/// What came with a byte order mark, in another charset, or blank is kept as it was read:
/// the text as it came could not be read back.
#[tokio::test]
async fn odd_json_bodies_survive_a_restart() {
    let mut world = World::start().await;
    let document = definition(json!({
        "Rest": wait("", 2),
        "Told": compose("Rest", json!("@triggerBody()")),
    }));
    let address = world.flow("order", &document).await;
    let bodies: [(&str, &[u8], serde_json::Value); 3] = [
        ("application/json", b"\xef\xbb\xbf{\"n\": 1}", json!({"n": 1})),
        ("application/json; charset=iso-8859-1", b"{\"n\": \"\xe9\"}", json!({"n": "\u{e9}"})),
        ("application/json", b"  ", json!(null)),
    ];
    let mut runs = Vec::new();
    for (content_type, body, expected) in bodies {
        let request = world.api.request(reqwest::Method::POST, &address);
        let request = request.header("content-type", content_type).body(body.to_vec());
        let run = crate::world::Answer::of(request).await.run().to_owned();
        runs.push((run, expected));
    }
    assert!(world.server.stop().await.success());
    world.server = world.setup.start().await;
    world.api = world.server.api();
    for (run, expected) in runs {
        let ended = world.api.ended(&run).await;
        assert_eq!(ended["status"], "Succeeded", "{ended}");
        let told = world.api.get(&format!("/api/v1/runs/{run}/actions/Told")).await;
        assert_eq!(told.get("outputs").cloned().unwrap_or_default(), expected);
    }
}
