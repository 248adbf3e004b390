//! Apps, as `Microsoft.PowerApps` shows them.

use super::connector::{person, prefix};
use super::environment::LOCATION;
use super::{Answered, Asked, done, ok};
use crate::app::AppError;
use crate::app::access::Scope;
use crate::app::data::Cursor;
use crate::app::facts::Share;
use crate::app::power_app::{
    AppAt, AppFound, AppPermission, AppPrincipal, AppPrincipalKind, AppReference,
};
use crate::auth::policy::Hold;
use crate::limits::SHARES_PER_REQUEST_MAX;
use axum::http::Method;
use flow::run::format_time;
use serde::Deserialize;
use serde_json::{Map, Value, json};

const ID: &str = "/providers/Microsoft.PowerApps/apps";

/// What is below `apps`.
pub async fn answer(asked: &Asked, scope: Scope, rest: &[&str]) -> Answered {
    let environment = match scope {
        Scope::Admin => Some(asked.environment_segment()),
        _ => None,
    };
    let Some((_, rest)) = rest.split_first() else {
        return asked.get(list(asked, environment)).await;
    };
    let at = AppAt { environment, name: asked.last_segment(rest.len()), scope };
    match rest {
        [] => one(asked, at).await,
        ["permissions"] => asked.get(permissions(asked, at)).await,
        ["modifypermissions"] => modify(asked, at).await,
        ["modifyappowner"] if scope == Scope::Admin => set_owner(asked, at).await,
        ["setpowerappconnectiondirectconsentbypass"] if scope == Scope::Admin => {
            set_consent(asked, at).await
        }
        _ => Err(asked.no_such_path()),
    }
}

async fn list(asked: &Asked, environment: Option<&str>) -> Answered {
    let after = asked.query("$skiptoken").map(Cursor::decode).transpose()?;
    let page = (after, asked.page_rows()?);
    let listed = match environment {
        Some(environment) => asked.app.list_apps_as_admin(&asked.caller, environment, page).await?,
        None => asked.app.list_apps(&asked.caller, page).await?,
    };
    let mut value = Vec::with_capacity(listed.rows.len());
    for app in &listed.rows {
        value.push(render(asked, app).await?);
    }
    Ok(asked.page(value, listed.next.map(|next| next.encode()).as_deref()))
}

async fn one(asked: &Asked, at: AppAt<'_>) -> Answered {
    match *asked.method() {
        Method::GET => ok(render(asked, &asked.app.get_app(&asked.caller, at).await?).await?),
        Method::DELETE => {
            asked.app.delete_app(&asked.caller, at).await?;
            done()
        }
        _ => Err(asked.no_such_method()),
    }
}

async fn render(asked: &Asked, found: &AppFound) -> Result<Value, AppError> {
    let AppFound { environment, app } = found;
    let wire_name = environment.wire_name(&asked.app.tenant);
    let (created, changed) = (format_time(app.created), format_time(app.changed));
    let shared_with = |kind| app.permissions.iter().filter(|it| it.kind == kind).count();
    let mut references = Map::new();
    for (key, reference) in &app.references {
        references.insert(key.clone(), render_reference(asked, found, reference).await?);
    }
    let environment = json!({
        "id": format!("/providers/Microsoft.PowerApps/environments/{wire_name}"),
        "name": wire_name,
        "location": LOCATION,
    });
    Ok(json!({
        "name": app.name(),
        "id": format!("{ID}/{}", app.name()),
        "type": "Microsoft.PowerApps/apps",
        "appType": "ClassicCanvasApp",
        "isAppComponentLibrary": false,
        "tags": {},
        "properties": {
            "displayName": app.display_name,
            "description": app.description,
            "appVersion": changed,
            "status": "Ready",
            "lifeCycleId": "Published",
            "owner": person(asked, app.owner.as_deref()).await?,
            "createdBy": person(asked, app.created_by.as_deref()).await?,
            "lastModifiedBy": person(asked, app.modified_by.as_deref()).await?,
            "createdTime": created,
            "lastModifiedTime": changed,
            "lastPublishTime": changed,
            "sharedUsersCount": shared_with(AppPrincipalKind::User),
            "sharedGroupsCount": shared_with(AppPrincipalKind::Group),
            "connectionReferences": references,
            "bypassConsent": app.bypasses_consent,
            "isFeaturedApp": false,
            "isHeroApp": false,
            "environment": environment,
        },
    }))
}

