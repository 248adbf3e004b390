//! The whole table of rights from inside of flows: what an operation does over somebody's
//! connection is what the same somebody gets over HTTP, and both are as the page says.

use super::machine::{Call, Connection, Machine, Outcome, commons, connector_of};
use super::{ADMINS, MANAGEMENT, with};
use crate::people::{ADMINISTRATOR, CONNECTOR, OWNER, People, STRANGER, flow_body};
use crate::rights::{page, request};
use reqwest::Method;
use serde_json::{Value, json};

/// The first program in [`People`]; those before it are people.
const PROGRAM: usize = 6;

/// What reads, in any order.
const READS: [&str; 14] = [
    "ListUserEnvironments",
    "ListApis",
    "GetApi",
    "ListConnections",
    "ListMyFlows",
    "GetFlow",
    "ListFlowOwners",
    "ListFlowUsers",
    "AdminGetFlow",
    "ListFlowsInEnvironment",
    "ListFlowsInEnvironment_V2",
    "ListCallbackUrl",
    "Get-AdminFlowOwnerRole",
    "Get-AdminFlowUserDetails",
];

/// What changes something, so that what comes later still finds what it needs.
const CHANGES: [&str; 17] = [
    "CreateConnection",
    "CreateFlow",
    "UpdateFlow",
    "StopFlow",
    "StartFlow",
    "Disable-AdminFlow",
    "Enable-AdminFlow",
    "ModifyFlowOwners",
    "AdminModifyFlowOwners",
    "ModifyRunOnlyUsers",
    "Edit-AdminFlowOwnerRole",
    "CancelFlowRun",
    "ResubmitFlow",
    "DeleteFlow",
    "AdminRestoreFlow",
    "Remove-AdminFlow",
    "Remove-AdminFlowUserDetails",
];

/// What operations are called on: each caller has their own.
struct Target {
    flow: String,
    run: String,
    deleted: String,
    removed: String,
}

impl Target {
    async fn make(people: &People) -> Target {
        let (flow, run) = people.flow().await;
        let (deleted, _) = people.flow().await;
        let path = format!("{}/{deleted}", people.flows());
        people.ask(OWNER, (Method::DELETE, &path), None, 200).await;
        let (removed, _) = people.flow().await;
        Target { flow, run, deleted, removed }
    }

    fn of(&self, operation: &str) -> &str {
        match operation {
            "AdminRestoreFlow" => &self.deleted,
            "Remove-AdminFlow" => &self.removed,
            _ => &self.flow,
        }
    }

    /// Texts of answers without what is this target's own.
    fn plain(&self, text: &str) -> String {
        let text = text.replace(&self.flow, "FLOW").replace(&self.run, "RUN");
        text.replace(&self.deleted, "DELETED").replace(&self.removed, "REMOVED")
    }

    /// The call as a flow makes it.
    fn call(&self, people: &People, operation: &'static str) -> Call {
        let flow = self.of(operation);
        if connector_of(operation) == ADMINS {
            let place = json!({"environment": people.environment, "flow": flow});
            let put = json!({"body/put": [principal(people)]});
            return (
                operation,
                match operation {
                    "Edit-AdminFlowOwnerRole" => with(place, &put),
                    _ if operation.contains("User") => json!({"userId": people.all[STRANGER].id}),
                    _ => place,
                },
            );
        }
        let within = json!({"environmentName": people.environment});
        let about = |more: Value| with(within.clone(), &more);
        let one = |more: Value| with(about(json!({"flowName": flow})), &more);
        let connection = json!({"connectionParameters": {"key": "k"}});
        let told =
            |name: &str| json!({"Flow/properties": flow_body(name, "Stopped")["properties"]});
        let parameters = match operation {
            "ListUserEnvironments" => json!({}),
            "GetApi" => about(json!({"apiName": CONNECTOR})),
            "CreateConnection" => {
                about(json!({"apiName": CONNECTOR, "connection/properties": connection}))
            }
            "CreateFlow" => about(told("New")),
            "UpdateFlow" => one(told("Other")),
            "ModifyFlowOwners" | "AdminModifyFlowOwners" | "ModifyRunOnlyUsers" => {
                one(json!({"body/put": [principal(people)]}))
            }
            "CancelFlowRun" => one(json!({"runId": self.run})),
            "ResubmitFlow" => one(json!({"triggerName": "manual", "runId": self.run})),
            _ if operation.starts_with("List") && !operation.contains("FlowOwners") => {
                let is_about_one = matches!(operation, "ListFlowUsers" | "ListCallbackUrl");
                if is_about_one { one(json!({})) } else { within.clone() }
            }
            _ => one(json!({})),
        };
        (operation, parameters)
    }

