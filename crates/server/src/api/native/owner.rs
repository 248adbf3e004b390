//! Who has a part in a flow, on the native API. Parts are given and taken on the paths of the
//! original.

use super::{ApiError, ApiState, Authenticated, InEnvironment, List, Params, Path, at, page};
use crate::app::access::Act;
use crate::app::facts::PrincipalKind;
use crate::app::owner::{OwnerRole, OwnerView, Which};
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

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
        "kind": match owner.kind {
            PrincipalKind::User => "user",
            PrincipalKind::Group => "group",
            PrincipalKind::ServicePrincipal => "application",
        },
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
