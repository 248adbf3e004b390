//! Data policies: which connectors may be used together, which not at all, which of their
//! operations, and where calls may go.
//!
//! Flows that break one are suspended when they are saved, and when a policy changes
//! (`round`); calls that break one are refused when they are made (`call`), since where they
//! go may be known only then. What a policy says is decided in [`rule`], which is pure.

pub mod call;
mod enforce;
mod round;
pub mod rule;
mod uses;

pub use enforce::Policies;
pub(crate) use enforce::refuse_held;
pub use uses::{HTTP, HTTP_WEBHOOK};

use super::data::{self, Change, Kind, Known, Stored};
use super::environment::forbidden;
use super::error::{AppError, ErrorKind};
use super::flow::check_name;
use super::{App, Operation};
use crate::auth::caller::Caller;
use crate::auth::policy::{self, Place};
use crate::limits::{
    DATA_POLICIES_MAX, DATA_POLICY_CONNECTORS_MAX, DATA_POLICY_ENVIRONMENTS_MAX,
    DATA_POLICY_RULES_MAX, DATA_POLICY_TEXT_BYTES_MAX,
};
use rule::{ConnectorRule, Group};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::HashSet;
use store::RecordKey;

const BY_NAME: u8 = 1;

/// Where a policy counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", content = "environments", deny_unknown_fields)]
pub enum PolicyScope {
    #[serde(rename = "AllEnvironments")]
    All,
    #[serde(rename = "OnlyEnvironments")]
    Only(Vec<String>),
    #[serde(rename = "ExceptEnvironments")]
    Except(Vec<String>),
}

impl PolicyScope {
    #[must_use]
    pub fn has(&self, environment: &str) -> bool {
        let is_named = |all: &[String]| all.iter().any(|it| it == environment);
        match self {
            PolicyScope::All => true,
            PolicyScope::Only(all) => is_named(all),
            PolicyScope::Except(all) => !is_named(all),
        }
    }
}

/// A data policy.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DataPolicy {
    pub name: String,
    /// The name in lower case.
    id: String,
    #[serde(default)]
    pub display_name: Option<String>,
    pub scope: PolicyScope,
    /// Of connectors that are not named.
    pub default_group: Group,
    pub connectors: Vec<ConnectorRule>,
    /// Ticks.
    pub created: i64,
    pub changed: i64,
}

impl Stored for DataPolicy {
    const KIND: Kind = Kind::DataPolicy;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        vec![data::key(BY_NAME, &[&self.id])]
    }
}

/// A policy as its caller describes it.
pub struct PolicyInput {
    pub display_name: Option<String>,
    pub scope: PolicyScope,
    pub default_group: Group,
    pub connectors: Vec<ConnectorRule>,
}

impl PolicyInput {
    /// Refuses what cannot be a policy. Names of connectors may be ids.
    fn checked(mut self) -> Result<PolicyInput, AppError> {
        let invalid = |message: String| Err(AppError::invalid("InvalidDataPolicy", message));
        if self.connectors.len() > DATA_POLICY_CONNECTORS_MAX {
            return invalid(format!(
                "'connectors' has more than {DATA_POLICY_CONNECTORS_MAX} entries."
            ));
        }
        let mut named = HashSet::new();
        for rule in &mut self.connectors {
            let name = rule.connector.trim_end_matches('/').rsplit('/').next();
            rule.connector = name.unwrap_or_default().trim().to_owned();
            check_rule(rule)?;
            if !named.insert(rule.connector.to_lowercase()) {
                return invalid(format!("The connector '{}' is named twice.", rule.connector));
            }
        }
        if self.display_name.as_ref().is_some_and(|it| it.len() > DATA_POLICY_TEXT_BYTES_MAX) {
            return invalid(format!(
                "'displayName' has more than {DATA_POLICY_TEXT_BYTES_MAX} bytes."
            ));
        }
        Ok(self)
    }
}

