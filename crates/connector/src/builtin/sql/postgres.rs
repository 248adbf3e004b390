//! Runs statements on PostgreSQL.
//!
//! The database writes each row as JSON itself, so that every kind of column comes as it
//! would write it.

use std::time::Duration;

use futures_util::{TryStreamExt as _, pin_mut};
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, Error, NoTls, types::ToSql};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::super::argument::Settings;
use super::super::bounded::Bounded;
use super::super::limits::{
    DATABASE_BYTES_MAX, DIAL_TIMEOUT, FOREIGN_SENTENCE_CHARS, ROWS_BYTES_MAX, ROWS_MAX,
    STATEMENT_TIMEOUT,
};
use super::super::reach::{Named, unreachable};
use super::super::stop::Stop;
use super::super::{Called, Context, HttpFailure};
use super::named::Parameters;
use super::plain;
use super::statement::{Bound, Column, Statement, Table, quoted};
use super::{Rows, too_large};

/// Tables that are listed for the designer.
const TABLES_MAX: i64 = 5_000;

pub(super) struct Session {
    client: Client,
    /// Ends with the session: what runs on is not waited for.
    connection: tokio::task::JoinHandle<()>,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl Session {
    pub(super) async fn open(context: &Context, called: Called<'_>) -> Result<Session, Stop> {
        let given = Settings(called.connection);
        let host = given.required("server")?;
        let port = given.port("port")?.unwrap_or(5432);
        let mut config = Config::new();
        config.dbname(given.required("database")?).user(given.required("username")?);
        if let Some(password) = given.text("password") {
            config.password(password);
        }
        config.application_name("sluicegate");
        let stream = context.reach.connect(&host, port, Named::ByConnection).await?;
        let peer = stream.peer_addr().map_err(|error| unreachable(&error.to_string()))?;
        let stream = Bounded::new(stream, peer, DATABASE_BYTES_MAX);
        let encryption = given.text("encryption").unwrap_or_else(|| "tls".to_owned());
        let opening = async {
            match encryption.to_ascii_lowercase().as_str() {
                "tls" => {
                    config.ssl_mode(SslMode::Require);
                    let mut make = MakeRustlsConnect::new(context.reach.tls_config());
                    let host = host.trim_matches(['[', ']']);
                    let tls = <MakeRustlsConnect as tokio_postgres::tls::MakeTlsConnect<
                        Bounded<tokio::net::TcpStream>,
                    >>::make_tls_connect(&mut make, host)
                    .map_err(|_| HttpFailure::Invalid("the server's name is none".to_owned()))?;
                    let (client, connection) =
                        config.connect_raw(stream, tls).await.map_err(|it| refused(&it))?;
                    Ok((client, tokio::spawn(async move { drop(connection.await) })))
                }
                "none" => {
                    config.ssl_mode(SslMode::Disable);
                    let (client, connection) =
                        config.connect_raw(stream, NoTls).await.map_err(|it| refused(&it))?;
                    Ok((client, tokio::spawn(async move { drop(connection.await) })))
                }
                other => Err(Stop::bad(format!(
                    "The connection's encryption is '{other}'; expected tls or none."
                ))),
            }
        };
        let opened = tokio::time::timeout(DIAL_TIMEOUT, opening).await;
        let (client, connection) =
            opened.map_err(|_| unreachable("the database does not answer in time"))??;
        let session = Session { client, connection };
        let within = called.timeout.min(STATEMENT_TIMEOUT).max(Duration::from_millis(1));
        let set = format!("SET statement_timeout = {}", within.as_millis());
        session.client.batch_execute(&set).await.map_err(|it| refused(&it))?;
        Ok(session)
    }

    pub(super) async fn tables(&self) -> Result<Vec<String>, Stop> {
        let found = self
            .client
            .query(
                "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c \
                 JOIN pg_namespace n ON n.oid = c.relnamespace \
                 WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') \
                 AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' \
                 ORDER BY 1 LIMIT $1",
                &[&TABLES_MAX],
            )
            .await
            .map_err(|error| fault(&error))?;
        found.iter().map(|row| row.try_get(0).map_err(|error| fault(&error))).collect()
    }

    pub(super) async fn table(&self, parts: &[String]) -> Result<Option<Table>, Stop> {
        let (schema, name) = split(parts);
        let found = self
            .client
            .query(
                // Kinds without their lengths: a cast to a length would cut what is longer.
                "SELECT n.nspname::text, c.relname::text, a.attname::text, \
                 format_type(a.atttypid, -1), coalesce(a.attnum = ANY(i.indkey), false) \
                 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                 JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
                 LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary \
                 WHERE c.relname = $1 AND c.relkind IN ('r', 'v', 'm', 'p', 'f') \
                 AND CASE WHEN $2::text IS NULL THEN pg_table_is_visible(c.oid) \
                 ELSE n.nspname = $2 END \
                 ORDER BY array_position(i.indkey::int2[], a.attnum) NULLS LAST, a.attnum",
                &[&name, &schema],
            )
            .await
            .map_err(|error| fault(&error))?;
        let mut table: Option<Table> = None;
        for row in &found {
            let text = |at: usize| row.try_get::<_, String>(at).map_err(|error| fault(&error));
            let (schema, name) = (text(0)?, text(1)?);
            let table = table.get_or_insert(Table { schema: Some(schema), name, columns: vec![] });
            let is_key = row.try_get(4).map_err(|error| fault(&error))?;
            table.columns.push(Column { name: text(2)?, kind: text(3)?, is_key });
        }
        Ok(table)
    }

    /// Runs a statement that gives rows.
    pub(super) async fn rows(&self, statement: Statement) -> Result<Rows, Stop> {
        let text = as_json(&statement.text);
        let values: Vec<Option<String>> = statement.values.into_iter().map(Bound::text).collect();
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|it| it as _).collect();
        let rows = self.client.query_raw(&text, values).await.map_err(|error| fault(&error))?;
        pin_mut!(rows);
        let (mut found, mut bytes) = (Vec::new(), 0);
        while let Some(row) = rows.try_next().await.map_err(|error| fault(&error))? {
            let row: String = row.try_get(0).map_err(|error| fault(&error))?;
            bytes += row.len();
            if bytes > ROWS_BYTES_MAX || found.len() as u64 >= ROWS_MAX {
                return Err(too_large());
            }
            found.push(row);
        }
        Ok(found)
    }

