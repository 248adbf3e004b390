//! Runs that go on where another ended, many that are done again, and runs found by what
//! they hold.

use crate::people::People;
use crate::stored::{db, ends};
use crate::support::stub::Stub;
use crate::world::{World, compose, definition, run_after, wait};
use reqwest::Method;
use serde_json::{Value, json};

fn http(uri: &str, after: &str) -> Value {
    json!({"type": "Http", "runAfter": run_after(after),
        "inputs": {"method": "POST", "uri": uri, "body": {"n": "@triggerBody()"}}})
}

/// A call, and then what fails.
fn failing(stub: &Stub, then: &str) -> Value {
    definition(json!({
        "Call": http(&format!("http://{}/take", stub.addr), ""),
        "Then": compose("Call", json!(then)),
        "Last": http(&format!("http://{}/last", stub.addr), "Then"),
    }))
}

async fn with_stub() -> (World, Stub) {
    let stub = Stub::start().await;
    (World::start_with(|setup, dir| setup.allow_loopback(dir)).await, stub)
}

fn paths(stub: &Stub) -> Vec<String> {
    stub.calls().into_iter().map(|call| call.path).collect()
}

fn id(run: &Value) -> &str {
    run["id"].as_str().expect("an id")
}

async fn correct(world: &World, document: &Value) {
    let body = json!({"document": document});
    world.call(Method::PUT, "/api/v1/flows/order", body, 200).await;
}

async fn refused(world: &World, run: &str, body: Value, status: u16, code: &str) {
    let path = format!("/api/v1/runs/{run}/resume");
    let answer = world.call(Method::POST, &path, body, status).await;
    assert_eq!(answer["error"]["code"], code, "{answer}");
}

#[tokio::test]
async fn a_run_goes_on_with_a_corrected_version() {
    let (world, stub) = with_stub().await;
    let address = world.flow("order", &failing(&stub, "@int('x')")).await;
    let failed = world.run(&address, &json!("hello")).await;
    assert_eq!(failed["status"], "Failed", "{failed}");
    correct(&world, &failing(&stub, "fixed")).await;
    let path = format!("/api/v1/runs/{}/resume", id(&failed));
    let started = world.call(Method::POST, &path, json!({"version": "latest"}), 202).await;
    assert_eq!(started["resumedFrom"], failed["id"]);
    let run = world.api.ended(started["run"].as_str().expect("a run")).await;
    assert_eq!((&run["status"], &run["version"]), (&json!("Succeeded"), &json!(2)), "{run}");
    assert_eq!(run["resumedFrom"], failed["id"]);
    assert_eq!(run["trigger"]["originHistoryName"], failed["id"]);
    assert_eq!(run["trigger"]["outputs"], failed["trigger"]["outputs"]);
    assert_eq!(run["correlation"]["clientTrackingId"], run["id"]);
    assert_eq!(paths(&stub), ["/take", "/last"]);
    let old = world.api.get(&format!("/api/v1/runs/{}", id(&failed))).await;
    assert_eq!(old["resumedAs"], run["id"]);
    let of = |run: &Value| format!("/api/v1/runs/{}/actions/Call", id(run));
    let (before, after) = (world.api.get(&of(&failed)).await, world.api.get(&of(&run)).await);
    for part in ["inputs", "outputs", "startTime", "endTime", "status", "code"] {
        assert_eq!(before[part], after[part], "{part}");
    }
    assert_eq!((&after["carried"], before.get("carried")), (&json!(true), None));
    refused(&world, id(&failed), json!({}), 409, "RunResumed").await;
    refused(&world, id(&run), json!({}), 409, "RunSucceeded").await;
    let audit = world.api.list("/api/v1/audit?operation=ResumeRun").await;
    assert_eq!(audit.len(), 1);
    assert_eq!(audit[0]["detail"]["run"], failed["id"]);
    assert_eq!(audit[0]["detail"]["resumedAs"], run["id"]);
}

