//! Runs: list, get, their actions and events, cancel and resubmit.

use crate::people::{CO_OWNER, OWNER, People, USER};
use crate::support::TOKEN;
use crate::world::{Answer, World, compose, definition, echo, response, wait};
use reqwest::Method;
use serde_json::{Value, json};

/// Ends as the body says.
fn ending() -> Value {
    let terminate = |status: &str| {
        json!({"type": "Terminate", "runAfter": {},
            "inputs": {"runStatus": status, "runError": {"code": "Own", "message": "As asked."}}})
    };
    definition(json!({"Which": {
        "type": "Switch", "runAfter": {}, "expression": "@triggerBody()",
        "cases": {
            "Failed": {"case": "Failed", "actions": {"Fail": terminate("Failed")}},
            "Cancelled": {"case": "Cancelled", "actions": {"Cancel": {"type": "Terminate",
                "inputs": {"runStatus": "Cancelled"}, "runAfter": {}}}},
        },
        "default": {"actions": {}},
    }}))
}

fn ids(list: &[Value]) -> Vec<&str> {
    list.iter().map(|run| run["id"].as_str().expect("an id")).collect()
}

#[tokio::test]
async fn runs_are_listed_newest_first_and_filtered() {
    let world = World::start().await;
    let address = world.flow("order", &ending()).await;
    let mut runs = Vec::new();
    for status in ["Succeeded", "Failed", "Cancelled", "Failed", "Succeeded"] {
        let run = world.run(&address, &json!(status)).await;
        assert_eq!(run["status"], status, "{run}");
        runs.push(run);
    }
    runs.reverse();
    let base = "/api/v1/flows/order/runs";
    let all = world.api.list(base).await;
    assert_eq!(ids(&all), ids(&runs));
    assert_eq!(all[0].get("trigger"), None);
    let failed = world.api.list(&format!("{base}?status=Failed")).await;
    assert_eq!(ids(&failed), [ids(&runs)[1], ids(&runs)[3]]);
    assert_eq!(failed[0]["error"], json!({"code": "Own", "message": "As asked."}));
    assert!(world.api.list(&format!("{base}?status=Running")).await.is_empty());
    let middle = runs[2]["startTime"].as_str().expect("a time");
    let from = world.api.list(&format!("{base}?from={middle}")).await;
    assert_eq!(ids(&from), ids(&runs[..3]));
    let to = world.api.list(&format!("{base}?to={middle}")).await;
    assert_eq!(ids(&to)[ids(&to).len() - 2..], ids(&runs)[3..]);
    for query in ["status=Done", "from=yesterday", "to=x", "top=0", "top=2000", "skipToken=x"] {
        world.refused(Method::GET, &format!("{base}?{query}"), 400, "InvalidQuery").await;
    }
    world.refused(Method::GET, "/api/v1/flows/none/runs", 404, "FlowNotFound").await;
}

#[tokio::test]
async fn runs_come_in_pages_that_keep_the_filter() {
    let world = World::start().await;
    let address = world.flow("order", &ending()).await;
    for at in 0..7 {
        let status = if at % 2 == 0 { "Failed" } else { "Succeeded" };
        world.run(&address, &json!(status)).await;
    }
    let mut next = Some("/api/v1/flows/order/runs?status=Failed&top=3".to_owned());
    let mut found = Vec::new();
    while let Some(path) = next {
        let page = world.api.get(&path).await;
        found.extend(page["value"].as_array().expect("a list").clone());
        next = page["nextLink"].as_str().map(str::to_owned);
    }
    assert_eq!(found.len(), 4);
    assert!(found.iter().all(|run| run["status"] == "Failed"));
    assert!(ids(&found).windows(2).all(|pair| pair[0] < pair[1]), "not newest first: {found:?}");
}

