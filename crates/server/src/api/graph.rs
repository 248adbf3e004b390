//! Look-ups in the directory on paths of Microsoft Graph: a user by the name to sign in
//! with, groups by their name. Clients ask for nothing else before they name somebody to
//! a flow, and an empty answer would mean that there is nobody; so other questions are
//! refused.

use super::{ApiError, ApiState, bearer};
use crate::app::AppError;
use crate::app::session::Surface;
use crate::limits::PROVIDER_PAGE_ROWS_MAX;
use axum::Json;
use axum::extract::State;
use axum::http::request::Parts;
use serde_json::{Map, Value, json};

pub async fn users(State(state): State<ApiState>, parts: Parts) -> Result<Json<Value>, ApiError> {
    let caller = state.app.caller_of(bearer(&parts.headers), Surface::Graph).await?;
    let asked = Asked::of(&parts);
    let name = asked.equal_to("userPrincipalName")?;
    let found = state.app.list_users_named(&caller, &name).await?;
    let users = found.iter().map(|user| {
        json!({
            "id": user.id,
            "userPrincipalName": user.user_principal_name,
            "displayName": user.display_name,
            "mail": user.mail,
        })
    });
    Ok(asked.answer(users))
}

pub async fn groups(State(state): State<ApiState>, parts: Parts) -> Result<Json<Value>, ApiError> {
    let caller = state.app.caller_of(bearer(&parts.headers), Surface::Graph).await?;
    let asked = Asked::of(&parts);
    let name = asked.equal_to("displayName")?;
    let found = state.app.list_groups_named(&caller, &name, PROVIDER_PAGE_ROWS_MAX).await?;
    let groups = found.iter().map(|it| json!({"id": it.id, "displayName": it.display_name}));
    Ok(asked.answer(groups))
}

/// What a query says that is read here.
struct Asked {
    filter: String,
    /// Names of properties in lower case; none: all.
    select: Vec<String>,
}

impl Asked {
    fn of(parts: &Parts) -> Asked {
        let query = parts.uri.query().unwrap_or_default();
        let mut asked = Asked { filter: String::new(), select: Vec::new() };
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match name.to_lowercase().as_str() {
                "$filter" => value.trim().clone_into(&mut asked.filter),
                "$select" => {
                    let names = value.split(',').map(|name| name.trim().to_lowercase());
                    asked.select = names.filter(|name| !name.is_empty()).collect();
                }
                _ => {}
            }
        }
        asked
    }

    /// The text that a property is asked to be equal to.
    fn equal_to(&self, property: &str) -> Result<String, AppError> {
        equal_to(&self.filter, property).ok_or_else(|| {
            let found = match self.filter.as_str() {
                "" => "is missing".to_owned(),
                filter => format!("is \"{filter}\""),
            };
            let message = format!("'$filter' {found}; expected \"{property} eq 'NAME'\".");
            AppError::invalid("Request_UnsupportedQuery", message)
        })
    }

    fn answer(&self, found: impl Iterator<Item = Value>) -> Json<Value> {
        let selected = |mut value: Value| {
            if let Some(object) = value.as_object_mut().filter(|_| !self.select.is_empty()) {
                let kept = std::mem::take(object).into_iter();
                let kept = kept.filter(|(name, _)| self.select.contains(&name.to_lowercase()));
                *object = kept.collect::<Map<_, _>>();
            }
            value
        };
        Json(json!({"value": found.map(selected).collect::<Vec<_>>()}))
    }
}

/// Reads `property eq 'text'`. A quote within the text is doubled.
fn equal_to(filter: &str, property: &str) -> Option<String> {
    let (name, rest) = filter.split_once(char::is_whitespace)?;
    let (operator, rest) = rest.trim_start().split_once(char::is_whitespace)?;
    let is_this = name.eq_ignore_ascii_case(property) && operator.eq_ignore_ascii_case("eq");
    let quoted = rest.trim().strip_prefix('\'')?.strip_suffix('\'')?;
    let has_lone_quote = quoted.replace("''", "").contains('\'');
    (is_this && !has_lone_quote).then(|| quoted.replace("''", "'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_comparison_is_read_and_nothing_else() {
        let read = |filter| equal_to(filter, "displayName");
        assert_eq!(read("displayName eq 'Sales'").as_deref(), Some("Sales"));
        assert_eq!(read("DISPLAYNAME  EQ  'a ''b'' c'").as_deref(), Some("a 'b' c"));
        for other in [
            "",
            "displayName",
            "displayName eq Sales",
            "displayName eq '",
            "displayName ne 'Sales'",
            "mail eq 'Sales'",
            "displayName eq 'a' or displayName eq 'b'",
            "startswith(displayName, 'a')",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn only_what_is_selected_is_shown() {
        let asked = Asked { filter: String::new(), select: vec!["id".to_owned()] };
        let shown = asked.answer(std::iter::once(json!({"id": "1", "mail": null})));
        assert_eq!(shown.0, json!({"value": [{"id": "1"}]}));
    }
}
