//! Removing what is no longer wanted.

use super::StoreFactory;
use super::sample::{done, history, id, last, open, run, seq, start_key, step, whole_run};
use crate::{RetentionRow, RunChange};

pub async fn old_runs_go_with_all_that_is_theirs(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    let mut first = step(id(1), 0);
    first.run = RunChange::Insert(run(id(1), 1));
    first.batch.start_key = Some(start_key("flow", "key"));
    first.batch.snapshot = Some(vec![1]);
    done(&*store, first).await;
    done(&*store, last(id(1), 1)).await;

    assert_eq!(store.delete_runs_before(1, id(2).start(), 10).await, Ok(1));
    assert_eq!(store.run(id(1)).await, Ok(None));
    assert_eq!(history(&*store, id(1)).await, []);
    // Its key is free again.
    let mut again = step(id(3), 0);
    again.batch.start_key = Some(start_key("flow", "key"));
    done(&*store, again).await;
    assert_eq!(store.delete_runs_before(1, id(2).start(), 10).await, Ok(0));
}

pub async fn live_and_young_runs_stay(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    let mut live = step(id(1), 0);
    live.run = RunChange::Insert(run(id(1), 1));
    done(&*store, live).await;
    done(&*store, whole_run(id(2), 1)).await;
    done(&*store, whole_run(id(3), 2)).await;
    done(&*store, whole_run(id(4), 1)).await;

    assert_eq!(store.delete_runs_before(1, id(4).start(), 10).await, Ok(1));
    assert_eq!(store.run(id(2)).await, Ok(None));
    for (process, workflow) in [(id(1), 1), (id(3), 2), (id(4), 1)] {
        assert_eq!(store.run(process).await, Ok(Some(run(process, workflow))));
        assert_eq!(history(&*store, process).await, [1]);
    }
    assert_eq!(seq(&*store, id(1)).await, Some(1));
}

pub async fn a_removal_is_bounded(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    let runs = (1..=200).map(|number| whole_run(id(number), 1)).collect();
    store.commit(runs).await.expect("the group is committed");
    let before = id(151).start();
    assert_eq!(store.delete_runs_before(1, before, 0).await, Ok(0));
    assert_eq!(store.delete_runs_before(1, before, 100).await, Ok(100));
    // The oldest go first.
    assert_eq!(store.run(id(100)).await, Ok(None));
    assert_eq!(store.run(id(101)).await, Ok(Some(run(id(101), 1))));
    assert_eq!(store.delete_runs_before(1, before, 100).await, Ok(50));
    assert_eq!(store.run(id(151)).await, Ok(Some(run(id(151), 1))));
}

pub async fn space_is_given_back(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    for number in 1..=20 {
        let mut large = whole_run(id(number), 1);
        large.batch.chunk = Some(vec![number as u8; 100_000]);
        done(&*store, large).await;
    }
    assert_eq!(store.delete_runs_before(1, id(20).start(), 100).await, Ok(19));
    // How much is the database's affair, and an end is reached.
    let mut rounds = 0;
    while store.reclaim(500_000).await.expect("an answer") > 0 {
        rounds += 1;
        assert!(rounds < 100, "more is given back than there was");
    }
    assert_eq!(store.run(id(20)).await, Ok(Some(run(id(20), 1))));
    let left = store.history(id(20), 0, 10).await.expect("a history");
    assert_eq!(left[0].content, vec![20; 100_000]);
}

pub async fn how_long_is_kept_is_said_by_environment_and_flow(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    assert_eq!(store.retentions().await, Ok(vec![]));
    for (workflow, seconds) in [(Some(4), 60), (None, 7_200), (Some(4), 120)] {
        store.set_retention("default", workflow, Some(seconds)).await.expect("it is set");
    }
    let row = |workflow, seconds| RetentionRow { environment: "default".into(), workflow, seconds };
    assert_eq!(store.retentions().await, Ok(vec![row(None, 7_200), row(Some(4), 120)]));
    store.set_retention("default", None, None).await.expect("it is taken back");
    store.set_retention("other", None, None).await.expect("there was none");
    assert_eq!(store.retentions().await, Ok(vec![row(Some(4), 120)]));
}
