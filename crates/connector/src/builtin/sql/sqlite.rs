//! Runs statements on a SQLite file within the guarded folder.
//!
//! Invariant: a statement reaches the one file only: no other is attached or written, no
//! library is loaded, and what a file brings with it (views, triggers) is not trusted.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::{Value as SqlValue, ValueRef};
use rusqlite::{Connection, Error, ErrorCode, OpenFlags, Statement as Prepared};
use serde_json::{Map, Value as Json};

use super::super::file::{aside, real_path};
use super::super::limits::{FOREIGN_SENTENCE_CHARS, ROWS_BYTES_MAX, ROWS_MAX, STATEMENT_TIMEOUT};
use super::super::stop::Stop;
use super::named::Parameters;
use super::statement::{Bound, Column, Statement, Table};
use super::{Rows, too_large};

/// How long another's lock is waited for.
const BUSY: Duration = Duration::from_secs(5);

/// Steps of the machine between two looks at the clock: some milliseconds.
const STEPS: i32 = 10_000;

pub(super) struct Session {
    folder: PathBuf,
    path: String,
    within: Duration,
}

impl Session {
    pub(super) async fn open(
        folder: PathBuf,
        path: String,
        within: Duration,
    ) -> Result<Session, Stop> {
        let session = Session { folder, path, within: within.min(STATEMENT_TIMEOUT) };
        session.run(|_| Ok(())).await?;
        Ok(session)
    }

    /// Does something with a connection of its own, where it holds up nobody.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Stop> + Send + 'static,
    ) -> Result<T, Stop> {
        let (folder, path, within) = (self.folder.clone(), self.path.clone(), self.within);
        aside(move || work(&open(&folder, &path, within)?)).await
    }

    pub(super) async fn tables(&self) -> Result<Vec<String>, Stop> {
        self.run(|connection| {
            let text = "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') \
                        AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name LIMIT 5000";
            let mut prepared = connection.prepare(text).map_err(|error| fault(&error))?;
            let names = prepared.query_map([], |row| row.get(0)).map_err(|error| fault(&error))?;
            names.collect::<Result<_, _>>().map_err(|error| fault(&error))
        })
        .await
    }

    pub(super) async fn table(&self, parts: &[String]) -> Result<Option<Table>, Stop> {
        let name = match parts {
            [schema, name] if schema.eq_ignore_ascii_case("main") => name.clone(),
            [name] => name.clone(),
            _ => return Ok(None),
        };
        self.run(move |connection| {
            let text = "SELECT t.name, c.name, c.type, c.pk FROM sqlite_schema t \
                        JOIN pragma_table_info(t.name) c \
                        WHERE t.type IN ('table', 'view') AND t.name = ?1 COLLATE NOCASE \
                        ORDER BY c.pk = 0, c.pk, c.cid";
            let mut prepared = connection.prepare(text).map_err(|error| fault(&error))?;
            let mut rows = prepared.query([&name]).map_err(|error| fault(&error))?;
            let mut table: Option<Table> = None;
            while let Some(row) = rows.next().map_err(|error| fault(&error))? {
                let text = |at: usize| row.get::<_, String>(at).map_err(|error| fault(&error));
                let name = text(0)?;
                let table = table.get_or_insert(Table { schema: None, name, columns: vec![] });
                let is_key = row.get::<_, i64>(3).map_err(|error| fault(&error))? > 0;
                table.columns.push(Column { name: text(1)?, kind: text(2)?, is_key });
            }
            Ok(table)
        })
        .await
    }

    pub(super) async fn rows(&self, statement: Statement) -> Result<Rows, Stop> {
        self.run(move |connection| {
            let mut prepared =
                connection.prepare(&statement.text).map_err(|error| fault(&error))?;
            for (at, value) in statement.values.into_iter().enumerate() {
                let bound = prepared.raw_bind_parameter(at + 1, sql_value(value));
                bound.map_err(|error| fault(&error))?;
            }
            read(prepared)
        })
        .await
    }

    pub(super) async fn native(
        &self,
        query: String,
        parameters: Parameters,
    ) -> Result<Option<Rows>, Stop> {
        self.run(move |connection| {
            let mut prepared = connection.prepare(&query).map_err(|error| fault(&error))?;
            for (name, _, value) in parameters.0 {
                let place = prepared.parameter_index(&format!("@{name}"));
                if let Some(at) = place.map_err(|error| fault(&error))? {
                    let bound = prepared.raw_bind_parameter(at, sql_value(value));
                    bound.map_err(|error| fault(&error))?;
                }
            }
            if prepared.column_count() > 0 {
                return read(prepared).map(Some);
            }
            prepared.raw_execute().map_err(|error| fault(&error))?;
            Ok(None)
        })
        .await
    }
}

