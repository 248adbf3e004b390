//! Data policies, as the cmdlets `Get-DlpPolicy`, `New-DlpPolicy`, `Set-DlpPolicy` and
//! `Remove-DlpPolicy` of Microsoft.PowerApps.Administration.PowerShell ask for them:
//! `PowerPlatform.Governance/v1/policies`.
//!
//! This form has no place for blocked operations and endpoints; a change by it leaves them.

use super::{Answered, Asked, ok};
use crate::app::AppError;
use crate::app::data_policy::rule::{ConnectorRule, Group};
use crate::app::data_policy::{DataPolicy, PolicyInput, PolicyScope};
use crate::clock;
use axum::Json;
use axum::http::{Method, StatusCode};
use axum::response::IntoResponse;
use flow::run::format_time;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What is below the provider's name.
pub async fn answer(asked: &Asked, path: &[&str]) -> Answered {
    match path {
        ["v1", "policies"] if *asked.method() == Method::POST => create(asked).await,
        ["v1", "policies"] => asked.get(list(asked)).await,
        ["v1", "policies", _] => one(asked, asked.last_segment(0)).await,
        _ => Err(asked.no_such_path()),
    }
}

/// A group of connectors by its name in this form.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
enum Classification {
    Confidential,
    General,
    Blocked,
}

impl Classification {
    const ALL: [Classification; 3] =
        [Classification::Confidential, Classification::General, Classification::Blocked];

    fn of(group: Group) -> Classification {
        match group {
            Group::Business => Classification::Confidential,
            Group::NonBusiness => Classification::General,
            Group::Blocked => Classification::Blocked,
        }
    }

    fn group(self) -> Group {
        match self {
            Classification::Confidential => Group::Business,
            Classification::General => Group::NonBusiness,
            Classification::Blocked => Group::Blocked,
        }
    }
}

#[derive(Clone, Copy, Deserialize)]
enum EnvironmentType {
    AllEnvironments,
    ExceptEnvironments,
    OnlyEnvironments,
    SingleEnvironment,
}

/// What somebody says of a policy. In a change, what is missing stays.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Given {
    display_name: Option<String>,
    default_connectors_classification: Option<Classification>,
    connector_groups: Option<Vec<GivenGroup>>,
    environment_type: Option<EnvironmentType>,
    environments: Option<Vec<Named>>,
}

#[derive(Deserialize)]
struct GivenGroup {
    classification: Classification,
    #[serde(default)]
    connectors: Vec<Named>,
}

/// Something by its name, or by an id that ends in it.
#[derive(Deserialize)]
struct Named {
    name: Option<String>,
    id: Option<String>,
}

impl Named {
    fn name(self) -> Result<String, AppError> {
        let of_id = |id: String| id.trim_end_matches('/').rsplit('/').next().map(str::to_owned);
        self.id.and_then(of_id).or(self.name).ok_or_else(|| {
            let message = "A connector or an environment has neither 'id' nor 'name'.";
            AppError::invalid("InvalidDataPolicy", message)
        })
    }
}

impl Given {
    /// The policy as it is to be, with what `known` says where nothing is said.
    fn into_input(self, known: Option<&DataPolicy>) -> Result<PolicyInput, AppError> {
        let group = self.default_connectors_classification.map(Classification::group);
        let connectors = match self.connector_groups {
            Some(groups) => rules(groups, known)?,
            None => known.map(|it| it.connectors.clone()).unwrap_or_default(),
        };
        let named = self.environments.unwrap_or_default().into_iter().map(Named::name);
        let named = named.collect::<Result<Vec<_>, _>>()?;
        let scope = match self.environment_type {
            Some(EnvironmentType::AllEnvironments) => PolicyScope::All,
            Some(EnvironmentType::ExceptEnvironments) => PolicyScope::Except(named),
            Some(EnvironmentType::OnlyEnvironments | EnvironmentType::SingleEnvironment) => {
                PolicyScope::Only(named)
            }
            None => known.map_or(PolicyScope::All, |it| it.scope.clone()),
        };
        Ok(PolicyInput {
            display_name: self.display_name.or_else(|| known?.display_name.clone()),
            scope,
            default_group: group.or(known.map(|it| it.default_group)).unwrap_or(Group::NonBusiness),
            connectors,
        })
    }
}

