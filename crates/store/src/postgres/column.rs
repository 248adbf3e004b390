//! Values as PostgreSQL takes and gives them: what is stored is checked, not trusted.
//!
//! Numbers without a sign are stored as the signed number of the same bits.

use super::address::Db;
use super::fault::Fault;
use durable::{PartitionSet, ProcessId, ProcessKind};
use futures_util::future::join_all;
use std::borrow::Cow;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

/// A value of a statement.
pub(super) type Value<'a> = Box<dyn ToSql + Sync + Send + 'a>;

/// A statement with its values.
pub(super) struct Call<'a> {
    pub(super) sql: &'static str,
    pub(super) values: Vec<Value<'a>>,
}

/// A call, its values one by one.
macro_rules! call {
    ($sql:expr $(, $value:expr)* $(,)?) => {
        $crate::postgres::column::Call { sql: $sql, values: vec![$(Box::new($value)),*] }
    };
}
pub(super) use call;

impl Call<'_> {
    pub(super) async fn rows(&self, db: &Db) -> Result<Vec<Row>, Fault> {
        let statement = db.prepared(self.sql).await?;
        Ok(db.query(&statement, &self.refs()).await?)
    }

    pub(super) async fn row(&self, db: &Db) -> Result<Option<Row>, Fault> {
        Ok(self.rows(db).await?.into_iter().next())
    }

    pub(super) async fn execute(&self, db: &Db) -> Result<u64, Fault> {
        let statement = db.prepared(self.sql).await?;
        Ok(db.execute(&statement, &self.refs()).await?)
    }

    fn refs(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.values.iter().map(|value| &**value as &(dyn ToSql + Sync)).collect()
    }
}

/// Sends calls one after the other without waiting in between, and then, when there is one,
/// a last statement without values. Answers what each gave; the first fault is what counts,
/// since those after it come from it.
pub(super) async fn pipeline(
    db: &Db,
    calls: &[Call<'_>],
    last: Option<&str>,
) -> (Vec<Vec<Row>>, Result<(), Fault>) {
    let mut statements = Vec::with_capacity(calls.len());
    for call in calls {
        match db.prepared(call.sql).await {
            Ok(statement) => statements.push(statement),
            Err(fault) => return (Vec::new(), Err(fault)),
        }
    }
    let refs: Vec<_> = calls.iter().map(Call::refs).collect();
    let querying = statements.iter().zip(&refs).map(|(statement, refs)| db.query(statement, refs));
    let ending = async {
        match last {
            Some(sql) => db.batch_execute(sql).await,
            None => Ok(()),
        }
    };
    let (answers, ended) = tokio::join!(biased; join_all(querying), ending);
    let mut given = Vec::with_capacity(calls.len());
    for answer in answers {
        match answer {
            Ok(rows) => given.push(rows),
            Err(error) => return (given, Err(error.into())),
        }
    }
    (given, ended.map_err(Fault::from))
}

/// The same without a last statement.
pub(super) async fn all(db: &Db, calls: &[Call<'_>]) -> Result<Vec<Vec<Row>>, Fault> {
    let (given, done) = pipeline(db, calls, None).await;
    done.map(|()| given)
}

pub(super) fn partition(id: &ProcessId) -> i16 {
    id.partition().0.cast_signed()
}

/// The partitions of a set.
pub(super) fn partitions(set: &PartitionSet) -> Vec<i16> {
    set.iter().map(|partition| partition.0.cast_signed()).collect()
}

pub(super) fn bytes(id: &ProcessId) -> &[u8] {
    id.as_bytes()
}

/// Partitions and ids of processes, side by side.
pub(super) fn ids<'a>(
    processes: impl Iterator<Item = &'a ProcessId> + Clone,
) -> (Vec<i16>, Vec<&'a [u8]>) {
    (processes.clone().map(partition).collect(), processes.map(bytes).collect())
}

/// A text without the one character that PostgreSQL does not store.
pub(super) fn text(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() }
}

pub(super) fn texts(texts: &[String]) -> Vec<Cow<'_, str>> {
    texts.iter().map(|it| text(it)).collect()
}

pub(super) fn text_or_none(it: Option<&String>) -> Option<Cow<'_, str>> {
    it.map(|it| text(it))
}

pub(super) fn process_id(row: &Row, index: usize) -> Result<ProcessId, Fault> {
    process_id_of(row.try_get(index)?)
}

pub(super) fn process_id_or_none(row: &Row, index: usize) -> Result<Option<ProcessId>, Fault> {
    row.try_get::<_, Option<&[u8]>>(index)?.map(process_id_of).transpose()
}

pub(super) fn process_id_of(bytes: &[u8]) -> Result<ProcessId, Fault> {
    ProcessId::from_bytes(bytes).ok_or_else(|| Fault::corrupt("an id of a process"))
}

pub(super) fn process_kind(row: &Row, index: usize) -> Result<ProcessKind, Fault> {
    ProcessKind::from_number(small(row, index)?).ok_or_else(|| Fault::corrupt("a kind of process"))
}

/// A number without a sign.
pub(super) fn unsigned(row: &Row, index: usize) -> Result<u64, Fault> {
    Ok(row.try_get::<_, i64>(index)?.cast_unsigned())
}

/// A number without a sign, as it is stored.
pub(super) fn signed(number: u64) -> i64 {
    number.cast_signed()
}

/// A number of 32 bits without a sign, which has a column of 64 bits.
pub(super) fn number(row: &Row, index: usize) -> Result<u32, Fault> {
    u32::try_from(row.try_get::<_, i64>(index)?).map_err(|_| Fault::corrupt("a number"))
}

/// A number of 8 bits, which has a column of 16 bits.
pub(super) fn small(row: &Row, index: usize) -> Result<u8, Fault> {
    u8::try_from(row.try_get::<_, i16>(index)?).map_err(|_| Fault::corrupt("a small number"))
}

pub(super) fn rows_max(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// Reads every row.
pub(super) fn each<T>(
    rows: &[Row],
    read: impl Fn(&Row) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    rows.iter().map(read).collect()
}