#[tokio::test]
async fn a_run_tells_its_trigger_and_its_response() {
    let world = World::start().await;
    let address = world.flow("order", &echo()).await;
    let answer = world.fire(&address, &json!({"n": 1})).await;
    let run = world.api.get(&format!("/api/v1/runs/{}", answer.run())).await;
    assert_eq!(run["id"], answer.run());
    assert_eq!((&run["flow"], &run["version"]), (&json!("order"), &json!(1)));
    assert_eq!(run["status"], "Succeeded");
    assert_eq!(run["correlation"]["clientTrackingId"], answer.run());
    assert_eq!(run["trigger"]["name"], "manual");
    assert_eq!(run["trigger"]["status"], "Succeeded");
    assert_eq!(run["trigger"]["outputs"]["body"], json!({"n": 1}));
    assert_eq!(run["response"]["statusCode"], 200);
    assert_eq!(run["response"]["body"], answer.json());
    assert!(run["startTime"].as_str() <= run["endTime"].as_str());
}

#[tokio::test]
async fn actions_stand_in_definition_order_with_inputs_and_outputs() {
    let world = World::start().await;
    let document = definition(json!({
        "Zero": compose("", json!({"n": "@triggerBody()?['n']"})),
        "Alpha": compose("Zero", json!("@div(1, outputs('Zero')['n'])")),
        "Never": compose("Alpha", json!("x")),
        "After all": {"type": "Compose", "inputs": "done",
            "runAfter": {"Alpha": ["Failed", "Succeeded"]}},
    }));
    let address = world.flow("order", &document).await;
    let run = world.run(&address, &json!({"n": 0})).await;
    let base = format!("/api/v1/runs/{}/actions", run["id"].as_str().expect("an id"));
    let actions = world.api.list(&base).await;
    let told: Vec<(&str, &str)> = actions
        .iter()
        .map(|it| (it["name"].as_str().expect("a name"), it["status"].as_str().expect("a status")))
        .collect();
    assert_eq!(
        told,
        [
            ("Zero", "Succeeded"),
            ("Alpha", "Failed"),
            ("Never", "Skipped"),
            ("After all", "Succeeded")
        ]
    );
    let zero = world.api.get(&format!("{base}/Zero")).await;
    assert_eq!(zero["type"], "Compose");
    assert_eq!(zero["inputs"], json!({"n": 0}));
    assert_eq!(zero["outputs"], json!({"n": 0}));
    assert!(zero["trackingId"].is_string() && zero["clientTrackingId"].is_string());
    let failed = world.api.get(&format!("{base}/Alpha")).await;
    assert!(failed["error"]["message"].is_string(), "{failed}");
    let spaced = world.api.get(&format!("{base}/After%20all")).await;
    assert_eq!(spaced["outputs"], "done");
    world.refused(Method::GET, &format!("{base}/Nobody"), 404, "ActionNotFound").await;
}

#[tokio::test]
async fn an_action_that_has_not_begun_is_not_there_yet() {
    let world = World::start().await;
    let document = definition(json!({"Rest": wait("", 3_600), "Then": compose("Rest", json!(1))}));
    let address = world.flow("order", &document).await;
    let run = world.fire(&address, &json!({})).await.run().to_owned();
    let base = format!("/api/v1/runs/{run}");
    let open = world.api.get(&format!("{base}/actions/Rest")).await;
    assert!(matches!(open["status"].as_str(), Some("Running" | "Waiting")), "{open}");
    assert_eq!(open.get("endTime"), None);
    world.refused(Method::GET, &format!("{base}/actions/Then"), 404, "ActionNotRun").await;
}

#[tokio::test]
async fn a_run_that_is_not_there_is_not_found() {
    let world = World::start().await;
    let unknown = ["08584000000000000000000000000CU00", "nonsense", "%20", "0", "..%2f..", "ü"];
    for run in unknown {
        for rest in ["", "/actions", "/actions/A", "/actions/A/repetitions", "/events"] {
            let path = format!("/api/v1/runs/{run}{rest}");
            world.refused(Method::GET, &path, 404, "RunNotFound").await;
        }
        for verb in ["cancel", "resubmit"] {
            let path = format!("/api/v1/runs/{run}/{verb}");
            world.refused(Method::POST, &path, 404, "RunNotFound").await;
        }
    }
}

