//! From a name to something that the caller may work with: the rights of a use case are
//! checked here and nowhere else.

use super::catalog::{FlowEntry, FlowState};
use super::data::Known;
use super::environment::{Environment, forbidden};
use super::error::{AppError, ErrorKind};
use super::facts::FlowFacts;
use super::run::RunView;
use super::{App, Operation};
use crate::auth::caller::{Caller, CallerKind};
use crate::auth::policy::{self, Place};
use std::sync::Arc;

/// In whose right something is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The caller's own: an administrator gets nothing extra.
    Mine,
    /// An administrator's: owning a flow is of no use.
    Admin,
    /// Either.
    Any,
}

/// Something that can be done to a flow, in the caller's own right and in an
/// administrator's.
#[derive(Clone, Copy, Debug)]
pub struct Act {
    pub mine: Operation,
    pub admin: Option<Operation>,
}

impl Act {
    const fn both(mine: Operation, admin: Operation) -> Act {
        Act { mine, admin: Some(admin) }
    }

    const fn mine(mine: Operation) -> Act {
        Act { mine, admin: None }
    }

    pub const GET: Act = Act::both(Operation::GetFlow, Operation::AdminGetFlow);
    pub const UPDATE: Act = Act::mine(Operation::UpdateFlow);
    pub const DELETE: Act = Act::both(Operation::DeleteFlow, Operation::RemoveAdminFlow);
    pub const START: Act = Act::both(Operation::StartFlow, Operation::EnableAdminFlow);
    pub const STOP: Act = Act::both(Operation::StopFlow, Operation::DisableAdminFlow);
    pub const RESTORE: Act =
        Act { mine: Operation::AdminRestoreFlow, admin: Some(Operation::AdminRestoreFlow) };
    pub const COPY: Act = Act::mine(Operation::CopyFlow);
    pub const MOVE: Act = Act::both(Operation::MoveFlow, Operation::MoveAdminFlow);
    pub const SUSPEND: Act =
        Act { mine: Operation::SuspendFlow, admin: Some(Operation::SuspendFlow) };
    pub const CALLBACK_URL: Act = Act::mine(Operation::ListCallbackUrl);
    pub const LIST_OWNERS: Act =
        Act::both(Operation::ListFlowOwners, Operation::GetAdminFlowOwnerRole);
    pub const LIST_USERS: Act = Act::mine(Operation::ListFlowUsers);
    pub const MODIFY_OWNERS: Act =
        Act::both(Operation::ModifyFlowOwners, Operation::AdminModifyFlowOwners);
    pub const EDIT_PERMISSIONS: Act =
        Act::both(Operation::ModifyFlowOwners, Operation::EditAdminFlowOwnerRole);
    pub const MODIFY_USERS: Act = Act::mine(Operation::ModifyRunOnlyUsers);
    pub const LIST_RUNS: Act = Act::both(Operation::ListFlowRuns, Operation::ListFlowRunsAsAdmin);
    pub const CANCEL: Act = Act::mine(Operation::CancelFlowRun);
    pub const RESUBMIT: Act = Act::mine(Operation::ResubmitFlow);
    pub const EXPORT: Act = Act::mine(Operation::ExportFlow);
    pub const RUN: Act = Act::mine(Operation::RunFlow);
}

impl Act {
    /// The operations that allow it, each by itself.
    fn operations(self, scope: Scope) -> impl Iterator<Item = Operation> {
        let operations = match scope {
            Scope::Mine => [Some(self.mine), None],
            Scope::Admin => [self.admin, None],
            Scope::Any => [Some(self.mine), self.admin],
        };
        operations.into_iter().flatten()
    }

    /// Whether a caller may do it to a flow, or, without facts, to any flow of the
    /// environment.
    pub(super) fn allows(
        self,
        caller: &Caller,
        scope: Scope,
        environment: &Environment,
        facts: Option<&FlowFacts>,
    ) -> bool {
        let flow = facts.and_then(|facts| facts.role_of(caller));
        let place = Place { flow, ..environment.place() };
        self.operations(scope).any(|operation| policy::allows(caller, operation, place))
    }
}

/// A flow by its name, as somebody asks for it.
#[derive(Clone, Copy, Debug)]
pub struct FlowAt<'a> {
    pub environment: &'a str,
    /// Its name, or its id as a GUID.
    pub name: &'a str,
    pub scope: Scope,
}

/// A run by its name, as somebody asks for it.
#[derive(Clone, Copy, Debug)]
pub struct RunAt<'a> {
    /// The flow that it must be of. `None`: whichever it is, in any right.
    pub flow: Option<FlowAt<'a>>,
    pub name: &'a str,
}

impl<'a> RunAt<'a> {
    /// A run of whichever flow.
    #[must_use]
    pub fn any(name: &'a str) -> RunAt<'a> {
        RunAt { flow: None, name }
    }
}

/// A flow that the caller may work with.
pub struct FlowFound {
    pub entry: Arc<FlowEntry>,
    pub facts: Known<FlowFacts>,
    pub environment: Environment,
}

impl App {
    /// The check of rights where no environment and no flow is concerned.
    pub(crate) fn permit(&self, caller: &Caller, operation: Operation) -> Result<(), AppError> {
        if policy::allows(caller, operation, Place::default()) {
            return Ok(());
        }
        Err(refusal(caller, operation))
    }

    /// A flow, when the caller may do this to it.
    pub(crate) async fn flow_for(
        &self,
        caller: &Caller,
        act: Act,
        at: FlowAt<'_>,
    ) -> Result<FlowFound, AppError> {
        let found = self.flow_in(caller, act, at).await?;
        if found.entry.state == FlowState::Deleted {
            return Err(no_flow(at));
        }
        Ok(found)
    }

