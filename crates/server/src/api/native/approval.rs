//! Approvals on the native API.

use super::approval_view::{
    ApprovalAnswer, ApprovalDetailAnswer, PartyAnswer, render, render_detail, render_party,
};
use super::shape::Binary;
use super::{
    ApiError, ApiState, Authenticated, Body, List, MaybeBody, Params, Path, console, link, page,
    page_rows,
};
use crate::api::attachment;
use crate::api::language::Language;
use crate::app::AppError;
use crate::app::approval::{
    AnswerInput, ApprovalFilter, ApprovalInput, ApprovalRecord, ApprovalSide, ApprovalType, Asking,
    EvidenceView,
};
use crate::app::data::{Cursor, Listed};
use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use flow::run::format_time;
use governance::approval::Via;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::convert::Infallible;
use utoipa::{IntoParams, ToSchema};

/// Whose approvals.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
enum Side {
    #[default]
    Received,
    Sent,
}

/// Whether an answer is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
enum Standing {
    #[default]
    Open,
    Closed,
}

impl Standing {
    fn name(self) -> &'static str {
        match self {
            Standing::Open => "open",
            Standing::Closed => "closed",
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListQuery {
    /// What the caller is asked for, or what they asked for.
    #[serde(default)]
    #[param(inline)]
    side: Side,
    #[serde(default)]
    #[param(inline)]
    state: Standing,
    environment: Option<String>,
    /// What somebody is asked for whose deputy the caller is.
    #[serde(rename = "for")]
    person: Option<String>,
    top: Option<usize>,
    skip_token: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AllQuery {
    #[serde(default)]
    #[param(inline)]
    state: Standing,
    top: Option<usize>,
    skip_token: Option<String>,
}

/// What is asked for.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalBody {
    approval_type: ApprovalType,
    #[serde(flatten)]
    input: ApprovalInput,
    /// What is none of them.
    #[serde(flatten)]
    #[schema(ignore)]
    unknown: Map<String, Value>,
}

/// An answer: one of the options.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResponseBody {
    response: String,
    comments: Option<String>,
    /// For whom: somebody whose deputy the caller is.
    assignee: Option<String>,
}

/// Somebody else is to answer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReassignBody {
    /// Instead of whom; the caller when it is not said.
    from: Option<String>,
    to: String,
    comments: Option<String>,
}

/// Why it is taken back.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawBody {
    comments: Option<String>,
}

/// Who is to be erased: a user, an object id, or an address of mail.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EraseBody {
    person: String,
}

shape! {
    /// In how many approvals somebody was.
    ErasedAnswer { approvals: u64, }

    /// The history of an approval as a chain of hashes, and whether it is what was written.
    EvidenceAnswer {
        id: String,
        is_sound: bool,
        fault: Option<String>,
        asked: String,
        plan: String,
        entries: Vec<EvidenceEntryAnswer>,
        comments: Vec<EvidenceCommentAnswer>,
        people: Vec<PartyAnswer>,
    }

    /// Something that happened: the text that was hashed, and the hash of all up to it.
    EvidenceEntryAnswer { number: u64, time: String, ticks: i64, what: String, hash: String, }

    /// A comment, and the hash under which the history knows it. One that was erased has
    /// neither salt nor text.
    EvidenceCommentAnswer {
        commitment: String,
        by: String,
        salt: Option<String>,
        text: Option<String>,
    }
}

/// A page of approvals, whose next one has the same filters.
fn listed(
    (under, queries): (&[&str], &[(&str, &str)]),
    rows: usize,
    listed: &Listed<ApprovalRecord>,
) -> Json<Value> {
    let next = listed.next.as_ref().map(|next| {
        let (top, token) = (rows.to_string(), next.encode());
        let paging = [("top", top.as_str()), ("skipToken", token.as_str())];
        link(under, &[queries, &paging].concat())
    });
    page(listed.rows.iter().map(|row| render(row)).collect(), next)
}

