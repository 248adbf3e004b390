//! The SQL connector, for PostgreSQL and SQLite.
//!
//! `filter` reads OData filters, `statement` writes statements for tables, `named` finds
//! the parameters of a flow's own query, `postgres` and `sqlite` run what comes of it.
//!
//! Deliberately absent: pools (a call is a connection), transactions over several calls,
//! triggers, and stored procedures of SQLite, which has none.
//!
//! Invariant: a value of a flow is never part of a statement's text, and a name of a table
//! or column only after the database itself has given it, quoted.

mod filter;
mod named;
mod plain;
mod postgres;
mod sqlite;
mod statement;

use expr::Value;
use serde_json::json;

use super::argument::Settings;
use super::stop::{Outcome, Stop};
use super::{Answered, Arguments, Called, Context};
use statement::{Bound, Dialect, Query, Statement, Table};

/// Rows as JSON texts.
type Rows = Vec<String>;

/// A database that a call works with.
enum Database {
    Postgres(Box<postgres::Session>),
    Sqlite(sqlite::Session),
}

pub(super) async fn call(context: &Context, called: Called<'_>) -> Outcome {
    let given = Arguments(called.parameters);
    same_as_connection(given, called)?;
    let database = Database::open(context, called).await?;
    match called.operation {
        "TestConnection" => test(&database).await,
        "GetTables_V2" => tables(&database).await,
        "GetItems_V2" => list(&database, given).await,
        "GetItem_V2" => one(&database, given).await,
        "PostItem_V2" => insert(&database, given).await,
        "PatchItem_V2" => update(&database, given).await,
        "DeleteItem_V2" => delete(&database, given).await,
        "ExecuteProcedure_V2" => procedure(&database, given).await,
        _ => query(&database, given).await,
    }
}

/// Server and database stand in each call, and must be those of the connection.
fn same_as_connection(given: Arguments<'_>, called: Called<'_>) -> Result<(), Stop> {
    let connection = Settings(called.connection);
    for name in ["server", "database"] {
        let Some(wanted) = given.text(name)? else { continue };
        let own = connection.text(name).unwrap_or_default();
        if !wanted.eq_ignore_ascii_case("default") && !wanted.eq_ignore_ascii_case(&own) {
            return Err(Stop::Answer(
                403,
                format!("The {name} '{wanted}' is not that of the connection; 'default' is."),
            ));
        }
    }
    Ok(())
}

impl Database {
    async fn open(context: &Context, called: Called<'_>) -> Result<Database, Stop> {
        let given = Settings(called.connection);
        let engine = given.text("engine").unwrap_or_else(|| "postgresql".to_owned());
        match engine.to_ascii_lowercase().as_str() {
            "postgresql" => {
                let session = postgres::Session::open(context, called).await?;
                Ok(Database::Postgres(Box::new(session)))
            }
            "sqlite" => {
                let Some(folder) = context.folder.clone() else {
                    return Err(Stop::bad("The administrator has given no folder for files."));
                };
                let path = given.required("database")?;
                Ok(Database::Sqlite(sqlite::Session::open(folder, path, called.timeout).await?))
            }
            other => Err(Stop::bad(format!(
                "The connection's engine is '{other}'; expected postgresql or sqlite."
            ))),
        }
    }

    fn dialect(&self) -> Dialect {
        match self {
            Database::Postgres(_) => Dialect::Postgres,
            Database::Sqlite(_) => Dialect::Sqlite,
        }
    }

    async fn table(&self, name: &str) -> Result<Table, Stop> {
        let parts = statement::name_parts(name)?;
        let found = match self {
            Database::Postgres(session) => session.table(&parts).await?,
            Database::Sqlite(session) => session.table(&parts).await?,
        };
        found.ok_or_else(|| Stop::not_found(format!("There is no table '{name}'.")))
    }

    async fn rows(&self, statement: Statement) -> Result<Rows, Stop> {
        match self {
            Database::Postgres(session) => session.rows(statement).await,
            Database::Sqlite(session) => session.rows(statement).await,
        }
    }
}

async fn test(database: &Database) -> Outcome {
    let parameters = named::Parameters(Vec::new());
    let query = "select 1 as answer";
    match database {
        Database::Postgres(session) => session.native(query, &parameters).await?,
        Database::Sqlite(session) => session.native(query.to_owned(), parameters).await?,
    };
    Ok(Answered::empty(200))
}

