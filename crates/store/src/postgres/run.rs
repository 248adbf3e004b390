//! Runs as they are listed.

use super::address::Db;
use super::column::{
    Call, bytes, call, each, number, process_id, process_id_or_none, rows_max, small, text_or_none,
};
use super::fault::Fault;
use crate::{RunFilter, RunPatch, RunRow};
use durable::{ProcessId, Ticks};
use std::borrow::Cow;
use tokio_postgres::Row;

const INSERT: &str = "INSERT INTO run
    (id, workflow, version, status, ended, code, error, client_tracking_id, parent)
    SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::smallint[], $5::bigint[],
        $6::text[], $7::text[], $8::text[], $9::bytea[])";

const UPDATE: &str = "UPDATE run
    SET status = new.status, ended = new.ended, code = new.code, error = new.error
    FROM unnest($1::bytea[], $2::smallint[], $3::bigint[], $4::text[], $5::text[])
        AS new (id, status, ended, code, error)
    WHERE run.id = new.id";

const GET: &str = "SELECT id, workflow, version, status, ended, code, error, client_tracking_id,
    parent FROM run WHERE id = $1";

/// A list of runs; what differs is the status and the direction.
macro_rules! list {
    ($status:literal, $direction:literal) => {
        concat!(
            "SELECT id, workflow, version, status, ended, code, error, client_tracking_id, parent
             FROM run WHERE workflow = $1 ",
            $status,
            " AND id > $2 AND id < $3 ORDER BY id ",
            $direction,
            " LIMIT $4"
        )
    };
}

const NEWEST: &str = list!("", "DESC");
const OLDEST: &str = list!("", "ASC");
const NEWEST_OF_STATUS: &str = list!("AND status = $5", "DESC");
const OLDEST_OF_STATUS: &str = list!("AND status = $5", "ASC");

const FAILURES: &str =
    "SELECT id, workflow, version, status, ended, code, error, client_tracking_id, parent
    FROM run WHERE status IN (2, 4) AND (ended, id) > ($1, $2) AND ended <= $3
    ORDER BY ended, id LIMIT $4";

/// Runs that ended badly, after a place in the order of their ends.
pub(super) async fn failures(
    db: &Db,
    (ended, id): (Ticks, Option<ProcessId>),
    to: Ticks,
    wanted: usize,
) -> Result<Vec<RunRow>, Fault> {
    let id = id.map(|id| id.as_bytes().to_vec()).unwrap_or_default();
    each(&call!(FAILURES, ended, id, to, rows_max(wanted)).rows(db).await?, run_row)
}

/// New runs, side by side.
#[derive(Default)]
pub(super) struct Runs<'a> {
    ids: Vec<&'a [u8]>,
    workflows: Vec<i64>,
    versions: Vec<i64>,
    statuses: Vec<i16>,
    ended: Vec<Option<Ticks>>,
    codes: Vec<Option<Cow<'a, str>>>,
    errors: Vec<Option<Cow<'a, str>>>,
    client_tracking_ids: Vec<Option<Cow<'a, str>>>,
    parents: Vec<Option<&'a [u8]>>,
}

impl<'a> Runs<'a> {
    pub(super) fn push(&mut self, run: &'a RunRow) {
        self.ids.push(bytes(&run.id));
        self.workflows.push(run.workflow);
        self.versions.push(run.version.into());
        self.statuses.push(run.status.into());
        self.ended.push(run.end);
        self.codes.push(text_or_none(run.code.as_ref()));
        self.errors.push(text_or_none(run.error.as_ref()));
        self.client_tracking_ids.push(text_or_none(run.client_tracking_id.as_ref()));
        self.parents.push(run.parent.as_ref().map(bytes));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    pub(super) fn insert(self) -> Call<'a> {
        let Runs { ids, workflows, versions, statuses, ended, .. } = self;
        let Runs { codes, errors, client_tracking_ids, parents, .. } = self;
        call!(
            INSERT,
            ids,
            workflows,
            versions,
            statuses,
            ended,
            codes,
            errors,
            client_tracking_ids,
            parents
        )
    }
}

/// New facts of runs, side by side.
#[derive(Default)]
pub(super) struct Patches<'a> {
    ids: Vec<&'a [u8]>,
    statuses: Vec<i16>,
    ended: Vec<Option<Ticks>>,
    codes: Vec<Option<Cow<'a, str>>>,
    errors: Vec<Option<Cow<'a, str>>>,
}

impl<'a> Patches<'a> {
    pub(super) fn push(&mut self, patch: &'a RunPatch) {
        self.ids.push(bytes(&patch.id));
        self.statuses.push(patch.status.into());
        self.ended.push(patch.end);
        self.codes.push(text_or_none(patch.code.as_ref()));
        self.errors.push(text_or_none(patch.error.as_ref()));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    pub(super) fn update(self) -> Call<'a> {
        let Patches { ids, statuses, ended, codes, errors } = self;
        call!(UPDATE, ids, statuses, ended, codes, errors)
    }
}

pub(super) async fn get(db: &Db, id: ProcessId) -> Result<Option<RunRow>, Fault> {
    call!(GET, bytes(&id)).row(db).await?.as_ref().map(run_row).transpose()
}

pub(super) async fn list(db: &Db, filter: &RunFilter) -> Result<Vec<RunRow>, Fault> {
    let (low, high) = bounds(filter);
    let (workflow, wanted) = (filter.workflow, rows_max(filter.rows_max));
    let call = match (filter.status, filter.oldest_first) {
        (None, false) => call!(NEWEST, workflow, low, high, wanted),
        (None, true) => call!(OLDEST, workflow, low, high, wanted),
        (Some(status), false) => {
            call!(NEWEST_OF_STATUS, workflow, low, high, wanted, i16::from(status))
        }
        (Some(status), true) => {
            call!(OLDEST_OF_STATUS, workflow, low, high, wanted, i16::from(status))
        }
    };
    each(&call.rows(db).await?, run_row)
}

/// The ids between which a list lies, both exclusive. A bound of a moment is the
/// first bytes of an id, which sort before every id of that moment.
fn bounds(filter: &RunFilter) -> (Vec<u8>, Vec<u8>) {
    let mut low = filter.from.map_or_else(Vec::new, |from| moment(from).to_vec());
    let mut high =
        filter.to.map_or_else(|| vec![0xff; ProcessId::BYTES + 1], |to| moment(to).to_vec());
    match filter.before {
        Some(last) if filter.oldest_first => low = low.max(last.as_bytes().to_vec()),
        Some(last) => high = high.min(last.as_bytes().to_vec()),
        None => {}
    }
    (low, high)
}

/// What ids of a moment begin with.
pub(super) fn moment(ticks: Ticks) -> [u8; 8] {
    ticks.max(0).cast_unsigned().to_be_bytes()
}

fn run_row(row: &Row) -> Result<RunRow, Fault> {
    Ok(RunRow {
        id: process_id(row, 0)?,
        workflow: row.try_get(1)?,
        version: number(row, 2)?,
        status: small(row, 3)?,
        end: row.try_get(4)?,
        code: row.try_get(5)?,
        error: row.try_get(6)?,
        client_tracking_id: row.try_get(7)?,
        parent: process_id_or_none(row, 8)?,
    })
}
