//! Two servers on one database count the calls over a connection together, in both windows.

use super::machine::{Call, Connection, Machine, Outcome};
use super::{MANAGEMENT, machine};
use crate::people::{CO_OWNER, OWNER, People};
use crate::support::Setup;
use crate::support::api::Api;
use crate::world::{Answer, World};
use futures_util::future::join_all;
use reqwest::Method;
use rig::Postgres;
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};

const NODES: usize = 2;

/// A node takes nothing on until others have given it its share.
const SHARED_WITHIN: Duration = Duration::from_secs(30);

/// Settings of both nodes: the first limit, and the second.
fn limited(dir: &Path, calls: usize, changes: usize) {
    let text = format!(
        "[connector_limits]\non = true\nmanagement_calls_per_minute = {calls}\nmanagement_changes_per_hour = {changes}\n"
    );
    std::fs::write(dir.join("settings.toml"), text).expect("a file");
}

/// The nodes, of which the second has the first one's key.
fn nodes(dir: &Path, database: &str) -> Vec<Setup> {
    (0..NODES)
        .map(|number| {
            let below = dir.join(format!("node{number}"));
            std::fs::create_dir_all(below.join("data")).expect("a folder");
            let setup = Setup::new(&below).arg("--database-url").arg(database);
            setup.arg("--config").arg(dir.join("settings.toml"))
        })
        .collect()
}

pub async fn start(setups: &[Setup]) -> Vec<World> {
    let mut worlds: Vec<World> = Vec::new();
    for (at, setup) in setups.iter().enumerate() {
        let key = setup.data.join("master.key");
        if at > 0 && !key.exists() {
            std::fs::copy(setups[0].data.join("master.key"), key).expect("the key is copied");
        }
        let server = setup.start().await;
        worlds.push(World::of(server, Setup::new(&setup.data)));
    }
    worlds
}

/// Begins a run at a node, and tells what became of its calls.
async fn run_at(machine: &Machine, api: &Api) -> Vec<Outcome> {
    let until = Instant::now() + SHARED_WITHIN;
    loop {
        let request = api.request(Method::POST, &machine.path).json(&json!({}));
        let answer = Answer::of(request).await;
        if answer.status != 503 {
            return machine.outcomes(api, answer.run()).await;
        }
        assert!(Instant::now() < until, "the node takes nothing on: {}", answer.text);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Runs at all nodes at the same moment, so many at each: how many calls were answered so,
/// and for how long the others were refused.
async fn at_once(machine: &Machine, apis: &[Api], each: usize, status: u16) -> (usize, Vec<u64>) {
    let runs = apis.iter().flat_map(|api| (0..each).map(move |_| run_at(machine, api)));
    let outcomes: Vec<Outcome> = join_all(runs).await.into_iter().flatten().collect();
    assert_eq!(outcomes.len(), each * apis.len());
    let (done, refused): (Vec<_>, Vec<_>) =
        outcomes.into_iter().partition(|it| it.status == status);
    let seconds = |it: &Outcome| {
        assert_eq!(it.status, 429, "{it:?}");
        it.headers["Retry-After"].as_str().and_then(|it| it.parse().ok()).expect("seconds")
    };
    (done.len(), refused.iter().map(seconds).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_count_the_calls_over_a_connection_together() {
    let dir = tempfile::tempdir().expect("a folder");
    let postgres = Postgres::shared().expect("a PostgreSQL server");
    let database = postgres.create_database("limits").await.expect("a database");
    limited(dir.path(), 5, 300);
    let setups = nodes(dir.path(), &database);
    let mut worlds = start(&setups).await;
    let second = worlds.pop().expect("a node");
    let people = People::meet_in(worlds.pop().expect("a node")).await;
    let within = machine::commons(&people).await;
    let nothing = json!({"environmentName": within, "flowName": "nothing"});
    let (read, change): (Call, Call) = (("ListUserEnvironments", json!({})), ("StopFlow", nothing));
    let connection = Connection::of_person(&people, OWNER, &within, MANAGEMENT).await;
    let other = Connection::of_person(&people, CO_OWNER, &within, MANAGEMENT).await;
    let reading = connection.machine(&people, std::slice::from_ref(&read)).await;
    let changing = connection.machine(&people, std::slice::from_ref(&change)).await;
    let beside = other.machine(&people, &[read, change]).await;

    // both take part before anything is counted; the other connection is used for that
    let apis = [people.world.api.clone(), second.api.clone()];
    for api in &apis {
        let outcomes = run_at(&beside, api).await;
        assert_eq!(outcomes.iter().map(|it| it.status).collect::<Vec<_>>(), [200, 403]);
    }
    let (done, refused) = at_once(&reading, &apis, 6, 200).await;
    assert_eq!((done, refused.len()), (5, 7));
    assert!(refused.iter().all(|it| (1..=60).contains(it)), "{refused:?}");
    // what is called from outside of flows counts with them
    let path = format!("/apim/flowmanagement/{}/environments", connection.name);
    let refused = people.send(OWNER, Method::GET, &path, None).await;
    assert_eq!(refused.status, 429, "{}", refused.text);
    // the four calls over the other connection were its own: it has one left
    let outcomes = run_at(&beside, &apis[1]).await;
    assert_eq!(outcomes.iter().map(|it| it.status).collect::<Vec<_>>(), [200, 429]);

    // the first limit is raised on both, and the second is met
    let World { server, .. } = people.world;
    assert!(server.stop().await.success() && second.server.stop().await.success());
    limited(dir.path(), 1_000, 6);
    let worlds = start(&setups).await;
    let apis: Vec<Api> = worlds.iter().map(|it| it.api.clone()).collect();
    for api in &apis {
        assert_eq!(run_at(&reading, api).await[0].status, 200);
    }
    let (done, refused) = at_once(&changing, &apis, 5, 403).await;
    assert_eq!((done, refused.len()), (6, 4));
    assert!(refused.iter().all(|it| (3_500..=3_600).contains(it)), "{refused:?}");
    for api in &apis {
        let outcomes = run_at(&beside, api).await;
        assert_eq!(outcomes.iter().map(|it| it.status).collect::<Vec<_>>(), [200, 403]);
        assert_eq!(run_at(&reading, api).await[0].status, 200);
    }
}
