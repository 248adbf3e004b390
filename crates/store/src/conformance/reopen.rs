//! What is there after the store was closed, dropped or left alone.

use super::StoreFactory;
use super::sample::{
    done, effect, history, id, open, run, seq, start_key, step, version, whole_run, workflow,
};
use crate::{Commit, Committed, Store, StoreError};
use durable::{Standing, Ticks};

const DUE: Ticks = 12;

fn rich() -> Commit {
    let mut rich = step(id(1), 0);
    rich.batch.standing = Standing::Live { due: Some(DUE) };
    rich.batch.effects = vec![effect(1)];
    rich.batch.start_key = Some(start_key("flow", "key"));
    rich.batch.snapshot = Some(vec![8]);
    rich
}

async fn fill(store: &dyn Store) -> i64 {
    done(store, rich()).await;
    done(store, whole_run(id(2), 1)).await;
    store.set_setting("name", b"value").await.expect("it is set");
    let row = workflow("default", "order");
    store.create_workflow(row, version(1)).await.expect("it is created")
}

async fn check(store: &dyn Store, key: i64) {
    let loaded = store.load(id(1)).await.expect("it loads").expect("it is live");
    assert_eq!((loaded.seq, loaded.due, loaded.snapshot), (1, Some(DUE), Some((1, vec![8]))));
    assert_eq!(store.effects(id(1)).await, Ok(vec![effect(1)]));
    assert_eq!(store.run(id(2)).await, Ok(Some(run(id(2), 1))));
    assert_eq!(history(store, id(2)).await, [1]);
    assert_eq!(store.setting("name").await, Ok(Some(b"value".to_vec())));
    assert!(store.workflow_by_key(key).await.expect("an answer").is_some());
    let again = store.commit(vec![rich()]).await;
    assert_eq!(again, Ok(vec![Committed::StartedBefore(id(1))]));
}

pub async fn what_was_committed_is_there_after_close(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    let key = fill(&*store).await;
    check(&*store, key).await;
    store.close().await.expect("it closes");
    let store = open(factory).await;
    check(&*store, key).await;
    store.close().await.expect("it closes");
}

pub async fn what_was_committed_is_there_after_drop(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    let key = fill(&*store).await;
    drop(store);
    let store = open(factory).await;
    check(&*store, key).await;
}

pub async fn a_closed_store_accepts_nothing(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    done(&*store, step(id(1), 0)).await;
    store.close().await.expect("it closes");
    assert_eq!(store.commit(vec![step(id(2), 0)]).await, Err(StoreError::Closed));
    assert_eq!(store.load(id(1)).await, Err(StoreError::Closed));
    assert_eq!(store.set_setting("name", b"value").await, Err(StoreError::Closed));
    assert_eq!(store.ping().await, Err(StoreError::Closed));
    store.close().await.expect("it is closed already");
}

pub async fn what_was_accepted_is_done_before_close(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    // Asked and not waited for, but polled once: it is in the queue.
    let mut answers: Vec<_> = (1..=50).map(|n| store.commit(vec![step(id(n), 0)])).collect();
    for answer in &mut answers {
        let _ = std::future::poll_fn(|context| {
            std::task::Poll::Ready(answer.as_mut().poll(context).is_ready())
        })
        .await;
    }
    drop(answers);
    store.close().await.expect("it closes");
    drop(store);
    let store = open(factory).await;
    for number in 1..=50 {
        assert_eq!(seq(&*store, id(number)).await, Some(1));
    }
}