fn open(folder: &Path, path: &str, within: Duration) -> Result<Connection, Stop> {
    let path = real_path(folder, path)?;
    // Not made when it is not there, and not reached over a link put there meanwhile.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NOFOLLOW
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(|error| fault(&error))?;
    guard(&mut connection, within).map_err(|error| fault(&error))?;
    Ok(connection)
}

fn guard(connection: &mut Connection, within: Duration) -> Result<(), Error> {
    connection.busy_timeout(BUSY.min(within))?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, i32::try_from(ROWS_BYTES_MAX).unwrap_or(1))?;
    connection.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, 1_000_000)?;
    connection.set_limit(Limit::SQLITE_LIMIT_WORKER_THREADS, 0)?;
    let end = Instant::now() + within;
    connection.progress_handler(STEPS, Some(move || Instant::now() > end))?;
    connection.authorizer(Some(authorize))?;
    Ok(())
}

fn authorize(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Attach { .. } | AuthAction::Detach { .. } | AuthAction::Unknown { .. } => {
            Authorization::Deny
        }
        AuthAction::Pragma { pragma_name, .. } => {
            // What `pragma_table_info` asks; no other setting is a flow's business.
            if pragma_name.eq_ignore_ascii_case("table_info") {
                Authorization::Allow
            } else {
                Authorization::Deny
            }
        }
        AuthAction::Function { function_name } => {
            if function_name.eq_ignore_ascii_case("load_extension") {
                Authorization::Deny
            } else {
                Authorization::Allow
            }
        }
        _ => Authorization::Allow,
    }
}

fn sql_value(value: Bound) -> SqlValue {
    match value {
        Bound::Null => SqlValue::Null,
        Bound::Int(number) => SqlValue::Integer(number),
        Bound::Float(number) => SqlValue::Real(number),
        Bound::Flag(flag) => SqlValue::Integer(i64::from(flag)),
        Bound::Text(text) => SqlValue::Text(text),
    }
}

fn read(mut prepared: Prepared<'_>) -> Result<Rows, Stop> {
    let names: Vec<String> = prepared.column_names().map(str::to_owned).collect();
    let mut rows = prepared.raw_query();
    let (mut found, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next().map_err(|error| fault(&error))? {
        let mut item = Map::new();
        for (at, name) in names.iter().enumerate() {
            let value = row.get_ref(at).map_err(|error| fault(&error))?;
            item.insert(name.clone(), json(value));
        }
        let item = Json::Object(item).to_string();
        bytes += item.len();
        if bytes > ROWS_BYTES_MAX || found.len() as u64 >= ROWS_MAX {
            return Err(too_large());
        }
        found.push(item);
    }
    Ok(found)
}

fn json(value: ValueRef<'_>) -> Json {
    match value {
        ValueRef::Null => Json::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned().into(),
        ValueRef::Blob(bytes) => STANDARD.encode(bytes).into(),
    }
}

fn fault(error: &Error) -> Stop {
    let status = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => 503,
        Some(ErrorCode::OperationInterrupted) => 504,
        Some(ErrorCode::ConstraintViolation) => 409,
        Some(ErrorCode::AuthorizationForStatementDenied | ErrorCode::ReadOnly) => 403,
        Some(ErrorCode::CannotOpen) => 404,
        Some(ErrorCode::DiskFull) => 507,
        Some(ErrorCode::TooBig) => 413,
        Some(ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt) => 500,
        _ => 400,
    };
    let reason = match error {
        // Without the path, which is no business of a flow.
        Error::SqliteFailure(_, Some(message)) if status != 404 => message.clone(),
        Error::SqlInputError { msg, .. } => msg.clone(),
        Error::MultipleStatement => "there is more than one statement".to_owned(),
        _ if status == 404 => "there is no such file".to_owned(),
        _ => "the statement cannot be done".to_owned(),
    };
    let reason: String = reason.chars().take(FOREIGN_SENTENCE_CHARS).collect();
    Stop::Answer(status, format!("The database refuses: {reason}."))
}
