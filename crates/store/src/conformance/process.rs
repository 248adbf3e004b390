//! Processes, their chunks and snapshots.

use super::StoreFactory;
use super::sample::{
    RUNNING, START, WORKFLOW, commit, content, done, effect, group, history, id, last, open, run,
    seq, step,
};
use crate::{Committed, LiveProcess, RunChange, RunPatch, StoreError};
use durable::{Batch, Chunk, Partition, PartitionSet, ProcessKind, Standing};

pub async fn a_new_process_is_loaded(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    let mut first = step(id(1), 0);
    first.batch.events = 3;
    first.batch.standing = Standing::Live { due: Some(START + 50) };
    assert_eq!(commit(&*store, first).await, Committed::Done { inbox: vec![] });

    let loaded = store.load(id(1)).await.expect("it loads").expect("it is live");
    assert_eq!((loaded.kind, loaded.seq, loaded.due), (ProcessKind::Run, 3, Some(START + 50)));
    assert_eq!(loaded.snapshot, None);
    let chunk = Chunk { first_seq: 1, events: 3, content: content(id(1), 1) };
    assert_eq!(loaded.chunks, [chunk]);
    assert_eq!(store.load(id(2)).await, Ok(None));
}

pub async fn a_step_moves_a_process_on(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    let mut first = step(id(1), 0);
    first.batch.events = 3;
    first.batch.standing = Standing::Live { due: Some(START + 50) };
    done(&*store, first).await;
    done(&*store, step(id(1), 3)).await;

    let loaded = store.load(id(1)).await.expect("it loads").expect("it is live");
    assert_eq!((loaded.seq, loaded.due), (4, None));
    let found: Vec<_> = loaded.chunks.iter().map(|c| (c.first_seq, c.events)).collect();
    assert_eq!(found, [(1, 3), (4, 1)]);
}

pub async fn steps_of_one_process_come_in_one_group(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    let begun = |process| {
        let mut first = step(process, 0);
        first.run = RunChange::Insert(run(process, 1));
        first
    };
    let ended = |process| {
        let mut end = last(process, 2);
        let (status, code) = (RUNNING, Some("Code".to_owned()));
        end.run = RunChange::Update(RunPatch { id: process, status, end: None, code, error: None });
        end
    };
    let all = Committed::Done { inbox: vec![] };
    let live = vec![begun(id(1)), step(id(1), 1), step(id(2), 0)];
    assert_eq!(group(&*store, live).await, [all.clone(), all.clone(), all.clone()]);
    assert_eq!(seq(&*store, id(1)).await, Some(2));
    let over = vec![begun(id(3)), step(id(3), 1), ended(id(3))];
    assert_eq!(group(&*store, over).await, [all.clone(), all.clone(), all]);
    assert_eq!(store.load(id(3)).await, Ok(None));
    assert_eq!(history(&*store, id(3)).await, [1, 2, 3]);
    let row = store.run(id(3)).await.expect("an answer").expect("a run");
    assert_eq!((row.status, row.code.as_deref()), (RUNNING, Some("Code")));
    // when the first is refused those after it have nothing to follow
    let again = vec![begun(id(1)), step(id(1), 1)];
    assert_eq!(group(&*store, again).await, [Committed::Stale, Committed::Stale]);
}

pub async fn a_step_from_another_state_is_stale(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    done(&*store, step(id(1), 0)).await;
    for (process, expected_seq) in [(id(1), 2), (id(2), 1)] {
        let mut stale = step(process, expected_seq);
        stale.batch.effects.push(effect(1));
        stale.batch.snapshot = Some(vec![1]);
        stale.run = RunChange::Insert(run(process, 1));
        assert_eq!(commit(&*store, stale).await, Committed::Stale);
        assert_eq!(commit(&*store, last(process, expected_seq)).await, Committed::Stale);
        assert_eq!(store.run(process).await, Ok(None));
        assert_eq!(store.effects(process).await, Ok(vec![]));
    }
    assert_eq!(seq(&*store, id(1)).await, Some(1));
    assert_eq!(history(&*store, id(1)).await, [1]);
    let loaded = store.load(id(1)).await.expect("it loads").expect("it is live");
    assert_eq!(loaded.snapshot, None);
}

pub async fn a_new_process_with_a_known_id_is_stale(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    done(&*store, step(id(1), 0)).await;
    done(&*store, last(id(2), 0)).await;
    for process in [id(1), id(2)] {
        let mut again = step(process, 0);
        again.batch.effects.push(effect(1));
        again.run = RunChange::Insert(run(process, 1));
        assert_eq!(commit(&*store, again).await, Committed::Stale);
        assert_eq!(commit(&*store, last(process, 0)).await, Committed::Stale);
        assert_eq!(store.run(process).await, Ok(None));
        assert_eq!(store.effects(process).await, Ok(vec![]));
        assert_eq!(history(&*store, process).await, [1]);
    }
    assert_eq!(seq(&*store, id(1)).await, Some(1));
    assert_eq!(seq(&*store, id(2)).await, None);
}

