//! The limits of both connectors, as flows meet them: in a house in which time passes only
//! when it is told to, so that windows end at their moment and not about then.

use super::machine::{Call, Outcome, name_of};
use super::still::Still;
use super::{ADMINS, MANAGEMENT};
use crate::world::Answer;
use reqwest::Method;
use serde_json::{Value, json};
use server::app::connector::throttle::Rate;
use server::clock::SECOND;
use std::sync::Arc;

/// A call that counts as a change, and is none: nothing is there to be stopped.
fn change() -> Call {
    let place = json!({"environmentName": "default", "flowName": "nothing"});
    ("StopFlow", place)
}

fn read() -> Call {
    ("ListUserEnvironments", json!({}))
}

fn statuses(outcomes: &[Outcome]) -> Vec<u16> {
    outcomes.iter().map(|it| it.status).collect()
}

/// Refused by the gateway of connectors, for so many seconds.
fn is_refused(outcome: &Outcome, seconds: u32) {
    assert_eq!(outcome.status, 429, "{outcome:?}");
    assert_eq!(outcome.headers["Retry-After"], seconds.to_string(), "{outcome:?}");
    let message = format!("Rate limit is exceeded. Try again in {seconds} seconds.");
    assert_eq!(outcome.body, json!({"statusCode": 429, "message": message}));
}

