//! Management data: records, and changes of several things at once.

use super::StoreFactory;
use super::sample::{done, id, open, reply, step, version, workflow};
use crate::{Edit, Record, RecordKey, RecordRange, Store, StoreError};

const USER: u8 = 1;
const GROUP: u8 = 2;
const BY_NAME: u8 = 1;
const BY_TEAM: u8 = 2;

fn key(name: u8, value: &str) -> RecordKey {
    RecordKey { name, value: value.as_bytes().to_vec(), is_unique: name == BY_NAME }
}

fn record(id: &str, keys: &[RecordKey]) -> Record {
    let body = format!("content of {id}").into_bytes();
    Record { kind: USER, id: id.to_owned(), revision: 0, body, keys: keys.to_vec() }
}

/// As it is read: the first revision, without keys.
fn read(id: &str) -> Record {
    Record { revision: 1, ..record(id, &[]) }
}

async fn put(store: &dyn Store, record: Record) -> Result<Vec<i64>, StoreError> {
    store.change(vec![Edit::Put(record)], Vec::new()).await
}

async fn ids(store: &dyn Store, range: RecordRange) -> Vec<String> {
    let rows = store.records(range).await.expect("they are listed");
    rows.into_iter().map(|(_, record)| record.id).collect()
}

fn team(from: &str, to: &str) -> RecordRange {
    RecordRange {
        kind: USER,
        name: BY_TEAM,
        from: from.as_bytes().to_vec(),
        to: to.as_bytes().to_vec(),
        after: None,
        rows_max: 10,
    }
}

fn is_conflict<T: std::fmt::Debug>(done: &Result<T, StoreError>) -> bool {
    matches!(done, Err(StoreError::Conflict(_)))
}

pub async fn a_record_is_read_as_it_was_written(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    assert_eq!(store.record(USER, "ada").await, Ok(None));
    assert_eq!(put(&*store, record("ada", &[])).await, Ok(vec![1]));
    assert_eq!(store.record(USER, "ada").await, Ok(Some(read("ada"))));
    assert_eq!(store.record(GROUP, "ada").await, Ok(None));
    // the same id of another kind is another record
    put(&*store, Record { kind: GROUP, ..record("ada", &[]) }).await.expect("it is added");
    let again = put(&*store, record("ada", &[])).await;
    assert!(is_conflict(&again), "{again:?}");
}

pub async fn records_are_found_by_many_ids(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    for id in ["ada", "bob", "eve"] {
        put(&*store, record(id, &[])).await.expect("it is added");
    }
    put(&*store, Record { kind: GROUP, ..record("joe", &[]) }).await.expect("it is added");
    let asked = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
    let found = store.records_by_id(USER, asked(&["eve", "ada", "joe", "nobody"])).await;
    let mut found = found.expect("a list");
    found.sort_by(|one, other| one.id.cmp(&other.id));
    assert_eq!(found, [read("ada"), read("eve")]);
    assert_eq!(store.records_by_id(USER, asked(&[])).await, Ok(vec![]));
}

pub async fn a_record_is_changed_from_the_stored_revision(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    put(&*store, record("ada", &[key(BY_TEAM, "a")])).await.expect("it is added");
    let changed =
        Record { revision: 1, body: b"new".to_vec(), ..record("ada", &[key(BY_TEAM, "b")]) };
    assert_eq!(put(&*store, changed.clone()).await, Ok(vec![2]));
    let stale = put(&*store, changed).await;
    assert!(is_conflict(&stale), "{stale:?}");
    let stored = store.record(USER, "ada").await.expect("it is read").expect("it is there");
    assert_eq!((stored.revision, stored.body), (2, b"new".to_vec()));
    assert_eq!(ids(&*store, team("a", "b")).await, [""; 0]);
    assert_eq!(ids(&*store, team("b", "c")).await, ["ada"]);
    let missing = put(&*store, Record { revision: 3, ..record("bob", &[]) }).await;
    assert!(is_conflict(&missing), "{missing:?}");
    assert_eq!(store.record(USER, "bob").await, Ok(None));
}

pub async fn a_record_is_removed_with_its_keys(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    let keys = [key(BY_NAME, "ada"), key(BY_TEAM, "a")];
    put(&*store, record("ada", &keys)).await.expect("it is added");
    let remove = |revision| vec![Edit::Remove { kind: USER, id: "ada".to_owned(), revision }];
    let stale = store.change(remove(Some(2)), Vec::new()).await;
    assert!(is_conflict(&stale), "{stale:?}");
    assert_eq!(store.change(remove(Some(1)), Vec::new()).await, Ok(vec![1]));
    assert_eq!(store.record(USER, "ada").await, Ok(None));
    assert_eq!(ids(&*store, team("a", "b")).await, [""; 0]);
    assert_eq!(store.change(remove(None), Vec::new()).await, Ok(vec![0]));
    // its name is free again
    put(&*store, record("other", &keys)).await.expect("it is added");
    assert_eq!(store.change(remove(None), Vec::new()).await, Ok(vec![0]));
    assert_eq!(ids(&*store, team("a", "b")).await, ["other"]);
}