    /// The same over HTTP, by somebody's own key.
    async fn asked(&self, people: &People, who: usize, operation: &'static str) -> Outcome {
        let (method, path, body) = match operation {
            "ListFlowsInEnvironment" => (Method::GET, people.admin_flows(), Value::Null),
            _ => request(people, operation, self.of(operation), &self.run).expect("a request"),
        };
        let body = Some(&body).filter(|body| !body.is_null());
        Outcome::of(operation, &people.send(who, method, &path, body).await)
    }
}

fn principal(people: &People) -> Value {
    json!({"properties": {"principal": {"id": people.all[STRANGER].id, "type": "User"}}})
}

/// A caller's flows, one for each connector, and what they call.
struct Caller {
    target: Target,
    machines: Vec<(&'static str, Machine)>,
}

impl Caller {
    async fn make(people: &People, who: usize) -> Caller {
        let (target, within) = (Target::make(people).await, commons(people).await);
        let mut machines = Vec::new();
        for connector in [MANAGEMENT, ADMINS] {
            let connection = if who < PROGRAM {
                Connection::of_person(people, who, &within, connector).await
            } else {
                Connection::of_program(people, (OWNER, who), &within, connector).await
            };
            let operations = READS.into_iter().chain(CHANGES);
            let calls: Vec<Call> = operations
                .filter(|operation| connector_of(operation) == connector)
                .map(|operation| target.call(people, operation))
                .collect();
            machines.push((connector, connection.machine(people, &calls).await));
        }
        Caller { target, machines }
    }

    async fn run(&self, people: &People) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for (_, machine) in &self.machines {
            outcomes.extend(machine.run(people).await);
        }
        outcomes
    }
}

/// The body of an answer as both surfaces have it: the connector gives references as a list,
/// the definition when it is asked for, and what its lists name besides.
fn common(operation: &str, body: &Value) -> Value {
    let mut body = body.clone();
    let whole = matches!(operation, "GetFlow" | "AdminGetFlow");
    if let Some(properties) = body.get_mut("properties").and_then(Value::as_object_mut)
        && whole
    {
        let references = &properties["connectionReferences"];
        if let Some(by_key) = references.as_object() {
            let listed = by_key.values().cloned().collect();
            properties.insert("connectionReferences".to_owned(), listed);
        }
        if operation == "AdminGetFlow" {
            for name in ["definition", "triggerSchema"] {
                properties.remove(name);
            }
        }
    }
    let listed = body.get_mut("value").and_then(Value::as_array_mut);
    for item in listed.into_iter().flatten() {
        if let Some(properties) = item.get_mut("properties").and_then(Value::as_object_mut) {
            properties.remove("estimatedSuspensionData");
        }
    }
    body
}

