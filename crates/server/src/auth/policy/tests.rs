//! The table of rights, written by hand a second time: what each kind of caller may call.
//! `docs/reference/authorization.md` is made from it.

use super::*;
use crate::auth::caller::Role;
use std::collections::HashSet;
use std::fmt::Write;

/// Owner, co-owner, run-only user, administrator of the environment who owns nothing,
/// administrator of another environment, tenant administrator, application that
/// administers the environment, application without a role, application that administers
/// the tenant.
const COLUMNS: [&str; 9] = [
    "owner",
    "co-owner",
    "run-only user",
    "administrator of the environment",
    "administrator of another environment",
    "tenant administrator",
    "application that administers the environment",
    "application without a role",
    "application that administers the tenant",
];

/// `+`: allowed, in the order of the columns. The environment is not the default one; who
/// owns something in it is a maker there, administrators are as administrators take part.
const EXPECTED: &[(&str, &str)] = &[
    ("CancelFlowRun", "++-------"),
    ("CreateConnection", "++++-----"),
    ("CreateFlow", "++++-----"),
    ("DeleteFlow", "++-------"),
    ("GetApi", "++++-----"),
    ("GetFlow", "++-------"),
    ("AdminGetFlow", "---+-++-+"),
    ("ListCallbackUrl", "++-------"),
    ("ListApis", "++++-----"),
    ("ListFlowOwners", "++-------"),
    ("ListFlowUsers", "++-------"),
    ("ListFlowsInEnvironment_V2", "---+-++-+"),
    ("ListConnections", "++++-----"),
    ("ListUserEnvironments", "++++++---"),
    ("ListMyFlows", "++++-----"),
    ("ModifyFlowOwners", "++-------"),
    ("AdminModifyFlowOwners", "---+-++-+"),
    ("ModifyRunOnlyUsers", "++-------"),
    ("AdminRestoreFlow", "---+-++-+"),
    ("ResubmitFlow", "++-------"),
    ("StopFlow", "++-------"),
    ("StartFlow", "++-------"),
    ("UpdateFlow", "++-------"),
    ("Disable-AdminFlow", "---+-++-+"),
    ("Edit-AdminFlowOwnerRole", "---+-++-+"),
    ("Enable-AdminFlow", "---+-++-+"),
    ("Get-AdminFlowOwnerRole", "---+-++-+"),
    ("Get-AdminFlowUserDetails", "-----+---"),
    ("Remove-AdminFlow", "---+-++-+"),
    ("Remove-AdminFlowUserDetails", "-----+---"),
    ("GetEnvironment", "++++-----"),
    ("AdminGetEnvironment", "---+-++-+"),
    ("ListFlowRuns", "++-------"),
    ("ListFlowRunsAsAdmin", "---+-++-+"),
    ("RunFlow", "+++------"),
    ("ExportFlow", "++-------"),
    ("GetConnection", "+++------"),
    ("UseConnection", "+++------"),
    ("UpdateConnection", "++-------"),
    ("PutConnectionBackend", "+--------"),
    ("TestConnection", "+++------"),
    ("ResolveDynamicValues", "+++------"),
    ("ConsentConnection", "++-------"),
    ("DeleteConnection", "+--------"),
    ("ModifyConnectionPermissions", "++-------"),
    ("ListConnectionsAsAdmin", "---+-++-+"),
    ("GetConnectionAsAdmin", "---+-++-+"),
    ("DeleteConnectionAsAdmin", "---+-++-+"),
    ("ModifyConnectionPermissionsAsAdmin", "---+-++-+"),
    ("PutConnectionBackendAsAdmin", "---+-++-+"),
    ("ListApisAsAdmin", "---+-++-+"),
    ("CreateApi", "++++-----"),
    ("ChangeApi", "+--------"),
    ("ChangeApiAsAdmin", "---+-++-+"),
    ("CopyFlow", "++-------"),
    ("MoveFlow", "++-------"),
    ("Move-AdminFlow", "---+-++-+"),
    ("SuspendFlow", "---+-++-+"),
    ("ReadEnvironmentVariables", "++++-----"),
    ("ManageEnvironmentDataPolicies", "---+-++-+"),
    ("CreateEnvironmentVariable", "++++-----"),
    ("ManageEnvironmentVariables", "---+-++-+"),
    ("CreateRecording", "++++-----"),
    ("ManageRecordings", "---+-++-+"),
    ("CreateApp", "++++-----"),
    ("ListApps", "++++++---"),
    ("GetApp", "+++------"),
    ("UpdateApp", "++-------"),
    ("DeleteApp", "+--------"),
    ("ModifyAppPermissions", "++-------"),
    ("Get-AdminPowerApp", "---+-++-+"),
    ("Remove-AdminPowerApp", "---+-++-+"),
    ("Set-AdminPowerAppRoleAssignment", "---+-++-+"),
    ("Set-AdminPowerAppOwner", "---+-++-+"),
    ("Set-AdminPowerAppApisToBypassConsent", "---+-++-+"),
    ("CreateVault", "++++-----"),
    ("ReadVault", "+++------"),
    ("ChangeVault", "+--------"),
    ("ManageVaults", "---+-++-+"),
    ("ListApprovals", "++++++---"),
    ("CreateApproval", "++++-----"),
    ("GetApproval", "+++------"),
    ("AnswerApproval", "++-------"),
    ("CancelApproval", "+--------"),
    ("ManageApprovals", "---+-++-+"),
    ("ManageOwnAccount", "++++++---"),
    ("ReadDirectory", "+++++++-+"),
    ("ManageDirectory", "-----+--+"),
    ("ManageEnvironments", "-----+--+"),
    ("ManageDataPolicies", "-----+--+"),
    ("ManageServer", "-----+--+"),
    ("ReadAudit", "-----+--+"),
];