/// What of a connection is shared with the app is named, as the original names it.
async fn render_reference(
    asked: &Asked,
    found: &AppFound,
    reference: &AppReference,
) -> Result<Value, AppError> {
    let (environment, name) = (&found.environment, &reference.connector);
    let connector = asked.app.connector_in(environment, name).await?;
    let api = format!("{}/{name}", prefix(Scope::Mine, &environment.id));
    let shown = connector.as_ref().map_or(name.as_str(), |it| it.display_name.as_str());
    let mut value = json!({
        "id": api,
        "displayName": shown,
        "dataSources": [],
        "dependencies": [],
        "dependents": [],
        "isCustomApiConnection": connector.as_ref().is_some_and(|it| it.is_custom()),
        "isOnPremiseConnection": false,
        "bypassConsent": found.app.bypasses_consent,
    });
    if let Some(connection) = asked.app.app_shares(found, reference).await? {
        value["sharedConnectionId"] = json!(format!("{api}/connections/{connection}"));
    }
    Ok(value)
}

async fn permissions(asked: &Asked, at: AppAt<'_>) -> Answered {
    let (found, all) = asked.app.list_app_permissions(&asked.caller, at).await?;
    let id = format!("{ID}/{}", found.app.name());
    let tenant = &asked.app.tenant;
    Ok(asked.page(all.iter().map(|it| render_principal(it, &id, tenant)).collect(), None))
}

fn render_principal(it: &AppPrincipal, app: &str, tenant: &str) -> Value {
    let (name, kind) = match it.kind {
        AppPrincipalKind::User => (it.principal.clone(), "User"),
        AppPrincipalKind::Group => (it.principal.clone(), "Group"),
        AppPrincipalKind::Tenant => (format!("tenant-{tenant}"), "Tenant"),
    };
    let role = match it.hold {
        Hold::Owner => "Owner",
        Hold::CanEdit | Hold::CanViewWithShare => "CanEdit",
        Hold::CanView => "CanView",
    };
    let known = it.known.as_ref();
    let user = known.and_then(|it| it.user_principal_name.as_ref());
    let mail = known.and_then(|it| it.mail.as_ref()).or(user);
    let principal = json!({
        "id": it.principal,
        "type": kind,
        "tenantId": tenant,
        "displayName": known.map(|it| &it.display_name),
        "email": mail,
        "userPrincipalName": user,
    });
    json!({
        "name": name,
        "id": format!("{app}/permissions/{name}"),
        "type": "/providers/Microsoft.PowerApps/apps/permissions",
        "properties": {
            "roleName": role,
            "principal": principal,
            "scope": app,
            "notifyShareTargetOption": "NotSpecified",
            "inviteGuestToTenant": false,
        },
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
    role_name: Share,
    principal: Principal,
}

#[derive(Deserialize)]
struct Principal {
    id: String,
    #[serde(rename = "type")]
    kind: AppPrincipalKind,
}

/// An object id, or the id of a permission, which ends in one.
#[derive(Deserialize)]
struct Delete {
    id: String,
}

async fn modify(asked: &Asked, at: AppAt<'_>) -> Answered {
    asked.expect(&Method::POST)?;
    let given: Modification = asked.json()?;
    if given.put.len() + given.delete.len() > SHARES_PER_REQUEST_MAX {
        let message =
            format!("'put' and 'delete' name more than {SHARES_PER_REQUEST_MAX} together.");
        return Err(AppError::invalid("TooManyPermissions", message));
    }
    let put = given.put.into_iter().map(|put| AppPermission {
        principal: put.properties.principal.id,
        kind: put.properties.principal.kind,
        share: put.properties.role_name,
    });
    let delete = given.delete.iter();
    let delete = delete.map(|it| it.id.rsplit('/').next().unwrap_or_default().to_owned());
    let parts = (put.collect(), delete.collect());
    asked.app.share_app(&asked.caller, at, parts).await?;
    done()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewOwner {
    new_app_owner: String,
    role_for_old_app_owner: Option<Share>,
}

async fn set_owner(asked: &Asked, at: AppAt<'_>) -> Answered {
    asked.expect(&Method::POST)?;
    let given: NewOwner = asked.json()?;
    let to = (given.new_app_owner.as_str(), given.role_for_old_app_owner);
    ok(render(asked, &asked.app.set_app_owner(&asked.caller, at, to).await?).await?)
}

#[derive(Deserialize)]
struct Consent {
    bypassconsent: bool,
}

async fn set_consent(asked: &Asked, at: AppAt<'_>) -> Answered {
    asked.expect(&Method::POST)?;
    let given: Consent = asked.json()?;
    asked.app.set_app_consent(&asked.caller, at, given.bypassconsent).await?;
    done()
}