fn check_rule(rule: &ConnectorRule) -> Result<(), AppError> {
    let invalid = |message: String| Err(AppError::invalid("InvalidDataPolicy", message));
    let name = &rule.connector;
    let patterns = rule.endpoints.iter().map(|it| &it.pattern);
    let mut texts = patterns.chain(&rule.blocked_operations).chain([name]);
    if texts.any(|it| it.trim().is_empty() || it.len() > DATA_POLICY_TEXT_BYTES_MAX) {
        return invalid(format!(
            "A text of the connector '{name}' is empty or has more than {DATA_POLICY_TEXT_BYTES_MAX} bytes."
        ));
    }
    if rule.endpoints.len().max(rule.blocked_operations.len()) > DATA_POLICY_RULES_MAX {
        return invalid(format!(
            "The connector '{name}' has more than {DATA_POLICY_RULES_MAX} endpoints or operations."
        ));
    }
    match rule.endpoints.iter().position(|it| it.pattern == "*") {
        Some(at) if at + 1 == rule.endpoints.len() => Ok(()),
        None if rule.endpoints.is_empty() => Ok(()),
        _ => invalid(format!(
            "The last endpoint of the connector '{name}' has to be for '*', and no other one."
        )),
    }
}

impl App {
    /// The policies that concern an environment which the caller administers.
    pub async fn list_data_policies(&self, caller: &Caller) -> Result<Vec<DataPolicy>, AppError> {
        let mine = self.environments_with_policies(caller).await?;
        let all = self.list_all::<DataPolicy>(BY_NAME, &[]).await?.into_iter();
        Ok(all.map(|it| it.value).filter(|it| may_see(caller, &mine, it)).collect())
    }

    pub async fn get_data_policy(
        &self,
        caller: &Caller,
        name: &str,
    ) -> Result<DataPolicy, AppError> {
        let mine = self.environments_with_policies(caller).await?;
        let found = self.get::<DataPolicy>(&name.to_lowercase()).await?;
        let found = found.filter(|it| may_see(caller, &mine, it));
        found.map(|it| it.value).ok_or_else(|| no_policy(name))
    }

    /// Makes a policy, or another one of it.
    pub async fn put_data_policy(
        &self,
        caller: &Caller,
        name: &str,
        input: PolicyInput,
    ) -> Result<(DataPolicy, bool), AppError> {
        let scope = self.scope_for(caller, input.scope.clone()).await?;
        let known = self.policy_to_change(caller, name).await?;
        let input = PolicyInput { scope, ..input }.checked()?;
        check_name(name)?;
        let now = self.engine.clock.now();
        let before = known.as_ref().map(|it| facts_of(it));
        if known.is_none() {
            self.check_count().await?;
        }
        let is_new = known.is_none();
        let mut policy = known.unwrap_or_else(|| {
            Known::new(DataPolicy {
                id: name.to_lowercase(),
                name: name.to_owned(),
                display_name: None,
                scope: PolicyScope::All,
                default_group: Group::NonBusiness,
                connectors: Vec::new(),
                created: now,
                changed: now,
            })
        });
        policy.display_name = input.display_name;
        policy.scope = input.scope;
        policy.default_group = input.default_group;
        policy.connectors = input.connectors;
        policy.changed = now;
        let detail = json!({"before": before, "after": facts_of(&policy)});
        let change = Change::default().put(&policy)?;
        let change = change.audit("SetDataPolicy", &policy.id, &detail);
        self.apply_policies(caller, change).await?;
        Ok((policy.value, is_new))
    }

    pub async fn delete_data_policy(&self, caller: &Caller, name: &str) -> Result<(), AppError> {
        let known = self.policy_to_change(caller, name).await?;
        let Some(policy) = known else {
            self.environments_with_policies(caller).await?;
            return Err(no_policy(name));
        };
        let detail = json!({"before": facts_of(&policy)});
        let change = Change::default().remove(&policy);
        let change = change.audit("DeleteDataPolicy", &policy.id, &detail);
        self.apply_policies(caller, change).await
    }