#[tokio::test]
async fn a_chain_goes_on_from_its_newest_run() {
    let (world, stub) = with_stub().await;
    let address = world.flow("order", &failing(&stub, "@int('x')")).await;
    let first = world.run(&address, &json!(1)).await;
    let path = |run: &str| format!("/api/v1/runs/{run}/resume");
    let second = world.api.post(&path(id(&first)), 202).await;
    let second = world.api.ended(second["run"].as_str().expect("a run")).await;
    assert_eq!((&second["status"], &second["version"]), (&json!("Failed"), &json!(1)));
    refused(&world, id(&first), json!({}), 409, "RunResumed").await;
    correct(&world, &failing(&stub, "fixed")).await;
    refused(&world, id(&second), json!({"version": 7}), 404, "FlowVersionNotFound").await;
    refused(&world, id(&second), json!({"version": "new"}), 400, "InvalidRequestContent").await;
    refused(&world, id(&second), json!({"versions": 2}), 400, "InvalidRequestContent").await;
    let third = world.call(Method::POST, &path(id(&second)), json!({"version": 2}), 202).await;
    let third = world.api.ended(third["run"].as_str().expect("a run")).await;
    assert_eq!(third["status"], "Succeeded");
    assert_eq!(paths(&stub), ["/take", "/last"]);
}

