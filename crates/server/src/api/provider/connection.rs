//! Connections, as `Microsoft.PowerApps` shows them.

use super::connector::{environment_of, person, prefix, runtime_url};
use super::{Answered, Asked, done, ok};
use crate::app::AppError;
use crate::app::access::Scope;
use crate::app::connector::Connector;
use crate::app::connector::connection::{
    Connection, ConnectionAct, ConnectionAt, ConnectionFound, ConnectionInput, ConnectionShare,
};
use crate::app::connector::share::HolderView;
use crate::app::data::Cursor;
use crate::app::environment::Environment;
use crate::app::facts::PrincipalKind;
use crate::auth::policy::Hold;
use axum::Json;
use axum::http::{Method, StatusCode};
use axum::response::IntoResponse;
use flow::run::format_time;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// All of an environment, or those of one connector.
pub async fn list(asked: &Asked, scope: Scope, connector: Option<&str>) -> Answered {
    asked.expect(&Method::GET)?;
    let environment = environment_of(asked, scope)?;
    let after = asked.query("$skiptoken").map(Cursor::decode).transpose()?;
    let rows = asked.page_rows()?;
    let (environment, listed) = match scope {
        Scope::Admin => {
            asked.app.list_connections_as_admin(&asked.caller, &environment, after, rows).await?
        }
        _ => asked.app.list_connections(&asked.caller, &environment, after, rows).await?,
    };
    let mut value = Vec::new();
    for connection in listed.rows {
        if connector.is_some_and(|name| !connection.connector.eq_ignore_ascii_case(name)) {
            continue;
        }
        let known = asked.app.connector_of(&environment, &connection).await?;
        value.push(render(asked, scope, &environment, known.as_ref(), &connection).await?);
    }
    Ok(asked.page(value, listed.next.map(|next| next.encode()).as_deref()))
}

/// What is below `apis/{api}/connections`.
pub async fn answer(asked: &Asked, scope: Scope, connector: &str, rest: &[&str]) -> Answered {
    let is_new = *asked.method() == Method::PUT || *asked.method() == Method::POST;
    match rest {
        [] if *asked.method() == Method::POST => create(asked, scope, connector, None).await,
        [] => list(asked, scope, Some(connector)).await,
        [_] if is_new => create(asked, scope, connector, Some(asked.last_segment(0))).await,
        [_] => one(asked, scope, connector, asked.last_segment(0)).await,
        [_, "permissions"] => holders(asked, scope, connector, asked.last_segment(1)).await,
        [_, "listconsentlinks" | "getconsentlink"] => {
            consent(asked, scope, connector, asked.last_segment(1)).await
        }
        [_, "modifypermissions"] => share(asked, scope, connector, asked.last_segment(1)).await,
        _ => Err(asked.no_such_path()),
    }
}

#[derive(Deserialize)]
struct Given {
    name: Option<String>,
    properties: GivenProperties,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GivenProperties {
    display_name: Option<String>,
    #[serde(default)]
    connection_parameters: Option<Map<String, Value>>,
    connection_parameters_set: Option<GivenSet>,
}

#[derive(Deserialize)]
struct GivenSet {
    name: String,
    #[serde(default)]
    values: Map<String, Value>,
}

async fn create(asked: &Asked, scope: Scope, connector: &str, name: Option<&str>) -> Answered {
    if scope == Scope::Admin {
        return Err(asked.no_such_method());
    }
    let environment = environment_of(asked, scope)?;
    let given: Given = asked.json()?;
    let properties = given.properties;
    let parameters = properties.connection_parameters.unwrap_or_default();
    let (set, parameters) = match properties.connection_parameters_set {
        Some(_) if !parameters.is_empty() => {
            let message = "$.properties has 'connectionParameters' and 'connectionParametersSet', expected one of them.";
            return Err(AppError::invalid("InvalidConnectionParameters", message));
        }
        Some(set) => (Some(set.name), set.values),
        None => (None, parameters),
    };
    let input = ConnectionInput { display_name: properties.display_name, set, parameters };
    let name = name.or(given.name.as_deref());
    let place = (environment.as_str(), connector);
    let (found, is_new) = asked.app.create_connection(&asked.caller, place, name, input).await?;
    let ConnectionFound { environment, connector, connection } = &found;
    let shown = render(asked, scope, environment, Some(connector), connection).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(shown)).into_response())
}

async fn one(asked: &Asked, scope: Scope, connector: &str, name: &str) -> Answered {
    let environment = environment_of(asked, scope)?;
    let at = ConnectionAt { environment: &environment, connector, name, scope };
    match *asked.method() {
        Method::GET => {
            let found = asked.app.connection_for(&asked.caller, ConnectionAct::GET, at).await?;
            let ConnectionFound { environment, connector, connection } = &found;
            ok(render(asked, scope, environment, Some(connector), connection).await?)
        }
        Method::DELETE => {
            asked.app.delete_connection(&asked.caller, at).await?;
            done()
        }
        _ => Err(asked.no_such_method()),
    }
}

