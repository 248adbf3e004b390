//! Lists of flows: what they read of the store, and where their pages end.

use crate::login::house::{House, root};
use crate::world::echo;
use server::app::access::{Act, FlowAt, Scope};
use server::app::data::{Kind, Stored};
use server::app::facts::{FlowFacts, PrincipalKind, Share};
use server::app::flow::FlowInput;
use server::app::item::{FlowItem, Mine};
use server::app::owner::Grant;
use server::auth::caller::Caller;
use store::{Edit, Record, VersionRow};

fn at(name: &str) -> FlowAt<'_> {
    FlowAt { environment: "default", name, scope: Scope::Any }
}

async fn create(house: &House, owner: &Caller, name: &str) -> String {
    let document = echo().to_string().into_bytes();
    let input = FlowInput { name: Some(name.to_owned()), document, ..FlowInput::default() };
    let made = house.app.create_flow(owner, "default", input).await.expect("a flow");
    made.entry.row.id.clone()
}

/// Gives a flow a version that cannot be loaded.
async fn spoil(house: &House, id: &str) {
    let store = &house.app.engine.store;
    let mut row = store.workflow_by_id(id).await.expect("flows").expect("the flow");
    row.version += 1;
    let (workflow, number, created) = (row.key, row.version, row.created);
    let version = VersionRow { workflow, number, created, document: b"no document".to_vec() };
    store.update_workflow(row, Some(version)).await.expect("it is changed");
    house.app.engine.catalog.forget(id);
}

fn names(items: &[FlowItem]) -> Vec<&str> {
    items.iter().map(|item| item.row.name.as_str()).collect()
}

#[tokio::test]
async fn a_list_loads_no_version() {
    let house = House::open().await;
    let user = house.user("ada", Vec::new()).await;
    let ada = Caller::person(&user.id, Vec::new(), Vec::new());
    for name in ["one", "two"] {
        let id = create(&house, &ada, name).await;
        spoil(&house, &id).await;
    }
    assert!(house.app.get_flow(&ada, at("one")).await.is_err());
    let page = house.app.list_my_flows(&ada, "default", Mine::Made, (None, 10)).await;
    let (mine, next) = page.expect("a list");
    assert_eq!((names(&mine), next), (vec!["two", "one"], None));
    let all = house.app.list_flows(&root(), "default", false, (None, 10)).await.expect("a list");
    assert_eq!(names(&all), ["one", "two"]);
    for item in mine.iter().chain(&all) {
        let trigger = &item.triggers[0];
        assert_eq!((trigger.name.as_str(), trigger.type_name.as_str()), ("manual", "Request"));
        assert!(trigger.is_callable);
    }
}

#[tokio::test]
async fn a_flow_whose_triggers_were_not_noted_is_listed_with_them() {
    let house = House::open().await;
    let user = house.user("ada", Vec::new()).await;
    let ada = Caller::person(&user.id, Vec::new(), Vec::new());
    let id = create(&house, &ada, "old").await;
    let store = &house.app.engine.store;
    let kind = Kind::FlowFacts as u8;
    let record = store.record(kind, &id).await.expect("records").expect("facts");
    let mut facts: FlowFacts = serde_json::from_slice(&record.body).expect("facts");
    facts.triggers = None;
    let mut body = serde_json::to_value(&facts).expect("JSON");
    body.as_object_mut().expect("an object").remove("triggers");
    let body = serde_json::to_vec(&body).expect("JSON");
    let put = Edit::Put(Record { body, keys: facts.keys(), ..record });
    store.change(vec![put], Vec::new()).await.expect("it is changed");
    let page = house.app.list_my_flows(&ada, "default", Mine::Made, (None, 10)).await;
    let (mine, _) = page.expect("a list");
    assert_eq!(mine[0].triggers[0].name, "manual");
    // of a flow without any facts, which only who administers sees
    let record = store.record(kind, &id).await.expect("records").expect("facts");
    let remove = Edit::Remove { kind, id: id.clone(), revision: Some(record.revision) };
    store.change(vec![remove], Vec::new()).await.expect("it is removed");
    let all = house.app.list_flows(&root(), "default", false, (None, 10)).await.expect("a list");
    assert_eq!((names(&all), all[0].triggers.len()), (vec!["old"], 1));
}

#[tokio::test]
async fn no_shared_flow_is_lost_between_pages() {
    let house = House::open().await;
    let (ada, bob) = (house.user("ada", Vec::new()).await, house.user("bob", Vec::new()).await);
    let group = house.app.create_group(&root(), "makers", Vec::new()).await.expect("a group");
    let owner = Caller::person(&ada.id, Vec::new(), Vec::new());
    let shares = [
        ("to-bob", &bob.id, PrincipalKind::User),
        ("to-makers", &group.id, PrincipalKind::Group),
        ("to-makers-too", &group.id, PrincipalKind::Group),
    ];
    for (name, principal, kind) in shares {
        create(&house, &owner, name).await;
        let principal = Some(principal.clone());
        let grant = Grant { principal, name: None, kind, share: Share::CanEdit };
        let change = (vec![grant], Vec::new());
        house.app.modify_owners(&owner, Act::MODIFY_OWNERS, at(name), change).await.expect("set");
    }
    let caller = Caller::person(&bob.id, vec![group.id.clone()], Vec::new());
    for rows in 1..=4 {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = (after, rows);
            let page = house.app.list_my_flows(&caller, "default", Mine::Shared, page).await;
            let (items, next) = page.expect("a page");
            assert!(items.len() <= rows);
            found.extend(items.into_iter().map(|item| item.row.name));
            match next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        assert_eq!(found, ["to-bob", "to-makers-too", "to-makers"], "{rows} a page");
    }
}
