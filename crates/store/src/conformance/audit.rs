//! Who did what, kept with what was done.

use super::StoreFactory;
use super::sample::{START, open};
use crate::{AuditFilter, AuditRow, Edit, Record, Store, StoreError, chain};

fn entry(actor: &str, operation: &str, target: &str, time: i64) -> AuditRow {
    AuditRow {
        number: 0,
        time: START + time,
        actor: actor.to_owned(),
        operation: operation.to_owned(),
        target: target.to_owned(),
        content: format!("{actor} {operation} {target}").into_bytes(),
        hash: Vec::new(),
    }
}

async fn note(store: &dyn Store, entries: &[AuditRow]) {
    store.change(Vec::new(), entries.to_vec()).await.expect("it is noted");
}

async fn numbers(store: &dyn Store, filter: AuditFilter) -> Vec<i64> {
    let filter = AuditFilter { rows_max: filter.rows_max.max(1), ..filter };
    let rows = store.audit(filter).await.expect("they are listed");
    rows.into_iter().map(|row| row.number).collect()
}

fn check(rows: &[AuditRow]) {
    let mut before = chain::START.to_vec();
    for (at, row) in rows.iter().enumerate() {
        assert_eq!(row.number, at as i64 + 1);
        assert_eq!(row.hash, chain::link(&before, row));
        before.clone_from(&row.hash);
    }
}

pub async fn what_was_done_is_kept_with_the_change(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    let record = |revision| Record {
        kind: 1,
        id: "flow".to_owned(),
        revision,
        body: Vec::new(),
        keys: Vec::new(),
    };
    let create = |revision| {
        store.change(vec![Edit::Put(record(revision))], vec![entry("ada", "create", "flow", 0)])
    };
    create(0).await.expect("it is done");
    let refused = create(5).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    let rows = store.audit(AuditFilter { rows_max: 10, ..AuditFilter::default() }).await;
    let rows = rows.expect("they are listed");
    assert_eq!(rows.len(), 1, "what was refused was not done: {rows:?}");
    let expected =
        AuditRow { number: 1, hash: rows[0].hash.clone(), ..entry("ada", "create", "flow", 0) };
    assert_eq!(rows[0], expected);
}

pub async fn entries_are_found_by_who_what_and_when(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    note(
        &*store,
        &[
            entry("ada", "create", "flow", 1),
            entry("bob", "delete", "flow", 2),
            entry("ada", "delete", "user", 3),
            entry("ada", "delete", "flow", 4),
        ],
    )
    .await;
    let all = AuditFilter { rows_max: 10, ..AuditFilter::default() };
    let some = |text: &str| Some(text.to_owned());
    let is = |filter: AuditFilter| numbers(&*store, filter);
    assert_eq!(is(all.clone()).await, [4, 3, 2, 1]);
    assert_eq!(is(AuditFilter { actor: some("ada"), ..all.clone() }).await, [4, 3, 1]);
    assert_eq!(is(AuditFilter { target: some("flow"), ..all.clone() }).await, [4, 2, 1]);
    assert_eq!(is(AuditFilter { operation: some("delete"), ..all.clone() }).await, [4, 3, 2]);
    let both = AuditFilter { actor: some("ada"), target: some("flow"), ..all.clone() };
    assert_eq!(is(both).await, [4, 1]);
    let between = AuditFilter { from: Some(START + 2), to: Some(START + 4), ..all.clone() };
    assert_eq!(is(between).await, [3, 2]);
    let page = AuditFilter { before: Some(4), rows_max: 2, ..all.clone() };
    assert_eq!(is(page).await, [3, 2]);
    assert_eq!(is(AuditFilter { actor: some("eve"), ..all }).await, [0; 0]);
}

pub async fn the_chain_holds_every_entry(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    note(&*store, &[entry("ada", "create", "flow", 1), entry("bob", "delete", "flow", 2)]).await;
    note(&*store, &[entry("eve", "create", "flow", 3)]).await;
    let rows = store.audit_chain(0, 10).await.expect("they are read");
    assert_eq!(rows.len(), 3);
    check(&rows);
    let rest = store.audit_chain(1, 1).await.expect("they are read");
    assert_eq!(rest, rows[1..2]);
    // every part of an entry is in its hash
    let change = |change: fn(&mut AuditRow)| {
        let mut row = rows[1].clone();
        change(&mut row);
        assert_ne!(chain::link(&rows[0].hash, &row).to_vec(), rows[1].hash);
    };
    change(|row| row.number += 1);
    change(|row| row.time += 1);
    change(|row| row.actor.push('x'));
    change(|row| row.operation.push('x'));
    change(|row| row.target.push('x'));
    change(|row| row.content.push(1));
    change(|row| std::mem::swap(&mut row.actor, &mut row.operation));
}

pub async fn entries_of_many_callers_are_one_chain(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    let mut calls = Vec::new();
    for number in 0..20 {
        let store = store.clone();
        calls.push(tokio::spawn(async move {
            note(&*store, &[entry("ada", "create", "flow", number)]).await;
        }));
    }
    for call in calls {
        call.await.expect("it does not panic");
    }
    let rows = store.audit_chain(0, 100).await.expect("they are read");
    assert_eq!(rows.len(), 20);
    check(&rows);
}