pub async fn a_process_that_ended_keeps_its_history(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    let mut first = step(id(1), 0);
    first.batch.snapshot = Some(vec![1]);
    done(&*store, first).await;
    done(&*store, last(id(1), 1)).await;

    assert_eq!(store.load(id(1)).await, Ok(None));
    assert_eq!(history(&*store, id(1)).await, [1, 2]);
    assert_eq!(store.live(ProcessKind::Run, None, 10).await, Ok(vec![]));
    assert_eq!(commit(&*store, step(id(1), 2)).await, Committed::Stale);
}

pub async fn a_process_that_ends_at_once_is_only_history(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    let mut only = last(id(1), 0);
    only.batch.effects.push(effect(1));
    only.run = RunChange::Insert(run(id(1), 7));
    done(&*store, only).await;

    assert_eq!(store.load(id(1)).await, Ok(None));
    assert_eq!(history(&*store, id(1)).await, [1]);
    assert_eq!(store.run(id(1)).await, Ok(Some(run(id(1), 7))));
    assert_eq!(store.effects(id(1)).await, Ok(vec![]));
    assert_eq!(store.unsettled(PartitionSet::ALL, None, 10).await, Ok(vec![]));
}

pub async fn a_step_without_events_changes_the_rest(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    done(&*store, step(id(1), 0)).await;
    let mut rest = step(id(1), 1);
    rest.batch.events = 0;
    rest.batch.chunk = None;
    rest.batch.standing = Standing::Live { due: Some(START + 9) };
    rest.batch.effects.push(effect(1));
    rest.batch.snapshot = Some(vec![9]);
    done(&*store, rest).await;

    let loaded = store.load(id(1)).await.expect("it loads").expect("it is live");
    assert_eq!((loaded.seq, loaded.due), (1, Some(START + 9)));
    assert_eq!(loaded.snapshot, Some((1, vec![9])));
    assert_eq!(loaded.chunks, []);
    assert_eq!(store.effects(id(1)).await, Ok(vec![effect(1)]));
    assert_eq!(history(&*store, id(1)).await, [1]);
}

pub async fn a_snapshot_stands_for_the_chunks_before_it(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    for seq in 0..6 {
        let mut next = step(id(1), seq);
        // After events 2 and 4: the newer one replaces the older.
        next.batch.snapshot = (seq % 2 == 1 && seq < 5).then(|| vec![seq as u8]);
        done(&*store, next).await;
    }
    let loaded = store.load(id(1)).await.expect("it loads").expect("it is live");
    assert_eq!(loaded.snapshot, Some((4, vec![3])));
    let chunks: Vec<_> = loaded.chunks.iter().map(|chunk| chunk.first_seq).collect();
    assert_eq!(chunks, [5, 6]);
    assert_eq!(history(&*store, id(1)).await, [1, 2, 3, 4, 5, 6]);
}

pub async fn a_process_without_end_forgets(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    let mut first = step(id(1), 0);
    first.batch.kind = ProcessKind::Trigger;
    done(&*store, first).await;
    done(&*store, step(id(1), 1)).await;

    let mut snapshot = step(id(1), 2);
    snapshot.batch.snapshot = Some(vec![3]);
    snapshot.batch.forget_history = true;
    done(&*store, snapshot).await;
    assert_eq!(history(&*store, id(1)).await, []);
    let loaded = store.load(id(1)).await.expect("it loads").expect("it is live");
    assert_eq!((loaded.seq, loaded.snapshot), (3, Some((3, vec![3]))));

    // Without a new snapshot, what came after the old one is still needed.
    let mut next = step(id(1), 3);
    next.batch.forget_history = true;
    done(&*store, next).await;
    assert_eq!(history(&*store, id(1)).await, [4]);
    let loaded = store.load(id(1)).await.expect("it loads").expect("it is live");
    assert_eq!((loaded.kind, loaded.seq), (ProcessKind::Trigger, 4));
    assert_eq!(loaded.chunks.len(), 1);
}

pub async fn a_process_that_forgets_leaves_nothing_when_it_ends(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    done(&*store, step(id(1), 0)).await;
    let mut end = last(id(1), 1);
    end.batch.forget_history = true;
    done(&*store, end).await;
    assert_eq!(store.load(id(1)).await, Ok(None));
    assert_eq!(history(&*store, id(1)).await, []);
}

pub async fn history_begins_with_the_chunk_of_an_event(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    for expected_seq in [0, 3, 6, 9] {
        let mut next = step(id(1), expected_seq);
        next.batch.events = 3;
        done(&*store, next).await;
    }
    for (from_seq, chunks_max, expected) in [
        (0, 9, vec![1, 4, 7, 10]),
        (1, 9, vec![1, 4, 7, 10]),
        (3, 2, vec![1, 4]),
        (4, 9, vec![4, 7, 10]),
        (6, 1, vec![4]),
        (12, 9, vec![10]),
        (1, 0, vec![]),
    ] {
        let chunks = store.history(id(1), from_seq, chunks_max).await.expect("a history");
        let found: Vec<_> = chunks.iter().map(|chunk| chunk.first_seq).collect();
        assert_eq!(found, expected, "from {from_seq}, at most {chunks_max}");
    }
    assert_eq!(store.history(id(2), 0, 9).await, Ok(vec![]));
}

