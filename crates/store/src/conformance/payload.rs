//! Large values, each stored once.

use super::StoreFactory;
use super::sample::{done, id, last, open, whole_run};
use crate::{Commit, StoreError};
use durable::{Payload, PayloadHash};

const CONTENT: &[u8] = b"a large value, a large value, a large value";
const HASH: PayloadHash = [7; 32];

fn with_payload(mut commit: Commit) -> Commit {
    let content = durable::codec::compress(CONTENT);
    commit.batch.payloads = vec![Payload { hash: HASH, content }];
    commit
}

pub async fn a_payload_is_read_as_it_was(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    done(&*store, with_payload(last(id(1), 0))).await;
    assert_eq!(store.payload(HASH).await, Ok(Some(CONTENT.to_vec())));
    // Twice in one batch, and again by another.
    let mut again = with_payload(last(id(2), 0));
    again.batch.payloads.push(again.batch.payloads[0].clone());
    done(&*store, again).await;
    assert_eq!(store.payload(HASH).await, Ok(Some(CONTENT.to_vec())));
}

pub async fn an_unknown_payload_is_none(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    assert_eq!(store.payload(HASH).await, Ok(None));
}

pub async fn a_payload_stays_as_long_as_a_run_refers_to_it(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    done(&*store, with_payload(whole_run(id(1), 1))).await;
    done(&*store, with_payload(whole_run(id(2), 1))).await;
    assert_eq!(store.delete_runs_before(1, id(2).start(), 10).await, Ok(1));
    assert_eq!(store.payload(HASH).await, Ok(Some(CONTENT.to_vec())));
    assert_eq!(store.delete_runs_before(1, id(3).start(), 10).await, Ok(1));
    assert_eq!(store.payload(HASH).await, Ok(None));
}

pub async fn a_payload_that_is_damaged_is_corrupt(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    let mut damaged = with_payload(last(id(1), 0));
    damaged.batch.payloads[0].content.truncate(9);
    done(&*store, damaged).await;
    let read = store.payload(HASH).await;
    assert!(matches!(read, Err(StoreError::Corrupt(_))), "{read:?}");
}
