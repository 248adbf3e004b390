//! Programs that sign in by themselves: they administer, and do nothing else.

use crate::administration::administer;
use crate::environment;
use crate::flow::{Flow, held};
use crate::person::others;
use crate::world::{World, text};
use serde_json::{Value, json};

/// Reasons that a program is given which asks for what is a person's.
const NO_PERSON: [&str; 3] = [
    "An application by itself cannot call '",
    "Access to the environment '",
    // one command says no more than this
    "Request failed with status code 403",
];

fn administrator() -> Value {
    json!([{"role": "tenantAdministrator"}])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_with_a_secret_administers_and_does_nothing_else() {
    let world = World::start().await;
    world.user("ada", json!([])).await;
    let others = others(&world).await;
    let ada = world.signed_in("ada").await;
    let order = Flow::create(&ada, &world.environment, "Order").await;
    let url = order.url("triggers/manual/run");
    let run = async |said: &str| text(&ada.post(&url, &json!({"text": said})).await.json()["name"]);
    world.api.ended(&run("quick").await).await;
    let program = world.program("nightly", administrator()).await;
    let cli = world.cli("nightly");
    let (id, secret) = (&program.client_id, &program.secret);
    let login = format!("login --authType secret --appId {id} --tenant {}", world.tenant);
    let wrong = cli.refused(&format!("{login} --secret=guessed")).await;
    assert!(wrong.contains("AADSTS7000215"), "{wrong}");
    let told = cli.json(&format!("{login} --secret={secret}")).await;
    assert_eq!(told["authType"], "secret");
    administer(&world, &cli, &order, &others).await;
    ada.done(&format!("flow enable {}", order.named())).await;
    let run = run("slow").await;
    let before = (held(&world).await, world.api.get(&format!("/api/v1/runs/{run}")).await);
    let commands = commands_of_people(&world, &order, &run, &others.ben);
    cli.all_refused(&commands, &NO_PERSON).await;
    let refusal = cli.post(&url, &json!({"text": "quick"})).await.refusal();
    assert!(refusal.contains("403"), "{refusal}");
    let after = (held(&world).await, world.api.get(&format!("/api/v1/runs/{run}")).await);
    assert_eq!(after, before);
    world.asked_nobody_else();
}

/// Every command that acts for somebody.
fn commands_of_people(world: &World, flow: &Flow, run: &str, somebody: &str) -> Vec<String> {
    let (named, within, environment) = (flow.named(), flow.within(), &world.environment);
    vec![
        "flow environment list".to_owned(),
        "flow environment get --default".to_owned(),
        format!("flow list --environmentName {environment}"),
        format!("flow list --environmentName {environment} --sharingStatus sharedWithMe"),
        format!("flow get {named}"),
        format!("flow enable {named}"),
        format!("flow disable {named}"),
        format!("flow remove {named} --force"),
        format!("flow export {named} --format json --path refused.json"),
        format!("flow export {named} --format zip --path refused.zip"),
        format!("flow run list {within}"),
        format!("flow run get {within} --name {run}"),
        format!("flow run cancel {within} --name {run} --force"),
        format!("flow run resubmit {within} --name {run} --force"),
        format!("flow owner list {within}"),
        format!("flow owner ensure {within} --userId {somebody} --roleName CanEdit"),
        format!("flow owner remove {within} --userId {somebody} --force"),
        format!("pa connector list --environmentName {environment}"),
        "pa environment list".to_owned(),
        "pa environment get --default".to_owned(),
        "pp environment list".to_owned(),
        "pp environment get --default".to_owned(),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_with_a_certificate_administers() {
    let world = World::start().await;
    let [own, other] = [
        world.program("nightly", administrator()).await,
        world.program("weekly", administrator()).await,
    ];
    let cli = world.cli("nightly");
    let login = |certificate: &std::path::Path| {
        let file = certificate.to_str().expect("a path that is text");
        let id = &own.client_id;
        let tenant = &world.tenant;
        format!(
            "login --authType certificate --appId {id} --tenant {tenant} --certificateFile {file}"
        )
    };
    let wrong = cli.refused(&login(&other.certificate)).await;
    assert!(wrong.contains("AADSTS700027"), "{wrong}");
    assert_eq!(cli.json(&login(&own.certificate)).await["authType"], "certificate");
    environment::look_as_administrator(&world, &cli).await;
    let list = format!("flow list --environmentName {}", world.environment);
    assert_eq!(cli.json(&format!("{list} --asAdmin")).await, json!([]));
    cli.all_refused(&[list], &NO_PERSON).await;
    world.asked_nobody_else();
}
