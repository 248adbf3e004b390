//! Messages between processes.

use super::StoreFactory;
use super::sample::{cancel, commit, done, id, last, open, reply, step};
use crate::{Committed, Store};
use durable::{InboxId, InboxRow, Message, Partition, PartitionSet, ProcessId};

/// Rows that messages got, sent by a step of a process.
async fn send(
    store: &dyn Store,
    from: ProcessId,
    expected_seq: u64,
    messages: Vec<Message>,
) -> Vec<Option<InboxId>> {
    let mut sending = step(from, expected_seq);
    sending.batch.messages = messages;
    match commit(store, sending).await {
        Committed::Done { inbox } => inbox,
        outcome => panic!("{outcome:?}"),
    }
}

async fn waiting(store: &dyn Store, process: ProcessId) -> Vec<(InboxId, Message)> {
    let rows = store.inbox(process).await.expect("an inbox");
    rows.into_iter().map(|row| (row.id, row.message)).collect()
}

pub async fn a_message_waits_until_it_is_consumed(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    done(&*store, step(id(1), 0)).await;
    let rows = send(&*store, id(2), 0, vec![reply(id(1), id(2), 5)]).await;
    let [Some(row)] = rows[..] else { panic!("{rows:?}") };
    assert_eq!(waiting(&*store, id(1)).await, [(row, reply(id(1), id(2), 5))]);
    assert_eq!(store.send(cancel(id(1))).await, Ok(true));
    let both = waiting(&*store, id(1)).await;
    assert_eq!(both.len(), 2);
    assert_eq!(both[1].1, cancel(id(1)));
    let loaded = store.load(id(1)).await.expect("it loads").expect("it is live");
    assert_eq!(Ok(loaded.inbox), store.inbox(id(1)).await);

    let mut consuming = step(id(1), 1);
    consuming.batch.consumed = vec![row];
    done(&*store, consuming).await;
    assert_eq!(waiting(&*store, id(1)).await, both[1..]);
}

pub async fn the_same_message_is_taken_once(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    done(&*store, step(id(1), 0)).await;
    assert_eq!(store.send(cancel(id(1))).await, Ok(true));
    assert_eq!(store.send(cancel(id(1))).await, Ok(false));
    let mut other_body = reply(id(1), id(2), 5);
    other_body.body = vec![1, 2, 3];
    assert_eq!(store.send(reply(id(1), id(2), 5)).await, Ok(true));
    assert_eq!(store.send(other_body).await, Ok(false));
    assert_eq!(send(&*store, id(2), 0, vec![reply(id(1), id(2), 5)]).await, [None]);

    // Of another sender, about another effect, or of another kind.
    let mut other_kind = cancel(id(1));
    other_kind.from = Some(id(2));
    other_kind.effect = 5;
    for other in [reply(id(1), id(3), 5), reply(id(1), id(2), 6), other_kind] {
        assert_eq!(store.send(other).await, Ok(true));
    }
    assert_eq!(waiting(&*store, id(1)).await.len(), 5);
}

pub async fn messages_of_a_batch_get_their_rows_in_order(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    done(&*store, step(id(1), 0)).await;
    done(&*store, step(id(2), 0)).await;
    let rows = send(
        &*store,
        id(3),
        0,
        vec![
            reply(id(1), id(3), 1),
            reply(id(1), id(3), 1),
            reply(id(9), id(3), 1),
            reply(id(2), id(3), 1),
            reply(id(3), id(3), 1),
        ],
    )
    .await;
    let [Some(first), None, None, Some(second), Some(own)] = rows[..] else { panic!("{rows:?}") };
    assert!(first < second && second < own);
    assert_eq!(waiting(&*store, id(1)).await, [(first, reply(id(1), id(3), 1))]);
    assert_eq!(waiting(&*store, id(2)).await, [(second, reply(id(2), id(3), 1))]);
    assert_eq!(waiting(&*store, id(3)).await, [(own, reply(id(3), id(3), 1))]);
}

pub async fn a_message_to_an_ended_process_is_dropped(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    done(&*store, last(id(1), 0)).await;
    assert_eq!(store.send(cancel(id(1))).await, Ok(false));
    assert_eq!(send(&*store, id(2), 0, vec![reply(id(1), id(2), 1)]).await, [None]);
    assert_eq!(waiting(&*store, id(1)).await, []);
}

pub async fn messages_go_with_their_process(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    done(&*store, step(id(1), 0)).await;
    assert_eq!(store.send(cancel(id(1))).await, Ok(true));
    let mut end = last(id(1), 1);
    end.batch.messages = vec![reply(id(1), id(1), 1)];
    assert_eq!(commit(&*store, end).await, Committed::Done { inbox: vec![None] });
    assert_eq!(waiting(&*store, id(1)).await, []);
}

pub async fn a_stale_batch_sends_and_consumes_nothing(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    done(&*store, step(id(1), 0)).await;
    done(&*store, step(id(2), 0)).await;
    assert_eq!(store.send(cancel(id(1))).await, Ok(true));
    let before = waiting(&*store, id(1)).await;

    let mut stale = step(id(1), 7);
    stale.batch.consumed = vec![before[0].0];
    stale.batch.messages = vec![reply(id(2), id(1), 1)];
    assert_eq!(commit(&*store, stale).await, Committed::Stale);
    assert_eq!(waiting(&*store, id(1)).await, before);
    assert_eq!(waiting(&*store, id(2)).await, []);
}

pub async fn a_process_consumes_only_its_own(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    done(&*store, step(id(1), 0)).await;
    done(&*store, step(id(2), 0)).await;
    assert_eq!(store.send(cancel(id(1))).await, Ok(true));
    let before = waiting(&*store, id(1)).await;
    let mut other = step(id(2), 1);
    other.batch.consumed = vec![before[0].0, 99];
    done(&*store, other).await;
    assert_eq!(waiting(&*store, id(1)).await, before);
}

pub async fn rows_are_never_reused(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    let rows = send(&*store, id(1), 0, vec![cancel(id(1))]).await;
    let mut consuming = step(id(1), 1);
    consuming.batch.consumed = rows.iter().flatten().copied().collect();
    done(&*store, consuming).await;
    let later = send(&*store, id(1), 2, vec![cancel(id(1))]).await;
    assert!(later[0] > rows[0], "{later:?} after {rows:?}");
}

pub async fn waiting_messages_are_paged_by_row(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    for number in [3, 1, 2] {
        done(&*store, step(id(number), 0)).await;
        assert_eq!(store.send(cancel(id(number))).await, Ok(true));
    }
    let all = store.waiting(PartitionSet::ALL, None, 10).await.expect("a list");
    let targets = |rows: &[InboxRow]| rows.iter().map(|row| row.message.to).collect::<Vec<_>>();
    assert_eq!(targets(&all), [id(3), id(1), id(2)]);
    let page = store.waiting(PartitionSet::ALL, Some(all[0].id), 1).await.expect("a list");
    assert_eq!(page, all[1..2]);
    let within: PartitionSet = [2, 3].map(Partition).into_iter().collect();
    let page = store.waiting(within, None, 10).await.expect("a list");
    assert_eq!(targets(&page), [id(3), id(2)]);
}
