//! What nodes tell each other.

use super::sample::{behind_proxy, id, open};
use rig::Postgres;
use std::time::Duration;
use store::{Hint, Store};
use tokio::sync::broadcast::Receiver;

async fn next(hints: &mut Receiver<Hint>) -> Option<Hint> {
    tokio::time::timeout(Duration::from_secs(10), hints.recv()).await.ok()?.ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hints_reach_every_node() {
    let server = Postgres::shared().expect("a server");
    let (one, proxy) = behind_proxy(&server, "hints").await;
    let other = open(&server.url("hints")).await;
    let (mut at_one, mut at_other) = (one.hints(), other.hints());
    for hint in [Hint::Inbox(id(1)), Hint::Answered(id(2)), Hint::Flow("order".to_owned())] {
        one.hint(hint.clone());
        assert_eq!(next(&mut at_one).await.as_ref(), Some(&hint));
        assert_eq!(next(&mut at_other).await.as_ref(), Some(&hint));
    }
    // Who listens does so again after the connection was lost.
    proxy.cut();
    let told = Hint::Inbox(id(3));
    let telling = async {
        loop {
            other.hint(told.clone());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = telling => {}
        heard = next(&mut at_one) => assert_eq!(heard.as_ref(), Some(&told)),
    }
    one.close().await.expect("it closes");
    while next(&mut at_one).await.is_some() {}
    assert!(at_one.recv().await.is_err(), "nothing comes after the end");
}
