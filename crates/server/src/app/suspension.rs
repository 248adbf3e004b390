//! Suspended flows: somebody who administers them, or a rule, has turned them off for a
//! reason. A suspended flow starts nothing; its runs that are under way go on.

use super::App;
use super::access::{Act, FlowAt, FlowFound, Scope};
use super::catalog::FlowState;
use super::data::Change;
use super::data_policy::rule::Violation;
use super::environment::forbidden;
use super::error::AppError;
use super::flow::FlowView;
use crate::auth::caller::Caller;
use crate::limits::SUSPENSION_CHARACTERS_MAX;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Why a flow is suspended, by the names of the original (`flowSuspensionReason`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SuspensionReason {
    /// It breaks a data policy.
    CompanyDlpViolation,
    /// Its runs only fail.
    AlwaysFailingDetected,
    /// Its trigger never fires.
    NeverTriggeringDetected,
}

impl SuspensionReason {
    const ALL: [SuspensionReason; 3] = [
        SuspensionReason::CompanyDlpViolation,
        SuspensionReason::AlwaysFailingDetected,
        SuspensionReason::NeverTriggeringDetected,
    ];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            SuspensionReason::CompanyDlpViolation => "CompanyDlpViolation",
            SuspensionReason::AlwaysFailingDetected => "AlwaysFailingDetected",
            SuspensionReason::NeverTriggeringDetected => "NeverTriggeringDetected",
        }
    }

    /// Whether only who administers the flow may turn it on again: a policy is not the
    /// owner's to lift.
    #[must_use]
    pub fn is_administrators(self) -> bool {
        match self {
            SuspensionReason::CompanyDlpViolation => true,
            SuspensionReason::AlwaysFailingDetected | SuspensionReason::NeverTriggeringDetected => {
                false
            }
        }
    }

    pub fn parse(text: &str) -> Result<SuspensionReason, AppError> {
        let found = Self::ALL.into_iter().find(|it| it.name().eq_ignore_ascii_case(text));
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join("', '");
            let message = format!("'reason' is '{text}', expected one of '{names}'.");
            AppError::invalid("InvalidSuspension", message)
        })
    }
}

/// That a flow is suspended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspension {
    pub reason: SuspensionReason,
    /// For people.
    #[serde(default)]
    pub message: Option<String>,
    /// Ticks.
    pub time: i64,
    /// Of one that a data policy holds: whether it is turned on when it breaks none any more.
    #[serde(default)]
    pub resumes: Option<bool>,
    /// Of one that a data policy holds: what it breaks.
    #[serde(default)]
    pub violations: Vec<Violation>,
}

impl App {
    /// Suspends a flow. Suspending it again changes the reason.
    pub async fn suspend_flow(
        &self,
        caller: &Caller,
        at: FlowAt<'_>,
        reason: SuspensionReason,
        message: Option<String>,
    ) -> Result<FlowView, AppError> {
        let FlowFound { entry, mut facts, .. } = self.flow_for(caller, Act::SUSPEND, at).await?;
        if message.as_ref().is_some_and(|it| it.chars().count() > SUSPENSION_CHARACTERS_MAX) {
            let message =
                format!("'message' has more than {SUSPENSION_CHARACTERS_MAX} characters.");
            return Err(AppError::invalid("InvalidSuspension", message));
        }
        let time = self.engine.clock.now();
        let detail = json!({
            "before": entry.state.name(),
            "reason": reason.name(),
            "message": message,
        });
        let (resumes, violations) = (None, Vec::new());
        facts.suspension = Some(Suspension { reason, message, time, resumes, violations });
        let mut row = entry.row.clone();
        row.state = FlowState::Suspended as u8;
        row.changed = time;
        let change = Change::default().update_flow(row, None).put(&facts)?;
        self.apply(caller, change.audit("SuspendFlow", &entry.row.id, &detail)).await?;
        let entry = self.reload(&entry).await?;
        let entry = self.align_trigger(entry).await?;
        self.view(entry, Vec::new()).await
    }
}

/// Refuses to lift a suspension to who may not. In the caller's own right nobody may lift
/// what is an administrator's.
pub(super) fn may_lift(caller: &Caller, scope: Scope, found: &FlowFound) -> Result<(), AppError> {
    let Some(suspension) = &found.facts.suspension else { return Ok(()) };
    // what a policy holds, that policy lets go
    if !suspension.reason.is_administrators() || suspension.resumes.is_some() {
        return Ok(());
    }
    let administers = scope != Scope::Mine
        && Act::START.allows(caller, Scope::Admin, &found.environment, Some(&found.facts));
    if administers {
        return Ok(());
    }
    let name = suspension.reason.name();
    let more = suspension.message.as_deref().map(|it| format!(" ({it})")).unwrap_or_default();
    Err(forbidden(&format!(
        "The flow is suspended for '{name}'{more}: only an administrator can turn it on or off."
    )))
}
