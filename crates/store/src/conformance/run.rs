//! Runs as they are listed.

use super::StoreFactory;
use super::sample::{
    RUNNING, START, SUCCEEDED, commit, done, id, last, open, run, step, whole_run,
};
use crate::{Committed, RunChange, RunFilter, RunPatch, RunRow, Store};
use durable::ProcessId;

async fn list(store: &dyn Store, filter: RunFilter) -> Vec<ProcessId> {
    let rows = store.runs(filter).await.expect("a list");
    rows.iter().map(|row| row.id).collect()
}

fn of_flow(workflow: i64) -> RunFilter {
    RunFilter { workflow, rows_max: 100, ..RunFilter::default() }
}

pub async fn a_run_is_read_as_it_was_written(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    let full = RunRow {
        id: id(1),
        workflow: i64::MAX,
        version: u32::MAX,
        status: u8::MAX,
        end: Some(START + 1),
        code: Some("ActionFailed".to_owned()),
        error: Some("Größe: \u{1f4a1}".to_owned()),
        client_tracking_id: Some(String::new()),
        parent: Some(id(9)),
    };
    let mut empty = run(id(2), 0);
    empty.end = None;
    for row in [&full, &empty] {
        let mut first = last(row.id, 0);
        first.run = RunChange::Insert(row.clone());
        done(&*store, first).await;
        assert_eq!(store.run(row.id).await, Ok(Some(row.clone())));
        assert_eq!(store.runs(of_flow(row.workflow)).await, Ok(vec![row.clone()]));
    }
    assert_eq!(store.run(id(3)).await, Ok(None));
}

pub async fn a_patch_changes_a_run(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    let mut row = RunRow { status: RUNNING, end: None, ..run(id(1), 1) };
    row.client_tracking_id = Some("mine".to_owned());
    let mut first = step(id(1), 0);
    first.run = RunChange::Insert(row.clone());
    done(&*store, first).await;

    let patch = RunPatch {
        id: id(1),
        status: 5,
        end: Some(START + 7),
        code: Some("Failed".to_owned()),
        error: Some("It did not work.".to_owned()),
    };
    let mut next = last(id(1), 1);
    next.run = RunChange::Update(patch.clone());
    done(&*store, next).await;
    let RunPatch { status, end, code, error, .. } = patch;
    let changed = RunRow { status, end, code, error, ..row };
    assert_eq!(store.run(id(1)).await, Ok(Some(changed)));
    let running = RunFilter { status: Some(RUNNING), ..of_flow(1) };
    assert_eq!(list(&*store, running).await, []);
    let failed = RunFilter { status: Some(5), ..of_flow(1) };
    assert_eq!(list(&*store, failed).await, [id(1)]);
}

pub async fn runs_are_listed_newest_first(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    for number in [2, 300, 1, 256] {
        done(&*store, whole_run(id(number), 1)).await;
    }
    done(&*store, whole_run(id(5), 2)).await;
    assert_eq!(list(&*store, of_flow(1)).await, [id(300), id(256), id(2), id(1)]);
    assert_eq!(list(&*store, of_flow(2)).await, [id(5)]);
    assert_eq!(list(&*store, of_flow(3)).await, []);
    let oldest = RunFilter { oldest_first: true, ..of_flow(1) };
    assert_eq!(list(&*store, oldest).await, [id(1), id(2), id(256), id(300)]);
}

pub async fn runs_are_listed_by_status_and_time(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    for number in 1..=6 {
        let mut first = step(id(number), 0);
        let status = if number % 2 == 0 { RUNNING } else { SUCCEEDED };
        first.run = RunChange::Insert(RunRow { status, ..run(id(number), 1) });
        done(&*store, first).await;
    }
    let running = RunFilter { status: Some(RUNNING), ..of_flow(1) };
    assert_eq!(list(&*store, running.clone()).await, [id(6), id(4), id(2)]);
    let oldest = RunFilter { oldest_first: true, rows_max: 1, ..running.clone() };
    assert_eq!(list(&*store, oldest).await, [id(2)]);

    // From is included, to is not.
    let (from, to) = (Some(id(2).start()), Some(id(5).start()));
    let between = RunFilter { from, to, ..of_flow(1) };
    assert_eq!(list(&*store, between).await, [id(4), id(3), id(2)]);
    let running_between = RunFilter { from, to, ..running };
    assert_eq!(list(&*store, running_between).await, [id(4), id(2)]);
    let never = RunFilter { from: to, to: from, ..of_flow(1) };
    assert_eq!(list(&*store, never).await, []);
}

pub async fn runs_are_paged_in_both_directions(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    for number in 1..=5 {
        done(&*store, whole_run(id(number), 1)).await;
    }
    let page = RunFilter { rows_max: 2, ..of_flow(1) };
    let after = |before| RunFilter { before: Some(before), ..page.clone() };
    assert_eq!(list(&*store, page.clone()).await, [id(5), id(4)]);
    assert_eq!(list(&*store, after(id(4))).await, [id(3), id(2)]);
    assert_eq!(list(&*store, after(id(2))).await, [id(1)]);
    assert_eq!(list(&*store, after(id(1))).await, []);
    let oldest = |before| RunFilter { oldest_first: true, ..after(before) };
    assert_eq!(list(&*store, oldest(id(2))).await, [id(3), id(4)]);
    assert_eq!(list(&*store, oldest(id(5))).await, []);
    // A page within a span of time.
    let until = RunFilter { to: Some(id(3).start()), ..after(id(5)) };
    assert_eq!(list(&*store, until).await, [id(2), id(1)]);
}

pub async fn a_stale_commit_changes_no_run(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    done(&*store, whole_run(id(1), 1)).await;
    let mut stale = step(id(1), 1);
    stale.run = RunChange::Update(RunPatch {
        id: id(1),
        status: RUNNING,
        end: None,
        code: None,
        error: None,
    });
    assert_eq!(commit(&*store, stale).await, Committed::Stale);
    assert_eq!(store.run(id(1)).await, Ok(Some(run(id(1), 1))));
    // The same run in another process's first commit.
    let mut other = last(id(2), 0);
    other.run = RunChange::Insert(run(id(1), 2));
    assert_eq!(commit(&*store, other).await, Committed::Stale);
    assert_eq!(store.run(id(1)).await, Ok(Some(run(id(1), 1))));
}

pub async fn failures_are_listed_in_the_order_of_their_ends(factory: &dyn StoreFactory) {
    let store = open(factory).await;
    // number, status, end
    for (number, status, end) in [(1, 2, 9), (2, 1, 1), (3, 4, 5), (4, 2, 5), (5, 3, 6), (6, 2, 20)]
    {
        let mut first = last(id(number), 0);
        first.run = RunChange::Insert(RunRow {
            status,
            end: Some(START + end),
            ..run(id(number), i64::from(number))
        });
        done(&*store, first).await;
    }
    let listed = async |after, to, rows_max| {
        let rows = store.failures(after, START + to, rows_max).await.expect("a list");
        rows.iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(listed((0, None), 10, 9).await, [id(3), id(4), id(1)]);
    assert_eq!(listed((0, None), 10, 2).await, [id(3), id(4)]);
    assert_eq!(listed((START + 5, Some(id(3))), 10, 9).await, [id(4), id(1)]);
    assert_eq!(listed((START + 5, Some(id(4))), 30, 9).await, [id(1), id(6)]);
    assert_eq!(listed((START + 20, Some(id(6))), 30, 9).await, []);
}