async fn render(
    asked: &Asked,
    scope: Scope,
    environment: &Environment,
    connector: Option<&Connector>,
    connection: &Connection,
) -> Result<Value, AppError> {
    let wire_name = environment.wire_name(&asked.app.tenant);
    let api = format!("{}/{}", prefix(scope, &wire_name), connection.connector);
    let status = status(asked, connection);
    let by = person(asked, connection.owner.as_deref()).await?;
    let mut properties = json!({
        "apiId": api,
        "displayName": connection.display_name,
        "statuses": [status],
        "overallStatus": status["status"],
        "isDelegatedAuthConnection": false,
        "isSsoConnection": false,
        "createdBy": by,
        "createdTime": format_time(connection.created),
        "lastModifiedTime": format_time(connection.changed),
        "environment": {
            "id": format!("/providers/Microsoft.PowerApps/environments/{wire_name}"),
            "name": wire_name,
        },
    });
    if let Some(ends) = connection.ends {
        properties["expirationTime"] = json!(format_time(ends));
    }
    if connection.set.is_empty() {
        properties["connectionParameters"] = json!(connection.parameters);
    } else {
        let values = connection.parameters.iter();
        let values: Map<String, Value> =
            values.map(|(name, value)| (name.clone(), json!({"value": value}))).collect();
        properties["connectionParametersSet"] = json!({"name": connection.set, "values": values});
    }
    if let Some(connector) = connector {
        properties["allowSharing"] = json!(connector.is_shareable(connection));
        if connector.is_custom() {
            let runtime = runtime_url(asked, connector);
            let uri = format!("{runtime}/{}/testconnection", connection.name);
            properties["testLinks"] = json!([{"requestUri": uri, "method": "get"}]);
        }
    }
    let kind = match scope {
        Scope::Admin => "Microsoft.PowerApps/scopes/apis/connections",
        _ => "Microsoft.PowerApps/apis/connections",
    };
    Ok(json!({
        "name": connection.name,
        "id": format!("{api}/connections/{}", connection.name),
        "type": kind,
        "properties": properties,
    }))
}

/// Whether it can be used, and until when, if it is not renewed by itself.
pub fn status(asked: &Asked, connection: &Connection) -> Value {
    let fault = asked.app.fault_of(connection);
    let mut status = match fault {
        None => json!({"status": "Connected"}),
        Some(fault) => json!({
            "status": "Error",
            "target": "token",
            "error": {"code": fault.code, "message": fault.message},
        }),
    };
    if let Some(ends) = connection.ends {
        status["expirationTime"] = json!(format_time(ends));
    }
    status
}

/// A link for each parameter that somebody signs in for: there is one.
async fn consent(asked: &Asked, scope: Scope, connector: &str, name: &str) -> Answered {
    asked.expect(&Method::POST)?;
    let environment = environment_of(asked, scope)?;
    let at = ConnectionAt { environment: &environment, connector, name, scope };
    let begun = asked.app.begin_consent(&asked.caller, at).await?;
    ok(match asked.lower.last().map(String::as_str) {
        Some("getconsentlink") => json!({"consentLink": begun.link}),
        _ => json!({"value": [{
            "link": begun.link,
            "displayName": null,
            "status": "Unauthenticated",
            "expirationTime": format_time(begun.expires),
        }]}),
    })
}

async fn holders(asked: &Asked, scope: Scope, connector: &str, name: &str) -> Answered {
    asked.expect(&Method::GET)?;
    let environment = environment_of(asked, scope)?;
    let at = ConnectionAt { environment: &environment, connector, name, scope };
    let (found, holders) = asked.app.list_holders(&asked.caller, at).await?;
    let wire_name = found.environment.wire_name(&asked.app.tenant);
    let api = format!("{}/{}", prefix(scope, &wire_name), found.connector.name);
    let id = format!("{api}/connections/{}", found.connection.name);
    let rendered = holders.iter().map(|holder| render_holder(holder, &id, &asked.app.tenant));
    Ok(asked.page(rendered.collect(), None))
}

fn render_holder(holder: &HolderView, connection: &str, tenant: &str) -> Value {
    let kind = match holder.kind {
        PrincipalKind::User => "User",
        PrincipalKind::Group => "Group",
        PrincipalKind::ServicePrincipal => "ServicePrincipal",
    };
    let mut principal = json!({"id": holder.principal, "type": kind, "tenantId": tenant});
    if let Some(known) = &holder.known {
        principal["displayName"] = json!(known.display_name);
        if let Some(name) = &known.user_principal_name {
            principal["email"] = json!(known.mail.as_ref().unwrap_or(name));
        }
    }
    json!({
        "name": holder.principal,
        "id": format!("{connection}/permissions/{}", holder.principal),
        "type": "Microsoft.PowerApps/apis/connections/permissions",
        "properties": {"roleName": holder.hold, "principal": principal},
    })
}

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
    role_name: Hold,
    principal: Principal,
}

#[derive(Deserialize)]
struct Principal {
    id: String,
    #[serde(rename = "type")]
    kind: Option<PrincipalKind>,
}

#[derive(Deserialize)]
struct Delete {
    id: String,
}

async fn share(asked: &Asked, scope: Scope, connector: &str, name: &str) -> Answered {
    asked.expect(&Method::POST)?;
    let environment = environment_of(asked, scope)?;
    let given: Modification = asked.json()?;
    let put = given.put.into_iter().map(|put| ConnectionShare {
        principal: put.properties.principal.id,
        kind: put.properties.principal.kind.unwrap_or(PrincipalKind::User),
        hold: put.properties.role_name,
    });
    // an object id, or the id of a permission, which ends in one
    let delete = given.delete.iter();
    let delete = delete.map(|it| it.id.rsplit('/').next().unwrap_or_default().to_owned());
    let at = ConnectionAt { environment: &environment, connector, name, scope };
    let parts = (put.collect(), delete.collect());
    asked.app.share_connection(&asked.caller, at, parts).await?;
    done()
}
