//! Many callers at once.

use super::StoreFactory;
use super::sample::{
    done, effect, group, history, id, last, open, run, seq, start_key, step, take_all, whole_run,
};
use crate::{Committed, RunChange, Store, StoreError};
use durable::ProcessId;
use std::sync::Arc;
use tokio::task::JoinSet;

const CALLERS: u32 = 16;

fn accepted() -> Committed {
    Committed::Done { inbox: vec![] }
}

/// A process of a caller.
fn own(caller: u32, number: u32) -> ProcessId {
    id(1_000 * (caller + 1) + number)
}

/// Steps of a live process and whole runs, in groups.
async fn work(store: Arc<dyn Store>, caller: u32) {
    let process = own(caller, 0);
    for seq in 0..20 {
        let whole = whole_run(own(caller, seq + 1), 1);
        let outcome = group(&*store, vec![step(process, seq.into()), whole]).await;
        assert_eq!(outcome, [accepted(), accepted()]);
    }
}

pub async fn groups_of_many_callers_are_all_kept(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        callers.spawn(work(store.clone(), caller));
    }
    callers.join_all().await;
    for caller in 0..CALLERS {
        assert_eq!(seq(&*store, own(caller, 0)).await, Some(20));
        assert_eq!(history(&*store, own(caller, 0)).await, (1..=20).collect::<Vec<_>>());
        for number in 1..=20 {
            let whole = own(caller, number);
            assert_eq!(store.run(whole).await, Ok(Some(run(whole, 1))));
        }
    }
}

pub async fn one_of_many_steps_from_the_same_state_wins(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    done(&*store, step(id(1), 0)).await;
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let store = store.clone();
        callers.spawn(async move {
            let mut won = 0;
            for seq in 1..=10 {
                let mut next = step(id(1), seq);
                next.batch.effects = vec![effect(seq * 100 + u64::from(caller))];
                won += usize::from(group(&*store, vec![next]).await == [accepted()]);
            }
            won
        });
    }
    let won: usize = callers.join_all().await.into_iter().sum();
    let steps = seq(&*store, id(1)).await.expect("it is live") - 1;
    assert_eq!(won as u64, steps);
    let mut effects = store.effects(id(1)).await.expect("a list");
    effects.dedup_by_key(|effect| effect.id / 100);
    assert_eq!(effects.len(), won, "one effect for each step");
}

pub async fn one_of_many_starts_with_the_same_key_wins(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let store = store.clone();
        callers.spawn(async move {
            let mut first = whole_run(own(caller, 0), 1);
            first.batch.start_key = Some(start_key("flow", "the key"));
            (own(caller, 0), group(&*store, vec![first]).await)
        });
    }
    let outcomes = callers.join_all().await;
    let won = |outcome: &Vec<Committed>| *outcome == [accepted()];
    let winners: Vec<_> = outcomes.iter().filter(|(_, outcome)| won(outcome)).collect();
    let [(winner, _)] = winners[..] else { panic!("{winners:?}") };
    for (process, outcome) in &outcomes {
        if process != winner {
            assert_eq!(*outcome, [Committed::StartedBefore(*winner)]);
            assert_eq!(store.run(*process).await, Ok(None));
            assert_eq!(history(&*store, *process).await, []);
        }
    }
}

pub async fn a_refused_commit_leaves_the_rest_of_its_group(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    let mut first = step(id(1), 0);
    first.batch.start_key = Some(start_key("flow", "key"));
    done(&*store, first).await;
    let mut known_key = whole_run(id(3), 1);
    known_key.batch.start_key = Some(start_key("flow", "key"));
    let outcome = group(
        &*store,
        vec![step(id(2), 0), step(id(1), 7), known_key, last(id(1), 1), whole_run(id(4), 1)],
    )
    .await;
    let before = Committed::StartedBefore(id(1));
    assert_eq!(outcome, [accepted(), Committed::Stale, before, accepted(), accepted()]);
    assert_eq!(seq(&*store, id(2)).await, Some(1));
    assert_eq!(history(&*store, id(1)).await, [1, 2]);
    assert_eq!(store.run(id(3)).await, Ok(None));
    assert_eq!(store.run(id(4)).await, Ok(Some(run(id(4), 1))));
}

pub async fn a_known_id_leaves_the_rest_of_its_group(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    done(&*store, whole_run(id(1), 1)).await;
    let mut known_run = step(id(3), 0);
    known_run.batch.start_key = Some(start_key("flow", "key"));
    known_run.run = RunChange::Insert(run(id(1), 9));
    let other_group = store.commit(vec![step(id(5), 0)]);
    let mixed = vec![step(id(2), 0), whole_run(id(1), 1), known_run, whole_run(id(4), 1)];
    let outcome = group(&*store, mixed).await;
    assert_eq!(outcome, [accepted(), Committed::Stale, Committed::Stale, accepted()]);
    assert_eq!(other_group.await, Ok(vec![accepted()]));
    assert_eq!(seq(&*store, id(2)).await, Some(1));
    assert_eq!(store.load(id(3)).await, Ok(None));
    assert_eq!(store.run(id(4)).await, Ok(Some(run(id(4), 1))));
    // The refused start did not keep the key.
    let mut free_key = step(id(6), 0);
    free_key.batch.start_key = Some(start_key("flow", "key"));
    done(&*store, free_key).await;
}

pub async fn a_full_queue_is_busy(factory: &dyn StoreFactory) {
    let store = factory.open_with_queue(2).await.expect("the store opens");
    take_all(&*store).await;
    let mut callers = JoinSet::new();
    for number in 1..=400 {
        let store = store.clone();
        callers.spawn(async move { (number, store.commit(vec![step(id(number), 0)]).await) });
    }
    let outcomes = callers.join_all().await;
    for (number, outcome) in &outcomes {
        match outcome {
            Ok(done) => {
                assert_eq!(*done, [accepted()]);
                assert_eq!(seq(&*store, id(*number)).await, Some(1));
            }
            Err(StoreError::Busy) => assert_eq!(store.load(id(*number)).await, Ok(None)),
            Err(error) => panic!("{error}"),
        }
    }
    let busy = outcomes.iter().filter(|(_, outcome)| outcome.is_err()).count();
    assert!(busy > 0, "400 jobs fit into a queue of two");
    // Afterwards there is room again.
    done(&*store, step(id(1_000), 0)).await;
}
