//! Environments, as each provider shows them.

use super::{Answered, Asked, ok, package};
use crate::app::AppError;
use crate::app::environment::Environment;
use axum::http::Method;
use flow::run::format_time;
use serde_json::{Value, json};

/// Which provider shows them.
#[derive(Clone, Copy)]
pub enum Provider {
    Flow,
    PowerApps,
    /// `Microsoft.BusinessAppPlatform`, for administrators and for others.
    Platform {
        is_admin: bool,
    },
}

impl Provider {
    fn name(self) -> &'static str {
        match self {
            Provider::Flow => "Microsoft.ProcessSimple",
            Provider::PowerApps => "Microsoft.PowerApps",
            Provider::Platform { .. } => "Microsoft.BusinessAppPlatform",
        }
    }

    fn scope(self) -> &'static str {
        match self {
            Provider::Platform { is_admin: true } => "/scopes/admin",
            _ => "",
        }
    }
}

pub async fn list(asked: &Asked) -> Answered {
    let found = asked.app.list_my_environments(&asked.caller).await?;
    Ok(asked.page(rendered(asked, &found, Provider::Flow), None))
}

pub async fn administered(asked: &Asked) -> Answered {
    let found = asked.app.list_administered_environments(&asked.caller).await?;
    Ok(asked.page(rendered(asked, &found, Provider::Flow), None))
}

pub async fn show(asked: &Asked) -> Answered {
    let found = asked.app.get_environment(&asked.caller, asked.segment(1)).await?;
    ok(render(asked, &found, Provider::Flow))
}

/// `Microsoft.BusinessAppPlatform`.
pub async fn platform(asked: &Asked, path: &[&str]) -> Answered {
    if let ["environments", _, rest @ ..] = path
        && !rest.is_empty()
    {
        return package::answer(asked, asked.environment_segment(), rest).await;
    }
    asked.expect(&Method::GET)?;
    let (is_admin, path) = match path {
        ["scopes", "admin", rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let provider = Provider::Platform { is_admin };
    match path {
        ["environments"] if is_admin => {
            let found = asked.app.list_administered_environments(&asked.caller).await?;
            Ok(asked.page(rendered(asked, &found, provider), None))
        }
        ["environments"] => {
            let found = asked.app.list_my_environments(&asked.caller).await?;
            Ok(asked.page(rendered(asked, &found, provider), None))
        }
        ["environments", _] => {
            let name = asked.last_segment(0);
            let found = if is_admin {
                asked.app.get_administered_environment(&asked.caller, name).await?
            } else {
                asked.app.get_environment(&asked.caller, name).await?
            };
            ok(render(asked, &found, provider))
        }
        _ => Err(asked.no_such_path()),
    }
}

pub fn rendered(asked: &Asked, found: &[Environment], provider: Provider) -> Vec<Value> {
    found.iter().map(|environment| render(asked, environment, provider)).collect()
}

pub fn render(asked: &Asked, environment: &Environment, provider: Provider) -> Value {
    let name = environment.wire_name(&asked.app.tenant);
    let is_default = environment.is_default();
    let created_by = match &environment.created_by {
        Some(id) => json!({"id": id, "type": "User"}),
        None => json!({"id": "SYSTEM", "displayName": "SYSTEM", "type": "NotSpecified"}),
    };
    let known = |ticks: i64| (ticks > 0).then(|| format_time(ticks));
    let kind = if environment.sku == "Production" { "Production" } else { "NotSpecified" };
    let mut properties = json!({
        "displayName": environment.display_name,
        // the default one was never made
        "createdTime": known(environment.created),
        "createdBy": created_by,
        "lastModifiedTime": known(environment.changed),
        "provisioningState": "Succeeded",
        "creationType": if is_default { "DefaultTenant" } else { "User" },
        "environmentSku": environment.sku,
        "environmentType": kind,
        "states": {
            "management": {"id": "NotSpecified"},
            "runtime": {"id": "Enabled", "runtimeReasonCode": "NotSpecified"},
        },
        "isDefault": is_default,
        "isPayAsYouGoEnabled": false,
        "azureRegionHint": LOCATION,
        "runtimeEndpoints": {
            "microsoft.BusinessAppPlatform": asked.base,
            "microsoft.PowerApps": asked.base,
            "microsoft.Flow": asked.base,
        },
        "environmentFeatures": {"isOpenApiEnabled": false},
        "governanceConfiguration": {"protectionLevel": "Basic"},
    });
    if let Some(description) = &environment.description {
        properties["description"] = json!(description);
    }
    if asked.query("$expand").is_some_and(|it| it.to_lowercase().contains("permissions")) {
        properties["permissions"] = json!({});
    }
    let (provider_name, scope) = (provider.name(), provider.scope());
    if let Provider::Platform { .. } = provider {
        properties["tenantId"] = json!(&*asked.app.tenant);
        properties["databaseType"] = json!("None");
        properties["retentionPeriod"] = json!("P7D");
    }
    let kind = match provider {
        Provider::Platform { is_admin: true } => "/scopes/environments",
        _ => "/environments",
    };
    json!({
        "name": name,
        "location": LOCATION,
        "type": format!("{provider_name}{kind}"),
        "id": format!("/providers/{provider_name}{scope}/environments/{name}"),
        "properties": properties,
    })
}

/// Where every environment of a server of one's own is.
pub const LOCATION: &str = "local";

/// An environment's path below the provider of flows.
pub fn id(name: &str) -> String {
    format!("/providers/Microsoft.ProcessSimple/environments/{name}")
}

/// The environment of the `$filter` that connectors and connections are listed by.
pub fn of_filter(asked: &Asked) -> Result<String, AppError> {
    let filter = asked.query("$filter").unwrap_or_default();
    let lower = filter.to_lowercase();
    let found = lower.find("environment eq '").and_then(|at| {
        let rest = filter.get(at + "environment eq '".len()..)?;
        rest.split_once('\'').map(|(name, _)| name.to_owned())
    });
    found.or_else(|| asked.query("environmentname").map(str::to_owned)).ok_or_else(|| {
        let message = "The environment is missing: expected \"$filter=environment eq 'NAME'\".";
        AppError::invalid("InvalidFilter", message)
    })
}
