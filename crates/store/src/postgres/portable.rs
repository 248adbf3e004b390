//! Giving and taking everything that is stored.

use super::address::{Address, Db};
use super::column::process_id_of;
use super::fault::Fault;
use crate::StoreError;
use crate::limits::{PAGE_ROW_BYTES, PAGE_ROWS};
use crate::portable::{Cell, Column, Kind, Page, TABLES, Table};
use futures_util::stream::TryStreamExt;
use std::pin::pin;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, Sender};
use tokio_postgres::Row;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};

/// It takes as long as it takes, and waits for who takes the pages. Large tables are read
/// whole.
const PATIENT: &str = "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0;
    SET enable_seqscan = on";

/// Sends all tables, as of one moment.
pub(super) async fn export(address: &Address, pages: &Sender<Page>) -> Result<(), Fault> {
    let db = address.connect(&Handle::current()).await?;
    db.batch_execute(PATIENT).await?;
    db.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    for (number, table) in TABLES.iter().enumerate() {
        export_table(&db, number, table, pages).await?;
    }
    send(pages, Page::END).await?;
    db.batch_execute("COMMIT").await?;
    Ok(())
}

async fn export_table(
    db: &Db,
    number: usize,
    table: &Table,
    pages: &Sender<Page>,
) -> Result<(), Fault> {
    let partition = if partitioned(table) { "partition, " } else { "" };
    let sql = format!(
        "SELECT {} FROM {} ORDER BY {partition}{}",
        names(table.columns),
        table.name,
        names(&table.columns[..table.key])
    );
    let no_values: [&(dyn ToSql + Sync); 0] = [];
    let mut rows = pin!(db.query_raw(&sql, no_values).await?);
    let mut page = Vec::with_capacity(PAGE_ROWS);
    let mut bytes = 0;
    while let Some(row) = rows.try_next().await? {
        let row = read(&row, table)?;
        bytes += row.iter().map(Cell::bytes).sum::<usize>();
        page.push(row);
        if page.len() == PAGE_ROWS || bytes >= PAGE_ROW_BYTES {
            send(pages, Page { table: number, rows: std::mem::take(&mut page) }).await?;
            bytes = 0;
        }
    }
    if page.is_empty() { Ok(()) } else { send(pages, Page { table: number, rows: page }).await }
}

async fn send(pages: &Sender<Page>, page: Page) -> Result<(), Fault> {
    pages.send(page).await.map_err(|_| Fault::gone("nobody takes what is exported"))
}

fn read(row: &Row, table: &Table) -> Result<Vec<Cell>, Fault> {
    let cell = |(at, column): (usize, &Column)| {
        let cell = match column.kind {
            Kind::Int if *row.columns()[at].type_() == Type::INT2 => {
                row.try_get::<_, Option<i16>>(at)?.map(|number| Cell::Int(number.into()))
            }
            Kind::Int => row.try_get::<_, Option<i64>>(at)?.map(Cell::Int),
            Kind::Text => row.try_get::<_, Option<String>>(at)?.map(Cell::Text),
            Kind::Bytes | Kind::Owner => row.try_get::<_, Option<Vec<u8>>>(at)?.map(Cell::Bytes),
        };
        Ok(cell.unwrap_or(Cell::Null))
    };
    table.columns.iter().enumerate().map(cell).collect()
}

/// Takes what an export sent.
pub(super) async fn import(address: &Address, pages: &mut Receiver<Page>) -> Result<u64, Fault> {
    let db = address.connect(&Handle::current()).await?;
    db.batch_execute(PATIENT).await?;
    db.batch_execute("BEGIN").await?;
    for table in TABLES {
        let sql = format!("SELECT EXISTS (SELECT 1 FROM {})", table.name);
        if db.query_one(&sql, &[]).await?.try_get(0)? {
            let text = format!("The store is not empty: there are rows in '{}'.", table.name);
            return Err(StoreError::Conflict(text).into());
        }
    }
    let mut taken = 0;
    let mut next = pages.recv().await;
    while let Some(page) = next.take() {
        if page.rows.is_empty() {
            count_on(&db).await?;
            return match db.batch_execute("COMMIT").await.map_err(Fault::from) {
                Err(fault) if fault.is_gone() => {
                    let text = StoreError::from(fault).to_string();
                    Err(Fault::Refused(StoreError::Unknown(text)))
                }
                done => done.map(|()| taken),
            };
        }
        let table = TABLES.get(page.table);
        let table = table.ok_or_else(|| Fault::corrupt("the number of a table"))?;
        let mut copying = Copying::start(&db, table).await?;
        let number = page.table;
        let mut current = Some(page);
        while let Some(page) = current.take() {
            copying.write(&page).await?;
            taken += page.rows.len() as u64;
            match pages.recv().await {
                Some(page) if page.table == number && !page.rows.is_empty() => current = Some(page),
                other => next = other,
            }
        }
        copying.finish().await?;
    }
    Err(Fault::gone("what is imported has no end"))
}

