//! What the surfaces of the original may answer: the table of operations of its clients, with
//! the statuses that they accept, as documents that schemathesis reads.
//!
//! Every operation may also refuse: 400, 401, 403, 404, 409 and 429.

use crate::known::{ACTIONS, Known, Names, PASSWORD, SECRET, SIGNER, definitions};
use crate::lesson::one_of;
use serde_json::{Map, Value, json};

const REFUSALS: [u16; 6] = [400, 401, 403, 404, 409, 429];

/// What is sent.
#[derive(Clone, Copy)]
enum Body {
    Nothing,
    Flow,
    /// Whom to put, and whom to delete.
    People,
    Connection,
    Resources,
    /// An answer to an approval.
    Response,
    Anything,
}

/// An operation: method, path, statuses when it is done, body.
type Operation = (&'static str, &'static str, &'static [u16], Body);

/// Below `E/flows/{flow}` and, where the third is true, below `A/flows/{flow}` as well.
const FLOW: [(Operation, bool); 29] = [
    (("get", "", &[200], Body::Nothing), true),
    (("patch", "", &[200], Body::Flow), false),
    (("delete", "", &[200, 204], Body::Nothing), true),
    (("post", "/start", &[200], Body::Nothing), true),
    (("post", "/stop", &[200], Body::Nothing), true),
    (("post", "/restore", &[200], Body::Nothing), true),
    (("get", "/owners", &[200], Body::Nothing), true),
    (("get", "/permissions", &[200], Body::Nothing), true),
    (("get", "/users", &[200], Body::Nothing), false),
    (("post", "/modifyOwners", &[200], Body::People), true),
    (("post", "/modifyPermissions", &[200], Body::People), true),
    (("post", "/modifyUsers", &[200], Body::People), false),
    (("post", "/checkFlowErrors", &[200], Body::Nothing), false),
    (("post", "/exportToARMTemplate", &[200], Body::Nothing), false),
    (("post", "/triggers/{trigger}/listCallbackUrl", &[200], Body::Nothing), false),
    (("get", "/triggers", &[200], Body::Nothing), false),
    (("get", "/triggers/{trigger}/histories", &[200], Body::Nothing), false),
    (("get", "/triggers/{trigger}/histories/{run}", &[200], Body::Nothing), false),
    (("post", "/triggers/{trigger}/histories/{run}/resubmit", &[200, 202], Body::Nothing), false),
    (("post", "/triggers/{trigger}/run", &[200, 202], Body::Anything), false),
    (("get", "/runs", &[200], Body::Nothing), true),
    (("get", "/runs/{run}", &[200], Body::Nothing), true),
    (("post", "/runs/{run}/cancel", &[200], Body::Nothing), false),
    (("post", "/runs/abort", &[200], Body::Nothing), false),
    (("get", "/runs/{run}/actions", &[200], Body::Nothing), false),
    (("get", "/runs/{run}/actions/{action}", &[200], Body::Nothing), false),
    (("get", "/runs/{run}/actions/{action}/repetitions", &[200], Body::Nothing), false),
    (
        ("get", "/runs/{run}/actions/{action}/repetitions/{repetition}", &[200], Body::Nothing),
        false,
    ),
    (("get", "/runs/{run}/actions/{action}/scopeRepetitions", &[200], Body::Nothing), false),
];

/// Whole paths.
const OTHERS: [Operation; 40] = [
    ("get", "/providers/Microsoft.ProcessSimple/environments", &[200], Body::Nothing),
    ("get", "/providers/Microsoft.ProcessSimple/environments/{environment}", &[200], Body::Nothing),
    ("get", "/providers/Microsoft.ProcessSimple/scopes/admin/environments", &[200], Body::Nothing),
    (
        "get",
        "/providers/Microsoft.ProcessSimple/environments/{environment}/flows",
        &[200],
        Body::Nothing,
    ),
    (
        "post",
        "/providers/Microsoft.ProcessSimple/environments/{environment}/flows",
        &[200, 201],
        Body::Flow,
    ),
    (
        "get",
        "/providers/Microsoft.ProcessSimple/scopes/admin/environments/{environment}/flows",
        &[200],
        Body::Nothing,
    ),
    (
        "get",
        "/providers/Microsoft.ProcessSimple/scopes/admin/environments/{environment}/v2/flows",
        &[200],
        Body::Nothing,
    ),
    (
        "get",
        "/providers/Microsoft.ProcessSimple/environments/{environment}/approvalRequests",
        &[200],
        Body::Nothing,
    ),
    (
        "get",
        "/providers/Microsoft.ProcessSimple/environments/{environment}/approvals",
        &[200],
        Body::Nothing,
    ),
    (
        "post",
        "/providers/Microsoft.ProcessSimple/environments/{environment}/approvals/{approval}/approvalResponses",
        &[201],
        Body::Response,
    ),
    (
        "delete",
        "/providers/Microsoft.ProcessSimple/scopes/admin/environments/{environment}/users/{user}/approvals",
        &[200],
        Body::Nothing,
    ),
    ("get", "/providers/Microsoft.ProcessSimple/scopes/admin/users/{user}", &[200], Body::Nothing),
    (
        "delete",
        "/providers/Microsoft.ProcessSimple/scopes/admin/users/{user}",
        &[200],
        Body::Nothing,
    ),
    ("get", "/providers/Microsoft.PowerApps/environments", &[200], Body::Nothing),
    ("get", "/providers/Microsoft.PowerApps/environments/{environment}", &[200], Body::Nothing),
    ("get", "/providers/Microsoft.PowerApps/scopes/admin/environments", &[200], Body::Nothing),
    ("get", "/providers/Microsoft.PowerApps/apis", &[200], Body::Nothing),
    ("get", "/providers/Microsoft.PowerApps/apis/{connector}", &[200], Body::Nothing),
    ("get", "/providers/Microsoft.PowerApps/connections", &[200], Body::Nothing),
    ("get", "/providers/Microsoft.PowerApps/apis/{connector}/connections", &[200], Body::Nothing),
    (
        "post",
        "/providers/Microsoft.PowerApps/apis/{connector}/connections",
        &[200, 201],
        Body::Connection,
    ),
    (
        "put",
        "/providers/Microsoft.PowerApps/apis/{connector}/connections/{connection}",
        &[200, 201],
        Body::Connection,
    ),
    (
        "get",
        "/providers/Microsoft.PowerApps/apis/{connector}/connections/{connection}",
        &[200],
        Body::Nothing,
    ),
    (
        "delete",
        "/providers/Microsoft.PowerApps/apis/{connector}/connections/{connection}",
        &[200, 204],
        Body::Nothing,
    ),
    (
        "get",
        "/providers/Microsoft.PowerApps/apis/{connector}/connections/{connection}/permissions",
        &[200],
        Body::Nothing,
    ),
    (
        "post",
        "/providers/Microsoft.PowerApps/apis/{connector}/connections/{connection}/modifyPermissions",
        &[200],
        Body::People,
    ),
    (
        "get",
        "/providers/Microsoft.PowerApps/scopes/admin/environments/{environment}/connections",
        &[200],
        Body::Nothing,
    ),
    ("get", "/providers/Microsoft.BusinessAppPlatform/environments", &[200], Body::Nothing),
    (
        "get",
        "/providers/Microsoft.BusinessAppPlatform/environments/{environment}",
        &[200],
        Body::Nothing,
    ),
    (
        "get",
        "/providers/Microsoft.BusinessAppPlatform/scopes/admin/environments/{environment}",
        &[200],
        Body::Nothing,
    ),
    (
        "post",
        "/providers/Microsoft.BusinessAppPlatform/environments/{environment}/listPackageResources",
        &[200],
        Body::Resources,
    ),
    (
        "post",
        "/providers/Microsoft.BusinessAppPlatform/environments/{environment}/exportPackage",
        &[200],
        Body::Resources,
    ),
    ("get", "/providers/PowerPlatform.Governance/v1/policies", &[200], Body::Nothing),
    (
        "get",
        "/subscriptions/34adfa4f-cedf-4dc0-ba29-b6d1a69ab345/resourceGroups/{environment}/providers/Microsoft.Web/connections/{connection}",
        &[200],
        Body::Nothing,
    ),
    ("get", "/v1.0/users", &[200], Body::Nothing),
    ("get", "/v1.0/groups", &[200], Body::Nothing),
    ("get", "/apim/flowmanagement/{connection}/environments", &[200], Body::Nothing),
    (
        "get",
        "/apim/flowmanagement/{connection}/environments/{environment}/flows",
        &[200],
        Body::Nothing,
    ),
    (
        "get",
        "/apim/flowmanagement/{connection}/environments/{environment}/flows/{flow}",
        &[200],
        Body::Nothing,
    ),
    (
        "post",
        "/apim/flowmanagement/{connection}/environments/{environment}/flows/{flow}/stop",
        &[200],
        Body::Nothing,
    ),
];

const MINE: &str = "/providers/Microsoft.ProcessSimple/environments/{environment}/flows/{flow}";
const ADMIN: &str =
    "/providers/Microsoft.ProcessSimple/scopes/admin/environments/{environment}/flows/{flow}";

/// What wants a token.
pub fn providers(known: &Known) -> Value {
    let mut paths = Map::new();
    for ((method, rest, statuses, body), has_admin) in FLOW {
        let own = format!("{MINE}{rest}");
        add(&mut paths, method, &own, operation(known, method, &own, statuses, body));
        if has_admin {
            let theirs = format!("{ADMIN}{rest}");
            add(&mut paths, method, &theirs, operation(known, method, &theirs, statuses, body));
        }
    }
    for (method, path, statuses, body) in OTHERS {
        add(&mut paths, method, path, operation(known, method, path, statuses, body));
    }
    document(paths)
}

fn document(paths: Map<String, Value>) -> Value {
    let info = json!({"title": "The original's surfaces", "version": "1"});
    json!({"openapi": "3.1.0", "info": info, "paths": paths})
}

fn add(paths: &mut Map<String, Value>, method: &str, path: &str, operation: Value) {
    let item = paths.entry(path).or_insert_with(|| json!({}));
    assert!(item.get(method).is_none(), "{method} {path} is there twice");
    item[method] = operation;
}

fn responses(statuses: &[u16]) -> Value {
    let all = statuses.iter().chain(&REFUSALS);
    all.map(|status| (status.to_string(), json!({"description": "As the contract says."})))
        .collect()
}

fn operation(known: &Known, method: &str, path: &str, statuses: &[u16], body: Body) -> Value {
    let mut parameters = segments(known, method, path);
    parameters.extend(queries(known, path));
    let mut operation = json!({"parameters": parameters, "responses": responses(statuses)});
    if let Some(schema) = schema(known, body) {
        operation["requestBody"] = json!({"content": {"application/json": {"schema": schema}}});
    }
    operation
}

fn any_text() -> Value {
    json!({"type": "string"})
}

fn query(name: &str, schema: &Value) -> Value {
    json!({"name": name, "in": "query", "required": false, "schema": schema})
}

fn segments(known: &Known, method: &str, path: &str) -> Vec<Value> {
    let first = |names: &Names| names.for_call(method, path).into_iter().take(1).collect();
    let named = path.split('/').filter_map(|it| it.strip_prefix('{')?.strip_suffix('}'));
    let parameter = |name: &str| {
        let values = match name {
            "environment"
                if ["/flows", "Package", "Microsoft.Web", "/approval"]
                    .iter()
                    .any(|it| path.contains(it)) =>
            {
                vec![known.place.clone()]
            }
            "environment" => known.wire_environments.kept.clone(),
            // a run is found below its flow only
            "flow" if path.contains("{run}") => first(&known.flows),
            "flow" => known.flows.for_call(method, path),
            "run" => first(&known.runs),
            "approval" => known.approvals.changing.clone(),
            "user" => known.users.for_call(method, path),
            "connector" => {
                vec!["shared_flowmanagement".to_owned(), known.connectors.kept[1].clone()]
            }
            "connection" => known.connections.for_call(method, path),
            "trigger" => vec!["manual".to_owned()],
            "action" => ACTIONS.map(str::to_owned).to_vec(),
            "repetition" => vec!["000000".to_owned()],
            "tenant" => vec![known.tenant.clone(), "common".to_owned(), "organizations".to_owned()],
            "workflow" => known.addresses.iter().map(|(flow, _)| flow.clone()).collect(),
            "name" => vec![SIGNER.to_owned()],
            other => panic!("what is '{other}'?"),
        };
        let schema = one_of(&values, &any_text());
        json!({"name": name, "in": "path", "required": true, "schema": schema})
    };
    named.map(parameter).collect()
}

fn queries(known: &Known, path: &str) -> Vec<Value> {
    let expanded: &[&str] = match path {
        _ if path.ends_with("/approvalRequests") => &["properties/approval"],
        _ if path.ends_with("/approvals") => &["properties/requestSummary"],
        _ => &["properties/actions", "permissions"],
    };
    let mut all = vec![
        query("api-version", &one_of(&["2016-11-01", "2017-05-01"], &any_text())),
        query("$top", &one_of(&["1", "50"], &any_text())),
        query("$expand", &one_of(expanded, &any_text())),
        query("include", &one_of(&["softDeletedFlows"], &any_text())),
    ];
    let texts = |all: &[&str]| all.iter().map(|&it| it.to_owned()).collect();
    let filters: Vec<String> = match path {
        _ if path.contains("PowerApps") => vec![format!("environment eq '{}'", known.place)],
        "/v1.0/users" => vec![format!("userPrincipalName eq '{SIGNER}'")],
        "/v1.0/groups" => texts(&["displayName eq 'groups-1'"]),
        _ if path.ends_with("/approvalRequests") => {
            known.askers.iter().map(|id| format!("properties/assignedTo/id eq '{id}'")).collect()
        }
        _ if path.ends_with("/environments/{environment}/approvals") => known
            .askers
            .iter()
            .map(|id| format!("properties/owner/id eq '{id}' and properties/status eq 'Pending'"))
            .collect(),
        _ if path.ends_with("/runs") || path.ends_with("/histories") => {
            texts(&["status eq 'Running'", "startTime ge 2026-01-01T00:00:00Z"])
        }
        _ if path.ends_with("/flows") => texts(&["search('team')", "search('personal')"]),
        _ => return all,
    };
    let mut filter = query("$filter", &one_of(&filters, &any_text()));
    // without one these paths say nothing of the environment
    let needs = ["PowerApps", "/v1.0", "/approval"];
    filter["required"] = json!(needs.iter().any(|it| path.contains(it)));
    all.push(filter);
    all
}

fn schema(known: &Known, body: Body) -> Option<Value> {
    let object = |required: &str, properties: Value| json!({"type": "object", "required": [required], "properties": properties});
    let schema = match body {
        Body::Nothing => return None,
        Body::Anything => json!({}),
        Body::Response => {
            let response = one_of(&["Approve", "Reject"], &any_text());
            let properties = json!({"response": response, "comments": any_text()});
            object("properties", json!({"properties": object("response", properties)}))
        }
        Body::Flow => {
            let properties = json!({
                "displayName": one_of(&["Made", "Other"], &any_text()),
                "state": one_of(&["Started", "Stopped"], &any_text()),
                "definition": one_of(&definitions(), &json!({"type": "object"})),
                "connectionReferences": one_of(&[json!({})], &any_text()),
            });
            let mut inner = object("definition", properties);
            inner["required"] = json!(["displayName", "definition"]);
            object("properties", json!({"properties": inner}))
        }
        Body::People => {
            let id = one_of(&known.users.changing, &any_text());
            let kind = one_of(&["User", "Group"], &any_text());
            let principal = object("id", json!({"id": id, "type": kind}));
            let role = one_of(&["CanView", "CanEdit"], &any_text());
            let properties = object("principal", json!({"principal": principal, "roleName": role}));
            let put = object("properties", json!({"properties": properties}));
            let delete = object("id", json!({"id": id}));
            json!({"type": "object", "properties": {
                "put": {"type": "array", "items": put, "maxItems": 4},
                "delete": {"type": "array", "items": delete, "maxItems": 4},
            }})
        }
        Body::Connection => {
            let set = object(
                "name",
                json!({
                    "name": one_of(&["firstParty"], &any_text()), "values": one_of(&[json!({})], &any_text())
                }),
            );
            let properties = json!({"displayName": any_text(), "connectionParametersSet": set});
            let properties = json!({"type": "object", "properties": properties});
            object("properties", json!({"properties": properties}))
        }
        Body::Resources => {
            let flow = |name: &String| format!("/providers/Microsoft.Flow/flows/{name}");
            let flows: Vec<String> = known.flows.kept.iter().map(flow).collect();
            let ids = json!({"type": "array", "items": one_of(&flows, &any_text()), "maxItems": 4});
            object(
                "baseResourceIds",
                json!({
                    "baseResourceIds": ids,
                    "includedResourceIds": ids,
                    "details": {"type": "object", "properties": {"displayName": any_text()}},
                    "resources": {"type": "object"},
                }),
            )
        }
    };
    Some(schema)
}

/// Signing in, trigger addresses, and what tells how the server is.
pub fn open(known: &Known) -> Value {
    let mut paths = Map::new();
    let get = |statuses: &[u16], path: &str| json!({"parameters": segments(known, "get", path), "responses": responses(statuses)});
    for path in [
        "/{tenant}/v2.0/.well-known/openid-configuration",
        "/{tenant}/.well-known/openid-configuration",
        "/{tenant}/discovery/v2.0/keys",
        "/{tenant}/discovery/keys",
        "/{tenant}/discovery/instance",
        "/{tenant}/userrealm/{name}",
        "/health/live",
        "/health/ready",
        "/metrics",
    ] {
        add(&mut paths, "get", path, get(&[200], path));
    }
    for path in ["/{tenant}/oauth2/v2.0/logout", "/{tenant}/oauth2/logout"] {
        let mut operation = get(&[200, 302, 303], path);
        with_query(&mut operation, "post_logout_redirect_uri", &["http://localhost/back"]);
        add(&mut paths, "get", path, operation);
    }
    sign_in(known, &mut paths);
    let path = "/workflows/{workflow}/triggers/{trigger}/paths/invoke";
    let signatures: Vec<&str> = known.addresses.iter().map(|(_, sig)| sig.as_str()).collect();
    for method in ["get", "post", "put"] {
        let mut operation = get(&[200, 202], path);
        with_query(&mut operation, "api-version", &["2016-06-01"]);
        with_query(&mut operation, "sp", &["/triggers/manual/run"]);
        with_query(&mut operation, "sv", &["1.0"]);
        with_query(&mut operation, "sig", &signatures);
        if method != "get" {
            operation["requestBody"] = json!({"content": {"application/json": {"schema": {}}}});
        }
        add(&mut paths, method, path, operation);
    }
    document(paths)
}

fn with_query(operation: &mut Value, name: &str, values: &[&str]) {
    let parameter = query(name, &one_of(values, &any_text()));
    operation["parameters"].as_array_mut().expect("parameters").push(parameter);
}

fn sign_in(known: &Known, paths: &mut Map<String, Value>) {
    let client = known.client.as_str();
    let kinds =
        ["password", "client_credentials", "device_code", "authorization_code", "refresh_token"];
    let form = json!({"type": "object", "required": ["grant_type", "client_id", "username", "password", "scope"], "properties": {
        "grant_type": one_of(&kinds, &any_text()),
        "client_id": one_of(&[client], &any_text()),
        "client_secret": one_of(&[SECRET], &any_text()),
        "username": one_of(&[SIGNER], &any_text()),
        "password": one_of(&[PASSWORD], &any_text()),
        "scope": one_of(&["api://sluicegate/.default", "openid profile"], &any_text()),
        "code": any_text(),
        "device_code": any_text(),
        "refresh_token": any_text(),
        "redirect_uri": one_of(&["http://localhost/back"], &any_text()),
        "code_verifier": any_text(),
    }});
    let send = |path: &str, statuses: &[u16], schema: &Value| {
        let content = json!({"application/x-www-form-urlencoded": {"schema": schema}});
        json!({"parameters": segments(known, "post", path), "responses": responses(statuses),
            "requestBody": {"content": content}})
    };
    for path in [
        "/{tenant}/oauth2/v2.0/token",
        "/{tenant}/oauth2/token",
        "/{tenant}/oauth2/v2.0/devicecode",
        "/{tenant}/oauth2/devicecode",
    ] {
        add(paths, "post", path, send(path, &[200], &form));
    }
    let page = json!({"type": "object", "properties": {
        "step": one_of(&["code", "consent", "sign-in"], &any_text()),
        "mark": any_text(), "user_code": any_text(), "answer": any_text(),
        "username": one_of(&[SIGNER], &any_text()),
        "password": one_of(&[PASSWORD], &any_text()),
    }});
    for path in ["/devicelogin", "/{tenant}/oauth2/v2.0/authorize", "/{tenant}/oauth2/authorize"] {
        let mut shown = json!({"parameters": segments(known, "get", path)});
        for (name, values) in [
            ("client_id", vec![client]),
            ("response_type", vec!["code"]),
            ("redirect_uri", vec!["http://localhost/back"]),
            ("response_mode", vec!["query", "fragment"]),
            ("scope", vec!["api://sluicegate/.default openid"]),
            ("code_challenge_method", vec!["S256", "plain"]),
            ("prompt", vec!["none", "login"]),
            ("state", vec!["1"]),
            ("user_code", vec!["ABCD-EFGH"]),
        ] {
            with_query(&mut shown, name, &values);
        }
        for parameter in shown["parameters"].as_array_mut().expect("parameters") {
            let is_needed = ["client_id", "response_type", "redirect_uri"].map(Value::from);
            parameter["required"] =
                json!(parameter["in"] == "path" || is_needed.contains(&parameter["name"]));
        }
        shown["responses"] = responses(&[200, 302, 303]);
        let mut sent = send(path, &[200, 302, 303], &page);
        sent["parameters"] = shown["parameters"].clone();
        add(paths, "get", path, shown);
        add(paths, "post", path, sent);
    }
}