pub async fn due_processes_come_earliest_first(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    for (number, due) in [(1, Some(30)), (2, Some(10)), (3, None), (4, Some(20)), (5, Some(40))] {
        let mut next = step(id(number), 0);
        next.batch.standing = Standing::Live { due: due.map(|after| START + after) };
        done(&*store, next).await;
    }
    let due = async |before, rows_max| -> Vec<_> {
        let rows = store.due(PartitionSet::ALL, START + before, rows_max).await.expect("a list");
        rows.iter().map(|row| row.id).collect()
    };
    assert_eq!(due(100, 10).await, [id(2), id(4), id(1), id(5)]);
    assert_eq!(due(100, 2).await, [id(2), id(4)]);
    // Before, not at.
    assert_eq!(due(30, 10).await, [id(2), id(4)]);
    assert_eq!(due(0, 10).await, []);

    done(&*store, last(id(2), 1)).await;
    assert_eq!(due(30, 10).await, [id(4)]);
    let (id, kind, due) = (id(4), ProcessKind::Run, Some(START + 20));
    let row = LiveProcess { id, kind, seq: 1, due, workflow: WORKFLOW };
    assert_eq!(store.due(PartitionSet::ALL, START + 30, 10).await, Ok(vec![row]));
}

pub async fn due_processes_of_few_are_not_hidden_by_those_of_many(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    for number in 1..=20 {
        let mut next = step(id(number), 0);
        next.workflow = if number == 20 { 9 } else { i64::from(number % 2) + 4 };
        next.batch.standing = Standing::Live { due: Some(START + i64::from(number)) };
        done(&*store, next).await;
    }
    let due = async |rows_max| -> Vec<_> {
        let rows = store.due(PartitionSet::ALL, START + 100, rows_max).await.expect("a list");
        rows.iter().map(|row| row.id).collect()
    };
    assert_eq!(due(6).await, [1, 2, 3, 4, 20].map(id));
    assert_eq!(due(2).await, [1, 2, 20].map(id), "one of each flow at least");
    assert_eq!(due(20).await, (1..=20).map(id).collect::<Vec<_>>());
}

pub async fn due_processes_are_found_by_partition(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    for number in 0..6 {
        let mut next = step(id(number), 0);
        next.batch.standing = Standing::Live { due: Some(START + i64::from(number)) };
        done(&*store, next).await;
    }
    let within: PartitionSet = [1, 4, 200].map(Partition).into_iter().collect();
    let due = async |rows_max| -> Vec<_> {
        let rows = store.due(within, START + 100, rows_max).await.expect("a list");
        rows.iter().map(|row| row.id).collect()
    };
    assert_eq!(due(10).await, [id(1), id(4)]);
    assert_eq!(due(1).await, [id(1)]);
    assert_eq!(store.due(PartitionSet::NONE, START + 100, 10).await, Ok(vec![]));
}

pub async fn live_processes_are_paged_by_kind(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    for number in [4, 1, 3, 2, 6, 5] {
        let mut next = step(id(number), 0);
        if number % 2 == 0 {
            next.batch.kind = ProcessKind::Trigger;
        }
        done(&*store, next).await;
    }
    let live = async |kind, after, rows_max| -> Vec<_> {
        let rows = store.live(kind, after, rows_max).await.expect("a list");
        assert!(rows.iter().all(|row| row.kind == kind));
        rows.iter().map(|row| row.id).collect()
    };
    for (kind, [first, second, third]) in
        [(ProcessKind::Run, [id(1), id(3), id(5)]), (ProcessKind::Trigger, [id(2), id(4), id(6)])]
    {
        assert_eq!(live(kind, None, 10).await, [first, second, third]);
        assert_eq!(live(kind, None, 2).await, [first, second]);
        assert_eq!(live(kind, Some(second), 2).await, [third]);
        assert_eq!(live(kind, Some(third), 2).await, []);
    }
}

pub async fn a_batch_that_makes_no_sense_is_refused(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    let mut chunk_without_events = step(id(1), 0);
    chunk_without_events.batch.events = 0;

    let mut nothing = step(id(1), 0);
    nothing.batch = Batch::new(id(1), ProcessKind::Run, 0);
    nothing.batch.standing = Standing::Live { due: None };

    let mut beyond = step(id(1), 1);
    beyond.batch.expected_seq = u64::MAX;

    for refused in [chunk_without_events, nothing, beyond] {
        let outcome = store.commit(vec![step(id(2), 0), refused]).await;
        assert!(matches!(outcome, Err(StoreError::Conflict(_))), "{outcome:?}");
    }
    assert_eq!(store.load(id(1)).await, Ok(None));
    assert_eq!(store.load(id(2)).await, Ok(None));
}
