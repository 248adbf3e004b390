//! Approvals, as cmdlets for them ask: what somebody is asked for, what they asked for, an
//! answer, and the end of somebody's approvals.

use super::{Answered, Asked, done};
use crate::app::approval::{
    AnswerInput, ApprovalFilter, ApprovalRecord, ApprovalSide, ApprovalView,
};
use crate::app::data::{Cursor, Listed};
use crate::app::environment::forbidden;
use crate::app::{AppError, ErrorKind};
use axum::Json;
use axum::http::{Method, StatusCode};
use axum::response::IntoResponse;
use flow::run::format_time;
use governance::approval::{Task, TaskState, Via};
use serde::Deserialize;
use serde_json::{Value, json};

const KIND: &str = "/providers/Microsoft.ProcessSimple/environments/approvals";

/// `E/approvalRequests`: what the caller is asked for.
pub async fn requests(asked: &Asked) -> Answered {
    asked.expect(&Method::GET)?;
    let [assignee] = filter(asked, ["properties/assignedTo/id"])?;
    let is_whole = expands(asked, "properties/approval")?;
    // somebody else's are shown to their deputies
    let person = Some(assignee.as_str()).filter(|it| *it != asked.caller.id());
    let listed = list(asked, ApprovalSide::Received, person).await?;
    let mut value = Vec::new();
    for record in &listed.rows {
        let tasks = record.state.tasks().iter().enumerate();
        let is_theirs =
            |(_, task): &(usize, &Task)| task.assignee == assignee && task.state == TaskState::Open;
        for (place, task) in tasks.filter(is_theirs) {
            value.push(render_request(asked, record, (place, task), is_whole));
        }
    }
    Ok(asked.page(value, listed.next.map(|it| it.encode()).as_deref()))
}

/// `E/approvals`: what the caller asked for, and nobody has decided.
pub async fn approvals(asked: &Asked) -> Answered {
    asked.expect(&Method::GET)?;
    let [owner, status] = filter(asked, ["properties/owner/id", "properties/status"])?;
    let with_summary = expands(asked, "properties/requestSummary")?;
    if !status.eq_ignore_ascii_case("Pending") {
        let message = format!("'properties/status' is '{status}', expected 'Pending'.");
        return Err(AppError::invalid("InvalidFilter", message));
    }
    if owner != asked.caller.id() {
        return Err(forbidden("Approvals are listed to who asked for them."));
    }
    let listed = list(asked, ApprovalSide::Sent, None).await?;
    let value = listed.rows.iter().map(|record| {
        let mut value = render(asked, record);
        if with_summary {
            let approvers = record.state.open_tasks();
            let approvers = approvers.map(|task| person(asked, record, &task.assignee));
            let summary = json!({"approvers": approvers.collect::<Vec<_>>()});
            value["properties"]["requestSummary"] = summary;
        }
        value
    });
    Ok(asked.page(value.collect(), listed.next.as_ref().map(Cursor::encode).as_deref()))
}

async fn list(
    asked: &Asked,
    side: ApprovalSide,
    person: Option<&str>,
) -> Result<Listed<ApprovalRecord>, AppError> {
    let after = asked.query("$skiptoken").map(Cursor::decode).transpose()?;
    let environment = Some(asked.environment_segment());
    let filter = ApprovalFilter { side, is_open: true, environment, person };
    asked.app.list_approvals(&asked.caller, filter, (after, asked.page_rows()?)).await
}

#[derive(Deserialize)]
struct Given {
    /// The request that is answered.
    name: Option<String>,
    properties: GivenProperties,
}

#[derive(Deserialize)]
struct GivenProperties {
    response: String,
    comments: Option<String>,
}

