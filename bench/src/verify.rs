//! Looks at what the server kept of a run: everything must be there and readable.

use crate::api::Api;
use crate::load::Items;
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use sluicegate_bench::definition::ORDER_STEPS;
use sluicegate_bench::order::{Filler, Order};

/// Compares the history of an order's run with what it must be. `last` is the
/// name of the flow's last action.
pub async fn order_run(
    api: &mut Api,
    (id, run): (u64, &str),
    last: &str,
    filler: Filler,
) -> Result<()> {
    check_order(api, id, run, last, filler)
        .await
        .with_context(|| format!("the history of run {run} (order {id})"))
}

async fn check_order(api: &mut Api, id: u64, run: &str, last: &str, filler: Filler) -> Result<()> {
    let record = api.run(run).await?;
    ensure!(record["status"] == "Succeeded", "its status is {}", record["status"]);
    let mut sent = Vec::new();
    Order::new(id).write_body(filler, &mut sent);
    let sent: Value = serde_json::from_slice(&sent)?;
    let kept = &record["trigger"]["outputs"]["body"];
    ensure!(*kept == sent, "the trigger's body is not what was sent: {kept}");

    let order = Order::new(id);
    let names: Vec<String> = api
        .actions(run)
        .await?
        .iter()
        .map(|action| action["name"].as_str().unwrap_or_default().to_owned())
        .collect();
    for name in ORDER_STEPS.iter().chain([&last]) {
        let found = names.iter().filter(|other| other == name).count();
        ensure!(found == 1, "action '{name}' is listed {found} times in {names:?}");
    }
    ensure!(names.len() == ORDER_STEPS.len() + 1, "there are more actions: {names:?}");

    let computed = json!({"total": order.total(), "full": order.full()});
    let answer = json!({
        "id": id, "tier": order.tier(), "slug": order.slug(), "total": order.total()
    });
    expect_succeeded(api, run, "Compose", &computed, &computed).await?;
    expect_succeeded(api, run, "Slug", &json!(order.slug()), &json!(order.slug())).await?;
    let (taken, other) = if order.tier() == "gold" { ("Gold", "Basic") } else { ("Basic", "Gold") };
    expect_succeeded(api, run, taken, &json!(order.tier()), &json!(order.tier())).await?;
    let skipped = api.action(run, other).await?;
    ensure!(skipped["status"] == "Skipped", "'{other}' was not skipped: {skipped}");
    let condition = api.action(run, "Condition").await?;
    ensure!(condition["status"] == "Succeeded", "the condition did not succeed: {condition}");
    expect_last(api, run, last, &answer).await
}

async fn expect_last(api: &mut Api, run: &str, name: &str, answer: &Value) -> Result<()> {
    let action = api.action(run, name).await?;
    ensure!(action["status"] == "Succeeded", "'{name}' did not succeed: {action}");
    // A Response keeps status code and headers around its body.
    let body = |value: &Value| {
        if action["type"] == "Response" { value["body"].clone() } else { value.clone() }
    };
    ensure!(body(&action["inputs"]) == *answer, "inputs of '{name}': {action}");
    ensure!(body(&action["outputs"]) == *answer, "outputs of '{name}': {action}");
    Ok(())
}

async fn expect_succeeded(
    api: &mut Api,
    run: &str,
    name: &str,
    inputs: &Value,
    outputs: &Value,
) -> Result<()> {
    let action = api.action(run, name).await?;
    ensure!(action["status"] == "Succeeded", "'{name}' did not succeed: {action}");
    ensure!(action["inputs"] == *inputs, "inputs of '{name}': {action}");
    ensure!(action["outputs"] == *outputs, "outputs of '{name}': {action}");
    Ok(())
}

/// Looks at the history of a W3 run: counts, and some repetitions of both actions.
pub async fn items_run(api: &mut Api, (id, run): (u64, &str), items: &Items) -> Result<()> {
    let record = api.run(run).await?;
    ensure!(record["status"] == "Succeeded", "run {run}: {}", record["status"]);
    for action in api.actions(run).await? {
        let name = action["name"].as_str().unwrap_or_default();
        if ["Twice", "Label"].contains(&name) && action["repetitionCount"] != items.count {
            bail!("'{name}' has {} repetitions of {}", action["repetitionCount"], items.count);
        }
    }
    for index in [0, 1, items.count / 2, items.count - 1] {
        let twice = api.repetition(run, "Twice", index).await?;
        ensure!(twice["outputs"] == 2 * index, "repetition {index} of 'Twice': {twice}");
        let label = api.repetition(run, "Label", index).await?;
        let text = Items::name(id, index).to_uppercase();
        ensure!(label["outputs"] == text.as_str(), "repetition {index} of 'Label': {label}");
    }
    Ok(())
}