#[tokio::test(flavor = "multi_thread")]
async fn five_calls_in_a_minute_and_again_when_it_is_over() {
    let scene = Still::build(|_| {}).await;
    let connection = scene.connection(MANAGEMENT, "m1").await;
    let outcomes = scene.calls(&connection, &vec![read(); 7]).await;
    assert_eq!(statuses(&outcomes), [200, 200, 200, 200, 200, 429, 429]);
    is_refused(&outcomes[5], 60);
    // what was refused does not count
    is_refused(&outcomes[6], 60);
    // changes are calls too
    is_refused(&scene.calls(&connection, &[change()]).await[0], 60);
    // another connection of the same account to the same connector has its own
    let other = scene.connection(MANAGEMENT, "m2").await;
    assert_eq!(statuses(&scene.calls(&other, &[read(), change()]).await), [200, 403]);
    let admins = scene.connection(ADMINS, "a1").await;
    let user = ("Get-AdminFlowUserDetails", json!({"userId": scene.ada.id()}));
    assert_eq!(statuses(&scene.calls(&admins, &[user]).await), [200]);
    for passes in [30, 29] {
        scene.house.pass(passes);
        let seconds = if passes == 30 { 30 } else { 1 };
        is_refused(&scene.calls(&connection, &[read()]).await[0], seconds);
    }
    // at the moment that was named, and for the whole window again
    scene.house.pass(1);
    let outcomes = scene.calls(&connection, &vec![read(); 6]).await;
    assert_eq!(statuses(&outcomes), [200, 200, 200, 200, 200, 429]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_slides() {
    let scene = Still::build(|_| {}).await;
    let connection = scene.connection(MANAGEMENT, "m1").await;
    assert_eq!(statuses(&scene.calls(&connection, &[read(), read()]).await), [200, 200]);
    scene.house.pass(20);
    let outcomes = scene.calls(&connection, &vec![read(); 4]).await;
    assert_eq!(statuses(&outcomes), [200, 200, 200, 429]);
    // the first two are a minute old in forty seconds, and then there is room for two
    is_refused(&outcomes[3], 40);
    scene.house.pass(40);
    let outcomes = scene.calls(&connection, &vec![read(); 3]).await;
    assert_eq!(statuses(&outcomes), [200, 200, 429]);
    is_refused(&outcomes[2], 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_changes_in_an_hour_and_again_when_it_is_over() {
    // the first window is in the way of the second: it is raised
    let scene = Still::build(|limits| {
        limits.management_calls = Rate { calls: 1_000, ..limits.management_calls };
    })
    .await;
    let connection = scene.connection(MANAGEMENT, "m1").await;
    for _ in 0..3 {
        let outcomes = scene.together(&connection, &vec![change(); 100]).await;
        assert!(outcomes.iter().all(|it| it.status == 403), "{:?}", statuses(&outcomes));
    }
    let outcomes = scene.calls(&connection, &[change(), read()]).await;
    is_refused(&outcomes[0], 3_600);
    // who only reads may go on
    assert_eq!(outcomes[1].status, 200);
    let other = scene.connection(MANAGEMENT, "m2").await;
    assert_eq!(statuses(&scene.calls(&other, &[change()]).await), [403]);
    scene.house.pass(3_599);
    is_refused(&scene.calls(&connection, &[change()]).await[0], 1);
    scene.house.pass(1);
    assert_eq!(statuses(&scene.calls(&connection, &[change(), read()]).await), [403, 200]);
}

/// However many calls are made at the same moment, as many as fit are let through.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_calls_at_once_are_let_through_and_not_one_more() {
    let scene = Still::build(|_| {}).await;
    let connection = scene.connection(ADMINS, "a1").await;
    let call = ("Get-AdminFlowUserDetails", json!({"userId": scene.ada.id()}));
    let outcomes = scene.together(&connection, &vec![call.clone(); 101]).await;
    let refused: Vec<&Outcome> = outcomes.iter().filter(|it| it.status == 429).collect();
    assert_eq!(refused.len(), 1, "{:?}", statuses(&outcomes));
    is_refused(refused[0], 60);
    assert_eq!(outcomes.iter().filter(|it| it.status == 200).count(), 100);
    scene.house.pass(59);
    is_refused(&scene.calls(&connection, std::slice::from_ref(&call)).await[0], 1);
    scene.house.pass(1);
    assert_eq!(statuses(&scene.calls(&connection, &[call]).await), [200]);
}

/// An action that is told to come back does so: not before it was told to, and not before
/// its own policy would.
#[tokio::test(flavor = "multi_thread")]
async fn an_action_waits_for_as_long_as_it_is_told() {
    let scene = Still::build(|_| {}).await;
    let mut machines = Vec::new();
    for (name, policy, seconds) in [
        ("m1", Value::Null, 60),
        ("m2", json!({"type": "fixed", "interval": "PT5S", "count": 1}), 60),
        ("m3", json!({"type": "fixed", "interval": "PT2M", "count": 1}), 120),
    ] {
        let connection = scene.connection(MANAGEMENT, name).await;
        scene.calls(&connection, &vec![read(); 5]).await;
        let mut actions = connection.actions(&[read()]);
        let inputs = actions[name_of(0)]["inputs"].as_object_mut().expect("inputs");
        match policy.is_null() {
            true => inputs.remove("retryPolicy"),
            false => inputs.insert("retryPolicy".to_owned(), policy),
        };
        let machine = scene.flow(&connection, actions, &[read()]).await;
        let request = scene.api.request(Method::POST, &machine.path).json(&json!({}));
        let run = Answer::of(request).await.run().to_owned();
        let path = format!("/api/v1/runs/{run}/actions/{}", name_of(0));
        machines.push((run, path, seconds));
    }
    for (run, path, seconds) in &machines {
        let due = refused_once(&scene, run, path).await;
        let asked = seconds * SECOND;
        assert_eq!(due - scene.house.app.engine.clock.now(), asked, "{run}");
    }
    for again in [&machines[..2], &machines[2..]] {
        scene.house.pass(60);
        // it looks at what is due when it begins
        let timers = tokio::spawn(Arc::clone(&scene.house.app.engine).run_timers());
        for (run, path, seconds) in again {
            scene.api.ended(run).await;
            let action = scene.api.get(path).await;
            assert_eq!(action["outputs"]["statusCode"], 200, "{action}");
            assert_eq!(attempts(&action), 1, "{action}");
            let [began, ended] = ["startTime", "endTime"].map(|name| {
                let time = action[name].as_str().expect("a time");
                expr::format::date::parse_ticks(time).expect("a time")
            });
            assert_eq!(ended - began, seconds * SECOND, "{action}");
        }
        timers.abort();
    }
}

/// Waits until an action was refused for the first time, and tells when it is to be repeated.
async fn refused_once(scene: &Still, run: &str, path: &str) -> i64 {
    let process = durable::ProcessId::from_run_name(run).expect("a run's name");
    let since = std::time::Instant::now();
    loop {
        let action = scene.api.get(path).await;
        let live = scene.house.app.engine.store.load(process).await.expect("a run");
        if let Some(due) = live.and_then(|live| live.due)
            && attempts(&action) == 1
        {
            return due;
        }
        assert!(since.elapsed().as_secs() < 20, "{run}: {action}");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// Attempts of an action that failed and were repeated.
fn attempts(action: &Value) -> usize {
    action["retryHistory"].as_array().map_or(0, Vec::len)
}