    /// Runs a flow's own statement; no rows at all is other than none.
    pub(super) async fn native(
        &self,
        query: &str,
        parameters: &Parameters,
    ) -> Result<Option<Rows>, Stop> {
        let mut statement = parameters.place(query);
        let end = statement.text.trim_end().trim_end_matches(';').len();
        statement.text.truncate(end);
        // One statement only, which the database sees to, and one that gives rows?
        let prepared = self.client.prepare(&statement.text).await.map_err(|it| fault(&it))?;
        let gives_rows = !prepared.columns().is_empty();
        if gives_rows && self.client.prepare(&as_json(&statement.text)).await.is_ok() {
            return self.rows(statement).await.map(Some);
        }
        let values: Vec<Option<String>> = statement.values.into_iter().map(Bound::text).collect();
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|it| it as _).collect();
        if gives_rows {
            // What cannot stand within another statement, such as SHOW.
            let rows = self.client.query_raw(&prepared, values).await;
            return plain::read(rows.map_err(|error| fault(&error))?).await.map(Some);
        }
        self.client.execute(&prepared, &values).await.map_err(|error| fault(&error))?;
        Ok(None)
    }

    /// Calls a function or a procedure by the names of its parameters.
    pub(super) async fn procedure(
        &self,
        parts: &[String],
        given: Vec<(String, Bound)>,
    ) -> Result<Option<Rows>, Stop> {
        let (schema, name) = split(parts);
        let found = self
            .client
            .query(
                "SELECT p.oid, n.nspname::text, p.proname::text, p.prokind = 'p', \
                 a.name, format_type(a.type, -1) \
                 FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace \
                 LEFT JOIN LATERAL unnest(p.proargnames, \
                 coalesce(p.proallargtypes, p.proargtypes::oid[]), p.proargmodes) \
                 AS a(name, type, mode) ON coalesce(a.mode, 'i') IN ('i', 'b') AND a.name <> '' \
                 WHERE p.proname = $1 AND p.prokind IN ('f', 'p') \
                 AND CASE WHEN $2::text IS NULL THEN pg_function_is_visible(p.oid) \
                 ELSE n.nspname = $2 END",
                &[&name, &schema],
            )
            .await
            .map_err(|error| fault(&error))?;
        let Some(first) = found.first() else {
            return Err(Stop::not_found(format!("There is no procedure '{name}'.")));
        };
        let read = |error: Error| fault(&error);
        let oid: u32 = first.try_get(0).map_err(read)?;
        if found.iter().any(|row| row.try_get::<_, u32>(0).ok() != Some(oid)) {
            return Err(Stop::bad(format!("There are several procedures '{name}'.")));
        }
        let (mut places, mut values) = (Vec::new(), Vec::new());
        for (wanted, value) in given {
            let row = found.iter().find(|row| {
                let name = row.try_get::<_, Option<String>>(4).ok().flatten();
                name.is_some_and(|name| name.eq_ignore_ascii_case(wanted.trim_start_matches('@')))
            });
            let Some(row) = row else {
                return Err(Stop::bad(format!("The procedure has no parameter '{wanted}'.")));
            };
            let (name, kind): (String, String) =
                (row.try_get(4).map_err(read)?, row.try_get(5).map_err(read)?);
            values.push(value);
            places.push(format!("{} => CAST(${}::text AS {kind})", quoted(&name), values.len()));
        }
        let (schema, name): (String, String) =
            (first.try_get(1).map_err(read)?, first.try_get(2).map_err(read)?);
        let call = format!("{}.{}({})", quoted(&schema), quoted(&name), places.join(", "));
        if first.try_get(3).map_err(read)? {
            let values: Vec<Option<String>> = values.into_iter().map(Bound::text).collect();
            let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|it| it as _).collect();
            let called = self.client.execute(&format!("CALL {call}"), &values).await;
            return called.map(|_| None).map_err(|error| fault(&error));
        }
        self.rows(Statement { text: format!("SELECT * FROM {call}"), values }).await.map(Some)
    }
}

