//! Effects that are intended and have no result.

use super::StoreFactory;
use super::sample::{cancel, commit, done, effect, group, history, id, last, open, step};
use crate::Committed;
use durable::{EffectIntent, Partition, PartitionSet};

pub async fn an_effect_is_listed_until_it_is_done(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    let mut first = step(id(1), 0);
    first.batch.effects = vec![effect(2), effect(1), effect(3)];
    done(&*store, first).await;
    assert_eq!(store.effects(id(1)).await, Ok(vec![effect(1), effect(2), effect(3)]));
    assert_eq!(store.effects(id(2)).await, Ok(vec![]));

    let mut next = step(id(1), 1);
    next.batch.effects_done = vec![1, 3, 77];
    next.batch.effects = vec![effect(4)];
    done(&*store, next).await;
    assert_eq!(store.effects(id(1)).await, Ok(vec![effect(2), effect(4)]));
}

pub async fn a_new_attempt_replaces_the_one_before(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    let mut first = step(id(1), 0);
    first.batch.effects = vec![effect(1)];
    done(&*store, first).await;
    let second_attempt = EffectIntent { id: 1, attempt: 2 };
    let mut next = step(id(1), 1);
    next.batch.effects = vec![second_attempt];
    done(&*store, next).await;
    assert_eq!(store.effects(id(1)).await, Ok(vec![second_attempt]));

    // Given up and intended anew in one batch: it is intended.
    let third_attempt = EffectIntent { id: 1, attempt: 3 };
    let mut next = step(id(1), 2);
    next.batch.effects_done = vec![1];
    next.batch.effects = vec![third_attempt];
    done(&*store, next).await;
    assert_eq!(store.effects(id(1)).await, Ok(vec![third_attempt]));
}

pub async fn effects_go_with_their_process(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    for process in [id(1), id(2)] {
        let mut first = step(process, 0);
        first.batch.effects = vec![effect(1), effect(2)];
        done(&*store, first).await;
    }
    let mut end = last(id(1), 1);
    end.batch.effects_done = vec![1];
    done(&*store, end).await;
    assert_eq!(store.effects(id(1)).await, Ok(vec![]));
    assert_eq!(store.effects(id(2)).await, Ok(vec![effect(1), effect(2)]));
}

pub async fn unsettled_processes_have_effects_or_messages(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    // 1, 4: effects; 2, 5: messages; 3: neither; 6: both.
    for number in [6, 5, 4, 3, 2, 1] {
        let mut first = step(id(number), 0);
        if [1, 4, 6].contains(&number) {
            first.batch.effects = vec![effect(1), effect(2)];
        }
        done(&*store, first).await;
        if [2, 5, 6].contains(&number) {
            assert_eq!(store.send(cancel(id(number))).await, Ok(true));
        }
    }
    let unsettled = async |after, rows_max| -> Vec<_> {
        let rows = store.unsettled(PartitionSet::ALL, after, rows_max).await.expect("a list");
        rows.iter().map(|row| row.id).collect()
    };
    assert_eq!(unsettled(None, 10).await, [id(1), id(2), id(4), id(5), id(6)]);
    assert_eq!(unsettled(None, 3).await, [id(1), id(2), id(4)]);
    assert_eq!(unsettled(Some(id(4)), 3).await, [id(5), id(6)]);
    assert_eq!(unsettled(Some(id(6)), 3).await, []);
    let row = store.unsettled(PartitionSet::ALL, Some(id(5)), 1).await.expect("a list");
    assert_eq!((row[0].seq, row[0].due), (1, None));

    let within: PartitionSet = [4, 5, 9].map(Partition).into_iter().collect();
    let rows = store.unsettled(within, None, 10).await.expect("a list");
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [id(4), id(5)]);
}

pub async fn the_largest_number_of_an_effect_is_kept(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    let largest = EffectIntent { id: u64::MAX, attempt: u32::MAX };
    let mut first = step(id(1), 0);
    first.batch.effects = vec![largest];
    done(&*store, first).await;
    assert_eq!(store.effects(id(1)).await, Ok(vec![largest]));
    let mut next = step(id(1), 1);
    next.batch.effects_done = vec![u64::MAX];
    done(&*store, next).await;
    assert_eq!(store.effects(id(1)).await, Ok(vec![]));
}

pub async fn a_process_that_answers_begins_while_it_is_asked(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    let mut asks = step(id(1), 0);
    asks.batch.effects = vec![effect(1), effect(2)];
    done(&*store, asks).await;
    let answers = |number, asked| {
        let mut answers = step(id(number), 0);
        answers.asked_by = Some((id(1), asked));
        answers
    };
    done(&*store, answers(2, 1)).await;
    assert_eq!(commit(&*store, answers(3, 7)).await, Committed::NotAsked);
    let mut has_its_answer = step(id(1), 1);
    has_its_answer.batch.effects_done = vec![2];
    let outcomes = group(&*store, vec![has_its_answer, answers(4, 2), step(id(5), 0)]).await;
    let done = Committed::Done { inbox: vec![] };
    assert_eq!(outcomes, [done.clone(), Committed::NotAsked, done]);
    assert_eq!(store.load(id(3)).await, Ok(None));
    assert_eq!(store.load(id(4)).await, Ok(None));
    assert_eq!(history(&*store, id(4)).await, []);
}