/// The caller's approvals, newest first.
#[utoipa::path(
    get, path = "/approvals",
    params(ListQuery),
    responses((status = 200, body = List<ApprovalAnswer>)),
)]
pub async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(query): Params<ListQuery>,
) -> Result<Json<Value>, ApiError> {
    let after = query.skip_token.as_deref().map(Cursor::decode).transpose()?;
    let rows = page_rows(query.top)?;
    let (side, name) = match query.side {
        Side::Received => (ApprovalSide::Received, "received"),
        Side::Sent => (ApprovalSide::Sent, "sent"),
    };
    let filter = ApprovalFilter {
        side,
        is_open: query.state == Standing::Open,
        environment: query.environment.as_deref(),
        person: query.person.as_deref(),
    };
    let found = state.app.list_approvals(&caller, filter, (after, rows)).await?;
    let mut queries = vec![("side", name), ("state", query.state.name())];
    queries.extend(query.environment.as_deref().map(|it| ("environment", it)));
    queries.extend(query.person.as_deref().map(|it| ("for", it)));
    Ok(listed((&["approvals"], &queries), rows, &found))
}

/// All approvals of an environment, newest first, for administrators.
#[utoipa::path(
    get, path = "/environments/{environment}/approvals",
    params(AllQuery),
    responses((status = 200, body = List<ApprovalAnswer>)),
)]
pub async fn list_all(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(environment): Path<String>,
    Params(query): Params<AllQuery>,
) -> Result<Json<Value>, ApiError> {
    let after = query.skip_token.as_deref().map(Cursor::decode).transpose()?;
    let rows = page_rows(query.top)?;
    let is_open = query.state == Standing::Open;
    let found =
        state.app.list_approvals_as_admin(&caller, &environment, is_open, (after, rows)).await?;
    let under = ["environments", environment.as_str(), "approvals"];
    Ok(listed((&under, &[("state", query.state.name())]), rows, &found))
}

/// Asks for an approval.
#[utoipa::path(
    post, path = "/environments/{environment}/approvals",
    request_body = ApprovalBody,
    responses((status = 201, body = ApprovalDetailAnswer)),
)]
pub async fn create(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    language: Language,
    Path(environment): Path<String>,
    Body(body): Body<ApprovalBody>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let ApprovalBody { approval_type, input, unknown } = body;
    if let Some(name) = unknown.keys().next() {
        let message = format!("There is no member '{name}' of an approval.");
        return Err(ApiError(AppError::invalid("InvalidRequestContent", message)));
    }
    let asking = Asking::by_hand(approval_type, input);
    let made = state.app.create_approval(&caller, &environment, asking).await?;
    let view = state.app.get_approval(&caller, &made.id).await?;
    Ok((StatusCode::CREATED, Json(render_detail(&view, language))))
}

/// An approval with all that is known of it.
#[utoipa::path(
    get, path = "/approvals/{id}",
    responses((status = 200, body = ApprovalDetailAnswer)),
)]
pub async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    language: Language,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(render_detail(&state.app.get_approval(&caller, &id).await?, language)))
}

/// A file that came with an approval.
#[utoipa::path(
    get, path = "/approvals/{id}/attachments/{number}",
    responses((status = 200, body = Binary, content_type = "application/octet-stream")),
)]
pub async fn attachment(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path((id, number)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    // what is no number is none that an approval has
    let number = number.parse().unwrap_or(usize::MAX);
    let (name, bytes) = state.app.approval_attachment(&caller, &id, number).await?;
    Ok(attachment::to_keep(&name, bytes)?)
}

/// Which way an answer comes; whose it is says [`Authenticated`].
pub struct Way(Via);

impl FromRequestParts<ApiState> for Way {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &ApiState) -> Result<Self, Infallible> {
        Ok(Way(if console::is_asking(parts) { Via::Console } else { Via::Api }))
    }
}