/// Names and data of server-sent events.
async fn events(world: &World, run: &str) -> Vec<(String, Value)> {
    let request = world.api.request(Method::GET, &format!("/api/v1/runs/{run}/events"));
    let answer = Answer::of(request.bearer_auth(TOKEN)).await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").starts_with("text/event-stream"));
    let blocks = answer.text.split("\n\n");
    let line = |block: &str, name: &str| {
        let found = block.lines().find_map(|line| line.strip_prefix(name));
        found.map(|rest| rest.trim().to_owned())
    };
    blocks
        .filter_map(|block| {
            let data = serde_json::from_str(&line(block, "data:")?).expect("JSON");
            Some((line(block, "event:")?, data))
        })
        .collect()
}

#[tokio::test]
async fn events_end_with_the_run() {
    let world = World::start().await;
    let document = definition(json!({"Rest": wait("", 1), "Then": compose("Rest", json!(1))}));
    let address = world.flow("order", &document).await;
    let run = world.fire(&address, &json!({})).await.run().to_owned();
    let live = events(&world, &run).await;
    let told: Vec<(&str, &Value, &Value)> =
        live.iter().map(|(name, it)| (name.as_str(), &it["name"], &it["status"])).collect();
    assert!(told.contains(&("action", &json!("Rest"), &json!("Succeeded"))), "{told:?}");
    assert!(told.contains(&("action", &json!("Then"), &json!("Succeeded"))), "{told:?}");
    assert!(told.iter().any(|(name, _, status)| *name == "run" && **status == "Running"));
    let (last, data) = live.last().expect("an event");
    assert_eq!((last.as_str(), &data["status"]), ("run", &json!("Succeeded")));
    let late = events(&world, &run).await;
    assert_eq!(late.last().map(|(name, _)| name.as_str()), Some("run"));
    assert_eq!(late.iter().filter(|(name, _)| name == "action").count(), 2);
}

#[tokio::test]
async fn a_waiting_run_is_cancelled() {
    let world = World::start().await;
    let document = definition(json!({
        "Each": {"type": "Foreach", "foreach": "@range(0, 5)", "runAfter": {},
            "actions": {"Rest": wait("", 3_600), "Then": compose("Rest", json!(1))}},
        "Beside": wait("", 3_600),
        "After": compose("Each", json!(2)),
    }));
    let address = world.flow("order", &document).await;
    let run = world.fire(&address, &json!({})).await.run().to_owned();
    let cancel = format!("/api/v1/runs/{run}/cancel");
    world.api.post(&cancel, 202).await;
    let ended = world.api.ended(&run).await;
    assert_eq!(ended["status"], "Cancelled");
    let again = world.api.post(&cancel, 200).await;
    assert_eq!(again["status"], "Cancelled");
    let actions = world.api.list(&format!("/api/v1/runs/{run}/actions")).await;
    for action in actions {
        let status = action["status"].as_str();
        assert!(matches!(status, Some("Cancelled" | "Skipped" | "Aborted")), "{action}");
        assert!(action["endTime"].is_string(), "{action}");
    }
    let rest = format!("/api/v1/runs/{run}/actions/Rest/repetitions");
    assert_eq!(world.api.list(&rest).await.len(), 5);
}