/// The callers of the columns, with what each has to do with the flow.
fn callers() -> [(Caller, Option<FlowRole>); 9] {
    let here = || "sales".to_owned();
    let person = |roles| Caller::person("somebody", Vec::new(), roles);
    let maker = || person(vec![Role::EnvironmentMaker(here())]);
    let administrator = Role::EnvironmentAdministrator;
    [
        (maker(), Some(FlowRole::Owner)),
        (maker(), Some(FlowRole::CoOwner)),
        (maker(), Some(FlowRole::RunOnly)),
        (person(vec![administrator(here())]), None),
        (person(vec![administrator("other".to_owned())]), None),
        (person(vec![Role::TenantAdministrator]), None),
        (Caller::application("app", vec![administrator(here())]), None),
        (Caller::application("app", Vec::new()), None),
        (Caller::application("app", vec![Role::TenantAdministrator]), None),
    ]
}

fn row(operation: Operation) -> String {
    cells(|caller, place| allows(caller, operation, place))
}

fn cells(is_allowed: impl Fn(&Caller, Place<'_>) -> bool) -> String {
    // who made a flow made the connection too, and so on
    let hold = |role| match role {
        FlowRole::Owner => Hold::Owner,
        FlowRole::CoOwner => Hold::CanEdit,
        FlowRole::RunOnly => Hold::CanView,
    };
    let place = |flow: Option<FlowRole>| Place {
        environment: Some(("sales", false)),
        flow,
        hold: flow.map(hold),
    };
    let allowed = callers()
        .into_iter()
        .map(|(caller, flow)| if is_allowed(&caller, place(flow)) { '+' } else { '-' });
    allowed.collect()
}

#[test]
fn everybody_may_do_what_the_table_says_and_nothing_else() {
    for (id, expected) in EXPECTED {
        let operation = Operation::ALL.iter().find(|operation| operation.id() == *id);
        let operation = operation.unwrap_or_else(|| panic!("{id} is no operation"));
        assert_eq!(row(*operation), *expected, "{id}");
    }
    let known: HashSet<&str> = EXPECTED.iter().map(|(id, _)| *id).collect();
    assert_eq!(known.len(), EXPECTED.len(), "an operation is listed twice");
    for operation in Operation::ALL {
        assert!(known.contains(operation.id()), "{} is not in the table", operation.id());
    }
}

/// Everything that a row can say.
const ALL_NEEDS: [Needs; 13] = [
    Person,
    PersonOrAdministrator,
    Maker,
    Flow(RunOnly),
    Flow(CoOwner),
    Flow(FlowRole::Owner),
    Held(Hold::CanView),
    Held(Hold::CanViewWithShare),
    Held(Hold::CanEdit),
    Held(Hold::Owner),
    EnvironmentAdministrator,
    TenantAdministratorInPerson,
    TenantAdministrator,
];

/// A row that said something else, more or less, would change a cell of the table above,
/// and `tests/api/rights.rs` tries every cell over HTTP.
#[test]
fn no_row_can_be_changed_unnoticed() {
    for (id, expected) in EXPECTED {
        let operation = Operation::ALL.iter().find(|it| it.id() == *id).unwrap();
        let is_known = ALL_NEEDS.contains(&operation.needs());
        assert!(is_known, "{id} says what is not among the needs of this test");
        let others = ALL_NEEDS.into_iter().filter(|it| !is_alike(*it, operation.needs()));
        for other in others {
            let changed = cells(|caller, place| meets(caller, other, place));
            assert_ne!(changed, *expected, "{id} could say {other:?}");
        }
    }
}

/// What no cell tells apart. What one has to do with a flow is of no use for a connection,
/// since a place has one of them only; and the two roles between using a connection and
/// owning it have one column, and a test of their own in `tests/api/connection.rs`.
fn is_alike(one: Needs, other: Needs) -> bool {
    let between = [Held(Hold::CanViewWithShare), Held(Hold::CanEdit)];
    one == other
        || matches!((one, other), (Flow(_), Held(_)) | (Held(_), Flow(_)))
        || (between.contains(&one) && between.contains(&other))
}

/// Sharing a flow with a program does not make it a person.
#[test]
fn an_application_that_owns_a_flow_does_nothing_with_it() {
    let application = Caller::application("app", Vec::new());
    let (flow, hold) = (Some(FlowRole::Owner), Some(Hold::Owner));
    let place = Place { environment: Some(("sales", true)), flow, hold };
    for operation in Operation::ALL {
        assert!(!allows(&application, *operation, place), "{}", operation.id());
    }
}

#[test]
fn in_the_default_environment_everybody_is_a_maker() {
    let nobody = Caller::person("somebody", Vec::new(), Vec::new());
    let place = |is_open| Place { environment: Some(("sales", is_open)), ..Place::default() };
    assert!(allows(&nobody, Operation::CreateFlow, place(true)));
    assert!(!allows(&nobody, Operation::CreateFlow, place(false)));
    assert!(!allows(&nobody, Operation::AdminGetFlow, place(true)));
    let application = Caller::application("app", vec![Role::EnvironmentMaker("sales".into())]);
    assert!(!allows(&application, Operation::CreateFlow, place(true)));
}

#[test]
fn owning_a_flow_elsewhere_is_of_no_use() {
    let maker = Caller::person("somebody", Vec::new(), vec![Role::EnvironmentMaker("x".into())]);
    for operation in Operation::ALL {
        if matches!(operation.needs(), Needs::Flow(_) | Needs::Held(_)) {
            assert!(!allows(&maker, *operation, Place::default()), "{}", operation.id());
        }
    }
}

/// The page that readers see says what the table says.
#[test]
fn the_reference_is_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/authorization.md");
    let mut page = String::from(HEAD);
    write!(page, "| operation | {} |\n|---|", COLUMNS.join(" | ")).unwrap();
    page.push_str(&"---|".repeat(COLUMNS.len()));
    page.push('\n');
    for operation in Operation::ALL {
        let cells: Vec<&str> =
            row(*operation).chars().map(|it| if it == '+' { "yes" } else { "" }).collect();
        writeln!(page, "| `{}` | {} |", operation.id(), cells.join(" | ")).unwrap();
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let stored = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(stored, page, "UPDATE_GOLDEN=1 writes the page");
}

const HEAD: &str = "# Who may do what

Generated from the table in `crates/server/src/auth/policy.rs`: `UPDATE_GOLDEN=1 cargo test -p sluicegate policy` writes it.

- Operations that act for the caller give an administrator nothing extra: another person's flow is refused, except through
  the operations that are named for administrators.
- For connections and connectors, the first three columns are who made it, who may change it, and who may use it.
- Who owns or shares a flow is a maker of its environment in this table. In the default environment everybody is a maker.
- An application by itself (client secret or certificate) may call operations for administrators only, and none on the
  details of users. With a person behind it, it may do what that person may.
- The server's root keys may do everything; they belong to nobody, so that they own no flows.
- A flow, a run or an environment that somebody may not see answers as one that is not there.

";
