//! People who sign in with their password.

use crate::flow::{self, Flow};
use crate::owner::{self, Others};
use crate::world::{WORKSHOP, World, principal_name};
use crate::{administration, environment, export, run};
use serde_json::json;

/// Reasons that somebody is given who is no administrator.
const NO_ADMINISTRATOR: [&str; 4] = [
    "may not call '",
    "administers no environment",
    "Access to the environment '",
    // one command says no more than this
    "Request failed with status code 403",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_see_and_do_is_what_the_server_holds() {
    let world = World::start().await;
    let maker = json!([{"role": "environmentMaker", "environment": WORKSHOP}]);
    world.user("ada", maker).await;
    let others = others(&world).await;
    let ada = world.signed_in("ada").await;
    environment::look(&world, &ada).await;
    let order = Flow::create(&ada, &world.environment, "Order").await;
    flow::show(&world, &ada, &order, "").await;
    flow::lists_of_maker(&world, &ada).await;
    run::go(&world, &ada, &order).await;
    owner::share(&ada, &order, &others, "").await;
    flow::switch(&world, &ada, &order, "").await;
    export::template(&world, &ada, &order).await;
    export::package(&world, &ada, &order).await;
    let commands = administration::commands(&world, &order, &others.ben);
    ada.all_refused(&commands, &NO_ADMINISTRATOR).await;
    assert_eq!(world.held(&order.id).await["state"], "Started");
    ada.done(&format!("flow remove {} --force", order.named())).await;
    administration::gone(&world, &order).await;
    // once more changes nothing
    ada.done(&format!("flow remove {} --force", order.named())).await;
    world.asked_nobody_else();
}

/// Those with whom flows are shared.
pub async fn others(world: &World) -> Others {
    let (ben, cleo) = (world.user("ben", json!([])).await, world.user("cleo", json!([])).await);
    let (sales, support) =
        (world.group("Sales", &[&cleo]).await, world.group("Support", &[]).await);
    Others { ben, cleo, sales, support }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_shared_is_seen_by_those_it_is_shared_with() {
    let world = World::start().await;
    world.user("ada", json!([])).await;
    others(&world).await;
    let ada = world.signed_in("ada").await;
    let order = Flow::create(&ada, &world.environment, "Order").await;
    let ben = world.signed_in("ben").await;
    let list = |rest: &str| format!("flow list --environmentName {}{rest}", world.environment);
    let (mine, shared) = (list(""), list(" --sharingStatus sharedWithMe"));
    assert_eq!(ben.json(&mine).await, json!([]));
    let get = format!("flow get {}", order.named());
    let reason = ben.refused(&get).await;
    assert!(reason.contains("does not have permission for connection"), "{reason}");
    export::refused(&ben, &order).await;
    let ensure = format!("flow owner ensure {}", order.within());
    ada.done(&format!("{ensure} --userName {} --roleName CanEdit", principal_name("ben"))).await;
    let held = flow::held(&world).await;
    let (mine, shared) = ben.both(&mine, &shared).await;
    assert_eq!((mine, flow::listed(&shared)), (json!([]), held.clone()));
    let all = ben.json(&list(" --sharingStatus all")).await;
    assert_eq!(flow::listed(&all), held);
    flow::show(&world, &ben, &order, "").await;
    flow::switch(&world, &ben, &order, "").await;
    world.asked_nobody_else();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_refused() {
    let world = World::start().await;
    world.user("ada", json!([])).await;
    let cli = world.cli("ada");
    let who = principal_name("ada");
    let line = format!("login --authType password --userName {who} --password wrong-horse");
    let reason = cli.refused(&format!("{line} {}", world.public())).await;
    assert!(reason.contains("AADSTS50126"), "{reason}");
    let reason = cli.refused("flow environment list").await;
    assert!(reason.contains("Log in to Microsoft 365 first"), "{reason}");
    world.asked_nobody_else();
}