    /// The same when it may be one that was deleted.
    pub(crate) async fn flow_in(
        &self,
        caller: &Caller,
        act: Act,
        at: FlowAt<'_>,
    ) -> Result<FlowFound, AppError> {
        let known = self.environment(at.environment).await?;
        let found = match known {
            Some(environment) => {
                let flow = self.flow_named(&environment, at.name).await?;
                Some((environment.value, flow))
            }
            None => None,
        };
        let allowed = |environment: &Environment, facts: Option<&FlowFacts>| {
            act.allows(caller, at.scope, environment, facts)
        };
        match found {
            Some((environment, Some((entry, facts)))) if allowed(&environment, Some(&facts)) => {
                Ok(FlowFound { entry, facts, environment })
            }
            // who may do it to any flow of the environment is told that this one is not there
            Some((environment, None)) if allowed(&environment, None) => Err(no_flow(at)),
            None if caller.administers_tenant() => Err(no_flow(at)),
            _ => Err(refused(caller, act, at)),
        }
    }

    /// A run, when the caller may do this to its flow. Of one that the caller may not see
    /// nothing is said.
    pub(crate) async fn run_for(
        &self,
        caller: &Caller,
        act: Act,
        at: RunAt<'_>,
    ) -> Result<RunView, AppError> {
        let asked = match at.flow {
            Some(flow) => Some(self.flow_for(caller, act, flow).await?.entry),
            None => None,
        };
        let view = self.run_view(at.name).await?;
        match asked {
            Some(entry) if entry.row.key == view.row.workflow => Ok(view),
            Some(_) => Err(no_run(at.name)),
            None => {
                let row = &view.flow.row;
                let environment = self.environment(&row.environment).await?;
                let environment = environment.ok_or_else(|| no_run(at.name))?;
                let facts = self.facts(row).await?;
                match act.allows(caller, Scope::Any, &environment, Some(&facts)) {
                    true => Ok(view),
                    false => Err(no_run(at.name)),
                }
            }
        }
    }

    async fn flow_named(
        &self,
        environment: &Environment,
        name: &str,
    ) -> Result<Option<(Arc<FlowEntry>, Known<FlowFacts>)>, AppError> {
        let catalog = &self.engine.catalog;
        let id = guid_to_id(name);
        let by_id = match &id {
            Some(id) => catalog.by_id(id).await?,
            None => None,
        };
        let by_id = by_id.filter(|entry| entry.row.environment == environment.id);
        let entry = match by_id {
            Some(entry) => Some(entry),
            None => catalog.by_name(&environment.id, name).await?,
        };
        match entry {
            Some(entry) => {
                let facts = self.facts(&entry.row).await?;
                Ok(Some((entry, facts)))
            }
            None => Ok(None),
        }
    }
}

/// What somebody learns who may not: nothing about what is there.
fn refused(caller: &Caller, act: Act, at: FlowAt<'_>) -> AppError {
    let mut operations = act.operations(at.scope);
    let is_own = at.scope != Scope::Admin && caller.kind() == CallerKind::Person;
    if is_own && operations.any(|operation| !policy::is_administrative(operation)) {
        let message = format!(
            "The caller with object id '{}' does not have permission for connection '{}' under Api 'shared_logicflows'.",
            caller.id(),
            at.name
        );
        return AppError::new(ErrorKind::Forbidden, "ConnectionAuthorizationFailed", message);
    }
    match act.operations(at.scope).next() {
        Some(operation) => refusal(caller, operation),
        None => forbidden("An administrator cannot do this to another's flow."),
    }
}

fn refusal(caller: &Caller, operation: Operation) -> AppError {
    let id = operation.id();
    if caller.kind() == CallerKind::Application && !policy::is_administrative(operation) {
        return forbidden(&format!(
            "An application by itself cannot call '{id}': it needs somebody who has signed in."
        ));
    }
    forbidden(&format!("The caller with object id '{}' may not call '{id}'.", caller.id()))
}

fn no_flow(at: FlowAt<'_>) -> AppError {
    AppError::not_found("FlowNotFound", format!("Could not find flow '{}'.", at.name))
}

pub(super) fn no_run(name: &str) -> AppError {
    AppError::not_found("RunNotFound", format!("There is no run '{name}'."))
}

/// The id of a flow from the GUID that it is on the wire.
#[must_use]
pub fn guid_to_id(guid: &str) -> Option<String> {
    let has_form = guid.len() == 36
        && guid.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    has_form.then(|| guid.replace('-', "").to_ascii_lowercase())
}

/// The GUID of a flow on the wire.
#[must_use]
pub fn id_to_guid(id: &str) -> String {
    match (id.get(..8), id.get(8..12), id.get(12..16), id.get(16..20), id.get(20..)) {
        (Some(a), Some(b), Some(c), Some(d), Some(e)) => format!("{a}-{b}-{c}-{d}-{e}"),
        _ => id.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_guids_are_the_same() {
        let guid = "0f2d4ef5-4151-4e93-9aaa-1f380d7ed95d";
        let id = guid_to_id(guid).unwrap();
        assert_eq!(id, "0f2d4ef541514e939aaa1f380d7ed95d");
        assert_eq!(id_to_guid(&id), guid);
        assert_eq!(guid_to_id(&guid.to_uppercase()), Some(id));
        for wrong in ["", "order", &guid[1..], &guid.replace('-', "_")] {
            assert_eq!(guid_to_id(wrong), None, "{wrong}");
        }
    }
}
