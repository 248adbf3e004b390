//! Subscriptions with an end are asked for again before it comes: by a clock that is the
//! test's, over real HTTP.

use crate::backend::{Asked, Backend, Told};
use crate::connector_call::{PROPERTIES, SECRET, library};
use crate::connector_webhook::{ACTIONS, TRIGGERS, subscribes, waits};
use crate::login::house::{House, Plan};
use crate::support::api::{Api, path_of};
use durable::ProcessKind;
use reqwest::Method;
use serde_json::{Value, json};
use server::app::connector::throttle::ConnectorLimits;
use server::clock::SECOND;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

const WITHIN: Duration = Duration::from_secs(40);
const API: &str = "/providers/Microsoft.PowerApps/apis/shared_library";

/// How long subscriptions live, in seconds.
const LIFE: i64 = 1_000;

struct Clockwork {
    house: House,
    api: Api,
    backend: Backend,
    /// The second in which a subscription that is made now ends.
    end: Arc<AtomicI64>,
}

impl Clockwork {
    /// A service that says the end of a subscription as a property of this name.
    async fn open(property: &'static str, location: fn(usize) -> String) -> Clockwork {
        let end = Arc::new(AtomicI64::new(0));
        let known = Arc::clone(&end);
        let backend = Backend::start(move |asked, before| -> Told {
            if asked.method == Method::DELETE {
                return (204, Vec::new(), Value::Null);
            }
            let end = jiff::Timestamp::from_second(known.load(Ordering::SeqCst)).expect("a time");
            (201, vec![("location", location(before))], json!({property: end.to_string()}))
        })
        .await;
        let limits = Some(ConnectorLimits::default());
        let house = House::build(Plan { limits, ..Plan::default() }).await;
        let api = Api::new(house.address);
        let clock = Clockwork { house, api, backend, end };
        clock.pass(0);
        let body = json!({"name": "shared_library", "properties": PROPERTIES,
            "definition": library(&clock.backend.addr.to_string()).to_string()});
        clock.call(Method::POST, "/api/v1/environments/default/connectors", body, 201).await;
        let path = format!("{API}/connections/lib1?$filter=environment%20eq%20%27~default%27");
        let body = json!({"properties": {"connectionParameters": {"api_key": SECRET}}});
        clock.call(Method::PUT, &path, body, 201).await;
        clock
    }

    async fn call(&self, method: Method, path: &str, body: Value, status: u16) -> Value {
        let (given, answer) = self.api.call(method, path, Some(&body)).await;
        assert_eq!(given, status, "{path}: {answer}");
        answer
    }

    async fn flow(&self, definition: Value) {
        let references = json!({"shared_library":
            {"connectionName": "lib1", "source": "Embedded", "id": API}});
        let document = json!({"definition": definition, "connectionReferences": references});
        let body = json!({"name": "loans", "document": document});
        self.call(Method::POST, "/api/v1/flows", body, 201).await;
    }

    /// Lets time pass; timers look at the clock again.
    fn pass(&self, seconds: i64) {
        self.house.pass(seconds);
        self.end.store(self.house.now() + LIFE, Ordering::SeqCst);
        tokio::spawn(Arc::clone(&self.house.app.engine).run_timers());
    }

