//! Who may do what: one table, and the one function that reads it.
//!
//! Operations that act for the caller give an administrator nothing extra; those named for
//! administrators ask for nothing but administering. A program by itself may call the
//! latter only, and none that is about the details of users (documentation pages "Power
//! Automate Management" and "Power Automate for Admins").

use super::caller::{Caller, CallerKind};
use serde::{Deserialize, Serialize};

/// What somebody has to do with a flow, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FlowRole {
    /// May run it.
    RunOnly,
    /// May do everything but take it from who owns it.
    CoOwner,
    /// Made it.
    Owner,
}

/// What somebody has to do with a connection, or with a connector that was imported, least
/// first. The names are those of the contract's roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Hold {
    /// May use it.
    CanView,
    /// May use it and let others use it.
    CanViewWithShare,
    /// May change it.
    CanEdit,
    /// Made it.
    Owner,
}

/// What is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// A person. What they get is their own.
    Person,
    /// A person, or a program that administers something and has to name people.
    PersonOrAdministrator,
    /// A person who takes part in the environment.
    Maker,
    /// A person with this part in the flow, or a greater one.
    Flow(FlowRole),
    /// A person with this part in the connection or connector, or a greater one.
    Held(Hold),
    /// Administers the environment, or the tenant.
    EnvironmentAdministrator,
    /// Administers the tenant, as a person.
    TenantAdministratorInPerson,
    /// Administers the tenant.
    TenantAdministrator,
}

macro_rules! operations {
    ($($name:ident $id:literal $needs:expr;)*) => {
        /// What can be asked for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Operation {
            $($name,)*
        }

        impl Operation {
            /// Every operation, in the order of the table.
            pub const ALL: &'static [Operation] = &[$(Operation::$name,)*];

            /// The id that the contract gives it.
            #[must_use]
            pub fn id(self) -> &'static str {
                match self {
                    $(Operation::$name => $id,)*
                }
            }

            /// What it needs.
            #[must_use]
            pub fn needs(self) -> Needs {
                match self {
                    $(Operation::$name => $needs,)*
                }
            }
        }
    };
}

use FlowRole::{CoOwner, RunOnly};
use Needs::{
    EnvironmentAdministrator, Flow, Held, Maker, Person, PersonOrAdministrator,
    TenantAdministrator, TenantAdministratorInPerson,
};

