//! What is the caller's own, on the native API: environments that they take part in, and flows.

use super::environment::{EnvironmentAnswer, render as render_environment};
use super::flow::{FlowAnswer, render_item};
use super::{
    ApiError, ApiState, Authenticated, List, Params, default_environment, link, page, page_rows,
};
use crate::app::data::Cursor;
use crate::app::item::Mine;
use crate::limits::PAGE_ROWS_MAX;
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// The environments that the caller takes part in.
#[utoipa::path(
    get, path = "/me/environments",
    responses((status = 200, body = List<EnvironmentAnswer>)),
)]
pub async fn environments(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
) -> Result<Json<Value>, ApiError> {
    let found = state.app.list_my_environments(&caller).await?;
    Ok(page(found.iter().map(|it| render_environment(it, &state.app.tenant)).collect(), None))
}

/// Made by the caller, or shared with them.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
enum Whose {
    #[default]
    Made,
    Shared,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub struct FlowsQuery {
    #[serde(default = "default_environment")]
    environment: String,
    #[serde(default)]
    #[param(inline)]
    whose: Whose,
    top: Option<usize>,
    skip_token: Option<String>,
    /// Those with this text in a name.
    search: Option<String>,
}

/// The flows that the caller made, or that others share with them, newest first. With a search
/// a page may be empty although there is a next one.
#[utoipa::path(
    get, path = "/me/flows",
    params(FlowsQuery),
    responses((status = 200, body = List<FlowAnswer>)),
)]
pub async fn flows(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(query): Params<FlowsQuery>,
) -> Result<Json<Value>, ApiError> {
    let rows = page_rows(query.top)?;
    let search = query.search.as_deref().filter(|text| !text.is_empty());
    let looked_at = if search.is_some() { PAGE_ROWS_MAX } else { rows };
    let after = query.skip_token.as_deref().map(Cursor::decode).transpose()?;
    let mine = match query.whose {
        Whose::Made => Mine::Made,
        Whose::Shared => Mine::Shared,
    };
    let found = state.app.list_my_flows(&caller, &query.environment, mine, (after, looked_at));
    let (mut items, next) = found.await?;
    items.retain(|item| search.is_none_or(|text| item.is_named(text)));
    let next = next.map(|next| {
        let (top, token) = (rows.to_string(), next.encode());
        let mut queries = vec![("environment", query.environment.as_str()), ("top", &top)];
        if let Mine::Shared = mine {
            queries.push(("whose", "shared"));
        }
        queries.extend(search.map(|text| ("search", text)));
        queries.push(("skipToken", &token));
        link(&["me", "flows"], &queries)
    });
    Ok(page(items.iter().map(|it| render_item(&it.row, &it.triggers)).collect(), next))
}
