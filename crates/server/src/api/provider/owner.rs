//! Who shares a flow.

use super::{Answered, Asked, done};
use crate::app::AppError;
use crate::app::access::{Act, FlowAt, Scope, id_to_guid};
use crate::app::facts::{PrincipalKind, Share};
use crate::app::owner::{Grant, OwnerRole, OwnerView, Which};
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
    let mut principal = json!({"id": owner.principal, "type": kind});
    if let Some(known) = &owner.known {
        principal["displayName"] = json!(known.display_name);
        principal["tenantId"] = json!(tenant);
        if let Some(name) = &known.user_principal_name {
            principal["userPrincipalName"] = json!(name);
            principal["email"] = json!(known.mail.as_ref().unwrap_or(name));
        }
    }
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
    let kind = match principal.kind.as_deref() {
        None => PrincipalKind::User,
        Some(kind) if kind.eq_ignore_ascii_case("User") => PrincipalKind::User,
        Some(kind) if kind.eq_ignore_ascii_case("Group") => PrincipalKind::Group,
        Some(kind) if kind.eq_ignore_ascii_case("ServicePrincipal") => {
            PrincipalKind::ServicePrincipal
        }
        Some(kind) => {
            let message = format!(
                "$.put[{at}].properties.principal.type is '{kind}', expected 'User', 'Group' or 'ServicePrincipal'."
            );
            return Err(AppError::invalid("InvalidPrincipalType", message));
        }
    };
    if principal.id.is_none() && principal.email.is_none() {
        let message = format!("$.put[{at}].properties.principal.id is missing.");
        return Err(AppError::invalid("PrincipalMissing", message));
    }
    Ok(Grant { principal: principal.id, name: principal.email, kind, share })
}

fn removed(at: usize, delete: Delete) -> Result<String, AppError> {
    let named = delete.properties.and_then(|properties| properties.principal.id);
    let id = delete.id.or(named).ok_or_else(|| {
        AppError::invalid("PrincipalMissing", format!("$.delete[{at}].id is missing."))
    })?;
    Ok(id.rsplit('/').next().unwrap_or_default().to_owned())
}
