//! The table of rights, written by hand a second time: what each kind of caller may call.
//! `docs/reference/authorization.md` is made from it.

use super::*;
use crate::auth::caller::Role;
use std::collections::HashSet;
use std::fmt::Write;

/// Owner, co-owner, run-only user, administrator of the environment who owns nothing,
/// administrator of another environment, tenant administrator, application that
/// administers the environment, application without a role.
const COLUMNS: [&str; 8] = [
    "owner",
    "co-owner",
    "run-only user",
    "administrator of the environment",
    "administrator of another environment",
    "tenant administrator",
    "application that administers the environment",
    "application without a role",
];

/// `+`: allowed, in the order of the columns. The environment is not the default one; who
/// owns something in it is a maker there, administrators are as administrators take part.
const EXPECTED: &[(&str, &str)] = &[
    ("CancelFlowRun", "++------"),
    ("CreateConnection", "++++----"),
    ("CreateFlow", "++++----"),
    ("DeleteFlow", "++------"),
    ("GetApi", "++++----"),
    ("GetFlow", "++------"),
    ("AdminGetFlow", "---+-++-"),
    ("ListCallbackUrl", "++------"),
    ("ListApis", "++++----"),
    ("ListFlowOwners", "++------"),
    ("ListFlowUsers", "++------"),
    ("ListFlowsInEnvironment_V2", "---+-++-"),
    ("ListConnections", "++++----"),
    ("ListUserEnvironments", "++++++--"),
    ("ListMyFlows", "++++----"),
    ("ModifyFlowOwners", "++------"),
    ("AdminModifyFlowOwners", "---+-++-"),
    ("ModifyRunOnlyUsers", "++------"),
    ("AdminRestoreFlow", "---+-++-"),
    ("ResubmitFlow", "++------"),
    ("StopFlow", "++------"),
    ("StartFlow", "++------"),
    ("UpdateFlow", "++------"),
    ("Disable-AdminFlow", "---+-++-"),
    ("Edit-AdminFlowOwnerRole", "---+-++-"),
    ("Enable-AdminFlow", "---+-++-"),
    ("Get-AdminFlowOwnerRole", "---+-++-"),
    ("Get-AdminFlowUserDetails", "-----+--"),
    ("Remove-AdminFlow", "---+-++-"),
    ("Remove-AdminFlowUserDetails", "-----+--"),
    ("GetEnvironment", "++++----"),
    ("AdminGetEnvironment", "---+-++-"),
    ("ListFlowRuns", "++------"),
    ("ListFlowRunsAsAdmin", "---+-++-"),
    ("RunFlow", "+++-----"),
    ("ExportFlow", "++------"),
    ("ManageOwnAccount", "++++++--"),
    ("ReadDirectory", "+++++++-"),
    ("ManageDirectory", "-----+--"),
    ("ManageEnvironments", "-----+--"),
    ("ManageServer", "-----+--"),
    ("ReadAudit", "-----+--"),
];

/// The callers of the columns, with what each has to do with the flow.
fn callers() -> [(Caller, Option<FlowRole>); 8] {
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
    ]
}

fn row(operation: Operation) -> String {
    let place = |flow| Place { environment: Some(("sales", false)), flow };
    let allowed = callers()
        .into_iter()
        .map(|(caller, flow)| if allows(&caller, operation, place(flow)) { '+' } else { '-' });
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

#[test]
fn in_the_default_environment_everybody_is_a_maker() {
    let nobody = Caller::person("somebody", Vec::new(), Vec::new());
    let place = |is_open| Place { environment: Some(("sales", is_open)), flow: None };
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
        if matches!(operation.needs(), Needs::Flow(_)) {
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
- Who owns or shares a flow is a maker of its environment in this table. In the default environment everybody is a maker.
- An application by itself (client secret or certificate) may call operations for administrators only, and none on the
  details of users. With a person behind it, it may do what that person may.
- The server's root keys may do everything; they belong to nobody, so that they own no flows.
- A flow, a run or an environment that somebody may not see answers as one that is not there.

";
