//! Who shares a flow.

use super::field::missing;
use super::{Answered, Asked, done};
use crate::app::AppError;
use crate::app::access::{Act, FlowAt, Scope, id_to_guid};
use crate::app::facts::{PrincipalKind, Share};
use crate::app::owner::{Grant, OwnerRole, OwnerView, Which};
use crate::limits::SHARES_PER_REQUEST_MAX;
use axum::http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

pub async fn list(asked: &Asked, at: FlowAt<'_>, what: &str) -> Answered {
    asked.expect(&Method::GET)?;
    let (act, which) = match what {
        "users" => (Act::LIST_USERS, Which::Users),
        "owners" => (Act::LIST_OWNERS, Which::Owners),
        _ => (Act::LIST_OWNERS, Which::All),
    };
    let (found, owners) = asked.app.list_owners(&asked.caller, act, at, which).await?;
    let environment = found.environment.wire_name(&asked.app.tenant);
    let flow = id_to_guid(&found.entry.row.id);
    let id = format!("{}/flows/{flow}", super::environment::id(&environment));
    let tenant = &asked.app.tenant;
    Ok(asked.page(owners.iter().map(|owner| render(owner, &id, tenant)).collect(), None))
}

fn render(owner: &OwnerView, flow: &str, tenant: &str) -> Value {
    let role = match owner.role {
        OwnerRole::Owner => "Owner",
        OwnerRole::CanEdit => "CanEdit",
        OwnerRole::CanView => "CanView",
    };
    let kind = kind_name(owner.kind);
    let known = owner.known.as_ref();
    let name = known.and_then(|known| known.user_principal_name.as_ref());
    // what is not known is null
    let principal = json!({
        "id": owner.principal,
        "type": kind,
        "displayName": known.map(|known| &known.display_name),
        "email": known.and_then(|known| known.mail.as_ref()).or(name),
        "tenantId": known.map(|_| tenant),
        "userPrincipalName": name,
        "thumbnailPhoto": Value::Null,
    });
    json!({
        "name": owner.principal,
        "id": format!("{flow}/permissions/{}", owner.principal),
        "type": "/providers/Microsoft.ProcessSimple/environments/flows/permissions",
        "properties": {
            "roleName": role,
            "permissionType": "Principal",
            "principal": principal,
        },
    })
}

fn kind_name(kind: PrincipalKind) -> &'static str {
    match kind {
        PrincipalKind::User => "User",
        PrincipalKind::Group => "Group",
        PrincipalKind::ServicePrincipal => "ServicePrincipal",
    }
}

/// What clients send to change who shares a flow: they name what is to go in several ways.
#[derive(Deserialize, Default)]
struct Modification {
    #[serde(default)]
    put: Vec<Put>,
    #[serde(default)]
    delete: Vec<Delete>,
}

#[derive(Deserialize)]
struct Put {
    properties: PutProperties,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PutProperties {
    role_name: Option<String>,
    principal: Principal,
}

#[derive(Deserialize)]
struct Principal {
    id: Option<String>,
    email: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Delete {
    /// An object id, or the id of a permission, which ends in one.
    id: Option<String>,
    properties: Option<DeleteProperties>,
}

#[derive(Deserialize)]
struct DeleteProperties {
    principal: Principal,
}

pub async fn modify(asked: &Asked, at: FlowAt<'_>, what: &str) -> Answered {
    asked.expect(&Method::POST)?;
    let given: Modification = asked.json_or_nothing()?;
    let (act, default) = match what {
        "modifyusers" => (Act::MODIFY_USERS, Share::CanView),
        "modifyowners" => (Act::MODIFY_OWNERS, Share::CanEdit),
        _ => (Act::EDIT_PERMISSIONS, Share::CanEdit),
    };
    if given.put.len() + given.delete.len() > SHARES_PER_REQUEST_MAX {
        let message =
            format!("'put' and 'delete' name more than {SHARES_PER_REQUEST_MAX} together.");
        return Err(AppError::invalid("TooManyOwners", message));
    }
    // nobody may be made a run-only user, or a co-owner, by the other's operation
    let put: Result<Vec<Grant>, AppError> =
        given.put.into_iter().enumerate().map(|(at, put)| grant(at, put, what, default)).collect();
    let delete: Result<Vec<String>, AppError> =
        given.delete.into_iter().enumerate().map(|(at, delete)| removed(at, delete)).collect();
    let parts = (put?, delete?);
    if at.scope == Scope::Admin && act.admin.is_none() {
        return Err(asked.no_such_path());
    }
    asked.app.modify_owners(&asked.caller, act, at, parts).await?;
    done()
}

fn grant(at: usize, put: Put, what: &str, default: Share) -> Result<Grant, AppError> {
    let PutProperties { role_name, principal } = put.properties;
    let share = match role_name.as_deref() {
        None => default,
        Some(role) if role.eq_ignore_ascii_case("CanEdit") => Share::CanEdit,
        Some(role) if role.eq_ignore_ascii_case("Owner") => Share::CanEdit,
        Some(role) if role.eq_ignore_ascii_case("CanView") => Share::CanView,
        Some(role) => {
            let message = format!(
                "$.put[{at}].properties.roleName is '{role}', expected 'CanEdit' or 'CanView'."
            );
            return Err(AppError::invalid("InvalidRoleName", message));
        }
    };
    if what != "modifypermissions" && share != default {
        let message = format!("$.put[{at}].properties.roleName is not what '{what}' gives.");
        return Err(AppError::invalid("InvalidRoleName", message));
    }
    let place = format!("$.put[{at}].properties.principal");
    let kind = kind(principal.kind.as_deref(), &place)?;
    // the operations of the connector for makers require both, that for administrators none
    let is_strict = what != "modifypermissions";
    if principal.id.is_none() && (is_strict || principal.email.is_none()) {
        return Err(AppError::invalid("PrincipalMissing", format!("{place}.id is missing.")));
    }
    if kind.is_none() && is_strict {
        return Err(missing(&format!("{place}.type")));
    }
    let kind = kind.unwrap_or(PrincipalKind::User);
    Ok(Grant { principal: principal.id, name: principal.email, kind, share })
}

fn kind(given: Option<&str>, place: &str) -> Result<Option<PrincipalKind>, AppError> {
    let Some(given) = given else { return Ok(None) };
    let kinds = [PrincipalKind::User, PrincipalKind::Group, PrincipalKind::ServicePrincipal];
    let found = kinds.into_iter().find(|kind| kind_name(*kind).eq_ignore_ascii_case(given));
    found.map(Some).ok_or_else(|| {
        let message =
            format!("{place}.type is '{given}', expected 'User', 'Group' or 'ServicePrincipal'.");
        AppError::invalid("InvalidPrincipalType", message)
    })
}

/// Who is to go: by an id, or as the connector says it, with what they are.
fn removed(at: usize, delete: Delete) -> Result<String, AppError> {
    let id = match (delete.id, delete.properties) {
        (Some(id), _) => Some(id),
        (None, Some(DeleteProperties { principal })) => {
            let place = format!("$.delete[{at}].properties.principal");
            let kind = kind(principal.kind.as_deref(), &place)?;
            kind.ok_or_else(|| missing(&format!("{place}.type")))?;
            principal.id
        }
        (None, None) => None,
    };
    let id = id.ok_or_else(|| {
        AppError::invalid("PrincipalMissing", format!("$.delete[{at}].id is missing."))
    })?;
    Ok(id.rsplit('/').next().unwrap_or_default().to_owned())
}