    /// The questions so far, once there are so many and the subscription of the last one lives:
    /// nothing is to be done about it for a while.
    async fn subscribed(&self, count: usize) -> Vec<Asked> {
        let asked = self.count(Method::POST, count).await;
        let engine = &self.house.app.engine;
        let since = Instant::now();
        loop {
            let now = engine.clock.now();
            let until = now + 2 * LIFE * SECOND;
            let due = engine.store.due(engine.ownership.held(), until, 100).await;
            let due = due.expect("wakeups").into_iter();
            let due: Vec<_> = due.filter(|it| it.kind == ProcessKind::Trigger).collect();
            if due.len() == 1 && due[0].due.is_some_and(|due| due > now) {
                return asked;
            }
            assert!(since.elapsed() < WITHIN, "{} are to be seen to", due.len());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn count(&self, method: Method, count: usize) -> Vec<Asked> {
        let since = Instant::now();
        loop {
            let asked = self.backend.asked();
            let found: Vec<Asked> = asked.into_iter().filter(|it| it.method == method).collect();
            if found.len() >= count {
                assert_eq!(found.len(), count);
                return found;
            }
            assert!(since.elapsed() < WITHIN, "{} {method}, expected {count}", found.len());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn own(before: usize) -> String {
    format!("/api/loans/{before}")
}

fn callback(asked: &Asked) -> String {
    path_of(asked.json()["callback"].as_str().expect("an address")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trigger_asks_again_before_its_subscription_ends() {
    let names = ["expirationDateTime", "expirationTime", "expiresOn"];
    for (kind, name) in TRIGGERS.into_iter().zip(names) {
        let clock = Clockwork::open(name, own).await;
        clock.flow(subscribes(kind)).await;
        clock.subscribed(1).await;
        // a tenth of its life is left
        clock.pass(LIFE - LIFE / 10);
        let asked = clock.subscribed(2).await;
        assert_eq!(callback(&asked[0]), callback(&asked[1]), "{kind}");
        // it is no repetition of the first, and takes its place
        let key = |asked: &Asked| asked.header("idempotency-key").to_owned();
        assert_ne!(key(&asked[0]), key(&asked[1]), "{kind}");
        let ended = clock.count(Method::DELETE, 1).await;
        assert_eq!((ended[0].path.as_str(), ended[0].header("x-key")), ("/api/loans/0", SECRET));
        let answer = clock.api.call(Method::POST, &callback(&asked[0]), Some(&json!(1))).await;
        assert_eq!(answer.0, 202, "{kind}");
        // and so on
        clock.pass(LIFE - LIFE / 10);
        clock.subscribed(3).await;
        clock.count(Method::DELETE, 2).await;
        clock.api.post("/api/v1/flows/loans/disable", 200).await;
        let ended = clock.count(Method::DELETE, 3).await;
        let ended: Vec<&str> = ended.iter().map(|it| it.path.as_str()).collect();
        assert_eq!(ended, ["/api/loans/0", "/api/loans/1", "/api/loans/3"], "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_that_waits_long_asks_again_and_is_called_back() {
    for kind in ACTIONS {
        let clock = Clockwork::open("expirationDateTime", own).await;
        clock.flow(waits(kind)).await;
        let run = clock.call(Method::POST, "/api/v1/flows/loans/run", json!({}), 202).await;
        let run = run["run"].as_str().expect("a run");
        clock.subscribed(1).await;
        clock.pass(LIFE - LIFE / 10);
        let asked = clock.subscribed(2).await;
        assert_eq!(callback(&asked[0]), callback(&asked[1]), "{kind}");
        clock.count(Method::DELETE, 1).await;
        let answer = clock.api.call(Method::POST, &callback(&asked[1]), Some(&json!(5))).await;
        assert_eq!(answer.0, 200, "{kind}");
        assert_eq!(clock.api.ended(run).await["status"], "Succeeded", "{kind}");
        let told = clock.api.get(&format!("/api/v1/runs/{run}/actions/Told")).await;
        assert_eq!(told["outputs"], 5, "{kind}");
        clock.count(Method::DELETE, 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_that_brings_the_same_subscription_ends_none() {
    let clock = Clockwork::open("expirationDateTime", |_| "/api/loans/same".to_owned()).await;
    clock.flow(subscribes(TRIGGERS[0])).await;
    clock.subscribed(1).await;
    clock.pass(LIFE - LIFE / 10);
    clock.subscribed(2).await;
    clock.api.post("/api/v1/flows/loans/disable", 200).await;
    let ended = clock.count(Method::DELETE, 1).await;
    assert_eq!(ended[0].path, "/api/loans/same");
}
