//! `Microsoft.PowerApps`: environments, connectors, connections and apps.

use super::environment::{self, Provider};
use super::{Answered, Asked, connection, connector, ok, power_app};
use crate::app::access::Scope;
use axum::http::Method;

pub async fn answer(asked: &Asked, path: &[&str]) -> Answered {
    match path {
        ["scopes", "admin", "environments", _, rest @ ..] if !rest.is_empty() => {
            below(asked, Scope::Admin, rest).await
        }
        ["scopes", "admin", rest @ ..] => environments(asked, true, rest).await,
        ["environments", ..] => environments(asked, false, path).await,
        _ => below(asked, Scope::Mine, path).await,
    }
}

async fn environments(asked: &Asked, is_admin: bool, path: &[&str]) -> Answered {
    asked.expect(&Method::GET)?;
    match path {
        ["environments"] => {
            let found = if is_admin {
                asked.app.list_administered_environments(&asked.caller).await?
            } else {
                asked.app.list_my_environments(&asked.caller).await?
            };
            let rendered = environment::rendered(asked, &found, Provider::PowerApps);
            Ok(asked.page(rendered, None))
        }
        ["environments", _] => {
            let name = asked.last_segment(0);
            let found = if is_admin {
                asked.app.get_administered_environment(&asked.caller, name).await?
            } else {
                asked.app.get_environment(&asked.caller, name).await?
            };
            ok(environment::render(asked, &found, Provider::PowerApps))
        }
        _ => Err(asked.no_such_path()),
    }
}

/// Connectors and connections, of the environment in the `$filter`, or, for
/// administrators, in the path.
async fn below(asked: &Asked, scope: Scope, path: &[&str]) -> Answered {
    let environment = || connector::environment_of(asked, scope);
    match path {
        ["apis"] => connector::list(asked, scope, &environment()?).await,
        ["apis", _] => connector::show(asked, scope, &environment()?, asked.last_segment(0)).await,
        ["apis", _, "connections", rest @ ..] => {
            let name = asked.last_segment(rest.len() + 1);
            connection::answer(asked, scope, name, rest).await
        }
        ["apps", rest @ ..] => power_app::answer(asked, scope, rest).await,
        ["connections"] => connection::list(asked, scope, None).await,
        _ => Err(asked.no_such_path()),
    }
}
