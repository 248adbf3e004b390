//! Flows that were deleted are removed for good after 21 days, by whichever node looks first.

use crate::login::house::{House, root};
use crate::world::echo;
use server::app::access::{FlowAt, Scope};
use server::app::flow::FlowInput;

const DAY: i64 = 86_400;

fn at(name: &str) -> FlowAt<'_> {
    FlowAt { environment: "default", name, scope: Scope::Any }
}

async fn deleted(house: &House, name: &str) -> String {
    let document = echo().to_string().into_bytes();
    let input = FlowInput { name: Some(name.to_owned()), document, ..FlowInput::default() };
    let made = house.app.create_flow(&root(), "default", input).await.expect("a flow");
    house.app.delete_flow(&root(), at(name)).await.expect("deleted");
    made.entry.row.id.clone()
}

#[tokio::test]
async fn deleted_flows_go_after_21_days() {
    let house = House::open().await;
    let first = deleted(&house, "first").await;
    let restored = deleted(&house, "restored").await;
    house.pass(15 * DAY);
    let second = deleted(&house, "second").await;
    house.app.restore_flow(&root(), at("restored")).await.expect("restored");
    house.pass(5 * DAY);
    assert_eq!(house.app.purge_deleted().await.expect("a round"), 0);
    house.pass(2 * DAY);
    // two nodes look at the same moment
    let other = house.app.clone();
    let (one, two) = tokio::join!(house.app.purge_deleted(), other.purge_deleted());
    assert_eq!(one.expect("a round") + two.expect("a round"), 1);
    let store = &house.app.engine.store;
    for (id, is_there) in [(&first, false), (&restored, true), (&second, true)] {
        assert_eq!(store.workflow_by_id(id).await.expect("flows").is_some(), is_there, "{id}");
    }
    let filter = store::AuditFilter {
        operation: Some("PurgeFlow".to_owned()),
        rows_max: 10,
        ..store::AuditFilter::default()
    };
    let rows = store.audit(filter).await.expect("the audit");
    let told: Vec<_> = rows.iter().map(|row| (row.actor.as_str(), row.target.as_str())).collect();
    assert_eq!(told, [("server", first.as_str())]);
    let again = house.app.restore_flow(&root(), at("first")).await;
    assert_eq!(again.err().map(|error| error.code), Some("FlowNotFound"));
    house.pass(15 * DAY);
    assert_eq!(house.app.purge_deleted().await.expect("a round"), 1);
    assert_eq!(house.app.purge_deleted().await.expect("a round"), 0);
}