#[tokio::test]
async fn many_runs_are_cancelled() {
    let world = World::start().await;
    let document = definition(json!({"Rest": wait("", 3_600)}));
    let address = world.flow("order", &document).await;
    let other = world.flow("other", &document).await;
    let mut runs = Vec::new();
    for _ in 0..3 {
        runs.push(world.fire(&address, &json!({})).await.run().to_owned());
    }
    let beside = world.fire(&other, &json!({})).await.run().to_owned();
    runs.reverse();
    let path = "/api/v1/flows/order/runs/cancel";
    let names = |answer: &Value| -> Vec<String> {
        let runs = answer["runs"].as_array().expect("runs").iter();
        runs.map(|run| run["run"].as_str().expect("a name").to_owned()).collect()
    };
    let dry = world.call(Method::POST, path, json!({"dryRun": true}), 200).await;
    assert_eq!((names(&dry), &dry["cancelled"]), (runs.clone(), &json!(0)), "{dry}");
    let early = json!({"filter": {"to": "2020-01-01T00:00:00Z"}});
    assert!(names(&world.call(Method::POST, path, early, 200).await).is_empty());
    let first = world.call(Method::POST, path, json!({"limit": 2}), 200).await;
    assert_eq!((names(&first), &first["cancelled"]), (runs[..2].to_vec(), &json!(2)), "{first}");
    let more = json!({"limit": 2, "skipToken": first["skipToken"]});
    let second = world.call(Method::POST, path, more, 200).await;
    assert_eq!((names(&second), second.get("skipToken")), (runs[2..].to_vec(), None));
    for run in &runs {
        assert_eq!(world.api.ended(run).await["status"], "Cancelled");
    }
    let none = world.call(Method::POST, path, json!({}), 200).await;
    assert!(names(&none).is_empty(), "{none}");
    let beside = world.api.get(&format!("/api/v1/runs/{beside}")).await;
    assert!(beside.get("endTime").is_none(), "{beside}");
    for (body, code) in [
        (json!({"limit": 0}), "InvalidQuery"),
        (json!({"filter": {"status": "Failed"}}), "InvalidQuery"),
        (json!({"skipToken": "x"}), "InvalidQuery"),
        (json!({"filter": {"code": "x"}}), "InvalidRequestContent"),
    ] {
        let answer = world.call(Method::POST, path, body, 400).await;
        assert_eq!(answer["error"]["code"], code);
    }
    let audit = world.api.list("/api/v1/audit?operation=CancelRuns").await;
    let told: Vec<&Value> = audit.iter().map(|entry| &entry["detail"]["runs"]).collect();
    assert_eq!(told, [&json!(runs[2..]), &json!(runs[..2])]);
}

#[tokio::test]
async fn every_run_of_a_flow_under_way_is_aborted() {
    let people = People::meet().await;
    let (flow, run) = people.flow().await;
    let abort = format!("{}/{flow}/runs/abort", people.flows());
    people.ask(USER, (Method::POST, &abort), None, 403).await;
    people.ask(CO_OWNER, (Method::POST, &abort), None, 200).await;
    assert_eq!(people.world.api.ended(&run).await["status"], "Cancelled");
    let audit = people.world.api.list("/api/v1/audit?operation=CancelRuns").await;
    assert_eq!(audit.len(), 1);
    assert_eq!(audit[0]["actor"], people.all[CO_OWNER].id.as_str());
    assert_eq!(audit[0]["detail"]["runs"], json!([run]));
}

#[tokio::test]
async fn the_audit_says_who_cancelled_and_resubmitted_a_run() {
    let people = People::meet().await;
    let (_, run) = people.flow().await;
    let api = &people.world.api;
    let cancel = format!("/api/v1/runs/{run}/cancel");
    people.ask(OWNER, (Method::POST, &cancel), None, 202).await;
    api.ended(&run).await;
    // it had ended: nothing was done
    people.ask(CO_OWNER, (Method::POST, &cancel), None, 200).await;
    let again = format!("/api/v1/runs/{run}/resubmit");
    let started = people.ask(CO_OWNER, (Method::POST, &again), None, 202).await;
    people.ask(USER, (Method::POST, &again), None, 404).await;
    let detail = json!({"run": run, "newRun": started["run"]});
    for (operation, who, detail) in
        [("CancelRun", OWNER, json!({"run": run})), ("ResubmitRun", CO_OWNER, detail)]
    {
        let audit = api.list(&format!("/api/v1/audit?operation={operation}")).await;
        assert_eq!(audit.len(), 1, "{operation}: {audit:?}");
        assert_eq!(audit[0]["actor"], people.all[who].id.as_str(), "{operation}");
        assert_eq!(audit[0]["detail"], detail, "{operation}");
    }
}

