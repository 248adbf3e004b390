//! Policies in memory, and flows that are held because they break one.

use super::rule::{PolicyRules, Violation, violations};
use super::uses::uses_of;
use super::{BY_NAME, DataPolicy, PolicyScope};
use crate::app::catalog::FlowState;
use crate::app::data::{Cursor, Listed};
use crate::app::error::{AppError, ErrorKind};
use crate::app::facts::{BY_HELD, FlowFacts};
use crate::app::suspension::{Suspension, SuspensionReason};
use crate::app::{App, Operation, summary};
use crate::auth::caller::Caller;
use crate::limits::{DATA_POLICIES_FRESH, DATA_POLICY_VIOLATIONS_MAX, SUSPENSION_CHARACTERS_MAX};
use flow::definition::{Loaded, Problem, Severity};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use store::WorkflowRow;
use tokio::sync::Notify;
use tokio::time::Instant;

/// A policy that counts.
pub(super) struct Applied {
    scope: PolicyScope,
    pub rules: Arc<PolicyRules>,
}

#[derive(Default)]
struct Read {
    policies: Option<(Arc<Vec<Applied>>, Instant)>,
    /// Counts changes: what was read before one is not kept after it.
    changes: u64,
}

/// The policies in memory: a call asks no store.
#[derive(Default)]
pub struct Policies {
    read: Mutex<Read>,
    /// There is something to look through.
    pub(super) changed: Notify,
}

impl Policies {
    pub(super) fn forget(&self) {
        let mut read = self.read.lock();
        read.policies = None;
        read.changes += 1;
    }
}

impl App {
    /// All policies. Those of another node count after [`DATA_POLICIES_FRESH`].
    pub(super) async fn applied(&self) -> Result<Arc<Vec<Applied>>, AppError> {
        let changes = {
            let read = self.data_policies.read.lock();
            if let Some((policies, at)) = &read.policies
                && (!self.engine.store.is_shared() || at.elapsed() < DATA_POLICIES_FRESH)
            {
                return Ok(Arc::clone(policies));
            }
            read.changes
        };
        let at = Instant::now();
        let all = self.list_all::<DataPolicy>(BY_NAME, &[]).await?.into_iter().map(|it| {
            let it = it.value;
            let rules = Arc::new(PolicyRules::new(&it.name, it.default_group, &it.connectors));
            Applied { scope: it.scope, rules }
        });
        let all = Arc::new(all.collect::<Vec<_>>());
        let mut read = self.data_policies.read.lock();
        if read.changes == changes {
            read.policies = Some((Arc::clone(&all), at));
        }
        Ok(all)
    }

    /// The policies of an environment.
    pub(super) async fn policies_in(
        &self,
        environment: &str,
    ) -> Result<Vec<Arc<PolicyRules>>, AppError> {
        let all = self.applied().await?;
        let here = all.iter().filter(|it| it.scope.has(environment));
        Ok(here.map(|it| Arc::clone(&it.rules)).collect())
    }

    /// Holds a flow that is about to be stored if it breaks a policy, and lets go of one that
    /// was held and breaks none any more. Without `loaded`, the version of the row counts.
    pub(crate) async fn police(
        &self,
        row: &mut WorkflowRow,
        facts: &mut FlowFacts,
        loaded: Option<&Loaded>,
    ) -> Result<(), AppError> {
        let policies = self.policies_in(&row.environment).await?;
        let broken = match (policies.is_empty(), loaded) {
            (true, _) => Vec::new(),
            (false, Some(loaded)) => broken(&policies, loaded)?,
            (false, None) => broken(&policies, &self.load_row(row, row.version).await?.0)?,
        };
        hold(row, facts, broken, self.engine.clock.now());
        Ok(())
    }

    /// Flows of an environment that are held, with what they break.
    pub async fn list_policy_violations(
        &self,
        caller: &Caller,
        environment: &str,
        (after, rows_max): (Option<Cursor>, usize),
    ) -> Result<Listed<(WorkflowRow, Suspension)>, AppError> {
        let operation = Operation::ManageEnvironmentDataPolicies;
        let within = self.environment_for(caller, operation, environment).await?;
        let held = self.list::<FlowFacts>(BY_HELD, &[&within.id], after, rows_max).await?;
        let ids = held.rows.iter().map(|facts| facts.flow().to_owned()).collect();
        let rows = self.engine.store.workflows_by_id(ids).await?;
        let mut rows: HashMap<String, WorkflowRow> =
            rows.into_iter().map(|row| (row.id.clone(), row)).collect();
        let found = held.rows.into_iter().filter_map(|facts| {
            let row = rows.remove(facts.flow())?;
            Some(crate::app::data::Known::new((row, facts.value.suspension?)))
        });
        Ok(Listed { rows: found.collect(), next: held.next })
    }
}

/// What a definition breaks.
fn broken(policies: &[Arc<PolicyRules>], loaded: &Loaded) -> Result<Vec<Violation>, AppError> {
    let references = match &loaded.connection_references {
        Some(given) => {
            let given = serde_json::to_value(given).map_err(AppError::internal)?;
            summary::references(&given).unwrap_or_default()
        }
        None => serde_json::Value::Null,
    };
    let policies: Vec<&PolicyRules> = policies.iter().map(|it| &**it).collect();
    Ok(violations(&policies, &uses_of(loaded, &references)))
}

fn hold(row: &mut WorkflowRow, facts: &mut FlowFacts, mut broken: Vec<Violation>, now: i64) {
    let held = facts.suspension.as_ref().map(|it| (it.resumes, it.time));
    match (held, broken.first()) {
        (Some((Some(resumes), _)), None) => {
            facts.suspension = None;
            let state = if resumes { FlowState::Started } else { FlowState::Stopped };
            row.state = state as u8;
        }
        // what somebody suspended stays so
        (Some((None, _)), _) | (None, None) => {}
        (None | Some((Some(_), _)), Some(first)) => {
            let more = broken.len() - 1;
            let mut message = first.text();
            if more > 0 {
                message.push_str(&format!(" It breaks policies in {more} more ways."));
            }
            let is_started = FlowState::from_number(row.state) == FlowState::Started;
            broken.truncate(DATA_POLICY_VIOLATIONS_MAX);
            facts.suspension = Some(Suspension {
                reason: SuspensionReason::CompanyDlpViolation,
                message: Some(message.chars().take(SUSPENSION_CHARACTERS_MAX).collect()),
                time: held.map_or(now, |(_, time)| time),
                resumes: Some(held.and_then(|(resumes, _)| resumes).unwrap_or(is_started)),
                violations: broken,
            });
            row.state = FlowState::Suspended as u8;
        }
    }
}

/// Refuses to turn on a flow that is held.
pub(crate) fn refuse_held(facts: &FlowFacts) -> Result<(), AppError> {
    let Some(held) = facts.suspension.as_ref().filter(|it| it.resumes.is_some()) else {
        return Ok(());
    };
    let message = held.message.clone().unwrap_or_default();
    let message = format!("The flow cannot be turned on. {message}");
    let details = held.violations.iter().map(|it| Problem {
        severity: Severity::Error,
        code: it.kind.name(),
        path: it.path.clone(),
        offset: None,
        expected: None,
        message: it.text(),
    });
    let details = details.collect();
    Err(AppError { details, ..AppError::new(ErrorKind::Forbidden, "DataPolicyViolation", message) })
}