pub async fn a_unique_key_is_one_records(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    put(&*store, record("one", &[key(BY_NAME, "ada")])).await.expect("it is added");
    let taken = put(&*store, record("two", &[key(BY_NAME, "ada")])).await;
    assert!(is_conflict(&taken), "{taken:?}");
    assert_eq!(store.record(USER, "two").await, Ok(None));
    // it may be kept by its owner, and is free once given up
    let kept = Record { revision: 1, ..record("one", &[key(BY_NAME, "ada")]) };
    assert_eq!(put(&*store, kept).await, Ok(vec![2]));
    let renamed = Record { revision: 2, ..record("one", &[key(BY_NAME, "ada l.")]) };
    assert_eq!(put(&*store, renamed).await, Ok(vec![3]));
    put(&*store, record("two", &[key(BY_NAME, "ada")])).await.expect("it is added");
    // another kind has names of its own
    let other = Record { kind: GROUP, ..record("team", &[key(BY_NAME, "ada")]) };
    put(&*store, other).await.expect("it is added");
}

pub async fn records_are_paged_by_key(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    for (id, teams) in [("d", "x"), ("b", "xy"), ("c", "x"), ("a", "w"), ("e", "y")] {
        put(&*store, record(id, &[key(BY_TEAM, teams)])).await.expect("it is added");
    }
    assert_eq!(ids(&*store, team("x", "y")).await, ["c", "d", "b"]);
    let mut page = RecordRange { rows_max: 2, ..team("w", "z") };
    let mut seen = Vec::new();
    loop {
        let rows = store.records(page.clone()).await.expect("they are listed");
        let Some((value, last)) = rows.last() else { break };
        page.after = Some((value.clone(), last.id.clone()));
        seen.extend(rows.into_iter().map(|(_, record)| record.id));
    }
    assert_eq!(seen, ["a", "c", "d", "b", "e"]);
    // one record with two keys is listed under each
    let both = [key(BY_TEAM, "p"), key(BY_TEAM, "q")];
    put(&*store, record("f", &both)).await.expect("it is added");
    let rows = store.records(team("p", "r")).await.expect("they are listed");
    let values: Vec<&[u8]> = rows.iter().map(|(value, _)| value.as_slice()).collect();
    assert_eq!(values, [b"p".as_slice(), b"q"]);
    assert_eq!(rows[0].1, read("f"));
}

pub async fn changes_are_made_together_or_not_at_all(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    put(&*store, record("ada", &[key(BY_NAME, "ada")])).await.expect("it is added");
    let edits = vec![
        Edit::Put(record("bob", &[])),
        Edit::Remove { kind: USER, id: "ada".to_owned(), revision: None },
        Edit::Put(Record { revision: 7, ..record("eve", &[]) }),
    ];
    let refused = store.change(edits.clone(), Vec::new()).await;
    assert!(is_conflict(&refused), "{refused:?}");
    assert_eq!(store.record(USER, "bob").await, Ok(None));
    assert_eq!(store.record(USER, "ada").await, Ok(Some(read("ada"))));
    let done = store.change(edits[..2].to_vec(), Vec::new()).await;
    assert_eq!(done, Ok(vec![1, 1]));
    assert_eq!(store.change(Vec::new(), Vec::new()).await, Ok(vec![]));
}

pub async fn messages_are_sent_with_changes(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    done(&*store, step(id(1), 0)).await;
    let told = |revision, from| {
        let row = Record { revision, ..record("ada", &[]) };
        let message = |to| Edit::Send(reply(id(to), id(from), 5));
        store.change(vec![message(1), message(9), Edit::Put(row)], Vec::new())
    };
    assert_eq!(told(0, 2).await, Ok(vec![1, 0, 1]));
    // the same message is taken once
    assert_eq!(told(1, 2).await, Ok(vec![0, 0, 2]));
    // what is refused sends nothing
    let refused = told(1, 3).await;
    assert!(is_conflict(&refused), "{refused:?}");
    let rows = store.inbox(id(1)).await.expect("an inbox");
    let messages: Vec<_> = rows.into_iter().map(|row| row.message).collect();
    assert_eq!(messages, [reply(id(1), id(2), 5)]);
    assert_eq!(store.inbox(id(9)).await, Ok(Vec::new()));
}

pub async fn flows_change_with_records(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    let create = |name: &str, id: &str| {
        let flow = Edit::CreateWorkflow(workflow("default", name), version(1));
        store.change(vec![flow, Edit::Put(record(id, &[]))], Vec::new())
    };
    let keys = create("order", "facts").await.expect("both are added");
    let row = store.workflow("default", "order").await.expect("it is read").expect("it is there");
    assert_eq!(keys, [row.key, 1]);
    let again = create("order", "other facts").await;
    assert!(is_conflict(&again), "{again:?}");
    assert_eq!(store.record(USER, "other facts").await, Ok(None));
    let key = row.key;
    let edits = vec![
        Edit::UpdateWorkflow(row, Some(version(2))),
        Edit::Remove { kind: USER, id: "facts".to_owned(), revision: Some(1) },
    ];
    assert_eq!(store.change(edits, Vec::new()).await, Ok(vec![1, 1]));
    assert_eq!(store.versions(key).await.expect("they are listed").len(), 2);
    let gone = store.change(vec![Edit::DeleteWorkflow(key)], Vec::new()).await;
    assert_eq!(gone, Ok(vec![1]));
    assert_eq!(store.workflow("default", "order").await, Ok(None));
}