fn rules(
    groups: Vec<GivenGroup>,
    known: Option<&DataPolicy>,
) -> Result<Vec<ConnectorRule>, AppError> {
    let mut rules = Vec::new();
    for GivenGroup { classification, connectors } in groups {
        for connector in connectors {
            let connector = connector.name()?;
            let before = known.and_then(|it| {
                it.connectors.iter().find(|it| it.connector.eq_ignore_ascii_case(&connector))
            });
            rules.push(ConnectorRule {
                group: classification.group(),
                blocked_operations: before
                    .map(|it| it.blocked_operations.clone())
                    .unwrap_or_default(),
                endpoints: before.map(|it| it.endpoints.clone()).unwrap_or_default(),
                connector,
            });
        }
    }
    Ok(rules)
}

/// All of them: there are few.
async fn list(asked: &Asked) -> Answered {
    let mut value = Vec::new();
    for policy in asked.app.list_data_policies(&asked.caller).await? {
        value.push(render(asked, &policy).await?);
    }
    Ok(asked.page(value, None))
}

async fn create(asked: &Asked) -> Answered {
    let given: Given = asked.json()?;
    if given.display_name.as_deref().is_none_or(|it| it.trim().is_empty()) {
        let message = "$.displayName is missing.";
        return Err(AppError::invalid("InvalidDataPolicy", message));
    }
    let name = clock::guid().map_err(AppError::internal)?;
    let input = given.into_input(None)?;
    let (policy, _) = asked.app.put_data_policy(&asked.caller, &name, input).await?;
    Ok((StatusCode::CREATED, Json(render(asked, &policy).await?)).into_response())
}

async fn one(asked: &Asked, name: &str) -> Answered {
    match *asked.method() {
        Method::GET => {
            let policy = asked.app.get_data_policy(&asked.caller, name).await?;
            ok(render(asked, &policy).await?)
        }
        Method::PATCH => {
            let known = asked.app.get_data_policy(&asked.caller, name).await?;
            let given: Given = asked.json()?;
            let input = given.into_input(Some(&known))?;
            let (policy, _) = asked.app.put_data_policy(&asked.caller, name, input).await?;
            ok(render(asked, &policy).await?)
        }
        Method::DELETE => {
            asked.app.delete_data_policy(&asked.caller, name).await?;
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        _ => Err(asked.no_such_method()),
    }
}

async fn render(asked: &Asked, policy: &DataPolicy) -> Result<Value, AppError> {
    let (kind, ids) = match &policy.scope {
        PolicyScope::All => ("AllEnvironments", &[][..]),
        PolicyScope::Only(ids) => ("OnlyEnvironments", &ids[..]),
        PolicyScope::Except(ids) => ("ExceptEnvironments", &ids[..]),
    };
    let mut environments = Vec::with_capacity(ids.len());
    for id in ids {
        let known = asked.app.environment(id).await?;
        // one that is gone is called what it was called
        let name = known.map_or_else(|| id.clone(), |it| it.wire_name(&asked.app.tenant));
        environments.push(json!({
            "id": format!("/providers/Microsoft.BusinessAppPlatform/scopes/admin/environments/{name}"),
            "name": name,
            "type": "Microsoft.BusinessAppPlatform/scopes/environments",
        }));
    }
    let connector = |rule: &ConnectorRule| {
        let name = &rule.connector;
        json!({
            "id": format!("/providers/Microsoft.PowerApps/apis/{name}"),
            "name": name,
            "type": "Microsoft.PowerApps/apis",
        })
    };
    let group = |classification: Classification| {
        let mine = |rule: &&ConnectorRule| Classification::of(rule.group) == classification;
        let connectors: Vec<Value> = policy.connectors.iter().filter(mine).map(connector).collect();
        json!({"classification": classification, "connectors": connectors})
    };
    Ok(json!({
        "name": policy.name,
        "displayName": policy.display_name.as_ref().unwrap_or(&policy.name),
        "defaultConnectorsClassification": Classification::of(policy.default_group),
        "connectorGroups": Classification::ALL.map(group),
        "environmentType": kind,
        "environments": environments,
        "createdTime": format_time(policy.created),
        "lastModifiedTime": format_time(policy.changed),
        "isLegacySchemaVersion": false,
    }))
}