#[tokio::test]
async fn a_cancelled_run_goes_on_and_one_that_has_not_ended_does_not() {
    let (world, stub) = with_stub().await;
    let document = definition(json!({
        "Call": http(&format!("http://{}/take", stub.addr), ""),
        "Rest": wait("Call", 3_600),
    }));
    let address = world.flow("order", &document).await;
    let run = world.fire(&address, &json!(1)).await.run().to_owned();
    let is_waiting = |world: World, run: String| async move {
        let path = format!("/api/v1/runs/{run}/actions");
        loop {
            let actions = world.api.list(&path).await;
            if actions.iter().any(|action| action["name"] == "Rest") {
                return world;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let world = is_waiting(world, run.clone()).await;
    refused(&world, &run, json!({}), 409, "RunNotEnded").await;
    world.api.post(&format!("/api/v1/runs/{run}/cancel"), 202).await;
    assert_eq!(world.api.ended(&run).await["status"], "Cancelled");
    let started = world.api.post(&format!("/api/v1/runs/{run}/resume"), 202).await;
    let resumed = started["run"].as_str().expect("a run").to_owned();
    refused(&world, &run, json!({}), 409, "RunResumed").await;
    let world = is_waiting(world, resumed.clone()).await;
    assert_eq!(paths(&stub), ["/take"]);
    // it survives the server
    let World { server, setup, .. } = world;
    server.kill();
    ends(0, db(&["verify"], &setup.data));
    let world = World::of(setup.start().await, setup);
    let found = world.api.get(&format!("/api/v1/runs/{resumed}")).await;
    assert_eq!((&found["status"], &found["resumedFrom"]), (&json!("Running"), &json!(run)));
    assert_eq!(paths(&stub), ["/take"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_resume_a_run_at_the_same_moment_one_is_refused() {
    let (world, stub) = with_stub().await;
    let address = world.flow("order", &failing(&stub, "@int('x')")).await;
    for round in 0..5 {
        let failed = world.run(&address, &json!(round)).await;
        let path = format!("/api/v1/runs/{}/resume", id(&failed));
        let ask = || world.api.call(Method::POST, &path, None);
        let (one, two) = tokio::join!(ask(), ask());
        let (begun, refused) = if one.0 == 202 { (one, two) } else { (two, one) };
        assert_eq!((begun.0, refused.0), (202, 409), "{} {}", begun.1, refused.1);
        assert_eq!(refused.1["error"]["code"], "RunResumed");
    }
    assert_eq!(world.api.list("/api/v1/flows/order/runs").await.len(), 10);
}

#[tokio::test]
async fn a_large_run_is_taken_over_in_parts_that_are_there_together() {
    let world = World::start().await;
    let document = |then: &str| {
        definition(json!({
            "Loop": {"type": "Foreach", "foreach": "@range(0,500)", "runAfter": {},
                "actions": {"Much": compose("", json!("y".repeat(10_000)))}},
            "Then": compose("Loop", json!(then)),
            "Rest": wait("Then", 3_600),
        }))
    };
    let address = world.flow("order", &document("@int('x')")).await;
    let failed = world.run(&address, &json!(1)).await;
    assert_eq!(failed["status"], "Failed");
    correct(&world, &document("fixed")).await;
    let path = format!("/api/v1/runs/{}/resume", id(&failed));
    let started = world.call(Method::POST, &path, json!({"version": "latest"}), 202).await;
    assert_eq!(started["status"], "Running");
    let run = started["run"].as_str().expect("a run").to_owned();
    let World { server, setup, .. } = world;
    server.kill();
    ends(0, db(&["verify"], &setup.data));
    let world = World::of(setup.start().await, setup);
    let actions = world.api.list(&format!("/api/v1/runs/{run}/actions")).await;
    let of = |name: &str| actions.iter().find(|it| it["name"] == name).expect("an action");
    assert_eq!(
        (&of("Much")["repetitionCount"], &of("Much")["carried"]),
        (&json!(500), &json!(true))
    );
    assert_eq!((&of("Then")["status"], of("Then").get("carried")), (&json!("Succeeded"), None));
    world.api.post(&format!("/api/v1/runs/{run}/cancel"), 202).await;
    assert_eq!(world.api.ended(&run).await["status"], "Cancelled");
}

#[tokio::test]
async fn a_run_that_is_too_large_is_refused_each_time() {
    let world = World::start().await;
    let mut body = json!({"First": compose("", json!("@int('x')"))});
    for at in 0..2_500 {
        body[format!("C{at}")] = compose("First", json!(1));
    }
    let document = definition(json!({
        "Loop": {"type": "Foreach", "foreach": "@range(0,101)", "runAfter": {}, "actions": body},
    }));
    let address = world.flow("order", &document).await;
    let failed = world.run(&address, &json!(1)).await;
    for _ in 0..2 {
        refused(&world, id(&failed), json!({}), 409, "RunTooLargeToResume").await;
    }
    let old = world.api.get(&format!("/api/v1/runs/{}", id(&failed))).await;
    assert_eq!(old.get("resumedAs"), None);
    let audit = world.api.list("/api/v1/audit?operation=ResumeRunRefused").await;
    assert_eq!(audit.len(), 2);
}

#[tokio::test]
async fn who_may_resubmit_may_resume() {
    let people = People::meet().await;
    let (_, run) = people.flow().await;
    let world = &people.world;
    world.api.post(&format!("/api/v1/runs/{run}/cancel"), 202).await;
    world.api.ended(&run).await;
    let path = format!("/api/v1/runs/{run}/resume");
    for who in [2, 3, 4, 5, 6, 7] {
        let answer = people.send(who, Method::POST, &path, None).await;
        assert_eq!((answer.status, answer.code()), (404, "RunNotFound".into()), "{who}");
    }
    let answer = people.send(1, Method::POST, &path, None).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    assert_eq!(answer.json()["resumedFrom"], run);
}

#[tokio::test]
async fn many_runs_are_done_again() {
    let (world, stub) = with_stub().await;
    let address = world.flow("order", &failing(&stub, "@int(triggerBody())")).await;
    let mut failed = Vec::new();
    for body in [json!("a"), json!("1"), json!("b"), json!("c")] {
        let run = world.run(&address, &body).await;
        if run["status"] == "Failed" {
            failed.push(id(&run).to_owned());
        }
    }
    failed.reverse();
    assert_eq!(failed.len(), 3);
    let path = "/api/v1/flows/order/runs/resubmit";
    let names = |answer: &Value| -> Vec<String> {
        let runs = answer["runs"].as_array().expect("runs").iter();
        runs.map(|run| run["run"].as_str().expect("a name").to_owned()).collect()
    };
    let dry = world.call(Method::POST, path, json!({"dryRun": true}), 200).await;
    assert_eq!((names(&dry), &dry["started"]), (failed.clone(), &json!(0)));
    assert_eq!(world.api.list("/api/v1/flows/order/runs").await.len(), 4);
    let none = json!({"dryRun": true, "filter": {"code": "Other"}});
    assert!(names(&world.call(Method::POST, path, none, 200).await).is_empty());
    correct(&world, &failing(&stub, "fixed")).await;
    let first = world.call(Method::POST, path, json!({"limit": 2}), 200).await;
    assert_eq!((names(&first), &first["started"]), (failed[..2].to_vec(), &json!(2)), "{first}");
    let more = json!({"limit": 2, "skipToken": first["skipToken"]});
    let second = world.call(Method::POST, path, more, 200).await;
    assert_eq!(names(&second), failed[2..]);
    assert_eq!(second.get("skipToken"), None);
    for run in first["runs"].as_array().unwrap().iter().chain(second["runs"].as_array().unwrap()) {
        let run = world.api.ended(run["newRun"].as_str().expect("a new run")).await;
        assert_eq!(run["status"], "Succeeded", "{run}");
    }
    for (body, code) in [
        (json!({"limit": 0}), "InvalidQuery"),
        (json!({"filter": {"status": "Odd"}}), "InvalidQuery"),
        (json!({"skipToken": "x"}), "InvalidQuery"),
        (json!({"filters": {}}), "InvalidRequestContent"),
    ] {
        let answer = world.call(Method::POST, path, body, 400).await;
        assert_eq!(answer["error"]["code"], code);
    }
    let audit = world.api.list("/api/v1/audit?operation=ResubmitRuns").await;
    assert_eq!(audit.len(), 2);
}

#[tokio::test]
async fn many_runs_are_resumed_each_once() {
    let (world, stub) = with_stub().await;
    let address = world.flow("order", &failing(&stub, "@int('x')")).await;
    for body in 0..3 {
        world.run(&address, &json!(body)).await;
    }
    let path = "/api/v1/flows/order/runs/resubmit";
    let to = world.api.list("/api/v1/flows/order/runs").await[0]["endTime"].clone();
    correct(&world, &failing(&stub, "fixed")).await;
    let body = json!({"resume": true, "version": "latest", "filter": {"to": to}});
    let done = world.call(Method::POST, path, body.clone(), 200).await;
    assert_eq!((&done["started"], &done["refused"]), (&json!(3), &json!(0)), "{done}");
    let again = world.call(Method::POST, path, body, 200).await;
    assert_eq!((&again["started"], &again["refused"]), (&json!(0), &json!(3)));
    assert_eq!(again["runs"][0]["error"]["code"], "RunResumed");
    for run in done["runs"].as_array().expect("runs") {
        let run = world.api.ended(run["newRun"].as_str().expect("a new run")).await;
        assert_eq!(run["status"], "Succeeded", "{run}");
    }
    assert_eq!(paths(&stub).iter().filter(|path| *path == "/take").count(), 3);
    assert_eq!(stub.calls().len(), 6);
    let wrong = json!({"version": "latest"});
    let answer = world.call(Method::POST, path, wrong, 400).await;
    assert_eq!(answer["error"]["code"], "InvalidQuery");
}

#[tokio::test]
async fn what_was_secured_is_not_shown_by_another_version() {
    let world = World::start().await;
    let document = |then: &str, secured: Value| {
        let mut document = definition(json!({
            "Hidden": compose("", json!("secret")),
            "Then": compose("Hidden", json!(then)),
        }));
        document["actions"]["Hidden"]["runtimeConfiguration"] =
            json!({"secureData": {"properties": secured}});
        document
    };
    let both = json!(["inputs", "outputs"]);
    let address = world.flow("order", &document("@int('x')", both.clone())).await;
    let failed = world.run(&address, &json!(1)).await;
    correct(&world, &document("fixed", json!(["outputs"]))).await;
    let latest = json!({"version": "latest"});
    refused(&world, id(&failed), latest.clone(), 409, "SecureDataRemoved").await;
    correct(&world, &document("fixed", both)).await;
    let path = format!("/api/v1/runs/{}/resume", id(&failed));
    let started = world.call(Method::POST, &path, latest, 202).await;
    let run = world.api.ended(started["run"].as_str().expect("a run")).await;
    assert_eq!(run["status"], "Succeeded");
    let hidden = world.api.get(&format!("/api/v1/runs/{}/actions/Hidden", id(&run))).await;
    assert_eq!(hidden["outputs"], json!({"$secured": true}));
}

#[tokio::test]
async fn what_was_secured_is_not_shown_by_the_version_of_a_resubmitted_run() {
    let world = World::start().await;
    let document = |secured: Value| {
        let mut document = definition(json!({"Fails": compose("", json!("@int('x')"))}));
        document["triggers"]["manual"]["runtimeConfiguration"] =
            json!({"secureData": {"properties": secured}});
        document
    };
    let both = json!(["inputs", "outputs"]);
    let address = world.flow("order", &document(both.clone())).await;
    let failed = world.run(&address, &json!("tulip")).await;
    assert_eq!(failed["trigger"]["outputs"], json!({"$secured": true}));
    correct(&world, &document(json!([]))).await;
    let path = format!("/api/v1/runs/{}/resubmit", id(&failed));
    world.refused(Method::POST, &path, 409, "SecureDataRemoved").await;
    let many = "/api/v1/flows/order/runs/resubmit";
    let done = world.call(Method::POST, many, json!({}), 200).await;
    assert_eq!((&done["started"], &done["refused"]), (&json!(0), &json!(1)), "{done}");
    assert_eq!(done["runs"][0]["error"]["code"], "SecureDataRemoved");
    assert_eq!(world.api.list("/api/v1/flows/order/runs").await.len(), 1);
    assert!(world.api.list("/api/v1/audit?operation=ResubmitRun").await.is_empty());
    correct(&world, &document(both)).await;
    let started = world.api.post(&path, 202).await;
    let run = world.api.ended(started["run"].as_str().expect("a run")).await;
    assert_eq!(run["trigger"]["outputs"], json!({"$secured": true}));
}

async fn found(world: &World, query: &str) -> Vec<String> {
    let found = world.api.list(&format!("/api/v1/flows/order/runs?{query}")).await;
    found.iter().map(|run| id(run).to_owned()).collect()
}

#[tokio::test]
async fn runs_are_found_by_what_they_hold() {
    let world = World::start().await;
    let mut document = definition(json!({
        "Sum": compose("", json!({"customer": "@triggerBody()?['name']", "n": 1234})),
        "Hidden": compose("Sum", json!("@concat('secret-', triggerBody()?['name'])")),
        "Large": compose("Hidden", json!("@concat(triggerBody()?['big'], 'LAST')")),
        "Fail": compose("Large", json!("@int(triggerBody()?['name'])")),
    }));
    document["actions"]["Hidden"]["runtimeConfiguration"] =
        json!({"secureData": {"properties": ["inputs", "outputs"]}});
    let address = world.flow("order", &document).await;
    let big = "x".repeat(50_000);
    let ada = world.run(&address, &json!({"name": "Ada", "big": big})).await;
    let bob = world.run(&address, &json!({"name": "Bob"})).await;
    let (ada, bob) = (id(&ada).to_owned(), id(&bob).to_owned());
    assert_eq!(found(&world, "search=ada").await, [ada.as_str()]);
    assert_eq!(found(&world, "search=BOB").await, [bob.as_str()]);
    assert_eq!(found(&world, "search=1234").await, [bob.clone(), ada.clone()]);
    assert_eq!(found(&world, "search=customer&status=Failed").await, [bob.clone(), ada.clone()]);
    assert!(found(&world, "search=customer&status=Succeeded").await.is_empty());
    assert_eq!(found(&world, "search=xlast").await, [ada.as_str()], "a large value");
    assert!(found(&world, "search=secret-").await.is_empty(), "what is secured is not searched");
    let page = world.api.get("/api/v1/flows/order/runs?search=customer&top=1").await;
    assert_eq!(page["value"][0]["id"], bob);
    let next = world.api.get(page["nextLink"].as_str().expect("a link")).await;
    assert_eq!(next["value"][0]["id"], ada);
    for query in ["search=", &format!("search={}", "x".repeat(201)), "search=x&skipToken=1.x"] {
        let path = format!("/api/v1/flows/order/runs?{query}");
        world.refused(Method::GET, &path, 400, "InvalidQuery").await;
    }
}

#[tokio::test]
async fn a_search_goes_on_where_the_request_before_it_stopped() {
    let world = World::start().await;
    let document = definition(json!({
        "Loop": {"type": "Foreach", "foreach": "@range(0,30)", "runAfter": {},
            "runtimeConfiguration": {"concurrency": {"repetitions": 1}}, "actions": {
                "Big": compose("", json!("@concat(string(item()), triggerBody())"))}},
        "End": compose("Loop", json!("needle")),
    }));
    let address = world.flow("order", &document).await;
    let run = world.run(&address, &json!("y".repeat(1_000_000))).await;
    assert_eq!(run["status"], "Succeeded");
    // the history is larger than one request reads: an empty page, and then the run
    let page = world.api.get("/api/v1/flows/order/runs?search=needle").await;
    assert_eq!(page["value"], json!([]));
    assert!(page["nextLink"].as_str().expect("a link").contains("search=needle"));
    assert_eq!(found(&world, "search=needle").await, [id(&run)]);
}
