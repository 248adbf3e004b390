//! The operations of both connectors.

/// What has to be so before an operation is called.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Before {
    Nothing,
    Stopped,
    Deleted,
    /// There is a connector of the owner's, with a connection that is called as the flow.
    Connected,
}

/// What is so when it was called.
#[derive(Clone, Copy)]
pub enum After {
    Nothing,
    State(&'static str),
    Gone,
    /// Shared with the stranger in this role.
    Shared(&'static str),
    Renamed,
    Cancelled,
}

/// What a documented parameter does.
#[derive(Clone, Copy)]
pub enum Shows {
    Has(&'static str),
    Lacks(&'static str),
    /// Its text, somewhere.
    Says(&'static str),
    SaysNot(&'static str),
    Refused(&'static str),
}

/// Part of an address that names what is not there.
#[derive(Clone, Copy, Debug)]
pub enum Part {
    Environment,
    Flow,
    Run,
    Trigger,
    User,
    Connector,
}

pub struct Operation {
    pub id: &'static str,
    /// Who may, and who may not.
    pub may: usize,
    pub may_not: usize,
    pub before: Before,
    pub status: u16,
    /// The definition of the answer; nothing when it has no body.
    pub answer: &'static str,
    pub after: After,
    pub parameters: &'static [(&'static str, Shows)],
    pub unknown: &'static [(Part, u16, &'static str)],
    /// Bodies that are refused, and the code.
    pub bad: &'static [(&'static str, &'static str)],
}

const OWNER: usize = 0;
const USER: usize = 2;
const ADMIN: usize = 3;
const STRANGER: usize = 4;
const HEAD: usize = 5;
const ROBOT: usize = 6;
const MANAGER: usize = 8;

/// In the caller's own right nothing is said of what is not theirs.
const NOT_MINE: &str = "ConnectionAuthorizationFailed";
const MINE: &[(Part, u16, &str)] =
    &[(Part::Flow, 403, NOT_MINE), (Part::Environment, 403, NOT_MINE)];
const ADMINISTERED: &[(Part, u16, &str)] =
    &[(Part::Flow, 404, "FlowNotFound"), (Part::Environment, 403, "Forbidden")];

const OF_CONNECTOR: &[(Part, u16, &str)] = &[
    (Part::Connector, 404, "ApiResourceNotFound"),
    (Part::Environment, 403, "EnvironmentAccessDenied"),
];

const BASE: Operation = Operation {
    id: "",
    may: OWNER,
    may_not: ADMIN,
    before: Before::Nothing,
    status: 200,
    answer: "",
    after: After::Nothing,
    parameters: &[],
    unknown: MINE,
    bad: &[],
};

const AS_ADMIN: Operation = Operation { may: ADMIN, may_not: OWNER, unknown: ADMINISTERED, ..BASE };

const BAD_FLOW: &[(&str, &str)] = &[
    ("", "InvalidRequestContent"),
    ("{", "InvalidRequestContent"),
    ("[]", "InvalidRequestContent"),
    (r#"{"properties": 7}"#, "InvalidRequestContent"),
    (r#"{"properties": {"displayName": 7, "state": "Started"}}"#, "InvalidRequestContent"),
    (r#"{"properties": {"displayName": "x", "state": "On"}}"#, "MissingProperty"),
    (r#"{"properties": {"state": "Started"}}"#, "MissingProperty"),
    (r#"{"properties": {"displayName": "x"}}"#, "MissingProperty"),
    (
        r#"{"properties": {"displayName": "x", "state": "On", "definition": {}}}"#,
        "InvalidFlowState",
    ),
    (
        r#"{"properties": {"displayName": "x", "state": "Started", "connectionReferences": [{}]}}"#,
        "MissingProperty",
    ),
    (
        r#"{"properties": {"displayName": "x", "state": "Started", "creator": {"tenantId": "x"}}}"#,
        "MissingProperty",
    ),
    (
        r#"{"properties": {"displayName": "x", "state": "Started", "definition": {"actions": 7}}}"#,
        "InvalidDefinition",
    ),
];

const BAD_CHANGE: &[(&str, &str)] = &[
    ("{", "InvalidRequestContent"),
    ("[]", "InvalidRequestContent"),
    (r#"{"properties": {"displayName": ""}}"#, "InvalidRequestContent"),
    (r#"{"properties": {"state": "Deleted"}}"#, "InvalidFlowState"),
    (r#"{"properties": {"createdTime": "yesterday"}}"#, "InvalidRequestContent"),
    (r#"{"properties": {"connectionReferences": {"x": {}}}}"#, "MissingProperty"),
    (r#"{"properties": {"creator": {}}}"#, "MissingProperty"),
    (r#"{"properties": {"definition": {"actions": {"A": {"type": 7}}}}}"#, "InvalidDefinition"),
];

const BAD_PRINCIPALS: &[(&str, &str)] = &[
    ("{", "InvalidRequestContent"),
    (r#"{"put": 7}"#, "InvalidRequestContent"),
    (r#"{"put": [{}]}"#, "InvalidRequestContent"),
    (r#"{"put": [{"properties": {"principal": {"type": "User"}}}]}"#, "PrincipalMissing"),
    (r#"{"put": [{"properties": {"principal": {"id": "x"}}}]}"#, "MissingProperty"),
    (
        r#"{"put": [{"properties": {"principal": {"id": "x", "type": "Dog"}}}]}"#,
        "InvalidPrincipalType",
    ),
    (
        r#"{"put": [{"properties": {"principal": {"id": "nobody", "type": "User"}}}]}"#,
        "PrincipalNotFound",
    ),
    (r#"{"delete": [{}]}"#, "PrincipalMissing"),
    (r#"{"delete": [{"properties": {"principal": {"id": "x"}}}]}"#, "MissingProperty"),
];

const BAD_ROLES: &[(&str, &str)] = &[
    ("{", "InvalidRequestContent"),
    (
        r#"{"put": [{"properties": {"roleName": "King", "principal": {"id": "x", "type": "User"}}}]}"#,
        "InvalidRoleName",
    ),
    (r#"{"put": [{"properties": {"principal": {"type": "User"}}}]}"#, "PrincipalMissing"),
    (r#"{"delete": [{}]}"#, "PrincipalMissing"),
];

const EXPANDED: &str = "$expand=properties.estimatedSuspensionData,plan,unknownOne";
const SUSPENSION: Shows = Shows::Has("/properties/estimatedSuspensionData");

pub const OPERATIONS: &[Operation] = &[
    // Power Automate Management
    Operation {
        id: "CancelFlowRun",
        after: After::Cancelled,
        unknown: &[
            (Part::Flow, 403, NOT_MINE),
            (Part::Environment, 403, NOT_MINE),
            (Part::Run, 404, "WorkflowRunNotFound"),
        ],
        ..BASE
    },
    Operation {
        id: "CreateConnection",
        may_not: STRANGER,
        before: Before::Connected,
        status: 201,
        answer: "ConnectionWithoutConnectionParameters",
        unknown: OF_CONNECTOR,
        bad: &[
            ("", "InvalidRequestContent"),
            ("{", "InvalidRequestContent"),
            (r#"{"properties": 7}"#, "InvalidRequestContent"),
            (r#"{"properties": {"connectionParameters": 7}}"#, "InvalidRequestContent"),
            (
                r#"{"properties": {"connectionParameters": {"key": 7}}}"#,
                "InvalidConnectionParameters",
            ),
            (
                r#"{"properties": {"connectionParameters": {"other": "x"}}}"#,
                "InvalidConnectionParameters",
            ),
            (r#"{"name": "a b", "properties": {}}"#, "InvalidConnectionName"),
        ],
        ..BASE
    },
    Operation {
        id: "CreateFlow",
        may_not: STRANGER,
        status: 201,
        answer: "Flow",
        unknown: &[(Part::Environment, 403, "EnvironmentAccessDenied")],
        bad: BAD_FLOW,
        ..BASE
    },
    Operation { id: "DeleteFlow", after: After::Gone, ..BASE },
    Operation {
        id: "GetApi",
        may_not: STRANGER,
        before: Before::Connected,
        answer: "ApiWithoutConnectionParameters",
        unknown: OF_CONNECTOR,
        ..BASE
    },
    Operation {
        id: "GetFlow",
        answer: "FlowWithConnectionReferences",
        parameters: &[(EXPANDED, SUSPENSION), ("$expand=plan", Shows::Has("/properties/plan"))],
        ..BASE
    },
    Operation {
        id: "AdminGetFlow",
        answer: "AdminFlowWithConnectionReferences",
        parameters: &[
            ("includeFlowDefinition=true", Shows::Has("/properties/definition")),
            ("includeFlowDefinition=false", Shows::Lacks("/properties/definition")),
            ("includeFlowDefinition=False", Shows::Lacks("/properties/definition")),
            (EXPANDED, SUSPENSION),
        ],
        ..AS_ADMIN
    },
    Operation {
        id: "ListCallbackUrl",
        answer: "FlowListCallbackUrlResponse",
        unknown: &[
            (Part::Flow, 403, NOT_MINE),
            (Part::Environment, 403, NOT_MINE),
            (Part::Trigger, 404, "TriggerNotFound"),
        ],
        ..BASE
    },
    Operation {
        id: "ListApis",
        may_not: STRANGER,
        before: Before::Connected,
        answer: "ResourceArray[ApiWithoutConnectionParameters]",
        parameters: &[
            ("showApisWithToS=true", Shows::Says("shared_flowmanagement")),
            ("hideDlpExemptApis=true", Shows::Says("shared_rights")),
        ],
        unknown: &[(Part::Environment, 403, "EnvironmentAccessDenied")],
        ..BASE
    },
    Operation { id: "ListFlowOwners", answer: "ResourceArray[FlowPermission]", ..BASE },
    Operation { id: "ListFlowUsers", answer: "ResourceArray[FlowPermission]", ..BASE },
    Operation {
        id: "ListFlowsInEnvironment_V2",
        answer: "ResourceArray[AdminFlowWithoutDefinition]",
        parameters: &[
            ("$top=1", Shows::Has("/nextLink")),
            ("$top=100", Shows::Lacks("/nextLink")),
            ("%24top=1", Shows::Lacks("/value/1")),
            ("$top=0", Shows::Refused("InvalidQuery")),
            ("$top=x", Shows::Refused("InvalidQuery")),
            ("$skiptoken=%00", Shows::Has("/value")),
            (
                "expandSuspensionInfo=true",
                Shows::Has("/value/0/properties/estimatedSuspensionData"),
            ),
            (
                "expandSuspensionInfo=false",
                Shows::Lacks("/value/0/properties/estimatedSuspensionData"),
            ),
            ("includeSoftDeletedFlows=true", Shows::Says("\"Deleted\"")),
            ("include=softDeletedFlows", Shows::Says("\"Deleted\"")),
            ("includeSoftDeletedFlows=false", Shows::SaysNot("\"Deleted\"")),
            ("", Shows::Lacks("/value/0/properties/definition")),
            ("$expand=properties/definition", Shows::Lacks("/value/0/properties/definition")),
        ],
        unknown: &[(Part::Environment, 403, "EnvironmentAccessDenied")],
        ..AS_ADMIN
    },
    Operation {
        id: "ListConnections",
        may_not: STRANGER,
        before: Before::Connected,
        answer: "ResourceArray[ConnectionWithoutConnectionParameters]",
        parameters: &[("$top=1", Shows::Has("/value/0"))],
        unknown: &[(Part::Environment, 403, "EnvironmentAccessDenied")],
        ..BASE
    },
    Operation {
        id: "ListUserEnvironments",
        may_not: ROBOT,
        answer: "ResourceArray[Environment]",
        parameters: &[
            ("$expand=permissions", Shows::Has("/value/0/properties/permissions")),
            ("", Shows::Lacks("/value/0/properties/permissions")),
        ],
        unknown: &[],
        ..BASE
    },
    Operation {
        id: "ListMyFlows",
        may_not: STRANGER,
        answer: "ResourceArray[AdminFlow]",
        parameters: &[
            ("$top=1", Shows::Has("/nextLink")),
            ("$filter=search('team')", Shows::Lacks("/value/0")),
            ("$filter=search('personal')", Shows::Has("/value/0")),
            ("include=includeSolutionCloudFlows", Shows::Has("/value/0")),
            ("$skiptoken=made~x", Shows::Refused("InvalidSkipToken")),
            (
                "expandSuspensionInfo=true",
                Shows::Has("/value/0/properties/estimatedSuspensionData"),
            ),
        ],
        unknown: &[(Part::Environment, 403, "EnvironmentAccessDenied")],
        ..BASE
    },
    Operation {
        id: "ModifyFlowOwners",
        after: After::Shared("CanEdit"),
        bad: BAD_PRINCIPALS,
        ..BASE
    },
    Operation {
        id: "AdminModifyFlowOwners",
        after: After::Shared("CanEdit"),
        bad: BAD_PRINCIPALS,
        ..AS_ADMIN
    },
    Operation {
        id: "ModifyRunOnlyUsers",
        after: After::Shared("CanView"),
        bad: BAD_PRINCIPALS,
        ..BASE
    },
    Operation {
        id: "AdminRestoreFlow",
        before: Before::Deleted,
        after: After::State("Stopped"),
        ..AS_ADMIN
    },
    Operation {
        id: "ResubmitFlow",
        status: 202,
        unknown: &[
            (Part::Flow, 403, NOT_MINE),
            (Part::Environment, 403, NOT_MINE),
            (Part::Run, 404, "WorkflowRunNotFound"),
            (Part::Trigger, 404, "TriggerNotFound"),
        ],
        ..BASE
    },
    Operation { id: "StopFlow", after: After::State("Stopped"), ..BASE },
    Operation {
        id: "StartFlow",
        before: Before::Stopped,
        after: After::State("Started"),
        may_not: USER,
        ..BASE
    },
    Operation { id: "UpdateFlow", answer: "Flow", after: After::Renamed, bad: BAD_CHANGE, ..BASE },
    // Power Automate for Admins
    Operation { id: "Disable-AdminFlow", after: After::State("Stopped"), ..AS_ADMIN },
    Operation {
        id: "Edit-AdminFlowOwnerRole",
        after: After::Shared("CanEdit"),
        bad: BAD_ROLES,
        ..AS_ADMIN
    },
    Operation {
        id: "Enable-AdminFlow",
        may: ROBOT,
        before: Before::Stopped,
        after: After::State("Started"),
        ..AS_ADMIN
    },
    Operation { id: "Get-AdminFlowOwnerRole", answer: "Permissions", ..AS_ADMIN },
    Operation {
        id: "Get-AdminFlowUserDetails",
        may: HEAD,
        may_not: MANAGER,
        answer: "UserDetails",
        unknown: &[(Part::User, 404, "UserNotFound")],
        ..BASE
    },
    Operation {
        id: "Remove-AdminFlow",
        after: After::Gone,
        // what is not there need not be deleted
        unknown: &[(Part::Flow, 204, ""), (Part::Environment, 403, "Forbidden")],
        ..AS_ADMIN
    },
    Operation {
        id: "Remove-AdminFlowUserDetails",
        may: HEAD,
        may_not: ADMIN,
        unknown: &[(Part::User, 404, "UserNotFound")],
        ..BASE
    },
];