async fn tables(database: &Database) -> Outcome {
    let names = match database {
        Database::Postgres(session) => session.tables().await?,
        Database::Sqlite(session) => session.tables().await?,
    };
    let each = names.into_iter().map(|name| json!({ "Name": name, "DisplayName": name }));
    Ok(Answered::json(200, json!({ "value": each.collect::<Vec<_>>() })))
}

async fn list(database: &Database, given: Arguments<'_>) -> Outcome {
    let table = database.table(&given.required("table")?).await?;
    let query = Query::read(given)?;
    let rows = database.rows(table.select(database.dialect(), &query)?).await?;
    answer_list(&rows)
}

async fn one(database: &Database, given: Arguments<'_>) -> Outcome {
    let table = database.table(&given.required("table")?).await?;
    let id = given.required("id")?;
    let rows = database.rows(table.select_one(database.dialect(), &id)?).await?;
    answer_one(&rows, &id)
}

async fn insert(database: &Database, given: Arguments<'_>) -> Outcome {
    let table = database.table(&given.required("table")?).await?;
    let item = given.object("item")?;
    let rows = database.rows(table.insert(database.dialect(), item.0)?).await?;
    answer_one(&rows, "")
}

async fn update(database: &Database, given: Arguments<'_>) -> Outcome {
    let table = database.table(&given.required("table")?).await?;
    let (id, item) = (given.required("id")?, given.object("item")?);
    let rows = database.rows(table.update(database.dialect(), &id, item.0)?).await?;
    answer_one(&rows, &id)
}

async fn delete(database: &Database, given: Arguments<'_>) -> Outcome {
    let table = database.table(&given.required("table")?).await?;
    let id = given.required("id")?;
    let rows = database.rows(table.delete(database.dialect(), &id)?).await?;
    if rows.is_empty() {
        return Err(Stop::not_found(format!("There is no row '{id}'.")));
    }
    Ok(Answered::empty(200))
}

/// `ExecutePassThroughNativeQuery_V2`
async fn query(database: &Database, given: Arguments<'_>) -> Outcome {
    let query = given.object("query")?;
    let text = query.required("query")?;
    let parameters = named::Parameters::read(query)?;
    let rows = match database {
        Database::Postgres(session) => session.native(&text, &parameters).await?,
        Database::Sqlite(session) => session.native(text, parameters).await?,
    };
    result_sets(rows.as_deref(), None)
}

async fn procedure(database: &Database, given: Arguments<'_>) -> Outcome {
    let name = given.required("procedure")?;
    let Database::Postgres(session) = database else {
        return Err(Stop::bad("SQLite has no stored procedures."));
    };
    let parameters = match given.get("parameters") {
        Some(_) => {
            let each = given.object("parameters")?.0.iter();
            each.map(|(name, value)| (name.to_string(), Bound::of(value))).collect()
        }
        None => Vec::new(),
    };
    let rows = session.procedure(&statement::name_parts(&name)?, parameters).await?;
    result_sets(rows.as_deref(), Some(0))
}

fn result_sets(rows: Option<&[String]>, code: Option<i64>) -> Outcome {
    let mut sets = expr::Object::new();
    if let Some(rows) = rows {
        sets.insert("Table1", rows_value(rows)?);
    }
    let mut body = expr::Object::new();
    body.insert("ResultSets", sets);
    body.insert("OutputParameters", expr::Object::new());
    if let Some(code) = code {
        body.insert("ReturnCode", code);
    }
    Ok(answered(body.into()))
}

fn answer_list(rows: &[String]) -> Outcome {
    let mut body = expr::Object::new();
    body.insert("value", rows_value(rows)?);
    Ok(answered(body.into()))
}

fn answer_one(rows: &[String], id: &str) -> Outcome {
    match rows {
        [] => Err(Stop::not_found(format!("There is no row '{id}'."))),
        [row, ..] => Ok(answered(row_value(row)?)),
    }
}

fn answered(body: Value) -> Answered {
    Answered { status: 200, headers: super::json_headers(), body }
}

fn rows_value(rows: &[String]) -> Result<Value, Stop> {
    rows.iter().map(|row| row_value(row)).collect::<Result<Vec<_>, _>>().map(Value::array)
}

fn row_value(row: &str) -> Result<Value, Stop> {
    expr::json::parse(row.as_bytes())
        .map_err(|_| Stop::Answer(502, "A row cannot be read.".to_owned()))
}

/// More than one answer holds.
fn too_large() -> Stop {
    Stop::Answer(
        413,
        format!(
            "The answer has more than {} rows or {} bytes; ask for less.",
            super::limits::ROWS_MAX,
            super::limits::ROWS_BYTES_MAX
        ),
    )
}
