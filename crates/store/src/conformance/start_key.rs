//! Starts that happen once.

use super::StoreFactory;
use super::sample::{commit, done, group, history, id, last, open, run, start_key, step};
use crate::{Commit, Committed, RunChange};
use durable::ProcessId;

fn keyed(mut commit: Commit, source: &str, key: &str) -> Commit {
    commit.batch.start_key = Some(start_key(source, key));
    commit
}

fn started_before(process: ProcessId) -> Committed {
    Committed::StartedBefore(process)
}

pub async fn a_key_starts_one_process(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    done(&*store, keyed(step(id(1), 0), "flow", "order 17")).await;
    let mut again = keyed(step(id(2), 0), "flow", "order 17");
    again.run = RunChange::Insert(run(id(2), 1));
    assert_eq!(commit(&*store, again).await, started_before(id(1)));
    assert_eq!(
        commit(&*store, keyed(last(id(3), 0), "flow", "order 17")).await,
        started_before(id(1))
    );
    // The same process again: the caller did not hear the answer.
    assert_eq!(
        commit(&*store, keyed(step(id(1), 0), "flow", "order 17")).await,
        started_before(id(1))
    );
    for process in [id(2), id(3)] {
        assert_eq!(store.load(process).await, Ok(None));
        assert_eq!(store.run(process).await, Ok(None));
        assert_eq!(history(&*store, process).await, []);
    }
    // Within one group the first one has it.
    let both = vec![keyed(last(id(4), 0), "flow", "x"), keyed(last(id(5), 0), "flow", "x")];
    let outcome = group(&*store, both).await;
    assert_eq!(outcome, [Committed::Done { inbox: vec![] }, started_before(id(4))]);
}

pub async fn keys_of_other_sources_are_others(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    done(&*store, keyed(step(id(1), 0), "ab", "c")).await;
    done(&*store, keyed(step(id(2), 0), "a", "bc")).await;
    done(&*store, keyed(step(id(3), 0), "ab", "")).await;
    done(&*store, keyed(step(id(4), 0), "ab", "C")).await;
}

pub async fn a_key_outlives_its_process(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    done(&*store, keyed(step(id(1), 0), "flow", "key")).await;
    done(&*store, last(id(1), 1)).await;
    assert_eq!(commit(&*store, keyed(step(id(2), 0), "flow", "key")).await, started_before(id(1)));
}

pub async fn a_key_is_free_after_a_refused_start(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    done(&*store, step(id(1), 0)).await;
    // The id is known, the key is new: all of it is refused.
    assert_eq!(commit(&*store, keyed(step(id(1), 0), "flow", "key")).await, Committed::Stale);
    done(&*store, keyed(step(id(2), 0), "flow", "key")).await;
}
