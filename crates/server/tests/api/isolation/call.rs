//! The calls that are tried: each with what it takes and what it does.

use super::model::{Noun, Rule};
use reqwest::Method;
use serde_json::{Value, json};

/// What an allowed call does, as far as the model has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing, or what does not concern rights.
    Nothing,
    /// The principal that is named gets this part.
    Share(u8),
    Delete,
    /// It is in the other environment that is named.
    Move,
    /// There is another like it in the other environment.
    Double,
}

pub struct Call {
    pub noun: Noun,
    pub rule: Rule,
    pub effect: Effect,
    method: Method,
    path: &'static str,
    body: &'static str,
}

impl Call {
    pub fn is_read(&self) -> bool {
        self.method == Method::GET
    }

    /// Whether it says which environment it is about; else it is that of the thing.
    pub fn names_environment(&self) -> bool {
        ["{E}", "{M}", "{A}", "{B}", "{Q}"].iter().any(|it| self.path.contains(it))
    }

    /// Whether it ends a run.
    pub fn is_cancel(&self) -> bool {
        self.path.ends_with("/{R}/cancel")
    }

    /// Whether it is made over a connection.
    pub fn is_over(&self) -> bool {
        self.path.contains("{VIA}")
    }

    /// `{M}`, `{A}`, `{N}`: a flow in one's own right, in an administrator's, in the native API;
    /// `{C}`, `{B}`, `{D}` the same of connections.
    pub fn request(&self, with: &With<'_>) -> (Method, String, Option<Value>) {
        let flows = "/providers/Microsoft.ProcessSimple";
        let apps = "/providers/Microsoft.PowerApps";
        let fill = |text: &str| {
            text.replace("{M}", &format!("{flows}/environments/{{E}}/flows/{{ID}}"))
                .replace("{A}", &format!("{flows}/scopes/admin/environments/{{E}}/flows/{{ID}}"))
                .replace("{N}", "/api/v1/flows/{ID}")
                .replace("{D}", "/api/v1/environments/{E}/connectors/shared_walk/connections/{ID}")
                .replace("{C}", &format!("{apps}/apis/shared_walk/connections/{{ID}}"))
                .replace(
                    "{B}",
                    &format!(
                        "{apps}/scopes/admin/environments/{{E}}/apis/shared_walk/connections/{{ID}}"
                    ),
                )
                .replace(
                    "{Z}",
                    "/subscriptions/34adfa4f-cedf-4dc0-ba29-b6d1a69ab345/resourceGroups/{E}/providers/Microsoft.Web/connections/{ID}",
                )
                .replace("{Q}", "$filter=environment%20eq%20%27{E}%27")
                .replace("{F}", flows)
                .replace("{P}", apps)
                .replace("{E}", with.environment)
                .replace("{ID}", with.id)
                .replace("{R}", with.run)
                .replace("{WHO}", with.principal)
                .replace("{KIND}", with.kind)
                .replace("{OTHER}", with.other)
                .replace("{VIA}", with.via)
        };
        let body = (!self.body.is_empty())
            .then(|| serde_json::from_str(&fill(self.body)).expect("a body"));
        let body = body.or((self.method == Method::POST).then(|| json!({})));
        (self.method.clone(), fill(self.path), body)
    }
}

/// What stands in a call.
#[derive(Clone)]
pub struct With<'a> {
    pub environment: &'a str,
    pub id: &'a str,
    pub run: &'a str,
    pub principal: &'a str,
    pub kind: &'a str,
    pub other: &'a str,
    /// The connection of the connector surface.
    pub via: &'a str,
}

const GIVE: &str = r#"{"put": [{"properties": {"principal": {"id": "{WHO}", "type": "{KIND}"}}}]}"#;
const LEND: &str = r#"{"put": [{"properties": {"roleName": "CanView", "principal": {"id": "{WHO}", "type": "{KIND}"}}}]}"#;
const INVOKED: &str = r#"{"request": {"method": "get", "path": "/anything"}}"#;
const PATCH: &str = r#"{"properties": {"description": "Changed."}}"#;
const EXPORT: &str = r#"{"includedResourceIds": ["/providers/Microsoft.Flow/flows/{ID}"]}"#;
const OTHER: &str = r#"{"environment": "{OTHER}"}"#;
const SUSPEND: &str = r#"{"reason": "NeverTriggeringDetected"}"#;
const NEW: &str = r#"{"properties": {"displayName": "New", "state": "Stopped", "definition": {
    "triggers": {"manual": {"type": "Request", "kind": "Http", "inputs": {}}}, "actions": {}}}}"#;