#[tokio::test]
async fn the_caller_of_a_cancelled_run_is_answered() {
    let world = World::start().await;
    let document = definition(json!({"Rest": wait("", 3_600), "Answer": response("Rest", "x")}));
    let address = world.flow("order", &document).await;
    let body = json!({});
    let cancel = async {
        let runs = loop {
            let runs = world.api.list("/api/v1/flows/order/runs").await;
            if !runs.is_empty() {
                break runs;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        };
        let path = format!("/api/v1/runs/{}/cancel", ids(&runs)[0]);
        world.api.post(&path, 202).await;
    };
    let (answer, ()) = tokio::join!(world.fire(&address, &body), cancel);
    assert_eq!((answer.status, answer.code().as_str()), (502, "NoResponse"));
}

#[tokio::test]
async fn a_resubmitted_run_gets_what_the_first_one_had() {
    let world = World::start().await;
    let address = world.flow("order", &echo()).await;
    let first = world.run(&address, &json!({"n": [1, 2.50, null]})).await;
    let path = format!("/api/v1/runs/{}/resubmit", first["id"].as_str().expect("an id"));
    let started = world.api.post(&path, 202).await;
    assert_eq!(started["flow"], "order");
    let second = world.api.ended(started["run"].as_str().expect("a run")).await;
    assert_ne!(second["id"], first["id"]);
    assert_eq!(second["status"], "Succeeded");
    assert_eq!(second["trigger"]["outputs"], first["trigger"]["outputs"]);
    assert_eq!(world.api.list("/api/v1/flows/order/runs").await.len(), 2);
}

#[tokio::test]
async fn a_resubmitted_run_of_a_stopped_flow_is_refused() {
    let world = World::start().await;
    let address = world.flow("order", &echo()).await;
    let first = world.run(&address, &json!({})).await;
    world.api.post("/api/v1/flows/order/disable", 200).await;
    let path = format!("/api/v1/runs/{}/resubmit", first["id"].as_str().expect("an id"));
    let (status, _) = world.api.call(Method::POST, &path, None).await;
    assert!(matches!(status, 202 | 409), "{status}");
}

#[tokio::test]
async fn secured_values_are_not_shown() {
    let world = World::start().await;
    let secure = |properties: Value| json!({"secureData": {"properties": properties}});
    let mut trigger = json!({"type": "Request", "kind": "Http"});
    trigger["runtimeConfiguration"] = secure(json!(["inputs", "outputs"]));
    let mut both = compose("", json!("@triggerBody()['secret']"));
    both["runtimeConfiguration"] = secure(json!(["inputs", "outputs"]));
    let document = crate::world::with_trigger(
        trigger,
        json!({"Both": both, "Answer": response("Both", "@equals(outputs('Both'), 'tulip')")}),
    );
    let address = world.flow("order", &document).await;
    let answer = world.fire(&address, &json!({"secret": "tulip"})).await;
    assert_eq!(answer.json(), true, "{answer:?}");
    let run = world.api.ended(answer.run()).await;
    assert_eq!(run["trigger"]["outputs"], json!({"$secured": true}));
    let base = format!("/api/v1/runs/{}/actions", run["id"].as_str().expect("an id"));
    let shown = world.api.get(&format!("{base}/Both")).await;
    assert_eq!(shown["inputs"], json!({"$secured": true}));
    assert_eq!(shown["outputs"], json!({"$secured": true}));
    let run_text = run.to_string();
    let actions = world.api.get(&base).await.to_string();
    let live = events(&world, run["id"].as_str().expect("an id")).await;
    for (place, text) in
        [("run", run_text), ("actions", actions), ("events", json!(live).to_string())]
    {
        assert!(!text.contains("tulip"), "{place}: {text}");
    }
}

#[tokio::test]
async fn outputs_of_the_definition_are_told() {
    let world = World::start().await;
    let mut document = definition(json!({"Sum": compose("", json!("@add(1, 2)"))}));
    document["outputs"] = json!({"sum": {"type": "Int", "value": "@outputs('Sum')"}});
    let address = world.flow("order", &document).await;
    let run = world.run(&address, &json!({})).await;
    assert_eq!(run["outputs"]["sum"], 3, "{run}");
}