operations! {
    // Power Automate Management
    CancelFlowRun "CancelFlowRun" Flow(CoOwner);
    CreateConnection "CreateConnection" Maker;
    CreateFlow "CreateFlow" Maker;
    DeleteFlow "DeleteFlow" Flow(CoOwner);
    GetApi "GetApi" Maker;
    GetFlow "GetFlow" Flow(CoOwner);
    AdminGetFlow "AdminGetFlow" EnvironmentAdministrator;
    ListCallbackUrl "ListCallbackUrl" Flow(CoOwner);
    ListApis "ListApis" Maker;
    ListFlowOwners "ListFlowOwners" Flow(CoOwner);
    ListFlowUsers "ListFlowUsers" Flow(CoOwner);
    ListFlowsInEnvironmentV2 "ListFlowsInEnvironment_V2" EnvironmentAdministrator;
    ListConnections "ListConnections" Maker;
    ListUserEnvironments "ListUserEnvironments" Person;
    ListMyFlows "ListMyFlows" Maker;
    ModifyFlowOwners "ModifyFlowOwners" Flow(CoOwner);
    AdminModifyFlowOwners "AdminModifyFlowOwners" EnvironmentAdministrator;
    ModifyRunOnlyUsers "ModifyRunOnlyUsers" Flow(CoOwner);
    AdminRestoreFlow "AdminRestoreFlow" EnvironmentAdministrator;
    ResubmitFlow "ResubmitFlow" Flow(CoOwner);
    StopFlow "StopFlow" Flow(CoOwner);
    StartFlow "StartFlow" Flow(CoOwner);
    UpdateFlow "UpdateFlow" Flow(CoOwner);
    // Power Automate for Admins
    DisableAdminFlow "Disable-AdminFlow" EnvironmentAdministrator;
    EditAdminFlowOwnerRole "Edit-AdminFlowOwnerRole" EnvironmentAdministrator;
    EnableAdminFlow "Enable-AdminFlow" EnvironmentAdministrator;
    GetAdminFlowOwnerRole "Get-AdminFlowOwnerRole" EnvironmentAdministrator;
    GetAdminFlowUserDetails "Get-AdminFlowUserDetails" TenantAdministratorInPerson;
    RemoveAdminFlow "Remove-AdminFlow" EnvironmentAdministrator;
    RemoveAdminFlowUserDetails "Remove-AdminFlowUserDetails" TenantAdministratorInPerson;
    // what clients call besides
    GetEnvironment "GetEnvironment" Maker;
    AdminGetEnvironment "AdminGetEnvironment" EnvironmentAdministrator;
    ListFlowRuns "ListFlowRuns" Flow(CoOwner);
    ListFlowRunsAsAdmin "ListFlowRunsAsAdmin" EnvironmentAdministrator;
    RunFlow "RunFlow" Flow(RunOnly);
    ExportFlow "ExportFlow" Flow(CoOwner);
    GetConnection "GetConnection" Held(Hold::CanView);
    UseConnection "UseConnection" Held(Hold::CanView);
    UpdateConnection "UpdateConnection" Held(Hold::CanEdit);
    TestConnection "TestConnection" Held(Hold::CanView);
    ResolveDynamicValues "ResolveDynamicValues" Held(Hold::CanView);
    ConsentConnection "ConsentConnection" Held(Hold::CanEdit);
    PutConnectionBackend "PutConnectionBackend" Held(Hold::Owner);
    DeleteConnection "DeleteConnection" Held(Hold::Owner);
    ModifyConnectionPermissions "ModifyConnectionPermissions" Held(Hold::CanViewWithShare);
    ListConnectionsAsAdmin "ListConnectionsAsAdmin" EnvironmentAdministrator;
    GetConnectionAsAdmin "GetConnectionAsAdmin" EnvironmentAdministrator;
    DeleteConnectionAsAdmin "DeleteConnectionAsAdmin" EnvironmentAdministrator;
    ModifyConnectionPermissionsAsAdmin "ModifyConnectionPermissionsAsAdmin" EnvironmentAdministrator;
    PutConnectionBackendAsAdmin "PutConnectionBackendAsAdmin" EnvironmentAdministrator;
    ListApisAsAdmin "ListApisAsAdmin" EnvironmentAdministrator;
    CreateApi "CreateApi" Maker;
    ChangeApi "ChangeApi" Held(Hold::Owner);
    ChangeApiAsAdmin "ChangeApiAsAdmin" EnvironmentAdministrator;
    // what the original has no address for
    CopyFlow "CopyFlow" Flow(CoOwner);
    MoveFlow "MoveFlow" Flow(CoOwner);
    MoveAdminFlow "Move-AdminFlow" EnvironmentAdministrator;
    SuspendFlow "SuspendFlow" EnvironmentAdministrator;
    ReadEnvironmentVariables "ReadEnvironmentVariables" Maker;
    ManageEnvironmentDataPolicies "ManageEnvironmentDataPolicies" EnvironmentAdministrator;
    CreateEnvironmentVariable "CreateEnvironmentVariable" Maker;
    ManageEnvironmentVariables "ManageEnvironmentVariables" EnvironmentAdministrator;
    CreateRecording "CreateRecording" Maker;
    ManageRecordings "ManageRecordings" EnvironmentAdministrator;
    // apps, and what their administrators call
    CreateApp "CreateApp" Maker;
    ListApps "ListApps" Person;
    GetApp "GetApp" Held(Hold::CanView);
    UpdateApp "UpdateApp" Held(Hold::CanEdit);
    DeleteApp "DeleteApp" Held(Hold::Owner);
    ModifyAppPermissions "ModifyAppPermissions" Held(Hold::CanEdit);
    GetAdminApp "Get-AdminPowerApp" EnvironmentAdministrator;
    RemoveAdminApp "Remove-AdminPowerApp" EnvironmentAdministrator;
    SetAdminAppRoleAssignment "Set-AdminPowerAppRoleAssignment" EnvironmentAdministrator;
    SetAdminAppOwner "Set-AdminPowerAppOwner" EnvironmentAdministrator;
    SetAdminAppConsent "Set-AdminPowerAppApisToBypassConsent" EnvironmentAdministrator;
    CreateVault "CreateVault" Maker;
    ReadVault "ReadVault" Held(Hold::CanView);
    ChangeVault "ChangeVault" Held(Hold::Owner);
    ManageVaults "ManageVaults" EnvironmentAdministrator;
    // approvals: what one is asked for, and what one has asked
    ListApprovals "ListApprovals" Person;
    CreateApproval "CreateApproval" Maker;
    GetApproval "GetApproval" Held(Hold::CanView);
    AnswerApproval "AnswerApproval" Held(Hold::CanEdit);
    CancelApproval "CancelApproval" Held(Hold::Owner);
    ManageApprovals "ManageApprovals" EnvironmentAdministrator;
    // the directory and the server
    ManageOwnAccount "ManageOwnAccount" Person;
    ReadDirectory "ReadDirectory" PersonOrAdministrator;
    ManageDirectory "ManageDirectory" TenantAdministrator;
    ManageEnvironments "ManageEnvironments" TenantAdministrator;
    ManageDataPolicies "ManageDataPolicies" TenantAdministrator;
    ManageServer "ManageServer" TenantAdministrator;
    ReadAudit "ReadAudit" TenantAdministrator;
}

/// What an operation is about, as far as rights are concerned.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place<'a> {
    /// The environment and whether everybody is a maker in it.
    pub environment: Option<(&'a str, bool)>,
    /// What the caller has to do with the flow.
    pub flow: Option<FlowRole>,
    /// What the caller has to do with the connection or connector.
    pub hold: Option<Hold>,
}

/// Whether a caller may do something. The only reader of the table.
#[must_use]
pub fn allows(caller: &Caller, operation: Operation, place: Place<'_>) -> bool {
    meets(caller, operation.needs(), place)
}

fn meets(caller: &Caller, needs: Needs, place: Place<'_>) -> bool {
    let is_person = caller.kind() != CallerKind::Application;
    let is_root = caller.kind() == CallerKind::Root;
    let takes_part =
        place.environment.is_some_and(|(name, is_open)| is_open || caller.belongs_to(name));
    match needs {
        _ if is_root => true,
        Person => is_person,
        PersonOrAdministrator => is_person || caller.administers_something(),
        Maker => is_person && takes_part,
        Flow(least) => is_person && place.flow.is_some_and(|role| role >= least),
        Held(least) => is_person && place.hold.is_some_and(|hold| hold >= least),
        EnvironmentAdministrator => {
            place.environment.is_some_and(|(name, _)| caller.administers(name))
        }
        TenantAdministratorInPerson => is_person && caller.administers_tenant(),
        TenantAdministrator => caller.administers_tenant(),
    }
}

/// Whether an operation is one that takes an administrator's rights.
#[must_use]
pub fn is_administrative(operation: Operation) -> bool {
    matches!(
        operation.needs(),
        EnvironmentAdministrator | TenantAdministrator | TenantAdministratorInPerson
    )
}

#[cfg(test)]
mod tests;