/// Every call.
pub fn all() -> Vec<Call> {
    let parts = [
        about_flows(),
        over_connections(),
        about_connections(),
        about_approvals(),
        about_environments(),
    ];
    parts.into_iter().flatten().collect()
}

type Line = (&'static str, &'static str, &'static str, Rule, Effect);

fn of(noun: Noun, lines: &[Line]) -> Vec<Call> {
    let calls = lines.iter().map(|(method, path, body, rule, effect)| Call {
        noun,
        rule: *rule,
        effect: *effect,
        method: method.parse().expect("a method"),
        path,
        body,
    });
    calls.collect()
}

use Effect::{Delete, Double, Move, Nothing, Share};
use Rule::{Admin, Head, Maker, MakerOrAdmin, Part, PartOrAdmin, Person, PersonOrAdmin, Unsaid};

fn about_flows() -> Vec<Call> {
    of(
        Noun::Flow,
        &[
            ("GET", "{M}", "", Part(2), Nothing),
            ("GET", "{A}", "", Admin, Nothing),
            ("GET", "{M}/owners", "", Part(2), Nothing),
            ("GET", "{M}/users", "", Part(2), Nothing),
            ("GET", "{M}/runs", "", Part(2), Nothing),
            ("GET", "{M}/runs/{R}", "", Part(2), Nothing),
            ("GET", "{A}/runs", "", Admin, Nothing),
            ("GET", "{A}/permissions", "", Admin, Nothing),
            ("POST", "{M}/runs/{R}/cancel", "", Part(2), Nothing),
            ("POST", "{M}/triggers/manual/listCallbackUrl", "", Part(2), Nothing),
            ("POST", "{M}/triggers/manual/histories/{R}/resubmit", "", Part(2), Nothing),
            ("POST", "{M}/triggers/manual/run", "", Part(1), Nothing),
            ("POST", "{M}/stop", "", Part(2), Nothing),
            ("POST", "{M}/start", "", Part(2), Nothing),
            ("PATCH", "{M}", PATCH, Part(2), Nothing),
            ("POST", "{M}/modifyOwners", GIVE, Part(2), Share(2)),
            ("POST", "{M}/modifyUsers", GIVE, Part(2), Share(1)),
            ("POST", "{A}/modifyOwners", GIVE, Admin, Share(2)),
            ("POST", "{A}/modifyPermissions", GIVE, Admin, Share(2)),
            ("POST", "{A}/stop", "", Admin, Nothing),
            ("POST", "{A}/start", "", Admin, Nothing),
            ("DELETE", "{M}", "", Part(2), Delete),
            ("DELETE", "{A}", "", Admin, Delete),
            (
                "POST",
                "/providers/Microsoft.BusinessAppPlatform/environments/{E}/exportPackage",
                EXPORT,
                Unsaid,
                Nothing,
            ),
            ("GET", "{N}?environment={E}", "", PartOrAdmin(2), Nothing),
            ("GET", "{N}/runs?environment={E}", "", PartOrAdmin(2), Nothing),
            ("GET", "{N}/runs?environment={E}&search=mark", "", PartOrAdmin(2), Nothing),
            ("GET", "{N}/versions?environment={E}", "", PartOrAdmin(2), Nothing),
            ("GET", "{N}/versions/1?environment={E}", "", PartOrAdmin(2), Nothing),
            ("GET", "{N}/package?environment={E}", "", Part(2), Nothing),
            ("POST", "{N}/callback-url?environment={E}", "", Part(2), Nothing),
            ("POST", "{N}/run?environment={E}", "", Part(1), Nothing),
            ("POST", "{N}/runs/resubmit?environment={E}", r#"{"dryRun": true}"#, Part(2), Nothing),
            ("POST", "{N}/runs/cancel?environment={E}", r#"{"dryRun": true}"#, Part(2), Nothing),
            ("POST", "{N}/enable?environment={E}", "", PartOrAdmin(2), Nothing),
            ("POST", "{N}/disable?environment={E}", "", PartOrAdmin(2), Nothing),
            ("POST", "{N}/suspend?environment={E}", SUSPEND, Admin, Nothing),
            ("POST", "{N}/keys/primary/rotate?environment={E}", "", Part(2), Nothing),
            ("POST", "{N}/copy?environment={E}", OTHER, Part(2), Double),
            ("POST", "{N}/move?environment={E}", OTHER, PartOrAdmin(2), Move),
            ("DELETE", "{N}?environment={E}", "", PartOrAdmin(2), Delete),
            ("GET", "{N}/retention?environment={E}", "", Unsaid, Nothing),
            ("GET", "{N}/notifications?environment={E}", "", PartOrAdmin(2), Nothing),
            ("GET", "/api/v1/runs/{R}", "", PartOrAdmin(2), Nothing),
            ("GET", "/api/v1/runs/{R}/actions", "", PartOrAdmin(2), Nothing),
            ("GET", "/api/v1/runs/{R}/actions/Say", "", PartOrAdmin(2), Nothing),
            ("GET", "/api/v1/runs/{R}/actions/Say/repetitions", "", PartOrAdmin(2), Nothing),
            ("POST", "/api/v1/runs/{R}/cancel", "", Part(2), Nothing),
            ("POST", "/api/v1/runs/{R}/resubmit", "", Part(2), Nothing),
            ("POST", "/api/v1/runs/{R}/resume", "", Part(2), Nothing),
        ],
    )
}

/// The connector surface: what is asked over a connection of the caller's own.
fn over_connections() -> Vec<Call> {
    let mine = "/apim/flowmanagement/m{VIA}/environments/{E}/flows/{ID}";
    let admin = "/apim/flowmanagement/m{VIA}/scopes/admin/environments/{E}/flows/{ID}";
    let own = [(mine, Part(2)), (admin, Admin)];
    let mut calls = of(Noun::Flow, &own.map(|(path, rule)| ("GET", path, "", rule, Nothing)));
    calls.extend(of(Noun::Flow, &[
        (
            "GET",
            "/apim/flowmanagement/m{VIA}/environments/{E}/flows/{ID}/owners",
            "",
            Part(2),
            Nothing,
        ),
        (
            "POST",
            "/apim/flowmanagement/m{VIA}/environments/{E}/flows/{ID}/stop",
            "",
            Part(2),
            Nothing,
        ),
        (
            "GET",
            "/apim/microsoftflowforadmins/a{VIA}{F}/scopes/admin/environments/{E}/flows/{ID}/permissions",
            "",
            Admin,
            Nothing,
        ),
        (
            "POST",
            "/apim/microsoftflowforadmins/a{VIA}{F}/scopes/admin/environments/{E}/flows/{ID}/stop",
            "",
            Admin,
            Nothing,
        ),
    ]));
    calls.extend(of(
        Noun::Environment,
        &[
            ("GET", "/apim/flowmanagement/m{VIA}/environments/{ID}/flows", "", Maker, Nothing),
            ("GET", "/apim/flowmanagement/m{VIA}/environments", "", Person, Nothing),
            (
                "GET",
                "/apim/flowmanagement/m{VIA}/scopes/admin/environments/{ID}/v2/flows",
                "",
                Admin,
                Nothing,
            ),
        ],
    ));
    calls
}

fn about_connections() -> Vec<Call> {
    let mut calls = of(
        Noun::Connection,
        &[
            ("GET", "{C}?{Q}", "", Part(1), Nothing),
            ("GET", "{C}/permissions?{Q}", "", Part(1), Nothing),
            ("GET", "/apim/walk/{ID}/anything", "", Unsaid, Nothing),
            ("GET", "{Z}", "", Part(1), Nothing),
            ("POST", "{Z}/dynamicInvoke", INVOKED, Unsaid, Nothing),
            ("POST", "{C}/modifyPermissions?{Q}", LEND, Part(2), Share(1)),
            ("POST", "{D}/test", "", Part(1), Nothing),
            ("POST", "{D}/consents", "", Part(3), Nothing),
            ("DELETE", "{C}?{Q}", "", Part(4), Delete),
            ("GET", "{B}", "", Admin, Nothing),
            ("POST", "{B}/modifyPermissions", LEND, Admin, Share(1)),
            ("DELETE", "{B}", "", Admin, Delete),
        ],
    );
    calls.extend(of(
        Noun::Connector,
        &[
            ("GET", "{P}/apis/{ID}?{Q}", "", Maker, Nothing),
            ("GET", "{P}/scopes/admin/environments/{E}/apis/{ID}", "", Admin, Nothing),
            ("GET", "/api/v1/environments/{E}/connectors/{ID}", "", MakerOrAdmin, Nothing),
            ("DELETE", "/api/v1/environments/{E}/connectors/{ID}", "", PartOrAdmin(4), Delete),
        ],
    ));
    calls.extend(of(
        Noun::Variable,
        &[
            ("GET", "/api/v1/environments/{E}/variables/{ID}", "", MakerOrAdmin, Nothing),
            (
                "PATCH",
                "/api/v1/environments/{E}/variables/{ID}",
                r#"{"description": "Changed."}"#,
                PartOrAdmin(4),
                Nothing,
            ),
            ("DELETE", "/api/v1/environments/{E}/variables/{ID}", "", PartOrAdmin(4), Delete),
        ],
    ));
    calls
}

fn about_approvals() -> Vec<Call> {
    of(
        Noun::Approval,
        &[
            ("GET", "/api/v1/approvals/{ID}", "", PartOrAdmin(2), Nothing),
            ("GET", "/api/v1/approvals/{ID}/evidence", "", PartOrAdmin(2), Nothing),
            ("GET", "/api/v1/approvals/{ID}/attachments/0", "", PartOrAdmin(2), Nothing),
            (
                "POST",
                "/api/v1/approvals/{ID}/responses",
                r#"{"response": "Approve"}"#,
                PartOrAdmin(2),
                Nothing,
            ),
            (
                "POST",
                "/api/v1/approvals/{ID}/reassign",
                r#"{"to": "{WHO}"}"#,
                PartOrAdmin(2),
                Share(2),
            ),
            ("POST", "/api/v1/approvals/{ID}/cancel", "", PartOrAdmin(4), Nothing),
            (
                "POST",
                "{F}/environments/{E}/approvals/{ID}/approvalResponses",
                r#"{"properties": {"response": "Approve"}}"#,
                PartOrAdmin(2),
                Nothing,
            ),
            (
                "GET",
                "{F}/environments/{E}/approvalRequests?$filter=properties/assignedTo/id%20eq%20%27{WHO}%27&$expand=properties/approval",
                "",
                Unsaid,
                Nothing,
            ),
            ("GET", "/api/v1/approvals?for={WHO}", "", Unsaid, Nothing),
        ],
    )
}

fn about_environments() -> Vec<Call> {
    let mut calls = of(
        Noun::Environment,
        &[
            ("GET", "{F}/environments/{ID}", "", Maker, Nothing),
            (
                "GET",
                "/providers/Microsoft.BusinessAppPlatform/scopes/admin/environments/{ID}",
                "",
                Admin,
                Nothing,
            ),
            ("GET", "{F}/environments/{ID}/flows", "", Maker, Nothing),
            ("GET", "{F}/scopes/admin/environments/{ID}/v2/flows", "", Admin, Nothing),
            ("POST", "{F}/environments/{ID}/flows", NEW, Maker, Nothing),
            ("GET", "{P}/connections?{Q}", "", Unsaid, Nothing),
            ("GET", "{P}/apis?{Q}", "", Unsaid, Nothing),
            ("GET", "{P}/scopes/admin/environments/{ID}/connections", "", Admin, Nothing),
            ("GET", "/api/v1/environments/{ID}/connectors", "", MakerOrAdmin, Nothing),
            ("GET", "/api/v1/environments/{ID}/approvals", "", Admin, Nothing),
            ("GET", "/api/v1/environments/{ID}/variables", "", MakerOrAdmin, Nothing),
            ("GET", "/api/v1/environments/{ID}", "", Unsaid, Nothing),
            ("GET", "/api/v1/flows?environment={ID}&deleted=true", "", Unsaid, Nothing),
            ("PATCH", "/api/v1/environments/{ID}", r#"{"description": "Changed."}"#, Head, Nothing),
            ("GET", "/api/v1/environments/{ID}/retention", "", Head, Nothing),
        ],
    );
    calls.extend(of(
        Noun::Server,
        &[
            ("GET", "{F}/environments", "", Person, Nothing),
            ("GET", "/api/v1/environments", "", Unsaid, Nothing),
            ("GET", "/api/v1/me", "", Unsaid, Nothing),
            ("GET", "/api/v1/approvals", "", Person, Nothing),
            ("GET", "/api/v1/approvals?side=sent&state=closed", "", Person, Nothing),
            ("GET", "/api/v1/audit?top=1000", "", Head, Nothing),
            ("GET", "/api/v1/audit/export", "", Head, Nothing),
            ("GET", "/api/v1/users", "", Head, Nothing),
            ("GET", "/api/v1/groups", "", Head, Nothing),
            ("GET", "/api/v1/keys", "", Head, Nothing),
            ("GET", "/api/v1/principals/{WHO}", "", Head, Nothing),
            (
                "POST",
                "/api/v1/principals/{WHO}/roles/grant",
                r#"{"role": "governanceAdministrator"}"#,
                Head,
                Nothing,
            ),
            ("DELETE", "/api/v1/users/nobody", "", Head, Nothing),
            ("GET", "/api/v1/retention", "", Head, Nothing),
            (
                "GET",
                "/v1.0/users?$filter=userPrincipalName%20eq%20%27u0@example.org%27",
                "",
                PersonOrAdmin,
                Nothing,
            ),
        ],
    ));
    calls
}
