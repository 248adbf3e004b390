//! Every statement finds its rows by an index: none reads a whole table, and none
//! sorts what an index could give in order.

use super::connection::set_up_planner;
use super::migrate::{MIGRATIONS, migrate};
use super::{
    audit, chunk, effect, inbox, lease, payload, process, record, retain, retention, run, setting,
    snapshot, start_key, workflow, workflow_version,
};
use rusqlite::{Connection, StatementStatus};

const STATEMENTS: &[&str] = &[
    audit::NEWEST_OF_ACTOR,
    audit::NEWEST_OF_TARGET,
    audit::CHAIN,
    chunk::FROM,
    chunk::HISTORY,
    chunk::REMOVE,
    chunk::REMOVE_UP_TO_SNAPSHOT,
    effect::INTEND,
    effect::SETTLE,
    effect::REMOVE,
    effect::LIST,
    effect::GET,
    inbox::DELIVER,
    inbox::CONSUME,
    inbox::REMOVE,
    inbox::WAITING,
    lease::BEAT,
    lease::EPOCH,
    lease::GIVE,
    lease::TAKE,
    payload::GET,
    payload::REFERRED,
    payload::REMOVE_REFS,
    payload::REMOVE_ORPHAN,
    process::ADVANCE,
    process::END,
    process::GET,
    process::DUE,
    process::DUE_OF_FLOW,
    process::LIVE_RUNS,
    process::LIVE_OTHERS,
    retention::FINISHED,
    retention::REMOVE_RUN,
    run::UPDATE,
    run::GET,
    run::NEWEST,
    run::OLDEST,
    run::NEWEST_OF_STATUS,
    run::FAILURES,
    run::OLDEST_OF_STATUS,
    record::UPDATE,
    record::REMOVE,
    record::GET,
    record::REMOVE_KEYS,
    record::LIST,
    retain::REMOVE,
    setting::GET,
    snapshot::REPLACE,
    snapshot::GET,
    snapshot::REMOVE,
    start_key::HOLDER,
    start_key::REMOVE,
    workflow::UPDATE,
    workflow::REMOVE,
    workflow::BY_NAME,
    workflow::BY_ID,
    workflow::BY_KEY,
    workflow::LIST,
    workflow::LIST_ALL,
    workflow::LIST_SAME_NAME,
    workflow_version::GET,
    workflow_version::LIST,
    workflow_version::REPLACE,
    workflow_version::REMOVE,
];

fn plan(db: &Connection, sql: &str) -> Vec<String> {
    let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    for index in 1..=statement.parameter_count() {
        statement.raw_bind_parameter(index, 1).unwrap();
    }
    let mut steps = Vec::new();
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().unwrap() {
        steps.push(row.get(3).unwrap());
    }
    steps
}

fn database() -> Connection {
    let db = Connection::open_in_memory().unwrap();
    set_up_planner(&db).unwrap();
    migrate(&db, MIGRATIONS).unwrap();
    db
}

#[test]
fn every_statement_uses_an_index() {
    let db = database();
    for sql in STATEMENTS {
        for step in plan(&db, sql) {
            assert!(!step.contains("SCAN") || step == "SCAN CONSTANT ROW", "{step}: {sql}");
            assert!(!step.contains("TEMP B-TREE"), "{step}: {sql}");
        }
    }
}

/// A page of messages is sorted (they wait by row number); no one has many.
#[test]
fn an_inbox_is_found_by_its_process() {
    let steps = plan(&database(), inbox::LIST);
    assert!(steps[0].contains("SEARCH inbox USING INDEX inbox_by_target"), "{steps:?}");
}

/// Both halves come in the order of ids and stop at the page's end.
#[test]
fn unsettled_processes_are_read_by_page() {
    let steps = plan(&database(), process::UNSETTLED);
    for table in ["effect", "inbox", "process"] {
        let found = format!("SEARCH {table} USING");
        assert!(steps.iter().any(|step| step.contains(&found)), "{table}: {steps:#?}");
    }
}

/// By number, from the end: no more than a page and what does not fit it.
#[test]
fn the_audit_is_read_from_its_end() {
    let steps = plan(&database(), audit::NEWEST);
    assert!(steps.iter().all(|step| !step.contains("TEMP B-TREE")), "{steps:?}");
    assert!(steps[0].contains("SEARCH audit USING INTEGER PRIMARY KEY"), "{steps:?}");
}

/// A record has few keys, and a kind has very many; a flow has few runs that failed, and very
/// many others. The planner does not know.
#[test]
fn rows_are_found_by_all_that_is_known_of_them() {
    let found = |sql| plan(&database(), sql).join("; ");
    let by_record = "SEARCH record_key USING INDEX record_key_by_record (kind=? AND id=?)";
    assert_eq!(found(record::REMOVE_KEYS), by_record);
    for sql in [record::UPDATE, record::REMOVE, record::GET] {
        assert_eq!(found(sql), "SEARCH record USING INDEX record_by_id (kind=? AND id=?)");
    }
    for sql in [run::NEWEST_OF_STATUS, run::OLDEST_OF_STATUS] {
        let by_status =
            "SEARCH run USING INDEX run_by_status (workflow=? AND status=? AND id>? AND id<?)";
        assert_eq!(found(sql), by_status);
    }
}

/// Values say nothing of how rows are found: a statement is prepared once, and not again
/// whenever it is about something else.
#[test]
fn no_statement_is_prepared_again_for_other_values() {
    let db = database();
    let others =
        [inbox::LIST, process::UNSETTLED, audit::NEWEST, record::INSERT_KEY, record::INSERT];
    for sql in STATEMENTS.iter().chain(&others) {
        let mut statement = db.prepare(sql).unwrap();
        for value in 1..=3 {
            for index in 1..=statement.parameter_count() {
                statement.raw_bind_parameter(index, value).unwrap();
            }
            // what a constraint refuses was run all the same
            let mut rows = statement.raw_query();
            while let Ok(Some(_)) = rows.next() {}
        }
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0, "{sql}");
    }
}
