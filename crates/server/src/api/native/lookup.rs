//! Looking somebody up in the directory, on the native API.

use super::role::kind_name;
use super::{ApiError, ApiState, Authenticated, List, Params, page, page_rows};
use crate::app::directory::lookup::Found;
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

/// Whose name begins so.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct LookupQuery {
    /// The beginning of a name, letters as they may be.
    search: String,
    top: Option<usize>,
}

shape! {
    /// A user or a group that can be named to something.
    FoundPrincipalAnswer {
        id: String,
        kind: String,
        display_name: String,
        user_principal_name: Option<String>,
    }
}

fn render(found: &Found) -> Value {
    let mut value = json!({
        "id": found.id,
        "kind": kind_name(found.kind),
        "displayName": found.display_name,
    });
    if let Some(name) = &found.user_principal_name {
        value["userPrincipalName"] = json!(name);
    }
    value
}

/// Users, and then groups, of whom a name begins with a text: the first of them.
#[utoipa::path(
    get, path = "/principals",
    params(LookupQuery),
    responses((status = 200, body = List<FoundPrincipalAnswer>)),
)]
pub async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(query): Params<LookupQuery>,
) -> Result<Json<Value>, ApiError> {
    let rows = page_rows(query.top)?;
    let found = state.app.find_principals(&caller, &query.search, rows).await?;
    Ok(page(found.iter().map(render).collect(), None))
}
