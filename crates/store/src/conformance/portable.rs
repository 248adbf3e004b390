//! Everything that is stored, given and taken.

use super::StoreFactory;
use super::sample::{
    cancel, done, effect, history, id, open, start_key, step, take_all, version, whole_run,
    workflow,
};
use crate::limits::PAGES_QUEUED_MAX;
use crate::portable::{Page, TABLES};
use crate::{AuditRow, Edit, Record, RecordKey, Store, StoreError, TokenRow};
use durable::{Payload, Standing};
use tokio::sync::mpsc;

/// Something in every table.
async fn fill(store: &dyn Store) {
    let key = store.create_workflow(workflow("default", "order"), version(1)).await;
    let key = key.expect("it is created");
    let mut rich = step(id(1), 0);
    rich.workflow = key;
    rich.batch.standing = Standing::Live { due: Some(12) };
    rich.batch.effects = vec![effect(1)];
    rich.batch.start_key = Some(start_key("flow", "key"));
    rich.batch.snapshot = Some(vec![8]);
    let content = durable::codec::compress(b"a large value");
    rich.batch.payloads = vec![Payload { hash: [3; 32], content }];
    done(store, rich).await;
    for number in 2..40 {
        done(store, whole_run(id(number), key)).await;
    }
    assert_eq!(store.send(cancel(id(1))).await, Ok(true));
    store.set_setting("name", b"value").await.expect("it is set");
    store.set_retention("default", Some(key), Some(60)).await.expect("it is set");
    let keys = vec![RecordKey { name: 1, value: vec![7], is_unique: true }];
    let record = Record { kind: 1, id: "ada".into(), revision: 0, body: vec![1], keys };
    let entry = AuditRow {
        number: 0,
        time: 5,
        actor: "ada".into(),
        operation: "create".into(),
        target: "ada".into(),
        content: vec![2],
        hash: Vec::new(),
    };
    store.change(vec![Edit::Put(record)], vec![entry]).await.expect("it is added");
    let token = TokenRow { name: "first".into(), hash: vec![1; 32], created: 5 };
    store.add_token(token).await.expect("it is added");
}

/// Everything, each table's rows sorted.
async fn everything(store: &dyn Store) -> Vec<Vec<String>> {
    let (sender, mut receiver) = mpsc::channel::<Page>(PAGES_QUEUED_MAX);
    let mut tables = vec![Vec::new(); TABLES.len()];
    let taking = async {
        let mut last = None;
        while let Some(page) = receiver.recv().await {
            tables[page.table].extend(page.rows.iter().map(|row| format!("{row:?}")));
            last = Some(page);
        }
        assert_eq!(last, Some(Page::END));
    };
    let (exported, ()) = tokio::join!(store.export(sender), taking);
    exported.expect("everything is exported");
    tables.iter_mut().for_each(|rows| rows.sort_unstable());
    tables
}

async fn copy(from: &dyn Store, to: &dyn Store) -> Result<u64, StoreError> {
    let (sender, receiver) = mpsc::channel(PAGES_QUEUED_MAX);
    let (exported, imported) = tokio::join!(from.export(sender), to.import(receiver));
    // who does not take ends the export too
    if imported.is_ok() {
        exported.expect("everything is exported");
    }
    imported
}

pub async fn what_is_exported_can_be_imported(factory: &dyn StoreFactory) {
    let (store, other) = (open(factory).await, factory.another().await.expect("it opens"));
    fill(&*store).await;
    let exported = everything(&*store).await;
    for (table, rows) in TABLES.iter().zip(&exported) {
        assert!(!rows.is_empty(), "{} has no row: nothing is shown", table.name);
    }
    let rows = exported.iter().map(Vec::len).sum::<usize>() as u64;
    assert_eq!(copy(&*store, &*other).await, Ok(rows));
    assert_eq!(everything(&*other).await, exported);
    assert_eq!(history(&*other, id(39)).await, [1]);
}

pub async fn an_import_needs_an_empty_store(factory: &dyn StoreFactory) {
    let (store, other) = (open(factory).await, factory.another().await.expect("it opens"));
    fill(&*store).await;
    other.set_setting("there", b"already").await.expect("it is set");
    let refused = copy(&*store, &*other).await;
    assert!(matches!(&refused, Err(StoreError::Conflict(text)) if text.contains("setting")));
    assert_eq!(other.tokens().await, Ok(vec![]));
}

pub async fn an_import_without_an_end_leaves_nothing(factory: &dyn StoreFactory) {
    let (store, other) = (open(factory).await, factory.another().await.expect("it opens"));
    fill(&*store).await;
    let (sender, mut receiver) = mpsc::channel(64);
    store.export(sender).await.expect("everything is exported");
    let (cut, cut_receiver) = mpsc::channel(64);
    while let Some(page) = receiver.recv().await.filter(|page| *page != Page::END) {
        cut.send(page).await.expect("there is room");
    }
    drop(cut);
    assert!(other.import(cut_receiver).await.is_err());
    assert_eq!(other.tokens().await, Ok(vec![]));
    assert!(everything(&*other).await.iter().all(Vec::is_empty));
}

pub async fn keys_are_counted_on_after_an_import(factory: &dyn StoreFactory) {
    let (store, other) = (open(factory).await, factory.another().await.expect("it opens"));
    fill(&*store).await;
    copy(&*store, &*other).await.expect("it is copied");
    let waiting = other.inbox(id(1)).await.expect("a list");
    let key = other.create_workflow(workflow("default", "next"), version(1)).await;
    let first = other.workflow("default", "order").await.expect("it answers").expect("it is there");
    assert!(key.expect("it is created") > first.key);
    take_all(&*other).await;
    done(&*other, step(id(90), 0)).await;
    assert_eq!(other.send(cancel(id(90))).await, Ok(true));
    let later = other.inbox(id(90)).await.expect("a list");
    assert!(later[0].id > waiting[0].id);
}
