//! `Microsoft.PowerApps`: environments, connectors and connections.

use super::environment::{self, Provider, of_filter};
use super::{Answered, Asked, ok};
use crate::app::{AppError, Operation};
use axum::http::Method;

pub async fn answer(asked: &Asked, path: &[&str]) -> Answered {
    let (is_admin, path) = match path {
        ["scopes", "admin", rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    match path {
        ["environments"] => {
            asked.expect(&Method::GET)?;
            let found = if is_admin {
                asked.app.list_administered_environments(&asked.caller).await?
            } else {
                asked.app.list_my_environments(&asked.caller).await?
            };
            let rendered = environment::rendered(asked, &found, Provider::PowerApps);
            Ok(asked.page(rendered, None))
        }
        ["environments", _] => {
            asked.expect(&Method::GET)?;
            let name = asked.last_segment(0);
            let found = if is_admin {
                asked.app.get_administered_environment(&asked.caller, name).await?
            } else {
                asked.app.get_environment(&asked.caller, name).await?
            };
            ok(environment::render(asked, &found, Provider::PowerApps))
        }
        ["apis"] if !is_admin => {
            asked.expect(&Method::GET)?;
            let environment = of_filter(asked)?;
            asked.app.environment_for(&asked.caller, Operation::ListApis, &environment).await?;
            // there are no connectors yet: an environment has none of its own
            Ok(asked.page(Vec::new(), None))
        }
        ["apis", _] if !is_admin => {
            asked.expect(&Method::GET)?;
            let environment = of_filter(asked)?;
            asked.app.environment_for(&asked.caller, Operation::GetApi, &environment).await?;
            Err(no_api(asked.last_segment(0)))
        }
        ["apis", _, "connections", ..] if !is_admin => {
            let is_new = asked.method() == Method::PUT || asked.method() == Method::POST;
            let operation =
                if is_new { Operation::CreateConnection } else { Operation::ListConnections };
            let environment = of_filter(asked)?;
            asked.app.environment_for(&asked.caller, operation, &environment).await?;
            Err(no_api(asked.segment(1)))
        }
        ["connections"] if !is_admin => {
            asked.expect(&Method::GET)?;
            let environment = of_filter(asked)?;
            let operation = Operation::ListConnections;
            asked.app.environment_for(&asked.caller, operation, &environment).await?;
            // where there is no connector there is no connection
            Ok(asked.page(Vec::new(), None))
        }
        _ => Err(asked.no_such_path()),
    }
}

fn no_api(name: &str) -> AppError {
    AppError::not_found("ApiResourceNotFound", format!("Could not find API '{name}'."))
}