/// What a flow was answered is what was answered over HTTP.
fn compare(who: usize, (flow, own): (&Outcome, &Target), (http, other): (&Outcome, &Target)) {
    let what = format!("{} by {who}: {flow:?} from a flow, {http:?} over HTTP", flow.operation);
    assert_eq!(flow.operation, http.operation);
    assert_eq!((flow.status, &flow.code), (http.status, &http.code), "{what}");
    assert_eq!(own.plain(&flow.message), other.plain(&http.message), "{what}");
    if READS.contains(&flow.operation) && flow.status == 200 {
        assert!(!flow.body.is_null(), "{what}");
        let [flow, http] = [flow, http].map(|it| common(it.operation, &it.body));
        assert_eq!(flow, http, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn flows_get_what_their_connections_owners_get_over_http() {
    let people = People::meet().await;
    people.connection("c1").await;
    let page = page();
    for who in 0..people.all.len() {
        let caller = Caller::make(&people, who).await;
        let (mut direct, mut outcomes) = (Vec::new(), Vec::new());
        for (connector, machine) in &caller.machines {
            // what reads is asked of the same things, before anything changes
            for operation in READS.into_iter().filter(|it| connector_of(it) == *connector) {
                direct.push(caller.target.asked(&people, who, operation).await);
            }
            outcomes.extend(machine.run(&people).await);
        }
        let other = Target::make(&people).await;
        for operation in CHANGES {
            direct.push(other.asked(&people, who, operation).await);
        }
        assert_eq!(outcomes.len(), direct.len());
        for flow in &outcomes {
            let http = direct.iter().find(|it| it.operation == flow.operation);
            let reads = READS.contains(&flow.operation);
            let about = if reads { &caller.target } else { &other };
            let http = http.expect("the same over HTTP");
            compare(who, (flow, &caller.target), (http, about));
            // and as the page says
            let row = match flow.operation {
                "ListFlowsInEnvironment" => "ListFlowsInEnvironment_V2",
                operation => operation,
            };
            let (_, allowed) = page.iter().find(|(id, _)| id == row).expect("a row");
            let what = format!("{} by {who}: {flow:?}", flow.operation);
            if allowed[who] {
                // whose details they are owns a flow of this test, and so stays
                let is_done = (200..300).contains(&flow.status) || flow.code == "UserOwnsFlows";
                assert!(is_done, "{what}");
            } else {
                assert_eq!(flow.status, 403, "{what}");
            }
        }
    }
}

#[test]
fn every_operation_is_compared() {
    let mut known: Vec<&str> = [MANAGEMENT, ADMINS]
        .into_iter()
        .flat_map(server::app::connector::management::operations)
        .map(|it| it.id)
        .collect();
    let mut compared: Vec<&str> = READS.into_iter().chain(CHANGES).collect();
    known.sort_unstable();
    compared.sort_unstable();
    assert_eq!(compared, known);
}

/// Who is kept out over HTTP is kept out in flows that were made before, in every operation;
/// and who comes back may again.
#[tokio::test(flavor = "multi_thread")]
async fn the_flows_of_who_is_kept_out_may_nothing() {
    let people = People::meet().await;
    people.connection("c1").await;
    for who in [OWNER, ADMINISTRATOR] {
        let caller = Caller::make(&people, who).await;
        let switch = async |what: &str| {
            let path = format!("/api/v1/users/{}/{what}", people.all[who].id);
            people.world.api.post(&path, 200).await;
        };
        switch("disable").await;
        for outcome in caller.run(&people).await {
            let code = (outcome.status, outcome.code.as_str());
            assert_eq!(code, (0, "ConnectionFaulted"), "by {who}: {outcome:?}");
        }
        for operation in READS.into_iter().chain(CHANGES) {
            let outcome = caller.target.asked(&people, who, operation).await;
            assert_eq!(outcome.status, 401, "{operation} by {who}: {outcome:?}");
        }
        // nothing of that did anything
        switch("enable").await;
        let shown = caller.target.asked(&people, who, "ListUserEnvironments").await;
        assert_eq!(shown.status, 200, "{shown:?}");
        let path = format!("{}/{}", people.flows(), caller.target.flow);
        let shown = people.ask(OWNER, (Method::GET, &path), None, 200).await;
        assert_eq!(shown["properties"]["displayName"], "Shared");
        assert_eq!(shown["properties"]["state"], "Started");
        let outcomes = caller.run(&people).await;
        let done = outcomes.iter().filter(|it| (200..300).contains(&it.status)).count();
        assert!(done >= 15, "{outcomes:?}");
    }
}

/// Rights are looked at for each call: a role that is taken away is gone in flows too.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_is_taken_away_is_gone_in_flows() {
    let people = People::meet().await;
    let target = Target::make(&people).await;
    let calls = ["AdminGetFlow", "ListFlowsInEnvironment_V2", "GetApi"];
    let calls = calls.map(|operation| match target.call(&people, operation) {
        ("GetApi", given) => ("GetApi", with(given, &json!({"apiName": MANAGEMENT}))),
        call => call,
    });
    let within = commons(&people).await;
    let connection = Connection::of_person(&people, ADMINISTRATOR, &within, MANAGEMENT).await;
    let machine = connection.machine(&people, &calls).await;
    let path = format!("/api/v1/users/{}/roles", people.all[ADMINISTRATOR].id);
    let maker = json!([{"role": "environmentMaker", "environment": people.environment}]);
    for (roles, statuses) in [
        (None, [200, 200, 200]),
        (Some(maker), [403, 403, 200]),
        (Some(json!([])), [403, 403, 403]),
    ] {
        if let Some(roles) = roles {
            people.world.call(Method::PUT, &path, json!({"roles": roles}), 200).await;
        }
        let outcomes = machine.run(&people).await;
        let found: Vec<u16> = outcomes.iter().map(|it| it.status).collect();
        assert_eq!(found, statuses, "{outcomes:?}");
    }
}