/// A statement whose rows are JSON. They are cut by the database, so that none is larger than
/// what is taken of all.
fn as_json(text: &str) -> String {
    let most = ROWS_BYTES_MAX + 1;
    format!("WITH t AS ({text}\n) SELECT left(row_to_json(t)::text, {most}) FROM t")
}

fn split(parts: &[String]) -> (Option<&str>, &str) {
    match parts {
        [schema, name] => (Some(schema), name),
        [name, ..] => (None, name),
        [] => (None, ""),
    }
}

/// Why a connection was not made. The database's words could name what was sent.
fn refused(error: &Error) -> Stop {
    match error.as_db_error().map(|it| it.code().code()) {
        Some(code) if code.starts_with("28") => {
            let message = "The database does not accept the connection's user name and password.";
            Stop::Answer(401, message.to_owned())
        }
        Some("3D000") => Stop::not_found("The connection's database does not exist."),
        Some(_) => Stop::Answer(503, sentence(error)),
        None => {
            let reason = std::error::Error::source(error).map(ToString::to_string);
            unreachable(&reason.unwrap_or_else(|| error.to_string())).into()
        }
    }
}

/// Why a statement was not done.
pub(super) fn fault(error: &Error) -> Stop {
    let Some(code) = error.as_db_error().map(|it| it.code().code()) else {
        // It may have been done.
        return HttpFailure::Interrupted("the connection to the database broke".to_owned()).into();
    };
    let status = match (code, code.get(..2).unwrap_or_default()) {
        ("57014", _) => 504,
        ("40001" | "40P01" | "55P03", _) | (_, "53" | "57" | "58" | "08") => 503,
        ("23505", _) => 409,
        ("42501", _) => 403,
        (_, "XX") => 500,
        _ => 400,
    };
    Stop::Answer(status, sentence(error))
}

fn sentence(error: &Error) -> String {
    let message = error.as_db_error().map_or("no reason", |it| it.message());
    let message: String = message.chars().take(FOREIGN_SENTENCE_CHARS).collect();
    format!("The database refuses: {message}.")
}
