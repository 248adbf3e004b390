//! Two nodes on one database.

use super::sample::{LIVES, NODE, commit, id, last, open, seq, step, store};
use durable::{Message, MessageKind, NodeId, PartitionSet, Payload, ProcessId};
use rig::Postgres;
use std::sync::Arc;
use std::time::Duration;
use store::postgres::PostgresStore;
use store::{Committed, RunChange, RunRow, Store};
use tokio_postgres::NoTls;

const OTHER: NodeId = NodeId(8);

async fn pair(server: &Postgres, database: &str) -> (Arc<PostgresStore>, Arc<PostgresStore>) {
    let one = store(server, database).await;
    (one, open(&server.url(database)).await)
}

/// A number that the database itself counts.
async fn count(server: &Postgres, database: &str, sql: &str) -> i64 {
    let connected = tokio_postgres::connect(&server.url(database), NoTls).await;
    let (client, connection) = connected.expect("a connection");
    tokio::spawn(connection);
    client.query_one(sql, &[]).await.expect("a count").get(0)
}

/// The node that had the partition commits as fast as it can while another takes it. What
/// it was told is done is there when the other looks; nothing comes later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_lost_its_partition_changes_nothing() {
    let server = Postgres::shared().expect("a server");
    let (one, other) = pair(&server, "fence").await;
    let process = id(1);
    let within: PartitionSet = [process.partition()].into_iter().collect();
    commit(&*one, step(process, 0, 1)).await.expect("it begins");
    let mut epoch = 1;
    for round in 0..25 {
        let old = one.clone();
        let from = seq(&*one, process).await.expect("it lives");
        let working = tokio::spawn(async move {
            let mut at = from;
            loop {
                match old.commit(vec![step(process, at, epoch)]).await.expect("an answer").pop() {
                    Some(Committed::Done { .. }) => at += 1,
                    Some(Committed::Fenced) => return at,
                    verdict => panic!("{verdict:?}"),
                }
            }
        });
        tokio::time::sleep(Duration::from_millis(round % 7 * 3)).await;
        one.beat(NODE, Duration::ZERO).await.expect("it dies");
        other.beat(OTHER, LIVES).await.expect("a beat");
        let taken = other.take(OTHER, within).await.expect("an answer");
        let [lease] = taken[..] else { panic!("{taken:?}") };
        assert_eq!(lease.epoch, epoch + 1);
        let found = seq(&*other, process).await.expect("it lives");
        let next = commit(&*other, step(process, found, lease.epoch)).await.expect("an answer");
        assert_eq!(next, [Committed::Done { inbox: vec![] }]);
        assert_eq!(working.await.expect("no other verdict"), found, "round {round}");
        assert_eq!(seq(&*other, process).await, Some(found + 1));
        one.beat(NODE, LIVES).await.expect("it lives again");
        other.give(OTHER, within).await.expect("it is given back");
        epoch = one.take(NODE, within).await.expect("an answer")[0].epoch;
    }
}

/// Nodes that take at the same time share: nothing is held by two.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_is_taken_by_one_of_two() {
    let server = Postgres::shared().expect("a server");
    let (one, other) = pair(&server, "taking").await;
    other.beat(OTHER, LIVES).await.expect("a beat");
    for _ in 0..20 {
        one.give(NODE, PartitionSet::ALL).await.expect("it is given");
        other.give(OTHER, PartitionSet::ALL).await.expect("it is given");
        let (mine, theirs) =
            tokio::join!(one.take(NODE, PartitionSet::ALL), other.take(OTHER, PartitionSet::ALL));
        let (mine, theirs) = (mine.expect("an answer"), theirs.expect("an answer"));
        assert_eq!(mine.len() + theirs.len(), 256);
    }
}

fn cancel(to: ProcessId, effect: u64) -> Message {
    Message { to, from: None, effect, kind: MessageKind::Cancel, body: Vec::new() }
}

/// A message arrives before its target ends, and goes with it, or it does not arrive.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_message_is_left_behind_by_a_process_that_ends() {
    let server = Postgres::shared().expect("a server");
    let (one, other) = pair(&server, "behind").await;
    let mut arrived = 0;
    for number in 0..150 {
        commit(&*one, step(id(number), 0, 1)).await.expect("it begins");
        let mut sending = step(id(10_000 + number), 0, 1);
        sending.batch.messages = vec![cancel(id(number), 1)];
        let (ended, sent, told) = tokio::join!(
            commit(&*one, last(id(number), 1, 1)),
            other.send(cancel(id(number), 2)),
            commit(&*other, sending),
        );
        assert!(matches!(ended.expect("an answer")[..], [Committed::Done { .. }]));
        assert!(matches!(told.expect("an answer")[..], [Committed::Done { .. }]));
        arrived += i32::from(sent.expect("an answer"));
    }
    println!("{arrived} of 150 arrived in time");
    assert_eq!(count(&server, "behind", "SELECT count(*) FROM inbox").await, 0);
}

/// A payload that one node refers to is not removed by another that does so no more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payload_stays_while_another_node_refers_to_it() {
    let server = Postgres::shared().expect("a server");
    let (one, other) = pair(&server, "payloads").await;
    let with_payload = |number: u32| {
        let mut commit = super::sample::whole_run(id(number), 1);
        let content = durable::codec::compress(b"a large value");
        commit.batch.payloads = vec![Payload { hash: [3; 32], content }];
        if let RunChange::Insert(RunRow { workflow, .. }) = &mut commit.run {
            *workflow = i64::from(number);
        }
        commit
    };
    commit(&*one, with_payload(0)).await.expect("it is stored");
    for number in 1..150 {
        let (removed, stored) = tokio::join!(
            one.delete_runs_before(i64::from(number) - 1, i64::MAX, 10),
            commit(&*other, with_payload(number)),
        );
        assert_eq!(removed, Ok(1));
        stored.expect("it is stored");
        let found = one.payload([3; 32]).await.expect("it is read");
        assert!(found.is_some(), "round {number}: a run refers to a payload that is gone");
    }
    assert_eq!(one.delete_runs_before(149, i64::MAX, 10).await, Ok(1));
    assert_eq!(one.payload([3; 32]).await, Ok(None));
}

/// A process that is asked for begins before its asker has ended, so that the asker's word
/// reaches it, or it does not begin.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_process_begins_behind_the_back_of_its_asker() {
    let server = Postgres::shared().expect("a server");
    let (one, other) = pair(&server, "asked").await;
    let mut begun = 0;
    for number in 0..150 {
        let (asker, child) = (id(2 * number), id(2 * number + 1));
        let mut asking = step(asker, 0, 1);
        asking.batch.effects = vec![durable::EffectIntent { id: 1, attempt: 1 }];
        commit(&*one, asking).await.expect("it begins");
        let mut ending = last(asker, 1, 1);
        ending.batch.messages = vec![cancel(child, 1)];
        let mut beginning = step(child, 0, 1);
        beginning.asked_by = Some((asker, 1));
        let (ended, started) = tokio::join!(commit(&*one, ending), commit(&*other, beginning));
        let [Committed::Done { inbox }] = &ended.expect("an answer")[..] else {
            panic!("the asker does not end")
        };
        match &started.expect("an answer")[..] {
            [Committed::Done { .. }] => {
                assert!(inbox[0].is_some(), "round {number}: nobody tells the child");
                begun += 1;
            }
            verdicts => assert_eq!(verdicts, [Committed::NotAsked]),
        }
    }
    println!("{begun} of 150 began in time");
}
