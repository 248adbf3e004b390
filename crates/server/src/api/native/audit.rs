//! The audit on the native API.

use super::run::time;
use super::{ApiError, ApiState, Authenticated, List, Params, link, page, page_rows};
use crate::app::AppError;
use crate::auth::caller::Caller;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flow::run::format_time;
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Value, json};
use store::{AuditFilter, AuditRow};
use utoipa::IntoParams;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuditQuery {
    actor: Option<String>,
    operation: Option<String>,
    target: Option<String>,
    from: Option<String>,
    to: Option<String>,
    top: Option<usize>,
    skip_token: Option<String>,
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

shape! {
    /// An entry of the audit.
    EntryAnswer {
        number: i64,
        time: String,
        actor: String,
        operation: String,
        target: String,
        detail: Value,
        hash: String,
    }

    /// Whether the audit is whole.
    AuditReportAnswer {
        entries: u64,
        whole: bool,
        last: Option<LastEntryAnswer>,
        first_fault: Option<AuditFaultAnswer>,
    }

    /// Where the audit ends.
    LastEntryAnswer { number: i64, hash: String, }

    /// Where the audit is broken.
    AuditFaultAnswer { number: i64, message: String, }
}

fn render(row: &AuditRow) -> Value {
    // what the server wrote is JSON; what somebody else wrote into the table may be anything
    let detail = serde_json::from_slice(&row.content)
        .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&row.content)));
    json!({
        "number": row.number,
        "time": format_time(row.time),
        "actor": row.actor,
        "operation": row.operation,
        "target": row.target,
        "detail": detail,
        "hash": hexadecimal(&row.hash),
    })
}

/// What was changed, by whom, newest first.
#[utoipa::path(
    get, path = "/audit",
    params(AuditQuery),
    responses((status = 200, body = List<EntryAnswer>)),
)]
pub async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(query): Params<AuditQuery>,
) -> Result<Json<Value>, ApiError> {
    let rows = page_rows(query.top)?;
    let before = match &query.skip_token {
        None => None,
        Some(token) => Some(token.parse().map_err(|_| {
            let message = "The skip token is not one that this server gave.";
            AppError::invalid("InvalidSkipToken", message)
        })?),
    };
    let filter = AuditFilter {
        actor: query.actor.clone(),
        operation: query.operation.clone(),
        target: query.target.clone(),
        from: time("from", query.from.as_deref())?,
        to: time("to", query.to.as_deref())?,
        before,
        rows_max: rows + 1,
    };
    let mut found = state.app.list_audit(&caller, filter).await?;
    let is_more = found.len() > rows;
    found.truncate(rows);
    let next = found.last().filter(|_| is_more).map(|last| {
        let (top, token) = (rows.to_string(), last.number.to_string());
        let given = [
            ("actor", query.actor.as_deref()),
            ("operation", query.operation.as_deref()),
            ("target", query.target.as_deref()),
            ("from", query.from.as_deref()),
            ("to", query.to.as_deref()),
            ("top", Some(top.as_str())),
            ("skipToken", Some(token.as_str())),
        ];
        let queries = given.into_iter().filter_map(|(name, value)| Some((name, value?)));
        link(&["audit"], &queries.collect::<Vec<_>>())
    });
    Ok(page(found.iter().map(render).collect(), next))
}

/// Entries as lines of JSON.
fn lines(rows: &[AuditRow]) -> Bytes {
    let mut text = String::new();
    for row in rows {
        text.push_str(&render(row).to_string());
        text.push('\n');
    }
    text.into()
}

/// Where an export is: what was read and has not left, then what is after it.
struct Export {
    state: ApiState,
    caller: Caller,
    ready: Vec<AuditRow>,
}

/// Everything in order, as lines of JSON. An export that fails on its way breaks off.
#[utoipa::path(
    get, path = "/audit/export",
    responses((status = 200, body = String, content_type = "application/x-ndjson")),
)]
pub async fn export(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
) -> Result<Response, ApiError> {
    let ready = state.app.export_audit(&caller, i64::MIN).await?;
    let export = Export { state, caller, ready };
    let pages = stream::try_unfold(export, |mut export| async move {
        let Some(last) = export.ready.last().map(|row| row.number) else { return Ok(None) };
        let leaving = lines(&export.ready);
        let more = export.state.app.export_audit(&export.caller, last).await;
        export.ready = more.map_err(|error| std::io::Error::other(error.message))?;
        Ok::<_, std::io::Error>(Some((leaving, export)))
    });
    let body = Body::from_stream(pages);
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], body).into_response())
}

/// Whether the audit is whole.
#[utoipa::path(post, path = "/audit/verify", responses((status = 200, body = AuditReportAnswer)))]
pub async fn verify(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
) -> Result<Json<Value>, ApiError> {
    let report = state.app.verify_audit(&caller).await?;
    let mut value = json!({"entries": report.entries, "whole": report.first_fault.is_none()});
    if let Some((number, hash)) = &report.last {
        value["last"] = json!({"number": number, "hash": hexadecimal(hash)});
    }
    if let Some((number, message)) = &report.first_fault {
        value["firstFault"] = json!({"number": number, "message": message});
    }
    Ok(Json(value))
}
