use super::*;
use crate::app::catalog::Catalog;
use crate::app::flow::FlowInput;
use crate::auth::seal::Sealer;
use crate::clock::Clock;
use crate::worker::{Engine, EngineParts, EngineSettings, HttpOutside};
use std::time::Duration;
use store::sqlite::{SqliteOptions, SqliteStore};

pub(crate) async fn app(dir: &std::path::Path) -> App {
    let store = SqliteStore::open(dir, SqliteOptions::default()).expect("a store");
    let store: Arc<dyn store::Store> = Arc::new(store);
    let engine = Engine::new(EngineParts {
        node: durable::NodeId(1),
        catalog: Catalog::new(Arc::clone(&store), Arc::new(Sealer::with_key(&[7; 32]))),
        store,
        clock: Clock::new().expect("a clock"),
        settings: EngineSettings {
            response_timeout: Duration::from_secs(10),
            retention: Duration::from_secs(86_400),
            recycle: Duration::from_secs(86_400),
        },
        outside: Arc::new(HttpOutside::new(connector::http::EgressPolicy::default())),
        paused: false,
    });
    engine.join().await.expect("it holds everything");
    App::new(engine, Arc::default(), "11111111-2222-4333-8444-555555555555")
}

#[tokio::test]
async fn who_waits_at_another_node_gets_the_whole_answer() {
    let dir = tempfile::tempdir().expect("a folder");
    let app = app(dir.path()).await;
    let root = Caller::root("test");
    let document = br#"{"triggers": {"manual": {"type": "Request", "kind": "Http"}}, "actions": {
        "Answer": {"type": "Response", "runAfter": {},
            "inputs": {"statusCode": 201, "headers": {"x-a": "b"}, "body": "@triggerBody()"},
            "runtimeConfiguration": {"secureData": {"properties": ["inputs"]}}}}}"#;
    let input = FlowInput {
        name: Some("answers".to_owned()),
        document: document.to_vec(),
        ..FlowInput::default()
    };
    app.create_flow(&root, "default", input).await.expect("a flow");
    app.ask_flow(("default", "answers"), None, Value::from("all of it"), Value::Null)
        .await
        .expect("a run");
    let entry = app.engine.catalog.by_name("default", "answers").await.expect("read");
    let workflow = entry.expect("the flow").row.key;
    let filter = RunFilter { workflow, rows_max: 1, ..RunFilter::default() };
    let run = app.engine.store.runs(filter).await.expect("runs")[0].id;
    let Ok(Some(Reply::Response(answer))) = app.stored_reply(run).await else {
        panic!("the run gave no response");
    };
    let text = |name: &str| answer.get(name).map(|it| it.text().to_string());
    assert_eq!(text("statusCode").as_deref(), Some("201"));
    assert_eq!(text("body").as_deref(), Some("all of it"));
    assert_eq!(
        answer.get("headers").and_then(|it| it.get("x-a")).map(Value::text).as_deref(),
        Some("b")
    );
}