    /// Names of the environments whose policies the caller may see.
    async fn environments_with_policies(&self, caller: &Caller) -> Result<Vec<String>, AppError> {
        let mut all = self.all_environments().await?;
        let operation = Operation::ManageEnvironmentDataPolicies;
        all.retain(|it| policy::allows(caller, operation, it.place()));
        if all.is_empty() && !is_tenants(caller) {
            return Err(forbidden("The caller administers no environment."));
        }
        Ok(all.into_iter().map(|it| it.id).collect())
    }

    /// A scope whose policies the caller may make, with the ids of its environments.
    async fn scope_for(
        &self,
        caller: &Caller,
        scope: PolicyScope,
    ) -> Result<PolicyScope, AppError> {
        let (names, is_only) = match scope {
            PolicyScope::Only(names) => (names, true),
            PolicyScope::All => {
                self.permit(caller, Operation::ManageDataPolicies)?;
                return Ok(PolicyScope::All);
            }
            PolicyScope::Except(names) => {
                self.permit(caller, Operation::ManageDataPolicies)?;
                (names, false)
            }
        };
        if names.is_empty() || names.len() > DATA_POLICY_ENVIRONMENTS_MAX {
            self.environments_with_policies(caller).await?;
            let message = format!(
                "'environments' has {} names, expected 1 to {DATA_POLICY_ENVIRONMENTS_MAX}.",
                names.len()
            );
            return Err(AppError::invalid("InvalidDataPolicy", message));
        }
        let mut ids = Vec::with_capacity(names.len());
        for name in names {
            let operation = Operation::ManageEnvironmentDataPolicies;
            ids.push(self.environment_for(caller, operation, &name).await?.value.id);
        }
        ids.sort();
        ids.dedup();
        Ok(match is_only {
            true => PolicyScope::Only(ids),
            false => PolicyScope::Except(ids),
        })
    }

    /// A policy that is there, when the caller may change it: who administers all that it is
    /// for. One of environments that are gone is the tenant's.
    async fn policy_to_change(
        &self,
        caller: &Caller,
        name: &str,
    ) -> Result<Option<Known<DataPolicy>>, AppError> {
        let Some(found) = self.get::<DataPolicy>(&name.to_lowercase()).await? else {
            return Ok(None);
        };
        let may = is_tenants(caller)
            || match &found.scope {
                PolicyScope::Only(ids) => ids.iter().all(|id| {
                    let place = Place { environment: Some((id, false)), ..Place::default() };
                    policy::allows(caller, Operation::ManageEnvironmentDataPolicies, place)
                }),
                PolicyScope::All | PolicyScope::Except(_) => false,
            };
        match may {
            true => Ok(Some(found)),
            false => Err(forbidden(&format!(
                "The data policy '{name}' is for environments that the caller does not administer."
            ))),
        }
    }

    async fn check_count(&self) -> Result<(), AppError> {
        let page = self.list::<DataPolicy>(BY_NAME, &[], None, DATA_POLICIES_MAX).await?;
        if page.rows.len() < DATA_POLICIES_MAX {
            return Ok(());
        }
        let message = format!("There are {DATA_POLICIES_MAX} data policies already.");
        Err(AppError::new(ErrorKind::Conflict, "TooManyDataPolicies", message))
    }
}

/// Whether the caller manages policies of the whole tenant.
fn is_tenants(caller: &Caller) -> bool {
    policy::allows(caller, Operation::ManageDataPolicies, Place::default())
}

fn may_see(caller: &Caller, environments: &[String], policy: &DataPolicy) -> bool {
    is_tenants(caller) || environments.iter().any(|it| policy.scope.has(it))
}

/// What the audit says of a policy.
fn facts_of(policy: &DataPolicy) -> serde_json::Value {
    json!({
        "scope": policy.scope,
        "defaultGroup": policy.default_group,
        "connectors": policy.connectors,
    })
}

fn no_policy(name: &str) -> AppError {
    AppError::not_found("DataPolicyNotFound", format!("There is no data policy '{name}'."))
}