/// `E/approvals/{approval}/approvalResponses`: an answer.
pub async fn respond(asked: &Asked) -> Answered {
    asked.expect(&Method::POST)?;
    let id = asked.last_segment(1);
    let within = asked.environment_segment();
    let view = asked.app.get_approval_within(&asked.caller, within, id).await?;
    let ApprovalView { record, .. } = &view;
    let Given { name, properties } = asked.json()?;
    let GivenProperties { response: option, comments } = properties;
    let input = AnswerInput { assignee: None, option, comments, via: Via::Api };
    let answered = match &name {
        // the request that is named, and no later one of the same person
        Some(name) => {
            let task = task_of(record, name)?;
            asked.app.answer_approval_task(&asked.caller, id, task, input).await?
        }
        None => asked.app.answer_approval(&asked.caller, id, input).await?,
    };
    let tasks = answered.state.tasks().iter().enumerate();
    let newest = tasks.filter_map(|(place, task)| match &task.state {
        TaskState::Answered { option, by, time, order, comment } if by == asked.caller.id() => {
            Some((*order, place, option, *time, comment))
        }
        _ => None,
    });
    let Some((_, place, option, time, comment)) = newest.max_by_key(|it| it.0) else {
        return Err(AppError::internal("an answer that was just taken is gone"));
    };
    let name = answered.request_name(place);
    let comments = comment.as_ref().and_then(|it| answered.state.comment(it));
    let body = json!({
        "name": name,
        "id": format!("{}/approvalResponses/{name}", path(asked, id)),
        "type": format!("{KIND}/approvalResponses"),
        "properties": {
            "stage": answered.approval_type,
            "status": "Committed",
            "creationDate": format_time(time),
            "owner": {
                "id": asked.caller.id(), "type": "NotSpecified", "tenantId": &*asked.app.tenant,
            },
            "response": option,
            "comments": comments.unwrap_or_default(),
        },
    });
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

/// The task that a request is.
fn task_of(record: &ApprovalRecord, name: &str) -> Result<usize, AppError> {
    let mut places = 0..record.state.tasks().len();
    let found = places.find(|place| record.request_name(*place).eq_ignore_ascii_case(name));
    found.ok_or_else(|| {
        let message = format!("The approval '{}' has no request '{name}'.", record.id);
        AppError::new(ErrorKind::NotFound, "ApprovalRequestNotFound", message)
    })
}

/// `A/users/{user}/approvals`: somebody's open approvals end.
pub async fn remove(asked: &Asked) -> Answered {
    asked.expect(&Method::DELETE)?;
    let (environment, user) = (asked.environment_segment(), asked.last_segment(1));
    asked.app.remove_user_approvals(&asked.caller, environment, user).await?;
    done()
}

/// The values of a `$filter` that asks for these members to be equal to something, all of them
/// and no other.
fn filter<const N: usize>(asked: &Asked, names: [&str; N]) -> Result<[String; N], AppError> {
    let text = asked.query("$filter").unwrap_or_default();
    let invalid = || {
        let expected = names.map(|name| format!("{name} eq 'VALUE'")).join(" and ");
        let message = format!("'$filter' is '{text}', expected \"{expected}\".");
        AppError::invalid("InvalidFilter", message)
    };
    let mut values = names.map(|_| None);
    let (lower, mut from) = (text.to_lowercase(), 0);
    for part in lower.split(" and ") {
        let given = text.get(from..from + part.len()).ok_or_else(invalid)?;
        from += part.len() + " and ".len();
        let words: Vec<&str> = given.split_whitespace().collect();
        let [name, operator, value] = words.as_slice() else { return Err(invalid()) };
        let place = names.iter().position(|it| it.eq_ignore_ascii_case(name));
        let value = value.strip_prefix('\'').and_then(|it| it.strip_suffix('\''));
        let (Some(place), Some(value), true) = (place, value, operator.eq_ignore_ascii_case("eq"))
        else {
            return Err(invalid());
        };
        if let Some(slot) = values.get_mut(place) {
            *slot = Some(value.to_owned());
        }
    }
    match values.iter().all(Option::is_some) {
        true => Ok(values.map(Option::unwrap_or_default)),
        false => Err(invalid()),
    }
}

/// Whether `$expand` asks for the one member that can be.
fn expands(asked: &Asked, name: &str) -> Result<bool, AppError> {
    match asked.query("$expand") {
        None => Ok(false),
        Some(given) if given.eq_ignore_ascii_case(name) => Ok(true),
        Some(given) => {
            let message = format!("'$expand' is '{given}', expected '{name}'.");
            Err(AppError::invalid("InvalidQuery", message))
        }
    }
}

fn path(asked: &Asked, id: &str) -> String {
    let environment = asked.environment_segment();
    format!("/providers/Microsoft.ProcessSimple/environments/{environment}/approvals/{id}")
}

fn render(asked: &Asked, record: &ApprovalRecord) -> Value {
    let owner = record.requestor.as_ref().or(record.creator.as_ref());
    json!({
        "name": record.id,
        "id": path(asked, &record.id),
        "type": KIND,
        "properties": {
            "title": record.title,
            "details": record.details.as_deref().unwrap_or_default(),
            "status": "Pending",
            "stage": record.approval_type,
            "creationDate": format_time(record.created),
            "owner": owner.map(|id| person(asked, record, id)).unwrap_or_default(),
        },
    })
}

fn render_request(
    asked: &Asked,
    record: &ApprovalRecord,
    (place, task): (usize, &Task),
    is_whole: bool,
) -> Value {
    let name = record.request_name(place);
    let mut approval = render(asked, record);
    if !is_whole && let Some(members) = approval.as_object_mut() {
        members.remove("properties");
    }
    json!({
        "name": name,
        "id": format!("{}/approvalRequests/{name}", path(asked, &record.id)),
        "type": format!("{KIND}/approvalRequests"),
        "properties": {
            "status": "Pending",
            "creationDate": format_time(task.asked),
            "assignedTo": person(asked, record, &task.assignee),
            "approval": approval,
        },
    })
}

fn person(asked: &Asked, record: &ApprovalRecord, id: &str) -> Value {
    let party = record.party(id);
    json!({
        "id": id,
        "type": "User",
        "tenantId": &*asked.app.tenant,
        "displayName": party.display_name,
        "email": party.address().unwrap_or_default(),
        "userPrincipalName": party.user_principal_name,
    })
}