/// Answers an approval.
#[utoipa::path(
    post, path = "/approvals/{id}/responses",
    request_body = ResponseBody,
    responses((status = 200, body = ApprovalDetailAnswer)),
)]
pub async fn respond(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    language: Language,
    Way(via): Way,
    Path(id): Path<String>,
    Body(body): Body<ResponseBody>,
) -> Result<Json<Value>, ApiError> {
    let ResponseBody { response: option, comments, assignee } = body;
    let input = AnswerInput { assignee, option, comments, via };
    state.app.answer_approval(&caller, &id, input).await?;
    Ok(Json(render_detail(&state.app.get_approval(&caller, &id).await?, language)))
}

/// Has somebody else answer.
#[utoipa::path(
    post, path = "/approvals/{id}/reassign",
    request_body = ReassignBody,
    responses((status = 200, body = ApprovalDetailAnswer)),
)]
pub async fn reassign(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    language: Language,
    Path(id): Path<String>,
    Body(body): Body<ReassignBody>,
) -> Result<Json<Value>, ApiError> {
    let whom = (body.from.as_deref(), body.to.as_str());
    state.app.reassign_approval(&caller, &id, whom, body.comments.as_deref()).await?;
    Ok(Json(render_detail(&state.app.get_approval(&caller, &id).await?, language)))
}

/// Takes an approval back.
#[utoipa::path(
    post, path = "/approvals/{id}/cancel",
    request_body(content = Option<WithdrawBody>),
    responses((status = 200, body = ApprovalDetailAnswer)),
)]
pub async fn cancel(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    language: Language,
    Path(id): Path<String>,
    MaybeBody(body): MaybeBody<WithdrawBody>,
) -> Result<Json<Value>, ApiError> {
    let comments = body.unwrap_or_default().comments;
    state.app.cancel_approval(&caller, &id, comments.as_deref()).await?;
    Ok(Json(render_detail(&state.app.get_approval(&caller, &id).await?, language)))
}

/// What shows how an approval was decided.
#[utoipa::path(
    get, path = "/approvals/{id}/evidence",
    responses((status = 200, body = EvidenceAnswer)),
)]
pub async fn evidence(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let view = state.app.approval_evidence(&caller, &id).await?;
    render_evidence(&view).map(Json).map_err(|error| ApiError(AppError::internal(error)))
}

fn render_evidence(
    EvidenceView { record, asked, fault }: &EvidenceView,
) -> serde_json::Result<Value> {
    let mut entries = Vec::new();
    for (number, entry) in record.state.history().iter().enumerate() {
        // the text that was hashed, as it was: objects of JSON have no order to rely on
        let what = serde_json::to_string(&entry.what)?;
        let (time, ticks) = (format_time(entry.time), entry.time);
        entries.push(json!({
            "number": number, "time": time, "ticks": ticks, "what": what, "hash": entry.hash,
        }));
    }
    let comments = record.state.comments().iter().map(|comment| {
        let mut value = json!({"commitment": comment.commitment, "by": comment.by});
        if let Some(content) = &comment.content {
            value["salt"] = content.salt.as_str().into();
            value["text"] = content.text.as_str().into();
        }
        value
    });
    let people = record.people.keys().map(|id| render_party(&record.people, id));
    let mut value = json!({
        "id": record.id,
        "isSound": fault.is_none(),
        "asked": asked,
        "plan": serde_json::to_string(record.state.plan())?,
        "entries": entries,
        "comments": comments.collect::<Vec<_>>(),
        "people": people.collect::<Vec<_>>(),
    });
    if let Some(fault) = fault {
        value["fault"] = fault.as_str().into();
    }
    Ok(value)
}

/// Erases what approvals know of somebody: name, addresses and comments. The history stays.
#[utoipa::path(
    post, path = "/approvals/erase",
    request_body = EraseBody,
    responses((status = 200, body = ErasedAnswer)),
)]
pub async fn erase(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Body(body): Body<EraseBody>,
) -> Result<Json<Value>, ApiError> {
    let approvals = state.app.erase_from_approvals(&caller, &body.person).await?;
    Ok(Json(json!({"approvals": approvals})))
}
