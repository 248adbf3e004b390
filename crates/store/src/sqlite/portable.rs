//! Giving and taking everything that is stored.

use super::fault::Fault;
use crate::StoreError;
use crate::limits::{PAGE_ROW_BYTES, PAGE_ROWS};
use crate::portable::{Cell, Column, Page, TABLES, Table};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Row, ToSql, params_from_iter};
use tokio::sync::mpsc::{Receiver, Sender};

/// Sends all tables, as of one moment. Blocks the calling thread.
pub(super) fn export(db: &Connection, pages: &Sender<Page>) -> Result<(), Fault> {
    db.execute_batch("BEGIN")?;
    for (number, table) in TABLES.iter().enumerate() {
        export_table(db, number, table, pages)?;
    }
    send(pages, Page::END)?;
    db.execute_batch("COMMIT")?;
    Ok(())
}

fn export_table(
    db: &Connection,
    number: usize,
    table: &Table,
    pages: &Sender<Page>,
) -> Result<(), Fault> {
    let sql = format!(
        "SELECT {} FROM {} ORDER BY {}",
        names(table.columns),
        table.name,
        names(&table.columns[..table.key])
    );
    let mut statement = db.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut page = Vec::with_capacity(PAGE_ROWS);
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        let row = read(row, table)?;
        bytes += row.iter().map(Cell::bytes).sum::<usize>();
        page.push(row);
        if page.len() == PAGE_ROWS || bytes >= PAGE_ROW_BYTES {
            send(pages, Page { table: number, rows: std::mem::take(&mut page) })?;
            bytes = 0;
        }
    }
    if page.is_empty() { Ok(()) } else { send(pages, Page { table: number, rows: page }) }
}

fn send(pages: &Sender<Page>, page: Page) -> Result<(), Fault> {
    let gone = |_| Fault::Lost(StoreError::Unavailable("nobody takes what is exported".into()));
    pages.blocking_send(page).map_err(gone)
}

fn read(row: &Row<'_>, table: &Table) -> Result<Vec<Cell>, Fault> {
    (0..table.columns.len())
        .map(|at| {
            Ok(match row.get_ref(at)? {
                ValueRef::Null => Cell::Null,
                ValueRef::Integer(number) => Cell::Int(number),
                ValueRef::Text(text) => Cell::Text(String::from_utf8_lossy(text).into_owned()),
                ValueRef::Blob(bytes) => Cell::Bytes(bytes.to_vec()),
                ValueRef::Real(_) => return Err(Fault::corrupt("a number with a fraction")),
            })
        })
        .collect()
}

/// Takes what an export sent. Blocks the calling thread.
pub(super) fn import(db: &Connection, pages: &mut Receiver<Page>) -> Result<u64, Fault> {
    for table in TABLES {
        let sql = format!("SELECT EXISTS (SELECT 1 FROM {})", table.name);
        if db.query_row(&sql, [], |row| row.get::<_, bool>(0))? {
            let text = format!("The store is not empty: there are rows in '{}'.", table.name);
            return Err(Fault::Lost(StoreError::Conflict(text)));
        }
    }
    let mut taken = 0;
    while let Some(page) = pages.blocking_recv() {
        if page.rows.is_empty() {
            return Ok(taken);
        }
        taken += page.rows.len() as u64;
        insert(db, &page)?;
    }
    Err(Fault::Lost(StoreError::Unavailable("what is imported has no end".into())))
}

fn insert(db: &Connection, page: &Page) -> Result<(), Fault> {
    let table = TABLES.get(page.table).ok_or_else(|| Fault::corrupt("the number of a table"))?;
    let places: Vec<String> = (1..=table.columns.len()).map(|at| format!("?{at}")).collect();
    let sql = format!(
        "INSERT INTO {} ({}) VALUES ({})",
        table.name,
        names(table.columns),
        places.join(", ")
    );
    let mut statement = db.prepare_cached(&sql)?;
    for row in &page.rows {
        if row.len() != table.columns.len() {
            return Err(Fault::corrupt("a row's number of columns"));
        }
        statement.execute(params_from_iter(row))?;
    }
    Ok(())
}

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Cell::Null => ValueRef::Null,
            Cell::Int(number) => ValueRef::Integer(*number),
            Cell::Text(text) => ValueRef::Text(text.as_bytes()),
            Cell::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn names(columns: &[Column]) -> String {
    let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
    names.join(", ")
}
