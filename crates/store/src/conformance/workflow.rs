//! Flows and their versions.

use super::StoreFactory;
use super::sample::{START, id, open, version, workflow};
use crate::{Edit, Store, StoreError, VersionRow, WorkflowRow};

async fn create(store: &dyn Store, row: &WorkflowRow) -> i64 {
    store.create_workflow(row.clone(), version(1)).await.expect("it is created")
}

fn assert_conflict<T: std::fmt::Debug>(outcome: &Result<T, StoreError>) {
    assert!(matches!(outcome, Err(StoreError::Conflict(_))), "{outcome:?}");
}

pub async fn a_flow_is_found_by_name_id_and_key(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    let mut row = workflow("default", "order");
    row.trigger_process = Some(id(1));
    row.key = create(&*store, &row).await;
    let found = Ok(Some(row.clone()));
    assert_eq!(store.workflow("default", "order").await, found);
    assert_eq!(store.workflow_by_id("default-order").await, found);
    assert_eq!(store.workflow_by_key(row.key).await, found);

    assert_eq!(store.workflow("other", "order").await, Ok(None));
    assert_eq!(store.workflow("default", "orders").await, Ok(None));
    assert_eq!(store.workflow_by_id("order").await, Ok(None));
    assert_eq!(store.workflow_by_key(row.key + 1).await, Ok(None));
}

pub async fn flows_are_found_by_many_ids(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    for name in ["alpha", "beta", "gamma"] {
        create(&*store, &workflow("default", name)).await;
    }
    let found = async |ids: &[&str]| -> Vec<String> {
        let ids = ids.iter().map(|id| (*id).to_owned()).collect();
        let rows = store.workflows_by_id(ids).await.expect("a list");
        let mut names: Vec<String> = rows.into_iter().map(|row| row.name).collect();
        names.sort();
        names
    };
    let asked = ["default-gamma", "default-alpha", "gamma", "", "a\0b"];
    assert_eq!(found(&asked).await, ["alpha", "gamma"]);
    assert_eq!(found(&[]).await, [""; 0]);
}

pub async fn a_name_is_taken_once_in_an_environment(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    let row = workflow("default", "order");
    let key = create(&*store, &row).await;
    let other_id = WorkflowRow { id: "x".to_owned(), ..row.clone() };
    assert_conflict(&store.create_workflow(other_id, version(1)).await);
    let same_id = WorkflowRow { id: row.id.clone(), ..workflow("default", "other") };
    assert_conflict(&store.create_workflow(same_id, version(1)).await);
    create(&*store, &workflow("test", "order")).await;

    // Renaming to a name that is taken changes nothing.
    create(&*store, &workflow("default", "invoice")).await;
    let renamed = WorkflowRow { key, name: "invoice".to_owned(), ..row.clone() };
    assert_conflict(&store.update_workflow(renamed, Some(version(2))).await);
    assert_eq!(store.workflow_by_key(key).await, Ok(Some(WorkflowRow { key, ..row })));
    assert_eq!(store.version(key, 2).await, Ok(None));
}

pub async fn a_change_needs_the_stored_revision(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    let mut row = workflow("default", "order");
    row.key = create(&*store, &row).await;

    let changed = WorkflowRow {
        display_name: "Order intake".to_owned(),
        state: 3,
        version: 2,
        changed: START + 5,
        trigger_process: Some(id(4)),
        ..row.clone()
    };
    store.update_workflow(changed.clone(), Some(version(2))).await.expect("it is changed");
    let stored = WorkflowRow { revision: 1, ..changed };
    assert_eq!(store.workflow_by_key(row.key).await, Ok(Some(stored.clone())));

    // Of the revision before, with and without a version, and of no flow at all.
    assert_conflict(&store.update_workflow(row.clone(), Some(version(3))).await);
    assert_conflict(&store.update_workflow(row.clone(), None).await);
    let unknown = WorkflowRow { key: row.key + 9, ..stored.clone() };
    assert_conflict(&store.update_workflow(unknown, None).await);
    // A version that is there already: the row stays as well.
    assert_conflict(&store.update_workflow(stored.clone(), Some(version(2))).await);
    assert_eq!(store.workflow_by_key(row.key).await, Ok(Some(stored)));
    assert_eq!(store.version(row.key, 3).await, Ok(None));
}

pub async fn versions_are_kept(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    let mut row = workflow("default", "order");
    row.key = create(&*store, &row).await;
    for number in 2..=3 {
        row.version = number;
        store.update_workflow(row.clone(), Some(version(number))).await.expect("it is changed");
        row.revision += 1;
    }
    let with_key = |number| VersionRow { workflow: row.key, ..version(number) };
    let listed = |number| VersionRow { document: vec![], ..with_key(number) };
    assert_eq!(store.version(row.key, 2).await, Ok(Some(with_key(2))));
    assert_eq!(store.version(row.key, 4).await, Ok(None));
    assert_eq!(store.versions(row.key).await, Ok(vec![listed(3), listed(2), listed(1)]));

    // The document alone, of a version that is there.
    let other = VersionRow { document: b"other".to_vec(), ..with_key(2) };
    let unknown = VersionRow { number: 4, ..other.clone() };
    let edits = vec![Edit::ReplaceDocument(other.clone()), Edit::ReplaceDocument(unknown)];
    assert_eq!(store.change(edits, Vec::new()).await, Ok(vec![1, 0]));
    assert_eq!(store.version(row.key, 2).await, Ok(Some(other)));
    assert_eq!(store.version(row.key, 3).await, Ok(Some(with_key(3))));
    assert_eq!(store.version(row.key, 4).await, Ok(None));
}

pub async fn a_flow_goes_with_its_versions(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    let row = workflow("default", "order");
    let kept = create(&*store, &workflow("default", "kept")).await;
    let key = create(&*store, &row).await;
    assert_eq!(store.delete_workflow(key).await, Ok(true));
    assert_eq!(store.delete_workflow(key).await, Ok(false));
    assert_eq!(store.workflow_by_key(key).await, Ok(None));
    assert_eq!(store.versions(key).await, Ok(vec![]));
    assert_eq!(store.versions(kept).await.map(|versions| versions.len()), Ok(1));
    // The name is free again, the key is not: runs still carry it.
    assert!(create(&*store, &row).await > key);
}

pub async fn flows_are_paged_by_name(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    for (environment, name) in
        [("a", "delta"), ("b", "beta"), ("a", "beta"), ("a", "alpha"), ("c", "beta")]
    {
        create(&*store, &workflow(environment, name)).await;
    }
    let list = async |environment, after, rows_max| -> Vec<_> {
        let rows = store.workflows(environment, after, rows_max).await.expect("a list");
        rows.into_iter().map(|row| row.id).collect()
    };
    assert_eq!(list(Some("a"), None, 10).await, ["a-alpha", "a-beta", "a-delta"]);
    assert_eq!(list(Some("a"), None, 2).await, ["a-alpha", "a-beta"]);
    assert_eq!(list(Some("a"), Some("beta"), 2).await, ["a-delta"]);
    assert_eq!(list(Some("d"), None, 2).await, [""; 0]);

    // Over all environments a page holds every flow of its last name.
    let all = ["a-alpha", "a-beta", "b-beta", "c-beta", "a-delta"];
    assert_eq!(list(None, None, 10).await, all);
    assert_eq!(list(None, None, 1).await, all[..1]);
    assert_eq!(list(None, Some("alpha"), 1).await, all[1..4]);
    assert_eq!(list(None, Some("beta"), 9).await, all[4..]);
}
