//! Who has a part in a flow, on the native API.

use super::role::kind_name;
use super::{ApiError, ApiState, Authenticated, Body, InEnvironment, List, Params, Path, at, page};
use crate::app::AppError;
use crate::app::access::Act;
use crate::app::facts::{PrincipalKind, Share};
use crate::app::owner::{Grant, OwnerRole, OwnerView, Which};
use crate::limits::SHARES_PER_REQUEST_MAX;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// Who is to have a part in a flow, and who none any more.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnersBody {
    #[serde(default)]
    put: Vec<PartBody>,
    /// Object ids.
    #[serde(default)]
    delete: Vec<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PartBody {
    /// Object id; of a user also the name to sign in with.
    principal: String,
    kind: PartKind,
    /// `CanEdit` or `CanView`.
    #[schema(value_type = String)]
    role: Share,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
enum PartKind {
    User,
    Group,
    Application,
}

impl PartBody {
    fn into_grant(self) -> Grant {
        let kind = match self.kind {
            PartKind::User => PrincipalKind::User,
            PartKind::Group => PrincipalKind::Group,
            PartKind::Application => PrincipalKind::ServicePrincipal,
        };
        Grant { principal: Some(self.principal), name: None, kind, share: self.role }
    }
}

shape! {
    /// Somebody with a part in a flow: Owner, CanEdit or CanView. Names are there when the
    /// directory knows them.
    OwnerAnswer {
        id: String,
        kind: String,
        role: String,
        display_name: Option<String>,
        user_principal_name: Option<String>,
        mail: Option<String>,
    }
}

fn render(owner: &OwnerView) -> Value {
    let mut value = json!({
        "id": owner.principal,
        "kind": kind_name(owner.kind),
        "role": match owner.role {
            OwnerRole::Owner => "Owner",
            OwnerRole::CanEdit => "CanEdit",
            OwnerRole::CanView => "CanView",
        },
    });
    if let Some(known) = &owner.known {
        value["displayName"] = known.display_name.as_str().into();
        for (member, text) in
            [("userPrincipalName", &known.user_principal_name), ("mail", &known.mail)]
        {
            if let Some(text) = text {
                value[member] = text.as_str().into();
            }
        }
    }
    value
}

/// Who has a part in a flow.
#[utoipa::path(
    get, path = "/flows/{name}/owners",
    params(InEnvironment),
    responses((status = 200, body = List<OwnerAnswer>)),
)]
pub async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(within): Params<InEnvironment>,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let flow = at(&within.environment, &name);
    let (_, owners) = state.app.list_owners(&caller, Act::LIST_OWNERS, flow, Which::All).await?;
    Ok(page(owners.iter().map(render).collect(), None))
}

/// Gives parts in a flow and takes them, all or none. Who made it keeps it; who takes their own
/// does not see the others any more.
#[utoipa::path(
    post, path = "/flows/{name}/owners",
    params(InEnvironment),
    request_body = OwnersBody,
    responses((status = 204)),
)]
pub async fn change(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(within): Params<InEnvironment>,
    Path(name): Path<String>,
    Body(body): Body<OwnersBody>,
) -> Result<StatusCode, ApiError> {
    let flow = at(&within.environment, &name);
    if body.put.len() + body.delete.len() > SHARES_PER_REQUEST_MAX {
        let message =
            format!("'put' and 'delete' name more than {SHARES_PER_REQUEST_MAX} together.");
        return Err(ApiError(AppError::invalid("TooManyOwners", message)));
    }
    let put = body.put.into_iter().map(PartBody::into_grant).collect();
    state.app.modify_owners(&caller, Act::EDIT_PERMISSIONS, flow, (put, body.delete)).await?;
    Ok(StatusCode::NO_CONTENT)
}