/// Rows on their way into a table.
struct Copying {
    table: &'static Table,
    types: Vec<Type>,
    writer: std::pin::Pin<Box<BinaryCopyInWriter>>,
}

impl Copying {
    async fn start(db: &Db, table: &'static Table) -> Result<Self, Fault> {
        let mut columns = names(table.columns);
        if partitioned(table) {
            columns.push_str(", partition");
        }
        let asked = db.prepare(&format!("SELECT {columns} FROM {}", table.name)).await?;
        let types: Vec<Type> = asked.columns().iter().map(|it| it.type_().clone()).collect();
        let sql = format!("COPY {} ({columns}) FROM STDIN BINARY", table.name);
        let sink = db.copy_in(&sql).await?;
        let writer = Box::pin(BinaryCopyInWriter::new(sink, &types));
        Ok(Copying { table, types, writer })
    }

    async fn write(&mut self, page: &Page) -> Result<(), Fault> {
        for row in &page.rows {
            if row.len() != self.table.columns.len() {
                return Err(Fault::corrupt("a row's number of columns"));
            }
            let mut values = Vec::with_capacity(row.len() + 1);
            let mut partition = None;
            for ((cell, column), ty) in row.iter().zip(self.table.columns).zip(&self.types) {
                values.push(value(cell, ty)?);
                if let (Cell::Bytes(id), Kind::Owner) = (cell, column.kind) {
                    partition = Some(super::column::partition(&process_id_of(id)?));
                }
            }
            if let Some(partition) = partition.filter(|_| partitioned(self.table)) {
                values.push(Box::new(partition));
            }
            let refs: Vec<&(dyn ToSql + Sync)> =
                values.iter().map(|value| &**value as &(dyn ToSql + Sync)).collect();
            self.writer.as_mut().write(&refs).await?;
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<(), Fault> {
        self.writer.as_mut().finish().await?;
        Ok(())
    }
}

fn value<'a>(cell: &'a Cell, ty: &Type) -> Result<super::column::Value<'a>, Fault> {
    Ok(match cell {
        Cell::Int(number) if *ty == Type::INT2 => {
            let small = i16::try_from(*number);
            Box::new(small.map_err(|_| Fault::corrupt("a small number"))?)
        }
        Cell::Int(number) if *ty == Type::INT8 => Box::new(*number),
        Cell::Text(text) if *ty == Type::TEXT => Box::new(super::column::text(text)),
        Cell::Bytes(bytes) if *ty == Type::BYTEA => Box::new(bytes.as_slice()),
        Cell::Null => Box::new(Nothing),
        Cell::Int(_) | Cell::Text(_) | Cell::Bytes(_) => {
            return Err(Fault::corrupt("the kind of a column"));
        }
    })
}

/// No value, of any type.
#[derive(Debug)]
struct Nothing;

impl ToSql for Nothing {
    fn to_sql(
        &self,
        _: &Type,
        _: &mut tokio_postgres::types::private::BytesMut,
    ) -> Result<tokio_postgres::types::IsNull, Box<dyn std::error::Error + Sync + Send>> {
        Ok(tokio_postgres::types::IsNull::Yes)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    tokio_postgres::types::to_sql_checked!();
}

/// Columns that are counted up go on after the greatest that was taken.
async fn count_on(db: &Db) -> Result<(), Fault> {
    for table in TABLES {
        if !table.is_counted {
            continue;
        }
        let column = table.columns[0].name;
        let greatest = format!("SELECT coalesce(max({column}), 0) FROM {}", table.name);
        let greatest: i64 = db.query_one(&greatest, &[]).await?.try_get(0)?;
        let next = greatest.saturating_add(1).max(1);
        let sql = format!("ALTER TABLE {} ALTER COLUMN {column} RESTART WITH {next}", table.name);
        db.batch_execute(&sql).await?;
    }
    Ok(())
}

/// Whether rows are kept apart by partition: which process owns them is part of their key.
fn partitioned(table: &Table) -> bool {
    let owned = table.columns.iter().any(|column| column.kind == Kind::Owner);
    owned && table.name != "run"
}

fn names(columns: &[Column]) -> String {
    let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
    names.join(", ")
}
